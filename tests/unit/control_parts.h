/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A control socket of our own, and those who ask. */
#ifndef GODWIT_TESTS_UNIT_CONTROL_PARTS_H
#define GODWIT_TESTS_UNIT_CONTROL_PARTS_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "client/client.h"
#include "client/runtime.h"

#define LONG_ANSWER 3000000

struct server {
	char dir[64];
	char path[80];
	uv_loop_t loop;
	struct control *control;
	struct control_ops ops;
	struct log log;
	struct event_log *events;
	unsigned disconnects;
	uint32_t answered;
	unsigned roams;
	control_ticket ticket, forgotten;
	char interface[CONTROL_INTERFACE_MAX];
	char password[16];
	const char *status; /* what it says when asked for it; NULL: that it is up */
};

static inline char *say_status(void *ctx)
{
	const struct server *s = ctx;

	return strdup(s->status ? s->status : "{\"state\":\"up\"}");
}

static inline void count_disconnect(void *ctx)
{
	struct server *s = ctx;

	s->disconnects++;
}

static inline const char *take_answer(void *ctx, const struct control_request *r)
{
	struct server *s = ctx;

	if (r->id != 7)
		return "there is no such question any more";
	s->answered = r->id;
	memcpy(s->password, r->value[XAUTH_PASSWORD].p, r->value[XAUTH_PASSWORD].n);
	return NULL;
}

static inline void take_roam(void *ctx, const struct control_request *r)
{
	struct server *s = ctx;

	s->roams++;
	memcpy(s->interface, r->interface, sizeof(s->interface));
}

/* "sa" at once, "policy" refused, "flows" later, "held" a long text, a ping during the call. */
static inline char *asked(void *ctx, const struct control_request *r, const char **why)
{
	struct server *s = ctx;
	char *text;

	s->ticket = r->ticket;
	if (r->verb == CONTROL_PING) {
		control_answer(s->control, r->ticket, "{\"ping\":{}}");
		return NULL;
	}
	if (r->show == SHOW_SA)
		return strdup("{\"show\":\"sa\"}");
	if (r->show == SHOW_POLICY)
		*why = "not now";
	if (r->show != SHOW_HELD)
		return NULL;
	text = malloc(LONG_ANSWER + 1);
	memset(text, 'x', LONG_ANSWER);
	text[LONG_ANSWER] = '\0';
	return text;
}

static inline void forgotten(void *ctx, control_ticket ticket)
{
	struct server *s = ctx;

	s->forgotten = ticket;
}

static inline int server_start(void **state)
{
	struct server *s = calloc(1, sizeof(*s));

	strcpy(s->dir, "/tmp/godwit-control.XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	snprintf(s->path, sizeof(s->path), "%s/control", s->dir);
	uv_loop_init(&s->loop);
	s->events = event_log_new(LOG_DEBUG, LOG_INFO);
	event_log_attach(s->events, &s->log);
	s->ops = (struct control_ops){
		.ctx = s,
		.status = say_status,
		.disconnect = count_disconnect,
		.answer = take_answer,
		.roam = take_roam,
		.events = s->events,
		.ask = asked,
		.forget = forgotten,
	};
	s->control = control_new(&s->loop, s->path, &s->ops);
	assert_non_null(s->control);
	*state = s;
	return 0;
}

static inline int server_stop(void **state)
{
	struct server *s = *state;

	control_end(s->control);
	for (int i = 0; i < 10; i++)
		uv_run(&s->loop, UV_RUN_NOWAIT);
	assert_int_equal(uv_loop_close(&s->loop), 0);
	control_free(s->control);
	event_log_free(s->events);
	/* The socket is gone, or this fails. */
	assert_int_equal(rmdir(s->dir), 0);
	free(s);
	return 0;
}

static inline int dial(struct server *s)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(to.sun_path, s->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static inline void turn(struct server *s)
{
	for (int i = 0; i < 10; i++)
		uv_run(&s->loop, UV_RUN_NOWAIT);
}

static inline void tell(struct server *s, int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	turn(s);
}

/* What has come, as a string; "" when nothing has, NULL when the other side has closed. */
static inline const char *hear(int fd)
{
	static char buf[8192];
	ssize_t n = recv(fd, buf, sizeof(buf) - 1, MSG_DONTWAIT);

	if (n == 0)
		return NULL;
	buf[n < 0 ? 0 : n] = '\0';
	return buf;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, server_start, server_stop)

#endif
