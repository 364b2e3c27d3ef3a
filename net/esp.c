/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/socket.h"

#include <linux/filter.h>

/* An IPv4 packet comes with its header, which tells as much. */
static void want_no_more(int fd)
{
	socket_set_int(fd, IPPROTO_IP, IP_PKTINFO, 0);
	socket_set_int(fd, IPPROTO_IP, IP_RECVTOS, 0);
}

/* The socket, or -1 with errno. */
static int open_deaf(enum family f, uint32_t mark)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog program = { .len = 1, .filter = &nothing };
	int fd = socket_open(f, SOCK_RAW, IPPROTO_ESP, mark);

	if (fd >= 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0) {
		socket_close(fd);
		return -1;
	}
	if (fd >= 0 && f == FAMILY_IP4)
		want_no_more(fd);
	return fd;
}

/*
 * For packets with a header of ours. Bound to loopback it gets no copies of what comes from the
 * network; it stays deaf to the rest. One that cannot be had is done without.
 */
static void open_headed(struct net_socket *s, uint32_t mark)
{
	const struct sockaddr_in here = { .sin_family = AF_INET,
					  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = open_deaf(FAMILY_IP4, mark), ttl = 0;
	socklen_t n = sizeof(ttl);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&here, sizeof(here)) < 0 ||
	    socket_set_int(fd, IPPROTO_IP, IP_HDRINCL, 1) < 0 ||
	    getsockopt(fd, IPPROTO_IP, IP_TTL, &ttl, &n) < 0) {
		socket_close(fd);
		return;
	}
	s->fd_headed = fd;
	s->ttl = (uint8_t)ttl;
}

int net_esp_open(struct net_socket *s, uint32_t mark)
{
	*s = NET_SOCKET_NONE;
	s->raw = true;
	s->fd4 = open_deaf(FAMILY_IP4, mark);
	if (s->fd4 >= 0 || socket_family_is_missing())
		s->fd6 = open_deaf(FAMILY_IP6, mark);
	if (s->fd6 < 0 && (s->fd4 < 0 || !socket_family_is_missing())) {
		net_socket_close(s);
		return socket_error();
	}
	if (s->fd4 >= 0)
		open_headed(s, mark);
	return 0;
}

void net_esp_listen(const struct net_socket *s)
{
	const int fds[] = { s->fd4, s->fd6 };

	for (unsigned i = 0; i < 2; i++)
		if (fds[i] >= 0)
			socket_set_int(fds[i], SOL_SOCKET, SO_DETACH_FILTER, 0);
}
