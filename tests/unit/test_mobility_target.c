/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "mobility/target.h"

static struct addr at(uint8_t last)
{
	return (struct addr){ .family = FAMILY_IP4, .b = { 10, 0, 0, last } };
}

static struct target_candidate candidate(uint8_t last)
{
	return (struct target_candidate){ TARGET_DNS, at(last) };
}

/* 10.0.0.1 … 10.0.0.n */
static void set(struct targets *t, uint8_t n)
{
	struct target_candidate list[TARGETS_MAX];

	for (uint8_t i = 0; i < n; i++)
		list[i] = candidate(i + 1);
	targets_set(t, list, n, "nobody there");
}

static unsigned asked(const struct targets *t)
{
	unsigned n = 0;

	for (unsigned i = 0; i < TARGETS_MAX; i++)
		n += targets_asks(t, i);
	return n;
}

static bool answered(struct targets *t, uint16_t sequence, uint8_t from)
{
	struct addr a = at(from);

	return targets_answered(t, sequence, &a) != NULL;
}

static void all_are_asked_until_one_answers(void **state)
{
	struct targets t;
	struct addr second = at(2);
	const struct target_probe *p;

	targets_init(&t);
	assert_int_equal(t.state, TARGET_ASKING);
	assert_int_equal(asked(&t), 0);
	set(&t, 3);
	assert_int_equal(asked(&t), 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(targets_sent(&t, 7, 42 + i, i), i + 1);
	p = targets_answered(&t, 2, &second);
	assert_non_null(p);
	assert_int_equal(p->epoch, 43);
	assert_int_equal(p->slot, 7);
	assert_int_equal(p->candidate, 1);
	assert_int_equal(t.state, TARGET_FOUND);
	assert_int_equal(t.found, 1);
	assert_int_equal(asked(&t), 1);
	assert_true(targets_asks(&t, 1));
	/* The others answer too late to be the target, and yet they answer. */
	assert_true(answered(&t, 1, 1));
	assert_int_equal(t.found, 1);
	assert_int_equal(t.sent, 3);
	assert_int_equal(t.answered, 2);
}

static void a_reply_counts_once_and_only_from_whom_was_asked(void **state)
{
	struct targets t;

	targets_init(&t);
	set(&t, 2);
	targets_sent(&t, 0, 1, 0);
	assert_false(answered(&t, 0, 1));
	assert_false(answered(&t, 1, 2));
	assert_false(answered(&t, 2, 1));
	assert_false(answered(&t, 257, 1)); /* the same place */
	assert_int_equal(t.state, TARGET_ASKING);
	assert_true(answered(&t, 1, 1));
	assert_false(answered(&t, 1, 1));
	assert_int_equal(t.answered, 1);
}

static void the_oldest_makes_room(void **state)
{
	struct targets t;

	targets_init(&t);
	set(&t, 1);
	for (unsigned i = 0; i < TARGET_PROBES + 1; i++)
		targets_sent(&t, 0, i, 0);
	assert_false(answered(&t, 1, 1));
	assert_true(answered(&t, 2, 1));
	assert_true(answered(&t, TARGET_PROBES + 1, 1));
}

static void numbers_begin_again_at_one(void **state)
{
	struct targets t;

	targets_init(&t);
	set(&t, 1);
	t.last = UINT16_MAX - 1;
	assert_int_equal(targets_sent(&t, 0, 1, 0), UINT16_MAX);
	assert_int_equal(targets_sent(&t, 0, 2, 0), 1);
	assert_true(answered(&t, UINT16_MAX, 1));
	assert_true(answered(&t, 1, 1));
}

static void nobody_answers_and_then_one_does(void **state)
{
	struct targets t;

	targets_init(&t);
	set(&t, 2);
	targets_sent(&t, 0, 1, 0);
	targets_give_up(&t);
	assert_int_equal(t.state, TARGET_DATA);
	assert_non_null(t.why);
	assert_int_equal(asked(&t), 2);
	/* The same candidates are no reason to hope. */
	set(&t, 2);
	assert_int_equal(t.state, TARGET_DATA);
	assert_non_null(t.why);
	assert_true(answered(&t, 1, 1));
	assert_int_equal(t.state, TARGET_FOUND);
	assert_null(t.why);
	targets_give_up(&t);
	assert_int_equal(t.state, TARGET_FOUND);
}

static void nobody_may_be_asked(void **state)
{
	struct targets t;

	targets_init(&t);
	set(&t, 0);
	assert_int_equal(t.state, TARGET_DATA);
	assert_string_equal(t.why, "nobody there");
	assert_int_equal(asked(&t), 0);
	targets_give_up(&t);
	assert_string_equal(t.why, "nobody there");
	set(&t, 2);
	assert_int_equal(t.state, TARGET_ASKING);
	assert_null(t.why);
}

static void the_target_stays_when_the_list_changes(void **state)
{
	const struct target_candidate turned[] = { candidate(9), candidate(3), candidate(2) };
	struct targets t;

	targets_init(&t);
	set(&t, 3);
	targets_sent(&t, 0, 1, 1);
	targets_sent(&t, 0, 1, 0);
	assert_true(answered(&t, 1, 2));
	targets_set(&t, turned, 3, NULL);
	assert_int_equal(t.state, TARGET_FOUND);
	assert_int_equal(t.found, 2);
	/* Gone from the list: others are asked. */
	targets_set(&t, turned, 2, NULL);
	assert_int_equal(t.state, TARGET_ASKING);
	assert_int_equal(asked(&t), 2);
	/* Who was asked and is no candidate any more proves an epoch, and is not the target. */
	assert_true(answered(&t, 2, 1));
	assert_int_equal(t.state, TARGET_ASKING);
}

static void other_candidates_are_asked_after_all(void **state)
{
	struct targets t;

	targets_init(&t);
	set(&t, 2);
	targets_give_up(&t);
	set(&t, 3);
	assert_int_equal(t.state, TARGET_ASKING);
	assert_null(t.why);
}

static void all_are_asked_anew(void **state)
{
	struct targets t;

	targets_init(&t);
	set(&t, 2);
	targets_sent(&t, 0, 1, 0);
	targets_sent(&t, 0, 1, 1);
	assert_true(answered(&t, 1, 1));
	targets_ask_anew(&t);
	assert_int_equal(t.state, TARGET_ASKING);
	assert_int_equal(asked(&t), 2);
	/* What was under way counts. */
	assert_true(answered(&t, 2, 2));
	assert_int_equal(t.state, TARGET_FOUND);
	assert_int_equal(t.found, 1);
	/* Where nobody may be asked there is nothing to do. */
	targets_init(&t);
	set(&t, 0);
	targets_ask_anew(&t);
	assert_int_equal(t.state, TARGET_DATA);
}

static void kinds_have_names(void **state)
{
	assert_string_equal(target_kind_name(TARGET_CONFIGURED), "ping-target");
	assert_string_equal(target_kind_name(TARGET_GATEWAY), "gateway");
	assert_string_equal(target_kind_name(TARGET_DNS), "dns");
	assert_string_equal(target_kind_name(TARGET_SUBNET), "subnet");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_are_asked_until_one_answers),
		cmocka_unit_test(a_reply_counts_once_and_only_from_whom_was_asked),
		cmocka_unit_test(the_oldest_makes_room),
		cmocka_unit_test(numbers_begin_again_at_one),
		cmocka_unit_test(nobody_answers_and_then_one_does),
		cmocka_unit_test(nobody_may_be_asked),
		cmocka_unit_test(the_target_stays_when_the_list_changes),
		cmocka_unit_test(other_candidates_are_asked_after_all),
		cmocka_unit_test(all_are_asked_anew),
		cmocka_unit_test(kinds_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
