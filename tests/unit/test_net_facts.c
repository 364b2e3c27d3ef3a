/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/net.h"

#include "base/err.h"
#include "mobility/paths.h"
#include "namespace.h"

/* Two networks, up0 and up1, and a gateway beyond them. */
struct world {
	struct tun_netlink n;
	struct tun up[2];
	struct net_router r;
	struct net_facts facts;
	struct paths paths;
};

static struct world *w;

static struct addr gateway[2];

static void add(const char *line)
{
	struct tun_state s;

	assert_int_equal(tun_state_parse(line, &s), 0);
	assert_int_equal(tun_state_add(&w->n, &s), 0);
}

static void gone(const char *line)
{
	struct tun_state s;

	assert_int_equal(tun_state_parse(line, &s), 0);
	tun_state_del(&w->n, &s);
}

static void read_facts(void)
{
	assert_int_equal(net_facts_read(&w->r, gateway, 2, &w->facts), 0);
}

static const struct net_addr *addr_find(const char *text)
{
	struct addr a;

	assert_true(addr_parse(text, &a));
	for (unsigned i = 0; i < w->facts.naddrs; i++)
		if (addr_eq(&w->facts.addrs[i].addr, &a))
			return &w->facts.addrs[i];
	return NULL;
}

static void way_is(unsigned i, unsigned remote, unsigned device, const char *source, bool best)
{
	const struct net_way *way = &w->facts.ways[i];
	struct addr a;

	assert_true(addr_parse(source, &a));
	assert_in_range(i, 0, w->facts.nways - 1);
	assert_true(addr_eq(&way->remote, &gateway[remote]));
	assert_int_equal(way->ifindex, w->up[device].ifindex);
	assert_true(addr_eq(&way->source, &a));
	assert_int_equal(way->best, best);
}

static void world_open(struct world *world)
{
	w = world;
	memset(w, 0, sizeof(*w));
	assert_true(addr_parse("203.0.113.1", &gateway[0]));
	assert_true(addr_parse("2001:db8:f::1", &gateway[1]));
	enter_namespace();
	assert_int_equal(tun_netlink_open(&w->n), 0);
	open_device(&w->up[0], &w->n, "up0");
	open_device(&w->up[1], &w->n, "up1");
	assert_int_equal(net_router_open(&w->r, 0), 0);
	paths_init(&w->paths);
}

static void world_close(void)
{
	net_router_close(&w->r);
	for (unsigned i = 0; i < 2; i++)
		if (w->up[i].ifindex)
			tun_close(&w->up[i]);
	tun_netlink_close(&w->n);
}

static void links_and_addresses(void **state)
{
	static struct world world;

	world_open(&world);
	add("address to 192.0.2.2/24 dev up0");
	add("address to 2001:db8::2/64 dev up1");
	read_facts();
	assert_int_equal(w->facts.nlinks, 3); /* and loopback */
	for (unsigned i = 0; i < 3; i++)
		assert_true(w->facts.links[i].up);
	assert_non_null(addr_find("192.0.2.2"));
	assert_int_equal(addr_find("192.0.2.2")->ifindex, w->up[0].ifindex);
	assert_false(addr_find("192.0.2.2")->tentative);
	assert_int_equal(addr_find("2001:db8::2")->ifindex, w->up[1].ifindex);
	assert_false(addr_find("2001:db8::2")->tentative);
	assert_non_null(addr_find("127.0.0.1"));
	assert_null(addr_find("192.0.2.3"));
	assert_int_equal(w->facts.nways, 0);
	world_close();
}

