/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/certs.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/cert_impl.h"

#define FILE_MAX 65536

static void die(const char *what, const char *why)
{
	fprintf(stderr, "certs: %s: %s\n", what, why);
	abort();
}

const char *certs_path(const char *file, char buf[CERTS_PATH_MAX])
{
	const char *source = getenv("GODWIT_SOURCE");

	snprintf(buf, CERTS_PATH_MAX, "%s/tests/vectors/cert/%s", source ? source : ".", file);
	return buf;
}

const char *certs_private(const char *file, char buf[CERTS_PATH_MAX])
{
	char from[CERTS_PATH_MAX], why[CERT_WHY_MAX];
	struct cert_file in;
	int fd;

	if (cert_file_read(certs_path(file, from), false, &in, why) != 0)
		die(file, why);
	snprintf(buf, CERTS_PATH_MAX, "/tmp/godwit-certs-XXXXXX");
	/* What mkstemp makes has the mode 600. */
	fd = mkstemp(buf);
	if (fd < 0 || write(fd, in.bytes.p, in.bytes.n) != (ssize_t)in.bytes.n)
		die(buf, "cannot be written");
	close(fd);
	cert_file_free(&in);
	return buf;
}

struct slice certs_der(const char *name, uint8_t buf[CERT_SIZE_MAX])
{
	char file[64], path[CERTS_PATH_MAX], why[CERT_WHY_MAX];
	struct cert_bytes der;
	struct cert_file in;
	struct slice left;
	size_t n;

	snprintf(file, sizeof(file), "%s.pem", name);
	if (cert_file_read(certs_path(file, path), false, &in, why) != 0)
		die(file, why);
	left = in.bytes;
	if (cert_file_next(&left, CERT_PEM_CERTIFICATE, &der) != 1 || der.n > CERT_SIZE_MAX)
		die(file, "no certificate");
	n = der.n;
	memcpy(buf, der.p, n);
	cert_bytes_free(&der);
	cert_file_free(&in);
	return slice(buf, n);
}

struct credentials *certs_load(const char *ca, const char *certificate, const char *key)
{
	char paths[3][CERTS_PATH_MAX], why[CERT_WHY_MAX] = "";
	struct credentials_source source = {
		.ca = ca ? certs_path(ca, paths[0]) : NULL,
		.certificate = certificate ? certs_path(certificate, paths[1]) : NULL,
		.key = key ? certs_private(key, paths[2]) : NULL,
	};
	struct credentials *c = NULL;

	if (credentials_load(&source, &c, why) != 0)
		die("credentials", why);
	if (key)
		unlink(paths[2]);
	return c;
}
