/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tun/tun.h"

#include <assert.h>

#include "base/err.h"

#define PROTO_TCP 6
#define PROTO_UDP 17
#define PROTO_ESP 50
#define PORT_IKE 500

static_assert(TUN_PREF_EXCLUDE + TUN_EXCLUDE_MAX <= TUN_PREF_POLICY, "exclusions come first");
/* That of the main table. */
static_assert(TUN_PREF_POLICY + TUN_POLICY_MAX < 32766, "rules stand before the host's own");

struct plan {
	const struct tun_setup *setup;
	struct tun_state *out;
	unsigned max;
	unsigned n; /* counts on when max is reached */
};

static void plan_put(struct plan *p, struct tun_state s)
{
	if (p->n < p->max)
		p->out[p->n] = s;
	p->n++;
}

static struct prefix host_prefix(const struct addr *a)
{
	return (struct prefix){ *a, (uint8_t)(8 * family_size(a->family)) };
}

static const struct addr *inner_of(const struct tun_setup *setup, enum family f)
{
	for (unsigned i = 0; i < setup->n_inner; i++)
		if (setup->inner[i].family == f)
			return &setup->inner[i];
	return NULL;
}

static bool protects_family(const struct tun_setup *setup, enum family f)
{
	for (unsigned i = 0; i < setup->n_remote; i++)
		if (setup->remote[i].addr.family == f)
			return true;
	return false;
}

/* True when packets of this family may be sent to our table. */
static bool has_family(const struct tun_setup *setup, enum family f)
{
	return protects_family(setup, f) || inner_of(setup, f) != NULL;
}

static void plan_outer(struct plan *p, uint8_t proto, uint16_t sport, uint16_t dport)
{
	const struct addr *gateway = &p->setup->path.remote.addr;

	plan_put(p, (struct tun_state){
			    .kind = TUN_STATE_RULE,
			    .pref = TUN_PREF_OUTER,
			    .family = gateway->family,
			    .to = host_prefix(gateway),
			    .proto = proto,
			    .sport = sport,
			    .dport = dport,
			    .action = TUN_LOOKUP,
			    .table = TUN_TABLE_MAIN,
		    });
}

/* ESP and IKE may go separately, and IKE begins anew on the port that it left. */
static void plan_path(struct plan *p)
{
	const struct path *path = &p->setup->path;
	uint16_t ike = p->setup->ike_port;

	switch (path->encapsulation) {
	case ENCAPSULATION_UDP:
		break;
	case ENCAPSULATION_ESP:
		plan_outer(p, PROTO_ESP, 0, 0);
		break;
	case ENCAPSULATION_CISCO_UDP:
		plan_outer(p, PROTO_UDP, p->setup->data_port, path_esp_remote(path).port);
		break;
	case ENCAPSULATION_TCP:
		plan_outer(p, PROTO_TCP, path->local.port, path->remote.port);
		return;
	}
	plan_outer(p, PROTO_UDP, path->local.port, path->remote.port);
	if (ike && (path->local.port != ike || path->remote.port != PORT_IKE))
		plan_outer(p, PROTO_UDP, ike, PORT_IKE);
}

/*
 * A kernel that is strict about where packets come from answers no ARP request whose sender it
 * would reach through the tunnel: the router could not find us any more. From our outer address
 * alone, so that little else goes there in clear. IPv6 has no such check.
 */
static void plan_router(struct plan *p)
{
	const struct addr *local = &p->setup->path.local.addr, *router = &p->setup->router;

	if (local->family != FAMILY_IP4 || router->family != FAMILY_IP4)
		return;
	plan_put(p, (struct tun_state){
			    .kind = TUN_STATE_RULE,
			    .pref = TUN_PREF_OUTER,
			    .family = FAMILY_IP4,
			    .from = host_prefix(local),
			    .to = host_prefix(router),
			    .action = TUN_LOOKUP,
			    .table = TUN_TABLE_MAIN,
		    });
}

static void plan_mark(struct plan *p, enum family f)
{
	plan_put(p, (struct tun_state){
			    .kind = TUN_STATE_RULE,
			    .pref = TUN_PREF_FWMARK,
			    .family = f,
			    .fwmark = p->setup->mark,
			    .action = TUN_LOOKUP,
			    .table = TUN_TABLE_MAIN,
		    });
}

