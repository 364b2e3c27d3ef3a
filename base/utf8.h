/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Characters in texts that others have written (RFC 3629). */
#ifndef GODWIT_BASE_UTF8_H
#define GODWIT_BASE_UTF8_H

#include <stdbool.h>
#include <stdint.h>

#define UTF8_NONE UINT32_MAX

/* The character at s, which has not ended; its bytes in *n. What is none is UTF8_NONE, of one byte. */
uint32_t utf8_take(const char *s, unsigned *n);
/* Puts '?' for each byte of what may not be shown on a terminal. */
void utf8_tame(char *s);

/* A terminal obeys it: C0, DEL, C1. */
static inline bool utf8_is_order(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

/* May be shown on a terminal. */
static inline bool utf8_is_shown(uint32_t c)
{
	return c != UTF8_NONE && !utf8_is_order(c);
}

#endif
