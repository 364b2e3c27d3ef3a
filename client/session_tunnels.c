/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "client/session_impl.h"
#include "mobility/backoff.h"

#define TWINS_MAX 5

#define REFUSAL_TAKEN_ILL                                                                          \
	(5 * VTIME_S) /* an ISAKMP SA that ends so soon after one ends because of it */

/* ---- negotiations ---- */

static struct negotiation *negotiation_new(struct session *s)
{
	for (unsigned k = 0; k < SESSION_NEGOTIATIONS_MAX; k++)
		if (!s->negotiations[k].id)
			return &s->negotiations[k];
	return NULL;
}

static struct negotiation *negotiation_find(struct session *s, const struct session_ike *ike,
					    uint32_t id)
{
	for (unsigned k = 0; k < SESSION_NEGOTIATIONS_MAX; k++)
		if (s->negotiations[k].id == id && s->negotiations[k].ike == ike)
			return &s->negotiations[k];
	return NULL;
}

/*
 * Ours alone: of what the peer begins the SA is there before our message tells of its SPI. Its answer
 * to ours may be overtaken by its packets, and so may we be when we make the SA.
 */
static void spi_offer(struct session *s, const struct negotiation *n)
{
	struct session_effect *fx = session_effect_add(s, SESSION_EFFECT_OFFER_SPI);

	fx->offer.spi = n->spi;
	fx->offer.encapsulation = session_encapsulation(s, n->ike->path.encapsulation);
}

static void spi_withdraw(struct session *s, const struct negotiation *n)
{
	if (n->ours)
		session_effect_add(s, SESSION_EFFECT_WITHDRAW_SPI)->offer.spi = n->spi;
}

/* It has come to nothing. */
static void negotiation_end(struct session *s, struct negotiation *n)
{
	struct session_effect *fx;

	spi_withdraw(s, n);
	if (n->in) {
		fx = session_effect_add(s, SESSION_EFFECT_RETIRE);
		fx->retire.in = n->in;
	}
	*n = (struct negotiation){ 0 };
}

void session_negotiations_drop_slot(struct session *s, unsigned slot)
{
	for (unsigned k = 0; k < SESSION_NEGOTIATIONS_MAX; k++) {
		struct negotiation *n = &s->negotiations[k];

		if (!n->id || n->slot != slot)
			continue;
		session_goodbye(s, n->spi);
		negotiation_end(s, n);
	}
}

void session_negotiations_drop(struct session *s)
{
	for (unsigned k = 0; k < SESSION_NEGOTIATIONS_MAX; k++)
		if (s->negotiations[k].id)
			session_goodbye(s, s->negotiations[k].spi);
	session_negotiations_end(s);
}

void session_negotiations_end(struct session *s)
{
	for (unsigned k = 0; k < SESSION_NEGOTIATIONS_MAX; k++)
		negotiation_end(s, &s->negotiations[k]);
}

void session_negotiations_free(struct session *s)
{
	for (unsigned k = 0; k < SESSION_NEGOTIATIONS_MAX; k++)
		esp_in_free(s->negotiations[k].in);
}

bool session_tunnel_pending(const struct session *s, unsigned slot)
{
	for (unsigned k = 0; k < SESSION_NEGOTIATIONS_MAX; k++)
		if (s->negotiations[k].id && s->negotiations[k].slot == slot)
			return true;
	return s->tunnels[slot].queued != 0;
}

static unsigned under_way(const struct session *s)
{
	unsigned n = 0;

	for (unsigned k = 0; k < SESSION_NEGOTIATIONS_MAX; k++)
		n += s->negotiations[k].id && s->negotiations[k].ours;
	return n;
}

/* The one that has waited longest; -1: none does. */
static int first_queued(const struct session *s)
{
	int first = -1;

	for (unsigned i = 0; i < s->net.ntunnels; i++)
		if (s->tunnels[i].queued &&
		    (first < 0 || s->tunnels[i].queued < s->tunnels[first].queued))
			first = (int)i;
	return first;
}

static bool any_pending(const struct session *s)
{
	return under_way(s) > 0 || first_queued(s) >= 0;
}

