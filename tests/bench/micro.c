/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usage: bench_micro [--rounds N] [--us MICROSECONDS] [--json FILE] [--only NAME]
 *
 * What one packet costs in each step of its way, set against the bare cipher: one call of the
 * chosen library for AES-GCM-128 over the same bytes in place. Packets are of 64, 576 and 1400 bytes; the
 * column 65536 is for one super-packet of 47 segments of 1400, or for the packets of one.
 */
#include "packet/coalesce.h"
#include "base/mem.h"
#include "crypto/gcm.h"
#include "esp/classifier.h"
#include "esp/flow.h"
#include "esp/sa.h"
#include "esp/servers.h"
#include "tests/bench/bench.h"
#include "tests/unit/esp_parts.h"
#include "tests/unit/wire_parts.h"

#define YARDSTICK "bare cipher, encrypt"
#define LOCAL 0x0a010001 /* within what parts_config covers */
#define REMOTE 0x0a020001
#define SUPER 65536 /* the column of super-packets */
#define ROOM (ESP_HEADROOM + 1400 + ESP_TAILROOM)

/* A library's AES-GCM alone. */
struct bare {
	const struct gcm_library *library; /* NULL: it cannot run here */
	const struct gcm_calls *calls;
	void *state;
	uint8_t *text;
	uint32_t size; /* as much as the ESP packet encrypts: with trailer and padding */
	unsigned packets;
};

/* All that is measured with packets of one size. */
struct lane {
	uint32_t size;
	unsigned packets; /* in one call */
	/* the bare cipher: of the library that was chosen, and of both */
	struct bare own, wolfssl, ipsecmb;
	/* the engines, and packets for them */
	struct classifier *classifier;
	struct flow_cache *flows;
	struct servers *servers;
	struct outbound *outbound;
	struct inbound *inbound;
	struct esp_out *out; /* sealed with, directly and by outbound */
	struct esp_out *far; /* the other end of `in` */
	struct esp_in *in;
	struct batch batch, replies;
	uint8_t *templates; /* packets for either direction, ROOM bytes each */
	uint8_t *arena;
	/* super-packets */
	uint8_t *super[3];
	uint32_t super_length[3];
	struct vnet vnet[3];
	uint8_t *segments;
	struct coalesce coalesce;
	struct coalesce_write write;
	uint8_t *run[3]; /* one flow, 16 flows, as many flows as packets */
	uint64_t sink; /* so that nothing is optimised away */
};

enum super {
	SUPER_TCP4,
	SUPER_TCP6,
	SUPER_UDP4
};

/* ---- the bare cipher ---- */

static void must(int err)
{
	if (err != 0)
		abort();
}

static const uint8_t bare_nonce[GCM_NONCE], bare_aad[8];

static void bare_encrypt(void *ctx)
{
	struct bare *b = ctx;

	for (unsigned i = 0; i < b->packets; i++)
		b->calls->seal(b->state, bare_nonce, SLICE_OF(bare_aad), b->text + i * ROOM,
			       b->size, 16);
}

static void bare_decrypt(void *ctx)
{
	struct bare *b = ctx;

	for (unsigned i = 0; i < b->packets; i++)
		must(b->calls->open(b->state, bare_nonce, SLICE_OF(bare_aad), b->text + i * ROOM,
				    b->size, 16));
}

static void make_bare(struct bare *b, const struct gcm_library *library, const struct lane *l)
{
	b->library = library;
	if (!library)
		return;
	b->size = (l->size + 2 + 3) & ~3U;
	b->packets = l->packets;
	b->text = xcalloc(BATCH_MAX, ROOM);
	b->state = secret_alloc(library->size);
	b->calls = library->start(b->state, slice(parts_keymat(&suite_gcm).p, 16));
}

static void free_bare(struct bare *b)
{
	if (!b->library)
		return;
	b->library->stop(b->state);
	secret_release(b->state, b->library->size);
	free(b->text);
}

/* ---- the engines ---- */

static void take_packets(struct lane *l, bool inbound)
{
	batch_reset(&l->batch);
	batch_reset(&l->replies);
	for (unsigned i = 0; i < l->packets; i++) {
		struct pkt *p = batch_take(&l->batch, ESP_HEADROOM, l->size, ESP_TAILROOM);

		memcpy(pkt_data(p), l->templates + (inbound ? ROOM : 0), l->size);
	}
}

static void prepare_out(void *ctx)
{
	take_packets(ctx, false);
}

static void prepare_in(void *ctx)
{
	struct lane *l = ctx;

	take_packets(l, true);
	for (unsigned i = 0; i < l->packets; i++) {
		struct pkt *p = &l->batch.pkts[i];

		must(esp_seal(l->far, p, ESP_NEXT_IP4));
		p->path = NULL;
		p->from = (struct endpoint){ parts_addr("192.0.2.1"), 4500 };
		p->to = (struct endpoint){ parts_addr("192.0.2.2"), 4500 };
	}
}

