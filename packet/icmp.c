/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "packet/packet.h"

#define ICMP_HEADER 8
#define HOPS 64

enum {
	ICMP4_ECHO_REPLY = 0,
	ICMP4_UNREACHABLE = 3,
	ICMP4_SOURCE_QUENCH = 4,
	ICMP4_REDIRECT = 5,
	ICMP4_ECHO = 8,
	ICMP4_TIME_EXCEEDED = 11,
	ICMP4_PARAMETER_PROBLEM = 12,
	ICMP6_UNREACHABLE = 1,
	ICMP6_TOO_BIG = 2,
	ICMP6_ECHO = 128,
	ICMP6_ECHO_REPLY = 129,
	ICMP6_REDIRECT = 137,
};

struct icmp {
	uint8_t type;
	uint8_t code;
	uint32_t rest; /* the header's last four bytes */
	struct addr src;
	struct addr dst;
	struct slice body;
};

static void write_ip4_header(struct wr *w, const struct icmp *m, size_t length)
{
	size_t at = wr_len(w);

	wr_u8(w, 0x45);
	wr_u8(w, 0);
	wr_u16(w, (uint16_t)length);
	/* Never to be fragmented, so it needs no identification (RFC 6864 section 4.1). */
	wr_u16(w, 0);
	wr_u16(w, 0x4000);
	wr_u8(w, HOPS);
	wr_u8(w, PACKET_ICMP);
	wr_u16(w, 0);
	wr_slice(w, addr_bytes(&m->src));
	wr_slice(w, addr_bytes(&m->dst));
	if (!w->bad)
		wr_patch_u16(w, at + 10, packet_checksum(slice(w->base + at, PACKET_IP4_HEADER)));
}

static void write_ip6_header(struct wr *w, const struct icmp *m, size_t length)
{
	wr_u32(w, 6U << 28);
	wr_u16(w, (uint16_t)(length - PACKET_IP6_HEADER));
	wr_u8(w, PACKET_ICMP6);
	wr_u8(w, HOPS);
	wr_slice(w, addr_bytes(&m->src));
	wr_slice(w, addr_bytes(&m->dst));
}

/* The IP packet with the message m; its length, or 0 when it does not fit. */
static size_t write_icmp(const struct icmp *m, void *buf, size_t size)
{
	bool ip6 = m->src.family == FAMILY_IP6;
	size_t header = ip6 ? PACKET_IP6_HEADER : PACKET_IP4_HEADER;
	size_t upper = ICMP_HEADER + m->body.n;
	uint64_t sum = 0;
	struct wr w;

	if (header + upper > UINT16_MAX)
		return 0;
	wr_init(&w, buf, size);
	if (ip6)
		write_ip6_header(&w, m, header + upper);
	else
		write_ip4_header(&w, m, header + upper);
	wr_u8(&w, m->type);
	wr_u8(&w, m->code);
	wr_u16(&w, 0);
	wr_u32(&w, m->rest);
	wr_slice(&w, m->body);
	if (w.bad)
		return 0;
	if (ip6)
		sum = packet_sum_pseudo(0, &m->src, &m->dst, PACKET_ICMP6, (uint32_t)upper);
	sum = packet_sum_add(sum, slice(w.base + header, upper));
	wr_patch_u16(&w, header + 2, packet_sum_finish(sum));
	return wr_len(&w);
}

static bool is_icmp_error(uint8_t proto, uint8_t type)
{
	if (proto == PACKET_ICMP)
		return type == ICMP4_UNREACHABLE || type == ICMP4_SOURCE_QUENCH ||
		       type == ICMP4_REDIRECT || type == ICMP4_TIME_EXCEEDED ||
		       type == ICMP4_PARAMETER_PROBLEM;
	return proto == PACKET_ICMP6 && (type < ICMP6_ECHO || type == ICMP6_REDIRECT);
}

/* RFC 1122 section 3.2.2 and RFC 4443 section 2.4 (e). */
static bool may_refuse(struct slice ip, struct packet_layout *l)
{
	struct tuple t;

	if (packet_tuple(ip, &t) || packet_parse(ip, l) || l->later)
		return false;
	if (t.ports && is_icmp_error(t.proto, (uint8_t)(t.sport >> 8)))
		return false;
	return addr_is_host(&l->src) && addr_is_host(&l->dst);
}

