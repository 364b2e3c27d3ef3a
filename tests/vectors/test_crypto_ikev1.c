/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IKEv1 key material (RFC 2409 section 5, appendix B). Nobody publishes vectors with all
 * intermediate values; these were computed independently with Python's hmac. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "tests/support/hex.h"

#define PSK "a shared phrase"
#define NI "101112131415161718191a1b1c1d1e1f"
#define NR "303132333435363738393a3b3c3d3e3f40414243"
#define COOKIES "0102030405060708a1a2a3a4a5a6a7a8"
#define QUICK_NI "505152535455565758595a5b5c5d5e5f"
#define QUICK_NR "707172737475767778797a7b7c7d7e7f"
#define GXY                                                                                        \
	"00518f90c2e9cf6c9fa70135eacac3862cbd1b19a0c0e0923e7084a2e8a469811e5d1746299bda0af69c6e00" \
	"e77613c0a02c7efcd0cf1af61f5c24dc855bdf74b8518f90c2e9cf6c9fa70135eacac3862cbd1b19a0c0e092" \
	"3e7084a2e8a469811e5d1746299bda0af69c6e00e77613c0a02c7efcd0cf1af61f5c24dc855bdf74"
#define GQM                                                                                        \
	"234f0e07da3d1905bbc6068246cf68833baf2cbf402f3e5040b14a17c221d525a5dc68472bdd806736ce65fb" \
	"000d8707"
#define SPI 0xc0ffee01
#define PROTO_IPSEC_ESP 3
#define KEYMAT_LEN 72

struct row {
	enum hash_alg hash;
	size_t key_len;
	const char *skeyid;
	const char *d;
	const char *a;
	const char *e;
	const char *key;
	const char *keymat;
	const char *keymat_pfs;
};

