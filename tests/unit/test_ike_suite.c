/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/ike.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static char why[IKE_WHY_MAX];

#define AES IKE_CIPHER_AES_CBC
#define DES3 IKE_CIPHER_3DES_CBC

static const struct {
	const char *text;
	struct ike_suite suite;
	const char *name;
} ike_cases[] = {
	{ "aes128-sha256-modp2048",
	  { AES, 128, HASH_SHA2_256, DH_MODP_2048 },
	  "aes128-sha256-modp2048" },
	{ "aes-sha-ecp256", { AES, 128, HASH_SHA1, DH_ECP_256 }, "aes128-sha1-ecp256" },
	{ "AES256-SHA2_384-ECP384",
	  { AES, 256, HASH_SHA2_384, DH_ECP_384 },
	  "aes256-sha384-ecp384" },
	{ "modp2048-sha512-aes192",
	  { AES, 192, HASH_SHA2_512, DH_MODP_2048 },
	  "aes192-sha512-modp2048" },
	{ "3des-md5-modp1024", { DES3, 192, HASH_MD5, DH_MODP_1024 }, "3des-md5-modp1024" },
	{ "aes128-sha1-modp1536", { AES, 128, HASH_SHA1, DH_MODP_1536 }, "aes128-sha1-modp1536" },
	{ "aes256-sha256-modp3072",
	  { AES, 256, HASH_SHA2_256, DH_MODP_3072 },
	  "aes256-sha256-modp3072" },
	{ "aes256-sha512-modp4096",
	  { AES, 256, HASH_SHA2_512, DH_MODP_4096 },
	  "aes256-sha512-modp4096" },
	{ "aes256-sha512-ecp521", { AES, 256, HASH_SHA2_512, DH_ECP_521 }, "aes256-sha512-ecp521" },
	/* A prf that is the hash's own. */
	{ "aes128-sha256-prfsha256-ecp256",
	  { AES, 128, HASH_SHA2_256, DH_ECP_256 },
	  "aes128-sha256-ecp256" },
	{ "aes128-sha1-prfsha1-noesn-modp2048",
	  { AES, 128, HASH_SHA1, DH_MODP_2048 },
	  "aes128-sha1-modp2048" },
	/* vpnc's groups */
	{ "3des-sha1-dh2", { DES3, 192, HASH_SHA1, DH_MODP_1024 }, "3des-sha1-modp1024" },
	{ "aes256-sha1-dh14", { AES, 256, HASH_SHA1, DH_MODP_2048 }, "aes256-sha1-modp2048" },
	{ "aes256-sha1-group21", { AES, 256, HASH_SHA1, DH_ECP_521 }, "aes256-sha1-ecp521" },
	/* Cisco's */
	{ "aes-256 sha group 14", { AES, 256, HASH_SHA1, DH_MODP_2048 }, "aes256-sha1-modp2048" },
	{ "encr aes 256, hash sha256, group 14",
	  { AES, 256, HASH_SHA2_256, DH_MODP_2048 },
	  "aes256-sha256-modp2048" },
	{ "encr aes 256 authentication pre-share group 19 hash sha384",
	  { AES, 256, HASH_SHA2_384, DH_ECP_256 },
	  "aes256-sha384-ecp256" },
	{ "encryption 3des hash md5 group 5",
	  { DES3, 192, HASH_MD5, DH_MODP_1536 },
	  "3des-md5-modp1536" },
	{ "encr aes,\thash sha,  group 2",
	  { AES, 128, HASH_SHA1, DH_MODP_1024 },
	  "aes128-sha1-modp1024" },
};

