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

struct pkt *batch_take(struct batch *b, uint32_t headroom, uint32_t len, uint32_t tailroom)
{
	size_t size = ((size_t)headroom + len + tailroom + 15) & ~(size_t)15;
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
