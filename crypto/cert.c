/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/pkcs12.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/mem.h"
#include "crypto/cert_impl.h"

#define ROOTS_MAX 1024
#define CRLS_MAX 64
#define PATH_TEXT_MAX 4096

/* What wolfSSL copies a password into has room for this many bytes. */
#define PASSWORD_MAX 79

/* One line: the file, and what is wrong with it. */
static int refuse(char why[CERT_WHY_MAX], const char *path, const char *what)
{
	snprintf(why, CERT_WHY_MAX, "%s: %s", path, what);
	return ERR_CONFIG;
}

/* ---- roots ---- */

/* Takes the bytes, or frees them where we have them already. */
static void root_add(struct credentials *c, struct cert_bytes *der, const struct cert_info *info)
{
	for (unsigned i = 0; i < c->n_roots; i++) {
		if (slice_eq(c->roots[i].info.der, info->der)) {
			cert_bytes_free(der);
			return;
		}
	}
	c->roots[c->n_roots++] = (struct cert_root){ *der, *info };
}

/* Certificates that we cannot use are passed over: bundles have some of every kind. */
static int roots_from_file(struct credentials *c, const char *path, char why[CERT_WHY_MAX])
{
	struct cert_bytes der;
	struct cert_file file;
	struct cert_info info;
	struct slice left;
	int err = cert_file_read(path, false, &file, why), got;

	if (err)
		return err;
	left = file.bytes;
	while ((got = cert_file_next(&left, CERT_PEM_CERTIFICATE, &der)) > 0) {
		if (c->n_roots == ROOTS_MAX) {
			cert_bytes_free(&der);
			err = refuse(why, path, "has too many certificates");
			goto out;
		}
		if (cert_info_parse(cert_bytes_slice(&der), &info) == 0)
			root_add(c, &der, &info);
		else
			cert_bytes_free(&der);
	}
	if (got < 0)
		err = refuse(why, path, "has a certificate that cannot be read");
out:
	cert_file_free(&file);
	return err;
}

/* Other files may lie there, too; sub-directories are left alone. */
static int roots_from_directory(struct credentials *c, const char *path, char why[CERT_WHY_MAX])
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int err = 0;

	if (!dir) {
		snprintf(why, CERT_WHY_MAX, "%s: cannot be read: %s", path, strerror(errno));
		return ERR_SYSTEM;
	}
	while (err == 0 && (entry = readdir(dir))) {
		char file[PATH_TEXT_MAX];
		struct stat st;
		int n = snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);

		if (entry->d_name[0] == '.' || n < 0 || (size_t)n >= sizeof(file) ||
		    stat(file, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
			continue;
		err = roots_from_file(c, file, why);
	}
	closedir(dir);
	return err;
}

/* None of the roots is valid now; with the dates of the first. */
static int refuse_roots(const struct credentials *c, const char *path, char why[CERT_WHY_MAX])
{
	char dates[200];

	snprintf(why, CERT_WHY_MAX, "%s: no certificate in it is valid now%s", path,
		 cert_info_dates_text(&c->roots[0].info, "we", dates, sizeof(dates)));
	return ERR_CONFIG;
}

static bool any_root_is_current(const struct credentials *c)
{
	for (unsigned i = 0; i < c->n_roots; i++) {
		if (!cert_info_dates(&c->roots[i].info))
			return true;
	}
	return false;
}

static int load_roots(struct credentials *c, const char *path, char why[CERT_WHY_MAX])
{
	struct stat st;
	int err;

	c->roots = xcalloc(ROOTS_MAX, sizeof(*c->roots));
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		err = roots_from_directory(c, path, why);
	else
		err = roots_from_file(c, path, why);
	if (err)
		return err;
	if (c->n_roots == 0)
		return refuse(why, path, "there is no certificate in it");
	if (!any_root_is_current(c))
		return refuse_roots(c, path, why);
	return 0;
}

/* ---- revocation lists ---- */

/* The issuer of a CertificateList, RFC 5280 section 5.1; empty where it is none. */
static struct slice crl_issuer(struct slice der)
{
	struct rd file, outer, list;
	struct der d;
	struct slice name;

	rd_init(&file, der);
	rd_init(&outer, der_take(&file, DER_SEQUENCE));
	rd_init(&list, der_take(&outer, DER_SEQUENCE));
	if (!der_next(&list, &d))
		return SLICE_NONE;
	if (d.tag == DER_INTEGER)
		der_next(&list, &d);
	name = der_take_whole(&list, DER_SEQUENCE);
	return d.tag == DER_SEQUENCE && !list.bad && cert_dn_clean(name) ? name : SLICE_NONE;
}

