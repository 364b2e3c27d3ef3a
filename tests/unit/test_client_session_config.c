/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What Mode Config gives, and what becomes of it. */
#include "tests/unit/session_parts.h"

static bool has(const struct prefix *list, unsigned n, const char *text)
{
	struct prefix p;

	assert_true(prefix_parse(text, &p));
	for (unsigned i = 0; i < n; i++)
		if (list[i].len == p.len && addr_eq(&list[i].addr, &p.addr))
			return true;
	return false;
}

static bool is_route(const struct bench *b, const char *text)
{
	return has(b->tun.routes, b->tun.nroutes, text);
}

/* What the rules say of a packet from our inner address. */
static enum policy_action decided(const struct bench *b, const char *to, unsigned *slot)
{
	struct tuple t = { .src = parts_addr("10.98.0.7"), .dst = parts_addr(to), .proto = 17 };
	const struct policy_rule *rule;

	if (t.dst.family == FAMILY_IP6)
		t.src = parts_addr("fd00:98::7");
	rule = policy_match(&b->rules, &t);
	*slot = rule ? rule->slot : 0;
	return rule ? rule->action : b->rules.fallback;
}

static void expect(const struct bench *b, const char *to, enum policy_action action)
{
	unsigned slot;

	assert_int_equal(decided(b, to, &slot), action);
}

static void remote(struct bench *b, const char *text)
{
	assert_true(prefix_parse(text, &b->config.remotes[b->config.nremotes++]));
}

/* ---- tunnels ---- */

static void everything_where_nothing_is_said(void **state)
{
	struct bench *b = *state;

	b->assigned.ip6 = parts_addr("fd00:98::7");
	bench_up(b);
	assert_int_equal(bench_info(b).ntunnels, 2);
	assert_string_equal(bench_tunnel(b, 0), "10.98.0.7/32 - 0.0.0.0/0");
	assert_string_equal(bench_tunnel(b, 1), "fd00:98::7/128 - ::/0");
	assert_int_equal(b->tun.nroutes, 2);
	assert_true(is_route(b, "0.0.0.0/0") && is_route(b, "::/0"));
	assert_int_equal(b->tun.ninner, 2);
	expect(b, "8.8.8.8", POLICY_PROTECT);
	expect(b, "2001:db8::1", POLICY_PROTECT);
}

static void an_address_that_no_host_has(void **state)
{
	struct bench *b = *state;

	b->assigned.ip6 = parts_addr("ff02::1");
	bench_up(b);
	assert_int_equal(bench_info(b).ninner, 1);
	assert_int_equal(bench_info(b).ntunnels, 1);
}

static void what_is_configured_comes_first(void **state)
{
	struct bench *b = *state;

	b->assigned.ip6 = parts_addr("fd00:98::7");
	b->assigned.unity = true;
	bench_include(&b->assigned, "10.50.0.0/16");
	remote(b, "10.99.0.0/24");
	remote(b, "fd00:99::/64");
	bench_up(b);
	assert_int_equal(bench_info(b).ntunnels, 2);
	assert_string_equal(bench_tunnel(b, 0), "10.98.0.7/32 - 10.99.0.0/24");
	assert_string_equal(bench_tunnel(b, 1), "fd00:98::7/128 - fd00:99::/64");
	expect(b, "10.50.0.1", POLICY_BYPASS);
	expect(b, "10.99.0.1", POLICY_PROTECT);
}

static void our_side_as_configured(void **state)
{
	struct bench *b = *state;

	remote(b, "10.99.0.0/24");
	assert_true(prefix_parse("192.168.7.0/24", &b->config.locals[b->config.nlocals++]));
	bench_up(b);
	assert_int_equal(bench_info(b).ntunnels, 1);
	assert_string_equal(bench_tunnel(b, 0), "192.168.7.0/24 - 10.99.0.0/24");
}

static void a_remote_of_no_family_of_ours(void **state)
{
	struct bench *b = *state;

	remote(b, "fd00:99::/64");
	bench_begin(b);
	bench_give(b, 1);
	assert_int_equal(b->done.type, SESSION_EFFECT_DONE);
	assert_non_null(strstr(b->done.done.text, "[tunnel] remote"));
}

