/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <malloc.h>
#include <stdlib.h>

#include "tests/sim/roam.h"

#define ARENA 8192
#define HOLD_BYTES (256 << 10)
#define MARKER 4
#define KEY "what both of them know"

/* ---- memory ---- */

size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

size_t roam_allocated(void)
{
	return __sanitizer_get_current_allocated_bytes ? __sanitizer_get_current_allocated_bytes() :
							 mallinfo2().uordblks;
}

/* ---- what goes out ---- */

static void send_esp(void *ctx, const struct endpoint *from, const struct endpoint *to,
		     struct slice esp)
{
	roam_send_down(ctx, from, to, esp);
}

static void send_ike(struct roam *r, const struct session_effect *fx)
{
	uint8_t marked[MARKER + IKE_MESSAGE_MAX] = { 0 };
	size_t skip = fx->send.from.port == IKE_NATT_PORT ? MARKER : 0;

	memcpy(marked + skip, fx->send.bytes.p, fx->send.bytes.n);
	roam_send_down(r, &fx->send.from, &fx->send.to, slice(marked, skip + fx->send.bytes.n));
}

/* ---- effects ---- */

static void do_effect(struct roam *r, const struct session_effect *fx)
{
	if (fx->type == SESSION_EFFECT_SEND)
		send_ike(r, fx);
	else
		roam_expect(r, data_engines_effect(&r->gateway.data, fx),
			    "the gateway could not publish or withdraw an SPI");
}

static void verified(struct roam *r, const struct gateway_effect *fx)
{
	struct gateway_event ev = { .type = GATEWAY_EVENT_VERIFIED };

	ev.verified.id = fx->verify.id;
	ev.verified.ok = strcmp(fx->verify.user, ROAM_USER) == 0 &&
			 slice_eq(fx->verify.password, SLICE_STR(ROAM_PASSWORD));
	gateway_event(r->gateway.engine, r->now, &ev);
}

/* ---- what comes in ---- */

/* The hosts behind it, and the kernel for its own addresses, answer at once. */
static void take_inner(void *ctx, const struct pkt *p)
{
	struct roam *r = ctx;
	bool ping = inner_is_ping(r->book, pkt_slice(p));
	const char *wrong = ping ? NULL : inner_arrived(r->book, r->now, false, pkt_slice(p));
	uint8_t ip[ARENA];

	roam_expect(r, !wrong, "%s", wrong);
	memcpy(ip, pkt_data(p), p->len);
	if (inner_answer(ip, p->len))
		data_engines_send_inner(&r->gateway.data, r->now, slice(ip, p->len));
}

static void pump(struct roam *r)
{
	struct gateway_event ev = { .type = GATEWAY_EVENT_DATA };
	struct gateway_effect fx;
	struct data_event data;

	ev.data = &data;
	do {
		while (gateway_output(r->gateway.engine, r->now, &fx)) {
			if (fx.type == GATEWAY_EFFECT_VERIFY)
				verified(r, &fx);
			else
				do_effect(r, &fx.session);
		}
		data_engines_release_early(&r->gateway.data, r->now, take_inner, r);
		data_engines_release(&r->gateway.data, r->now);
		if (!data_engines_output(&r->gateway.data, &data))
			return;
		gateway_event(r->gateway.engine, r->now, &ev);
	} while (true);
}

void roam_gateway_datagram(struct roam *r, const struct endpoint *from, const struct endpoint *to,
			   struct slice bytes)
{
	struct gateway_event ev = { .type = GATEWAY_EVENT_DATAGRAM };
	size_t before = roam_allocated();
	uint8_t arena[ARENA];
	struct batch b;
	struct pkt *p;

	batch_init(&b, arena, sizeof(arena));
	p = data_engines_receive(&r->gateway.data, r->now, from, to, bytes, &b);
	ev.datagram.from = *from;
	ev.datagram.to = *to;
	ev.datagram.bytes = pkt_slice(p);
	if (p->kind == PKT_IKE)
		gateway_event(r->gateway.engine, r->now, &ev);
	else if (p->kind == PKT_INNER)
		take_inner(r, p);
	pump(r);
	r->gateway.memory += roam_allocated() - before;
}

void roam_gateway_timeout(struct roam *r)
{
	size_t before = roam_allocated();

	gateway_timeout(r->gateway.engine, r->now);
	pump(r);
	r->gateway.memory += roam_allocated() - before;
}

