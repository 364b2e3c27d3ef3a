/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tests/sim/roam.h"
#include "tests/sim/settings.h"

#define HOLD (1 << 20)
#define PING_SIZE 100

/* ---- a person ---- */

static void person_answers(struct roam *r, unsigned arg)
{
	struct roam_client *c = r->clients[arg % ROAM_CLIENTS_MAX];
	const struct sim_ask *a = &c->shell->asks[arg / ROAM_CLIENTS_MAX];
	struct session_event ev = { .type = SESSION_EVENT_ANSWER };

	ev.answer.id = a->ask.id;
	ev.answer.value[XAUTH_USERNAME] = SLICE_STR(ROAM_USER);
	ev.answer.value[XAUTH_PASSWORD] = SLICE_STR(ROAM_PASSWORD);
	sim_client_event(c->shell, &ev);
	c->deadline = sim_client_deadline(c->shell);
}

static void host_asked(void *ctx, unsigned number)
{
	struct roam_client *c = ctx;
	struct roam *r = c->roam;

	if (r->settings.person != VTIME_NEVER)
		roam_at(r, r->now + r->settings.person, person_answers,
			c->number + ROAM_CLIENTS_MAX * number);
}

/* ---- the host ---- */

static void host_send(void *ctx, const struct endpoint *from, const struct endpoint *to,
		      struct slice bytes)
{
	roam_send_up(ctx, from, to, bytes);
}

static void answer_now(struct roam *r, unsigned arg)
{
	struct roam_client *c = r->clients[arg % ROAM_CLIENTS_MAX];

	sim_client_answer(c->shell, (enum sim_answer)(arg / ROAM_CLIENTS_MAX % 16),
			  arg / ROAM_CLIENTS_MAX / 16);
	c->deadline = sim_client_deadline(c->shell);
}

static void host_later(void *ctx, vtime at, enum sim_answer what, unsigned arg)
{
	struct roam_client *c = ctx;

	roam_at(c->roam, at, answer_now,
		c->number + ROAM_CLIENTS_MAX * ((unsigned)what + 16 * arg));
}

static unsigned host_resolve(void *ctx, const char *name, struct addr addrs[SIM_ADDRS_MAX])
{
	const struct roam_client *c = ctx;

	(void)name;
	addrs[0] = c->roam->outer;
	addrs[1] = c->roam->outer6;
	return 2;
}

static void host_inner(void *ctx, struct slice ip)
{
	struct roam_client *c = ctx;
	struct roam *r = c->roam;
	const char *wrong = inner_arrived(r->book, r->now, true, ip);

	c->answered_at = r->now;
	roam_expect(r, !wrong, "%s: %s", c->name, wrong);
}

static void host_fail(void *ctx, const char *what)
{
	struct roam_client *c = ctx;

	roam_fail(c->roam, "%s: %s", c->name, what);
}

static void host_sees(void *ctx, const struct session_effect *fx)
{
	struct roam_client *c = ctx;

	if (fx->type != SESSION_EFFECT_TUN || !fx->tun.ninner)
		return;
	if (c->inner.family != FAMILY_NONE && !addr_eq(&c->inner, &fx->tun.inner[0]))
		c->inners++;
	c->inner = fx->tun.inner[0];
}

/* ---- verbs ---- */

static void tell(struct roam_client *c, const struct session_event *ev)
{
	sim_client_event(c->shell, ev);
	c->deadline = sim_client_deadline(c->shell);
}

void roam_tell(struct roam_client *c, enum session_event_type type, bool slept)
{
	struct session_event ev = { .type = type };

	if (c->asleep)
		return;
	if (slept)
		ev.slept = true;
	tell(c, &ev);
}

void roam_connect(struct roam *r, unsigned client)
{
	roam_tell(r->clients[client], SESSION_EVENT_CONNECT, false);
}

void roam_client_datagram(struct roam_client *c, const struct endpoint *from,
			  const struct endpoint *to, struct slice bytes)
{
	sim_client_datagram(c->shell, from, to, bytes);
	c->deadline = sim_client_deadline(c->shell);
}

void roam_client_timeout(struct roam_client *c)
{
	sim_client_timeout(c->shell);
	c->deadline = sim_client_deadline(c->shell);
}

/* ---- its traffic ---- */

void roam_ping(struct roam *r, unsigned client)
{
	struct roam_client *c = r->clients[client];
	uint8_t packet[INNER_SIZE_MAX];
	unsigned number;

	if (c->asleep || c->inner.family == FAMILY_NONE || r->book->n == INNER_PACKETS_MAX)
		return;
	number = inner_add(r->book, INNER_UDP, &c->inner, &r->host, PING_SIZE);
	r->sent[number] = r->now;
	sim_client_begin(c->shell);
	sim_client_add(c->shell, slice(packet, inner_request(r->book, number, packet)));
	sim_client_end(c->shell);
	c->deadline = sim_client_deadline(c->shell);
}