static void run_seal(void *ctx)
{
	struct lane *l = ctx;

	for (unsigned i = 0; i < l->packets; i++)
		must(esp_seal(l->out, &l->batch.pkts[i], ESP_NEXT_IP4));
}

static void run_open(void *ctx)
{
	struct lane *l = ctx;
	uint8_t next;
	enum drop why;

	for (unsigned i = 0; i < l->packets; i++)
		must(esp_open(l->in, &l->batch.pkts[i], &next, &why));
}

static void run_outbound(void *ctx)
{
	struct lane *l = ctx;

	outbound_run(l->outbound, 0, &l->batch, &l->replies);
	if (l->batch.pkts[l->packets - 1].kind != PKT_SEALED)
		abort();
}

static void run_inbound(void *ctx)
{
	struct lane *l = ctx;
	struct data_event e;

	inbound_run(l->inbound, 0, &l->batch);
	if (l->batch.pkts[l->packets - 1].kind != PKT_INNER)
		abort();
	while (inbound_output(l->inbound, &e))
		l->sink++;
}

static void classify_out(void *ctx)
{
	struct lane *l = ctx;
	uint64_t number = 0;
	const struct spd *p = classifier_policy(l->classifier, &number);
	struct tuple t;

	for (unsigned i = 0; i < l->packets; i++) {
		must(packet_tuple(slice(l->templates, l->size), &t));
		l->sink += flow_decide(l->flows, 0, number, p, &t, flow_hash(&t)).slot;
		l->sink += classifier_slot_sa(l->classifier, 3) != NULL;
	}
}

static void classify_miss(void *ctx)
{
	struct lane *l = ctx;
	const struct spd *p = classifier_policy(l->classifier, NULL);
	struct tuple t;

	must(packet_tuple(slice(l->templates, l->size), &t));
	for (unsigned i = 0; i < l->packets; i++)
		l->sink += flow_classify(p, &t).slot;
}

static void classify_in(void *ctx)
{
	struct lane *l = ctx;

	for (unsigned i = 0; i < l->packets; i++)
		l->sink += classifier_find_spi(l->classifier, 0x1000 + (i & 7)) != NULL;
}

static void choose_server(void *ctx)
{
	struct lane *l = ctx;

	for (unsigned i = 0; i < l->packets; i++)
		l->sink += (unsigned)servers_choose(l->servers, VTIME_S,
						    slice(l->templates + ROOM, l->size));
}

/* ---- split and coalesce ---- */

static void begin(struct lane *l, enum super which, struct split *s)
{
	enum drop why;

	must(split_begin(s, &l->vnet[which], l->super[which], l->super_length[which], &why));
	if (s->n != l->packets)
		abort();
}

static void split_all(struct lane *l, enum super which)
{
	struct split s;

	begin(l, which, &s);
	split_write(&s, 0, s.n, l->segments + ESP_HEADROOM, ROOM);
}

static void split_tcp4(void *ctx)
{
	split_all(ctx, SUPER_TCP4);
}

static void split_tcp6(void *ctx)
{
	split_all(ctx, SUPER_TCP6);
}

static void split_udp4(void *ctx)
{
	split_all(ctx, SUPER_UDP4);
}

/* Each segment sealed as soon as it is written, one behind the other. */
static void split_seal(void *ctx)
{
	struct lane *l = ctx;
	uint32_t stride, head;
	struct split s;

	begin(l, SUPER_TCP4, &s);
	stride = esp_sealed_length(l->out, split_length(&s, 0));
	head = ESP_HEADER + 8;
	for (unsigned i = 0; i < s.n; i++) {
		struct pkt p = { .base = l->segments + i * stride,
				 .size = stride,
				 .off = head,
				 .len = split_length(&s, i) };

		split_write(&s, i, 1, pkt_data(&p), stride);
		must(esp_seal(l->out, &p, ESP_NEXT_IP4));
	}
}

static void coalesce_all(struct lane *l, unsigned which)
{
	coalesce_begin(&l->coalesce, COALESCE_TCP | COALESCE_UDP);
	for (unsigned i = 0; i < l->packets; i++)
		coalesce_add(&l->coalesce, slice(l->run[which] + i * ROOM, l->size));
	while (coalesce_output(&l->coalesce, &l->write))
		l->sink += l->write.iov_n;
}

static void coalesce_one(void *ctx)
{
	coalesce_all(ctx, 0);
}

static void coalesce_mixed(void *ctx)
{
	coalesce_all(ctx, 1);
}

