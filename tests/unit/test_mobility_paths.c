/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mobility/paths.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

/* A laptop with Wi-Fi, LTE, and our own device; a gateway with two addresses. */
enum {
	WIFI = 2,
	LTE = 3,
	TUN = 9
};

#define GW4 "203.0.113.1"
#define GW6 "2001:db8:f::1"

static struct paths paths;
static struct paths *const p = &paths;

static struct {
	struct paths_link links[4];
	struct paths_addr addrs[8];
	struct paths_route routes[8];
	struct paths_facts facts;
} world;

static struct addr addr(const char *text)
{
	struct addr a = { 0 };

	assert_true(addr_parse(text, &a));
	return a;
}

static bool is(const struct addr *a, const char *text)
{
	const struct addr b = addr(text);

	return addr_eq(a, &b);
}

/* ---- the world ---- */

static void link(unsigned ifindex, bool up)
{
	for (unsigned i = 0; i < world.facts.nlinks; i++)
		if (world.links[i].ifindex == ifindex)
			world.links[i].up = up;
}

static struct paths_addr *has_addr(unsigned ifindex, const char *text)
{
	struct paths_addr *a = &world.addrs[world.facts.naddrs++];

	*a = (struct paths_addr){ .ifindex = ifindex, .addr = addr(text) };
	return a;
}

static struct paths_route *has_route(const char *remote, unsigned ifindex, const char *source,
				     bool best)
{
	struct paths_route *r = &world.routes[world.facts.nroutes++];

	*r = (struct paths_route){
		.remote = addr(remote), .ifindex = ifindex, .source = addr(source), .best = best
	};
	return r;
}

static void nothing(void)
{
	world.facts.naddrs = world.facts.nroutes = 0;
}

static void at_wifi(const char *address)
{
	has_addr(WIFI, address);
	has_route(GW4, WIFI, address, true);
}

static void at_lte(const char *address, bool best)
{
	has_addr(LTE, address);
	has_route(GW4, LTE, address, best);
}

static enum paths_verdict look(void)
{
	return paths_look(p, &world.facts);
}

static int setup(void **state)
{
	memset(&world, 0, sizeof(world));
	world.links[0] = (struct paths_link){ WIFI, true, false };
	world.links[1] = (struct paths_link){ LTE, true, false };
	world.links[2] = (struct paths_link){ TUN, true, true };
	world.facts = (struct paths_facts){
		.links = world.links, .nlinks = 3, .addrs = world.addrs, .routes = world.routes
	};
	paths_init(p);
	at_wifi("192.0.2.7");
	assert_int_equal(look(), PATHS_MOVE); /* the first choice */
	assert_false(p->before_alive);
	return 0;
}

/* ---- what is a move ---- */

static void the_same_facts_change_nothing(void **state)
{
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(look(), PATHS_STAY);
		paths_again(p);
	}
}

static void a_new_address_alone_is_no_move(void **state)
{
	nothing();
	has_addr(WIFI, "198.51.100.7"); /* the old one went, and its route with it */
	assert_int_equal(look(), PATHS_LOST);
	assert_int_equal(look(), PATHS_STAY);
	has_route(GW4, WIFI, "198.51.100.7", true);
	assert_int_equal(look(), PATHS_MOVE);
	assert_true(is(&p->choice.local, "198.51.100.7"));
	assert_true(is(&p->before.local, "192.0.2.7"));
	assert_false(p->before_alive);
}

static void a_route_alone_is_none(void **state)
{
	nothing();
	has_route(GW4, WIFI, "198.51.100.7", true); /* whose address has not been told yet */
	assert_int_equal(look(), PATHS_LOST);
	has_addr(LTE, "198.51.100.7"); /* it is another link's */
	assert_int_equal(look(), PATHS_STAY);
	has_addr(WIFI, "198.51.100.7");
	assert_int_equal(look(), PATHS_MOVE);
}

static void break_before_make(void **state)
{
	nothing();
	assert_int_equal(look(), PATHS_LOST);
	at_lte("198.51.100.7", true);
	assert_int_equal(look(), PATHS_MOVE);
	assert_int_equal(p->choice.ifindex, LTE);
	assert_false(p->before_alive);
}

static void make_before_break(void **state)
{
	nothing();
	at_lte("198.51.100.7", true);
	assert_int_equal(look(), PATHS_MOVE);
	has_addr(WIFI, "192.0.2.9");
	world.routes[0].best = false;
	has_route(GW4, WIFI, "192.0.2.9", true); /* Wi-Fi comes, and the kernel prefers it */
	assert_int_equal(look(), PATHS_MOVE);
	assert_true(is(&p->choice.local, "192.0.2.9"));
	assert_true(is(&p->before.local, "198.51.100.7"));
	assert_true(p->before_alive);
	/* The break comes later, and is none. */
	nothing();
	at_wifi("192.0.2.9");
	assert_int_equal(look(), PATHS_STAY);
}

