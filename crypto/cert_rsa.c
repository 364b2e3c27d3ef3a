/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/random.h>
#include <wolfssl/wolfcrypt/rsa.h>

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "crypto/cert_impl.h"
#include "crypto/internal.h"

/* 0x00, 0x01, at least eight 0xff, 0x00: RFC 8017 section 9.2. */
#define PADDING_MIN 11

/* The key is too large for the stack. NULL where it is no RSA key. */
static RsaKey *public_new(struct slice spki)
{
	RsaKey *key = xcalloc(1, sizeof(*key));
	word32 at = 0;

	crypto_must(wc_InitRsaKey(key, NULL), "wc_InitRsaKey");
	if (wc_RsaPublicKeyDecode(spki.p, &at, key, (word32)spki.n) == 0)
		return key;
	wc_FreeRsaKey(key);
	free(key);
	return NULL;
}

static void public_free(RsaKey *key)
{
	if (!key)
		return;
	wc_FreeRsaKey(key);
	free(key);
}

/* Modulus and exponent are odd, and the exponent is not 1. */
static bool public_sound(RsaKey *key)
{
	return mp_isodd(&key->n) && mp_isodd(&key->e) && mp_count_bits(&key->e) > 1 &&
	       mp_cmp(&key->e, &key->n) == MP_LT;
}

unsigned cert_rsa_bits(struct slice spki)
{
	RsaKey *key = public_new(spki);
	int bits = key && public_sound(key) ? mp_count_bits(&key->n) : 0;

	public_free(key);
	return bits > 0 ? (unsigned)bits : 0;
}

/* What the signature was made of, or ERR_AUTH. */
static int recover(RsaKey *key, struct slice signature, uint8_t out[CERT_SIGNATURE_MAX])
{
	uint8_t e[CERT_SIGNATURE_MAX], n[CERT_SIGNATURE_MAX];
	word32 e_size = sizeof(e), n_size = sizeof(n);
	int size = wc_RsaEncryptSize(key), got;

	if (size <= 0 || size > CERT_SIGNATURE_MAX || signature.n != (size_t)size)
		return ERR_AUTH;
	if (wc_RsaFlattenPublicKey(key, e, &e_size, n, &n_size) != 0 || n_size != signature.n ||
	    memcmp(signature.p, n, n_size) >= 0)
		return ERR_AUTH;
	got = wc_RsaSSL_Verify(signature.p, (word32)signature.n, out, CERT_SIGNATURE_MAX, key);
	return got > 0 ? got : ERR_AUTH;
}

int cert_rsa_check(struct slice spki, struct slice bytes, struct slice signature)
{
	RsaKey *key = public_new(spki);
	uint8_t out[CERT_SIGNATURE_MAX];
	int n = key && public_sound(key) ? recover(key, signature, out) : ERR_AUTH;

	public_free(key);
	return n > 0 && slice_eq(slice(out, (size_t)n), bytes) ? 0 : ERR_AUTH;
}

/* In locked memory. NULL where it is no RSA key. */
static RsaKey *private_new(struct slice der)
{
	RsaKey *key = secret_alloc(sizeof(*key));
	word32 at = 0;

	crypto_must(wc_InitRsaKey(key, NULL), "wc_InitRsaKey");
	if (wc_RsaPrivateKeyDecode(der.p, &at, key, (word32)der.n) == 0)
		return key;
	wc_FreeRsaKey(key);
	secret_release(key, sizeof(*key));
	return NULL;
}

static void private_free(RsaKey *key)
{
	wc_FreeRsaKey(key);
	secret_release(key, sizeof(*key));
}

int cert_rsa_key_valid(struct slice der)
{
	RsaKey *key = private_new(der);

	if (!key)
		return ERR_UNSUPPORTED;
	private_free(key);
	return 0;
}

int cert_rsa_sign(struct slice der, struct slice spki, struct slice bytes,
		  uint8_t out[CERT_SIGNATURE_MAX])
{
	RsaKey *key = private_new(der);
	WC_RNG blinding;
	int n;

	if (!key)
		return ERR_UNSUPPORTED;
	if (bytes.n == 0 || bytes.n + PADDING_MIN > CERT_RSA_BITS_MIN / 8) {
		private_free(key);
		return ERR_UNSUPPORTED;
	}
	crypto_must(wc_InitRng(&blinding), "wc_InitRng");
	crypto_must(wc_RsaSetRNG(key, &blinding), "wc_RsaSetRNG");
	n = wc_RsaSSL_Sign(bytes.p, (word32)bytes.n, out, CERT_SIGNATURE_MAX, key, &blinding);
	private_free(key);
	wc_FreeRng(&blinding);
	/* One wrong signature gives the key away where the remainders are computed apart. */
	if (n > 0 && cert_rsa_check(spki, bytes, slice(out, (size_t)n)) == 0)
		return n;
	wipe(out, CERT_SIGNATURE_MAX);
	return ERR_UNSUPPORTED;
}
