/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/control_json.h"
#include "client/control_stream.h"
#include "client/runtime.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "base/mem.h"

/* ---- requests ---- */

#define VERBS                                                                                             \
	"it is \"status\", \"disconnect\", \"answer\", \"roam\", \"log\", \"set\", \"show\", \"rekey\", " \
	"\"ping\" or \"metrics\""
#define TICKETS 256 /* more than clients: the rest of a ticket by it is its client */

static_assert(CONTROL_CLIENTS_MAX <= TICKETS, "a ticket is one client's");

/* Requests hold passwords: nothing of them stays behind in freed memory. */
static void free_wiped(void *p)
{
	if (p)
		wipe(p, malloc_usable_size(p));
	free(p);
}

static bool answer_value(const char *name, json_t *value, struct control_request *out)
{
	const char *text = json_string_value(value);
	size_t n = json_string_length(value);
	enum xauth_field f = 0;

	while (f < XAUTH_FIELDS && strcmp(ask_field_name(f), name) != 0)
		f++;
	if (f == XAUTH_FIELDS || !text || n > ASK_VALUE_MAX)
		return false;
	secret_set(&out->value[f], slice(text, n));
	return true;
}

static const char *answer_parse(json_t *request, struct control_request *out)
{
	json_t *id = json_object_get(request, "id"), *values = json_object_get(request, "values");
	json_int_t number = json_integer_value(id);
	const char *name;
	json_t *value;

	if (!json_is_integer(id) || number <= 0 || number > UINT32_MAX)
		return "an answer needs the \"id\" of its question";
	if (!json_is_object(values))
		return "an answer needs \"values\"";
	out->id = (uint32_t)number;
	json_object_foreach(values, name, value)
	{
		if (!answer_value(name, value, out))
			return "a value is of no known field, no text or too long";
	}
	return NULL;
}

static const char *roam_parse(json_t *request, struct control_request *out)
{
	json_t *interface = json_object_get(request, "interface");
	const char *name = json_string_value(interface);

	if (!interface)
		return NULL;
	if (!name || strlen(name) >= sizeof(out->interface))
		return "\"interface\" is no name of one";
	memcpy(out->interface, name, strlen(name) + 1);
	return NULL;
}

static const char *const shows[] = {
	[SHOW_SA] = "sa",	  [SHOW_POLICY] = "policy", [SHOW_FLOWS] = "flows",
	[SHOW_EPOCHS] = "epochs", [SHOW_ROUTES] = "routes", [SHOW_HELD] = "held",
};

const char *control_show_name(enum control_show show)
{
	return shows[show];
}

static const char *show_parse(json_t *request, struct control_request *out)
{
	const char *what = json_string_value(json_object_get(request, "what"));

	for (unsigned i = 0; what && i < SHOW_COUNT; i++) {
		if (strcmp(what, shows[i]) == 0) {
			out->show = (enum control_show)i;
			return NULL;
		}
	}
	return "what can be shown is sa, policy, flows, epochs, routes and held";
}

static const char *rekey_parse(json_t *request, struct control_request *out)
{
	json_t *what = json_object_get(request, "what");
	const char *text = json_string_value(what);

	out->wish.rekey = SESSION_REKEY_ALL;
	if (!what || json_is_null(what))
		return NULL;
	if (!text || !text[0] || strlen(text) >= sizeof(out->wish.tunnel))
		return "\"what\" is \"ike\" or the name of a tunnel; without it all is renewed";
	out->wish.rekey = strcmp(text, "ike") == 0 ? SESSION_REKEY_IKE : SESSION_REKEY_TUNNEL;
	memcpy(out->wish.tunnel, text, strlen(text) + 1);
	return NULL;
}

static const char *ping_parse(json_t *request, struct control_request *out)
{
	json_t *to = json_object_get(request, "target");
	const char *text = json_string_value(to);

	if (!to || json_is_null(to))
		return NULL;
	if (!text || !addr_parse(text, &out->wish.to) || !addr_is_host(&out->wish.to))
		return "\"target\" is the address of a host; without it the ping target is asked";
	return NULL;
}

static const char *level_parse(json_t *level, struct control_request *out)
{
	const char *name = json_string_value(level);

	if (!name || !event_level_parse(name, &out->level))
		return "a level is \"error\", \"warn\", \"info\" or \"debug\"";
	out->has_level = true;
	return NULL;
}

static const char *log_parse(json_t *request, struct control_request *out)
{
	json_t *since = json_object_get(request, "since"), *level;

	if (since && (!json_is_integer(since) || json_integer_value(since) < 0))
		return "\"since\" is the number of an event";
	out->since = (uint64_t)json_integer_value(since);
	out->follow = json_is_true(json_object_get(request, "follow"));
	level = json_object_get(request, "level");
	return level ? level_parse(level, out) : NULL;
}

