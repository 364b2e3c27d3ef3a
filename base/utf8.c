/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/utf8.h"

#include <string.h>

#include "base/bytes.h"

uint32_t utf8_take(const char *s, unsigned *n)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t least; /* what is less has a shorter form */
	} forms[] = { { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 } };
	const unsigned char *p = (const unsigned char *)s;

	*n = 1;
	if (p[0] < 0x80)
		return p[0];
	for (unsigned f = 0; f < ARRAY_SIZE(forms); f++) {
		uint32_t c = p[0] & (unsigned char)~forms[f].mask;
		unsigned k = 1;

		if ((p[0] & forms[f].mask) != forms[f].lead)
			continue;
		for (; k < f + 2 && (p[k] & 0xc0) == 0x80; k++)
			c = c << 6 | (p[k] & 0x3f);
		if (k < f + 2 || c < forms[f].least || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			break;
		*n = k;
		return c;
	}
	return UTF8_NONE;
}

void utf8_tame(char *s)
{
	for (unsigned n; *s; s += n)
		if (!utf8_is_shown(utf8_take(s, &n)))
			memset(s, '?', n);
}
