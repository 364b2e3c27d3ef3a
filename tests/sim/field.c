/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/field.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

#define TIMEOUTS_MAX 200 /* at one instant, before it counts as a busy loop */
#define SERVER "192.0.2.1"
#define CLIENT_NET "192.168.1.0"
#define CLIENT_FIRST 11

struct field_options field_options = { .epochs = 10 };

/* ---- failure ---- */

void field_stop(struct field *f)
{
	f->stopped = true;
}

void field_fail(struct field *f, const char *fmt, ...)
{
	va_list args;

	f->stopped = true;
	if (f->failure[0])
		return;
	va_start(args, fmt);
	vsnprintf(f->failure, sizeof(f->failure), fmt, args);
	va_end(args);
	trace_lane(&f->trace, f->now, "FAILED: %s", f->failure);
}

/* ---- what is to happen ---- */

enum place {
	AT_NAT_OUT,
	AT_NAT_IN,
	AT_SERVER,
	AT_CLIENT,
	AT_NOWHERE, /* an action */
};

struct happening {
	enum place place;
	unsigned nat, client;
	struct endpoint from, to;
	const char *what; /* of ESP: what it is, as far as its sender tells */
	field_action action;
	unsigned arg;
	size_t n;
	uint8_t bytes[];
};

void field_at(struct field *f, vtime at, field_action action, unsigned arg)
{
	struct happening *h = xcalloc(1, sizeof(*h));

	h->place = AT_NOWHERE;
	h->action = action;
	h->arg = arg;
	heap_put(&f->heap, at, h);
}

/* Sends what h says over the link; it arrives at h->place. */
static void put_on_link(struct field *f, struct link *link, const struct happening *h,
			struct slice bytes)
{
	struct link_fate fate = link_send_sized(link, f->now, bytes.n + 28);

	for (unsigned i = 0; i < fate.n; i++) {
		struct happening *copy = malloc(sizeof(*copy) + bytes.n);

		if (!copy)
			abort();
		*copy = *h;
		copy->n = bytes.n;
		memcpy(copy->bytes, bytes.p, bytes.n);
		heap_put(&f->heap, fate.at[i], copy);
	}
}

/* ---- NATs ---- */

static bool is_esp(const struct endpoint *from)
{
	return from->port == ESP_PORT_BARE;
}

static bool is_guessed(const struct field *f, const struct endpoint *from,
		       const struct endpoint *to)
{
	return f->settings.box == FIELD_MASQ &&
	       (is_esp(from) || (from->port == IKE_PORT && to->port == IKE_PORT));
}

static struct masq_packet masq_packet(const struct happening *h)
{
	return (struct masq_packet){
		.protocol = is_esp(&h->from) ? MASQ_ESP : MASQ_IKE,
		.from = h->from.addr,
		.to = h->to.addr,
		.head = slice(h->bytes, h->n),
	};
}

static const char *translate_out(struct field *f, struct field_nat *nat, struct happening *h)
{
	struct masq_packet p = masq_packet(h);
	struct masq_verdict v;

	if (nat->dead)
		return "the NAT is dead";
	if (!is_guessed(f, &h->from, &h->to))
		return !is_esp(&h->from) && udp_nat_out(&nat->nat, f->now, &h->from, &h->to) ?
			       NULL :
			       "does not pass";
	masq_out(nat->masq, f->now, &p, &v);
	h->from.addr = nat->outside;
	return v.fate == MASQ_FORWARD ? NULL : masq_fate_name(v.fate);
}

static void at_nat_out(struct field *f, struct happening *h)
{
	struct field_nat *nat = &f->nats[h->nat];
	bool esp = is_esp(&h->from);
	const char *wrong = translate_out(f, nat, h);

	field_ladder_out(f->clients[h->client], esp ? h->what : NULL, slice(h->bytes, h->n), wrong);
	if (wrong)
		return;
	h->place = AT_SERVER;
	put_on_link(f, &nat->up, h, slice(h->bytes, h->n));
}

static struct field_client *client_of(struct field *f, const struct addr *addr)
{
	unsigned number = (unsigned)(addr->b[3] - CLIENT_FIRST);

	return number < f->nclients ? f->clients[number] : NULL;
}

