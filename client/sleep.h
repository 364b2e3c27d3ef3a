/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What logind says about sleep: its signal PrepareForSleep on the system's D-Bus, true before the host
 * goes to sleep and false when it is awake again. Control thread only.
 *
 * Nothing waits for the bus: the connection is made in the background, and where there is no bus, no
 * logind or no libsystemd, nothing is ever told. The clocks tell of sleep all the same (loop.c).
 *
 * A bus connection bears the rights that the process had when it was made. It is made when privileges
 * are gone, so that nobody who comes to rule this process finds root's connection in it.
 */
#ifndef GODWIT_CLIENT_SLEEP_H
#define GODWIT_CLIENT_SLEEP_H

#include <stdbool.h>

#include "base/log.h"
#include "base/vtime.h"

/*
 * The clocks and logind tell of the same sleep, in any order: whoever is first has it told. Where
 * nothing came of what logind announced, its end is told all the same.
 */
struct sleep_account {
	vtime asleep; /* the host has been asleep for so long, in all; first: as it is at the beginning */
	bool woken; /* the clocks have told since logind said that sleep begins */
};

/* A look at the clocks. True: there was a sleep that nobody has told of. */
bool sleep_by_clocks(struct sleep_account *a, vtime asleep);
/* logind's signal, at which the clocks are looked at, too. True: the same. */
bool sleep_by_logind(struct sleep_account *a, vtime asleep, bool begins);

/*
 * A descriptor that is readable when the kernel has set the time of day, as it does when the host wakes up:
 * a reason to look at the clocks, whatever else is due. The caller closes it; -1: there is none.
 */
int sleep_clock_open(void);
/* Takes what makes it readable. */
void sleep_clock_take(int fd);

struct sleep_watch;

/* begins: the host is about to sleep; else it has woken. */
typedef void (*sleep_told)(void *ctx, bool begins);

/* Begins to connect. NULL, and a line in the log, where there is nothing to connect to. */
struct sleep_watch *sleep_watch_new(struct log *log, sleep_told told, void *ctx);
/* Readable when sleep_watch_run has something to do; the same for life. */
int sleep_watch_fd(const struct sleep_watch *w);
/* Takes what has come, a bounded number of messages, and tells of it. False: there is no more to come. */
bool sleep_watch_run(struct sleep_watch *w);
/* NULL is allowed. */
void sleep_watch_free(struct sleep_watch *w);

#endif
