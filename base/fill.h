/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sentences in lines as wide as a screen. */
#ifndef GODWIT_BASE_FILL_H
#define GODWIT_BASE_FILL_H

#include <stdio.h>

/*
 * Writes the words of `text`, a blank between two of them, in lines of at most `width` columns; a word that
 * is wider has a line of its own. `at` columns of the first line are taken already; the others begin
 * with `hang` blanks. The last line is ended.
 */
void fill_write(FILE *out, const char *text, unsigned at, unsigned hang, unsigned width);

#endif
