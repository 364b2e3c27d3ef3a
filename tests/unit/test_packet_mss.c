/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "packet/packet.h"

#include "packets.h"

/* An IPv4 SYN with these options, which are padded by nothing: n is a multiple of 4. */
static struct packet_bytes syn4(struct slice options)
{
	struct packet_bytes p = { .n = 40 + options.n };
	struct packet_layout l;
	uint64_t sum;

	p.b[0] = 0x45;
	put_be16(p.b + 2, (uint16_t)p.n);
	p.b[8] = 64;
	p.b[9] = PACKET_TCP;
	put_be32(p.b + 12, 0x0a090001);
	put_be32(p.b + 16, 0xc0000250);
	put_be16(p.b + 10, packet_checksum(slice(p.b, 20)));
	put_be16(p.b + 20, 40000);
	put_be16(p.b + 22, 80);
	p.b[32] = (uint8_t)((20 + options.n) / 4 << 4);
	p.b[33] = 0x02;
	memcpy(p.b + 40, options.p, options.n);
	assert_int_equal(packet_parse(BYTES(p), &l), 0);
	sum = packet_sum_pseudo(0, &l.src, &l.dst, PACKET_TCP, (uint32_t)(20 + options.n));
	put_be16(p.b + 36, packet_sum_finish(packet_sum_add(sum, slice(p.b + 20, p.n - 20))));
	return p;
}

/* The checksum of the TCP segment is right. */
static void expect_sound(const struct packet_bytes *p)
{
	struct packet_layout l;
	uint64_t sum;

	assert_int_equal(packet_parse(slice(p->b, p->n), &l), 0);
	sum = packet_sum_pseudo(0, &l.src, &l.dst, PACKET_TCP, l.length - l.upper);
	sum = packet_sum_add(sum, slice(p->b + l.upper, l.length - l.upper));
	assert_int_equal(packet_sum_finish(sum), 0);
}

static void expect_unchanged(struct packet_bytes p, uint32_t mtu)
{
	struct packet_bytes before = p;

	assert_false(packet_clamp_mss(p.b, p.n, mtu));
	assert_memory_equal(p.b, before.b, p.n);
}

#define OPTIONS(text) slice(text, sizeof(text) - 1)

static void test_lowered_and_never_raised(void **state)
{
	struct packet_bytes p = unhex(SYN4);

	expect_sound(&p);
	expect_unchanged(p, 1400); /* it asks for 1360 */
	expect_unchanged(p, 65535);
	for (uint32_t mtu = 1399; mtu > 40; mtu--) {
		assert_true(packet_clamp_mss(p.b, p.n, mtu));
		assert_int_equal(get_be16(p.b + 42), mtu - 40);
		expect_sound(&p);
	}
	expect_unchanged(p, 40);
	expect_unchanged(p, 0);
}

static void test_syn_ack_and_options_around(void **state)
{
	/* As Linux sends them: MSS, SACK permitted, timestamps, NOP, window scale. */
	struct packet_bytes p = syn4(OPTIONS("\2\4\5\xb4\4\2\x8\xa\1\2\3\4\0\0\0\0\1\3\3\7"));
	struct packet_bytes want = p;

	p.b[33] = 0x12;
	put_be16(p.b + 36, (uint16_t)(get_be16(p.b + 36) - 0x10));
	expect_sound(&p);
	want = p;
	assert_true(packet_clamp_mss(p.b, p.n, 1300));
	expect_sound(&p);
	put_be16(want.b + 42, 1260);
	memcpy(want.b + 36, p.b + 36, 2);
	assert_memory_equal(p.b, want.b, p.n);
}

/* Its value lies across two words of the checksum. */
static void test_at_an_odd_offset(void **state)
{
	for (unsigned mss = 1261; mss < 65536; mss += 37) {
		struct packet_bytes p = syn4(OPTIONS("\1\2\4\5\xb4\1\3\3\7\0\0\0"));

		put_be16(p.b + 36, 0);
		put_be16(p.b + 43, (uint16_t)mss);
		p = syn4(slice(p.b + 40, 12));
		expect_sound(&p);
		assert_true(packet_clamp_mss(p.b, p.n, 1300));
		assert_int_equal(get_be16(p.b + 43), 1260);
		expect_sound(&p);
	}
}

