/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AES-CBC: RFC 3602 section 4 (cases 1 to 8; 5 to 8 are ESP packets), NIST SP 800-38A appendix F.2.
 * 3DES-CBC: the blocks of NIST SP 800-67 appendix B.1, each under an IV of zeros; a longer text
 * computed with Python's cryptography.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/err.h"
#include "crypto/crypto.h"
#include "tests/support/hex.h"

static const struct {
	const char *key;
	const char *iv;
	const char *plain;
	const char *cipher;
} rows[] = {
	{ /* case 1 */
	  "06a9214036b8a15b512e03d534120006", "3dafba429d9eb430b422da802c9fac41",
	  "53696e676c6520626c6f636b206d7367", "e353779c1079aeb82708942dbe77181a" },
	{ /* case 2 */
	  "c286696d887c9aa0611bbb3e2025a45a", "562e17996d093d28ddb3ba695a2e6f58",
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
	  "d296cd94c2cccf8a3a863028b5e1dc0a7586602d253cfff91b8266bea6d61ab1" },
	{ /* case 3 */
	  "6c3ea0477630ce21a2ce334aa746c2cd", "c782dc4c098c66cbd9cd27d825682c81",
	  "5468697320697320612034382d62797465206d657373616765202865786163746c792033"
	  "2041455320626c6f636b7329",
	  "d0a02b3836451753d493665d33f0e8862dea54cdb293abc7506939276772f8d5021c1921"
	  "6bad525c8579695d83ba2684" },
	{ /* case 4 */
	  "56e47a38c5598974bc46903dba290349", "8ce82eefbea0da3c44699ed7db51b7d9",
	  "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3"
	  "c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf",
	  "c30e32ffedc0774e6aff6af0869f71aa0f3af07a9a31a9c684db207eb0ef8e4e35907aa6"
	  "32c3ffdf868bb7b29d3d46ad83ce9f9a102ee99d49a53e87f4c3da55" },
	{ /* case 5 */
	  "90d382b410eeba7ad938c46cec1a82bf", "e96e8c08ab465763fd098d45dd3ff893",
	  "08000ebda70a00008e9c083db95b070008090a0b0c0d0e0f101112131415161718191a1b"
	  "1c1d1e1f202122232425262728292a2b2c2d2e2f30313233343536370102030405060708"
	  "090a0b0c0d0e0e01",
	  "f663c25d325c18c6a9453e194e120849a4870b66cc6b9965330013b4898dc856a4699e52"
	  "3a55db080b59ec3a8e4b7e52775b07d1db34ed9c538ab50c551b874aa269add047ad2d59"
	  "13ac19b7cfbad4a6" },
	{ /* case 6 */
	  "90d382b410eeba7ad938c46cec1a82bf", "69d08df7d203329db093fc4924e5bd80",
	  "0800b5e8a80a0500a69c083d0b660e0077777777777777777777777701020201",
	  "f51995881ec4e0c4488987ce742e8109689bb379d2d750c0d915dca346a89f75" },
	{ /* case 7 */
	  "0123456789abcdef0123456789abcdef", "f4e765244f6407adf13dc1380f673f37",
	  "45000054090400004001f988c0a87b03c0a87bc808009f76a90a0100b49c083d02a20400"
	  "08090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b"
	  "2c2d2e2f30313233343536370102030405060708090a0a04",
	  "773b5241a4c449225e4f3ce5ed611b0c237ca96cf74a93013c1b0ea1a0cf70f8e4ecaec7"
	  "8ac53aad7a0f022b859243c647752e94a859352b8a4d4d2decd136e5c177f132ad3fbfb2"
	  "201ac9904c74ee0a109e0ca1e4dfe9d5a100b842f1c22f0d" },
	{ /* case 8 */
	  "0123456789abcdef0123456789abcdef", "85d47224b5f3dd5d2101d4ea8dffab22",
	  "45000044090c00004001f990c0a87b03c0a87bc80800d63caa0a0200c69c083da3de0300"
	  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff01020304"
	  "05060708090a0a04",
	  "15b92683819596a8047232cc00f7048fe45318e11f8a0f62ede3c3fc61203bb50f980a08"
	  "c9843fd3a1b06d5c07ff9639b7eb7dfb3512e5de435e7207ed971ef3d2726d9b5ef6affc"
	  "6d17a0decbb13892" },
	{ /* NIST SP 800-38A F.2, AES-192 */
	  "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b", "000102030405060708090a0b0c0d0e0f",
	  "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46"
	  "a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
	  "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a571b2420"
	  "12fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd" },
	{ /* NIST SP 800-38A F.2, AES-256 */
	  "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
	  "000102030405060708090a0b0c0d0e0f",
	  "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46"
	  "a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
	  "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d39f23369"
	  "a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b" },
};

#define DES3_NIST "0123456789abcdef23456789abcdef01456789abcdef0123"

static const struct {
	const char *key;
	const char *iv;
	const char *plain;
	const char *cipher;
} des3_rows[] = {
	{ DES3_NIST, "0000000000000000", "5468652071756663", "a826fd8ce53b855f" },
	{ DES3_NIST, "0000000000000000", "6b2062726f776e20", "cce21c8112256fe6" },
	{ DES3_NIST, "0000000000000000", "666f78206a756d70", "68d5c05dd9b6b900" },
	{ "101112131415161718191a1b1c1d1e1f2021222324252627", "a0a1a2a3a4a5a6a7",
	  "030a11181f262d343b424950575e656c737a81888f969da4abb2b9c0c7ced5dce3eaf1f8"
	  "ff060d141b222930373e454c535a61686f767d848b9299a0a7aeb5bcc3cad1d8dfe6edf4",
	  "99187c2138bf85cdbcae691baaebb485379e1355eda2400d2ce2269b5cbf9f9484159bc4"
	  "f2ad0a5c196dddd130792ee362f61e2219757b59cd3689b0ea2582287a8a1b3b048cd1f1" },
};

