/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The client's host: the program's session and data engines, with a shell around them that carries
 * the effects out in the world instead of in a kernel.
 */
#ifndef GODWIT_SIM_CLIENT_H
#define GODWIT_SIM_CLIENT_H

#include "tests/sim/world.h"

#define CLIENT_ARENA (64 * 2048)

#define ASKS_MAX 32

/* A question that a person was asked. */
struct sim_ask {
	vtime at;
	struct session_ask ask;
	vtime ended; /* nobody need answer it any more; VTIME_NEVER: it was not so */
};

struct sim_client {
	struct world *world;
	struct log log;
	struct session *session;
	struct classifier *classifier;
	struct outbound *outbound;
	struct inbound *inbound;
	bool up; /* the session said so, once */
	vtime up_at;
	bool done;
	vtime done_at;
	enum session_exit exit;
	char why[512];
	unsigned nasks;
	struct sim_ask asks[ASKS_MAX];
	unsigned tuns; /* how often the TUN was set up */
	unsigned refused; /* inner packets that were answered with an ICMP error */
	vtime refused_at; /* the last of them */
	uint8_t arena[CLIENT_ARENA];
	uint8_t reply_arena[CLIENT_ARENA];
};

struct sim_client *sim_client_new(struct world *w);
void sim_client_free(struct sim_client *c);
void sim_client_event(struct sim_client *c, const struct session_event *ev);
void sim_client_datagram(struct sim_client *c, const struct datagram *d);
void sim_client_timeout(struct sim_client *c);
vtime sim_client_deadline(const struct sim_client *c);
/* Sends `n` echo requests into the tunnels, in one batch; `kind` and tunnel take turns. */
void sim_client_ping(struct sim_client *c, unsigned n, unsigned size);
/* Sends the request of this number, for the first time or again. */
void sim_client_send(struct sim_client *c, unsigned number);
/* Packets that either data engine dropped for this reason. */
uint64_t sim_client_drops(const struct sim_client *c, enum drop why);

#endif
