/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tunnels that wait for their first packet: for a host, for a flow, refused, idle. */
#include "tests/unit/demand_parts.h"

/* One rule of this granularity, and [tunnel]'s own on demand, too. */
static struct session_rule *begin(struct bench *b, enum policy_granularity granularity)
{
	struct session_rule *r = demand_rule(b, "some", "10.5.0.0/24", POLICY_PROTECT);

	r->granularity = granularity;
	b->config.on_demand = true;
	return r;
}

static void network(struct bench *b)
{
	static const struct session_event ev = { .type = SESSION_EVENT_NETWORK };

	session_event(b->s, b->now, &ev);
	bench_pump(b);
}

static void later(struct bench *b, vtime length)
{
	bench_run(b, b->now + length);
}

/* ---- refusals ---- */

/* The gateway is given time to make its own; what waits meanwhile asks for nothing more. */
static void an_sa_settles_before_it_is_used(void **state)
{
	struct bench *b = *state;

	begin(b, GRANULARITY_RULE);
	b->config.on_demand = false;
	b->config.settle = 10 * VTIME_MS;
	bench_up(b);
	demand_ask(b, "10.5.0.1", 1, 2);
	assert_int_equal(demand_children(), 2);
	later(b, 10 * VTIME_MS - 1);
	demand_ask(b, "10.5.0.1", 1, 2);
	demand_ask(b, "10.7.0.1", 1, 2);
	assert_false(demand_served(b, "10.5.0.1", 1, 2));
	assert_false(demand_served(b, "10.7.0.1", 1, 2));
	later(b, 1);
	assert_true(demand_served(b, "10.5.0.1", 1, 2));
	assert_true(demand_served(b, "10.7.0.1", 1, 2));
	assert_int_equal(demand_children(), 2);
}

static void refused_for_a_second_and_twice_as_long_each_time(void **state)
{
	struct bench *b = *state;
	vtime wait = VTIME_S;

	begin(b, GRANULARITY_RULE);
	bench_up(b);
	fake_ike.children = FAKE_IKE_CHILDREN_NO_PROPOSAL;
	for (unsigned i = 1; i <= 9; i++) {
		assert_int_equal(demand_ask(b, "10.5.0.1", 1, 2), 0);
		assert_int_equal(demand_children(), i);
		assert_true(b->refused[0] == b->now + wait);
		assert_int_equal(b->refusals, i);
		assert_non_null(bench_info(b).tunnels[0].refused_why);
		/* Meanwhile nothing is asked of the gateway. */
		later(b, wait - 1);
		demand_ask(b, "10.5.0.1", 1, 2);
		assert_int_equal(demand_children(), i);
		later(b, 1);
		wait = vtime_min(2 * wait, 60 * VTIME_S);
	}
	/* The session and the other tunnel do not mind. */
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_int_equal(b->s->ladder.nepoch, 0);
	fake_ike.children = FAKE_IKE_CHILDREN_UP;
	demand_ask(b, "10.7.0.1", 1, 2);
	assert_true(demand_served(b, "10.7.0.1", 1, 2));
}

static void a_success_ends_it(void **state)
{
	struct bench *b = *state;

	begin(b, GRANULARITY_RULE);
	bench_up(b);
	fake_ike.children = FAKE_IKE_CHILDREN_NO_PROPOSAL;
	demand_ask(b, "10.5.0.1", 1, 2);
	later(b, VTIME_S);
	demand_ask(b, "10.5.0.1", 1, 2);
	later(b, 2 * VTIME_S);
	fake_ike.children = FAKE_IKE_CHILDREN_UP;
	demand_ask(b, "10.5.0.1", 1, 2);
	assert_true(b->refused[0] == 0);
	assert_true(demand_served(b, "10.5.0.1", 1, 2));
	assert_int_equal(b->s->tunnels[0].refusals, 0);
}

