/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lasts: both phases renewed by either end, and who is silent is gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/support/gateway_world.h"

#define HOST "10.20.0.7"
#define KEY "a very good key"
#define NAT "203.0.113.5"

struct town {
	struct gworld *w;
	struct gateway_entry *e;
	struct gworld_client *c;
};

static void town_init(struct town *t, uint64_t seed)
{
	t->w = gworld_new(seed);
	t->e = gworld_entry_psk(t->w, "laptop@example.com", KEY);
}

static void town_up(struct town *t, const char *behind)
{
	gworld_start(t->w);
	t->c = gworld_client(t->w, t->e, "laptop@example.com", behind, true);
}

static void town_connect(struct town *t)
{
	gworld_connect(t->c);
	gworld_run(t->w, 2 * VTIME_S);
	assert_true(gworld_is_up(t->c));
	assert_true(gworld_ping(t->c, HOST));
}

/* For so long with a ping every ten seconds, none of which is lost. */
static void town_live(struct town *t, vtime time)
{
	for (vtime end = t->w->now + time; t->w->now < end;) {
		assert_true(gworld_ping(t->c, HOST));
		assert_true(gworld_ping_back(t->c));
		gworld_run(t->w, 8 * VTIME_S);
	}
}

/* ---- renewal ---- */

static void the_client_renews(void **state)
{
	struct town t;
	unsigned authenticated;

	town_init(&t, 1);
	t.w->config.child.keylife_s = 600;
	t.e->ike.lifetime_s = 900;
	town_up(&t, NULL);
	t.c->config.rekeymargin = 120 * VTIME_S;
	t.w->config.rekeymargin = 30 * VTIME_S;
	town_connect(&t);
	town_live(&t, 3600 * VTIME_S);
	assert_int_equal(gworld_info(t.w).counters.epochs_ours, 0);
	authenticated = (unsigned)gworld_info(t.w).counters.authenticated;
	assert_in_range(authenticated, 4, 8);
	assert_int_equal(gworld_info(t.w).clients, 1);
	assert_int_equal(gworld_info(t.w).tunnels, 1);
	assert_in_range(gworld_info(t.w).ikes, 1, 5);
	gworld_free(t.w);
}

/* A client that does nothing about it by itself. */
static void the_gateway_renews(void **state)
{
	struct town t;

	town_init(&t, 2);
	t.w->config.child.keylife_s = 600;
	t.e->ike.lifetime_s = 900;
	t.w->config.rekeymargin = 60 * VTIME_S;
	town_up(&t, NULL);
	t.c->config.rekeymargin = VTIME_S;
	t.c->config.rekeyfuzz = 0;
	town_connect(&t);
	town_live(&t, 3600 * VTIME_S);
	assert_int_equal(gworld_info(t.w).clients, 1);
	assert_int_equal(gworld_info(t.w).counters.firsts, 1);
	assert_true(gworld_info(t.w).counters.authenticated >= 4);
	assert_true(gworld_info(t.w).counters.epochs_ours >= 6);
	assert_int_equal(gworld_info(t.w).counters.epochs,
			 gworld_info(t.w).counters.epochs_ours + 1);
	gworld_free(t.w);
}

/* A user is asked again, and so is his client, which knows the password. */
static void the_gateway_renews_a_users(void **state)
{
	struct town t;

	town_init(&t, 7);
	t.w->config.child.keylife_s = 600;
	t.e->ike.lifetime_s = 900;
	t.e->ike.xauth = true;
	t.e->ike.mode = IKE_MODE_AGGRESSIVE;
	t.w->config.rekeymargin = 60 * VTIME_S;
	town_up(&t, NAT);
	t.c->config.rekeymargin = VTIME_S;
	t.c->config.rekeyfuzz = 0;
	town_connect(&t);
	town_live(&t, 3000 * VTIME_S);
	assert_int_equal(gworld_info(t.w).clients, 1);
	assert_int_equal(gworld_info(t.w).counters.firsts, 1);
	assert_true(t.w->asked >= 4);
	assert_int_equal(t.c->asks, 0);
	assert_int_equal(t.c->tuns, 1);
	gworld_free(t.w);
}

/* What ESP there is on the wire: the first SPI upwards, the last one downwards. */
struct watch {
	uint32_t first_up, down;
	unsigned lost;
	bool block; /* upwards all but the first is lost */
};

static bool watch_wire(struct gworld *w, const struct gworld_datagram *d)
{
	struct watch *watch = w->arg;
	uint32_t spi = d->n > 8 ? get_be32(d->bytes) : 0;
	uint16_t port = d->to ? d->from.port : d->dst.port;

	if (!spi || port != IKE_NATT_PORT)
		return false;
	if (d->to)
		watch->down = spi;
	else if (!watch->first_up)
		watch->first_up = spi;
	if (d->to || spi == watch->first_up || !watch->block)
		return false;
	watch->lost++;
	return true;
}

