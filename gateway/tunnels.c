/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "base/mem.h"
#include "gateway/gateway_impl.h"
#include "mobility/backoff.h"

#define RULES_FIRST 64

/* ---- slots ---- */

static bool is_free(const struct gateway *g, vtime now, unsigned slot)
{
	const struct gateway_tunnel *t = g->tunnels[slot];

	return !t || (!t->peer && !t->ruled && t->rests_until <= now);
}

/* What has been used once is used again, before another one is. */
static int slot_find(struct gateway *g, vtime now)
{
	for (unsigned k = 0; k < g->tunnels_end && g->tunnels_end > g->tunnels_busy; k++) {
		unsigned slot = (g->slot_next + k) % g->tunnels_end;

		if (is_free(g, now, slot)) {
			g->slot_next = slot + 1;
			return (int)slot;
		}
	}
	return g->tunnels_end < TUNNELS_MAX ? (int)g->tunnels_end++ : -1;
}

static int tunnel_of(const struct gateway *g, const struct gateway_peer *p,
		     const struct ts_pair *ts)
{
	for (unsigned k = 0; k < p->nslots; k++)
		if (ts_pair_eq(&g->tunnels[p->slots[k]]->ts, ts))
			return (int)p->slots[k];
	return -1;
}

static int tunnel_new(struct gateway *g, vtime now, struct gateway_peer *p,
		      const struct ts_pair *ts)
{
	int slot = p->nslots < PEER_TUNNELS_MAX ? slot_find(g, now) : -1;
	struct gateway_tunnel *t;

	if (slot < 0)
		return -1;
	if (!g->tunnels[slot])
		g->tunnels[slot] = xcalloc(1, sizeof(*t));
	t = g->tunnels[slot];
	*t = (struct gateway_tunnel){
		.peer = p,
		.ts = *ts,
		.retry_at = VTIME_NEVER,
	};
	epochs_init(&t->epochs, g->config->patience);
	g->tunnels_busy++;
	p->slots[p->nslots++] = (unsigned)slot;
	return slot;
}

void tunnel_close(struct gateway *g, vtime now, unsigned slot)
{
	struct gateway_tunnel *t = g->tunnels[slot];
	struct gateway_peer *p = t->peer;

	epochs_close(g, slot);
	for (unsigned k = 0; k < p->nslots; k++)
		if (p->slots[k] == slot)
			p->slots[k--] = p->slots[--p->nslots];
	if (t->refused)
		gateway_effect_add(g, SESSION_EFFECT_REFUSE_SLOT)->refuse.slot = slot;
	g->rules_due |= t->ruled;
	t->peer = NULL;
	g->tunnels_busy--;
	t->rests_until = vtime_add(now, SLOT_REST);
}

/* ---- rules ---- */

static void rule_add(struct gateway *g, const struct policy_rule *rule)
{
	if (g->nrules == g->rules_room) {
		unsigned room = g->rules_room ? 2 * g->rules_room : RULES_FIRST;
		struct policy_rule *rules = xcalloc(room, sizeof(*rules));

		if (g->nrules)
			memcpy(rules, g->rules, g->nrules * sizeof(*rules));
		free(g->rules);
		g->rules = rules;
		g->rules_room = room;
	}
	g->rules[g->nrules++] = *rule;
}

/* Of one peer those that are about less come first. */
static void rules_add(struct gateway *g, const struct gateway_peer *p)
{
	bool done[PEER_TUNNELS_MAX] = { false };

	for (unsigned n = 0; n < p->nslots; n++) {
		const struct gateway_tunnel *best = NULL;
		struct policy_rule rule = { .action = POLICY_PROTECT };
		unsigned at = 0;

		for (unsigned k = 0; k < p->nslots; k++) {
			const struct gateway_tunnel *t = g->tunnels[p->slots[k]];

			if (done[k] || (best && !ts_covers(&best->ts.local, &t->ts.local)))
				continue;
			best = t;
			at = k;
		}
		done[at] = true;
		rule.ts = best->ts;
		rule.slot = p->slots[at];
		if (best->ruled)
			rule_add(g, &rule);
	}
}

void rules_make(struct gateway *g)
{
	g->nrules = 0;
	for (unsigned k = 0; k < g->peers_end; k++)
		if (g->peers[k].used)
			rules_add(g, &g->peers[k]);
	for (unsigned slot = 0; slot < g->tunnels_end; slot++)
		if (g->tunnels[slot] && !g->tunnels[slot]->peer)
			g->tunnels[slot]->ruled = false;
}

/* ---- what a client may have ---- */