/* SPIs are random, not reserved (RFC 4303 section 2.1), and no two of ours are equal. */
static uint32_t spi_choose(struct session *s)
{
	uint32_t spi;
	bool taken;

	do {
		spi = rng_u32(s->rng);
		taken = spi < 256 || session_spi_taken(s, spi);
		for (unsigned k = 0; k < SESSION_NEGOTIATIONS_MAX; k++)
			taken |= s->negotiations[k].id && s->negotiations[k].spi == spi;
	} while (taken);
	return spi;
}

static const struct ike_child_config *tunnel_config(struct session *s,
						    const struct session_ike *ike, unsigned slot)
{
	const struct session_rule *rule = s->net.slots[slot].rule;
	struct ike_child_config *c = &s->tunnels[slot].config;
	struct ike_sa_info info;

	*c = *session_slot_child(s, slot);
	c->ts = session_ts_offer(&s->net.tunnels[slot]);
	ike_sa_info(ike->sa, &info);
	if (rule) {
		if (rule->pfs_as_phase1)
			c->pfs = info.suite.group;
	} else if (s->config->pfs_as_phase1 || (s->config->pfs_as_config && s->assigned.pfs)) {
		c->pfs = info.suite.group;
	} else if (s->config->pfs_as_config) {
		c->pfs = DH_NONE;
	}
	session_search_config(s, c, info.suite.group);
	return c;
}

static void child_begin(struct session *s, vtime now, struct session_ike *ike,
			struct negotiation *n, unsigned slot)
{
	struct ike_event ev = { .type = IKE_EVENT_CHILD };

	*n = (struct negotiation){
		.id = ++s->epochs, .ike = ike, .ours = true, .slot = slot, .spi = spi_choose(s)
	};
	ev.child.id = n->id;
	ev.child.spi = n->spi;
	ev.child.config = tunnel_config(s, ike, slot);
	spi_offer(s, n);
	ike_event(ike->sa, now, &ev);
}

void session_tunnels_next(struct session *s, vtime now)
{
	struct session_ike *ike = session_ike_main(s);
	struct negotiation *n;
	int slot;

	while (ike && under_way(s) < SESSION_UNDER_WAY_MAX && (n = negotiation_new(s)) &&
	       (slot = first_queued(s)) >= 0) {
		s->tunnels[slot].queued = 0;
		child_begin(s, now, ike, n, (unsigned)slot);
	}
}

static void tunnel_queue(struct session *s, unsigned slot)
{
	s->tunnels[slot].retry_at = VTIME_NEVER;
	if (!s->tunnels[slot].queued)
		s->tunnels[slot].queued = ++s->queue_order;
}

bool session_tunnel_eager(const struct session *s, unsigned slot)
{
	return s->net.slots[slot].used && !s->net.slots[slot].on_demand;
}

unsigned session_tunnels_eager(const struct session *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->net.ntunnels; i++)
		n += session_tunnel_eager(s, i);
	return n;
}

void session_tunnel_reset(struct session *s, unsigned slot)
{
	const struct prober_config probes = session_prober_config(s->config);
	struct tunnel *t = &s->tunnels[slot];

	*t = (struct tunnel){ .retry_at = VTIME_NEVER };
	epochs_init(&t->epochs, (s->config->pingtries + 1) * s->config->pingtime);
	if (s->config->reached)
		t->epochs.reached = &s->config->reached->epochs;
	prober_init(&t->prober, &probes);
}

void session_tunnels_step(struct session *s, vtime now)
{
	unsigned n = session_tunnels_eager(s), on_demand = 0;

	for (unsigned i = 0; i < s->net.ntunnels; i++)
		on_demand += session_slot_is_fixed(&s->net, i) && s->net.slots[i].on_demand;
	if (n)
		session_step_begin(s, now, STEP_SA, "%u tunnel%s", n, n == 1 ? "" : "s");
	else
		session_step_begin(s, now, STEP_SA, "%u tunnel%s on demand", on_demand,
				   on_demand == 1 ? "" : "s");
}

void session_tunnels_begin(struct session *s, vtime now)
{
	session_demand_begin(s, now);
	for (unsigned i = 0; i < s->net.ntunnels; i++)
		if (session_tunnel_eager(s, i))
			tunnel_queue(s, i);
	session_tunnels_next(s, now);
	session_tunnels_settle(s, now);
}

