/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Passwords are checked on a thread of its own, one after the other: each takes a tenth of a second,
 * which the loop does not have.
 */
#ifndef GODWIT_GATEWAY_VERIFIER_H
#define GODWIT_GATEWAY_VERIFIER_H

#include "gateway/users.h"

#define VERIFIER_QUEUE 64 /* that may wait; more are refused at once */

struct verifier;

/* NULL with errno set. users is borrowed. After privileges are dropped. */
struct verifier *verifier_new(const struct users *users);
/* Waits for the one that is being checked. */
void verifier_free(struct verifier *v);
/* Readable when there is an answer. */
int verifier_fd(const struct verifier *v);
/* Copies both. False: too many wait, or they are too long. */
bool verifier_ask(struct verifier *v, uint32_t id, const char *user, struct slice password);
/* The next answer; false: none. */
bool verifier_take(struct verifier *v, uint32_t *id, bool *ok);

#endif
