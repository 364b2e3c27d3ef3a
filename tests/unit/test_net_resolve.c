/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/net.h"

#include "namespace.h"

static void resolves_to(const char *name, const char *text)
{
	struct addr got[4], want;

	assert_true(addr_parse(text, &want));
	assert_int_equal(net_resolve(name, got, 4), 1);
	assert_true(addr_eq(&got[0], &want));
}

static void test_digits_need_no_resolver(void **state)
{
	resolves_to("192.0.2.1", "192.0.2.1");
	resolves_to("2001:db8::1", "2001:db8::1");
}

static void test_local_name(void **state)
{
	struct addr got[4], v4, v6;
	int n = net_resolve("localhost", got, 4);

	addr_parse("127.0.0.1", &v4);
	addr_parse("::1", &v6);
	assert_in_range(n, 1, 2);
	for (int i = 0; i < n; i++)
		assert_true(addr_eq(&got[i], &v4) || addr_eq(&got[i], &v6));
	if (n == 2)
		assert_false(addr_eq(&got[0], &got[1]));
}

static void test_bounds(void **state)
{
	struct addr got[2] = { 0 };

	assert_int_equal(net_resolve("192.0.2.1", got, 0), 0);
	assert_int_equal(got[0].family, FAMILY_NONE);
	assert_int_equal(net_resolve("localhost", got, 1), 1);
	assert_int_equal(got[1].family, FAMILY_NONE);
}

/* From a namespace where no name server can be reached. */
static void test_no_such_name(void **state)
{
	struct addr got[2];

	enter_namespace();
	assert_true(net_resolve("", got, 2) <= 0);
	assert_true(net_resolve("not a name", got, 2) <= 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digits_need_no_resolver),
		cmocka_unit_test(test_local_name),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_no_such_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
