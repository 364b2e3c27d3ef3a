/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hold queue: packets that wait for their tunnel's SA. All memory is taken at the start and
 * touched when it is used; packets are copied into chains of cells, and everything together is no
 * larger than what the configuration allows.
 *
 * A held packet is a member of three lists, each oldest first: of all packets, of those of its
 * slot, and of those of its flow. A flow is found by its tuple through a table.
 *
 *	          hold_put
 *	             │  a SYN again, an equal datagram: replaced; RST: its flow is dropped first
 *	             ▼
 *	           held ──► released | replaced | expired | dropped     (hold_leave)
 *
 * For each slot, and for all together: in = released + replaced + expired + dropped + held.
 */
#ifndef GODWIT_ESP_HOLD_H
#define GODWIT_ESP_HOLD_H

#include "esp/esp.h"
#include "esp/flow.h"

#define HOLD_FLOW_MAX 64 /* packets of one flow */
#define HOLD_PACKET_MAX (40 + UINT16_MAX)

/* Names a held packet until it leaves. */
typedef uint32_t hold_id;
#define HOLD_NONE 0

struct hold;

/* A hold too small for anything is allowed: whatever is put is dropped. */
struct hold *hold_new(const struct outbound_config *config);
void hold_free(struct hold *h);

/* What is held in all, or was. */
const struct hold_counters *hold_counters(const struct hold *h);
const struct hold_counters *hold_counters_of(const struct hold *h, unsigned slot);
static inline bool hold_empty(const struct hold *h)
{
	return atomic_load_explicit(&hold_counters(h)->packets, memory_order_relaxed) == 0;
}

struct hold_packet {
	struct slice ip; /* has passed packet_tuple; copied */
	const struct tuple *tuple;
	const struct flow_decision *decision; /* PROTECT */
	uint64_t number; /* of the rules that decided so */
};

/*
 * Holds a packet as the newest of its slot and flow; what its flow has in another slot moves
 * there first. Drops what is too much, oldest first: of the flow, or of all. The packet, or the one
 * that stands for it (a datagram held already, a SYN whose bytes are now these); HOLD_NONE: it is
 * too large to be held, and dropped. Drops are counted in `drops`, too.
 */
hold_id hold_put(struct hold *h, vtime now, const struct hold_packet *p, struct drops *drops);

enum hold_fate {
	HOLD_RELEASED,
	HOLD_REPLACED,
	HOLD_EXPIRED,
	HOLD_DROPPED,
};

/* Removes it. */
void hold_leave(struct hold *h, hold_id id, enum hold_fate fate);
/* Drops a whole flow, that of this packet, and counts each in `drops`. */
void hold_drop_flow(struct hold *h, hold_id id, enum drop why, struct drops *drops);

/* The oldest of all, or of a slot; HOLD_NONE: there is none. */
hold_id hold_oldest(const struct hold *h);
hold_id hold_slot_oldest(const struct hold *h, unsigned slot);
/* The one behind it in its slot; HOLD_NONE: it is the newest. */
hold_id hold_slot_next(const struct hold *h, hold_id id);
/* The newest packet of the flow that this one belongs to. */
hold_id hold_flow_newest(const struct hold *h, hold_id id);
/* True when something of this flow is held. */
bool hold_has_flow(const struct hold *h, const struct tuple *t);
/* The first slot from `slot` on that holds something; CLASSIFIER_SLOTS: none. */
unsigned hold_next_slot(const struct hold *h, unsigned slot);
/* When the oldest expires; VTIME_NEVER: nothing is held. */
vtime hold_deadline(const struct hold *h);

uint32_t hold_length(const struct hold *h, hold_id id);
const struct tuple *hold_tuple(const struct hold *h, hold_id id);
/* Writes its bytes, hold_length of them. */
void hold_copy(const struct hold *h, hold_id id, uint8_t *out);

/*
 * Review: every held packet is decided upon again when the rules are others; until that is done,
 * nothing is released. hold_review begins
 * with the oldest if `number` is new, goes on otherwise, and gives the next packet whose flow has
 * not been decided upon with these rules; HOLD_NONE: all have, or `budget` packets were looked at
 * and *budget is 0.
 */
hold_id hold_review(struct hold *h, uint64_t number, unsigned *budget);
/* True when all that is held belongs to where the rules of this number put it. */
bool hold_reviewed(const struct hold *h, uint64_t number);
/* The decision for the flow of this packet, PROTECT. The review moves its packets, in order. */
void hold_assign(struct hold *h, hold_id id, const struct flow_decision *d, uint64_t number);

/*
 * Who has been asked for an SA: each slot, or each host or flow of one. hold_unasked gives the next
 * packet of the slot on whose behalf nobody has been asked since the slot bears this stamp, of at
 * most *budget that are looked at; hold_asked notes that it has been.
 */
hold_id hold_unasked(struct hold *h, unsigned slot, uint32_t stamp, unsigned *budget);
void hold_asked(struct hold *h, hold_id id, uint32_t stamp);
bool hold_is_asked(const struct hold *h, hold_id id, uint32_t stamp);

#endif
