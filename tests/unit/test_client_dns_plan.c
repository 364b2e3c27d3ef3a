/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/dns.h"

/* A configuration, what the gateway gives, and the tunnel's rules; a plan is made of them. */
struct world {
	struct dns_config config;
	struct ike_assigned assigned;
	struct addr inner[2];
	struct prefix routes[4];
	struct policy policy;
	struct session_effect fx;
	struct dns_plan plan;
	struct dns_beside beside;
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

	w->config.servers_config = w->config.domains_config = true;
	w->inner[0] = addr("10.92.0.1");
	w->fx.tun.inner = w->inner;
	w->fx.tun.ninner = 1;
	w->fx.tun.routes = w->routes;
	w->fx.tun.policy = &w->policy;
	w->fx.tun.assigned = &w->assigned;
	w->policy.fallback = POLICY_BYPASS;
	*state = w;
	return 0;
}

static int world_close(void **state)
{
	free(*state);
	return 0;
}

static void through_tunnel(struct world *w, const char *text)
{
	struct prefix local, *remote = &w->routes[w->fx.tun.nroutes++];
	struct policy_rule rule = { .action = POLICY_PROTECT };

	assert_true(prefix_parse(text, remote));
	assert_true(
		prefix_parse(remote->addr.family == FAMILY_IP4 ? "10.92.0.1" : "fd92::1", &local));
	rule.ts = (struct ts_pair){ ts_from_prefix(&local), ts_from_prefix(remote) };
	assert_true(policy_add(&w->policy, &rule));
}

static void gateway_gives(struct world *w, const char *server, const char *domain,
			  const char *split)
{
	if (server)
		w->assigned.dns[w->assigned.ndns++] = addr(server);
	if (domain)
		strcpy(w->assigned.domain, domain);
	if (split)
		strcpy(w->assigned.split_dns[w->assigned.nsplit_dns++], split);
}

/* "10.0.0.53 | corp.example ~. | yes" */
static const char *plan_text(struct world *w, enum dns_manager by)
{
	static char text[4000];
	char buf[IKE_NAME_MAX + 1];
	size_t n = 0;

	dns_plan_make(&w->config, by, &w->fx, &w->plan, &w->beside);
	assert_int_equal(dns_plan_check(&w->plan), 0);
	text[0] = '\0';
	for (unsigned i = 0; i < w->plan.nservers; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s ",
				      addr_text(&w->plan.servers[i], buf));
	n += (size_t)snprintf(text + n, sizeof(text) - n, "| ");
	for (unsigned i = 0; i < w->plan.ndomains; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s ",
				      dns_domain_text(&w->plan.domains[i], buf));
	snprintf(text + n, sizeof(text) - n, "| %s", w->plan.default_route ? "yes" : "no");
	return text;
}

#define expect_plan(w, wanted) assert_string_equal(plan_text(w, DNS_BY_RESOLVED), wanted)

/* ---- what the gateway says ---- */

static void split_dns_asks_for_these_domains_alone(void **state)
{
	struct world *w = *state;

	through_tunnel(w, "10.80.0.0/24");
	gateway_gives(w, "10.80.0.53", "corp.example", "lab.example");
	gateway_gives(w, "10.80.0.54", NULL, "corp.example");
	expect_plan(w, "10.80.0.53 10.80.0.54 | corp.example ~lab.example | no");
}

static void a_domain_alone_is_searched_and_asked_for(void **state)
{
	struct world *w = *state;

	through_tunnel(w, "10.80.0.0/24");
	gateway_gives(w, "10.80.0.53", "corp.example", NULL);
	expect_plan(w, "10.80.0.53 | corp.example | no");
}

/* Else nobody would ever ask these servers. */
static void without_domains_they_are_asked_beside_the_others(void **state)
{
	struct world *w = *state;

	through_tunnel(w, "10.80.0.0/24");
	gateway_gives(w, "10.80.0.53", NULL, NULL);
	expect_plan(w, "10.80.0.53 | | yes");
}

static void a_full_tunnel_is_for_all_names(void **state)
{
	struct world *w = *state;

	through_tunnel(w, "0.0.0.0/0");
	gateway_gives(w, "10.80.0.53", "corp.example", "lab.example");
	expect_plan(w, "10.80.0.53 | corp.example ~lab.example ~. | yes");
	assert_true(dns_plan_is_everything(&w->plan));
	/* In two halves it is the same. */
	w->fx.tun.nroutes = w->policy.n = 0;
	through_tunnel(w, "0.0.0.0/1");
	expect_plan(w, "10.80.0.53 | corp.example ~lab.example | no");
	through_tunnel(w, "128.0.0.0/1");
	expect_plan(w, "10.80.0.53 | corp.example ~lab.example ~. | yes");
}

