/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/aes.h>

#include "base/err.h"
#include "base/mem.h"
#include "crypto/gcm.h"
#include "crypto/internal.h"

static void wolfssl_seal(void *state, const uint8_t nonce[GCM_NONCE], struct slice aad,
			 uint8_t *text, size_t n, size_t icv)
{
	crypto_must(wc_AesGcmEncrypt(state, text, text, (word32)n, nonce, GCM_NONCE, text + n,
				     (word32)icv, aad.p, (word32)aad.n),
		    "wc_AesGcmEncrypt");
}

static int wolfssl_open(void *state, const uint8_t nonce[GCM_NONCE], struct slice aad,
			uint8_t *text, size_t n, size_t icv)
{
	return wc_AesGcmDecrypt(state, text, text, (word32)n, nonce, GCM_NONCE, text + n,
				(word32)icv, aad.p, (word32)aad.n) == 0 ?
		       0 :
		       ERR_AUTH;
}

static const struct gcm_calls wolfssl_calls = { wolfssl_seal, wolfssl_open };

static const struct gcm_calls *wolfssl_start(void *state, struct slice key)
{
	Aes *aes = state;

	crypto_must(wc_AesInit(aes, NULL, INVALID_DEVID), "wc_AesInit");
	crypto_must(wc_AesGcmSetKey(aes, key.p, (word32)key.n), "wc_AesGcmSetKey");
	return &wolfssl_calls;
}

/* With AES instructions the round keys and the hash's key are all; else there is a table, too. */
static void wolfssl_ahead(const void *state, size_t n)
{
	const Aes *aes = state;

	(void)n;
#ifdef WOLFSSL_AESNI
	mem_ahead(aes, offsetof(Aes, gcm) + sizeof(aes->gcm.H));
	mem_ahead(&aes->use_aesni, 1);
#else
	mem_ahead(aes, sizeof(*aes));
#endif
}

static void wolfssl_stop(void *state)
{
	wc_AesFree(state);
}

const struct gcm_library gcm_wolfssl = {
	.name = "wolfSSL",
	.size = sizeof(Aes),
	.start = wolfssl_start,
	.ahead = wolfssl_ahead,
	.stop = wolfssl_stop,
};