static void another_network_ends_it(void **state)
{
	struct bench *b = *state;

	begin(b, GRANULARITY_RULE);
	bench_up(b);
	fake_ike.children = FAKE_IKE_CHILDREN_NO_PROPOSAL;
	demand_ask(b, "10.5.0.1", 1, 2);
	later(b, VTIME_S);
	demand_ask(b, "10.5.0.1", 1, 2);
	network(b);
	assert_true(b->refused[0] == 0);
	assert_int_equal(demand_children(), 2);
	demand_ask(b, "10.5.0.1", 1, 2);
	assert_int_equal(demand_children(), 3);
	/* And it begins with a second again. */
	assert_true(b->refused[0] == b->now + VTIME_S);
}

static void silence_counts_as_a_failure(void **state)
{
	struct bench *b = *state;

	begin(b, GRANULARITY_RULE);
	bench_up(b);
	fake_ike.children = FAKE_IKE_CHILDREN_WAIT;
	demand_ask(b, "10.5.0.1", 1, 2);
	fake_ike_child_failed(1, fake_ike_last(IKE_EVENT_CHILD)->id, ERR_TIMEOUT, 0);
	bench_pump(b);
	assert_int_equal(b->s->ladder.nepoch, 1);
	assert_true(b->refused[0] == b->now + VTIME_S);
	assert_int_equal(bench_info(b).state, SESSION_UP);
}

/* A tunnel that is not on demand tries again by itself, and until then its packets are refused. */
static void what_is_not_on_demand_is_refused_until_it_is_tried_again(void **state)
{
	struct bench *b = *state;

	prefix_parse("10.1.0.0/16", &b->config.remotes[b->config.nremotes++]);
	prefix_parse("0.0.0.0/0", &b->config.remotes[b->config.nremotes++]);
	fake_ike.children = FAKE_IKE_CHILDREN_REFUSED_WHOLE;
	bench_up(b);
	assert_int_equal(b->refusals, 0);
	demand_ask(b, "10.9.0.1", 1, 2);
	assert_int_equal(b->refusals, 1);
	assert_true(b->refused[1] == b->s->tunnels[1].retry_at);
	/* By another way it may go: it is tried at once. */
	network(b);
	later(b, 0);
	assert_int_equal(b->refusals, 2);
	fake_ike.children = FAKE_IKE_CHILDREN_UP;
	later(b, 10 * VTIME_S);
	assert_true(b->refused[1] == 0);
	assert_true(demand_served(b, "10.9.0.1", 1, 2));
}

/* ---- for a host, for a flow ---- */

static void one_for_each_host(void **state)
{
	struct bench *b = *state;

	begin(b, GRANULARITY_HOST);
	bench_up(b);
	demand_ask(b, "10.5.0.1", 1, 2);
	assert_string_equal(demand_offer(), "10.98.0.7/32 - 10.5.0.1/32");
	assert_true(demand_served(b, "10.5.0.1", 3, 4));
	assert_false(demand_served(b, "10.5.0.2", 1, 2));
	demand_ask(b, "10.5.0.2", 1, 2);
	assert_true(demand_served(b, "10.5.0.2", 1, 2));
	assert_int_equal(demand_children(), 2);
	assert_string_equal(bench_info(b).tunnels[2].name, "some");
	/* What was told before the rule was seen. */
	assert_int_equal(b->s->net.ntunnels, 4);
	assert_int_equal(bench_info(b).ntunnels, 4);
}

static void a_host_with_the_ports_of_the_rule(void **state)
{
	struct bench *b = *state;
	struct session_rule *r = begin(b, GRANULARITY_HOST);

	demand_ports(&r->ts[0].local, 0, UINT16_MAX);
	demand_ports(&r->ts[0].remote, 443, 443);
	bench_up(b);
	demand_ask(b, "10.5.0.1", 40000, 443);
	assert_string_equal(demand_offer(), "10.98.0.7/32[tcp] - 10.5.0.1/32[tcp/443]");
}

