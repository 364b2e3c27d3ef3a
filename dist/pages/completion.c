/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdbool.h>
#include <string.h>

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
	unsigned n = words_of(c, words);

	fprintf(out, "\t%s)\n\t\toptions='", c->name);
	for (const struct command_option *o = c->options; o->name; o++)
		fprintf(out, "%s%s%s%s", o == c->options ? "" : " ", o->name, o->letter ? " " : "",
			o->letter ? o->letter : "");
	fputs("' values='", out);
	for (const struct command_option *o = c->options; o->name; o++) {
		struct command_word w;

		if (!o->value)
			continue;
		w = option_word(o);
		fprintf(out, " %s=", o->name);
		bash_word(&w, out);
		if (o->letter) {
			fprintf(out, " %s=", o->letter);
			bash_word(&w, out);
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

static void zsh_option(const char *name, const struct command_option *o, FILE *out)
{
	struct command_word w;

	fprintf(out, " \\\n\t\t\t'%s%s[", name, o->value ? (name[1] == '-' ? "=" : "+") : "");
	put(o->help, strlen(o->help), ZSH_SPECIAL, out);
	fputc(']', out);
	if (o->value) {
		w = option_word(o);
		fprintf(out, ":%s:", o->value);
		zsh_action(&w, out);
	}
	fputc('\'', out);
}

static void zsh_command(const struct command *c, FILE *out)
{
	struct command_word words[COMMAND_WORDS_MAX];
	unsigned n = words_of(c, words);

	fprintf(out, "\t%s)\n\t\t_arguments", c->name);
	for (const struct command_option *o = c->options; o->name; o++) {
		zsh_option(o->name, o, out);
		if (o->letter)
			zsh_option(o->letter, o, out);
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
	unsigned n = words_of(c, words);

	fprintf(out, "complete -c godwit -n __godwit_first -fa %s", c->name);
	fish_help(c->help, out);
	fputc('\n', out);
	for (const struct command_option *o = c->options; o->name; o++) {
		fprintf(out, "complete -c godwit -n '__godwit_in %s' -l %s", c->name, o->name + 2);
		if (o->letter)
			fprintf(out, " -s %s", o->letter + 1);
		if (o->value) {
			struct command_word w = option_word(o);

			fish_action(&w, out);
		}
		fish_help(o->help, out);
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
