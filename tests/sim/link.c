/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/link.h"

#include <string.h>

void link_init(struct link *l, const struct link_config *config, struct rng *rng)
{
	memset(l, 0, sizeof(*l));
	l->config = *config;
	l->rng = rng;
}

static bool chance(struct link *l, unsigned per_thousand)
{
	return rng_below(l->rng, 1000) < per_thousand;
}

static vtime up_to(struct link *l, vtime most)
{
	return rng_below(l->rng, most + 1);
}

static vtime arrival(struct link *l, vtime now)
{
	vtime at = vtime_add(now, l->config.delay + up_to(l, l->config.jitter));
	vtime held = up_to(l, l->config.held);

	if (chance(l, l->config.reordering)) {
		l->reordered++;
		return vtime_add(at, held);
	}
	if (at < l->last)
		at = l->last;
	l->last = at;
	return at;
}

/*
 * Every datagram takes the same number of draws, so that what becomes of one does not depend on
 * what became of the ones before.
 */
struct link_fate link_send(struct link *l, vtime now)
{
	struct link_fate fate = { .duplicated = chance(l, l->config.duplication) };

	l->sent++;
	l->duplicated += fate.duplicated;
	for (unsigned i = 0; i < LINK_COPIES_MAX; i++) {
		bool lost = chance(l, l->config.loss), exists = i == 0 || fate.duplicated;
		struct link before = *l;
		vtime at = arrival(l, now);

		if (exists && !lost) {
			fate.at[fate.n++] = at;
			continue;
		}
		l->last = before.last;
		l->reordered = before.reordered;
		l->lost += exists;
	}
	return fate;
}

/* When its last byte is on the link; VTIME_NEVER: it does not get there. */
static vtime departure(struct link *l, vtime now, size_t bytes)
{
	vtime begins = l->busy > now ? l->busy : now;

	if (l->config.mtu && bytes > l->config.mtu) {
		l->oversized++;
		return VTIME_NEVER;
	}
	if (!l->config.rate)
		return now;
	if (begins - now > l->config.queue) {
		l->congested++;
		return VTIME_NEVER;
	}
	l->busy = begins + bytes * VTIME_S / l->config.rate;
	return l->busy;
}

struct link_fate link_send_sized(struct link *l, vtime now, size_t bytes)
{
	vtime leaves = departure(l, now, bytes);
	struct link_fate fate = link_send(l, leaves == VTIME_NEVER ? now : leaves);

	if (leaves == VTIME_NEVER)
		fate.n = 0;
	return fate;
}
