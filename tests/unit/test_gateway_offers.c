/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the gateway offers in quick modes that it begins, and packets that overtake message 3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/support/gateway_world.h"

#define HOST "10.20.0.7"
#define KEY "a very good key"
#define MARKER 4
#define EXCHANGE (MARKER + 18) /* in an IKE message on port 4500 */
#define QUICK_MODE 32
#define LIFE 600
#define MARGIN 60
#define HOLD (31 * VTIME_S) /* nothing is held for longer */

struct town {
	struct gworld *w;
	struct gateway_entry *e;
	struct gworld_client *c;
	unsigned quick; /* quick mode's messages of the client's, so far */
	unsigned hold; /* which of them is held; 0: none */
	bool deaf; /* what the client says in quick modes is lost */
	struct gworld_datagram *held;
	unsigned esp; /* ESP of the client's that has come while it was held */
};

static bool wire(struct gworld *w, const struct gworld_datagram *d)
{
	struct town *t = w->arg;

	if (d->to || d->dst.port != IKE_NATT_PORT || d->n <= EXCHANGE)
		return false;
	if (get_be32(d->bytes) != 0) {
		t->esp += t->held != NULL;
		return false;
	}
	if (d->bytes[EXCHANGE] != QUICK_MODE)
		return false;
	if (t->deaf)
		return true;
	if (++t->quick != t->hold)
		return false;
	t->held = xcalloc(1, sizeof(*d) + d->n);
	memcpy(t->held, d, sizeof(*d));
	memcpy(t->held->bytes, d->bytes, d->n);
	return true;
}

/* Both ends' ESP is in UDP, as behind a NAT. */
static void town_init(struct town *t, uint64_t seed)
{
	*t = (struct town){ .w = gworld_new(seed) };
	t->e = gworld_entry_psk(t->w, "laptop@example.com", KEY);
	t->w->config.child.keylife_s = LIFE;
	t->w->config.rekeymargin = MARGIN * VTIME_S;
	t->w->lose = wire;
	t->w->arg = t;
	gworld_start(t->w);
	t->c = gworld_client(t->w, t->e, "laptop@example.com", "203.0.113.5", true);
	/* It does not renew anything by itself. */
	t->c->config.rekeymargin = VTIME_S;
	t->c->config.rekeyfuzz = 0;
}

static void town_free(struct town *t)
{
	gworld_free(t->w);
	free(t->held);
}

static void town_connect(struct town *t)
{
	gworld_connect(t->c);
	gworld_run(t->w, 2 * VTIME_S);
	assert_true(gworld_is_up(t->c));
	assert_true(gworld_ping(t->c, HOST));
	assert_int_equal(classifier_offers(t->w->data.classifier), 0);
	assert_int_equal(classifier_offers(t->c->data.classifier), 0);
}

/* Until the gateway renews; true: it has begun. */
static bool until_offered(struct town *t)
{
	for (vtime end = t->w->now + LIFE * VTIME_S; t->w->now < end;) {
		if (classifier_offers(t->w->data.classifier))
			return true;
		gworld_run(t->w, 5 * VTIME_MS);
	}
	return false;
}

static uint64_t unknown(const struct data_engines *d)
{
	return drop_read(inbound_drops(d->inbound), DROP_UNKNOWN_SPI);
}

static void an_spi_is_offered_until_it_is_agreed(void **state)
{
	struct town t;

	town_init(&t, 1);
	town_connect(&t);
	assert_true(until_offered(&t));
	assert_int_equal(classifier_offers(t.w->data.classifier), 1);
	gworld_run(t.w, 5 * GWORLD_DELAY);
	assert_int_equal(classifier_offers(t.w->data.classifier), 0);
	assert_int_equal(gworld_info(t.w).counters.epochs_ours, 1);
	assert_true(gworld_ping(t.c, HOST));
	assert_int_equal(unknown(&t.w->data) + unknown(&t.c->data), 0);
	town_free(&t);
}

