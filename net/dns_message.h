/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of DNS (RFC 1035 section 4, RFC 3596): one question, and what a server says to it. */
#ifndef GODWIT_NET_DNS_MESSAGE_H
#define GODWIT_NET_DNS_MESSAGE_H

#include "base/addr.h"
#include "base/bytes.h"

#define DNS_PORT 53
#define DNS_QUERY_MAX 300
#define DNS_ADDRESSES_MAX 8

enum dns_type {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_SOA = 6,
	DNS_AAAA = 28,
};

/* What one name server says of a name. */
struct dns_answer {
	struct addr server;
	bool answered;
	int code; /* 0 no error, 3 no such name */
	unsigned n;
	struct addr addrs[DNS_ADDRESSES_MAX];
};

/*
 * A query into buf; empty for what can be no name. "" is the root. `recurse`: the server may ask
 * others; else it says at once what it knows itself, or that it does not.
 */
struct slice dns_query(uint16_t id, const char *name, enum dns_type type, bool recurse,
		       uint8_t buf[DNS_QUERY_MAX]);
/* Whether this is an answer of that id; of what it says nothing is looked at. */
bool dns_is_answer(struct slice bytes, uint16_t id);
/*
 * Adds the addresses of an answer, as many as there is room for; names are not looked at. 0; ERR_MALFORMED;
 * or ERR_UNEXPECTED when it is no answer, or has another id.
 */
int dns_parse(struct slice bytes, uint16_t id, struct dns_answer *out);

#endif
