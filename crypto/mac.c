/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ESP with a cipher and a HMAC over what it gives. */
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/des3.h>

#include "base/err.h"
#include "crypto/internal.h"

#define IV_KEY 16
#define CTR_NONCE 4
#define CTR_IV 8
/* A multiple of the block. */
#define CTR_STEP 512

struct mac {
	enum esp_cipher cipher;
	struct esp_sizes sizes;
	struct hmac *hmac;
	Aes iv; /* of CBC: makes IVs */
	union {
		struct {
			Aes encrypt;
			Aes decrypt;
		} aes;
		struct {
			Des3 encrypt;
			Des3 decrypt;
		} des3;
		struct {
			Aes aes;
			uint8_t nonce[CTR_NONCE];
		} ctr;
	};
};

static void aes_start(Aes *aes, struct slice key, int direction)
{
	crypto_must(wc_AesInit(aes, NULL, INVALID_DEVID), "wc_AesInit");
	crypto_must(wc_AesSetKey(aes, key.p, (word32)key.n, NULL, direction), "wc_AesSetKey");
}

static void des3_start(Des3 *des, struct slice key, int direction)
{
	static const uint8_t zero[DES_BLOCK_SIZE];

	crypto_must(wc_Des3Init(des, NULL, INVALID_DEVID), "wc_Des3Init");
	crypto_must(wc_Des3_SetKey(des, key.p, zero, direction), "wc_Des3_SetKey");
}

static void iv_start(struct mac *m, struct rng *rng)
{
	struct secret key;

	secret_init(&key, IV_KEY);
	rng_fill(rng, key.p, IV_KEY);
	aes_start(&m->iv, secret_slice(&key), AES_ENCRYPTION);
	secret_free(&key);
}

static void cipher_start(struct mac *m, struct slice key, const uint8_t *salt, struct rng *rng)
{
	switch (m->cipher) {
	case ESP_CIPHER_AES_CBC:
		iv_start(m, rng);
		aes_start(&m->aes.encrypt, key, AES_ENCRYPTION);
		aes_start(&m->aes.decrypt, key, AES_DECRYPTION);
		break;
	case ESP_CIPHER_3DES_CBC:
		iv_start(m, rng);
		des3_start(&m->des3.encrypt, key, DES_ENCRYPTION);
		des3_start(&m->des3.decrypt, key, DES_DECRYPTION);
		break;
	case ESP_CIPHER_AES_CTR:
		aes_start(&m->ctr.aes, key, AES_ENCRYPTION);
		memcpy(m->ctr.nonce, salt, CTR_NONCE);
		break;
	case ESP_CIPHER_NULL:
	case ESP_CIPHER_AES_GCM_16:
	case ESP_CIPHER_AES_GCM_12:
	case ESP_CIPHER_AES_GCM_8:
		break;
	}
}

struct mac *mac_new(const struct esp_suite *suite, struct slice keymat, struct rng *rng)
{
	struct mac *m = secret_alloc(sizeof(*m));
	size_t before;

	m->cipher = suite->cipher;
	esp_suite_sizes(suite, &m->sizes);
	before = (size_t)m->sizes.key + m->sizes.salt;
	cipher_start(m, slice(keymat.p, m->sizes.key), keymat.p + m->sizes.key, rng);
	m->hmac = hmac_new(esp_integ_hash(suite->integ),
			   slice(keymat.p + before, m->sizes.integ_key));
	return m;
}

static void cipher_end(struct mac *m)
{
	switch (m->cipher) {
	case ESP_CIPHER_AES_CBC:
		wc_AesFree(&m->iv);
		wc_AesFree(&m->aes.encrypt);
		wc_AesFree(&m->aes.decrypt);
		break;
	case ESP_CIPHER_3DES_CBC:
		wc_AesFree(&m->iv);
		wc_Des3Free(&m->des3.encrypt);
		wc_Des3Free(&m->des3.decrypt);
		break;
	case ESP_CIPHER_AES_CTR:
		wc_AesFree(&m->ctr.aes);
		break;
	case ESP_CIPHER_NULL:
	case ESP_CIPHER_AES_GCM_16:
	case ESP_CIPHER_AES_GCM_12:
	case ESP_CIPHER_AES_GCM_8:
		break;
	}
}

void mac_free(struct mac *m)
{
	if (!m)
		return;
	cipher_end(m);
	hmac_free(m->hmac);
	secret_release(m, sizeof(*m));
}

/*
 * RFC 3602 section 3 and RFC 2451 section 3 want an IV that nobody can foresee, which a counter
 * alone would not be.
 */
