/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is asked for an SA; what other rules, and a refusal, do to what is held. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/hold_parts.h"

#define SYN PACKET_TCP_SYN

static const struct hold_counters *held(const struct bed *b)
{
	return outbound_held(b->o);
}

static void tcp(struct bed *b, const char *dst, uint16_t sport, uint8_t flags, uint32_t sequence)
{
	uint8_t buf[40];

	bed_send(b, parts_tcp4(buf, "10.1.0.5", dst, sport, flags, sequence));
}

/* ---- asking ---- */

static void each_slot_is_asked_for_once(void **state)
{
	struct bed *b = *state;

	for (uint32_t i = 0; i < 5; i++) {
		bed_udp(b, "10.2.0.9", (uint16_t)i, i);
		bed_udp(b, "10.3.0.9", (uint16_t)i, i);
		bed_release(b);
	}
	expect_need(b, SLOT, "10.2.0.9");
	expect_need(b, OTHER_SLOT, "10.3.0.9");
	expect_no_event(b);
	/* Control has done something, and there is still nothing: for what is held, too. */
	classifier_set_current(b->c, SLOT, NULL);
	bed_release(b);
	expect_need(b, SLOT, "10.2.0.9");
	bed_release(b);
	bed_udp(b, "10.2.0.9", 1, 9);
	expect_no_event(b);
}

static void each_host_is_asked_for_once(void **state)
{
	struct bed *b = *state;

	bed_udp(b, "10.4.0.1", 1, 1);
	bed_udp(b, "10.4.0.2", 1, 2);
	bed_udp(b, "10.4.0.1", 2, 3);
	bed_udp(b, "10.4.0.1", 1, 4);
	bed_release(b);
	expect_need(b, HOST_SLOT, "10.4.0.1");
	expect_need(b, HOST_SLOT, "10.4.0.2");
	expect_no_event(b);
	/* As long as one of its packets is held. */
	b->now += HOLD_AGE;
	bed_release(b);
	assert_int_equal(held(b)->packets, 0);
	bed_udp(b, "10.4.0.1", 3, 5);
	expect_need(b, HOST_SLOT, "10.4.0.1");
	expect_no_event(b);
}

static void each_flow_is_asked_for_once(void **state)
{
	struct bed *b = *state;
	struct data_event e;

	for (uint16_t port = 0; port < 200; port++) {
		bed_udp(b, "10.5.0.1", port, 1);
		bed_udp(b, "10.5.0.1", port, 2);
	}
	/* The queue of events is full more than once; who found it so asks again. */
	for (unsigned i = 0; i < 200; i++) {
		bed_release(b);
		assert_true(bed_event(b, &e));
		assert_int_equal(e.slot, FLOW_SLOT);
		assert_int_equal(e.tuple.dport, i);
	}
	bed_release(b);
	expect_no_event(b);
	classifier_set_refused(b->c, FLOW_SLOT, 0);
	bed_release(b);
	for (unsigned i = 0; i < 64; i++)
		assert_true(bed_event(b, &e));
}

/* ---- other rules ---- */

static struct policy_rule own_rule(const char *remote)
{
	return (struct policy_rule){ parts_pair("10.1.0.0/16", remote), POLICY_PROTECT, OWN_SLOT,
				     GRANULARITY_RULE };
}

/* Control answers a host's NEED_SA with a rule and a slot for that host. */
static void a_host_gets_what_was_held_for_it(void **state)
{
	struct bed *b = *state;
	struct policy_rule rule = own_rule("10.4.0.1/32");
	const uint32_t expect[] = { 0, 2, 4, 5, 6 };

	for (uint32_t i = 0; i < 6; i++)
		bed_udp(b, i % 2 && i < 5 ? "10.4.0.2" : "10.4.0.1", (uint16_t)i, i);
	bed_rule_first(b, &rule);
	bed_publish(b);
	bed_sa(b, OWN_SLOT, 0);
	/* Newer than what is still in the other slot. */
	bed_udp(b, "10.4.0.1", 0, 6);
	bed_release(b);
	assert_int_equal(b->nsent, 5);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(b->sent[i].spi, 0x1000 + OWN_SLOT);
		assert_int_equal(noted_number(&b->sent[i]), expect[i]);
	}
	assert_int_equal(outbound_held_of(b->o, HOST_SLOT)->packets, 2);
	assert_int_equal(outbound_held_of(b->o, HOST_SLOT)->in, 2);
	assert_int_equal(outbound_held_of(b->o, OWN_SLOT)->released, 5);
}

