/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How often a client and a gateway are woken by their own deadlines while the host sends nothing: each
 * time it is because something is to be sent, or ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/support/gateway_world.h"

#define HOST "10.20.0.7"
#define KEY "a very good key"
#define NAT "203.0.113.5"
#define HOUR (3600 * VTIME_S)
#define CLIENTS 20

struct town {
	struct gworld *w;
	struct gateway_entry *e;
	struct gworld_client *c[CLIENTS];
	unsigned n;
};

static void town_init(struct town *t)
{
	*t = (struct town){ .w = gworld_new(1) };
	t->e = gworld_entry_psk(t->w, NULL, KEY);
	t->w->config.child.keylife_s = 8 * 3600;
	gworld_start(t->w);
}

static struct gworld_client *town_add(struct town *t, const char *behind)
{
	char name[32];
	struct gworld_client *c;

	snprintf(name, sizeof(name), "laptop%u@example.com", t->n);
	c = t->c[t->n++] = gworld_client(t->w, t->e, name, behind, true);
	c->config.child.keylife_s = 8 * 3600;
	c->config.dpd = 30 * VTIME_S;
	c->config.maxidle = 20 * VTIME_S;
	c->config.pingtime2 = 2 * VTIME_S;
	c->config.pingtries2 = 5;
	return c;
}

static void town_connect(struct town *t)
{
	for (unsigned i = 0; i < t->n; i++)
		gworld_connect(t->c[i]);
	gworld_run(t->w, 60 * VTIME_S);
	for (unsigned i = 0; i < t->n; i++)
		assert_true(gworld_is_up(t->c[i]));
}

/* How often the session of the first, or the gateway, is woken in an hour. */
static unsigned hour_of_client(struct town *t)
{
	unsigned before = t->c[0]->wakes;

	gworld_run(t->w, HOUR);
	for (unsigned i = 0; i < t->n; i++)
		assert_true(gworld_is_up(t->c[i]));
	return t->c[0]->wakes - before;
}

static unsigned hour_of_gateway(struct town *t)
{
	unsigned before = t->w->wakes;

	gworld_run(t->w, HOUR);
	assert_int_equal(gworld_info(t->w).clients, t->n);
	return t->w->wakes - before;
}

/* Every 20 s a ping, which is the keepalive, too; and it is answered. */
static void an_idle_client(void **state)
{
	static const char *const behind[] = { NAT, NULL };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct town t;
		unsigned wakes;

		town_init(&t);
		town_add(&t, behind[i]);
		town_connect(&t);
		wakes = hour_of_client(&t);
		assert_in_range(wakes, 180, 182);
		assert_true(gworld_ping(t.c[0], HOST));
		gworld_free(t.w);
	}
}

/* The keepalive alone, and not even that where the gateway has just been answered. */
static void a_client_that_only_keeps_its_nat(void **state)
{
	struct town t;
	struct gworld_client *c;

	(void)state;
	town_init(&t);
	c = town_add(&t, NAT);
	c->config.maxidle = 0;
	c->config.dpd = 0;
	town_connect(&t);
	assert_in_range(hour_of_client(&t), 150, 180);
	gworld_free(t.w);
}

/* Nobody is behind the gateway whom a ping could ask: the gateway is, every 30 s. */
static void a_client_that_asks_the_gateway_itself(void **state)
{
	struct town t;
	struct gworld_client *c;

	(void)state;
	town_init(&t);
	c = town_add(&t, NULL);
	c->config.no_probes = true;
	c->config.maxidle = 0;
	town_connect(&t);
	/* Each answer comes 20 ms after its question. */
	assert_in_range(hour_of_client(&t), 118, 120);
	gworld_free(t.w);
}

static void nothing_to_do(void **state)
{
	struct town t;
	struct gworld_client *c;

	(void)state;
	town_init(&t);
	c = town_add(&t, NULL);
	c->config.no_probes = true;
	c->config.maxidle = 0;
	c->config.dpd = 0;
	town_connect(&t);
	assert_int_equal(hour_of_client(&t), 0);
	assert_true(gworld_ping(c, HOST));
	gworld_free(t.w);
}

/* One look at all that have been heard of does for a minute, however many there are. */
static void an_idle_gateway(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= CLIENTS; n += CLIENTS - 1) {
		struct town t;
		unsigned wakes;

		town_init(&t);
		for (unsigned i = 0; i < n; i++)
			town_add(&t, NAT);
		town_connect(&t);
		wakes = hour_of_gateway(&t);
		assert_in_range(wakes, 55, 90);
		for (unsigned i = 0; i < n; i++)
			assert_true(gworld_ping(t.c[i], HOST));
		gworld_free(t.w);
	}
}

static void a_gateway_without_clients(void **state)
{
	struct town t;

	(void)state;
	town_init(&t);
	assert_int_equal(hour_of_gateway(&t), 0);
	assert_true(gateway_deadline(t.w->gateway) == VTIME_NEVER);
	gworld_free(t.w);
}

/* The first packet after an idle hour, and the silence after it, are noticed as after any other. */
static void silence_is_noticed_in_time(void **state)
{
	struct town t;
	struct gworld_client *c;
	vtime since;

	(void)state;
	town_init(&t);
	c = town_add(&t, NULL);
	c->config.no_probes = true;
	c->config.maxidle = 0;
	town_connect(&t);
	gworld_run(t.w, HOUR);
	assert_true(gworld_ping(c, HOST));
	gworld_forget(t.w);
	since = t.w->now;
	while (gworld_is_up(c) && t.w->now - since < 120 * VTIME_S)
		gworld_run(t.w, GWORLD_DELAY);
	/* 30 s of silence, then half of `timeout` for the question. */
	assert_in_range((t.w->now - since) / VTIME_S, 30, 46);
	gworld_free(t.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_client),
		cmocka_unit_test(a_client_that_only_keeps_its_nat),
		cmocka_unit_test(a_client_that_asks_the_gateway_itself),
		cmocka_unit_test(nothing_to_do),
		cmocka_unit_test(an_idle_gateway),
		cmocka_unit_test(a_gateway_without_clients),
		cmocka_unit_test(silence_is_noticed_in_time),
	};

	if (crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
