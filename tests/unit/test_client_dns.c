/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "client/dns.h"

/* Servers have been handed over. */
struct world {
	struct dns_config config;
	struct log log;
	struct dns dns;
	char *said;
	size_t n;
};

static struct addr addr(const char *text)
{
	struct addr a;

	assert_true(addr_parse(text, &a));
	return a;
}

static int world_open(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->dns = (struct dns){
		.config = &w->config,
		.by = DNS_BY_RESOLVED,
		.state = DNS_SET,
		.log = &w->log,
		.err = open_memstream(&w->said, &w->n),
		.plan = { .nservers = 2, .ndomains = 1 },
	};
	w->dns.plan.servers[0] = addr("10.0.0.53");
	w->dns.plan.servers[1] = addr("10.0.0.54");
	strcpy(w->dns.plan.domains[0].name, "corp.example");
	*state = w;
	return 0;
}

static int world_close(void **state)
{
	struct world *w = *state;

	fclose(w->dns.err);
	free(w->said);
	free(w);
	return 0;
}

static void expect_said(struct world *w, const char *text)
{
	fclose(w->dns.err);
	assert_string_equal(w->said, text);
	free(w->said);
	w->dns.err = open_memstream(&w->said, &w->n);
}

static void test_to_check(void **state)
{
	struct addr out[DNS_SERVERS_MAX];
	struct world *w = *state;
	const char *name;

	assert_int_equal(dns_to_check(&w->dns, out, &name), 2);
	assert_true(addr_eq(&out[1], &w->dns.plan.servers[1]));
	assert_string_equal(name, "corp.example");
	w->dns.beside.servers[w->dns.beside.n++] = addr("10.0.0.53");
	assert_int_equal(dns_to_check(&w->dns, out, &name), 1);
	assert_true(addr_eq(&out[0], &w->dns.plan.servers[1]));
	strcpy(w->dns.plan.domains[0].name, ".");
	dns_to_check(&w->dns, out, &name);
	assert_string_equal(name, "");
	w->dns.state = DNS_FAILED;
	assert_int_equal(dns_to_check(&w->dns, out, &name), 0);
	w->dns.state = DNS_TOLD;
	assert_int_equal(dns_to_check(&w->dns, out, &name), 1);
	w->dns.by = DNS_BY_NONE;
	assert_int_equal(dns_to_check(&w->dns, out, &name), 0);
}

static void test_silent(void **state)
{
	struct world *w = *state;
	struct dns *d = &w->dns;
	const struct addr *all = d->plan.servers;

	dns_checked(d, all, 1, 1);
	expect_said(
		w, "godwit: the DNS server 10.0.0.53 that the gateway named does not answer: names "
		   "inside will not resolve; ask the administrator, or set [dns] servers\n");
	assert_true(strstr(d->why, "10.0.0.53 that the gateway named does not answer"));
	assert_int_equal(d->state, DNS_SET);
	dns_checked(d, all, 0, 1);
	expect_said(w, "");
	assert_string_equal(d->why, "");
	dns_checked(d, all, 2, 2);
	expect_said(w, "godwit: the DNS servers 10.0.0.53, 10.0.0.54 that the gateway named do not "
		       "answer: names inside will not resolve; ask the administrator, or set [dns] "
		       "servers\n");
}

static void test_silent_own(void **state)
{
	struct world *w = *state;
	struct dns *d = &w->dns;

	w->config.servers[w->config.nservers++] = d->plan.servers[0];
	strcpy(d->plan.domains[0].name, ".");
	dns_checked(d, d->plan.servers, 1, 1);
	expect_said(w,
		    "godwit: the DNS server 10.0.0.53 in [dns] servers does not answer: names will "
		    "not resolve; correct [dns] servers\n");
	dns_checked(d, d->plan.servers, 2, 2);
	expect_said(w, "godwit: the DNS servers 10.0.0.53, 10.0.0.54 of [dns] servers and of the "
		       "gateway do not answer: names will not resolve; correct [dns] servers\n");
}

/* One that answers is enough; what else is wrong stays. */
static void test_some(void **state)
{
	struct world *w = *state;
	struct dns *d = &w->dns;

	strcpy(d->why, "something else");
	dns_checked(d, d->plan.servers, 1, 2);
	dns_checked(d, d->plan.servers, 0, 2);
	expect_said(w, "");
	assert_string_equal(d->why, "something else");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_to_check, world_open, world_close),
		cmocka_unit_test_setup_teardown(test_silent, world_open, world_close),
		cmocka_unit_test_setup_teardown(test_silent_own, world_open, world_close),
		cmocka_unit_test_setup_teardown(test_some, world_open, world_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
