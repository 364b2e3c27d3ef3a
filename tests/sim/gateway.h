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
/* ESP packets that it refused because they came before. */
uint64_t sim_gateway_replays(const struct sim_gateway *g);
bool sim_gateway_established(const struct sim_gateway *g);
/* Asks whether the client is there (RFC 3706); how often that was acknowledged. */
void sim_gateway_dpd(struct sim_gateway *g);
unsigned sim_gateway_acks(const struct sim_gateway *g);
/* Deletes for its ESP SAs, for its IKE SA, or for both. */
void sim_gateway_delete(struct sim_gateway *g, bool children, bool ike);

#endif
