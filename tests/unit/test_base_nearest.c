/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/nearest.h"

static const char *nearest(const char *word)
{
	static const char *const words[] = { "connect", "status", "disconnect", "check", "pfs" };
	struct nearest near = { .word = word };

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		nearest_offer(&near, words[i]);
	return near.best;
}

static void slips_are_near(void **state)
{
	(void)state;
	assert_string_equal(nearest("conect"), "connect");
	assert_string_equal(nearest("stauts"), "status");
	assert_string_equal(nearest("statu"), "status");
	assert_string_equal(nearest("CHECK"), "check");
	assert_string_equal(nearest("pgs"), "pfs");
}

static void a_beginning_is_near_and_a_slip_nearer(void **state)
{
	(void)state;
	assert_string_equal(nearest("disc"), "disconnect");
	assert_string_equal(nearest("connectx"), "connect");
}

static void other_words_are_not(void **state)
{
	(void)state;
	assert_null(nearest("gateway"));
	assert_null(nearest("x"));
	assert_null(nearest(""));
	/* Half of a short word is no slip. */
	assert_null(nearest("abs"));
	/* Longer than any word of ours: refused, not overrun. */
	assert_null(nearest("bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slips_are_near),
		cmocka_unit_test(a_beginning_is_near_and_a_slip_nearer),
		cmocka_unit_test(other_words_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
