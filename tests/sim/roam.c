/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/roam.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

#define TIMEOUTS_MAX 400 /* at one instant, before it counts as a busy loop */
#define NAT_LIFETIME (120 * VTIME_S)
#define MARKER 4
#define SEND_BUDGET 40 /* how often a client may send one message */

/* ---- failure ---- */

void roam_stop(struct roam *r, unsigned unused)
{
	(void)unused;
	r->stopped = true;
}

void roam_fail(struct roam *r, const char *fmt, ...)
{
	va_list args;

	r->stopped = true;
	if (r->failure[0])
		return;
	va_start(args, fmt);
	vsnprintf(r->failure, sizeof(r->failure), fmt, args);
	va_end(args);
	trace_line(&r->trace, r->now, "FAILED: %s", r->failure);
}

/* ---- what is to happen ---- */

enum place {
	AT_GATEWAY,
	AT_CLIENT,
	AT_NOWHERE, /* an action */
};

struct happening {
	enum place place;
	unsigned site;
	struct endpoint from, to;
	roam_action action;
	unsigned arg;
	size_t n;
	uint8_t bytes[];
};

static void plan(struct roam *r, vtime at, const struct happening *h, struct slice bytes)
{
	struct happening *copy = xcalloc(1, sizeof(*copy) + bytes.n);

	*copy = *h;
	copy->n = bytes.n;
	if (bytes.n)
		memcpy(copy->bytes, bytes.p, bytes.n);
	heap_put(&r->heap, at, copy);
}

void roam_at(struct roam *r, vtime at, roam_action action, unsigned arg)
{
	plan(r, at, &(struct happening){ .place = AT_NOWHERE, .action = action, .arg = arg },
	     SLICE_NONE);
}

void roam_forge(struct roam *r, const struct endpoint *from, const struct endpoint *to,
		struct slice bytes, vtime at)
{
	plan(r, at, &(struct happening){ .place = AT_GATEWAY, .from = *from, .to = *to }, bytes);
}

/* ---- the wire ---- */

static struct roam_datagram see(bool up, unsigned site, const struct endpoint *from,
				const struct endpoint *to, struct slice bytes)
{
	static const uint8_t marker[MARKER];
	uint16_t port = up ? to->port : from->port;
	struct roam_datagram d = { .up = up, .site = site, .from = *from, .to = *to };
	bool ike = port == IKE_PORT;

	d.bytes = bytes;
	if (port == IKE_NATT_PORT && bytes.n > MARKER && memcmp(bytes.p, marker, MARKER) == 0) {
		d.bytes = slice(bytes.p + MARKER, bytes.n - MARKER);
		ike = true;
	}
	if (ike && d.bytes.n >= 28) {
		d.exchange = d.bytes.p[18];
		d.encrypted = d.bytes.p[19] & 1;
	}
	return d;
}

static void name_it(struct roam *r, const struct roam_datagram *d, struct slice whole, char *name)
{
	bool bare = d->from.port == ESP_PORT_BARE;
	const char *wrong = NULL;

	if (r->tap)
		wrong = tap_see(r->tap, d->up ? SIDE_CLIENT : SIDE_GATEWAY,
				bare || (d->up ? d->to.port : d->from.port) == IKE_NATT_PORT, whole,
				name);
	else
		snprintf(name, TAP_NAME_MAX, "%zu bytes", whole.n);
	roam_expect(r, !wrong, "%s: %s", name, wrong);
}

static void put_on_link(struct roam *r, struct link *link, const struct happening *h,
			struct slice bytes)
{
	struct roam_datagram d = see(h->place == AT_GATEWAY, h->site, &h->from, &h->to, bytes);
	bool lost = r->sites[h->site].dead;
	char name[TAP_NAME_MAX], a[ENDPOINT_TEXT_MAX], b[ENDPOINT_TEXT_MAX];
	struct link_fate fate = link_send_sized(link, r->now, bytes.n + 28);

	name_it(r, &d, bytes, name);
	*(d.up ? &r->sent_up : &r->sent_down) += 1;
	lost |= r->sees && r->sees(r, &d);
	fate.n = lost ? 0 : fate.n;
	r->twice += fate.n > 1;
	trace_line(&r->trace, r->now, "%s  %-44s %s ──► %s%s",
		   d.up ? "client ──► gateway" : "client ◄── gateway", name,
		   endpoint_text(&h->from, a), endpoint_text(&h->to, b),
		   fate.n ? fate.n > 1 ? " (twice)" : "" : " (lost)");
	trace_bytes(&r->trace, bytes);
	for (unsigned i = 0; i < fate.n; i++)
		plan(r, fate.at[i], h, bytes);
}

