/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journal's own protocol: a datagram for each entry, a line for each field (systemd, "Native Journal
 * Protocol"). libsystemd's call waits when journald does not read; a connection must not.
 */
#include "client/event_log.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define ENTRY_MAX 8192
#define TEXT_MAX 600

bool event_journal_is_there(void)
{
	return access(JOURNAL_SOCKET, W_OK) == 0;
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

struct entry {
	size_t n;
	char text[ENTRY_MAX];
};

/* One line, its end included; one for which there is no room is left out. */
__attribute__((format(printf, 2, 3))) static void put(struct entry *j, const char *fmt, ...)
{
	size_t left = sizeof(j->text) - j->n;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(j->text + j->n, left, fmt, args);
	va_end(args);
	if (n > 0 && (size_t)n < left)
		j->n += (size_t)n;
}

/* journald's names are capitals, digits and _. */
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

	put(j, "GODWIT_%s=%s\n", field_name(f->key, name), log_field_text(f, text, sizeof(text)));
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

/* What it does not take at once is lost to it, and still kept here. */
static void entry_send(const struct entry *j)
{
	const struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	sendto(fd, j->text, j->n, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&to,
	       sizeof(to));
	close(fd);
}

static void write_journal(void *ctx, const struct event *e)
{
	char text[TEXT_MAX];
	struct entry j;

	j.n = 0;
	log_format(e->ev, text, sizeof(text));
	put(&j, "MESSAGE=%s\nPRIORITY=%d\nSYSLOG_IDENTIFIER=godwit\n", text,
	    priority(e->ev->level));
	put(&j, "GODWIT_CONNECTION=%s\n", (const char *)ctx);
	put(&j, "GODWIT_SEQ=%" PRIu64 "\nGODWIT_EVENT=%s\n", e->seq, e->ev->what);
	for (const struct log_field *f = e->ev->fields; f && f->type != LOG_END; f++)
		put_field(&j, f);
	entry_send(&j);
}

struct event_sink event_sink_journal(const char *name)
{
	return (struct event_sink){ write_journal, (char *)(uintptr_t)name };
}
