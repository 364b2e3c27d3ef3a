/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/runtime.h"

#define OUTPUT_MAX (HOOKS_PASSWORD_MAX + 2) /* a line, its end, and one byte too many */

struct attendant {
	int fd;
	pid_t owner;
	const struct hooks_options *options;
	bool connected; /* a connect has begun, and no disconnect since */
	bool gone; /* nobody is on the other side any more */
	bool pid_written;
	struct hooks_env env; /* checked: of the last run that had one */
	struct hooks_request request;
};

/* ---- one run ---- */

struct run {
	const char *command;
	const char *question; /* its "$1"; NULL: none */
	char *const *vars;
	unsigned limit_ms;
	bool to_the_end; /* also when nobody is on the other side any more */
	uint8_t *output; /* OUTPUT_MAX bytes; NULL: it goes where our own goes */
	size_t n;
};

/* In a process group of its own, so that it can be ended with all that it started. */
static int run_spawn(const struct run *r, int out_fd, pid_t *pid)
{
	char sh[] = "sh", c[] = "-c";
	char *command = xstrdup(r->command), *question = xstrdup(r->question);
	char *argv[] = { sh, c, command, sh, question, NULL };
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
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
	err = posix_spawn(pid, "/bin/sh", &actions, &attr, argv, r->vars);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	free(command);
	free(question);
	return err;
}

