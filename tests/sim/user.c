/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/host.h"
#include "tests/sim/gateway.h"
#include "tests/sim/scenarios.h"

/* A user who has to prove himself, and addresses that the gateway gives him. */

#define LOGIN (1U << XAUTH_USERNAME | 1U << XAUTH_PASSWORD)
#define TOKEN (1U << XAUTH_USERNAME | 1U << XAUTH_PASSCODE)

static unsigned tunnels(const struct world *w)
{
	return w->settings.session.ntunnels;
}

static struct session_info info(const struct world *w)
{
	struct session_info out;

	session_info(w->client->session, &out);
	return out;
}

static void stop(struct world *w, unsigned unused)
{
	(void)unused;
	world_stop(w);
}

static void ping(struct world *w, unsigned n)
{
	if (!w->client->done)
		host_ping(w, n * tunnels(w), 100);
}

static void pings(struct world *w, vtime from, unsigned n, vtime every)
{
	for (unsigned i = 1; i <= n; i++)
		world_at(w, from + i * every, ping, 1);
}

static void expect_up(struct world *w)
{
	world_expect(w, !w->client->done, "the session ended with exit %d: %s",
		     (int)w->client->exit, w->client->why);
	world_expect(w, info(w).state == SESSION_UP, "the session is %s",
		     session_state_name(info(w).state));
}

/* The last `n` pings of each tunnel came back. */
static void expect_last_answered(struct world *w, unsigned n)
{
	for (unsigned i = w->book.n - n * tunnels(w); i < w->book.n; i++)
		world_expect(w, w->book.packets[i].answered == 1,
			     "request %u of %u, late enough, was answered %u times", i, w->book.n,
			     w->book.packets[i].answered);
}

static void expect_asks(struct world *w, unsigned n)
{
	world_expect(w, w->client->nasks == n, "a person was asked %u times and not %u",
		     w->client->nasks, n);
}

static void expect_at(struct world *w, const char *what, vtime at, vtime expected)
{
	world_expect(w, at == expected, "%s at %llu ns and not at %llu ns", what,
		     (unsigned long long)at, (unsigned long long)expected);
}

/* ---- xauth: name and password from memory, a second round by a person, on a bad wire ---- */

static void xauth_begin(struct world *w)
{
	settings_engine(&w->settings, 3600, 3600, 30 * VTIME_S);
	settings_user(&w->settings, LOGIN);
	w->settings.challenge = w->seed % 2;
	w->settings.up.loss = w->settings.down.loss = 150;
	w->settings.up.duplication = w->settings.down.duplication = 100;
	w->settings.up.reordering = w->settings.down.reordering = 250;
	w->settings.up.held = w->settings.down.held = 400 * VTIME_MS;
}

static void xauth_up(struct world *w)
{
	w->up.config.loss = w->down.config.loss = 0;
	pings(w, w->now + 2 * VTIME_S, 5, VTIME_S);
	world_at(w, w->now + 10 * VTIME_S, stop, 0);
}

static void xauth_end(struct world *w)
{
	const struct sim_ask *a = &w->client->asks[0];

	expect_up(w);
	expect_last_answered(w, 5);
	expect_asks(w, w->settings.challenge);
	if (!w->settings.challenge)
		return;
	world_expect(w,
		     a->ask.fields == 1U << XAUTH_ANSWER && !a->ask.again && !a->ask.ahead &&
			     strcmp(a->ask.message, "question 1") == 0,
		     "a person was asked for something else");
	world_expect(w, w->client->up_at > a->at + w->settings.person, "up without an answer");
}

/* ---- xauth_rekey: the ISAKMP SA is renewed by either end, and memory is all it takes ---- */

static void xauth_rekey_begin(struct world *w)
{
	settings_engine(&w->settings, w->seed / 2 % 2 ? 3600 : 40, 3600, 30 * VTIME_S);
	settings_user(&w->settings, LOGIN);
	w->settings.trusts = w->seed % 2;
}

static void gateway_renews(struct world *w, unsigned unused)
{
	(void)unused;
	sim_gateway_renew_ike(w->gateway);
}

