/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tun/tun.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/err.h"

static struct tun_state plan[64];

static struct prefix network(const char *text)
{
	struct prefix p;

	assert_true(prefix_parse(text, &p));
	return p;
}

static struct tun_setup setup_of(const char *gateway, uint16_t port)
{
	struct tun_setup s = {
		.ifname = "godwit0",
		.path.local.port = port,
		.path.remote.port = port,
		.table = TUN_TABLE,
		.mark = TUN_FWMARK,
	};

	assert_true(addr_parse(gateway, &s.path.remote.addr));
	return s;
}

static void expect(const struct tun_setup *setup, const char *const *want, unsigned n)
{
	int got = tun_plan(setup, plan, ARRAY_SIZE(plan));

	assert_int_equal(got, n);
	for (unsigned i = 0; i < n; i++) {
		char text[TUN_STATE_TEXT_MAX];

		assert_string_equal(tun_state_text(&plan[i], text), want[i]);
	}
}

static void test_split_tunnel(void **state)
{
	static const char *const want[] = {
		("rule pref 29999 family inet to 192.0.2.1/32 ipproto 17 sport 4500 dport 4500 action "
		 "lookup table 254"),
		"rule pref 30000 family inet fwmark 0x6777 action lookup table 254",
		"rule pref 30000 family inet6 fwmark 0x6777 action lookup table 254",
		"rule pref 31073 family inet fwmark 0x6777 action nop",
		"route action unreachable to 0.0.0.0/0 metric 4278198272 table 26487",
		"rule pref 30005 family inet from 10.9.0.1/32 action lookup table 26487",
		"address to 10.9.0.1/32 dev godwit0",
		"route action unicast to 10.0.0.0/8 dev godwit0 src 10.9.0.1 table 26487",
		"route action unicast to 172.16.0.0/12 dev godwit0 src 10.9.0.1 table 26487",
		"rule pref 30010 family inet to 10.0.0.0/8 action lookup table 26487",
		"rule pref 30010 family inet to 172.16.0.0/12 action lookup table 26487",
	};
	/* Host bits are no part of a route. */
	struct prefix remote[] = { network("10.1.2.3/8"), network("172.16.0.0/12") };
	struct tun_setup s = setup_of("192.0.2.1", 4500);

	s.remote = remote;
	s.n_remote = 2;
	s.n_inner = 1;
	addr_parse("10.9.0.1", &s.inner[0]);
	expect(&s, want, ARRAY_SIZE(want));
}

static void test_both_families_over_ipv6(void **state)
{
	static const char *const want[] = {
		"rule pref 29999 family inet6 to 2001:db8::1/128 ipproto 50 action lookup table 254",
		("rule pref 29999 family inet6 to 2001:db8::1/128 ipproto 17 sport 500 dport 500 "
		 "action lookup table 254"),
		"rule pref 30000 family inet fwmark 0x6777 action lookup table 254",
		"rule pref 30000 family inet6 fwmark 0x6777 action lookup table 254",
		"rule pref 31073 family inet fwmark 0x6777 action nop",
		"rule pref 31073 family inet6 fwmark 0x6777 action nop",
		"route action unreachable to 0.0.0.0/0 metric 4278198272 table 26487",
		"route action unreachable to ::/0 metric 4278198272 table 26487",
		"rule pref 30005 family inet from 10.9.0.1/32 action lookup table 26487",
		"rule pref 30005 family inet6 from fd00::1/128 action lookup table 26487",
		"address to 10.9.0.1/32 dev godwit0",
		"address to fd00::1/128 dev godwit0",
		"route action unicast to 0.0.0.0/0 dev godwit0 src 10.9.0.1 table 26487",
		"route action unicast to ::/0 dev godwit0 src fd00::1 table 26487",
		"rule pref 30010 family inet to 0.0.0.0/0 action lookup table 26487",
		"rule pref 30010 family inet6 to ::/0 action lookup table 26487",
	};
	struct prefix remote[] = { network("0.0.0.0/0"), network("::/0") };
	struct tun_setup s = setup_of("2001:db8::1", 500);

	s.path.encapsulation = ENCAPSULATION_ESP;
	s.remote = remote;
	s.n_remote = 2;
	s.n_inner = 2;
	addr_parse("10.9.0.1", &s.inner[0]);
	addr_parse("fd00::1", &s.inner[1]);
	expect(&s, want, ARRAY_SIZE(want));
}

