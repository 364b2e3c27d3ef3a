/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device whose other end is this test: it exchanges the addresses of each packet and gives it back,
 * so that the host talks to itself through the device, with the kernel's own super-packets.
 */
#include "tun/tun.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/err.h"
#include "namespace.h"
#include "refuse.h"
#include "wire_parts.h"

#define PORT 7000
#define BULK (1 << 20)
#define TURNS 2000
#define WAIT_MS                                                                                    \
	5 /* the kernel may have to wait for its own timers, so turns are not spun through */

static uint8_t arena[512 << 10];
static uint8_t super_arena[TUN_PACKET_MAX];
static struct batch batch;
static struct coalesce joined;
static struct coalesce_write out;

struct loop {
	struct tun_netlink n;
	struct tun t;
	struct tun_intake intake;
	struct drops drops;
	unsigned takes;
	unsigned most_read; /* packets in one super-packet */
	unsigned most_written;
	unsigned failed;
};

static void add(struct loop *l, const char *line)
{
	struct tun_state s;

	assert_int_equal(tun_state_parse(line, &s), 0);
	assert_int_equal(tun_state_add(&l->n, &s), 0);
}

static void intake_init(struct loop *l)
{
	l->intake = (struct tun_intake){ .super = super_arena, .drops = &l->drops };
	batch_init(&batch, arena, sizeof(arena));
}

/* In a namespace of its own. */
static void loop_open(struct loop *l, bool offload)
{
	*l = (struct loop){ 0 };
	enter_namespace();
	if (access("/dev/net/tun", R_OK | W_OK) < 0)
		skip();
	assert_int_equal(tun_netlink_open(&l->n), 0);
	assert_int_equal(tun_open(&l->t, "godwit0", offload), 0);
	assert_int_equal(tun_link_up(&l->n, l->t.name, 1400, 500), 0);
	add(l, "address to 10.9.0.1/32 dev godwit0");
	add(l, "address to fd09::1/128 dev godwit0");
	add(l, "route action unicast to 10.8.0.0/16 dev godwit0 src 10.9.0.1 table 254");
	add(l, "route action unicast to fd08::/16 dev godwit0 src fd09::1 table 254");
	l->takes = l->t.takes;
	intake_init(l);
}

static void loop_close(struct loop *l)
{
	assert_int_equal(l->failed, 0);
	for (unsigned i = DROP_VNET_TYPE; i <= DROP_VNET_HEADER; i++)
		assert_int_equal(drop_read(&l->drops, i), 0);
	tun_close(&l->t);
	tun_netlink_close(&l->n);
}

/* No checksum changes by it. */
static void exchange(uint8_t *ip)
{
	unsigned at = ip[0] >> 4 == 6 ? 8 : 12, n = ip[0] >> 4 == 6 ? 16 : 4;
	uint8_t src[16];

	memcpy(src, ip + at, n);
	memcpy(ip + at, ip + at + n, n);
	memcpy(ip + at + n, src, n);
}

static void give_back(struct loop *l)
{
	coalesce_begin(&joined, l->takes);
	for (unsigned i = 0; i < batch.n; i++) {
		exchange(pkt_data(&batch.pkts[i]));
		if (l->t.vnet)
			assert_true(coalesce_add(&joined, pkt_slice(&batch.pkts[i])));
		else
			l->failed += tun_write(&l->t, pkt_slice(&batch.pkts[i])) != 0;
	}
	while (coalesce_output(&joined, &out)) {
		unsigned takes = l->takes;

		l->failed += tun_write_run(&l->t, &out, &l->takes);
		if (out.packets > 1 && out.packets > l->most_written && takes == l->takes)
			l->most_written = out.packets;
	}
}

/* Takes and gives back what is in the device now. */
static void loop_turn(struct loop *l)
{
	unsigned run = 0;

	for (;;) {
		batch_reset(&batch);
		if (tun_read(&l->t, &l->intake, &batch, 64, 64) <= 0)
			return;
		for (unsigned i = 0; i < batch.n; i++) {
			run = batch.pkts[i].follows ? run + 1 : 1;
			if (run > l->most_read)
				l->most_read = run;
			assert_in_range(batch.pkts[i].len, 20, 1400);
			assert_true(pkt_headroom(&batch.pkts[i]) == 64);
			assert_true(pkt_tailroom(&batch.pkts[i]) >= 64);
		}
		give_back(l);
	}
}

