/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "tests/sim/roam.h"

#define REPEAT_EVERY 16 /* seeds played twice, to compare */
#define SHOWN_MAX 10 /* failures of one scenario that are printed */

static const struct {
	const struct roam_scenario *list;
	const unsigned *n;
} groups[] = {
	{ roam_moves, &nroam_moves },	    { roam_lossies, &nroam_lossies },
	{ roam_foreigns, &nroam_foreigns }, { roam_sleeps, &nroam_sleeps },
	{ roam_crowds, &nroam_crowds },
};

const struct roam_scenario *roam_scenario_at(unsigned i)
{
	for (unsigned g = 0; g < ARRAY_SIZE(groups); g++) {
		if (i < *groups[g].n)
			return &groups[g].list[i];
		i -= *groups[g].n;
	}
	return NULL;
}

static void repeat(const struct roam_scenario *s, uint64_t seed, bool always, struct roam_result *r)
{
	struct roam_result again;

	if (r->failure[0] || (!always && seed % REPEAT_EVERY != 1) || s->share > 1)
		return;
	again = roam_play(s, seed, false);
	if (again.hash != r->hash)
		snprintf(r->failure, sizeof(r->failure), "the same seed gave another log");
}

bool roam_run(const struct roam_scenario *s, unsigned long first, unsigned long n, bool show)
{
	unsigned long last = first + (s->share > 1 ? (n + s->share - 1) / s->share : n);
	struct roam_result all = { 0 };
	unsigned played = 0, failed = 0;

	for (unsigned long seed = first; seed < last; seed++) {
		struct roam_result r = roam_play(s, seed, show);

		repeat(s, seed, n == 1, &r);
		played++;
		failed += r.failure[0] != '\0';
		all.datagrams += r.datagrams;
		all.lost += r.lost;
		all.packets += r.packets;
		all.answered += r.answered;
		if (r.failure[0] && failed <= SHOWN_MAX)
			printf("%s, seed %lu: %s\n\treplay: sim --scenario %s --seed %lu --trace\n",
			       s->name, seed, r.failure, s->name, seed);
	}
	printf("%-16s %5u seeds, %u failed; %llu datagrams, %llu lost; %llu packets, %llu answered\n",
	       s->name, played, failed, (unsigned long long)all.datagrams,
	       (unsigned long long)all.lost, (unsigned long long)all.packets,
	       (unsigned long long)all.answered);
	fflush(stdout);
	return failed == 0;
}
