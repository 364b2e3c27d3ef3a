/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/mtu.h"
#include "esp/limit.h"
#include "gateway/gateway_impl.h"

#define UDP_IKE 4500
/*
 * A client that has moved says so, and the path that it names is limited until it is proved; its
 * data may overtake its word by so much. What it does not know of (its NAT has moved) is followed then.
 */
#define SOURCE_WAIT (500 * VTIME_MS)
/* A datagram that was slow does not take a client back to where it has just left. */
#define LEFT_AGE (10 * VTIME_S)

/* ---- all SAs of a client ---- */

/* NULL: every one of them. */
static bool is_listed(const struct update_spis *spis, uint32_t spi)
{
	for (unsigned i = 0; spis && i < spis->n; i++)
		if (spis->spi[i] == spi)
			return true;
	return !spis;
}

/* What nothing has come on yet the client may not know of: it cannot have listed it. */
static bool is_new(const struct gateway_epoch *e)
{
	return atomic_load_explicit(&esp_in_counters(e->in)->packets, memory_order_relaxed) == 0;
}

static void path_give(struct gateway *g, const struct gateway_epoch *e, const struct path *path)
{
	struct path *old = esp_out_move(e->out, path);
	unsigned mtu = mtu_inner(g->config->path_mtu, path->remote.addr.family, path->encapsulation,
				 &e->child.suite);

	esp_out_set_mtu(e->out, mtu ? mtu : 1);
	esp_in_set_mtu(e->in, mtu ? mtu : 1);
	if (old)
		gateway_effect_add(g, SESSION_EFFECT_RETIRE_PATH)->old_path = old;
}

void roam_limit(const struct gateway_peer *p, struct esp_in *in, struct esp_out *out)
{
	if (in)
		esp_in_set_limit(in, p->limit);
	if (out)
		esp_out_set_limit(out, p->limit);
}

/* The limit comes before the path that it is for, and goes after it. */
static void epoch_take(struct gateway *g, const struct gateway_peer *p,
		       const struct gateway_epoch *e)
{
	if (p->limit)
		roam_limit(p, e->in, e->out);
	path_give(g, e, &p->path);
	if (!p->limit)
		roam_limit(p, e->in, e->out);
}

/* Listed when the client was asked elsewhere, and not now: to where it was before that. */
static void epoch_back(struct gateway *g, const struct gateway_peer *p,
		       const struct gateway_epoch *e, const struct path *asked)
{
	struct path proved = p->update.old;

	proved.generation = p->path.generation;
	if (endpoint_eq(&esp_out_path(e->out)->remote, &asked->remote))
		path_give(g, e, &proved);
	esp_in_set_limit(e->in, NULL);
	esp_out_set_limit(e->out, NULL);
}

/* asked: where the client has been asked and has not answered; NULL: nowhere. */
static void epochs_take(struct gateway *g, const struct gateway_peer *p,
			const struct update_spis *spis, const struct path *asked)
{
	for (unsigned n = 0; n < p->nslots; n++) {
		struct gateway_tunnel *t = g->tunnels[p->slots[n]];

		for (unsigned k = 0; k < EPOCHS_MAX; k++) {
			const struct gateway_epoch *e = &t->epoch[k];

			if (e->out && (is_listed(spis, e->child.spi_in) || is_new(e)))
				epoch_take(g, p, e);
			else if (e->out && asked)
				epoch_back(g, p, e, asked);
		}
	}
	for (unsigned k = 0; k < PEER_NEGOTIATIONS_MAX; k++)
		roam_limit(p, p->negotiations[k].in, NULL);
}

static void ikes_take(struct gateway *g, vtime now, const struct gateway_peer *p,
		      const struct path *path)
{
	struct ike_event ev = { .type = IKE_EVENT_MOVE, .path = *path };

	for (struct gateway_ike *i = p->ikes; i; i = i->peer_next) {
		i->path = *path;
		ike_give(g, now, i, &ev);
	}
}

static void limit_retire(struct gateway *g, struct esp_limit *l)
{
	if (l)
		gateway_effect_add(g, SESSION_EFFECT_RETIRE_LIMIT)->old_limit = l;
}

static void limit_lift(struct gateway *g, struct gateway_peer *p)
{
	struct esp_limit *l = p->limit;

	p->limit = NULL;
	for (unsigned n = 0; n < p->nslots; n++)
		for (unsigned k = 0; k < EPOCHS_MAX; k++)
			roam_limit(p, g->tunnels[p->slots[n]]->epoch[k].in,
				   g->tunnels[p->slots[n]]->epoch[k].out);
	for (unsigned k = 0; k < PEER_NEGOTIATIONS_MAX; k++)
		roam_limit(p, p->negotiations[k].in, NULL);
	limit_retire(g, l);
}

