/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ECP groups: RFC 5903 section 8. MODP group 14: computed with Python's integers, for RFC 3526 has
 * no vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/err.h"
#include "crypto/crypto.h"
#include "tests/support/given_rng.h"
#include "tests/support/hex.h"

static const char modp_prime[] =
	"ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea6"
	"3b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245"
	"e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f2411"
	"7c4b1fe649286651ece45b3dc2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f"
	"83655d23dca3ad961c62f356208552bb9ed529077096966d670c354e4abc9804f1746c08"
	"ca18217c32905e462e36ce3be39e772c180e86039b2783a2ec07a28fb5c55df06f4c52c9"
	"de2bcbf6955817183995497cea956ae515d2261898fa051015728e5a8aacaa68ffffffff"
	"ffffffff";

static const char modp_public[] =
	"2ac446be09ad0f3e900fb2f75f09ac7ddb2a424bbdd35a34c1d452839540012183901f56"
	"f6b4f9d3b72b878fe624072b9ab4b90b7136b495466023be0a96778b7f3a605d68f390fd"
	"6d448dd32c5338c27a72b7cdddf2cffbd17f83abb1d9aa5bf272acfca0be7055116fa14d"
	"ce24e2ca030b43e9ea67eba4fc2eb33f6f820389c1c56bc15a8e54d3b99ad3e8205326c1"
	"b294c5af28d2a7a1246f6c11c9f8c460a4b224fb1c1604c2c3977b2edaf7cdcc8c8a1978"
	"3d57cea2f5c77c4c815449beca878384eacf3ba1bec8def41a0a197e053abf6e766592d7"
	"07c2230f57b3de559d8f80f9dbc2c2d4a1dc8e45ad9bbc53adaa5a0b74ad00979d81f859"
	"c42474c9";

static const char modp_peer[] =
	"32b64418cfbed19e4599663c03640ad8fd8f8e8a270f66a637908663c697b398e493ce48"
	"2ce4cf80cf830fe4d6f2631db8411ef62539aab067aea385bfdb88a3ffdde10639f55a29"
	"110372b88b61601cb3717249676a443abfad5a7a447c736713c1b52fc422f89ecd150f6d"
	"9321ae0a4d89d9c67cc17f1bf94d26af5189733819d57150c74e78c3a6c47c0ebfc2e5f5"
	"61a21e79f66e2815d8d6bd23b2f65860e59c9f56b5ad046c4a2d45ea0b3c077c7f608c68"
	"cca4f1dd85c2372f9c40ed5dc3c96b63862996d3dc1af35ad50b7b1ecb4556094ffad330"
	"a6a2898b8de686ec90d145a50c52fae41efae121874df09c8145faaeb5c145e78940e8cd"
	"13fbd464";

static const char modp_secret[] =
	"4ac513e74206232f95e4aff0059d3a2b0b7fa25873007b8e0b3340eb653adbb5908fd19d"
	"a0260b9eb619799ae3917ecf8a75013f8a52e973567144074866d997d56a84c95a7bb39f"
	"e49dcbd1fd4e89bd132d0b3c152f707a45416bb98eabcb5585f164aa7a12cbc752f6516c"
	"8f12be568115f83a71adaa2d6b91724ab7c8ccc78a0085bcf106572924244ab2227e5946"
	"4be8eb7f1e796feb565d523543dd0e939faf17ac1aaac0e781234932ff955f87bf518f32"
	"c1e746e0a3e7a9cf47dd2464cefaa983c65a8a1fdbd91629ce6940a833824c41c8125cd2"
	"fed7d073151e0f82c946dd0c4a2b9412fa3494de45fdf65d4c19132e4d566696af787f62"
	"ae56e84c";

/* Peers whose secret with the key above begins with one and with two zero bytes. */
static const char modp_peer_zero1[] =
	"1debafd3bb119557aeeca79b343f32fe5cfdfbee7502ab8ed67207c4abb64a9008d65863"
	"0fc3270723171d40b5c0856bc22db1449284272826f60fcdf0ee7da554420fd681e03cde"
	"a04ccda93662ed8b80f151bed041ae334952538c6191c3fc1bbe9eba25c40dca6c2aa7b6"
	"fe7154e5550b736afc90c1b848715d6d8d9735b4ce3390146fb51542af3b1cab01f42a8b"
	"751e5683379911cd2d1f7aeb617982f202ad09d41c7e6d4b80c7a53958b8419aab0ca163"
	"c028df9fc19a00d5f097956bf5dbeabdf0f7dc68159e1baa04642c8468f95278b7dc20c1"
	"be4f842b70d29644afdb359b162a6c9b9b026057b3fdcc3ae78696d029bbfc7c0e5fd8de"
	"a6f57149";

