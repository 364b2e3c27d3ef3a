/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A session that is up, and has no network for a while, or has slept. */
#include "tests/unit/roam_parts.h"

static void without_any_path_it_holds(void **state)
{
	struct bench *b = *state;
	vtime at;

	up(b, true);
	net_is(NULL, NULL);
	at = b->now;
	network_changes(b);
	assert_int_equal(bench_info(b).state, SESSION_RECOVERING);
	assert_non_null(bench_info(b).why);
	assert_null(b->out[0]);
	bench_run(b, b->now + 20 * VTIME_S);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_NOTIFY), 0);
	assert_int_equal(fake_ike.nsas, 1);
	assert_int_equal(b->keepalives, 0);
	net_is(NULL, "203.0.113.5");
	network_changes(b);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_true(esp_goes_from(b, "203.0.113.5"));
	gateway_takes(b, 1, request(), false);
	assert_int_equal(told(b).method, SESSION_ROAMED_UPDATE);
	assert_true(told(b).last_outage == 20 * VTIME_S + 2 * HALF_TRIP);
	assert_true(b->now == at + 20 * VTIME_S + 2 * HALF_TRIP);
	/* The same address again may be behind another NAT. */
	net_is(NULL, NULL);
	network_changes(b);
	net_is(NULL, "203.0.113.5");
	network_changes(b);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_NOTIFY), 2);
}

/* Nobody could answer it: there is another one as soon as there is a network. */
static void a_renewal_that_ends_without_any_path(void **state)
{
	struct bench *b = *state;

	up(b, true);
	session_ike_renew(b->s, b->now);
	bench_pump(b);
	assert_int_equal(fake_ike_count(2, IKE_EVENT_REKEY), 1);
	net_is(NULL, NULL);
	network_changes(b);
	bench_dead(b, 2, ERR_TIMEOUT, "");
	bench_run(b, b->now + 20 * VTIME_S);
	assert_int_equal(fake_ike.nsas, 2);
	net_is("198.51.100.2", NULL);
	network_changes(b);
	bench_run(b, b->now + VTIME_S);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_int_equal(fake_ike_count(3, IKE_EVENT_REKEY), 1);
}

static void what_was_held_follows_the_update(void **state)
{
	struct bench *b = *state;
	const struct session_event ev = { .type = SESSION_EVENT_FACTS, .facts = &net.facts };
	unsigned n = 0, update = 0, released = 0;
	struct session_effect fx;

	up(b, true);
	net_is(NULL, NULL);
	network_changes(b);
	net_is(NULL, "203.0.113.5");
	network_has_changed(b);
	session_event(b->s, b->now, &ev);
	assert_int_equal(fake_ike_count(1, IKE_EVENT_NOTIFY), 1);
	fake_ike_push(1, IKE_EFFECT_SEND);
	while (session_output(b->s, b->now, &fx)) {
		n++;
		if (fx.type == SESSION_EFFECT_SEND)
			update = n;
		else if (fx.type == SESSION_EFFECT_PUBLISH_SLOT && fx.slot.out)
			released = n;
		bench_take(b, &fx);
	}
	assert_true(update > 0);
	assert_true(released > update);
	assert_true(esp_goes_from(b, "203.0.113.5"));
}

static void after_sleep_it_asks(void **state)
{
	struct bench *b = *state;

	up(b, true);
	b->now += 600 * VTIME_S;
	somebody_says(b, true);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_NOTIFY), 1);
	gateway_takes(b, 1, request(), false);
	assert_int_equal(told(b).acks, 1);
}

/* Not a word over the ISAKMP SA that is over, and nothing on the epochs: all begins anew, at once. */
static void after_sleep_without_a_key_it_begins_anew(void **state)
{
	struct bench *b = *state;
	unsigned events;

	up(b, true);
	b->now = b->s->ike[0].expires_at + HOUR;
	events = fake_ike_count(1, IKE_EVENT_NOTIFY) + fake_ike_count(1, IKE_EVENT_CLOSE);
	net_is(NULL, "203.0.113.5");
	somebody_says(b, true);
	assert_int_equal(fake_ike_count(1, IKE_EVENT_NOTIFY) + fake_ike_count(1, IKE_EVENT_CLOSE),
			 events);
	assert_null(fake_ike_sa(1));
	assert_int_equal(bench_info(b).state, SESSION_RECOVERING);
	assert_null(b->out[0]);
	bench_run(b, b->now);
	assert_int_equal(fake_ike_count(2, IKE_EVENT_START), 1);
	assert_true(
		addr_eq(&fake_ike_last(IKE_EVENT_START)->path.local.addr, &b->s->path.local.addr));
}

