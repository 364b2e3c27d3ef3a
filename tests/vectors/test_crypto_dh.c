/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ECP groups: RFC 5903 section 8. MODP groups: modp_vectors.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/err.h"
#include "crypto/crypto.h"
#include "tests/support/given_rng.h"
#include "tests/support/hex.h"
#include "tests/vectors/modp_vectors.h"

static const struct ecp_row {
	enum dh_group group;
	const char *i;
	const char *gi;
	const char *r;
	const char *gr;
	const char *gir;
	const char *small; /* a point whose x is small ... */
	const char *above; /* ... and the same with x + p, which still fits */
} ecp_rows[] = {
	{
		DH_ECP_256,
		"c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
		"dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180"
		"5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3",
		"c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53",
		"d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63"
		"56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab",
		"d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de",
		"0000000000000000000000000000000000000000000000000000000000000000"
		"66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4",
		"ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"
		"66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4",
	},
	{
		DH_ECP_384,
		"099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655"
		"e35b538041e649ee3faef896783ab194",
		"667842d7d180ac2cde6f74f37551f55755c7645c20ef73e31634fe72b4c55ee6"
		"de3ac808acb4bdb4c88732aee95f41aa9482ed1fc0eeb9cafc4984625ccfc23f"
		"65032149e0e144ada024181535a0f38eeb9fcff3c2c947dae69b4c634573a81c",
		"41cb0779b4bdb85d47846725fbec3c9430fab46cc8dc5060855cc9bda0aa2942"
		"e0308312916b8ed2960e4bd55a7448fc",
		"e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732bc509d"
		"0d1ac43a0336def96fda41d0774a3571dcfbec7aacf3196472169e838430367f"
		"66eebe3c6e70c416dd5f0c68759dd1fff83fa40142209dff5eaad96db9e6386c",
		"11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4"
		"d603135569b9e9d09cf5d4a270f59746",
		"0000000000000000000000000000000000000000000000000000000000000000"
		"00000000000000000000000000000000c306610fb0ae5a159cf45c06069f22a6"
		"c5eb3641c602d42dea2c4b4f75550793406d80d2b91ad54f9048bd487af1ade1",
		"fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe"
		"ffffffff0000000000000000ffffffffc306610fb0ae5a159cf45c06069f22a6"
		"c5eb3641c602d42dea2c4b4f75550793406d80d2b91ad54f9048bd487af1ade1",
	},
	{
		DH_ECP_521,
		"0037ade9319a89f4dabdb3ef411aaccca5123c61acab57b5393dce47608172a0"
		"95aa85a30fe1c2952c6771d937ba9777f5957b2639bab072462f68c27a57382d"
		"4a52",
		"0015417e84dbf28c0ad3c278713349dc7df153c897a1891bd98bab4357c9ecbe"
		"e1e3bf42e00b8e380aeae57c2d107564941885942af5a7f4601723c4195d176c"
		"ed3e017cae20b6641d2eeb695786d8c946146239d099e18e1d5a514c739d7cb4"
		"a10ad8a788015ac405d7799dc75e7b7d5b6cf2261a6a7f1507438bf01beb6ca3"
		"926f9582",
		"0145ba99a847af43793fdd0e872e7cdfa16be30fdc780f97bccc3f078380201e"
		"9c677d600b343757a3bdbf2a3163e4c2f869cca7458aa4a4effc311f5cb15168"
		"5eb9",
		"00d0b3975ac4b799f5bea16d5e13e9af971d5e9b984c9f39728b5e5739735a21"
		"9b97c356436adc6e95bb0352f6be64a6c2912d4ef2d0433ced2b6171640012d9"
		"460f015c68226383956e3bd066e797b623c27ce0eac2f551a10c2c724d985207"
		"7b87220b6536c5c408a1d2aebb8e86d678ae49cb57091f4732296579ab44fcd1"
		"7f0fc56a",
		"01144c7d79ae6956bc8edb8e7c787c4521cb086fa64407f97894e5e6b2d79b04"
		"d1427e73ca4baa240a34786859810c06b3c715a3a8cc3151f2bee417996d19f3"
		"ddea",
		"0000000000000000000000000000000000000000000000000000000000000000"
		"0000000000000000000000000000000000000000000000000000000000000000"
		"0000012df13601594a883ef2d935e44bb90bf4d6619b74e52af7552f97769011"
		"c0719eb439cfab2a88d40fe59a2bed1f43557169a2d0a2ccd280c607b92bbf51"
		"ffe0b078",
		"01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffff012df13601594a883ef2d935e44bb90bf4d6619b74e52af7552f97769011"
		"c0719eb439cfab2a88d40fe59a2bed1f43557169a2d0a2ccd280c607b92bbf51"
		"ffe0b078",
	},
};

