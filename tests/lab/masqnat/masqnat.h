/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usage: lab_masqnat DEVICE KEY=VALUE...
 *
 * The guessing NAT of tests/support/masq.h on real packets: IKE (UDP port 500 at both ends) and ESP of
 * IPv4 between the servers beyond DEVICE and clients anywhere else. Words:
 *
 *	outside=ADDRESS   of the device, which the kernel has, too
 *	tout tei tike     milliseconds
 *	nout              packets
 *	trace=1           a line for each ESP packet, too
 *
 *	main.c   words, the loop, what is said
 *	wire.c   packets from and to the kernel: AF_PACKET in, raw sockets out
 *	gate.c   packets that are held or dropped at will
 *
 * The kernel of this namespace does not forward, and must not answer for IKE and ESP: both are for
 * the caller to see to. It finds the way and the link-layer address of what goes out. Everything else
 * (ICMP, other ports, IPv6) does not pass.
 *
 * Lines on standard input, each answered by "done" when it has been obeyed:
 *
 *	reboot                     forgets both tables
 *	renumber ADDRESS           another outside address
 *	skip MS                    its clock jumps ahead
 *	stop, go                   its clock stands still, or goes on from there
 *	alias SPI SPI              server packets with the first are looked up as the second
 *	hold in|out esp|ike [N] [spi=SPI] [client=ADDRESS]
 *	                           the next N (0: all) that come from servers (in) or clients (out)
 *	                           wait in front of the NAT; client= with out alone
 *	release [spi=SPI]          what is held goes on, in order, or of it what has this SPI; without
 *	                           SPI nothing is held or dropped any more
 *	forget                     what is held is lost
 *	drop in|out esp|ike ...    as hold, but lost
 *	report                     how many packets met each fate
 *
 * Lines on standard output: "made", "established" and "expired" with the item; "held" and "dropped"
 * by the words above; "refused" with the fate; "copied" with the clients.
 */
#ifndef GODWIT_TESTS_LAB_MASQNAT_H
#define GODWIT_TESTS_LAB_MASQNAT_H

#include "tests/support/lab.h"
#include "tests/support/masq.h"

#define NAT_PACKET_MAX 65536

/* One IPv4 packet with IKE or ESP. */
struct nat_packet {
	bool in; /* from a server */
	struct masq_packet seen;
	uint32_t spi; /* ESP: 0 when it is too short */
	size_t n;
	const uint8_t *bytes; /* borrowed */
};

/* ---- wire.c ---- */

struct wire {
	int packets; /* AF_PACKET, all devices */
	int raw;
	int device;
	uint64_t failed;
	uint8_t room[NAT_PACKET_MAX];
};

/* 0, or -1 with errno. */
int wire_open(struct wire *w, const char *device);
/*
 * The next packet of ours that has arrived; false: none for now. It lives until the next call.
 */
bool wire_read(struct wire *w, const struct addr *outside, struct nat_packet *p);
/* Sends it on with these addresses. */
void wire_send(struct wire *w, const struct nat_packet *p, const struct addr *from,
	       const struct addr *to);

/* ---- gate.c ---- */

#define GATE_RULES_MAX 16
#define GATE_HELD_MAX 4096

enum gate_fate {
	GATE_PASS,
	GATE_HELD,
	GATE_DROPPED,
};

struct gate_rule {
	bool drops;
	bool in;
	enum masq_protocol protocol;
	uint32_t spi; /* 0: any */
	struct addr client; /* none: any */
	bool limited;
	unsigned left;
};

struct gate {
	unsigned nrules;
	struct gate_rule rules[GATE_RULES_MAX];
	unsigned nheld;
	struct nat_packet held[GATE_HELD_MAX]; /* bytes are its own */
};

/* "in esp 3 spi=12345678". False: not understood, or no room. */
bool gate_add(struct gate *g, bool drops, char *words);
void gate_open(struct gate *g);
enum gate_fate gate_take(struct gate *g, const struct nat_packet *p);
/* The first that is held with this SPI, 0: any; or false. Its bytes are the caller's to free. */
bool gate_release(struct gate *g, uint32_t spi, struct nat_packet *p);

#endif
