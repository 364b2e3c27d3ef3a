/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usage: sim [--seeds N] [--seed S] [--scenario NAME | --world one|many|roam] [--trace]
 *            [--lanes] [--without] [--epochs N]
 */
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "tests/sim/field.h"
#include "tests/sim/roam.h"
#include "tests/sim/scenarios.h"
#include "tests/sim/selftest.h"

#define SEEDS 200
#define REPEAT_EVERY 16 /* seeds played twice, to compare */
#define HELD 40 /* blocks, from 24 bytes to 12 MiB */
#define SHOWN_MAX 10 /* failures of one scenario that are printed */

struct options {
	unsigned long first;
	unsigned long n;
	const char *scenario, *world;
	unsigned long epochs;
	bool trace, lanes;
	bool without;
};

struct counts {
	unsigned played, failed;
	unsigned sent, lost, duplicated, reordered;
};

static const struct scenario *scenario_at(unsigned i)
{
	if (i < nscenarios)
		return &scenarios[i];
	i -= nscenarios;
	if (i < nhold_scenarios)
		return &hold_scenarios[i];
	i -= nhold_scenarios;
	return i < nlasting_scenarios ? &lasting_scenarios[i] :
					&user_scenarios[i - nlasting_scenarios];
}

static unsigned scenario_count(void)
{
	return nscenarios + nhold_scenarios + nlasting_scenarios + nuser_scenarios;
}

static void usage(FILE *out)
{
	fputs("usage: sim [--seeds N] [--seed S] [--scenario NAME | --world one|many|roam]\n"
	      "           [--trace] [--lanes] [--without] [--epochs N]\n"
	      "--world: of one client, of many, or of clients that move\n"
	      "--lanes: worlds of many hosts are traced without what their clients log\n"
	      "--without: worlds of many hosts are played without the prober\n"
	      "scenarios:",
	      out);
	for (unsigned i = 0; i < scenario_count(); i++)
		fprintf(out, " %s", scenario_at(i)->name);
	for (unsigned i = 0; field_scenario_at(i); i++)
		fprintf(out, " %s", field_scenario_at(i)->name);
	for (unsigned i = 0; roam_scenario_at(i); i++)
		fprintf(out, " %s", roam_scenario_at(i)->name);
	fputs("\n", out);
}

static bool number(const char *text, unsigned long *out)
{
	char *end;

	*out = strtoul(text, &end, 10);
	return *text && !*end;
}

static bool options_read(struct options *o, int argc, char **argv)
{
	static const struct option known[] = {
		{ "seeds", required_argument, NULL, 'n' },
		{ "seed", required_argument, NULL, 's' },
		{ "scenario", required_argument, NULL, 'c' },
		{ "world", required_argument, NULL, 'o' },
		{ "trace", no_argument, NULL, 't' },
		{ "lanes", no_argument, NULL, 'l' },
		{ "without", no_argument, NULL, 'w' },
		{ "epochs", required_argument, NULL, 'e' },
		{ 0 },
	};
	int c;

	*o = (struct options){ .first = 1, .n = SEEDS, .epochs = field_options.epochs };
	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if ((c == 'n' && !number(optarg, &o->n)) ||
		    (c == 'e' && !number(optarg, &o->epochs)))
			return false;
		if (c == 's') {
			if (!number(optarg, &o->first))
				return false;
			o->n = 1;
		}
		if (c == 'c')
			o->scenario = optarg;
		if (c == 'o')
			o->world = optarg;
		if (c == 't')
			o->trace = true;
		if (c == 'l')
			o->trace = o->lanes = true;
		if (c == 'w')
			o->without = true;
		if (c == '?')
			return false;
	}
	return optind == argc && o->n > 0;
}

/*
 * Plays the seed again where that is due, with memory at other addresses and other bytes in what
 * is not initialised; the log must be the same to the byte.
 */
static void repeat(const struct scenario *s, uint64_t seed, bool always, struct world_result *r)
{
	void *displaced[HELD] = { 0 };
	struct world_result again;

	if (r->failure[0] || (!always && seed % REPEAT_EVERY != 1))
		return;
	for (unsigned i = 0; i < HELD; i++)
		displaced[i] = malloc((size_t)24 << i / 2);
	mallopt(M_PERTURB, 0x5a);
	again = world_play(s, seed, false);
	mallopt(M_PERTURB, 0);
	for (unsigned i = 0; i < HELD; i++)
		free(displaced[i]);
	if (again.hash != r->hash)
		snprintf(r->failure, sizeof(r->failure), "the same seed gave another log");
}

