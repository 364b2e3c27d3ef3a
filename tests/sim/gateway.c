/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/gateway.h"

#include <stdlib.h>

#include "base/mem.h"
#include "tests/sim/peer.h"

#define GATEWAY_ARENA 8192
#define CHILDREN_MAX 128
#define EXTRAS_MAX 64
#define SLOW_MAX 64
#define LINGER (5 * VTIME_S) /* received on after the end of life, and after a Delete */

struct child {
	uint32_t spi; /* its own */
	struct esp_in *in;
	struct esp_out *out;
	unsigned tunnel;
	uint32_t spi_out;
	bool waits; /* not sent on before the client has */
	bool spent; /* not sent on any more */
	bool deleted; /* our Delete is out */
	vtime ends; /* its life */
	vtime gone; /* it is taken away then */
};

struct sim_gateway {
	struct world *world;
	struct responder *responder;
	struct sim_peer *peer; /* NULL: it is the responder */
	struct responder_replies replies;
	struct classifier *classifier;
	struct outbound *outbound;
	struct inbound *inbound;
	struct child children[CHILDREN_MAX];
	unsigned nchildren;
	/* Selectors that the client came up with, as we see them: their slots follow the tunnels'. */
	struct ts_pair extra[EXTRAS_MAX];
	unsigned nextra;
	unsigned pings; /* of the client's own that came */
	vtime slow[SLOW_MAX]; /* IKE that has waited long enough by then */
	unsigned first_slow, nslow;
	uint32_t dpd; /* number of the last one sent */
	uint8_t arena[GATEWAY_ARENA];
	uint8_t answer_arena[GATEWAY_ARENA];
};

/* ---- SAs ---- */

/*
 * The newest pair of a tunnel carries what goes out, one that must wait only where there is no other;
 * NULL: none is left.
 */
static const struct child *newest_of(const struct sim_gateway *g, unsigned tunnel)
{
	const struct child *newest = NULL;

	for (unsigned i = 0; i < g->nchildren; i++) {
		const struct child *c = &g->children[i];

		if (c->tunnel == tunnel && !c->spent && (!c->waits || !newest))
			newest = c;
	}
	return newest;
}

static void publish_newest(struct sim_gateway *g, unsigned tunnel)
{
	const struct child *newest = newest_of(g, tunnel);

	classifier_set_current(g->classifier, tunnel, newest ? newest->out : NULL);
}

static void child_remove(struct sim_gateway *g, unsigned i)
{
	struct child gone = g->children[i];

	g->nchildren--;
	memmove(g->children + i, g->children + i + 1, (g->nchildren - i) * sizeof(g->children[0]));
	publish_newest(g, gone.tunnel);
	classifier_remove_spi(g->classifier, gone.spi);
	esp_in_free(gone.in);
	esp_out_free(gone.out);
}

static void rule_add(struct policy *rules, const struct ts *local, const struct ts *remote,
		     unsigned slot)
{
	const struct policy_rule rule = {
		.ts = { *local, *remote },
		.action = POLICY_PROTECT,
		.slot = slot,
	};

	policy_add(rules, &rule);
}

/* The client's selectors, seen from the other end. */
static void publish_rules(struct sim_gateway *g)
{
	const struct session_config *c = &g->world->settings.session;
	struct policy *rules = xcalloc(1, sizeof(*rules));

	rules->fallback = POLICY_DISCARD;
	for (unsigned i = g->nextra; i > 0; i--)
		rule_add(rules, &g->extra[i - 1].local, &g->extra[i - 1].remote,
			 c->ntunnels + i - 1);
	for (unsigned i = 0; i < c->ntunnels; i++)
		rule_add(rules, &c->tunnels[i].remote, &c->tunnels[i].local, i);
	classifier_rules_free(classifier_publish_rules(g->classifier, rules));
	free(rules);
}

static unsigned tunnel_of(struct sim_gateway *g, const struct ts_pair *ts)
{
	const struct session_config *c = &g->world->settings.session;

	for (unsigned i = 0; i < c->ntunnels; i++)
		if (ts_eq(&c->tunnels[i].remote, &ts->local) &&
		    ts_eq(&c->tunnels[i].local, &ts->remote))
			return i;
	for (unsigned i = 0; i < g->nextra; i++)
		if (ts_pair_eq(&g->extra[i], ts))
			return c->ntunnels + i;
	if (c->nrules == 0 || g->nextra == EXTRAS_MAX)
		return CLASSIFIER_SLOTS;
	g->extra[g->nextra++] = *ts;
	publish_rules(g);
	return c->ntunnels + g->nextra - 1;
}

