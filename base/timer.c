/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/timer.h"

#include <assert.h>

void timers_init(struct timers *t, unsigned n)
{
	assert(n <= TIMERS_MAX);
	t->n = n;
	for (unsigned i = 0; i < TIMERS_MAX; i++)
		t->at[i] = VTIME_NEVER;
}

void timers_set(struct timers *t, unsigned row, vtime at)
{
	assert(row < t->n);
	t->at[row] = at;
}

void timers_clear(struct timers *t, unsigned row)
{
	timers_set(t, row, VTIME_NEVER);
}

static unsigned timers_earliest(const struct timers *t)
{
	unsigned best = 0;

	for (unsigned i = 1; i < t->n; i++)
		if (t->at[i] < t->at[best])
			best = i;
	return best;
}

vtime timers_next(const struct timers *t)
{
	return t->at[timers_earliest(t)];
}

int timers_take_due(struct timers *t, vtime now)
{
	unsigned row = timers_earliest(t);

	if (t->at[row] == VTIME_NEVER || t->at[row] > now)
		return -1;
	t->at[row] = VTIME_NEVER;
	return (int)row;
}
