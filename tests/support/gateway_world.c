/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/gateway_world.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "packet/packet.h"
#include "tests/support/gateway_wire.h"

#define ARENA 16384
#define HOLD_BYTES (256 << 10)

static void fail(const char *what)
{
	fprintf(stderr, "the gateway's world: %s\n", what);
	abort();
}

static struct addr address(const char *text)
{
	struct addr a;

	if (!addr_parse(text, &a))
		fail(text);
	return a;
}

static struct prefix network(const char *text)
{
	struct prefix p;

	if (!prefix_parse(text, &p))
		fail(text);
	return p;
}

static void log_sink(void *ctx, const struct log_event *ev)
{
	char line[600];

	log_format(ev, line, sizeof(line));
	fprintf(stderr, "%10.3f %s: %s\n", (double)ev->at / (double)VTIME_S, (const char *)ctx,
		line);
}

static struct log quiet(const struct gworld *w, const char *who)
{
	char *name = getenv("GWORLD_LOG") || w->loud ? xstrdup(who) : NULL;

	return (struct log){ .level = LOG_DEBUG, .sink = name ? log_sink : NULL, .ctx = name };
}

/* ---- ESP that goes out ---- */

static void send_down(void *ctx, const struct endpoint *from, const struct endpoint *to,
		      struct slice esp)
{
	gworld_wire_down(ctx, from, to, false, true, esp);
}

static void send_up(void *ctx, const struct endpoint *from, const struct endpoint *to,
		    struct slice esp)
{
	struct gworld_client *c = ctx;

	c->esp_out++;
	gworld_wire_up(c, from, to, false, esp);
}

/* ---- the kernels behind both ---- */

/* An echo request that has come becomes its reply. False: it is none. */
static bool answer_echo(uint8_t *ip, size_t n)
{
	uint8_t swap[4];

	if (n < 28 || ip[0] != 0x45 || ip[9] != 1 || ip[20] != 8)
		return false;
	memcpy(swap, ip + 12, 4);
	memcpy(ip + 12, ip + 16, 4);
	memcpy(ip + 16, swap, 4);
	ip[20] = 0;
	packet_checksum_adjust(ip + 22, 8 << 8, 0);
	return true;
}

static void gateway_inner(void *ctx, const struct pkt *p)
{
	struct gworld *w = ctx;
	uint8_t ip[ARENA];

	memcpy(ip, pkt_data(p), p->len);
	if (answer_echo(ip, p->len))
		data_engines_send_inner(&w->data, w->now, slice(ip, p->len));
}

static void client_inner(void *ctx, const struct pkt *p)
{
	struct gworld_client *c = ctx;
	const uint8_t *ip = pkt_data(p);

	if (p->len >= 28 && ip[9] == 1)
		c->pongs++;
}

static void expect_no_offers(const struct data_engines *d)
{
	if (classifier_offers(d->classifier))
		fail("an SPI is offered for ever");
}

/* ---- clients ---- */

static void client_event(struct gworld_client *c, const struct session_event *ev)
{
	session_event(c->session, c->world->now, ev);
}

static void client_tun(struct gworld_client *c, const struct session_effect *fx)
{
	struct session_event ev = { .type = SESSION_EVENT_TUN_READY };

	c->tuns++;
	c->inner = fx->tun.ninner ? fx->tun.inner[0] : (struct addr){ 0 };
	c->nroutes = fx->tun.nroutes;
	if (fx->tun.assigned)
		c->assigned = *fx->tun.assigned;
	client_event(c, &ev);
}

static void client_send(struct gworld_client *c, const struct session_effect *fx)
{
	bool marked = fx->send.from.port == IKE_NATT_PORT;

	gworld_wire_remember(c, fx->send.bytes);
	gworld_wire_up(c, &fx->send.from, &fx->send.to, marked, fx->send.bytes);
}