static void one_tunnel_for_all_that_unity_includes(void **state)
{
	struct bench *b = *state;
	unsigned slot;

	b->assigned.unity = true;
	bench_include(&b->assigned, "10.99.0.0/24");
	bench_include(&b->assigned, "10.50.7.9/16");
	bench_include(&b->assigned, "10.50.0.0/16");
	bench_up(b);
	assert_int_equal(bench_info(b).ntunnels, 1);
	assert_string_equal(bench_tunnel(b, 0), "10.98.0.7/32 - 0.0.0.0/0");
	assert_int_equal(b->tun.nroutes, 2);
	assert_true(is_route(b, "10.99.0.0/24") && is_route(b, "10.50.0.0/16"));
	assert_int_equal(decided(b, "10.50.1.1", &slot), POLICY_PROTECT);
	assert_int_equal(slot, 0);
	expect(b, "10.99.0.1", POLICY_PROTECT);
	expect(b, "8.8.8.8", POLICY_BYPASS);
}

/* Its selectors let them through; what is excluded, or reached already, needs no way of its own. */
static void unity_reaches_servers_that_no_network_covers(void **state)
{
	struct bench *b = *state;

	b->assigned.unity = true;
	bench_include(&b->assigned, "10.99.0.0/24");
	b->assigned.dns[b->assigned.ndns++] = parts_addr("10.99.0.53");
	b->assigned.dns[b->assigned.ndns++] = parts_addr("10.1.0.53");
	b->assigned.dns[b->assigned.ndns++] = parts_addr("fd00::53");
	b->assigned.dns[b->assigned.ndns++] = parts_addr("10.7.0.53");
	b->config.dns[b->config.ndns++] = parts_addr("10.2.0.53");
	assert_true(prefix_parse("10.7.0.0/16", &b->config.excludes[b->config.nexcludes++]));
	b->config.reach_dns = true;
	bench_up(b);
	assert_int_equal(bench_info(b).ntunnels, 1);
	assert_int_equal(b->tun.nroutes, 3);
	assert_true(is_route(b, "10.99.0.0/24") && is_route(b, "10.1.0.53/32") &&
		    is_route(b, "10.2.0.53/32"));
	expect(b, "10.1.0.53", POLICY_PROTECT);
	expect(b, "10.2.0.53", POLICY_PROTECT);
	expect(b, "10.1.0.54", POLICY_BYPASS);
	expect(b, "10.7.0.53", POLICY_BYPASS);
}

static void servers_are_not_reached_where_nobody_asks_them(void **state)
{
	struct bench *b = *state;

	b->assigned.unity = true;
	bench_include(&b->assigned, "10.99.0.0/24");
	b->assigned.dns[b->assigned.ndns++] = parts_addr("10.1.0.53");
	bench_up(b);
	assert_int_equal(b->tun.nroutes, 1);
	expect(b, "10.1.0.53", POLICY_BYPASS);
}

static void a_tunnel_for_each_subnet(void **state)
{
	struct bench *b = *state;
	unsigned slot;

	b->assigned.ip6 = parts_addr("fd00:98::7");
	bench_include(&b->assigned, "10.99.0.0/24");
	bench_include(&b->assigned, "fd00:99::/64");
	bench_include(&b->assigned, "10.99.0.0/24");
	bench_up(b);
	assert_int_equal(bench_info(b).ntunnels, 2);
	assert_string_equal(bench_tunnel(b, 0), "10.98.0.7/32 - 10.99.0.0/24");
	assert_string_equal(bench_tunnel(b, 1), "fd00:98::7/128 - fd00:99::/64");
	assert_int_equal(decided(b, "fd00:99::1", &slot), POLICY_PROTECT);
	assert_int_equal(slot, 1);
}

static void more_subnets_than_tunnels(void **state)
{
	struct bench *b = *state;
	char text[PREFIX_TEXT_MAX];

	for (unsigned i = 0; i < SESSION_TUNNELS_MAX + 5; i++) {
		snprintf(text, sizeof(text), "10.%u.0.0/16", 100 + i);
		bench_include(&b->assigned, text);
	}
	bench_up(b);
	assert_int_equal(bench_info(b).ntunnels, SESSION_TUNNELS_MAX);
}

