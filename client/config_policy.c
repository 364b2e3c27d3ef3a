/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/config_impl.h"

#include <errno.h>

#include "net/net.h"

#define PROTO_TCP 6
#define PROTO_UDP 17
#define PROTO_SCTP 132
#define PROTO_UDPLITE 136

/* One side's addresses and names, "any" taken apart. */
struct side {
	unsigned n;
	struct {
		struct prefix prefix;
		unsigned name; /* from 1, in config->names; 0: it is a prefix */
	} list[POLICY_LIST_MAX];
};

static struct policy_draft *policy_at_hand(struct config_reader *r)
{
	return &r->draft.policies[r->draft.policy];
}

static struct config_place here(const struct config_reader *r, const char *key)
{
	struct config_place at = config_value_place(r, "policy", key, 0);

	return at.line ? at : r->policy_at[r->draft.policy];
}

/* ---- addresses ---- */

static void side_add(struct side *s, const struct prefix *p)
{
	struct prefix *to = &s->list[s->n++].prefix;
	struct addr hi;

	*to = *p;
	prefix_range(p, &to->addr, &hi);
}

static void warn_of_host_bits(struct config_reader *r, struct config_place at, const char *key,
			      const struct prefix *p)
{
	char text[PREFIX_TEXT_MAX], other[PREFIX_TEXT_MAX];
	struct prefix network = *p;
	struct addr hi;

	prefix_range(p, &network.addr, &hi);
	if (!addr_eq(&network.addr, &p->addr))
		config_warn(r, at, "[policy %s] %s = %s is taken as %s", policy_at_hand(r)->name,
			    key, prefix_text(p, text), prefix_text(&network, other));
}

static void look_up(struct config_reader *r, const char *key, struct config_place at, unsigned i)
{
	struct session_config *s = &r->draft.config->session;
	struct session_addrs *to = &s->named[i];
	int n = net_resolve(s->names[i], to->list, ARRAY_SIZE(to->list));

	to->n = n > 0 ? (unsigned)n : 0;
	if (n <= 0)
		config_complain(r, at, "[policy %s] %s = %s: the name cannot be looked up: %s",
				policy_at_hand(r)->name, key, s->names[i],
				n == 0		 ? "there is none" :
				n == ERR_TIMEOUT ? "the name servers do not answer" :
						   strerror(errno));
}

/* Its number, from 1. What it stands for now counts until it is looked up again. */
static unsigned name_number(struct config_reader *r, const char *key, struct config_place at,
			    const struct slice *text)
{
	struct session_config *s = &r->draft.config->session;
	char name[SESSION_NAME_MAX];

	snprintf(name, sizeof(name), "%.*s", (int)text->n, (const char *)text->p);
	for (unsigned i = 0; i < s->nnames; i++)
		if (strcmp(s->names[i], name) == 0)
			return i + 1;
	if (s->nnames == SESSION_NAMES_MAX) {
		config_complain(r, at, "[policy %s] %s = %s: there can be %d names in all rules",
				policy_at_hand(r)->name, key, name, SESSION_NAMES_MAX);
		return 0;
	}
	memcpy(s->names[s->nnames++], name, sizeof(name));
	if (r->source->fetch)
		look_up(r, key, at, s->nnames - 1);
	return s->nnames;
}

static struct side side_of(struct config_reader *r, const char *key,
			   const struct policy_hosts *hosts)
{
	static const struct prefix all[] = { { .addr.family = FAMILY_IP4 },
					     { .addr.family = FAMILY_IP6 } };
	struct side s = { 0 };

	for (unsigned i = 0; i < ARRAY_SIZE(all) && hosts->n == 0; i++)
		side_add(&s, &all[i]);
	for (unsigned i = 0; i < hosts->n; i++) {
		const struct prefix *p = &hosts->list[i].prefix;

		if (p->addr.family == FAMILY_NONE) {
			struct config_place at =
				config_value_place(r, "policy", key, hosts->list[i].at);
			unsigned name = name_number(r, key, at, &hosts->list[i].name);

			if (name)
				s.list[s.n++].name = name;
			continue;
		}
		warn_of_host_bits(r, config_value_place(r, "policy", key, hosts->list[i].at), key,
				  p);
		side_add(&s, p);
	}
	return s;
}

