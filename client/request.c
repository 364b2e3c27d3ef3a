/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "client/runtime.h"

#define ANSWER_MAX ((size_t)64 << 20)
#define ALIVE_WAIT_MS 500

/* What a crash leaves keeps the traffic of its tunnels from passing: that is worth knowing. */
static bool request_is_left_over(const char *name)
{
	char journal[RUNDIR_PATH_MAX];

	return rundir_file(name, RUNDIR_JOURNAL, journal) && access(journal, F_OK) == 0;
}

static void complain_none(const char *name, FILE *err)
{
	if (name && request_is_left_over(name))
		fprintf(err,
			"godwit: %s is not running, but did not clean up when it ended; "
			"run godwit disconnect %s, or start it again\n",
			name, name);
	else if (name)
		fprintf(err, "godwit: no connection named %s is running\n", name);
	else
		fprintf(err, "godwit: no connection is running\n");
}

/*
 * A connection that root has started listens before it gives up its privileges, so it is not the user
 * that it becomes then. Another process of that user can put a socket of its own in the directory; but
 * where the user is there for connections alone, that is one that a service manager has started.
 */
static bool request_is_genuine(int fd)
{
	struct priv_user user = priv_user();
	struct ucred cred;
	socklen_t n = sizeof(cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) == 0 &&
	       (cred.uid == geteuid() || cred.uid != user.uid || user.own);
}

/* A connected socket, or -1 with errno: EINVAL when this can be no name. */
static int request_connect(const char *name, int flags)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd, err;

	errno = EINVAL;
	if (!rundir_name_ok(name) || !rundir_file(name, RUNDIR_CONTROL, to.sun_path))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

static bool is_denied(int err)
{
	return err == EACCES || err == EPERM;
}

/* A connected socket, or an exit code made negative, after one line. */
static int request_dial(const char *name, FILE *err)
{
	int fd = request_connect(name, 0);
	char path[RUNDIR_PATH_MAX];

	if (fd >= 0 && request_is_genuine(fd))
		return fd;
	if (fd >= 0) {
		rundir_file(name, RUNDIR_CONTROL, path);
		fprintf(err, "godwit: %s is not the socket of a connection; remove it\n", path);
		close(fd);
		return -SESSION_EXIT_SYSTEM;
	}
	if (errno == EINVAL) {
		fprintf(err, "godwit: '%s' cannot be the name of a connection\n", name);
		return -SESSION_EXIT_USAGE;
	}
	if (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR) {
		complain_none(name, err);
		return -SESSION_EXIT_LOST;
	}
	fprintf(err, "godwit: cannot talk to the connection %s: %s%s\n", name, strerror(errno),
		is_denied(errno) ? "; run this as root" : "");
	return -SESSION_EXIT_SYSTEM;
}

static bool request_is_running(const char *name)
{
	int fd = request_connect(name, 0);

	/* One that we may not talk to runs as well. */
	if (fd < 0)
		return is_denied(errno);
	close(fd);
	return true;
}

/* The name of the only connection that runs in *out; 0 or an exit code after one line. */
static int request_only(struct rundir_list *list, const char **out, FILE *err)
{
	char names[200] = "";
	const char *left = NULL;
	unsigned running = 0;

	rundir_list(list);
	for (unsigned i = 0; i < list->n; i++) {
		size_t used = strlen(names);

		if (!request_is_running(list->names[i]))
			continue;
		*out = list->names[i];
		snprintf(names + used, sizeof(names) - used, "%s%s", running ? ", " : "",
			 list->names[i]);
		running++;
	}
	if (running == 1)
		return 0;
	for (unsigned i = 0; i < list->n && !left; i++)
		if (request_is_left_over(list->names[i]))
			left = list->names[i];
	if (running == 0) {
		complain_none(left, err);
		return SESSION_EXIT_LOST;
	}
	fprintf(err, "godwit: %u connections are running, name one of them: %s\n", running, names);
	return SESSION_EXIT_USAGE;
}