static void what_is_excluded_goes_in_clear(void **state)
{
	struct bench *b = *state;

	assert_true(prefix_parse("10.99.7.0/24", &b->config.excludes[b->config.nexcludes++]));
	bench_exclude(&b->assigned, "192.168.0.0/16");
	bench_exclude(&b->assigned, "172.16.0.0/12");
	b->assigned.exclude[1].dport = 80;
	bench_up(b);
	assert_int_equal(b->tun.nexcludes, 2);
	assert_true(has(b->tun.excludes, 2, "10.99.7.0/24"));
	assert_true(has(b->tun.excludes, 2, "192.168.0.0/16"));
	expect(b, "10.99.7.1", POLICY_BYPASS);
	expect(b, "192.168.3.4", POLICY_BYPASS);
	/* Only a part of it is excluded: none of it is. */
	expect(b, "172.16.0.1", POLICY_PROTECT);
	expect(b, "8.8.8.8", POLICY_PROTECT);
}

static void excludes_without_mode_config(void **state)
{
	struct bench *b = *state;

	b->config.address_config = false;
	b->config.ike.wish.pull = false;
	b->config.inner[b->config.ninner++] = parts_addr("10.98.0.7");
	b->config.tunnels[b->config.ntunnels++] = parts_pair("10.98.0.7/32", "10.99.0.0/16");
	assert_true(prefix_parse("10.99.7.0/24", &b->config.excludes[b->config.nexcludes++]));
	bench_begin(b);
	bench_established(b, 1);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_int_equal(b->tun.nexcludes, 1);
	assert_false(b->tun.assigned);
	expect(b, "10.99.7.1", POLICY_BYPASS);
	expect(b, "10.99.8.1", POLICY_PROTECT);
}

static void as_many_lists_as_a_gateway_may_send(void **state)
{
	struct bench *b = *state;
	char text[PREFIX_TEXT_MAX];

	b->assigned.unity = true;
	for (unsigned i = 0; i < IKE_SPLIT_MAX; i++) {
		snprintf(text, sizeof(text), "10.1.%u.0/24", i);
		bench_include(&b->assigned, text);
		snprintf(text, sizeof(text), "10.2.%u.0/24", i);
		bench_exclude(&b->assigned, text);
	}
	bench_up(b);
	assert_int_equal(b->tun.nroutes, IKE_SPLIT_MAX);
	assert_int_equal(b->tun.nexcludes, IKE_SPLIT_MAX);
	expect(b, "10.1.255.1", POLICY_PROTECT);
	expect(b, "10.2.255.1", POLICY_BYPASS);
}

/* ---- a gateway that does not take everything ---- */

static void refused_as_a_whole(void **state)
{
	struct bench *b = *state;

	fake_ike.children = FAKE_IKE_CHILDREN_REFUSED_WHOLE;
	bench_begin(b);
	bench_give(b, 1);
	assert_int_equal(b->done.type, SESSION_EFFECT_DONE);
	assert_int_equal(b->done.done.exit, SESSION_EXIT_NO_PROPOSAL);
	assert_non_null(
		strstr(b->done.done.text, "; name the gateway's networks in [tunnel] remote"));
}

/* Proposals are tried before it is given up, what is agreed on so is deleted, and it is named. */
static void what_would_be_accepted_is_named(void **state)
{
	struct bench *b = *state;
	unsigned tried = 0;

	fake_ike.children = FAKE_IKE_CHILDREN_NO_PFS;
	b->config.child.pfs = DH_MODP_2048;
	bench_begin(b);
	bench_give(b, 1);
	assert_int_equal(b->done.type, SESSION_EFFECT_DONE);
	assert_int_equal(b->done.done.exit, SESSION_EXIT_NO_PROPOSAL);
	assert_non_null(strstr(b->done.done.text, "; it would accept aes256gcm16 without PFS"));
	for (unsigned i = 0; i < fake_ike.nevents; i++)
		tried += fake_ike.events[i].type == IKE_EVENT_CHILD;
	assert_int_equal(tried, 3);
}

static void unity_refused_as_a_whole_is_tried_one_by_one(void **state)
{
	struct bench *b = *state;

	fake_ike.children = FAKE_IKE_CHILDREN_REFUSED_WHOLE;
	b->assigned.unity = true;
	bench_include(&b->assigned, "10.99.0.0/24");
	bench_include(&b->assigned, "10.50.0.0/16");
	bench_up(b);
	assert_int_equal(bench_info(b).ntunnels, 2);
	assert_string_equal(bench_tunnel(b, 1), "10.98.0.7/32 - 10.50.0.0/16");
	assert_int_equal(fake_ike_count(0, IKE_EVENT_CHILD), 3);
	expect(b, "8.8.8.8", POLICY_BYPASS);
	/* It is known from now on. */
	bench_recover(b);
	bench_authenticated(b, 2);
	bench_give(b, 2);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_int_equal(fake_ike_count(2, IKE_EVENT_CHILD), 2);
	assert_int_equal(b->tuns, 1);
}