static void one_for_each_flow(void **state)
{
	struct bench *b = *state;
	struct tuple icmp = demand_tuple("10.5.0.1", 0x0800, 0);

	begin(b, GRANULARITY_FLOW);
	bench_up(b);
	icmp.proto = 1;
	demand_ask_tuple(b, &icmp);
	assert_string_equal(demand_offer(), "10.98.0.7/32[icmp] - 10.5.0.1/32[icmp]");
	demand_ask(b, "10.5.0.1", 40000, 443);
	assert_string_equal(demand_offer(), "10.98.0.7/32[tcp/40000] - 10.5.0.1/32[tcp/443]");
	assert_true(demand_served(b, "10.5.0.1", 40000, 443));
	assert_false(demand_served(b, "10.5.0.1", 40001, 443));
}

/* A fragment has no ports, and what is for it must not take in the flows that have. */
static void a_flow_goes_before_what_has_no_ports(void **state)
{
	struct bench *b = *state;
	struct tuple fragment = demand_tuple("10.5.0.1", 0, 0);
	unsigned first, second;

	begin(b, GRANULARITY_FLOW);
	bench_up(b);
	demand_ask(b, "10.5.0.1", 40000, 443);
	first = demand_finds(b, "10.5.0.1", 40000, 443)->slot;
	fragment.ports = false;
	demand_ask_tuple(b, &fragment);
	assert_string_equal(demand_offer(), "10.98.0.7/32[tcp] - 10.5.0.1/32[tcp]");
	second = policy_match(&b->rules, &fragment)->slot;
	assert_int_not_equal(second, first);
	assert_int_equal(demand_finds(b, "10.5.0.1", 40000, 443)->slot, first);
	assert_true(b->out[first] && b->out[second]);
}

static void a_flow_asked_for_twice_is_negotiated_once(void **state)
{
	struct bench *b = *state;

	begin(b, GRANULARITY_FLOW);
	bench_up(b);
	fake_ike.children = FAKE_IKE_CHILDREN_WAIT;
	demand_ask(b, "10.5.0.1", 40000, 443);
	demand_ask(b, "10.5.0.1", 40000, 443);
	assert_int_equal(demand_children(), 1);
	assert_int_equal(bench_info(b).ntunnels, 3);
}

static void a_refused_flow_leaves_others_alone(void **state)
{
	struct bench *b = *state;
	unsigned slot;

	begin(b, GRANULARITY_FLOW);
	bench_up(b);
	fake_ike.children = FAKE_IKE_CHILDREN_NO_PROPOSAL;
	demand_ask(b, "10.5.0.1", 40000, 443);
	slot = demand_finds(b, "10.5.0.1", 40000, 443)->slot;
	assert_true(b->refused[slot] == b->now + VTIME_S);
	fake_ike.children = FAKE_IKE_CHILDREN_UP;
	demand_ask(b, "10.5.0.1", 40001, 443);
	assert_true(demand_served(b, "10.5.0.1", 40001, 443));
	/* It is remembered for a while, and then forgotten. */
	later(b, 30 * VTIME_S);
	assert_int_equal(demand_finds(b, "10.5.0.1", 40000, 443)->slot, slot);
	later(b, 40 * VTIME_S);
	assert_int_equal(demand_finds(b, "10.5.0.1", 40000, 443)->slot, 0);
}

/* ---- the gateway takes no SA as fine as that ---- */

static void a_flow_becomes_a_host(void **state)
{
	struct bench *b = *state;

	begin(b, GRANULARITY_FLOW);
	bench_up(b);
	fake_ike.children = FAKE_IKE_CHILDREN_REFUSED_FLOWS;
	demand_ask(b, "10.5.0.1", 40000, 443);
	assert_int_equal(demand_children(), 2);
	assert_string_equal(demand_offer(), "10.98.0.7/32 - 10.5.0.1/32");
	assert_true(demand_served(b, "10.5.0.1", 40001, 443));
	assert_int_equal(b->refusals, 0);
	assert_true(bench_info(b).tunnels[0].widened);
	/* For all that follow, too. */
	demand_ask(b, "10.5.0.2", 40000, 443);
	assert_int_equal(demand_children(), 3);
	assert_string_equal(demand_offer(), "10.98.0.7/32 - 10.5.0.2/32");
}

