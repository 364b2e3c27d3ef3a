/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <netinet/udp.h>

#include "base/err.h"
#include "net/socket.h"

#define IP4_HEADER 20
/*
 * From so many bytes in each slot on, a few slots are as good as all, and stay in the processor's
 * cache.
 */
#define LARGE 8192
#define SLOTS_LARGE 8
/* So many where not much comes: each has its price even when it stays empty. */
#define SLOTS_FEW 8

void net_intake_init(struct net_intake *in, void *arena)
{
	*in = (struct net_intake){ .arena = arena };
}

/* losses: the kernel's count, which is there only once there was one. */
static void read_control(struct msghdr *m, struct net_arrival *a, uint32_t *losses)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		struct in_pktinfo info4;
		struct in6_pktinfo info6;
		int class, stride;

		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&info4, CMSG_DATA(c), sizeof(info4));
			addr_from_bytes(slice(&info4.ipi_addr, 4), &a->to.addr);
		} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) {
			a->ecn = CMSG_DATA(c)[0] & 3;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&info6, CMSG_DATA(c), sizeof(info6));
			addr_from_bytes(slice(&info6.ipi6_addr, 16), &a->to.addr);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS) {
			memcpy(&class, CMSG_DATA(c), sizeof(class));
			a->ecn = (uint8_t) class & 3;
		} else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
			memcpy(&stride, CMSG_DATA(c), sizeof(stride));
			a->stride = stride > 0 ? (uint32_t)stride : 0;
		} else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
			memcpy(losses, CMSG_DATA(c), sizeof(*losses));
		}
	}
}

/* recvmmsg's arguments, one of each for a slot. */
struct recv_msgs {
	struct mmsghdr m[NET_INTAKE_SLOTS];
	struct iovec iov[NET_INTAKE_SLOTS];
	union sockaddr_any from[NET_INTAKE_SLOTS];
	union control control[NET_INTAKE_SLOTS];
};

static uint8_t *slot_of(const struct net_intake *in, unsigned n)
{
	return in->arena + (size_t)n * NET_INTAKE_PITCH;
}

/* named: who sent them is to be told beside them. */
static void offer_slots(struct recv_msgs *r, const struct net_intake *in, unsigned n, bool named)
{
	for (unsigned i = 0; i < n; i++) {
		r->iov[i] = (struct iovec){ slot_of(in, i), NET_DATAGRAM_MAX };
		r->m[i] = (struct mmsghdr){
			.msg_hdr = {
				.msg_name = named ? &r->from[i] : NULL,
				.msg_namelen = named ? sizeof(r->from[i]) : 0,
				.msg_iov = &r->iov[i],
				.msg_iovlen = 1,
				.msg_control = &r->control[i],
				.msg_controllen = sizeof(r->control[i]),
			},
		};
	}
}

/*
 * A raw socket gives an IPv4 packet with its header, an IPv6 packet without. It says all that there is
 * to know of the packet, and sparing the kernel to say it again is cheaper.
 */
static void take_header(struct net_arrival *a)
{
	uint32_t n;
	struct rd r;

	rd_init(&r, slice(a->at, a->left));
	n = (rd_u8(&r) & 15u) * 4;
	a->ecn = rd_u8(&r) & 3;
	rd_slice(&r, 10); /* length to checksum */
	addr_from_bytes(rd_slice(&r, 4), &a->from.addr);
	addr_from_bytes(rd_slice(&r, 4), &a->to.addr);
	n = n < IP4_HEADER || n > a->left ? a->left : n;
	a->at += n;
	a->left -= n;
}

static void take_arrival(struct net_socket *s, struct net_intake *in, bool header,
			 struct mmsghdr *m, uint32_t *losses)
{
	uint8_t *bytes = slot_of(in, in->n);
	struct net_arrival *a = &in->got[in->n++];

	*a = (struct net_arrival){ .at = bytes, .left = m->msg_len };
	a->to.port = s->port;
	read_control(&m->msg_hdr, a, losses);
	if (header)
		take_header(a);
	else
		socket_endpoint(m->msg_hdr.msg_name, &a->from);
	in->bytes += a->left;
	s->stats.received += a->stride && a->left ? (a->left + a->stride - 1) / a->stride : 1;
}

/* As many slots as the latest arrivals would have filled, and some more. */
static unsigned slots_for(const struct net_intake *in)
{
	if (in->large)
		return SLOTS_LARGE;
	if (in->full)
		return NET_INTAKE_SLOTS;
	return in->n < SLOTS_FEW / 2 ? SLOTS_FEW : NET_INTAKE_SLOTS;
}

int net_socket_recv(struct net_socket *s, enum family f, struct net_intake *in)
{
	int fd = f == FAMILY_IP6 ? s->fd6 : s->fd4, n;
	uint32_t *losses = &s->losses[f == FAMILY_IP6], before = *losses;
	unsigned slots = slots_for(in);
	bool header = s->raw && f == FAMILY_IP4;
	struct recv_msgs r;

	in->n = 0;
	in->next = 0;
	in->bytes = 0;
	in->full = false;
	in->lost = 0;
	if (fd < 0)
		return 0;
	offer_slots(&r, in, slots, !header);
	do {
		n = recvmmsg(fd, r.m, slots, MSG_DONTWAIT, NULL);
	} while (n < 0 && errno == EINTR);
	for (int i = 0; i < n; i++)
		take_arrival(s, in, header, &r.m[i], losses);
	in->lost = *losses - before;
	s->stats.lost += in->lost;
	in->full = in->n == slots;
	in->large = in->bytes > (size_t)in->n * LARGE;
	if (n < 0)
		return errno == EAGAIN ? 0 : ERR_SYSTEM;
	return n;
}

/* The next datagram of an arrival; true when it was the last one. */
static bool take_one(struct net_arrival *a, struct pkt *p)
{
	uint32_t n = a->stride && a->stride < a->left ? a->stride : a->left;

	*p = (struct pkt){
		.base = a->at,
		.size = n,
		.len = n,
		.from = a->from,
		.to = a->to,
		.ecn = a->ecn,
	};
	a->at += n;
	a->left -= n;
	return a->left == 0;
}

bool net_intake_take(struct net_intake *in, struct batch *b)
{
	batch_reset(b);
	while (in->next < in->n && b->n < BATCH_MAX)
		if (take_one(&in->got[in->next], &b->pkts[b->n++]))
			in->next++;
	return b->n != 0;
}
