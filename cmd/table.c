/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/utf8.h"

#define GAP 2 /* between columns */
#define RESET "\033[0m"

struct cell {
	enum table_colour colour;
	char *text;
};

struct table {
	const struct table_column *columns;
	unsigned ncolumns;
	struct cell *cells;
	size_t n, room;
};

struct table *table_new(const struct table_column *columns, unsigned ncolumns)
{
	struct table *t = xcalloc(1, sizeof(*t));

	t->columns = columns;
	t->ncolumns = ncolumns < TABLE_COLUMNS_MAX ? ncolumns : TABLE_COLUMNS_MAX;
	return t;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++)
		free(t->cells[i].text);
	free(t->cells);
	free(t);
}

/* ---- text ---- */

static bool continues(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* One terminal column for each character: there are no wide ones in what we show. */
static unsigned text_width(const char *s)
{
	unsigned n = 0;

	for (; *s; s++)
		n += !continues(*s);
	return n;
}

static size_t text_prefix(const char *s, unsigned width)
{
	size_t n = 0;

	while (s[n] && (width > 0 || continues(s[n])))
		width -= !continues(s[n++]);
	return n;
}

void table_cell(struct table *t, enum table_colour colour, const char *format, ...)
{
	char text[TABLE_CELL_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	utf8_tame(text);
	if (t->n == t->room) {
		struct cell *more = xcalloc(t->room * 2 + 64, sizeof(*more));

		if (t->n)
			memcpy(more, t->cells, t->n * sizeof(*more));
		free(t->cells);
		t->cells = more;
		t->room = t->room * 2 + 64;
	}
	t->cells[t->n++] = (struct cell){ colour, xstrdup(text) };
}

unsigned table_rows(const struct table *t)
{
	return (unsigned)((t->n + t->ncolumns - 1) / t->ncolumns);
}

/* ---- widths ---- */

static unsigned total(const unsigned *width, unsigned n)
{
	unsigned sum = n ? (n - 1) * GAP : 0;

	for (unsigned i = 0; i < n; i++)
		sum += width[i];
	return sum;
}

/* The widest of those that shrink and are still wider than their names; -1: none. */
static int widest(const struct table *t, const unsigned *width)
{
	int found = -1;

	for (unsigned i = 0; i < t->ncolumns; i++)
		if (t->columns[i].shrinks && width[i] > text_width(t->columns[i].name) &&
		    (found < 0 || width[i] > width[found]))
			found = (int)i;
	return found;
}

static void widths(const struct table *t, unsigned most, unsigned width[TABLE_COLUMNS_MAX])
{
	int i;

	for (unsigned c = 0; c < t->ncolumns; c++)
		width[c] = text_width(t->columns[c].name);
	for (size_t n = 0; n < t->n; n++) {
		unsigned w = text_width(t->cells[n].text), *of = &width[n % t->ncolumns];

		*of = w > *of ? w : *of;
	}
	while (most && total(width, t->ncolumns) > most && (i = widest(t, width)) >= 0)
		width[i]--;
}

/* ---- printing ---- */

static const char *colour_code(enum table_colour colour)
{
	switch (colour) {
	case TABLE_PLAIN:
		return "";
	case TABLE_DIM:
		return "\033[2m";
	case TABLE_GOOD:
		return "\033[32m";
	case TABLE_WARN:
		return "\033[33m";
	case TABLE_BAD:
		return "\033[31m";
	}
	return "";
}

struct place {
	unsigned width;
	enum table_align align;
	bool last; /* nothing follows it: no spaces at the end of a line */
};

static void print_cell(FILE *out, const char *text, struct place p, const char *code)
{
	unsigned w = text_width(text);
	bool cut = w > p.width;
	int pad = cut ? 0 : (int)(p.width - w);

	if (p.align == TABLE_RIGHT)
		fprintf(out, "%*s", pad, "");
	fprintf(out, "%s%.*s%s%s", code, (int)text_prefix(text, cut ? p.width - 1 : w), text,
		cut ? "…" : "", code[0] ? RESET : "");
	if (p.align == TABLE_LEFT && !p.last)
		fprintf(out, "%*s", pad, "");
	fputs(p.last ? "\n" : "  ", out);
}

static struct place place_of(const struct table *t, const unsigned *width, unsigned column)
{
	return (struct place){ .width = width[column],
			       .align = t->columns[column].align,
			       .last = column + 1 == t->ncolumns };
}

/* What is too wide for the screen: a line for each cell, rows parted by empty ones. */
static void print_list(const struct table *t, FILE *out, struct table_look look)
{
	unsigned name = 0;

	for (unsigned c = 0; c < t->ncolumns; c++)
		name = text_width(t->columns[c].name) > name ? text_width(t->columns[c].name) :
							       name;
	for (size_t n = 0; n < t->n; n++) {
		const struct table_column *column = &t->columns[n % t->ncolumns];
		struct place p = { .width = name, .align = TABLE_LEFT };

		if (n && n % t->ncolumns == 0)
			fputc('\n', out);
		print_cell(out, column->name, p, look.colour ? "\033[1m" : "");
		p = (struct place){ .width = text_width(t->cells[n].text), .last = true };
		print_cell(out, t->cells[n].text, p,
			   look.colour ? colour_code(t->cells[n].colour) : "");
	}
}

void table_print(const struct table *t, FILE *out, struct table_look look)
{
	unsigned width[TABLE_COLUMNS_MAX];
	size_t all = (size_t)table_rows(t) * t->ncolumns;

	if (!t->ncolumns)
		return;
	widths(t, look.width, width);
	/* What goes over the edge in the last column alone can be read. */
	if (look.width && t->n && total(width, t->ncolumns - 1) > look.width) {
		print_list(t, out, look);
		return;
	}
	for (unsigned c = 0; c < t->ncolumns; c++)
		print_cell(out, t->columns[c].name, place_of(t, width, c),
			   look.colour ? "\033[1m" : "");
	for (size_t n = 0; n < all; n++) {
		struct cell empty = { TABLE_PLAIN, (char[]){ "" } };
		const struct cell *cell = n < t->n ? &t->cells[n] : &empty;

		print_cell(out, cell->text, place_of(t, width, (unsigned)(n % t->ncolumns)),
			   look.colour ? colour_code(cell->colour) : "");
	}
}

struct table_look table_look(FILE *out)
{
	const char *term = getenv("TERM"), *no_colour = getenv("NO_COLOR");
	struct winsize size = { 0 };
	int fd = fileno(out);

	if (fd < 0 || !isatty(fd))
		return (struct table_look){ 0 };
	ioctl(fd, TIOCGWINSZ, &size);
	return (struct table_look){
		.width = size.ws_col,
		.colour = term && term[0] && strcmp(term, "dumb") != 0 &&
			  !(no_colour && no_colour[0]),
	};
}

void table_text(FILE *out, struct table_look look, enum table_colour colour, const char *text)
{
	const char *code = look.colour ? colour_code(colour) : "";

	fprintf(out, "%s%s%s", code, text, code[0] ? RESET : "");
}

/* ---- what cells say ---- */

enum table_colour table_state_colour(const char *state)
{
	if (strcmp(state, "up") == 0)
		return TABLE_GOOD;
	return strcmp(state, "down") == 0 ? TABLE_BAD : TABLE_WARN;
}

const char *table_duration(long long s, char buf[32])
{
	if (s < 120)
		snprintf(buf, 32, "%lld s", s);
	else if (s < 7200)
		snprintf(buf, 32, "%lld min", s / 60);
	else
		snprintf(buf, 32, "%lld h %02lld min", s / 3600, s % 3600 / 60);
	return buf;
}

const char *table_bytes(long long n, char buf[32])
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
	double d = (double)n;
	unsigned u = 0;

	while (d >= 1024 && u < sizeof(units) / sizeof(units[0]) - 1) {
		d /= 1024;
		u++;
	}
	snprintf(buf, 32, "%.*f %s", u ? 1 : 0, d, units[u]);
	return buf;
}
