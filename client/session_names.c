/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "client/session_impl.h"

#define PROTO_ICMP 1
#define PROTO_IGMP 2
#define PROTO_ICMP6 58

#define ADDRS_TEXT_MAX (SESSION_NAME_ADDRS_MAX * (ADDR_TEXT_MAX + 1))

/* ---- from names to selectors ---- */

static bool proto_is_of(uint8_t proto, enum family f)
{
	if (proto == PROTO_ICMP || proto == PROTO_IGMP)
		return f == FAMILY_IP4;
	return proto != PROTO_ICMP6 || f == FAMILY_IP6;
}

static bool pair_append(const struct ts_pair *ts, struct ts_pair out[SESSION_RULE_TS_MAX],
			unsigned *n)
{
	if (ts->local.lo.family != ts->remote.lo.family ||
	    !proto_is_of(ts->remote.proto, ts->remote.lo.family))
		return true;
	for (unsigned i = 0; i < *n; i++)
		if (ts_pair_eq(&out[i], ts))
			return true;
	if (*n == SESSION_RULE_TS_MAX)
		return false;
	out[(*n)++] = *ts;
	return true;
}

static unsigned choices(const struct session_addrs *named, unsigned name)
{
	return name ? named[name - 1].n : 1;
}

static void fill(struct ts *ts, const struct session_addrs *named, unsigned name, unsigned i)
{
	if (name)
		ts->lo = ts->hi = named[name - 1].list[i];
}

bool session_pattern_expand(const struct session_pattern *p, const struct session_addrs *named,
			    struct ts_pair out[SESSION_RULE_TS_MAX], unsigned *n)
{
	for (unsigned i = 0; i < choices(named, p->local); i++) {
		for (unsigned k = 0; k < choices(named, p->remote); k++) {
			struct ts_pair ts = p->ts;

			fill(&ts.local, named, p->local, i);
			fill(&ts.remote, named, p->remote, k);
			if (!pair_append(&ts, out, n))
				return false;
		}
	}
	return true;
}

unsigned session_rule_pairs(const struct session *s, const struct session_rule *rule,
			    struct ts_pair out[SESSION_RULE_TS_MAX], bool *full)
{
	unsigned n = 0;

	if (rule->npatterns == 0) {
		memcpy(out, rule->ts, rule->nts * sizeof(out[0]));
		return rule->nts;
	}
	for (unsigned i = 0; i < rule->npatterns; i++)
		if (!session_pattern_expand(&rule->patterns[i], s->named, out, &n))
			*full = true;
	return n;
}

/* ---- what a name may stand for ---- */

static bool is_gateway(const struct session *s, const struct addr *a)
{
	struct addr gateway;

	for (unsigned i = 0; i < s->config->ngateways; i++)
		if (addr_parse(s->config->gateways[i], &gateway) && addr_eq(&gateway, a))
			return true;
	return addr_eq(&s->path.remote.addr, a);
}

/* In order and each once, so that two sets can be compared. */
static void addrs_add(struct session_addrs *set, const struct addr *a)
{
	unsigned at = 0;

	while (at < set->n && addr_cmp(&set->list[at], a) < 0)
		at++;
	if (set->n == ARRAY_SIZE(set->list) || (at < set->n && addr_eq(&set->list[at], a)))
		return;
	memmove(set->list + at + 1, set->list + at, (set->n - at) * sizeof(set->list[0]));
	set->list[at] = *a;
	set->n++;
}

static bool addrs_eq(const struct session_addrs *a, const struct session_addrs *b)
{
	bool same = a->n == b->n;

	for (unsigned i = 0; same && i < a->n; i++)
		same = addr_eq(&a->list[i], &b->list[i]);
	return same;
}

/* A rule for the gateway's own address would catch the tunnel itself. */
static struct session_addrs usable(const struct session *s, const struct addr *list, unsigned n)
{
	struct session_addrs set = { .n = 0 };

	for (unsigned i = 0; i < n; i++)
		if (addr_is_host(&list[i]) && !is_gateway(s, &list[i]))
			addrs_add(&set, &list[i]);
	return set;
}