static void xauth_rekey_up(struct world *w)
{
	pings(w, w->now, 150, VTIME_S);
	for (unsigned i = 1; w->seed / 2 % 2 && i <= 4; i++)
		world_at(w, w->now + i * 30 * VTIME_S, gateway_renews, 0);
	world_at(w, w->now + 155 * VTIME_S, stop, 0);
}

static void xauth_rekey_end(struct world *w)
{
	expect_up(w);
	expect_last_answered(w, 150);
	expect_asks(w, 0);
	world_expect(w,
		     w->seed / 2 % 2 ? sim_gateway_accepted(w->gateway) == 1 :
				       sim_gateway_accepted(w->gateway) >= 4,
		     "the client connected %u times", sim_gateway_accepted(w->gateway));
	world_expect(w, sim_gateway_established(w->gateway), "the gateway has no IKE SA");
}

/* ---- modecfg: addresses are kept where they can be ---- */

enum mishap {
	RENEWAL, /* none: the ISAKMP SA is renewed a few times */
	RESTART, /* the gateway forgets us */
	OTHER_ADDRESS, /* the same, and it gives us another address */
	OUTAGE, /* nothing passes for a while; what an SA holds is not given again */
};

#define DPD (10 * VTIME_S)
#define OUTAGE_LENGTH (90 * VTIME_S)
/* Noticed at the next look, asked for half the time of an exchange; then waits and attempts. */
#define BACK (60 * VTIME_S)

static enum mishap mishap(const struct world *w)
{
	return (enum mishap)(w->seed % 4);
}

static void modecfg_begin(struct world *w)
{
	settings_engine(&w->settings, mishap(w) == RENEWAL ? 40 : 3600, 3600, DPD);
	settings_config(&w->settings, w->seed / 4 % 2);
	w->settings.strict = mishap(w) == OUTAGE;
}

static void modecfg_happens(struct world *w, unsigned what)
{
	if (what == OUTAGE) {
		w->dead = !w->dead;
		return;
	}
	sim_gateway_forget(w->gateway);
	if (what == OTHER_ADDRESS)
		sim_gateway_move(w->gateway);
}

static void modecfg_up(struct world *w)
{
	vtime at = w->now + 5 * VTIME_S;
	vtime back = at + (mishap(w) == OUTAGE ? OUTAGE_LENGTH : 0) + BACK;

	pings(w, w->now, 4, VTIME_S);
	if (mishap(w) != RENEWAL)
		world_at(w, at, modecfg_happens, mishap(w));
	if (mishap(w) == OUTAGE)
		world_at(w, at + OUTAGE_LENGTH, modecfg_happens, OUTAGE);
	pings(w, back, 3, VTIME_S);
	world_at(w, back + 5 * VTIME_S, stop, 0);
}

static void modecfg_end(struct world *w)
{
	const struct addr *now = &w->settings.session.tunnels[0].local.lo;
	const struct addr *wished = sim_gateway_wished(w->gateway);
	char text[ADDR_TEXT_MAX];
	struct addr first;

	expect_up(w);
	expect_last_answered(w, 3);
	addr_parse("10.98.0.1", &first);
	world_expect(w, addr_eq(wished, &first), "%s was asked for and not what was held before",
		     addr_text(wished, text));
	world_expect(w, info(w).ninner > 0 && addr_eq(&info(w).inner[0], now),
		     "the inner address is %s", addr_text(&info(w).inner[0], text));
	world_expect(w, addr_eq(now, &first) == (mishap(w) != OTHER_ADDRESS),
		     "the gateway has given %s", addr_text(now, text));
	world_expect(w, w->client->tuns == (mishap(w) == OTHER_ADDRESS ? 2 : 1),
		     "the TUN was set up %u times", w->client->tuns);
	world_expect(w,
		     mishap(w) == RENEWAL ? sim_gateway_accepted(w->gateway) >= 3 :
					    sim_gateway_accepted(w->gateway) == 2,
		     "the client connected %u times", sim_gateway_accepted(w->gateway));
}

/* ---- otp: a code for each ISAKMP SA ---- */

#define OTP_IKE_LIFE 600
#define OTP_CHILD_LIFE 900
#define OTP_MARGIN (100 * VTIME_S)

static bool is_there(const struct world *w)
{
	return w->seed % 2;
}

