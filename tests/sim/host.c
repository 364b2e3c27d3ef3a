/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/host.h"

#include <stdio.h>

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

static void host_asked(void *ctx, unsigned number)
{
	struct world *w = ctx;

	if (w->settings.person != VTIME_NEVER)
		world_at(w, w->now + w->settings.person, person_answers, number);
}

/* ---- the network ---- */

static void host_send_datagram(void *ctx, const struct endpoint *from, const struct endpoint *to,
			       struct slice bytes)
{
	struct world *w = ctx;

	world_expect(w, from->port != ESP_PORT_BARE, "data does not go in UDP");
	world_send(w, SIDE_CLIENT, from, to, bytes);
}

static unsigned host_resolve(void *ctx, const char *name, struct addr addrs[SIM_ADDRS_MAX])
{
	struct world *w = ctx;

	if (addr_parse(name, &addrs[0]))
		return 1;
	/* What is no address is a name, and a name has both. */
	addrs[0] = w->settings.dead;
	addrs[1] = w->settings.gateway;
	return 2;
}

#define LATER_BITS 8

static void answer_now(struct world *w, unsigned arg)
{
	sim_client_answer(w->client, (enum sim_answer)(arg % (1 << LATER_BITS)), arg >> LATER_BITS);
}

static void host_later(void *ctx, vtime at, enum sim_answer what, unsigned arg)
{
	world_at(ctx, at, answer_now, arg << LATER_BITS | what);
}

/* ---- the inside ---- */

static void host_inner(void *ctx, struct slice ip)
{
	struct world *w = ctx;
	const char *wrong = inner_arrived(&w->book, w->now, true, ip);

	world_expect(w, !wrong, "%s", wrong);
}

static void add_number(struct world *w, unsigned number)
{
	uint8_t request[INNER_SIZE_MAX];
	size_t n = inner_request(&w->book, number, request);

	sim_client_add(w->client, slice(request, n));
}

static void add_request(struct world *w, unsigned size)
{
	const struct session_config *config = &w->settings.session;
	unsigned tunnel = w->book.n % config->ntunnels;
	struct addr src = config->tunnels[tunnel].local.lo;

	add_number(w, inner_add(&w->book, w->book.n / config->ntunnels % 2 ? INNER_UDP : INNER_ICMP,
				&src, &w->settings.hosts[tunnel], size));
}

void host_send(struct world *w, unsigned number)
{
	sim_client_begin(w->client);
	add_number(w, number);
	sim_client_end(w->client);
}

void host_ping(struct world *w, unsigned n, unsigned size)
{
	sim_client_begin(w->client);
	while (n-- > 0)
		add_request(w, size);
	sim_client_end(w->client);
}

/* ---- the host ---- */

static void host_fail(void *ctx, const char *what)
{
	world_fail(ctx, "%s", what);
}

static void host_up(void *ctx)
{
	struct world *w = ctx;

	if (w->scenario->up)
		w->scenario->up(w);
}

struct sim_client *host_client_new(struct world *w)
{
	const struct sim_host host = {
		.ctx = w,
		.now = &w->now,
		.trace = &w->trace,
		.name = "client",
		.config = &w->settings.session,
		.rng = &w->rng[STREAM_CLIENT],
		.addr = w->settings.client,
		.slowness = 3 * VTIME_MS,
		.hold_bytes = 4 << 20,
		.level = LOG_DEBUG,
		.send = host_send_datagram,
		.later = host_later,
		.resolve = host_resolve,
		.inner = host_inner,
		.fail = host_fail,
		.up = host_up,
		.asked = host_asked,
	};

	return sim_client_new(&host);
}