static void ways(void **state)
{
	static struct world world;

	world_open(&world);
	add("address to 192.0.2.2/24 dev up0");
	add("address to 198.51.100.2/24 dev up1");
	/* An address without a route is no way, though the kernel would try. */
	read_facts();
	assert_int_equal(w->facts.nways, 0);
	add("route action unicast to 0.0.0.0/0 dev up0 table 254");
	read_facts();
	assert_int_equal(w->facts.nways, 1);
	way_is(0, 0, 0, "192.0.2.2", true);
	add("route action unicast to 203.0.113.0/24 dev up1 table 254");
	read_facts();
	assert_int_equal(w->facts.nways, 2);
	way_is(0, 0, 1, "198.51.100.2", true);
	way_is(1, 0, 0, "192.0.2.2", false);
	add("address to 2001:db8::2/64 dev up1");
	add("route action unicast to ::/0 dev up1 table 254");
	read_facts();
	assert_int_equal(w->facts.nways, 3);
	way_is(2, 1, 1, "2001:db8::2", true);
	/* Our own device is none. */
	w->r.avoid = w->up[1].ifindex;
	read_facts();
	assert_int_equal(w->facts.nways, 1);
	way_is(0, 0, 0, "192.0.2.2", false);
	assert_int_equal(w->r.via, 0);
	world_close();
}

/* ---- with the engine that chooses ---- */

static enum paths_verdict look(void)
{
	struct paths_link links[NET_LINKS_MAX];
	struct paths_addr addrs[NET_ADDRS_MAX];
	struct paths_route routes[NET_WAYS_MAX];
	struct paths_facts facts = { .links = links, .addrs = addrs, .routes = routes };

	read_facts();
	for (unsigned i = 0; i < w->facts.nlinks; i++)
		links[facts.nlinks++] = (struct paths_link){ w->facts.links[i].ifindex,
							     w->facts.links[i].up, false };
	for (unsigned i = 0; i < w->facts.naddrs; i++)
		addrs[facts.naddrs++] = (struct paths_addr){ w->facts.addrs[i].ifindex,
							     w->facts.addrs[i].addr,
							     w->facts.addrs[i].tentative };
	for (unsigned i = 0; i < w->facts.nways; i++)
		routes[facts.nroutes++] =
			(struct paths_route){ w->facts.ways[i].remote, w->facts.ways[i].ifindex,
					      w->facts.ways[i].source, w->facts.ways[i].best };
	return paths_look(&w->paths, &facts);
}

static void choice_is(unsigned device, const char *local)
{
	struct addr a;

	assert_true(addr_parse(local, &a));
	assert_int_equal(w->paths.choice.ifindex, w->up[device].ifindex);
	assert_true(addr_eq(&w->paths.choice.local, &a));
}

/* Each step of the kernel's is looked at: one move comes of it. */
static void a_laptop_moves(void **state)
{
	static struct world world;

	world_open(&world);
	assert_int_equal(look(), PATHS_STAY);
	add("address to 192.0.2.2/24 dev up0");
	assert_int_equal(look(), PATHS_STAY);
	add("route action unicast to 0.0.0.0/0 dev up0 table 254");
	assert_int_equal(look(), PATHS_MOVE);
	choice_is(0, "192.0.2.2");
	/* Break before make: the address goes, and its routes. */
	gone("route action unicast to 0.0.0.0/0 dev up0 table 254");
	assert_int_equal(look(), PATHS_LOST);
	gone("address to 192.0.2.2/24 dev up0");
	assert_int_equal(look(), PATHS_STAY);
	add("address to 192.0.2.77/24 dev up0");
	assert_int_equal(look(), PATHS_STAY);
	add("route action unicast to 0.0.0.0/0 dev up0 table 254");
	assert_int_equal(look(), PATHS_MOVE);
	choice_is(0, "192.0.2.77");
	/* Make before break. */
	add("address to 198.51.100.2/24 dev up1");
	assert_int_equal(look(), PATHS_STAY);
	add("route action unicast to 203.0.113.0/24 dev up1 table 254");
	assert_int_equal(look(), PATHS_MOVE);
	choice_is(1, "198.51.100.2");
	assert_true(w->paths.before_alive);
	tun_close(&w->up[0]);
	w->up[0].ifindex = 0;
	assert_int_equal(look(), PATHS_STAY);
	/* Across families. */
	add("address to 2001:db8::2/64 dev up1");
	add("route action unicast to ::/0 dev up1 table 254");
	assert_int_equal(look(), PATHS_STAY);
	gone("route action unicast to 203.0.113.0/24 dev up1 table 254");
	assert_int_equal(look(), PATHS_MOVE);
	choice_is(1, "2001:db8::2");
	world_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_and_addresses),
		cmocka_unit_test(ways),
		cmocka_unit_test(a_laptop_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
