/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The doctor's engine: asks a gateway what can be asked of it by who is nobody to it, one thing after
 * the other. Datagrams and errors go in with the time, datagrams and findings come out.
 *
 *	engine.c   what is in the air: pace, repetitions, whose answer it is
 *	stages.c   what is asked, in which order, and what follows from it
 *	probe.c    one question, and how its answer reads
 *	offers.c   what is offered in phase 1
 *
 *	REACH ──► MORE ──► KEY ──► REFUSAL ──► ELIMINATE ──► METHODS ──► V2 ──► sizes ──► GROUP ──► LISTEN
 *	  ▲        │ nobody speaks        (IKEv1 has answered)                   (only when asked for)
 *	  └────────┘ IKE at this address: the next one
 *
 * Of an address at most DOCTOR_PACKETS_MAX datagrams are asked, DOCTOR_PACE apart. A first message
 * that is accepted leaves a half-open SA with the gateway, which it is told to forget by a
 * notification in the clear; not all believe that, and theirs expire by themselves.
 */
#ifndef GODWIT_DOCTOR_ENGINE_H
#define GODWIT_DOCTOR_ENGINE_H

#include "doctor/v2.h"

#define DOCTOR_ADDRESSES_MAX 8
#define DOCTOR_PACKETS_MAX 40
#define DOCTOR_PACE (100 * VTIME_MS)
#define DOCTOR_ACCEPTED_MAX 8
#define DOCTOR_VENDORS_MAX 16
#define DOCTOR_VENDOR_TEXT 48
#define DOCTOR_LISTEN (600 * VTIME_S)

/* The gateway's two ports; our socket for each is another one, too. */
enum doctor_port {
	DOCTOR_500,
	DOCTOR_4500, /* with the non-ESP marker of RFC 3948 in front */
	DOCTOR_PORTS,
};

/* What became of a question. */
enum doctor_reach {
	REACH_NOT_ASKED,
	REACH_ANSWER,
	REACH_SILENCE,
	REACH_PORT_CLOSED, /* ICMP: nobody listens there */
	REACH_NO_HOST, /* ICMP: no such host or network */
	REACH_FORBIDDEN, /* ICMP: prohibited on the way */
	REACH_NOT_SENT, /* this host cannot, or must not, send it */
};

struct doctor_reached {
	enum doctor_reach reach;
	struct addr by; /* who says so by ICMP; none: this host */
	int error; /* NOT_SENT: errno */
	unsigned rtt_ms; /* ANSWER */
};

enum doctor_size {
	SIZE_NOT_ASKED,
	SIZE_PASSES,
	SIZE_LOST,
	SIZE_UNKNOWN, /* neither it nor what is small was answered any more */
};

/* What is known of IKEv1 at an address. */
struct doctor_v1 {
	bool refuses; /* it says so when it accepts nothing; else it is silent */
	bool limited; /* it fell silent although it had answered the same before */
	bool complete; /* nothing else of what was offered is accepted */
	unsigned naccepted; /* in the gateway's order, as far as it shows */
	struct ike_choice accepted[DOCTOR_ACCEPTED_MAX];
	bool hybrid, certificate, user; /* accepted as a method, whatever that means */
	enum doctor_reach key; /* whether the key exchange was answered, and: */
	bool natd;
	enum nat nat;
	bool wants_certificate; /* it asks for ours */
	uint16_t key_notify; /* REACH_PORT_CLOSED never; with an answer that refuses: why */
	vendor_set vendors;
	unsigned nvendors;
	char vendor[DOCTOR_VENDORS_MAX][DOCTOR_VENDOR_TEXT];
};

struct doctor_v2 {
	bool chosen;
	struct v2_suite suite;
	uint16_t error; /* the notification it refuses with; 0: none */
	uint16_t wants_group; /* it asked for this one first */
	bool cookie; /* it wanted to see a cookie first */
	bool fragmentation;
	bool natd;
	enum nat nat;
};

/* Aggressive mode with the group's name. */
struct doctor_group {
	enum doctor_reach reach;
	bool accepted;
	struct ike_choice choice;
	bool hash; /* it sent a proof made with the key: whoever asks can try keys at leisure */
	uint16_t notify;
};