/* What is protected but cannot be carried must not leave in clear. */
static void test_family_without_inner_address(void **state)
{
	static const char *const want[] = {
		("rule pref 29999 family inet to 192.0.2.1/32 ipproto 17 sport 4500 dport 4500 action "
		 "lookup table 254"),
		"rule pref 30000 family inet fwmark 0x6777 action lookup table 254",
		"rule pref 30000 family inet6 fwmark 0x6777 action lookup table 254",
		"rule pref 31073 family inet fwmark 0x6777 action nop",
		"rule pref 31073 family inet6 fwmark 0x6777 action nop",
		"route action unreachable to ::/0 metric 4278198272 table 26487",
		"rule pref 30010 family inet6 to 2001:db8:7::/48 action lookup table 26487",
	};
	struct prefix remote = network("2001:db8:7::/48");
	struct tun_setup s = setup_of("192.0.2.1", 4500);

	s.remote = &remote;
	s.n_remote = 1;
	expect(&s, want, ARRAY_SIZE(want));
}

/* What the path alone asks for: one rule for each flow of packets to the gateway. */
static void test_outer_rules(void **state)
{
	static const struct {
		enum encapsulation encapsulation;
		uint16_t local, remote, ike;
		const char *want[2];
	} rows[] = {
		{ ENCAPSULATION_UDP, 4500, 4500, 0, { "ipproto 17 sport 4500 dport 4500" } },
		{ ENCAPSULATION_UDP,
		  1024,
		  4500,
		  500,
		  { "ipproto 17 sport 1024 dport 4500", "ipproto 17 sport 500 dport 500" } },
		{ ENCAPSULATION_ESP,
		  500,
		  500,
		  500,
		  { "ipproto 50", "ipproto 17 sport 500 dport 500" } },
		{ ENCAPSULATION_CISCO_UDP,
		  501,
		  500,
		  501,
		  { "ipproto 17 sport 1000 dport 10000", "ipproto 17 sport 501 dport 500" } },
		{ ENCAPSULATION_TCP, 1234, 443, 500, { "ipproto 6 sport 1234 dport 443" } },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tun_setup s = setup_of("192.0.2.1", rows[i].remote);
		char text[TUN_STATE_TEXT_MAX], want[200];
		unsigned n = rows[i].want[1] ? 2 : 1;

		s.path.local.port = rows[i].local;
		s.path.encapsulation = rows[i].encapsulation;
		s.path.data_port = 10000;
		s.ike_port = rows[i].ike;
		s.data_port = 1000;
		assert_int_equal(tun_plan(&s, plan, ARRAY_SIZE(plan)), n + 3);
		for (unsigned k = 0; k < n; k++) {
			snprintf(want, sizeof(want),
				 "rule pref 29999 family inet to 192.0.2.1/32 %s action lookup "
				 "table 254",
				 rows[i].want[k]);
			assert_string_equal(tun_state_text(&plan[k], text), want);
		}
	}
}

