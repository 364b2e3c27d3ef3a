/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A world of many hosts: clients behind one NAT or two, and a server that has all of them at once.
 *
 *	 client 1 ─ lan ─┐
 *	 client 2 ─ lan ─┼─► NAT A ── wan ──┐
 *	   …             │                  ├──► server, and hosts behind it that answer echo requests
 *	 client N ─ lan ─┴─► NAT B ── wan ──┘
 *
 *	field.c            time, the wire, a field's life
 *	field_client.c     a client's host, its traffic, what must hold for what it sends
 *	field_judge.c      does traffic flow, how long may it take, what must always hold
 *	field_ladder.c     what is shown: lanes of hosts, an arrow for each datagram
 *	field_races.c      scenarios: the races and collisions, each forced
 *	field_mix.c        everything at random
 *	field_long.c       keys renewed a thousand times; nobody talks; the server renews
 *	field_main.c       plays seeds, with the prober and without it, and counts
 *
 * Every client is the program's own session and data engines, the server is that of the tests. A
 * NAT is a box: for IKE and raw ESP it guesses (masq.h), for all other UDP it is an ordinary one.
 */
#ifndef GODWIT_SIM_FIELD_H
#define GODWIT_SIM_FIELD_H

#include "mobility/nat_model.h"
#include "tests/sim/client.h"
#include "tests/sim/heap.h"
#include "tests/sim/link.h"
#include "tests/sim/nat.h"
#include "tests/support/masq.h"
#include "tests/support/server.h"

#define FIELD_CLIENTS_MAX 20
#define FIELD_NATS_MAX 2
#define FIELD_PINGS_MAX 4096 /* of one client */
#define FIELD_EPOCHS_MAX 32 /* of one client, that are remembered at a time */

struct field;

typedef void (*field_action)(struct field *f, unsigned arg);

/* ---- what is chosen by the seed and by the scenario ---- */

enum field_box {
	FIELD_MASQ, /* guesses for IKE and ESP, ordinary for other UDP */
	FIELD_ORDINARY, /* ordinary for all UDP, nothing else passes */
};

struct field_settings {
	unsigned nclients, nnats;
	unsigned ngateways; /* names of the server; with two each has an address that nobody has */
	enum field_box box;
	struct masq_config masq; /* without `outside` */
	struct udp_nat_config nat;
	struct link_config lan, wan; /* the same for both directions */
	struct prober_config prober;
	unsigned elimit;
	vtime timeout; /* of a negotiation, both ends */
	vtime dpd;
	bool encapsulated; /* ESP in UDP, else raw */
	uint32_t keylife_s;
	vtime rekeymargin;
	unsigned rekeyfuzz;
	struct server_config server;
	/* The first so many clients choose the same first cookie; the same first SPI. */
	unsigned same_cookies, same_spis;
};

/* ---- the parts ---- */

struct field_nat {
	struct addr outside;
	struct masq *masq;
	struct udp_nat nat;
	struct link up, down; /* the line to the server */
	bool dead;
	unsigned multicasts; /* packets that were copied to everybody */
};

/* One epoch, as far as a client's effects tell. */
struct field_epoch {
	uint32_t id;
	unsigned number; /* from 1 */
	uint32_t spi_in, spi_out;
	const struct esp_in *in; /* NULL: retired */
	unsigned pings; /* since something came on it */
	uint64_t heard;
};

/* What has been sealed under one SPI by one sender for one client. */
struct field_sealed {
	uint32_t spi;
	uint32_t sequence; /* the last one */
};

#define FIELD_SEALED_MAX 64
#define FIELD_MESSAGES_MAX 64

struct field_message {
	uint64_t hash;
	unsigned sent;
};

struct field_ping {
	vtime sent, answered; /* answered 0: not yet */
};

/* A stream of numbered packets. */
struct field_stream {
	uint64_t sent, came;
	uint64_t next; /* the number that is due */
	uint64_t lost, late; /* passed over; came after a later one, or twice */
};

