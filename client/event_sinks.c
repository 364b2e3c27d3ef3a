/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/event_log.h"

#define LINE_MAX_BYTES 600

static void write_line(const char *when, const struct event *e)
{
	char text[LINE_MAX_BYTES];

	log_format(e->ev, text, sizeof(text));
	fprintf(stderr, "%s%s%s: %s\n", when, when[0] ? " " : "", log_level_name(e->ev->level),
		text);
}

static void write_plain(void *ctx, const struct event *e)
{
	(void)ctx;
	write_line("", e);
}

static void write_timed(void *ctx, const struct event *e)
{
	char when[EVENT_TIME_MAX];

	(void)ctx;
	write_line(event_time_text(e->wall, when), e);
}

struct event_sink event_sink_stderr(bool timed)
{
	return (struct event_sink){ timed ? write_timed : write_plain, NULL };
}
