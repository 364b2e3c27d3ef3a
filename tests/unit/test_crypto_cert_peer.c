/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which peers' certificates are believed, which names they bear and which signatures fit them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "crypto/cert_impl.h"
#include "crypto/crypto.h"
#include "tests/support/certs.h"

#define SENT_MAX (CERT_CHAIN_MAX + 1)

static struct {
	struct slice certs[SENT_MAX];
	uint8_t der[SENT_MAX][CERT_SIZE_MAX];
	unsigned n;
} sent;

/* "leaf intermediate": the leaf first. */
static void send(const char *names)
{
	char copy[256], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", names);
	sent.n = 0;
	for (char *name = strtok_r(copy, " ", &save); name; name = strtok_r(NULL, " ", &save)) {
		assert_true(sent.n < SENT_MAX);
		sent.certs[sent.n] = certs_der(name, sent.der[sent.n]);
		sent.n++;
	}
}

static struct credentials *load(const char *ca, const char *crl)
{
	char paths[2][CERTS_PATH_MAX], why[CERT_WHY_MAX] = "";
	struct credentials_source source = {
		.ca = certs_path(ca, paths[0]),
		.crl = crl ? certs_path(crl, paths[1]) : NULL,
	};
	struct credentials *c = NULL;
	int err = credentials_load(&source, &c, why);

	if (err)
		fail_msg("%s", why);
	return c;
}

static void assert_good(const struct credentials *c, const char *names)
{
	struct cert_peer *p = NULL;
	char why[CERT_WHY_MAX] = "";

	send(names);
	if (cert_peer_verify(c, sent.certs, sent.n, &p, why) != 0)
		fail_msg("%s: %s", names, why);
	assert_non_null(p);
	cert_peer_free(p);
}

static void assert_bad(const struct credentials *c, const char *names, const char *reason)
{
	struct cert_peer *p = (struct cert_peer *)&sent;
	char why[CERT_WHY_MAX] = "";

	send(names);
	assert_int_equal(cert_peer_verify(c, sent.certs, sent.n, &p, why), ERR_AUTH);
	assert_null(p);
	if (!strstr(why, reason))
		fail_msg("%s: \"%s\" does not say \"%s\"", names, why, reason);
}

static int setup(void **state)
{
	*state = load("root.pem", NULL);
	return crypto_init();
}

static int teardown(void **state)
{
	credentials_free(*state);
	return secret_pool_used() == 0 ? 0 : -1;
}

/* ---- chains ---- */

static void test_good_chains(void **state)
{
	assert_good(*state, "leaf intermediate");
	assert_good(*state, "leaf intermediate root");
	assert_good(*state, "leaf root intermediate");
	assert_good(*state, "leaf other intermediate self ec");
	assert_good(*state, "leaf intermediate intermediate intermediate");
	assert_good(*state, "direct");
	assert_good(*state, "plain");
	assert_good(*state, "big");
	assert_good(*state, "sha1");
	assert_good(*state, "under-short short");
	assert_good(*state, "constrained-good constrained");
}

static void test_unknown_issuers(void **state)
{
	assert_bad(*state, "leaf",
		   "the issuer of C=DE, O=Example, CN=vpn.example.com is not known: "
		   "C=DE, O=Example, CN=Intermediate");
	assert_bad(*state, "unknown", "is not known");
	assert_bad(*state, "unknown other", "CN=Other root is its own issuer");
	assert_bad(*state, "self", "CN=Self is its own issuer");
	assert_bad(*state, "self self", "CN=Self is its own issuer");
	assert_bad(*state, "under-loop loop-a loop-b", "is not known");
	assert_bad(*state, "under-loop loop-b loop-a loop-a loop-b", "is not known");
}

static void test_forged(void **state)
{
	assert_bad(*state, "forged", "another key of its issuer");
	assert_bad(*state, "forged imposter", "another key of its issuer");
	assert_bad(*state, "forged-without-id", "did not make");
	assert_bad(*state, "forged-without-id imposter", "did not make");
	assert_bad(*state, "md5", "MD5");
}

