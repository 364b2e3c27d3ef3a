/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cells.h"
#include "base/mem.h"
#include "tests/support/dies.h"

/* Enough of them for several large blocks. */
#define MANY 20000

static const size_t sizes[] = { 1, 64, 65, 312, 848, CELLS_MAX };

static bool all_are(const uint8_t *p, size_t n, uint8_t v)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != v)
			return false;
	return true;
}

static size_t size_of(unsigned i)
{
	return sizes[i % (sizeof(sizes) / sizeof(sizes[0]))];
}

/* Each begins with a line, is zero, and nobody else's. */
static void each_is_its_own(void **state)
{
	static uint8_t *cell[MANY];

	for (unsigned i = 0; i < MANY; i++) {
		cell[i] = cells_take(size_of(i));
		assert_int_equal((uintptr_t)cell[i] % MEM_LINE, 0);
		assert_true(all_are(cell[i], size_of(i), 0));
		memset(cell[i], (int)(i % 255) + 1, size_of(i));
	}
	for (unsigned i = 0; i < MANY; i++)
		assert_true(all_are(cell[i], size_of(i), (uint8_t)(i % 255 + 1)));
	for (unsigned i = 0; i < MANY; i += 2)
		cells_give(cell[i], size_of(i));
	for (unsigned i = 0; i < MANY; i += 2) {
		cell[i] = cells_take(size_of(i));
		assert_true(all_are(cell[i], size_of(i), 0));
		memset(cell[i], (int)(i % 255) + 1, size_of(i));
	}
	for (unsigned i = 0; i < MANY; i++) {
		assert_true(all_are(cell[i], size_of(i), (uint8_t)(i % 255 + 1)));
		cells_give(cell[i], size_of(i));
	}
}

static void nothing_is_given_back(void **state)
{
	cells_give(NULL, 64);
}

static void take_none(void)
{
	cells_take(0);
}

static void take_too_much(void)
{
	cells_take(CELLS_MAX + 1);
}

static void own_bugs_die(void **state)
{
	assert_true(dies(take_none));
	assert_true(dies(take_too_much));
}

static void large_pages(void **state)
{
	uint8_t *p = cells_pages(), *q = cells_pages();

	assert_non_null(p);
	assert_non_null(q);
	assert_int_equal((uintptr_t)p % CELLS_LARGE, 0);
	assert_int_equal((uintptr_t)q % CELLS_LARGE, 0);
	assert_true(all_are(p, CELLS_LARGE, 0));
	memset(p, 1, CELLS_LARGE);
	assert_true(all_are(q, CELLS_LARGE, 0));
	assert_int_equal(munmap(p, CELLS_LARGE), 0);
	assert_int_equal(munmap(q, CELLS_LARGE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_its_own),
		cmocka_unit_test(nothing_is_given_back),
		cmocka_unit_test(own_bugs_die),
		cmocka_unit_test(large_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
