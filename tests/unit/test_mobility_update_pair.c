/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The client's engine and the gateway's, joined by two ISAKMP SAs and a network that loses, repeats,
 * translates and forges.
 */
#include "mobility/update.h"
#include "tests/support/ike_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define SPIS_MAX 600

static struct pair pair;
static struct pair *const p = &pair;
static struct update_client client;
static struct update_gateway gateway;
static struct update_policy policy;

/* The client's end: where it is, and how it looks from outside. */
static struct endpoint inside;
static struct endpoint outside;
static bool translated;
static uint32_t spis[SPIS_MAX];
static unsigned nspis;

/* What has come of it. */
static unsigned nbound, nspis_bound, nrenewed, nanew, nfollow, nmoves;
static enum update_why why;

/* What the network does: false loses the datagram. */
static bool (*weather)(struct pair_datagram *d, unsigned n);
static unsigned nlost;
static struct pair_datagram recorded; /* the client's last one */

static struct endpoint at(const char *text, uint16_t port)
{
	struct endpoint e = { .port = port };

	assert_true(addr_parse(text, &e.addr));
	return e;
}

static bool is(const struct endpoint *e, const char *text, uint16_t port)
{
	const struct endpoint want = at(text, port);

	return endpoint_eq(e, &want);
}

/* ---- what a session and a gateway do with the engines ---- */

static void send(unsigned end, const struct update_message *m)
{
	const struct ike_event ev = {
		.type = IKE_EVENT_NOTIFY,
		.notify = { .id = m->id,
			    .type = m->type,
			    .data = m->data,
			    .from = m->from,
			    .to = m->to,
			    .natd = m->natd,
			    .repeat = m->repeat },
	};

	pair_event(p, end, &ev);
}

static void stop(unsigned end, uint32_t id)
{
	const struct ike_event ev = { .type = IKE_EVENT_NOTIFY_END, .notify_id = id };

	for (unsigned i = 0; i < p->end[end].nsa; i++)
		ike_event(p->end[end].sa[i], p->now, &ev);
}

static void move(unsigned end, const struct path *path)
{
	const struct ike_event ev = { .type = IKE_EVENT_MOVE, .path = *path };

	pair_event(p, end, &ev);
}

static void client_pull(void)
{
	struct update_effect fx;

	while (update_client_output(&client, &fx)) {
		if (fx.type == UPDATE_SEND)
			send(0, &fx.send);
		else if (fx.type == UPDATE_STOP)
			stop(0, fx.id);
		else if (fx.type == UPDATE_BOUND)
			nbound++, nspis_bound += fx.bound.spis.n;
		else if (fx.type == UPDATE_RENEW)
			nrenewed += fx.renew.n;
		else if (fx.type == UPDATE_ANEW)
			nanew++, why = fx.why;
		else if (fx.type == UPDATE_FOLLOW)
			nfollow++;
	}
}

static void gateway_pull(void)
{
	struct update_effect fx;

	while (update_gateway_output(&gateway, &fx)) {
		if (fx.type == UPDATE_SEND)
			send(1, &fx.send);
		else if (fx.type == UPDATE_STOP)
			stop(1, fx.id);
		else if (fx.type == UPDATE_MOVE)
			nmoves++, move(1, &fx.move.path);
	}
}

static struct update_notified notified(unsigned end, const struct ike_sa *sa,
				       const struct ike_effect *fx)
{
	return (struct update_notified){
		.type = fx->notified.type,
		.data = fx->notified.data,
		.from = fx->notified.from,
		.to = fx->notified.to,
		.newest = sa == pair_sa(p, end),
		.natd = fx->notified.natd,
		.peer_nat = fx->notified.nat & NAT_REMOTE,
		.own_nat = fx->notified.nat & NAT_LOCAL,
	};
}

