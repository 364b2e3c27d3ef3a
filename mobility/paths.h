/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From where to where the tunnel can talk: the kernel's links, addresses and routes become candidates,
 * and one of them is the choice. Facts come as a whole, whenever something may have changed; the same
 * facts twice change nothing, so nobody has to wait for a storm of events to end, and whoever says
 * "look again" (a dispatcher, a person) does no more than that.
 *
 *	a candidate   a host address that is not tentative, on a link that is up and not ours, from
 *	              which the kernel has a route to an address of the gateway through that link
 *
 * With the address of the gateway that is in use, in this order:
 *
 *	what the kernel would choose; the choice as it is; any other candidate
 *
 * and with its other addresses, in the order of preference, only when there is none. What has failed is
 * barred until it goes away and comes again, or somebody says "look again".
 *
 *	         MOVE: another address of ours, or of the gateway
 *	       ┌───┐
 *	       │   ▼     no candidate: LOST
 *	     CHOSEN ───────────────────────► LOST
 *	       ▲                              │ the same candidate: BACK, another: MOVE
 *	       └──────────────────────────────┘
 *
 * The link that comes first is used first: a MOVE while the choice before is still a candidate says so
 * (`before`), and what the gateway sends there still arrives.
 */
#ifndef GODWIT_MOBILITY_PATHS_H
#define GODWIT_MOBILITY_PATHS_H

#include "base/addr.h"

#define PATHS_BARRED_MAX 16

struct paths_link {
	unsigned ifindex;
	bool up; /* and has a carrier */
	bool own; /* one of our TUN devices */
};

struct paths_addr {
	unsigned ifindex;
	struct addr addr;
	bool tentative; /* IPv6: not to be used yet, or never */
};

/* What the kernel answers: there is a route to this address of the gateway. */
struct paths_route {
	struct addr remote; /* as in the list of the gateway's addresses */
	unsigned ifindex;
	struct addr source;
	bool best; /* it would be taken if nothing were asked for; else it is that link's */
};

/* Borrowed for the time of the call. */
struct paths_facts {
	const struct paths_link *links;
	unsigned nlinks;
	const struct paths_addr *addrs;
	unsigned naddrs;
	/* In the order of preference of the gateway's addresses. */
	const struct paths_route *routes;
	unsigned nroutes;
};

struct paths_choice {
	struct addr local;
	struct addr remote;
	unsigned ifindex;
};

enum paths_verdict {
	PATHS_STAY, /* nothing has changed for the tunnel */
	PATHS_MOVE, /* paths->choice is another one */
	PATHS_LOST, /* there is no candidate: hold what is to be sent */
	/*
	 * The same addresses again, after LOST or on another link: go on. Behind a NAT it may be
	 * another NAT than before: worth an update, though nothing of ours has changed.
	 */
	PATHS_BACK,
};

struct paths {
	bool chosen; /* there has been a choice */
	bool lost;
	struct paths_choice choice;
	bool before_alive; /* MOVE: `before` is still a candidate */
	struct paths_choice before;
	unsigned nbarred;
	struct paths_choice barred[PATHS_BARRED_MAX];
};

void paths_init(struct paths *p);
/* Where the tunnel is: what phase 1 has found out. */
void paths_set(struct paths *p, const struct paths_choice *choice);
/* These are the facts now. */
enum paths_verdict paths_look(struct paths *p, const struct paths_facts *facts);
/*
 * The choice does not carry: nobody has answered there. It is barred, if there is another candidate,
 * which is then the choice; else STAY.
 */
enum paths_verdict paths_failed(struct paths *p, const struct paths_facts *facts);
/* Somebody says that the network has changed: nothing is barred any more. paths_look follows. */
void paths_again(struct paths *p);

#endif
