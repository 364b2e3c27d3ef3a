/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The outbound engine before a path that carries less than the host sends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/mem.h"
#include "tests/unit/esp_parts.h"

#define SLOT 3
#define HOST4 "10.1.0.5"
#define PEER4 "10.2.0.9"
#define HOST6 "2001:db8:1::5"
#define PEER6 "2001:db8:2::9"

/* One engine, its SAs for both families, whose other ends are kept, too. */
struct bench {
	struct classifier *c;
	struct outbound *o;
	struct policy *policy;
	struct esp_out *sa4, *sa6;
	struct esp_in *peer4, *peer6;
	struct parts_batch in;
	struct parts_batch replies;
};

static void bench_family(struct bench *b, const char *local, const char *remote, unsigned slot,
			 struct esp_out **out, struct esp_in **in)
{
	struct esp_sa_config config = parts_config(&suite_gcm, 0x1000 + slot);
	struct policy_rule rule = { parts_pair(local, remote), POLICY_PROTECT, slot,
				    GRANULARITY_RULE };

	config.slot = slot;
	config.ts = rule.ts;
	*out = parts_out(config);
	*in = parts_in(config);
	assert_true(policy_add(b->policy, &rule));
	classifier_set_current(b->c, slot, *out);
}

static int bench_new(void **state)
{
	struct bench *b = xcalloc(1, sizeof(*b));

	b->c = classifier_new();
	b->o = outbound_new(b->c, &(struct outbound_config){ 0 });
	b->policy = xcalloc(1, sizeof(*b->policy));
	bench_family(b, "10.1.0.0/16", "10.2.0.0/16", SLOT, &b->sa4, &b->peer4);
	bench_family(b, "2001:db8:1::/48", "2001:db8:2::/48", SLOT + 1, &b->sa6, &b->peer6);
	classifier_rules_free(classifier_publish_rules(b->c, b->policy));
	parts_batch(&b->in);
	parts_batch(&b->replies);
	*state = b;
	return 0;
}

static int bench_free(void **state)
{
	struct bench *b = *state;

	outbound_free(b->o);
	esp_out_free(b->sa4);
	esp_out_free(b->sa6);
	esp_in_free(b->peer4);
	esp_in_free(b->peer6);
	classifier_free(b->c);
	free(b->policy);
	free(b);
	return 0;
}

static void bench_run(struct bench *b)
{
	parts_batch(&b->replies);
	outbound_run(b->o, 0, &b->in.b, &b->replies.b);
}

static struct pkt *bench_send(struct bench *b, struct slice inner)
{
	struct pkt *p = parts_take(parts_batch(&b->in), inner);

	bench_run(b);
	return p;
}

static struct slice packet4(uint8_t *buf, uint16_t n, uint16_t flags)
{
	parts_udp4(buf, HOST4, PEER4, 53, n);
	for (uint16_t i = 28; i < n; i++)
		buf[i] = (uint8_t)(i * 5 + i / 256);
	put_be16(buf + 6, flags);
	put_be16(buf + 10, 0);
	put_be16(buf + 10, packet_checksum(slice(buf, 20)));
	return slice(buf, n);
}

static uint64_t too_big(const struct bench *b)
{
	return outbound_drops(b->o)->n[DROP_TOO_BIG];
}

/* The packet was dropped, and the only reply says that `mtu` fits, quoting it. */
static void expect_told(const struct bench *b, const struct pkt *p, struct slice inner,
			uint32_t mtu)
{
	bool ip6 = inner.p[0] >> 4 == 6;
	const struct pkt *r = &b->replies.b.pkts[0];
	const uint8_t *icmp = pkt_data(r) + (ip6 ? 40 : 20);
	struct packet_layout l, was;

	assert_int_equal(p->kind, PKT_GONE);
	assert_int_equal(b->replies.b.n, 1);
	assert_int_equal(r->kind, PKT_INNER);
	assert_int_equal(packet_parse(pkt_slice(r), &l), 0);
	assert_int_equal(packet_parse(inner, &was), 0);
	assert_int_equal(l.length, r->len);
	assert_true(addr_eq(&l.src, &was.dst) && addr_eq(&l.dst, &was.src));
	assert_int_equal(icmp[0], ip6 ? 2 : 3);
	assert_int_equal(icmp[1], ip6 ? 0 : 4);
	assert_int_equal(get_be32(icmp + 4), mtu);
	assert_memory_equal(icmp + 8, inner.p, ip6 ? 40 : 28);
}

