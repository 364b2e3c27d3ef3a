/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each name server of this host says of a name: the resolver shows
 * the first answer alone. Internal to doctor/.
 */
#ifndef GODWIT_DOCTOR_DNS_H
#define GODWIT_DOCTOR_DNS_H

#include "doctor/verdict.h"

/* The servers of this file in its order, at most `max`; those of other forms are left out. */
unsigned dns_servers(const char *file, struct addr *out, unsigned max);
/* Asks all of these at once and waits for two seconds at most. */
void dns_ask(const char *name, struct dns_answer *servers, unsigned n, struct rng *rng);

#endif
