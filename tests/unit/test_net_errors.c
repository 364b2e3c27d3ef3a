/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/net.h"

#include <errno.h>

#include "base/err.h"
#include "namespace.h"

static struct endpoint at(const char *addr, uint16_t port)
{
	struct endpoint e = { .port = port };

	assert_true(addr_parse(addr, &e.addr));
	return e;
}

/* Nobody listens on the port: who says so, of which datagram, and how that began. */
static void port_closed(const char *text, enum family f, uint8_t type, uint8_t code)
{
	struct endpoint to = at(text, 4444);
	struct net_error e;
	struct net_socket s;

	enter_namespace();
	assert_int_equal(net_udp_open(&s, 0, 0), 0);
	assert_int_equal(net_socket_hear_errors(&s), 0);
	assert_false(net_socket_error(&s, f, &e));
	assert_int_equal(net_socket_send(&s, NULL, &to, SLICE_STR("is anybody there?")), 0);
	assert_true(net_socket_error(&s, f, &e));
	assert_int_equal(e.error, ECONNREFUSED);
	assert_int_equal(e.type, type);
	assert_int_equal(e.code, code);
	assert_true(addr_eq(&e.by, &to.addr));
	assert_true(endpoint_eq(&e.to, &to));
	assert_true(slice_eq(slice(e.quoted, e.n), SLICE_STR("is anybody there?")));
	assert_false(net_socket_error(&s, f, &e));
	net_socket_close(&s);
}

static void test_port_closed(void **state)
{
	(void)state;
	port_closed("127.0.0.1", FAMILY_IP4, 3, 3);
	port_closed("::1", FAMILY_IP6, 1, 4);
}

/* More than fits is cut off, and a socket that does not hear them has none. */
static void test_quoted(void **state)
{
	static const uint8_t bytes[NET_ERROR_QUOTED + 100] = { 1, 2, 3 };
	struct endpoint to = at("127.0.0.1", 4444);
	struct net_error e;
	struct net_socket s;

	(void)state;
	enter_namespace();
	assert_int_equal(net_udp_open(&s, 0, 0), 0);
	assert_int_equal(net_socket_send(&s, NULL, &to, SLICE_OF(bytes)), 0);
	assert_false(net_socket_error(&s, FAMILY_IP4, &e));
	assert_int_equal(net_socket_hear_errors(&s), 0);
	assert_int_equal(net_socket_send(&s, NULL, &to, SLICE_OF(bytes)), 0);
	assert_true(net_socket_error(&s, FAMILY_IP4, &e));
	assert_int_equal(e.n, NET_ERROR_QUOTED);
	assert_memory_equal(e.quoted, bytes, NET_ERROR_QUOTED);
	net_socket_close(&s);
	assert_false(net_socket_error(&s, FAMILY_IP4, &e));
}

static void add(struct tun_netlink *n, const char *line)
{
	struct tun_state s;

	assert_int_equal(tun_state_parse(line, &s), 0);
	assert_int_equal(tun_state_add(n, &s), 0);
}

/* As a probe it must fit the device; else it is cut into fragments. */
static void test_probe(void **state)
{
	static const uint8_t bytes[1600];
	struct endpoint to = at("192.0.2.9", 500);
	struct tun_netlink n;
	struct net_socket s;
	struct tun t;

	(void)state;
	enter_namespace();
	assert_int_equal(tun_netlink_open(&n), 0);
	open_device(&t, &n, "up0");
	add(&n, "address to 192.0.2.2/24 dev up0");
	add(&n, "route action unicast to 0.0.0.0/0 dev up0 table 254");
	assert_int_equal(net_udp_open(&s, 0, 0), 0);
	assert_int_equal(net_socket_send(&s, NULL, &to, SLICE_OF(bytes)), 0);
	assert_int_equal(net_socket_probe(&s, true), 0);
	assert_int_equal(net_socket_send(&s, NULL, &to, SLICE_OF(bytes)), ERR_SYSTEM);
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(net_socket_send(&s, NULL, &to, slice(bytes, 1400 - 28)), 0);
	assert_int_equal(net_socket_probe(&s, false), 0);
	assert_int_equal(net_socket_send(&s, NULL, &to, SLICE_OF(bytes)), 0);
	net_socket_close(&s);
	tun_close(&t);
	tun_netlink_close(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_port_closed),
		cmocka_unit_test(test_quoted),
		cmocka_unit_test(test_probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
