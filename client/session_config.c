/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "client/session_impl.h"

/* ---- making a net ---- */

static struct prefix prefix_of(const struct addr *a, uint8_t len)
{
	struct prefix p = { *a, len };
	struct addr hi;

	prefix_range(&p, &p.addr, &hi);
	return p;
}

static struct prefix host(const struct addr *a)
{
	return prefix_of(a, (uint8_t)(8 * family_size(a->family)));
}

static struct prefix everything(enum family family)
{
	return (struct prefix){ .addr = { .family = family } };
}

static bool prefix_eq(const struct prefix *a, const struct prefix *b)
{
	return a->len == b->len && addr_eq(&a->addr, &b->addr);
}

static void prefix_add(struct prefix *list, unsigned *n, unsigned max, const struct prefix *p)
{
	const struct prefix plain = prefix_of(&p->addr, p->len);

	for (unsigned i = 0; i < *n; i++)
		if (prefix_eq(&list[i], &plain))
			return;
	if (*n < max)
		list[(*n)++] = plain;
}

static void rule_add(struct session_net *net, const struct prefix *local,
		     const struct prefix *remote, enum policy_action action, unsigned slot)
{
	const struct ts_pair ts = { ts_from_prefix(local), ts_from_prefix(remote) };

	session_rule_add(net, &ts, action, slot);
}

static void exclude_add(struct session_net *net, const struct prefix *p)
{
	const struct prefix any = everything(p->addr.family);
	unsigned before = net->nexcludes;

	prefix_add(net->excludes, &net->nexcludes, ARRAY_SIZE(net->excludes), p);
	if (net->nexcludes > before)
		rule_add(net, &any, p, POLICY_BYPASS, 0);
}

/* False: there is no room. */
static bool tunnel_add(const struct session *s, struct session_net *net, const struct ts_pair *ts)
{
	int slot = net->nown < SESSION_TUNNELS_MAX ? session_slot_add(s, net, ts, NULL) : -1;

	if (slot >= 0)
		session_rule_add(net, ts, POLICY_PROTECT, (unsigned)slot);
	else
		session_rule_refuse(net, ts);
	return slot >= 0;
}

/* A tunnel from each of our sides to this network, each once. */
static bool tunnels_to(const struct session *s, struct session_net *net,
		       const struct prefix *locals, unsigned nlocals, const struct prefix *remote)
{
	bool room = true;

	for (unsigned i = 0; i < nlocals; i++) {
		const struct ts_pair ts = { ts_from_prefix(&locals[i]), ts_from_prefix(remote) };
		bool there = locals[i].addr.family != remote->addr.family;

		for (unsigned k = 0; k < net->ntunnels; k++)
			there |= !net->slots[k].rule && ts_pair_eq(&net->tunnels[k], &ts);
		room &= there || tunnel_add(s, net, &ts);
	}
	return room;
}

static void log_full(const struct session *s, bool room)
{
	if (!room)
		log_ev(s->log, LOG_WARN,
		       "more networks than tunnels: the last ones are not reached",
		       log_u64("tunnels", SESSION_TUNNELS_MAX));
}

/* ---- what the gateway gives ---- */

static bool has_address(const struct ike_assigned *a)
{
	return addr_is_host(&a->ip4) || addr_is_host(&a->ip6);
}

static bool has_split4(const struct ike_assigned *a)
{
	for (unsigned i = 0; i < a->ninclude; i++)
		if (a->include[i].prefix.addr.family == FAMILY_IP4)
			return true;
	return false;
}

static void inner_add(struct session_net *net, const struct addr *a)
{
	if (addr_is_host(a))
		net->inner[net->ninner++] = *a;
}

static bool covers(const struct prefix *list, unsigned n, const struct addr *a)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i].addr.family == a->family && prefix_contains(&list[i], a))
			return true;
	return false;
}

/* The gateway need not name them among its networks: its selectors let them through. */
static void servers_add(struct session_net *net, const struct prefix *inner,
			const struct addr *servers, unsigned n, unsigned slot)
{
	for (unsigned i = 0; i < n; i++) {
		const struct prefix p = host(&servers[i]);

		if (servers[i].family != FAMILY_IP4 ||
		    covers(net->routes, net->nroutes, &servers[i]) ||
		    covers(net->excludes, net->nexcludes, &servers[i]))
			continue;
		rule_add(net, inner, &p, POLICY_PROTECT, slot);
		prefix_add(net->routes, &net->nroutes, ARRAY_SIZE(net->routes), &p);
	}
}

