/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/runtime.h"

#include <string.h>

#define STEP_WIDTH 16

static void progress_time(char *buf, size_t size, vtime took)
{
	unsigned long long us = took / VTIME_US;

	if (us < 1000000)
		snprintf(buf, size, "%llu.%llu ms", us / 1000, us % 1000 / 100);
	else
		snprintf(buf, size, "%llu.%02llu s", us / 1000000, us % 1000000 / 10000);
}

void progress_step(const struct progress *p, const char *step, bool done, vtime took,
		   const char *text)
{
	char time[40];

	if (!p->out || p->held || (!done && !p->terminal))
		return;
	if (done) {
		progress_time(time, sizeof(time), took);
		fprintf(p->out, "%s%-*s %s   %s\n", p->terminal ? "\r\033[K" : "", STEP_WIDTH, step,
			text, time);
	} else {
		fprintf(p->out, "\r\033[K%-*s %s …", STEP_WIDTH, step, text);
	}
	fflush(p->out);
}

void progress_break(const struct progress *p)
{
	if (!p->out || p->held)
		return;
	if (p->terminal)
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
