/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What strangers may cost. IKEv1 has no stateless cookie: a first message must be remembered before
 * it is known whether its source exists. So those are counted, in all and for each source, and when
 * there is one too many the oldest of those that have not yet shown our cookie goes. How often a key
 * exchange is computed is limited, too, again in all and for each source.
 *
 * A source is an IPv4 address or an IPv6 /64. All memory is taken at the beginning.
 */
#ifndef GODWIT_GATEWAY_FLOOD_H
#define GODWIT_GATEWAY_FLOOD_H

#include "base/addr.h"
#include "base/vtime.h"

/* ---- how many ---- */

struct halfopen_entry {
	struct addr source;
	uint64_t order; /* grows from one to the next */
	unsigned who;
	bool returned; /* it has shown our cookie: it is where it says */
};

struct halfopen {
	unsigned max, source_max;
	unsigned n;
	uint64_t order;
	struct halfopen_entry *entry;
};

#define HALFOPEN_NONE (-1)

void halfopen_init(struct halfopen *h, unsigned max, unsigned source_max);
void halfopen_free(struct halfopen *h);
/* Who must go before one more from there can come: its `who`; HALFOPEN_NONE: nobody. */
int halfopen_victim(const struct halfopen *h, const struct addr *from);
/* There must be room: the victim is gone. */
void halfopen_add(struct halfopen *h, unsigned who, const struct addr *from);
void halfopen_returned(struct halfopen *h, unsigned who);
/* Nothing when it is not there. */
void halfopen_remove(struct halfopen *h, unsigned who);

/* ---- how often ---- */

#define RATES_SOURCES 256

struct rate_bucket {
	vtime full_at; /* it is full then if nothing more is taken */
};

struct rates {
	vtime each, source_each; /* one token in so much time; 0: no limit */
	unsigned burst, source_burst;
	uint64_t key; /* so that nobody can choose whom he shares a bucket with */
	struct rate_bucket all;
	struct rate_bucket source[RATES_SOURCES];
};

/* per_s, burst: in all; the sources' after them. 0 per_s: no limit. */
void rates_init(struct rates *r, uint64_t key, unsigned per_s, unsigned burst,
		unsigned source_per_s, unsigned source_burst);
/* Takes one token of both buckets; false: there is none. */
bool rates_take(struct rates *r, vtime now, const struct addr *from);

#endif
