/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <stddef.h>
#include <stdio.h>

#include "client/session_impl.h"

const char *session_state_name(enum session_state state)
{
	switch (state) {
	case SESSION_DOWN:
		return "down";
	case SESSION_CONNECTING:
		return "connecting";
	case SESSION_UP:
		return "up";
	case SESSION_RECOVERING:
		return "recovering";
	case SESSION_CLOSING:
		return "closing";
	}
	return "unknown";
}

const char *session_roamed_name(enum session_roamed method)
{
	static const char *const names[] = {
		[SESSION_ROAMED_NONE] = "none",
		[SESSION_ROAMED_UPDATE] = "ipaddress_update",
		[SESSION_ROAMED_FOLLOW] = "follow",
		[SESSION_ROAMED_RENEGOTIATE] = "renegotiate",
	};

	return names[method];
}

const char *session_step_name(enum session_step step)
{
	switch (step) {
	case STEP_RESOLVE:
		return "resolve";
	case STEP_PATH:
		return "path";
	case STEP_PHASE1:
		return "phase 1";
	case STEP_AUTHENTICATION:
		return "authentication";
	case STEP_USER:
		return "user";
	case STEP_CONFIGURATION:
		return "configuration";
	case STEP_SA:
		return "SA";
	case STEP_UP:
		return "up";
	}
	return "unknown";
}

