/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tun/tun.h"

#include "base/err.h"

#define PROTO_TCP 6
#define PROTO_UDP 17
#define PROTO_ESP 50
#define PROTO_ICMP6 58
#define PORT_IKE 500
#define PORT_DHCP_CLIENT 68
#define PORT_DHCP_SERVER 67
#define PORT_DHCP6_CLIENT 546
#define PORT_DHCP6_SERVER 547

struct plan {
	const struct tun_setup *setup;
	struct tun_state *out;
	unsigned max;
	unsigned n;
	bool full; /* something had no room */
	struct tun_band band;
	uint32_t pref; /* of what is decided now */
	unsigned at; /* where the rules of this preference begin */
};

static void plan_put(struct plan *p, struct tun_state s)
{
	if (p->n < p->max)
		p->out[p->n++] = s;
	else
		p->full = true;
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

static bool is_of(const struct policy_rule *rule, enum policy_action action, enum family f)
{
	return rule->action == action && rule->ts.remote.lo.family == f;
}

static bool protects_family(const struct tun_setup *setup, enum family f)
{
	const struct policy *policy = setup->policy;

	for (unsigned i = 0; policy && i < policy->n; i++)
		if (is_of(&policy->rules[i], POLICY_PROTECT, f))
			return true;
	if (policy)
		return false;
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

/* True when packets of this family may be prohibited. */
static bool discards_family(const struct tun_setup *setup, enum family f)
{
	const struct policy *policy = setup->policy;

	for (unsigned i = 0; policy && i < policy->n; i++)
		if (is_of(&policy->rules[i], POLICY_DISCARD, f))
			return true;
	return policy && policy->fallback == POLICY_DISCARD;
}

static void plan_outer(struct plan *p, uint8_t proto, uint16_t sport, uint16_t dport)
{
	const struct addr *gateway = &p->setup->path.remote.addr;

	plan_put(p, (struct tun_state){
			    .kind = TUN_STATE_RULE,
			    .pref = p->band.outer,
			    .family = gateway->family,
			    .to = host_prefix(gateway),
			    .proto = proto,
			    .sport = { sport, sport },
			    .dport = { dport, dport },
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
			    .pref = p->band.outer,
			    .family = FAMILY_IP4,
			    .from = host_prefix(local),
			    .to = host_prefix(router),
			    .action = TUN_LOOKUP,
			    .table = TUN_TABLE_MAIN,
		    });
}

struct tun_state tun_mark_rule(enum family f, uint32_t mark)
{
	return (struct tun_state){
		.kind = TUN_STATE_RULE,
		.pref = TUN_PREF_FWMARK,
		.family = f,
		.fwmark = mark,
		.action = TUN_LOOKUP,
		.table = TUN_TABLE_MAIN,
	};
}

static void set_ifname(struct tun_state *s, const char *name)
{
	size_t n = strnlen(name, IFNAMSIZ - 1);

	memcpy(s->ifname, name, n);
	s->ifname[n] = '\0';
}

struct tun_state tun_server_rule(const char *ifname, enum family f, uint32_t table)
{
	struct tun_state s = {
		.kind = TUN_STATE_RULE,
		.pref = TUN_PREF_SERVER,
		.family = f,
		.action = TUN_LOOKUP,
		.table = table,
	};

	set_ifname(&s, ifname);
	return s;
}

static struct prefix network_of(const struct prefix *p)
{
	struct prefix network = *p;
	struct addr hi;

	prefix_range(p, &network.addr, &hi);
	return network;
}

struct tun_state tun_server_route(const struct prefix *to, const struct addr *gateway,
				  uint32_t table)
{
	return (struct tun_state){
		.kind = TUN_STATE_ROUTE,
		.action = TUN_UNICAST,
		.to = network_of(to),
		.gateway = *gateway,
		.table = table,
	};
}

/* The band is claimed in IPv4. */
static void plan_band(struct plan *p, enum family f)
{
	struct tun_state s = tun_band_claim(p->setup->band, p->setup->mark);

	s.family = f;
	plan_put(p, s);
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

static void plan_address(struct plan *p, const struct addr *inner)
{
	struct tun_state s = { .kind = TUN_STATE_ADDRESS, .to = host_prefix(inner) };

	set_ifname(&s, p->setup->ifname);
	plan_put(p, s);
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

static bool prefix_sweeps(const struct prefix *a, const struct prefix *b)
{
	return a->len == 0 || (a->len == b->len && addr_eq(&a->addr, &b->addr));
}

static bool ports_sweep(const struct tun_ports *a, const struct tun_ports *b)
{
	return a->hi == 0 || (a->lo == b->lo && a->hi == b->hi);
}

/* True when the kernel, asked to remove a, could remove b: what a has not is not compared. */
static bool sweeps(const struct tun_state *a, const struct tun_state *b)
{
	return a->family == b->family && prefix_sweeps(&a->to, &b->to) &&
	       prefix_sweeps(&a->from, &b->from) && (a->proto == 0 || a->proto == b->proto) &&
	       ports_sweep(&a->sport, &b->sport) && ports_sweep(&a->dport, &b->dport);
}

/* All rules of this preference do the same: one that another one covers is not needed. */
static void plan_merge(struct plan *p, struct tun_state s)
{
	for (unsigned i = p->at; i < p->n; i++)
		if (sweeps(&p->out[i], &s))
			return;
	for (unsigned i = p->n; i-- > p->at;)
		if (sweeps(&s, &p->out[i]))
			p->out[i] = p->out[--p->n];
	s.pref = p->pref;
	plan_put(p, s);
}

static void plan_at(struct plan *p, uint32_t pref)
{
	p->pref = pref;
	p->at = p->n;
}

/* Behind what was decided before; with that where it does the same. */
static void plan_decide(struct plan *p, struct tun_state s)
{
	if (p->at < p->n && p->out[p->at].action != s.action)
		plan_at(p, p->pref + 1);
	p->full |= p->pref >= p->band.end;
	plan_merge(p, s);
}

static void plan_exclude(struct plan *p, unsigned i)
{
	const struct prefix *exclude = &p->setup->exclude[i];

	if (!protects_family(p->setup, exclude->addr.family))
		return;
	plan_decide(p, (struct tun_state){
			       .kind = TUN_STATE_RULE,
			       .family = exclude->addr.family,
			       .to = network_of(exclude),
			       .action = TUN_GOTO,
			       .target = p->band.end,
		       });
}

static void plan_protect(struct plan *p, unsigned i)
{
	const struct prefix *remote = &p->setup->remote[i];

	plan_decide(p, (struct tun_state){
			       .kind = TUN_STATE_RULE,
			       .family = remote->addr.family,
			       .to = network_of(remote),
			       .action = TUN_LOOKUP,
			       .table = p->setup->table,
		       });
}

static void plan_lists(struct plan *p)
{
	for (unsigned i = 0; i < p->setup->n_remote; i++)
		plan_route(p, &p->setup->remote[i]);
	plan_at(p, p->band.first);
	for (unsigned i = 0; i < p->setup->n_exclude; i++)
		plan_exclude(p, i);
	for (unsigned i = 0; i < p->setup->n_remote; i++)
		plan_protect(p, i);
}

/* ---- the SPD ---- */

/* False when there is no next one. */
static bool addr_step(struct addr *a)
{
	for (size_t i = family_size(a->family); i-- > 0;)
		if (++a->b[i] != 0)
			return true;
	return false;
}

/* The largest prefix that begins at `lo` and ends at `hi` at most. */
static struct prefix first_prefix(const struct addr *lo, const struct addr *hi)
{
	struct prefix p = { *lo, 0 };
	struct addr first, last;

	for (;; p.len++) {
		prefix_range(&p, &first, &last);
		if (addr_eq(&first, lo) && addr_cmp(&last, hi) <= 0)
			return p;
	}
}

/* The next of the prefixes that a range of addresses consists of; false at the end. */
static bool range_next(struct addr *lo, const struct addr *hi, struct prefix *out)
{
	struct addr first;

	if (lo->family == FAMILY_NONE || addr_cmp(lo, hi) > 0)
		return false;
	*out = first_prefix(lo, hi);
	prefix_range(out, &first, lo);
	if (!addr_step(lo))
		lo->family = FAMILY_NONE;
	return true;
}

static bool has_route(const struct plan *p, const struct prefix *to)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->out[i].kind == TUN_STATE_ROUTE && p->out[i].action == TUN_UNICAST &&
		    p->out[i].to.len == to->len && addr_eq(&p->out[i].to.addr, &to->addr))
			return true;
	return false;
}

static void plan_rule_routes(struct plan *p, const struct policy_rule *rule)
{
	struct addr lo = rule->ts.remote.lo;
	struct prefix to;

	while (range_next(&lo, &rule->ts.remote.hi, &to))
		if (!has_route(p, &to))
			plan_route(p, &to);
}

/* True when what matches may have no source yet, or our inner one. */
static bool is_from_any(const struct plan *p, const struct policy_rule *rule)
{
	const struct ts *local = &rule->ts.local;
	struct prefix all;

	for (unsigned i = 0; rule->action == POLICY_PROTECT && i < p->setup->n_inner; i++)
		if (ts_contains_addr(local, &p->setup->inner[i]))
			return true;
	return ts_to_prefix(local, &all) && all.len == 0;
}

static struct tun_ports ports_of(const struct ts *ts, enum policy_action action)
{
	if ((ts->port_lo == 0 && ts->port_hi == UINT16_MAX) ||
	    (ts->port_hi == UINT16_MAX && action == POLICY_PROTECT))
		return (struct tun_ports){ 0, 0 };
	return (struct tun_ports){
		ts->port_lo ? ts->port_lo : 1,
		ts->port_hi < UINT16_MAX ? ts->port_hi : UINT16_MAX - 1,
	};
}

static struct tun_state spd_state(const struct plan *p, const struct policy_rule *rule)
{
	struct tun_state s = {
		.kind = TUN_STATE_RULE,
		.family = rule->ts.remote.lo.family,
		.proto = rule->ts.remote.proto ? rule->ts.remote.proto : rule->ts.local.proto,
		.action = TUN_LOOKUP,
	};

	switch (rule->action) {
	case POLICY_PROTECT:
		s.table = p->setup->table;
		break;
	case POLICY_BYPASS:
		s.action = TUN_GOTO;
		s.target = p->band.end;
		break;
	case POLICY_DISCARD:
		s.action = TUN_PROHIBIT;
		break;
	}
	if (s.proto == 0)
		return s;
	s.sport = ports_of(&rule->ts.local, rule->action);
	s.dport = ports_of(&rule->ts.remote, rule->action);
	return s;
}

/* A rule without a port that the kernel knows. */
static bool is_void(const struct tun_ports *ports)
{
	return ports->lo > ports->hi;
}

/* Hands on what the kernel needs for a rule of the SPD. */
static void plan_rule(struct plan *p, const struct policy_rule *rule,
		      void (*put)(struct plan *, struct tun_state))
{
	struct tun_state s = spd_state(p, rule);
	bool from_any = is_from_any(p, rule);
	struct addr local = rule->ts.local.lo, remote;

	if (is_void(&s.sport) || is_void(&s.dport))
		return;
	while (from_any || range_next(&local, &rule->ts.local.hi, &s.from)) {
		remote = rule->ts.remote.lo;
		while (range_next(&remote, &rule->ts.remote.hi, &s.to))
			put(p, s);
		if (from_any)
			break;
	}
}

/* What ends in BYPASS anyhow needs no rule. */
static bool is_needed(const struct policy *policy, unsigned i)
{
	enum family f = policy->rules[i].ts.remote.lo.family;

	for (; i < policy->n; i++)
		if (policy->rules[i].action != POLICY_BYPASS &&
		    policy->rules[i].ts.remote.lo.family == f)
			return true;
	return policy->fallback == POLICY_DISCARD;
}

/* In the last zone, what is discarded unless the rule says otherwise. */
static void plan_pass(struct plan *p, struct tun_state s)
{
	s.action = TUN_GOTO;
	s.target = p->band.over;
	plan_merge(p, s);
}

static void plan_link(struct plan *p, const char *to, uint8_t proto, uint16_t sport, uint16_t dport)
{
	struct tun_state s = {
		.kind = TUN_STATE_RULE,
		.proto = proto,
		.sport = { sport, sport },
		.dport = { dport, dport },
	};

	prefix_parse(to, &s.to);
	s.family = s.to.addr.family;
	plan_pass(p, s);
}

static void plan_refuse(struct plan *p, enum family f)
{
	plan_put(p, (struct tun_state){
			    .kind = TUN_STATE_RULE,
			    .pref = p->band.refuse,
			    .family = f,
			    .action = TUN_PROHIBIT,
		    });
}

static void plan_over(struct plan *p, enum family f)
{
	plan_put(p, (struct tun_state){
			    .kind = TUN_STATE_RULE,
			    .pref = p->band.over,
			    .family = f,
			    .fwmark = p->setup->mark,
			    .action = TUN_NOP,
		    });
}

/*
 * What no connection has decided. Neighbour discovery of the kernel asks no rule, that of programs
 * does; multicast is local.
 */
static void plan_last(struct plan *p)
{
	const struct policy *policy = p->setup->policy;

	plan_over(p, FAMILY_IP4);
	plan_over(p, FAMILY_IP6);
	plan_at(p, p->band.pass);
	for (unsigned i = 0; i < policy->n; i++)
		if (policy->rules[i].action == POLICY_BYPASS)
			plan_rule(p, &policy->rules[i], plan_pass);
	plan_link(p, "0.0.0.0/0", PROTO_UDP, PORT_DHCP_CLIENT, PORT_DHCP_SERVER);
	plan_link(p, "::/0", PROTO_UDP, PORT_DHCP6_CLIENT, PORT_DHCP6_SERVER);
	plan_link(p, "fe80::/10", PROTO_ICMP6, 0, 0);
	plan_refuse(p, FAMILY_IP4);
	plan_refuse(p, FAMILY_IP6);
}

static void plan_policy(struct plan *p)
{
	const struct policy *policy = p->setup->policy;

	for (unsigned i = 0; i < policy->n; i++)
		if (policy->rules[i].action == POLICY_PROTECT)
			plan_rule_routes(p, &policy->rules[i]);
	plan_at(p, p->band.first);
	for (unsigned i = 0; i < policy->n; i++)
		if (is_needed(policy, i))
			plan_rule(p, &policy->rules[i], plan_decide);
	if (policy->fallback == POLICY_DISCARD)
		plan_last(p);
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
	    setup->n_inner > TUN_INNER_MAX || setup->band >= TUN_BANDS)
		return ERR_NO_ROOM;
	p.band = tun_band_of(setup->band);
	plan_path(&p);
	plan_router(&p);
	for (unsigned i = 0; i < ARRAY_SIZE(families); i++)
		plan_put(&p, tun_mark_rule(families[i], setup->mark));
	for (unsigned i = 0; i < ARRAY_SIZE(families); i++)
		if (families[i] == FAMILY_IP4 || has_family(setup, families[i]) ||
		    discards_family(setup, families[i]))
			plan_band(&p, families[i]);
	for (unsigned i = 0; i < ARRAY_SIZE(families); i++)
		if (has_family(setup, families[i]))
			plan_unreachable(&p, families[i]);
	for (unsigned i = 0; i < setup->n_inner; i++)
		plan_from_inner(&p, &setup->inner[i]);
	for (unsigned i = 0; i < setup->n_inner; i++)
		plan_address(&p, &setup->inner[i]);
	if (setup->policy)
		plan_policy(&p);
	else
		plan_lists(&p);
	return p.full ? ERR_NO_ROOM : (int)p.n;
}