static const struct row rows[] = {
	{
		HASH_SHA1,
		16,
		"cacbfe6cbaa60e3743c75a0b73866dcd47d604cf",
		"03ee4e954261262247d6089545146e097e5770c2",
		"e5a81c52609069fc03f1d51a65b8593a24cea8f1",
		"adeb2ae884638948abceea16ed17728bd4530193",
		"adeb2ae884638948abceea16ed17728b",
		"f244801e7f6961e58c2a1aaf4961009489c3d33040489a31cb1019ac23c07b84df2c22ab"
		"bc0b156f0d82f603e87d8f04c2a9aaa7d7d207f9c8929154eab1721f060ddae8751db66c",
		"17c9bf417d254228a4f37db0fda44b2d0a20fbe7ddd5c0462afc3000face9c0e71136cb3"
		"fffab301cd052fee3c6e20b62f13858e91e9d0d99b2c87ecc4b5c90035c34b0d316bd539",
	},
	{
		HASH_SHA1,
		32,
		"cacbfe6cbaa60e3743c75a0b73866dcd47d604cf",
		"03ee4e954261262247d6089545146e097e5770c2",
		"e5a81c52609069fc03f1d51a65b8593a24cea8f1",
		"adeb2ae884638948abceea16ed17728bd4530193",
		"dfd474b2a1fae53f1f01ce5372d2aa0f51a56ea231c291db37bfbd2cfa189fdd",
		"f244801e7f6961e58c2a1aaf4961009489c3d33040489a31cb1019ac23c07b84df2c22ab"
		"bc0b156f0d82f603e87d8f04c2a9aaa7d7d207f9c8929154eab1721f060ddae8751db66c",
		"17c9bf417d254228a4f37db0fda44b2d0a20fbe7ddd5c0462afc3000face9c0e71136cb3"
		"fffab301cd052fee3c6e20b62f13858e91e9d0d99b2c87ecc4b5c90035c34b0d316bd539",
	},
	{
		HASH_SHA2_256,
		32,
		"4f33b8e7a05144ea35a8d88d24e3733e2268faa43898790eb907acbe30795aa4",
		"1cbe1d9532522f3c3794bd01600cbb584192b6d3f1043480ae69472a82c2c786",
		"b0ac4acdeacbe1a5149221da810eafcc3a888ed91129af9398819837c3a330ee",
		"41e54be83887450ce133c01069ef6ae159cc8f35163bd5ffc2ccfc0bf0cc739b",
		"41e54be83887450ce133c01069ef6ae159cc8f35163bd5ffc2ccfc0bf0cc739b",
		"59d85b90e2b8f35fc2a8cf1897829b76452b87f43655aa822e5a677deaea43fd2e25bbd6"
		"f1f9cc2493dc5516b658dfb5231f157742916fbb32c48c1890306deb9185841f0ab86b87",
		"c9699df8e0586dff11e2fc5908c4add27ecc55819e02d80485ffda9e6f7a6318860756b5"
		"7a2df4080c09d19a5281981112a65be4aea42c113715df282fd7f982d000ad046b97f1a8",
	},
	{
		HASH_SHA2_384,
		24,
		"c653ada7c6f6c2bd2b3dfbe0b988aabf7746e2447476305578dda329a97ae91a99df24ea"
		"706362a69fd82e15768dd483",
		"5c6ee1a69f82146b595c9cd925a193b597be9f206e90bf9ea629973071e6f2c78d3ed458"
		"ab05e4951372227c7b84b322",
		"bcc113a27a622c115abbde2cf6081103ed2f934e6767b5cb19596e419157e72a7fd0dc8f"
		"1b3a7e0775d96b8081290908",
		"103b16acda7758e60d9beb3dfaee4b4e629c059aa552a77797222f77496622662c95bfa5"
		"24c46fd0cd3b698713150693",
		"103b16acda7758e60d9beb3dfaee4b4e629c059aa552a777",
		"fb0ed593a0804cf415794cae0a89755092a80cfc84c12cd25a7e7b0f10235956d9414f5c"
		"7ec12cf390d9efabce17fd20a45360508a904f4c8fe4e0037064854d2bfce9f804c3ae29",
		"de9aa262f27ccca8e8bfa0129bdb3c491a3942a6d6c9d7da5f47effa0ced30080fd26e20"
		"8fc8836e1dfa7276d73039fc576fced32b983057beafcd9e2461fcee6506231c740a93ab",
	},
	{
		HASH_SHA2_512,
		32,
		"f2e61b72d35cd5085c786edfc893dd07be025c74b2bcd660496b3cda3d17f9b1a0a89ae4"
		"972c1da20e53ce563d6f7b1e5e9598158b74c7b339bbb2f4f140c69d",
		"bcf62e608540f79e6be318deb6e00d414f2a589fe99958f2b72fa6685924066c6d5b354a"
		"12c0ba48d77f5fac8513cf6ccb46f34c7c963566a1a31402f347ee93",
		"fcef4b2b58d7345c6a5acc52a16625e3e3c465cd379a0f97700e81b502dd301a7caf121f"
		"9520172a9dd38ab0d158663325c5ad8da82a2534916a31257c55c625",
		"84135e9059a508da37789e19533f34165f3c2b5196a8efa07e18d4dd47e62af3195c1df0"
		"1305d6ae9c29c223576b8c97fabae759020b5df15db34550863f226e",
		"84135e9059a508da37789e19533f34165f3c2b5196a8efa07e18d4dd47e62af3",
		"b67cb200ac48b4fa9bf0431431ac34dcf35e1a7ec05f3343e1cc75e904e156cfc9b4d5ec"
		"07a88ebf9bae2770f7e232868a269c2189e8ba2f1fb3f55e4e557d80443634846b524f1c",
		"54974bb40296d096a5dffc67aeeefd9023175c56a69eb5b634594cb21ca33d8764be2a84"
		"bf5207056935428fff8d4a8314ac3b2e52713b9517e3f563b3c5cf1f6a0d99a6ec9f6abe",
	},
};

static void derive(const struct row *row, struct ikev1_keys *keys)
{
	uint8_t ni[32], nr[32], gxy[128], cookies[16];

	*keys = (struct ikev1_keys){ 0 };
	ikev1_skeyid_psk(keys, row->hash, SLICE_STR(PSK), hex_bytes(NI, ni, sizeof(ni)),
			 hex_bytes(NR, nr, sizeof(nr)));
	ikev1_skeyid_derive(keys, hex_bytes(GXY, gxy, sizeof(gxy)),
			    hex_bytes(COOKIES, cookies, sizeof(cookies)), IKE_CIPHER_AES_CBC,
			    row->key_len);
}

