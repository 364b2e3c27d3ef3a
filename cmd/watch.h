/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `watch`: a live screen of the connections that run.
 *
 *	watch.c           the loop: a line to each connection, its status once a second, its events
 *	watch_terminal.c  the terminal's modes, keys and signals
 *	watch_history.c   what is known of the past: rates, moves, events
 *	watch_draw*.c     status, history and time to a screen, or to a line where there is none
 *
 * History and drawing are functions of what they are given. A connection is asked only while somebody
 * watches.
 */
#ifndef GODWIT_CMD_WATCH_H
#define GODWIT_CMD_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "cmd/screen.h"

struct json_t;

#define WATCH_SAMPLES 60 /* a second each */
#define WATCH_SAMPLE_MIN 0.5 /* seconds */
#define WATCH_ROAMS 8
#define WATCH_EVENTS 64
#define WATCH_COUNTERS 256
#define WATCH_TEXT_MAX 200

/* ---- the past of a connection ---- */

struct watch_rate {
	double in, out; /* bytes a second */
};

struct watch_roam {
	time_t at;
	char from[48], to[48]; /* our addresses */
	long long outage_ms; /* -1: not over, or another move came first */
	char method[24];
};

struct watch_event {
	time_t at;
	bool bad; /* a warning or an error */
	char text[WATCH_TEXT_MAX];
};

/* What an SA, or a gateway's client, had carried when it was last seen. */
struct watch_counter {
	char key[24];
	double in, out;
	bool seen; /* in the newest status */
};

/* Begins as zeroes. */
struct watch_history {
	double at; /* of the newest status, in seconds of a clock that does not jump; 0: none yet */
	unsigned nrates, nroams, nevents, ncounters;
	struct watch_rate rates[WATCH_SAMPLES]; /* oldest first, as all of these */
	struct watch_roam roams[WATCH_ROAMS];
	struct watch_event events[WATCH_EVENTS];
	struct watch_counter counters[WATCH_COUNTERS];
};

/* A status has come; one that follows another so soon that it gives no sample adds to the next one. */
void watch_history_status(struct watch_history *h, const struct json_t *status, double at);
/* An event has come, as the control socket tells it. */
void watch_history_event(struct watch_history *h, struct json_t *event);
/* "2026-11-22T06:30:00Z", with or without a fraction; 0: it is none. */
time_t watch_time(const char *text);

/* ---- drawing ---- */

struct watch_view {
	const char *const *names; /* of all connections that are watched */
	unsigned nnames, shown;
	const struct json_t *status; /* of the one that is shown; NULL: it does not run */
	const struct watch_history *history;
	time_t now;
	const char *clock; /* the time as people read it */
	bool keys; /* there is a keyboard */
	bool paused;
};

void watch_draw(const struct watch_view *v, struct screen *s);
/* The same in one line, without its end; only what is of interest to somebody without a screen. */
void watch_line(const struct watch_view *v, char *buf, size_t size);

/* ---- the terminal ---- */

enum watch_key {
	WATCH_KEY_NONE,
	WATCH_KEY_QUIT,
	WATCH_KEY_NEXT,
	WATCH_KEY_PREVIOUS,
	WATCH_KEY_PAUSE,
	WATCH_KEY_REDRAW,
};

/* Sequences of keys may come in pieces. Begins as zero. */
struct watch_keys {
	unsigned char state;
};

enum watch_key watch_key(struct watch_keys *k, unsigned char byte);

struct watch_terminal;

/* Whether a screen can be drawn on standard output. */
bool watch_terminal_is_one(void);
/*
 * Takes the terminal and the signals, which come by a descriptor. NULL: it cannot be. `screen` false:
 * signals alone.
 */
struct watch_terminal *watch_terminal_open(bool screen);
/* As it was before. */
void watch_terminal_close(struct watch_terminal *t);
/* Standard input, for keys; -1: there are none. */
int watch_terminal_keys(const struct watch_terminal *t);
int watch_terminal_signals(const struct watch_terminal *t);
void watch_terminal_size(unsigned *columns, unsigned *rows);
bool watch_terminal_has_utf8(void);

enum watch_signal {
	WATCH_SIGNAL_NONE,
	WATCH_SIGNAL_SIZE, /* or whatever else makes it necessary to draw all anew */
	WATCH_SIGNAL_END, /* ^C */
};

/*
 * What the signal that has come means. ^Z has been obeyed, and is over, when it returns; those that end
 * a program do, with the terminal as it was before.
 */
enum watch_signal watch_terminal_signal(struct watch_terminal *t);

#endif
