/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/session_impl.h"

#define REFUSED_FIRST VTIME_S /* doubled with each refusal in sequence */
#define REFUSED_MOST (60 * VTIME_S)
#define REFUSED_REMEMBERED (60 * VTIME_S) /* for a host or a flow, after the last refusal is over */
#define IDLE_LEAST (10 * VTIME_S) /* an SA as silent as that may go to make room for another */
#define WAITING_MOST (30 * VTIME_S)
#define WAITING_EVERY VTIME_S

#define PROTO_ICMP 1
#define PROTO_ICMP6 58

/* ---- refusals ---- */

void session_refuse(struct session *s, unsigned slot, vtime until, const struct ike_failure *why)
{
	struct tunnel *t = &s->tunnels[slot];
	struct session_effect *fx = session_effect_add(s, SESSION_EFFECT_REFUSE_SLOT);

	t->refused_until = until;
	t->refused_why = why->text ? why->text : err_name(why->err);
	fx->refuse.slot = slot;
	fx->refuse.until = until;
}

void session_refusal_end(struct session *s, unsigned slot)
{
	struct tunnel *t = &s->tunnels[slot];

	t->refusals = 0;
	if (!t->refused_until)
		return;
	t->refused_until = 0;
	session_effect_add(s, SESSION_EFFECT_REFUSE_SLOT)->refuse.slot = slot;
}

void session_refusals_end(struct session *s, vtime now)
{
	for (unsigned i = 0; i < s->net.ntunnels; i++) {
		if (s->tunnels[i].refused_until && s->tunnels[i].retry_at != VTIME_NEVER)
			s->tunnels[i].retry_at = now;
		session_refusal_end(s, i);
	}
}

static bool is_refused(const struct session *s, vtime now, unsigned slot)
{
	return s->tunnels[slot].refused_until > now;
}

/* ---- is it used? ---- */

/* Notices what has come and gone since the last look. */
static void look(struct session *s, vtime now, unsigned slot)
{
	struct tunnel *t = &s->tunnels[slot];
	vtime at = vtime_min(session_epochs_active_at(s, slot), now);

	if (at > t->active_at)
		t->active_at = at;
}

/* Nothing is there that would be lost with it. */
static bool is_unused(const struct session *s, unsigned slot)
{
	return !s->tunnels[slot].demanded && !session_tunnel_pending(s, slot) &&
	       session_epochs_none(s, slot);
}

/* ---- slots for one host or flow ---- */

static bool is_made(const struct session *s, unsigned slot)
{
	return s->net.slots[slot].used && s->net.slots[slot].made;
}

static unsigned rule_at(const struct session *s, unsigned slot)
{
	unsigned i = 0;

	while (i < s->net.rules.n && (s->net.rules.rules[i].slot != slot ||
				      s->net.rules.rules[i].action != POLICY_PROTECT))
		i++;
	return i;
}

static void rule_insert(struct policy *p, unsigned at, const struct policy_rule *rule)
{
	memmove(p->rules + at + 1, p->rules + at, (p->n - at) * sizeof(p->rules[0]));
	p->rules[at] = *rule;
	p->n++;
}

static void rule_remove(struct policy *p, unsigned at)
{
	p->n--;
	memmove(p->rules + at, p->rules + at + 1, (p->n - at) * sizeof(p->rules[0]));
}

/*
 * Before that of its template. What has no ports, or has them for all flows, goes behind what is for
 * one flow.
 */
static void rule_for(struct session *s, unsigned slot)
{
	const struct session_slot *at = &s->net.slots[slot];
	const struct policy_rule rule = {
		.ts = s->net.tunnels[slot],
		.action = POLICY_PROTECT,
		.slot = slot,
		.granularity = GRANULARITY_RULE,
	};
	unsigned place = rule_at(s, at->template);
	bool flow = rule.ts.local.port_lo == rule.ts.local.port_hi;

	while (flow && place > 0 && s->net.rules.rules[place - 1].action == POLICY_PROTECT &&
	       s->net.slots[s->net.rules.rules[place - 1].slot].made &&
	       s->net.slots[s->net.rules.rules[place - 1].slot].template == at->template)
		place--;
	rule_insert(&s->net.rules, place, &rule);
	session_rules_changed(s);
}

