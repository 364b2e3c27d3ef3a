/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void what_we_send_we_know(void **state)
{
	static const enum vendor ours[] = {
		VENDOR_NATT_RFC,      VENDOR_NATT_DRAFT_03, VENDOR_NATT_DRAFT_02N,
		VENDOR_NATT_DRAFT_02, VENDOR_DPD,	    VENDOR_ADDRESS_UPDATE
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++) {
		uint8_t longer[17] = { 0 };
		struct slice s = vendor_bytes(ours[i]);

		assert_int_equal(s.n, 16);
		assert_int_equal(vendor_find(s, NULL), ours[i]);
		memcpy(longer, s.p, 16);
		assert_int_equal(vendor_find(slice(longer, 17), NULL), VENDOR_UNKNOWN);
		assert_int_equal(vendor_find(slice(longer, 15), NULL), VENDOR_UNKNOWN);
		longer[0] ^= 1;
		assert_int_equal(vendor_find(slice(longer, 16), NULL), VENDOR_UNKNOWN);
	}
	assert_int_equal(vendor_bytes(VENDOR_OTHER).n, 0);
	assert_int_equal(vendor_bytes(VENDOR_UNKNOWN).n, 0);
	assert_int_equal(vendor_find(SLICE_NONE, NULL), VENDOR_UNKNOWN);
}

static void names(void **state)
{
	static const uint8_t fragmentation[] = { 0x40, 0x48, 0xb7, 0xd5, 0x6e, 0xbc, 0xe8,
						 0x85, 0x25, 0xe7, 0xde, 0x7f, 0x00, 0xd6,
						 0xc2, 0xd3, 0xc0, 0,	 0,    0 };
	static const uint8_t unity[] = { 0x12, 0xf5, 0xf2, 0x8c, 0x45, 0x71, 0x68, 0xa9,
					 0x70, 0x2d, 0x9f, 0xe2, 0x74, 0xcc, 0x02, 0xd4 };
	static const uint8_t xauth[] = { 0x09, 0x00, 0x26, 0x89, 0xdf, 0xd6, 0xb7, 0x12,
					 0x80, 0xa2, 0x24, 0xde, 0xc3, 0x3b, 0x81, 0xe5 };
	uint8_t base_only[20];
	const char *name;

	(void)state;
	assert_int_equal(vendor_find(SLICE_OF(fragmentation), &name), VENDOR_FRAGMENTATION);
	assert_string_equal(name, "IKE fragmentation");
	assert_int_equal(vendor_find(slice(fragmentation, 16), &name), VENDOR_FRAGMENTATION);
	assert_int_equal(vendor_find(slice(fragmentation, 19), &name), VENDOR_UNKNOWN);
	memcpy(base_only, fragmentation, 20);
	base_only[16] = 0x40;
	assert_int_equal(vendor_find(SLICE_OF(base_only), &name), VENDOR_UNKNOWN);
	assert_int_equal(vendor_find(SLICE_OF(unity), &name), VENDOR_UNITY);
	assert_string_equal(name, "Cisco Unity");
	assert_int_equal(vendor_find(SLICE_OF(xauth), &name), VENDOR_XAUTH);
	assert_int_equal(vendor_find(slice(xauth, 8), &name), VENDOR_XAUTH);
	assert_int_equal(vendor_find(slice(xauth, 7), &name), VENDOR_UNKNOWN);
	assert_int_equal(vendor_find(SLICE_STR("CISCO-DELETE-REASON"), &name), VENDOR_CISCO);
	assert_int_equal(vendor_find(SLICE_STR("OE-Libreswan-4.10"), &name), VENDOR_SWAN);
	assert_string_equal(name, "Libreswan");
	assert_int_equal(vendor_find(SLICE_STR("whoever"), &name), VENDOR_UNKNOWN);
	assert_string_equal(name, "unknown");
}

static enum natt natt_of(const enum vendor *v, unsigned n)
{
	const struct ike_header h = { .exchange = ISAKMP_MAIN };
	struct ike_writer b;
	struct ike_msg m;
	uint8_t buf[512];

	ike_write_header(&b, buf, sizeof(buf), &h);
	ike_write_body(&b, PAYLOAD_NONCE, SLICE_STR("12345678"));
	for (unsigned i = 0; i < n; i++)
		ike_write_body(&b, PAYLOAD_VID, vendor_bytes(v[i]));
	assert_int_equal(ike_msg_parse(ike_write_done(&b), &m), 0);
	return vendor_natt(vendor_msg_set(&m));
}

