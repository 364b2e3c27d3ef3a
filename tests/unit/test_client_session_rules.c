/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of the SPD: their order, and what is negotiated for each. */
#include "tests/unit/demand_parts.h"

static enum policy_action finds(const struct bench *b, const char *to, uint16_t dport)
{
	const struct policy_rule *rule = demand_finds(b, to, 40000, dport);

	return rule ? rule->action : b->rules.fallback;
}

static void the_order_is_rules_excludes_remotes_fallback(void **state)
{
	struct bench *b = *state;

	prefix_parse("10.1.0.0/16", &b->config.remotes[b->config.nremotes++]);
	prefix_parse("10.1.2.0/24", &b->config.excludes[b->config.nexcludes++]);
	demand_rule(b, "one", "10.1.2.3/32", POLICY_PROTECT);
	demand_rule(b, "none", "10.1.9.0/24", POLICY_DISCARD);
	demand_rule(b, "late", "10.1.9.9/32", POLICY_PROTECT);
	bench_up(b);
	assert_int_equal(finds(b, "10.1.2.3", 80), POLICY_PROTECT);
	assert_int_equal(demand_finds(b, "10.1.2.3", 1, 80)->slot, 0);
	assert_int_equal(finds(b, "10.1.2.4", 80), POLICY_BYPASS);
	assert_int_equal(finds(b, "10.1.9.9", 80), POLICY_DISCARD);
	assert_int_equal(finds(b, "10.1.3.3", 80), POLICY_PROTECT);
	assert_int_equal(finds(b, "10.2.3.3", 80), POLICY_BYPASS);
	assert_null(demand_finds(b, "10.2.3.3", 1, 80));
	assert_ptr_equal(b->policy, &b->s->net.rules);
}

/* Rules are on demand, and what [tunnel] names is not. */
static void a_rule_is_negotiated_when_it_is_asked_for(void **state)
{
	struct bench *b = *state;

	prefix_parse("10.1.0.0/16", &b->config.remotes[b->config.nremotes++]);
	demand_rule(b, "one", "10.5.0.0/24", POLICY_PROTECT)->child.pfs = DH_ECP_384;
	bench_up(b);
	assert_int_equal(demand_children(), 1);
	assert_string_equal(demand_offer(), "10.98.0.7/32 - 10.1.0.0/16");
	demand_ask(b, "10.5.0.9", 40000, 443);
	assert_int_equal(demand_children(), 2);
	assert_string_equal(demand_offer(), "10.98.0.7/32 - 10.5.0.0/24");
	assert_int_equal(fake_ike_last(IKE_EVENT_CHILD)->pfs, DH_ECP_384);
	assert_true(demand_served(b, "10.5.0.9", 40000, 443));
	assert_string_equal(bench_info(b).tunnels[0].name, "one");
	assert_true(bench_info(b).tunnels[0].on_demand);
	assert_string_equal(bench_info(b).tunnels[1].name, "tunnel-1");
	assert_int_equal(bench_info(b).tunnels[0].epochs[0].suite.cipher, suite_cbc.cipher);
}

static void each_pair_is_a_tunnel(void **state)
{
	struct bench *b = *state;
	struct session_rule *r = demand_rule(b, "two", "10.5.0.0/24", POLICY_PROTECT);

	r->ts[r->nts++] = parts_pair("0.0.0.0/0", "10.6.0.0/24");
	b->config.on_demand = true;
	bench_up(b);
	assert_int_equal(demand_children(), 0);
	demand_ask(b, "10.6.0.1", 1, 2);
	assert_true(demand_served(b, "10.6.0.1", 1, 2));
	assert_false(demand_served(b, "10.5.0.1", 1, 2));
}

static void everything_on_demand(void **state)
{
	struct bench *b = *state;

	b->config.on_demand = true;
	prefix_parse("10.1.0.0/16", &b->config.remotes[b->config.nremotes++]);
	bench_up(b);
	assert_int_equal(b->tuns, 1);
	assert_int_equal(demand_children(), 0);
	assert_in_range(bench_info(b).mtu, 1300, 1460);
	assert_non_null(strstr(b->steps, "SA: 1 tunnel on demand\n"));
	assert_non_null(strstr(b->steps, "+SA: when packets ask for them\n"));
	demand_ask(b, "10.1.2.3", 1, 2);
	assert_true(demand_served(b, "10.1.2.3", 1, 2));
	assert_int_equal(bench_info(b).state, SESSION_UP);
}

