/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tun/tun.h"

#include <errno.h>
#include <grp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/err.h"
#include "namespace.h"
#include "net/net.h"
#include "packet/packet.h"

/* A host with an uplink "up0" (both families, default routes) and a TUN "godwit0". */
struct host {
	struct tun_netlink n;
	struct tun up;
	struct tun tun;
	struct tun_state plan[64];
	int planned;
};

#define LOOK_MAX 32768

static uint8_t arena[8 * 65536];
static struct batch batch;

/* All that ip(8) tells about rules, routes and addresses. */
static char *look(void)
{
	static const char command[] =
		"exec 2>&1; PATH=$PATH:/sbin:/usr/sbin; ip -4 rule; ip -6 rule; "
		"ip -4 route show table all; ip -6 route show table all; "
		"ip -d address";
	char *text = calloc(1, LOOK_MAX);
	FILE *f = popen(command, "r");

	assert_non_null(f);
	assert_true(fread(text, 1, LOOK_MAX - 1, f) < LOOK_MAX - 1);
	pclose(f);
	if (!strstr(text, "from all lookup main")) {
		print_message("skipped: no ip(8)\n");
		free(text);
		skip();
	}
	return text;
}

#define UP0_IS_SETTLED "local 2001:db8::2 dev up0 table local"
#define GODWIT0_IS_SETTLED "local fd00::1 dev godwit0 table local"

/* The kernel adds the local route of an IPv6 address by itself, some time after the address. */
static char *look_with(const char *line)
{
	for (unsigned i = 0; i < 500; i++) {
		char *text = look();

		if (strstr(text, line))
			return text;
		free(text);
		usleep(10000);
	}
	fail_msg("the kernel does not add \"%s\"", line);
	return NULL;
}

static void same_look(const char *before)
{
	char *after = look();
	size_t line = 0;

	/* The whole of both is longer than cmocka's message: the first line that differs is enough. */
	for (size_t i = 0; before[i] && before[i] == after[i]; i++)
		if (before[i] == '\n')
			line = i + 1;
	if (strcmp(after, before) != 0)
		fail_msg("was \"%.*s\", is \"%.*s\"", (int)strcspn(before + line, "\n"),
			 before + line, (int)strcspn(after + line, "\n"), after + line);
	free(after);
}

static void seen(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("not there: \"%s\" in\n%s", line, text);
}

static void add(struct host *h, const char *line)
{
	struct tun_state s;

	assert_int_equal(tun_state_parse(line, &s), 0);
	assert_int_equal(tun_state_add(&h->n, &s), 0);
}

static void host_open(struct host *h)
{
	enter_namespace();
	assert_int_equal(tun_netlink_open(&h->n), 0);
	open_device(&h->up, &h->n, "up0");
	open_device(&h->tun, &h->n, "godwit0");
	add(h, "address to 198.51.100.2/24 dev up0");
	add(h, "address to 2001:db8::2/64 dev up0");
	add(h, "route action unicast to 0.0.0.0/0 dev up0 src 198.51.100.2 table 254");
	add(h, "route action unicast to ::/0 dev up0 src 2001:db8::2 table 254");
}

static void host_close(struct host *h)
{
	tun_close(&h->tun);
	tun_close(&h->up);
	tun_netlink_close(&h->n);
}

/* What is excluded wherever something is protected. */
#define EXCLUDED4 "10.7.0.0/16"
#define EXCLUDED6 "fd00:8:7::/48"

static void host_plan(struct host *h, const char *remote4, const char *remote6)
{
	struct prefix remote[2], exclude[2];
	struct tun_setup s = {
		.ifname = "godwit0",
		.path.local.port = 4500,
		.path.remote.port = 4500,
		.table = TUN_TABLE,
		.mark = TUN_FWMARK,
		.n_inner = 2,
		.remote = remote,
		.n_remote = 2,
		.exclude = exclude,
		.n_exclude = 2,
	};

	assert_true(prefix_parse(remote4, &remote[0]) && prefix_parse(remote6, &remote[1]));
	assert_true(prefix_parse(EXCLUDED4, &exclude[0]) && prefix_parse(EXCLUDED6, &exclude[1]));
	assert_true(addr_parse("192.0.2.1", &s.path.remote.addr));
	assert_true(addr_parse("10.9.0.1", &s.inner[0]) && addr_parse("fd00::1", &s.inner[1]));
	h->planned = tun_plan(&s, h->plan, ARRAY_SIZE(h->plan));
	assert_true(h->planned > 0);
}

