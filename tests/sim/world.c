/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tests/sim/host.h"
#include "tests/sim/gateway.h"

#define NAT_PORTS 20000 /* added to the client's ports */
#define TIMEOUTS_MAX 8 /* at one instant, before it counts as a busy loop */

/*
 * How often the client may send one message: by the clock within the time of an exchange, and for
 * the duplicates that ask for it.
 */
#define SEND_BUDGET 32

/* ---- failure ---- */

void world_stop(struct world *w)
{
	w->stopped = true;
}

void world_fail(struct world *w, const char *fmt, ...)
{
	va_list args;

	w->stopped = true;
	if (w->failure[0])
		return;
	va_start(args, fmt);
	vsnprintf(w->failure, sizeof(w->failure), fmt, args);
	va_end(args);
	trace_line(&w->trace, w->now, "FAILED: %s", w->failure);
}

/* ---- what is to happen ---- */

struct happening {
	enum side to;
	struct datagram *datagram; /* arrives at `to`; NULL: the action */
	world_action action;
	unsigned arg;
};

static void plan(struct world *w, vtime at, const struct happening *h)
{
	struct happening *copy = xcalloc(1, sizeof(*copy));

	*copy = *h;
	heap_put(&w->heap, at, copy);
}

void world_at(struct world *w, vtime at, world_action action, unsigned arg)
{
	plan(w, at, &(struct happening){ .action = action, .arg = arg });
}

/* ---- the wire ---- */

static struct datagram *datagram_new(const struct endpoint *from, const struct endpoint *to,
				     struct slice payload)
{
	struct datagram *d = xcalloc(1, sizeof(*d) + payload.n);

	d->from = *from;
	d->to = *to;
	d->n = payload.n;
	memcpy(d->bytes, payload.p, payload.n);
	return d;
}

void world_put(struct world *w, enum side to, const struct endpoint *src,
	       const struct endpoint *dst, struct slice payload, vtime at)
{
	plan(w, at, &(struct happening){ .to = to, .datagram = datagram_new(src, dst, payload) });
}

/*
 * The NAT gives each port of the client a port of its own and forgets none, until it is another NAT.
 * False: it knows no such port.
 */
static bool nat_translate(const struct world *w, enum side from, struct endpoint *src,
			  struct endpoint *dst)
{
	const struct settings *s = &w->settings;

	if (s->nat.family == FAMILY_NONE)
		return true;
	if (from == SIDE_CLIENT) {
		src->addr = s->nat;
		src->port = (uint16_t)(src->port + w->nat_ports);
	} else if (addr_eq(&dst->addr, &s->nat)) {
		dst->addr = s->client;
		dst->port = (uint16_t)(dst->port - w->nat_ports);
		return dst->port == IKE_PORT || dst->port == IKE_NATT_PORT;
	}
	return true;
}

static void trace_fate(struct world *w, enum side from, const char *name,
		       const struct link_fate *fate)
{
	const char *arrow = from == SIDE_CLIENT ? "client ──► gateway" : "client ◄── gateway";
	char text[80] = "lost";
	int n = 0;

	for (unsigned i = 0; i < fate->n; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%s+%u ms", i ? ", " : "",
			      (unsigned)((fate->at[i] - w->now) / VTIME_MS));
	trace_line(&w->trace, w->now, "%s  %-50s  %s%s", arrow, name, text,
		   fate->duplicated ? fate->n == 2 ? " (twice)" : " (twice, one lost)" : "");
}

static struct link_fate put_on_link(struct world *w, enum side from, const char *name,
				    const struct endpoint *src, const struct endpoint *dst,
				    struct slice payload)
{
	struct link_fate fate = { 0 };
	enum side to = from == SIDE_CLIENT ? SIDE_GATEWAY : SIDE_CLIENT;
	struct datagram *d;

	if (!w->dead)
		fate = link_send(from == SIDE_CLIENT ? &w->up : &w->down, w->now);
	trace_fate(w, from, name, &fate);
	for (unsigned i = 0; i < fate.n; i++)
		world_put(w, to, src, dst, payload, fate.at[i]);
	if (w->eavesdrop && fate.n) {
		d = datagram_new(src, dst, payload);
		w->eavesdrop(w, from, d, fate.at[0]);
		free(d);
	}
	return fate;
}

