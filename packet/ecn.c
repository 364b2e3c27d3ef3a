/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "packet/packet.h"

#define NOT_ECT 0
#define ECT_1 1
#define ECT_0 2
#define CE 3
#define ECN_DROP 4

/* RFC 6040 figure 4: what [inner][outer] becomes. */
static const uint8_t merged[4][4] = {
	[NOT_ECT] = { NOT_ECT, NOT_ECT, NOT_ECT, ECN_DROP },
	[ECT_1] = { ECT_1, ECT_1, ECT_1, CE },
	[ECT_0] = { ECT_0, ECT_1, ECT_0, CE },
	[CE] = { CE, CE, CE, CE },
};

uint8_t packet_ecn(struct slice ip)
{
	if (ip.n < 2)
		return NOT_ECT;
	return ip.p[0] >> 4 == 6 ? ip.p[1] >> 4 & 3 : ip.p[1] & 3;
}

static void ip4_set_ecn(uint8_t *ip, uint8_t ecn)
{
	uint16_t before = get_be16(ip);

	ip[1] = (uint8_t)((ip[1] & ~3U) | ecn);
	packet_checksum_adjust(ip + 10, before, get_be16(ip));
}

bool packet_ecn_decapsulate(uint8_t *ip, size_t len, uint8_t outer)
{
	uint8_t inner = packet_ecn(slice(ip, len));
	uint8_t ecn = merged[inner][outer & 3];

	if (ecn == ECN_DROP)
		return false;
	if (ecn == inner)
		return true;
	if (ip[0] >> 4 == 6)
		ip[1] = (uint8_t)((ip[1] & ~0x30U) | (unsigned)ecn << 4);
	else if (len >= PACKET_IP4_HEADER)
		ip4_set_ecn(ip, ecn);
	return true;
}
