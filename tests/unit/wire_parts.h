/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCP and UDP packets built field by field, the slow and plain way: what split and coalesce are
 * compared with. Nothing here uses packet/.
 */
#ifndef GODWIT_TESTS_UNIT_WIRE_PARTS_H
#define GODWIT_TESTS_UNIT_WIRE_PARTS_H

#include <stdlib.h>

#include "base/rng.h"
#include "packet/split.h"

#define WIRE_MAX 66000

enum wire_flag {
	WIRE_FIN = 0x01,
	WIRE_SYN = 0x02,
	WIRE_RST = 0x04,
	WIRE_PSH = 0x08,
	WIRE_ACK = 0x10,
	WIRE_URG = 0x20,
	WIRE_ECE = 0x40,
	WIRE_CWR = 0x80,
};

/* All that the headers of a packet say but lengths and checksums. */
struct wire {
	bool ip6;
	bool tcp;
	uint8_t options; /* bytes of options: IPv4, a multiple of 4; IPv6, 0, 8 or 16 */
	uint8_t tcp_options; /* a multiple of 4 */
	uint8_t tos;
	uint8_t ttl;
	uint16_t id;
	uint16_t fragment; /* IPv4: the flags and the offset */
	uint32_t label; /* 20 bits */
	uint32_t src; /* the last four bytes of the addresses */
	uint32_t dst;
	uint16_t sport;
	uint16_t dport;
	uint32_t sequence;
	uint32_t ack;
	uint8_t flags;
	uint16_t window;
	uint16_t urgent;
	uint32_t stamp; /* goes into TCP's options */
	bool no_checksum; /* UDP */
};

