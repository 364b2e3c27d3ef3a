/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whoever writes to a server's device chooses the next hop, by a rule and a route; nothing else changes. */
#include <errno.h>

#include "base/err.h"
#include "namespace.h"
#include "packet/packet.h"
#include "tests/unit/wire_parts.h"

#define TABLE 26500

/* Two links, of which the host's routes prefer the first; a server's device; where clients come from. */
struct host {
	struct tun_netlink n;
	struct tun links[2];
	struct tun server;
	struct tun main;
};

static uint8_t packet[WIRE_MAX], arena[8 * 65536];
static struct batch batch;
static struct tun_intake intake;

static void add(struct host *h, const char *line)
{
	struct tun_state s;

	assert_int_equal(tun_state_parse(line, &s), 0);
	assert_int_equal(tun_state_add(&h->n, &s), 0);
}

static void sysctl(const char *path, const char *value)
{
	FILE *f = fopen(path, "w");

	if (!f)
		return; /* a host without IPv6 */
	fputs(value, f);
	fclose(f);
}

/* rp_filter: of all devices, and of new ones. */
static void host_open(struct host *h, const char *all, const char *rp_filter)
{
	enter_namespace();
	sysctl("/proc/sys/net/ipv4/ip_forward", "1");
	sysctl("/proc/sys/net/ipv6/conf/all/forwarding", "1");
	sysctl("/proc/sys/net/ipv4/conf/all/rp_filter", all);
	sysctl("/proc/sys/net/ipv4/conf/default/rp_filter", rp_filter);
	assert_int_equal(tun_netlink_open(&h->n), 0);
	open_device(&h->links[0], &h->n, "link0");
	open_device(&h->links[1], &h->n, "link1");
	open_device(&h->server, &h->n, "godwit-gw-s1");
	open_device(&h->main, &h->n, "godwit-gw");
	add(h, "address to 198.51.100.1/32 dev link0");
	add(h, "address to 2001:db8:1::1/128 dev link0");
	add(h, "address to 203.0.113.1/32 dev link1");
	add(h, "route action unicast to 198.51.100.0/24 dev link0 table 254");
	add(h, "route action unicast to 2001:db8:1::/64 dev link0 table 254");
	add(h, "route action unicast to 0.0.0.0/0 via 198.51.100.9 table 254");
	add(h, "route action unicast to ::/0 via 2001:db8:1::9 table 254");
	add(h, "route action unicast to 203.0.113.0/24 dev link1 table 254");
	add(h, "route action unicast to 2001:db8:2::/64 dev link1 table 254");
	add(h, "route action unicast to 10.9.0.0/24 dev godwit-gw table 254");
	add(h, "route action unicast to fd00::/64 dev godwit-gw table 254");
}

static void host_close(struct host *h)
{
	tun_close(&h->links[0]);
	tun_close(&h->links[1]);
	tun_close(&h->server);
	tun_close(&h->main);
	tun_netlink_close(&h->n);
}

static struct tun_state route_of(bool ip6)
{
	struct prefix service;
	struct addr hop;

	assert_true(prefix_parse(ip6 ? "2001:db8::64" : "10.20.0.100", &service));
	assert_true(addr_parse(ip6 ? "2001:db8:2::7" : "203.0.113.7", &hop));
	return tun_server_route(&service, &hop, TABLE);
}

/* UDP of this device that came within a moment. */
static bool comes_out(struct tun *t, uint16_t port)
{
	struct tuple tuple;

	batch_init(&batch, arena, sizeof(arena));
	assert_true(tun_read(t, &intake, &batch, 0, 0) >= 0);
	for (unsigned i = 0; i < batch.n; i++)
		if (packet_tuple(pkt_slice(&batch.pkts[i]), &tuple) == 0 &&
		    tuple.proto == PACKET_UDP && tuple.sport == port)
			return true;
	return false;
}

/* Which link a client's packet leaves by that is written to this device: 0, 1, or -1 for none. */
static int way_of(struct host *h, struct tun *t, bool ip6)
{
	static uint16_t port = 1000;
	struct wire w = { .ip6 = ip6, .ttl = 64, .src = 0x0a090002, .dst = 0x0a140064 };

	w.sport = ++port;
	w.src = ip6 ? 2 : w.src;
	w.dst = ip6 ? 0x64 : w.dst;
	assert_int_equal(tun_write(t, slice(packet, wire_build(&w, SLICE_STR("?"), packet))), 0);
	for (unsigned i = 0; i < 100; i++) {
		for (int link = 0; link < 2; link++)
			if (comes_out(&h->links[link], port))
				return link;
		usleep(1000);
	}
	return -1;
}

