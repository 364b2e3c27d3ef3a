/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/runtime.h"

static char dir[64];

static int place_make(void **state)
{
	strcpy(dir, "/tmp/godwit-keylog.XXXXXX");
	return mkdtemp(dir) == NULL;
}

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static int place_remove(void **state)
{
	unlink(path_of("esp_sa"));
	unlink(path_of("ikev1_decryption_table"));
	return rmdir(dir);
}

static const char *content(const char *name)
{
	static char text[4096];
	int fd = open(path_of(name), O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	struct stat st;

	assert_true(n >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	close(fd);
	text[n] = '\0';
	return text;
}

static void bytes_from(struct secret *s, uint8_t first, size_t n)
{
	secret_init(s, n);
	for (size_t i = 0; i < n; i++)
		s->p[i] = (uint8_t)(first + i);
}

static void child_of(struct ike_child *c, struct path *path, struct esp_suite suite)
{
	size_t n = esp_suite_keymat(&suite);

	*c = (struct ike_child){ .spi_in = 0x0a0b0c0d, .spi_out = 0xf0000001, .suite = suite };
	bytes_from(&c->keymat_in, 0, n);
	bytes_from(&c->keymat_out, 0x80, n);
	*path = (struct path){ .generation = 1 };
	addr_parse("192.0.2.2", &path->local.addr);
	addr_parse("198.51.100.1", &path->remote.addr);
}

static void gcm_lines(void **state)
{
	struct ike_child c;
	struct path path;
	struct keylog k;

	child_of(&c, &path, (struct esp_suite){ ESP_CIPHER_AES_GCM_16, 128, ESP_INTEG_NONE });
	assert_int_equal(keylog_open(&k, dir, stderr), 0);
	keylog_child(&k, &c, &path);
	keylog_close(&k);
	assert_string_equal(content("esp_sa"),
			    "\"IPv4\",\"198.51.100.1\",\"192.0.2.2\",\"0x0a0b0c0d\","
			    "\"AES-GCM with 16 octet ICV [RFC4106]\","
			    "\"0x000102030405060708090a0b0c0d0e0f10111213\",\"NULL\",\"\"\n"
			    "\"IPv4\",\"192.0.2.2\",\"198.51.100.1\",\"0xf0000001\","
			    "\"AES-GCM with 16 octet ICV [RFC4106]\","
			    "\"0x808182838485868788898a8b8c8d8e8f90919293\",\"NULL\",\"\"\n");
	secret_free(&c.keymat_in);
	secret_free(&c.keymat_out);
}

static void cbc_line_splits_the_keys(void **state)
{
	struct ike_child c;
	struct path path;
	struct keylog k;
	const char *text;

	child_of(&c, &path,
		 (struct esp_suite){ ESP_CIPHER_AES_CBC, 256, ESP_INTEG_HMAC_SHA2_256_128 });
	assert_int_equal(keylog_open(&k, dir, stderr), 0);
	keylog_child(&k, &c, &path);
	keylog_close(&k);
	text = content("esp_sa");
	assert_non_null(strstr(
		text, "\"AES-CBC [RFC3602]\","
		      "\"0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\","
		      "\"HMAC-SHA-256-128 [RFC4868]\","
		      "\"0x202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f\"\n"));
	secret_free(&c.keymat_in);
	secret_free(&c.keymat_out);
}

/* The names are those that Wireshark's table takes. */
static void every_suite_has_a_name(void **state)
{
	static const struct {
		struct esp_suite suite;
		const char *line;
	} rows[] = {
		{ { ESP_CIPHER_AES_GCM_8, 128, ESP_INTEG_NONE },
		  "\"AES-GCM with 8 octet ICV [RFC4106]\","
		  "\"0x000102030405060708090a0b0c0d0e0f10111213\",\"NULL\",\"\"\n" },
		{ { ESP_CIPHER_AES_GCM_12, 128, ESP_INTEG_NONE },
		  "\"AES-GCM with 12 octet ICV [RFC4106]\","
		  "\"0x000102030405060708090a0b0c0d0e0f10111213\",\"NULL\",\"\"\n" },
		{ { ESP_CIPHER_AES_CTR, 128, ESP_INTEG_HMAC_SHA1_96 },
		  "\"AES-CTR [RFC3686]\",\"0x000102030405060708090a0b0c0d0e0f10111213\","
		  "\"HMAC-SHA-1-96 [RFC2404]\",\"0x1415161718191a1b1c1d1e1f2021222324252627\"\n" },
		{ { ESP_CIPHER_3DES_CBC, 192, ESP_INTEG_HMAC_MD5_96 },
		  "\"TripleDES-CBC [RFC2451]\","
		  "\"0x000102030405060708090a0b0c0d0e0f1011121314151617\","
		  "\"HMAC-MD5-96 [RFC2403]\",\"0x18191a1b1c1d1e1f2021222324252627\"\n" },
		{ { ESP_CIPHER_NULL, 0, ESP_INTEG_HMAC_MD5_96 },
		  "\"NULL\",\"\",\"HMAC-MD5-96 [RFC2403]\","
		  "\"0x000102030405060708090a0b0c0d0e0f\"\n" },
	};
	struct ike_child c;
	struct path path;
	struct keylog k;

	assert_int_equal(keylog_open(&k, dir, stderr), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		child_of(&c, &path, rows[i].suite);
		keylog_child(&k, &c, &path);
		assert_non_null(strstr(content("esp_sa"), rows[i].line));
		secret_free(&c.keymat_in);
		secret_free(&c.keymat_out);
	}
	keylog_close(&k);
}

static void ike_line(void **state)
{
	static const uint8_t cookie[IKE_COOKIE_SIZE] = { 0xde, 0xad, 0xbe, 0xef, 0, 1, 2, 3 };
	struct keylog k;

	assert_int_equal(keylog_open(&k, dir, stderr), 0);
	keylog_ike(&k, cookie, SLICE_STR("key!"));
	keylog_close(&k);
	assert_string_equal(content("ikev1_decryption_table"), "deadbeef00010203,6b657921\n");
}

/* Which others could have put there in a directory that everybody may write to. */
static void files_of_others(void **state)
{
	static const char *const names[] = { "ikev1_decryption_table", "esp_sa" };
	char target[128], *said;
	struct keylog k;
	struct stat st;
	size_t size;
	FILE *err = open_memstream(&said, &size);

	snprintf(target, sizeof(target), "%s", path_of("target"));
	for (unsigned i = 0; i < 2 * 4; i++) {
		const char *path = path_of(names[i % 2]);

		close(open(target, O_CREAT | O_WRONLY, 0644));
		if (i / 2 == 0)
			assert_int_equal(symlink(target, path), 0);
		else if (i / 2 == 1)
			assert_int_equal(link(target, path), 0);
		else if (i / 2 == 2)
			assert_int_equal(mkfifo(path, 0666), 0);
		else if (geteuid() != 0 || rename(target, path) != 0 ||
			 chown(path, 65534, 65534) != 0)
			continue;
		assert_int_equal(keylog_open(&k, dir, err), ERR_SYSTEM);
		assert_true(k.ike < 0 && k.esp < 0);
		if (i / 2 < 2) {
			assert_int_equal(stat(target, &st), 0);
			assert_int_equal(st.st_mode & 0777, 0644);
		}
		unlink(path_of(names[0]));
		unlink(path_of(names[1]));
		unlink(target);
	}
	fclose(err);
	assert_non_null(strstr(said, "cannot write the key log"));
	if (geteuid() == 0) {
		assert_int_equal(chown(dir, 65534, 65534), 0);
		close(open(path_of("esp_sa"), O_CREAT | O_WRONLY, 0600));
		assert_int_equal(chown(path_of("esp_sa"), 65534, 65534), 0);
		assert_int_equal(keylog_open(&k, dir, stderr), 0);
		keylog_close(&k);
	}
	free(said);
}

static void nothing_unasked(void **state)
{
	static const uint8_t cookie[IKE_COOKIE_SIZE];
	struct keylog k;

	assert_int_equal(keylog_open(&k, NULL, stderr), 0);
	keylog_ike(&k, cookie, SLICE_STR("key!"));
	keylog_close(&k);
	assert_int_equal(access(path_of("ikev1_decryption_table"), F_OK), -1);
	assert_int_equal(access(path_of("esp_sa"), F_OK), -1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(gcm_lines), TEST(cbc_line_splits_the_keys), TEST(every_suite_has_a_name),
		TEST(ike_line),	 TEST(nothing_unasked),		 TEST(files_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
