/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The addresses that clients are given. Whoever comes again gets the address that he had, as long as
 * nobody else needs it; who comes for the first time one that follows from his name, so that it is
 * most likely the same after the gateway has forgotten everything.
 *
 * The first address of each family is the gateway's own. Memory is bounded: what nobody has is
 * remembered for POOL_LEASES_MAX clients in all, and the one that left first is forgotten first.
 */
#ifndef GODWIT_GATEWAY_POOL_H
#define GODWIT_GATEWAY_POOL_H

#include "base/addr.h"
#include "base/vtime.h"

#define POOL_RANGES_MAX 8
#define POOL_LEASES_MAX 20480
#define POOL_KEY 32 /* bytes: a digest of whose lease it is */

struct pool_range {
	struct addr lo, hi; /* of one family, lo not above hi */
};

struct pool;

/*
 * "10.9.0.0/24" without its network and its broadcast address, "fd00:9::/64" without its first one,
 * or "10.9.0.10-10.9.0.99" as it is. False when it is none of these, or empty.
 */
bool pool_range_parse(const char *text, struct pool_range *out);
bool pool_range_contains(const struct pool_range *r, const struct addr *a);

/* At most POOL_RANGES_MAX ranges, copied. */
struct pool *pool_new(const struct pool_range *ranges, unsigned n);
void pool_free(struct pool *p);

/* The gateway's own address of this family; FAMILY_NONE: there is no range of it. */
struct addr pool_own(const struct pool *p, enum family f);
/*
 * An address for the client `key`, which has none of this family. wish: what it would like to have
 * (NULL or FAMILY_NONE: nothing), given when it is its own or free. False: all are taken.
 */
bool pool_lease(struct pool *p, vtime now, const uint8_t key[POOL_KEY], enum family f,
		const struct addr *wish, struct addr *out);
/* The client is gone; the address stays its own until somebody needs it. */
void pool_release(struct pool *p, vtime now, const struct addr *a);
/* Leases that clients have now. */
unsigned pool_used(const struct pool *p);

#endif
