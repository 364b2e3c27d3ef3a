/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What Mode Config gives, and what becomes of it; the gateways that a session goes to. */
#include "tests/unit/session_parts.h"

/* Up to Mode Config. */
static void begin(struct bench *b)
{
	b->config.ike.xauth = false;
	bench_connect(b);
	bench_authenticated(b, 1);
}

static void give(struct bench *b, unsigned sa)
{
	bench_config(b, sa);
	bench_established(b, sa);
}

static void up(struct bench *b)
{
	begin(b);
	give(b, 1);
	assert_int_equal(bench_info(b).state, SESSION_UP);
}

static const char *tunnel(const struct bench *b, unsigned i)
{
	static char text[2 * TS_TEXT_MAX + 8];
	char local[TS_TEXT_MAX], remote[TS_TEXT_MAX];
	const struct ts_pair *ts = bench_info(b).tunnels[i].ts;

	snprintf(text, sizeof(text), "%s - %s", ts_text(&ts->local, local),
		 ts_text(&ts->remote, remote));
	return text;
}

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
	up(b);
	assert_int_equal(bench_info(b).ntunnels, 2);
	assert_string_equal(tunnel(b, 0), "10.98.0.7/32 - 0.0.0.0/0");
	assert_string_equal(tunnel(b, 1), "fd00:98::7/128 - ::/0");
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
	up(b);
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
	up(b);
	assert_int_equal(bench_info(b).ntunnels, 2);
	assert_string_equal(tunnel(b, 0), "10.98.0.7/32 - 10.99.0.0/24");
	assert_string_equal(tunnel(b, 1), "fd00:98::7/128 - fd00:99::/64");
	expect(b, "10.50.0.1", POLICY_BYPASS);
	expect(b, "10.99.0.1", POLICY_PROTECT);
}

static void our_side_as_configured(void **state)
{
	struct bench *b = *state;

	remote(b, "10.99.0.0/24");
	assert_true(prefix_parse("192.168.7.0/24", &b->config.locals[b->config.nlocals++]));
	up(b);
	assert_int_equal(bench_info(b).ntunnels, 1);
	assert_string_equal(tunnel(b, 0), "192.168.7.0/24 - 10.99.0.0/24");
}

static void a_remote_of_no_family_of_ours(void **state)
{
	struct bench *b = *state;

	remote(b, "fd00:99::/64");
	begin(b);
	give(b, 1);
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
	up(b);
	assert_int_equal(bench_info(b).ntunnels, 1);
	assert_string_equal(tunnel(b, 0), "10.98.0.7/32 - 0.0.0.0/0");
	assert_int_equal(b->tun.nroutes, 2);
	assert_true(is_route(b, "10.99.0.0/24") && is_route(b, "10.50.0.0/16"));
	assert_int_equal(decided(b, "10.50.1.1", &slot), POLICY_PROTECT);
	assert_int_equal(slot, 0);
	expect(b, "10.99.0.1", POLICY_PROTECT);
	expect(b, "8.8.8.8", POLICY_BYPASS);
}

static void a_tunnel_for_each_subnet(void **state)
{
	struct bench *b = *state;
	unsigned slot;

	b->assigned.ip6 = parts_addr("fd00:98::7");
	bench_include(&b->assigned, "10.99.0.0/24");
	bench_include(&b->assigned, "fd00:99::/64");
	bench_include(&b->assigned, "10.99.0.0/24");
	up(b);
	assert_int_equal(bench_info(b).ntunnels, 2);
	assert_string_equal(tunnel(b, 0), "10.98.0.7/32 - 10.99.0.0/24");
	assert_string_equal(tunnel(b, 1), "fd00:98::7/128 - fd00:99::/64");
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
	up(b);
	assert_int_equal(bench_info(b).ntunnels, SESSION_TUNNELS_MAX);
}

static void what_is_excluded_goes_in_clear(void **state)
{
	struct bench *b = *state;

	assert_true(prefix_parse("10.99.7.0/24", &b->config.excludes[b->config.nexcludes++]));
	bench_exclude(&b->assigned, "192.168.0.0/16");
	bench_exclude(&b->assigned, "172.16.0.0/12");
	b->assigned.exclude[1].dport = 80;
	up(b);
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
	begin(b);
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
	up(b);
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
	begin(b);
	give(b, 1);
	assert_int_equal(b->done.type, SESSION_EFFECT_DONE);
	assert_int_equal(b->done.done.exit, SESSION_EXIT_NO_PROPOSAL);
	assert_non_null(
		strstr(b->done.done.text, "; name the gateway's networks in [tunnel] remote"));
}