static void and_a_host_the_rule(void **state)
{
	struct bench *b = *state;

	begin(b, GRANULARITY_FLOW);
	bench_up(b);
	fake_ike.children = FAKE_IKE_CHILDREN_REFUSED_HOSTS;
	demand_ask(b, "10.5.0.1", 40000, 443);
	assert_int_equal(demand_children(), 3);
	assert_string_equal(demand_offer(), "10.98.0.7/32 - 10.5.0.0/24");
	assert_true(demand_served(b, "10.5.0.77", 1, 2));
	assert_int_equal(bench_info(b).tunnels[0].granularity, GRANULARITY_RULE);
	/* Remembered for the session. */
	bench_recover(b);
	bench_authenticated(b, 2);
	bench_give(b, 2);
	demand_ask(b, "10.5.0.1", 40000, 443);
	assert_string_equal(demand_offer(), "10.98.0.7/32 - 10.5.0.0/24");
}

static void and_then_it_is_refused(void **state)
{
	struct bench *b = *state;

	begin(b, GRANULARITY_HOST);
	bench_up(b);
	fake_ike.children = FAKE_IKE_CHILDREN_REFUSED;
	demand_ask(b, "10.5.0.1", 40000, 443);
	assert_int_equal(demand_children(), 2);
	assert_int_equal(b->refusals, 1);
	assert_true(b->refused[0] == b->now + VTIME_S);
}

/* ---- idle, and no room ---- */

static void an_idle_tunnel_is_closed(void **state)
{
	struct bench *b = *state;
	vtime begun;

	begin(b, GRANULARITY_RULE)->idle_close = 100 * VTIME_S;
	bench_up(b);
	demand_ask(b, "10.5.0.1", 1, 2);
	later(b, 60 * VTIME_S);
	demand_traffic(b, "10.5.0.1", 1, 2);
	begun = b->now;
	later(b, 99 * VTIME_S);
	assert_true(demand_served(b, "10.5.0.1", 1, 2));
	while (b->out[0])
		later(b, VTIME_S);
	assert_int_equal((b->now - begun) / VTIME_S, 100);
	assert_int_equal(fake_ike_count(1, IKE_EVENT_CHILD_DELETE), 1);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	demand_ask(b, "10.5.0.1", 1, 2);
	assert_true(demand_served(b, "10.5.0.1", 1, 2));
}

static void an_idle_flow_and_its_rule_go(void **state)
{
	struct bench *b = *state;

	begin(b, GRANULARITY_FLOW)->idle_close = 100 * VTIME_S;
	bench_up(b);
	demand_ask(b, "10.5.0.1", 40000, 443);
	assert_int_equal(bench_info(b).ntunnels, 3);
	later(b, 130 * VTIME_S);
	assert_int_equal(bench_info(b).ntunnels, 2);
	assert_int_equal(b->s->net.ntunnels, 2);
	assert_int_equal(demand_finds(b, "10.5.0.1", 40000, 443)->slot, 0);
	assert_int_equal(demand_finds(b, "10.5.0.1", 40000, 443)->granularity, GRANULARITY_FLOW);
}

static void the_idlest_makes_room(void **state)
{
	struct bench *b = *state;

	begin(b, GRANULARITY_HOST)->max_sas = 3;
	bench_up(b);
	demand_ask(b, "10.5.0.1", 1, 2);
	demand_ask(b, "10.5.0.2", 1, 2);
	later(b, 5 * VTIME_S);
	demand_ask(b, "10.5.0.3", 1, 2);
	later(b, 15 * VTIME_S);
	demand_traffic(b, "10.5.0.1", 1, 2);
	demand_ask(b, "10.5.0.4", 1, 2);
	assert_true(demand_served(b, "10.5.0.1", 1, 2));
	assert_false(demand_served(b, "10.5.0.2", 1, 2));
	assert_true(demand_served(b, "10.5.0.3", 1, 2));
	assert_true(demand_served(b, "10.5.0.4", 1, 2));
	assert_int_equal(fake_ike_count(1, IKE_EVENT_CHILD_DELETE), 1);
}

