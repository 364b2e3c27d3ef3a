/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whom the probes of a session ask. All candidates are asked at once with the first epoch; the first
 * that answers is the target, for the rest of the session unless the owner has all asked anew. When
 * none ever does there is none, and data alone must prove an epoch.
 *
 *	ASKING ──── one answers ────► FOUND
 *	   │ ▲ ▲──── asked anew ────────┤
 *	   │ │ other candidates         │ one answers after all
 *	   ▼ │                          │
 *	  DATA ─────────────────────────┘
 *
 * Every probe that goes out is entered with its sequence number; a reply counts only once, and only
 * for what was asked with that number.
 */
#ifndef GODWIT_MOBILITY_TARGET_H
#define GODWIT_MOBILITY_TARGET_H

#include <stdbool.h>

#include "base/addr.h"
#include "base/vtime.h"

#define TARGETS_MAX 8
#define TARGET_PROBES 256 /* that may be unanswered at a time; the oldest make room */

enum target_kind {
	TARGET_CONFIGURED, /* ping-target */
	TARGET_GATEWAY, /* its outer address, where it is reached through the tunnel */
	TARGET_DNS, /* the first name server that the gateway gave */
	TARGET_SUBNET, /* the first address of the assigned network */
};

enum target_state {
	TARGET_ASKING,
	TARGET_FOUND,
	TARGET_DATA, /* nobody answers, or nobody may be asked */
};

struct target_candidate {
	enum target_kind kind;
	struct addr addr;
};

/* One probe on its way. */
struct target_probe {
	uint16_t sequence; /* 0: the place is free */
	uint32_t epoch;
	unsigned slot;
	unsigned candidate; /* its place when it was asked */
	struct addr to;
	bool answered;
};

struct targets {
	enum target_state state;
	const char *why; /* with DATA: what a person reads; static */
	unsigned n;
	struct target_candidate list[TARGETS_MAX];
	unsigned found; /* with FOUND */
	uint16_t last; /* sequence number */
	struct target_probe probes[TARGET_PROBES];
	uint64_t sent, answered;
};

/* ASKING, and there is nobody to ask yet. */
void targets_init(struct targets *t);
/*
 * These are the candidates now, in order of preference; none: DATA, because of `why` (static). The
 * one that was found stays found if it is among them; the same list as before changes nothing.
 * Probes on their way stay, and count when they are answered, whoever is a candidate then.
 */
void targets_set(struct targets *t, const struct target_candidate *list, unsigned n,
		 const char *why);
/*
 * True when this one is to be asked now: the target, or every candidate while there is none, also
 * with DATA.
 */
bool targets_asks(const struct targets *t, unsigned candidate);
/* Enters a probe and returns its sequence number, which is never 0. */
uint16_t targets_sent(struct targets *t, unsigned slot, uint32_t epoch, unsigned candidate);
/* The next number, for a probe that somebody else enters: its reply is none for targets_answered. */
uint16_t targets_number(struct targets *t);
/*
 * A reply with this number came from `from`. What was asked with it, or NULL: nothing, somebody
 * else, or it has been answered before. May find the target.
 */
const struct target_probe *targets_answered(struct targets *t, uint16_t sequence,
					    const struct addr *from);
/* Whom we have found does not answer any more: all are asked, and the first that answers is found. */
void targets_ask_anew(struct targets *t);
/* Nobody has answered for so long that nobody will: DATA, unless there is a target. */
void targets_give_up(struct targets *t);
/* "ping-target", "gateway", "dns", "subnet" */
const char *target_kind_name(enum target_kind kind);

#endif