static void client_effect(struct gworld_client *c, const struct session_effect *fx)
{
	struct session_event ev = { .type = SESSION_EVENT_RESOLVED };

	if (fx->type == SESSION_EFFECT_RESOLVE) {
		const struct addr all[] = { c->world->outer, c->world->outer6 };

		ev.resolved.addrs = all;
		ev.resolved.n = all[1].family ? 2 : 1;
		client_event(c, &ev);
	} else if (fx->type == SESSION_EFFECT_FIND_PATH) {
		ev.type = SESSION_EVENT_PATH;
		ev.path.local = c->outer;
		ev.path.mtu = 1500;
		client_event(c, &ev);
	} else if (fx->type == SESSION_EFFECT_LOOK) {
		c->looks = true;
	} else if (fx->type == SESSION_EFFECT_SEND) {
		client_send(c, fx);
	} else if (fx->type == SESSION_EFFECT_KEEPALIVE) {
		gworld_wire_up(c, &fx->send.from, &fx->send.to, false, SLICE_STR("\xff"));
	} else if (fx->type == SESSION_EFFECT_TUN) {
		client_tun(c, fx);
	} else if (fx->type == SESSION_EFFECT_ASK) {
		c->asks++;
	} else if (fx->type == SESSION_EFFECT_DONE) {
		c->dones++;
		c->done = *fx;
		expect_no_offers(&c->data);
	} else if (!data_engines_effect(&c->data, fx)) {
		fail("the client could not publish or withdraw an SPI");
	}
}

/* One link with one address. */
static bool client_look(struct gworld_client *c)
{
	bool ip6 = c->outer.family == FAMILY_IP6;
	struct paths_link link = { 2, true, false };
	struct paths_addr addr = { 2, c->outer, false };
	struct paths_route route = { ip6 ? c->world->outer6 : c->world->outer, 2, c->outer, true };
	const struct paths_facts facts = { &link, 1, &addr, 1, &route, 1 };
	const struct session_event ev = { .type = SESSION_EVENT_FACTS, .facts = &facts };

	if (!c->looks)
		return false;
	c->looks = false;
	client_event(c, &ev);
	return true;
}

static void client_pump(struct gworld_client *c)
{
	struct session_event ev = { .type = SESSION_EVENT_DATA };
	struct session_effect fx;
	struct data_event data;

	ev.data = &data;
	do {
		do {
			while (session_output(c->session, c->world->now, &fx))
				client_effect(c, &fx);
		} while (client_look(c));
		data_engines_release_early(&c->data, c->world->now, client_inner, c);
		data_engines_release(&c->data, c->world->now);
		if (!data_engines_output(&c->data, &data))
			return;
		client_event(c, &ev);
	} while (true);
}

/* ---- the gateway ---- */

static void verify(struct gworld *w, const struct gateway_effect *fx)
{
	struct gworld_verify *v = &w->verifies[w->nverifies++];

	if (w->nverifies > GWORLD_VERIFIES)
		fail("too many verifications");
	w->asked++;
	v->id = fx->verify.id;
	v->at = w->now + w->verifying;
	/* Any name that begins so is a user. */
	v->ok = strncmp(fx->verify.user, GWORLD_USER, strlen(GWORLD_USER)) == 0 &&
		slice_eq(fx->verify.password, SLICE_STR(GWORLD_PASSWORD));
}

static void gateway_effect(struct gworld *w, const struct gateway_effect *fx)
{
	const struct session_effect *s = &fx->session;

	if (fx->type == GATEWAY_EFFECT_VERIFY) {
		verify(w, fx);
	} else if (s->type == SESSION_EFFECT_SEND) {
		gworld_wire_down(w, &s->send.from, &s->send.to, s->send.from.port == IKE_NATT_PORT,
				 false, s->send.bytes);
	} else if (s->type == SESSION_EFFECT_TUN) {
		w->tuns++;
		w->tun = *s;
	} else if (s->type == SESSION_EFFECT_DONE) {
		w->dones++;
		expect_no_offers(&w->data);
	} else if (!data_engines_effect(&w->data, s)) {
		fail("the gateway could not publish or withdraw an SPI");
	}
}

