/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages cut into fragments and put together again, in every order and with every fault. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/rng.h"
#include "crypto/crypto.h"
#include "ike/fragment.h"

static const struct ike_header outer = {
	.cookie_i = { 1, 2, 3, 4, 5, 6, 7, 8 },
	.cookie_r = { 9, 8, 7, 6, 5, 4, 3, 2 },
	.exchange = ISAKMP_MAIN,
};

static uint8_t message[IKE_MESSAGE_MAX + 1];

/* A message of n bytes with these cookies, and of no other content than `seed` makes. */
static struct slice make(size_t n, uint64_t seed)
{
	struct rng_seed state;
	struct rng rng = rng_seeded(&state, seed);

	rng_fill(&rng, message, sizeof(message));
	memcpy(message, outer.cookie_i, IKE_COOKIE_SIZE);
	memcpy(message + IKE_COOKIE_SIZE, outer.cookie_r, IKE_COOKIE_SIZE);
	message[2 * IKE_COOKIE_SIZE] = PAYLOAD_ID;
	return slice(message, n);
}

/* ---- one fragment by hand ---- */

static uint8_t datagram[IKE_MESSAGE_MAX];

static struct ike_msg msg(const struct ike_header *h, struct slice body)
{
	struct ike_writer b;
	struct ike_msg m;

	ike_write_header(&b, datagram, sizeof(datagram), h);
	wr_slice(&b.w, body);
	datagram[2 * IKE_COOKIE_SIZE] = PAYLOAD_FRAGMENT;
	assert_int_equal(ike_msg_parse(ike_write_done(&b), &m), 0);
	assert_true(fragment_is(&m.h));
	return m;
}

/* Bytes [from, to) of `message` as fragment `number`. */
static enum fragment_verdict take(struct fragments **f, uint16_t id, unsigned number, bool last,
				  size_t from, size_t to)
{
	uint8_t body[IKE_MESSAGE_MAX];
	vtime since = 0;
	struct ike_msg m;
	struct wr w;

	wr_init(&w, body, sizeof(body));
	wr_u16(&w, 0);
	wr_u16(&w, (uint16_t)(FRAGMENT_HEADER_SIZE + to - from));
	wr_u16(&w, id);
	wr_u8(&w, (uint8_t)number);
	wr_u8(&w, last);
	wr_slice(&w, slice(message + from, to - from));
	m = msg(&outer, wr_done(&w));
	return fragment_take(f, 7, &m, &since);
}

static void assert_whole(struct fragments *f, size_t n)
{
	assert_true(slice_eq(fragment_whole(f), slice(message, n)));
}

/* ---- cutting ---- */

static void test_cut_and_join(void **state)
{
	static const size_t sizes[] = { 28, 29, 1212, 1213, 2424, 2425, 5000, 9999, 10000 };
	uint8_t out[FRAGMENT_DATAGRAM_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct slice whole = make(sizes[i], i);
		struct fragments *f = NULL;
		unsigned n = fragment_count(whole.n, FRAGMENT_DATAGRAM_MAX);
		enum fragment_verdict verdict = FRAGMENT_MALFORMED;
		vtime since = VTIME_NEVER;

		assert_int_equal(n, (whole.n + 1211) / 1212);
		for (unsigned k = 1; k <= n; k++) {
			struct slice d =
				fragment_write(whole, ISAKMP_AGGRESSIVE, k, sizeof(out), out);
			struct ike_msg m;

			assert_int_equal(d.n, k < n ? sizeof(out) : 36 + whole.n - (n - 1) * 1212);
			assert_int_equal(ike_msg_parse(d, &m), 0);
			assert_true(fragment_is(&m.h));
			assert_int_equal(m.h.exchange, ISAKMP_AGGRESSIVE);
			assert_int_equal(m.h.id, 0);
			assert_int_equal(m.h.flags, 0);
			assert_memory_equal(m.h.cookie_i, outer.cookie_i, IKE_COOKIE_SIZE);
			assert_memory_equal(m.h.cookie_r, outer.cookie_r, IKE_COOKIE_SIZE);
			verdict = fragment_take(&f, 5 + k, &m, &since);
			assert_int_equal(verdict, k < n ? FRAGMENT_TAKEN : FRAGMENT_COMPLETE);
			assert_int_equal(since, 6);
		}
		assert_whole(f, whole.n);
		fragment_free(&f);
		assert_null(f);
	}
}

