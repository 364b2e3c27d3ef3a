/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <ctype.h>
#include <string.h>

#include "base/drop.h"

static void test_names(void **state)
{
	for (int i = 0; i < DROP_COUNT; i++) {
		const char *name = drop_name((enum drop)i);

		assert_true(strlen(name) > 0);
		for (const char *c = name; *c; c++)
			assert_true(islower((unsigned char)*c) || *c == '_');
		for (int k = 0; k < i; k++)
			assert_string_not_equal(name, drop_name((enum drop)k));
	}
	assert_string_equal(drop_name(DROP_ICV), "auth_failed");
	assert_string_equal(drop_name(DROP_OUTER_SHORT), "outer_short");
	assert_string_equal(drop_name(DROP_COUNT), "unknown");
	assert_string_equal(drop_name((enum drop) - 1), "unknown");
}

static void test_count(void **state)
{
	struct drops d = { { 0 } };

	drop_count(&d, DROP_REPLAY);
	drop_count(&d, DROP_REPLAY);
	drop_count(&d, DROP_IKE_SOURCE);
	for (int i = 0; i < DROP_COUNT; i++)
		assert_int_equal(d.n[i], i == DROP_REPLAY ? 2 : i == DROP_IKE_SOURCE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
