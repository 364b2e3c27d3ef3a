/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "packet/packet.h"

#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_MSS 2
#define OPTION_MSS_LENGTH 4

/* The TCP header of a packet that is a SYN; empty for any other packet. */
static struct slice syn_header(struct slice ip, const struct packet_layout *l)
{
	struct slice tcp = slice(ip.p + l->upper, l->length - l->upper);
	size_t n;

	if (l->proto != PACKET_TCP || l->later || tcp.n < PACKET_TCP_HEADER ||
	    !(tcp.p[13] & PACKET_TCP_SYN))
		return SLICE_NONE;
	n = 4U * (tcp.p[12] >> 4);
	return n >= PACKET_TCP_HEADER && n <= tcp.n ? slice(tcp.p, n) : SLICE_NONE;
}

/*
 * Takes the next option off r and returns its kind: OPTION_MSS only with *at set to the offset of
 * its value in the header. At the end of the options, whether by length or by mark, OPTION_END; r
 * is bad when they are malformed.
 */
static uint8_t next_option(struct rd *r, size_t header, size_t *at)
{
	uint8_t kind, length;

	if (rd_left(r) == 0)
		return OPTION_END;
	kind = rd_u8(r);
	if (kind == OPTION_END || kind == OPTION_NOP)
		return kind;
	length = rd_u8(r);
	*at = header - rd_left(r);
	if (length < 2 || (kind == OPTION_MSS && length != OPTION_MSS_LENGTH))
		r->bad = true;
	else
		rd_slice(r, length - 2U);
	return kind;
}

static bool options_valid(struct slice tcp)
{
	uint8_t kind;
	struct rd r;
	size_t at = 0;

	rd_init(&r, slice(tcp.p + PACKET_TCP_HEADER, tcp.n - PACKET_TCP_HEADER));
	do {
		kind = next_option(&r, tcp.n, &at);
	} while (kind != OPTION_END && !r.bad);
	return !r.bad;
}

/* The value may lie across two of the words that the checksum is made of. */
static void store_mss(uint8_t *tcp, size_t at, uint16_t mss)
{
	size_t even = at & ~(size_t)1;
	uint16_t before[2] = { get_be16(tcp + even), 0 };

	if (at != even)
		before[1] = get_be16(tcp + even + 2);
	put_be16(tcp + at, mss);
	packet_checksum_adjust(tcp + 16, before[0], get_be16(tcp + even));
	if (at != even)
		packet_checksum_adjust(tcp + 16, before[1], get_be16(tcp + even + 2));
}

bool packet_clamp_mss(uint8_t *ip, size_t len, uint32_t mtu)
{
	struct packet_layout l;
	bool changed = false;
	uint32_t around, mss;
	struct slice tcp;
	size_t at = 0;
	struct rd r;

	if (packet_parse(slice(ip, len), &l))
		return false;
	tcp = syn_header(slice(ip, len), &l);
	around = PACKET_TCP_HEADER +
		 (l.src.family == FAMILY_IP6 ? PACKET_IP6_HEADER : PACKET_IP4_HEADER);
	if (tcp.n == 0 || mtu <= around || !options_valid(tcp))
		return false;
	mss = mtu - around;
	rd_init(&r, slice(tcp.p + PACKET_TCP_HEADER, tcp.n - PACKET_TCP_HEADER));
	for (uint8_t kind; (kind = next_option(&r, tcp.n, &at)) != OPTION_END;) {
		if (kind != OPTION_MSS || get_be16(tcp.p + at) <= mss)
			continue;
		store_mss(ip + l.upper, at, (uint16_t)mss);
		changed = true;
	}
	return changed;
}
