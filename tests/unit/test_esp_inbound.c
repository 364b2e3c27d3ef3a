/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/mem.h"
#include "tests/unit/esp_parts.h"

#define SLOT 3
#define SPI 0xc0ffee01

/* One engine with an SA that takes 10.2.0.0/16 to 10.1.0.0/16, and its batch. */
struct bench {
	struct classifier *c;
	struct inbound *i;
	struct esp_sa_config config;
	struct esp_in *sa;
	uint32_t sequence;
	vtime now;
	uint16_t port; /* that datagrams come to */
	struct parts_batch batch;
	struct drops counted;
};

static int bench_new(void **state)
{
	struct bench *b = xcalloc(1, sizeof(*b));

	b->now = 1000 * VTIME_S;
	b->port = 4500;
	b->c = classifier_new();
	b->i = inbound_new(b->c);
	b->config = parts_config(&suite_gcm, SPI);
	b->sa = parts_in(b->config);
	assert_int_equal(classifier_add_spi(b->c, b->sa), 0);
	parts_batch(&b->batch);
	*state = b;
	return 0;
}

static int bench_free(void **state)
{
	struct bench *b = *state;

	inbound_free(b->i);
	esp_in_free(b->sa);
	classifier_free(b->c);
	free(b);
	return 0;
}

static struct endpoint at(const char *addr, uint16_t port)
{
	return (struct endpoint){ parts_addr(addr), port };
}

/* Runs the batch with the packet in it, as come from the gateway. */
static struct pkt *bench_run(struct bench *b, struct pkt *p)
{
	p->from = at("192.0.2.1", 4500);
	p->to = at("192.0.2.99", b->port);
	inbound_run(b->i, b->now, &b->batch.b);
	return p;
}

static struct pkt *bench_datagram(struct bench *b, struct slice bytes)
{
	return bench_run(b, parts_take(parts_batch(&b->batch), bytes));
}

/* An authentic packet with this inside, under the next number. */
static struct pkt *bench_inner(struct bench *b, struct slice inner, uint8_t next_header)
{
	return bench_run(b, parts_wrap(parts_batch(&b->batch), &b->config, ++b->sequence, inner,
				       next_header));
}

static struct pkt *bench_udp(struct bench *b, const char *src, const char *dst)
{
	uint8_t inner[60];

	return bench_inner(b, parts_udp4(inner, src, dst, 53, sizeof(inner)), 4);
}

static void expect_drop(struct bench *b, const struct pkt *p, enum drop why)
{
	b->counted.n[why]++;
	assert_int_equal(p->kind, PKT_GONE);
	for (unsigned i = 0; i < DROP_COUNT; i++)
		if (inbound_drops(b->i)->n[i] != b->counted.n[i])
			fail_msg("%s: %u counted", drop_name(i),
				 (unsigned)inbound_drops(b->i)->n[i]);
}

static void expect_event(struct bench *b, enum data_event_type type, uint32_t spi)
{
	struct data_event e;

	assert_true(inbound_output(b->i, &e));
	assert_int_equal(e.type, type);
	assert_int_equal(e.spi, spi);
}

static void expect_no_event(struct bench *b)
{
	struct data_event e;

	assert_false(inbound_output(b->i, &e));
}

static void keepalive_ike_and_esp_are_told_apart(void **state)
{
	struct bench *b = *state;
	struct pkt *p;

	expect_drop(b, bench_datagram(b, slice("\xff", 1)), DROP_KEEPALIVE);
	expect_drop(b, bench_datagram(b, slice("\xfe", 1)), DROP_OUTER_SHORT);
	expect_drop(b, bench_datagram(b, slice("", 0)), DROP_OUTER_SHORT);
	expect_drop(b, bench_datagram(b, slice("\0\0\0", 3)), DROP_OUTER_SHORT);
	expect_drop(b, bench_datagram(b, slice("\xff\xff", 2)), DROP_OUTER_SHORT);
	p = bench_datagram(b, slice("\0\0\0\0ike", 7));
	assert_int_equal(p->kind, PKT_IKE);
	assert_int_equal(p->len, 3);
	assert_memory_equal(pkt_data(p), "ike", 3);
	p = bench_datagram(b, slice("\0\0\0\0", 4));
	assert_int_equal(p->kind, PKT_IKE);
	assert_int_equal(p->len, 0);
	expect_no_event(b);
}

