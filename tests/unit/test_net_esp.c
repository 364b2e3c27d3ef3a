/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/net.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/socket.h>

#include "base/err.h"
#include "net_parts.h"

static void open_esp(struct net_socket *s)
{
	assert_int_equal(net_esp_open(s, 0), 0);
	net_esp_listen(s);
}

static struct path path_to(const char *remote, const char *local)
{
	/* IKE's port, which is of no account here. */
	struct path p = { .remote.port = 500, .encapsulation = ENCAPSULATION_ESP };

	assert_true(addr_parse(remote, &p.remote.addr));
	assert_true(addr_parse(local, &p.local.addr));
	return p;
}

static void fill(struct batch *out, const struct path *path, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct pkt *p = batch_take(out, 16, 100 + i, 16);

		assert_non_null(p);
		memset(pkt_data(p), (int)out->n, p->len);
		p->path = path;
		p->ecn = (uint8_t)(i & 3);
	}
}

static void narrow_loopback(uint32_t mtu)
{
	struct tun_netlink n;

	assert_int_equal(tun_netlink_open(&n), 0);
	assert_int_equal(tun_link_mtu(&n, "lo", mtu), 0);
	tun_netlink_close(&n);
}

/* Two ends on one host: both sockets have whatever comes. */
static void both_families(bool whole)
{
	static uint8_t send_arena[64 * 1024];
	static struct batch out;
	struct path path4 = path_to("127.0.0.1", "127.0.0.3"), path6 = path_to("::1", "::1");
	struct net_socket a, b;

	enter_namespace();
	assert_int_equal(net_esp_open(&a, 0x6777), 0);
	net_esp_listen(&a);
	if (whole)
		assert_int_equal(net_socket_keep_whole(&a), 0);
	open_esp(&b);
	assert_int_equal(a.port, 0);
	batch_init(&out, send_arena, sizeof(send_arena));
	fill(&out, &path4, 20);
	fill(&out, &path6, 20);
	assert_int_equal(net_socket_send_batch(&a, out.pkts, out.n), out.n);
	assert_int_equal(a.stats.sent, 40);
	assert_int_equal(a.stats.failed, 0);
	for (unsigned k = 0; k < 2; k++) {
		receive(k ? &a : &b, 40);
		for (unsigned i = 0; i < 40; i++) {
			const struct pkt *got = &batch.pkts[i], *sent = &out.pkts[i];

			assert_true(slice_eq(pkt_slice(got), pkt_slice(sent)));
			assert_int_equal(got->ecn, sent->ecn);
			assert_true(addr_eq(&got->from.addr, &sent->path->local.addr));
			assert_true(addr_eq(&got->to.addr, &sent->path->remote.addr));
			assert_int_equal(got->from.port, 0);
			assert_int_equal(got->to.port, 0);
		}
	}
	net_socket_close(&a);
	net_socket_close(&b);
	assert_int_equal(a.fd4, -1);
	net_socket_close(&a);
}

static void test_both_families(void **state)
{
	both_families(false);
	both_families(true);
}

/* A socket that gives the headers of what it receives. */
static int open_headers(void)
{
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ESP);

	assert_true(fd >= 0);
	return fd;
}

/* In a namespace of its own; headers that are ours bear another TTL. What gives the headers of it all. */
static int open_whole(struct net_socket *s)
{
	enter_namespace();
	open_esp(s);
	assert_int_equal(net_socket_keep_whole(s), 0);
	assert_int_equal(s->ttl, IPDEFTTL);
	s->ttl = 77;
	return open_headers();
}

static struct iphdr next_header(int fd, unsigned size)
{
	uint8_t bytes[4096];
	struct iphdr h;

	assert_int_equal(recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT), sizeof(h) + size);
	memcpy(&h, bytes, sizeof(h));
	return h;
}

