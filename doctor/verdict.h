/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From what was found to what a person does about it. Pure. Internal to doctor/. */
#ifndef GODWIT_DOCTOR_VERDICT_H
#define GODWIT_DOCTOR_VERDICT_H

#include "doctor/look.h"
#include "net/dns_message.h"

#define VERDICT_TROUBLES_MAX 24
#define VERDICT_TEXT_MAX 240
#define VERDICT_CONF_MAX 4096
#define VERDICT_SERVERS_MAX 4

/* All that is known. */
struct examination {
	const char *host;
	const char *group; /* that was asked for; NULL: none */
	int resolved; /* as net_resolve says */
	int resolve_error; /* errno of it */
	unsigned nservers;
	struct dns_answer server[VERDICT_SERVERS_MAX];
	unsigned n;
	struct look look;
	const struct doctor_found *found[DOCTOR_ADDRESSES_MAX]; /* one for each of n addresses */
	int best; /* which of them speaks IKE; -1: none */
};

struct trouble {
	const char *name; /* for programs: "port-4500-blocked" */
	char cause[VERDICT_TEXT_MAX];
	char cure[VERDICT_TEXT_MAX];
};

struct verdict {
	int exit;
	bool usable; /* conf is worth something */
	unsigned ntroubles; /* the worst first, as far as that can be said */
	struct trouble trouble[VERDICT_TROUBLES_MAX];
	char conf[VERDICT_CONF_MAX]; /* lines of a vpn.conf; "" where there are none */
};

void verdict_make(struct verdict *v, const struct examination *x);
/* The best answer at any port. */
enum doctor_reach verdict_reach(const struct doctor_reached *reached);
/* What is known of NATs in between; false: nothing is. */
bool verdict_nat(const struct doctor_found *f, enum nat *out);
/* "pre-shared key", "pre-shared key and user", "certificates" … */
const char *verdict_method_text(uint16_t method);
/* A name of an IKE error notification, or "notification N" in buf. */
const char *verdict_notify_text(uint16_t notify, char buf[32]);

#endif
