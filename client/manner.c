/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/runtime.h"

#include <string.h>

#define OURS "godwit: "

/* The stream is line buffered, so that a line begins where what is written begins. */
static ssize_t vpnc_write(void *ctx, const char *text, size_t n)
{
	size_t at = 0;

	(void)ctx;
	while (at < n) {
		const char *end = memchr(text + at, '\n', n - at);
		size_t length = end ? (size_t)(end - (text + at)) + 1 : n - at;
		size_t skip = 0;

		if (length >= strlen(OURS) && memcmp(text + at, OURS, strlen(OURS)) == 0) {
			skip = strlen(OURS);
			fputs("vpnc: ", stderr);
		}
		fwrite(text + at + skip, 1, length - skip, stderr);
		at += length;
	}
	return (ssize_t)n;
}

FILE *manner_err(enum client_manner manner)
{
	FILE *f;

	if (manner != CLIENT_VPNC)
		return stderr;
	f = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = vpnc_write });
	if (!f)
		return stderr;
	setvbuf(f, NULL, _IOLBF, 1024);
	return f;
}

void manner_err_close(FILE *err)
{
	if (err != stderr)
		fclose(err);
}

int manner_exit(enum client_manner manner, int code, bool was_up)
{
	if (manner != CLIENT_VPNC)
		return code;
	if (code == SESSION_EXIT_UP || was_up)
		return 0;
	return code == SESSION_EXIT_AUTH ? 2 : 1;
}
