/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/heap.h"

#include <stdbool.h>
#include <stdlib.h>

#define HEAP_MAX 65536

static bool before(const struct heap_item *a, const struct heap_item *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void exchange(struct heap_item *a, struct heap_item *b)
{
	struct heap_item kept = *a;

	*a = *b;
	*b = kept;
}

void heap_put(struct heap *h, vtime at, void *what)
{
	unsigned i = h->n;

	if (h->n == h->size) {
		h->size = h->size ? 2 * h->size : 64;
		h->items = realloc(h->items, h->size * sizeof(*h->items));
		if (!h->items || h->size > HEAP_MAX)
			abort();
	}
	h->items[h->n++] = (struct heap_item){ at, h->order++, what };
	for (; i > 0 && before(&h->items[i], &h->items[(i - 1) / 2]); i = (i - 1) / 2)
		exchange(&h->items[i], &h->items[(i - 1) / 2]);
}

vtime heap_next(const struct heap *h)
{
	return h->n ? h->items[0].at : VTIME_NEVER;
}

void *heap_take(struct heap *h)
{
	void *first = h->n ? h->items[0].what : NULL;
	unsigned i = 0;

	if (!h->n)
		return NULL;
	h->items[0] = h->items[--h->n];
	for (;;) {
		unsigned least = i;

		for (unsigned child = 2 * i + 1; child <= 2 * i + 2 && child < h->n; child++)
			if (before(&h->items[child], &h->items[least]))
				least = child;
		if (least == i)
			return first;
		exchange(&h->items[i], &h->items[least]);
		i = least;
	}
}

void heap_free(struct heap *h)
{
	free(h->items);
	*h = (struct heap){ 0 };
}
