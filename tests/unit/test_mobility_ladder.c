/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/bytes.h"
#include "base/rng.h"
#include "mobility/ladder.h"

#define ELIMIT 3

static struct ladder fresh(void)
{
	const struct ladder_config config = { ELIMIT };
	struct ladder l;

	ladder_init(&l, &config);
	return l;
}

static struct ladder on(enum rung rung, unsigned nepoch, unsigned rounds)
{
	struct ladder l = fresh();

	l.rung = rung;
	l.nepoch = nepoch;
	l.rounds = rounds;
	return l;
}

/* ---- each row ---- */

struct expectation {
	enum ladder_event event;
	enum rung from;
	unsigned nepoch, rounds, addresses, gateways;
	enum ladder_step step;
	enum rung to;
	unsigned then_nepoch, then_rounds;
};

static const struct expectation expected[] = {
	{ LADDER_QUIET, RUNG_REST, 1, 0, 0, 0, LADDER_STAY, RUNG_PING, 1, 0 },
	{ LADDER_HEARD, RUNG_PING, 1, 0, 0, 0, LADDER_STAY, RUNG_REST, 1, 0 },
	{ LADDER_PROVED, RUNG_REST, 2, 0, 1, 1, LADDER_STAY, RUNG_REST, 0, 0 },
	{ LADDER_PROVED, RUNG_REKEY, 3, 0, 0, 0, LADDER_STAY, RUNG_REST, 0, 0 },
	{ LADDER_PROVED, RUNG_NEXT_GATEWAY, 3, 5, 0, 0, LADDER_STAY, RUNG_REST, 0, 0 },

	{ LADDER_SILENT, RUNG_PING, 3, 0, 0, 0, LADDER_NEGOTIATE, RUNG_REKEY, 0, 0 },
	{ LADDER_SILENT, RUNG_REKEY, 3, 0, 0, 0, LADDER_NEGOTIATE, RUNG_REKEY, 0, 0 },
	{ LADDER_SILENT, RUNG_NEW_IKE, 3, 1, 1, 1, LADDER_NEGOTIATE, RUNG_NEW_IKE, 0, 1 },

	{ LADDER_UNPROVED, RUNG_REST, 0, 0, 1, 1, LADDER_NEGOTIATE, RUNG_REKEY, 1, 0 },
	{ LADDER_FAILED, RUNG_REKEY, 2, 0, 1, 1, LADDER_NEGOTIATE, RUNG_REKEY, 3, 0 },
	{ LADDER_UNPROVED, RUNG_REKEY, 3, 0, 1, 1, LADDER_RECONNECT, RUNG_NEW_IKE, 0, 1 },
	{ LADDER_FAILED, RUNG_PING, 3, 0, 0, 0, LADDER_RECONNECT, RUNG_NEW_IKE, 0, 1 },
	{ LADDER_UNPROVED, RUNG_NEW_IKE, 2, 1, 1, 1, LADDER_NEGOTIATE, RUNG_NEW_IKE, 3, 1 },
	/* The first ISAKMP SA with the address that answered is given up, not yet the address. */
	{ LADDER_FAILED, RUNG_NEXT_ADDRESS, 3, 0, 1, 1, LADDER_RECONNECT, RUNG_NEXT_ADDRESS, 0, 1 },
	{ LADDER_UNPROVED, RUNG_NEW_IKE, 3, 1, 1, 1, LADDER_MOVE_ADDRESS, RUNG_NEXT_ADDRESS, 0, 2 },
	{ LADDER_UNPROVED, RUNG_NEXT_ADDRESS, 3, 2, 0, 1, LADDER_MOVE_ADDRESS, RUNG_NEXT_GATEWAY, 0,
	  3 },
	{ LADDER_UNPROVED, RUNG_NEXT_GATEWAY, 3, 3, 0, 0, LADDER_START_OVER, RUNG_NEW_IKE, 0, 4 },
	{ LADDER_FAILED, RUNG_NEW_IKE, 3, 1, 0, 0, LADDER_RECONNECT, RUNG_NEW_IKE, 0, 2 },

	{ LADDER_DEAD, RUNG_REST, 2, 0, 1, 1, LADDER_RECONNECT, RUNG_NEW_IKE, 0, 0 },
	{ LADDER_DEAD, RUNG_NEXT_ADDRESS, 2, 1, 1, 1, LADDER_RECONNECT, RUNG_NEXT_ADDRESS, 0, 1 },

	{ LADDER_IKE_FAILED, RUNG_NEW_IKE, 0, 1, 1, 1, LADDER_MOVE_ADDRESS, RUNG_NEXT_ADDRESS, 0,
	  1 },
	{ LADDER_IKE_FAILED, RUNG_REST, 0, 0, 0, 1, LADDER_MOVE_ADDRESS, RUNG_NEXT_GATEWAY, 0, 0 },
	{ LADDER_IKE_FAILED, RUNG_NEXT_GATEWAY, 0, 0, 0, 0, LADDER_START_OVER, RUNG_NEW_IKE, 0, 0 },
	{ LADDER_IKE_FAILED, RUNG_NEW_IKE, 1, 2, 0, 0, LADDER_RECONNECT, RUNG_NEW_IKE, 0, 2 },

	/* No rows: nothing changes. */
	{ LADDER_QUIET, RUNG_REKEY, 1, 0, 1, 1, LADDER_STAY, RUNG_REKEY, 1, 0 },
	{ LADDER_HEARD, RUNG_REKEY, 1, 0, 1, 1, LADDER_STAY, RUNG_REKEY, 1, 0 },
	{ LADDER_HEARD, RUNG_NEW_IKE, 1, 1, 1, 1, LADDER_STAY, RUNG_NEW_IKE, 1, 1 },
};