static void host_add(struct host *h)
{
	for (int i = 0; i < h->planned; i++)
		if (tun_state_add(&h->n, &h->plan[i]) != 0)
			fail_msg("%s: %s",
				 tun_state_text(&h->plan[i], (char[TUN_STATE_TEXT_MAX]){ 0 }),
				 strerror(errno));
}

static void host_del(struct host *h)
{
	for (int i = h->planned - 1; i >= 0; i--)
		assert_int_equal(tun_state_del(&h->n, &h->plan[i]), 0);
}

static void test_what_is_in_the_kernel(void **state)
{
	struct host h;
	char *text;

	host_open(&h);
	host_plan(&h, "10.0.0.0/8", "fd00:8::/32");
	host_add(&h);
	text = look();
	seen(text, "29999:\tfrom all to 192.0.2.1 ipproto udp sport 4500 dport 4500 lookup main "
		   "proto 103\n");
	seen(text, "30000:\tfrom all fwmark 0x6777 lookup main proto 103\n");
	seen(text, "30005:\tfrom 10.9.0.1 lookup 26487 proto 103\n");
	seen(text, "30005:\tfrom fd00::1 lookup 26487 proto 103\n");
	seen(text, "30010:\tfrom all to 10.7.0.0/16 goto 31073 proto 103\n");
	seen(text, "30010:\tfrom all to fd00:8:7::/48 goto 31073 proto 103\n");
	seen(text, "31073:\tfrom all fwmark 0x6777 nop proto 103\n");
	seen(text, "30011:\tfrom all to 10.0.0.0/8 lookup 26487 proto 103\n");
	seen(text, "30011:\tfrom all to fd00:8::/32 lookup 26487 proto 103\n");
	seen(text, "10.0.0.0/8 dev godwit0 table 26487 proto 103 scope link src 10.9.0.1 \n");
	seen(text, "fd00:8::/32 dev godwit0 table 26487 proto 103 src fd00::1 metric 1024 ");
	seen(text, "unreachable default table 26487 proto 103 metric 4278198272 \n");
	seen(text, "unreachable default dev lo table 26487 proto 103 metric 4278198272 ");
	seen(text, "inet 10.9.0.1/32 scope global noprefixroute godwit0\n");
	seen(text, "inet6 fd00::1/128 scope global nodad noprefixroute ");
	seen(text, "mtu 1400 ");
	seen(text, "qlen 500");
	free(text);
	assert_int_equal(tun_link_mtu(&h.n, h.tun.name, 1280), 0);
	text = look();
	seen(text, "mtu 1280 ");
	seen(text, "qlen 500");
	assert_int_equal(tun_link_mtu(&h.n, "none", 1280), ERR_SYSTEM);
	/* Nobody made a link-local address. */
	assert_null(strstr(text, "fe80:"));
	free(text);
	host_close(&h);
}

static void test_undone_without_a_trace(void **state)
{
	struct host h;
	char *before, *made;

	host_open(&h);
	before = look_with(UP0_IS_SETTLED);
	for (unsigned i = 0; i < 2; i++) {
		host_plan(&h, i ? "0.0.0.0/0" : "10.0.0.0/8", i ? "::/0" : "fd00:8::/32");
		host_add(&h);
		made = look_with(GODWIT0_IS_SETTLED);
		assert_string_not_equal(made, before);
		host_add(&h);
		same_look(made);
		free(made);
		host_del(&h);
		same_look(before);
		host_del(&h);
		same_look(before);
	}
	free(before);
	host_close(&h);
}

/* As after a crash: the device has gone, and with it some of what was made. */
static void test_undone_after_the_device_is_gone(void **state)
{
	struct host h;
	char *before, *text;

	host_open(&h);
	host_plan(&h, "10.0.0.0/8", "fd00:8::/32");
	tun_close(&h.tun);
	before = look_with(UP0_IS_SETTLED);
	assert_int_equal(tun_open(&h.tun, "godwit0", false), 0);
	assert_int_equal(tun_link_up(&h.n, "godwit0", 1400, 500), 0);
	host_add(&h);
	tun_close(&h.tun);
	text = look();
	seen(text, "30011:\t");
	seen(text, "unreachable default table 26487");
	free(text);
	host_del(&h);
	same_look(before);
	free(before);
	host_close(&h);
}

