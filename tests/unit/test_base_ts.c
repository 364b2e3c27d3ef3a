/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/ts.h"

#define ICMP 1
#define TCP 6
#define UDP 17

static struct addr addr(const char *text)
{
	struct addr a;

	assert_true(addr_parse(text, &a));
	return a;
}

static struct ts net(const char *text)
{
	struct prefix p;

	assert_true(prefix_parse(text, &p));
	return ts_from_prefix(&p);
}

static struct ts ports(const char *text, uint8_t proto, uint16_t lo, uint16_t hi)
{
	struct ts t = net(text);

	t.proto = proto;
	t.port_lo = lo;
	t.port_hi = hi;
	return t;
}

static struct ts range(const char *lo, const char *hi)
{
	return (struct ts){ addr(lo), addr(hi), 0, 0, UINT16_MAX };
}

static struct tuple packet(const char *src, const char *dst, uint8_t proto, uint16_t sport,
			   uint16_t dport)
{
	return (struct tuple){ addr(src), addr(dst), proto, true, sport, dport };
}

static void test_from_prefix(void **state)
{
	struct ts t = net("10.1.2.3/24");
	struct addr lo = addr("10.1.2.0"), hi = addr("10.1.2.255");

	assert_true(addr_eq(&t.lo, &lo));
	assert_true(addr_eq(&t.hi, &hi));
	assert_int_equal(t.proto, 0);
	assert_int_equal(t.port_lo, 0);
	assert_int_equal(t.port_hi, 65535);
}

static void test_to_prefix(void **state)
{
	static const char *const prefixes[] = { "0.0.0.0/0",	 "10.0.0.0/8",	   "10.0.0.0/9",
						"10.1.2.2/31",	 "10.1.2.3/32",	   "::/0",
						"2001:db8::/33", "2001:db8::1/128" };
	static const struct {
		const char *lo;
		const char *hi;
	} ranges[] = { { "10.0.0.0", "10.0.0.2" },	{ "10.0.0.1", "10.0.0.2" },
		       { "10.0.0.0", "10.0.2.255" },	{ "10.0.0.1", "10.0.0.255" },
		       { "10.0.0.9", "10.0.0.1" },	{ "2001:db8::", "2001:db8::2" },
		       { "0.0.0.1", "255.255.255.255" } };
	char text[PREFIX_TEXT_MAX];
	struct prefix p;

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		struct ts t = net(prefixes[i]);

		assert_true(ts_to_prefix(&t, &p));
		assert_string_equal(prefix_text(&p, text), prefixes[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		struct ts t = range(ranges[i].lo, ranges[i].hi);

		assert_false(ts_to_prefix(&t, &p));
	}
}

static void test_eq(void **state)
{
	struct ts a = ports("10.0.0.0/8", TCP, 80, 90), b = a;

	assert_true(ts_eq(&a, &b));
	b.proto = UDP;
	assert_false(ts_eq(&a, &b));
	b = a;
	b.port_lo++;
	assert_false(ts_eq(&a, &b));
	b = a;
	b.port_hi++;
	assert_false(ts_eq(&a, &b));
	b = a;
	b.hi.b[3] = 0;
	assert_false(ts_eq(&a, &b));
	b = a;
	b.lo.b[3] = 1;
	assert_false(ts_eq(&a, &b));
	assert_true(ts_pair_eq(&(struct ts_pair){ a, b }, &(struct ts_pair){ a, b }));
	assert_false(ts_pair_eq(&(struct ts_pair){ a, b }, &(struct ts_pair){ a, a }));
	assert_false(ts_pair_eq(&(struct ts_pair){ b, a }, &(struct ts_pair){ a, a }));
}

static void test_covers(void **state)
{
	struct ts all = net("0.0.0.0/0"), ten = net("10.0.0.0/8"), all6 = net("::/0");
	struct ts tcp = ports("10.0.0.0/8", TCP, 0, 65535), web = ports("10.0.0.0/8", TCP, 80, 90);
	struct ts one = ports("10.0.0.0/8", TCP, 85, 85), edge = ports("10.0.0.0/8", TCP, 80, 91);
	struct ts udp = ports("10.0.0.0/8", UDP, 80, 90), low = range("9.0.0.0", "10.0.0.1");
	struct ts high = range("10.255.255.255", "11.0.0.0");

	assert_true(ts_covers(&all, &all));
	assert_true(ts_covers(&all, &ten));
	assert_false(ts_covers(&ten, &all));
	assert_false(ts_covers(&all, &all6));
	assert_false(ts_covers(&all6, &all));
	assert_true(ts_covers(&ten, &tcp));
	assert_false(ts_covers(&tcp, &ten));
	assert_true(ts_covers(&tcp, &web));
	assert_false(ts_covers(&web, &tcp));
	assert_true(ts_covers(&web, &one));
	assert_false(ts_covers(&web, &edge));
	assert_false(ts_covers(&web, &udp));
	assert_false(ts_covers(&ten, &low));
	assert_false(ts_covers(&ten, &high));
}

static void test_contains_addr(void **state)
{
	struct ts t = range("10.0.0.5", "10.0.1.4"), all = net("0.0.0.0/0"), all6 = net("::/0");
	struct addr in[] = { addr("10.0.0.5"), addr("10.0.0.255"), addr("10.0.1.4") };
	struct addr out[] = { addr("10.0.0.4"), addr("10.0.1.5"), addr("11.0.0.6"), addr("::") };
	struct addr v6 = addr("2001:db8::1"), none = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(in); i++)
		assert_true(ts_contains_addr(&t, &in[i]));
	for (size_t i = 0; i < ARRAY_SIZE(out); i++)
		assert_false(ts_contains_addr(&t, &out[i]));
	assert_false(ts_contains_addr(&all, &v6));
	assert_true(ts_contains_addr(&all6, &v6));
	assert_false(ts_contains_addr(&all6, &in[0]));
	assert_false(ts_contains_addr(&all, &none));
}

