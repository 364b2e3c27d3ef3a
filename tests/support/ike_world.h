/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An IKE SA and a responder with nothing but a counter between them: datagrams arrive at once, in
 * order, unless a filter takes them. For tests of the engine alone.
 */
#ifndef GODWIT_TESTS_IKE_WORLD_H
#define GODWIT_TESTS_IKE_WORLD_H

#include "tests/support/responder.h"

#define WORLD_CHILDREN 80
#define WORLD_DELETED 1024
#define WORLD_SENT 128

struct world;

struct world_datagram {
	vtime at;
	bool resent;
	struct endpoint from;
	struct endpoint to;
	size_t n;
	uint8_t bytes[IKE_MESSAGE_MAX];
};

struct world {
	vtime now;
	struct rng_seed seed;
	struct rng rng;
	struct log log;
	struct ike_config config;
	struct ike_child_config child;
	struct responder_config responder_config;
	struct responder *responder;
	struct ike_sa *sa;
	struct endpoint client; /* as the client knows itself */
	struct endpoint seen; /* as the gateway sees the client: another address behind NAT */
	struct endpoint gateway;
	/* False: lost on the way. `n` counts the datagrams of that direction from 0. */
	bool (*to_gateway)(struct world *w, unsigned n, struct slice bytes);
	bool (*to_client)(struct world *w, unsigned n, struct slice bytes);
	unsigned ngateway, nclient;
	/* What the engine has said. */
	unsigned nsent;
	struct world_datagram sent[WORLD_SENT]; /* the newest ones of a ring */
	unsigned nreceived;
	struct world_datagram received[WORLD_SENT];
	unsigned nnat, nestablished, nup, nfailed, ndeleted, ndead;
	unsigned noffers, nalive, nsilent, nhints;
	struct ike_effect nat, established, dead, offer;
	uint16_t hint;
	vtime dead_at, silent_at;
	struct ike_child up[WORLD_CHILDREN];
	struct ike_effect failed[WORLD_CHILDREN];
	uint32_t deleted[WORLD_DELETED];
};

/* Addresses, a key, one suite and a responder that takes it; nothing started yet. */
void world_init(struct world *w, uint64_t seed);
/* Makes the SA and the responder from the configurations and starts phase 1. */
void world_start(struct world *w);
void world_free(struct world *w);
/* Starts and runs until it is quiet. */
void world_up(struct world *w);
/* Delivers until both are quiet, without time passing. */
void world_pump(struct world *w);
/* Lets time pass until `until`, doing what is due. */
void world_run(struct world *w, vtime until);
void world_child(struct world *w, uint32_t id, uint32_t spi);
/* A datagram for the client, from the gateway's port that it talks to. */
void world_inject(struct world *w, struct slice bytes);
void world_deliver(struct world *w, const struct responder_replies *replies);
void world_event(struct world *w, enum ike_event_type type);

#endif