union any {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static socklen_t host(union any *a, bool ip6, bool ours)
{
	*a = (union any){ 0 };
	if (ip6) {
		a->in6.sin6_family = AF_INET6;
		a->in6.sin6_port = htons(PORT);
		a->in6.sin6_addr.s6_addr[0] = 0xfd;
		a->in6.sin6_addr.s6_addr[1] = ours ? 9 : 8;
		a->in6.sin6_addr.s6_addr[15] = 1;
		return sizeof(a->in6);
	}
	a->in.sin_family = AF_INET;
	a->in.sin_port = htons(PORT);
	a->in.sin_addr.s_addr = htonl(ours ? 0x0a090001 : 0x0a080001);
	return sizeof(a->in);
}

static int open_socket(bool ip6, int type)
{
	int fd = socket(ip6 ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	return fd;
}

/* Until the device has something, or a while. */
static void loop_wait(struct loop *l)
{
	struct pollfd device = { .fd = l->t.fd, .events = POLLIN };

	(void)poll(&device, 1, WAIT_MS);
}

/* A connection through the device: the end that sends and the end that receives. */
static void tcp_connect(struct loop *l, bool ip6, int ends[2])
{
	int server = open_socket(ip6, SOCK_STREAM);
	union any a;
	socklen_t n = host(&a, ip6, true);

	ends[0] = open_socket(ip6, SOCK_STREAM);
	ends[1] = -1;
	assert_int_equal(bind(server, &a.sa, n), 0);
	assert_int_equal(listen(server, 1), 0);
	n = host(&a, ip6, false);
	assert_int_equal(connect(ends[0], &a.sa, n), -1);
	for (unsigned i = 0; i < TURNS && ends[1] < 0; i++) {
		loop_wait(l);
		loop_turn(l);
		ends[1] = accept4(server, NULL, NULL, SOCK_NONBLOCK);
	}
	assert_true(ends[1] >= 0);
	close(server);
}

static uint8_t pattern(size_t at)
{
	return (uint8_t)(at * 7 + at / 251);
}

/* A megabyte goes through, whatever pieces it is in. */
static void bulk(struct loop *l, bool ip6)
{
	static uint8_t sent[BULK], got[BULK];
	size_t put = 0, taken = 0;
	int ends[2];

	for (size_t i = 0; i < BULK; i++)
		sent[i] = pattern(i);
	tcp_connect(l, ip6, ends);
	for (unsigned i = 0; i < TURNS && taken < BULK; i++) {
		ssize_t n = send(ends[0], sent + put, BULK - put, MSG_NOSIGNAL);

		put += n > 0 ? (size_t)n : 0;
		loop_wait(l);
		loop_turn(l);
		n = recv(ends[1], got + taken, BULK - taken, 0);
		taken += n > 0 ? (size_t)n : 0;
	}
	assert_int_equal(taken, BULK);
	assert_memory_equal(got, sent, BULK);
	close(ends[0]);
	close(ends[1]);
}

/* Datagrams given to the kernel in one piece, and received one by one. */
static void datagrams(struct loop *l, bool ip6, unsigned wanted)
{
	static uint8_t sent[20 * 1000 + 300], got[2000];
	int fd = open_socket(ip6, SOCK_DGRAM), stride = 1000, whole = IP_PMTUDISC_DO;
	union any a;
	socklen_t n = host(&a, ip6, true);

	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = pattern(i);
	assert_int_equal(bind(fd, &a.sa, n), 0);
	assert_int_equal(setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &stride, sizeof(stride)), 0);
	/* Without DF they would not be joined again. */
	assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &whole, sizeof(whole)), 0);
	n = host(&a, ip6, false);
	assert_int_equal(sendto(fd, sent, sizeof(sent), 0, &a.sa, n), sizeof(sent));
	l->most_read = l->most_written = 0;
	loop_turn(l);
	assert_int_equal(l->most_read, wanted);
	assert_int_equal(l->most_written, l->takes & COALESCE_UDP ? 21 : 0);
	for (size_t at = 0; at < sizeof(sent); at += 1000) {
		ssize_t size = at < 20000 ? 1000 : 300;

		assert_int_equal(recv(fd, got, sizeof(got), 0), size);
		assert_memory_equal(got, sent + at, size);
	}
	close(fd);
}

