/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/rng.h"

#include <string.h>

void rng_fill(struct rng *r, void *out, size_t n)
{
	r->fill(r->ctx, out, n);
}

uint32_t rng_u32(struct rng *r)
{
	uint32_t v;

	rng_fill(r, &v, sizeof(v));
	return v;
}

uint64_t rng_u64(struct rng *r)
{
	uint64_t v;

	rng_fill(r, &v, sizeof(v));
	return v;
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
	/* Values under 2^64 mod n would make the low results likelier. */
	uint64_t reject = (0 - n) % n;
	uint64_t v;

	do
		v = rng_u64(r);
	while (v < reject);
	return v % n;
}

static uint64_t splitmix64(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static void seed_fill(void *ctx, uint8_t *out, size_t n)
{
	struct rng_seed *s = ctx;

	while (n) {
		uint64_t v = splitmix64(&s->state);
		size_t take = n < sizeof(v) ? n : sizeof(v);

		memcpy(out, &v, take);
		out += take;
		n -= take;
	}
}

struct rng rng_seeded(struct rng_seed *s, uint64_t seed)
{
	s->state = seed;
	return (struct rng){ seed_fill, s };
}
