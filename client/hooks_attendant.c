/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/hooks.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/run.h"
#include "client/runtime.h"

static_assert(HOOKS_WHY_MAX == RUN_WHY_MAX, "a run's complaint is one of ours");

#define OUTPUT_MAX (HOOKS_PASSWORD_MAX + 2) /* a line, its end, and one byte too many */

struct attendant {
	int fd;
	pid_t owner;
	const struct hooks_options *options;
	bool connected; /* a connect has begun, and no disconnect since */
	bool gone; /* nobody is on the other side any more */
	bool pid_written;
	struct dns_agent *dns; /* NULL: that is not our business */
	struct hooks_env env; /* checked: of the last run that had one */
	struct hooks_request request;
};

/* ---- the script ---- */

static int attendant_script(struct attendant *a, enum hooks_reason reason, char why[HOOKS_WHY_MAX])
{
	static const struct hooks_env nothing;
	struct run r = { .command = a->options->script,
			 .limit_ms = HOOKS_RUN_MS,
			 .owner = a->gone ? -1 : a->fd };
	struct hooks_vars vars;
	int err;

	if (reason == HOOKS_CONNECT)
		a->connected = true;
	if (reason == HOOKS_DISCONNECT) {
		a->connected = false;
		r.limit_ms = HOOKS_DISCONNECT_MS;
		r.owner = -1;
	}
	hooks_vars_make(reason == HOOKS_PRE_INIT ? &nothing : &a->env, reason, a->owner,
			a->options->verbose ? 2 : 1, &vars);
	r.vars = vars.vars;
	err = run_command(&r, why);
	a->gone |= r.orphaned;
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

/* A script sets up whatever device it is told. */
static bool is_our_device(const struct attendant *a, const struct hooks_env *env)
{
	const char *device = a->options->dns.device;

	return !device || strcmp(env->device, device) == 0;
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
	if (hooks_env_check(&q->env) != 0 || !is_our_device(a, &q->env))
		return false;
	a->env = q->env;
	if (a->options->no_dns)
		hide_dns(&a->env);
	return true;
}

/* ---- the password command ---- */

/* One line, as a person would see it; for the program that gets it no option. */
static bool question_ok(const char question[HOOKS_QUESTION_MAX])
{
	size_t n = strnlen(question, HOOKS_QUESTION_MAX);

	for (size_t i = 0; i < n; i++)
		if ((uint8_t)question[i] < ' ' || question[i] == 0x7f)
			return false;
	return n > 0 && n < HOOKS_QUESTION_MAX && question[0] != '-';
}

static int attendant_password(struct attendant *a, struct hooks_reply *reply)
{
	char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	char *vars[] = { path, NULL };
	uint8_t output[OUTPUT_MAX];
	struct run r = { .command = a->options->password_command,
			 .argument = a->request.question,
			 .vars = vars,
			 .limit_ms = HOOKS_RUN_MS,
			 .owner = a->fd,
			 .output = output,
			 .size = sizeof(output) };
	int err = run_command(&r, reply->why);
	const uint8_t *end = memchr(output, '\n', r.n);
	size_t n = end ? (size_t)(end - output) : r.n;

	a->gone |= r.orphaned;
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
static int attendant_write_pid(struct attendant *a, char why[HOOKS_WHY_MAX])
{
	const char *path = a->options->pid_file;
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = open(path, flags, 0644);

	if (fd < 0 && errno == EEXIST && unlink(path) == 0)
		fd = open(path, flags, 0644);
	if (fd < 0 || fchmod(fd, 0644) != 0 || dprintf(fd, "%d\n", (int)a->owner) < 0) {
		snprintf(why, HOOKS_WHY_MAX, "%s", strerror(errno));
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

/* ---- DNS ---- */

static void attendant_tell_dns(struct attendant *a, int status, bool over, const char *why)
{
	struct hooks_reply reply = { .verb = HOOKS_DNS, .status = status, .dns_over = over };

	snprintf(reply.why, sizeof(reply.why), "%s", why);
	send(a->fd, &reply, sizeof(reply), MSG_NOSIGNAL);
}

static void on_dns(void *ctx, int status, const char *why)
{
	attendant_tell_dns(ctx, status, false, why);
}

static void attendant_dns_end(struct attendant *a)
{
	if (a->dns)
		attendant_tell_dns(a, dns_agent_end(a->dns), true, "");
	a->dns = NULL;
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
	case HOOKS_DNS:
		break;
	}
}

static void attendant_dns(struct attendant *a)
{
	const struct dns_plan *plan = &a->request.dns;

	if (a->dns && dns_plan_check(plan) == 0)
		dns_agent_set(a->dns, plan);
	else
		on_dns(a, ERR_PERMISSION, "is not allowed");
}

/* Until there is a request, or nobody who would make one. */
static void attendant_wait(struct attendant *a)
{
	struct pollfd p[2] = { { .fd = a->fd, .events = POLLIN },
			       { .fd = a->dns ? dns_agent_fd(a->dns) : -1, .events = POLLIN } };

	while (poll(p, 2, -1) > 0 && !p[0].revents)
		dns_agent_run(a->dns);
}

static void attendant_serve(struct attendant *a)
{
	ssize_t n;

	while (!a->gone) {
		struct hooks_reply reply = { 0 };

		attendant_wait(a);
		n = recv(a->fd, &a->request, sizeof(a->request), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		/* All are of one size: nothing of an earlier one can be taken for a part of it. */
		if (n != sizeof(a->request))
			continue;
		if (a->request.verb == HOOKS_DNS) {
			attendant_dns(a);
			continue;
		}
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
	char why[HOOKS_WHY_MAX];

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
	if (options->dns.by == DNS_BY_RESOLVED || options->dns.by == DNS_BY_RESOLVCONF)
		a->dns = dns_agent_new(&options->dns, on_dns, a);
	attendant_serve(a);
	a->gone = true;
	attendant_dns_end(a);
	if (a->connected)
		attendant_script(a, HOOKS_DISCONNECT, why);
	if (a->pid_written)
		attendant_remove_pid(a);
	_exit(0);
}
