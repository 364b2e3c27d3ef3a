/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "packet/packet.h"

#include "packets.h"

static void check(const uint8_t *got, size_t n, const char *want_hex)
{
	struct packet_bytes want = unhex(want_hex);

	assert_int_equal(n, want.n);
	assert_memory_equal(got, want.b, n);
}

static void test_errors_as_scapy_builds_them(void **state)
{
	struct packet_bytes syn = unhex(SYN4), udp = unhex(UDP6);
	uint8_t buf[PACKET_ICMP_MAX];

	check(buf, packet_icmp_prohibited(BYTES(syn), buf, sizeof(buf)), PROHIBITED4);
	check(buf, packet_icmp_too_big(BYTES(syn), 1380, buf, sizeof(buf)), TOO_BIG4);
	check(buf, packet_icmp_prohibited(BYTES(udp), buf, sizeof(buf)), PROHIBITED6);
	check(buf, packet_icmp_too_big(BYTES(udp), 1280, buf, sizeof(buf)), TOO_BIG6);
	/* TFC padding is not quoted. */
	check(buf, packet_icmp_prohibited(slice(syn.b, syn.n + 5), buf, sizeof(buf)), PROHIBITED4);
}

static size_t prohibited(struct slice ip)
{
	uint8_t buf[PACKET_ICMP_MAX];

	return packet_icmp_prohibited(ip, buf, sizeof(buf));
}

static void test_none_for_errors(void **state)
{
	static const uint8_t errors4[] = { 3, 4, 5, 11, 12 };
	struct packet_bytes p = unhex(PROHIBITED4);

	for (size_t i = 0; i < ARRAY_SIZE(errors4); i++) {
		p.b[20] = errors4[i];
		assert_int_equal(prohibited(BYTES(p)), 0);
	}
	p = unhex(PROHIBITED6);
	for (unsigned type = 0; type < 256; type++) {
		p.b[40] = (uint8_t)type;
		assert_int_equal(prohibited(BYTES(p)) == 0, type < 128 || type == 137);
	}
	p = unhex(ECHO4);
	assert_int_not_equal(prohibited(BYTES(p)), 0);
}

static void test_none_for_fragments_and_garbage(void **state)
{
	struct packet_bytes p = unhex(LATER4);

	assert_int_equal(prohibited(BYTES(p)), 0);
	p = unhex(LATER6);
	assert_int_equal(prohibited(BYTES(p)), 0);
	p = unhex(EXTENDED6);
	assert_int_not_equal(prohibited(BYTES(p)), 0);
	assert_int_equal(prohibited(slice(p.b, p.n - 1)), 0);
	assert_int_equal(prohibited(SLICE_NONE), 0);
}

static void test_none_for_more_than_one_host(void **state)
{
	static const uint8_t bad[] = { 0, 127, 224, 239, 255 };
	struct packet_bytes p;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		p = unhex(SYN4);
		p.b[12] = bad[i];
		assert_int_equal(prohibited(BYTES(p)), 0);
		p = unhex(SYN4);
		p.b[16] = bad[i];
		assert_int_equal(prohibited(BYTES(p)), 0);
	}
	p = unhex(UDP6);
	p.b[24] = 0xff;
	assert_int_equal(prohibited(BYTES(p)), 0);
	p = unhex(UDP6);
	memset(p.b + 8, 0, 16);
	assert_int_equal(prohibited(BYTES(p)), 0);
}

static void test_quotes_are_bounded(void **state)
{
	uint8_t big[1500] = { 0 }, buf[PACKET_ICMP_MAX + 1];
	struct packet_bytes p = unhex(SYN4);

	memcpy(big, p.b, p.n);
	put_be16(big + 2, sizeof(big));
	assert_int_equal(packet_icmp_prohibited(SLICE_OF(big), buf, sizeof(buf)), 576);
	assert_memory_equal(buf + 28, big, 576 - 28);
	assert_int_equal(packet_icmp_prohibited(SLICE_OF(big), buf, 100), 100);
	assert_int_equal(packet_checksum(slice(buf + 20, 80)), 0);
	assert_int_equal(packet_icmp_prohibited(SLICE_OF(big), buf, 56), 56);
	assert_int_equal(packet_icmp_prohibited(SLICE_OF(big), buf, 55), 0);
	p = unhex(UDP6);
	memcpy(big, p.b, p.n);
	put_be16(big + 4, sizeof(big) - 40);
	assert_int_equal(packet_icmp_too_big(SLICE_OF(big), 1400, buf, sizeof(buf)), 1280);
	assert_memory_equal(buf + 48, big, 1280 - 48);
}

static void test_mtu_fits_its_field(void **state)
{
	struct packet_bytes p = unhex(SYN4);
	uint8_t buf[PACKET_ICMP_MAX];

	assert_int_not_equal(packet_icmp_too_big(BYTES(p), 70000, buf, sizeof(buf)), 0);
	assert_int_equal(get_be32(buf + 24), 0xffff);
}

