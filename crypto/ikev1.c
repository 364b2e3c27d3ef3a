/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "crypto/crypto.h"

/* A new secret with prf(key, parts). */
static void prf(enum hash_alg hash, struct slice key, const struct slice *parts, size_t n,
		struct secret *out)
{
	secret_init(out, hash_size(hash));
	hmac_parts(hash, key, parts, n, out->p);
}

/*
 * n bytes of K1 | K2 | … where Ki = prf(key, K(i-1) | seed) and K1 has `first` in the place of
 * K(i-1).
 */
static void prf_expand(enum hash_alg hash, struct slice key, struct slice first,
		       const struct slice *seed, size_t seeds, struct secret *out, size_t n)
{
	size_t size = hash_size(hash), at = 0;
	struct slice parts[8] = { first };
	uint8_t block[HASH_MAX];

	for (size_t i = 0; i < seeds; i++)
		parts[1 + i] = seed[i];
	secret_init(out, n);
	while (at < n) {
		size_t take = n - at < size ? n - at : size;

		hmac_parts(hash, key, parts, 1 + seeds, block);
		memcpy(out->p + at, block, take);
		parts[0] = slice(block, size);
		at += take;
	}
	wipe(block, sizeof(block));
}

void ikev1_skeyid_psk(struct ikev1_keys *keys, enum hash_alg hash, struct slice psk,
		      struct slice ni, struct slice nr)
{
	const struct slice parts[] = { ni, nr };

	keys->hash = hash;
	prf(hash, psk, parts, ARRAY_SIZE(parts), &keys->skeyid);
}

void ikev1_skeyid_sig(struct ikev1_keys *keys, enum hash_alg hash, struct slice gxy,
		      struct slice ni, struct slice nr)
{
	struct secret key;

	secret_init(&key, ni.n + nr.n);
	if (ni.n)
		memcpy(key.p, ni.p, ni.n);
	if (nr.n)
		memcpy(key.p + ni.n, nr.p, nr.n);
	keys->hash = hash;
	prf(hash, secret_slice(&key), &gxy, 1, &keys->skeyid);
	secret_free(&key);
}

/* RFC 2409 appendix B: SKEYID_e itself when it is long enough, else its expansion. */
static void cipher_key(struct ikev1_keys *keys, size_t n)
{
	static const uint8_t zero[1] = { 0 };

	if (n <= keys->e.n)
		secret_set(&keys->key, slice(keys->e.p, n));
	else
		prf_expand(keys->hash, secret_slice(&keys->e), SLICE_OF(zero), NULL, 0, &keys->key,
			   n);
}

void ikev1_skeyid_derive(struct ikev1_keys *keys, struct slice gxy, struct slice cookies,
			 enum ike_cipher cipher, size_t key_len)
{
	struct secret *const chain[] = { &keys->d, &keys->a, &keys->e };
	struct slice before = SLICE_NONE;

	for (uint8_t i = 0; i < ARRAY_SIZE(chain); i++) {
		const struct slice parts[] = { before, gxy, cookies, slice(&i, 1) };

		prf(keys->hash, secret_slice(&keys->skeyid), parts, ARRAY_SIZE(parts), chain[i]);
		before = secret_slice(chain[i]);
	}
	keys->cipher = cipher;
	cipher_key(keys, key_len);
}

void ikev1_keys_free(struct ikev1_keys *keys)
{
	secret_free(&keys->skeyid);
	secret_free(&keys->d);
	secret_free(&keys->a);
	secret_free(&keys->e);
	secret_free(&keys->key);
}

void ikev1_keymat(const struct ikev1_keys *keys, struct slice gqm, uint8_t protocol, uint32_t spi,
		  struct slice ni, struct slice nr, struct secret *out, size_t n)
{
	uint8_t spi_bytes[4];
	const struct slice seed[] = { gqm, slice(&protocol, 1), SLICE_OF(spi_bytes), ni, nr };

	put_be32(spi_bytes, spi);
	prf_expand(keys->hash, secret_slice(&keys->d), SLICE_NONE, seed, ARRAY_SIZE(seed), out, n);
}
