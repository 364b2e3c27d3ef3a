/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Passwords as Cisco's client hides them: two values that a public encoder (cisco-encrypt) gives in
 * its documentation, and what an encoder of our own makes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/err.h"
#include "crypto/cisco.h"
#include "crypto/crypto.h"
#include "tests/support/hex.h"

/* The public encoder hides the end of the text, too. */
static const struct {
	const char *hidden;
	const char *text;
	size_t n;
} rows[] = {
	{ "7F407242A6A26402FFAB80AE33EFB61988873B7DA8C930FE599AC158E5CE9B50653D081216BFFB587C38C29E"
	  "02684BF5039E80D9807CC1D6",
	  "mygroupsecret", 14 },
	{ "3822F82D77C7CD8B6B617B54B13183C00A1E4B998D66E3BDA25182A1C1D331EF99B22FCC57C4248688D5926A"
	  "29FE18D21819FB55E2E35EEF",
	  "myusersecret", 13 },
};

static int set_up(void **state)
{
	return crypto_init();
}

static void published_values(void **state)
{
	uint8_t hidden[128];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct secret s = { 0 };
		struct slice h = hex_bytes(rows[i].hidden, hidden, sizeof(hidden));

		assert_int_equal(cisco_password_open(h, &s), 0);
		assert_int_equal(s.n, rows[i].n);
		assert_memory_equal(s.p, rows[i].text, rows[i].n);
		secret_free(&s);
	}
	assert_int_equal(secret_pool_used(), 0);
}

/* The other way round, from the description alone. `padding` is what the last bytes say. */
static size_t hide(const char *text, size_t n, const uint8_t seed[20], uint8_t padding,
		   uint8_t *out)
{
	uint8_t changed[20], key[24], hash[20];
	struct slice part = SLICE_OF(changed), cipher;
	size_t whole = n + 8 - n % 8;

	memcpy(changed, seed, 20);
	changed[19] = (uint8_t)(seed[19] + 1);
	hash_parts(HASH_SHA1, &part, 1, key);
	changed[19] = (uint8_t)(seed[19] + 3);
	hash_parts(HASH_SHA1, &part, 1, hash);
	memcpy(key + 20, hash, 4);
	memcpy(out, seed, 20);
	memcpy(out + 40, text, n);
	memset(out + 40 + n, padding, whole - n);
	assert_int_equal(cbc_encrypt(IKE_CIPHER_3DES_CBC, SLICE_OF(key), seed, out + 40, whole), 0);
	cipher = slice(out + 40, whole);
	hash_parts(HASH_SHA1, &cipher, 1, out + 20);
	return 40 + whole;
}

static void every_length(void **state)
{
	static const char text[] = "abcdefghijklmnopqrstuvwxyz0123456789!$%&/()=?";
	uint8_t seed[20], hidden[128];

	for (size_t n = 0; n < sizeof(text); n++) {
		struct secret s = { 0 };
		size_t size;

		/* 0xff and 0xfd: what is added to the last byte of the seed wraps */
		memset(seed, (int)(0xff - n % 4), sizeof(seed));
		size = hide(text, n, seed, (uint8_t)(8 - n % 8), hidden);
		assert_int_equal(cisco_password_open(slice(hidden, size), &s), 0);
		assert_int_equal(s.n, n);
		if (n)
			assert_memory_equal(s.p, text, n);
		secret_free(&s);
	}
}

static void bad_lengths(void **state)
{
	uint8_t hidden[128];
	size_t n = hex_bytes(rows[0].hidden, hidden, sizeof(hidden)).n;
	struct secret s = { 0 };

	for (size_t cut = 0; cut < n; cut++) {
		int want = cut == 48 ? ERR_AUTH : ERR_MALFORMED;

		assert_int_equal(cisco_password_open(slice(hidden, cut), &s), want);
		assert_null(s.p);
	}
}

static void every_byte_counts(void **state)
{
	uint8_t hidden[128];
	size_t n = hex_bytes(rows[0].hidden, hidden, sizeof(hidden)).n;

	for (size_t i = 20; i < n; i++) {
		struct secret s = { 0 };

		hidden[i] ^= 0x10;
		assert_int_equal(cisco_password_open(slice(hidden, n), &s), ERR_AUTH);
		assert_null(s.p);
		hidden[i] ^= 0x10;
	}
}

static void bad_padding(void **state)
{
	static const uint8_t paddings[] = { 0, 9, 0xff };
	uint8_t seed[20] = { 1 }, hidden[128];
	struct secret s = { 0 };

	for (size_t i = 0; i < sizeof(paddings); i++) {
		size_t n = hide("abc", 3, seed, paddings[i], hidden);

		assert_int_equal(cisco_password_open(slice(hidden, n), &s), ERR_MALFORMED);
		assert_null(s.p);
	}
	assert_int_equal(secret_pool_used(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_values), cmocka_unit_test(every_length),
		cmocka_unit_test(bad_lengths),	    cmocka_unit_test(every_byte_counts),
		cmocka_unit_test(bad_padding),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
