/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A session that is up, and its own address changes. */
#include "tests/unit/roam_parts.h"

/* ---- with a gateway that speaks it ---- */

static void one_update_and_one_round_trip(void **state)
{
	struct bench *b = *state;
	uint32_t spi, generation;
	vtime at;

	up(b, true);
	spi = esp_out_config(b->out[0])->spi;
	generation = b->s->path.generation;
	b->now += VTIME_S;
	at = b->now;
	net_is(NULL, "203.0.113.5");
	network_changes(b);
	/* Both go from there at once, and wait for nothing. */
	assert_true(esp_goes_from(b, "203.0.113.5"));
	assert_true(ike_goes_from(b, "203.0.113.5"));
	assert_true(esp_path(b)->generation > generation);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_NOTIFY), 1);
	assert_true(request()->at == at);
	assert_true(addr_eq(&b->tun.path.local.addr, &b->s->path.local.addr));
	assert_true(b->tun.again);
	gateway_takes(b, 1, request(), false);
	assert_true(addr_eq(&gateway_path.local.addr, &b->s->path.local.addr) ||
		    addr_eq(&gateway_path.remote.addr, &b->s->path.local.addr));
	assert_int_equal(told(b).method, SESSION_ROAMED_UPDATE);
	assert_int_equal(told(b).updates, 1);
	assert_int_equal(told(b).acks, 1);
	assert_true(told(b).known);
	assert_true(told(b).last_outage == 2 * HALF_TRIP);
	/* The same SAs as before, and nobody repeats the request. */
	assert_int_equal(fake_ike.nsas, 1);
	assert_int_equal(esp_out_config(b->out[0])->spi, spi);
	assert_int_equal(fake_ike_last(IKE_EVENT_NOTIFY_END)->ended, request()->notification.id);
	assert_int_equal(bench_info(b).state, SESSION_UP);
}

static void the_gateway_is_told_before_the_kernel(void **state)
{
	struct bench *b = *state;
	const struct session_event ev = { .type = SESSION_EVENT_FACTS, .facts = &net.facts };
	unsigned n = 0, update = 0, tun = 0;
	struct session_effect fx;

	up(b, true);
	net_is(NULL, "203.0.113.5");
	network_has_changed(b);
	session_event(b->s, b->now, &ev);
	fake_ike_push(1, IKE_EFFECT_SEND);
	while (session_output(b->s, b->now, &fx)) {
		n++;
		if (fx.type == SESSION_EFFECT_SEND)
			update = n;
		else if (fx.type == SESSION_EFFECT_TUN)
			tun = n;
		bench_take(b, &fx);
	}
	assert_true(update > 0);
	assert_true(tun > update);
	assert_true(esp_goes_from(b, "203.0.113.5"));
}

static void what_was_held_waits_for_the_gateway_to_move(void **state)
{
	struct bench *b = *state;
	vtime at;

	b->config.settle = 10 * VTIME_MS;
	up(b, true);
	bench_run(b, b->now + VTIME_S);
	assert_non_null(b->out[0]);
	/* What was not held goes on. */
	net_is(NULL, "203.0.113.5");
	network_changes(b);
	assert_true(esp_goes_from(b, "203.0.113.5"));
	net_is(NULL, NULL);
	network_changes(b);
	assert_null(b->out[0]);
	at = b->now;
	net_is("198.51.100.2", NULL);
	network_changes(b);
	assert_true(request()->at == at);
	assert_null(b->out[0]);
	bench_run(b, at + VTIME_MS / 2 - 1);
	assert_null(b->out[0]);
	bench_run(b, at + VTIME_MS / 2);
	assert_true(esp_goes_from(b, "198.51.100.2"));
}

static void whoever_says_it_it_is_one_update(void **state)
{
	struct bench *b = *state;

	up(b, true);
	network_changes(b);
	somebody_says(b, false);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_NOTIFY), 0);
	net_is(NULL, "203.0.113.5");
	somebody_says(b, false);
	network_changes(b);
	network_changes(b);
	somebody_says(b, false);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_NOTIFY), 1);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_MOVE), 1);
	/* A dispatcher that comes late tears nothing down. */
	gateway_takes(b, 1, request(), false);
	somebody_says(b, false);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_NOTIFY), 1);
}

