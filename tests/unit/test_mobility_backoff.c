/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "mobility/backoff.h"

/* 0, 1, 2, 4 … 60 s, each a quarter more or less, and not always the same. */
static void waits_double_up_to_a_minute(void **state)
{
	static const unsigned seconds[] = { 0, 1, 2, 4, 8, 16, 32, 60, 60, 60 };
	struct rng_seed seed;
	struct rng rng = rng_seeded(&seed, 1);

	for (unsigned n = 0; n < sizeof(seconds) / sizeof(seconds[0]); n++) {
		vtime least = VTIME_NEVER, most = 0, want = seconds[n] * VTIME_S;

		for (unsigned i = 0; i < 1000; i++) {
			vtime wait = backoff_wait(n, &rng);

			least = wait < least ? wait : least;
			most = wait > most ? wait : most;
		}
		assert_true(least >= want - want / 4 && most <= want + want / 4);
		assert_true(least <= want - want / 5 && most >= want + want / 5);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_double_up_to_a_minute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
