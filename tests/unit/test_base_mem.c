/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "tests/support/dies.h"

static void test_zeroed(void **state)
{
	uint8_t *p = xcalloc(100, 7);

	for (size_t i = 0; i < 700; i++)
		assert_int_equal(p[i], 0);
	memset(p, 1, 700);
	free(p);
}

static void test_nothing_is_something(void **state)
{
	void *a = xcalloc(0, 8), *b = xcalloc(8, 0), *c = xcalloc(0, 0);

	assert_non_null(a);
	assert_non_null(b);
	assert_non_null(c);
	assert_ptr_not_equal(a, b);
	free(a);
	free(b);
	free(c);
}

static volatile size_t huge = SIZE_MAX / 2;

static void ask_too_much(void)
{
	free(xcalloc(huge, 4));
}

static void test_out_of_memory_dies(void **state)
{
	assert_true(dies(ask_too_much));
}

static void test_strdup(void **state)
{
	char text[] = "some text", *copy = xstrdup(text);

	assert_string_equal(copy, "some text");
	text[0] = 'X';
	assert_string_equal(copy, "some text");
	free(copy);
	copy = xstrdup("");
	assert_string_equal(copy, "");
	free(copy);
	assert_null(xstrdup(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zeroed),
		cmocka_unit_test(test_nothing_is_something),
		cmocka_unit_test(test_out_of_memory_dies),
		cmocka_unit_test(test_strdup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
