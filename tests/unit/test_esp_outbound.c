/* SPDX-License-Identifier: GPL-2.0-or-later */
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
#define OTHER_SLOT 4

/* One engine with rules, the SA of SLOT, and its batches. */
struct bench {
	struct classifier *c;
	struct outbound *o;
	struct policy *policy;
	struct esp_out *sa;
	struct parts_batch in;
	struct parts_batch replies;
	struct drops counted; /* drops that were already expected */
};

static void bench_rule(struct bench *b, const char *local, const char *remote,
		       enum policy_action action, unsigned slot)
{
	struct policy_rule rule = { parts_pair(local, remote), action, slot, GRANULARITY_RULE };

	assert_true(policy_add(b->policy, &rule));
}

static void bench_publish(struct bench *b)
{
	classifier_rules_free(classifier_publish_rules(b->c, b->policy));
}

static int bench_new(void **state)
{
	struct bench *b = xcalloc(1, sizeof(*b));

	b->c = classifier_new();
	b->o = outbound_new(b->c, &(struct outbound_config){ 0 });
	b->policy = xcalloc(1, sizeof(*b->policy));
	b->policy->fallback = POLICY_BYPASS;
	b->sa = parts_out(parts_config(&suite_gcm, 0x1234));
	parts_batch(&b->in);
	parts_batch(&b->replies);
	bench_rule(b, "10.1.0.0/16", "10.2.66.0/24", POLICY_DISCARD, 0);
	bench_rule(b, "10.1.0.0/16", "10.2.77.0/24", POLICY_BYPASS, 0);
	bench_rule(b, "10.1.0.0/16", "10.2.0.0/16", POLICY_PROTECT, SLOT);
	bench_rule(b, "10.1.0.0/16", "10.3.0.0/16", POLICY_PROTECT, OTHER_SLOT);
	bench_publish(b);
	*state = b;
	return 0;
}

static int bench_free(void **state)
{
	struct bench *b = *state;

	outbound_free(b->o);
	esp_out_free(b->sa);
	classifier_free(b->c);
	free(b->policy);
	free(b);
	return 0;
}

/* One packet through the engine, alone in its batch. */
static struct pkt *bench_send(struct bench *b, struct slice inner)
{
	struct pkt *p = parts_take(parts_batch(&b->in), inner);

	parts_batch(&b->replies);
	outbound_run(b->o, 0, &b->in.b, &b->replies.b);
	return p;
}

static struct pkt *bench_udp(struct bench *b, const char *src, const char *dst)
{
	uint8_t inner[60];

	return bench_send(b, parts_udp4(inner, src, dst, 53, sizeof(inner)));
}

/* The packet is gone, counted once under this reason and under no other. */
static void expect_drop(struct bench *b, const struct pkt *p, enum drop why)
{
	b->counted.n[why]++;
	assert_int_equal(p->kind, PKT_GONE);
	for (unsigned i = 0; i < DROP_COUNT; i++)
		if (outbound_drops(b->o)->n[i] != b->counted.n[i])
			fail_msg("%s: %u counted", drop_name(i),
				 (unsigned)outbound_drops(b->o)->n[i]);
}

static void expect_no_event(struct bench *b)
{
	struct data_event e;

	assert_false(outbound_output(b->o, &e));
}

static void a_protected_packet_is_sealed(void **state)
{
	struct bench *b = *state;
	struct esp_in *peer = parts_in(parts_config(&suite_gcm, 0x1234));
	uint8_t inner[61], nh = 0;
	struct pkt *p;
	enum drop why;

	classifier_set_current(b->c, SLOT, b->sa);
	parts_udp4(inner, "10.1.0.5", "10.2.0.9", 53, sizeof(inner));
	p = bench_send(b, SLICE_OF(inner));
	assert_int_equal(p->kind, PKT_SEALED);
	assert_ptr_equal(p->path, &esp_out_config(b->sa)->path);
	assert_int_equal(b->replies.b.n, 0);
	assert_int_equal(esp_open(peer, p, &nh, &why), 0);
	assert_int_equal(nh, 4);
	assert_int_equal(p->len, sizeof(inner));
	assert_memory_equal(pkt_data(p), inner, sizeof(inner));
	expect_no_event(b);
	esp_in_free(peer);
}

