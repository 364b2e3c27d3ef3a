/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "esp/spd.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define NONE UINT32_MAX
#define WORDS 2 /* of an address */
/* Of one family each length of a prefix, and what is of no family. */
#define GROUPS_MAX (33 + 129 + 1)

_Static_assert(GROUPS_MAX <= UINT8_MAX, "a group is named by a byte");

struct spd_rule {
	struct policy_rule rule;
	uint32_t next; /* with the same prefix, a later one; NONE: none */
};

/* All rules whose remote prefix has this length. */
struct spd_group {
	enum family family;
	uint8_t len;
	uint64_t mask[WORDS]; /* in network order, as addresses are */
	uint32_t first; /* of its rules, in the list */
	uint32_t n;
	uint32_t size; /* of the buckets: a power of two */
	uint32_t *buckets; /* the first rule of one or more prefixes */
};

/* A remote end that is no prefix, in numbers: the higher half first. */
struct spd_range {
	uint64_t lo[WORDS], hi[WORDS];
	enum family family;
	uint32_t rule;
};

struct spd {
	enum policy_action fallback;
	uint32_t n;
	struct spd_rule *rules;
	struct spd_group groups[GROUPS_MAX]; /* those with the earliest rules first */
	unsigned ngroups;
	struct spd_range *ranges; /* in the list's order */
	uint32_t nranges;
	struct ts *locals; /* of PROTECT rules, each range once */
	uint32_t nlocals;
};

static void addr_words(const struct addr *a, uint64_t w[WORDS])
{
	memcpy(w, a->b, sizeof(a->b));
}

static uint32_t bucket_of(const struct spd_group *g, const struct addr *a)
{
	uint64_t w[WORDS], h;

	addr_words(a, w);
	h = (w[0] & g->mask[0]) * 0x9e3779b97f4a7c15U;
	h = (h ^ h >> 32 ^ (w[1] & g->mask[1])) * 0x9e3779b97f4a7c15U;
	return (uint32_t)(h >> 32) & (g->size - 1);
}

/* ---- searching ---- */

static bool end_fits(const struct ts *t, const struct tuple *p, uint16_t port)
{
	if (t->proto != 0 && t->proto != p->proto)
		return false;
	if (t->port_lo == 0 && t->port_hi == UINT16_MAX)
		return true;
	return p->ports && t->port_lo <= port && port <= t->port_hi;
}

/* Ports first: where many rules are about one network, those tell them apart at the least cost. */
static bool rule_fits(const struct policy_rule *r, const struct tuple *t, bool any_source)
{
	if (any_source)
		return r->action == POLICY_PROTECT && end_fits(&r->ts.remote, t, t->dport) &&
		       ts_contains_addr(&r->ts.remote, &t->dst);
	return end_fits(&r->ts.remote, t, t->dport) && end_fits(&r->ts.local, t, t->sport) &&
	       ts_contains_addr(&r->ts.remote, &t->dst) && ts_contains_addr(&r->ts.local, &t->src);
}

/* The first one of a chain that comes before `best`, or `best`. */
static uint32_t chain_search(const struct spd *s, uint32_t at, uint32_t best, const struct tuple *t,
			     bool any_source)
{
	for (; at < best; at = s->rules[at].next)
		if (rule_fits(&s->rules[at].rule, t, any_source))
			return at;
	return best;
}

static void addr_numbers(const struct addr *a, uint64_t n[WORDS])
{
	struct rd r;

	rd_init(&r, slice(a->b, sizeof(a->b)));
	for (unsigned i = 0; i < WORDS; i++)
		n[i] = rd_u64(&r);
}

static bool number_below(const uint64_t a[WORDS], const uint64_t b[WORDS])
{
	return a[0] < b[0] || (a[0] == b[0] && a[1] < b[1]);
}

static uint32_t ranges_search(const struct spd *s, uint32_t best, const struct tuple *t,
			      bool any_source)
{
	uint64_t dst[WORDS];

	addr_numbers(&t->dst, dst);
	for (uint32_t i = 0; i < s->nranges && s->ranges[i].rule < best; i++) {
		const struct spd_range *r = &s->ranges[i];

		if (r->family == t->dst.family && !number_below(dst, r->lo) &&
		    !number_below(r->hi, dst) && rule_fits(&s->rules[r->rule].rule, t, any_source))
			return r->rule;
	}
	return best;
}

static uint32_t spd_search(const struct spd *s, const struct tuple *t, bool any_source)
{
	uint32_t best = s->n;

	for (unsigned i = 0; i < s->ngroups && s->groups[i].first < best; i++) {
		const struct spd_group *g = &s->groups[i];

		if (g->family == t->dst.family)
			best = chain_search(s, g->buckets[bucket_of(g, &t->dst)], best, t,
					    any_source);
	}
	return s->nranges ? ranges_search(s, best, t, any_source) : best;
}

