/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "client/mtu.h"
#include "esp/limit.h"
#include "gateway/gateway_impl.h"

#define QUEUE_FIRST 64

/* ---- effects ---- */

static void queue_grow(struct gateway *g)
{
	unsigned size = g->queue_size ? 2 * g->queue_size : QUEUE_FIRST;
	struct gateway_effect *queue = xcalloc(size, sizeof(*queue));

	for (unsigned i = 0; i < g->queued; i++)
		queue[i] = g->queue[(g->head + i) % g->queue_size];
	free(g->queue);
	g->queue = queue;
	g->queue_size = size;
	g->head = 0;
}

struct session_effect *gateway_effect_add(struct gateway *g, enum session_effect_type type)
{
	struct gateway_effect *fx;

	if (g->queued == g->queue_size)
		queue_grow(g);
	fx = &g->queue[(g->head + g->queued++) % g->queue_size];
	memset(fx, 0, sizeof(*fx));
	fx->type = GATEWAY_EFFECT_SESSION;
	fx->session.type = type;
	return &fx->session;
}

static bool is_inner(const struct gateway_config *c, const struct addr *a)
{
	for (unsigned i = 0; i < c->npool; i++)
		if (pool_range_contains(&c->pool[i], a))
			return true;
	for (unsigned i = 0; i < c->nentries; i++)
		for (unsigned k = 0; k < c->entries[i].ninner; k++)
			if (prefix_contains(&c->entries[i].inner[k], a))
				return true;
	return false;
}

bool gateway_admits(const struct gateway_config *c, const struct gateway_entry *e,
		    const struct addr *from)
{
	for (unsigned i = 0; i < e->nfrom; i++)
		if (prefix_contains(&e->from[i], from))
			return !is_inner(c, from);
	return e->nfrom == 0 && !is_inner(c, from);
}

struct epoch_life gateway_life(const struct gateway *g, vtime now, uint32_t seconds)
{
	const struct epoch_config config = {
		.keylife = seconds * VTIME_S,
		.margin = g->config->rekeymargin,
		.fuzz = g->config->rekeyfuzz,
	};

	return epoch_life(&config, now, rng_u32(g->rng));
}

/* ---- the inner side ---- */

static void rules_publish(struct gateway *g)
{
	g->rules_due = false;
	rules_make(g);
	gateway_effect_add(g, SESSION_EFFECT_PUBLISH_RULES)->rules =
		(struct policy_view){ g->rules, g->nrules, POLICY_DISCARD };
}

/* The longest prefixes that make up a range, in order; those that find no room are left out. */
static void range_routes(const struct pool_range *r, struct prefix *list, unsigned *n, unsigned max)
{
	struct addr at = r->lo;
	unsigned bits = 8 * (unsigned)family_size(at.family);

	while (*n < max) {
		struct prefix best = { at, (uint8_t)bits };
		struct addr lo, hi;

		for (unsigned len = bits; len-- > 0;) {
			struct prefix p = { at, (uint8_t)len };

			prefix_range(&p, &lo, &hi);
			if (!addr_eq(&lo, &at) || addr_cmp(&hi, &r->hi) > 0)
				break;
			best = p;
		}
		list[(*n)++] = best;
		prefix_range(&best, &lo, &hi);
		if (addr_cmp(&hi, &r->hi) >= 0)
			return;
		at = hi;
		for (size_t i = bits / 8; i-- > 0 && ++at.b[i] == 0;)
			;
	}
}

static unsigned tun_mtu(const struct gateway *g)
{
	unsigned least = g->config->path_mtu;

	for (unsigned i = 0; i < g->config->child.nsuites; i++) {
		unsigned mtu = mtu_inner(g->config->path_mtu, FAMILY_IP6, ENCAPSULATION_UDP,
					 &g->config->child.suites[i]);

		least = mtu < least ? mtu : least;
	}
	return least;
}