static void on_port_500_all_is_ike(void **state)
{
	struct bench *b = *state;
	const struct slice bytes[] = { SLICE_STR("cookies"), slice("\xff", 1), slice("\0\0\0\0", 4),
				       slice("", 0) };

	for (unsigned i = 0; i < ARRAY_SIZE(bytes); i++) {
		struct pkt *p = parts_take(parts_batch(&b->batch), bytes[i]);

		p->from = at("192.0.2.1", 4500);
		p->to = at("192.0.2.99", 500);
		inbound_run(b->i, 0, &b->batch.b);
		assert_int_equal(p->kind, PKT_IKE);
		assert_true(slice_eq(pkt_slice(p), bytes[i]));
	}
}

static void an_inner_packet_comes_out(void **state)
{
	struct bench *b = *state;
	uint8_t inner[60];
	struct pkt *p;

	parts_udp4(inner, "10.2.0.9", "10.1.0.5", 53, sizeof(inner));
	p = bench_inner(b, SLICE_OF(inner), 4);
	assert_int_equal(p->kind, PKT_INNER);
	assert_int_equal(p->len, sizeof(inner));
	assert_memory_equal(pkt_data(p), inner, sizeof(inner));
	/* Sequence 1, taken at once and once. */
	p = bench_run(b, parts_wrap(parts_batch(&b->batch), &b->config, 1, SLICE_OF(inner), 4));
	expect_drop(b, p, DROP_REPLAY);
	p = bench_run(b, parts_wrap(parts_batch(&b->batch), &b->config, 0, SLICE_OF(inner), 4));
	expect_drop(b, p, DROP_REPLAY);
}

static void tfc_bytes_are_cut_off(void **state)
{
	struct bench *b = *state;
	uint8_t inner[600];
	struct pkt *p;

	memset(inner, 0xee, sizeof(inner));
	parts_udp4(inner, "10.2.0.9", "10.1.0.5", 53, 60);
	p = bench_inner(b, SLICE_OF(inner), 4);
	assert_int_equal(p->kind, PKT_INNER);
	assert_int_equal(p->len, 60);
}

static void ip6_comes_as_41(void **state)
{
	struct bench *b = *state;
	uint8_t inner[80];
	struct pkt *p;

	esp_in_free(b->sa);
	classifier_free(b->c);
	inbound_free(b->i);
	b->c = classifier_new();
	b->i = inbound_new(b->c);
	b->config.ts = parts_pair("2001:db8:1::/48", "2001:db8:2::/48");
	b->sa = parts_in(b->config);
	assert_int_equal(classifier_add_spi(b->c, b->sa), 0);
	parts_udp6(inner, "2001:db8:2::9", "2001:db8:1::5", sizeof(inner));
	p = bench_inner(b, SLICE_OF(inner), 41);
	assert_int_equal(p->kind, PKT_INNER);
	assert_memory_equal(pkt_data(p), inner, sizeof(inner));
	expect_drop(b, bench_inner(b, SLICE_OF(inner), 4), DROP_INNER_MALFORMED);
	expect_drop(b, bench_udp(b, "10.2.0.9", "10.1.0.5"), DROP_INNER_SELECTOR);
}

static void outer_faults_are_counted_by_reason(void **state)
{
	struct bench *b = *state;
	uint8_t esp[64] = { 0xc0, 0xff, 0xee, 0x01, 0, 0, 0, 1 };

	/* Shorter than header, IV, a block and ICV; not a multiple of four; not authentic. */
	for (size_t n = 4; n < 8 + 8 + 4 + 16; n++)
		expect_drop(b, bench_datagram(b, slice(esp, n)), DROP_ESP_LENGTH);
	expect_drop(b, bench_datagram(b, slice(esp, 37)), DROP_ESP_LENGTH);
	expect_drop(b, bench_datagram(b, slice(esp, 40)), DROP_ICV);
	esp[7] = 0;
	expect_drop(b, bench_datagram(b, slice(esp, 40)), DROP_REPLAY);
	/* Nothing of this was authentic: nobody is told. */
	expect_no_event(b);
	assert_int_equal(esp_in_counters(b->sa)->packets, 0);
}

