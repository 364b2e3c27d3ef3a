/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cells.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"

#define SMALL ((size_t)64 << 10) /* a client needs no more than a few of these */
#define SMALL_BLOCKS 8
#define CLASSES (CELLS_MAX / MEM_LINE)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CELLS_PLAIN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CELLS_PLAIN 1
#endif
#endif
#ifndef CELLS_PLAIN
#define CELLS_PLAIN 0
#endif

struct cell {
	struct cell *next;
};

static struct {
	struct cell *given[CLASSES]; /* by size in lines, less one */
	uint8_t *fresh; /* what is left of the newest block */
	size_t left;
	unsigned blocks;
} pool;

void *cells_pages(void)
{
	uint8_t *p = mmap(NULL, 2 * CELLS_LARGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t before;

	if (p == MAP_FAILED)
		return NULL;
	before = (CELLS_LARGE - (uintptr_t)p % CELLS_LARGE) % CELLS_LARGE;
	if (before)
		munmap(p, before);
	munmap(p + before + CELLS_LARGE, CELLS_LARGE - before);
	madvise(p + before, CELLS_LARGE, MADV_HUGEPAGE);
	return p + before;
}

static void block_new(void)
{
	bool small = pool.blocks++ < SMALL_BLOCKS;

	pool.left = small ? SMALL : CELLS_LARGE;
	pool.fresh = small ? xcalloc_line(SMALL) : cells_pages();
	/* Without large pages any memory will do. */
	if (!pool.fresh) {
		pool.left = SMALL;
		pool.fresh = xcalloc_line(SMALL);
	}
}

static size_t lines_of(size_t n)
{
	if (n == 0 || n > CELLS_MAX)
		abort();
	return (n + MEM_LINE - 1) / MEM_LINE;
}

void *cells_take(size_t n)
{
	size_t lines = lines_of(n), whole = lines * MEM_LINE;
	struct cell **given = &pool.given[lines - 1];
	void *p = *given;

	if (CELLS_PLAIN)
		return xcalloc_line(n);
	if (p) {
		*given = (*given)->next;
		return memset(p, 0, whole);
	}
	if (pool.left < whole)
		block_new();
	p = pool.fresh;
	pool.fresh += whole;
	pool.left -= whole;
	return p;
}

void cells_give(void *p, size_t n)
{
	struct cell **given = &pool.given[lines_of(n) - 1];
	struct cell *c = p;

	if (CELLS_PLAIN) {
		free(p);
	} else if (c) {
		c->next = *given;
		*given = c;
	}
}
