/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

__attribute__((format(printf, 2, 3))) static void client_fail(struct sim_client *c, const char *fmt,
							      ...)
{
	char text[300];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	c->host.fail(c->host.ctx, text);
}

#define client_expect(c, condition, ...)                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			client_fail(c, __VA_ARGS__);                                               \
	} while (0)

static vtime now(const struct sim_client *c)
{
	return *c->host.now;
}

static void log_sink(void *ctx, const struct log_event *ev)
{
	struct sim_client *c = ctx;

	trace_log(c->host.trace, c->host.name, ev);
}

static const struct network *network(struct sim_client *c)
{
	if (c->host.network)
		return c->host.network;
	c->own = (struct network){ .iface = { { .up = true, .addr = c->host.addr } }, .n = 1 };
	return &c->own;
}

/* Where what has no source yet is sent from. */
static struct addr source(struct sim_client *c, const struct addr *to)
{
	const struct network_iface *route = network_route(network(c), to);

	return route ? route->addr : c->host.addr;
}

/* ---- answers to effects ---- */

static void answer_resolved(struct sim_client *c, unsigned gateway)
{
	struct addr addrs[SIM_ADDRS_MAX];
	struct session_event ev = { .type = SESSION_EVENT_RESOLVED };

	ev.resolved.addrs = addrs;
	ev.resolved.n = c->host.resolve(c->host.ctx, c->host.config->gateways[gateway], addrs);
	sim_client_event(c, &ev);
}

static void answer_path(struct sim_client *c)
{
	const struct network_iface *route = network_route(network(c), &c->path_remote);
	struct session_event ev = { .type = SESSION_EVENT_PATH };

	if (route) {
		ev.path.local = route->addr;
		ev.path.mtu = 1500;
	} else {
		ev.type = SESSION_EVENT_NO_PATH;
		ev.text = "no route";
	}
	sim_client_event(c, &ev);
}

static void answer_look(struct sim_client *c)
{
	struct session_event ev = { .type = SESSION_EVENT_FACTS };
	struct network_facts facts;

	network_look(network(c), c->looks, c->nlooks, &facts);
	ev.facts = &facts.facts;
	sim_client_event(c, &ev);
}

static void answer_path_mtu(struct sim_client *c)
{
	struct session_event ev = { .type = SESSION_EVENT_PATH_MTU };

	ev.path_mtu.remote = c->mtu_remote;
	ev.path_mtu.mtu = 1500;
	sim_client_event(c, &ev);
}

void sim_client_answer(struct sim_client *c, enum sim_answer what, unsigned arg)
{
	switch (what) {
	case SIM_RESOLVED:
		answer_resolved(c, arg);
		break;
	case SIM_PATH:
		answer_path(c);
		break;
	case SIM_TUN:
		sim_client_event(c, &(struct session_event){ .type = SESSION_EVENT_TUN_READY });
		break;
	case SIM_PATH_MTU:
		answer_path_mtu(c);
		break;
	case SIM_FACTS:
		answer_look(c);
		break;
	}
}

static void answer_later(struct sim_client *c, enum sim_answer what, unsigned arg)
{
	c->host.later(c->host.ctx, now(c) + c->host.slowness, what, arg);
}

/* ---- effects ---- */

static void do_state(struct sim_client *c, const struct session_effect *fx)
{
	trace_line(c->host.trace, now(c), "  %s: %s %s: %s", c->host.name,
		   session_step_name(fx->state.step), fx->state.done ? "done" : "begins",
		   fx->state.text);
	if (fx->state.state != SESSION_UP || c->up)
		return;
	c->up = true;
	c->up_at = now(c);
}

static void do_resolve(struct sim_client *c, const char *name)
{
	for (unsigned i = 0; i < c->host.config->ngateways; i++)
		if (c->host.config->gateways[i] == name)
			answer_later(c, SIM_RESOLVED, i);
}

/* The kernel has the facts at hand. */
static void do_look(struct sim_client *c, const struct session_effect *fx)
{
	c->nlooks = fx->look.n;
	memcpy(c->looks, fx->look.remotes, fx->look.n * sizeof(c->looks[0]));
	c->host.later(c->host.ctx, now(c), SIM_FACTS, 0);
}

static void do_keepalive(struct sim_client *c, const struct session_effect *fx)
{
	struct endpoint from = fx->send.from;

	if (from.addr.family == FAMILY_NONE)
		from.addr = source(c, &fx->send.to.addr);
	c->host.send(c->host.ctx, &from, &fx->send.to, SLICE_STR("\xff"));
}

