/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/aes.h>

#include "base/err.h"
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

static void wolfssl_stop(void *state)
{
	wc_AesFree(state);
}

const struct gcm_library gcm_wolfssl = {
	.name = "wolfSSL",
	.size = sizeof(Aes),
	.start = wolfssl_start,
	.stop = wolfssl_stop,
};
