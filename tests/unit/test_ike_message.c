/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static uint8_t buf[IKE_MESSAGE_MAX + 64];

/* A message with a nonce and a vendor id. */
static size_t sample(void)
{
	struct ike_header h = { .cookie_i = { 1 }, .cookie_r = { 2 }, .exchange = ISAKMP_MAIN };
	struct ike_writer b;

	ike_write_header(&b, buf, sizeof(buf), &h);
	ike_write_body(&b, PAYLOAD_NONCE, SLICE_STR("0123456789abcdef"));
	ike_write_body(&b, PAYLOAD_VID, SLICE_STR("vendor"));
	return ike_write_done(&b).n;
}

static int parse(size_t n, struct ike_msg *m)
{
	/* On the heap with its exact size, so that the sanitizer sees a byte too far. */
	uint8_t *exact = test_malloc(n ? n : 1);
	int err;

	memcpy(exact, buf, n);
	err = ike_msg_parse(slice(exact, n), m);
	test_free(exact);
	return err;
}

static void writes_and_reads(void **state)
{
	size_t n = sample();
	struct ike_msg m;

	(void)state;
	assert_int_equal(n, 28 + 20 + 10);
	assert_int_equal(buf[16], PAYLOAD_NONCE);
	assert_int_equal(get_be32(buf + 24), n);
	assert_int_equal(ike_msg_parse(slice(buf, n), &m), 0);
	assert_int_equal(m.n, 2);
	assert_int_equal(m.h.exchange, ISAKMP_MAIN);
	assert_int_equal(m.h.cookie_r[0], 2);
	assert_int_equal(m.payload[0].type, PAYLOAD_NONCE);
	assert_int_equal(m.payload[0].body.n, 16);
	assert_ptr_equal(m.payload[0].whole.p, buf + 28);
	assert_int_equal(m.payload[1].whole.n, 10);
	assert_true(slice_eq(ike_msg_body(&m, PAYLOAD_VID), SLICE_STR("vendor")));
	assert_null(ike_msg_find(&m, PAYLOAD_KE));
	assert_null(ike_msg_find_next(&m, &m.payload[1]));
	assert_true(slice_eq(ike_msg_rest(&m), m.payload[1].whole));
}

static void no_room(void **state)
{
	struct ike_header h = { .exchange = ISAKMP_MAIN };
	struct ike_writer b;

	(void)state;
	for (size_t size = 0; size < 48; size++) {
		ike_write_header(&b, buf, size, &h);
		ike_write_body(&b, PAYLOAD_NONCE, SLICE_STR("0123456789abcdef"));
		assert_int_equal(ike_write_done(&b).n, 0);
	}
}

static void every_short_length(void **state)
{
	size_t n = sample();
	struct ike_msg m;

	(void)state;
	for (size_t cut = 0; cut < n; cut++) {
		assert_int_equal(parse(cut, &m), ERR_MALFORMED);
		put_be32(buf + 24, (uint32_t)cut);
		assert_int_equal(parse(cut, &m), ERR_MALFORMED);
		put_be32(buf + 24, (uint32_t)n);
	}
	assert_int_equal(parse(n, &m), 0);
}

static void length_field(void **state)
{
	static const uint32_t lengths[] = { 0, 1, 27, 28, 57, 59, 0x7fffffff, UINT32_MAX };
	size_t n = sample();
	struct ike_msg m;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		put_be32(buf + 24, lengths[i]);
		assert_int_equal(parse(n, &m), ERR_MALFORMED);
	}
	/* Longer than we take, though consistent. */
	put_be32(buf + 24, IKE_MESSAGE_MAX + 16);
	buf[19] = ISAKMP_ENCRYPTED;
	assert_int_equal(parse(IKE_MESSAGE_MAX + 16, &m), ERR_MALFORMED);
}

static void header_fields(void **state)
{
	static const uint8_t versions[] = { 0x00, 0x11, 0x20, 0x30, 0xf0 };
	static const uint8_t flags[] = { 0x08, 0x20, 0x80, 0xff };
	size_t n = sample();
	struct ike_msg m;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		buf[17] = versions[i];
		assert_int_equal(parse(n, &m), ERR_UNSUPPORTED);
	}
	buf[17] = IKE_VERSION_1;
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		buf[19] = flags[i];
		assert_int_equal(parse(n, &m), ERR_MALFORMED);
	}
	buf[19] = ISAKMP_ENCRYPTED | ISAKMP_COMMIT;
	assert_int_equal(parse(n, &m), 0);
	assert_int_equal(m.n, 0);
	assert_int_equal(m.body.n, n - 28);
	put_be32(buf + 24, 28);
	assert_int_equal(parse(28, &m), ERR_MALFORMED);
	buf[19] = 0;
	assert_int_equal(parse(28, &m), ERR_MALFORMED);
	buf[16] = PAYLOAD_NONE;
	assert_int_equal(parse(28, &m), ERR_MALFORMED);
}

static void chain_lengths(void **state)
{
	static const uint16_t lengths[] = { 0, 1, 3, 19, 21, 30, 31, 0x7fff, 0xffff };
	size_t n = sample();
	struct ike_msg m;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		put_be16(buf + 30, lengths[i]);
		/* 30 swallows the vendor id whole, whose type then finds nothing left. */
		assert_int_equal(parse(n, &m), ERR_MALFORMED);
	}
	put_be16(buf + 30, 20);
	buf[29] = 1;
	assert_int_equal(parse(n, &m), ERR_MALFORMED);
	buf[29] = 0;
	buf[48] = PAYLOAD_VID; /* the last one promises another */
	assert_int_equal(parse(n, &m), ERR_MALFORMED);
	buf[48] = PAYLOAD_NONE;
	assert_int_equal(parse(n, &m), 0);
}

