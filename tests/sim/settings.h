/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is in the world and how they are configured: chosen by the seed, changed by scenarios. */
#ifndef GODWIT_SIM_SETTINGS_H
#define GODWIT_SIM_SETTINGS_H

#include "client/session.h"
#include "tests/sim/link.h"
#include "tests/support/responder.h"

#define SETTINGS_TUNNELS_MAX 3
#define SETTINGS_USER "alice"
#define SETTINGS_PASSWORD "open sesame"

struct settings {
	/* The client. */
	struct session_config session;
	char gateway_text[2][ADDR_TEXT_MAX]; /* what session.gateways points to */
	struct addr client;

	/* The wire. */
	struct link_config up;
	struct link_config down;
	struct addr nat; /* the client's address as the gateway sees it; family NONE: no NAT */
	struct addr dead; /* an address that nobody has */

	/* The gateway. */
	struct addr gateway;
	struct responder_config responder; /* with one suite of each kind */
	struct secret psk; /* the gateway's; responder.psk points to it */
	bool silent; /* it hears nothing */
	bool mute; /* its hosts do not answer the client's own pings */
	vtime slow; /* what it takes to deal with an IKE message */
	unsigned eager; /* its hosts send so many packets on a new SA, before message 2 leaves */
	bool late; /* its SAs are there from message 3 of quick mode on, not from message 2 */

	/* It is the program's own engine, and may begin exchanges. */
	bool engine;
	uint32_t gateway_lifetime_s, gateway_keylife_s;
	bool waits; /* it sends on SAs that it began only when the client has sent on them */
	bool deletes; /* it deletes an older pair as soon as it sends on a newer one */

	/* The user and his configuration, where the gateway is the engine. */
	unsigned fields; /* that it asks for, 1 << enum xauth_field; 0: it asks for nobody */
	bool challenge; /* a second round, with another question each time */
	bool trusts; /* at a renewal it does not ask again */
	bool config; /* it gives addresses */
	bool strict; /* an address that one of its SAs holds is not given to another */
	vtime person; /* so long somebody takes to answer; VTIME_NEVER: nobody is there */

	struct addr hosts[SETTINGS_TUNNELS_MAX]; /* one behind the gateway for each tunnel */
};

/* What the clients of all worlds have reached. */
extern struct session_reached sim_reached;

/* Everything by the seed, on a wire that delivers all in order. */
void settings_choose(struct settings *s, struct rng *rng);
/* Gives the gateway this key instead. */
void settings_psk(struct settings *s, struct slice psk);
/*
 * The gateway is the program's engine; both ends' keys live so long, and silence is noticed after
 * so long.
 */
void settings_engine(struct settings *s, uint32_t lifetime_s, uint32_t keylife_s, vtime dpd);
/* The engine asks for these fields; the session knows its user's name and password. */
void settings_user(struct settings *s, unsigned fields);
/* The engine gives the addresses that the tunnels have on our side; unity: and one tunnel for all. */
void settings_config(struct settings *s, bool unity);
/* Wipes the keys. */
void settings_free(struct settings *s);
/* A wire in both directions: 30 % lost, 10 % duplicated, 25 % out of order. */
void settings_bad_wire(struct settings *s);
/* One line for the trace. */
void settings_text(const struct settings *s, char *buf, size_t size);

#endif
