/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fragments of IKE messages. The first byte of the input chooses: fragments by themselves, held
 * against a simple model of what must have come together; messages cut and joined; or an SA that
 * waits for message 2, 4 or 6 and gets fragments of it, whole or changed, others, and time.
 */
#include "ike/sa.h"
#include "tests/support/ike_world.h"

#include <stdlib.h>

#define STEPS_MAX 400
#define PIECE_MAX 1500

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* ---- the model ---- */

/* The cookies, so that many slices may be the first. */
static const uint8_t ones[2 * IKE_COOKIE_SIZE] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };

static struct {
	bool begun;
	bool complete;
	uint16_t id;
	unsigned last; /* 0: not known */
	size_t n[FRAGMENTS_MAX + 1];
	uint8_t bytes[FRAGMENTS_MAX + 1][PIECE_MAX];
} model;

static uint8_t joined[FRAGMENTS_MAX * PIECE_MAX];

static size_t model_join(void)
{
	size_t n = 0;

	for (unsigned i = 1; i <= FRAGMENTS_MAX; i++) {
		memcpy(joined + n, model.bytes[i], model.n[i]);
		n += model.n[i];
	}
	return n;
}

static bool model_has_all(void)
{
	for (unsigned i = 1; i <= model.last; i++)
		if (model.n[i] == 0)
			return false;
	return model.last > 0;
}

static void model_forget(void)
{
	memset(model.n, 0, sizeof(model.n));
	model.last = 0;
	model.complete = false;
}

static enum fragment_verdict model_take(uint16_t id, unsigned number, bool last, struct slice bytes)
{
	size_t all;

	if (model.begun && model.id == id &&
	    slice_eq(slice(model.bytes[number], model.n[number]), bytes) &&
	    last == (model.last == number))
		return model.complete && last ? FRAGMENT_COMPLETE : FRAGMENT_REPEATED;
	if (!model.begun || model.complete || model.id != id)
		model_forget();
	model.begun = true;
	model.id = id;
	memcpy(model.bytes[number], bytes.p, bytes.n);
	model.n[number] = bytes.n;
	if (last) {
		model.last = number;
		memset(model.n + number + 1, 0, (FRAGMENTS_MAX - number) * sizeof(model.n[0]));
	} else if (model.last <= number) {
		model.last = 0;
	}
	all = model_join();
	if (all > IKE_MESSAGE_MAX) {
		model.begun = false;
		return FRAGMENT_MALFORMED;
	}
	if (!model_has_all())
		return FRAGMENT_TAKEN;
	model.complete = true;
	if (all >= IKE_HEADER_SIZE && memcmp(joined, ones, sizeof(ones)) == 0 &&
	    joined[16] != PAYLOAD_FRAGMENT)
		return FRAGMENT_COMPLETE;
	model.begun = false;
	return FRAGMENT_MALFORMED;
}

static struct slice piece(struct rd *r, uint8_t buf[PIECE_MAX])
{
	size_t n = rd_u8(r);
	uint8_t fill = rd_u8(r);

	n = n < 200 ? n + 1 : (n - 199) * 25;
	memset(buf, fill % 4 ? fill : 1, n);
	return slice(buf, n);
}

static void against_model(struct rd *r)
{
	struct fragments *f = NULL;
	uint8_t buf[PIECE_MAX], datagram[PIECE_MAX + 64];
	vtime since = 0;

	model.begun = false;
	model_forget();
	for (unsigned i = 0; i < STEPS_MAX && rd_left(r); i++) {
		struct ike_header h = { .exchange = ISAKMP_MAIN };
		uint8_t what = rd_u8(r), number = rd_u8(r);
		struct slice bytes = piece(r, buf);
		struct ike_writer b;
		struct ike_msg m;

		if (number == 0)
			continue;
		memcpy(h.cookie_i, ones, IKE_COOKIE_SIZE);
		memcpy(h.cookie_r, ones, IKE_COOKIE_SIZE);
		ike_write_header(&b, datagram, sizeof(datagram), &h);
		ike_write_payload(&b, PAYLOAD_FRAGMENT);
		wr_u16(&b.w, what % 3);
		wr_u8(&b.w, number);
		wr_u8(&b.w, what >> 7);
		wr_slice(&b.w, bytes);
		require(ike_msg_parse(ike_write_done(&b), &m) == 0);
		require(fragment_take(&f, i, &m, &since) ==
			model_take(what % 3, number, what >> 7, bytes));
		if (model.begun)
			require(slice_eq(fragment_whole(f), slice(joined, model_join())));
	}
	fragment_free(&f);
}