static const char modp_secret_zero1[] =
	"009abaa871ca1a438d6900703513625c130d1153d2879c3c6a0d235f605ac1bba05c7b25"
	"59059a2e92d2fe4610ce596f1d90a2e5f41b8d11d50852a01dd54963d23bc070023a232e"
	"adb3a75d4ff9c51fe2d60bf685f9955bf8a5b28ab7b275d8e5cf5d971b6ca1acbb262957"
	"6bf5b4a489f36a61603fb9a2a437a04157b22b21fe7193a108825967e95a98f4558e6c82"
	"900b26065aceb8e40d6593065a9182829d8f29947a6481509e120c1a433dc7ea971d46e7"
	"1f795d0b19704de67f6cb8183d864afc7f84b11611c94f20233c11dde98618e1743c4ba4"
	"c8c7be032f4ada622899955d3ec16aea135e31bc83cac7381f14815d9f90da72bddaf872"
	"4cadc0f0";

static const char modp_peer_zero2[] =
	"52e57805385023cc4d1a1de6532af5a96b01e53a9b2a7c21626c9e808e10f323da240e46"
	"bc794df8be3b361f34bded2529830e962f243de962129225814439f26758ce65181e84a6"
	"982c0128474a01c041911e724659dfcdc51e4401ba989d969dfc368cd1271e6567596804"
	"537552464be709ceee0b256b6466cadfb999a84341d25901f303094bbe817d4911e12c0a"
	"8c6640a4524dfa6f60903664c612b3b4cfe814c6925849c11bc8905b669ee985e4271bca"
	"fa640bf6f14c50b5d69acb165dea6e00efe9ea3fb9cd923e9c9d07b3478b06196d38cc74"
	"9bdd38d71ebf82a2d6f1edf44b0153d36c8da7e334637eeb787ee6a4a5842e0f61c0e384"
	"4a728d5b";

static const char modp_secret_zero2[] =
	"000019274ba3ea5b345411b0083342d0cf081c1fe6477f94df1111295415209a9120ca7b"
	"3b2bd2c366d3c457c5845a03e5ad8f7602c0783ddb7af1e0bbf83ae2547da7e0b5b19d62"
	"1221638c4b94910d9c55855cb52aceb33c95de156def16af42ef14724e4e40c4ce6d232c"
	"53ed4ed6680352b8396ff903196141fa1cbf3247996882cfc67bddea3e97a93ca1b7ce86"
	"ecac47acf1bc960f0722653489fe36355a18393081dc94965a574b98480ff3226a94808a"
	"7d6484d0bfd0cbd2e408fdfd925de6612013f49467127f80304be98946d88406a5851815"
	"90005e3701f29d3a2ffd93a6419e7fe5455ea6542b420da37f0a4403a9854701c3358b88"
	"e9c714d9";

/* An exponent whose public value begins with a zero byte. */
static const char modp_private_zero[] =
	"b24c321932291c8fd37fca73364e01b48a680e4698ac8e3ccefd743339e662148ef4cc63"
	"55292954";

static const char modp_public_zero[] =
	"0049bd7ae7fe1bb9572ea34c1dd1c512ebd1e37e565273130d4d8b232e4abfbc4d7b1489"
	"3bd414e56bb2bcc3a01b73ed00b8ecfdcab08374656874bbfd187bc62766d5cdf164935c"
	"7adb211dd49bb59b6bec055e6f50781692359ed00e897c25d93579afaae2f82ad75acdc6"
	"f6af09f353e6c50f3b7aa3cb48f5c451c571d3a93020273c4b2c22547326451090319b84"
	"e9569085b42bdfce2db141375078ebda854ce8ec1d03907d1c4d1e29b25eadc94d613824"
	"ba4a6d3cb94a7c6f368b3204a1941fc42305195fe1c928ae58e7ab2ff750f12dac3104b1"
	"7f5a8a35343c106bdb1bec2e45f1733e43aa022967c791cb247da8c437f41a05c74380d7"
	"9b4c8634";

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
};

