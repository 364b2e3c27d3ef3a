/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/unit/esp_parts.h"

/*
 * Made with scapy (and, for GCM, checked against Python's cryptography): vector_inner is
 * IP/UDP with 33 bytes of payload, sealed by scapy's SecurityAssociation.
 *	gcm: spi 0xc0ffee01, seq_num 0x01020304, iv = the same number in 8 bytes,
 *	     key 10 11 … 1f, salt a0 a1 a2 a3
 *	cbc: spi 0xc0ffee02, seq_num 7, iv b0 … bf, AES key 20 … 3f, SHA2-256-128 key 40 … 5f
 */
static const uint8_t vector_inner[] = {
	0x45, 0x00, 0x00, 0x3d, 0x00, 0x01, 0x00, 0x00, 0x40, 0x11, 0x66, 0xa2, 0x0a,
	0x01, 0x00, 0x02, 0x0a, 0x02, 0x00, 0x09, 0x12, 0x34, 0x00, 0x35, 0x00, 0x29,
	0xbc, 0xe0, 0x74, 0x68, 0x69, 0x72, 0x74, 0x79, 0x2d, 0x74, 0x68, 0x72, 0x65,
	0x65, 0x20, 0x62, 0x79, 0x74, 0x65, 0x73, 0x20, 0x6f, 0x66, 0x20, 0x70, 0x61,
	0x79, 0x6c, 0x6f, 0x61, 0x64, 0x2c, 0x20, 0x6f, 0x6b,
};
static const uint8_t vector_gcm[] = {
	0xc0, 0xff, 0xee, 0x01, 0x01, 0x02, 0x03, 0x04, 0x00, 0x00, 0x00, 0x00, 0x01, 0x02,
	0x03, 0x04, 0x8a, 0x56, 0x53, 0x6c, 0x28, 0xad, 0x67, 0x3a, 0xa4, 0xa3, 0xe9, 0x6b,
	0x5d, 0x3e, 0x3c, 0xad, 0x8a, 0x96, 0xa0, 0x3e, 0xa2, 0x0c, 0x5c, 0x65, 0x4e, 0x59,
	0xdd, 0xab, 0xe3, 0x22, 0x87, 0xf1, 0xb3, 0x4d, 0x25, 0xbb, 0x7f, 0xbe, 0x60, 0xd1,
	0xec, 0xbe, 0x06, 0xe1, 0xf3, 0x40, 0x59, 0xba, 0x87, 0x86, 0x06, 0x91, 0x41, 0x7f,
	0xe4, 0x53, 0x3b, 0x10, 0x58, 0x19, 0xc4, 0x1a, 0xab, 0xf7, 0xad, 0x36, 0x72, 0x93,
	0x08, 0x59, 0x32, 0x9e, 0x50, 0xa8, 0xf2, 0x95, 0x22, 0x1a, 0x69, 0x56,
};
static const uint8_t vector_cbc[] = {
	0xc0, 0xff, 0xee, 0x02, 0x00, 0x00, 0x00, 0x07, 0xb0, 0xb1, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6,
	0xb7, 0xb8, 0xb9, 0xba, 0xbb, 0xbc, 0xbd, 0xbe, 0xbf, 0x8a, 0xf3, 0x4c, 0xce, 0x4d, 0x43,
	0xf7, 0x02, 0xdd, 0x0c, 0xea, 0x58, 0xc3, 0xc7, 0xaa, 0x58, 0x80, 0x9f, 0xd5, 0x2c, 0x3c,
	0xa9, 0x04, 0x54, 0x17, 0x2d, 0x0e, 0xa3, 0x3e, 0x8a, 0xde, 0x40, 0x61, 0x61, 0xca, 0x8e,
	0x1a, 0x1c, 0x22, 0xce, 0xa0, 0xcf, 0x50, 0x3f, 0xc4, 0x5c, 0x3a, 0xbd, 0x1e, 0x93, 0x51,
	0x62, 0x54, 0x32, 0xe2, 0x3e, 0x09, 0x22, 0xa4, 0xfd, 0x6c, 0x20, 0x0f, 0x53, 0x44, 0x31,
	0x1c, 0x50, 0xf8, 0xd4, 0x6e, 0xee, 0x00, 0x41, 0x03, 0xaa, 0xc8, 0x2d, 0x5b, 0x01,
};
static const uint8_t vector_gcm_keymat[] = {
	0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19,
	0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0xa0, 0xa1, 0xa2, 0xa3,
};

