/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fragments of IKEv1 messages as Cisco and Microsoft have them, payload 132: for both roles. A
 * fragment is an ISAKMP message of its own with message id 0 that carries a slice of the whole,
 * encrypted message. Nothing protects it: what is put together is treated as any datagram is.
 *
 *	0        next payload, 0          4     id, the same for all of one message
 *	1        reserved, 0              6     number, from 1
 *	2        length, these 8 too      7     bit 0: the last one
 *
 * One message is put together at a time. A fragment with another id, or of another pair of
 * cookies, begins a new one. Within one id the newest word counts: a slice that differs takes the
 * place of the one before, and a last fragment ends the message there. The slices of a message
 * that is complete are kept until another begins, so that late copies of them are known for what
 * they are.
 */
#ifndef GODWIT_IKE_FRAGMENT_H
#define GODWIT_IKE_FRAGMENT_H

#include "ike/codec.h"

#define FRAGMENTS_MAX 255
#define FRAGMENT_HEADER_SIZE 8
/* A message that is not complete by then is forgotten, counted from its first fragment. */
#define FRAGMENT_LIFE (30 * VTIME_S)
/* The IP packets that fragments fit in: such as need no fragments of their own anywhere. */
#define FRAGMENT_PACKET_MAX 1280
/* What an IP packet of that size has room for behind the headers of IPv4 and UDP and the marker. */
#define FRAGMENT_DATAGRAM_MAX (FRAGMENT_PACKET_MAX - 20 - 8 - 4)

/* The message's payloads begin with a fragment. The encryption flag, which some set, says nothing. */
bool fragment_is(const struct ike_header *h);

/* ---- receiving ---- */

enum fragment_verdict {
	FRAGMENT_MALFORMED,
	FRAGMENT_TAKEN,
	FRAGMENT_REPEATED,
	FRAGMENT_COMPLETE, /* also when the last one of a complete message comes again */
};

/* A message in the making, IKE_MESSAGE_MAX bytes and some; NULL: none. */
struct fragments;

/*
 * Takes the fragment that m (of which fragment_is) holds; *f is made when it is needed. The first
 * one of a message sets *since to now.
 */
enum fragment_verdict fragment_take(struct fragments **f, vtime now, const struct ike_msg *m,
				    vtime *since);
/* The whole message, after FRAGMENT_COMPLETE. Borrowed until the next call with f. */
struct slice fragment_whole(const struct fragments *f);
/* Forgets everything; NULL is harmless. *f is NULL afterwards. */
void fragment_free(struct fragments **f);

/* ---- sending ---- */

/* The longest datagram, without the marker, that goes to this address in one piece. */
size_t fragment_datagram_max(const struct addr *to);
/* How many fragments of `max` bytes at the most a message makes. 0: more than there may be. */
unsigned fragment_count(size_t message, size_t max);
/*
 * Fragment `number`, from 1, of a message, in datagrams of at most `max` bytes; `exchange` is main
 * or aggressive. The same message always has the same id, so that what is lost of it may come
 * with its repetition.
 */
struct slice fragment_write(struct slice message, uint8_t exchange, unsigned number, size_t max,
			    uint8_t out[FRAGMENT_DATAGRAM_MAX]);

#endif
