/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory for very many objects of a few sizes that data threads read and write at random: each begins
 * where a cache line does, and past the first hundreds they lie in huge pages, where the kernel has
 * any, so that a packet does not wait for the page tables. Control's: one thread takes and gives.
 *
 * What is given back is used again, and never returned to the kernel. Under sanitizers each object is
 * malloc's, so that they see who uses it too late.
 */
#ifndef GODWIT_BASE_CELLS_H
#define GODWIT_BASE_CELLS_H

#include <stddef.h>

#define CELLS_MAX 2048 /* bytes of an object, at most */
#define CELLS_LARGE ((size_t)2 << 20)

/* Zeroed. */
void *cells_take(size_t n);
/* n as it was taken. NULL is allowed. */
void cells_give(void *p, size_t n);
/*
 * CELLS_LARGE bytes of anonymous memory, as one huge page where the kernel has any; NULL: there is
 * none. Unmapped by the caller.
 */
void *cells_pages(void);

#endif
