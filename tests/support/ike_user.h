/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pair of engines whose end 1 is the gateway of a user at end 0, and what either says behind phase
 * 1, with the engine or in its place.
 */
#ifndef GODWIT_TESTS_IKE_USER_H
#define GODWIT_TESTS_IKE_USER_H

#include "tests/support/ike_pair.h"

#define USER_NAME "alice"
#define USER_PASSWORD "hunter2 is long"

/* As pair_init; end 0 is a user with Mode Config, end 1 his gateway. */
void user_init(struct pair *p, uint64_t seed);
/* Phase 1, begun by end 0 with `type`. */
void user_phase1(struct pair *p, enum ike_event_type type);

/* ---- as sessions ---- */

void user_demand(struct pair *p, unsigned fields, const char *message);
/* USER_NAME and USER_PASSWORD, and the same text for whatever else is asked for. */
void user_answer(struct pair *p, const char *other);
void user_refuse(struct pair *p);
void user_status(struct pair *p, bool ok, const char *message);
/* 10.91.0.7/24 with a DNS server and a Unity network; NULL is allowed. */
const struct ike_assigned *user_settings(void);
void user_give(struct pair *p, const struct ike_assigned *give);
/* Phase 1, one round, and Mode Config: both ends are established. */
void user_up(struct pair *p);

/* ---- in place of the gateway's engine ---- */

/* A message of end 1 under construction, sealed with its keys. */
struct user_message {
	struct ike_writer w;
	struct pair_datagram d;
	uint32_t id;
	uint8_t iv[PROTECT_BLOCK]; /* after user_say: that of the answer */
};

/* A transaction with a message id of its own; the attributes are then written to m->w.w. */
void user_begin(struct pair *p, struct user_message *m, enum attribute_message message,
		uint16_t identifier);
/* The next one under the message id of the last. */
void user_begin_next(struct pair *p, struct user_message *m, enum attribute_message message,
		     uint16_t identifier);
/* Seals it and gives it to end 0. */
void user_say(struct pair *p, struct user_message *m);
/*
 * What end 0 has answered: the attributes of the last datagram that it sent, in a buffer that the
 * next call uses again. False: that is no answer to m.
 */
bool user_answered(struct pair *p, struct user_message *m, struct attributes *out);

#endif
