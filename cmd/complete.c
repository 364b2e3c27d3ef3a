/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/complete.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void completions_add(struct completions *out, const char *word, const char *help, bool goes_on)
{
	if (out->n == out->room) {
		struct completion *more = xcalloc(out->room * 2 + 16, sizeof(*more));

		if (out->n)
			memcpy(more, out->items, out->n * sizeof(*more));
		free(out->items);
		out->items = more;
		out->room = out->room * 2 + 16;
	}
	out->items[out->n++] = (struct completion){ .word = xstrdup(word),
						    .help = help ? xstrdup(help) : NULL,
						    .goes_on = goes_on };
}

static void completion_free(struct completion *c)
{
	free(c->word);
	free(c->help);
}

void completions_free(struct completions *c)
{
	for (size_t i = 0; i < c->n; i++)
		completion_free(&c->items[i]);
	free(c->items);
	*c = (struct completions){ 0 };
}

size_t completions_common(const struct completions *c)
{
	size_t n = c->n ? strlen(c->items[0].word) : 0;

	for (size_t i = 1; i < c->n; i++) {
		size_t k = 0;

		while (k < n && c->items[i].word[k] == c->items[0].word[k])
			k++;
		n = k;
	}
	return n;
}

static int completion_compare(const void *a, const void *b)
{
	return strcmp(((const struct completion *)a)->word, ((const struct completion *)b)->word);
}

/* Leaves those that begin as the word does, each once. */
static void completions_settle(struct completions *c, const char *word)
{
	size_t n = 0;

	if (c->n)
		qsort(c->items, c->n, sizeof(c->items[0]), completion_compare);
	for (size_t i = 0; i < c->n; i++) {
		struct completion *item = &c->items[i];

		if (strncmp(item->word, word, strlen(word)) != 0 ||
		    (n && strcmp(c->items[n - 1].word, item->word) == 0))
			completion_free(item);
		else
			c->items[n++] = *item;
	}
	c->n = n;
}

/* ---- what has been typed before ---- */

struct typed {
	const struct command *command;
	const struct command_option *value_of; /* an option that waits for its value */
	bool no_options; /* behind -- */
	bool given[COMMAND_OPTIONS_MAX];
	unsigned n; /* operands */
	const char *operands[COMMAND_WORDS_MAX];
	struct client_long_option setting; /* of vpn.conf, the last one */
	struct command_option setting_option;
};

static const struct command_option *typed_setting(struct typed *t, const char *word, size_t n)
{
	for (unsigned i = 0; t->command->settings && client_long_option(i, &t->setting); i++) {
		if (strlen(t->setting.name) != n || strncmp(t->setting.name, word, n) != 0)
			continue;
		t->setting_option = (struct command_option){ .name = t->setting.name,
							     .value = t->setting.value };
		return &t->setting_option;
	}
	return NULL;
}

static const struct command_option *typed_option(struct typed *t, const char *word)
{
	size_t n = strcspn(word, "=");
	int i = command_option_find(t->command, word, n);

	if (i < 0)
		return typed_setting(t, word, n);
	t->given[i] = true;
	return &t->command->options[i];
}

static void typed_word(struct typed *t, const char *word)
{
	const struct command_option *o;

	if (t->value_of) {
		t->value_of = NULL;
	} else if (!t->no_options && strcmp(word, "--") == 0) {
		t->no_options = true;
	} else if (!t->no_options && word[0] == '-' && word[1]) {
		o = typed_option(t, word);
		if (o && o->value && !strchr(word, '='))
			t->value_of = o;
	} else {
		if (t->n < COMMAND_WORDS_MAX)
			t->operands[t->n] = word;
		t->n++;
	}
}

/* ---- offers ---- */

struct asked {
	const struct complete_names *names;
	enum command_place place;
	const char *connection; /* whose tunnels; NULL: not known */
	const char *word;
	struct completions *out;
};

static void offer_commands(const struct asked *a)
{
	for (const struct command *c = commands; c->name; c++)
		if (!c->hidden && command_is_in(c, a->place))
			completions_add(a->out, c->name, c->help, false);
}

static void offer_text(const struct asked *a, const char *text, size_t n)
{
	char word[64];

	if (n >= sizeof(word))
		return;
	memcpy(word, text, n);
	word[n] = '\0';
	completions_add(a->out, word, NULL, false);
}

