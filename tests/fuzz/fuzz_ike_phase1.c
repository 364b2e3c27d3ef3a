/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Phase 1 in both modes, with every kind of proof, against either end. The first byte of the input
 * chooses the way, the second whose message is held back, and which; then follow steps: that
 * message with bytes or payloads changed (opened, where it is encrypted, and sealed again), payloads
 * of any kind under the keys, raw datagrams, the message itself, and time.
 */
#include "tests/support/certs.h"
#include "tests/support/ike_auth.h"

#include <stdlib.h>

#define STEPS_MAX 32

static struct pair pair;
static struct pair *const p = &pair;
static struct credentials *credentials[3]; /* the user's, the gateway's, one without a key */
static unsigned source, due;
static bool held;
static struct pair_datagram message;
static size_t chain_n; /* of the message, opened; 0: there is no way to open it */
static uint8_t chain[IKE_MESSAGE_MAX];
static uint8_t iv[PROTECT_BLOCK];

static bool hold(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	static uint8_t buf[IKE_MESSAGE_MAX];
	struct ike_msg m;

	if (held)
		return false;
	if (d->source != source || n != due)
		return true;
	held = true;
	message = *d;
	chain_n = 0;
	if (!(d->bytes[19] & ISAKMP_ENCRYPTED)) {
		chain_n = d->n - IKE_HEADER_SIZE;
		memcpy(chain, d->bytes + IKE_HEADER_SIZE, chain_n);
	} else if (d->bytes[18] != ISAKMP_TRANSACTION && pp->nsent > 1 &&
		   auth_open(pp, d, iv, buf, &m) == 0) {
		chain_n = m.body.n;
		memcpy(chain, m.body.p, chain_n);
	}
	return false;
}

static void inject(struct pair_datagram *d)
{
	if (p->end[1 - source].nsa < PAIR_SAS)
		pair_inject(p, d);
}

static void step_changed(struct rd *r)
{
	struct pair_datagram d = message;
	unsigned changes = rd_u8(r) % 16;

	for (unsigned k = 0; k < changes; k++) {
		size_t at = rd_u16(r) % d.n;

		d.bytes[at] ^= rd_u8(r);
	}
	inject(&d);
}

/* The header of the message that is due, `first` and this body behind it, encrypted as that one. */
static void inject_chain(uint8_t first, struct slice body)
{
	struct ike_sa *sa = pair_sa(p, source);
	struct pair_datagram d = message;
	uint8_t block[PROTECT_BLOCK];
	bool sealed = message.bytes[19] & ISAKMP_ENCRYPTED;
	struct ike_writer b;
	struct ike_msg m;

	if (ike_msg_parse(slice(message.bytes, message.n), &m) != 0 || (sealed && !chain_n) ||
	    (sealed && !sa->keys.key.n))
		return;
	m.h.flags = 0;
	ike_write_header(&b, d.bytes, sizeof(d.bytes), &m.h);
	b.w.base[16] = first;
	wr_slice(&b.w, body);
	memcpy(block, iv, sizeof(block));
	d.n = sealed ? protect_seal(&sa->keys, block, &b).n : ike_write_done(&b).n;
	if (d.n)
		inject(&d);
}

static void step_chain_changed(struct rd *r)
{
	static uint8_t copy[IKE_MESSAGE_MAX];
	unsigned changes = rd_u8(r) % 16;
	size_t n = chain_n;

	if (!n)
		return;
	memcpy(copy, chain, n);
	for (unsigned k = 0; k < changes; k++) {
		size_t at = rd_u16(r) % n;

		copy[at] ^= rd_u8(r);
	}
	/* In some of them the end is missing. */
	if (rd_u8(r) & 1)
		n -= rd_u16(r) % n;
	inject_chain(message.bytes[16], slice(copy, n));
}