static void bytes_behind_the_packet_stay_here(void **state)
{
	struct bench *b = *state;
	uint8_t inner[64];
	struct pkt *p;

	classifier_set_current(b->c, SLOT, b->sa);
	parts_udp4(inner, "10.1.0.5", "10.2.0.9", 53, 60);
	p = bench_send(b, SLICE_OF(inner));
	assert_int_equal(p->kind, PKT_SEALED);
	assert_int_equal(p->len, 8 + 8 + 60 + 2 + 2 + 16);
	assert_int_equal(esp_out_counters(b->sa)->bytes, 60);
}

static void ip6_goes_as_41(void **state)
{
	struct bench *b = *state;
	struct esp_sa_config config = parts_config(&suite_gcm, 0x1234);
	uint8_t inner[70], nh = 0;
	struct esp_out *sa;
	struct esp_in *peer;
	struct pkt *p;
	enum drop why;

	config.ts = parts_pair("2001:db8:1::/48", "2001:db8:2::/48");
	sa = parts_out(config);
	peer = parts_in(config);
	bench_rule(b, "2001:db8:1::/48", "2001:db8:2::/48", POLICY_PROTECT, SLOT);
	bench_publish(b);
	classifier_set_current(b->c, SLOT, sa);
	parts_udp6(inner, "2001:db8:1::5", "2001:db8:2::9", sizeof(inner));
	inner[1] = 0x30;
	p = bench_send(b, SLICE_OF(inner));
	assert_int_equal(p->kind, PKT_SEALED);
	assert_int_equal(p->ecn, 3);
	assert_int_equal(esp_open(peer, p, &nh, &why), 0);
	assert_int_equal(nh, 41);
	assert_memory_equal(pkt_data(p), inner, sizeof(inner));
	/* This slot's SA is not for IPv4. */
	expect_drop(b, bench_udp(b, "10.1.0.5", "10.2.0.9"), DROP_SA_SELECTOR);
	esp_out_free(sa);
	esp_in_free(peer);
}

static void ecn_is_copied_out(void **state)
{
	struct bench *b = *state;
	uint8_t inner[60];

	classifier_set_current(b->c, SLOT, b->sa);
	for (uint8_t ecn = 0; ecn < 4; ecn++) {
		parts_udp4(inner, "10.1.0.5", "10.2.0.9", 53, sizeof(inner));
		inner[1] = (uint8_t)(0xb8 | ecn);
		assert_int_equal(bench_send(b, SLICE_OF(inner))->ecn, ecn);
	}
}

static void without_an_sa_control_is_asked_once(void **state)
{
	struct bench *b = *state;
	struct data_event e;

	for (unsigned i = 0; i < 5; i++)
		expect_drop(b, bench_udp(b, "10.1.0.5", "10.2.0.9"), DROP_NO_SA);
	expect_drop(b, bench_udp(b, "10.1.0.5", "10.3.0.9"), DROP_NO_SA);
	assert_int_equal(b->replies.b.n, 0);
	assert_true(outbound_output(b->o, &e));
	assert_int_equal(e.type, DATA_NEED_SA);
	assert_int_equal(e.slot, SLOT);
	assert_int_equal(e.tuple.proto, 17);
	assert_int_equal(e.tuple.dport, 53);
	assert_true(outbound_output(b->o, &e));
	assert_int_equal(e.type, DATA_NEED_SA);
	assert_int_equal(e.slot, OTHER_SLOT);
	expect_no_event(b);
	expect_drop(b, bench_udp(b, "10.1.0.5", "10.2.0.9"), DROP_NO_SA);
	expect_no_event(b);
	/* The SA comes, and goes again without having been used. */
	classifier_set_current(b->c, SLOT, b->sa);
	classifier_set_current(b->c, SLOT, NULL);
	expect_drop(b, bench_udp(b, "10.1.0.5", "10.2.0.9"), DROP_NO_SA);
	expect_drop(b, bench_udp(b, "10.1.0.5", "10.2.0.9"), DROP_NO_SA);
	assert_true(outbound_output(b->o, &e));
	assert_int_equal(e.slot, SLOT);
	expect_no_event(b);
}

