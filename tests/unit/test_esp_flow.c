/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The flow cache, and with it the engine, against a list of rules that is gone through one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "esp/flow.h"
#include "tests/unit/esp_parts.h"

#define SEEDS 150
#define PACKETS 600

static struct tuple tuple_of(const char *src, const char *dst, uint8_t proto, uint16_t sport,
			     uint16_t dport)
{
	return (struct tuple){ parts_addr(src), parts_addr(dst), proto, true, sport, dport };
}

static void what_differs_is_another_flow(void **state)
{
	const struct tuple t = tuple_of("10.0.0.1", "10.0.0.2", 17, 1, 2);
	const struct tuple others[] = {
		tuple_of("10.0.0.3", "10.0.0.2", 17, 1, 2),
		tuple_of("10.0.0.1", "10.0.0.3", 17, 1, 2),
		tuple_of("10.0.0.1", "10.0.0.2", 6, 1, 2),
		tuple_of("10.0.0.1", "10.0.0.2", 17, 3, 2),
		tuple_of("10.0.0.1", "10.0.0.2", 17, 1, 3),
		tuple_of("2001:db8::1", "2001:db8::2", 17, 1, 2),
		{ t.src, t.dst, 17, false, 1, 2 },
	};

	assert_true(flow_eq(&t, &t));
	for (unsigned i = 0; i < ARRAY_SIZE(others); i++) {
		assert_false(flow_eq(&t, &others[i]));
		assert_int_not_equal(flow_hash(&t), flow_hash(&others[i]));
	}
}

/* Addresses that differ in any one bit, and any two ports, do not crowd one set. */
static void hashes_are_spread(void **state)
{
	struct tuple t = tuple_of("2001:db8::1", "2001:db8::2", 17, 1, 2);
	unsigned sets[256] = { 0 }, most = 0;

	for (unsigned bit = 0; bit < 256; bit++) {
		struct addr *a = bit < 128 ? &t.src : &t.dst;

		a->b[bit % 128 / 8] ^= (uint8_t)(1U << bit % 8);
		sets[flow_hash(&t) % 256]++;
		a->b[bit % 128 / 8] ^= (uint8_t)(1U << bit % 8);
	}
	for (unsigned port = 0; port < 65536; port++) {
		t.sport = (uint16_t)port;
		sets[flow_hash(&t) % 256]++;
	}
	for (unsigned i = 0; i < 256; i++)
		most = sets[i] > most ? sets[i] : most;
	assert_true(most < 2 * 65792 / 256);
}

/* As flow_decide and flow_classify, for rules that a test goes on changing. */
static struct flow_decision decide(struct flow_cache *f, uint64_t number, const struct policy *p,
				   const struct tuple *t)
{
	const struct policy_view view = policy_view(p);
	struct spd *s = spd_new(&view);
	struct flow_decision d = f ? flow_decide(f, 7 * VTIME_S, number, s, t, flow_hash(t)) :
				     flow_classify(s, t);

	spd_free(s);
	return d;
}

/* What was remembered is used until the rules have another number, and not a moment longer. */
static void a_decision_is_good_for_one_number(void **state)
{
	struct flow_cache *f = flow_cache_new();
	struct policy *p = xcalloc(1, sizeof(*p));
	struct policy_rule rule = { parts_pair("10.0.0.0/8", "10.0.0.0/8"), POLICY_PROTECT, 9,
				    GRANULARITY_HOST };
	struct tuple t = tuple_of("10.0.0.1", "10.0.0.2", 17, 1, 2);
	struct flow_decision d;

	p->fallback = POLICY_BYPASS;
	assert_int_equal(decide(f, 1, p, &t).action, FLOW_BYPASS);
	policy_add(p, &rule);
	assert_int_equal(decide(f, 1, p, &t).action, FLOW_BYPASS);
	d = decide(f, 2, p, &t);
	assert_int_equal(d.action, FLOW_PROTECT);
	assert_int_equal(d.slot, 9);
	assert_int_equal(d.granularity, GRANULARITY_HOST);
	p->n = 0;
	assert_int_equal(decide(f, 2, p, &t).action, FLOW_PROTECT);
	p->fallback = POLICY_DISCARD;
	assert_int_equal(decide(f, 3, p, &t).action, FLOW_DISCARD);
	flow_cache_free(f);
	free(p);
}

