/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Certificates and RSA signatures for IKE: our own chain and key, the roots that we trust, and
 * what a peer shows. Certificates are parsed and verified by wolfSSL; the time of day that their
 * validity is measured against is the system's.
 */
#ifndef GODWIT_CRYPTO_CERT_H
#define GODWIT_CRYPTO_CERT_H

#include "base/bytes.h"
#include "base/rng.h"
#include "base/secret.h"

#define CERT_CHAIN_MAX 8 /* certificates of one chain, ours or a peer's */
#define CERT_SIZE_MAX 8192 /* bytes of one, DER */
#define CERT_SIGNATURE_MAX 512 /* RSA with 4096 bits */
#define CERT_WHY_MAX 512

/* Where they come from. Texts may be NULL. Formats are told by what is in the file. */
struct credentials_source {
	/*
	 * Roots: a PEM or DER file, or a directory of such. Any certificate may be one; what is no
	 * CA is believed when a peer shows itself and vouches for no other.
	 */
	const char *ca;
	const char *certificate; /* ours, PEM or DER; what follows in the file are its issuers */
	const char *key; /* PEM (PKCS#1, PKCS#8, both also encrypted) or DER */
	const char *pkcs12; /* instead of certificate and key; its CA certificates are not trusted */
	/*
	 * PEM or DER; then what is revoked there is refused. Issuers without a list revoke nothing;
	 * below one whose list is out of date or not signed by it nothing is believed.
	 */
	const char *crl;
	struct slice password; /* of key or pkcs12, at most 79 bytes; empty: none */
};

/* Immutable once loaded: may be used by several SAs. */
struct credentials;

/*
 * Reads the files. 0; ERR_CONFIG or ERR_SYSTEM with one line in `why` that names the file and what
 * to do (no such file, no certificate in it, wrong password, the key does not belong to the
 * certificate, not an RSA key, fewer than 2048 bits, expired …). A private key that others can read
 * is refused.
 */
int credentials_load(const struct credentials_source *source, struct credentials **out,
		     char why[CERT_WHY_MAX]);
/* Wipes. NULL is harmless. */
void credentials_free(struct credentials *c);

/* Our certificates, the leaf first; 0: none, we cannot sign. */
unsigned credentials_chain(const struct credentials *c, struct slice chain[CERT_CHAIN_MAX]);
/* The subject of our leaf, DER with its SEQUENCE header; empty without one. Borrowed. */
struct slice credentials_subject(const struct credentials *c);
/* The subjects of the roots, for certificate requests: the i-th, DER; empty past the last. */
struct slice credentials_root(const struct credentials *c, unsigned i);
/*
 * Signs the bytes as they are: PKCS#1 v1.5 type 1 without DigestInfo (RFC 2409 section 5.1). The
 * length of the signature, or ERR_UNSUPPORTED when we have no key.
 */
int credentials_sign(const struct credentials *c, struct rng *rng, struct slice bytes,
		     uint8_t out[CERT_SIGNATURE_MAX]);

/* A peer's certificate, verified. */
struct cert_peer;

enum cert_name {
	CERT_NAME_DN, /* the subject, DER with its SEQUENCE header */
	CERT_NAME_DNS, /* subjectAltName: the text; "*.example.com" covers one label */
	CERT_NAME_EMAIL,
	CERT_NAME_IP, /* 4 or 16 bytes */
};

/*
 * chain: what the peer sent, the leaf first, its issuers in any order, DER. The leaf must lead to
 * one of our roots, all be valid now, none be revoked, issuers be CAs that may sign certificates,
 * and the leaf be allowed to sign (digitalSignature or nonRepudiation where it says). RSA keys have
 * 2048 to 4096 bits, issuers may have others; signatures with MD5 are refused. 0; ERR_MALFORMED or
 * ERR_AUTH with one clause in `why` for a person.
 */
int cert_peer_verify(const struct credentials *c, const struct slice *chain, unsigned n,
		     struct cert_peer **out, char why[CERT_WHY_MAX]);
void cert_peer_free(struct cert_peer *p);
/* True when the certificate bears this name. A common name is no name but as part of the DN. */
bool cert_peer_is(const struct cert_peer *p, enum cert_name type, struct slice name);
/* What it bears, for a person: "CN=vpn.example.com, O=Example; DNS vpn.example.com". */
const char *cert_peer_text(const struct cert_peer *p, char *buf, size_t size);
/* The signature recovers to exactly these bytes (as credentials_sign makes it): 0 or ERR_AUTH. */
int cert_peer_check(const struct cert_peer *p, struct slice bytes, struct slice signature);

/*
 * "C=DE, O=Example, CN=vpn" to a DER Name and back, in the order that is written; RFC 4514's escapes
 * and OpenSSL's form "/C=DE/O=Example" are taken. What is no Name is "(not a name)". cert_dn_parse returns the length, ERR_CONFIG or ERR_NO_ROOM.
 */
int cert_dn_parse(const char *text, uint8_t *out, size_t size);
const char *cert_dn_text(struct slice dn, char *buf, size_t size);
/* Two Names are the same: types and values in order, letter case and numbers of spaces aside. */
bool cert_dn_eq(struct slice a, struct slice b);

#endif