static void unity_refused_as_a_whole_is_tried_one_by_one(void **state)
{
	struct bench *b = *state;

	fake_ike.children = FAKE_IKE_CHILDREN_REFUSED_WHOLE;
	b->assigned.unity = true;
	bench_include(&b->assigned, "10.99.0.0/24");
	bench_include(&b->assigned, "10.50.0.0/16");
	up(b);
	assert_int_equal(bench_info(b).ntunnels, 2);
	assert_string_equal(tunnel(b, 1), "10.98.0.7/32 - 10.50.0.0/16");
	assert_int_equal(fake_ike_count(0, IKE_EVENT_CHILD), 3);
	expect(b, "8.8.8.8", POLICY_BYPASS);
	/* It is known from now on. */
	bench_recover(b);
	bench_authenticated(b, 2);
	give(b, 2);
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
	begin(b);
	give(b, 1);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_CHILD), 2);
	assert_int_equal(b->done.type, SESSION_EFFECT_DONE);
	assert_non_null(strstr(b->done.done.text, "[tunnel] remote"));
}

static void no_address_at_all(void **state)
{
	struct bench *b = *state;

	memset(&b->assigned.ip4, 0, sizeof(b->assigned.ip4));
	begin(b);
	give(b, 1);
	assert_int_equal(b->done.type, SESSION_EFFECT_DONE);
	assert_non_null(strstr(b->done.done.text, "the gateway gave no address"));
}

static void no_mode_config_at_all(void **state)
{
	struct bench *b = *state;

	begin(b);
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
	up(b);
	assert_int_equal(fake_ike_last(IKE_EVENT_CHILD)->pfs, DH_ECP_256);
}

static void no_pfs_where_it_wants_none(void **state)
{
	struct bench *b = *state;

	b->config.pfs_as_config = true;
	b->config.child.pfs = DH_MODP_2048;
	up(b);
	assert_int_equal(fake_ike_last(IKE_EVENT_CHILD)->pfs, DH_NONE);
}

static void ciscos_encapsulation_on_the_port_that_is_named(void **state)
{
	struct bench *b = *state;

	b->config.ike.transport = IKE_TRANSPORT_CISCO_UDP;
	b->config.cisco_port = 10000;
	b->assigned.natt_port = 10007;
	fake_ike.encapsulation = ENCAPSULATION_ESP;
	up(b);
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
	up(b);
	assert_int_equal(b->tun.path.encapsulation, ENCAPSULATION_CISCO_UDP);
	assert_int_equal(b->tun.path.data_port, 10000);
}

static void ciscos_encapsulation_without_a_port(void **state)
{
	struct bench *b = *state;

	b->config.ike.transport = IKE_TRANSPORT_CISCO_UDP;
	fake_ike.encapsulation = ENCAPSULATION_ESP;
	up(b);
	assert_int_equal(b->tun.path.encapsulation, ENCAPSULATION_ESP);
}

static void backup_servers_are_tried_when_all_others_fail(void **state)
{
	struct bench *b = *state;

	b->assigned.nbackup = 2;
	snprintf(b->assigned.backup[0], sizeof(b->assigned.backup[0]), "vpn.example.com");
	snprintf(b->assigned.backup[1], sizeof(b->assigned.backup[1]), "vpn2.example.com");
	up(b);
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

static void status_tells_what_was_given(void **state)
{
	struct bench *b = *state;
	struct session_info info;

	snprintf(b->assigned.banner, sizeof(b->assigned.banner), "Welcome\nhome");
	up(b);
	info = bench_info(b);
	assert_int_equal(info.ninner, 1);
	assert_true(addr_eq(&info.inner[0], &b->assigned.ip4));
	assert_string_equal(info.assigned->banner, "Welcome\nhome");
	assert_null(info.ask);
	assert_true(b->tun.assigned);
	assert_true(info.tunnels[0].until == b->now + 3600 * VTIME_S);
}

/* ---- later on ---- */

static void the_same_address_again(void **state)
{
	struct bench *b = *state;

	up(b);
	bench_include(&b->assigned, "10.50.0.0/16");
	bench_config(b, 1);
	assert_int_equal(b->tuns, 1);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_CHILD), 1);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	/* Something else, without an address. */
	memset(&b->assigned, 0, sizeof(b->assigned));
	bench_config(b, 1);
	assert_int_equal(bench_info(b).ninner, 1);
	assert_int_equal(b->tuns, 1);
}