static bool has_names(const struct policy_hosts *hosts)
{
	for (unsigned i = 0; i < hosts->n; i++)
		if (hosts->list[i].prefix.addr.family == FAMILY_NONE)
			return true;
	return false;
}

/* ---- selectors ---- */

static struct ts selector(const struct prefix *p, uint8_t proto, const struct policy_ports *ports,
			  unsigned i)
{
	struct ts ts = ts_from_prefix(p);

	ts.proto = proto;
	if (ports->n == 0)
		return ts;
	ts.port_lo = ports->list[i].lo;
	ts.port_hi = ports->list[i].hi;
	return ts;
}

static bool pattern_add(struct config_reader *r, struct session_rule *rule,
			const struct session_pattern *p)
{
	bool fixed = !p->local && !p->remote;

	if (fixed && p->ts.local.lo.family != p->ts.remote.lo.family)
		return true;
	if (rule->npatterns == ARRAY_SIZE(rule->patterns) ||
	    !session_pattern_expand(p, r->draft.config->session.named, rule->ts, &rule->nts)) {
		config_complain(r, r->policy_at[r->draft.policy],
				"[policy %s] comes to more than %d pairs of addresses, protocols "
				"and ports; take prefixes and ranges, or several rules",
				rule->name, SESSION_RULE_TS_MAX);
		return false;
	}
	rule->patterns[rule->npatterns++] = *p;
	return true;
}

/* Every port with every port: `p` has the names. False when there is no room. */
static bool expand_ports(struct config_reader *r, struct session_rule *rule,
			 struct session_pattern p, const struct prefix *local,
			 const struct prefix *remote, uint8_t proto)
{
	const struct policy_draft *d = policy_at_hand(r);

	for (unsigned i = 0; i < (d->source_port.n ? d->source_port.n : 1); i++) {
		for (unsigned k = 0; k < (d->port.n ? d->port.n : 1); k++) {
			p.ts.local = selector(local, proto, &d->source_port, i);
			p.ts.remote = selector(remote, proto, &d->port, k);
			if (!pattern_add(r, rule, &p))
				return false;
		}
	}
	return true;
}

/* Every address of a family with every other of it, for each of its protocols. */
static void expand(struct config_reader *r, struct session_rule *rule)
{
	const struct policy_draft *p = policy_at_hand(r);
	struct side local = side_of(r, "source", &p->source);
	struct side remote = side_of(r, "destination", &p->destination);
	bool named = has_names(&p->source) || has_names(&p->destination);
	unsigned n = p->protocol.n ? p->protocol.n : 1;

	for (unsigned i = 0; i < local.n * remote.n * n; i++) {
		unsigned a = i / n / remote.n, b = i / n % remote.n;
		const struct session_pattern names = { .local = local.list[a].name,
						       .remote = remote.list[b].name };

		if (!expand_ports(r, rule, names, &local.list[a].prefix, &remote.list[b].prefix,
				  p->protocol.n ? p->protocol.list[i % n] : 0))
			break;
	}
	if (!named)
		rule->npatterns = 0;
	if (rule->nts == 0 && !named)
		config_complain(r, here(r, "destination"),
				"[policy %s] fits nothing: source, destination and protocol are of "
				"different families, IPv4 and IPv6",
				rule->name);
}

static void check_ports(struct config_reader *r)
{
	const struct policy_draft *p = policy_at_hand(r);
	const char *key = p->port.n ? "port" : "source-port";
	bool have = p->protocol.n > 0;

	for (unsigned i = 0; i < p->protocol.n; i++) {
		uint8_t proto = p->protocol.list[i];

		have &= proto == PROTO_TCP || proto == PROTO_UDP || proto == PROTO_SCTP ||
			proto == PROTO_UDPLITE;
	}
	if ((p->port.n || p->source_port.n) && !have)
		config_complain(r, here(r, key),
				"[policy %s] %s needs a protocol that has ports: set protocol to "
				"tcp, udp, or both",
				p->name, key);
	else if (p->source_port.n)
		config_warn(r, here(r, "source-port"),
			    "[policy %s] source-port: the kernel knows the port only of programs "
			    "that have bound it, as servers do; packets of others go by the rules "
			    "behind this one",
			    p->name);
}

