/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "cmd/line.h"

static struct line line;

static enum line_state split(const char *text)
{
	return line_split(text, strlen(text), &line);
}

/* The words, with | behind each. */
static void splits(const char *text, const char *wanted)
{
	char got[256] = "";

	assert_int_equal(split(text), LINE_GOOD);
	for (unsigned i = 0; i < line.n; i++) {
		strcat(got, line.words[i]);
		strcat(got, "|");
	}
	assert_string_equal(got, wanted);
	assert_null(line.words[line.n]);
}

static void words_and_blanks(void **state)
{
	splits("", "");
	splits("  \t\n", "");
	splits("status", "status|");
	splits("  connect   office --no-detach\n", "connect|office|--no-detach|");
	splits("status # of the office", "status|");
	splits("# all of it", "");
	splits("a#b", "a#b|");
}

static void quotes(void **state)
{
	splits("connect 'my office.conf'", "connect|my office.conf|");
	splits("connect \"my office\".conf", "connect|my office.conf|");
	splits("a\\ b \\# \\'", "a b|#|'|");
	splits("'a\\b' \"a\\b\" \"a\\\"b\\\\\"", "a\\b|a\\b|a\"b\\|");
	splits("'' \"\" x", "||x|");
	splits("'it''s' \"it's\"", "its|it's|");
}

static void what_is_open(void **state)
{
	assert_int_equal(split("connect 'my off"), LINE_OPEN);
	assert_int_equal(line.quote, '\'');
	assert_string_equal(line.words[1], "my off");
	assert_true(line.inside);
	assert_int_equal(split("connect \"my"), LINE_OPEN);
	assert_int_equal(line.quote, '"');
	assert_int_equal(split("connect my\\"), LINE_OPEN);
	assert_int_equal(line.quote, '\\');
	assert_int_equal(split("connect my"), LINE_GOOD);
	assert_true(line.inside);
	assert_int_equal(split("connect my "), LINE_GOOD);
	assert_false(line.inside);
	assert_int_equal(split(""), LINE_GOOD);
	assert_false(line.inside);
}

static void limits(void **state)
{
	char text[LINE_SIZE_MAX + 2];

	memset(text, 'x', sizeof(text));
	assert_int_equal(line_split(text, LINE_SIZE_MAX, &line), LINE_GOOD);
	assert_int_equal(strlen(line.words[0]), LINE_SIZE_MAX);
	assert_int_equal(line_split(text, LINE_SIZE_MAX + 1, &line), LINE_TOO_LONG);
	for (unsigned i = 1; i < sizeof(text); i += 2)
		text[i] = ' ';
	assert_int_equal(line_split(text, 2 * LINE_WORDS_MAX, &line), LINE_GOOD);
	assert_int_equal(line.n, LINE_WORDS_MAX);
	assert_int_equal(line_split(text, 2 * LINE_WORDS_MAX + 1, &line), LINE_TOO_MANY);
}

/* What is quoted is read as what it was. */
static void quoted(const char *word, char quote, const char *wanted)
{
	char buf[64], text[80];

	assert_true(line_quote(word, quote, buf, sizeof(buf)));
	assert_string_equal(buf, wanted);
	snprintf(text, sizeof(text), "%c%s%c", quote ? quote : ' ', buf, quote ? quote : ' ');
	assert_int_equal(split(text), LINE_GOOD);
	assert_int_equal(line.n, 1);
	assert_string_equal(line.words[0], word);
}

static void quoting(void **state)
{
	char buf[8];

	quoted("my office", 0, "my\\ office");
	quoted("it's", 0, "it\\'s");
	quoted("my \"office\"", '"', "my \\\"office\\\"");
	quoted("my office", '\'', "my office");
	assert_false(line_quote("it's", '\'', buf, sizeof(buf)));
	assert_true(line_quote("1234567", 0, buf, sizeof(buf)));
	assert_false(line_quote("12345678", 0, buf, sizeof(buf)));
	assert_false(line_quote("123456 ", 0, buf, sizeof(buf)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_and_blanks), cmocka_unit_test(quotes),
		cmocka_unit_test(what_is_open),	    cmocka_unit_test(limits),
		cmocka_unit_test(quoting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