static void test_match_directions(void **state)
{
	struct ts_pair ts = { net("10.1.0.0/16"), net("192.0.2.0/24") };
	struct tuple out = packet("10.1.2.3", "192.0.2.7", TCP, 1000, 80);
	struct tuple in = packet("192.0.2.7", "10.1.2.3", TCP, 80, 1000);

	assert_true(ts_pair_match_out(&ts, &out));
	assert_false(ts_pair_match_in(&ts, &out));
	assert_true(ts_pair_match_in(&ts, &in));
	assert_false(ts_pair_match_out(&ts, &in));
	out.src = addr("10.2.0.0");
	assert_false(ts_pair_match_out(&ts, &out));
	out.src = addr("10.1.255.255");
	assert_true(ts_pair_match_out(&ts, &out));
	out.dst = addr("192.0.3.0");
	assert_false(ts_pair_match_out(&ts, &out));
}

static void test_match_ports(void **state)
{
	struct ts_pair ts = { net("10.1.0.0/16"), ports("192.0.2.0/24", TCP, 80, 90) };
	struct tuple out = packet("10.1.2.3", "192.0.2.7", TCP, 1000, 80);
	struct tuple in = packet("192.0.2.7", "10.1.2.3", TCP, 90, 1000);

	assert_true(ts_pair_match_out(&ts, &out));
	assert_true(ts_pair_match_in(&ts, &in));
	out.dport = 79;
	assert_false(ts_pair_match_out(&ts, &out));
	out.dport = 91;
	assert_false(ts_pair_match_out(&ts, &out));
	in.sport = 91;
	assert_false(ts_pair_match_in(&ts, &in));
	out.dport = 90;
	out.proto = UDP;
	assert_false(ts_pair_match_out(&ts, &out));
}

static void test_match_local_ports(void **state)
{
	struct ts_pair ts = { ports("10.1.0.0/16", UDP, 500, 500), net("192.0.2.0/24") };
	struct tuple out = packet("10.1.2.3", "192.0.2.7", UDP, 500, 1000);
	struct tuple in = packet("192.0.2.7", "10.1.2.3", UDP, 1000, 500);

	assert_true(ts_pair_match_out(&ts, &out));
	assert_true(ts_pair_match_in(&ts, &in));
	out.sport = 1000;
	out.dport = 500;
	assert_false(ts_pair_match_out(&ts, &out));
	in.dport = 1000;
	in.sport = 500;
	assert_false(ts_pair_match_in(&ts, &in));
}