static void without_an_idle_one_it_waits(void **state)
{
	struct bench *b = *state;

	begin(b, GRANULARITY_HOST)->max_sas = 1;
	bench_up(b);
	demand_ask(b, "10.5.0.1", 1, 2);
	demand_ask(b, "10.5.0.2", 1, 2);
	assert_int_equal(demand_children(), 1);
	later(b, 9 * VTIME_S);
	assert_false(demand_served(b, "10.5.0.2", 1, 2));
	later(b, 3 * VTIME_S);
	assert_true(demand_served(b, "10.5.0.2", 1, 2));
	assert_false(demand_served(b, "10.5.0.1", 1, 2));
}

static void and_not_for_ever(void **state)
{
	struct bench *b = *state;

	begin(b, GRANULARITY_HOST)->max_sas = 1;
	bench_up(b);
	demand_ask(b, "10.5.0.1", 1, 2);
	demand_ask(b, "10.5.0.2", 1, 2);
	for (unsigned i = 0; i < 35; i++) {
		later(b, VTIME_S);
		demand_traffic(b, "10.5.0.1", 1, 2);
	}
	later(b, 60 * VTIME_S);
	assert_int_equal(demand_children(), 1);
	assert_int_equal(b->s->nwaiting, 0);
}

/* Its packets go on coming, and the hold knows that they have asked already. */
static void who_has_waited_too_long_asks_once_more(void **state)
{
	struct bench *b = *state;

	begin(b, GRANULARITY_HOST)->max_sas = 1;
	bench_up(b);
	demand_ask(b, "10.5.0.1", 1, 2);
	demand_ask(b, "10.5.0.2", 1, 2);
	b->anew[0] = 0;
	for (unsigned i = 0; i < 29; i++) {
		later(b, VTIME_S);
		demand_traffic(b, "10.5.0.1", 1, 2);
	}
	assert_int_equal(b->anew[0], 0);
	later(b, 2 * VTIME_S);
	assert_int_equal(b->anew[0], b->publications);
}

static void who_finds_no_room_to_wait_asks_once_more(void **state)
{
	struct bench *b = *state;

	begin(b, GRANULARITY_HOST)->max_sas = 1;
	bench_up(b);
	for (unsigned i = 1; i <= SESSION_WAITING_MAX + 2; i++) {
		char to[32];

		snprintf(to, sizeof(to), "10.5.0.%u", i);
		demand_ask(b, to, 1, 2);
	}
	assert_int_equal(b->s->nwaiting, SESSION_WAITING_MAX);
	b->anew[0] = 0;
	/* As long as it is hardly better nobody is called. */
	later(b, 29 * VTIME_S);
	assert_int_equal(b->anew[0], 0);
	later(b, 2 * VTIME_S);
	assert_int_equal(b->s->nwaiting, 0);
	assert_int_equal(b->anew[0], b->publications);
	assert_int_equal(demand_ask(b, "10.5.0.18", 1, 2), 0);
	later(b, 12 * VTIME_S);
	assert_true(demand_served(b, "10.5.0.18", 1, 2));
}

/* However many go at once, the rules are published once. */
static void many_go_at_once(void **state)
{
	struct bench *b = *state;
	unsigned before;

	begin(b, GRANULARITY_FLOW)->idle_close = 100 * VTIME_S;
	bench_up(b);
	for (unsigned i = 1; i <= 50; i++)
		demand_ask(b, "10.5.0.1", (uint16_t)i, 443);
	later(b, 99 * VTIME_S);
	before = b->publications;
	assert_int_equal(bench_info(b).ntunnels, 52);
	later(b, 30 * VTIME_S);
	assert_int_equal(bench_info(b).ntunnels, 2);
	assert_int_equal(b->publications, before + 1);
	assert_int_equal(fake_ike_count(1, IKE_EVENT_CHILD_DELETE), 50);
}