/* RFC 1071, two bytes at a time, in network order. */
static inline uint32_t wire_sum(uint32_t sum, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

static inline uint32_t wire_upper(const struct wire *w)
{
	return (w->ip6 ? 40U : 20U) + w->options;
}

static inline uint32_t wire_headers(const struct wire *w)
{
	return wire_upper(w) + (w->tcp ? 20U + w->tcp_options : 8U);
}

static inline uint32_t wire_checksum_at(const struct wire *w)
{
	return w->tcp ? 16 : 6;
}

static inline void wire_put_ip4(struct wr *r, const struct wire *w, uint32_t length)
{
	uint32_t sum;

	wr_u8(r, (uint8_t)(0x45 + w->options / 4));
	wr_u8(r, w->tos);
	wr_u16(r, (uint16_t)length);
	wr_u16(r, w->id);
	wr_u16(r, w->fragment);
	wr_u8(r, w->ttl);
	wr_u8(r, w->tcp ? 6 : 17);
	wr_u16(r, 0);
	wr_u32(r, w->src);
	wr_u32(r, w->dst);
	for (unsigned i = 0; i < w->options; i++)
		wr_u8(r, 1); /* no operation */
	sum = wire_sum(0, r->base, wr_len(r));
	wr_patch_u16(r, 10, (uint16_t)~sum);
}

/* Hop-by-hop options, then destination options, of padding alone. */
static inline void wire_put_extensions(struct wr *r, const struct wire *w)
{
	uint8_t next = w->tcp ? 6 : 17;

	for (unsigned i = 0; i < w->options; i += 8) {
		wr_u8(r, i + 8U < w->options ? 60 : next);
		wr_u8(r, 0);
		wr_u32(r, 0x01040000);
		wr_u16(r, 0);
	}
}

static inline void wire_put_ip6(struct wr *r, const struct wire *w, uint32_t length)
{
	uint8_t next = w->tcp ? 6 : 17;

	wr_u32(r, 6U << 28 | (uint32_t)w->tos << 20 | w->label);
	wr_u16(r, (uint16_t)(length - 40));
	wr_u8(r, w->options ? 0 : next);
	wr_u8(r, w->ttl);
	wr_u64(r, 0xfd00000000000000);
	wr_u32(r, 0);
	wr_u32(r, w->src);
	wr_u64(r, 0x20010db800000000);
	wr_u32(r, 0);
	wr_u32(r, w->dst);
	wire_put_extensions(r, w);
}

static inline void wire_put_tcp(struct wr *r, const struct wire *w)
{
	wr_u32(r, w->sequence);
	wr_u32(r, w->ack);
	wr_u8(r, (uint8_t)((5 + w->tcp_options / 4) << 4));
	wr_u8(r, w->flags);
	wr_u16(r, w->window);
	wr_u16(r, 0);
	wr_u16(r, w->urgent);
	for (unsigned i = 0; i < w->tcp_options; i += 4)
		wr_u32(r, w->stamp + i);
}

/* The pseudo header of an upper layer of so many bytes. */
static inline uint32_t wire_pseudo(const struct wire *w, const uint8_t *ip, uint32_t length)
{
	uint8_t tail[8] = { 0 };
	uint32_t sum = w->ip6 ? wire_sum(0, ip + 8, 32) : wire_sum(0, ip + 12, 8);

	tail[2] = (uint8_t)(length >> 8);
	tail[3] = (uint8_t)length;
	tail[7] = w->tcp ? 6 : 17;
	return wire_sum(sum, tail, sizeof(tail));
}

/* Writes the packet with this payload, all checksums in place; its length. */
static inline uint32_t wire_build(const struct wire *w, struct slice payload, uint8_t *buf)
{
	uint32_t upper = wire_upper(w);
	uint32_t length = wire_headers(w) + (uint32_t)payload.n;
	struct wr r;
	uint16_t sum;

	wr_init(&r, buf, WIRE_MAX);
	if (w->ip6)
		wire_put_ip6(&r, w, length);
	else
		wire_put_ip4(&r, w, length);
	wr_u16(&r, w->sport);
	wr_u16(&r, w->dport);
	if (w->tcp)
		wire_put_tcp(&r, w);
	else
		wr_u32(&r, (length - upper) << 16);
	wr_slice(&r, payload);
	if (r.bad || wr_len(&r) != length)
		abort();
	if (!w->tcp && w->no_checksum)
		return length;
	sum = (uint16_t)~wire_sum(wire_pseudo(w, buf, length - upper), buf + upper, length - upper);
	wr_patch_u16(&r, upper + wire_checksum_at(w), !w->tcp && sum == 0 ? 0xffff : sum);
	return length;
}

/* The same as a super-packet for segments of `size` bytes, as the kernel hands it out. */
static inline uint32_t wire_super(const struct wire *w, struct slice payload, uint16_t size,
				  uint8_t *buf, struct vnet *vnet)
{
	uint32_t length = wire_build(w, payload, buf);
	uint32_t upper = wire_upper(w);
	uint8_t *field = buf + upper + wire_checksum_at(w);

	put_be16(field, (uint16_t)wire_pseudo(w, buf, length - upper));
	*vnet = (struct vnet){
		.flags = VNET_NEEDS_CSUM,
		.gso_type = w->tcp ? (w->ip6 ? VNET_GSO_TCPV6 : VNET_GSO_TCPV4) : VNET_GSO_UDP_L4,
		.hdr_len = (uint16_t)wire_headers(w),
		.gso_size = size,
		.csum_start = (uint16_t)upper,
		.csum_offset = (uint16_t)wire_checksum_at(w),
	};
	return length;
}

/* How many segments there are of a payload. */
static inline unsigned wire_segments(struct slice payload, uint32_t size)
{
	return payload.n ? (unsigned)((payload.n + size - 1) / size) : 1;
}

/* Segment i of a super-packet, built anew. */
static inline uint32_t wire_segment(const struct wire *whole, struct slice payload, uint32_t size,
				    unsigned i, uint8_t *buf)
{
	unsigned n = wire_segments(payload, size);
	size_t from = (size_t)i * size;
	size_t len = i + 1 < n ? size : payload.n - from;
	struct wire w = *whole;

	w.id = (uint16_t)(w.id + i);
	w.sequence += (uint32_t)from;
	if (i > 0)
		w.flags &= (uint8_t)~WIRE_CWR;
	if (i + 1 < n)
		w.flags &= (uint8_t) ~(WIRE_FIN | WIRE_PSH);
	if (i > 0 && (w.flags & WIRE_URG)) {
		w.urgent = w.urgent > from ? (uint16_t)(w.urgent - from) : 0;
		if (w.urgent == 0)
			w.flags &= (uint8_t)~WIRE_URG;
	}
	return wire_build(&w, slice(payload.p + from, len), buf);
}

static inline bool wire_coin(struct rng *r, unsigned one_in)
{
	return rng_below(r, one_in) == 0;
}

/* A flow that split takes, and coalesce, unless `odd`, would make again. */
static inline struct wire wire_random(struct rng *r, bool odd)
{
	struct wire w = {
		.ip6 = wire_coin(r, 2),
		.tcp = wire_coin(r, 2),
		.tcp_options = (uint8_t)(rng_below(r, 11) * 4),
		.tos = (uint8_t)rng_u32(r),
		.ttl = (uint8_t)rng_u32(r),
		.id = wire_coin(r, 4) ? (uint16_t)(0xfff0 + rng_below(r, 16)) :
					(uint16_t)rng_u32(r),
		.fragment = 0x4000,
		.label = rng_u32(r) & 0xfffff,
		.src = rng_u32(r),
		.dst = rng_u32(r),
		.sport = (uint16_t)rng_u32(r),
		.dport = (uint16_t)rng_u32(r),
		.sequence = wire_coin(r, 4) ? (uint32_t)-rng_below(r, 5000) : rng_u32(r),
		.ack = rng_u32(r),
		.flags = wire_coin(r, 2) ? WIRE_ACK : WIRE_ACK | WIRE_PSH,
		.window = (uint16_t)rng_u32(r),
		.stamp = rng_u32(r),
	};

	if (!odd)
		return w;
	w.options = (uint8_t)(w.ip6 ? rng_below(r, 3) * 8 : rng_below(r, 11) * 4);
	w.fragment = wire_coin(r, 2) ? 0x4000 : 0;
	w.flags = (uint8_t)rng_u32(r) & ~(WIRE_SYN | WIRE_RST);
	w.urgent = (uint16_t)rng_below(r, 5000);
	return w;
}

#endif
