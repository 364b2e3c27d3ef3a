/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tun/tun.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>

#include "base/err.h"
#include "namespace.h"

/* A host with an uplink "up0" and a TUN "godwit0" with all that a tunnel needs. */
struct host {
	struct tun_netlink n; /* ours */
	struct tun_netlink other; /* another program's */
	struct tun up;
	struct tun tun;
	struct tun_watch w;
};

static const char *const ours[] = {
	"rule pref 30000 family inet fwmark 0x6777 action lookup table 254",
	"rule pref 30000 family inet6 fwmark 0x6777 action lookup table 254",
	"address to 10.9.0.1/32 dev godwit0",
	"address to fd00::1/128 dev godwit0",
	"route action unicast to 10.0.0.0/8 dev godwit0 src 10.9.0.1 table 26487",
	"route action unicast to fd00:8::/32 dev godwit0 src fd00::1 table 26487",
	"route action unreachable to 0.0.0.0/0 metric 4278198272 table 26487",
	"rule pref 30010 family inet to 10.0.0.0/8 ipproto 6 dport 80-89 action prohibit",
};

static struct tun_state state_of(const char *line)
{
	struct tun_state s;

	assert_int_equal(tun_state_parse(line, &s), 0);
	return s;
}

static void add(struct tun_netlink *n, const char *line)
{
	struct tun_state s = state_of(line);

	if (tun_state_add(n, &s) != 0)
		fail_msg("%s: %s", line, strerror(errno));
}

static void del(struct tun_netlink *n, const char *line)
{
	struct tun_state s = state_of(line);

	assert_int_equal(tun_state_del(n, &s), 0);
}

/* All that is told now, and soon after: some of it the kernel does later. */
static unsigned told(struct host *h)
{
	struct pollfd p = { .fd = tun_watch_fd(&h->w), .events = POLLIN };
	unsigned what = 0;

	do
		what |= tun_watch_read(&h->w);
	while (poll(&p, 1, 100) > 0);
	return what;
}

static void host_open(struct host *h)
{
	enter_namespace();
	assert_int_equal(tun_netlink_open(&h->n), 0);
	assert_int_equal(tun_netlink_open(&h->other), 0);
	open_device(&h->up, &h->n, "up0");
	open_device(&h->tun, &h->n, "godwit0");
	add(&h->other, "address to 198.51.100.2/24 dev up0");
	assert_int_equal(tun_watch_open(&h->w, h->tun.ifindex, &h->n), 0);
	assert_true(h->w.up);
	for (unsigned i = 0; i < ARRAY_SIZE(ours); i++)
		add(&h->n, ours[i]);
	/* What we do ourselves is no news, and neither is what comes of it. */
	assert_int_equal(told(h), 0);
}

static void host_close(struct host *h)
{
	tun_watch_close(&h->w);
	tun_close(&h->tun);
	tun_close(&h->up);
	tun_netlink_close(&h->other);
	tun_netlink_close(&h->n);
}

static unsigned restore(struct host *h)
{
	unsigned made = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(ours); i++) {
		struct tun_state s = state_of(ours[i]);
		int rc = tun_state_restore(&h->n, &s);

		if (rc < 0)
			fail_msg("%s: %s", ours[i], strerror(errno));
		made += (unsigned)rc;
	}
	return made;
}

/* Whatever another program takes away is told, and comes back. */
static void test_each_thing_of_ours(void **state)
{
	struct host h;

	host_open(&h);
	assert_int_equal(restore(&h), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(ours); i++) {
		unsigned what;

		del(&h.other, ours[i]);
		what = told(&h);
		if (!(what & TUN_WATCH_OURS))
			fail_msg("not told: %s", ours[i]);
		assert_false(what & TUN_WATCH_NETWORK);
		if (restore(&h) < 1)
			fail_msg("not put back: %s", ours[i]);
		assert_int_equal(restore(&h), 0);
		told(&h);
	}
	/* What we remove ourselves is no news, unless the kernel makes more of it. */
	for (unsigned i = ARRAY_SIZE(ours); i-- > 0;) {
		del(&h.n, ours[i]);
		if (told(&h) & (ours[i][0] == 'a' ? TUN_WATCH_NETWORK : ~0u))
			fail_msg("told: %s", ours[i]);
	}
	host_close(&h);
}

static void test_device_down_and_up(void **state)
{
	struct host h;

	host_open(&h);
	assert_int_equal(tun_link_down(&h.other, "godwit0"), 0);
	assert_false(told(&h) & TUN_WATCH_NETWORK);
	assert_false(h.w.up);
	assert_int_equal(tun_link_up(&h.other, "godwit0", 1400, 500), 0);
	assert_true(told(&h) & TUN_WATCH_OURS);
	assert_true(h.w.up);
	assert_true(restore(&h) >= 2);
	host_close(&h);
}

static void ip(const char *words)
{
	char line[200];

	snprintf(line, sizeof(line), "PATH=$PATH:/sbin:/usr/sbin; ip %s", words);
	if (system(line) != 0)
		fail_msg("not done: %s", words);
}

