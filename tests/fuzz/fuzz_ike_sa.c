/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The SA in each of its stages. The first byte of the input chooses the stage; then follow steps:
 * the answer that is due with bytes changed, raw datagrams for this SA, chains sealed with the
 * SA's own keys (so that what comes after authentication is reached, too), time, and the
 * session's events.
 */
#include "ike/sa.h"
#include "tests/support/ike_world.h"

#include <stdlib.h>

#define STEPS_MAX 64

enum stage {
	AFTER_1, /* message 2 is held back */
	AFTER_3,
	AFTER_5,
	UP,
	CHILD_ASKED, /* message 2 of quick mode is held back */
	CHILD_UP,
	STAGES
};

static struct world w;
static enum stage stage;
static size_t held_n;
static uint8_t held[IKE_MESSAGE_MAX];

static bool hold(struct world *world, unsigned n, struct slice bytes)
{
	unsigned which = stage == CHILD_ASKED ? 3 : (unsigned)stage;

	(void)world;
	if (stage == UP || stage == CHILD_UP || n != which)
		return true;
	memcpy(held, bytes.p, bytes.n);
	held_n = bytes.n;
	return false;
}

static void step_changed(struct rd *r)
{
	uint8_t copy[IKE_MESSAGE_MAX];
	unsigned changes = rd_u8(r) % 16;

	if (!held_n)
		return;
	memcpy(copy, held, held_n);
	for (unsigned i = 0; i < changes; i++) {
		size_t at = rd_u16(r) % held_n;

		copy[at] ^= rd_u8(r);
	}
	world_inject(&w, slice(copy, held_n));
}

static void step_raw(struct rd *r)
{
	uint8_t copy[IKE_MESSAGE_MAX] = { 0 };
	size_t n = rd_u16(r) % IKE_MESSAGE_MAX;

	n = n < rd_left(r) ? n : rd_left(r);
	rd_copy(r, copy, n);
	if (n >= IKE_HEADER_SIZE) {
		memcpy(copy, w.sa->cookie_i, IKE_COOKIE_SIZE);
		if (w.sa->cookie_r_known)
			memcpy(copy + IKE_COOKIE_SIZE, w.sa->cookie_r, IKE_COOKIE_SIZE);
		put_be32(copy + 24, (uint32_t)n);
	}
	world_inject(&w, slice(copy, n));
}

/* An authentic message with any payloads. */
static void step_sealed(struct rd *r)
{
	static const uint8_t exchanges[] = { ISAKMP_INFORMATIONAL, ISAKMP_QUICK, ISAKMP_MAIN };
	uint8_t exchange = exchanges[rd_u8(r) % sizeof(exchanges)];
	uint8_t buf[IKE_MESSAGE_MAX], iv[PROTECT_BLOCK], next = rd_u8(r);
	size_t n = rd_u16(r) % 2048;
	struct protect_hash hash = { .number = 1 };
	struct quick_mode *q = &w.sa->quick[0];
	struct ike_writer b;
	struct ike_header h;
	uint32_t id;

	if (!w.sa->keys.key.n)
		return;
	id = exchange == ISAKMP_MAIN ? 0 : rd_u32(r);
	if (exchange == ISAKMP_QUICK && q->x.type) {
		id = q->x.id;
		hash = (struct protect_hash){ 2, q->x.ni, SLICE_NONE };
		memcpy(iv, q->x.iv, sizeof(iv));
	} else if (exchange == ISAKMP_MAIN || w.sa->state == IKE_STATE_PHASE1) {
		memcpy(iv, w.sa->main.x.iv, sizeof(iv));
	} else {
		protect_iv_phase2(&w.sa->keys, w.sa->last_block, id, iv);
	}
	if (exchange == ISAKMP_INFORMATIONAL && w.sa->state == IKE_STATE_PHASE1)
		protect_iv_phase2(&w.sa->keys, w.sa->main.x.iv, id, iv);
	h = sa_header(w.sa, exchange, id);
	protect_begin(&b, buf, sizeof(buf), &h, w.sa->suite.hash);
	b.w.base[IKE_HEADER_SIZE] = next;
	wr_slice(&b.w, rd_slice(r, n < rd_left(r) ? n : rd_left(r)));
	/* The last payload is whatever the input says, not ours to close. */
	put_be16(b.w.base + IKE_HEADER_SIZE + 2, (uint16_t)(4 + hash_size(w.sa->suite.hash)));
	b.open = 0;
	world_inject(&w, protect_finish(&b, &w.sa->keys, &hash, id, iv));
}

static void step_time(struct rd *r)
{
	vtime at = ike_deadline(w.sa);

	if (at == VTIME_NEVER)
		return;
	w.now = (at > w.now ? at : w.now) + rd_u8(r) * VTIME_MS;
	ike_timeout(w.sa, w.now);
	world_pump(&w);
}

static void step_event(struct rd *r)
{
	struct ike_event ev = { .type = IKE_EVENT_CHILD_DELETE };
	uint8_t what = rd_u8(r);

	if (what % 8 == 0) {
		world_event(&w, IKE_EVENT_CLOSE);
	} else if (what % 2) {
		world_child(&w, what, 0x1000u + what);
	} else {
		ev.spi = 0x1000u + rd_u8(r);
		ike_event(w.sa, w.now, &ev);
		world_pump(&w);
	}
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
		if (held_n)
			world_inject(&w, slice(held, held_n));
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
	held_n = 0;
	world_init(&w, 1);
	w.to_client = hold;
	world_up(&w);
	if (stage >= CHILD_ASKED)
		world_child(&w, 1, 0x1001);
	for (unsigned i = 0; i < STEPS_MAX && rd_left(&r); i++)
		step(&r);
	if (w.ndead > 1 || w.nestablished > 1)
		abort();
	world_free(&w);
	if (secret_pool_used() != 0)
		abort();
	return 0;
}
