/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/aes.h>

#include "base/err.h"
#include "crypto/internal.h"

#define GCM_SALT 4
#define GCM_IV 8
#define GCM_NONCE (GCM_SALT + GCM_IV)

struct aead {
	struct esp_sizes sizes;
	struct mac *mac; /* NULL: AES-GCM, with what follows */
	Aes gcm;
	uint8_t salt[GCM_SALT];
};

static void gcm_start(struct aead *a, struct slice keymat)
{
	crypto_must(wc_AesInit(&a->gcm, NULL, INVALID_DEVID), "wc_AesInit");
	crypto_must(wc_AesGcmSetKey(&a->gcm, keymat.p, a->sizes.key), "wc_AesGcmSetKey");
	memcpy(a->salt, keymat.p + a->sizes.key, GCM_SALT);
}

struct aead *aead_new(const struct esp_suite *suite, struct slice keymat, struct rng *rng)
{
	struct esp_sizes sizes;
	struct aead *a;

	if (!esp_suite_sizes(suite, &sizes) || keymat.n != esp_suite_keymat(suite))
		return NULL;
	a = secret_alloc(sizeof(*a));
	a->sizes = sizes;
	if (esp_cipher_is_aead(suite->cipher))
		gcm_start(a, keymat);
	else
		a->mac = mac_new(suite, keymat, rng);
	return a;
}

void aead_free(struct aead *a)
{
	if (!a)
		return;
	if (a->mac)
		mac_free(a->mac);
	else
		wc_AesFree(&a->gcm);
	secret_release(a, sizeof(*a));
}

const struct esp_sizes *aead_sizes(const struct aead *a)
{
	return &a->sizes;
}

static void gcm_nonce(const struct aead *a, const uint8_t *iv, uint8_t nonce[GCM_NONCE])
{
	memcpy(nonce, a->salt, GCM_SALT);
	memcpy(nonce + GCM_SALT, iv, GCM_IV);
}

static void gcm_seal(struct aead *a, uint64_t counter, struct slice aad, uint8_t *iv, size_t n)
{
	uint8_t *body = iv + GCM_IV;
	uint8_t nonce[GCM_NONCE];

	put_be64(iv, counter);
	gcm_nonce(a, iv, nonce);
	crypto_must(wc_AesGcmEncrypt(&a->gcm, body, body, (word32)n, nonce, GCM_NONCE, body + n,
				     a->sizes.icv, aad.p, (word32)aad.n),
		    "wc_AesGcmEncrypt");
}

static int gcm_open(struct aead *a, struct slice aad, uint8_t *iv, size_t n)
{
	uint8_t *body = iv + GCM_IV;
	uint8_t nonce[GCM_NONCE];

	gcm_nonce(a, iv, nonce);
	return wc_AesGcmDecrypt(&a->gcm, body, body, (word32)n, nonce, GCM_NONCE, body + n,
				a->sizes.icv, aad.p, (word32)aad.n) == 0 ?
		       0 :
		       ERR_AUTH;
}

int aead_seal(struct aead *a, uint64_t counter, struct slice aad, uint8_t *text, size_t n)
{
	if (n % a->sizes.align != 0)
		return ERR_MALFORMED;
	if (a->mac)
		mac_seal(a->mac, counter, aad, text, n);
	else
		gcm_seal(a, counter, aad, text, n);
	return 0;
}

int aead_open(struct aead *a, struct slice aad, uint8_t *text, size_t n)
{
	if (n % a->sizes.align != 0)
		return ERR_MALFORMED;
	return a->mac ? mac_open(a->mac, aad, text, n) : gcm_open(a, aad, text, n);
}
