/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "cmd/cmd.h"

static void word_is(const struct command_word *w, enum word_kind kind, bool optional,
		    const char *text)
{
	assert_int_equal(w->kind, kind);
	assert_int_equal(w->optional, optional);
	assert_int_equal(w->n, strlen(text));
	assert_memory_equal(w->text, text, w->n);
}

static void words_of_a_usage(void **state)
{
	const struct command c = { .operand = "[NAME] [IFACE ACTION]" };
	const struct command literal = { .operand = "sa|policy [NAME]" };
	const struct command needed = { .operand = "FILE|NAME" };
	const struct command repeated = { .operand = "[OPTIONS] [FILE...]" };
	struct command_word w[COMMAND_WORDS_MAX];

	assert_int_equal(command_words(&c, w), 3);
	word_is(&w[0], WORD_CONNECTION, true, "NAME");
	word_is(&w[1], WORD_INTERFACE, true, "IFACE");
	word_is(&w[2], WORD_NONE, true, "ACTION");
	assert_int_equal(command_words(&literal, w), 2);
	word_is(&w[0], WORD_LITERAL, false, "sa|policy");
	word_is(&w[1], WORD_CONNECTION, true, "NAME");
	assert_int_equal(command_words(&needed, w), 1);
	word_is(&w[0], WORD_CONFIGURATION, false, "FILE|NAME");
	assert_int_equal(command_words(&repeated, w), 2);
	word_is(&w[1], WORD_FILE, true, "FILE");
	assert_true(w[1].repeated);
	assert_false(w[0].repeated);
	assert_int_equal(command_words(&(struct command){ 0 }, w), 0);
}

static void words_of_several_kinds(void **state)
{
	const struct command c = { .operand = "[NAME] [ike|TUNNEL]" };
	struct command_word w[COMMAND_WORDS_MAX];

	assert_int_equal(command_words(&c, w), 2);
	word_is(&w[1], WORD_LITERAL, true, "ike|TUNNEL");
	assert_int_equal(word_kind(w[1].text, 3), WORD_LITERAL);
	assert_int_equal(word_kind(w[1].text + 4, 6), WORD_TUNNEL);
}

static void values_of_options(void **state)
{
	const struct command_option dir = { "--keylog", NULL, "DIR", "" };
	const struct command_option choice = { "--format", NULL, "text|json", "" };
	struct command_word w = option_word(&dir);

	word_is(&w, WORD_DIRECTORY, false, "DIR");
	w = option_word(&choice);
	word_is(&w, WORD_LITERAL, false, "text|json");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_of_a_usage),
		cmocka_unit_test(words_of_several_kinds),
		cmocka_unit_test(values_of_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