static void the_device_chooses_the_next_hop(void **state)
{
	for (int ip6 = 0; ip6 < 2; ip6++) {
		enum family f = ip6 ? FAMILY_IP6 : FAMILY_IP4;
		struct tun_state rule = tun_server_rule("godwit-gw-s1", f, TABLE);
		struct tun_state route = route_of(ip6);
		struct host h;

		host_open(&h, "0", "0");
		assert_int_equal(tun_state_add(&h.n, &rule), 0);
		/* Without the route the host's own lead. */
		assert_int_equal(way_of(&h, &h.server, ip6), 0);
		assert_int_equal(tun_state_restore(&h.n, &route), 1);
		assert_int_equal(tun_state_restore(&h.n, &route), 0);
		assert_int_equal(way_of(&h, &h.server, ip6), 1);
		assert_int_equal(way_of(&h, &h.main, ip6), 0);
		assert_int_equal(tun_state_del(&h.n, &route), 0);
		assert_int_equal(way_of(&h, &h.server, ip6), 0);
		assert_int_equal(tun_state_del(&h.n, &rule), 0);
		host_close(&h);
	}
}

/* As after a crash: the rule stays when its device goes, and can be taken away by its name. */
static void a_rule_outlives_its_device(void **state)
{
	struct tun_state rule = tun_server_rule("godwit-gw-s1", FAMILY_IP4, TABLE);
	struct host h;

	host_open(&h, "0", "0");
	assert_int_equal(tun_state_add(&h.n, &rule), 0);
	tun_close(&h.server);
	assert_int_equal(tun_state_restore(&h.n, &rule), 0);
	assert_int_equal(tun_state_del(&h.n, &rule), 0);
	assert_int_equal(tun_state_restore(&h.n, &rule), 1);
	assert_int_equal(tun_state_del(&h.n, &rule), 0);
	assert_int_equal(tun_state_del(&h.n, &rule), 0);
	host_close(&h);
}

/* Rules of several servers stand at one preference: each takes its own away. */
static void rules_differ_by_their_device(void **state)
{
	struct tun_state one = tun_server_rule("godwit-gw-s1", FAMILY_IP4, TABLE);
	struct tun_state two = tun_server_rule("godwit-gw-s2", FAMILY_IP4, TABLE);
	struct host h;

	host_open(&h, "0", "0");
	assert_int_equal(tun_state_add(&h.n, &one), 0);
	assert_int_equal(tun_state_add(&h.n, &two), 0);
	assert_int_equal(tun_state_del(&h.n, &two), 0);
	assert_int_equal(tun_state_restore(&h.n, &one), 0);
	assert_int_equal(tun_state_restore(&h.n, &two), 1);
	host_close(&h);
}

static void a_next_hop_that_is_nowhere_is_refused(void **state)
{
	struct tun_state route = route_of(false);
	struct host h;

	host_open(&h, "0", "0");
	assert_int_equal(tun_link_down(&h.n, "link1"), 0);
	assert_int_equal(tun_state_restore(&h.n, &route), ERR_SYSTEM);
	host_close(&h);
}

/* The way back to clients is through another device: it passes where the kernel is told so. */
static void filtered(const char *all, const char *rp_filter, int wants)
{
	struct tun_state rule = tun_server_rule("godwit-gw-s1", FAMILY_IP4, TABLE);
	struct tun_state route = route_of(false);
	struct host h;

	host_open(&h, all, rp_filter);
	assert_int_equal(tun_state_add(&h.n, &rule), 0);
	assert_int_equal(tun_state_add(&h.n, &route), 0);
	assert_int_equal(way_of(&h, &h.server, false), -1);
	assert_int_equal(tun_reverse_loose(&h.server), wants);
	assert_int_equal(way_of(&h, &h.server, false), wants ? -1 : 1);
	add(&h, "address to 10.9.0.1/32 dev godwit-gw-s1");
	assert_int_equal(way_of(&h, &h.server, false), 1);
	host_close(&h);
}

static void a_reverse_path_filter_lets_it_through_when_told(void **state)
{
	filtered("0", "1", 0);
	filtered("0", "2", 0);
	filtered("1", "0", 1);
	filtered("2", "0", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_device_chooses_the_next_hop),
		cmocka_unit_test(a_rule_outlives_its_device),
		cmocka_unit_test(rules_differ_by_their_device),
		cmocka_unit_test(a_next_hop_that_is_nowhere_is_refused),
		cmocka_unit_test(a_reverse_path_filter_lets_it_through_when_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