void roam_send_up(struct roam_client *c, const struct endpoint *from, const struct endpoint *to,
		  struct slice bytes)
{
	const struct network_iface *iface = network_find(&c->network, &from->addr);
	struct happening h = { .place = AT_GATEWAY, .from = *from, .to = *to };
	struct roam *r = c->roam;
	struct roam_site *site;

	if (!iface) {
		trace_line(&r->trace, r->now, "%s has no such address any more", c->name);
		return;
	}
	h.site = c->site[iface - c->network.iface];
	site = &r->sites[h.site];
	if (site->nat &&
	    (from->port == ESP_PORT_BARE || !udp_nat_out(&site->box, r->now, &h.from, &h.to)))
		return;
	put_on_link(r, &site->up, &h, bytes);
}

/* The one whose interface in this site has the address. */
static struct roam_client *client_at(const struct roam *r, unsigned site, const struct addr *addr)
{
	for (unsigned i = 0; i < r->nclients; i++) {
		const struct network_iface *f = network_find(&r->clients[i]->network, addr);

		if (f && r->clients[i]->site[f - r->clients[i]->network.iface] == site)
			return r->clients[i];
	}
	return NULL;
}

/* The third byte of its addresses, outside or of their own, tells. */
static unsigned site_of(const struct roam *r, const struct addr *addr)
{
	unsigned site = addr->b[addr->family == FAMILY_IP4 ? 2 : 5];

	return site < r->settings.nsites ? site : ROAM_SITES_MAX;
}

void roam_send_down(struct roam *r, const struct endpoint *from, const struct endpoint *to,
		    struct slice bytes)
{
	struct happening h = { .place = AT_CLIENT, .from = *from, .to = *to };
	size_t before = roam_allocated();
	char text[ENDPOINT_TEXT_MAX];
	struct roam_datagram d;

	if (h.from.addr.family == FAMILY_NONE)
		h.from.addr = to->addr.family == FAMILY_IP4 ? r->outer : r->outer6;
	h.site = site_of(r, &to->addr);
	if (h.site < ROAM_SITES_MAX) {
		put_on_link(r, &r->sites[h.site].down, &h, bytes);
		r->gateway.memory -= roam_allocated() - before;
		return;
	}
	trace_line(&r->trace, r->now, "gateway ──► %s, where nobody is", endpoint_text(to, text));
	d = see(false, ROAM_SITES_MAX, &h.from, &h.to, bytes);
	if (r->sees)
		r->sees(r, &d);
}

static void at_client(struct roam *r, struct happening *h)
{
	struct roam_site *site = &r->sites[h->site];
	struct roam_client *c;

	if (site->nat && !udp_nat_in(&site->box, r->now, &h->from, &h->to))
		return;
	c = client_at(r, h->site, &h->to.addr);
	if (c && !c->asleep)
		roam_client_datagram(c, &h->from, &h->to, slice(h->bytes, h->n));
}

/* ---- time ---- */

static void deliver(struct roam *r, struct happening *h)
{
	switch (h->place) {
	case AT_GATEWAY:
		roam_gateway_datagram(r, &h->from, &h->to, slice(h->bytes, h->n));
		break;
	case AT_CLIENT:
		at_client(r, h);
		break;
	case AT_NOWHERE:
		h->action(r, h->arg);
		break;
	}
	free(h);
}

static struct roam_client *first_due(const struct roam *r)
{
	struct roam_client *first = NULL;

	for (unsigned i = 0; i < r->nclients; i++)
		if (!r->clients[i]->asleep && (!first || r->clients[i]->deadline < first->deadline))
			first = r->clients[i];
	return first;
}

static void all_up(struct roam *r)
{
	for (unsigned i = 0; i < r->nclients; i++)
		if (!r->clients[i]->shell->up)
			return;
	r->up = true;
	r->scenario->up(r);
}

static void timeouts_count(struct roam *r)
{
	r->timeouts = r->instant == r->now ? r->timeouts + 1 : 1;
	r->instant = r->now;
	roam_expect(r, r->timeouts <= TIMEOUTS_MAX, "a deadline stays in the past: a busy loop");
}

/* What happens comes before what is due: on a host that wakes, the news before its timers. */
static void step(struct roam *r)
{
	struct roam_client *c = first_due(r);
	vtime client = c ? c->deadline : VTIME_NEVER;
	vtime gateway = roam_gateway_deadline(r);
	vtime happening = heap_next(&r->heap);
	vtime next = vtime_min(happening, vtime_min(client, gateway));

	if (next >= r->scenario->limit) {
		r->now = r->scenario->limit;
		r->stopped = true;
		return;
	}
	r->now = next > r->now ? next : r->now;
	if (happening <= r->now) {
		deliver(r, heap_take(&r->heap));
	} else if (client <= r->now) {
		timeouts_count(r);
		roam_client_timeout(c);
	} else {
		timeouts_count(r);
		roam_gateway_timeout(r);
	}
	if (!r->up)
		all_up(r);
}

