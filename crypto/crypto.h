/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crypto/ is the only door to wolfSSL and libipsec-mb. What other folders see are descriptors
 * (algorithms as data), keyed objects, and key material:
 *
 *	hash.c   hash and HMAC                        RFC 2104, 4868
 *	cbc.c    CBC as IKE uses it: AES, 3DES        RFC 3602, 2451
 *	suite.c  what ESP's suites are made of
 *	aead.c   ESP's one seal/open: AES-GCM,        RFC 4106
 *	gcm*.c   by the library that is the faster one here (gcm.h)
 *	mac.c    and a cipher with HMAC behind it     RFC 3602, 3686, 2451, 2410; 2403, 2404, 4868
 *	dh.c     MODP and ECP Diffie-Hellman          RFC 2409, 3526, 5903
 *	modp.c   the MODP primes
 *	ikev1.c  IKEv1 key material                   RFC 2409 section 5, appendix B
 *	cisco.c  passwords hidden in Cisco's .pcf files (cisco.h)
 *	cert*.c  certificates and RSA signatures (cert.h): credentials from files (cert.c, _file),
 *	         a peer's chain (_peer), names (_dn), DER (_der)   RFC 5280, 4514, 8017
 *	random.c the program's generator
 *	crypto.c what belongs to the library as a whole
 *
 * Not here yet: IKEv2's key material, groups and AEADs, extended sequence numbers with HMAC (RFC
 * 4303 section 2.2.1 puts the high half behind the text), other signatures than RSA, OCSP, and
 * fetching of what a certificate points to. Extended key usage and policies are not looked at.
 *
 * Keyed objects live in locked memory and are wiped when freed. Nothing here reads a socket, and a
 * clock only for the dates of certificates and for the choice of a library; the only randomness is
 * what the caller's rng gives (wolfSSL's own generator is used for blinding alone and never shows in
 * an output).
 */
#ifndef GODWIT_CRYPTO_CRYPTO_H
#define GODWIT_CRYPTO_CRYPTO_H

#include "base/bytes.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/secret.h"

/*
 * Before anything else here, and before there are threads; 0 or ERR_SYSTEM. The first call chooses
 * the library for AES-GCM of ESP, which takes about a quarter of a millisecond.
 */
int crypto_init(void);
/* The library for AES-GCM of ESP: "wolfSSL" or "libipsec-mb". */
const char *crypto_gcm_name(void);
/* Says so to the log (debug); and warns if libipsec-mb is left alone because it was wrong. */
void crypto_log(const struct log *log);
/* wolfSSL's own version, such as "5.7.2", and the package it was built from. */
const char *crypto_version(void);
const char *crypto_package(void);

/* A cryptographic generator seeded by the kernel. Borrowed; lives as long as the process. */
struct rng *crypto_rng(void);

/* ---- hash.c ---- */

enum hash_alg {
	HASH_SHA1,
	HASH_SHA2_256,
	HASH_SHA2_384,
	HASH_SHA2_512,
	HASH_MD5, /* weak */
};

#define HASH_MAX 64 /* bytes of the longest output */

size_t hash_size(enum hash_alg alg);
/* "sha1", "sha256", "sha384", "sha512", "md5" */
const char *hash_name(enum hash_alg alg);
/* The hash of n parts in a row; out has hash_size(alg) bytes. */
void hash_parts(enum hash_alg alg, const struct slice *parts, size_t n, uint8_t *out);
/* HMAC with a key of any length over n parts in a row. IKEv1's prf (RFC 2409 section 4). */
void hmac_parts(enum hash_alg alg, struct slice key, const struct slice *parts, size_t n,
		uint8_t *out);

/* ---- cbc.c: encryption of IKEv1 messages ---- */

enum ike_cipher {
	IKE_CIPHER_AES_CBC,
	IKE_CIPHER_3DES_CBC, /* weak */
};

#define CBC_BLOCK_MAX 16
#define DES3_KEY_BITS 192 /* as they come from key material; 168 of them count */