static void do_send(struct sim_client *c, const struct session_effect *fx)
{
	uint8_t marked[IKE_MESSAGE_MAX + 4] = { 0 };
	struct endpoint from = fx->send.from;
	struct slice payload = fx->send.bytes;

	client_expect(c, payload.n <= IKE_MESSAGE_MAX, "an IKE message of %zu bytes", payload.n);
	if (from.addr.family == FAMILY_NONE)
		from.addr = source(c, &fx->send.to.addr);
	if (from.port == IKE_NATT_PORT && payload.n <= IKE_MESSAGE_MAX) {
		memcpy(marked + 4, payload.p, payload.n);
		payload = slice(marked, payload.n + 4);
	}
	c->host.send(c->host.ctx, &from, &fx->send.to, payload);
}

static void do_data(struct sim_client *c, const struct session_effect *fx)
{
	client_expect(c, data_engines_effect(&c->data, fx),
		      "an SPI could not be published or withdrawn");
}

static void do_probe(struct sim_client *c, const struct session_effect *fx)
{
	trace_line(c->host.trace, now(c), "  %s: probe of %zu bytes on %08x", c->host.name,
		   fx->probe.n, esp_out_config(fx->probe.out)->spi);
	do_data(c, fx);
}

static void do_ask(struct sim_client *c, const struct session_effect *fx)
{
	struct sim_ask *a = &c->asks[c->nasks];

	client_expect(c, c->nasks < ASKS_MAX, "a person is asked again and again");
	if (c->nasks == ASKS_MAX)
		return;
	*a = (struct sim_ask){ .at = now(c), .ask = fx->ask, .ended = VTIME_NEVER };
	trace_line(c->host.trace, now(c), "  %s: asks for %x%s%s: %s", c->host.name, fx->ask.fields,
		   fx->ask.ahead ? ", ahead" : "", fx->ask.again ? ", again" : "", fx->ask.message);
	c->nasks++;
	if (c->host.asked)
		c->host.asked(c->host.ctx, c->nasks - 1);
}

static void do_ask_end(struct sim_client *c, const struct session_effect *fx)
{
	for (unsigned i = 0; i < c->nasks; i++)
		if (c->asks[i].ask.id == fx->ask_id)
			c->asks[i].ended = now(c);
}

static void do_done(struct sim_client *c, const struct session_effect *fx)
{
	client_expect(c, !c->done, "the session ended twice");
	client_expect(c, classifier_offers(c->data.classifier) == 0, "an SPI is offered for ever");
	c->done = true;
	c->done_at = now(c);
	c->exit = fx->done.exit;
	snprintf(c->why, sizeof(c->why), "%s", fx->done.text);
	trace_line(c->host.trace, now(c), "  %s: over, exit %d: %s", c->host.name, (int)c->exit,
		   c->why);
}

static void do_effect(struct sim_client *c, const struct session_effect *fx)
{
	client_expect(c, !c->done, "an effect after the session's end");
	if (c->host.sees)
		c->host.sees(c->host.ctx, fx);
	switch (fx->type) {
	case SESSION_EFFECT_STATE:
		do_state(c, fx);
		break;
	case SESSION_EFFECT_RESOLVE:
		do_resolve(c, fx->name);
		break;
	case SESSION_EFFECT_FIND_PATH:
		c->path_remote = fx->remote;
		answer_later(c, SIM_PATH, 0);
		break;
	case SESSION_EFFECT_LOOK:
		do_look(c, fx);
		break;
	case SESSION_EFFECT_FIND_MTU:
		c->mtu_remote = fx->remote;
		answer_later(c, SIM_PATH_MTU, 0);
		break;
	case SESSION_EFFECT_SEND:
		do_send(c, fx);
		break;
	case SESSION_EFFECT_KEEPALIVE:
		do_keepalive(c, fx);
		break;
	case SESSION_EFFECT_TUN:
		c->tuns++;
		answer_later(c, SIM_TUN, 0);
		break;
	case SESSION_EFFECT_TUN_MTU:
		trace_line(c->host.trace, now(c), "  %s: MTU %u", c->host.name, fx->mtu);
		break;
	case SESSION_EFFECT_PUBLISH_RULES:
	case SESSION_EFFECT_PUBLISH_SLOT:
	case SESSION_EFFECT_PUBLISH_SPI:
	case SESSION_EFFECT_OFFER_SPI:
	case SESSION_EFFECT_WITHDRAW_SPI:
	case SESSION_EFFECT_REFUSE_SLOT:
	case SESSION_EFFECT_PROBE_KEY:
	case SESSION_EFFECT_RETIRE:
	case SESSION_EFFECT_RETIRE_PATH:
	case SESSION_EFFECT_RETIRE_LIMIT:
		do_data(c, fx);
		break;
	case SESSION_EFFECT_ASK:
		do_ask(c, fx);
		break;
	case SESSION_EFFECT_ASK_END:
		do_ask_end(c, fx);
		break;
	case SESSION_EFFECT_PROBE:
		do_probe(c, fx);
		break;
	case SESSION_EFFECT_GRANTED:
	case SESSION_EFFECT_KEYS:
		client_fail(c, "keys were given out although nobody asked");
		break;
	case SESSION_EFFECT_DONE:
		do_done(c, fx);
		break;
	}
}

