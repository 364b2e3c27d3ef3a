/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client's host in the world of one client: its wire, its resolver, a person, what it sends. */
#ifndef GODWIT_SIM_HOST_H
#define GODWIT_SIM_HOST_H

#include "tests/sim/client.h"
#include "tests/sim/world.h"

struct sim_client *host_client_new(struct world *w);
/* Sends `n` echo requests into the tunnels, in one batch; `kind` and tunnel take turns. */
void host_ping(struct world *w, unsigned n, unsigned size);
/* Sends the request of this number, for the first time or again. */
void host_send(struct world *w, unsigned number);

#endif