/* Ours are as the kernel's. What is to go without DF, and what is too large, has the kernel's. */
static void test_headers(void **state)
{
	static const struct {
		uint32_t size;
		bool may_fragment, ours, fails;
	} t[] = {
		{ .size = 100 },
		{ .size = 1180, .ours = true },
		{ .size = 10, .ours = true },
		{ .size = 0, .ours = true },
		{ .size = 1181, .fails = true },
		{ .size = 101 },
		{ .size = 102, .ours = true },
		{ .size = 103, .ours = true },
		{ .size = 104, .ours = true },
		{ .size = 105, .may_fragment = true },
		{ .size = 1700, .may_fragment = true },
		{ .size = 106, .ours = true },
	};
	struct path path = path_to("127.0.0.1", "127.0.0.3");
	struct pkt pkts[ARRAY_SIZE(t)];
	static uint8_t bytes[4096];
	struct net_socket s;
	int fd;

	fd = open_whole(&s);
	narrow_loopback(1200);
	for (unsigned i = 0; i < ARRAY_SIZE(t); i++)
		pkts[i] = (struct pkt){
			.base = bytes,
			.size = sizeof(bytes),
			.len = t[i].size,
			.path = &path,
			.ecn = i & 3,
			.may_fragment = t[i].may_fragment,
		};
	assert_int_equal(net_socket_send_batch(&s, pkts, ARRAY_SIZE(t)), ARRAY_SIZE(t));
	for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
		struct iphdr h;

		if (t[i].fails)
			continue;
		h = next_header(fd, t[i].size);
		assert_int_equal(h.tos, i & 3);
		assert_int_equal(h.ttl, t[i].ours ? 77 : IPDEFTTL);
		assert_int_equal(ntohs(h.frag_off), t[i].may_fragment ? 0 : IP_DF);
		assert_int_equal(ntohl(h.saddr), 0x7f000003);
		assert_int_equal(ntohl(h.daddr), INADDR_LOOPBACK);
	}
	assert_int_equal(s.stats.sent, ARRAY_SIZE(t) - 1);
	assert_int_equal(s.stats.failed, 1);
	assert_int_equal(s.stats.too_big, 1);
	assert_int_equal(recv(s.fd_headed, bytes, sizeof(bytes), MSG_DONTWAIT), -1);
	close(fd);
	net_socket_close(&s);
	assert_int_equal(s.fd_headed, -1);
}

/* Who has an address no more does not send from it. */
static void test_source_is_ours(void **state)
{
	struct path ours = path_to("127.0.0.1", "127.0.0.3"),
		    lost = path_to("127.0.0.1", "198.51.100.1");
	struct path none = path_to("127.0.0.1", "0.0.0.0");
	static uint8_t send_arena[64 * 1024];
	static struct batch out;
	struct net_socket s;
	int fd;

	fd = open_whole(&s);
	batch_init(&out, send_arena, sizeof(send_arena));
	fill(&out, &lost, 20);
	assert_int_equal(net_socket_send_batch(&s, out.pkts, out.n), 20);
	assert_int_equal(s.stats.failed, 20);
	fill(&out, &ours, 10);
	fill(&out, &lost, 10);
	fill(&out, &none, 10);
	assert_int_equal(net_socket_send_batch(&s, out.pkts + 20, 30), 30);
	assert_int_equal(s.stats.failed, 30);
	assert_int_equal(s.stats.sent, 20);
	for (unsigned i = 0; i < 20; i++) {
		struct iphdr h = next_header(fd, 100 + i % 10);

		assert_int_equal(ntohl(h.saddr), i < 10 ? 0x7f000003 : INADDR_LOOPBACK);
		assert_int_equal(h.ttl, i > 0 && i < 10 ? 77 : IPDEFTTL);
	}
	close(fd);
	net_socket_close(&s);
}

/* What does not go with a header of ours goes without. */
static void test_no_headers(void **state)
{
	struct path path = path_to("127.0.0.1", "127.0.0.3");
	static uint8_t send_arena[64 * 1024];
	static struct batch out;
	struct net_socket s;
	int fd;

	fd = open_whole(&s);
	close(s.fd_headed);
	s.fd_headed = open("/dev/null", O_WRONLY | O_CLOEXEC);
	batch_init(&out, send_arena, sizeof(send_arena));
	fill(&out, &path, 20);
	assert_int_equal(net_socket_send_batch(&s, out.pkts, 20), 20);
	assert_int_equal(s.stats.sent, 20);
	assert_int_equal(s.stats.failed, 0);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(next_header(fd, 100 + i).ttl, IPDEFTTL);
	close(fd);
	net_socket_close(&s);
}

