/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's filter against packets that come in by another device than the TUN: "up0" is a TUN, too,
 * whose other end is this test. A packet is refused when the counter says so, and delivered when a socket
 * has it.
 */
#include "tun/filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/err.h"
#include "namespace.h"
#include "packet/packet.h"

#define PORT 7000 /* somebody listens there */
#define PORT_MARKED 7001 /* and a socket of another connection there */
#define PORT_OURS 4500
#define HEADER4 20
#define HEADER6 40

#define OUTER4 "198.51.100.2"
#define OUTER6 "2001:db8::2"
#define INNER4 "10.9.0.1"
#define INNER6 "fd00::1"

struct host {
	struct tun_netlink n;
	struct tun up;
	struct tun tun;
	struct tun other; /* of another connection */
	struct tun_filter f;
	struct addr inner[2];
	struct policy policy;
	struct tun_filter_setup setup;
	int listener;
	int marked;
	int ours;
	uint64_t refused;
};

static void add(struct host *h, const char *line)
{
	struct tun_state s;

	assert_int_equal(tun_state_parse(line, &s), 0);
	assert_int_equal(tun_state_add(&h->n, &s), 0);
}

static int listen_at(uint16_t port)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), no = 0;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static struct addr addr_of(const char *text)
{
	struct addr a;

	assert_true(addr_parse(text, &a));
	return a;
}

/* ---- packets ---- */

struct packet {
	const char *src, *dst;
	uint8_t proto;
	uint16_t sport, dport; /* of ICMP: type and code; what it quotes is `quotes` */
	const char *quotes; /* source of the packet that an ICMP error tells of */
	uint16_t fragment; /* its offset, in units of 8 bytes */
};

#define UDP(s, d, sp, dp)                                                                          \
	(&(struct packet){ .src = (s), .dst = (d), .proto = 17, .sport = (sp), .dport = (dp) })

static size_t put_ip4(uint8_t *p, const struct packet *w, const struct addr *src,
		      const struct addr *dst, size_t payload)
{
	memset(p, 0, HEADER4);
	p[0] = 0x45;
	put_be16(p + 2, (uint16_t)(HEADER4 + payload));
	put_be16(p + 4, 77);
	put_be16(p + 6, w->fragment);
	p[8] = 64;
	p[9] = w->proto;
	memcpy(p + 12, src->b, 4);
	memcpy(p + 16, dst->b, 4);
	put_be16(p + 10, packet_checksum(slice(p, HEADER4)));
	return HEADER4;
}

static size_t put_ip6(uint8_t *p, const struct packet *w, const struct addr *src,
		      const struct addr *dst, size_t payload)
{
	size_t more = w->fragment ? 8 : 0;

	memset(p, 0, HEADER6 + more);
	p[0] = 0x60;
	put_be16(p + 4, (uint16_t)(payload + more));
	p[6] = more ? 44 : w->proto;
	p[7] = 255;
	memcpy(p + 8, src->b, 16);
	memcpy(p + 24, dst->b, 16);
	if (more) {
		p[HEADER6] = w->proto;
		put_be16(p + HEADER6 + 2, (uint16_t)(w->fragment << 3));
		put_be16(p + HEADER6 + 6, 77);
	}
	return HEADER6 + more;
}

/* What comes behind the IP header: 32 bytes at least. */
static size_t put_upper(uint8_t *p, const struct packet *w, const struct addr *src,
			const struct addr *dst)
{
	bool icmp = w->proto == 1 || w->proto == 58;
	size_t n = icmp ? 60 : 32;
	struct addr quoted;
	uint64_t sum = w->proto == 1 ? 0 : packet_sum_pseudo(0, src, dst, w->proto, (uint32_t)n);

	memset(p, 0, n);
	put_be16(p, w->sport);
	if (!icmp)
		put_be16(p + 2, w->dport);
	if (w->proto == 17)
		put_be16(p + 4, (uint16_t)n);
	if (w->proto == 6)
		p[12] = 0x50, p[13] = 0x02;
	if (w->quotes) {
		quoted = addr_of(w->quotes);
		p[8] = quoted.family == FAMILY_IP6 ? 0x60 : 0x45;
		memcpy(p + 8 + (quoted.family == FAMILY_IP6 ? 8 : 12), quoted.b,
		       family_size(quoted.family));
	}
	sum = packet_sum_add(sum, slice(p, n));
	put_be16(p + (icmp ? 2 : w->proto == 6 ? 16 : 6), packet_sum_finish(sum));
	return n;
}

