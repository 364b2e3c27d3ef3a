/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/aes.h>

#include <stdio.h>

#include "crypto/internal.h"

/* The whole key is as long as the hash, the ICV half of it, or 96 bits with the older two. */
static const struct integ_row {
	const char *name;
	enum hash_alg hash;
	uint8_t icv;
} integ_rows[] = {
	[ESP_INTEG_HMAC_SHA1_96] = { "sha1", HASH_SHA1, 12 },
	[ESP_INTEG_HMAC_SHA2_256_128] = { "sha256", HASH_SHA2_256, 16 },
	[ESP_INTEG_HMAC_SHA2_384_192] = { "sha384", HASH_SHA2_384, 24 },
	[ESP_INTEG_HMAC_SHA2_512_256] = { "sha512", HASH_SHA2_512, 32 },
	[ESP_INTEG_HMAC_MD5_96] = { "md5", HASH_MD5, 12 },
};

static const struct cipher_row {
	const char *name; /* with the key's bits between both parts if there is a choice */
	const char *mode;
	bool aes;
	uint16_t key_bits; /* the only length, when it is not AES */
	struct esp_sizes sizes; /* but of keys; icv: of an AEAD */
} cipher_rows[] = {
	[ESP_CIPHER_AES_CBC] = { "aes", "", true, 0, { .iv = 16, .align = 16 } },
	[ESP_CIPHER_AES_GCM_16] = { "aes",
				    "gcm16",
				    true,
				    0,
				    { .salt = 4, .iv = 8, .icv = 16, .align = 4 } },
	[ESP_CIPHER_AES_GCM_12] = { "aes",
				    "gcm12",
				    true,
				    0,
				    { .salt = 4, .iv = 8, .icv = 12, .align = 4 } },
	[ESP_CIPHER_AES_GCM_8] = { "aes",
				   "gcm8",
				   true,
				   0,
				   { .salt = 4, .iv = 8, .icv = 8, .align = 4 } },
	[ESP_CIPHER_AES_CTR] = { "aes", "ctr", true, 0, { .salt = 4, .iv = 8, .align = 4 } },
	[ESP_CIPHER_3DES_CBC] = { "3des", "", false, DES3_KEY_BITS, { .iv = 8, .align = 8 } },
	[ESP_CIPHER_NULL] = { "null", "", false, 0, { .align = 4 } },
};

static bool has_key_bits(const struct cipher_row *row, uint16_t bits)
{
	return row->aes ? bits == 128 || bits == 192 || bits == 256 : bits == row->key_bits;
}

bool esp_cipher_is_aead(enum esp_cipher cipher)
{
	return cipher_rows[cipher].sizes.icv != 0;
}

enum hash_alg esp_integ_hash(enum esp_integ integ)
{
	return integ_rows[integ].hash;
}

bool esp_suite_sizes(const struct esp_suite *suite, struct esp_sizes *out)
{
	const struct integ_row *integ;

	*out = (struct esp_sizes){ 0 };
	if ((size_t)suite->cipher >= ARRAY_SIZE(cipher_rows) ||
	    (size_t)suite->integ >= ARRAY_SIZE(integ_rows) ||
	    !has_key_bits(&cipher_rows[suite->cipher], suite->key_bits) ||
	    esp_cipher_is_aead(suite->cipher) != (suite->integ == ESP_INTEG_NONE))
		return false;
	*out = cipher_rows[suite->cipher].sizes;
	out->key = (uint8_t)(suite->key_bits / 8);
	if (suite->integ == ESP_INTEG_NONE)
		return out->icv >= WOLFSSL_MIN_AUTH_TAG_SZ;
	integ = &integ_rows[suite->integ];
	out->integ_key = (uint8_t)hash_size(integ->hash);
	out->icv = integ->icv;
	return true;
}

size_t esp_suite_keymat(const struct esp_suite *suite)
{
	struct esp_sizes s;

	return esp_suite_sizes(suite, &s) ? (size_t)s.key + s.salt + s.integ_key : 0;
}

const char *esp_suite_name(const struct esp_suite *suite, char buf[40])
{
	const struct cipher_row *row;
	struct esp_sizes s;
	char bits[8] = "";

	if (!esp_suite_sizes(suite, &s)) {
		snprintf(buf, 40, "unknown");
		return buf;
	}
	row = &cipher_rows[suite->cipher];
	if (row->aes)
		snprintf(bits, sizeof(bits), "%u", suite->key_bits);
	snprintf(buf, 40, "%s%s%s%s%s", row->name, bits, row->mode, s.integ_key ? "-" : "",
		 s.integ_key ? integ_rows[suite->integ].name : "");
	return buf;
}
