/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a peer shows: the first byte says what the rest is.
 *   0  a chain: certificates, each with a length of two bytes before it
 *   1  a distinguished name, DER
 *   2  a distinguished name, text
 * A chain may be refused or believed, but then it must bear its own subject; a name that has a
 * text must be the same again when that text is read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "crypto/cert_impl.h"
#include "crypto/crypto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The certificate "Root" of tests/vectors/cert. */
static const char root[] = "-----BEGIN CERTIFICATE-----\n"
			   "MIIDHDCCAgSgAwIBAgICEAAwDQYJKoZIhvcNAQELBQAwLjELMAkGA1UEBhMCREUx\n"
			   "EDAOBgNVBAoMB0V4YW1wbGUxDTALBgNVBAMMBFJvb3QwIBcNMjAwMTAxMDAwMDAw\n"
			   "WhgPMjA5OTEyMzEyMzU5NTlaMC4xCzAJBgNVBAYTAkRFMRAwDgYDVQQKDAdFeGFt\n"
			   "cGxlMQ0wCwYDVQQDDARSb290MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKC\n"
			   "AQEA0jsEziZ588LB5yGNYVPJKj+qC5RqjytwuBXUrjm92pqaMMBIS+VBM6uuCvwD\n"
			   "Yho16G1XBI1ytImB5OaD0IDB+wSBgwx2zNDSuCWVHEkifLIuMfOn3NrXzqWGtYA1\n"
			   "SAkQ1ZIOcfYxJ5BsWkMyewJDKR460GmFqMPrAKDCQjMDT+X8QEb5rFEYba4+66Zo\n"
			   "qDTkC/rmnoorK+mX77kFkLeGT/50PS7ND8mOK/vydpB9WpKO5h7nORje4gYAChjz\n"
			   "jTJGQnop0n3p4swMs9XPTPC1X6r3ZB/419LKQKtN7Z5qbHRK7xI6UgmYOFA3C6S+\n"
			   "qAUdN7TzOrQsPaJeGrJqSCH3IwIDAQABo0IwQDAPBgNVHRMBAf8EBTADAQH/MA4G\n"
			   "A1UdDwEB/wQEAwIBBjAdBgNVHQ4EFgQUG1lSvlHLBJnBz1j3ZhLCfkYrXTcwDQYJ\n"
			   "KoZIhvcNAQELBQADggEBAFJMkaYmOnaIhUgI1oDLYodilpaw0dK14BoNo6GAw1Am\n"
			   "6EtxS96bG/HU/XAwO3AvJip9XCR8jC4G6YOEDmb+cW7trOwyDGibwGTpcThtFs+/\n"
			   "Hotgfarh1m80msB2Rq7Axoj9R/FIIzzJQ9ui7IzQ7qkZhH08jkyCrUy4Gu1rMNyG\n"
			   "h+hXwlRx7lgjUwG4IOxJ/KA4uh1HOsxcsjOBNN5nUBrpwSd00XhyzPsvDuxqx8aB\n"
			   "HVqjEGAtmzEULQiKrsPLEmb6Yr9KMGqNrjCBVQPeMwxuDLIPKQgl2qZXXrNeVdx+\n"
			   "jduQoZgadkx5quWp+WRazsneS2CdEu/ixE2OHLlnYLg=\n"
			   "-----END CERTIFICATE-----\n";

static void require(bool holds)
{
	if (!holds)
		abort();
}

static struct credentials *load(void)
{
	char path[] = "/tmp/godwit-fuzz-cert-XXXXXX", why[CERT_WHY_MAX];
	struct credentials_source source = { .ca = path };
	struct credentials *c = NULL;
	int fd = mkstemp(path);

	require(crypto_init() == 0 && fd >= 0);
	require(write(fd, root, sizeof(root) - 1) == (ssize_t)sizeof(root) - 1);
	close(fd);
	require(credentials_load(&source, &c, why) == 0);
	unlink(path);
	return c;
}

static void show_chain(struct slice input)
{
	static struct credentials *c;
	struct slice chain[CERT_CHAIN_MAX + 1];
	struct cert_peer *p = NULL;
	char why[CERT_WHY_MAX], text[200];
	struct rd r;
	unsigned n = 0;
	int err;

	if (!c)
		c = load();
	rd_init(&r, input);
	while (rd_left(&r) && n < ARRAY_SIZE(chain)) {
		size_t length = rd_u16(&r);

		chain[n++] = rd_slice(&r, length < rd_left(&r) ? length : rd_left(&r));
	}
	err = cert_peer_verify(c, chain, n, &p, why);
	require(err ? !p && strlen(why) > 0 : p != NULL);
	if (!p)
		return;
	require(strlen(cert_peer_text(p, text, sizeof(text))) < sizeof(text));
	require(cert_peer_check(p, input, input) == ERR_AUTH);
	require(!cert_peer_is(p, CERT_NAME_DNS, slice("\0", 1)));
	cert_peer_free(p);
}

static void show_name(struct slice name)
{
	static char text[16384];
	static uint8_t again[8192];
	int n;

	cert_dn_text(name, text, sizeof(text));
	require(!cert_dn_clean(name) || cert_dn_eq(name, name));
	if (strcmp(text, "(not a name)") == 0 || text[0] == '\0' || strlen(text) > sizeof(text) / 2)
		return;
	n = cert_dn_parse(text, again, sizeof(again));
	require(n == ERR_NO_ROOM || (n > 0 && cert_dn_eq(name, slice(again, (size_t)n))));
}

static void show_text(struct slice input)
{
	char *text = malloc(input.n + 1);
	uint8_t name[2048];
	int n;

	require(text);
	memcpy(text, input.p, input.n);
	text[input.n] = '\0';
	n = cert_dn_parse(text, name, sizeof(name));
	require(n > 0 || n == ERR_CONFIG || n == ERR_NO_ROOM);
	if (n > 0) {
		require(cert_dn_eq(slice(name, (size_t)n), slice(name, (size_t)n)));
		show_name(slice(name, (size_t)n));
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] % 3 == 0)
		show_chain(slice(data + 1, size - 1));
	else if (data[0] % 3 == 1)
		show_name(slice(data + 1, size - 1));
	else
		show_text(slice(data + 1, size - 1));
	return 0;
}
