/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules of one's own, and packets that ask for them. */
#ifndef GODWIT_TESTS_DEMAND_PARTS_H
#define GODWIT_TESTS_DEMAND_PARTS_H

#include "tests/unit/session_parts.h"

#define TCP 6
#define INNER "10.98.0.7"

static inline struct session_rule *demand_rule(struct bench *b, const char *name,
					       const char *remote, enum policy_action action)
{
	struct session_rule *r = &b->config.rules[b->config.nrules++];

	*r = (struct session_rule){ .action = action, .nts = 1, .max_sas = 256 };
	snprintf(r->name, sizeof(r->name), "%s", name);
	r->ts[0] = parts_pair("0.0.0.0/0", remote);
	r->local_inner = true;
	r->child.suites[0] = suite_cbc;
	r->child.nsuites = 1;
	return r;
}

static inline void demand_ports(struct ts *t, uint16_t lo, uint16_t hi)
{
	t->proto = TCP;
	t->port_lo = lo;
	t->port_hi = hi;
}

static inline struct tuple demand_tuple(const char *to, uint16_t sport, uint16_t dport)
{
	return (struct tuple){ .src = parts_addr(INNER),
			       .dst = parts_addr(to),
			       .proto = TCP,
			       .ports = true,
			       .sport = sport,
			       .dport = dport };
}

/* A packet that finds no SA; the slot that it finds, for which it asks. */
static inline unsigned demand_ask_tuple(struct bench *b, const struct tuple *t)
{
	struct data_event data = { .type = DATA_NEED_SA, .tuple = *t };
	struct session_event ev = { .type = SESSION_EVENT_DATA, .data = &data };
	const struct policy_rule *rule = policy_match(&b->rules, t);

	assert_non_null(rule);
	assert_int_equal(rule->action, POLICY_PROTECT);
	data.slot = rule->slot;
	session_event(b->s, b->now, &ev);
	bench_pump(b);
	return rule->slot;
}

static inline unsigned demand_ask(struct bench *b, const char *to, uint16_t sport, uint16_t dport)
{
	struct tuple t = demand_tuple(to, sport, dport);

	return demand_ask_tuple(b, &t);
}

/* What a packet finds now. */
static inline const struct policy_rule *demand_finds(const struct bench *b, const char *to,
						     uint16_t sport, uint16_t dport)
{
	struct tuple t = demand_tuple(to, sport, dport);

	return policy_match(&b->rules, &t);
}

/* True when there is an SA for it. */
static inline bool demand_served(const struct bench *b, const char *to, uint16_t sport,
				 uint16_t dport)
{
	const struct policy_rule *rule = demand_finds(b, to, sport, dport);

	return rule && rule->granularity == GRANULARITY_RULE && b->out[rule->slot];
}

static inline unsigned demand_children(void)
{
	return fake_ike_count(0, IKE_EVENT_CHILD);
}

/* The selectors that were offered last. */
static inline const char *demand_offer(void)
{
	static char text[2 * TS_TEXT_MAX + 8];
	char local[TS_TEXT_MAX], remote[TS_TEXT_MAX];
	const struct ts_pair *ts = &fake_ike_last(IKE_EVENT_CHILD)->ts;

	snprintf(text, sizeof(text), "%s - %s", ts_text(&ts->local, local),
		 ts_text(&ts->remote, remote));
	return text;
}

/* A packet goes out on what serves it. */
static inline void demand_traffic(struct bench *b, const char *to, uint16_t sport, uint16_t dport)
{
	const struct policy_rule *rule = demand_finds(b, to, sport, dport);
	struct esp_counters *c =
		(struct esp_counters *)(uintptr_t)esp_out_counters(b->out[rule->slot]);

	atomic_fetch_add(&c->packets, 1);
	atomic_store(&c->data_at, b->now);
}

#endif
