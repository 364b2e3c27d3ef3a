/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/socket.h"

#include <errno.h>

#define PORT_ATTEMPTS 16

static int bind_port(int fd, enum family f, uint16_t port)
{
	struct endpoint any = { .addr.family = f, .port = port };
	union sockaddr_any sa;
	socklen_t n = socket_address(&any, &sa);

	return bind(fd, &sa.sa, n);
}

/* The socket, or -1 with errno. */
static int open_port(enum family f, uint16_t port, uint32_t mark)
{
	int fd = socket_open(f, SOCK_DGRAM, 0, mark);

	if (fd < 0)
		return -1;
	if ((f == FAMILY_IP6 && socket_set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) < 0) ||
	    bind_port(fd, f, port) < 0) {
		socket_close(fd);
		return -1;
	}
	return fd;
}

static uint16_t socket_port(int fd)
{
	union sockaddr_any sa = { 0 };
	socklen_t n = sizeof(sa);
	struct endpoint e;

	getsockname(fd, &sa.sa, &n);
	socket_endpoint(&sa, &e);
	return e.port;
}

/* 0 or -1 with errno; what was opened is left in s. */
static int open_pair(struct net_socket *s, uint16_t port, uint32_t mark)
{
	s->port = port;
	s->fd4 = open_port(FAMILY_IP4, port, mark);
	if (s->fd4 < 0 && !socket_family_is_missing())
		return -1;
	if (s->fd4 >= 0)
		s->port = socket_port(s->fd4);
	s->fd6 = open_port(FAMILY_IP6, s->port, mark);
	if (s->fd6 < 0 && (s->fd4 < 0 || !socket_family_is_missing()))
		return -1;
	if (s->fd4 < 0)
		s->port = socket_port(s->fd6);
	return 0;
}

int net_udp_open(struct net_socket *s, uint16_t port, uint32_t mark)
{
	*s = NET_SOCKET_NONE;
	/* A port the kernel chose for one family may be taken in the other. */
	for (unsigned i = 0; i < PORT_ATTEMPTS; i++) {
		if (open_pair(s, port, mark) == 0)
			return 0;
		net_socket_close(s);
		if (port != 0 || errno != EADDRINUSE)
			break;
	}
	return socket_error();
}