static struct child *child_add(struct sim_gateway *g, const struct responder_child *rc,
			       const struct path *path)
{
	struct world *w = g->world;
	struct child *c = &g->children[g->nchildren];
	struct esp_sa_config config = {
		.spi = rc->spi_in,
		.suite = rc->suite,
		.keymat = secret_slice(&rc->keymat_in),
		.ts = rc->ts,
		.path = *path,
		.slot = tunnel_of(g, &rc->ts),
		.epoch = rc->spi_in,
		.first_sequence = 1,
	};

	world_expect(w, config.slot < CLASSIFIER_SLOTS && g->nchildren < CHILDREN_MAX,
		     "the gateway agreed on a pair of SAs that fits no tunnel, or on too many");
	if (w->failure[0])
		return NULL;
	*c = (struct child){ .ends = VTIME_NEVER, .gone = VTIME_NEVER };
	c->spi = rc->spi_in;
	c->spi_out = rc->spi_out;
	c->tunnel = config.slot;
	c->in = esp_in_new(&config, &w->rng[STREAM_GATEWAY]);
	config.spi = rc->spi_out;
	config.keymat = secret_slice(&rc->keymat_out);
	c->out = esp_out_new(&config, &w->rng[STREAM_GATEWAY]);
	g->nchildren++;
	classifier_add_spi(g->classifier, c->in);
	publish_newest(g, c->tunnel);
	return c;
}

static void send_sealed(struct sim_gateway *g, const struct batch *b)
{
	for (unsigned i = 0; i < b->n; i++)
		if (b->pkts[i].kind == PKT_SEALED)
			world_send(g->world, SIDE_GATEWAY, &b->pkts[i].path->local,
				   &b->pkts[i].path->remote, pkt_slice(&b->pkts[i]));
}

/* A host's answer to this request. */
static void send_answer(struct sim_gateway *g, struct slice request)
{
	struct batch b, replies;
	struct pkt *answer;

	batch_init(&b, g->answer_arena, sizeof(g->answer_arena) / 2);
	batch_init(&replies, g->answer_arena + sizeof(g->answer_arena) / 2,
		   sizeof(g->answer_arena) / 2);
	answer = batch_take(&b, ESP_HEADROOM, (uint32_t)request.n, ESP_TAILROOM);
	memcpy(pkt_data(answer), request.p, request.n);
	if (!inner_answer(pkt_data(answer), answer->len))
		return;
	outbound_run(g->outbound, g->world->now, &b, &replies);
	send_sealed(g, &b);
}

/* Answers that nobody has asked for. */
static void send_eagerly(struct sim_gateway *g, unsigned tunnel)
{
	struct world *w = g->world;
	uint8_t request[INNER_SIZE_MAX];

	for (unsigned i = 0; i < w->settings.eager; i++) {
		unsigned number = inner_add(&w->book, i % 2 ? INNER_ICMP : INNER_UDP,
					    &w->settings.session.tunnels[tunnel].local.lo,
					    &w->settings.hosts[tunnel], 60 + 100 * i);

		send_answer(g, slice(request, inner_request(&w->book, number, request)));
	}
}

static bool child_known(const struct sim_gateway *g, uint32_t spi)
{
	for (unsigned i = 0; i < g->nchildren; i++)
		if (g->children[i].spi == spi)
			return true;
	return false;
}

/* SAs for what the responder has agreed on since, none for what was deleted. */
static void children_follow(struct sim_gateway *g, const struct path *path)
{
	for (unsigned i = 0; i < g->nchildren;) {
		if (responder_child(g->responder, g->children[i].spi))
			i++;
		else
			child_remove(g, i);
	}
	for (unsigned i = 0; i < RESPONDER_CHILDREN_MAX; i++) {
		const struct responder_child *rc = responder_child_at(g->responder, i);

		if (rc->spi_in && (rc->up || !g->world->settings.late) &&
		    !child_known(g, rc->spi_in) && child_add(g, rc, path))
			send_eagerly(g, tunnel_of(g, &rc->ts));
	}
}

/* ---- the engine's children ---- */

static void child_delete(struct sim_gateway *g, struct child *c)
{
	c->spent = true;
	c->deleted = true;
	c->gone = vtime_min(c->gone, g->world->now + LINGER);
	sim_peer_delete_child(g->peer, c->spi);
}

/* What is older than the one that is sent on is told to be gone, if this gateway does so. */
static void delete_older(struct sim_gateway *g, unsigned tunnel)
{
	const struct child *newest = newest_of(g, tunnel);

	for (unsigned i = 0; g->world->settings.deletes && i < g->nchildren; i++) {
		struct child *c = &g->children[i];

		if (newest && c < newest && c->tunnel == tunnel && !c->deleted)
			child_delete(g, c);
	}
}