static void test_in_one_piece(void **state)
{
	struct loop l;

	loop_open(&l, true);
	assert_true(l.t.vnet);
	assert_int_equal(l.t.takes, COALESCE_TCP | COALESCE_UDP);
	for (unsigned i = 0; i < 2; i++) {
		l.most_read = l.most_written = 0;
		bulk(&l, i);
		assert_true(l.most_read > 20);
		assert_true(l.most_written > 20);
		datagrams(&l, i, 21);
	}
	assert_int_equal(l.takes, COALESCE_TCP | COALESCE_UDP);
	loop_close(&l);
}

static void test_without(void **state)
{
	struct loop l;

	loop_open(&l, false);
	assert_false(l.t.vnet);
	assert_int_equal(l.t.takes, 0);
	for (unsigned i = 0; i < 2; i++) {
		bulk(&l, i);
		datagrams(&l, i, 1);
	}
	assert_int_equal(l.most_read, 1);
	loop_close(&l);
}

/* What the kernel has given up giving comes packet by packet. */
static void test_ends(void **state)
{
	struct loop l;

	loop_open(&l, true);
	tun_offload_end(&l.t);
	for (unsigned i = 0; i < 2; i++) {
		bulk(&l, i);
		datagrams(&l, i, 1);
	}
	assert_int_equal(l.most_read, 1);
	loop_close(&l);
}

/* Runs are refused from the beginning of the connection on: single packets do it. */
static int refuses_runs(void)
{
	struct loop l;

	loop_open(&l, true);
	refuse(SYS_writev, 2, REFUSE_AT_LEAST, 4, EINVAL);
	bulk(&l, false);
	assert_int_equal(l.takes, COALESCE_UDP);
	datagrams(&l, false, 21);
	assert_int_equal(l.takes, 0);
	loop_close(&l);
	return 0;
}

/* The kernel took no run when it was tried. */
static int refuses_trial(void)
{
	struct loop l;

	refuse(SYS_write, 2, REFUSE_AT_LEAST, 40, EINVAL);
	loop_open(&l, true);
	assert_int_equal(l.t.takes, 0);
	bulk(&l, true);
	assert_int_equal(l.most_written, 0);
	datagrams(&l, true, 21);
	loop_close(&l);
	return 0;
}

/* As before Linux 6.2: no USO. */
static int has_no_uso(void)
{
	struct loop l;

	refuse(SYS_ioctl, 2, REFUSE_EQUAL, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | 0x60, EINVAL);
	loop_open(&l, true);
	bulk(&l, false);
	assert_true(l.most_read > 20);
	datagrams(&l, false, 1);
	loop_close(&l);
	return 0;
}

static int has_nothing(void)
{
	struct loop l;

	refuse(SYS_ioctl, 1, REFUSE_EQUAL, TUNSETOFFLOAD, EINVAL);
	loop_open(&l, true);
	bulk(&l, false);
	datagrams(&l, false, 1);
	assert_int_equal(l.most_read, 1);
	loop_close(&l);
	return 0;
}

/* A failed assertion ends such a child, too. */
static void test_kernel_refuses(void **state)
{
	static int (*const children[])(void) = { refuses_runs, refuses_trial, has_no_uso,
						 has_nothing };

	enter_namespace();
	if (access("/dev/net/tun", R_OK | W_OK) < 0)
		skip();
	for (unsigned i = 0; i < ARRAY_SIZE(children); i++)
		assert_int_equal(in_child(children[i]), 0);
}

/* ---- what a device could give: a socket stands for it ---- */

static void device_open(struct loop *l, int *other)
{
	int ends[2];

	*l = (struct loop){ .t = { .vnet = true } };
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends), 0);
	l->t.fd = ends[0];
	*other = ends[1];
	intake_init(l);
}

static void device_close(struct loop *l, int other)
{
	close(l->t.fd);
	close(other);
}

static void put(int other, const struct vnet *vnet, struct slice packet)
{
	static uint8_t bytes[sizeof(*vnet) + WIRE_MAX];

	memcpy(bytes, vnet, sizeof(*vnet));
	memcpy(bytes + sizeof(*vnet), packet.p, packet.n);
	assert_int_equal(write(other, bytes, sizeof(*vnet) + packet.n), sizeof(*vnet) + packet.n);
}