/* There is no ISAKMP SA, because nobody has answered: what there is lives on to its end. */
static void orphan_asks(struct session *s, vtime now, struct tunnel *t)
{
	t->wanted = true;
	if (s->orphaned && (t->served || t->demanded) && !epochs_usable(&t->epochs))
		session_recover(s, now, "the keys are at their end, and new ones take an answer");
}

void session_negotiate(struct session *s, vtime now, unsigned slot)
{
	struct tunnel *t = &s->tunnels[slot];
	struct session_ike *ike = session_ike_main(s);

	if (slot >= s->net.ntunnels || !s->net.slots[slot].used)
		return;
	/* While connecting or recovering every tunnel has its turn anyway, or has had it. */
	if (s->state != SESSION_UP) {
		if (t->retry_at == VTIME_NEVER && !session_tunnel_pending(s, slot))
			t->retry_at = now;
		return;
	}
	if (session_tunnel_pending(s, slot)) {
		t->wanted = true;
		return;
	}
	if (t->rest_until > now) {
		if (t->retry_at == VTIME_NEVER || t->retry_at < t->rest_until)
			t->retry_at = t->rest_until;
		return;
	}
	if ((t->failures || t->unproved) && t->retry_at != VTIME_NEVER && t->retry_at > now)
		return;
	if (!ike) {
		orphan_asks(s, now, t);
		return;
	}
	tunnel_queue(s, slot);
	session_tunnels_next(s, now);
}

/* The pauses are there to spare a gateway what no person has asked for. */
void session_tunnel_renew(struct session *s, vtime now, unsigned slot)
{
	if (session_tunnel_pending(s, slot))
		return;
	tunnel_queue(s, slot);
	session_tunnels_next(s, now);
}

vtime session_tunnels_due_at(const struct session *s)
{
	vtime first = VTIME_NEVER;

	for (unsigned i = 0; s->state == SESSION_UP && i < s->net.ntunnels; i++)
		first = vtime_min(first, s->tunnels[i].retry_at);
	return first;
}

void session_tunnels_due(struct session *s, vtime now)
{
	for (unsigned i = 0; s->state == SESSION_UP && i < s->net.ntunnels; i++) {
		if (s->tunnels[i].retry_at > now)
			continue;
		s->tunnels[i].retry_at = VTIME_NEVER;
		session_negotiate(s, now, i);
	}
}

/* ---- how they end ---- */

static unsigned tunnels_up(const struct session *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->net.ntunnels; i++)
		n += session_tunnel_eager(s, i) && epochs_usable(&s->tunnels[i].epochs);
	return n;
}

static struct session_effect *tun_add(struct session *s)
{
	struct session_effect *fx = session_effect_add(s, SESSION_EFFECT_TUN);

	fx->tun.inner = s->net.inner;
	fx->tun.ninner = s->net.ninner;
	fx->tun.routes = s->net.routes;
	fx->tun.nroutes = s->net.nroutes;
	fx->tun.excludes = s->net.excludes;
	fx->tun.nexcludes = s->net.nexcludes;
	fx->tun.policy = &s->net.rules;
	fx->tun.assigned = s->has_assigned ? &s->assigned : NULL;
	fx->tun.path = s->tun_path = s->path;
	fx->tun.mtu = s->mtu;
	return fx;
}

void session_tun_follow(struct session *s)
{
	if (s->state != SESSION_UP || !s->tun_asked) {
		s->tun_due |= s->tun_asked;
		session_rules_changed(s);
		return;
	}
	session_rules_publish(s);
	tun_add(s)->tun.again = true;
}

void session_tun_names(struct session *s)
{
	struct session_effect *fx;

	if (s->state != SESSION_UP || s->tun_waiting) {
		s->tun_due |= s->tun_asked;
		return;
	}
	log_ev(s->log, LOG_INFO, "the gateway names other DNS servers or domains");
	fx = tun_add(s);
	fx->tun.again = true;
	fx->tun.names = true;
}