static void inject(const struct tun *t, const struct packet *w)
{
	const struct addr src = addr_of(w->src), dst = addr_of(w->dst);
	uint8_t upper[64], ip[160];
	size_t n = put_upper(upper, w, &src, &dst), at;

	at = src.family == FAMILY_IP6 ? put_ip6(ip, w, &src, &dst, n) :
					put_ip4(ip, w, &src, &dst, n);
	memcpy(ip + at, upper, n);
	assert_int_equal(tun_write(t, slice(ip, at + n)), 0);
}

static bool has(int fd)
{
	char byte;
	bool any = false;

	while (recv(fd, &byte, 1, 0) >= 0)
		any = true;
	return any;
}

/* The kernel begins to know an IPv6 address for its own some time after it was added. */
static void wait_for_address(struct host *h, const char *text)
{
	bool there = false;

	for (unsigned i = 0; i < 500 && !there; i++) {
		inject(&h->up, UDP("2001:db8::9", text, 9, PORT));
		usleep(i ? 10000 : 0);
		there = has(h->listener);
	}
	assert_true(there);
}

/* ---- the host ---- */

/* The kernel takes packets one after the other there. */
static void stay_on_one_processor(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((unsigned)sched_getcpu(), &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
}

static void host_open(struct host *h, bool owned)
{
	uint32_t mark = TUN_FWMARK + 7;
	int rc;

	*h = (struct host){ .n = { 0 } };
	enter_namespace();
	stay_on_one_processor();
	assert_int_equal(tun_netlink_open(&h->n), 0);
	open_device(&h->up, &h->n, "up0");
	open_device(&h->tun, &h->n, "godwit0");
	open_device(&h->other, &h->n, "godwit1");
	assert_int_equal(tun_link_join(&h->n, "godwit1"), 0);
	add(h, "address to " OUTER4 "/24 dev up0");
	add(h, "address to " OUTER6 "/64 dev up0");
	add(h, "address to " INNER4 "/32 dev godwit0");
	add(h, "address to " INNER6 "/128 dev godwit0");
	add(h, "route action unicast to 0.0.0.0/0 dev up0 table 254");
	add(h, "route action unicast to ::/0 dev up0 table 254");
	h->listener = listen_at(PORT);
	h->marked = listen_at(PORT_MARKED);
	h->ours = listen_at(PORT_OURS);
	assert_int_equal(setsockopt(h->marked, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)), 0);
	rc = tun_filter_open(&h->f, "godwit0", h->tun.ifindex, owned);
	if (rc == ERR_UNSUPPORTED) {
		print_message("skipped: no nf_tables\n");
		skip();
	}
	assert_int_equal(rc, 0);
	h->inner[0] = addr_of(INNER4);
	h->inner[1] = addr_of(INNER6);
	h->setup = (struct tun_filter_setup){
		.ports = { PORT_OURS },
		.inner = h->inner,
		.n_inner = 2,
		.policy = &h->policy,
	};
	wait_for_address(h, OUTER6);
	wait_for_address(h, INNER6);
}

static void host_close(struct host *h)
{
	tun_filter_close(&h->f);
	close(h->listener);
	close(h->marked);
	close(h->ours);
	tun_close(&h->other);
	tun_close(&h->tun);
	tun_close(&h->up);
	tun_netlink_close(&h->n);
}

static struct ts ts_of(const char *prefix, uint8_t proto, uint16_t lo, uint16_t hi)
{
	struct prefix p;
	struct ts t;

	assert_true(prefix_parse(prefix, &p));
	t = ts_from_prefix(&p);
	t.proto = proto;
	t.port_lo = lo;
	t.port_hi = hi;
	return t;
}