static void go(struct gateway *g, vtime now, struct gateway_peer *p, struct path path,
	       const struct update_spis *spis, bool asked)
{
	const struct path before = p->path;

	if (!endpoint_eq(&path.remote, &before.remote)) {
		p->left = before.remote;
		p->left_at = now;
	}
	path.generation = p->path.generation + 1;
	p->path = path;
	p->source_due = VTIME_NEVER;
	p->source_waits = false;
	epochs_take(g, p, spis, asked ? &before : NULL);
	ikes_take(g, now, p, &path);
}

/* ---- updates ---- */

static void on_move(struct gateway *g, vtime now, struct gateway_peer *p,
		    const struct update_effect *fx)
{
	struct esp_limit *before = p->limit;

	if (fx->move.limited) {
		p->limit = esp_limit_new(&fx->move.path.remote, UPDATE_LIMIT_FACTOR);
		go(g, now, p, fx->move.path, &fx->move.spis, before);
		limit_retire(g, before);
	} else {
		go(g, now, p, fx->move.path, &fx->move.spis, before);
		limit_lift(g, p);
	}
	log_ev(g->log, LOG_INFO, "client has moved", peer_field(p),
	       log_endpoint("to", &p->path.remote), log_u64("limited", fx->move.limited));
}

static void on_send(struct gateway *g, vtime now, const struct gateway_peer *p,
		    const struct update_message *m)
{
	struct gateway_ike *i = peer_main(p);
	const struct ike_event ev = { .type = IKE_EVENT_NOTIFY, .notify = session_notify(m) };

	if (i)
		ike_give(g, now, i, &ev);
}

static void on_stop(struct gateway *g, vtime now, const struct gateway_peer *p, uint32_t id)
{
	for (struct gateway_ike *i = p->ikes; i; i = i->peer_next)
		ike_give(g, now, i,
			 &(struct ike_event){ .type = IKE_EVENT_NOTIFY_END, .notify_id = id });
}

static void carry_out(struct gateway *g, vtime now, struct gateway_peer *p)
{
	struct update_effect fx;

	while (update_gateway_output(&p->update, &fx)) {
		switch (fx.type) {
		case UPDATE_STOP:
			on_stop(g, now, p, fx.id);
			break;
		case UPDATE_SEND:
			on_send(g, now, p, &fx.send);
			break;
		case UPDATE_MOVE:
			on_move(g, now, p, &fx);
			break;
		case UPDATE_UNLIMIT:
			limit_lift(g, p);
			break;
		case UPDATE_BOUND: /* the client's */
		case UPDATE_RENEW:
		case UPDATE_ANEW:
		case UPDATE_FOLLOW:
			break;
		}
	}
	g->roam_due = vtime_min(g->roam_due, update_gateway_deadline(&p->update));
}

/* Our inbound SPIs of all its epochs, and of those to be. */
static unsigned spis_of(const struct gateway *g, const struct gateway_peer *p,
			uint32_t out[ROAM_SPIS_MAX])
{
	unsigned count = 0;

	for (unsigned n = 0; n < p->nslots; n++)
		for (unsigned k = 0; k < EPOCHS_MAX; k++)
			if (g->tunnels[p->slots[n]]->epoch[k].in)
				out[count++] = g->tunnels[p->slots[n]]->epoch[k].child.spi_in;
	for (unsigned k = 0; k < PEER_NEGOTIATIONS_MAX; k++)
		if (p->negotiations[k].in)
			out[count++] = p->negotiations[k].spi;
	return count;
}