static void a_foreign_source_is_told_apart(void **state)
{
	struct policy *p = xcalloc(1, sizeof(*p));
	struct policy_rule rule = { parts_pair("10.0.0.1/32", "10.9.0.0/16"), POLICY_PROTECT, 9,
				    GRANULARITY_RULE };
	struct tuple t = tuple_of("10.0.0.2", "10.9.0.2", 17, 1, 2);

	p->fallback = POLICY_BYPASS;
	policy_add(p, &rule);
	assert_int_equal(decide(NULL, 0, p, &t).action, FLOW_FOREIGN);
	t.dst.b[1] = 8;
	assert_int_equal(decide(NULL, 0, p, &t).action, FLOW_BYPASS);
	free(p);
}

/* A flow that is used stays while others come and go. */
static void more_flows_than_there_is_room_for(void **state)
{
	struct flow_cache *f = flow_cache_new();
	struct policy *p = xcalloc(1, sizeof(*p));
	struct tuple often = tuple_of("10.0.0.1", "10.0.0.2", 17, 1, 2), t = often;
	unsigned forgotten = 0;

	p->fallback = POLICY_BYPASS;
	decide(f, 1, p, &often);
	/* From now on only what was forgotten is decided so. */
	p->fallback = POLICY_DISCARD;
	for (unsigned i = 0; i < 3 * FLOW_CACHE_SIZE; i++) {
		t.dst.b[1] = (uint8_t)(1 + i / 65536);
		t.sport = (uint16_t)i;
		assert_int_equal(decide(f, 1, p, &t).action, FLOW_DISCARD);
		forgotten += decide(f, 1, p, &often).action == FLOW_DISCARD;
	}
	assert_int_equal(forgotten, 0);
	flow_cache_free(f);
	free(p);
}

/* ---- the dumb list ---- */

/* A rule as a person would write it down; addresses are small numbers below a prefix. */
struct plain_rule {
	bool ip6;
	unsigned src_lo, src_hi, dst_lo, dst_hi, proto, sport_lo, sport_hi, dport_lo, dport_hi;
	enum policy_action action;
	unsigned slot;
};

struct plain_packet {
	bool ip6, later;
	unsigned src, dst, proto, sport, dport;
};

#define HOSTS 16
#define PORTS 8
#define RULES 24

static struct addr plain_addr(bool ip6, unsigned net, unsigned host)
{
	struct addr a = parts_addr(ip6 ? "2001:db8::" : "10.0.0.0");

	a.b[ip6 ? 5 : 1] = (uint8_t)net;
	a.b[ip6 ? 15 : 3] = (uint8_t)host;
	return a;
}

static void any_range(struct rng *r, unsigned n, unsigned *lo, unsigned *hi)
{
	*lo = (unsigned)rng_below(r, n);
	*hi = *lo + (unsigned)rng_below(r, n - *lo);
}

static unsigned any_proto(struct rng *r)
{
	static const uint8_t protos[] = { PACKET_UDP, PACKET_TCP, PACKET_ICMP, 47 };

	return protos[rng_below(r, ARRAY_SIZE(protos))];
}

static struct plain_rule any_rule(struct rng *r)
{
	struct plain_rule p = { .ip6 = rng_below(r, 2) != 0 };

	any_range(r, HOSTS, &p.src_lo, &p.src_hi);
	any_range(r, HOSTS, &p.dst_lo, &p.dst_hi);
	p.sport_hi = p.dport_hi = UINT16_MAX;
	if (rng_below(r, 2)) {
		p.proto = any_proto(r);
		if (rng_below(r, 2))
			any_range(r, PORTS, &p.sport_lo, &p.sport_hi);
		if (rng_below(r, 2) && p.proto != PACKET_ICMP)
			any_range(r, PORTS, &p.dport_lo, &p.dport_hi);
	}
	p.action = (enum policy_action)rng_below(r, 3);
	p.slot = (unsigned)rng_below(r, CLASSIFIER_SLOTS);
	return p;
}

static struct policy_rule rule_of(const struct plain_rule *p)
{
	struct policy_rule rule = { .action = p->action, .slot = p->slot };

