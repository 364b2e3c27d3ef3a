/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "esp/hold_impl.h"

uint32_t hold_cell_take(struct hold *h)
{
	struct pool *p = &h->cell_pool;
	uint32_t id = p->free;

	if (id)
		p->free = h->cells[id].next;
	else
		id = p->fresh++;
	p->unused--;
	h->cells[id].next = 0;
	return id;
}

void hold_cell_give(struct hold *h, uint32_t id)
{
	h->cells[id].next = h->cell_pool.free;
	h->cell_pool.free = id;
	h->cell_pool.unused++;
}

uint32_t hold_cells_for(uint32_t len)
{
	return len <= HEAD_ROOM ? 1 : 1 + (uint32_t)((len - HEAD_ROOM + CELL_ROOM - 1) / CELL_ROOM);
}

void hold_chain_fit(struct hold *h, hold_id id, uint32_t len)
{
	uint32_t at = id, rest;

	for (uint32_t n = hold_cells_for(len); n > 1; n--) {
		if (!h->cells[at].next)
			h->cells[at].next = hold_cell_take(h);
		at = h->cells[at].next;
	}
	rest = h->cells[at].next;
	h->cells[at].next = 0;
	while (rest) {
		uint32_t next = h->cells[rest].next;

		hold_cell_give(h, rest);
		rest = next;
	}
}

/* One cell's part of a packet; begin with { .next = its id }. */
struct part {
	uint32_t next;
	uint32_t done; /* bytes before this part */
	uint8_t *p;
	uint32_t n;
};

static bool part_next(const struct hold *h, hold_id id, struct part *part)
{
	uint32_t left, room = part->next == id ? HEAD_ROOM : CELL_ROOM;
	struct cell *c = &h->cells[part->next];

	part->done += part->n;
	left = h->cells[id].held.len - part->done;
	if (left == 0)
		return false;
	part->p = part->next == id ? c->bytes : c->more;
	part->n = left < room ? left : room;
	part->next = c->next;
	return true;
}

void hold_chain_write(struct hold *h, hold_id id, struct slice bytes)
{
	struct part part = { .next = id };

	hold_chain_fit(h, id, (uint32_t)bytes.n);
	h->cells[id].held.len = (uint32_t)bytes.n;
	while (part_next(h, id, &part))
		memcpy(part.p, bytes.p + part.done, part.n);
}

void hold_copy(const struct hold *h, hold_id id, uint8_t *out)
{
	struct part part = { .next = id };

	while (part_next(h, id, &part))
		memcpy(out + part.done, part.p, part.n);
}

bool hold_chain_equal(const struct hold *h, hold_id id, uint32_t from, struct slice bytes)
{
	struct part part = { .next = id };

	if (h->cells[id].held.len - from != bytes.n)
		return false;
	while (part_next(h, id, &part)) {
		uint32_t skip = part.done < from ? from - part.done : 0;

		if (skip < part.n &&
		    memcmp(bytes.p + (part.done + skip - from), part.p + skip, part.n - skip) != 0)
			return false;
	}
	return true;
}
