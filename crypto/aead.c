/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/mem.h"
#include "crypto/gcm.h"
#include "crypto/internal.h"

struct aead {
	struct esp_sizes sizes;
	uint8_t salt[GCM_SALT];
	struct mac *mac; /* NULL: AES-GCM, with what follows */
	const struct gcm_library *gcm;
	const struct gcm_calls *calls;
	_Alignas(64) uint8_t state[]; /* the library's */
};

struct aead *aead_new_by(const struct gcm_library *library, const struct esp_suite *suite,
			 struct slice keymat, struct rng *rng)
{
	struct esp_sizes sizes;
	struct aead *a;
	bool gcm;

	if (!esp_suite_sizes(suite, &sizes) || keymat.n != esp_suite_keymat(suite))
		return NULL;
	gcm = esp_cipher_is_aead(suite->cipher);
	a = secret_alloc(sizeof(*a) + (gcm ? library->size : 0));
	a->sizes = sizes;
	if (!gcm) {
		a->mac = mac_new(suite, keymat, rng);
		return a;
	}
	a->gcm = library;
	memcpy(a->salt, keymat.p + sizes.key, GCM_SALT);
	a->calls = library->start(a->state, slice(keymat.p, sizes.key));
	return a;
}

struct aead *aead_new(const struct esp_suite *suite, struct slice keymat, struct rng *rng)
{
	return aead_new_by(gcm_chosen(), suite, keymat, rng);
}

void aead_free(struct aead *a)
{
	if (!a)
		return;
	if (a->mac) {
		mac_free(a->mac);
		secret_release(a, sizeof(*a));
		return;
	}
	a->gcm->stop(a->state);
	secret_release(a, sizeof(*a) + a->gcm->size);
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
	uint8_t nonce[GCM_NONCE];

	put_be64(iv, counter);
	gcm_nonce(a, iv, nonce);
	a->calls->seal(a->state, nonce, aad, iv + GCM_IV, n, a->sizes.icv);
}

static int gcm_open(struct aead *a, struct slice aad, uint8_t *iv, size_t n)
{
	uint8_t nonce[GCM_NONCE];

	gcm_nonce(a, iv, nonce);
	return a->calls->open(a->state, nonce, aad, iv + GCM_IV, n, a->sizes.icv);
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

/* Which library it has is not looked at, for that would have to be waited for. */
void aead_ahead(const struct aead *a, size_t n)
{
	mem_ahead(a, offsetof(struct aead, state));
	gcm_chosen()->ahead(a->state, n);
}
