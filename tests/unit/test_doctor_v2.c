/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor_address.h"

static uint8_t buf[4096];

static size_t request(struct v2_init *init)
{
	static uint8_t value[64], nonce[32];
	struct rng_seed seed;
	struct rng rng = rng_seeded(&seed, 7);
	struct ike_writer b;
	struct slice s;

	memset(init->spi_i, 0x11, sizeof(init->spi_i));
	init->group = 19;
	init->public_value = SLICE_OF(value);
	init->nonce = SLICE_OF(nonce);
	v2_write_init(&b, buf, sizeof(buf), init, &rng);
	s = ike_write_done(&b);
	v2_write_end(buf, s.n);
	return s.n;
}

/* Every field of RFC 7296 section 3.1, and the payloads in their order. */
static void test_request(void **state)
{
	static const uint8_t order[] = { V2_SA, V2_KE, V2_NONCE, V2_NOTIFY, V2_NOTIFY, V2_NOTIFY };
	struct v2_init init = { .from = { address("192.0.2.7"), 500 },
				.to = { address("198.51.100.1"), 500 } };
	size_t n = request(&init);
	struct v2_notification note;
	struct v2_msg m;
	uint8_t hash[HASH_MAX];

	assert_int_equal(v2_msg_parse(slice(buf, n), &m), 0);
	assert_int_equal(m.h.version, 0x20);
	assert_int_equal(m.h.exchange, 34);
	assert_int_equal(m.h.flags, 0x08);
	assert_int_equal(m.h.id, 0);
	assert_int_equal(m.n, ARRAY_SIZE(order));
	for (unsigned i = 0; i < m.n; i++)
		assert_int_equal(m.payload[i].type, order[i]);
	assert_int_equal(m.payload[1].body.n, 4 + 64);
	assert_int_equal(get_be16(m.payload[1].body.p), 19);
	assert_true(v2_notify_find(&m, V2_NAT_DESTINATION, &note));
	natd_hash(HASH_SHA1, &m.h, &init.to, hash);
	assert_true(slice_eq(note.data, slice(hash, 20)));
	assert_true(v2_notify_find(&m, V2_FRAGMENTATION, &note));
	assert_int_equal(note.data.n, 0);
	assert_int_equal(v2_notify_error(&m), 0);
}

/* The proposals are well formed to the letter: lengths, numbers, counts. */
static void test_proposals(void **state)
{
	struct v2_init init = { 0 };
	struct v2_msg m;
	struct rd r;

	assert_int_equal(v2_msg_parse(slice(buf, request(&init)), &m), 0);
	rd_init(&r, m.payload[0].body);
	for (unsigned number = 1; number <= 3; number++) {
		const uint8_t *at = r.p;
		uint16_t length;
		uint8_t n;

		assert_int_equal(rd_u8(&r), number < 3 ? 2 : 0);
		rd_u8(&r);
		length = rd_u16(&r);
		assert_int_equal(rd_u8(&r), number);
		assert_int_equal(rd_u8(&r), 1);
		assert_int_equal(rd_u8(&r), 0);
		n = rd_u8(&r);
		for (unsigned i = 0; i < n; i++) {
			uint16_t size;

			assert_int_equal(rd_u8(&r), i + 1 < n ? 3 : 0);
			rd_u8(&r);
			size = rd_u16(&r);
			assert_true(size == 8 || size == 12);
			rd_slice(&r, size - 4u);
		}
		assert_int_equal(r.p - at, length);
	}
	assert_false(r.bad);
	assert_int_equal(rd_left(&r), 0);
}

static void test_cookie_comes_first(void **state)
{
	struct v2_init init = { .cookie = SLICE_STR("cookie") };
	struct v2_notification note;
	struct v2_msg m;

	assert_int_equal(v2_msg_parse(slice(buf, request(&init)), &m), 0);
	assert_int_equal(m.payload[0].type, V2_NOTIFY);
	assert_int_equal(v2_notify_parse(m.payload[0].body, &note), 0);
	assert_int_equal(note.type, V2_COOKIE);
	assert_true(slice_eq(note.data, SLICE_STR("cookie")));
}

static void put_message(uint8_t next, uint32_t length)
{
	memset(buf, 0, sizeof(buf));
	buf[16] = next;
	buf[17] = V2_VERSION;
	buf[18] = V2_IKE_SA_INIT;
	buf[19] = V2_RESPONSE;
	put_be32(buf + 24, length);
}