static void slots_are_used_up(void **state)
{
	struct bench *b = *state;

	begin(b, GRANULARITY_FLOW);
	bench_up(b);
	fake_ike.nevents = 0;
	for (unsigned i = 1; i <= 300; i++) {
		demand_ask(b, "10.5.0.1", (uint16_t)i, 443);
		if (i == 200)
			fake_ike.nevents = 0;
	}
	assert_int_equal(b->s->net.ntunnels, SESSION_SLOTS_MAX);
	assert_int_equal(bench_info(b).ntunnels, SESSION_SLOTS_MAX);
	assert_true(demand_served(b, "10.5.0.1", 254, 443));
	assert_false(demand_served(b, "10.5.0.1", 255, 443));
	assert_int_equal(bench_info(b).state, SESSION_UP);
}

/* Or the mark would be gone, and the gateway asked the same again at once. */
static void one_that_is_refused_keeps_its_slot(void **state)
{
	struct bench *b = *state;

	begin(b, GRANULARITY_HOST)->max_sas = 1;
	bench_up(b);
	fake_ike.children = FAKE_IKE_CHILDREN_NO_PROPOSAL;
	demand_ask(b, "10.5.0.1", 1, 2);
	assert_true(b->refused[demand_finds(b, "10.5.0.1", 1, 2)->slot] != 0);
	demand_ask(b, "10.5.0.2", 1, 2);
	assert_int_equal(demand_children(), 1);
	fake_ike.children = FAKE_IKE_CHILDREN_UP;
	later(b, 3 * VTIME_S);
	assert_true(demand_served(b, "10.5.0.2", 1, 2));
}

/* What data threads still have in hand of the one must not come to the other. */
static void a_slot_is_not_anothers_at_once(void **state)
{
	struct bench *b = *state;
	unsigned first;

	begin(b, GRANULARITY_HOST)->max_sas = 1;
	bench_up(b);
	demand_ask(b, "10.5.0.1", 1, 2);
	first = demand_finds(b, "10.5.0.1", 1, 2)->slot;
	later(b, 12 * VTIME_S);
	demand_ask(b, "10.5.0.2", 1, 2);
	assert_true(demand_served(b, "10.5.0.2", 1, 2));
	assert_int_not_equal(demand_finds(b, "10.5.0.2", 1, 2)->slot, first);
}

/* It was told by rules that are not in force any more: it is the packet that counts. */
static void asked_for_by_older_rules(void **state)
{
	struct bench *b = *state;
	struct data_event data = { .type = DATA_NEED_SA, .tuple = demand_tuple("10.5.0.2", 1, 2) };
	struct session_event ev = { .type = SESSION_EVENT_DATA, .data = &data };

	begin(b, GRANULARITY_HOST);
	bench_up(b);
	demand_ask(b, "10.5.0.1", 1, 2);
	data.slot = demand_finds(b, "10.5.0.1", 1, 2)->slot;
	session_event(b->s, b->now, &ev);
	bench_pump(b);
	assert_int_equal(demand_children(), 2);
	assert_true(demand_served(b, "10.5.0.2", 1, 2));
}

/* ---- an SA that the gateway may not have made yet ---- */

#define SETTLE (30 * VTIME_MS)

static void a_new_sa_is_used_after_a_while(void **state)
{
	struct bench *b = *state;

	begin(b, GRANULARITY_RULE);
	b->config.settle = SETTLE;
	bench_up(b);
	demand_ask(b, "10.5.0.1", 1, 2);
	later(b, SETTLE - 1);
	assert_null(b->out[0]);
	/* Who asks meanwhile waits for that one. */
	demand_ask(b, "10.5.0.1", 1, 2);
	assert_int_equal(demand_children(), 1);
	later(b, 1);
	assert_non_null(b->out[0]);
}