static void test_skeyid_chain(void **state)
{
	struct ikev1_keys keys;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		derive(&rows[i], &keys);
		assert_int_equal(keys.hash, rows[i].hash);
		assert_true(hex_eq(secret_slice(&keys.skeyid), rows[i].skeyid));
		assert_true(hex_eq(secret_slice(&keys.d), rows[i].d));
		assert_true(hex_eq(secret_slice(&keys.a), rows[i].a));
		assert_true(hex_eq(secret_slice(&keys.e), rows[i].e));
		assert_true(hex_eq(secret_slice(&keys.key), rows[i].key));
		ikev1_keys_free(&keys);
		assert_int_equal(secret_pool_used(), 0);
	}
}

/* RFC 2409 section 5: for signatures the nonces are the key. */
static void test_skeyid_of_signatures(void **state)
{
	static const struct {
		enum hash_alg hash;
		const char *skeyid;
	} sig[] = {
		{ HASH_SHA1, "bfa21072c75f05e9ebeeb558d96c6a7e8fe88dcd" },
		{ HASH_SHA2_256,
		  "40f56f307e5897eac346ac7c852f1d7139feb766f851edc8246a4189bcf2a740" },
		{ HASH_SHA2_384,
		  "d0a096e6ea9a4dd4e7642c8683709ba3d1d821f2bc9c2fca7f9797ae7955b606130e692c"
		  "20e2d87f5fae71b8ca89e19b" },
		{ HASH_SHA2_512,
		  "1acab29014dbe8dbaa8a2c197b5e297b906e261e071068f9c4115a4cbac2782f128ab905"
		  "6f8c353c03183df2e5a4fc5905a32814e4e06b6eb87c0ee6e1d2f9d2" },
		{ HASH_MD5, "b71625805488606cac34bd583898f6c1" },
	};
	uint8_t ni[32], nr[32], gxy[128];

	for (size_t i = 0; i < ARRAY_SIZE(sig); i++) {
		struct ikev1_keys keys = { 0 };

		ikev1_skeyid_sig(&keys, sig[i].hash, hex_bytes(GXY, gxy, sizeof(gxy)),
				 hex_bytes(NI, ni, sizeof(ni)), hex_bytes(NR, nr, sizeof(nr)));
		assert_int_equal(keys.hash, sig[i].hash);
		assert_true(hex_eq(secret_slice(&keys.skeyid), sig[i].skeyid));
		ikev1_keys_free(&keys);
		assert_int_equal(secret_pool_used(), 0);
	}
}

static void check_keymat(const struct ikev1_keys *keys, const char *gqm_text, const char *want)
{
	uint8_t ni_buf[16], nr_buf[16], gqm_buf[48], want_buf[KEYMAT_LEN];
	struct slice ni = hex_bytes(QUICK_NI, ni_buf, sizeof(ni_buf));
	struct slice nr = hex_bytes(QUICK_NR, nr_buf, sizeof(nr_buf));
	struct slice gqm = hex_bytes(gqm_text, gqm_buf, sizeof(gqm_buf));
	struct slice all = hex_bytes(want, want_buf, sizeof(want_buf));
	struct secret out;

	for (size_t n = 1; n <= KEYMAT_LEN; n++) {
		ikev1_keymat(keys, gqm, PROTO_IPSEC_ESP, SPI, ni, nr, &out, n);
		assert_true(slice_eq(secret_slice(&out), slice(all.p, n)));
		secret_free(&out);
	}
}

static void test_keymat(void **state)
{
	struct ikev1_keys keys;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		derive(&rows[i], &keys);
		check_keymat(&keys, "", rows[i].keymat);
		check_keymat(&keys, GQM, rows[i].keymat_pfs);
		ikev1_keys_free(&keys);
		assert_int_equal(secret_pool_used(), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_skeyid_chain),
		cmocka_unit_test(test_skeyid_of_signatures),
		cmocka_unit_test(test_keymat),
	};

	if (crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
