/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "tests/support/hex.h"

static void test_big_endian(void **state)
{
	uint8_t b[8];

	put_be16(b, 0xf1e2);
	assert_true(hex_eq(slice(b, 2), "f1e2"));
	assert_int_equal(get_be16(b), 0xf1e2);
	put_be32(b, 0xf1e2d3c4);
	assert_true(hex_eq(slice(b, 4), "f1e2d3c4"));
	assert_int_equal(get_be32(b), 0xf1e2d3c4);
	put_be64(b, 0xf1e2d3c4b5a69788);
	assert_true(hex_eq(slice(b, 8), "f1e2d3c4b5a69788"));
	assert_true(get_be64(b) == 0xf1e2d3c4b5a69788);
}

static void test_slice_eq(void **state)
{
	assert_true(slice_eq(SLICE_NONE, SLICE_NONE));
	assert_true(slice_eq(SLICE_NONE, SLICE_STR("")));
	assert_true(slice_eq(SLICE_STR("ab"), SLICE_STR("ab")));
	assert_false(slice_eq(SLICE_STR("ab"), SLICE_STR("ac")));
	assert_false(slice_eq(SLICE_STR("ab"), SLICE_STR("abc")));
	assert_false(slice_eq(SLICE_STR("ab"), SLICE_NONE));
}

static void test_reader(void **state)
{
	uint8_t in[19], copy[2];
	struct slice s;
	struct rd r;

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i + 1);
	rd_init(&r, SLICE_OF(in));
	assert_int_equal(rd_u8(&r), 0x01);
	assert_int_equal(rd_u16(&r), 0x0203);
	assert_int_equal(rd_u32(&r), 0x04050607);
	assert_true(rd_u64(&r) == 0x08090a0b0c0d0e0f);
	assert_int_equal(rd_left(&r), 4);
	rd_copy(&r, copy, 2);
	assert_true(hex_eq(SLICE_OF(copy), "1011"));
	s = rd_slice(&r, 1);
	assert_ptr_equal(s.p, in + 17);
	assert_int_equal(s.n, 1);
	s = rd_rest(&r);
	assert_ptr_equal(s.p, in + 18);
	assert_int_equal(s.n, 1);
	assert_int_equal(rd_left(&r), 0);
	assert_false(r.bad);
}

/* Everything after the first read that does not fit yields nothing, even what would fit. */
static void check_stays_bad(struct rd *r)
{
	uint8_t copy[4] = { 1, 2, 3, 4 };

	assert_true(r->bad);
	assert_int_equal(rd_left(r), 0);
	assert_int_equal(rd_u8(r), 0);
	assert_int_equal(rd_u16(r), 0);
	assert_int_equal(rd_u32(r), 0);
	assert_true(rd_u64(r) == 0);
	assert_null(rd_slice(r, 1).p);
	assert_int_equal(rd_slice(r, 1).n, 0);
	assert_int_equal(rd_rest(r).n, 0);
	assert_null(rd_rest(r).p);
	rd_copy(r, copy, sizeof(copy));
	assert_int_equal(get_be32(copy), 0);
	assert_true(r->bad);
}

static void test_reader_past_the_end(void **state)
{
	static const size_t widths[] = { 1, 2, 4, 8 };
	uint8_t in[8];
	struct rd r;

	memset(in, 0xff, sizeof(in));
	for (size_t w = 0; w < ARRAY_SIZE(widths); w++) {
		for (size_t n = 0; n < widths[w]; n++) {
			uint64_t got = 1;

			rd_init(&r, slice(in, n));
			switch (widths[w]) {
			case 1:
				got = rd_u8(&r);
				break;
			case 2:
				got = rd_u16(&r);
				break;
			case 4:
				got = rd_u32(&r);
				break;
			case 8:
				got = rd_u64(&r);
				break;
			}
			assert_true(got == 0);
			check_stays_bad(&r);
		}
	}
	rd_init(&r, SLICE_OF(in));
	assert_int_equal(rd_slice(&r, 9).n, 0);
	check_stays_bad(&r);
	rd_init(&r, SLICE_OF(in));
	assert_null(rd_slice(&r, SIZE_MAX).p);
	check_stays_bad(&r);
}

static void test_reader_copy_past_the_end(void **state)
{
	uint8_t in[3] = { 7, 7, 7 }, out[4] = { 9, 9, 9, 9 };
	struct rd r;

	rd_init(&r, SLICE_OF(in));
	rd_copy(&r, out, 4);
	assert_int_equal(get_be32(out), 0);
	check_stays_bad(&r);
}

static void test_reader_of_nothing(void **state)
{
	struct rd r;

	rd_init(&r, SLICE_NONE);
	assert_int_equal(rd_left(&r), 0);
	assert_int_equal(rd_slice(&r, 0).n, 0);
	assert_int_equal(rd_rest(&r).n, 0);
	rd_copy(&r, NULL, 0);
	assert_false(r.bad);
	assert_int_equal(rd_u8(&r), 0);
	assert_true(r.bad);
}

