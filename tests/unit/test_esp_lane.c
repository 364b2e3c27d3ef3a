/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/mem.h"
#include "esp/lane.h"
#include "tests/unit/esp_parts.h"

#define BYTES (1U << 18)
#define LONGEST 65507

struct bench {
	struct lane *l;
	struct batch out;
	uint8_t bytes[LONGEST];
};

static int bench_new(void **state)
{
	struct bench *b = xcalloc(1, sizeof(*b));

	b->l = lane_new(BYTES);
	*state = b;
	return 0;
}

static int bench_free(void **state)
{
	struct bench *b = *state;

	lane_free(b->l);
	free(b);
	return 0;
}

/* A packet of so many bytes that begins with its number. */
static bool put(struct bench *b, unsigned bucket, uint32_t number, uint32_t len)
{
	struct pkt p = { .base = b->bytes, .size = LONGEST, .len = len };

	put_be32(b->bytes, number);
	b->bytes[len - 1] = (uint8_t)number;
	p.from = (struct endpoint){ parts_addr("192.0.2.1"), (uint16_t)number };
	p.to = (struct endpoint){ parts_addr("2001:db8::1"), 4500 };
	p.ecn = number & 3;
	return lane_put(b->l, bucket, &p);
}

static uint32_t number_of(const struct pkt *p)
{
	return get_be32(pkt_data(p));
}

static void what_is_put_is_taken(void **state)
{
	struct bench *b = *state;
	static const uint32_t lens[] = { 5, 64, 1400, LONGEST, 17, 9000 };

	for (uint32_t i = 0; i < ARRAY_SIZE(lens); i++)
		assert_true(put(b, 1, i, lens[i]));
	assert_int_equal(lane_take(b->l, &b->out), 0);
	assert_true(lane_flush(b->l));
	assert_false(lane_flush(b->l));
	assert_int_equal(lane_waiting(b->l), ARRAY_SIZE(lens));
	assert_int_equal(lane_take(b->l, &b->out), ARRAY_SIZE(lens));
	for (uint32_t i = 0; i < ARRAY_SIZE(lens); i++) {
		const struct pkt *p = &b->out.pkts[i];
		struct addr to = parts_addr("2001:db8::1");

		assert_int_equal(number_of(p), i);
		assert_int_equal(p->len, lens[i]);
		assert_int_equal(pkt_data(p)[lens[i] - 1], i);
		assert_int_equal(p->kind, PKT_RAW);
		assert_int_equal(p->from.port, i);
		assert_int_equal(p->ecn, i & 3);
		assert_true(addr_eq(&p->to.addr, &to));
		assert_int_equal(pkt_tailroom(p), 0);
	}
	lane_done(b->l);
	assert_int_equal(lane_waiting(b->l), 0);
	assert_int_equal(lane_take(b->l, &b->out), 0);
}

/* Many times round, in all phases of the ring's end, and until the counts of bytes wrap. */
static void order_is_kept_over_the_end_of_the_ring(void **state)
{
	struct bench *b = *state;
	uint32_t in = 0, out = 0, dice = 1;
	uint64_t bytes = 0;

	while (bytes <= UINT32_MAX) {
		dice = dice * 1664525U + 1013904223U;
		for (unsigned i = 0; i < dice >> 27; i++)
			in += put(b, (dice >> 8) % 3, in, 5 + (dice >> 12) % 3000);
		lane_flush(b->l);
		lane_take(b->l, &b->out);
		for (unsigned i = 0; i < b->out.n; i++, out++) {
			assert_int_equal(number_of(&b->out.pkts[i]), out);
			bytes += b->out.pkts[i].len;
		}
		lane_done(b->l);
	}
	assert_int_equal(lane_waiting(b->l), in - out);
}

static unsigned fill(struct bench *b, unsigned bucket, uint32_t len)
{
	unsigned n = 0;

	while (put(b, bucket, n, len))
		n++;
	return n;
}

/* One alone has half of the room, the next one half of what is left, and so on. */
static void room_is_shared(void **state)
{
	struct bench *b = *state;
	unsigned first = fill(b, 1, 1024), second = fill(b, 2, 1024), third = fill(b, 3, 1024);

	assert_in_range(first, 115, 128);
	assert_in_range(second, first / 2 - 3, first / 2 + 3);
	assert_in_range(third, second / 2 - 3, second / 2 + 3);
	assert_false(put(b, 1, 0, 1024));
	lane_flush(b->l);
	while (lane_take(b->l, &b->out))
		lane_done(b->l);
	assert_in_range(fill(b, 1, 1024), first - 2, first + 2);
}

/* What is in the taker's hands is not written over. */
static void taken_is_not_free_yet(void **state)
{
	struct bench *b = *state;
	unsigned n = fill(b, 1, 1400), m = 0;

	lane_flush(b->l);
	assert_int_equal(lane_take(b->l, &b->out), n < BATCH_MAX ? n : BATCH_MAX);
	for (unsigned bucket = 2; bucket < LANE_BUCKETS; bucket++)
		m += fill(b, bucket, 1400);
	assert_in_range(n + m, 1, BYTES / 1400);
	for (unsigned i = 0; i < b->out.n; i++)
		assert_int_equal(number_of(&b->out.pkts[i]), i);
	lane_done(b->l);
	assert_true(put(b, LANE_BUCKETS - 1, 1, 1400));
}

#define lane_test(f) cmocka_unit_test_setup_teardown(f, bench_new, bench_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		lane_test(what_is_put_is_taken),
		lane_test(order_is_kept_over_the_end_of_the_ring),
		lane_test(room_is_shared),
		lane_test(taken_is_not_free_yet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