static void rule(struct host *h, enum policy_action action, const char *local, const char *remote,
		 uint8_t proto, uint16_t port)
{
	struct policy_rule r = { .action = action };

	r.ts.local = ts_of(local, proto, 0, UINT16_MAX);
	r.ts.remote = ts_of(remote, proto, port, port ? port : UINT16_MAX);
	assert_true(policy_add(&h->policy, &r));
}

static void apply(struct host *h)
{
	assert_int_equal(tun_filter_set(&h->f, &h->setup), 0);
}

/* True when it was refused, which takes that the counter has gone on by just one. */
static bool is_refused(struct host *h, const struct tun *t, const struct packet *w)
{
	struct pollfd p = { .fd = h->ours, .events = POLLIN };
	uint64_t before = h->refused;

	inject(t, w);
	/* The kernel may take them later. This one always comes in. */
	has(h->ours);
	inject(&h->up, UDP("203.0.113.1", OUTER4, 1, PORT_OURS));
	assert_int_equal(poll(&p, 1, 5000), 1);
	h->refused = tun_filter_refused(&h->f);
	assert_in_range(h->refused - before, 0, 1);
	return h->refused > before;
}

static void expect_refused(struct host *h, const struct packet *w)
{
	if (!is_refused(h, &h->up, w) || has(h->listener))
		fail_msg("%s -> %s %u %u-%u: not refused", w->src, w->dst, w->proto, w->sport,
			 w->dport);
}

static void expect_passed(struct host *h, const struct tun *t, const struct packet *w)
{
	if (is_refused(h, t, w))
		fail_msg("%s -> %s %u %u-%u: refused", w->src, w->dst, w->proto, w->sport,
			 w->dport);
}

/* To a socket that is there. */
static void expect_delivered(struct host *h, const struct tun *t, const struct packet *w)
{
	expect_passed(h, t, w);
	if (!has(h->listener))
		fail_msg("%s -> %s: not delivered", w->src, w->dst);
}

/* ---- tests ---- */

static void test_nothing_set(void **state)
{
	struct host h;

	host_open(&h, true);
	expect_delivered(&h, &h.up, UDP("192.0.2.9", INNER4, 9, PORT));
	expect_delivered(&h, &h.up, UDP("2001:db8:9::9", OUTER6, 9, PORT));
	host_close(&h);
}

/* 304, 316, 320 */
static void test_inner_address(void **state)
{
	struct host h;

	host_open(&h, true);
	h.setup.policy = NULL;
	apply(&h);
	expect_refused(&h, UDP("192.0.2.9", INNER4, 9, PORT));
	expect_refused(&h, UDP("2001:db8:9::9", INNER6, 9, PORT));
	expect_refused(&h, UDP("fe80::9", INNER6, 9, PORT));
	expect_refused(&h, UDP("192.0.2.9", INNER4, 9, PORT_OURS));
	expect_refused(&h, UDP("192.0.2.9", INNER4, 67, 68));
	expect_refused(&h, &(struct packet){ "192.0.2.9", INNER4, 50, 9, 9, NULL, 0 });
	expect_refused(&h, &(struct packet){ "192.0.2.9", INNER4, 17, 9, 9, NULL, 4 });
	expect_refused(&h, &(struct packet){ "2001:db8:9::9", INNER6, 17, 9, 9, NULL, 4 });
	expect_refused(&h, &(struct packet){ "2001:db8::9", INNER6, 58, 0x8700, 0, NULL, 0 });
	expect_delivered(&h, &h.tun, UDP("192.0.2.9", INNER4, 9, PORT));
	expect_delivered(&h, &h.tun, UDP("2001:db8:9::9", INNER6, 9, PORT));
	expect_delivered(&h, &h.other, UDP("192.0.2.9", INNER4, 9, PORT));
	expect_delivered(&h, &h.up, UDP("192.0.2.9", OUTER4, 9, PORT));
	expect_delivered(&h, &h.up, UDP("2001:db8:9::9", OUTER6, 9, PORT));
	host_close(&h);
}