static void another_address_in_mid_session(void **state)
{
	struct bench *b = *state;

	up(b);
	b->assigned.ip4 = parts_addr("10.98.0.8");
	bench_config(b, 1);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_int_equal(b->tuns, 2);
	assert_true(addr_eq(&b->tun.inner[0], &b->assigned.ip4));
	assert_string_equal(tunnel(b, 0), "10.98.0.8/32 - 0.0.0.0/0");
	assert_int_equal(fake_ike_count(1, IKE_EVENT_CHILD), 2);
	assert_int_equal(fake_ike_count(1, IKE_EVENT_CHILD_DELETE), 1);
	assert_int_equal(bench_info(b).tunnels[0].nepochs, 1);
	assert_int_equal(fake_ike.nsas, 1);
}

static void another_address_at_renewal(void **state)
{
	struct bench *b = *state;

	fake_ike.keylife_s = LIFE + 3600;
	up(b);
	bench_run(b, bench_info(b).ike_rekey_at);
	assert_true(addr_eq(&fake_ike_last(IKE_EVENT_REKEY)->held[0], &b->assigned.ip4));
	bench_authenticated(b, 2);
	b->assigned.ip4 = parts_addr("10.98.0.9");
	bench_config(b, 2);
	/* Not before it is established. */
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_int_equal(b->tuns, 1);
	bench_established(b, 2);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_int_equal(b->tuns, 2);
	assert_int_equal(fake_ike_count(2, IKE_EVENT_CHILD), 1);
}

static void the_same_address_at_renewal(void **state)
{
	struct bench *b = *state;

	fake_ike.keylife_s = LIFE + 3600;
	up(b);
	bench_run(b, bench_info(b).ike_rekey_at);
	bench_authenticated(b, 2);
	give(b, 2);
	assert_int_equal(b->tuns, 1);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_CHILD), 1);
}

/* ---- recovery ---- */

/* Which of two events was told first. */
static bool was_before(enum ike_event_type a, enum ike_event_type b)
{
	return fake_ike_last(a) && fake_ike_last(b) && fake_ike_last(a) < fake_ike_last(b);
}

static void the_old_lease_is_given_back_first(void **state)
{
	struct bench *b = *state;

	up(b);
	bench_recover(b);
	assert_int_equal(fake_ike_count(1, IKE_EVENT_CLOSE), 1);
	assert_int_equal(fake_ike_count(2, IKE_EVENT_START), 1);
	assert_true(was_before(IKE_EVENT_CLOSE, IKE_EVENT_START));
	assert_true(addr_eq(&fake_ike_last(IKE_EVENT_START)->held[0], &b->assigned.ip4));
	assert_null(fake_ike_sa(1));
}

/* Said into a dead network it would be lost. */
static void and_not_before_there_is_a_path(void **state)
{
	struct bench *b = *state;

	up(b);
	b->no_path = true;
	bench_recover(b);
	bench_run(b, b->now + 30 * VTIME_S);
	assert_int_equal(bench_info(b).state, SESSION_RECOVERING);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_CLOSE), 0);
	b->no_path = false;
	bench_run(b, b->now + 60 * VTIME_S);
	assert_int_equal(fake_ike_count(1, IKE_EVENT_CLOSE), 1);
	assert_int_equal(fake_ike_count(2, IKE_EVENT_START), 1);
}

/* Nor into a path on which nothing comes back: it is said when the gateway is heard. */
static void nor_to_a_gateway_that_is_silent(void **state)
{
	struct bench *b = *state;

	up(b);
	session_silent(b->s, b->now);
	bench_pump(b);
	bench_run(b, b->now + 2 * VTIME_S);
	assert_int_equal(fake_ike_count(2, IKE_EVENT_START), 1);
	bench_dead(b, 2, ERR_TIMEOUT, "");
	bench_run(b, b->now + 5 * VTIME_S);
	assert_int_equal(fake_ike_count(3, IKE_EVENT_START), 1);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_CLOSE), 0);
	bench_datagram(b, 3);
	assert_int_equal(fake_ike_count(1, IKE_EVENT_CLOSE), 1);
	assert_null(fake_ike_sa(1));
	bench_authenticated(b, 3);
	give(b, 3);
	assert_int_equal(bench_info(b).state, SESSION_UP);
}

