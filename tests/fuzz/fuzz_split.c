/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A vnet header (10 bytes) and a packet, as read from a TUN. What split accepts it must write whole,
 * in any pieces, and every segment must be a packet with right checksums.
 */
#include "packet/split.h"

#include <stdlib.h>

#include "packet/packet.h"

#define SEGMENTS_MAX 300

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_checksum(struct slice ip, const struct packet_layout *l, const struct split *s)
{
	uint64_t sum = packet_sum_pseudo(0, &l->src, &l->dst, l->proto, l->length - l->upper);

	if (!s->ip6)
		require(packet_checksum(slice(ip.p, l->upper)) == 0);
	sum = packet_sum_add(sum, slice(ip.p + l->upper, l->length - l->upper));
	require(packet_sum_finish(sum) == 0);
}

/* `right`: the super-packet's pseudo header was summed as it should be. */
static void check_segment(const struct split *s, unsigned i, const uint8_t *at, bool right)
{
	struct packet_layout l, whole;
	struct slice ip = slice(at, split_length(s, i));
	struct tuple a, b;

	require(packet_parse(ip, &l) == 0 && l.length == ip.n && !l.fragment);
	require(packet_parse(s->packet, &whole) == 0 && whole.upper == l.upper);
	require(packet_tuple(ip, &a) == 0 && packet_tuple(s->packet, &b) == 0);
	require(addr_eq(&a.src, &b.src) && addr_eq(&a.dst, &b.dst));
	require(a.sport == b.sport && a.dport == b.dport && a.proto == b.proto);
	if (right)
		check_checksum(ip, &l, s);
}

static bool pseudo_is_right(const struct split *s, const struct vnet *vnet)
{
	struct packet_layout l;
	uint16_t sum;

	require(packet_parse(s->packet, &l) == 0);
	sum = (uint16_t)~packet_sum_finish(
		packet_sum_pseudo(0, &l.src, &l.dst, l.proto, l.length - l.upper));
	return get_be16(s->packet.p + vnet->csum_start + vnet->csum_offset) == sum;
}

static void check_gso(const struct split *s, const struct vnet *vnet)
{
	size_t stride = split_length(s, 0);
	uint8_t *all, *one;
	size_t total = s->headers;
	bool right = pseudo_is_right(s, vnet);

	if (s->n > SEGMENTS_MAX)
		return;
	/* Exactly the room that the contract asks for. */
	all = malloc((s->n - 1) * stride + split_length(s, s->n - 1));
	require(all);
	split_write(s, 0, s->n, all, stride);
	for (unsigned i = 0; i < s->n; i++) {
		uint32_t length = split_length(s, i);

		require(length <= stride);
		check_segment(s, i, all + i * stride, right);
		one = malloc(length);
		require(one);
		split_write(s, i, 1, one, 0);
		require(memcmp(one, all + i * stride, length) == 0);
		free(one);
		total += length - s->headers;
	}
	require(total == s->packet.n);
	free(all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum drop why = DROP_COUNT;
	struct vnet vnet;
	struct split s;
	uint8_t *packet;
	size_t n;

	if (size < sizeof(vnet))
		return 0;
	memcpy(&vnet, data, sizeof(vnet));
	n = size - sizeof(vnet);
	packet = malloc(n ? n : 1);
	require(packet);
	if (n)
		memcpy(packet, data + sizeof(vnet), n);
	if (split_begin(&s, &vnet, packet, n, &why)) {
		require(why >= DROP_VNET_TYPE && why <= DROP_VNET_HEADER);
		require(n == 0 || memcmp(packet, data + sizeof(vnet), n) == 0);
	} else if (s.gso) {
		require(memcmp(packet, data + sizeof(vnet), n) == 0);
		check_gso(&s, &vnet);
	} else {
		require(s.n == 1 && split_length(&s, 0) == n);
	}
	free(packet);
	return 0;
}
