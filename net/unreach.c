/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/socket.h"

#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <unistd.h>

#define IP4_HEADER 20
#define IP6_HEADER 40
#define UDP 17
#define ICMP4_HEADER 8

/* RFC 792, RFC 1812 section 5.2.7.1. */
#define ICMP4_PORT 3
#define ICMP4_PROHIBITED_NET 9
#define ICMP4_PROHIBITED_HOST 10
#define ICMP4_PROHIBITED 13
/* RFC 4443 section 3.1. */
#define ICMP6_PROHIBITED 1
#define ICMP6_PORT 4
#define ICMP6_POLICY 5
#define ICMP6_REJECTED 6

int net_unreach_open(struct net_unreach *u)
{
	struct icmp_filter wanted4 = { .data = ~(1u << ICMP_DEST_UNREACH) };
	struct icmp6_filter wanted6;

	ICMP6_FILTER_SETBLOCKALL(&wanted6);
	ICMP6_FILTER_SETPASS(ICMP6_DST_UNREACH, &wanted6);
	u->fd4 = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMP);
	u->fd6 = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);
	if (u->fd4 >= 0 &&
	    setsockopt(u->fd4, SOL_RAW, ICMP_FILTER, &wanted4, sizeof(wanted4)) < 0) {
		socket_close(u->fd4);
		u->fd4 = -1;
	}
	if (u->fd6 >= 0 &&
	    setsockopt(u->fd6, IPPROTO_ICMPV6, ICMP6_FILTER, &wanted6, sizeof(wanted6)) < 0) {
		socket_close(u->fd6);
		u->fd6 = -1;
	}
	return u->fd4 >= 0 || u->fd6 >= 0 ? 0 : socket_error();
}

void net_unreach_close(struct net_unreach *u)
{
	socket_close(u->fd4);
	socket_close(u->fd6);
	u->fd4 = u->fd6 = -1;
}

static enum net_unreach_why why4(uint8_t code)
{
	if (code == ICMP4_PORT)
		return NET_UNREACH_PORT;
	return code == ICMP4_PROHIBITED || code == ICMP4_PROHIBITED_HOST ||
			       code == ICMP4_PROHIBITED_NET ?
		       NET_UNREACH_PROHIBITED :
		       NET_UNREACH_HOST;
}

static enum net_unreach_why why6(uint8_t code)
{
	if (code == ICMP6_PORT)
		return NET_UNREACH_PORT;
	return code == ICMP6_PROHIBITED || code == ICMP6_POLICY || code == ICMP6_REJECTED ?
		       NET_UNREACH_PROHIBITED :
		       NET_UNREACH_HOST;
}

/* The quoted packet is UDP: where it was for. */
static bool quoted4(struct rd *r, struct endpoint *to)
{
	struct slice head = rd_slice(r, IP4_HEADER);

	if (r->bad || head.p[0] >> 4 != 4 || head.p[9] != UDP)
		return false;
	rd_slice(r, (head.p[0] & 15) * 4u < IP4_HEADER ? SIZE_MAX :
							 (head.p[0] & 15) * 4u - IP4_HEADER);
	rd_u16(r);
	to->port = rd_u16(r);
	return !r->bad && addr_from_bytes(slice(head.p + 16, 4), &to->addr);
}

static bool quoted6(struct rd *r, struct endpoint *to)
{
	struct slice head = rd_slice(r, IP6_HEADER);

	if (r->bad || head.p[0] >> 4 != 6 || head.p[6] != UDP)
		return false;
	rd_u16(r);
	to->port = rd_u16(r);
	return !r->bad && addr_from_bytes(slice(head.p + 24, 16), &to->addr);
}

bool net_unreach_parse(enum family f, struct slice message, struct net_unreachable *out)
{
	struct rd r;
	struct slice head;
	uint8_t type, code;

	*out = (struct net_unreachable){ 0 };
	rd_init(&r, message);
	if (f == FAMILY_IP4) {
		head = rd_slice(&r, IP4_HEADER);
		if (r.bad || (head.p[0] & 15) * 4u < IP4_HEADER)
			return false;
		addr_from_bytes(slice(head.p + 12, 4), &out->by);
		rd_slice(&r, (head.p[0] & 15) * 4u - IP4_HEADER);
	}
	type = rd_u8(&r);
	code = rd_u8(&r);
	rd_slice(&r, ICMP4_HEADER - 2);
	if (r.bad)
		return false;
	if (f == FAMILY_IP4) {
		out->why = why4(code);
		return type == ICMP_DEST_UNREACH && quoted4(&r, &out->to);
	}
	out->why = why6(code);
	return type == ICMP6_DST_UNREACH && quoted6(&r, &out->to);
}

int net_unreach_read(struct net_unreach *u, enum family f, struct net_unreachable *out)
{
	union sockaddr_any from = { 0 };
	socklen_t n_from = sizeof(from);
	uint8_t buf[NET_DATAGRAM_SMALL];
	struct endpoint by;
	ssize_t n =
		recvfrom(f == FAMILY_IP4 ? u->fd4 : u->fd6, buf, sizeof(buf), 0, &from.sa, &n_from);

	if (n < 0)
		return socket_error();
	if (!net_unreach_parse(f, slice(buf, (size_t)n), out))
		return 0;
	if (f == FAMILY_IP6) {
		socket_endpoint(&from, &by);
		out->by = by.addr;
	}
	return 1;
}
