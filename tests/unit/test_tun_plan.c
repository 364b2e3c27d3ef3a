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
		"route action unreachable to 0.0.0.0/0 metric 4278198272 table 26487",
		"rule pref 30005 family inet from 10.9.0.1/32 action lookup table 26487",
		"address to 10.9.0.1/32 dev godwit0",
		"route action unicast to 10.0.0.0/8 dev godwit0 src 10.9.0.1 table 26487",
		"route action unicast to 172.16.0.0/12 dev godwit0 src 10.9.0.1 table 26487",
		"rule pref 30500 family inet to 10.0.0.0/8 action lookup table 26487",
		"rule pref 30501 family inet to 172.16.0.0/12 action lookup table 26487",
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
		"route action unreachable to 0.0.0.0/0 metric 4278198272 table 26487",
		"route action unreachable to ::/0 metric 4278198272 table 26487",
		"rule pref 30005 family inet from 10.9.0.1/32 action lookup table 26487",
		"rule pref 30005 family inet6 from fd00::1/128 action lookup table 26487",
		"address to 10.9.0.1/32 dev godwit0",
		"address to fd00::1/128 dev godwit0",
		"route action unicast to 0.0.0.0/0 dev godwit0 src 10.9.0.1 table 26487",
		"route action unicast to ::/0 dev godwit0 src fd00::1 table 26487",
		"rule pref 30500 family inet to 0.0.0.0/0 action lookup table 26487",
		"rule pref 30501 family inet6 to ::/0 action lookup table 26487",
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
		"route action unreachable to ::/0 metric 4278198272 table 26487",
		"rule pref 30500 family inet6 to 2001:db8:7::/48 action lookup table 26487",
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
		assert_int_equal(tun_plan(&s, plan, ARRAY_SIZE(plan)), n + 1);
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
		"route action unreachable to 0.0.0.0/0 metric 4278198272 table 26487",
		"rule pref 30005 family inet from 10.9.0.1/32 action lookup table 26487",
		"address to 10.9.0.1/32 dev godwit0",
		"route action unicast to 10.0.0.0/8 dev godwit0 src 10.9.0.1 table 26487",
		"rule pref 30010 family inet to 10.7.0.0/16 action lookup table 254",
		"rule pref 30012 family inet to 10.8.8.8/32 action lookup table 254",
		"rule pref 30500 family inet to 10.0.0.0/8 action lookup table 26487",
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
	assert_int_equal(tun_plan(&s, plan, ARRAY_SIZE(plan)), 2);
	assert_true(addr_parse("198.51.100.7", &s.path.local.addr));
	assert_int_equal(tun_plan(&s, plan, ARRAY_SIZE(plan)), 3);
	assert_string_equal(tun_state_text(&plan[1], text),
			    "rule pref 29999 family inet from 198.51.100.7/32 to "
			    "198.51.100.254/32 action lookup table 254");
	assert_true(addr_parse("2001:db8:1::1", &v6.router));
	assert_true(addr_parse("2001:db8:1::2", &v6.path.local.addr));
	assert_int_equal(tun_plan(&v6, plan, ARRAY_SIZE(plan)), 2);
}

static void test_bounds(void **state)
{
	static struct prefix remote[TUN_POLICY_MAX + 1], exclude[TUN_EXCLUDE_MAX + 1];
	static struct tun_state out[TUN_PLAN_MAX];
	struct tun_setup s = setup_of("192.0.2.1", 4500);
	int n;

	for (size_t i = 0; i < ARRAY_SIZE(remote); i++)
		remote[i] = network("10.0.0.0/8");
	s.remote = remote;
	s.n_remote = TUN_POLICY_MAX;
	s.n_inner = 1;
	addr_parse("10.9.0.1", &s.inner[0]);
	n = tun_plan(&s, out, ARRAY_SIZE(out));
	assert_int_equal(n, 5 + 2 * TUN_POLICY_MAX);
	assert_int_equal(tun_plan(&s, out, (unsigned)n), n);
	assert_int_equal(tun_plan(&s, out, (unsigned)n - 1), ERR_NO_ROOM);
	s.n_remote++;
	assert_int_equal(tun_plan(&s, out, ARRAY_SIZE(out)), ERR_NO_ROOM);
	s.n_remote--;
	for (size_t i = 0; i < ARRAY_SIZE(exclude); i++)
		exclude[i] = network("10.1.0.0/16");
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
	assert_int_equal(tun_plan(&s, out, TUN_PLAN_MAX), TUN_PLAN_MAX);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
