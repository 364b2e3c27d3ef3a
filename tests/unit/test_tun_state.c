/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tun/tun.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/err.h"

static const char *const lines[] = {
	"address to 10.9.0.1/32 dev godwit0",
	"address to fd00::1/128 dev godwit0",
	"route action unicast to 10.0.0.0/8 dev godwit0 src 10.9.0.1 table 26487",
	"route action unicast to ::/0 dev godwit0 metric 5 table 26487",
	"route action unreachable to 0.0.0.0/0 metric 4278198272 table 26487",
	("rule pref 29999 family inet to 192.0.2.1/32 ipproto 17 sport 4500 dport 4500 action lookup "
	 "table 254"),
	"rule pref 30000 family inet6 fwmark 0x6777 action lookup table 254",
	"rule pref 30005 family inet from 10.9.0.1/32 action lookup table 26487",
	"rule pref 30020 family inet6 ipproto 6 dport 25 action prohibit",
	"rule pref 30111 family inet6 from fd00::/8 to ::/0 action unreachable",
	"rule pref 30011 family inet ipproto 17 sport 1024-65534 dport 1-9 action lookup table 254",
	"rule pref 30010 family inet to 10.1.0.0/16 action goto target 30899",
	"rule pref 30899 family inet6 fwmark 0x6777 action nop",
	"rule pref 29900 family inet iif godwit-gw-s1 action lookup table 26488",
	"route action unicast to 10.20.0.100/32 via 10.20.0.7 table 26488",
	"route action unicast to fd00:20::/64 via fd00:20::7 table 26488",
};

static void test_round_trip(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		char text[TUN_STATE_TEXT_MAX];
		struct tun_state s;

		assert_int_equal(tun_state_parse(lines[i], &s), 0);
		assert_true(tun_state_valid(&s));
		assert_string_equal(tun_state_text(&s, text), lines[i]);
	}
}

static void test_fields(void **state)
{
	struct tun_state s;

	assert_int_equal(tun_state_parse(lines[2], &s), 0);
	assert_int_equal(s.kind, TUN_STATE_ROUTE);
	assert_int_equal(s.action, TUN_UNICAST);
	assert_string_equal(s.ifname, "godwit0");
	assert_int_equal(s.to.len, 8);
	assert_int_equal(s.source.b[1], 9);
	assert_int_equal(s.table, TUN_TABLE);
	assert_int_equal(tun_state_parse(lines[5], &s), 0);
	assert_int_equal(s.kind, TUN_STATE_RULE);
	assert_int_equal(s.pref, TUN_PREF_OUTER);
	assert_int_equal(s.proto, 17);
	assert_int_equal(s.sport.lo, 4500);
	assert_int_equal(s.sport.hi, 4500);
	assert_int_equal(s.dport.lo, 4500);
	assert_int_equal(s.to.addr.b[0], 192);
	assert_int_equal(s.family, FAMILY_IP4);
}