/* Neighbours of ours that differ in one field stay, whatever is deleted. */
static void test_others_things_stay(void **state)
{
	static const char *const commands[] = {
		"rule add pref 30005 from 10.9.0.1 lookup 26487 protocol static",
		"rule add pref 30010 to 10.7.0.0/16 goto 31073 protocol static",
		"rule add pref 30011 to 10.0.0.0/8 lookup 26488 protocol 103",
		"rule add pref 30011 to 10.0.0.0/9 lookup 26487 protocol 103",
		"rule add pref 30502 to 10.0.0.0/8 lookup 26487 protocol 103",
		"rule add pref 30000 fwmark 0x6778 lookup main protocol 103",
		"-6 rule add pref 30501 to fd00:8::/32 lookup 26487 protocol static",
		"route add 10.0.0.0/8 dev up0 table 26487 metric 7 protocol 103",
		"route add 10.0.0.0/8 dev godwit0 table 26488 protocol 103",
		"-6 route add fd00:8::/32 dev up0 table 26487 protocol 103",
		"route add 10.0.0.0/8 dev up0 table 26487 protocol static",
		"route add unreachable default table 26487 metric 4278198273 protocol 103",
		"route add unreachable default table 26487 metric 4278198272 protocol static",
		"-6 route add unreachable default table 26487 metric 4278198272 protocol static",
		"address add 10.9.0.1/32 dev up0",
	};
	struct host h;
	char command[256], *before;

	host_open(&h);
	host_plan(&h, "10.0.0.0/8", "fd00:8::/32");
	free(look());
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		snprintf(command, sizeof(command), "PATH=$PATH:/sbin:/usr/sbin; ip %s",
			 commands[i]);
		assert_int_equal(system(command), 0);
	}
	before = look_with(UP0_IS_SETTLED);
	host_del(&h);
	same_look(before);
	free(before);
	tun_close(&h.tun);
	before = look();
	host_del(&h);
	same_look(before);
	free(before);
	host_close(&h);
}

static void test_route_in_the_place_of_ours(void **state)
{
	struct tun_state ours, theirs;
	struct host h;
	char *before;

	host_open(&h);
	assert_int_equal(tun_state_parse("route action unicast to 10.0.0.0/8 dev up0 table 26487",
					 &theirs),
			 0);
	assert_int_equal(
		tun_state_parse("route action unicast to 10.0.0.0/8 dev godwit0 table 26487",
				&ours),
		0);
	assert_int_equal(tun_state_add(&h.n, &theirs), 0);
	before = look_with(UP0_IS_SETTLED);
	assert_int_equal(tun_state_add(&h.n, &ours), ERR_SYSTEM);
	assert_int_equal(errno, EEXIST);
	same_look(before);
	free(before);
	host_close(&h);
}

static void test_errors(void **state)
{
	struct tun_state s;
	struct host h;

	host_open(&h);
	assert_int_equal(tun_state_parse("address to 10.9.0.1/32 dev nowhere", &s), 0);
	assert_int_equal(tun_state_add(&h.n, &s), ERR_SYSTEM);
	assert_int_equal(errno, ENODEV);
	assert_int_equal(tun_state_del(&h.n, &s), 0);
	assert_int_equal(tun_link_up(&h.n, "nowhere", 1400, 500), ERR_SYSTEM);
	assert_int_equal(errno, ENODEV);
	assert_int_equal(tun_link_down(&h.n, "godwit0"), 0);
	assert_int_equal(
		tun_state_parse("route action unicast to 10.0.0.0/8 dev godwit0 table 7", &s), 0);
	assert_int_equal(tun_state_add(&h.n, &s), ERR_SYSTEM);
	assert_int_equal(errno, ENETDOWN);
	s.table = 0;
	assert_int_equal(tun_state_add(&h.n, &s), ERR_MALFORMED);
	assert_int_equal(tun_state_del(&h.n, &s), ERR_MALFORMED);
	host_close(&h);
}

