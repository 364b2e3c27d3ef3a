/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The event log of a connection, or of a gateway, while it runs. base/log hands every event to it
 * (event_log_attach); it numbers the event, keeps it, and passes it on:
 *
 *	base/log ──► event_log ──┬─► two rings ──► who asks for "log" on the control socket
 *	                         ├─► sinks: stderr, journald (event_sinks.c, event_journal.c)
 *	                         └─► one listener: those who follow
 *
 * What is kept is bounded twice: so many events, so many bytes; the oldest go. Debug events have a
 * ring of their own, so that a flood of them takes away none of the others. Numbers are those of all
 * events, and rise by one; event_log_complete tells from where on none is missing.
 *
 * Of two levels, `keep` says what the rings get, and the level, which changes at run time, what the
 * sinks get and what is shown to those who do not say.
 */
#ifndef GODWIT_CLIENT_EVENT_LOG_H
#define GODWIT_CLIENT_EVENT_LOG_H

#include <stdio.h>

#include "base/log.h"

/* Of each ring. */
#define EVENT_RING_EVENTS 2048
#define EVENT_RING_BYTES ((size_t)512 << 10)

#define EVENT_SINKS_MAX 2
#define EVENT_TIME_MAX 32 /* "2026-11-22T06:30:00.000000Z" and its NUL */

/* One event, kept. */
struct event_line {
	uint64_t seq;
	enum log_level level;
	size_t n;
	char *json; /* an object in one line, without its end; n bytes and a NUL */
};

/* An event with what the log knows of it. */
struct event {
	uint64_t seq; /* the first is 1 */
	vtime wall; /* when, since 1970 */
	const struct log_event *ev; /* ev->at: when, of CLOCK_BOOTTIME */
};

struct event_sink {
	void (*write)(void *ctx, const struct event *e);
	void *ctx;
};

struct event_log;

/* Keeps events up to `keep`; `level` is that of the sinks. */
struct event_log *event_log_new(enum log_level keep, enum log_level level);
/* Whatever was attached is silent from then on. NULL is nothing. */
void event_log_free(struct event_log *l);
/* The events of `log`, which is borrowed, come here from now on, as many as are wanted here. */
void event_log_attach(struct event_log *l, struct log *log);
/* Adds one as `log` does; wall: when it was, since 1970. */
void event_log_add(struct event_log *l, const struct log_event *ev, vtime wall);
enum log_level event_log_level(const struct event_log *l);
void event_log_set_level(struct event_log *l, enum log_level level);
/* Gets what comes from now on. There are at most EVENT_SINKS_MAX. */
void event_log_add_sink(struct event_log *l, const struct event_sink *sink);
void event_log_remove_sinks(struct event_log *l);
/* Called for each event that is kept, behind the sinks; NULL: nobody listens. It must log nothing. */
void event_log_listen(struct event_log *l, void (*told)(void *ctx), void *ctx);

/* The number of the next event. */
uint64_t event_log_next_seq(const struct event_log *l);
/* From this number on there is every event of this level, and of those above it. */
uint64_t event_log_complete(const struct event_log *l, enum log_level level);
/* The first event of this level that is kept with this number or a later one; NULL: none. */
const struct event_line *event_log_find(const struct event_log *l, enum log_level level,
					uint64_t seq);

/* "2026-11-22T06:30:00.000000Z" of a time since 1970. */
const char *event_time_text(vtime wall, char buf[EVENT_TIME_MAX]);
/* The event as an object in one line, without its end; free(). */
char *event_json(const struct event *e);
/* The level of that name; false when there is none. */
bool event_level_parse(const char *name, enum log_level *out);

/* ---- event_sinks.c ---- */

/* "info: child up, spi_in: 00000abc", a line each; with the time before it where it is wanted. */
struct event_sink event_sink_stderr(bool timed);

/* ---- event_journal.c ---- */

/* journald, with a field for each field of the event: GODWIT_SPI_IN. The connection's name is borrowed. */
struct event_sink event_sink_journal(const char *name);
/* True when standard error is a stream to the journal, which takes events with their fields better. */
bool event_journal_is_stderr(void);
/* True when there is a journal on this host that we can write to. */
bool event_journal_is_there(void);

#endif
