/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Measures what a call costs. Every figure is the median of many short repetitions, each of them the
 * median of its calls, and the repetitions of all figures are interleaved: a call that another
 * process interrupted says nothing, and what disturbs the machine for a while disturbs all figures.
 * Those that share a size are set against that size's yardstick.
 */
#ifndef GODWIT_TESTS_BENCH_BENCH_H
#define GODWIT_TESTS_BENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define BENCH_FIGURES 128
#define BENCH_ROUNDS_MAX 201

struct bench_figure {
	char name[40];
	unsigned size; /* bytes of the packets; 0: it does not depend on them */
	/* One call does `ops` of what is measured; prepare, which may be NULL, is not measured. */
	void (*prepare)(void *ctx);
	void (*run)(void *ctx);
	void *ctx;
	unsigned ops;
	double ns[BENCH_ROUNDS_MAX]; /* for one of them */
	double median;
	double low, high; /* quartiles */
};

struct bench {
	struct bench_figure figures[BENCH_FIGURES];
	unsigned n;
	unsigned rounds;
	const char *only; /* NULL, or: figures without this in their name are not added */
};

struct bench_options {
	unsigned rounds;
	unsigned us;
	FILE *json; /* NULL: not wanted */
	const char *only; /* as in struct bench */
};

/*
 * Reads --rounds, --us, --json and --only over what is in *o; false after a line on stderr, which names
 * the program.
 */
bool bench_options(struct bench_options *o, const char *program, int argc, char **argv);
/* Adds a figure; the caller keeps ctx. */
void bench_add(struct bench *b, const char *name, unsigned size, unsigned ops,
	       void (*prepare)(void *), void (*run)(void *), void *ctx);
/* Measures all of them: `rounds` repetitions of about `us` microseconds each. */
void bench_run(struct bench *b, unsigned rounds, unsigned us);
/* The figure of this name and size, or NULL. */
const struct bench_figure *bench_find(const struct bench *b, const char *name, unsigned size);
/*
 * One row for each name, one column for each size, each with its ratio to the figure `yardstick` of
 * that size.
 */
void bench_table(const struct bench *b, const char *yardstick, FILE *out);
/* All of it, with quartiles: {"unit": "ns", "figures": [{"name", "size", "median", …}]}. */
void bench_json(const struct bench *b, const char *yardstick, FILE *out);

#endif
