/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/control_stream.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/runtime.h"

static void line_written(uv_write_t *w, int status)
{
	struct control_stream *s = w->data;

	free(s->rest);
	s->rest = NULL;
	s->writing = false;
	if (status == UV_ECANCELED)
		return;
	if (status < 0 || !control_stream_go_on(s))
		s->broken(s->ctx);
}

/* What has no room now follows when there is. */
static bool line_write_rest(struct control_stream *s, const char *text, size_t done)
{
	size_t n = strlen(text) + 1 - done;
	uv_buf_t buf;

	s->rest = xcalloc(1, n + 1);
	memcpy(s->rest, text + done, n - 1);
	s->rest[n - 1] = '\n';
	buf = uv_buf_init(s->rest, (unsigned)n);
	s->write.data = s;
	s->writing = uv_write(&s->write, s->pipe, &buf, 1, line_written) == 0;
	if (s->writing)
		return true;
	free(s->rest);
	s->rest = NULL;
	return false;
}

static bool line_write(struct control_stream *s, const char *text)
{
	char end[] = "\n";
	uv_buf_t bufs[2] = { uv_buf_init((char *)(uintptr_t)text, (unsigned)strlen(text)),
			     uv_buf_init(end, 1) };
	int n = uv_try_write(s->pipe, bufs, 2);

	if (n < 0 && n != UV_EAGAIN)
		return false;
	if (n < 0)
		n = 0;
	return (size_t)n == bufs[0].len + 1 || line_write_rest(s, text, (size_t)n);
}

static bool say(struct control_stream *s, const char *what)
{
	char text[80];

	snprintf(text, sizeof(text), "{\"log\":\"%s\",\"next\":%" PRIu64 "}", what,
		 event_log_next_seq(s->events));
	return line_write(s, text);
}

/* All that there is is written: what comes then. */
static bool caught_up(struct control_stream *s)
{
	s->next = event_log_next_seq(s->events);
	if (!s->follow) {
		s->on = false;
		return say(s, "end");
	}
	if (s->now)
		return true;
	s->now = true;
	return say(s, "now");
}

/* What it has not had yet has left the log. */
static bool has_lost(const struct control_stream *s)
{
	uint64_t complete = event_log_complete(s->events, s->level);

	return complete > s->next && complete > s->complete;
}

bool control_stream_go_on(struct control_stream *s)
{
	if (s->on && has_lost(s))
		return false;
	while (s->on && !s->writing) {
		const struct event_line *line = event_log_find(s->events, s->level, s->next);

		if (!line)
			return caught_up(s);
		s->next = line->seq + 1;
		if (!line_write(s, line->json))
			return false;
	}
	return true;
}

bool control_stream_begin(struct control_stream *s, uv_stream_t *pipe,
			  const struct event_log *events, const struct control_request *request)
{
	char text[120];

	s->pipe = pipe;
	s->events = events;
	s->level = request->has_level ? request->level : event_log_level(events);
	s->follow = request->follow;
	s->next = request->since;
	s->complete = event_log_complete(events, s->level);
	s->on = true;
	s->now = false;
	snprintf(text, sizeof(text),
		 "{\"log\":\"begin\",\"level\":\"%s\",\"complete_from\":%" PRIu64
		 ",\"next\":%" PRIu64 "}",
		 log_level_name(s->level), s->complete, event_log_next_seq(events));
	/* A line under way, of an answer before this one, comes first. */
	if (s->writing)
		return false;
	return line_write(s, text) && control_stream_go_on(s);
}

void control_stream_end(struct control_stream *s)
{
	if (s->on && !s->writing)
		say(s, "end");
	s->on = false;
}