static void two_changes_within_a_tenth_of_a_second(void **state)
{
	struct bench *b = *state;
	struct fake_ike_event first;

	up(b, true);
	net_is(NULL, "203.0.113.5");
	network_changes(b);
	first = *request();
	first.notification.data.p = first.data;
	b->now += 60 * VTIME_MS;
	net_is("203.0.113.77", NULL);
	network_changes(b);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_NOTIFY), 2);
	assert_int_equal(fake_ike_last(IKE_EVENT_NOTIFY_END)->ended, first.notification.id);
	assert_true(esp_goes_from(b, "203.0.113.77"));
	/* The answer to the first comes late, and binds nothing. */
	gateway_takes(b, 1, &first, false);
	assert_int_equal(told(b).acks, 0);
	gateway_takes(b, 1, request(), false);
	assert_int_equal(told(b).acks, 1);
	assert_int_equal(told(b).updates, 2);
	assert_true(addr_eq(&gateway_path.remote.addr, &b->s->path.local.addr));
	assert_int_equal(fake_ike.nsas, 1);
}

static void make_before_break(void **state)
{
	struct bench *b = *state;

	up(b, true);
	/* Another link, which the kernel does not prefer: the old one is kept. */
	net_is("198.51.100.2", "203.0.113.5");
	network_changes(b);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_NOTIFY), 0);
	net.routes[0].best = false;
	net.routes[1].best = true;
	network_changes(b);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_NOTIFY), 1);
	assert_true(esp_goes_from(b, "203.0.113.5"));
	assert_true(b->s->roam.paths.before_alive);
	gateway_takes(b, 1, request(), false);
	net_is(NULL, "203.0.113.5");
	network_changes(b);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_NOTIFY), 1);
	assert_int_equal(bench_info(b).state, SESSION_UP);
}

static void behind_a_nat_it_answers_the_check(void **state)
{
	struct bench *b = *state;
	const struct fake_ike_event *e;

	up(b, true);
	net_is(NULL, "10.44.0.9");
	network_changes(b);
	gateway_takes(b, 1, request(), true);
	assert_true(gateway_limited);
	e = fake_ike_last(IKE_EVENT_NOTIFY);
	assert_int_equal(e->notification.type, UPDATE_CHECK_REPLY);
	assert_false(e->notification.repeat);
	gateway_takes(b, 1, e, true);
	assert_false(gateway_limited);
	assert_int_equal(told(b).acks, 1);
	assert_int_equal(told(b).updates, 1);
	assert_true(told(b).last_outage <= 4 * HALF_TRIP);
}

static void a_nack_means_anew(void **state)
{
	struct bench *b = *state;
	struct addr refused = parts_addr("203.0.113.5");
	const struct fake_ike_event *start;

	up(b, true);
	policy.own = &refused;
	policy.nown = 1;
	net_is(NULL, "203.0.113.6");
	network_changes(b);
	policy.nown = 0;
	hear(b, 1,
	     &(struct update_message){ .type = UPDATE_NACK,
				       .data = request()->notification.data,
				       .from = b->s->path.remote,
				       .to = b->s->path.local });
	assert_int_equal(told(b).nacks, 1);
	assert_int_equal(told(b).method, SESSION_ROAMED_RENEGOTIATE);
	assert_int_equal(bench_info(b).state, SESSION_RECOVERING);
	/* Goodbye over the old one, then a new one at once, which asks for what we had. */
	assert_int_equal(fake_ike_count(1, IKE_EVENT_CLOSE), 1);
	start = fake_ike_last(IKE_EVENT_START);
	assert_int_equal(start->sa, 2);
	assert_true(start->at == b->now);
	assert_true(addr_eq(&start->held[0], &b->assigned.ip4));
}

