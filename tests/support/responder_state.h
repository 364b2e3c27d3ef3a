/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of the responder for tests, shared by its two files. */
#ifndef GODWIT_TESTS_RESPONDER_STATE_H
#define GODWIT_TESTS_RESPONDER_STATE_H

#include "ike/protect.h"
#include "tests/support/responder.h"

#define SAS_MAX 8
#define QUICKS_MAX 8
#define NONCE_SIZE 24

/* What is sent again when the request comes again. */
struct answer {
	bool there;
	uint8_t request[HASH_MAX];
	struct responder_reply reply;
};

struct quick {
	bool used;
	uint32_t id;
	struct answer answer;
	bool confirmed; /* message 3 has come */
	unsigned resent;
	vtime resend_at;
	uint8_t iv[PROTECT_BLOCK];
	size_t ni_n;
	uint8_t ni[IKE_NONCE_MAX];
	uint8_t nr[NONCE_SIZE];
	uint32_t child_spi;
};

enum stage {
	FREE,
	SENT_2,
	SENT_4,
	ESTABLISHED
};

struct sa {
	enum stage stage;
	struct ike_header h; /* cookies */
	struct endpoint self;
	struct endpoint peer;
	struct ike_suite suite;
	enum natt natt;
	struct answer answer;
	size_t sai_n;
	uint8_t sai[4096];
	size_t gxi_n;
	uint8_t gxi[DH_PUBLIC_MAX];
	struct dh *dh;
	struct ikev1_keys keys;
	uint8_t iv[PROTECT_BLOCK];
	struct quick quick[QUICKS_MAX];
	unsigned next_quick;
};

struct responder {
	struct responder_config config;
	struct rng *rng;
	struct sa sa[SAS_MAX];
	unsigned next_sa;
	struct sa *newest; /* the last one that was established */
	unsigned established;
	unsigned acks;
	uint32_t ack;
	struct responder_child child[RESPONDER_CHILDREN_MAX];
};

/* An empty reply, from this SA's own address to its peer's. */
struct responder_reply *responder_reply_new(struct responder_replies *out, const struct sa *sa);
struct ike_header responder_header(const struct sa *sa, uint8_t exchange, uint32_t id);
void responder_answer_keep(struct answer *a, struct slice request,
			   const struct responder_reply *reply);
/* Answers a request that was answered before. */
bool responder_answer_again(const struct answer *a, struct slice request,
			    struct responder_replies *out);
void responder_info_notify(struct responder *r, const struct sa *sa, const struct notify_payload *n,
			   struct responder_replies *out);
void responder_child_free(struct responder_child *c);
/* A message of quick mode. */
void responder_quick_receive(struct responder *r, vtime now, struct sa *sa, const struct ike_msg *m,
			     struct slice request, struct responder_replies *out);

#endif
