/* SPDX-License-Identifier: GPL-2.0-or-later */
/* After the header of the C library: both have the times of a socket. */
#include <time.h>

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/ip_icmp.h>

#include "base/err.h"
#include "net/socket.h"

int net_socket_hear_errors(struct net_socket *s)
{
	if ((s->fd4 >= 0 && socket_set_int(s->fd4, IPPROTO_IP, IP_RECVERR, 1) < 0) ||
	    (s->fd6 >= 0 && socket_set_int(s->fd6, IPPROTO_IPV6, IPV6_RECVERR, 1) < 0))
		return ERR_SYSTEM;
	return 0;
}

int net_socket_probe(struct net_socket *s, bool probe)
{
	int v4 = probe ? IP_PMTUDISC_PROBE : IP_PMTUDISC_DONT;
	int v6 = probe ? IPV6_PMTUDISC_PROBE : IPV6_PMTUDISC_DONT;

	if ((s->fd4 >= 0 && socket_set_int(s->fd4, IPPROTO_IP, IP_MTU_DISCOVER, v4) < 0) ||
	    (s->fd6 >= 0 && socket_set_int(s->fd6, IPPROTO_IPV6, IPV6_MTU_DISCOVER, v6) < 0))
		return ERR_SYSTEM;
	return 0;
}

static bool is_error(const struct cmsghdr *c)
{
	return (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
	       (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR);
}

/* The offender's address stands behind the error. */
static void read_error(const struct cmsghdr *c, struct net_error *out)
{
	struct sock_extended_err e;
	union sockaddr_any by = { 0 };
	struct endpoint from;
	struct rd r;

	rd_init(&r, slice(CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0)));
	rd_copy(&r, &e, sizeof(e));
	if (r.bad)
		return;
	out->error = (int)e.ee_errno;
	out->type = e.ee_type;
	out->code = e.ee_code;
	out->mtu = e.ee_errno == EMSGSIZE ? e.ee_info : 0;
	if (e.ee_origin != SO_EE_ORIGIN_ICMP && e.ee_origin != SO_EE_ORIGIN_ICMP6)
		return;
	rd_copy(&r, &by, rd_left(&r) < sizeof(by) ? rd_left(&r) : sizeof(by));
	socket_endpoint(&by, &from);
	out->by = from.addr;
}

bool net_socket_error(struct net_socket *s, enum family f, struct net_error *out)
{
	/* The error, an address behind it, and what else the socket tells with each datagram. */
	union {
		struct cmsghdr align;
		uint8_t b[512];
	} space;
	union sockaddr_any to = { 0 };
	struct iovec iov = { out->quoted, sizeof(out->quoted) };
	struct msghdr m = {
		.msg_name = &to,
		.msg_namelen = sizeof(to),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &space,
		.msg_controllen = sizeof(space),
	};
	int fd = f == FAMILY_IP6 ? s->fd6 : s->fd4;
	ssize_t n = -1;

	*out = (struct net_error){ 0 };
	if (fd >= 0)
		n = recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT);
	if (n < 0)
		return false;
	out->n = (size_t)n < sizeof(out->quoted) ? (size_t)n : sizeof(out->quoted);
	socket_endpoint(&to, &out->to);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (is_error(c))
			read_error(c, out);
	return true;
}
