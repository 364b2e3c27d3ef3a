/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/bus.h"

#ifdef GODWIT_SYSTEMD
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#define SYSTEM_BUS "unix:path=/run/dbus/system_bus_socket"
#define MESSAGES_MAX 16 /* so many at a time: who floods us does not keep the rest from its turn */
#define USEC_NEVER UINT64_MAX

bool bus_is_from(sd_bus_message *m, const char *sender)
{
	const char *from = sd_bus_message_get_sender(m);

	return from && sender[0] && strcmp(from, sender) == 0;
}

/* ---- what epoll waits for ---- */

static int fd_follow(struct bus *b)
{
	int fd = sd_bus_get_fd(b->sd), wanted = sd_bus_get_events(b->sd);
	struct epoll_event ev = { 0 };
	int op = fd == b->fd ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (fd < 0 || wanted < 0)
		return -1;
	/* poll's words are epoll's. */
	ev.events = (uint32_t)wanted;
	b->fd = fd;
	return epoll_ctl(b->epoll, op, fd, &ev);
}

/* What the library has read but not handed out is due at once, too. */
static void timer_follow(struct bus *b)
{
	struct itimerspec spec = { 0 };
	uint64_t at;

	if (sd_bus_get_timeout(b->sd, &at) >= 0 && at != USEC_NEVER) {
		spec.it_value.tv_sec = (time_t)(at / 1000000);
		spec.it_value.tv_nsec = (long)(at % 1000000) * 1000;
		spec.it_value.tv_nsec += at == 0;
	}
	timerfd_settime(b->timer, TFD_TIMER_ABSTIME, &spec, NULL);
}

bool bus_follow(struct bus *b)
{
	if (fd_follow(b) != 0)
		return false;
	timer_follow(b);
	return true;
}

bool bus_run(struct bus *b)
{
	int rc = 1;

	for (unsigned i = 0; rc > 0 && i < MESSAGES_MAX; i++)
		rc = sd_bus_process(b->sd, NULL);
	return rc >= 0 && bus_follow(b);
}

/* ---- life ---- */

/* A socket of this host: other kinds of address start programs, or leave the host. */
static const char *bus_address(void)
{
	const char *address = secure_getenv("DBUS_SYSTEM_BUS_ADDRESS");

	if (!address || !address[0])
		return SYSTEM_BUS;
	return strncmp(address, "unix:", 5) == 0 && !strchr(address, ';') ? address : "";
}

static int bus_begin(struct bus *b)
{
	int rc = sd_bus_new(&b->sd);

	if (rc >= 0)
		rc = sd_bus_set_address(b->sd, bus_address());
	if (rc >= 0)
		rc = sd_bus_set_bus_client(b->sd, 1);
	if (rc >= 0)
		rc = sd_bus_negotiate_fds(b->sd, 0);
	if (rc >= 0)
		rc = sd_bus_start(b->sd);
	return rc;
}

int bus_open(struct bus *b)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int rc;

	*b = BUS_NONE;
	b->epoll = epoll_create1(EPOLL_CLOEXEC);
	b->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	rc = b->epoll < 0 || b->timer < 0 ||
			     epoll_ctl(b->epoll, EPOLL_CTL_ADD, b->timer, &ev) != 0 ?
		     -errno :
		     bus_begin(b);
	if (rc >= 0 && bus_follow(b))
		return 0;
	bus_close(b);
	return rc < 0 ? rc : -ECONNRESET;
}

void bus_close(struct bus *b)
{
	/* Without a flush, which would wait. */
	sd_bus_close_unref(b->sd);
	if (b->timer >= 0)
		close(b->timer);
	if (b->epoll >= 0)
		close(b->epoll);
	*b = BUS_NONE;
}

#endif
