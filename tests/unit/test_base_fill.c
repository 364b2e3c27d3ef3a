/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/fill.h"

static void filled(const char *text, unsigned at, unsigned hang, const char *wanted)
{
	char *written = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&written, &size);

	assert_non_null(out);
	fill_write(out, text, at, hang, 20);
	fclose(out);
	assert_string_equal(written, wanted);
	free(written);
}

static void lines_are_as_wide_as_may_be(void **state)
{
	(void)state;
	filled("twenty columns, so..", 0, 0, "twenty columns, so..\n");
	filled("twenty-one columns, so", 0, 0, "twenty-one columns,\nso\n");
	filled("", 0, 0, "\n");
}

static void blanks_are_one(void **state)
{
	(void)state;
	filled(" a  b\nc ", 0, 0, "a b c\n");
}

static void the_first_line_has_begun_and_others_hang(void **state)
{
	(void)state;
	filled("a bcdef ghij klmnop", 10, 2, "a bcdef\n  ghij klmnop\n");
}

static void a_word_is_never_cut(void **state)
{
	(void)state;
	filled("a bcdefghijklmnopqrstuvwxyz c", 0, 1, "a\n bcdefghijklmnopqrstuvwxyz\n c\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_as_wide_as_may_be),
		cmocka_unit_test(blanks_are_one),
		cmocka_unit_test(the_first_line_has_begun_and_others_hang),
		cmocka_unit_test(a_word_is_never_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
