/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packets inside the tunnel: numbered ICMP, UDP and TCP echo requests, the answers of the hosts
 * behind the gateway, and a book of what became of each. Every packet can be rebuilt from its
 * number, so an arriving one is compared byte for byte.
 */
#ifndef GODWIT_SIM_INNER_H
#define GODWIT_SIM_INNER_H

#include "base/addr.h"
#include "base/rng.h"
#include "base/vtime.h"

#define INNER_PACKETS_MAX 16384
#define INNER_SIZE_MAX 1500
#define INNER_MARKER 12

enum inner_kind {
	INNER_ICMP,
	INNER_UDP,
	INNER_SYN, /* a TCP SYN with bytes behind it, which the host echoes as it is */
};

struct inner_packet {
	enum inner_kind kind;
	struct addr src;
	struct addr dst;
	uint16_t port; /* ours; it is the echo port that is asked */
	uint16_t payload;
	vtime arrived_at, answered_at; /* last */
	unsigned order; /* of its arrival among all */
	unsigned answer_order; /* of its answer's */
	unsigned arrived; /* times that the request came to its host */
	unsigned answered; /* times that the answer came back */
};

struct inner_book {
	uint8_t marker[INNER_MARKER]; /* at the head of every payload */
	unsigned n;
	unsigned arrivals, answers;
	struct inner_packet packets[INNER_PACKETS_MAX];
};

void inner_init(struct inner_book *b, struct rng *rng);
/*
 * Enters a request whose IP packet has at most `size` bytes (as near to it as fits) and returns
 * its number.
 */
unsigned inner_add(struct inner_book *b, enum inner_kind kind, const struct addr *src,
		   const struct addr *dst, unsigned size);
/* Writes the request to buf and returns its length. */
size_t inner_request(const struct inner_book *b, unsigned number, uint8_t buf[INNER_SIZE_MAX]);
/* Turns a request into its answer in place; false when it is neither echo. */
bool inner_answer(uint8_t *ip, size_t n);
/* True for an echo request that is in no book: a ping of the client itself. */
bool inner_is_ping(const struct inner_book *b, struct slice ip);
/*
 * A packet came out of the tunnel: at the gateway a request, at the client an answer. Counts it.
 * Returns NULL, or a plain clause: it is not what was sent, or it came twice.
 */
const char *inner_arrived(struct inner_book *b, vtime now, bool answer, struct slice ip);

#endif
