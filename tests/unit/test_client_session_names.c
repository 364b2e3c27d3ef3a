/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules with names, which come to stand for other addresses. */
#include "tests/unit/demand_parts.h"

#define FAR "10.5.0.1"
#define OTHER "10.5.0.2"
#define THIRD "10.5.0.3"

/* A name, and what it stands for at first: separated by blanks. */
static unsigned addrs_of(const char *text, struct addr out[SESSION_NAME_ADDRS_MAX])
{
	char copy[800], *save = NULL;
	unsigned n = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *a = strtok_r(copy, " ", &save); a; a = strtok_r(NULL, " ", &save))
		out[n++] = parts_addr(a);
	return n;
}

static unsigned name_add(struct bench *b, const char *name, const char *addrs)
{
	struct session_config *c = &b->config;

	snprintf(c->names[c->nnames], sizeof(c->names[0]), "%s", name);
	c->named[c->nnames].n = addrs_of(addrs, c->named[c->nnames].list);
	return ++c->nnames;
}

/* A rule for what this name stands for. */
static struct session_rule *rule_to(struct bench *b, unsigned name, enum policy_action action)
{
	struct session_rule *r = demand_rule(b, "named", "0.0.0.0/0", action);

	r->patterns[0].ts = r->ts[0];
	r->patterns[0].remote = name;
	r->npatterns = 1;
	r->nts = 0;
	r->local_inner = action == POLICY_PROTECT;
	return r;
}

static void up(struct bench *b)
{
	b->config.on_demand = true;
	bench_include(&b->assigned, "10.1.0.0/16");
	bench_up(b);
}

static void answer(struct bench *b, unsigned name, const char *addrs)
{
	struct session_event ev = { .type = SESSION_EVENT_NAME };
	struct addr list[SESSION_NAME_ADDRS_MAX];

	ev.name.index = name - 1;
	ev.name.addrs = list;
	ev.name.n = addrs_of(addrs, list);
	session_event(b->s, b->now, &ev);
	bench_pump(b);
}

static bool has_route(const struct bench *b, const char *prefix)
{
	char text[PREFIX_TEXT_MAX];

	for (unsigned i = 0; i < b->tun.nroutes; i++)
		if (strcmp(prefix_text(&b->tun.routes[i], text), prefix) == 0)
			return true;
	return false;
}

/* The address has a tunnel of the rule's, not [tunnel]'s or none. */
static bool is_named(const struct bench *b, const char *to)
{
	const struct policy_rule *rule = demand_finds(b, to, 1, 2);

	return rule && rule->action == POLICY_PROTECT && b->s->net.slots[rule->slot].rule;
}

static unsigned deletes(void)
{
	return fake_ike_count(0, IKE_EVENT_CHILD_DELETE);
}

/* Every rule names a slot that is in use, and every slot has its rule. */
static void check_slots(const struct bench *b)
{
	const struct session_net *net = &b->s->net;
	unsigned rules[SESSION_SLOTS_MAX] = { 0 };

	for (unsigned i = 0; i < net->rules.n; i++)
		if (net->rules.rules[i].action == POLICY_PROTECT)
			rules[net->rules.rules[i].slot]++;
	for (unsigned i = 0; i < SESSION_SLOTS_MAX; i++)
		assert_int_equal(rules[i], i < net->ntunnels && net->slots[i].used);
	assert_memory_equal(&b->rules, &net->rules,
			    offsetof(struct policy, rules) +
				    net->rules.n * sizeof(net->rules.rules[0]));
}

/* ---- another address ---- */

