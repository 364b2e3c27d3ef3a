/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/bytes.h"
#include "base/rng.h"
#include "mobility/epoch.h"

#define PATIENCE (12 * VTIME_S)
#define P 1
#define N 2
#define N2 3

static const struct epoch_life day = { 7 * 3600 * VTIME_S, 8 * 3600 * VTIME_S, 9 * 3600 * VTIME_S };

static struct epochs one(void)
{
	struct epochs es;

	epochs_init(&es, PATIENCE);
	assert_int_equal(epochs_install(&es, 0, P, &day), 0);
	return es;
}

/* P has carried data for an hour when N comes. */
static const vtime hour = 3600 * VTIME_S;

static struct epochs two(void)
{
	struct epochs es = one();

	assert_int_equal(epochs_install(&es, hour, N, &day), 1);
	return es;
}

static struct epochs three(void)
{
	struct epochs es = two();

	assert_int_equal(epochs_install(&es, hour + VTIME_S, N2, &day), 2);
	return es;
}

static uint32_t current(const struct epochs *es)
{
	int at = epochs_current(es);

	return at < 0 ? 0 : es->epoch[at].id;
}

static uint32_t next(const struct epochs *es)
{
	int at = epochs_next(es);

	return at < 0 ? 0 : es->epoch[at].id;
}

static enum epoch_state state_of(const struct epochs *es, uint32_t id)
{
	for (unsigned i = 0; i < EPOCHS_MAX; i++)
		if (es->epoch[i].id == id)
			return es->epoch[i].state;
	return EPOCH_FREE;
}

/* P has carried data for long, and from now on epochs are trusted so. */
static struct epochs trusted(bool strict, bool probed)
{
	struct epochs es = one();

	epochs_event(&es, 0, P, EPOCH_EVENT_PROVED);
	epochs_set_trust(&es, strict, probed);
	return es;
}

static struct epochs trusted_two(bool strict, bool probed)
{
	struct epochs es = trusted(strict, probed);

	epochs_install(&es, hour, N, &day);
	return es;
}

/* Nothing is there before P. */
static struct epochs first(bool strict, bool probed)
{
	struct epochs es;

	epochs_init(&es, PATIENCE);
	epochs_set_trust(&es, strict, probed);
	epochs_install(&es, 0, P, &day);
	return es;
}

/* What time brings until then, in order; returns the actions that were asked for `id`. */
static unsigned run(struct epochs *es, vtime until, uint32_t id)
{
	unsigned actions = 0, turns = 0;
	enum epoch_event event;
	uint32_t which;

	while (epochs_deadline(es) <= until) {
		vtime now = epochs_deadline(es);

		while (epochs_due(es, now, &which, &event)) {
			unsigned a = epochs_event(es, now, which, event);

			actions |= which == id ? a : 0;
			assert_true(turns++ < 100);
		}
	}
	return actions;
}

/* ---- the rows, one by one ---- */

static void the_first_is_used_at_once(void **state)
{
	struct epochs es = one();

	assert_int_equal(current(&es), P);
	assert_int_equal(next(&es), 0);
	assert_true(epochs_usable(&es));
}

static void one_that_replaces_an_unusable_one_is_used_at_once(void **state)
{
	struct epochs es = one();

	epochs_event(&es, hour, P, EPOCH_EVENT_DELETED);
	epochs_install(&es, hour, N, &day);
	assert_int_equal(current(&es), N);
	es = one();
	epochs_doubt(&es);
	assert_int_equal(current(&es), 0); /* the peer may have lost it */
	assert_false(epochs_usable(&es));
	epochs_install(&es, hour, N, &day);
	assert_int_equal(current(&es), N);
	assert_int_equal(state_of(&es, P), EPOCH_RETIRING);
}

static void n_installed_leaves_data_on_p(void **state)
{
	struct epochs es = two();

	assert_int_equal(current(&es), P);
	assert_int_equal(next(&es), N);
	assert_int_equal(state_of(&es, N), EPOCH_PROBING);
}

static void a_packet_on_n_moves_data_to_it(void **state)
{
	struct epochs es = two();

	assert_int_equal(epochs_event(&es, hour, N, EPOCH_EVENT_PROVED), 0);
	assert_int_equal(current(&es), N);
	assert_int_equal(next(&es), 0);
	assert_int_equal(state_of(&es, P), EPOCH_RETIRING);
}

