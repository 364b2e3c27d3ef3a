/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file of users: a line for each, "name:hash", where the hash is crypt(3)'s, as in /etc/shadow:
 * yescrypt is what users_hash makes, and other slow ones are taken. Empty lines and lines that begin
 * with '#' count for nothing.
 *
 * To check a password takes a tenth of a second and some megabytes on purpose; so it is no business
 * of the engine's, nor of the thread that it runs in. A name that is not there takes as long as one
 * that is.
 */
#ifndef GODWIT_GATEWAY_USERS_H
#define GODWIT_GATEWAY_USERS_H

#include "base/rng.h"
#include "base/secret.h"

#define USERS_MAX 4096
#define USERS_NAME_MAX 256 /* with its NUL */
#define USERS_HASH_MAX 384 /* the same; no hash of crypt(3) is longer */
#define USERS_WHY_MAX 256

/* Immutable once loaded: any thread may check. */
struct users;

/*
 * Reads the file, which others than its owner must not be able to read. 0; ERR_SYSTEM,
 * ERR_PERMISSION or ERR_CONFIG with one line in `why` that names the file, the line and what to do: a
 * name that comes twice, a hash that is none or that can be guessed too fast.
 */
int users_load(const char *file, struct users **out, char why[USERS_WHY_MAX]);
void users_free(struct users *u);
unsigned users_count(const struct users *u);
/* Whether this is the user's password. Slow. A password with a NUL in it is nobody's. */
bool users_check(const struct users *u, const char *name, struct slice password);
/* What stands behind the name in the file. 0 or ERR_SYSTEM. Slow. */
int users_hash(struct slice password, struct rng *rng, char out[USERS_HASH_MAX]);

#endif
