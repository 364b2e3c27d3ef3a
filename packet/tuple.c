/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "packet/packet.h"

#include "base/err.h"

#define EXTENSION_HEADERS_MAX 8

/* `out` is all zeros: the rest of an address is then, too. */
static void set_addr(struct addr *out, enum family f, const uint8_t *bytes)
{
	out->family = f;
	memcpy(out->b, bytes, f == FAMILY_IP4 ? 4 : 16);
}

/* One read for the whole of the fixed header: every packet comes through here, more than once. */
static int parse_ip4(struct slice ip, struct packet_layout *out)
{
	struct slice h;
	struct rd r;
	uint32_t header;
	uint16_t frag;

	rd_init(&r, ip);
	h = rd_slice(&r, PACKET_IP4_HEADER);
	if (r.bad)
		return ERR_MALFORMED;
	header = 4U * (h.p[0] & 15);
	out->length = get_be16(h.p + 2);
	frag = get_be16(h.p + 6);
	out->proto = h.p[9];
	set_addr(&out->src, FAMILY_IP4, h.p + 12);
	set_addr(&out->dst, FAMILY_IP4, h.p + 16);
	if (header < PACKET_IP4_HEADER || header > out->length || out->length > ip.n)
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
	struct slice h;
	struct rd r;
	unsigned n = 0;

	rd_init(&r, ip);
	h = rd_slice(&r, PACKET_IP6_HEADER);
	if (r.bad)
		return ERR_MALFORMED;
	out->length = PACKET_IP6_HEADER + (uint32_t)get_be16(h.p + 4);
	out->proto = h.p[6];
	set_addr(&out->src, FAMILY_IP6, h.p + 8);
	set_addr(&out->dst, FAMILY_IP6, h.p + 24);
	if (out->length > ip.n)
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
	uint32_t ports;
	struct rd r;

	rd_init(&r, upper);
	switch (t->proto) {
	case PACKET_TCP:
	case PACKET_UDP:
	case PACKET_SCTP:
	case PACKET_UDPLITE:
		ports = rd_u32(&r);
		t->sport = (uint16_t)(ports >> 16);
		t->dport = (uint16_t)ports;
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

int packet_tuple_length(struct slice ip, struct tuple *out, uint32_t *length)
{
	struct packet_layout l;
	int err = packet_parse(ip, &l);

	if (err)
		return err;
	*out = (struct tuple){ .src = l.src, .dst = l.dst, .proto = l.proto };
	*length = l.length;
	if (l.later)
		return 0;
	return read_ports(slice(ip.p + l.upper, l.length - l.upper), out);
}

int packet_tuple(struct slice ip, struct tuple *out)
{
	uint32_t length;

	return packet_tuple_length(ip, out, &length);
}