/* 304, 316, 320 */
static void test_protected_remote(void **state)
{
	struct host h;

	host_open(&h, true);
	rule(&h, POLICY_PROTECT, INNER4 "/32", "10.80.0.0/16", 0, 0);
	rule(&h, POLICY_PROTECT, INNER6 "/128", "fd80::/33", 0, 0);
	apply(&h);
	expect_refused(&h, UDP("10.80.0.0", OUTER4, 9, PORT));
	expect_refused(&h, UDP("10.80.255.255", OUTER4, 9, PORT));
	expect_refused(&h, UDP("10.80.1.2", INNER4, 9, PORT));
	expect_refused(&h, UDP("fd80::2", OUTER6, 9, PORT));
	expect_refused(&h, UDP("fd80::2", INNER6, 9, PORT));
	expect_refused(&h, &(struct packet){ "10.80.1.2", OUTER4, 6, 9, PORT, NULL, 0 });
	expect_refused(&h, &(struct packet){ "fd80::2", OUTER6, 6, 9, PORT, NULL, 0 });
	expect_delivered(&h, &h.up, UDP("10.79.255.255", OUTER4, 9, PORT));
	expect_delivered(&h, &h.up, UDP("10.81.0.0", OUTER4, 9, PORT));
	expect_delivered(&h, &h.up, UDP("fd80:0:8000::2", OUTER6, 9, PORT));
	/* Somebody else's, on their way through. */
	expect_passed(&h, &h.up, UDP("10.80.1.2", "203.0.113.9", 9, PORT));
	host_close(&h);
}

/* 304, 316, 318: from whom a rule before it accepts clear packets they come in, to whatever address. */
static void test_bypass(void **state)
{
	struct host h;

	host_open(&h, true);
	rule(&h, POLICY_BYPASS, "0.0.0.0/0", "10.80.7.0/24", 0, 0);
	rule(&h, POLICY_BYPASS, "::/0", "fd80::7/128", 0, 0);
	rule(&h, POLICY_PROTECT, INNER4 "/32", "10.80.0.0/16", 0, 0);
	rule(&h, POLICY_PROTECT, INNER6 "/128", "fd80::/16", 0, 0);
	rule(&h, POLICY_BYPASS, "0.0.0.0/0", "10.80.0.0/16", 0, 0);
	rule(&h, POLICY_BYPASS, "::/0", "2001:db8:7::/64", 0, 0);
	apply(&h);
	expect_delivered(&h, &h.up, UDP("10.80.7.2", OUTER4, 9, PORT));
	expect_delivered(&h, &h.up, UDP("10.80.7.2", INNER4, 9, PORT));
	expect_delivered(&h, &h.up, UDP("fd80::7", OUTER6, 9, PORT));
	expect_delivered(&h, &h.up, UDP("fd80::7", INNER6, 9, PORT));
	expect_delivered(&h, &h.up, UDP("2001:db8:7::7", INNER6, 9, PORT));
	/* The first rule decides. */
	expect_refused(&h, UDP("10.80.8.2", OUTER4, 9, PORT));
	expect_refused(&h, UDP("fd80::8", OUTER6, 9, PORT));
	expect_refused(&h, UDP("2001:db8:8::8", INNER6, 9, PORT));
	host_close(&h);
}

/* The ports of a rule are those of the other side: what it answers from. */
static void test_ports(void **state)
{
	struct host h;

	host_open(&h, true);
	rule(&h, POLICY_BYPASS, "0.0.0.0/0", "0.0.0.0/0", 17, 53);
	rule(&h, POLICY_DISCARD, "0.0.0.0/0", "192.0.2.0/24", 17, 25);
	rule(&h, POLICY_PROTECT, INNER4 "/32", "0.0.0.0/0", 17, 443);
	apply(&h);
	expect_delivered(&h, &h.up, UDP("192.0.2.9", OUTER4, 53, PORT));
	expect_refused(&h, UDP("192.0.2.9", OUTER4, 443, PORT));
	expect_refused(&h, UDP("192.0.2.9", OUTER4, 25, PORT));
	expect_delivered(&h, &h.up, UDP("203.0.113.9", OUTER4, 25, PORT));
	expect_delivered(&h, &h.up, UDP("192.0.2.9", OUTER4, 9, PORT));
	expect_refused(&h, UDP("192.0.2.9", INNER4, 9, PORT));
	expect_passed(&h, &h.up, &(struct packet){ "192.0.2.9", OUTER4, 6, 443, PORT, NULL, 0 });
	/* Without its first fragment it is nothing, but among those of the tunnel it would be. */
	expect_passed(&h, &h.up, &(struct packet){ "192.0.2.9", OUTER4, 17, 0, 0, NULL, 4 });
	expect_refused(&h, &(struct packet){ "192.0.2.9", INNER4, 17, 0, 0, NULL, 4 });
	host_close(&h);
}

