/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "esp/early.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct early *early_new(struct classifier *c, struct drops *drops)
{
	struct early *e = xcalloc(1, sizeof(*e));

	e->classifier = c;
	e->drops = drops;
	e->bytes = xcalloc(EARLY_SPIS, EARLY_BYTES);
	return e;
}

void early_free(struct early *e)
{
	if (!e)
		return;
	free(e->bytes);
	free(e);
}

static bool is_free(const struct early_place *at)
{
	return at->first == at->end;
}

/* Which place is that of the SPI; -1: nothing of it waits. */
static int place_of(const struct early *e, uint32_t spi)
{
	for (int i = 0; i < EARLY_SPIS; i++)
		if (e->places[i].spi == spi && !is_free(&e->places[i]))
			return i;
	return -1;
}

bool early_has(const struct early *e, uint32_t spi)
{
	return place_of(e, spi) >= 0;
}

static struct early_place *place_take(struct early *e, uint32_t spi)
{
	for (unsigned i = 0; i < EARLY_SPIS; i++) {
		struct early_place *at = &e->places[i];

		if (!is_free(at))
			continue;
		at->spi = spi;
		at->first = at->end = 0;
		at->used = 0;
		return at;
	}
	return NULL;
}

static uint8_t *bytes_of(const struct early *e, const struct early_place *at)
{
	return e->bytes + (size_t)(at - e->places) * EARLY_BYTES;
}

void early_put(struct early *e, vtime now, uint32_t spi, struct pkt *p)
{
	int place = place_of(e, spi);
	struct early_place *at = place < 0 ? place_take(e, spi) : &e->places[place];

	p->kind = PKT_GONE;
	if (!at || at->end == EARLY_PACKETS || p->len > EARLY_BYTES - at->used) {
		drop_count(e->drops, DROP_EARLY_FULL);
		return;
	}
	memcpy(bytes_of(e, at) + at->used, pkt_data(p), p->len);
	at->packets[at->end++] = (struct early_packet){
		.until = vtime_add(now, EARLY_AGE),
		.at = at->used,
		.len = p->len,
		.from = p->from,
		.to = p->to,
		.ecn = p->ecn,
	};
	at->used += p->len;
	e->waiting++;
}

static void drop_first(struct early *e, struct early_place *at, enum drop why)
{
	at->first++;
	e->waiting--;
	drop_count(e->drops, why);
}

static void give_first(struct early *e, struct early_place *at, struct batch *b)
{
	const struct early_packet *packet = &at->packets[at->first++];

	b->pkts[b->n++] = (struct pkt){
		.base = bytes_of(e, at) + packet->at,
		.size = packet->len,
		.len = packet->len,
		.from = packet->from,
		.to = packet->to,
		.ecn = packet->ecn,
	};
	e->waiting--;
}

/* The SA is there. If not, *offered tells whether it may come. */
static bool has_come(const struct early *e, uint32_t spi, bool *offered)
{
	if (e->workers)
		return classifier_await_worker(e->classifier, spi, offered) != CLASSIFIER_NO_WORKER;
	return classifier_await_spi(e->classifier, spi, offered) != NULL;
}

static void place_release(struct early *e, vtime now, struct early_place *at, struct batch *b)
{
	bool offered;

	while (!is_free(at) && at->packets[at->first].until <= now)
		drop_first(e, at, DROP_EARLY_EXPIRED);
	if (is_free(at))
		return;
	if (has_come(e, at->spi, &offered))
		while (!is_free(at) && b->n < BATCH_MAX)
			give_first(e, at, b);
	else if (!offered)
		while (!is_free(at))
			drop_first(e, at, DROP_EARLY_WITHDRAWN);
}

bool early_release(struct early *e, vtime now, struct batch *b)
{
	for (unsigned i = 0; i < EARLY_SPIS && e->waiting; i++)
		place_release(e, now, &e->places[i], b);
	return e->waiting && b->n == BATCH_MAX;
}

vtime early_deadline(const struct early *e)
{
	vtime first = VTIME_NEVER;

	for (unsigned i = 0; i < EARLY_SPIS && e->waiting; i++)
		if (!is_free(&e->places[i]))
			first = vtime_min(first, e->places[i].packets[e->places[i].first].until);
	return first;
}
