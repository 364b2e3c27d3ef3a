/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sim/ is a small world in virtual time, grown from one seed: our client (the session and the data
 * engines of the program), a wire that loses, duplicates and reorders, and a gateway.
 *
 *	 inner packets                                                       echo hosts
 *	      │                                                                   │
 *	sim_client ── tap ── NAT ── link up ─────────────────────► sim_gateway ───┘
 *	  session            │ ◄─────────────────────── link down ── tap ── responder
 *	  esp engines        │                                               esp engines
 *	                  attacker: puts what it likes on either link
 *
 *	world.c      time, the wire, invariants of each step
 *	heap.c       what is to happen
 *	link.c       what becomes of one datagram
 *	tap.c        names datagrams; what must hold for everything on the wire
 *	inner.c      the packets inside; what must hold for everything that comes out
 *	client.c     carries the session's effects out, as the program's loop does
 *	host.c       what lies between a client and this world
 *	gateway.c    a responder with a data half and hosts behind it
 *	attacker.c   an off-path sender of garbage and of altered copies
 *	settings.c   the seed's choice of suites, addresses, tunnels
 *	scenarios.c  what is played, and what must be true in the end; lasting.c: for long;
 *	hold.c       with packets that wait for their SA
 *	user.c       with a user and his configuration
 *	trace.c      the ladder and its hash
 *
 * Nothing here or in the engines reads a clock, so a seed gives the same trace each time. Each
 * part draws from its own stream of random numbers: a change in one does not disturb the others.
 */
#ifndef GODWIT_SIM_WORLD_H
#define GODWIT_SIM_WORLD_H

#include "tests/sim/heap.h"
#include "tests/sim/inner.h"
#include "tests/sim/link.h"
#include "tests/sim/settings.h"
#include "tests/sim/tap.h"
#include "tests/sim/trace.h"

enum stream {
	STREAM_SETTINGS,
	STREAM_CLIENT,
	STREAM_GATEWAY,
	STREAM_UP,
	STREAM_DOWN,
	STREAM_INNER,
	STREAM_ATTACKER,
	STREAM_COUNT,
};

struct world;
struct sim_client;
struct sim_gateway;

struct datagram {
	struct endpoint from;
	struct endpoint to;
	size_t n;
	uint8_t bytes[];
};

typedef void (*world_action)(struct world *w, unsigned arg);

struct scenario {
	const char *name;
	/* Changes the seed's settings and plans actions; the session connects at time 0. */
	void (*begin)(struct world *w);
	/* Called once, when the session says that it is up. May be NULL. */
	void (*up)(struct world *w);
	/* What must be true in the end: world_expect. */
	void (*end)(struct world *w);
	vtime limit; /* the world ends then, at the latest */
	/* Played as well: the client must log the same events at the same times. May be NULL. */
	const struct scenario *twin;
};

struct world {
	const struct scenario *scenario;
	uint64_t seed;
	vtime now;
	bool stopped;
	char failure[400]; /* the first thing that went wrong; empty: nothing */
	struct heap heap;
	vtime instant; /* of the last timeout, and how many there were at that instant */
	unsigned timeouts;

	struct rng_seed seeds[STREAM_COUNT];
	struct rng rng[STREAM_COUNT];
	struct settings settings;
	struct link up, down;
	struct trace trace;
	struct tap tap;
	struct inner_book book;
	struct sim_client *client;
	struct sim_gateway *gateway;

	/* Sees each datagram after the tap, and when its first copy arrives. May be NULL. */
	void (*eavesdrop)(struct world *w, enum side from, const struct datagram *d, vtime arrives);
	unsigned altered; /* datagrams that the attacker sent */
	uint16_t nat_ports; /* what the NAT adds to the client's ports: changed, it is another NAT */
	bool dead; /* nothing passes */
	vtime mark[3]; /* a scenario's own notes */
	unsigned codes; /* that the person's token has shown; each is good for once */
	unsigned twice[2]; /* ESP packets of each side of which two copies arrive */
};

struct world_result {
	char failure[400];
	uint64_t hash;
	uint64_t milestones;
	unsigned sent, lost, duplicated, reordered;
};

/* Plays one seed of a scenario. */
struct world_result world_play(const struct scenario *scenario, uint64_t seed, bool show);

/* ---- for the parts of the world ---- */

/* Puts a UDP payload on the wire. */
void world_send(struct world *w, enum side from, const struct endpoint *src,
		const struct endpoint *dst, struct slice payload);
/* Lets a datagram appear at one side, past tap and link. */
void world_put(struct world *w, enum side to, const struct endpoint *src,
	       const struct endpoint *dst, struct slice payload, vtime at);
void world_at(struct world *w, vtime at, world_action action, unsigned arg);
/* Nothing more happens. */
void world_stop(struct world *w);
/* Records a failure, the first one only, and stops. */
void world_fail(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define world_expect(w, condition, ...)                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			world_fail(w, __VA_ARGS__);                                                \
	} while (0)

#endif