static void cbc_iv(struct mac *m, uint64_t counter, uint8_t *iv)
{
	uint8_t block[AES_BLOCK_SIZE] = { 0 };

	put_be64(block + 8, counter);
	crypto_must(wc_AesSetIV(&m->iv, NULL), "wc_AesSetIV");
	crypto_must(wc_AesCbcEncrypt(&m->iv, block, block, sizeof(block)), "wc_AesCbcEncrypt");
	memcpy(iv, block, m->sizes.iv);
}

/*
 * Both directions. wolfSSL takes one block at a time when it works in place, and many at once when
 * it does not: hence the copies.
 */
static void ctr_crypt(struct mac *m, const uint8_t *iv, uint8_t *body, size_t n)
{
	uint8_t block[AES_BLOCK_SIZE], in[CTR_STEP];

	memcpy(block, m->ctr.nonce, CTR_NONCE);
	memcpy(block + CTR_NONCE, iv, CTR_IV);
	put_be32(block + CTR_NONCE + CTR_IV, 1); /* RFC 3686 section 4 */
	crypto_must(wc_AesSetIV(&m->ctr.aes, block), "wc_AesSetIV");
	while (n > 0) {
		size_t step = n < sizeof(in) ? n : sizeof(in);

		memcpy(in, body, step);
		crypto_must(wc_AesCtrEncrypt(&m->ctr.aes, body, in, (word32)step),
			    "wc_AesCtrEncrypt");
		body += step;
		n -= step;
	}
}

static void cipher_encrypt(struct mac *m, uint64_t counter, uint8_t *iv, size_t n)
{
	uint8_t *body = iv + m->sizes.iv;

	switch (m->cipher) {
	case ESP_CIPHER_AES_CBC:
		cbc_iv(m, counter, iv);
		crypto_must(wc_AesSetIV(&m->aes.encrypt, iv), "wc_AesSetIV");
		crypto_must(wc_AesCbcEncrypt(&m->aes.encrypt, body, body, (word32)n),
			    "wc_AesCbcEncrypt");
		break;
	case ESP_CIPHER_3DES_CBC:
		cbc_iv(m, counter, iv);
		crypto_must(wc_Des3_SetIV(&m->des3.encrypt, iv), "wc_Des3_SetIV");
		crypto_must(wc_Des3_CbcEncrypt(&m->des3.encrypt, body, body, (word32)n),
			    "wc_Des3_CbcEncrypt");
		break;
	case ESP_CIPHER_AES_CTR:
		put_be64(iv, counter);
		ctr_crypt(m, iv, body, n);
		break;
	case ESP_CIPHER_NULL:
	case ESP_CIPHER_AES_GCM_16:
	case ESP_CIPHER_AES_GCM_12:
	case ESP_CIPHER_AES_GCM_8:
		break;
	}
}

static void cipher_decrypt(struct mac *m, const uint8_t *iv, uint8_t *body, size_t n)
{
	switch (m->cipher) {
	case ESP_CIPHER_AES_CBC:
		crypto_must(wc_AesSetIV(&m->aes.decrypt, iv), "wc_AesSetIV");
		crypto_must(wc_AesCbcDecrypt(&m->aes.decrypt, body, body, (word32)n),
			    "wc_AesCbcDecrypt");
		break;
	case ESP_CIPHER_3DES_CBC:
		crypto_must(wc_Des3_SetIV(&m->des3.decrypt, iv), "wc_Des3_SetIV");
		crypto_must(wc_Des3_CbcDecrypt(&m->des3.decrypt, body, body, (word32)n),
			    "wc_Des3_CbcDecrypt");
		break;
	case ESP_CIPHER_AES_CTR:
		ctr_crypt(m, iv, body, n);
		break;
	case ESP_CIPHER_NULL:
	case ESP_CIPHER_AES_GCM_16:
	case ESP_CIPHER_AES_GCM_12:
	case ESP_CIPHER_AES_GCM_8:
		break;
	}
}

static void icv_make(struct mac *m, struct slice aad, const uint8_t *iv, size_t n,
		     uint8_t out[HASH_MAX])
{
	const struct slice parts[] = { aad, slice(iv, m->sizes.iv + n) };

	hmac_compute(m->hmac, parts, ARRAY_SIZE(parts), out);
}

void mac_seal(struct mac *m, uint64_t counter, struct slice aad, uint8_t *text, size_t n)
{
	uint8_t icv[HASH_MAX];

	cipher_encrypt(m, counter, text, n);
	icv_make(m, aad, text, n, icv);
	memcpy(text + m->sizes.iv + n, icv, m->sizes.icv);
}

int mac_open(struct mac *m, struct slice aad, uint8_t *text, size_t n)
{
	uint8_t *body = text + m->sizes.iv;
	uint8_t icv[HASH_MAX];

	icv_make(m, aad, text, n, icv);
	if (!ct_equal(slice(icv, m->sizes.icv), slice(body + n, m->sizes.icv)))
		return ERR_AUTH;
	cipher_decrypt(m, text, body, n);
	return 0;
}
