/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/gateway.h"

#include <stdlib.h>

#include "base/mem.h"

#define GATEWAY_ARENA 8192
#define CHILDREN_MAX 16

struct child {
	struct esp_in *in;
	struct esp_out *out;
	unsigned tunnel;
};

struct sim_gateway {
	struct world *world;
	struct log log;
	struct classifier *classifier;
	struct outbound *outbound;
	struct inbound *inbound;
	struct child children[CHILDREN_MAX];
	unsigned nchildren;
	uint8_t arena[GATEWAY_ARENA];
	uint8_t answer_arena[GATEWAY_ARENA];
};

static void log_sink(void *ctx, const struct log_event *ev)
{
	struct sim_gateway *g = ctx;

	trace_log(&g->world->trace, false, ev);
}

/* ---- SAs ---- */

/* The newest pair of a tunnel carries what goes out; NULL: none is left. */
static void publish_newest(struct sim_gateway *g, unsigned tunnel)
{
	struct esp_out *newest = NULL;

	for (unsigned i = 0; i < g->nchildren; i++)
		if (g->children[i].tunnel == tunnel)
			newest = g->children[i].out;
	classifier_set_current(g->classifier, tunnel, newest);
}

static void child_remove(struct sim_gateway *g, unsigned i)
{
	struct child gone = g->children[i];

	g->nchildren--;
	memmove(g->children + i, g->children + i + 1, (g->nchildren - i) * sizeof(g->children[0]));
	publish_newest(g, gone.tunnel);
	classifier_remove_spi(g->classifier, esp_in_config(gone.in)->spi);
	esp_in_free(gone.in);
	esp_out_free(gone.out);
}

/* ---- packets ---- */

static void send_sealed(struct sim_gateway *g, const struct batch *b)
{
	for (unsigned i = 0; i < b->n; i++)
		if (b->pkts[i].kind == PKT_SEALED)
			world_send(g->world, SIDE_GATEWAY, &b->pkts[i].path->local,
				   &b->pkts[i].path->remote, pkt_slice(&b->pkts[i]));
}

/* The host behind the gateway takes the request and answers it at once. */
static void take_inner(struct sim_gateway *g, const struct pkt *p)
{
	struct world *w = g->world;
	const char *wrong = inner_arrived(&w->book, false, pkt_slice(p));
	struct batch b, replies;
	struct pkt *answer;

	world_expect(w, !wrong, "%s", wrong);
	batch_init(&b, g->answer_arena, sizeof(g->answer_arena) / 2);
	batch_init(&replies, g->answer_arena + sizeof(g->answer_arena) / 2,
		   sizeof(g->answer_arena) / 2);
	answer = batch_take(&b, ESP_HEADROOM, p->len, ESP_TAILROOM);
	memcpy(pkt_data(answer), pkt_data(p), p->len);
	if (!inner_answer(pkt_data(answer), answer->len))
		return;
	outbound_run(g->outbound, w->now, &b, &replies);
	send_sealed(g, &b);
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
	if (p->kind == PKT_INNER)
		take_inner(g, p);
}

/* ---- the rest ---- */

void sim_gateway_timeout(struct sim_gateway *g)
{
	(void)g;
}

vtime sim_gateway_deadline(const struct sim_gateway *g)
{
	(void)g;
	return VTIME_NEVER;
}

unsigned sim_gateway_children(const struct sim_gateway *g)
{
	return g->nchildren;
}

bool sim_gateway_established(const struct sim_gateway *g)
{
	(void)g;
	return false;
}

void sim_gateway_delete(struct sim_gateway *g, bool children, bool ike)
{
	(void)g;
	(void)children;
	(void)ike;
}

/* The client's selectors, seen from the other end. */
static void publish_rules(struct sim_gateway *g)
{
	const struct session_config *c = &g->world->settings.session;
	struct policy *rules = xcalloc(1, sizeof(*rules));

	rules->fallback = POLICY_DISCARD;
	for (unsigned i = 0; i < c->ntunnels; i++) {
		const struct policy_rule rule = {
			.ts = { c->tunnels[i].remote, c->tunnels[i].local },
			.action = POLICY_PROTECT,
			.slot = i,
		};

		policy_add(rules, &rule);
	}
	classifier_rules_free(classifier_publish_rules(g->classifier, rules));
	free(rules);
}

struct sim_gateway *sim_gateway_new(struct world *w)
{
	struct sim_gateway *g = xcalloc(1, sizeof(*g));

	g->world = w;
	g->log = (struct log){ .level = LOG_DEBUG, .sink = log_sink, .ctx = g };
	g->classifier = classifier_new();
	g->outbound = outbound_new(g->classifier);
	g->inbound = inbound_new(g->classifier);
	publish_rules(g);
	return g;
}

void sim_gateway_free(struct sim_gateway *g)
{
	while (g->nchildren)
		child_remove(g, 0);
	outbound_free(g->outbound);
	inbound_free(g->inbound);
	classifier_free(g->classifier);
	free(g);
}
