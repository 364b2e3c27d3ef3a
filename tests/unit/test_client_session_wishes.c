/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What somebody asks of a session and waits for: new keys, a ping. */
#include "tests/unit/probe_parts.h"

#define GRANTS_MAX 16

struct grants {
	unsigned n;
	struct session_granted list[GRANTS_MAX];
};

static struct grants grants;

static void see(void *ctx, const struct session_effect *fx)
{
	if (fx->type != SESSION_EFFECT_GRANTED)
		return;
	assert_true(grants.n < GRANTS_MAX);
	grants.list[grants.n++] = fx->granted;
}

/* Up, with a target that answers; one tunnel. */
static struct bench *ready(void **state)
{
	struct bench *b = begin(*state);

	grants = (struct grants){ 0 };
	b->sees = see;
	found(b);
	return b;
}

static void wish(struct bench *b, enum session_event_type type, uint64_t id,
		 enum session_rekey rekeyed, const char *what)
{
	struct session_event ev = { .type = type, .wish = { .id = id, .rekey = rekeyed } };

	if (what && type == SESSION_EVENT_PING)
		ev.wish.to = parts_addr(what);
	else if (what)
		snprintf(ev.wish.tunnel, sizeof(ev.wish.tunnel), "%s", what);
	session_event(b->s, b->now, &ev);
	bench_pump(b);
}

static void ping(struct bench *b, uint64_t id, const char *to)
{
	wish(b, SESSION_EVENT_PING, id, SESSION_REKEY_ALL, to);
}

static void rekeys(struct bench *b, uint64_t id, enum session_rekey what, const char *tunnel)
{
	wish(b, SESSION_EVENT_REKEY, id, what, tunnel);
}

/* The only one so far that was not looked at. */
static const struct session_granted *granted(uint64_t id)
{
	assert_int_equal(grants.n, 1);
	grants.n = 0;
	assert_int_equal(grants.list[0].id, id);
	return &grants.list[0];
}

static void reply(struct bench *b, unsigned n, const char *from)
{
	const struct ping_seen *p = &b->ping[n];
	const struct data_event ev = { .type = DATA_PROBE_REPLY,
				       .epoch = tunnel(b)->epochs.epoch[0].id,
				       .sequence = p->sequence,
				       .tuple.src = parts_addr(from) };

	event(b, &ev);
}

/* ---- pings ---- */

static void a_ping_tells_how_long_it_took(void **state)
{
	struct bench *b = ready(state);
	const struct session_granted *g;
	unsigned n = b->pings;
	struct addr dns = parts_addr(DNS);

	ping(b, 7, NULL);
	assert_int_equal(b->pings, n + 1);
	expect_asks(b, n, DNS);
	assert_int_equal(b->ping[n].spi, epoch(b, 0)->spi_out);
	assert_int_equal(grants.n, 0);
	later(b, 30 * VTIME_MS);
	reply(b, n, DNS);
	g = granted(7);
	assert_string_equal(g->why, "");
	assert_true(g->ping && g->answered);
	assert_true(addr_eq(&g->to, &dns));
	assert_int_equal(g->took, 30 * VTIME_MS);
	assert_int_equal(g->spi_out, epoch(b, 0)->spi_out);
	assert_string_equal(g->tunnel, "tunnel-1");
	/* Once. */
	reply(b, n, DNS);
	assert_int_equal(grants.n, 0);
	later(b, 10 * VTIME_S);
	assert_int_equal(grants.n, 0);
}

static void a_ping_does_not_wait_for_ever(void **state)
{
	struct bench *b = ready(state);
	unsigned n = b->pings;

	ping(b, 7, "10.1.2.3");
	later(b, SESSION_PING_TIMEOUT - 1);
	assert_int_equal(grants.n, 0);
	/* Nobody else answers for it. */
	reply(b, n, "10.1.2.4");
	assert_int_equal(grants.n, 0);
	later(b, 1);
	assert_false(granted(7)->answered);
	assert_string_equal(grants.list[0].why, "");
	reply(b, n, "10.1.2.3");
	assert_int_equal(grants.n, 0);
}

/* Its answer, or silence, says nothing about the target that the session has found. */
static void a_ping_is_none_of_the_sessions_own(void **state)
{
	struct bench *b = ready(state);
	struct session_ping_info before = ping_info(b);

	ping(b, 7, "10.1.2.3");
	later(b, 30 * VTIME_MS);
	reply(b, b->pings - 1, "10.1.2.3");
	assert_true(granted(7)->answered);
	assert_true(is_target(b, DNS));
	assert_int_equal(ping_info(b).sent, before.sent);
	assert_int_equal(ping_info(b).answered, before.answered);
}