static void inner_faults_are_counted_by_reason(void **state)
{
	struct bench *b = *state;
	uint8_t inner[60];
	struct pkt *p;

	parts_udp4(inner, "10.2.0.9", "10.1.0.5", 53, sizeof(inner));
	expect_drop(b, bench_inner(b, SLICE_OF(inner), 6), DROP_NEXT_HEADER);
	expect_drop(b, bench_inner(b, SLICE_OF(inner), 41), DROP_INNER_MALFORMED);
	expect_drop(b, bench_inner(b, slice(inner, 0), 4), DROP_INNER_MALFORMED);
	expect_drop(b, bench_inner(b, slice(inner, 1), 4), DROP_INNER_MALFORMED);
	expect_drop(b, bench_inner(b, slice(inner, 59), 4), DROP_INNER_MALFORMED);
	inner[0] = 0x05;
	expect_drop(b, bench_inner(b, SLICE_OF(inner), 4), DROP_INNER_MALFORMED);
	inner[0] = 0x55;
	expect_drop(b, bench_inner(b, SLICE_OF(inner), 4), DROP_INNER_MALFORMED);
	inner[0] = 0x65;
	expect_drop(b, bench_inner(b, SLICE_OF(inner), 4), DROP_INNER_MALFORMED);
	p = parts_forge(parts_batch(&b->batch), &b->config, ++b->sequence,
			slice("\1\1\1\1\1\1\3\4", 8));
	expect_drop(b, bench_run(b, p), DROP_ESP_PADDING);
	p = parts_forge(parts_batch(&b->batch), &b->config, ++b->sequence, slice("\1\2\3\4", 4));
	expect_drop(b, bench_run(b, p), DROP_ESP_PADDING);
}

static void only_the_sas_own_selectors_come_out(void **state)
{
	struct bench *b = *state;

	assert_int_equal(bench_udp(b, "10.2.0.9", "10.1.0.5")->kind, PKT_INNER);
	expect_drop(b, bench_udp(b, "10.3.0.9", "10.1.0.5"), DROP_INNER_SELECTOR);
	expect_drop(b, bench_udp(b, "10.2.0.9", "10.4.0.5"), DROP_INNER_SELECTOR);
	/* The way we send is not the way we receive. */
	expect_drop(b, bench_udp(b, "10.1.0.5", "10.2.0.9"), DROP_INNER_SELECTOR);
}

static void another_sas_selectors_do_not_help(void **state)
{
	struct bench *b = *state;
	struct esp_sa_config wide = parts_config(&suite_cbc, 0x7777);
	struct esp_in *sa;

	wide.ts = parts_pair("0.0.0.0/0", "0.0.0.0/0");
	sa = parts_in(wide);
	assert_int_equal(classifier_add_spi(b->c, sa), 0);
	expect_drop(b, bench_udp(b, "10.3.0.9", "10.1.0.5"), DROP_INNER_SELECTOR);
	b->config = wide;
	assert_int_equal(bench_udp(b, "10.3.0.9", "10.1.0.5")->kind, PKT_INNER);
	esp_in_free(sa);
}

static void ecn_is_merged(void **state)
{
	struct bench *b = *state;
	uint8_t inner[60];
	struct pkt *p;

	parts_udp4(inner, "10.2.0.9", "10.1.0.5", 53, sizeof(inner));
	p = parts_wrap(parts_batch(&b->batch), &b->config, ++b->sequence, SLICE_OF(inner), 4);
	p->ecn = 3;
	expect_drop(b, bench_run(b, p), DROP_ECN);
	inner[1] = 2;
	put_be16(inner + 10, 0);
	put_be16(inner + 10, packet_checksum(slice(inner, 20)));
	p = parts_wrap(parts_batch(&b->batch), &b->config, ++b->sequence, SLICE_OF(inner), 4);
	p->ecn = 3;
	assert_int_equal(bench_run(b, p)->kind, PKT_INNER);
	assert_int_equal(pkt_data(p)[1], 3);
	assert_int_equal(packet_checksum(slice(pkt_data(p), 20)), 0);
}

/* Raw ESP, and Cisco's in UDP: whatever it is, it is no IKE. */
static void bare_esp_has_no_marker(void **state)
{
	struct bench *b = *state;
	uint8_t zeros[40] = { 0 }, keepalive = 0xff;

	b->port = ESP_PORT_BARE;
	assert_int_equal(bench_udp(b, "10.2.0.9", "10.1.0.5")->kind, PKT_INNER);
	expect_event(b, DATA_FIRST_PACKET, SPI);
	expect_drop(b, bench_datagram(b, SLICE_OF(zeros)), DROP_UNKNOWN_SPI);
	expect_drop(b, bench_datagram(b, slice(&keepalive, 1)), DROP_KEEPALIVE);
	expect_drop(b, bench_datagram(b, slice(zeros, 3)), DROP_OUTER_SHORT);
	expect_drop(b, bench_datagram(b, slice(zeros, 0)), DROP_OUTER_SHORT);
	expect_no_event(b);
}

