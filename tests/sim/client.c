/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/client.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

#define ANSWER_DELAY (3 * VTIME_MS) /* of the resolver and of the kernel */

static void log_sink(void *ctx, const struct log_event *ev)
{
	struct sim_client *c = ctx;

	trace_log(&c->world->trace, ev);
}

/* ---- answers to effects ---- */

static void answer_resolved(struct world *w, unsigned gateway)
{
	struct addr addrs[2] = { w->settings.dead, w->settings.gateway }, written;
	struct session_event ev = { .type = SESSION_EVENT_RESOLVED };

	ev.resolved.addrs = addrs;
	ev.resolved.n = ARRAY_SIZE(addrs);
	/* What is no address is a name, and a name has both. */
	if (addr_parse(w->settings.gateway_text[gateway], &written)) {
		addrs[0] = written;
		ev.resolved.n = 1;
	}
	sim_client_event(w->client, &ev);
}

static void answer_path(struct world *w, unsigned unused)
{
	struct session_event ev = { .type = SESSION_EVENT_PATH };

	(void)unused;
	ev.path.local = w->settings.client;
	ev.path.mtu = 1500;
	sim_client_event(w->client, &ev);
}

static void answer_tun(struct world *w, unsigned unused)
{
	struct session_event ev = { .type = SESSION_EVENT_TUN_READY };

	(void)unused;
	sim_client_event(w->client, &ev);
}

static void answer_path_mtu(struct world *w, unsigned unused)
{
	struct session_event ev = { .type = SESSION_EVENT_PATH_MTU };

	(void)unused;
	ev.path_mtu.remote = w->settings.gateway;
	ev.path_mtu.mtu = 1500;
	sim_client_event(w->client, &ev);
}

static void answer_later(struct sim_client *c, world_action action, unsigned arg)
{
	world_at(c->world, c->world->now + ANSWER_DELAY, action, arg);
}

/* ---- effects ---- */

static void do_state(struct sim_client *c, const struct session_effect *fx)
{
	struct world *w = c->world;

	trace_line(&w->trace, w->now, "  client: %s %s: %s", session_step_name(fx->state.step),
		   fx->state.done ? "done" : "begins", fx->state.text);
	if (fx->state.state != SESSION_UP || c->up)
		return;
	c->up = true;
	c->up_at = w->now;
}

static void do_resolve(struct sim_client *c, const char *name)
{
	const struct session_config *config = &c->world->settings.session;

	for (unsigned i = 0; i < config->ngateways; i++)
		if (config->gateways[i] == name)
			answer_later(c, answer_resolved, i);
}

static void do_keepalive(struct sim_client *c, const struct session_effect *fx)
{
	struct endpoint from = fx->send.from;

	if (from.addr.family == FAMILY_NONE)
		from.addr = c->world->settings.client;
	world_send(c->world, SIDE_CLIENT, &from, &fx->send.to, SLICE_STR("\xff"));
}

static void do_send(struct sim_client *c, const struct session_effect *fx)
{
	uint8_t marked[IKE_MESSAGE_MAX + 4] = { 0 };
	struct endpoint from = fx->send.from;
	struct slice payload = fx->send.bytes;

	world_expect(c->world, payload.n <= IKE_MESSAGE_MAX, "an IKE message of %zu bytes",
		     payload.n);
	if (from.addr.family == FAMILY_NONE)
		from.addr = c->world->settings.client;
	if (from.port == IKE_NATT_PORT && payload.n <= IKE_MESSAGE_MAX) {
		memcpy(marked + 4, payload.p, payload.n);
		payload = slice(marked, payload.n + 4);
	}
	world_send(c->world, SIDE_CLIENT, &from, &fx->send.to, payload);
}

static void send_sealed(struct sim_client *c, const struct batch *b)
{
	for (unsigned i = 0; i < b->n; i++) {
		const struct pkt *p = &b->pkts[i];

		if (p->kind != PKT_SEALED)
			continue;
		world_expect(c->world, p->path->encapsulation == ENCAPSULATION_UDP,
			     "data does not go in UDP");
		world_send(c->world, SIDE_CLIENT, &p->path->local, &p->path->remote, pkt_slice(p));
	}
}