struct doctor_found {
	struct addr addr;
	struct doctor_reached v1[DOCTOR_PORTS];
	struct doctor_reached v2[DOCTOR_PORTS];
	unsigned sent, received; /* datagrams; of answers one to each question */
	bool cut_short; /* there was more to ask than DOCTOR_PACKETS_MAX */
	struct doctor_v1 ike1;
	struct doctor_v2 ike2;
	struct doctor_group group;
	enum doctor_size fragments; /* a datagram in several pieces */
	unsigned fragments_bytes;
	enum doctor_size whole; /* one that fills the link, with DF */
	unsigned path_mtu; /* that is known to pass; 0: not known */
	bool too_big_said; /* a router has named it: the path's MTU is found by itself */
	struct addr too_big_by;
	vtime repeated; /* the gateway's last repetition came so long after our last packet */
	bool listened;
};

/* One of the gateway's addresses. */
struct doctor_target {
	struct addr addr;
	struct addr source; /* ours; none: not known */
	unsigned mtu; /* of the link; 0: not known */
};

struct doctor_config {
	unsigned ntargets;
	struct doctor_target targets[DOCTOR_ADDRESSES_MAX];
	uint16_t port[DOCTOR_PORTS]; /* ours */
	const char *group; /* aggressive mode with this group; NULL: none */
	bool listen; /* for repetitions, DOCTOR_LISTEN long */
	/*
	 * Not a whole examination: what is near these is accepted? They have been refused, by whom is
	 * not asked again. n 0: all of it.
	 */
	unsigned nown;
	const struct ike_suite *own;
	uint16_t own_method;
};

enum doctor_event_type {
	DOCTOR_DATAGRAM,
	DOCTOR_ERROR, /* of ICMP, or the kernel's */
};

struct doctor_event {
	enum doctor_event_type type;
	enum doctor_port port; /* of which of our sockets */
	struct endpoint remote; /* who sent it; ERROR: for whom it was */
	struct addr local; /* where the datagram came to */
	struct slice bytes; /* ERROR: as much of ours as is quoted */
	struct addr by;
	int error;
	uint32_t mtu;
};

struct doctor_send {
	enum doctor_port port;
	struct endpoint to;
	bool whole; /* with DF, whatever the kernel knows of the path */
	struct slice bytes; /* as they go out; borrowed until the next call */
};

struct doctor;

/* config is copied, own and group are borrowed; rng is borrowed. */
struct doctor *doctor_new(const struct doctor_config *config, struct rng *rng);
void doctor_free(struct doctor *d);
void doctor_event(struct doctor *d, vtime now, const struct doctor_event *ev);
void doctor_timeout(struct doctor *d, vtime now);
bool doctor_output(struct doctor *d, vtime now, struct doctor_send *out);
vtime doctor_deadline(const struct doctor *d);
bool doctor_over(const struct doctor *d);

/* So far; one for each target. */
const struct doctor_found *doctor_found(const struct doctor *d, unsigned target);
/* The target that was looked at closely: the first that speaks IKE; -1: none does. */
int doctor_best(const struct doctor *d);
/* What is being done, for people: "asking what it accepts". Static. */
const char *doctor_doing(const struct doctor *d);

/* ---- offers.c ---- */

#define OFFER_MAX 28

/* Transforms of one first message. */
struct offer {
	unsigned n;
	struct ike_choice choice[OFFER_MAX];
};

enum offer_kind {
	OFFER_GOOD,
	OFFER_OLD, /* good ciphers with larger and older groups and hashes, then the weak ones */
	OFFER_KINDS,
};

/* The suites of a kind, with a method. A group other than DH_NONE: of this group alone. */
void offer_fill(struct offer *o, enum offer_kind kind, uint16_t method, enum dh_group group);
/* Takes out what is among these. */
void offer_remove(struct offer *o, const struct ike_choice *choices, unsigned n);
/* Nearest to any of these first. */
void offer_sort(struct offer *o, const struct ike_suite *own, unsigned n);
bool offer_has(const struct offer *o, const struct ike_choice *choice);
/* From the nearest of these suites; 0: the same; more is farther. */
unsigned choice_distance(const struct ike_choice *c, const struct ike_suite *own, unsigned n);
bool suite_same(const struct ike_suite *a, const struct ike_suite *b);

#endif