static void slot_free(struct session *s, unsigned slot)
{
	session_refusal_end(s, slot);
	rule_remove(&s->net.rules, rule_at(s, slot));
	s->net.slots[slot].used = false;
	session_tunnel_reset(s, slot);
	while (s->net.ntunnels > s->net.nfixed && !s->net.slots[s->net.ntunnels - 1].used)
		s->net.ntunnels--;
	session_rules_changed(s);
	if (s->nwaiting)
		s->waiting_at = 0;
}

/* The next one round, so that one that has been given up is not another's at once; -1: none. */
static int slot_unused(const struct session *s)
{
	unsigned n = SESSION_SLOTS_MAX - s->net.nfixed;

	for (unsigned k = 0; k < n; k++) {
		unsigned slot = s->net.nfixed + (s->made + k) % n;

		if (!s->net.slots[slot].used)
			return (int)slot;
	}
	return -1;
}

void session_tunnel_close(struct session *s, unsigned slot, const char *why)
{
	char local[TS_TEXT_MAX], remote[TS_TEXT_MAX];

	log_ev(s->log, LOG_INFO, "tunnel closed",
	       log_str("local", ts_text(&s->net.tunnels[slot].local, local)),
	       log_str("remote", ts_text(&s->net.tunnels[slot].remote, remote)),
	       log_str("why", why));
	session_epochs_close(s, slot, true);
	s->tunnels[slot].demanded = false;
	if (s->net.slots[slot].made)
		slot_free(s, slot);
}

static bool can_go(const struct session *s, vtime now, unsigned slot)
{
	const struct tunnel *t = &s->tunnels[slot];

	if (session_tunnel_pending(s, slot) || is_refused(s, now, slot))
		return false;
	return is_unused(s, slot) || (!t->demanded && now - t->active_at >= IDLE_LEAST);
}

/* Of this rule (NULL: of any) the one that has been idle for longest; false: none is. */
static bool make_room(struct session *s, vtime now, const struct session_rule *rule)
{
	int idlest = -1;

	for (unsigned i = s->net.nfixed; i < s->net.ntunnels; i++) {
		if (!is_made(s, i) || (rule && s->net.slots[i].rule != rule))
			continue;
		look(s, now, i);
		if (can_go(s, now, i) &&
		    (idlest < 0 || s->tunnels[i].active_at < s->tunnels[idlest].active_at))
			idlest = (int)i;
	}
	if (idlest >= 0)
		session_tunnel_close(s, (unsigned)idlest, "there is no room for another one");
	return idlest >= 0;
}

static unsigned made_of(const struct session *s, const struct session_rule *rule)
{
	unsigned n = 0;

	for (unsigned i = s->net.nfixed; i < s->net.ntunnels; i++)
		n += is_made(s, i) && s->net.slots[i].rule == rule;
	return n;
}

static bool has_room(struct session *s, vtime now, const struct session_rule *rule)
{
	if (made_of(s, rule) >= rule->max_sas && !make_room(s, now, rule))
		return false;
	if (s->net.rules.n < POLICY_RULES_MAX && slot_unused(s) >= 0)
		return true;
	return make_room(s, now, NULL);
}

static void narrow_port(struct ts *t, const struct tuple *tuple, uint16_t port)
{
	t->proto = tuple->proto;
	if (!tuple->ports || tuple->proto == PROTO_ICMP || tuple->proto == PROTO_ICMP6)
		return;
	t->port_lo = t->port_hi = port;
}