/* IKEv1 has no ranges: all ports are offered, and the SPD keeps to ours both ways. */
static void a_range_of_ports_is_ours_to_enforce(void **state)
{
	struct bench *b = *state;
	struct session_rule *r = demand_rule(b, "range", "10.5.0.0/24", POLICY_PROTECT);
	const struct esp_sa_config *in;

	demand_ports(&r->ts[0].local, 0, UINT16_MAX);
	demand_ports(&r->ts[0].remote, 8000, 8099);
	bench_up(b);
	demand_ask(b, "10.5.0.1", 40000, 8050);
	assert_string_equal(demand_offer(), "10.98.0.7/32[tcp] - 10.5.0.0/24[tcp]");
	in = esp_in_config(b->s->tunnels[0].epoch[0].in);
	assert_int_equal(in->ts.remote.port_lo, 8000);
	assert_int_equal(in->ts.remote.port_hi, 8099);
	assert_int_equal(in->ts.local.port_hi, UINT16_MAX);
	assert_int_equal(demand_finds(b, "10.5.0.1", 40000, 8100)->slot, 1);
}

static void one_port_is_offered(void **state)
{
	struct bench *b = *state;
	struct session_rule *r = demand_rule(b, "web", "10.5.0.0/24", POLICY_PROTECT);

	demand_ports(&r->ts[0].local, 0, UINT16_MAX);
	demand_ports(&r->ts[0].remote, 443, 443);
	bench_up(b);
	demand_ask(b, "10.5.0.1", 40000, 443);
	assert_string_equal(demand_offer(), "10.98.0.7/32[tcp] - 10.5.0.0/24[tcp/443]");
}

/* With our addresses come our sides of the rules, and with others others. */
static void our_side_follows_the_address(void **state)
{
	struct bench *b = *state;
	unsigned before;

	b->config.on_demand = true;
	demand_rule(b, "one", "10.5.0.0/24", POLICY_PROTECT);
	bench_up(b);
	demand_ask(b, "10.5.0.1", 1, 2);
	before = b->publications;
	b->assigned.ip4 = parts_addr("10.98.0.8");
	bench_config(b, 1);
	assert_int_equal(b->tuns, 2);
	assert_true(b->publications > before);
	assert_null(b->out[0]);
	assert_int_equal(fake_ike_count(1, IKE_EVENT_CHILD_DELETE), 1);
	assert_null(demand_finds(b, "10.5.0.1", 1, 2));
	assert_string_equal(bench_tunnel(b, 0), "10.98.0.8/32 - 10.5.0.0/24");
}

/* What had been asked for is forgotten with the net, so that it is asked for once more. */
static void with_another_address_all_ask_anew(void **state)
{
	struct bench *b = *state;
	unsigned before;

	b->config.on_demand = true;
	demand_rule(b, "one", "10.5.0.0/24", POLICY_PROTECT);
	demand_rule(b, "host", "10.6.0.0/24", POLICY_PROTECT)->granularity = GRANULARITY_HOST;
	bench_up(b);
	before = b->publications;
	bench_recover(b);
	bench_authenticated(b, 2);
	demand_ask(b, "10.5.0.1", 1, 2);
	demand_ask(b, "10.6.0.1", 1, 2);
	b->assigned.ip4 = parts_addr("10.98.0.8");
	bench_give(b, 2);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_int_equal(demand_children(), 0);
	assert_true(b->publications > before);
	/* Behind the rules. */
	for (unsigned i = 0; i < 4; i++)
		assert_true(b->anew[i] > before);
	assert_true(b->refused[0] == 0);
}

/* Our inner address is an IPv4 one: what IPv6 is to be protected must not go in the clear. */
static void what_cannot_be_protected_is_refused(void **state)
{
	struct tuple t = { .src = parts_addr("2001:db8::7"), .dst = parts_addr("2001:db8:5::1") };
	struct bench *b = *state;
	struct session_rule *r = demand_rule(b, "all", "10.5.0.0/24", POLICY_PROTECT);

	r->ts[r->nts++] = parts_pair("::/0", "::/0");
	bench_up(b);
	assert_non_null(policy_match(&b->rules, &t));
	assert_int_equal(policy_match(&b->rules, &t)->action, POLICY_DISCARD);
	assert_int_equal(finds(b, "10.5.0.1", 80), POLICY_PROTECT);
}

