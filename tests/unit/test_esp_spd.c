/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/mem.h"
#include "esp/spd.h"
#include "tests/unit/esp_parts.h"

#define MANY 10000

/* The plain list that the index must agree with. */
static const struct policy_rule *list_match(const struct policy_view *v, const struct tuple *t)
{
	for (unsigned i = 0; i < v->n; i++)
		if (ts_pair_match_out(&v->rules[i].ts, t))
			return &v->rules[i];
	return NULL;
}

static bool list_foreign(const struct policy_view *v, const struct tuple *t)
{
	bool would = false;

	for (unsigned i = 0; i < v->n; i++) {
		struct ts_pair whoever = {
			.local = { .lo = t->src, .hi = t->src, .port_hi = UINT16_MAX },
			.remote = v->rules[i].ts.remote
		};

		if (v->rules[i].action != POLICY_PROTECT)
			continue;
		if (ts_contains_addr(&v->rules[i].ts.local, &t->src))
			return false;
		would |= ts_pair_match_out(&whoever, t);
	}
	return would;
}

/* A small world, so that all overlaps with all: 10.0.0.0 to 10.0.0.63, and the same behind fd00::. */
static struct addr any_addr(struct rng *r, bool ip6)
{
	struct addr a = parts_addr(ip6 ? "fd00::" : "10.0.0.0");

	a.b[ip6 ? 15 : 3] = (uint8_t)rng_below(r, 64);
	return a;
}

static struct ts any_end(struct rng *r, bool ip6)
{
	struct ts t = { .port_hi = UINT16_MAX };
	struct prefix p = { any_addr(r, ip6), (uint8_t)((ip6 ? 120 : 24) + rng_below(r, 9)) };

	if (rng_below(r, 20) == 0)
		p.len = (uint8_t)rng_below(r, 25);
	t = ts_from_prefix(&p);
	if (rng_below(r, 3) == 0) {
		struct addr a = any_addr(r, ip6), b = any_addr(r, ip6);

		t.lo = addr_cmp(&a, &b) < 0 ? a : b;
		t.hi = addr_cmp(&a, &b) < 0 ? b : a;
	}
	if (rng_below(r, 2))
		t.proto = rng_below(r, 2) ? PACKET_TCP : PACKET_UDP;
	if (rng_below(r, 4) == 0) {
		t.port_lo = (uint16_t)rng_below(r, 4);
		t.port_hi = (uint16_t)(t.port_lo + rng_below(r, 4));
	}
	return t;
}

static struct policy_rule any_rule(struct rng *r, unsigned i)
{
	bool ip6 = rng_below(r, 3) == 0;
	struct policy_rule rule = { .action = (enum policy_action)rng_below(r, 3), .slot = i };

	rule.ts.local = any_end(r, ip6);
	rule.ts.remote = any_end(r, ip6);
	rule.ts.local.proto = rule.ts.remote.proto;
	return rule;
}

static struct tuple any_tuple(struct rng *r)
{
	bool ip6 = rng_below(r, 3) == 0;
	struct tuple t = { .src = any_addr(r, ip6), .dst = any_addr(r, ip6), .proto = PACKET_UDP };

	if (rng_below(r, 2))
		t.proto = PACKET_TCP;
	t.ports = rng_below(r, 4) != 0;
	t.sport = t.ports ? (uint16_t)rng_below(r, 8) : 0;
	t.dport = t.ports ? (uint16_t)rng_below(r, 8) : 0;
	return t;
}

static void it_agrees_with_the_list(void **state)
{
	static struct policy_rule rules[40];
	unsigned matched = 0, foreign = 0;

	for (unsigned seed = 1; seed <= 300; seed++) {
		struct rng_seed s;
		struct rng r = rng_seeded(&s, seed);
		struct policy_view v = { rules, (unsigned)rng_below(&r, 40), POLICY_BYPASS };
		struct spd *spd;

		for (unsigned i = 0; i < v.n; i++)
			rules[i] = any_rule(&r, i);
		spd = spd_new(&v);
		for (unsigned i = 0; i < 200; i++) {
			struct tuple t = any_tuple(&r);
			const struct policy_rule *want = list_match(&v, &t);
			const struct policy_rule *got = spd_match(spd, &t);

			assert_int_equal(got != NULL, want != NULL);
			if (want)
				assert_int_equal(got->slot, want->slot);
			assert_int_equal(spd_foreign(spd, &t), list_foreign(&v, &t));
			matched += want != NULL;
			foreign += list_foreign(&v, &t);
		}
		spd_free(spd);
	}
	assert_true(matched > 1000 && foreign > 100);
}

static struct addr client(unsigned i)
{
	return (struct addr){ FAMILY_IP4, { 10, 20, (uint8_t)(i >> 8), (uint8_t)i } };
}

/* A client each, and behind all of them one that takes the rest. */
static void ten_thousand_rules(void **state)
{
	struct policy_rule *rules = xcalloc(MANY + 1, sizeof(*rules));
	const struct policy_view v = { rules, MANY + 1, POLICY_DISCARD };
	struct tuple t = { .src = parts_addr("10.1.0.1"), .proto = PACKET_UDP };
	struct spd *spd;

	for (unsigned i = 0; i < MANY; i++) {
		struct prefix p = { client(i), 32 };

		rules[i].ts = (struct ts_pair){ parts_ts("10.1.0.0/16"), ts_from_prefix(&p) };
		rules[i].slot = i;
	}
	rules[MANY].ts = parts_pair("10.1.0.0/16", "10.20.0.0/16");
	rules[MANY].action = POLICY_BYPASS;
	spd = spd_new(&v);
	memset(rules, 0, (MANY + 1) * sizeof(*rules));
	for (unsigned i = 0; i < MANY; i++) {
		t.dst = client(i);
		assert_int_equal(spd_match(spd, &t)->slot, i);
	}
	t.dst = client(MANY);
	assert_int_equal(spd_match(spd, &t)->action, POLICY_BYPASS);
	t.src = parts_addr("10.2.0.1");
	t.dst = client(7);
	assert_null(spd_match(spd, &t));
	assert_true(spd_foreign(spd, &t));
	t.dst = parts_addr("10.21.0.1");
	assert_false(spd_foreign(spd, &t));
	spd_free(spd);
	free(rules);
}

static void none_at_all(void **state)
{
	struct spd *spd = spd_new(&(struct policy_view){ .fallback = POLICY_DISCARD });
	struct tuple t = { .src = client(1), .dst = client(2) };

	assert_null(spd_match(spd, &t));
	assert_false(spd_foreign(spd, &t));
	assert_int_equal(spd_fallback(spd), POLICY_DISCARD);
	spd_free(spd);
	spd_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_agrees_with_the_list),
		cmocka_unit_test(ten_thousand_rules),
		cmocka_unit_test(none_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
