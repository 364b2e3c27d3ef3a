/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "packet/packet.h"

#include "base/err.h"
#include "packets.h"

/* RFC 1071 section 3: the bytes 00 01 f2 03 f4 f5 f6 f7 sum to ddf2. */
static void test_rfc1071_example(void **state)
{
	static const uint8_t data[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };

	assert_int_equal(packet_checksum(SLICE_OF(data)), (uint16_t)~0xddf2);
}

static uint16_t slow_checksum(struct slice s)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < s.n; i++)
		sum += i % 2 ? s.p[i] : (uint32_t)s.p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void test_against_bytewise_sum(void **state)
{
	uint8_t data[1500];
	uint32_t x = 1;

	for (size_t i = 0; i < sizeof(data); i++) {
		x = x * 1664525 + 1013904223;
		data[i] = i % 7 ? (uint8_t)(x >> 24) : 0xff;
	}
	for (size_t n = 0; n < sizeof(data); n++)
		assert_int_equal(packet_checksum(slice(data, n)), slow_checksum(slice(data, n)));
	memset(data, 0xff, sizeof(data));
	for (size_t n = 0; n < sizeof(data); n++)
		assert_int_equal(packet_checksum(slice(data, n)), slow_checksum(slice(data, n)));
}

static void test_sum_in_pieces(void **state)
{
	struct packet_bytes p = unhex(UDP6);

	for (size_t cut = 0; cut <= p.n; cut += 2) {
		uint64_t sum = packet_sum_add(0, slice(p.b, cut));

		sum = packet_sum_add(sum, slice(p.b + cut, p.n - cut));
		assert_int_equal(packet_sum_finish(sum), packet_checksum(BYTES(p)));
	}
}

static uint16_t upper_checksum(struct slice ip)
{
	struct packet_layout l;
	uint64_t sum;

	assert_int_equal(packet_parse(ip, &l), 0);
	sum = packet_sum_pseudo(0, &l.src, &l.dst, l.proto, l.length - l.upper);
	return packet_sum_finish(packet_sum_add(sum, slice(ip.p + l.upper, l.length - l.upper)));
}

static void test_pseudo_headers(void **state)
{
	static const char *const packets[] = { SYN4, UDP6, OPTIONS4 };

	for (size_t i = 0; i < ARRAY_SIZE(packets); i++) {
		struct packet_bytes p = unhex(packets[i]);

		assert_int_equal(upper_checksum(BYTES(p)), 0);
		p.b[p.n - 2] ^= 0x40;
		assert_int_not_equal(upper_checksum(BYTES(p)), 0);
	}
}

/* RFC 1624 section 4: header checksum dd2f, word 5555 becomes 3285. */
static void test_adjust_rfc1624(void **state)
{
	uint8_t field[2] = { 0xdd, 0x2f };

	packet_checksum_adjust(field, 0x5555, 0x3285);
	assert_int_equal(get_be16(field), 0x0000);
}

static void test_adjust_equals_new_sum(void **state)
{
	struct packet_bytes p = unhex(SYN4);

	for (unsigned word = 0; word < 0x10000; word += 7) {
		uint16_t before = get_be16(p.b + 4);

		put_be16(p.b + 4, (uint16_t)word);
		packet_checksum_adjust(p.b + 10, before, (uint16_t)word);
		assert_int_equal(packet_checksum(slice(p.b, 20)), 0);
	}
}

/* Leaves in the field what the kernel does: the folded sum of the pseudo header alone. */
static void open_checksum(struct packet_bytes *p, size_t offset)
{
	struct packet_layout l;

	assert_int_equal(packet_parse(BYTES(*p), &l), 0);
	put_be16(p->b + l.upper + offset, (uint16_t)~packet_sum_finish(packet_sum_pseudo(
						  0, &l.src, &l.dst, l.proto, l.length - l.upper)));
}

static void test_complete_csum(void **state)
{
	struct packet_bytes want = unhex(SYN4), p = want;

	open_checksum(&p, 16);
	assert_int_equal(packet_complete_csum(p.b, p.n, 20, 16), 0);
	assert_memory_equal(p.b, want.b, want.n);
	want = p = unhex(UDP6);
	open_checksum(&p, 6);
	assert_int_equal(packet_complete_csum(p.b, p.n, 40, 6), 0);
	assert_memory_equal(p.b, want.b, want.n);
}

static void test_complete_csum_never_writes_zero(void **state)
{
	uint8_t data[8] = { 0xff, 0xff };

	assert_int_equal(packet_complete_csum(data, sizeof(data), 0, 6), 0);
	assert_int_equal(get_be16(data + 6), 0xffff);
}

static void test_complete_csum_bounds(void **state)
{
	struct packet_bytes p = unhex(UDP6);

	assert_int_equal(packet_complete_csum(p.b, p.n, p.n - 2, 0), 0);
	assert_int_equal(packet_complete_csum(p.b, p.n, p.n - 2, 1), ERR_MALFORMED);
	assert_int_equal(packet_complete_csum(p.b, p.n, p.n - 1, 0), ERR_MALFORMED);
	assert_int_equal(packet_complete_csum(p.b, p.n, p.n + 1, 0), ERR_MALFORMED);
	assert_int_equal(packet_complete_csum(p.b, p.n, 40, SIZE_MAX - 1), ERR_MALFORMED);
	assert_int_equal(packet_complete_csum(p.b, 0, 0, 0), ERR_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc1071_example),
		cmocka_unit_test(test_against_bytewise_sum),
		cmocka_unit_test(test_sum_in_pieces),
		cmocka_unit_test(test_pseudo_headers),
		cmocka_unit_test(test_adjust_rfc1624),
		cmocka_unit_test(test_adjust_equals_new_sum),
		cmocka_unit_test(test_complete_csum),
		cmocka_unit_test(test_complete_csum_never_writes_zero),
		cmocka_unit_test(test_complete_csum_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
