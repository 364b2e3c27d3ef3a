/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/flood.h"

#include <stdlib.h>

#include "base/mem.h"

/* Who has one IPv6 address has a /64 of them. */
static struct addr source_of(const struct addr *a)
{
	struct addr s = *a;

	if (s.family == FAMILY_IP6)
		memset(s.b + 8, 0, 8);
	return s;
}

/* ---- how many ---- */

void halfopen_init(struct halfopen *h, unsigned max, unsigned source_max)
{
	*h = (struct halfopen){ .max = max, .source_max = source_max };
	h->entry = xcalloc(max, sizeof(*h->entry));
}

void halfopen_free(struct halfopen *h)
{
	free(h->entry);
	*h = (struct halfopen){ 0 };
}

/* Who has not shown our cookie goes before who has, then the oldest. */
static bool goes_before(const struct halfopen_entry *a, const struct halfopen_entry *b)
{
	if (a->returned != b->returned)
		return !a->returned;
	return a->order < b->order;
}

int halfopen_victim(const struct halfopen *h, const struct addr *from)
{
	const struct halfopen_entry *first = NULL, *here = NULL;
	const struct addr source = source_of(from);
	unsigned n = 0;

	for (unsigned i = 0; i < h->n; i++) {
		const struct halfopen_entry *e = &h->entry[i];

		if (!first || goes_before(e, first))
			first = e;
		if (!addr_eq(&e->source, &source))
			continue;
		n++;
		if (!here || goes_before(e, here))
			here = e;
	}
	if (here && n >= h->source_max)
		return (int)here->who;
	return first && h->n >= h->max ? (int)first->who : HALFOPEN_NONE;
}

void halfopen_add(struct halfopen *h, unsigned who, const struct addr *from)
{
	if (h->n == h->max)
		abort();
	h->entry[h->n++] = (struct halfopen_entry){
		.source = source_of(from),
		.order = ++h->order,
		.who = who,
	};
}

static struct halfopen_entry *entry_of(struct halfopen *h, unsigned who)
{
	for (unsigned i = 0; i < h->n; i++)
		if (h->entry[i].who == who)
			return &h->entry[i];
	return NULL;
}

void halfopen_returned(struct halfopen *h, unsigned who)
{
	struct halfopen_entry *e = entry_of(h, who);

	if (e)
		e->returned = true;
}

void halfopen_remove(struct halfopen *h, unsigned who)
{
	struct halfopen_entry *e = entry_of(h, who);

	if (e)
		*e = h->entry[--h->n];
}

/* ---- how often ---- */

void rates_init(struct rates *r, uint64_t key, unsigned per_s, unsigned burst,
		unsigned source_per_s, unsigned source_burst)
{
	*r = (struct rates){
		.each = per_s ? VTIME_S / per_s : 0,
		.source_each = source_per_s ? VTIME_S / source_per_s : 0,
		.burst = burst,
		.source_burst = source_burst,
		.key = key | 1,
	};
}

static bool bucket_has(const struct rate_bucket *b, vtime now, vtime each, unsigned burst)
{
	return each == 0 || b->full_at <= now || b->full_at - now <= each * (burst - 1);
}

static void bucket_take(struct rate_bucket *b, vtime now, vtime each)
{
	b->full_at = (b->full_at > now ? b->full_at : now) + each;
}

static struct rate_bucket *bucket_of(struct rates *r, const struct addr *from)
{
	const struct addr source = source_of(from);
	uint64_t h = source.family;

	for (unsigned i = 0; i < sizeof(source.b); i++)
		h = (h ^ source.b[i]) * r->key + (h >> 29);
	return &r->source[(h >> 32) % RATES_SOURCES];
}

bool rates_take(struct rates *r, vtime now, const struct addr *from)
{
	struct rate_bucket *source = bucket_of(r, from);

	if (!bucket_has(&r->all, now, r->each, r->burst) ||
	    !bucket_has(source, now, r->source_each, r->source_burst))
		return false;
	bucket_take(&r->all, now, r->each);
	bucket_take(source, now, r->source_each);
	return true;
}
