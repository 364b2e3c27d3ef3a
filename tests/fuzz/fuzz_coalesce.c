/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A row of packets through coalesce, and what it joined through split. Each is
 *
 *	byte 0     bits 0-1: 0 the bytes as they are, 1 the packet before again, as the next of its
 *	           flow, 2 the same with the bytes XORed over it, 3 the same without right checksums
 *	byte 1-2   how many bytes follow (or all that are left)
 */
#include "packet/coalesce.h"

#include <stdlib.h>

#include "packet/packet.h"

#define PACKET_MAX 2048
#define PACKETS_MAX COALESCE_PACKETS

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct row {
	unsigned n;
	uint8_t *p[PACKETS_MAX]; /* each a block of its size */
	size_t len[PACKETS_MAX];
	unsigned out; /* how many came out */
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void put_checksums(uint8_t *p, size_t n)
{
	struct packet_layout l;
	uint64_t sum;
	size_t at;

	if (packet_parse(slice(p, n), &l) || l.length != n)
		return;
	at = l.proto == PACKET_TCP ? PACKET_TCP_CHECKSUM : PACKET_UDP_CHECKSUM;
	if ((l.proto != PACKET_TCP && l.proto != PACKET_UDP) || n - l.upper < at + 2)
		return;
	put_be16(p + l.upper + at, 0);
	sum = packet_sum_pseudo(0, &l.src, &l.dst, l.proto, l.length - l.upper);
	sum = packet_sum_add(sum, slice(p + l.upper, n - l.upper));
	put_be16(p + l.upper + at, packet_sum_finish(sum));
	if (l.src.family == FAMILY_IP4) {
		put_be16(p + 10, 0);
		put_be16(p + 10, packet_checksum(slice(p, l.upper)));
	}
}

/* The sequence number of what follows this packet. */
static void go_on(uint8_t *p, size_t n)
{
	struct packet_layout l;
	uint32_t header;

	if (packet_parse(slice(p, n), &l) || l.proto != PACKET_TCP || n - l.upper < 20)
		return;
	header = 4U * (p[l.upper + 12] >> 4);
	if (header <= n - l.upper)
		put_be32(p + l.upper + 4,
			 get_be32(p + l.upper + 4) + (uint32_t)(n - l.upper - header));
}

static void add(struct row *row, uint8_t how, struct slice s)
{
	uint8_t copy[PACKET_MAX] = { 0 };
	size_t n = s.n;

	if (how != 0 && row->n > 0) {
		n = row->len[row->n - 1];
		memcpy(copy, row->p[row->n - 1], n);
		go_on(copy, n);
		for (size_t i = 0; i < s.n && i < n && how > 1; i++)
			copy[i] ^= s.p[i];
	} else if (n) {
		memcpy(copy, s.p, n);
	}
	if (how != 3)
		put_checksums(copy, n);
	row->p[row->n] = malloc(n ? n : 1);
	require(row->p[row->n]);
	memcpy(row->p[row->n], copy, n);
	row->len[row->n++] = n;
}

static unsigned number_of(const struct row *row, const uint8_t *p)
{
	for (unsigned i = 0; i < row->n; i++)
		if (row->p[i] == p)
			return i;
	abort();
}

/* What the kernel makes of it is what came, but for IPv4's identification. */
static void check_run(const struct row *row, const struct coalesce_write *w)
{
	uint8_t *whole = malloc(w->bytes), *segment = malloc(65536);
	enum drop why;
	struct split s;
	size_t n = 0;

	require(whole && segment);
	for (unsigned i = 1; i < w->iov_n; i++) {
		memcpy(whole + n, w->iov[i].iov_base, w->iov[i].iov_len);
		n += w->iov[i].iov_len;
	}
	require(split_begin(&s, &w->vnet, whole, n, &why) == 0);
	require(s.gso && s.n == w->packets && s.headers == w->vnet.hdr_len);
	for (unsigned i = 0; i < s.n; i++) {
		struct slice was = coalesce_write_packet(w, i);

		require(row->len[number_of(row, was.p)] == was.n && split_length(&s, i) == was.n);
		split_write(&s, i, 1, segment, 0);
		if (!s.ip6) {
			memcpy(segment + 4, was.p + 4, 2);
			memcpy(segment + 10, was.p + 10, 2);
		}
		/* Zero has two forms in TCP's checksum. */
		memcpy(segment + s.upper + w->vnet.csum_offset,
		       was.p + s.upper + w->vnet.csum_offset, 2);
		require(memcmp(segment, was.p, was.n) == 0);
	}
	free(whole);
	free(segment);
}

static void check(struct row *row, unsigned what)
{
	static struct coalesce c;
	static struct coalesce_write w;
	unsigned before = 0;

	coalesce_begin(&c, what);
	for (unsigned i = 0; i < row->n; i++)
		require(coalesce_add(&c, slice(row->p[i], row->len[i])));
	while (coalesce_output(&c, &w)) {
		unsigned last = 0;

		require(w.packets >= 1 && w.packets <= COALESCE_RUN);
		for (unsigned i = 0; i < w.packets; i++) {
			struct slice p = coalesce_write_packet(&w, i);
			unsigned number = number_of(row, p.p) + 1;

			require(number > last && (i > 0 || number > before));
			last = number;
			if (i == 0)
				before = number;
		}
		if (w.packets > 1)
			check_run(row, &w);
		row->out += w.packets;
	}
	require(row->out == row->n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct row row = { 0 };
	unsigned what;
	struct rd r;

	rd_init(&r, slice(data, size));
	what = rd_u8(&r) & 3;
	while (rd_left(&r) > 3 && row.n < PACKETS_MAX) {
		uint8_t how = rd_u8(&r) & 3;
		size_t n = rd_u16(&r) % PACKET_MAX;

		add(&row, how, rd_slice(&r, n < rd_left(&r) ? n : rd_left(&r)));
	}
	check(&row, what);
	for (unsigned i = 0; i < row.n; i++)
		free(row.p[i]);
	return 0;
}
