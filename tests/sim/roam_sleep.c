/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Suspend and resume: with SAs that are still good, and with none; with a code that nobody knows. */
#include "base/mem.h"
#include "tests/sim/roam.h"

#define SETTLE VTIME_S
#define SHORT (600 * VTIME_S)
#define LONG (9 * 3600 * VTIME_S)
#define LINK_MOST (3 * VTIME_S) /* from waking to having a link */
#define AFTER (4 * VTIME_S)
#define PING_EVERY (20 * VTIME_MS)
#define PERSON (1700 * VTIME_MS)

enum kind {
	LINK_STAYS, /* as if nothing had been; a NAT has forgotten it */
	LINK_RETURNS, /* some time after waking, with the address that it had */
	LINK_CHANGES, /* with another one, elsewhere */
	ELSEWHERE, /* and it is there on waking */
	KINDS,
};

struct notes {
	enum kind kind;
	unsigned site;
	vtime sleeps;
	vtime woke, link;
	struct roam_keys keys;
	unsigned asks;
};

static struct notes *notes(const struct roam *r)
{
	return r->notes;
}

/* Nothing under a key that has expired: neither data nor a word over the ISAKMP SA. */
static bool expired_sees(struct roam *r, const struct roam_datagram *d)
{
	const struct notes *n = notes(r);
	const struct roam_keys *k = &n->keys;

	if (!d->up || !n->woke || d->bytes.n < 8)
		return false;
	if (d->exchange)
		roam_expect(r, memcmp(d->bytes.p, k->cookie_i, IKE_COOKIE_SIZE) != 0,
			    "a message goes over the ISAKMP SA that has expired");
	else
		roam_expect(r, get_be32(d->bytes.p) != k->spi_out,
			    "a packet goes out under a key that has expired");
	return false;
}

static void sleep_settings(struct roam *r, vtime sleeps)
{
	struct roam_settings *s = &r->settings;
	struct notes *n = r->notes = xcalloc(1, sizeof(*n));

	n->kind = (enum kind)(r->seed % KINDS);
	n->site = n->kind == LINK_CHANGES || n->kind == ELSEWHERE;
	n->sleeps = sleeps;
	s->nat[0] = r->seed / KINDS % 2;
	s->nat[1] = r->seed / KINDS / 2 % 2;
	s->ip6[1] = !s->nat[1] && roam_up_to(r, 2) == 0;
	s->mode_config = r->seed / KINDS / 4 % 2;
	if (sleeps == LONG)
		r->sees = expired_sees;
}

static void short_settings(struct roam *r)
{
	sleep_settings(r, SHORT);
	/* The gateway asks in vain, as it does by default. */
	r->gateway.config.dpd = 60 * VTIME_S;
}

static void long_settings(struct roam *r)
{
	sleep_settings(r, LONG);
}

static void code_settings(struct roam *r)
{
	sleep_settings(r, LONG);
	r->settings.one_time = true;
	r->settings.person = PERSON;
	r->settings.mode_config = true;
}

/* While somebody is being asked. */
static void code_looks(struct roam *r, unsigned unused)
{
	const struct session_info *info = roam_info(r->clients[0]);

	(void)unused;
	r->mark[0] = 1;
	roam_expect(r, info->state == SESSION_RECOVERING && info->ask, "it is %s, and asks %s",
		    session_state_name(info->state), info->ask ? "for a code" : "for nothing");
}

/* Behind what is told of in this instant. */
static void ping_soon(struct roam *r, unsigned unused)
{
	roam_at(r, r->now, roam_ping, unused);
}

static void link_is(struct roam *r, bool there)
{
	struct network_iface *f = &r->clients[0]->network.iface[0];

	if (!there)
		f->up = false;
	else if (notes(r)->site)
		roam_iface_set(r->clients[0], 0, 1, 10);
	else
		f->up = true;
	if (there) {
		notes(r)->link = r->now;
		roam_at(r, r->now, ping_soon, 0);
		if (r->settings.one_time)
			roam_at(r, r->now + 3 * roam_round_trip(r, notes(r)->site) + PERSON / 2,
				code_looks, 0);
	}
}