/* Everything is protected, and the tunnel itself and the link live on. */
static void test_full_tunnel(void **state)
{
	struct host h;

	host_open(&h, true);
	rule(&h, POLICY_PROTECT, INNER4 "/32", "0.0.0.0/0", 0, 0);
	rule(&h, POLICY_PROTECT, INNER6 "/128", "::/0", 0, 0);
	apply(&h);
	expect_refused(&h, UDP("192.0.2.9", OUTER4, PORT_OURS, PORT));
	expect_refused(&h, UDP("2001:db8:9::9", OUTER6, PORT_OURS, PORT));
	expect_passed(&h, &h.up, UDP("192.0.2.9", OUTER4, PORT_OURS, PORT_OURS));
	expect_passed(&h, &h.up, UDP("2001:db8:9::9", OUTER6, 9, PORT_OURS));
	expect_passed(&h, &h.up, UDP("192.0.2.9", OUTER4, 9, PORT_MARKED));
	assert_true(has(h.marked));
	expect_passed(&h, &h.up, UDP("2001:db8:9::9", OUTER6, 9, PORT_MARKED));
	assert_true(has(h.marked));
	expect_passed(&h, &h.up, &(struct packet){ "192.0.2.9", OUTER4, 50, 9, 9, NULL, 0 });
	expect_passed(&h, &h.up, UDP("192.0.2.1", OUTER4, 67, 68));
	expect_passed(&h, &h.up, UDP("fe80::9", OUTER6, 547, 546));
	expect_passed(&h, &h.up, UDP("192.0.2.1", "255.255.255.255", 9, PORT));
	expect_passed(&h, &h.up, UDP("192.0.2.1", "224.0.0.251", 5353, 5353));
	expect_passed(&h, &h.up, UDP("2001:db8::9", "ff02::fb", 5353, 5353));
	has(h.listener);
	/* Fragments of IKE. */
	expect_passed(&h, &h.up, &(struct packet){ "192.0.2.9", OUTER4, 17, 9, 9, NULL, 4 });
	expect_passed(&h, &h.up, &(struct packet){ "2001:db8:9::9", OUTER6, 17, 9, 9, NULL, 4 });
	/* An echo request, and solicitations. */
	expect_refused(&h, &(struct packet){ "192.0.2.9", OUTER4, 1, 0x0800, 0, NULL, 0 });
	expect_refused(&h, &(struct packet){ "2001:db8::9", OUTER6, 58, 0x8000, 0, NULL, 0 });
	expect_passed(&h, &h.up, &(struct packet){ "2001:db8::9", OUTER6, 58, 0x8700, 0, NULL, 0 });
	host_close(&h);
}