static bool is_host(const struct ts *ts, const struct addr *a)
{
	return a->family && addr_eq(&ts->lo, a) && addr_eq(&ts->hi, a);
}

static bool in_prefix(const struct prefix *p, const struct ts *ts)
{
	return prefix_contains(p, &ts->lo) && prefix_contains(p, &ts->hi);
}

static bool remote_allowed(const struct gateway_peer *p, const struct ts *ts)
{
	for (unsigned f = 0; f < 2; f++)
		if (is_host(ts, &p->inner[f]))
			return true;
	for (unsigned k = 0; k < p->entry->ninner; k++)
		if (in_prefix(&p->entry->inner[k], ts))
			return true;
	return false;
}

static bool is_everything(const struct ts *ts)
{
	struct prefix p;

	return ts_to_prefix(ts, &p) && p.len == 0;
}

static bool local_allowed(const struct gateway *g, const struct ts *ts)
{
	const struct gateway_config *c = g->config;
	struct addr own = pool_own(g->pool, ts->lo.family);

	for (unsigned k = 0; k < c->nnetworks; k++)
		if (in_prefix(&c->networks[k], ts) ||
		    (is_everything(ts) && c->networks[k].addr.family == ts->lo.family))
			return true;
	for (unsigned k = 0; k < c->nown; k++)
		if (is_host(ts, &c->own[k]))
			return true;
	return is_host(ts, &own);
}

static bool overlap(const struct ts *a, const struct ts *b)
{
	return a->lo.family == b->lo.family && addr_cmp(&a->lo, &b->hi) <= 0 &&
	       addr_cmp(&b->lo, &a->hi) <= 0;
}

/* Another peer has one of these inner addresses already; NULL: nobody. */
static struct gateway_peer *remote_owner(struct gateway *g, const struct gateway_peer *p,
					 const struct ts *remote)
{
	for (unsigned slot = 0; slot < g->tunnels_end; slot++) {
		const struct gateway_tunnel *t = g->tunnels[slot];

		if (t && t->peer && t->peer != p && overlap(&t->ts.remote, remote))
			return t->peer;
	}
	return NULL;
}

/*
 * Addresses that clients have of their own accord: the one that has come last under that name has
 * it. Nobody takes another one's.
 */
static bool take_over(struct gateway *g, vtime now, const struct gateway_ike *i,
		      const struct ts *remote)
{
	struct gateway_peer *other;

	while ((other = remote_owner(g, i->peer, remote))) {
		if (!peer_same_name(other, i))
			return false;
		peer_drop(g, now, other, false, "it has come back from elsewhere");
	}
	return true;
}

/* ---- negotiations ---- */

static struct gateway_negotiation *negotiation_new(struct gateway_peer *p)
{
	for (unsigned k = 0; k < PEER_NEGOTIATIONS_MAX; k++)
		if (!p->negotiations[k].id)
			return &p->negotiations[k];
	return NULL;
}

static struct gateway_negotiation *negotiation_find(const struct gateway_ike *i, uint32_t id)
{
	for (unsigned k = 0; i->peer && k < PEER_NEGOTIATIONS_MAX; k++) {
		struct gateway_negotiation *n = &i->peer->negotiations[k];

		if (n->id && n->id == id && n->ike == i)
			return n;
	}
	return NULL;
}

static bool is_pending(const struct gateway_peer *p, unsigned slot)
{
	for (unsigned k = 0; k < PEER_NEGOTIATIONS_MAX; k++)
		if (p->negotiations[k].id && p->negotiations[k].slot == slot)
			return true;
	return false;
}

/* Ours alone: of what the client begins the SA is there before our message tells of its SPI. */
static void spi_offer(struct gateway *g, const struct gateway_negotiation *n)
{
	struct session_effect *fx = gateway_effect_add(g, SESSION_EFFECT_OFFER_SPI);

	fx->offer.spi = n->spi;
	fx->offer.encapsulation = g->tunnels[n->slot]->peer->path.encapsulation;
}

static void spi_withdraw(struct gateway *g, const struct gateway_negotiation *n)
{
	if (n->ours)
		gateway_effect_add(g, SESSION_EFFECT_WITHDRAW_SPI)->offer.spi = n->spi;
}

/* What was there of it goes; so does a tunnel that has never been one. */
static void negotiation_end(struct gateway *g, vtime now, struct gateway_negotiation *n)
{
	const struct gateway_negotiation was = *n;
	const struct gateway_tunnel *t = g->tunnels[was.slot];

	*n = (struct gateway_negotiation){ 0 };
	spi_withdraw(g, &was);
	if (was.in)
		gateway_effect_add(g, SESSION_EFFECT_RETIRE)->retire.in = was.in;
	if (t->peer && epochs_none(t) && !is_pending(t->peer, was.slot))
		tunnel_close(g, now, was.slot);
}