static void nothing_is_said_for_what_the_gateway_has_ended(void **state)
{
	struct bench *b = *state;

	up(b);
	bench_dead(b, 1, ERR_PEER_REFUSED, "");
	bench_run(b, b->now + 2 * VTIME_S);
	assert_int_equal(fake_ike_count(2, IKE_EVENT_START), 1);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_CLOSE), 0);
}

static void back_with_the_same_address(void **state)
{
	struct bench *b = *state;

	up(b);
	bench_recover(b);
	bench_authenticated(b, 2);
	give(b, 2);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_int_equal(b->tuns, 1);
	assert_int_equal(fake_ike_count(2, IKE_EVENT_CHILD), 1);
}

static void back_without_mode_config(void **state)
{
	struct bench *b = *state;

	up(b);
	bench_recover(b);
	bench_authenticated(b, 2);
	bench_established(b, 2);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_int_equal(b->tuns, 1);
}

static void back_with_another_address(void **state)
{
	struct bench *b = *state;

	up(b);
	bench_recover(b);
	bench_authenticated(b, 2);
	b->assigned.ip4 = parts_addr("10.98.0.8");
	give(b, 2);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_int_equal(b->tuns, 2);
	assert_string_equal(tunnel(b, 0), "10.98.0.8/32 - 0.0.0.0/0");
	assert_int_equal(bench_info(b).tunnels[0].nepochs, 1);
}

static void back_with_other_networks(void **state)
{
	struct bench *b = *state;

	up(b);
	bench_recover(b);
	bench_authenticated(b, 2);
	b->assigned.unity = true;
	bench_include(&b->assigned, "10.50.0.0/16");
	give(b, 2);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_int_equal(b->tuns, 2);
	assert_int_equal(b->tun.nroutes, 1);
}

/* The tunnels are the same, but the host is told. */
static void back_with_other_name_servers(void **state)
{
	struct bench *b = *state;

	up(b);
	bench_recover(b);
	bench_authenticated(b, 2);
	b->assigned.ndns = 1;
	b->assigned.dns[0] = parts_addr("10.99.0.53");
	give(b, 2);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_int_equal(b->tuns, 2);
	assert_int_equal(fake_ike_count(2, IKE_EVENT_CHILD), 1);
}

/* ---- other gateways ---- */

static void redirect(struct bench *b, unsigned sa, const char *to)
{
	struct ike_effect *fx = fake_ike_push(sa, IKE_EFFECT_DEAD);

	fx->why = (struct ike_failure){ .err = ERR_REDIRECTED, .text = "sent elsewhere" };
	fx->why.redirect = parts_addr(to);
	bench_pump(b);
}

static void the_gateway_sends_us_elsewhere(void **state)
{
	struct bench *b = *state;
	const struct fake_ike_event *start;

	begin(b);
	redirect(b, 1, "192.0.2.9");
	start = fake_ike_last(IKE_EVENT_START);
	assert_int_equal(start->sa, 2);
	assert_true(addr_eq(&start->path.remote.addr, &b->looked_for));
	assert_int_equal(start->path.remote.port, IKE_PORT);
	assert_int_equal(start->path.local.port, IKE_PORT);
	bench_authenticated(b, 2);
	give(b, 2);
	assert_int_equal(bench_info(b).state, SESSION_UP);
}

static void five_times_at_most(void **state)
{
	struct bench *b = *state;

	begin(b);
	for (unsigned i = 1; i <= 5; i++) {
		redirect(b, i, "192.0.2.9");
		assert_int_equal(b->done.type, 0);
	}
	redirect(b, 6, "192.0.2.9");
	assert_int_equal(b->done.type, SESSION_EFFECT_DONE);
	assert_int_equal(fake_ike.nsas, 6);
}

static void not_when_it_may_not(void **state)
{
	struct bench *b = *state;

	b->config.redirects = false;
	begin(b);
	redirect(b, 1, "192.0.2.9");
	assert_int_equal(b->done.type, SESSION_EFFECT_DONE);
}