static void unknown_spis_are_hinted_at_and_bounded(void **state)
{
	struct bench *b = *state;
	uint8_t esp[64] = { 0 };
	struct data_event e;
	unsigned hints = 0;

	for (uint32_t spi = 1; spi < 256; spi++) {
		put_be32(esp, spi);
		expect_drop(b, bench_datagram(b, SLICE_OF(esp)), DROP_UNKNOWN_SPI);
	}
	expect_no_event(b);
	put_be32(esp, 0x12345678);
	for (unsigned i = 0; i < 3; i++)
		expect_drop(b, bench_datagram(b, SLICE_OF(esp)), DROP_UNKNOWN_SPI);
	assert_true(inbound_output(b->i, &e));
	assert_int_equal(e.type, DATA_UNKNOWN_SPI);
	assert_int_equal(e.spi, 0x12345678);
	assert_int_equal(e.from.port, 4500);
	expect_no_event(b);
	/* A flood leaves room for what matters. */
	for (uint32_t i = 0; i < 500; i++) {
		put_be32(esp, 0x20000000 + i);
		expect_drop(b, bench_datagram(b, SLICE_OF(esp)), DROP_UNKNOWN_SPI);
	}
	assert_int_equal(bench_udp(b, "10.2.0.9", "10.1.0.5")->kind, PKT_INNER);
	while (inbound_output(b->i, &e) && e.type == DATA_UNKNOWN_SPI)
		hints++;
	assert_in_range(hints, 1, 16);
	assert_int_equal(e.type, DATA_FIRST_PACKET);
	expect_no_event(b);
	/* Nor does it keep control busy when that fetches each of them at once. */
	b->now += VTIME_S - 1;
	expect_drop(b, bench_datagram(b, SLICE_OF(esp)), DROP_UNKNOWN_SPI);
	expect_no_event(b);
	b->now++;
	expect_drop(b, bench_datagram(b, SLICE_OF(esp)), DROP_UNKNOWN_SPI);
	expect_event(b, DATA_UNKNOWN_SPI, 0x20000000 + 499);
	expect_no_event(b);
}

static void a_removed_sa_is_unknown(void **state)
{
	struct bench *b = *state;

	assert_int_equal(bench_udp(b, "10.2.0.9", "10.1.0.5")->kind, PKT_INNER);
	classifier_remove_spi(b->c, SPI);
	expect_drop(b, bench_udp(b, "10.2.0.9", "10.1.0.5"), DROP_UNKNOWN_SPI);
}

/* What control awaits it is told of, once, as often as it asks. */
static void an_awaited_packet_is_told_once(void **state)
{
	struct bench *b = *state;

	assert_int_equal(bench_udp(b, "10.2.0.9", "10.1.0.5")->kind, PKT_INNER);
	expect_event(b, DATA_FIRST_PACKET, SPI);
	for (unsigned turn = 0; turn < 2; turn++) {
		esp_in_await(b->sa);
		expect_no_event(b);
		for (unsigned i = 0; i < 3; i++)
			assert_int_equal(bench_udp(b, "10.2.0.9", "10.1.0.5")->kind, PKT_INNER);
		expect_event(b, DATA_HEARD, SPI);
		expect_no_event(b);
	}
}

static void the_first_packet_is_told_once(void **state)
{
	struct bench *b = *state;
	struct data_event e;

	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(bench_udp(b, "10.2.0.9", "10.1.0.5")->kind, PKT_INNER);
	assert_true(inbound_output(b->i, &e));
	assert_int_equal(e.type, DATA_FIRST_PACKET);
	assert_int_equal(e.slot, SLOT);
	assert_int_equal(e.epoch, 1);
	assert_int_equal(e.spi, SPI);
	assert_int_equal(e.from.port, 4500);
	expect_no_event(b);
}