static void compare_twin(const struct scenario *s, uint64_t seed, struct world_result *r)
{
	struct world_result twin;

	if (r->failure[0] || !s->twin)
		return;
	twin = world_play(s->twin, seed, false);
	if (twin.milestones != r->milestones)
		snprintf(r->failure, sizeof(r->failure),
			 "the client's log differs from that of the scenario %s", s->twin->name);
}

static void count(struct counts *c, const struct world_result *r)
{
	c->played++;
	c->failed += r->failure[0] != '\0';
	c->sent += r->sent;
	c->lost += r->lost;
	c->duplicated += r->duplicated;
	c->reordered += r->reordered;
}

static bool play(const struct scenario *s, const struct options *o)
{
	struct counts c = { 0 };

	for (unsigned long seed = o->first; seed < o->first + o->n; seed++) {
		struct world_result r = world_play(s, seed, o->trace);

		repeat(s, seed, o->n == 1, &r);
		compare_twin(s, seed, &r);
		count(&c, &r);
		if (!r.failure[0] || c.failed > SHOWN_MAX)
			continue;
		printf("%s, seed %lu: %s\n\treplay: sim --scenario %s --seed %lu --trace\n",
		       s->name, seed, r.failure, s->name, seed);
	}
	printf("%-12s %5u seeds, %u failed; %u datagrams, %u lost, %u duplicated, %u reordered\n",
	       s->name, c.played, c.failed, c.sent, c.lost, c.duplicated, c.reordered);
	fflush(stdout);
	return c.failed == 0;
}

/* Which rows of what decides about epochs and recovery no seed has come to. */
static void report_rows(void)
{
	char text[EPOCHS_ROW_TEXT_MAX > LADDER_ROW_TEXT_MAX ? EPOCHS_ROW_TEXT_MAX :
							      LADDER_ROW_TEXT_MAX];

	for (unsigned i = 0; i < epochs_rows(); i++)
		if (!(sim_reached.epochs >> i & 1))
			printf("no seed has reached: epoch %s\n", epochs_row_text(i, text));
	for (unsigned i = 0; i < ladder_rows(); i++)
		if (!(sim_reached.ladder >> i & 1))
			printf("no seed has reached: ladder %s\n", ladder_row_text(i, text));
}

static bool wants(const struct options *o, const char *world, const char *name)
{
	return (!o->world || strcmp(o->world, world) == 0) &&
	       (!o->scenario || strcmp(o->scenario, name) == 0);
}

/* How many were played; *good: none has failed. */
static unsigned play_all(const struct options *o, bool *good)
{
	unsigned played = 0;

	field_options = (struct field_options){
		.epochs = (unsigned)o->epochs,
		.show = o->trace,
		.lanes = o->lanes,
		.without = o->without,
	};
	for (unsigned i = 0; i < scenario_count(); i++) {
		if (!wants(o, "one", scenario_at(i)->name))
			continue;
		played++;
		*good &= play(scenario_at(i), o);
	}
	for (unsigned i = 0; field_scenario_at(i); i++) {
		if (!wants(o, "many", field_scenario_at(i)->name))
			continue;
		played++;
		*good &= field_run(field_scenario_at(i), o->first, o->n);
	}
	for (unsigned i = 0; roam_scenario_at(i); i++) {
		if (!wants(o, "roam", roam_scenario_at(i)->name))
			continue;
		played++;
		*good &= roam_run(roam_scenario_at(i), o->first, o->n, o->trace);
	}
	return played;
}

int main(int argc, char **argv)
{
	struct options o;
	bool good = true;

	if (!options_read(&o, argc, argv)) {
		usage(stderr);
		return 1;
	}
	if (crypto_init() != 0) {
		fputs("sim: the crypto library does not start\n", stderr);
		return 1;
	}
	if (!o.scenario)
		good = selftest();
	if (!play_all(&o, &good)) {
		fputs("sim: there is no such scenario\n", stderr);
		usage(stderr);
		return 1;
	}
	if (!o.scenario)
		report_rows();
	return good ? 0 : 1;
}