struct field_client {
	struct field *field;
	unsigned number; /* from 0 */
	char name[8];
	struct session_config config;
	char gateway[ADDR_TEXT_MAX];
	struct rng_seed seed, shared_seed;
	struct rng own, shared; /* `shared`: with other clients, until they have collided */
	bool shares_cookie, shares_spi;
	struct rng rng; /* what the session draws from */
	struct sim_client *shell;
	struct addr addr, inner;
	struct link up, down; /* to and from the NATs */
	unsigned route; /* the NAT that it sends through */
	vtime suspended; /* until then; 0: not */
	bool probing; /* the packet that is sent now is a probe */

	vtime every; /* echo requests of its own; 0: none */
	unsigned turn; /* of the periodic sender; an older one stops */
	unsigned npings;
	struct field_ping pings[FIELD_PINGS_MAX];
	struct field_stream up_stream, down_stream;
	vtime pace; /* of up_stream */

	unsigned nepochs; /* so far */
	struct field_epoch epochs[FIELD_EPOCHS_MAX];
	struct field_sealed sealed[2][FIELD_SEALED_MAX]; /* by the client, by the server */
	unsigned nsealed[2];
	struct field_message messages[FIELD_MESSAGES_MAX];
	unsigned nmessages;

	unsigned probes; /* sent */
	unsigned foreign; /* ESP packets that came and were not for it */
	vtime flows_since; /* when the judge has judged: VTIME_NEVER: traffic does not flow */
};

/* What is expected of the same seed without the prober. */
enum field_twin {
	FIELD_NO_TWIN, /* it is not played */
	FIELD_TWIN_SHOWN, /* the seeds that end in trouble are counted */
	FIELD_TWIN_FAILS, /* every seed ends in trouble */
};

struct field_scenario {
	const char *name;
	/* Changes the seed's settings. */
	void (*settings)(struct field *f);
	/* Plans what happens. */
	void (*begin)(struct field *f);
	/* What must be true in the end, where the judge has found nothing wrong. May be NULL. */
	void (*end)(struct field *f);
	vtime limit;
	enum field_twin twin;
	unsigned share; /* of so many seeds that are asked for one is played; 0: all are */
};

struct field {
	const struct field_scenario *scenario;
	uint64_t seed;
	bool probes; /* else the twin */
	vtime now;
	bool stopped;
	char failure[400];
	struct heap heap;
	struct trace trace;
	struct rng_seed seeds[4];
	struct rng dice, wire, server_rng; /* the scenario's, the links', the server's */
	struct field_settings settings;
	struct server *server;
	bool answering; /* what the server sends now is an answer */
	unsigned nclients, nnats;
	struct field_client *clients[FIELD_CLIENTS_MAX];
	struct field_nat nats[FIELD_NATS_MAX];

	vtime quiet; /* since then nothing is lost and nothing breaks; VTIME_NEVER: not yet */
	unsigned pending; /* collisions at that time */
	vtime due; /* traffic of all must flow again by then */
	field_action settled; /* what comes when it does, and stops the field; NULL: that is all */
	bool troubled; /* it has come to what the prober is there to prevent */
	uint64_t mark[4]; /* a scenario's own notes */
	uint64_t steps;
	vtime instant;
	unsigned timeouts;
};

struct field_result {
	char failure[400];
	uint64_t hash;
	bool troubled; /* or traffic did not flow again in time; only the twin may say so */
	vtime took; /* from quiet on, the slowest of them */
	vtime bound;
	uint64_t steps;
	unsigned multicasts, probes;
	uint64_t sent, lost, late, early; /* of streams; server's packets on unheard epochs */
};

/* How long runs are. */
struct field_options {
	unsigned epochs; /* of `epochs` */
	bool show;
	bool lanes; /* of that only what passes between hosts */
	bool without; /* the twins alone are played, and what they come to is no failure */
};

extern struct field_options field_options;

