/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "client/client.h"

#define HIDDEN                                                                                     \
	"7F407242A6A26402FFAB80AE33EFB61988873B7DA8C930FE599AC158E5CE9B50653D081216BFFB587C38C29E" \
	"02684BF5039E80D9807CC1D6"

static char password[CLIENT_PCF_PASSWORD_MAX + 1];

static void letters_of_either_case(void **state)
{
	char small[sizeof(HIDDEN)];

	assert_true(client_pcf_password(HIDDEN, password));
	assert_string_equal(password, "mygroupsecret");
	for (size_t i = 0; i < sizeof(HIDDEN); i++)
		small[i] = (char)(HIDDEN[i] >= 'A' ? HIDDEN[i] + 32 : HIDDEN[i]);
	memset(password, 0, sizeof(password));
	assert_true(client_pcf_password(small, password));
	assert_string_equal(password, "mygroupsecret");
}

static void what_is_none(void **state)
{
	static char much[8 * CLIENT_PCF_PASSWORD_MAX];
	char odd[sizeof(HIDDEN)] = HIDDEN;

	assert_false(client_pcf_password("", password));
	assert_false(client_pcf_password("7F", password));
	assert_false(client_pcf_password("mygroupsecret", password));
	odd[sizeof(HIDDEN) - 2] = '\0';
	assert_false(client_pcf_password(odd, password));
	odd[sizeof(HIDDEN) - 2] = 'g';
	assert_false(client_pcf_password(odd, password));
	memset(much, '0', sizeof(much) - 1);
	assert_false(client_pcf_password(much, password));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(letters_of_either_case),
		cmocka_unit_test(what_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
