/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RSA keys that are none, and signatures that anybody could make for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/err.h"
#include "crypto/cert_impl.h"
#include "crypto/crypto.h"
#include "tests/support/certs.h"

#define SIZE 256

static uint8_t modulus[SIZE + 1]; /* with the zero that makes it positive */
static uint8_t der[CERT_SIZE_MAX];
static struct slice leaf_spki;

static int setup(void **state)
{
	struct cert_info info;
	struct slice rest;
	struct rd r;

	assert_int_equal(crypto_init(), 0);
	assert_int_equal(cert_info_parse(certs_der("direct", der), &info), 0);
	leaf_spki = info.spki;
	rd_init(&r, leaf_spki);
	rest = der_take(&r, DER_SEQUENCE);
	rd_init(&r, rest);
	der_take(&r, DER_SEQUENCE);
	rest = der_take(&r, 0x03);
	rd_init(&r, slice(rest.p + 1, rest.n - 1));
	rest = der_take(&r, DER_SEQUENCE);
	rd_init(&r, rest);
	rest = der_take(&r, DER_INTEGER);
	assert_int_equal(rest.n, sizeof(modulus));
	memcpy(modulus, rest.p, rest.n);
	return 0;
}

/* A subjectPublicKeyInfo. */
static struct slice key(struct slice n, struct slice e)
{
	/* rsaEncryption, and no parameters. */
	static const uint8_t algorithm[] = { 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
					     0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00 };
	static uint8_t inner[1024], bits[1024], both[1024], out[1024];
	struct wr w;

	wr_init(&w, inner, sizeof(inner));
	der_put(&w, DER_INTEGER, n);
	der_put(&w, DER_INTEGER, e);
	n = wr_done(&w);
	wr_init(&w, bits, sizeof(bits));
	wr_u8(&w, 0); /* unused bits */
	der_put(&w, DER_SEQUENCE, n);
	n = wr_done(&w);
	wr_init(&w, both, sizeof(both));
	wr_slice(&w, SLICE_OF(algorithm));
	der_put(&w, 0x03, n);
	n = wr_done(&w);
	wr_init(&w, out, sizeof(out));
	der_put(&w, DER_SEQUENCE, n);
	return wr_done(&w);
}

static void keys_of_this_form_are_read(void **state)
{
	assert_int_equal(cert_rsa_bits(leaf_spki), 2048);
	assert_int_equal(cert_rsa_bits(key(SLICE_OF(modulus), slice("\x01\x00\x01", 3))), 2048);
	assert_int_equal(cert_rsa_bits(key(SLICE_OF(modulus), SLICE_STR("\x03"))), 2048);
}

static void exponents_that_are_none(void **state)
{
	uint8_t even[SIZE + 1];

	assert_int_equal(cert_rsa_bits(key(SLICE_OF(modulus), SLICE_NONE)), 0);
	assert_int_equal(cert_rsa_bits(key(SLICE_OF(modulus), slice("\0", 1))), 0);
	assert_int_equal(cert_rsa_bits(key(SLICE_OF(modulus), SLICE_STR("\x01"))), 0);
	assert_int_equal(cert_rsa_bits(key(SLICE_OF(modulus), SLICE_STR("\x02"))), 0);
	assert_int_equal(cert_rsa_bits(key(SLICE_OF(modulus), slice("\x01\x00\x00", 3))), 0);
	assert_int_equal(cert_rsa_bits(key(SLICE_OF(modulus), SLICE_OF(modulus))), 0);
	memcpy(even, modulus, sizeof(even));
	even[SIZE] &= 0xfe;
	assert_int_equal(cert_rsa_bits(key(SLICE_OF(even), SLICE_STR("\x03"))), 0);
	assert_int_equal(cert_rsa_bits(key(slice("\0", 1), SLICE_STR("\x03"))), 0);
	assert_int_equal(cert_rsa_bits(key(SLICE_STR("\x01"), SLICE_STR("\x03"))), 0);
	assert_int_equal(cert_rsa_bits(key(SLICE_NONE, SLICE_STR("\x03"))), 0);
}

/* What a signature is made of, unsigned: with an exponent of 1 it would be one. */
static void exponent_1_signs_nothing(void **state)
{
	static const uint8_t hash[32] = { 1, 2, 3 };
	uint8_t s[SIZE];

	memset(s, 0xff, sizeof(s));
	s[0] = 0;
	s[1] = 1;
	s[SIZE - sizeof(hash) - 1] = 0;
	memcpy(s + SIZE - sizeof(hash), hash, sizeof(hash));
	assert_int_equal(cert_rsa_check(key(SLICE_OF(modulus), SLICE_STR("\x01")), SLICE_OF(hash),
					SLICE_OF(s)),
			 ERR_AUTH);
}

/* Zero, one and the modulus less one are their own signatures, or each other's. */
static void signatures_without_a_key(void **state)
{
	static const uint8_t hash[32];
	struct slice spki = key(SLICE_OF(modulus), slice("\x01\x00\x01", 3));
	uint8_t s[SIZE] = { 0 };

	assert_int_equal(cert_rsa_check(spki, SLICE_OF(hash), SLICE_OF(s)), ERR_AUTH);
	assert_int_equal(cert_rsa_check(spki, SLICE_NONE, SLICE_OF(s)), ERR_AUTH);
	s[SIZE - 1] = 1;
	assert_int_equal(cert_rsa_check(spki, SLICE_OF(hash), SLICE_OF(s)), ERR_AUTH);
	memcpy(s, modulus + 1, SIZE);
	assert_int_equal(cert_rsa_check(spki, SLICE_OF(hash), SLICE_OF(s)), ERR_AUTH);
	s[SIZE - 1]--;
	assert_int_equal(cert_rsa_check(spki, SLICE_OF(hash), SLICE_OF(s)), ERR_AUTH);
	assert_int_equal(cert_rsa_check(spki, SLICE_OF(hash), SLICE_NONE), ERR_AUTH);
}

/* s += n; false when that is too large. */
static bool add_modulus(uint8_t s[SIZE])
{
	unsigned carry = 0;

	for (unsigned i = SIZE; i-- > 0;) {
		carry += s[i] + modulus[i + 1];
		s[i] = (uint8_t)carry;
		carry >>= 8;
	}
	return carry == 0;
}

/* Each signature has one form. */
static void another_form_of_a_signature(void **state)
{
	struct credentials *c = certs_load("root.pem", "direct.pem", "leaf.key");
	uint8_t s[CERT_SIGNATURE_MAX], hash[32] = { 0 };
	unsigned tried = 0;

	for (unsigned i = 0; i < 200 && tried < 3; i++) {
		hash[0] = (uint8_t)i;
		assert_int_equal(credentials_sign(c, crypto_rng(), SLICE_OF(hash), s), SIZE);
		assert_int_equal(cert_rsa_check(leaf_spki, SLICE_OF(hash), slice(s, SIZE)), 0);
		if (!add_modulus(s))
			continue;
		tried++;
		assert_int_equal(cert_rsa_check(leaf_spki, SLICE_OF(hash), slice(s, SIZE)),
				 ERR_AUTH);
	}
	assert_true(tried > 0);
	credentials_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_this_form_are_read),
		cmocka_unit_test(exponents_that_are_none),
		cmocka_unit_test(exponent_1_signs_nothing),
		cmocka_unit_test(signatures_without_a_key),
		cmocka_unit_test(another_form_of_a_signature),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
