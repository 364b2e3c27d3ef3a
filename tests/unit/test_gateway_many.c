/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many clients, more than there is room for, and those who only want to do harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/support/gateway_world.h"

#define HOST "10.20.0.7"
#define KEY "a very good key"
#define NAT "203.0.113.5"
#define MANY 200

static struct gateway_entry *entry_of_users(struct gworld *w)
{
	struct gateway_entry *e = gworld_entry_psk(w, "keyid:staff", KEY);

	e->ike.mode = IKE_MODE_AGGRESSIVE;
	e->ike.xauth = true;
	return e;
}

static struct gworld_client *user(struct gworld *w, const struct gateway_entry *e, unsigned n,
				  const char *behind)
{
	struct gworld_client *c = gworld_client(w, e, "keyid:staff", behind, true);

	snprintf(c->config.username, sizeof(c->config.username), "%s%u", GWORLD_USER, n);
	return c;
}

/* ---- room ---- */

static void two_hundred_behind_one_address(void **state)
{
	struct gworld *w = gworld_new(1);
	struct gateway_entry *e = entry_of_users(w);

	gworld_start(w);
	for (unsigned i = 0; i < MANY; i++)
		gworld_connect(user(w, e, i, NAT));
	gworld_run(w, 20 * VTIME_S);
	for (unsigned i = 0; i < MANY; i++)
		assert_true(gworld_is_up(w->clients[i]));
	assert_int_equal(gworld_info(w).clients, MANY);
	assert_int_equal(gworld_info(w).tunnels, MANY);
	assert_int_equal(gworld_info(w).leases, MANY);
	assert_int_equal(gworld_info(w).half_open, 0);
	for (unsigned i = 0; i < MANY; i += 13)
		assert_true(gworld_ping(w->clients[i], HOST));
	for (unsigned i = 0; i < MANY; i += 17)
		assert_true(gworld_ping_back(w->clients[i]));
	/* All renew what they have, and none is lost on the way. */
	gworld_run(w, 3600 * VTIME_S);
	for (unsigned i = 0; i < MANY; i++)
		assert_true(gworld_is_up(w->clients[i]));
	assert_int_equal(gworld_info(w).clients, MANY);
	assert_int_equal(gworld_info(w).tunnels, MANY);
	for (unsigned i = 0; i < MANY; i += 19)
		assert_true(gworld_ping(w->clients[i], HOST));
	gworld_free(w);
}

static void an_exhausted_pool(void **state)
{
	struct gworld *w = gworld_new(2);
	struct gateway_entry *e = entry_of_users(w);
	struct gworld_client *late;

	pool_range_parse("10.9.0.0/29", &w->config.pool[0]); /* five, and the gateway's */
	gworld_start(w);
	for (unsigned i = 0; i < 5; i++)
		gworld_connect(user(w, e, i, NULL));
	gworld_run(w, 3 * VTIME_S);
	late = user(w, e, 5, NULL);
	gworld_connect(late);
	gworld_run(w, 3 * VTIME_S);
	for (unsigned i = 0; i < 5; i++)
		assert_true(gworld_ping(w->clients[i], HOST));
	assert_false(gworld_is_up(late));
	assert_true(gworld_info(w).counters.pool_exhausted > 0);
	/* Somebody goes, and there is one again. */
	gworld_disconnect(w->clients[3]);
	gworld_run(w, 3 * VTIME_S);
	gworld_restart(late);
	gworld_run(w, 3 * VTIME_S);
	assert_true(gworld_ping(late, HOST));
	assert_true(addr_eq(&late->inner, &w->clients[3]->inner));
	gworld_free(w);
}

static void more_clients_than_there_may_be(void **state)
{
	struct gworld *w = gworld_new(3);
	struct gateway_entry *e = entry_of_users(w);

	w->config.clients_max = 3;
	gworld_start(w);
	for (unsigned i = 0; i < 4; i++) {
		gworld_connect(user(w, e, i, NULL));
		gworld_run(w, 2 * VTIME_S);
	}
	for (unsigned i = 0; i < 3; i++)
		assert_true(gworld_ping(w->clients[i], HOST));
	assert_false(gworld_is_up(w->clients[3]));
	assert_int_equal(gworld_info(w).clients, 3);
	assert_true(gworld_info(w).counters.clients_refused > 0);
	gworld_free(w);
}

/* ---- harm ---- */

/* The first message that a client has sent, to be sent again with other cookies. */
struct recording {
	size_t n;
	uint8_t bytes[2000];
};

static bool record(struct gworld *w, const struct gworld_datagram *d)
{
	struct recording *r = w->arg;

	if (!d->to && !r->n && d->dst.port == IKE_PORT && d->n <= sizeof(r->bytes)) {
		memcpy(r->bytes, d->bytes, d->n);
		r->n = d->n;
	}
	return false;
}

static void flood(struct gworld *w, struct recording *r, struct gworld_client *from, unsigned n,
		  bool everywhere)
{
	for (unsigned i = 0; i < n; i++) {
		rng_fill(&w->rng, r->bytes, IKE_COOKIE_SIZE);
		if (everywhere)
			rng_fill(&w->rng, from->seen.b, 4);
		from->seen.b[0] |= 1;
		gworld_inject(from, IKE_PORT, slice(r->bytes, r->n));
	}
}