static void test_3des_vectors(void **state)
{
	uint8_t key_buf[24], iv[8], data_buf[96];

	for (size_t i = 0; i < ARRAY_SIZE(des3_rows); i++) {
		struct slice key = hex_bytes(des3_rows[i].key, key_buf, sizeof(key_buf));
		struct slice data = hex_bytes(des3_rows[i].plain, data_buf, sizeof(data_buf));
		enum ike_cipher c = IKE_CIPHER_3DES_CBC;

		hex_bytes(des3_rows[i].iv, iv, sizeof(iv));
		assert_int_equal(cbc_encrypt(c, key, iv, data_buf, data.n), 0);
		assert_true(hex_eq(data, des3_rows[i].cipher));
		assert_true(hex_eq(SLICE_OF(iv), des3_rows[i].iv));
		assert_int_equal(cbc_decrypt(c, key, iv, data_buf, data.n), 0);
		assert_true(hex_eq(data, des3_rows[i].plain));
		assert_true(hex_eq(SLICE_OF(iv), des3_rows[i].iv));
	}
}

static void test_3des_bad_lengths(void **state)
{
	uint8_t key[33] = { 1 }, iv[8] = { 2 }, data[64], before[64];
	enum ike_cipher c = IKE_CIPHER_3DES_CBC;

	assert_int_equal(cbc_block(c), 8);
	assert_int_equal(cbc_block(IKE_CIPHER_AES_CBC), 16);
	memset(data, 0x77, sizeof(data));
	memcpy(before, data, sizeof(data));
	for (size_t n = 0; n <= 48; n++) {
		int want = n % 8 ? ERR_MALFORMED : 0;

		assert_int_equal(cbc_encrypt(c, slice(key, 24), iv, data, n), want);
		assert_int_equal(cbc_decrypt(c, slice(key, 24), iv, data, n), want);
		assert_memory_equal(data, before, sizeof(data));
	}
	for (size_t n = 0; n <= sizeof(key); n++) {
		int want = n == 24 ? 0 : ERR_UNSUPPORTED;

		assert_int_equal(cbc_encrypt(c, slice(key, n), iv, data, 32), want);
		assert_int_equal(cbc_decrypt(c, slice(key, n), iv, data, 32), want);
		assert_memory_equal(data, before, sizeof(data));
	}
}

static void test_vectors(void **state)
{
	uint8_t key_buf[32], iv[16], data_buf[96];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct slice key = hex_bytes(rows[i].key, key_buf, sizeof(key_buf));
		struct slice data = hex_bytes(rows[i].plain, data_buf, sizeof(data_buf));

		hex_bytes(rows[i].iv, iv, sizeof(iv));
		assert_int_equal(cbc_encrypt(IKE_CIPHER_AES_CBC, key, iv, data_buf, data.n), 0);
		assert_true(hex_eq(data, rows[i].cipher));
		assert_true(hex_eq(SLICE_OF(iv), rows[i].iv));
		assert_int_equal(cbc_decrypt(IKE_CIPHER_AES_CBC, key, iv, data_buf, data.n), 0);
		assert_true(hex_eq(data, rows[i].plain));
		assert_true(hex_eq(SLICE_OF(iv), rows[i].iv));
	}
}

/* IKEv1 goes on with the last block of ciphertext as the next IV. */
static void test_chained(void **state)
{
	uint8_t key[32] = { 1 }, iv[16] = { 2 }, whole[64] = { 3 }, parts[64] = { 3 };

	assert_int_equal(cbc_encrypt(IKE_CIPHER_AES_CBC, SLICE_OF(key), iv, whole, 64), 0);
	assert_int_equal(cbc_encrypt(IKE_CIPHER_AES_CBC, SLICE_OF(key), iv, parts, 32), 0);
	assert_int_equal(cbc_encrypt(IKE_CIPHER_AES_CBC, SLICE_OF(key), parts + 16, parts + 32, 32),
			 0);
	assert_memory_equal(whole, parts, 64);
}

static void test_bad_lengths(void **state)
{
	uint8_t key[33] = { 1 }, iv[16] = { 2 }, data[64], before[64];

	memset(data, 0x77, sizeof(data));
	memcpy(before, data, sizeof(data));
	for (size_t n = 0; n <= 48; n++) {
		int want = n % 16 ? ERR_MALFORMED : 0;

		assert_int_equal(cbc_encrypt(IKE_CIPHER_AES_CBC, slice(key, 16), iv, data, n),
				 want);
		assert_int_equal(cbc_decrypt(IKE_CIPHER_AES_CBC, slice(key, 16), iv, data, n),
				 want);
		assert_memory_equal(data, before, sizeof(data));
	}
	for (size_t n = 0; n <= sizeof(key); n++) {
		int want = n == 16 || n == 24 || n == 32 ? 0 : ERR_UNSUPPORTED;

		assert_int_equal(cbc_encrypt(IKE_CIPHER_AES_CBC, slice(key, n), iv, data, 32),
				 want);
		assert_int_equal(cbc_decrypt(IKE_CIPHER_AES_CBC, slice(key, n), iv, data, 32),
				 want);
		assert_memory_equal(data, before, sizeof(data));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),		 cmocka_unit_test(test_chained),
		cmocka_unit_test(test_bad_lengths),	 cmocka_unit_test(test_3des_vectors),
		cmocka_unit_test(test_3des_bad_lengths),
	};

	if (crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
