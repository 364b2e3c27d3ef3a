/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Allocation on the control side: it succeeds or the process aborts with one line. */
#ifndef GODWIT_BASE_MEM_H
#define GODWIT_BASE_MEM_H

#include <stddef.h>

#define MEM_LINE 64 /* bytes of a cache line */

/* Zeroed memory for n objects of `size` bytes; freed with free(). */
void *xcalloc(size_t n, size_t size);
/* One object that begins where a cache line does; zeroed; freed with free(). */
void *xcalloc_line(size_t size);
/*
 * The first line that begins in `memory`, which has MEM_LINE bytes more than are needed. For what is
 * large, and from xcalloc, so that what is never used is never touched.
 */
void *mem_line(void *memory);
/* A copy of the string; freed with free(). NULL stays NULL. */
char *xstrdup(const char *s);

#endif