static const char *translate_in(struct field *f, struct field_nat *nat, struct happening *h,
				struct masq_verdict *v)
{
	struct masq_packet p = masq_packet(h);

	v->n = 0;
	v->multicast = false;
	if (nat->dead)
		return "the NAT is dead";
	if (is_guessed(f, &h->from, &h->to)) {
		masq_in(nat->masq, f->now, &p, v);
		nat->multicasts += v->multicast;
		return v->fate == MASQ_FORWARD ? v->multicast ? "to everybody" : NULL :
						 masq_fate_name(v->fate);
	}
	if (is_esp(&h->from) || !udp_nat_in(&nat->nat, f->now, &h->from, &h->to))
		return "does not pass";
	v->n = 1;
	v->to[0] = h->to.addr;
	return NULL;
}

static void at_nat_in(struct field *f, struct happening *h)
{
	struct field_nat *nat = &f->nats[h->nat];
	struct masq_verdict v;
	const char *fate = translate_in(f, nat, h, &v);

	field_ladder_in(f, v.to, v.n, h->nat, is_esp(&h->from) ? h->what : NULL,
			slice(h->bytes, h->n), fate);
	h->place = AT_CLIENT;
	for (unsigned i = 0; i < v.n; i++) {
		struct field_client *c = client_of(f, &v.to[i]);

		if (!c)
			continue;
		h->client = c->number;
		h->to.addr = c->addr;
		put_on_link(f, &c->down, h, slice(h->bytes, h->n));
	}
}

void field_route(struct field *f, unsigned nat)
{
	field_ladder_note(f, -1, "the route leads to NAT %u", nat + 1);
	for (unsigned i = 0; i < f->nclients; i++)
		f->clients[i]->route = nat;
}

void field_kill_nat(struct field *f, unsigned nat)
{
	field_ladder_note(f, -1, "NAT %u dies", nat + 1);
	f->nats[nat].dead = true;
}

void field_reboot_nat(struct field *f, unsigned nat)
{
	field_ladder_note(f, -1, "NAT %u reboots", nat + 1);
	masq_reboot(f->nats[nat].masq);
	udp_nat_reboot(&f->nats[nat].nat);
}

void field_renumber_nat(struct field *f, unsigned nat)
{
	struct field_nat *n = &f->nats[nat];

	field_ladder_note(f, -1, "NAT %u has another address", nat + 1);
	n->outside.b[3]++;
	masq_renumber(n->masq, &n->outside);
	udp_nat_renumber(&n->nat, &n->outside);
}

/* ---- the two ends ---- */

static bool carries_esp(const struct endpoint *from, struct slice bytes)
{
	return is_esp(from) || (from->port != IKE_PORT && bytes.n > 8 && get_be32(bytes.p) != 0);
}

void field_send(struct field_client *c, const struct endpoint *from, const struct endpoint *to,
		struct slice bytes)
{
	struct happening h = { .place = AT_NAT_OUT, .nat = c->route, .client = c->number };

	h.what = c->probing ? ", ping" : "";
	h.from = *from;
	h.to = *to;
	field_judge_sent(c, false, carries_esp(from, bytes), bytes);
	put_on_link(c->field, &c->up, &h, bytes);
}

/* An IKE message belongs to nobody in particular; it is found out by the NAT. */
static void server_sends(struct field *f, const struct server_output *out)
{
	struct happening h = { .place = AT_NAT_IN, .from = out->from, .to = out->to };

	h.what = f->answering ? ", answer" : "";
	if (!out->ike)
		field_judge_sent(f->clients[out->slot], true, true, out->bytes);
	trace_bytes(&f->trace, slice(out->bytes.p, out->bytes.n < 64 ? out->bytes.n : 64));
	for (h.nat = 0; h.nat < f->nnats; h.nat++) {
		if (!addr_eq(&f->nats[h.nat].outside, &out->to.addr))
			continue;
		put_on_link(f, &f->nats[h.nat].down, &h, out->bytes);
		return;
	}
	field_ladder_in(f, NULL, 0, 0, is_esp(&out->from) ? h.what : NULL, out->bytes,
			"to an address that nobody has");
}

