/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A session that pings through its epochs, and what it does about the answers. */
#include "tests/unit/probe_parts.h"

/* ---- whom to ask ---- */

static void the_first_epoch_asks_everybody_at_once(void **state)
{
	struct bench *b = begin(*state);

	b->config.ping_targets[0] = parts_addr("10.0.0.9");
	bench_up(b);
	assert_int_equal(b->keys, 1);
	assert_int_equal(b->pings, 3);
	expect_asks(b, 0, "10.0.0.9");
	expect_asks(b, 1, GATEWAY);
	expect_asks(b, 2, DNS);
	for (unsigned i = 0; i < 3; i++) {
		struct addr inner = parts_addr("10.98.0.7");

		assert_true(addr_eq(&b->ping[i].src, &inner));
		assert_int_equal(b->ping[i].spi, epoch(b, 0)->spi_out);
	}
	assert_string_equal(ping_info(b).why, "asking");
	/* With UDP data need not wait for them. */
	assert_non_null(b->out[0]);
}

static void who_answers_first_is_asked_from_then_on(void **state)
{
	struct bench *b = begin(*state);
	found(b);
	assert_true(is_target(b, DNS));
	assert_string_equal(ping_info(b).why, "dns");
	assert_int_equal(ping_info(b).sent, 2);
	assert_int_equal(ping_info(b).answered, 1);
	later(b, ONE_EPOCH);
	assert_int_equal(b->pings, 2);
	answer(b, 0); /* late, and of no interest */
	assert_true(is_target(b, DNS));
	rekey(b);
	assert_int_equal(b->pings, 3);
	expect_asks(b, 2, DNS);
}

/* A network that the gateway names has a first address; everything has none. */
static void the_first_of_a_network(void **state)
{
	struct bench *b = begin(*state);

	b->assigned.ndns = 0;
	bench_include(&b->assigned, "10.7.0.0/16");
	bench_include(&b->assigned, "10.8.1.5/32");
	bench_up(b);
	assert_int_equal(b->pings, 2);
	expect_asks(b, 0, "10.7.0.1");
	expect_asks(b, 1, "10.8.1.5");
}

static void a_target_that_no_tunnel_reaches_is_not_asked(void **state)
{
	struct bench *b = begin(*state);

	b->config.ping_targets[0] = parts_addr("10.0.0.9");
	bench_include(&b->assigned, "10.7.0.0/16");
	bench_up(b);
	assert_int_equal(b->pings, 1);
	expect_asks(b, 0, "10.7.0.1");
}

/* ---- data alone ---- */

static void where_nobody_answers_data_decides(void **state)
{
	struct bench *b = begin(*state);
	vtime up;

	bench_up(b);
	up = b->now;
	later(b, ONE_EPOCH - 1);
	assert_int_equal(b->pings, 2 * TRIES);
	assert_string_equal(ping_info(b).why, "asking");
	later(b, 1);
	assert_string_equal(ping_info(b).why, "nobody answers pings");
	assert_int_equal(children(), 1);
	assert_non_null(b->out[0]);
	/* All are asked again, at the pace of an idle tunnel, and nothing follows from their silence. */
	later(b, up + 10 * MAXIDLE - b->now);
	assert_in_range(b->pings, 2 * (TRIES + 7), 2 * (TRIES + 10));
	assert_int_equal(children(), 1);
	assert_int_equal(bench_info(b).rung, RUNG_REST);
	answer(b, b->pings - 1);
	assert_string_equal(ping_info(b).why, "dns");
}

