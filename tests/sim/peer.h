/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The gateway's IKE where it has to begin exchanges itself: the program's own engine on the other
 * side. It keeps a few ISAKMP SAs, takes what the client offers, and renews what it is told to.
 */
#ifndef GODWIT_SIM_PEER_H
#define GODWIT_SIM_PEER_H

#include "tests/sim/world.h"

struct sim_peer;

struct sim_peer *sim_peer_new(struct world *w, struct sim_gateway *g);
void sim_peer_free(struct sim_peer *p);
void sim_peer_datagram(struct sim_peer *p, const struct endpoint *from, const struct endpoint *to,
		       struct slice bytes);
void sim_peer_timeout(struct sim_peer *p);
vtime sim_peer_deadline(const struct sim_peer *p);
bool sim_peer_established(const struct sim_peer *p);
/* Begins a quick mode for this tunnel, a main mode. */
void sim_peer_renew_child(struct sim_peer *p, unsigned tunnel);
void sim_peer_renew_ike(struct sim_peer *p);
/* Offers selectors that are none of the client's; with which notify that was refused, 0: not yet. */
void sim_peer_offer_foreign(struct sim_peer *p);
uint16_t sim_peer_refused(const struct sim_peer *p);
/* A Delete for its inbound SPI; for its newest ISAKMP SA. */
void sim_peer_delete_child(struct sim_peer *p, uint32_t spi);
void sim_peer_delete(struct sim_peer *p);
/* ISAKMP SAs that the client began and that were established. */
unsigned sim_peer_accepted(const struct sim_peer *p);
/* The sides of the tunnels have changed in the settings. */
void sim_peer_follow(struct sim_peer *p);
/* The IPv4 address that the client asked for last. */
const struct addr *sim_peer_wished(const struct sim_peer *p);
/* Forgets all, without a word. */
void sim_peer_forget(struct sim_peer *p);

#endif
