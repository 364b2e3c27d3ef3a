/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "packet/split.h"

#include <stdlib.h>

#include "base/err.h"
#include "packet/headers.h"
#include "packet/packet.h"

#define TCP_HEADER_MAX 60

static int refuse(enum drop *why, enum drop reason)
{
	*why = reason;
	return ERR_MALFORMED;
}

/* One packet: only its checksum can be open. */
static int begin_single(const struct vnet *vnet, uint8_t *data, size_t len, enum drop *why)
{
	struct packet_layout l;

	if (!(vnet->flags & VNET_NEEDS_CSUM))
		return 0;
	if (packet_parse(slice(data, len), &l) || l.fragment)
		return refuse(why, DROP_VNET_HEADER);
	if (l.length != len)
		return refuse(why, DROP_VNET_LENGTH);
	/* Beyond the upper layer's header it may be: of a packet in a packet. */
	if (vnet->csum_start < l.upper ||
	    packet_complete_csum(data, len, vnet->csum_start, vnet->csum_offset))
		return refuse(why, DROP_VNET_CSUM);
	return 0;
}

/* True when the packet is of the protocol and IP version that the GSO type names. */
static bool right_type(const struct vnet *vnet, const struct packet_layout *l)
{
	switch (vnet->gso_type) {
	case VNET_GSO_TCPV4:
	case VNET_GSO_TCPV4 | VNET_GSO_ECN:
		return l->proto == PACKET_TCP && l->src.family == FAMILY_IP4;
	case VNET_GSO_TCPV6:
	case VNET_GSO_TCPV6 | VNET_GSO_ECN:
		return l->proto == PACKET_TCP && l->src.family == FAMILY_IP6;
	case VNET_GSO_UDP_L4:
		return l->proto == PACKET_UDP;
	}
	return false;
}

/* What an upper-layer header and a pseudo header sum to without what segments differ in. */
static void sum_upper(struct split *s, const uint8_t *upper, uint32_t header)
{
	uint32_t total = (uint32_t)s->packet.n - s->upper;
	uint8_t copy[TCP_HEADER_MAX];

	memcpy(copy, upper, header);
	if (s->tcp) {
		memset(copy + TCP_SEQUENCE, 0, 4);
		memset(copy + TCP_FLAGS, 0, 1);
		memset(copy + TCP_URGENT, 0, 2);
	} else {
		memset(copy + UDP_LENGTH, 0, 2);
	}
	/* The checksum's place holds the sum of the pseudo header, with the length of the whole. */
	s->upper_sum = packet_sum_add(packet_sum_be16(0, (uint16_t)~total), slice(copy, header));
}

static void sum_ip4(struct split *s)
{
	uint8_t copy[TCP_HEADER_MAX];

	memcpy(copy, s->packet.p, s->upper);
	memset(copy + IP4_LENGTH, 0, 2);
	memset(copy + IP4_ID, 0, 2);
	memset(copy + IP4_CHECKSUM, 0, 2);
	s->ip_sum = packet_sum_add(0, slice(copy, s->upper));
	s->id = get_be16(s->packet.p + IP4_ID);
}

/* The length of the TCP header; 0: it is none that can be in front of every segment. */
static uint32_t read_tcp(struct split *s, struct slice upper)
{
	uint32_t header;
	struct rd r;

	rd_init(&r, upper);
	rd_u32(&r);
	s->sequence = rd_u32(&r);
	rd_u32(&r);
	header = 4U * (rd_u8(&r) >> 4);
	s->flags = rd_u8(&r);
	rd_u32(&r);
	s->urgent = rd_u16(&r);
	if (r.bad || header < PACKET_TCP_HEADER || header > upper.n ||
	    (s->flags & (PACKET_TCP_SYN | PACKET_TCP_RST)))
		return 0;
	return header;
}

static int begin_upper(struct split *s, const struct vnet *vnet, struct slice upper, enum drop *why)
{
	uint16_t csum_offset = s->tcp ? PACKET_TCP_CHECKSUM : PACKET_UDP_CHECKSUM;
	uint32_t header = PACKET_UDP_HEADER;

	if (s->tcp)
		header = read_tcp(s, upper);
	if (header == 0 || header > upper.n)
		return refuse(why, DROP_VNET_HEADER);
	if (!s->tcp && get_be16(upper.p + UDP_LENGTH) != upper.n)
		return refuse(why, DROP_VNET_LENGTH);
	if (!(vnet->flags & VNET_NEEDS_CSUM) || vnet->csum_start != s->upper ||
	    vnet->csum_offset != csum_offset)
		return refuse(why, DROP_VNET_CSUM);
	s->headers = s->upper + header;
	sum_upper(s, upper.p, header);
	return 0;
}