static void ike_suites(void **state)
{
	struct ike_suite s;
	char name[48];

	for (size_t i = 0; i < ARRAY_SIZE(ike_cases); i++) {
		int err = ike_suite_parse(ike_cases[i].text, &s, why);

		if (err)
			fail_msg("%s: %s", ike_cases[i].text, why);
		assert_int_equal(s.cipher, ike_cases[i].suite.cipher);
		assert_int_equal(s.key_bits, ike_cases[i].suite.key_bits);
		assert_int_equal(s.hash, ike_cases[i].suite.hash);
		assert_int_equal(s.group, ike_cases[i].suite.group);
		assert_string_equal(ike_suite_name(&s, name), ike_cases[i].name);
		/* The name is understood, and means the same. */
		assert_int_equal(ike_suite_parse(name, &s, why), 0);
		assert_string_equal(ike_suite_name(&s, name), ike_cases[i].name);
	}
}

static const struct {
	const char *text;
	struct esp_suite suite;
	enum dh_group pfs;
	const char *name;
} esp_cases[] = {
	{ "aes128gcm16", { ESP_CIPHER_AES_GCM_16, 128, ESP_INTEG_NONE }, DH_NONE, "aes128gcm16" },
	{ "aes192gcm128-ecp384",
	  { ESP_CIPHER_AES_GCM_16, 192, ESP_INTEG_NONE },
	  DH_ECP_384,
	  "aes192gcm16" },
	{ "aes256gcm", { ESP_CIPHER_AES_GCM_16, 256, ESP_INTEG_NONE }, DH_NONE, "aes256gcm16" },
	{ "aes128gcm12", { ESP_CIPHER_AES_GCM_12, 128, ESP_INTEG_NONE }, DH_NONE, "aes128gcm12" },
	{ "aes256gcm96", { ESP_CIPHER_AES_GCM_12, 256, ESP_INTEG_NONE }, DH_NONE, "aes256gcm12" },
	{ "aes128gcm8", { ESP_CIPHER_AES_GCM_8, 128, ESP_INTEG_NONE }, DH_NONE, "aes128gcm8" },
	{ "aes192gcm64", { ESP_CIPHER_AES_GCM_8, 192, ESP_INTEG_NONE }, DH_NONE, "aes192gcm8" },
	{ "aes256-sha256",
	  { ESP_CIPHER_AES_CBC, 256, ESP_INTEG_HMAC_SHA2_256_128 },
	  DH_NONE,
	  "aes256-sha256" },
	{ "aes-sha1-modp2048-noesn",
	  { ESP_CIPHER_AES_CBC, 128, ESP_INTEG_HMAC_SHA1_96 },
	  DH_MODP_2048,
	  "aes128-sha1" },
	{ "aes256ctr-sha256",
	  { ESP_CIPHER_AES_CTR, 256, ESP_INTEG_HMAC_SHA2_256_128 },
	  DH_NONE,
	  "aes256ctr-sha256" },
	{ "aes128ctr-sha2_512-ecp521",
	  { ESP_CIPHER_AES_CTR, 128, ESP_INTEG_HMAC_SHA2_512_256 },
	  DH_ECP_521,
	  "aes128ctr-sha512" },
	{ "3des-md5-dh2",
	  { ESP_CIPHER_3DES_CBC, 192, ESP_INTEG_HMAC_MD5_96 },
	  DH_MODP_1024,
	  "3des-md5" },
	{ "null-sha256",
	  { ESP_CIPHER_NULL, 0, ESP_INTEG_HMAC_SHA2_256_128 },
	  DH_NONE,
	  "null-sha256" },
	/* Cisco's transform sets */
	{ "esp-aes esp-sha-hmac",
	  { ESP_CIPHER_AES_CBC, 128, ESP_INTEG_HMAC_SHA1_96 },
	  DH_NONE,
	  "aes128-sha1" },
	{ "esp-aes 256 esp-sha-hmac",
	  { ESP_CIPHER_AES_CBC, 256, ESP_INTEG_HMAC_SHA1_96 },
	  DH_NONE,
	  "aes256-sha1" },
	{ "esp-aes-256 esp-sha256-hmac",
	  { ESP_CIPHER_AES_CBC, 256, ESP_INTEG_HMAC_SHA2_256_128 },
	  DH_NONE,
	  "aes256-sha256" },
	{ "ESP-AES-192 ESP-SHA-HMAC",
	  { ESP_CIPHER_AES_CBC, 192, ESP_INTEG_HMAC_SHA1_96 },
	  DH_NONE,
	  "aes192-sha1" },
	{ "esp-3des esp-md5-hmac",
	  { ESP_CIPHER_3DES_CBC, 192, ESP_INTEG_HMAC_MD5_96 },
	  DH_NONE,
	  "3des-md5" },
	{ "esp-gcm 128", { ESP_CIPHER_AES_GCM_16, 128, ESP_INTEG_NONE }, DH_NONE, "aes128gcm16" },
	{ "esp-gcm 256 group14",
	  { ESP_CIPHER_AES_GCM_16, 256, ESP_INTEG_NONE },
	  DH_MODP_2048,
	  "aes256gcm16" },
	{ "esp-gcm", { ESP_CIPHER_AES_GCM_16, 128, ESP_INTEG_NONE }, DH_NONE, "aes128gcm16" },
	{ "esp-null esp-sha-hmac",
	  { ESP_CIPHER_NULL, 0, ESP_INTEG_HMAC_SHA1_96 },
	  DH_NONE,
	  "null-sha1" },
};

