/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/policy.h"

bool policy_add(struct policy *p, const struct policy_rule *rule)
{
	if (p->n == POLICY_RULES_MAX)
		return false;
	p->rules[p->n++] = *rule;
	return true;
}

struct policy_view policy_view(const struct policy *p)
{
	return (struct policy_view){ p->rules, p->n, p->fallback };
}

const struct policy_rule *policy_match(const struct policy *p, const struct tuple *t)
{
	for (unsigned i = 0; i < p->n; i++)
		if (ts_pair_match_out(&p->rules[i].ts, t))
			return &p->rules[i];
	return NULL;
}

const char *policy_action_name(enum policy_action a)
{
	switch (a) {
	case POLICY_PROTECT:
		return "protect";
	case POLICY_BYPASS:
		return "bypass";
	case POLICY_DISCARD:
		return "discard";
	}
	return "unknown";
}

const char *policy_granularity_name(enum policy_granularity g)
{
	switch (g) {
	case GRANULARITY_RULE:
		return "rule";
	case GRANULARITY_HOST:
		return "host";
	case GRANULARITY_FLOW:
		return "flow";
	}
	return "unknown";
}
