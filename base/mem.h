/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Allocation on the control side: it succeeds or the process aborts with one line. */
#ifndef GODWIT_BASE_MEM_H
#define GODWIT_BASE_MEM_H

#include <stddef.h>

/* Zeroed memory for n objects of `size` bytes; freed with free(). */
void *xcalloc(size_t n, size_t size);
/* A copy of the string; freed with free(). NULL stays NULL. */
char *xstrdup(const char *s);

#endif
