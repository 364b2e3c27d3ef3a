/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The world of clients that move: hosts whose addresses, links and sleep change, and the program's own
 * gateway.
 *
 *	 client 1 ── interface ─┐            ┌─ link ─┐
 *	          └─ interface ─┼─► site 1 ──┤        ├─► gateway, and hosts behind it that answer
 *	 client 2 ── interface ─┤            └─ link ─┘   echo requests
 *	   …                    ├─► site 2 ── (NAT) ───►
 *	 client N ── interface ─┘
 *
 *	roam.c           time, the wire, a world's life
 *	roam_client.c    a client's host: interfaces, sleep, traffic
 *	roam_gateway.c   the engine of gateway/ and its data half
 *	roam_see.c       what scenarios ask for: outages, keys, what went over the wire
 *	roam_moves.c     scenarios: moves; roam_lossy.c: over bad wires, with an attacker;
 *	roam_foreign.c   with a gateway that does not speak the update
 *	roam_sleep.c     suspend and resume
 *	roam_crowd.c     two hundred behind one NAT
 *	roam_main.c      plays seeds, and counts
 *
 * A site is a network that clients can be in: with a NAT of its own (one address for all of it), or
 * with addresses of its own. Nothing takes time but the links, so that times are those of round trips
 * to the nanosecond.
 */
#ifndef GODWIT_SIM_ROAM_H
#define GODWIT_SIM_ROAM_H

#include "gateway/gateway.h"
#include "tests/sim/client.h"
#include "tests/sim/heap.h"
#include "tests/sim/inner.h"
#include "tests/sim/link.h"
#include "tests/sim/nat.h"
#include "tests/sim/tap.h"

#define ROAM_CLIENTS_MAX 200
#define ROAM_SITES_MAX 4
#define ROAM_IDENTITY "laptop@example.com"
#define ROAM_USER "alice"
#define ROAM_PASSWORD "open sesame"

struct roam;

typedef void (*roam_action)(struct roam *r, unsigned arg);

/* ---- the parts ---- */

struct roam_site {
	bool nat;
	struct udp_nat box; /* with a NAT */
	struct link up, down;
	bool dead;
};

struct roam_client {
	struct roam *roam;
	unsigned number; /* from 0 */
	char name[8];
	struct session_config config;
	struct rng_seed seed;
	struct rng rng;
	struct sim_client *shell;
	vtime deadline;
	struct network network;
	unsigned site[NETWORK_IFACES_MAX];
	bool asleep;
	struct addr inner; /* the first one that it has been given */
	unsigned inners; /* how often it was another one */
	vtime answered_at; /* the last answer to an echo request */
};

struct roam_datagram {
	bool up; /* to the gateway */
	unsigned site;
	struct endpoint from, to; /* as the gateway sees them */
	unsigned exchange; /* of IKE; 0: ESP or a keepalive */
	bool encrypted; /* IKE */
	struct slice bytes; /* behind the marker */
};

/* The gateway's engine, its data half, and what is behind it. */
struct roam_gateway {
	struct roam *roam;
	struct gateway_config config;
	struct rng_seed seed;
	struct rng rng;
	struct log log;
	struct gateway *engine;
	struct data_engines data;
	uint64_t drops; /* of both engines */
	size_t memory; /* bytes that it has taken and not given back */
};

struct roam_settings {
	unsigned nclients, nsites;
	bool nat[ROAM_SITES_MAX];
	bool ip6[ROAM_SITES_MAX];
	struct link_config link[ROAM_SITES_MAX]; /* the same in both directions */
	bool mode_config; /* the gateway gives the inner addresses */
	bool one_time; /* who the user is cannot be told from memory */
	vtime person; /* so long somebody takes to answer; VTIME_NEVER: nobody is there */
	struct session_config client; /* of all; identities are added */
};

struct roam_scenario {
	const char *name;
	/* Changes the seed's settings. */
	void (*settings)(struct roam *r);
	/* Called once, when all clients are up. */
	void (*up)(struct roam *r);
	/* What must be true in the end. */
	void (*end)(struct roam *r);
	vtime limit; /* the world ends then, at the latest */
	unsigned share; /* of so many seeds that are asked for one is played; 0: all are */
};

struct roam {
	const struct roam_scenario *scenario;
	uint64_t seed;
	vtime now;
	bool stopped, up;
	char failure[400];
	struct heap heap;
	struct trace trace;
	struct tap *tap; /* NULL: too many clients for it */
	struct rng_seed seeds[3];
	struct rng dice, wire, inner_dice;
	struct roam_settings settings;
	struct roam_site sites[ROAM_SITES_MAX];
	unsigned addresses[ROAM_SITES_MAX]; /* that were given out in each */
	struct roam_gateway gateway;
	struct addr outer, outer6; /* the gateway's */
	struct addr host; /* behind it */
	unsigned nclients;
	struct roam_client *clients[ROAM_CLIENTS_MAX];
	struct inner_book *book;
	vtime *sent; /* when, for each packet of the book */
	/* A look at each datagram that is put on a link; true: it is lost. May be NULL. */
	bool (*sees)(struct roam *r, const struct roam_datagram *d);
	unsigned pinging; /* the turn of the periodic senders; an older one stops */
	vtime every; /* echo requests of each client */
	unsigned twice; /* datagrams of which two copies arrive */
	uint64_t mark[8]; /* a scenario's own notes */
	void *notes; /* the same; freed with the world */
	uint64_t sent_up, sent_down;
	vtime instant;
	unsigned timeouts;
};

