/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "packet/packet.h"
#include "tests/lab/masqnat/masqnat.h"

#define IKE_PORT 500
#define UDP_HEADER 8
#define UDP_CHECKSUM 6
#define TTL 8
#define SOURCE 12
#define DESTINATION 16

int wire_open(struct wire *w, const char *device)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) };
	int on = 1, room = 16 << 20;

	w->device = (int)if_nametoindex(device);
	w->raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	w->packets = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (w->device == 0 || w->raw < 0 || w->packets < 0 ||
	    setsockopt(w->packets, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) != 0 ||
	    setsockopt(w->packets, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) != 0 ||
	    setsockopt(w->raw, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) != 0)
		return -1;
	return bind(w->packets, (struct sockaddr *)&at, sizeof(at));
}

static bool is_ike(struct slice udp)
{
	struct rd r;
	uint16_t from, to;

	rd_init(&r, udp);
	from = rd_u16(&r);
	to = rd_u16(&r);
	(void)rd_u32(&r);
	return !r.bad && from == IKE_PORT && to == IKE_PORT;
}

/* Of later fragments nobody knows whose they are: of ESP or UDP is enough. */
static bool understand(struct slice ip, struct nat_packet *p)
{
	struct packet_layout l;
	struct slice upper;
	struct rd r;

	if (packet_parse(ip, &l) != 0 || l.src.family != FAMILY_IP4)
		return false;
	upper = slice(ip.p + l.upper, l.length - l.upper);
	p->seen = (struct masq_packet){ .from = l.src, .to = l.dst, .later_fragment = l.later };
	p->spi = 0;
	p->n = l.length;
	p->bytes = ip.p;
	p->seen.head = upper;
	if (l.proto == PACKET_ESP) {
		p->seen.protocol = MASQ_ESP;
		rd_init(&r, upper);
		p->spi = l.later ? 0 : rd_u32(&r);
		return true;
	}
	p->seen.protocol = MASQ_IKE;
	if (l.proto != PACKET_UDP || (!l.later && !is_ike(upper)))
		return false;
	if (!l.later)
		p->seen.head = slice(upper.p + UDP_HEADER, upper.n - UDP_HEADER);
	return true;
}

bool wire_read(struct wire *w, const struct addr *outside, struct nat_packet *p)
{
	for (;;) {
		struct sockaddr_ll from;
		socklen_t size = sizeof(from);
		ssize_t n = recvfrom(w->packets, w->room, sizeof(w->room), MSG_DONTWAIT,
				     (struct sockaddr *)&from, &size);

		if (n < 0)
			return false;
		if (from.sll_pkttype != PACKET_HOST || !understand(slice(w->room, (size_t)n), p))
			continue;
		p->in = from.sll_ifindex == w->device;
		if (p->in == addr_eq(&p->seen.to, outside))
			return true;
	}
}

static void fix_udp(uint8_t *ip, size_t n, const struct packet_layout *l)
{
	uint8_t *udp = ip + l->upper;
	uint64_t sum;
	uint16_t checksum;

	if (l->proto != PACKET_UDP || l->fragment)
		return;
	/* What comes over a pair of veth may have it left open. */
	put_be16(udp + UDP_CHECKSUM, 0);
	sum = packet_sum_pseudo(0, &l->src, &l->dst, PACKET_UDP, (uint32_t)n - l->upper);
	checksum = packet_sum_finish(packet_sum_add(sum, slice(udp, n - l->upper)));
	put_be16(udp + UDP_CHECKSUM, checksum ? checksum : 0xffff);
}

void wire_send(struct wire *w, const struct nat_packet *p, const struct addr *from,
	       const struct addr *to)
{
	static uint8_t ip[NAT_PACKET_MAX];
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct packet_layout l;

	memcpy(ip, p->bytes, p->n);
	memcpy(ip + SOURCE, from->b, 4);
	memcpy(ip + DESTINATION, to->b, 4);
	memcpy(&sin.sin_addr, to->b, 4);
	if (ip[TTL]-- <= 1 || packet_parse(slice(ip, p->n), &l) != 0)
		return;
	fix_udp(ip, p->n, &l);
	if (sendto(w->raw, ip, p->n, 0, (struct sockaddr *)&sin, sizeof(sin)) < 0 &&
	    w->failed++ == 0)
		lab_say("cannot send: %s", strerror(errno));
}
