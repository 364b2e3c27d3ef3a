/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The options of vpn.conf on the command line: --SECTION-KEY VALUE is "KEY = VALUE" in [SECTION], and
 * counts in place of what the file says. Those of rules of one's own, which have names, are not there.
 */
#include <ctype.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/client.h"
#include "client/config_impl.h"

#define NAME_OF_NOTHING "command line"

static bool is_setting(const struct option *o)
{
	return !option_section_find(o->section)->named;
}

/* A command that prints a secret is none. */
static bool is_shown(const struct option *o)
{
	size_t n = strlen(o->key);

	return o->secret && (n < 8 || strcmp(o->key + n - 8, "-command") != 0);
}

static void put_value(const struct option *o, char value[CLIENT_LONG_VALUE_MAX])
{
	size_t n = 0;

	for (const struct option_word *w = o->words; w && w->word; w++)
		if (!w->later && n < CLIENT_LONG_VALUE_MAX)
			n += (size_t)snprintf(value + n, CLIENT_LONG_VALUE_MAX - n, "%s%s",
					      n ? "|" : "", w->word);
	if (n == 0 || n >= CLIENT_LONG_VALUE_MAX)
		strcpy(value, strstr(o->expect, "file") ? "FILE" : "VALUE");
}

bool client_long_option(unsigned i, struct client_long_option *out)
{
	const struct option *o = options;

	for (; o < options + options_n; o++)
		if (is_setting(o) && i-- == 0)
			break;
	if (o == options + options_n)
		return false;
	*out = (struct client_long_option){
		.section = o->section,
		.key = o->key,
		.expect = o->expect,
		.preset = o->preset,
		.help = o->help,
		.refused = is_shown(o),
	};
	snprintf(out->name, sizeof(out->name), "--%s-%s", o->section, o->key);
	put_value(o, out->value);
	return true;
}

static const struct option *find(const char *name, size_t n)
{
	for (unsigned i = 0; i < options_n; i++) {
		char text[CLIENT_LONG_OPTION_MAX];
		int len =
			snprintf(text, sizeof(text), "--%s-%s", options[i].section, options[i].key);

		if (is_setting(&options[i]) && len == (int)n && strncmp(text, name, n) == 0)
			return &options[i];
	}
	return NULL;
}

/* What to use in its place: "--auth-psk-file FILE", where there are such keys. */
static void put_instead(const struct option *o, FILE *err)
{
	static const char *const kinds[][2] = { { "file", "FILE" }, { "command", "COMMAND" } };
	const char *separator = "; use ";

	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		char key[64];

		snprintf(key, sizeof(key), "%s-%s", o->key, kinds[i][0]);
		if (!option_find(o->section, key))
			continue;
		fprintf(err, "%s--%s-%s %s", separator, o->section, key, kinds[i][1]);
		separator = " or ";
	}
	fputs(separator[1] == 'o' ? ", or leave it out and be asked\n" :
				    "; write it into the file\n",
	      err);
}

enum client_setting_found client_setting_find(const char *name, size_t n, FILE *err)
{
	const struct option *o = find(name, n);

	if (!o)
		return CLIENT_SETTING_UNKNOWN;
	if (!is_shown(o))
		return CLIENT_SETTING_FOUND;
	fprintf(err, "godwit: --%s-%s would show the secret to all who can list processes",
		o->section, o->key);
	put_instead(o, err);
	return CLIENT_SETTING_REFUSED;
}

static bool is_text(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

/* The last one of several counts. */
static bool is_repeated(const struct config_source *source, unsigned i)
{
	for (unsigned k = i + 1; k < source->nsettings; k++)
		if (strcmp(source->settings[i].option, source->settings[k].option) == 0)
			return true;
	return false;
}

void config_take_settings(struct config_reader *r)
{
	for (unsigned i = 0; i < r->source->nsettings; i++) {
		const struct client_setting *s = &r->source->settings[i];
		const struct option *o = find(s->option, strlen(s->option));
		struct option_value v = { .text = s->value };
		struct config_place at;

		if (!o || is_repeated(r->source, i))
			continue;
		at = (struct config_place){ CONFIG_ARGV, (unsigned)(o - options) };
		config_seen(r, o)->key = config_seen(r, o)->value = at;
		if (is_text(s->value) && option_parse(&r->draft, o, &v))
			continue;
		config_seen(r, o)->refused = true;
		config_complain(r, at, "%s%s%s", v.item, v.item[0] ? ": " : "",
				v.why[0] ? v.why : "a control character; only text is expected");
	}
}

/* "vpn.example.com, 192.0.2.1": after the first. */
static void name_of_gateway(const struct config_source *source, char name[CONFIG_NAME_MAX + 1])
{
	name[0] = '\0';
	for (unsigned i = 0; i < source->nsettings; i++)
		if (strcmp(source->settings[i].option, "--gateway-address") == 0)
			snprintf(name, CONFIG_NAME_MAX + 1, "%.*s",
				 (int)strcspn(source->settings[i].value, ", "),
				 source->settings[i].value);
	for (char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '.')
			*c = '-';
}

int config_read_settings(const struct client_settings *settings, bool may_ask, struct config **out,
			 FILE *err)
{
	char nothing[1] = "", name[CONFIG_NAME_MAX + 1];
	struct config_source source = {
		.file = NAME_OF_NOTHING,
		.name = settings->name,
		.text = nothing,
		.owner = geteuid(),
		.mode = S_IFREG | 0600,
		.fetch = true,
		.may_ask = may_ask,
		.settings = settings->list,
		.nsettings = settings->n,
	};

	name_of_gateway(&source, name);
	if (!source.name)
		source.name = name;
	return config_parse(&source, out, err);
}
