/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "esp/lane.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define LANE_BYTES_MIN (1U << 18) /* a few of the longest datagrams */
#define ALIGN 16
#define FILLER UINT32_MAX /* in place of a length: the ring begins again behind it */

/* What stands before each packet, which follows it without a gap; none goes over the ring's end. */
struct lane_record {
	uint32_t size; /* with this header, rounded up */
	uint32_t len; /* of the packet, or FILLER: then nothing behind it counts */
	uint32_t bucket;
	uint32_t ecn;
	struct endpoint from;
	struct endpoint to;
	_Alignas(ALIGN) uint8_t bytes[];
};

/*
 * put and taken count bytes since the beginning and wrap; their difference is what waits. The gaps
 * keep what one thread writes out of the lines that the other reads for each packet.
 */
struct lane {
	uint32_t bytes;
	uint8_t *ring;
	void *memory;

	/* The putting thread's. */
	_Alignas(MEM_LINE) uint32_t written; /* of which put is what may be seen */
	uint32_t taken_seen;
	uint32_t in[LANE_BUCKETS]; /* bytes, since the beginning */
	_Atomic uint32_t put;
	_Atomic uint32_t packets_in;

	/* The taking thread's. */
	_Alignas(MEM_LINE) _Atomic uint32_t taken;
	_Atomic uint32_t packets_out;
	uint32_t read; /* of which taken is what is free again */
	uint32_t read_packets;
	_Atomic uint32_t out[LANE_BUCKETS];
};

struct lane *lane_new(uint32_t bytes)
{
	struct lane *l = xcalloc_line(sizeof(*l));

	if (bytes < LANE_BYTES_MIN || (bytes & (bytes - 1)))
		abort();
	l->bytes = bytes;
	l->memory = xcalloc(1, bytes + MEM_LINE);
	l->ring = mem_line(l->memory);
	return l;
}

void lane_free(struct lane *l)
{
	if (!l)
		return;
	free(l->memory);
	free(l);
}

static struct lane_record *lane_at(const struct lane *l, uint32_t at)
{
	void *record = l->ring + (at & (l->bytes - 1));

	return record;
}

/* Bytes from there to the ring's end. */
static uint32_t lane_rest(const struct lane *l, uint32_t at)
{
	return l->bytes - (at & (l->bytes - 1));
}

/*
 * Acquire: the taker has done with what we are going to write over. Without it what is free is less
 * than it might be; that is looked at again only when it matters.
 */
static uint32_t lane_room(struct lane *l, uint32_t enough)
{
	if (l->bytes - (l->written - l->taken_seen) < enough)
		l->taken_seen = atomic_load_explicit(&l->taken, memory_order_acquire);
	return l->bytes - (l->written - l->taken_seen);
}

/* What the bucket holds now. Relaxed: a number alone. */
static uint32_t lane_holds(const struct lane *l, unsigned bucket)
{
	return l->in[bucket] - atomic_load_explicit(&l->out[bucket], memory_order_relaxed);
}

static void lane_fill(struct lane *l, uint32_t rest)
{
	struct lane_record *r = lane_at(l, l->written);

	r->size = rest;
	r->len = FILLER;
	l->written += rest;
}

bool lane_put(struct lane *l, unsigned bucket, const struct pkt *p)
{
	uint32_t size = (uint32_t)(sizeof(struct lane_record) + p->len + ALIGN - 1) & ~(ALIGN - 1U);
	uint32_t rest = lane_rest(l, l->written), filler = rest < size ? rest : 0;
	uint32_t holds = lane_holds(l, bucket), room = lane_room(l, filler + 2 * size + holds);
	struct lane_record *r;

	if (room < filler + size || holds + size > room)
		return false;
	if (filler)
		lane_fill(l, filler);
	r = lane_at(l, l->written);
	*r = (struct lane_record){
		.size = size,
		.len = p->len,
		.bucket = bucket,
		.ecn = p->ecn,
		.from = p->from,
		.to = p->to,
	};
	memcpy(r->bytes, pkt_data(p), p->len);
	l->written += size;
	l->in[bucket] += size;
	atomic_store_explicit(&l->packets_in,
			      atomic_load_explicit(&l->packets_in, memory_order_relaxed) + 1,
			      memory_order_relaxed);
	return true;
}

bool lane_flush(struct lane *l)
{
	if (l->written == atomic_load_explicit(&l->put, memory_order_relaxed))
		return false;
	/* Release: the records are whole before they can be seen. */
	atomic_store_explicit(&l->put, l->written, memory_order_release);
	return true;
}

static void lane_view(struct lane_record *r, struct pkt *p)
{
	*p = (struct pkt){
		.base = r->bytes,
		.size = r->len,
		.len = r->len,
		.from = r->from,
		.to = r->to,
		.ecn = (uint8_t)r->ecn,
	};
}

unsigned lane_take(struct lane *l, struct batch *b)
{
	/* Acquire pairs with lane_flush: what was put is there to be read. */
	uint32_t put = atomic_load_explicit(&l->put, memory_order_acquire);

	b->n = 0;
	while (l->read != put && b->n < BATCH_MAX) {
		struct lane_record *r = lane_at(l, l->read);

		l->read += r->size;
		if (r->len == FILLER)
			continue;
		lane_view(r, &b->pkts[b->n++]);
		l->read_packets++;
		/* Relaxed: a number alone. */
		atomic_store_explicit(
			&l->out[r->bucket],
			atomic_load_explicit(&l->out[r->bucket], memory_order_relaxed) + r->size,
			memory_order_relaxed);
	}
	return b->n;
}

void lane_done(struct lane *l)
{
	atomic_store_explicit(&l->packets_out, l->read_packets, memory_order_relaxed);
	/* Release: what was taken has been read before it is written over. */
	atomic_store_explicit(&l->taken, l->read, memory_order_release);
}

uint32_t lane_waiting(const struct lane *l)
{
	uint32_t out = atomic_load_explicit(&l->packets_out, memory_order_relaxed);

	return atomic_load_explicit(&l->packets_in, memory_order_relaxed) - out;
}