static void a_packet_on_p_or_on_a_retiring_one_changes_nothing(void **state)
{
	struct epochs es = two();

	epochs_event(&es, hour, P, EPOCH_EVENT_PROVED);
	assert_int_equal(current(&es), P);
	epochs_event(&es, hour, N, EPOCH_EVENT_PROVED);
	epochs_event(&es, hour, P, EPOCH_EVENT_PROVED);
	assert_int_equal(current(&es), N);
}

static void p_deleted_by_the_peer_moves_data_to_n(void **state)
{
	struct epochs es = two();

	assert_int_equal(epochs_event(&es, hour, P, EPOCH_EVENT_DELETED), 0);
	assert_int_equal(current(&es), N);
	assert_int_equal(state_of(&es, P), EPOCH_RETIRING);
	/* It stays for what is still on its way. */
	run(&es, hour + EPOCH_LINGER - 1, P);
	assert_int_equal(state_of(&es, P), EPOCH_RETIRING);
}

static void p_deleted_without_n_leaves_nothing_and_negotiates(void **state)
{
	struct epochs es = one();

	assert_int_equal(epochs_event(&es, hour, P, EPOCH_EVENT_DELETED), EPOCH_NEGOTIATE);
	assert_int_equal(current(&es), 0);
	assert_false(epochs_usable(&es));
}

static void p_used_up_moves_data_to_n(void **state)
{
	struct epochs es = two();

	assert_int_equal(epochs_event(&es, hour, P, EPOCH_EVENT_EXHAUSTED), 0);
	assert_int_equal(current(&es), N);
	es = one();
	assert_int_equal(epochs_event(&es, hour, P, EPOCH_EVENT_EXHAUSTED), EPOCH_NEGOTIATE);
	assert_int_equal(current(&es), 0);
}

static void p_at_the_end_of_its_life_moves_data_to_n(void **state)
{
	struct epochs es;
	struct epoch_life short_life = { VTIME_NEVER, VTIME_NEVER, 5 * VTIME_S };

	epochs_init(&es, PATIENCE);
	epochs_install(&es, 0, P, &short_life);
	epochs_install(&es, 4 * VTIME_S, N, &day);
	assert_int_equal(run(&es, 5 * VTIME_S, P), 0);
	assert_int_equal(current(&es), N);
	/* The Delete waits until nothing of ours can meet it; P is received on long after. */
	assert_int_equal(run(&es, 5 * VTIME_S + EPOCH_GRACE - 1, P), 0);
	assert_int_equal(run(&es, 5 * VTIME_S + EPOCH_GRACE, P), EPOCH_DELETE);
	run(&es, 5 * VTIME_S + EPOCH_GRACE + EPOCH_LINGER - 1, P);
	assert_int_equal(state_of(&es, P), EPOCH_RETIRING);
	assert_int_equal(run(&es, 5 * VTIME_S + EPOCH_GRACE + EPOCH_LINGER, P), 0);
	assert_int_equal(state_of(&es, P), EPOCH_DEAD);
}

static void p_at_the_end_without_n_leaves_nothing_and_negotiates(void **state)
{
	struct epochs es = one();

	assert_int_equal(epochs_event(&es, hour, P, EPOCH_EVENT_EXPIRED), EPOCH_NEGOTIATE);
	assert_int_equal(current(&es), 0);
}

static void n_overdue_is_used_in_the_margin_of_p(void **state)
{
	struct epochs es = two();

	/* P has long to live: N must be proved. */
	run(&es, hour + 2 * PATIENCE, N);
	assert_int_equal(current(&es), P);
	es = one();
	epochs_install(&es, day.margin_at - VTIME_S, N, &day);
	run(&es, day.margin_at - VTIME_S + PATIENCE - 1, N);
	assert_int_equal(current(&es), P);
	run(&es, day.margin_at - VTIME_S + PATIENCE, N);
	assert_int_equal(current(&es), N);
	assert_int_equal(state_of(&es, P), EPOCH_RETIRING);
}

static void n_deleted_by_the_peer_leaves_p_and_negotiates(void **state)
{
	struct epochs es = two();

	assert_int_equal(epochs_event(&es, hour, N, EPOCH_EVENT_DELETED), EPOCH_NEGOTIATE);
	assert_int_equal(current(&es), P);
	assert_int_equal(next(&es), 0);
}