/* The bytes of one on the wire. */
static void test_format(void **state)
{
	uint8_t out[FRAGMENT_DATAGRAM_MAX], again[FRAGMENT_DATAGRAM_MAX];
	struct slice d = fragment_write(make(1300, 1), ISAKMP_MAIN, 2, sizeof(out), out);

	assert_int_equal(d.n, 28 + 8 + 88);
	assert_int_equal(d.p[16], 132);
	assert_int_equal(d.p[17], 0x10);
	assert_int_equal(d.p[18], 2);
	assert_int_equal(d.p[19], 0);
	assert_int_equal(get_be32(d.p + 20), 0);
	assert_int_equal(get_be32(d.p + 24), d.n);
	assert_int_equal(get_be16(d.p + 28), 0);
	assert_int_equal(get_be16(d.p + 30), 8 + 88);
	assert_int_not_equal(get_be16(d.p + 32), 0);
	assert_int_equal(d.p[34], 2);
	assert_int_equal(d.p[35], 1);
	assert_memory_equal(d.p + 36, message + 1212, 88);
	fragment_write(slice(message, 1300), ISAKMP_MAIN, 1, sizeof(again), again);
	assert_int_equal(again[34], 1);
	assert_int_equal(again[35], 0);
	/* One id for one message. */
	assert_memory_equal(again + 32, out + 32, 2);
	fragment_write(make(1300, 2), ISAKMP_MAIN, 1, sizeof(again), again);
	assert_memory_not_equal(again + 32, out + 32, 2);
}

static void test_sizes(void **state)
{
	struct addr a = { .family = FAMILY_IP4 };

	assert_int_equal(fragment_datagram_max(&a) + 20 + 8 + 4, 1280);
	a.family = FAMILY_IP6;
	assert_int_equal(fragment_datagram_max(&a) + 40 + 8 + 4, 1280);
	assert_int_equal(fragment_count(255 * 10, 46), 255);
	assert_int_equal(fragment_count(255 * 10 + 1, 46), 0);
}

/* ---- orders ---- */

static void test_all_orders(void **state)
{
	static const size_t cut[] = { 0, 100, 101, 400, 512 };

	make(512, 1);
	for (unsigned order = 0; order < 4 * 4 * 4 * 4; order++) {
		unsigned number[4] = { order % 4, order / 4 % 4, order / 16 % 4, order / 64 };
		struct fragments *f = NULL;
		unsigned seen = 0;

		for (unsigned i = 0; i < 4; i++) {
			unsigned k = number[i];
			bool repeat = seen & 1U << k;
			enum fragment_verdict v = take(&f, 1, k + 1, k == 3, cut[k], cut[k + 1]);

			seen |= 1U << k;
			if (repeat)
				assert_int_equal(v, FRAGMENT_REPEATED);
			else
				assert_int_equal(v,
						 seen == 15 ? FRAGMENT_COMPLETE : FRAGMENT_TAKEN);
		}
		if (seen == 15)
			assert_whole(f, 512);
		fragment_free(&f);
	}
}

static void test_255(void **state)
{
	struct fragments *f = NULL;

	make(510, 1);
	for (unsigned k = 255; k > 1; k--)
		assert_int_equal(take(&f, 1, k, k == 255, 2 * (k - 1), 2 * k), FRAGMENT_TAKEN);
	assert_int_equal(take(&f, 1, 1, false, 0, 2), FRAGMENT_COMPLETE);
	assert_whole(f, 510);
	fragment_free(&f);
}

static void test_alone(void **state)
{
	struct fragments *f = NULL;

	make(100, 1);
	assert_int_equal(take(&f, 1, 1, true, 0, 100), FRAGMENT_COMPLETE);
	assert_whole(f, 100);
	fragment_free(&f);
}

/* ---- faults ---- */

static void assert_bad(const struct ike_header *h, const uint8_t *body, size_t n)
{
	struct fragments *f = NULL;
	vtime since = VTIME_NEVER;
	struct ike_header sealed = *h;
	struct ike_msg m;

	/* So that nothing but the fragment's own reader looks at it. */
	sealed.flags = ISAKMP_ENCRYPTED;
	m = msg(&sealed, slice(body, n));
	assert_int_equal(fragment_take(&f, 7, &m, &since), FRAGMENT_MALFORMED);
	assert_null(f);
	assert_int_equal(since, VTIME_NEVER);
}