static void df_is_answered_with_the_size_that_fits(void **state)
{
	struct bench *b = *state;
	uint8_t inner[1600];
	struct pkt *p;

	assert_int_equal(bench_send(b, packet4(inner, 1500, 0x4000))->kind, PKT_SEALED);
	esp_out_set_mtu(b->sa4, 1238);
	p = bench_send(b, packet4(inner, 1238, 0x4000));
	assert_int_equal(p->kind, PKT_SEALED);
	assert_false(p->may_fragment);
	assert_int_equal(b->replies.b.n, 0);
	p = bench_send(b, packet4(inner, 1239, 0x4000));
	expect_told(b, p, slice(inner, 1239), 1238);
	assert_int_equal(too_big(b), 1);
	/* And wider again. */
	esp_out_set_mtu(b->sa4, 1239);
	assert_int_equal(bench_send(b, packet4(inner, 1239, 0x4000))->kind, PKT_SEALED);
}

static void ip6_is_answered_and_never_cut(void **state)
{
	struct bench *b = *state;
	uint8_t inner[1600];
	struct slice p;

	esp_out_set_mtu(b->sa6, 1400);
	p = parts_udp6(inner, HOST6, PEER6, 1400);
	assert_int_equal(bench_send(b, p)->kind, PKT_SEALED);
	p = parts_udp6(inner, HOST6, PEER6, 1401);
	expect_told(b, bench_send(b, p), p, 1400);
	assert_int_equal(too_big(b), 1);
}

/* Nobody is asked for less than an IPv6 link carries, or an IPv4 host accepts. */
static void no_path_asks_for_less_than_the_least(void **state)
{
	struct bench *b = *state;
	uint8_t inner[1600];
	struct slice s;
	struct pkt *p;

	esp_out_set_mtu(b->sa4, 1);
	esp_out_set_mtu(b->sa6, 1);
	p = bench_send(b, packet4(inner, 576, 0x4000));
	assert_int_equal(p->kind, PKT_SEALED);
	assert_true(p->may_fragment);
	s = packet4(inner, 577, 0x4000);
	expect_told(b, bench_send(b, s), s, 576);
	p = bench_send(b, parts_udp6(inner, HOST6, PEER6, 1280));
	assert_int_equal(p->kind, PKT_SEALED);
	assert_true(p->may_fragment);
	s = parts_udp6(inner, HOST6, PEER6, 1281);
	expect_told(b, bench_send(b, s), s, 1280);
}

/* Opens what was sealed, in the order of the batch; puts the fragments together. */
static size_t reassemble(struct bench *b, uint8_t *out, unsigned *n, uint32_t mtu)
{
	size_t length = 0;

	*n = 0;
	for (unsigned i = 0; i < b->in.b.n; i++) {
		struct pkt *p = &b->in.b.pkts[i];
		uint8_t next = 0;
		enum drop why;
		size_t at;

		if (p->kind != PKT_SEALED)
			continue;
		assert_false(p->may_fragment);
		assert_int_equal(esp_open(b->peer4, p, &next, &why), 0);
		assert_true(p->len <= mtu);
		at = 8U * (get_be16(pkt_data(p) + 6) & 0x1fff);
		memcpy(out + 20 + at, pkt_data(p) + 20, p->len - 20);
		if (at + p->len > length)
			length = at + p->len;
		(*n)++;
	}
	return length;
}

static void what_may_be_cut_is_cut(void **state)
{
	struct bench *b = *state;
	uint8_t inner[1600], out[1600];
	unsigned n;

	esp_out_set_mtu(b->sa4, 600);
	bench_send(b, packet4(inner, 1500, 0));
	assert_int_equal(b->replies.b.n, 0);
	assert_int_equal(reassemble(b, out, &n, 600), 1500);
	assert_int_equal(n, 3);
	assert_memory_equal(out + 20, inner + 20, 1480);
	assert_int_equal(too_big(b), 0);
	assert_int_equal(esp_out_counters(b->sa4)->packets, 3);
}

/* The fragments follow the packets that were there: numbers leave in the order of the batch. */
static void numbers_stay_in_order(void **state)
{
	struct bench *b = *state;
	uint8_t inner[1600];

	esp_out_set_mtu(b->sa4, 1000);
	parts_batch(&b->in);
	for (unsigned i = 0; i < 20; i++)
		parts_take(&b->in.b, packet4(inner, i % 2 ? 1400 : 200, 0));
	bench_run(b);
	assert_int_equal(b->in.b.n, 30);
	for (unsigned i = 0; i < 30; i++) {
		assert_int_equal(b->in.b.pkts[i].kind, PKT_SEALED);
		assert_int_equal(get_be32(pkt_data(&b->in.b.pkts[i]) + 4), i + 1);
	}
}

