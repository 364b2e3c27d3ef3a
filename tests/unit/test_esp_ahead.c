/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/mem.h"
#include "esp/ahead.h"
#include "esp/sa.h"
#include "tests/unit/esp_parts.h"

#define CLIENTS 900 /* enough for an index that is looked ahead in */
#define WITHOUT 50 /* the last ones have no SA to send on */
#define ROUNDS 60
#define BATCH 100 /* what is cut still finds room */
#define ALONE 1 /* packets in a batch that nobody looks ahead in */
#define PACKET_MAX 1000

/* A gateway with a tunnel for each client. */
struct world {
	struct classifier *c;
	struct outbound *o;
	struct inbound *i;
	struct esp_out *out[CLIENTS];
	struct esp_in *in[CLIENTS];
	struct parts_batch batch, replies;
};

/* The packets of a round, before they have gone anywhere. */
struct load {
	uint8_t bytes[BATCH][PACKET_MAX + ESP_HEADROOM + ESP_TAILROOM];
	size_t n[BATCH];
};

/* What became of them, one after the other, and of the cut ones' other parts behind them. */
struct outcome {
	unsigned n;
	enum pkt_kind kind[2 * BATCH_MAX];
	uint64_t digest[2 * BATCH_MAX];
	unsigned replies;
};

static struct addr client(unsigned i)
{
	return (struct addr){ FAMILY_IP4, { 10, 2, (uint8_t)(i >> 8), (uint8_t)i } };
}

static struct esp_sa_config config_of(unsigned i)
{
	/* As if at random, so that some meet in the index. */
	struct esp_sa_config config = parts_config(&suite_gcm, 0x2000 + 7919U * i * i);
	struct prefix p = { client(i), 32 };

	config.ts.remote = ts_from_prefix(&p);
	config.slot = i;
	config.mtu = 600;
	return config;
}

/* So many of the clients may send, too. Where those are few, nobody looks ahead in either direction. */
static struct world *world_new(unsigned senders)
{
	struct policy_rule *rules = xcalloc(CLIENTS, sizeof(*rules));
	const struct policy_view view = { rules, CLIENTS, POLICY_DISCARD };
	struct world *w = xcalloc(1, sizeof(*w));

	w->c = classifier_new();
	w->o = outbound_new(w->c, &(struct outbound_config){ 0 });
	w->i = inbound_new(w->c);
	for (unsigned i = 0; i < CLIENTS; i++)
		rules[i] = (struct policy_rule){ config_of(i).ts, POLICY_PROTECT, i,
						 GRANULARITY_RULE };
	for (unsigned i = 0; i < CLIENTS - WITHOUT; i++) {
		w->out[i] = parts_out(config_of(i));
		classifier_set_current(w->c, i, w->out[i]);
	}
	for (unsigned i = 0; i < senders; i++) {
		w->in[i] = parts_in(config_of(i));
		assert_int_equal(classifier_add_spi(w->c, w->in[i]), 0);
	}
	classifier_rules_free(classifier_publish_view(w->c, &view));
	free(rules);
	return w;
}

static void world_free(struct world *w)
{
	outbound_free(w->o);
	inbound_free(w->i);
	classifier_free(w->c);
	for (unsigned i = 0; i < CLIENTS; i++) {
		esp_out_free(w->out[i]);
		esp_in_free(w->in[i]);
	}
	free(w);
}

static uint64_t digest(const struct pkt *p)
{
	uint64_t h = p->len;

	for (uint32_t i = 0; i < p->len; i++)
		h = (h ^ pkt_data(p)[i]) * 0x100000001b3U;
	return h;
}

static void outcome_add(struct outcome *out, const struct pkt *p)
{
	out->kind[out->n] = p->kind;
	out->digest[out->n++] = p->kind == PKT_GONE ? 0 : digest(p);
}

static void expect_same(const struct outcome *a, const struct outcome *b)
{
	assert_int_equal(a->n, b->n);
	assert_int_equal(a->replies, b->replies);
	for (unsigned i = 0; i < a->n; i++) {
		assert_int_equal(a->kind[i], b->kind[i]);
		assert_int_equal(a->digest[i], b->digest[i]);
	}
}

static struct batch *batch_of(struct world *w, const struct load *load, unsigned from, unsigned n)
{
	struct batch *b = parts_batch(&w->batch);

	for (unsigned i = from; i < from + n; i++) {
		struct pkt *p = parts_take(b, slice(load->bytes[i], load->n[i]));

		p->from = (struct endpoint){ parts_addr("192.0.2.1"), 4500 };
		p->to = (struct endpoint){ parts_addr("192.0.2.2"), 4500 };
	}
	return b;
}

/* ---- outbound ---- */