/* The name server's port alone: no ping gets there. */
static void selectors_without_icmp(void **state)
{
	struct bench *b = begin_strict(*state);

	b->config.address_config = false;
	b->config.ike.wish.pull = false;
	b->config.inner[0] = parts_addr("10.98.0.7");
	b->config.ninner = 1;
	b->config.tunnels[0] = parts_pair("10.98.0.7/32", "10.0.0.0/8");
	b->config.tunnels[0].local.proto = b->config.tunnels[0].remote.proto = PACKET_UDP;
	b->config.ntunnels = 1;
	bench_begin(b);
	bench_established(b, 1);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_non_null(b->out[0]);
	assert_int_equal(b->pings, 1);
	expect_asks(b, 0, NULL);
	later(b, ONE_EPOCH);
	assert_int_equal(b->pings, TRIES);
	assert_int_equal(children(), 1);
	assert_string_equal(ping_info(b).why, "nothing has come through the newest keys yet");
	heard(b, 0);
	assert_string_not_equal(ping_info(b).why, "nothing has come through the newest keys yet");
	later(b, 5 * MAXIDLE);
	assert_in_range(b->pings, TRIES + 4, TRIES + 6);
	assert_int_equal(children(), 1);
}

/* ---- proofs ---- */

static void the_old_pair_is_used_until_the_new_one_is_proved(void **state)
{
	struct bench *b = begin(*state);
	const struct esp_out *old;

	found(b);
	old = b->out[0];
	rekey(b);
	assert_ptr_equal(b->out[0], old);
	answer(b, 2);
	assert_true(b->out[0] != old);
	assert_int_equal(epoch(b, 0)->state, EPOCH_CURRENT);
	assert_int_equal(epoch(b, 1)->state, EPOCH_RETIRING);
	later(b, ONE_EPOCH);
	assert_int_equal(b->pings, 3);
}

/* The peer has it: where no NAT guesses that is enough. */
static void answered_on_the_old_pair(void **state)
{
	struct bench *b = begin(*state);
	uint32_t old;

	found(b);
	old = epoch(b, 0)->spi_in;
	rekey(b);
	answer_on(b, 2, old);
	assert_int_equal(epoch(b, 0)->state, EPOCH_CURRENT);
	/* It goes on answering there, and is taken for no less alive. */
	for (unsigned i = 0; i < 5; i++) {
		later(b, MAXIDLE);
		assert_int_equal(b->pings, 4 + i);
		answer_on(b, 3 + i, old);
	}
	assert_int_equal(children(), 2);
	assert_int_equal(epoch(b, 0)->state, EPOCH_CURRENT);
}

static void answered_on_the_old_pair_behind_a_nat(void **state)
{
	struct bench *b = begin_strict(*state);
	uint32_t old;

	found(b);
	old = epoch(b, 0)->spi_in;
	rekey(b);
	answer_on(b, 2, old);
	assert_int_equal(epoch(b, 0)->state, EPOCH_PROBING);
	later(b, PINGTIME);
	assert_int_equal(b->pings, 4);
	answer(b, 3);
	assert_int_equal(epoch(b, 0)->state, EPOCH_CURRENT);
}

static void nothing_goes_before_the_proof_behind_a_nat(void **state)
{
	struct bench *b = begin_strict(*state);

	bench_up(b);
	assert_null(b->out[0]);
	answer(b, 0);
	assert_non_null(b->out[0]);
}

/* A NAT may be there where nobody has looked for it. */
static void raw_esp_without_detection(void **state)
{
	struct bench *b = begin_strict(*state);

	b->nat = NAT_NONE;
	bench_up(b);
	assert_false(session_is_strict(b->s));
	assert_non_null(b->out[0]);
	b->s->nat_known = false;
	assert_true(session_is_strict(b->s));
	b->s->path.encapsulation = ENCAPSULATION_CISCO_UDP;
	assert_false(session_is_strict(b->s));
}

/* While pings are out nobody's packet makes it negotiate once more. */
static void held_packets_wait_for_the_proof(void **state)
{
	struct bench *b = begin_strict(*state);
	const struct data_event need = { .type = DATA_NEED_SA };

	b->config.on_demand = true;
	bench_up(b);
	event(b, &need);
	assert_int_equal(children(), 1);
	assert_false(tunnel(b)->demanded);
	event(b, &need);
	assert_int_equal(children(), 1);
	assert_true(tunnel(b)->demanded);
	/* When it is given up they are not forgotten. */
	later(b, ONE_EPOCH + 2 * VTIME_S);
	assert_int_equal(children(), 2);
	answer(b, b->pings - 1);
	assert_non_null(b->out[0]);
	assert_false(tunnel(b)->demanded);
}