	rule.ts.local = (struct ts){ plain_addr(p->ip6, 1, p->src_lo),
				     plain_addr(p->ip6, 1, p->src_hi), (uint8_t)p->proto,
				     (uint16_t)p->sport_lo, (uint16_t)p->sport_hi };
	rule.ts.remote = (struct ts){ plain_addr(p->ip6, 2, p->dst_lo),
				      plain_addr(p->ip6, 2, p->dst_hi), (uint8_t)p->proto,
				      (uint16_t)p->dport_lo, (uint16_t)p->dport_hi };
	return rule;
}

static struct plain_packet any_packet(struct rng *r)
{
	struct plain_packet p = {
		.ip6 = rng_below(r, 2) != 0,
		.later = rng_below(r, 8) == 0,
		.src = (unsigned)rng_below(r, HOSTS),
		.dst = (unsigned)rng_below(r, HOSTS),
		.proto = any_proto(r),
	};
	bool ports = p.proto == PACKET_TCP || p.proto == PACKET_UDP;

	if ((ports || p.proto == PACKET_ICMP) && !p.later)
		p.sport = (unsigned)rng_below(r, PORTS);
	if (ports && !p.later)
		p.dport = (unsigned)rng_below(r, PORTS);
	return p;
}

static struct tuple plain_tuple(const struct plain_packet *p)
{
	return (struct tuple){
		.src = plain_addr(p->ip6, 1, p->src),
		.dst = plain_addr(p->ip6, 2, p->dst),
		.proto = (uint8_t)p->proto,
		.ports = p->proto != 47 && !p->later,
		.sport = (uint16_t)p->sport,
		.dport = (uint16_t)p->dport,
	};
}

static bool within(unsigned lo, unsigned x, unsigned hi)
{
	return lo <= x && x <= hi;
}

static bool plain_match(const struct plain_rule *r, const struct plain_packet *p)
{
	bool no_ports = p->later || p->proto == 47;
	bool all_s = r->sport_lo == 0 && r->sport_hi == UINT16_MAX;
	bool all_d = r->dport_lo == 0 && r->dport_hi == UINT16_MAX;

	return r->ip6 == p->ip6 && within(r->src_lo, p->src, r->src_hi) &&
	       within(r->dst_lo, p->dst, r->dst_hi) && (r->proto == 0 || r->proto == p->proto) &&
	       (all_s || (!no_ports && within(r->sport_lo, p->sport, r->sport_hi))) &&
	       (all_d || (!no_ports && within(r->dport_lo, p->dport, r->dport_hi)));
}

/* NULL: none matches. */
static const struct plain_rule *plain_first(const struct plain_rule *rules, unsigned n,
					    const struct plain_packet *p)
{
	for (unsigned i = 0; i < n; i++)
		if (plain_match(&rules[i], p))
			return &rules[i];
	return NULL;
}

/* A source that some PROTECT rule calls ours is never foreign. */
static bool plain_ours(const struct plain_rule *rules, unsigned n, const struct plain_packet *p)
{
	for (unsigned i = 0; i < n; i++)
		if (rules[i].action == POLICY_PROTECT && rules[i].ip6 == p->ip6 &&
		    within(rules[i].src_lo, p->src, rules[i].src_hi))
			return true;
	return false;
}

static void expect_decision(const struct plain_rule *rules, unsigned n,
			    const struct plain_packet *p, const struct flow_decision *d)
{
	const struct plain_rule *first = plain_first(rules, n, p);

	if (!first) {
		assert_true(d->action == FLOW_BYPASS ||
			    (d->action == FLOW_FOREIGN && !plain_ours(rules, n, p)));
		return;
	}
	switch (first->action) {
	case POLICY_PROTECT:
		assert_int_equal(d->action, FLOW_PROTECT);
		assert_int_equal(d->slot, first->slot);
		break;
	case POLICY_BYPASS:
		assert_int_equal(d->action, FLOW_BYPASS);
		break;
	case POLICY_DISCARD:
		assert_int_equal(d->action, FLOW_DISCARD);
		break;
	}
}

static unsigned any_policy(struct rng *r, struct plain_rule *rules, struct policy *policy)
{
	unsigned n = (unsigned)rng_below(r, RULES);

	policy->n = 0;
	policy->fallback = POLICY_BYPASS;
	for (unsigned i = 0; i < n; i++) {
		struct policy_rule rule;

		rules[i] = any_rule(r);
		rule = rule_of(&rules[i]);
		assert_true(policy_add(policy, &rule));
	}
	return n;
}