/* They come before what is protected, and behind what an inner address is bound to. */
static void test_excludes(void **state)
{
	static const char *const want[] = {
		("rule pref 29999 family inet to 192.0.2.1/32 ipproto 17 sport 4500 dport 4500 action "
		 "lookup table 254"),
		"rule pref 30000 family inet fwmark 0x6777 action lookup table 254",
		"rule pref 30000 family inet6 fwmark 0x6777 action lookup table 254",
		"rule pref 31073 family inet fwmark 0x6777 action nop",
		"route action unreachable to 0.0.0.0/0 metric 4278198272 table 26487",
		"rule pref 30005 family inet from 10.9.0.1/32 action lookup table 26487",
		"address to 10.9.0.1/32 dev godwit0",
		"route action unicast to 10.0.0.0/8 dev godwit0 src 10.9.0.1 table 26487",
		"rule pref 30010 family inet to 10.7.0.0/16 action goto target 31073",
		"rule pref 30010 family inet to 10.8.8.8/32 action goto target 31073",
		"rule pref 30011 family inet to 10.0.0.0/8 action lookup table 26487",
	};
	struct prefix remote[] = { network("10.0.0.0/8") };
	/* Nothing of IPv6 is protected, so that there is nothing to except. */
	struct prefix exclude[] = { network("10.7.1.2/16"), network("fd00::/8"),
				    network("10.8.8.8/32") };
	struct tun_setup s = setup_of("192.0.2.1", 4500);

	s.remote = remote;
	s.n_remote = 1;
	s.exclude = exclude;
	s.n_exclude = 3;
	s.n_inner = 1;
	addr_parse("10.9.0.1", &s.inner[0]);
	expect(&s, want, ARRAY_SIZE(want));
}

static void test_router(void **state)
{
	struct tun_setup s = setup_of("192.0.2.1", 4500), v6 = setup_of("2001:db8::1", 4500);
	char text[TUN_STATE_TEXT_MAX];

	assert_true(addr_parse("198.51.100.254", &s.router));
	assert_int_equal(tun_plan(&s, plan, ARRAY_SIZE(plan)), 4);
	assert_true(addr_parse("198.51.100.7", &s.path.local.addr));
	assert_int_equal(tun_plan(&s, plan, ARRAY_SIZE(plan)), 5);
	assert_string_equal(tun_state_text(&plan[1], text),
			    "rule pref 29999 family inet from 198.51.100.7/32 to "
			    "198.51.100.254/32 action lookup table 254");
	assert_true(addr_parse("2001:db8:1::1", &v6.router));
	assert_true(addr_parse("2001:db8:1::2", &v6.path.local.addr));
	assert_int_equal(tun_plan(&v6, plan, ARRAY_SIZE(plan)), 4);
}

static struct prefix different(unsigned first, unsigned i)
{
	char text[PREFIX_TEXT_MAX];

	snprintf(text, sizeof(text), "10.%u.%u.0/24", first + i / 256, i % 256);
	return network(text);
}

static void test_bounds(void **state)
{
	static struct prefix remote[TUN_POLICY_MAX + 1], exclude[TUN_EXCLUDE_MAX + 1];
	static struct tun_state out[TUN_PLAN_MAX];
	struct tun_setup s = setup_of("192.0.2.1", 4500);
	int n;

	for (unsigned i = 0; i < ARRAY_SIZE(remote); i++)
		remote[i] = different(0, i);
	s.remote = remote;
	s.n_remote = TUN_POLICY_MAX;
	s.n_inner = 1;
	addr_parse("10.9.0.1", &s.inner[0]);
	n = tun_plan(&s, out, ARRAY_SIZE(out));
	assert_int_equal(n, 7 + 2 * TUN_POLICY_MAX);
	assert_int_equal(tun_plan(&s, out, (unsigned)n), n);
	assert_int_equal(tun_plan(&s, out, (unsigned)n - 1), ERR_NO_ROOM);
	s.n_remote++;
	assert_int_equal(tun_plan(&s, out, ARRAY_SIZE(out)), ERR_NO_ROOM);
	s.n_remote--;
	for (unsigned i = 0; i < ARRAY_SIZE(exclude); i++)
		exclude[i] = different(100, i);
	s.exclude = exclude;
	s.n_exclude = TUN_EXCLUDE_MAX;
	assert_int_equal(tun_plan(&s, out, ARRAY_SIZE(out)), n + TUN_EXCLUDE_MAX);
	s.n_exclude++;
	assert_int_equal(tun_plan(&s, out, ARRAY_SIZE(out)), ERR_NO_ROOM);
	/* All there can be at once: both families inside, ESP beside IKE, old and new, outside. */
	s.n_exclude--;
	s.ike_port = 500;
	addr_parse("192.0.2.7", &s.path.local.addr);
	addr_parse("192.0.2.254", &s.router);
	s.path.encapsulation = ENCAPSULATION_ESP;
	s.n_inner = TUN_INNER_MAX;
	for (unsigned i = 0; i < TUN_INNER_MAX; i++)
		addr_parse(i % 2 ? "fd00::1" : "10.9.0.1", &s.inner[i]);
	assert_int_equal(tun_plan(&s, out, TUN_PLAN_MAX),
			 10 + 2 * TUN_INNER_MAX + 2 * TUN_POLICY_MAX + TUN_EXCLUDE_MAX);
}

