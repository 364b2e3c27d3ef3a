/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What servers behind the gateway need of the host: for each a device, by which the data threads say
 * that a packet is its, a rule for what comes out of that, and in a table of its own the route to its
 * address. Rules and routes are journalled, watched and put back as all of the host's are. A
 * server without its route, or without its device, is away: others get its flows, or, when there
 * are none, the routing table has them.
 */
#ifndef GODWIT_GATEWAY_SERVE_H
#define GODWIT_GATEWAY_SERVE_H

#include "client/runtime.h"
#include "gateway/config.h"
#include "gateway/status.h"

struct serve {
	const struct gateway_file *file;
	const struct host *host;
	struct servers *engine; /* NULL: there are no servers */
	unsigned n; /* devices */
	struct tun tuns[SERVERS_MAX];
	bool needs_address[SERVERS_MAX];
	unsigned routes; /* the first of them in host->stands */
};

/* What serve_states makes at most. */
#define SERVE_STATES_MAX (3 * SERVERS_MAX)

/*
 * Opens the devices; both are borrowed, and host is open. 0 or an exit code after one line on `err`, and
 * then, too, serve_close is due.
 */
int serve_open(struct serve *s, const struct host *host, const struct gateway_file *f, FILE *err);
/* When no data thread runs any more. */
void serve_close(struct serve *s);
/* Brings the devices up, with the MTU of the effect TUN. 0, or ERR_SYSTEM and why. */
int serve_up(struct serve *s, struct tun_netlink *n, const struct session_effect *fx,
	     char why[200]);
/*
 * Appends what they need to the states there are, all but the routes to the servers; a device may have
 * to have an address of ours. How many there are then.
 */
unsigned serve_states(struct serve *s, const struct session_effect *fx, struct log *log,
		      struct tun_state *states, unsigned nstates);
/* The same with the routes, which may be missing. */
unsigned serve_routes(struct serve *s, struct tun_state *states, unsigned nstates);
/* Looks which servers are there, now that the host's state has been made or put back. */
void serve_look(struct serve *s, struct log *log);
/* The i-th server, i < file->nservers. Borrowed until serve_close. */
struct gateway_server_info serve_info(const struct serve *s, unsigned i);

#endif