static void coalesce_none(void *ctx)
{
	coalesce_all(ctx, 2);
}

/* ---- what memory costs ---- */

static void run_copy(void *ctx)
{
	struct lane *l = ctx;

	for (unsigned i = 0; i < l->packets; i++)
		memcpy(l->segments + i * ROOM + 6, l->run[0] + i * ROOM, l->size);
	l->sink += l->segments[77];
}

static void run_checksum(void *ctx)
{
	struct lane *l = ctx;

	for (unsigned i = 0; i < l->packets; i++)
		l->sink += packet_checksum(slice(l->run[0] + i * ROOM, l->size));
}

/* ---- making lanes ---- */

static const uint8_t payload_bytes[65536];

static struct wire wire_of(enum super which)
{
	return (struct wire){
		.ip6 = which == SUPER_TCP6,
		.tcp = which != SUPER_UDP4,
		.ttl = 64,
		.fragment = 0x4000,
		.src = LOCAL,
		.dst = REMOTE,
		.sport = 40000,
		.dport = 443,
		.flags = WIRE_ACK,
		.window = 512,
	};
}

static void make_supers(struct lane *l)
{
	for (unsigned which = 0; which < ARRAY_SIZE(l->super); which++) {
		struct wire w = wire_of(which);
		uint32_t size = l->size - wire_headers(&w);

		l->super[which] = xcalloc(1, WIRE_MAX);
		l->super_length[which] = wire_super(&w, slice(payload_bytes, l->packets * size),
						    (uint16_t)size, l->super[which],
						    &l->vnet[which]);
	}
}

static void make_runs(struct lane *l)
{
	const unsigned flows[] = { 1, 16, l->packets };
	static uint8_t buf[WIRE_MAX];

	for (unsigned which = 0; which < ARRAY_SIZE(l->run); which++) {
		l->run[which] = xcalloc(l->packets, ROOM);
		for (unsigned i = 0; i < l->packets; i++) {
			struct wire w = wire_of(SUPER_TCP4);
			uint32_t size = l->size - wire_headers(&w);

			w.sport = (uint16_t)(i % flows[which]);
			w.sequence = i / flows[which] * size;
			wire_build(&w, slice(payload_bytes, size), buf);
			memcpy(l->run[which] + i * ROOM, buf, l->size);
		}
	}
}

static void make_templates(struct lane *l)
{
	struct wire w = wire_of(SUPER_UDP4);
	static uint8_t buf[WIRE_MAX];
	struct slice payload = slice(payload_bytes, l->size - wire_headers(&w));

	l->templates = xcalloc(2, ROOM);
	wire_build(&w, payload, buf);
	memcpy(l->templates, buf, l->size);
	w.src = REMOTE;
	w.dst = LOCAL;
	wire_build(&w, payload, buf);
	memcpy(l->templates + ROOM, buf, l->size);
}

/* As many rules as there may be; the last one is ours. */
static void publish_rules(struct classifier *c)
{
	struct policy *p = xcalloc(1, sizeof(*p));
	struct policy_rule rule = { .ts = parts_pair("10.1.0.0/16", "10.3.0.0/16"),
				    .action = POLICY_DISCARD };

	while (p->n < POLICY_RULES_MAX - 1)
		policy_add(p, &rule);
	rule = (struct policy_rule){ .ts = parts_pair("10.1.0.0/16", "10.2.0.0/16"),
				     .action = POLICY_PROTECT,
				     .slot = 3 };
	policy_add(p, &rule);
	p->fallback = POLICY_DISCARD;
	classifier_rules_free(classifier_publish_rules(c, p));
	free(p);
}

static void make_engines(struct lane *l)
{
	struct esp_sa_config config = parts_config(&suite_gcm, 0x1000);
	struct servers_config services = { .n = 2 };

	for (unsigned i = 0; i < services.n; i++)
		if (!prefix_parse("10.1.0.0/16", &services.service[i]))
			abort();
	l->classifier = classifier_new();
	l->flows = flow_cache_new();
	l->outbound = outbound_new(l->classifier, &(struct outbound_config){ 0 });
	l->inbound = inbound_new(l->classifier);
	l->servers = servers_new(&services, parts_rng());
	publish_rules(l->classifier);
	l->out = parts_out(config);
	l->far = parts_out(config);
	l->in = parts_in(config);
	classifier_set_current(l->classifier, 3, l->out);
	must(classifier_add_spi(l->classifier, l->in));
	l->arena = xcalloc(BATCH_MAX, 2 * ROOM);
	batch_init(&l->batch, l->arena, (size_t)BATCH_MAX * ROOM + 4096);
	batch_init(&l->replies, l->arena + BATCH_MAX * ROOM + 4096, 8192);
}

