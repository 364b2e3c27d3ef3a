/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/ring.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define CACHE_LINE 64
#define CAPACITY_MAX (1U << 31)

/*
 * put and taken count records since the beginning and wrap; their difference is what waits. Each
 * thread keeps what it last saw of the other's count and looks again only when that says full or
 * empty, so that most records move no cache line but their own. The gaps keep what one thread
 * writes out of the lines that the other reads.
 */
struct ring {
	unsigned capacity;
	size_t size;
	size_t stride;
	uint8_t *slots;

	char gap_before_put[CACHE_LINE];
	_Atomic unsigned put; /* written by the putting thread */
	unsigned taken_seen; /* the putting thread's */

	char gap_before_taken[CACHE_LINE];
	_Atomic unsigned taken; /* written by the taking thread */
	unsigned put_seen; /* the taking thread's */

	char gap_behind[CACHE_LINE];
};

struct ring *ring_new(unsigned capacity, size_t size)
{
	struct ring *r;

	if (capacity == 0 || capacity > CAPACITY_MAX || (capacity & (capacity - 1)) || size == 0)
		abort();
	r = xcalloc(1, sizeof(*r));
	r->capacity = capacity;
	r->size = size;
	r->stride = (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
	r->slots = xcalloc(capacity, r->stride);
	return r;
}

void ring_free(struct ring *r)
{
	if (!r)
		return;
	free(r->slots);
	free(r);
}

static void *ring_slot(const struct ring *r, unsigned at)
{
	return r->slots + (size_t)(at & (r->capacity - 1)) * r->stride;
}

void *ring_reserve(struct ring *r)
{
	/* Relaxed: our own store. */
	unsigned put = atomic_load_explicit(&r->put, memory_order_relaxed);

	if (put - r->taken_seen == r->capacity) {
		/* Acquire: the taker has done with a slot before we write into it again. */
		r->taken_seen = atomic_load_explicit(&r->taken, memory_order_acquire);
		if (put - r->taken_seen == r->capacity)
			return NULL;
	}
	return ring_slot(r, put);
}

void ring_commit(struct ring *r)
{
	unsigned put = atomic_load_explicit(&r->put, memory_order_relaxed);

	/* Release: the record is whole before it can be seen. */
	atomic_store_explicit(&r->put, put + 1, memory_order_release);
}

bool ring_put(struct ring *r, const void *record)
{
	void *slot = ring_reserve(r);

	if (!slot)
		return false;
	memcpy(slot, record, r->size);
	ring_commit(r);
	return true;
}

void *ring_peek(struct ring *r)
{
	/* Relaxed: our own store. */
	unsigned taken = atomic_load_explicit(&r->taken, memory_order_relaxed);

	if (taken == r->put_seen) {
		/* Acquire pairs with ring_commit: what was put is there to be read. */
		r->put_seen = atomic_load_explicit(&r->put, memory_order_acquire);
		if (taken == r->put_seen)
			return NULL;
	}
	return ring_slot(r, taken);
}

void ring_release(struct ring *r)
{
	unsigned taken = atomic_load_explicit(&r->taken, memory_order_relaxed);

	/* Release: the record was read before its slot is free. */
	atomic_store_explicit(&r->taken, taken + 1, memory_order_release);
}

bool ring_take(struct ring *r, void *record)
{
	const void *slot = ring_peek(r);

	if (!slot)
		return false;
	memcpy(record, slot, r->size);
	ring_release(r);
	return true;
}
