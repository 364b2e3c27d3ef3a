/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "tests/unit/epoch_parts.h"

/* ---- the rows, one by one ---- */

static void the_first_waits_for_its_proof_where_it_must(void **state)
{
	struct epochs es = first(true, true);

	assert_int_equal(current(&es), 0);
	assert_int_equal(next(&es), P);
	run(&es, day.rekey_at - 1, P);
	assert_int_equal(current(&es), 0);
	assert_int_equal(epochs_event(&es, hour, P, EPOCH_EVENT_ANSWERED), 0);
	assert_int_equal(current(&es), 0);
	epochs_event(&es, hour, P, EPOCH_EVENT_PROVED);
	assert_int_equal(current(&es), P);
	/* Probes without need for proof, and need for proof without probes. */
	es = first(false, true);
	assert_int_equal(current(&es), P);
	es = first(true, false);
	assert_int_equal(current(&es), P);
}

/* Nobody has answered: data alone must prove what waits. */
static void trust_may_change(void **state)
{
	struct epochs es = first(true, true);

	epochs_set_trust(&es, true, false);
	run(&es, PATIENCE, P);
	assert_int_equal(current(&es), P);
	es = first(true, true);
	epochs_install(&es, VTIME_S, N, &day);
	epochs_set_trust(&es, false, true);
	run(&es, PATIENCE, P);
	assert_int_equal(current(&es), N);
}

static void the_next_waits_for_its_proof_beside_one_in_doubt(void **state)
{
	struct epochs es = trusted(true, true);

	assert_int_equal(epochs_event(&es, hour, P, EPOCH_EVENT_SILENT), EPOCH_NEGOTIATE);
	epochs_install(&es, hour, N, &day);
	assert_int_equal(current(&es), 0);
	assert_int_equal(next(&es), N);
	/* The old one is heard again, and then the new one. */
	epochs_heard(&es, hour, P);
	assert_int_equal(current(&es), P);
	epochs_event(&es, hour, N, EPOCH_EVENT_PROVED);
	assert_int_equal(current(&es), N);
	assert_int_equal(state_of(&es, P), EPOCH_RETIRING);
}

static void an_answer_on_p_is_enough_where_no_nat_guesses(void **state)
{
	struct epochs es = trusted_two(false, true);

	assert_int_equal(epochs_event(&es, hour, N, EPOCH_EVENT_ANSWERED), 0);
	assert_int_equal(current(&es), N);
	assert_int_equal(state_of(&es, P), EPOCH_RETIRING);
	/* The peer has it: it is not given up. */
	assert_int_equal(epochs_event(&es, hour, N, EPOCH_EVENT_UNPROVED), 0);
	assert_int_equal(current(&es), N);
	es = trusted_two(true, true);
	assert_int_equal(epochs_event(&es, hour, N, EPOCH_EVENT_ANSWERED), 0);
	assert_int_equal(current(&es), P);
	assert_int_equal(next(&es), N);
	assert_int_equal(epochs_event(&es, hour, N, EPOCH_EVENT_UNPROVED),
			 EPOCH_NEGOTIATE | EPOCH_DELETE);
}

static void an_answer_ends_a_doubt(void **state)
{
	struct epochs es = trusted(false, true);

	epochs_event(&es, hour, P, EPOCH_EVENT_SILENT);
	epochs_event(&es, hour, P, EPOCH_EVENT_ANSWERED);
	assert_int_equal(current(&es), P);
	es = trusted(true, true);
	epochs_event(&es, hour, P, EPOCH_EVENT_SILENT);
	epochs_event(&es, hour, P, EPOCH_EVENT_ANSWERED);
	assert_int_equal(current(&es), 0);
}