static void gateway_pump(struct gworld *w)
{
	struct gateway_event ev = { .type = GATEWAY_EVENT_DATA };
	struct gateway_effect fx;
	struct data_event data;

	ev.data = &data;
	do {
		while (gateway_output(w->gateway, w->now, &fx))
			gateway_effect(w, &fx);
		data_engines_release_early(&w->data, w->now, gateway_inner, w);
		data_engines_release(&w->data, w->now);
		if (!data_engines_output(&w->data, &data))
			return;
		gateway_event(w->gateway, w->now, &ev);
	} while (true);
}

/* ---- what arrives ---- */

static void arrive(struct gworld *w, const struct gworld_datagram *d)
{
	struct data_engines *data = d->to ? &d->to->data : &w->data;
	struct session_event cev = { .type = SESSION_EVENT_DATAGRAM };
	struct gateway_event gev = { .type = GATEWAY_EVENT_DATAGRAM };
	uint8_t arena[ARENA];
	struct batch b;
	struct pkt *p;

	batch_init(&b, arena, sizeof(arena));
	p = data_engines_receive(data, w->now, &d->from, &d->dst, slice(d->bytes, d->n), &b);
	cev.datagram.from = gev.datagram.from = d->from;
	cev.datagram.to = gev.datagram.to = d->dst;
	cev.datagram.bytes = gev.datagram.bytes = pkt_slice(p);
	if (p->kind == PKT_IKE && d->to)
		client_event(d->to, &cev);
	else if (p->kind == PKT_IKE)
		gateway_event(w->gateway, w->now, &gev);
	/* The kernel has answered to a first packet before control is told of it. */
	if (p->kind == PKT_INNER && d->to)
		client_inner(d->to, p);
	else if (p->kind == PKT_INNER)
		gateway_inner(w, p);
	if (d->to)
		client_pump(d->to);
	else
		gateway_pump(w);
}

/* ---- time ---- */

static vtime verify_deadline(const struct gworld *w)
{
	vtime first = VTIME_NEVER;

	for (unsigned i = 0; i < w->nverifies; i++)
		first = vtime_min(first, w->verifies[i].at);
	return first;
}

static vtime client_deadline(const struct gworld_client *c)
{
	return vtime_min(session_deadline(c->session), inbound_deadline(c->data.inbound));
}

static vtime own_deadline(const struct gworld *w)
{
	return vtime_min(gateway_deadline(w->gateway), inbound_deadline(w->data.inbound));
}

static vtime deadline(const struct gworld *w)
{
	vtime first = vtime_min(own_deadline(w), verify_deadline(w));

	if (w->first)
		first = vtime_min(first, w->first->at);
	for (unsigned i = 0; i < w->nclients; i++)
		if (w->clients[i]->session && !w->clients[i]->gone && !w->clients[i]->dones)
			first = vtime_min(first, client_deadline(w->clients[i]));
	return first;
}

static void verifies_due(struct gworld *w)
{
	for (unsigned i = 0; i < w->nverifies; i++) {
		struct gateway_event ev = { .type = GATEWAY_EVENT_VERIFIED };

		if (w->verifies[i].at > w->now)
			continue;
		ev.verified.id = w->verifies[i].id;
		ev.verified.ok = w->verifies[i].ok;
		w->verifies[i--] = w->verifies[--w->nverifies];
		gateway_event(w->gateway, w->now, &ev);
		gateway_pump(w);
	}
}

static void datagrams_due(struct gworld *w)
{
	while (w->first && w->first->at <= w->now) {
		struct gworld_datagram *d = w->first;

		w->first = d->next;
		if (!w->first)
			w->last = &w->first;
		if (!d->to || (d->to->session && !d->to->gone && !d->to->dones))
			arrive(w, d);
		free(d);
	}
}

