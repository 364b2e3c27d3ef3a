/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One run of a command, waited for. What it takes is bounded: when its time is up its process group is
 * killed. Signals are as at a process's beginning, standard input is empty unless there is something
 * to read.
 */
#ifndef GODWIT_CLIENT_RUN_H
#define GODWIT_CLIENT_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define RUN_WHY_MAX 160

/*
 * Starts /bin/sh -c COMMAND, "$1" the argument (NULL: none), with this environment, in a process group
 * of its own, so that it can be ended with all that it starts. in_fd < 0: an empty standard input.
 * Returns 0 or an errno.
 */
int run_spawn(const char *command, const char *argument, char *const *vars, int in_fd, int out_fd,
	      pid_t *pid);
/* Waits for the end of such a process, which unless it has ended is brought about. Its wait status. */
int run_reap(pid_t pid, bool ended);
/* What a process that ended by itself says of its success: 0, or ERR_CONFIG and why. */
int run_judge(int status, char why[RUN_WHY_MAX]);

struct run {
	const char *command; /* for /bin/sh -c */
	const char *argument; /* its "$1"; NULL: none */
	const char *input; /* what it can read; NULL: nothing */
	char *const *vars; /* its environment, NULL at the end */
	unsigned limit_ms;
	int owner; /* a socket; when its other side is gone the run is ended; -1: to its own end */
	bool orphaned; /* set when that is why it was ended */
	uint8_t *output; /* what it prints, `size` bytes at most; NULL: it goes where ours goes */
	size_t size;
	size_t n; /* set: so many there are; what has no room is thrown away */
};

/*
 * 0; ERR_UNSUPPORTED: no such command; ERR_CONFIG: it failed; ERR_TIMEOUT; ERR_SYSTEM; and why.
 * Nothing of its process group is left when it was too slow.
 */
int run_command(struct run *r, char why[RUN_WHY_MAX]);

#endif