/* One tunnel for everything, of which Unity's networks alone use it. */
static void net_unity(const struct session *s, struct session_net *net,
		      const struct ike_assigned *a)
{
	const struct prefix inner = host(&a->ip4), all = everything(FAMILY_IP4);
	const struct ts_pair ts = { ts_from_prefix(&inner), ts_from_prefix(&all) };
	unsigned nroutes = net->nroutes;
	int slot = session_slot_add(s, net, &ts, NULL);

	if (slot < 0)
		return;
	net->nroutes = nroutes;
	net->whole = net->split = true;
	for (unsigned i = 0; i < a->ninclude; i++) {
		const struct prefix *p = &a->include[i].prefix;

		if (p->addr.family != FAMILY_IP4)
			continue;
		rule_add(net, &inner, p, POLICY_PROTECT, (unsigned)slot);
		prefix_add(net->routes, &net->nroutes, ARRAY_SIZE(net->routes), p);
	}
	if (!s->config->reach_dns)
		return;
	servers_add(net, &inner, a->dns, a->ndns, (unsigned)slot);
	servers_add(net, &inner, s->config->dns, s->config->ndns, (unsigned)slot);
}

static void net_assigned(const struct session *s, const struct ike_assigned *a,
			 struct session_net *net)
{
	const struct session_config *c = s->config;
	struct prefix locals[SESSION_TUNNELS_MAX];
	unsigned nlocals = 0;
	bool room = true;

	for (unsigned i = 0; i < c->nlocals; i++)
		locals[nlocals++] = c->locals[i];
	for (unsigned i = 0; i < net->ninner && c->nlocals == 0; i++)
		locals[nlocals++] = host(&net->inner[i]);

	for (unsigned i = 0; i < c->nremotes; i++)
		room &= tunnels_to(s, net, locals, nlocals, &c->remotes[i]);
	if (c->nremotes == 0 && a->unity && !s->one_by_one && addr_is_host(&a->ip4) &&
	    has_split4(a))
		net_unity(s, net, a);
	for (unsigned i = 0; i < a->ninclude && c->nremotes == 0; i++)
		if (!net->split || a->include[i].prefix.addr.family == FAMILY_IP6)
			room &= tunnels_to(s, net, locals, nlocals, &a->include[i].prefix);
	log_full(s, room);
	if (net->nown || c->nremotes)
		return;
	net->whole = true;
	for (unsigned i = 0; i < nlocals; i++) {
		const struct prefix all = everything(locals[i].addr.family);

		tunnels_to(s, net, &locals[i], 1, &all);
	}
}

/* A network of which the gateway excludes some ports alone is not excluded: it would leave in clear. */
static void excludes_assigned(struct session_net *net, const struct ike_assigned *a)
{
	for (unsigned i = 0; i < a->nexclude; i++)
		if (!a->exclude[i].proto && !a->exclude[i].sport && !a->exclude[i].dport)
			exclude_add(net, &a->exclude[i].prefix);
}

/* To be freed. a: what the gateway gave, NULL: nothing. */
static struct session_net *net_new(const struct session *s, const struct ike_assigned *a)
{
	const struct session_config *c = s->config;
	struct session_net *net = xcalloc(1, sizeof(*net));

	net->rules.fallback = c->fallback;
	if (!c->address_config) {
		memcpy(net->inner, c->inner, sizeof(c->inner));
		net->ninner = c->ninner;
	} else if (a) {
		inner_add(net, &a->ip4);
		inner_add(net, &a->ip6);
	}
	session_rules_add(s, net);
	for (unsigned i = 0; i < c->nexcludes; i++)
		exclude_add(net, &c->excludes[i]);
	if (!c->address_config) {
		for (unsigned i = 0; i < c->ntunnels; i++)
			tunnel_add(s, net, &c->tunnels[i]);
	} else if (a) {
		excludes_assigned(net, a);
		net_assigned(s, a, net);
	}
	if (net->full)
		log_ev(s->log, LOG_ERROR,
		       "more rules than there is room for: what none of them names is refused",
		       log_u64("rules", POLICY_RULES_MAX), log_u64("tunnels", SESSION_SLOTS_MAX));
	return net;
}

void session_net_init(struct session *s)
{
	struct session_net *net = net_new(s, NULL);

	s->net = *net;
	free(net);
	for (unsigned i = 0; i < s->net.ntunnels; i++)
		session_tunnel_reset(s, i);
}

