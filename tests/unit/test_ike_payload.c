/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct sa_payload sa;

/* One proposal for ESP with two transforms of one and two attributes. */
static const uint8_t good[] = {
	0, 0, 0, 1,  0, 0,  0,	  1, /* DOI, situation */
	0, 0, 0, 48, 1, 3,  4,	  2,	0x11, 0x22, 0x33, 0x44, /* proposal */
	3, 0, 0, 12, 1, 12, 0,	  0,	0x80, 4,    0,	  3, /* transform */
	0, 0, 0, 24, 2, 20, 0,	  0,	0x80, 1,    0,	  1,
	0, 2, 0, 4,  0, 1,  0x51, 0x80, 0x80, 6,    0,	  128,
};

static int parse(const uint8_t *p, size_t n)
{
	uint8_t *exact = test_malloc(n ? n : 1);
	int err;

	memcpy(exact, p, n);
	err = sa_payload_parse(slice(exact, n), &sa);
	test_free(exact);
	return err;
}

static void sa_is_read(void **state)
{
	(void)state;
	assert_int_equal(sa_payload_parse(SLICE_OF(good), &sa), 0);
	assert_int_equal(sa.nproposals, 1);
	assert_int_equal(sa.proposal[0].protocol, PROTOCOL_ESP);
	assert_int_equal(get_be32(sa.proposal[0].spi.p), 0x11223344);
	assert_int_equal(sa.ntransforms, 2);
	assert_int_equal(sa.transform[1].id, 20);
	assert_int_equal(sa.transform[1].nattributes, 3);
	assert_int_equal(sa.transform[1].attribute[1].type, 2);
	assert_int_equal(sa.transform[1].attribute[1].value, 86400);
	assert_int_equal(sa.transform[1].whole.n, 24);
}

static void sa_cut_anywhere(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(good); n++)
		assert_int_equal(parse(good, n), ERR_MALFORMED);
	assert_int_equal(parse(good, sizeof(good)), 0);
}