static void once_only(void **state)
{
	struct bench *b = *state;

	fake_ike.children = FAKE_IKE_CHILDREN_REFUSED;
	b->assigned.unity = true;
	bench_include(&b->assigned, "10.99.0.0/24");
	bench_begin(b);
	bench_give(b, 1);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_CHILD), 2);
	assert_int_equal(b->done.type, SESSION_EFFECT_DONE);
	assert_non_null(strstr(b->done.done.text, "[tunnel] remote"));
}

static void no_address_at_all(void **state)
{
	struct bench *b = *state;

	memset(&b->assigned.ip4, 0, sizeof(b->assigned.ip4));
	bench_begin(b);
	bench_give(b, 1);
	assert_int_equal(b->done.type, SESSION_EFFECT_DONE);
	assert_non_null(strstr(b->done.done.text, "the gateway gave no address"));
}

static void no_mode_config_at_all(void **state)
{
	struct bench *b = *state;

	bench_begin(b);
	bench_established(b, 1);
	assert_int_equal(b->done.type, SESSION_EFFECT_DONE);
	assert_non_null(strstr(b->done.done.text, "the gateway gave no address"));
}

/* ---- the rest of what it gives ---- */

static void pfs_as_the_gateway_wants(void **state)
{
	struct bench *b = *state;

	b->config.pfs_as_config = true;
	b->config.child.pfs = DH_MODP_2048;
	b->assigned.pfs = true;
	bench_up(b);
	assert_int_equal(fake_ike_last(IKE_EVENT_CHILD)->pfs, DH_ECP_256);
}

static void no_pfs_where_it_wants_none(void **state)
{
	struct bench *b = *state;

	b->config.pfs_as_config = true;
	b->config.child.pfs = DH_MODP_2048;
	bench_up(b);
	assert_int_equal(fake_ike_last(IKE_EVENT_CHILD)->pfs, DH_NONE);
}

static void ciscos_encapsulation_on_the_port_that_is_named(void **state)
{
	struct bench *b = *state;

	b->config.ike.transport = IKE_TRANSPORT_CISCO_UDP;
	b->config.cisco_port = 10000;
	b->assigned.natt_port = 10007;
	fake_ike.encapsulation = ENCAPSULATION_ESP;
	bench_up(b);
	assert_int_equal(b->tun.path.encapsulation, ENCAPSULATION_CISCO_UDP);
	assert_int_equal(b->tun.path.data_port, 10007);
	/* IKE's own is another one. */
	assert_int_equal(b->tun.path.remote.port, IKE_NATT_PORT);
	assert_int_equal(esp_out_config(b->s->tunnels[0].epoch[0].out)->path.data_port, 10007);
}

static void ciscos_encapsulation_on_the_configured_port(void **state)
{
	struct bench *b = *state;

	b->config.ike.transport = IKE_TRANSPORT_CISCO_UDP;
	b->config.cisco_port = 10000;
	fake_ike.encapsulation = ENCAPSULATION_ESP;
	bench_up(b);
	assert_int_equal(b->tun.path.encapsulation, ENCAPSULATION_CISCO_UDP);
	assert_int_equal(b->tun.path.data_port, 10000);
}

static void ciscos_encapsulation_without_a_port(void **state)
{
	struct bench *b = *state;

	b->config.ike.transport = IKE_TRANSPORT_CISCO_UDP;
	fake_ike.encapsulation = ENCAPSULATION_ESP;
	bench_up(b);
	assert_int_equal(b->tun.path.encapsulation, ENCAPSULATION_ESP);
}

static void backup_servers_are_tried_when_all_others_fail(void **state)
{
	struct bench *b = *state;

	b->assigned.nbackup = 2;
	snprintf(b->assigned.backup[0], sizeof(b->assigned.backup[0]), "vpn.example.com");
	snprintf(b->assigned.backup[1], sizeof(b->assigned.backup[1]), "vpn2.example.com");
	bench_up(b);
	bench_recover(b);
	assert_string_equal(b->resolved, "vpn.example.com");
	bench_dead(b, 2, ERR_TIMEOUT, "");
	assert_string_equal(b->resolved, "vpn2.example.com");
	assert_string_equal(bench_info(b).gateway, "vpn2.example.com");
	assert_int_equal(bench_info(b).state, SESSION_RECOVERING);
	/* Neither is there: from the first one again. */
	bench_dead(b, 3, ERR_TIMEOUT, "");
	bench_run(b, b->now + 5 * VTIME_S);
	assert_string_equal(b->resolved, "vpn.example.com");
}

