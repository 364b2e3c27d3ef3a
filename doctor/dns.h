/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each name server of this host says of a name (RFC 1035 section 4, RFC 3596): the resolver shows
 * the first answer alone. Internal to doctor/.
 */
#ifndef GODWIT_DOCTOR_DNS_H
#define GODWIT_DOCTOR_DNS_H

#include "doctor/verdict.h"

#define DNS_QUERY_MAX 300

enum dns_type {
	DNS_A = 1,
	DNS_AAAA = 28,
};

/* A query into buf; empty for what can be no name. */
struct slice dns_query(uint16_t id, const char *name, enum dns_type type,
		       uint8_t buf[DNS_QUERY_MAX]);
/*
 * Adds the addresses of an answer, as many as there is room for; names are not looked at. 0; ERR_MALFORMED;
 * or ERR_UNEXPECTED when it is no answer, or has another id.
 */
int dns_parse(struct slice bytes, uint16_t id, struct dns_answer *out);
/* The servers of this file in its order, at most `max`; those of other forms are left out. */
unsigned dns_servers(const char *file, struct addr *out, unsigned max);
/* Asks all of these at once and waits for two seconds at most. */
void dns_ask(const char *name, struct dns_answer *servers, unsigned n, struct rng *rng);

#endif