static struct ts_pair narrowed(const struct session *s, unsigned template,
			       const struct tuple *tuple)
{
	struct ts_pair ts = s->net.tunnels[template];

	ts.local.lo = ts.local.hi = tuple->src;
	ts.remote.lo = ts.remote.hi = tuple->dst;
	if (s->net.slots[template].granularity == GRANULARITY_FLOW) {
		narrow_port(&ts.local, tuple, tuple->sport);
		narrow_port(&ts.remote, tuple, tuple->dport);
	}
	return ts;
}

static int slot_of(const struct session *s, unsigned template, const struct ts_pair *ts)
{
	for (unsigned i = s->net.nfixed; i < s->net.ntunnels; i++)
		if (is_made(s, i) && s->net.slots[i].template == template &&
		    ts_pair_eq(&s->net.tunnels[i], ts))
			return (int)i;
	return -1;
}

/* The slot for this host or flow, a new one unless there is one; -1: there is no room. */
static int slot_make(struct session *s, vtime now, unsigned template, const struct tuple *tuple)
{
	const struct ts_pair ts = narrowed(s, template, tuple);
	int slot = slot_of(s, template, &ts);

	if (slot >= 0)
		return slot;
	if (!has_room(s, now, s->net.slots[template].rule))
		return -1;
	slot = slot_unused(s);
	s->made = (unsigned)slot - s->net.nfixed + 1;
	for (; s->net.ntunnels <= (unsigned)slot; s->net.ntunnels++) {
		s->net.slots[s->net.ntunnels] = (struct session_slot){ 0 };
		session_tunnel_reset(s, s->net.ntunnels);
	}
	s->net.tunnels[slot] = ts;
	s->net.slots[slot] = (struct session_slot){
		.used = true,
		.on_demand = true,
		.made = true,
		.made_for = s->net.slots[template].granularity,
		.template = template,
		.rule = s->net.slots[template].rule,
	};
	session_tunnel_reset(s, (unsigned)slot);
	s->tunnels[slot].active_at = now;
	rule_for(s, (unsigned)slot);
	return slot;
}

/* ---- somebody asks ---- */

static void demand(struct session *s, vtime now, unsigned slot)
{
	struct tunnel *t = &s->tunnels[slot];

	if (is_refused(s, now, slot) || epochs_current(&t->epochs) >= 0)
		return;
	t->demanded = true;
	session_negotiate(s, now, slot);
}

static bool tuple_eq(const struct tuple *a, const struct tuple *b)
{
	return addr_eq(&a->src, &b->src) && addr_eq(&a->dst, &b->dst) && a->proto == b->proto &&
	       a->ports == b->ports && a->sport == b->sport && a->dport == b->dport;
}

/* Until there is room for it, or its packets are too old. */
static void wait_for_room(struct session *s, vtime now, unsigned template,
			  const struct tuple *tuple)
{
	for (unsigned i = 0; i < s->nwaiting; i++)
		if (tuple_eq(&s->waiting[i].tuple, tuple))
			return;
	if (s->nwaiting == SESSION_WAITING_MAX) {
		s->turned_away = true;
		return;
	}
	if (s->nwaiting == 0)
		log_ev(s->log, LOG_WARN, "all SAs of a rule are in use: packets wait for one",
		       log_str("rule", s->net.slots[template].rule->name));
	s->waiting[s->nwaiting++] = (struct session_waiting){
		.template = template,
		.tuple = *tuple,
		.until = vtime_add(now, WAITING_MOST),
	};
	s->waiting_at = vtime_add(now, WAITING_EVERY);
}

static bool is_template(const struct session *s, unsigned slot)
{
	return s->net.slots[slot].granularity != GRANULARITY_RULE;
}

static void demand_for(struct session *s, vtime now, unsigned template, const struct tuple *tuple)
{
	int slot = is_refused(s, now, template) ? -1 : slot_make(s, now, template, tuple);

	if (slot >= 0)
		demand(s, now, (unsigned)slot);
	else if (!is_refused(s, now, template))
		wait_for_room(s, now, template, tuple);
}

