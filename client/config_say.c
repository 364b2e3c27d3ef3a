/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/config_impl.h"

#include <ctype.h>
#include <stdarg.h>

#include "base/mem.h"
#include "client/service.h"

#define MESSAGE_MAX 800

const char *config_place_text(struct config_place at, char buf[CONFIG_PLACE_TEXT_MAX])
{
	if (at.line == CONFIG_ARGV)
		snprintf(buf, CONFIG_PLACE_TEXT_MAX, "--%s-%s", options[at.column].section,
			 options[at.column].key);
	else
		snprintf(buf, CONFIG_PLACE_TEXT_MAX, "line %u", at.line);
	return buf;
}

__attribute__((format(printf, 4, 0))) static void say(const struct config_reader *r,
						      struct config_place at, const char *prefix,
						      const char *format, va_list args)
{
	char text[MESSAGE_MAX], place[CONFIG_PLACE_TEXT_MAX];
	int n = snprintf(text, sizeof(text), "%s", prefix);

	vsnprintf(text + n, sizeof(text) - (size_t)n, format, args);
	for (char *c = text; *c; c++)
		*c = (char)(isprint((unsigned char)*c) ? *c : '?');
	/* A line that nobody has written is nowhere to be found. */
	if (at.line == CONFIG_ARGV)
		fprintf(r->err, "%s: %s\n", config_place_text(at, place), text);
	else if (at.line && !r->source->quiet)
		fprintf(r->err, "%s:%u:%u: %s\n", r->source->file, at.line, at.column, text);
	else
		fprintf(r->err, "%s: %s\n", r->source->file, text);
}

void config_complain(struct config_reader *r, struct config_place at, const char *format, ...)
{
	va_list args;

	r->errors++;
	if (r->errors == CONFIG_COMPLAINTS_MAX + 1)
		fprintf(r->err, "%s: there is more to complain of\n", r->source->file);
	if (r->errors > CONFIG_COMPLAINTS_MAX)
		return;
	va_start(args, format);
	say(r, at, "", format, args);
	va_end(args);
}

void config_warn(const struct config_reader *r, struct config_place at, const char *format, ...)
{
	va_list args;

	if (r->source->quiet)
		return;
	va_start(args, format);
	say(r, at, "warning: ", format, args);
	va_end(args);
}

static bool is_of_policy(const struct option *o)
{
	return strcmp(o->section, "policy") == 0;
}

static const struct config_seen *seen_at(const struct config_reader *r, const struct option *o)
{
	const struct option *first = o;

	if (!is_of_policy(o))
		return &r->seen[o - options];
	while (first > options && is_of_policy(first - 1))
		first--;
	return &r->policy_seen[r->draft.policy][o - first];
}

struct config_seen *config_seen(struct config_reader *r, const struct option *o)
{
	struct config_seen *all = is_of_policy(o) ? r->policy_seen[r->draft.policy] : r->seen;
	const struct config_seen *first = all;

	return all + (seen_at(r, o) - first);
}

static const struct config_seen *seen(const struct config_reader *r, const char *section,
				      const char *key)
{
	return seen_at(r, option_find(section, key));
}

bool config_is_set(const struct config_reader *r, const char *section, const char *key)
{
	return seen(r, section, key)->key.line != 0;
}

bool config_is_refused(const struct config_reader *r, const char *section, const char *key)
{
	return seen(r, section, key)->refused;
}

struct config_place config_key_place(const struct config_reader *r, const char *section,
				     const char *key)
{
	return seen(r, section, key)->key;
}

struct config_place config_value_place(const struct config_reader *r, const char *section,
				       const char *key, size_t at)
{
	struct config_place place = seen(r, section, key)->value;

	if (place.line && place.line != CONFIG_ARGV)
		place.column += (unsigned)at;
	return place;
}

void config_refuse_keys(struct config_reader *r, const char *section, const char *const *keys,
			const char *why)
{
	for (; *keys; keys++) {
		if (config_is_set(r, section, *keys))
			config_complain(r, config_key_place(r, section, *keys), "[%s] %s %s",
					section, *keys, why);
	}
}

char *config_beside(const struct config_reader *r, const char *section, const char *key,
		    const char *file)
{
	/* What was typed is typed where we are. */
	if (config_key_place(r, section, key).line == CONFIG_ARGV)
		return xstrdup(file);
	return service_beside(r->source->file, file);
}