static void test_each_of_several(void **state)
{
	struct packet_bytes p = syn4(OPTIONS("\2\4\5\xb4\2\4\1\0\2\4\xff\xff"));

	assert_true(packet_clamp_mss(p.b, p.n, 1300));
	assert_int_equal(get_be16(p.b + 42), 1260);
	assert_int_equal(get_be16(p.b + 46), 256);
	assert_int_equal(get_be16(p.b + 50), 1260);
	expect_sound(&p);
}

static void test_left_alone(void **state)
{
	static const struct {
		const char *options;
		unsigned n;
	} bad[] = {
		{ "\2\4\5\xb4\3\0\0\0", 8 }, /* a length of 0 */
		{ "\2\4\5\xb4\3\1\0\0", 8 }, /* and of 1 */
		{ "\2\4\5\xb4\3\5\0\0", 8 }, /* one that reaches beyond the header */
		{ "\2\3\5\xb4", 4 }, /* an MSS of another length */
		{ "\2\5\5\xb4\0\0\0\0", 8 },
		{ "\1\1\2\4", 4 }, /* and of none */
		{ "\1\1\1\2", 4 },
		{ "\0\2\4\5\xb4\0\0\0", 8 }, /* behind the end */
		{ "\1\1\4\2", 4 }, /* none at all */
		{ "", 0 },
	};
	struct packet_bytes p;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		expect_unchanged(syn4(slice(bad[i].options, bad[i].n)), 600);
	p = syn4(OPTIONS("\2\4\5\xb4"));
	p.b[33] = 0x10; /* no SYN */
	expect_unchanged(p, 600);
	p = syn4(OPTIONS("\2\4\5\xb4"));
	p.b[9] = PACKET_UDP;
	expect_unchanged(p, 600);
	p = syn4(OPTIONS("\2\4\5\xb4"));
	put_be16(p.b + 6, 100); /* a later fragment */
	expect_unchanged(p, 600);
	p = syn4(OPTIONS("\2\4\5\xb4"));
	p.b[32] = 0x70; /* its header is longer than the packet */
	expect_unchanged(p, 600);
	p.b[32] = 0x40; /* and shorter than any */
	expect_unchanged(p, 600);
	p.b[0] = 0x55;
	expect_unchanged(p, 600);
}

/* Behind the packet there may be padding, which must not be taken for options. */
static void test_padding_is_not_looked_at(void **state)
{
	struct packet_bytes p = syn4(OPTIONS(""));

	memcpy(p.b + p.n, "\2\4\5\xb4", 4);
	p.b[32] = 0x60;
	p.n += 4;
	expect_unchanged(p, 600);
}

static void test_ip6(void **state)
{
	struct packet_bytes p4 = syn4(OPTIONS("\2\4\5\xb4")), p = { .n = 40 + 8 + 24 };
	struct packet_layout l;

	p.b[0] = 0x60;
	p.b[5] = 32;
	p.b[6] = PACKET_DESTINATION_OPTIONS;
	p.b[7] = 64;
	p.b[8] = p.b[24] = 0xfd;
	p.b[40] = PACKET_TCP;
	p.b[42] = 1; /* PadN */
	p.b[43] = 4;
	memcpy(p.b + 48, p4.b + 20, 24);
	put_be16(p.b + 64, 0);
	assert_int_equal(packet_parse(BYTES(p), &l), 0);
	put_be16(p.b + 64, packet_sum_finish(packet_sum_add(packet_sum_pseudo(0, &l.src, &l.dst,
									      PACKET_TCP, 24),
							    slice(p.b + 48, 24))));
	expect_sound(&p);
	expect_unchanged(p, 1520);
	assert_true(packet_clamp_mss(p.b, p.n, 1280));
	assert_int_equal(get_be16(p.b + 70), 1220);
	expect_sound(&p);
	expect_unchanged(p, 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lowered_and_never_raised),
		cmocka_unit_test(test_syn_ack_and_options_around),
		cmocka_unit_test(test_at_an_odd_offset),
		cmocka_unit_test(test_each_of_several),
		cmocka_unit_test(test_left_alone),
		cmocka_unit_test(test_padding_is_not_looked_at),
		cmocka_unit_test(test_ip6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
