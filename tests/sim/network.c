/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/network.h"

#define IFINDEX_FIRST 2

static bool has_route(const struct network_iface *i, const struct addr *remote)
{
	return i->up && !i->tentative && i->addr.family == remote->family;
}

const struct network_iface *network_route(const struct network *n, const struct addr *remote)
{
	const struct network_iface *best = NULL;

	for (unsigned i = 0; i < n->n; i++)
		if (has_route(&n->iface[i], remote) && (!best || n->iface[i].metric < best->metric))
			best = &n->iface[i];
	return best;
}

const struct network_iface *network_find(const struct network *n, const struct addr *addr)
{
	for (unsigned i = 0; i < n->n; i++)
		if (n->iface[i].up && addr_eq(&n->iface[i].addr, addr))
			return &n->iface[i];
	return NULL;
}

static void look_routes(const struct network *n, const struct addr *remote,
			struct network_facts *out)
{
	const struct network_iface *best = network_route(n, remote);

	for (unsigned i = 0; i < n->n && out->facts.nroutes < NETWORK_ROUTES_MAX; i++)
		if (has_route(&n->iface[i], remote))
			out->routes[out->facts.nroutes++] = (struct paths_route){
				.remote = *remote,
				.ifindex = IFINDEX_FIRST + i,
				.source = n->iface[i].addr,
				.best = &n->iface[i] == best,
			};
}

void network_look(const struct network *n, const struct addr *remotes, unsigned nremotes,
		  struct network_facts *out)
{
	*out = (struct network_facts){ 0 };
	out->facts = (struct paths_facts){ out->links, n->n, out->addrs, 0, out->routes, 0 };
	for (unsigned i = 0; i < n->n; i++) {
		const struct network_iface *f = &n->iface[i];

		out->links[i] = (struct paths_link){ IFINDEX_FIRST + i, f->up, false };
		if (f->up && f->addr.family != FAMILY_NONE)
			out->addrs[out->facts.naddrs++] =
				(struct paths_addr){ IFINDEX_FIRST + i, f->addr, f->tentative };
	}
	for (unsigned i = 0; i < nremotes; i++)
		look_routes(n, &remotes[i], out);
}
