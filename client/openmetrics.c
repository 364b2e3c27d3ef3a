/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/openmetrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

void openmetrics_begin(struct openmetrics *m, const char *connection)
{
	*m = (struct openmetrics){ .connection = connection };
	m->out = open_memstream(&m->text, &m->size);
	if (!m->out)
		abort();
}

char *openmetrics_end(struct openmetrics *m)
{
	fputs("# EOF\n", m->out);
	if (fclose(m->out) != 0)
		abort();
	return m->text;
}

void openmetrics_family(struct openmetrics *m, const char *name, enum openmetrics_type type,
			const char *unit, const char *help)
{
	static const struct {
		const char *name, *suffix;
	} types[] = {
		[OPENMETRICS_GAUGE] = { "gauge", "" },
		[OPENMETRICS_COUNTER] = { "counter", "_total" },
		[OPENMETRICS_INFO] = { "info", "_info" },
		[OPENMETRICS_STATESET] = { "stateset", "" },
	};

	m->name = name;
	m->suffix = types[type].suffix;
	fprintf(m->out, "# TYPE %s %s\n", name, types[type].name);
	if (unit)
		fprintf(m->out, "# UNIT %s %s\n", name, unit);
	fprintf(m->out, "# HELP %s %s\n", name, help);
}

/* What is no UTF-8 may stand in names that others have chosen: then all beyond ASCII is '?'. */
static bool is_utf8(const char *s)
{
	for (unsigned n; *s; s += n)
		if (utf8_take(s, &n) == UTF8_NONE)
			return false;
	return true;
}

static void put_label(struct openmetrics *m, const char *name, const char *text)
{
	bool plain = !is_utf8(text);

	fprintf(m->out, "%s=\"", name);
	for (; *text; text++) {
		if (*text == '\n')
			fputs("\\n", m->out);
		else if (*text == '"' || *text == '\\')
			fprintf(m->out, "\\%c", *text);
		else
			fputc(plain && *text & 0x80 ? '?' : *text, m->out);
	}
	fputc('"', m->out);
}

static void put_labels(struct openmetrics *m, va_list pairs)
{
	const char *name;

	fprintf(m->out, "%s%s{", m->name, m->suffix);
	put_label(m, "connection", m->connection);
	while ((name = va_arg(pairs, const char *))) {
		fputc(',', m->out);
		put_label(m, name, va_arg(pairs, const char *));
	}
}

void openmetrics_number(struct openmetrics *m, uint64_t value, ...)
{
	va_list pairs;

	va_start(pairs, value);
	put_labels(m, pairs);
	va_end(pairs);
	fprintf(m->out, "} %" PRIu64 "\n", value);
}

void openmetrics_real(struct openmetrics *m, double value, ...)
{
	va_list pairs;

	va_start(pairs, value);
	put_labels(m, pairs);
	va_end(pairs);
	fprintf(m->out, "} %.9g\n", value);
}

void openmetrics_state(struct openmetrics *m, const char *const *states, unsigned n,
		       const char *state, ...)
{
	va_list pairs;

	for (unsigned i = 0; i < n; i++) {
		va_start(pairs, state);
		put_labels(m, pairs);
		va_end(pairs);
		/* The label that tells the state is called as the family is. */
		fputc(',', m->out);
		put_label(m, m->name, states[i]);
		fprintf(m->out, "} %d\n", strcmp(states[i], state) == 0);
	}
}
