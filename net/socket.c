/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/socket.h"

#include <errno.h>
#include <unistd.h>

#include "base/err.h"

#define RECEIVE_BUFFER (8 << 20)
#define SEND_BUFFER (512 << 10)

int socket_set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

/* What the kernel had no room for comes with what it had: see read_control. */
static void count_losses(int fd)
{
	socket_set_int(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
}

/* Larger buffers are a wish: without CAP_NET_ADMIN the kernel cuts them to its limit. */
static void set_buffers(int fd)
{
	if (socket_set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER) < 0)
		socket_set_int(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
	/* What stands here is latency for everything behind it, IKE too: no more than a batch. */
	if (socket_set_int(fd, SOL_SOCKET, SO_SNDBUFFORCE, SEND_BUFFER) < 0)
		socket_set_int(fd, SOL_SOCKET, SO_SNDBUF, SEND_BUFFER);
}

int socket_set_whole(int fd, enum family f, bool whole)
{
	if (f == FAMILY_IP6)
		return socket_set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER,
				      whole ? IPV6_PMTUDISC_DO : IPV6_PMTUDISC_DONT);
	return socket_set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER,
			      whole ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT);
}

static int set_options4(int fd)
{
	if (socket_set_int(fd, IPPROTO_IP, IP_PKTINFO, 1) < 0 ||
	    socket_set_int(fd, IPPROTO_IP, IP_RECVTOS, 1) < 0 ||
	    socket_set_whole(fd, FAMILY_IP4, false) < 0)
		return -1;
	return 0;
}

static int set_options6(int fd)
{
	if (socket_set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) < 0 ||
	    socket_set_int(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1) < 0 ||
	    socket_set_whole(fd, FAMILY_IP6, false) < 0)
		return -1;
	return 0;
}

socklen_t socket_address(const struct endpoint *e, union sockaddr_any *sa)
{
	*sa = (union sockaddr_any){ 0 };
	if (e->addr.family == FAMILY_IP6) {
		sa->in6.sin6_family = AF_INET6;
		sa->in6.sin6_port = htons(e->port);
		memcpy(&sa->in6.sin6_addr, e->addr.b, 16);
		return sizeof(sa->in6);
	}
	sa->in.sin_family = AF_INET;
	sa->in.sin_port = htons(e->port);
	memcpy(&sa->in.sin_addr, e->addr.b, 4);
	return sizeof(sa->in);
}

void socket_endpoint(const union sockaddr_any *sa, struct endpoint *e)
{
	*e = (struct endpoint){ 0 };
	if (sa->sa.sa_family == AF_INET6) {
		addr_from_bytes(slice(&sa->in6.sin6_addr, 16), &e->addr);
		e->port = ntohs(sa->in6.sin6_port);
	} else if (sa->sa.sa_family == AF_INET) {
		addr_from_bytes(slice(&sa->in.sin_addr, 4), &e->addr);
		e->port = ntohs(sa->in.sin_port);
	}
}

int socket_open(enum family f, int type, int protocol, uint32_t mark)
{
	bool ip6 = f == FAMILY_IP6;
	int fd = socket(ip6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);

	if (fd < 0)
		return -1;
	if ((mark && setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0) ||
	    (ip6 ? set_options6(fd) : set_options4(fd)) < 0) {
		socket_close(fd);
		return -1;
	}
	set_buffers(fd);
	count_losses(fd);
	return fd;
}

void socket_close(int fd)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
}

bool socket_family_is_missing(void)
{
	return errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL;
}

int socket_error(void)
{
	return errno == EPERM || errno == EACCES ? ERR_PERMISSION : ERR_SYSTEM;
}

void net_socket_close(struct net_socket *s)
{
	socket_close(s->fd4);
	socket_close(s->fd6);
	socket_close(s->fd_headed);
	s->fd4 = -1;
	s->fd6 = -1;
	s->fd_headed = -1;
}

int net_socket_keep_whole(struct net_socket *s)
{
	if ((s->fd4 >= 0 && socket_set_whole(s->fd4, FAMILY_IP4, true) < 0) ||
	    (s->fd6 >= 0 && socket_set_whole(s->fd6, FAMILY_IP6, true) < 0))
		return ERR_SYSTEM;
	s->whole = true;
	return 0;
}
