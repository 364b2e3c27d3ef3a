/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * doctor/ examines a gateway from the outside, and the host on the way to it, for a person who has no
 * more than a name: `godwit doctor HOST`. It sends what a client sends first, and nothing that takes a
 * secret. This header is all that cmd/ sees of it.
 *
 *	engine.c, stages.c  what is asked of the gateway, an engine (engine.h)
 *	probe.c, offers.c   the questions: main and aggressive mode   RFC 2409 section 5, RFC 3947
 *	v2.c                IKE_SA_INIT and its answers               RFC 7296 sections 1.2, 2.6, 2.23
 *	look.c              routes, rules, devices, ports, clock of this host
 *	dns.c               what each name server says of the name    RFC 1035, 3596
 *	near.c              what is nearest to proposals that were refused
 *	verdict.c           findings -> troubles, and the lines of a vpn.conf
 *	report.c, json.c    all of it, for people and for programs
 *	air.c, run.c        sockets and time around the engine
 *
 * Of IKEv2 there is the first exchange alone. Whatever comes back is unauthenticated: who sits on the
 * way can make up all of it.
 *
 * Exit codes: 0 the gateway answers, and would accept something of ours; 1 usage; 3 nobody answers,
 * or the name has no address; 4 it answers, but nothing of what we have is accepted; 5 denied by the
 * system.
 */
#ifndef GODWIT_DOCTOR_DOCTOR_H
#define GODWIT_DOCTOR_DOCTOR_H

#include <stdbool.h>
#include <stdio.h>

#include "client/client.h"

struct doctor_options {
	const char *host; /* a name or an address */
	bool json;
	const char *group; /* ask for it in aggressive mode; NULL: no aggressive mode */
	bool listen; /* for ten minutes, whether a NAT still lets repetitions in */
};

/* The report goes to `out`, what is being done to a terminal at `err`. Returns an exit code. */
int doctor_run(const struct doctor_options *options, FILE *out, FILE *err);

/*
 * Asks the gateway for what is nearest to the proposals that it has refused, which takes some seconds,
 * and writes a clause about that: "it would accept …". False: it has not said.
 */
bool doctor_nearest(const struct client_refusal *r, char *buf, size_t size);

#endif
