/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdbool.h>
#include <string.h>

#include "client/client.h"
#include "client/options.h"
#include "cmd/cmd.h"
#include "dist/pages/pages.h"

/* ---- what all three have in common ---- */

static const char *kind_name(enum word_kind kind)
{
	switch (kind) {
	case WORD_NONE:
		return "none";
	case WORD_LITERAL:
		return "literal";
	case WORD_CONNECTION:
		return "connection";
	case WORD_CONFIGURATION:
		return "configuration";
	case WORD_FILE:
		return "file";
	case WORD_DIRECTORY:
		return "directory";
	case WORD_TUNNEL:
		return "tunnel";
	case WORD_INTERFACE:
		return "interface";
	case WORD_COMMAND:
		return "command";
	case WORD_HOST:
		return "host";
	}
	return "none";
}

static const struct command *next(const struct command *c)
{
	while (c->name && (c->hidden || !command_is_in(c, COMMAND_ARGV)))
		c++;
	return c->name ? c : NULL;
}

#define FOR_EACH(c) for (const struct command *c = next(commands); c; c = next(c + 1))

/* Those that read their words themselves take files. */
static unsigned words_of(const struct command *c, struct command_word words[COMMAND_WORDS_MAX])
{
	if (!c->main)
		return command_words(c, words);
	words[0] = (struct command_word){
		.kind = WORD_FILE, .repeated = true, .text = "FILE", .n = 4
	};
	return 1;
}

#define FLAGS_MAX (COMMAND_OPTIONS_MAX + OPTIONS_MAX)

struct flag {
	char name[CLIENT_LONG_OPTION_MAX];
	const char *letter; /* NULL: none */
	const char *help;
	bool takes;
	struct command_word value;
	char words[200]; /* of the value, with | between them */
};

/* The value of an option of vpn.conf: its words, or what a file's name would be. */
static void flag_value(struct flag *f, const struct option *o)
{
	size_t n = 0;

	f->takes = true;
	f->value.kind = strstr(o->expect, "file") ? WORD_FILE : WORD_NONE;
	for (const struct option_word *w = o->words; w && w->word && n < sizeof(f->words); w++)
		if (!w->later)
			n += (size_t)snprintf(f->words + n, sizeof(f->words) - n, "%s%s",
					      n ? "|" : "", w->word);
	if (n == 0 || n >= sizeof(f->words))
		return;
	f->value = (struct command_word){ .kind = WORD_LITERAL, .text = f->words, .n = n };
}

/* All that a command takes with dashes. How many. */
static unsigned flags_of(const struct command *c, struct flag flags[FLAGS_MAX])
{
	struct client_long_option long_option;
	unsigned n = 0;

	for (const struct command_option *o = c->options; o->name; o++) {
		struct flag *f = &flags[n++];

		*f = (struct flag){ .letter = o->letter, .help = o->help, .takes = o->value };
		snprintf(f->name, sizeof(f->name), "%s", o->name);
		if (o->value)
			f->value = option_word(o);
	}
	for (unsigned i = 0; c->settings && client_long_option(i, &long_option); i++) {
		struct flag *f = &flags[n];

		/* A secret on a command line is seen by all; what has no help has one value. */
		if (long_option.refused || !long_option.help)
			continue;
		*f = (struct flag){ .help = long_option.help };
		snprintf(f->name, sizeof(f->name), "%s", long_option.name);
		flag_value(f, option_find(long_option.section, long_option.key));
		n++;
	}
	return n;
}

/* Between single quotes; `special` marks what the reader behind the quotes wants marked. */
static void put(const char *text, size_t n, const char *special, FILE *out)
{
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '\'')
			fputs("'\\''", out);
		else if (strchr(special, text[i]))
			fprintf(out, "\\%c", text[i]);
		else
			fputc(text[i], out);
	}
}

/* ---- bash: a line for each command ---- */

static void bash_word(const struct command_word *w, FILE *out)
{
	fputs(kind_name(w->kind), out);
	if (w->kind == WORD_LITERAL) {
		fputc(':', out);
		put(w->text, w->n, "", out);
	}
	if (w->repeated)
		fputs("...", out);
}

static void bash_command(const struct command *c, FILE *out)
{
	struct command_word words[COMMAND_WORDS_MAX];
	static struct flag flags[FLAGS_MAX];
	unsigned n = words_of(c, words), nflags = flags_of(c, flags);

	fprintf(out, "\t%s)\n\t\toptions='", c->name);
	for (const struct flag *f = flags; f < flags + nflags; f++)
		fprintf(out, "%s%s%s%s", f == flags ? "" : " ", f->name, f->letter ? " " : "",
			f->letter ? f->letter : "");
	fputs("' values='", out);
	for (const struct flag *f = flags; f < flags + nflags; f++) {
		if (!f->takes)
			continue;
		fprintf(out, " %s=", f->name);
		bash_word(&f->value, out);
		if (f->letter) {
			fprintf(out, " %s=", f->letter);
			bash_word(&f->value, out);
		}
	}
	fputs("' operands='", out);
	for (unsigned i = 0; i < n; i++) {
		fputs(i ? " " : "", out);
		bash_word(&words[i], out);
	}
	fputs("'\n\t\t;;\n", out);
}