/* ---- another net ---- */

static bool same_inner(const struct session_net *a, const struct session_net *b)
{
	bool same = a->ninner == b->ninner;

	for (unsigned i = 0; same && i < a->ninner; i++)
		same = addr_eq(&a->inner[i], &b->inner[i]);
	return same;
}

static bool same_prefixes(const struct prefix *a, unsigned na, const struct prefix *b, unsigned nb)
{
	bool same = na == nb;

	for (unsigned i = 0; same && i < na; i++)
		same = prefix_eq(&a[i], &b[i]);
	return same;
}

static unsigned nfixed(const struct session_net *net)
{
	unsigned n = 0;

	for (unsigned i = 0; i < net->ntunnels; i++)
		n += session_slot_is_fixed(net, i);
	return n;
}

static bool has_slot(const struct session_net *net, const struct session_rule *rule,
		     const struct ts_pair *ts)
{
	for (unsigned i = 0; i < net->ntunnels; i++)
		if (session_slot_is_fixed(net, i) && net->slots[i].rule == rule &&
		    ts_pair_eq(&net->tunnels[i], ts))
			return true;
	return false;
}

static bool same_net(const struct session_net *a, const struct session_net *b)
{
	bool same = same_inner(a, b) && nfixed(a) == nfixed(b) &&
		    same_prefixes(a->routes, a->nroutes, b->routes, b->nroutes) &&
		    same_prefixes(a->excludes, a->nexcludes, b->excludes, b->nexcludes);

	for (unsigned i = 0; same && i < a->ntunnels; i++)
		same = !session_slot_is_fixed(a, i) ||
		       has_slot(b, a->slots[i].rule, &a->tunnels[i]);
	return same;
}

/* What there was goes: with other addresses, or to other networks, it is of no use. */
static void net_change(struct session *s, const struct session_net *net, bool goodbye)
{
	if (goodbye)
		session_negotiations_drop(s);
	session_negotiations_end(s);
	session_epochs_retire(s, goodbye);
	for (unsigned i = 0; i < s->net.ntunnels; i++)
		session_refusal_end(s, i);
	s->nwaiting = 0;
	s->turned_away = false;
	if (s->nforgotten < s->net.ntunnels)
		s->nforgotten = s->net.ntunnels;
	s->net = *net;
	for (unsigned i = 0; i < s->net.ntunnels; i++)
		session_tunnel_reset(s, i);
	if (s->nforgotten < s->net.ntunnels)
		s->nforgotten = s->net.ntunnels;
	s->tun_due = s->tun_asked;
	/* What is held for what was there before is told at once that it is not there any more. */
	session_rules_changed(s);
}

static void log_net(const struct session *s)
{
	for (unsigned i = 0; i < s->net.ninner; i++)
		log_ev(s->log, LOG_INFO, "inner address", log_addr("address", &s->net.inner[i]));
}

/* ---- taking it ---- */

static void backups_add(struct session *s, const struct ike_assigned *a)
{
	for (unsigned i = 0; i < a->nbackup && s->nbackup < IKE_BACKUP_MAX; i++) {
		bool there = false;

		for (unsigned k = 0; k < s->config->ngateways; k++)
			there |= strcmp(s->config->gateways[k], a->backup[i]) == 0;
		for (unsigned k = 0; k < s->nbackup; k++)
			there |= strcmp(s->backup[k], a->backup[i]) == 0;
		if (!there)
			snprintf(s->backup[s->nbackup++], sizeof(s->backup[0]), "%s", a->backup[i]);
	}
}

static void keep(struct session *s, const struct ike_assigned *a)
{
	s->assigned = *a;
	s->has_assigned = true;
	s->ike_config.wish.held[0] = a->ip4;
	s->ike_config.wish.held[1] = a->ip6;
	backups_add(s, a);
	if (a->save_password == 0)
		session_user_forget_password(s);
	if (a->banner[0])
		log_ev(s->log, LOG_INFO, "the gateway says", log_str("banner", a->banner));
	if (a->application_version[0])
		log_ev(s->log, LOG_INFO, "the gateway is",
		       log_str("version", a->application_version));
}