/* ---- PROTECT ---- */

static void check_keys(struct config_reader *r, const struct session_rule *rule)
{
	static const char *const protect[] = { "granularity", "proposals", "pfs", "keylife",
					       "idle-close",  "max-sas",   NULL };

	for (unsigned i = 0; protect[i] && rule->action != POLICY_PROTECT; i++)
		if (config_is_set(r, "policy", protect[i]))
			config_complain(r, config_key_place(r, "policy", protect[i]),
					"[policy %s] %s is only for action = protect", rule->name,
					protect[i]);
	if (rule->action == POLICY_PROTECT && rule->granularity == GRANULARITY_RULE &&
	    config_is_set(r, "policy", "max-sas"))
		config_complain(r, config_key_place(r, "policy", "max-sas"),
				"[policy %s] max-sas is only for granularity = host or flow",
				rule->name);
}

static void check_weak(struct config_reader *r, const struct ike_child_config *child)
{
	const struct policy_draft *p = policy_at_hand(r);
	char weak[IKE_WEAK_MAX], name[48];

	for (unsigned i = 0; i < p->child.nsuites && !r->draft.allow_weak_esp; i++)
		if (esp_suite_weak(&p->child.suites[i], weak)[0])
			config_complain(r,
					config_value_place(r, "policy", "proposals", p->esp_at[i]),
					"[policy %s] %s is weak (%s); take it out, or set "
					"allow-weak = yes in [esp]",
					p->name, esp_suite_name(&p->child.suites[i], name), weak);
	if (!r->draft.allow_weak_esp && dh_group_is_weak(child->pfs) &&
	    (p->pfs == PFS_GROUP || p->proposed_group))
		config_complain(r, here(r, "pfs"),
				"[policy %s] the group for PFS is weak (%s); take it out, or set "
				"allow-weak = yes in [esp]",
				p->name, dh_group_name(child->pfs));
}

/* What the rule does not say is as [esp] says. */
static void settle_child(struct config_reader *r, struct session_rule *rule)
{
	const struct policy_draft *p = policy_at_hand(r);
	const struct session_config *s = &r->draft.config->session;
	bool pfs = config_is_set(r, "policy", "pfs");

	rule->child = s->child;
	rule->pfs_as_phase1 = s->pfs_as_phase1;
	if (p->child.keylife_s)
		rule->child.keylife_s = p->child.keylife_s;
	if (p->child.nsuites) {
		memcpy(rule->child.suites, p->child.suites, sizeof(p->child.suites));
		rule->child.nsuites = p->child.nsuites;
	}
	if (p->proposed_group || (pfs && p->pfs != PFS_AS_PROPOSED)) {
		rule->pfs_as_phase1 = false;
		rule->child.pfs = !pfs || p->pfs == PFS_AS_PROPOSED ? p->proposed_group :
				  p->pfs == PFS_GROUP		    ? p->pfs_group :
								      DH_NONE;
	} else if (pfs) {
		rule->pfs_as_phase1 = true;
		rule->child.pfs = s->ike.suites[0].group;
	}
	if (p->proposed_group && p->proposed_group != rule->child.pfs)
		config_complain(r, here(r, "pfs"),
				"[policy %s] pfs does not fit the group %s in proposals; remove "
				"one of them",
				p->name, dh_group_name(p->proposed_group));
	check_weak(r, &rule->child);
}

static bool has_inner(const struct session_config *s, enum family family)
{
	for (unsigned i = 0; i < s->ninner; i++)
		if (s->inner[i].family == family)
			return true;
	return false;
}