/* Received on for a while, and never sent on again, whatever comes and whatever goes. */
static void n_unproved_is_given_up(void **state)
{
	for (unsigned mode = 0; mode < 2; mode++) {
		struct epochs es = trusted_two(mode == 1, true);
		vtime until = hour + EPOCH_LINGER;

		assert_int_equal(epochs_event(&es, hour, N, EPOCH_EVENT_UNPROVED),
				 EPOCH_NEGOTIATE | EPOCH_DELETE);
		assert_int_equal(current(&es), P);
		assert_int_equal(next(&es), 0);
		assert_int_equal(epochs_event(&es, hour, N, EPOCH_EVENT_PROVED), 0);
		assert_int_equal(epochs_event(&es, hour, P, EPOCH_EVENT_DELETED), EPOCH_NEGOTIATE);
		assert_int_equal(epochs_event(&es, hour, N, EPOCH_EVENT_PROVED), 0);
		assert_int_equal(current(&es), 0);
		epochs_heard(&es, until - 1, N);
		run(&es, until - 1, N);
		assert_int_equal(state_of(&es, N), EPOCH_RETIRING);
		assert_int_equal(run(&es, until, N), 0);
		assert_int_equal(state_of(&es, N), EPOCH_DEAD);
	}
}

static void n_unproved_that_has_a_successor_is_no_loss(void **state)
{
	struct epochs es = trusted_two(true, true);

	epochs_install(&es, hour + VTIME_S, N2, &day);
	assert_int_equal(epochs_event(&es, hour, N, EPOCH_EVENT_UNPROVED), EPOCH_DELETE);
	assert_int_equal(next(&es), N2);
}

static void the_first_unproved_is_given_up_where_it_must_be_proved(void **state)
{
	struct epochs es = first(true, true);

	assert_int_equal(epochs_event(&es, PATIENCE, P, EPOCH_EVENT_UNPROVED),
			 EPOCH_NEGOTIATE | EPOCH_DELETE);
	assert_int_equal(current(&es), 0);
	assert_int_equal(state_of(&es, P), EPOCH_RETIRING);
	epochs_install(&es, PATIENCE, N, &day);
	assert_int_equal(next(&es), N);
}

static void the_first_unproved_is_in_doubt_elsewhere(void **state)
{
	struct epochs es = first(false, true);

	assert_int_equal(epochs_event(&es, PATIENCE, P, EPOCH_EVENT_UNPROVED), EPOCH_NEGOTIATE);
	assert_int_equal(state_of(&es, P), EPOCH_CURRENT);
	assert_int_equal(current(&es), 0);
	epochs_event(&es, PATIENCE, P, EPOCH_EVENT_PROVED);
	assert_int_equal(current(&es), P);
	/* The verdict comes too late. */
	assert_int_equal(epochs_event(&es, PATIENCE, P, EPOCH_EVENT_UNPROVED), 0);
	assert_int_equal(current(&es), P);
	es = first(false, true);
	epochs_event(&es, PATIENCE, P, EPOCH_EVENT_UNPROVED);
	epochs_install(&es, PATIENCE, N, &day);
	assert_int_equal(current(&es), N);
	assert_int_equal(state_of(&es, P), EPOCH_RETIRING);
}

/* P had failed, and N had to take over as it was. */
static void n_that_took_over_unproved_is_given_up_as_well(void **state)
{
	const enum epoch_event ends[] = { EPOCH_EVENT_DELETED, EPOCH_EVENT_EXHAUSTED,
					  EPOCH_EVENT_EXPIRED };

	for (unsigned i = 0; i < 3; i++) {
		struct epochs es = trusted_two(true, true);

		assert_int_equal(epochs_event(&es, hour, P, ends[i]), 0);
		assert_int_equal(current(&es), N);
		assert_int_equal(epochs_event(&es, hour, N, EPOCH_EVENT_UNPROVED),
				 EPOCH_NEGOTIATE | EPOCH_DELETE);
		assert_int_equal(current(&es), 0);
		assert_int_equal(state_of(&es, N), EPOCH_RETIRING);
	}
}