static int load_crls(struct credentials *c, const char *path, char why[CERT_WHY_MAX])
{
	struct cert_file file;
	struct slice left;
	int err = cert_file_read(path, false, &file, why), got = 0;

	if (err)
		return err;
	c->crls = xcalloc(CRLS_MAX, sizeof(*c->crls));
	left = file.bytes;
	while (c->n_crls < CRLS_MAX) {
		struct cert_crl *crl = &c->crls[c->n_crls];

		got = cert_file_next(&left, CERT_PEM_CRL, &crl->der);
		if (got <= 0)
			break;
		c->n_crls++;
		crl->issuer = crl_issuer(cert_bytes_slice(&crl->der));
		if (crl->issuer.n == 0)
			got = ERR_CONFIG;
		if (got < 0)
			break;
	}
	if (got < 0)
		err = refuse(why, path, "has a revocation list that cannot be read");
	else if (c->n_crls == 0)
		err = refuse(why, path, "there is no revocation list in it");
	else if (got > 0)
		err = refuse(why, path, "has too many revocation lists");
	cert_file_free(&file);
	return err;
}

/* ---- our own ---- */

static int chain_add(struct credentials *c, const char *path, struct slice der,
		     char why[CERT_WHY_MAX])
{
	if (c->n_chain == CERT_CHAIN_MAX)
		return refuse(why, path, "has more than 8 certificates");
	if (der.n > CERT_SIZE_MAX)
		return refuse(why, path, "has a certificate of more than 8192 bytes");
	cert_bytes_set(&c->chain[c->n_chain++], der);
	return 0;
}

static int chain_from_file(struct credentials *c, const char *path, char why[CERT_WHY_MAX])
{
	struct cert_bytes der;
	struct cert_file file;
	struct slice left;
	int err = cert_file_read(path, false, &file, why), got = 0;

	if (err)
		return err;
	left = file.bytes;
	while (err == 0 && (got = cert_file_next(&left, CERT_PEM_CERTIFICATE, &der)) > 0) {
		err = chain_add(c, path, cert_bytes_slice(&der), why);
		cert_bytes_free(&der);
	}
	if (err == 0 && got < 0)
		err = refuse(why, path, "has a certificate that cannot be read");
	if (err == 0 && c->n_chain == 0)
		err = refuse(why, path, "there is no certificate in it");
	cert_file_free(&file);
	return err;
}

static int key_from_file(struct credentials *c, const char *path, const char *password,
			 char why[CERT_WHY_MAX])
{
	const char *reason = NULL;
	struct cert_file file;
	int err = cert_file_read(path, true, &file, why);

	if (err)
		return err;
	if (cert_file_key(file.bytes, password, &c->key, &reason) != 0)
		err = refuse(why, path, reason);
	cert_file_free(&file);
	return err;
}

/* Its certificates become our chain; none of them is trusted for it. */
static int take_pkcs12(struct credentials *c, const char *path, WC_PKCS12 *p12,
		       const char *password, char why[CERT_WHY_MAX])
{
	byte *key = NULL, *cert = NULL;
	word32 key_size = 0, cert_size = 0;
	WC_DerCertList *others = NULL;
	int err = 0;

	if (wc_PKCS12_parse(p12, password, &key, &key_size, &cert, &cert_size, &others) != 0)
		err = refuse(why, path,
			     *password ? "the password is wrong, or the file is encrypted in a way "
					 "that is not known" :
					 "it is encrypted and no password is given");
	else if (!key || !cert)
		err = refuse(why, path, "it has no certificate with its private key");
	else if (cert_rsa_key_valid(slice(key, key_size)) != 0)
		err = refuse(why, path, "the private key is not an RSA key");
	if (err == 0) {
		secret_set(&c->key, slice(key, key_size));
		err = chain_add(c, path, slice(cert, cert_size), why);
	}
	for (WC_DerCertList *o = others; err == 0 && o; o = o->next)
		err = chain_add(c, path, slice(o->buffer, o->bufferSz), why);
	if (key)
		wipe(key, key_size);
	XFREE(key, NULL, DYNAMIC_TYPE_PUBLIC_KEY);
	XFREE(cert, NULL, DYNAMIC_TYPE_PKCS);
	wc_FreeCertList(others, NULL);
	return err;
}

static int load_pkcs12(struct credentials *c, const char *path, const char *password,
		       char why[CERT_WHY_MAX])
{
	struct cert_file file;
	WC_PKCS12 *p12;
	int err = cert_file_read(path, true, &file, why);

	if (err)
		return err;
	p12 = wc_PKCS12_new();
	if (!p12)
		abort();
	if (wc_d2i_PKCS12(file.bytes.p, (word32)file.bytes.n, p12) < 0)
		err = refuse(why, path, "it is not a PKCS#12 file");
	else
		err = take_pkcs12(c, path, p12, password ? password : "", why);
	wc_PKCS12_free(p12);
	cert_file_free(&file);
	return err;
}