/* With addresses of our own it is known which family cannot be carried. */
static void check_family(struct config_reader *r, const struct session_rule *rule)
{
	const struct session_config *s = &r->draft.config->session;

	for (unsigned i = 0; i < rule->nts && !s->address_config; i++) {
		enum family f = rule->ts[i].remote.lo.family;

		if (has_inner(s, f))
			continue;
		if (policy_at_hand(r)->destination.n)
			config_complain(
				r, here(r, "destination"),
				"[policy %s] our side has no IPv%d; add an IPv%d address to "
				"[tunnel] address",
				rule->name, (int)f, (int)f);
		else
			config_warn(r, r->policy_at[r->draft.policy],
				    "[policy %s] IPv%d is refused: [tunnel] address has none",
				    rule->name, (int)f);
		return;
	}
}

static void settle_protect(struct config_reader *r, struct session_rule *rule)
{
	const struct policy_draft *p = policy_at_hand(r);

	rule->granularity = p->granularity;
	rule->idle_close = p->idle_close;
	rule->max_sas = p->max_sas;
	rule->local_inner = p->source.n == 0;
	settle_child(r, rule);
	check_family(r, rule);
}

/* ---- rules beside one another ---- */

static bool pair_covers(const struct ts_pair *a, const struct ts_pair *b)
{
	return ts_covers(&a->local, &b->local) && ts_covers(&a->remote, &b->remote);
}

/* True when one of the selectors of `before` takes all that this one names. */
static bool is_taken(const struct session_rule *before, const struct ts_pair *ts)
{
	for (unsigned i = 0; i < before->nts; i++)
		if (pair_covers(&before->ts[i], ts))
			return true;
	return false;
}

static bool is_taken_whole(const struct session_rule *before, const struct session_rule *rule)
{
	for (unsigned i = 0; i < rule->nts; i++)
		if (!is_taken(before, &rule->ts[i]))
			return false;
	return rule->nts > 0;
}

/* The port that quick mode can say. */
static uint16_t wire_port(const struct ts *ts)
{
	return ts->port_lo == ts->port_hi ? ts->port_lo : 0;
}

static bool same_on_wire(const struct ts *a, const struct ts *b)
{
	return addr_eq(&a->lo, &b->lo) && addr_eq(&a->hi, &b->hi) && a->proto == b->proto &&
	       wire_port(a) == wire_port(b);
}

/*
 * IKEv1 has one port or all of them (RFC 2407 section 4.6.2): two tunnels that differ in ranges
 * alone would be one to the gateway, and each would take the other's place.
 */
static void check_wire(struct config_reader *r, const struct session_rule *before,
		       unsigned n_before, const struct session_rule *rule, const struct ts_pair *ts)
{
	for (unsigned i = 0; i < n_before; i++) {
		const struct ts_pair *other = &before->ts[i];

		if (before->granularity != GRANULARITY_RULE ||
		    rule->granularity != GRANULARITY_RULE || pair_covers(other, ts) ||
		    !same_on_wire(&other->local, &ts->local) ||
		    !same_on_wire(&other->remote, &ts->remote))
			continue;
		config_complain(
			r, here(r, "port"),
			"[policy %s] IKEv1 has no ranges of ports: to the gateway this "
			"tunnel is the same as another one of [policy %s]; put one range in "
			"place of both, or single ports",
			rule->name, before->name);
		return;
	}
}

static void check_order(struct config_reader *r, const struct session_rule *rule)
{
	const struct session_config *s = &r->draft.config->session;

	for (const struct session_rule *before = s->rules; before < rule; before++) {
		if (is_taken_whole(before, rule)) {
			config_warn(
				r, r->policy_at[r->draft.policy],
				"[policy %s] is never reached: [policy %s] comes first and takes "
				"all of it",
				rule->name, before->name);
			return;
		}
	}
	for (const struct session_rule *before = s->rules;
	     rule->action == POLICY_PROTECT && before <= rule; before++)
		for (unsigned i = 0; i < rule->nts && before->action == POLICY_PROTECT; i++)
			check_wire(r, before, before == rule ? i : before->nts, rule, &rule->ts[i]);
}

