/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct ike_suite suites[] = {
	{ IKE_CIPHER_AES_CBC, 128, HASH_SHA2_256, DH_MODP_2048 },
	{ IKE_CIPHER_AES_CBC, 256, HASH_SHA2_384, DH_ECP_384 },
	{ IKE_CIPHER_AES_CBC, 192, HASH_SHA1, DH_ECP_256 },
};
static const struct esp_suite esp[] = {
	{ ESP_CIPHER_AES_GCM_16, 128, ESP_INTEG_NONE },
	{ ESP_CIPHER_AES_CBC, 256, ESP_INTEG_HMAC_SHA2_256_128 },
};

static uint8_t buf[IKE_MESSAGE_MAX];
static struct sa_payload sa;

/* Parses the SA payload that was just written. */
static void read_back(struct ike_writer *b)
{
	struct ike_msg m;

	assert_int_equal(ike_msg_parse(ike_write_done(b), &m), 0);
	assert_int_equal(sa_payload_parse(ike_msg_body(&m, PAYLOAD_SA), &sa), 0);
}

static const struct auth_methods psk = { 1, { METHOD_PSK } };

static struct ike_writer begin(void)
{
	const struct ike_header h = { .exchange = ISAKMP_MAIN };
	struct ike_writer b;

	ike_write_header(&b, buf, sizeof(buf), &h);
	return b;
}

static void offer_ike(const struct ike_suite *s, unsigned n, uint32_t lifetime)
{
	struct ike_writer b = begin();

	proposal_write_ike(&b, s, n, METHOD_PSK, lifetime);
	read_back(&b);
}

/* The whole way: offer, choice, reply, check. */
static void phase1(void **state)
{
	static uint8_t kept[IKE_MESSAGE_MAX];
	struct ike_choice choice;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(suites); i++) {
		struct ike_writer b;

		offer_ike(suites, ARRAY_SIZE(suites), 100000);
		assert_int_equal(sa.nproposals, 1);
		assert_int_equal(sa.ntransforms, 3);
		assert_int_equal(proposal_choose_ike(&sa, &suites[i], 1, &psk, &choice), 0);
		assert_int_equal(choice.transform, i);
		assert_int_equal(choice.lifetime_s, 100000);
		/* The reply's bytes come from the offer's, so they must not share the buffer. */
		memcpy(kept, buf, sizeof(kept));
		sa.transform[i].whole.p = kept + (sa.transform[i].whole.p - buf);
		b = begin();
		proposal_write_choice(&b, &sa, choice.proposal, choice.transform, SLICE_NONE);
		read_back(&b);
		assert_int_equal(proposal_check_ike(&sa, suites, ARRAY_SIZE(suites), METHOD_PSK,
						    &choice),
				 0);
		assert_int_equal(choice.suite.key_bits, suites[i].key_bits);
		assert_int_equal(choice.suite.hash, suites[i].hash);
		assert_int_equal(choice.suite.group, suites[i].group);
	}
}

static void phase1_reply_must_be_one_of_ours(void **state)
{
	static const struct ike_suite others[] = {
		{ IKE_CIPHER_AES_CBC, 256, HASH_SHA2_256, DH_MODP_2048 },
		{ IKE_CIPHER_AES_CBC, 128, HASH_SHA1, DH_MODP_2048 },
		{ IKE_CIPHER_AES_CBC, 128, HASH_SHA2_256, DH_ECP_256 },
	};
	struct ike_choice choice;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(others); i++) {
		offer_ike(&others[i], 1, 3600);
		assert_int_equal(proposal_check_ike(&sa, suites, 3, METHOD_PSK, &choice),
				 ERR_NO_PROPOSAL);
	}
	offer_ike(suites, 1, 3600);
	assert_int_equal(proposal_check_ike(&sa, suites, 3, METHOD_PSK, &choice), 0);
	/* Two transforms are no choice. */
	offer_ike(suites, 2, 3600);
	assert_int_equal(proposal_check_ike(&sa, suites, 3, METHOD_PSK, &choice), ERR_NO_PROPOSAL);
}