/* As tx does, which takes it before anything else. */
static void do_probe(struct sim_client *c, const struct session_effect *fx)
{
	uint8_t arena[ESP_HEADROOM + ESP_PROBE_MAX + ESP_TAILROOM + 16];
	struct batch b;

	batch_init(&b, arena, sizeof(arena));
	trace_line(&c->world->trace, c->world->now, "  client: probe of %zu bytes on %08x",
		   fx->probe.n, esp_out_config(fx->probe.out)->spi);
	if (outbound_probe(c->outbound, fx->probe.out, fx->probe.bytes, fx->probe.n, &b))
		send_sealed(c, &b);
}

static void do_retire(struct sim_client *c, const struct session_effect *fx)
{
	if (fx->retire.in)
		classifier_remove_spi(c->classifier, esp_in_config(fx->retire.in)->spi);
	esp_in_free(fx->retire.in);
	esp_out_free(fx->retire.out);
}

/* ---- a person ---- */

/* What somebody types into one field; false: he cannot. */
static bool type(struct world *w, const struct session_ask *ask, enum xauth_field field,
		 char buf[IKE_SAID_MAX])
{
	switch (field) {
	case XAUTH_USERNAME:
		snprintf(buf, IKE_SAID_MAX, "%s", SETTINGS_USER);
		return true;
	case XAUTH_PASSWORD:
		snprintf(buf, IKE_SAID_MAX, "%s", SETTINGS_PASSWORD);
		return true;
	case XAUTH_PASSCODE:
		snprintf(buf, IKE_SAID_MAX, "%u", ++w->codes);
		return true;
	case XAUTH_ANSWER:
		snprintf(buf, IKE_SAID_MAX, "%.500s!", ask->message);
		return true;
	case XAUTH_NEXT_PIN:
	case XAUTH_DOMAIN:
	case XAUTH_FIELDS:
		break;
	}
	return false;
}

static void person_answers(struct world *w, unsigned number)
{
	const struct sim_ask *a = &w->client->asks[number];
	struct session_event ev = { .type = SESSION_EVENT_ANSWER };
	char text[XAUTH_FIELDS][IKE_SAID_MAX];

	ev.answer.id = a->ask.id;
	for (unsigned f = 0; f < XAUTH_FIELDS; f++)
		if ((a->ask.fields & 1U << f) && type(w, &a->ask, f, text[f]))
			ev.answer.value[f] = SLICE_STR(text[f]);
	sim_client_event(w->client, &ev);
}

static void do_ask(struct sim_client *c, const struct session_effect *fx)
{
	struct world *w = c->world;
	struct sim_ask *a = &c->asks[c->nasks];

	world_expect(w, c->nasks < ASKS_MAX, "a person is asked again and again");
	if (c->nasks == ASKS_MAX)
		return;
	*a = (struct sim_ask){ .at = w->now, .ask = fx->ask, .ended = VTIME_NEVER };
	trace_line(&w->trace, w->now, "  client: asks for %x%s%s: %s", fx->ask.fields,
		   fx->ask.ahead ? ", ahead" : "", fx->ask.again ? ", again" : "", fx->ask.message);
	if (w->settings.person != VTIME_NEVER)
		world_at(w, w->now + w->settings.person, person_answers, c->nasks);
	c->nasks++;
}

static void do_ask_end(struct sim_client *c, const struct session_effect *fx)
{
	for (unsigned i = 0; i < c->nasks; i++)
		if (c->asks[i].ask.id == fx->ask_id)
			c->asks[i].ended = c->world->now;
}

static void do_done(struct sim_client *c, const struct session_effect *fx)
{
	world_expect(c->world, !c->done, "the session ended twice");
	c->done = true;
	c->done_at = c->world->now;
	c->exit = fx->done.exit;
	snprintf(c->why, sizeof(c->why), "%s", fx->done.text);
	trace_line(&c->world->trace, c->world->now, "  client: over, exit %d: %s", (int)c->exit,
		   c->why);
}

