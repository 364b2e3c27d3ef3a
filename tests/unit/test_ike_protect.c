/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The expected values were computed by an independent program in Python (hmac, hashlib, AES). */
#include "ike/protect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define ID 0xcafe0001u

static uint8_t ni[32], nr[24], gxy[32], gxi[64], gxr[64], rest[50], last[16];
static const uint8_t cookies[] = { 1,	 2,    3,    4,	   5,	 6,    7,    8,
				   0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18 };
static struct ikev1_keys keys;

static size_t unhex(const char *hex, uint8_t *out, size_t size)
{
	size_t n = strlen(hex) / 2;

	assert_true(n <= size);
	for (size_t i = 0; i < n; i++) {
		char two[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

		out[i] = (uint8_t)strtoul(two, NULL, 16);
	}
	return n;
}

static void expect(const uint8_t *got, const char *hex)
{
	uint8_t want[256];
	size_t n = unhex(hex, want, sizeof(want));

	assert_memory_equal(got, want, n);
}

static int setup(void **state)
{
	(void)state;
	assert_int_equal(crypto_init(), 0);
	for (unsigned i = 0; i < sizeof(ni); i++)
		ni[i] = (uint8_t)i;
	for (unsigned i = 0; i < sizeof(nr); i++)
		nr[i] = (uint8_t)(0x40 + i);
	for (unsigned i = 0; i < sizeof(gxy); i++)
		gxy[i] = (uint8_t)(7 * i + 1);
	for (unsigned i = 0; i < sizeof(rest); i++)
		rest[i] = (uint8_t)(3 * i);
	for (unsigned i = 0; i < sizeof(last); i++)
		last[i] = (uint8_t)(0xf0 + i);
	memset(gxi, 0xaa, sizeof(gxi));
	memset(gxr, 0xbb, sizeof(gxr));
	ikev1_skeyid_psk(&keys, HASH_SHA2_256, SLICE_STR("correct horse"), SLICE_OF(ni),
			 SLICE_OF(nr));
	ikev1_skeyid_derive(&keys, SLICE_OF(gxy), SLICE_OF(cookies), IKE_CIPHER_AES_CBC, 16);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ikev1_keys_free(&keys);
	return 0;
}

static void phase2_hashes(void **state)
{
	uint8_t out[HASH_MAX];

	(void)state;
	protect_hash_phase2(&keys, &(struct protect_hash){ .number = 1 }, ID, SLICE_OF(rest), out);
	expect(out, "ae02e72f8981e31115bd49edeb8ddba87a79656766c662bc6b168076425b201c");
	protect_hash_phase2(&keys, &(struct protect_hash){ 2, SLICE_OF(ni), SLICE_OF(nr) }, ID,
			    SLICE_OF(rest), out);
	expect(out, "ca32f56b9f192514142eafb6789ff94db43b1afb169382a6bca81e39054e1dff");
	protect_hash_phase2(&keys, &(struct protect_hash){ 3, SLICE_OF(ni), SLICE_OF(nr) }, ID,
			    SLICE_OF(rest), out);
	expect(out, "577952a0db0811f2444db12e642bacbf523c8c19393394f55bfd250b5b8bcca8");
}

static void main_hashes(void **state)
{
	const struct protect_end i = { SLICE_OF(gxi), slice(cookies, 8) };
	const struct protect_end r = { SLICE_OF(gxr), slice(cookies + 8, 8) };
	static const uint8_t id[] = "\x02\0\0\0gw.example.com";
	uint8_t sai[40], out[HASH_MAX];

	(void)state;
	memset(sai, 0x5a, sizeof(sai));
	protect_hash_main(&keys, &i, &r, SLICE_OF(sai), slice(id, sizeof(id) - 1), out);
	expect(out, "2910567a6d7c323f9a4d2a5150e39f19c54a2db9c6f7c7972602e692e9a6a609");
	protect_hash_main(&keys, &r, &i, SLICE_OF(sai), slice(id, sizeof(id) - 1), out);
	expect(out, "a58b7d27bf2e114c682698938589216bd2c4712379ec25e1ec01b2c0f17afd34");
}

static void first_ivs(void **state)
{
	uint8_t iv[PROTECT_BLOCK];

	(void)state;
	protect_iv_phase1(HASH_SHA2_256, SLICE_OF(gxi), SLICE_OF(gxr), iv);
	expect(iv, "512bf124b47b1c24f0aace1ad31d96c2");
	protect_iv_phase2(&keys, last, ID, iv);
	expect(iv, "f2390fdf69942954769fa4ec90b8846c");
	expect(keys.key.p, "08041128b7a5e9bee013f8aaba9e1115");
}

static const char informational[] =
	"0102030405060708111213141516171808100501cafe00010000005cbca16091f55c9718aa60d2d4812caf55"
	"1b54fee050d2a2a6db5d5beb3559ef88146925ac440d56540f152a9ca9414c1fb841412839085a9998f0fd49"
	"9f161cad";

static void seals_a_message(void **state)
{
	static const uint8_t spi[] = { 0x11, 0x22, 0x33, 0x44 };
	struct ike_header h = { .exchange = ISAKMP_INFORMATIONAL, .id = ID };
	uint8_t buf[256], iv[PROTECT_BLOCK];
	struct ike_writer b;
	struct slice done;

	(void)state;
	memcpy(h.cookie_i, cookies, 8);
	memcpy(h.cookie_r, cookies + 8, 8);
	protect_begin(&b, buf, sizeof(buf), &h, HASH_SHA2_256);
	delete_write(&b, PROTOCOL_ESP, SLICE_OF(spi));
	protect_iv_phase2(&keys, last, ID, iv);
	done = protect_finish(&b, &keys, &(struct protect_hash){ .number = 1 }, ID, iv);
	assert_int_equal(done.n, strlen(informational) / 2);
	expect(done.p, informational);
	assert_memory_equal(iv, done.p + done.n - 16, 16);
}

static void opens_a_message(void **state)
{
	uint8_t bytes[256], buf[IKE_MESSAGE_MAX], iv[PROTECT_BLOCK], next[PROTECT_BLOCK];
	const struct protect_hash hash = { .number = 1 };
	struct delete_payload d;
	struct ike_msg m, opened;
	size_t n = unhex(informational, bytes, sizeof(bytes));

	(void)state;
	assert_int_equal(ike_msg_parse(slice(bytes, n), &m), 0);
	protect_iv_phase2(&keys, last, ID, iv);
	assert_int_equal(protect_open(&keys, iv, &m, buf, &opened, next), 0);
	assert_int_equal(protect_verify(&keys, &hash, &opened), 0);
	assert_int_equal(delete_parse(ike_msg_body(&opened, PAYLOAD_DELETE), &d), 0);
	assert_int_equal(get_be32(d.spis.p), 0x11223344);
	assert_memory_equal(next, bytes + n - 16, 16);
	/* Any change of what is covered shows. */
	buf[50] ^= 1;
	assert_int_equal(protect_verify(&keys, &hash, &opened), ERR_AUTH);
	buf[50] ^= 1;
	opened.h.id++;
	assert_int_equal(protect_verify(&keys, &hash, &opened), ERR_AUTH);
	opened.h.id--;
	assert_int_equal(protect_verify(&keys,
					&(struct protect_hash){ 2, SLICE_OF(ni), SLICE_NONE },
					&opened),
			 ERR_AUTH);
}

/* Blocks of 8 bytes, and a key that is longer than the hash: computed with Python's cryptography. */
static const char informational_3des[] =
	"0102030405060708111213141516171808100501cafe000100000044ba42a78ffba61cea66cb97e0"
	"6c1ccd9e9737d61c431733cc3175c86d86024541947371928553c679";

static void blocks_of_3des(void **state)
{
	static const uint8_t spi[] = { 0x11, 0x22, 0x33, 0x44 };
	const struct protect_hash hash = { .number = 1 };
	struct ike_header h = { .exchange = ISAKMP_INFORMATIONAL, .id = ID };
	uint8_t buf[IKE_MESSAGE_MAX], iv[PROTECT_BLOCK], next[PROTECT_BLOCK],
		opened_buf[IKE_MESSAGE_MAX];
	struct ikev1_keys k = { 0 };
	struct ike_msg m, opened;
	struct ike_writer b;
	struct slice done;

	(void)state;
	ikev1_skeyid_psk(&k, HASH_MD5, SLICE_STR("correct horse"), SLICE_OF(ni), SLICE_OF(nr));
	ikev1_skeyid_derive(&k, SLICE_OF(gxy), SLICE_OF(cookies), IKE_CIPHER_3DES_CBC, 24);
	expect(k.key.p, "d299520f635f40281c2b520c135362c32f8454d39ba7ab49");
	memcpy(h.cookie_i, cookies, 8);
	memcpy(h.cookie_r, cookies + 8, 8);
	protect_begin(&b, buf, sizeof(buf), &h, HASH_MD5);
	delete_write(&b, PROTOCOL_ESP, SLICE_OF(spi));
	protect_iv_phase2(&k, last, ID, iv);
	expect(iv, "59435db24bbb6834");
	done = protect_finish(&b, &k, &hash, ID, iv);
	assert_int_equal(done.n, strlen(informational_3des) / 2);
	expect(done.p, informational_3des);
	assert_memory_equal(iv, done.p + done.n - 8, 8);

	assert_int_equal(ike_msg_parse(done, &m), 0);
	protect_iv_phase2(&k, last, ID, iv);
	assert_int_equal(protect_open(&k, iv, &m, opened_buf, &opened, next), 0);
	assert_int_equal(protect_verify(&k, &hash, &opened), 0);
	assert_memory_equal(next, done.p + done.n - 8, 8);
	m.body.n -= 4;
	assert_int_equal(protect_open(&k, iv, &m, opened_buf, &opened, next), ERR_MALFORMED);
	ikev1_keys_free(&k);
}

/* A HASH cut short or drawn out is no HASH, nor is one that does not come first. */
static void hash_of_another_length(void **state)
{
	const struct protect_hash hash = { .number = 1 };
	uint8_t body[128], want[HASH_MAX];
	struct ike_msg m = { .h = { .id = ID } };

	(void)state;
	memset(body, 0, sizeof(body));
	for (size_t n = 0; n <= 64; n++) {
		size_t total = 4 + n + 8;

		put_be16(body + 2, (uint16_t)(4 + n));
		body[0] = PAYLOAD_NONCE;
		memset(body + 4 + n, 0, 8);
		put_be16(body + 4 + n + 2, 8);
		protect_hash_phase2(&keys, &hash, ID, slice(body + 4 + n, 8), want);
		memcpy(body + 4, want, n);
		m.h.next = PAYLOAD_HASH;
		assert_int_equal(ike_msg_parse_chain(&m, slice(body, total)), 0);
		assert_int_equal(protect_verify(&keys, &hash, &m), n == 32 ? 0 : ERR_AUTH);
		m.h.next = PAYLOAD_ID;
		assert_int_equal(ike_msg_parse_chain(&m, slice(body, total)), 0);
		assert_int_equal(protect_verify(&keys, &hash, &m), ERR_AUTH);
	}
	m.n = 0;
	assert_int_equal(protect_verify(&keys, &hash, &m), ERR_AUTH);
}

static void lengths_that_are_no_ciphertext(void **state)
{
	uint8_t bytes[64] = { 0 }, buf[IKE_MESSAGE_MAX], iv[16] = { 0 }, next[16];
	struct ike_msg m = { .h = { .next = PAYLOAD_HASH } }, out;

	(void)state;
	for (size_t n = 0; n <= 48; n++) {
		m.body = slice(bytes, n);
		assert_int_equal(protect_open(&keys, iv, &m, buf, &out, next), ERR_MALFORMED);
	}
}

static void no_room_to_seal(void **state)
{
	struct ike_header h = { .exchange = ISAKMP_QUICK, .id = ID };
	uint8_t buf[256], iv[PROTECT_BLOCK] = { 1 }, before[PROTECT_BLOCK] = { 1 };
	const struct protect_hash hash = { .number = 1 };
	struct ike_writer b;

	(void)state;
	/* 28 + 36 + 12 of payload, padded to 28 + 48. */
	for (size_t size = 0; size < 76; size++) {
		protect_begin(&b, buf, size, &h, HASH_SHA2_256);
		ike_write_body(&b, PAYLOAD_NONCE, slice(ni, 8));
		assert_int_equal(protect_finish(&b, &keys, &hash, ID, iv).n, 0);
		assert_memory_equal(iv, before, sizeof(iv));
	}
	protect_begin(&b, buf, 76, &h, HASH_SHA2_256);
	ike_write_body(&b, PAYLOAD_NONCE, slice(ni, 8));
	assert_int_equal(protect_finish(&b, &keys, &hash, ID, iv).n, 76);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(phase2_hashes),
		cmocka_unit_test(main_hashes),
		cmocka_unit_test(first_ivs),
		cmocka_unit_test(seals_a_message),
		cmocka_unit_test(opens_a_message),
		cmocka_unit_test(hash_of_another_length),
		cmocka_unit_test(lengths_that_are_no_ciphertext),
		cmocka_unit_test(no_room_to_seal),
		cmocka_unit_test(blocks_of_3des),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