static void what_the_kernel_does_not_prefer_is_no_reason(void **state)
{
	at_lte("198.51.100.7", false);
	assert_int_equal(look(), PATHS_STAY);
	assert_int_equal(p->choice.ifindex, WIFI);
	link(WIFI, false);
	assert_int_equal(look(), PATHS_MOVE);
	assert_int_equal(p->choice.ifindex, LTE);
}

static void two_changes(void **state)
{
	nothing();
	at_wifi("192.0.2.8");
	assert_int_equal(look(), PATHS_MOVE);
	nothing();
	at_lte("198.51.100.7", true);
	assert_int_equal(look(), PATHS_MOVE);
	assert_true(is(&p->before.local, "192.0.2.8"));
}

static void gone_and_there_again(void **state)
{
	nothing();
	assert_int_equal(look(), PATHS_LOST);
	at_wifi("192.0.2.7");
	assert_int_equal(look(), PATHS_BACK);
	assert_int_equal(look(), PATHS_STAY);
	/* On another link: the same addresses. */
	nothing();
	at_lte("192.0.2.7", true);
	assert_int_equal(look(), PATHS_BACK);
	assert_int_equal(p->choice.ifindex, LTE);
	assert_int_equal(look(), PATHS_STAY);
}

static void a_carrier_that_goes_and_comes(void **state)
{
	link(WIFI, false);
	assert_int_equal(look(), PATHS_LOST);
	link(WIFI, true);
	assert_int_equal(look(), PATHS_BACK);
}

/* ---- what is no candidate ---- */

static void our_own_device_is_none(void **state)
{
	nothing();
	has_addr(TUN, "10.0.0.2");
	has_route(GW4, TUN, "10.0.0.2", true);
	assert_int_equal(look(), PATHS_LOST);
}

static void an_unknown_link_is_none(void **state)
{
	nothing();
	has_addr(77, "198.51.100.7");
	has_route(GW4, 77, "198.51.100.7", true);
	assert_int_equal(look(), PATHS_LOST);
}

static void tentative_addresses_are_none(void **state)
{
	struct paths_addr *a;

	nothing();
	a = has_addr(WIFI, "2001:db8::7");
	a->tentative = true;
	has_route(GW6, WIFI, "2001:db8::7", true);
	assert_int_equal(look(), PATHS_LOST);
	a->tentative = false;
	assert_int_equal(look(), PATHS_MOVE);
	assert_true(is(&p->choice.remote, GW6));
}

static void link_local_sources_are_none(void **state)
{
	nothing();
	has_addr(WIFI, "fe80::7");
	has_route(GW6, WIFI, "fe80::7", true);
	assert_int_equal(look(), PATHS_LOST);
	/* … but to a gateway on the link. */
	has_route("fe80::1", WIFI, "fe80::7", true);
	assert_int_equal(look(), PATHS_MOVE);
}

static void loopback_is_none(void **state)
{
	nothing();
	has_addr(WIFI, "127.0.0.1");
	has_route(GW4, WIFI, "127.0.0.1", true);
	assert_int_equal(look(), PATHS_LOST);
}

/* ---- the gateway's other addresses ---- */

static void the_address_in_use_is_kept(void **state)
{
	nothing();
	has_addr(WIFI, "2001:db8::7");
	has_route(GW6, WIFI, "2001:db8::7", true); /* the preferred one, by its place */
	at_wifi("192.0.2.7");
	assert_int_equal(look(), PATHS_STAY);
	/* Without IPv4 the other family, */
	nothing();
	has_addr(WIFI, "2001:db8::7");
	has_route(GW6, WIFI, "2001:db8::7", true);
	assert_int_equal(look(), PATHS_MOVE);
	assert_true(is(&p->choice.remote, GW6));
	/* … which is kept when IPv4 comes back. */
	at_wifi("192.0.2.7");
	assert_int_equal(look(), PATHS_STAY);
}

static void ipv4_while_ipv6_is_tentative(void **state)
{
	struct paths_addr *a;

	nothing();
	a = has_addr(LTE, "2001:db8::7");
	a->tentative = true;
	has_route(GW6, LTE, "2001:db8::7", true);
	at_lte("198.51.100.7", true);
	assert_int_equal(look(), PATHS_MOVE);
	assert_true(is(&p->choice.local, "198.51.100.7"));
	a->tentative = false;
	assert_int_equal(look(), PATHS_STAY);
}