#define ECP_256_ORDER "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
#define ECP_384_ORDER                                                                              \
	"ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973"

#define ECP_521_ORDER                                                                              \
	"01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"                       \
	"fa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409"

static const enum dh_group groups[] = {
	DH_MODP_1024, DH_MODP_1536, DH_MODP_2048, DH_MODP_3072,
	DH_MODP_4096, DH_ECP_256,   DH_ECP_384,	  DH_ECP_521,
};

/* A key pair whose private value is given. */
static struct dh *dh_given(enum dh_group group, const char *private)
{
	uint8_t buf[400];
	struct rd left;
	struct rng rng = given_rng(&left, hex_bytes(private, buf, sizeof(buf)));
	struct dh *dh = dh_new(group, &rng);

	assert_int_equal(rd_left(&left), 0);
	return dh;
}

static struct dh *modp_given(const struct modp_row *row)
{
	char text[200];

	for (size_t i = 0; i < row->private_size; i++)
		snprintf(text + 2 * i, 3, "%02x", (unsigned)(0x81 + i) & 0xff);
	return dh_given(row->group, text);
}

static void check_shared(struct dh *dh, const char *peer, const char *secret)
{
	uint8_t buf[DH_PUBLIC_MAX];
	struct secret s = { 0 };

	assert_int_equal(dh_shared(dh, hex_bytes(peer, buf, sizeof(buf)), &s), 0);
	assert_true(hex_eq(secret_slice(&s), secret));
	secret_free(&s);
}

static void check_refused(struct dh *dh, struct slice peer)
{
	uint8_t mark = 0;
	struct secret s = { &mark, 77 };
	size_t used = secret_pool_used();

	assert_int_equal(dh_shared(dh, peer, &s), ERR_BAD_KEY);
	assert_ptr_equal(s.p, &mark);
	assert_int_equal(s.n, 77);
	assert_int_equal(secret_pool_used(), used);
}

static void check_refused_hex(struct dh *dh, const char *peer)
{
	uint8_t buf[DH_PUBLIC_MAX + 1];

	check_refused(dh, hex_bytes(peer, buf, sizeof(buf)));
}

static void test_modp(void **state)
{
	for (size_t k = 0; k < ARRAY_SIZE(modp_rows); k++) {
		const struct modp_row *row = &modp_rows[k];
		struct dh *dh = modp_given(row);

		assert_int_equal(dh_get_group(dh), row->group);
		assert_int_equal(dh_public_size(row->group), strlen(row->prime) / 2);
		assert_string_equal(dh_group_name(row->group), row->name);
		assert_true(hex_eq(dh_public(dh), row->public));
		check_shared(dh, row->peer, row->secret);
		check_shared(dh, row->peer, row->secret);
		dh_free(dh);
	}
	assert_int_equal(secret_pool_used(), 0);
}

static void test_modp_leading_zeros(void **state)
{
	for (size_t k = 0; k < ARRAY_SIZE(modp_rows); k++) {
		const struct modp_row *row = &modp_rows[k];
		struct dh *dh = modp_given(row);

		check_shared(dh, row->peer_zero, row->secret_zero);
		dh_free(dh);
		dh = dh_given(row->group, row->private_zero);
		assert_true(hex_eq(dh_public(dh), row->public_zero));
		dh_free(dh);
	}
}

/* The prime less or plus a small number; its length. */
static size_t modp_near_prime(const struct modp_row *row, int add, uint8_t out[DH_PUBLIC_MAX])
{
	size_t n = hex_bytes(row->prime, out, DH_PUBLIC_MAX).n;

	for (size_t i = n; add != 0 && i-- > 0;) {
		int v = out[i] + add;

		out[i] = (uint8_t)v;
		add = v < 0 ? -1 : v > 255;
	}
	return n;
}