static struct parts_batch pb;

static struct esp_sa_config vector_gcm_config(void)
{
	struct esp_sa_config c = parts_config(&suite_gcm, 0xc0ffee01);

	c.keymat = SLICE_OF(vector_gcm_keymat);
	c.first_sequence = 0x01020304;
	return c;
}

static void seals_byte_for_byte(void **state)
{
	struct esp_out *sa = parts_out(vector_gcm_config());
	struct pkt *p = parts_take(parts_batch(&pb), SLICE_OF(vector_inner));

	assert_int_equal(esp_seal(sa, p, 4), 0);
	assert_int_equal(p->len, sizeof(vector_gcm));
	assert_memory_equal(pkt_data(p), vector_gcm, sizeof(vector_gcm));
	assert_ptr_equal(p->path, &esp_out_config(sa)->path);
	assert_int_equal(esp_out_counters(sa)->packets, 1);
	assert_int_equal(esp_out_counters(sa)->bytes, sizeof(vector_inner));
	esp_out_free(sa);
}

static void opens_vector(struct esp_sa_config config, struct slice packet)
{
	struct esp_in *sa = parts_in(config);
	struct pkt *p = parts_take(parts_batch(&pb), packet);
	uint8_t next_header = 0;
	enum drop why;

	assert_int_equal(esp_open(sa, p, &next_header, &why), 0);
	assert_int_equal(next_header, 4);
	assert_int_equal(p->len, sizeof(vector_inner));
	assert_memory_equal(pkt_data(p), vector_inner, sizeof(vector_inner));
	assert_int_equal(esp_in_counters(sa)->packets, 1);
	assert_int_equal(esp_in_counters(sa)->bytes, sizeof(vector_inner));
	esp_in_free(sa);
}

static void opens_what_others_sealed(void **state)
{
	opens_vector(vector_gcm_config(), SLICE_OF(vector_gcm));
	opens_vector(parts_config(&suite_cbc, 0xc0ffee02), SLICE_OF(vector_cbc));
}

static void every_size_there_and_back(void **state)
{
	const struct esp_suite suites[] = {
		{ ESP_CIPHER_AES_GCM_16, 128, ESP_INTEG_NONE },
		{ ESP_CIPHER_AES_GCM_16, 256, ESP_INTEG_NONE },
		{ ESP_CIPHER_AES_CBC, 128, ESP_INTEG_HMAC_SHA1_96 },
		{ ESP_CIPHER_AES_CBC, 256, ESP_INTEG_HMAC_SHA2_256_128 },
		{ ESP_CIPHER_AES_CBC, 192, ESP_INTEG_HMAC_SHA2_512_256 },
		{ ESP_CIPHER_AES_CBC, 128, ESP_INTEG_HMAC_MD5_96 },
		{ ESP_CIPHER_AES_CBC, 256, ESP_INTEG_HMAC_SHA2_384_192 },
		{ ESP_CIPHER_AES_GCM_12, 192, ESP_INTEG_NONE },
		{ ESP_CIPHER_AES_GCM_8, 128, ESP_INTEG_NONE },
		{ ESP_CIPHER_AES_CTR, 128, ESP_INTEG_HMAC_SHA1_96 },
		{ ESP_CIPHER_AES_CTR, 192, ESP_INTEG_HMAC_SHA2_256_128 },
		{ ESP_CIPHER_AES_CTR, 256, ESP_INTEG_HMAC_SHA2_512_256 },
		{ ESP_CIPHER_3DES_CBC, 192, ESP_INTEG_HMAC_MD5_96 },
		{ ESP_CIPHER_3DES_CBC, 192, ESP_INTEG_HMAC_SHA1_96 },
		{ ESP_CIPHER_NULL, 0, ESP_INTEG_HMAC_MD5_96 },
		{ ESP_CIPHER_NULL, 0, ESP_INTEG_HMAC_SHA2_256_128 },
	};
	uint8_t inner[1500];

	for (unsigned s = 0; s < ARRAY_SIZE(suites); s++) {
		struct esp_out *out = parts_out(parts_config(&suites[s], 0x1234));
		struct esp_in *in = parts_in(parts_config(&suites[s], 0x1234));
		struct esp_sizes z;

		assert_true(esp_suite_sizes(&suites[s], &z));
		for (uint16_t len = 20; len <= 1500; len++) {
			struct pkt *p =
				parts_take(parts_batch(&pb),
					   parts_ip4(inner, "10.1.0.1", "10.2.0.1", 99, len));
			uint8_t nh = 0;
			enum drop why;

			assert_int_equal(esp_seal(out, p, 4), 0);
			assert_int_equal(get_be32(pkt_data(p)), 0x1234);
			assert_int_equal(get_be32(pkt_data(p) + 4), len - 19);
			assert_int_equal((p->len - 8 - z.iv - z.icv) % z.align, 0);
			assert_true(p->len - 8 - z.iv - z.icv - len - 2 < z.align);
			assert_int_equal(esp_open(in, p, &nh, &why), 0);
			assert_int_equal(nh, 4);
			assert_int_equal(p->len, len);
			assert_memory_equal(pkt_data(p), inner, len);
		}
		assert_int_equal(esp_in_counters(in)->packets, 1481);
		esp_out_free(out);
		esp_in_free(in);
	}
}

