/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A typed line as words: blanks part them, 'quotes', "quotes" and \ keep them together as a POSIX shell
 * does, and # at the begin of a word begins a comment. Nothing is ever expanded.
 */
#ifndef GODWIT_CMD_LINE_H
#define GODWIT_CMD_LINE_H

#include <stdbool.h>
#include <stddef.h>

#define LINE_WORDS_MAX 32
#define LINE_SIZE_MAX 4096 /* bytes */

enum line_state {
	LINE_GOOD,
	LINE_OPEN, /* a quote or a \ waits for its end */
	LINE_TOO_LONG,
	LINE_TOO_MANY, /* words */
};

struct line {
	unsigned n;
	char *words[LINE_WORDS_MAX + 1]; /* in `room`; NULL behind the last */
	char quote; /* LINE_OPEN: ', " or \ */
	bool inside; /* the text's end is the end of the last word: more may be typed to it */
	char room[LINE_SIZE_MAX + 1];
};

enum line_state line_split(const char *text, size_t n, struct line *out);
/*
 * What stands for `word` inside of an open quote (', ") or outside of one (0). False when it does not
 * fit, or cannot stand there.
 */
bool line_quote(const char *word, char quote, char *buf, size_t size);

#endif