static void two_pings_are_told_apart(void **state)
{
	struct bench *b = ready(state);
	unsigned n = b->pings;

	ping(b, 7, NULL);
	ping(b, 8, NULL);
	assert_int_equal(b->pings, n + 2);
	reply(b, n + 1, DNS);
	granted(8);
	reply(b, n, DNS);
	granted(7);
}

static void where_no_tunnel_goes_nothing_is_sent(void **state)
{
	struct bench *b = ready(state);
	unsigned n = b->pings;

	ping(b, 7, "fd00::1");
	assert_string_equal(granted(7)->why, "no tunnel that has keys now goes to fd00::1");
	assert_int_equal(b->pings, n);
	session_epochs_retire(b->s, false);
	ping(b, 8, NULL);
	assert_non_null(strstr(granted(8)->why, "no tunnel that has keys now"));
	assert_int_equal(b->pings, n);
}

static void who_has_gone_is_told_nothing(void **state)
{
	struct bench *b = ready(state);
	unsigned n = b->pings;

	ping(b, 7, NULL);
	wish(b, SESSION_EVENT_FORGET, 7, SESSION_REKEY_ALL, NULL);
	reply(b, n, DNS);
	later(b, SESSION_PING_TIMEOUT);
	assert_int_equal(grants.n, 0);
	wish(b, SESSION_EVENT_FORGET, 7, SESSION_REKEY_ALL, NULL);
}

static void so_many_at_a_time(void **state)
{
	struct bench *b = ready(state);

	for (unsigned i = 1; i <= SESSION_WISHES_MAX; i++)
		ping(b, i, NULL);
	assert_int_equal(grants.n, 0);
	ping(b, 100, NULL);
	assert_non_null(strstr(granted(100)->why, "too many"));
	later(b, SESSION_PING_TIMEOUT);
	assert_int_equal(grants.n, SESSION_WISHES_MAX);
	grants.n = 0;
	ping(b, 101, NULL);
	assert_int_equal(grants.n, 0);
}

/* ---- new keys ---- */

static void a_tunnel_gets_new_keys(void **state)
{
	struct bench *b = ready(state);
	uint32_t before = epoch(b, 0)->spi_in;
	unsigned n = children();

	rekeys(b, 7, SESSION_REKEY_TUNNEL, "tunnel-1");
	assert_int_equal(children(), n + 1);
	assert_string_equal(granted(7)->why, "");
	assert_int_equal(grants.list[0].tunnels, 1);
	assert_false(grants.list[0].ike);
	assert_int_not_equal(epoch(b, 0)->spi_in, before);
	assert_int_equal(fake_ike.nsas, 1);
}

static void it_waits_for_the_gateway(void **state)
{
	struct bench *b = ready(state);

	fake_ike.children = FAKE_IKE_CHILDREN_WAIT;
	rekeys(b, 7, SESSION_REKEY_TUNNEL, "tunnel-1");
	later(b, 40 * VTIME_MS);
	assert_int_equal(grants.n, 0);
	agreed(b, 0xabcd);
	assert_string_equal(granted(7)->why, "");
	assert_int_equal(grants.list[0].took, 40 * VTIME_MS);
}

/* One that is under way serves as well. */
static void what_is_under_way_is_waited_for(void **state)
{
	struct bench *b = ready(state);
	unsigned n;

	fake_ike.children = FAKE_IKE_CHILDREN_WAIT;
	session_negotiate(b->s, b->now, 0);
	bench_pump(b);
	n = children();
	rekeys(b, 7, SESSION_REKEY_TUNNEL, "tunnel-1");
	assert_int_equal(children(), n);
	assert_int_equal(grants.n, 0);
	agreed(b, 0xabcd);
	assert_int_equal(granted(7)->tunnels, 1);
}

static void a_refusal_is_told(void **state)
{
	struct bench *b = ready(state);

	fake_ike.children = FAKE_IKE_CHILDREN_NO_PROPOSAL;
	rekeys(b, 7, SESSION_REKEY_TUNNEL, "tunnel-1");
	assert_non_null(strstr(granted(7)->why, "1 tunnel is not renewed: "));
	/* A pause that it brings is no reason not to ask again. */
	fake_ike.children = FAKE_IKE_CHILDREN_UP;
	rekeys(b, 8, SESSION_REKEY_TUNNEL, "tunnel-1");
	assert_string_equal(granted(8)->why, "");
}

static void silence_is_told(void **state)
{
	struct bench *b = ready(state);

	fake_ike.children = FAKE_IKE_CHILDREN_WAIT;
	b->s->tunnels[0].prober.config.maxidle = 0;
	prober_watch(&b->s->tunnels[0].prober, b->now, 0);
	rekeys(b, 7, SESSION_REKEY_TUNNEL, "tunnel-1");
	b->now += SESSION_REKEY_TIMEOUT - 1;
	session_wishes_due(b->s, b->now);
	bench_pump(b);
	assert_int_equal(grants.n, 0);
	b->now++;
	session_wishes_due(b->s, b->now);
	bench_pump(b);
	assert_non_null(strstr(granted(7)->why, "not answered within 30 s"));
}

