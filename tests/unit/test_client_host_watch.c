/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include "base/mem.h"
#include "client/runtime.h"
#include "namespace.h"

/* ---- how often ---- */

static void the_first_times_are_at_once(void **state)
{
	struct watch_pace p = { 0 };
	vtime now = 5 * VTIME_S;

	for (unsigned i = 0; i < WATCH_PACE_TIMES; i++, now += VTIME_MS) {
		assert_true(watch_pace_next(&p, now) == now);
		assert_int_equal(watch_pace_done(&p, now), i == WATCH_PACE_TIMES - 1);
	}
	now -= VTIME_MS;
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

	for (unsigned i = 0; i < WATCH_PACE_TIMES; i++)
		watch_pace_done(&p, now);
	assert_true(watch_pace_next(&p, now + VTIME_S) == now + WATCH_PACE_SLOW);
	now += WATCH_PACE_WINDOW;
	assert_true(watch_pace_next(&p, now) == now);
	for (unsigned i = 1; i < WATCH_PACE_TIMES; i++)
		assert_false(watch_pace_done(&p, now));
	assert_true(watch_pace_done(&p, now));
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

	*w = (struct world){ .host.watch = HOST_WATCH_NONE };
	enter_namespace();
	assert_int_equal(tun_netlink_open(&h->netlink), 0);
	assert_int_equal(tun_netlink_open(&w->other), 0);
	open_device(&h->tun, &h->netlink, "godwit0");
	h->applied = xcalloc(ARRAY_SIZE(lines), sizeof(*h->applied));
	h->napplied = ARRAY_SIZE(lines);
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

static void what_is_removed_comes_back(void **state)
{
	static struct world w;

	open_world(&w);
	assert_false(ready(&w));
	for (unsigned i = 0; i < ARRAY_SIZE(lines); i++) {
		take(&w, i);
		assert_true(ready(&w));
		while (ready(&w))
			assert_false(host_watch_run(&w.host, &w.log));
		assert_int_equal(missing(&w), 0);
		assert_int_equal(w.host.watch.pace.n, i + 1);
	}
	close_world(&w);
}

static void a_fight_is_slow(void **state)
{
	static struct world w;

	open_world(&w);
	for (unsigned i = 0; i < WATCH_PACE_TIMES; i++) {
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
		cmocka_unit_test(what_is_removed_comes_back),
		cmocka_unit_test(a_fight_is_slow),
		cmocka_unit_test(nothing_is_put_back_while_the_device_is_down),
		cmocka_unit_test(another_network_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