static const char *const bad[] = {
	"",
	" ",
	"address",
	"adress to 10.9.0.1/32 dev godwit0",
	"address to 10.9.0.1 dev godwit0",
	"address to 10.9.0.1/33 dev godwit0",
	"address to 10.9.0.1/32",
	"address to 10.9.0.1/32 dev",
	"address to 10.9.0.1/32 dev ../etc",
	"address to 10.9.0.1/32 dev a-name-too-long-",
	"address to 10.9.0.1/32 dev godwit0 ",
	" address to 10.9.0.1/32 dev godwit0",
	"address  to 10.9.0.1/32 dev godwit0",
	"address dev godwit0 to 10.9.0.1/32",
	"address to 10.9.0.1/32 dev godwit0\n",
	"address to 10.9.0.1/32 to 10.9.0.1/32 dev godwit0",
	"address to 10.9.0.1/32 dev godwit0 table 7",
	"route action unicast to 10.9.0.1/8 dev godwit0 table 26487",
	"route action unicast to 10.0.0.0/8 table 26487",
	"route action unicast to 10.0.0.0/8 via fd00::7 table 26487",
	"route action unicast to 10.0.0.0/8 via 10.0.0.7",
	"route action unicast to 10.0.0.0/8 via 10.0.0.7 dev godwit0 table 26487",
	"route action unreachable to 10.0.0.0/8 via 10.0.0.7 table 26487",
	"rule pref 29900 family inet dev godwit0 action lookup table 26487",
	"rule pref 29900 family inet iif god/wit action lookup table 26487",
	"rule pref 29900 family inet via 10.0.0.7 action lookup table 26487",
	"route action unicast to 10.0.0.0/8 dev godwit0 table 0",
	"route action unicast to 10.0.0.0/8 dev godwit0",
	"route action unicast to 10.0.0.0/8 dev godwit0 src fd00::1 table 26487",
	"route action unreachable to 10.0.0.0/8 dev godwit0 table 26487",
	"route action lookup to 10.0.0.0/8 table 26487",
	"route action blackhole to 10.0.0.0/8 table 26487",
	"rule pref 0 family inet action lookup table 26487",
	"rule pref 30005 family inet action lookup",
	"rule pref 30005 family inet action prohibit table 26487",
	"rule pref 30005 family inet action unicast table 26487",
	"rule pref 30005 action lookup table 26487",
	"rule pref 30005 family inet action goto",
	"rule pref 30005 family inet action goto target 30005",
	"rule pref 30005 family inet action goto target 30004",
	"rule pref 30005 family inet action goto table 254 target 30899",
	"rule pref 30005 family inet action nop target 30899",
	"rule pref 30005 family inet action nop table 254",
	"rule pref 30005 family inet action lookup table 254 target 30899",
	"route action goto to 10.0.0.0/8 table 26487",
	"route action nop to 10.0.0.0/8 table 26487",
	"rule pref 30005 family inet5 action lookup table 26487",
	"rule pref 30005 family inet from fd00::1/128 action lookup table 26487",
	"rule pref 030005 family inet action lookup table 26487",
	"rule pref +30005 family inet action lookup table 26487",
	"rule pref -1 family inet action lookup table 26487",
	"rule pref 4294967296 family inet action lookup table 26487",
	"rule pref 30005 family inet fwmark 26487 action lookup table 254",
	"rule pref 30005 family inet fwmark 0x0 action lookup table 254",
	"rule pref 30005 family inet dport 25 action lookup table 254",
	"rule pref 30005 family inet dport 25-26 action lookup table 254",
	"rule pref 30005 family inet ipproto 6 dport 25-25 action lookup table 254",
	"rule pref 30005 family inet ipproto 6 dport 25-24 action lookup table 254",
	"rule pref 30005 family inet ipproto 6 dport 0-24 action lookup table 254",
	"rule pref 30005 family inet ipproto 6 dport 25- action lookup table 254",
	"rule pref 30005 family inet ipproto 6 dport -25 action lookup table 254",
	"rule pref 30005 family inet ipproto 6 dport 25-26-27 action lookup table 254",
	"rule pref 30005 family inet ipproto 6 dport 25-65562 action lookup table 254",
	"rule pref 30005 family inet ipproto 6 dport 25,26 action lookup table 254",
	"rule pref 30005 family inet ipproto 256 action lookup table 254",
	"rule pref 30005 family inet ipproto 6 dport 65561 action lookup table 254",
	"rule pref 30005 family inet6 from FD00::1/128 action lookup table 26487",
	"rule pref 30005 family inet6 from fd00:0::1/128 action lookup table 26487",
};

static void test_everything_else_is_refused(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct tun_state s;

		if (tun_state_parse(bad[i], &s) != ERR_MALFORMED)
			fail_msg("taken: \"%s\"", bad[i]);
	}
}

/* No change of one character, and no cut, is read as the same line. */
static void test_mutations(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		char line[TUN_STATE_TEXT_MAX], text[TUN_STATE_TEXT_MAX];
		size_t n = strlen(lines[i]);
		struct tun_state s;

		for (size_t at = 0; at < n; at++) {
			for (int c = 0; c < 256; c++) {
				memcpy(line, lines[i], n + 1);
				line[at] = (char)c;
				if (tun_state_parse(line, &s) == 0)
					assert_string_equal(tun_state_text(&s, text), line);
			}
		}
	}
}

static void test_too_long(void **state)
{
	char line[4096];
	struct tun_state s;

	memset(line, 'a', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	assert_int_equal(tun_state_parse(line, &s), ERR_MALFORMED);
}

static void test_longest_fits(void **state)
{
	const char *host = "1111:2222:3333:4444:5555:6666:7777:8888";
	char text[TUN_STATE_TEXT_MAX];
	struct tun_state s = {
		.kind = TUN_STATE_RULE,
		.family = FAMILY_IP6,
		.pref = UINT32_MAX,
		.fwmark = UINT32_MAX,
		.proto = 255,
		.sport = { 65534, 65535 },
		.dport = { 65534, 65535 },
		.action = TUN_LOOKUP,
		.table = UINT32_MAX,
		.from.len = 128,
		.to.len = 128,
	}, again;

	assert_true(addr_parse(host, &s.from.addr) && addr_parse(host, &s.to.addr));
	assert_true(strlen(tun_state_text(&s, text)) < TUN_STATE_TEXT_MAX - 1);
	assert_int_equal(tun_state_parse(text, &again), 0);
}

static void test_invalid_has_no_text(void **state)
{
	struct tun_state s = { .kind = TUN_STATE_RULE };
	char text[TUN_STATE_TEXT_MAX];

	assert_string_equal(tun_state_text(&s, text), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_everything_else_is_refused),
		cmocka_unit_test(test_mutations),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_longest_fits),
		cmocka_unit_test(test_invalid_has_no_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