void session_tun_outer(struct session *s)
{
	const struct path *p = &s->tun_path;

	if (s->state != SESSION_UP || !s->tun_asked || s->tun_waiting)
		return;
	if (endpoint_eq(&p->local, &s->path.local) && endpoint_eq(&p->remote, &s->path.remote) &&
	    p->encapsulation == s->path.encapsulation)
		return;
	tun_add(s)->tun.again = true;
}

static void ask_tun(struct session *s, vtime now)
{
	session_mtu_expect(s, now);
	s->tun_asked = true;
	session_rules_publish(s);
	session_step_begin(s, now, STEP_UP, "addresses and routes");
	tun_add(s);
	s->tun_waiting = true;
	s->tun_due = false;
}

/* How many are up; of those that are not, the first and why. */
static void report_tunnels(struct session *s, vtime now)
{
	unsigned up = tunnels_up(s), n = session_tunnels_eager(s);
	char remote[TS_TEXT_MAX];

	if (n == 0) {
		session_step_end(s, now, "when packets ask for them");
		return;
	}
	for (unsigned i = 0; i < s->net.ntunnels && up < n; i++) {
		if (!session_tunnel_eager(s, i) || epochs_usable(&s->tunnels[i].epochs))
			continue;
		session_step_end(s, now, "%u of %u; not %s: %s", up, n,
				 ts_text(&s->net.tunnels[i].remote, remote),
				 s->last_child_failure.text);
		return;
	}
	session_step_end(s, now, "%u of %u", up, n);
}

/* But not before the gateway has been asked what else it would accept. */
static void give_up(struct session *s, vtime now)
{
	if (session_search_next(s, &s->last_child_failure)) {
		tunnel_queue(s, s->last_failed_slot);
		session_tunnels_next(s, now);
		return;
	}
	session_failed_ike(s, now, s->search.next ? &s->search.why : &s->last_child_failure, false);
}

void session_tunnels_settle(struct session *s, vtime now)
{
	if (any_pending(s) || s->step != STEP_SA)
		return;
	if (s->state != SESSION_RECOVERING && s->state != SESSION_CONNECTING)
		return;
	if (tunnels_up(s) == 0 && session_tunnels_eager(s) > 0) {
		give_up(s, now);
		return;
	}
	report_tunnels(s, now);
	if (!s->tun_asked || s->tun_due) {
		ask_tun(s, now);
		return;
	}
	session_set_state(s, now, SESSION_UP);
	session_step_begin(s, now, STEP_UP, "addresses and routes are still there");
	session_step_end(s, now, "again");
	session_recovered(s, now);
}

void session_child_ready(struct session *s, vtime now, struct session_ike *ike,
			 struct ike_child *child)
{
	struct negotiation *n = negotiation_find(s, ike, child->id);

	(void)now;
	if (n && !n->in && s->state != SESSION_CLOSING) {
		session_encapsulate(s, child);
		child->id = n->epoch;
		n->spi_out = child->spi_out;
		n->in = session_inbound_new(s, n->slot, child);
	}
	ike_child_free(child);
}

void session_child_up(struct session *s, vtime now, struct session_ike *ike,
		      struct ike_child *child)
{
	struct negotiation *n = negotiation_find(s, ike, child->id);
	struct negotiation was;

	if (!n) {
		ike_child_free(child);
		return;
	}
	if (s->search.next && n->ours) {
		session_search_found(s, child);
		session_goodbye(s, child->spi_in);
		negotiation_end(s, n);
		ike_child_free(child);
		session_failed_ike(s, now, &s->search.why, false);
		return;
	}
	was = *n;
	*n = (struct negotiation){ 0 };
	if (!was.ours)
		child->id = was.epoch;
	s->tunnels[was.slot].failures = 0;
	s->tunnels[was.slot].twins = 0;
	s->tunnels[was.slot].retry_at = VTIME_NEVER;
	s->tunnels[was.slot].wanted = false;
	s->tunnels[was.slot].served = true;
	session_encapsulate(s, child);
	session_epoch_install(s, now, was.slot, child, was.in);
	spi_withdraw(s, &was);
	session_demand_served(s, now, was.slot);
	if (was.deleted)
		session_child_deleted(s, now, was.spi_out);
	session_tunnels_next(s, now);
	session_tunnels_settle(s, now);
}

