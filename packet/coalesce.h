/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * coalesce: packets that came out of the tunnel in one batch, in order, become as few writes to a
 * TUN with IFF_VNET_HDR as can be: a run of packets of one flow that split (split.h) could have
 * made from one super-packet is written as that super-packet.
 *
 *	coalesce_begin ──► coalesce_add, for each packet ──► coalesce_output until false
 *	                        ▲       false: full              │  each: one writev
 *	                        └──────── begin again ◄──────────┘
 *
 * A run is of one protocol, addresses and ports, and of the same IPv4 TOS and TTL (DF is set, so
 * that the identification says nothing: RFC 6864) or IPv6 class, flow label and hop limit:
 *
 *	TCP  sequence numbers follow one another; same acknowledgement, window and options; no flags
 *	     but ACK, and PSH, which ends the run
 *	UDP  datagrams with a checksum
 *
 * All payloads are of one size; a shorter one ends the run. At most COALESCE_RUN packets, and what
 * an IP header's length can say. Every packet of a run has a right checksum: it is tested before two
 * packets are joined, because the super-packet's is made by the kernel, or never, and would make
 * good what was not. A packet that is alone is not tested; nor is it changed in any way.
 *
 * Order: writes come out in the order of their first packets. A packet that does not continue the
 * run of its flow ends that run, so no packet overtakes another one of its flow. An IP fragment, an
 * IPv4 packet with options and an IPv6 one with extension headers could be of any flow and end all
 * runs. Between flows, packets of a run overtake what came between them.
 *
 * Packets are borrowed and not written to: they stay where they are, and as they are, until the last write.
 * At most COALESCE_FLOWS runs are open at a time; one more ends another. Nothing is allocated.
 */
#ifndef GODWIT_PACKET_COALESCE_H
#define GODWIT_PACKET_COALESCE_H

#include <sys/uio.h>

#include "packet/split.h"

#define COALESCE_PACKETS 256 /* in one batch */
#define COALESCE_FLOWS 16
#define COALESCE_RUN 64 /* as many as the kernel's own UDP senders put into one */
#define COALESCE_HEADERS (40 + 60) /* IPv6 and TCP with all options */

struct coalesce_packet {
	const uint8_t *p;
	uint32_t n;
	uint16_t next; /* of the same run; its own number: the last */
	uint16_t run; /* how many follow in its run, itself included; 0: it is not the first */
};

/* The run of a flow, and what the next packet of it must be. */
struct coalesce_flow {
	uint64_t addrs[4]; /* IPv4 fills the first word alone */
	uint64_t ports; /* with protocol and IP version */
	uint64_t same; /* TOS and TTL, or class, label and hop limit */
	uint32_t sequence; /* TCP: of the next packet */
	uint32_t total; /* the length of the super-packet */
	uint32_t size; /* payload of all but the last packet */
	uint8_t upper; /* offsets: of the upper layer */
	uint8_t headers; /* and of the payload */
	uint16_t first; /* packets' numbers */
	uint16_t last;
	bool open;
	bool verified; /* the checksum of the first was tested */
};

/* The caller's memory; its content is coalesce's own. */
struct coalesce {
	unsigned what; /* enum coalesce_what */
	unsigned n; /* packets */
	unsigned at; /* the next to be put out */
	unsigned flows_n; /* of `flows` in use */
	unsigned oldest;
	unsigned recent; /* the one that was continued last */
	struct coalesce_flow flows[COALESCE_FLOWS];
	struct coalesce_packet packets[COALESCE_PACKETS];
};

/*
 * One writev: iov[0] is the vnet header. Alone, the packet is iov[1]; with more than one, iov[1] is
 * the headers and what follows the payloads. The pointers go into this struct: it is not to be copied.
 */
struct coalesce_write {
	unsigned packets; /* that it carries */
	unsigned iov_n;
	size_t bytes; /* all of iov: what writev returns if all is well */
	struct vnet vnet;
	uint8_t headers[COALESCE_HEADERS];
	struct iovec iov[2 + COALESCE_RUN];
};

/* What may be joined: what the TUN takes super-packets of (TUN_F_TSO4 and 6; TUN_F_USO4 and 6). */
enum coalesce_what {
	COALESCE_TCP = 1,
	COALESCE_UDP = 2,
};

/* Forgets all packets. With `what` 0 all that are added come out alone. */
void coalesce_begin(struct coalesce *c, unsigned what);
/*
 * The next packet (without TFC padding, at least one byte); false when there is no room for it, and
 * nothing has changed. Anything may be in it: it is somebody else's.
 */
bool coalesce_add(struct coalesce *c, struct slice packet);
/* The next write; false when all are out, and no packet is needed any more. */
bool coalesce_output(struct coalesce *c, struct coalesce_write *out);
/*
 * Packet i (< w->packets) of a write, as it came: for a kernel that refuses the super-packet, or for
 * a TUN without vnet headers.
 */
struct slice coalesce_write_packet(const struct coalesce_write *w, unsigned i);

#endif
