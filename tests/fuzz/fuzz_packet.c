/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One IP packet, through everything that reads it: what is accepted must be consistent. */
#include "packet/packet.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_error(struct slice ip, size_t n, const uint8_t *buf, size_t max)
{
	struct packet_layout was, l;

	if (n == 0)
		return;
	require(n <= max && packet_parse(ip, &was) == 0);
	require(packet_parse(slice(buf, n), &l) == 0 && l.length == n);
	require(addr_eq(&l.src, &was.dst) && addr_eq(&l.dst, &was.src));
	require(packet_icmp_prohibited(slice(buf, n), (uint8_t[PACKET_ICMP_MAX]){ 0 },
				       PACKET_ICMP_MAX) == 0);
}

static void check_ecn(struct slice ip, uint8_t outer)
{
	uint8_t *copy = malloc(ip.n);
	uint8_t inner = packet_ecn(ip);

	require(copy);
	memcpy(copy, ip.p, ip.n);
	if (packet_ecn_decapsulate(copy, ip.n, outer)) {
		struct tuple before, after;

		require(packet_tuple(ip, &before) == packet_tuple(slice(copy, ip.n), &after));
		require(inner == 3 ? packet_ecn(slice(copy, ip.n)) == 3 : true);
	} else {
		require(inner == 0 && (outer & 3) == 3 && memcmp(copy, ip.p, ip.n) == 0);
	}
	free(copy);
}

/* Nothing but the MSS and the checksum of a TCP header changes, and the MSS goes down. */
static void check_mss(struct slice ip, uint32_t mtu)
{
	uint8_t *copy = malloc(ip.n);
	struct packet_layout l;

	require(copy);
	memcpy(copy, ip.p, ip.n);
	if (!packet_clamp_mss(copy, ip.n, mtu)) {
		require(memcmp(copy, ip.p, ip.n) == 0);
	} else {
		require(packet_parse(ip, &l) == 0 && l.proto == PACKET_TCP);
		require(memcmp(copy, ip.p, l.upper + 16U) == 0);
		require(memcmp(copy + l.length, ip.p + l.length, ip.n - l.length) == 0);
		require(!packet_clamp_mss(copy, ip.n, mtu));
	}
	free(copy);
}

/* The fragments follow one another, fit, and end where the packet ends. */
static void check_fragments(struct slice ip, const struct packet_layout *l, uint32_t mtu)
{
	uint8_t *buf = malloc(mtu + 1);
	struct packet_layout piece;
	uint32_t at = 0, covered = 0;

	require(buf);
	do {
		size_t n = packet_fragment4(ip, mtu, &at, buf, mtu);

		if (n == 0)
			break;
		require(n <= mtu && packet_parse(slice(buf, n), &piece) == 0 && piece.length == n);
		covered += piece.length - piece.upper;
		require(at ? at == covered : covered == l->length - l->upper);
	} while (at);
	free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t buf[PACKET_ICMP_MAX];
	struct packet_layout l;
	struct tuple t;
	struct slice ip;
	uint32_t length;
	size_t room;

	if (size < 2)
		return 0;
	ip = slice(data + 2, size - 2);
	room = (size_t)data[0] * 8 < sizeof(buf) ? (size_t)data[0] * 8 : sizeof(buf);
	check_error(ip, packet_icmp_prohibited(ip, buf, room), buf, room);
	check_error(ip, packet_icmp_too_big(ip, data[1] * 256U, buf, room), buf, room);
	if (packet_parse(ip, &l)) {
		check_mss(ip, 0);
		require(packet_tuple(ip, &t) != 0);
		return 0;
	}
	require(l.length <= ip.n && l.upper <= l.length);
	require(l.fragment || !l.later);
	if (packet_tuple_length(ip, &t, &length) == 0) {
		struct packet_echo echo = { .src = t.dst, .dst = t.src };

		require(length == l.length);
		require(addr_eq(&t.src, &l.src) && t.proto == l.proto && !(l.later && t.ports));
		packet_echo_is_reply(ip, &echo);
	}
	packet_dont_fragment(ip);
	check_ecn(ip, data[1]);
	check_mss(ip, data[0] * 6U);
	check_fragments(ip, &l, data[1]);
	return 0;
}