static void esp_suites(void **state)
{
	struct esp_suite s;
	enum dh_group pfs;
	char name[40];

	for (size_t i = 0; i < ARRAY_SIZE(esp_cases); i++) {
		int err = esp_suite_parse(esp_cases[i].text, &s, &pfs, why);

		if (err)
			fail_msg("%s: %s", esp_cases[i].text, why);
		assert_int_equal(s.cipher, esp_cases[i].suite.cipher);
		assert_int_equal(s.key_bits, esp_cases[i].suite.key_bits);
		assert_int_equal(s.integ, esp_cases[i].suite.integ);
		assert_int_equal(pfs, esp_cases[i].pfs);
		assert_string_equal(esp_suite_name(&s, name), esp_cases[i].name);
		assert_int_equal(esp_suite_parse(name, &s, &pfs, why), 0);
		assert_string_equal(esp_suite_name(&s, name), esp_cases[i].name);
	}
}

#define V1_AEAD "IKEv1 has no AEAD for IKE itself: use aes128 or aes256 with a hash"
#define V1_NO_GROUP "IKEv1 has no number for it, only IKEv2 has: use ecp256 or ecp384"
#define V1_NO_KEM "IKEv1 cannot carry it, only IKEv2 can: use ecp256 or ecp384"

/* The refusal names the word, and what to write instead. */
static const struct {
	const char *text;
	bool ike;
	int err;
	const char *why;
} refusals[] = {
	/* what IKEv1 cannot express */
	{ "aes128gcm16-prfsha256-ecp256", true, ERR_UNSUPPORTED, "aes128gcm16: " V1_AEAD },
	{ "aes256gcm8-sha256-ecp256", true, ERR_UNSUPPORTED, "aes256gcm8: " V1_AEAD },
	{ "chacha20poly1305-prfsha256-ecp256", true, ERR_UNSUPPORTED,
	  "chacha20poly1305: " V1_AEAD },
	{ "aes128ctr-sha256-ecp256", true, ERR_UNSUPPORTED,
	  "aes128ctr: IKEv1 has no AES-CTR for IKE itself: use aes128 or aes256" },
	{ "null-sha256-ecp256", true, ERR_UNSUPPORTED,
	  "null: IKE itself is always encrypted: use aes128 or aes256" },
	{ "chacha20poly1305", false, ERR_UNSUPPORTED,
	  "chacha20poly1305: IKEv1 has no number for ChaCha20-Poly1305, only IKEv2 has: use "
	  "aes256gcm16" },
	{ "aes256-sha256-curve25519", true, ERR_UNSUPPORTED, "curve25519: " V1_NO_GROUP },
	{ "aes256-sha256-x25519", false, ERR_UNSUPPORTED, "x25519: " V1_NO_GROUP },
	{ "aes256-sha256-dh31", true, ERR_UNSUPPORTED, "dh31: " V1_NO_GROUP },
	{ "aes256-sha256-group 32", true, ERR_UNSUPPORTED, "group32: " V1_NO_GROUP },
	{ "aes256-sha256-x25519", true, ERR_UNSUPPORTED, "x25519: " V1_NO_GROUP },
	{ "aes256-sha256-mlkem768", true, ERR_UNSUPPORTED, "mlkem768: " V1_NO_KEM },
	{ "aes256-sha256-ecp256-ke1_mlkem768", true, ERR_UNSUPPORTED, "ke1_mlkem768: " V1_NO_KEM },
	{ "aes128gcm16-ecp256-ke1_ecp384", false, ERR_UNSUPPORTED, "ke1_ecp384: " V1_NO_KEM },
	{ "aes128-sha256-prfsha384-ecp256", true, ERR_UNSUPPORTED,
	  "prfsha384: IKEv1 takes its prf from the hash, which is sha256 here: leave it out" },
	{ "aes128-prfaesxcbc-sha256-ecp256", true, ERR_UNSUPPORTED,
	  "prfaesxcbc: IKEv1 takes its prf from the hash: leave it out" },
	{ "aes128gcm16-prfsha256", false, ERR_CONFIG, "prfsha256: belongs to IKE, leave it out" },
	/* what we do not speak */
	{ "des-sha1-modp2048", true, ERR_UNSUPPORTED, "des: too weak: use aes128 or aes256" },
	{ "esp-des esp-sha-hmac", false, ERR_UNSUPPORTED,
	  "des: too weak: use aes128gcm16 or aes128-sha256" },
	{ "aes128-sha1-modp768", true, ERR_UNSUPPORTED,
	  "modp768: too weak: use modp2048, ecp256 or ecp384" },
	{ "encr aes, hash sha, group 1", true, ERR_UNSUPPORTED,
	  "group1: too weak: use modp2048, ecp256 or ecp384" },
	{ "aes128-sha1-modp8192", true, ERR_UNSUPPORTED,
	  "modp8192: not supported: use modp3072, ecp256 or ecp384" },
	{ "aes128-sha1-ecp256bp", true, ERR_UNSUPPORTED,
	  "ecp256bp: not supported: use modp3072, ecp256 or ecp384" },
	{ "camellia128ctr-sha1", false, ERR_UNSUPPORTED,
	  "camellia128ctr: not supported: use aes256gcm16" },
	{ "aes128ccm16", false, ERR_UNSUPPORTED,
	  "aes128ccm16: not supported: use aes128gcm16, aes256gcm16, aes128 or aes256" },
	{ "aes160-sha1", false, ERR_UNSUPPORTED,
	  "aes160: not supported: use aes128gcm16, aes256gcm16, aes128 or aes256" },
	{ "aes128-aesxcbc-modp2048", false, ERR_UNSUPPORTED,
	  "aesxcbc: not supported: use sha1, sha256, sha384 or sha512" },
	{ "aes128gcm16-esn", false, ERR_UNSUPPORTED,
	  "esn: extended sequence numbers are not supported: leave it out" },
	{ "ah-sha-hmac", false, ERR_UNSUPPORTED,
	  "ah: AH is not supported: it does not pass any NAT; use ESP" },
	{ "encr aes, authentication rsa-sig, group 14", true, ERR_UNSUPPORTED,
	  "authentication: only pre-share is supported" },
	{ "encr aes, authentication", true, ERR_UNSUPPORTED,
	  "authentication: only pre-share is supported" },
	{ "aes 256 sha group 14 lifetime 3600", true, ERR_UNSUPPORTED,
	  "lifetime: belongs in a key of its own: lifetime in [ike]" },
	/* what makes no suite */
	{ "esp-aes esp-sha-hmac", true, ERR_CONFIG, "esp: belongs in [esp]" },
	{ "aes128gcm16-sha256", false, ERR_CONFIG,
	  "sha256: AES-GCM has its own integrity check, leave the hash out" },
	{ "aes128", false, ERR_CONFIG, "aes128: needs an integrity check: add sha256" },
	{ "aes256ctr", false, ERR_CONFIG, "aes256ctr: needs an integrity check: add sha256" },
	{ "null", false, ERR_CONFIG, "null: needs an integrity check: add sha256" },
	{ "sha256", false, ERR_CONFIG, "no cipher: add aes128gcm16 or aes128-sha256" },
	{ "aes128-sha256", true, ERR_CONFIG,
	  "no Diffie-Hellman group: add modp2048, ecp256 or ecp384" },
	{ "aes128-modp2048", true, ERR_CONFIG, "no hash: add sha256 or sha384" },
	{ "aes128-prfsha256-modp2048", true, ERR_CONFIG, "no hash: add sha256 or sha384" },
	{ "sha256-modp2048", true, ERR_CONFIG, "no cipher: add aes128 or aes256" },
	{ "aes128-aes256-sha256-modp2048", true, ERR_CONFIG, "aes256: a second one of its kind" },
	{ "aes128-sha1-sha256-modp2048", true, ERR_CONFIG, "sha256: a second one of its kind" },
	{ "aes128-sha1-modp2048-dh14", true, ERR_CONFIG, "dh14: a second one of its kind" },
	{ "aes 100 sha group 14", true, ERR_CONFIG, "aes: its key has 128, 192 or 256 bits" },
	{ "aes sha group", true, ERR_CONFIG, "group: the number is missing" },
	{ "aes sha group fourteen", true, ERR_CONFIG, "group: the number is missing" },
	{ "aes sha 14", true, ERR_CONFIG, "\"14\": no such algorithm" },
	{ "aes128 256 sha1", false, ERR_CONFIG, "\"256\": no such algorithm" },
	{ "aes sha group 4", true, ERR_CONFIG, "\"group4\": no such algorithm" },
	{ "aes sha group0", true, ERR_CONFIG, "\"group0\": no such algorithm" },
	{ "aes sha dh65550", true, ERR_CONFIG, "\"dh65550\": no such algorithm" },
	{ "aes128-sha257-modp2048", true, ERR_CONFIG, "\"sha257\": no such algorithm" },
	{ "desk-sha1", false, ERR_CONFIG, "\"desk\": no such algorithm" },
	{ "", true, ERR_CONFIG, "\"\": no such algorithm" },
	{ "aes128-", true, ERR_CONFIG, "\"\": no such algorithm" },
	{ "aes128--sha1", true, ERR_CONFIG, "\"\": no such algorithm" },
	{ "aes128 -sha1-modp2048", true, ERR_CONFIG, "\"\": no such algorithm" },
};