/* The rules may have changed since it was told: the slot is the one that the packet has now. */
static int slot_asked(const struct session *s, const struct data_event *ev)
{
	const struct policy_rule *rule;

	if (ev->tuple.src.family == FAMILY_NONE)
		return ev->slot < s->net.ntunnels && s->net.slots[ev->slot].used ? (int)ev->slot :
										   -1;
	rule = policy_match(&s->net.rules, &ev->tuple);
	return rule && rule->action == POLICY_PROTECT ? (int)rule->slot : -1;
}

void session_need_sa(struct session *s, vtime now, const struct data_event *ev)
{
	int slot = slot_asked(s, ev);

	if (slot < 0 || s->state == SESSION_CLOSING)
		return;
	/* It has one: the gateway is given time to make it, there is no path, or it has just come back. */
	if (epochs_current(&s->tunnels[slot].epochs) >= 0)
		return;
	if (session_epochs_await(&s->tunnels[slot])) {
		s->tunnels[slot].demanded = s->net.slots[slot].on_demand;
		return;
	}
	if (is_template(s, (unsigned)slot))
		demand_for(s, now, (unsigned)slot, &ev->tuple);
	else if (s->net.slots[slot].on_demand)
		demand(s, now, (unsigned)slot);
	else
		session_negotiate(s, now, (unsigned)slot);
}

/* Whoever was turned away asks once more when many can be heard: they may be thousands. */
static void turned_away_ask(struct session *s, vtime now)
{
	if (!s->turned_away || s->nwaiting > SESSION_WAITING_MAX / 2 || s->called_at > now)
		return;
	s->turned_away = false;
	s->called_at = vtime_add(now, WAITING_EVERY);
	for (unsigned i = 0; i < s->net.nfixed; i++)
		if (is_template(s, i))
			session_ask_anew(s, i);
}

static void waiting_try(struct session *s, vtime now)
{
	struct session_waiting waiting[SESSION_WAITING_MAX];
	unsigned n = s->nwaiting;

	memcpy(waiting, s->waiting, n * sizeof(waiting[0]));
	s->nwaiting = 0;
	s->waiting_at = VTIME_NEVER;
	for (unsigned i = 0; i < n; i++) {
		int slot = -1;

		if (!is_template(s, waiting[i].template))
			continue;
		if (waiting[i].until <= now) {
			s->turned_away = true;
			continue;
		}
		slot = slot_make(s, now, waiting[i].template, &waiting[i].tuple);
		if (slot >= 0)
			demand(s, now, (unsigned)slot);
		else
			s->waiting[s->nwaiting++] = waiting[i];
	}
	turned_away_ask(s, now);
	if (s->nwaiting || s->turned_away)
		s->waiting_at = vtime_add(now, WAITING_EVERY);
}

/* ---- what becomes of it ---- */

void session_demand_begin(struct session *s, vtime now)
{
	for (unsigned i = 0; i < s->net.ntunnels; i++)
		if (s->net.slots[i].used && s->net.slots[i].on_demand)
			session_epochs_stop(s, now, i);
}

void session_demand_resume(struct session *s, vtime now)
{
	for (unsigned i = 0; s->state == SESSION_UP && i < s->net.ntunnels; i++)
		if (s->net.slots[i].used && s->tunnels[i].demanded)
			session_negotiate(s, now, i);
}

void session_demand_served(struct session *s, vtime now, unsigned slot)
{
	struct tunnel *t = &s->tunnels[slot];

	t->demanded = false;
	t->active_at = now;
	look(s, now, slot);
	session_refusal_end(s, slot);
}

