/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A generator that gives out bytes known beforehand, and aborts when they are used up. */
#ifndef GODWIT_TESTS_SUPPORT_GIVEN_RNG_H
#define GODWIT_TESTS_SUPPORT_GIVEN_RNG_H

#include <stdlib.h>

#include "base/bytes.h"
#include "base/rng.h"

static inline void given_fill(void *ctx, uint8_t *out, size_t n)
{
	struct rd *r = ctx;

	rd_copy(r, out, n);
	if (r->bad)
		abort();
}

/* Borrows *r, which holds the bytes and afterwards what was not asked for. */
static inline struct rng given_rng(struct rd *r, struct slice bytes)
{
	rd_init(r, bytes);
	return (struct rng){ given_fill, r };
}

#endif
