/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/session_impl.h"

/* ---- one ---- */

void session_rule_add(struct session_net *net, const struct ts_pair *ts, enum policy_action action,
		      unsigned slot)
{
	const struct policy_rule rule = {
		.ts = *ts,
		.action = action,
		.slot = slot,
		.granularity = action == POLICY_PROTECT ? net->slots[slot].granularity :
							  GRANULARITY_RULE,
	};

	if (policy_add(&net->rules, &rule))
		return;
	/* What the missing ones would have protected must not go in clear. */
	net->full = true;
	net->rules.fallback = POLICY_DISCARD;
}

/* From anywhere: who has no address yet would otherwise go by a rule that follows. */
void session_rule_refuse(struct session_net *net, const struct ts_pair *ts)
{
	const struct prefix all = { .addr.family = ts->remote.lo.family };
	struct ts_pair refused = { ts_from_prefix(&all), ts->remote };

	refused.local.proto = ts->local.proto;
	session_rule_add(net, &refused, POLICY_DISCARD, 0);
}

static bool is_whole_prefix(const struct ts *t, struct prefix *out)
{
	return t->proto == 0 && t->port_lo == 0 && t->port_hi == UINT16_MAX && ts_to_prefix(t, out);
}

void session_route_add(struct session_net *net, const struct ts *remote)
{
	struct prefix p;

	if (!is_whole_prefix(remote, &p))
		return;
	for (unsigned i = 0; i < net->nroutes; i++)
		if (net->routes[i].len == p.len && addr_eq(&net->routes[i].addr, &p.addr))
			return;
	if (net->nroutes < ARRAY_SIZE(net->routes))
		net->routes[net->nroutes++] = p;
}

int session_slot_add(const struct session *s, struct session_net *net, const struct ts_pair *ts,
		     const struct session_rule *rule)
{
	unsigned slot = net->ntunnels;
	struct session_slot *at = &net->slots[slot];

	if (slot == SESSION_SLOTS_MAX)
		return -1;
	*at = (struct session_slot){
		.used = true,
		.on_demand = rule || s->config->on_demand,
		.rule = rule,
	};
	if (rule)
		at->granularity = s->granularity[rule - s->config->rules];
	net->tunnels[slot] = *ts;
	net->nfixed = ++net->ntunnels;
	net->nown += !rule;
	session_route_add(net, &ts->remote);
	return (int)slot;
}

/* ---- what is configured ---- */

static void pair_add(const struct session *s, struct session_net *net,
		     const struct session_rule *rule, const struct ts_pair *ts)
{
	int slot = 0;

	if (rule->action == POLICY_PROTECT)
		slot = session_slot_add(s, net, ts, rule);
	if (slot >= 0) {
		session_rule_add(net, ts, rule->action, (unsigned)slot);
		return;
	}
	net->full = true;
	net->rules.fallback = POLICY_DISCARD;
	session_rule_refuse(net, ts);
}

/* The same from each of our inner addresses of that family; refused where there is none. */
static void pair_add_inner(const struct session *s, struct session_net *net,
			   const struct session_rule *rule, const struct ts_pair *ts)
{
	bool any = false;

	for (unsigned i = 0; i < net->ninner; i++) {
		struct ts_pair from = *ts;

		if (net->inner[i].family != ts->remote.lo.family)
			continue;
		from.local.lo = from.local.hi = net->inner[i];
		pair_add(s, net, rule, &from);
		any = true;
	}
	/* What is to be protected and cannot be must not go in the clear. */
	if (!any)
		session_rule_add(net, ts, POLICY_DISCARD, 0);
}

void session_rules_add(const struct session *s, struct session_net *net)
{
	const struct session_config *c = s->config;

	for (unsigned i = 0; i < c->nrules; i++) {
		const struct session_rule *rule = &c->rules[i];
		struct ts_pair ts[SESSION_RULE_TS_MAX];
		unsigned n = session_rule_pairs(s, rule, ts, &net->full);

		for (unsigned k = 0; k < n; k++) {
			if (rule->local_inner)
				pair_add_inner(s, net, rule, &ts[k]);
			else
				pair_add(s, net, rule, &ts[k]);
		}
	}
	if (net->full)
		net->rules.fallback = POLICY_DISCARD;
	net->nconfigured = net->rules.n;
}

/* ---- what a slot says ---- */

bool session_slot_is_fixed(const struct session_net *net, unsigned slot)
{
	return net->slots[slot].used && !net->slots[slot].made;
}

const struct ike_child_config *session_slot_child(const struct session *s, unsigned slot)
{
	const struct session_rule *rule = s->net.slots[slot].rule;

	return rule ? &rule->child : &s->config->child;
}

vtime session_slot_idle_close(const struct session *s, unsigned slot)
{
	const struct session_rule *rule = s->net.slots[slot].rule;

	return rule ? rule->idle_close : s->config->idle_close;
}

static bool has_any_port(const struct ts *t)
{
	return t->port_lo == 0 && t->port_hi == UINT16_MAX;
}

static void offer_ports(struct ts *t)
{
	if (t->port_lo == t->port_hi)
		return;
	t->port_lo = 0;
	t->port_hi = UINT16_MAX;
}

struct ts_pair session_ts_offer(const struct ts_pair *ts)
{
	struct ts_pair offer = *ts;

	offer_ports(&offer.local);
	offer_ports(&offer.remote);
	return offer;
}

static void use_ports(struct ts *t, const struct ts *ours)
{
	if (!has_any_port(t) || has_any_port(ours))
		return;
	t->port_lo = ours->port_lo;
	t->port_hi = ours->port_hi;
}

struct ts_pair session_ts_use(const struct ts_pair *ts, const struct ts_pair *agreed)
{
	struct ts_pair use = *agreed;

	use_ports(&use.local, &ts->local);
	use_ports(&use.remote, &ts->remote);
	return use;
}

void session_ask_anew(struct session *s, unsigned slot)
{
	struct session_effect *fx = session_effect_add(s, SESSION_EFFECT_REFUSE_SLOT);

	fx->refuse.slot = slot;
	fx->refuse.until = s->tunnels[slot].refused_until;
}

/* Behind the rules: who asks by the old ones is not heard, and would wait for ever. */
void session_rules_publish(struct session *s)
{
	s->rules_due = false;
	session_effect_add(s, SESSION_EFFECT_PUBLISH_RULES)->rules = policy_view(&s->net.rules);
	for (unsigned i = 0; i < s->nforgotten; i++)
		session_ask_anew(s, i);
	s->nforgotten = 0;
}

void session_rules_changed(struct session *s)
{
	/* Until the device is there, nobody sends. */
	s->rules_due = s->tun_asked;
}