/* What the attribute says is what must have been offered, or is accepted. */
static void phase1_methods(void **state)
{
	static const enum auth_method methods[] = {
		METHOD_PSK,
		METHOD_RSA,
		METHOD_HYBRID_INIT_RSA,
		METHOD_HYBRID_RESP_RSA,
		METHOD_XAUTH_INIT_PSK,
		METHOD_XAUTH_RESP_PSK,
		METHOD_XAUTH_INIT_RSA,
		METHOD_XAUTH_RESP_RSA,
	};
	const size_t n = ARRAY_SIZE(methods);
	struct ike_choice c;

	(void)state;
	for (size_t i = 0; i < n * n; i++) {
		const struct auth_methods one = { 1, { methods[i % n] } };
		const struct auth_methods two = { 2, { methods[(i + 1) % n], methods[i % n] } };
		enum auth_method offered = methods[i / n];
		struct ike_writer b = begin();

		proposal_write_ike(&b, suites, 1, offered, 0);
		read_back(&b);
		assert_int_equal(proposal_check_ike(&sa, suites, 3, methods[i % n], &c) == 0,
				 methods[i % n] == offered);
		assert_int_equal(proposal_choose_ike(&sa, suites, 3, &one, &c) == 0,
				 methods[i % n] == offered);
		assert_int_equal(c.method, offered);
		assert_int_equal(proposal_choose_ike(&sa, suites, 3, &two, &c) == 0,
				 methods[i % n] == offered || methods[(i + 1) % n] == offered);
	}
	assert_int_equal(proposal_choose_ike(&sa, suites, 3, &(struct auth_methods){ 0 }, &c),
			 ERR_NO_PROPOSAL);
}

/* A transform of phase 1 with these attributes (type, value), in this order. */
static int check_attributes(const uint32_t *a, unsigned n, struct ike_choice *choice)
{
	struct sa_transform *t = &sa.transform[0];

	sa = (struct sa_payload){ .nproposals = 1, .ntransforms = 1 };
	sa.proposal[0] = (struct sa_proposal){ .protocol = PROTOCOL_ISAKMP, .n = 1 };
	t->id = 1;
	t->nattributes = n;
	for (unsigned i = 0; i < n; i++)
		t->attribute[i] = (struct sa_attribute){ (uint16_t)a[2 * i], a[2 * i + 1] };
	return proposal_check_ike(&sa, suites, 3, METHOD_PSK, choice);
}

#define CHECK(choice, ...)                                                                         \
	check_attributes((const uint32_t[]){ __VA_ARGS__ },                                        \
			 sizeof((const uint32_t[]){ __VA_ARGS__ }) / 8, choice)

static void phase1_attributes(void **state)
{
	struct ike_choice c;

	(void)state;
	/* Any order. */
	assert_int_equal(CHECK(&c, 1, 7, 14, 128, 2, 4, 4, 14, 3, 1), 0);
	assert_int_equal(CHECK(&c, 14, 128, 3, 1, 4, 14, 2, 4, 1, 7), 0);
	assert_int_equal(c.lifetime_s, 0);
	assert_int_equal(CHECK(&c, 11, 1, 12, 600, 1, 7, 2, 4, 3, 1, 4, 14, 14, 128), 0);
	assert_int_equal(c.lifetime_s, 600);
	/* Both kinds of lifetime; a type without value; a value without type. */
	assert_int_equal(CHECK(&c, 1, 7, 2, 4, 3, 1, 4, 14, 14, 128, 11, 2, 12, 5, 11, 1, 12, 700),
			 0);
	assert_int_equal(c.lifetime_s, 700);
	assert_int_equal(c.lifetime_bytes, 5 * 1024);
	assert_int_equal(CHECK(&c, 1, 7, 2, 4, 3, 1, 4, 14, 14, 128, 11, 1), 0);
	assert_int_equal(c.lifetime_s, 0);
	assert_int_equal(CHECK(&c, 12, 9, 1, 7, 2, 4, 3, 1, 4, 14, 14, 128), 0);
	assert_int_equal(c.lifetime_s, 0);
	/* Absent, twice, unknown, wrong. */
	assert_int_equal(CHECK(&c, 1, 7, 2, 4, 3, 1, 4, 14), ERR_NO_PROPOSAL);
	assert_int_equal(CHECK(&c, 1, 7, 2, 4, 3, 1, 14, 128), ERR_NO_PROPOSAL);
	assert_int_equal(CHECK(&c, 1, 7, 14, 128, 14, 128, 2, 4, 4, 14, 3, 1), ERR_NO_PROPOSAL);
	assert_int_equal(CHECK(&c, 1, 7, 14, 128, 13, 1, 2, 4, 4, 14, 3, 1), ERR_NO_PROPOSAL);
	assert_int_equal(CHECK(&c, 1, 7, 14, 128, 200, 1, 2, 4, 4, 14, 3, 1), ERR_NO_PROPOSAL);
	assert_int_equal(CHECK(&c, 1, 5, 14, 128, 2, 4, 4, 14, 3, 1), ERR_NO_PROPOSAL);
	assert_int_equal(CHECK(&c, 1, 7, 14, 0, 2, 4, 4, 14, 3, 1), ERR_NO_PROPOSAL);
	assert_int_equal(CHECK(&c, 1, 7, 14, 128, 2, 4, 4, 14, 3, 2), ERR_NO_PROPOSAL);
	assert_int_equal(CHECK(&c, 1, 7, 14, 128, 2, 4, 4, 65536 + 14, 3, 1), ERR_NO_PROPOSAL);
	assert_int_equal(CHECK(&c, 0, 0), ERR_NO_PROPOSAL);
}

