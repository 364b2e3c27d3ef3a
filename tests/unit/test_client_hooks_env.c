/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "client/hooks.h"

struct world {
	struct session_config config;
	struct ike_assigned assigned;
	struct addr inner[SESSION_INNER_MAX];
	struct prefix routes[SESSION_ROUTES_MAX];
	struct prefix excludes[4];
	struct session_effect fx;
	struct hooks_env env;
	struct hooks_vars vars;
};

static struct addr address(const char *text)
{
	struct addr a;

	assert_true(addr_parse(text, &a));
	return a;
}

static struct prefix network(const char *text)
{
	struct prefix p;

	assert_true(prefix_parse(text, &p));
	return p;
}

static int world_open(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->inner[0] = address("10.91.0.7");
	w->fx.tun.inner = w->inner;
	w->fx.tun.ninner = 1;
	w->fx.tun.routes = w->routes;
	w->fx.tun.excludes = w->excludes;
	w->fx.tun.assigned = &w->assigned;
	w->fx.tun.mtu = 1390;
	w->fx.tun.path.remote.addr = address("192.0.2.1");
	w->assigned.ip4 = w->inner[0];
	w->assigned.ip4_len = 32;
	*state = w;
	return 0;
}

static int world_close(void **state)
{
	struct world *w = *state;

	hooks_vars_free(&w->vars);
	free(w);
	return 0;
}

static void make(struct world *w, enum hooks_reason reason)
{
	hooks_env_make(&w->config, "tun7", &w->fx, &w->env);
	assert_int_equal(hooks_env_check(&w->env), 0);
	hooks_vars_free(&w->vars);
	hooks_vars_make(&w->env, reason, 4242, 1, &w->vars);
}

static const char *value(const struct world *w, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < w->vars.n; i++)
		if (strncmp(w->vars.vars[i], name, n) == 0 && w->vars.vars[i][n] == '=')
			return w->vars.vars[i] + n + 1;
	return NULL;
}

/* All variables but PATH, in the order of `lines`, and no others. */
static void variables_are(const struct world *w, const char *const *lines, size_t n)
{
	assert_null(w->vars.vars[w->vars.n]);
	for (size_t i = 0; i < n || i + 1 < w->vars.n; i++)
		assert_string_equal(i + 1 < w->vars.n ? w->vars.vars[i + 1] : "(no more)",
				    i < n ? lines[i] : "(nothing)");
}

