/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this host knows of the way to a gateway, and what of it stands in the way. Internal to doctor/. */
#ifndef GODWIT_DOCTOR_LOOK_H
#define GODWIT_DOCTOR_LOOK_H

#include <net/if.h>

#include "doctor/engine.h"
#include "net/net.h"

#define LOOK_KIND_MAX 16
#define LOOK_RULES_MAX 16
#define LOOK_LINKS_MAX 64
#define LOOK_PROGRAM_MAX 32

struct look_link {
	unsigned ifindex;
	uint32_t mtu;
	bool up;
	char name[IF_NAMESIZE];
	char kind[LOOK_KIND_MAX]; /* "tun", "wireguard", "veth"; "" of hardware */
};

/* A routing rule that is not one of the kernel's own three. */
struct look_rule {
	enum family family;
	uint32_t preference;
	uint32_t table;
	uint32_t mark;
	uint8_t protocol; /* who made it (RTPROT_*), ours is TUN_RT_PROTOCOL */
	bool whole; /* it catches packets with no mark, from and to anywhere */
};

struct look_route {
	int error; /* errno: there is none */
	struct net_route route;
	const struct look_link *link; /* NULL: not known */
};

struct look_port {
	uint16_t used; /* ours */
	int error; /* errno with which the port of its own was refused; 0: we have it */
	bool taken; /* somebody has it */
	int pid; /* of whom; 0: not known */
	char program[LOOK_PROGRAM_MAX];
};

struct look {
	unsigned nlinks;
	struct look_link link[LOOK_LINKS_MAX];
	unsigned nrules;
	struct look_rule rule[LOOK_RULES_MAX];
	int policies; /* of IPsec in the kernel; -1: may not be asked for */
	struct look_route route[DOCTOR_ADDRESSES_MAX];
	struct look_port port[DOCTOR_PORTS];
	int year;
	int synchronized; /* the clock: 1 yes, 0 no, -1 not known */
};

/* Links, rules, policies, routes to these n addresses, clock. Complains of nothing. */
void look_host(struct look *h, const struct addr *to, unsigned n);
/* Who has the port that could not be had with this errno; 0: it could. */
void look_port(struct look_port *p, uint16_t port, int error);
/* A device that leads into some VPN, by its kind or name. */
bool look_is_tunnel(const struct look_link *l);

#endif
