/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <stdio.h>

#include "client/session_impl.h"

static void tunnel_retire(struct session *s, unsigned slot)
{
	struct tunnel *t = &s->tunnels[slot];
	struct session_effect *fx;

	ike_child_free(&t->child);
	if (!t->in && !t->out)
		return;
	fx = session_effect_add(s, SESSION_EFFECT_PUBLISH_SLOT);
	fx->slot.slot = slot;
	fx->slot.out = NULL;
	fx = session_effect_add(s, SESSION_EFFECT_RETIRE);
	fx->retire.in = t->in;
	fx->retire.out = t->out;
	t->in = NULL;
	t->out = NULL;
	t->expires = VTIME_NEVER;
}

void session_tunnels_retire(struct session *s)
{
	for (unsigned i = 0; i < s->config->ntunnels; i++)
		tunnel_retire(s, i);
}

static bool tunnels_pending(const struct session *s)
{
	for (unsigned i = 0; i < s->config->ntunnels; i++)
		if (s->tunnels[i].pending)
			return true;
	return false;
}

static unsigned tunnels_up(const struct session *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->config->ntunnels; i++)
		n += s->tunnels[i].out != NULL;
	return n;
}

static void tunnels_set_expiry(struct session *s)
{
	vtime first = VTIME_NEVER;

	for (unsigned i = 0; i < s->config->ntunnels; i++)
		first = vtime_min(first, s->tunnels[i].expires);
	timers_set(&s->timers, T_CHILD_EXPIRY, first);
}

static struct tunnel *tunnel_by_pending(struct session *s, uint32_t id)
{
	for (unsigned i = 0; i < s->config->ntunnels; i++)
		if (s->tunnels[i].pending == id)
			return &s->tunnels[i];
	return NULL;
}

/* SPIs are random, not reserved (RFC 4303 section 2.1), and no two of ours are equal. */
static uint32_t spi_choose(struct session *s)
{
	uint32_t spi;
	bool taken;

	do {
		spi = rng_u32(s->rng);
		taken = spi < 256;
		for (unsigned i = 0; i < s->config->ntunnels; i++)
			taken |= s->tunnels[i].child.spi_in == spi;
	} while (taken);
	return spi;
}

static void child_begin(struct session *s, vtime now, unsigned slot)
{
	struct tunnel *t = &s->tunnels[slot];
	struct ike_event ev = { .type = IKE_EVENT_CHILD };

	t->config = s->config->child;
	t->config.ts = s->config->tunnels[slot];
	t->pending = ++s->epochs;
	t->child.spi_in = spi_choose(s);
	ev.child.id = t->pending;
	ev.child.spi = t->child.spi_in;
	ev.child.config = &t->config;
	ike_event(s->ike, now, &ev);
}

void session_tunnels_begin(struct session *s, vtime now)
{
	for (unsigned i = 0; i < s->config->ntunnels; i++)
		child_begin(s, now, i);
}

static struct esp_sa_config sa_config(const struct session *s, unsigned slot, bool inbound)
{
	const struct ike_child *child = &s->tunnels[slot].child;

	return (struct esp_sa_config){
		.spi = inbound ? child->spi_in : child->spi_out,
		.suite = child->suite,
		.keymat = secret_slice(inbound ? &child->keymat_in : &child->keymat_out),
		.ts = child->ts,
		.path = s->path,
		.slot = slot,
		.epoch = child->id,
		.first_sequence = 1,
		.mtu = session_mtu_inner(s, &child->suite),
	};
}

static void publish_child(struct session *s, unsigned slot)
{
	struct tunnel *t = &s->tunnels[slot];
	struct esp_sa_config in = sa_config(s, slot, true), out = sa_config(s, slot, false);
	struct session_effect *fx;

	t->in = esp_in_new(&in, s->rng);
	t->out = esp_out_new(&out, s->rng);
	/* IKE accepted a suite that we offered, with key material of its length. */
	assert(t->in && t->out);
	if (s->keylog) {
		fx = session_effect_add(s, SESSION_EFFECT_KEYS);
		fx->keys.child = &t->child;
		fx->keys.path = s->path;
	}
	fx = session_effect_add(s, SESSION_EFFECT_PUBLISH_SPI);
	fx->in = t->in;
	fx = session_effect_add(s, SESSION_EFFECT_PUBLISH_SLOT);
	fx->slot.slot = slot;
	fx->slot.out = t->out;
}

