/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/screen.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/utf8.h"

#define GLYPH_MAX 4
#define TEXT_MAX 1024

struct screen *screen_new(unsigned columns, unsigned rows, bool utf8)
{
	struct screen *s = xcalloc(1, sizeof(*s));

	s->columns = columns < SCREEN_COLUMNS_MAX ? columns : SCREEN_COLUMNS_MAX;
	s->rows = rows < SCREEN_ROWS_MAX ? rows : SCREEN_ROWS_MAX;
	s->utf8 = utf8;
	s->cells = xcalloc((size_t)s->columns * s->rows + 1, sizeof(*s->cells));
	return s;
}

void screen_free(struct screen *s)
{
	if (s)
		free(s->cells);
	free(s);
}

/* ---- characters ---- */

/* Whether it takes one column and does nothing else. */
static bool is_plain(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} others[] = {
		{ 0, 0x1f },	    { 0x7f, 0x9f },	{ 0xad, 0xad },	    { 0x300, 0x36f },
		{ 0x483, 0x489 },   { 0x591, 0x5c7 },	{ 0x600, 0x61c },   { 0x64b, 0x65f },
		{ 0x1100, 0x11ff }, { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff }, { 0x200b, 0x200f },
		{ 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0x20d0, 0x20ff }, { 0x2e80, 0xa4cf },
		{ 0xa960, 0xa97f }, { 0xac00, 0xd7ff }, { 0xe000, 0xfaff }, { 0xfe00, 0xfe6f },
		{ 0xfeff, 0xfeff }, { 0xff00, 0xff60 }, { 0xffe0, 0xffff }, { 0x1f000, 0x10ffff },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(others); i++)
		if (c >= others[i].first && c <= others[i].last)
			return false;
	return true;
}

unsigned screen_width(const char *text)
{
	unsigned width = 0, n;

	for (; *text; text += n, width++)
		utf8_take(text, &n);
	return width;
}

unsigned screen_put(struct screen *s, unsigned row, unsigned column, enum screen_colour colour,
		    const char *text)
{
	unsigned n;

	for (; *text; text += n, column++) {
		uint32_t c = utf8_take(text, &n);
		struct screen_cell *cell;

		if (row >= s->rows || column >= s->columns)
			continue;
		cell = &s->cells[(size_t)row * s->columns + column];
		*cell = (struct screen_cell){ .colour = colour };
		if (is_plain(c) && c != UTF8_NONE && (c < 0x80 || s->utf8))
			memcpy(cell->glyph, text, n);
		else
			cell->glyph[0] = '?';
	}
	return column;
}

unsigned screen_putf(struct screen *s, unsigned row, unsigned column, enum screen_colour colour,
		     const char *format, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return screen_put(s, row, column, colour, text);
}

/* ---- showing ---- */

static const struct screen_cell *row_of(const struct screen *s, unsigned row)
{
	return s->cells + (size_t)row * s->columns;
}

/* Behind the last cell that shows something. */
static unsigned row_end(const struct screen *s, unsigned row)
{
	const struct screen_cell *cells = row_of(s, row);
	unsigned n = s->columns;

	while (n && (cells[n - 1].glyph[0] == '\0' || cells[n - 1].glyph[0] == ' ') &&
	       cells[n - 1].colour != SCREEN_REVERSE)
		n--;
	return n;
}

static void print_glyph(const struct screen_cell *cell, FILE *out)
{
	if (cell->glyph[0])
		fprintf(out, "%.*s", GLYPH_MAX, cell->glyph);
	else
		fputc(' ', out);
}

void screen_print(const struct screen *s, FILE *out)
{
	for (unsigned row = 0; row < s->rows; row++) {
		unsigned end = row_end(s, row);

		for (unsigned i = 0; i < end; i++)
			print_glyph(&row_of(s, row)[i], out);
		fputc('\n', out);
	}
}

static const char *colour_code(enum screen_colour colour)
{
	switch (colour) {
	case SCREEN_PLAIN:
		return "\033[0m";
	case SCREEN_DIM:
		return "\033[0;2m";
	case SCREEN_BOLD:
		return "\033[0;1m";
	case SCREEN_REVERSE:
		return "\033[0;7m";
	case SCREEN_GOOD:
		return "\033[0;32m";
	case SCREEN_WARN:
		return "\033[0;33m";
	case SCREEN_BAD:
		return "\033[0;31m";
	}
	return "";
}

/* What is left where there are no colours. */
static enum screen_colour without_colour(enum screen_colour colour)
{
	return colour == SCREEN_REVERSE || colour == SCREEN_BOLD ? colour : SCREEN_PLAIN;
}

static void show_row(const struct screen *s, unsigned row, bool colour, FILE *out)
{
	enum screen_colour now = SCREEN_PLAIN;
	unsigned end = row_end(s, row);

	fprintf(out, "\033[%u;1H", row + 1);
	for (unsigned i = 0; i < end; i++) {
		const struct screen_cell *cell = &row_of(s, row)[i];
		enum screen_colour wanted = colour ? cell->colour : without_colour(cell->colour);

		if (wanted != now)
			fputs(colour_code(wanted), out);
		now = wanted;
		print_glyph(cell, out);
	}
	if (now != SCREEN_PLAIN)
		fputs(colour_code(SCREEN_PLAIN), out);
	/* In the last column it would take away what was put there. */
	if (end < s->columns)
		fputs("\033[K", out);
}

static bool row_is_same(const struct screen *a, const struct screen *b, unsigned row)
{
	for (unsigned i = 0; i < a->columns; i++) {
		const struct screen_cell *x = &row_of(a, row)[i], *y = &row_of(b, row)[i];

		if (x->colour != y->colour || memcmp(x->glyph, y->glyph, GLYPH_MAX) != 0)
			return false;
	}
	return true;
}

void screen_show(const struct screen *s, const struct screen *before, bool colour, FILE *out)
{
	bool known = before && before->columns == s->columns && before->rows == s->rows;

	if (!known)
		fputs("\033[0m\033[2J", out);
	for (unsigned row = 0; row < s->rows; row++)
		if (!known || !row_is_same(s, before, row))
			show_row(s, row, colour, out);
	fflush(out);
}
