/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the SPD decides about a flow, and the cache that remembers it, so that the list of rules is
 * gone through for the first packet of a flow only. A flow is what has one tuple: fragments other
 * than the first have no ports and are a flow of their own.
 */
#ifndef GODWIT_ESP_FLOW_H
#define GODWIT_ESP_FLOW_H

#include "base/vtime.h"
#include "esp/spd.h"

#define FLOW_CACHE_SIZE 32768 /* flows; in sets of four */

enum flow_action {
	FLOW_PROTECT,
	FLOW_BYPASS,
	FLOW_DISCARD,
	/* A PROTECT rule would take it if its source were ours; nobody there waits for an answer. */
	FLOW_FOREIGN,
};

struct flow_decision {
	enum flow_action action;
	uint16_t slot; /* PROTECT */
	enum policy_granularity granularity; /* PROTECT */
};

/* For tables by tuple. */
uint32_t flow_hash(const struct tuple *t);
bool flow_eq(const struct tuple *a, const struct tuple *b);

/* What the rules say, from the first one on. */
struct flow_decision flow_classify(const struct spd *p, const struct tuple *t);

/* What is remembered of a flow. */
struct flow_entry {
	struct tuple tuple;
	struct flow_decision decision;
	vtime since; /* it has been decided so, to the second */
};

struct flow_cache;

/* All memory is taken now, and touched when it is used. */
struct flow_cache *flow_cache_new(void);
void flow_cache_free(struct flow_cache *f);
/*
 * The same as flow_classify, by one look-up where the flow is known. `number` is that of the rules p
 * (classifier_rules_number): what was remembered for other rules is not believed. `hash` is the tuple's.
 */
struct flow_decision flow_decide(struct flow_cache *f, vtime now, uint64_t number,
				 const struct spd *p, const struct tuple *t, uint32_t hash);
/*
 * The flows in the places from `first` on that are remembered for rules of this number: looks at
 * `places` of them, of FLOW_CACHE_SIZE in all, and appends to out[*n], which has room for as many.
 */
void flow_list(const struct flow_cache *f, uint64_t number, unsigned first, unsigned places,
	       struct flow_entry *out, unsigned *n);

/* Asks the memory for where a flow with this hash is remembered. */
void flow_ahead_set(const struct flow_cache *f, uint32_t hash);
/*
 * Then for the flow. Returns the slot that it most likely has, -1 where there is none: by rules that may
 * be older, and for no packet's use.
 */
int flow_ahead(const struct flow_cache *f, uint32_t hash);

#endif