static void other_addresses_have_tunnels_of_their_own(void **state)
{
	struct bench *b = *state;
	unsigned name = name_add(b, "far.example.com", FAR " " OTHER), kept, tuns;
	struct esp_out *out;

	rule_to(b, name, POLICY_PROTECT);
	up(b);
	assert_int_equal(bench_info(b).ntunnels, 3);
	demand_ask(b, FAR, 1, 2);
	kept = demand_ask(b, OTHER, 1, 2);
	demand_ask(b, "10.1.0.1", 1, 2);
	out = b->out[kept];
	tuns = b->tuns;

	answer(b, name, THIRD " " OTHER);
	/* The one goes and the gateway is told, the other stays as it is, the new one waits. */
	assert_false(is_named(b, FAR));
	assert_int_equal(deletes(), 1);
	assert_int_equal(demand_finds(b, OTHER, 1, 2)->slot, kept);
	assert_ptr_equal(b->out[kept], out);
	assert_true(demand_served(b, "10.1.0.1", 1, 2));
	assert_true(is_named(b, THIRD));
	assert_false(demand_served(b, THIRD, 1, 2));
	check_slots(b);
	/* The kernel follows, the session does not notice. */
	assert_int_equal(b->tuns, tuns + 1);
	assert_true(b->tun.again);
	assert_ptr_equal(b->policy, &b->s->net.rules);
	assert_true(has_route(b, THIRD "/32") && has_route(b, OTHER "/32"));
	assert_true(has_route(b, "10.1.0.0/16"));
	assert_false(has_route(b, FAR "/32"));
	assert_int_equal(bench_info(b).state, SESSION_UP);
	demand_ask(b, THIRD, 1, 2);
	assert_true(demand_served(b, THIRD, 1, 2));
	assert_string_equal(demand_offer(), INNER "/32 - " THIRD "/32");
}

static void the_same_in_another_order_changes_nothing(void **state)
{
	struct bench *b = *state;
	unsigned name = name_add(b, "far.example.com", FAR " " OTHER), tuns, publications;

	rule_to(b, name, POLICY_PROTECT);
	up(b);
	demand_ask(b, FAR, 1, 2);
	tuns = b->tuns;
	publications = b->publications;
	answer(b, name, OTHER " " FAR " " OTHER);
	assert_int_equal(b->tuns, tuns);
	assert_int_equal(b->publications, publications);
	assert_true(demand_served(b, FAR, 1, 2));
	/* There is no such name. */
	answer(b, name + 1, THIRD);
	assert_int_equal(b->tuns, tuns);
}

static void what_failed_leaves_the_last_addresses(void **state)
{
	struct bench *b = *state;
	unsigned name = name_add(b, "far.example.com", FAR), tuns;

	rule_to(b, name, POLICY_PROTECT);
	up(b);
	demand_ask(b, FAR, 1, 2);
	tuns = b->tuns;
	answer(b, name, "");
	assert_true(demand_served(b, FAR, 1, 2));
	/* So does an answer with nothing that may be in a rule: 192.0.2.1 is the gateway. */
	answer(b, name, "127.0.0.1 ::1 224.0.0.1 ff02::1 0.0.0.0 192.0.2.1");
	assert_true(demand_served(b, FAR, 1, 2));
	assert_int_equal(b->tuns, tuns);
	assert_int_equal(deletes(), 0);
}

static void what_may_not_be_is_left_out(void **state)
{
	struct bench *b = *state;
	unsigned name = name_add(b, "far.example.com", "192.0.2.1 127.0.0.1 " FAR);

	b->config.ngateways = 2;
	b->config.gateways[1] = "192.0.2.9";
	rule_to(b, name, POLICY_DISCARD);
	up(b);
	assert_int_equal(demand_finds(b, FAR, 1, 2)->action, POLICY_DISCARD);
	assert_null(demand_finds(b, "192.0.2.1", 1, 2));
	assert_null(demand_finds(b, "127.0.0.1", 1, 2));
	answer(b, name, "192.0.2.1 192.0.2.9 127.0.0.1 " OTHER);
	assert_int_equal(demand_finds(b, OTHER, 1, 2)->action, POLICY_DISCARD);
	assert_null(demand_finds(b, FAR, 1, 2));
	assert_null(demand_finds(b, "192.0.2.1", 1, 2));
	assert_null(demand_finds(b, "192.0.2.9", 1, 2));
	check_slots(b);
}

static void more_than_there_is_room_for_changes_nothing(void **state)
{
	struct bench *b = *state;
	unsigned name = name_add(b, "far.example.com", FAR), tuns;
	struct session_rule *r = rule_to(b, name, POLICY_PROTECT);
	char many[400] = "";

	/* Two protocols: two for each address. */
	r->patterns[1] = r->patterns[0];
	demand_ports(&r->patterns[0].ts.remote, 80, 80);
	demand_ports(&r->patterns[0].ts.local, 0, UINT16_MAX);
	r->npatterns = 2;
	up(b);
	demand_ask(b, FAR, 1, 80);
	tuns = b->tuns;
	for (unsigned i = 0; i < 9; i++)
		snprintf(many + strlen(many), sizeof(many) - strlen(many), "10.6.0.%u ", i + 1);
	answer(b, name, many);
	assert_int_equal(b->tuns, tuns);
	assert_true(demand_served(b, FAR, 1, 80));
	answer(b, name, FAR);
	assert_int_equal(b->tuns, tuns);
	/* One less fits. */
	many[strlen(many) - strlen("10.6.0.9 ")] = '\0';
	answer(b, name, many);
	assert_int_equal(b->tuns, tuns + 1);
	assert_int_equal(bench_info(b).ntunnels, 17);
	check_slots(b);
}