static int as_nobody(int (*what)(struct tun_netlink *, const struct tun_state *))
{
	struct tun_netlink n;
	struct tun_state s;

	if (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0)
		return 1;
	if (tun_netlink_open(&n) < 0)
		return 2;
	tun_state_parse("rule pref 30000 family inet fwmark 0x6777 action lookup table 254", &s);
	return what(&n, &s);
}

static int add_as_nobody(void)
{
	return as_nobody(tun_state_add);
}

static int del_as_nobody(void)
{
	return as_nobody(tun_state_del);
}

static void test_no_privilege(void **state)
{
	enter_namespace();
	assert_int_equal(in_child(add_as_nobody), ERR_PERMISSION);
	assert_int_equal(in_child(del_as_nobody), ERR_PERMISSION);
}

static struct tun_intake intake;

/* The next packet with UDP out of this device; anything else, such as neighbour noise, is passed. */
static bool next_udp(struct tun *t, struct tuple *out)
{
	batch_init(&batch, arena, sizeof(arena));
	assert_true(tun_read(t, &intake, &batch, 0, 0) >= 0);
	for (unsigned i = 0; i < batch.n; i++)
		if (packet_tuple(pkt_slice(&batch.pkts[i]), out) == 0 && out->proto == PACKET_UDP)
			return true;
	return false;
}

struct way {
	const char *from; /* NULL: the kernel chooses */
	const char *to;
	uint32_t mark;
	char out; /* of 't'he tunnel, of the 'u'plink, or '-' */
	const char *source;
};

static void check_way(struct host *h, const struct way *w)
{
	struct endpoint to = { .port = 7 };
	struct addr from = { 0 }, source;
	struct net_socket u;
	struct tuple t;
	bool tunnel, uplink;
	int err;

	assert_int_equal(net_udp_open(&u, 0, w->mark), 0);
	assert_true(addr_parse(w->to, &to.addr));
	assert_true(!w->from || addr_parse(w->from, &from));
	err = net_socket_send(&u, &from, &to, SLICE_STR("?"));
	net_socket_close(&u);
	uplink = next_udp(&h->up, &t);
	tunnel = !uplink && next_udp(&h->tun, &t);
	if (uplink != (w->out == 'u') || tunnel != (w->out == 't') || (w->out == '-') != (err != 0))
		fail_msg("to %s from %s mark %x: %s", w->to, w->from ? w->from : "any", w->mark,
			 uplink ? "uplink" :
			 tunnel ? "tunnel" :
				  "nothing");
	if (w->out == '-')
		return;
	assert_true(addr_parse(w->source, &source));
	assert_true(addr_eq(&t.src, &source));
	assert_true(addr_eq(&t.dst, &to.addr));
}

static void check_ways(struct host *h, const struct way *ways, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check_way(h, &ways[i]);
}

static void test_ways_of_a_split_tunnel(void **state)
{
	static const struct way ways[] = {
		{ NULL, "10.1.2.3", 0, 't', "10.9.0.1" },
		{ NULL, "fd00:8::3", 0, 't', "fd00::1" },
		{ NULL, "203.0.113.1", 0, 'u', "198.51.100.2" },
		{ NULL, "2001:db8:1::1", 0, 'u', "2001:db8::2" },
		{ NULL, "198.51.100.9", 0, 'u', "198.51.100.2" },
		{ NULL, "10.1.2.3", TUN_FWMARK, 'u', "198.51.100.2" },
		{ NULL, "fd00:8::3", TUN_FWMARK, 'u', "2001:db8::2" },
		{ "10.9.0.1", "203.0.113.1", 0, '-', NULL },
		{ "fd00::1", "2001:db8:1::1", 0, '-', NULL },
		{ "10.9.0.1", "10.1.2.3", 0, 't', "10.9.0.1" },
	};
	/* Nothing falls through to the uplink. */
	static const struct way down[] = {
		{ NULL, "10.1.2.3", 0, '-', NULL },
		{ NULL, "fd00:8::3", 0, '-', NULL },
		{ NULL, "203.0.113.1", 0, 'u', "198.51.100.2" },
		{ NULL, "10.1.2.3", TUN_FWMARK, 'u', "198.51.100.2" },
	};
	static const struct way after[] = {
		{ NULL, "10.1.2.3", 0, 'u', "198.51.100.2" },
		{ NULL, "fd00:8::3", 0, 'u', "2001:db8::2" },
	};
	struct host h;

	host_open(&h);
	host_plan(&h, "10.0.0.0/8", "fd00:8::/32");
	host_add(&h);
	check_ways(&h, ways, ARRAY_SIZE(ways));
	assert_int_equal(tun_link_down(&h.n, "godwit0"), 0);
	check_ways(&h, down, ARRAY_SIZE(down));
	host_del(&h);
	check_ways(&h, after, ARRAY_SIZE(after));
	host_close(&h);
}

