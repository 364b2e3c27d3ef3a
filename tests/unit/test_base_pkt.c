/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/pkt.h"
#include "tests/support/dies.h"

static uint8_t arena[BATCH_MAX * 128];

static struct pkt *take(struct batch *b, uint32_t headroom, uint32_t len, uint32_t tailroom)
{
	batch_init(b, arena, sizeof(arena));
	return batch_take(b, headroom, len, tailroom);
}

static void test_rooms(void **state)
{
	static struct batch b;
	struct pkt *p = take(&b, 10, 20, 2);
	uint8_t *data = pkt_data(p);

	assert_int_equal(pkt_headroom(p), 10);
	assert_int_equal(pkt_slice(p).n, 20);
	assert_ptr_equal(pkt_slice(p).p, data);
	assert_int_equal(pkt_tailroom(p), 2);
	assert_ptr_equal(pkt_push(p, 10), data - 10);
	assert_int_equal(pkt_headroom(p), 0);
	assert_int_equal(p->len, 30);
	assert_ptr_equal(pkt_put(p, 2), data + 20);
	assert_int_equal(pkt_tailroom(p), 0);
	assert_int_equal(p->len, 32);
	pkt_pull(p, 12);
	assert_ptr_equal(pkt_data(p), data + 2);
	assert_int_equal(p->len, 20);
	pkt_trim(p, 5);
	assert_int_equal(p->len, 5);
	assert_int_equal(pkt_tailroom(p), 15);
	pkt_pull(p, 5);
	assert_int_equal(p->len, 0);
	assert_ptr_equal(pkt_push(p, 0), pkt_data(p));
	assert_ptr_equal(pkt_put(p, 0), pkt_data(p));
	assert_int_equal(pkt_headroom(p), 17);
}

static struct batch dying;

static void push_too_far(void)
{
	pkt_push(take(&dying, 10, 20, 2), 11);
}

static void put_too_much(void)
{
	pkt_put(take(&dying, 10, 20, 2), 3);
}

static void put_far_too_much(void)
{
	pkt_put(take(&dying, 10, 20, 2), UINT32_MAX);
}

static void pull_too_much(void)
{
	pkt_pull(take(&dying, 10, 20, 2), 21);
}

static void trim_to_more(void)
{
	pkt_trim(take(&dying, 10, 20, 2), 21);
}

static void test_past_the_slot_dies(void **state)
{
	assert_true(dies(push_too_far));
	assert_true(dies(put_too_much));
	assert_true(dies(put_far_too_much));
	assert_true(dies(pull_too_much));
	assert_true(dies(trim_to_more));
}

static void test_slots_do_not_touch(void **state)
{
	static struct batch b;
	uint8_t *end = arena;

	batch_init(&b, arena, sizeof(arena));
	for (unsigned i = 0; i < BATCH_MAX; i++) {
		struct pkt *p = batch_take(&b, i % 5, i, i % 3);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p->base % 16, 0);
		assert_true(p->base >= end);
		assert_int_equal(p->off, i % 5);
		assert_int_equal(p->len, i);
		assert_true(pkt_tailroom(p) >= i % 3);
		assert_null(p->path);
		end = p->base + p->size;
		assert_true(end <= arena + sizeof(arena));
	}
}

static void test_no_more_packets(void **state)
{
	static struct batch b;

	batch_init(&b, arena, sizeof(arena));
	for (unsigned i = 0; i < BATCH_MAX; i++)
		assert_non_null(batch_take(&b, 0, 1, 0));
	assert_null(batch_take(&b, 0, 1, 0));
	assert_int_equal(b.n, BATCH_MAX);
	assert_int_equal(b.used, BATCH_MAX * 16);
	batch_reset(&b);
	assert_int_equal(b.n, 0);
	assert_ptr_equal(batch_take(&b, 0, 1, 0)->base, b.arena);
}

static void test_no_more_arena(void **state)
{
	static struct batch b;

	batch_init(&b, arena, 64);
	assert_non_null(batch_take(&b, 8, 32, 8));
	assert_null(batch_take(&b, 0, 17, 0));
	assert_null(batch_take(&b, UINT32_MAX, UINT32_MAX, UINT32_MAX));
	assert_null(batch_take(&b, 0, UINT32_MAX, 1));
	assert_int_equal(b.n, 1);
	assert_int_equal(b.used, 48);
	assert_non_null(batch_take(&b, 0, 16, 0));
	assert_null(batch_take(&b, 0, 1, 0));
	assert_int_equal(b.n, 2);
	batch_init(&b, NULL, 0);
	assert_null(batch_take(&b, 0, 1, 0));
}

static void test_crooked_arena(void **state)
{
	static struct batch b;
	_Alignas(16) uint8_t mem[80];

	for (size_t skew = 1; skew < 16; skew++) {
		struct pkt *p;

		batch_init(&b, mem + skew, 48);
		p = batch_take(&b, 0, 16, 0);
		assert_ptr_equal(p->base, mem + 16);
		assert_ptr_equal(batch_take(&b, 0, 16, 0)->base, mem + 32);
		assert_null(batch_take(&b, 0, 16, 0));
		batch_init(&b, mem + skew, 3);
		assert_null(batch_take(&b, 0, 1, 0));
		assert_int_equal(b.n, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rooms),
		cmocka_unit_test(test_past_the_slot_dies),
		cmocka_unit_test(test_slots_do_not_touch),
		cmocka_unit_test(test_no_more_packets),
		cmocka_unit_test(test_no_more_arena),
		cmocka_unit_test(test_crooked_arena),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
