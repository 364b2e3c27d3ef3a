/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "base/mem.h"
#include "esp/limit.h"

/* Several threads add and take; nothing else is published with the number: relaxed. */
struct esp_limit {
	struct endpoint from;
	unsigned factor;
	_Atomic int64_t left;
};

struct esp_limit *esp_limit_new(const struct endpoint *from, unsigned factor)
{
	struct esp_limit *l = xcalloc(1, sizeof(*l));

	l->from = *from;
	l->factor = factor;
	return l;
}

void esp_limit_free(struct esp_limit *l)
{
	free(l);
}

void esp_limit_received(struct esp_limit *l, const struct endpoint *from, size_t bytes)
{
	if (endpoint_eq(&l->from, from))
		atomic_fetch_add_explicit(&l->left, (int64_t)(l->factor * bytes),
					  memory_order_relaxed);
}

void esp_limit_sent(struct esp_limit *l, size_t bytes)
{
	atomic_fetch_sub_explicit(&l->left, (int64_t)bytes, memory_order_relaxed);
}

bool esp_limit_allows(const struct esp_limit *l, size_t bytes)
{
	return atomic_load_explicit(&l->left, memory_order_relaxed) >= (int64_t)bytes;
}