/* Each connection has preferences of its own for whatever may be the same in two. */
static void test_another_band(void **state)
{
	static const char *const want[] = {
		("rule pref 29997 family inet to 192.0.2.1/32 ipproto 17 sport 4500 dport 4500 action "
		 "lookup table 254"),
		"rule pref 30000 family inet fwmark 0x6777 action lookup table 254",
		"rule pref 30000 family inet6 fwmark 0x6777 action lookup table 254",
		"rule pref 31193 family inet fwmark 0x6777 action nop",
		"route action unreachable to 0.0.0.0/0 metric 4278198272 table 26487",
		"rule pref 30005 family inet from 10.9.0.1/32 action lookup table 26487",
		"address to 10.9.0.1/32 dev godwit0",
		"route action unicast to 0.0.0.0/0 dev godwit0 src 10.9.0.1 table 26487",
		"rule pref 31134 family inet to 10.7.0.0/16 action goto target 31193",
		"rule pref 31135 family inet to 0.0.0.0/0 action lookup table 26487",
	};
	struct prefix remote = network("0.0.0.0/0"), exclude = network("10.7.0.0/16");
	struct tun_setup s = setup_of("192.0.2.1", 4500);

	s.remote = &remote;
	s.n_remote = 1;
	s.exclude = &exclude;
	s.n_exclude = 1;
	s.n_inner = 1;
	s.band = 2;
	addr_parse("10.9.0.1", &s.inner[0]);
	expect(&s, want, ARRAY_SIZE(want));
	s.band = TUN_BANDS;
	assert_int_equal(tun_plan(&s, plan, ARRAY_SIZE(plan)), ERR_NO_ROOM);
}

static void test_bands_stand_apart(void **state)
{
	for (unsigned i = 0; i < TUN_BANDS; i++) {
		struct tun_band a = tun_band_of(i), b = tun_band_of(i + 1);

		assert_true(a.first < a.end && a.pass < a.refuse && a.refuse < a.over);
		assert_true(a.end < tun_band_of(0).pass);
		if (i + 1 == TUN_BANDS)
			break;
		assert_true(a.end < b.first && a.over < b.pass && a.outer > b.outer);
	}
}

/* ---- a policy ---- */

static struct policy policy;

static struct ts selector(const char *prefix, uint8_t proto, uint16_t lo, uint16_t hi)
{
	struct prefix p = network(prefix);
	struct ts ts = ts_from_prefix(&p);

	ts.proto = proto;
	ts.port_lo = lo;
	ts.port_hi = hi;
	return ts;
}

static void rule(enum policy_action action, struct ts local, struct ts remote)
{
	const struct policy_rule r = { .ts = { local, remote }, .action = action };

	assert_true(policy_add(&policy, &r));
}

#define ANY selector("0.0.0.0/0", 0, 0, 65535)
#define INNER selector("10.9.0.1/32", 0, 0, 65535)

static struct tun_setup setup_with_policy(enum policy_action fallback)
{
	struct tun_setup s = setup_of("192.0.2.1", 4500);

	policy = (struct policy){ .fallback = fallback };
	s.policy = &policy;
	s.n_inner = 1;
	addr_parse("10.9.0.1", &s.inner[0]);
	return s;
}