/* Up already: the tunnel is tried again, and what has failed too often begins anew. */
static void retry(struct session *s, vtime now, unsigned slot, const struct ike_failure *why)
{
	struct tunnel *t = &s->tunnels[slot];

	t->failures++;
	t->retry_at = vtime_add(now, backoff_wait(t->failures, s->rng));
	/* If the gateway never wanted it that is no reason to doubt anything else. */
	if (t->served && !session_epochs_usable(s))
		session_recover(s, now, s->last_child_failure.text);
	else if (t->served)
		session_count_failure(s, now);
	if (s->state == SESSION_UP && epochs_current(&t->epochs) < 0)
		session_refuse(s, slot, t->retry_at, why);
}

/*
 * The others may be back without it. What it has is in doubt and of no use until there is a new one;
 * no reason to begin again with all of them.
 */
static void left_out(struct session *s, vtime now, unsigned slot)
{
	struct tunnel *t = &s->tunnels[slot];

	t->served = false;
	t->failures++;
	t->retry_at = vtime_add(now, backoff_wait(t->failures, s->rng));
}

/*
 * Another client behind our NAT has this SPI already, which must be able to tell them apart: at once
 * with another one, whatever else is going on. A few times: it was no chance then.
 */
static bool twin(struct session *s, const struct negotiation *n, const struct ike_failure *why)
{
	struct tunnel *t = &s->tunnels[n->slot];

	if (!n->ours || why->notify != NOTIFY_SPI || !why->authentic || t->twins == TWINS_MAX ||
	    s->state == SESSION_CLOSING)
		return false;
	t->twins++;
	tunnel_queue(s, n->slot);
	return true;
}

/* An offer that came so far that the peer may have made its SAs (was.in) is made up for by ours. */
static void negotiation_failed(struct session *s, vtime now, struct negotiation *n,
			       const struct ike_failure *why)
{
	const struct negotiation was = *n;
	char remote[TS_TEXT_MAX];

	negotiation_end(s, n);
	log_ev(s->log, LOG_WARN, "child failed", log_u64("tunnel", was.slot),
	       log_str("remote", ts_text(&s->net.tunnels[was.slot].remote, remote)),
	       log_str("why", why->text ? why->text : err_name(why->err)),
	       log_str("by", was.ours ? "us" : "peer"));
	if (twin(s, &was, why))
		return;
	if (!was.ours) {
		if (s->tunnels[was.slot].wanted || was.in)
			s->tunnels[was.slot].retry_at = now;
		return;
	}
	s->last_child_failure = *why;
	s->last_failed_slot = was.slot;
	if (s->net.slots[was.slot].on_demand && epochs_current(&s->tunnels[was.slot].epochs) < 0)
		session_demand_failed(s, now, was.slot, why);
	else if (s->state == SESSION_UP)
		retry(s, now, was.slot, why);
	else if (s->state == SESSION_RECOVERING)
		left_out(s, now, was.slot);
}

void session_child_failed(struct session *s, vtime now, struct session_ike *ike, uint32_t id,
			  const struct ike_failure *why)
{
	struct negotiation *n = negotiation_find(s, ike, id);
	bool own;

	if (!n)
		return;
	own = !s->net.slots[n->slot].rule;
	if (why->err == ERR_TIMEOUT)
		session_refusal_judge(s, now, ike, false);
	negotiation_failed(s, now, n, why);
	session_tunnels_next(s, now);
	if (!own || why->notify != NOTIFY_INVALID_ID || !session_config_narrow(s, now))
		session_tunnels_settle(s, now);
}

void session_negotiations_lost(struct session *s, vtime now, const struct session_ike *ike,
			       const struct ike_failure *why)
{
	for (unsigned k = 0; k < SESSION_NEGOTIATIONS_MAX; k++) {
		struct negotiation *n = &s->negotiations[k];

		if (!n->id || n->ike != ike)
			continue;
		/*
		 * Another ISAKMP SA takes over at once; where there is none, all begins anew. So it
		 * is with what the peer began when we wait for it, or it may believe it is done.
		 */
		if (s->state == SESSION_UP && (n->ours || s->tunnels[n->slot].wanted || n->in))
			s->tunnels[n->slot].retry_at = now;
		s->last_child_failure = *why;
		negotiation_end(s, n);
	}
}

