/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A host's interfaces as its kernel would tell of them: what of them can be used, and the route to
 * anywhere. They may change at any time; whoever changes them tells the session to look.
 */
#ifndef GODWIT_SIM_NETWORK_H
#define GODWIT_SIM_NETWORK_H

#include "mobility/paths.h"

#define NETWORK_IFACES_MAX 4
#define NETWORK_ROUTES_MAX (NETWORK_IFACES_MAX * 8)

/* It has one address, and a default route of that family through it. */
struct network_iface {
	bool up;
	bool tentative;
	struct addr addr;
	unsigned metric; /* of its route: the smallest is taken */
};

struct network {
	struct network_iface iface[NETWORK_IFACES_MAX];
	unsigned n;
};

/* What `facts` points to; good as long as this is. */
struct network_facts {
	struct paths_facts facts;
	struct paths_link links[NETWORK_IFACES_MAX];
	struct paths_addr addrs[NETWORK_IFACES_MAX];
	struct paths_route routes[NETWORK_ROUTES_MAX];
};

/* The interface that the route to `remote` takes; NULL: there is no route. */
const struct network_iface *network_route(const struct network *n, const struct addr *remote);
/* The interface that is up and has this address; NULL: nobody has it. */
const struct network_iface *network_find(const struct network *n, const struct addr *addr);
void network_look(const struct network *n, const struct addr *remotes, unsigned nremotes,
		  struct network_facts *out);

#endif
