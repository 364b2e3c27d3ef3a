/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables for people: named columns as wide as what is in them, within the terminal's width.
 *
 *	static const struct table_column columns[] = {
 *		{ "tunnel", TABLE_LEFT, true },
 *		{ "packets", TABLE_RIGHT, false },
 *	};
 *	struct table *t = table_new(columns, 2);
 *
 *	table_cell(t, TABLE_PLAIN, "%s", name);
 *	table_cell(t, TABLE_BAD, "%lld", packets);
 *	table_print(t, stdout, table_look(stdout));
 *	table_free(t);
 *
 * Text is UTF-8; control characters, which others may have put into a name, are shown as '?'.
 */
#ifndef GODWIT_CMD_TABLE_H
#define GODWIT_CMD_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 20
#define TABLE_CELL_MAX 256 /* bytes with the NUL; what is longer is cut */

enum table_align {
	TABLE_LEFT,
	TABLE_RIGHT,
};

enum table_colour {
	TABLE_PLAIN,
	TABLE_DIM,
	TABLE_GOOD,
	TABLE_WARN,
	TABLE_BAD,
};

struct table_column {
	const char *name; /* at its head; borrowed */
	enum table_align align;
	bool shrinks; /* it is cut, down to the width of its name, where the terminal is narrow */
};

struct table_look {
	unsigned width; /* in columns of the terminal; 0: as wide as it needs */
	bool colour;
};

struct table;

/* columns are borrowed; at most TABLE_COLUMNS_MAX. */
struct table *table_new(const struct table_column *columns, unsigned ncolumns);
void table_free(struct table *t);
/* The next cell, which begins a row behind a full one. */
void table_cell(struct table *t, enum table_colour colour, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
unsigned table_rows(const struct table *t);
/*
 * A head and a line for each row; cells that are missing in the last one are empty. Where that is too wide
 * but for the last column, a line for each cell.
 */
void table_print(const struct table *t, FILE *out, struct table_look look);
/*
 * How tables look on this stream: a terminal's width, and colours where it can show them and nobody has
 * set NO_COLOR; else as wide as they need, and plain.
 */
struct table_look table_look(FILE *out);

/* A text in its colour, where the look has colours. */
void table_text(FILE *out, struct table_look look, enum table_colour colour, const char *text);
/* How it looks that something is "up", "down", or on its way. */
enum table_colour table_state_colour(const char *state);

/* "42 s", "7 min", "3 h 05 min"; returns buf. */
const char *table_duration(long long seconds, char buf[32]);
/* "42 bytes", "1.5 MiB"; returns buf. */
const char *table_bytes(long long n, char buf[32]);

#endif
