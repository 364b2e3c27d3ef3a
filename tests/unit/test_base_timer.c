/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/timer.h"
#include "tests/support/dies.h"

static void test_never(void **state)
{
	struct timers t;

	for (unsigned n = 0; n <= TIMERS_MAX; n++) {
		timers_init(&t, n);
		assert_true(timers_next(&t) == VTIME_NEVER);
		assert_int_equal(timers_take_due(&t, VTIME_NEVER), -1);
		assert_int_equal(timers_take_due(&t, 0), -1);
	}
}

static void test_earliest_first(void **state)
{
	struct timers t;

	timers_init(&t, 4);
	timers_set(&t, 0, 30);
	timers_set(&t, 3, 10);
	timers_set(&t, 1, 20);
	assert_true(timers_next(&t) == 10);
	assert_int_equal(timers_take_due(&t, 9), -1);
	assert_int_equal(timers_take_due(&t, 10), 3);
	assert_int_equal(timers_take_due(&t, 10), -1);
	assert_true(timers_next(&t) == 20);
	assert_int_equal(timers_take_due(&t, 100), 1);
	assert_int_equal(timers_take_due(&t, 100), 0);
	assert_int_equal(timers_take_due(&t, 100), -1);
	assert_true(timers_next(&t) == VTIME_NEVER);
}

static void test_set_again_and_clear(void **state)
{
	struct timers t;

	timers_init(&t, TIMERS_MAX);
	timers_set(&t, TIMERS_MAX - 1, 5);
	timers_set(&t, TIMERS_MAX - 1, 50);
	assert_true(timers_next(&t) == 50);
	timers_set(&t, 2, 0);
	assert_true(timers_next(&t) == 0);
	assert_int_equal(timers_take_due(&t, 0), 2);
	timers_clear(&t, TIMERS_MAX - 1);
	timers_clear(&t, TIMERS_MAX - 1);
	assert_true(timers_next(&t) == VTIME_NEVER);
	timers_set(&t, 0, VTIME_NEVER);
	assert_int_equal(timers_take_due(&t, VTIME_NEVER), -1);
}

static void test_equal_times_all_come(void **state)
{
	struct timers t;
	unsigned seen = 0;
	int row;

	timers_init(&t, 5);
	for (unsigned i = 0; i < 5; i++)
		timers_set(&t, i, 7);
	while ((row = timers_take_due(&t, 7)) >= 0)
		seen |= 1u << row;
	assert_int_equal(seen, 0x1f);
}

static void set_no_row(void)
{
	struct timers t;

	timers_init(&t, 3);
	timers_set(&t, 3, 1);
}

static void too_many_rows(void)
{
	struct timers t;

	timers_init(&t, TIMERS_MAX + 1);
}

static void test_own_bugs_die(void **state)
{
	assert_true(dies(set_no_row));
	assert_true(dies(too_many_rows));
}

static void test_vtime(void **state)
{
	assert_true(vtime_add(1, 2) == 3);
	assert_true(vtime_add(VTIME_NEVER, 0) == VTIME_NEVER);
	assert_true(vtime_add(VTIME_NEVER, 5) == VTIME_NEVER);
	assert_true(vtime_add(5, VTIME_NEVER) == VTIME_NEVER);
	assert_true(vtime_add(VTIME_NEVER - 5, 5) == VTIME_NEVER);
	assert_true(vtime_add(VTIME_NEVER - 5, 4) == VTIME_NEVER - 1);
	assert_true(vtime_add(VTIME_NEVER - 5, 6) == VTIME_NEVER);
	assert_true(vtime_until(3, 10) == 7);
	assert_true(vtime_until(10, 10) == 0);
	assert_true(vtime_until(10, 3) == 0);
	assert_true(vtime_min(1, VTIME_NEVER) == 1);
	assert_true(vtime_min(2, 1) == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_never),
		cmocka_unit_test(test_earliest_first),
		cmocka_unit_test(test_set_again_and_clear),
		cmocka_unit_test(test_equal_times_all_come),
		cmocka_unit_test(test_own_bugs_die),
		cmocka_unit_test(test_vtime),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
