/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small server for many clients at once: the program's IKE engine in the responder's role, one
 * ISAKMP SA for each pair of cookies, and the program's data engines with a slot for each client.
 * Sans-I/O: the simulated world and the lab's program on raw sockets drive the same object.
 *
 *	                        ┌──────────── server ─────────────┐
 *	 IKE, port 500 or 4500  │  ISAKMP SAs, told by cookies    │
 *	◄──────────────────────►│     │ ESP SAs of each client    │
 *	 ESP, raw or in UDP     │  classifier: one slot each      │
 *	◄──────────────────────►│     │                           │
 *	                        │  echo replies, paced packets    │──► what else comes out: SERVER_INNER
 *	                        └─────────────────────────────────┘◄── server_send
 *
 * A client is known by its inner address, which is its selector in quick mode: slot i is the i-th
 * address of the pool. Who has the pre-shared key may use any of them. Main mode alone, no XAUTH and
 * no Mode Config.
 *
 * Two ways to change over to a new epoch: with `waits` the server sends on it only when a packet has
 * come on it; without, from the end of quick mode on.
 */
#ifndef GODWIT_TESTS_SERVER_H
#define GODWIT_TESTS_SERVER_H

#include "ike/ike.h"

#define SERVER_CLIENTS_MAX 64
#define SERVER_DATA_PORT 4445 /* of paced packets, both ends */
#define SERVER_DATA_MIN 64 /* bytes of the shortest one */

struct server_config {
	struct addr addr; /* the outer one; echo requests to it that come out of an SA are answered */
	struct slice psk; /* copied */
	struct identity id; /* what it proves to be; ID_NONE: addr */
	struct ike_suite ike;
	struct esp_suite esp;
	enum dh_group pfs; /* DH_NONE: whatever the client wants */
	uint32_t lifetime_s; /* of ISAKMP SAs */
	uint32_t keylife_s; /* of epochs */
	vtime timeout; /* of a negotiation */
	struct prefix pool; /* inner addresses of clients */
	struct prefix
		net; /* what clients reach through it: every address there answers echo requests */
	bool waits;
	bool lags; /* it goes on sending on the oldest epoch as long as there is one */
	bool deletes; /* as soon as something has come on an epoch, older ones are deleted */
	/*
	 * It begins a quick mode for each client so long after the last one, whoever began that; 0:
	 * never. One that is not answered at all ends the ISAKMP SA; one that is refused does not,
	 * and is tried again.
	 */
	vtime rekey;
	vtime answer_delay; /* echo replies leave so much later */
};

/* What leaves the server. */
enum server_output_type {
	SERVER_SEND, /* a UDP payload, or raw ESP: both ports are 0 (ESP_PORT_BARE) then */
	SERVER_INNER, /* a packet came out of an SA that is no echo request to be answered */
};

struct server_output {
	enum server_output_type type;
	struct endpoint from; /* SEND */
	struct endpoint to;
	bool ike; /* SEND: an IKE message, whose marker is in `bytes` already */
	unsigned slot; /* INNER; of ESP, too */
	struct slice bytes; /* borrowed until the next call */
};

/* One client, as the server sees it. */
struct server_client {
	unsigned ikes; /* ISAKMP SAs that were established */
	unsigned epochs; /* agreed on so far, by either end */
	unsigned kept; /* of them are still there */
	unsigned refused; /* quick modes of ours that were refused */
	unsigned unanswered; /* and that were not answered; each has ended an ISAKMP SA */
	uint32_t spi_in, spi_out; /* of the epoch that is sent on; 0: none */
	struct endpoint remote; /* where that goes */
	uint32_t newest_in, newest_out; /* of the one that was agreed on last */
	uint64_t in, out; /* ESP packets */
	uint64_t early; /* of `out`: sent on an epoch before anything had come on it */
	uint64_t unsent; /* packets for which there was nothing to send on */
	uint64_t paced; /* numbers given to paced packets */
};

struct server;

/* rng is borrowed. */
struct server *server_new(const struct server_config *config, struct rng *rng);
void server_free(struct server *s);

/*
 * The four verbs. A UDP payload to `to`, or raw ESP with both ports 0. After each of these calls
 * pull server_output until false.
 */
void server_datagram(struct server *s, vtime now, const struct endpoint *from,
		     const struct endpoint *to, struct slice bytes);
void server_timeout(struct server *s, vtime now);
bool server_output(struct server *s, struct server_output *out);
vtime server_deadline(const struct server *s);

/* An IP packet for the client of this slot. False, and counted: there is nothing to send on. */
bool server_send(struct server *s, vtime now, unsigned slot, struct slice ip);
/*
 * From now on a UDP packet of `size` bytes (of IP) to this client, from the first address of the
 * net behind, every `every`; 0: no more. They are numbered from 0, one number for each client; what
 * cannot be sent is counted, and its number used up.
 */
void server_pace(struct server *s, vtime now, unsigned slot, vtime every, unsigned size);
/* Begins a quick mode with this client now. False: there is no ISAKMP SA with it. */
bool server_rekey(struct server *s, vtime now, unsigned slot);
/* Deletes all epochs of this client, and tells it. */
void server_delete(struct server *s, vtime now, unsigned slot);
/* From now on for this client alone, instead of config.answer_delay. */
void server_delay_answers(struct server *s, unsigned slot, vtime delay);
/* Forgets everything, without a word. */
void server_forget(struct server *s);

/* Borrowed; what it says changes with every call. */
const struct server_client *server_client(const struct server *s, unsigned slot);
/* The inner address of the slot. */
struct addr server_pool_addr(const struct server *s, unsigned slot);
/* Reads a paced packet (of IP): its number and when it was sent. False: it is none. */
bool server_data_read(struct slice ip, uint64_t *number, vtime *sent);
/* Writes one of `size` bytes, at least SERVER_DATA_MIN; returns that. */
size_t server_data_write(const struct addr *src, const struct addr *dst, uint64_t number,
			 vtime sent, void *buf, size_t size);

#endif
