/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The recovery ladder: what is tried when the tunnel does not carry, each rung stronger and dearer
 * than the one before. What happens is one table (ladder.c), rows of event, rung and condition.
 *
 *	REST ─► PING ─► REKEY ─► NEW_IKE ─► NEXT_ADDRESS ─► NEXT_GATEWAY ─► (from the first gateway)
 *	  ▲        NEPOCH > elimit   NEPOCH > elimit again, or no ISAKMP SA comes about
 *	  └──── an epoch is proved, or a ping is answered
 *
 * A rung is never left downwards but for REST, or to start over. An address that does negotiate is
 * given up only after a second ISAKMP SA with it did not help either.
 *
 * NEPOCH counts negotiations that failed or timed out in sequence, and epochs that were never
 * proved. It is zeroed when an epoch is proved and when idle pings go unanswered.
 */
#ifndef GODWIT_MOBILITY_LADDER_H
#define GODWIT_MOBILITY_LADDER_H

#include <stdint.h>

#define LADDER_ROW_TEXT_MAX 96

enum rung {
	RUNG_REST, /* nothing to recover from */
	RUNG_PING, /* the tunnel is asked whether it carries */
	RUNG_REKEY, /* a new epoch is negotiated */
	RUNG_NEW_IKE, /* a new ISAKMP SA, with the same address of the gateway */
	RUNG_NEXT_ADDRESS, /* of the same gateway */
	RUNG_NEXT_GATEWAY,
};

enum ladder_event {
	LADDER_QUIET, /* an idle ping was not answered in time, and another one goes out */
	LADDER_SILENT, /* none of them was */
	LADDER_UNPROVED, /* a new epoch was given up */
	LADDER_FAILED, /* a negotiation was refused, or timed out */
	LADDER_DEAD, /* the ISAKMP SA is gone, or the gateway does not answer over it any more */
	LADDER_IKE_FAILED, /* an attempt at a new ISAKMP SA has failed */
	LADDER_HEARD, /* something authentic came through the tunnel */
	LADDER_PROVED, /* an epoch was proved */
};

/* What is to be done: the rung that is entered, or entered anew. */
enum ladder_step {
	LADDER_STAY,
	LADDER_NEGOTIATE, /* another epoch, after the back-off for nepoch failures */
	LADDER_RECONNECT, /* drop the ISAKMP SA and begin anew with this address */
	LADDER_MOVE_ADDRESS, /* begin anew with the next address, or gateway if there is none */
	LADDER_START_OVER, /* begin anew with the first gateway: all have been tried */
};

struct ladder_config {
	unsigned elimit;
};

struct ladder {
	struct ladder_config config;
	enum rung rung;
	unsigned nepoch;
	unsigned rounds; /* ISAKMP SAs in sequence that were given up because of NEPOCH */
	uint64_t *reached; /* the owner's: bit i is set when row i is taken; NULL: not counted */
};

void ladder_init(struct ladder *l, const struct ladder_config *config);
/*
 * addresses, gateways: those behind the one in use, which have not been tried since an epoch was
 * proved last. Returns what is to be done.
 */
enum ladder_step ladder_event(struct ladder *l, enum ladder_event event, unsigned addresses,
			      unsigned gateways);
/* "rest", "ping", "rekey", "new-ike", "next-address", "next-gateway" */
const char *rung_name(enum rung rung);

/* The rows of the table, for those who count which ones were reached. */
unsigned ladder_rows(void);
/* Events, rungs and condition of a row < ladder_rows(); returns buf. */
const char *ladder_row_text(unsigned row, char buf[LADDER_ROW_TEXT_MAX]);

#endif
