/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Traffic selectors (RFC 4301 section 4.4.1.1) and the tuple of one packet that they are matched
 * against. A selector is a range of addresses of one family, a protocol (0 = any) and a range of
 * ports (0 … 65535 = any).
 */
#ifndef GODWIT_BASE_TS_H
#define GODWIT_BASE_TS_H

#include "base/addr.h"

struct ts {
	struct addr lo;
	struct addr hi;
	uint8_t proto;
	uint16_t port_lo;
	uint16_t port_hi;
};

/* What one tunnel or rule covers: our side and theirs. Both of one family. */
struct ts_pair {
	struct ts local;
	struct ts remote;
};

/*
 * Addresses, protocol and ports of one IP packet. For ICMP the source port holds type << 8 | code
 * (RFC 4301) and the destination port 0; fragments other than the first and protocols without
 * ports have `ports` false.
 */
struct tuple {
	struct addr src;
	struct addr dst;
	uint8_t proto;
	bool ports;
	uint16_t sport;
	uint16_t dport;
};

#define TS_TEXT_MAX 128

/* A selector for all of a prefix: any protocol, any port. */
struct ts ts_from_prefix(const struct prefix *p);
/* True when the range is exactly one prefix, which is then in *out. */
bool ts_to_prefix(const struct ts *t, struct prefix *out);
bool ts_eq(const struct ts *a, const struct ts *b);
bool ts_pair_eq(const struct ts_pair *a, const struct ts_pair *b);
/* True when every packet that `inner` matches is matched by `outer`, too. */
bool ts_covers(const struct ts *outer, const struct ts *inner);
bool ts_contains_addr(const struct ts *t, const struct addr *a);
/* Matches a packet we send (source is local) or receive (destination is local). */
bool ts_pair_match_out(const struct ts_pair *ts, const struct tuple *t);
bool ts_pair_match_in(const struct ts_pair *ts, const struct tuple *t);
#define TS_PROTO_TEXT_MAX 16
/* "tcp", "icmp", "ipv6-icmp", a number; 0: "any". */
const char *ts_proto_text(uint8_t proto, char buf[TS_PROTO_TEXT_MAX]);
/* "10.0.0.0/24", "10.0.0.1-10.0.0.9", with "[tcp/80]" behind it where restricted. */
const char *ts_text(const struct ts *t, char buf[TS_TEXT_MAX]);

#endif