static int begin_gso(struct split *s, const struct vnet *vnet, enum drop *why)
{
	struct packet_layout l;
	uint32_t payload;
	int err;

	if (packet_parse(s->packet, &l) || l.fragment)
		return refuse(why, DROP_VNET_HEADER);
	if (!right_type(vnet, &l))
		return refuse(why, DROP_VNET_TYPE);
	if (vnet->gso_size == 0)
		return refuse(why, DROP_VNET_SIZE);
	if (l.length != s->packet.n || vnet->hdr_len > s->packet.n)
		return refuse(why, DROP_VNET_LENGTH);
	s->gso = true;
	s->ip6 = l.src.family == FAMILY_IP6;
	s->tcp = l.proto == PACKET_TCP;
	s->upper = l.upper;
	err = begin_upper(s, vnet, slice(s->packet.p + l.upper, l.length - l.upper), why);
	if (err)
		return err;
	if (!s->ip6)
		sum_ip4(s);
	payload = l.length - s->headers;
	s->size = vnet->gso_size;
	s->n = payload ? (payload + s->size - 1) / s->size : 1;
	s->last = payload - (s->n - 1) * s->size;
	return 0;
}

int split_begin(struct split *s, const struct vnet *vnet, uint8_t *data, size_t len, enum drop *why)
{
	*s = (struct split){ .n = 1, .packet = slice(data, len), .last = (uint32_t)len };
	if (len > SPLIT_PACKET_MAX)
		return refuse(why, DROP_VNET_LENGTH);
	if (vnet->gso_type == VNET_GSO_NONE)
		return begin_single(vnet, data, len, why);
	return begin_gso(s, vnet, why);
}

static void write_ip(const struct split *s, unsigned i, uint8_t *ip, uint32_t length)
{
	uint16_t id = (uint16_t)(s->id + i);
	uint64_t sum;

	if (s->ip6) {
		put_be16(ip + IP6_LENGTH, (uint16_t)(length - PACKET_IP6_HEADER));
		return;
	}
	put_be16(ip + IP4_LENGTH, (uint16_t)length);
	put_be16(ip + IP4_ID, id);
	sum = packet_sum_be16(packet_sum_be16(s->ip_sum, (uint16_t)length), id);
	put_be16(ip + IP4_CHECKSUM, packet_sum_finish(sum));
}

/* The urgent pointer counts from the segment's own sequence number; 0: no urgent data is left. */
static uint16_t urgent_at(const struct split *s, uint32_t offset)
{
	return s->urgent > offset ? (uint16_t)(s->urgent - offset) : 0;
}

/* Returns `sum` with what was written. */
static uint64_t write_tcp(const struct split *s, unsigned i, uint8_t *tcp, uint64_t sum)
{
	uint32_t offset = i * s->size;
	uint16_t urgent = s->urgent;
	uint8_t flags = s->flags;

	if (i > 0)
		flags &= (uint8_t)~PACKET_TCP_CWR;
	if (i + 1 < s->n)
		flags &= (uint8_t) ~(PACKET_TCP_FIN | PACKET_TCP_PSH);
	if (i > 0 && (flags & PACKET_TCP_URG)) {
		urgent = urgent_at(s, offset);
		if (urgent == 0)
			flags &= (uint8_t)~PACKET_TCP_URG;
	}
	put_be32(tcp + TCP_SEQUENCE, s->sequence + offset);
	tcp[TCP_FLAGS] = flags;
	put_be16(tcp + TCP_URGENT, urgent);
	sum = packet_sum_be32(sum, s->sequence + offset);
	return packet_sum_be16(packet_sum_be16(sum, flags), urgent);
}

static void write_segment(const struct split *s, unsigned i, uint8_t *ip)
{
	uint32_t payload = i + 1 < s->n ? s->size : s->last;
	uint32_t upper_length = s->headers - s->upper + payload;
	uint64_t sum = packet_sum_be16(s->upper_sum, (uint16_t)upper_length);
	uint8_t *upper = ip + s->upper;
	uint16_t checksum;

	memcpy(ip, s->packet.p, s->headers);
	write_ip(s, i, ip, s->headers + payload);
	if (s->tcp) {
		sum = write_tcp(s, i, upper, sum);
	} else {
		put_be16(upper + UDP_LENGTH, (uint16_t)upper_length);
		sum = packet_sum_be16(sum, (uint16_t)upper_length);
	}
	/* An odd number of bytes can only be the end. */
	sum = packet_sum_copy(sum, ip + s->headers,
			      slice(s->packet.p + s->headers + (size_t)i * s->size, payload));
	checksum = packet_sum_finish(sum);
	/* Zero means "no checksum" to UDP. */
	if (!s->tcp && checksum == 0)
		checksum = 0xffff;
	put_be16(upper + (s->tcp ? PACKET_TCP_CHECKSUM : PACKET_UDP_CHECKSUM), checksum);
}

void split_write(const struct split *s, unsigned first, unsigned n, uint8_t *base, size_t stride)
{
	if (first > s->n || n > s->n - first || (n > 1 && stride < split_length(s, first)))
		abort();
	for (unsigned i = 0; i < n; i++) {
		uint8_t *to = base + i * stride;

		if (s->gso)
			write_segment(s, first + i, to);
		else
			memcpy(to, s->packet.p, s->packet.n);
	}
}
