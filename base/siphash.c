/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/siphash.h"

#include <endian.h>

struct state {
	uint64_t v0, v1, v2, v3;
};

/* Of n bytes, 8 at most. */
static uint64_t get_le64(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	memcpy(&v, p, n);
	return le64toh(v);
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
	const uint64_t k0 = get_le64(key->b, 8), k1 = get_le64(key->b + 8, 8);
	/* The constants are the paper's. */
	struct state st = {
		k0 ^ 0x736f6d6570736575,
		k1 ^ 0x646f72616e646f6d,
		k0 ^ 0x6c7967656e657261,
		k1 ^ 0x7465646279746573,
	};
	size_t whole = s.n / 8 * 8;

	for (size_t i = 0; i < whole; i += 8)
		word(&st, get_le64(s.p + i, 8));
	word(&st, get_le64(s.p + whole, s.n - whole) | (uint64_t)s.n << 56);
	st.v2 ^= 0xff;
	rounds(&st, 4);
	return st.v0 ^ st.v1 ^ st.v2 ^ st.v3;
}