void sim_gateway_child_up(struct sim_gateway *g, const struct ike_child *child,
			  const struct path *path, bool ours)
{
	const struct responder_child rc = {
		.spi_in = child->spi_in,
		.spi_out = child->spi_out,
		.suite = child->suite,
		.ts = child->ts,
		.keymat_in = child->keymat_in,
		.keymat_out = child->keymat_out,
	};
	struct child *c = child_add(g, &rc, path);

	if (!c)
		return;
	c->ends = vtime_add(g->world->now, child->keylife_s * VTIME_S);
	c->waits = ours && g->world->settings.waits;
	publish_newest(g, c->tunnel);
	delete_older(g, c->tunnel);
}

void sim_gateway_child_deleted(struct sim_gateway *g, uint32_t spi_out)
{
	for (unsigned i = 0; i < g->nchildren; i++) {
		struct child *c = &g->children[i];

		if (c->spi_out != spi_out || c->spent)
			continue;
		c->spent = true;
		c->gone = vtime_min(c->gone, g->world->now + LINGER);
		publish_newest(g, c->tunnel);
	}
}

static void children_due(struct sim_gateway *g)
{
	vtime now = g->world->now;

	for (unsigned i = 0; i < g->nchildren;) {
		struct child *c = &g->children[i];

		if (c->ends <= now && !c->deleted) {
			c->ends = VTIME_NEVER;
			child_delete(g, c);
			publish_newest(g, c->tunnel);
		}
		if (c->gone <= now)
			child_remove(g, i);
		else
			i++;
	}
}

static vtime children_deadline(const struct sim_gateway *g)
{
	vtime first = VTIME_NEVER;

	for (unsigned i = 0; i < g->nchildren; i++) {
		const struct child *c = &g->children[i];

		first = vtime_min(first, vtime_min(c->deleted ? VTIME_NEVER : c->ends, c->gone));
	}
	return first;
}

/* The client has sent on a pair: so may we. */
static void take_events(struct sim_gateway *g)
{
	struct data_event ev;

	while (inbound_output(g->inbound, &ev) || outbound_output(g->outbound, &ev)) {
		for (unsigned i = 0; ev.type == DATA_FIRST_PACKET && i < g->nchildren; i++) {
			struct child *c = &g->children[i];

			if (c->spi != ev.spi || !c->waits)
				continue;
			c->waits = false;
			publish_newest(g, c->tunnel);
			delete_older(g, c->tunnel);
		}
	}
}

/* ---- IKE ---- */

static void send_replies(struct sim_gateway *g)
{
	for (unsigned i = 0; i < g->replies.n; i++) {
		const struct responder_reply *reply = &g->replies.reply[i];
		uint8_t marked[IKE_MESSAGE_MAX + 4] = { 0 };

		memcpy(marked + 4, reply->bytes, reply->n);
		world_send(g->world, SIDE_GATEWAY, &reply->from, &reply->to,
			   reply->from.port == IKE_PORT ? slice(marked + 4, reply->n) :
							  slice(marked, reply->n + 4));
	}
	g->replies.n = 0;
}

static void take_ike(struct sim_gateway *g, const struct pkt *p)
{
	const struct path path = { p->to, p->from, ENCAPSULATION_UDP, 0, 1 };

	if (g->peer) {
		sim_peer_datagram(g->peer, &p->from, &p->to, pkt_slice(p));
		return;
	}
	responder_datagram(g->responder, g->world->now, &p->from, &p->to, pkt_slice(p),
			   &g->replies);
	children_follow(g, &path);
	send_replies(g);
}

/* True when this one is to be put off; it comes again later. */
static bool put_off(struct sim_gateway *g, const struct datagram *d)
{
	struct world *w = g->world;

	if (g->nslow && g->slow[g->first_slow] == w->now) {
		g->first_slow = (g->first_slow + 1) % SLOW_MAX;
		g->nslow--;
		return false;
	}
	if (!w->settings.slow || g->nslow == SLOW_MAX)
		return false;
	g->slow[(g->first_slow + g->nslow++) % SLOW_MAX] = w->now + w->settings.slow;
	world_put(w, SIDE_GATEWAY, &d->from, &d->to, slice(d->bytes, d->n),
		  w->now + w->settings.slow);
	return true;
}

/* ---- packets ---- */

/* The host behind the gateway takes the request and answers it at once. */
static void take_inner(struct sim_gateway *g, const struct pkt *p)
{
	struct world *w = g->world;
	bool ping = inner_is_ping(&w->book, pkt_slice(p));
	const char *wrong = ping ? NULL : inner_arrived(&w->book, w->now, false, pkt_slice(p));

	world_expect(w, !wrong, "%s", wrong);
	g->pings += ping;
	if (ping && w->settings.mute)
		return;
	send_answer(g, pkt_slice(p));
}

