/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor/dns.h"

#include <unistd.h>

#include "doctor_address.h"

static void test_servers(void **state)
{
	char path[] = "/tmp/doctor-XXXXXX";
	struct addr list[3], want = address("2001:db8::53");
	FILE *f = fdopen(mkstemp(path), "w");

	fputs("# nameserver 192.0.2.1\nsearch example.com\nnameserver 192.0.2.53\n"
	      "nameserver fe80::1%eth0\n  nameserver 2001:db8::53\nnameserver x\n"
	      "nameserver 192.0.2.54\nnameserver 192.0.2.55\n",
	      f);
	fclose(f);
	assert_int_equal(dns_servers(path, list, 3), 3);
	assert_true(addr_eq(&list[1], &want));
	unlink(path);
	assert_int_equal(dns_servers(path, list, 3), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_servers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
