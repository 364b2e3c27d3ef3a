/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/aes.h>

#include <stdio.h>

#include "base/err.h"
#include "crypto/internal.h"

#define GCM_SALT 4
#define GCM_IV 8
#define GCM_NONCE (GCM_SALT + GCM_IV)
#define GCM_ICV 16
#define IV_KEY 16

/* The whole key is as long as the hash, the ICV half of it or, for SHA-1, 96 bits. */
static const struct integ_row {
	const char *name;
	enum hash_alg hash;
	uint8_t icv;
} integ_rows[] = {
	[ESP_INTEG_HMAC_SHA1_96] = { "sha1", HASH_SHA1, 12 },
	[ESP_INTEG_HMAC_SHA2_256_128] = { "sha256", HASH_SHA2_256, 16 },
	[ESP_INTEG_HMAC_SHA2_384_192] = { "sha384", HASH_SHA2_384, 24 },
	[ESP_INTEG_HMAC_SHA2_512_256] = { "sha512", HASH_SHA2_512, 32 },
};

struct aead {
	struct esp_suite suite;
	struct esp_sizes sizes;
	union {
		struct {
			Aes aes;
			uint8_t salt[GCM_SALT];
		} gcm;
		struct {
			Aes encrypt;
			Aes decrypt;
			Aes iv;
			struct hmac *hmac;
		} cbc;
	};
};

static bool suite_has_integ(const struct esp_suite *s)
{
	return s->integ > ESP_INTEG_NONE && (size_t)s->integ < ARRAY_SIZE(integ_rows);
}

bool esp_suite_sizes(const struct esp_suite *suite, struct esp_sizes *out)
{
	*out = (struct esp_sizes){ .key = (uint8_t)(suite->key_bits / 8) };
	if (suite->key_bits != 128 && suite->key_bits != 192 && suite->key_bits != 256)
		return false;
	switch (suite->cipher) {
	case ESP_CIPHER_AES_CBC:
		if (!suite_has_integ(suite))
			return false;
		out->integ_key = (uint8_t)hash_size(integ_rows[suite->integ].hash);
		out->iv = AES_BLOCK_SIZE;
		out->icv = integ_rows[suite->integ].icv;
		out->align = AES_BLOCK_SIZE;
		return true;
	case ESP_CIPHER_AES_GCM_16:
		if (suite->integ != ESP_INTEG_NONE)
			return false;
		out->salt = GCM_SALT;
		out->iv = GCM_IV;
		out->icv = GCM_ICV;
		out->align = 4;
		return true;
	}
	return false;
}

size_t esp_suite_keymat(const struct esp_suite *suite)
{
	struct esp_sizes s;

	return esp_suite_sizes(suite, &s) ? (size_t)s.key + s.salt + s.integ_key : 0;
}

const char *esp_suite_name(const struct esp_suite *suite, char buf[40])
{
	struct esp_sizes s;

	if (!esp_suite_sizes(suite, &s))
		snprintf(buf, 40, "unknown");
	else if (suite->cipher == ESP_CIPHER_AES_GCM_16)
		snprintf(buf, 40, "aes%ugcm16", suite->key_bits);
	else
		snprintf(buf, 40, "aes%u-%s", suite->key_bits, integ_rows[suite->integ].name);
	return buf;
}

static void aes_start(Aes *aes, struct slice key, int direction)
{
	crypto_must(wc_AesInit(aes, NULL, INVALID_DEVID), "wc_AesInit");
	crypto_must(wc_AesSetKey(aes, key.p, (word32)key.n, NULL, direction), "wc_AesSetKey");
}

static void gcm_start(struct aead *a, struct slice keymat)
{
	crypto_must(wc_AesInit(&a->gcm.aes, NULL, INVALID_DEVID), "wc_AesInit");
	crypto_must(wc_AesGcmSetKey(&a->gcm.aes, keymat.p, a->sizes.key), "wc_AesGcmSetKey");
	memcpy(a->gcm.salt, keymat.p + a->sizes.key, GCM_SALT);
}

static void cbc_start(struct aead *a, struct slice keymat, struct rng *rng)
{
	struct slice key = slice(keymat.p, a->sizes.key);
	struct slice integ_key = slice(keymat.p + a->sizes.key, a->sizes.integ_key);
	struct secret iv_key;

	secret_init(&iv_key, IV_KEY);
	rng_fill(rng, iv_key.p, IV_KEY);
	aes_start(&a->cbc.encrypt, key, AES_ENCRYPTION);
	aes_start(&a->cbc.decrypt, key, AES_DECRYPTION);
	aes_start(&a->cbc.iv, secret_slice(&iv_key), AES_ENCRYPTION);
	a->cbc.hmac = hmac_new(integ_rows[a->suite.integ].hash, integ_key);
	secret_free(&iv_key);
}

struct aead *aead_new(const struct esp_suite *suite, struct slice keymat, struct rng *rng)
{
	struct esp_sizes sizes;
	struct aead *a;

	if (!esp_suite_sizes(suite, &sizes) || keymat.n != esp_suite_keymat(suite))
		return NULL;
	a = secret_alloc(sizeof(*a));
	a->suite = *suite;
	a->sizes = sizes;
	switch (suite->cipher) {
	case ESP_CIPHER_AES_CBC:
		cbc_start(a, keymat, rng);
		break;
	case ESP_CIPHER_AES_GCM_16:
		gcm_start(a, keymat);
		break;
	}
	return a;
}

