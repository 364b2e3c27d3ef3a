/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What credentials are read from files, and what is refused with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "crypto/cert_impl.h"
#include "crypto/crypto.h"
#include "tests/support/certs.h"

static const uint8_t hash[20] = { 9, 8, 7 };

/* Files of tests/vectors/cert; the private ones are copied. */
struct given {
	const char *ca, *certificate, *key, *pkcs12, *crl, *password;
};

static int load(const struct given *g, struct credentials **c, char why[CERT_WHY_MAX])
{
	char paths[5][CERTS_PATH_MAX];
	struct credentials_source source = {
		.ca = g->ca ? certs_path(g->ca, paths[0]) : NULL,
		.certificate = g->certificate ? certs_path(g->certificate, paths[1]) : NULL,
		.key = g->key ? certs_private(g->key, paths[2]) : NULL,
		.pkcs12 = g->pkcs12 ? certs_private(g->pkcs12, paths[3]) : NULL,
		.crl = g->crl ? certs_path(g->crl, paths[4]) : NULL,
		.password = g->password ? SLICE_STR(g->password) : SLICE_NONE,
	};
	int err;

	why[0] = '\0';
	err = credentials_load(&source, c, why);
	if (g->key)
		unlink(paths[2]);
	if (g->pkcs12)
		unlink(paths[3]);
	return err;
}

static struct credentials *load_good(const struct given *g)
{
	struct credentials *c = NULL;
	char why[CERT_WHY_MAX];

	if (load(g, &c, why) != 0)
		fail_msg("%s", why);
	assert_non_null(c);
	return c;
}

static void assert_refused(const struct given *g, int err, const char *reason)
{
	struct credentials *c = (struct credentials *)&g;
	char why[CERT_WHY_MAX];

	assert_int_equal(load(g, &c, why), err);
	assert_null(c);
	if (!strstr(why, reason) || strchr(why, '\n'))
		fail_msg("\"%s\" does not say \"%s\"", why, reason);
	assert_int_equal(secret_pool_used(), 0);
}

/* ---- our own ---- */

/* The key is the one of leaf.pem. */
static void assert_signs(const struct credentials *c)
{
	uint8_t signature[CERT_SIGNATURE_MAX], der[CERT_SIZE_MAX];
	struct cert_info info;

	assert_int_equal(cert_info_parse(certs_der("leaf", der), &info), 0);
	assert_int_equal(credentials_sign(c, crypto_rng(), SLICE_OF(hash), signature), 256);
	assert_int_equal(cert_rsa_check(info.spki, SLICE_OF(hash), slice(signature, 256)), 0);
}

static void test_key_forms(void **state)
{
	static const struct given rows[] = {
		{ .certificate = "leaf.pem", .key = "leaf.key" },
		{ .certificate = "leaf.pem", .key = "leaf.key", .password = "not needed" },
		{ .certificate = "leaf.pem", .key = "leaf-pkcs1.key" },
		{ .certificate = "leaf.pem", .key = "leaf.der" },
		{ .certificate = "leaf-certificate.der", .key = "leaf.key" },
		{ .certificate = "leaf.pem", .key = "leaf-encrypted.key", .password = "secret" },
		{ .certificate = "leaf.pem", .key = "leaf-encrypted.der", .password = "secret" },
		{ .certificate = "leaf.pem", .key = "leaf-traditional.key", .password = "secret" },
		{ .pkcs12 = "leaf.p12", .password = "secret" },
		{ .pkcs12 = "leaf-legacy.p12", .password = "secret" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct credentials *c = load_good(&rows[i]);

		assert_signs(c);
		credentials_free(c);
		assert_int_equal(secret_pool_used(), 0);
	}
}

static void test_passwords(void **state)
{
	static const char *const keys[] = { "leaf-encrypted.key", "leaf-encrypted.der",
					    "leaf-traditional.key" };
	static const char *const files[] = { "leaf.p12", "leaf-legacy.p12" };
	char nul[] = "sec\0ret";
	struct credentials_source source = { .password = slice(nul, 7) };
	struct credentials *c;
	char why[CERT_WHY_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		struct given g = { .certificate = "leaf.pem", .key = keys[i] };

		assert_refused(&g, ERR_CONFIG, "no password is given");
		g.password = "Secret";
		assert_refused(&g, ERR_CONFIG, "the password is wrong");
		g.password = "secrets";
		assert_refused(&g, ERR_CONFIG, "the password is wrong");
	}
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		assert_refused(&(struct given){ .pkcs12 = files[i] }, ERR_CONFIG, "password");
		assert_refused(&(struct given){ .pkcs12 = files[i], .password = "wrong" },
			       ERR_CONFIG, "password");
	}
	assert_int_equal(credentials_load(&source, &c, why), ERR_CONFIG);
	assert_non_null(strstr(why, "NUL"));
	source.password = SLICE_STR("0123456789012345678901234567890123456789"
				    "0123456789012345678901234567890123456789");
	assert_int_equal(credentials_load(&source, &c, why), ERR_CONFIG);
	assert_non_null(strstr(why, "79"));
}