/* The rules are there before the gateway's address is known. */
static void the_gateway_is_left_out_once_it_is_known(void **state)
{
	struct bench *b = *state;
	unsigned name = name_add(b, "far.example.com", "192.0.2.1 " FAR);

	b->config.address_config = false;
	b->config.inner[b->config.ninner++] = parts_addr(INNER);
	b->config.tunnels[b->config.ntunnels++] = parts_pair(INNER "/32", "10.1.0.0/16");
	b->config.on_demand = true;
	rule_to(b, name, POLICY_PROTECT);
	bench_begin(b);
	bench_established(b, 1);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_true(is_named(b, FAR));
	assert_false(is_named(b, "192.0.2.1"));
	assert_false(has_route(b, "192.0.2.1/32"));
	check_slots(b);
}

/* ---- what goes with it ---- */

static void a_refusal_ends(void **state)
{
	struct bench *b = *state;
	unsigned name = name_add(b, "far.example.com", FAR), slot;

	rule_to(b, name, POLICY_PROTECT);
	up(b);
	fake_ike.children = FAKE_IKE_CHILDREN_NO_PROPOSAL;
	slot = demand_ask(b, FAR, 1, 2);
	assert_true(b->refused[slot] > b->now);
	answer(b, name, OTHER);
	assert_true(b->refused[slot] == 0);
}

static void what_waits_its_turn_has_it(void **state)
{
	struct bench *b = *state;
	unsigned name = name_add(b, "far.example.com", "10.6.0.1 10.6.0.2 10.6.0.3 10.6.0.4");

	rule_to(b, name, POLICY_PROTECT);
	up(b);
	fake_ike.children = FAKE_IKE_CHILDREN_WAIT;
	demand_ask(b, "10.6.0.1", 1, 2);
	demand_ask(b, "10.6.0.2", 1, 2);
	demand_ask(b, "10.6.0.3", 1, 2);
	demand_ask(b, "10.6.0.4", 1, 2);
	assert_int_equal(demand_children(), SESSION_UNDER_WAY_MAX);
	answer(b, name, "10.6.0.2 10.6.0.3 10.6.0.4");
	assert_int_equal(demand_children(), SESSION_UNDER_WAY_MAX + 1);
	assert_string_equal(demand_offer(), INNER "/32 - 10.6.0.4/32");
}

static void what_waits_for_room_does_not_any_more(void **state)
{
	struct bench *b = *state;
	unsigned name = name_add(b, "far.example.com", FAR " " OTHER);
	struct session_rule *r = rule_to(b, name, POLICY_PROTECT);

	r->granularity = GRANULARITY_HOST;
	r->max_sas = 1;
	up(b);
	demand_ask(b, OTHER, 1, 2);
	demand_ask(b, FAR, 1, 2);
	assert_int_equal(b->s->nwaiting, 1);
	answer(b, name, OTHER);
	assert_int_equal(b->s->nwaiting, 0);
	assert_true(demand_served(b, OTHER, 1, 2));
}

static void a_negotiation_under_way_ends(void **state)
{
	struct bench *b = *state;
	unsigned name = name_add(b, "far.example.com", FAR);
	uint32_t id;

	rule_to(b, name, POLICY_PROTECT);
	up(b);
	fake_ike.children = FAKE_IKE_CHILDREN_WAIT;
	demand_ask(b, FAR, 1, 2);
	id = fake_ike_last(IKE_EVENT_CHILD)->id;
	answer(b, name, OTHER);
	assert_int_equal(deletes(), 1);
	check_slots(b);
	/* It comes all the same. */
	fake_ike_child_failed(1, id, ERR_TIMEOUT, 0);
	bench_pump(b);
	assert_int_equal(b->refusals, 0);
	fake_ike.children = FAKE_IKE_CHILDREN_UP;
	demand_ask(b, OTHER, 1, 2);
	assert_true(demand_served(b, OTHER, 1, 2));
}

