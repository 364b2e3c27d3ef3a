/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two hundred behind one NAT at once. All of them talk, all renew their keys, every fifth goes elsewhere
 * and every tenth comes back; each of them stays reachable, and what each costs the gateway is bounded.
 */
#include "tests/sim/roam.h"

#define CROWD ROAM_CLIENTS_MAX
#define KEYLIFE_S 45
#define CALM (5 * VTIME_S)
#define BUSY (60 * VTIME_S)
#define PING_EVERY VTIME_S
#define LAST (4 * PING_EVERY)
/*
 * Bytes that a client may cost with its SAs; most of it are buffers for the largest messages, which
 * are never touched. More than at first: for keys that are still good when there are newer ones.
 */
#define PEER_MEMORY (400 << 10)
#define PEER_MORE (8 << 10)

static void crowd_settings(struct roam *r)
{
	struct roam_settings *s = &r->settings;

	s->nclients = CROWD;
	s->nat[0] = s->nat[1] = true;
	s->mode_config = true;
	s->client.child.keylife_s = r->gateway.config.child.keylife_s = KEYLIFE_S;
	s->client.rekeymargin = 8 * VTIME_S;
	r->gateway.config.rekeymargin = 4 * VTIME_S;
	r->gateway.config.half_open_source_max = CROWD;
	for (unsigned i = 0; i < s->nsites; i++)
		s->link[i].jitter = 3 * VTIME_MS;
}

static void crowd_moves(struct roam *r, unsigned client)
{
	roam_iface_up(r->clients[client], 0, 1 + client / 5 % 2, 10);
}

static void crowd_returns(struct roam *r, unsigned client)
{
	roam_iface_up(r->clients[client], 0, 0, 10);
}

static void crowd_notes(struct roam *r, unsigned mark)
{
	r->mark[mark] = r->gateway.memory;
}

static void crowd_up(struct roam *r)
{
	roam_pings(r, PING_EVERY);
	roam_at(r, r->now + CALM, crowd_notes, 0);
	for (unsigned i = 0; i < CROWD; i += 5) {
		vtime at = r->now + CALM + roam_up_to(r, BUSY / 2);

		roam_at(r, at, crowd_moves, i);
		if (i % 10 == 0)
			roam_at(r, at + VTIME_S + roam_up_to(r, BUSY / 3), crowd_returns, i);
	}
	roam_at(r, r->now + CALM + BUSY, roam_stop, 0);
}

static void expect_reachable(struct roam *r)
{
	for (unsigned i = 0; i < r->book->n; i++) {
		const struct inner_packet *p = &r->book->packets[i];

		roam_expect(r,
			    p->answered || r->sent[i] + LAST < r->now ||
				    r->sent[i] + VTIME_S > r->now,
			    "request %u of %u was not answered", i, r->book->n);
	}
	for (unsigned i = 0; i < CROWD; i++) {
		const struct roam_client *c = r->clients[i];
		bool moved = i % 5 == 0;

		roam_expect(r, c->answered_at + 2 * PING_EVERY > r->now, "%s is not reachable",
			    c->name);
		roam_expect(r, !moved || roam_info(c)->mobility.method == SESSION_ROAMED_UPDATE,
			    "%s has moved by %s", c->name,
			    session_roamed_name(roam_info(c)->mobility.method));
	}
}

static void crowd_end(struct roam *r)
{
	struct gateway_info info;

	roam_expect_up(r);
	expect_reachable(r);
	gateway_info(r->gateway.engine, &info);
	roam_expect(
		r,
		info.clients == CROWD && info.ikes == CROWD && info.tunnels == CROWD &&
			info.leases == CROWD && info.half_open == 0,
		"the gateway has %u clients, %u ISAKMP SAs, %u tunnels, %u leases, %u half open",
		info.clients, info.ikes, info.tunnels, info.leases, info.half_open);
	roam_expect(r, info.counters.epochs >= 2 * CROWD, "only %u pairs of keys were agreed on",
		    (unsigned)info.counters.epochs);
	roam_expect(r, r->mark[0] > 0 && r->mark[0] <= CROWD * PEER_MEMORY,
		    "a client takes %u bytes", (unsigned)(r->mark[0] / CROWD));
	roam_expect(r, r->gateway.memory <= r->mark[0] + CROWD * PEER_MORE,
		    "a client takes %u bytes, and took %u at first",
		    (unsigned)(r->gateway.memory / CROWD), (unsigned)(r->mark[0] / CROWD));
}

const struct roam_scenario roam_crowds[] = {
	{ "roam_crowd", crowd_settings, crowd_up, crowd_end, 200 * VTIME_S, 20 },
};

const unsigned nroam_crowds = ARRAY_SIZE(roam_crowds);
