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

#endif
