/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/bytes.h"
#include "base/utf8.h"

/* The first and the last of each length, and those around what is left out. */
static void characters(void **state)
{
	static const struct {
		const char *text;
		uint32_t c;
		unsigned n;
	} all[] = {
		{ "\x01", 0x1, 1 },
		{ "\x7f", 0x7f, 1 },
		{ "\xc2\x80", 0x80, 2 },
		{ "\xdf\xbf", 0x7ff, 2 },
		{ "\xe0\xa0\x80", 0x800, 3 },
		{ "\xed\x9f\xbf", 0xd7ff, 3 },
		{ "\xee\x80\x80", 0xe000, 3 },
		{ "\xef\xbf\xbf", 0xffff, 3 },
		{ "\xf0\x90\x80\x80", 0x10000, 4 },
		{ "\xf4\x8f\xbf\xbf", 0x10ffff, 4 },
	};
	unsigned n;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		assert_int_equal(utf8_take(all[i].text, &n), all[i].c);
		assert_int_equal(n, all[i].n);
	}
}

/* Alone, cut off, longer than need be, half of a pair, too large. */
static void what_is_none(void **state)
{
	static const char *const all[] = {
		"\x80",
		"\xbf",
		"\xc2",
		"\xc2z",
		"\xe2\x82",
		"\xe2\x82z",
		"\xf0\x90\x80",
		"\xf0\x90\x80z",
		"\xc0\x80",
		"\xc1\xbf",
		"\xe0\x9f\xbf",
		"\xf0\x8f\xbf\xbf",
		"\xed\xa0\x80",
		"\xed\xbf\xbf",
		"\xf4\x90\x80\x80",
		"\xf7\xbf\xbf\xbf",
		"\xf8\x88\x80",
		"\xfe",
		"\xff",
	};
	unsigned n;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		assert_int_equal(utf8_take(all[i], &n), UTF8_NONE);
		assert_int_equal(n, 1);
	}
}

static void orders(void **state)
{
	static const uint32_t obeyed[] = { 0, 0x1b, 0x1f, 0x7f, 0x80, 0x9b, 0x9f };
	static const uint32_t shown[] = { ' ', '~', 0xa0, 0x20ac, 0xfffd };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(obeyed); i++) {
		assert_true(utf8_is_order(obeyed[i]));
		assert_false(utf8_is_shown(obeyed[i]));
	}
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		assert_false(utf8_is_order(shown[i]));
		assert_true(utf8_is_shown(shown[i]));
	}
	assert_false(utf8_is_shown(UTF8_NONE));
}

static void texts_are_tamed(void **state)
{
	char text[] = "a\x1b[2J \xc2\x9b"
		      "x \xe2\x82\xac \xff\n\xe2\x82";

	(void)state;
	utf8_tame(text);
	assert_string_equal(text, "a?[2J ??x \xe2\x82\xac ????");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(characters),
		cmocka_unit_test(what_is_none),
		cmocka_unit_test(orders),
		cmocka_unit_test(texts_are_tamed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