/* Some of what is there, without waiting. What the output has no room for is thrown away. */
static void run_collect(struct run *r, int out)
{
	uint8_t rest[4096];
	ssize_t got = 1;

	for (int i = 0; i < 64 && got > 0; i++) {
		size_t room = OUTPUT_MAX - r->n;

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
static bool run_wait(struct attendant *a, struct run *r, int pidfd, int out)
{
	vtime deadline = vtime_add(runtime_now(), r->limit_ms * VTIME_MS);
	struct pollfd p[3] = { { .fd = pidfd, .events = POLLIN },
			       { .fd = r->to_the_end ? -1 : a->fd, .events = POLLRDHUP },
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
			a->gone = true;
			return false;
		}
	}
}

/* The shell's codes for a command that is not there, or that it may not run. */
static bool is_no_command(int status)
{
	return WIFEXITED(status) && (WEXITSTATUS(status) == 126 || WEXITSTATUS(status) == 127);
}

static int run_judge(const struct attendant *a, const struct run *r, bool ended, int status,
		     char why[160])
{
	int err = ended ? ERR_CONFIG : ERR_TIMEOUT;

	if (ended && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (!ended && a->gone) {
		snprintf(why, 160, "was ended, because the connection ends");
	} else if (!ended) {
		snprintf(why, 160, "has not ended after %.3g s", r->limit_ms / 1000.0);
	} else if (is_no_command(status)) {
		snprintf(why, 160, "cannot be run: there is no such command");
		err = ERR_UNSUPPORTED;
	} else if (WIFEXITED(status)) {
		snprintf(why, 160, "ended with exit code %d", WEXITSTATUS(status));
	} else {
		snprintf(why, 160, "was ended by signal %d", WTERMSIG(status));
	}
	return err;
}

/* 0; ERR_UNSUPPORTED: no such command; ERR_CONFIG: it failed; ERR_TIMEOUT; ERR_SYSTEM; and why. Nothing of its process group is left when it was too slow. */
static int run(struct attendant *a, struct run *r, char why[160])
{
	int ends[2] = { -1, -1 }, pidfd = -1, status = 0, err = 0;
	pid_t pid = -1;
	bool ended;

	why[0] = '\0';
	if (r->output && (pipe2(ends, O_CLOEXEC) != 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0))
		err = errno;
	if (!err)
		err = run_spawn(r, r->output ? ends[1] : STDERR_FILENO, &pid);
	if (ends[1] >= 0)
		close(ends[1]);
	if (err) {
		snprintf(why, 160, "cannot be run: %s", strerror(err));
		err = ERR_SYSTEM;
		goto out;
	}
	/* It cannot be reaped, and its number used again, before we do so. */
	pidfd = pidfd_open(pid, 0);
	ended = pidfd >= 0 && run_wait(a, r, pidfd, ends[0]);
	if (!ended)
		kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r->output)
		run_collect(r, ends[0]);
	err = run_judge(a, r, ended, status, why);
out:
	if (ends[0] >= 0)
		close(ends[0]);
	if (pidfd >= 0)
		close(pidfd);
	return err;
}

/* ---- the script ---- */

static int attendant_script(struct attendant *a, enum hooks_reason reason, char why[160])
{
	static const struct hooks_env nothing;
	struct run r = { .command = a->options->script,
			 .limit_ms = HOOKS_RUN_MS,
			 .to_the_end = a->gone };
	struct hooks_vars vars;
	int err;

	if (reason == HOOKS_CONNECT)
		a->connected = true;
	if (reason == HOOKS_DISCONNECT) {
		a->connected = false;
		r.limit_ms = HOOKS_DISCONNECT_MS;
		r.to_the_end = true;
	}
	hooks_vars_make(reason == HOOKS_PRE_INIT ? &nothing : &a->env, reason, a->owner,
			a->options->verbose ? 2 : 1, &vars);
	r.vars = vars.vars;
	err = run(a, &r, why);
	hooks_vars_free(&vars);
	return err;
}

static void hide_dns(struct hooks_env *env)
{
	env->ndns = 0;
	env->nnbns = 0;
	env->nsplit_dns = 0;
	env->domain[0] = '\0';
}

/* Takes over what a request brings, if it is one that the other side may make now. */
static bool attendant_may_run(struct attendant *a)
{
	const struct hooks_request *q = &a->request;

	if (!a->options->script || (unsigned)q->reason >= HOOKS_REASONS)
		return false;
	if (q->reason == HOOKS_PRE_INIT)
		return true;
	if (q->reason == HOOKS_DISCONNECT)
		return a->connected;
	if (hooks_env_check(&q->env) != 0)
		return false;
	a->env = q->env;
	if (a->options->no_dns)
		hide_dns(&a->env);
	return true;
}

/* ---- the password command ---- */

/* One line, as a person would see it. */
static bool question_ok(const char question[HOOKS_QUESTION_MAX])
{
	size_t n = strnlen(question, HOOKS_QUESTION_MAX);

	for (size_t i = 0; i < n; i++)
		if ((uint8_t)question[i] < ' ' || question[i] == 0x7f)
			return false;
	return n > 0 && n < HOOKS_QUESTION_MAX;
}

static int attendant_password(struct attendant *a, struct hooks_reply *reply)
{
	char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	char *vars[] = { path, NULL };
	uint8_t output[OUTPUT_MAX];
	struct run r = { .command = a->options->password_command,
			 .question = a->request.question,
			 .vars = vars,
			 .limit_ms = HOOKS_RUN_MS,
			 .output = output };
	int err = run(a, &r, reply->why);
	const uint8_t *end = memchr(output, '\n', r.n);
	size_t n = end ? (size_t)(end - output) : r.n;

	if (n > 0 && output[n - 1] == '\r')
		n--;
	if (!err && (n == 0 || n > HOOKS_PASSWORD_MAX)) {
		snprintf(reply->why, sizeof(reply->why),
			 n ? "gives more than %d bytes" : "gives nothing", HOOKS_PASSWORD_MAX);
		err = ERR_CONFIG;
	}
	if (!err) {
		memcpy(reply->password, output, n);
		reply->n = (uint32_t)n;
	}
	wipe(output, sizeof(output));
	return err;
}

/* ---- the pid file ---- */

/* A new file of ours, never one that is there already or that a link points to. */
static int attendant_write_pid(struct attendant *a, char why[160])
{
	const char *path = a->options->pid_file;
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = open(path, flags, 0644);

	if (fd < 0 && errno == EEXIST && unlink(path) == 0)
		fd = open(path, flags, 0644);
	if (fd < 0 || fchmod(fd, 0644) != 0 || dprintf(fd, "%d\n", (int)a->owner) < 0) {
		snprintf(why, 160, "%s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return ERR_SYSTEM;
	}
	close(fd);
	a->pid_written = true;
	return 0;
}

/* Another connection may have put its own there. */
static void attendant_remove_pid(const struct attendant *a)
{
	int fd = open(a->options->pid_file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char text[24] = "";

	if (fd < 0)
		return;
	if (read(fd, text, sizeof(text) - 1) > 0 && strtol(text, NULL, 10) == (long)a->owner)
		unlink(a->options->pid_file);
	close(fd);
}

/* ---- requests ---- */

static void attendant_go_to_background(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; null >= 0 && fd <= 2; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
	if (chdir("/") != 0)
		errno = 0;
}

static void attendant_carry_out(struct attendant *a, struct hooks_reply *reply)
{
	snprintf(reply->why, sizeof(reply->why), "is not allowed");
	reply->status = ERR_PERMISSION;
	switch (a->request.verb) {
	case HOOKS_RUN:
		if (attendant_may_run(a))
			reply->status = attendant_script(a, a->request.reason, reply->why);
		break;
	case HOOKS_PASSWORD:
		if (a->options->password_command && question_ok(a->request.question))
			reply->status = attendant_password(a, reply);
		break;
	case HOOKS_PID_FILE:
		if (a->options->pid_file)
			reply->status = attendant_write_pid(a, reply->why);
		break;
	case HOOKS_BACKGROUND:
		attendant_go_to_background();
		break;
	}
}

static void attendant_serve(struct attendant *a)
{
	ssize_t n;

	while (!a->gone) {
		struct hooks_reply reply = { 0 };

		n = recv(a->fd, &a->request, sizeof(a->request), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		/* All are of one size: nothing of an earlier one can be taken for a part of it. */
		if (n != sizeof(a->request))
			continue;
		reply.verb = a->request.verb;
		reply.reason = a->request.reason;
		attendant_carry_out(a, &reply);
		if (a->request.verb != HOOKS_BACKGROUND)
			send(a->fd, &reply, sizeof(reply), MSG_NOSIGNAL);
		wipe(&reply, sizeof(reply));
	}
}

_Noreturn void hooks_attend(int fd, pid_t owner, const struct hooks_options *options)
{
	struct attendant *a = xcalloc(1, sizeof(*a));
	sigset_t all;
	char why[160];

	/* What ends the connection ends us when it has; a terminal's signals reach all its processes. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	prctl(PR_SET_NAME, "godwit-hooks");
	if (dup2(fd, STDERR_FILENO + 1) < 0 || fcntl(STDERR_FILENO + 1, F_SETFD, FD_CLOEXEC) != 0 ||
	    close_range(STDERR_FILENO + 2, ~0U, 0) != 0)
		_exit(1);
	a->fd = STDERR_FILENO + 1;
	a->owner = owner;
	a->options = options;
	attendant_serve(a);
	a->gone = true;
	if (a->connected)
		attendant_script(a, HOOKS_DISCONNECT, why);
	if (a->pid_written)
		attendant_remove_pid(a);
	_exit(0);
}