/* A stream whose other end does not read: it takes any destination, and has no room. */
static int open_full(int *far)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	static const uint8_t bytes[65536];
	socklen_t n = sizeof(a);

	*far = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(*far, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(*far, 1), 0);
	assert_int_equal(getsockname(*far, (struct sockaddr *)&a, &n), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	while (send(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	assert_int_equal(errno, EAGAIN);
	return fd;
}

/* Who waits for room waits at the socket that has none. */
static void test_full(void **state)
{
	struct path path = path_to("127.0.0.1", "127.0.0.3");
	static uint8_t send_arena[64 * 1024];
	static struct batch out;
	struct net_socket s;
	int fd, far;

	fd = open_whole(&s);
	close(s.fd_headed);
	s.fd_headed = open_full(&far);
	batch_init(&out, send_arena, sizeof(send_arena));
	fill(&out, &path, 20);
	assert_int_equal(net_socket_send_batch(&s, out.pkts, 20), 1);
	assert_int_equal(s.full, s.fd_headed);
	close(s.fd4);
	close(fd);
	s.fd4 = open_full(&fd);
	assert_int_equal(net_socket_send_batch(&s, out.pkts, 20), 0);
	assert_int_equal(s.full, s.fd4);
	close(far);
	close(fd);
	net_socket_close(&s);
}

/* With options in it the IPv4 header is longer. */
static void test_ip_options(void **state)
{
	static const uint8_t nops[8] = { 1, 1, 1, 1, 1, 1, 1, 0 };
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct net_socket s;
	int fd;

	enter_namespace();
	open_esp(&s);
	fd = socket(AF_INET, SOCK_RAW, IPPROTO_ESP);
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_OPTIONS, nops, sizeof(nops)), 0);
	assert_int_equal(sendto(fd, "packet", 6, 0, (struct sockaddr *)&to, sizeof(to)), 6);
	/* A packet of nothing is one, too. */
	assert_int_equal(sendto(fd, "", 0, 0, (struct sockaddr *)&to, sizeof(to)), 0);
	receive(&s, 2);
	assert_true(slice_eq(pkt_slice(&batch.pkts[0]), SLICE_STR("packet")));
	assert_int_equal(batch.pkts[1].len, 0);
	close(fd);
	net_socket_close(&s);
}

static int open_as_nobody(void)
{
	struct net_socket s;
	int rc;

	if (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0)
		return 1;
	rc = net_esp_open(&s, 0);
	return s.fd4 == -1 && s.fd6 == -1 ? rc : 2;
}

static void test_no_privilege(void **state)
{
	enter_namespace();
	assert_int_equal(in_child(open_as_nobody), ERR_PERMISSION);
}

/* Sends one packet and tells whether it went. */
static bool send_one(struct net_socket *s, const struct path *path, uint32_t size,
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
	uint64_t sent = s->stats.sent;

	assert_int_equal(net_socket_send_batch(s, &p, 1), 1);
	return s->stats.sent > sent;
}

static void whole_or_not(const struct path *path, uint32_t fits)
{
	struct net_socket s;

	open_esp(&s);
	assert_true(send_one(&s, path, 2000, false));
	assert_int_equal(net_socket_keep_whole(&s), 0);
	assert_true(send_one(&s, path, fits, false));
	assert_false(send_one(&s, path, fits + 1, false));
	assert_true(send_one(&s, path, 2000, true));
	/* That leaves no door open. */
	assert_false(send_one(&s, path, fits + 1, false));
	assert_int_equal(s.stats.too_big, 2);
	assert_int_equal(s.stats.failed, 2);
	receive(&s, 3);
	net_socket_close(&s);
}

static void test_whole(void **state)
{
	struct path path4 = path_to("127.0.0.1", "127.0.0.1"), path6 = path_to("::1", "::1");

	enter_namespace();
	narrow_loopback(1300);
	whole_or_not(&path4, 1300 - 20);
	whole_or_not(&path6, 1300 - 40);
}

/* Nothing is kept for one that has no use for it; two such do not disturb each other. */
static void test_deaf(void **state)
{
	struct path path4 = path_to("127.0.0.1", "127.0.0.1"), path6 = path_to("::1", "::1");
	struct net_socket a, b;

	enter_namespace();
	assert_int_equal(net_esp_open(&a, 0), 0);
	open_esp(&b);
	assert_true(send_one(&a, &path4, 100, false));
	assert_true(send_one(&a, &path6, 100, false));
	receive(&b, 2);
	receive_nothing();
	assert_int_equal(receive_more(&a), 0);
	net_esp_listen(&a);
	net_esp_listen(&a);
	assert_true(send_one(&b, &path4, 101, false));
	assert_true(send_one(&b, &path6, 101, false));
	receive(&a, 2);
	assert_int_equal(batch.pkts[0].len, 101);
	assert_int_equal(batch.pkts[1].len, 101);
	net_socket_close(&a);
	net_socket_close(&b);
	net_esp_listen(&a);
}

static void test_not_open(void **state)
{
	struct path path = path_to("127.0.0.1", "127.0.0.1");
	struct net_socket s = NET_SOCKET_NONE;

	receive_nothing();
	assert_int_equal(receive_more(&s), 0);
	assert_false(send_one(&s, &path, 100, false));
	assert_int_equal(s.stats.failed, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_families),  cmocka_unit_test(test_headers),
		cmocka_unit_test(test_source_is_ours), cmocka_unit_test(test_no_headers),
		cmocka_unit_test(test_full),	       cmocka_unit_test(test_ip_options),
		cmocka_unit_test(test_no_privilege),   cmocka_unit_test(test_whole),
		cmocka_unit_test(test_deaf),	       cmocka_unit_test(test_not_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