static void what_is_not_bound_is_negotiated(void **state)
{
	struct bench *b = *state;
	struct update_body body;
	uint8_t data[UPDATE_BODY_MAX];

	up(b, true);
	net_is(NULL, "203.0.113.5");
	network_changes(b);
	assert_int_equal(update_parse(UPDATE_REQUEST, request()->notification.data, &body), 0);
	assert_int_equal(body.n, 1);
	assert_int_equal(body.spi[0], esp_out_config(b->out[0])->spi);
	body.n = 0;
	hear(b, 1,
	     &(struct update_message){ .type = UPDATE_ACK,
				       .data = slice(data, update_write(&body, data)),
				       .from = b->s->path.remote,
				       .to = b->s->path.local });
	assert_int_equal(fake_ike.nsas, 1);
	assert_int_equal(fake_ike_count(1, IKE_EVENT_CHILD), 2);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_true(b->out[0] && esp_goes_from(b, "203.0.113.5"));
}

static void nobody_answers(void **state)
{
	struct bench *b = *state;

	up(b, true);
	net_is("198.51.100.2", "203.0.113.5");
	network_changes(b);
	net.routes[0].best = false;
	net.routes[1].best = true;
	network_changes(b);
	/* The new link leads nowhere: the old one is still there. */
	fake_ike_push(1, IKE_EFFECT_UNANSWERED)->notify_id = request()->notification.id;
	bench_pump(b);
	hand_facts(b);
	assert_true(esp_goes_from(b, "198.51.100.2"));
	assert_int_equal(fake_ike_count(0, IKE_EVENT_NOTIFY), 2);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	/* Neither does that. */
	net_is("198.51.100.2", NULL);
	fake_ike_push(1, IKE_EFFECT_UNANSWERED)->notify_id = request()->notification.id;
	bench_pump(b);
	hand_facts(b);
	assert_int_equal(fake_ike_count(2, IKE_EVENT_START), 1);
	assert_int_equal(told(b).method, SESSION_ROAMED_RENEGOTIATE);
}

static void while_a_child_is_negotiated(void **state)
{
	struct bench *b = *state;
	uint32_t id, spi;
	const struct ike_child_config *config;

	up(b, true);
	fake_ike.children = FAKE_IKE_CHILDREN_WAIT;
	session_negotiate(b->s, b->now, 0);
	bench_pump(b);
	id = fake_ike_last(IKE_EVENT_CHILD)->id;
	spi = fake_ike_last(IKE_EVENT_CHILD)->spi;
	config = fake_ike_last(IKE_EVENT_CHILD)->config;
	net_is(NULL, "203.0.113.5");
	network_changes(b);
	gateway_takes(b, 1, request(), false);
	/* It goes on from the new address, and what comes of it is of the new path. */
	fake_ike_child_up(1, id, spi, config);
	bench_pump(b);
	for (unsigned k = 0; k < EPOCHS_MAX; k++)
		if (b->s->tunnels[0].epoch[k].out)
			assert_true(
				addr_eq(&esp_out_path(b->s->tunnels[0].epoch[k].out)->local.addr,
					&b->s->path.local.addr));
	assert_int_equal(told(b).acks, 1);
}

static void while_the_isakmp_sa_is_renewed(void **state)
{
	struct bench *b = *state;

	up(b, true);
	session_ike_renew(b->s, b->now);
	bench_pump(b);
	assert_int_equal(fake_ike_count(2, IKE_EVENT_REKEY), 1);
	net_is(NULL, "203.0.113.5");
	network_changes(b);
	/* Phase 1 cannot move: it begins anew from the new address. */
	bench_run(b, b->now + 10 * VTIME_MS);
	assert_null(fake_ike_sa(2));
	assert_int_equal(fake_ike_count(3, IKE_EVENT_REKEY), 1);
	assert_true(
		addr_eq(&fake_ike_last(IKE_EVENT_REKEY)->path.local.addr, &b->s->path.local.addr));
	/* It takes the place of the old one: the request is made anew under it. */
	bench_authenticated(b, 3);
	bench_established(b, 3);
	assert_int_equal(fake_ike_count(3, IKE_EVENT_NOTIFY), 1);
	update_gateway_new_sa(&gateway);
	gateway_takes(b, 3, request(), false);
	assert_int_equal(told(b).acks, 1);
	assert_int_equal(bench_info(b).state, SESSION_UP);
}