static void assert_chain(const struct credentials *c, const char *const *names, unsigned n)
{
	struct slice chain[CERT_CHAIN_MAX];
	uint8_t der[CERT_SIZE_MAX];

	assert_int_equal(credentials_chain(c, chain), n);
	for (unsigned i = 0; i < n; i++)
		assert_true(slice_eq(chain[i], certs_der(names[i], der)));
}

static void test_chain(void **state)
{
	static const char *const three[] = { "leaf", "intermediate", "root" };
	struct credentials *c =
		load_good(&(struct given){ .certificate = "chain.pem", .key = "leaf.key" });
	struct cert_info info;
	uint8_t der[CERT_SIZE_MAX];

	assert_chain(c, three, 3);
	assert_int_equal(cert_info_parse(certs_der("leaf", der), &info), 0);
	assert_true(slice_eq(credentials_subject(c), info.subject));
	assert_true(info.subject.n > 2 && info.subject.p[0] == DER_SEQUENCE);
	/* What comes with our certificate is no root. */
	assert_int_equal(credentials_root(c, 0).n, 0);
	credentials_free(c);

	c = load_good(&(struct given){ .pkcs12 = "leaf.p12", .password = "secret" });
	assert_int_equal(credentials_chain(c, (struct slice[CERT_CHAIN_MAX]){ 0 }), 3);
	assert_true(slice_eq(credentials_subject(c), info.subject));
	assert_int_equal(credentials_root(c, 0).n, 0);
	credentials_free(c);
}

static void test_none(void **state)
{
	struct credentials *c = load_good(&(struct given){ 0 });
	uint8_t signature[CERT_SIGNATURE_MAX];
	struct slice chain[CERT_CHAIN_MAX];

	assert_int_equal(credentials_chain(c, chain), 0);
	assert_int_equal(credentials_subject(c).n, 0);
	assert_int_equal(credentials_sign(c, crypto_rng(), SLICE_OF(hash), signature),
			 ERR_UNSUPPORTED);
	credentials_free(c);
	credentials_free(NULL);
}