/* ---- no proof ---- */

static void an_unproved_pair_is_given_up(void **state)
{
	struct bench *b = begin(*state);
	const struct esp_out *old;
	uint32_t spi;
	vtime from;

	found(b);
	old = b->out[0];
	rekey(b);
	spi = epoch(b, 0)->spi_in;
	from = b->now;
	later(b, ONE_EPOCH - 1);
	assert_int_equal(b->pings, 2 + PINGS_OF_EPOCH);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_CHILD_DELETE), 0);
	later(b, 1);
	assert_int_equal(fake_ike_last(IKE_EVENT_CHILD_DELETE)->deleted, spi);
	assert_int_equal(bench_info(b).nepoch, 1);
	assert_int_equal(bench_info(b).rung, RUNG_REKEY);
	assert_int_equal(children(), 2);
	assert_ptr_equal(b->out[0], old);
	/* After a wait, lest two that collided collide again. */
	later(b, 2 * VTIME_S);
	assert_int_equal(children(), 3);
	assert_in_range(fake_ike_last(IKE_EVENT_CHILD)->at - from - ONE_EPOCH, VTIME_S * 3 / 4,
			VTIME_S * 5 / 4);
	answer(b, b->pings - 1);
	assert_int_equal(bench_info(b).nepoch, 0);
	assert_int_equal(bench_info(b).rung, RUNG_REST);
	assert_true(b->out[0] != old);
}

static void too_many_unproved_pairs(void **state)
{
	struct bench *b = begin(*state);
	unsigned before;

	found(b);
	rekey(b);
	before = children();
	until_begun(b, 2);
	assert_int_equal(children() - before, b->config.elimit);
	assert_int_equal(bench_info(b).rung, RUNG_NEW_IKE);
	/* Whoever was asked may be gone: all are asked again. */
	before = b->pings;
	until_up(b);
	assert_int_equal(b->pings - before, 2);
	answer(b, before);
	assert_string_equal(ping_info(b).why, "gateway");
	assert_int_equal(bench_info(b).rung, RUNG_REST);
}

/* Nothing comes of an attempt. */
static void attempt_in_vain(struct bench *b, const char *gateway)
{
	unsigned sa = fake_ike.nsas;

	assert_string_equal(b->resolved, gateway);
	bench_authenticated(b, sa);
	bench_give(b, sa);
	assert_int_equal(bench_info(b).state, SESSION_RECOVERING);
	later(b, 75 * VTIME_S);
}

/* The gateway that was good goes first, then the others in turn, then all of them again. */
static void the_next_gateway(void **state)
{
	struct bench *b = begin(*state);

	b->config.gateways[1] = "backup.example.com";
	b->config.ngateways = 2;
	found(b);
	fake_ike.children = FAKE_IKE_CHILDREN_NO_PROPOSAL;
	session_recover(b->s, b->now, "lost");
	bench_pump(b);
	later(b, 2 * VTIME_S);
	assert_int_equal(bench_info(b).rung, RUNG_NEW_IKE);
	attempt_in_vain(b, "vpn.example.com");
	assert_int_equal(bench_info(b).rung, RUNG_NEXT_GATEWAY);
	attempt_in_vain(b, "backup.example.com");
	attempt_in_vain(b, "vpn.example.com");
	attempt_in_vain(b, "backup.example.com");
	fake_ike.children = FAKE_IKE_CHILDREN_UP;
	assert_string_equal(b->resolved, "vpn.example.com");
	until_up(b);
	answer(b, b->pings - 1);
	assert_int_equal(bench_info(b).rung, RUNG_REST);
}