static void first_messages(enum ike_mode mode, bool everywhere)
{
	struct recording r = { 0 };
	struct gworld *w = gworld_new(4);
	struct gateway_entry *e = entry_of_users(w);
	struct gworld_client *c, *attacker;
	unsigned most = 0;
	vtime began;

	e->ike.mode = mode;
	e->ike.remote_any = mode == IKE_MODE_MAIN;
	w->lose = record;
	w->arg = &r;
	gworld_start(w);
	c = user(w, e, 0, NULL);
	attacker = user(w, e, 1, NULL);
	gworld_connect(c);
	gworld_run(w, 2 * VTIME_S);
	assert_true(gworld_is_up(c));
	assert_true(r.n > 0);
	began = w->now;
	for (unsigned i = 0; i < 1000; i++) {
		flood(w, &r, attacker, 20, everywhere);
		gworld_run(w, 10 * VTIME_MS);
		most = gworld_info(w).half_open > most ? gworld_info(w).half_open : most;
		if (i % 200 == 0)
			assert_true(gworld_ping(c, HOST));
	}
	assert_true(w->now - began < 30 * VTIME_S);
	assert_true(most <= w->config.half_open_max);
	assert_true(mode == IKE_MODE_AGGRESSIVE || gworld_info(w).counters.evicted > 0);
	if (!everywhere)
		assert_true(most <= w->config.half_open_source_max);
	assert_true(gworld_info(w).counters.limited > 0);
	assert_int_equal(gworld_info(w).clients, 1);
	assert_true(gworld_is_up(c));
	/* And all of it goes by itself. */
	gworld_run(w, 60 * VTIME_S);
	assert_int_equal(gworld_info(w).half_open, 0);
	assert_true(gworld_ping(c, HOST));
	gworld_free(w);
}

static void a_flood_of_main_mode(void **state)
{
	first_messages(IKE_MODE_MAIN, true);
}

static void a_flood_from_one_address(void **state)
{
	first_messages(IKE_MODE_MAIN, false);
}

static void a_flood_of_aggressive_mode(void **state)
{
	first_messages(IKE_MODE_AGGRESSIVE, true);
}

/* Who has the group's key and never says who he is keeps nobody out. */
static void users_who_say_nothing(void **state)
{
	struct gworld *w = gworld_new(7);
	struct gateway_entry *e = entry_of_users(w);
	struct gworld_client *c;

	w->config.half_open_max = w->config.half_open_source_max = 4;
	w->config.clients_max = 2;
	gworld_start(w);
	for (unsigned i = 0; i < 12; i++) {
		c = user(w, e, i, NAT);
		secret_free(&c->config.password);
		gworld_connect(c);
		gworld_run(w, VTIME_S);
		assert_true(gworld_info(w).half_open <= 4);
	}
	assert_int_equal(gworld_info(w).counters.evicted, 8);
	c = user(w, e, 99, NULL);
	gworld_connect(c);
	gworld_run(w, 2 * VTIME_S);
	assert_true(gworld_ping(c, HOST));
	gworld_free(w);
}

/* While 500 first messages come in each second from everywhere. */
static void somebody_connects_during_a_flood(void **state)
{
	struct recording r = { 0 };
	struct gworld *w = gworld_new(5);
	struct gateway_entry *e = entry_of_users(w);
	struct gworld_client *c, *attacker;

	e->ike.mode = IKE_MODE_MAIN;
	e->ike.remote_any = true;
	w->lose = record;
	w->arg = &r;
	gworld_start(w);
	c = user(w, e, 0, NULL);
	attacker = user(w, e, 1, NULL);
	gworld_connect(c);
	gworld_run(w, 5 * VTIME_MS);
	assert_true(r.n > 0);
	for (unsigned i = 0; i < 400 && !gworld_is_up(c); i++) {
		flood(w, &r, attacker, 5, true);
		gworld_run(w, 10 * VTIME_MS);
	}
	assert_true(gworld_is_up(c));
	assert_true(gworld_ping(c, HOST));
	gworld_free(w);
}

static void rubbish(void **state)
{
	struct gworld *w = gworld_new(6);
	struct gateway_entry *e = entry_of_users(w);
	struct gworld_client *c, *attacker;
	uint8_t bytes[200];

	gworld_start(w);
	c = user(w, e, 0, NULL);
	attacker = user(w, e, 1, NULL);
	gworld_connect(c);
	gworld_run(w, 2 * VTIME_S);
	for (unsigned i = 0; i < 2000; i++) {
		rng_fill(&w->rng, bytes, sizeof(bytes));
		/* Some are IKE as far as the header goes, with the cookies of the living. */
		if (i % 2)
			memcpy(bytes, c->cookies[0], IKE_COOKIE_SIZE);
		bytes[17] = 0x10;
		gworld_inject(attacker, i % 3 ? IKE_PORT : IKE_NATT_PORT,
			      slice(bytes, rng_below(&w->rng, sizeof(bytes))));
		gworld_run(w, VTIME_MS);
	}
	assert_true(gworld_is_up(c));
	assert_true(gworld_ping(c, HOST));
	assert_true(gworld_info(w).counters.unknown > 0);
	assert_int_equal(gworld_info(w).clients, 1);
	gworld_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_hundred_behind_one_address),
		cmocka_unit_test(an_exhausted_pool),
		cmocka_unit_test(more_clients_than_there_may_be),
		cmocka_unit_test(a_flood_of_main_mode),
		cmocka_unit_test(a_flood_from_one_address),
		cmocka_unit_test(a_flood_of_aggressive_mode),
		cmocka_unit_test(users_who_say_nothing),
		cmocka_unit_test(somebody_connects_during_a_flood),
		cmocka_unit_test(rubbish),
	};

	if (crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