static void test_ways_of_a_full_tunnel(void **state)
{
	static const struct way ways[] = {
		{ NULL, "203.0.113.1", 0, 't', "10.9.0.1" },
		{ NULL, "2001:db8:1::1", 0, 't', "fd00::1" },
		{ NULL, "198.51.100.9", 0, 't', "10.9.0.1" },
		{ NULL, "192.0.2.1", 0, 't', "10.9.0.1" },
		{ NULL, "192.0.2.1", TUN_FWMARK, 'u', "198.51.100.2" },
		{ NULL, "2001:db8:1::1", TUN_FWMARK, 'u', "2001:db8::2" },
		{ "198.51.100.2", "192.0.2.1", TUN_FWMARK, 'u', "198.51.100.2" },
	};
	struct host h;

	host_open(&h);
	host_plan(&h, "0.0.0.0/0", "::/0");
	host_add(&h);
	check_ways(&h, ways, ARRAY_SIZE(ways));
	host_close(&h);
}

/* What is excluded never bears an inner address outside, and is not lost with the tunnel. */
static void test_ways_of_what_is_excluded(void **state)
{
	static const struct way ways[] = {
		{ NULL, "10.7.2.3", 0, 'u', "198.51.100.2" },
		{ NULL, "fd00:8:7::3", 0, 'u', "2001:db8::2" },
		{ NULL, "10.8.2.3", 0, 't', "10.9.0.1" },
		{ NULL, "fd00:8:6::3", 0, 't', "fd00::1" },
		{ "10.9.0.1", "10.7.2.3", 0, 't', "10.9.0.1" },
		{ "fd00::1", "fd00:8:7::3", 0, 't', "fd00::1" },
		{ "198.51.100.2", "10.7.2.3", 0, 'u', "198.51.100.2" },
	};
	static const struct way down[] = {
		{ NULL, "10.7.2.3", 0, 'u', "198.51.100.2" },
		{ NULL, "fd00:8:7::3", 0, 'u', "2001:db8::2" },
		{ NULL, "10.8.2.3", 0, '-', NULL },
		{ "10.9.0.1", "10.7.2.3", 0, '-', NULL },
		{ "fd00::1", "fd00:8:7::3", 0, '-', NULL },
	};
	struct host h;

	for (unsigned full = 0; full < 2; full++) {
		host_open(&h);
		host_plan(&h, full ? "0.0.0.0/0" : "10.0.0.0/8", full ? "::/0" : "fd00:8::/32");
		host_add(&h);
		check_ways(&h, ways, ARRAY_SIZE(ways));
		assert_int_equal(tun_link_down(&h.n, "godwit0"), 0);
		check_ways(&h, down, ARRAY_SIZE(down));
		host_close(&h);
	}
}

