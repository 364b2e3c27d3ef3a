/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <poll.h>

#include "base/mem.h"
#include "client/runtime.h"
#include "namespace.h"

/* ---- how often ---- */

static void the_first_times_are_at_once(void **state)
{
	struct watch_pace p = { 0 };
	vtime now = 5 * VTIME_S;

	for (unsigned i = 0; i < WATCH_PACE_TIMES; i++, now += WATCH_PACE_SAME) {
		assert_true(watch_pace_next(&p, now) == now);
		assert_int_equal(watch_pace_done(&p, now), i == WATCH_PACE_TIMES - 1);
	}
	now -= WATCH_PACE_SAME;
	/* From then on every 10 s, told once, as long as it lasts. */
	for (unsigned i = 0; i < 40; i++) {
		assert_true(watch_pace_next(&p, now) == now + WATCH_PACE_SLOW);
		assert_true(watch_pace_next(&p, now + VTIME_S) == now + WATCH_PACE_SLOW);
		now = watch_pace_next(&p, now);
		assert_false(watch_pace_done(&p, now));
	}
}

static void calm_makes_it_quick_again(void **state)
{
	struct watch_pace p = { 0 };
	vtime now = 100 * VTIME_S;

	for (unsigned i = 0; i < WATCH_PACE_TIMES; i++, now += WATCH_PACE_SAME)
		watch_pace_done(&p, now);
	assert_true(watch_pace_next(&p, now + VTIME_S) > now + VTIME_S);
	now += WATCH_PACE_WINDOW;
	assert_true(watch_pace_next(&p, now) == now);
	for (unsigned i = 1; i < WATCH_PACE_TIMES; i++, now += WATCH_PACE_SAME)
		assert_false(watch_pace_done(&p, now));
	assert_true(watch_pace_done(&p, now));
}

static void a_script_that_removes_many_is_one_event(void **state)
{
	struct watch_pace p = { 0 };
	vtime now = 100 * VTIME_S;

	for (unsigned i = 0; i < WATCH_PACE_TIMES; i++)
		assert_false(watch_pace_done(&p, now + i * VTIME_MS));
	assert_int_equal(p.n, 1);
	assert_true(watch_pace_next(&p, now + VTIME_S) == now + VTIME_S);
}

/* ---- putting back ---- */

static const char *const lines[] = {
	"rule pref 30000 family inet fwmark 0x6777 action lookup table 254",
	"address to 10.9.0.1/32 dev godwit0",
	"route action unicast to 10.0.0.0/8 dev godwit0 src 10.9.0.1 table 26487",
	"rule pref 30010 family inet to 10.0.0.0/8 action lookup table 26487",
};

struct world {
	struct host host;
	struct tun_netlink other;
	struct log log;
};

static void open_world(struct world *w)
{
	struct host *h = &w->host;

	*w = (struct world){ .host.watch = HOST_WATCH_NONE, .host.band = -1 };
	enter_namespace();
	assert_int_equal(tun_netlink_open(&h->netlink), 0);
	assert_int_equal(tun_netlink_open(&w->other), 0);
	open_device(&h->tun, &h->netlink, "godwit0");
	h->applied = xcalloc(ARRAY_SIZE(lines), sizeof(*h->applied));
	h->stands = xcalloc(ARRAY_SIZE(lines), sizeof(*h->stands));
	h->napplied = h->nfirm = ARRAY_SIZE(lines);
	for (unsigned i = 0; i < ARRAY_SIZE(lines); i++) {
		struct tun_state s;

		strcpy(h->applied[i], lines[i]);
		assert_int_equal(tun_state_parse(lines[i], &s), 0);
		assert_int_equal(tun_state_add(&h->netlink, &s), 0);
	}
	assert_int_equal(host_watch_open(&h->watch, h->tun.ifindex, &h->netlink), 0);
}