static void refuses(void **state)
{
	struct ike_suite ike;
	struct esp_suite esp;
	enum dh_group pfs;

	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		int err = refusals[i].ike ? ike_suite_parse(refusals[i].text, &ike, why) :
					    esp_suite_parse(refusals[i].text, &esp, &pfs, why);

		if (err == 0)
			fail_msg("taken: %s", refusals[i].text);
		assert_string_equal(why, refusals[i].why);
		assert_int_equal(err, refusals[i].err);
	}
}

static void over_long_words(void **state)
{
	char text[1000];
	struct ike_suite s;

	memset(text, 'a', sizeof(text));
	text[999] = '\0';
	assert_int_equal(ike_suite_parse(text, &s, why), ERR_CONFIG);
	assert_true(strlen(why) < sizeof(why));
	/* Its beginning is no word. */
	memcpy(text, "aes128", 6);
	memcpy(text + 6, "                                ", 30);
	memset(text + 36, '\0', 1);
	assert_int_equal(ike_suite_parse(text, &s, why), ERR_CONFIG);
	assert_string_equal(why, "no hash: add sha256 or sha384");
}

static void groups(void **state)
{
	static const struct {
		const char *text;
		enum dh_group group;
	} good[] = {
		{ "2", DH_MODP_1024 },	      { "dh2", DH_MODP_1024 },
		{ "dh5", DH_MODP_1536 },      { "14", DH_MODP_2048 },
		{ "dh14", DH_MODP_2048 },     { "group14", DH_MODP_2048 },
		{ "group 14", DH_MODP_2048 }, { "15", DH_MODP_3072 },
		{ "modp4096", DH_MODP_4096 }, { "ecp256", DH_ECP_256 },
		{ "20", DH_ECP_384 },	      { "ECP521", DH_ECP_521 },
	};
	static const char *const nonsense[] = { "aes128", "",	   "0",	   "3",		"dh",
						"dh14x",  "group", "1400", "group  14", "nopfs" };
	static const char *const unsupported[] = { "1",	 "dh17",       "18",	  "modp768",
						   "31", "curve25519", "mlkem768" };
	enum dh_group g;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(dh_group_parse(good[i].text, &g, why), 0);
		assert_int_equal(g, good[i].group);
		assert_true(dh_public_size(g) > 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(nonsense); i++)
		assert_int_equal(dh_group_parse(nonsense[i], &g, why), ERR_CONFIG);
	for (size_t i = 0; i < ARRAY_SIZE(unsupported); i++)
		assert_int_equal(dh_group_parse(unsupported[i], &g, why), ERR_UNSUPPORTED);
}

