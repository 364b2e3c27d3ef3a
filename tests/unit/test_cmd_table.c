/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "cmd/table.h"

static const struct table_column columns[] = {
	{ "name", TABLE_LEFT, true },
	{ "packets", TABLE_RIGHT, false },
	{ "state", TABLE_LEFT, false },
};

static void row(struct table *t, const char *name, int packets, enum table_colour colour,
		const char *state)
{
	table_cell(t, TABLE_PLAIN, "%s", name);
	table_cell(t, TABLE_PLAIN, "%d", packets);
	table_cell(t, colour, "%s", state);
}

static void expect(struct table *t, struct table_look look, const char *text)
{
	char *said;
	size_t size;
	FILE *out = open_memstream(&said, &size);

	table_print(t, out, look);
	fclose(out);
	assert_string_equal(said, text);
	free(said);
	table_free(t);
}

static void columns_fit_what_is_in_them(void **state)
{
	struct table *t = table_new(columns, 3);

	row(t, "office-and-home", 7, TABLE_PLAIN, "up");
	row(t, "x", 12345678, TABLE_PLAIN, "");
	assert_int_equal(table_rows(t), 2);
	expect(t, (struct table_look){ 0 },
	       "name              packets  state\n"
	       "office-and-home         7  up\n"
	       "x                12345678  \n");
}

static void only_a_head_without_rows(void **state)
{
	expect(table_new(columns, 3), (struct table_look){ 0 }, "name  packets  state\n");
}

static void what_is_missing_is_empty(void **state)
{
	struct table *t = table_new(columns, 3);

	table_cell(t, TABLE_PLAIN, "a");
	assert_int_equal(table_rows(t), 1);
	expect(t, (struct table_look){ 0 }, "name  packets  state\na              \n");
}

static void narrow_terminals_cut(void **state)
{
	struct table *t = table_new(columns, 3);

	row(t, "office-und-zu-H\xc3\xa4use", 7, TABLE_PLAIN, "up");
	expect(t, (struct table_look){ .width = 30 },
	       "name            packets  state\n"
	       "office-und-zu\xe2\x80\xa6        7  up\n");
}

/* What does not shrink stays whole, and a column is never narrower than its name. */
static void never_less_than_names(void **state)
{
	struct table *t = table_new(columns, 3);

	row(t, "officehouse", 1234567890, TABLE_PLAIN, "recovering");
	expect(t, (struct table_look){ .width = 20 },
	       "name     packets  state\n"
	       "off\xe2\x80\xa6  1234567890  recovering\n");
}

static void what_is_far_too_wide_is_a_list(void **state)
{
	struct table *t = table_new(columns, 3);

	row(t, "officehouse", 1234567890, TABLE_PLAIN, "recovering");
	row(t, "home", 1, TABLE_GOOD, "up");
	expect(t, (struct table_look){ .width = 10 },
	       "name     officehouse\n"
	       "packets  1234567890\n"
	       "state    recovering\n"
	       "\n"
	       "name     home\n"
	       "packets  1\n"
	       "state    up\n");
}

static void letters_count_and_not_bytes(void **state)
{
	struct table *t = table_new(columns, 3);

	row(t, "H\xc3\xa4user", 1, TABLE_PLAIN, "up");
	row(t, "Houses", 2, TABLE_PLAIN, "up");
	expect(t, (struct table_look){ 0 },
	       "name    packets  state\n"
	       "H\xc3\xa4user        1  up\n"
	       "Houses        2  up\n");
}

static void nothing_commands_the_terminal(void **state)
{
	struct table *t = table_new(columns, 3);

	row(t, "a\033[2Jb\n\xc2\x9b", 1, TABLE_PLAIN, "\177");
	expect(t, (struct table_look){ 0 },
	       "name       packets  state\n"
	       "a?[2Jb???        1  ?\n");
}

static void colours(void **state)
{
	struct table *t = table_new(columns, 3);

	row(t, "a", 1, TABLE_GOOD, "up");
	expect(t, (struct table_look){ .colour = true },
	       "\033[1mname\033[0m  \033[1mpackets\033[0m  \033[1mstate\033[0m\n"
	       "a           1  \033[32mup\033[0m\n");
}

static void a_file_is_no_terminal(void **state)
{
	FILE *f = tmpfile();
	struct table_look look = table_look(f);

	assert_int_equal(look.width, 0);
	assert_false(look.colour);
	fclose(f);
}

static void durations_and_sizes(void **state)
{
	char buf[32];

	assert_string_equal(table_duration(119, buf), "119 s");
	assert_string_equal(table_duration(7199, buf), "119 min");
	assert_string_equal(table_duration(11100, buf), "3 h 05 min");
	assert_string_equal(table_bytes(1023, buf), "1023 bytes");
	assert_string_equal(table_bytes(1536, buf), "1.5 KiB");
	assert_string_equal(table_bytes(5LL << 40, buf), "5.0 TiB");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_fit_what_is_in_them),
		cmocka_unit_test(only_a_head_without_rows),
		cmocka_unit_test(what_is_missing_is_empty),
		cmocka_unit_test(narrow_terminals_cut),
		cmocka_unit_test(never_less_than_names),
		cmocka_unit_test(what_is_far_too_wide_is_a_list),
		cmocka_unit_test(letters_count_and_not_bytes),
		cmocka_unit_test(nothing_commands_the_terminal),
		cmocka_unit_test(colours),
		cmocka_unit_test(a_file_is_no_terminal),
		cmocka_unit_test(durations_and_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