/* ---- cutting and joining ---- */

static void cut_and_join(struct rd *r)
{
	static uint8_t message[IKE_MESSAGE_MAX];
	size_t n = IKE_HEADER_SIZE + rd_u16(r) % (IKE_MESSAGE_MAX - IKE_HEADER_SIZE + 1);
	size_t max = 37 + rd_u16(r) % (FRAGMENT_DATAGRAM_MAX - 36);
	uint8_t out[FRAGMENT_DATAGRAM_MAX];
	unsigned count = fragment_count(n, max);
	struct fragments *f = NULL;
	vtime since = 0;

	memset(message, 0, sizeof(message));
	rd_copy(r, message, rd_left(r) < n ? rd_left(r) : n);
	message[16] = PAYLOAD_KE;
	for (unsigned i = count; i > 0; i--) {
		struct slice d = fragment_write(slice(message, n), ISAKMP_MAIN, i, max, out);
		struct ike_msg m;

		require(d.n > 36 && d.n <= max && ike_msg_parse(d, &m) == 0 && fragment_is(&m.h));
		require(fragment_take(&f, 0, &m, &since) ==
			(i > 1 ? FRAGMENT_TAKEN : FRAGMENT_COMPLETE));
	}
	require(count == 0 || slice_eq(fragment_whole(f), slice(message, n)));
	fragment_free(&f);
}

/* ---- an SA ---- */

static struct world w;
static unsigned held_at;
static size_t held_n;
static uint8_t held[IKE_MESSAGE_MAX];

static bool hold(struct world *world, unsigned n, struct slice bytes)
{
	(void)world;
	if (n != held_at)
		return true;
	memcpy(held, bytes.p, bytes.n);
	held_n = bytes.n;
	return false;
}

static void step_fragment(struct rd *r, bool changed)
{
	uint8_t copy[IKE_MESSAGE_MAX], out[FRAGMENT_DATAGRAM_MAX];
	size_t max = 37 + rd_u16(r) % (FRAGMENT_DATAGRAM_MAX - 36), n = held_n;
	unsigned count, number = rd_u8(r);
	struct slice d;

	memcpy(copy, held, held_n);
	if (changed) {
		copy[rd_u16(r) % held_n] ^= rd_u8(r);
		n = IKE_HEADER_SIZE + rd_u16(r) % (held_n - IKE_HEADER_SIZE + 1);
	}
	count = fragment_count(n, max);
	if (count == 0)
		return;
	d = fragment_write(slice(copy, n), ISAKMP_MAIN, number % count + 1, max, out);
	if (changed)
		out[IKE_HEADER_SIZE + rd_u8(r) % 8] ^= rd_u8(r);
	world_inject(&w, d);
}

static void step_all(struct rd *r)
{
	size_t max = 37 + rd_u16(r) % (FRAGMENT_DATAGRAM_MAX - 36);
	uint8_t out[FRAGMENT_DATAGRAM_MAX];
	unsigned count = fragment_count(held_n, max);

	for (unsigned i = 1; i <= count; i++)
		world_inject(&w, fragment_write(slice(held, held_n), ISAKMP_MAIN, i, max, out));
}

static void step_time(struct rd *r)
{
	w.now += rd_u8(r) * 100 * VTIME_MS;
	ike_timeout(w.sa, w.now);
	world_pump(&w);
}

static void sa_gets_fragments(struct rd *r)
{
	held_at = rd_u8(r) % 3;
	held_n = 0;
	world_init(&w, 1);
	w.to_client = hold;
	world_up(&w);
	w.sa->peer_fragmentation = true;
	for (unsigned i = 0; i < 64 && held_n && rd_left(r); i++) {
		switch (rd_u8(r) % 4) {
		case 0:
			step_fragment(r, false);
			break;
		case 1:
			step_fragment(r, true);
			break;
		case 2:
			step_all(r);
			break;
		case 3:
			step_time(r);
			break;
		}
	}
	require(w.ndead <= 1 && w.nestablished <= 1);
	w.now += FRAGMENT_LIFE;
	ike_timeout(w.sa, w.now);
	world_pump(&w);
	require(!w.sa->fragments);
	world_free(&w);
	require(secret_pool_used() == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r;

	require(crypto_init() == 0);
	rd_init(&r, slice(data, size));
	switch (rd_u8(&r) % 3) {
	case 0:
		against_model(&r);
		break;
	case 1:
		cut_and_join(&r);
		break;
	case 2:
		sa_gets_fragments(&r);
		break;
	}
	return 0;
}