static void names_are_taken_as_they_are_meant(void **state)
{
	static const char *const given[][2] = {
		{ "corp.example.", "| corp.example | no" },
		{ ".corp.example", "| corp.example | no" },
		{ "CORP", "| CORP | no" },
		{ "a..b", "| | yes" },
		{ "-a", "| | yes" },
		{ ".", "| | yes" },
		{ "a_b.c-d", "| a_b.c-d | no" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(given); i++) {
		strcpy(w->assigned.domain, given[i][0]);
		expect_plan(w, given[i][1]);
	}
	memset(w->assigned.domain, 'a', 64);
	expect_plan(w, "| | yes");
	/* The same name in other letters is no second one. */
	strcpy(w->assigned.domain, "corp.example");
	gateway_gives(w, NULL, NULL, "Corp.Example");
	expect_plan(w, "| corp.example | no");
}

/* ---- what the configuration says ---- */

static void own_servers_are_in_place_of_the_gateways_or_before(void **state)
{
	struct world *w = *state;

	through_tunnel(w, "10.80.0.0/24");
	gateway_gives(w, "10.80.0.53", "corp.example", NULL);
	w->config.servers[w->config.nservers++] = addr("10.80.0.1");
	expect_plan(w, "10.80.0.1 10.80.0.53 | corp.example | no");
	w->config.servers_config = false;
	expect_plan(w, "10.80.0.1 | corp.example | no");
	w->fx.tun.assigned = NULL;
	expect_plan(w, "10.80.0.1 | | yes");
}

static void own_domains_are_in_place_of_the_gateways_or_before(void **state)
{
	struct world *w = *state;

	through_tunnel(w, "10.80.0.0/24");
	gateway_gives(w, "10.80.0.53", "corp.example", NULL);
	strcpy(w->config.domains[0].name, "lab.example");
	w->config.ndomains = 1;
	expect_plan(w, "10.80.0.53 | ~lab.example corp.example | no");
	w->config.domains_config = false;
	w->config.domains[0].search = true;
	expect_plan(w, "10.80.0.53 | lab.example | no");
	strcpy(w->config.domains[0].name, ".");
	w->config.domains[0].search = false;
	expect_plan(w, "10.80.0.53 | ~. | yes");
}

static void the_default_route_can_be_chosen(void **state)
{
	struct world *w = *state;

	through_tunnel(w, "10.80.0.0/24");
	gateway_gives(w, "10.80.0.53", "corp.example", NULL);
	w->config.default_route = DNS_DEFAULT_YES;
	expect_plan(w, "10.80.0.53 | corp.example ~. | yes");
	w->config.default_route = DNS_DEFAULT_NO;
	through_tunnel(w, "0.0.0.0/0");
	expect_plan(w, "10.80.0.53 | corp.example | no");
}

/* ---- servers beside the tunnel ---- */

static void a_server_beside_the_tunnel_is_told(void **state)
{
	struct world *w = *state;

	through_tunnel(w, "10.80.0.0/24");
	gateway_gives(w, "10.80.0.53", "corp.example", NULL);
	gateway_gives(w, "198.51.100.53", NULL, NULL);
	gateway_gives(w, "fd00::53", NULL, NULL);
	/* That one asks through our device, where they are not to be reached. */
	expect_plan(w, "10.80.0.53 | corp.example | no");
	assert_int_equal(w->beside.n, 2);
	assert_true(addr_eq(&w->beside.servers[0], &w->assigned.dns[1]));
	assert_string_equal(plan_text(w, DNS_BY_RESOLVCONF),
			    "10.80.0.53 198.51.100.53 fd00::53 | corp.example | no");
	assert_int_equal(w->beside.n, 2);
	/* What a script routes we do not know. */
	w->fx.tun.policy = NULL;
	expect_plan(w, "10.80.0.53 198.51.100.53 fd00::53 | corp.example | no");
	assert_int_equal(w->beside.n, 0);
}

/* A rule before the tunnel's decides. */
static void an_excluded_server_is_beside_the_tunnel(void **state)
{
	struct world *w = *state;
	struct policy_rule rule = { .action = POLICY_BYPASS };
	struct prefix all, server;

	assert_true(prefix_parse("0.0.0.0/0", &all));
	assert_true(prefix_parse("10.80.0.53", &server));
	rule.ts = (struct ts_pair){ ts_from_prefix(&all), ts_from_prefix(&server) };
	assert_true(policy_add(&w->policy, &rule));
	through_tunnel(w, "10.80.0.0/24");
	gateway_gives(w, "10.80.0.53", "corp.example", NULL);
	expect_plan(w, "| corp.example | no");
	assert_int_equal(w->beside.n, 1);
}

/* ---- what a stranger may send ---- */

static void what_is_no_plan_is_refused(void **state)
{
	struct world *w = *state;
	struct dns_plan good, *alone;

	through_tunnel(w, "10.80.0.0/24");
	gateway_gives(w, "10.80.0.53", "corp.example", NULL);
	expect_plan(w, "10.80.0.53 | corp.example | no");
	/* What is too many is nothing else. */
	for (unsigned i = 1; i < DNS_SERVERS_MAX; i++)
		w->plan.servers[i] = w->plan.servers[0];
	for (unsigned i = 1; i < DNS_DOMAINS_MAX; i++)
		w->plan.domains[i] = w->plan.domains[0];
	good = w->plan;
	w->plan.nservers = DNS_SERVERS_MAX;
	w->plan.ndomains = DNS_DOMAINS_MAX;
	assert_int_equal(dns_plan_check(&w->plan), 0);
#define REFUSED(change)                                                                            \
	do {                                                                                       \
		w->plan = good;                                                                    \
		change;                                                                            \
		assert_int_equal(dns_plan_check(&w->plan), ERR_MALFORMED);                         \
	} while (0)
	REFUSED(w->plan.nservers = DNS_SERVERS_MAX + 1);
	/* What lies behind the servers may look like one more. */
	REFUSED((w->plan.nservers = DNS_SERVERS_MAX + 1, w->plan.ndomains = FAMILY_IP4));
	REFUSED(memset(&w->plan.default_route, 2, 1));
	REFUSED(memset(&w->plan.domains[0].search, 0x80, 1));
	REFUSED(w->plan.ndomains = DNS_DOMAINS_MAX + 1);
	/* Nothing lies behind the domains. */
	alone = xcalloc(1, sizeof(*alone));
	*alone = good;
	alone->ndomains = DNS_DOMAINS_MAX + 1;
	assert_int_equal(dns_plan_check(alone), ERR_MALFORMED);
	free(alone);
	REFUSED(w->plan.servers[0].family = 9);
	REFUSED(memset(w->plan.servers[0].b, 0, 16));
	REFUSED(w->plan.servers[0] = addr("127.0.0.1"));
	REFUSED(w->plan.domains[0].name[0] = '\0');
	REFUSED(strcpy(w->plan.domains[0].name, "a\nnameserver"));
	REFUSED(strcpy(w->plan.domains[0].name, "$(id)"));
	REFUSED(strcpy(w->plan.domains[0].name, ".")); /* no name is searched in the root */
	REFUSED(memset(w->plan.domains[0].name, 'a', IKE_NAME_MAX));
}

/* All that there can be has room. */
static void everything_has_room(void **state)
{
	struct world *w = *state;

	through_tunnel(w, "0.0.0.0/0");
	for (unsigned i = 0; i < DNS_OWN_MAX; i++) {
		w->config.servers[i] = addr("10.80.1.0");
		w->config.servers[i].b[3] = (uint8_t)(i + 1);
		snprintf(w->config.domains[i].name, IKE_NAME_MAX, "own%u.example", i);
	}
	w->config.nservers = w->config.ndomains = DNS_OWN_MAX;
	for (unsigned i = 0; i < IKE_DNS_MAX; i++) {
		w->assigned.dns[i] = addr("10.80.2.0");
		w->assigned.dns[i].b[3] = (uint8_t)(i + 1);
	}
	w->assigned.ndns = IKE_DNS_MAX;
	strcpy(w->assigned.domain, "corp.example");
	for (unsigned i = 0; i < IKE_SPLIT_DNS_MAX; i++)
		snprintf(w->assigned.split_dns[i], IKE_NAME_MAX, "split%u.example", i);
	w->assigned.nsplit_dns = IKE_SPLIT_DNS_MAX;
	plan_text(w, DNS_BY_RESOLVED);
	assert_int_equal(w->plan.nservers, DNS_SERVERS_MAX);
	assert_int_equal(w->plan.ndomains, DNS_DOMAINS_MAX);
	assert_true(dns_plan_is_everything(&w->plan));
}

#define in_world(test) cmocka_unit_test_setup_teardown(test, world_open, world_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_world(split_dns_asks_for_these_domains_alone),
		in_world(a_domain_alone_is_searched_and_asked_for),
		in_world(without_domains_they_are_asked_beside_the_others),
		in_world(a_full_tunnel_is_for_all_names),
		in_world(names_are_taken_as_they_are_meant),
		in_world(own_servers_are_in_place_of_the_gateways_or_before),
		in_world(own_domains_are_in_place_of_the_gateways_or_before),
		in_world(the_default_route_can_be_chosen),
		in_world(a_server_beside_the_tunnel_is_told),
		in_world(an_excluded_server_is_beside_the_tunnel),
		in_world(what_is_no_plan_is_refused),
		in_world(everything_has_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
