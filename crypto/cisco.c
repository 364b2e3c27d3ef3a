/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "crypto/cisco.h"

#include "base/err.h"
#include "crypto/crypto.h"

#define SEED 20 /* bytes; also of SHA-1 */
#define BLOCK 8
#define KEY (DES3_KEY_BITS / 8)

static void make_key(const uint8_t *seed, uint8_t key[KEY])
{
	uint8_t changed[SEED], hash[SEED];
	struct slice part = SLICE_OF(changed);

	memcpy(changed, seed, SEED);
	changed[SEED - 1]++;
	hash_parts(HASH_SHA1, &part, 1, key);
	changed[SEED - 1] += 2;
	hash_parts(HASH_SHA1, &part, 1, hash);
	memcpy(key + SEED, hash, KEY - SEED);
	wipe(hash, sizeof(hash));
}

static int take_text(struct secret *text, struct secret *out)
{
	uint8_t padding = text->p[text->n - 1];

	if (padding == 0 || padding > BLOCK)
		return ERR_MALFORMED;
	secret_set(out, slice(text->p, text->n - padding));
	return 0;
}

int cisco_password_open(struct slice hidden, struct secret *out)
{
	uint8_t sum[SEED], key[KEY];
	struct secret text = { 0 };
	struct slice cipher;
	int err;

	if (hidden.n < 2 * SEED + BLOCK || (hidden.n - 2 * SEED) % BLOCK != 0)
		return ERR_MALFORMED;
	cipher = slice(hidden.p + 2 * SEED, hidden.n - 2 * SEED);
	hash_parts(HASH_SHA1, &cipher, 1, sum);
	if (!ct_equal(SLICE_OF(sum), slice(hidden.p + SEED, SEED)))
		return ERR_AUTH;
	secret_set(&text, cipher);
	make_key(hidden.p, key);
	err = cbc_decrypt(IKE_CIPHER_3DES_CBC, SLICE_OF(key), hidden.p, text.p, text.n);
	wipe(key, sizeof(key));
	if (!err)
		err = take_text(&text, out);
	secret_free(&text);
	return err;
}