static void tun_ask(struct gateway *g)
{
	struct session_effect *fx = gateway_effect_add(g, SESSION_EFFECT_TUN);
	static const enum family families[] = { FAMILY_IP4, FAMILY_IP6 };
	const struct gateway_config *c = g->config;
	unsigned n = 0;

	fx->tun.inner = g->tun_inner;
	for (unsigned i = 0; i < ARRAY_SIZE(families); i++) {
		struct addr own = pool_own(g->pool, families[i]);

		if (own.family)
			g->tun_inner[fx->tun.ninner++] = own;
	}
	for (unsigned i = 0; i < c->npool; i++)
		range_routes(&c->pool[i], g->tun_routes, &n, ARRAY_SIZE(g->tun_routes));
	for (unsigned i = 0; i < c->nentries; i++)
		for (unsigned k = 0; k < c->entries[i].ninner && n < ARRAY_SIZE(g->tun_routes); k++)
			g->tun_routes[n++] = c->entries[i].inner[k];
	fx->tun.routes = g->tun_routes;
	fx->tun.nroutes = n;
	fx->tun.mtu = tun_mtu(g);
}

/* ---- beginning and end ---- */

static void start(struct gateway *g)
{
	if (g->running || g->stopping)
		return;
	g->running = true;
	rules_publish(g);
	tun_ask(g);
}

static void finish(struct gateway *g)
{
	struct session_effect *fx = gateway_effect_add(g, SESSION_EFFECT_DONE);

	g->over = true;
	fx->done.exit = g->failed ? SESSION_EXIT_SYSTEM : SESSION_EXIT_UP;
	snprintf(fx->done.text, sizeof(fx->done.text), "%s", g->why);
}

void gateway_stop(struct gateway *g, vtime now, bool failed, const char *why)
{
	if (g->stopping)
		return;
	g->stopping = true;
	g->failed = failed;
	snprintf(g->why, sizeof(g->why), "%s", why);
	for (unsigned i = 0; i < g->peers_end; i++)
		if (g->peers[i].used)
			peer_drop(g, now, &g->peers[i], true, why);
}

/* ---- events ---- */

static void on_data(struct gateway *g, vtime now, const struct data_event *ev)
{
	switch (ev->type) {
	case DATA_FIRST_PACKET:
		epoch_event(g, now, ev->slot, ev->epoch, EPOCH_EVENT_PROVED);
		break;
	case DATA_NEED_SA:
		tunnel_wanted(g, now, ev->slot);
		break;
	case DATA_EXHAUSTED:
		epoch_event(g, now, ev->slot, ev->epoch, EPOCH_EVENT_EXHAUSTED);
		break;
	case DATA_NEARLY_USED:
		epoch_event(g, now, ev->slot, ev->epoch, EPOCH_EVENT_REKEY);
		break;
	case DATA_HEARD:
		epoch_heard(g, now, ev->slot);
		break;
	case DATA_NEW_SOURCE:
		roam_source(g, now, ev);
		break;
	case DATA_UNKNOWN_SPI:
	case DATA_PATH_MTU:
	case DATA_UNHELD:
	case DATA_PROBE_REPLY:
		break;
	}
}

static void on_drop(struct gateway *g, vtime now, uint32_t id)
{
	for (unsigned i = 0; i < g->peers_end; i++)
		if (g->peers[i].used && g->peers[i].id == id)
			peer_drop(g, now, &g->peers[i], true, "ended by the administrator");
}

void gateway_event(struct gateway *g, vtime now, const struct gateway_event *ev)
{
	g->log->now = now;
	if (g->over)
		return;
	switch (ev->type) {
	case GATEWAY_EVENT_START:
		start(g);
		break;
	case GATEWAY_EVENT_STOP:
		gateway_stop(g, now, false, "stopped");
		break;
	case GATEWAY_EVENT_DATAGRAM:
		ikes_datagram(g, now, ev);
		break;
	case GATEWAY_EVENT_DATA:
		on_data(g, now, ev->data);
		break;
	case GATEWAY_EVENT_TUN_FAILED:
		gateway_stop(g, now, true, ev->text ? ev->text : "no TUN");
		break;
	case GATEWAY_EVENT_VERIFIED:
		user_verified(g, now, ev->verified.id, ev->verified.ok);
		break;
	case GATEWAY_EVENT_DROP:
		on_drop(g, now, ev->drop);
		break;
	}
}