static void heard(struct pair *pp, unsigned end, const struct ike_sa *sa,
		  const struct ike_effect *fx)
{
	const struct update_spis known = { spis, nspis };
	struct update_client_event ev = { .type = UPDATE_CLIENT_NOTIFY };

	if (end == 1) {
		const struct update_notified n = notified(end, sa, fx);

		update_gateway_notify(&gateway, p->now, &p->rng, &n, &known);
		gateway_pull();
		return;
	}
	if (fx->type == IKE_EFFECT_UNANSWERED) {
		ev.type = UPDATE_CLIENT_NO_ANSWER;
		ev.id = fx->notify_id;
	} else {
		ev.notify = notified(end, sa, fx);
	}
	update_client_event(&client, p->now, &ev);
	client_pull();
}

/* ---- the network ---- */

static bool passes(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	if (d->source == 0) {
		/* What leaves from an address that the client has left. */
		if (!addr_eq(&d->from.addr, &inside.addr))
			return false;
		d->from = translated ? outside : inside;
		d->from.port = translated ? outside.port : d->from.port;
		recorded = *d;
	} else {
		if (!endpoint_eq(&d->to, translated ? &outside : &inside))
			return false;
		d->to = inside;
	}
	if (weather && !weather(d, n)) {
		nlost++;
		return false;
	}
	return true;
}

static void step(vtime until)
{
	while (p->now < until) {
		vtime next = vtime_min(until, vtime_min(update_gateway_deadline(&gateway),
							update_client_deadline(&client)));

		pair_run(p, next > p->now ? next : p->now);
		update_gateway_timeout(&gateway, p->now);
		gateway_pull();
		update_client_timeout(&client, p->now);
		client_pull();
		pair_pump(p);
	}
}

static void run(vtime time)
{
	step(p->now + time);
}

/* ---- the client moves ---- */

static void new_sa(bool supported)
{
	const struct update_client_event ev = { .type = UPDATE_CLIENT_SA, .supported = supported };

	update_gateway_new_sa(&gateway);
	update_client_event(&client, p->now, &ev);
	client_pull();
}

static void is_at(const char *address, const char *nat, uint16_t port)
{
	inside = at(address, IKE_NATT_PORT);
	translated = nat;
	outside = nat ? at(nat, port) : inside;
}

static void moves(const char *address, const char *nat, uint16_t port)
{
	struct update_client_event ev = { .type = UPDATE_CLIENT_MOVE };
	struct path path = { .encapsulation = ENCAPSULATION_UDP };

	ev.move.old = inside.addr;
	is_at(address, nat, port);
	path.local = inside;
	path.remote = at(inside.addr.family == FAMILY_IP6 ? "2001:db8:f::1" : "198.51.100.1",
			 IKE_NATT_PORT);
	ev.move.from = path.local;
	ev.move.to = path.remote;
	ev.move.spis = (struct update_spis){ spis, nspis };
	update_client_event(&client, p->now, &ev);
	client_pull();
	move(0, &path);
}

static bool gateway_has(const struct endpoint *e)
{
	return endpoint_eq(&gateway.path.remote, e) && !gateway.limited &&
	       endpoint_eq(&pair_sa(p, 1)->path.remote, e);
}

static void begin(uint64_t seed, bool supported)
{
	static const struct prefix none[1];

	assert_int_equal(crypto_init(), 0);
	pair_init(p, seed);
	p->end[0].config.address_update = true;
	p->end[1].config.address_update = supported;
	is_at("192.0.2.1", NULL, 0);
	pair_start(p, 0, IKE_EVENT_START);
	pair_pump(p);
	assert_true(pair_is_up(p));
	policy = (struct update_policy){
		.roaming = true, .ip4 = true, .ip6 = true, .refused = none
	};
	update_gateway_init(&gateway, &policy, &pair_sa(p, 1)->path);
	update_client_init(&client, false);
	nspis = 3;
	for (unsigned i = 0; i < SPIS_MAX; i++)
		spis[i] = 0x1000 + i;
	nbound = nspis_bound = nrenewed = nanew = nfollow = nmoves = nlost = 0;
	weather = NULL;
	p->passes = passes;
	p->heard = heard;
	new_sa(supported);
}