static void more_than_three_wait(void **state)
{
	struct bench *b = *state;

	b->config.on_demand = true;
	demand_rule(b, "host", "10.5.0.0/24", POLICY_PROTECT)->granularity = GRANULARITY_HOST;
	bench_up(b);
	fake_ike.children = FAKE_IKE_CHILDREN_WAIT;
	for (unsigned i = 1; i <= 20; i++) {
		char to[32];

		snprintf(to, sizeof(to), "10.5.0.%u", i);
		demand_ask(b, to, 1, 2);
	}
	assert_int_equal(demand_children(), 3);
	fake_ike.children = FAKE_IKE_CHILDREN_UP;
	/* One ends, whichever way: the rest follow, in their order. */
	fake_ike_child_failed(1, fake_ike_last(IKE_EVENT_CHILD)->id, ERR_PEER_REFUSED,
			      FAKE_IKE_NO_PROPOSAL);
	bench_pump(b);
	assert_int_equal(demand_children(), 20);
	assert_string_equal(demand_offer(), "10.98.0.7/32 - 10.5.0.20/32");
	assert_true(demand_served(b, "10.5.0.4", 1, 2));
	assert_false(demand_served(b, "10.5.0.3", 1, 2));
	assert_false(demand_served(b, "10.5.0.1", 1, 2));
}

static void without_room_nothing_passes_by_default(void **state)
{
	struct bench *b = *state;

	for (unsigned i = 0; i < SESSION_RULES_MAX; i++) {
		struct session_rule *r = demand_rule(b, "many", "10.5.0.0/24", POLICY_PROTECT);

		for (r->nts = 0; r->nts < SESSION_RULE_TS_MAX; r->nts++)
			r->ts[r->nts] = parts_pair("0.0.0.0/0", "10.5.0.0/24");
	}
	/* Nor by a rule that follows. */
	b->config.rules[SESSION_RULES_MAX - 2].ts[3] = parts_pair("0.0.0.0/0", "10.6.0.0/24");
	b->config.rules[SESSION_RULES_MAX - 1].ts[0] = parts_pair("0.0.0.0/0", "10.6.0.0/16");
	b->config.rules[SESSION_RULES_MAX - 1].action = POLICY_BYPASS;
	b->config.on_demand = true;
	prefix_parse("10.1.0.0/16", &b->config.remotes[b->config.nremotes++]);
	bench_begin(b);
	bench_give(b, 1);
	assert_int_equal(b->s->net.rules.fallback, POLICY_DISCARD);
	assert_int_equal(b->s->net.ntunnels, SESSION_SLOTS_MAX);
	b->rules = b->s->net.rules;
	assert_int_equal(demand_finds(b, "10.6.0.1", 1, 2)->action, POLICY_DISCARD);
	assert_int_equal(demand_finds(b, "10.6.1.1", 1, 2)->action, POLICY_BYPASS);
	assert_int_equal(demand_finds(b, "10.1.0.1", 1, 2)->action, POLICY_DISCARD);
}

static void too_many_networks_are_refused(void **state)
{
	struct bench *b = *state;

	for (unsigned i = 1; i <= SESSION_TUNNELS_MAX + 1; i++) {
		char to[32];

		snprintf(to, sizeof(to), "10.%u.0.0/16", i);
		bench_include(&b->assigned, to);
	}
	b->config.on_demand = true;
	bench_up(b);
	assert_int_equal(demand_finds(b, "10.32.0.1", 1, 2)->action, POLICY_PROTECT);
	assert_int_equal(demand_finds(b, "10.33.0.1", 1, 2)->action, POLICY_DISCARD);
	assert_null(demand_finds(b, "10.34.0.1", 1, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(the_order_is_rules_excludes_remotes_fallback),
		BENCH_TEST(a_rule_is_negotiated_when_it_is_asked_for),
		BENCH_TEST(each_pair_is_a_tunnel),
		BENCH_TEST(everything_on_demand),
		BENCH_TEST(a_range_of_ports_is_ours_to_enforce),
		BENCH_TEST(one_port_is_offered),
		BENCH_TEST(our_side_follows_the_address),
		BENCH_TEST(with_another_address_all_ask_anew),
		BENCH_TEST(what_cannot_be_protected_is_refused),
		BENCH_TEST(more_than_three_wait),
		BENCH_TEST(without_room_nothing_passes_by_default),
		BENCH_TEST(too_many_networks_are_refused),
	};

	if (crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
