/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/pool.h"

#include <stdlib.h>

#include "base/mem.h"

/* Past that an address is looked for no further: so many leases there can never be. */
#define TRIES_MAX (POOL_LEASES_MAX + 2)
#define BUCKETS 8192 /* a power of two */

struct lease {
	struct addr addr; /* FAMILY_NONE: the place is free */
	uint8_t key[POOL_KEY];
	bool taken;
	vtime left_at;
	unsigned next, next_key; /* in its buckets: a place, counted from 1; 0: none */
};

struct pool {
	struct pool_range ranges[POOL_RANGES_MAX];
	unsigned nranges;
	unsigned nleases; /* places that have been used */
	unsigned buckets[BUCKETS]; /* leases by address */
	unsigned keys[BUCKETS]; /* and by key */
	struct lease leases[POOL_LEASES_MAX];
};

/* ---- ranges ---- */

/* The address `steps` behind `a`; the families' ends are far. */
static struct addr addr_plus(const struct addr *a, uint64_t steps)
{
	struct addr sum = *a;

	for (size_t i = family_size(a->family); i-- > 0 && steps;) {
		steps += sum.b[i];
		sum.b[i] = (uint8_t)steps;
		steps >>= 8;
	}
	return sum;
}

static uint64_t low_bits(const struct addr *a)
{
	size_t n = family_size(a->family);
	uint64_t v = 0;

	for (size_t i = n > 8 ? n - 8 : 0; i < n; i++)
		v = v << 8 | a->b[i];
	return v;
}

/* How many addresses it has; more than can be counted are UINT64_MAX. */
static uint64_t range_size(const struct pool_range *r)
{
	size_t n = family_size(r->lo.family);

	if (n > 8 && memcmp(r->lo.b, r->hi.b, n - 8) != 0)
		return UINT64_MAX;
	return low_bits(&r->hi) - low_bits(&r->lo) == UINT64_MAX ?
		       UINT64_MAX :
		       low_bits(&r->hi) - low_bits(&r->lo) + 1;
}

static bool range_from_prefix(const struct prefix *p, struct pool_range *out)
{
	unsigned bits = 8 * (unsigned)family_size(p->addr.family);

	prefix_range(p, &out->lo, &out->hi);
	if (bits - p->len < 2)
		return true;
	out->lo = addr_plus(&out->lo, 1);
	if (out->hi.family == FAMILY_IP4)
		out->hi.b[3]--;
	return true;
}

bool pool_range_parse(const char *text, struct pool_range *out)
{
	const char *dash = strchr(text, '-');
	char lo[ADDR_TEXT_MAX];
	struct prefix p;

	if (!dash)
		return prefix_parse(text, &p) && range_from_prefix(&p, out);
	if ((size_t)(dash - text) >= sizeof(lo))
		return false;
	memcpy(lo, text, (size_t)(dash - text));
	lo[dash - text] = '\0';
	return addr_parse(lo, &out->lo) && addr_parse(dash + 1, &out->hi) &&
	       out->lo.family == out->hi.family && addr_cmp(&out->lo, &out->hi) <= 0;
}

bool pool_range_contains(const struct pool_range *r, const struct addr *a)
{
	return a->family == r->lo.family && addr_cmp(&r->lo, a) <= 0 && addr_cmp(a, &r->hi) <= 0;
}

struct addr pool_own(const struct pool *p, enum family f)
{
	for (unsigned i = 0; i < p->nranges; i++)
		if (p->ranges[i].lo.family == f)
			return p->ranges[i].lo;
	return (struct addr){ .family = FAMILY_NONE };
}

static bool is_given_out(const struct pool *p, const struct addr *a)
{
	struct addr own = pool_own(p, a->family);

	for (unsigned i = 0; i < p->nranges; i++)
		if (pool_range_contains(&p->ranges[i], a))
			return addr_is_host(a) && !addr_eq(a, &own);
	return false;
}

/* ---- leases ---- */

static unsigned *bucket_of(struct pool *p, const struct addr *a)
{
	return &p->buckets[(low_bits(a) * 0x9e3779b97f4a7c15U >> 32) % BUCKETS];
}

static struct lease *lease_at(struct pool *p, const struct addr *a)
{
	for (unsigned i = *bucket_of(p, a); i; i = p->leases[i - 1].next)
		if (addr_eq(&p->leases[i - 1].addr, a))
			return &p->leases[i - 1];
	return NULL;
}

static uint64_t offset_of(const uint8_t key[POOL_KEY])
{
	uint64_t v = 0;

	for (unsigned i = 0; i < sizeof(v); i++)
		v = v << 8 | key[i];
	return v;
}

/* Keys are digests. */
static unsigned *key_bucket_of(struct pool *p, const uint8_t key[POOL_KEY])
{
	return &p->keys[offset_of(key) % BUCKETS];
}