void field_server_pump(struct field *f)
{
	struct server_output out;

	while (server_output(f->server, &out)) {
		if (out.type == SERVER_SEND)
			server_sends(f, &out);
		else
			field_server_inner(f, out.slot, out.bytes);
	}
}

/* ---- time ---- */

static void deliver(struct field *f, struct happening *h)
{
	switch (h->place) {
	case AT_NAT_OUT:
		at_nat_out(f, h);
		break;
	case AT_NAT_IN:
		at_nat_in(f, h);
		break;
	case AT_SERVER:
		f->answering = true;
		server_datagram(f->server, f->now, &h->from, &h->to, slice(h->bytes, h->n));
		field_server_pump(f);
		f->answering = false;
		break;
	case AT_CLIENT:
		field_client_datagram(f->clients[h->client], &h->from, &h->to,
				      slice(h->bytes, h->n));
		break;
	case AT_NOWHERE:
		h->action(f, h->arg);
		break;
	}
	free(h);
}

static void timeout(struct field *f, struct field_client *c)
{
	f->timeouts = f->instant == f->now ? f->timeouts + 1 : 1;
	f->instant = f->now;
	field_expect(f, f->timeouts <= TIMEOUTS_MAX,
		     "a deadline stays in the past: a busy loop of %s", c ? c->name : "the server");
	if (c) {
		field_client_timeout(c);
		return;
	}
	server_timeout(f->server, f->now);
	field_server_pump(f);
}

static void step(struct field *f)
{
	struct field_client *first = NULL;
	vtime next = heap_next(&f->heap), client = VTIME_NEVER;
	vtime server = server_deadline(f->server);

	for (unsigned i = 0; i < f->nclients; i++) {
		vtime at = field_client_deadline(f->clients[i]);

		if (at >= client)
			continue;
		client = at;
		first = f->clients[i];
	}
	f->steps++;
	if (vtime_min(next, vtime_min(client, server)) >= f->scenario->limit) {
		f->now = f->scenario->limit;
		field_stop(f);
	} else if (next <= client && next <= server) {
		f->now = next > f->now ? next : f->now;
		deliver(f, heap_take(&f->heap));
	} else {
		f->now = client > f->now && server > f->now ? vtime_min(client, server) : f->now;
		timeout(f, client <= server ? first : NULL);
	}
}

/* ---- a field's life ---- */

static struct addr address(const char *text)
{
	struct addr a;

	if (!addr_parse(text, &a))
		abort();
	return a;
}

static struct rng stream(struct field *f, unsigned number, struct rng_seed *seed)
{
	struct rng_seed mixer;
	struct rng mix = rng_seeded(&mixer, f->seed ^ (uint64_t)(number + 1) << 56);

	return rng_seeded(seed, rng_u64(&mix));
}

/* What most scenarios like: a NAT that guesses, nothing lost, keys that last. */
static void settings_default(struct field *f)
{
	struct field_settings *s = &f->settings;
	struct server_config *server = &s->server;

	*s = (struct field_settings){
		.nclients = 2,
		.nnats = 1,
		.ngateways = 1,
		.masq = { .tout = 2 * VTIME_S,
			  .nout = 4,
			  .tei = 60 * VTIME_S,
			  .tike = 300 * VTIME_S },
		.nat = { .lifetime = 60 * VTIME_S },
		.lan = { .delay = VTIME_MS },
		.wan = { .delay = 20 * VTIME_MS },
		.prober = { .pingtime = 2 * VTIME_S,
			    .pingtries = 5,
			    .maxidle = 20 * VTIME_S,
			    .pingtime2 = 2 * VTIME_S,
			    .pingtries2 = 5 },
		.elimit = 3,
		.timeout = 30 * VTIME_S,
		.dpd = 30 * VTIME_S,
		.keylife_s = 8 * 3600,
		.rekeymargin = 540 * VTIME_S,
		.rekeyfuzz = 100,
	};
	server->addr = address(SERVER);
	server->psk = SLICE_STR("a key that everybody has");
	server->ike = (struct ike_suite){ IKE_CIPHER_AES_CBC, 128, HASH_SHA2_256, DH_ECP_256 };
	server->esp = (struct esp_suite){ ESP_CIPHER_AES_GCM_16, 128, ESP_INTEG_NONE };
	server->lifetime_s = 24 * 3600;
	server->keylife_s = 24 * 3600;
	server->timeout = s->timeout;
	identity_parse("vpn.example.com", &server->id);
	prefix_parse("10.98.0.0/24", &server->pool);
	prefix_parse("10.99.0.0/24", &server->net);
}