static void expect_prohibited(struct bench *b, const char *from, const char *to)
{
	struct addr a = parts_addr(from), z = parts_addr(to);
	const uint8_t *icmp = pkt_data(&b->replies.b.pkts[0]);
	struct tuple t;
	uint32_t length;

	assert_int_equal(b->replies.b.n, 1);
	assert_int_equal(b->replies.b.pkts[0].kind, PKT_INNER);
	assert_int_equal(packet_tuple_length(pkt_slice(&b->replies.b.pkts[0]), &t, &length), 0);
	assert_int_equal(length, b->replies.b.pkts[0].len);
	assert_memory_equal(icmp + 12, a.b, 4);
	assert_memory_equal(icmp + 16, z.b, 4);
	assert_int_equal(icmp[20], 3);
	assert_int_equal(icmp[21], 13);
}

/* The gateway took a part of what the rule has: to ask again would change nothing. */
static void an_sa_never_serves_beyond_its_selectors(void **state)
{
	struct bench *b = *state;
	struct esp_sa_config config = parts_config(&suite_gcm, 0x1234);
	struct esp_out *sa;

	config.ts = parts_pair("10.1.0.0/24", "10.2.0.0/24");
	sa = parts_out(config);
	classifier_set_current(b->c, SLOT, sa);
	assert_int_equal(bench_udp(b, "10.1.0.5", "10.2.0.9")->kind, PKT_SEALED);
	expect_drop(b, bench_udp(b, "10.1.0.5", "10.2.1.9"), DROP_SA_SELECTOR);
	expect_prohibited(b, "10.2.1.9", "10.1.0.5");
	expect_drop(b, bench_udp(b, "10.1.1.5", "10.2.0.9"), DROP_SA_SELECTOR);
	expect_no_event(b);
	/* Wide as they are, the selectors serve no other rule's packets. */
	classifier_set_current(b->c, OTHER_SLOT, NULL);
	config.ts = parts_pair("0.0.0.0/0", "0.0.0.0/0");
	esp_out_free(sa);
	sa = parts_out(config);
	classifier_set_current(b->c, SLOT, sa);
	expect_drop(b, bench_udp(b, "10.1.0.5", "10.3.0.9"), DROP_NO_SA);
	esp_out_free(sa);
}

static void what_is_refused_is_told_to_the_application(void **state)
{
	struct bench *b = *state;

	classifier_set_current(b->c, SLOT, b->sa);
	expect_drop(b, bench_udp(b, "10.1.0.5", "10.2.66.9"), DROP_DISCARD);
	expect_prohibited(b, "10.2.66.9", "10.1.0.5");
	expect_drop(b, bench_udp(b, "10.1.0.5", "10.2.77.9"), DROP_BYPASS_ON_TUN);
	expect_prohibited(b, "10.2.77.9", "10.1.0.5");
	/* No rule: what the policy falls back to. */
	expect_drop(b, bench_udp(b, "10.1.0.5", "198.51.100.1"), DROP_BYPASS_ON_TUN);
	expect_prohibited(b, "198.51.100.1", "10.1.0.5");
	b->policy->fallback = POLICY_DISCARD;
	bench_publish(b);
	expect_drop(b, bench_udp(b, "10.1.0.5", "198.51.100.1"), DROP_DISCARD);
	expect_prohibited(b, "198.51.100.1", "10.1.0.5");
	assert_int_equal(esp_out_counters(b->sa)->packets, 0);
	expect_no_event(b);
}

