/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "esp/sa.h"
#include "tests/unit/session_parts.h"

#define EVERY (20 * VTIME_S)

/* Up behind a NAT, and what a beginning sends is long over. */
static struct bench *up(struct bench *b, enum nat nat)
{
	b->nat = nat;
	bench_up(b);
	bench_run(b, b->now + 120 * VTIME_S);
	return b;
}

/* To the next keepalive, none of which has come before `at`. */
static void expect_next(struct bench *b, vtime at)
{
	unsigned before = b->keepalives;

	bench_run(b, at - 1);
	assert_int_equal(b->keepalives, before);
	bench_run(b, at);
	assert_int_equal(b->keepalives, before + 1);
	assert_int_equal(b->kept_at, at);
}

static void expect_none(struct bench *b, vtime length)
{
	unsigned before = b->keepalives;

	bench_run(b, b->now + length);
	assert_int_equal(b->keepalives, before);
}

/* The host's packets go out on the first tunnel. */
static void data_goes(struct bench *b, vtime at)
{
	atomic_store(&b->out[0]->counters.data_at, at);
}

static void hand_out(struct bench *b, struct session_effect *fx)
{
	*session_effect_add(b->s, fx->type) = *fx;
	bench_pump(b);
}

static void an_idle_connection_sends_one_each_time(void **state)
{
	struct bench *b = up(*state, NAT_LOCAL);
	vtime at = b->kept_at;

	assert_true(at && b->now - at <= EVERY);
	for (unsigned i = 1; i <= 100; i++)
		expect_next(b, at + i * EVERY);
	assert_true(endpoint_eq(&b->kept_from, &b->s->path.local));
	assert_true(endpoint_eq(&b->kept_to, &b->s->path.remote));
	assert_int_equal(b->kept_from.port, IKE_NATT_PORT);
}

/* It looks once in that time, not more often. */
static void nothing_else_wakes_it(void **state)
{
	struct bench *b = up(*state, NAT_BOTH);
	vtime from = b->kept_at;
	unsigned wakes = 0;

	timers_clear(&b->s->timers, T_WATCH); /* whose pace is its own */
	for (; b->now < from + 10 * EVERY; wakes++) {
		b->now = timers_next(&b->s->timers);
		session_timeout(b->s, b->now);
		timers_clear(&b->s->timers, T_WATCH);
		bench_pump(b);
	}
	assert_int_equal(wakes, 10);
}

static void data_takes_its_place(void **state)
{
	struct bench *b = up(*state, NAT_LOCAL);
	unsigned before = b->keepalives;
	vtime at = b->kept_at;

	for (unsigned i = 0; i < 50; i++) {
		at += EVERY - 1;
		bench_run(b, at);
		data_goes(b, at);
	}
	assert_int_equal(b->keepalives, before);
	/* From the last packet on, wherever in the time between two looks it was. */
	expect_next(b, at + EVERY);
	data_goes(b, b->now + 7 * VTIME_S);
	expect_next(b, at + 2 * EVERY + 7 * VTIME_S);
	expect_next(b, at + 3 * EVERY + 7 * VTIME_S);
}

static void pings_take_its_place(void **state)
{
	struct bench *b = up(*state, NAT_LOCAL);
	struct session_effect ping = { .type = SESSION_EFFECT_PROBE };
	unsigned before = b->keepalives;
	vtime at = b->kept_at;

	for (unsigned i = 0; i < 50; i++) {
		bench_run(b, at += EVERY - 1);
		hand_out(b, &ping);
	}
	assert_int_equal(b->keepalives, before);
	expect_next(b, at + EVERY);
}

/* IKE's messages on the same port; those on another do not keep that mapping. */
static void ike_takes_its_place(void **state)
{
	struct bench *b = up(*state, NAT_LOCAL);
	struct session_effect message = { .type = SESSION_EFFECT_SEND };
	vtime at = b->kept_at;

	message.send.from = b->s->path.local;
	message.send.to = b->s->path.remote;
	bench_run(b, at += 5 * VTIME_S);
	hand_out(b, &message);
	expect_next(b, at += EVERY);
	message.send.from.port = message.send.to.port = IKE_PORT;
	bench_run(b, at + 5 * VTIME_S);
	hand_out(b, &message);
	expect_next(b, at + EVERY);
}

/* The data thread's clock may be ahead of ours. */
static void what_was_sent_a_moment_later_counts(void **state)
{
	struct bench *b = up(*state, NAT_LOCAL);
	vtime at = b->kept_at + EVERY;

	data_goes(b, at + 3);
	expect_next(b, at + 3 + EVERY);
}

static void without_a_nat_here_there_is_none(void **state)
{
	struct bench *b = *state;

	b->nat = NAT_REMOTE;
	bench_up(b);
	expect_none(b, 300 * VTIME_S);
	assert_int_equal(b->keepalives, 0);
	b->s->nat = NAT_LOCAL;
	b->s->path.encapsulation = ENCAPSULATION_ESP;
	expect_none(b, 300 * VTIME_S);
	b->s->path.encapsulation = ENCAPSULATION_UDP;
	b->s->path.local.port = IKE_PORT;
	expect_none(b, 300 * VTIME_S);
	assert_int_equal(b->keepalives, 0);
}

/* A person who thinks about his password keeps the ISAKMP SA waiting. */
static void an_isakmp_sa_alone_is_enough(void **state)
{
	struct bench *b = *state;

	b->nat = NAT_LOCAL;
	bench_connect(b);
	expect_none(b, 0);
	bench_authenticated(b, 1);
	bench_asked(b, 1, HAS(USERNAME) | HAS(PASSWORD), "");
	bench_run(b, b->now + EVERY);
	assert_true(b->keepalives > 0);
	expect_next(b, b->kept_at + EVERY);
	/* Nobody is there any more to be kept. */
	bench_dead(b, 1, ERR_TIMEOUT, "");
	expect_none(b, 300 * VTIME_S);
}

/* Tunnels that go on while the gateway's ISAKMP SA is gone. */
static void an_epoch_alone_is_enough(void **state)
{
	struct bench *b = up(*state, NAT_LOCAL);

	for (unsigned k = 0; k < SESSION_IKES_MAX; k++)
		b->s->ike[k].authenticated = false;
	expect_next(b, b->kept_at + EVERY);
	session_epochs_retire(b->s, false);
	bench_pump(b);
	expect_none(b, 300 * VTIME_S);
}

static void the_end_is_silent(void **state)
{
	static const struct session_event disconnect = { .type = SESSION_EVENT_DISCONNECT };
	struct bench *b = up(*state, NAT_LOCAL);

	session_event(b->s, b->now, &disconnect);
	bench_pump(b);
	expect_none(b, 300 * VTIME_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(an_idle_connection_sends_one_each_time),
		BENCH_TEST(nothing_else_wakes_it),
		BENCH_TEST(data_takes_its_place),
		BENCH_TEST(pings_take_its_place),
		BENCH_TEST(ike_takes_its_place),
		BENCH_TEST(what_was_sent_a_moment_later_counts),
		BENCH_TEST(without_a_nat_here_there_is_none),
		BENCH_TEST(an_isakmp_sa_alone_is_enough),
		BENCH_TEST(an_epoch_alone_is_enough),
		BENCH_TEST(the_end_is_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