/* Lengths that lie: too long, too short, zero, past the end. */
static void test_lengths(void **state)
{
	static const uint16_t lies[] = { 0, 1, 3, 5, 9, 0x7fff, 0xffff };
	struct v2_msg m;

	for (size_t n = 0; n < 28; n++) {
		put_message(0, (uint32_t)n);
		assert_int_equal(v2_msg_parse(slice(buf, n), &m), ERR_MALFORMED);
	}
	put_message(0, 28);
	assert_int_equal(v2_msg_parse(slice(buf, 28), &m), 0);
	assert_int_equal(m.n, 0);
	put_message(0, 29);
	assert_int_equal(v2_msg_parse(slice(buf, 28), &m), ERR_MALFORMED);
	put_message(0, UINT32_MAX);
	assert_int_equal(v2_msg_parse(slice(buf, 28), &m), ERR_MALFORMED);
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		put_message(V2_NONCE, 36);
		put_be16(buf + 30, lies[i]);
		assert_int_equal(v2_msg_parse(slice(buf, 36), &m), ERR_MALFORMED);
	}
	put_message(V2_NONCE, 36);
	put_be16(buf + 30, 8);
	assert_int_equal(v2_msg_parse(slice(buf, 36), &m), 0);
	assert_int_equal(m.payload[0].body.n, 4);
	buf[17] = 0x10;
	assert_int_equal(v2_msg_parse(slice(buf, 36), &m), ERR_UNSUPPORTED);
}

/* More payloads than there is room for; a chain that ends in the middle. */
static void test_chain(void **state)
{
	unsigned n = V2_PAYLOADS_MAX + 1;
	struct v2_msg m;

	put_message(V2_VID, 28 + 4 * n);
	for (unsigned i = 0; i < n; i++) {
		buf[28 + 4 * i] = i + 1 < n ? V2_VID : 0;
		put_be16(buf + 30 + 4 * i, 4);
	}
	assert_int_equal(v2_msg_parse(slice(buf, 28 + 4 * n), &m), ERR_MALFORMED);
	put_be32(buf + 24, 28 + 4 * 2);
	buf[28 + 4] = 0;
	assert_int_equal(v2_msg_parse(slice(buf, 28 + 4 * 2), &m), 0);
	assert_int_equal(m.n, 2);
	put_be32(buf + 24, 28 + 4 * 3);
	assert_int_equal(v2_msg_parse(slice(buf, 28 + 4 * 3), &m), ERR_MALFORMED);
}

static const uint8_t chosen[] = { 0,  0,    0,	44, 1, 1,  0, 4, 3, 0, 0, 12, 1, 0, 0,
				  12, 0x80, 14, 1,  0, 3,  0, 0, 8, 2, 0, 0,  5, 3, 0,
				  0,  8,    3,	0,  0, 12, 0, 0, 0, 8, 4, 0,  0, 14 };

static void test_choice(void **state)
{
	uint8_t bytes[sizeof(chosen)];
	char text[V2_SUITE_TEXT_MAX];
	struct v2_suite s;

	assert_int_equal(v2_sa_parse(SLICE_OF(chosen), &s), 0);
	assert_string_equal(v2_suite_text(&s, text), "aes256-sha256-modp2048");
	assert_int_equal(s.key_bits, 256);
	for (size_t n = 0; n < sizeof(chosen); n++)
		assert_int_equal(v2_sa_parse(slice(chosen, n), &s), ERR_MALFORMED);
	/* Any byte of the structure that is not what it must be. */
	for (size_t at = 0; at < sizeof(chosen); at++) {
		memcpy(bytes, chosen, sizeof(bytes));
		bytes[at] ^= 0xff;
		if (v2_sa_parse(SLICE_OF(bytes), &s) == 0)
			assert_true(strlen(v2_suite_text(&s, text)) < sizeof(text));
	}
	/* Two transforms of one kind are no choice. */
	memcpy(bytes, chosen, sizeof(bytes));
	bytes[32] = 2;
	assert_int_equal(v2_sa_parse(SLICE_OF(bytes), &s), ERR_MALFORMED);
	/* A second proposal behind it. */
	memcpy(bytes, chosen, sizeof(bytes));
	bytes[0] = 2;
	assert_int_equal(v2_sa_parse(SLICE_OF(bytes), &s), ERR_MALFORMED);
}

static void test_names(void **state)
{
	static const struct v2_suite unknown = { 999, 77, 998, 997, 996 };
	static const struct v2_suite aead = { 20, 128, 5, 0, 31 };
	char text[V2_SUITE_TEXT_MAX];

	assert_string_equal(v2_suite_text(&unknown, text),
			    "cipher 999-integrity 997-prf 998-group 996");
	assert_string_equal(v2_suite_text(&aead, text), "aes128gcm16-prfsha256-curve25519");
	assert_string_equal(v2_group_text(14, text), "modp2048");
	assert_string_equal(v2_group_text(4711, text), "group 4711");
	assert_int_equal(v2_group_size(31), 32);
	assert_int_equal(v2_group_size(1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_proposals),
		cmocka_unit_test(test_cookie_comes_first),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_names),
	};

	return crypto_init() != 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