static void the_best_natt(void **state)
{
	static const enum vendor v[] = { VENDOR_DPD, VENDOR_NATT_DRAFT_02, VENDOR_NATT_RFC,
					 VENDOR_NATT_DRAFT_03 };

	(void)state;
	assert_int_equal(natt_of(v, 0), NATT_NONE);
	assert_int_equal(natt_of(v, 1), NATT_NONE);
	assert_int_equal(natt_of(v, 2), NATT_DRAFT);
	assert_int_equal(natt_of(v, 3), NATT_RFC);
	assert_int_equal(natt_of(v, 4), NATT_RFC);
}

static vendor_set announced(const struct ike_config *c)
{
	const struct ike_header h = { .exchange = ISAKMP_MAIN };
	struct ike_writer b;
	struct ike_msg m;
	uint8_t buf[512];

	ike_write_header(&b, buf, sizeof(buf), &h);
	vendor_write_all(&b, c);
	assert_int_equal(ike_msg_parse(ike_write_done(&b), &m), 0);
	return vendor_msg_set(&m);
}

static void what_is_announced(void **state)
{
	const vendor_set natt = VENDOR_BIT(VENDOR_NATT_RFC) | VENDOR_BIT(VENDOR_NATT_DRAFT_03) |
				VENDOR_BIT(VENDOR_NATT_DRAFT_02N) |
				VENDOR_BIT(VENDOR_NATT_DRAFT_02);
	const vendor_set least = VENDOR_BIT(VENDOR_DPD) | VENDOR_BIT(VENDOR_GODWIT);
	const vendor_set rest = least | VENDOR_BIT(VENDOR_FRAGMENTATION);
	const vendor_set unity = VENDOR_BIT(VENDOR_UNITY);
	const vendor_set user = VENDOR_BIT(VENDOR_XAUTH) | unity;
	const struct {
		struct ike_config c;
		vendor_set set;
	} cases[] = {
		{ { .xauth = false }, natt | rest },
		{ { .no_fragments = true }, natt | least },
		{ { .transport = IKE_TRANSPORT_UDP }, natt | rest },
		{ { .address_update = true }, natt | rest | VENDOR_BIT(VENDOR_ADDRESS_UPDATE) },
		{ { .transport = IKE_TRANSPORT_ESP }, rest },
		{ { .transport = IKE_TRANSPORT_CISCO_UDP }, rest },
		{ { .xauth = true }, natt | rest | user },
		{ { .auth = IKE_AUTH_HYBRID }, natt | rest | user },
		{ { .auth = IKE_AUTH_RSA }, natt | rest },
		{ { .wish.pull = true }, natt | rest | unity },
		{ { .vendor = IKE_VENDOR_CISCO }, natt | rest | unity },
		{ { .vendor = IKE_VENDOR_FORTIGATE }, natt | rest },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(announced(&cases[i].c), cases[i].set);
}

static void who_is_cisco(void **state)
{
	(void)state;
	assert_false(vendor_is_cisco(0));
	assert_false(vendor_is_cisco(VENDOR_BIT(VENDOR_XAUTH) | VENDOR_BIT(VENDOR_OTHER)));
	assert_true(vendor_is_cisco(VENDOR_BIT(VENDOR_UNITY)));
	assert_true(vendor_is_cisco(VENDOR_BIT(VENDOR_CISCO) | VENDOR_BIT(VENDOR_XAUTH)));
	assert_false(vendor_is_cisco(VENDOR_BIT(VENDOR_UNITY) | VENDOR_BIT(VENDOR_SWAN)));
}

/* The value was computed with Python's hashlib. */
static void natd(void **state)
{
	static const uint8_t want[] = { 0x1f, 0x21, 0x43, 0xb5, 0xf4, 0x92, 0x1e, 0x97,
					0xf1, 0xd0, 0x40, 0xb0, 0x16, 0xb4, 0x44, 0x3a,
					0x97, 0xba, 0x03, 0x83, 0x70, 0x3a, 0xa0, 0x2d,
					0x51, 0x19, 0x07, 0xf1, 0x37, 0xb1, 0x1a, 0x77 };
	const struct ike_header h = {
		.cookie_i = { 1, 2, 3, 4, 5, 6, 7, 8 },
		.cookie_r = { 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18 },
	};
	struct endpoint e = { .port = 500 };
	uint8_t out[HASH_MAX];

	(void)state;
	assert_true(addr_parse("192.0.2.1", &e.addr));
	natd_hash(HASH_SHA2_256, &h, &e, out);
	assert_memory_equal(out, want, sizeof(want));
}

static struct endpoint endpoint(const char *text, uint16_t port)
{
	struct endpoint e = { .port = port };

	addr_parse(text, &e.addr);
	return e;
}

/* What the peer wrote about us and itself against what we know. */
static void natd_findings(void **state)
{
	const struct endpoint us = endpoint("192.0.2.1", 500), it = endpoint("198.51.100.1", 500);
	const struct endpoint other = endpoint("192.0.2.2", 500);
	const struct endpoint port = endpoint("192.0.2.1", 1500);
	const struct endpoint unknown = { .port = 500 };
	const struct {
		const struct endpoint *destination, *source, *local, *remote;
		enum nat nat;
	} cases[] = {
		{ &us, &it, &us, &it, NAT_NONE },	{ &other, &it, &us, &it, NAT_LOCAL },
		{ &port, &it, &us, &it, NAT_LOCAL },	{ &us, &other, &us, &it, NAT_REMOTE },
		{ &us, NULL, &us, &it, NAT_REMOTE },	{ &other, NULL, &us, &it, NAT_BOTH },
		{ &us, &it, &unknown, &it, NAT_LOCAL },
	};
	const struct ike_header h = { .exchange = ISAKMP_MAIN };
	struct rng_seed seed;
	struct rng rng = rng_seeded(&seed, 1);
	struct ike_writer b;
	struct ike_msg m;
	uint8_t buf[512];
	enum nat nat;

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		size_t k = i / 2;

		ike_write_header(&b, buf, sizeof(buf), &h);
		natd_write(&b, i % 2 ? NATT_RFC : NATT_DRAFT, HASH_SHA1, &h, cases[k].destination,
			   cases[k].source, &rng);
		assert_int_equal(ike_msg_parse(ike_write_done(&b), &m), 0);
		assert_int_equal(m.payload[0].type, i % 2 ? PAYLOAD_NAT_D : PAYLOAD_NAT_D_DRAFT);
		assert_int_equal(natd_detect(&m, HASH_SHA1, cases[k].local, cases[k].remote, &nat),
				 0);
		assert_int_equal(nat, cases[k].nat);
	}
	m.n = 1;
	assert_int_equal(natd_detect(&m, HASH_SHA1, &us, &it, &nat), ERR_UNSUPPORTED);
	m.n = 0;
	assert_int_equal(natd_detect(&m, HASH_SHA1, &us, &it, &nat), ERR_UNSUPPORTED);
}

