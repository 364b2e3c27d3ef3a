/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>

#include "client/runtime.h"
#include "namespace.h"
#include "refuse.h"

#define LISTED "PATH=$PATH:/usr/sbin nft list table inet godwit_godwit0 >/dev/null 2>&1"

struct world {
	struct host host;
	struct log log;
	char dir[32];
};

static void open_world(struct world *w)
{
	struct host *h = &w->host;

	*w = (struct world){ .host.watch = HOST_WATCH_NONE, .host.band = -1 };
	enter_namespace();
	assert_int_equal(tun_netlink_open(&h->netlink), 0);
	open_device(&h->tun, &h->netlink, "godwit0");
	strcpy(w->dir, "/tmp/godwit-filter-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	h->dir = open(w->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(journal_open(h->dir, true, &h->journal), 0);
	assert_int_equal(host_watch_open(&h->watch, h->tun.ifindex, &h->netlink), 0);
}

static void close_world(struct world *w)
{
	struct host *h = &w->host;

	tun_filter_close(&h->filter);
	host_watch_close(&h->watch);
	unlinkat(h->dir, RUNDIR_JOURNAL, 0);
	journal_close(&h->journal);
	close(h->dir);
	rmdir(w->dir);
	tun_close(&h->tun);
	tun_netlink_close(&h->netlink);
}

static bool stands(void)
{
	return system(LISTED) == 0;
}

static bool is_line(void *ctx, const char *line)
{
	return strcmp(line, "table dev godwit0") == 0;
}

/* Which says that the filter is gone before its line is. */
static bool undo_line(void *ctx, const char *line)
{
	struct world *w = ctx;
	struct tun_state s;

	return tun_state_parse(line, &s) == 0 && tun_state_del(&w->host.netlink, &s) == 0;
}

static unsigned undo(struct world *w)
{
	int n = journal_undo(&w->host.journal, is_line, undo_line, w);

	assert_true(n >= 0);
	return (unsigned)n;
}

static void apply(struct world *w)
{
	struct tun_filter_setup setup = { .n_inner = 0 };
	char why[200] = "";

	assert_int_equal(host_filter_apply(&w->host, &setup, why), 0);
}

static void it_is_journalled_before_it_is_made(void **state)
{
	static struct world w;

	open_world(&w);
	assert_int_equal(host_filter_open(&w.host, stderr), 0);
	if (!w.host.filter.nl)
		skip();
	assert_true(stands());
	apply(&w);
	apply(&w);
	/* A journal that begins anew has its line once more. */
	host_filter_clear(&w.host);
	assert_false(stands());
	assert_int_equal(undo(&w), 1);
	apply(&w);
	assert_true(stands());
	tun_filter_close(&w.host.filter);
	assert_false(stands());
	assert_int_equal(undo(&w), 1);
	close_world(&w);
}

/* Where a table has no owner: as before Linux 5.12. */
static void what_is_removed_comes_back(void **state)
{
	const struct tun_state s = tun_filter_state("godwit0");
	static struct world w;
	struct host *h = &w.host;
	struct pollfd p;

	open_world(&w);
	if (tun_filter_open(&h->filter, "godwit0", h->tun.ifindex, false) != 0)
		skip();
	host_watch_filter(&h->watch, &h->filter);
	apply(&w);
	p = (struct pollfd){ .fd = h->watch.epoll, .events = POLLIN };
	/* Of the first time it is told what we have done ourselves. */
	poll(&p, 1, 100);
	host_watch_run(h, &w.log);
	assert_int_equal(h->watch.pace.n, 0);
	assert_int_equal(tun_state_del(&h->netlink, &s), 0);
	assert_false(stands());
	assert_int_equal(poll(&p, 1, 1000), 1);
	host_watch_run(h, &w.log);
	assert_true(stands());
	assert_int_equal(h->watch.pace.n, 1);
	close_world(&w);
}

static int connects_without(void)
{
	static struct world w;
	struct tun_filter_setup setup = { .n_inner = 0 };
	char text[500] = "", why[200] = "";
	FILE *err = fmemopen(text, sizeof(text), "w");
	bool well;

	open_world(&w);
	refuse(SYS_socket, 2, REFUSE_EQUAL, NETLINK_NETFILTER, EPROTONOSUPPORT);
	well = host_filter_open(&w.host, err) == 0;
	well &= host_filter_apply(&w.host, &setup, why) == 0;
	well &= host_filter_refused(&w.host) == 0;
	fclose(err);
	well &= strstr(text, "nf_tables: Protocol not supported\n") != NULL;
	well &= strchr(text, '\n') == text + strlen(text) - 1;
	host_filter_clear(&w.host);
	well &= undo(&w) == 1;
	close_world(&w);
	return well ? 1 : 0;
}

/* Nothing of it is asked for, but for one line. */
static void a_kernel_without_it(void **state)
{
	assert_int_equal(in_child(connects_without), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_journalled_before_it_is_made),
		cmocka_unit_test(what_is_removed_comes_back),
		cmocka_unit_test(a_kernel_without_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
