/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection to the system's D-Bus for a loop that must not wait. It is made in the background; what
 * is asked for is answered while bus_run runs. Only in a build with libsystemd.
 */
#ifndef GODWIT_CLIENT_BUS_H
#define GODWIT_CLIENT_BUS_H

#include <stdbool.h>

#define BUS_ITSELF "org.freedesktop.DBus"
#define BUS_ITSELF_PATH "/org/freedesktop/DBus"
#define BUS_OWNER_MAX 256 /* of a name on the bus, with its NUL */

struct sd_bus;
struct sd_bus_message;

struct bus {
	struct sd_bus *sd;
	int epoll; /* readable when bus_run has something to do; the same for life */
	int timer;
	int fd; /* the connection's, as far as epoll knows */
};

#define BUS_NONE ((struct bus){ .epoll = -1, .timer = -1, .fd = -1 })

/*
 * Begins to connect. 0, or a negative errno; then nothing is held. Requests may be queued at once,
 * and bus_follow comes behind them wherever bus_run does not.
 */
int bus_open(struct bus *b);
/* False: there is no connection any more. */
bool bus_follow(struct bus *b);
/* Takes what has come, a bounded number of messages. False: there is no more to come. */
bool bus_run(struct bus *b);
/* What is queued is not waited for. Harmless on BUS_NONE. */
void bus_close(struct bus *b);
/* A message that is sent to us alone comes whatever we asked for: only its sender is the bus's word. */
bool bus_is_from(struct sd_bus_message *m, const char *sender);

#endif