/* An error is judged by what it quotes: of the tunnel nothing was ever in the clear. */
static void test_errors(void **state)
{
	struct host h;
	static const struct {
		const char *src, *dst;
		uint8_t proto;
		uint16_t type;
		const char *outer, *inner;
	} errors[] = {
		{ "192.0.2.9", OUTER4, 1, 0x0304, OUTER4, INNER4 },
		{ "192.0.2.9", OUTER4, 1, 0x0501, OUTER4, INNER4 },
		{ "192.0.2.9", OUTER4, 1, 0x0b00, OUTER4, INNER4 },
		{ "2001:db8:9::9", OUTER6, 58, 0x0200, OUTER6, INNER6 },
	};

	host_open(&h, true);
	rule(&h, POLICY_PROTECT, INNER4 "/32", "0.0.0.0/0", 0, 0);
	rule(&h, POLICY_PROTECT, INNER6 "/128", "::/0", 0, 0);
	apply(&h);
	for (unsigned i = 0; i < ARRAY_SIZE(errors); i++) {
		struct packet w = { .src = errors[i].src,
				    .dst = errors[i].dst,
				    .proto = errors[i].proto,
				    .sport = errors[i].type,
				    .quotes = errors[i].outer };

		expect_passed(&h, &h.up, &w);
		w.quotes = errors[i].inner;
		expect_refused(&h, &w);
	}
	host_close(&h);
}

/* A network of ours behind us: what is forwarded to it is looked at, too; and what a gateway's clients send. */
static void test_through(void **state)
{
	struct host h;

	host_open(&h, true);
	rule(&h, POLICY_PROTECT, "192.168.5.0/24", "10.80.0.0/16", 0, 0);
	apply(&h);
	expect_refused(&h, UDP("10.80.1.2", "192.168.5.9", 9, PORT));
	expect_refused(&h, UDP("10.80.1.2", "192.168.5.9", 9, PORT_OURS));
	expect_passed(&h, &h.up, UDP("10.80.1.2", OUTER4, 9, PORT_OURS));
	expect_passed(&h, &h.up, UDP("10.81.1.2", "192.168.5.9", 9, PORT));
	expect_passed(&h, &h.up, UDP("10.80.1.2", "192.168.6.9", 9, PORT));
	expect_delivered(&h, &h.up, UDP("10.80.1.2", OUTER4, 9, PORT));
	h.policy.n = 0;
	rule(&h, POLICY_PROTECT, "0.0.0.0/0", "10.9.0.0/24", 0, 0);
	rule(&h, POLICY_BYPASS, "0.0.0.0/0", "192.168.5.0/24", 0, 0);
	h.setup.forwards = true;
	apply(&h);
	expect_refused(&h, UDP("10.9.0.7", "192.168.5.9", 9, PORT));
	expect_refused(&h, UDP("10.9.0.7", OUTER4, 9, PORT));
	expect_passed(&h, &h.tun, UDP("10.9.0.7", "192.168.5.9", 9, PORT));
	expect_delivered(&h, &h.up, UDP("192.168.5.9", INNER4, 9, PORT));
	expect_refused(&h, UDP("192.0.2.9", INNER4, 9, PORT));
	expect_delivered(&h, &h.up, UDP("192.0.2.9", OUTER4, 9, PORT));
	host_close(&h);
}

/* Mode Config gives another address, and other networks. */
static void test_change(void **state)
{
	struct host h;

	host_open(&h, true);
	rule(&h, POLICY_PROTECT, INNER4 "/32", "10.80.0.0/16", 0, 0);
	apply(&h);
	expect_refused(&h, UDP("192.0.2.9", INNER4, 9, PORT));
	expect_refused(&h, UDP("10.80.1.2", OUTER4, 9, PORT));
	expect_passed(&h, &h.up, UDP("192.0.2.9", "10.9.0.2", 9, PORT));
	h.inner[0] = addr_of("10.9.0.2");
	h.policy.n = 0;
	rule(&h, POLICY_PROTECT, "10.9.0.2/32", "10.81.0.0/16", 0, 0);
	apply(&h);
	expect_refused(&h, UDP("192.0.2.9", "10.9.0.2", 9, PORT));
	expect_refused(&h, UDP("10.81.1.2", OUTER4, 9, PORT));
	expect_delivered(&h, &h.up, UDP("192.0.2.9", INNER4, 9, PORT));
	expect_delivered(&h, &h.up, UDP("10.80.1.2", OUTER4, 9, PORT));
	assert_int_equal(tun_filter_refused(&h.f), 4);
	host_close(&h);
}

/* ---- at random ---- */

static uint64_t seed;