static void no_answer_to_what_must_not_be_answered(void **state)
{
	struct bench *b = *state;
	uint8_t inner[60];

	parts_ip4(inner, "10.1.0.5", "198.51.100.1", PACKET_ICMP, sizeof(inner));
	inner[20] = 3;
	expect_drop(b, bench_send(b, SLICE_OF(inner)), DROP_BYPASS_ON_TUN);
	assert_int_equal(b->replies.b.n, 0);
	assert_int_equal(b->replies.b.used, 0);
}

static void a_full_reply_batch_still_counts(void **state)
{
	struct bench *b = *state;
	uint8_t inner[60];

	parts_udp4(inner, "10.1.0.5", "10.2.66.9", 53, sizeof(inner));
	parts_batch(&b->in);
	for (unsigned i = 0; i < 5; i++)
		parts_take(&b->in.b, SLICE_OF(inner));
	batch_init(&b->replies.b, b->replies.arena, PACKET_ICMP_MAX + ESP_HEADROOM);
	outbound_run(b->o, 0, &b->in.b, &b->replies.b);
	assert_int_equal(b->replies.b.n, 1);
	assert_int_equal(outbound_drops(b->o)->n[DROP_DISCARD], 5);
}

static void before_any_rules_nothing_passes(void **state)
{
	struct bench *b = *state;
	struct classifier *c = classifier_new();
	struct outbound *o = outbound_new(c, &(struct outbound_config){ 0 });
	uint8_t inner[60];
	struct pkt *p;

	p = parts_take(parts_batch(&b->in),
		       parts_udp4(inner, "10.1.0.5", "10.2.0.9", 53, sizeof(inner)));
	classifier_set_current(c, 0, b->sa);
	outbound_run(o, 0, &b->in.b, &b->replies.b);
	assert_int_equal(p->kind, PKT_GONE);
	assert_int_equal(outbound_drops(o)->n[DROP_DISCARD], 1);
	outbound_free(o);
	classifier_free(c);
}

static void a_foreign_source_is_dropped_in_silence(void **state)
{
	struct bench *b = *state;

	expect_drop(b, bench_udp(b, "192.168.1.2", "10.2.0.9"), DROP_TUN_SOURCE);
	assert_int_equal(b->replies.b.n, 0);
	expect_no_event(b);
	/* Where no PROTECT rule would take it, the policy decides as for anyone. */
	expect_drop(b, bench_udp(b, "192.168.1.2", "198.51.100.1"), DROP_BYPASS_ON_TUN);
	assert_int_equal(b->replies.b.n, 1);
}

static void malformed_packets_are_dropped(void **state)
{
	struct bench *b = *state;
	uint8_t inner[60];

	classifier_set_current(b->c, SLOT, b->sa);
	parts_udp4(inner, "10.1.0.5", "10.2.0.9", 53, sizeof(inner));
	expect_drop(b, bench_send(b, slice(inner, 0)), DROP_TUN_MALFORMED);
	expect_drop(b, bench_send(b, slice(inner, 19)), DROP_TUN_MALFORMED);
	expect_drop(b, bench_send(b, slice(inner, 59)), DROP_TUN_MALFORMED);
	inner[0] = 0x55;
	expect_drop(b, bench_send(b, SLICE_OF(inner)), DROP_TUN_MALFORMED);
	inner[0] = 0x05;
	expect_drop(b, bench_send(b, SLICE_OF(inner)), DROP_TUN_MALFORMED);
	inner[0] = 0x44;
	expect_drop(b, bench_send(b, SLICE_OF(inner)), DROP_TUN_MALFORMED);
	assert_int_equal(b->replies.b.n, 0);
}