vtime roam_gateway_deadline(const struct roam *r)
{
	return vtime_min(gateway_deadline(r->gateway.engine),
			 data_engines_deadline(&r->gateway.data));
}

/* ---- its life ---- */

static struct ts whole(const char *text)
{
	struct prefix p;

	if (!prefix_parse(text, &p))
		abort();
	return ts_from_prefix(&p);
}

static void suites(struct ike_config *ike, struct ike_child_config *child)
{
	ike->suites[0] = (struct ike_suite){ IKE_CIPHER_AES_CBC, 128, HASH_SHA2_256, DH_ECP_256 };
	ike->nsuites = 1;
	ike->lifetime_s = 8 * 3600;
	ike->timeout = 30 * VTIME_S;
	ike->address_update = true;
	child->suites[0] = (struct esp_suite){ ESP_CIPHER_AES_GCM_16, 128, ESP_INTEG_NONE };
	child->nsuites = 1;
	child->keylife_s = 8 * 3600;
}

/* Whoever waits for a question whether the other lives waits for an hour. */
static void client_config(struct session_config *c)
{
	suites(&c->ike, &c->child);
	identity_parse("vpn.example.com", &c->ike.remote);
	secret_set(&c->ike.psk, SLICE_STR(KEY));
	c->fallback = POLICY_DISCARD;
	c->dpd = 3600 * VTIME_S;
	c->rekeymargin = 540 * VTIME_S;
	c->rekeyfuzz = 100;
	c->pingtime = c->pingtime2 = 2 * VTIME_S;
	c->pingtries = c->pingtries2 = 5;
	c->maxidle = 20 * VTIME_S;
	c->elimit = 3;
	c->tunnels[0] = (struct ts_pair){ whole("10.8.0.1/32"), whole("10.20.0.0/16") };
	c->ntunnels = 1;
	c->inner[0] = c->tunnels[0].local.lo;
	c->ninner = 1;
	c->ping_targets[0] = c->tunnels[0].remote.lo;
	c->ping_targets[0].b[3] = 1;
}

static void config_begin(struct roam *r)
{
	struct gateway_config *c = &r->gateway.config;
	struct gateway_entry *e = &c->entries[0];
	const struct ts net = whole("10.20.0.0/16");

	gateway_config_defaults(c);
	c->clients_max = 256;
	c->dpd = 3600 * VTIME_S;
	pool_range_parse("10.9.0.0/24", &c->pool[0]);
	c->npool = 1;
	ts_to_prefix(&net, &c->networks[0]);
	c->nnetworks = 1;
	c->split = true;
	c->own[0] = r->outer;
	c->own[1] = r->outer6;
	c->nown = 2;
	suites(&e->ike, &c->child);
	e->name = "any";
	e->ike.gateway = true;
	e->ike.remote_any = true;
	e->ninner = prefix_parse("10.8.0.0/16", &e->inner[0]);
	identity_parse("vpn.example.com", &e->ike.local);
	secret_set(&e->ike.psk, SLICE_STR(KEY));
	c->nentries = 1;
}

void roam_gateway_config(struct roam *r)
{
	config_begin(r);
	client_config(&r->settings.client);
}

/* What the settings say of users and addresses, at both ends. */
static void settings_follow(struct roam *r)
{
	struct session_config *c = &r->settings.client;

	if (r->settings.mode_config) {
		c->address_config = c->ike.wish.pull = true;
		c->ntunnels = c->ninner = 0;
	}
	if (!r->settings.one_time)
		return;
	r->gateway.config.entries[0].ike.xauth = c->ike.xauth = true;
	c->ask_always = true;
	memcpy(c->username, ROAM_USER, sizeof(ROAM_USER));
}

void roam_gateway_start(struct roam *r)
{
	struct roam_gateway *g = &r->gateway;

	settings_follow(r);
	g->roam = r;
	g->rng = rng_seeded(&g->seed, ~r->seed);
	data_engines_init(&g->data, HOLD_BYTES, send_esp, r);
	g->engine = gateway_new(&g->config, &g->rng, &g->log);
	gateway_event(g->engine, 0, &(struct gateway_event){ .type = GATEWAY_EVENT_START });
	pump(r);
}

void roam_gateway_free(struct roam *r)
{
	struct roam_gateway *g = &r->gateway;

	gateway_free(g->engine);
	data_engines_free(&g->data);
	secret_free(&g->config.entries[0].ike.psk);
}
