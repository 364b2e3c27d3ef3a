/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A screen as rows of cells, which text is put into and cut at its edge. It knows nothing of terminals
 * but the few ECMA-48 sequences that all of them have: place of the cursor, colour, erase to the end of the
 * line. So there is no need for terminfo.
 */
#ifndef GODWIT_CMD_SCREEN_H
#define GODWIT_CMD_SCREEN_H

#include <stdbool.h>
#include <stdio.h>

#define SCREEN_COLUMNS_MAX 500
#define SCREEN_ROWS_MAX 200

enum screen_colour {
	SCREEN_PLAIN,
	SCREEN_DIM,
	SCREEN_BOLD,
	SCREEN_REVERSE,
	SCREEN_GOOD,
	SCREEN_WARN,
	SCREEN_BAD,
};

struct screen_cell {
	char glyph[4]; /* UTF-8; not terminated when it has four bytes; "": a blank */
	enum screen_colour colour;
};

struct screen {
	unsigned columns, rows;
	bool utf8; /* else all that is not ASCII is '?' */
	struct screen_cell *cells;
};

/* An empty one, at most as large as the limits. */
struct screen *screen_new(unsigned columns, unsigned rows, bool utf8);
void screen_free(struct screen *s);
/*
 * Puts text, UTF-8, and returns the column behind it; what lies outside of the screen is cut. What a
 * terminal would obey, or show with another width than one, is '?'.
 */
unsigned screen_put(struct screen *s, unsigned row, unsigned column, enum screen_colour colour,
		    const char *text);
unsigned screen_putf(struct screen *s, unsigned row, unsigned column, enum screen_colour colour,
		     const char *format, ...) __attribute__((format(printf, 5, 6)));
/* How many columns the text takes. */
unsigned screen_width(const char *text);
/* Its rows as lines, without blanks at their ends. */
void screen_print(const struct screen *s, FILE *out);
/* Makes a terminal that shows `before` (NULL: nobody knows what) show this one. */
void screen_show(const struct screen *s, const struct screen *before, bool colour, FILE *out);

#endif
