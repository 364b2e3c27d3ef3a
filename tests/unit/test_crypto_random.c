/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>

#include "base/mem.h"
#include "crypto/crypto.h"

static void test_fills_all(void **state)
{
	static uint8_t a[5000], b[5000];
	size_t zeros = 0;

	rng_fill(crypto_rng(), a, sizeof(a));
	rng_fill(crypto_rng(), b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	/* 5000 bytes with a run of 16 zeros: not in this universe. */
	for (size_t i = 0; i < sizeof(a); i++) {
		zeros = a[i] ? 0 : zeros + 1;
		assert_true(zeros < 16);
	}
}

static void on_alarm(int signal)
{
}

/* Signals make the kernel stop in the middle: every byte must be filled all the same. */
static void test_goes_on_after_a_signal(void **state)
{
	const struct itimerval often = { { 0, 50 }, { 0, 50 } }, never = { { 0, 0 }, { 0, 0 } };
	const size_t n = (size_t)4 << 20;
	uint8_t *big = xcalloc(n, 1);
	uint8_t zeros[32] = { 0 };

	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &often, NULL);
	rng_fill(crypto_rng(), big, n);
	setitimer(ITIMER_REAL, &never, NULL);
	signal(SIGALRM, SIG_DFL);
	assert_memory_not_equal(big + n - sizeof(zeros), zeros, sizeof(zeros));
	free(big);
}

static void test_stays_inside(void **state)
{
	uint8_t b[64];

	for (size_t n = 0; n < 40; n++) {
		memset(b, 0, sizeof(b));
		rng_fill(crypto_rng(), b, n);
		for (size_t i = n; i < sizeof(b); i++)
			assert_int_equal(b[i], 0);
	}
}

static void test_library(void **state)
{
	assert_int_equal(crypto_init(), 0);
	assert_int_equal(crypto_init(), 0);
	assert_true(crypto_version()[0] >= '5');
	assert_true(strlen(crypto_package()) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fills_all),
		cmocka_unit_test(test_goes_on_after_a_signal),
		cmocka_unit_test(test_stays_inside),
		cmocka_unit_test(test_library),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