static const char *set_parse(json_t *request, struct control_request *out)
{
	return level_parse(json_object_get(request, "log"), out);
}

static const struct {
	const char *name;
	enum control_verb verb;
	const char *(*parse)(json_t *request, struct control_request *out);
} verbs[] = {
	{ "status", CONTROL_STATUS, NULL },	    { "disconnect", CONTROL_DISCONNECT, NULL },
	{ "answer", CONTROL_ANSWER, answer_parse }, { "roam", CONTROL_ROAM, roam_parse },
	{ "log", CONTROL_LOG, log_parse },	    { "set", CONTROL_SET, set_parse },
	{ "show", CONTROL_SHOW, show_parse },	    { "rekey", CONTROL_REKEY, rekey_parse },
	{ "ping", CONTROL_PING, ping_parse },	    { "metrics", CONTROL_METRICS, NULL },
};

const char *control_verb_name(unsigned i)
{
	return i < ARRAY_SIZE(verbs) ? verbs[i].name : NULL;
}

static const char *verb_parse(const char *cmd, json_t *request, struct control_request *out)
{
	for (unsigned i = 0; i < ARRAY_SIZE(verbs); i++) {
		const char *why = NULL;

		if (strcmp(cmd, verbs[i].name) != 0)
			continue;
		if (verbs[i].parse)
			why = verbs[i].parse(request, out);
		if (!why)
			out->verb = verbs[i].verb;
		return why;
	}
	return "unknown \"cmd\"; " VERBS;
}

enum control_verb control_parse(struct slice line, struct control_request *out, const char **why)
{
	json_error_t error;
	json_t *request;
	const char *cmd;

	json_set_alloc_funcs(malloc, free_wiped);
	request = json_loadb((const char *)line.p, line.n, JSON_REJECT_DUPLICATES, &error);
	cmd = json_string_value(json_object_get(request, "cmd"));
	*out = (struct control_request){ .verb = CONTROL_BAD };
	*why = NULL;
	if (!request)
		*why = "not a JSON object in one line";
	else if (!cmd)
		*why = "no \"cmd\"; " VERBS;
	else
		*why = verb_parse(cmd, request, out);
	json_decref(request);
	return out->verb;
}

void control_request_free(struct control_request *r)
{
	for (unsigned f = 0; f < XAUTH_FIELDS; f++)
		secret_free(&r->value[f]);
}

/* ---- the socket ---- */

struct client {
	struct control *control;
	uv_pipe_t pipe;
	bool used; /* the handle is open or closing */
	bool waits; /* for the end */
	bool handling; /* one of its lines is at hand, and may be answered meanwhile */
	bool stopped; /* nothing is read until it has been answered */
	control_ticket ticket; /* of its request, which is answered later; 0: none is */
	char *rest; /* of an answer that the socket has no room for; NULL: all is written */
	uv_write_t write;
	struct control_stream log;
	size_t n;
	char line[CONTROL_LINE_MAX];
};

struct control {
	const struct control_ops *ops;
	uid_t owner; /* who started us: may ask, as root may */
	uv_pipe_t listener;
	uint64_t requests; /* so far */
	void (*resume)(struct client *c); /* client_resume, which is further down */
	struct client clients[CONTROL_CLIENTS_MAX];
};

/* Here nothing is under way of what may have closed it: events are told amidst of the session's turn. */
static void client_closed(uv_handle_t *h)
{
	struct client *c = h->data;
	control_ticket ticket = c->ticket;

	c->ticket = 0;
	if (ticket && c->control->ops->forget)
		c->control->ops->forget(c->control->ops->ctx, ticket);
	free(c->rest);
	c->rest = NULL;
	c->used = false;
}

static void client_close(struct client *c)
{
	if (!c->used || uv_is_closing((uv_handle_t *)&c->pipe))
		return;
	uv_close((uv_handle_t *)&c->pipe, client_closed);
}

static bool client_alive(const struct client *c)
{
	return c->used && !uv_is_closing((const uv_handle_t *)&c->pipe);
}

static bool client_busy(const struct client *c)
{
	return c->ticket || c->rest;
}

static void client_written(uv_write_t *w, int status)
{
	struct client *c = w->data;

	free(c->rest);
	c->rest = NULL;
	if (status < 0)
		client_close(c);
	else if (client_alive(c))
		c->control->resume(c);
}