/* Bytes of a block, and of an IV. */
size_t cbc_block(enum ike_cipher cipher);
/*
 * CBC in place. key: 16, 24 or 32 bytes with AES, 24 with 3DES. iv: a block, not changed (the
 * caller keeps the last block of the ciphertext as the next IV). n: a multiple of the block, else
 * ERR_MALFORMED. A key of another length is ERR_UNSUPPORTED. With an error the data is as it was.
 */
int cbc_encrypt(enum ike_cipher cipher, struct slice key, const uint8_t *iv, uint8_t *data,
		size_t n);
int cbc_decrypt(enum ike_cipher cipher, struct slice key, const uint8_t *iv, uint8_t *data,
		size_t n);

/* ---- suite.c: ESP's suites ---- */

enum esp_cipher {
	ESP_CIPHER_AES_CBC,
	ESP_CIPHER_AES_GCM_16,
	ESP_CIPHER_AES_GCM_12,
	ESP_CIPHER_AES_GCM_8, /* needs a wolfSSL that was built for it */
	ESP_CIPHER_AES_CTR,
	ESP_CIPHER_3DES_CBC, /* weak */
	ESP_CIPHER_NULL, /* does not encrypt */
};

enum esp_integ {
	ESP_INTEG_NONE, /* with an AEAD */
	ESP_INTEG_HMAC_SHA1_96,
	ESP_INTEG_HMAC_SHA2_256_128,
	ESP_INTEG_HMAC_SHA2_384_192,
	ESP_INTEG_HMAC_SHA2_512_256,
	ESP_INTEG_HMAC_MD5_96, /* weak */
};

/* What an ESP SA is made of: as negotiated. */
struct esp_suite {
	enum esp_cipher cipher;
	uint16_t key_bits; /* AES: 128, 192, 256; 3DES: DES3_KEY_BITS; NULL: 0 */
	enum esp_integ integ;
};

/* Sizes in bytes that follow from a suite. */
struct esp_sizes {
	uint8_t key; /* cipher key */
	uint8_t salt; /* behind it in the key material: 4 with GCM, and CTR, which calls it nonce */
	uint8_t integ_key; /* behind that */
	uint8_t iv; /* on the wire */
	uint8_t icv; /* on the wire */
	uint8_t align; /* payload + padding + 2 is a multiple of it */
};

/*
 * False when there is no such suite: an AEAD has no integrity algorithm and everything else must
 * have one, key_bits must be right, and the library that is linked must be able to do it.
 */
bool esp_suite_sizes(const struct esp_suite *suite, struct esp_sizes *out);
/* key + salt + integ_key; 0 when there is no such suite. */
size_t esp_suite_keymat(const struct esp_suite *suite);
/* In strongSwan's spelling: "aes128gcm16", "aes256-sha256", "3des-md5"; "unknown" for no suite. */
const char *esp_suite_name(const struct esp_suite *suite, char buf[40]);

/* ---- aead.c: ESP ---- */

struct aead; /* one direction of one SA; one thread */

/*
 * Takes esp_suite_keymat() bytes of key material (copied) in the order of struct esp_sizes, and,
 * with CBC alone, 16 random bytes from rng for the generator of IVs. NULL when the suite is
 * not valid or the length is wrong. Control thread (its memory is the pool of base/secret.h), as
 * is aead_free; sealing and opening may then be left to another thread and allocate nothing.
 */
struct aead *aead_new(const struct esp_suite *suite, struct slice keymat, struct rng *rng);
/* Wipes and frees. NULL is harmless. */
void aead_free(struct aead *a);
const struct esp_sizes *aead_sizes(const struct aead *a);

/*
 * Seals in place. text: IV room (sizes.iv bytes, filled here) followed by n plaintext bytes
 * (payload, padding, pad length, next header) followed by ICV room. aad: the ESP header (SPI and
 * sequence number) which precedes the IV. counter: never the same twice for one aead; the IV of GCM
 * and CTR is this counter, that of CBC its encryption under a key of its own.
 * Never fails for valid lengths (n a multiple of sizes.align).
 */