static void test_cannot_sign_with(void **state)
{
	static const struct {
		struct given given;
		const char *reason;
	} rows[] = {
		{ { .certificate = "leaf.pem", .key = "foreign.key" }, "does not belong" },
		{ { .certificate = "big.pem", .key = "leaf.key" }, "does not belong" },
		{ { .certificate = "leaf.pem", .key = "big.key" }, "does not belong" },
		{ { .certificate = "ec.pem", .key = "ec.key" }, "not an RSA key" },
		{ { .certificate = "ec.pem", .key = "leaf.key" }, "not for an RSA key" },
		{ { .certificate = "small.pem", .key = "small.key" }, "fewer than 2048 bits" },
		{ { .certificate = "expired.pem", .key = "leaf.key" }, "has expired" },
		{ { .certificate = "future.pem", .key = "leaf.key" }, "is not valid yet" },
		{ { .certificate = "leaf.pem" }, "private key is missing" },
		{ { .key = "leaf.key" }, "certificate is missing" },
		{ { .certificate = "leaf.key", .key = "leaf.key" }, "no certificate in it" },
		{ { .certificate = "leaf.pem", .key = "leaf.pem" }, "no private key in it" },
		{ { .certificate = "root.crl", .key = "leaf.key" }, "no certificate in it" },
		{ { .pkcs12 = "leaf.pem" }, "not a PKCS#12 file" },
		{ { .pkcs12 = "leaf.p12" }, "no password is given" },
		{ { .pkcs12 = "leaf.der" }, "not a PKCS#12 file" },
		{ { .certificate = "leaf.der", .key = "leaf.key" }, "not well formed" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_refused(&rows[i].given, ERR_CONFIG, rows[i].reason);
}

/* chain.pem so many times over: 3 certificates each. */
static int load_chains(unsigned times, char why[CERT_WHY_MAX])
{
	char path[] = "/tmp/godwit-cert-XXXXXX", from[CERTS_PATH_MAX], key[CERTS_PATH_MAX];
	struct credentials_source source = { .certificate = path,
					     .key = certs_private("leaf.key", key) };
	struct credentials *c = NULL;
	int err, fd = mkstemp(path);
	struct cert_file f;

	assert_int_equal(cert_file_read(certs_path("chain.pem", from), false, &f, why), 0);
	for (unsigned i = 0; i < times; i++)
		assert_int_equal(write(fd, f.bytes.p, f.bytes.n), (ssize_t)f.bytes.n);
	close(fd);
	cert_file_free(&f);
	err = credentials_load(&source, &c, why);
	credentials_free(c);
	unlink(path);
	unlink(key);
	return err;
}

static void test_long_chain(void **state)
{
	char why[CERT_WHY_MAX];

	assert_int_equal(load_chains(2, why), 0);
	assert_int_equal(load_chains(3, why), ERR_CONFIG);
	assert_non_null(strstr(why, "more than 8"));
}

/* ---- files ---- */

static void test_open_key(void **state)
{
	static const mode_t modes[] = { 0604, 0640, 0620, 0602, 0644 };
	char certificate[CERTS_PATH_MAX], key[CERTS_PATH_MAX], why[CERT_WHY_MAX];
	struct credentials_source source = {
		.certificate = certs_path("leaf.pem", certificate),
		.key = certs_private("leaf.key", key),
	};
	struct credentials *c;

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		assert_int_equal(chmod(key, modes[i]), 0);
		assert_int_equal(credentials_load(&source, &c, why), ERR_CONFIG);
		assert_non_null(strstr(why, "open to others"));
		assert_non_null(strstr(why, key));
	}
	assert_int_equal(chmod(key, 0400), 0);
	assert_int_equal(credentials_load(&source, &c, why), 0);
	credentials_free(c);
	unlink(key);
}

static void test_no_such_file(void **state)
{
	static const struct given rows[] = {
		{ .ca = "nothing.pem" },
		{ .crl = "nothing.crl" },
		{ .certificate = "nothing.pem", .key = "leaf.key" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_refused(&rows[i], ERR_SYSTEM, "nothing.");
	assert_refused(&(struct given){ .crl = "." }, ERR_CONFIG, "not a regular file");
}

static void assert_text_refused(const char *text, const char *reason)
{
	char path[] = "/tmp/godwit-cert-XXXXXX", why[CERT_WHY_MAX] = "";
	struct credentials_source source = { .ca = path };
	struct credentials *c;
	int fd = mkstemp(path);

	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	assert_int_equal(credentials_load(&source, &c, why), ERR_CONFIG);
	unlink(path);
	if (!strstr(why, reason))
		fail_msg("\"%s\" does not say \"%s\"", why, reason);
}

/* It is refused before a byte of it is read. */
static void test_file_without_end(void **state)
{
	char path[] = "/tmp/godwit-cert-XXXXXX", why[CERT_WHY_MAX] = "";
	struct credentials_source source = { .ca = path };
	struct credentials *c;
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(ftruncate(fd, (4 << 20) + 1), 0);
	close(fd);
	assert_int_equal(credentials_load(&source, &c, why), ERR_CONFIG);
	unlink(path);
	assert_non_null(strstr(why, "is too large"));
}

static void test_broken_files(void **state)
{
	assert_text_refused("", "is empty");
	assert_text_refused("hello\n", "no certificate in it");
	assert_text_refused("-----BEGIN CERTIFICATE-----\n", "cannot be read");
	assert_text_refused("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
			    "cannot be read");
	assert_text_refused("-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
			    "cannot be read");
	assert_text_refused("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
			    "no certificate in it");
	assert_text_refused("0\x05", "cannot be read");
}

/* ---- roots and lists ---- */

static void test_roots(void **state)
{
	struct credentials *c = load_good(&(struct given){ .ca = "chain.pem" });
	struct cert_info info;
	uint8_t der[CERT_SIZE_MAX];

	assert_int_equal(cert_info_parse(certs_der("root", der), &info), 0);
	assert_true(slice_eq(credentials_root(c, 2), info.subject));
	assert_int_equal(credentials_root(c, 3).n, 0);
	assert_int_equal(credentials_chain(c, (struct slice[CERT_CHAIN_MAX]){ 0 }), 0);
	credentials_free(c);
	c = load_good(&(struct given){ .ca = "leaf-certificate.der" });
	assert_true(credentials_root(c, 0).n > 0);
	assert_int_equal(credentials_root(c, 1).n, 0);
	credentials_free(c);
	assert_refused(&(struct given){ .ca = "expired-ca.pem" }, ERR_CONFIG, "valid now");
	assert_refused(&(struct given){ .ca = "leaf.key" }, ERR_CONFIG, "no certificate");
}

/* A directory that holds other things, and one certificate twice. */
static void test_directory(void **state)
{
	char dir[] = "/tmp/godwit-certs-XXXXXX", to[CERTS_PATH_MAX], from[CERTS_PATH_MAX];
	static const struct {
		const char *file, *as;
	} files[] = {
		{ "root.pem", "a.pem" },  { "root.pem", "b.crt" }, { "README", "README" },
		{ "other.pem", "c.pem" }, { "root.crl", "d.crl" }, { "self.pem", ".hidden" },
	};
	struct credentials_source source = { .ca = dir };
	struct credentials *c;
	char why[CERT_WHY_MAX];

	assert_non_null(mkdtemp(dir));
	assert_int_equal(credentials_load(&source, &c, why), ERR_CONFIG);
	assert_non_null(strstr(why, "no certificate"));
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(to, sizeof(to), "%s/%s", dir, files[i].as);
		assert_int_equal(symlink(certs_path(files[i].file, from), to), 0);
	}
	assert_int_equal(credentials_load(&source, &c, why), 0);
	assert_true(credentials_root(c, 1).n > 0);
	assert_int_equal(credentials_root(c, 2).n, 0);
	credentials_free(c);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(to, sizeof(to), "%s/%s", dir, files[i].as);
		unlink(to);
	}
	rmdir(dir);
}

static void test_lists(void **state)
{
	credentials_free(load_good(&(struct given){ .crl = "root.crl" }));
	assert_refused(&(struct given){ .crl = "root.pem" }, ERR_CONFIG, "no revocation list");
	assert_refused(&(struct given){ .crl = "leaf.der" }, ERR_CONFIG, "cannot be read");
	/* Its beginning looks like one; loading alone does not say that it is good. */
	assert_refused(&(struct given){ .crl = "README" }, ERR_CONFIG, "no revocation list");
}

/* ---- signing ---- */

static void test_sign_lengths(void **state)
{
	struct credentials *c =
		load_good(&(struct given){ .certificate = "leaf.pem", .key = "leaf.key" });
	static const uint8_t long_text[300];
	uint8_t signature[CERT_SIGNATURE_MAX];
	static const struct {
		size_t n;
		int result;
	} rows[] = { { 0, ERR_UNSUPPORTED },
		     { 1, 256 },
		     { 64, 256 },
		     { 245, 256 },
		     { 246, ERR_UNSUPPORTED },
		     { 300, ERR_UNSUPPORTED } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(credentials_sign(c, crypto_rng(), slice(long_text, rows[i].n),
						  signature),
				 rows[i].result);
	credentials_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_forms),
		cmocka_unit_test(test_passwords),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_cannot_sign_with),
		cmocka_unit_test(test_long_chain),
		cmocka_unit_test(test_open_key),
		cmocka_unit_test(test_no_such_file),
		cmocka_unit_test(test_file_without_end),
		cmocka_unit_test(test_broken_files),
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_directory),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_sign_lengths),
	};

	if (crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