void gateway_due(struct gateway *g, vtime at)
{
	g->tick_at = vtime_min(g->tick_at, at);
}

/* One look is at all of them: what is due for many clients, one by one, does not wake us as often. */
static vtime tick_due_at(const struct gateway *g)
{
	vtime next = vtime_add(g->ticked_at, TICK);

	return g->tick_at > next ? g->tick_at : next;
}

static void tick(struct gateway *g, vtime now)
{
	g->tick_at = VTIME_NEVER;
	g->ticked_at = now;
	tunnels_tick(g, now);
	peers_tick(g, now);
	ikes_tick(g, now);
	gateway_due(g, peers_due_at(g));
	gateway_due(g, ikes_renewal_at(g));
}

void gateway_timeout(struct gateway *g, vtime now)
{
	g->log->now = now;
	if (g->over)
		return;
	ikes_timeout(g, now);
	roam_timeout(g, now);
	if (tick_due_at(g) <= now)
		tick(g, now);
}

/* Something to be done before there is nothing more to say; false: nothing. */
static bool step(struct gateway *g, vtime now)
{
	if (g->rules_due) {
		rules_publish(g);
		return true;
	}
	if (peers_say(g, now))
		return true;
	if (g->stopping && !g->over && g->ring_n == 0) {
		finish(g);
		return true;
	}
	return false;
}

bool gateway_output(struct gateway *g, vtime now, struct gateway_effect *out)
{
	bool message = false;

	g->log->now = now;
	while (g->queued == 0) {
		if (ikes_pull(g, now, &out->session, &message)) {
			if (!message)
				continue;
			out->type = GATEWAY_EFFECT_SESSION;
			return true;
		}
		if (user_pull(g, out))
			return true;
		if (!step(g, now))
			return false;
	}
	*out = g->queue[g->head];
	g->head = (g->head + 1) % g->queue_size;
	g->queued--;
	return true;
}

vtime gateway_deadline(const struct gateway *g)
{
	vtime first = vtime_min(g->ikes_due, vtime_min(g->roam_due, tick_due_at(g)));

	return g->over ? VTIME_NEVER : first;
}

/* ---- life ---- */

void gateway_config_defaults(struct gateway_config *c)
{
	c->path_mtu = 1500;
	c->roaming = true;
	c->dpd = 60 * VTIME_S;
	c->rekeymargin = 240 * VTIME_S;
	c->rekeyfuzz = 50;
	c->patience = 12 * VTIME_S;
	c->clients_max = 256;
	c->half_open_max = 512;
	c->half_open_source_max = 256;
	c->firsts_per_s = 1000;
	c->exchanges_per_s = 400;
	c->exchanges_burst = 600;
	c->exchanges_source_per_s = 100;
	c->exchanges_source_burst = 500;
}

struct gateway *gateway_new(const struct gateway_config *config, struct rng *rng, struct log *log)
{
	struct gateway *g = xcalloc(1, sizeof(*g));

	g->config = config;
	g->rng = rng;
	g->log = log;
	g->tick_at = VTIME_NEVER;
	g->peers = xcalloc(config->clients_max, sizeof(*g->peers));
	g->spis = xcalloc(SPIS_MAX, sizeof(*g->spis));
	g->pool = pool_new(config->pool, config->npool);
	roam_init(g);
	ikes_init(g);
	return g;
}

void gateway_free(struct gateway *g)
{
	if (!g)
		return;
	tunnels_free(g);
	ikes_free(g);
	pool_free(g->pool);
	for (unsigned k = 0; k < g->peers_end; k++)
		esp_limit_free(g->peers[k].limit);
	free(g->peers);
	free(g->spis);
	free(g->rules);
	free(g->queue);
	free(g);
}
