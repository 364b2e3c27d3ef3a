/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two ends that both speak with our own engine, each with several SAs, and between them nothing but
 * a queue: datagrams arrive in order and at once, unless a filter takes them. An end does what a
 * session does with first messages and offers, as far as it is told to.
 */
#ifndef GODWIT_TESTS_IKE_PAIR_H
#define GODWIT_TESTS_IKE_PAIR_H

#include "ike/sa.h"

#define PAIR_SAS 6
#define PAIR_CHILDREN 64
#define PAIR_QUEUE 64
#define PAIR_SENT 256
#define PAIR_DELETED 1024

enum pair_answer {
	PAIR_ACCEPT,
	PAIR_REFUSE, /* with `refusal` */
	PAIR_WAIT, /* the test answers */
};

struct pair_end {
	struct endpoint address;
	struct ike_config config;
	struct ike_child_config child; /* what it offers, and takes */
	enum pair_answer answer;
	uint16_t refusal;
	bool deaf; /* ignores first messages */
	unsigned nsa;
	struct ike_sa *sa[PAIR_SAS]; /* the newest last */
	uint32_t spi; /* of the next child; each end's are its own */
	unsigned nsent, nresent;
	unsigned nnat, nestablished, nup, nfailed, ndeleted, ndead, noffers, nalive, nsilent,
		nhints;
	struct ike_effect nat, established, dead, offer, failed;
	unsigned nauthenticated, nasked, nconfigs, nreplies, nwanted;
	struct ike_effect asked, replied, wanted;
	char message[IKE_SAID_MAX]; /* of the last question */
	char values[XAUTH_FIELDS][64]; /* of the last reply, as texts */
	const struct ike_assigned *assigned; /* the last; NULL before */
	vtime dead_at, failed_at;
	unsigned nnotified, nunanswered;
	struct ike_effect notified; /* the last, */
	uint8_t notified_data[IKE_NOTIFY_MAX]; /* and what it said */
	uint32_t unanswered;
	vtime unanswered_at;
	struct ike_child up[PAIR_CHILDREN];
	uint32_t deleted[PAIR_DELETED];
};

struct pair_datagram {
	unsigned source; /* which end */
	struct endpoint from;
	struct endpoint to;
	size_t n;
	uint8_t bytes[IKE_MESSAGE_MAX];
};

struct pair {
	vtime now;
	struct rng_seed seed;
	struct rng rng;
	struct log log;
	struct pair_end end[2];
	/* May change the datagram; false: it is lost. n counts those of its source from 0. */
	bool (*passes)(struct pair *p, struct pair_datagram *d, unsigned n);
	/* Is told of notifications and of those that nobody has answered. */
	void (*heard)(struct pair *p, unsigned end, const struct ike_sa *sa,
		      const struct ike_effect *fx);
	unsigned queued;
	struct pair_datagram queue[PAIR_QUEUE];
	unsigned nsent;
	struct pair_datagram sent[PAIR_SENT]; /* as they were sent, the newest ones of a ring */
};

/* Both ends know the same key and each other's identity; nothing is started. */
void pair_init(struct pair *p, uint64_t seed);
void pair_free(struct pair *p);
/* A new SA of this end, which begins phase 1 on 500, or on 4500 as a rekeying. */
struct ike_sa *pair_start(struct pair *p, unsigned end, enum ike_event_type type);
/* The newest SA of this end negotiates a child. Its id is the SPI. */
void pair_child(struct pair *p, unsigned end);
void pair_event(struct pair *p, unsigned end, const struct ike_event *ev);
/* Answers the last offer. */
void pair_answer(struct pair *p, unsigned end, enum pair_answer answer);
/* A datagram as if end `source` had sent it. */
void pair_inject(struct pair *p, const struct pair_datagram *d);
/* Delivers until both are quiet; then lets time pass until `until`. */
void pair_pump(struct pair *p);
void pair_run(struct pair *p, vtime until);
struct ike_sa *pair_sa(const struct pair *p, unsigned end);
uint64_t pair_drops(const struct pair *p, unsigned end, enum drop why);
/* The newest SAs of both ends are established and have the same keys. */
bool pair_is_up(const struct pair *p);
/* These are the two ends of one child. */
bool pair_children_match(const struct ike_child *a, const struct ike_child *b);

#endif
