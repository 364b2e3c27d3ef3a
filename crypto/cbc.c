/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/des3.h>

#include "base/err.h"
#include "crypto/internal.h"

size_t cbc_block(enum ike_cipher cipher)
{
	switch (cipher) {
	case IKE_CIPHER_AES_CBC:
		return AES_BLOCK_SIZE;
	case IKE_CIPHER_3DES_CBC:
		return DES_BLOCK_SIZE;
	}
	return CBC_BLOCK_MAX;
}

static bool cbc_has_key(enum ike_cipher cipher, size_t n)
{
	switch (cipher) {
	case IKE_CIPHER_AES_CBC:
		return n == 16 || n == 24 || n == 32;
	case IKE_CIPHER_3DES_CBC:
		return n == DES3_KEY_BITS / 8;
	}
	return false;
}

static void aes_cbc(struct slice key, const uint8_t *iv, uint8_t *data, size_t n, bool encrypt)
{
	Aes aes;

	crypto_must(wc_AesInit(&aes, NULL, INVALID_DEVID), "wc_AesInit");
	crypto_must(wc_AesSetKey(&aes, key.p, (word32)key.n, iv,
				 encrypt ? AES_ENCRYPTION : AES_DECRYPTION),
		    "wc_AesSetKey");
	if (encrypt)
		crypto_must(wc_AesCbcEncrypt(&aes, data, data, (word32)n), "wc_AesCbcEncrypt");
	else
		crypto_must(wc_AesCbcDecrypt(&aes, data, data, (word32)n), "wc_AesCbcDecrypt");
	wc_AesFree(&aes);
	/* wc_AesFree leaves the round keys. */
	wipe(&aes, sizeof(aes));
}

static void des3_cbc(struct slice key, const uint8_t *iv, uint8_t *data, size_t n, bool encrypt)
{
	Des3 des;

	crypto_must(wc_Des3Init(&des, NULL, INVALID_DEVID), "wc_Des3Init");
	crypto_must(wc_Des3_SetKey(&des, key.p, iv, encrypt ? DES_ENCRYPTION : DES_DECRYPTION),
		    "wc_Des3_SetKey");
	if (encrypt)
		crypto_must(wc_Des3_CbcEncrypt(&des, data, data, (word32)n), "wc_Des3_CbcEncrypt");
	else
		crypto_must(wc_Des3_CbcDecrypt(&des, data, data, (word32)n), "wc_Des3_CbcDecrypt");
	wc_Des3Free(&des);
	wipe(&des, sizeof(des));
}

static int cbc_crypt(enum ike_cipher cipher, struct slice key, const uint8_t *iv, uint8_t *data,
		     size_t n, bool encrypt)
{
	if (!cbc_has_key(cipher, key.n))
		return ERR_UNSUPPORTED;
	if (n % cbc_block(cipher) != 0)
		return ERR_MALFORMED;
	if (n == 0)
		return 0;
	switch (cipher) {
	case IKE_CIPHER_AES_CBC:
		aes_cbc(key, iv, data, n, encrypt);
		break;
	case IKE_CIPHER_3DES_CBC:
		des3_cbc(key, iv, data, n, encrypt);
		break;
	}
	return 0;
}

int cbc_encrypt(enum ike_cipher cipher, struct slice key, const uint8_t *iv, uint8_t *data,
		size_t n)
{
	return cbc_crypt(cipher, key, iv, data, n, true);
}

int cbc_decrypt(enum ike_cipher cipher, struct slice key, const uint8_t *iv, uint8_t *data,
		size_t n)
{
	return cbc_crypt(cipher, key, iv, data, n, false);
}
