/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/net.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "namespace.h"

struct world {
	struct tun_netlink n;
	struct tun up[2];
};

/* What was told, and which error to make of it how often. */
struct ears {
	unsigned count;
	unsigned begun;
	unsigned spoil;
	int error;
};

static int world_open(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	enter_namespace();
	assert_int_equal(tun_netlink_open(&w->n), 0);
	open_device(&w->up[0], &w->n, "up0");
	open_device(&w->up[1], &w->n, "up1");
	*state = w;
	return 0;
}

static int world_close(void **state)
{
	struct world *w = *state;

	tun_close(&w->up[0]);
	tun_close(&w->up[1]);
	tun_netlink_close(&w->n);
	free(w);
	return 0;
}

static int hear(const struct nlmsghdr *nlh, void *data)
{
	struct ears *e = data;

	assert_int_equal(nlh->nlmsg_type, RTM_NEWLINK);
	e->begun += e->count == 0;
	e->count++;
	/* In the midst of it. */
	if (e->count == 2 && e->spoil) {
		e->spoil--;
		errno = e->error;
		return MNL_CB_ERROR;
	}
	return MNL_CB_OK;
}

static int dump(struct ears *e)
{
	return net_dump(NETLINK_ROUTE, RTM_GETLINK, sizeof(struct ifinfomsg), hear, e, &e->count);
}

static void all_there_are(void **state)
{
	struct ears e = { .count = 77 };

	assert_int_equal(dump(&e), 0);
	assert_int_equal(e.begun, 1);
	assert_int_equal(e.count, 3); /* with lo */
}

static void what_changes_is_read_anew(void **state)
{
	struct ears e = { .spoil = 2, .error = EINTR };

	assert_int_equal(dump(&e), 0);
	assert_int_equal(e.begun, 3);
	assert_int_equal(e.count, 3);
}

static void what_never_stands_still_is_given_up(void **state)
{
	struct ears e = { .spoil = 1000, .error = EINTR };

	assert_int_equal(dump(&e), ERR_SYSTEM);
	assert_int_equal(errno, EINTR);
	assert_in_range(e.begun, 2, 20);
}

static void another_error_ends_it(void **state)
{
	struct ears e = { .spoil = 1, .error = EPERM };

	assert_int_equal(dump(&e), ERR_SYSTEM);
	assert_int_equal(errno, EPERM);
	assert_int_equal(e.begun, 1);
	/* The kernel knows no such family of messages. */
	assert_int_equal(net_dump(NETLINK_ROUTE, 0x7ff0, sizeof(struct ifinfomsg), hear, &e,
				  &e.count),
			 ERR_SYSTEM);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_there_are),
		TEST(what_changes_is_read_anew),
		TEST(what_never_stands_still_is_given_up),
		TEST(another_error_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
