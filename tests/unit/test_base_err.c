/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"

static const int all[] = {
	ERR_OK,	     ERR_MALFORMED,  ERR_UNSUPPORTED, ERR_AUTH,
	ERR_REPLAY,  ERR_UNEXPECTED, ERR_NO_PROPOSAL, ERR_PEER_REFUSED,
	ERR_TIMEOUT, ERR_BAD_KEY,    ERR_IDENTITY,    ERR_EXHAUSTED,
	ERR_SYSTEM,  ERR_PERMISSION, ERR_CONFIG,      ERR_NO_ROOM,
};

static void test_every_error_has_its_name(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		assert_true(strlen(err_name(all[i])) > 0);
		assert_string_not_equal(err_name(all[i]), "unknown error");
		assert_true(all[i] <= 0);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(err_name(all[i]), err_name(all[k]));
	}
	assert_string_equal(err_name(ERR_MALFORMED), "malformed");
	assert_string_equal(err_name(ERR_TIMEOUT), "no answer");
}

static void test_unknown(void **state)
{
	assert_string_equal(err_name(1), "unknown error");
	assert_string_equal(err_name(-1000), "unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_error_has_its_name),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
