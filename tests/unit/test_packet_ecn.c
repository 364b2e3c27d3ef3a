/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "packet/packet.h"

#include "packets.h"

#define DROP 9

/* RFC 6040 figure 4, written as [inner][outer] of the code points 00, 01 (ECT 1), 10 (ECT 0), 11. */
static const uint8_t figure4[4][4] = {
	{ 0, 0, 0, DROP },
	{ 1, 1, 1, 3 },
	{ 2, 1, 2, 3 },
	{ 3, 3, 3, 3 },
};

static void merge4(uint8_t inner, uint8_t outer)
{
	struct packet_bytes p = unhex(SYN4), before;

	p.b[1] = (uint8_t)(0xb8 | inner);
	put_be16(p.b + 10, 0);
	put_be16(p.b + 10, packet_checksum(slice(p.b, 20)));
	before = p;
	assert_int_equal(packet_ecn(BYTES(p)), inner);
	if (figure4[inner][outer] == DROP) {
		assert_false(packet_ecn_decapsulate(p.b, p.n, outer));
		assert_memory_equal(p.b, before.b, p.n);
		return;
	}
	assert_true(packet_ecn_decapsulate(p.b, p.n, outer));
	assert_int_equal(p.b[1], 0xb8 | figure4[inner][outer]);
	assert_int_equal(packet_checksum(slice(p.b, 20)), 0);
}

static void merge6(uint8_t inner, uint8_t outer)
{
	struct packet_bytes p = unhex(UDP6), before;

	put_be32(p.b, 0x6b8abcde | (uint32_t)inner << 20);
	before = p;
	assert_int_equal(packet_ecn(BYTES(p)), inner);
	if (figure4[inner][outer] == DROP) {
		assert_false(packet_ecn_decapsulate(p.b, p.n, outer));
		assert_memory_equal(p.b, before.b, p.n);
		return;
	}
	assert_true(packet_ecn_decapsulate(p.b, p.n, outer));
	assert_int_equal(get_be32(p.b), 0x6b8abcde | (uint32_t)figure4[inner][outer] << 20);
	assert_memory_equal(p.b + 4, before.b + 4, p.n - 4);
}

static void test_all_pairs(void **state)
{
	for (uint8_t inner = 0; inner < 4; inner++) {
		for (uint8_t outer = 0; outer < 4; outer++) {
			merge4(inner, outer);
			merge6(inner, outer);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_pairs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
