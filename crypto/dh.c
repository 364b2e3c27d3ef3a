/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/dh.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/random.h>

#include "base/err.h"
#include "crypto/internal.h"

#define MODP_SIZE 256
/* 320 bits: the larger of the two sizes that RFC 3526 section 8 gives for the 2048-bit group. */
#define MODP_PRIVATE 40
#define ECP_MAX 48 /* bytes of a coordinate */

/* RFC 3526 section 3 */
static const uint8_t modp_2048_prime[MODP_SIZE] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc9, 0x0f, 0xda, 0xa2, 0x21, 0x68, 0xc2,
	0x34, 0xc4, 0xc6, 0x62, 0x8b, 0x80, 0xdc, 0x1c, 0xd1, 0x29, 0x02, 0x4e, 0x08, 0x8a, 0x67,
	0xcc, 0x74, 0x02, 0x0b, 0xbe, 0xa6, 0x3b, 0x13, 0x9b, 0x22, 0x51, 0x4a, 0x08, 0x79, 0x8e,
	0x34, 0x04, 0xdd, 0xef, 0x95, 0x19, 0xb3, 0xcd, 0x3a, 0x43, 0x1b, 0x30, 0x2b, 0x0a, 0x6d,
	0xf2, 0x5f, 0x14, 0x37, 0x4f, 0xe1, 0x35, 0x6d, 0x6d, 0x51, 0xc2, 0x45, 0xe4, 0x85, 0xb5,
	0x76, 0x62, 0x5e, 0x7e, 0xc6, 0xf4, 0x4c, 0x42, 0xe9, 0xa6, 0x37, 0xed, 0x6b, 0x0b, 0xff,
	0x5c, 0xb6, 0xf4, 0x06, 0xb7, 0xed, 0xee, 0x38, 0x6b, 0xfb, 0x5a, 0x89, 0x9f, 0xa5, 0xae,
	0x9f, 0x24, 0x11, 0x7c, 0x4b, 0x1f, 0xe6, 0x49, 0x28, 0x66, 0x51, 0xec, 0xe4, 0x5b, 0x3d,
	0xc2, 0x00, 0x7c, 0xb8, 0xa1, 0x63, 0xbf, 0x05, 0x98, 0xda, 0x48, 0x36, 0x1c, 0x55, 0xd3,
	0x9a, 0x69, 0x16, 0x3f, 0xa8, 0xfd, 0x24, 0xcf, 0x5f, 0x83, 0x65, 0x5d, 0x23, 0xdc, 0xa3,
	0xad, 0x96, 0x1c, 0x62, 0xf3, 0x56, 0x20, 0x85, 0x52, 0xbb, 0x9e, 0xd5, 0x29, 0x07, 0x70,
	0x96, 0x96, 0x6d, 0x67, 0x0c, 0x35, 0x4e, 0x4a, 0xbc, 0x98, 0x04, 0xf1, 0x74, 0x6c, 0x08,
	0xca, 0x18, 0x21, 0x7c, 0x32, 0x90, 0x5e, 0x46, 0x2e, 0x36, 0xce, 0x3b, 0xe3, 0x9e, 0x77,
	0x2c, 0x18, 0x0e, 0x86, 0x03, 0x9b, 0x27, 0x83, 0xa2, 0xec, 0x07, 0xa2, 0x8f, 0xb5, 0xc5,
	0x5d, 0xf0, 0x6f, 0x4c, 0x52, 0xc9, 0xde, 0x2b, 0xcb, 0xf6, 0x95, 0x58, 0x17, 0x18, 0x39,
	0x95, 0x49, 0x7c, 0xea, 0x95, 0x6a, 0xe5, 0x15, 0xd2, 0x26, 0x18, 0x98, 0xfa, 0x05, 0x10,
	0x15, 0x72, 0x8e, 0x5a, 0x8a, 0xac, 0xaa, 0x68, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff,
};

