/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A queue of fixed-size records between two threads: one puts, one takes, neither ever waits and
 * neither takes a lock. Records are written and read where they lie, so that one of varying length
 * costs what it fills. Who finds it full goes on, and counts.
 */
#ifndef GODWIT_BASE_RING_H
#define GODWIT_BASE_RING_H

#include <stdbool.h>
#include <stddef.h>

struct ring;

/*
 * capacity: a power of two, at most 2^31. size: bytes of a record, aligned for any type. Before
 * either thread uses it; aborts without memory.
 */
struct ring *ring_new(unsigned capacity, size_t size);
/* After both threads are done with it. */
void ring_free(struct ring *r);

/*
 * The putting thread. The place of the next record, or NULL when the ring is full; its content is
 * what an older record left. Nothing is seen of it before ring_commit, and reserving again gives
 * the same place.
 */
void *ring_reserve(struct ring *r);
void ring_commit(struct ring *r);
/* Puts a copy; false when the ring is full. */
bool ring_put(struct ring *r, const void *record);

/*
 * The taking thread. The oldest record, or NULL when there is none; it is good, and the thread's
 * own, until ring_release.
 */
void *ring_peek(struct ring *r);
void ring_release(struct ring *r);
/* Takes a copy; false when there is none. */
bool ring_take(struct ring *r, void *record);

#endif