static void do_effect(struct sim_client *c, const struct session_effect *fx)
{
	world_expect(c->world, !c->done, "an effect after the session's end");
	switch (fx->type) {
	case SESSION_EFFECT_STATE:
		do_state(c, fx);
		break;
	case SESSION_EFFECT_RESOLVE:
		do_resolve(c, fx->name);
		break;
	case SESSION_EFFECT_FIND_PATH:
		answer_later(c, answer_path, 0);
		break;
	case SESSION_EFFECT_FIND_MTU:
		answer_later(c, answer_path_mtu, 0);
		break;
	case SESSION_EFFECT_SEND:
		do_send(c, fx);
		break;
	case SESSION_EFFECT_KEEPALIVE:
		do_keepalive(c, fx);
		break;
	case SESSION_EFFECT_TUN:
		c->tuns++;
		answer_later(c, answer_tun, 0);
		break;
	case SESSION_EFFECT_TUN_MTU:
		trace_line(&c->world->trace, c->world->now, "  client: MTU %u", fx->mtu);
		break;
	case SESSION_EFFECT_PUBLISH_RULES:
		classifier_rules_free(classifier_publish_rules(c->classifier, fx->rules));
		break;
	case SESSION_EFFECT_PUBLISH_SLOT:
		classifier_set_current(c->classifier, fx->slot.slot, fx->slot.out);
		if (fx->slot.next)
			classifier_set_next(c->classifier, fx->slot.slot, fx->slot.next);
		break;
	case SESSION_EFFECT_PUBLISH_SPI:
		world_expect(c->world, classifier_add_spi(c->classifier, fx->in) == 0,
			     "the SPI index took no SA");
		break;
	case SESSION_EFFECT_ASK:
		do_ask(c, fx);
		break;
	case SESSION_EFFECT_ASK_END:
		do_ask_end(c, fx);
		break;
	case SESSION_EFFECT_REFUSE_SLOT:
		classifier_set_refused(c->classifier, fx->refuse.slot, fx->refuse.until);
		break;
	case SESSION_EFFECT_PROBE:
		do_probe(c, fx);
		break;
	case SESSION_EFFECT_PROBE_KEY:
		classifier_set_probe_key(c->classifier, &fx->probe_key);
		break;
	case SESSION_EFFECT_RETIRE:
		do_retire(c, fx);
		break;
	case SESSION_EFFECT_KEYS:
		world_fail(c->world, "keys were given out although nobody asked");
		break;
	case SESSION_EFFECT_DONE:
		do_done(c, fx);
		break;
	}
}

static void pump_session(struct sim_client *c)
{
	struct session_effect fx;

	while (session_output(c->session, c->world->now, &fx))
		do_effect(c, &fx);
}

static void pump_data(struct sim_client *c)
{
	struct session_event ev = { .type = SESSION_EVENT_DATA };
	struct data_event data;

	ev.data = &data;
	while (outbound_output(c->outbound, &data) || inbound_output(c->inbound, &data)) {
		session_event(c->session, c->world->now, &ev);
		pump_session(c);
	}
}

/* What the application is told. */
static void take_replies(struct sim_client *c, const struct batch *replies)
{
	c->refused += replies->n;
	if (replies->n)
		c->refused_at = c->world->now;
}

/* As the program does when control has published something, and before newer packets. */
static void release(struct sim_client *c)
{
	const struct hold_counters *h = outbound_held(c->outbound);
	struct batch b, replies;
	bool more = true;

	while (more && outbound_deadline(c->outbound) != VTIME_NEVER) {
		batch_init(&b, c->arena, sizeof(c->arena));
		batch_init(&replies, c->reply_arena, sizeof(c->reply_arena));
		more = outbound_release(c->outbound, c->world->now, &b, &replies);
		take_replies(c, &replies);
		send_sealed(c, &b);
	}
	world_expect(c->world,
		     h->in == h->released + h->replaced + h->expired + h->dropped + h->packets,
		     "what was held does not add up");
}

static void pump(struct sim_client *c)
{
	bool was_up = c->up;

	pump_session(c);
	release(c);
	pump_data(c);
	release(c);
	if (c->up && !was_up && c->world->scenario->up)
		c->world->scenario->up(c->world);
}

/* ---- packets ---- */

static void take_inner(struct sim_client *c, const struct pkt *p)
{
	struct world *w = c->world;
	const char *wrong = inner_arrived(&w->book, w->now, true, pkt_slice(p));

	trace_line(&w->trace, w->now, "  client: %u bytes to the TUN", p->len);
	world_expect(w, !wrong, "%s", wrong);
}