void tunnel_negotiations_end(struct gateway *g, vtime now, const struct gateway_ike *i)
{
	for (unsigned k = 0; i->peer && k < PEER_NEGOTIATIONS_MAX; k++) {
		struct gateway_negotiation *n = &i->peer->negotiations[k];

		if (!n->id || n->ike != i)
			continue;
		if (n->ours)
			g->tunnels[n->slot]->retry_at = now;
		negotiation_end(g, now, n);
	}
}

/* ---- begun by the client ---- */

static void offer_refuse(struct gateway *g, vtime now, struct gateway_ike *i, uint32_t id,
			 const struct ts_pair *ts, uint16_t notify)
{
	struct ike_event ev = { .type = IKE_EVENT_CHILD_REFUSE };
	char local[TS_TEXT_MAX], remote[TS_TEXT_MAX];

	g->counters.offers_refused++;
	log_ev(g->log, LOG_WARN, "a client's offer is refused", peer_field(i->peer),
	       log_str("ours", ts_text(&ts->local, local)),
	       log_str("client", ts_text(&ts->remote, remote)), log_u64("notify", notify));
	ev.refuse.id = id;
	ev.refuse.notify = notify;
	ike_give(g, now, i, &ev);
}

/* 0: it is taken; else why not. */
static uint16_t offer_judge(struct gateway *g, vtime now, const struct gateway_ike *i,
			    const struct ts_pair *ts, uint32_t spi)
{
	if (!i->peer)
		return NOTIFY_NO_PROPOSAL;
	if (!remote_allowed(i->peer, &ts->remote) || !local_allowed(g, &ts->local) ||
	    !take_over(g, now, i, &ts->remote))
		return NOTIFY_INVALID_ID;
	if (!epoch_twin(g, i->peer, spi))
		return 0;
	g->counters.twin_spis++;
	g->counters.twin_refused += i->peer->own;
	return i->peer->own ? NOTIFY_INVALID_SPI : 0;
}

void tunnel_offer(struct gateway *g, vtime now, struct gateway_ike *i, uint32_t id,
		  const struct ts_pair *ts, uint32_t spi)
{
	struct ike_event ev = { .type = IKE_EVENT_CHILD_ACCEPT };
	uint16_t notify = offer_judge(g, now, i, ts, spi);
	struct gateway_negotiation *n = notify ? NULL : negotiation_new(i->peer);
	int slot = -1;

	if (n)
		slot = tunnel_of(g, i->peer, ts);
	if (n && slot < 0)
		slot = tunnel_new(g, now, i->peer, ts);
	if (slot < 0) {
		offer_refuse(g, now, i, id, ts, notify ? notify : NOTIFY_NO_PROPOSAL);
		return;
	}
	*n = (struct gateway_negotiation){
		.id = id,
		.ike = i,
		.slot = (unsigned)slot,
		.spi = spi_choose(g, now),
		.epoch = ++g->epoch_ids,
	};
	ev.child.id = id;
	ev.child.spi = n->spi;
	ev.child.config = &g->config->child;
	ike_give(g, now, i, &ev);
}

static void tunnel_rule(struct gateway *g, unsigned slot)
{
	struct gateway_tunnel *t = g->tunnels[slot];

	g->rules_due |= !t->ruled;
	t->ruled = true;
}

/*
 * With the client's last message its first packet may come. What answers that may be here before the
 * message has been read, and is held then, for the rule is there.
 */
void tunnel_child_ready(struct gateway *g, vtime now, struct gateway_ike *i,
			struct ike_child *child)
{
	struct gateway_negotiation *n = negotiation_find(i, child->id);

	(void)now;
	if (n && !n->in) {
		child->id = n->epoch;
		n->spi_out = child->spi_out;
		n->in = epoch_inbound_new(g, n->slot, child);
		tunnel_rule(g, n->slot);
	}
	ike_child_free(child);
}

/* ---- begun by us ---- */

void tunnel_negotiate(struct gateway *g, vtime now, unsigned slot)
{
	struct ike_event ev = { .type = IKE_EVENT_CHILD };
	struct gateway_tunnel *t = g->tunnels[slot];
	struct gateway_ike *i = peer_main(t->peer);
	struct gateway_negotiation *n = negotiation_new(t->peer);

	t->retry_at = VTIME_NEVER;
	if (!i || is_pending(t->peer, slot) || !t->config.nsuites)
		return;
	if (!n) {
		t->retry_at = vtime_add(now, VTIME_S);
		gateway_due(g, t->retry_at);
		return;
	}
	*n = (struct gateway_negotiation){
		.id = ++g->epoch_ids,
		.ike = i,
		.ours = true,
		.slot = slot,
		.spi = spi_choose(g, now),
	};
	n->epoch = n->id;
	ev.child.id = n->id;
	ev.child.spi = n->spi;
	ev.child.config = &t->config;
	spi_offer(g, n);
	ike_give(g, now, i, &ev);
}

