/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/epoch_parts.h"

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

/* ---- beside the table ---- */

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
		cmocka_unit_test(strangers_change_nothing),
		cmocka_unit_test(renewal_is_in_its_range),
		cmocka_unit_test(states_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
