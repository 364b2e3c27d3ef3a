/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/vpnc.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"

#define FIRST_ROOM 4096

/* Moves to a larger place and wipes the old one: there may be secrets in it. */
static void make_room(struct conf_text *t, size_t more)
{
	size_t room = t->room ? t->room : FIRST_ROOM;
	char *p;

	if (t->n + more + 1 <= t->room)
		return;
	while (t->n + more + 1 > room)
		room *= 2;
	p = xcalloc(room, 1);
	if (t->p) {
		memcpy(p, t->p, t->n);
		wipe(t->p, t->room);
		free(t->p);
	}
	t->p = p;
	t->room = room;
}

static void add(struct conf_text *t, const char *bytes, size_t n)
{
	make_room(t, n);
	memcpy(t->p + t->n, bytes, n);
	t->n += n;
	t->p[t->n] = '\0';
}

static void add_text(struct conf_text *t, const char *text)
{
	add(t, text, strlen(text));
}

static bool is_text(const char *value)
{
	for (const unsigned char *c = (const unsigned char *)value; *c; c++)
		if ((*c < ' ' && *c != '\t') || *c == 0x7f)
			return false;
	return true;
}

static bool needs_quotes(const char *value)
{
	size_t n = strlen(value);

	return n == 0 || strpbrk(value, ";#") || strchr("\" \t", value[0]) ||
	       strchr(" \t", value[n - 1]);
}

/* In double quotes, where one of them stands for itself when it is doubled. */
static void add_quoted(struct conf_text *t, const char *value)
{
	add_text(t, "\"");
	for (const char *c = value; *c; c++)
		add(t, *c == '"' ? "\"\"" : c, *c == '"' ? 2 : 1);
	add_text(t, "\"");
}

void conf_set(struct conf_text *t, const char *section, const char *key, const char *value)
{
	if (!is_text(value)) {
		if (!t->unfit)
			t->unfit = key;
		return;
	}
	if (!t->section || strcmp(t->section, section) != 0) {
		add_text(t, t->section ? "\n[" : "[");
		add_text(t, section);
		add_text(t, "]\n");
		t->section = section;
	}
	add_text(t, key);
	add_text(t, " = ");
	if (needs_quotes(value))
		add_quoted(t, value);
	else
		add_text(t, value);
	add_text(t, "\n");
}

void conf_setf(struct conf_text *t, const char *section, const char *key, const char *format, ...)
{
	char value[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	conf_set(t, section, key, value);
	wipe(value, sizeof(value));
}

void conf_comment(struct conf_text *t, const char *text)
{
	add_text(t, "; ");
	for (; *text; text++)
		add(t, isprint((unsigned char)*text) ? text : "?", 1);
	add_text(t, "\n");
}

void conf_free(struct conf_text *t)
{
	if (t->p)
		wipe(t->p, t->room);
	free(t->p);
	*t = (struct conf_text){ 0 };
}
