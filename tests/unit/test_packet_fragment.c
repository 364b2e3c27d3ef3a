/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "packet/packet.h"

#include "packets.h"

#define MAX 4000

/* An IPv4 packet of n bytes whose payload tells each byte from its neighbours. */
static struct slice packet(uint8_t *b, struct slice options, size_t n)
{
	size_t header = 20 + options.n;

	memset(b, 0, n);
	b[0] = (uint8_t)(0x40 | header / 4);
	b[1] = 0xb9;
	put_be16(b + 2, (uint16_t)n);
	put_be16(b + 4, 0xbeef);
	b[8] = 64;
	b[9] = PACKET_UDP;
	put_be32(b + 12, 0x0a090001);
	put_be32(b + 16, 0xc0000250);
	if (options.n)
		memcpy(b + 20, options.p, options.n);
	put_be16(b + 10, packet_checksum(slice(b, header)));
	for (size_t i = header; i < n; i++)
		b[i] = (uint8_t)(i * 7 + i / 256);
	return slice(b, n);
}

/* One fragment is sound and is what the whole has at its place; returns its payload's length. */
static size_t expect_piece(struct slice piece, struct slice whole, size_t at, uint32_t mtu)
{
	size_t header = 4U * (piece.p[0] & 15), from = 4U * (whole.p[0] & 15) + at;
	uint16_t flags = get_be16(piece.p + 6), was = get_be16(whole.p + 6);

	assert_true(piece.n <= mtu && get_be16(piece.p + 2) == piece.n);
	assert_int_equal(packet_checksum(slice(piece.p, header)), 0);
	assert_int_equal(get_be16(piece.p + 4), get_be16(whole.p + 4));
	assert_int_equal(piece.p[1], whole.p[1]);
	assert_memory_equal(piece.p + 8, whole.p + 8, 2);
	assert_memory_equal(piece.p + 12, whole.p + 12, 8);
	assert_int_equal(8 * (flags & 0x1fff), 8 * (was & 0x1fff) + at);
	assert_int_equal(!!(flags & 0x2000), from + piece.n - header < whole.n || (was & 0x2000));
	assert_true(from + piece.n - header <= whole.n);
	assert_memory_equal(piece.p + header, whole.p + from, piece.n - header);
	return piece.n - header;
}

/* Cuts as a caller would: all but the first, then the first in its own place. */
static unsigned cut(struct slice whole, uint32_t mtu)
{
	uint8_t copy[MAX], piece[MAX];
	uint32_t at = 0, first, from;
	unsigned n = 1;
	size_t got, covered;

	memcpy(copy, whole.p, whole.n);
	first = (uint32_t)packet_fragment4(whole, mtu, &at, NULL, 0);
	assert_true(first > 0);
	assert_memory_equal(copy, whole.p, whole.n);
	covered = at;
	while (at) {
		from = at;
		got = packet_fragment4(whole, mtu, &at, piece, mtu);
		assert_int_equal(from, covered);
		covered += expect_piece(slice(piece, got), whole, from, mtu);
		n++;
	}
	assert_int_equal(packet_fragment4(slice(copy, whole.n), mtu, &at, copy, whole.n), first);
	got = expect_piece(slice(copy, first), whole, 0, mtu);
	assert_int_equal(n > 1 ? covered : got, whole.n - 4U * (whole.p[0] & 15));
	return n;
}

static void test_every_size(void **state)
{
	uint8_t b[MAX];

	for (size_t n = 28; n < 1600; n += n < 700 ? 1 : 13)
		for (uint32_t mtu = 576; mtu < 1400; mtu += 101) {
			unsigned want =
				(unsigned)((n - 20 + ((mtu - 20) & ~7U) - 1) / ((mtu - 20) & ~7U));
			unsigned pieces = cut(packet(b, SLICE_NONE, n), mtu);

			/* The last may be larger than a multiple of eight. */
			assert_true(pieces == want || pieces + 1 == want);
		}
	assert_int_equal(cut(packet(b, SLICE_NONE, 576), 576), 1);
	assert_int_equal(cut(packet(b, SLICE_NONE, 577), 576), 2);
	assert_int_equal(cut(packet(b, SLICE_NONE, 36), 28), 2);
}

static void test_a_fragment_is_cut_again(void **state)
{
	uint8_t b[MAX];
	struct slice p = packet(b, SLICE_NONE, 1500);

	put_be16(b + 6, 0x2000 | 100);
	assert_int_equal(cut(p, 600), 3);
	put_be16(b + 6, 185); /* a last one */
	assert_int_equal(cut(p, 600), 3);
}

/* Record route is in the first alone, the security option in all (RFC 791 section 3.1). */
static void test_options(void **state)
{
	static const uint8_t options[] = { 7,	7, 4, 0, 0, 0, 0, /* record route */
					   130, 3, 9, /* copied */
					   1,	0 };
	uint8_t b[MAX], piece[MAX];
	struct slice p = packet(b, SLICE_OF(options), 1400);
	uint32_t at = 0;

	assert_int_equal(cut(p, 600), 3);
	assert_int_equal(packet_fragment4(p, 600, &at, piece, sizeof(piece)), 32 + 568);
	assert_memory_equal(piece + 20, options, sizeof(options));
	assert_int_equal(packet_fragment4(p, 600, &at, piece, sizeof(piece)), 24 + 576);
	assert_memory_equal(piece + 20, "\x82\3\x9\0", 4);
	b[21] = 1; /* a length that is none */
	assert_int_equal(packet_fragment4(p, 600, &at, piece, sizeof(piece)), 0);
	b[21] = 13; /* and one beyond the header */
	assert_int_equal(packet_fragment4(p, 600, &at, piece, sizeof(piece)), 0);
}

static void test_refused(void **state)
{
	struct packet_bytes udp6 = unhex(UDP6);
	uint8_t b[MAX], piece[MAX];
	struct slice p = packet(b, SLICE_NONE, 1500);
	uint32_t at = 0;

	assert_int_equal(packet_fragment4(BYTES(udp6), 50, &at, piece, sizeof(piece)), 0);
	assert_int_equal(packet_fragment4(p, 27, &at, piece, sizeof(piece)), 0);
	assert_int_equal(packet_fragment4(p, 600, &at, piece, 595), 0);
	at = 1480;
	assert_int_equal(packet_fragment4(p, 600, &at, piece, sizeof(piece)), 0);
	at = 4;
	assert_int_equal(packet_fragment4(p, 600, &at, piece, sizeof(piece)), 0);
	at = 0;
	put_be16(b + 6, 0x4000);
	assert_int_equal(packet_fragment4(p, 600, &at, piece, sizeof(piece)), 0);
	put_be16(b + 6, 0x1fff); /* would end beyond what an offset can say */
	assert_int_not_equal(packet_fragment4(p, 600, &at, piece, sizeof(piece)), 0);
	assert_int_equal(packet_fragment4(p, 600, &at, piece, sizeof(piece)), 0);
	assert_int_equal(packet_fragment4(slice(b, 1499), 600, &at, piece, sizeof(piece)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_size),
		cmocka_unit_test(test_a_fragment_is_cut_again),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