static unsigned below(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

static const char *const sources[] = { "10.80.0.9", "10.80.5.9", "10.81.0.9", "fd80::9",
				       "fd81::9" };

static struct policy_rule random_rule(void)
{
	static const char *const remotes[] = { "0.0.0.0/0",  "10.80.0.0/16", "10.80.0.0/24",
					       "10.0.0.0/8", "::/0",	     "fd80::/16" };
	static const char *const locals[][3] = { { "0.0.0.0/0", INNER4 "/32", OUTER4 "/32" },
						 { "::/0", INNER6 "/128", OUTER6 "/128" } };
	static const uint8_t protos[] = { 0, 0, 17, 6 };
	unsigned remote = below(ARRAY_SIZE(remotes));
	uint8_t proto = protos[below(ARRAY_SIZE(protos))];
	bool ports = proto && below(2);
	struct policy_rule r = { .action = (enum policy_action)below(3) };

	r.ts.remote = ts_of(remotes[remote], proto, ports ? 50 : 0, ports ? 60 : UINT16_MAX);
	r.ts.local = ts_of(locals[remote >= 4][below(3)], proto, 0, UINT16_MAX);
	/* No prefix, so it is compared as a range. */
	if (remote == 1)
		r.ts.remote.hi.b[2] = 7;
	return r;
}

/* As filter.h has it. */
static bool model(const struct host *h, const struct packet *w)
{
	struct tuple in = { addr_of(w->src), addr_of(w->dst), w->proto, true, w->sport, w->dport };
	const struct addr *inner = &h->inner[in.dst.family == FAMILY_IP6];

	for (unsigned i = 0; i < h->policy.n; i++) {
		struct policy_rule r = h->policy.rules[i];

		if (r.action != POLICY_BYPASS && r.ts.remote.lo.family == in.dst.family &&
		    ts_contains_addr(&r.ts.local, inner))
			r.ts.local.lo = r.ts.local.hi = in.dst;
		if (ts_pair_match_in(&r.ts, &in))
			return r.action != POLICY_BYPASS;
	}
	return addr_eq(&in.dst, inner);
}

static void test_random(void **state)
{
	unsigned refused = 0, passed = 0;
	struct host h;

	host_open(&h, true);
	for (unsigned k = 0; k < 300; k++) {
		struct packet w = { .proto = below(2) ? 17 : 6, .dport = PORT };

		seed = k + 1;
		h.policy.n = 0;
		while (h.policy.n < 1 + k % 6) {
			struct policy_rule r = random_rule();

			policy_add(&h.policy, &r);
		}
		apply(&h);
		for (unsigned i = 0; i < 10; i++) {
			w.src = sources[below(ARRAY_SIZE(sources))];
			w.dst = strchr(w.src, ':') ? below(2) ? INNER6 : OUTER6 :
				below(2)	   ? INNER4 :
						     OUTER4;
			w.sport = (uint16_t)(45 + below(20));
			if (model(&h, &w)) {
				expect_refused(&h, &w);
				refused++;
			} else {
				expect_passed(&h, &h.up, &w);
				passed++;
			}
			has(h.listener);
		}
	}
	assert_true(refused > 500 && passed > 500);
	host_close(&h);
}

/* ---- the table ---- */

static bool stands(void)
{
	return system("PATH=$PATH:/usr/sbin nft list table inet godwit_godwit0 >/dev/null 2>&1") ==
	       0;
}

static void test_owned(void **state)
{
	const struct tun_state s = tun_filter_state("godwit0");
	struct host h;

	host_open(&h, true);
	if (!h.f.owned) {
		print_message("skipped: this kernel's tables have no owners\n");
		skip();
	}
	apply(&h);
	expect_refused(&h, UDP("192.0.2.9", INNER4, 9, PORT));
	assert_int_equal(tun_filter_fd(&h.f), -1);
	assert_int_equal(tun_state_del(&h.n, &s), ERR_PERMISSION);
	if (system("PATH=$PATH:/usr/sbin nft flush ruleset") != 0)
		print_message("no nft(8)\n");
	assert_int_equal(tun_filter_restore(&h.f), 0);
	expect_refused(&h, UDP("192.0.2.9", INNER4, 9, PORT));
	tun_filter_clear(&h.f);
	assert_false(stands());
	expect_delivered(&h, &h.up, UDP("192.0.2.9", INNER4, 9, PORT));
	apply(&h);
	expect_refused(&h, UDP("192.0.2.9", INNER4, 9, PORT));
	assert_int_equal(tun_filter_refused(&h.f), 3);
	tun_filter_close(&h.f);
	assert_false(stands());
	assert_int_equal(tun_state_del(&h.n, &s), 0);
	host_close(&h);
}

/* Where tables have no owner others remove it: that is told, it comes back, and goes on counting. */
static void test_put_back(void **state)
{
	const struct tun_state s = tun_filter_state("godwit0");
	struct pollfd p;
	struct host h;

	host_open(&h, false);
	apply(&h);
	assert_false(tun_filter_touched(&h.f));
	assert_int_equal(tun_filter_restore(&h.f), 0);
	expect_refused(&h, UDP("192.0.2.9", INNER4, 9, PORT));
	p = (struct pollfd){ .fd = tun_filter_fd(&h.f), .events = POLLIN };
	assert_int_equal(tun_state_del(&h.n, &s), 0);
	assert_int_equal(poll(&p, 1, 1000), 1);
	assert_true(tun_filter_touched(&h.f));
	assert_false(tun_filter_touched(&h.f));
	assert_int_equal(tun_filter_refused(&h.f), 1);
	assert_int_equal(tun_filter_restore(&h.f), 1);
	assert_int_equal(tun_filter_restore(&h.f), 0);
	assert_false(tun_filter_touched(&h.f));
	expect_refused(&h, UDP("192.0.2.9", INNER4, 9, PORT));
	assert_int_equal(tun_filter_refused(&h.f), 2);
	tun_filter_close(&h.f);
	assert_false(stands());
	host_close(&h);
}

/* What a crash leaves, where tables have no owner, goes by its line in the journal. */
static void test_left_behind(void **state)
{
	struct tun_state s;
	char line[TUN_STATE_TEXT_MAX];
	struct host h;

	host_open(&h, false);
	s = tun_filter_state("godwit0");
	assert_string_equal(tun_state_text(&s, line), "table dev godwit0");
	assert_int_equal(tun_state_parse(line, &s), 0);
	assert_int_equal(tun_state_add(&h.n, &s), ERR_MALFORMED);
	assert_int_equal(tun_state_restore(&h.n, &s), ERR_MALFORMED);
	apply(&h);
	tun_close(&h.tun);
	assert_int_equal(tun_state_del(&h.n, &s), 0);
	assert_false(stands());
	assert_int_equal(tun_state_del(&h.n, &s), 0);
	host_close(&h);
}

/* As many rules as a policy can have, of the longest kind. */
static void test_largest(void **state)
{
	struct policy_rule r = { .action = POLICY_PROTECT };
	struct host h;

	host_open(&h, true);
	r.ts.local = ts_of("fd05::/48", 6, 1, 9);
	r.ts.remote = ts_of("fd80::/48", 6, 70, 80);
	r.ts.remote.lo.b[15] = 1;
	r.ts.local.lo.b[15] = 1;
	while (policy_add(&h.policy, &r))
		r.ts.remote.port_hi++;
	apply(&h);
	expect_refused(&h, UDP("192.0.2.9", INNER4, 9, PORT));
	expect_refused(&h, &(struct packet){ "fd80::9", "fd05::9", 6, 75, 5, NULL, 0 });
	expect_passed(&h, &h.up, &(struct packet){ "fd80::9", "fd05::9", 6, 75, 10, NULL, 0 });
	host_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_set),
		cmocka_unit_test(test_inner_address),
		cmocka_unit_test(test_protected_remote),
		cmocka_unit_test(test_bypass),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_full_tunnel),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_through),
		cmocka_unit_test(test_change),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_owned),
		cmocka_unit_test(test_put_back),
		cmocka_unit_test(test_left_behind),
		cmocka_unit_test(test_largest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
