/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The answering half in each of its stages. The first byte of the input chooses the stage; then
 * follow steps: the message that is due with bytes changed, raw datagrams for this SA or for none,
 * chains sealed with the SA's own keys, time, and the session's events and answers.
 */
#include "tests/support/ike_pair.h"

#include <stdlib.h>

#define STEPS_MAX 64

enum stage {
	AWAIT_1, /* nothing has come yet */
	AWAIT_3,
	AWAIT_5,
	UP,
	OFFERED, /* the session has not answered */
	AWAIT_QUICK_3,
	CHILD_UP,
	STAGES
};

static struct pair pair;
static struct pair *const p = &pair;
static enum stage stage;
static bool held;
static struct pair_datagram last; /* the message that is due */

static bool hold(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	static const unsigned due[STAGES] = { 0, 1, 2, 99, 99, 4, 99 };

	(void)pp;
	if (held)
		return d->source == 0;
	if (d->source != 0 || n != due[stage])
		return true;
	last = *d;
	held = true;
	return false;
}

static struct ike_sa *sa(void)
{
	return pair_sa(p, 1);
}

static void inject(const uint8_t *bytes, size_t n)
{
	struct pair_datagram d = { .from = p->end[0].address, .to = p->end[1].address, .n = n };

	if (stage >= AWAIT_5)
		d.from.port = d.to.port = IKE_NATT_PORT;
	memcpy(d.bytes, bytes, n);
	if (p->end[1].nsa < PAIR_SAS)
		pair_inject(p, &d);
}

static void step_changed(struct rd *r)
{
	unsigned changes = rd_u8(r) % 16;
	uint8_t copy[IKE_MESSAGE_MAX];

	if (!last.n)
		return;
	memcpy(copy, last.bytes, last.n);
	for (unsigned k = 0; k < changes; k++) {
		size_t at = rd_u16(r) % last.n;

		copy[at] ^= rd_u8(r);
	}
	inject(copy, last.n);
}

static void step_raw(struct rd *r)
{
	uint8_t copy[IKE_MESSAGE_MAX] = { 0 };
	size_t n = rd_u16(r) % IKE_MESSAGE_MAX;
	bool ours = rd_u8(r) & 1;

	n = n < rd_left(r) ? n : rd_left(r);
	rd_copy(r, copy, n);
	if (n >= IKE_HEADER_SIZE && ours && sa()) {
		memcpy(copy, sa()->cookie_i, IKE_COOKIE_SIZE);
		memcpy(copy + IKE_COOKIE_SIZE, sa()->cookie_r, IKE_COOKIE_SIZE);
	}
	if (n >= IKE_HEADER_SIZE)
		put_be32(copy + 24, (uint32_t)n);
	inject(copy, n);
}

/* An authentic message with any payloads: main mode's message 5, quick mode's 1 and 3, others. */
static void step_sealed(struct rd *r)
{
	static const uint8_t exchanges[] = { ISAKMP_INFORMATIONAL, ISAKMP_QUICK, ISAKMP_MAIN };
	uint8_t exchange = exchanges[rd_u8(r) % sizeof(exchanges)];
	uint8_t buf[IKE_MESSAGE_MAX], iv[PROTECT_BLOCK], next = rd_u8(r);
	size_t n = rd_u16(r) % 2048;
	struct protect_hash hash = { .number = 1 };
	struct quick_mode *q;
	struct ike_writer b;
	struct ike_header h;
	uint32_t id = rd_u32(r);

	if (!sa() || !sa()->keys.key.n)
		return;
	q = v1_quick_find(sa(), id);
	if (exchange == ISAKMP_MAIN)
		id = 0;
	if (exchange == ISAKMP_MAIN || sa()->state == IKE_STATE_PHASE1) {
		memcpy(iv, sa()->main.x.iv, sizeof(iv));
	} else if (exchange == ISAKMP_QUICK && q) {
		hash = (struct protect_hash){ 3, q->x.ni, q->x.nr };
		memcpy(iv, q->x.iv, sizeof(iv));
	} else {
		protect_iv_phase2(&sa()->keys, sa()->last_block, id, iv);
	}
	h = sa_header(sa(), exchange, id);
	if (exchange == ISAKMP_MAIN) {
		ike_write_header(&b, buf, sizeof(buf), &h);
		b.w.base[16] = next;
		wr_slice(&b.w, rd_slice(r, n < rd_left(r) ? n : rd_left(r)));
		n = protect_seal(&sa()->keys, iv, &b).n;
	} else {
		protect_begin(&b, buf, sizeof(buf), &h, sa()->suite.hash);
		b.w.base[IKE_HEADER_SIZE] = next;
		wr_slice(&b.w, rd_slice(r, n < rd_left(r) ? n : rd_left(r)));
		/* The last payload is whatever the input says, not ours to close. */
		put_be16(b.w.base + IKE_HEADER_SIZE + 2,
			 (uint16_t)(4 + hash_size(sa()->suite.hash)));
		b.open = 0;
		n = protect_finish(&b, &sa()->keys, &hash, id, iv).n;
	}
	inject(buf, n);
}