/* A lost race must not be taken for somebody who filters pings, nor that for races for ever. */
static void nobody_answers_behind_a_nat(void **state)
{
	struct bench *b = begin_strict(*state);

	bench_up(b);
	until_begun(b, 2);
	assert_null(b->out[0]);
	until_up(b);
	assert_string_equal(ping_info(b).why, "asking");
	until_begun(b, 3);
	assert_string_equal(ping_info(b).why, "nobody answers pings");
	until_up(b);
	assert_non_null(b->out[0]);
	later(b, 10 * ONE_EPOCH);
	assert_int_equal(starts(), 3);
	assert_int_equal(bench_info(b).state, SESSION_UP);
}

/* It is not given up a second time. */
static void a_pair_that_the_peer_deletes_is_not_pinged_any_more(void **state)
{
	struct bench *b = begin(*state);

	found(b);
	fake_ike.children = FAKE_IKE_CHILDREN_WAIT;
	rekey_with(b, 0x7777);
	assert_int_equal(b->pings, 3);
	fake_ike_push(1, IKE_EFFECT_CHILD_DELETED)->spi = epoch(b, 0)->spi_out;
	bench_pump(b);
	assert_int_equal(epoch(b, 0)->state, EPOCH_RETIRING);
	assert_int_equal(children(), 3);
	assert_int_equal(bench_info(b).nepoch, 1);
	later(b, ONE_EPOCH);
	assert_int_equal(b->pings, 3);
	assert_int_equal(bench_info(b).nepoch, 1);
}

/* ---- silence ---- */

/* The last packet counts, not when somebody looked. */
static void an_idle_pair_is_pinged_in_time(void **state)
{
	struct bench *b = begin(*state);
	vtime last;

	found(b);
	later(b, 7 * VTIME_S + 1);
	heard(b, 0);
	last = b->now;
	later(b, MAXIDLE - 1);
	assert_int_equal(b->pings, 2);
	later(b, 1);
	assert_int_equal(b->pings, 3);
	assert_true(b->ping[2].at == last + MAXIDLE);
	expect_asks(b, 2, DNS);
	answer(b, 2);
	assert_int_equal(bench_info(b).rung, RUNG_REST);
	for (unsigned i = 1; i <= 5; i++) {
		later(b, MAXIDLE);
		assert_int_equal(b->pings, 3 + i);
		answer(b, 2 + i);
	}
}

/* Our own pings are no reason to keep it. */
static void a_pinged_tunnel_can_be_idle(void **state)
{
	struct bench *b = begin(*state);
	const struct data_event need = { .type = DATA_NEED_SA };

	b->config.on_demand = true;
	b->config.idle_close = 5 * MAXIDLE;
	bench_up(b);
	event(b, &need);
	answer(b, 0);
	for (unsigned i = 0; i < 4; i++) {
		later(b, MAXIDLE);
		answer(b, b->pings - 1);
		assert_int_equal(epoch(b, 0)->state, EPOCH_CURRENT);
	}
	later(b, MAXIDLE);
	assert_int_equal(bench_info(b).tunnels[0].nepochs, 0);
	assert_int_equal(children(), 1);
}

static void a_silent_pair_is_replaced(void **state)
{
	struct bench *b = begin(*state);
	vtime from;

	found(b);
	from = b->now;
	later(b, MAXIDLE + PINGTIME);
	assert_int_equal(b->pings, 4);
	assert_int_equal(bench_info(b).rung, RUNG_PING);
	fake_ike.children = FAKE_IKE_CHILDREN_WAIT;
	later(b, from + MAXIDLE + ONE_EPOCH - 1 - b->now);
	assert_int_equal(b->pings, 2 + PINGS_OF_EPOCH);
	assert_int_equal(children(), 1);
	assert_non_null(b->out[0]);
	later(b, 1);
	/* What the host sends is held until there is another. */
	assert_null(b->out[0]);
	assert_int_equal(children(), 2);
	assert_int_equal(bench_info(b).rung, RUNG_REKEY);
	assert_int_equal(bench_info(b).nepoch, 0);
	agreed(b, 0x7777);
	assert_non_null(b->out[0]);
	expect_asks(b, b->pings - 1, DNS);
	answer(b, b->pings - 1);
	assert_int_equal(bench_info(b).rung, RUNG_REST);
}