void roam_notify(struct gateway *g, vtime now, struct gateway_ike *i, const struct ike_effect *fx)
{
	struct gateway_peer *p = i->peer;
	const struct update_notified n = {
		.type = fx->notified.type,
		.data = fx->notified.data,
		.from = fx->notified.from,
		.to = fx->notified.to,
		.newest = p && peer_main(p) == i,
		.natd = fx->notified.natd,
		.peer_nat = fx->notified.nat & NAT_REMOTE,
		.own_nat = fx->notified.nat & NAT_LOCAL,
	};
	uint32_t list[ROAM_SPIS_MAX], identifier;
	struct update_spis spis = { list, 0 };
	struct endpoint before;

	if (!p)
		return;
	/* Who repeats what he has sent before is not alive by that, but has sent it. */
	if (fx->notified.again && p->limit)
		esp_limit_received(p->limit, &n.from, g->arrived_n);
	if (!p->update.checking)
		p->nat_before = p->nat;
	before = p->path.remote;
	identifier = p->update.identifier;
	spis.n = spis_of(g, p, list);
	p->update.policy = gateway_admits(g->config, p->entry, &n.from.addr) ? &g->policy :
									       &g->policy_nobody;
	update_gateway_notify(&p->update, now, g->rng, &n, &spis);
	carry_out(g, now, p);
	/* A copy of an older request says nothing of where its client is now. */
	if (n.natd && p->update.identifier != identifier && endpoint_eq(&p->path.remote, &n.from))
		p->nat = fx->notified.nat;
	else if (!endpoint_eq(&p->path.remote, &before))
		p->nat = p->nat_before;
}

/* ---- clients that are followed ---- */

static bool may_follow(const struct gateway *g, const struct gateway_peer *p,
		       const struct endpoint *from)
{
	return (p->nat & NAT_REMOTE) && p->path.encapsulation == ENCAPSULATION_UDP &&
	       p->path.local.port == UDP_IKE && from->port &&
	       from->addr.family == p->path.remote.addr.family && addr_is_host(&from->addr) &&
	       gateway_admits(g->config, p->entry, &from->addr);
}

static void follow(struct gateway *g, vtime now, struct gateway_peer *p,
		   const struct endpoint *from)
{
	struct path path = p->path;

	path.remote = *from;
	g->counters.followed++;
	log_ev(g->log, LOG_INFO, "client is followed", peer_field(p), log_endpoint("to", from));
	p->update.path = path;
	go(g, now, p, path, NULL, false);
}

/* Data has come since then; from elsewhere than before it would have told of it. */
static bool has_data(const struct gateway *g, const struct gateway_peer *p, vtime since)
{
	for (unsigned n = 0; n < p->nslots; n++)
		for (unsigned k = 0; k < EPOCHS_MAX; k++) {
			const struct gateway_epoch *e = &g->tunnels[p->slots[n]]->epoch[k];

			if (e->in && atomic_load_explicit(&esp_in_counters(e->in)->heard_at,
							  memory_order_relaxed) > since)
				return true;
		}
	return false;
}

/* The time has come; who relays a word over IKE does not get the data of a client that goes on. */
static void source_due(struct gateway *g, vtime now, struct gateway_peer *p)
{
	p->source_due = VTIME_NEVER;
	if (p->source_ike && has_data(g, p, p->source_at))
		g->counters.not_followed++;
	else
		follow(g, now, p, &p->source);
}

/* Something authentic has come from there, over IKE or as data. */
static void source(struct gateway *g, vtime now, struct gateway_peer *p,
		   const struct endpoint *from, bool ike)
{
	if (endpoint_eq(from, &p->path.remote)) {
		p->source_due = VTIME_NEVER;
		p->source_waits = false;
	} else if (p->update.checking) {
		p->source = *from;
		p->source_ike = ike;
		p->source_waits = true;
		g->counters.not_followed++;
	} else if (!may_follow(g, p, from)) {
		g->counters.not_followed++;
	} else if (!p->roams && (!ike || !has_data(g, p, now - vtime_min(now, SOURCE_WAIT)))) {
		follow(g, now, p, from);
	} else if (p->source_due == VTIME_NEVER || !endpoint_eq(from, &p->source) ||
		   (p->source_ike && !ike)) {
		p->source = *from;
		p->source_ike = ike;
		p->source_at = now;
		p->source_due = vtime_add(now, SOURCE_WAIT);
		g->roam_due = vtime_min(g->roam_due, p->source_due);
	}
}

/* An SA that stayed behind when the others moved, and that the client uses from where it is. */
static void catch_up(struct gateway *g, const struct gateway_tunnel *t, uint32_t spi)
{
	const struct gateway_peer *p = t->peer;

	for (unsigned k = 0; k < EPOCHS_MAX; k++) {
		const struct gateway_epoch *e = &t->epoch[k];

		if (e->out && e->child.spi_in == spi &&
		    !endpoint_eq(&esp_out_path(e->out)->remote, &p->path.remote))
			epoch_take(g, p, e);
	}
}

void roam_source(struct gateway *g, vtime now, const struct data_event *ev)
{
	struct gateway_tunnel *t = ev->slot < TUNNELS_MAX ? g->tunnels[ev->slot] : NULL;

	if (!t || !t->peer)
		return;
	source(g, now, t->peer, &ev->from, false);
	if (endpoint_eq(&ev->from, &t->peer->path.remote))
		catch_up(g, t, ev->spi);
}

