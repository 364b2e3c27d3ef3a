/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Peers that delete, offer and stay silent as it suits them, to a session that pings. */
#include "tests/unit/probe_parts.h"

#define MINUTE (60 * VTIME_S)

static void deleted(struct bench *b, uint32_t spi_out)
{
	fake_ike_push(1, IKE_EFFECT_CHILD_DELETED)->spi = spi_out;
	bench_pump(b);
}

/* It proves each epoch, and deletes it at once. */
static void one_that_deletes_what_is_proved(void **state)
{
	struct bench *b = begin(*state);
	unsigned before;

	found(b);
	before = children();
	for (vtime end = b->now + MINUTE; b->now < end && children() - before < 50;) {
		if (bench_info(b).tunnels[0].nepochs && epoch(b, 0)->state == EPOCH_CURRENT) {
			heard(b, place(b, epoch(b, 0)->spi_in));
			deleted(b, epoch(b, 0)->spi_out);
		} else {
			later(b, VTIME_S / 10);
		}
	}
	assert_in_range(children() - before, 4, 9);
}

/* What was of use for a while is replaced at once, and is no failure. */
static void one_that_deletes_now_and_then(void **state)
{
	struct bench *b = begin(*state);

	b->config.maxidle = 0;
	found(b);
	for (unsigned i = 0; i < 4; i++) {
		heard(b, place(b, epoch(b, 0)->spi_in));
		later(b, MINUTE);
		deleted(b, epoch(b, 0)->spi_out);
		assert_int_equal(children(), 2 + i);
		assert_int_equal(bench_info(b).nepoch, 0);
	}
}

/* Its offers are refused, and come again: what is being proved goes on. */
static void one_that_offers_while_a_pair_is_on_trial(void **state)
{
	struct bench *b = begin_strict(*state);
	unsigned before;

	found(b);
	before = children();
	for (unsigned i = 0; i < 3; i++) {
		offer(b, 0x80000001 + i);
		later(b, 3 * VTIME_S);
	}
	assert_int_equal(children() - before, 1);
	later(b, ONE_EPOCH);
	assert_int_equal(bench_info(b).nepoch, 1);
}

/* The pair before takes over, and is renewed when its time comes. */
static void one_that_deletes_the_newer_pair(void **state)
{
	struct bench *b = begin(*state);
	uint32_t old;
	unsigned before;

	found(b);
	old = epoch(b, 0)->spi_out;
	rekey(b);
	answer(b, b->pings - 1);
	before = children();
	deleted(b, epoch(b, 0)->spi_out);
	assert_int_equal(esp_out_config(b->out[0])->spi, old);
	b->config.maxidle = 0;
	for (unsigned i = 0; i < 3500 / 10 && children() == before; i++) {
		later(b, 10 * VTIME_S);
		for (unsigned k = 0; k < EPOCHS_MAX; k++)
			if (tunnel(b)->epoch[k].out && tunnel(b)->epoch[k].child.spi_out == old)
				heard(b, k);
	}
	assert_int_equal(children(), before + 1);
	assert_non_null(b->out[0]);
}

/* Data comes, but nobody answers pings: behind a NAT as well that must end. */
static void one_that_sends_but_does_not_answer(void **state)
{
	struct bench *b = begin_strict(*state);
	unsigned before = 0;

	bench_up(b);
	for (unsigned i = 0; i < 20; i++) {
		for (unsigned k = 0; k < EPOCHS_MAX; k++)
			if (tunnel(b)->epochs.epoch[k].state == EPOCH_PROBING ||
			    tunnel(b)->epochs.epoch[k].state == EPOCH_CURRENT)
				heard(b, k);
		later(b, MINUTE);
		if (i == 10)
			before = children();
	}
	assert_int_equal(children(), before);
	assert_string_equal(ping_info(b).why, "nobody answers pings");
}

/* One tunnel's keys are deleted while the others are still negotiated. */
static void one_that_deletes_before_all_are_there(void **state)
{
	struct bench *b = begin(*state);

	b->assigned.ndns = 0;
	bench_include(&b->assigned, "10.7.0.0/16");
	bench_include(&b->assigned, "10.8.0.0/16");
	bench_begin(b);
	fake_ike.children = FAKE_IKE_CHILDREN_WAIT;
	bench_give(b, 1);
	assert_int_equal(children(), 2);
	fake_ike_child_up(1, fake_ike.events[fake_ike.nevents - 2].id, 0x7777,
			  fake_ike.events[fake_ike.nevents - 2].config);
	bench_pump(b);
	assert_int_equal(bench_info(b).state, SESSION_CONNECTING);
	deleted(b, epoch(b, 0)->spi_out);
	agreed(b, 0x7778);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	later(b, 2 * VTIME_S);
	assert_int_equal(children(), 3);
}

