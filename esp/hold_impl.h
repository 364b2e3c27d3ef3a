/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the hold queue lies in memory: what hold.c and hold_cells.c share. */
#ifndef GODWIT_ESP_HOLD_IMPL_H
#define GODWIT_ESP_HOLD_IMPL_H

#include "esp/hold.h"

#define CELL 256
#define CELL_ROOM (CELL - 8)
#define CELLS_MIN 8 /* one packet, the records of its flow and host, and of those that come */
#define SLOT_WORDS (CLASSIFIER_SLOTS / 64)

/* The three lists that a packet is in. */
enum order {
	ORDER_ALL,
	ORDER_SLOT,
	ORDER_FLOW,
	ORDERS,
};

struct list {
	hold_id first, last;
};

/* What makes a packet stand for an earlier one. */
enum likeness {
	LIKE_NONE,
	LIKE_SYN,
	LIKE_DATAGRAM,
	LIKE_RST,
};

struct held {
	struct {
		hold_id prev, next;
	} link[ORDERS];
	vtime at;
	uint64_t mark;
	uint32_t flow;
	uint32_t len;
	uint32_t upper;
	uint16_t slot;
	uint8_t likeness;
};

#define HEAD_ROOM (CELL_ROOM - sizeof(struct held))

/* A packet is named by its first cell. Cell 0 is not used. */
struct cell {
	uint32_t next; /* of the same packet, or of what is free */
	union {
		struct {
			struct held held;
			uint8_t bytes[HEAD_ROOM];
		};
		uint8_t more[CELL_ROOM];
	};
};

_Static_assert(sizeof(struct cell) == CELL, "no more than what is counted");

/*
 * A flow with its packets, or a host of a slot that has an SA for each: then the tuple has its
 * address alone, and n counts its flows. Record 0 is not used.
 */
struct record {
	struct tuple tuple;
	uint32_t next; /* in its bucket, or of what is free */
	struct list packets;
	uint32_t n;
	uint32_t host; /* the record of its host; 0: there is none */
	uint32_t asked; /* the slot's stamp by then; 0: never */
	uint64_t number; /* of the rules that put it in its slot */
	uint16_t slot;
	bool is_host;
	uint8_t granularity;
};

struct held_slot {
	struct list packets;
	uint32_t asked; /* as in a record; for a slot with one SA for all */
	hold_id ask; /* whoever came before this one has been asked for */
	uint32_t ask_stamp; /* the slot's when the look at who has been asked for began */
	struct hold_counters counters;
};

/* What was never used lies above `fresh`, what was used and is free is chained. */
struct pool {
	uint32_t fresh, end, free, unused;
};

struct hold {
	vtime age;
	struct cell *cells;
	struct record *records;
	uint32_t *buckets;
	uint32_t mask;
	struct pool cell_pool, record_pool;
	struct list all;
	struct hold_counters counters;
	struct held_slot slots[CLASSIFIER_SLOTS];
	uint64_t occupied[SLOT_WORDS]; /* a bit for each slot that holds something */
	hold_id review; /* next to be looked at */
	uint64_t number; /* of the rules it is reviewed for */
};

/* ---- hold_cells.c: packets in chains of cells ---- */

/* There is one unused. */
uint32_t hold_cell_take(struct hold *h);
void hold_cell_give(struct hold *h, uint32_t id);
/* How many cells a packet of len bytes needs. */
uint32_t hold_cells_for(uint32_t len);
/* Gives a packet's chain the cells that len bytes need; there are so many. */
void hold_chain_fit(struct hold *h, hold_id id, uint32_t len);
/* The packet's bytes are these from now on; there are cells for them. */
void hold_chain_write(struct hold *h, hold_id id, struct slice bytes);
/* True when what is held from `from` on is just these bytes. */
bool hold_chain_equal(const struct hold *h, hold_id id, uint32_t from, struct slice bytes);

#endif