static const struct wire tcp = {
	.tcp = true,
	.ttl = 64,
	.fragment = 0x4000,
	.src = 0x0a090001,
	.dst = 0x0a080001,
	.sport = 1000,
	.dport = 2000,
	.sequence = 1,
	.flags = WIRE_ACK | WIRE_PSH,
};

#define SIZE 300
#define REST 73

static uint8_t payload[(BATCH_MAX + REST) * SIZE - 100], super[WIRE_MAX], segment[WIRE_MAX];

/* The packets of the batch are these segments. */
static void expect_segments(unsigned first, unsigned n)
{
	assert_int_equal(batch.n, n);
	for (unsigned i = 0; i < n; i++) {
		uint32_t len = wire_segment(&tcp, SLICE_OF(payload), SIZE, first + i, segment);

		assert_true(slice_eq(pkt_slice(&batch.pkts[i]), slice(segment, len)));
		assert_int_equal(batch.pkts[i].follows, i > 0);
		assert_true(pkt_headroom(&batch.pkts[i]) == 64);
		assert_true(pkt_tailroom(&batch.pkts[i]) >= 64);
	}
}

/* Two batches: the first one full, and a packet alone behind the rest. */
static void test_more_than_a_batch(void **state)
{
	struct loop l;
	struct vnet vnet, none = { 0 };
	uint32_t len, small;
	int other;

	device_open(&l, &other);
	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = pattern(i);
	small = wire_build(&tcp, slice(payload, 10), segment);
	len = wire_super(&tcp, SLICE_OF(payload), SIZE, super, &vnet);
	for (unsigned i = 0; i < 3; i++) {
		put(other, &vnet, slice(super, len));
		small = wire_build(&tcp, slice(payload, 10), segment);
		put(other, &none, slice(segment, small));
		batch_reset(&batch);
		assert_int_equal(tun_read(&l.t, &l.intake, &batch, 64, 64), BATCH_MAX);
		assert_true(tun_intake_waits(&l.intake));
		expect_segments(0, BATCH_MAX);
		batch_reset(&batch);
		assert_int_equal(tun_read(&l.t, &l.intake, &batch, 64, 64), REST + 1);
		assert_false(tun_intake_waits(&l.intake));
		small = wire_build(&tcp, slice(payload, 10), segment);
		assert_true(slice_eq(pkt_slice(&batch.pkts[REST]), slice(segment, small)));
		assert_false(batch.pkts[REST].follows);
		batch_keep(&batch, REST);
		expect_segments(BATCH_MAX, REST);
	}
	batch_reset(&batch);
	assert_int_equal(tun_read(&l.t, &l.intake, &batch, 64, 64), 0);
	device_close(&l, other);
}

/* What cannot be cut is counted, and what comes behind it is read. */
static void test_malformed(void **state)
{
	static const struct {
		struct vnet vnet;
		enum drop why;
	} rows[] = {
		{ { .gso_type = 3, .gso_size = 500 }, DROP_VNET_TYPE },
		{ { .flags = 1, .gso_type = VNET_GSO_TCPV4 }, DROP_VNET_SIZE },
		{ { .flags = 1, .csum_start = 9000 }, DROP_VNET_CSUM },
	};
	struct vnet none = { 0 };
	struct loop l;
	uint32_t small;
	int other;

	device_open(&l, &other);
	small = wire_build(&tcp, slice(payload, 10), segment);
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		put(other, &rows[i].vnet, slice(segment, small));
		put(other, &none, slice(segment, small));
		batch_reset(&batch);
		assert_int_equal(tun_read(&l.t, &l.intake, &batch, 64, 64), 1);
		assert_true(slice_eq(pkt_slice(&batch.pkts[0]), slice(segment, small)));
		assert_int_equal(drop_read(&l.drops, rows[i].why), 1);
	}
	assert_int_equal(write(other, "short", 5), 5);
	put(other, &none, slice(segment, small));
	batch_reset(&batch);
	assert_int_equal(tun_read(&l.t, &l.intake, &batch, 64, 64), 0);
	assert_int_equal(tun_read(&l.t, &l.intake, &batch, 64, 64), 1);
	device_close(&l, other);
	batch_reset(&batch);
	assert_int_equal(tun_read(&l.t, &l.intake, &batch, 64, 64), ERR_SYSTEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_one_piece),
		cmocka_unit_test(test_without),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_kernel_refuses),
		cmocka_unit_test(test_more_than_a_batch),
		cmocka_unit_test(test_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
