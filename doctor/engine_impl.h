/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What engine.c and stages.c share. */
#ifndef GODWIT_DOCTOR_ENGINE_IMPL_H
#define GODWIT_DOCTOR_ENGINE_IMPL_H

#include "doctor/probe.h"

#define PROBES_MAX 4 /* at a time */
#define RELEASE_MAX 128

enum stage {
	STAGE_REACH,
	STAGE_MORE,
	STAGE_NEXT, /* address */
	STAGE_KEY,
	STAGE_REFUSAL,
	STAGE_ELIMINATE,
	STAGE_METHODS,
	STAGE_V2,
	STAGE_FRAGMENTS,
	STAGE_CONTROL,
	STAGE_WHOLE,
	STAGE_GROUP,
	STAGE_LISTEN,
	STAGE_NEAR,
	STAGE_OVER,
};

struct doctor {
	struct doctor_config config;
	struct rng *rng;
	struct doctor_found found[DOCTOR_ADDRESSES_MAX];
	unsigned target; /* that is being asked */
	int best;
	enum stage stage;
	unsigned round; /* of the stage */
	vtime next_send;
	vtime until; /* LISTEN */
	unsigned nprobes;
	struct probe probe[PROBES_MAX];
	struct probe kept; /* MAIN that was accepted: KEY goes on with it */
	bool has_kept;
	enum offer_kind offering; /* NEAR: of this list; KINDS: other methods */
	struct probe v2_last; /* INIT that is to be asked again, with a cookie or another group */
	unsigned mtu_low, mtu_high; /* WHOLE: passes; does not */
	unsigned mtu_said; /* a router has named this one, and it has not been tried; 0: none */
	unsigned mtu_tried; /* and this one is being tried */
	bool controlled; /* what is small was asked after what is large was not answered */
	size_t nrelease;
	uint8_t release[RELEASE_MAX];
	struct doctor_send released; /* where it goes */
	vtime last_sent;
};

struct doctor_found *found_now(struct doctor *d);
/* The gateway is told to forget what this question has begun. */
void release(struct doctor *d, const struct probe *p);
/* The port at which the gateway spoke this version; 500 if it did not. */
enum doctor_port speaking_port(const struct doctor_reached *reached);
/*
 * A question more for this stage, sent up to `tries` times; what is not set otherwise is. NULL: no more
 * are to be sent to this address.
 */
struct probe *ask(struct doctor *d, enum probe_kind kind, enum doctor_port port, unsigned tries);
/* Makes it; one that cannot be made is taken back. */
bool ask_made(struct doctor *d, struct probe *p);

/* ---- stages.c ---- */

/* Begins this stage, or the next one that has something to ask. */
void stage_enter(struct doctor *d, enum stage stage);
/* All its questions have their answers or none. */
void stage_end(struct doctor *d);

#endif
