/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/pkt.h"

#include <stdlib.h>

uint8_t *pkt_push(struct pkt *p, uint32_t n)
{
	if (n > p->off)
		abort();
	p->off -= n;
	p->len += n;
	return pkt_data(p);
}

void pkt_pull(struct pkt *p, uint32_t n)
{
	if (n > p->len)
		abort();
	p->off += n;
	p->len -= n;
}

uint8_t *pkt_put(struct pkt *p, uint32_t n)
{
	uint8_t *end = pkt_data(p) + p->len;

	if (n > pkt_tailroom(p))
		abort();
	p->len += n;
	return end;
}

void pkt_trim(struct pkt *p, uint32_t len)
{
	if (len > p->len)
		abort();
	p->len = len;
}

void batch_init(struct batch *b, void *arena, size_t arena_size)
{
	/* Slots are aligned whatever the arena's own alignment is. */
	size_t skip = -(uintptr_t)arena & 15;

	if (skip > arena_size)
		skip = arena_size;
	b->arena = skip ? (uint8_t *)arena + skip : arena;
	b->arena_size = arena_size - skip;
	batch_reset(b);
}

void batch_reset(struct batch *b)
{
	b->used = 0;
	b->n = 0;
}

static size_t batch_slot(size_t size)
{
	return (size + 15) & ~(size_t)15;
}

struct pkt *batch_take(struct batch *b, uint32_t headroom, uint32_t len, uint32_t tailroom)
{
	size_t size = batch_slot((size_t)headroom + len + tailroom);
	struct pkt *p;

	if (b->n == BATCH_MAX || size > b->arena_size - b->used)
		return NULL;
	p = &b->pkts[b->n++];
	*p = (struct pkt){
		.base = b->arena + b->used,
		.size = (uint32_t)size,
		.off = headroom,
		.len = len,
	};
	b->used += size;
	return p;
}

void batch_fit(struct batch *b, uint32_t len, uint32_t tailroom)
{
	struct pkt *p;

	if (b->n == 0)
		abort();
	p = &b->pkts[b->n - 1];
	if (len > p->len || tailroom > p->size - p->off - p->len)
		abort();
	p->len = len;
	p->size = (uint32_t)batch_slot((size_t)p->off + len + tailroom);
	b->used = (size_t)(p->base - b->arena) + p->size;
}

void batch_keep(struct batch *b, unsigned n)
{
	if (n > b->n)
		abort();
	if (n < b->n)
		b->used = (size_t)(b->pkts[n].base - b->arena);
	b->n = n;
}