/* Whatever is inside, an authentic packet proves its epoch; nothing else does. */
static void the_first_authentic_packet_proves_the_epoch(void **state)
{
	struct bench *b = *state;
	struct esp_out *p, *n;
	struct pkt *bad;

	p = parts_out(b->config);
	b->config.epoch = 2;
	b->config.spi = 0x2222;
	n = parts_out(b->config);
	classifier_set_current(b->c, SLOT, p);
	classifier_set_next(b->c, SLOT, n);
	/* Of the current epoch: no proof. */
	b->config.spi = SPI;
	assert_int_equal(bench_udp(b, "10.2.0.9", "10.1.0.5")->kind, PKT_INNER);
	assert_ptr_equal(classifier_slot_sa(b->c, SLOT), p);

	classifier_remove_spi(b->c, SPI);
	esp_in_free(b->sa);
	b->sa = parts_in(b->config);
	assert_int_equal(classifier_add_spi(b->c, b->sa), 0);
	bad = parts_wrap(parts_batch(&b->batch), &b->config, 1, SLICE_STR("?"), 59);
	pkt_data(bad)[bad->len - 1] ^= 1;
	expect_drop(b, bench_run(b, bad), DROP_ICV);
	assert_false(classifier_next_proved(b->c, SLOT));
	expect_drop(b, bench_inner(b, SLICE_STR("dummy"), 59), DROP_DUMMY);
	assert_true(classifier_next_proved(b->c, SLOT));
	assert_ptr_equal(classifier_slot_sa(b->c, SLOT), n);
	expect_event(b, DATA_FIRST_PACKET, SPI);
	expect_event(b, DATA_FIRST_PACKET, SPI);
	expect_no_event(b);
	esp_out_free(p);
	esp_out_free(n);
}

static struct pkt *bench_from(struct bench *b, uint32_t sequence, struct endpoint from, bool good)
{
	uint8_t inner[60];
	struct pkt *p;

	parts_udp4(inner, "10.2.0.9", "10.1.0.5", 53, sizeof(inner));
	p = parts_wrap(parts_batch(&b->batch), &b->config, sequence, SLICE_OF(inner), 4);
	if (!good)
		pkt_data(p)[20] ^= 1;
	p->from = from;
	p->to = at("192.0.2.99", 4500);
	inbound_run(b->i, 0, &b->batch.b);
	return p;
}

static void the_source_follows_only_the_newest_authentic_packet(void **state)
{
	struct bench *b = *state;
	struct endpoint here = at("192.0.2.1", 4500), there = at("192.0.2.1", 4501);
	struct endpoint v6 = at("2001:db8::1", 4500);
	struct data_event e;

	assert_int_equal(bench_from(b, 10, here, true)->kind, PKT_INNER);
	expect_event(b, DATA_FIRST_PACKET, SPI);
	expect_no_event(b);
	/* Forged, replayed, late: no. */
	expect_drop(b, bench_from(b, 11, there, false), DROP_ICV);
	expect_drop(b, bench_from(b, 10, there, true), DROP_REPLAY);
	assert_int_equal(bench_from(b, 9, there, true)->kind, PKT_INNER);
	expect_no_event(b);
	/* Newest: yes, once. */
	assert_int_equal(bench_from(b, 11, there, true)->kind, PKT_INNER);
	assert_int_equal(bench_from(b, 12, there, true)->kind, PKT_INNER);
	assert_true(inbound_output(b->i, &e));
	assert_int_equal(e.type, DATA_NEW_SOURCE);
	assert_int_equal(e.spi, SPI);
	assert_int_equal(e.slot, SLOT);
	assert_true(endpoint_eq(&e.from, &there));
	expect_no_event(b);
	/* What was sent before on the old path does not take it back. */
	assert_int_equal(bench_from(b, 8, here, true)->kind, PKT_INNER);
	expect_no_event(b);
	assert_int_equal(bench_from(b, 13, v6, true)->kind, PKT_INNER);
	assert_true(inbound_output(b->i, &e));
	assert_true(endpoint_eq(&e.from, &v6));
}

static void an_expected_source_counts_from_the_first_packet(void **state)
{
	struct bench *b = *state;

	classifier_remove_spi(b->c, SPI);
	esp_in_free(b->sa);
	b->config.path.remote = at("192.0.2.1", 4500);
	b->sa = parts_in(b->config);
	assert_int_equal(classifier_add_spi(b->c, b->sa), 0);
	assert_int_equal(bench_from(b, 1, at("192.0.2.1", 1024), true)->kind, PKT_INNER);
	expect_event(b, DATA_FIRST_PACKET, SPI);
	expect_event(b, DATA_NEW_SOURCE, SPI);
	expect_no_event(b);
}

