/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/lab.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

vtime lab_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (vtime)t.tv_sec * VTIME_S + (vtime)t.tv_nsec;
}

void lab_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

bool lab_read_line(char *line, size_t size)
{
	ssize_t n = read(STDIN_FILENO, line, size - 1);

	if (n <= 0)
		return false;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return true;
}

void lab_receive(struct net_socket *s, void (*take)(void *ctx, struct net_socket *s, struct pkt *p),
		 void *ctx)
{
	static uint8_t arena[NET_INTAKE_ARENA];
	struct net_intake in;
	struct batch b;

	net_intake_init(&in, arena);
	for (unsigned k = 0; k < 2; k++) {
		net_socket_recv(s, k ? FAMILY_IP6 : FAMILY_IP4, &in);
		while (net_intake_take(&in, &b))
			for (unsigned i = 0; i < b.n; i++)
				take(ctx, s, &b.pkts[i]);
	}
}
