/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/trace.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define FNV_OFFSET 0xcbf29ce484222325u
#define FNV_PRIME 0x100000001b3u

uint64_t trace_hash(uint64_t hash, struct slice bytes)
{
	for (size_t i = 0; i < bytes.n; i++)
		hash = (hash ^ bytes.p[i]) * FNV_PRIME;
	return hash;
}

void trace_init(struct trace *t, bool show)
{
	*t = (struct trace){ .show = show, .hash = FNV_OFFSET, .milestones = FNV_OFFSET };
}

void trace_bytes(struct trace *t, struct slice bytes)
{
	t->hash = trace_hash(t->hash, bytes);
}

__attribute__((format(printf, 4, 0))) static void put_line(struct trace *t, vtime at, bool show,
							   const char *fmt, va_list args)
{
	char line[700];
	int n;

	if (t->lazy && !show)
		return;
	n = snprintf(line, sizeof(line), "%5" PRIu64 ".%06" PRIu64 "  ", at / VTIME_S,
		     at % VTIME_S / VTIME_US);
	vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, args);
	if (!t->lazy) {
		trace_bytes(t, SLICE_STR(line));
		trace_bytes(t, slice(&at, sizeof(at)));
	}
	if (show)
		puts(line);
}

void trace_line(struct trace *t, vtime at, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	put_line(t, at, t->show && !t->lanes, fmt, args);
	va_end(args);
}

void trace_lane(struct trace *t, vtime at, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	put_line(t, at, t->show, fmt, args);
	va_end(args);
}

void trace_log(struct trace *t, const char *client, const struct log_event *ev)
{
	char text[500];

	if (!t->lazy || t->show) {
		log_format(ev, text, sizeof(text));
		trace_line(t, ev->at, "  %s: %s: %s", client, log_level_name(ev->level), text);
	}
	if (ev->level > LOG_INFO)
		return;
	t->milestones = trace_hash(t->milestones, SLICE_STR(ev->what));
	t->milestones = trace_hash(t->milestones, slice(&ev->at, sizeof(ev->at)));
}
