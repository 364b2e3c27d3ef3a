/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets as views with head and tail room, and batches of them on one arena.
 *
 * A packet owns no bytes: its slot lies in the arena of the batch it was taken from and is good
 * until that batch is reset. Going past the slot's ends is our own bug, never the wire's, and
 * aborts.
 */
#ifndef GODWIT_BASE_PKT_H
#define GODWIT_BASE_PKT_H

#include "base/addr.h"
#include "base/bytes.h"

/* What an engine made of a packet. */
enum pkt_kind {
	PKT_RAW, /* nothing yet */
	PKT_INNER, /* an inner packet for the TUN */
	PKT_SEALED, /* an ESP packet for its path */
	PKT_IKE, /* an IKE message for control */
	PKT_PASSED, /* an ESP packet that a worker has now */
	PKT_GONE, /* dropped and counted */
};

struct pkt {
	uint8_t *base; /* first byte of the slot */
	uint32_t size; /* of the slot */
	uint32_t off; /* of the first byte of data in the slot */
	uint32_t len; /* of the data */
	/* Outbound, sealed: where it goes (owned by the SA that sealed it). Inbound: NULL. */
	const struct path *path;
	/* Inbound, from the outer side: who sent it and which of our endpoints it came to. */
	struct endpoint from;
	struct endpoint to;
	/* ECN bits of the outer header (0 … 3), inbound; inner ones to copy out, outbound. */
	uint8_t ecn;
	/* Outbound, sealed: larger than its path, where it may therefore travel in fragments. */
	bool may_fragment;
	/* Outbound, inner: of the same super-packet as the one before it in the batch. */
	bool follows;
	enum pkt_kind kind;
};

static inline uint8_t *pkt_data(const struct pkt *p)
{
	return p->base + p->off;
}

static inline struct slice pkt_slice(const struct pkt *p)
{
	return slice(pkt_data(p), p->len);
}

static inline uint32_t pkt_headroom(const struct pkt *p)
{
	return p->off;
}

static inline uint32_t pkt_tailroom(const struct pkt *p)
{
	return p->size - p->off - p->len;
}

/* Grows the data by n bytes at the front (headroom) and returns its new first byte. */
uint8_t *pkt_push(struct pkt *p, uint32_t n);
/* Cuts n bytes off the front. */
void pkt_pull(struct pkt *p, uint32_t n);
/* Grows the data by n bytes at the end (tailroom) and returns the first of them. */
uint8_t *pkt_put(struct pkt *p, uint32_t n);
/* Cuts the data to len bytes. */
void pkt_trim(struct pkt *p, uint32_t len);

/* More than the segments of two super-packets: what is left over of one goes with the next. */
#define BATCH_MAX 128

struct batch {
	uint8_t *arena; /* borrowed from whoever made the batch */
	size_t arena_size;
	size_t used;
	unsigned n;
	struct pkt pkts[BATCH_MAX];
};

/* Uses arena (owned by the caller, alive as long as the batch) for the packets. */
void batch_init(struct batch *b, void *arena, size_t arena_size);
/* Forgets all packets and frees all of the arena. */
void batch_reset(struct batch *b);
/*
 * Takes a slot of headroom + len + tailroom bytes (16-byte aligned) and appends a packet of len
 * uninitialised bytes. NULL when there is no room for it; the batch is then unchanged.
 */
struct pkt *batch_take(struct batch *b, uint32_t headroom, uint32_t len, uint32_t tailroom);
/*
 * Cuts the packet taken last to len bytes with `tailroom` behind them; the rest of its slot is free
 * again. For slots taken before their length is known. Neither may exceed what was taken.
 */
void batch_fit(struct batch *b, uint32_t len, uint32_t tailroom);
/* Keeps the first n packets and frees the slots of the others. */
void batch_keep(struct batch *b, unsigned n);

#endif