static void silence_puts_p_in_doubt_until_it_is_heard(void **state)
{
	struct epochs es = trusted(true, true);

	assert_int_equal(epochs_event(&es, hour, P, EPOCH_EVENT_SILENT), EPOCH_NEGOTIATE);
	assert_int_equal(current(&es), 0);
	assert_int_equal(state_of(&es, P), EPOCH_CURRENT);
	epochs_heard(&es, hour, P);
	assert_int_equal(current(&es), P);
	/* There is nothing to choose from: the new one is used at once, where it may. */
	es = trusted(false, true);
	epochs_event(&es, hour, P, EPOCH_EVENT_SILENT);
	epochs_install(&es, hour, N, &day);
	assert_int_equal(current(&es), N);
	/* One that is there already as well. */
	es = trusted_two(false, true);
	epochs_event(&es, hour + VTIME_S, P, EPOCH_EVENT_SILENT);
	run(&es, hour + VTIME_S, N);
	assert_int_equal(current(&es), N);
	es = trusted_two(true, true);
	epochs_event(&es, hour + VTIME_S, P, EPOCH_EVENT_SILENT);
	run(&es, hour + PATIENCE, N);
	assert_int_equal(current(&es), 0);
}

static void what_probes_prove_is_never_overdue(void **state)
{
	for (unsigned mode = 0; mode < 4; mode++) {
		struct epochs es = trusted(mode & 1, mode & 2);

		epochs_install(&es, day.margin_at, N, &day);
		run(&es, day.margin_at + PATIENCE - 1, N);
		assert_int_equal(current(&es), P);
		run(&es, day.margin_at + PATIENCE, N);
		assert_int_equal(current(&es), mode & 2 ? P : N);
	}
}

static void a_retiring_one_that_is_proved_is_better_than_nothing(void **state)
{
	struct epochs es = first(false, true);

	epochs_event(&es, hour, P, EPOCH_EVENT_UNPROVED);
	epochs_install(&es, hour, N, &day);
	epochs_event(&es, hour, P, EPOCH_EVENT_PROVED);
	assert_int_equal(current(&es), N);
	es = first(false, true);
	epochs_event(&es, hour, P, EPOCH_EVENT_UNPROVED);
	epochs_install(&es, hour, N, &day);
	epochs_event(&es, hour, N, EPOCH_EVENT_UNPROVED);
	epochs_event(&es, hour, P, EPOCH_EVENT_PROVED);
	assert_int_equal(current(&es), P);
	assert_int_equal(state_of(&es, N), EPOCH_RETIRING);
}

static void rows_are_counted_and_have_names(void **state)
{
	struct epochs es;
	uint64_t reached = 0;
	char a[EPOCHS_ROW_TEXT_MAX], b[EPOCHS_ROW_TEXT_MAX];

	assert_true(epochs_rows() <= 64);
	for (unsigned i = 0; i < epochs_rows(); i++)
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(epochs_row_text(i, a), epochs_row_text(k, b));
	assert_string_equal(epochs_row_text(0, a), "installed free covered");
	epochs_init(&es, PATIENCE);
	es.reached = &reached;
	epochs_install(&es, 0, P, &day);
	epochs_install(&es, 0, N, &day);
	assert_int_equal(reached, 1 << 0 | 1 << 2);
	epochs_event(&es, 0, P, EPOCH_EVENT_UNPROVED);
	epochs_event(&es, 0, P, EPOCH_EVENT_PROVED);
	epochs_event(&es, 0, P, EPOCH_EVENT_UNPROVED);
	for (unsigned i = 0; i < epochs_rows(); i++)
		if (strcmp(epochs_row_text(i, a), "proved current any") == 0)
			reached &= ~((uint64_t)1 << i);
	assert_string_equal(epochs_row_text((unsigned)__builtin_ctzll(reached & ~UINT64_C(7)), a),
			    "unproved current any");
}

/* ---- in doubt ---- */

static void doubt_sends_on_none(void **state)
{
	struct epochs es = two();

	epochs_doubt(&es);
	assert_false(epochs_usable(&es));
	assert_int_equal(current(&es), 0);
	assert_int_equal(epochs_event(&es, hour, P, EPOCH_EVENT_EXPIRED), EPOCH_NEGOTIATE);
	assert_int_equal(current(&es), 0);
	assert_false(epochs_usable(&es));
	epochs_event(&es, hour, N, EPOCH_EVENT_PROVED);
	assert_true(epochs_usable(&es));
}

