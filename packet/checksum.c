/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "packet/packet.h"

#include <arpa/inet.h>

#include "base/err.h"

static uint64_t sum_carry(uint64_t sum, uint64_t word)
{
	sum += word;
	return sum + (sum < word);
}

/* Eight bytes at a time: the ones' complement sum does not care where words are cut (RFC 1071). */
uint64_t packet_sum_add(uint64_t sum, struct slice s)
{
	uint64_t word;

	while (s.n >= sizeof(word)) {
		memcpy(&word, s.p, sizeof(word));
		sum = sum_carry(sum, word);
		s.p += sizeof(word);
		s.n -= sizeof(word);
	}
	if (s.n == 0)
		return sum;
	word = 0;
	memcpy(&word, s.p, s.n);
	return sum_carry(sum, word);
}

uint64_t packet_sum_pseudo(uint64_t sum, const struct addr *src, const struct addr *dst,
			   uint8_t proto, uint32_t length)
{
	uint8_t tail[8];

	put_be32(tail, length);
	put_be32(tail + 4, proto);
	sum = packet_sum_add(sum, addr_bytes(src));
	sum = packet_sum_add(sum, addr_bytes(dst));
	return packet_sum_add(sum, SLICE_OF(tail));
}

uint16_t packet_sum_finish(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ntohs((uint16_t)~sum);
}

uint16_t packet_checksum(struct slice s)
{
	return packet_sum_finish(packet_sum_add(0, s));
}

void packet_checksum_adjust(uint8_t *field, uint16_t before, uint16_t after)
{
	uint32_t sum = (uint16_t)~get_be16(field);

	sum += (uint16_t)~before;
	sum += after;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	put_be16(field, (uint16_t)~sum);
}

int packet_complete_csum(uint8_t *data, size_t len, size_t csum_start, size_t csum_offset)
{
	uint16_t sum;

	if (csum_start > len || csum_offset > len - csum_start ||
	    len - csum_start - csum_offset < 2)
		return ERR_MALFORMED;
	sum = packet_checksum(slice(data + csum_start, len - csum_start));
	/* Zero means "no checksum" to UDP; to all others both zeros are the same. */
	put_be16(data + csum_start + csum_offset, sum ? sum : 0xffff);
	return 0;
}