static void take_ike(struct sim_client *c, const struct pkt *p)
{
	struct session_event ev = { .type = SESSION_EVENT_DATAGRAM };

	ev.datagram.from = p->from;
	ev.datagram.to = p->to;
	ev.datagram.bytes = pkt_slice(p);
	session_event(c->session, c->world->now, &ev);
	pump(c);
}

void sim_client_datagram(struct sim_client *c, const struct datagram *d)
{
	struct batch b;
	struct pkt *p;

	batch_init(&b, c->arena, sizeof(c->arena));
	p = batch_take(&b, 0, (uint32_t)d->n, 0);
	memcpy(pkt_data(p), d->bytes, d->n);
	p->from = d->from;
	p->to = d->to;
	inbound_run(c->inbound, c->world->now, &b);
	if (p->kind == PKT_INNER)
		take_inner(c, p);
	else if (p->kind == PKT_IKE)
		take_ike(c, p);
	pump(c);
}

static void write_number(struct sim_client *c, struct batch *b, unsigned number)
{
	uint8_t request[INNER_SIZE_MAX];
	size_t n = inner_request(&c->world->book, number, request);
	struct pkt *p = batch_take(b, ESP_HEADROOM, (uint32_t)n, ESP_TAILROOM);

	memcpy(pkt_data(p), request, n);
}

static void write_request(struct sim_client *c, struct batch *b, unsigned size)
{
	struct world *w = c->world;
	const struct session_config *config = &w->settings.session;
	unsigned tunnel = w->book.n % config->ntunnels;
	struct addr src = config->tunnels[tunnel].local.lo;

	write_number(c, b,
		     inner_add(&w->book, w->book.n / config->ntunnels % 2 ? INNER_UDP : INNER_ICMP,
			       &src, &w->settings.hosts[tunnel], size));
}

static void send_batch(struct sim_client *c, struct batch *b)
{
	struct batch replies;

	batch_init(&replies, c->reply_arena, sizeof(c->reply_arena));
	outbound_run(c->outbound, c->world->now, b, &replies);
	take_replies(c, &replies);
	send_sealed(c, b);
	pump(c);
}

void sim_client_send(struct sim_client *c, unsigned number)
{
	struct batch b;

	release(c);
	batch_init(&b, c->arena, sizeof(c->arena));
	write_number(c, &b, number);
	send_batch(c, &b);
}

void sim_client_ping(struct sim_client *c, unsigned n, unsigned size)
{
	struct batch b;

	release(c);
	batch_init(&b, c->arena, sizeof(c->arena));
	while (n-- > 0)
		write_request(c, &b, size);
	send_batch(c, &b);
}

/* ---- the four verbs ---- */

void sim_client_event(struct sim_client *c, const struct session_event *ev)
{
	session_event(c->session, c->world->now, ev);
	pump(c);
}

void sim_client_timeout(struct sim_client *c)
{
	session_timeout(c->session, c->world->now);
	pump(c);
}

vtime sim_client_deadline(const struct sim_client *c)
{
	return c->done ? session_deadline(c->session) :
			 vtime_min(session_deadline(c->session), outbound_deadline(c->outbound));
}

uint64_t sim_client_drops(const struct sim_client *c, enum drop why)
{
	return inbound_drops(c->inbound)->n[why] + outbound_drops(c->outbound)->n[why];
}

struct sim_client *sim_client_new(struct world *w)
{
	static const struct outbound_config hold = { 4 << 20, 30 * VTIME_S };
	struct sim_client *c = xcalloc(1, sizeof(*c));

	c->world = w;
	c->log = (struct log){ .level = LOG_DEBUG, .sink = log_sink, .ctx = c };
	c->session = session_new(&w->settings.session, &w->rng[STREAM_CLIENT], &c->log, false);
	c->classifier = classifier_new();
	c->outbound = outbound_new(c->classifier, &hold);
	c->inbound = inbound_new(c->classifier);
	return c;
}

void sim_client_free(struct sim_client *c)
{
	session_free(c->session);
	outbound_free(c->outbound);
	inbound_free(c->inbound);
	classifier_free(c->classifier);
	free(c);
}
