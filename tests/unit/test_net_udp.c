/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/net.h"

#include <errno.h>
#include <grp.h>

#include "base/err.h"
#include "net_parts.h"

static struct endpoint at(const char *addr, uint16_t port)
{
	struct endpoint e = { .port = port };

	assert_true(addr_parse(addr, &e.addr));
	return e;
}

static void one_datagram(const char *from, const char *to)
{
	struct endpoint e = at(to, 0), source = at(from, 0);
	struct net_socket a, b;

	assert_int_equal(net_udp_open(&a, 0, 0), 0);
	assert_int_equal(net_udp_open(&b, 0, 0), 0);
	e.port = b.port;
	assert_int_equal(net_socket_send(&a, NULL, &e, SLICE_STR("plain")), 0);
	receive(&b, 1);
	assert_true(slice_eq(pkt_slice(&batch.pkts[0]), SLICE_STR("plain")));
	assert_int_equal(batch.pkts[0].from.port, a.port);
	assert_true(endpoint_eq(&batch.pkts[0].to, &e));
	assert_int_equal(net_socket_send(&a, &source.addr, &e, SLICE_STR("forced")), 0);
	receive(&b, 1);
	assert_true(addr_eq(&batch.pkts[0].from.addr, &source.addr));
	assert_true(endpoint_eq(&batch.pkts[0].to, &e));
	/* The answer reaches the port from which the kernel chose to send. */
	assert_int_equal(net_socket_send(&b, NULL, &batch.pkts[0].from, SLICE_STR("answer")), 0);
	receive(&a, 1);
	assert_true(endpoint_eq(&batch.pkts[0].from, &e) || e.addr.family == FAMILY_IP4);
	net_socket_close(&a);
	net_socket_close(&b);
}

static void test_both_families(void **state)
{
	enter_namespace();
	one_datagram("127.0.0.9", "127.0.0.1");
	one_datagram("127.0.0.1", "127.0.0.9");
	one_datagram("::1", "::1");
}