/* As many networks as a gateway may name come and go whole. */
static void test_as_many_as_there_can_be(void **state)
{
	static struct prefix remote[TUN_POLICY_MAX], exclude[TUN_EXCLUDE_MAX];
	static struct tun_state plan[TUN_PLAN_MAX];
	struct tun_setup s = {
		.ifname = "godwit0",
		.table = TUN_TABLE,
		.mark = TUN_FWMARK,
		.n_inner = 1,
		.remote = remote,
		.n_remote = TUN_POLICY_MAX,
		.exclude = exclude,
		.n_exclude = TUN_EXCLUDE_MAX,
	};
	struct host h;
	char text[64];
	int n;

	host_open(&h);
	for (unsigned i = 0; i < TUN_POLICY_MAX; i++) {
		snprintf(text, sizeof(text), "10.%u.%u.0/24", i / 256, i % 256);
		assert_true(prefix_parse(text, &remote[i]));
	}
	for (unsigned i = 0; i < TUN_EXCLUDE_MAX; i++) {
		snprintf(text, sizeof(text), "10.%u.%u.7/32", i / 256, i % 256);
		assert_true(prefix_parse(text, &exclude[i]));
	}
	assert_true(addr_parse("192.0.2.1", &s.path.remote.addr));
	assert_true(addr_parse("10.9.0.1", &s.inner[0]));
	n = tun_plan(&s, plan, TUN_PLAN_MAX);
	assert_int_equal(n, 7 + TUN_EXCLUDE_MAX + 2 * TUN_POLICY_MAX);
	for (int i = 0; i < n; i++)
		assert_int_equal(tun_state_add(&h.n, &plan[i]), 0);
	check_way(&h, &(struct way){ NULL, "10.1.143.3", 0, 't', "10.9.0.1" });
	check_way(&h, &(struct way){ NULL, "10.1.143.7", 0, 'u', "198.51.100.2" });
	check_way(&h, &(struct way){ NULL, "10.1.144.3", 0, 'u', "198.51.100.2" });
	for (int i = n - 1; i >= 0; i--)
		assert_int_equal(tun_state_del(&h.n, &plan[i]), 0);
	check_way(&h, &(struct way){ NULL, "10.1.143.3", 0, 'u', "198.51.100.2" });
	host_close(&h);
}

/* Each thing that there can be, in every combination of fields that the kernel may tell in its own way. */
static void test_what_the_kernel_has_is_seen(void **state)
{
	static const char *const more[] = {
		("rule pref 30100 family inet from 10.9.0.0/24 to 10.0.0.0/8 ipproto 6 "
		 "sport 1000-2000 dport 443 action prohibit"),
		"rule pref 30101 family inet6 to fd00:5::/48 ipproto 17 dport 53 action unreachable",
		"rule pref 30102 family inet iif up0 action lookup table 26490",
		"route action unicast to 10.5.0.0/16 via 198.51.100.1 table 26490",
		"route action unreachable to fd00:7::/32 metric 7 table 26490",
		"address to fd00::9/128 dev godwit0",
	};
	static char lines[70][TUN_STATE_TEXT_MAX];
	bool there[70];
	struct tun_state s;
	struct host h;
	unsigned n;

	host_open(&h);
	host_plan(&h, "10.0.0.0/8", "fd00:8::/32");
	host_add(&h);
	for (n = 0; n < (unsigned)h.planned; n++)
		tun_state_text(&h.plan[n], lines[n]);
	for (unsigned i = 0; i < ARRAY_SIZE(more); i++) {
		assert_int_equal(tun_state_parse(more[i], &s), 0);
		assert_int_equal(tun_state_add(&h.n, &s), 0);
		strcpy(lines[n++], more[i]);
	}
	assert_int_equal(tun_lines_seen(lines, n, there), 0);
	for (unsigned i = 0; i < n; i++)
		if (!there[i])
			fail_msg("%s: not seen", lines[i]);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(tun_state_parse(lines[i], &s), 0);
		/* With an address the kernel changes the routes from it. */
		if (s.kind == TUN_STATE_ADDRESS && i != n - 1)
			continue;
		assert_int_equal(tun_state_del(&h.n, &s), 0);
		assert_int_equal(tun_lines_seen(lines, n, there), 0);
		/* What is merely like it is another one. */
		for (unsigned k = 0; k < n; k++)
			if (there[k] != (k != i))
				fail_msg("without %s: %s: seen: %d", lines[i], lines[k], there[k]);
		assert_int_equal(tun_state_add(&h.n, &s), 0);
	}
	host_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_in_the_kernel),
		cmocka_unit_test(test_what_the_kernel_has_is_seen),
		cmocka_unit_test(test_undone_without_a_trace),
		cmocka_unit_test(test_undone_after_the_device_is_gone),
		cmocka_unit_test(test_others_things_stay),
		cmocka_unit_test(test_route_in_the_place_of_ours),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_no_privilege),
		cmocka_unit_test(test_ways_of_a_split_tunnel),
		cmocka_unit_test(test_ways_of_a_full_tunnel),
		cmocka_unit_test(test_ways_of_what_is_excluded),
		cmocka_unit_test(test_as_many_as_there_can_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
