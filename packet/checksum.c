/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "packet/packet.h"

#include <arpa/inet.h>

#include "base/err.h"

static uint64_t sum_carry(uint64_t sum, uint64_t word)
{
	sum += word;
	return sum + (sum < word);
}

/* Two 64-bit lanes; the compiler makes of it what the processor has. */
typedef uint64_t sum_lanes __attribute__((vector_size(16)));

#define SUM_BLOCK (4 * sizeof(sum_lanes))

/* The 32-bit halves of 16 bytes at p, added in pairs. Copies them as well unless dst is NULL. */
static inline sum_lanes sum_load(uint8_t *dst, const uint8_t *p)
{
	const sum_lanes low = { UINT32_MAX, UINT32_MAX };
	sum_lanes w;

	memcpy(&w, p, sizeof(w));
	if (dst)
		memcpy(dst, &w, sizeof(w));
	return (w & low) + (w >> 32);
}

/*
 * The ones' complement sum does not care where words are cut (RFC 1071): 32-bit halves into lanes of
 * 64 bits need no carry, however long a packet is.
 */
static inline uint64_t sum_blocks(uint64_t sum, uint8_t *dst, const uint8_t *p, size_t n)
{
	sum_lanes a = { 0 }, b = { 0 };

	for (size_t i = 0; i < n; i += SUM_BLOCK) {
		a += sum_load(dst ? dst + i : NULL, p + i);
		b += sum_load(dst ? dst + i + 16 : NULL, p + i + 16);
		a += sum_load(dst ? dst + i + 32 : NULL, p + i + 32);
		b += sum_load(dst ? dst + i + 48 : NULL, p + i + 48);
	}
	a += b;
	return sum_carry(sum_carry(sum, a[0]), a[1]);
}

/* Less than eight bytes. */
static inline uint64_t sum_tail(uint64_t sum, uint8_t *dst, const uint8_t *p, size_t n)
{
	uint32_t four = 0;
	uint16_t two = 0, one = 0;

	if (dst)
		for (size_t i = 0; i < n; i++)
			dst[i] = p[i];
	if (n & 4)
		memcpy(&four, p, 4);
	if (n & 2)
		memcpy(&two, p + (n & 4), 2);
	if (n & 1)
		memcpy(&one, p + (n & 6), 1);
	return sum_carry(sum, (uint64_t)four + two + one);
}

static inline uint64_t sum_slice(uint64_t sum, uint8_t *dst, struct slice s)
{
	size_t i = s.n - s.n % SUM_BLOCK;
	uint64_t word;

	if (i)
		sum = sum_blocks(sum, dst, s.p, i);
	for (; s.n - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, s.p + i, sizeof(word));
		if (dst)
			memcpy(dst + i, &word, sizeof(word));
		sum = sum_carry(sum, word);
	}
	if (s.n == i)
		return sum;
	return sum_tail(sum, dst ? dst + i : NULL, s.p + i, s.n - i);
}

uint64_t packet_sum_add(uint64_t sum, struct slice s)
{
	return sum_slice(sum, NULL, s);
}

uint64_t packet_sum_copy(uint64_t sum, void *dst, struct slice s)
{
	return sum_slice(sum, dst, s);
}

uint64_t packet_sum_be16(uint64_t sum, uint16_t v)
{
	return sum_carry(sum, htons(v));
}

uint64_t packet_sum_be32(uint64_t sum, uint32_t v)
{
	return sum_carry(sum, htonl(v));
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
