/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One question to a gateway: the datagram, and what the answer says. Internal to doctor/. */
#ifndef GODWIT_DOCTOR_PROBE_H
#define GODWIT_DOCTOR_PROBE_H

#include "doctor/engine.h"

#define MARKER_SIZE 4
/* The longest that is sent: it fills a jumbo frame. */
#define PROBE_MAX 9800
#define PROBE_NONCE 32

enum probe_kind {
	PROBE_MAIN, /* message 1 of main mode */
	PROBE_KEY, /* message 3 */
	PROBE_GROUP, /* message 1 of aggressive mode */
	PROBE_INIT, /* IKE_SA_INIT */
};

enum answer_kind {
	ANSWER_NONE, /* not for this question */
	ANSWER_CHOSEN,
	ANSWER_KEY, /* message 4 */
	ANSWER_REFUSED, /* a notification says why */
	ANSWER_OTHER_GROUP, /* IKEv2: the public value is to be of this group */
	ANSWER_COOKIE, /* IKEv2: the same again, with a cookie */
	ANSWER_ODD, /* IKE, but not what may be said here */
};

struct answer {
	enum answer_kind kind;
	uint16_t notify; /* REFUSED */
	uint8_t cookie_r[IKE_COOKIE_SIZE];
	struct ike_choice choice; /* CHOSEN of IKEv1 */
	vendor_set vendors;
	bool wants_certificate;
	bool hash; /* a proof made with the key */
	struct v2_suite suite; /* CHOSEN of IKEv2 */
	bool fragmentation;
	uint16_t group; /* OTHER_GROUP */
	size_t ncookie;
	uint8_t cookie[V2_COOKIE_MAX];
	bool natd;
	enum nat nat;
	unsigned nvendors;
	char vendor[DOCTOR_VENDORS_MAX][DOCTOR_VENDOR_TEXT];
};

struct probe {
	enum probe_kind kind;
	enum doctor_port port;
	struct endpoint from; /* ours; its address none: not known */
	struct endpoint to;
	bool whole;
	size_t size; /* of the UDP payload, which is filled up to it; 0: as it comes */
	uint8_t cookie_i[IKE_COOKIE_SIZE];
	/* MAIN, GROUP: what is offered; nothing: what nobody can accept. KEY: the one that was chosen. */
	struct offer offer;
	/* KEY: what message 2 said. INIT: the cookie that it asked for. */
	struct answer before;
	uint16_t v2_group;
	uint8_t nonce[PROBE_NONCE]; /* INIT; all zero: a new one. A cookie is made over it, too. */
	const char *name; /* GROUP */
	size_t n;
	uint8_t bytes[PROBE_MAX];
	/* In the air. */
	unsigned tries, sends;
	vtime sent_at, due;
	struct doctor_reached reached; /* NOT_ASKED: it is still open */
	struct answer answer;
};

/* Makes the datagram of what is set above; false: it does not fit, or the group is none of ours. */
bool probe_build(struct probe *p, struct rng *rng);
/* The datagram without its marker, and whether it belongs to this question. */
bool probe_owns(const struct probe *p, struct slice message);
/* Reads an answer that came to `local` into p->answer; false: it says nothing new. */
bool probe_read(struct probe *p, struct slice message, const struct endpoint *local);
/*
 * A notification in the clear that ends what this question has begun at the gateway, into buf; empty:
 * there is nothing to end.
 */
struct slice probe_release(const struct probe *p, struct rng *rng, uint8_t *buf, size_t size);

#endif