/* Those that other rules send to a slot stand between those that are there. */
static void held_packets_move_in_order(void **state)
{
	struct bed *b = *state;
	struct policy_rule rule = own_rule("10.4.0.1/32");

	bed_rule_first(b, &rule);
	bed_publish(b);
	for (uint32_t i = 0; i < 600; i++)
		bed_udp(b, i % 3 ? "10.4.0.1" : "10.4.0.2", (uint16_t)(i % 10), i);
	b->policy->rules[0].ts.remote = parts_ts("10.4.0.0/24");
	bed_publish(b);
	bed_release(b);
	assert_int_equal(b->nsent, 0);
	bed_sa(b, OWN_SLOT, 0);
	bed_release(b);
	assert_int_equal(b->nsent, 600);
	for (uint32_t i = 0; i < 600; i++)
		assert_int_equal(noted_number(&b->sent[i]), i);
}

/* While the review is under way, the rest of a flow is never behind its newer packets. */
static void a_flow_is_in_order_during_the_review(void **state)
{
	struct bed *b = *state;
	struct policy_rule rule = own_rule("10.4.0.0/16");
	uint32_t last[40] = { 0 }, number = 1, n = 0;

	for (; number <= 2000; number++)
		bed_udp(b, "10.4.0.1", (uint16_t)(number % 40), number);
	bed_rule_first(b, &rule);
	bed_publish(b);
	bed_sa(b, OWN_SLOT, 0);
	for (; number <= 2400; number++) {
		if (number % 8 == 0)
			bed_release_once(b);
		bed_udp(b, "10.4.0.1", (uint16_t)(number % 40), number);
	}
	bed_release(b);
	for (; n < b->nsent; n++) {
		unsigned port = get_be16(b->sent[n].bytes + 22);

		assert_true(noted_number(&b->sent[n]) > last[port]);
		last[port] = noted_number(&b->sent[n]);
	}
	assert_int_equal(n + held(b)->dropped, 2400);
}

static void a_rule_that_vanished_takes_what_it_held(void **state)
{
	struct bed *b = *state;

	bed_udp(b, "10.3.0.9", 1, 1);
	bed_udp(b, "10.3.0.9", 1, 2);
	bed_udp(b, "10.2.0.9", 1, 3);
	b->policy->rules[1].action = POLICY_DISCARD;
	bed_publish(b);
	bed_release(b);
	assert_int_equal(held(b)->packets, 1);
	assert_int_equal(bed_dropped(b, DROP_DISCARD), 2);
	assert_int_equal(b->ntold, 1);
	expect_prohibited(&b->told[0], "10.3.0.9");
	b->policy->rules[0].action = POLICY_BYPASS;
	bed_publish(b);
	bed_release(b);
	assert_int_equal(bed_dropped(b, DROP_BYPASS_ON_TUN), 1);
	assert_int_equal(b->ntold, 2);
	assert_int_equal(held(b)->dropped, 3);
}

static void another_address_ends_what_the_old_one_began(void **state)
{
	struct bed *b = *state;
	struct ts_pair ts = parts_pair("10.1.0.6/32", "10.2.0.0/16");

	tcp(b, "10.2.0.9", 1000, SYN, 77);
	bed_udp(b, "10.2.0.9", 1, 1);
	for (unsigned i = 0; i < b->policy->n; i++)
		b->policy->rules[i].ts.local = ts.local;
	bed_publish(b);
	bed_release(b);
	assert_int_equal(held(b)->dropped, 2);
	assert_int_equal(bed_dropped(b, DROP_ADDRESS_CHANGED), 2);
	assert_int_equal(b->ntold, 2);
	expect_prohibited(&b->told[0], "10.2.0.9");
}

/* A slot that control gave to another rule. */
static void another_rules_sa_serves_nothing_held(void **state)
{
	struct bed *b = *state;

	bed_udp(b, "10.2.0.9", 1, 1);
	b->policy->rules[0].slot = OWN_SLOT;
	b->policy->rules[1].slot = SLOT;
	bed_publish(b);
	bed_sa(b, SLOT, 0);
	bed_release(b);
	assert_int_equal(b->nsent, 0);
	bed_sa(b, OWN_SLOT, 0);
	bed_release(b);
	assert_int_equal(b->nsent, 1);
	assert_int_equal(b->sent[0].spi, 0x1000 + OWN_SLOT);
}

/* ---- refusal ---- */

