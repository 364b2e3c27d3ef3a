/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * packet/ knows what is inside an IP packet, and nothing else: no sockets, clocks or state. It
 * works on bytes that the caller owns, for packets read from the TUN and packets that came out of
 * ESP alike. It allocates nothing.
 *
 *	tuple.c     headers: lengths, extension headers, fragments, the tuple of selectors
 *	            (RFC 791, RFC 8200 sections 3 and 4, RFC 4301 section 4.4.1.1)
 *	checksum.c  the Internet checksum (RFC 1071), its update (RFC 1624), pseudo headers
 *	            (RFC 9293 section 3.1, RFC 8200 section 8.1), and checksums left open by the kernel
 *	icmp.c      ICMP errors for a packet we refuse, echo requests and their replies
 *	            (RFC 792, RFC 1122 section 3.2.2, RFC 1191, RFC 4443)
 *	mss.c       the MSS that TCP asks for, lowered to what fits (RFC 9293 section 3.7.1)
 *	fragment.c  IPv4 packets cut into fragments (RFC 791 section 3.2)
 *	ecn.c       ECN at both ends of a tunnel (RFC 6040, normal mode)
 *	split.c     super-packets from the TUN cut into segments (split.h)
 *	coalesce.c  runs of packets of one flow, for the TUN as super-packets (coalesce.h)
 *
 * Not here: reassembly (a fragment is judged by addresses and protocol alone), jumbograms (RFC
 * 2675), the IPv4 header checksum of a received packet (the kernel verifies it), ICMP timestamps,
 * redirects and router messages.
 *
 * TFC padding may follow a packet (RFC 4303 section 2.7): every function here goes by the length
 * in the IP header and ignores what is behind it.
 */
#ifndef GODWIT_PACKET_PACKET_H
#define GODWIT_PACKET_PACKET_H

#include "base/ts.h"

#define PACKET_IP4_HEADER 20
#define PACKET_IP6_HEADER 40
#define PACKET_ICMP4_MAX 576 /* the longest ICMP error we send: RFC 1812 section 4.3.2.3 */
#define PACKET_ICMP6_MAX 1280 /* RFC 4443 section 2.4 (c) */
#define PACKET_ICMP_MAX PACKET_ICMP6_MAX

enum packet_proto {
	PACKET_HOP_BY_HOP = 0,
	PACKET_ICMP = 1,
	PACKET_TCP = 6,
	PACKET_UDP = 17,
	PACKET_ROUTING = 43,
	PACKET_FRAGMENT = 44,
	PACKET_ESP = 50,
	PACKET_AH = 51,
	PACKET_ICMP6 = 58,
	PACKET_NO_NEXT_HEADER = 59,
	PACKET_DESTINATION_OPTIONS = 60,
	PACKET_SCTP = 132,
	PACKET_UDPLITE = 136,
};

#define PACKET_TCP_HEADER 20
#define PACKET_UDP_HEADER 8

/* Flags in the byte 13 of a TCP header (RFC 9293 section 3.1). */
enum packet_tcp_flag {
	PACKET_TCP_FIN = 0x01,
	PACKET_TCP_SYN = 0x02,
	PACKET_TCP_RST = 0x04,
	PACKET_TCP_PSH = 0x08,
	PACKET_TCP_ACK = 0x10,
	PACKET_TCP_URG = 0x20,
	PACKET_TCP_CWR = 0x80,
};

/* Where the checksum lies in the upper-layer header. */
#define PACKET_TCP_CHECKSUM 16
#define PACKET_UDP_CHECKSUM 6

/* The layout of one packet; offsets count from its first byte. */
struct packet_layout {
	struct addr src;
	struct addr dst;
	uint32_t length; /* of the whole packet, by its IP header */
	uint32_t upper; /* offset of the upper-layer header, at most `length` */
	uint8_t proto; /* of the upper layer; of a later IPv6 fragment: of its fragment header */
	bool fragment; /* one of several fragments, the first included */
	bool later; /* a fragment that is not the first: nothing of the upper-layer header is here */
};

/*
 * Finds the headers of an IPv4 or IPv6 packet. IPv6 extension headers 0, 43, 44 and 60 are skipped,
 * eight at most; AH and ESP count as the upper layer (RFC 4301 section 4.4.1.1). 0, or
 * ERR_MALFORMED: unknown version, any length beyond the bytes given, headers out of order.
 */
int packet_parse(struct slice ip, struct packet_layout *out);

/*
 * The tuple that selectors are matched against. Ports are those of TCP, UDP, SCTP and UDP-Lite; of
 * ICMP, the source port is type << 8 | code. 0, or ERR_MALFORMED: as packet_parse, or the bytes of
 * the ports are not in a packet (or first fragment) that must have them.
 */
int packet_tuple(struct slice ip, struct tuple *out);
/* The same, and the packet's own length by its IP header, without TFC padding. */
int packet_tuple_length(struct slice ip, struct tuple *out, uint32_t *length);

/*
 * Sums for the Internet checksum. A sum begins at 0 and takes any number of slices, each of even
 * length but the last. Its value is in the machine's byte order and goes only to these functions.
 */
