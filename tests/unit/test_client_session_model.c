/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <string.h>

#include "client/session.h"

static void parameters_that_do_not_fit_are_named(void **state)
{
	struct session_config c = {
		.pingtime = 2 * VTIME_S,
		.pingtries = 5,
		.maxidle = 20 * VTIME_S,
		.pingtime2 = 2 * VTIME_S,
		.pingtries2 = 5,
		.nat_model = { .tout = 2 * VTIME_S, .nout = 4, .tei = 60 * VTIME_S, .clients = 4 },
	};
	char text[SESSION_WARNING_MAX];

	for (unsigned fault = NAT_MODEL_PINGTIME; fault <= NAT_MODEL_MAXIDLE; fault <<= 1)
		assert_false(session_nat_warning(&c, (enum nat_model_fault)fault, text));
	c.pingtime = 200 * VTIME_MS;
	assert_true(session_nat_warning(&c, NAT_MODEL_PINGTIME, text));
	assert_non_null(strstr(text, "[nat] pingtime = 200ms: "));
	assert_non_null(strstr(text, "500ms or more would do"));
	assert_true(session_nat_warning(&c, NAT_MODEL_PINGTRIES, text));
	assert_non_null(strstr(text, "[nat] pingtries = 5: "));
	assert_non_null(strstr(text, "with a pingtime of 500ms 17 or more would do"));
	c.maxidle = 60 * VTIME_S;
	assert_true(session_nat_warning(&c, NAT_MODEL_MAXIDLE, text));
	assert_non_null(strstr(text, "[nat] maxidle = 60s: "));
	assert_non_null(
		strstr(text, "less than 60s would do, or where pings are lost less than 48s"));
	c.pingtime2 = 10 * VTIME_S;
	assert_true(session_nat_warning(&c, NAT_MODEL_MAXIDLE, text));
	assert_non_null(strstr(text, "less than 60s would do"));
	assert_null(strstr(text, "pings are lost"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameters_that_do_not_fit_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