/* What the socket has no room for is counted, once something comes behind it. */
static void test_losses_are_counted(void **state)
{
	static const uint8_t bytes[1000];
	struct endpoint to = at("127.0.0.1", 0);
	unsigned sent = 0, got = 0, small = 1;
	struct net_socket a, b;
	int n;

	enter_namespace();
	assert_int_equal(net_udp_open(&a, 0, 0), 0);
	assert_int_equal(net_udp_open(&b, 0, 0), 0);
	assert_int_equal(setsockopt(b.fd4, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	to.port = b.port;
	for (; sent < 50; sent++)
		assert_int_equal(net_socket_send(&a, NULL, &to, SLICE_OF(bytes)), 0);
	receive_nothing();
	while ((n = receive_more(&b)) > 0)
		got += (unsigned)n;
	assert_in_range(got, 1, sent - 1);
	assert_int_equal(b.stats.lost, 0);
	assert_int_equal(net_socket_send(&a, NULL, &to, SLICE_OF(bytes)), 0);
	receive(&b, 1);
	assert_int_equal(b.stats.lost, sent - got);
	assert_int_equal(b.stats.received, got + 1);
	net_socket_close(&a);
	net_socket_close(&b);
}

static void test_nothing_to_receive(void **state)
{
	struct net_socket u;

	assert_int_equal(net_udp_open(&u, 0, 0), 0);
	receive_nothing();
	assert_int_equal(receive_more(&u), 0);
	assert_int_equal(batch.n, 0);
	assert_int_equal(batch.used, 0);
	net_socket_close(&u);
}

static void test_port_is_taken(void **state)
{
	struct net_socket a, b;

	assert_int_equal(net_udp_open(&a, 0, 0), 0);
	assert_int_equal(net_udp_open(&b, a.port, 0), ERR_SYSTEM);
	assert_int_equal(errno, EADDRINUSE);
	assert_int_equal(b.fd4, -1);
	assert_int_equal(b.fd6, -1);
	net_socket_close(&a);
	assert_int_equal(net_udp_open(&b, b.port, 0), 0);
	net_socket_close(&b);
}

static int open_500_as_nobody(void)
{
	struct net_socket u;

	if (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0)
		return 1;
	return net_udp_open(&u, 500, 0);
}

static int open_marked_as_nobody(void)
{
	struct net_socket u;

	if (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0)
		return 1;
	return net_udp_open(&u, 0, 0x6777);
}

static void test_no_privilege(void **state)
{
	enter_namespace();
	assert_int_equal(in_child(open_500_as_nobody), ERR_PERMISSION);
	assert_int_equal(in_child(open_marked_as_nobody), ERR_PERMISSION);
}

static void test_send_errors(void **state)
{
	static uint8_t huge[65536];
	struct endpoint e = at("198.51.100.1", 4500), e6 = at("2001:db8::1", 4500), none = { 0 };
	struct endpoint home = at("127.0.0.1", 9), foreign = at("192.0.2.77", 0);
	struct net_socket u;

	enter_namespace();
	assert_int_equal(net_udp_open(&u, 0, 0x6777), 0);
	assert_int_equal(net_socket_send(&u, NULL, &e, SLICE_STR("x")), ERR_SYSTEM);
	assert_int_equal(errno, ENETUNREACH);
	assert_int_equal(net_socket_send(&u, NULL, &e6, SLICE_STR("x")), ERR_SYSTEM);
	assert_int_equal(errno, ENETUNREACH);
	assert_int_equal(net_socket_send(&u, NULL, &home, SLICE_OF(huge)), ERR_SYSTEM);
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(net_socket_send(&u, NULL, &none, SLICE_STR("x")), ERR_SYSTEM);
	assert_int_equal(errno, EAFNOSUPPORT);
	assert_int_equal(net_socket_send(&u, &foreign.addr, &e, SLICE_STR("x")), ERR_SYSTEM);
	assert_int_equal(u.stats.failed, 5);
	assert_int_equal(u.stats.sent, 0);
	net_socket_close(&u);
}

/* The longest there is arrives whole, and so does one of nothing. */
static void test_long_and_empty(void **state)
{
	static uint8_t longest[65507];
	struct endpoint e = at("127.0.0.1", 0);
	struct net_socket u;

	assert_int_equal(net_udp_open(&u, 0, 0), 0);
	e.port = u.port;
	longest[65506] = 7;
	assert_int_equal(net_socket_send(&u, NULL, &e, SLICE_OF(longest)), 0);
	assert_int_equal(net_socket_send(&u, NULL, &e, SLICE_NONE), 0);
	receive(&u, 2);
	assert_true(slice_eq(pkt_slice(&batch.pkts[0]), SLICE_OF(longest)));
	assert_int_equal(batch.pkts[1].len, 0);
	net_socket_close(&u);
}

/* More than can be received at once: none is lost, nor comes out of order. */
static void test_more_than_slots(void **state)
{
	struct endpoint e = at("127.0.0.1", 0);
	struct net_socket u;

	assert_int_equal(net_udp_open(&u, 0, 0), 0);
	e.port = u.port;
	for (uint8_t i = 0; i < NET_INTAKE_SLOTS + 2; i++)
		assert_int_equal(net_socket_send(&u, NULL, &e, slice(&i, 1)), 0);
	receive(&u, NET_INTAKE_SLOTS);
	for (unsigned i = 0; i < NET_INTAKE_SLOTS; i++)
		assert_int_equal(pkt_data(&batch.pkts[i])[0], i);
	receive(&u, 2);
	assert_int_equal(pkt_data(&batch.pkts[1])[0], NET_INTAKE_SLOTS + 1);
	assert_int_equal(u.stats.received, NET_INTAKE_SLOTS + 2);
	net_socket_close(&u);
}

static void fill_batch(struct batch *out, const struct path *path, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct pkt *p = batch_take(out, 16, 100 + i, 16);

		assert_non_null(p);
		memset(pkt_data(p), (int)(out->n), p->len);
		p->path = path;
		p->ecn = (uint8_t)(i & 3);
	}
}

static void test_send_batch(void **state)
{
	static uint8_t send_arena[64 * 1024];
	static struct batch out;
	struct path path4 = { .remote = at("127.0.0.1", 0) }, path6 = { .remote = at("::1", 0) };
	struct path nowhere = { .remote = at("198.51.100.1", 4500) };
	struct net_socket a, b;

	enter_namespace();
	assert_int_equal(net_udp_open(&a, 0, 0), 0);
	assert_int_equal(net_udp_open(&b, 0, 0), 0);
	path4.remote.port = path6.remote.port = b.port;
	path4.local = at("127.0.0.3", 0);
	batch_init(&out, send_arena, sizeof(send_arena));
	fill_batch(&out, &path4, 20);
	fill_batch(&out, &nowhere, 1);
	fill_batch(&out, NULL, 1);
	fill_batch(&out, &path6, 20);
	fill_batch(&out, &path4, 20);
	/* A packet that an engine has dropped has no path. */
	fill_batch(&out, NULL, 1);
	assert_int_equal(net_socket_send_batch(&a, out.pkts, out.n), out.n);
	assert_int_equal(a.stats.sent, 60);
	assert_int_equal(a.stats.failed, 1);
	receive(&b, 60);
	for (unsigned i = 0; i < 60; i++) {
		const struct pkt *got = &batch.pkts[i], *sent;

		/* All of IPv4 comes before all of IPv6. */
		sent = &out.pkts[i < 20 ? i : i < 40 ? i + 22 : i - 18];
		assert_true(slice_eq(pkt_slice(got), pkt_slice(sent)));
		assert_int_equal(got->ecn, sent->ecn);
		if (i < 40)
			assert_true(addr_eq(&got->from.addr, &path4.local.addr));
	}
	net_socket_close(&a);
	net_socket_close(&b);
}

static void narrow_loopback(uint32_t mtu)
{
	struct tun_netlink n;

	assert_int_equal(tun_netlink_open(&n), 0);
	assert_int_equal(tun_link_mtu(&n, "lo", mtu), 0);
	tun_netlink_close(&n);
}

/* Sends one packet as data and tells whether it went. */
static bool send_data(struct net_socket *u, const struct path *path, uint32_t size,
		      bool may_fragment)
{
	static uint8_t bytes[4096];
	struct pkt p = {
		.base = bytes,
		.size = sizeof(bytes),
		.len = size,
		.path = path,
		.may_fragment = may_fragment,
	};
	uint64_t sent = u->stats.sent, failed = u->stats.failed;

	assert_int_equal(net_socket_send_batch(u, &p, 1), 1);
	assert_int_equal(u->stats.sent + u->stats.failed, sent + failed + 1);
	return u->stats.sent > sent;
}

static void whole_or_not(const char *remote, uint32_t fits)
{
	static uint8_t ike[2000];
	struct path path = { .remote = at(remote, 0) };
	struct net_socket a, b;

	assert_int_equal(net_udp_open(&a, 0, 0), 0);
	assert_int_equal(net_udp_open(&b, 0, 0), 0);
	path.remote.port = b.port;
	assert_true(send_data(&a, &path, 2000, false));
	assert_int_equal(net_socket_keep_whole(&a), 0);
	assert_true(send_data(&a, &path, fits, false));
	assert_false(send_data(&a, &path, fits + 1, false));
	assert_int_equal(a.stats.too_big, 1);
	/* What must go whatever the path: an IKE message, and what may be in fragments. */
	assert_int_equal(net_socket_send(&a, NULL, &path.remote, SLICE_OF(ike)), 0);
	/* Neither leaves the door open. */
	assert_false(send_data(&a, &path, fits + 1, false));
	assert_true(send_data(&a, &path, 2000, true));
	assert_false(send_data(&a, &path, fits + 1, false));
	assert_int_equal(a.stats.too_big, 3);
	assert_int_equal(a.stats.failed, 3);
	receive(&b, 4);
	net_socket_close(&a);
	net_socket_close(&b);
}

static void test_whole(void **state)
{
	enter_namespace();
	narrow_loopback(1300);
	whole_or_not("127.0.0.1", 1300 - 28);
	whole_or_not("::1", 1300 - 48);
}

/* In one batch each packet goes in its own way, and one that is too large stops no other. */
static void test_whole_in_a_batch(void **state)
{
	static const uint32_t sizes[] = { 100, 2000, 2000, 1273, 1272, 2001, 7 };
	static const bool may[] = { false, true, true, false, false, true, false };
	static uint8_t send_arena[64 * 1024];
	static struct batch out;
	struct path path = { .remote = at("127.0.0.1", 0) };
	struct net_socket a, b;

	enter_namespace();
	narrow_loopback(1300);
	assert_int_equal(net_udp_open(&a, 0, 0), 0);
	assert_int_equal(net_udp_open(&b, 0, 0), 0);
	assert_int_equal(net_socket_keep_whole(&a), 0);
	path.remote.port = b.port;
	batch_init(&out, send_arena, sizeof(send_arena));
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct pkt *p = batch_take(&out, 0, sizes[i], 0);

		memset(pkt_data(p), (int)i, sizes[i]);
		p->path = &path;
		p->may_fragment = may[i];
	}
	assert_int_equal(net_socket_send_batch(&a, out.pkts, out.n), out.n);
	assert_int_equal(a.stats.sent, 6);
	assert_int_equal(a.stats.too_big, 1);
	receive(&b, 6);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(batch.pkts[i].len, sizes[i < 3 ? i : i + 1]);
	net_socket_close(&a);
	net_socket_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_families),
		cmocka_unit_test(test_nothing_to_receive),
		cmocka_unit_test(test_losses_are_counted),
		cmocka_unit_test(test_port_is_taken),
		cmocka_unit_test(test_no_privilege),
		cmocka_unit_test(test_send_errors),
		cmocka_unit_test(test_long_and_empty),
		cmocka_unit_test(test_more_than_slots),
		cmocka_unit_test(test_send_batch),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_whole_in_a_batch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