/* The gateway knows no SAs as fine as that: the next wider ones are asked for, once each. */
static void widen(struct session *s, vtime now, unsigned slot)
{
	const struct session_slot was = s->net.slots[slot];
	unsigned template = was.template;
	enum policy_granularity *takes = &s->granularity[was.rule - s->config->rules];
	const struct tuple tuple = {
		.src = s->net.tunnels[slot].local.lo,
		.dst = s->net.tunnels[slot].remote.lo,
		.proto = s->net.tunnels[slot].remote.proto,
	};

	if (*takes == was.made_for) {
		*takes = was.made_for == GRANULARITY_FLOW ? GRANULARITY_HOST : GRANULARITY_RULE;
		log_ev(s->log, LOG_WARN,
		       "the gateway does not take an SA as fine as that; wider ones are asked for",
		       log_str("rule", was.rule->name),
		       log_str("not", policy_granularity_name(was.made_for)),
		       log_str("but", policy_granularity_name(*takes)));
	}
	for (unsigned i = 0; i < s->net.ntunnels; i++) {
		if (!session_slot_is_fixed(&s->net, i) || s->net.slots[i].rule != was.rule)
			continue;
		s->net.slots[i].granularity = *takes;
		s->net.rules.rules[rule_at(s, i)].granularity = *takes;
	}
	session_epochs_close(s, slot, true);
	slot_free(s, slot);
	if (is_template(s, template))
		demand_for(s, now, template, &tuple);
	else
		demand(s, now, template);
}

static vtime refusal(struct tunnel *t)
{
	unsigned doublings = t->refusals++;

	return doublings < 6 ? REFUSED_FIRST << doublings : REFUSED_MOST;
}

void session_demand_failed(struct session *s, vtime now, unsigned slot,
			   const struct ike_failure *why)
{
	struct tunnel *t = &s->tunnels[slot];

	t->demanded = false;
	t->retry_at = VTIME_NEVER;
	if (s->net.slots[slot].made && why->notify == NOTIFY_INVALID_ID) {
		widen(s, now, slot);
		return;
	}
	/* A gateway that refuses what it has never given is alive and well. */
	if (s->state == SESSION_UP && (t->served || why->err == ERR_TIMEOUT))
		session_count_failure(s, now);
	if (s->state == SESSION_UP)
		session_refuse(s, slot, vtime_add(now, refusal(t)), why);
	else
		t->demanded = true;
}

/* ---- time ---- */

/* When a slot that nobody uses is given up. */
static vtime forget_at(const struct session *s, unsigned slot)
{
	const struct tunnel *t = &s->tunnels[slot];

	if (!s->net.slots[slot].made || !is_unused(s, slot))
		return VTIME_NEVER;
	return t->refused_until ? vtime_add(t->refused_until, REFUSED_REMEMBERED) : t->active_at;
}

/* When this tunnel is to be looked at. */
static vtime look_at(const struct session *s, unsigned slot)
{
	const struct tunnel *t = &s->tunnels[slot];
	vtime idle = session_slot_idle_close(s, slot);

	if (!idle || epochs_current(&t->epochs) < 0 || session_tunnel_pending(s, slot))
		return VTIME_NEVER;
	return vtime_add(t->active_at, idle);
}

vtime session_demand_due_at(const struct session *s)
{
	vtime first = s->nwaiting || s->turned_away ? s->waiting_at : VTIME_NEVER;

	if (s->state != SESSION_UP)
		return VTIME_NEVER;
	for (unsigned i = 0; i < s->net.ntunnels; i++)
		if (s->net.slots[i].used)
			first = vtime_min(first, vtime_min(forget_at(s, i), look_at(s, i)));
	return first;
}

static void idle_due(struct session *s, vtime now, unsigned slot)
{
	look(s, now, slot);
	if (now - s->tunnels[slot].active_at >= session_slot_idle_close(s, slot))
		session_tunnel_close(s, slot, "nothing has come or gone for long");
}

void session_demand_due(struct session *s, vtime now)
{
	for (unsigned i = 0; s->state == SESSION_UP && i < s->net.ntunnels; i++) {
		if (s->net.slots[i].used && look_at(s, i) <= now)
			idle_due(s, now, i);
		else if (s->net.slots[i].used && forget_at(s, i) <= now)
			slot_free(s, i);
	}
	if (s->state == SESSION_UP && (s->nwaiting || s->turned_away) && s->waiting_at <= now)
		waiting_try(s, now);
}
