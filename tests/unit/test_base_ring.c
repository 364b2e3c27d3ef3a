/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/ring.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/dies.h"

static void records_come_in_order(void **state)
{
	struct ring *r = ring_new(4, sizeof(uint32_t));
	uint32_t v, next = 0, want = 0;

	assert_false(ring_take(r, &v));
	/* Many times round, at every fill level. */
	for (unsigned turn = 0; turn < 100; turn++) {
		unsigned n = turn % 5;

		for (unsigned i = 0; i < n; i++, next++)
			assert_true(ring_put(r, &next));
		for (unsigned i = 0; i < n; i++, want++) {
			assert_true(ring_take(r, &v));
			assert_int_equal(v, want);
		}
		assert_false(ring_take(r, &v));
	}
	ring_free(r);
}

static void a_full_ring_takes_nothing(void **state)
{
	struct ring *r = ring_new(2, 1);
	uint8_t v = 1;

	assert_true(ring_put(r, &v));
	v = 2;
	assert_true(ring_put(r, &v));
	v = 3;
	assert_false(ring_put(r, &v));
	assert_null(ring_reserve(r));
	assert_true(ring_take(r, &v));
	assert_int_equal(v, 1);
	v = 4;
	assert_true(ring_put(r, &v));
	assert_true(ring_take(r, &v));
	assert_int_equal(v, 2);
	assert_true(ring_take(r, &v));
	assert_int_equal(v, 4);
	assert_false(ring_take(r, &v));
	ring_free(r);
}

static void what_is_only_reserved_is_not_seen(void **state)
{
	struct ring *r = ring_new(2, 100);
	char *slot = ring_reserve(r);

	assert_non_null(slot);
	strcpy(slot, "whole");
	assert_null(ring_peek(r));
	assert_ptr_equal(ring_reserve(r), slot);
	ring_commit(r);
	assert_string_equal(ring_peek(r), "whole");
	/* Not released: it is there still, and its slot is not free. */
	assert_string_equal(ring_peek(r), "whole");
	assert_ptr_not_equal(ring_reserve(r), slot);
	ring_commit(r);
	assert_null(ring_reserve(r));
	ring_release(r);
	assert_ptr_equal(ring_reserve(r), slot);
	ring_free(r);
}

static void records_are_aligned_for_any_type(void **state)
{
	struct ring *r = ring_new(4, 1);

	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal((uintptr_t)ring_reserve(r) % _Alignof(max_align_t), 0);
		ring_commit(r);
	}
	ring_free(r);
	ring_free(NULL);
}

static void make_with_capacity_3(void)
{
	ring_new(3, 1);
}

static void capacity_is_a_power_of_two(void **state)
{
	assert_true(dies(make_with_capacity_3));
}

/* Two threads: every record comes once, in order, whole. */

#define RECORDS 50000U

struct record {
	uint32_t number;
	uint32_t length;
	uint8_t bytes[56];
};

static void *put_all(void *arg)
{
	struct ring *r = arg;

	for (uint32_t i = 0; i < RECORDS; i++) {
		struct record *slot;

		while (!(slot = ring_reserve(r)))
			sched_yield();
		slot->number = i;
		slot->length = i % sizeof(slot->bytes);
		memset(slot->bytes, (int)(i & 0xff), slot->length);
		ring_commit(r);
	}
	return NULL;
}

static bool record_is_whole(const struct record *p, uint32_t number)
{
	bool ok = p->number == number && p->length == number % sizeof(p->bytes);

	for (uint32_t i = 0; ok && i < p->length; i++)
		ok = p->bytes[i] == (number & 0xff);
	return ok;
}

static void two_threads(void **state)
{
	static const unsigned capacities[] = { 1, 2, 64 };

	for (unsigned i = 0; i < 3; i++) {
		struct ring *r = ring_new(capacities[i], sizeof(struct record));
		uint32_t bad = 0;
		pthread_t t;

		assert_int_equal(pthread_create(&t, NULL, put_all, r), 0);
		for (uint32_t n = 0; n < RECORDS; n++) {
			const struct record *p;

			while (!(p = ring_peek(r)))
				sched_yield();
			bad += !record_is_whole(p, n);
			ring_release(r);
		}
		pthread_join(t, NULL);
		assert_int_equal(bad, 0);
		assert_null(ring_peek(r));
		ring_free(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_come_in_order),
		cmocka_unit_test(a_full_ring_takes_nothing),
		cmocka_unit_test(what_is_only_reserved_is_not_seen),
		cmocka_unit_test(records_are_aligned_for_any_type),
		cmocka_unit_test(capacity_is_a_power_of_two),
		cmocka_unit_test(two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