static void due(struct gworld *w)
{
	datagrams_due(w);
	verifies_due(w);
	if (own_deadline(w) <= w->now) {
		w->wakes += gateway_deadline(w->gateway) <= w->now;
		gateway_timeout(w->gateway, w->now);
		gateway_pump(w);
	}
	for (unsigned i = 0; i < w->nclients; i++) {
		struct gworld_client *c = w->clients[i];

		if (!c->session || c->gone || c->dones || client_deadline(c) > w->now)
			continue;
		c->wakes += session_deadline(c->session) <= w->now;
		session_timeout(c->session, w->now);
		client_pump(c);
	}
}

void gworld_run(struct gworld *w, vtime time)
{
	vtime until = w->now + time;

	while (deadline(w) <= until) {
		vtime at = deadline(w);

		w->now = at > w->now ? at : w->now;
		due(w);
	}
	w->now = until;
}

/* ---- making it ---- */

static void suites(struct ike_config *ike, struct ike_child_config *child)
{
	ike->suites[0] = (struct ike_suite){ IKE_CIPHER_AES_CBC, 128, HASH_SHA2_256, DH_ECP_256 };
	ike->nsuites = 1;
	ike->lifetime_s = 8 * 3600;
	ike->timeout = 30 * VTIME_S;
	if (!child)
		return;
	child->suites[0] = (struct esp_suite){ ESP_CIPHER_AES_GCM_16, 128, ESP_INTEG_NONE };
	child->nsuites = 1;
	child->keylife_s = 3600;
}

struct gworld *gworld_new(uint64_t seed)
{
	struct gworld *w = xcalloc(1, sizeof(*w));

	w->now = 100 * VTIME_S;
	w->rng = rng_seeded(&w->seed, seed);
	w->log = quiet(w, "gateway");
	w->last = &w->first;
	w->outer = address("192.0.2.1");
	gateway_config_defaults(&w->config);
	w->config.clients_max = 256;
	pool_range_parse("10.9.0.0/24", &w->config.pool[0]);
	w->config.npool = 1;
	w->config.networks[0] = network("10.20.0.0/16");
	w->config.nnetworks = 1;
	w->config.own[0] = w->outer;
	w->config.nown = 1;
	suites(&w->config.entries[0].ike, &w->config.child);
	data_engines_init(&w->data, HOLD_BYTES, send_down, w);
	return w;
}

struct gateway_entry *gworld_entry_psk(struct gworld *w, const char *identity, const char *key)
{
	struct gateway_entry *e = &w->config.entries[w->config.nentries++];

	suites(&e->ike, NULL);
	e->name = identity ? identity : "any";
	e->ike.gateway = true;
	e->ike.remote_any = !identity;
	if (identity && identity_parse(identity, &e->ike.remote) != 0)
		fail(identity);
	identity_parse("vpn.example.com", &e->ike.local);
	secret_set(&e->ike.psk, SLICE_STR(key));
	return e;
}

void gworld_start(struct gworld *w)
{
	w->gateway = gateway_new(&w->config, &w->rng, &w->log);
	gworld_tell_gateway(w, &(struct gateway_event){ .type = GATEWAY_EVENT_START });
}

void gworld_forget(struct gworld *w)
{
	gateway_free(w->gateway);
	data_engines_free(&w->data);
	data_engines_init(&w->data, HOLD_BYTES, send_down, w);
	gworld_start(w);
}