static void n_deleted_that_has_a_successor_is_no_loss(void **state)
{
	struct epochs es = three();

	assert_int_equal(epochs_event(&es, hour, N, EPOCH_EVENT_DELETED), 0);
	assert_int_equal(current(&es), P);
	assert_int_equal(next(&es), N2);
}

static void n_used_up_or_expired_is_replaced(void **state)
{
	struct epochs es = two();

	assert_int_equal(epochs_event(&es, hour, N, EPOCH_EVENT_EXHAUSTED), EPOCH_NEGOTIATE);
	es = two();
	assert_int_equal(epochs_event(&es, hour, N, EPOCH_EVENT_EXPIRED),
			 EPOCH_NEGOTIATE | EPOCH_DELETE);
	es = three();
	assert_int_equal(epochs_event(&es, hour, N, EPOCH_EVENT_EXHAUSTED), 0);
	es = three();
	assert_int_equal(epochs_event(&es, hour, N, EPOCH_EVENT_EXPIRED), EPOCH_DELETE);
	assert_int_equal(current(&es), P);
}

static void a_retiring_one_is_not_hurt_by_what_ends_sending(void **state)
{
	struct epochs es = two();

	epochs_event(&es, hour, N, EPOCH_EVENT_PROVED);
	assert_int_equal(epochs_event(&es, hour, P, EPOCH_EVENT_DELETED), 0);
	assert_int_equal(epochs_event(&es, hour, P, EPOCH_EVENT_EXHAUSTED), 0);
	assert_int_equal(state_of(&es, P), EPOCH_RETIRING);
	assert_int_equal(current(&es), N);
}

static void of_two_the_one_proved_last_is_used(void **state)
{
	struct epochs es = three();

	epochs_event(&es, hour, N2, EPOCH_EVENT_PROVED);
	assert_int_equal(current(&es), N2);
	epochs_event(&es, hour, N, EPOCH_EVENT_PROVED);
	assert_int_equal(current(&es), N);
	assert_int_equal(state_of(&es, N2), EPOCH_RETIRING);
}

/* The peer may have chosen the other one, and our Delete may be lost. */
static void the_rival_is_received_to_the_end_of_its_life(void **state)
{
	struct epochs es = three();

	epochs_event(&es, hour, N, EPOCH_EVENT_PROVED);
	epochs_event(&es, hour, N2, EPOCH_EVENT_PROVED);
	assert_int_equal(run(&es, hour + EPOCH_LINGER - 1, N), 0);
	assert_int_equal(run(&es, hour + EPOCH_LINGER, N), EPOCH_DELETE);
	run(&es, day.expires_at - 1, N);
	assert_int_equal(state_of(&es, N), EPOCH_RETIRING);
	run(&es, day.expires_at, N);
	assert_int_equal(state_of(&es, N), EPOCH_DEAD);
}

static void a_quiet_one_is_deleted_and_then_gone(void **state)
{
	struct epochs es = two();
	vtime last = hour + 20 * VTIME_S;

	epochs_event(&es, hour, N, EPOCH_EVENT_PROVED);
	epochs_heard(&es, last, P);
	assert_int_equal(run(&es, last + EPOCH_LINGER - 1, P), 0);
	assert_int_equal(run(&es, last + EPOCH_LINGER, P), EPOCH_DELETE);
	assert_int_equal(run(&es, last + 2 * EPOCH_LINGER - 1, P), 0);
	assert_int_equal(state_of(&es, P), EPOCH_RETIRING);
	run(&es, last + 2 * EPOCH_LINGER, P);
	assert_int_equal(state_of(&es, P), EPOCH_DEAD);
	epochs_remove(&es, 0);
	assert_int_equal(state_of(&es, P), EPOCH_FREE);
}

static void the_newest_is_renewed_once(void **state)
{
	struct epochs es = one();

	assert_int_equal(run(&es, day.rekey_at - 1, P), 0);
	assert_int_equal(run(&es, day.rekey_at, P), EPOCH_NEGOTIATE);
	assert_int_equal(epochs_event(&es, day.rekey_at, P, EPOCH_EVENT_REKEY), 0);
	es = two();
	assert_int_equal(run(&es, day.rekey_at, P), 0);
	es = two();
	assert_int_equal(run(&es, day.rekey_at, N), EPOCH_NEGOTIATE);
}

