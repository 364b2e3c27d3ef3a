/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether the servers of a plan answer: each is asked one question by UDP, twice at most, and any
 * answer is one. The sockets are ordinary ones, whose packets go the way that all others go.
 *
 *	            begin                 all have answered or refused, or 1.5 s
 *	idle ──────────────► asked ─────────────────────────────────────────────► idle: the verdict
 *
 * The first question is what a program would ask, of the first domain there is. The second one wants
 * nothing but what the server knows by itself: who has to ask others for the first answer, and waits
 * for them, is no silent server.
 */
#ifndef GODWIT_CLIENT_DNS_CHECK_H
#define GODWIT_CLIENT_DNS_CHECK_H

#include "base/rng.h"
#include "client/dns.h"

#define DNS_CHECK_TRIES 2
#define DNS_CHECK_WAIT_MS 750 /* after each */

struct dns_check {
	int watch; /* readable when dns_check_run has something to do; the same for life; -1: not open */
	int timer;
	bool asked;
	unsigned tries; /* made so far */
	uint16_t id[DNS_CHECK_TRIES]; /* of their questions */
	char name[IKE_NAME_MAX]; /* that is asked for; "": the root */
	unsigned n;
	struct {
		struct addr server;
		int fd; /* -1: it has answered, or refused */
		bool answered;
	} at[DNS_SERVERS_MAX];
};

/* 0 or ERR_SYSTEM; then it can be closed, and nothing is ever asked. */
int dns_check_open(struct dns_check *c);
/*
 * Asks these servers, DNS_SERVERS_MAX at most, at this port about the name; what was under way is
 * forgotten. False: there is nothing to wait for, and no verdict.
 */
bool dns_check_begin(struct dns_check *c, const struct addr *servers, unsigned n, uint16_t port,
		     const char *name, struct rng *rng);
/* Does what there is to do. True: the verdict is there, once. */
bool dns_check_run(struct dns_check *c);
/* The verdict: those that have not answered, in their order; returns how many. */
unsigned dns_check_silent(const struct dns_check *c, struct addr out[DNS_SERVERS_MAX]);
void dns_check_close(struct dns_check *c);

#endif
