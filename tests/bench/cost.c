/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usage: bench_cost [--rounds N] [--us MICROSECONDS] [--json FILE] [--only NAME]
 *
 * What a packet costs when there are many SAs and many rules: through both engines, with one SA, with
 * 10,000 and traffic on 16 of them, with 10,000 and traffic over all at random. Each SA of the 10,000 is
 * a client's, with a rule of its own. And what the SPD alone costs: a flow that is known, and one that
 * is not, with 1, 100 and 1,000 rules of different kinds; the packet is the last one's.
 *
 * Each size is set against the same with one SA.
 */
#include "base/mem.h"
#include "esp/classifier.h"
#include "esp/flow.h"
#include "esp/sa.h"
#include "tests/bench/bench.h"
#include "tests/unit/esp_parts.h"

#define SAS 10000
#define ROOM (ESP_HEADROOM + 1400 + ESP_TAILROOM)
#define BATCHES 8 /* of packets that are prepared at a time, so that clocks cost nothing */
#define FIRST_SPI 0x1000

/* A gateway's tables, and the other ends. */
struct bed {
	unsigned n; /* SAs */
	struct classifier *classifier;
	struct outbound *outbound;
	struct inbound *inbound;
	struct esp_out **out, **far;
	struct esp_in **in;
};

/* A way to go through them, with packets of one size. */
struct lane {
	struct bed *bed;
	uint32_t size;
	unsigned active; /* so many have traffic */
	struct batch *batches;
	struct batch replies;
	uint8_t *arena;
	uint64_t random;
};

/* What the SPD is asked. */
struct rules {
	struct classifier *classifier;
	struct flow_cache *flows;
	struct tuple tuple;
	uint64_t number; /* that rules could have */
	uint64_t sink;
};

static void must(int err)
{
	if (err != 0)
		abort();
}

/* ---- beds ---- */

static struct addr client(unsigned i)
{
	struct addr a = { .family = FAMILY_IP4, .b = { 10, 20, (uint8_t)(i >> 8), (uint8_t)i } };

	return a;
}

static struct ts_pair pair_of(unsigned i)
{
	struct prefix p = { client(i), 32 };

	return (struct ts_pair){ parts_ts("10.1.0.0/16"), ts_from_prefix(&p) };
}

/* Neither ends of memory nor ends of tables lie in the order of clients. */
static uint32_t spi_of(unsigned i)
{
	return FIRST_SPI + i * 0x9e3779b1U % 0xfffff000U;
}

static void bed_publish(struct bed *b)
{
	struct policy_rule *rules = xcalloc(b->n, sizeof(*rules));
	const struct policy_view view = { rules, b->n, POLICY_DISCARD };

	for (unsigned i = 0; i < b->n; i++)
		rules[i] = (struct policy_rule){ pair_of(i), POLICY_PROTECT, i, GRANULARITY_RULE };
	classifier_rules_free(classifier_publish_view(b->classifier, &view));
	free(rules);
}

static struct bed *bed_new(unsigned n)
{
	struct bed *b = xcalloc(1, sizeof(*b));

	b->n = n;
	b->classifier = classifier_new();
	b->outbound = outbound_new(b->classifier, &(struct outbound_config){ 0 });
	b->inbound = inbound_new(b->classifier);
	b->out = xcalloc(n, sizeof(*b->out));
	b->far = xcalloc(n, sizeof(*b->far));
	b->in = xcalloc(n, sizeof(*b->in));
	for (unsigned i = 0; i < n; i++) {
		struct esp_sa_config config = parts_config(&suite_gcm, spi_of(i));

		config.ts = pair_of(i);
		config.slot = i;
		b->out[i] = parts_out(config);
		b->in[i] = parts_in(config);
		b->far[i] = parts_out(config);
		classifier_set_current(b->classifier, i, b->out[i]);
		must(classifier_add_spi(b->classifier, b->in[i]));
	}
	bed_publish(b);
	return b;
}

static void bed_free(struct bed *b)
{
	outbound_free(b->outbound);
	inbound_free(b->inbound);
	classifier_free(b->classifier);
	for (unsigned i = 0; i < b->n; i++) {
		esp_out_free(b->out[i]);
		esp_out_free(b->far[i]);
		esp_in_free(b->in[i]);
	}
	free(b->out);
	free(b->far);
	free(b->in);
	free(b);
}

/* ---- lanes ---- */

/* Any of those that have traffic; they are spread over the whole table. */
static unsigned any_client(struct lane *l)
{
	l->random = l->random * 6364136223846793005U + 1442695040888963407U;
	return (unsigned)((l->random >> 33) % l->active) * (l->bed->n / l->active);
}