static void too_big_for_a_datagram(void **state)
{
	struct bench *b = *state;
	/* 65507 - ESP header, IV, ICV, pad length and next header, without padding: 65470. */
	enum {
		MOST = 65470
	};
	uint8_t *inner = xcalloc(1, 65535), *arena = xcalloc(1, 70000);
	struct pkt *p;

	classifier_set_current(b->c, SLOT, b->sa);
	batch_init(&b->in.b, arena, 70000);
	p = parts_take(&b->in.b, parts_udp4(inner, "10.1.0.5", "10.2.0.9", 53, MOST + 1));
	outbound_run(b->o, 0, &b->in.b, &b->replies.b);
	expect_drop(b, p, DROP_TOO_BIG);
	batch_reset(&b->in.b);
	p = parts_take(&b->in.b, parts_udp4(inner, "10.1.0.5", "10.2.0.9", 53, MOST));
	outbound_run(b->o, 0, &b->in.b, &b->replies.b);
	assert_int_equal(p->kind, PKT_SEALED);
	assert_true(p->len <= 65507);
	/* What was refused has used up no number. */
	assert_int_equal(get_be32(pkt_data(p) + 4), 1);
	free(arena);
	free(inner);
}

/* Control need not look how much has gone out. */
static void it_is_told_once_that_an_sa_is_nearly_used(void **state)
{
	struct bench *b = *state;
	struct esp_sa_config config = parts_config(&suite_gcm, 0x1234);
	struct data_event e;

	for (unsigned of_bytes = 0; of_bytes < 2; of_bytes++) {
		struct esp_out *sa;

		config.near = (struct esp_quota){ of_bytes ? 0 : 3, of_bytes ? 3 * 60 : 0 };
		config.most = (struct esp_quota){ of_bytes ? 0 : 5, of_bytes ? 5 * 60 : 0 };
		sa = parts_out(config);
		classifier_set_current(b->c, SLOT, sa);
		for (unsigned i = 0; i < 2; i++)
			assert_int_equal(bench_udp(b, "10.1.0.5", "10.2.0.9")->kind, PKT_SEALED);
		expect_no_event(b);
		for (unsigned i = 0; i < 3; i++)
			assert_int_equal(bench_udp(b, "10.1.0.5", "10.2.0.9")->kind, PKT_SEALED);
		assert_true(outbound_output(b->o, &e));
		assert_int_equal(e.type, DATA_NEARLY_USED);
		assert_int_equal(e.slot, SLOT);
		assert_int_equal(e.epoch, 1);
		expect_no_event(b);
		expect_drop(b, bench_udp(b, "10.1.0.5", "10.2.0.9"), DROP_SEQUENCE_EXHAUSTED);
		assert_true(outbound_output(b->o, &e));
		assert_int_equal(e.type, DATA_EXHAUSTED);
		esp_out_free(sa);
	}
}

static void exhaustion_is_told_once(void **state)
{
	struct bench *b = *state;
	struct esp_sa_config config = parts_config(&suite_gcm, 0x1234);
	struct data_event e;
	struct esp_out *sa;

	config.first_sequence = UINT32_MAX - 2;
	sa = parts_out(config);
	classifier_set_current(b->c, SLOT, sa);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(bench_udp(b, "10.1.0.5", "10.2.0.9")->kind, PKT_SEALED);
	expect_no_event(b);
	for (unsigned i = 0; i < 3; i++)
		expect_drop(b, bench_udp(b, "10.1.0.5", "10.2.0.9"), DROP_SEQUENCE_EXHAUSTED);
	assert_true(outbound_output(b->o, &e));
	assert_int_equal(e.type, DATA_EXHAUSTED);
	assert_int_equal(e.slot, SLOT);
	assert_int_equal(e.epoch, 1);
	assert_int_equal(e.spi, 0x1234);
	expect_no_event(b);
	esp_out_free(sa);
}