struct roam_result {
	char failure[400];
	uint64_t hash;
	uint64_t datagrams, lost, packets, answered;
};

extern const struct roam_scenario roam_moves[], roam_lossies[], roam_foreigns[], roam_sleeps[],
	roam_crowds[];
extern const unsigned nroam_moves, nroam_lossies, nroam_foreigns, nroam_sleeps, nroam_crowds;

/* ---- roam_main.c ---- */

const struct roam_scenario *roam_scenario_at(unsigned i); /* NULL: there is none */
/* Plays n seeds of it from `first` on, and says how that went. */
bool roam_run(const struct roam_scenario *scenario, unsigned long first, unsigned long n,
	      bool show);

/* ---- roam.c ---- */

struct roam_result roam_play(const struct roam_scenario *scenario, uint64_t seed, bool show);
void roam_at(struct roam *r, vtime at, roam_action action, unsigned arg);
void roam_stop(struct roam *r, unsigned unused);
void roam_fail(struct roam *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define roam_expect(r, condition, ...)                                                             \
	do {                                                                                       \
		if (!(condition))                                                                  \
			roam_fail(r, __VA_ARGS__);                                                 \
	} while (0)
/* Puts a UDP payload or raw ESP on the link of the interface that has its source. */
void roam_send_up(struct roam_client *c, const struct endpoint *from, const struct endpoint *to,
		  struct slice bytes);
void roam_send_down(struct roam *r, const struct endpoint *from, const struct endpoint *to,
		    struct slice bytes);
/* Lets a datagram appear at the gateway, past links and NATs. */
void roam_forge(struct roam *r, const struct endpoint *from, const struct endpoint *to,
		struct slice bytes, vtime at);

/* ---- roam_client.c ---- */

struct roam_client *roam_client_new(struct roam *r, unsigned number);
void roam_client_free(struct roam_client *c);
void roam_client_datagram(struct roam_client *c, const struct endpoint *from,
			  const struct endpoint *to, struct slice bytes);
void roam_client_timeout(struct roam_client *c);
void roam_connect(struct roam *r, unsigned client);
/* An echo request of this client; all of them from now on, so often (0: no more). */
void roam_ping(struct roam *r, unsigned client);
void roam_pings(struct roam *r, vtime every);
/* The next free address of a site. */
struct addr roam_address(struct roam *r, unsigned site);
/* An interface comes up in a site with an address that is new to it; goes down. The session is told. */
void roam_iface_up(struct roam_client *c, unsigned iface, unsigned site, unsigned metric);
void roam_iface_down(struct roam_client *c, unsigned iface);
/* The same without telling anybody. */
void roam_iface_set(struct roam_client *c, unsigned iface, unsigned site, unsigned metric);
void roam_tell(struct roam_client *c, enum session_event_type type, bool slept);
/* The host stops, with all that is on it; goes on, and the session is told. */
void roam_suspend(struct roam_client *c);
void roam_resume(struct roam_client *c);

/* ---- roam_gateway.c ---- */

/* Of all clients and seeds the same, until a scenario changes it. */
void roam_gateway_config(struct roam *r);
void roam_gateway_start(struct roam *r);
void roam_gateway_free(struct roam *r);
void roam_gateway_datagram(struct roam *r, const struct endpoint *from, const struct endpoint *to,
			   struct slice bytes);
void roam_gateway_timeout(struct roam *r);
vtime roam_gateway_deadline(const struct roam *r);
/* Bytes of the heap that are in use. */
size_t roam_allocated(void);

/* ---- roam_see.c ---- */

/* The keys in use: cookies of the ISAKMP SA, SPIs of what data goes out on. */
struct roam_keys {
	uint8_t cookie_i[IKE_COOKIE_SIZE], cookie_r[IKE_COOKIE_SIZE];
	uint32_t spi_in, spi_out;
};

struct roam_keys roam_keys(const struct roam_client *c);
bool roam_keys_eq(const struct roam_keys *a, const struct roam_keys *b);
struct session_info *roam_info(const struct roam_client *c); /* until the next call */
/* There and back through this site. */
vtime roam_round_trip(const struct roam *r, unsigned site);
/* The first answer since then, to anybody; VTIME_NEVER: none. */
vtime roam_first_answer(const struct roam *r, vtime since);
/* Of what was sent in [from, to) this many were not answered. */
unsigned roam_unanswered(const struct roam *r, vtime from, vtime to);
void roam_expect_at(struct roam *r, const char *what, vtime is, vtime due);
void roam_expect_up(struct roam *r);
uint64_t roam_rule(const struct roam *r, enum update_gateway_rule rule);
/* ISAKMP SAs that were established with the gateway. */
uint64_t roam_accepted(const struct roam *r);
/* Where the gateway takes its only client to be. */
struct endpoint roam_peer(const struct roam *r);
vtime roam_up_to(struct roam *r, vtime most);

#endif
