/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "gateway/flood.h"

static struct addr source(unsigned n)
{
	char text[ADDR_TEXT_MAX];
	struct addr a;

	snprintf(text, sizeof(text), "198.%u.%u.%u", n >> 16, n >> 8 & 255, n & 255);
	assert_true(addr_parse(text, &a));
	return a;
}

/* As the gateway does it. Who had to go. */
static int come(struct halfopen *h, unsigned who, unsigned from)
{
	struct addr a = source(from);
	int victim = halfopen_victim(h, &a);

	if (victim != HALFOPEN_NONE)
		halfopen_remove(h, (unsigned)victim);
	halfopen_add(h, who, &a);
	return victim;
}

static void the_oldest_goes(void **state)
{
	struct halfopen h;

	halfopen_init(&h, 4, 4);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(come(&h, i, i), HALFOPEN_NONE);
	assert_int_equal(come(&h, 4, 4), 0);
	assert_int_equal(come(&h, 5, 5), 1);
	halfopen_remove(&h, 2);
	halfopen_remove(&h, 99);
	assert_int_equal(come(&h, 6, 6), HALFOPEN_NONE);
	assert_int_equal(come(&h, 7, 7), 3);
	assert_int_equal(h.n, 4);
	halfopen_free(&h);
}

static void who_has_shown_our_cookie_stays_longer(void **state)
{
	struct halfopen h;

	halfopen_init(&h, 3, 3);
	for (unsigned i = 0; i < 3; i++)
		come(&h, i, i);
	halfopen_returned(&h, 0);
	halfopen_returned(&h, 1);
	assert_int_equal(come(&h, 3, 3), 2);
	assert_int_equal(come(&h, 4, 4), 3);
	halfopen_returned(&h, 4);
	assert_int_equal(come(&h, 5, 5), 0);
	halfopen_free(&h);
}

static void no_source_takes_all(void **state)
{
	struct halfopen h;

	halfopen_init(&h, 8, 3);
	come(&h, 100, 1);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(come(&h, i, 7), HALFOPEN_NONE);
	assert_int_equal(come(&h, 3, 7), 0);
	assert_int_equal(come(&h, 4, 7), 1);
	assert_int_equal(come(&h, 101, 1), HALFOPEN_NONE);
	assert_int_equal(h.n, 5);
	halfopen_free(&h);
}

/* Whoever has an IPv6 address has as many as he likes. */
static void a_network_is_one_source(void **state)
{
	struct halfopen h;
	struct addr a, b, c;

	addr_parse("2001:db8:0:1::1", &a);
	addr_parse("2001:db8:0:1:ffff::2", &b);
	addr_parse("2001:db8:0:2::1", &c);
	halfopen_init(&h, 8, 1);
	halfopen_add(&h, 1, &a);
	assert_int_equal(halfopen_victim(&h, &b), 1);
	assert_int_equal(halfopen_victim(&h, &c), HALFOPEN_NONE);
	halfopen_free(&h);
}

static unsigned taken(struct rates *r, vtime now, unsigned from, unsigned tries)
{
	struct addr a = source(from);
	unsigned n = 0;

	for (unsigned i = 0; i < tries; i++)
		n += rates_take(r, now, &a);
	return n;
}

static void bursts_and_rates(void **state)
{
	struct rates r;

	rates_init(&r, 12345, 100, 50, 10, 20);
	assert_int_equal(taken(&r, 0, 1, 1000), 20);
	assert_int_equal(taken(&r, 0, 2, 1000), 20);
	assert_int_equal(taken(&r, 0, 3, 1000), 10);
	/* One second: a hundred in all, but no more than a bucket holds. */
	assert_int_equal(taken(&r, VTIME_S, 1, 1000), 10);
	assert_int_equal(taken(&r, VTIME_S, 4, 1000), 20);
	assert_int_equal(taken(&r, VTIME_S, 5, 1000), 20);
	assert_int_equal(taken(&r, VTIME_S, 6, 1000), 0);
	assert_int_equal(taken(&r, VTIME_S + 10 * VTIME_MS, 6, 1000), 1);
	assert_int_equal(taken(&r, 100 * VTIME_S, 1, 1000), 20);
}

/* What one source may not have does not count for the others. */
static void refusals_cost_nothing(void **state)
{
	struct rates r;

	rates_init(&r, 12345, 100, 100, 10, 10);
	assert_int_equal(taken(&r, 0, 1, 100000), 10);
	assert_int_equal(taken(&r, 0, 2, 100000), 10);
}

static void no_limit(void **state)
{
	struct rates r;

	rates_init(&r, 12345, 0, 0, 0, 0);
	assert_int_equal(taken(&r, 0, 1, 5000), 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_oldest_goes),
		cmocka_unit_test(who_has_shown_our_cookie_stays_longer),
		cmocka_unit_test(no_source_takes_all),
		cmocka_unit_test(a_network_is_one_source),
		cmocka_unit_test(bursts_and_rates),
		cmocka_unit_test(refusals_cost_nothing),
		cmocka_unit_test(no_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