/* With a full queue nobody waits, and nothing is forgotten. */
static void a_full_event_queue_is_asked_again(void **state)
{
	struct bench *b = *state;
	struct data_event e;
	bool seen[80] = { 0 };

	b->policy->n = 0;
	for (unsigned i = 0; i < 80; i++) {
		char remote[32];

		snprintf(remote, sizeof(remote), "10.2.%u.0/24", i);
		bench_rule(b, "10.1.0.0/16", remote, POLICY_PROTECT, i);
	}
	bench_publish(b);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 80; i++) {
			char dst[32];

			snprintf(dst, sizeof(dst), "10.2.%u.9", i);
			expect_drop(b, bench_udp(b, "10.1.0.5", dst), DROP_NO_SA);
		}
		while (outbound_output(b->o, &e)) {
			assert_int_equal(e.type, DATA_NEED_SA);
			assert_false(seen[e.slot]);
			seen[e.slot] = true;
		}
	}
	for (unsigned i = 0; i < 80; i++)
		assert_true(seen[i]);
}

static void each_packet_of_a_batch_has_its_own_fate(void **state)
{
	struct bench *b = *state;
	const char *const dst[] = { "10.2.0.1", "10.2.66.1", "10.2.0.2", "10.3.0.1", "10.2.0.3" };
	const enum pkt_kind kind[] = { PKT_SEALED, PKT_GONE, PKT_SEALED, PKT_GONE, PKT_SEALED };
	uint8_t inner[60];
	uint32_t number = 1;

	classifier_set_current(b->c, SLOT, b->sa);
	for (unsigned i = 0; i < 5; i++)
		parts_take(&b->in.b, parts_udp4(inner, "10.1.0.5", dst[i], 53, sizeof(inner)));
	outbound_run(b->o, 0, &b->in.b, &b->replies.b);
	assert_int_equal(b->replies.b.n, 1);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(b->in.b.pkts[i].kind, kind[i]);
		if (kind[i] == PKT_SEALED)
			assert_int_equal(get_be32(pkt_data(&b->in.b.pkts[i]) + 4), number++);
	}
}

/* n packets to this destination, as the segments of one super-packet. */
static void take_segments(struct bench *b, const char *dst, unsigned n)
{
	uint8_t inner[100];

	for (unsigned i = 0; i < n; i++)
		parts_take(&b->in.b, parts_udp4(inner, "10.1.0.5", dst, 80, sizeof(inner)))
			->follows = i > 0;
}

/* Segments share a decision and nothing else; the next super-packet has one of its own. */
static void segments_are_judged_once(void **state)
{
	struct bench *b = *state;
	uint64_t forbidden = 0;

	classifier_set_current(b->c, SLOT, b->sa);
	take_segments(b, "10.2.0.9", 5);
	take_segments(b, "10.2.66.1", 4);
	take_segments(b, "10.2.0.8", 3);
	/* Nobody looks whether they are what they are said to be. */
	memset(pkt_data(&b->in.b.pkts[2]) + 16, 0xff, 4);
	outbound_run(b->o, 0, &b->in.b, &b->replies.b);
	for (unsigned i = 0; i < 12; i++) {
		const struct pkt *p = &b->in.b.pkts[i];

		assert_int_equal(p->kind, i < 5 || i >= 9 ? PKT_SEALED : PKT_GONE);
		if (p->kind == PKT_SEALED)
			assert_int_equal(get_be32(pkt_data(p) + 4), i < 5 ? i + 1 : i - 3);
	}
	forbidden = outbound_drops(b->o)->n[DROP_DISCARD];
	assert_int_equal(forbidden, 4);
	/* The application hears it once. */
	assert_int_equal(b->replies.b.n, 1);
	assert_int_equal(esp_out_counters(b->sa)->packets, 8);
}