static void step_time(struct rd *r)
{
	vtime at = sa() ? ike_deadline(sa()) : VTIME_NEVER;

	if (at != VTIME_NEVER)
		pair_run(p, (at > p->now ? at : p->now) + rd_u8(r) * VTIME_MS);
}

/* IPADDRESS_UPDATE's: notifications, and a path that moves. */
static void step_moving(struct rd *r, uint8_t what)
{
	struct ike_event ev = { .type = IKE_EVENT_MOVE };
	static uint8_t data[IKE_NOTIFY_MAX + 1];

	if (what & 8) {
		ev.path = sa()->path;
		ev.path.remote.port = rd_u16(r);
	} else if (what & 16) {
		ev.type = IKE_EVENT_NOTIFY_END;
		ev.notify_id = rd_u8(r);
	} else {
		ev.type = IKE_EVENT_NOTIFY;
		ev.notify.id = rd_u8(r);
		ev.notify.type = rd_u16(r);
		ev.notify.data = slice(data, rd_u16(r) % (sizeof(data) + 1));
		ev.notify.from = sa()->path.local;
		ev.notify.to = sa()->path.remote;
		ev.notify.natd = what & 1;
		ev.notify.repeat = what & 2;
	}
	pair_event(p, 1, &ev);
	pair_pump(p);
}

static void step_event(struct rd *r)
{
	struct ike_event ev = { .type = IKE_EVENT_CHILD_DELETE };
	uint8_t what = rd_u8(r);

	if (!sa() || p->end[1].nup + 8 > PAIR_CHILDREN || p->end[0].nup + 8 > PAIR_CHILDREN)
		return;
	if (what & 128) {
		step_moving(r, what);
		return;
	}
	p->end[1].child.pfs = what & 64 ? DH_ECP_256 : DH_NONE;
	p->end[1].refusal = rd_u16(r);
	switch (what % 8) {
	case 0:
	case 1:
		pair_answer(p, 1, PAIR_ACCEPT);
		break;
	case 2:
		pair_answer(p, 1, PAIR_REFUSE);
		break;
	case 3:
		pair_child(p, 1);
		break;
	case 4:
		ev.type = IKE_EVENT_PROBE;
		pair_event(p, 1, &ev);
		break;
	case 5:
		ev.spi = 0x2000u + rd_u8(r) % 8;
		pair_event(p, 1, &ev);
		break;
	case 6:
		pair_child(p, 0);
		break;
	case 7:
		ev.type = IKE_EVENT_CLOSE;
		pair_event(p, 1, &ev);
		break;
	}
	pair_pump(p);
}

static void step(struct rd *r)
{
	switch (rd_u8(r) % 6) {
	case 0:
		step_changed(r);
		break;
	case 1:
		step_raw(r);
		break;
	case 2:
		step_sealed(r);
		break;
	case 3:
		if (last.n)
			inject(last.bytes, last.n);
		break;
	case 4:
		step_time(r);
		break;
	case 5:
		step_event(r);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r;

	if (crypto_init() != 0)
		abort();
	rd_init(&r, slice(data, size));
	stage = (enum stage)(rd_u8(&r) % STAGES);
	held = false;
	last.n = 0;
	pair_init(p, 1);
	p->passes = hold;
	p->end[0].config.address_update = p->end[1].config.address_update = true;
	p->end[1].answer = stage == OFFERED ? PAIR_WAIT : PAIR_ACCEPT;
	pair_start(p, 0, IKE_EVENT_START);
	pair_pump(p);
	if (stage >= OFFERED)
		pair_child(p, 0);
	for (unsigned k = 0; k < STEPS_MAX && rd_left(&r); k++)
		step(&r);
	for (unsigned k = 0; k < p->end[1].nsa; k++)
		if (p->end[1].sa[k]->state == IKE_STATE_DEAD &&
		    ike_sa_cipher_key(p->end[1].sa[k]).n)
			abort();
	if (p->end[1].ndead > p->end[1].nsa || p->end[1].nestablished > p->end[1].nsa)
		abort();
	pair_free(p);
	if (secret_pool_used() != 0)
		abort();
	return 0;
}
