/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/rng.h"
#include "tests/support/given_rng.h"

/* The first outputs of splitmix64 from the state 0, as published with the algorithm. */
static void test_splitmix64(void **state)
{
	struct rng_seed s;
	struct rng r = rng_seeded(&s, 0);

	assert_true(rng_u64(&r) == 0xe220a8397b1dcdafu);
	assert_true(rng_u64(&r) == 0x6e789e6aa1b965f4u);
	assert_true(rng_u64(&r) == 0x06c45d188009454fu);
}

static void test_repeatable(void **state)
{
	struct rng_seed s1, s2, s3;
	struct rng a = rng_seeded(&s1, 42), b = rng_seeded(&s2, 42), c = rng_seeded(&s3, 43);
	uint8_t x[37], y[37], z[37];

	rng_fill(&a, x, sizeof(x));
	rng_fill(&b, y, sizeof(y));
	rng_fill(&c, z, sizeof(z));
	assert_memory_equal(x, y, sizeof(x));
	assert_memory_not_equal(x, z, sizeof(x));
	assert_int_equal(rng_u32(&a), rng_u32(&b));
}

static void test_fill_stays_inside(void **state)
{
	struct rng_seed s;
	struct rng r = rng_seeded(&s, 1);
	uint8_t b[32];

	for (size_t n = 0; n <= 20; n++) {
		memset(b, 0, sizeof(b));
		rng_fill(&r, b, n);
		for (size_t i = n; i < sizeof(b); i++)
			assert_int_equal(b[i], 0);
	}
}

static void test_below_covers_its_range(void **state)
{
	struct rng_seed s;
	struct rng r = rng_seeded(&s, 1);
	unsigned seen[7] = { 0 };

	for (int i = 0; i < 7000; i++) {
		uint64_t v = rng_below(&r, 7);

		assert_in_range(v, 0, 6);
		seen[v]++;
	}
	for (size_t i = 0; i < ARRAY_SIZE(seen); i++)
		assert_in_range(seen[i], 800, 1200);
	for (int i = 0; i < 100; i++)
		assert_true(rng_below(&r, 1) == 0);
}

/* Values from the short rest of the 64-bit range are drawn again: else low results are likelier. */
static void test_below_has_no_bias(void **state)
{
	const uint64_t n = 0xc000000000000000u;
	uint64_t drawn[3] = { 0, 0x3fffffffffffffffu, 0x4000000000000000u };
	struct rd left;
	struct rng r = given_rng(&left, slice(drawn, sizeof(drawn)));

	assert_true(rng_below(&r, n) == 0x4000000000000000u);
	assert_int_equal(rd_left(&left), 0);
}

static void test_below_power_of_two_rejects_nothing(void **state)
{
	uint64_t drawn[2] = { 0, UINT64_MAX };
	struct rd left;
	struct rng r = given_rng(&left, slice(drawn, sizeof(drawn)));

	assert_true(rng_below(&r, (uint64_t)1 << 63) == 0);
	assert_true(rng_below(&r, 256) == 255);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_splitmix64),
		cmocka_unit_test(test_repeatable),
		cmocka_unit_test(test_fill_stays_inside),
		cmocka_unit_test(test_below_covers_its_range),
		cmocka_unit_test(test_below_has_no_bias),
		cmocka_unit_test(test_below_power_of_two_rejects_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
