/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is to happen, by time; of two at the same time the one planned first comes first. */
#ifndef GODWIT_SIM_HEAP_H
#define GODWIT_SIM_HEAP_H

#include "base/vtime.h"

struct heap_item {
	vtime at;
	uint64_t order;
	void *what;
};

struct heap {
	struct heap_item *items;
	unsigned n, size;
	uint64_t order;
};

/* A zeroed struct heap is empty. What is put in belongs to the heap's owner. */
void heap_put(struct heap *h, vtime at, void *what);
/* The time of the first one; VTIME_NEVER: there is none. */
vtime heap_next(const struct heap *h);
/* The first one, taken out; NULL: there is none. */
void *heap_take(struct heap *h);
/* Frees the heap's own memory. */
void heap_free(struct heap *h);

#endif