/* The leaf is one that we can sign with. */
static int check_leaf(struct credentials *c, const char *path, char why[CERT_WHY_MAX])
{
	static const uint8_t sample[20] = { 1 };
	struct cert_info *leaf = &c->leaf;
	uint8_t signature[CERT_SIGNATURE_MAX];
	const char *dates;
	char text[200];

	if (cert_info_parse(cert_bytes_slice(&c->chain[0]), leaf) != 0)
		return refuse(why, path, "the certificate is not well formed");
	if (leaf->bits == 0)
		return refuse(why, path, "the certificate is not for an RSA key");
	if (leaf->bits < CERT_RSA_BITS_MIN)
		return refuse(why, path, "its RSA key has fewer than 2048 bits");
	if (leaf->bits > CERT_RSA_BITS_MAX)
		return refuse(why, path, "its RSA key has more than 4096 bits");
	dates = cert_info_dates(leaf);
	if (dates) {
		snprintf(why, CERT_WHY_MAX, "%s: the certificate %s%s", path, dates,
			 cert_info_dates_text(leaf, "we", text, sizeof(text)));
		return ERR_CONFIG;
	}
	if (cert_rsa_sign(secret_slice(&c->key), leaf->spki, SLICE_OF(sample), signature) <= 0)
		return refuse(why, path, "the private key does not belong to this certificate");
	return 0;
}

static int load_own(struct credentials *c, const struct credentials_source *source,
		    const char *password, char why[CERT_WHY_MAX])
{
	int err;

	if (source->pkcs12) {
		err = load_pkcs12(c, source->pkcs12, password, why);
		return err ? err : check_leaf(c, source->pkcs12, why);
	}
	if (!source->certificate && !source->key)
		return 0;
	if (!source->key)
		return refuse(why, source->certificate, "a private key is missing for it");
	if (!source->certificate)
		return refuse(why, source->key, "a certificate is missing for it");
	err = chain_from_file(c, source->certificate, why);
	if (err == 0)
		err = key_from_file(c, source->key, password, why);
	return err ? err : check_leaf(c, source->certificate, why);
}

/* ---- all ---- */

/* A C string of the password; an empty secret where there is none. */
static int take_password(struct slice password, struct secret *out, char why[CERT_WHY_MAX])
{
	if (password.n == 0)
		return 0;
	if (password.n > PASSWORD_MAX || memchr(password.p, 0, password.n)) {
		snprintf(why, CERT_WHY_MAX,
			 "the password of the private key has more than %d bytes or a NUL in it",
			 PASSWORD_MAX);
		return ERR_CONFIG;
	}
	secret_init(out, password.n + 1);
	memcpy(out->p, password.p, password.n);
	return 0;
}

int credentials_load(const struct credentials_source *source, struct credentials **out,
		     char why[CERT_WHY_MAX])
{
	struct credentials *c = xcalloc(1, sizeof(*c));
	struct secret password = { 0 };
	int err = take_password(source->password, &password, why);

	*out = NULL;
	if (err == 0 && source->ca)
		err = load_roots(c, source->ca, why);
	if (err == 0 && source->crl)
		err = load_crls(c, source->crl, why);
	if (err == 0)
		err = load_own(c, source, (const char *)password.p, why);
	secret_free(&password);
	if (err)
		credentials_free(c);
	else
		*out = c;
	return err;
}

void credentials_free(struct credentials *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < c->n_roots; i++)
		cert_bytes_free(&c->roots[i].der);
	for (unsigned i = 0; i < c->n_crls; i++)
		cert_bytes_free(&c->crls[i].der);
	for (unsigned i = 0; i < c->n_chain; i++)
		cert_bytes_free(&c->chain[i]);
	free(c->roots);
	free(c->crls);
	secret_free(&c->key);
	free(c);
}

unsigned credentials_chain(const struct credentials *c, struct slice chain[CERT_CHAIN_MAX])
{
	for (unsigned i = 0; i < c->n_chain; i++)
		chain[i] = cert_bytes_slice(&c->chain[i]);
	return c->n_chain;
}

struct slice credentials_subject(const struct credentials *c)
{
	return c->leaf.subject;
}

struct slice credentials_root(const struct credentials *c, unsigned i)
{
	return i < c->n_roots ? c->roots[i].info.subject : SLICE_NONE;
}

int credentials_sign(const struct credentials *c, struct rng *rng, struct slice bytes,
		     uint8_t out[CERT_SIGNATURE_MAX])
{
	/* This padding takes no random bytes; those for blinding never show. */
	(void)rng;
	if (c->n_chain == 0)
		return ERR_UNSUPPORTED;
	return cert_rsa_sign(secret_slice(&c->key), c->leaf.spki, bytes, out);
}