static void test_modp_refuses(void **state)
{
	for (size_t k = 0; k < ARRAY_SIZE(modp_rows); k++) {
		struct dh *dh = modp_given(&modp_rows[k]);
		size_t n = dh_public_size(modp_rows[k].group);
		uint8_t v[DH_PUBLIC_MAX] = { 0 };

		check_refused(dh, slice(v, n));
		v[n - 1] = 1;
		check_refused(dh, slice(v, n));
		for (int add = -1; add <= 3; add++)
			check_refused(dh, slice(v, modp_near_prime(&modp_rows[k], add, v)));
		memset(v, 0xff, sizeof(v));
		check_refused(dh, slice(v, n));
		dh_free(dh);
	}
}

/* 2 and p - 2 are the ends of what is allowed. */
static void test_modp_accepts_the_ends(void **state)
{
	for (size_t k = 0; k < ARRAY_SIZE(modp_rows); k++) {
		struct dh *dh = modp_given(&modp_rows[k]);
		size_t n = dh_public_size(modp_rows[k].group);
		uint8_t v[DH_PUBLIC_MAX] = { 0 };
		struct secret s = { 0 };

		v[n - 1] = 2;
		assert_int_equal(dh_shared(dh, slice(v, n), &s), 0);
		assert_true(hex_eq(secret_slice(&s), modp_rows[k].public));
		secret_free(&s);
		modp_near_prime(&modp_rows[k], -2, v);
		assert_int_equal(dh_shared(dh, slice(v, n), &s), 0);
		secret_free(&s);
		dh_free(dh);
	}
}

static void test_ecp(void **state)
{
	for (size_t k = 0; k < ARRAY_SIZE(ecp_rows); k++) {
		const struct ecp_row *row = &ecp_rows[k];
		struct dh *i = dh_given(row->group, row->i);
		struct dh *r = dh_given(row->group, row->r);

		assert_int_equal(dh_get_group(i), row->group);
		assert_true(hex_eq(dh_public(i), row->gi));
		assert_true(hex_eq(dh_public(r), row->gr));
		check_shared(i, row->gr, row->gir);
		check_shared(r, row->gi, row->gir);
		dh_free(i);
		dh_free(r);
	}
	assert_int_equal(secret_pool_used(), 0);
}

static void test_ecp_refuses(void **state)
{
	for (size_t k = 0; k < ARRAY_SIZE(ecp_rows); k++) {
		const struct ecp_row *row = &ecp_rows[k];
		struct dh *dh = dh_given(row->group, row->i);
		size_t n = dh_public_size(row->group);
		struct secret s = { 0 };
		uint8_t v[132];

		memset(v, 0, sizeof(v));
		check_refused(dh, slice(v, n));
		memset(v, 0xff, sizeof(v));
		check_refused(dh, slice(v, n));
		for (size_t at = 0; at < n; at += 5) {
			hex_bytes(row->gr, v, sizeof(v));
			v[at] ^= 1;
			check_refused(dh, slice(v, n));
		}
		assert_int_equal(dh_shared(dh, hex_bytes(row->small, v, sizeof(v)), &s), 0);
		secret_free(&s);
		check_refused_hex(dh, row->above);
		dh_free(dh);
	}
}

