/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/hooks.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/runtime.h"

#define PID_FILE_WAIT_MS 1000
#define END_WAIT_MS (HOOKS_DISCONNECT_MS + 200)
/* Room for the few requests that may wait while one is carried out. */
#define SEND_ROOM (8 * (int)sizeof(struct hooks_request))

/* ---- requests ---- */

static bool hooks_send(struct hooks *h, const struct hooks_request *q)
{
	if (h->lost)
		return false;
	if (send(h->fd, q, sizeof(*q), MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof(*q))
		return true;
	h->lost = errno != EAGAIN;
	return false;
}

bool hooks_has_script(const struct hooks *h)
{
	return !h->lost && h->options->script;
}

bool hooks_has_password(const struct hooks *h)
{
	return !h->lost && h->options->password_command;
}

bool hooks_run(struct hooks *h, enum hooks_reason reason, const struct hooks_env *env)
{
	struct hooks_request *q = xcalloc(1, sizeof(*q));
	bool sent;

	q->verb = HOOKS_RUN;
	q->reason = reason;
	if (env)
		q->env = *env;
	sent = hooks_send(h, q);
	free(q);
	return sent;
}

bool hooks_password(struct hooks *h, const char *question)
{
	struct hooks_request *q = xcalloc(1, sizeof(*q));
	bool sent;

	q->verb = HOOKS_PASSWORD;
	snprintf(q->question, sizeof(q->question), "%s", question);
	sent = hooks_send(h, q);
	free(q);
	return sent;
}

static bool has_dns(const struct hooks_options *o)
{
	return o->dns.by == DNS_BY_RESOLVED || o->dns.by == DNS_BY_RESOLVCONF;
}

bool hooks_dns(struct hooks *h, const struct dns_plan *plan)
{
	struct hooks_request *q;
	bool sent;

	if (h->lost || !has_dns(h->options))
		return false;
	q = xcalloc(1, sizeof(*q));
	q->verb = HOOKS_DNS;
	q->dns = *plan;
	sent = hooks_send(h, q);
	free(q);
	return sent;
}

void hooks_go_to_background(struct hooks *h)
{
	struct hooks_request *q = xcalloc(1, sizeof(*q));

	q->verb = HOOKS_BACKGROUND;
	hooks_send(h, q);
	free(q);
}

/* ---- results ---- */

bool hooks_take(struct hooks *h, unsigned wait_ms, struct hooks_result *out)
{
	struct pollfd p = { .fd = h->fd, .events = POLLIN };
	struct hooks_reply reply;
	ssize_t n;

	*out = (struct hooks_result){ 0 };
	if (h->lost || poll(&p, 1, (int)wait_ms) <= 0)
		return false;
	n = recv(h->fd, &reply, sizeof(reply), MSG_DONTWAIT);
	if (n != sizeof(reply)) {
		h->lost = n >= 0 || errno != EAGAIN;
		return false;
	}
	out->verb = reply.verb;
	out->reason = reply.reason;
	out->status = reply.status;
	out->dns_over = reply.dns_over && reply.status == 0;
	h->dns_over |= out->dns_over;
	memcpy(out->why, reply.why, sizeof(out->why));
	if (reply.n)
		secret_set(&out->password, slice(reply.password, reply.n));
	wipe(&reply, sizeof(reply));
	return true;
}

/* The result of the request just made. */
static bool hooks_await(struct hooks *h, const struct hooks_result *wanted, unsigned wait_ms,
			struct hooks_result *out)
{
	vtime deadline = vtime_add(runtime_now(), wait_ms * VTIME_MS);

	while (hooks_take(h, (unsigned)(vtime_until(runtime_now(), deadline) / VTIME_MS), out)) {
		if (out->verb == wanted->verb && out->reason == wanted->reason)
			return true;
		secret_free(&out->password);
	}
	return false;
}

bool hooks_run_wait(struct hooks *h, enum hooks_reason reason, const struct hooks_env *env,
		    unsigned wait_ms, struct hooks_result *out)
{
	struct hooks_result wanted = { .verb = HOOKS_RUN, .reason = reason };

	*out = wanted;
	return hooks_run(h, reason, env) && hooks_await(h, &wanted, wait_ms, out);
}

bool hooks_write_pid(struct hooks *h, FILE *err)
{
	struct hooks_request *q = xcalloc(1, sizeof(*q));
	struct hooks_result wanted = { .verb = HOOKS_PID_FILE }, got = { 0 };
	bool sent;

	q->verb = HOOKS_PID_FILE;
	sent = hooks_send(h, q);
	free(q);
	if (sent && hooks_await(h, &wanted, PID_FILE_WAIT_MS, &got) && got.status == 0)
		return true;
	fprintf(err, "godwit: cannot write the pid file %s: %s\n", h->options->pid_file,
		got.why[0] ? got.why : "it cannot be had");
	return false;
}

/* ---- life ---- */

int hooks_start(struct hooks *h, const struct hooks_options *options, FILE *err)
{
	pid_t owner = getpid();
	int room = SEND_ROOM, ends[2];

	*h = (struct hooks){ .fd = -1, .lost = true, .pid = -1, .options = options };
	if (!options->script && !options->password_command && !options->pid_file &&
	    !has_dns(options))
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
		fprintf(err, "godwit: cannot start what runs the hooks: %s\n", strerror(errno));
		return ERR_SYSTEM;
	}
	setsockopt(ends[0], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	fflush(NULL);
	h->pid = fork();
	if (h->pid == 0)
		hooks_attend(ends[1], owner, options);
	close(ends[1]);
	if (h->pid < 0) {
		fprintf(err, "godwit: cannot start what runs the hooks: %s\n", strerror(errno));
		close(ends[0]);
		return ERR_SYSTEM;
	}
	h->fd = ends[0];
	h->lost = false;
	return 0;
}

void hooks_end(struct hooks *h)
{
	struct hooks_result result;
	vtime deadline;

	if (h->fd < 0)
		return;
	deadline = vtime_add(runtime_now(), (has_dns(h->options) ? 2 : 1) * END_WAIT_MS * VTIME_MS);
	shutdown(h->fd, SHUT_WR);
	/* It closes its end when it ends. */
	while (!h->lost && runtime_now() < deadline) {
		hooks_take(h, (unsigned)(vtime_until(runtime_now(), deadline) / VTIME_MS), &result);
		secret_free(&result.password);
	}
	waitpid(h->pid, NULL, h->lost ? 0 : WNOHANG);
	close(h->fd);
	*h = (struct hooks){
		.fd = -1, .lost = true, .pid = -1, .options = h->options, .dns_over = h->dns_over
	};
}
