/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waits between attempts, so that two ends or two clients that met once do not meet again in step. */
#ifndef GODWIT_MOBILITY_BACKOFF_H
#define GODWIT_MOBILITY_BACKOFF_H

#include "base/rng.h"
#include "base/vtime.h"

#define BACKOFF_MAX (60 * VTIME_S)

/* The wait after `failures` in sequence: 0, 1, 2, 4 … 60 s, each a quarter more or less. */
vtime backoff_wait(unsigned failures, struct rng *rng);

#endif