/* A packet is cut whole or not at all, and nobody is told to send less: it may be cut. */
static void without_room_it_is_dropped(void **state)
{
	struct bench *b = *state;
	uint8_t inner[1600];

	esp_out_set_mtu(b->sa4, 600);
	parts_batch(&b->in);
	for (unsigned i = 0; i < BATCH_MAX - 1; i++)
		parts_take(&b->in.b, packet4(inner, 100, 0));
	parts_take(&b->in.b, packet4(inner, 700, 0));
	bench_run(b);
	assert_int_equal(b->in.b.n, BATCH_MAX);
	assert_int_equal(b->in.b.pkts[BATCH_MAX - 1].kind, PKT_GONE);
	assert_int_equal(too_big(b), 1);
	parts_batch(&b->in);
	for (unsigned i = 0; i < BATCH_MAX - 2; i++)
		parts_take(&b->in.b, packet4(inner, 100, 0));
	parts_take(&b->in.b, packet4(inner, 1500, 0)); /* 3 pieces, room for 2 */
	bench_run(b);
	assert_int_equal(b->in.b.n, BATCH_MAX - 1);
	assert_int_equal(too_big(b), 2);
	assert_int_equal(b->replies.b.n, 0);
}

static void what_cannot_be_cut_is_dropped(void **state)
{
	struct bench *b = *state;
	uint8_t inner[1600];

	esp_out_set_mtu(b->sa4, 600);
	packet4(inner, 1500, 0);
	inner[0] = 0x46;
	inner[20] = 7;
	inner[21] = 1; /* an option that is none */
	assert_int_equal(bench_send(b, slice(inner, 1500))->kind, PKT_GONE);
	assert_int_equal(too_big(b), 1);
	assert_int_equal(b->replies.b.n, 0);
}

/* An ICMP error is never answered by one (RFC 1122 section 3.2.2). */
static void errors_are_not_answered(void **state)
{
	struct bench *b = *state;
	uint8_t inner[1600];

	esp_out_set_mtu(b->sa4, 600);
	packet4(inner, 700, 0x4000);
	inner[9] = PACKET_ICMP;
	inner[20] = 3;
	assert_int_equal(bench_send(b, slice(inner, 700))->kind, PKT_GONE);
	assert_int_equal(too_big(b), 1);
	assert_int_equal(b->replies.b.n, 0);
	assert_int_equal(b->replies.b.used, 0);
}

static void a_syn_leaves_with_an_mss_that_fits(void **state)
{
	struct bench *b = *state;
	uint8_t inner[44], next = 0;
	enum drop why;
	struct pkt *p;

	for (unsigned mtu = 1000; mtu <= 1400; mtu += 400) {
		parts_ip4(inner, HOST4, PEER4, PACKET_TCP, sizeof(inner));
		inner[32] = 0x60;
		inner[33] = 0x02;
		memcpy(inner + 40, "\2\4\4\xb0", 4); /* 1200 */
		esp_out_set_mtu(b->sa4, mtu);
		p = bench_send(b, SLICE_OF(inner));
		assert_int_equal(p->kind, PKT_SEALED);
		assert_int_equal(esp_open(b->peer4, p, &next, &why), 0);
		assert_int_equal(get_be16(pkt_data(p) + 42), mtu == 1000 ? 960 : 1200);
	}
}

static void a_narrow_path_is_told_once(void **state)
{
	struct bench *b = *state;
	struct data_event e;

	assert_false(outbound_output(b->o, &e));
	outbound_path_mtu(b->o);
	outbound_path_mtu(b->o);
	assert_true(outbound_output(b->o, &e));
	assert_int_equal(e.type, DATA_PATH_MTU);
	assert_false(outbound_output(b->o, &e));
	outbound_path_mtu(b->o);
	assert_true(outbound_output(b->o, &e));
}

static int set_up(void **state)
{
	return crypto_init();
}

#define bench_test(f) cmocka_unit_test_setup_teardown(f, bench_new, bench_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		bench_test(df_is_answered_with_the_size_that_fits),
		bench_test(ip6_is_answered_and_never_cut),
		bench_test(no_path_asks_for_less_than_the_least),
		bench_test(what_may_be_cut_is_cut),
		bench_test(numbers_stay_in_order),
		bench_test(without_room_it_is_dropped),
		bench_test(what_cannot_be_cut_is_dropped),
		bench_test(errors_are_not_answered),
		bench_test(a_syn_leaves_with_an_mss_that_fits),
		bench_test(a_narrow_path_is_told_once),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