void world_send(struct world *w, enum side from, const struct endpoint *src,
		const struct endpoint *dst, struct slice payload)
{
	bool floated = (from == SIDE_CLIENT ? src : dst)->port != IKE_PORT &&
		       (from == SIDE_CLIENT ? dst : src)->port != IKE_PORT;
	struct endpoint a = *src, b = *dst;
	unsigned esp_before = w->tap.esp_packets;
	char name[TAP_NAME_MAX];
	const char *wrong = tap_see(&w->tap, from, floated, payload, name);
	struct link_fate fate;

	trace_bytes(&w->trace, payload);
	if (!nat_translate(w, from, &a, &b)) {
		trace_line(&w->trace, w->now, "gateway ──► %-48s  to a port that the NAT forgot",
			   name);
	} else if (addr_eq(&b.addr,
			   from == SIDE_CLIENT ? &w->settings.gateway : &w->settings.client)) {
		fate = put_on_link(w, from, name, &a, &b, payload);
		w->twice[from] += fate.n == 2 && w->tap.esp_packets != esp_before;
	} else {
		trace_line(&w->trace, w->now, "%s %-48s  to an address that nobody has",
			   from == SIDE_CLIENT ? "client ──► " : "gateway ──►", name);
	}
	world_expect(w, !wrong, "%s: %s", name, wrong);
}

/* ---- time ---- */

static void deliver(struct world *w, struct happening *h)
{
	if (!h->datagram)
		h->action(w, h->arg);
	else if (h->to == SIDE_CLIENT)
		sim_client_datagram(w->client, &h->datagram->from, &h->datagram->to,
				    slice(h->datagram->bytes, h->datagram->n));
	else
		sim_gateway_datagram(w->gateway, h->datagram);
	free(h->datagram);
	free(h);
}

static void client_timeout(struct world *w)
{
	w->timeouts = w->instant == w->now ? w->timeouts + 1 : 1;
	w->instant = w->now;
	sim_client_timeout(w->client);
	world_expect(w, w->timeouts <= TIMEOUTS_MAX || sim_client_deadline(w->client) > w->now,
		     "the session's deadline stays in the past: a busy loop");
}

static void step(struct world *w)
{
	vtime happening = heap_next(&w->heap);
	vtime client = sim_client_deadline(w->client);
	vtime gateway = sim_gateway_deadline(w->gateway);
	vtime next = vtime_min(happening, vtime_min(client, gateway));

	if (next >= w->scenario->limit) {
		w->now = w->scenario->limit;
		world_stop(w);
		return;
	}
	if (next > w->now)
		w->now = next;
	if (happening == next)
		deliver(w, heap_take(&w->heap));
	else if (client == next)
		client_timeout(w);
	else
		sim_gateway_timeout(w->gateway);
}

/* ---- a world's life ---- */

static void world_connect(struct world *w, unsigned unused)
{
	struct session_event ev = { .type = SESSION_EVENT_CONNECT };

	(void)unused;
	sim_client_event(w->client, &ev);
}

static void world_streams(struct world *w)
{
	for (unsigned i = 0; i < STREAM_COUNT; i++) {
		struct rng_seed mixer;
		struct rng mix = rng_seeded(&mixer, w->seed ^ (uint64_t)(i + 1) << 56);

		w->rng[i] = rng_seeded(&w->seeds[i], rng_u64(&mix));
	}
}

static void world_begin(struct world *w)
{
	char text[200];

	world_streams(w);
	settings_choose(&w->settings, &w->rng[STREAM_SETTINGS]);
	inner_init(&w->book, &w->rng[STREAM_INNER]);
	tap_init(&w->tap, SLICE_OF(w->book.marker), SEND_BUDGET);
	w->scenario->begin(w);
	settings_text(&w->settings, text, sizeof(text));
	trace_line(&w->trace, 0, "%s, seed %llu: %s", w->scenario->name,
		   (unsigned long long)w->seed, text);
	link_init(&w->up, &w->settings.up, &w->rng[STREAM_UP]);
	link_init(&w->down, &w->settings.down, &w->rng[STREAM_DOWN]);
	w->client = host_client_new(w);
	w->gateway = sim_gateway_new(w);
	world_at(w, 0, world_connect, 0);
}

static void world_end(struct world *w)
{
	struct happening *h;

	while ((h = heap_take(&w->heap))) {
		free(h->datagram);
		free(h);
	}
	heap_free(&w->heap);
	sim_client_free(w->client);
	sim_gateway_free(w->gateway);
	settings_free(&w->settings);
	world_expect(w, secret_pool_used() == 0, "%zu bytes of key material were not freed",
		     secret_pool_used());
}

struct world_result world_play(const struct scenario *scenario, uint64_t seed, bool show)
{
	struct world *w = xcalloc(1, sizeof(*w));
	struct world_result result;

	w->scenario = scenario;
	w->seed = seed;
	w->instant = VTIME_NEVER;
	w->nat_ports = NAT_PORTS;
	trace_init(&w->trace, show);
	world_begin(w);
	while (!w->stopped)
		step(w);
	if (!w->failure[0])
		scenario->end(w);
	world_end(w);
	result = (struct world_result){
		.hash = w->trace.hash,
		.milestones = w->trace.milestones,
		.sent = w->up.sent + w->down.sent,
		.lost = w->up.lost + w->down.lost,
		.duplicated = w->up.duplicated + w->down.duplicated,
		.reordered = w->up.reordered + w->down.reordered,
	};
	memcpy(result.failure, w->failure, sizeof(result.failure));
	free(w);
	return result;
}