void session_names_init(struct session *s)
{
	const struct session_config *c = s->config;

	for (unsigned i = 0; i < c->nnames; i++)
		s->named[i] = usable(s, c->named[i].list, c->named[i].n);
}

/* ---- other rules ---- */

/* What the rules are to be, and where: `place` for each slot of it, -1 for one that is new. */
struct plan {
	struct session_net net;
	int place[SESSION_SLOTS_MAX];
	bool kept[SESSION_SLOTS_MAX];
};

static bool is_of_rule(const struct session *s, unsigned slot)
{
	return session_slot_is_fixed(&s->net, slot) && s->net.slots[slot].rule;
}

static int slot_like(const struct session *s, const struct session_rule *rule,
		     const struct ts_pair *ts)
{
	for (unsigned i = 0; i < s->net.ntunnels; i++)
		if (is_of_rule(s, i) && s->net.slots[i].rule == rule &&
		    ts_pair_eq(&s->net.tunnels[i], ts))
			return (int)i;
	return -1;
}

/* False: one slot, or what was made of it, goes. */
static bool stays(const struct session *s, const struct plan *p, unsigned slot)
{
	const struct session_slot *at = &s->net.slots[slot];

	if (!at->used || !at->rule)
		return at->used;
	return p->kept[at->made ? at->template : slot];
}

static struct plan *plan_new(const struct session *s)
{
	struct plan *p = xcalloc(1, sizeof(*p));

	memcpy(p->net.inner, s->net.inner, sizeof(p->net.inner));
	p->net.ninner = s->net.ninner;
	session_rules_add(s, &p->net);
	for (unsigned i = 0; i < p->net.ntunnels; i++) {
		p->place[i] = slot_like(s, p->net.slots[i].rule, &p->net.tunnels[i]);
		if (p->place[i] >= 0)
			p->kept[p->place[i]] = true;
	}
	return p;
}

/* How many of s->net.rules are the configuration's, with those of slots that are made. */
static unsigned head(const struct session *s)
{
	unsigned n = s->net.nconfigured;

	for (unsigned i = 0; i < s->net.ntunnels; i++)
		n += s->net.slots[i].used && s->net.slots[i].made;
	return n;
}

static bool fits(const struct session *s, const struct plan *p)
{
	unsigned slots = 0, rules = p->net.rules.n + s->net.rules.n - head(s);

	for (unsigned i = 0; i < p->net.ntunnels; i++)
		slots += p->place[i] < 0;
	for (unsigned i = 0; i < s->net.ntunnels; i++) {
		slots += stays(s, p, i);
		rules += s->net.slots[i].made && stays(s, p, i);
	}
	return !p->net.full && slots <= SESSION_SLOTS_MAX && rules <= POLICY_RULES_MAX;
}

static void waiting_forget(struct session *s, unsigned template)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->nwaiting; i++)
		if (s->waiting[i].template != template)
			s->waiting[n++] = s->waiting[i];
	s->nwaiting = n;
}

static void slot_close(struct session *s, unsigned slot)
{
	session_negotiations_drop_slot(s, slot);
	session_tunnel_close(s, slot, "its name stands for other addresses");
	if (!s->net.slots[slot].used)
		return;
	waiting_forget(s, slot);
	session_refusal_end(s, slot);
	s->net.slots[slot].used = false;
	session_tunnel_reset(s, slot);
}

/* What was made of a template goes before it. */
static void slots_close(struct session *s, const struct plan *p)
{
	for (unsigned i = s->net.ntunnels; i > 0; i--)
		if (i <= s->net.ntunnels && s->net.slots[i - 1].made && s->net.slots[i - 1].used &&
		    !stays(s, p, i - 1))
			slot_close(s, i - 1);
	for (unsigned i = 0; i < s->net.ntunnels; i++)
		if (is_of_rule(s, i) && !stays(s, p, i))
			slot_close(s, i);
}

static unsigned slot_take(struct session *s)
{
	unsigned slot = 0;

	while (slot < s->net.ntunnels && s->net.slots[slot].used)
		slot++;
	if (slot == s->net.ntunnels)
		s->net.ntunnels++;
	return slot;
}

