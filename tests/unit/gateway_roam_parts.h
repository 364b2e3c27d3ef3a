/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A world of clients that move, and what is looked at there. */
#ifndef GODWIT_TESTS_GATEWAY_ROAM_PARTS_H
#define GODWIT_TESTS_GATEWAY_ROAM_PARTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/gateway_world.h"

#define HOST "10.20.0.7"
#define KEY "a very good key"
#define NAT "203.0.113.5"
#define OTHER_NAT "203.0.113.77"
#define ELSEWHERE "198.51.200.9"
#define RECORD_MAX 2000

/* What is on the wire: an update's datagram, and what the gateway sends to one place. */
struct wire {
	bool record, lose_recorded; /* the next IKE message to the gateway */
	size_t n;
	uint8_t bytes[RECORD_MAX];
	const struct gworld_client *watched;
	uint64_t to_watched;
	bool lose_phase1; /* message 5 of main mode, once */
	bool renewing; /* the gateway has begun a quick mode */
};

static inline bool on_wire(struct gworld *w, const struct gworld_datagram *d)
{
	struct wire *wire = w->arg;
	bool ike = d->dst.port == 4500 && d->n > 4 && get_be32(d->bytes) == 0;

	if (d->to && d->to == wire->watched)
		wire->to_watched += d->n;
	if (d->to && d->from.port == 4500 && d->n > 28 && get_be32(d->bytes) == 0)
		wire->renewing |= d->bytes[4 + 18] == 32;
	if (!d->to && ike && wire->lose_phase1 && d->bytes[4 + 18] == 2 && d->bytes[4 + 19] & 1) {
		wire->lose_phase1 = false;
		wire->record = wire->lose_recorded = true;
	}
	if (d->to || !wire->record || !ike)
		return false;
	assert_true(d->n <= sizeof(wire->bytes));
	wire->record = false;
	wire->n = d->n;
	memcpy(wire->bytes, d->bytes, d->n);
	return wire->lose_recorded;
}

static inline struct gworld *world(uint64_t seed, struct wire *wire)
{
	struct gworld *w = gworld_new(seed);
	struct gateway_entry *e = gworld_entry_psk(w, NULL, KEY);

	e->ike.address_update = true;
	addr_parse("2001:db8::1", &w->outer6);
	w->config.own[w->config.nown++] = w->outer6;
	*wire = (struct wire){ 0 };
	w->arg = wire;
	w->lose = on_wire;
	return w;
}

static inline struct gworld_client *client(struct gworld *w, const char *name, const char *behind)
{
	struct gworld_client *c = gworld_client(w, &w->config.entries[0], name, behind, true);

	c->config.ike.address_update = true;
	gworld_connect(c);
	gworld_run(w, 2 * VTIME_S);
	assert_true(gworld_is_up(c));
	assert_true(gworld_ping(c, HOST));
	return c;
}

/* What must be the same before and after. */
struct names {
	uint8_t cookies[2 * IKE_COOKIE_SIZE];
	uint32_t spi_in, spi_out;
	struct addr inner;
};

static inline struct names names_of(const struct gworld_client *c)
{
	struct session_info *info = calloc(1, sizeof(*info));
	struct names n = { .inner = c->inner };

	session_info(c->session, info);
	memcpy(n.cookies, info->ike.cookie_i, IKE_COOKIE_SIZE);
	memcpy(n.cookies + IKE_COOKIE_SIZE, info->ike.cookie_r, IKE_COOKIE_SIZE);
	n.spi_in = info->tunnels[0].epochs[0].spi_in;
	n.spi_out = info->tunnels[0].epochs[0].spi_out;
	free(info);
	return n;
}

static inline void assert_same(const struct gworld_client *c, const struct names *before)
{
	struct names n = names_of(c);

	assert_memory_equal(n.cookies, before->cookies, sizeof(n.cookies));
	assert_int_equal(n.spi_in, before->spi_in);
	assert_int_equal(n.spi_out, before->spi_out);
	assert_true(addr_eq(&n.inner, &before->inner));
}

static inline uint64_t count(const struct gworld *w, enum update_gateway_rule rule)
{
	return gworld_info(w).counters.updates[rule];
}

static inline void assert_peer_at(const struct gworld *w, const char *where)
{
	struct gateway_peer_info p = gworld_peer(w, 0);
	struct addr a;

	assert_true(addr_parse(where, &a));
	assert_true(addr_eq(&p.path.remote.addr, &a));
}

#endif