static void lease_unlink(struct pool *p, const struct lease *l)
{
	unsigned *at = bucket_of(p, &l->addr);

	while (*at && &p->leases[*at - 1] != l)
		at = &p->leases[*at - 1].next;
	if (*at)
		*at = l->next;
	at = key_bucket_of(p, l->key);
	while (*at && &p->leases[*at - 1] != l)
		at = &p->leases[*at - 1].next_key;
	if (*at)
		*at = l->next_key;
}

static void lease_link(struct pool *p, struct lease *l)
{
	unsigned *at = bucket_of(p, &l->addr);

	l->next = *at;
	*at = (unsigned)(l - p->leases) + 1;
	at = key_bucket_of(p, l->key);
	l->next_key = *at;
	*at = (unsigned)(l - p->leases) + 1;
}

/* The one that left last, so that who comes with many devices gives each its own again. */
static struct lease *lease_of(struct pool *p, const uint8_t key[POOL_KEY], enum family f)
{
	struct lease *best = NULL;

	for (unsigned i = *key_bucket_of(p, key); i; i = p->leases[i - 1].next_key) {
		struct lease *l = &p->leases[i - 1];

		if (l->taken || l->addr.family != f || memcmp(l->key, key, POOL_KEY) != 0)
			continue;
		if (!best || l->left_at > best->left_at)
			best = l;
	}
	return best;
}

/* Of this family, or of any (NONE): the one that has been without a client for the longest time. */
static struct lease *lease_oldest(struct pool *p, enum family f)
{
	struct lease *best = NULL;

	for (unsigned i = 0; i < p->nleases; i++) {
		struct lease *l = &p->leases[i];

		if (l->taken || l->addr.family == FAMILY_NONE || (f && l->addr.family != f))
			continue;
		if (!best || l->left_at < best->left_at)
			best = l;
	}
	return best;
}

/* A place for a new lease; NULL: all are taken. */
static struct lease *lease_place(struct pool *p)
{
	if (p->nleases < POOL_LEASES_MAX)
		return &p->leases[p->nleases++];
	return lease_oldest(p, FAMILY_NONE);
}

/* One that nobody has had as far as we remember, in this range. */
static bool range_search(struct pool *p, const struct pool_range *r, uint64_t offset,
			 struct addr *out)
{
	uint64_t size = range_size(r);

	offset %= size;
	for (uint64_t i = 0; i < size && i < TRIES_MAX; i++) {
		*out = addr_plus(&r->lo, offset);
		if (is_given_out(p, out) && !lease_at(p, out))
			return true;
		offset = offset + 1 == size ? 0 : offset + 1;
	}
	return false;
}

static bool unused_find(struct pool *p, const uint8_t key[POOL_KEY], enum family f,
			struct addr *out)
{
	for (unsigned i = 0; i < p->nranges; i++)
		if (p->ranges[i].lo.family == f &&
		    range_search(p, &p->ranges[i], offset_of(key), out))
			return true;
	return false;
}

/* What is wished for, if it can be had: *l is its lease, NULL when it has none. */
static bool wish_is_good(struct pool *p, const uint8_t key[POOL_KEY], enum family f,
			 const struct addr *wish, struct lease **l)
{
	if (!wish || wish->family != f || !is_given_out(p, wish))
		return false;
	*l = lease_at(p, wish);
	return !*l || (!(*l)->taken && memcmp((*l)->key, key, POOL_KEY) == 0);
}

static bool lease_choose(struct pool *p, const uint8_t key[POOL_KEY], enum family f,
			 const struct addr *wish, struct lease **l, struct addr *a)
{
	*l = NULL;
	if (wish_is_good(p, key, f, wish, l)) {
		*a = *wish;
		return true;
	}
	*l = lease_of(p, key, f);
	if (!*l && unused_find(p, key, f, a))
		return true;
	if (!*l)
		*l = lease_oldest(p, f);
	if (*l)
		*a = (*l)->addr;
	return *l != NULL;
}

bool pool_lease(struct pool *p, vtime now, const uint8_t key[POOL_KEY], enum family f,
		const struct addr *wish, struct addr *out)
{
	struct lease *l;
	struct addr a;

	if (!lease_choose(p, key, f, wish, &l, &a))
		return false;
	if (!l)
		l = lease_place(p);
	if (!l)
		return false;
	lease_unlink(p, l);
	*l = (struct lease){ .addr = a, .taken = true, .left_at = now };
	memcpy(l->key, key, POOL_KEY);
	lease_link(p, l);
	*out = a;
	return true;
}

void pool_release(struct pool *p, vtime now, const struct addr *a)
{
	struct lease *l = a->family ? lease_at(p, a) : NULL;

	if (!l)
		return;
	l->taken = false;
	l->left_at = now;
}

unsigned pool_used(const struct pool *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->nleases; i++)
		n += p->leases[i].taken;
	return n;
}

struct pool *pool_new(const struct pool_range *ranges, unsigned n)
{
	struct pool *p = xcalloc(1, sizeof(*p));

	for (unsigned i = 0; i < n && i < POOL_RANGES_MAX; i++)
		p->ranges[p->nranges++] = ranges[i];
	return p;
}

void pool_free(struct pool *p)
{
	free(p);
}
