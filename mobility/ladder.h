/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The recovery ladder: what is tried when the tunnel does not carry, each rung stronger and dearer
 * than the one before. What happens is one table (ladder.c), rows of event, rung and condition.
 *
 *	REST ─► PING ─► REKEY ─► NEW_IKE ─► NEXT_ADDRESS ─► NEXT_GATEWAY ─► (from the first gateway)
 *	  ▲ what comes proves it      NEPOCH > elimit
 *	  └────────────────────────────────┘
 *
 * NEPOCH counts negotiations that failed or timed out in sequence, and epochs that were never
 * proved. It is zeroed when an epoch is proved and when idle pings go unanswered.
 */
#ifndef GODWIT_MOBILITY_LADDER_H
#define GODWIT_MOBILITY_LADDER_H

#include "base/vtime.h"

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
	LADDER_NEGOTIATE, /* another epoch, after ladder_waits failures' back-off */
	LADDER_RECONNECT, /* drop the ISAKMP SA and begin anew with this address */
	LADDER_MOVE_ADDRESS, /* begin anew with the next address, or gateway if there is none */
};

struct ladder_config {
	unsigned elimit;
};

struct ladder {
	struct ladder_config config;
	enum rung rung;
	unsigned nepoch;
	unsigned rounds; /* ISAKMP SAs that were given up in sequence without any epoch proved */
};

void ladder_init(struct ladder *l, const struct ladder_config *config);
/*
 * others: addresses or gateways that have not been tried since an epoch was proved last. Returns
 * what is to be done.
 */
enum ladder_step ladder_event(struct ladder *l, enum ladder_event event, unsigned others);
/* "rest", "ping", "rekey", "new-ike", "next-address", "next-gateway" */
const char *rung_name(enum rung rung);

/* The rows of the table, for those who count which ones were reached. */
unsigned ladder_rows(void);

#endif