/* Who wakes it first makes no difference: here it is a timer. */
static void after_sleep_a_timer_comes_first(void **state)
{
	struct bench *b = *state;

	up(b, true);
	b->now = b->s->ike[0].expires_at + HOUR;
	session_timeout(b->s, b->now);
	bench_pump(b);
	assert_int_equal(fake_ike_count(1, IKE_EVENT_CLOSE), 0);
	assert_int_equal(fake_ike_count(1, IKE_EVENT_CHILD), 1);
	assert_int_equal(bench_info(b).state, SESSION_RECOVERING);
	assert_null(b->out[0]);
}

static void after_sleep_a_gateway_without_it_has_time(void **state)
{
	struct bench *b = *state;

	up(b, false);
	b->now += 600 * VTIME_S;
	somebody_says(b, true);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_NOTIFY), 0);
	assert_int_equal(fake_ike_count(1, IKE_EVENT_PROBE), 1);
	bench_run(b, b->now + 2 * VTIME_S);
	assert_int_equal(fake_ike.nsas, 1);
	assert_int_equal(bench_info(b).state, SESSION_UP);
}

/* A source that is not on the link that the route names: the facts cannot judge it. */
static void a_path_that_is_no_candidate_is_left_alone(void **state)
{
	struct bench *b = *state;

	fake_ike.address_update = true;
	net_is("198.51.100.2", "203.0.113.5");
	net.addrs[0].ifindex = 7;
	bench_include(&b->assigned, "10.0.0.0/8");
	bench_up(b);
	hand_facts(b);
	network_changes(b);
	somebody_says(b, false);
	net.facts.nroutes = 0;
	network_changes(b);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_NOTIFY), 0);
	assert_true(esp_goes_from(b, "198.51.100.2"));
}

static void recovering_it_does_not_wait(void **state)
{
	struct bench *b = *state;
	vtime at;

	up(b, false);
	bench_recover(b);
	bench_dead(b, 2, ERR_AUTH, "");
	bench_run(b, b->now + VTIME_MS);
	assert_int_equal(fake_ike.nsas, 2);
	hand_facts(b);
	at = b->now;
	net_is(NULL, "203.0.113.5");
	b->from = parts_addr("203.0.113.5");
	network_changes(b);
	bench_run(b, b->now + VTIME_MS);
	assert_int_equal(fake_ike_count(3, IKE_EVENT_START), 1);
	assert_true(fake_ike_last(IKE_EVENT_START)->at == at);
}

/* Somebody says again and again what is known: what is under way from there gets its time. */
static void recovering_it_is_not_begun_again_and_again(void **state)
{
	struct bench *b = *state;
	unsigned n;

	up(b, false);
	bench_recover(b);
	hand_facts(b);
	bench_run(b, b->now + 2 * VTIME_S);
	n = fake_ike.nsas;
	/* Nothing has become of it: it is tried again. */
	for (unsigned i = 0; i < 1000; i++) {
		somebody_says(b, false);
		bench_run(b, b->now + VTIME_MS);
	}
	assert_int_equal(fake_ike.nsas, n + 1);
	assert_non_null(fake_ike_sa(n + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(without_any_path_it_holds),
		BENCH_TEST(a_renewal_that_ends_without_any_path),
		BENCH_TEST(what_was_held_follows_the_update),
		BENCH_TEST(after_sleep_it_asks),
		BENCH_TEST(after_sleep_without_a_key_it_begins_anew),
		BENCH_TEST(after_sleep_a_timer_comes_first),
		BENCH_TEST(after_sleep_a_gateway_without_it_has_time),
		BENCH_TEST(a_path_that_is_no_candidate_is_left_alone),
		BENCH_TEST(recovering_it_does_not_wait),
		BENCH_TEST(recovering_it_is_not_begun_again_and_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
