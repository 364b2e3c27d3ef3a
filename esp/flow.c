/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "esp/flow.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define WAYS 4
#define SETS (FLOW_CACHE_SIZE / WAYS)

struct flow {
	struct tuple tuple;
	uint64_t number; /* of the rules that decided */
	struct flow_decision decision;
};

struct flow_cache {
	struct flow sets[SETS][WAYS];
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
	return xcalloc(1, sizeof(struct flow_cache));
}

void flow_cache_free(struct flow_cache *f)
{
	free(f);
}

/* Each hit brings a flow one place nearer to the front, and the last one makes room. */
struct flow_decision flow_decide(struct flow_cache *f, uint64_t number, const struct spd *p,
				 const struct tuple *t)
{
	struct flow *set = f->sets[flow_hash(t) % SETS];
	struct flow found;
	unsigned i = 0;

	while (i < WAYS && !(set[i].number == number && flow_eq(&set[i].tuple, t)))
		i++;
	if (i == 0)
		return set[0].decision;
	if (i < WAYS) {
		found = set[i];
		set[i] = set[i - 1];
		set[i - 1] = found;
		return found.decision;
	}
	found = (struct flow){ *t, number, flow_classify(p, t) };
	memmove(set + 1, set, sizeof(*set) * (WAYS - 1));
	set[0] = found;
	return found.decision;
}