/* Not the tunnel is down, but the host that is asked. */
static void another_host_answers(void **state)
{
	struct bench *b = begin(*state);

	found(b);
	later(b, MAXIDLE + 2 * PINGTIME);
	assert_int_equal(b->pings, 2 + 4);
	expect_asks(b, 4, GATEWAY);
	assert_string_equal(ping_info(b).why, "asking");
	answer(b, 4);
	assert_true(is_target(b, GATEWAY));
	later(b, MAXIDLE);
	assert_int_equal(b->pings, 7);
	expect_asks(b, 6, GATEWAY);
	assert_int_equal(children(), 1);
	assert_non_null(b->out[0]);
}

/* Through a tunnel that does not lead to the target nobody has asked it. */
static void a_tunnel_that_does_not_lead_to_the_target(void **state)
{
	struct bench *b = begin(*state);

	b->assigned.ndns = 0;
	bench_include(&b->assigned, "10.7.0.0/16");
	bench_include(&b->assigned, "10.8.0.0/16");
	bench_up(b);
	assert_int_equal(b->pings, 2);
	answer(b, 0);
	assert_true(is_target(b, "10.7.0.1"));
	assert_non_null(b->out[1]);
	/* It has asked its own host before, and nobody any more. */
	later(b, ONE_EPOCH);
	assert_int_equal(b->pings, 2);
	assert_true(is_target(b, "10.7.0.1"));
	assert_int_equal(children(), 2);
}

/* It was not lost after all. */
static void a_silent_pair_that_is_heard_again(void **state)
{
	struct bench *b = begin(*state);

	found(b);
	fake_ike.children = FAKE_IKE_CHILDREN_WAIT;
	later(b, MAXIDLE + ONE_EPOCH);
	assert_null(b->out[0]);
	answer(b, b->pings - 1);
	assert_non_null(b->out[0]);
}

/* Nobody looks for it: the data thread tells, and until then nothing but a timer or two is due. */
static void a_silent_pair_that_carries_again(void **state)
{
	struct bench *b = begin(*state);
	struct data_event heard = { .type = DATA_HEARD };
	struct esp_in *in;

	found(b);
	fake_ike.children = FAKE_IKE_CHILDREN_WAIT;
	later(b, MAXIDLE + ONE_EPOCH);
	assert_null(b->out[0]);
	in = tunnel(b)->epoch[0].in;
	assert_true(in->awaited);
	heard.epoch = tunnel(b)->epochs.epoch[0].id;
	/* It may have been told of something else. */
	event(b, &heard);
	assert_null(b->out[0]);
	assert_true(in->awaited);
	later(b, 5 * VTIME_S);
	in->awaited = false;
	atomic_fetch_add(&in->counters.packets, 1);
	later(b, 5 * VTIME_S);
	assert_null(b->out[0]);
	event(b, &heard);
	assert_non_null(b->out[0]);
}

/* ---- the peer begins ---- */

static void the_peer_may_renew_where_nobody_guesses(void **state)
{
	struct bench *b = begin(*state);

	found(b);
	offer(b, 0x80000001);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_CHILD_ACCEPT), 1);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_CHILD_REFUSE), 0);
	assert_int_equal(children(), 1);
}