static void close_world(struct world *w)
{
	host_watch_close(&w->host.watch);
	free(w->host.applied);
	free(w->host.stands);
	tun_close(&w->host.tun);
	tun_netlink_close(&w->other);
	tun_netlink_close(&w->host.netlink);
}

static bool ready(const struct world *w)
{
	struct pollfd p = { .fd = w->host.watch.epoll, .events = POLLIN };

	return poll(&p, 1, 100) > 0;
}

static void take(struct world *w, unsigned i)
{
	struct tun_state s;

	assert_int_equal(tun_state_parse(lines[i], &s), 0);
	assert_int_equal(tun_state_del(&w->other, &s), 0);
}

/* What is there is left; what is not is made, and counted. */
static unsigned missing(struct world *w)
{
	char why[200] = "";
	unsigned made = 0;

	assert_int_equal(host_restore(&w->host, &made, why), 0);
	return made;
}

/* As if the last time that things were put back was not just now. */
static void later(struct world *w)
{
	for (unsigned i = 0; i < w->host.watch.pace.n; i++)
		w->host.watch.pace.times[i] -= WATCH_PACE_SAME;
}

static void what_is_removed_comes_back(void **state)
{
	static struct world w;

	open_world(&w);
	assert_false(ready(&w));
	for (unsigned i = 0; i < ARRAY_SIZE(lines); i++) {
		later(&w);
		take(&w, i);
		assert_true(ready(&w));
		while (ready(&w))
			assert_false(host_watch_run(&w.host, &w.log));
		assert_int_equal(missing(&w), 0);
		assert_int_equal(w.host.watch.pace.n, i + 1);
	}
	close_world(&w);
}

/* ---- another time ---- */

/* Rules for these networks, made with addresses that are ours alone. */
static void apply(struct world *w, struct policy *policy)
{
	const struct addr inner = { .family = FAMILY_IP4, .b = { 10, 9, 0, 1 } };
	struct session_effect fx = { .type = SESSION_EFFECT_TUN };
	char why[200] = "";

	fx.tun.inner = &inner;
	fx.tun.ninner = 1;
	fx.tun.policy = policy;
	fx.tun.path.encapsulation = ENCAPSULATION_UDP;
	fx.tun.path.local.addr = fx.tun.path.remote.addr =
		(struct addr){ .family = FAMILY_IP4, .b = { 127, 0, 0, 1 } };
	fx.tun.path.local.port = fx.tun.path.remote.port = 4500;
	fx.tun.mtu = 1400;
	assert_int_equal(host_apply(&w->host, &fx, why), 0);
}

static void decide(struct policy *policy, enum policy_action action, const char *remote)
{
	struct prefix to, all = { .addr.family = FAMILY_IP4 };

	assert_true(prefix_parse(remote, &to));
	assert_true(policy_add(policy, &(struct policy_rule){
					       .ts = { ts_from_prefix(&all), ts_from_prefix(&to) },
					       .action = action,
				       }));
}

/* How many rules have come, as long as none has gone. */
static int note_rule(const struct nlmsghdr *nlh, void *data)
{
	unsigned *n = data;

	if (nlh->nlmsg_type == RTM_NEWRULE && n[1] == 0)
		n[0]++;
	else if (nlh->nlmsg_type == RTM_DELRULE)
		n[1]++;
	return MNL_CB_OK;
}

static char applied_dir[32];

static void open_applying(struct world *w)
{
	static const struct config config;

	open_world(w);
	w->host.config = &config;
	w->host.mark = 0x6777;
	strcpy(applied_dir, "/tmp/godwit-test-XXXXXX");
	assert_non_null(mkdtemp(applied_dir));
	w->host.dir = open(applied_dir, O_RDONLY | O_DIRECTORY);
	assert_int_equal(journal_open(w->host.dir, true, &w->host.journal), 0);
	assert_int_equal(net_router_open(&w->host.router, w->host.mark), 0);
}

