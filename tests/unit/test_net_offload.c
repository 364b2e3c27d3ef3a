/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Datagrams to the kernel and from it in one piece, on loopback. */
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include "net_parts.h"
#include "refuse.h"

static uint8_t send_arena[BATCH_MAX * 2048];
static struct batch out;

/* Two sockets on loopback, and the way from a to b by either family. */
struct pair {
	struct net_socket a, b;
	struct path path4, path6;
};

static void pair_open(struct pair *p, unsigned a, unsigned b)
{
	*p = (struct pair){ 0 };
	assert_int_equal(net_udp_open(&p->a, 0, 0), 0);
	assert_int_equal(net_udp_open(&p->b, 0, 0), 0);
	assert_int_equal(net_socket_offload(&p->a, a), a);
	assert_int_equal(net_socket_offload(&p->b, b), b);
	assert_true(addr_parse("127.0.0.1", &p->path4.remote.addr));
	assert_true(addr_parse("127.0.0.3", &p->path4.local.addr));
	assert_true(addr_parse("::1", &p->path6.remote.addr));
	p->path4.remote.port = p->path6.remote.port = p->b.port;
	batch_init(&out, send_arena, sizeof(send_arena));
}

static void pair_close(struct pair *p)
{
	net_socket_close(&p->a);
	net_socket_close(&p->b);
}

/* Appends n packets; each byte of one tells which it is. */
static void add(const struct path *path, unsigned n, uint32_t len, uint8_t ecn)
{
	for (unsigned i = 0; i < n; i++) {
		struct pkt *p = batch_take(&out, 16, len, 16);

		assert_non_null(p);
		memset(pkt_data(p), (int)out.n, len);
		p->path = path;
		p->ecn = ecn;
	}
}

static void expect_all(struct pair *p)
{
	receive(&p->b, out.n);
	for (unsigned i = 0; i < out.n; i++) {
		const struct pkt *got = &batch.pkts[i], *sent = &out.pkts[i];

		assert_true(slice_eq(pkt_slice(got), pkt_slice(sent)));
		assert_int_equal(got->ecn, sent->ecn);
		assert_int_equal(got->to.port, p->b.port);
		assert_int_equal(got->from.port, p->a.port);
		if (sent->path == &p->path4)
			assert_true(addr_eq(&got->from.addr, &p->path4.local.addr));
	}
	assert_int_equal(p->b.stats.received, out.n);
}

static void send_all(struct pair *p)
{
	assert_int_equal(net_socket_send_batch(&p->a, out.pkts, out.n), out.n);
	assert_int_equal(p->a.stats.sent, out.n);
	assert_int_equal(p->a.stats.failed, 0);
}

static void test_kernel_can(void **state)
{
	enter_namespace();
	assert_int_equal(net_offload_test(), NET_OFFLOAD_ALL);
}

/* Whatever is on at either end, what arrives is what was sent. */
static void test_each_and_none(void **state)
{
	enter_namespace();
	for (unsigned i = 0; i <= NET_OFFLOAD_ALL; i++) {
		for (unsigned family = 0; family < 2; family++) {
			struct pair p;
			const struct path *path = family ? &p.path6 : &p.path4;

			pair_open(&p, i & NET_OFFLOAD_SEND, i & NET_OFFLOAD_RECEIVE);
			add(path, 5, 1400, 0);
			add(path, 1, 200, 0);
			add(path, 3, 200, 0);
			add(path, 3, 201, 0);
			add(path, 4, 201, 2);
			add(path, 1, 1, 2);
			add(path, 1, 900, 3);
			send_all(&p);
			expect_all(&p);
			pair_close(&p);
		}
	}
}

/* As many in one piece as there is room for: 46 of this length. */
static void test_comes_in_one_piece(void **state)
{
	struct pollfd fd = { .events = POLLIN };
	struct pair p;

	enter_namespace();
	pair_open(&p, NET_OFFLOAD_SEND, NET_OFFLOAD_RECEIVE);
	add(&p.path4, 50, 1400, 1);
	send_all(&p);
	fd.fd = p.b.fd4;
	assert_int_equal(poll(&fd, 1, 5000), 1);
	receive_nothing();
	assert_int_equal(receive_more(&p.b), 2);
	assert_int_equal(batch.n, 50);
	assert_int_equal(pkt_data(&batch.pkts[49])[1399], 50);
	pair_close(&p);
}

