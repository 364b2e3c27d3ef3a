/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of crypto/ share with one another and with nobody else. */
#ifndef GODWIT_CRYPTO_INTERNAL_H
#define GODWIT_CRYPTO_INTERNAL_H

#include "crypto/crypto.h"

/*
 * For wolfSSL calls that fail only by our own fault or for want of memory: anything but 0 ends the
 * process with one line that names the call.
 */
void crypto_must(int ret, const char *call);

/* HMAC under one key, with both padded keys hashed beforehand. One thread at a time. */
struct hmac;

/* In locked memory; the key is not kept. */
struct hmac *hmac_new(enum hash_alg alg, struct slice key);
/* Wipes and frees. NULL is harmless. */
void hmac_free(struct hmac *h);
/* The HMAC of n parts in a row; out has hash_size() bytes. Allocates nothing. */
void hmac_compute(struct hmac *h, const struct slice *parts, size_t n, uint8_t *out);

/* ---- suite.c ---- */

bool esp_cipher_is_aead(enum esp_cipher cipher);
/* The hash of a HMAC; not for ESP_INTEG_NONE. */
enum hash_alg esp_integ_hash(enum esp_integ integ);

/* ---- mac.c: encrypt, then HMAC; or the other way round ---- */

struct mac;

/* In locked memory; as aead_new, for a suite that is no AEAD and is known to be right. */
struct mac *mac_new(const struct esp_suite *suite, struct slice keymat, struct rng *rng);
/* Wipes and frees. NULL is harmless. */
void mac_free(struct mac *m);
/* As aead_seal and aead_open. */
void mac_seal(struct mac *m, uint64_t counter, struct slice aad, uint8_t *text, size_t n);
int mac_open(struct mac *m, struct slice aad, uint8_t *text, size_t n);

/* ---- modp.c ---- */

extern const uint8_t modp_1024_prime[128];
extern const uint8_t modp_1536_prime[192];
extern const uint8_t modp_2048_prime[256];
extern const uint8_t modp_3072_prime[384];
extern const uint8_t modp_4096_prime[512];

#endif