extern const struct field_scenario field_races[], field_mixes[], field_longs[];
extern const unsigned nfield_races, nfield_mixes, nfield_longs;

/* ---- field_main.c ---- */

const struct field_scenario *field_scenario_at(unsigned i); /* NULL: there is none */
/* Plays n seeds of it from `first` on, and says how that went. */
bool field_run(const struct field_scenario *scenario, unsigned long first, unsigned long n);

/* ---- field.c ---- */

struct field_result field_play(const struct field_scenario *scenario, uint64_t seed, bool probes);
void field_at(struct field *f, vtime at, field_action action, unsigned arg);
void field_stop(struct field *f);
void field_fail(struct field *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define field_expect(f, condition, ...)                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			field_fail(f, __VA_ARGS__);                                                \
	} while (0)
/* A client puts a datagram on its LAN. */
void field_send(struct field_client *c, const struct endpoint *from, const struct endpoint *to,
		struct slice bytes);
/* Carries out what the server has to say. */
void field_server_pump(struct field *f);
/* All clients' routes lead to this NAT from now on; actions. */
void field_route(struct field *f, unsigned nat);
void field_kill_nat(struct field *f, unsigned nat);
void field_reboot_nat(struct field *f, unsigned nat);
void field_renumber_nat(struct field *f, unsigned nat);

/* ---- field_client.c ---- */

struct field_client *field_client_new(struct field *f, unsigned number);
void field_client_free(struct field_client *c);
void field_client_datagram(struct field_client *c, const struct endpoint *from,
			   const struct endpoint *to, struct slice bytes);
void field_client_timeout(struct field_client *c);
vtime field_client_deadline(const struct field_client *c);
/* Actions; the argument is the client's number. */
void field_connect(struct field *f, unsigned client);
void field_ping(struct field *f, unsigned client);
/* Echo requests every so often from now on, 0: no more; a stream to the server. */
void field_pings(struct field *f, unsigned client, vtime every);
void field_stream_up(struct field *f, unsigned client, vtime every);
/* It hears nothing and does nothing until then. */
void field_suspend(struct field *f, unsigned client, vtime until);
/* The server to this client. */
void field_stream_down(struct field *f, unsigned client, vtime every);
void field_server_inner(struct field *f, unsigned slot, struct slice ip);
const struct field_epoch *field_epoch_of_spi(const struct field_client *c, bool inbound,
					     uint32_t spi);

/* ---- field_judge.c ---- */

/* What must hold for everything that is put on the wire; `server`: by the server for this client. */
void field_judge_sent(struct field_client *c, bool server, bool esp, struct slice bytes);
/* A probe goes out on this epoch. */
void field_judge_probe(struct field_client *c, struct field_epoch *e);
/*
 * From now on nothing is lost, and nothing breaks: the clock runs. The field stops when traffic of
 * all has flowed for a while, and at the latest when that is overdue.
 */
void field_quiet(struct field *f, unsigned unused);
/* Since when every echo request has been answered; VTIME_NEVER: the last one was not. */
vtime field_flows_since(const struct field_client *c);
/* What streams have not delivered by now is lost; once, when they have ended. */
void field_streams_end(struct field *f);
/* The same, and nothing of them may be lost, late or twice. */
void field_judge_streams(struct field *f);
/* One collision's worth of time. */
vtime field_patience(const struct field *f);

/* ---- field_ladder.c ---- */

void field_ladder_head(struct field *f);
/*
 * A datagram of this client at its NAT, and what kept it from passing (NULL: nothing); one of the
 * server's, and who gets it. `esp`: what is known of an ESP packet; NULL: it is IKE. Made only when
 * it is shown.
 */
void field_ladder_out(struct field_client *c, const char *esp, struct slice bytes,
		      const char *wrong);
void field_ladder_in(struct field *f, const struct addr *to, unsigned n, unsigned nat,
		     const char *esp, struct slice bytes, const char *fate);
/* What happens to somebody, in words; client -1: to all. */
void field_ladder_note(struct field *f, int client, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
