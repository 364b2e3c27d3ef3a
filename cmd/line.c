/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/line.h"

#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* What is quoted by \ inside of double quotes; before all else it stands for itself. */
static bool escapes(char quote, char next)
{
	return quote == 0 || next == '"' || next == '\\';
}

struct cursor {
	const char *p, *end;
	char *to;
};

/* One word from its first byte. */
static enum line_state split_word(struct cursor *c, struct line *out)
{
	char quote = 0;

	for (; c->p < c->end && (quote || !is_blank(*c->p)); c->p++) {
		if (quote ? *c->p == quote : *c->p == '\'' || *c->p == '"') {
			quote = quote ? 0 : *c->p;
		} else if (*c->p == '\\' && quote != '\'') {
			if (c->p + 1 == c->end) {
				quote = '\\';
				c->p++;
				break;
			}
			if (escapes(quote, c->p[1]))
				c->p++;
			*c->to++ = *c->p;
		} else {
			*c->to++ = *c->p;
		}
	}
	*c->to++ = '\0';
	out->quote = quote;
	out->inside = c->p == c->end;
	return quote ? LINE_OPEN : LINE_GOOD;
}

enum line_state line_split(const char *text, size_t n, struct line *out)
{
	struct cursor c = { .p = text, .end = text + n, .to = out->room };
	enum line_state state = LINE_GOOD;

	out->n = 0;
	out->words[0] = NULL;
	out->quote = 0;
	out->inside = false;
	if (n > LINE_SIZE_MAX)
		return LINE_TOO_LONG;
	for (;;) {
		while (c.p < c.end && is_blank(*c.p))
			c.p++;
		if (c.p == c.end || *c.p == '#')
			return state;
		if (out->n == LINE_WORDS_MAX)
			return LINE_TOO_MANY;
		out->words[out->n++] = c.to;
		out->words[out->n] = NULL;
		state = split_word(&c, out);
	}
}

bool line_quote(const char *word, char quote, char *buf, size_t size)
{
	const char *special = quote == '\'' ? "" : quote ? "\"\\" : "\"\\' \t#|&;<>()$`*?[]~!{}";
	size_t n = 0;

	if (quote == '\'' && strchr(word, '\''))
		return false;
	for (; *word; word++) {
		bool escape = strchr(special, *word);

		if (n + escape + 1 >= size)
			return false;
		if (escape)
			buf[n++] = '\\';
		buf[n++] = *word;
	}
	buf[n] = '\0';
	return true;
}