/* Behind one that could not be judged the next one is judged itself, not as what went before. */
static void a_segment_behind_a_bad_one_is_judged(void **state)
{
	struct bench *b = *state;

	classifier_set_current(b->c, SLOT, b->sa);
	take_segments(b, "10.2.0.9", 1);
	take_segments(b, "10.2.66.1", 3);
	pkt_data(&b->in.b.pkts[1])[0] = 0;
	outbound_run(b->o, 0, &b->in.b, &b->replies.b);
	assert_int_equal(b->in.b.pkts[0].kind, PKT_SEALED);
	for (unsigned i = 1; i < 4; i++)
		assert_int_equal(b->in.b.pkts[i].kind, PKT_GONE);
	assert_int_equal(outbound_drops(b->o)->n[DROP_TUN_MALFORMED], 1);
	assert_int_equal(outbound_drops(b->o)->n[DROP_DISCARD], 2);
	assert_int_equal(esp_out_counters(b->sa)->packets, 1);
}

/* The numbers end, or the time does, in the middle of a super-packet. */
static void an_sa_may_end_between_segments(void **state)
{
	struct bench *b = *state;
	struct esp_sa_config config = parts_config(&suite_gcm, 0x1234);
	struct esp_out *sa;

	config.first_sequence = UINT32_MAX - 2;
	sa = parts_out(config);
	classifier_set_current(b->c, SLOT, sa);
	take_segments(b, "10.2.0.9", 5);
	outbound_run(b->o, 0, &b->in.b, &b->replies.b);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(b->in.b.pkts[i].kind, i < 3 ? PKT_SEALED : PKT_GONE);
	assert_int_equal(outbound_drops(b->o)->n[DROP_SEQUENCE_EXHAUSTED], 2);
	esp_out_free(sa);
}

/* Too large for the path: the application is told the size by the first one. */
static void too_large_segments_are_told_once(void **state)
{
	struct bench *b = *state;
	uint8_t inner[1400];

	esp_out_set_mtu(b->sa, 1300);
	classifier_set_current(b->c, SLOT, b->sa);
	for (unsigned i = 0; i < 4; i++) {
		parts_udp4(inner, "10.1.0.5", "10.2.0.9", 80, sizeof(inner));
		inner[6] = 0x40;
		parts_take(&b->in.b, SLICE_OF(inner))->follows = i > 0;
	}
	outbound_run(b->o, 0, &b->in.b, &b->replies.b);
	assert_int_equal(outbound_drops(b->o)->n[DROP_TOO_BIG], 4);
	assert_int_equal(b->replies.b.n, 1);
}

static int set_up(void **state)
{
	return crypto_init();
}

#define bench_test(f) cmocka_unit_test_setup_teardown(f, bench_new, bench_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		bench_test(a_protected_packet_is_sealed),
		bench_test(bytes_behind_the_packet_stay_here),
		bench_test(ip6_goes_as_41),
		bench_test(ecn_is_copied_out),
		bench_test(without_an_sa_control_is_asked_once),
		bench_test(an_sa_never_serves_beyond_its_selectors),
		bench_test(what_is_refused_is_told_to_the_application),
		bench_test(no_answer_to_what_must_not_be_answered),
		bench_test(a_full_reply_batch_still_counts),
		bench_test(before_any_rules_nothing_passes),
		bench_test(a_foreign_source_is_dropped_in_silence),
		bench_test(malformed_packets_are_dropped),
		bench_test(too_big_for_a_datagram),
		bench_test(it_is_told_once_that_an_sa_is_nearly_used),
		bench_test(exhaustion_is_told_once),
		bench_test(a_full_event_queue_is_asked_again),
		bench_test(each_packet_of_a_batch_has_its_own_fate),
		bench_test(segments_are_judged_once),
		bench_test(a_segment_behind_a_bad_one_is_judged),
		bench_test(an_sa_may_end_between_segments),
		bench_test(too_large_segments_are_told_once),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