static void test_writer(void **state)
{
	uint8_t buf[24];
	struct wr w;

	memset(buf, 0xee, sizeof(buf));
	wr_init(&w, buf, sizeof(buf));
	assert_int_equal(wr_left(&w), 24);
	wr_u8(&w, 0x01);
	wr_u16(&w, 0x0203);
	wr_u32(&w, 0x04050607);
	wr_u64(&w, 0x08090a0b0c0d0e0f);
	wr_slice(&w, SLICE_STR("abc"));
	wr_slice(&w, SLICE_NONE);
	wr_zero(&w, 2);
	wr_zero(&w, 0);
	assert_int_equal(wr_len(&w), 20);
	assert_int_equal(wr_left(&w), 4);
	assert_true(hex_eq(wr_done(&w), "0102030405060708090a0b0c0d0e0f6162630000"));
	assert_int_equal(buf[20], 0xee);
	wr_u32(&w, 1);
	assert_int_equal(wr_left(&w), 0);
	assert_false(w.bad);
}

static void write_width(struct wr *w, size_t width)
{
	switch (width) {
	case 1:
		wr_u8(w, 0xff);
		break;
	case 2:
		wr_u16(w, 0xffff);
		break;
	case 3:
		wr_slice(w, slice("\xff\xff\xff", 3));
		break;
	case 4:
		wr_u32(w, 0xffffffff);
		break;
	case 5:
		wr_zero(w, 5);
		break;
	case 8:
		wr_u64(w, UINT64_MAX);
		break;
	}
}

static void test_writer_past_the_end(void **state)
{
	static const size_t widths[] = { 1, 2, 3, 4, 5, 8 };
	uint8_t buf[16];
	struct wr w;

	for (size_t i = 0; i < ARRAY_SIZE(widths); i++) {
		memset(buf, 0xee, sizeof(buf));
		wr_init(&w, buf, widths[i] - 1);
		write_width(&w, widths[i]);
		assert_true(w.bad);
		assert_int_equal(wr_left(&w), 0);
		assert_int_equal(wr_done(&w).n, 0);
		assert_null(wr_done(&w).p);
		w.end = buf + sizeof(buf);
		for (size_t k = 0; k < ARRAY_SIZE(widths); k++)
			write_width(&w, widths[k]);
		for (size_t k = 0; k < sizeof(buf); k++)
			assert_int_equal(buf[k], 0xee);
	}
}

static void test_writer_huge(void **state)
{
	uint8_t buf[4];
	struct wr w;

	wr_init(&w, buf, sizeof(buf));
	wr_zero(&w, SIZE_MAX);
	assert_true(w.bad);
	wr_init(&w, NULL, 0);
	wr_zero(&w, 0);
	assert_false(w.bad);
	assert_int_equal(wr_len(&w), 0);
	wr_u8(&w, 0);
	assert_true(w.bad);
}

static void test_patch(void **state)
{
	uint8_t buf[8];
	struct wr w;

	wr_init(&w, buf, sizeof(buf));
	wr_zero(&w, 6);
	wr_patch_u16(&w, 0, 0x0102);
	wr_patch_u16(&w, 4, 0x0506);
	assert_true(hex_eq(wr_done(&w), "010200000506"));
	wr_patch_u32(&w, 2, 0x0a0b0c0d);
	assert_true(hex_eq(wr_done(&w), "01020a0b0c0d"));
	assert_int_equal(wr_len(&w), 6);
}

/* Only what has been written can be patched, though the buffer is larger. */
static void test_patch_outside(void **state)
{
	static const size_t offsets[] = { 5, 6, 100, SIZE_MAX - 3, SIZE_MAX - 1, SIZE_MAX };
	uint8_t buf[16];
	struct wr w;

	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		memset(buf, 0xee, sizeof(buf));
		for (int wide = 0; wide < 2; wide++) {
			wr_init(&w, buf, sizeof(buf));
			wr_zero(&w, 6);
			if (wide)
				wr_patch_u32(&w, offsets[i], 1);
			else
				wr_patch_u16(&w, offsets[i], 1);
			assert_true(w.bad);
			assert_int_equal(wr_done(&w).n, 0);
			assert_true(hex_eq(slice(buf, 8), "000000000000eeee"));
		}
	}
	wr_init(&w, buf, sizeof(buf));
	wr_zero(&w, 1);
	wr_patch_u16(&w, 0, 1);
	assert_true(w.bad);
	wr_init(&w, buf, 1);
	wr_u16(&w, 1);
	wr_patch_u16(&w, 0, 1);
	assert_true(w.bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_big_endian),
		cmocka_unit_test(test_slice_eq),
		cmocka_unit_test(test_reader),
		cmocka_unit_test(test_reader_past_the_end),
		cmocka_unit_test(test_reader_copy_past_the_end),
		cmocka_unit_test(test_reader_of_nothing),
		cmocka_unit_test(test_writer),
		cmocka_unit_test(test_writer_past_the_end),
		cmocka_unit_test(test_writer_huge),
		cmocka_unit_test(test_patch),
		cmocka_unit_test(test_patch_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
