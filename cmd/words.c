/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <string.h>

#include "cmd/cmd.h"

/* What the words in capitals stand for. */
static const struct {
	const char *text;
	enum word_kind kind;
} placeholders[] = {
	{ "NAME", WORD_CONNECTION }, { "FILE|NAME", WORD_CONFIGURATION }, { "FILE", WORD_FILE },
	{ "PIDFILE", WORD_FILE },    { "DIR", WORD_DIRECTORY },		  { "TUNNEL", WORD_TUNNEL },
	{ "IFACE", WORD_INTERFACE }, { "COMMAND", WORD_COMMAND },	  { "HOST", WORD_HOST },
};

enum word_kind word_kind(const char *text, size_t n)
{
	for (size_t i = 0; i < sizeof(placeholders) / sizeof(placeholders[0]); i++)
		if (strlen(placeholders[i].text) == n &&
		    strncmp(placeholders[i].text, text, n) == 0)
			return placeholders[i].kind;
	for (size_t i = 0; i < n && !memchr(text, '|', n); i++)
		if (isupper((unsigned char)text[i]))
			return WORD_NONE;
	return WORD_LITERAL;
}

unsigned command_words(const struct command *c, struct command_word out[COMMAND_WORDS_MAX])
{
	const char *p = c->operand ? c->operand : "";
	unsigned n = 0;
	bool optional = false;

	while (n < COMMAND_WORDS_MAX && *(p += strspn(p, " ["))) {
		struct command_word *w = &out[n++];

		/* "[IFACE ACTION]" makes both optional. */
		optional = optional || (p > c->operand && p[-1] == '[');
		*w = (struct command_word){ .optional = optional,
					    .text = p,
					    .n = strcspn(p, " ].") };
		p += w->n;
		w->repeated = strncmp(p, "...", 3) == 0;
		p += strspn(p, ".");
		optional = optional && *p != ']';
		p += strspn(p, "]");
		w->kind = word_kind(w->text, w->n);
	}
	return n;
}

size_t command_word_length(const struct command_word *w, size_t at)
{
	const char *bar = memchr(w->text + at, '|', w->n - at);

	return bar ? (size_t)(bar - (w->text + at)) : w->n - at;
}

struct command_word option_word(const struct command_option *o)
{
	return (struct command_word){ .kind = word_kind(o->value, strlen(o->value)),
				      .text = o->value,
				      .n = strlen(o->value) };
}
