/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * servers: behind the gateway, which of several servers a decrypted packet goes to. It is a second
 * classifier, for what the first one has led to its SA: by destination, and among servers that have
 * the same service address by a rule. The packet is not changed, the next hop alone is chosen.
 *
 *	packet ──► service that its destination is in ──► none: the routing table
 *	             │ the longest prefix
 *	             ▼
 *	           flow known, its server there ──► that one
 *	             │ no
 *	             ▼
 *	           one of those that are there, by the rule; remembered ──► none is: the routing table
 *
 * A flow is addresses, protocol and ports (of an echo request, its identifier); of protocols without
 * ports, addresses and protocol. It stays with its server until it has been silent for long, or
 * its server is not there any more:
 *
 *	NEW     one packet, or SYNs alone              30 s
 *	STREAM  TCP that has gone on                   2 h 4 min, as RFC 5382 wants it of a NAT
 *	KEPT    anything else that has gone on         5 min, as RFC 4787
 *	ENDED   a FIN or a RST has come                2 min; a SYN is another flow
 *
 * All fragments of a datagram go to one server. The first one tells which, by its flow; one that
 * overtakes it goes where the latest such datagram between its addresses went, and the first one
 * follows. An ICMP error goes where the flow goes that it quotes, and does not keep that alive; one that
 * quotes none that is known is a flow by its addresses.
 *
 * By the rule DISPATCH_ROUND_ROBIN each server has its turn; by DISPATCH_LEAST_LOAD the one with the
 * fewest live flows gets the next, of several such the one whose turn it is.
 *
 * Memory is fixed: SERVERS_FLOWS entries of 8 bytes in sets of eight. In a full set the entry goes
 * that has the least time left, so that what came once goes before what lasts. An entry has 47 bits of a
 * hash under a random key; who does not know the key can neither crowd a set nor meet another's flow.
 *
 * Any number of threads may ask at a time, without locks: an entry is one atomic word. In a race of
 * two first packets of a flow one wins, and the other goes along. The rules are exact for one thread.
 */
#ifndef GODWIT_ESP_SERVERS_H
#define GODWIT_ESP_SERVERS_H

#include "esp/esp.h"

#define SERVERS_MAX 32
#define SERVERS_FLOWS 65536
#define SERVERS_NONE (-1) /* the routing table's */

struct servers_config {
	enum dispatch_select select; /* among those of one service */
	struct prefix service[SERVERS_MAX]; /* of each server; several may have the same */
	unsigned n; /* at most SERVERS_MAX */
};

struct servers_counters {
	uint64_t flows; /* given to it, */
	uint64_t live; /* and alive now, as far as is known: up to SERVERS_SWEEP_S late */
	uint64_t packets;
	uint64_t bytes;
};

/* What has been silent for too long is looked for so often, while flows begin. */
#define SERVERS_SWEEP_S 32

struct servers;

/* rng is used now alone. All servers are there. servers_free when no thread asks any more. */
struct servers *servers_new(const struct servers_config *config, struct rng *rng);
void servers_free(struct servers *s);
/*
 * Which server an IP packet, of which nothing is believed, goes to: its number, or SERVERS_NONE. Any
 * thread; allocates nothing and waits for nothing. It is counted as sent there.
 */
int servers_choose(struct servers *s, vtime now, struct slice packet);
/* Control: the server is there, or not. Flows of one that is not go to others, and stay there. */
void servers_set_there(struct servers *s, unsigned server, bool there);
bool servers_there(const struct servers *s, unsigned server);
/* Any thread. */
struct servers_counters servers_counters(const struct servers *s, unsigned server);

#endif
