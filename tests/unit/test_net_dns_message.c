/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "net/dns_message.h"

static void test_query(void **state)
{
	static const uint8_t wanted[] = { 0x12, 0x34, 1,   0,	0, 1,	0,   0, 0, 0,  0, 0,
					  3,	'v',  'p', 'n', 2, 'd', 'e', 0, 0, 28, 0, 1 };
	uint8_t buf[DNS_QUERY_MAX];
	char name[300];

	assert_true(slice_eq(dns_query(0x1234, "vpn.de", DNS_AAAA, true, buf), SLICE_OF(wanted)));
	assert_true(slice_eq(dns_query(0x1234, "vpn.de.", DNS_AAAA, true, buf), SLICE_OF(wanted)));
	assert_int_equal(dns_query(1, "a..b", DNS_A, true, buf).n, 0);
	memset(name, 'a', sizeof(name));
	name[64] = '\0';
	assert_int_equal(dns_query(1, name, DNS_A, true, buf).n, 0);
	name[64] = '.';
	name[299] = '\0';
	assert_int_equal(dns_query(1, name, DNS_A, true, buf).n, 0);
}

static void test_root(void **state)
{
	static const uint8_t wanted[] = { 0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1 };
	uint8_t buf[DNS_QUERY_MAX];

	assert_true(slice_eq(dns_query(0x1234, "", DNS_NS, false, buf), SLICE_OF(wanted)));
	assert_int_equal(dns_query(1, ".", DNS_NS, false, buf).n, 0);
}

/* An alias, then two addresses by a compressed name. */
static const uint8_t answer[] = {
	0x12, 0x34, 0x81, 0x80, 0,    1,  0,	3,  0, 0, 0, 0, 3, 'v', 'p', 'n', 2,   'd',
	'e',  0,    0,	  1,	0,    1,  0xc0, 12, 0, 5, 0, 1, 0, 0,	0,   9,	  0,   4,
	1,    'x',  0xc0, 16,	0xc0, 36, 0,	1,  0, 1, 0, 0, 0, 9,	0,   4,	  198, 51,
	100,  1,    0xc0, 36,	0,    1,  0,	1,  0, 0, 0, 9, 0, 4,	198, 51,  100, 2,
};

static void test_answer(void **state)
{
	static const uint8_t no_name[] = { 0x12, 0x34, 0x81, 0x83, 0, 0, 0, 0, 0, 0, 0, 0 };
	struct dns_answer a = { 0 };
	struct addr want;

	assert_true(addr_parse("198.51.100.2", &want));
	assert_int_equal(dns_parse(SLICE_OF(answer), 0x1234, &a), 0);
	assert_true(a.answered);
	assert_int_equal(a.n, 2);
	assert_true(addr_eq(&a.addrs[1], &want));
	assert_int_equal(dns_parse(SLICE_OF(answer), 0x1235, &a), ERR_UNEXPECTED);
	a = (struct dns_answer){ 0 };
	assert_int_equal(dns_parse(SLICE_OF(no_name), 0x1234, &a), 0);
	assert_int_equal(a.code, 3);
	assert_int_equal(a.n, 0);
}

static void test_is_answer(void **state)
{
	static const uint8_t question[] = { 0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0 };

	assert_true(dns_is_answer(SLICE_OF(answer), 0x1234));
	assert_true(dns_is_answer(slice(answer, 12), 0x1234));
	assert_false(dns_is_answer(SLICE_OF(answer), 0x1235));
	assert_false(dns_is_answer(SLICE_OF(question), 0x1234));
	for (size_t i = 0; i < 12; i++)
		assert_false(dns_is_answer(slice(answer, i), 0x1234));
}

/* Cut anywhere it is none; more addresses than there is room for are left out; names without an end. */
static void test_hostile(void **state)
{
	uint8_t many[2000], loop[64] = { 0x12, 0x34, 0x81, 0x80, 0, 1, 0xff, 0xff };
	struct dns_answer a = { 0 };
	size_t n = sizeof(answer) - 16;

	for (size_t i = 0; i < sizeof(answer); i++)
		assert_int_not_equal(dns_parse(slice(answer, i), 0x1234, &a), 0);
	assert_false(a.answered);
	memcpy(many, answer, n);
	for (unsigned i = 0; i < 40; i++, n += 16)
		memcpy(many + n, answer + sizeof(answer) - 16, 16);
	put_be16(many + 6, 42);
	a = (struct dns_answer){ 0 };
	assert_int_equal(dns_parse(slice(many, n), 0x1234, &a), 0);
	assert_int_equal(a.n, DNS_ADDRESSES_MAX);
	memset(loop + 12, 63, sizeof(loop) - 12);
	assert_int_equal(dns_parse(SLICE_OF(loop), 0x1234, &a), ERR_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_query),	cmocka_unit_test(test_root),
		cmocka_unit_test(test_answer),	cmocka_unit_test(test_is_answer),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