static void a_refused_slot_answers_each_flow_once(void **state)
{
	struct bed *b = *state;

	tcp(b, "10.2.0.9", 1000, SYN, 77);
	tcp(b, "10.2.0.9", 1000, SYN, 99);
	tcp(b, "10.2.0.10", 1001, SYN, 78);
	bed_udp(b, "10.2.0.11", 53, 1);
	tcp(b, "10.3.0.9", 1000, SYN, 80);
	classifier_set_refused(b->c, SLOT, b->now + VTIME_S);
	bed_release(b);
	assert_int_equal(b->ntold, 3);
	expect_prohibited(&b->told[0], "10.2.0.9");
	expect_prohibited(&b->told[1], "10.2.0.10");
	expect_prohibited(&b->told[2], "10.2.0.11");
	/* About the newest packet of the flow. */
	assert_int_equal(get_be32(b->told[0].bytes + 28 + 24), 99);
	assert_int_equal(bed_dropped(b, DROP_REFUSED), 3);
	assert_int_equal(bed_dropped(b, DROP_REFUSED_UNHEARD), 1);
	assert_int_equal(held(b)->dropped, 4);
	assert_int_equal(held(b)->packets, 1);
}

static void what_comes_is_refused_for_a_while(void **state)
{
	struct bed *b = *state;

	tcp(b, "10.2.0.9", 1000, SYN, 77);
	expect_need(b, SLOT, "10.2.0.9");
	classifier_set_refused(b->c, SLOT, b->now + VTIME_S);
	bed_release(b);
	b->now += VTIME_S - 1;
	tcp(b, "10.2.0.9", 1001, SYN, 78);
	assert_int_equal(b->ntold, 2);
	expect_prohibited(&b->told[1], "10.2.0.9");
	assert_int_equal(held(b)->packets, 0);
	expect_no_event(b);
	b->now++;
	tcp(b, "10.2.0.9", 1001, SYN, 79);
	assert_int_equal(b->ntold, 2);
	assert_int_equal(held(b)->packets, 1);
	expect_need(b, SLOT, "10.2.0.9");
	/* The network is another one: the refusal is over before its time. */
	classifier_set_refused(b->c, SLOT, b->now + 60 * VTIME_S);
	bed_release(b);
	classifier_set_refused(b->c, SLOT, 0);
	tcp(b, "10.2.0.9", 1001, SYN, 80);
	assert_int_equal(held(b)->packets, 1);
	expect_need(b, SLOT, "10.2.0.9");
}

/* More flows than a batch has room for. */
static void no_refusal_is_lost(void **state)
{
	struct bed *b = *state;

	for (uint32_t i = 0; i < 500; i++)
		tcp(b, "10.2.0.9", (uint16_t)i, SYN, i);
	classifier_set_refused(b->c, SLOT, b->now + VTIME_S);
	assert_true(bed_release(b) > 1);
	assert_int_equal(b->ntold, 500);
	for (uint32_t i = 0; i < 500; i++)
		assert_int_equal(get_be16(b->told[i].bytes + 28 + 20), i);
}

static void without_a_hold_refusal_is_told_too(void **state)
{
	struct bed *b = bed_new_with(0);

	(void)state;
	tcp(b, "10.2.0.9", 1000, SYN, 77);
	assert_int_equal(bed_dropped(b, DROP_NO_SA), 1);
	expect_need(b, SLOT, "10.2.0.9");
	bed_udp(b, "10.4.0.1", 1, 1);
	bed_udp(b, "10.4.0.1", 2, 1);
	bed_udp(b, "10.4.0.2", 1, 1);
	expect_need(b, HOST_SLOT, "10.4.0.1");
	expect_need(b, HOST_SLOT, "10.4.0.2");
	expect_no_event(b);
	classifier_set_refused(b->c, SLOT, b->now + VTIME_S);
	tcp(b, "10.2.0.9", 1000, SYN, 77);
	assert_int_equal(b->ntold, 1);
	assert_int_equal(held(b)->in, 0);
	bed_close(b);
}

static int set_up(void **state)
{
	return crypto_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(each_slot_is_asked_for_once),
		bed_test(each_host_is_asked_for_once),
		bed_test(each_flow_is_asked_for_once),
		bed_test(a_host_gets_what_was_held_for_it),
		bed_test(held_packets_move_in_order),
		bed_test(a_flow_is_in_order_during_the_review),
		bed_test(a_rule_that_vanished_takes_what_it_held),
		bed_test(another_address_ends_what_the_old_one_began),
		bed_test(another_rules_sa_serves_nothing_held),
		bed_test(a_refused_slot_answers_each_flow_once),
		bed_test(what_comes_is_refused_for_a_while),
		bed_test(no_refusal_is_lost),
		cmocka_unit_test(without_a_hold_refusal_is_told_too),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
