/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The certificates and keys of tests/vectors/cert, for tests. Everything here aborts when it fails. */
#ifndef GODWIT_TESTS_SUPPORT_CERTS_H
#define GODWIT_TESTS_SUPPORT_CERTS_H

#include "crypto/cert.h"

#define CERTS_PATH_MAX 512

/* Where the file "leaf.pem", … lies. */
const char *certs_path(const char *file, char buf[CERTS_PATH_MAX]);
/* The path of a copy that only its owner can read: in /tmp, the caller's to unlink(). */
const char *certs_private(const char *file, char buf[CERTS_PATH_MAX]);
/* The certificate NAME.pem as DER, copied to buf. */
struct slice certs_der(const char *name, uint8_t buf[CERT_SIZE_MAX]);
/*
 * Credentials that trust the root `ca` and are of `certificate` with `key` (files; NULL: none of
 * them). The caller's to free.
 */
struct credentials *certs_load(const char *ca, const char *certificate, const char *key);

#endif
