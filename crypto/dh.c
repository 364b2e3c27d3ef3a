/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/dh.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/random.h>

#include "base/err.h"
#include "crypto/internal.h"

#define ECP_MAX 66 /* bytes of a coordinate */

/* Orders of the curves, RFC 5903 section 3. */
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

static const uint8_t ecp_521_order[66] = {
	0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xfa, 0x51, 0x86, 0x87, 0x83, 0xbf, 0x2f, 0x96, 0x6b,
	0x7f, 0xcc, 0x01, 0x48, 0xf7, 0x09, 0xa5, 0xd0, 0x3b, 0xb5, 0xc9, 0xb8, 0x89, 0x9c,
	0x47, 0xae, 0xbb, 0x6f, 0xb7, 0x1e, 0x91, 0x38, 0x64, 0x09,
};

/*
 * Private values of MODP groups have the larger of the two lengths that RFC 3526 section 8 gives;
 * the smallest group, which is not in there, takes that of the next.
 */
static const struct dh_row {
	enum dh_group group;
	const char *name;
	size_t public_size;
	size_t private_size;
	const uint8_t *prime; /* MODP only */
	int curve; /* ECP only, as what follows */
	const uint8_t *order;
	uint8_t first; /* the bits that the first byte of a private value may have */
} dh_rows[] = {
	{ DH_MODP_1024, "modp1024", 128, 30, modp_1024_prime, ECC_CURVE_INVALID, NULL, 0 },
	{ DH_MODP_1536, "modp1536", 192, 30, modp_1536_prime, ECC_CURVE_INVALID, NULL, 0 },
	{ DH_MODP_2048, "modp2048", 256, 40, modp_2048_prime, ECC_CURVE_INVALID, NULL, 0 },
	{ DH_MODP_3072, "modp3072", 384, 53, modp_3072_prime, ECC_CURVE_INVALID, NULL, 0 },
	{ DH_MODP_4096, "modp4096", 512, 60, modp_4096_prime, ECC_CURVE_INVALID, NULL, 0 },
	{ DH_ECP_256, "ecp256", 2 * 32, 32, NULL, ECC_SECP256R1, ecp_256_order, 0xff },
	{ DH_ECP_384, "ecp384", 2 * 48, 48, NULL, ECC_SECP384R1, ecp_384_order, 0xff },
	{ DH_ECP_521, "ecp521", 2 * 66, 66, NULL, ECC_SECP521R1, ecp_521_order, 0x01 },
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
	return !row->prime;
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

static void modp_start(const struct dh_row *row, DhKey *key)
{
	static const uint8_t two[1] = { 2 };

	crypto_must(wc_InitDhKey(key), "wc_InitDhKey");
	crypto_must(wc_DhSetKey(key, row->prime, (word32)row->public_size, two, sizeof(two)),
		    "wc_DhSetKey");
}

/* out = base ^ private mod p, as long as the prime. */
static int modp_power(const struct dh *dh, struct slice base, uint8_t *out)
{
	size_t size = dh->row->public_size;
	word32 n = (word32)size;
	DhKey key;
	int ret;

	modp_start(dh->row, &key);
	ret = wc_DhCheckPubKey(&key, base.p, (word32)base.n);
	if (ret == 0)
		ret = wc_DhAgree(&key, out, &n, dh->private, (word32)dh->row->private_size, base.p,
				 (word32)base.n);
	wc_FreeDhKey(&key);
	if (ret != 0 || n > size)
		return ERR_BAD_KEY;
	/* wolfSSL leaves leading zeros away, one time in 256. */
	pad_front(out, n, size);
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

	do {
		rng_fill(rng, dh->private, n);
		dh->private[0] &= dh->row->first;
	} while (!ecp_private_valid(dh));
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
