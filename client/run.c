/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/runtime.h"

int run_spawn(const char *command, const char *argument, char *const *vars, int in_fd, int out_fd,
	      pid_t *pid)
{
	char sh[] = "sh", c[] = "-c";
	char *text = xstrdup(command), *first = xstrdup(argument);
	char *argv[] = { sh, c, text, sh, first, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int err;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
						POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawn_file_actions_init(&actions);
	if (in_fd >= 0)
		posix_spawn_file_actions_adddup2(&actions, in_fd, STDIN_FILENO);
	else
		posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
	err = posix_spawn(pid, "/bin/sh", &actions, &attr, argv, vars);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	/* There are people who write a password into a command. */
	wipe(text, strlen(text));
	free(text);
	free(first);
	return err;
}

/* Some of what is there, without waiting. What the output has no room for is thrown away. */
static void run_collect(struct run *r, int out)
{
	uint8_t rest[4096];
	ssize_t got = 1;

	for (int i = 0; i < 64 && got > 0; i++) {
		size_t room = r->size - r->n;

		got = room ? read(out, r->output + r->n, room) : read(out, rest, sizeof(rest));
		if (got > 0 && room)
			r->n += (size_t)got;
	}
	wipe(rest, sizeof(rest));
}

/*
 * Until the process has ended, its time is up or, unless it is to run to its end, the other side
 * is gone. What it left behind in the background may hold the pipe open: its end is not waited for.
 */
static bool run_wait(struct run *r, int pidfd, int out)
{
	vtime deadline = vtime_add(runtime_now(), r->limit_ms * VTIME_MS);
	struct pollfd p[3] = { { .fd = pidfd, .events = POLLIN },
			       { .fd = r->owner, .events = POLLRDHUP },
			       { .fd = out, .events = POLLIN } };

	for (;;) {
		vtime left = vtime_until(runtime_now(), deadline);
		int n = poll(p, ARRAY_SIZE(p), (int)((left + VTIME_MS - 1) / VTIME_MS));

		if (n == 0 || (n < 0 && errno != EINTR))
			return false;
		if (n < 0)
			continue;
		if (p[2].revents)
			run_collect(r, out);
		if (p[2].revents & (POLLHUP | POLLERR))
			p[2].fd = -1;
		if (p[0].revents)
			return true;
		if (p[1].revents) {
			r->orphaned = true;
			return false;
		}
	}
}

int run_reap(pid_t pid, bool ended)
{
	int status = 0;

	if (!ended)
		kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

int run_judge(int status, char why[RUN_WHY_MAX])
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status))
		snprintf(why, RUN_WHY_MAX, "ended with exit code %d", WEXITSTATUS(status));
	else
		snprintf(why, RUN_WHY_MAX, "was ended by signal %d", WTERMSIG(status));
	return ERR_CONFIG;
}

/* The shell's codes for a command that is not there, or that it may not run. */
static bool is_no_command(int status)
{
	return WIFEXITED(status) && (WEXITSTATUS(status) == 126 || WEXITSTATUS(status) == 127);
}

static int run_judge_all(const struct run *r, bool ended, int status, char why[RUN_WHY_MAX])
{
	if (!ended && r->orphaned) {
		snprintf(why, RUN_WHY_MAX, "was ended, because the connection ends");
		return ERR_TIMEOUT;
	}
	if (!ended) {
		snprintf(why, RUN_WHY_MAX, "has not ended after %.3g s", r->limit_ms / 1000.0);
		return ERR_TIMEOUT;
	}
	if (is_no_command(status)) {
		snprintf(why, RUN_WHY_MAX, "cannot be run: there is no such command");
		return ERR_UNSUPPORTED;
	}
	return run_judge(status, why);
}

/* In memory, so that nobody has to be there to write it. A descriptor, or -1 with errno. */
static int input_open(const char *text)
{
	size_t n = strlen(text);
	int fd = memfd_create("input", MFD_CLOEXEC);

	if (fd < 0 || (write(fd, text, n) == (ssize_t)n && lseek(fd, 0, SEEK_SET) == 0))
		return fd;
	close(fd);
	errno = ENOSPC;
	return -1;
}

int run_command(struct run *r, char why[RUN_WHY_MAX])
{
	int ends[2] = { -1, -1 }, in = -1, pidfd = -1, status, err = 0;
	pid_t pid = -1;
	bool ended;

	why[0] = '\0';
	r->n = 0;
	if (r->input && (in = input_open(r->input)) < 0)
		err = errno;
	if (!err && r->output &&
	    (pipe2(ends, O_CLOEXEC) != 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0))
		err = errno;
	if (!err)
		err = run_spawn(r->command, r->argument, r->vars, in,
				r->output ? ends[1] : STDERR_FILENO, &pid);
	if (ends[1] >= 0)
		close(ends[1]);
	if (err) {
		snprintf(why, RUN_WHY_MAX, "cannot be run: %s", strerror(err));
		err = ERR_SYSTEM;
		goto out;
	}
	/* It cannot be reaped, and its number used again, before we do so. */
	pidfd = pidfd_open(pid, 0);
	ended = pidfd >= 0 && run_wait(r, pidfd, ends[0]);
	status = run_reap(pid, ended);
	if (r->output)
		run_collect(r, ends[0]);
	err = run_judge_all(r, ended, status, why);
out:
	if (in >= 0)
		close(in);
	if (ends[0] >= 0)
		close(ends[0]);
	if (pidfd >= 0)
		close(pidfd);
	return err;
}