/* A later fragment shows no ports: only selectors that name none may pass it. */
static void test_match_fragments(void **state)
{
	struct ts_pair any = { net("10.1.0.0/16"), net("192.0.2.0/24") };
	struct ts_pair tcp = { net("10.1.0.0/16"), ports("192.0.2.0/24", TCP, 0, 65535) };
	struct ts_pair web = { net("10.1.0.0/16"), ports("192.0.2.0/24", TCP, 80, 80) };
	struct ts_pair zero = { net("10.1.0.0/16"), ports("192.0.2.0/24", TCP, 0, 0) };
	struct ts_pair source = { ports("10.1.0.0/16", TCP, 0, 1), net("192.0.2.0/24") };
	struct tuple out = packet("10.1.2.3", "192.0.2.7", TCP, 0, 0);

	assert_true(ts_pair_match_out(&zero, &out));
	assert_true(ts_pair_match_out(&source, &out));
	out.ports = false;
	assert_true(ts_pair_match_out(&any, &out));
	assert_true(ts_pair_match_out(&tcp, &out));
	assert_false(ts_pair_match_out(&web, &out));
	assert_false(ts_pair_match_out(&zero, &out));
	assert_false(ts_pair_match_out(&source, &out));
}

static void test_match_families(void **state)
{
	struct ts_pair four = { net("0.0.0.0/0"), net("0.0.0.0/0") };
	struct ts_pair six = { net("::/0"), net("::/0") };
	struct tuple p4 = packet("10.0.0.1", "10.0.0.2", ICMP, 0x0800, 0);
	struct tuple p6 = packet("2001:db8::1", "2001:db8::2", UDP, 1, 1);

	assert_true(ts_pair_match_out(&four, &p4));
	assert_false(ts_pair_match_out(&four, &p6));
	assert_true(ts_pair_match_out(&six, &p6));
	assert_false(ts_pair_match_out(&six, &p4));
}

static void test_text(void **state)
{
	static const char longest[] =
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0-ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"
		"[ipv6-icmp/10000-20000]";

	struct ts rows[] = {
		net("10.0.0.0/24"),
		net("10.0.0.1/32"),
		range("10.0.0.1", "10.0.0.9"),
		ports("10.0.0.0/8", TCP, 80, 80),
		ports("10.0.0.0/8", UDP, 80, 90),
		ports("10.0.0.0/8", ICMP, 0, 65535),
		ports("2001:db8::/32", 58, 0x8000, 0x8000),
		ports("0.0.0.0/0", 132, 0, 65535),
		ports("0.0.0.0/0", 0, 0, 0),
		range("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0",
		      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"),
	};
	static const char *const texts[] = {
		"10.0.0.0/24",
		"10.0.0.1/32",
		"10.0.0.1-10.0.0.9",
		"10.0.0.0/8[tcp/80]",
		"10.0.0.0/8[udp/80-90]",
		"10.0.0.0/8[icmp]",
		"2001:db8::/32[ipv6-icmp/32768]",
		"0.0.0.0/0[132]",
		"0.0.0.0/0[any/0]",
		longest,
	};
	char buf[TS_TEXT_MAX];

	rows[ARRAY_SIZE(rows) - 1].proto = 58;
	rows[ARRAY_SIZE(rows) - 1].port_lo = 10000;
	rows[ARRAY_SIZE(rows) - 1].port_hi = 20000;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(ts_text(&rows[i], buf), texts[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_from_prefix),
		cmocka_unit_test(test_to_prefix),
		cmocka_unit_test(test_eq),
		cmocka_unit_test(test_covers),
		cmocka_unit_test(test_contains_addr),
		cmocka_unit_test(test_match_directions),
		cmocka_unit_test(test_match_ports),
		cmocka_unit_test(test_match_local_ports),
		cmocka_unit_test(test_match_fragments),
		cmocka_unit_test(test_match_families),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