/* No network list: the script sets the default route. */
static void everything_through_the_tunnel(void **state)
{
	static const char *const lines[] = {
		"reason=connect",	 "VPNPID=4242",		 "LOG_LEVEL=1",
		"TUNDEV=tun7",		 "VPNGATEWAY=192.0.2.1", "INTERNAL_IP4_ADDRESS=10.91.0.7",
		"INTERNAL_IP4_MTU=1390",
	};
	struct world *w = *state;

	w->routes[0] = network("0.0.0.0/0");
	w->fx.tun.nroutes = 1;
	make(w, HOOKS_CONNECT);
	variables_are(w, lines, ARRAY_SIZE(lines));
	assert_string_equal(w->vars.vars[0],
			    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
}

static void fill_unity(struct ike_assigned *a)
{
	a->ip4_len = 20;
	a->ndns = 3;
	a->dns[0] = address("10.1.0.53");
	a->dns[1] = address("fd00::53");
	a->dns[2] = address("10.1.1.53");
	a->nnbns = 1;
	a->nbns[0] = address("10.1.0.137");
	strcpy(a->domain, "corp.example.com");
	strcpy(a->banner, "Be good.\nOr else.");
	a->nsplit_dns = 2;
	strcpy(a->split_dns[0], "corp.example.com");
	strcpy(a->split_dns[1], "example.net");
	a->unity = true;
	a->ninclude = 2;
	a->include[0] = (struct ike_split){ .prefix = network("10.1.2.3/16") };
	a->include[1] = (struct ike_split){ network("10.2.0.0/24"), 6, 0, 443 };
	a->nexclude = 1;
	a->exclude[0] = (struct ike_split){ .prefix = network("10.1.9.0/25") };
}

/* Every variable as vpnc and OpenConnect name and write it. */
static void what_a_cisco_gateway_gives(void **state)
{
	static const char *const lines[] = {
		"reason=disconnect",
		"VPNPID=4242",
		"LOG_LEVEL=1",
		"TUNDEV=tun7",
		"VPNGATEWAY=192.0.2.1",
		"INTERNAL_IP4_ADDRESS=10.91.0.7",
		"INTERNAL_IP4_NETMASK=255.255.240.0",
		"INTERNAL_IP4_NETMASKLEN=20",
		"INTERNAL_IP4_NETADDR=10.91.0.0",
		"INTERNAL_IP4_MTU=1390",
		"INTERNAL_IP4_DNS=10.1.0.53 10.1.1.53",
		"INTERNAL_IP6_DNS=fd00::53",
		"INTERNAL_IP4_NBNS=10.1.0.137",
		"CISCO_DEF_DOMAIN=corp.example.com",
		"CISCO_BANNER=Be good.\nOr else.",
		"CISCO_SPLIT_DNS=corp.example.com,example.net",
		"CISCO_SPLIT_INC_0_ADDR=10.1.0.0",
		"CISCO_SPLIT_INC_0_MASK=255.255.0.0",
		"CISCO_SPLIT_INC_0_MASKLEN=16",
		"CISCO_SPLIT_INC_0_PROTOCOL=0",
		"CISCO_SPLIT_INC_0_SPORT=0",
		"CISCO_SPLIT_INC_0_DPORT=0",
		"CISCO_SPLIT_INC_1_ADDR=10.2.0.0",
		"CISCO_SPLIT_INC_1_MASK=255.255.255.0",
		"CISCO_SPLIT_INC_1_MASKLEN=24",
		"CISCO_SPLIT_INC_1_PROTOCOL=6",
		"CISCO_SPLIT_INC_1_SPORT=0",
		"CISCO_SPLIT_INC_1_DPORT=443",
		"CISCO_SPLIT_INC=2",
		"CISCO_SPLIT_EXC_0_ADDR=10.1.9.0",
		"CISCO_SPLIT_EXC_0_MASK=255.255.255.128",
		"CISCO_SPLIT_EXC_0_MASKLEN=25",
		"CISCO_SPLIT_EXC_0_PROTOCOL=0",
		"CISCO_SPLIT_EXC_0_SPORT=0",
		"CISCO_SPLIT_EXC_0_DPORT=0",
		"CISCO_SPLIT_EXC=1",
	};
	struct world *w = *state;

	fill_unity(&w->assigned);
	w->excludes[0] = network("10.1.9.0/25");
	w->fx.tun.nexcludes = 1;
	make(w, HOOKS_DISCONNECT);
	variables_are(w, lines, ARRAY_SIZE(lines));
}

/* The configuration's networks count for more than the gateway's. */
static void configured_networks_and_ip6(void **state)
{
	struct world *w = *state;

	fill_unity(&w->assigned);
	w->config.nremotes = 2;
	w->routes[0] = network("10.2.0.0/24");
	w->routes[1] = network("fd00:99::/64");
	w->fx.tun.nroutes = 2;
	w->inner[1] = address("fd00::7");
	w->fx.tun.ninner = 2;
	w->assigned.ip6 = w->inner[1];
	w->assigned.ip6_len = 64;
	make(w, HOOKS_CONNECT);
	assert_string_equal(value(w, "CISCO_SPLIT_INC"), "1");
	assert_string_equal(value(w, "CISCO_SPLIT_INC_0_ADDR"), "10.2.0.0");
	assert_string_equal(value(w, "CISCO_SPLIT_INC_0_DPORT"), "443");
	assert_string_equal(value(w, "CISCO_IPV6_SPLIT_INC"), "1");
	assert_string_equal(value(w, "CISCO_IPV6_SPLIT_INC_0_ADDR"), "fd00:99::");
	assert_string_equal(value(w, "CISCO_IPV6_SPLIT_INC_0_MASKLEN"), "64");
	assert_null(value(w, "CISCO_IPV6_SPLIT_INC_0_MASK"));
	assert_string_equal(value(w, "INTERNAL_IP6_ADDRESS"), "fd00::7");
	assert_string_equal(value(w, "INTERNAL_IP6_NETMASK"), "fd00::7/64");
	assert_null(value(w, "CISCO_SPLIT_EXC"));
}

/* Nothing is known of a network yet, nor of a gateway. */
static void before_the_device(void **state)
{
	static const char *const lines[] = { "reason=pre-init", "VPNPID=4242", "LOG_LEVEL=1" };
	struct world *w = *state;

	hooks_vars_make(&w->env, HOOKS_PRE_INIT, 4242, 1, &w->vars);
	variables_are(w, lines, ARRAY_SIZE(lines));
}

static void fill_to_the_brim(struct world *w)
{
	struct ike_assigned *a = &w->assigned;

	a->ndns = a->nnbns = IKE_DNS_MAX;
	for (unsigned i = 0; i < IKE_DNS_MAX; i++)
		a->dns[i] = a->nbns[i] = address("223.255.255.254");
	memset(a->domain, 'x', IKE_NAME_MAX - 1);
	memset(a->banner, 'x', IKE_BANNER_MAX - 1);
	a->nsplit_dns = IKE_SPLIT_DNS_MAX;
	for (unsigned i = 0; i < IKE_SPLIT_DNS_MAX; i++)
		memset(a->split_dns[i], 'x', IKE_NAME_MAX - 1);
	hooks_env_make(&w->config, "tun7", &w->fx, &w->env);
	w->env.ninclude = w->env.nexclude = HOOKS_SPLITS_MAX;
	for (unsigned i = 0; i < HOOKS_SPLITS_MAX; i++)
		w->env.include[i] = w->env.exclude[i] =
			(struct ike_split){ network("255.255.255.255/32"), 255, 65535, 65535 };
}

/* The largest there can be has room, in the environment and in what the kernel takes for one. */
static void the_largest_has_room(void **state)
{
	struct world *w = *state;

	fill_to_the_brim(w);
	assert_int_equal(hooks_env_check(&w->env), 0);
	hooks_vars_make(&w->env, HOOKS_CONNECT, INT32_MAX, 3, &w->vars);
	assert_string_equal(value(w, "CISCO_SPLIT_EXC_319_DPORT"), "65535");
	assert_int_equal(strlen(value(w, "CISCO_SPLIT_DNS")), IKE_SPLIT_DNS_MAX * IKE_NAME_MAX - 1);
}

/* ---- what a gateway may try ---- */

static void hostile_texts_are_left_out(void **state)
{
	struct world *w = *state;

	fill_unity(&w->assigned);
	strcpy(w->assigned.domain, "x;touch /tmp/owned");
	strcpy(w->assigned.split_dns[0], "-o");
	strcpy(w->assigned.split_dns[1], "good.example");
	strcpy(w->assigned.banner, "a\x1b[2J\\033[2J `id` $(id) \"b\"\tc\r\nd\x80");
	w->assigned.dns[0] = address("0.0.0.0");
	make(w, HOOKS_CONNECT);
	assert_null(value(w, "CISCO_DEF_DOMAIN"));
	assert_string_equal(value(w, "CISCO_SPLIT_DNS"), "good.example");
	assert_string_equal(value(w, "CISCO_BANNER"), "a?[2J/033[2J 'id' ?(id) 'b' c?\nd?");
	assert_string_equal(value(w, "INTERNAL_IP4_DNS"), "10.1.1.53");
}

static void inner_addresses_that_no_host_has(void **state)
{
	struct world *w = *state;

	w->inner[0] = address("127.0.0.1");
	make(w, HOOKS_CONNECT);
	assert_null(value(w, "INTERNAL_IP4_ADDRESS"));
}

/* ---- what an unprivileged side may try ---- */

#define REFUSED(change)                                                                            \
	do {                                                                                       \
		struct hooks_env before = w->env;                                                  \
		change;                                                                            \
		assert_int_equal(hooks_env_check(&w->env), ERR_MALFORMED);                         \
		w->env = before;                                                                   \
		assert_int_equal(hooks_env_check(&w->env), 0);                                     \
	} while (0)

static void texts_are_checked(void **state)
{
	struct world *w = *state;

	fill_unity(&w->assigned);
	make(w, HOOKS_CONNECT);
	REFUSED(memset(w->env.device, 0, sizeof(w->env.device)));
	REFUSED(memset(w->env.device, 'x', sizeof(w->env.device)));
	REFUSED(strcpy(w->env.device, "a b"));
	REFUSED(strcpy(w->env.device, "../x"));
	REFUSED(strcpy(w->env.device, ".."));
	REFUSED(strcpy(w->env.device, "."));
	REFUSED(memset(w->env.domain, 'x', sizeof(w->env.domain)));
	REFUSED(strcpy(w->env.domain, "-x"));
	REFUSED(strcpy(w->env.domain, "a\nb"));
	REFUSED(strcpy(w->env.domain, "a;b"));
	REFUSED(strcpy(w->env.domain, "a b"));
	REFUSED(strcpy(w->env.domain, "a'b"));
	REFUSED(w->env.split_dns[1][0] = '\0');
	REFUSED(strcpy(w->env.split_dns[1], "a,b"));
	REFUSED(memset(w->env.split_dns[0], 'x', sizeof(w->env.split_dns[0])));
	REFUSED(strcpy(w->env.banner, "a\x1b[2J"));
	REFUSED(strcpy(w->env.banner, "a\rb"));
	REFUSED(strcpy(w->env.banner, "a`b"));
	REFUSED(strcpy(w->env.banner, "a$b"));
	REFUSED(strcpy(w->env.banner, "a\"b"));
	REFUSED(strcpy(w->env.banner, "a\\b"));
	REFUSED(memset(w->env.banner, 'x', sizeof(w->env.banner)));
}

static void fill_splits(struct hooks_env *env)
{
	const struct ike_split all = { .prefix = { address("10.0.0.0"), 8 } };

	for (unsigned i = 0; i < HOOKS_SPLITS_MAX; i++)
		env->include[i] = env->exclude[i] = all;
	env->nexclude = FAMILY_IP4;
}

static void fill_servers(struct hooks_env *env)
{
	for (unsigned i = 0; i < IKE_DNS_MAX; i++)
		env->dns[i] = env->nbns[i] = address("10.0.0.1");
	env->nnbns = FAMILY_IP4;
}

static void fill_split_dns(struct hooks_env *env)
{
	for (unsigned i = 0; i < IKE_SPLIT_DNS_MAX; i++)
		strcpy(env->split_dns[i], "corp.example");
	fill_splits(env);
	memcpy(&env->ninclude, "9", 2);
}

static void numbers_are_checked(void **state)
{
	struct world *w = *state;

	fill_unity(&w->assigned);
	make(w, HOOKS_CONNECT);
	REFUSED(w->env.gateway.family = FAMILY_NONE);
	REFUSED(w->env.gateway = address("0.0.0.0"));
	REFUSED(w->env.gateway.family = 7);
	REFUSED(w->env.ip4 = address("fd00::1"));
	REFUSED(w->env.ip4 = address("255.255.255.255"));
	REFUSED(w->env.ip4_len = 33);
	REFUSED(w->env.ip6 = address("10.0.0.1"));
	REFUSED((w->env.ip6 = address("fd00::1"), w->env.ip6_len = 129));
	REFUSED(w->env.mtu = 65536);
	REFUSED(w->env.ndns = IKE_DNS_MAX + 1);
	REFUSED(w->env.dns[1] = address("224.0.0.1"));
	REFUSED(w->env.nnbns = UINT32_MAX);
	REFUSED(w->env.nsplit_dns = IKE_SPLIT_DNS_MAX + 1);
	REFUSED(w->env.ninclude = HOOKS_SPLITS_MAX + 1);
	REFUSED(w->env.include[1].prefix.len = 33);
	REFUSED(w->env.include[1].prefix.addr.family = FAMILY_NONE);
	REFUSED(w->env.nexclude = UINT32_MAX);
	/* What lies behind a list may look like one more. */
	REFUSED((w->env.ninclude = HOOKS_SPLITS_MAX + 1, fill_splits(&w->env)));
	REFUSED((w->env.ndns = IKE_DNS_MAX + 1, fill_servers(&w->env)));
	REFUSED((w->env.nsplit_dns = IKE_SPLIT_DNS_MAX + 1, fill_split_dns(&w->env)));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(everything_through_the_tunnel),
		TEST(what_a_cisco_gateway_gives),
		TEST(configured_networks_and_ip6),
		TEST(before_the_device),
		TEST(the_largest_has_room),
		TEST(hostile_texts_are_left_out),
		TEST(inner_addresses_that_no_host_has),
		TEST(texts_are_checked),
		TEST(numbers_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