static void refuse(struct gateway *g, unsigned slot, vtime until)
{
	struct session_effect *fx = gateway_effect_add(g, SESSION_EFFECT_REFUSE_SLOT);

	fx->refuse.slot = slot;
	fx->refuse.until = until;
	g->tunnels[slot]->refused = until != 0;
}

void tunnel_wanted(struct gateway *g, vtime now, unsigned slot)
{
	const struct gateway_tunnel *t = slot < TUNNELS_MAX ? g->tunnels[slot] : NULL;

	if (!t || !t->peer || epochs_usable(&t->epochs) || is_pending(t->peer, slot))
		return;
	if (peer_main(t->peer) && t->retry_at == VTIME_NEVER)
		tunnel_negotiate(g, now, slot);
	else
		refuse(g, slot, vtime_add(now, VTIME_S));
}

/* ---- how they end ---- */

void tunnel_child_up(struct gateway *g, vtime now, struct gateway_ike *i, struct ike_child *child)
{
	struct gateway_negotiation *n = negotiation_find(i, child->id), was;
	struct gateway_tunnel *t;

	if (!n) {
		ike_child_free(child);
		return;
	}
	was = *n;
	*n = (struct gateway_negotiation){ 0 };
	t = g->tunnels[was.slot];
	child->id = was.epoch;
	t->failures = 0;
	t->retry_at = VTIME_NEVER;
	t->config = (struct ike_child_config){
		.suites = { child->suite },
		.nsuites = 1,
		.pfs = child->pfs,
		.keylife_s = g->config->child.keylife_s,
		.ts = t->ts,
	};
	log_ev(g->log, LOG_INFO, "tunnel has an epoch", log_u64("tunnel", was.slot),
	       peer_field(i->peer), log_str("by", was.ours ? "us" : "peer"));
	g->counters.epochs++;
	g->counters.epochs_ours += was.ours;
	tunnel_rule(g, was.slot);
	epoch_install(g, now, was.slot, child, was.in);
	spi_withdraw(g, &was);
	if (t->refused)
		refuse(g, was.slot, 0);
	if (was.deleted)
		epoch_deleted(g, now, i->peer, was.spi_out);
}

void tunnel_child_failed(struct gateway *g, vtime now, struct gateway_ike *i, uint32_t id,
			 const char *why)
{
	struct gateway_negotiation *n = negotiation_find(i, id), was;
	struct gateway_tunnel *t;

	if (!n)
		return;
	was = *n;
	t = g->tunnels[was.slot];
	log_ev(g->log, LOG_WARN, "child failed", peer_field(i->peer),
	       log_str("why", why ? why : ""), log_str("by", was.ours ? "us" : "peer"));
	/* The tunnel goes with it when it was its only one. */
	negotiation_end(g, now, n);
	if (!was.ours || !t->peer)
		return;
	t->retry_at = vtime_add(now, backoff_wait(++t->failures + 1, g->rng));
	if (!epochs_usable(&t->epochs))
		refuse(g, was.slot, t->retry_at);
}

void tunnels_tick(struct gateway *g, vtime now)
{
	for (unsigned slot = 0; slot < g->tunnels_end; slot++) {
		struct gateway_tunnel *t = g->tunnels[slot];

		if (!t || !t->peer)
			continue;
		if (t->retry_at <= now)
			tunnel_negotiate(g, now, slot);
		/* Nothing is left of it, and nothing is to come. */
		if (epochs_none(t) && !is_pending(t->peer, slot))
			tunnel_close(g, now, slot);
	}
}

void tunnels_free(struct gateway *g)
{
	for (unsigned k = 0; k < g->peers_end; k++)
		for (unsigned n = 0; g->peers[k].used && n < PEER_NEGOTIATIONS_MAX; n++)
			esp_in_free(g->peers[k].negotiations[n].in);
	for (unsigned slot = 0; slot < g->tunnels_end; slot++) {
		struct gateway_tunnel *t = g->tunnels[slot];

		for (unsigned k = 0; t && k < EPOCHS_MAX; k++) {
			esp_in_free(t->epoch[k].in);
			esp_out_free(t->epoch[k].out);
			ike_child_free(&t->epoch[k].child);
		}
		free(t);
	}
}
