/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "packet/packet.h"

#include <stdlib.h>

#include "base/err.h"
#include "packets.h"

struct expected {
	const char *hex;
	const char *src, *dst;
	uint8_t proto;
	bool ports;
	uint16_t sport, dport;
};

static const struct expected good[] = {
	{ SYN4, "10.9.0.1", "192.0.2.80", 6, true, 40000, 80 },
	{ UDP6, "fd00::1", "2001:db8::80", 17, true, 5353, 53 },
	{ OPTIONS4, "10.9.0.1", "192.0.2.80", 17, true, 1000, 2000 },
	{ LATER4, "10.9.0.1", "192.0.2.80", 6, false, 0, 0 },
	{ LATER6, "fd00::1", "2001:db8::80", 17, false, 0, 0 },
	{ EXTENDED6, "fd00::1", "2001:db8::80", 6, true, 1, 2 },
	{ AH6, "fd00::1", "2001:db8::80", 51, false, 0, 0 },
	{ ECHO4, "10.9.0.1", "10.1.0.1", 1, true, 0x0800, 0 },
	{ REPLY6, "fd01::1", "fd00::1", 58, true, 0x8100, 0 },
	{ PROHIBITED4, "192.0.2.80", "10.9.0.1", 1, true, 0x030d, 0 },
};

/* From a block of exactly its length, so that the address sanitizer sees one byte too many. */
static int tuple_of(struct slice s, struct tuple *t)
{
	uint8_t *exact = malloc(s.n ? s.n : 1);
	int err;

	memcpy(exact, s.p, s.n);
	err = packet_tuple(slice(exact, s.n), t);
	free(exact);
	return err;
}

static void test_good_packets(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct packet_bytes p = unhex(good[i].hex);
		struct addr src, dst;
		struct tuple t;
		uint32_t length;

		assert_int_equal(tuple_of(BYTES(p), &t), 0);
		addr_parse(good[i].src, &src);
		addr_parse(good[i].dst, &dst);
		assert_true(addr_eq(&t.src, &src));
		assert_true(addr_eq(&t.dst, &dst));
		assert_int_equal(t.proto, good[i].proto);
		assert_int_equal(t.ports, good[i].ports);
		assert_int_equal(t.sport, good[i].sport);
		assert_int_equal(t.dport, good[i].dport);
		assert_int_equal(packet_tuple_length(BYTES(p), &t, &length), 0);
		assert_int_equal(length, p.n);
	}
}

static void test_every_cut_is_malformed(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct packet_bytes p = unhex(good[i].hex);
		struct tuple t;

		for (size_t n = 0; n < p.n; n++)
			assert_int_equal(tuple_of(slice(p.b, n), &t), ERR_MALFORMED);
	}
}

static void test_tfc_padding_is_not_the_packet(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct packet_bytes p = unhex(good[i].hex);
		struct tuple t;
		uint32_t length;

		assert_int_equal(tuple_of(slice(p.b, p.n + 9), &t), 0);
		assert_int_equal(t.dport, good[i].dport);
		assert_int_equal(packet_tuple_length(slice(p.b, p.n + 9), &t, &length), 0);
		assert_int_equal(length, p.n);
	}
}

/* Ports may come from the packet alone, never from the padding behind it. */
static void test_ports_lie_within_the_length(void **state)
{
	struct packet_bytes p = unhex(SYN4);
	struct tuple t;

	put_be16(p.b + 2, 23);
	assert_int_equal(tuple_of(BYTES(p), &t), ERR_MALFORMED);
	put_be16(p.b + 2, 24);
	assert_int_equal(tuple_of(BYTES(p), &t), 0);
	p = unhex(UDP6);
	put_be16(p.b + 4, 3);
	assert_int_equal(tuple_of(BYTES(p), &t), ERR_MALFORMED);
	put_be16(p.b + 4, 4);
	assert_int_equal(tuple_of(BYTES(p), &t), 0);
}

static void test_bad_headers(void **state)
{
	struct packet_bytes p = unhex(SYN4);
	struct tuple t;

	for (unsigned version = 0; version < 16; version++) {
		p.b[0] = (uint8_t)(version << 4 | 5);
		assert_int_equal(tuple_of(BYTES(p), &t) == 0, version == 4);
	}
	for (uint8_t ihl = 0; ihl < 16; ihl++) {
		p.b[0] = (uint8_t)(0x40 | ihl);
		/* 44 bytes: at most 40 of header before four of ports */
		assert_int_equal(tuple_of(BYTES(p), &t) == 0, ihl >= 5 && ihl <= 10);
	}
	p = unhex(SYN4);
	put_be16(p.b + 2, 19);
	assert_int_equal(tuple_of(BYTES(p), &t), ERR_MALFORMED);
}

static struct packet_bytes with_options(unsigned headers, uint8_t type)
{
	struct packet_bytes p = unhex(UDP6);

	memmove(p.b + 40 + 8 * headers, p.b + 40, p.n - 40);
	memset(p.b + 40, 0, 8 * headers);
	p.n += 8 * headers;
	put_be16(p.b + 4, (uint16_t)(p.n - 40));
	p.b[6] = type;
	for (unsigned i = 0; i < headers; i++)
		p.b[40 + 8 * i] = i + 1 < headers ? type : 17;
	return p;
}

static void test_extension_headers_are_bounded(void **state)
{
	struct packet_bytes p = with_options(8, 60);
	struct tuple t;

	assert_int_equal(tuple_of(BYTES(p), &t), 0);
	assert_int_equal(t.dport, 53);
	p = with_options(9, 60);
	assert_int_equal(tuple_of(BYTES(p), &t), ERR_MALFORMED);
	p = with_options(1, 0);
	assert_int_equal(tuple_of(BYTES(p), &t), 0);
	p = with_options(2, 0);
	assert_int_equal(tuple_of(BYTES(p), &t), ERR_MALFORMED);
	p = with_options(2, 60);
	p.b[41] = 255;
	assert_int_equal(tuple_of(BYTES(p), &t), ERR_MALFORMED);
}

static void test_fragments(void **state)
{
	struct packet_bytes p = unhex(SYN4);
	struct packet_layout l;

	assert_int_equal(packet_parse(BYTES(p), &l), 0);
	assert_false(l.fragment || l.later);
	put_be16(p.b + 6, 0x2000);
	assert_int_equal(packet_parse(BYTES(p), &l), 0);
	assert_true(l.fragment && !l.later);
	put_be16(p.b + 6, 0x0001);
	assert_int_equal(packet_parse(BYTES(p), &l), 0);
	assert_true(l.fragment && l.later);
	p = unhex(EXTENDED6);
	assert_int_equal(packet_parse(BYTES(p), &l), 0);
	assert_true(l.fragment && !l.later);
	assert_int_equal(l.upper, p.n - 20);
	/* An atomic fragment (RFC 6946) is whole. */
	p = with_options(1, 44);
	assert_int_equal(packet_parse(BYTES(p), &l), 0);
	assert_false(l.fragment || l.later);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_packets),
		cmocka_unit_test(test_every_cut_is_malformed),
		cmocka_unit_test(test_tfc_padding_is_not_the_packet),
		cmocka_unit_test(test_ports_lie_within_the_length),
		cmocka_unit_test(test_bad_headers),
		cmocka_unit_test(test_extension_headers_are_bounded),
		cmocka_unit_test(test_fragments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