static void server(struct ike_assigned *a, const char *text)
{
	a->dns[0] = parts_addr(text);
	a->ndns = 1;
}

/* Mode Config while the session is up: names change at once, and nothing else does. */
static void other_servers_while_it_is_up(void **state)
{
	struct bench *b = *state;

	server(&b->assigned, "10.8.0.53");
	bench_up(b);
	assert_int_equal(b->tuns, 1);
	bench_config(b, 1);
	assert_int_equal(b->tuns, 1);
	server(&b->assigned, "10.8.0.54");
	bench_config(b, 1);
	assert_int_equal(b->tuns, 2);
	assert_true(b->tun.again && b->tun.names);
	snprintf(b->assigned.domain, sizeof(b->assigned.domain), "corp.example");
	bench_config(b, 1);
	assert_int_equal(b->tuns, 3);
	/* What says nothing of them takes none away. */
	b->assigned.ndns = 0;
	b->assigned.domain[0] = '\0';
	bench_config(b, 1);
	assert_int_equal(b->tuns, 3);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_int_equal(bench_info(b).ntunnels, 1);
}

/* Other routes are the next attempt's. */
static void servers_that_want_a_route(void **state)
{
	struct bench *b = *state;

	b->assigned.unity = true;
	bench_include(&b->assigned, "10.99.0.0/24");
	server(&b->assigned, "10.1.0.53");
	b->config.reach_dns = true;
	bench_up(b);
	server(&b->assigned, "10.2.0.53");
	bench_config(b, 1);
	assert_int_equal(b->tuns, 1);
	server(&b->assigned, "10.99.0.53");
	bench_config(b, 1);
	assert_int_equal(b->tuns, 1);
	server(&b->assigned, "10.1.0.53");
	bench_config(b, 1);
	assert_int_equal(b->tuns, 2);
}

static void status_tells_what_was_given(void **state)
{
	struct bench *b = *state;
	struct session_info info;

	snprintf(b->assigned.banner, sizeof(b->assigned.banner), "Welcome\nhome");
	bench_up(b);
	info = bench_info(b);
	assert_int_equal(info.ninner, 1);
	assert_true(addr_eq(&info.inner[0], &b->assigned.ip4));
	assert_string_equal(info.assigned->banner, "Welcome\nhome");
	assert_null(info.ask);
	assert_true(b->tun.assigned);
	assert_true(info.tunnels[0].until == b->now + 3600 * VTIME_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(everything_where_nothing_is_said),
		BENCH_TEST(an_address_that_no_host_has),
		BENCH_TEST(what_is_configured_comes_first),
		BENCH_TEST(our_side_as_configured),
		BENCH_TEST(a_remote_of_no_family_of_ours),
		BENCH_TEST(one_tunnel_for_all_that_unity_includes),
		BENCH_TEST(unity_reaches_servers_that_no_network_covers),
		BENCH_TEST(servers_are_not_reached_where_nobody_asks_them),
		BENCH_TEST(a_tunnel_for_each_subnet),
		BENCH_TEST(more_subnets_than_tunnels),
		BENCH_TEST(what_is_excluded_goes_in_clear),
		BENCH_TEST(excludes_without_mode_config),
		BENCH_TEST(as_many_lists_as_a_gateway_may_send),
		BENCH_TEST(refused_as_a_whole),
		BENCH_TEST(what_would_be_accepted_is_named),
		BENCH_TEST(unity_refused_as_a_whole_is_tried_one_by_one),
		BENCH_TEST(once_only),
		BENCH_TEST(no_address_at_all),
		BENCH_TEST(no_mode_config_at_all),
		BENCH_TEST(pfs_as_the_gateway_wants),
		BENCH_TEST(no_pfs_where_it_wants_none),
		BENCH_TEST(ciscos_encapsulation_on_the_port_that_is_named),
		BENCH_TEST(ciscos_encapsulation_on_the_configured_port),
		BENCH_TEST(ciscos_encapsulation_without_a_port),
		BENCH_TEST(backup_servers_are_tried_when_all_others_fail),
		BENCH_TEST(other_servers_while_it_is_up),
		BENCH_TEST(servers_that_want_a_route),
		BENCH_TEST(status_tells_what_was_given),
	};

	if (crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
