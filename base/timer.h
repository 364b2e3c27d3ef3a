/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A table of timers: one row for each member of an owner's enum, each either set to a time or
 * never. Nothing is allocated, nothing can be cancelled twice, and the owner's deadline is the
 * minimum of its rows.
 */
#ifndef GODWIT_BASE_TIMER_H
#define GODWIT_BASE_TIMER_H

#include "base/vtime.h"

#define TIMERS_MAX 24

struct timers {
	unsigned n;
	vtime at[TIMERS_MAX];
};

/* Makes a table of n rows (n <= TIMERS_MAX), all never. */
void timers_init(struct timers *t, unsigned n);
void timers_set(struct timers *t, unsigned row, vtime at);
void timers_clear(struct timers *t, unsigned row);
/* The earliest time in the table, or VTIME_NEVER. */
vtime timers_next(const struct timers *t);
/* A row whose time has come (the earliest one), cleared; -1 when there is none. */
int timers_take_due(struct timers *t, vtime now);

#endif