static void test_malformed(void **state)
{
	static const uint8_t good[] = { 0, 0, 0, 9, 0, 1, 1, 1, 0xaa };
	struct ike_header h = outer;
	uint8_t body[16];

	for (size_t n = 1; n < sizeof(good); n++)
		assert_bad(&outer, good, n);
	/* The next payload, the reserved byte, the length, the number, and what lies behind. */
	static const struct {
		size_t at;
		uint8_t value;
	} rows[] = { { 0, 1 }, { 0, 132 }, { 1, 1 }, { 2, 1 }, { 2, 0xff }, { 3, 0 },
		     { 3, 3 }, { 3, 4 },   { 3, 7 }, { 3, 8 }, { 3, 10 },   { 6, 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		memcpy(body, good, sizeof(good));
		body[rows[i].at] = rows[i].value;
		assert_bad(&outer, body, sizeof(good));
	}
	memset(body, 0, sizeof(body));
	memcpy(body, good, sizeof(good));
	assert_bad(&outer, body, sizeof(good) + 4);
	h.id = 1;
	assert_bad(&h, good, sizeof(good));
}

/* Padding, other flags, and the encryption flag. */
static void test_tolerated(void **state)
{
	uint8_t body[12] = { 0, 0, 0, 9, 0, 1, 1, 0xfe, 0xaa };
	struct fragments *f = NULL;
	struct ike_header h = outer;
	vtime since = 0;
	struct ike_msg m;

	for (unsigned flags = 0; flags < 2; flags++) {
		for (size_t n = 9; n <= sizeof(body); n++) {
			h.flags = (uint8_t)flags;
			m = msg(&h, slice(body, n));
			assert_int_equal(fragment_take(&f, 7, &m, &since), FRAGMENT_TAKEN);
			fragment_free(&f);
		}
	}
}

/* What is longer than a message may be is forgotten at once, in one fragment and in many. */
static void test_too_long(void **state)
{
	struct fragments *f = NULL;

	make(IKE_MESSAGE_MAX, 1);
	assert_int_equal(take(&f, 1, 1, false, 0, 5000), FRAGMENT_TAKEN);
	assert_int_equal(take(&f, 1, 3, false, 0, 5000), FRAGMENT_TAKEN);
	assert_int_equal(take(&f, 1, 2, false, 0, 1), FRAGMENT_MALFORMED);
	assert_int_equal(take(&f, 1, 4, true, 0, 28), FRAGMENT_TAKEN);
	assert_int_equal(fragment_whole(f).n, 28);
	fragment_free(&f);
}

/* The last one at 3, then at 2, then a 4 that is none: what came last counts. */
static void test_last_moves(void **state)
{
	struct fragments *f = NULL;

	make(400, 1);
	assert_int_equal(take(&f, 1, 3, true, 200, 300), FRAGMENT_TAKEN);
	assert_int_equal(take(&f, 1, 2, true, 100, 200), FRAGMENT_TAKEN);
	assert_int_equal(fragment_whole(f).n, 100);
	assert_int_equal(take(&f, 1, 4, false, 300, 400), FRAGMENT_TAKEN);
	assert_int_equal(take(&f, 1, 1, false, 0, 100), FRAGMENT_TAKEN);
	assert_int_equal(take(&f, 1, 2, true, 100, 200), FRAGMENT_COMPLETE);
	assert_whole(f, 200);
	fragment_free(&f);

	/* The same number, first as the last one and then not. */
	assert_int_equal(take(&f, 1, 2, true, 100, 200), FRAGMENT_TAKEN);
	assert_int_equal(take(&f, 1, 2, false, 100, 200), FRAGMENT_TAKEN);
	assert_int_equal(take(&f, 1, 1, false, 0, 100), FRAGMENT_TAKEN);
	assert_int_equal(take(&f, 1, 3, true, 200, 400), FRAGMENT_COMPLETE);
	assert_whole(f, 400);
	fragment_free(&f);
}

/* A gap is waited for, whatever else comes. */
static void test_gap(void **state)
{
	struct fragments *f = NULL;

	make(300, 1);
	for (unsigned i = 0; i < 1000; i++) {
		take(&f, 1, 1, false, 0, 100);
		take(&f, 1, 3, true, 200, 300);
		assert_int_equal(fragment_whole(f).n, 200);
	}
	assert_int_equal(take(&f, 1, 2, false, 100, 200), FRAGMENT_COMPLETE);
	assert_whole(f, 300);
	fragment_free(&f);
}

/* Another id, or the same id once more for another message. */
static void test_two_messages(void **state)
{
	struct fragments *f = NULL;

	make(300, 1);
	assert_int_equal(take(&f, 1, 1, false, 0, 100), FRAGMENT_TAKEN);
	assert_int_equal(take(&f, 2, 2, true, 100, 300), FRAGMENT_TAKEN);
	assert_int_equal(fragment_whole(f).n, 200);
	assert_int_equal(take(&f, 1, 1, false, 0, 100), FRAGMENT_TAKEN);
	assert_int_equal(fragment_whole(f).n, 100);
	assert_int_equal(take(&f, 1, 2, true, 100, 300), FRAGMENT_COMPLETE);
	assert_whole(f, 300);

	/* Late copies of a complete message do not get into the next one with its id. */
	assert_int_equal(take(&f, 1, 1, false, 0, 100), FRAGMENT_REPEATED);
	assert_int_equal(take(&f, 1, 2, true, 100, 300), FRAGMENT_COMPLETE);
	make(250, 2);
	assert_int_equal(take(&f, 1, 1, false, 0, 100), FRAGMENT_TAKEN);
	assert_int_equal(take(&f, 1, 2, true, 100, 250), FRAGMENT_COMPLETE);
	assert_whole(f, 250);
	fragment_free(&f);

	/* Nor do those of one that was given up stay in it. */
	make(300, 1);
	assert_int_equal(take(&f, 1, 2, false, 100, 200), FRAGMENT_TAKEN);
	assert_int_equal(take(&f, 1, 3, true, 200, 300), FRAGMENT_TAKEN);
	make(250, 2);
	assert_int_equal(take(&f, 1, 2, true, 100, 250), FRAGMENT_TAKEN);
	assert_int_equal(take(&f, 1, 1, false, 0, 100), FRAGMENT_COMPLETE);
	assert_whole(f, 250);
	fragment_free(&f);
}

/* Bytes that are no message of this SA, or a fragment again. */
static void test_unfit_wholes(void **state)
{
	static const size_t at[] = { 0, 7, 8, 15 };
	struct fragments *f = NULL;

	make(100, 1);
	assert_int_equal(take(&f, 1, 1, true, 0, 27), FRAGMENT_MALFORMED);
	assert_int_equal(take(&f, 1, 1, true, 0, 28), FRAGMENT_COMPLETE);
	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		make(100, 1);
		message[at[i]] ^= 1;
		assert_int_equal(take(&f, 1, 1, true, 0, 100), FRAGMENT_MALFORMED);
		/* And again: it is not kept as a complete one. */
		assert_int_equal(take(&f, 1, 1, true, 0, 100), FRAGMENT_MALFORMED);
	}
	make(100, 1);
	message[16] = PAYLOAD_FRAGMENT;
	assert_int_equal(take(&f, 1, 1, true, 0, 100), FRAGMENT_MALFORMED);
	fragment_free(&f);
}