static void and_at_once_when_something_comes_on_it(void **state)
{
	struct bench *b = *state;

	begin(b, GRANULARITY_RULE);
	b->config.settle = SETTLE;
	bench_up(b);
	demand_ask(b, "10.5.0.1", 1, 2);
	assert_null(b->out[0]);
	session_epoch_event(b->s, b->now, 0, fake_ike_last(IKE_EVENT_CHILD)->id,
			    EPOCH_EVENT_PROVED);
	bench_pump(b);
	assert_non_null(b->out[0]);
}

static void and_at_once_with_a_gateway_of_our_kind(void **state)
{
	struct bench *b = *state;

	begin(b, GRANULARITY_RULE);
	b->config.settle = SETTLE;
	fake_ike.own = true;
	bench_up(b);
	demand_ask(b, "10.5.0.1", 1, 2);
	assert_non_null(b->out[0]);
}

/* A data thread has said so before it saw the SA that is there, or is there again. */
static void a_packet_that_has_just_missed_it_asks_for_no_other(void **state)
{
	struct bench *b = *state;

	begin(b, GRANULARITY_RULE);
	b->config.on_demand = false;
	bench_up(b);
	assert_true(demand_served(b, "10.7.0.1", 1, 2));
	assert_int_equal(demand_children(), 1);
	demand_ask(b, "10.7.0.1", 1, 2);
	assert_int_equal(demand_children(), 1);
}

/* There is one that it can be sent on meanwhile, or was. */
static void there_is_no_gap_before_the_next(void **state)
{
	struct bench *b = *state;
	struct esp_out *before;

	begin(b, GRANULARITY_RULE);
	b->config.settle = SETTLE;
	bench_up(b);
	demand_ask(b, "10.5.0.1", 1, 2);
	later(b, SETTLE);
	before = b->out[0];
	assert_non_null(before);
	session_epochs_doubt(b->s, b->now, false);
	session_negotiate(b->s, b->now, 0);
	bench_pump(b);
	assert_int_equal(demand_children(), 2);
	assert_non_null(b->out[0]);
	later(b, SETTLE);
	assert_true(b->out[0] != before);
}

/* ---- recovery ---- */

/* What is asked for meanwhile is negotiated when it is over, and nothing else. */
static void asked_for_while_recovering(void **state)
{
	struct bench *b = *state;

	begin(b, GRANULARITY_HOST);
	bench_up(b);
	demand_ask(b, "10.5.0.1", 1, 2);
	demand_ask(b, "10.5.0.2", 1, 2);
	demand_ask(b, "10.7.0.1", 1, 2);
	assert_int_equal(demand_children(), 3);
	bench_recover(b);
	bench_authenticated(b, 2);
	assert_int_equal(demand_children(), 3);
	demand_ask(b, "10.5.0.3", 1, 2);
	assert_int_equal(demand_children(), 3);
	bench_give(b, 2);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_int_equal(demand_children(), 4);
	assert_true(demand_served(b, "10.5.0.3", 1, 2));
	/* What the gateway may have lost carries nothing any more. */
	assert_false(demand_served(b, "10.5.0.1", 1, 2));
	assert_false(demand_served(b, "10.7.0.1", 1, 2));
	demand_ask(b, "10.5.0.1", 1, 2);
	assert_true(demand_served(b, "10.5.0.1", 1, 2));
	assert_int_equal(fake_ike_last(IKE_EVENT_CHILD)->sa, 2);
}

static void under_way_when_the_gateway_is_lost(void **state)
{
	struct bench *b = *state;

	begin(b, GRANULARITY_RULE);
	bench_up(b);
	fake_ike.children = FAKE_IKE_CHILDREN_WAIT;
	demand_ask(b, "10.5.0.1", 1, 2);
	bench_recover(b);
	fake_ike.children = FAKE_IKE_CHILDREN_UP;
	bench_authenticated(b, 2);
	bench_give(b, 2);
	assert_true(demand_served(b, "10.5.0.1", 1, 2));
}