const struct policy_rule *spd_match(const struct spd *s, const struct tuple *t)
{
	uint32_t at = spd_search(s, t, false);

	return at < s->n ? &s->rules[at].rule : NULL;
}

bool spd_foreign(const struct spd *s, const struct tuple *t)
{
	for (uint32_t i = 0; i < s->nlocals; i++)
		if (ts_contains_addr(&s->locals[i], &t->src))
			return false;
	return spd_search(s, t, true) < s->n;
}

enum policy_action spd_fallback(const struct spd *s)
{
	return s->fallback;
}

/* ---- making ---- */

static struct spd_group *group_of(struct spd *s, const struct prefix *p)
{
	struct spd_group *g;
	struct addr lo, hi;
	uint64_t w[WORDS];

	for (unsigned i = 0; i < s->ngroups; i++)
		if (s->groups[i].family == p->addr.family && s->groups[i].len == p->len)
			return &s->groups[i];
	g = &s->groups[s->ngroups++];
	g->family = p->addr.family;
	g->len = p->len;
	prefix_range(p, &lo, &hi);
	addr_words(&lo, g->mask);
	addr_words(&hi, w);
	for (unsigned i = 0; i < WORDS; i++)
		g->mask[i] = ~(g->mask[i] ^ w[i]);
	return g;
}

static void group_make(struct spd_group *g)
{
	for (g->size = 1; g->size < 2 * g->n; g->size *= 2)
		;
	g->buckets = xcalloc(g->size, sizeof(*g->buckets));
	memset(g->buckets, 0xff, g->size * sizeof(*g->buckets)); /* NONE */
}

/* From the last rule to the first, so that chains are in the list's order. */
static void rules_chain(struct spd *s, const uint8_t *group)
{
	for (uint32_t i = s->n; i-- > 0;) {
		const struct spd_group *g;
		uint32_t *head;

		if (group[i] == GROUPS_MAX)
			continue;
		g = &s->groups[group[i]];
		head = &g->buckets[bucket_of(g, &s->rules[i].rule.ts.remote.lo)];
		s->rules[i].next = *head;
		*head = i;
	}
}

static void range_add(struct spd *s, uint32_t rule)
{
	const struct ts *t = &s->rules[rule].rule.ts.remote;
	struct spd_range *r = &s->ranges[s->nranges++];

	addr_numbers(&t->lo, r->lo);
	addr_numbers(&t->hi, r->hi);
	r->family = t->lo.family;
	r->rule = rule;
}

/* In the order of their first rules, because that is the order in which they are met. */
static void spd_index(struct spd *s)
{
	uint8_t *group = xcalloc(s->n, 1);

	s->ranges = xcalloc(s->n, sizeof(*s->ranges));
	for (uint32_t i = 0; i < s->n; i++) {
		struct spd_group *g;
		struct prefix p;

		group[i] = GROUPS_MAX;
		if (!ts_to_prefix(&s->rules[i].rule.ts.remote, &p)) {
			range_add(s, i);
			continue;
		}
		g = group_of(s, &p);
		if (!g->n++)
			g->first = i;
		group[i] = (uint8_t)(g - s->groups);
	}
	for (unsigned i = 0; i < s->ngroups; i++)
		group_make(&s->groups[i]);
	rules_chain(s, group);
	free(group);
}

static int local_compare(const void *a, const void *b)
{
	const struct ts *x = a, *y = b;
	int order = addr_cmp(&x->lo, &y->lo);

	return order ? order : addr_cmp(&x->hi, &y->hi);
}

static void locals_make(struct spd *s)
{
	uint32_t n = 0;

	s->locals = xcalloc(s->n, sizeof(*s->locals));
	for (uint32_t i = 0; i < s->n; i++) {
		const struct policy_rule *r = &s->rules[i].rule;

		/* Neighbours are often alike, and need no sorting. */
		if (r->action == POLICY_PROTECT &&
		    (n == 0 || local_compare(&s->locals[n - 1], &r->ts.local) != 0))
			s->locals[n++] = r->ts.local;
	}
	if (n)
		qsort(s->locals, n, sizeof(*s->locals), local_compare);
	for (uint32_t i = 0; i < n; i++)
		if (i == 0 || local_compare(&s->locals[s->nlocals - 1], &s->locals[i]) != 0)
			s->locals[s->nlocals++] = s->locals[i];
}

struct spd *spd_new(const struct policy_view *rules)
{
	struct spd *s = xcalloc(1, sizeof(*s));

	s->fallback = rules->fallback;
	s->n = rules->n;
	s->rules = xcalloc(s->n, sizeof(*s->rules));
	for (uint32_t i = 0; i < s->n; i++)
		s->rules[i].rule = rules->rules[i];
	spd_index(s);
	locals_make(s);
	return s;
}

void spd_free(struct spd *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->ngroups; i++)
		free(s->groups[i].buckets);
	free(s->rules);
	free(s->ranges);
	free(s->locals);
	free(s);
}