static uint64_t count_of(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void epoch_counted(const struct session *s, const struct session_epoch *e,
			  struct session_epoch_info *out)
{
	const struct esp_counters *in = esp_in_counters(e->in), *o = esp_out_counters(e->out);
	uint32_t first = s->config->first_sequence ? s->config->first_sequence : 1;

	out->bytes_in = count_of(&in->bytes);
	out->bytes_out = count_of(&o->bytes);
	out->packets_in = count_of(&in->packets);
	out->packets_out = count_of(&o->packets);
	out->own_in = count_of(&in->own);
	out->own_out = count_of(&o->own);
	out->replays = count_of(&in->replays);
	out->auth_failures = count_of(&in->auth_failures);
	out->heard_at = count_of(&in->heard_at);
	out->sequence_in = esp_in_sequence(e->in);
	/* tx's own count is not ours to read, and each number was a packet. */
	out->sequence_out = first - 1 + (uint32_t)out->packets_out;
	out->worker = esp_in_owner(e->in);
	out->most = esp_out_config(e->out)->most;
}

static void epoch_pinged(const struct prober *p, struct session_epoch_info *out)
{
	out->ping_at = VTIME_NEVER;
	if (p->fresh == out->id) {
		out->trial = true;
		out->pings = p->ntries;
		out->ping_at = p->fresh_at;
	} else if (p->used == out->id) {
		out->pings = p->ntries2;
		out->ping_at = p->used_at;
	}
}

static void epoch_info(const struct session *s, const struct tunnel *t, unsigned place,
		       struct session_epoch_info *out)
{
	const struct session_epoch *e = &t->epoch[place];
	const struct epoch *state = &t->epochs.epoch[place];

	*out = (struct session_epoch_info){
		.state = state->state,
		.spi_in = e->child.spi_in,
		.spi_out = e->child.spi_out,
		.suite = e->child.suite,
		.since = state->since,
		.id = state->id,
		.life = state->life,
		.proved = state->proved,
		.answered = state->answered,
		.doubted = state->doubted && !state->back,
		.spent = state->spent,
		.renewed = state->renewed,
		.deleted = state->deleted,
		.used = t->published == e->out,
		.next = t->published_next == e->out,
	};
	epoch_counted(s, e, out);
	epoch_pinged(&t->prober, out);
}

/* The place of the newest epoch older than `id`; -1: there is none. */
static int newest_before(const struct tunnel *t, uint32_t id)
{
	int newest = -1;

	for (int k = 0; k < EPOCHS_MAX; k++)
		if (t->epoch[k].in && t->epochs.epoch[k].id < id &&
		    (newest < 0 || t->epochs.epoch[k].id > t->epochs.epoch[newest].id))
			newest = k;
	return newest;
}

static unsigned epochs_info(const struct session *s, const struct tunnel *t,
			    struct session_epoch_info out[EPOCHS_MAX])
{
	unsigned n = 0;
	int place = newest_before(t, UINT32_MAX);

	for (; place >= 0; place = newest_before(t, t->epochs.epoch[place].id))
		epoch_info(s, t, (unsigned)place, &out[n++]);
	return n;
}

/* The end of what can be sent on; 0: there is nothing. */
static vtime tunnel_until(const struct tunnel *t)
{
	vtime until = 0;

	for (unsigned k = 0; k < EPOCHS_MAX; k++) {
		const struct epoch *e = &t->epochs.epoch[k];

		if ((e->state == EPOCH_CURRENT || e->state == EPOCH_PROBING) && !e->spent &&
		    e->life.expires_at > until)
			until = e->life.expires_at;
	}
	return until ? until : VTIME_NEVER;
}

void session_slot_name(const struct session *s, unsigned slot, char buf[SESSION_RULE_NAME_MAX])
{
	const struct session_slot *slots = s->net.slots;
	unsigned own = 0;

	for (unsigned i = 0; i <= slot; i++)
		own += slots[i].used && !slots[i].rule;
	if (slots[slot].rule)
		snprintf(buf, SESSION_RULE_NAME_MAX, "%s", slots[slot].rule->name);
	else
		snprintf(buf, SESSION_RULE_NAME_MAX, "tunnel-%u", own);
}

static void tunnel_info(const struct session *s, unsigned slot, struct session_tunnel_info *out)
{
	const struct session_slot *at = &s->net.slots[slot];
	const struct tunnel *t = &s->tunnels[slot];

	*out = (struct session_tunnel_info){
		.slot = slot,
		.ts = &s->net.tunnels[slot],
		.on_demand = at->on_demand,
		.granularity = at->granularity,
		.widened = at->rule &&
			   at->rule->granularity != s->granularity[at->rule - s->config->rules],
		.refused_until = t->refused_until,
		.refused_why = t->refused_until ? t->refused_why : NULL,
		.up = epochs_current(&t->epochs) >= 0,
		.until = tunnel_until(t),
	};
	session_slot_name(s, slot, out->name);
	out->nepochs = epochs_info(s, t, out->epochs);
}

void session_info(const struct session *s, struct session_info *out)
{
	const struct session_ike *ike = session_ike_shown(s);

	memset(out, 0, offsetof(struct session_info, tunnels));
	out->state = s->state;
	out->since = s->since;
	out->why = s->state == SESSION_RECOVERING && s->why[0] ? s->why : NULL;
	out->gateway = session_gateway_name(s);
	out->path = s->path;
	out->nat = s->nat;
	out->peer = s->peer;
	out->mtu = s->mtu;
	out->ike_rekey_at = ike ? ike->rekey_at : VTIME_NEVER;
	if (ike)
		ike_sa_info(ike->sa, &out->ike);
	out->inner = s->net.inner;
	out->ninner = s->net.ninner;
	out->assigned = s->has_assigned ? &s->assigned : NULL;
	out->ask = s->user.ask.id ? &s->user.ask : NULL;
	session_ping_info(s, &out->ping);
	out->mobility = s->roam.told;
	out->rung = s->ladder.rung;
	out->nepoch = s->ladder.nepoch;
	for (unsigned i = 0; i < s->net.ntunnels; i++)
		if (s->net.slots[i].used)
			tunnel_info(s, i, &out->tunnels[out->ntunnels++]);
}

/* ---- what there is besides ---- */

static const char *ike_state(const struct session *s, const struct session_ike *i)
{
	if (i->closing || i->parting)
		return "closing";
	if (!i->order)
		return "negotiating";
	return session_ike_newest(s) == i ? "current" : "replaced";
}

static_assert(SESSION_IKES_MAX <= SESSION_IKES_SHOWN, "all have room");

unsigned session_ikes_info(const struct session *s, struct session_ike_info *out)
{
	unsigned n = 0;

	for (unsigned k = 0; k < SESSION_IKES_MAX; k++) {
		const struct session_ike *i = &s->ike[k];

		if (!i->sa)
			continue;
		out[n] = (struct session_ike_info){
			.state = ike_state(s, i),
			.accepted = i->accepted,
			.path = i->path,
			.nat = i->nat,
			.rekey_at = i->rekey_at,
			.expires_at = i->order ? i->expires_at : VTIME_NEVER,
		};
		ike_sa_info(i->sa, &out[n++].sa);
	}
	return n;
}

struct policy_view session_rules(const struct session *s)
{
	return policy_view(&s->net.rules);
}

static bool rule_has(const struct session *s, const struct session_rule *rule,
		     const struct policy_rule *r)
{
	struct ts_pair ts[SESSION_RULE_TS_MAX];
	bool full = false;
	unsigned n = session_rule_pairs(s, rule, ts, &full);

	if (rule->action != r->action)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (ts_pair_eq(&ts[i], &r->ts) ||
		    (rule->local_inner && ts_eq(&ts[i].remote, &r->ts.remote)))
			return true;
	return false;
}

const char *session_rule_name(const struct session *s, unsigned i)
{
	const struct policy_rule *r = &s->net.rules.rules[i];

	for (unsigned k = 0; r->action != POLICY_PROTECT && k < s->config->nrules; k++)
		if (rule_has(s, &s->config->rules[k], r))
			return s->config->rules[k].name;
	return NULL;
}