/* One changed byte each: where it lies, what it becomes, what comes of it. */
static void sa_lies(void **state)
{
	static const struct {
		unsigned at;
		uint8_t value;
		int err;
	} cases[] = {
		{ 3, 2, ERR_UNSUPPORTED }, /* DOI */
		{ 7, 4, ERR_UNSUPPORTED }, /* situation */
		{ 8, 2, ERR_MALFORMED }, /* another proposal promised */
		{ 8, 3, ERR_MALFORMED },
		{ 9, 1, ERR_MALFORMED }, /* reserved */
		{ 11, 0, ERR_MALFORMED }, /* lengths */
		{ 11, 3, ERR_MALFORMED },
		{ 11, 47, ERR_MALFORMED },
		{ 11, 49, ERR_MALFORMED },
		{ 14, 0, ERR_MALFORMED }, /* SPI sizes */
		{ 14, 8, ERR_MALFORMED },
		{ 14, 255, ERR_MALFORMED },
		{ 15, 0, ERR_MALFORMED }, /* numbers of transforms */
		{ 15, 1, ERR_MALFORMED },
		{ 15, 3, ERR_MALFORMED },
		{ 15, 255, ERR_MALFORMED },
		{ 20, 0, ERR_MALFORMED }, /* the first transform says it is the last */
		{ 20, 2, ERR_MALFORMED },
		{ 23, 0, ERR_MALFORMED },
		{ 23, 4, ERR_MALFORMED },
		{ 23, 7, ERR_MALFORMED },
		{ 32, 3, ERR_MALFORMED }, /* the last one promises another */
		{ 47, 5, ERR_MALFORMED }, /* attribute lengths */
		{ 47, 255, ERR_MALFORMED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t copy[sizeof(good)];

		memcpy(copy, good, sizeof(good));
		copy[cases[i].at] = cases[i].value;
		assert_int_equal(parse(copy, sizeof(copy)), cases[i].err);
	}
}

/* Bytes behind the last transform, and behind the last proposal, belong to nothing. */
static void sa_with_more_behind_it(void **state)
{
	uint8_t copy[sizeof(good) + 4] = { 0 };

	(void)state;
	memcpy(copy, good, sizeof(good));
	assert_int_equal(parse(copy, sizeof(copy)), ERR_MALFORMED);
	copy[11] += 4;
	assert_int_equal(parse(copy, sizeof(copy)), ERR_MALFORMED);
}

static size_t many(uint8_t *p, unsigned proposals, unsigned transforms, unsigned attributes)
{
	static const uint8_t head[] = { 0, 0, 0, 1, 0, 0, 0, 1 };
	struct wr w;

	wr_init(&w, p, 65536);
	wr_slice(&w, SLICE_OF(head));
	for (unsigned i = 0; i < proposals; i++) {
		wr_u8(&w, i + 1 < proposals ? PAYLOAD_PROPOSAL : 0);
		wr_u8(&w, 0);
		wr_u16(&w, (uint16_t)(8 + transforms * (8 + 4 * attributes)));
		wr_u32(&w, 0x01010000 | transforms);
		for (unsigned k = 0; k < transforms; k++) {
			wr_u8(&w, k + 1 < transforms ? PAYLOAD_TRANSFORM : 0);
			wr_u8(&w, 0);
			wr_u16(&w, (uint16_t)(8 + 4 * attributes));
			wr_u32(&w, 0x01010000);
			for (unsigned a = 0; a < attributes; a++)
				wr_u32(&w, 0x80010001);
		}
	}
	return wr_done(&w).n;
}

static void sa_bounds(void **state)
{
	static uint8_t big[65536];

	(void)state;
	assert_int_equal(parse(big, many(big, 1, 1, 12)), 0);
	assert_int_equal(parse(big, many(big, 1, 1, 13)), ERR_NO_ROOM);
	assert_int_equal(parse(big, many(big, 1, 64, 1)), 0);
	assert_int_equal(parse(big, many(big, 1, 65, 1)), ERR_NO_ROOM);
	assert_int_equal(parse(big, many(big, 16, 4, 1)), 0);
	assert_int_equal(parse(big, many(big, 17, 1, 1)), ERR_NO_ROOM);
	assert_int_equal(parse(big, many(big, 1, 0, 1)), ERR_MALFORMED);
	assert_int_equal(parse(big, many(big, 0, 0, 0)), ERR_MALFORMED);
}

static void attributes(void **state)
{
	static const uint8_t bytes[] = {
		0x80, 14,   1,	  0, /* basic */
		0,    14,   0,	  2,	1, 0, /* the same, variable */
		0,    12,   0,	  0, /* empty */
		0,    12,   0,	  8,	0, 0, 0, 1, 0, 0, 0, 2, /* eight bytes */
		0,    12,   0,	  9,	0, 0, 0, 0, 0, 0, 0, 0, 1, /* too much to tell */
		0xff, 0xff, 0xff, 0xff,
	};
	struct sa_attribute a[6];

	(void)state;
	assert_int_equal(sa_attributes_parse(SLICE_OF(bytes), a, 6), 6);
	assert_true(a[0].type == 14 && a[0].value == 256);
	assert_true(a[1].type == 14 && a[1].value == 256);
	assert_true(a[2].value == 0);
	assert_true(a[3].value == 0x100000002);
	assert_true(a[4].value == UINT64_MAX);
	assert_true(a[5].type == 0x7fff && a[5].value == 0xffff);
	assert_int_equal(sa_attributes_parse(SLICE_OF(bytes), a, 5), ERR_NO_ROOM);
	for (size_t n = 1; n < 4; n++)
		assert_int_equal(sa_attributes_parse(slice(bytes, n), a, 6), ERR_MALFORMED);
}

static void ke_and_nonce_lengths(void **state)
{
	static const uint8_t zeros[300];
	static const enum dh_group known[] = { DH_MODP_2048, DH_ECP_256, DH_ECP_384 };

	(void)state;
	for (size_t n = 0; n < sizeof(zeros); n++) {
		struct slice s = slice(zeros, n);

		assert_int_equal(nonce_parse(s), n >= 8 && n <= 256 ? 0 : ERR_MALFORMED);
		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			assert_int_equal(ke_parse(s, known[i]),
					 n == dh_public_size(known[i]) ? 0 : ERR_MALFORMED);
		assert_int_equal(ke_parse(s, DH_NONE), ERR_MALFORMED);
		assert_int_equal(ke_parse(s, (enum dh_group)1025), ERR_MALFORMED);
	}
}

static int identity_of(uint8_t type, uint8_t protocol, uint16_t port, struct slice data,
		       struct identity *out)
{
	const struct id_payload id = { type, protocol, port, data };

	return id_to_identity(&id, out);
}

static void identities(void **state)
{
	static const uint8_t big[IKE_ID_MAX + 1];
	struct identity id;

	(void)state;
	assert_int_equal(identity_of(ID_FQDN, 0, 0, SLICE_STR("gw"), &id), 0);
	assert_int_equal(id.n, 2);
	assert_int_equal(identity_of(ID_FQDN, 17, 500, SLICE_STR("gw"), &id), 0);
	assert_int_equal(identity_of(ID_FQDN, 17, 4500, SLICE_STR("gw"), &id), 0);
	assert_int_equal(identity_of(ID_FQDN, 17, 501, SLICE_STR("gw"), &id), ERR_MALFORMED);
	assert_int_equal(identity_of(ID_FQDN, 6, 500, SLICE_STR("gw"), &id), ERR_MALFORMED);
	assert_int_equal(identity_of(ID_FQDN, 0, 0, SLICE_NONE, &id), ERR_MALFORMED);
	assert_int_equal(identity_of(ID_FQDN, 0, 0, slice(big, IKE_ID_MAX), &id), 0);
	assert_int_equal(identity_of(ID_FQDN, 0, 0, slice(big, IKE_ID_MAX + 1), &id),
			 ERR_MALFORMED);
	assert_int_equal(identity_of(ID_IPV4_ADDR, 0, 0, slice(big, 4), &id), 0);
	assert_int_equal(identity_of(ID_IPV4_ADDR, 0, 0, slice(big, 5), &id), ERR_MALFORMED);
	assert_int_equal(identity_of(ID_IPV6_ADDR, 0, 0, slice(big, 4), &id), ERR_MALFORMED);
	assert_int_equal(identity_of(ID_NONE, 0, 0, slice(big, 4), &id), ERR_UNSUPPORTED);
	assert_int_equal(identity_of(ID_IPV4_ADDR_SUBNET, 0, 0, slice(big, 8), &id),
			 ERR_UNSUPPORTED);
	assert_int_equal(identity_of(200, 0, 0, slice(big, 4), &id), ERR_UNSUPPORTED);
}

static struct slice id_body(struct ike_writer *b, uint8_t *buf, const char *lo, const char *hi)
{
	struct ike_header h = { .exchange = ISAKMP_QUICK };
	struct ts ts = { .port_hi = UINT16_MAX };
	struct ike_msg m;

	assert_true(addr_parse(lo, &ts.lo) && addr_parse(hi, &ts.hi));
	ike_write_header(b, buf, 256, &h);
	id_write_ts(b, &ts);
	assert_int_equal(ike_msg_parse(ike_write_done(b), &m), 0);
	return ike_msg_body(&m, PAYLOAD_ID);
}

static void selectors(void **state)
{
	static const struct {
		const char *lo, *hi;
		uint8_t type;
	} cases[] = {
		{ "10.0.0.1", "10.0.0.1", ID_IPV4_ADDR },
		{ "10.0.0.0", "10.0.0.255", ID_IPV4_ADDR_SUBNET },
		{ "0.0.0.0", "255.255.255.255", ID_IPV4_ADDR_SUBNET },
		{ "10.0.0.1", "10.0.0.9", ID_IPV4_ADDR_RANGE },
		{ "fd00::1", "fd00::1", ID_IPV6_ADDR },
		{ "fd00::", "fd00::ffff", ID_IPV6_ADDR_SUBNET },
		{ "fd00::1", "fd00::ffff", ID_IPV6_ADDR_RANGE },
	};
	struct id_payload id;
	struct ike_writer b;
	uint8_t buf[256];
	struct addr a;
	struct ts ts;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct slice body = id_body(&b, buf, cases[i].lo, cases[i].hi);

		assert_int_equal(id_parse(body, &id), 0);
		assert_int_equal(id.type, cases[i].type);
		assert_int_equal(id_to_ts(&id, &ts), 0);
		assert_true(addr_parse(cases[i].lo, &a) && addr_eq(&a, &ts.lo));
		assert_true(addr_parse(cases[i].hi, &a) && addr_eq(&a, &ts.hi));
		assert_int_equal(ts.port_hi, UINT16_MAX);
		id.data.n--;
		assert_int_equal(id_to_ts(&id, &ts), ERR_MALFORMED);
	}
	assert_int_equal(id_parse(slice(buf, 3), &id), ERR_MALFORMED);
}

