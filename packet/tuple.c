/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "packet/packet.h"

#include "base/err.h"

#define EXTENSION_HEADERS_MAX 8

static int parse_ip4(struct slice ip, struct packet_layout *out)
{
	struct rd r;
	uint32_t header;
	uint16_t frag;

	rd_init(&r, ip);
	header = 4U * (rd_u8(&r) & 15);
	rd_u8(&r);
	out->length = rd_u16(&r);
	rd_u16(&r);
	frag = rd_u16(&r);
	rd_u8(&r);
	out->proto = rd_u8(&r);
	rd_u16(&r);
	addr_from_bytes(rd_slice(&r, 4), &out->src);
	addr_from_bytes(rd_slice(&r, 4), &out->dst);
	if (r.bad || header < PACKET_IP4_HEADER || header > out->length || out->length > ip.n)
		return ERR_MALFORMED;
	out->upper = header;
	out->fragment = frag & 0x3fff;
	out->later = frag & 0x1fff;
	return 0;
}

/* Reads one extension header; r stands behind it afterwards. */
static void parse_extension(struct rd *r, struct packet_layout *out)
{
	uint8_t next = rd_u8(r);
	uint8_t length = rd_u8(r);
	uint16_t frag;

	if (out->proto != PACKET_FRAGMENT) {
		rd_slice(r, 6 + 8U * length);
	} else {
		frag = rd_u16(r);
		rd_u32(r);
		out->fragment |= (frag & 0xfff9) != 0;
		out->later |= (frag & 0xfff8) != 0;
	}
	out->proto = next;
}

static bool is_extension(uint8_t proto)
{
	return proto == PACKET_HOP_BY_HOP || proto == PACKET_ROUTING || proto == PACKET_FRAGMENT ||
	       proto == PACKET_DESTINATION_OPTIONS;
}

static int parse_ip6(struct slice ip, struct packet_layout *out)
{
	struct rd r;
	unsigned n = 0;

	rd_init(&r, ip);
	rd_u32(&r);
	out->length = PACKET_IP6_HEADER + (uint32_t)rd_u16(&r);
	out->proto = rd_u8(&r);
	rd_u8(&r);
	addr_from_bytes(rd_slice(&r, 16), &out->src);
	addr_from_bytes(rd_slice(&r, 16), &out->dst);
	if (r.bad || out->length > ip.n)
		return ERR_MALFORMED;
	rd_init(&r, slice(ip.p + PACKET_IP6_HEADER, out->length - PACKET_IP6_HEADER));
	while (is_extension(out->proto) && !out->later && !r.bad) {
		/* Hop-by-hop options come first or not at all (RFC 8200 section 4.1). */
		if (n++ == EXTENSION_HEADERS_MAX || (out->proto == PACKET_HOP_BY_HOP && n > 1))
			return ERR_MALFORMED;
		parse_extension(&r, out);
	}
	if (r.bad)
		return ERR_MALFORMED;
	out->upper = out->length - (uint32_t)rd_left(&r);
	return 0;
}

int packet_parse(struct slice ip, struct packet_layout *out)
{
	*out = (struct packet_layout){ 0 };
	if (ip.n == 0)
		return ERR_MALFORMED;
	switch (ip.p[0] >> 4) {
	case 4:
		return parse_ip4(ip, out);
	case 6:
		return parse_ip6(ip, out);
	}
	return ERR_MALFORMED;
}

static int read_ports(struct slice upper, struct tuple *t)
{
	struct rd r;

	rd_init(&r, upper);
	switch (t->proto) {
	case PACKET_TCP:
	case PACKET_UDP:
	case PACKET_SCTP:
	case PACKET_UDPLITE:
		t->sport = rd_u16(&r);
		t->dport = rd_u16(&r);
		break;
	case PACKET_ICMP:
	case PACKET_ICMP6:
		t->sport = rd_u16(&r);
		break;
	default:
		return 0;
	}
	if (r.bad)
		return ERR_MALFORMED;
	t->ports = true;
	return 0;
}

int packet_tuple(struct slice ip, struct tuple *out)
{
	struct packet_layout l;
	int err = packet_parse(ip, &l);

	if (err)
		return err;
	*out = (struct tuple){ .src = l.src, .dst = l.dst, .proto = l.proto };
	if (l.later)
		return 0;
	return read_ports(slice(ip.p + l.upper, l.length - l.upper), out);
}

uint32_t packet_length(struct slice ip)
{
	struct packet_layout l;

	return packet_parse(ip, &l) ? 0 : l.length;
}