/* To a client, or to none; some are cut, some may not be, some are no packets at all. */
static void load_out(struct load *load, struct rng *r)
{
	for (unsigned i = 0; i < BATCH; i++) {
		struct addr to = client((unsigned)rng_below(r, CLIENTS + 100));
		uint16_t len = rng_below(r, 10) ? 64 : PACKET_MAX;
		char text[ADDR_TEXT_MAX];

		load->n[i] =
			parts_udp4(load->bytes[i], "10.1.0.1", addr_text(&to, text), 53, len).n;
		if (rng_below(r, 20) == 0)
			load->bytes[i][6] = 0x40;
		if (rng_below(r, 10) == 0)
			load->n[i] = rng_below(r, 28);
	}
}

static void send(struct world *w, const struct load *load, struct outcome *out)
{
	struct batch *b = batch_of(w, load, 0, BATCH);

	*out = (struct outcome){ 0 };
	outbound_run(w->o, 0, b, parts_batch(&w->replies));
	for (unsigned i = 0; i < b->n; i++)
		outcome_add(out, &b->pkts[i]);
	out->replies = w->replies.b.n;
}

static void outbound_decides_the_same(void **state)
{
	struct world *a = world_new(CLIENTS), *b = world_new(0);
	static struct outcome with, without;
	static struct load load;
	struct rng_seed seed;
	struct rng r = rng_seeded(&seed, 3);
	unsigned sealed = 0, gone = 0, cut = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		load_out(&load, &r);
		send(a, &load, &with);
		send(b, &load, &without);
		expect_same(&with, &without);
		for (unsigned i = 0; i < with.n; i++) {
			sealed += with.kind[i] == PKT_SEALED;
			gone += with.kind[i] == PKT_GONE;
		}
		cut += with.n - BATCH;
	}
	assert_true(sealed > 1000 && gone > 100 && cut > 100);
	for (enum drop d = 0; d < DROP_COUNT; d++)
		assert_int_equal(drop_read(outbound_drops(a->o), d),
				 drop_read(outbound_drops(b->o), d));
	world_free(a);
	world_free(b);
}

/* ---- inbound ---- */

/* From a client, or an unknown SPI; again what has been there; forged; too short; keepalives; IKE. */
static void load_in(struct load *load, struct esp_out **far, struct rng *r)
{
	struct parts_batch *store = xcalloc(1, sizeof(*store));
	struct batch *b = parts_batch(store);

	for (unsigned i = 0; i < BATCH; i++) {
		unsigned who = (unsigned)rng_below(r, CLIENTS);
		struct addr from = client(who);
		char text[ADDR_TEXT_MAX];
		uint8_t bytes[64];
		struct pkt *p;

		parts_udp4(bytes, addr_text(&from, text), "10.1.0.1", 53, sizeof(bytes));
		p = parts_take(b, SLICE_OF(bytes));
		assert_int_equal(esp_seal(far[who], p, ESP_NEXT_IP4), 0);
		memcpy(load->bytes[i], pkt_data(p), p->len);
		load->n[i] = p->len;
		if (rng_below(r, 8) == 0)
			put_be32(load->bytes[i], rng_u32(r));
		else if (rng_below(r, 8) == 0)
			load->bytes[i][40] ^= 1;
		else if (rng_below(r, 8) == 0)
			put_be32(load->bytes[i], 0);
		else if (rng_below(r, 8) == 0)
			load->n[i] = rng_below(r, 12);
		else if (i && rng_below(r, 8) == 0)
			memcpy(load->bytes[i], load->bytes[i - 1], load->n[i] = load->n[i - 1]);
		if (load->n[i] == 1)
			load->bytes[i][0] = 0xff;
	}
	free(store);
}

static void receive(struct world *w, const struct load *load, unsigned each, struct outcome *out)
{
	struct data_event e;

	*out = (struct outcome){ 0 };
	for (unsigned from = 0; from < BATCH; from += each) {
		struct batch *b = batch_of(w, load, from, each);

		inbound_run(w->i, 0, b);
		for (unsigned i = 0; i < b->n; i++)
			outcome_add(out, &b->pkts[i]);
		while (inbound_output(w->i, &e))
			;
	}
}

/* As control does between two batches. */
static void come_and_go(struct world *w, unsigned round)
{
	unsigned i = 31 * round % CLIENTS;

	classifier_remove_spi(w->c, esp_in_config(w->in[i])->spi);
	if (round % 2)
		assert_int_equal(classifier_add_spi(w->c, w->in[i]), 0);
}

