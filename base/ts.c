/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/ts.h"

#include <stdio.h>

struct ts ts_from_prefix(const struct prefix *p)
{
	struct ts t = { .proto = 0, .port_lo = 0, .port_hi = UINT16_MAX };

	prefix_range(p, &t.lo, &t.hi);
	return t;
}

/* How many bits two addresses of one family begin with alike. */
static unsigned common_bits(const struct addr *a, const struct addr *b)
{
	unsigned n = (unsigned)family_size(a->family), i = 0;

	while (i < n && a->b[i] == b->b[i])
		i++;
	return i == n ? 8 * n : 8 * i + (unsigned)__builtin_clz((unsigned)(a->b[i] ^ b->b[i])) - 24;
}

bool ts_to_prefix(const struct ts *t, struct prefix *out)
{
	struct addr lo, hi;

	*out = (struct prefix){ t->lo, (uint8_t)common_bits(&t->lo, &t->hi) };
	prefix_range(out, &lo, &hi);
	return addr_eq(&lo, &t->lo) && addr_eq(&hi, &t->hi);
}

bool ts_eq(const struct ts *a, const struct ts *b)
{
	return addr_eq(&a->lo, &b->lo) && addr_eq(&a->hi, &b->hi) && a->proto == b->proto &&
	       a->port_lo == b->port_lo && a->port_hi == b->port_hi;
}

bool ts_contains_addr(const struct ts *t, const struct addr *a)
{
	return t->lo.family == a->family && addr_cmp(&t->lo, a) <= 0 && addr_cmp(a, &t->hi) <= 0;
}

bool ts_pair_eq(const struct ts_pair *a, const struct ts_pair *b)
{
	return ts_eq(&a->local, &b->local) && ts_eq(&a->remote, &b->remote);
}

bool ts_covers(const struct ts *outer, const struct ts *inner)
{
	return ts_contains_addr(outer, &inner->lo) && ts_contains_addr(outer, &inner->hi) &&
	       (outer->proto == 0 || outer->proto == inner->proto) &&
	       outer->port_lo <= inner->port_lo && inner->port_hi <= outer->port_hi;
}

static bool ts_match(const struct ts *t, const struct addr *a, const struct tuple *p, uint16_t port)
{
	if (!ts_contains_addr(t, a) || (t->proto != 0 && t->proto != p->proto))
		return false;
	if (t->port_lo == 0 && t->port_hi == UINT16_MAX)
		return true;
	return p->ports && t->port_lo <= port && port <= t->port_hi;
}

bool ts_pair_match_out(const struct ts_pair *ts, const struct tuple *t)
{
	return ts_match(&ts->local, &t->src, t, t->sport) &&
	       ts_match(&ts->remote, &t->dst, t, t->dport);
}

bool ts_pair_match_in(const struct ts_pair *ts, const struct tuple *t)
{
	return ts_match(&ts->local, &t->dst, t, t->dport) &&
	       ts_match(&ts->remote, &t->src, t, t->sport);
}

const char *ts_proto_text(uint8_t proto, char buf[TS_PROTO_TEXT_MAX])
{
	switch (proto) {
	case 0:
		return "any";
	case 1:
		return "icmp";
	case 6:
		return "tcp";
	case 17:
		return "udp";
	case 58:
		return "ipv6-icmp";
	}
	snprintf(buf, TS_PROTO_TEXT_MAX, "%u", proto);
	return buf;
}

static void ts_text_ports(const struct ts *t, char *buf, size_t size)
{
	char p[TS_PROTO_TEXT_MAX];

	if (t->port_lo == 0 && t->port_hi == UINT16_MAX)
		snprintf(buf, size, "[%s]", ts_proto_text(t->proto, p));
	else if (t->port_lo == t->port_hi)
		snprintf(buf, size, "[%s/%u]", ts_proto_text(t->proto, p), t->port_lo);
	else
		snprintf(buf, size, "[%s/%u-%u]", ts_proto_text(t->proto, p), t->port_lo,
			 t->port_hi);
}

const char *ts_text(const struct ts *t, char buf[TS_TEXT_MAX])
{
	char a[PREFIX_TEXT_MAX], b[ADDR_TEXT_MAX];
	struct prefix p;
	int n;

	if (ts_to_prefix(t, &p))
		n = snprintf(buf, TS_TEXT_MAX, "%s", prefix_text(&p, a));
	else
		n = snprintf(buf, TS_TEXT_MAX, "%s-%s", addr_text(&t->lo, a), addr_text(&t->hi, b));
	if (t->proto != 0 || t->port_lo != 0 || t->port_hi != UINT16_MAX)
		ts_text_ports(t, buf + n, TS_TEXT_MAX - (size_t)n);
	return buf;
}
