/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each sleep is told once, whoever tells of it. What is no bus, or one that says nothing, keeps nobody
 * waiting; what a real one says is the lab's matter.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/sleep.h"

struct bench {
	char dir[32], path[64], address[96];
	int listener;
	unsigned lines, told;
	enum log_level worst;
	struct log log;
};

static void sink(void *ctx, const struct log_event *ev)
{
	struct bench *b = ctx;

	b->lines++;
	if (ev->level < b->worst)
		b->worst = ev->level;
}

static void told(void *ctx, bool begins)
{
	struct bench *b = ctx;

	(void)begins;
	b->told++;
}

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	assert_non_null(b);
	b->worst = LOG_DEBUG;
	b->log = (struct log){ .level = LOG_DEBUG, .sink = sink, .ctx = b };
	strcpy(b->dir, "/tmp/sleep-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	snprintf(b->path, sizeof(b->path), "%s/bus", b->dir);
	snprintf(b->address, sizeof(b->address), "unix:path=%s", b->path);
	b->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	memcpy(at.sun_path, b->path, strlen(b->path));
	assert_int_equal(bind(b->listener, (const struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(b->listener, 1), 0);
	setenv("DBUS_SYSTEM_BUS_ADDRESS", b->address, 1);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	close(b->listener);
	unlink(b->path);
	rmdir(b->dir);
	free(b);
	unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
	return 0;
}

/* ---- who tells ---- */

static void the_clocks_alone(void **state)
{
	struct sleep_account a = { .asleep = 5 * VTIME_S };

	assert_false(sleep_by_clocks(&a, 5 * VTIME_S));
	assert_false(sleep_by_clocks(&a, 5 * VTIME_S + 500 * VTIME_MS));
	assert_true(sleep_by_clocks(&a, 605 * VTIME_S));
	assert_false(sleep_by_clocks(&a, 605 * VTIME_S));
	assert_true(sleep_by_clocks(&a, 700 * VTIME_S));
}

static void logind_and_the_clocks(void **state)
{
	struct sleep_account a = { 0 };

	/* A timer was first. */
	assert_false(sleep_by_logind(&a, 0, true));
	assert_true(sleep_by_clocks(&a, 60 * VTIME_S));
	assert_false(sleep_by_logind(&a, 60 * VTIME_S, false));
	/* The signal was first. */
	assert_false(sleep_by_logind(&a, 60 * VTIME_S, true));
	assert_true(sleep_by_logind(&a, 120 * VTIME_S, false));
	assert_false(sleep_by_clocks(&a, 120 * VTIME_S));
	/* There was no time to read the first signal before sleep. */
	assert_true(sleep_by_logind(&a, 180 * VTIME_S, true));
	assert_false(sleep_by_logind(&a, 180 * VTIME_S, false));
}

static void what_came_to_nothing(void **state)
{
	struct sleep_account a = { 0 };

	assert_true(sleep_by_logind(&a, 0, false));
	assert_false(sleep_by_logind(&a, 0, true));
	assert_true(sleep_by_logind(&a, 0, false));
}

/* That the kernel sets the time is not for a test to bring about. */
static void the_clock_of_the_day(void **state)
{
	int fd = sleep_clock_open();
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct itimerspec left;

	(void)state;
	assert_true(fd >= 0);
	sleep_clock_take(fd);
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(timerfd_gettime(fd, &left), 0);
	assert_true(left.it_value.tv_sec > 0);
	close(fd);
}

/* ---- the bus ---- */

static void expect_none(struct bench *b, const char *address)
{
	setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1);
	b->lines = 0;
	assert_null(sleep_watch_new(&b->log, told, b));
	assert_int_equal(b->lines, 1);
	assert_int_equal(b->worst, LOG_DEBUG);
}

static void without_a_bus_one_line(void **state)
{
	struct bench *b = *state;

	expect_none(b, "unix:path=/nonexistent/bus");
	sleep_watch_free(NULL);
}

/* Nothing that would start a program or leave the host, not even as a second choice. */
static void only_sockets_of_this_host(void **state)
{
	struct bench *b = *state;
	char mark[64], address[256];

	snprintf(mark, sizeof(mark), "%s/ran", b->dir);
	snprintf(address, sizeof(address), "unixexec:path=/usr/bin/touch,argv1=%s", mark);
	expect_none(b, address);
	expect_none(b, "tcp:host=127.0.0.1,port=1");
	snprintf(address, sizeof(address), "unix:path=/nonexistent/bus;%s", b->address);
	expect_none(b, address);
	expect_none(b, "nonsense");
	usleep(50000);
	assert_int_equal(access(mark, F_OK), -1);
}

static void one_that_says_nothing(void **state)
{
	struct bench *b = *state;
	struct sleep_watch *w = sleep_watch_new(&b->log, told, b);

	if (!w)
		skip(); /* built without libsystemd */
	assert_true(sleep_watch_fd(w) >= 0);
	for (unsigned i = 0; i < 3; i++)
		assert_true(sleep_watch_run(w));
	assert_int_equal(b->told, 0);
	sleep_watch_free(w);
}

static void one_that_goes_away(void **state)
{
	struct bench *b = *state;
	struct sleep_watch *w = sleep_watch_new(&b->log, told, b);
	int fd = accept(b->listener, NULL, NULL);

	if (!w)
		skip();
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "ERROR\r\nnonsense\r\n", 17), 17);
	close(fd);
	for (unsigned i = 0; i < 3 && sleep_watch_run(w); i++)
		assert_true(i < 2);
	assert_int_equal(b->told, 0);
	assert_int_equal(b->worst, LOG_DEBUG);
	sleep_watch_free(w);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_clocks_alone),
		cmocka_unit_test(logind_and_the_clocks),
		cmocka_unit_test(what_came_to_nothing),
		cmocka_unit_test(the_clock_of_the_day),
		T(without_a_bus_one_line),
		T(only_sockets_of_this_host),
		T(one_that_says_nothing),
		T(one_that_goes_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