static void test_dates(void **state)
{
	assert_bad(
		*state, "expired",
		"CN=Expired has expired: valid from 2020-01-01 00:00 to 2021-01-01 00:00, and our "
		"clock says 20");
	assert_bad(*state, "expired",
		   " UTC; its owner must get a new one, unless our clock is wrong");
	assert_bad(*state, "future",
		   "CN=Future is not valid yet: valid from 2098-12-31 23:59 to 2099-12-31 23:59");
	assert_bad(*state, "future", "our clock is most likely wrong: set it");
	assert_bad(*state, "under-expired expired-ca", "CN=Expired CA has expired: valid from");
}

static void test_no_issuers(void **state)
{
	assert_bad(*state, "under-not-ca not-ca", "is no CA");
	assert_bad(*state, "under-no-cert-sign no-cert-sign", "may not sign certificates");
	assert_bad(*state, "under-small small-ca", "2048");
	assert_bad(*state, "under-below below short", "longer than one of its issuers allows");
	assert_bad(*state, "under-below short below", "longer than one of its issuers allows");
	assert_bad(*state, "constrained-bad constrained", "may not give");
}

static void test_unfit_leaves(void **state)
{
	assert_bad(*state, "encipher", "may not be used for signatures");
	assert_bad(*state, "ec", "no RSA key");
	assert_bad(*state, "small", "fewer than 2048");
	assert_bad(*state, "critical", "critical extension");
	assert_bad(*state, "nul", "subjectAltName");
}

