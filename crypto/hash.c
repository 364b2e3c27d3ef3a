/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/hash.h>

#include "crypto/internal.h"

#define HASH_BLOCK_MAX 128

static const struct hash_row {
	const char *name;
	enum wc_HashType type;
	size_t size;
	size_t block;
} hash_rows[] = {
	[HASH_SHA1] = { "sha1", WC_HASH_TYPE_SHA, 20, 64 },
	[HASH_SHA2_256] = { "sha256", WC_HASH_TYPE_SHA256, 32, 64 },
	[HASH_SHA2_384] = { "sha384", WC_HASH_TYPE_SHA384, 48, 128 },
	[HASH_SHA2_512] = { "sha512", WC_HASH_TYPE_SHA512, 64, 128 },
	[HASH_MD5] = { "md5", WC_HASH_TYPE_MD5, 16, 64 },
};

struct hmac {
	enum hash_alg alg;
	wc_HashAlg inner; /* has seen the key xor ipad */
	wc_HashAlg outer; /* has seen the key xor opad */
	wc_HashAlg work; /* here and not on the stack, so that it is wiped with the rest */
};

size_t hash_size(enum hash_alg alg)
{
	return hash_rows[alg].size;
}

const char *hash_name(enum hash_alg alg)
{
	return hash_rows[alg].name;
}

static void hash_update(wc_HashAlg *h, enum hash_alg alg, struct slice s)
{
	/* A length of 32 bits is all that wolfSSL takes; nothing here comes near it. */
	if (s.n)
		crypto_must(wc_HashUpdate(h, hash_rows[alg].type, s.p, (word32)s.n),
			    "wc_HashUpdate");
}

static void hash_final(wc_HashAlg *h, enum hash_alg alg, uint8_t *out)
{
	crypto_must(wc_HashFinal(h, hash_rows[alg].type, out), "wc_HashFinal");
}

void hash_parts(enum hash_alg alg, const struct slice *parts, size_t n, uint8_t *out)
{
	wc_HashAlg h;

	crypto_must(wc_HashInit(&h, hash_rows[alg].type), "wc_HashInit");
	for (size_t i = 0; i < n; i++)
		hash_update(&h, alg, parts[i]);
	hash_final(&h, alg, out);
	wc_HashFree(&h, hash_rows[alg].type);
	wipe(&h, sizeof(h));
}

static void hash_copy(enum hash_alg alg, wc_HashAlg *from, wc_HashAlg *to)
{
	int ret = -1;

	switch (alg) {
	case HASH_SHA1:
		ret = wc_ShaCopy(&from->sha, &to->sha);
		break;
	case HASH_SHA2_256:
		ret = wc_Sha256Copy(&from->sha256, &to->sha256);
		break;
	case HASH_SHA2_384:
		ret = wc_Sha384Copy(&from->sha384, &to->sha384);
		break;
	case HASH_SHA2_512:
		ret = wc_Sha512Copy(&from->sha512, &to->sha512);
		break;
	case HASH_MD5:
		ret = wc_Md5Copy(&from->md5, &to->md5);
		break;
	}
	crypto_must(ret, "copying a hash");
}

/* Starts h with the block key xor pad. */
static void hmac_pad(wc_HashAlg *h, enum hash_alg alg, const uint8_t *key, uint8_t pad)
{
	uint8_t block[HASH_BLOCK_MAX];
	size_t n = hash_rows[alg].block;

	for (size_t i = 0; i < n; i++)
		block[i] = key[i] ^ pad;
	crypto_must(wc_HashInit(h, hash_rows[alg].type), "wc_HashInit");
	hash_update(h, alg, slice(block, n));
	wipe(block, sizeof(block));
}

static void hmac_init(struct hmac *h, enum hash_alg alg, struct slice key)
{
	uint8_t block[HASH_BLOCK_MAX] = { 0 };

	h->alg = alg;
	if (key.n > hash_rows[alg].block)
		hash_parts(alg, &key, 1, block);
	else if (key.n)
		memcpy(block, key.p, key.n);
	hmac_pad(&h->inner, alg, block, 0x36);
	hmac_pad(&h->outer, alg, block, 0x5c);
	wipe(block, sizeof(block));
}

static void hmac_wipe(struct hmac *h)
{
	wc_HashFree(&h->inner, hash_rows[h->alg].type);
	wc_HashFree(&h->outer, hash_rows[h->alg].type);
	wipe(h, sizeof(*h));
}

struct hmac *hmac_new(enum hash_alg alg, struct slice key)
{
	struct hmac *h = secret_alloc(sizeof(*h));

	hmac_init(h, alg, key);
	return h;
}

void hmac_free(struct hmac *h)
{
	if (!h)
		return;
	hmac_wipe(h);
	secret_release(h, sizeof(*h));
}

void hmac_compute(struct hmac *h, const struct slice *parts, size_t n, uint8_t *out)
{
	hash_copy(h->alg, &h->inner, &h->work);
	for (size_t i = 0; i < n; i++)
		hash_update(&h->work, h->alg, parts[i]);
	hash_final(&h->work, h->alg, out);
	hash_copy(h->alg, &h->outer, &h->work);
	hash_update(&h->work, h->alg, slice(out, hash_rows[h->alg].size));
	hash_final(&h->work, h->alg, out);
}

void hmac_parts(enum hash_alg alg, struct slice key, const struct slice *parts, size_t n,
		uint8_t *out)
{
	struct hmac h;

	hmac_init(&h, alg, key);
	hmac_compute(&h, parts, n, out);
	hmac_wipe(&h);
}