/* ---- bytes ---- */

/* What stands behind number, id and reserved of the only transform. */
static void expect_transform(uint8_t id, const uint8_t *attributes, size_t n)
{
	struct slice whole = sa.transform[0].whole;

	assert_int_equal(sa.ntransforms, 1);
	assert_int_equal(sa.transform[0].id, id);
	assert_int_equal(whole.n, 8 + n);
	assert_memory_equal(whole.p + 8, attributes, n);
}

#define EXPECT_TRANSFORM(id, ...)                                                                  \
	expect_transform(id, (const uint8_t[]){ __VA_ARGS__ },                                     \
			 sizeof((const uint8_t[]){ __VA_ARGS__ }))

/* RFC 2409 appendix A; a fixed key has no length. */
static void phase1_bytes(void **state)
{
	static const struct {
		struct ike_suite suite;
		uint8_t cipher, key_bits, hash, group; /* key_bits: low byte; 1: none written */
	} rows[] = {
		{ { IKE_CIPHER_AES_CBC, 128, HASH_SHA1, DH_MODP_2048 }, 7, 128, 2, 14 },
		{ { IKE_CIPHER_AES_CBC, 192, HASH_MD5, DH_MODP_1024 }, 7, 192, 1, 2 },
		{ { IKE_CIPHER_AES_CBC, 256, HASH_SHA2_256, DH_MODP_1536 }, 7, 0, 4, 5 },
		{ { IKE_CIPHER_AES_CBC, 256, HASH_SHA2_384, DH_MODP_3072 }, 7, 0, 5, 15 },
		{ { IKE_CIPHER_AES_CBC, 256, HASH_SHA2_512, DH_MODP_4096 }, 7, 0, 6, 16 },
		{ { IKE_CIPHER_AES_CBC, 128, HASH_SHA2_256, DH_ECP_256 }, 7, 128, 4, 19 },
		{ { IKE_CIPHER_AES_CBC, 128, HASH_SHA2_256, DH_ECP_384 }, 7, 128, 4, 20 },
		{ { IKE_CIPHER_AES_CBC, 128, HASH_SHA2_256, DH_ECP_521 }, 7, 128, 4, 21 },
		{ { IKE_CIPHER_3DES_CBC, 192, HASH_MD5, DH_MODP_1024 }, 5, 1, 1, 2 },
	};
	struct ike_choice c;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		uint16_t bits = rows[i].suite.key_bits;

		offer_ike(&rows[i].suite, 1, 0);
		if (rows[i].key_bits == 1)
			EXPECT_TRANSFORM(1, 0x80, 1, 0, rows[i].cipher, 0x80, 2, 0, rows[i].hash,
					 0x80, 4, 0, rows[i].group, 0x80, 3, 0, 1);
		else
			EXPECT_TRANSFORM(1, 0x80, 1, 0, rows[i].cipher, 0x80, 14,
					 (uint8_t)(bits >> 8), rows[i].key_bits, 0x80, 2, 0,
					 rows[i].hash, 0x80, 4, 0, rows[i].group, 0x80, 3, 0, 1);
		assert_int_equal(proposal_check_ike(&sa, &rows[i].suite, 1, METHOD_PSK, &c), 0);
		assert_memory_equal(&c.suite, &rows[i].suite, sizeof(c.suite));
	}
}

