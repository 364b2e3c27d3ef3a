/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/client.h"
#include "cmd/shell.h"

/* All directories of a path to a file. */
static bool make_way(char *path)
{
	for (char *p = path + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			return false;
		*p = '/';
	}
	return true;
}

bool shell_history_file(char *buf, size_t size)
{
	const char *state = secure_getenv("XDG_STATE_HOME"), *home = secure_getenv("HOME");
	int n;

	if (state && state[0] == '/')
		n = snprintf(buf, size, "%s/godwit/history", state);
	else if (home && home[0] == '/')
		n = snprintf(buf, size, "%s/.local/state/godwit/history", home);
	else
		return false;
	return n > 0 && (size_t)n < size && make_way(buf);
}

static bool is_ours(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid();
}

static FILE *history_open(const char *file, int flags, const char *mode)
{
	/* Another's, or a pipe that waits for its writer, is none: root may have a home of somebody else. */
	int fd = open(file, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	FILE *f = fd >= 0 && is_ours(fd) ? fdopen(fd, mode) : NULL;

	if (f)
		fchmod(fd, 0600);
	else if (fd >= 0)
		close(fd);
	return f;
}

/* In the place of the file, or not at all. */
static void history_shorten(const char *file, char *const *lines, size_t n)
{
	char path[PATH_MAX];
	int size = snprintf(path, sizeof(path), "%s.new", file);
	FILE *f = size > 0 && (size_t)size < sizeof(path) ?
			  history_open(path, O_WRONLY | O_CREAT | O_TRUNC, "w") :
			  NULL;

	if (!f)
		return;
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%s\n", lines[i]);
	if (fclose(f) != 0 || rename(path, file) != 0)
		unlink(path);
}

/* The newest lines, oldest first, each to be freed; *left_out: there are older ones. */
static size_t history_read(FILE *f, char *lines[SHELL_HISTORY_MAX], bool *left_out)
{
	char *line = NULL;
	size_t n = 0, room = 0;

	*left_out = false;
	while (getline(&line, &room, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (n == SHELL_HISTORY_MAX) {
			free(lines[0]);
			memmove(lines, lines + 1, --n * sizeof(lines[0]));
			*left_out = true;
		}
		lines[n++] = xstrdup(line);
	}
	free(line);
	return n;
}

void shell_history_load(const char *file, void (*each)(void *ctx, const char *line), void *ctx)
{
	FILE *f = history_open(file, O_RDONLY, "r");
	char *lines[SHELL_HISTORY_MAX];
	bool left_out;
	size_t n;

	if (!f)
		return;
	n = history_read(f, lines, &left_out);
	fclose(f);
	if (left_out)
		history_shorten(file, lines, n);
	for (size_t i = 0; i < n; i++) {
		each(ctx, lines[i]);
		free(lines[i]);
	}
}

/* Such an option is refused, but it has been typed. */
static bool has_secret(const char *line)
{
	struct client_long_option o;

	for (unsigned i = 0; client_long_option(i, &o); i++) {
		size_t n = strlen(o.name);

		/* Not "--auth-psk-file", which is another. */
		for (const char *at = line; o.refused && (at = strstr(at, o.name)); at += n)
			if (at[n] != '-')
				return true;
	}
	return false;
}

bool shell_history_wanted(const char *line, const char *last)
{
	return line[0] && line[0] != ' ' && line[0] != '\t' && strcmp(line, last) != 0 &&
	       !has_secret(line);
}

void shell_history_add(const char *file, const char *line)
{
	FILE *f = history_open(file, O_WRONLY | O_CREAT | O_APPEND, "a");

	if (!f)
		return;
	fprintf(f, "%s\n", line);
	fclose(f);
}