static void client_config(struct gworld_client *c, const struct gateway_entry *e,
			  const char *identity, bool config)
{
	struct session_config *s = &c->config;

	s->name = "client";
	s->gateways[0] = "vpn.example.com";
	s->ngateways = 1;
	suites(&s->ike, &s->child);
	s->ike.mode = e->ike.mode;
	s->ike.auth = e->ike.auth;
	s->ike.xauth = e->ike.xauth;
	s->ike.remote = e->ike.local;
	if (identity)
		identity_parse(identity, &s->ike.local);
	secret_set(&s->ike.psk, secret_slice(&e->ike.psk));
	s->fallback = POLICY_DISCARD;
	s->dpd = 30 * VTIME_S;
	s->rekeymargin = 540 * VTIME_S;
	s->rekeyfuzz = 100;
	s->pingtime = 2 * VTIME_S;
	s->pingtries = 5;
	s->pingtime2 = 2 * VTIME_S;
	s->pingtries2 = 5;
	s->elimit = 3;
	s->address_config = s->ike.wish.pull = config;
	if (e->ike.xauth) {
		snprintf(s->username, sizeof(s->username), "%s", GWORLD_USER);
		secret_set(&s->password, SLICE_STR(GWORLD_PASSWORD));
	}
}

/* Without Mode Config its inner address is 10.8.N.N and its tunnel goes to the network. */
static void client_tunnel(struct gworld_client *c)
{
	struct session_config *s = &c->config;
	struct prefix remote = network("10.20.0.0/16"), local;
	char text[ADDR_TEXT_MAX];

	snprintf(text, sizeof(text), "10.8.%u.%u", c->number / 200, c->number % 200 + 1);
	s->inner[0] = address(text);
	s->ninner = 1;
	local = network(text);
	s->tunnels[0] = (struct ts_pair){ ts_from_prefix(&local), ts_from_prefix(&remote) };
	s->ntunnels = 1;
}

struct gworld_client *gworld_client(struct gworld *w, const struct gateway_entry *e,
				    const char *identity, const char *behind, bool config)
{
	struct gworld_client *c = xcalloc(1, sizeof(*c));
	struct gworld_client **all = xcalloc(w->nclients + 1, sizeof(*all));
	char text[ADDR_TEXT_MAX];

	if (w->nclients)
		memcpy(all, w->clients, w->nclients * sizeof(*all));
	free(w->clients);
	w->clients = all;
	c->world = w;
	c->number = w->nclients++;
	w->clients[c->number] = c;
	snprintf(text, sizeof(text), "198.51.%u.%u", 100 + c->number / 200, c->number % 200 + 1);
	c->outer = address(text);
	c->seen = behind ? address(behind) : c->outer;
	snprintf(text, sizeof(text), "client %u", c->number);
	c->log = quiet(w, text);
	client_config(c, e, identity, config);
	if (!config)
		client_tunnel(c);
	return c;
}

void gworld_tell(struct gworld_client *c, const struct session_event *ev)
{
	client_event(c, ev);
	client_pump(c);
}

void gworld_move(struct gworld_client *c, const char *to, const char *behind)
{
	c->outer = address(to);
	c->seen = behind ? address(behind) : c->outer;
	c->moves++;
	gworld_tell(c, &(struct session_event){ .type = SESSION_EVENT_NETWORK });
}

void gworld_rebind(struct gworld_client *c)
{
	c->moves++;
}

void gworld_tell_gateway(struct gworld *w, const struct gateway_event *ev)
{
	gateway_event(w->gateway, w->now, ev);
	gateway_pump(w);
}

static void client_dice(void *ctx, uint8_t *out, size_t n)
{
	struct gworld_client *c = ctx;

	if (n == 4 && c->spi)
		c->spi_given = !c->spi_given;
	if (n == 4 && c->spi && c->spi_given)
		memcpy(out, &c->spi, n);
	else
		rng_fill(&c->world->rng, out, n);
}

void gworld_connect(struct gworld_client *c)
{
	if (!c->session) {
		data_engines_init(&c->data, HOLD_BYTES, send_up, c);
		c->rng = (struct rng){ .fill = client_dice, .ctx = c };
		c->session = session_new(&c->config, &c->rng, &c->log, false);
	}
	gworld_tell(c, &(struct session_event){ .type = SESSION_EVENT_CONNECT });
}