static void odd_selectors(void **state)
{
	static const uint8_t hole[] = { 10, 0, 0, 0, 255, 0, 255, 0 };
	static const uint8_t backwards[] = { 10, 0, 0, 9, 10, 0, 0, 1 };
	static const uint8_t host_bits[] = { 10, 0, 0, 77, 255, 255, 255, 0 };
	struct id_payload id = { ID_IPV4_ADDR_SUBNET, 6, 80, SLICE_OF(hole) };
	struct ts ts;

	(void)state;
	assert_int_equal(id_to_ts(&id, &ts), ERR_MALFORMED);
	id.data = SLICE_OF(host_bits);
	assert_int_equal(id_to_ts(&id, &ts), 0);
	assert_int_equal(ts.lo.b[3], 0);
	assert_int_equal(ts.hi.b[3], 255);
	assert_true(ts.proto == 6 && ts.port_lo == 80 && ts.port_hi == 80);
	id.type = ID_IPV4_ADDR_RANGE;
	id.data = SLICE_OF(backwards);
	assert_int_equal(id_to_ts(&id, &ts), ERR_MALFORMED);
	id.type = ID_FQDN;
	assert_int_equal(id_to_ts(&id, &ts), ERR_UNSUPPORTED);
}

static void notifies(void **state)
{
	static const uint8_t bytes[] = { 0, 0, 0, 1, 3, 4, 0, 14, 1, 2, 3, 4, 9 };
	struct notify_payload n;

	(void)state;
	assert_int_equal(notify_parse(SLICE_OF(bytes), &n), 0);
	assert_int_equal(n.protocol, 3);
	assert_int_equal(n.type, NOTIFY_NO_PROPOSAL_CHOSEN);
	assert_int_equal(n.spi.n, 4);
	assert_int_equal(n.data.n, 1);
	for (size_t cut = 0; cut < 12; cut++)
		assert_int_equal(notify_parse(slice(bytes, cut), &n), ERR_MALFORMED);
}