static int setup(void **state)
{
	begin(1, true);
	return 0;
}

static int teardown(void **state)
{
	pair_free(p);
	return secret_pool_used() == 0 ? 0 : -1;
}

/* ---- as it should be ---- */

static void one_round_trip(void **state)
{
	unsigned sent = p->nsent;

	moves("192.0.2.77", NULL, 0);
	assert_int_equal(p->nsent - sent, 1);
	pair_pump(p);
	assert_int_equal(p->nsent - sent, 2);
	assert_true(gateway_has(&inside));
	assert_int_equal(nbound, 1);
	assert_int_equal(nspis_bound, 3);
	run(60 * VTIME_S);
	assert_int_equal(p->nsent - sent, 2);
	assert_int_equal(nmoves, 1);
	assert_int_equal(nanew, 0);
	assert_true(pair_is_up(p)); /* the same SAs at both ends */
	assert_int_equal(p->end[0].nsa, 1);
}

static void two_round_trips_through_a_nat(void **state)
{
	unsigned sent = p->nsent;

	moves("10.0.0.2", "203.0.113.9", 7000);
	pair_pump(p);
	assert_int_equal(p->nsent - sent, 4);
	assert_true(gateway_has(&outside));
	assert_int_equal(nbound, 1);
	run(60 * VTIME_S);
	assert_int_equal(p->nsent - sent, 4);
	assert_int_equal(nmoves, 1);
}

static void behind_a_nat_and_back_and_across_families(void **state)
{
	moves("10.0.0.2", "203.0.113.9", 7000);
	run(VTIME_S);
	assert_true(gateway_has(&outside));
	moves("192.0.2.77", NULL, 0);
	run(VTIME_S);
	assert_true(gateway_has(&inside));
	moves("2001:db8::7", NULL, 0);
	run(VTIME_S);
	assert_true(gateway_has(&inside));
	assert_true(is(&gateway.path.local, "2001:db8:f::1", IKE_NATT_PORT));
	moves("192.0.2.1", NULL, 0);
	run(VTIME_S);
	assert_true(gateway_has(&inside));
	moves("10.0.0.2", "203.0.113.9", 7001);
	run(VTIME_S);
	assert_true(gateway_has(&outside));
	assert_int_equal(nbound, 5);
	assert_int_equal(client.identifier, 5);
}

static void a_long_list(void **state)
{
	nspis = SPIS_MAX;
	moves("10.0.0.2", "203.0.113.9", 7000);
	run(VTIME_S);
	assert_int_equal(nbound, 3);
	assert_int_equal(nspis_bound, SPIS_MAX);
	assert_int_equal(gateway.counts[UPDATE_GATEWAY_MOVED_CHECKING], 1);
	assert_int_equal(gateway.counts[UPDATE_GATEWAY_MOVED_SAME_PATH], 2);
}

static void children_are_negotiated_at_the_new_address(void **state)
{
	moves("10.0.0.2", "203.0.113.9", 7000);
	run(VTIME_S);
	pair_child(p, 0);
	pair_child(p, 1);
	assert_int_equal(p->end[0].nup, 2);
	assert_int_equal(p->end[1].nup, 2);
	assert_true(pair_children_match(&p->end[0].up[0], &p->end[1].up[0]));
}

static bool lose_everything(struct pair_datagram *d, unsigned n)
{
	return false;
}

static void a_child_in_the_air_goes_on(void **state)
{
	weather = lose_everything;
	pair_child(p, 0);
	weather = NULL;
	moves("192.0.2.77", NULL, 0);
	pair_pump(p);
	assert_int_equal(p->end[0].nup, 1);
	assert_int_equal(p->end[1].nup, 1);
}

static void two_changes_at_once(void **state)
{
	moves("192.0.2.77", NULL, 0);
	moves("10.0.0.2", "203.0.113.9", 7000);
	run(VTIME_S);
	assert_true(gateway_has(&outside));
	assert_int_equal(nbound, 1);
	assert_int_equal(nanew, 0);
}