static void ping_all(struct roam *r, unsigned turn)
{
	if (turn != r->pinging)
		return;
	for (unsigned i = 0; i < r->nclients; i++)
		roam_ping(r, i);
	roam_at(r, r->now + r->every, ping_all, turn);
}

void roam_pings(struct roam *r, vtime every)
{
	r->every = every;
	r->pinging++;
	if (every)
		ping_all(r, r->pinging);
}

/* ---- its interfaces ---- */

struct addr roam_address(struct roam *r, unsigned site)
{
	const char *net = r->settings.ip6[site] ? "2001:db8::" :
			  r->settings.nat[site] ? "192.168.0.0" :
						  "198.51.0.0";
	bool ip6 = r->settings.ip6[site];
	unsigned number = ++r->addresses[site];
	struct addr a;

	if (!addr_parse(net, &a))
		abort();
	a.b[ip6 ? 5 : 2] = (uint8_t)site;
	put_be16(a.b + (ip6 ? 14 : 2), (uint16_t)(number + (ip6 ? 0 : site << 8)));
	return a;
}

void roam_iface_set(struct roam_client *c, unsigned iface, unsigned site, unsigned metric)
{
	struct network_iface *f = &c->network.iface[iface];

	c->site[iface] = site;
	*f = (struct network_iface){ true, false, roam_address(c->roam, site), metric };
	if (c->network.n <= iface)
		c->network.n = iface + 1;
	trace_line(&c->roam->trace, c->roam->now, "%s: interface %u is up in site %u", c->name,
		   iface, site);
}

void roam_iface_up(struct roam_client *c, unsigned iface, unsigned site, unsigned metric)
{
	roam_iface_set(c, iface, site, metric);
	roam_tell(c, SESSION_EVENT_NETWORK, false);
}

void roam_iface_down(struct roam_client *c, unsigned iface)
{
	c->network.iface[iface].up = false;
	trace_line(&c->roam->trace, c->roam->now, "%s: interface %u is down", c->name, iface);
	roam_tell(c, SESSION_EVENT_NETWORK, false);
}

void roam_suspend(struct roam_client *c)
{
	trace_line(&c->roam->trace, c->roam->now, "%s: suspends", c->name);
	c->asleep = true;
}

void roam_resume(struct roam_client *c)
{
	trace_line(&c->roam->trace, c->roam->now, "%s: resumes", c->name);
	c->asleep = false;
	roam_tell(c, SESSION_EVENT_ROAM, true);
}

/* ---- its life ---- */

static void config_begin(struct roam_client *c)
{
	const struct roam_settings *s = &c->roam->settings;
	struct session_config *config = &c->config;
	char identity[32];

	*config = s->client;
	config->name = c->name;
	config->gateways[0] = "vpn.example.com";
	config->ngateways = 1;
	config->reached = &sim_reached;
	/* The secrets are the settings': each client has copies. */
	config->ike.psk = config->password = (struct secret){ 0 };
	secret_set(&config->ike.psk, secret_slice(&s->client.ike.psk));
	secret_set(&config->password, secret_slice(&s->client.password));
	snprintf(identity, sizeof(identity), "u%u@example.com", c->number);
	identity_parse(s->nclients == 1 ? ROAM_IDENTITY : identity, &config->ike.local);
	if (!config->address_config)
		c->inner = config->inner[0];
}

struct roam_client *roam_client_new(struct roam *r, unsigned number)
{
	struct roam_client *c = xcalloc(1, sizeof(*c));
	struct sim_host host = {
		.ctx = c,
		.now = &r->now,
		.trace = &r->trace,
		.name = c->name,
		.config = &c->config,
		.rng = &c->rng,
		.network = &c->network,
		.hold_bytes = HOLD,
		.level = r->trace.show ? LOG_DEBUG : LOG_INFO,
		.send = host_send,
		.later = host_later,
		.resolve = host_resolve,
		.inner = host_inner,
		.fail = host_fail,
		.asked = host_asked,
		.sees = host_sees,
	};

	c->roam = r;
	c->number = number;
	c->deadline = VTIME_NEVER;
	snprintf(c->name, sizeof(c->name), "C%u", number + 1);
	c->rng = rng_seeded(&c->seed, r->seed << 16 | (number + 1));
	config_begin(c);
	roam_iface_set(c, 0, 0, 10);
	c->shell = sim_client_new(&host);
	return c;
}

void roam_client_free(struct roam_client *c)
{
	sim_client_free(c->shell);
	secret_free(&c->config.ike.psk);
	secret_free(&c->config.password);
	free(c);
}