/* Orders of the two curves, RFC 5903 section 3. */
static const uint8_t ecp_256_order[32] = {
	0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
	0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
};

static const uint8_t ecp_384_order[48] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf, 0x58, 0x1a, 0x0d, 0xb2,
	0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73,
};

static const struct dh_row {
	enum dh_group group;
	const char *name;
	size_t public_size;
	size_t private_size;
	int curve; /* ECP only */
	const uint8_t *order;
} dh_rows[] = {
	{ DH_MODP_2048, "modp2048", MODP_SIZE, MODP_PRIVATE, ECC_CURVE_INVALID, NULL },
	{ DH_ECP_256, "ecp256", 2 * 32, 32, ECC_SECP256R1, ecp_256_order },
	{ DH_ECP_384, "ecp384", 2 * 48, 48, ECC_SECP384R1, ecp_384_order },
};

struct dh {
	const struct dh_row *row;
	uint8_t private[ECP_MAX];
	uint8_t public[DH_PUBLIC_MAX];
};

static const struct dh_row *dh_row(enum dh_group group)
{
	for (size_t i = 0; i < ARRAY_SIZE(dh_rows); i++)
		if (dh_rows[i].group == group)
			return &dh_rows[i];
	return NULL;
}

static bool row_is_ecp(const struct dh_row *row)
{
	return row->curve != ECC_CURVE_INVALID;
}

size_t dh_public_size(enum dh_group group)
{
	const struct dh_row *row = dh_row(group);

	return row ? row->public_size : 0;
}

const char *dh_group_name(enum dh_group group)
{
	const struct dh_row *row = dh_row(group);

	return row ? row->name : "none";
}

/* Moves n bytes at the front of a field of `size` bytes to its end and zeroes what is before. */
static void pad_front(uint8_t *field, size_t n, size_t size)
{
	memmove(field + size - n, field, n);
	memset(field, 0, size - n);
}

/* ---- MODP ---- */

static void modp_start(DhKey *key)
{
	static const uint8_t two[1] = { 2 };

	crypto_must(wc_InitDhKey(key), "wc_InitDhKey");
	crypto_must(wc_DhSetKey(key, modp_2048_prime, MODP_SIZE, two, sizeof(two)), "wc_DhSetKey");
}

/* out = base ^ private mod p, MODP_SIZE bytes. */
static int modp_power(const struct dh *dh, struct slice base, uint8_t *out)
{
	word32 n = MODP_SIZE;
	DhKey key;
	int ret;

	modp_start(&key);
	ret = wc_DhCheckPubKey(&key, base.p, (word32)base.n);
	if (ret == 0)
		ret = wc_DhAgree(&key, out, &n, dh->private, (word32)dh->row->private_size, base.p,
				 (word32)base.n);
	wc_FreeDhKey(&key);
	if (ret != 0 || n > MODP_SIZE)
		return ERR_BAD_KEY;
	/* wolfSSL leaves leading zeros away, one time in 256. */
	pad_front(out, n, MODP_SIZE);
	return 0;
}

static void modp_new(struct dh *dh, struct rng *rng)
{
	static const uint8_t two[1] = { 2 };

	rng_fill(rng, dh->private, dh->row->private_size);
	/* One length for all exponents, so that it cannot show in the time. */
	dh->private[0] |= 0x80;
	crypto_must(modp_power(dh, SLICE_OF(two), dh->public), "making a MODP key");
}

/* ---- ECP ---- */

/* True when the private value lies in 1 … order - 1. */
static bool ecp_private_valid(const struct dh *dh)
{
	static const uint8_t zero[ECP_MAX];
	size_t n = dh->row->private_size;

	return memcmp(dh->private, zero, n) != 0 && memcmp(dh->private, dh->row->order, n) < 0;
}