static void there_and_back_at_once(void **state)
{
	moves("192.0.2.77", NULL, 0);
	moves("192.0.2.1", NULL, 0);
	run(VTIME_S);
	assert_true(gateway_has(&inside));
	assert_int_equal(nbound, 1);
}

/* ---- loss ---- */

/* What is lost: the datagrams of that end from the k-th to the last of `times`. */
static unsigned lost_source, lost_first, lost_times;

static bool lose_some(struct pair_datagram *d, unsigned n)
{
	return d->source != lost_source || n < lost_first || n >= lost_first + lost_times;
}

static void lost(unsigned source, unsigned k, unsigned times)
{
	lost_source = source;
	lost_first = p->end[source].nsent + k;
	lost_times = times;
	weather = lose_some;
}

/* Request, CHECK, CHECK_REPLY, ACK: whichever is lost, and twice. */
static void whatever_is_lost_comes_again(void **state)
{
	for (unsigned k = 0; k < 8; k++) {
		if (k)
			begin(k, true);
		lost(k & 1, k / 2 % 2, 1 + k / 4);
		moves("10.0.0.2", "203.0.113.9", 7000);
		run(2 * VTIME_S);
		assert_int_equal(nlost, 1 + k / 4);
		assert_true(gateway_has(&outside));
		assert_int_equal(nbound, 1);
		assert_int_equal(nmoves, 1);
		assert_int_equal(nanew, 0);
		if (k < 7)
			teardown(NULL);
	}
}

static void a_lost_ack_is_answered_again(void **state)
{
	lost(1, 0, 2);
	moves("192.0.2.77", NULL, 0);
	run(5 * VTIME_S);
	assert_int_equal(gateway.counts[UPDATE_GATEWAY_REPEATED], 2);
	assert_int_equal(nmoves, 1);
	assert_int_equal(nbound, 1);
}

static void nobody_answers(void **state)
{
	unsigned sent = p->nsent;

	weather = lose_everything;
	moves("192.0.2.77", NULL, 0);
	run(17499 * VTIME_MS);
	assert_int_equal(nanew, 0);
	run(VTIME_MS);
	assert_int_equal(nanew, 1);
	assert_int_equal(why, UPDATE_WHY_UNANSWERED);
	assert_int_equal(p->nsent - sent, 6);
}

static bool lose_checks(struct pair_datagram *d, unsigned n)
{
	return d->source == 0 || gateway.answer_type;
}

static void checks_that_are_not_answered_end_it(void **state)
{
	moves("10.0.0.2", "203.0.113.9", 7000);
	weather = lose_checks;
	run(3 * VTIME_S);
	assert_int_equal(nanew, 1);
	assert_int_equal(why, UPDATE_WHY_NACK);
	assert_true(is(&gateway.path.remote, "192.0.2.1", IKE_NATT_PORT));
	assert_int_equal(nmoves, 2);
}

/* ---- another ISAKMP SA ---- */

static void repeated_under_the_new_sa(void **state)
{
	unsigned sent;

	lost(0, 0, 1);
	moves("192.0.2.77", NULL, 0);
	pair_pump(p);
	p->end[0].address.addr = inside.addr;
	pair_start(p, 0, IKE_EVENT_REKEY);
	pair_pump(p);
	assert_int_equal(p->end[0].nsa, 2);
	assert_true(pair_is_up(p));
	sent = p->nsent;
	new_sa(true);
	pair_pump(p);
	assert_int_equal(p->nsent - sent, 2);
	assert_int_equal(nbound, 1);
	assert_int_equal(client.identifier, 1);
	run(60 * VTIME_S);
	assert_int_equal(p->nsent - sent, 2); /* the old one repeats nothing */
	assert_true(gateway_has(&inside));
}

