/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/aes.h>

#include "base/err.h"
#include "crypto/internal.h"

static int cbc_check(struct slice key, size_t n)
{
	if (key.n != 16 && key.n != 24 && key.n != 32)
		return ERR_UNSUPPORTED;
	return n % CBC_BLOCK_MAX == 0 ? 0 : ERR_MALFORMED;
}

static void cbc_start(Aes *aes, struct slice key, const uint8_t *iv, int direction)
{
	crypto_must(wc_AesInit(aes, NULL, INVALID_DEVID), "wc_AesInit");
	crypto_must(wc_AesSetKey(aes, key.p, (word32)key.n, iv, direction), "wc_AesSetKey");
}

static void cbc_end(Aes *aes)
{
	wc_AesFree(aes);
	/* wc_AesFree leaves the round keys. */
	wipe(aes, sizeof(*aes));
}

int aes_cbc_encrypt(struct slice key, const uint8_t iv[16], uint8_t *data, size_t n)
{
	int ret = cbc_check(key, n);
	Aes aes;

	if (ret || n == 0)
		return ret;
	cbc_start(&aes, key, iv, AES_ENCRYPTION);
	crypto_must(wc_AesCbcEncrypt(&aes, data, data, (word32)n), "wc_AesCbcEncrypt");
	cbc_end(&aes);
	return 0;
}

int aes_cbc_decrypt(struct slice key, const uint8_t iv[16], uint8_t *data, size_t n)
{
	int ret = cbc_check(key, n);
	Aes aes;

	if (ret || n == 0)
		return ret;
	cbc_start(&aes, key, iv, AES_DECRYPTION);
	crypto_must(wc_AesCbcDecrypt(&aes, data, data, (word32)n), "wc_AesCbcDecrypt");
	cbc_end(&aes);
	return 0;
}