static bool same_names(const struct ike_assigned *a, const struct ike_assigned *b)
{
	bool same = a->ndns == b->ndns && a->nsplit_dns == b->nsplit_dns &&
		    strcmp(a->domain, b->domain) == 0;

	for (unsigned i = 0; same && i < a->ndns; i++)
		same = addr_eq(&a->dns[i], &b->dns[i]);
	for (unsigned i = 0; same && i < a->nsplit_dns; i++)
		same = strcmp(a->split_dns[i], b->split_dns[i]) == 0;
	return same;
}

static bool has_names(const struct ike_assigned *a)
{
	return a->ndns || a->nsplit_dns || a->domain[0];
}

/*
 * Servers or domains alone are others. Where it is no new attempt, what says nothing of them takes none away,
 * and servers for which there would have to be other routes wait for one.
 */
static void adopt_names(struct session *s, const struct session_net *net, bool attempt)
{
	if (attempt)
		s->tun_due |= s->tun_asked;
	else if (has_names(&s->assigned) && (!net || same_net(net, &s->net)))
		session_tun_names(s);
}

/* With other addresses, or for a new attempt with other networks, there is something to do. */
static bool adopt(struct session *s, const struct ike_assigned *a, bool attempt)
{
	bool names = !same_names(a, &s->assigned), other = false;
	struct session_net *net = NULL;

	if (s->config->address_config && !has_address(a)) {
		log_ev(s->log, LOG_INFO, "Mode Config without an address");
		return false;
	}
	keep(s, a);
	if (s->config->address_config) {
		net = net_new(s, a);
		other = attempt ? !same_net(net, &s->net) : !same_inner(net, &s->net);
	}
	if (other) {
		net_change(s, net, !attempt);
		log_net(s);
	} else if (names) {
		adopt_names(s, net, attempt);
	}
	free(net);
	return other;
}

void session_config_take(struct session *s, vtime now, struct session_ike *i,
			 const struct ike_assigned *assigned)
{
	i->assigned = assigned;
	if (i->order && s->state == SESSION_UP)
		session_config_use(s, now, i, false);
}

bool session_config_use(struct session *s, vtime now, struct session_ike *i, bool attempt)
{
	static const struct ike_failure nothing = {
		.err = ERR_PEER_REFUSED,
		.during = "Mode Config",
		.text = "the gateway gave no address; has it any left?",
	};
	static const struct ike_failure no_tunnel = {
		.err = ERR_PEER_REFUSED,
		.during = "Mode Config",
		.text = "the gateway gave no address of [tunnel] remote's family",
	};
	const struct ike_assigned *a = i->assigned;
	bool other = a && adopt(s, a, attempt);

	i->assigned = NULL;
	if (attempt && s->net.nown == 0 && s->config->address_config) {
		session_failed_ike(s, now, s->net.ninner ? &no_tunnel : &nothing, false);
		return false;
	}
	if (!other || attempt)
		return true;
	session_reconfigure(s, now, "the gateway has given another address");
	return false;
}

bool session_config_narrow(struct session *s, vtime now)
{
	struct session_net *net;

	bool looking = s->state == SESSION_CONNECTING || s->state == SESSION_RECOVERING;
	bool asked = s->state == SESSION_UP && s->config->on_demand, due = s->tun_due;

	if (!s->net.split || !(asked || (looking && s->step == STEP_SA)))
		return false;
	log_ev(s->log, LOG_WARN,
	       "the gateway does not take one tunnel for everything: its networks "
	       "are tried one by one");
	s->one_by_one = true;
	net = net_new(s, &s->assigned);
	net_change(s, net, true);
	free(net);
	/* The device stays as it is, and the packets that are held ask anew. */
	if (asked)
		s->tun_due = due;
	else
		session_tunnels_begin(s, now);
	return true;
}

/* ---- how ESP travels ---- */

static uint16_t cisco_port(const struct session *s)
{
	return s->assigned.natt_port ? s->assigned.natt_port : s->config->cisco_port;
}

enum encapsulation session_encapsulation(const struct session *s, enum encapsulation agreed)
{
	if (s->config->ike.transport != IKE_TRANSPORT_CISCO_UDP || agreed == ENCAPSULATION_UDP)
		return agreed;
	return cisco_port(s) ? ENCAPSULATION_CISCO_UDP : ENCAPSULATION_ESP;
}

void session_encapsulate(struct session *s, const struct ike_child *child)
{
	bool cisco;

	s->path.encapsulation = session_encapsulation(s, child->encapsulation);
	cisco = s->path.encapsulation == ENCAPSULATION_CISCO_UDP;
	s->path.data_port = cisco ? cisco_port(s) : 0;
}