#define ECP_256_ORDER "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
#define ECP_384_ORDER                                                                              \
	"ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973"

static const enum dh_group groups[] = { DH_MODP_2048, DH_ECP_256, DH_ECP_384 };

/* A key pair whose private value is given. */
static struct dh *dh_given(enum dh_group group, const char *private)
{
	uint8_t buf[256];
	struct rd left;
	struct rng rng = given_rng(&left, hex_bytes(private, buf, sizeof(buf)));
	struct dh *dh = dh_new(group, &rng);

	assert_int_equal(rd_left(&left), 0);
	return dh;
}

static struct dh *modp_given(void)
{
	return dh_given(DH_MODP_2048,
			"8182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0"
			"a1a2a3a4a5a6a7a8");
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
	struct dh *dh = modp_given();

	assert_int_equal(dh_get_group(dh), DH_MODP_2048);
	assert_true(hex_eq(dh_public(dh), modp_public));
	check_shared(dh, modp_peer, modp_secret);
	check_shared(dh, modp_peer, modp_secret);
	dh_free(dh);
	assert_int_equal(secret_pool_used(), 0);
}

static void test_modp_leading_zeros(void **state)
{
	struct dh *dh = modp_given();

	check_shared(dh, modp_peer_zero1, modp_secret_zero1);
	check_shared(dh, modp_peer_zero2, modp_secret_zero2);
	dh_free(dh);
	dh = dh_given(DH_MODP_2048, modp_private_zero);
	assert_true(hex_eq(dh_public(dh), modp_public_zero));
	dh_free(dh);
}

/* The prime less or plus a small number, in 256 bytes. */
static void modp_near_prime(int add, uint8_t out[256])
{
	hex_bytes(modp_prime, out, 256);
	for (int i = 255; add != 0 && i >= 0; i--) {
		int v = out[i] + add;

		out[i] = (uint8_t)v;
		add = v < 0 ? -1 : v > 255;
	}
}

static void test_modp_refuses(void **state)
{
	struct dh *dh = modp_given();
	uint8_t v[256];

	memset(v, 0, sizeof(v));
	check_refused(dh, SLICE_OF(v));
	v[255] = 1;
	check_refused(dh, SLICE_OF(v));
	for (int add = -1; add <= 3; add++) {
		modp_near_prime(add, v);
		check_refused(dh, SLICE_OF(v));
	}
	memset(v, 0xff, sizeof(v));
	check_refused(dh, SLICE_OF(v));
	dh_free(dh);
}

/* 2 and p - 2 are the ends of what is allowed. */
static void test_modp_accepts_the_ends(void **state)
{
	struct dh *dh = modp_given();
	struct secret s = { 0 };
	uint8_t v[256] = { [255] = 2 };

	assert_int_equal(dh_shared(dh, SLICE_OF(v), &s), 0);
	assert_true(hex_eq(secret_slice(&s), modp_public));
	secret_free(&s);
	modp_near_prime(-2, v);
	assert_int_equal(dh_shared(dh, SLICE_OF(v), &s), 0);
	secret_free(&s);
	dh_free(dh);
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
		uint8_t v[96];

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
		for (uint64_t seed = 1; seed <= 10; seed++) {
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

	assert_int_equal(dh_public_size(DH_MODP_2048), 256);
	assert_int_equal(dh_public_size(DH_ECP_256), 64);
	assert_int_equal(dh_public_size(DH_ECP_384), 96);
	assert_int_equal(dh_public_size(DH_NONE), 0);
	assert_int_equal(dh_public_size((enum dh_group)2), 0);
	assert_string_equal(dh_group_name(DH_MODP_2048), "modp2048");
	assert_string_equal(dh_group_name(DH_ECP_256), "ecp256");
	assert_string_equal(dh_group_name(DH_ECP_384), "ecp384");
	assert_string_equal(dh_group_name(DH_NONE), "none");
	assert_null(dh_new(DH_NONE, &rng));
	assert_null(dh_new((enum dh_group)2, &rng));
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
		cmocka_unit_test(test_wrong_lengths),
		cmocka_unit_test(test_agreement),
		cmocka_unit_test(test_groups),
	};

	if (crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