static void room_is_made_by_the_oldest_that_carries_nothing(void **state)
{
	struct epochs es = one();

	for (uint32_t id = 2; id <= EPOCHS_MAX; id++) {
		assert_int_equal(epochs_evictable(&es), 0);
		epochs_install(&es, hour * id, id, &day);
	}
	assert_int_equal(epochs_evictable(&es), 2);
	epochs_event(&es, hour, 3, EPOCH_EVENT_PROVED);
	assert_int_equal(epochs_evictable(&es), P);
	assert_int_equal(epochs_install(&es, hour, 99, &day), -1);
	assert_int_equal(epochs_event(&es, hour, P, EPOCH_EVENT_EVICTED), EPOCH_DELETE);
	assert_int_equal(state_of(&es, P), EPOCH_DEAD);
	assert_int_equal(epochs_event(&es, hour, 2, EPOCH_EVENT_EVICTED), EPOCH_DELETE);
	epochs_remove(&es, 0);
	assert_int_equal(epochs_install(&es, hour, 99, &day), 0);
}

/* ---- the rows about trust ---- */

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

/* ---- beside the table ---- */

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

static void strangers_change_nothing(void **state)
{
	struct epochs es = two(), same = es;

	for (unsigned event = EPOCH_EVENT_PROVED; event <= EPOCH_EVENT_EVICTED; event++)
		assert_int_equal(epochs_event(&es, hour, 77, (enum epoch_event)event), 0);
	assert_memory_equal(&es, &same, sizeof(es));
}

static void expect_life(vtime keylife, vtime margin, unsigned fuzz, vtime first, vtime last)
{
	const struct epoch_config c = { keylife, margin, fuzz };

	assert_in_range(epoch_life(&c, hour, UINT32_MAX).rekey_at, hour + first,
			hour + first + VTIME_US);
	assert_int_equal(epoch_life(&c, hour, 0).rekey_at, hour + last);
	assert_int_equal(epoch_life(&c, hour, 0).margin_at, hour + last);
	assert_int_equal(epoch_life(&c, hour, 0).expires_at, hour + keylife);
}

static void renewal_is_in_its_range(void **state)
{
	const struct epoch_config endless = { 0, VTIME_S, 100 };

	expect_life(8 * hour, 540 * VTIME_S, 100, 8 * hour - 1080 * VTIME_S,
		    8 * hour - 540 * VTIME_S);
	expect_life(8 * hour, 540 * VTIME_S, 0, 8 * hour - 540 * VTIME_S, 8 * hour - 540 * VTIME_S);
	/* A short life: a third of it is margin, and nothing begins in the first third. */
	expect_life(30 * VTIME_S, 540 * VTIME_S, 100, 10 * VTIME_S, 20 * VTIME_S);
	expect_life(30 * VTIME_S, 540 * VTIME_S, 300, 10 * VTIME_S, 20 * VTIME_S);
	assert_int_equal(epoch_life(&endless, hour, 5).rekey_at, VTIME_NEVER);
	assert_int_equal(epoch_life(&endless, hour, 5).expires_at, VTIME_NEVER);
}

static void states_have_names(void **state)
{
	assert_string_equal(epoch_state_name(EPOCH_PROBING), "probing");
	assert_string_equal(epoch_state_name(EPOCH_CURRENT), "current");
	assert_string_equal(epoch_state_name(EPOCH_RETIRING), "retiring");
	assert_string_equal(epoch_state_name(EPOCH_DEAD), "dead");
	assert_string_equal(epoch_state_name(EPOCH_FREE), "free");
}

/* ---- whatever happens, in any order ---- */

#define IDS 64

struct history {
	struct epochs es;
	struct rng *rng;
	vtime now;
	uint32_t last;
	bool licensed[IDS]; /* proved, or used without proof by a rule */
	bool given_up[IDS];
	bool in_doubt[IDS]; /* and nothing has come since */
	bool over[IDS]; /* nothing can be sent on it */
};

static bool must_be_proved(const struct history *h)
{
	return h->es.strict && h->es.probed;
}

