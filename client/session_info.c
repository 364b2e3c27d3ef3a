/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stddef.h>

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
		[SESSION_ROAMED_UPDATE] = "update",
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

static void epoch_info(const struct tunnel *t, unsigned place, struct session_epoch_info *out)
{
	const struct session_epoch *e = &t->epoch[place];
	const struct esp_counters *in = esp_in_counters(e->in), *o = esp_out_counters(e->out);

	*out = (struct session_epoch_info){
		.state = t->epochs.epoch[place].state,
		.spi_in = e->child.spi_in,
		.spi_out = e->child.spi_out,
		.suite = e->child.suite,
		.since = t->epochs.epoch[place].since,
		.bytes_in = atomic_load_explicit(&in->bytes, memory_order_relaxed),
		.bytes_out = atomic_load_explicit(&o->bytes, memory_order_relaxed),
		.packets_in = atomic_load_explicit(&in->packets, memory_order_relaxed),
		.packets_out = atomic_load_explicit(&o->packets, memory_order_relaxed),
		.replays = atomic_load_explicit(&in->replays, memory_order_relaxed),
		.auth_failures = atomic_load_explicit(&in->auth_failures, memory_order_relaxed),
	};
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

static unsigned epochs_info(const struct tunnel *t, struct session_epoch_info out[EPOCHS_MAX])
{
	unsigned n = 0;
	int place = newest_before(t, UINT32_MAX);

	for (; place >= 0; place = newest_before(t, t->epochs.epoch[place].id))
		epoch_info(t, (unsigned)place, &out[n++]);
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

static void tunnel_info(const struct session *s, unsigned slot, struct session_tunnel_info *out)
{
	const struct session_slot *at = &s->net.slots[slot];
	const struct tunnel *t = &s->tunnels[slot];

	*out = (struct session_tunnel_info){
		.slot = slot,
		.name = at->rule ? at->rule->name : NULL,
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
	out->nepochs = epochs_info(t, out->epochs);
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
