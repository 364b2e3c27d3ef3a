/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "client/options.h"
#include "cmd/cmd.h"
#include "dist/pages/pages.h"
#include "gateway/config_impl.h"

/* ---- text ---- */

/* n bytes, none of which means anything to mdoc. */
static void put_n(const char *text, size_t n, FILE *out)
{
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '\\')
			fputs("\\e", out);
		else if (text[i] == '-')
			fputs("\\-", out);
		else if (text[i] == '"')
			fputs("\\(dq", out);
		else if (i == 0 && (text[i] == '.' || text[i] == '\''))
			fprintf(out, "\\&%c", text[i]);
		else
			fputc(text[i], out);
		/* Each sentence begins a line. */
		if (text[i] == '.' && i + 2 < n && text[i + 1] == ' ' &&
		    isupper((unsigned char)text[i + 2]))
			fputc('\n', out), i++;
	}
}

static void put(const char *text, FILE *out)
{
	put_n(text, strlen(text), out);
}

/* As a sentence: with a capital at its beginning and a full stop at its end. */
static void put_sentence(const char *text, FILE *out)
{
	size_t n = strlen(text);
	bool lower = text[0] >= 'a' && text[0] <= 'z' && text[strcspn(text, " :(,")] != ':' &&
		     text[strcspn(text, " :(,")] != '(';

	if (lower)
		fputc(text[0] - 'a' + 'A', out);
	put_n(text + lower, n - lower, out);
	fputs(n && text[n - 1] == '.' ? "\n" : ".\n", out);
}

/* ---- commands ---- */

static void put_option(const struct command_option *o, FILE *out)
{
	fputs(".It ", out);
	if (o->letter) {
		fputs("Fl ", out);
		put(o->letter + 1, out);
		fputs(" , ", out);
	}
	fputs("Fl ", out);
	put(o->name + 1, out);
	if (o->value) {
		fputs(" Ar ", out);
		put(o->value, out);
	}
	fputs("\n", out);
	put_sentence(o->help, out);
}

static void put_command(const struct command *c, FILE *out)
{
	fprintf(out, ".It Ic ");
	put(c->name, out);
	if (c->options[0].name)
		fputs(" Oo Ar options Oc", out);
	if (c->operand) {
		fputs(" No ", out);
		put(c->operand, out);
	}
	fputs("\n", out);
	put_sentence(c->help, out);
	for (const char *p = c->details; p && *p; p += strcspn(p, "\n") + 1) {
		put_n(p, strcspn(p, "\n"), out);
		fputs("\n", out);
	}
	if (c->settings)
		fputs("Keys of\n.Xr vpn.conf 5\nare options, too:\n"
		      ".Fl \\-gateway\\-address Ar vpn.example.com\nis\n.Ic address\n"
		      "in\n.Li [gateway] ,\nand counts in place of the file's.\n",
		      out);
	if (!c->options[0].name)
		return;
	fputs(".Bl -tag -width Ds\n", out);
	for (const struct command_option *o = c->options; o->name; o++)
		put_option(o, out);
	fputs(".El\n", out);
}

static void put_commands(bool (*which)(const struct command *c), FILE *out)
{
	fputs(".Bl -tag -width Ds\n", out);
	for (const struct command *c = commands; c->name; c++)
		if (!c->hidden && which(c))
			put_command(c, out);
	fputs(".El\n", out);
}

static bool of_argv(const struct command *c)
{
	return command_is_in(c, COMMAND_ARGV);
}

static bool of_shell_alone(const struct command *c)
{
	return c->place == COMMAND_SHELL;
}

void man_commands(FILE *out)
{
	put_commands(of_argv, out);
}

void man_shell_commands(FILE *out)
{
	put_commands(of_shell_alone, out);
}

/* ---- keys ---- */

static void put_section(const char *name, bool named, FILE *out)
{
	fprintf(out, ".Ss [%s%s]\n.Bl -tag -width Ds\n", name, named ? " NAME" : "");
}

static void put_key(const char *key, const char *help, const char *expect, const char *preset,
		    bool secret, FILE *out)
{
	fputs(".It Ic ", out);
	put(key, out);
	fputs("\n", out);
	put_sentence(help, out);
	if (!secret) {
		fputs("It takes ", out);
		put(expect, out);
		fputs(".\n", out);
	}
	if (preset) {
		fputs("Default:\n.Li ", out);
		put(preset, out);
		fputs("\n", out);
	}
}

void man_options(FILE *out)
{
	const char *section = "";

	for (unsigned i = 0; i < options_n; i++) {
		const struct option *o = &options[i];

		/* Without help there is nothing to choose. */
		if (!o->help)
			continue;
		if (strcmp(section, o->section) != 0) {
			fputs(section[0] ? ".El\n" : "", out);
			put_section(o->section, option_section_find(o->section)->named, out);
		}
		section = o->section;
		put_key(o->key, o->help, o->expect, o->preset, o->secret, out);
	}
	fputs(".El\n", out);
}

void man_gateway_keys(FILE *out)
{
	const char *section = "";

	for (unsigned i = 0; i < gateway_keys_n; i++) {
		const struct gateway_key *k = &gateway_keys[i];
		bool named = strcmp(k->section, GATEWAY_AUTH) == 0 ||
			     strcmp(k->section, GATEWAY_SERVER) == 0;

		if (strcmp(section, k->section) != 0) {
			fputs(section[0] ? ".El\n" : "", out);
			put_section(k->section, named, out);
		}
		section = k->section;
		put_key(k->key, k->help, k->expect, k->preset, k->secret, out);
	}
	fputs(".El\n", out);
}
