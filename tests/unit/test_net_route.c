/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/net.h"

#include <errno.h>

#include "base/err.h"
#include "namespace.h"

#define MARK 0x6777

struct world {
	struct tun_netlink n;
	struct tun up;
	struct net_router r;
};

static void add(struct world *w, const char *line)
{
	struct tun_state s;

	assert_int_equal(tun_state_parse(line, &s), 0);
	assert_int_equal(tun_state_add(&w->n, &s), 0);
}

static void world_open(struct world *w)
{
	enter_namespace();
	assert_int_equal(tun_netlink_open(&w->n), 0);
	open_device(&w->up, &w->n, "up0");
	assert_int_equal(net_router_open(&w->r, MARK), 0);
	add(w, "address to 192.0.2.2/24 dev up0");
	add(w, "address to 2001:db8::2/64 dev up0");
}

static void world_close(struct world *w)
{
	net_router_close(&w->r);
	tun_close(&w->up);
	tun_netlink_close(&w->n);
}

static void route_is(struct world *w, const char *dst, const char *source)
{
	struct net_route route;
	struct addr d, want;

	assert_true(addr_parse(dst, &d) && addr_parse(source, &want));
	assert_int_equal(net_router_get(&w->r, &d, &route), 0);
	assert_int_equal(route.ifindex, w->up.ifindex);
	assert_true(addr_eq(&route.source, &want));
	assert_int_equal(route.gateway.family, FAMILY_NONE);
	assert_int_equal(route.mtu, 1400);
}

static void no_route(struct world *w, const char *dst)
{
	struct net_route route;
	struct addr d;

	assert_true(addr_parse(dst, &d));
	assert_int_equal(net_router_get(&w->r, &d, &route), ERR_SYSTEM);
	assert_int_equal(errno, ENETUNREACH);
}

static void test_routes(void **state)
{
	struct world w;

	world_open(&w);
	no_route(&w, "198.51.100.1");
	no_route(&w, "2001:db8:1::1");
	add(&w, "route action unicast to 0.0.0.0/0 dev up0 table 254");
	add(&w, "route action unicast to ::/0 dev up0 table 254");
	route_is(&w, "198.51.100.1", "192.0.2.2");
	route_is(&w, "2001:db8:1::1", "2001:db8::2");
	no_route(&w, "224.0.0.5");
	no_route(&w, "255.255.255.255");
	add(&w, "route action unreachable to 198.51.100.0/24 table 254");
	add(&w, "route action unreachable to 2001:db8:1::/48 table 254");
	no_route(&w, "198.51.100.1");
	no_route(&w, "2001:db8:1::1");
	world_close(&w);
}

static void test_answer_is_for_our_mark(void **state)
{
	struct world w;

	world_open(&w);
	add(&w, "route action unicast to 0.0.0.0/0 dev up0 table 254");
	add(&w, "rule pref 100 family inet fwmark 0x6777 action unreachable");
	no_route(&w, "198.51.100.1");
	w.r.mark = 0;
	route_is(&w, "198.51.100.1", "192.0.2.2");
	add(&w, "rule pref 101 family inet to 198.51.100.1/32 action prohibit");
	no_route(&w, "198.51.100.1");
	world_close(&w);
}

/* A hook's default route through our own device is no way to the gateway. */
static void test_own_device(void **state)
{
	struct world w;

	world_open(&w);
	add(&w, "route action unicast to 0.0.0.0/0 dev up0 table 254");
	add(&w, "route action unicast to ::/0 dev up0 table 254");
	w.r.avoid = w.up.ifindex;
	no_route(&w, "198.51.100.1");
	no_route(&w, "2001:db8:1::1");
	no_route(&w, "192.0.2.9");
	w.r.avoid++;
	route_is(&w, "198.51.100.1", "192.0.2.2");
	world_close(&w);
}

static void test_from_a_source(void **state)
{
	struct world w;

	world_open(&w);
	add(&w, "address to 192.0.2.3/24 dev up0");
	add(&w, "route action unicast to 0.0.0.0/0 dev up0 table 254");
	add(&w, "route action unicast to ::/0 dev up0 table 254");
	add(&w, "route action unicast to 203.0.113.0/24 dev up0 src 192.0.2.2 table 254");
	assert_true(addr_parse("192.0.2.3", &w.r.source));
	route_is(&w, "198.51.100.1", "192.0.2.3");
	route_is(&w, "203.0.113.1", "192.0.2.3");
	no_route(&w, "2001:db8:1::1");
	assert_true(addr_parse("192.0.2.77", &w.r.source));
	no_route(&w, "198.51.100.1");
	assert_true(addr_parse("2001:db8::2", &w.r.source));
	route_is(&w, "2001:db8:1::1", "2001:db8::2");
	no_route(&w, "198.51.100.1");
	world_close(&w);
}

static void test_loopback(void **state)
{
	struct net_route route;
	struct net_router r;
	struct addr home;

	enter_namespace();
	assert_int_equal(net_router_open(&r, 0), 0);
	addr_parse("127.0.0.1", &home);
	assert_int_equal(net_router_get(&r, &home, &route), 0);
	assert_int_equal(route.mtu, 65536);
	assert_true(addr_eq(&route.source, &home));
	net_router_close(&r);
}

/* A default route that has outlived our addresses: the kernel would send from ::1. */
static void test_route_without_address(void **state)
{
	struct world w;

	enter_namespace();
	assert_int_equal(tun_netlink_open(&w.n), 0);
	open_device(&w.up, &w.n, "up0");
	assert_int_equal(net_router_open(&w.r, MARK), 0);
	add(&w, "route action unicast to ::/0 dev up0 table 254");
	no_route(&w, "2001:db8:1::1");
	add(&w, "address to 2001:db8::2/64 dev up0");
	route_is(&w, "2001:db8:1::1", "2001:db8::2");
	world_close(&w);
}

static void test_no_family(void **state)
{
	struct net_route route;
	struct net_router r;
	struct addr none = { 0 };

	assert_int_equal(net_router_open(&r, 0), 0);
	assert_int_equal(net_router_get(&r, &none, &route), ERR_SYSTEM);
	assert_int_equal(errno, EAFNOSUPPORT);
	net_router_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_routes),	   cmocka_unit_test(test_answer_is_for_our_mark),
		cmocka_unit_test(test_own_device), cmocka_unit_test(test_from_a_source),
		cmocka_unit_test(test_loopback),   cmocka_unit_test(test_route_without_address),
		cmocka_unit_test(test_no_family),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
