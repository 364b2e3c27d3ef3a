/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The gateway's proof, in each way of proving oneself. The first byte of the input chooses the way;
 * then follow messages in the proof's place: payload chains sealed with the keys, which anybody on
 * the way has where the proof is a signature; the proof with payloads changed or exchanged; and
 * time. Whoever is believed in the end is the gateway.
 */
#include "tests/support/ike_auth.h"

#include <stdlib.h>

#define STEPS_MAX 16
#define WAYS 12

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pair pair;
static struct pair *const p = &pair;
static struct pair_end *const u = &pair.end[0];

/* The true one, as it came, and opened. */
static struct pair_datagram proof;
static struct ike_msg chain;
static uint8_t opened[IKE_MESSAGE_MAX], proof_iv[PROTECT_BLOCK];
static bool held;

static void require(bool holds)
{
	if (!holds)
		abort();
}

static bool is_main(void)
{
	return u->config.mode == IKE_MODE_MAIN;
}

static bool hold(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	int err;

	if (d->source != 1 || n != (is_main() ? 2 : 0))
		return true;
	proof = *d;
	err = is_main() ? auth_open(pp, &proof, proof_iv, opened, &chain) :
			  ike_msg_parse(slice(proof.bytes, proof.n), &chain);
	require(err == 0);
	held = true;
	return false;
}

/* Nothing of the user's arrives. */
static bool deaf(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	(void)pp;
	(void)n;
	return d->source == 1;
}

static struct slice take(struct rd *r)
{
	size_t n = rd_u16(r) % 4096;

	return rd_slice(r, n < rd_left(r) ? n : rd_left(r));
}

static void message_begin(struct ike_writer *b, struct pair_datagram *d)
{
	struct ike_header h = chain.h;

	*d = proof;
	h.flags = 0;
	ike_write_header(b, d->bytes, sizeof(d->bytes), &h);
}

/* What has been believed shows the true identity, and the proof that was made for it. */
static void check_believed(const struct pair_datagram *clear)
{
	static const enum payload_type same[] = { PAYLOAD_ID, PAYLOAD_HASH, PAYLOAD_SIG };
	struct ike_msg m = { .h.next = clear->bytes[16] };

	require(ike_msg_parse_chain(&m, slice(clear->bytes + IKE_HEADER_SIZE,
					      clear->n - IKE_HEADER_SIZE)) == 0);
	for (unsigned k = 0; k < ARRAY_SIZE(same); k++)
		if (same[k] != PAYLOAD_HASH || u->config.auth == IKE_AUTH_PSK)
			require(slice_eq(ike_msg_body(&m, same[k]), ike_msg_body(&chain, same[k])));
}

static void message_end(struct ike_writer *b, struct pair_datagram *d)
{
	unsigned before = u->nauthenticated;
	uint8_t iv[PROTECT_BLOCK];
	struct pair_datagram clear;

	d->n = ike_write_done(b).n;
	clear = *d;
	memcpy(iv, proof_iv, sizeof(iv));
	if (is_main())
		d->n = protect_seal(&pair_sa(p, 1)->keys, iv, b).n;
	if (d->n)
		pair_inject(p, d);
	if (u->nauthenticated != before)
		check_believed(&clear);
}

/* Any payloads. */
static void step_chain(struct rd *r)
{
	struct pair_datagram d;
	struct ike_writer b;

	message_begin(&b, &d);
	d.bytes[16] = rd_u8(r);
	wr_slice(&b.w, take(r));
	message_end(&b, &d);
}

/* The proof with another payload in the place of one of its own, or with one more. */
static void step_exchanged(struct rd *r)
{
	static const uint8_t types[] = { PAYLOAD_ID,	 PAYLOAD_CERT,	 PAYLOAD_SIG,
					 PAYLOAD_HASH,	 PAYLOAD_NOTIFY, PAYLOAD_CERT_REQUEST,
					 PAYLOAD_DELETE, PAYLOAD_SA,	 PAYLOAD_KE,
					 PAYLOAD_NONCE,	 PAYLOAD_VID };
	unsigned at = rd_u8(r) % (chain.n + 1);
	uint8_t how = rd_u8(r);
	struct pair_datagram d;
	struct ike_writer b;

	message_begin(&b, &d);
	for (unsigned k = 0; k <= chain.n; k++) {
		if (k == at)
			ike_write_body(&b, (enum payload_type)types[how % sizeof(types)], take(r));
		if (k < chain.n && (k != at || how & 0x80))
			ike_write_body(&b, (enum payload_type)chain.payload[k].type,
				       chain.payload[k].body);
	}
	message_end(&b, &d);
}

/* The proof with bytes changed, cut or added in one payload. */
static void step_changed(struct rd *r)
{
	unsigned at = rd_u8(r) % chain.n, changes = rd_u8(r) % 8;
	struct pair_datagram d;
	struct ike_writer b;

	message_begin(&b, &d);
	for (unsigned k = 0; k < chain.n; k++) {
		struct slice body = chain.payload[k].body;

		if (k == at && changes == 0)
			body.n = body.n ? rd_u16(r) % body.n : 0;
		ike_write_body(&b, (enum payload_type)chain.payload[k].type, body);
		for (unsigned i = 0; k == at && body.n && i < changes; i++) {
			uint8_t *byte = b.w.p - body.n + rd_u16(r) % body.n;

			*byte ^= rd_u8(r);
		}
		if (k == at && changes == 7)
			wr_u8(&b.w, rd_u8(r));
	}
	message_end(&b, &d);
}

static void step_time(struct rd *r)
{
	vtime at = ike_deadline(u->sa[0]);

	if (at != VTIME_NEVER)
		pair_run(p, (at > p->now ? at : p->now) + rd_u8(r) * VTIME_MS);
}

static void step(struct rd *r)
{
	switch (rd_u8(r) % 5) {
	case 0:
		step_chain(r);
		break;
	case 1:
		step_exchanged(r);
		break;
	case 2:
		step_changed(r);
		break;
	case 3:
		step_time(r);
		break;
	case 4:
		pair_inject(p, &proof);
		break;
	}
}

static void check(void)
{
	require(u->nauthenticated <= 1 && u->ndead <= 1);
	if (u->nauthenticated)
		require(u->ndead || identity_eq(&u->sa[0]->peer, &p->end[1].config.local));
	require(u->nasked == 0 && u->nconfigs == 0 && u->noffers == 0);
	require(u->sa[0]->state != IKE_STATE_DEAD || !ike_sa_cipher_key(u->sa[0]).n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r;
	unsigned way;

	require(crypto_init() == 0);
	rd_init(&r, slice(data, size));
	way = rd_u8(&r) % WAYS;
	auth_init(p, 1,
		  (struct auth_way){ (enum ike_mode)(way % 2), (enum ike_auth)(way / 2 % 3),
				     way / 6 });
	held = false;
	p->passes = hold;
	pair_start(p, 0, IKE_EVENT_START);
	pair_pump(p);
	require(held && u->sa[0]->state == IKE_STATE_PHASE1);
	p->passes = deaf;
	for (unsigned k = 0; k < STEPS_MAX && rd_left(&r); k++)
		step(&r);
	check();
	auth_free(p);
	require(secret_pool_used() == 0);
	return 0;
}