/* The error m in answer to `ip`: addresses turned round, as much quoted as room allows. */
static size_t write_error(struct icmp *m, struct slice ip, const struct packet_layout *l, void *buf,
			  size_t size)
{
	bool ip6 = l->src.family == FAMILY_IP6;
	size_t header = ICMP_HEADER + (ip6 ? PACKET_IP6_HEADER : PACKET_IP4_HEADER);
	size_t room = ip6 ? PACKET_ICMP6_MAX : PACKET_ICMP4_MAX;
	/* A long chain of IPv6 extension headers may push the upper layer out of what is quoted. */
	size_t least = ip6 ? PACKET_IP6_HEADER : l->upper + 8;

	if (least > l->length)
		least = l->length;
	if (room > size)
		room = size;
	if (room < header + least)
		return 0;
	m->src = l->dst;
	m->dst = l->src;
	m->body = slice(ip.p, l->length < room - header ? l->length : room - header);
	return write_icmp(m, buf, size);
}

size_t packet_icmp_prohibited(struct slice ip, void *buf, size_t size)
{
	struct icmp m = { .type = ICMP4_UNREACHABLE, .code = 13 };
	struct packet_layout l;

	if (!may_refuse(ip, &l))
		return 0;
	if (l.src.family == FAMILY_IP6) {
		m.type = ICMP6_UNREACHABLE;
		m.code = 1;
	}
	return write_error(&m, ip, &l, buf, size);
}

size_t packet_icmp_too_big(struct slice ip, uint32_t mtu, void *buf, size_t size)
{
	struct icmp m = { .type = ICMP4_UNREACHABLE, .code = 4 };
	struct packet_layout l;

	if (!may_refuse(ip, &l))
		return 0;
	m.rest = mtu < UINT16_MAX ? mtu : UINT16_MAX;
	if (l.src.family == FAMILY_IP6) {
		m.type = ICMP6_TOO_BIG;
		m.code = 0;
		m.rest = mtu;
	}
	return write_error(&m, ip, &l, buf, size);
}

bool packet_dont_fragment(struct slice ip)
{
	return ip.n < PACKET_IP4_HEADER || ip.p[0] >> 4 == 6 || ip.p[6] & 0x40;
}

size_t packet_echo_request(const struct packet_echo *echo, void *buf, size_t size)
{
	struct icmp m = {
		.type = echo->src.family == FAMILY_IP6 ? ICMP6_ECHO : ICMP4_ECHO,
		.rest = (uint32_t)echo->id << 16 | echo->sequence,
		.src = echo->src,
		.dst = echo->dst,
		.body = echo->payload,
	};

	return write_icmp(&m, buf, size);
}

bool packet_echo_reply(struct slice ip, struct packet_echo *out)
{
	struct packet_layout l;
	struct slice upper;
	uint64_t sum = 0;
	struct rd r;
	bool ip6;

	if (packet_parse(ip, &l) || l.fragment)
		return false;
	ip6 = l.src.family == FAMILY_IP6;
	if (l.proto != (ip6 ? PACKET_ICMP6 : PACKET_ICMP))
		return false;
	upper = slice(ip.p + l.upper, l.length - l.upper);
	rd_init(&r, upper);
	if (rd_u16(&r) != (ip6 ? ICMP6_ECHO_REPLY : ICMP4_ECHO_REPLY) << 8)
		return false;
	rd_u16(&r);
	out->id = rd_u16(&r);
	out->sequence = rd_u16(&r);
	out->payload = rd_rest(&r);
	out->src = l.src;
	out->dst = l.dst;
	if (ip6)
		sum = packet_sum_pseudo(0, &l.src, &l.dst, PACKET_ICMP6, (uint32_t)upper.n);
	return !r.bad && packet_sum_finish(packet_sum_add(sum, upper)) == 0;
}

bool packet_echo_is_reply(struct slice ip, const struct packet_echo *echo)
{
	struct packet_echo reply;

	return packet_echo_reply(ip, &reply) && addr_eq(&reply.src, &echo->dst) &&
	       addr_eq(&reply.dst, &echo->src) && reply.id == echo->id &&
	       reply.sequence == echo->sequence && slice_eq(reply.payload, echo->payload);
}