static struct lane *make_lane(uint32_t size)
{
	struct lane *l = xcalloc(1, sizeof(*l));

	l->size = size;
	/* As many as one super-packet of them can be. */
	l->packets = size == 1400 ? 47 : 64;
	make_bare(&l->own, gcm_chosen(), l);
	make_bare(&l->wolfssl, &gcm_wolfssl, l);
	make_bare(&l->ipsecmb, gcm_ipsecmb(), l);
	l->segments = xcalloc(BATCH_MAX + 1, ROOM);
	make_engines(l);
	make_templates(l);
	make_supers(l);
	make_runs(l);
	return l;
}

static void free_lane(struct lane *l)
{
	outbound_free(l->outbound);
	inbound_free(l->inbound);
	flow_cache_free(l->flows);
	servers_free(l->servers);
	classifier_free(l->classifier);
	esp_out_free(l->out);
	esp_out_free(l->far);
	esp_in_free(l->in);
	free_bare(&l->own);
	free_bare(&l->wolfssl);
	free_bare(&l->ipsecmb);
	for (unsigned i = 0; i < ARRAY_SIZE(l->super); i++) {
		free(l->super[i]);
		free(l->run[i]);
	}
	free(l->segments);
	free(l->arena);
	free(l->templates);
	free(l);
}

static void add_bare(struct bench *b, struct bare *bare, const char *name, unsigned column,
		     unsigned ops)
{
	char text[40];

	if (!bare->library)
		return;
	snprintf(text, sizeof(text), "%s, encrypt", name);
	bench_add(b, text, column, ops, NULL, bare_encrypt, bare);
	snprintf(text, sizeof(text), "%s, decrypt", name);
	bench_add(b, text, column, ops, bare_encrypt, bare_decrypt, bare);
}

/* `column` is the size of the packets, or SUPER: then one operation is all of them. */
static void add_figures(struct bench *b, struct lane *l, unsigned column)
{
	unsigned ops = column == SUPER ? 1 : l->packets;

	add_bare(b, &l->own, "bare cipher", column, ops);
	add_bare(b, &l->wolfssl, "wolfSSL", column, ops);
	add_bare(b, &l->ipsecmb, "libipsec-mb", column, ops);
	bench_add(b, "seal", column, ops, prepare_out, run_seal, l);
	bench_add(b, "open", column, ops, prepare_in, run_open, l);
	bench_add(b, "outbound engine", column, ops, prepare_out, run_outbound, l);
	bench_add(b, "inbound engine", column, ops, prepare_in, run_inbound, l);
	bench_add(b, "classify outbound, flow known", column, ops, NULL, classify_out, l);
	bench_add(b, "classify inbound", column, ops, NULL, classify_in, l);
	bench_add(b, "choose a server, flow known", column, ops, NULL, choose_server, l);
	bench_add(b, "split TCP, IPv4", column, ops, NULL, split_tcp4, l);
	bench_add(b, "split TCP, IPv6", column, ops, NULL, split_tcp6, l);
	bench_add(b, "split UDP, IPv4", column, ops, NULL, split_udp4, l);
	bench_add(b, "split TCP and seal", column, ops, NULL, split_seal, l);
	bench_add(b, "coalesce, 1 flow", column, ops, NULL, coalesce_one, l);
	bench_add(b, "coalesce, 16 flows", column, ops, NULL, coalesce_mixed, l);
	bench_add(b, "coalesce, nothing to join", column, ops, NULL, coalesce_none, l);
	bench_add(b, "memcpy", column, ops, NULL, run_copy, l);
	bench_add(b, "checksum", column, ops, NULL, run_checksum, l);
}

int main(int argc, char **argv)
{
	static const uint32_t sizes[] = { 64, 576, 1400 };
	struct bench_options o = { .rounds = 21, .us = 2000 };
	struct lane *lanes[ARRAY_SIZE(sizes)];
	struct bench *b = xcalloc(1, sizeof(*b));

	if (!bench_options(&o, "bench_micro", argc, argv))
		return 1;
	must(crypto_init());
	b->only = o.only;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		lanes[i] = make_lane(sizes[i]);
		add_figures(b, lanes[i], sizes[i]);
	}
	add_figures(b, lanes[ARRAY_SIZE(sizes) - 1], SUPER);
	bench_add(b, "classify outbound, 1024 rules", 0, lanes[0]->packets, NULL, classify_miss,
		  lanes[0]);
	printf("AES-GCM by %s\n", crypto_gcm_name());
	bench_run(b, o.rounds, o.us);
	bench_table(b, YARDSTICK, stdout);
	if (o.json) {
		bench_json(b, YARDSTICK, o.json);
		fclose(o.json);
	}
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		free_lane(lanes[i]);
	free(b);
	return 0;
}
