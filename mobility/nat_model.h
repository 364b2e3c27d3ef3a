/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parameters of the prober must be so that it holds its own against NATs that forward ESP
 * by guessing: a probe that is repeated must not be dropped because of ourselves, must outlast
 * collisions with others, and what the NAT knows of us must not expire.
 */
#ifndef GODWIT_MOBILITY_NAT_MODEL_H
#define GODWIT_MOBILITY_NAT_MODEL_H

#include <stdbool.h>

#include "mobility/prober.h"

struct nat_model {
	vtime tout; /* an outstanding item expires */
	unsigned nout; /* packets it may carry once it has kept another client's from passing */
	vtime tei; /* an established item expires when it is silent for so long */
	unsigned clients; /* others who may collide with us */
};

enum nat_model_fault {
	NAT_MODEL_PINGTIME = 1, /* pingtime < tout / nout */
	/* pingtime * pingtries / tout <= clients, with the pingtime that is given or advised */
	NAT_MODEL_PINGTRIES = 2,
	NAT_MODEL_MAXIDLE = 4, /* maxidle >= tei, or never */
};

/* What would do, each value on its own; only those of faults are meaningful. */
struct nat_model_advice {
	vtime pingtime; /* at least */
	unsigned pingtries; /* at least, with the pingtime that is given or advised */
	vtime maxidle; /* less than this */
	vtime maxidle_lossy; /* less than this if all pings of a round may be lost; 0: no such value */
};

/* The faults, or-ed; 0: none. */
unsigned nat_model_check(const struct nat_model *model, const struct prober_config *config,
			 struct nat_model_advice *advice);

#endif