static void the_first_of_equals(void **state)
{
	paths_init(p);
	nothing();
	has_addr(WIFI, "2001:db8::7");
	has_addr(WIFI, "192.0.2.7");
	has_route(GW6, WIFI, "2001:db8::7", true);
	has_route(GW4, WIFI, "192.0.2.7", true);
	assert_int_equal(look(), PATHS_MOVE);
	assert_true(is(&p->choice.remote, GW6));
}

/* ---- what does not carry ---- */

/* Wi-Fi with a captive portal comes while LTE works. */
static void portal(void)
{
	nothing();
	at_lte("198.51.100.7", true);
	assert_int_equal(look(), PATHS_MOVE);
	world.routes[0].best = false;
	at_wifi("192.0.2.9");
	assert_int_equal(look(), PATHS_MOVE);
}

static void failed_goes_back(void **state)
{
	portal();
	assert_int_equal(paths_failed(p, &world.facts), PATHS_MOVE);
	assert_int_equal(p->choice.ifindex, LTE);
	/* The kernel prefers the other one still, and somebody else's address comes and goes. */
	assert_int_equal(look(), PATHS_STAY);
	has_addr(WIFI, "192.0.2.99");
	assert_int_equal(look(), PATHS_STAY);
}

static void failed_is_forgiven_when_it_comes_again(void **state)
{
	portal();
	paths_failed(p, &world.facts);
	link(WIFI, false);
	assert_int_equal(look(), PATHS_STAY);
	link(WIFI, true);
	assert_int_equal(look(), PATHS_MOVE);
	assert_int_equal(p->choice.ifindex, WIFI);
}

static void failed_is_forgiven_when_somebody_says_so(void **state)
{
	portal();
	paths_failed(p, &world.facts);
	paths_again(p);
	assert_int_equal(look(), PATHS_MOVE);
	assert_int_equal(p->choice.ifindex, WIFI);
}

static void failed_is_better_than_nothing(void **state)
{
	assert_int_equal(paths_failed(p, &world.facts), PATHS_STAY);
	assert_int_equal(look(), PATHS_STAY);
	portal();
	paths_failed(p, &world.facts);
	link(LTE, false);
	assert_int_equal(look(), PATHS_MOVE);
	assert_int_equal(p->choice.ifindex, WIFI);
	nothing();
	look();
	assert_int_equal(paths_failed(p, &world.facts), PATHS_STAY);
}

static void both_fail_in_turn(void **state)
{
	portal();
	assert_int_equal(paths_failed(p, &world.facts), PATHS_MOVE);
	assert_int_equal(paths_failed(p, &world.facts), PATHS_STAY);
	assert_int_equal(p->choice.ifindex, LTE);
}

static void the_barred_are_bounded(void **state)
{
	for (unsigned i = 0; i < 2 * PATHS_BARRED_MAX; i++) {
		portal();
		p->choice.local.b[3] = (uint8_t)(100 + i);
		paths_failed(p, &world.facts);
		assert_in_range(p->nbarred, 0, PATHS_BARRED_MAX);
	}
}

static void set_by_phase_1(void **state)
{
	const struct paths_choice c = { addr("192.0.2.7"), addr(GW4), WIFI };

	paths_init(p);
	paths_set(p, &c);
	assert_int_equal(look(), PATHS_STAY);
	nothing();
	at_lte("198.51.100.7", true);
	assert_int_equal(look(), PATHS_MOVE);
}

static void nothing_at_first_is_not_lost(void **state)
{
	paths_init(p);
	nothing();
	assert_int_equal(look(), PATHS_STAY);
	assert_int_equal(paths_failed(p, &world.facts), PATHS_STAY);
	at_wifi("192.0.2.7");
	assert_int_equal(look(), PATHS_MOVE);
}

#define ROW(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(the_same_facts_change_nothing),
		ROW(a_new_address_alone_is_no_move),
		ROW(a_route_alone_is_none),
		ROW(break_before_make),
		ROW(make_before_break),
		ROW(what_the_kernel_does_not_prefer_is_no_reason),
		ROW(two_changes),
		ROW(gone_and_there_again),
		ROW(a_carrier_that_goes_and_comes),
		ROW(our_own_device_is_none),
		ROW(an_unknown_link_is_none),
		ROW(tentative_addresses_are_none),
		ROW(link_local_sources_are_none),
		ROW(loopback_is_none),
		ROW(the_address_in_use_is_kept),
		ROW(ipv4_while_ipv6_is_tentative),
		ROW(the_first_of_equals),
		ROW(failed_goes_back),
		ROW(failed_is_forgiven_when_it_comes_again),
		ROW(failed_is_forgiven_when_somebody_says_so),
		ROW(failed_is_better_than_nothing),
		ROW(both_fail_in_turn),
		ROW(the_barred_are_bounded),
		ROW(set_by_phase_1),
		ROW(nothing_at_first_is_not_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
