/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The client's host: the program's session and data engines, with a shell around them that carries
 * the effects out in the world instead of in a kernel.
 */
#ifndef GODWIT_SIM_CLIENT_H
#define GODWIT_SIM_CLIENT_H

#include "tests/sim/network.h"
#include "tests/sim/trace.h"
#include "tests/support/data_engines.h"

#define CLIENT_ARENA (64 * 2048)

#define ASKS_MAX 32
#define SIM_ADDRS_MAX 4 /* of one gateway name */

/* A question that a person was asked. */
struct sim_ask {
	vtime at;
	struct session_ask ask;
	vtime ended; /* nobody need answer it any more; VTIME_NEVER: it was not so */
};

/* What the host answers some time after it was asked. */
enum sim_answer {
	SIM_RESOLVED,
	SIM_PATH,
	SIM_TUN,
	SIM_PATH_MTU,
	SIM_FACTS,
};

/* The host as its client sees it: what lies between it and its world. */
struct sim_host {
	void *ctx;
	const vtime *now;
	struct trace *trace;
	const char *name; /* in the trace; borrowed */
	const struct session_config *config;
	struct rng *rng;
	/* Its interfaces, which the world may change; NULL: it has one, which never changes, with `addr`. */
	const struct network *network;
	struct addr addr;
	vtime slowness; /* of the resolver and of the kernel */
	size_t hold_bytes;
	enum log_level level;
	/* Puts it on the wire: a UDP payload, or raw ESP with both ports ESP_PORT_BARE. */
	void (*send)(void *ctx, const struct endpoint *from, const struct endpoint *to,
		     struct slice bytes);
	/* sim_client_answer is to be called with these at that time. */
	void (*later)(void *ctx, vtime at, enum sim_answer what, unsigned arg);
	/* The addresses of a gateway's name; how many. */
	unsigned (*resolve)(void *ctx, const char *name, struct addr addrs[SIM_ADDRS_MAX]);
	/* A packet has come out of the tunnel. */
	void (*inner)(void *ctx, struct slice ip);
	void (*fail)(void *ctx, const char *what);
	/* These may be NULL: the session says for the first time that it is up; a person is asked. */
	void (*up)(void *ctx);
	void (*asked)(void *ctx, unsigned number);
	void (*sees)(void *ctx, const struct session_effect *fx); /* before it is carried out */
};

struct sim_client {
	struct sim_host host;
	struct log log;
	struct session *session;
	struct data_engines data;
	bool up; /* the session said so, once */
	vtime up_at;
	bool done;
	vtime done_at;
	enum session_exit exit;
	char why[SESSION_WHY_MAX];
	unsigned nasks;
	struct sim_ask asks[ASKS_MAX];
	unsigned tuns; /* how often the TUN was set up */
	unsigned refused; /* inner packets that were answered with an ICMP error */
	vtime refused_at; /* the last of them */
	struct network own; /* where the world has given none */
	struct addr path_remote; /* to whom a path was asked for last */
	struct addr mtu_remote; /* whose path's MTU was asked for last */
	struct addr looks[SESSION_ADDRESSES_MAX]; /* what the session has asked to look at */
	unsigned nlooks;
	struct batch batch; /* of packets to be sent, between sim_client_begin and _end */
	uint8_t arena[CLIENT_ARENA];
	uint8_t reply_arena[CLIENT_ARENA];
};

/* The host is copied, and what it points to borrowed. */
struct sim_client *sim_client_new(const struct sim_host *host);
void sim_client_free(struct sim_client *c);
void sim_client_event(struct sim_client *c, const struct session_event *ev);
void sim_client_answer(struct sim_client *c, enum sim_answer what, unsigned arg);
void sim_client_datagram(struct sim_client *c, const struct endpoint *from,
			 const struct endpoint *to, struct slice bytes);
void sim_client_timeout(struct sim_client *c);
vtime sim_client_deadline(const struct sim_client *c);
/* Sends inner packets, in one batch: begin, add each of them, end. */
void sim_client_begin(struct sim_client *c);
void sim_client_add(struct sim_client *c, struct slice ip);
void sim_client_end(struct sim_client *c);
/* Packets that either data engine dropped for this reason. */
uint64_t sim_client_drops(const struct sim_client *c, enum drop why);

#endif