#define OUTER                                                                                      \
	"rule pref 29999 family inet to 192.0.2.1/32 ipproto 17 sport 4500 dport 4500 action "     \
	"lookup table 254"

/*
 * In its order, ranges in parts, each network of the tunnel once, no source where it may be ours, and
 * nothing that the rule beside it covers.
 */
static void test_policy_in_order(void **state)
{
	static const char *const want[] = {
		OUTER,
		"rule pref 30000 family inet fwmark 0x6777 action lookup table 254",
		"rule pref 30000 family inet6 fwmark 0x6777 action lookup table 254",
		"rule pref 31073 family inet fwmark 0x6777 action nop",
		"route action unreachable to 0.0.0.0/0 metric 4278198272 table 26487",
		"rule pref 30005 family inet from 10.9.0.1/32 action lookup table 26487",
		"address to 10.9.0.1/32 dev godwit0",
		"route action unicast to 10.0.0.0/8 dev godwit0 src 10.9.0.1 table 26487",
		"route action unicast to 172.16.0.5/32 dev godwit0 src 10.9.0.1 table 26487",
		"route action unicast to 172.16.0.6/31 dev godwit0 src 10.9.0.1 table 26487",
		"route action unicast to 172.16.0.8/32 dev godwit0 src 10.9.0.1 table 26487",
		("rule pref 30010 family inet to 10.0.0.0/8 ipproto 6 dport 443 action goto "
		 "target 31073"),
		("rule pref 30011 family inet to 0.0.0.0/0 ipproto 17 sport 1024-2047 action "
		 "prohibit"),
		"rule pref 30012 family inet to 10.0.0.0/8 action lookup table 26487",
		"rule pref 30012 family inet to 172.16.0.5/32 action lookup table 26487",
		"rule pref 30012 family inet to 172.16.0.6/31 action lookup table 26487",
		"rule pref 30012 family inet to 172.16.0.8/32 action lookup table 26487",
		/* Only what is protected may have no source yet. */
		"rule pref 30013 family inet from 10.9.0.0/16 to 0.0.0.0/0 action prohibit",
	};
	struct tun_setup s = setup_with_policy(POLICY_BYPASS);
	struct ts range = selector("172.16.0.5", 0, 0, 65535), local = ANY;

	range.hi.b[3] = 8;
	local.port_lo = 1024;
	local.port_hi = 2047;
	rule(POLICY_BYPASS, ANY, selector("10.0.0.0/8", 6, 443, 443));
	rule(POLICY_DISCARD, local, selector("0.0.0.0/0", 17, 0, 65535));
	rule(POLICY_PROTECT, INNER, selector("10.0.0.0/8", 0, 0, 65535));
	rule(POLICY_PROTECT, selector("192.168.7.0/24", 0, 0, 65535),
	     selector("10.0.0.0/8", 0, 0, 65535));
	rule(POLICY_PROTECT, INNER, range);
	rule(POLICY_DISCARD, selector("10.9.0.0/16", 0, 0, 65535), ANY);
	/* Nothing comes behind it that it could be an exception to. */
	rule(POLICY_BYPASS, ANY, ANY);
	expect(&s, want, ARRAY_SIZE(want));
}

