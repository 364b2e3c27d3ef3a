/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/scenarios.h"

#include "base/secret.h"
#include "tests/sim/host.h"
#include "tests/sim/gateway.h"

/* What is played for longer than a connection takes to come up, against the engine itself. */

static unsigned tunnels(const struct world *w)
{
	return w->settings.session.ntunnels;
}

static struct rng *dice(struct world *w)
{
	return &w->rng[STREAM_INNER];
}

static void stop(struct world *w, unsigned unused)
{
	(void)unused;
	world_stop(w);
}

static enum session_state state_of(const struct world *w)
{
	struct session_info info;

	session_info(w->client->session, &info);
	return info.state;
}

static void ping(struct world *w, unsigned n)
{
	if (!w->client->done)
		host_ping(w, n * tunnels(w), 100);
}

/* So many pings, one in each tunnel, evenly. */
static void pings(struct world *w, unsigned n, vtime every)
{
	for (unsigned i = 1; i <= n; i++)
		world_at(w, w->now + i * every, ping, 1);
}

static void expect_up(struct world *w)
{
	world_expect(w, !w->client->done, "the session ended with exit %d: %s",
		     (int)w->client->exit, w->client->why);
	world_expect(w, state_of(w) == SESSION_UP, "the session is %s",
		     session_state_name(state_of(w)));
}

static void expect_all_answered(struct world *w)
{
	for (unsigned i = 0; i < w->book.n; i++)
		world_expect(w, w->book.packets[i].answered == 1,
			     "request %u arrived %u times and was answered %u times", i,
			     w->book.packets[i].arrived, w->book.packets[i].answered);
}

/* The last `n` pings of each tunnel came back. */
static void expect_last_answered(struct world *w, unsigned n)
{
	unsigned first = w->book.n - n * tunnels(w);

	for (unsigned i = first; i < w->book.n; i++)
		world_expect(w, w->book.packets[i].answered == 1,
			     "request %u of %u, late enough, was answered %u times", i, w->book.n,
			     w->book.packets[i].answered);
}

/* ---- rekey: both phases, begun by us, by the gateway, by both ---- */

enum who {
	US,
	GATEWAY,
	BOTH,
};

#define REKEY_SECONDS 40
#define REKEY_PINGS 20 /* in a second */

static enum who rekey_by(const struct world *w)
{
	return (enum who)(w->seed % 3);
}

static void rekey_begin_with(struct world *w, uint32_t keylife)
{
	struct settings *s = &w->settings;

	settings_engine(s, rekey_by(w) == GATEWAY ? 3600 : keylife + 1,
			rekey_by(w) == GATEWAY ? 3600 : keylife, 30 * VTIME_S);
	s->deletes = rng_below(&w->rng[STREAM_SETTINGS], 2);
	/* Two ends that both wait for each other change over at the end of a life, not before. */
	s->waits = rekey_by(w) != GATEWAY && rng_below(&w->rng[STREAM_SETTINGS], 2);
}

static void rekey_begin(struct world *w)
{
	rekey_begin_with(w, 12);
}

/* A pair for this tunnel; past the last one the IKE SA. */
static void gateway_renews_once(struct world *w, unsigned tunnel)
{
	if (tunnel < tunnels(w))
		sim_gateway_renew_child(w->gateway, tunnel);
	else
		sim_gateway_renew_ike(w->gateway);
}

static void gateway_renews(struct world *w, unsigned tunnel)
{
	gateway_renews_once(w, tunnel);
	world_at(w, w->now + 2 * VTIME_S + rng_below(dice(w), 3 * VTIME_S), gateway_renews, tunnel);
}

static void rekey_up(struct world *w)
{
	for (unsigned i = 0; rekey_by(w) != US && i <= tunnels(w); i++)
		world_at(w, w->now + VTIME_S + rng_below(dice(w), VTIME_S), gateway_renews, i);
	pings(w, REKEY_SECONDS * REKEY_PINGS, VTIME_S / REKEY_PINGS);
	world_at(w, w->now + (REKEY_SECONDS + 3) * VTIME_S, stop, 0);
}

