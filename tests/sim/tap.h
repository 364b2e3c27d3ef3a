/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tap sees every datagram that client and gateway put on the wire. It names them for the
 * trace, and it holds what must be true of the wire whatever happens elsewhere: no SPI with the
 * same sequence number twice, no inner packet in the clear, no message sent more often than the
 * retransmission budget allows.
 */
#ifndef GODWIT_SIM_TAP_H
#define GODWIT_SIM_TAP_H

#include <stdbool.h>

#include "base/bytes.h"

#define TAP_NAME_MAX 64
#define TAP_MESSAGES_MAX 512
#define TAP_SAS_MAX 1024
#define TAP_SEQUENCES_MAX 16384

enum side {
	SIDE_CLIENT,
	SIDE_GATEWAY,
};

/* One IKE message, however often it is sent. */
struct tap_message {
	uint64_t hash;
	enum side from;
	uint32_t id;
	unsigned sent;
	char name[TAP_NAME_MAX];
};

struct tap_sa {
	enum side from;
	uint32_t spi;
	uint32_t base; /* the first sequence number seen */
	uint64_t sealed[TAP_SEQUENCES_MAX / 64];
};

struct tap {
	struct slice secret; /* bytes that every inner packet holds; borrowed */
	unsigned budget; /* how often the client may send one message */
	struct tap_message messages[TAP_MESSAGES_MAX];
	unsigned nmessages; /* that came so far; the oldest make room */
	struct tap_sa sas[TAP_SAS_MAX];
	unsigned nsas;
	unsigned esp_packets;
};

void tap_init(struct tap *t, struct slice secret, unsigned budget);
/*
 * One UDP payload, to or from port 4500 when `floated`. Writes what it is to `name`. Returns NULL,
 * or a plain clause saying which rule the datagram breaks.
 */
const char *tap_see(struct tap *t, enum side from, bool floated, struct slice payload,
		    char name[TAP_NAME_MAX]);
/* How often this side has sent messages whose name begins like this. */
unsigned tap_sent(const struct tap *t, enum side from, const char *name);

#endif