static void check(const struct history *h)
{
	unsigned n = 0;
	uint32_t id = current(&h->es);

	for (unsigned i = 0; i < EPOCHS_MAX; i++)
		n += h->es.epoch[i].state == EPOCH_CURRENT;
	assert_true(n <= 1);
	assert_true(id == 0 || h->licensed[id]);
	assert_false(h->given_up[id] || h->in_doubt[id] || h->over[id]);
	assert_true(next(&h->es) == 0 || state_of(&h->es, next(&h->es)) == EPOCH_PROBING);
	/* A choice where there could be one, unless it has to be proved. */
	if (id == 0 && !must_be_proved(h))
		for (unsigned i = 0; i < EPOCHS_MAX; i++)
			assert_true(h->es.epoch[i].state != EPOCH_PROBING ||
				    h->in_doubt[h->es.epoch[i].id] || h->over[h->es.epoch[i].id]);
}

static void happens(struct history *h, uint32_t id, enum epoch_event event)
{
	enum epoch_state was = state_of(&h->es, id);
	bool ends = event == EPOCH_EVENT_DELETED || event == EPOCH_EVENT_EXHAUSTED ||
		    event == EPOCH_EVENT_EXPIRED;
	unsigned actions = epochs_event(&h->es, h->now, id, event);
	uint32_t now_on = current(&h->es);

	if (was == EPOCH_FREE || was == EPOCH_DEAD)
		return;
	h->licensed[id] |= event == EPOCH_EVENT_PROVED ||
			   (event == EPOCH_EVENT_ANSWERED && !h->es.strict) ||
			   (event == EPOCH_EVENT_OVERDUE && !must_be_proved(h));
	if (event == EPOCH_EVENT_PROVED || (event == EPOCH_EVENT_ANSWERED && !h->es.strict))
		h->in_doubt[id] = false;
	h->in_doubt[id] |= event == EPOCH_EVENT_SILENT && was == EPOCH_CURRENT;
	h->in_doubt[id] |= event == EPOCH_EVENT_UNPROVED && actions & EPOCH_NEGOTIATE;
	h->given_up[id] |= event == EPOCH_EVENT_UNPROVED && actions & EPOCH_DELETE;
	h->over[id] |= ends;
	if (ends && was == EPOCH_CURRENT)
		h->licensed[now_on] = true;
	assert_true(!(actions & EPOCH_DELETE) || now_on != id);
}

static void time_passes(struct history *h, vtime time)
{
	vtime until = h->now + time;
	enum epoch_event event;
	unsigned turns = 0;
	uint32_t id;

	while (epochs_deadline(&h->es) <= until) {
		h->now = epochs_deadline(&h->es) > h->now ? epochs_deadline(&h->es) : h->now;
		while (epochs_due(&h->es, h->now, &id, &event)) {
			assert_true(turns++ < 1000);
			assert_true(event != EPOCH_EVENT_OVERDUE || !h->given_up[id]);
			happens(h, id, event);
		}
		check(h);
		for (unsigned i = 0; i < EPOCHS_MAX; i++)
			if (h->es.epoch[i].state == EPOCH_DEAD)
				epochs_remove(&h->es, i);
	}
	h->now = until;
}

static void installed(struct history *h)
{
	vtime life = (20 + rng_below(h->rng, 200)) * VTIME_S;
	const struct epoch_config c = { life, life / 4, 100 };
	struct epoch_life when = epoch_life(&c, h->now, rng_u32(h->rng));
	uint32_t evict = epochs_evictable(&h->es), id = ++h->last;

	time_passes(h, 0);
	if (evict)
		happens(h, evict, EPOCH_EVENT_EVICTED);
	for (unsigned i = 0; i < EPOCHS_MAX; i++)
		if (h->es.epoch[i].state == EPOCH_DEAD)
			epochs_remove(&h->es, i);
	h->licensed[id] = current(&h->es) == 0 && !must_be_proved(h);
	/* Where no probes tell, what came on one in doubt does not save it. */
	for (unsigned i = 0; !must_be_proved(h) && i < EPOCHS_MAX; i++)
		h->licensed[id] |= h->es.epoch[i].state == EPOCH_CURRENT && h->es.epoch[i].doubted;
	assert_true(epochs_install(&h->es, h->now, id, &when) >= 0);
}