/* Every negotiation has ended: the TUN if any tunnel is up, the end otherwise. */
static void children_settled(struct session *s, vtime now)
{
	struct session_effect *fx;

	if (tunnels_pending(s) || s->tun_asked)
		return;
	if (tunnels_up(s) == 0) {
		session_close_failed(s, now, &s->last_child_failure);
		return;
	}
	session_step_end(s, now, "%u of %u", tunnels_up(s), s->config->ntunnels);
	fx = session_effect_add(s, SESSION_EFFECT_PUBLISH_RULES);
	fx->rules = &s->rules;
	session_step_begin(s, now, STEP_UP, "addresses and routes");
	fx = session_effect_add(s, SESSION_EFFECT_TUN);
	fx->tun.inner = s->config->inner;
	fx->tun.ninner = s->config->ninner;
	fx->tun.tunnels = s->config->tunnels;
	fx->tun.ntunnels = s->config->ntunnels;
	fx->tun.path = s->path;
	fx->tun.mtu = s->mtu;
	s->tun_asked = true;
}

void session_child_up(struct session *s, vtime now, struct ike_child *child)
{
	struct tunnel *t = tunnel_by_pending(s, child->id);
	char suite[40];

	if (!t) {
		ike_child_free(child);
		return;
	}
	t->pending = 0;
	t->child = *child; /* takes the secrets */
	t->since = now;
	t->expires = child->keylife_s ? vtime_add(now, child->keylife_s * VTIME_S) : VTIME_NEVER;
	publish_child(s, (unsigned)(t - s->tunnels));
	session_mtu_update(s, now);
	tunnels_set_expiry(s);
	log_ev(s->log, LOG_INFO, "child up", log_hex("spi_in", 4, t->child.spi_in),
	       log_hex("spi_out", 4, t->child.spi_out),
	       log_str("suite", esp_suite_name(&t->child.suite, suite)),
	       log_u64("keylife_s", t->child.keylife_s));
	children_settled(s, now);
}

void session_child_failed(struct session *s, vtime now, uint32_t id, const struct ike_failure *why)
{
	struct tunnel *t = tunnel_by_pending(s, id);
	char remote[TS_TEXT_MAX];

	if (!t)
		return;
	t->pending = 0;
	s->last_child_failure = *why;
	log_ev(s->log, LOG_WARN, "child failed",
	       log_str("remote", ts_text(&t->config.ts.remote, remote)),
	       log_str("why", why->text ? why->text : err_name(why->err)));
	children_settled(s, now);
}

/* With the last tunnel gone there is nothing left to carry. */
static void lost_if_empty(struct session *s, vtime now, const char *what)
{
	char gw[SESSION_GATEWAY_TEXT_MAX], text[300];

	tunnels_set_expiry(s);
	if (s->state != SESSION_UP || tunnels_up(s) > 0)
		return;
	snprintf(text, sizeof(text), "connection to %s: %s; connect again",
		 session_gateway_text(s, gw), what);
	session_close(s, now, SESSION_EXIT_LOST, text);
}

void session_child_deleted(struct session *s, vtime now, uint32_t spi_out)
{
	for (unsigned i = 0; i < s->config->ntunnels; i++) {
		if (!s->tunnels[i].out || s->tunnels[i].child.spi_out != spi_out)
			continue;
		log_ev(s->log, LOG_WARN, "the gateway deleted a child",
		       log_hex("spi_out", 4, spi_out));
		tunnel_retire(s, i);
	}
	lost_if_empty(s, now, "the gateway deleted its SAs");
}

void session_child_expiry(struct session *s, vtime now)
{
	for (unsigned i = 0; i < s->config->ntunnels; i++) {
		struct ike_event ev = { .type = IKE_EVENT_CHILD_DELETE };

		if (s->tunnels[i].expires > now)
			continue;
		ev.spi = s->tunnels[i].child.spi_in;
		if (s->ike)
			ike_event(s->ike, now, &ev);
		log_ev(s->log, LOG_WARN, "child expired", log_hex("spi_in", 4, ev.spi));
		tunnel_retire(s, i);
	}
	lost_if_empty(s, now, "the lifetime of its SAs has ended");
}

void session_tunnels_wipe(struct session *s)
{
	for (unsigned i = 0; i < s->config->ntunnels; i++) {
		secret_free(&s->tunnels[i].child.keymat_in);
		secret_free(&s->tunnels[i].child.keymat_out);
	}
}
