/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rng.h"
#include "mobility/nat_model.h"

static const struct nat_model usual = {
	.tout = 2 * VTIME_S,
	.nout = 4,
	.tei = 60 * VTIME_S,
	.clients = 4,
};

static const struct prober_config good = {
	.pingtime = 2 * VTIME_S,
	.pingtries = 5,
	.maxidle = 20 * VTIME_S,
	.pingtime2 = 2 * VTIME_S,
	.pingtries2 = 5,
};

static void the_defaults_hold(void **state)
{
	struct nat_model_advice advice;

	assert_int_equal(nat_model_check(&usual, &good, &advice), 0);
}

static void a_short_pingtime_is_dropped_by_our_own_item(void **state)
{
	struct prober_config c = good;
	struct nat_model m = usual;
	struct nat_model_advice advice;

	c.pingtries = 17;
	c.pingtime = 500 * VTIME_MS;
	assert_int_equal(nat_model_check(&usual, &c, &advice), 0);
	c.pingtime--;
	assert_int_equal(nat_model_check(&usual, &c, &advice), NAT_MODEL_PINGTIME);
	assert_true(advice.pingtime == 500 * VTIME_MS);
	/* A third of 2 s is no whole number of nanoseconds. */
	m.nout = 3;
	c.pingtime = 666666666;
	assert_int_equal(nat_model_check(&m, &c, &advice), NAT_MODEL_PINGTIME);
	assert_true(advice.pingtime == 666666667);
	m.nout = 0;
	nat_model_check(&m, &c, &advice);
	assert_true(advice.pingtime == 2 * VTIME_S);
}

static void so_many_tries_as_others_may_collide(void **state)
{
	struct prober_config c = good;
	struct nat_model m = usual;
	struct nat_model_advice advice;

	m.clients = 5; /* 2 s * 5 / 2 s is not more than 5 */
	assert_int_equal(nat_model_check(&m, &c, &advice), NAT_MODEL_PINGTRIES);
	assert_int_equal(advice.pingtries, 6);
	c.pingtries = 6;
	assert_int_equal(nat_model_check(&m, &c, &advice), 0);
	m.clients = 0;
	c.pingtries = 0;
	assert_int_equal(nat_model_check(&m, &c, &advice), NAT_MODEL_PINGTRIES);
	assert_int_equal(advice.pingtries, 1);
	/* A pingtime that is too short as well: so many with the one that is advised. */
	c.pingtime = VTIME_MS;
	assert_int_equal(nat_model_check(&usual, &c, &advice),
			 NAT_MODEL_PINGTIME | NAT_MODEL_PINGTRIES);
	assert_int_equal(advice.pingtries, 17);
}

static void idleness_ends_before_the_item_does(void **state)
{
	struct prober_config c = good;
	struct nat_model_advice advice;

	c.maxidle = 60 * VTIME_S - 1;
	assert_int_equal(nat_model_check(&usual, &c, &advice), 0);
	c.maxidle = 60 * VTIME_S;
	assert_int_equal(nat_model_check(&usual, &c, &advice), NAT_MODEL_MAXIDLE);
	assert_true(advice.maxidle == 60 * VTIME_S);
	assert_true(advice.maxidle_lossy == 48 * VTIME_S);
	c.pingtime2 = 10 * VTIME_S;
	nat_model_check(&usual, &c, &advice);
	assert_true(advice.maxidle_lossy == 0);
	c.maxidle = 0; /* never */
	assert_int_equal(nat_model_check(&usual, &c, &advice), NAT_MODEL_MAXIDLE);
}

/* What is advised does, and a little less does not. */
static void advice_is_good_and_not_too_much(void **state)
{
	struct rng_seed seed;
	struct rng rng = rng_seeded(&seed, 1);

	for (unsigned i = 0; i < 20000; i++) {
		const struct nat_model m = {
			.tout = 1 + rng_below(&rng, 10 * VTIME_S),
			.nout = (unsigned)rng_below(&rng, 9),
			.tei = 2 + rng_below(&rng, 300 * VTIME_S),
			.clients = (unsigned)rng_below(&rng, 30),
		};
		struct prober_config c = {
			.pingtime = rng_below(&rng, 3 * VTIME_S),
			.pingtries = (unsigned)rng_below(&rng, 30),
			.maxidle = rng_below(&rng, 300 * VTIME_S),
		};
		struct nat_model_advice advice, again;
		unsigned faults = nat_model_check(&m, &c, &advice);

		if (faults & NAT_MODEL_PINGTIME)
			c.pingtime = advice.pingtime;
		if (faults & NAT_MODEL_PINGTRIES)
			c.pingtries = advice.pingtries;
		if (faults & NAT_MODEL_MAXIDLE)
			c.maxidle = advice.maxidle - 1;
		assert_int_equal(nat_model_check(&m, &c, &again), 0);
		assert_true((double)c.pingtime * c.pingtries > (double)m.tout * m.clients);
		c.pingtries -= (faults & NAT_MODEL_PINGTRIES) != 0;
		c.pingtime -= (faults & NAT_MODEL_PINGTIME) != 0;
		assert_int_equal(nat_model_check(&m, &c, &again) & faults & 3, faults & 3);
	}
}

static void large_values_do_not_wrap(void **state)
{
	const struct nat_model m = { 3600 * VTIME_S, 4096, 60 * VTIME_S, UINT32_MAX };
	struct nat_model_advice advice;

	assert_int_equal(nat_model_check(&m, &good, &advice), NAT_MODEL_PINGTRIES);
	assert_int_equal(advice.pingtries, UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_defaults_hold),
		cmocka_unit_test(a_short_pingtime_is_dropped_by_our_own_item),
		cmocka_unit_test(so_many_tries_as_others_may_collide),
		cmocka_unit_test(idleness_ends_before_the_item_does),
		cmocka_unit_test(advice_is_good_and_not_too_much),
		cmocka_unit_test(large_values_do_not_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
