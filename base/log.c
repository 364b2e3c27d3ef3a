/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* Bytes of the character at s, of n bytes; 0: none that may be shown. */
static size_t character(const char *s, size_t n)
{
	unsigned size;

	return utf8_is_shown(utf8_take(s, &size)) && size <= n ? size : 0;
}

struct log_field log_str(const char *key, const char *value)
{
	struct log_field f = { .key = key, .type = LOG_STR };
	size_t n = value ? strnlen(value, sizeof(f.text) - 1) : 0;

	for (size_t i = 0; i < n;) {
		size_t size = character(value + i, n - i);

		if (size)
			memcpy(f.text + i, value + i, size);
		else
			f.text[i] = '?';
		i += size ? size : 1;
	}
	f.text[n] = '\0';
	return f;
}

struct log_field log_u64(const char *key, uint64_t value)
{
	return (struct log_field){ .key = key, .type = LOG_U64, .u = value };
}

struct log_field log_hex(const char *key, unsigned width, uint64_t value)
{
	return (struct log_field){ .key = key, .type = LOG_HEX, .width = width, .u = value };
}

struct log_field log_bytes(const char *key, struct slice value)
{
	return (struct log_field){ .key = key, .type = LOG_BYTES, .bytes = value };
}

struct log_field log_addr(const char *key, const struct addr *a)
{
	char buf[ADDR_TEXT_MAX];

	return log_str(key, addr_text(a, buf));
}

struct log_field log_endpoint(const char *key, const struct endpoint *e)
{
	char buf[ENDPOINT_TEXT_MAX];

	return log_str(key, endpoint_text(e, buf));
}

void log_emit(const struct log *l, enum log_level level, const char *what,
	      const struct log_field *fields)
{
	struct log_event ev = { l->now, level, what, fields };

	if (l->sink && level <= l->level)
		l->sink(l->ctx, &ev);
}

struct text {
	char *p;
	size_t left; /* without the NUL */
};

static void text_put(struct text *t, const char *s)
{
	size_t n = strlen(s);

	if (n > t->left)
		n = t->left;
	memcpy(t->p, s, n);
	t->p += n;
	t->left -= n;
	*t->p = '\0';
}

static void text_put_bytes(struct text *t, struct slice s)
{
	char hex[3];

	for (size_t i = 0; i < s.n && i < 32; i++) {
		snprintf(hex, sizeof(hex), "%02x", s.p[i]);
		text_put(t, hex);
	}
	if (s.n > 32)
		text_put(t, "...");
}

static void text_put_value(struct text *t, const struct log_field *f)
{
	char num[32];

	switch (f->type) {
	case LOG_STR:
		text_put(t, f->text);
		break;
	case LOG_U64:
		snprintf(num, sizeof(num), "%" PRIu64, f->u);
		text_put(t, num);
		break;
	case LOG_HEX:
		snprintf(num, sizeof(num), "%0*" PRIx64, (int)(2 * f->width), f->u);
		text_put(t, num);
		break;
	case LOG_BYTES:
		text_put_bytes(t, f->bytes);
		break;
	case LOG_END:
		break;
	}
}

const char *log_field_text(const struct log_field *f, char *buf, size_t size)
{
	struct text t = { buf, size - 1 };

	*buf = '\0';
	text_put_value(&t, f);
	return buf;
}

void log_format(const struct log_event *ev, char *buf, size_t size)
{
	struct text t = { buf, size - 1 };

	if (!size)
		return;
	*buf = '\0';
	text_put(&t, ev->what);
	for (const struct log_field *f = ev->fields; f && f->type != LOG_END; f++) {
		text_put(&t, ", ");
		text_put(&t, f->key);
		text_put(&t, ": ");
		text_put_value(&t, f);
	}
}

const char *log_level_name(enum log_level level)
{
	switch (level) {
	case LOG_ERROR:
		return "error";
	case LOG_WARN:
		return "warn";
	case LOG_INFO:
		return "info";
	case LOG_DEBUG:
		return "debug";
	}
	return "unknown";
}