/* Data alone does not tell whether the peer will keep it: the successor is used at once. */
static void what_is_heard_again_is_sent_on_until_the_next(void **state)
{
	struct epochs es = one();

	assert_false(epochs_heard(&es, hour, P));
	epochs_doubt(&es);
	assert_true(epochs_heard(&es, hour, P));
	assert_false(epochs_heard(&es, hour, P));
	assert_int_equal(current(&es), P);
	assert_false(epochs_usable(&es));
	epochs_doubt(&es);
	assert_int_equal(current(&es), 0);
	epochs_heard(&es, hour, P);
	epochs_install(&es, hour, N, &day);
	assert_int_equal(current(&es), N);
	assert_int_equal(state_of(&es, P), EPOCH_RETIRING);
}

/* Probes tell, and what works is kept until then. */
static void what_is_heard_again_is_trusted_where_probes_tell(void **state)
{
	struct epochs es = trusted(false, true);

	epochs_doubt(&es);
	assert_int_equal(current(&es), 0);
	epochs_heard(&es, hour, P);
	assert_int_equal(current(&es), P);
	assert_true(epochs_usable(&es));
	epochs_install(&es, hour, N, &day);
	assert_int_equal(current(&es), P);
	assert_int_equal(next(&es), N);
}

static void what_is_superseded_carries_on_until_the_next(void **state)
{
	struct epochs es = two();

	epochs_supersede(&es);
	assert_int_equal(current(&es), P);
	assert_false(epochs_usable(&es));
	epochs_install(&es, hour, N2, &day);
	assert_int_equal(current(&es), N2);
	es = one();
	epochs_doubt(&es);
	epochs_supersede(&es);
	assert_int_equal(current(&es), 0);
	/* Where it must be proved first there is no gap until it is. */
	es = trusted(true, true);
	epochs_supersede(&es);
	epochs_install(&es, hour, N, &day);
	assert_int_equal(current(&es), P);
	epochs_event(&es, hour, N, EPOCH_EVENT_PROVED);
	assert_int_equal(current(&es), N);
}

static void one_that_was_told_to_go_does_not_take_over(void **state)
{
	struct epochs es = two();
	vtime told = hour + EPOCH_LINGER;

	epochs_event(&es, hour, N, EPOCH_EVENT_PROVED);
	assert_int_equal(run(&es, told, P), EPOCH_DELETE);
	assert_int_equal(epochs_event(&es, told, N, EPOCH_EVENT_DELETED), EPOCH_NEGOTIATE);
	assert_int_equal(current(&es), 0);
	assert_false(epochs_usable(&es));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_waits_for_its_proof_where_it_must),
		cmocka_unit_test(trust_may_change),
		cmocka_unit_test(the_next_waits_for_its_proof_beside_one_in_doubt),
		cmocka_unit_test(an_answer_on_p_is_enough_where_no_nat_guesses),
		cmocka_unit_test(an_answer_ends_a_doubt),
		cmocka_unit_test(n_unproved_is_given_up),
		cmocka_unit_test(n_unproved_that_has_a_successor_is_no_loss),
		cmocka_unit_test(the_first_unproved_is_given_up_where_it_must_be_proved),
		cmocka_unit_test(the_first_unproved_is_in_doubt_elsewhere),
		cmocka_unit_test(n_that_took_over_unproved_is_given_up_as_well),
		cmocka_unit_test(silence_puts_p_in_doubt_until_it_is_heard),
		cmocka_unit_test(what_probes_prove_is_never_overdue),
		cmocka_unit_test(a_retiring_one_that_is_proved_is_better_than_nothing),
		cmocka_unit_test(rows_are_counted_and_have_names),
		cmocka_unit_test(doubt_sends_on_none),
		cmocka_unit_test(what_is_heard_again_is_sent_on_until_the_next),
		cmocka_unit_test(what_is_heard_again_is_trusted_where_probes_tell),
		cmocka_unit_test(what_is_superseded_carries_on_until_the_next),
		cmocka_unit_test(one_that_was_told_to_go_does_not_take_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