/* More than one batch in one arrival: the rest comes with the next. */
static void test_more_than_a_batch(void **state)
{
	static struct batch views;
	struct pollfd fd = { .events = POLLIN };
	struct pair p;

	enter_namespace();
	pair_open(&p, NET_OFFLOAD_SEND, NET_OFFLOAD_RECEIVE);
	add(&p.path4, 50, 100, 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(net_socket_send_batch(&p.a, out.pkts, 50), 50);
	fd.fd = p.b.fd4;
	assert_int_equal(poll(&fd, 1, 5000), 1);
	net_intake_init(&intake, intake_arena);
	assert_int_equal(net_socket_recv(&p.b, FAMILY_IP4, &intake), 3);
	for (unsigned i = 0; i < 150;) {
		assert_true(net_intake_take(&intake, &views));
		assert_int_equal(views.n, i < BATCH_MAX ? BATCH_MAX : 150 - BATCH_MAX);
		for (unsigned k = 0; k < views.n; k++, i++)
			assert_int_equal(pkt_data(&views.pkts[k])[99], i % 50 + 1);
	}
	assert_false(net_intake_take(&intake, &views));
	pair_close(&p);
}

/* Without checksums the kernel refuses to cut: each packet goes alone, and from then on all do. */
static void test_falls_back(void **state)
{
	for (unsigned family = 0; family < 2; family++) {
		int one = 1;
		struct pair p;

		enter_namespace();
		pair_open(&p, NET_OFFLOAD_SEND, NET_OFFLOAD_RECEIVE);
		assert_int_equal(setsockopt(p.a.fd4, SOL_SOCKET, SO_NO_CHECK, &one, sizeof(one)),
				 0);
		assert_int_equal(
			setsockopt(p.a.fd6, IPPROTO_UDP, UDP_NO_CHECK6_TX, &one, sizeof(one)), 0);
		assert_int_equal(
			setsockopt(p.b.fd6, IPPROTO_UDP, UDP_NO_CHECK6_RX, &one, sizeof(one)), 0);
		add(family ? &p.path6 : &p.path4, 20, 1400, 0);
		assert_true(p.a.segments);
		send_all(&p);
		assert_false(p.a.segments);
		expect_all(&p);
		pair_close(&p);
	}
}

static void narrow_loopback(uint32_t mtu)
{
	struct tun_netlink n;

	assert_int_equal(tun_netlink_open(&n), 0);
	assert_int_equal(tun_link_mtu(&n, "lo", mtu), 0);
	tun_netlink_close(&n);
}

/* A path that is too narrow is no fault of the kernel's; and what fits is sent. */
static void test_too_big(void **state)
{
	struct pair p;

	enter_namespace();
	narrow_loopback(1300);
	pair_open(&p, NET_OFFLOAD_SEND, NET_OFFLOAD_RECEIVE);
	assert_int_equal(net_socket_keep_whole(&p.a), 0);
	add(&p.path4, 5, 1272, 0);
	add(&p.path4, 6, 1273, 0);
	add(&p.path4, 5, 100, 0);
	add(&p.path6, 4, 1253, 0);
	for (unsigned i = 0; i < 3; i++)
		add(&p.path4, 1, 2000, 0);
	for (unsigned i = 0; i < 3; i++)
		out.pkts[out.n - 1 - i].may_fragment = true;
	assert_int_equal(net_socket_send_batch(&p.a, out.pkts, out.n), out.n);
	assert_int_equal(p.a.stats.too_big, 10);
	assert_int_equal(p.a.stats.failed, 10);
	assert_int_equal(p.a.stats.sent, 13);
	assert_true(p.a.segments);
	receive(&p.b, 13);
	pair_close(&p);
}

static int without_segment(void)
{
	refuse(SYS_setsockopt, 2, REFUSE_EQUAL, UDP_SEGMENT, ENOPROTOOPT);
	return (int)net_offload_test();
}

static int without_gro(void)
{
	struct net_socket s;

	refuse(SYS_setsockopt, 2, REFUSE_EQUAL, UDP_GRO, ENOPROTOOPT);
	assert_int_equal(net_udp_open(&s, 0, 0), 0);
	assert_int_equal(net_socket_offload(&s, NET_OFFLOAD_ALL), NET_OFFLOAD_SEND);
	net_socket_close(&s);
	return (int)net_offload_test();
}

/* Nothing of what is sent arrives. */
static int without_datagrams(void)
{
	refuse(SYS_recvmsg, 2, REFUSE_EQUAL, 0, EAGAIN);
	return (int)net_offload_test();
}

static int without_loopback(void)
{
	struct tun_netlink n;

	assert_int_equal(tun_netlink_open(&n), 0);
	assert_int_equal(tun_link_down(&n, "lo"), 0);
	tun_netlink_close(&n);
	return (int)net_offload_test();
}

/* What the kernel does not have, or does not do, is not used. */
static void test_kernel_cannot(void **state)
{
	enter_namespace();
	assert_int_equal(in_child(without_segment), NET_OFFLOAD_RECEIVE);
	assert_int_equal(in_child(without_gro), NET_OFFLOAD_SEND);
	assert_int_equal(in_child(without_datagrams), NET_OFFLOAD_RECEIVE);
	assert_int_equal(in_child(without_loopback), NET_OFFLOAD_RECEIVE);
}

/* Raw ESP has neither. */
static void test_raw(void **state)
{
	struct net_socket s;

	enter_namespace();
	assert_int_equal(net_esp_open(&s, 0), 0);
	assert_int_equal(net_socket_offload(&s, NET_OFFLOAD_ALL), 0);
	assert_false(s.segments);
	net_socket_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel_can),	   cmocka_unit_test(test_each_and_none),
		cmocka_unit_test(test_comes_in_one_piece), cmocka_unit_test(test_more_than_a_batch),
		cmocka_unit_test(test_falls_back),	   cmocka_unit_test(test_too_big),
		cmocka_unit_test(test_kernel_cannot),	   cmocka_unit_test(test_raw),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