static void something_happens(struct history *h)
{
	const enum epoch_event events[] = {
		EPOCH_EVENT_PROVED, EPOCH_EVENT_ANSWERED, EPOCH_EVENT_UNPROVED,
		EPOCH_EVENT_SILENT, EPOCH_EVENT_DELETED,  EPOCH_EVENT_EXHAUSTED,
	};
	uint32_t id = h->es.epoch[rng_below(h->rng, EPOCHS_MAX)].id;
	uint64_t what = rng_below(h->rng, 20);

	if (id == 0 || what < 4)
		installed(h);
	else if (what < 14)
		happens(h, id, events[rng_below(h->rng, ARRAY_SIZE(events))]);
	else if (what == 14)
		epochs_set_trust(&h->es, rng_below(h->rng, 2), rng_below(h->rng, 2));
	if (id && what == 15) {
		epochs_doubt(&h->es);
		for (unsigned i = 0; i < EPOCHS_MAX; i++)
			h->in_doubt[h->es.epoch[i].id] = h->es.epoch[i].id != 0;
	}
	if (id && what == 16) {
		uint32_t carries = current(&h->es);

		epochs_supersede(&h->es);
		for (unsigned i = 0; i < EPOCHS_MAX; i++)
			h->in_doubt[h->es.epoch[i].id] |= h->es.epoch[i].id != carries;
		h->in_doubt[0] = false;
	}
	if (id && what > 16) {
		if (state_of(&h->es, id) == EPOCH_PROBING)
			happens(h, id, EPOCH_EVENT_PROVED);
		epochs_heard(&h->es, h->now, id);
		h->in_doubt[id] = false;
	}
	time_passes(h, rng_below(h->rng, 2) ? 0 : rng_below(h->rng, 20 * VTIME_S));
	check(h);
}

static void no_history_breaks_the_rules(void **state)
{
	uint64_t reached = 0;
	char text[EPOCHS_ROW_TEXT_MAX];

	for (uint64_t seed = 1; seed <= 5000; seed++) {
		struct rng_seed s;
		struct rng rng = rng_seeded(&s, seed);
		struct history h = { .rng = &rng };

		epochs_init(&h.es, PATIENCE);
		h.es.reached = &reached;
		epochs_set_trust(&h.es, seed & 1, seed & 2);
		for (unsigned k = 0; k < 80 && h.last < IDS - 1; k++)
			something_happens(&h);
	}
	for (unsigned i = 0; i < epochs_rows(); i++)
		if (!(reached & (uint64_t)1 << i))
			fail_msg("never reached: %s", epochs_row_text(i, text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_is_used_at_once),
		cmocka_unit_test(one_that_replaces_an_unusable_one_is_used_at_once),
		cmocka_unit_test(n_installed_leaves_data_on_p),
		cmocka_unit_test(a_packet_on_n_moves_data_to_it),
		cmocka_unit_test(a_packet_on_p_or_on_a_retiring_one_changes_nothing),
		cmocka_unit_test(p_deleted_by_the_peer_moves_data_to_n),
		cmocka_unit_test(p_deleted_without_n_leaves_nothing_and_negotiates),
		cmocka_unit_test(p_used_up_moves_data_to_n),
		cmocka_unit_test(p_at_the_end_of_its_life_moves_data_to_n),
		cmocka_unit_test(p_at_the_end_without_n_leaves_nothing_and_negotiates),
		cmocka_unit_test(n_overdue_is_used_in_the_margin_of_p),
		cmocka_unit_test(n_deleted_by_the_peer_leaves_p_and_negotiates),
		cmocka_unit_test(n_deleted_that_has_a_successor_is_no_loss),
		cmocka_unit_test(n_used_up_or_expired_is_replaced),
		cmocka_unit_test(a_retiring_one_is_not_hurt_by_what_ends_sending),
		cmocka_unit_test(of_two_the_one_proved_last_is_used),
		cmocka_unit_test(the_rival_is_received_to_the_end_of_its_life),
		cmocka_unit_test(a_quiet_one_is_deleted_and_then_gone),
		cmocka_unit_test(the_newest_is_renewed_once),
		cmocka_unit_test(room_is_made_by_the_oldest_that_carries_nothing),
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
		cmocka_unit_test(strangers_change_nothing),
		cmocka_unit_test(renewal_is_in_its_range),
		cmocka_unit_test(states_have_names),
		cmocka_unit_test(no_history_breaks_the_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
