/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The gateway's host: the responder of the tests, data engines of its own under the keys it
 * agreed on, and behind them hosts that answer echo requests.
 */
#ifndef GODWIT_SIM_GATEWAY_H
#define GODWIT_SIM_GATEWAY_H

#include "tests/sim/world.h"

struct sim_gateway *sim_gateway_new(struct world *w);
void sim_gateway_free(struct sim_gateway *g);
void sim_gateway_datagram(struct sim_gateway *g, const struct datagram *d);
void sim_gateway_timeout(struct sim_gateway *g);
vtime sim_gateway_deadline(const struct sim_gateway *g);
/* Pairs of ESP SAs that it has. */
unsigned sim_gateway_children(const struct sim_gateway *g);
/* The client's own pings that came to its hosts. */
unsigned sim_gateway_pings(const struct sim_gateway *g);
/* ESP packets that it refused because they came before. */
uint64_t sim_gateway_replays(const struct sim_gateway *g);
bool sim_gateway_established(const struct sim_gateway *g);
/* Asks whether the client is there (RFC 3706); how often that was acknowledged. */
void sim_gateway_dpd(struct sim_gateway *g);
unsigned sim_gateway_acks(const struct sim_gateway *g);
/* Deletes for its ESP SAs, for its IKE SA, or for both. */
void sim_gateway_delete(struct sim_gateway *g, bool children, bool ike);

/* Where it is the program's engine: begins a new pair for a tunnel, a new IKE SA; forgets all. */
void sim_gateway_renew_child(struct sim_gateway *g, unsigned tunnel);
void sim_gateway_renew_ike(struct sim_gateway *g);
void sim_gateway_offer_foreign(struct sim_gateway *g);
/* The notify with which the client refused an offer; 0: none. */
unsigned sim_gateway_refused(const struct sim_gateway *g);
void sim_gateway_forget(struct sim_gateway *g);
/* IKE SAs that the client began, so far. */
unsigned sim_gateway_accepted(const struct sim_gateway *g);
/* The client gets other addresses from now on. The IPv4 address that it asked for last. */
void sim_gateway_move(struct sim_gateway *g);
const struct addr *sim_gateway_wished(const struct sim_gateway *g);
/* Datagrams on SPIs that it does not know. */
uint64_t sim_gateway_unknown(const struct sim_gateway *g);

/* What peer.c tells: a pair was agreed on (copied), by us or by the client; one was deleted. */
struct ike_child;
void sim_gateway_child_up(struct sim_gateway *g, const struct ike_child *child,
			  const struct path *path, bool ours);
void sim_gateway_child_deleted(struct sim_gateway *g, uint32_t spi_out);

#endif