static void link_comes(struct roam *r, unsigned unused)
{
	(void)unused;
	link_is(r, true);
	roam_tell(r->clients[0], SESSION_EVENT_NETWORK, false);
}

/* By the seed an application is quicker than whoever tells of the sleep. */
static void wakes(struct roam *r, unsigned unused)
{
	struct notes *n = notes(r);
	struct roam_client *c = r->clients[0];

	(void)unused;
	n->woke = r->now;
	if (n->kind == ELSEWHERE || n->kind == LINK_STAYS)
		link_is(r, true);
	else
		roam_at(r, r->now + 1 + roam_up_to(r, LINK_MOST), link_comes, 0);
	if (roam_up_to(r, 1)) {
		c->asleep = false;
		roam_ping(r, 0);
	}
	roam_resume(c);
	roam_pings(r, PING_EVERY);
	roam_at(r, r->now + LINK_MOST + AFTER, roam_stop, 0);
}

static void sleeps(struct roam *r, unsigned unused)
{
	struct notes *n = notes(r);

	(void)unused;
	n->keys = roam_keys(r->clients[0]);
	n->asks = r->clients[0]->shell->nasks;
	roam_pings(r, 0);
	roam_suspend(r->clients[0]);
	if (n->kind != LINK_STAYS)
		link_is(r, false);
	roam_at(r, r->now + n->sleeps, wakes, 0);
}

static void sleep_up(struct roam *r)
{
	roam_pings(r, PING_EVERY);
	roam_at(r, r->now + SETTLE, sleeps, 0);
}

static void expect_back(struct roam *r, vtime due)
{
	const struct notes *n = notes(r);

	roam_expect_up(r);
	roam_expect_at(r, "the first answer came", roam_first_answer(r, n->link), due);
	roam_expect(r, r->clients[0]->inners == 0, "it has another inner address");
	roam_expect(r, roam_unanswered(r, due, r->now - VTIME_S / 2) == 0,
		    "packets were lost afterwards");
}

static void short_end(struct roam *r)
{
	const struct notes *n = notes(r);
	struct roam_keys keys = roam_keys(r->clients[0]);

	expect_back(r, n->link + roam_round_trip(r, n->site));
	roam_expect(r, roam_keys_eq(&keys, &n->keys), "there are other keys");
	roam_expect(r,
		    roam_info(r->clients[0])->mobility.method == SESSION_ROAMED_UPDATE &&
			    roam_accepted(r) == 1,
		    "it was survived by %s",
		    session_roamed_name(roam_info(r->clients[0])->mobility.method));
}

/* Main mode, Mode Config where it is used, quick mode, and the packet itself. */
static void long_end(struct roam *r)
{
	const struct notes *n = notes(r);
	unsigned trips = 3 + r->settings.mode_config + 1 + 1;

	expect_back(r, n->link + trips * roam_round_trip(r, n->site));
}

/* The question comes behind main mode; what follows the answer is XAUTH's verdict. */
static void code_end(struct roam *r)
{
	const struct notes *n = notes(r);
	const struct sim_client *c = r->clients[0]->shell;
	vtime trip = roam_round_trip(r, n->site);

	roam_expect(r, c->nasks == n->asks + 1, "a person was asked %u times", c->nasks - n->asks);
	roam_expect_at(r, "a person was asked", c->asks[n->asks].at, n->link + 3 * trip);
	roam_expect(r, r->mark[0], "nobody has looked at the state");
	expect_back(r, n->link + 3 * trip + PERSON + 4 * trip);
}

const struct roam_scenario roam_sleeps[] = {
	{ "roam_asleep", short_settings, sleep_up, short_end, 1200 * VTIME_S, 0 },
	{ "roam_expired", long_settings, sleep_up, long_end, 10 * 3600 * VTIME_S, 0 },
	{ "roam_code", code_settings, sleep_up, code_end, 10 * 3600 * VTIME_S, 0 },
};

const unsigned nroam_sleeps = ARRAY_SIZE(roam_sleeps);
