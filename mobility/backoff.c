/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mobility/backoff.h"

vtime backoff_wait(unsigned failures, struct rng *rng)
{
	vtime wait;

	if (failures == 0)
		return 0;
	wait = failures > 6 ? BACKOFF_MAX : VTIME_S << (failures - 1);
	return wait - wait / 4 + rng_below(rng, wait / 2 + 1);
}