/* SPIs are given to each new pair, so that the tap has seen what was sent on. */
static unsigned pairs_used(const struct world *w, enum side from)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->tap.nsas; i++)
		n += w->tap.sas[i].from == from;
	return n;
}

static void rekey_end(struct world *w)
{
	expect_up(w);
	expect_all_answered(w);
	world_expect(w, pairs_used(w, SIDE_CLIENT) >= 3 * tunnels(w), "only %u pairs were used",
		     pairs_used(w, SIDE_CLIENT));
	world_expect(w, sim_gateway_accepted(w->gateway) <= (rekey_by(w) == GATEWAY ? 1 : 10),
		     "the client began %u IKE SAs", sim_gateway_accepted(w->gateway));
}

/* With loss: what the link lets through is taken, and there is always something to send on. */
static void rekey_lossy_begin(struct world *w)
{
	rekey_begin_with(w, 40);
	settings_engine(&w->settings, 41, 40, 30 * VTIME_S);
	/* Who deletes the old pair before the new one is known to be there takes what may come. */
	if (rekey_by(w) != US && !w->settings.waits)
		w->settings.deletes = false;
}

static void rekey_lossy_up(struct world *w)
{
	w->up.config.loss = w->down.config.loss = 80;
	w->up.config.duplication = w->down.config.duplication = 20;
	w->up.config.reordering = w->down.config.reordering = 50;
	w->up.config.held = w->down.config.held = 300 * VTIME_MS;
	rekey_up(w);
}

static void rekey_lossy_end(struct world *w)
{
	struct session_info info;

	expect_up(w);
	world_expect(w, sim_client_drops(w->client, DROP_UNKNOWN_SPI) == 0,
		     "%u packets came for SAs that the client did not have",
		     (unsigned)sim_client_drops(w->client, DROP_UNKNOWN_SPI));
	/* A ping may overtake the message by which the gateway makes its SAs; nothing else may. */
	session_info(w->client->session, &info);
	world_expect(w,
		     sim_gateway_unknown(w->gateway) <=
			     info.ping.sent - sim_gateway_pings(w->gateway),
		     "%u packets came for SAs that the gateway did not have",
		     (unsigned)sim_gateway_unknown(w->gateway));
	world_expect(w, sim_client_drops(w->client, DROP_NO_SA) == 0,
		     "%u packets had nothing to go out on",
		     (unsigned)sim_client_drops(w->client, DROP_NO_SA));
	world_expect(w, sim_client_drops(w->client, DROP_REPLAY) == w->twice[SIDE_GATEWAY],
		     "%u packets came twice and %u were refused for it", w->twice[SIDE_GATEWAY],
		     (unsigned)sim_client_drops(w->client, DROP_REPLAY));
}

/* ---- the gateway forgets us; the path is dead ---- */

#define DPD (10 * VTIME_S)
/* Noticed at the next look, asked for half the time of an exchange, then two round trips. */
#define NOTICED(w) (DPD + DPD / 6 + (w)->settings.session.ike.timeout / 2)
#define AGAIN (4 * VTIME_S)

static void long_begin(struct world *w)
{
	settings_engine(&w->settings, 3600, 3600, DPD);
}

static void forget(struct world *w, unsigned unused)
{
	(void)unused;
	sim_gateway_forget(w->gateway);
}

static void restart_up(struct world *w)
{
	vtime lost = w->now + 5 * VTIME_S + rng_below(dice(w), 5 * VTIME_S);
	vtime back = lost + NOTICED(w) + AGAIN;

	pings(w, (unsigned)((back - w->now) / VTIME_S), VTIME_S);
	world_at(w, lost, forget, 0);
	for (unsigned i = 0; i < 3; i++)
		world_at(w, back + (i + 1) * VTIME_S, ping, 1);
	world_at(w, back + 5 * VTIME_S, stop, 0);
}