static void slots_open(struct session *s, struct plan *p)
{
	for (unsigned i = 0; i < p->net.ntunnels; i++) {
		unsigned slot;

		if (p->place[i] >= 0)
			continue;
		slot = slot_take(s);
		p->place[i] = (int)slot;
		s->net.slots[slot] = p->net.slots[i];
		s->net.tunnels[slot] = p->net.tunnels[i];
		session_tunnel_reset(s, slot);
	}
}

/* Before the rule of their template, in the order that they had. */
static void rules_made(const struct session *s, unsigned template, struct policy *out)
{
	for (unsigned i = 0; i < head(s); i++) {
		const struct policy_rule *rule = &s->net.rules.rules[i];

		if (rule->action == POLICY_PROTECT && s->net.slots[rule->slot].made &&
		    s->net.slots[rule->slot].template == template)
			policy_add(out, rule);
	}
}

static void rules_join(struct session *s, struct plan *p)
{
	struct policy *out = xcalloc(1, sizeof(*out));

	out->fallback = s->net.rules.fallback;
	for (unsigned i = 0; i < p->net.rules.n; i++) {
		struct policy_rule rule = p->net.rules.rules[i];

		if (rule.action == POLICY_PROTECT) {
			rule.slot = (unsigned)p->place[rule.slot];
			rules_made(s, rule.slot, out);
		}
		policy_add(out, &rule);
	}
	for (unsigned i = head(s); i < s->net.rules.n; i++) {
		policy_add(out, &s->net.rules.rules[i]);
		if (s->net.rules.rules[i].action == POLICY_PROTECT)
			session_route_add(&p->net, &s->net.rules.rules[i].ts.remote);
	}
	s->net.rules = *out;
	s->net.nconfigured = p->net.nconfigured;
	memcpy(s->net.routes, p->net.routes, sizeof(s->net.routes));
	s->net.nroutes = p->net.nroutes;
	free(out);
}

/* False, and nothing has changed: there is no room. */
static bool rebuild(struct session *s, vtime now)
{
	struct plan *p = plan_new(s);
	bool room = fits(s, p);

	if (room) {
		slots_close(s, p);
		slots_open(s, p);
		rules_join(s, p);
		session_tun_follow(s);
		session_tunnels_next(s, now);
	}
	free(p);
	return room;
}

/* ---- what comes ---- */

static const char *addrs_text(const struct session_addrs *set, char buf[ADDRS_TEXT_MAX])
{
	char a[ADDR_TEXT_MAX];
	size_t n = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < set->n; i++)
		n += (size_t)snprintf(buf + n, ADDRS_TEXT_MAX - n, "%s%s", i ? " " : "",
				      addr_text(&set->list[i], a));
	return buf;
}

void session_name_answer(struct session *s, vtime now, const struct session_event *ev)
{
	unsigned i = ev->name.index;
	struct session_addrs set, before;
	char text[ADDRS_TEXT_MAX];

	if (s->state != SESSION_UP || i >= s->config->nnames)
		return;
	set = usable(s, ev->name.addrs, ev->name.n);
	if (set.n == 0 || addrs_eq(&set, &s->named[i])) {
		log_ev(s->log, LOG_DEBUG,
		       set.n ? "a name in a rule is as before" :
			       "no address for a name in a rule: as before",
		       log_str("name", s->config->names[i]));
		return;
	}
	before = s->named[i];
	s->named[i] = set;
	if (rebuild(s, now)) {
		log_ev(s->log, LOG_INFO, "a name in a rule stands for other addresses",
		       log_str("name", s->config->names[i]),
		       log_str("addresses", addrs_text(&set, text)));
		return;
	}
	s->named[i] = before;
	log_ev(s->log, LOG_WARN,
	       "a name in a rule has more addresses than there is room for: as before",
	       log_str("name", s->config->names[i]), log_u64("addresses", set.n));
}

void session_names_path(struct session *s, vtime now)
{
	bool other = false;

	for (unsigned i = 0; i < s->config->nnames; i++) {
		struct session_addrs set = usable(s, s->named[i].list, s->named[i].n);

		other |= !addrs_eq(&set, &s->named[i]);
		s->named[i] = set;
	}
	if (other)
		rebuild(s, now);
}