static void a_dummy_may_be_empty(void **state)
{
	struct esp_out *out = parts_out(parts_config(&suite_gcm, 0x1234));
	struct esp_in *in = parts_in(parts_config(&suite_gcm, 0x1234));
	struct pkt *p = batch_take(parts_batch(&pb), ESP_HEADROOM, 0, ESP_TAILROOM);
	uint8_t nh = 0;
	enum drop why;

	assert_int_equal(esp_seal(out, p, 59), 0);
	assert_int_equal(p->len, 8 + 8 + 4 + 16);
	assert_int_equal(esp_open(in, p, &nh, &why), 0);
	assert_int_equal(nh, 59);
	assert_int_equal(p->len, 0);
	esp_out_free(out);
	esp_in_free(in);
}

/* The text of a block that decrypts to what the last bytes say. */
static enum drop open_text(const struct esp_suite *suite, struct slice text)
{
	struct esp_sa_config config = parts_config(suite, 0x1234);
	struct esp_in *sa = parts_in(config);
	struct pkt *p = parts_forge(parts_batch(&pb), &config, 1, text);
	enum drop why = DROP_COUNT;
	uint8_t nh = 0;
	int err = esp_open(sa, p, &nh, &why);

	assert_int_equal(err, why == DROP_COUNT ? 0 : ERR_MALFORMED);
	assert_int_equal(esp_in_counters(sa)->packets, why == DROP_COUNT);
	esp_in_free(sa);
	return why;
}

static void padding_must_count_up(void **state)
{
	uint8_t text[272] = { 0 };

	/* As it should be: none, some, 255 bytes. */
	memcpy(text, "\x45\x45\0\4", 4);
	assert_int_equal(open_text(&suite_gcm, slice(text, 4)), DROP_COUNT);
	memcpy(text, "\x45\x45\x45\1\2\3\3\4", 8);
	assert_int_equal(open_text(&suite_gcm, slice(text, 8)), DROP_COUNT);
	for (unsigned i = 0; i < 255; i++)
		text[i + 15] = (uint8_t)(i + 1);
	text[270] = 255;
	text[271] = 4;
	assert_int_equal(open_text(&suite_gcm, slice(text, 272)), DROP_COUNT);
	assert_int_equal(open_text(&suite_cbc, slice(text, 272)), DROP_COUNT);
	/* One byte wrong: the first, the last. */
	text[15] = 0;
	assert_int_equal(open_text(&suite_cbc, slice(text, 272)), DROP_ESP_PADDING);
	text[15] = 1;
	text[269] = 0;
	assert_int_equal(open_text(&suite_gcm, slice(text, 272)), DROP_ESP_PADDING);
	/* Longer than what is there, by one and by all. */
	assert_int_equal(open_text(&suite_gcm, slice("\1\2\3\4\5\6\7\4", 8)), DROP_ESP_PADDING);
	assert_int_equal(open_text(&suite_gcm, slice("\1\2\3\4\5\6\6\4", 8)), DROP_COUNT);
	assert_int_equal(open_text(&suite_gcm, slice("\0\0\3\4", 4)), DROP_ESP_PADDING);
	assert_int_equal(open_text(&suite_gcm, slice("\0\0\xff\4", 4)), DROP_ESP_PADDING);
}

