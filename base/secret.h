/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Key bytes. They live in pages that are locked against swap, left out of core dumps and wiped in
 * a forked child; freeing wipes them. A secret has no text form: no log field and no formatter
 * takes one.
 *
 * Control thread only: the pool behind it has no lock.
 */
#ifndef GODWIT_BASE_SECRET_H
#define GODWIT_BASE_SECRET_H

#include "base/bytes.h"

struct secret {
	uint8_t *p;
	size_t n;
};

/* Makes a zeroed secret of n bytes; whatever *s held before is not freed. Aborts without memory. */
void secret_init(struct secret *s, size_t n);
/* A secret with a copy of these bytes. */
void secret_set(struct secret *s, struct slice bytes);
/* Wipes and frees; *s is empty afterwards. Harmless on an empty (zeroed) secret. */
void secret_free(struct secret *s);
/* Moves `from` to `to` (which must be empty); `from` is empty afterwards. */
void secret_move(struct secret *to, struct secret *from);
struct slice secret_slice(const struct secret *s);

/* Memory from the same pool for objects that hold keys (64-byte aligned, zeroed). */
void *secret_alloc(size_t n);
void secret_release(void *p, size_t n);

/* Equal length and bytes, in time that depends on the lengths alone. */
bool ct_equal(struct slice a, struct slice b);
/* Overwrites with zeros in a way the compiler keeps. */
void wipe(void *p, size_t n);

/* False when the kernel refused to lock a page of the pool (RLIMIT_MEMLOCK). */
bool secret_pool_locked(void);
/* Bytes of the pool in use: 0 when every secret has been freed. For tests. */
size_t secret_pool_used(void);

#endif