static void every_row(void **state)
{
	uint64_t reached = 0;
	char text[LADDER_ROW_TEXT_MAX];

	for (unsigned i = 0; i < ARRAY_SIZE(expected); i++) {
		const struct expectation *e = &expected[i];
		struct ladder l = on(e->from, e->nepoch, e->rounds);

		l.reached = &reached;
		assert_int_equal(ladder_event(&l, e->event, e->addresses, e->gateways), e->step);
		assert_int_equal(l.rung, e->to);
		assert_int_equal(l.nepoch, e->then_nepoch);
		assert_int_equal(l.rounds, e->then_rounds);
	}
	assert_true(ladder_rows() <= 64);
	for (unsigned i = 0; i < ladder_rows(); i++)
		if (!(reached & (uint64_t)1 << i))
			fail_msg("never reached: %s", ladder_row_text(i, text));
}

/* ---- stories ---- */

static void epochs_that_never_prove_climb_to_the_end_and_begin_again(void **state)
{
	static const enum ladder_step steps[] = { LADDER_RECONNECT, LADDER_MOVE_ADDRESS,
						  LADDER_MOVE_ADDRESS, LADDER_START_OVER,
						  LADDER_MOVE_ADDRESS };
	static const enum rung rungs[] = { RUNG_NEW_IKE, RUNG_NEXT_ADDRESS, RUNG_NEXT_GATEWAY,
					   RUNG_NEW_IKE, RUNG_NEXT_ADDRESS };
	struct ladder l = fresh();

	assert_int_equal(ladder_event(&l, LADDER_QUIET, 1, 1), LADDER_STAY);
	assert_int_equal(ladder_event(&l, LADDER_SILENT, 1, 1), LADDER_NEGOTIATE);
	for (unsigned i = 0; i < ARRAY_SIZE(steps); i++) {
		unsigned addresses = i % 4 < 2, gateways = i % 4 < 3;

		for (unsigned k = 0; k < ELIMIT; k++)
			assert_int_equal(ladder_event(&l, LADDER_UNPROVED, addresses, gateways),
					 LADDER_NEGOTIATE);
		assert_int_equal(ladder_event(&l, LADDER_UNPROVED, addresses, gateways), steps[i]);
		assert_int_equal(l.rung, rungs[i]);
	}
	assert_int_equal(ladder_event(&l, LADDER_PROVED, 0, 0), LADDER_STAY);
	assert_int_equal(l.rung, RUNG_REST);
	assert_int_equal(l.nepoch + l.rounds, 0);
}

static void without_a_limit_the_first_failure_is_enough(void **state)
{
	struct ladder l = fresh();

	l.config.elimit = 0;
	assert_int_equal(ladder_event(&l, LADDER_FAILED, 0, 0), LADDER_RECONNECT);
}

/* NEPOCH never passes its limit, and nobody is moved without somewhere to go. */
static void no_history_breaks_the_rules(void **state)
{
	for (uint64_t seed = 1; seed <= 3000; seed++) {
		struct rng_seed s;
		struct rng rng = rng_seeded(&s, seed);
		struct ladder l = fresh();
		unsigned unproved = 0;

		for (unsigned k = 0; k < 60; k++) {
			enum ladder_event event = (enum ladder_event)rng_below(&rng, 8);
			unsigned addresses = (unsigned)rng_below(&rng, 2);
			unsigned gateways = (unsigned)rng_below(&rng, 2);
			enum rung was = l.rung;
			enum ladder_step step = ladder_event(&l, event, addresses, gateways);

			unproved = event == LADDER_UNPROVED || event == LADDER_FAILED ?
					   unproved + 1 :
				   event == LADDER_QUIET || event == LADDER_HEARD ? unproved :
										    0;
			assert_true(l.nepoch <= ELIMIT);
			assert_true(unproved <= ELIMIT || step >= LADDER_RECONNECT);
			unproved = step >= LADDER_RECONNECT ? 0 : unproved;
			if (step == LADDER_MOVE_ADDRESS)
				assert_true(addresses + gateways > 0);
			if (step == LADDER_START_OVER)
				assert_true(addresses + gateways == 0);
			assert_true(l.rung >= was || l.rung == RUNG_REST ||
				    (step == LADDER_START_OVER && l.rung == RUNG_NEW_IKE) ||
				    step == LADDER_MOVE_ADDRESS);
		}
	}
}

static void rungs_and_rows_have_names(void **state)
{
	char a[LADDER_ROW_TEXT_MAX], b[LADDER_ROW_TEXT_MAX];

	assert_string_equal(rung_name(RUNG_REST), "rest");
	assert_string_equal(rung_name(RUNG_PING), "ping");
	assert_string_equal(rung_name(RUNG_REKEY), "rekey");
	assert_string_equal(rung_name(RUNG_NEW_IKE), "new-ike");
	assert_string_equal(rung_name(RUNG_NEXT_ADDRESS), "next-address");
	assert_string_equal(rung_name(RUNG_NEXT_GATEWAY), "next-gateway");
	assert_string_equal(ladder_row_text(0, a), "quiet rest any");
	assert_string_equal(ladder_row_text(5, a), "unproved,failed rest,ping,rekey within");
	for (unsigned i = 0; i < ladder_rows(); i++)
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(ladder_row_text(i, a), ladder_row_text(k, b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row),
		cmocka_unit_test(epochs_that_never_prove_climb_to_the_end_and_begin_again),
		cmocka_unit_test(without_a_limit_the_first_failure_is_enough),
		cmocka_unit_test(no_history_breaks_the_rules),
		cmocka_unit_test(rungs_and_rows_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