void roam_heard(struct gateway *g, vtime now, const struct gateway_ike *i)
{
	const struct endpoint *from = &g->arrived_from;
	struct gateway_peer *p = i->peer;
	bool left = endpoint_eq(from, &p->left) && now - p->left_at < LEFT_AGE;
	struct ike_sa_info info;

	ike_sa_info(i->sa, &info);
	if (p->limit)
		esp_limit_received(p->limit, from, g->arrived_n);
	/* To be where we take it to be takes no word from there over IKE. */
	if (!left && !info.forgets && !endpoint_eq(from, &p->path.remote) &&
	    g->arrived_to.port == UDP_IKE)
		source(g, now, p, from, true);
}

bool roam_may_send(const struct gateway_peer *p, const struct ike_effect *fx)
{
	if (!p->limit || !endpoint_eq(&fx->send.to, &p->path.remote))
		return true;
	if (fx->send.resent && !esp_limit_allows(p->limit, fx->send.bytes.n))
		return false;
	esp_limit_sent(p->limit, fx->send.bytes.n);
	return true;
}

/* ---- life ---- */

void roam_begin(struct gateway *g, struct gateway_peer *p)
{
	update_gateway_init(&p->update, &g->policy, &p->path);
	p->source_due = VTIME_NEVER;
	p->nat_before = p->nat;
}

static void counts_keep(struct gateway *g, struct gateway_peer *p)
{
	for (unsigned k = 0; k < UPDATE_GATEWAY_RULE_COUNT; k++)
		g->counters.updates[k] += p->update.counts[k];
}

/*
 * Who has agreed on a new ISAKMP SA is where it did so, whatever is being asked there: all goes on
 * from there.
 */
void roam_joined(struct gateway *g, vtime now, struct gateway_peer *p)
{
	uint32_t id = p->update.id;

	if (!p->update.checking) {
		update_gateway_new_sa(&p->update);
		p->update.path = p->path;
		return;
	}
	on_stop(g, now, p, id);
	counts_keep(g, p);
	roam_begin(g, p);
	p->update.id = id;
	p->update.counts[UPDATE_GATEWAY_NEW_SA]++;
	go(g, now, p, p->path, NULL, false);
	limit_lift(g, p);
}

void roam_end(struct gateway *g, struct gateway_peer *p)
{
	counts_keep(g, p);
	limit_retire(g, p->limit);
	p->limit = NULL;
}

/* What has come from elsewhere meanwhile may be the client: it has not answered where it was asked. */
static void check_fails(struct gateway *g, vtime now, struct gateway_peer *p)
{
	struct endpoint from = p->source;
	bool waits = p->source_waits;

	update_gateway_timeout(&p->update, now);
	carry_out(g, now, p);
	p->nat = p->nat_before;
	if (waits)
		source(g, now, p, &from, p->source_ike);
}

void roam_timeout(struct gateway *g, vtime now)
{
	vtime first = VTIME_NEVER;

	if (g->roam_due > now)
		return;
	g->roam_due = VTIME_NEVER;
	for (unsigned k = 0; k < g->peers_end; k++) {
		struct gateway_peer *p = &g->peers[k];

		if (!p->used)
			continue;
		if (update_gateway_deadline(&p->update) <= now)
			check_fails(g, now, p);
		if (p->source_due <= now)
			source_due(g, now, p);
		first = vtime_min(first, update_gateway_deadline(&p->update));
		first = vtime_min(first, p->source_due);
	}
	g->roam_due = first;
}

void roam_init(struct gateway *g)
{
	static const struct prefix everywhere[] = {
		{ { .family = FAMILY_IP4 }, 0 },
		{ { .family = FAMILY_IP6 }, 0 },
	};
	const struct gateway_config *c = g->config;

	g->roam_due = VTIME_NEVER;
	g->policy = (struct update_policy){
		.roaming = c->roaming,
		.ip4 = c->nown == 0,
		.ip6 = c->nown == 0,
		.own = c->own,
		.nown = c->nown,
	};
	for (unsigned i = 0; i < c->nown; i++) {
		g->policy.ip4 |= c->own[i].family == FAMILY_IP4;
		g->policy.ip6 |= c->own[i].family == FAMILY_IP6;
	}
	g->policy_nobody = g->policy;
	g->policy_nobody.refused = everywhere;
	g->policy_nobody.nrefused = ARRAY_SIZE(everywhere);
}
