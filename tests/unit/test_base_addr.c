/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/addr.h"

static struct addr addr(const char *text)
{
	struct addr a;

	assert_true(addr_parse(text, &a));
	return a;
}

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_true(prefix_parse(text, &p));
	return p;
}

static void test_parse_and_text(void **state)
{
	static const char *const good[] = {
		"0.0.0.0",
		"10.1.2.3",
		"255.255.255.255",
		"::",
		"::1",
		"2001:db8::1",
		"fe80::1:2:3:4",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"::ffff:192.0.2.1",
	};
	static const char *const bad[] = {
		"",
		" ",
		"10.1.2",
		"10.1.2.3.4",
		"10.1.2.256",
		"10.1.2.3 ",
		" 10.1.2.3",
		"10.1.2.-3",
		":::",
		"2001:db8",
		"12345::",
		"2001:db8::1%eth0",
		"example.org",
		"10.0.0.0/8",
	};
	char text[ADDR_TEXT_MAX];
	struct addr a;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		a = addr(good[i]);
		assert_string_equal(addr_text(&a, text), good[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_false(addr_parse(bad[i], &a));
		assert_int_equal(a.family, FAMILY_NONE);
	}
	assert_string_equal(addr_text(&a, text), "none");
}

static void test_bytes(void **state)
{
	uint8_t raw[17] = { 1, 2, 3, 4, 5 };
	struct addr a, b;

	for (size_t n = 0; n <= sizeof(raw); n++) {
		memset(&a, 0xff, sizeof(a));
		assert_int_equal(addr_from_bytes(slice(raw, n), &a), n == 4 || n == 16);
		if (n == 4 || n == 16)
			assert_true(slice_eq(addr_bytes(&a), slice(raw, n)));
	}
	assert_true(addr_from_bytes(slice(raw, 4), &a));
	assert_int_equal(a.family, FAMILY_IP4);
	b = addr("1.2.3.4");
	assert_memory_equal(&a, &b, sizeof(a));
	assert_true(addr_from_bytes(slice(raw, 16), &a));
	assert_int_equal(a.family, FAMILY_IP6);
	assert_int_equal(family_size(FAMILY_IP4), 4);
	assert_int_equal(family_size(FAMILY_IP6), 16);
	assert_int_equal(family_size(FAMILY_NONE), 0);
}

static int sign(int v)
{
	return (v > 0) - (v < 0);
}

static void test_order(void **state)
{
	static const char *const rising[] = { "0.0.0.0",  "9.255.255.255",   "10.0.0.0",
					      "10.0.0.1", "255.255.255.255", "::",
					      "::1",	  "2001:db8::",	     "ff02::1" };

	for (size_t i = 0; i < ARRAY_SIZE(rising); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(rising); k++) {
			struct addr a = addr(rising[i]), b = addr(rising[k]);

			assert_int_equal(sign(addr_cmp(&a, &b)), (i > k) - (i < k));
			assert_int_equal(addr_eq(&a, &b), i == k);
		}
	}
}

static void test_list(void **state)
{
	const struct addr list[] = { addr("10.0.0.1"), addr("::a00:1") };
	struct addr a = addr("10.0.0.1"), b = addr("10.0.0.2");

	assert_true(addr_is_in(list, 2, &a));
	assert_true(addr_is_in(list, 2, &list[1]));
	assert_false(addr_is_in(list, 1, &list[1]));
	assert_false(addr_is_in(list, 2, &b));
	assert_false(addr_is_in(NULL, 0, &a));
}

static void test_host(void **state)
{
	static const char *const hosts[] = { "1.0.0.1",	  "10.0.0.1",	     "126.255.255.255",
					     "128.0.0.1", "223.255.255.255", "2001:db8::1",
					     "fe80::1",	  "fd00::1",	     "::2" };
	static const char *const others[] = { "0.0.0.0",     "0.1.2.3",		"127.0.0.1",
					      "127.255.0.1", "224.0.0.1",	"239.1.1.1",
					      "240.0.0.1",   "255.255.255.255", "::",
					      "::1",	     "ff02::1",		"ff00::" };
	struct addr none = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		struct addr a = addr(hosts[i]);

		assert_true(addr_is_host(&a));
		assert_false(addr_is_unspecified(&a));
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		struct addr a = addr(others[i]);

		assert_false(addr_is_host(&a));
	}
	assert_false(addr_is_host(&none));
	assert_true(addr_is_unspecified(&none));
}