static void restart_end(struct world *w)
{
	expect_up(w);
	expect_last_answered(w, 3);
	world_expect(w, sim_gateway_accepted(w->gateway) == 2, "the client connected %u times",
		     sim_gateway_accepted(w->gateway));
}

static void path_dies(struct world *w, unsigned dead)
{
	w->dead = dead;
}

static void outage_up(struct world *w)
{
	vtime lost = w->now + 5 * VTIME_S + rng_below(dice(w), 5 * VTIME_S);
	vtime back = lost + 60 * VTIME_S;

	pings(w, 70, VTIME_S);
	world_at(w, lost, path_dies, 1);
	world_at(w, back, path_dies, 0);
	/* An attempt may have failed just before: the next comes soon. */
	for (unsigned i = 0; i < 3; i++)
		world_at(w, back + 2 * AGAIN + (i + 1) * VTIME_S, ping, 1);
	world_at(w, back + 2 * AGAIN + 5 * VTIME_S, stop, 0);
}

static void outage_end(struct world *w)
{
	expect_up(w);
	expect_last_answered(w, 3);
	world_expect(w, sim_gateway_accepted(w->gateway) == 2, "the client connected %u times",
		     sim_gateway_accepted(w->gateway));
}

/* ---- an offer that fits no tunnel ---- */

static void offer_foreign(struct world *w, unsigned unused)
{
	(void)unused;
	sim_gateway_offer_foreign(w->gateway);
}

static void foreign_up(struct world *w)
{
	world_at(w, w->now + VTIME_S, offer_foreign, 0);
	pings(w, 20, VTIME_S / 4);
	world_at(w, w->now + 7 * VTIME_S, stop, 0);
}

static void foreign_end(struct world *w)
{
	expect_up(w);
	expect_all_answered(w);
	world_expect(w, sim_gateway_refused(w->gateway) == 18, "refused with notify %u",
		     sim_gateway_refused(w->gateway));
	world_expect(w, sim_gateway_children(w->gateway) == tunnels(w),
		     "the gateway has %u pairs of SAs", sim_gateway_children(w->gateway));
}

/* ---- a day ---- */

#define DAY (24 * 3600 * VTIME_S)
#define DAY_PING_EVERY (25 * VTIME_S)
/* The keys of one pair of SAs, expanded; those of a few IKE SAs of each end. */
#define PAIR_SECRETS_MAX 9216
#define IKE_SECRETS_MAX (24 * 1024)
#define PAIRS_MAX 12

static void day_begin(struct world *w)
{
	settings_engine(&w->settings, 3 * 3600, 3600, 30 * VTIME_S);
	w->settings.waits = rng_below(&w->rng[STREAM_SETTINGS], 2);
	w->settings.deletes = rng_below(&w->rng[STREAM_SETTINGS], 2);
	w->settings.up.loss = w->settings.down.loss = 20;
}

static void path_returns(struct world *w, unsigned unused)
{
	(void)unused;
	w->dead = false;
}

static void mishap(struct world *w, unsigned unused)
{
	vtime next = w->now + rng_below(dice(w), 7200 * VTIME_S);

	(void)unused;
	switch (rng_below(dice(w), 5)) {
	case 0:
		sim_gateway_forget(w->gateway);
		break;
	case 1:
		w->dead = true;
		world_at(w, w->now + rng_below(dice(w), 180 * VTIME_S), path_returns, 0);
		break;
	case 2:
		w->nat_ports = (uint16_t)(10000 + rng_below(dice(w), 40000));
		break;
	case 3:
		sim_gateway_delete(w->gateway, rng_below(dice(w), 2), rng_below(dice(w), 2));
		break;
	default:
		gateway_renews_once(w, (unsigned)rng_below(dice(w), tunnels(w) + 1));
		break;
	}
	if (next < DAY - 3600 * VTIME_S)
		world_at(w, next, mishap, 0);
}

