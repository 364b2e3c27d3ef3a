/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "client/runtime.h"

#define CLEAR "\r\033[K"
#define LONG "pre-shared key, gateway is vpn.example.com, aes256-sha256-modp2048"

static void says(unsigned width, bool done, vtime took, const char *text, const char *wanted)
{
	char *said = NULL;
	size_t n = 0;
	struct progress p = { .out = open_memstream(&said, &n), .width = width };

	progress_step(&p, "authentication", done, took, text);
	fclose(p.out);
	assert_string_equal(said, wanted);
	free(said);
}

static void a_step_is_a_line_with_its_time(void **state)
{
	says(0, true, 1500 * VTIME_US, "done", "authentication   done   1.5 ms\n");
	says(80, true, 1500 * VTIME_MS, "done", CLEAR "authentication   done   1.50 s\n");
	says(80, false, 0, "done", CLEAR "authentication   done …");
	says(0, false, 0, "done", "");
}

static void on_a_terminal_it_is_as_wide(void **state)
{
	says(80, true, 0, LONG,
	     CLEAR "authentication   pre-shared key, gateway is vpn.example.com,\n"
		   "                 aes256-sha256-modp2048   0.0 ms\n");
	says(82, true, 0, "a text of fifty-six letters, none of which is to be wide",
	     CLEAR "authentication   a text of fifty-six letters, none of which is to be wide"
		   "   0.0 ms\n");
	says(81, true, 0, "a text of fifty-six letters, none of which is to be wide",
	     CLEAR "authentication   a text of fifty-six letters, none of which is to be\n"
		   "                 wide   0.0 ms\n");
	/* What is overwritten is one line in any case. */
	says(40, false, 0, LONG, CLEAR "authentication   pre-shared key, gatew …");
	says(0, true, 0, LONG, "authentication   " LONG "   0.0 ms\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_step_is_a_line_with_its_time),
		cmocka_unit_test(on_a_terminal_it_is_as_wide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
