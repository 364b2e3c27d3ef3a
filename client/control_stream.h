/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The answer to {"cmd":"log"}: a line that tells what follows, a line for each event, and a line at
 * the end, which comes when the connection ends if new events are followed. Other answers of the same
 * client may stand between the lines of events; those alone have a "seq".
 *
 *	{"log":"begin","level":"info","complete_from":17,"next":43}
 *	{"seq":20,"time":"2026-11-22T06:30:00.000000Z","boottime_us":…,"level":"info","event":"child up",
 *	 "fields":{"spi_in":"c0ffee01",…}}
 *	{"log":"now","next":43}         with "follow": from here on as they happen
 *	{"log":"end","next":57}
 *
 * Of a client at most one line is kept here, when its socket is full; the rest waits in the log. Who
 * is so slow that the log loses what they have not had is dropped.
 */
#ifndef GODWIT_CLIENT_CONTROL_STREAM_H
#define GODWIT_CLIENT_CONTROL_STREAM_H

#include <uv.h>

#include "client/event_log.h"

struct control_request;

struct control_stream {
	/* Called when writing fails behind a call's back. Set by the owner before the first call. */
	void (*broken)(void *ctx);
	void *ctx;

	uv_stream_t *pipe;
	const struct event_log *events;
	bool on;
	bool follow;
	bool now; /* the line that tells so is out */
	enum log_level level;
	uint64_t next; /* of the first event that it has not had */
	uint64_t complete; /* what was missing before this was missing from the start */
	bool writing;
	uv_write_t write;
	char *rest; /* of a line */
};

/* Begins as a request says; an older answer ends. False: the client is to be closed. */
bool control_stream_begin(struct control_stream *s, uv_stream_t *pipe,
			  const struct event_log *events, const struct control_request *request);
/* Writes as much as there is room for. False: the client is to be closed. */
bool control_stream_go_on(struct control_stream *s);
/* Tells of the end, if there is room. */
void control_stream_end(struct control_stream *s);

#endif
