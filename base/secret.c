/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/cells.h"

/*
 * The pool is a list of chunks of locked pages, each divided into granules with one byte of
 * "in use" for each. An object takes a run of granules; it is found by first fit.
 *
 * The first chunks are small. A gateway with thousands of keys goes on with large ones, each of them
 * one huge page where the kernel has any: else most packets would wait for the page tables.
 */
#define GRANULE 64
#define SMALL ((size_t)64 << 10)
#define LARGE CELLS_LARGE
#define SMALL_CHUNKS 16

struct chunk {
	struct chunk *next;
	uint8_t *pages;
	size_t size; /* granules */
	size_t free;
	size_t first; /* none is free before it */
	uint8_t used[];
};

static struct {
	struct chunk *chunks;
	unsigned n;
	size_t used;
	bool refused;
} pool;

static void die(const char *what)
{
	fprintf(stderr, "godwit: %s\n", what);
	abort();
}

static uint8_t *pages_new(size_t size)
{
	uint8_t *p;

	if (size == LARGE) {
		p = cells_pages();
	} else {
		p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		p = p == MAP_FAILED ? NULL : p;
	}
	if (!p)
		die("out of memory for keys");
	return p;
}

static struct chunk *chunk_new(void)
{
	size_t size = pool.n < SMALL_CHUNKS ? SMALL : LARGE;
	struct chunk *c = calloc(1, sizeof(*c) + size / GRANULE);

	if (!c)
		die("out of memory");
	c->size = c->free = size / GRANULE;
	c->pages = pages_new(size);
	if (mlock(c->pages, size) != 0)
		pool.refused = true;
	madvise(c->pages, size, MADV_DONTDUMP);
	madvise(c->pages, size, MADV_WIPEONFORK);
	c->next = pool.chunks;
	pool.chunks = c;
	pool.n++;
	return c;
}

static int chunk_find(struct chunk *c, size_t granules)
{
	size_t run = 0;

	if (c->free < granules)
		return -1;
	while (c->used[c->first])
		c->first++;
	for (size_t i = c->first; i < c->size; i++) {
		run = c->used[i] ? 0 : run + 1;
		if (run == granules)
			return (int)(i + 1 - granules);
	}
	return -1;
}

static size_t granules_of(size_t n)
{
	return n ? (n + GRANULE - 1) / GRANULE : 1;
}

void *secret_alloc(size_t n)
{
	size_t granules = granules_of(n);
	struct chunk *c;
	int at = -1;

	if (granules > SMALL / GRANULE)
		die("a secret is larger than the pool's pages");
	for (c = pool.chunks; c; c = c->next) {
		at = chunk_find(c, granules);
		if (at >= 0)
			break;
	}
	if (!c) {
		c = chunk_new();
		at = 0;
	}
	memset(c->used + at, 1, granules);
	c->free -= granules;
	pool.used += granules * GRANULE;
	return c->pages + (size_t)at * GRANULE;
}

void secret_release(void *p, size_t n)
{
	size_t granules = granules_of(n);
	uint8_t *b = p;
	size_t at;

	if (!p)
		return;
	for (struct chunk *c = pool.chunks; c; c = c->next) {
		if (b < c->pages || b >= c->pages + c->size * GRANULE)
			continue;
		wipe(p, granules * GRANULE);
		at = (size_t)(b - c->pages) / GRANULE;
		memset(c->used + at, 0, granules);
		c->first = at < c->first ? at : c->first;
		c->free += granules;
		pool.used -= granules * GRANULE;
		return;
	}
	die("freed a secret that is not one");
}

void secret_init(struct secret *s, size_t n)
{
	s->p = secret_alloc(n);
	s->n = n;
}

void secret_set(struct secret *s, struct slice bytes)
{
	secret_init(s, bytes.n);
	if (bytes.n)
		memcpy(s->p, bytes.p, bytes.n);
}

void secret_free(struct secret *s)
{
	secret_release(s->p, s->n);
	*s = (struct secret){ 0 };
}

void secret_move(struct secret *to, struct secret *from)
{
	*to = *from;
	*from = (struct secret){ 0 };
}

struct slice secret_slice(const struct secret *s)
{
	return slice(s->p, s->n);
}

bool ct_equal(struct slice a, struct slice b)
{
	const volatile uint8_t *x = a.p, *y = b.p;
	uint8_t diff = 0;

	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		diff |= x[i] ^ y[i];
	return diff == 0;
}

void wipe(void *p, size_t n)
{
	if (n)
		explicit_bzero(p, n);
}

bool secret_pool_locked(void)
{
	return !pool.refused;
}

size_t secret_pool_used(void)
{
	return pool.used;
}
