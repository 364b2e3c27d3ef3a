/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The prober of one tunnel: pings through a new epoch until it is proved, and through the one in use
 * when nothing has come on it for maxidle, so that a NAT on the way keeps its item. It knows numbers
 * of epochs and times alone: the owner sends what it orders and tells it what came.
 *
 *	              begin                  answered, or anything authentic on the epoch
 *	NEW EPOCH  ──────────► ping ──┬───────────────────────────────────────────► done
 *	                        ▲     │ pingtime
 *	                        └─────┤ NTRIES ≤ pingtries
 *	                              └ NTRIES > pingtries ─────────────────────► UNPROVED
 *
 *	              maxidle without any          anything authentic
 *	IN USE     ──────────────────► ping ──┬──────────────────────────────────► in use
 *	                                ▲     │ pingtime2
 *	                                └─────┤ NTRIES2 ≤ pingtries2
 *	                                      └ NTRIES2 > pingtries2 ────────────► SILENT
 */
#ifndef GODWIT_MOBILITY_PROBER_H
#define GODWIT_MOBILITY_PROBER_H

#include <stdbool.h>

#include "base/vtime.h"

struct prober_config {
	vtime pingtime; /* wait for the reply to a probe of a new epoch */
	unsigned pingtries; /* repetitions: at most pingtries + 1 probes go out */
	vtime maxidle; /* nothing has come for so long on the epoch in use: ping; 0: never */
	vtime pingtime2; /* the same two for the idle ping */
	unsigned pingtries2;
};

enum prober_order {
	PROBER_NONE,
	PROBER_PING, /* send one probe on this epoch; its reply proves it, or shows it alive */
	PROBER_UNPROVED, /* the new epoch has not been proved: give it up and negotiate another */
	PROBER_SILENT, /* the epoch in use is deaf: negotiate another, NEPOCH counts from 0 */
};

struct prober {
	struct prober_config config;
	uint32_t fresh; /* the epoch that is being proved; 0: none */
	unsigned ntries; /* probes that are out */
	vtime fresh_at; /* the next step for it */
	uint32_t used; /* the epoch whose silence is watched; 0: none */
	vtime heard_at; /* the last that came on it, or since when it is watched */
	unsigned ntries2; /* pings that are out, and nothing has come since */
	vtime used_at; /* the next step for it */
};

/* A copy of config. */
void prober_init(struct prober *p, const struct prober_config *config);
/* Probes this new epoch from now on, and no other: NTRIES is 0. */
void prober_begin(struct prober *p, vtime now, uint32_t id);
/* It is proved, or gone. Another id than the one being proved: nothing. */
void prober_end(struct prober *p, uint32_t id);
/*
 * Silence of this epoch is watched from now on instead of any other's; 0: of none. One that is
 * watched already goes on as it is, but one that was SILENT or UNPROVED has its time again. While an
 * epoch is probed as new it is not pinged as idle.
 */
void prober_watch(struct prober *p, vtime now, uint32_t id);
/*
 * Something authentic came on this epoch at `at`, not later than now; older news change nothing.
 * One that was SILENT or UNPROVED is watched again.
 * It does not end the probing of a new epoch: that is the owner's to say (prober_end).
 */
void prober_heard(struct prober *p, vtime at, uint32_t id);
/*
 * What is to be done now, and for which epoch; PROBER_NONE: nothing more. Call until then, at
 * prober_deadline and after prober_begin. Tell it before what has been heard.
 */
enum prober_order prober_next(struct prober *p, vtime now, uint32_t *id);
vtime prober_deadline(const struct prober *p);
/* An idle ping is due. */
bool prober_idle_due(const struct prober *p, vtime now);
/*
 * Something else wakes the host now: the first idle ping goes out with it if half of maxidle has passed,
 * so that one waking serves for both.
 */
void prober_hasten(struct prober *p, vtime now);

#endif
