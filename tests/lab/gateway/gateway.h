/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A gateway for the lab that does what it is told: the program's own engines in the gateway's role,
 * with words on the command line and on standard input for what no daemon can be made to do. It says
 * on standard output what comes to it and what it does, a line for each.
 *
 *	main.c     words, sockets, the loop
 *	peer.c     IKE SAs: who the user is, what he is given, what is refused
 *	strange.c  configurations and notifies as no engine of ours would write them
 *	data.c     pairs of ESP SAs, and behind them hosts that answer echo requests
 *
 * IKE on ports 500 and 4500; ESP in UDP on 4500, bare, and on the port of Cisco's encapsulation.
 */
#ifndef GODWIT_TESTS_LAB_GATEWAY_H
#define GODWIT_TESTS_LAB_GATEWAY_H

#include "ike/sa.h"
#include "tests/support/lab.h"

#define LAB_SPLITS_MAX 8

enum lab_user {
	LAB_USER_NONE, /* nobody is asked for */
	LAB_USER_PASSWORD,
	LAB_USER_CODE, /* and then a code */
	LAB_USER_PIN, /* and then a new PIN */
	LAB_USER_PASSCODE, /* name and code at once */
};

/* What becomes of the user where an older SA knows him. */
enum lab_again {
	LAB_AGAIN_ASK, /* as at first */
	LAB_AGAIN_CODE,
	LAB_AGAIN_KNOWN,
};

enum lab_config {
	LAB_CONFIG_PULL,
	LAB_CONFIG_PUSH, /* behind the user's acceptance; requests are not answered */
	LAB_CONFIG_BEFORE, /* before it, as NetScreen does */
};

struct lab_options {
	const char *psk;
	struct ike_config ike;
	enum lab_user user;
	enum lab_again again;
	enum lab_config config;
	bool cisco; /* its vendor ids, and children end with the SA they came by */
	struct addr inner;
	unsigned nsplits;
	struct prefix splits[LAB_SPLITS_MAX];
	uint16_t port; /* of Cisco's encapsulation; 0: not open */
	uint16_t names; /* the one that is named; 0: none */
	const char *strange; /* the configuration of this name; NULL: a sane one */
	struct prefix refuse; /* not taken as our side of a tunnel; without a family: none */
	vtime late; /* so long after message 3 what comes on the new SAs is lost */
	unsigned early; /* packets sent before message 2 */
	struct addr redirect; /* who comes to another address of ours is sent here */
	uint32_t keylife_s;
};

struct lab {
	struct lab_options options;
	struct log log;
	struct net_socket ike;
	struct net_socket natt;
	struct net_socket esp;
	struct net_socket cisco;
	struct lab_peer *peer;
	struct lab_data *data;
	bool mute; /* sends nothing */
};

void lab_send(struct lab *lab, struct net_socket *s, const struct endpoint *from,
	      const struct endpoint *to, struct slice bytes);

/* ---- peer.c ---- */

struct lab_peer *lab_peer_new(struct lab *lab);
void lab_peer_free(struct lab_peer *p);
void lab_peer_datagram(struct lab_peer *p, const struct endpoint *from, const struct endpoint *to,
		       struct slice bytes);
void lab_peer_timeout(struct lab_peer *p);
vtime lab_peer_deadline(const struct lab_peer *p);
/* Begins a new phase 1 beside the newest SA. */
void lab_peer_rekey(struct lab_peer *p);
void lab_peer_push(struct lab_peer *p);
/* The notifies of that name, over the newest SA. */
void lab_peer_notify(struct lab_peer *p, const char *name);
void lab_peer_forget(struct lab_peer *p);

/* ---- strange.c ---- */

/* Answers the client's request with the configuration of that name. False: there is none. */
bool lab_strange_give(struct ike_sa *sa, vtime now, const char *name);
bool lab_strange_notify(struct ike_sa *sa, const char *name);

/* ---- data.c ---- */

struct lab_data *lab_data_new(struct lab *lab);
void lab_data_free(struct lab_data *d);
/* The pair is used from now on; `owner` is the SA it came by. */
void lab_data_add(struct lab_data *d, const struct ike_child *child, unsigned owner);
/* Packets on a pair that the client does not know of yet. */
void lab_data_early(struct lab_data *d, const struct ike_child *child, const struct path *path);
void lab_data_remove(struct lab_data *d, uint32_t spi_out);
void lab_data_remove_of(struct lab_data *d, unsigned owner);
void lab_data_forget(struct lab_data *d);
/* An ESP packet that has come to the socket. */
void lab_data_datagram(struct lab_data *d, struct net_socket *s, const struct pkt *p);

#endif