static void inner_write(uint8_t *buf, uint32_t size, const struct addr *src, const struct addr *dst)
{
	memset(buf, 0, 28);
	buf[0] = 0x45;
	put_be16(buf + 2, (uint16_t)size);
	buf[8] = 64;
	buf[9] = PACKET_UDP;
	memcpy(buf + 12, src->b, 4);
	memcpy(buf + 16, dst->b, 4);
	put_be16(buf + 10, packet_checksum(slice(buf, PACKET_IP4_HEADER)));
	put_be16(buf + 20, 4660);
	put_be16(buf + 22, 4661);
	put_be16(buf + 24, (uint16_t)(size - 20));
}

static struct pkt *take(struct lane *l, struct batch *b, unsigned i, bool inbound)
{
	struct pkt *p = batch_take(b, ESP_HEADROOM, l->size, ESP_TAILROOM);
	const struct addr near = parts_addr("10.1.2.3"), far = client(i);

	inner_write(pkt_data(p), l->size, inbound ? &far : &near, inbound ? &near : &far);
	return p;
}

static void prepare_out(void *ctx)
{
	struct lane *l = ctx;

	for (unsigned k = 0; k < BATCHES; k++) {
		batch_reset(&l->batches[k]);
		for (unsigned i = 0; i < BATCH_MAX; i++)
			take(l, &l->batches[k], any_client(l), false);
	}
}

static void prepare_in(void *ctx)
{
	struct lane *l = ctx;

	for (unsigned k = 0; k < BATCHES; k++) {
		batch_reset(&l->batches[k]);
		for (unsigned i = 0; i < BATCH_MAX; i++) {
			unsigned who = any_client(l);
			struct pkt *p = take(l, &l->batches[k], who, true);

			must(esp_seal(l->bed->far[who], p, ESP_NEXT_IP4));
			p->path = NULL;
			p->from = (struct endpoint){ client(who), 4500 };
			p->to = (struct endpoint){ client(0), 4500 };
		}
	}
}

static void run_out(void *ctx)
{
	struct lane *l = ctx;

	for (unsigned k = 0; k < BATCHES; k++) {
		batch_reset(&l->replies);
		outbound_run(l->bed->outbound, 0, &l->batches[k], &l->replies);
		if (l->batches[k].pkts[BATCH_MAX - 1].kind != PKT_SEALED)
			abort();
	}
}

static void run_in(void *ctx)
{
	struct lane *l = ctx;
	struct data_event e;

	for (unsigned k = 0; k < BATCHES; k++) {
		inbound_run(l->bed->inbound, 0, &l->batches[k]);
		if (l->batches[k].pkts[BATCH_MAX - 1].kind != PKT_INNER)
			abort();
		while (inbound_output(l->bed->inbound, &e))
			;
	}
}

static struct lane *lane_new(struct bed *b, uint32_t size, unsigned active)
{
	struct lane *l = xcalloc(1, sizeof(*l));
	size_t each = (size_t)BATCH_MAX * (ESP_HEADROOM + size + ESP_TAILROOM + 64);

	l->bed = b;
	l->size = size;
	l->active = active;
	l->random = active;
	l->batches = xcalloc(BATCHES, sizeof(*l->batches));
	l->arena = xcalloc(BATCHES + 1, each);
	for (unsigned k = 0; k < BATCHES; k++)
		batch_init(&l->batches[k], l->arena + k * each, each);
	batch_init(&l->replies, l->arena + BATCHES * each, each);
	return l;
}

static void lane_free(struct lane *l)
{
	free(l->batches);
	free(l->arena);
	free(l);
}

/* ---- the SPD ---- */

#define LOOKS 256 /* in one call */

enum kind {
	KIND_HOSTS, /* a client each */
	KIND_PORTS, /* of one network, each another port */
	KIND_RANGES, /* that are no prefixes */
	KIND_COUNT,
};

static const char *const kind_names[KIND_COUNT] = { "hosts", "ports", "ranges" };

static struct policy_rule rule_of(enum kind kind, unsigned i)
{
	struct policy_rule r = { pair_of(i), POLICY_PROTECT, i, GRANULARITY_RULE };

	if (kind == KIND_PORTS) {
		r.ts.remote = parts_ts("10.20.0.0/16");
		r.ts.remote.proto = PACKET_UDP;
		r.ts.remote.port_lo = r.ts.remote.port_hi = (uint16_t)(1000 + i);
	} else if (kind == KIND_RANGES) {
		r.ts.remote.lo = client(3 * i);
		r.ts.remote.hi = client(3 * i + 2);
	}
	return r;
}

static struct rules *rules_new(enum kind kind, unsigned n)
{
	struct rules *r = xcalloc(1, sizeof(*r));
	struct policy_rule *rules = xcalloc(n, sizeof(*rules));
	const struct policy_view view = { rules, n, POLICY_DISCARD };

