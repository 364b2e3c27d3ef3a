/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

/* A process that was killed, or said that it is done, may hold its lock for a moment still. */
#define PATIENCE_MS 500
#define PATIENCE_STEP_MS 10

/*
 * The header names the network namespace: elsewhere nothing of what the journal tells of is there,
 * and it would be taken for undone.
 */
static const char journal_header[] = "godwit journal 1 net ";

static void journal_set_header(struct journal *j)
{
	struct stat st;
	uintmax_t net = stat("/proc/self/ns/net", &st) == 0 ? st.st_ino : 0;

	snprintf(j->header, sizeof(j->header), "%s%ju", journal_header, net);
}

/* True while the file that is open is the one that has the name: else it was removed meanwhile. */
static bool journal_is_current(int dir, int fd)
{
	struct stat mine, named;

	return fstat(fd, &mine) == 0 &&
	       fstatat(dir, RUNDIR_JOURNAL, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       mine.st_dev == named.st_dev && mine.st_ino == named.st_ino;
}

static bool journal_is_ours(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink <= 1 &&
	       (st.st_mode & 022) == 0 && (st.st_uid == 0 || st.st_uid == geteuid());
}

/* 0, a negative enum err, or 1: try again, the name has gone to another file. */
static int journal_try_open(int dir, bool create, struct journal *out)
{
	int flags = O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK |
		    (create ? O_CREAT : 0);
	int fd = openat(dir, RUNDIR_JOURNAL, flags, 0600);
	int rc = 0;

	if (fd < 0)
		return errno == ELOOP ? ERR_PERMISSION : ERR_SYSTEM;
	if (!journal_is_ours(fd))
		rc = ERR_PERMISSION;
	else if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		rc = ERR_UNEXPECTED;
	else if (!journal_is_current(dir, fd))
		rc = 1;
	if (rc) {
		close(fd);
		return rc;
	}
	*out = (struct journal){ .dir = dir, .fd = fd, .begun = lseek(fd, 0, SEEK_END) > 0 };
	journal_set_header(out);
	return 0;
}

int journal_open(int dir, bool create, struct journal *out)
{
	struct timespec pause = { .tv_nsec = PATIENCE_STEP_MS * 1000000L };
	int rc;

	*out = (struct journal){ .dir = dir, .fd = -1 };
	for (int waited = 0;; waited += PATIENCE_STEP_MS) {
		rc = journal_try_open(dir, create, out);
		if ((rc != 1 && rc != ERR_UNEXPECTED) || waited >= PATIENCE_MS)
			break;
		nanosleep(&pause, NULL);
	}
	return rc == 1 ? ERR_UNEXPECTED : rc;
}

static bool journal_line_ok(const char *line, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (line[i] < 0x20 || line[i] > 0x7e)
			return false;
	return n > 0 && n < JOURNAL_LINE_MAX;
}

static int journal_write(int fd, const char *line)
{
	char buf[JOURNAL_LINE_MAX + 1];
	int n = snprintf(buf, sizeof(buf), "%s\n", line);
	ssize_t written;

	/* What a write in part does not tell. */
	errno = ENOSPC;
	/* In one write, so that a crash leaves a line whole or not at all. */
	written = write(fd, buf, (size_t)n);
	return written == n ? 0 : ERR_SYSTEM;
}

int journal_add(struct journal *j, const char *line)
{
	if (j->lines == JOURNAL_LINES_MAX || !journal_line_ok(line, strlen(line)))
		return ERR_NO_ROOM;
	if (!j->begun && journal_write(j->fd, j->header) != 0)
		return ERR_SYSTEM;
	j->begun = true;
	if (journal_write(j->fd, line) != 0)
		return ERR_SYSTEM;
	j->lines++;
	return 0;
}

/* The whole file as a string, or NULL when it is longer than a journal can be. */
static char *journal_read(int fd)
{
	size_t size = JOURNAL_SIZE_MAX + 1, n = 0;
	char *text = xcalloc(1, size);

	while (n < size) {
		ssize_t got = pread(fd, text + n, size - n, (off_t)n);

		if (got <= 0)
			break;
		n += (size_t)got;
	}
	if (n < size && strlen(text) == n)
		return text;
	free(text);
	return NULL;
}

/*
 * Cuts the text into lines, the header left out. A last line without an end was being written at
 * the crash: what it tells of was not made. The number of lines, ERR_MALFORMED, or ERR_UNEXPECTED
 * for the header of another network namespace.
 */
static int journal_split(const char *header, char *text, char *lines[JOURNAL_LINES_MAX])
{
	unsigned n = 0;
	bool first = true;

	for (char *p = text, *end; (end = strchr(p, '\n')); p = end + 1) {
		*end = '\0';
		if (first && strcmp(p, header) != 0)
			return strncmp(p, journal_header, strlen(journal_header)) == 0 ?
				       ERR_UNEXPECTED :
				       ERR_MALFORMED;
		if (!first && (n == JOURNAL_LINES_MAX || !journal_line_ok(p, (size_t)(end - p))))
			return ERR_MALFORMED;
		if (!first)
			lines[n++] = p;
		first = false;
	}
	return (int)n;
}

int journal_undo(struct journal *j, journal_line_fn valid, journal_line_fn undo, void *ctx)
{
	char *lines[JOURNAL_LINES_MAX];
	char *text = journal_read(j->fd);
	int n = text ? journal_split(j->header, text, lines) : ERR_MALFORMED;
	int rc = n;

	for (int i = 0; i < n; i++)
		if (!valid(ctx, lines[i]))
			rc = ERR_MALFORMED;
	for (int i = n; i > 0 && rc != ERR_MALFORMED; i--)
		if (!undo(ctx, lines[i - 1]))
			rc = ERR_SYSTEM;
	free(text);
	if (rc < 0)
		return rc;
	if (ftruncate(j->fd, 0) != 0)
		return ERR_SYSTEM;
	j->begun = false;
	j->lines = 0;
	return n;
}

void journal_close(struct journal *j)
{
	if (j->fd < 0)
		return;
	if (!j->begun)
		unlinkat(j->dir, RUNDIR_JOURNAL, 0);
	close(j->fd);
	j->fd = -1;
}