static void identities(void **state)
{
	static const struct {
		const char *text;
		int err;
		enum id_type type;
		const char *shown;
	} cases[] = {
		{ "192.0.2.1", 0, ID_IPV4_ADDR, "192.0.2.1" },
		{ "fd00::1", 0, ID_IPV6_ADDR, "fd00::1" },
		{ "gw.example.com", 0, ID_FQDN, "gw.example.com" },
		{ "me@example.com", 0, ID_USER_FQDN, "me@example.com" },
		{ "keyid:group", 0, ID_KEY_ID, "keyid:group" },
		{ "C=DE, O=Example, CN=gw", 0, ID_DER_ASN1_DN, "C=DE, O=Example, CN=gw" },
		{ "=gw", ERR_CONFIG, ID_NONE, "" },
		{ "", ERR_CONFIG, ID_NONE, "" },
		{ "keyid:", ERR_CONFIG, ID_NONE, "" },
	};
	char text[IDENTITY_TEXT_MAX], long_text[IKE_ID_MAX + 2];
	struct identity id, other;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(identity_parse(cases[i].text, &id), cases[i].err);
		if (cases[i].err)
			continue;
		assert_int_equal(id.type, cases[i].type);
		assert_string_equal(identity_text(&id, text), cases[i].shown);
	}
	memset(long_text, 'a', sizeof(long_text));
	long_text[IKE_ID_MAX + 1] = '\0';
	assert_int_equal(identity_parse(long_text, &id), ERR_CONFIG);
	long_text[IKE_ID_MAX] = '\0';
	assert_int_equal(identity_parse(long_text, &id), 0);
	assert_int_equal(identity_parse("a\n%s", &id), 0);
	assert_string_equal(identity_text(&id, text), "a?%s");
	assert_int_equal(identity_parse("C=DE, CN=a", &id), 0);
	assert_int_equal(identity_parse("/C=de/CN=A", &other), 0);
	assert_true(identity_eq(&id, &other));
	assert_int_equal(identity_parse("CN=a, C=DE", &other), 0);
	assert_false(identity_eq(&id, &other));
	assert_int_equal(identity_parse("keyid:x", &id), 0);
	assert_int_equal(identity_parse("x", &other), 0);
	assert_false(identity_eq(&id, &other));
	assert_int_equal(identity_parse("x", &id), 0);
	assert_true(identity_eq(&id, &other));
}

static int setup(void **state)
{
	(void)state;
	return crypto_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_we_send_we_know), cmocka_unit_test(names),
		cmocka_unit_test(the_best_natt),	cmocka_unit_test(natd),
		cmocka_unit_test(what_is_announced),	cmocka_unit_test(who_is_cisco),
		cmocka_unit_test(natd_findings),	cmocka_unit_test(identities),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
