/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests that change the network do so in a namespace of their own, which ends with the process. */
#ifndef GODWIT_TESTS_UNIT_NAMESPACE_H
#define GODWIT_TESTS_UNIT_NAMESPACE_H

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "tun/tun.h"

/* A new, empty namespace with loopback up; skips the test where that is not allowed. */
static inline void enter_namespace(void)
{
	struct tun_netlink n;

	if (unshare(CLONE_NEWNET) < 0) {
		print_message("skipped: no network namespace (root is needed)\n");
		skip();
	}
	assert_int_equal(tun_netlink_open(&n), 0);
	assert_int_equal(tun_link_up(&n, "lo", 65536, 1000), 0);
	tun_netlink_close(&n);
}

/* A TUN device that is up, or the test is skipped where there can be none. */
static inline void open_device(struct tun *t, struct tun_netlink *n, const char *name)
{
	if (access("/dev/net/tun", R_OK | W_OK) < 0) {
		print_message("skipped: no /dev/net/tun\n");
		skip();
	}
	assert_int_equal(tun_open(t, name, false), 0);
	assert_int_equal(tun_link_up(n, t->name, 1400, 500), 0);
}

/* Runs `in` in a child and returns what it returns, which lies in -100 … 100. */
static inline int in_child(int (*in)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(in() + 100);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status) - 100;
}

#endif
