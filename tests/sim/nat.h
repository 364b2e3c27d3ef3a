/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An ordinary NAT for UDP (RFC 4787): it gives each inside endpoint a port of its own outside
 * address. What is not UDP does not pass.
 */
#ifndef GODWIT_SIM_NAT_H
#define GODWIT_SIM_NAT_H

#include <stdbool.h>

#include "base/addr.h"
#include "base/rng.h"
#include "base/vtime.h"

#define NAT_MAPPINGS_MAX 512
#define NAT_PERMITS_MAX 8 /* remotes that one mapping remembers; the oldest makes room */

/* What a mapping depends on (RFC 4787 section 4.1), and who may use it from outside (section 5). */
enum nat_dependence {
	NAT_INDEPENDENT, /* of the remote endpoint */
	NAT_ADDRESS, /* its address counts */
	NAT_ADDRESS_PORT, /* address and port */
};

struct udp_nat_config {
	struct addr outside;
	enum nat_dependence mapping;
	enum nat_dependence filtering;
	bool preserves; /* the inside port, where nobody else has it */
	vtime lifetime; /* of a mapping through which nothing has gone out */
};

struct nat_permit {
	struct endpoint remote;
	vtime expires;
};

struct nat_mapping {
	struct endpoint inside;
	struct endpoint remote; /* as far as the mapping depends on it */
	uint16_t port;
	vtime expires; /* 0: the place is free */
	unsigned npermits; /* so far */
	struct nat_permit permits[NAT_PERMITS_MAX];
};

struct udp_nat {
	struct udp_nat_config config;
	struct rng *rng; /* borrowed; for ports */
	struct nat_mapping mappings[NAT_MAPPINGS_MAX];
};

void udp_nat_init(struct udp_nat *n, const struct udp_nat_config *config, struct rng *rng);
/* A datagram from inside: *src becomes what it is outside. False: there is no room. */
bool udp_nat_out(struct udp_nat *n, vtime now, struct endpoint *src, const struct endpoint *dst);
/* One to the outside address: *dst becomes what it is inside. False: nobody may have it. */
bool udp_nat_in(struct udp_nat *n, vtime now, const struct endpoint *src, struct endpoint *dst);
/* It has forgotten everything. */
void udp_nat_reboot(struct udp_nat *n);
/* Another outside address; mappings stay. */
void udp_nat_renumber(struct udp_nat *n, const struct addr *outside);

#endif