uint64_t packet_sum_add(uint64_t sum, struct slice s);
/* The same, and copies the slice to dst, where it does not overlap. */
uint64_t packet_sum_copy(uint64_t sum, void *dst, struct slice s);
/* Adds one number as it would stand in two bytes, or in four at an even place. */
uint64_t packet_sum_be16(uint64_t sum, uint16_t v);
uint64_t packet_sum_be32(uint64_t sum, uint32_t v);
/* Adds the pseudo header; both addresses are of one family. `length` is the upper layer's. */
uint64_t packet_sum_pseudo(uint64_t sum, const struct addr *src, const struct addr *dst,
			   uint8_t proto, uint32_t length);
/* The checksum of what was added, as a number to store with put_be16. */
uint16_t packet_sum_finish(uint64_t sum);
/* The checksum of one slice. Zero over data that holds its own right checksum. */
uint16_t packet_checksum(struct slice s);
/* Corrects the checksum stored at `field` for a 16-bit word that changed (RFC 1624). */
void packet_checksum_adjust(uint8_t *field, uint16_t before, uint16_t after);
/*
 * Finishes a checksum the kernel left to us (virtio-net's NEEDS_CSUM): the field at csum_start +
 * csum_offset holds the sum of the pseudo header; the sum runs from csum_start to the end. 0, or
 * ERR_MALFORMED when the field does not lie within the packet: nothing is then written.
 */
int packet_complete_csum(uint8_t *data, size_t len, size_t csum_start, size_t csum_offset);

/*
 * Writes to buf the ICMP error that refuses the packet: "administratively prohibited", from the
 * packet's destination to its source (IPv4: type 3 code 13, IPv6: type 1 code 1). Returns its
 * length, or 0 when none may be sent: the packet is malformed, an ICMP error or redirect, a later
 * fragment, or one of its addresses is not a single host's; or when buf, of `size` bytes, is too
 * small for the least error. PACKET_ICMP_MAX bytes are always enough.
 */
size_t packet_icmp_prohibited(struct slice ip, void *buf, size_t size);
/*
 * The same for a packet larger than `mtu` bytes (IPv4: type 3 code 4, IPv6: type 2). Whether an
 * IPv4 packet forbids fragmentation is for the caller to ask: see packet_dont_fragment.
 */
size_t packet_icmp_too_big(struct slice ip, uint32_t mtu, void *buf, size_t size);
/* True for IPv6 and for IPv4 with DF set. `ip` has passed packet_parse. */
bool packet_dont_fragment(struct slice ip);

/*
 * Lowers the MSS option of a TCP SYN, with or without ACK, so that a segment of that size without
 * options makes a packet of at most `mtu` bytes (RFC 9293 section 3.7.1, RFC 6691), and corrects
 * the TCP checksum, which must be complete. Never raises it. A packet that is no SYN, has malformed
 * options or no MSS option stays as it is: who does not ask for an MSS gets the default of 536
 * (IPv6: 1220), which fits any path. True when something was changed.
 */
bool packet_clamp_mss(uint8_t *ip, size_t len, uint32_t mtu);

/*
 * Writes to buf, of `size` bytes, one fragment of at most mtu bytes of an IPv4 packet, which may be
 * a fragment itself. *at says where it begins, in payload bytes: 0 for the first; afterwards it is
 * where the next one begins, or 0 when this was the last. With buf NULL nothing is written. The
 * first fragment may be written over the packet, when the others are made. Returns the fragment's
 * length, or 0: IPv6, DF is set, malformed (options, too), no room in buf, or mtu leaves no room
 * for eight bytes of payload.
 */
size_t packet_fragment4(struct slice ip, uint32_t mtu, uint32_t *at, void *buf, size_t size);

/* An echo request or reply; addresses of one family, payload borrowed. */
struct packet_echo {
	struct addr src;
	struct addr dst;
	uint16_t id;
	uint16_t sequence;
	struct slice payload;
};

/* Writes the request as an IP packet to buf; its length, or 0 when it does not fit in `size`. */
size_t packet_echo_request(const struct packet_echo *echo, void *buf, size_t size);
/*
 * Takes an echo reply apart; the payload lies in `ip`. False when it is none, or a fragment, shorter
 * than its header says, or of a wrong checksum (ICMP's: that of IPv4 is not looked at).
 */
bool packet_echo_reply(struct slice ip, struct packet_echo *out);
/* True when the packet is the reply to just this request: addresses, numbers and payload. */
bool packet_echo_is_reply(struct slice ip, const struct packet_echo *echo);

/* ECN field of an IP packet that has passed packet_parse. */
uint8_t packet_ecn(struct slice ip);
/*
 * Merges the ECN field of the outer header into the packet that came out of the tunnel (RFC 6040
 * section 4.2). `ip` has passed packet_parse. False: congestion was signalled to a packet whose
 * sender does not know ECN, and the packet must be dropped.
 */
bool packet_ecn_decapsulate(uint8_t *ip, size_t len, uint8_t outer);

#endif