/* A length that 3DES does not have, and one that AES lacks. */
static void phase1_key_lengths(void **state)
{
	static const struct ike_suite des3 = { IKE_CIPHER_3DES_CBC, 192, HASH_SHA1, DH_MODP_2048 };
	struct ike_choice c;

	(void)state;
	offer_ike(&des3, 1, 0);
	assert_int_equal(proposal_check_ike(&sa, &des3, 1, METHOD_PSK, &c), 0);
	assert_int_equal(proposal_check_ike(&sa, suites, 3, METHOD_PSK, &c), ERR_NO_PROPOSAL);
	sa.transform[0].attribute[sa.transform[0].nattributes++] = (struct sa_attribute){ 14, 192 };
	assert_int_equal(proposal_check_ike(&sa, &des3, 1, METHOD_PSK, &c), ERR_NO_PROPOSAL);
	sa.transform[0].attribute[0].value = 7;
	assert_int_equal(proposal_check_ike(&sa,
					    &(struct ike_suite){ IKE_CIPHER_AES_CBC, 192, HASH_SHA1,
								 DH_MODP_2048 },
					    1, METHOD_PSK, &c),
			 0);
	assert_int_equal(proposal_check_ike(&sa, &des3, 1, METHOD_PSK, &c), ERR_NO_PROPOSAL);
}

static void offer_esp(const struct esp_offer *offer)
{
	struct ike_writer b = begin();

	proposal_write_esp(&b, offer);
	read_back(&b);
}

static void phase2(void **state)
{
	struct esp_offer offer = { .suites = esp,
				   .n = 2,
				   .pfs = DH_ECP_256,
				   .mode = MODE_UDP_TUNNEL,
				   .spi = 0x12345678,
				   .lifetime_s = 3600 };
	struct esp_offer ours = offer;
	struct esp_choice choice;

	(void)state;
	offer_esp(&offer);
	assert_int_equal(sa.ntransforms, 2);
	assert_int_equal(proposal_choose_esp(&sa, &ours, &choice), 0);
	assert_int_equal(choice.transform, 0);
	assert_int_equal(choice.spi, 0x12345678);
	assert_int_equal(choice.pfs, DH_ECP_256);
	assert_int_equal(choice.lifetime_s, 3600);
	ours.suites = esp + 1;
	ours.n = 1;
	ours.mode = 0;
	assert_int_equal(proposal_choose_esp(&sa, &ours, &choice), 0);
	assert_int_equal(choice.transform, 1);
	assert_int_equal(choice.suite.integ, ESP_INTEG_HMAC_SHA2_256_128);
	assert_int_equal(choice.mode, MODE_UDP_TUNNEL);
	ours.pfs = DH_NONE;
	assert_int_equal(proposal_choose_esp(&sa, &ours, &choice), ERR_NO_PROPOSAL);
}

