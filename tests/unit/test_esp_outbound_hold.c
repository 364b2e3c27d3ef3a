/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What waits for an SA, and what becomes of it. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "esp/classifier.h"
#include "tests/unit/hold_parts.h"

#define SYN PACKET_TCP_SYN
#define ACK PACKET_TCP_ACK
#define RST PACKET_TCP_RST

static const struct hold_counters *held(const struct bed *b)
{
	return outbound_held(b->o);
}

static void tcp(struct bed *b, const char *dst, uint16_t sport, uint8_t flags, uint32_t sequence)
{
	uint8_t buf[40];

	bed_send(b, parts_tcp4(buf, "10.1.0.5", dst, sport, flags, sequence));
}

/* ---- the way of a packet ---- */

static void a_packet_waits_for_its_sa(void **state)
{
	struct bed *b = *state;
	uint8_t buf[60];
	struct slice inner = numbered_udp(buf, "10.2.0.9", 53, 7);

	bed_send(b, inner);
	assert_int_equal(b->nsent, 0);
	assert_int_equal(held(b)->packets, 1);
	assert_int_equal(held(b)->bytes, 60);
	assert_int_equal(held(b)->since, b->now);
	assert_int_equal(outbound_held_of(b->o, SLOT)->packets, 1);
	assert_int_equal(outbound_deadline(b->o), b->now + HOLD_AGE);
	expect_need(b, SLOT, "10.2.0.9");
	assert_int_equal(bed_release(b), 1);
	assert_int_equal(b->nsent, 0);
	bed_sa(b, SLOT, 0);
	assert_int_equal(bed_release(b), 1);
	assert_int_equal(b->nsent, 1);
	assert_int_equal(b->sent[0].spi, 0x1000 + SLOT);
	assert_int_equal(b->sent[0].len, 60);
	assert_memory_equal(b->sent[0].bytes, inner.p, inner.n);
	assert_int_equal(held(b)->released, 1);
	assert_int_equal(outbound_deadline(b->o), VTIME_NEVER);
	for (unsigned i = 0; i < DROP_COUNT; i++)
		assert_int_equal(bed_dropped(b, i), 0);
	expect_no_event(b);
}

/* Each length up to several cells, in one piece and unchanged. */
static void every_length_is_held_whole(void **state)
{
	struct bed *b = bed_new_with(HOLD_BYTES);
	static uint8_t want[1800];

	(void)state;
	for (uint16_t len = 28; len < 1800; len += 7) {
		struct pkt *p;

		parts_udp4(want, "10.1.0.5", "10.2.0.9", len, len);
		for (uint16_t i = 28; i < len; i++)
			want[i] = (uint8_t)(i * 31 + i / 256 + len);
		classifier_set_current(b->c, SLOT, NULL);
		bed_send(b, slice(want, len));
		bed_sa(b, SLOT, 0);
		parts_batch(&b->in);
		parts_batch(&b->replies);
		assert_false(outbound_release(b->o, b->now, &b->in.b, &b->replies.b));
		assert_int_equal(b->in.b.n, 1);
		p = &b->in.b.pkts[0];
		assert_int_equal(esp_open(b->peer[SLOT], p, &(uint8_t){ 0 }, &(enum drop){ 0 }), 0);
		assert_int_equal(p->len, len);
		assert_memory_equal(pkt_data(p), want, len);
	}
	bed_close(b);
}

static void a_thousand_packets_cross_the_birth_in_order(void **state)
{
	struct bed *b = *state;

	for (uint32_t i = 0; i < 1000; i++) {
		bed_udp(b, "10.2.0.9", (uint16_t)(i % 25), i);
		if (i != 500)
			continue;
		bed_sa(b, SLOT, 0);
		assert_true(bed_release(b) > 1);
	}
	assert_int_equal(b->nsent, 1000);
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(noted_number(&b->sent[i]), i);
	assert_int_equal(held(b)->packets, 0);
	assert_int_equal(held(b)->dropped, 0);
}