static void pump_session(struct sim_client *c)
{
	struct session_effect fx;

	while (session_output(c->session, now(c), &fx))
		do_effect(c, &fx);
}

static void pump_data(struct sim_client *c)
{
	struct session_event ev = { .type = SESSION_EVENT_DATA };
	struct data_event data;

	ev.data = &data;
	while (data_engines_output(&c->data, &data)) {
		session_event(c->session, now(c), &ev);
		pump_session(c);
	}
}

/* What the application is told. */
static void take_replies(struct sim_client *c, const struct batch *replies)
{
	c->refused += replies->n;
	if (replies->n)
		c->refused_at = now(c);
}

static void take_inner(void *ctx, const struct pkt *p)
{
	const struct sim_client *c = ctx;

	trace_line(c->host.trace, now(c), "  %s: %u bytes to the TUN", c->host.name, p->len);
	c->host.inner(c->host.ctx, pkt_slice(p));
}

/* As the program does when control has published something, and before newer packets. */
static void release(struct sim_client *c)
{
	const struct hold_counters *h = outbound_held(c->data.outbound);
	struct batch b, replies;
	bool more = true;

	data_engines_release_early(&c->data, now(c), take_inner, c);
	while (more && outbound_deadline(c->data.outbound) != VTIME_NEVER) {
		batch_init(&b, c->arena, sizeof(c->arena));
		batch_init(&replies, c->reply_arena, sizeof(c->reply_arena));
		more = outbound_release(c->data.outbound, now(c), &b, &replies);
		take_replies(c, &replies);
		data_engines_send_batch(&c->data, &b);
	}
	client_expect(c, h->in == h->released + h->replaced + h->expired + h->dropped + h->packets,
		      "what was held does not add up");
}

static void pump(struct sim_client *c)
{
	bool was_up = c->up;

	pump_session(c);
	release(c);
	pump_data(c);
	release(c);
	if (c->up && !was_up && c->host.up)
		c->host.up(c->host.ctx);
}

/* ---- packets ---- */

static void take_ike(struct sim_client *c, const struct pkt *p)
{
	struct session_event ev = { .type = SESSION_EVENT_DATAGRAM };

	ev.datagram.from = p->from;
	ev.datagram.to = p->to;
	ev.datagram.bytes = pkt_slice(p);
	session_event(c->session, now(c), &ev);
	pump(c);
}

void sim_client_datagram(struct sim_client *c, const struct endpoint *from,
			 const struct endpoint *to, struct slice bytes)
{
	struct batch b;
	struct pkt *p;

	batch_init(&b, c->arena, sizeof(c->arena));
	p = data_engines_receive(&c->data, now(c), from, to, bytes, &b);
	if (p->kind == PKT_INNER)
		take_inner(c, p);
	else if (p->kind == PKT_IKE)
		take_ike(c, p);
	pump(c);
}

void sim_client_begin(struct sim_client *c)
{
	release(c);
	batch_init(&c->batch, c->arena, sizeof(c->arena));
}

void sim_client_add(struct sim_client *c, struct slice ip)
{
	struct pkt *p = batch_take(&c->batch, ESP_HEADROOM, (uint32_t)ip.n, ESP_TAILROOM);

	memcpy(pkt_data(p), ip.p, ip.n);
}

void sim_client_end(struct sim_client *c)
{
	struct batch replies;

	batch_init(&replies, c->reply_arena, sizeof(c->reply_arena));
	outbound_run(c->data.outbound, now(c), &c->batch, &replies);
	take_replies(c, &replies);
	data_engines_send_batch(&c->data, &c->batch);
	pump(c);
}

/* ---- the four verbs ---- */

void sim_client_event(struct sim_client *c, const struct session_event *ev)
{
	session_event(c->session, now(c), ev);
	pump(c);
}

void sim_client_timeout(struct sim_client *c)
{
	session_timeout(c->session, now(c));
	pump(c);
}

vtime sim_client_deadline(const struct sim_client *c)
{
	vtime control = session_deadline(c->session);

	return c->done ? control : vtime_min(control, data_engines_deadline(&c->data));
}

uint64_t sim_client_drops(const struct sim_client *c, enum drop why)
{
	return inbound_drops(c->data.inbound)->n[why] + outbound_drops(c->data.outbound)->n[why] +
	       c->data.early_drops.n[why];
}

struct sim_client *sim_client_new(const struct sim_host *host)
{
	struct sim_client *c = xcalloc(1, sizeof(*c));

	c->host = *host;
	c->log = (struct log){ .level = host->level, .sink = log_sink, .ctx = c };
	c->session = session_new(host->config, host->rng, &c->log, false);
	data_engines_init(&c->data, host->hold_bytes, host->send, host->ctx);
	return c;
}

void sim_client_free(struct sim_client *c)
{
	session_free(c->session);
	data_engines_free(&c->data);
	free(c);
}
