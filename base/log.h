/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The event log. An event is a level, a short sentence and typed fields; the sink that turns it
 * into text, journald fields or JSON is injected, and so is the time, so that a simulation's log
 * depends on its seed alone.
 *
 *	log_ev(log, LOG_INFO, "child up", log_hex("spi_in", 4, spi), log_str("suite", name));
 *
 * No field takes a secret.
 */
#ifndef GODWIT_BASE_LOG_H
#define GODWIT_BASE_LOG_H

#include "base/addr.h"
#include "base/vtime.h"

enum log_level {
	LOG_ERROR,
	LOG_WARN,
	LOG_INFO,
	LOG_DEBUG,
};

enum log_type {
	LOG_END,
	LOG_STR,
	LOG_U64,
	LOG_HEX, /* number shown in hexadecimal with 2 * width digits */
	LOG_BYTES, /* shown in hexadecimal, at most 32 bytes */
};

#define LOG_TEXT_MAX 160

struct log_field {
	const char *key;
	enum log_type type;
	unsigned width;
	uint64_t u;
	struct slice bytes;
	char text[LOG_TEXT_MAX]; /* strings are copied; control characters become '?' */
};

struct log_event {
	vtime at;
	enum log_level level;
	const char *what;
	const struct log_field *fields; /* ends with LOG_END */
};

struct log {
	enum log_level level; /* events above it are left out */
	vtime now; /* set by the owner at each entry into its engine */
	void (*sink)(void *ctx, const struct log_event *ev);
	void *ctx;
};

struct log_field log_str(const char *key, const char *value);
struct log_field log_u64(const char *key, uint64_t value);
struct log_field log_hex(const char *key, unsigned width, uint64_t value);
struct log_field log_bytes(const char *key, struct slice value);
struct log_field log_addr(const char *key, const struct addr *a);
struct log_field log_endpoint(const char *key, const struct endpoint *e);

/* Hands the event to the sink if its level is wanted. A log without a sink is silent. */
void log_emit(const struct log *l, enum log_level level, const char *what,
	      const struct log_field *fields);

#define log_ev(l, level, ...) log_ev_(l, level, __VA_ARGS__, (struct log_field){ .type = LOG_END })
#define log_ev_(l, level, what, ...)                                                               \
	log_emit(l, level, what, (const struct log_field[]){ __VA_ARGS__ })

/*
 * One line, "what, key: value, key: value", without newline and without the time. Always
 * terminated; cut when it does not fit.
 */
void log_format(const struct log_event *ev, char *buf, size_t size);
/*
 * The value alone, as log_format has it. Always terminated; cut when it does not fit, which it does in
 * LOG_TEXT_MAX bytes. size is not 0. Returns buf.
 */
const char *log_field_text(const struct log_field *f, char *buf, size_t size);
/* "error", "warn", "info", "debug" */
const char *log_level_name(enum log_level level);

#endif
