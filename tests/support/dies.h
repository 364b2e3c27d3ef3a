/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests of what must end the process: our own bugs, never the wire's. */
#ifndef GODWIT_TESTS_SUPPORT_DIES_H
#define GODWIT_TESTS_SUPPORT_DIES_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* True when fn does not return: it is called in a child, whose messages go nowhere. */
static inline bool dies(void (*fn)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid < 0)
		abort();
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, STDERR_FILENO);
		fn();
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid)
		abort();
	return !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

#endif
