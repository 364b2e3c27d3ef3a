/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes written as hexadecimal text, for tests. */
#ifndef GODWIT_TESTS_SUPPORT_HEX_H
#define GODWIT_TESTS_SUPPORT_HEX_H

#include <stdlib.h>

#include "base/bytes.h"

static inline int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The bytes of text (spaces are skipped), stored in buf. Aborts when they do not fit. */
static inline struct slice hex_bytes(const char *text, uint8_t *buf, size_t size)
{
	size_t n = 0;

	while (*text) {
		if (*text == ' ') {
			text++;
			continue;
		}
		if (n == size || hex_digit(text[0]) < 0 || hex_digit(text[1]) < 0)
			abort();
		buf[n++] = (uint8_t)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
		text += 2;
	}
	return slice(buf, n);
}

/* True when s is exactly the bytes of text. */
static inline bool hex_eq(struct slice s, const char *text)
{
	uint8_t *buf = malloc(strlen(text) / 2 + 1);
	bool eq = slice_eq(s, hex_bytes(text, buf, strlen(text) / 2 + 1));

	free(buf);
	return eq;
}

#endif