void completion_bash(FILE *out)
{
	fputs("\t'')\n\t\toptions='--help --version' values='' operands='command'\n\t\t;;\n", out);
	FOR_EACH(c)
	bash_command(c, out);
}

/* ---- zsh: _arguments' words ---- */

#define ZSH_SPECIAL "[]:\\"

static void zsh_action(const struct command_word *w, FILE *out)
{
	if (w->kind != WORD_LITERAL) {
		fprintf(out, "_godwit_%s", kind_name(w->kind));
		return;
	}
	fputc('(', out);
	for (size_t i = 0; i < w->n; i++)
		fputc(w->text[i] == '|' ? ' ' : w->text[i], out);
	fputc(')', out);
}

static void zsh_flag(const char *name, const struct flag *f, FILE *out)
{
	fprintf(out, " \\\n\t\t\t'%s%s[", name, f->takes ? (name[1] == '-' ? "=" : "+") : "");
	put(f->help, strlen(f->help), ZSH_SPECIAL, out);
	fputc(']', out);
	if (f->takes) {
		fputs(":value:", out);
		zsh_action(&f->value, out);
	}
	fputc('\'', out);
}

static void zsh_command(const struct command *c, FILE *out)
{
	struct command_word words[COMMAND_WORDS_MAX];
	static struct flag flags[FLAGS_MAX];
	unsigned n = words_of(c, words), nflags = flags_of(c, flags);

	fprintf(out, "\t%s)\n\t\t_arguments", c->name);
	for (const struct flag *f = flags; f < flags + nflags; f++) {
		zsh_flag(f->name, f, out);
		if (f->letter)
			zsh_flag(f->letter, f, out);
	}
	for (unsigned i = 0; i < n; i++) {
		fprintf(out, " \\\n\t\t\t'%s", words[i].repeated ? "*" : "");
		if (!words[i].repeated)
			fprintf(out, "%u", i + 1);
		fputc(':', out);
		put(words[i].text, words[i].n, ZSH_SPECIAL, out);
		fputc(':', out);
		zsh_action(&words[i], out);
		fputc('\'', out);
	}
	fputs("\n\t\t;;\n", out);
}

void completion_zsh(FILE *out)
{
	fputs("\t'')\n\t\tlocal -a all=(\n", out);
	FOR_EACH(c)
	{
		fprintf(out, "\t\t\t'%s:", c->name);
		put(c->help, strlen(c->help), ":\\", out);
		fputs("'\n", out);
	}
	fputs("\t\t)\n\t\t_describe -t commands command all\n\t\t;;\n", out);
	FOR_EACH(c)
	zsh_command(c, out);
}

/* ---- fish: a line for each word ---- */

static void fish_action(const struct command_word *w, FILE *out)
{
	fputs(" -xa '", out);
	if (w->kind != WORD_LITERAL) {
		fprintf(out, "(__godwit_%s)", kind_name(w->kind));
	} else {
		for (size_t i = 0; i < w->n; i++)
			fputc(w->text[i] == '|' ? ' ' : w->text[i], out);
	}
	fputc('\'', out);
}

static void fish_help(const char *text, FILE *out)
{
	fputs(" -d '", out);
	for (; *text; text++)
		fprintf(out, "%s%c", *text == '\'' || *text == '\\' ? "\\" : "", *text);
	fputs("'", out);
}

static void fish_command(const struct command *c, FILE *out)
{
	struct command_word words[COMMAND_WORDS_MAX];
	static struct flag flags[FLAGS_MAX];
	unsigned n = words_of(c, words), nflags = flags_of(c, flags);

	fprintf(out, "complete -c godwit -n __godwit_first -fa %s", c->name);
	fish_help(c->help, out);
	fputc('\n', out);
	for (const struct flag *f = flags; f < flags + nflags; f++) {
		fprintf(out, "complete -c godwit -n '__godwit_in %s' -l %s", c->name, f->name + 2);
		if (f->letter)
			fprintf(out, " -s %s", f->letter + 1);
		if (f->takes)
			fish_action(&f->value, out);
		fish_help(f->help, out);
		fputc('\n', out);
	}
	for (unsigned i = 0; i < n; i++) {
		fprintf(out, "complete -c godwit -n '__godwit_at %s %u%s'", c->name, i + 1,
			words[i].repeated ? " more" : "");
		fish_action(&words[i], out);
		fputc('\n', out);
	}
}

void completion_fish(FILE *out)
{
	FOR_EACH(c)
	fish_command(c, out);
}
