/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/field.h"

#include <stdio.h>

#define REPEAT_EVERY 16 /* seeds played twice, to compare */
#define SHOWN_MAX 10 /* failures of one scenario that are printed */

struct counts {
	unsigned played, failed, twins, troubled;
	vtime slowest, bound; /* of the seed that needed the largest part of its bound */
	uint64_t sent, lost, late, early;
	unsigned multicasts, probes;
};

const struct field_scenario *field_scenario_at(unsigned i)
{
	if (i < nfield_races)
		return &field_races[i];
	i -= nfield_races;
	if (i < nfield_mixes)
		return &field_mixes[i];
	i -= nfield_mixes;
	return i < nfield_longs ? &field_longs[i] : NULL;
}

static void count(struct counts *c, const struct field_result *r)
{
	c->played++;
	c->failed += r->failure[0] != '\0';
	c->sent += r->sent;
	c->lost += r->lost;
	c->late += r->late;
	c->early += r->early;
	c->multicasts += r->multicasts;
	c->probes += r->probes;
	if (r->bound && (!c->bound || (double)r->took / (double)r->bound >
					      (double)c->slowest / (double)c->bound)) {
		c->slowest = r->took;
		c->bound = r->bound;
	}
}

static void repeat(const struct field_scenario *s, uint64_t seed, bool always,
		   struct field_result *r)
{
	struct field_result again;
	bool show = field_options.show;

	if (r->failure[0] || (!always && seed % REPEAT_EVERY != 1))
		return;
	field_options.show = false;
	again = field_play(s, seed, true);
	field_options.show = show;
	if (again.hash != r->hash)
		snprintf(r->failure, sizeof(r->failure), "the same seed gave another log");
}

static void play_twin(const struct field_scenario *s, uint64_t seed, struct field_result *r,
		      struct counts *c)
{
	struct field_result twin;
	bool show = field_options.show;

	if (s->twin == FIELD_NO_TWIN || r->failure[0])
		return;
	field_options.show = false;
	twin = field_play(s, seed, false);
	field_options.show = show;
	c->twins++;
	c->troubled += twin.troubled;
	if (twin.failure[0])
		snprintf(r->failure, sizeof(r->failure), "without the prober: %.300s",
			 twin.failure);
	else if (!twin.troubled && s->twin == FIELD_TWIN_FAILS)
		snprintf(r->failure, sizeof(r->failure), "nothing fails without the prober");
}

static void report(const struct field_scenario *s, const struct counts *c)
{
	printf("%-16s %5u seeds, %u failed", s->name, c->played, c->failed);
	if (c->twins)
		printf("; without the prober %u of %u", c->troubled, c->twins);
	if (c->bound)
		printf("; slowest %.1f of %.1f s", (double)c->slowest / (double)VTIME_S,
		       (double)c->bound / (double)VTIME_S);
	if (c->sent)
		printf("; %llu sent, %llu lost, %llu late, %llu early", (unsigned long long)c->sent,
		       (unsigned long long)c->lost, (unsigned long long)c->late,
		       (unsigned long long)c->early);
	printf("; %u probes, %u to everybody\n", c->probes, c->multicasts);
	fflush(stdout);
}

bool field_run(const struct field_scenario *s, unsigned long first, unsigned long n)
{
	struct counts c = { 0 };
	unsigned long last = first + (s->share > 1 ? (n + s->share - 1) / s->share : n);

	for (unsigned long seed = first; seed < last; seed++) {
		struct field_result r = field_play(s, seed, !field_options.without);

		if (field_options.without) {
			c.twins++;
			c.troubled += r.troubled;
		} else {
			repeat(s, seed, n == 1, &r);
			play_twin(s, seed, &r, &c);
		}
		count(&c, &r);
		if (!r.failure[0] || c.failed > SHOWN_MAX)
			continue;
		printf("%s, seed %lu: %s\n\treplay: sim --scenario %s --seed %lu --trace\n",
		       s->name, seed, r.failure, s->name, seed);
	}
	report(s, &c);
	return c.failed == 0;
}
