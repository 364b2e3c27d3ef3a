/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/private.h"
#include "crypto/cert_impl.h"

#define FILE_MAX (4U << 20)
#define PRIVATE_FILE_MAX (32U << 10)

/* ---- reading ---- */

static int check(int fd, const char *path, bool private, size_t *size, char why[CERT_WHY_MAX])
{
	size_t max = private ? PRIVATE_FILE_MAX : FILE_MAX;
	struct stat st;

	if (fstat(fd, &st) != 0) {
		snprintf(why, CERT_WHY_MAX, "%s: cannot be read: %s", path, strerror(errno));
		return ERR_SYSTEM;
	}
	if (!S_ISREG(st.st_mode)) {
		snprintf(why, CERT_WHY_MAX, "%s: is not a regular file", path);
		return ERR_CONFIG;
	}
	if (private && !mode_is_private(&st)) {
		snprintf(why, CERT_WHY_MAX,
			 "%s: the private key is open to others (mode %04o); chmod 600 makes it "
			 "ours alone",
			 path, (unsigned)st.st_mode & 07777);
		return ERR_CONFIG;
	}
	if (st.st_size <= 0 || (uint64_t)st.st_size > max) {
		snprintf(why, CERT_WHY_MAX, "%s: %s", path,
			 st.st_size > 0 ? "is too large" : "is empty");
		return ERR_CONFIG;
	}
	*size = (size_t)st.st_size;
	return 0;
}

/* A file that grows or shrinks meanwhile gives what it then has of the first `size` bytes. */
static int fill(int fd, uint8_t *p, size_t size, size_t *n)
{
	*n = 0;
	while (*n < size) {
		ssize_t got = read(fd, p + *n, size - *n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ERR_SYSTEM;
		if (got == 0)
			break;
		*n += (size_t)got;
	}
	return 0;
}

int cert_file_read(const char *path, bool private, struct cert_file *out, char why[CERT_WHY_MAX])
{
	size_t size = 0, n = 0;
	uint8_t *p;
	int err;
	/* Without O_NONBLOCK a named pipe would let us wait for its writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	*out = (struct cert_file){ 0 };
	if (fd < 0) {
		snprintf(why, CERT_WHY_MAX, "%s: cannot be read: %s", path, strerror(errno));
		return ERR_SYSTEM;
	}
	err = check(fd, path, private, &size, why);
	if (err)
		goto out;
	if (private) {
		secret_init(&out->secret, size);
		p = out->secret.p;
	} else {
		p = out->plain = xcalloc(1, size);
	}
	err = fill(fd, p, size, &n);
	if (err)
		snprintf(why, CERT_WHY_MAX, "%s: cannot be read: %s", path, strerror(errno));
	out->bytes = slice(p, n);
out:
	close(fd);
	if (err)
		cert_file_free(out);
	return err;
}

void cert_file_free(struct cert_file *f)
{
	secret_free(&f->secret);
	free(f->plain);
	*f = (struct cert_file){ 0 };
}

/* ---- certificates and lists ---- */

struct slice cert_bytes_slice(const struct cert_bytes *b)
{
	return slice(b->p, b->n);
}

void cert_bytes_set(struct cert_bytes *b, struct slice from)
{
	b->p = xcalloc(1, from.n);
	b->n = from.n;
	memcpy(b->p, from.p, from.n);
}

void cert_bytes_free(struct cert_bytes *b)
{
	free(b->p);
	*b = (struct cert_bytes){ 0 };
}

static bool is_der(struct slice bytes)
{
	return bytes.n > 0 && bytes.p[0] == DER_SEQUENCE;
}

static int next_der(struct slice *left, struct cert_bytes *der)
{
	struct rd r;
	struct der d;

	rd_init(&r, *left);
	if (!der_next(&r, &d))
		return ERR_CONFIG;
	*left = rd_rest(&r);
	cert_bytes_set(der, d.whole);
	return 1;
}

int cert_file_next(struct slice *left, enum cert_pem what, struct cert_bytes *der)
{
	EncryptedInfo info = { 0 };
	DerBuffer *buffer = NULL;
	int ret;

	if (left->n == 0)
		return 0;
	if (is_der(*left))
		return next_der(left, der);
	ret = wc_PemToDer(left->p, (long)left->n, what == CERT_PEM_CRL ? CRL_TYPE : CERT_TYPE,
			  &buffer, NULL, &info, NULL);
	if (ret == 0 && buffer->length > 0 && info.consumed > 0 &&
	    (size_t)info.consumed <= left->n) {
		cert_bytes_set(der, slice(buffer->buffer, buffer->length));
		*left = slice(left->p + info.consumed, left->n - (size_t)info.consumed);
		ret = 1;
	} else {
		ret = ret == ASN_NO_PEM_HEADER ? 0 : ERR_CONFIG;
	}
	wc_FreeDer(&buffer);
	return ret;
}

/* ---- keys ---- */

static bool holds(struct slice bytes, const char *text)
{
	return memmem(bytes.p, bytes.n, text, strlen(text)) != NULL;
}

/* A PKCS#8 key in DER that is not encrypted begins with its version, an encrypted one does not. */
static bool der_is_encrypted(struct slice bytes)
{
	struct rd r, inner;
	struct der d;

	rd_init(&r, bytes);
	rd_init(&inner, der_take(&r, DER_SEQUENCE));
	return der_next(&inner, &d) && d.tag == DER_SEQUENCE;
}

/* Into `key`, which has room for all bytes of the file. The length or wolfSSL's error. */
static int key_der(struct slice bytes, bool encrypted, const char *password, struct secret *key)
{
	if (!is_der(bytes))
		return wc_KeyPemToDer(bytes.p, (int)bytes.n, key->p, (int)key->n, password);
	memcpy(key->p, bytes.p, bytes.n);
	if (!encrypted)
		return (int)bytes.n;
	return wc_DecryptPKCS8Key(key->p, (word32)bytes.n, password, (int)strlen(password));
}

int cert_file_key(struct slice bytes, const char *password, struct secret *key, const char **reason)
{
	bool encrypted = is_der(bytes) ? der_is_encrypted(bytes) : holds(bytes, "ENCRYPTED");
	struct secret whole;
	int n;

	if (!is_der(bytes) && !holds(bytes, "PRIVATE KEY-----")) {
		*reason = "there is no private key in it";
		return ERR_CONFIG;
	}
	if (encrypted && !password) {
		*reason = "the private key is encrypted and no password is given";
		return ERR_CONFIG;
	}
	secret_init(&whole, bytes.n);
	n = key_der(bytes, encrypted, password, &whole);
	if (n > 0 && cert_rsa_key_valid(slice(whole.p, (size_t)n)) == 0)
		secret_set(key, slice(whole.p, (size_t)n));
	else if (encrypted)
		*reason = "the password is wrong, or the key is no RSA key or encrypted in a way "
			  "that is not known (openssl pkcs8 -topk8 -v2 aes256 makes a known one)";
	else
		*reason = "the private key is not an RSA key";
	secret_free(&whole);
	return key->p ? 0 : ERR_CONFIG;
}