static void the_peer_is_refused_behind_a_nat(void **state)
{
	struct bench *b = begin_strict(*state);

	found(b);
	offer(b, 0x80000001);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_CHILD_ACCEPT), 0);
	assert_int_equal(fake_ike_last(IKE_EVENT_CHILD_REFUSE)->notify, NOTIFY_NO_PROPOSAL);
	assert_int_equal(children(), 2);
	/* It goes on living: it is told the next time, too. */
	fake_ike_push(1, IKE_EFFECT_ALIVE);
	bench_pump(b);
	fake_ike_child_failed(1, fake_ike_last(IKE_EVENT_CHILD)->id, ERR_TIMEOUT, 0);
	bench_pump(b);
	offer(b, 0x80000002);
	assert_int_equal(fake_ike_last(IKE_EVENT_CHILD_REFUSE)->notify, NOTIFY_NO_PROPOSAL);
	b->s->passes_over = true;
	offer(b, 0x80000003);
	assert_int_equal(fake_ike_last(IKE_EVENT_CHILD_REFUSE)->notify, 0);
}

static void a_gateway_that_takes_it_ill_is_passed_over(void **state)
{
	struct bench *b = begin_strict(*state);

	found(b);
	offer(b, 0x80000001);
	later(b, VTIME_S);
	bench_dead(b, 1, ERR_PEER_REFUSED, "");
	assert_true(b->s->passes_over);
}

static void a_gateway_that_falls_silent_over_it_is_passed_over(void **state)
{
	struct bench *b = begin_strict(*state);

	found(b);
	offer(b, 0x80000001);
	later(b, 10 * VTIME_S);
	fake_ike_push(1, IKE_EFFECT_SILENT);
	bench_pump(b);
	assert_true(b->s->passes_over);
}

static void what_is_configured_about_the_peer(void **state)
{
	struct bench *b = begin(*state);

	b->config.ignore_peer_rekey = SESSION_IGNORE_YES;
	found(b);
	offer(b, 0x80000001);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_CHILD_ACCEPT), 0);
	b->config.ignore_peer_rekey = SESSION_IGNORE_NO;
	b->s->path.encapsulation = ENCAPSULATION_ESP;
	b->s->nat = NAT_LOCAL;
	offer(b, 0x80000002);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_CHILD_ACCEPT), 1);
}

static int set_up(void **state)
{
	return crypto_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(the_first_epoch_asks_everybody_at_once),
		BENCH_TEST(who_answers_first_is_asked_from_then_on),
		BENCH_TEST(the_first_of_a_network),
		BENCH_TEST(a_target_that_no_tunnel_reaches_is_not_asked),
		BENCH_TEST(where_nobody_answers_data_decides),
		BENCH_TEST(selectors_without_icmp),
		BENCH_TEST(the_old_pair_is_used_until_the_new_one_is_proved),
		BENCH_TEST(answered_on_the_old_pair),
		BENCH_TEST(answered_on_the_old_pair_behind_a_nat),
		BENCH_TEST(nothing_goes_before_the_proof_behind_a_nat),
		BENCH_TEST(raw_esp_without_detection),
		BENCH_TEST(held_packets_wait_for_the_proof),
		BENCH_TEST(an_unproved_pair_is_given_up),
		BENCH_TEST(a_pair_that_the_peer_deletes_is_not_pinged_any_more),
		BENCH_TEST(too_many_unproved_pairs),
		BENCH_TEST(the_next_gateway),
		BENCH_TEST(nobody_answers_behind_a_nat),
		BENCH_TEST(an_idle_pair_is_pinged_in_time),
		BENCH_TEST(a_pinged_tunnel_can_be_idle),
		BENCH_TEST(a_silent_pair_is_replaced),
		BENCH_TEST(another_host_answers),
		BENCH_TEST(a_tunnel_that_does_not_lead_to_the_target),
		BENCH_TEST(a_silent_pair_that_is_heard_again),
		BENCH_TEST(a_silent_pair_that_carries_again),
		BENCH_TEST(the_peer_may_renew_where_nobody_guesses),
		BENCH_TEST(the_peer_is_refused_behind_a_nat),
		BENCH_TEST(a_gateway_that_takes_it_ill_is_passed_over),
		BENCH_TEST(a_gateway_that_falls_silent_over_it_is_passed_over),
		BENCH_TEST(what_is_configured_about_the_peer),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