/* It had begun before it knew that we have moved, and the old address still carries. */
static void the_gateway_renews_at_the_old_address(void **state)
{
	struct bench *b = *state;
	struct session_event ev = { .type = SESSION_EVENT_DATAGRAM };
	struct ike_effect *fx;
	const uint8_t first = 0;
	struct path old;

	up(b, true);
	old = b->s->path;
	net_is("203.0.113.5", "198.51.100.2");
	network_changes(b);
	gateway_takes(b, 1, request(), false);
	ev.datagram.from = old.remote;
	ev.datagram.to = old.local;
	ev.datagram.bytes = slice(&first, 1);
	session_event(b->s, b->now, &ev);
	bench_pump(b);
	fx = fake_ike_push(2, IKE_EFFECT_NAT);
	fx->nat.path = old;
	fx->nat.natt = true;
	fake_ike_push(2, IKE_EFFECT_AUTHENTICATED)->established.suite = b->config.ike.suites[0];
	bench_pump(b);
	bench_established(b, 2);
	/* The new SA comes along, and the gateway is told over it. */
	assert_true(esp_goes_from(b, "203.0.113.5"));
	assert_true(ike_goes_from(b, "203.0.113.5"));
	assert_int_equal(fake_ike_count(2, IKE_EVENT_MOVE), 1);
	assert_int_equal(fake_ike_count(2, IKE_EVENT_NOTIFY), 1);
	update_gateway_new_sa(&gateway);
	gateway_takes(b, 2, request(), false);
	assert_int_equal(told(b).acks, 2);
	/* Its end takes nothing away. */
	net_is("203.0.113.5", NULL);
	network_changes(b);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_NOTIFY), 2);
	assert_int_equal(bench_info(b).state, SESSION_UP);
}

/* What has come up while a request was in the air is in another one. */
static void what_the_request_did_not_list(void **state)
{
	struct bench *b = *state;
	const struct ike_child_config *config;
	uint32_t id, spi;

	up(b, true);
	fake_ike.children = FAKE_IKE_CHILDREN_WAIT;
	session_negotiate(b->s, b->now, 0);
	bench_pump(b);
	id = fake_ike_last(IKE_EVENT_CHILD)->id;
	spi = fake_ike_last(IKE_EVENT_CHILD)->spi;
	config = fake_ike_last(IKE_EVENT_CHILD)->config;
	net_is(NULL, "203.0.113.5");
	network_changes(b);
	fake_ike_child_up(1, id, spi, config);
	bench_pump(b);
	gateway_takes(b, 1, request(), false);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_NOTIFY), 2);
	gateway_takes(b, 1, request(), false);
	assert_int_equal(told(b).acks, 2);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_NOTIFY), 2);
}

/* ---- with a gateway that does not ---- */

static void answer_ping(struct bench *b)
{
	struct data_event data = { .type = DATA_PROBE_REPLY };
	struct session_event ev = { .type = SESSION_EVENT_DATA, .data = &data };
	const struct ping_seen *p = &b->ping[(b->pings - 1) % PINGS_MAX];
	const struct epochs *es = &b->s->tunnels[0].epochs;

	data.slot = 0;
	data.epoch = es->epoch[epochs_current(es)].id;
	data.sequence = p->sequence;
	data.tuple.src = p->dst;
	session_event(b->s, b->now, &ev);
	bench_pump(b);
}

static void answer_dpd(struct bench *b)
{
	bench_datagram(b, 1);
	fake_ike_push(1, IKE_EFFECT_ALIVE);
	bench_pump(b);
}

static void it_follows(struct bench *b)
{
	unsigned pings;

	up(b, false);
	answer_ping(b);
	pings = b->pings;
	b->now += VTIME_S;
	net_is(NULL, "203.0.113.5");
	b->from = parts_addr("203.0.113.5");
	network_changes(b);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_NOTIFY), 0);
	assert_int_equal(fake_ike_count(1, IKE_EVENT_PROBE), 1);
	assert_int_equal(b->pings, pings + 1);
	assert_true(esp_goes_from(b, "203.0.113.5"));
}

