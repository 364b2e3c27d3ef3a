/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/runtime.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RUNDIR_DEFAULT "/run/godwit"

const char *rundir_path(void)
{
	const char *path = secure_getenv("GODWIT_RUNDIR");

	return path && *path ? path : RUNDIR_DEFAULT;
}

bool rundir_name_ok(const char *name)
{
	size_t n =
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

	return n > 0 && n <= CONFIG_NAME_MAX && name[n] == '\0' && name[0] != '.';
}

bool rundir_file(const char *name, const char *file, char buf[RUNDIR_PATH_MAX])
{
	int n = snprintf(buf, RUNDIR_PATH_MAX, "%s/%s/%s", rundir_path(), name, file);

	return n > 0 && n < RUNDIR_PATH_MAX;
}

static int rundir_open_top(void)
{
	return open(rundir_path(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int rundir_open_at(int top, const char *name)
{
	return openat(top, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int rundir_open(const char *name)
{
	int top = rundir_open_top();
	int fd, saved;

	if (top < 0)
		return ERR_SYSTEM;
	fd = rundir_open_at(top, name);
	saved = errno;
	close(top);
	errno = saved;
	return fd < 0 ? ERR_SYSTEM : fd;
}

static bool rundir_belongs(int fd, uid_t uid)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_uid == uid && (st.st_mode & 077) == 0;
}

/*
 * Only a directory made here and now is given away; one that is there must already be the user's,
 * or empty, so that a strange GODWIT_RUNDIR costs nobody a directory of theirs.
 */
static int rundir_make_at(int top, const char *name, const struct priv_user *user)
{
	bool made = mkdirat(top, name, 0700) == 0;
	int fd;

	if (!made && errno != EEXIST)
		return -1;
	if (!made) {
		fd = rundir_open_at(top, name);
		if (fd >= 0 && rundir_belongs(fd, user->uid))
			return fd;
		if (fd >= 0)
			close(fd);
		unlinkat(top, name, AT_REMOVEDIR);
		if (mkdirat(top, name, 0700) != 0)
			return -1;
	}
	fd = rundir_open_at(top, name);
	if (fd < 0)
		return -1;
	if (fchown(fd, user->uid, user->gid) != 0 || !rundir_belongs(fd, user->uid)) {
		close(fd);
		errno = EPERM;
		return -1;
	}
	return fd;
}

int rundir_make(const char *name, const struct priv_user *user, FILE *err)
{
	int top, fd, saved;

	if (mkdir(rundir_path(), 0755) != 0 && errno != EEXIST) {
		fprintf(err, "godwit: cannot make the directory %s: %s\n", rundir_path(),
			strerror(errno));
		return ERR_SYSTEM;
	}
	top = rundir_open_top();
	fd = top < 0 ? -1 : rundir_make_at(top, name, user);
	saved = errno;
	if (top >= 0)
		close(top);
	if (fd < 0)
		fprintf(err, "godwit: %s/%s cannot be used as this connection's directory: %s%s\n",
			rundir_path(), name, strerror(saved),
			saved == EEXIST ? "; it is not ours and not empty: remove it" : "");
	return fd < 0 ? ERR_SYSTEM : fd;
}

void rundir_remove(const char *name)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", rundir_path(), name);

	if (n > 0 && (size_t)n < sizeof(path))
		rmdir(path);
}

static int rundir_compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

void rundir_list(struct rundir_list *out)
{
	DIR *dir = opendir(rundir_path());
	struct dirent *entry;

	out->n = 0;
	if (!dir)
		return;
	while ((entry = readdir(dir)) && out->n < RUNDIR_LIST_MAX)
		if (rundir_name_ok(entry->d_name))
			strcpy(out->names[out->n++], entry->d_name);
	closedir(dir);
	qsort(out->names, out->n, sizeof(out->names[0]), rundir_compare);
}