static void lengths_are_checked_first(void **state)
{
	const struct esp_suite *const suites[] = { &suite_gcm, &suite_cbc };

	for (unsigned s = 0; s < ARRAY_SIZE(suites); s++) {
		struct esp_in *sa = parts_in(parts_config(suites[s], 0x1234));
		struct esp_sizes z;
		uint8_t bytes[200] = { 0, 0, 0x12, 0x34, 0, 0, 0, 1 };

		assert_true(esp_suite_sizes(suites[s], &z));
		for (size_t n = 0; n <= sizeof(bytes); n++) {
			/* Exactly its own size, so that a read beyond it is seen. */
			uint8_t *own = malloc(n ? n : 1);
			struct pkt p = { .base = own, .size = (uint32_t)n, .len = (uint32_t)n };
			size_t around = 8U + z.iv + z.icv;
			bool fits = n > around && (n - around) % z.align == 0;
			enum drop why = DROP_COUNT;
			uint8_t nh;

			assert_non_null(own);
			memcpy(own, bytes, n);
			assert_int_equal(esp_open(sa, &p, &nh, &why),
					 fits ? ERR_AUTH : ERR_MALFORMED);
			assert_int_equal(why, fits ? DROP_ICV : DROP_ESP_LENGTH);
			free(own);
		}
		assert_int_equal(esp_in_counters(sa)->packets, 0);
		esp_in_free(sa);
	}
}