/* ---- a world's life ---- */

static struct addr address(const char *text)
{
	struct addr a;

	if (!addr_parse(text, &a))
		abort();
	return a;
}

static void site_begin(struct roam *r, unsigned i)
{
	struct roam_site *site = &r->sites[i];
	struct udp_nat_config config = {
		.mapping = NAT_INDEPENDENT,
		.filtering = NAT_ADDRESS_PORT,
		.preserves = i % 2,
		.lifetime = NAT_LIFETIME,
	};

	site->nat = r->settings.nat[i];
	config.outside = address("203.0.0.77");
	config.outside.b[2] = (uint8_t)i;
	udp_nat_init(&site->box, &config, &r->wire);
	link_init(&site->up, &r->settings.link[i], &r->wire);
	link_init(&site->down, &r->settings.link[i], &r->wire);
}

static void streams_begin(struct roam *r)
{
	struct rng *rng[] = { &r->dice, &r->wire, &r->inner_dice };

	for (unsigned i = 0; i < ARRAY_SIZE(rng); i++)
		*rng[i] = rng_seeded(&r->seeds[i], r->seed << 8 | i);
}

static void settings_begin(struct roam *r)
{
	struct roam_settings *s = &r->settings;

	s->nclients = 1;
	s->nsites = 3;
	s->person = VTIME_NEVER;
	for (unsigned i = 0; i < ROAM_SITES_MAX; i++)
		s->link[i].delay = 5 * VTIME_MS + roam_up_to(r, 75 * VTIME_MS);
	r->outer = address("192.0.2.1");
	r->outer6 = address("2001:db8:ffff::1");
	r->host = address("10.20.0.7");
	roam_gateway_config(r);
	r->scenario->settings(r);
}

static void roam_begin_world(struct roam *r)
{
	streams_begin(r);
	r->book = xcalloc(1, sizeof(*r->book));
	r->sent = xcalloc(INNER_PACKETS_MAX, sizeof(*r->sent));
	inner_init(r->book, &r->inner_dice);
	settings_begin(r);
	if (r->settings.nclients == 1) {
		r->tap = xcalloc(1, sizeof(*r->tap));
		tap_init(r->tap, SLICE_OF(r->book->marker), SEND_BUDGET);
	}
	for (unsigned i = 0; i < r->settings.nsites; i++)
		site_begin(r, i);
	roam_gateway_start(r);
	for (unsigned i = 0; i < r->settings.nclients; i++) {
		r->clients[r->nclients++] = roam_client_new(r, i);
		roam_at(r, i * VTIME_MS, roam_connect, i);
	}
}

static void world_free(struct roam *r)
{
	struct happening *h;

	while ((h = heap_take(&r->heap)))
		free(h);
	heap_free(&r->heap);
	for (unsigned i = 0; i < r->nclients; i++)
		roam_client_free(r->clients[i]);
	roam_gateway_free(r);
	secret_free(&r->settings.client.ike.psk);
	secret_free(&r->settings.client.password);
	roam_expect(r, secret_pool_used() == 0, "%zu bytes of key material were not freed",
		    secret_pool_used());
	free(r->tap);
	free(r->book);
	free(r->sent);
	free(r->notes);
}

static struct roam_result result_of(const struct roam *r)
{
	struct roam_result result = {
		.hash = r->trace.hash,
		.datagrams = r->sent_up + r->sent_down,
		.packets = r->book->n,
	};

	for (unsigned i = 0; i < r->settings.nsites; i++)
		result.lost += r->sites[i].up.lost + r->sites[i].down.lost;
	for (unsigned i = 0; i < r->book->n; i++)
		result.answered += r->book->packets[i].answered;
	return result;
}

struct roam_result roam_play(const struct roam_scenario *scenario, uint64_t seed, bool show)
{
	struct roam *r = xcalloc(1, sizeof(*r));
	struct roam_result result;

	r->scenario = scenario;
	r->seed = seed;
	r->instant = VTIME_NEVER;
	trace_init(&r->trace, show);
	r->trace.lazy = !show && scenario->share > 1;
	roam_begin_world(r);
	while (!r->stopped)
		step(r);
	roam_expect(r, r->up, "not all clients have come up");
	if (!r->failure[0])
		scenario->end(r);
	result = result_of(r);
	world_free(r);
	memcpy(result.failure, r->failure, sizeof(result.failure));
	free(r);
	return result;
}