static bool request_send(int fd, const char *request)
{
	size_t n = strlen(request);
	char *line = xcalloc(1, n + 2);
	bool sent;

	memcpy(line, request, n);
	line[n] = '\n';
	sent = send(fd, line, n + 1, MSG_NOSIGNAL) == (ssize_t)(n + 1);
	/* It may hold a password. */
	wipe(line, n + 1);
	free(line);
	return sent;
}

bool request_is_answered(const char *name)
{
	static const char request[] = "{\"cmd\":\"status\"}\n";
	struct pollfd p = { .fd = request_connect(name, SOCK_NONBLOCK), .events = POLLIN };
	bool answered = false;
	char byte;

	if (p.fd < 0)
		return false;
	if (send(p.fd, request, strlen(request), MSG_NOSIGNAL) > 0 &&
	    poll(&p, 1, ALIVE_WAIT_MS) > 0)
		answered = recv(p.fd, &byte, 1, 0) == 1;
	close(p.fd);
	return answered;
}

/* ---- an open line ---- */

struct client_stream {
	int fd;
	bool ended;
	char name[CONFIG_NAME_MAX + 1];
	size_t n; /* bytes that have come and were not taken */
	size_t taken; /* of them, by the last call */
	size_t size;
	char *text;
};

int client_stream_open(const char *name, const char *request, struct client_stream **out, FILE *err)
{
	struct rundir_list list;
	struct client_stream *s;
	int fd, rc = 0;

	*out = NULL;
	if (!name)
		rc = request_only(&list, &name, err);
	if (rc)
		return rc;
	fd = request_dial(name, err);
	if (fd < 0)
		return -fd;
	if (!request_send(fd, request)) {
		fprintf(err, "godwit: the connection %s does not answer: %s\n", name,
			strerror(errno));
		close(fd);
		return SESSION_EXIT_NO_ANSWER;
	}
	s = xcalloc(1, sizeof(*s));
	s->fd = fd;
	snprintf(s->name, sizeof(s->name), "%s", name);
	*out = s;
	return 0;
}

const char *client_stream_name(const struct client_stream *s)
{
	return s->name;
}

bool client_stream_send(struct client_stream *s, const char *request)
{
	return !s->ended && request_send(s->fd, request);
}

int client_stream_fd(const struct client_stream *s)
{
	return s->fd;
}

/* Room for some more; a line that needs more than ANSWER_MAX is none. */
static bool stream_make_room(struct client_stream *s)
{
	size_t size = s->size ? 2 * s->size : 4096;
	char *text;

	if (s->size - s->n > 1)
		return true;
	if (size > ANSWER_MAX)
		return false;
	text = xcalloc(1, size);
	if (s->n)
		memcpy(text, s->text, s->n);
	free(s->text);
	s->text = text;
	s->size = size;
	return true;
}

/* True when more has come. */
static bool stream_receive(struct client_stream *s, int wait_ms)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	ssize_t n;

	errno = ETIMEDOUT;
	if (poll(&p, 1, wait_ms) <= 0)
		return false;
	errno = EMSGSIZE;
	n = stream_make_room(s) ? recv(s->fd, s->text + s->n, s->size - 1 - s->n, MSG_DONTWAIT) :
				  -1;
	if (n > 0) {
		s->n += (size_t)n;
		return true;
	}
	if (n == 0)
		errno = ECONNRESET;
	s->ended = n == 0 || errno != EAGAIN;
	return false;
}

/* The second byte of an escape, which stays as long as it is. */
static char *escape_tame(char *s)
{
	char hex[5];

	if (strchr("bfr", *s) && *s)
		*s = 't';
	if (*s != 'u' || strlen(s) < 5)
		return s;
	memcpy(hex, s + 1, 4);
	hex[4] = '\0';
	if (utf8_is_order((uint32_t)strtoul(hex, NULL, 16)))
		memcpy(s + 1, "003f", 4);
	return s + 4;
}

/*
 * What a terminal would obey does not come from a connection: root may look at one that has given root
 * up. It stays the same JSON but for that; ends of lines may stand in a text.
 */