/* No more keys are held than the SAs of both ends and those on their way out can need. */
static void count_secrets(struct world *w, unsigned unused)
{
	(void)unused;
	struct session_info info;
	unsigned pairs = sim_gateway_children(w->gateway);

	session_info(w->client->session, &info);
	for (unsigned i = 0; i < info.ntunnels; i++)
		pairs += info.tunnels[i].nepochs;
	world_expect(w, pairs <= PAIRS_MAX * tunnels(w), "%u pairs of SAs are held", pairs);
	world_expect(w, secret_pool_used() <= pairs * PAIR_SECRETS_MAX + IKE_SECRETS_MAX,
		     "%zu bytes of keys are held for %u pairs of SAs", secret_pool_used(), pairs);
	world_at(w, w->now + 600 * VTIME_S, count_secrets, 0);
}

static void day_up(struct world *w)
{
	world_at(w, w->now + rng_below(dice(w), 3600 * VTIME_S), mishap, 0);
	pings(w, (unsigned)((DAY - 600 * VTIME_S) / DAY_PING_EVERY), DAY_PING_EVERY);
	count_secrets(w, 0);
	world_at(w, DAY, stop, 0);
}

static void day_end(struct world *w)
{
	unsigned answered = 0;

	expect_up(w);
	for (unsigned i = w->book.n - 20 * tunnels(w); i < w->book.n; i++)
		answered += w->book.packets[i].answered;
	world_expect(w, answered >= 15 * tunnels(w), "of the last %u requests %u were answered",
		     20 * tunnels(w), answered);
}

/* ---- limits: numbers and bytes run out ---- */

#define LIMITS_PINGS 1200
#define LIMITS_EVERY (50 * VTIME_MS)

static void limits_begin(struct world *w)
{
	struct session_config *c = &w->settings.session;

	settings_engine(&w->settings, 3600, 3600, 30 * VTIME_S);
	if (w->seed % 2)
		c->first_sequence =
			UINT32_MAX - 300 - (uint32_t)rng_below(&w->rng[STREAM_SETTINGS], 300);
	else
		c->keylife_bytes = 30000 + rng_below(&w->rng[STREAM_SETTINGS], 20000);
}

static void limits_up(struct world *w)
{
	pings(w, LIMITS_PINGS, LIMITS_EVERY);
	world_at(w, w->now + LIMITS_PINGS * LIMITS_EVERY + 2 * VTIME_S, stop, 0);
}

static void limits_end(struct world *w)
{
	expect_up(w);
	expect_all_answered(w);
	world_expect(w, sim_client_drops(w->client, DROP_SEQUENCE_EXHAUSTED) == 0,
		     "sequence numbers ran out");
	world_expect(w, pairs_used(w, SIDE_CLIENT) >= 3 * tunnels(w), "only %u pairs were used",
		     pairs_used(w, SIDE_CLIENT));
	world_expect(w, pairs_used(w, SIDE_CLIENT) <= 12 * tunnels(w), "%u pairs were used",
		     pairs_used(w, SIDE_CLIENT));
}

const struct scenario lasting_scenarios[] = {
	{ "rekey", rekey_begin, rekey_up, rekey_end, 90 * VTIME_S, NULL },
	{ "rekey_lossy", rekey_lossy_begin, rekey_lossy_up, rekey_lossy_end, 150 * VTIME_S, NULL },
	{ "restart", long_begin, restart_up, restart_end, 120 * VTIME_S, NULL },
	{ "outage60", long_begin, outage_up, outage_end, 150 * VTIME_S, NULL },
	{ "foreign", long_begin, foreign_up, foreign_end, 60 * VTIME_S, NULL },
	{ "limits", limits_begin, limits_up, limits_end, 120 * VTIME_S, NULL },
	{ "day", day_begin, day_up, day_end, DAY + VTIME_S, NULL },
};

const unsigned nlasting_scenarios = ARRAY_SIZE(lasting_scenarios);