/* Everything is refused but what the links themselves need. */
static void test_policy_that_discards(void **state)
{
	static const char *const want[] = {
		OUTER,
		"rule pref 30000 family inet fwmark 0x6777 action lookup table 254",
		"rule pref 30000 family inet6 fwmark 0x6777 action lookup table 254",
		"rule pref 31073 family inet fwmark 0x6777 action nop",
		"rule pref 31073 family inet6 fwmark 0x6777 action nop",
		"route action unreachable to 0.0.0.0/0 metric 4278198272 table 26487",
		"rule pref 30005 family inet from 10.9.0.1/32 action lookup table 26487",
		"address to 10.9.0.1/32 dev godwit0",
		("rule pref 30010 family inet6 from fd00:5::/64 to fd00:6::/64 action goto target "
		 "31073"),
		"rule pref 32001 family inet fwmark 0x6777 action nop",
		"rule pref 32001 family inet6 fwmark 0x6777 action nop",
		("rule pref 31990 family inet6 from fd00:5::/64 to fd00:6::/64 action goto target "
		 "32001"),
		("rule pref 31990 family inet to 0.0.0.0/0 ipproto 17 sport 68 dport 67 action "
		 "goto target 32001"),
		("rule pref 31990 family inet6 to ::/0 ipproto 17 sport 546 dport 547 action goto "
		 "target 32001"),
		"rule pref 31990 family inet6 to fe80::/10 ipproto 58 action goto target 32001",
		"rule pref 32000 family inet action prohibit",
		"rule pref 32000 family inet6 action prohibit",
	};
	struct tun_setup s = setup_with_policy(POLICY_DISCARD);

	rule(POLICY_BYPASS, selector("fd00:5::/64", 0, 0, 65535),
	     selector("fd00:6::/64", 0, 0, 65535));
	expect(&s, want, ARRAY_SIZE(want));
}