void sim_gateway_datagram(struct sim_gateway *g, const struct datagram *d)
{
	struct batch b;
	struct pkt *p;

	if (g->world->settings.silent)
		return;
	batch_init(&b, g->arena, sizeof(g->arena));
	p = batch_take(&b, 0, (uint32_t)d->n, 0);
	memcpy(pkt_data(p), d->bytes, d->n);
	p->from = d->from;
	p->to = d->to;
	inbound_run(g->inbound, g->world->now, &b);
	if (g->peer)
		take_events(g);
	if (p->kind == PKT_INNER)
		take_inner(g, p);
	else if (p->kind == PKT_IKE && !put_off(g, d))
		take_ike(g, p);
}

/* ---- the rest ---- */

void sim_gateway_timeout(struct sim_gateway *g)
{
	if (g->peer) {
		children_due(g);
		sim_peer_timeout(g->peer);
		return;
	}
	responder_timeout(g->responder, g->world->now, &g->replies);
	send_replies(g);
}

vtime sim_gateway_deadline(const struct sim_gateway *g)
{
	if (g->peer)
		return vtime_min(sim_peer_deadline(g->peer), children_deadline(g));
	return responder_deadline(g->responder);
}

unsigned sim_gateway_pings(const struct sim_gateway *g)
{
	return g->pings;
}

unsigned sim_gateway_children(const struct sim_gateway *g)
{
	return g->nchildren;
}

uint64_t sim_gateway_replays(const struct sim_gateway *g)
{
	return inbound_drops(g->inbound)->n[DROP_REPLAY];
}

bool sim_gateway_established(const struct sim_gateway *g)
{
	return g->peer ? sim_peer_established(g->peer) : responder_established(g->responder);
}

void sim_gateway_dpd(struct sim_gateway *g)
{
	responder_dpd(g->responder, ++g->dpd, &g->replies);
	send_replies(g);
}

unsigned sim_gateway_acks(const struct sim_gateway *g)
{
	uint32_t last;

	return responder_acks(g->responder, &last);
}

uint64_t sim_gateway_unknown(const struct sim_gateway *g)
{
	return inbound_drops(g->inbound)->n[DROP_UNKNOWN_SPI];
}

void sim_gateway_renew_child(struct sim_gateway *g, unsigned tunnel)
{
	sim_peer_renew_child(g->peer, tunnel);
}

void sim_gateway_renew_ike(struct sim_gateway *g)
{
	sim_peer_renew_ike(g->peer);
}

void sim_gateway_offer_foreign(struct sim_gateway *g)
{
	sim_peer_offer_foreign(g->peer);
}

unsigned sim_gateway_refused(const struct sim_gateway *g)
{
	return sim_peer_refused(g->peer);
}

unsigned sim_gateway_accepted(const struct sim_gateway *g)
{
	return sim_peer_accepted(g->peer);
}

void sim_gateway_forget(struct sim_gateway *g)
{
	sim_peer_forget(g->peer);
	while (g->nchildren)
		child_remove(g, 0);
}

static void engine_delete(struct sim_gateway *g, bool children, bool ike)
{
	for (unsigned i = 0; i < g->nchildren && children; i++)
		child_delete(g, &g->children[i]);
	if (ike)
		sim_peer_delete(g->peer);
}

void sim_gateway_delete(struct sim_gateway *g, bool children, bool ike)
{
	if (g->peer) {
		engine_delete(g, children, ike);
		return;
	}
	for (unsigned i = 0; i < g->nchildren && children; i++) {
		responder_delete_child(g->responder, g->children[i].spi, &g->replies);
		send_replies(g);
	}
	if (!ike)
		return;
	responder_delete(g->responder, &g->replies);
	send_replies(g);
}

void sim_gateway_move(struct sim_gateway *g)
{
	struct session_config *c = &g->world->settings.session;

	for (unsigned i = 0; i < c->ntunnels; i++) {
		struct ts *local = &c->tunnels[i].local;

		local->lo.b[family_size(local->lo.family) - 1]++;
		local->hi = local->lo;
	}
	publish_rules(g);
	sim_peer_follow(g->peer);
}

const struct addr *sim_gateway_wished(const struct sim_gateway *g)
{
	return sim_peer_wished(g->peer);
}

struct sim_gateway *sim_gateway_new(struct world *w)
{
	struct sim_gateway *g = xcalloc(1, sizeof(*g));

	g->world = w;
	g->responder = responder_new(&w->settings.responder, &w->rng[STREAM_GATEWAY]);
	g->classifier = classifier_new();
	g->outbound = outbound_new(g->classifier, &(struct outbound_config){ 0 });
	g->inbound = inbound_new(g->classifier);
	publish_rules(g);
	if (w->settings.engine)
		g->peer = sim_peer_new(w, g);
	return g;
}

void sim_gateway_free(struct sim_gateway *g)
{
	while (g->nchildren)
		child_remove(g, 0);
	responder_free(g->responder);
	sim_peer_free(g->peer);
	outbound_free(g->outbound);
	inbound_free(g->inbound);
	classifier_free(g->classifier);
	free(g);
}