/* RFC 2407 sections 4.4.4 and 4.5: what a fixed cipher or an AEAD leaves out is left out. */
static void phase2_bytes(void **state)
{
	static const struct {
		struct esp_suite suite;
		uint8_t id, integ; /* integ 0: none written */
		bool length;
	} rows[] = {
		{ { ESP_CIPHER_3DES_CBC, 192, ESP_INTEG_HMAC_MD5_96 }, 3, 1, false },
		{ { ESP_CIPHER_NULL, 0, ESP_INTEG_HMAC_SHA2_256_128 }, 11, 5, false },
		{ { ESP_CIPHER_AES_CBC, 128, ESP_INTEG_HMAC_SHA1_96 }, 12, 2, true },
		{ { ESP_CIPHER_AES_CBC, 256, ESP_INTEG_HMAC_SHA2_512_256 }, 12, 7, true },
		{ { ESP_CIPHER_AES_CTR, 256, ESP_INTEG_HMAC_SHA2_384_192 }, 13, 6, true },
		{ { ESP_CIPHER_AES_GCM_8, 128, ESP_INTEG_NONE }, 18, 0, true },
		{ { ESP_CIPHER_AES_GCM_12, 192, ESP_INTEG_NONE }, 19, 0, true },
		{ { ESP_CIPHER_AES_GCM_16, 256, ESP_INTEG_NONE }, 20, 0, true },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct esp_offer offer = { &rows[i].suite,  1,	  DH_ECP_521,
						 MODE_UDP_TUNNEL, 0x1000, 0 };
		uint8_t want[16], *p = want;
		struct esp_choice c;

		put_be32(p, 0x80040003);
		p += 4;
		if (rows[i].length) {
			put_be32(p, 0x80060000u | rows[i].suite.key_bits);
			p += 4;
		}
		if (rows[i].integ) {
			put_be32(p, 0x80050000u | rows[i].integ);
			p += 4;
		}
		put_be32(p, 0x80030015);
		p += 4;
		offer_esp(&offer);
		expect_transform(rows[i].id, want, (size_t)(p - want));
		assert_int_equal(proposal_check_esp(&sa, &offer, &c), 0);
		assert_memory_equal(&c.suite, &rows[i].suite, sizeof(c.suite));
		assert_int_equal(c.pfs, DH_ECP_521);
		/* Each is its own only. */
		for (unsigned j = 0; j < ARRAY_SIZE(rows); j++) {
			struct esp_offer other = offer;

			other.suites = &rows[j].suite;
			assert_int_equal(proposal_check_esp(&sa, &other, &c),
					 i == j ? 0 : ERR_NO_PROPOSAL);
		}
		/* A key length where there is none, or none where there is one. */
		if (rows[i].length)
			sa.transform[0].attribute[1] = (struct sa_attribute){ 1, 2 };
		else
			sa.transform[0].attribute[sa.transform[0].nattributes++] =
				(struct sa_attribute){ 6, 192 };
		assert_int_equal(proposal_check_esp(&sa, &offer, &c), ERR_NO_PROPOSAL);
	}
}

static void phase2_reply_must_be_one_of_ours(void **state)
{
	static const struct esp_suite cbc128 = { ESP_CIPHER_AES_CBC, 128,
						 ESP_INTEG_HMAC_SHA2_256_128 };
	static const struct esp_suite sha1 = { ESP_CIPHER_AES_CBC, 256, ESP_INTEG_HMAC_SHA1_96 };
	const struct esp_offer offer = { esp, 2, DH_NONE, MODE_UDP_TUNNEL, 0x1000, 3600 };
	struct esp_offer reply = { esp, 1, DH_NONE, MODE_UDP_TUNNEL, 0x2000, 60 };
	struct esp_choice choice;

	(void)state;
	offer_esp(&reply);
	assert_int_equal(proposal_check_esp(&sa, &offer, &choice), 0);
	assert_int_equal(choice.spi, 0x2000);
	assert_int_equal(choice.lifetime_s, 60);
	reply.n = 2;
	offer_esp(&reply);
	assert_int_equal(proposal_check_esp(&sa, &offer, &choice), ERR_NO_PROPOSAL);
	reply.n = 1;
	reply.mode = MODE_TUNNEL;
	offer_esp(&reply);
	assert_int_equal(proposal_check_esp(&sa, &offer, &choice), ERR_NO_PROPOSAL);
	reply.mode = MODE_UDP_TUNNEL;
	reply.pfs = DH_ECP_256;
	offer_esp(&reply);
	assert_int_equal(proposal_check_esp(&sa, &offer, &choice), ERR_NO_PROPOSAL);
	reply.pfs = DH_NONE;
	reply.spi = 255;
	offer_esp(&reply);
	assert_int_equal(proposal_check_esp(&sa, &offer, &choice), ERR_NO_PROPOSAL);
	reply.spi = 256;
	reply.suites = &cbc128;
	offer_esp(&reply);
	assert_int_equal(proposal_check_esp(&sa, &offer, &choice), ERR_NO_PROPOSAL);
	reply.suites = &sha1;
	offer_esp(&reply);
	assert_int_equal(proposal_check_esp(&sa, &offer, &choice), ERR_NO_PROPOSAL);
}