/* ---- begun by the peer ---- */

/* What the gateway agreed to may be a part of what we asked for: so it renews it. */
static bool has_agreed(const struct tunnel *t, const struct ts_pair *ts)
{
	for (unsigned k = 0; k < EPOCHS_MAX; k++)
		if (t->epoch[k].in && ts_pair_eq(&t->epoch[k].child.ts, ts))
			return true;
	return false;
}

/* What we would offer for this slot. */
static bool is_offer(const struct session *s, unsigned slot, const struct ts_pair *ts)
{
	const struct session_slot *at = &s->net.slots[slot];
	struct ts_pair offer = session_ts_offer(&s->net.tunnels[slot]);

	return at->used && at->granularity == GRANULARITY_RULE && ts_pair_eq(&offer, ts);
}

static int tunnel_of(const struct session *s, const struct ts_pair *ts)
{
	for (unsigned i = 0; i < s->net.ntunnels; i++)
		if (is_offer(s, i, ts))
			return (int)i;
	for (unsigned i = 0; i < s->net.ntunnels; i++)
		if (has_agreed(&s->tunnels[i], ts))
			return (int)i;
	return -1;
}

static void offer_refuse(struct session *s, vtime now, struct session_ike *ike, uint32_t id,
			 uint16_t notify)
{
	struct ike_event ev = { .type = IKE_EVENT_CHILD_REFUSE };

	log_ev(s->log, LOG_INFO, "an offer of the gateway is refused", log_u64("notify", notify));
	ev.refuse.id = id;
	ev.refuse.notify = notify;
	ike_event(ike->sa, now, &ev);
}

void session_refusal_judge(struct session *s, vtime now, const struct session_ike *ike, bool dead)
{
	bool soon = dead && ike->refused_at && now - ike->refused_at < REFUSAL_TAKEN_ILL;

	if (s->passes_over || !(soon || ike->refused_last))
		return;
	s->passes_over = true;
	log_ev(s->log, LOG_WARN,
	       "the gateway does not stand a refusal: what it offers is passed over from now on");
}

/* Races in a NAT are ours to prevent: new epochs of what there is are begun by us alone. */
static bool ignores(const struct session *s, unsigned slot)
{
	enum session_ignore wish = s->config->ignore_peer_rekey;

	if (session_epochs_none(s, slot))
		return false;
	return wish == SESSION_IGNORE_YES || (wish == SESSION_IGNORE_AUTO && session_is_strict(s));
}

static void offer_ignore(struct session *s, vtime now, struct session_ike *ike, uint32_t id,
			 unsigned slot)
{
	offer_refuse(s, now, ike, id, s->passes_over ? 0 : NOTIFY_NO_PROPOSAL);
	if (!s->passes_over) {
		ike->refused_at = now;
		ike->refused_last = true;
	}
	/* What is on trial would be forgotten for another one. */
	if (!session_epochs_on_trial(&s->tunnels[slot]))
		session_negotiate(s, now, slot);
}

void session_child_offer(struct session *s, vtime now, struct session_ike *ike, uint32_t id,
			 const struct ts_pair *ts)
{
	struct ike_event ev = { .type = IKE_EVENT_CHILD_ACCEPT };
	struct negotiation *n = negotiation_new(s);
	int slot = tunnel_of(s, ts);

	if (slot < 0) {
		offer_refuse(s, now, ike, id, NOTIFY_INVALID_ID);
		return;
	}
	if (!n || s->state == SESSION_CLOSING || ike->parting) {
		offer_refuse(s, now, ike, id, NOTIFY_NO_PROPOSAL);
		return;
	}
	if (ignores(s, (unsigned)slot)) {
		offer_ignore(s, now, ike, id, (unsigned)slot);
		return;
	}
	*n = (struct negotiation){
		.id = id,
		.ike = ike,
		.slot = (unsigned)slot,
		.spi = spi_choose(s),
		.epoch = ++s->epochs,
	};
	ev.child.id = id;
	ev.child.spi = n->spi;
	ev.child.config = tunnel_config(s, ike, n->slot);
	ike_event(ike->sa, now, &ev);
}