static void what_has_no_keys_is_not_renewed(void **state)
{
	struct bench *b = ready(state);
	unsigned n = children();

	rekeys(b, 7, SESSION_REKEY_TUNNEL, "tunnel-2");
	assert_non_null(strstr(granted(7)->why, "no tunnel named tunnel-2"));
	assert_int_equal(children(), n);
}

/* The ISAKMP SA first: what is negotiated over one that is replaced may be lost with it. */
static void all_is_the_isakmp_sa_and_then_tunnels(void **state)
{
	struct bench *b = ready(state);
	unsigned n = children();

	rekeys(b, 7, SESSION_REKEY_ALL, NULL);
	assert_int_equal(fake_ike.nsas, 2);
	assert_int_equal(children(), n);
	assert_int_equal(grants.n, 0);
	bench_give(b, 2);
	assert_int_equal(children(), n + 1);
	assert_int_equal(fake_ike_last(IKE_EVENT_CHILD)->sa, 2);
	assert_string_equal(granted(7)->why, "");
	assert_true(grants.list[0].ike);
	assert_int_equal(grants.list[0].tunnels, 1);
}

static void the_isakmp_sa_alone(void **state)
{
	struct bench *b = ready(state);
	unsigned n = children();

	rekeys(b, 7, SESSION_REKEY_IKE, NULL);
	bench_give(b, 2);
	assert_true(granted(7)->ike);
	assert_int_equal(grants.list[0].tunnels, 0);
	assert_int_equal(children(), n);
}

static void an_isakmp_sa_that_is_not_renewed(void **state)
{
	struct bench *b = ready(state);

	rekeys(b, 7, SESSION_REKEY_ALL, NULL);
	bench_dead(b, 2, ERR_TIMEOUT, "");
	assert_string_equal(granted(7)->why, "the IKE SA is not renewed: it failed");
	assert_int_equal(bench_info(b).state, SESSION_UP);
}

static void a_connection_that_is_lost_meanwhile(void **state)
{
	struct bench *b = ready(state);

	rekeys(b, 7, SESSION_REKEY_ALL, NULL);
	session_recover(b->s, b->now, "lost");
	bench_pump(b);
	assert_string_equal(granted(7)->why, "the connection was lost meanwhile");
	rekeys(b, 8, SESSION_REKEY_ALL, NULL);
	assert_string_equal(granted(8)->why, "the connection is not up");
}

/* With a code that only a person has, keys are not renewed behind his back. */
static void a_code_is_asked_for_first(void **state)
{
	struct bench *b = begin(*state);

	grants = (struct grants){ 0 };
	b->sees = see;
	bench_connect(b);
	bench_authenticated(b, 1);
	bench_asked(b, 1, HAS(USERNAME) | HAS(PASSCODE), "");
	assert_int_equal(b->asks, 1);
	{
		struct session_event ev = { .type = SESSION_EVENT_ANSWER };

		ev.answer.id = b->ask.id;
		ev.answer.value[XAUTH_USERNAME] = SLICE_STR("alice");
		ev.answer.value[XAUTH_PASSCODE] = SLICE_STR("123456");
		session_event(b->s, b->now, &ev);
		bench_pump(b);
	}
	bench_give(b, 1);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	rekeys(b, 7, SESSION_REKEY_IKE, NULL);
	assert_non_null(strstr(granted(7)->why, "take an answer of yours first"));
	assert_int_equal(b->asks, 2);
	assert_true(b->ask.ahead);
	assert_int_equal(fake_ike.nsas, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(a_ping_tells_how_long_it_took),
		BENCH_TEST(a_ping_does_not_wait_for_ever),
		BENCH_TEST(a_ping_is_none_of_the_sessions_own),
		BENCH_TEST(two_pings_are_told_apart),
		BENCH_TEST(where_no_tunnel_goes_nothing_is_sent),
		BENCH_TEST(who_has_gone_is_told_nothing),
		BENCH_TEST(so_many_at_a_time),
		BENCH_TEST(a_tunnel_gets_new_keys),
		BENCH_TEST(it_waits_for_the_gateway),
		BENCH_TEST(what_is_under_way_is_waited_for),
		BENCH_TEST(a_refusal_is_told),
		BENCH_TEST(silence_is_told),
		BENCH_TEST(what_has_no_keys_is_not_renewed),
		BENCH_TEST(all_is_the_isakmp_sa_and_then_tunnels),
		BENCH_TEST(the_isakmp_sa_alone),
		BENCH_TEST(an_isakmp_sa_that_is_not_renewed),
		BENCH_TEST(a_connection_that_is_lost_meanwhile),
		BENCH_TEST(a_code_is_asked_for_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
