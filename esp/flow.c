/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "esp/flow.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "esp/esp.h"

#define WAYS 4
#define SETS (FLOW_CACHE_SIZE / WAYS)

struct flow {
	_Alignas(MEM_LINE) struct tuple tuple;
	uint8_t action, granularity;
	uint16_t slot;
	uint32_t number; /* of the rules that decided; its end */
	uint32_t at; /* when, in seconds */
};

_Static_assert(sizeof(struct flow) == MEM_LINE, "a flow is one cache line");

/* So that a look touches one flow at the most, and a hit moves none. */
struct flow_set {
	_Alignas(MEM_LINE / 2) uint32_t hash[WAYS]; /* of the flow in each place */
	uint16_t slot[WAYS]; /* its slot plus one; 0: it is not protected */
	uint8_t order[WAYS]; /* the places, the newest first; place i is written as 0 where it is i-th */
};

_Static_assert(CLASSIFIER_SLOTS < UINT16_MAX, "a slot plus one");

struct flow_cache {
	struct flow_set *sets; /* SETS */
	struct flow *flows; /* WAYS for each set */
	void *memory;
};

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15U;
	return h ^ h >> 29;
}

static uint64_t mix_addr(uint64_t h, const struct addr *a)
{
	uint64_t words[2];

	memcpy(words, a->b, sizeof(words));
	h = mix(h, words[0]);
	return a->family == FAMILY_IP6 ? mix(h, words[1]) : h;
}

uint32_t flow_hash(const struct tuple *t)
{
	uint64_t h = mix((uint64_t)t->ports << 8 | t->proto, (uint64_t)t->sport << 16 | t->dport);

	h = mix_addr(mix_addr(h, &t->src), &t->dst);
	return (uint32_t)(h >> 32);
}

bool flow_eq(const struct tuple *a, const struct tuple *b)
{
	return a->sport == b->sport && a->dport == b->dport && a->proto == b->proto &&
	       a->ports == b->ports && addr_eq(&a->dst, &b->dst) && addr_eq(&a->src, &b->src);
}

static enum flow_action flow_action(enum policy_action action)
{
	switch (action) {
	case POLICY_PROTECT:
		return FLOW_PROTECT;
	case POLICY_BYPASS:
		return FLOW_BYPASS;
	case POLICY_DISCARD:
		break;
	}
	return FLOW_DISCARD;
}

struct flow_decision flow_classify(const struct spd *p, const struct tuple *t)
{
	const struct policy_rule *rule = spd_match(p, t);
	struct flow_decision d = { .action = FLOW_DISCARD };

	if (rule) {
		d.action = flow_action(rule->action);
		d.slot = (uint16_t)rule->slot;
		d.granularity = rule->granularity;
	} else if (spd_foreign(p, t)) {
		d.action = FLOW_FOREIGN;
	} else if (spd_fallback(p) == POLICY_BYPASS) {
		d.action = FLOW_BYPASS;
	}
	return d;
}

struct flow_cache *flow_cache_new(void)
{
	struct flow_cache *f = xcalloc(1, sizeof(*f));

	f->memory = xcalloc(1, FLOW_CACHE_SIZE * sizeof(*f->flows) + SETS * sizeof(*f->sets) +
				       MEM_LINE);
	f->flows = mem_line(f->memory);
	f->sets = (struct flow_set *)(f->flows + FLOW_CACHE_SIZE);
	return f;
}

void flow_cache_free(struct flow_cache *f)
{
	if (!f)
		return;
	free(f->memory);
	free(f);
}

static unsigned place_at(const struct flow_set *s, unsigned i)
{
	return s->order[i] ^ i;
}

/* The i-th and the one before it change places. */
static void place_swap(struct flow_set *s, unsigned i)
{
	unsigned at = place_at(s, i), before = place_at(s, i - 1);

	s->order[i] = (uint8_t)(before ^ i);
	s->order[i - 1] = (uint8_t)(at ^ (i - 1));
}

static struct flow *flow_in(const struct flow_cache *f, const struct flow_set *s, unsigned place)
{
	return &f->flows[(size_t)(s - f->sets) * WAYS + place];
}

static bool flow_is(const struct flow *flow, uint64_t number, const struct tuple *t)
{
	return flow->number == (uint32_t)number && flow_eq(&flow->tuple, t);
}

static struct flow_decision flow_remember(struct flow_cache *f, struct flow_set *s, uint32_t hash,
					  vtime now, uint64_t number, const struct spd *p,
					  const struct tuple *t)
{
	struct flow_decision d = flow_classify(p, t);
	unsigned place = place_at(s, WAYS - 1);

	s->hash[place] = hash;
	s->slot[place] = d.action == FLOW_PROTECT ? (uint16_t)(d.slot + 1) : 0;
	*flow_in(f, s, place) = (struct flow){
		.tuple = *t,
		.action = (uint8_t)d.action,
		.granularity = (uint8_t)d.granularity,
		.slot = d.slot,
		.number = (uint32_t)number,
		.at = (uint32_t)(now / VTIME_S),
	};
	for (unsigned i = WAYS - 1; i > 0; i--)
		place_swap(s, i);
	return d;
}

/* Each hit brings a flow one place nearer to the front, and the last one makes room. */
struct flow_decision flow_decide(struct flow_cache *f, vtime now, uint64_t number,
				 const struct spd *p, const struct tuple *t, uint32_t hash)
{
	struct flow_set *s = &f->sets[hash % SETS];

	for (unsigned i = 0; i < WAYS; i++) {
		unsigned place = place_at(s, i);
		const struct flow *flow = flow_in(f, s, place);

		if (s->hash[place] != hash || !flow_is(flow, number, t))
			continue;
		if (i)
			place_swap(s, i);
		return (struct flow_decision){ flow->action, flow->slot, flow->granularity };
	}
	return flow_remember(f, s, hash, now, number, p, t);
}

void flow_list(const struct flow_cache *f, uint64_t number, unsigned first, unsigned places,
	       struct flow_entry *out, unsigned *n)
{
	for (unsigned i = first; i < first + places && i < FLOW_CACHE_SIZE; i++) {
		const struct flow *flow = &f->flows[i];

		if (flow->tuple.src.family == FAMILY_NONE || flow->number != (uint32_t)number)
			continue;
		out[(*n)++] = (struct flow_entry){
			.tuple = flow->tuple,
			.decision = { flow->action, flow->slot, flow->granularity },
			.since = flow->at * VTIME_S,
		};
	}
}

/* ---- ahead of the packets ---- */

void flow_ahead_set(const struct flow_cache *f, uint32_t hash)
{
	mem_ahead(&f->sets[hash % SETS], sizeof(*f->sets));
}

int flow_ahead(const struct flow_cache *f, uint32_t hash)
{
	const struct flow_set *s = &f->sets[hash % SETS];

	for (unsigned place = 0; place < WAYS; place++) {
		if (s->hash[place] != hash)
			continue;
		mem_ahead(flow_in(f, s, place), sizeof(*f->flows));
		return s->slot[place] - 1;
	}
	return -1;
}
