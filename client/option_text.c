/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/options.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/nearest.h"
#include "client/option_values.h"

/* ---- names ---- */

const struct option *option_find(const char *section, const char *key)
{
	for (unsigned i = 0; i < options_n; i++) {
		if (strcmp(options[i].section, section) == 0 && strcmp(options[i].key, key) == 0)
			return &options[i];
	}
	return NULL;
}

const struct option_section *option_section_find(const char *text)
{
	for (unsigned i = 0; i < option_sections_n; i++) {
		size_t n = strlen(option_sections[i].name);

		if (strncmp(text, option_sections[i].name, n) != 0)
			continue;
		if (option_sections[i].named ? text[n] == '\0' || text[n] == ' ' : text[n] == '\0')
			return &option_sections[i];
	}
	return NULL;
}

__attribute__((format(printf, 2, 3))) static void append(char buf[OPTION_WHY_MAX],
							 const char *format, ...)
{
	size_t n = strlen(buf);
	va_list args;

	va_start(args, format);
	vsnprintf(buf + n, OPTION_WHY_MAX - n, format, args);
	va_end(args);
}

const char *option_key_hint(const char *section, const char *key, char buf[OPTION_WHY_MAX])
{
	struct nearest near = { .word = key };
	const char *separator = "it has ";

	buf[0] = '\0';
	for (unsigned i = 0; i < options_n; i++) {
		if (strcmp(options[i].section, section) == 0)
			nearest_offer(&near, options[i].key);
		else if (strcmp(options[i].key, key) == 0 && !buf[0])
			append(buf, "it belongs in [%s]", options[i].section);
	}
	if (buf[0])
		return buf;
	if (near.best) {
		append(buf, "did you mean %s?", near.best);
		return buf;
	}
	for (unsigned i = 0; i < options_n; i++) {
		/* Without help it has one value only, and is no advice. */
		if (strcmp(options[i].section, section) != 0 || !options[i].help)
			continue;
		append(buf, "%s%s", separator, options[i].key);
		separator = ", ";
	}
	return buf;
}

const char *option_section_hint(const char *text, char buf[OPTION_WHY_MAX])
{
	struct nearest near = { .word = text };

	buf[0] = '\0';
	for (unsigned i = 0; i < option_sections_n; i++)
		nearest_offer(&near, option_sections[i].name);
	if (near.best) {
		append(buf, "did you mean [%s]?", near.best);
		return buf;
	}
	append(buf, "there are");
	for (unsigned i = 0; i < option_sections_n; i++)
		append(buf, "%s [%s]", i ? "," : "", option_sections[i].name);
	return buf;
}

/* ---- values ---- */

static bool refuse_word_of_later(const struct option *o, const struct option_word *w,
				 struct option_value *v)
{
	return option_refuse(v, 0, v->text, "not available in this version: %s; use %s", w->later,
			     o->expect);
}

static bool refuse_word(const struct option *o, struct option_value *v)
{
	struct nearest near = { .word = v->text };

	for (const struct option_word *w = o->words; w->word; w++) {
		if (!w->later)
			nearest_offer(&near, w->word);
	}
	if (!near.best)
		return option_refuse(v, 0, v->text, "expected %s", o->expect);
	return option_refuse(v, 0, v->text, "expected %s; did you mean %s?", o->expect, near.best);
}

static bool has_words_alone(const struct option *o)
{
	return !o->parse || o->parse == value_word || o->parse == value_flag ||
	       o->parse == value_ignore || o->parse == value_policy_action ||
	       o->parse == value_policy_granularity;
}

bool option_parse(struct config_draft *d, const struct option *o, struct option_value *v)
{
	bool ok = false;

	v->at = 0;
	v->item[0] = '\0';
	v->why[0] = '\0';
	for (const struct option_word *w = o->words; w && w->word; w++) {
		if (strcmp(v->text, w->word) != 0)
			continue;
		if (w->later)
			return refuse_word_of_later(o, w, v);
		ok = true;
	}
	if (!v->text[0])
		return option_refuse(v, 0, "", "it is empty; expected %s", o->expect);
	if (!ok && o->words && has_words_alone(o))
		return refuse_word(o, v);
	if (o->parse)
		ok = o->parse(d, o, v);
	if (o->secret)
		wipe(v->item, sizeof(v->item));
	return ok;
}

/* ---- the example ---- */

/* What a person must fill in; the secret may stand elsewhere, but here it is easiest. */
static bool must_fill_in(const struct option *o)
{
	return o->required || strcmp(o->key, "psk") == 0;
}

static bool has_default(const struct option *o)
{
	return o->help && !must_fill_in(o);
}

/* A rule that is there does something: it stays a comment. */
static void write_section(FILE *out, const struct option_section *s)
{
	if (s->named)
		fprintf(out,
			"\n; A rule of one's own, of which there can be %d: the first one that fits "
			"decides,\n; before what [tunnel] says.\n;[%s %s]\n",
			SESSION_RULES_MAX, s->name, s->sample);
	else
		fprintf(out, "\n[%s]\n", s->name);
}

/* The options that `which` selects, by section, each line behind `mark`. */
static void write_options(FILE *out, bool (*which)(const struct option *o), const char *mark)
{
	const char *section = "";

	for (unsigned i = 0; i < options_n; i++) {
		const struct option *o = &options[i];

		if (!which(o))
			continue;
		if (strcmp(o->section, section) != 0)
			write_section(out, option_section_find(o->section));
		section = o->section;
		fprintf(out, "; %s\n%s%s = %s\n", o->help, mark, o->key,
			o->sample ? o->sample : o->preset);
	}
}

void config_write_example(FILE *out)
{
	fputs("; One connection of godwit. The name of this file without .conf is the name of the\n"
	      "; connection; \"godwit check FILE\" says what it would do.\n"
	      ";\n"
	      "; A line is a [section], \"key = value\", or a comment behind ; or #. Any value may\n"
	      "; stand in double quotes, where a double quote of its own is written twice; a\n"
	      "; secret with ; or # in it must. Fill in these:\n",
	      out);
	write_options(out, must_fill_in, "");
	fputs("\n; Everything else has a default. Take away the ; before a key to change it.\n",
	      out);
	write_options(out, has_default, ";");
}