static void or_until_nobody_answers(void **state)
{
	struct town t;

	town_init(&t, 2);
	town_connect(&t);
	t.deaf = true;
	assert_true(until_offered(&t));
	gworld_run(t.w, t.e->ike.timeout + VTIME_S);
	assert_int_equal(gworld_info(t.w).counters.epochs_ours, 0);
	assert_int_equal(classifier_offers(t.w->data.classifier), 0);
	/* The next attempt. */
	t.deaf = false;
	assert_true(until_offered(&t));
	gworld_run(t.w, VTIME_S);
	assert_int_equal(classifier_offers(t.w->data.classifier), 0);
	assert_int_equal(gworld_info(t.w).counters.epochs_ours, 1);
	town_free(&t);
}

static void or_until_the_client_is_gone(void **state)
{
	struct town t;

	town_init(&t, 3);
	town_connect(&t);
	t.deaf = true;
	assert_true(until_offered(&t));
	gworld_disconnect(t.c);
	gworld_run(t.w, 100 * VTIME_MS);
	assert_int_equal(gworld_info(t.w).clients, 0);
	assert_int_equal(classifier_offers(t.w->data.classifier), 0);
	town_free(&t);
}

/* What a host has answered while there was no SA for it, and is held. */
static uint64_t answers(const struct town *t)
{
	return outbound_held(t->w->data.outbound)->in;
}

static uint64_t released(const struct town *t)
{
	return outbound_held(t->w->data.outbound)->released;
}

/*
 * The gateway has the SA from message 2 on: what comes before message 3 need not wait. What is
 * answered to it waits for message 3, and is not lost.
 */
static void packets_overtake_message_3(void **state)
{
	struct town t;

	town_init(&t, 4);
	t.hold = 2;
	gworld_connect(t.c);
	gworld_run(t.w, VTIME_S / 4);
	assert_non_null(t.held);
	t.deaf = true;
	gworld_ping(t.c, HOST);
	assert_true(t.esp > 0);
	assert_int_equal(answers(&t), t.esp);
	assert_int_equal(gworld_info(t.w).counters.epochs, 0);
	assert_int_equal(t.c->pongs, 0);
	t.deaf = false;
	gworld_inject(t.c, IKE_NATT_PORT, slice(t.held->bytes, t.held->n));
	gworld_run(t.w, 5 * GWORLD_DELAY);
	assert_int_equal(gworld_info(t.w).counters.epochs, 1);
	assert_int_equal(released(&t), answers(&t));
	assert_int_equal(t.c->pongs, 1);
	assert_true(gworld_ping(t.c, HOST));
	assert_int_equal(unknown(&t.w->data) + unknown(&t.c->data), 0);
	town_free(&t);
}

/* It never comes: what came is in, what is to come is unknown, and nothing is left. */
static void message_3_never_comes(void **state)
{
	struct town t;

	town_init(&t, 5);
	t.hold = 2;
	gworld_connect(t.c);
	gworld_run(t.w, VTIME_S / 4);
	assert_non_null(t.held);
	t.deaf = true;
	gworld_ping(t.c, HOST);
	assert_int_equal(unknown(&t.w->data), 0);
	assert_int_equal(answers(&t), t.esp);
	gworld_run(t.w, t.e->ike.timeout);
	assert_int_equal(gworld_info(t.w).counters.epochs, 0);
	assert_int_equal(classifier_offers(t.w->data.classifier), 0);
	assert_int_equal(early_waits(t.w->data.early), 0);
	gworld_run(t.w, HOLD);
	assert_int_equal(outbound_held(t.w->data.outbound)->packets, 0);
	assert_int_equal(released(&t), 0);
	town_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_spi_is_offered_until_it_is_agreed),
		cmocka_unit_test(or_until_nobody_answers),
		cmocka_unit_test(or_until_the_client_is_gone),
		cmocka_unit_test(packets_overtake_message_3),
		cmocka_unit_test(message_3_never_comes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
