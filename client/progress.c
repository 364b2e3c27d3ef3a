/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/runtime.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fill.h"

#define STEP_WIDTH 16
#define TEXT_COLUMN (STEP_WIDTH + 1)
#define GAP 3 /* before the time */
#define NARROW 40 /* what is narrower is treated as if it were not */

unsigned progress_width(FILE *out)
{
	struct winsize size = { 0 };

	if (!isatty(fileno(out)))
		return 0;
	return ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

static unsigned progress_room(const struct progress *p)
{
	return p->width > NARROW ? p->width : NARROW;
}

static void progress_time(char *buf, size_t size, vtime took)
{
	unsigned long long us = took / VTIME_US;

	if (us < 1000000)
		snprintf(buf, size, "%llu.%llu ms", us / 1000, us % 1000 / 100);
	else
		snprintf(buf, size, "%llu.%02llu s", us / 1000000, us % 1000000 / 10000);
}

/* On a terminal it goes on below where it begins, and the time stands behind its end. */
static void progress_done(const struct progress *p, vtime took, const char *text)
{
	char time[40], *lines = NULL;
	size_t n = 0;
	FILE *f = p->width ? open_memstream(&lines, &n) : NULL;

	progress_time(time, sizeof(time), took);
	if (f) {
		fill_write(f, text, TEXT_COLUMN, TEXT_COLUMN,
			   progress_room(p) - GAP - (unsigned)strlen(time));
		fclose(f);
		lines[n - 1] = '\0';
	}
	fprintf(p->out, "%s%*s%s\n", lines ? lines : text, GAP, "", time);
	free(lines);
}

void progress_step(const struct progress *p, const char *step, bool done, vtime took,
		   const char *text)
{
	if (!p->out || p->held || (!done && !p->width))
		return;
	if (p->width)
		fputs("\r\033[K", p->out);
	fprintf(p->out, "%-*s ", STEP_WIDTH, step);
	if (done)
		progress_done(p, took, text);
	else
		fprintf(p->out, "%.*s …", (int)progress_room(p) - TEXT_COLUMN - 2, text);
	fflush(p->out);
}

void progress_break(const struct progress *p)
{
	if (!p->out || p->held)
		return;
	if (p->width)
		fputs("\r\033[K", p->out);
	fflush(p->out);
}

void progress_banner(const struct progress *p, const char *banner)
{
	if (!p->out || p->held || !banner[0])
		return;
	progress_break(p);
	fputs("The gateway says:\n", p->out);
	while (*banner) {
		size_t n = strcspn(banner, "\n");

		fprintf(p->out, "  %.*s\n", (int)n, banner);
		banner += n + (banner[n] == '\n');
	}
	fflush(p->out);
}