static void weakness(void **state)
{
	static const struct {
		const char *text;
		bool ike;
		const char *weak;
	} cases[] = {
		{ "3des-md5-modp1024", true, "3des, md5, modp1024" },
		{ "3des-sha1-modp2048", true, "3des" },
		{ "aes128-md5-ecp256", true, "md5" },
		{ "aes128-sha1-modp1536", true, "modp1536" },
		{ "aes128-sha1-modp2048", true, "" },
		{ "aes256-sha512-ecp521", true, "" },
		{ "3des-md5", false, "3des, md5" },
		{ "null-md5", false, "null (no encryption), md5" },
		{ "null-sha256", false, "null (no encryption)" },
		{ "aes128-md5", false, "md5" },
		{ "aes128gcm8", false, "" },
		{ "aes128ctr-sha1", false, "" },
	};
	char buf[IKE_WEAK_MAX];
	struct ike_suite ike;
	struct esp_suite esp;
	enum dh_group pfs;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (cases[i].ike) {
			assert_int_equal(ike_suite_parse(cases[i].text, &ike, why), 0);
			assert_string_equal(ike_suite_weak(&ike, buf), cases[i].weak);
		} else {
			assert_int_equal(esp_suite_parse(cases[i].text, &esp, &pfs, why), 0);
			assert_string_equal(esp_suite_weak(&esp, buf), cases[i].weak);
		}
	}
	assert_true(dh_group_is_weak(DH_MODP_1024));
	assert_true(dh_group_is_weak(DH_MODP_1536));
	assert_false(dh_group_is_weak(DH_MODP_2048));
	assert_false(dh_group_is_weak(DH_NONE));
}

static void continuations(void **state)
{
	assert_true(ike_suite_continues("hash sha256"));
	assert_true(ike_suite_continues("group\t14"));
	assert_true(ike_suite_continues("authentication pre-share"));
	assert_false(ike_suite_continues("group14"));
	assert_false(ike_suite_continues("hash"));
	assert_false(ike_suite_continues("encr aes"));
	assert_false(ike_suite_continues("aes128-sha1-modp2048"));
	assert_false(ike_suite_continues(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ike_suites),	 cmocka_unit_test(esp_suites),
		cmocka_unit_test(refuses),	 cmocka_unit_test(over_long_words),
		cmocka_unit_test(groups),	 cmocka_unit_test(weakness),
		cmocka_unit_test(continuations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