static void padding_of_clear_messages(void **state)
{
	size_t n = sample();
	struct ike_msg m;

	(void)state;
	memset(buf + n, 0, 8);
	for (size_t more = 0; more < 8; more++) {
		put_be32(buf + 24, (uint32_t)(n + more));
		assert_int_equal(parse(n + more, &m), more <= 3 ? 0 : ERR_MALFORMED);
	}
}

static void number_of_payloads(void **state)
{
	struct ike_header h = { .exchange = ISAKMP_MAIN };
	struct ike_writer b;
	struct ike_msg m;

	(void)state;
	for (unsigned n = 1; n < 200; n += n < 30 ? 7 : 1) {
		ike_write_header(&b, buf, sizeof(buf), &h);
		for (unsigned i = 0; i < n; i++)
			ike_write_body(&b, PAYLOAD_VID, SLICE_NONE);
		assert_int_equal(parse(ike_write_done(&b).n, &m),
				 n <= IKE_PAYLOADS_MAX ? 0 : ERR_MALFORMED);
	}
}

static void decrypted_chain(void **state)
{
	static const uint8_t body[32] = { 0, 0, 0, 8, 1, 2, 3, 4, 0xff, 0xff };
	struct ike_msg m = { .h = { .next = PAYLOAD_NONCE } };

	(void)state;
	/* Any padding at all, with anything in it. */
	assert_int_equal(ike_msg_parse_chain(&m, SLICE_OF(body)), 0);
	assert_int_equal(m.n, 1);
	assert_int_equal(m.payload[0].body.n, 4);
	assert_int_equal(ike_msg_rest(&m).n, 0);
	assert_int_equal(ike_msg_parse_chain(&m, slice(body, 7)), ERR_MALFORMED);
	m.h.next = PAYLOAD_NONE;
	assert_int_equal(ike_msg_parse_chain(&m, SLICE_OF(body)), ERR_MALFORMED);
}

static struct ike_msg message_of(const uint8_t *types, unsigned n)
{
	struct ike_msg m = { .n = n };

	for (unsigned i = 0; i < n; i++)
		m.payload[i].type = types[i];
	return m;
}

static void sets(void **state)
{
	const payload_set required = PAYLOAD_BIT(PAYLOAD_KE) | PAYLOAD_BIT(PAYLOAD_NONCE);
	const payload_set many = PAYLOAD_BIT(PAYLOAD_VID) | PAYLOAD_BIT_NAT_D_DRAFT;
	static const struct {
		uint8_t types[5];
		unsigned n;
		int err;
	} cases[] = {
		{ { PAYLOAD_KE, PAYLOAD_NONCE }, 2, 0 },
		{ { PAYLOAD_NONCE, PAYLOAD_KE, PAYLOAD_VID, PAYLOAD_VID }, 4, 0 },
		{ { PAYLOAD_KE, 130, 130, PAYLOAD_NONCE }, 4, 0 },
		{ { PAYLOAD_KE, 131, PAYLOAD_NONCE }, 3, ERR_UNEXPECTED },
		{ { PAYLOAD_KE, PAYLOAD_NAT_D, PAYLOAD_NONCE }, 3, ERR_UNEXPECTED },
		{ { PAYLOAD_KE }, 1, ERR_MALFORMED },
		{ { PAYLOAD_NONCE, PAYLOAD_VID }, 2, ERR_MALFORMED },
		{ { PAYLOAD_KE, PAYLOAD_NONCE, PAYLOAD_KE }, 3, ERR_MALFORMED },
		{ { PAYLOAD_KE, PAYLOAD_NONCE, PAYLOAD_DELETE }, 3, ERR_UNEXPECTED },
		{ { PAYLOAD_KE, PAYLOAD_NONCE, PAYLOAD_SA }, 3, ERR_UNEXPECTED },
		{ { PAYLOAD_KE, PAYLOAD_NONCE, 15, 200, 255 }, 5, 0 },
		{ { PAYLOAD_KE, PAYLOAD_NONCE, 63, 64, 78 }, 5, 0 },
		{ { PAYLOAD_KE, PAYLOAD_NONCE, PAYLOAD_CERT }, 3, 0 },
		{ { PAYLOAD_KE, PAYLOAD_NONCE, PAYLOAD_CERT, PAYLOAD_CERT }, 4, ERR_MALFORMED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ike_msg m = message_of(cases[i].types, cases[i].n);

		assert_int_equal(ike_msg_check(&m, required, PAYLOAD_BIT(PAYLOAD_CERT), many),
				 cases[i].err);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_and_reads),
		cmocka_unit_test(no_room),
		cmocka_unit_test(every_short_length),
		cmocka_unit_test(length_field),
		cmocka_unit_test(header_fields),
		cmocka_unit_test(chain_lengths),
		cmocka_unit_test(padding_of_clear_messages),
		cmocka_unit_test(number_of_payloads),
		cmocka_unit_test(decrypted_chain),
		cmocka_unit_test(sets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