/* What the socket has no room for goes when it has; until then no other request is looked at. */
static void client_write(struct client *c, const char *text, size_t n)
{
	uv_buf_t buf;

	c->rest = xcalloc(1, n);
	memcpy(c->rest, text, n);
	buf = uv_buf_init(c->rest, (unsigned)n);
	c->write.data = c;
	if (uv_write(&c->write, (uv_stream_t *)&c->pipe, &buf, 1, client_written) == 0)
		return;
	free(c->rest);
	c->rest = NULL;
	client_close(c);
}

/* An answer and its end. Who has not read the one before is dropped. */
static void client_answer(struct client *c, const char *text)
{
	size_t n = strlen(text) + 1;
	char *line = xcalloc(1, n + 1);
	uv_buf_t buf = uv_buf_init(line, (unsigned)n);
	int done;

	memcpy(line, text, n - 1);
	line[n - 1] = '\n';
	done = c->rest ? UV_EBUSY : uv_try_write((uv_stream_t *)&c->pipe, &buf, 1);
	if (done == UV_EAGAIN)
		done = 0;
	if (done < 0)
		client_close(c);
	else if ((size_t)done < n)
		client_write(c, line + done, n - (size_t)done);
	free(line);
}

static void client_answer_error(struct client *c, const char *why)
{
	char *text = control_json_dump(json_pack("{s:s}", "error", why));

	client_answer(c, text);
	free(text);
}

static control_ticket ticket_of(struct client *c)
{
	struct control *control = c->control;

	return ++control->requests * TICKETS + (control_ticket)(c - control->clients);
}

/* The answer comes at once, or later; the ticket is valid from the beginning. */
static void client_ask(struct client *c, struct control_request *request)
{
	const struct control_ops *ops = c->control->ops;
	const char *why = "nothing like that is to be had here";
	char *text = NULL;

	c->ticket = request->ticket = request->wish.id = ticket_of(c);
	if (ops->ask) {
		why = NULL;
		text = ops->ask(ops->ctx, request, &why);
	}
	if (!text && !why)
		return;
	c->ticket = 0;
	if (text)
		client_answer(c, text);
	else
		client_answer_error(c, why);
	free(text);
}

static void client_set(struct client *c, const struct control_request *request)
{
	char text[40];

	event_log_set_level(c->control->ops->events, request->level);
	snprintf(text, sizeof(text), "{\"log\":\"%s\"}", log_level_name(request->level));
	client_answer(c, text);
}

static void client_log(struct client *c, const struct control_request *request)
{
	struct event_log *events = c->control->ops->events;

	if (!events)
		client_answer_error(c, "there is no log");
	else if (request->verb == CONTROL_SET)
		client_set(c, request);
	else if (!control_stream_begin(&c->log, (struct uv_stream_s *)&c->pipe, events, request))
		client_close(c);
}

static void client_request_line(struct client *c, struct slice line)
{
	const struct control_ops *ops = c->control->ops;
	struct control_request request;
	const char *why;
	char *text;

	switch (control_parse(line, &request, &why)) {
	case CONTROL_STATUS:
		text = ops->status(ops->ctx);
		client_answer(c, text);
		free(text);
		break;
	case CONTROL_DISCONNECT:
		c->waits = true;
		ops->disconnect(ops->ctx);
		break;
	case CONTROL_ANSWER:
		why = ops->answer(ops->ctx, &request);
		if (why)
			client_answer_error(c, why);
		else
			client_answer(c, "{\"answered\":true}");
		break;
	case CONTROL_ROAM:
		ops->roam(ops->ctx, &request);
		client_answer(c, "{\"looking\":true}");
		break;
	case CONTROL_SHOW:
	case CONTROL_REKEY:
	case CONTROL_PING:
	case CONTROL_METRICS:
		client_ask(c, &request);
		break;
	case CONTROL_LOG:
	case CONTROL_SET:
		client_log(c, &request);
		break;
	case CONTROL_BAD:
		client_answer_error(c, why);
		break;
	}
	control_request_free(&request);
}

static void client_broken(void *ctx)
{
	client_close(ctx);
}

static void client_lines(struct client *c)
{
	char *end;

	while (client_alive(c) && !client_busy(c) && (end = memchr(c->line, '\n', c->n))) {
		size_t n = (size_t)(end - c->line);

		c->handling = true;
		client_request_line(c, slice(c->line, n));
		c->handling = false;
		c->n -= n + 1;
		memmove(c->line, end + 1, c->n);
		wipe(c->line + c->n, n + 1);
	}
	if (!client_alive(c) || c->n < sizeof(c->line))
		return;
	if (client_busy(c)) {
		c->stopped = uv_read_stop((uv_stream_t *)&c->pipe) == 0;
		return;
	}
	client_answer_error(c, "the request is too long");
	client_close(c);
}