void gworld_disconnect(struct gworld_client *c)
{
	gworld_tell(c, &(struct session_event){ .type = SESSION_EVENT_DISCONNECT });
}

static void client_forget(struct gworld_client *c)
{
	struct gworld *w = c->world;

	for (struct gworld_datagram **at = &w->first; *at;) {
		struct gworld_datagram *d = *at;

		if (d->to != c) {
			at = &d->next;
			continue;
		}
		*at = d->next;
		free(d);
	}
	for (w->last = &w->first; *w->last;)
		w->last = &(*w->last)->next;
	session_free(c->session);
	if (c->session)
		data_engines_free(&c->data);
	c->session = NULL;
}

void gworld_restart(struct gworld_client *c)
{
	client_forget(c);
	c->dones = 0;
	gworld_connect(c);
}

bool gworld_is_up(const struct gworld_client *c)
{
	return c->session && session_is_up(c->session);
}

/* ---- pings ---- */

static size_t echo(const struct addr *src, const struct addr *dst, uint16_t number,
		   uint8_t ip[ESP_PROBE_MAX])
{
	static const uint8_t payload[8] = "ping";
	struct packet_echo e = {
		.src = *src,
		.dst = *dst,
		.id = 7,
		.sequence = number,
		.payload = SLICE_OF(payload),
	};

	return packet_echo_request(&e, ip, ESP_PROBE_MAX);
}

bool gworld_ping(struct gworld_client *c, const char *host)
{
	struct addr dst = address(host);
	uint8_t ip[ESP_PROBE_MAX];
	size_t n = echo(&c->inner, &dst, ++c->pings, ip);
	unsigned pongs = c->pongs;

	data_engines_send_inner(&c->data, c->world->now, slice(ip, n));
	client_pump(c);
	gworld_run(c->world, VTIME_S);
	return c->pongs > pongs;
}

void gworld_send_back(struct gworld_client *c)
{
	struct addr src = address("10.20.0.7");
	uint8_t ip[ESP_PROBE_MAX];
	size_t n = echo(&src, &c->inner, ++c->pings, ip);

	data_engines_send_inner(&c->world->data, c->world->now, slice(ip, n));
	gateway_pump(c->world);
}

bool gworld_ping_back(struct gworld_client *c)
{
	unsigned pongs = c->pongs;

	gworld_send_back(c);
	gworld_run(c->world, VTIME_S);
	return c->pongs > pongs;
}

/* ---- the rest ---- */

struct gateway_info gworld_info(const struct gworld *w)
{
	struct gateway_info info;

	gateway_info(w->gateway, &info);
	return info;
}

struct gateway_peer_info gworld_peer(const struct gworld *w, unsigned i)
{
	struct gateway_peer_info info;
	unsigned place = 0;

	do {
		if (!gateway_peer_info(w->gateway, &place, &info))
			fail("no such peer");
	} while (i-- > 0);
	return info;
}

void gworld_inject(struct gworld_client *c, uint16_t port, struct slice bytes)
{
	struct endpoint from = { c->outer, port }, to = { c->world->outer, port };

	gworld_wire_up(c, &from, &to, false, bytes);
}

void gworld_free(struct gworld *w)
{
	for (unsigned i = 0; i < w->nclients; i++) {
		struct gworld_client *c = w->clients[i];

		client_forget(c);
		secret_free(&c->config.ike.psk);
		secret_free(&c->config.password);
		free(c->log.ctx);
		free(c);
	}
	gateway_free(w->gateway);
	data_engines_free(&w->data);
	while (w->first) {
		struct gworld_datagram *d = w->first;

		w->first = d->next;
		free(d);
	}
	for (unsigned i = 0; i < w->config.nentries; i++)
		secret_free(&w->config.entries[i].ike.psk);
	free(w->clients);
	free(w->log.ctx);
	free(w);
}