static void test_endpoint(void **state)
{
	struct endpoint a = { addr("192.0.2.1"), 4500 }, b = a, c = { addr("2001:db8::1"), 65535 };
	struct endpoint longest = { addr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 65535 };
	char text[ENDPOINT_TEXT_MAX];

	assert_true(endpoint_eq(&a, &b));
	b.port = 500;
	assert_false(endpoint_eq(&a, &b));
	assert_false(endpoint_eq(&a, &c));
	assert_string_equal(endpoint_text(&a, text), "192.0.2.1:4500");
	assert_string_equal(endpoint_text(&c, text), "[2001:db8::1]:65535");
	assert_string_equal(endpoint_text(&longest, text),
			    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}

static void test_prefix_parse(void **state)
{
	static const struct {
		const char *text;
		const char *shown;
	} good[] = {
		{ "10.0.0.0/8", "10.0.0.0/8" },
		{ "10.1.2.3", "10.1.2.3/32" },
		{ "0.0.0.0/0", "0.0.0.0/0" },
		{ "10.1.2.3/32", "10.1.2.3/32" },
		{ "2001:db8::/32", "2001:db8::/32" },
		{ "2001:db8::1", "2001:db8::1/128" },
		{ "::/0", "::/0" },
		{ "::1/128", "::1/128" },
	};
	static const char *const bad[] = {
		"",
		"/",
		"/8",
		"10.0.0.0/",
		"10.0.0.0/33",
		"::/129",
		"10.0.0.0/-1",
		"10.0.0.0/ 8",
		"10.0.0.0/8 ",
		"10.0.0.0/+8",
		"10.0.0.0/8/8",
		"10.0.0.0/999",
		"10.0.0.0/4294967304",
		"10.0.0.0/0x8",
		"10.0.0/8",
		"0000000000000000000000000000000000000000000000000000000000000/8",
	};
	char text[PREFIX_TEXT_MAX];
	struct prefix p;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		p = prefix(good[i].text);
		assert_string_equal(prefix_text(&p, text), good[i].shown);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(prefix_parse(bad[i], &p));
}

static void test_prefix_range(void **state)
{
	static const struct {
		const char *prefix;
		const char *lo;
		const char *hi;
	} rows[] = {
		{ "10.1.2.3/0", "0.0.0.0", "255.255.255.255" },
		{ "10.1.2.3/1", "0.0.0.0", "127.255.255.255" },
		{ "10.1.2.3/8", "10.0.0.0", "10.255.255.255" },
		{ "10.1.2.3/15", "10.0.0.0", "10.1.255.255" },
		{ "10.1.2.3/31", "10.1.2.2", "10.1.2.3" },
		{ "10.1.2.3/32", "10.1.2.3", "10.1.2.3" },
		{ "2001:db8::5/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
		{ "2001:db8::5/33", "2001:db8::", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff" },
		{ "2001:db8::5/64", "2001:db8::", "2001:db8::ffff:ffff:ffff:ffff" },
		{ "2001:db8::5/127", "2001:db8::4", "2001:db8::5" },
		{ "2001:db8::5/128", "2001:db8::5", "2001:db8::5" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct prefix p = prefix(rows[i].prefix);
		struct addr lo, hi, want_lo = addr(rows[i].lo), want_hi = addr(rows[i].hi);

		prefix_range(&p, &lo, &hi);
		assert_memory_equal(&lo, &want_lo, sizeof(lo));
		assert_memory_equal(&hi, &want_hi, sizeof(hi));
	}
}

static void test_prefix_contains(void **state)
{
	static const struct {
		const char *prefix;
		const char *addr;
		bool in;
	} rows[] = {
		{ "0.0.0.0/0", "255.255.255.255", true },
		{ "0.0.0.0/0", "::", false },
		{ "::/0", "2001:db8::1", true },
		{ "::/0", "10.0.0.1", false },
		{ "10.1.2.3/24", "10.1.2.0", true },
		{ "10.1.2.3/24", "10.1.2.255", true },
		{ "10.1.2.3/24", "10.1.1.255", false },
		{ "10.1.2.3/24", "10.1.3.0", false },
		{ "10.1.2.3/32", "10.1.2.3", true },
		{ "10.1.2.3/32", "10.1.2.2", false },
		{ "2001:db8::1/128", "2001:db8::1", true },
		{ "2001:db8::1/128", "2001:db8::", false },
		{ "2001:db8::/33", "2001:db8:8000::", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct prefix p = prefix(rows[i].prefix);
		struct addr a = addr(rows[i].addr);

		assert_int_equal(prefix_contains(&p, &a), rows[i].in);
	}
}

static void test_encapsulation(void **state)
{
	assert_string_equal(encapsulation_name(ENCAPSULATION_UDP), "udp");
	assert_string_equal(encapsulation_name(ENCAPSULATION_ESP), "esp");
	assert_string_equal(encapsulation_name(ENCAPSULATION_CISCO_UDP), "cisco-udp");
	assert_string_equal(encapsulation_name(ENCAPSULATION_TCP), "tcp");
	assert_string_equal(encapsulation_name((enum encapsulation)9), "unknown");
}

static void test_path_esp_remote(void **state)
{
	struct path p = { .remote.port = 4500, .data_port = 10000 };

	assert_true(addr_parse("192.0.2.1", &p.remote.addr));
	for (int e = ENCAPSULATION_UDP; e <= ENCAPSULATION_TCP; e++) {
		static const uint16_t ports[] = { 4500, 0, 10000, 4500 };
		struct endpoint got;

		p.encapsulation = (enum encapsulation)e;
		got = path_esp_remote(&p);
		assert_true(addr_eq(&got.addr, &p.remote.addr));
		assert_int_equal(got.port, ports[e]);
	}
	p.encapsulation = ENCAPSULATION_CISCO_UDP;
	p.data_port = 0;
	assert_int_equal(path_esp_remote(&p).port, 4500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_and_text),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_endpoint),
		cmocka_unit_test(test_prefix_parse),
		cmocka_unit_test(test_prefix_range),
		cmocka_unit_test(test_prefix_contains),
		cmocka_unit_test(test_encapsulation),
		cmocka_unit_test(test_path_esp_remote),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
