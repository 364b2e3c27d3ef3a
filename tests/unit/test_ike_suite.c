/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/ike.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static char why[160];

static void ike_suites(void **state)
{
	static const struct {
		const char *text;
		struct ike_suite suite;
	} cases[] = {
		{ "aes128-sha256-modp2048", { 128, HASH_SHA2_256, DH_MODP_2048 } },
		{ "aes-sha-ecp256", { 128, HASH_SHA1, DH_ECP_256 } },
		{ "AES256-SHA2_384-ECP384", { 256, HASH_SHA2_384, DH_ECP_384 } },
		{ "modp2048-sha512-aes192", { 192, HASH_SHA2_512, DH_MODP_2048 } },
	};
	struct ike_suite s;
	char name[48];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(ike_suite_parse(cases[i].text, &s, why), 0);
		assert_int_equal(s.key_bits, cases[i].suite.key_bits);
		assert_int_equal(s.hash, cases[i].suite.hash);
		assert_int_equal(s.group, cases[i].suite.group);
	}
	assert_string_equal(ike_suite_name(&cases[2].suite, name), "aes256-sha384-ecp384");
}

static void esp_suites(void **state)
{
	static const struct {
		const char *text;
		struct esp_suite suite;
		enum dh_group pfs;
	} cases[] = {
		{ "aes128gcm16", { ESP_CIPHER_AES_GCM_16, 128, ESP_INTEG_NONE }, DH_NONE },
		{ "aes192gcm128-ecp384",
		  { ESP_CIPHER_AES_GCM_16, 192, ESP_INTEG_NONE },
		  DH_ECP_384 },
		{ "aes256-sha256",
		  { ESP_CIPHER_AES_CBC, 256, ESP_INTEG_HMAC_SHA2_256_128 },
		  DH_NONE },
		{ "aes-sha1-modp2048-noesn",
		  { ESP_CIPHER_AES_CBC, 128, ESP_INTEG_HMAC_SHA1_96 },
		  DH_MODP_2048 },
	};
	struct esp_suite s;
	enum dh_group pfs;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(esp_suite_parse(cases[i].text, &s, &pfs, why), 0);
		assert_int_equal(s.cipher, cases[i].suite.cipher);
		assert_int_equal(s.key_bits, cases[i].suite.key_bits);
		assert_int_equal(s.integ, cases[i].suite.integ);
		assert_int_equal(pfs, cases[i].pfs);
	}
}

/* The refusal names the word, and what to write instead. */
static void refusals(void **state)
{
	static const struct {
		const char *text;
		bool ike;
		int err;
		const char *word;
		const char *advice;
	} cases[] = {
		{ "3des-sha1-modp1024", true, ERR_UNSUPPORTED, "3des", "aes128" },
		{ "aes128-md5-modp2048", true, ERR_UNSUPPORTED, "md5", "sha256" },
		{ "aes128-sha1-modp1024", true, ERR_UNSUPPORTED, "modp1024", "modp2048" },
		{ "aes256-sha256-curve25519", true, ERR_UNSUPPORTED, "curve25519", "ecp256" },
		{ "aes128gcm16-prfsha256-ecp256", true, ERR_UNSUPPORTED, "aes128gcm16", "aes128" },
		{ "aes128-prfsha256-ecp256", true, ERR_UNSUPPORTED, "prfsha256", "leave it out" },
		{ "chacha20poly1305", false, ERR_UNSUPPORTED, "chacha20poly1305", "aes128gcm16" },
		{ "aes128gcm16-esn", false, ERR_UNSUPPORTED, "esn", "leave it out" },
		{ "aes128gcm8", false, ERR_UNSUPPORTED, "aes128gcm8", "aes128gcm16" },
		{ "aes128gcm16-sha256", false, ERR_CONFIG, "sha256", "leave the hash out" },
		{ "aes128", false, ERR_CONFIG, "aes128", "sha256" },
		{ "sha256", false, ERR_CONFIG, "no cipher", "aes128gcm16" },
		{ "aes128-sha256", true, ERR_CONFIG, "Diffie-Hellman", "modp2048" },
		{ "aes128-modp2048", true, ERR_CONFIG, "no hash", "sha256" },
		{ "sha256-modp2048", true, ERR_CONFIG, "no cipher", "aes128" },
		{ "aes128-aes256-sha256-modp2048", true, ERR_CONFIG, "aes256", "second" },
		{ "aes128-sha257-modp2048", true, ERR_CONFIG, "sha257", "no such" },
		{ "", true, ERR_CONFIG, "", "no such" },
		{ "aes128-", true, ERR_CONFIG, "", "no such" },
		{ "aes128--sha1", true, ERR_CONFIG, "", "no such" },
		{ "aes128 -sha1-modp2048", true, ERR_CONFIG, "aes128 ", "no such" },
	};
	struct ike_suite ike;
	struct esp_suite esp;
	enum dh_group pfs;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int err = cases[i].ike ? ike_suite_parse(cases[i].text, &ike, why) :
					 esp_suite_parse(cases[i].text, &esp, &pfs, why);

		assert_int_equal(err, cases[i].err);
		assert_non_null(strstr(why, cases[i].word));
		assert_non_null(strstr(why, cases[i].advice));
	}
}

static void over_long_words(void **state)
{
	char text[1000];
	struct ike_suite s;

	(void)state;
	memset(text, 'a', sizeof(text));
	text[999] = '\0';
	assert_int_equal(ike_suite_parse(text, &s, why), ERR_CONFIG);
	assert_true(strlen(why) < sizeof(why));
}

static void groups(void **state)
{
	enum dh_group g;

	(void)state;
	assert_int_equal(dh_group_parse("14", &g), 0);
	assert_int_equal(g, DH_MODP_2048);
	assert_int_equal(dh_group_parse("ecp256", &g), 0);
	assert_int_equal(g, DH_ECP_256);
	assert_int_equal(dh_group_parse("20", &g), 0);
	assert_int_equal(g, DH_ECP_384);
	assert_int_equal(dh_group_parse("modp1024", &g), ERR_UNSUPPORTED);
	assert_int_equal(dh_group_parse("aes128", &g), ERR_CONFIG);
	assert_int_equal(dh_group_parse("2", &g), ERR_CONFIG);
	assert_int_equal(dh_group_parse("", &g), ERR_CONFIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ike_suites), cmocka_unit_test(esp_suites),
		cmocka_unit_test(refusals),   cmocka_unit_test(over_long_words),
		cmocka_unit_test(groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