/* The kernel takes no rule for ports 0 and 65535. */
static void test_ports_the_kernel_has_not(void **state)
{
	static const struct {
		enum policy_action action;
		uint16_t lo, hi;
		const char *want; /* NULL: no rule */
	} rows[] = {
		{ POLICY_DISCARD, 0, 99, "ipproto 6 dport 1-99 action prohibit" },
		{ POLICY_DISCARD, 0, 0, NULL },
		{ POLICY_DISCARD, 1024, 65535, "ipproto 6 dport 1024-65534 action prohibit" },
		{ POLICY_DISCARD, 65535, 65535, NULL },
		{ POLICY_PROTECT, 1024, 65535, "ipproto 6 action lookup table 26487" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tun_setup s = setup_with_policy(POLICY_BYPASS);
		char text[TUN_STATE_TEXT_MAX];
		int n;

		rule(rows[i].action, ANY, selector("0.0.0.0/0", 6, rows[i].lo, rows[i].hi));
		n = tun_plan(&s, plan, ARRAY_SIZE(plan));
		assert_true(n > 0);
		tun_state_text(&plan[n - 1], text);
		if (!rows[i].want)
			assert_null(strstr(text, "ipproto"));
		else if (!strstr(text, rows[i].want))
			fail_msg("%s", text);
	}
}

static void test_bounds_of_a_policy(void **state)
{
	static struct tun_state out[TUN_PLAN_MAX];
	struct tun_setup s = setup_with_policy(POLICY_DISCARD);
	char text[TUN_STATE_TEXT_MAX];
	int n;

	/* Each one does something else than the one before. */
	for (unsigned i = 0; i < POLICY_RULES_MAX; i++) {
		struct prefix p = different(0, i);
		struct ts ts = ts_from_prefix(&p);

		rule(i % 2 ? POLICY_PROTECT : POLICY_BYPASS, i % 2 ? INNER : ANY, ts);
	}
	n = tun_plan(&s, out, ARRAY_SIZE(out));
	assert_int_equal(n, 8 + 2 * POLICY_RULES_MAX + 7);
	assert_string_equal(tun_state_text(&out[8 + 3 * POLICY_RULES_MAX / 2 - 1], text),
			    "rule pref 31033 family inet to 10.3.255.0/24 action lookup table "
			    "26487");
	assert_int_equal(tun_plan(&s, out, (unsigned)n - 1), ERR_NO_ROOM);
	s.band = 1;
	assert_int_equal(tun_plan(&s, out, ARRAY_SIZE(out)), ERR_NO_ROOM);
	policy.n = TUN_BAND_NARROW - 1;
	assert_true(tun_plan(&s, out, ARRAY_SIZE(out)) > 0);
	policy.n++;
	assert_int_equal(tun_plan(&s, out, ARRAY_SIZE(out)), ERR_NO_ROOM);
	policy.n = POLICY_RULES_MAX;
	s.band = 0;
	for (unsigned i = 0; i < 20; i++) {
		policy.rules[i].ts.remote = selector("0.0.0.0/0", 0, 0, 65535);
		policy.rules[i].ts.remote.lo.b[3] = (uint8_t)(i + 1);
		policy.rules[i].ts.remote.hi.b[3] = 0xfe;
	}
	assert_int_equal(tun_plan(&s, out, ARRAY_SIZE(out)), ERR_NO_ROOM);
}

/* What removes the one must not be able to take the other. */
static void test_no_rule_covers_another_of_its_preference(void **state)
{
	static const char *const want[] = {
		"rule pref 30010 family inet to 0.0.0.0/0 ipproto 6 action prohibit",
		"rule pref 30010 family inet to 0.0.0.0/0 ipproto 17 dport 53 action prohibit",
		"rule pref 30010 family inet to 10.0.0.0/8 action prohibit",
	};
	struct tun_setup s = setup_with_policy(POLICY_BYPASS);
	char text[TUN_STATE_TEXT_MAX];

	rule(POLICY_DISCARD, ANY, selector("10.0.0.0/8", 6, 80, 80));
	rule(POLICY_DISCARD, ANY, selector("0.0.0.0/0", 6, 80, 80));
	rule(POLICY_DISCARD, ANY, selector("0.0.0.0/0", 6, 0, 65535));
	rule(POLICY_DISCARD, ANY, selector("0.0.0.0/0", 17, 53, 53));
	rule(POLICY_DISCARD, selector("10.1.0.0/16", 0, 0, 65535),
	     selector("0.0.0.0/0", 17, 53, 53));
	rule(POLICY_DISCARD, ANY, selector("10.0.0.0/8", 0, 0, 65535));
	assert_int_equal(tun_plan(&s, plan, ARRAY_SIZE(plan)), 7 + ARRAY_SIZE(want));
	for (unsigned i = 0; i < ARRAY_SIZE(want); i++)
		assert_string_equal(tun_state_text(&plan[7 + i], text), want[i]);
}

static void test_moved_to_another_band(void **state)
{
	static struct tun_state there[ARRAY_SIZE(plan)];
	struct tun_setup s = setup_with_policy(POLICY_DISCARD);
	char text[TUN_STATE_TEXT_MAX], want[TUN_STATE_TEXT_MAX];
	int n;

	rule(POLICY_BYPASS, ANY, selector("10.1.0.0/16", 6, 443, 443));
	rule(POLICY_PROTECT, INNER, selector("10.0.0.0/8", 0, 0, 65535));
	rule(POLICY_DISCARD, ANY, selector("10.0.0.0/8", 0, 0, 65535));
	n = tun_plan(&s, plan, ARRAY_SIZE(plan));
	s.band = 3;
	assert_int_equal(tun_plan(&s, there, ARRAY_SIZE(there)), n);
	for (int i = 0; i < n; i++) {
		assert_true(tun_band_move(&plan[i], 0, 3));
		assert_string_equal(tun_state_text(&plan[i], text),
				    tun_state_text(&there[i], want));
	}
	plan[0] = there[0];
	plan[0].pref = tun_band_of(0).first + TUN_BAND_NARROW - 2;
	assert_true(tun_band_move(&plan[0], 0, 1));
	plan[0].pref = tun_band_of(0).first + TUN_BAND_NARROW - 1;
	assert_false(tun_band_move(&plan[0], 0, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split_tunnel),
		cmocka_unit_test(test_both_families_over_ipv6),
		cmocka_unit_test(test_family_without_inner_address),
		cmocka_unit_test(test_outer_rules),
		cmocka_unit_test(test_excludes),
		cmocka_unit_test(test_router),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_another_band),
		cmocka_unit_test(test_bands_stand_apart),
		cmocka_unit_test(test_policy_in_order),
		cmocka_unit_test(test_policy_that_discards),
		cmocka_unit_test(test_ports_the_kernel_has_not),
		cmocka_unit_test(test_bounds_of_a_policy),
		cmocka_unit_test(test_moved_to_another_band),
		cmocka_unit_test(test_no_rule_covers_another_of_its_preference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