static void decisions_are_those_of_the_list(void **state)
{
	struct policy *policy = xcalloc(1, sizeof(*policy));
	struct flow_cache *f = flow_cache_new();
	struct plain_rule rules[RULES];

	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		struct rng_seed s;
		struct rng r = rng_seeded(&s, seed);
		unsigned n = any_policy(&r, rules, policy);

		for (unsigned i = 0; i < PACKETS; i++) {
			struct plain_packet p = any_packet(&r);
			struct tuple t = plain_tuple(&p);
			struct flow_decision d = decide(f, seed, policy, &t);

			expect_decision(rules, n, &p, &d);
		}
	}
	flow_cache_free(f);
	free(policy);
}

/* ---- the same through the engine: the SPI tells whose SA it was ---- */

static struct slice plain_bytes(uint8_t buf[60], const struct plain_packet *p)
{
	struct tuple t = plain_tuple(p);

	parts_ip4(buf, "10.0.0.0", "10.0.0.0", (uint8_t)p->proto, 60);
	memcpy(buf + 12, t.src.b, 4);
	memcpy(buf + 16, t.dst.b, 4);
	put_be16(buf + 20, t.sport);
	put_be16(buf + 22, t.dport);
	if (p->later)
		buf[7] = 2;
	return slice(buf, 60);
}

static void engine_round(struct outbound *o, struct rng *r, const struct plain_rule *rules,
			 unsigned n, struct parts_batch *in, struct parts_batch *replies)
{
	for (unsigned i = 0; i < PACKETS; i++) {
		struct plain_packet p = any_packet(r);
		const struct plain_rule *first;
		uint8_t buf[60];
		struct pkt *out;

		p.ip6 = false;
		first = plain_first(rules, n, &p);
		out = parts_take(parts_batch(in), plain_bytes(buf, &p));
		outbound_run(o, 0, &in->b, parts_batch(replies));
		if (first && first->action == POLICY_PROTECT) {
			assert_int_equal(out->kind, PKT_SEALED);
			assert_int_equal(get_be32(pkt_data(out)), 0x1000 + first->slot);
		} else {
			assert_int_equal(out->kind, PKT_GONE);
		}
	}
}

static void the_engine_uses_no_other_rules_sa(void **state)
{
	struct policy *policy = xcalloc(1, sizeof(*policy));
	struct parts_batch *in = xcalloc(2, sizeof(*in));
	struct classifier *c = classifier_new();
	struct outbound *o = outbound_new(c, &(struct outbound_config){ 1 << 20, VTIME_S });
	struct esp_out *sas[CLASSIFIER_SLOTS];
	struct plain_rule rules[RULES];

	/* Wide as they are, each serves its own rule alone. */
	for (unsigned i = 0; i < CLASSIFIER_SLOTS; i++) {
		struct esp_sa_config config = parts_config(&suite_gcm, 0x1000 + i);

		config.ts = parts_pair("0.0.0.0/0", "0.0.0.0/0");
		config.slot = i;
		sas[i] = parts_out(config);
		classifier_set_current(c, i, sas[i]);
	}
	for (unsigned seed = 1; seed <= SEEDS / 5; seed++) {
		struct rng_seed s;
		struct rng r = rng_seeded(&s, seed);
		unsigned n = any_policy(&r, rules, policy);

		classifier_rules_free(classifier_publish_rules(c, policy));
		engine_round(o, &r, rules, n, &in[0], &in[1]);
	}
	assert_int_equal(outbound_held(o)->in, 0);
	outbound_free(o);
	for (unsigned i = 0; i < CLASSIFIER_SLOTS; i++)
		esp_out_free(sas[i]);
	classifier_free(c);
	free(in);
	free(policy);
}

static int set_up(void **state)
{
	return crypto_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_differs_is_another_flow),
		cmocka_unit_test(hashes_are_spread),
		cmocka_unit_test(a_decision_is_good_for_one_number),
		cmocka_unit_test(a_foreign_source_is_told_apart),
		cmocka_unit_test(more_flows_than_there_is_room_for),
		cmocka_unit_test(decisions_are_those_of_the_list),
		cmocka_unit_test(the_engine_uses_no_other_rules_sa),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
