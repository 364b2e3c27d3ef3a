/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * split: what one read of a TUN with IFF_VNET_HDR gives, a packet or a super-packet with the
 * header of virtio-net in front, becomes packets as they go on the wire.
 *
 *	TCPV4, TCPV6   TCP over IPv4 (with options) or IPv6 (with extension headers)
 *	UDP_L4         UDP over either
 *	NEEDS_CSUM     alone: one packet whose checksum is still open (packet.h)
 *
 * Every segment gets the headers of the super-packet, with its own length, its IPv4 identification
 * (one more for each), TCP sequence number and checksums. FIN and PSH stay on the last, CWR on the
 * first; URG with its pointer, counted anew, as far as the urgent data goes (RFC 9293 section 3.8.5).
 * The checksums are made while the payload is copied, in one pass, from the sum of the pseudo header
 * that the kernel left in the super-packet.
 *
 * Segments lie at a fixed stride, so that they are sealed where they are and go out as they are:
 *
 *	base - headroom          base                        base - headroom + stride
 *	|ESP header, IV|headers, payload|padding, trailer, ICV|ESP header, IV|headers, …
 *	               '---- split_length ----'
 *
 * With a stride of just the sealed length of a full segment (esp_sealed_length of split_length of
 * segment 0), and base so far into the buffer as ESP header and IV are long, the sealed packets follow one
 * another without a gap, the last one being no longer than the others: one buffer for one sendmsg
 * with UDP_SEGMENT. A larger stride leaves gaps, for an iovec each. Sealing one segment touches
 * nothing of its neighbours, so all may be written before the first is sealed, or each just before.
 *
 * Nothing is kept between calls, nothing allocated. Not here: UFO (VIRTIO_NET_HDR_GSO_UDP), jumbograms,
 * tunnels within (their GSO types are refused); the TUN must not be asked for them.
 */
#ifndef GODWIT_PACKET_SPLIT_H
#define GODWIT_PACKET_SPLIT_H

#include "base/bytes.h"
#include "base/drop.h"

/*
 * virtio_net_hdr as the TUN device has it: the short one of 10 bytes (which is what the kernel takes
 * unless TUNSETVNETHDRSZ says otherwise), fields in the machine's byte order. May be read and
 * written as it is; split checks every field.
 */
struct vnet {
	uint8_t flags;
	uint8_t gso_type;
	uint16_t hdr_len;
	uint16_t gso_size;
	uint16_t csum_start;
	uint16_t csum_offset;
};

_Static_assert(sizeof(struct vnet) == 10, "no padding");

enum vnet_flag {
	VNET_NEEDS_CSUM = 1,
};

enum vnet_gso {
	VNET_GSO_NONE = 0,
	VNET_GSO_TCPV4 = 1,
	VNET_GSO_TCPV6 = 4,
	VNET_GSO_UDP_L4 = 5,
	VNET_GSO_ECN = 0x80, /* with TCP: CWR is set */
};

/* The longest super-packet: its IP header has 16 bits for a length (IPv6: without the header). */
#define SPLIT_PACKET_MAX (65535 + 40)

/* A super-packet that passed split_begin. To be read: `n` and `gso`; the rest is split's own. */
struct split {
	unsigned n; /* segments, at least 1 */
	bool gso; /* false: a packet that is ready where it lies */
	bool ip6;
	bool tcp;
	uint8_t flags; /* of TCP */
	uint16_t id; /* of IPv4 */
	uint16_t urgent;
	uint32_t sequence;
	struct slice packet;
	uint32_t headers; /* bytes that are in front of every segment's payload */
	uint32_t upper; /* offset of the TCP or UDP header */
	uint32_t size; /* payload of every segment but the last */
	uint32_t last; /* payload of the last */
	uint64_t ip_sum; /* of what all IPv4 headers have in common */
	uint64_t upper_sum; /* of what all pseudo and upper-layer headers have in common */
};

/*
 * Judges a packet as it was read (`data` without the vnet header; borrowed until the last
 * split_write). Without GSO an open checksum is completed in place and the packet may be sealed
 * right there; what is not open is not looked at, so that such a packet may still be anything.
 * With GSO nothing is changed, the header is known to be sound, and `packet_tuple` and the like may
 * be asked about the whole, which has the addresses and ports of each segment.
 *
 * 0, or ERR_MALFORMED with the reason in *why, one of DROP_VNET_TYPE (a GSO type we did not ask
 * for, or of another protocol than the packet), DROP_VNET_SIZE (gso_size is 0), DROP_VNET_LENGTH (the
 * packet is not as long as its headers say, or hdr_len is longer than it), DROP_VNET_CSUM (the
 * checksum's place is not in the upper layer, or with GSO not the right one, or none was asked for),
 * DROP_VNET_HEADER (headers that no segment can have: a fragment, SYN, RST, a malformed one).
 */
int split_begin(struct split *s, const struct vnet *vnet, uint8_t *data, size_t len,
		enum drop *why);

/* The length of segment i (< s->n), headers included; that of segment 0 is the largest. */
static inline uint32_t split_length(const struct split *s, unsigned i)
{
	return s->headers + (i + 1 < s->n ? s->size : s->last);
}

/*
 * Writes segments first … first + n - 1, the first of them to base, each `stride` bytes behind the
 * one before. stride is at least split_length(s, first), and the room does not overlap the packet.
 * Bytes between the segments are left alone. In any order and as often as wanted: a batch that has
 * room for some of them takes those, and the rest goes with the next.
 */
void split_write(const struct split *s, unsigned first, unsigned n, uint8_t *base, size_t stride);

#endif