static void otp_begin(struct world *w)
{
	settings_engine(&w->settings, OTP_IKE_LIFE, OTP_CHILD_LIFE, 30 * VTIME_S);
	settings_user(&w->settings, TOKEN);
	w->settings.session.rekeymargin = OTP_MARGIN;
	w->settings.session.rekeyfuzz = 0;
	/* Each end's clock begins when it hears of the SA: no end sees the other's Delete first. */
	w->settings.up.jitter = w->settings.down.jitter = 0;
}

/* The ISAKMP SA has ended, and nobody has answered. */
static void otp_orphaned(struct world *w, unsigned before)
{
	struct session_info now = info(w);

	world_expect(w, now.state == SESSION_UP, "the session is %s %s the end of the IKE SA",
		     session_state_name(now.state), before ? "before" : "after");
	world_expect(w, (now.ask != NULL) == (before != 0), "the question is %s",
		     now.ask ? "still there" : "gone");
	for (unsigned i = 0; i < now.ntunnels; i++)
		world_expect(w, now.tunnels[i].up && now.tunnels[i].until >= w->mark[2],
			     "tunnel %u ends early", i);
}

static void otp_returns(struct world *w, unsigned unused)
{
	(void)unused;
	world_expect(w, info(w).state == SESSION_UP, "the session does not last");
	w->settings.person = 7 * VTIME_S;
}

static void otp_up(struct world *w)
{
	struct session_info now = info(w);

	w->mark[0] = now.ike_rekey_at;
	w->mark[1] = now.ike.expires_at;
	w->mark[2] = now.tunnels[0].until;
	for (unsigned i = 1; i < now.ntunnels; i++)
		w->mark[2] = vtime_min(w->mark[2], now.tunnels[i].until);
	pings(w, w->now, is_there(w) ? 700 : 850, VTIME_S);
	if (is_there(w)) {
		world_at(w, w->now + 710 * VTIME_S, stop, 0);
		return;
	}
	w->settings.person = VTIME_NEVER;
	world_at(w, w->mark[1] - 1, otp_orphaned, 1);
	world_at(w, w->mark[1] + VTIME_S, otp_orphaned, 0);
	world_at(w, w->mark[2] - 1, otp_returns, 0);
	pings(w, w->mark[2] + 20 * VTIME_S, 3, VTIME_S);
	world_at(w, w->mark[2] + 25 * VTIME_S, stop, 0);
}

/* Of the requests before the end of the tunnels none is missed. */
static void expect_first_answered(struct world *w, unsigned n)
{
	for (unsigned i = 0; i < n * tunnels(w); i++)
		world_expect(w, w->book.packets[i].answered == 1, "request %u was not answered", i);
}

static void otp_end(struct world *w)
{
	const struct sim_ask *a = w->client->asks;

	expect_up(w);
	expect_asks(w, is_there(w) ? 2 : 3);
	expect_first_answered(w, is_there(w) ? 700 : 850);
	expect_at(w, "asked ahead", a[1].at, w->mark[0]);
	expect_at(w, "asked until", a[1].ask.until, w->mark[1]);
	world_expect(w, !a[0].ask.ahead && a[1].ask.ahead, "a person was asked at another time");
	world_expect(w, sim_gateway_accepted(w->gateway) == 2, "the client connected %u times",
		     sim_gateway_accepted(w->gateway));
	if (is_there(w))
		return;
	expect_last_answered(w, 3);
	expect_at(w, "the question ended", a[1].ended, w->mark[1]);
	world_expect(w, !a[2].ask.ahead && a[2].at > w->mark[2], "asked before the tunnels' end");
}

const struct scenario user_scenarios[] = {
	{ "xauth", xauth_begin, xauth_up, xauth_end, 300 * VTIME_S, NULL },
	{ "xauth_rekey", xauth_rekey_begin, xauth_rekey_up, xauth_rekey_end, 200 * VTIME_S, NULL },
	{ "modecfg", modecfg_begin, modecfg_up, modecfg_end, 400 * VTIME_S, NULL },
	{ "otp", otp_begin, otp_up, otp_end, 1200 * VTIME_S, NULL },
};

const unsigned nuser_scenarios = ARRAY_SIZE(user_scenarios);