/* One payload, the at-th, has another body. */
static void step_payload(struct rd *r)
{
	unsigned at = rd_u8(r) % IKE_PAYLOADS_MAX;
	size_t n = rd_u16(r) % 2048;
	struct slice body = rd_slice(r, n < rd_left(r) ? n : rd_left(r));
	static uint8_t buf[2 * IKE_MESSAGE_MAX];
	struct ike_msg m = { .n = 0 };
	struct ike_writer b;
	struct slice done;

	if (!chain_n)
		return;
	m.h.next = message.bytes[16];
	if (message.bytes[19] & ISAKMP_ENCRYPTED) {
		const struct ike_sa *sa = pair_sa(p, source);
		uint8_t next[PROTECT_BLOCK];
		static uint8_t opened[IKE_MESSAGE_MAX];
		struct ike_msg in;

		if (ike_msg_parse(slice(message.bytes, message.n), &in) != 0 || !sa->keys.key.n ||
		    protect_open(&sa->keys, iv, &in, opened, &m, next) != 0)
			return;
	} else if (ike_msg_parse(slice(message.bytes, message.n), &m) != 0) {
		return;
	}
	ike_write_header(&b, buf, sizeof(buf), &m.h);
	for (unsigned k = 0; k < m.n; k++)
		ike_write_body(&b, m.payload[k].type, k == at % m.n ? body : m.payload[k].body);
	done = ike_write_done(&b);
	if (done.n)
		inject_chain(buf[16], slice(buf + IKE_HEADER_SIZE, done.n - IKE_HEADER_SIZE));
}

static void step_raw(struct rd *r)
{
	struct pair_datagram d = message;
	size_t n = rd_u16(r) % IKE_MESSAGE_MAX;

	n = n < rd_left(r) ? n : rd_left(r);
	memset(d.bytes, 0, sizeof(d.bytes));
	rd_copy(r, d.bytes, n);
	d.n = n;
	if (n >= IKE_HEADER_SIZE) {
		memcpy(d.bytes, message.bytes, 2 * IKE_COOKIE_SIZE);
		put_be32(d.bytes + 24, (uint32_t)n);
	}
	inject(&d);
}

static void step(struct rd *r)
{
	struct pair_datagram d = message;

	switch (rd_u8(r) % 6) {
	case 0:
		step_changed(r);
		break;
	case 1:
		step_chain_changed(r);
		break;
	case 2:
		step_payload(r);
		break;
	case 3:
		step_raw(r);
		break;
	case 4:
		inject(&d);
		break;
	case 5:
		pair_run(p, p->now + rd_u8(r) * 16 * VTIME_MS);
		break;
	}
}

static void begin(uint8_t way, uint8_t what)
{
	const struct auth_way w = { (enum ike_mode)(way & 1), (enum ike_auth)(way / 2 % 3),
				    way & 8 };

	pair_init(p, 1);
	auth_configure(p, w);
	p->end[0].config.credentials = credentials[w.auth == IKE_AUTH_HYBRID ? 2 : 0];
	p->end[1].config.credentials = credentials[1];
	/* Who begins, and who is attacked. */
	source = what & 1;
	due = what / 4 % 3;
	held = false;
	message.n = 0;
	p->passes = hold;
	pair_start(p, what >> 1 & 1, IKE_EVENT_START);
	pair_pump(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r;
	uint8_t way;
	size_t pool;

	if (!credentials[0]) {
		if (crypto_init() != 0)
			abort();
		credentials[0] = certs_load("root.pem", "direct.pem", "leaf.key");
		credentials[1] = certs_load("root.pem", "chain.pem", "leaf.key");
		credentials[2] = certs_load("root.pem", NULL, NULL);
	}
	pool = secret_pool_used();
	rd_init(&r, slice(data, size));
	way = rd_u8(&r);
	begin(way, rd_u8(&r));
	for (unsigned k = 0; k < STEPS_MAX && rd_left(&r) && message.n; k++)
		step(&r);
	for (unsigned k = 0; k < 2; k++)
		if (p->end[k].ndead > p->end[k].nsa || p->end[k].nestablished > p->end[k].nsa)
			abort();
	pair_free(p);
	if (secret_pool_used() != pool)
		abort();
	return 0;
}