static void what_was_made_of_it_for_flows_goes(void **state)
{
	struct bench *b = *state;
	unsigned name = name_add(b, "far.example.com", FAR " " OTHER), slot;

	rule_to(b, name, POLICY_PROTECT)->granularity = GRANULARITY_FLOW;
	up(b);
	for (uint16_t port = 1; port <= 3; port++)
		demand_ask(b, FAR, port, 80);
	demand_ask(b, OTHER, 1, 80);
	slot = demand_finds(b, OTHER, 1, 80)->slot;
	assert_true(demand_served(b, OTHER, 1, 80));
	answer(b, name, OTHER " " THIRD);
	assert_int_equal(deletes(), 3);
	assert_false(is_named(b, FAR));
	assert_true(demand_served(b, OTHER, 1, 80));
	assert_int_equal(demand_finds(b, OTHER, 1, 80)->slot, slot);
	check_slots(b);
	demand_ask(b, THIRD, 1, 80);
	assert_true(demand_served(b, THIRD, 1, 80));
	assert_false(demand_served(b, THIRD, 2, 80));
	check_slots(b);
}

/* Addresses come and go, and with them flows; one name is in two rules, and one is of two families. */
static void many_changes_leave_no_slot_behind(void **state)
{
	static const char *const answers[] = { FAR,   FAR " " OTHER, OTHER " " THIRD " fd00::5",
					       THIRD, "fd00::5",     FAR " " OTHER " " THIRD };
	struct bench *b = *state;
	unsigned one = name_add(b, "one.example.com", FAR);
	unsigned two = name_add(b, "two.example.com", "10.7.0.1");

	rule_to(b, one, POLICY_DISCARD)->patterns[0].ts.remote.proto = 17;
	rule_to(b, two, POLICY_PROTECT);
	rule_to(b, one, POLICY_PROTECT)->granularity = GRANULARITY_HOST;
	up(b);
	for (unsigned i = 0; i < 200; i++) {
		if (is_named(b, FAR))
			demand_ask(b, FAR, 1, 2);
		if (is_named(b, THIRD))
			demand_ask(b, THIRD, 1, 2);
		answer(b, one, answers[i % ARRAY_SIZE(answers)]);
		check_slots(b);
		answer(b, two, i % 3 ? "10.7.0.1" : "10.7.0.2 10.7.0.3");
		check_slots(b);
		b->now += VTIME_S / 8;
	}
	answer(b, one, FAR);
	assert_true(bench_info(b).ntunnels < 6);
	assert_int_equal(bench_info(b).state, SESSION_UP);
}

/* ---- when ---- */

static void not_while_it_is_not_up_and_kept_when_it_is_again(void **state)
{
	struct bench *b = *state;
	unsigned name = name_add(b, "far.example.com", FAR), tuns;

	rule_to(b, name, POLICY_PROTECT);
	up(b);
	session_recover(b->s, b->now, "lost");
	answer(b, name, OTHER);
	assert_true(is_named(b, FAR));
	bench_run(b, b->now + 2 * VTIME_S);
	bench_authenticated(b, 2);
	bench_give(b, 2);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	answer(b, name, OTHER " " THIRD);
	tuns = b->tuns;
	/* Another attempt, with the same from the gateway: nothing has changed. */
	session_recover(b->s, b->now, "lost again");
	while (!fake_ike_sa(3)) {
		bench_pump(b);
		bench_run(b, b->now + VTIME_S);
	}
	bench_authenticated(b, 3);
	bench_give(b, 3);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_int_equal(b->tuns, tuns);
	assert_true(is_named(b, OTHER) && is_named(b, THIRD));
	check_slots(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(other_addresses_have_tunnels_of_their_own),
		BENCH_TEST(the_same_in_another_order_changes_nothing),
		BENCH_TEST(what_failed_leaves_the_last_addresses),
		BENCH_TEST(what_may_not_be_is_left_out),
		BENCH_TEST(more_than_there_is_room_for_changes_nothing),
		BENCH_TEST(the_gateway_is_left_out_once_it_is_known),
		BENCH_TEST(a_refusal_ends),
		BENCH_TEST(what_waits_its_turn_has_it),
		BENCH_TEST(what_waits_for_room_does_not_any_more),
		BENCH_TEST(a_negotiation_under_way_ends),
		BENCH_TEST(what_was_made_of_it_for_flows_goes),
		BENCH_TEST(many_changes_leave_no_slot_behind),
		BENCH_TEST(not_while_it_is_not_up_and_kept_when_it_is_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