static void inbound_decides_the_same(void **state)
{
	struct world *a = world_new(CLIENTS), *b = world_new(CLIENTS);
	static struct esp_out *far[CLIENTS];
	static struct outcome with, without;
	static struct load load;
	struct rng_seed seed;
	struct rng r = rng_seeded(&seed, 4);
	unsigned inner = 0, gone = 0, ike = 0;

	for (unsigned i = 0; i < CLIENTS; i++)
		far[i] = parts_out(config_of(i));
	for (unsigned round = 0; round < ROUNDS; round++) {
		load_in(&load, far, &r);
		receive(a, &load, BATCH, &with);
		receive(b, &load, ALONE, &without);
		expect_same(&with, &without);
		for (unsigned i = 0; i < with.n; i++) {
			inner += with.kind[i] == PKT_INNER;
			gone += with.kind[i] == PKT_GONE;
			ike += with.kind[i] == PKT_IKE;
		}
		come_and_go(a, round);
		come_and_go(b, round);
	}
	assert_true(inner > 1000 && gone > 1000 && ike > 100);
	for (enum drop d = 0; d < DROP_COUNT; d++)
		assert_int_equal(drop_read(inbound_drops(a->i), d),
				 drop_read(inbound_drops(b->i), d));
	for (unsigned i = 0; i < CLIENTS; i++)
		esp_out_free(far[i]);
	world_free(a);
	world_free(b);
}

/* ---- when it is worth while ---- */

/* So many packets, of the n clients from the first on in turn; 0: of SPIs that nobody has. */
static struct batch *batch_from(struct world *w, unsigned packets, unsigned first, unsigned n)
{
	struct batch *b = parts_batch(&w->batch);

	for (unsigned i = 0; i < packets; i++) {
		uint8_t bytes[64] = { 0 };

		put_be32(bytes, n ? config_of(first + i % n).spi : 0xfff00000U + i);
		parts_take(b, SLICE_OF(bytes));
	}
	return b;
}

static void look(struct ahead *a, struct world *w, const struct batch *b)
{
	ahead_begin(a, w->c, b);
	for (unsigned i = 0; i < b->n; i++)
		ahead_inbound(a, w->c, b, i);
	ahead_end(a, b);
}

static void few_packets_or_sas_go_without(void **state)
{
	struct world *many = world_new(CLIENTS), *few = world_new(4);
	struct ahead a = { 0 };

	look(&a, many, batch_from(many, 0, 0, 1));
	assert_false(a.needed);
	look(&a, many, batch_from(many, 3, 0, 3));
	assert_false(a.needed);
	look(&a, few, batch_from(few, 64, 0, 4));
	assert_false(a.needed);
	assert_int_equal(a.rest, 0);
	world_free(many);
	world_free(few);
}

static void it_rests_while_traffic_is_on_few(void **state)
{
	struct world *w = world_new(CLIENTS);
	struct ahead a = { 0 };
	unsigned rest;

	/* Two that share a place are asked for in turn. */
	look(&a, w, batch_from(w, 64, 0, 64));
	assert_true(a.needed);
	assert_in_range(a.asked, 32, 64);
	assert_int_equal(a.rest, 0);
	look(&a, w, batch_from(w, 64, 100, 2));
	assert_true(a.asked <= 2);
	rest = a.rest;
	assert_true(rest > 0);
	for (; rest > 0; rest--) {
		look(&a, w, batch_from(w, 64, 200, 64));
		assert_false(a.needed);
	}
	look(&a, w, batch_from(w, 64, 200, 64));
	assert_true(a.needed);
	assert_in_range(a.asked, 32, 64);
	world_free(w);
}

static void unknown_spis_lead_nowhere(void **state)
{
	struct world *w = world_new(CLIENTS);
	struct ahead a = { 0 };

	look(&a, w, batch_from(w, 64, 0, 0));
	assert_int_equal(a.asked, 0);
	assert_true(a.rest > 0);
	/* Nor do SAs that have gone, those that others stand behind in the index among them. */
	for (unsigned i = 0; i < CLIENTS / 2; i++)
		classifier_remove_spi(w->c, esp_in_config(w->in[i])->spi);
	assert_true(classifier_index_used(w->c) > CLIENTS - CLIENTS / 2);
	for (unsigned i = 0; i + 64 <= CLIENTS / 2; i += 64) {
		a = (struct ahead){ 0 };
		look(&a, w, batch_from(w, 64, i, 64));
		assert_true(a.needed);
		assert_int_equal(a.asked, 0);
	}
	world_free(w);
}

static int set_up(void **state)
{
	return crypto_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outbound_decides_the_same),
		cmocka_unit_test(inbound_decides_the_same),
		cmocka_unit_test(few_packets_or_sas_go_without),
		cmocka_unit_test(it_rests_while_traffic_is_on_few),
		cmocka_unit_test(unknown_spis_lead_nowhere),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
