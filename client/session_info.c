/* SPDX-License-Identifier: GPL-2.0-or-later */
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
	case SESSION_CLOSING:
		return "closing";
	}
	return "unknown";
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
	case STEP_SA:
		return "SA";
	case STEP_UP:
		return "up";
	}
	return "unknown";
}

static void epoch_info(const struct tunnel *t, struct session_epoch_info *out)
{
	const struct esp_counters *in = esp_in_counters(t->in), *o = esp_out_counters(t->out);

	*out = (struct session_epoch_info){
		.spi_in = t->child.spi_in,
		.spi_out = t->child.spi_out,
		.suite = t->child.suite,
		.since = t->since,
		.bytes_in = atomic_load_explicit(&in->bytes, memory_order_relaxed),
		.bytes_out = atomic_load_explicit(&o->bytes, memory_order_relaxed),
		.packets_in = atomic_load_explicit(&in->packets, memory_order_relaxed),
		.packets_out = atomic_load_explicit(&o->packets, memory_order_relaxed),
		.replays = atomic_load_explicit(&in->replays, memory_order_relaxed),
		.auth_failures = atomic_load_explicit(&in->auth_failures, memory_order_relaxed),
	};
}

void session_info(const struct session *s, struct session_info *out)
{
	memset(out, 0, sizeof(*out));
	out->state = s->state;
	out->since = s->since;
	out->gateway = s->config->gateways[s->gateway];
	out->path = s->path;
	out->nat = s->nat;
	out->peer = s->peer;
	out->mtu = s->mtu;
	if (s->ike)
		ike_sa_info(s->ike, &out->ike);
	out->ntunnels = s->config->ntunnels;
	for (unsigned i = 0; i < s->config->ntunnels; i++) {
		out->tunnels[i].ts = &s->config->tunnels[i];
		out->tunnels[i].up = s->tunnels[i].out != NULL;
		if (out->tunnels[i].up)
			epoch_info(&s->tunnels[i], &out->tunnels[i].epoch);
	}
}