static void close_applying(struct world *w)
{
	char path[64];

	net_router_close(&w->host.router);
	journal_close(&w->host.journal);
	close(w->host.dir);
	snprintf(path, sizeof(path), "%s/%s", applied_dir, RUNDIR_JOURNAL);
	unlink(path);
	rmdir(applied_dir);
	close_world(w);
}

static struct mnl_socket *listen_to(unsigned groups)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_NONBLOCK);

	assert_int_equal(mnl_socket_bind(nl, groups, MNL_SOCKET_AUTOPID), 0);
	return nl;
}

/* Every rule has another place than before. */
static void old_rules_go_when_the_new_ones_are_there(void **state)
{
	struct policy policy = { .fallback = POLICY_BYPASS };
	unsigned came_and_went[2] = { 0 };
	struct mnl_socket *nl;
	static struct world w;
	char buf[8192];
	ssize_t n;

	open_applying(&w);
	decide(&policy, POLICY_PROTECT, "10.1.0.0/16");
	decide(&policy, POLICY_DISCARD, "10.9.0.0/16");
	decide(&policy, POLICY_PROTECT, "10.2.0.0/16");
	apply(&w, &policy);

	nl = listen_to(RTMGRP_IPV4_RULE);
	policy.n = 0;
	decide(&policy, POLICY_DISCARD, "10.8.0.0/16");
	decide(&policy, POLICY_PROTECT, "10.1.0.0/16");
	decide(&policy, POLICY_DISCARD, "10.9.0.0/16");
	decide(&policy, POLICY_PROTECT, "10.2.0.0/16");
	apply(&w, &policy);
	while ((n = mnl_socket_recvfrom(nl, buf, sizeof(buf))) > 0)
		mnl_cb_run(buf, (size_t)n, 0, 0, note_rule, came_and_went);
	assert_int_equal(came_and_went[0], 4);
	assert_int_equal(came_and_went[1], 3);
	mnl_socket_close(nl);
	close_applying(&w);
}

