/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the fields lie that are read and written in place: IPv4 (RFC 791 section 3.1), IPv6 (RFC 8200
 * section 3), TCP (RFC 9293 section 3.1) and UDP (RFC 768). Of packet/ alone; lengths and checksums
 * are in packet.h.
 */
#ifndef GODWIT_PACKET_HEADERS_H
#define GODWIT_PACKET_HEADERS_H

enum {
	IP4_TOS = 1,
	IP4_LENGTH = 2,
	IP4_ID = 4,
	IP4_FRAGMENT = 6,
	IP4_TTL = 8,
	IP4_PROTO = 9,
	IP4_CHECKSUM = 10,
	IP4_ADDRS = 12,
	IP6_LENGTH = 4,
	IP6_NEXT = 6,
	IP6_HOPS = 7,
	IP6_ADDRS = 8,
	TCP_SEQUENCE = 4,
	TCP_ACK = 8,
	TCP_OFFSET = 12,
	TCP_FLAGS = 13,
	TCP_WINDOW = 14,
	TCP_URGENT = 18,
	UDP_LENGTH = 4,
};

#endif