	for (unsigned i = 0; i < n; i++)
		rules[i] = rule_of(kind, i);
	r->classifier = classifier_new();
	r->flows = flow_cache_new();
	classifier_rules_free(classifier_publish_view(r->classifier, &view));
	r->tuple = (struct tuple){ .src = parts_addr("10.1.2.3"),
				   .dst = rules[n - 1].ts.remote.lo,
				   .proto = PACKET_UDP,
				   .ports = true,
				   .sport = 4660,
				   .dport = (uint16_t)(1000 + n - 1) };
	free(rules);
	return r;
}

static void rules_free(struct rules *r)
{
	flow_cache_free(r->flows);
	classifier_free(r->classifier);
	free(r);
}

static void run_hit(void *ctx)
{
	struct rules *r = ctx;
	uint64_t number;
	const struct spd *spd = classifier_policy(r->classifier, &number);

	for (unsigned i = 0; i < LOOKS; i++)
		r->sink +=
			flow_decide(r->flows, 0, number, spd, &r->tuple, flow_hash(&r->tuple)).slot;
}

/* Each look finds what is remembered to be of older rules. */
static void run_miss(void *ctx)
{
	struct rules *r = ctx;
	const struct spd *spd = classifier_policy(r->classifier, NULL);

	for (unsigned i = 0; i < LOOKS; i++)
		r->sink +=
			flow_decide(r->flows, 0, --r->number, spd, &r->tuple, flow_hash(&r->tuple))
				.slot;
}

/* ---- all of it ---- */

static const struct way {
	const char *out, *in;
	bool many;
	unsigned active;
} ways[] = {
	{ "outbound, 1 SA", "inbound, 1 SA", false, 1 },
	{ "outbound, 16 of 10,000 SAs", "inbound, 16 of 10,000 SAs", true, 16 },
	{ "outbound, 10,000 SAs at random", "inbound, 10,000 SAs at random", true, SAS },
};

static const uint32_t sizes[] = { 64, 576, 1400 };
static const unsigned counts[] = { 1, 100, 1000 };

struct all {
	struct bed *one, *many;
	struct lane *lanes[ARRAY_SIZE(ways)][ARRAY_SIZE(sizes)];
	struct rules *rules[KIND_COUNT][ARRAY_SIZE(counts)];
};

static void lanes_add(struct bench *b, struct all *a)
{
	for (unsigned w = 0; w < ARRAY_SIZE(ways); w++)
		for (unsigned s = 0; s < ARRAY_SIZE(sizes); s++) {
			struct lane *l =
				lane_new(ways[w].many ? a->many : a->one, sizes[s], ways[w].active);

			a->lanes[w][s] = l;
			bench_add(b, ways[w].out, sizes[s], BATCHES * BATCH_MAX, prepare_out,
				  run_out, l);
			bench_add(b, ways[w].in, sizes[s], BATCHES * BATCH_MAX, prepare_in, run_in,
				  l);
		}
}

static void rules_add(struct bench *b, struct all *a)
{
	char name[40];

	for (unsigned k = 0; k < KIND_COUNT; k++)
		for (unsigned i = 0; i < ARRAY_SIZE(counts); i++) {
			struct rules *r = rules_new(k, counts[i]);

			a->rules[k][i] = r;
			snprintf(name, sizeof(name), "hit, %u rules (%s)", counts[i],
				 kind_names[k]);
			bench_add(b, name, 0, LOOKS, NULL, run_hit, r);
			snprintf(name, sizeof(name), "miss, %u rules (%s)", counts[i],
				 kind_names[k]);
			bench_add(b, name, 0, LOOKS, NULL, run_miss, r);
		}
}

static void all_free(struct all *a)
{
	for (unsigned w = 0; w < ARRAY_SIZE(ways); w++)
		for (unsigned s = 0; s < ARRAY_SIZE(sizes); s++)
			lane_free(a->lanes[w][s]);
	for (unsigned k = 0; k < KIND_COUNT; k++)
		for (unsigned i = 0; i < ARRAY_SIZE(counts); i++)
			rules_free(a->rules[k][i]);
	bed_free(a->one);
	bed_free(a->many);
}

/* Directions are compared each with itself: a table of its own for either, and one for the SPD. */
static void report(struct bench *b, FILE *json)
{
	bench_table(b, ways[0].out, stdout);
	printf("\n");
	bench_table(b, ways[0].in, stdout);
	if (json)
		bench_json(b, ways[0].out, json);
}

int main(int argc, char **argv)
{
	struct bench_options o = { .rounds = 11, .us = 20000 };
	struct bench *b = xcalloc(1, sizeof(*b));
	struct all *a = xcalloc(1, sizeof(*a));

	if (!bench_options(&o, "bench_cost", argc, argv))
		return 1;
	must(crypto_init());
	b->only = o.only;
	a->one = bed_new(1);
	a->many = bed_new(SAS);
	lanes_add(b, a);
	rules_add(b, a);
	bench_run(b, o.rounds, o.us);
	report(b, o.json);
	if (o.json)
		fclose(o.json);
	all_free(a);
	free(a);
	free(b);
	return 0;
}