/* What our user names as a CA is no CA for that alone, but is believed when shown itself. */
static void test_roots(void **state)
{
	static const struct {
		const char *ca, *good, *bad, *reason;
	} rows[] = {
		{ "not-ca.pem", "not-ca", "under-not-ca", "is no CA" },
		{ "no-cert-sign.pem", "no-cert-sign", "under-no-cert-sign", "may not sign" },
		{ "self.pem", "self", "direct", "is not known" },
		{ "v1-root.pem", "under-v1", "direct", "is not known" },
		{ "intermediate.pem", "leaf", "direct", "is not known" },
		{ "short.pem", "under-short", "under-below below", "longer than" },
		{ "long-root.pem", "under-long-1 long-1", "under-long-2 long-2 long-1",
		  "longer than" },
		{ "chain.pem", "leaf", "unknown", "is not known" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct credentials *c = load(rows[i].ca, NULL);

		assert_good(c, rows[i].good);
		assert_bad(c, rows[i].bad, rows[i].reason);
		credentials_free(c);
	}
}

/* Names are not held against the constraints of more than one issuer: none is good then. */
static void test_constrained_above(void **state)
{
	struct credentials *c = load("bound-root.pem", NULL);

	assert_bad(c, "under-bound-sub bound-sub bound", "names are constrained");
	credentials_free(c);
	c = load("bound.pem", NULL);
	assert_bad(c, "under-bound-sub bound-sub", "names are constrained");
	credentials_free(c);
}

static void test_no_roots(void **state)
{
	struct credentials_source none = { 0 };
	struct credentials *c;
	char why[CERT_WHY_MAX];

	assert_int_equal(credentials_load(&none, &c, why), 0);
	assert_bad(c, "self", "is its own issuer");
	assert_bad(c, "direct", "is not known");
	credentials_free(c);
}

static void test_revoked(void **state)
{
	struct credentials *c = load("root.pem", "root.crl");

	assert_bad(c, "revoked", "CN=Revoked has been revoked");
	assert_good(c, "direct");
	/* No list of the intermediate: nothing is known to be revoked there. */
	assert_good(c, "intermediate-revoked intermediate");
	credentials_free(c);

	c = load("root.pem", "intermediate.crl");
	assert_bad(c, "intermediate-revoked intermediate", "has been revoked");
	assert_good(c, "leaf intermediate");
	assert_good(c, "revoked");
	credentials_free(c);

	c = load("root.pem", "other.crl");
	assert_good(c, "revoked");
	credentials_free(c);
	assert_good(*state, "revoked");
}

/* A list that cannot be believed must not let through what the right one would revoke. */
static void test_bad_lists(void **state)
{
	struct credentials *c = load("root.pem", "forged.crl");

	assert_bad(c, "revoked", "is not good");
	assert_bad(c, "direct", "is not good");
	credentials_free(c);
	c = load("root.pem", "stale.crl");
	assert_bad(c, "direct", "out of date");
	credentials_free(c);
}

/* ---- what is not even a certificate ---- */

static void assert_malformed(const struct credentials *c, unsigned n)
{
	struct cert_peer *p = (struct cert_peer *)&sent;
	char why[CERT_WHY_MAX] = "";

	assert_int_equal(cert_peer_verify(c, sent.certs, n, &p, why), ERR_MALFORMED);
	assert_null(p);
	assert_true(why[0] != '\0');
}

static void test_numbers(void **state)
{
	send("leaf intermediate root root root root root root root");
	assert_int_equal(sent.n, 9);
	assert_malformed(*state, 9);
	assert_malformed(*state, 0);
	assert_good(*state, "leaf intermediate root root root root root root");
}

static void test_garbage(void **state)
{
	static const uint8_t rows[][6] = {
		{ 0x30, 0x04, 0x30, 0x02, 0x30, 0x00 }, { 0x30, 0x80, 0x30, 0x02, 0x30, 0x00 },
		{ 0x30, 0x84, 0xff, 0xff, 0xff, 0xff }, { 0x30, 0x81, 0x03, 0x30, 0x01, 0x00 },
		{ 0x00, 0x00, 0x00, 0x00, 0x00, 0x00 }, { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (size_t n = 0; n <= 6; n++) {
			sent.certs[0] = slice(rows[i], n);
			assert_malformed(*state, 1);
		}
	}
	/* As an issuer, too. */
	send("leaf intermediate");
	sent.certs[2] = slice(rows[0], 6);
	assert_malformed(*state, 3);
}

static void test_cut_and_extended(void **state)
{
	struct slice whole;

	send("direct");
	whole = sent.certs[0];
	for (size_t n = 0; n < whole.n; n += n < 40 ? 1 : 17) {
		uint8_t *copy = malloc(n + 1);

		memcpy(copy, whole.p, n);
		sent.certs[0] = slice(copy, n);
		assert_malformed(*state, 1);
		free(copy);
	}
	sent.der[0][whole.n] = 0;
	sent.certs[0] = slice(sent.der[0], whole.n + 1);
	assert_malformed(*state, 1);
}

/* One changed bit anywhere: never believed. */
static void test_changed(void **state)
{
	struct cert_peer *p;
	char why[CERT_WHY_MAX];

	send("direct");
	for (size_t i = 0; i < sent.certs[0].n; i += 3) {
		sent.der[0][i] ^= 1U << (i % 8);
		assert_int_not_equal(cert_peer_verify(*state, sent.certs, 1, &p, why), 0);
		assert_null(p);
		sent.der[0][i] ^= 1U << (i % 8);
	}
	assert_good(*state, "direct");
}

static void test_size(void **state)
{
	static uint8_t large[CERT_SIZE_MAX + 1];

	put_be16(large, 0x3082);
	put_be16(large + 2, sizeof(large) - 4);
	sent.certs[0] = slice(large, sizeof(large));
	assert_malformed(*state, 1);
}

/* ---- names ---- */

static struct cert_peer *peer(const struct credentials *c, const char *names)
{
	struct cert_peer *p = NULL;
	char why[CERT_WHY_MAX];

	send(names);
	assert_int_equal(cert_peer_verify(c, sent.certs, sent.n, &p, why), 0);
	return p;
}

static bool is(const struct cert_peer *p, enum cert_name type, const char *name)
{
	return cert_peer_is(p, type, SLICE_STR(name));
}

static void test_dns(void **state)
{
	static const char *const good[] = { "vpn.example.com",	"VPN.Example.COM",
					    "vpn.example.com.", "a.example.org",
					    "B-1.EXAMPLE.org",	"*.example.org" };
	static const char *const bad[] = {
		"",
		"example.com",
		"vpn.example.co",
		"xvpn.example.com",
		"example.org",
		".example.org",
		"a.b.example.org",
		"a.example.org.net",
		"a.com",
		"192.0.2.1",
		"uri.example.com",
		"admin@example.com",
		"Peer",
		"vpn.example.com..",
		"aexample.org",
		"vpn.example.comx",
	};
	struct cert_peer *p = peer(*state, "leaf intermediate");

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(is(p, CERT_NAME_DNS, good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(is(p, CERT_NAME_DNS, bad[i]));
	assert_false(cert_peer_is(p, CERT_NAME_DNS, slice("vpn.example.com\0", 16)));
	assert_false(cert_peer_is(p, CERT_NAME_DNS, slice("a\0.example.org", 14)));
	cert_peer_free(p);

	/* A common name is no host name. */
	p = peer(*state, "direct");
	assert_false(is(p, CERT_NAME_DNS, "Peer"));
	cert_peer_free(p);
}

static void test_other_names(void **state)
{
	static const uint8_t ip4[] = { 192, 0, 2, 1 }, wrong4[] = { 192, 0, 2, 2 };
	static const uint8_t ip6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
	struct cert_peer *p = peer(*state, "leaf intermediate");

	assert_true(is(p, CERT_NAME_EMAIL, "admin@example.com"));
	assert_true(is(p, CERT_NAME_EMAIL, "admin@EXAMPLE.com"));
	assert_false(is(p, CERT_NAME_EMAIL, "Admin@example.com"));
	assert_false(is(p, CERT_NAME_EMAIL, "admin@example.co"));
	assert_false(is(p, CERT_NAME_EMAIL, "example.com"));
	assert_false(is(p, CERT_NAME_EMAIL, "vpn.example.com"));
	assert_true(cert_peer_is(p, CERT_NAME_IP, SLICE_OF(ip4)));
	assert_true(cert_peer_is(p, CERT_NAME_IP, SLICE_OF(ip6)));
	assert_false(cert_peer_is(p, CERT_NAME_IP, SLICE_OF(wrong4)));
	assert_false(cert_peer_is(p, CERT_NAME_IP, slice(ip6, 4)));
	assert_false(cert_peer_is(p, CERT_NAME_IP, slice(ip4, 0)));
	cert_peer_free(p);
}

static void test_dn(void **state)
{
	struct cert_peer *p = peer(*state, "leaf intermediate");
	uint8_t dn[256];
	int n = cert_dn_parse("c=de, o=EXAMPLE, cn=vpn.example.com", dn, sizeof(dn));

	assert_true(n > 0);
	assert_true(cert_peer_is(p, CERT_NAME_DN, slice(dn, (size_t)n)));
	assert_false(cert_peer_is(p, CERT_NAME_DN, slice(dn, (size_t)n - 1)));
	n = cert_dn_parse("O=Example, CN=vpn.example.com", dn, sizeof(dn));
	assert_false(cert_peer_is(p, CERT_NAME_DN, slice(dn, (size_t)n)));
	assert_false(cert_peer_is(p, CERT_NAME_DN, SLICE_NONE));
	cert_peer_free(p);
}

static void test_text(void **state)
{
	struct cert_peer *p = peer(*state, "leaf intermediate");
	char buf[512], small[20];

	assert_string_equal(cert_peer_text(p, buf, sizeof(buf)),
			    "C=DE, O=Example, CN=vpn.example.com; DNS vpn.example.com; "
			    "DNS *.example.org; DNS *.com; IP 192.0.2.1; IP 2001:db8::1; "
			    "e-mail admin@example.com");
	assert_true(strlen(cert_peer_text(p, small, sizeof(small))) < sizeof(small));
	assert_memory_equal(small, buf, strlen(small));
	cert_peer_free(p);
}

/* ---- signatures ---- */

static void signatures(const char *certificate, const char *key, size_t size)
{
	static const uint8_t hash[20] = { 1, 2, 3, [19] = 4 };
	/* SHA-1's, which other protocols put before the hash. */
	static const uint8_t info[15] = { 0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e,
					  0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14 };
	uint8_t with_info[35], s[CERT_SIGNATURE_MAX + 1] = { 0 }, again[CERT_SIGNATURE_MAX];
	char file[64];
	struct credentials *c;
	struct cert_peer *p;
	int n;

	snprintf(file, sizeof(file), "%s.pem", certificate);
	c = certs_load("root.pem", file, key);
	p = peer(c, certificate);
	n = credentials_sign(c, crypto_rng(), SLICE_OF(hash), s);
	assert_int_equal(n, size);
	assert_int_equal(credentials_sign(c, crypto_rng(), SLICE_OF(hash), again), n);
	assert_memory_equal(s, again, size);
	assert_int_equal(cert_peer_check(p, SLICE_OF(hash), slice(s, size)), 0);

	assert_int_equal(cert_peer_check(p, slice(hash, 19), slice(s, size)), ERR_AUTH);
	assert_int_equal(cert_peer_check(p, SLICE_NONE, slice(s, size)), ERR_AUTH);
	assert_int_equal(cert_peer_check(p, SLICE_OF(hash), slice(s, size - 1)), ERR_AUTH);
	assert_int_equal(cert_peer_check(p, SLICE_OF(hash), slice(s, size + 1)), ERR_AUTH);
	assert_int_equal(cert_peer_check(p, SLICE_OF(hash), slice(s + 1, size)), ERR_AUTH);
	assert_int_equal(cert_peer_check(p, SLICE_OF(hash), SLICE_NONE), ERR_AUTH);
	for (size_t i = 0; i < size; i += 13) {
		s[i] ^= 0x10;
		assert_int_equal(cert_peer_check(p, SLICE_OF(hash), slice(s, size)), ERR_AUTH);
		s[i] ^= 0x10;
	}
	memset(again, 0, sizeof(again));
	assert_int_equal(cert_peer_check(p, SLICE_OF(hash), slice(again, size)), ERR_AUTH);
	assert_int_equal(cert_peer_check(p, SLICE_NONE, slice(again, size)), ERR_AUTH);
	memset(again, 0xff, sizeof(again));
	assert_int_equal(cert_peer_check(p, SLICE_OF(hash), slice(again, size)), ERR_AUTH);

	memcpy(with_info, info, 15);
	memcpy(with_info + 15, hash, 20);
	n = credentials_sign(c, crypto_rng(), SLICE_OF(with_info), s);
	assert_int_equal(n, size);
	assert_int_equal(cert_peer_check(p, SLICE_OF(hash), slice(s, size)), ERR_AUTH);
	assert_int_equal(cert_peer_check(p, SLICE_OF(with_info), slice(s, size)), 0);
	cert_peer_free(p);
	credentials_free(c);
}

static void test_signatures(void **state)
{
	signatures("direct", "leaf.key", 256);
	signatures("big", "big.key", 512);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_chains),
		cmocka_unit_test(test_unknown_issuers),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_no_issuers),
		cmocka_unit_test(test_unfit_leaves),
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_no_roots),
		cmocka_unit_test(test_constrained_above),
		cmocka_unit_test(test_revoked),
		cmocka_unit_test(test_bad_lists),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_cut_and_extended),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_dns),
		cmocka_unit_test(test_other_names),
		cmocka_unit_test(test_dn),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_signatures),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
