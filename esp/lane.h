/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What waits for one worker: packets of varying length, copied into a ring of bytes by the thread
 * that classifies and opened where they lie by the worker. Neither waits, and neither takes a lock.
 *
 * Room is shared out. Each packet belongs to a bucket, which is that of its SA; a bucket may fill as
 * much as is free at that moment (Choudhury and Hahne's dynamic thresholds). One SA alone has half of
 * the lane; when others come it has less, and who sends little always finds room. Packets of one
 * bucket never overtake one another.
 */
#ifndef GODWIT_ESP_LANE_H
#define GODWIT_ESP_LANE_H

#include "base/pkt.h"

#define LANE_BUCKETS 1024

struct lane;

/* bytes: a power of two, at least 2^18, touched as far as it is used. Aborts without memory. */
struct lane *lane_new(uint32_t bytes);
/* After both threads are done with it. */
void lane_free(struct lane *l);

/*
 * The putting thread. Copies the packet's data, from, to and ecn. Nothing is seen of it before
 * lane_flush. False: there is no room for this bucket (less than LANE_BUCKETS), or for anybody.
 */
bool lane_put(struct lane *l, unsigned bucket, const struct pkt *p);
/* Lets the other thread see what was put; true when there is something new. */
bool lane_flush(struct lane *l);

/*
 * The taking thread. Makes views of the oldest packets in place of what is in the batch, whose arena
 * is not used; how many. They are good, and the thread's own, until lane_done.
 */
unsigned lane_take(struct lane *l, struct batch *b);
/* What was taken is done with, and its room free. */
void lane_done(struct lane *l);

/* How many packets wait, by and large: any thread may ask. */
uint32_t lane_waiting(const struct lane *l);

#endif