/* What is there already and comes again is no change. */
static void test_host_network(void **state)
{
	static const struct {
		const char *words;
		unsigned what;
	} rows[] = {
		{ "address add 198.51.100.3/24 dev up0", TUN_WATCH_NETWORK },
		{ "address change 198.51.100.3/24 dev up0 valid_lft 1000 preferred_lft 900", 0 },
		{ "address del 198.51.100.3/24 dev up0", TUN_WATCH_NETWORK },
		{ "-6 address add 2001:db8::2/64 dev up0", TUN_WATCH_NETWORK },
		{ "-4 route add default dev up0 metric 7", TUN_WATCH_NETWORK },
		{ "-4 route replace default dev up0 metric 7", 0 },
		{ "-4 route replace default via 198.51.100.1 dev up0 onlink metric 7",
		  TUN_WATCH_NETWORK },
		{ "-4 route replace default via 198.51.100.1 dev up0 onlink metric 7", 0 },
		{ "-4 route del default metric 7", TUN_WATCH_NETWORK },
		{ "-6 route add default dev up0 metric 7", TUN_WATCH_NETWORK },
		{ "-6 route replace default dev up0 metric 7", 0 },
		{ "-6 route del default metric 7", TUN_WATCH_NETWORK },
	};
	struct host h;

	host_open(&h);
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		unsigned what;

		ip(rows[i].words);
		what = told(&h);
		if (what != rows[i].what)
			fail_msg("%s: %u", rows[i].words, what);
	}
	host_close(&h);
}

/* Tables and devices that are not the host's way out. */
static void test_what_does_not_matter(void **state)
{
	static const char *const commands[] = {
		"route add 10.5.0.0/16 dev up0 table 77",
		"rule add pref 77 lookup 77",
		"rule del pref 77",
		"-6 address add fe80::7/64 dev up0 nodad",
		"link set up0 mtu 1300",
		"route add 10.6.0.0/16 dev godwit0",
	};
	struct host h;

	host_open(&h);
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
		ip(commands[i]);
		if (told(&h) != 0)
			fail_msg("%s", commands[i]);
	}
	host_close(&h);
}

/* The kernel drops IPv4 routes of a device that goes down and says nothing of them. */
static void test_uplink_down_and_up(void **state)
{
	struct host h;

	host_open(&h);
	ip("-4 route add default dev up0");
	assert_int_equal(told(&h), TUN_WATCH_NETWORK);
	assert_int_equal(tun_link_down(&h.other, "up0"), 0);
	assert_int_equal(told(&h) & TUN_WATCH_NETWORK, TUN_WATCH_NETWORK);
	assert_int_equal(tun_link_up(&h.other, "up0", 1400, 500), 0);
	assert_int_equal(told(&h) & TUN_WATCH_NETWORK, TUN_WATCH_NETWORK);
	ip("-4 route add default dev up0");
	assert_int_equal(told(&h), TUN_WATCH_NETWORK);
	host_close(&h);
}

/* Nor of those that go with the last IPv4 address of a device. */
static void test_the_only_address_is_another(void **state)
{
	static const char *const twice[] = {
		"-4 address add 203.0.113.7/24 dev up0",
		"-4 route add default via 203.0.113.1 dev up0",
	};
	struct host h;

	host_open(&h);
	ip("-4 address flush dev up0");
	told(&h);
	for (unsigned i = 0; i < 2 * ARRAY_SIZE(twice); i++) {
		if (i == ARRAY_SIZE(twice)) {
			ip("-4 address del 203.0.113.7/24 dev up0");
			assert_int_equal(told(&h), TUN_WATCH_NETWORK);
		}
		ip(twice[i % ARRAY_SIZE(twice)]);
		if (told(&h) != TUN_WATCH_NETWORK)
			fail_msg("not told: %s", twice[i % ARRAY_SIZE(twice)]);
	}
	host_close(&h);
}

/* More than the socket holds: then everything may have happened. */
static void test_lost_messages(void **state)
{
	struct host h;

	host_open(&h);
	for (unsigned i = 0; i < 3000; i++) {
		char line[100];

		snprintf(line, sizeof(line), "rule pref %u family inet action prohibit", 1000 + i);
		add(&h.other, line);
		del(&h.other, line);
	}
	assert_int_equal(told(&h), TUN_WATCH_OURS | TUN_WATCH_NETWORK);
	assert_int_equal(told(&h), 0);
	/* What there was is known again. */
	ip("address change 198.51.100.2/24 dev up0 valid_lft 1000 preferred_lft 900");
	assert_int_equal(told(&h), 0);
	add(&h.other, "address to 198.51.100.3/24 dev up0");
	assert_int_equal(told(&h), TUN_WATCH_NETWORK);
	host_close(&h);
}

/* Addresses come and go, on and on, while everything is being listed. */
static void test_opening_while_the_host_changes(void **state)
{
	struct host h;
	pid_t pid;

	host_open(&h);
	for (unsigned i = 0; i < 400; i++) {
		char line[80];

		snprintf(line, sizeof(line), "address to 198.51.%u.%u/32 dev up0", 101 + i / 200,
			 1 + i % 200);
		add(&h.other, line);
	}
	pid = fork();
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (pid == 0) {
		add(&h.other, "address to 192.0.2.9/32 dev up0");
		del(&h.other, "address to 192.0.2.9/32 dev up0");
	}
	for (unsigned i = 0; i < 100; i++) {
		struct tun_watch w;

		if (tun_watch_open(&w, h.tun.ifindex, &h.n) != 0)
			fail_msg("%s", strerror(errno));
		tun_watch_close(&w);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	host_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_thing_of_ours),
		cmocka_unit_test(test_device_down_and_up),
		cmocka_unit_test(test_host_network),
		cmocka_unit_test(test_what_does_not_matter),
		cmocka_unit_test(test_uplink_down_and_up),
		cmocka_unit_test(test_the_only_address_is_another),
		cmocka_unit_test(test_lost_messages),
		cmocka_unit_test(test_opening_while_the_host_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