static void offer_names(const struct asked *a, enum word_kind kind)
{
	a->names->offer(a->names->ctx, kind, a->connection, a->word, a->out);
}

static void offer_kind(const struct asked *a, enum word_kind kind, const char *text, size_t n)
{
	switch (kind) {
	case WORD_NONE:
		break;
	case WORD_LITERAL:
		offer_text(a, text, n);
		break;
	case WORD_COMMAND:
		offer_commands(a);
		break;
	case WORD_CONFIGURATION:
		offer_names(a, kind);
		offer_names(a, WORD_FILE);
		break;
	case WORD_CONNECTION:
	case WORD_FILE:
	case WORD_DIRECTORY:
	case WORD_TUNNEL:
	case WORD_INTERFACE:
	case WORD_HOST:
		offer_names(a, kind);
		break;
	}
}

/* There are so many that a letter is waited for. */
static void offer_settings(const struct asked *a)
{
	struct client_long_option o;

	for (unsigned i = 0; strlen(a->word) > 2 && client_long_option(i, &o); i++)
		if (o.help && !o.refused)
			completions_add(a->out, o.name, o.help, false);
}

/* "FILE|NAME" is one kind, "ike|TUNNEL" are two. */
static void offer_word(const struct asked *a, const struct command_word *w)
{
	size_t at = 0;

	if (w->kind != WORD_LITERAL) {
		offer_kind(a, w->kind, w->text, w->n);
		return;
	}
	while (at < w->n) {
		const char *p = w->text + at;
		size_t n = command_word_length(w, at);

		offer_kind(a, word_kind(p, n), p, n);
		at += n + 1;
	}
}

static void offer_options(const struct asked *a, const struct typed *t)
{
	for (unsigned i = 0; t->command->options[i].name; i++) {
		const struct command_option *o = &t->command->options[i];

		if (!t->given[i])
			completions_add(a->out, o->name, o->help, false);
	}
	if (t->command->settings)
		offer_settings(a);
}

/* "--output=o": the value, with the option before it. */
static void offer_value_behind(const struct asked *a, struct typed *t)
{
	const char *value = strchr(a->word, '=') + 1;
	const struct command_option *o = typed_option(t, a->word);
	struct completions values = { 0 };
	struct asked inner = *a;
	struct command_word w;
	char text[4096];

	if (!o || !o->value)
		return;
	inner.word = value;
	inner.out = &values;
	w = option_word(o);
	offer_word(&inner, &w);
	for (size_t i = 0; i < values.n; i++) {
		snprintf(text, sizeof(text), "%s=%s", o->name, values.items[i].word);
		completions_add(a->out, text, values.items[i].help, values.items[i].goes_on);
	}
	completions_free(&values);
}

/* Who leaves out an optional word types the one behind it. */
static void offer_operands(struct asked *a, const struct typed *t)
{
	struct command_word words[COMMAND_WORDS_MAX];
	unsigned n = command_words(t->command, words), i = t->n;

	if (n && i >= n && words[n - 1].repeated)
		i = n - 1;
	for (unsigned k = 0; k < n && k < t->n; k++)
		if (words[k].kind == WORD_CONNECTION)
			a->connection = t->operands[k];
	for (; i < n; i++) {
		offer_word(a, &words[i]);
		if (!words[i].optional)
			break;
	}
}

static void offer_behind(struct asked *a, struct typed *t)
{
	const char *word = a->word;

	if (t->value_of) {
		struct command_word w = option_word(t->value_of);

		offer_word(a, &w);
	} else if (t->command->main) {
		offer_kind(a, WORD_FILE, NULL, 0);
	} else if (!t->no_options && word[0] == '-' && strchr(word, '=')) {
		offer_value_behind(a, t);
	} else if (!t->no_options && word[0] == '-') {
		offer_options(a, t);
	} else {
		offer_operands(a, t);
	}
}

void complete(const struct complete_names *names, enum command_place place, unsigned n,
	      char *const *words, const char *word, struct completions *out)
{
	struct asked a = {
		.names = names, .connection = names->used, .place = place, .word = word, .out = out
	};
	struct typed t = { .command = n ? command_find(words[0]) : NULL };

	for (unsigned i = 1; t.command && i < n; i++)
		typed_word(&t, words[i]);
	if (n == 0)
		offer_commands(&a);
	else if (t.command && command_is_in(t.command, place))
		offer_behind(&a, &t);
	completions_settle(out, word);
}