static void replays_under_the_older_sa_are_void(void **state)
{
	struct pair_datagram d;

	lost(0, 0, 1);
	moves("192.0.2.77", NULL, 0);
	d = recorded;
	p->end[0].address.addr = inside.addr;
	pair_start(p, 0, IKE_EVENT_REKEY);
	pair_pump(p);
	new_sa(true);
	run(VTIME_S);
	moves("192.0.2.78", NULL, 0);
	run(VTIME_S);
	pair_inject(p, &d);
	assert_int_equal(gateway.counts[UPDATE_GATEWAY_OLDER_SA], 1);
	assert_true(gateway_has(&inside));
}

/* ---- who is in between ---- */

static void replayed_later_and_from_elsewhere(void **state)
{
	struct pair_datagram d[3];

	for (unsigned i = 0; i < 3; i++) {
		static const char *const to[] = { "192.0.2.77", "192.0.2.78", "192.0.2.79" };

		moves(to[i], NULL, 0);
		d[i] = recorded;
		run(VTIME_S);
	}
	for (unsigned i = 0; i < 6; i++) {
		struct pair_datagram again = d[i / 2];

		if (i & 1)
			again.from = at("203.0.113.66", 4711);
		pair_inject(p, &again);
		assert_true(gateway_has(&inside));
	}
	assert_int_equal(nmoves, 3);
	assert_int_equal(gateway.counts[UPDATE_GATEWAY_REPLAYED], 4);
	assert_int_equal(gateway.counts[UPDATE_GATEWAY_REPEATED], 2);
	assert_int_equal(nbound, 3);
}

static void forged_source(void **state)
{
	struct pair_datagram d;

	lost(0, 0, 1);
	moves("192.0.2.77", NULL, 0);
	d = recorded;
	d.from = at("203.0.113.66", 4711);
	pair_inject(p, &d);
	/* It looks like a NAT: a limit, and a check that nobody answers. */
	assert_true(gateway.limited);
	run(3 * VTIME_S);
	assert_true(is(&gateway.path.remote, "192.0.2.1", IKE_NATT_PORT));
	assert_int_equal(gateway.counts[UPDATE_GATEWAY_CHECK_FAILED], 1);
	/* The client begins anew, or moves again, and is not harmed by that. */
	moves("192.0.2.78", NULL, 0);
	run(VTIME_S);
	assert_true(gateway_has(&inside));
}

static void altered_and_truncated(void **state)
{
	struct pair_datagram good, d;

	lost(0, 0, 1);
	moves("192.0.2.77", NULL, 0);
	good = recorded;
	for (size_t i = 0; i < good.n; i++) {
		d = good;
		d.bytes[i] ^= 0x40;
		pair_inject(p, &d);
		d = good;
		d.n = i;
		pair_inject(p, &d);
	}
	assert_int_equal(nmoves, 0);
	for (unsigned i = 0; i < UPDATE_GATEWAY_RULE_COUNT; i++)
		assert_int_equal(gateway.counts[i], i == UPDATE_GATEWAY_NEW_SA);
	run(VTIME_S);
	assert_true(gateway_has(&inside));
}

static void an_acks_replay_changes_nothing(void **state)
{
	struct pair_datagram ack;

	moves("192.0.2.77", NULL, 0);
	pair_pump(p);
	ack = p->sent[(p->nsent - 1) % PAIR_SENT];
	assert_int_equal(ack.source, 1);
	moves("192.0.2.78", NULL, 0);
	pair_inject(p, &ack);
	assert_int_equal(client.counts[UPDATE_CLIENT_STALE], 1);
	run(VTIME_S);
	assert_int_equal(nbound, 2);
	assert_true(gateway_has(&inside));
}

/* ---- who does not speak it ---- */

static void roaming_off(void **state)
{
	begin(1, false);
	policy.roaming = false;
	moves("192.0.2.77", NULL, 0);
	assert_int_equal(nfollow, 1);
	run(2 * VTIME_S);
	assert_int_equal(nanew, 1);
	assert_int_equal(why, UPDATE_WHY_NOT_FOLLOWED);
	assert_int_equal(nmoves, 0);
}

