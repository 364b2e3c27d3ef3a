/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/attacker.h"

#include "ike/codec.h"

#define GARBAGE_EVERY (40 * VTIME_MS)
#define GARBAGE_MAX 400
#define ALTERED_MAX 2048
#define LAG_MAX (60 * VTIME_MS)

static struct rng *dice(struct world *w)
{
	return &w->rng[STREAM_ATTACKER];
}

static void alter_bytes(struct rng *rng, uint8_t *bytes, size_t n)
{
	for (unsigned flips = 1 + (unsigned)rng_below(rng, 4); flips > 0; flips--)
		bytes[rng_below(rng, n)] ^= (uint8_t)(1 + rng_below(rng, 255));
}

/* Cuts the copy short, lengthens it, or sets one 16-bit field to an extreme. */
static size_t alter_shape(struct rng *rng, uint8_t *bytes, size_t n)
{
	switch (rng_below(rng, 3)) {
	case 0:
		return rng_below(rng, n);
	case 1:
		rng_fill(rng, bytes + n, 16);
		return n + 1 + rng_below(rng, 16);
	default:
		if (n >= 2)
			put_be16(bytes + rng_below(rng, n - 1), rng_below(rng, 2) ? UINT16_MAX : 0);
		return n;
	}
}

static bool is_floated(const struct datagram *d)
{
	return d->to.port != IKE_PORT && d->from.port != IKE_PORT;
}

/* The gateway of these tests gives up on a client whose message 5 is wrong, so its own come later. */
static bool may_overtake(enum side from, const struct datagram *d)
{
	static const uint8_t marker[4];
	struct ike_msg m;

	if (!is_floated(d) || d->n < sizeof(marker))
		return false;
	if (memcmp(d->bytes, marker, sizeof(marker)) != 0)
		return true;
	return from == SIDE_GATEWAY && ike_msg_parse(slice(d->bytes + 4, d->n - 4), &m) == 0 &&
	       m.h.flags & ISAKMP_ENCRYPTED;
}

static void send_altered(struct world *w, enum side from, const struct datagram *d, vtime arrives)
{
	enum side to = from == SIDE_CLIENT ? SIDE_GATEWAY : SIDE_CLIENT;
	uint8_t copy[ALTERED_MAX + 16];
	struct rng *rng = dice(w);
	size_t n = d->n;

	if (n == 0 || n > ALTERED_MAX)
		return;
	memcpy(copy, d->bytes, n);
	if (rng_below(rng, 3) == 0)
		n = alter_shape(rng, copy, n);
	else
		alter_bytes(rng, copy, n);
	if (slice_eq(slice(copy, n), slice(d->bytes, d->n)))
		return;
	w->altered++;
	if (may_overtake(from, d) && rng_below(rng, 2))
		arrives = w->now;
	world_put(w, to, &d->from, &d->to, slice(copy, n), arrives + 1 + rng_below(rng, LAG_MAX));
}

/* A Delete of everything, or an error notify, in clear but with the cookies of the real SA. */
static void send_forged(struct world *w, enum side from, const struct datagram *d, vtime arrives)
{
	enum side to = from == SIDE_CLIENT ? SIDE_GATEWAY : SIDE_CLIENT;
	size_t marker = is_floated(d) ? 4 : 0;
	uint8_t buf[4 + 200] = { 0 };
	struct ike_writer b;
	struct ike_msg m;

	if (d->n < marker || ike_msg_parse(slice(d->bytes + marker, d->n - marker), &m) != 0)
		return;
	m.h.exchange = ISAKMP_INFORMATIONAL;
	m.h.flags = 0;
	m.h.id = rng_u32(dice(w)) | 1;
	ike_write_header(&b, buf + marker, sizeof(buf) - marker, &m.h);
	if (rng_below(dice(w), 2))
		delete_write(&b, PROTOCOL_ISAKMP, slice(d->bytes + marker, 2 * IKE_COOKIE_SIZE));
	else
		notify_write(&b, &(struct notify_payload){ .protocol = PROTOCOL_ISAKMP,
							   .type = NOTIFY_NO_PROPOSAL_CHOSEN });
	world_put(w, to, &d->from, &d->to, slice(buf, marker + ike_write_done(&b).n),
		  arrives + 1 + rng_below(dice(w), LAG_MAX));
}

static void eavesdrop(struct world *w, enum side from, const struct datagram *d, vtime arrives)
{
	if (rng_below(dice(w), 4) > 0)
		send_altered(w, from, d, arrives);
	if (rng_below(dice(w), 4) == 0)
		send_altered(w, from, d, arrives);
	if (rng_below(dice(w), 2) == 0)
		send_forged(w, from, d, arrives);
}

static void send_garbage(struct world *w, unsigned unused)
{
	const struct settings *s = &w->settings;
	struct rng *rng = dice(w);
	enum side to = rng_below(rng, 2) ? SIDE_CLIENT : SIDE_GATEWAY;
	uint16_t port = rng_below(rng, 2) ? IKE_PORT : IKE_NATT_PORT;
	struct endpoint from = { to == SIDE_CLIENT ? s->gateway : s->client, port };
	struct endpoint at = { to == SIDE_CLIENT ? s->client : s->gateway, port };
	uint8_t bytes[GARBAGE_MAX];
	size_t n = rng_below(rng, GARBAGE_MAX + 1);

	(void)unused;
	rng_fill(rng, bytes, sizeof(bytes));
	/* Now and then what begins as an IKE message: marker and version are right. */
	if (n > 24 && rng_below(rng, 2)) {
		memset(bytes, 0, 4);
		bytes[4 + 17] = 0x10;
	}
	if (rng_below(rng, 2))
		from.addr = s->dead;
	world_put(w, to, &from, &at, slice(bytes, n), w->now + 1);
	world_at(w, w->now + GARBAGE_EVERY, send_garbage, 0);
}

void attacker_begin(struct world *w)
{
	w->eavesdrop = eavesdrop;
	world_at(w, 0, send_garbage, 0);
}
