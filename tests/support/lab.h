/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the lab's programs have in common: a clock, orders on standard input, and real sockets. Whoever
 * orders writes a line and waits for what is said, so lines come whole, and one at a time.
 */
#ifndef GODWIT_TESTS_LAB_H
#define GODWIT_TESTS_LAB_H

#include "base/vtime.h"
#include "net/net.h"

/* CLOCK_BOOTTIME. */
vtime lab_now(void);
/* A line on standard output. */
__attribute__((format(printf, 1, 2))) void lab_say(const char *format, ...);
/* The next line of standard input, which is ready, without its end. False: there are no more. */
bool lab_read_line(char *line, size_t size);
/* Takes, one after the other, the datagrams that have come to the socket by now. Not from `take`. */
void lab_receive(struct net_socket *s, void (*take)(void *ctx, struct net_socket *s, struct pkt *p),
		 void *ctx);

#endif