/* Raw ESP comes from no port, and Cisco's from its own: not from where IKE is. */
static void the_expected_source_is_that_of_esp(void **state)
{
	static const struct {
		enum encapsulation encapsulation;
		uint16_t port;
	} rows[] = { { ENCAPSULATION_ESP, 0 }, { ENCAPSULATION_CISCO_UDP, 10000 } };
	struct bench *b = *state;

	b->port = ESP_PORT_BARE;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		classifier_remove_spi(b->c, SPI);
		esp_in_free(b->sa);
		b->config.path.remote = at("192.0.2.1", 500);
		b->config.path.data_port = 10000;
		b->config.path.encapsulation = rows[i].encapsulation;
		b->sa = parts_in(b->config);
		assert_int_equal(classifier_add_spi(b->c, b->sa), 0);
		assert_int_equal(bench_from(b, 1, at("192.0.2.1", rows[i].port), true)->kind,
				 PKT_INNER);
		expect_event(b, DATA_FIRST_PACKET, SPI);
		expect_no_event(b);
	}
}

/* 70 SAs with their first packet while nobody fetches: each is told in the end. */
static void a_full_event_queue_is_told_again(void **state)
{
	struct bench *b = *state;
	struct esp_in *sa[70];
	struct data_event e;
	unsigned told = 0;

	for (unsigned i = 0; i < 70; i++) {
		b->config.spi = 0x5000 + i;
		sa[i] = parts_in(b->config);
		assert_int_equal(classifier_add_spi(b->c, sa[i]), 0);
	}
	for (uint32_t round = 1; round <= 2; round++) {
		for (unsigned i = 0; i < 70; i++) {
			b->config.spi = 0x5000 + i;
			assert_int_equal(bench_udp(b, "10.2.0.9", "10.1.0.5")->kind, PKT_INNER);
		}
		while (inbound_output(b->i, &e)) {
			assert_int_equal(e.type, DATA_FIRST_PACKET);
			assert_int_equal(e.spi, 0x5000 + told);
			told++;
		}
	}
	assert_int_equal(told, 70);
	for (unsigned i = 0; i < 70; i++)
		esp_in_free(sa[i]);
}

/* What the host is told bounds what it sends: the way back is as narrow. */
static void a_syn_comes_with_an_mss_that_fits(void **state)
{
	struct bench *b = *state;
	uint8_t inner[44];
	struct pkt *p;

	for (unsigned mtu = 0; mtu <= 1600; mtu += 400) {
		parts_ip4(inner, "10.2.0.9", "10.1.0.5", PACKET_TCP, sizeof(inner));
		inner[32] = 0x60;
		inner[33] = 0x12;
		memcpy(inner + 40, "\2\4\4\xb0", 4); /* 1200 */
		esp_in_set_mtu(b->sa, mtu);
		p = bench_inner(b, SLICE_OF(inner), 4);
		assert_int_equal(p->kind, PKT_INNER);
		/* 400 is less than any host must accept. */
		assert_int_equal(get_be16(pkt_data(p) + 42), mtu == 400	 ? 536 :
							     mtu == 800	 ? 760 :
							     mtu == 1200 ? 1160 :
									   1200);
	}
}

static int set_up(void **state)
{
	return crypto_init();
}

#define bench_test(f) cmocka_unit_test_setup_teardown(f, bench_new, bench_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		bench_test(keepalive_ike_and_esp_are_told_apart),
		bench_test(on_port_500_all_is_ike),
		bench_test(an_inner_packet_comes_out),
		bench_test(tfc_bytes_are_cut_off),
		bench_test(ip6_comes_as_41),
		bench_test(outer_faults_are_counted_by_reason),
		bench_test(inner_faults_are_counted_by_reason),
		bench_test(only_the_sas_own_selectors_come_out),
		bench_test(another_sas_selectors_do_not_help),
		bench_test(ecn_is_merged),
		bench_test(bare_esp_has_no_marker),
		bench_test(unknown_spis_are_hinted_at_and_bounded),
		bench_test(a_removed_sa_is_unknown),
		bench_test(an_awaited_packet_is_told_once),
		bench_test(the_first_packet_is_told_once),
		bench_test(the_first_authentic_packet_proves_the_epoch),
		bench_test(the_source_follows_only_the_newest_authentic_packet),
		bench_test(an_expected_source_counts_from_the_first_packet),
		bench_test(the_expected_source_is_that_of_esp),
		bench_test(a_full_event_queue_is_told_again),
		bench_test(a_syn_comes_with_an_mss_that_fits),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
