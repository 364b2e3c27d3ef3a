/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What happened, line by line: datagrams as a ladder, the client's log events between them.
 * Every line goes into a hash, shown or not: two runs of one seed must agree on it.
 */
#ifndef GODWIT_SIM_TRACE_H
#define GODWIT_SIM_TRACE_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/log.h"

struct trace {
	bool show;
	bool lanes; /* of what is shown only what passes between hosts */
	bool lazy; /* lines are made only to be shown: the hash is of bytes and of milestones alone */
	uint64_t hash;
	uint64_t milestones; /* of what the client logged and when, without values and debug events */
};

void trace_init(struct trace *t, bool show);
/* One line, with the time in front. */
void trace_line(struct trace *t, vtime at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same for what passes between hosts. */
void trace_lane(struct trace *t, vtime at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Adds bytes that the lines do not show in full. */
void trace_bytes(struct trace *t, struct slice bytes);
/* One event of a client's log. */
void trace_log(struct trace *t, const char *client, const struct log_event *ev);

uint64_t trace_hash(uint64_t hash, struct slice bytes);

#endif