static void notified_lifetimes(void **state)
{
	static const uint8_t good_one[] = { 0x80, 1,  0,    1, 0, 2, 0,	   4, 0, 0,
					    14,	  16, 0x80, 1, 0, 2, 0x80, 2, 0, 8 };
	static const uint8_t no_value[] = { 0x80, 1, 0, 1 };
	static const uint8_t phase1[] = { 0x80, 11, 0, 1, 0x80, 12, 0, 99 };
	uint32_t seconds;
	uint64_t bytes;

	(void)state;
	notify_lifetime(SLICE_OF(good_one), PROTOCOL_ESP, &seconds, &bytes);
	assert_int_equal(seconds, 3600);
	assert_int_equal(bytes, 8192);
	notify_lifetime(SLICE_OF(no_value), PROTOCOL_ESP, &seconds, &bytes);
	assert_int_equal(seconds, 0);
	notify_lifetime(SLICE_OF(phase1), PROTOCOL_ISAKMP, &seconds, &bytes);
	assert_int_equal(seconds, 99);
	notify_lifetime(SLICE_OF(phase1), PROTOCOL_ESP, &seconds, &bytes);
	assert_int_equal(seconds, 0);
	notify_lifetime(slice(phase1, 3), PROTOCOL_ISAKMP, &seconds, &bytes);
	assert_int_equal(seconds, 0);
}

static void deletes(void **state)
{
	static const uint8_t two[] = { 0, 0, 0, 1, 3, 4, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8 };
	struct delete_payload d;
	uint8_t copy[sizeof(two)];

	(void)state;
	assert_int_equal(delete_parse(SLICE_OF(two), &d), 0);
	assert_int_equal(d.n, 2);
	assert_int_equal(d.spi_size, 4);
	for (size_t cut = 0; cut < sizeof(two); cut++)
		assert_int_equal(delete_parse(slice(two, cut), &d), ERR_MALFORMED);
	memcpy(copy, two, sizeof(two));
	put_be16(copy + 6, 65535);
	assert_int_equal(delete_parse(SLICE_OF(copy), &d), ERR_MALFORMED);
	put_be16(copy + 6, 0);
	assert_int_equal(delete_parse(SLICE_OF(copy), &d), ERR_MALFORMED);
	put_be16(copy + 6, 2);
	copy[5] = 0;
	assert_int_equal(delete_parse(SLICE_OF(copy), &d), ERR_MALFORMED);
	copy[5] = 16;
	assert_int_equal(delete_parse(SLICE_OF(copy), &d), ERR_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sa_is_read),
		cmocka_unit_test(sa_cut_anywhere),
		cmocka_unit_test(sa_lies),
		cmocka_unit_test(sa_with_more_behind_it),
		cmocka_unit_test(sa_bounds),
		cmocka_unit_test(attributes),
		cmocka_unit_test(ke_and_nonce_lengths),
		cmocka_unit_test(identities),
		cmocka_unit_test(selectors),
		cmocka_unit_test(odd_selectors),
		cmocka_unit_test(notifies),
		cmocka_unit_test(notified_lifetimes),
		cmocka_unit_test(deletes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