void aead_free(struct aead *a)
{
	if (!a)
		return;
	switch (a->suite.cipher) {
	case ESP_CIPHER_AES_CBC:
		wc_AesFree(&a->cbc.encrypt);
		wc_AesFree(&a->cbc.decrypt);
		wc_AesFree(&a->cbc.iv);
		hmac_free(a->cbc.hmac);
		break;
	case ESP_CIPHER_AES_GCM_16:
		wc_AesFree(&a->gcm.aes);
		break;
	}
	secret_release(a, sizeof(*a));
}

const struct esp_sizes *aead_sizes(const struct aead *a)
{
	return &a->sizes;
}

static void gcm_nonce(const struct aead *a, const uint8_t *iv, uint8_t nonce[GCM_NONCE])
{
	memcpy(nonce, a->gcm.salt, GCM_SALT);
	memcpy(nonce + GCM_SALT, iv, GCM_IV);
}

static void gcm_seal(struct aead *a, uint64_t counter, struct slice aad, uint8_t *iv, size_t n)
{
	uint8_t *body = iv + GCM_IV;
	uint8_t nonce[GCM_NONCE];

	put_be64(iv, counter);
	gcm_nonce(a, iv, nonce);
	crypto_must(wc_AesGcmEncrypt(&a->gcm.aes, body, body, (word32)n, nonce, GCM_NONCE, body + n,
				     GCM_ICV, aad.p, (word32)aad.n),
		    "wc_AesGcmEncrypt");
}

static int gcm_open(struct aead *a, struct slice aad, uint8_t *iv, size_t n)
{
	uint8_t *body = iv + GCM_IV;
	uint8_t nonce[GCM_NONCE];

	gcm_nonce(a, iv, nonce);
	return wc_AesGcmDecrypt(&a->gcm.aes, body, body, (word32)n, nonce, GCM_NONCE, body + n,
				GCM_ICV, aad.p, (word32)aad.n) == 0 ?
		       0 :
		       ERR_AUTH;
}

/* RFC 3602 section 3 wants an IV that nobody can foresee, which a counter alone would not be. */
static void cbc_iv(struct aead *a, uint64_t counter, uint8_t *iv)
{
	memset(iv, 0, AES_BLOCK_SIZE);
	put_be64(iv + 8, counter);
	crypto_must(wc_AesSetIV(&a->cbc.iv, NULL), "wc_AesSetIV");
	crypto_must(wc_AesCbcEncrypt(&a->cbc.iv, iv, iv, AES_BLOCK_SIZE), "wc_AesCbcEncrypt");
}

static void cbc_icv(struct aead *a, struct slice aad, const uint8_t *iv, size_t n,
		    uint8_t out[HASH_MAX])
{
	const struct slice parts[] = { aad, slice(iv, AES_BLOCK_SIZE + n) };

	hmac_compute(a->cbc.hmac, parts, ARRAY_SIZE(parts), out);
}

static void cbc_seal(struct aead *a, uint64_t counter, struct slice aad, uint8_t *iv, size_t n)
{
	uint8_t *body = iv + AES_BLOCK_SIZE;
	uint8_t icv[HASH_MAX];

	cbc_iv(a, counter, iv);
	crypto_must(wc_AesSetIV(&a->cbc.encrypt, iv), "wc_AesSetIV");
	crypto_must(wc_AesCbcEncrypt(&a->cbc.encrypt, body, body, (word32)n), "wc_AesCbcEncrypt");
	cbc_icv(a, aad, iv, n, icv);
	memcpy(body + n, icv, a->sizes.icv);
}

static int cbc_open(struct aead *a, struct slice aad, uint8_t *iv, size_t n)
{
	uint8_t *body = iv + AES_BLOCK_SIZE;
	uint8_t icv[HASH_MAX];

	cbc_icv(a, aad, iv, n, icv);
	if (!ct_equal(slice(icv, a->sizes.icv), slice(body + n, a->sizes.icv)))
		return ERR_AUTH;
	crypto_must(wc_AesSetIV(&a->cbc.decrypt, iv), "wc_AesSetIV");
	crypto_must(wc_AesCbcDecrypt(&a->cbc.decrypt, body, body, (word32)n), "wc_AesCbcDecrypt");
	return 0;
}

int aead_seal(struct aead *a, uint64_t counter, struct slice aad, uint8_t *text, size_t n)
{
	if (n % a->sizes.align != 0)
		return ERR_MALFORMED;
	switch (a->suite.cipher) {
	case ESP_CIPHER_AES_CBC:
		cbc_seal(a, counter, aad, text, n);
		break;
	case ESP_CIPHER_AES_GCM_16:
		gcm_seal(a, counter, aad, text, n);
		break;
	}
	return 0;
}

int aead_open(struct aead *a, struct slice aad, uint8_t *text, size_t n)
{
	if (n % a->sizes.align != 0)
		return ERR_MALFORMED;
	switch (a->suite.cipher) {
	case ESP_CIPHER_AES_CBC:
		return cbc_open(a, aad, text, n);
	case ESP_CIPHER_AES_GCM_16:
		return gcm_open(a, aad, text, n);
	}
	return ERR_UNSUPPORTED;
}