static void who_follows(void **state)
{
	const struct update_client_event ike = { .type = UPDATE_CLIENT_IKE_ALIVE };
	const struct update_client_event esp = { .type = UPDATE_CLIENT_ESP_ALIVE };

	begin(1, false);
	moves("192.0.2.77", NULL, 0);
	update_client_event(&client, p->now, &ike);
	update_client_event(&client, p->now, &esp);
	client_pull();
	assert_int_equal(nbound, 1);
	run(2 * VTIME_S);
	assert_int_equal(nanew, 0);
}

/* ---- many worlds ---- */

static uint64_t dice;

static unsigned throw(unsigned n)
{
	struct rng_seed s = { dice };
	struct rng r = { .ctx = &s };
	unsigned v;

	r = rng_seeded(&s, dice);
	v = (unsigned)rng_below(&r, n);
	dice = dice * 6364136223846793005u + 1442695040888963407u;
	return v;
}

static bool lossy(struct pair_datagram *d, unsigned n)
{
	if (d->source == 0 && throw(8) == 0) { /* recorded, and sent on from elsewhere */
		struct pair_datagram forged = *d;

		forged.from = at("203.0.113.66", 4711);
		if (p->queued < PAIR_QUEUE / 2)
			p->queue[p->queued++] = forged;
	}
	if (throw(8) == 0 && p->queued < PAIR_QUEUE / 2)
		p->queue[p->queued++] = *d;
	return throw(10) >= 3;
}

static void moves_somewhere(void)
{
	static const char *const to[] = { "192.0.2.77", "192.0.2.78", "2001:db8::7" };
	unsigned k = throw(5);

	if (k < 3)
		moves(to[k], NULL, 0);
	else
		moves("10.0.0.2", "203.0.113.9", (uint16_t)(7000 + throw(3)));
}

/*
 * Whatever is lost, repeated, forged: when the network is quiet again the gateway has the client
 * where it is, or the client knows that it must begin anew.
 */
static void many_worlds(void **state)
{
	unsigned given_up = 0;

	for (uint64_t seed = 1; seed <= 300; seed++) {
		if (seed > 1)
			begin(seed, true);
		dice = seed;
		weather = lossy;
		for (unsigned i = 0; i < 4; i++) {
			moves_somewhere();
			run(throw(3000) * VTIME_MS);
		}
		weather = NULL;
		run(60 * VTIME_S);
		assert_false(client.in_air);
		assert_false(gateway.limited);
		if (!gateway_has(translated ? &outside : &inside)) {
			assert_true(nanew > 0);
			given_up++;
		}
		/* Where the client has never been nobody stays. */
		assert_false(is(&gateway.path.remote, "203.0.113.66", 4711));
		if (seed < 300)
			teardown(NULL);
	}
	assert_in_range(given_up, 0, 150);
	print_message("%u of 300 begin anew\n", given_up);
}

#define ROW(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define BARE(f) cmocka_unit_test_teardown(f, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(one_round_trip),
		ROW(two_round_trips_through_a_nat),
		ROW(behind_a_nat_and_back_and_across_families),
		ROW(a_long_list),
		ROW(children_are_negotiated_at_the_new_address),
		ROW(a_child_in_the_air_goes_on),
		ROW(two_changes_at_once),
		ROW(there_and_back_at_once),
		ROW(whatever_is_lost_comes_again),
		ROW(a_lost_ack_is_answered_again),
		ROW(nobody_answers),
		ROW(checks_that_are_not_answered_end_it),
		ROW(repeated_under_the_new_sa),
		ROW(replays_under_the_older_sa_are_void),
		ROW(replayed_later_and_from_elsewhere),
		ROW(forged_source),
		ROW(altered_and_truncated),
		ROW(an_acks_replay_changes_nothing),
		BARE(roaming_off),
		BARE(who_follows),
		ROW(many_worlds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