static void test_dont_fragment(void **state)
{
	struct packet_bytes p = unhex(SYN4);

	assert_true(packet_dont_fragment(BYTES(p)));
	p = unhex(REPLY4);
	assert_false(packet_dont_fragment(BYTES(p)));
	p = unhex(UDP6);
	assert_true(packet_dont_fragment(BYTES(p)));
}

static struct packet_echo echo_of(const char *src, const char *dst)
{
	struct packet_echo e = { .id = 0xbeef, .sequence = 7, .payload = SLICE_STR("godwit!") };

	assert_true(addr_parse(src, &e.src) && addr_parse(dst, &e.dst));
	return e;
}

static void test_echo_requests_as_scapy_builds_them(void **state)
{
	struct packet_echo e4 = echo_of("10.9.0.1", "10.1.0.1"), e6 = echo_of("fd00::1", "fd01::1");
	uint8_t buf[64];

	check(buf, packet_echo_request(&e4, buf, sizeof(buf)), ECHO4);
	check(buf, packet_echo_request(&e6, buf, sizeof(buf)), ECHO6);
	assert_int_equal(packet_echo_request(&e4, buf, 34), 0);
	assert_int_equal(packet_echo_request(&e6, buf, 54), 0);
}

/* Any bit of the ICMP message, and any address, that differs makes it another packet. */
static void reply_is_exact(const struct packet_echo *e, const char *hex, size_t upper)
{
	struct packet_bytes p = unhex(hex);
	size_t addresses = family_size(e->src.family) * 2;

	assert_true(packet_echo_is_reply(BYTES(p), e));
	assert_true(packet_echo_is_reply(slice(p.b, p.n + 3), e));
	for (size_t i = upper - addresses; i < p.n; i++) {
		p.b[i] ^= 1;
		assert_false(packet_echo_is_reply(BYTES(p), e));
		p.b[i] ^= 1;
	}
	for (size_t n = 0; n < p.n; n++)
		assert_false(packet_echo_is_reply(slice(p.b, n), e));
}

static void test_echo_replies(void **state)
{
	struct packet_echo e4 = echo_of("10.9.0.1", "10.1.0.1"), e6 = echo_of("fd00::1", "fd01::1");
	struct packet_bytes p = unhex(ECHO4);

	reply_is_exact(&e4, REPLY4, 20);
	reply_is_exact(&e6, REPLY6, 40);
	assert_false(packet_echo_is_reply(BYTES(p), &e4));
	p = unhex(REPLY4);
	e4.sequence = 8;
	assert_false(packet_echo_is_reply(BYTES(p), &e4));
	e4.sequence = 7;
	e4.id = 0xbeee;
	assert_false(packet_echo_is_reply(BYTES(p), &e4));
	e4.id = 0xbeef;
	e4.payload = SLICE_STR("godwit");
	assert_false(packet_echo_is_reply(BYTES(p), &e4));
}

/* Whose reply it is is for the caller to say. */
static void test_echo_replies_come_apart(void **state)
{
	struct packet_echo e4 = echo_of("10.9.0.1", "10.1.0.1"), reply;
	struct packet_bytes p = unhex(REPLY4);

	assert_true(packet_echo_reply(BYTES(p), &reply));
	assert_true(addr_eq(&reply.src, &e4.dst));
	assert_true(addr_eq(&reply.dst, &e4.src));
	assert_int_equal(reply.id, e4.id);
	assert_int_equal(reply.sequence, e4.sequence);
	assert_true(slice_eq(reply.payload, e4.payload));
	assert_ptr_equal(reply.payload.p, p.b + 28);
	for (size_t n = 0; n < p.n; n++)
		assert_false(packet_echo_reply(slice(p.b, n), &reply));
	p.b[6] = 0x20; /* more fragments follow */
	assert_false(packet_echo_reply(BYTES(p), &reply));
	p = unhex(ECHO6);
	assert_false(packet_echo_reply(BYTES(p), &reply));
	p = unhex(REPLY6);
	assert_true(packet_echo_reply(BYTES(p), &reply));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors_as_scapy_builds_them),
		cmocka_unit_test(test_none_for_errors),
		cmocka_unit_test(test_none_for_fragments_and_garbage),
		cmocka_unit_test(test_none_for_more_than_one_host),
		cmocka_unit_test(test_quotes_are_bounded),
		cmocka_unit_test(test_mtu_fits_its_field),
		cmocka_unit_test(test_dont_fragment),
		cmocka_unit_test(test_echo_requests_as_scapy_builds_them),
		cmocka_unit_test(test_echo_replies),
		cmocka_unit_test(test_echo_replies_come_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
