/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small IKEv1 responder for tests: main mode with a pre-shared key, quick mode with and without
 * PFS, informational, NAT traversal. Sans-I/O as the engine it is to test, on the same codecs
 * and ciphers, with its own order of events; it can be told to misbehave.
 */
#ifndef GODWIT_TESTS_RESPONDER_H
#define GODWIT_TESTS_RESPONDER_H

#include "ike/ike.h"

/* Deliberate misbehaviour; all zero: none. */
struct responder_faults {
	bool silent; /* says nothing when it refuses */
	bool no_natt; /* announces no NAT traversal */
	bool fake_nat; /* hides its address in NAT-D, as strongSwan's libipsec does */
	bool no_dpd; /* announces no dead peer detection, and does not answer it */
	bool draft_natt; /* announces draft 03 alone */
	bool bad_hash_r;
	bool bad_ke; /* in message 4: zeros */
	bool short_ke;
	bool bad_hash_2;
	bool narrow_ids; /* takes a part of the selectors that quick mode asks for */
	bool wide_ids; /* answers with more than them */
	bool no_ids;
	bool one_id;
	bool nat_oa; /* sends original addresses, of both styles */
	bool extra_ke; /* a KE payload in quick mode that nobody asked for */
	bool foreign_ike; /* chooses what was not offered */
	bool foreign_esp;
	bool refuse_identity; /* AUTHENTICATION_FAILED, under the keys, after message 5 */
	uint32_t notify_lifetime_s; /* a RESPONDER-LIFETIME in quick mode */
};

struct responder_config {
	struct slice psk; /* borrowed */
	struct identity id; /* what it proves to be; ID_NONE: the address it is reached at */
	struct identity peer; /* whom it accepts; ID_NONE: anybody */
	struct ike_suite suites[IKE_SUITES_MAX];
	unsigned nsuites; /* 0: refuses phase 1 with NO_PROPOSAL_CHOSEN */
	struct esp_suite esp[IKE_SUITES_MAX];
	unsigned nesp; /* 0: refuses phase 2 */
	bool pfs_any; /* takes what the peer asks for, else exactly: */
	enum dh_group pfs;
	/*
	 * The widest selectors it takes, remote and local from its own point of view; families
	 * NONE: any.
	 */
	struct ts_pair ts;
	struct responder_faults faults;
};

/* A child as the responder has it: `in` is what it receives. */
struct responder_child {
	uint32_t spi_in;
	uint32_t spi_out;
	bool up; /* message 3 has come; keys are there before */
	struct esp_suite suite;
	enum dh_group pfs;
	uint16_t mode;
	struct ts_pair ts; /* from its own point of view */
	struct secret keymat_in;
	struct secret keymat_out;
};

#define RESPONDER_REPLIES_MAX 4
#define RESPONDER_CHILDREN_MAX 80

struct responder_reply {
	struct endpoint from;
	struct endpoint to;
	size_t n;
	uint8_t bytes[IKE_MESSAGE_MAX];
};

struct responder_replies {
	unsigned n;
	struct responder_reply reply[RESPONDER_REPLIES_MAX];
};

struct responder;

/* The configuration is copied (its slices are borrowed), rng is borrowed. */
struct responder *responder_new(const struct responder_config *config, struct rng *rng);
void responder_free(struct responder *r);
/* Changes what it will do from now on. */
struct responder_config *responder_config(struct responder *r);
/* A datagram without non-ESP marker. `out` is emptied first. */
void responder_datagram(struct responder *r, vtime now, const struct endpoint *from,
			const struct endpoint *to, struct slice bytes,
			struct responder_replies *out);
/* Message 2 of quick mode goes again until message 3 has come. */
vtime responder_deadline(const struct responder *r);
void responder_timeout(struct responder *r, vtime now, struct responder_replies *out);

/* The newest SA is established. */
bool responder_established(const struct responder *r);
/* How many IKE SAs have been established so far. */
unsigned responder_sas(const struct responder *r);
/* Acknowledgements of DPD that came, and the last one's number. */
unsigned responder_acks(const struct responder *r, uint32_t *sequence);
/* The child with this SPI of its own (inbound), or NULL. */
const struct responder_child *responder_child(const struct responder *r, uint32_t spi_in);
/* The child whose outbound SPI, the peer's inbound one, is this; or NULL. */
const struct responder_child *responder_child_out(const struct responder *r, uint32_t spi_out);
/* One of its RESPONDER_CHILDREN_MAX places for children; spi_in 0: empty. */
const struct responder_child *responder_child_at(const struct responder *r, unsigned place);

/* Messages that it sends of its own accord, over its newest SA; empty when there is none. */
void responder_delete_child(struct responder *r, uint32_t spi_in, struct responder_replies *out);
void responder_delete(struct responder *r, struct responder_replies *out);
void responder_dpd(struct responder *r, uint32_t sequence, struct responder_replies *out);
/* An error or status notify, under the keys or in clear. */
void responder_notify(struct responder *r, uint16_t type, struct slice spi, struct slice data,
		      bool encrypted, struct responder_replies *out);

#endif