/* One call is not enough for all that is held, and newer packets come in between. */
static void each_flow_crosses_a_long_release_in_order(void **state)
{
	struct bed *b = *state;
	uint32_t next[50];

	for (uint32_t i = 0; i < 2000; i++)
		bed_udp(b, "10.2.0.9", (uint16_t)(i % 50), i);
	bed_sa(b, SLOT, 0);
	/* With so much before it, a flow of which nothing is held waits for nobody. */
	bed_udp(b, "10.2.0.9", 99, 0);
	assert_int_equal(b->nsent, 1);
	b->nsent = 0;
	for (uint32_t i = 2000; i < 2500; i++) {
		if (i % 10 == 0)
			bed_release_once(b);
		bed_udp(b, "10.2.0.9", (uint16_t)(i % 50), i);
	}
	bed_release(b);
	assert_int_equal(b->nsent, 2500);
	for (uint32_t i = 0; i < 50; i++)
		next[i] = i;
	for (uint32_t i = 0; i < 2500; i++) {
		uint32_t number = noted_number(&b->sent[i]);

		assert_int_equal(number, next[number % 50]);
		next[number % 50] += 50;
	}
}

/* The engine sees the SA before anybody has called for the release. */
static void nothing_newer_overtakes(void **state)
{
	struct bed *b = *state;

	bed_udp(b, "10.2.0.9", 1, 0);
	bed_sa(b, SLOT, 0);
	bed_udp(b, "10.2.0.9", 1, 1);
	assert_int_equal(b->nsent, 0);
	bed_release(b);
	bed_udp(b, "10.2.0.9", 1, 2);
	assert_int_equal(b->nsent, 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(noted_number(&b->sent[i]), i);
	assert_int_equal(held(b)->in, 2);
}

static void a_gap_is_held_over(void **state)
{
	struct bed *b = *state;

	bed_sa(b, SLOT, 0);
	bed_udp(b, "10.2.0.9", 1, 0);
	assert_int_equal(b->nsent, 1);
	classifier_set_current(b->c, SLOT, NULL);
	bed_udp(b, "10.2.0.9", 1, 1);
	bed_udp(b, "10.2.0.9", 1, 2);
	assert_int_equal(b->nsent, 1);
	expect_need(b, SLOT, "10.2.0.9");
	bed_sa(b, SLOT, 0);
	bed_release(b);
	assert_int_equal(b->nsent, 3);
	assert_int_equal(noted_number(&b->sent[2]), 2);
}

/* A path that must be proved first has `next` alone, and inbound says when. */
static void what_inbound_proves_releases(void **state)
{
	struct bed *b = *state;

	bed_sa(b, SLOT, 0);
	classifier_set_current(b->c, SLOT, NULL);
	classifier_set_next(b->c, SLOT, b->out[SLOT]);
	bed_udp(b, "10.2.0.9", 1, 0);
	bed_release(b);
	assert_int_equal(b->nsent, 0);
	classifier_prove(b->c, SLOT, esp_out_config(b->out[SLOT])->epoch);
	bed_release(b);
	assert_int_equal(b->nsent, 1);
}

/* Before control has found that its life is over. */
static void an_sa_that_has_ended_is_none(void **state)
{
	struct bed *b = *state;
	struct esp_sa_config config = parts_config(&suite_gcm, 0x1000 + SLOT);
	struct data_event e;

	config.ts = parts_pair("0.0.0.0/0", "0.0.0.0/0");
	config.slot = SLOT;
	config.ends = b->now + VTIME_S;
	b->out[SLOT] = parts_out(config);
	b->peer[SLOT] = parts_in(config);
	bed_sa(b, SLOT, 0);
	bed_udp(b, "10.2.0.9", 1, 0);
	assert_int_equal(b->nsent, 1);
	assert_int_equal(held(b)->packets, 0);
	b->now += VTIME_S;
	bed_udp(b, "10.2.0.9", 1, 1);
	bed_udp(b, "10.2.0.9", 1, 2);
	assert_int_equal(held(b)->packets, 2);
	assert_true(bed_event(b, &e));
	assert_int_equal(e.type, DATA_EXHAUSTED);
	expect_no_event(b);
}

/* Control hears how many, when the last of them has gone. */
static void it_is_told_what_became_of_them(void **state)
{
	struct bed *b = *state;

	for (uint32_t i = 0; i < 5; i++)
		bed_udp(b, "10.2.0.9", 1, i);
	expect_need(b, SLOT, "10.2.0.9");
	bed_release(b);
	expect_no_event(b);
	assert_int_equal(b->nunheld, 0);
	bed_sa(b, SLOT, 0);
	bed_release(b);
	expect_no_event(b);
	assert_int_equal(b->nunheld, 1);
	assert_int_equal(b->unheld.slot, SLOT);
	assert_int_equal(b->unheld.released, 5);
	assert_int_equal(b->unheld.refused, 0);
	bed_udp(b, "10.2.0.9", 1, 5);
	bed_release(b);
	expect_no_event(b);
	assert_int_equal(b->nunheld, 1);
	classifier_set_current(b->c, SLOT, NULL);
	bed_udp(b, "10.2.0.9", 1, 6);
	expect_need(b, SLOT, "10.2.0.9");
	classifier_set_refused(b->c, SLOT, b->now + VTIME_S);
	bed_release(b);
	expect_no_event(b);
	assert_int_equal(b->nunheld, 2);
	assert_int_equal(b->unheld.released, 5);
	assert_int_equal(b->unheld.refused, 1);
}

static void an_sa_without_numbers_is_none(void **state)
{
	struct bed *b = *state;
	struct esp_sa_config config = parts_config(&suite_gcm, 0x2000);
	struct data_event e;
	struct esp_out *sa;

	config.first_sequence = UINT32_MAX - 1;
	sa = parts_out(config);
	for (uint32_t i = 0; i < 5; i++)
		bed_udp(b, "10.2.0.9", 1, i);
	expect_need(b, SLOT, "10.2.0.9");
	classifier_set_current(b->c, SLOT, sa);
	parts_batch(&b->in);
	assert_false(outbound_release(b->o, b->now, &b->in.b, &b->replies.b));
	assert_int_equal(b->in.b.n, 2);
	bed_udp(b, "10.2.0.9", 1, 5);
	assert_int_equal(held(b)->packets, 4);
	assert_true(bed_event(b, &e));
	assert_int_equal(e.type, DATA_EXHAUSTED);
	expect_no_event(b);
	assert_int_equal(bed_dropped(b, DROP_SEQUENCE_EXHAUSTED), 0);
	bed_sa(b, SLOT, 0);
	bed_release(b);
	assert_int_equal(b->nsent, 4);
	assert_int_equal(noted_number(&b->sent[0]), 2);
	assert_int_equal(noted_number(&b->sent[3]), 5);
	esp_out_free(sa);
}

static void what_is_too_big_is_seen_at_release(void **state)
{
	struct bed *b = *state;
	static uint8_t buf[1400];

	bed_udp(b, "10.2.0.9", 1, 0);
	parts_udp4(buf, "10.1.0.5", "10.2.0.9", 2, sizeof(buf));
	bed_send(b, SLICE_OF(buf));
	bed_udp(b, "10.2.0.9", 1, 1);
	parts_udp4(buf, "10.1.0.5", "10.2.0.9", 3, sizeof(buf));
	buf[6] = 0x40;
	bed_send(b, SLICE_OF(buf));
	bed_udp(b, "10.2.0.9", 1, 2);
	bed_sa(b, SLOT, 1000);
	bed_release(b);
	/* The first large one as two fragments, the second one refused. */
	assert_int_equal(b->nsent, 5);
	assert_int_equal(noted_number(&b->sent[0]), 0);
	assert_int_equal(b->sent[1].len, 996);
	assert_int_equal(b->sent[2].len, 20 + 1380 - 976);
	assert_int_equal(noted_number(&b->sent[3]), 1);
	assert_int_equal(noted_number(&b->sent[4]), 2);
	assert_int_equal(b->ntold, 1);
	assert_int_equal(b->told[0].bytes[21], 4);
	assert_int_equal(held(b)->released, 4);
	assert_int_equal(held(b)->dropped, 1);
	assert_int_equal(bed_dropped(b, DROP_TOO_BIG), 1);
}

/* The fragments of a port's packet would be nobody's: it is the outer packet that is cut. */
static void a_rule_with_ports_is_not_cut(void **state)
{
	struct bed *b = *state;
	struct policy_rule rule = { parts_pair("10.1.0.0/16", "10.2.0.0/16"), POLICY_PROTECT,
				    OWN_SLOT, GRANULARITY_RULE };
	static uint8_t buf[1400];

	rule.ts.remote.proto = PACKET_UDP;
	rule.ts.remote.port_lo = 2;
	rule.ts.remote.port_hi = 2;
	rule.ts.local.proto = PACKET_UDP;
	bed_rule_first(b, &rule);
	bed_publish(b);
	parts_udp4(buf, "10.1.0.5", "10.2.0.9", 2, sizeof(buf));
	bed_send(b, SLICE_OF(buf));
	bed_sa(b, OWN_SLOT, 1000);
	parts_batch(&b->in);
	outbound_release(b->o, b->now, &b->in.b, &b->replies.b);
	assert_int_equal(b->in.b.n, 1);
	assert_true(b->in.b.pkts[0].may_fragment);
	assert_int_equal(bed_dropped(b, DROP_TOO_BIG), 0);
}

/* ---- what comes again ---- */

static void a_syn_again_takes_the_place_of_the_first(void **state)
{
	struct bed *b = *state;
	uint8_t buf[60];

	tcp(b, "10.2.0.9", 1000, SYN, 77);
	bed_udp(b, "10.2.0.9", 1, 5);
	parts_ip4(buf, "10.1.0.5", "10.2.0.9", PACKET_TCP, sizeof(buf));
	parts_tcp4(buf, "10.1.0.5", "10.2.0.9", 1000, SYN, 77);
	buf[8] = 33; /* this one, and longer */
	put_be16(buf + 2, sizeof(buf));
	buf[32] = 0xa0;
	memset(buf + 40, 1, 20);
	bed_send(b, SLICE_OF(buf));
	assert_int_equal(held(b)->replaced, 1);
	assert_int_equal(held(b)->packets, 2);
	assert_int_equal(held(b)->bytes, 120);
	bed_sa(b, SLOT, 0);
	bed_release(b);
	assert_int_equal(b->nsent, 2);
	assert_int_equal(b->sent[0].bytes[9], PACKET_TCP);
	assert_int_equal(b->sent[0].bytes[8], 33);
	assert_int_equal(b->sent[0].len, 60);
	assert_int_equal(noted_number(&b->sent[1]), 5);
}

static void another_connection_is_no_retransmission(void **state)
{
	struct bed *b = *state;

	tcp(b, "10.2.0.9", 1000, SYN, 77);
	tcp(b, "10.2.0.9", 1000, SYN, 78);
	tcp(b, "10.2.0.9", 1001, SYN, 77);
	tcp(b, "10.2.0.9", 1000, SYN | ACK, 77);
	tcp(b, "10.2.0.9", 1000, ACK, 77);
	tcp(b, "10.2.0.9", 1000, ACK, 77);
	tcp(b, "10.3.0.9", 1000, SYN, 77);
	assert_int_equal(held(b)->replaced, 0);
	assert_int_equal(held(b)->packets, 7);
}

static void an_equal_datagram_is_held_once(void **state)
{
	struct bed *b = *state;
	uint8_t buf[60];

	numbered_udp(buf, "10.2.0.9", 53, 1);
	bed_send(b, SLICE_OF(buf));
	put_be16(buf + 4, 4711); /* an identification of its own */
	bed_send(b, SLICE_OF(buf));
	assert_int_equal(held(b)->replaced, 1);
	assert_int_equal(held(b)->packets, 1);
	bed_udp(b, "10.2.0.9", 53, 2);
	buf[59] ^= 1;
	bed_send(b, SLICE_OF(buf));
	/* A shorter one, and the same to another port. */
	parts_udp4(buf, "10.1.0.5", "10.2.0.9", 53, 59);
	bed_send(b, slice(buf, 59));
	bed_udp(b, "10.2.0.9", 54, 1);
	assert_int_equal(held(b)->replaced, 1);
	assert_int_equal(held(b)->packets, 5);
}

/* What is equal in two fragments need not be so in the whole. */
static void fragments_are_not_compared(void **state)
{
	struct bed *b = *state;
	uint8_t buf[60];

	numbered_udp(buf, "10.2.0.9", 53, 1);
	buf[6] = 0x20;
	bed_send(b, SLICE_OF(buf));
	bed_send(b, SLICE_OF(buf));
	buf[6] = 0;
	buf[7] = 3;
	bed_send(b, SLICE_OF(buf));
	bed_send(b, SLICE_OF(buf));
	assert_int_equal(held(b)->packets, 4);
}

static void a_reset_removes_its_flow(void **state)
{
	struct bed *b = *state;

	tcp(b, "10.2.0.9", 1000, SYN, 77);
	tcp(b, "10.2.0.9", 1001, SYN, 77);
	tcp(b, "10.2.0.9", 1000, ACK, 78);
	tcp(b, "10.2.0.9", 1000, RST, 78);
	assert_int_equal(held(b)->dropped, 2);
	assert_int_equal(bed_dropped(b, DROP_HOLD_RESET), 2);
	bed_sa(b, SLOT, 0);
	bed_release(b);
	assert_int_equal(b->nsent, 2);
	assert_int_equal(get_be16(b->sent[0].bytes + 20), 1001);
	assert_int_equal(b->sent[1].bytes[33], RST);
}

/* ---- bounds ---- */

static void a_flow_has_sixty_four(void **state)
{
	struct bed *b = *state;

	for (uint32_t i = 0; i < 100; i++)
		bed_udp(b, "10.2.0.9", 1, i);
	bed_udp(b, "10.2.0.9", 2, 1000);
	assert_int_equal(held(b)->packets, 65);
	assert_int_equal(bed_dropped(b, DROP_HOLD_FLOW_FULL), 36);
	bed_sa(b, SLOT, 0);
	bed_release(b);
	assert_int_equal(b->nsent, 65);
	for (uint32_t i = 0; i < 64; i++)
		assert_int_equal(noted_number(&b->sent[i]), 36 + i);
}

static void nothing_is_held_for_ever(void **state)
{
	struct bed *b = *state;

	for (uint32_t i = 0; i < 10; i++) {
		bed_udp(b, "10.2.0.9", 1, i);
		b->now += VTIME_S;
	}
	assert_int_equal(outbound_deadline(b->o), b->now - 10 * VTIME_S + HOLD_AGE);
	b->now = outbound_deadline(b->o) - 1;
	bed_release(b);
	assert_int_equal(held(b)->packets, 10);
	b->now += 1 + 2 * VTIME_S;
	bed_release(b);
	assert_int_equal(held(b)->expired, 3);
	assert_int_equal(bed_dropped(b, DROP_HOLD_EXPIRED), 3);
	assert_int_equal(outbound_deadline(b->o), b->now + VTIME_S);
	assert_int_equal(b->ntold, 0);
	b->now += 10 * VTIME_S;
	bed_release(b);
	assert_int_equal(held(b)->expired, 10);
	assert_int_equal(b->ntold, 1);
}

/* Ten thousand connections to a tunnel that does not come, and one to another that does. */
static void a_full_hold_blocks_nobody(void **state)
{
	struct bed *b = *state;
	uint64_t most;

	for (unsigned i = 0; i < 10000; i++) {
		char dst[32];

		snprintf(dst, sizeof(dst), "10.2.%u.%u", i / 250, 1 + i % 250);
		tcp(b, dst, (uint16_t)i, SYN, i);
	}
	most = held(b)->packets;
	assert_true(most > 2000);
	assert_true(held(b)->bytes <= HOLD_BYTES);
	assert_int_equal(bed_dropped(b, DROP_HOLD_FULL), 10000 - most);
	bed_udp(b, "10.3.0.9", 1, 1);
	assert_int_equal(held(b)->packets, most);
	bed_sa(b, OTHER_SLOT, 0);
	assert_int_equal(bed_release(b), 1);
	assert_int_equal(b->nsent, 1);
	bed_udp(b, "10.3.0.9", 1, 2);
	assert_int_equal(b->nsent, 2);
	/* The newest are there, oldest first. */
	bed_sa(b, SLOT, 0);
	bed_release(b);
	assert_int_equal(b->nsent, 2 + most - 1);
	for (uint32_t i = 2; i < b->nsent; i++)
		assert_int_equal(get_be32(b->sent[i].bytes + 24), 10000 - b->nsent + i);
}

/* The default bound has room for as many connections as that. */
static void ten_thousand_flows_fit(void **state)
{
	struct bed *b = bed_new_with((size_t)4 << 20);

	(void)state;
	for (uint32_t i = 0; i < 10000; i++) {
		uint8_t buf[40];

		parts_tcp4(buf, "10.1.0.5", "10.2.0.9", (uint16_t)i, SYN, i);
		parts_take(parts_batch(&b->in), SLICE_OF(buf));
		outbound_run(b->o, b->now, &b->in.b, &b->replies.b);
	}
	assert_int_equal(held(b)->packets, 10000);
	bed_close(b);
}

static void a_large_packet_takes_the_place_of_many(void **state)
{
	struct bed *b = bed_new_with(16 << 10);
	static uint8_t buf[1400];
	uint64_t before;

	(void)state;
	for (uint32_t i = 0; i < 100; i++)
		bed_udp(b, "10.2.0.9", (uint16_t)i, i);
	before = held(b)->packets;
	parts_udp4(buf, "10.1.0.5", "10.2.0.9", 999, sizeof(buf));
	bed_send(b, SLICE_OF(buf));
	assert_true(held(b)->packets < before);
	bed_sa(b, SLOT, 0);
	bed_release(b);
	assert_int_equal(b->sent[b->nsent - 1].len, 1400);
	bed_close(b);
}

static void what_never_fits_is_dropped(void **state)
{
	struct bed *b = bed_new_with(4 << 10);
	struct bed *none = bed_new_with(100);
	static uint8_t buf[4000];

	(void)state;
	bed_udp(b, "10.2.0.9", 1, 1);
	parts_udp4(buf, "10.1.0.5", "10.2.0.9", 999, sizeof(buf));
	bed_send(b, SLICE_OF(buf));
	assert_int_equal(held(b)->packets, 1);
	assert_int_equal(held(b)->dropped, 1);
	bed_udp(none, "10.2.0.9", 1, 1);
	assert_int_equal(held(none)->packets, 0);
	assert_int_equal(held(none)->dropped, 1);
	bed_close(b);
	bed_close(none);
}

/* A retransmission that needs more room than there is takes it from others, not from itself. */
static void a_longer_syn_finds_room(void **state)
{
	struct bed *b = bed_new_with(8 << 10);
	static uint8_t buf[1200];
	unsigned syns = 0;

	(void)state;
	tcp(b, "10.2.0.9", 1000, SYN, 77);
	for (uint32_t i = 0; i < 100; i++) {
		bed_udp(b, "10.2.0.9", (uint16_t)i, i);
		parts_ip4(buf, "10.1.0.5", "10.2.0.9", PACKET_TCP, sizeof(buf));
		parts_tcp4(buf, "10.1.0.5", "10.2.0.9", 1000, SYN, 77);
		put_be16(buf + 2, i % 2 ? sizeof(buf) : 40);
		bed_send(b, slice(buf, i % 2 ? sizeof(buf) : 40));
	}
	bed_sa(b, SLOT, 0);
	bed_release(b);
	for (unsigned i = 0; i < b->nsent; i++) {
		syns += b->sent[i].bytes[9] == PACKET_TCP;
		if (b->sent[i].bytes[9] == PACKET_TCP)
			assert_int_equal(b->sent[i].len, 1200);
	}
	assert_int_equal(syns, 1);
	bed_close(b);
}

/* ---- turns ---- */

static void many_slots_are_released_in_turn(void **state)
{
	struct bed *b = *state;
	unsigned other = 0;

	for (uint32_t i = 0; i < 500; i++)
		bed_udp(b, "10.2.0.9", (uint16_t)(i % 20), i);
	for (uint32_t i = 0; i < 100; i++)
		bed_udp(b, "10.3.0.9", (uint16_t)(i % 20), i);
	bed_sa(b, SLOT, 0);
	bed_sa(b, OTHER_SLOT, 0);
	for (unsigned i = 0; i < 4; i++)
		assert_true(bed_release_once(b));
	for (unsigned i = 0; i < b->nsent; i++)
		other += b->sent[i].spi == 0x1000 + OTHER_SLOT;
	assert_int_equal(other, 100);
	bed_release(b);
	assert_int_equal(b->nsent, 600);
}

static int set_up(void **state)
{
	return crypto_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(a_packet_waits_for_its_sa),
		cmocka_unit_test(every_length_is_held_whole),
		bed_test(a_thousand_packets_cross_the_birth_in_order),
		bed_test(each_flow_crosses_a_long_release_in_order),
		bed_test(nothing_newer_overtakes),
		bed_test(a_gap_is_held_over),
		bed_test(what_inbound_proves_releases),
		bed_test(an_sa_that_has_ended_is_none),
		bed_test(it_is_told_what_became_of_them),
		bed_test(an_sa_without_numbers_is_none),
		bed_test(what_is_too_big_is_seen_at_release),
		bed_test(a_rule_with_ports_is_not_cut),
		bed_test(a_syn_again_takes_the_place_of_the_first),
		bed_test(another_connection_is_no_retransmission),
		bed_test(an_equal_datagram_is_held_once),
		bed_test(fragments_are_not_compared),
		bed_test(a_reset_removes_its_flow),
		bed_test(a_flow_has_sixty_four),
		bed_test(nothing_is_held_for_ever),
		bed_test(a_full_hold_blocks_nobody),
		cmocka_unit_test(ten_thousand_flows_fit),
		cmocka_unit_test(a_large_packet_takes_the_place_of_many),
		cmocka_unit_test(what_never_fits_is_dropped),
		cmocka_unit_test(a_longer_syn_finds_room),
		bed_test(many_slots_are_released_in_turn),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