static void a_gateway_that_follows(void **state)
{
	struct bench *b = *state;

	it_follows(b);
	b->now += 2 * HALF_TRIP;
	answer_dpd(b);
	assert_int_equal(told(b).method, SESSION_ROAMED_NONE);
	answer_ping(b);
	assert_int_equal(told(b).method, SESSION_ROAMED_FOLLOW);
	assert_true(told(b).last_outage == 2 * HALF_TRIP);
	bench_run(b, b->now + 2 * VTIME_S);
	assert_int_equal(fake_ike.nsas, 1);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_int_equal(told(b).updates, 0);
}

/* Either answer alone is not enough: within a second all begins anew. */
static void a_gateway_that_does_not_follow(void **state)
{
	struct bench *b = *state;
	const struct fake_ike_event *start;
	vtime at;

	it_follows(b);
	at = b->now;
	answer_dpd(b);
	bench_run(b, at + 2 * VTIME_S);
	assert_int_equal(told(b).method, SESSION_ROAMED_RENEGOTIATE);
	assert_int_equal(fake_ike_count(1, IKE_EVENT_CLOSE), 1);
	assert_true(fake_ike_last(IKE_EVENT_CLOSE)->at == at + VTIME_S);
	start = fake_ike_last(IKE_EVENT_START);
	assert_int_equal(start->sa, 2);
	assert_true(start->at == at + VTIME_S);
	assert_true(addr_eq(&start->path.local.addr, &b->s->path.local.addr));
	assert_true(addr_eq(&start->held[0], &b->assigned.ip4));
	bench_authenticated(b, 2);
	bench_give(b, 2);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_true(told(b).known);
}

/* What was on its way to the old address says nothing of the new one. */
static void an_answer_to_the_old_address(void **state)
{
	struct bench *b = *state;
	const uint8_t number = 1;
	struct session_event ev = { .type = SESSION_EVENT_DATAGRAM };

	it_follows(b);
	ev.datagram.from = b->s->path.remote;
	ev.datagram.to.addr = parts_addr("198.51.100.2");
	ev.datagram.bytes = slice(&number, 1);
	session_event(b->s, b->now, &ev);
	fake_ike_push(1, IKE_EFFECT_ALIVE);
	bench_pump(b);
	answer_ping(b);
	assert_int_equal(told(b).method, SESSION_ROAMED_NONE);
	answer_dpd(b);
	assert_int_equal(told(b).method, SESSION_ROAMED_FOLLOW);
}

static void raw_esp_begins_anew_at_once(void **state)
{
	struct bench *b = *state;

	fake_ike.encapsulation = ENCAPSULATION_ESP;
	up(b, false);
	assert_int_equal(b->s->path.encapsulation, ENCAPSULATION_ESP);
	net_is(NULL, "203.0.113.5");
	b->from = parts_addr("203.0.113.5");
	network_changes(b);
	assert_int_equal(fake_ike_count(1, IKE_EVENT_CLOSE), 1);
	assert_int_equal(fake_ike_count(2, IKE_EVENT_START), 1);
	assert_true(fake_ike_last(IKE_EVENT_START)->at == b->now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(one_update_and_one_round_trip),
		BENCH_TEST(the_gateway_is_told_before_the_kernel),
		BENCH_TEST(what_was_held_waits_for_the_gateway_to_move),
		BENCH_TEST(whoever_says_it_it_is_one_update),
		BENCH_TEST(two_changes_within_a_tenth_of_a_second),
		BENCH_TEST(make_before_break),
		BENCH_TEST(behind_a_nat_it_answers_the_check),
		BENCH_TEST(a_nack_means_anew),
		BENCH_TEST(what_is_not_bound_is_negotiated),
		BENCH_TEST(nobody_answers),
		BENCH_TEST(while_a_child_is_negotiated),
		BENCH_TEST(while_the_isakmp_sa_is_renewed),
		BENCH_TEST(the_gateway_renews_at_the_old_address),
		BENCH_TEST(what_the_request_did_not_list),
		BENCH_TEST(a_gateway_that_follows),
		BENCH_TEST(a_gateway_that_does_not_follow),
		BENCH_TEST(an_answer_to_the_old_address),
		BENCH_TEST(raw_esp_begins_anew_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