/* The gateway deletes it: another one follows with the next packet, not before. */
static void deleted_by_the_gateway(void **state)
{
	struct bench *b = *state;

	begin(b, GRANULARITY_RULE);
	bench_up(b);
	demand_ask(b, "10.5.0.1", 1, 2);
	fake_ike_push(1, IKE_EFFECT_CHILD_DELETED)->spi = fake_ike_last(IKE_EVENT_CHILD)->spi ^
							  0x55555555;
	bench_pump(b);
	assert_false(demand_served(b, "10.5.0.1", 1, 2));
	later(b, 10 * VTIME_S);
	assert_int_equal(demand_children(), 1);
	demand_ask(b, "10.5.0.1", 1, 2);
	assert_true(demand_served(b, "10.5.0.1", 1, 2));
}

/* One tunnel for all of Unity's networks is refused: the networks are asked for one by one. */
static void unity_one_by_one_on_demand(void **state)
{
	struct bench *b = *state;

	b->config.on_demand = true;
	b->assigned.unity = true;
	bench_include(&b->assigned, "10.50.0.0/16");
	bench_include(&b->assigned, "10.51.0.0/16");
	bench_up(b);
	fake_ike.children = FAKE_IKE_CHILDREN_REFUSED_WHOLE;
	demand_ask(b, "10.51.0.1", 1, 2);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_int_equal(demand_ask(b, "10.51.0.1", 1, 2), 1);
	assert_string_equal(demand_offer(), "10.98.0.7/32 - 10.51.0.0/16");
	assert_true(demand_served(b, "10.51.0.1", 1, 2));
	assert_int_equal(b->tuns, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(an_sa_settles_before_it_is_used),
		BENCH_TEST(refused_for_a_second_and_twice_as_long_each_time),
		BENCH_TEST(a_success_ends_it),
		BENCH_TEST(another_network_ends_it),
		BENCH_TEST(silence_counts_as_a_failure),
		BENCH_TEST(what_is_not_on_demand_is_refused_until_it_is_tried_again),
		BENCH_TEST(one_for_each_host),
		BENCH_TEST(a_host_with_the_ports_of_the_rule),
		BENCH_TEST(one_for_each_flow),
		BENCH_TEST(a_flow_goes_before_what_has_no_ports),
		BENCH_TEST(a_flow_asked_for_twice_is_negotiated_once),
		BENCH_TEST(a_refused_flow_leaves_others_alone),
		BENCH_TEST(a_flow_becomes_a_host),
		BENCH_TEST(and_a_host_the_rule),
		BENCH_TEST(and_then_it_is_refused),
		BENCH_TEST(an_idle_tunnel_is_closed),
		BENCH_TEST(an_idle_flow_and_its_rule_go),
		BENCH_TEST(the_idlest_makes_room),
		BENCH_TEST(without_an_idle_one_it_waits),
		BENCH_TEST(and_not_for_ever),
		BENCH_TEST(who_has_waited_too_long_asks_once_more),
		BENCH_TEST(who_finds_no_room_to_wait_asks_once_more),
		BENCH_TEST(many_go_at_once),
		BENCH_TEST(slots_are_used_up),
		BENCH_TEST(one_that_is_refused_keeps_its_slot),
		BENCH_TEST(a_slot_is_not_anothers_at_once),
		BENCH_TEST(asked_for_by_older_rules),
		BENCH_TEST(a_new_sa_is_used_after_a_while),
		BENCH_TEST(a_packet_that_has_just_missed_it_asks_for_no_other),
		BENCH_TEST(and_at_once_when_something_comes_on_it),
		BENCH_TEST(and_at_once_with_a_gateway_of_our_kind),
		BENCH_TEST(there_is_no_gap_before_the_next),
		BENCH_TEST(asked_for_while_recovering),
		BENCH_TEST(under_way_when_the_gateway_is_lost),
		BENCH_TEST(deleted_by_the_gateway),
		BENCH_TEST(unity_one_by_one_on_demand),
	};

	if (crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