int aead_seal(struct aead *a, uint64_t counter, struct slice aad, uint8_t *text, size_t n);

/*
 * Verifies and opens in place. text: IV, n ciphertext bytes, ICV. 0; ERR_AUTH (the buffer's
 * content is then undefined and must be dropped); ERR_MALFORMED when n does not fit the cipher.
 */
int aead_open(struct aead *a, struct slice aad, uint8_t *text, size_t n);

/*
 * Asks the memory for what sealing or opening a packet of n bytes needs of the key. Nothing is read:
 * any thread may, as long as it is there.
 */
void aead_ahead(const struct aead *a, size_t n);

/* ---- dh.c ---- */

enum dh_group {
	DH_NONE = 0,
	DH_MODP_1024 = 2, /* weak */
	DH_MODP_1536 = 5, /* weak */
	DH_MODP_2048 = 14,
	DH_MODP_3072 = 15,
	DH_MODP_4096 = 16,
	DH_ECP_256 = 19,
	DH_ECP_384 = 20,
	DH_ECP_521 = 21,
};

#define DH_PUBLIC_MAX 512

struct dh; /* a private value and its public one */

/* Bytes of a public value on the wire; 0 for a group we do not have. */
size_t dh_public_size(enum dh_group group);
/* "modp2048", "ecp256" …; "none" for a group we do not have. */
const char *dh_group_name(enum dh_group group);
/* A key pair; the private value comes from rng. NULL for an unknown group. */
struct dh *dh_new(enum dh_group group, struct rng *rng);
void dh_free(struct dh *dh);
enum dh_group dh_get_group(const struct dh *dh);
/* Our public value, dh_public_size() bytes, zero-padded in front (ECP: x | y). Borrowed. */
struct slice dh_public(const struct dh *dh);
/*
 * The shared secret, padded to the size of the prime (ECP: x alone, RFC 5903 section 9). The peer's
 * value must have exactly the group's size and be neither 0, 1 nor p - 1, for ECP a point on the
 * curve; else ERR_BAD_KEY and *out is untouched.
 */
int dh_shared(struct dh *dh, struct slice peer, struct secret *out);

/* ---- ikev1.c ---- */

/* Zeroed before its first use. */
struct ikev1_keys {
	enum hash_alg hash; /* prf = HMAC of the negotiated hash */
	enum ike_cipher cipher; /* what `key` is for */
	struct secret skeyid;
	struct secret d; /* SKEYID_d: keys of children */
	struct secret a; /* SKEYID_a: HASH payloads */
	struct secret e; /* SKEYID_e */
	struct secret key; /* the cipher key made from SKEYID_e (appendix B) */
};

/* SKEYID for pre-shared keys: prf(psk, Ni_b | Nr_b). Sets keys->hash and keys->skeyid. */
void ikev1_skeyid_psk(struct ikev1_keys *keys, enum hash_alg hash, struct slice psk,
		      struct slice ni, struct slice nr);
/* SKEYID for signatures: prf(Ni_b | Nr_b, g^xy). */
void ikev1_skeyid_sig(struct ikev1_keys *keys, enum hash_alg hash, struct slice gxy,
		      struct slice ni, struct slice nr);
/*
 * SKEYID_d, _a, _e from SKEYID, and the key of this cipher, key_len bytes. cookies: CKY-I | CKY-R,
 * 16 bytes. Once for each keys object. Sets keys->cipher.
 */
void ikev1_skeyid_derive(struct ikev1_keys *keys, struct slice gxy, struct slice cookies,
			 enum ike_cipher cipher, size_t key_len);
void ikev1_keys_free(struct ikev1_keys *keys);
/*
 * KEYMAT for one direction (RFC 2409 section 5.5): n bytes for the SA whose receiver chose spi.
 * gqm: the secret of quick mode's own exchange, or empty without PFS.
 */
void ikev1_keymat(const struct ikev1_keys *keys, struct slice gqm, uint8_t protocol, uint32_t spi,
		  struct slice ni, struct slice nr, struct secret *out, size_t n);

#endif
