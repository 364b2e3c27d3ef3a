/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The SPD: an ordered list of rules, first match decides (RFC 4301 section 4.4.1). PROTECT rules
 * name the slot of the tunnel that serves them.
 */
#ifndef GODWIT_BASE_POLICY_H
#define GODWIT_BASE_POLICY_H

#include "base/ts.h"

enum policy_action {
	POLICY_PROTECT,
	POLICY_BYPASS,
	POLICY_DISCARD,
};

/* For whom a PROTECT rule has SAs. */
enum policy_granularity {
	GRANULARITY_RULE, /* one tunnel for all that the rule covers: `slot` */
	/*
	 * One for each remote host, or each flow. `slot` is the rule's own, never with an SA: what
	 * matches is held there and asked for by its tuple, until control has put a rule for that
	 * host or flow, with a slot of its own, before this one.
	 */
	GRANULARITY_HOST,
	GRANULARITY_FLOW,
};

struct policy_rule {
	struct ts_pair ts;
	enum policy_action action;
	unsigned slot; /* of the tunnel; PROTECT only */
	enum policy_granularity granularity; /* PROTECT only */
};

#define POLICY_RULES_MAX 1024 /* what a gateway may exclude and include, and our own */

struct policy {
	struct policy_rule rules[POLICY_RULES_MAX];
	unsigned n;
	enum policy_action fallback; /* BYPASS or DISCARD: what no rule names */
};

/* Rules that lie elsewhere, however many. */
struct policy_view {
	const struct policy_rule *rules;
	unsigned n;
	enum policy_action fallback;
};

/* Borrows p's rules. */
struct policy_view policy_view(const struct policy *p);
/* Appends a rule; false when the table is full. */
bool policy_add(struct policy *p, const struct policy_rule *rule);
/* The first rule that matches a packet we send, or NULL: then p->fallback decides. */
const struct policy_rule *policy_match(const struct policy *p, const struct tuple *t);
/* "protect", "bypass", "discard" */
const char *policy_action_name(enum policy_action a);
/* "rule", "host", "flow" */
const char *policy_granularity_name(enum policy_granularity g);

#endif
