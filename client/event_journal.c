/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifdef GODWIT_SYSTEMD
/* Where in our sources it was is nobody's business who reads the journal. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>
/* syslog's, by the names of our levels. */
#undef LOG_INFO
#undef LOG_DEBUG
#endif

#include "client/event_log.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

bool event_journal_is_there(void)
{
#ifdef GODWIT_SYSTEMD
	return access(JOURNAL_SOCKET, W_OK) == 0;
#else
	return false;
#endif
}

bool event_journal_is_stderr(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat st;

	return event_journal_is_there() && stream &&
	       sscanf(stream, "%" SCNuMAX ":%" SCNuMAX, &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

#ifdef GODWIT_SYSTEMD
#define FIELDS_MAX 24
#define TEXT_MAX 600

struct entry {
	unsigned n;
	char text[FIELDS_MAX][TEXT_MAX];
	struct iovec iov[FIELDS_MAX];
};

__attribute__((format(printf, 2, 3))) static void put(struct entry *j, const char *fmt, ...)
{
	char *text = j->text[j->n];
	va_list args;

	if (j->n == FIELDS_MAX)
		return;
	va_start(args, fmt);
	vsnprintf(text, TEXT_MAX, fmt, args);
	va_end(args);
	j->iov[j->n] = (struct iovec){ text, strlen(text) };
	j->n++;
}

/* journald's names are capitals, digits and _; what a key calls something stays readable. */
static const char *field_name(const char *key, char buf[64])
{
	size_t i;

	for (i = 0; key[i] && i < 63; i++)
		buf[i] = isalnum((unsigned char)key[i]) ? (char)toupper((unsigned char)key[i]) :
							  '_';
	buf[i] = '\0';
	return buf;
}

static void put_field(struct entry *j, const struct log_field *f)
{
	char name[64], text[LOG_TEXT_MAX];

	put(j, "GODWIT_%s=%s", field_name(f->key, name), log_field_text(f, text, sizeof(text)));
}

/* syslog's, which journald goes by. */
static int priority(enum log_level level)
{
	switch (level) {
	case LOG_ERROR:
		return 3;
	case LOG_WARN:
		return 4;
	case LOG_INFO:
		return 6;
	case LOG_DEBUG:
		return 7;
	}
	return 6;
}

static void write_journal(void *ctx, const struct event *e)
{
	const char *name = ctx;
	char text[TEXT_MAX - 16];
	struct entry j;

	j.n = 0;
	log_format(e->ev, text, sizeof(text));
	put(&j, "MESSAGE=%s", text);
	put(&j, "PRIORITY=%d", priority(e->ev->level));
	put(&j, "SYSLOG_IDENTIFIER=godwit");
	put(&j, "GODWIT_CONNECTION=%s", name);
	put(&j, "GODWIT_SEQ=%" PRIu64, e->seq);
	put(&j, "GODWIT_EVENT=%s", e->ev->what);
	for (const struct log_field *f = e->ev->fields; f && f->type != LOG_END; f++)
		put_field(&j, f);
	/* Whatever becomes of it, the connection goes on. */
	sd_journal_sendv(j.iov, (int)j.n);
}

struct event_sink event_sink_journal(const char *name)
{
	return (struct event_sink){ write_journal, (char *)(uintptr_t)name };
}
#else
static void write_nothing(void *ctx, const struct event *e)
{
	(void)ctx;
	(void)e;
}

struct event_sink event_sink_journal(const char *name)
{
	(void)name;
	return (struct event_sink){ write_nothing, NULL };
}
#endif