static void client_allocate(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct client *c = h->data;

	(void)suggested;
	*buf = uv_buf_init(c->line + c->n, (unsigned)(sizeof(c->line) - c->n));
}

static void client_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct client *c = stream->data;

	(void)buf;
	if (n < 0) {
		client_close(c);
		return;
	}
	c->n += (size_t)n;
	client_lines(c);
}

/* Its answer is written, or has been given: what it has asked meanwhile is looked at. */
static void client_resume(struct client *c)
{
	if (c->handling)
		return;
	client_lines(c);
	if (!c->stopped || !client_alive(c) || c->n == sizeof(c->line))
		return;
	c->stopped = false;
	uv_read_start((uv_stream_t *)&c->pipe, client_allocate, client_read);
}

static bool client_may_ask(const struct control *c, const uv_pipe_t *pipe)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);
	uv_os_fd_t fd;

	return uv_fileno((const uv_handle_t *)pipe, &fd) == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) == 0 &&
	       (cred.uid == 0 || cred.uid == c->owner);
}

static struct client *control_free_client(struct control *c)
{
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (!c->clients[i].used)
			return &c->clients[i];
	return NULL;
}

static void turned_away(uv_handle_t *h)
{
	free(h);
}

/* A caller has to be taken before it can be turned away. */
static void control_turn_away(uv_stream_t *listener)
{
	uv_pipe_t *pipe = xcalloc(1, sizeof(*pipe));

	uv_pipe_init(listener->loop, pipe, 0);
	uv_accept(listener, (uv_stream_t *)pipe);
	uv_close((uv_handle_t *)pipe, turned_away);
}

static void control_connection(uv_stream_t *listener, int status)
{
	struct control *control = listener->data;
	struct client *c = control_free_client(control);

	if (status < 0)
		return;
	if (!c) {
		control_turn_away(listener);
		return;
	}
	*c = (struct client){ .control = control, .used = true };
	uv_pipe_init(listener->loop, &c->pipe, 0);
	c->pipe.data = c;
	c->log.broken = client_broken;
	c->log.ctx = c;
	if (uv_accept(listener, (uv_stream_t *)&c->pipe) != 0 ||
	    !client_may_ask(control, &c->pipe) ||
	    uv_read_start((uv_stream_t *)&c->pipe, client_allocate, client_read) != 0)
		client_close(c);
}

/* There is a new event. */
static void control_told(void *ctx)
{
	struct control *c = ctx;

	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (client_alive(&c->clients[i]) && !control_stream_go_on(&c->clients[i].log))
			client_close(&c->clients[i]);
}

static void control_listener_closed(uv_handle_t *h)
{
	(void)h;
}

struct control *control_new(struct uv_loop_s *loop, const char *path, const struct control_ops *ops)
{
	struct control *c = xcalloc(1, sizeof(*c));
	mode_t mask = umask(0177);
	int rc;

	c->ops = ops;
	c->resume = client_resume;
	c->owner = geteuid();
	uv_pipe_init(loop, &c->listener, 0);
	c->listener.data = c;
	/* The lock says that whoever left one here is gone. */
	unlink(path);
	rc = uv_pipe_bind(&c->listener, path);
	umask(mask);
	if (rc == 0)
		rc = uv_listen((uv_stream_t *)&c->listener, CONTROL_CLIENTS_MAX,
			       control_connection);
	if (rc == 0) {
		if (ops->events)
			event_log_listen(ops->events, control_told, c);
		return c;
	}
	control_shut(c);
	uv_run(loop, UV_RUN_NOWAIT);
	free(c);
	errno = -rc;
	return NULL;
}

void control_answer(struct control *c, control_ticket ticket, const char *text)
{
	struct client *of = &c->clients[ticket % TICKETS % CONTROL_CLIENTS_MAX];

	if (!ticket || of->ticket != ticket || !client_alive(of))
		return;
	of->ticket = 0;
	client_answer(of, text);
	if (client_alive(of))
		client_resume(of);
}

void control_shut(struct control *c)
{
	/* Closing it removes the socket, too. */
	if (!uv_is_closing((uv_handle_t *)&c->listener))
		uv_close((uv_handle_t *)&c->listener, control_listener_closed);
}

void control_end(struct control *c)
{
	control_shut(c);
	if (c->ops->events)
		event_log_listen(c->ops->events, NULL, NULL);
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		if (client_alive(&c->clients[i]))
			control_stream_end(&c->clients[i].log);
		if (client_alive(&c->clients[i]) && c->clients[i].waits)
			client_answer(&c->clients[i], "{\"state\":\"down\"}");
		client_close(&c->clients[i]);
	}
}

void control_free(struct control *c)
{
	free(c);
}
