/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * As much of IKEv2 as it takes to send an IKE_SA_INIT request and to understand what comes back (RFC
 * 7296 sections 1.2, 2.6, 2.23, 3). Nothing is derived from it: there is no SA behind it.
 */
#ifndef GODWIT_DOCTOR_V2_H
#define GODWIT_DOCTOR_V2_H

#include "ike/codec.h"

#define V2_VERSION 0x20
#define V2_PAYLOADS_MAX 32
#define V2_COOKIE_MAX 64

enum v2_exchange {
	V2_IKE_SA_INIT = 34,
};

enum v2_flag {
	V2_INITIATOR = 0x08,
	V2_RESPONSE = 0x20,
};

enum v2_payload_type {
	V2_SA = 33,
	V2_KE = 34,
	V2_CERT_REQUEST = 38,
	V2_NONCE = 40,
	V2_NOTIFY = 41,
	V2_VID = 43,
};

/* RFC 7296 section 3.10.1, RFC 7383. */
enum v2_notify_type {
	V2_NO_PROPOSAL_CHOSEN = 14,
	V2_INVALID_KE = 17,
	V2_ERROR_MAX = 16383,
	V2_NAT_SOURCE = 16388,
	V2_NAT_DESTINATION = 16389,
	V2_COOKIE = 16390,
	V2_FRAGMENTATION = 16430,
};

struct v2_payload {
	uint8_t type;
	struct slice body;
};

struct v2_msg {
	struct ike_header h; /* the cookies are the SPIs */
	unsigned n;
	struct v2_payload payload[V2_PAYLOADS_MAX];
};

/*
 * Header and chain of a message in the clear. Slices point into the caller's bytes. 0;
 * ERR_MALFORMED; ERR_UNSUPPORTED for another major version.
 */
int v2_msg_parse(struct slice bytes, struct v2_msg *out);
/* The first payload of this type behind `after` (NULL: of all), or NULL. */
const struct v2_payload *v2_msg_find(const struct v2_msg *m, const struct v2_payload *after,
				     enum v2_payload_type type);

struct v2_notification {
	uint16_t type;
	struct slice data;
};

int v2_notify_parse(struct slice body, struct v2_notification *out);
/* The first notification of this type; false: there is none. */
bool v2_notify_find(const struct v2_msg *m, enum v2_notify_type type, struct v2_notification *out);
/* The first that reports an error; 0: there is none. */
uint16_t v2_notify_error(const struct v2_msg *m);

/* What a responder has chosen, in IANA's numbers; 0: it has none of that kind. */
struct v2_suite {
	uint16_t encr;
	uint16_t key_bits;
	uint16_t prf;
	uint16_t integ;
	uint16_t group;
};

#define V2_SUITE_TEXT_MAX 64

/* An SA payload with one proposal for IKE and at most one transform of each kind. 0 or ERR_MALFORMED. */
int v2_sa_parse(struct slice body, struct v2_suite *out);
/* "aes256gcm16-prfsha384-ecp384"; numbers that have no name here are shown as such. */
const char *v2_suite_text(const struct v2_suite *s, char buf[V2_SUITE_TEXT_MAX]);
/* "ecp256", "curve25519" … or "group 27". */
const char *v2_group_text(uint16_t group, char buf[V2_SUITE_TEXT_MAX]);
/* Bytes of a public value of this group; 0 for one that we cannot offer. */
size_t v2_group_size(uint16_t group);

struct v2_init {
	uint8_t spi_i[IKE_COOKIE_SIZE];
	uint16_t group; /* of the public value: one with v2_group_size */
	struct slice public_value;
	struct slice nonce;
	struct slice cookie; /* that the responder wants to see again; empty: none */
	struct endpoint from; /* its address none: hidden from NAT detection */
	struct endpoint to;
};

/*
 * The request, with all that is offered: AEADs, CBC with HMACs, weak ones last. Further payloads may
 * follow; ike_write_done ends it, and then v2_write_end.
 */
void v2_write_init(struct ike_writer *b, void *buf, size_t size, const struct v2_init *init,
		   struct rng *rng);
/* What ike_write_done gave becomes a message of IKEv2. */
void v2_write_end(uint8_t *message, size_t n);
/* What the response says of both ends. 0, or ERR_UNSUPPORTED where it says nothing. */
int v2_nat_detect(const struct v2_msg *m, const struct endpoint *local,
		  const struct endpoint *remote, enum nat *out);

#endif
