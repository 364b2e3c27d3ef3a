/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Injected randomness. The program gives a cryptographic generator (crypto/random.h), tests give a
 * seeded one, so that a run can be repeated exactly.
 */
#ifndef GODWIT_BASE_RNG_H
#define GODWIT_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng {
	/* Fills n bytes; must not fail (the program's generator aborts when it cannot). */
	void (*fill)(void *ctx, uint8_t *out, size_t n);
	void *ctx;
};

void rng_fill(struct rng *r, void *out, size_t n);
uint32_t rng_u32(struct rng *r);
uint64_t rng_u64(struct rng *r);
/* A number in 0 … n - 1 without bias; n > 0. */
uint64_t rng_below(struct rng *r, uint64_t n);

/*
 * A small seeded generator (splitmix64) for simulations and tests. Not for keys that protect
 * anything. The rng made by rng_seeded borrows *s.
 */
struct rng_seed {
	uint64_t state;
};

struct rng rng_seeded(struct rng_seed *s, uint64_t seed);

#endif