/* Extended sequence numbers that nobody asked for are another SA. */
static void phase2_odd_attributes(void **state)
{
	const struct esp_offer offer = { esp, 2, DH_NONE, MODE_UDP_TUNNEL, 0x1000, 0 };
	struct sa_transform *t = &sa.transform[0];
	struct esp_choice choice;

	(void)state;
	offer_esp(&(struct esp_offer){ esp, 1, DH_NONE, MODE_UDP_TUNNEL, 0x1000, 0 });
	t->attribute[t->nattributes++] = (struct sa_attribute){ 11, 1 };
	assert_int_equal(proposal_check_esp(&sa, &offer, &choice), ERR_NO_PROPOSAL);
	t->attribute[t->nattributes - 1] = (struct sa_attribute){ 5, 5 }; /* GCM has no hash */
	assert_int_equal(proposal_check_esp(&sa, &offer, &choice), ERR_NO_PROPOSAL);
	t->attribute[t->nattributes - 1] = (struct sa_attribute){ 6, 256 }; /* key length twice */
	assert_int_equal(proposal_check_esp(&sa, &offer, &choice), ERR_NO_PROPOSAL);
	t->nattributes--;
	assert_int_equal(proposal_check_esp(&sa, &offer, &choice), 0);
	sa.proposal[0].protocol = 2;
	assert_int_equal(proposal_check_esp(&sa, &offer, &choice), ERR_NO_PROPOSAL);
	sa.proposal[0].protocol = PROTOCOL_ESP;
	sa.proposal[0].spi.n = 3;
	assert_int_equal(proposal_check_esp(&sa, &offer, &choice), ERR_NO_PROPOSAL);
}

/* Several methods in one offer, each read back as it was written; and what nobody can accept. */
static void phase1_mixed(void **state)
{
	const struct ike_choice mixed[] = {
		{ .suite = suites[0], .method = METHOD_RSA, .lifetime_s = 100 },
		{ .suite = suites[1], .method = METHOD_XAUTH_INIT_PSK, .lifetime_s = 200000 },
	};
	struct ike_writer b;
	struct ike_choice c;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(mixed); i++) {
		const struct auth_methods only = { 1, { (enum auth_method)mixed[i].method } };

		b = begin();
		proposal_write_ike_mixed(&b, mixed, ARRAY_SIZE(mixed));
		read_back(&b);
		assert_int_equal(sa.ntransforms, 2);
		assert_int_equal(proposal_read_ike(&sa, &c), ERR_NO_PROPOSAL);
		assert_int_equal(proposal_choose_ike(&sa, suites, ARRAY_SIZE(suites), &only, &c),
				 0);
		assert_int_equal(c.transform, i);
		assert_int_equal(c.lifetime_s, mixed[i].lifetime_s);
		b = begin();
		proposal_write_ike_mixed(&b, &mixed[i], 1);
		read_back(&b);
		assert_int_equal(proposal_read_ike(&sa, &c), 0);
		assert_int_equal(c.method, mixed[i].method);
	}
	b = begin();
	proposal_write_ike_refusable(&b);
	read_back(&b);
	assert_int_equal(sa.ntransforms, 1);
	assert_int_equal(proposal_choose_ike(&sa, suites, ARRAY_SIZE(suites), &psk, &c),
			 ERR_NO_PROPOSAL);
	assert_int_equal(proposal_read_ike(&sa, &c), ERR_NO_PROPOSAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(phase1),
		cmocka_unit_test(phase1_methods),
		cmocka_unit_test(phase1_reply_must_be_one_of_ours),
		cmocka_unit_test(phase1_attributes),
		cmocka_unit_test(phase1_bytes),
		cmocka_unit_test(phase1_key_lengths),
		cmocka_unit_test(phase1_mixed),
		cmocka_unit_test(phase2),
		cmocka_unit_test(phase2_bytes),
		cmocka_unit_test(phase2_reply_must_be_one_of_ours),
		cmocka_unit_test(phase2_odd_attributes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