static void line_tame(char *s)
{
	for (; *s; s++) {
		unsigned char next = (unsigned char)s[1];

		if (*s == '\\' && next)
			s = escape_tame(s + 1);
		else if ((unsigned char)*s < ' ')
			*s = ' ';
		else if (*s == 0x7f)
			*s = '?';
		else if ((unsigned char)*s == 0xc2 && utf8_is_order(next) && next >= 0x80)
			s[0] = s[1] = '?';
	}
}

enum client_stream_state client_stream_take(struct client_stream *s, int wait_ms, const char **line)
{
	char *end;

	s->n -= s->taken;
	if (s->taken)
		memmove(s->text, s->text + s->taken, s->n);
	s->taken = 0;
	while (!(end = s->n ? memchr(s->text, '\n', s->n) : NULL)) {
		if (s->ended)
			return CLIENT_STREAM_ENDED;
		if (!stream_receive(s, wait_ms))
			return s->ended ? CLIENT_STREAM_ENDED : CLIENT_STREAM_NOTHING;
	}
	*end = '\0';
	line_tame(s->text);
	s->taken = (size_t)(end - s->text) + 1;
	*line = s->text;
	return CLIENT_STREAM_LINE;
}

void client_stream_close(struct client_stream *s)
{
	if (!s)
		return;
	close(s->fd);
	free(s->text);
	free(s);
}

/* ---- one question ---- */

bool client_name_ok(const char *name)
{
	return rundir_name_ok(name);
}

bool client_is_running(const char *name)
{
	return rundir_name_ok(name) && request_is_running(name);
}

int client_request_wait(const char *name, const char *request, int wait_ms, char **answer,
			FILE *err)
{
	struct client_stream *s;
	const char *line;
	int rc = client_stream_open(name, request, &s, err);

	*answer = NULL;
	if (rc)
		return rc;
	if (client_stream_take(s, wait_ms, &line) == CLIENT_STREAM_LINE)
		*answer = xstrdup(line);
	else if (errno != EINTR) /* who interrupts us knows why there is none */
		fprintf(err, "godwit: the connection %s does not answer: %s\n", s->name,
			strerror(errno));
	/* Once it has ended, nobody but us is left who may remove its directory. */
	if (*answer)
		rundir_remove(s->name);
	client_stream_close(s);
	return *answer ? 0 : SESSION_EXIT_NO_ANSWER;
}

int client_request(const char *name, const char *request, char **answer, FILE *err)
{
	return client_request_wait(name, request, CLIENT_ANSWER_MS, answer, err);
}

void client_running(void (*each)(void *ctx, const char *name), void *ctx)
{
	struct rundir_list list;

	rundir_list(&list);
	for (unsigned i = 0; i < list.n; i++)
		if (request_is_running(list.names[i]))
			each(ctx, list.names[i]);
}

/* What an interface cannot be called is not worth telling. */
static bool interface_is_plain(const char *name)
{
	for (const char *c = name; *c; c++)
		if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\')
			return false;
	return strlen(name) < CONTROL_INTERFACE_MAX;
}

static int roam_one(const char *name, const char *request, FILE *err)
{
	char *answer;
	int rc = client_request(name, request, &answer, err);

	free(answer);
	return rc;
}

int client_roam(const char *name, const char *interface, FILE *err)
{
	char request[CONTROL_INTERFACE_MAX + 40] = "{\"cmd\":\"roam\"}";
	struct rundir_list list;
	unsigned running = 0;
	int rc = 0;

	if (interface && interface_is_plain(interface))
		snprintf(request, sizeof(request), "{\"cmd\":\"roam\",\"interface\":\"%s\"}",
			 interface);
	if (name)
		return roam_one(name, request, err);
	rundir_list(&list);
	for (unsigned i = 0; i < list.n; i++) {
		int one = request_is_running(list.names[i]) ?
				  roam_one(list.names[i], request, err) :
				  -1;

		running += one >= 0;
		rc = one > 0 ? one : rc;
	}
	if (running || interface)
		return rc;
	complain_none(NULL, err);
	return SESSION_EXIT_LOST;
}
