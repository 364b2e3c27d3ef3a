/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <malloc.h>
#include <stdlib.h>

#include "tests/sim/roam.h"

#define ARENA 8192
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

static void send_sealed(struct roam *r, const struct batch *b)
{
	for (unsigned i = 0; i < b->n; i++) {
		const struct pkt *p = &b->pkts[i];
		struct endpoint from, to;

		if (p->kind != PKT_SEALED)
			continue;
		from = p->path->local;
		to = path_esp_remote(p->path);
		if (p->path->encapsulation == ENCAPSULATION_ESP)
			from.port = to.port = ESP_PORT_BARE;
		roam_send_down(r, &from, &to, pkt_slice(p));
	}
}

/* What has waited, and then this (NONE: nothing). */
static void send_inner(struct roam *r, struct slice ip)
{
	uint8_t arena[ARENA], reply_arena[ARENA];
	struct batch b, replies;
	bool more = true;

	while (more) {
		batch_init(&b, arena, sizeof(arena));
		batch_init(&replies, reply_arena, sizeof(reply_arena));
		more = outbound_release(r->gateway.outbound, r->now, &b, &replies);
		send_sealed(r, &b);
	}
	if (ip.n == 0)
		return;
	batch_init(&b, arena, sizeof(arena));
	batch_init(&replies, reply_arena, sizeof(reply_arena));
	memcpy(pkt_data(batch_take(&b, ESP_HEADROOM, (uint32_t)ip.n, ESP_TAILROOM)), ip.p, ip.n);
	outbound_run(r->gateway.outbound, r->now, &b, &replies);
	send_sealed(r, &b);
}

static void send_ike(struct roam *r, const struct session_effect *fx)
{
	uint8_t marked[MARKER + IKE_MESSAGE_MAX] = { 0 };
	size_t skip = fx->send.from.port == IKE_NATT_PORT ? MARKER : 0;

	memcpy(marked + skip, fx->send.bytes.p, fx->send.bytes.n);
	roam_send_down(r, &fx->send.from, &fx->send.to, slice(marked, skip + fx->send.bytes.n));
}

/* ---- effects ---- */

static void do_retire(struct roam_gateway *g, const struct session_effect *fx)
{
	if (fx->retire.in)
		classifier_remove_spi(g->classifier, esp_in_config(fx->retire.in)->spi);
	esp_in_free(fx->retire.in);
	esp_out_free(fx->retire.out);
}

static void do_effect(struct roam *r, const struct session_effect *fx)
{
	struct roam_gateway *g = &r->gateway;

	if (fx->type == SESSION_EFFECT_SEND) {
		send_ike(r, fx);
	} else if (fx->type == SESSION_EFFECT_PUBLISH_RULES) {
		classifier_rules_free(classifier_publish_view(g->classifier, &fx->rules));
	} else if (fx->type == SESSION_EFFECT_PUBLISH_SLOT) {
		classifier_set_current(g->classifier, fx->slot.slot, fx->slot.out);
		if (fx->slot.next)
			classifier_set_next(g->classifier, fx->slot.slot, fx->slot.next);
	} else if (fx->type == SESSION_EFFECT_PUBLISH_SPI) {
		roam_expect(r, classifier_add_spi(g->classifier, fx->in) == 0,
			    "the gateway's SPI index took no SA");
	} else if (fx->type == SESSION_EFFECT_OFFER_SPI) {
		classifier_offer_spi(g->classifier, fx->offer.spi);
	} else if (fx->type == SESSION_EFFECT_WITHDRAW_SPI) {
		classifier_withdraw_spi(g->classifier, fx->offer.spi);
	} else if (fx->type == SESSION_EFFECT_REFUSE_SLOT) {
		classifier_set_refused(g->classifier, fx->refuse.slot, fx->refuse.until);
	} else if (fx->type == SESSION_EFFECT_RETIRE) {
		do_retire(g, fx);
	} else if (fx->type == SESSION_EFFECT_RETIRE_PATH) {
		classifier_retire_path(g->classifier, fx->old_path);
	} else if (fx->type == SESSION_EFFECT_RETIRE_LIMIT) {
		classifier_retire_limit(g->classifier, fx->old_limit);
	}
}

static void verified(struct roam *r, const struct gateway_effect *fx)
{
	struct gateway_event ev = { .type = GATEWAY_EVENT_VERIFIED };

	ev.verified.id = fx->verify.id;
	ev.verified.ok = strcmp(fx->verify.user, ROAM_USER) == 0 &&
			 slice_eq(fx->verify.password, SLICE_STR(ROAM_PASSWORD));
	gateway_event(r->gateway.engine, r->now, &ev);
}

static bool next_data(struct roam_gateway *g, struct data_event *data)
{
	return outbound_output(g->outbound, data) || inbound_output(g->inbound, data);
}

/* ---- what comes in ---- */

/* The hosts behind it, and the kernel for its own addresses, answer at once. */
static void take_inner(struct roam *r, const struct pkt *p)
{
	bool ping = inner_is_ping(r->book, pkt_slice(p));
	const char *wrong = ping ? NULL : inner_arrived(r->book, r->now, false, pkt_slice(p));
	uint8_t ip[ARENA];

	roam_expect(r, !wrong, "%s", wrong);
	memcpy(ip, pkt_data(p), p->len);
	if (inner_answer(ip, p->len))
		send_inner(r, slice(ip, p->len));
}

/* What came before its SA. */
static void release_early(struct roam *r)
{
	struct batch b;
	bool more = true;

	while (more) {
		batch_init(&b, NULL, 0);
		more = inbound_release(r->gateway.inbound, r->now, &b);
		for (unsigned i = 0; i < b.n; i++)
			if (b.pkts[i].kind == PKT_INNER)
				take_inner(r, &b.pkts[i]);
	}
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
		release_early(r);
		send_inner(r, SLICE_NONE);
		if (!next_data(&r->gateway, &data))
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
	p = batch_take(&b, 0, (uint32_t)bytes.n, 0);
	memcpy(pkt_data(p), bytes.p, bytes.n);
	p->from = *from;
	p->to = *to;
	release_early(r);
	inbound_run(r->gateway.inbound, r->now, &b);
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
	const struct roam_gateway *g = &r->gateway;
	vtime data = vtime_min(inbound_deadline(g->inbound), outbound_deadline(g->outbound));

	return vtime_min(gateway_deadline(g->engine), data);
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
	static const struct outbound_config hold = { 256 << 10, 30 * VTIME_S };
	struct roam_gateway *g = &r->gateway;

	settings_follow(r);
	g->roam = r;
	g->rng = rng_seeded(&g->seed, ~r->seed);
	g->classifier = classifier_new();
	g->outbound = outbound_new(g->classifier, &hold);
	g->inbound = inbound_new(g->classifier);
	g->early = early_new(g->classifier, &g->early_drops);
	inbound_set_early(g->inbound, g->early);
	g->engine = gateway_new(&g->config, &g->rng, &g->log);
	gateway_event(g->engine, 0, &(struct gateway_event){ .type = GATEWAY_EVENT_START });
	pump(r);
}

void roam_gateway_free(struct roam *r)
{
	struct roam_gateway *g = &r->gateway;

	gateway_free(g->engine);
	outbound_free(g->outbound);
	inbound_free(g->inbound);
	early_free(g->early);
	classifier_free(g->classifier);
	secret_free(&g->config.entries[0].ike.psk);
}
