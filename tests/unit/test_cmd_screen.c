/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "cmd/screen.h"

static char *text;
static size_t size;

static const char *printed(const struct screen *s)
{
	FILE *out;

	free(text);
	out = open_memstream(&text, &size);
	screen_print(s, out);
	fclose(out);
	return text;
}

static const char *shown(const struct screen *s, const struct screen *before, bool colour)
{
	FILE *out;

	free(text);
	out = open_memstream(&text, &size);
	screen_show(s, before, colour, out);
	fclose(out);
	return text;
}

static void text_is_cut_at_the_edges(void **state)
{
	struct screen *s = screen_new(8, 2, true);

	assert_int_equal(screen_put(s, 0, 0, SCREEN_PLAIN, "office"), 6);
	assert_int_equal(screen_put(s, 1, 5, SCREEN_PLAIN, "office"), 11);
	screen_put(s, 2, 0, SCREEN_PLAIN, "below");
	screen_put(s, 0, 9, SCREEN_PLAIN, "beside");
	assert_string_equal(printed(s), "office\n     off\n");
	screen_put(s, 0, 3, SCREEN_PLAIN, "ICE ");
	assert_string_equal(printed(s), "offICE\n     off\n");
	screen_free(s);
}

/* U+0041, U+00e4, U+2581, U+10348: one column each. */
static void characters(void **state)
{
	struct screen *s = screen_new(20, 1, true), *ascii = screen_new(20, 1, false);

	assert_int_equal(screen_width("A\xc3\xa4\xe2\x96\x81\xf0\x90\x8d\x88"), 4);
	screen_put(s, 0, 0, SCREEN_PLAIN, "A\xc3\xa4\xe2\x96\x81\xf0\x90\x8d\x88|");
	assert_string_equal(printed(s), "A\xc3\xa4\xe2\x96\x81\xf0\x90\x8d\x88|\n");
	screen_put(ascii, 0, 0, SCREEN_PLAIN, "A\xc3\xa4\xe2\x96\x81\xf0\x90\x8d\x88|");
	assert_string_equal(printed(ascii), "A???|\n");
	screen_free(s);
	screen_free(ascii);
}

/* Escapes, U+009b, a combining mark, a wide one, overlong, a surrogate, what is cut short. */
static void hostile_characters(void **state)
{
	static const char *const bad[] = {
		"\x1b",		"\x7f",		"\n",		"\xc2\x9b",
		"\xcc\x81",	"\xe6\xbc\xa2", "\xe2\x80\xae", "\xf0\x9f\x98\x80",
		"\xef\xbf\xbd",
	};
	struct screen *s = screen_new(20, 1, true);

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(screen_put(s, 0, 0, SCREEN_PLAIN, bad[i]), 1);
		assert_string_equal(printed(s), "?\n");
	}
	screen_put(s, 0, 0, SCREEN_PLAIN, "\xc1\x9b|\xed\xa0\x80|\xe2\x96");
	assert_string_equal(printed(s), "\?\?|\?\?\?|\?\?\n");
	screen_free(s);
}

static void only_what_differs_is_shown(void **state)
{
	struct screen *a = screen_new(10, 3, true), *b = screen_new(10, 3, true);
	struct screen *c = screen_new(11, 3, true);

	screen_put(a, 0, 0, SCREEN_PLAIN, "same");
	screen_put(b, 0, 0, SCREEN_PLAIN, "same");
	screen_put(a, 1, 0, SCREEN_PLAIN, "old row");
	screen_put(b, 1, 0, SCREEN_PLAIN, "new");
	assert_string_equal(
		shown(a, NULL, true),
		"\033[0m\033[2J\033[1;1Hsame\033[K\033[2;1Hold row\033[K\033[3;1H\033[K");
	assert_string_equal(shown(b, a, true), "\033[2;1Hnew\033[K");
	assert_string_equal(shown(b, b, true), "");
	/* Of another size all is anew. */
	assert_non_null(strstr(shown(c, b, true), "\033[2J"));
	screen_free(a);
	screen_free(b);
	screen_free(c);
}

static void colours(void **state)
{
	struct screen *s = screen_new(10, 1, true), *plain = screen_new(10, 1, true);

	screen_put(s, 0, 0, SCREEN_GOOD, "up");
	screen_put(s, 0, 2, SCREEN_PLAIN, "!");
	screen_put(s, 0, 4, SCREEN_REVERSE, "x ");
	assert_string_equal(shown(s, NULL, true), "\033[0m\033[2J\033[1;1H\033[0;32mup\033[0m! "
						  "\033[0;7mx \033[0m\033[K");
	assert_string_equal(shown(s, NULL, false),
			    "\033[0m\033[2J\033[1;1Hup! \033[0;7mx \033[0m\033[K");
	/* A change of colour is one. */
	screen_put(plain, 0, 0, SCREEN_PLAIN, "up!");
	assert_non_null(strstr(shown(s, plain, true), "up"));
	screen_free(s);
	screen_free(plain);
}

/* An erasure behind the last column would take it away. */
static void a_full_row(void **state)
{
	struct screen *s = screen_new(3, 1, true);

	screen_put(s, 0, 0, SCREEN_PLAIN, "abc");
	assert_string_equal(shown(s, NULL, true), "\033[0m\033[2J\033[1;1Habc");
	screen_free(s);
}

static void sizes(void **state)
{
	struct screen *none = screen_new(0, 0, true), *huge = screen_new(1000000, 1000000, true);

	screen_put(none, 0, 0, SCREEN_PLAIN, "x");
	assert_string_equal(printed(none), "");
	assert_int_equal(huge->columns, SCREEN_COLUMNS_MAX);
	assert_int_equal(huge->rows, SCREEN_ROWS_MAX);
	screen_free(none);
	screen_free(huge);
	screen_free(NULL);
}

static int forget(void **state)
{
	free(text);
	text = NULL;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_cut_at_the_edges),
		cmocka_unit_test(characters),
		cmocka_unit_test(hostile_characters),
		cmocka_unit_test(only_what_differs_is_shown),
		cmocka_unit_test(colours),
		cmocka_unit_test(a_full_row),
		cmocka_unit_test(sizes),
	};

	return cmocka_run_group_tests(tests, NULL, forget);
}
