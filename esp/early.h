/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets that come before their SA: a peer may send as soon as it has ours from a quick mode, and
 * be faster than its own message, or than we are. Of each SPI that control has offered a few packets
 * wait for a second, and are found again when the SA is there. What waits is not authentic, so it has
 * bounds that nobody can move: each SPI has its own place, and takes nothing from another's.
 *
 *	early_put ──► waits ──► early_release ──► the SPI has an SA: given out, in order
 *	   │                        ├──► too old: DROP_EARLY_EXPIRED
 *	   └► DROP_EARLY_FULL       └──► the offer is withdrawn: DROP_EARLY_WITHDRAWN
 *
 * It belongs to the thread that finds SAs for packets. While something of an SPI waits, what comes
 * later goes behind it, even if the SA is there by then: nothing is overtaken.
 */
#ifndef GODWIT_ESP_EARLY_H
#define GODWIT_ESP_EARLY_H

#include "esp/classifier.h"

#define EARLY_SPIS 64 /* at a time */
#define EARLY_PACKETS 8 /* of an SPI, from the first one until all of them are gone */
#define EARLY_BYTES (32 << 10) /* of an SPI */
#define EARLY_AGE VTIME_S

struct early_packet {
	vtime until;
	uint32_t at; /* in the bytes of its SPI */
	uint32_t len;
	struct endpoint from;
	struct endpoint to;
	uint8_t ecn;
};

struct early_place {
	uint32_t spi;
	uint8_t first, end; /* packets that wait; equal: the place is free */
	uint32_t used; /* bytes */
	struct early_packet packets[EARLY_PACKETS];
};

struct early {
	struct classifier *classifier;
	struct drops *drops;
	bool workers; /* what waits goes when its SA has a worker, too; zero at the beginning */
	unsigned waiting; /* packets of all SPIs */
	struct early_place places[EARLY_SPIS];
	uint8_t *bytes; /* EARLY_BYTES for each place */
};

/*
 * Both are borrowed; what is dropped is counted in `drops`, whose writer is the thread. All memory is
 * taken now, and touched when it is used.
 */
struct early *early_new(struct classifier *c, struct drops *drops);
/* What waits is gone with it. NULL is harmless. */
void early_free(struct early *e);

/* Whether anything waits; NULL: nothing does. */
static inline bool early_waits(const struct early *e)
{
	return e && e->waiting;
}

/* Whether anything of this SPI waits. */
bool early_has(const struct early *e, uint32_t spi);
/*
 * For a packet of an SPI that is offered and has no SA, or of which something waits: it is copied
 * with its from, to and ecn, or counted, and PKT_GONE.
 */
void early_put(struct early *e, vtime now, uint32_t spi, struct pkt *p);
/*
 * Appends to `b`, as far as it has packets to spare, views of those whose SA is there by now, in order
 * for each SPI, and forgets them; drops those that are too old, or whose SPI is not offered any more.
 * To be called before newer packets are looked at, when control has added an SA, and at
 * early_deadline. The views are good until the next early_put or early_release; the arena of `b` is
 * not used. True: call again, with an empty batch.
 */
bool early_release(struct early *e, vtime now, struct batch *b);
/* When the oldest packet is too old; VTIME_NEVER: nothing waits. */
vtime early_deadline(const struct early *e);

#endif
