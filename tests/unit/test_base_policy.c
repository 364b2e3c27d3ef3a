/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/policy.h"

static struct ts net(const char *text)
{
	struct prefix p;

	assert_true(prefix_parse(text, &p));
	return ts_from_prefix(&p);
}

static struct policy_rule rule(const char *remote, enum policy_action action, unsigned slot)
{
	return (struct policy_rule){
		{ net("0.0.0.0/0"), net(remote) }, action, slot, GRANULARITY_RULE
	};
}

static struct tuple to(const char *dst)
{
	struct tuple t = { .proto = 6, .ports = true };

	assert_true(addr_parse("192.0.2.1", &t.src));
	assert_true(addr_parse(dst, &t.dst));
	return t;
}

static void test_first_match_decides(void **state)
{
	static struct policy p = { .fallback = POLICY_DISCARD };
	const struct policy_rule rules[] = {
		rule("10.1.0.0/16", POLICY_BYPASS, 0),
		rule("10.0.0.0/8", POLICY_PROTECT, 3),
		rule("10.1.1.0/24", POLICY_DISCARD, 0),
	};
	struct tuple bypassed = to("10.1.1.1"), protected = to("10.2.0.0"), other = to("11.0.0.0");

	assert_null(policy_match(&p, &bypassed));
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		assert_true(policy_add(&p, &rules[i]));
	assert_ptr_equal(policy_match(&p, &bypassed), &p.rules[0]);
	assert_ptr_equal(policy_match(&p, &protected), &p.rules[1]);
	assert_int_equal(policy_match(&p, &protected)->slot, 3);
	assert_null(policy_match(&p, &other));
}

/* A rule is for what we send: the same addresses turned around are another packet. */
static void test_direction(void **state)
{
	static struct policy p;
	struct policy_rule r = {
		{ net("192.0.2.1/32"), net("10.0.0.0/8") }, POLICY_PROTECT, 0, GRANULARITY_RULE
	};
	struct tuple t = to("10.0.0.1"), back = { .src = t.dst, .dst = t.src };

	assert_true(policy_add(&p, &r));
	assert_non_null(policy_match(&p, &t));
	assert_null(policy_match(&p, &back));
}

static void test_full(void **state)
{
	static struct policy p;
	struct policy_rule r = rule("10.0.0.0/8", POLICY_BYPASS, 0);
	struct policy_rule last = rule("11.0.0.0/8", POLICY_PROTECT, 9);
	struct tuple t = to("11.0.0.1"), beyond = to("12.0.0.1");

	for (unsigned i = 0; i < POLICY_RULES_MAX - 1; i++)
		assert_true(policy_add(&p, &r));
	assert_true(policy_add(&p, &last));
	assert_int_equal(p.n, POLICY_RULES_MAX);
	r = rule("12.0.0.0/8", POLICY_BYPASS, 0);
	assert_false(policy_add(&p, &r));
	assert_int_equal(p.n, POLICY_RULES_MAX);
	assert_ptr_equal(policy_match(&p, &t), &p.rules[POLICY_RULES_MAX - 1]);
	assert_null(policy_match(&p, &beyond));
}

static void test_names(void **state)
{
	assert_string_equal(policy_action_name(POLICY_PROTECT), "protect");
	assert_string_equal(policy_action_name(POLICY_BYPASS), "bypass");
	assert_string_equal(policy_action_name(POLICY_DISCARD), "discard");
	assert_string_equal(policy_action_name((enum policy_action)7), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_match_decides),
		cmocka_unit_test(test_direction),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
