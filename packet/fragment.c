/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "packet/packet.h"

#define IP4_HEADER_MAX 60
#define OFFSET 0x1fff
#define MORE 0x2000
#define OPTION_COPIED 0x80
#define OPTION_END 0
#define OPTION_NOP 1

/* An IPv4 header being written. */
struct header {
	uint8_t b[IP4_HEADER_MAX];
	uint32_t n;
};

/* The options that RFC 791 section 3.1 wants in every fragment. False: they are malformed. */
static bool copy_options(struct slice options, struct header *h)
{
	struct rd r;

	rd_init(&r, options);
	while (rd_left(&r)) {
		const uint8_t *option = r.p;
		uint8_t kind = rd_u8(&r), length;

		if (kind == OPTION_END)
			break;
		if (kind == OPTION_NOP)
			continue;
		length = rd_u8(&r);
		if (length < 2)
			return false;
		rd_slice(&r, length - 2U);
		if (r.bad)
			return false;
		if (!(kind & OPTION_COPIED))
			continue;
		memcpy(h->b + h->n, option, length);
		h->n += length;
	}
	while (h->n % 4)
		h->b[h->n++] = OPTION_END;
	return true;
}

/* The header of the fragment whose payload begins `at` bytes behind the packet's own header. */
static bool make_header(struct slice ip, uint32_t header, uint32_t at, struct header *h)
{
	*h = (struct header){ .n = at ? PACKET_IP4_HEADER : header };
	memcpy(h->b, ip.p, h->n);
	if (at && !copy_options(slice(ip.p + PACKET_IP4_HEADER, header - PACKET_IP4_HEADER), h))
		return false;
	h->b[0] = (uint8_t)(0x40 | h->n / 4);
	return true;
}

static void finish_header(struct header *h, uint32_t at, uint32_t payload, bool more)
{
	uint16_t flags = (uint16_t)(get_be16(h->b + 6) + at / 8);

	put_be16(h->b + 2, (uint16_t)(h->n + payload));
	put_be16(h->b + 6, more ? flags | MORE : flags);
	put_be16(h->b + 10, 0);
	put_be16(h->b + 10, packet_checksum(slice(h->b, h->n)));
}

size_t packet_fragment4(struct slice ip, uint32_t mtu, uint32_t *at, void *buf, size_t size)
{
	struct packet_layout l;
	uint32_t left, room;
	struct header h;

	if (packet_parse(ip, &l) || l.src.family != FAMILY_IP4 || packet_dont_fragment(ip))
		return 0;
	if (*at % 8 || *at >= l.length - l.upper || !make_header(ip, l.upper, *at, &h))
		return 0;
	left = l.length - l.upper - *at;
	room = mtu > h.n ? (mtu - h.n) & ~7U : 0;
	if (left + h.n <= mtu)
		room = left;
	if (room == 0 || (buf && h.n + room > size) ||
	    (get_be16(ip.p + 6) & OFFSET) + *at / 8 > OFFSET)
		return 0;
	finish_header(&h, *at, room, room < left);
	if (buf) {
		memmove((uint8_t *)buf + h.n, ip.p + l.upper + *at, room);
		memcpy(buf, h.b, h.n);
	}
	*at = room < left ? *at + room : 0;
	return h.n + room;
}
