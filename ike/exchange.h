/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One exchange in the air, at either end: what was sent last and when it goes again, what came last
 * so that a repeat is known, and why it seems to fail.
 *
 *	send ──► wait 0.5 s ──► again, wait 1 s ──► again, 1.5 s, 1.5 s … ──► lost
 *
 * It is lost when its time is over, counted from its beginning. A hint (an answer that nobody has
 * signed) leaves it one second more and gives the loss its reason; an acceptable answer voids it.
 */
#ifndef GODWIT_IKE_EXCHANGE_H
#define GODWIT_IKE_EXCHANGE_H

#include "ike/protect.h"

#define EXCHANGE_FIRST_WAIT (500 * VTIME_MS)
/*
 * A person waits for this, and all of main mode has one time-out of, say, 30 s. With 30 % loss each
 * way waits of up to 8 s lost 14 of 1,000 simulated connections, these none of 10,000. A dead
 * gateway gets 21 small datagrams for it.
 */
#define EXCHANGE_LONGEST_WAIT (1500 * VTIME_MS)
#define EXCHANGE_PATIENT_WAIT (8 * VTIME_S)
#define EXCHANGE_HINT_WAIT (1 * VTIME_S)

struct exchange;

/* One message of an exchange. Messages alternate; what has `consume` is received, the rest sent. */
struct exchange_message {
	bool encrypted;
	bool in_clear; /* what we receive may also come so */
	/* What we receive encrypted: called before it is opened. NULL: nothing is to be done. */
	void (*prepare)(struct ike_sa *sa, struct exchange *x, const struct ike_msg *m);
	unsigned hash; /* the HASH(n) that leads a phase 2 message; 0 in phase 1 */
	/* What we receive: the sets for ike_msg_check. */
	payload_set required;
	payload_set optional;
	payload_set many;
	/*
	 * Takes a message that passed them. 0, or an error with *why filled in where the person
	 * can use it; then nothing may have changed.
	 */
	int (*consume)(struct ike_sa *sa, vtime now, struct exchange *x, const struct ike_msg *m,
		       struct ike_failure *why);
	/* What follows once it has been taken. NULL: the next message of ours is sent at once. */
	void (*taken)(struct ike_sa *sa, vtime now, struct exchange *x);
	const char *silence; /* for the person, when it never comes */
	const char *unreadable; /* … when it cannot be decrypted; NULL: that means nothing */
	/* What we send: writes the payloads; those behind the HASH in phase 2. */
	void (*build)(struct ike_sa *sa, struct exchange *x, struct ike_writer *b);
};

struct exchange_type {
	const char *name;
	uint8_t number; /* enum isakmp_exchange */
	/*
	 * We answer whom we do not know yet: nothing goes again but for a repeat, and a hint cuts
	 * nothing short.
	 */
	bool passive;
	bool patient; /* a person is behind the answer: it goes again seldom */
	unsigned n;
	const struct exchange_message *message;
	void (*done)(struct ike_sa *sa, vtime now, struct exchange *x);
	void (*lost)(struct ike_sa *sa, vtime now, struct exchange *x,
		     const struct ike_failure *why);
};

struct exchange {
	const struct exchange_type *type; /* NULL: not in use */
	uint32_t id; /* message id */
	unsigned step; /* the message to come, sent or received; type->n: complete */
	vtime lost_at;
	vtime resend_at;
	vtime wait;
	vtime time_up; /* lost_at without a hint */
	uint8_t iv[PROTECT_BLOCK];
	struct slice ni; /* phase 2: the nonces, in the struct that this one is part of */
	struct slice nr;
	struct ike_failure hint; /* err 0: none */
	bool received;
	bool answered; /* with `sent`, which goes again for a repeat */
	uint8_t received_hash[HASH_MAX];
	size_t sent_n;
	size_t sent_used; /* the most that `sent` has held; its pages beyond that are never touched */
	uint8_t sent[IKE_MESSAGE_MAX];
};

enum exchange_due {
	EXCHANGE_NOTHING,
	EXCHANGE_RESEND,
	EXCHANGE_LOST,
};

void exchange_begin(struct exchange *x, const struct exchange_type *type, uint32_t id, vtime now,
		    vtime timeout);
/* Something of ours, x->sent, has just gone out and an answer is awaited. */
void exchange_sent(struct exchange *x, vtime now);
/* An acceptable message came: it is remembered, and hints are void. */
void exchange_received(struct exchange *x, struct slice datagram);
/* The same bytes as the last acceptable message. */
bool exchange_is_repeat(const struct exchange *x, struct slice datagram);
/* A reason to think that it fails. Only the first one counts. */
void exchange_hint(struct exchange *x, vtime now, const struct ike_failure *why);
/* Nothing more is awaited; repeats are still answered. */
void exchange_complete(struct exchange *x);
/* True while an answer is awaited. */
bool exchange_in_air(const struct exchange *x);
vtime exchange_deadline(const struct exchange *x);
/* What is due now. After EXCHANGE_RESEND the next one is set already. */
enum exchange_due exchange_timeout(struct exchange *x, vtime now);
/* A message has been written to x->sent: empty when that failed. */
void exchange_built(struct exchange *x, const struct ike_writer *b, struct slice message);
/* Forgets everything. */
void exchange_end(struct exchange *x);
/* The same with what follows x in the struct that it is the first member of, `size` bytes in all. */
void exchange_end_within(struct exchange *x, size_t size);

#endif