/* Somebody else under the same authority is not the gateway. */
static void a_certificate_must_be_the_gateways(void **state)
{
	struct bench *b = *state;
	struct identity name;

	b->config.ike.auth = IKE_AUTH_RSA;
	begin(b);
	identity_parse("vpn.example.com", &name);
	assert_true(identity_eq(&fake_ike_last(IKE_EVENT_START)->remote, &name));
}

static void or_that_of_its_address(void **state)
{
	struct bench *b = *state;
	struct identity name;

	b->config.ike.auth = IKE_AUTH_HYBRID;
	b->config.gateways[0] = "192.0.2.1";
	begin(b);
	identity_parse("192.0.2.1", &name);
	assert_int_equal(name.type, ID_IPV4_ADDR);
	assert_true(identity_eq(&fake_ike_last(IKE_EVENT_START)->remote, &name));
}

static void or_what_is_configured(void **state)
{
	struct bench *b = *state;

	b->config.ike.auth = IKE_AUTH_RSA;
	identity_parse("other.example.com", &b->config.ike.remote);
	begin(b);
	assert_true(identity_eq(&fake_ike_last(IKE_EVENT_START)->remote, &b->config.ike.remote));
}

static void with_a_key_it_is_left_to_the_engine(void **state)
{
	struct bench *b = *state;

	begin(b);
	assert_int_equal(fake_ike_last(IKE_EVENT_START)->remote.type, ID_NONE);
}

/* ---- gateways that end children with their ISAKMP SA ---- */

static unsigned renewed_and_expired(struct bench *b, bool cisco)
{
	vtime end = b->now + LIFE * VTIME_S;

	fake_ike.keylife_s = 3 * LIFE;
	begin(b);
	bench_config(b, 1);
	bench_established_as(b, 1, cisco);
	bench_run(b, bench_info(b).ike_rekey_at);
	bench_authenticated(b, 2);
	bench_established_as(b, 2, cisco);
	bench_run(b, end - 1);
	assert_non_null(fake_ike_sa(1));
	bench_run(b, end);
	assert_null(fake_ike_sa(1));
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_int_equal(fake_ike_count(1, IKE_EVENT_CLOSE), 0);
	return fake_ike.expired;
}

static void an_old_sa_expires_without_a_word(void **state)
{
	assert_int_equal(renewed_and_expired(*state, true), 0);
}

static void elsewhere_the_engine_says_so(void **state)
{
	assert_int_equal(renewed_and_expired(*state, false), 1);
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
		BENCH_TEST(a_tunnel_for_each_subnet),
		BENCH_TEST(more_subnets_than_tunnels),
		BENCH_TEST(what_is_excluded_goes_in_clear),
		BENCH_TEST(excludes_without_mode_config),
		BENCH_TEST(as_many_lists_as_a_gateway_may_send),
		BENCH_TEST(refused_as_a_whole),
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
		BENCH_TEST(status_tells_what_was_given),
		BENCH_TEST(the_same_address_again),
		BENCH_TEST(another_address_in_mid_session),
		BENCH_TEST(another_address_at_renewal),
		BENCH_TEST(the_same_address_at_renewal),
		BENCH_TEST(the_old_lease_is_given_back_first),
		BENCH_TEST(and_not_before_there_is_a_path),
		BENCH_TEST(nor_to_a_gateway_that_is_silent),
		BENCH_TEST(nothing_is_said_for_what_the_gateway_has_ended),
		BENCH_TEST(back_with_the_same_address),
		BENCH_TEST(back_without_mode_config),
		BENCH_TEST(back_with_another_address),
		BENCH_TEST(back_with_other_networks),
		BENCH_TEST(back_with_other_name_servers),
		BENCH_TEST(the_gateway_sends_us_elsewhere),
		BENCH_TEST(five_times_at_most),
		BENCH_TEST(not_when_it_may_not),
		BENCH_TEST(a_certificate_must_be_the_gateways),
		BENCH_TEST(or_that_of_its_address),
		BENCH_TEST(or_what_is_configured),
		BENCH_TEST(with_a_key_it_is_left_to_the_engine),
		BENCH_TEST(an_old_sa_expires_without_a_word),
		BENCH_TEST(elsewhere_the_engine_says_so),
	};

	if (crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