/* What a rule for BYPASS need not, or cannot, do. */
static void check_bypass(struct config_reader *r, const struct session_rule *rule)
{
	const struct session_config *s = &r->draft.config->session;
	struct addr gateway;

	for (unsigned i = 0; i < rule->nts; i++) {
		const struct ts *remote = &rule->ts[i].remote, *local = &rule->ts[i].local;

		for (unsigned k = 0; k < s->ngateways; k++)
			if (addr_parse(s->gateways[k], &gateway) &&
			    addr_eq(&remote->lo, &gateway) && addr_eq(&remote->hi, &gateway))
				config_warn(r, here(r, "destination"),
					    "[policy %s] the tunnel's own packets to the gateway "
					    "need no rule; this one is for other programs",
					    rule->name);
		for (unsigned k = 0; k < s->ninner; k++)
			if (addr_eq(&local->lo, &s->inner[k]) && addr_eq(&local->hi, &s->inner[k]))
				config_warn(r, here(r, "source"),
					    "[policy %s] our address in the tunnel never leaves in "
					    "the clear: what has it is refused",
					    rule->name);
	}
}

static void settle_policy(struct config_reader *r)
{
	const struct policy_draft *p = policy_at_hand(r);
	struct session_config *s = &r->draft.config->session;
	struct session_rule *rule = &s->rules[s->nrules++];

	memcpy(rule->name, p->name, sizeof(rule->name));
	if (!config_is_set(r, "policy", "action")) {
		config_complain(
			r, r->policy_at[r->draft.policy],
			"[policy %s] action is missing; expected protect, bypass or discard",
			p->name);
		return;
	}
	rule->action = p->action;
	check_ports(r);
	expand(r, rule);
	if (rule->action == POLICY_PROTECT)
		settle_protect(r, rule);
	else if (rule->action == POLICY_BYPASS)
		check_bypass(r, rule);
	check_keys(r, rule);
	check_order(r, rule);
}

/* ---- the rest ---- */

/* `routes = script` leaves the kernel to the script, which knows of none of this. */
static void check_script(struct config_reader *r)
{
	const struct config_draft *d = &r->draft;

	if (d->routes != ROUTES_SCRIPT)
		return;
	if (d->npolicies)
		config_complain(r, r->policy_at[0],
				"[policy %s] needs [tunnel] routes = own: a script sets no rules",
				d->policies[0].name);
	if (d->config->session.fallback == POLICY_DISCARD)
		config_complain(r,
				config_key_place(r, "tunnel",
						 d->fail_closed ? "fail-closed" : "default"),
				"[tunnel] %s needs [tunnel] routes = own: a script refuses nothing",
				d->fail_closed ? "fail-closed = yes" : "default = discard");
}

static void settle_fallback(struct config_reader *r)
{
	const struct config_draft *d = &r->draft;
	struct session_config *s = &d->config->session;
	bool discard = d->fallback == 1;

	s->fallback = discard || d->fail_closed ? POLICY_DISCARD : POLICY_BYPASS;
	s->on_demand = d->start == 1;
	if (d->fail_closed && !discard && config_is_set(r, "tunnel", "default"))
		config_complain(r, config_value_place(r, "tunnel", "default", 0),
				"[tunnel] default = bypass and fail-closed = yes cannot both be; "
				"remove one of them");
}

static void check_room(struct config_reader *r)
{
	const struct session_config *s = &r->draft.config->session;
	unsigned n = s->ntunnels;

	for (unsigned i = 0; i < s->nrules; i++)
		if (s->rules[i].action == POLICY_PROTECT)
			n += s->rules[i].nts;
	if (n > SESSION_TUNNELS_MAX)
		config_complain(r, CONFIG_NOWHERE,
				"the rules for protect and [tunnel] come to %u tunnels; there can "
				"be %d",
				n, SESSION_TUNNELS_MAX);
}

void config_settle_policies(struct config_reader *r)
{
	struct config_draft *d = &r->draft;

	settle_fallback(r);
	for (d->policy = 0; d->policy < d->npolicies; d->policy++)
		settle_policy(r);
	d->policy = 0;
	check_script(r);
	check_room(r);
}
