/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A NAT that forwards IKE and ESP by guessing (VPN Masquerade): it changes addresses only, never
 * ports, and tells clients apart by cookies and SPIs. The simulated world and the lab's NAT on raw
 * sockets share it: packets in, verdicts out, no clock and no socket.
 *
 *	ESP items {client, server, outgoing SPI, incoming SPI, expiry}
 *
 *	 no item ── client sends, server has none outstanding ──► OUTSTANDING ── T_out ──► gone
 *	              (else the packet is dropped)                    │
 *	                                                 server sends with an SPI of no item
 *	                                                              ▼
 *	 gone ◄── T_ei of silence in both directions ──────────── ESTABLISHED
 *
 *	IKE items {client, server, initiator cookie, responder cookie, last packet}
 *
 *	 no item ── client sends, nobody else's is outstanding ──► OUTSTANDING
 *	              with this cookie (else dropped)                 │ server answers with this
 *	                                                              ▼ initiator cookie
 *	                                                          ESTABLISHED
 *
 * An IKE item that has been silent for T_ike goes on to route, but its client gets no more copies, its
 * cookie keeps nobody away, and it makes room where there is none.
 */
#ifndef GODWIT_TESTS_MASQ_H
#define GODWIT_TESTS_MASQ_H

#include <stdbool.h>

#include "base/addr.h"
#include "base/bytes.h"
#include "base/vtime.h"

#define MASQ_ITEMS_MAX 4096 /* of each table */
#define MASQ_CLIENTS_MAX 64 /* one packet is copied to at most so many */
#define MASQ_ALIASES_MAX 16 /* the newest that many */

struct masq_config {
	struct addr outside; /* all clients go out with this address */
	vtime tout; /* an outstanding ESP item expires */
	unsigned nout; /* packets it may carry once it has made another client's be dropped */
	vtime tei; /* an established one expires after so long a silence in both directions */
	vtime tike; /* how recent IKE must be for a client to get copies; 300 s */
};

enum masq_protocol {
	MASQ_IKE, /* UDP port 500, both ends: `head` begins with the ISAKMP header */
	MASQ_ESP, /* protocol 50: `head` begins with the SPI */
};

/* One IP packet, as far as the NAT looks at it. */
struct masq_packet {
	enum masq_protocol protocol;
	struct addr from;
	struct addr to;
	bool later_fragment; /* any but the first of its datagram */
	struct slice head; /* the payload, or at least its first 28 (IKE) or 4 bytes */
};

enum masq_fate {
	MASQ_FORWARD,
	MASQ_DROP_SHORT, /* no cookies, no SPI */
	MASQ_DROP_FRAGMENT,
	MASQ_DROP_OUTSTANDING, /* out: the server has another client's outstanding item */
	MASQ_DROP_NOUT, /* out: our own outstanding item has carried all that it may */
	MASQ_DROP_COOKIE, /* out: another client's outstanding item has this initiator cookie */
	MASQ_DROP_UNKNOWN, /* in: nobody to give it to */
	MASQ_DROP_FULL,
	MASQ_FATES,
};

struct masq_verdict {
	enum masq_fate fate;
	bool multicast; /* in: copied to all who recently did IKE with the server */
	bool made; /* an item was made */
	bool established; /* an item was established by this packet */
	unsigned n;
	struct addr to[MASQ_CLIENTS_MAX]; /* in: the clients; out: the server, from config.outside */
	uint32_t outgoing_spi; /* ESP that is forwarded and no multicast: of its item */
};

/* One client's epoch. */
struct masq_item {
	struct addr client;
	struct addr server;
	uint32_t outgoing_spi;
	uint32_t incoming_spi; /* known once it is established */
	bool established;
	bool in_the_way; /* outstanding: made another client's packet be dropped */
	unsigned carried; /* packets since then */
	vtime expires;
};

struct masq;

struct masq *masq_new(const struct masq_config *config);
void masq_free(struct masq *m);
/* From a client to a server, and from a server to config.outside. */
void masq_out(struct masq *m, vtime now, const struct masq_packet *p, struct masq_verdict *v);
void masq_in(struct masq *m, vtime now, const struct masq_packet *p, struct masq_verdict *v);
/* Both tables are empty afterwards. */
void masq_reboot(struct masq *m);
/* Another outside address from now on. The tables stay. */
void masq_renumber(struct masq *m, const struct addr *outside);
/* Server packets with the SPI `spi` are looked up as if they had `as`: a collision at will. */
void masq_alias(struct masq *m, uint32_t spi, uint32_t as);
/*
 * Takes one ESP item that has expired out of its table. False: there is none. It need not be
 * called: an expired item is as good as gone.
 */
bool masq_expired(struct masq *m, vtime now, struct masq_item *item);
/* Packets that met each fate, both directions; multicast copies are counted as one packet. */
const uint64_t *masq_counters(const struct masq *m);
const char *masq_fate_name(enum masq_fate fate);

/* ---- what tests look at ---- */

/* The established item of this incoming SPI; false: there is none. */
bool masq_item_of(const struct masq *m, vtime now, const struct addr *server, uint32_t incoming_spi,
		  struct masq_item *item);
/* Whose packets with this incoming SPI are: false when no established item has it. */
bool masq_owner(const struct masq *m, vtime now, const struct addr *server, uint32_t incoming_spi,
		struct addr *client);
/* True when the server has an outstanding ESP item; *client: whose. */
bool masq_outstanding(const struct masq *m, vtime now, const struct addr *server,
		      struct addr *client);

#endif