static void nat_begin(struct field *f, unsigned number)
{
	struct field_nat *n = &f->nats[number];
	struct masq_config masq = f->settings.masq;
	struct udp_nat_config nat = f->settings.nat;

	n->outside = address("203.0.113.1");
	n->outside.b[3] = (uint8_t)(1 + 100 * number);
	masq.outside = nat.outside = n->outside;
	n->masq = masq_new(&masq);
	udp_nat_init(&n->nat, &nat, &f->wire);
	link_init(&n->up, &f->settings.wan, &f->wire);
	link_init(&n->down, &f->settings.wan, &f->wire);
}

static void client_begin(struct field *f, unsigned number)
{
	struct field_client *c = field_client_new(f, number);

	c->addr = address(CLIENT_NET);
	c->addr.b[3] = (uint8_t)(CLIENT_FIRST + number);
	c->shell->host.addr = c->addr;
	f->clients[number] = c;
}

static void field_begin(struct field *f)
{
	f->dice = stream(f, 0, &f->seeds[0]);
	f->wire = stream(f, 1, &f->seeds[1]);
	f->server_rng = stream(f, 2, &f->seeds[2]);
	settings_default(f);
	if (f->scenario->settings)
		f->scenario->settings(f);
	f->nnats = f->settings.nnats;
	f->nclients = f->settings.nclients;
	for (unsigned i = 0; i < f->nnats; i++)
		nat_begin(f, i);
	f->server = server_new(&f->settings.server, &f->server_rng);
	for (unsigned i = 0; i < f->nclients; i++)
		client_begin(f, i);
	field_ladder_head(f);
	f->scenario->begin(f);
}

static void field_end(struct field *f)
{
	struct happening *h;

	while ((h = heap_take(&f->heap)))
		free(h);
	heap_free(&f->heap);
	for (unsigned i = 0; i < f->nclients; i++)
		field_client_free(f->clients[i]);
	for (unsigned i = 0; i < f->nnats; i++)
		masq_free(f->nats[i].masq);
	server_free(f->server);
	field_expect(f, secret_pool_used() == 0, "%zu bytes of key material were not freed",
		     secret_pool_used());
}

static void result_of(struct field *f, struct field_result *r)
{
	*r = (struct field_result){ .troubled = f->troubled, .steps = f->steps };
	for (unsigned i = 0; i < f->nnats; i++)
		r->multicasts += f->nats[i].multicasts;
	for (unsigned i = 0; i < f->nclients; i++) {
		const struct field_client *c = f->clients[i];

		r->probes += c->probes;
		r->sent += c->up_stream.sent + c->down_stream.sent;
		r->lost += c->up_stream.lost + c->down_stream.lost;
		r->late += c->up_stream.late + c->down_stream.late;
		r->early += server_client(f->server, i)->early;
		if (f->quiet == VTIME_NEVER)
			continue;
		r->troubled |= c->flows_since > f->due;
		if (c->flows_since != VTIME_NEVER && c->flows_since > f->quiet + r->took)
			r->took = c->flows_since - f->quiet;
	}
	if (f->quiet != VTIME_NEVER)
		r->bound = f->due - f->quiet;
}

struct field_result field_play(const struct field_scenario *scenario, uint64_t seed, bool probes)
{
	struct field *f = xcalloc(1, sizeof(*f));
	struct field_result result;

	f->scenario = scenario;
	f->seed = seed;
	f->probes = probes;
	f->quiet = f->due = f->instant = VTIME_NEVER;
	trace_init(&f->trace, field_options.show);
	f->trace.lazy = true;
	f->trace.lanes = field_options.lanes;
	field_begin(f);
	while (!f->stopped)
		step(f);
	if (!f->failure[0] && scenario->end)
		scenario->end(f);
	result_of(f, &result);
	field_end(f);
	result.hash = trace_hash(f->trace.hash, slice(&f->trace.milestones, 8));
	memcpy(result.failure, f->failure, sizeof(result.failure));
	free(f);
	return result;
}