/* Nothing comes at all, and no ping may go: what keeps a NAT's item goes out all the same. */
static void one_that_says_nothing(void **state)
{
	struct bench *b = begin_strict(*state);
	unsigned before;

	b->config.address_config = false;
	b->config.ike.wish.pull = false;
	b->config.inner[0] = parts_addr("10.98.0.7");
	b->config.ninner = 1;
	b->config.tunnels[0] = parts_pair("10.98.0.7/32", "10.0.0.0/8");
	b->config.tunnels[0].local.proto = b->config.tunnels[0].remote.proto = PACKET_UDP;
	b->config.ntunnels = 1;
	bench_begin(b);
	bench_established(b, 1);
	later(b, ONE_EPOCH);
	before = b->pings;
	later(b, 10 * MAXIDLE);
	assert_in_range(b->pings - before, 9, 11);
	assert_int_equal(children(), 1);
}

/* What it sends before its last word on the keys proves them. */
static void one_that_is_early(void **state)
{
	struct bench *b = begin(*state);
	const struct esp_out *old;

	found(b);
	old = b->out[0];
	offer(b, 0x80000001);
	fake_ike_child_up(1, 0x80000001, 0x7777, &tunnel(b)->config);
	fake_sas[1]->effects[fake_sas[1]->first].type = IKE_EFFECT_CHILD_READY;
	bench_pump(b);
	assert_non_null(b->s->negotiations[0].in);
	atomic_fetch_add(&b->s->negotiations[0].in->counters.packets, 1);
	fake_ike_child_up(1, 0x80000001, 0x7777, &tunnel(b)->config);
	bench_pump(b);
	assert_int_equal(epoch(b, 0)->state, EPOCH_CURRENT);
	assert_true(b->out[0] != old);
}

/* Who has answered is gone for good, and a NAT may be why: one day data has to do. */
static void one_whose_host_is_gone(void **state)
{
	struct bench *b = begin_strict(*state);
	unsigned times = 0;

	found(b);
	rekey(b);
	until_begun(b, 2);
	until_up(b);
	assert_string_equal(ping_info(b).why, "asking");
	expect_asks(b, b->pings - 2, GATEWAY);
	expect_asks(b, b->pings - 1, DNS);
	for (; !b->out[0] && times < 10; times++) {
		until_begun(b, 3 + times);
		until_up(b);
	}
	assert_int_equal(times, SESSION_UNANSWERED_LATER);
	assert_string_equal(ping_info(b).why, "nobody answers pings");
	later(b, MAXIDLE);
	answer(b, b->pings - 1);
	assert_true(is_target(b, DNS));
}

/* Once there is a target, tunnels that do not lead to it have nobody to prove them. */
static void one_with_a_host_behind_one_tunnel(void **state)
{
	struct bench *b = begin_strict(*state);

	b->assigned.ndns = 0;
	bench_include(&b->assigned, "10.7.0.0/16");
	bench_include(&b->assigned, "10.8.0.0/16");
	bench_up(b);
	assert_null(b->out[0]);
	assert_null(b->out[1]);
	answer(b, 0);
	later(b, 1);
	assert_non_null(b->out[0]);
	assert_non_null(b->out[1]);
}

/* While all begins anew what was on trial is not pinged, and its silence is not counted. */
static void one_that_is_lost_during_a_trial(void **state)
{
	struct bench *b = begin(*state);
	unsigned before;

	found(b);
	rekey(b);
	session_recover(b->s, b->now, "lost");
	bench_pump(b);
	before = b->pings;
	later(b, ONE_EPOCH + VTIME_S);
	assert_int_equal(b->pings, before);
	assert_int_equal(bench_info(b).state, SESSION_RECOVERING);
	assert_int_equal(bench_info(b).nepoch, 0);
}

static int set_up(void **state)
{
	return crypto_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(one_that_deletes_what_is_proved),
		BENCH_TEST(one_that_offers_while_a_pair_is_on_trial),
		BENCH_TEST(one_that_deletes_the_newer_pair),
		BENCH_TEST(one_that_sends_but_does_not_answer),
		BENCH_TEST(one_that_deletes_before_all_are_there),
		BENCH_TEST(one_that_says_nothing),
		BENCH_TEST(one_that_is_early),
		BENCH_TEST(one_that_deletes_now_and_then),
		BENCH_TEST(one_whose_host_is_gone),
		BENCH_TEST(one_with_a_host_behind_one_tunnel),
		BENCH_TEST(one_that_is_lost_during_a_trial),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
