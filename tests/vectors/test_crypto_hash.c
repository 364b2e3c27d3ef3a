/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SHA-1 and SHA-2: FIPS 180-2 appendices A to D. HMAC: RFC 2202 section 3, RFC 4231 section 4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "tests/support/hex.h"

static const struct {
	enum hash_alg alg;
	const char *text;
	const char *hash;
} hash_rows[] = {
	{ HASH_MD5, "", "d41d8cd98f00b204e9800998ecf8427e" },
	{ HASH_MD5, "a", "0cc175b9c0f1b6a831c399e269772661" },
	{ HASH_MD5, "abc", "900150983cd24fb0d6963f7d28e17f72" },
	{ HASH_MD5, "message digest", "f96b697d7cb7938d525a2f31aaf161d0" },
	{ HASH_MD5, "abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b" },
	{ HASH_MD5, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
	  "d174ab98d277d9f5a5611c2c9f419d9f" },
	{ HASH_MD5,
	  "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
	  "57edf4a22be3c955ac49da2e2107b67a" },
	{ HASH_SHA1, "", "da39a3ee5e6b4b0d3255bfef95601890afd80709" },
	{ HASH_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d" },
	{ HASH_SHA1, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	  "84983e441c3bd26ebaae4aa1f95129e5e54670f1" },
	{ HASH_SHA2_256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ HASH_SHA2_256, "abc",
	  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ HASH_SHA2_256, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	{ HASH_SHA2_384, "",
	  "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebf"
	  "e76f65fbd51ad2f14898b95b" },
	{ HASH_SHA2_384, "abc",
	  "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072b"
	  "a1e7cc2358baeca134c825a7" },
	{ HASH_SHA2_384, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	  "3391fdddfc8dc7393707a65b1b4709397cf8b1d162af05abfe8f450de5f36bc6b0455a85"
	  "20bc4e6f5fe95b1fe3c8452b" },
	{ HASH_SHA2_512, "",
	  "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c"
	  "5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e" },
	{ HASH_SHA2_512, "abc",
	  "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a"
	  "274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f" },
	{ HASH_SHA2_512, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	  "204a8fc6dda82f0a0ced7beb8e08a41657c16ef468b228a8279be331a703c33596fd15c1"
	  "3b1b07f9aa1d3bea57789ca031ad85c7a71dd70354ec631238ca3445" },
};

static const struct {
	enum hash_alg alg;
	const char *key;
	const char *data;
	const char *mac;
} hmac_rows[] = {
	{ HASH_MD5, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
	  "9294727a3638bb1c13f48ef8158bfc9d" },
	{ HASH_MD5, "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  "750c783e6ab0b503eaa86e310a5db738" },
	{ HASH_MD5, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
	  "dddddddddddddddddddddddddddd",
	  "56be34521d144c88dbb8c733f0e8b3f6" },
	{ HASH_MD5, "0102030405060708090a0b0c0d0e0f10111213141516171819",
	  "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
	  "cdcdcdcdcdcdcdcdcdcdcdcdcdcd",
	  "697eaf0aca3a3aea3a75164746ffaa79" },
	{ HASH_MD5, "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c", "546573742057697468205472756e636174696f6e",
	  "56461ef2342edc00f9bab995690efd4c" },
	{ HASH_MD5,
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaa",
	  "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b65"
	  "79202d2048617368204b6579204669727374",
	  "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd" },
	{ HASH_MD5,
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaa",
	  "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b65"
	  "7920616e64204c6172676572205468616e204f6e6520426c6f636b2d53697a6520446174"
	  "61",
	  "6f630fad67cda0ee1fb1f562db3aa53e" },
	{ HASH_SHA1, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
	  "b617318655057264e28bc0b6fb378c8ef146be00" },
	{ HASH_SHA1, "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79" },
	{ HASH_SHA1, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
	  "dddddddddddddddddddddddddddd",
	  "125d7342b9ac11cd91a39af48aa17b4f63f175d3" },
	{ HASH_SHA1, "0102030405060708090a0b0c0d0e0f10111213141516171819",
	  "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
	  "cdcdcdcdcdcdcdcdcdcdcdcdcdcd",
	  "4c9007f4026250c6bc8414f9bf50c86c2d7235da" },
	{ HASH_SHA1, "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c",
	  "546573742057697468205472756e636174696f6e", "4c1a03424b55e07fe7f27be1d58bb9324a9a5a04" },
	{ HASH_SHA1,
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaa",
	  "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b65"
	  "79202d2048617368204b6579204669727374",
	  "aa4ae5e15272d00e95705637ce8a3b55ed402112" },
	{ HASH_SHA1,
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaa",
	  "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b65"
	  "7920616e64204c6172676572205468616e204f6e6520426c6f636b2d53697a6520446174"
	  "61",
	  "e8e99d0f45237d786d6bbaa7965c7808bbff1a91" },
	{ HASH_SHA2_256, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
	  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
	{ HASH_SHA2_384, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
	  "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9"
	  "076ede7f4af152e8b2fa9cb6" },
	{ HASH_SHA2_512, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
	  "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7"
	  "d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854" },
	{ HASH_SHA2_256, "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
	{ HASH_SHA2_384, "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca"
	  "5e69e2c78b3239ecfab21649" },
	{ HASH_SHA2_512, "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75"
	  "c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737" },
	{ HASH_SHA2_256, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
	  "dddddddddddddddddddddddddddd",
	  "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
	{ HASH_SHA2_384, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
	  "dddddddddddddddddddddddddddd",
	  "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b2a5ab39d"
	  "c13814b94e3ab6e101a34f27" },
	{ HASH_SHA2_512, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
	  "dddddddddddddddddddddddddddd",
	  "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39bf3e8482"
	  "79a722c806b485a47e67c807b946a337bee8942674278859e13292fb" },
	{ HASH_SHA2_256, "0102030405060708090a0b0c0d0e0f10111213141516171819",
	  "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
	  "cdcdcdcdcdcdcdcdcdcdcdcdcdcd",
	  "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b" },
	{ HASH_SHA2_384, "0102030405060708090a0b0c0d0e0f10111213141516171819",
	  "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
	  "cdcdcdcdcdcdcdcdcdcdcdcdcdcd",
	  "3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e6801dd23"
	  "c4a7d679ccf8a386c674cffb" },
	{ HASH_SHA2_512, "0102030405060708090a0b0c0d0e0f10111213141516171819",
	  "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
	  "cdcdcdcdcdcdcdcdcdcdcdcdcdcd",
	  "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3dba91ca5c1"
	  "1aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd" },
	{ HASH_SHA2_256, "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c",
	  "546573742057697468205472756e636174696f6e",
	  "a3b6167473100ee06e0c796c2955552bfa6f7c0a6a8aef8b93f860aab0cd20c5" },
	{ HASH_SHA2_384, "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c",
	  "546573742057697468205472756e636174696f6e",
	  "3abf34c3503b2a23a46efc619baef897f4c8e42c934ce55ccbae9740fcbc1af4ca62269e"
	  "2a37cd88ba926341efe4aeea" },
	{ HASH_SHA2_512, "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c",
	  "546573742057697468205472756e636174696f6e",
	  "415fad6271580a531d4179bc891d87a650188707922a4fbb36663a1eb16da008711c5b50"
	  "ddd0fc235084eb9d3364a1454fb2ef67cd1d29fe6773068ea266e96b" },
	{ HASH_SHA2_256,
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b65"
	  "79202d2048617368204b6579204669727374",
	  "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
	{ HASH_SHA2_384,
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b65"
	  "79202d2048617368204b6579204669727374",
	  "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab"
	  "4030fe8296248df163f44952" },
	{ HASH_SHA2_512,
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b65"
	  "79202d2048617368204b6579204669727374",
	  "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037"
	  "e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598" },
	{ HASH_SHA2_256,
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "5468697320697320612074657374207573696e672061206c6172676572207468616e2062"
	  "6c6f636b2d73697a65206b657920616e642061206c6172676572207468616e20626c6f63"
	  "6b2d73697a6520646174612e20546865206b6579206e6565647320746f20626520686173"
	  "686564206265666f7265206265696e6720757365642062792074686520484d414320616c"
	  "676f726974686d2e",
	  "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2" },
	{ HASH_SHA2_384,
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "5468697320697320612074657374207573696e672061206c6172676572207468616e2062"
	  "6c6f636b2d73697a65206b657920616e642061206c6172676572207468616e20626c6f63"
	  "6b2d73697a6520646174612e20546865206b6579206e6565647320746f20626520686173"
	  "686564206265666f7265206265696e6720757365642062792074686520484d414320616c"
	  "676f726974686d2e",
	  "6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5a678cc31"
	  "e799176d3860e6110c46523e" },
	{ HASH_SHA2_512,
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "5468697320697320612074657374207573696e672061206c6172676572207468616e2062"
	  "6c6f636b2d73697a65206b657920616e642061206c6172676572207468616e20626c6f63"
	  "6b2d73697a6520646174612e20546865206b6579206e6565647320746f20626520686173"
	  "686564206265666f7265206265696e6720757365642062792074686520484d414320616c"
	  "676f726974686d2e",
	  "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944b6022cac"
	  "3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58" },
};

static void test_hash(void **state)
{
	uint8_t out[HASH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(hash_rows); i++) {
		struct slice text = SLICE_STR(hash_rows[i].text);

		hash_parts(hash_rows[i].alg, &text, 1, out);
		assert_true(hex_eq(slice(out, hash_size(hash_rows[i].alg)), hash_rows[i].hash));
	}
}

static void test_hash_parts_are_one_text(void **state)
{
	const struct slice parts[] = { SLICE_STR("a"), SLICE_NONE, SLICE_STR("b"), SLICE_STR("c") };
	const struct slice whole = SLICE_STR("abc");
	uint8_t a[HASH_MAX], b[HASH_MAX];

	for (int alg = HASH_SHA1; alg <= HASH_MD5; alg++) {
		hash_parts((enum hash_alg)alg, parts, ARRAY_SIZE(parts), a);
		hash_parts((enum hash_alg)alg, &whole, 1, b);
		assert_memory_equal(a, b, hash_size((enum hash_alg)alg));
		hmac_parts((enum hash_alg)alg, whole, parts, ARRAY_SIZE(parts), a);
		hmac_parts((enum hash_alg)alg, whole, &whole, 1, b);
		assert_memory_equal(a, b, hash_size((enum hash_alg)alg));
	}
}

static void test_hmac(void **state)
{
	uint8_t key_buf[160], data_buf[200], out[HASH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(hmac_rows); i++) {
		struct slice key = hex_bytes(hmac_rows[i].key, key_buf, sizeof(key_buf));
		struct slice data = hex_bytes(hmac_rows[i].data, data_buf, sizeof(data_buf));

		hmac_parts(hmac_rows[i].alg, key, &data, 1, out);
		assert_true(hex_eq(slice(out, hash_size(hmac_rows[i].alg)), hmac_rows[i].mac));
	}
}

/* Keys around a block: padded, exact, hashed first. Computed with Python's hmac. */
static void test_hmac_key_lengths(void **state)
{
	static const struct {
		enum hash_alg alg;
		size_t key_len;
		const char *mac;
	} rows[] = {
		{ HASH_SHA1, 63, "3445a521862f41a47190a02e59361d0c000ba817" },
		{ HASH_SHA1, 64, "37f548970e6af1e4b2845618ac9e20b27513979e" },
		{ HASH_SHA1, 65, "ffe184f281ee81a99f4dc26a665eede67fc8afc2" },
		{ HASH_SHA2_256, 63,
		  "c8d16d80812db566bc9fabc5650becdf5b2aabe3ad4708d672f7507c35a93003" },
		{ HASH_SHA2_256, 64,
		  "6e761a526b6ed0be7978a64a6ddf004e88d9a6019ea7c3f83aec6293c4f37c30" },
		{ HASH_SHA2_256, 65,
		  "192e3fb2c1ea86964bdf0dad388e74d6a11fb2a4c6cc8df32a0523a29d94f02e" },
		{ HASH_SHA2_384, 127,
		  "bb2f56d6723c4e3f41dcfbf31aa9d92d312c85b2a3d96c9ced52d869b543448197ceeb10"
		  "afe524fe420b7f89f60e8fdf" },
		{ HASH_SHA2_384, 128,
		  "61d01673349863732bc605963ef5b805ac1cb8c6c668acb6ad6a6a01b5ea9301da6db544"
		  "2c4cc0df7fb275fac97d026c" },
		{ HASH_SHA2_384, 129,
		  "3c30818f4636d9f0e14bec02a34474e2047eccffa074ff898dc7ad6abad7d6ae3dd51595"
		  "64d22944a95b8918cefd590e" },
		{ HASH_SHA2_512, 127,
		  "92e5ee8c9ca5aa5ad945560a7943302c99d66941138c96a6034377165dc178f5ea4cdf20"
		  "17686d7b30fde78fd58b24d09be685b6b69f98dc129eee0bb0cad5bc" },
		{ HASH_SHA2_512, 128,
		  "81ab0b6dafceab5ac5e3e8fd1aba413b7226f5f19f4e4cc3ae4dfac4f8bb7ba13c79cc5e"
		  "7f77b344aa998bca57889ced3618480945399507792718a8c1ff7043" },
		{ HASH_SHA2_512, 129,
		  "6f40cfddc9698ca94b8c461eb8e813919378bcd105fe83f5cb93f90eeef51115b23195ed"
		  "0c8c68d8b8358dba646ea05bfdc3939d08121b340e584bac16526ee8" },
	};
	const struct slice text = SLICE_STR("text");
	uint8_t key[160], out[HASH_MAX];

	memset(key, 0x5a, sizeof(key));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		hmac_parts(rows[i].alg, slice(key, rows[i].key_len), &text, 1, out);
		assert_true(hex_eq(slice(out, hash_size(rows[i].alg)), rows[i].mac));
	}
	hmac_parts(HASH_SHA1, SLICE_NONE, NULL, 0, out);
	assert_true(hex_eq(slice(out, 20), "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d"));
}

static void test_names_and_sizes(void **state)
{
	static const struct {
		enum hash_alg alg;
		const char *name;
		size_t size;
	} rows[] = {
		{ HASH_SHA1, "sha1", 20 },
		{ HASH_SHA2_256, "sha256", 32 },
		{ HASH_SHA2_384, "sha384", 48 },
		{ HASH_SHA2_512, "sha512", 64 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_string_equal(hash_name(rows[i].alg), rows[i].name);
		assert_int_equal(hash_size(rows[i].alg), rows[i].size);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_hash_parts_are_one_text),
		cmocka_unit_test(test_hmac),
		cmocka_unit_test(test_hmac_key_lengths),
		cmocka_unit_test(test_names_and_sizes),
	};

	if (crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
