/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *mem_must(void *p)
{
	if (!p) {
		fputs("godwit: out of memory\n", stderr);
		abort();
	}
	return p;
}

void *xcalloc(size_t n, size_t size)
{
	return mem_must(calloc(n ? n : 1, size ? size : 1));
}

void *xcalloc_line(size_t size)
{
	size_t whole = (size + MEM_LINE - 1) / MEM_LINE * MEM_LINE;

	return memset(mem_must(aligned_alloc(MEM_LINE, whole)), 0, whole);
}

void *mem_line(void *memory)
{
	return (uint8_t *)memory + (MEM_LINE - (uintptr_t)memory % MEM_LINE) % MEM_LINE;
}

char *xstrdup(const char *s)
{
	char *copy;

	if (!s)
		return NULL;
	copy = xcalloc(strlen(s) + 1, 1);
	return strcpy(copy, s);
}