static void ecp_private_key(const struct dh *dh, ecc_key *key)
{
	crypto_must(wc_ecc_init(key), "wc_ecc_init");
	crypto_must(wc_ecc_import_private_key_ex(dh->private, (word32)dh->row->private_size, NULL,
						 0, key, dh->row->curve),
		    "wc_ecc_import_private_key_ex");
}

static void ecp_end(ecc_key *key)
{
	wc_ecc_free(key);
	wipe(key, sizeof(*key));
}

static void ecp_new(struct dh *dh, struct rng *rng)
{
	size_t n = dh->row->private_size;
	word32 nx = (word32)n, ny = (word32)n;
	uint8_t *x = dh->public, *y = dh->public + n;
	WC_RNG blinding;
	ecc_key key;

	do
		rng_fill(rng, dh->private, n);
	while (!ecp_private_valid(dh));
	crypto_must(wc_InitRng(&blinding), "wc_InitRng");
	ecp_private_key(dh, &key);
	crypto_must(wc_ecc_make_pub_ex(&key, NULL, &blinding), "wc_ecc_make_pub_ex");
	crypto_must(wc_ecc_export_public_raw(&key, x, &nx, y, &ny), "wc_ecc_export_public_raw");
	pad_front(x, nx, n);
	pad_front(y, ny, n);
	ecp_end(&key);
	wc_FreeRng(&blinding);
}

/* The peer's point: both coordinates below the prime and the point on the curve. */
static int ecp_peer_key(const struct dh_row *row, struct slice peer, ecc_key *key)
{
	int ret;

	crypto_must(wc_ecc_init(key), "wc_ecc_init");
	ret = wc_ecc_import_unsigned(key, peer.p, peer.p + peer.n / 2, NULL, row->curve);
	/* Importing does not look at the curve equation. */
	return ret == 0 && wc_ecc_check_key(key) == 0 ? 0 : ERR_BAD_KEY;
}

/* out = x of private * peer. */
static int ecp_multiply(const struct dh *dh, struct slice peer, uint8_t *out)
{
	word32 n = (word32)dh->row->private_size;
	ecc_key ours, theirs;
	WC_RNG blinding;
	int ret = ecp_peer_key(dh->row, peer, &theirs);

	if (ret)
		goto out;
	crypto_must(wc_InitRng(&blinding), "wc_InitRng");
	ecp_private_key(dh, &ours);
	crypto_must(wc_ecc_set_rng(&ours, &blinding), "wc_ecc_set_rng");
	if (wc_ecc_shared_secret(&ours, &theirs, out, &n) != 0)
		ret = ERR_BAD_KEY;
	else
		pad_front(out, n, dh->row->private_size);
	ecp_end(&ours);
	wc_FreeRng(&blinding);
out:
	ecp_end(&theirs);
	return ret;
}

/* ---- both ---- */

struct dh *dh_new(enum dh_group group, struct rng *rng)
{
	const struct dh_row *row = dh_row(group);
	struct dh *dh;

	if (!row)
		return NULL;
	dh = secret_alloc(sizeof(*dh));
	dh->row = row;
	if (row_is_ecp(row))
		ecp_new(dh, rng);
	else
		modp_new(dh, rng);
	return dh;
}

void dh_free(struct dh *dh)
{
	secret_release(dh, sizeof(*dh));
}

enum dh_group dh_get_group(const struct dh *dh)
{
	return dh->row->group;
}

struct slice dh_public(const struct dh *dh)
{
	return slice(dh->public, dh->row->public_size);
}

int dh_shared(struct dh *dh, struct slice peer, struct secret *out)
{
	const struct dh_row *row = dh->row;
	struct secret s;
	int ret;

	if (peer.n != row->public_size)
		return ERR_BAD_KEY;
	secret_init(&s, row_is_ecp(row) ? row->private_size : row->public_size);
	ret = row_is_ecp(row) ? ecp_multiply(dh, peer, s.p) : modp_power(dh, peer, s.p);
	if (ret)
		secret_free(&s);
	else
		secret_move(out, &s);
	return ret;
}