static void test_other_cookies(void **state)
{
	struct ike_header h = outer;
	struct fragments *f = NULL;
	uint8_t body[8 + 50] = { 0, 0, 0, sizeof(body), 0, 1, 2, 1 };
	vtime since = 0;
	struct ike_msg m;

	make(100, 1);
	assert_int_equal(take(&f, 1, 1, false, 0, 50), FRAGMENT_TAKEN);
	h.cookie_r[7] ^= 1;
	memcpy(body + 8, message + 50, 50);
	m = msg(&h, SLICE_OF(body));
	assert_int_equal(fragment_take(&f, 9, &m, &since), FRAGMENT_TAKEN);
	assert_int_equal(since, 9);
	assert_int_equal(fragment_whole(f).n, 50);
	assert_int_equal(take(&f, 1, 2, true, 50, 100), FRAGMENT_TAKEN);
	assert_int_equal(take(&f, 1, 1, false, 0, 50), FRAGMENT_COMPLETE);
	fragment_free(&f);
	fragment_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_and_join), cmocka_unit_test(test_format),
		cmocka_unit_test(test_sizes),	     cmocka_unit_test(test_all_orders),
		cmocka_unit_test(test_255),	     cmocka_unit_test(test_alone),
		cmocka_unit_test(test_malformed),    cmocka_unit_test(test_tolerated),
		cmocka_unit_test(test_too_long),     cmocka_unit_test(test_last_moves),
		cmocka_unit_test(test_gap),	     cmocka_unit_test(test_two_messages),
		cmocka_unit_test(test_unfit_wholes), cmocka_unit_test(test_other_cookies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
