/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/service.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"

/* ---- what it is told ---- */

#ifdef GODWIT_SYSTEMD
#include <systemd/sd-daemon.h>

static void tell(const char *lines)
{
	sd_notify(0, lines);
}
#else
static void tell(const char *lines)
{
	(void)lines;
}
#endif

void service_ready(void)
{
	tell("READY=1");
}

void service_stopping(void)
{
	tell("STOPPING=1");
}

void service_status(const char *format, ...)
{
	char text[256] = "STATUS=";
	size_t n = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + n, sizeof(text) - n, format, args);
	va_end(args);
	/* What a gateway says may be in it, and a line would be a word of ours. */
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
	tell(text);
}

/* ---- what it gives ---- */

static const char *credentials(void)
{
	const char *path = secure_getenv("CREDENTIALS_DIRECTORY");

	return path && path[0] == '/' ? path : NULL;
}

static char *join(const char *directory, size_t n, const char *file)
{
	char *path = xcalloc(n + strlen(file) + 2, 1);

	memcpy(path, directory, n);
	path[n] = '/';
	strcpy(path + n + 1, file);
	return path;
}

char *service_credential(const char *name)
{
	const char *directory = credentials();
	char *path = directory ? join(directory, strlen(directory), name) : NULL;
	struct stat st;

	if (path && stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
		return path;
	free(path);
	return NULL;
}

char *service_beside(const char *config, const char *file)
{
	const char *slash = strrchr(config, '/'), *directory = credentials();
	size_t n = slash ? (size_t)(slash - config) : 0;
	char *name, *path;

	if (!slash || file[0] == '/')
		return xstrdup(file);
	if (!directory || strlen(directory) != n || strncmp(config, directory, n) != 0)
		return join(config, n, file);
	name = xstrdup(file);
	for (char *p = name; *p; p++)
		if (*p == '/')
			*p = '_';
	path = service_credential(name);
	free(name);
	return path ? path : join(SERVICE_DIRECTORY, strlen(SERVICE_DIRECTORY), file);
}
