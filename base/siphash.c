/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/siphash.h"

#include <endian.h>

struct state {
	uint64_t v0, v1, v2, v3;
};

static uint64_t get_le64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

/* What is behind the last whole word, and how much there was in all. */
static uint64_t tail(struct slice s)
{
	uint64_t v = (uint64_t)s.n << 56;

	for (size_t i = s.n / 8 * 8, bit = 0; i < s.n; i++, bit += 8)
		v |= (uint64_t)s.p[i] << bit;
	return v;
}

static uint64_t turn(uint64_t v, unsigned bits)
{
	return v << bits | v >> (64 - bits);
}

static void rounds(struct state *s, unsigned n)
{
	while (n--) {
		s->v0 += s->v1;
		s->v2 += s->v3;
		s->v1 = turn(s->v1, 13) ^ s->v0;
		s->v3 = turn(s->v3, 16) ^ s->v2;
		s->v0 = turn(s->v0, 32);
		s->v2 += s->v1;
		s->v0 += s->v3;
		s->v1 = turn(s->v1, 17) ^ s->v2;
		s->v3 = turn(s->v3, 21) ^ s->v0;
		s->v2 = turn(s->v2, 32);
	}
}

static void word(struct state *s, uint64_t m)
{
	s->v3 ^= m;
	rounds(s, 2);
	s->v0 ^= m;
}

uint64_t siphash(const struct siphash_key *key, struct slice s)
{
	const uint64_t k0 = get_le64(key->b), k1 = get_le64(key->b + 8);
	/* The constants are the paper's. */
	struct state st = {
		k0 ^ 0x736f6d6570736575,
		k1 ^ 0x646f72616e646f6d,
		k0 ^ 0x6c7967656e657261,
		k1 ^ 0x7465646279746573,
	};
	size_t whole = s.n / 8 * 8;

	for (size_t i = 0; i < whole; i += 8)
		word(&st, get_le64(s.p + i));
	word(&st, tail(s));
	st.v2 ^= 0xff;
	rounds(&st, 4);
	return st.v0 ^ st.v1 ^ st.v2 ^ st.v3;
}