/* No packet may meet a moment without its route. */
static void what_stands_is_left_alone(void **state)
{
	struct policy policy = { .fallback = POLICY_BYPASS };
	struct mnl_socket *nl;
	static struct world w;
	char buf[8192];

	open_applying(&w);
	decide(&policy, POLICY_PROTECT, "10.1.0.0/16");
	apply(&w, &policy);
	nl = listen_to(RTMGRP_IPV4_RULE | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE |
		       RTMGRP_IPV4_IFADDR);
	apply(&w, &policy);
	assert_int_equal(mnl_socket_recvfrom(nl, buf, sizeof(buf)), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(missing(&w), 0);
	mnl_socket_close(nl);
	close_applying(&w);
}

/* It is tried again, as long as something is missing. */
static void what_cannot_be_put_back_yet_is_not_forgotten(void **state)
{
	static struct world w;

	open_world(&w);
	strcpy(w.host.applied[2],
	       "route action unicast to 10.0.0.0/8 dev godwit9 src 10.9.0.1 table 26487");
	take(&w, 0);
	assert_true(ready(&w));
	host_watch_run(&w.host, &w.log);
	assert_true(w.host.watch.due);
	strcpy(w.host.applied[2], lines[2]);
	host_watch_run(&w.host, &w.log);
	assert_false(w.host.watch.due);
	assert_int_equal(missing(&w), 0);
	close_world(&w);
}

/* Whether the route to a next hop stands when the kernel has told what it has to tell. */
static bool hop_stands(struct world *w)
{
	while (ready(w))
		host_watch_run(&w->host, &w->log);
	return w->host.stands[1];
}

/* As a server's next hop, on a link that comes and goes. */
static void what_may_be_missing_comes_with_the_network(void **state)
{
	struct tun_state states[2];
	static struct world w;
	struct tun link;
	char why[200];

	open_applying(&w);
	open_device(&link, &w.other, "link1");
	assert_int_equal(tun_state_parse(lines[0], &states[0]), 0);
	assert_int_equal(tun_state_parse("route action unicast to 10.20.0.100/32 via 10.20.0.7 "
					 "table 26500",
					 &states[1]),
			 0);
	assert_int_not_equal(host_apply_states(&w.host, states, 2, 2, why), 0);
	assert_int_equal(host_apply_states(&w.host, states, 2, 1, why), 0);
	assert_true(w.host.stands[0]);
	assert_false(hop_stands(&w));
	if (system("PATH=$PATH:/sbin:/usr/sbin; ip address add 10.20.0.1/24 dev link1") != 0)
		fail_msg("no ip(8)");
	for (unsigned i = 0; i < 2; i++) {
		assert_true(hop_stands(&w));
		/* The kernel does not tell of the routes that go with their device. */
		assert_int_equal(tun_link_down(&w.other, "link1"), 0);
		assert_false(hop_stands(&w));
		assert_false(w.host.watch.due);
		assert_int_equal(tun_link_up(&w.other, "link1", 1400, 500), 0);
	}
	tun_close(&link);
	close_applying(&w);
}

static void a_fight_is_slow(void **state)
{
	static struct world w;

	open_world(&w);
	for (unsigned i = 0; i < WATCH_PACE_TIMES; i++) {
		later(&w);
		take(&w, 0);
		assert_true(ready(&w));
		host_watch_run(&w.host, &w.log);
	}
	assert_int_equal(w.host.watch.pace.n, WATCH_PACE_TIMES);
	take(&w, 0);
	assert_true(ready(&w));
	host_watch_run(&w.host, &w.log);
	assert_int_equal(w.host.watch.pace.n, WATCH_PACE_TIMES);
	assert_true(w.host.watch.due);
	/* As if the last of them was long ago: the timer, or anything else, brings it back. */
	w.host.watch.pace = (struct watch_pace){ 0 };
	host_watch_run(&w.host, &w.log);
	assert_false(w.host.watch.due);
	assert_int_equal(missing(&w), 0);
	close_world(&w);
}

static void nothing_is_put_back_while_the_device_is_down(void **state)
{
	static struct world w;

	open_world(&w);
	assert_int_equal(tun_link_down(&w.other, "godwit0"), 0);
	take(&w, 3);
	while (ready(&w))
		assert_false(host_watch_run(&w.host, &w.log));
	assert_true(w.host.watch.due);
	assert_int_equal(w.host.watch.pace.n, 0);
	assert_int_equal(tun_link_up(&w.other, "godwit0", 1400, 500), 0);
	while (ready(&w))
		assert_false(host_watch_run(&w.host, &w.log));
	assert_int_equal(missing(&w), 0);
	assert_int_equal(w.host.watch.pace.n, 1);
	close_world(&w);
}

static void another_network_is_told(void **state)
{
	static struct world w;
	struct tun_state s;
	struct tun up;

	open_world(&w);
	open_device(&up, &w.other, "up0");
	while (ready(&w))
		host_watch_run(&w.host, &w.log);
	assert_int_equal(tun_state_parse("address to 198.51.100.2/24 dev up0", &s), 0);
	assert_int_equal(tun_state_add(&w.other, &s), 0);
	assert_true(ready(&w));
	assert_true(host_watch_run(&w.host, &w.log));
	assert_false(host_watch_run(&w.host, &w.log));
	tun_close(&up);
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_times_are_at_once),
		cmocka_unit_test(calm_makes_it_quick_again),
		cmocka_unit_test(a_script_that_removes_many_is_one_event),
		cmocka_unit_test(what_is_removed_comes_back),
		cmocka_unit_test(old_rules_go_when_the_new_ones_are_there),
		cmocka_unit_test(what_stands_is_left_alone),
		cmocka_unit_test(what_cannot_be_put_back_yet_is_not_forgotten),
		cmocka_unit_test(what_may_be_missing_comes_with_the_network),
		cmocka_unit_test(a_fight_is_slow),
		cmocka_unit_test(nothing_is_put_back_while_the_device_is_down),
		cmocka_unit_test(another_network_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
