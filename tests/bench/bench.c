/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/bench/bench.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SIZES_MAX 8
#define CALLS_MAX 8192 /* in one repetition */

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static bool options_read(struct bench_options *o, const char **json, int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--rounds") == 0)
			o->rounds = (unsigned)atoi(argv[i + 1]);
		else if (strcmp(argv[i], "--us") == 0)
			o->us = (unsigned)atoi(argv[i + 1]);
		else if (strcmp(argv[i], "--json") == 0)
			*json = argv[i + 1];
		else if (strcmp(argv[i], "--only") == 0)
			o->only = argv[i + 1];
		else
			return false;
	}
	return argc % 2 == 1 && o->rounds > 0 && o->rounds <= BENCH_ROUNDS_MAX;
}

bool bench_options(struct bench_options *o, const char *program, int argc, char **argv)
{
	const char *json = NULL;

	if (options_read(o, &json, argc, argv) && (!json || (o->json = fopen(json, "w"))))
		return true;
	fprintf(stderr, "usage: %s [--rounds N] [--us MICROSECONDS] [--json FILE] [--only NAME]\n",
		program);
	return false;
}

void bench_add(struct bench *b, const char *name, unsigned size, unsigned ops,
	       void (*prepare)(void *), void (*run)(void *), void *ctx)
{
	struct bench_figure *f;

	if (b->only && !strstr(name, b->only))
		return;
	if (b->n == BENCH_FIGURES)
		abort();
	f = &b->figures[b->n++];
	*f = (struct bench_figure){
		.size = size, .prepare = prepare, .run = run, .ctx = ctx, .ops = ops
	};
	snprintf(f->name, sizeof(f->name), "%s", name);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/*
 * Repeats for about so long; nanoseconds for one operation. Of the calls it is the median, too: one
 * that another process had the processor from says nothing.
 */
static double repetition(const struct bench_figure *f, unsigned us)
{
	static double calls[CALLS_MAX];
	uint64_t until = now() + us * 1000ULL;
	unsigned n = 0;

	do {
		uint64_t begin;

		if (f->prepare)
			f->prepare(f->ctx);
		begin = now();
		f->run(f->ctx);
		calls[n++] = (double)(now() - begin);
	} while (n < CALLS_MAX && now() < until);
	qsort(calls, n, sizeof(calls[0]), compare);
	return calls[n / 2] / f->ops;
}

void bench_run(struct bench *b, unsigned rounds, unsigned us)
{
	if (rounds == 0 || rounds > BENCH_ROUNDS_MAX)
		abort();
	b->rounds = rounds;
	/* The first one warms up, and is not kept. */
	for (unsigned r = 0; r <= rounds; r++)
		for (unsigned i = 0; i < b->n; i++)
			b->figures[i].ns[r ? r - 1 : 0] = repetition(&b->figures[i], us);
	for (unsigned i = 0; i < b->n; i++) {
		struct bench_figure *f = &b->figures[i];

		qsort(f->ns, rounds, sizeof(f->ns[0]), compare);
		f->low = f->ns[rounds / 4];
		f->median = f->ns[rounds / 2];
		f->high = f->ns[rounds * 3 / 4];
	}
}

const struct bench_figure *bench_find(const struct bench *b, const char *name, unsigned size)
{
	for (unsigned i = 0; i < b->n; i++)
		if (b->figures[i].size == size && strcmp(b->figures[i].name, name) == 0)
			return &b->figures[i];
	return NULL;
}

/* The sizes in use, in the order they came; how many. */
static unsigned sizes_of(const struct bench *b, unsigned sizes[SIZES_MAX])
{
	unsigned n = 0;

	for (unsigned i = 0; i < b->n; i++) {
		unsigned j = 0;

		while (j < n && sizes[j] != b->figures[i].size)
			j++;
		if (j == n && n < SIZES_MAX && b->figures[i].size)
			sizes[n++] = b->figures[i].size;
	}
	return n;
}

static void table_cell(const struct bench *b, const char *name, unsigned size,
		       const char *yardstick, FILE *out)
{
	const struct bench_figure *f = bench_find(b, name, size);
	const struct bench_figure *y = bench_find(b, yardstick, size);

	if (f && y)
		fprintf(out, "%10.1f %5.2f", f->median, f->median / y->median);
	else if (f)
		fprintf(out, "%10.1f %5s", f->median, "");
	else
		fprintf(out, "%10s %5s", "-", "");
}

/* True when an earlier figure has this name: its row is there already. */
static bool named_before(const struct bench *b, unsigned i)
{
	for (unsigned j = 0; j < i; j++)
		if (strcmp(b->figures[j].name, b->figures[i].name) == 0)
			return true;
	return false;
}

void bench_table(const struct bench *b, const char *yardstick, FILE *out)
{
	unsigned sizes[SIZES_MAX];
	unsigned n = sizes_of(b, sizes);

	fprintf(out, "%-32s", "ns for one packet");
	for (unsigned i = 0; i < n; i++)
		fprintf(out, "%10u %5s", sizes[i], "x");
	fprintf(out, "\n");
	for (unsigned i = 0; i < b->n; i++) {
		const struct bench_figure *f = &b->figures[i];

		if (named_before(b, i))
			continue;
		fprintf(out, "%-32s", f->name);
		if (f->size == 0)
			table_cell(b, f->name, 0, yardstick, out);
		for (unsigned j = 0; j < n && f->size; j++)
			table_cell(b, f->name, sizes[j], yardstick, out);
		fprintf(out, "\n");
	}
}

void bench_json(const struct bench *b, const char *yardstick, FILE *out)
{
	fprintf(out, "{\"unit\": \"ns\", \"rounds\": %u, \"yardstick\": \"%s\", \"figures\": [",
		b->rounds, yardstick);
	for (unsigned i = 0; i < b->n; i++) {
		const struct bench_figure *f = &b->figures[i];
		const struct bench_figure *y = bench_find(b, yardstick, f->size);

		fprintf(out,
			"%s\n  {\"name\": \"%s\", \"size\": %u, \"median\": %.2f, \"low\": %.2f, "
			"\"high\": %.2f",
			i ? "," : "", f->name, f->size, f->median, f->low, f->high);
		if (y)
			fprintf(out, ", \"ratio\": %.3f", f->median / y->median);
		fprintf(out, "}");
	}
	fprintf(out, "\n]}\n");
}