/* A private value of 0 or not below the order is drawn again. */
static void test_ecp_private_in_range(void **state)
{
	static const struct {
		enum dh_group group;
		const char *drawn;
	} rows[] = {
		{ DH_ECP_256,
		  "0000000000000000000000000000000000000000000000000000000000000000" ECP_256_ORDER
		  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff" },
		{ DH_ECP_384, "000000000000000000000000000000000000000000000000"
			      "000000000000000000000000000000000000000000000000" ECP_384_ORDER
			      "ffffffffffffffffffffffffffffffffffffffffffffffff"
			      "ffffffffffffffffffffffffffffffffffffffffffffffff" },
		/* The bits above the order are taken away before. */
		{ DH_ECP_521,
		  "fe0000000000000000000000000000000000000000000000000000000000000000"
		  "000000000000000000000000000000000000000000000000000000000000000000" ECP_521_ORDER
		  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff" },
	};
	char text[1024];

	for (size_t k = 0; k < ARRAY_SIZE(rows); k++) {
		struct dh *dh;

		strcpy(text, rows[k].drawn);
		strcat(text, ecp_rows[k].i);
		dh = dh_given(rows[k].group, text);
		assert_true(hex_eq(dh_public(dh), ecp_rows[k].gi));
		dh_free(dh);
	}
}

/* 521 bits are drawn as 66 bytes: what is above them does not count. */
static void test_ecp_521_bits_above(void **state)
{
	const struct ecp_row *row = &ecp_rows[ARRAY_SIZE(ecp_rows) - 1];
	char text[200];
	struct dh *dh;

	assert_int_equal(row->group, DH_ECP_521);
	assert_memory_equal(row->i, "00", 2);
	snprintf(text, sizeof(text), "fe%s", row->i + 2);
	dh = dh_given(row->group, text);
	assert_true(hex_eq(dh_public(dh), row->gi));
	dh_free(dh);
}

static void test_wrong_lengths(void **state)
{
	uint8_t v[DH_PUBLIC_MAX + 1];

	for (size_t k = 0; k < ARRAY_SIZE(groups); k++) {
		struct rng_seed seed;
		struct rng rng = rng_seeded(&seed, 1);
		struct dh *a = dh_new(groups[k], &rng);
		struct dh *b = dh_new(groups[k], &rng);
		size_t size = dh_public_size(groups[k]);

		memset(v, 0, sizeof(v));
		memcpy(v, dh_public(b).p, size);
		for (size_t n = 0; n <= sizeof(v); n++)
			if (n != size)
				check_refused(a, slice(v, n));
		memcpy(v + 1, dh_public(b).p, size);
		v[0] = 0;
		check_refused(a, slice(v, size + 1));
		dh_free(a);
		dh_free(b);
	}
}

/* Both ends of many exchanges agree; the same seed gives the same keys. */
static void test_agreement(void **state)
{
	for (size_t k = 0; k < ARRAY_SIZE(groups); k++) {
		for (uint64_t seed = 1; seed <= 4; seed++) {
			struct rng_seed s1, s2;
			struct rng r1 = rng_seeded(&s1, seed), r2 = rng_seeded(&s2, seed);
			struct dh *a = dh_new(groups[k], &r1), *b = dh_new(groups[k], &r1);
			struct dh *again = dh_new(groups[k], &r2);
			struct secret ab = { 0 }, ba = { 0 };

			assert_true(slice_eq(dh_public(a), dh_public(again)));
			assert_false(slice_eq(dh_public(a), dh_public(b)));
			assert_int_equal(dh_public(a).n, dh_public_size(groups[k]));
			assert_int_equal(dh_shared(a, dh_public(b), &ab), 0);
			assert_int_equal(dh_shared(b, dh_public(a), &ba), 0);
			assert_true(slice_eq(secret_slice(&ab), secret_slice(&ba)));
			secret_free(&ab);
			secret_free(&ba);
			dh_free(a);
			dh_free(b);
			dh_free(again);
		}
	}
	assert_int_equal(secret_pool_used(), 0);
}

static void test_groups(void **state)
{
	struct rng_seed s;
	struct rng rng = rng_seeded(&s, 1);

	assert_int_equal(dh_public_size(DH_ECP_256), 64);
	assert_int_equal(dh_public_size(DH_ECP_384), 96);
	assert_int_equal(dh_public_size(DH_ECP_521), 132);
	assert_int_equal(dh_public_size(DH_NONE), 0);
	assert_int_equal(dh_public_size((enum dh_group)17), 0);
	assert_string_equal(dh_group_name(DH_ECP_256), "ecp256");
	assert_string_equal(dh_group_name(DH_ECP_384), "ecp384");
	assert_string_equal(dh_group_name(DH_ECP_521), "ecp521");
	assert_string_equal(dh_group_name(DH_NONE), "none");
	assert_null(dh_new(DH_NONE, &rng));
	assert_null(dh_new((enum dh_group)17, &rng));
	dh_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modp),
		cmocka_unit_test(test_modp_leading_zeros),
		cmocka_unit_test(test_modp_refuses),
		cmocka_unit_test(test_modp_accepts_the_ends),
		cmocka_unit_test(test_ecp),
		cmocka_unit_test(test_ecp_refuses),
		cmocka_unit_test(test_ecp_private_in_range),
		cmocka_unit_test(test_ecp_521_bits_above),
		cmocka_unit_test(test_wrong_lengths),
		cmocka_unit_test(test_agreement),
		cmocka_unit_test(test_groups),
	};

	if (crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
