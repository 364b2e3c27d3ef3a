/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files behind crypto/cert.h share: DER (cert_der.c), one parsed certificate
 * (cert_info.c), RSA (cert_rsa.c), files (cert_file.c) and what credentials hold (cert.c).
 */
#ifndef GODWIT_CRYPTO_CERT_IMPL_H
#define GODWIT_CRYPTO_CERT_IMPL_H

#include "crypto/cert.h"

#define CERT_RSA_BITS_MIN 2048
#define CERT_RSA_BITS_MAX 4096

/* ---- cert_der.c ---- */

enum der_tag {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_OCTETS = 0x04,
	DER_OID = 0x06,
	DER_UTF8 = 0x0c,
	DER_NUMERIC = 0x12,
	DER_PRINTABLE = 0x13,
	DER_T61 = 0x14,
	DER_IA5 = 0x16,
	DER_UTC_TIME = 0x17,
	DER_TIME = 0x18, /* GeneralizedTime */
	DER_VISIBLE = 0x1a,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
};

struct der {
	uint8_t tag;
	struct slice body;
	struct slice whole; /* with its header */
};

/*
 * The next element: true; false at the end and, with r->bad set, when it is not DER (a length in
 * more bytes than it needs or beyond the end, an indefinite length, a tag above 30).
 */
bool der_next(struct rd *r, struct der *out);
/* The body of the next element, which must have this tag: else r->bad is set. */
struct slice der_take(struct rd *r, uint8_t tag);
/* As der_take, with the header. */
struct slice der_take_whole(struct rd *r, uint8_t tag);
/* Writes one element. */
void der_put(struct wr *w, uint8_t tag, struct slice body);

/* ---- cert_dn.c ---- */

/* Writes text that came from outside for a person, RFC 4514's escapes in the place of the rest. */
void cert_put_text(struct wr *w, struct slice text);
/* A Name that can be walked, and no text in it has a NUL. */
bool cert_dn_clean(struct slice dn);

/* ---- cert_rsa.c ---- */

/* The bits of the RSA modulus in a SubjectPublicKeyInfo; 0: no RSA key, or one that is unsound. */
unsigned cert_rsa_bits(struct slice spki);
/* As cert_peer_check. */
int cert_rsa_check(struct slice spki, struct slice bytes, struct slice signature);
/* As credentials_sign; spki: the public half of the key, which is DER (PKCS#1 or PKCS#8). */
int cert_rsa_sign(struct slice key, struct slice spki, struct slice bytes,
		  uint8_t out[CERT_SIGNATURE_MAX]);
/* Decodes a private key: 0, or ERR_UNSUPPORTED where it is no RSA key. */
int cert_rsa_key_valid(struct slice key);

/* ---- cert_info.c ---- */

/* A certificate's parts; slices lie in its DER. */
struct cert_info {
	struct slice der;
	struct slice subject; /* Names with their headers */
	struct slice issuer;
	struct slice spki;
	struct slice validity; /* two times, each with its header */
	struct slice alt_names; /* the body of GeneralNames; empty without subjectAltName */
	unsigned bits; /* of the RSA key; 0: another kind of key */
	int path_length; /* of basicConstraints; -1: no limit */
	bool is_ca; /* basicConstraints says so, and keyUsage does not forbid certificates */
	bool no_cert_sign; /* a CA whose keyUsage does forbid them */
	bool first_version; /* X.509 v1, without extensions */
	bool may_sign; /* by keyUsage: what is not a certificate or CRL */
	bool constrains; /* has nameConstraints */
	bool weak_signature; /* made with MD2 or MD5 */
};

/*
 * Parses one certificate that fills `der` exactly: 0; ERR_MALFORMED; ERR_UNSUPPORTED. Nothing is
 * verified.
 */
int cert_info_parse(struct slice der, struct cert_info *out);
/* NULL when the dates are good now; else "has expired" or "is not valid yet". */
const char *cert_info_dates(const struct cert_info *info);
/*
 * Why that is, and what to do: ": valid from … to …, and our clock says …; …". `owner`: who can get
 * another one. Returns buf.
 */
const char *cert_info_dates_text(const struct cert_info *info, const char *owner, char *buf,
				 size_t size);

/* ---- cert_file.c ---- */

/* The bytes of a file; those of a private one in locked memory. */
struct cert_file {
	struct slice bytes;
	uint8_t *plain;
	struct secret secret;
};

/*
 * Reads a regular file. A private one must be open to its owner alone. ERR_CONFIG or ERR_SYSTEM
 * with `why`.
 */
int cert_file_read(const char *path, bool private, struct cert_file *out, char why[CERT_WHY_MAX]);
void cert_file_free(struct cert_file *f);

enum cert_pem {
	CERT_PEM_CERTIFICATE,
	CERT_PEM_CRL,
};

/* Bytes that their holder frees. */
struct cert_bytes {
	uint8_t *p;
	size_t n;
};

struct slice cert_bytes_slice(const struct cert_bytes *b);
/* A copy. */
void cert_bytes_set(struct cert_bytes *b, struct slice from);
void cert_bytes_free(struct cert_bytes *b);

/*
 * The next DER object of a file's bytes, PEM or DER; *left goes past it. 1 with *der; 0: no more;
 * ERR_CONFIG.
 */
int cert_file_next(struct slice *left, enum cert_pem what, struct cert_bytes *der);
/*
 * The private key in a file's bytes: 0; ERR_CONFIG with one clause in *reason. password: a C
 * string or NULL.
 */
int cert_file_key(struct slice bytes, const char *password, struct secret *key,
		  const char **reason);

/* ---- cert.c ---- */

struct cert_root {
	struct cert_bytes der;
	struct cert_info info;
};

struct cert_crl {
	struct cert_bytes der;
	struct slice issuer; /* a Name in it */
};

struct credentials {
	struct cert_root *roots;
	unsigned n_roots;
	struct cert_crl *crls;
	unsigned n_crls;
	struct cert_bytes chain[CERT_CHAIN_MAX];
	unsigned n_chain;
	struct cert_info leaf; /* of chain[0] */
	struct secret key;
};

#endif