static void plan_unreachable(struct plan *p, enum family f)
{
	plan_put(p, (struct tun_state){
			    .kind = TUN_STATE_ROUTE,
			    .to.addr.family = f,
			    .metric = TUN_METRIC_UNREACHABLE,
			    .table = p->setup->table,
			    .action = TUN_UNREACHABLE,
		    });
}

static void plan_from_inner(struct plan *p, const struct addr *inner)
{
	plan_put(p, (struct tun_state){
			    .kind = TUN_STATE_RULE,
			    .pref = TUN_PREF_INNER,
			    .family = inner->family,
			    .from = host_prefix(inner),
			    .action = TUN_LOOKUP,
			    .table = p->setup->table,
		    });
}

static void set_ifname(struct tun_state *s, const char *name)
{
	size_t n = strnlen(name, IFNAMSIZ - 1);

	memcpy(s->ifname, name, n);
	s->ifname[n] = '\0';
}

static void plan_address(struct plan *p, const struct addr *inner)
{
	struct tun_state s = { .kind = TUN_STATE_ADDRESS, .to = host_prefix(inner) };

	set_ifname(&s, p->setup->ifname);
	plan_put(p, s);
}

static struct prefix network_of(const struct prefix *p)
{
	struct prefix network = *p;
	struct addr hi;

	prefix_range(p, &network.addr, &hi);
	return network;
}

static void plan_route(struct plan *p, const struct prefix *remote)
{
	const struct addr *inner = inner_of(p->setup, remote->addr.family);
	struct tun_state s = {
		.kind = TUN_STATE_ROUTE,
		.action = TUN_UNICAST,
		.to = network_of(remote),
		.table = p->setup->table,
	};

	if (!inner)
		return;
	s.source = *inner;
	set_ifname(&s, p->setup->ifname);
	plan_put(p, s);
}

static void plan_exclude(struct plan *p, unsigned i)
{
	const struct prefix *exclude = &p->setup->exclude[i];

	if (!protects_family(p->setup, exclude->addr.family))
		return;
	plan_put(p, (struct tun_state){
			    .kind = TUN_STATE_RULE,
			    .pref = TUN_PREF_EXCLUDE + i,
			    .family = exclude->addr.family,
			    .to = network_of(exclude),
			    .action = TUN_LOOKUP,
			    .table = TUN_TABLE_MAIN,
		    });
}

static void plan_protect(struct plan *p, unsigned i)
{
	const struct prefix *remote = &p->setup->remote[i];

	plan_put(p, (struct tun_state){
			    .kind = TUN_STATE_RULE,
			    .pref = TUN_PREF_POLICY + i,
			    .family = remote->addr.family,
			    .to = network_of(remote),
			    .action = TUN_LOOKUP,
			    .table = p->setup->table,
		    });
}

/*
 * Exceptions first, then what catches in our table, then the way out of it, then what need not go
 * there, then the way into it.
 */
int tun_plan(const struct tun_setup *setup, struct tun_state *out, unsigned max)
{
	static const enum family families[] = { FAMILY_IP4, FAMILY_IP6 };
	struct plan p = { .setup = setup, .out = out, .max = max };

	if (setup->n_remote > TUN_POLICY_MAX || setup->n_exclude > TUN_EXCLUDE_MAX ||
	    setup->n_inner > TUN_INNER_MAX)
		return ERR_NO_ROOM;
	plan_path(&p);
	plan_router(&p);
	for (unsigned i = 0; i < ARRAY_SIZE(families); i++)
		if (has_family(setup, families[i]) || setup->path.remote.addr.family == families[i])
			plan_mark(&p, families[i]);
	for (unsigned i = 0; i < ARRAY_SIZE(families); i++)
		if (has_family(setup, families[i]))
			plan_unreachable(&p, families[i]);
	for (unsigned i = 0; i < setup->n_inner; i++)
		plan_from_inner(&p, &setup->inner[i]);
	for (unsigned i = 0; i < setup->n_inner; i++)
		plan_address(&p, &setup->inner[i]);
	for (unsigned i = 0; i < setup->n_remote; i++)
		plan_route(&p, &setup->remote[i]);
	for (unsigned i = 0; i < setup->n_exclude; i++)
		plan_exclude(&p, i);
	for (unsigned i = 0; i < setup->n_remote; i++)
		plan_protect(&p, i);
	return p.n <= max ? (int)p.n : ERR_NO_ROOM;
}