static void waits_for_a_packet_on_the_new_one(void **state)
{
	struct watch watch = { .block = true };
	uint32_t first_down;
	struct town t;

	town_init(&t, 3);
	t.w->config.child.keylife_s = 600;
	t.w->config.rekeymargin = 30 * VTIME_S;
	t.w->lose = watch_wire;
	t.w->arg = &watch;
	town_up(&t, NAT);
	t.c->config.rekeymargin = 200 * VTIME_S;
	t.c->config.rekeyfuzz = 0;
	town_connect(&t);
	first_down = watch.down;
	gworld_run(t.w, 396 * VTIME_S);
	assert_int_equal(watch.lost, 0);
	/* The new one is there now, at both ends, and its first packets are lost. */
	gworld_run(t.w, 25 * VTIME_S);
	gworld_ping(t.c, HOST);
	gworld_ping_back(t.c);
	assert_true(watch.lost > 0);
	assert_int_equal(watch.down, first_down);
	watch.block = false;
	gworld_run(t.w, 5 * VTIME_S);
	assert_true(gworld_ping(t.c, HOST));
	assert_int_not_equal(watch.down, first_down);
	gworld_free(t.w);
}

/* ---- twins ---- */

/* The second client comes to offer the first one's SPI, which the NAT cannot tell from its own. */
static void an_spi_that_another_one_has(void **state)
{
	struct watch watch = { 0 };
	struct gworld_client *b;
	struct town t;
	uint32_t twin;

	town_init(&t, 8);
	t.e->several = true;
	t.w->config.child.keylife_s = 300;
	t.w->config.rekeymargin = 10 * VTIME_S;
	t.w->lose = watch_wire;
	t.w->arg = &watch;
	town_up(&t, NAT);
	b = gworld_client(t.w, t.e, "laptop@example.com", NAT, true);
	t.c->config.rekeymargin = b->config.rekeymargin = 60 * VTIME_S;
	gworld_connect(b);
	town_connect(&t);
	twin = watch.down;
	b->spi = twin;
	for (unsigned i = 0; i < 200 && !gworld_info(t.w).counters.twin_refused; i++) {
		gworld_run(t.w, 10 * VTIME_S);
		assert_true(gworld_ping(t.c, HOST));
		b->spi = watch.down;
	}
	assert_true(gworld_info(t.w).counters.twin_refused > 0);
	assert_int_equal(gworld_info(t.w).counters.offers_refused,
			 gworld_info(t.w).counters.twin_refused);
	assert_true(gworld_ping(b, HOST));
	b->spi = 0;
	gworld_run(t.w, 300 * VTIME_S);
	assert_true(gworld_ping(b, HOST));
	assert_true(gworld_ping(t.c, HOST));
	gworld_free(t.w);
}

/* ---- silence ---- */

static void a_client_that_is_gone(void **state)
{
	struct town t;

	town_init(&t, 4);
	town_up(&t, NULL);
	town_connect(&t);
	t.c->gone = true;
	gworld_run(t.w, 60 * VTIME_S);
	assert_int_equal(gworld_info(t.w).clients, 1);
	gworld_run(t.w, 60 * VTIME_S);
	assert_int_equal(gworld_info(t.w).clients, 0);
	assert_int_equal(gworld_info(t.w).ikes, 0);
	assert_int_equal(gworld_info(t.w).tunnels, 0);
	assert_int_equal(gworld_info(t.w).leases, 0);
	gworld_free(t.w);
}

static void an_idle_client_answers(void **state)
{
	struct town t;

	town_init(&t, 5);
	town_up(&t, NULL);
	t.c->config.dpd = t.c->config.maxidle = 0;
	town_connect(&t);
	gworld_run(t.w, 1800 * VTIME_S);
	assert_int_equal(gworld_info(t.w).clients, 1);
	assert_true(gworld_is_up(t.c));
	assert_true(gworld_ping(t.c, HOST));
	gworld_free(t.w);
}

/* The gateway begins anew without memory: its clients find out, and come back. */
static void a_gateway_that_has_forgotten(void **state)
{
	struct town t;
	struct addr before;

	town_init(&t, 6);
	town_up(&t, NULL);
	town_connect(&t);
	before = t.c->inner;
	gworld_forget(t.w);
	assert_int_equal(gworld_info(t.w).clients, 0);
	gworld_run(t.w, 120 * VTIME_S);
	assert_int_equal(gworld_info(t.w).clients, 1);
	assert_true(gworld_is_up(t.c));
	assert_true(addr_eq(&t.c->inner, &before));
	assert_true(gworld_ping(t.c, HOST));
	gworld_free(t.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_client_renews),
		cmocka_unit_test(the_gateway_renews),
		cmocka_unit_test(the_gateway_renews_a_users),
		cmocka_unit_test(waits_for_a_packet_on_the_new_one),
		cmocka_unit_test(an_spi_that_another_one_has),
		cmocka_unit_test(a_client_that_is_gone),
		cmocka_unit_test(an_idle_client_answers),
		cmocka_unit_test(a_gateway_that_has_forgotten),
	};

	if (crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