static void any_bit_changed_is_refused_and_moves_nothing(void **state)
{
	const struct esp_suite *const suites[] = { &suite_gcm, &suite_cbc };
	uint8_t inner[60], sealed[200];

	parts_udp4(inner, "10.1.0.1", "10.2.0.1", 53, sizeof(inner));
	for (unsigned s = 0; s < ARRAY_SIZE(suites); s++) {
		struct esp_out *out = parts_out(parts_config(suites[s], 0x1234));
		struct esp_in *in = parts_in(parts_config(suites[s], 0x1234));
		struct pkt *p = parts_take(parts_batch(&pb), SLICE_OF(inner));
		uint32_t len;
		uint8_t nh;
		enum drop why;

		assert_int_equal(esp_seal(out, p, 4), 0);
		len = p->len;
		memcpy(sealed, pkt_data(p), len);
		/* The SPI is the look-up's matter: esp_open itself refuses another one. */
		for (uint32_t bit = 0; bit < len * 8; bit++) {
			p = parts_take(parts_batch(&pb), slice(sealed, len));
			pkt_data(p)[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_true(esp_open(in, p, &nh, &why) < 0);
			if (bit < 32)
				assert_int_equal(why, DROP_UNKNOWN_SPI);
			else
				assert_true(why == DROP_ICV || (why == DROP_REPLAY && bit == 56));
		}
		/* Sequence 0 is refused before any cipher runs; all else failed its ICV. */
		assert_int_equal(esp_in_counters(in)->replays, 1);
		assert_int_equal(esp_in_counters(in)->auth_failures, len * 8 - 32 - 1);
		p = parts_take(parts_batch(&pb), slice(sealed, len));
		assert_int_equal(esp_open(in, p, &nh, &why), 0);
		p = parts_take(parts_batch(&pb), slice(sealed, len));
		assert_int_equal(esp_open(in, p, &nh, &why), ERR_REPLAY);
		assert_int_equal(why, DROP_REPLAY);
		assert_int_equal(esp_in_counters(in)->replays, 2);
		esp_out_free(out);
		esp_in_free(in);
	}
}

static void an_authentic_packet_counts_even_with_bad_padding(void **state)
{
	struct esp_sa_config config = parts_config(&suite_gcm, 0x1234);
	struct esp_in *sa = parts_in(config);
	struct pkt *p;
	uint8_t nh;
	enum drop why;

	for (unsigned i = 0; i < 2; i++) {
		p = parts_forge(parts_batch(&pb), &config, 9, slice("\0\0\x09\4", 4));
		assert_true(esp_open(sa, p, &nh, &why) < 0);
		assert_int_equal(why, i == 0 ? DROP_ESP_PADDING : DROP_REPLAY);
	}
	esp_in_free(sa);
}

static void numbers_never_wrap(void **state)
{
	struct esp_sa_config config = parts_config(&suite_gcm, 0x1234);
	uint8_t inner[40], before[40];
	struct esp_out *sa;
	struct pkt *p;

	parts_udp4(inner, "10.1.0.1", "10.2.0.1", 53, sizeof(inner));
	config.first_sequence = UINT32_MAX - 2;
	sa = parts_out(config);
	for (uint32_t i = 0; i < 3; i++) {
		p = parts_take(parts_batch(&pb), SLICE_OF(inner));
		assert_int_equal(esp_seal(sa, p, 4), 0);
		assert_int_equal(get_be32(pkt_data(p) + 4), UINT32_MAX - 2 + i);
		assert_int_equal(get_be64(pkt_data(p) + 8), UINT32_MAX - 2 + i);
	}
	for (unsigned i = 0; i < 3; i++) {
		p = parts_take(parts_batch(&pb), SLICE_OF(inner));
		memcpy(before, pkt_data(p), sizeof(before));
		assert_int_equal(esp_seal(sa, p, 4), ERR_EXHAUSTED);
		assert_int_equal(p->len, sizeof(inner));
		assert_memory_equal(pkt_data(p), before, sizeof(before));
	}
	assert_int_equal(esp_out_counters(sa)->packets, 3);
	esp_out_free(sa);
	/* Nobody gets the number 0. */
	config.first_sequence = 0;
	sa = parts_out(config);
	p = parts_take(parts_batch(&pb), SLICE_OF(inner));
	assert_int_equal(esp_seal(sa, p, 4), 0);
	assert_int_equal(get_be32(pkt_data(p) + 4), 1);
	esp_out_free(sa);
}

static void keys_go_with_the_sa(void **state)
{
	size_t before = secret_pool_used();
	struct esp_out *out = parts_out(parts_config(&suite_gcm, 0x1234));
	struct esp_in *in = parts_in(parts_config(&suite_cbc, 0x1234));

	assert_true(secret_pool_used() > before);
	assert_int_equal(esp_out_config(out)->keymat.n, 0);
	assert_null(esp_out_config(out)->keymat.p);
	assert_null(esp_in_config(in)->keymat.p);
	esp_out_free(out);
	esp_in_free(in);
	assert_int_equal(secret_pool_used(), before);
	esp_out_free(NULL);
	esp_in_free(NULL);
}

static void a_config_that_cannot_be_is_refused(void **state)
{
	const struct esp_sa_config good = parts_config(&suite_gcm, 0x1234);
	struct esp_sa_config c = good;

	c.keymat.n--;
	assert_null(esp_out_new(&c, parts_rng()));
	assert_null(esp_in_new(&c, parts_rng()));
	c = good;
	c.suite.integ = ESP_INTEG_HMAC_SHA1_96;
	assert_null(esp_out_new(&c, parts_rng()));
	c = good;
	c.slot = CLASSIFIER_SLOTS;
	assert_null(esp_out_new(&c, parts_rng()));
	assert_null(esp_in_new(&c, parts_rng()));
}

static void moves_in_use(void **state)
{
	struct esp_out *sa = parts_out(parts_config(&suite_gcm, 0x1000));
	struct pkt *p = parts_take(parts_batch(&pb), SLICE_OF(vector_inner));
	struct path to = *esp_out_path(sa);
	uint16_t port = to.remote.port;
	struct path *before;

	assert_ptr_equal(esp_out_path(sa), &esp_out_config(sa)->path);
	assert_int_equal(esp_seal(sa, p, 4), 0);
	to.remote.port = 7000;
	assert_null(esp_out_move(sa, &to));
	/* What is sealed already goes where it was to go. */
	assert_int_equal(p->path->remote.port, port);
	to.remote.port = 7001;
	before = esp_out_move(sa, &to);
	assert_non_null(before);
	assert_int_equal(before->remote.port, 7000);
	free(before);
	p = parts_take(parts_batch(&pb), SLICE_OF(vector_inner));
	assert_int_equal(esp_seal(sa, p, 4), 0);
	assert_int_equal(p->path->remote.port, 7001);
	assert_ptr_equal(p->path, esp_out_path(sa));
	assert_int_equal(get_be32(pkt_data(p) + 4), 2); /* the numbers go on */
	esp_out_free(sa);
}

static int set_up(void **state)
{
	return crypto_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seals_byte_for_byte),
		cmocka_unit_test(opens_what_others_sealed),
		cmocka_unit_test(every_size_there_and_back),
		cmocka_unit_test(a_dummy_may_be_empty),
		cmocka_unit_test(padding_must_count_up),
		cmocka_unit_test(lengths_are_checked_first),
		cmocka_unit_test(any_bit_changed_is_refused_and_moves_nothing),
		cmocka_unit_test(an_authentic_packet_counts_even_with_bad_padding),
		cmocka_unit_test(numbers_never_wrap),
		cmocka_unit_test(keys_go_with_the_sa),
		cmocka_unit_test(a_config_that_cannot_be_is_refused),
		cmocka_unit_test(moves_in_use),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
