/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tun/filter_rules.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

#include "base/mem.h"

#define MESSAGE_ROOM 2048 /* the longest rule, and a half */

#define LOOPBACK 1 /* the number of the device, in every namespace */
#define PROTO_ICMP 1
#define PROTO_TCP 6
#define PROTO_UDP 17
#define PROTO_ESP 50
#define PROTO_ICMP6 58
#define HEADER_FRAGMENT 44

/* ---- messages ---- */

void filter_batch_init(struct filter_batch *b, const char *table)
{
	*b = (struct filter_batch){ .table = table };
}

static void make_room(struct filter_batch *b)
{
	uint8_t *larger;

	if (b->used + MESSAGE_ROOM <= b->size)
		return;
	b->size = 2 * b->size + MESSAGE_ROOM;
	larger = xcalloc(1, b->size);
	if (b->used)
		memcpy(larger, b->buf, b->used);
	free(b->buf);
	b->buf = larger;
}

void filter_message_end(struct filter_batch *b)
{
	if (b->nlh)
		b->used += MNL_ALIGN(b->nlh->nlmsg_len);
	b->nlh = NULL;
}

static void message(struct filter_batch *b, uint16_t type, uint16_t flags, uint8_t family,
		    uint16_t resource)
{
	struct nfgenmsg *g;

	filter_message_end(b);
	make_room(b);
	b->nlh = mnl_nlmsg_put_header(b->buf + b->used);
	b->nlh->nlmsg_type = type;
	b->nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	g = mnl_nlmsg_put_extra_header(b->nlh, sizeof(*g));
	*g = (struct nfgenmsg){ family, NFNETLINK_V0, htons(resource) };
}

void filter_batch_begin(struct filter_batch *b)
{
	message(b, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
}

void filter_batch_end(struct filter_batch *b)
{
	message(b, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	filter_message_end(b);
}

void filter_message(struct filter_batch *b, uint16_t type, uint16_t flags)
{
	message(b, NFNL_SUBSYS_NFTABLES << 8 | type, flags, NFPROTO_INET, 0);
}

/* ---- a rule: a list of expressions, of which each one goes on or ends it ---- */

struct rule {
	struct filter_batch *b;
	struct nlattr *list;
	struct nlattr *element;
	struct nlattr *data;
};

static struct rule rule_begin(struct filter_batch *b, const char *chain)
{
	struct rule r = { .b = b };

	filter_message(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	mnl_attr_put_strz(b->nlh, NFTA_RULE_TABLE, b->table);
	mnl_attr_put_strz(b->nlh, NFTA_RULE_CHAIN, chain);
	r.list = mnl_attr_nest_start(b->nlh, NFTA_RULE_EXPRESSIONS);
	b->rules++;
	return r;
}

static void rule_end(struct rule *r)
{
	mnl_attr_nest_end(r->b->nlh, r->list);
}

static void begin(struct rule *r, const char *name)
{
	r->element = mnl_attr_nest_start(r->b->nlh, NFTA_LIST_ELEM);
	mnl_attr_put_strz(r->b->nlh, NFTA_EXPR_NAME, name);
	r->data = mnl_attr_nest_start(r->b->nlh, NFTA_EXPR_DATA);
}

static void end(struct rule *r)
{
	mnl_attr_nest_end(r->b->nlh, r->data);
	mnl_attr_nest_end(r->b->nlh, r->element);
}

static void put(struct rule *r, uint16_t type, uint32_t value)
{
	mnl_attr_put_u32(r->b->nlh, type, htonl(value));
}

static void put_value(struct rule *r, uint16_t type, const void *value, size_t n)
{
	struct nlattr *nest = mnl_attr_nest_start(r->b->nlh, type);

	mnl_attr_put(r->b->nlh, NFTA_DATA_VALUE, n, value);
	mnl_attr_nest_end(r->b->nlh, nest);
}

/* All that is looked at goes by way of the first register. */

static void load_meta(struct rule *r, uint32_t key)
{
	begin(r, "meta");
	put(r, NFTA_META_DREG, NFT_REG_1);
	put(r, NFTA_META_KEY, key);
	end(r);
}

static void load_payload(struct rule *r, uint32_t base, uint32_t offset, size_t n)
{
	begin(r, "payload");
	put(r, NFTA_PAYLOAD_DREG, NFT_REG_1);
	put(r, NFTA_PAYLOAD_BASE, base);
	put(r, NFTA_PAYLOAD_OFFSET, offset);
	put(r, NFTA_PAYLOAD_LEN, (uint32_t)n);
	end(r);
}

static void load_fragment(struct rule *r)
{
	begin(r, "exthdr");
	put(r, NFTA_EXTHDR_DREG, NFT_REG_1);
	mnl_attr_put_u8(r->b->nlh, NFTA_EXTHDR_TYPE, HEADER_FRAGMENT);
	put(r, NFTA_EXTHDR_OFFSET, 2);
	put(r, NFTA_EXTHDR_LEN, 2);
	end(r);
}

static void load_daddr_type(struct rule *r)
{
	begin(r, "fib");
	put(r, NFTA_FIB_DREG, NFT_REG_1);
	put(r, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	put(r, NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
	end(r);
}

static void load_socket_mark(struct rule *r)
{
	begin(r, "socket");
	put(r, NFTA_SOCKET_DREG, NFT_REG_1);
	put(r, NFTA_SOCKET_KEY, NFT_SOCKET_MARK);
	end(r);
}

/* Ranges are compared byte by byte. */
static void to_network_order(struct rule *r)
{
	begin(r, "byteorder");
	put(r, NFTA_BYTEORDER_SREG, NFT_REG_1);
	put(r, NFTA_BYTEORDER_DREG, NFT_REG_1);
	put(r, NFTA_BYTEORDER_OP, NFT_BYTEORDER_HTON);
	put(r, NFTA_BYTEORDER_LEN, 4);
	put(r, NFTA_BYTEORDER_SIZE, 4);
	end(r);
}

static void mask(struct rule *r, const void *bits, size_t n)
{
	static const uint8_t zero[16];

	begin(r, "bitwise");
	put(r, NFTA_BITWISE_SREG, NFT_REG_1);
	put(r, NFTA_BITWISE_DREG, NFT_REG_1);
	put(r, NFTA_BITWISE_LEN, (uint32_t)n);
	put_value(r, NFTA_BITWISE_MASK, bits, n);
	put_value(r, NFTA_BITWISE_XOR, zero, n);
	end(r);
}

static void compare(struct rule *r, uint32_t op, const void *value, size_t n)
{
	begin(r, "cmp");
	put(r, NFTA_CMP_SREG, NFT_REG_1);
	put(r, NFTA_CMP_OP, op);
	put_value(r, NFTA_CMP_DATA, value, n);
	end(r);
}

static void is(struct rule *r, const void *value, size_t n)
{
	compare(r, NFT_CMP_EQ, value, n);
}

static void in_range(struct rule *r, const void *lo, const void *hi, size_t n)
{
	begin(r, "range");
	put(r, NFTA_RANGE_SREG, NFT_REG_1);
	put(r, NFTA_RANGE_OP, NFT_RANGE_EQ);
	put_value(r, NFTA_RANGE_FROM_DATA, lo, n);
	put_value(r, NFTA_RANGE_TO_DATA, hi, n);
	end(r);
}

/* chain: where to; NULL: none. */
static void verdict(struct rule *r, int code, const char *chain)
{
	struct nlattr *data, *v;

	begin(r, "immediate");
	put(r, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = mnl_attr_nest_start(r->b->nlh, NFTA_IMMEDIATE_DATA);
	v = mnl_attr_nest_start(r->b->nlh, NFTA_DATA_VERDICT);
	put(r, NFTA_VERDICT_CODE, (uint32_t)code);
	if (chain)
		mnl_attr_put_strz(r->b->nlh, NFTA_VERDICT_CHAIN, chain);
	mnl_attr_nest_end(r->b->nlh, v);
	mnl_attr_nest_end(r->b->nlh, data);
	end(r);
	rule_end(r);
}

static void let_in(struct rule *r)
{
	verdict(r, NF_ACCEPT, NULL);
}

static void go(struct rule *r, const char *chain)
{
	verdict(r, NFT_GOTO, chain);
}

/* ---- what packets are asked for ---- */

static void match_number(struct rule *r, uint32_t key, uint32_t value)
{
	load_meta(r, key);
	is(r, &value, sizeof(value));
}

static void match_family(struct rule *r, enum family f)
{
	const uint8_t number = f == FAMILY_IP6 ? NFPROTO_IPV6 : NFPROTO_IPV4;

	load_meta(r, NFT_META_NFPROTO);
	is(r, &number, sizeof(number));
}

static void match_proto(struct rule *r, uint8_t proto)
{
	load_meta(r, NFT_META_L4PROTO);
	is(r, &proto, sizeof(proto));
}

static bool is_any_addr(const struct ts *t)
{
	struct prefix p;

	return ts_to_prefix(t, &p) && p.len == 0;
}

static void load_addr(struct rule *r, enum family f, bool source)
{
	uint32_t offset = f == FAMILY_IP6 ? (source ? 8 : 24) : (source ? 12 : 16);

	load_payload(r, NFT_PAYLOAD_NETWORK_HEADER, offset, family_size(f));
}

/* Behind match_family. */
static void match_addrs(struct rule *r, const struct ts *t, bool source)
{
	enum family f = t->lo.family;
	size_t n = family_size(f);
	struct prefix p;
	uint8_t bits[16] = { 0 };

	if (is_any_addr(t))
		return;
	load_addr(r, f, source);
	if (!ts_to_prefix(t, &p)) {
		in_range(r, t->lo.b, t->hi.b, n);
		return;
	}
	for (unsigned i = 0; i < p.len; i++)
		bits[i / 8] |= (uint8_t)(0x80 >> i % 8);
	if (p.len < 8 * n)
		mask(r, bits, n);
	is(r, p.addr.b, n);
}

static void match_addr(struct rule *r, const struct addr *a, bool source)
{
	match_family(r, a->family);
	load_addr(r, a->family, source);
	is(r, a->b, family_size(a->family));
}

/* Behind match_proto. Of ICMP the place of the first port has type and code. */
static void match_ports(struct rule *r, uint16_t lo, uint16_t hi, bool source)
{
	const uint16_t from = htons(lo), to = htons(hi);

	load_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, source ? 0 : 2, sizeof(from));
	if (lo == hi)
		is(r, &from, sizeof(from));
	else
		in_range(r, &from, &to, sizeof(from));
}

static bool is_any_port(const struct ts *t)
{
	return t->port_lo == 0 && t->port_hi == UINT16_MAX;
}

/* ICMP's type, or its first byte at least. */
static void match_types(struct rule *r, uint8_t proto, uint8_t lo, uint8_t hi)
{
	match_proto(r, proto);
	load_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1);
	in_range(r, &lo, &hi, 1);
}

/* ---- whom rules are for ---- */

/* True when our side of the rule is, or has, an inner address. */
static bool is_for_inner(const struct tun_filter_setup *setup, const struct ts *local)
{
	bool any = is_any_addr(local);

	for (unsigned i = 0; i < setup->n_inner; i++)
		any |= ts_contains_addr(local, &setup->inner[i]);
	return any;
}

static bool is_inner(const struct tun_filter_setup *setup, const struct ts *local)
{
	return addr_eq(&local->lo, &local->hi) && is_for_inner(setup, local);
}

/* Which of our addresses a rule is asked for. */
enum rule_local {
	LOCAL_ANY, /* whatever it is for */
	LOCAL_OWN, /* those it is for */
	LOCAL_NONE, /* no such rule */
};

/* What is not for us is somebody's behind us, and ruled only if we protect their network. */
static enum rule_local through_local(const struct tun_filter_setup *setup,
				     const struct policy_rule *rule)
{
	switch (rule->action) {
	case POLICY_BYPASS:
		return LOCAL_OWN;
	case POLICY_DISCARD:
		break;
	case POLICY_PROTECT:
		if (setup->forwards)
			return LOCAL_ANY;
		if (!is_any_addr(&rule->ts.local) && !is_inner(setup, &rule->ts.local))
			return LOCAL_OWN;
		break;
	}
	return LOCAL_NONE;
}

/* True when packets for others are looked at. */
static bool has_through(const struct tun_filter_setup *setup)
{
	for (unsigned i = 0; setup->policy && i < setup->policy->n; i++)
		if (setup->policy->rules[i].action == POLICY_PROTECT &&
		    through_local(setup, &setup->policy->rules[i]) != LOCAL_NONE)
			return true;
	return false;
}

/* ---- inbound ---- */

/* What the tunnel itself is made of. */
static void rules_outer(struct filter_batch *b, const char *chain,
			const struct tun_filter_setup *setup)
{
	struct rule r;

	for (unsigned i = 0; i < ARRAY_SIZE(setup->ports); i++) {
		if (!setup->ports[i])
			continue;
		r = rule_begin(b, chain);
		match_proto(&r, PROTO_UDP);
		match_ports(&r, setup->ports[i], setup->ports[i], false);
		let_in(&r);
	}
	r = rule_begin(b, chain);
	match_proto(&r, PROTO_ESP);
	let_in(&r);
}

static void rules_inbound(struct filter_batch *b, const struct tun_filter *f,
			  const struct tun_filter_setup *setup)
{
	const uint32_t trusted[] = { LOOPBACK, f->ifindex }, local = RTN_LOCAL;
	struct rule r;

	for (unsigned i = 0; i < ARRAY_SIZE(trusted); i++) {
		r = rule_begin(b, FILTER_INBOUND);
		match_number(&r, NFT_META_IIF, trusted[i]);
		let_in(&r);
	}
	r = rule_begin(b, FILTER_INBOUND);
	match_number(&r, NFT_META_IIFGROUP, TUN_GROUP);
	let_in(&r);
	for (unsigned i = 0; i < setup->n_inner; i++) {
		r = rule_begin(b, FILTER_INBOUND);
		match_addr(&r, &setup->inner[i], false);
		go(&r, FILTER_POLICY);
	}
	/* Whose address it is takes a look at the routes, which most packets are spared. */
	if (!has_through(setup))
		rules_outer(b, FILTER_INBOUND, setup);
	r = rule_begin(b, FILTER_INBOUND);
	load_daddr_type(&r);
	is(&r, &local, sizeof(local));
	go(&r, FILTER_OURS);
	r = rule_begin(b, FILTER_INBOUND);
	go(&r, FILTER_THROUGH);
}

/* ---- ours ---- */

static void rules_fragments(struct filter_batch *b)
{
	static const uint8_t zero[2], mask4[2] = { 0x1f, 0xff }, mask6[2] = { 0xff, 0xf8 };
	struct rule r = rule_begin(b, FILTER_OURS);

	match_family(&r, FAMILY_IP4);
	load_payload(&r, NFT_PAYLOAD_NETWORK_HEADER, 6, 2);
	mask(&r, mask4, 2);
	compare(&r, NFT_CMP_NEQ, zero, 2);
	let_in(&r);
	r = rule_begin(b, FILTER_OURS);
	match_family(&r, FAMILY_IP6);
	load_fragment(&r);
	mask(&r, mask6, 2);
	compare(&r, NFT_CMP_NEQ, zero, 2);
	let_in(&r);
}

/* Sockets of other connections. */
static void rules_marked(struct filter_batch *b, const struct tun_filter *f)
{
	const uint32_t lo = htonl(TUN_FWMARK), hi = htonl(TUN_FWMARK + TUN_FWMARKS - 1);
	struct rule r;

	if (!f->sockets)
		return;
	r = rule_begin(b, FILTER_OURS);
	load_socket_mark(&r);
	to_network_order(&r);
	in_range(&r, &lo, &hi, sizeof(lo));
	let_in(&r);
}

/*
 * Unreachable, source quench and redirect; time exceeded and parameter problem; of ICMPv6 all but redirect.
 * An error is for whoever sent what it quotes. Packets from an inner address never left in the clear.
 */
static void rules_errors(struct filter_batch *b, const struct tun_filter_setup *setup)
{
	static const struct {
		enum family family;
		uint8_t proto, lo, hi;
	} errors[] = {
		{ FAMILY_IP4, PROTO_ICMP, 3, 5 },
		{ FAMILY_IP4, PROTO_ICMP, 11, 12 },
		{ FAMILY_IP6, PROTO_ICMP6, 1, 4 },
	};
	struct rule r;

	for (unsigned i = 0; i < ARRAY_SIZE(errors); i++) {
		for (unsigned k = 0; k < setup->n_inner; k++) {
			const struct addr *inner = &setup->inner[k];

			if (inner->family != errors[i].family)
				continue;
			r = rule_begin(b, FILTER_OURS);
			match_types(&r, errors[i].proto, errors[i].lo, errors[i].hi);
			load_payload(&r, NFT_PAYLOAD_TRANSPORT_HEADER,
				     inner->family == FAMILY_IP6 ? 16 : 20,
				     family_size(inner->family));
			is(&r, inner->b, family_size(inner->family));
			go(&r, FILTER_REFUSED);
		}
		r = rule_begin(b, FILTER_OURS);
		match_types(&r, errors[i].proto, errors[i].lo, errors[i].hi);
		let_in(&r);
	}
}

/* What a link needs to live. */
static void rules_link(struct filter_batch *b)
{
	static const struct {
		uint16_t sport, dport;
	} dhcp[] = { { 67, 68 }, { 68, 67 }, { 547, 546 } };
	struct prefix link_local;
	struct ts from;
	struct rule r = rule_begin(b, FILTER_OURS);

	match_types(&r, PROTO_ICMP6, 133, 137);
	let_in(&r);
	prefix_parse("fe80::/10", &link_local);
	from = ts_from_prefix(&link_local);
	r = rule_begin(b, FILTER_OURS);
	match_family(&r, FAMILY_IP6);
	match_addrs(&r, &from, true);
	let_in(&r);
	for (unsigned i = 0; i < ARRAY_SIZE(dhcp); i++) {
		r = rule_begin(b, FILTER_OURS);
		match_proto(&r, PROTO_UDP);
		match_ports(&r, dhcp[i].sport, dhcp[i].sport, true);
		match_ports(&r, dhcp[i].dport, dhcp[i].dport, false);
		let_in(&r);
	}
}

static void rules_ours(struct filter_batch *b, const struct tun_filter *f,
		       const struct tun_filter_setup *setup)
{
	struct rule r;

	if (has_through(setup))
		rules_outer(b, FILTER_OURS, setup);
	rules_marked(b, f);
	rules_fragments(b);
	rules_errors(b, setup);
	rules_link(b);
	r = rule_begin(b, FILTER_OURS);
	go(&r, FILTER_POLICY);
}

/* ---- the SPD, from the other side ---- */

/* in: the packet comes from the other side; else it goes there. */
static void rule_spd(struct filter_batch *b, const char *chain, const struct policy_rule *rule,
		     enum rule_local which, bool in)
{
	const struct ts *remote = &rule->ts.remote, *local = &rule->ts.local;
	uint8_t proto = remote->proto ? remote->proto : local->proto;
	bool icmp = proto == PROTO_ICMP || proto == PROTO_ICMP6;
	struct rule r;

	/* A packet of ICMP has no second port but 0. */
	if (which == LOCAL_NONE || (icmp && local->port_lo > 0))
		return;
	r = rule_begin(b, chain);
	match_family(&r, remote->lo.family);
	match_addrs(&r, remote, in);
	if (which == LOCAL_OWN)
		match_addrs(&r, local, !in);
	if (proto)
		match_proto(&r, proto);
	if (!is_any_port(remote))
		match_ports(&r, remote->port_lo, remote->port_hi, in);
	if (!is_any_port(local) && !icmp)
		match_ports(&r, local->port_lo, local->port_hi, !in);
	if (rule->action == POLICY_BYPASS)
		let_in(&r);
	else
		go(&r, FILTER_REFUSED);
}

static enum rule_local policy_local(const struct tun_filter_setup *setup,
				    const struct policy_rule *rule)
{
	bool refuses = rule->action != POLICY_BYPASS;

	return refuses && is_for_inner(setup, &rule->ts.local) ? LOCAL_ANY : LOCAL_OWN;
}

static void rules_policy(struct filter_batch *b, const struct tun_filter_setup *setup)
{
	struct rule r;

	for (unsigned i = 0; setup->policy && i < setup->policy->n; i++) {
		const struct policy_rule *rule = &setup->policy->rules[i];

		rule_spd(b, FILTER_POLICY, rule, policy_local(setup, rule), true);
	}
	for (unsigned i = 0; i < setup->n_inner; i++) {
		r = rule_begin(b, FILTER_POLICY);
		match_addr(&r, &setup->inner[i], false);
		go(&r, FILTER_REFUSED);
	}
}

static void rules_through(struct filter_batch *b, const struct tun_filter_setup *setup)
{
	unsigned n = has_through(setup) ? setup->policy->n : 0;

	for (unsigned i = 0; i < n; i++)
		rule_spd(b, FILTER_THROUGH, &setup->policy->rules[i],
			 through_local(setup, &setup->policy->rules[i]), true);
}

/* ---- questions for names ---- */

static void rules_outbound(struct filter_batch *b, const struct tun_filter *f)
{
	static const uint8_t protos[] = { PROTO_UDP, PROTO_TCP };
	static const uint16_t ports[] = { 53, 853 }; /* RFC 1035, RFC 7858 */
	const uint32_t trusted[] = { LOOPBACK, f->ifindex };
	const uint32_t lo = htonl(TUN_FWMARK), hi = htonl(TUN_FWMARK + TUN_FWMARKS - 1);
	struct rule r;

	/* First what there is most of. */
	r = rule_begin(b, FILTER_OUTBOUND);
	load_meta(&r, NFT_META_MARK);
	to_network_order(&r);
	in_range(&r, &lo, &hi, sizeof(lo));
	let_in(&r);
	for (unsigned i = 0; i < ARRAY_SIZE(trusted); i++) {
		r = rule_begin(b, FILTER_OUTBOUND);
		match_number(&r, NFT_META_OIF, trusted[i]);
		let_in(&r);
	}
	r = rule_begin(b, FILTER_OUTBOUND);
	match_number(&r, NFT_META_OIFGROUP, TUN_GROUP);
	let_in(&r);
	for (unsigned i = 0; i < ARRAY_SIZE(protos) * ARRAY_SIZE(ports); i++) {
		r = rule_begin(b, FILTER_OUTBOUND);
		match_proto(&r, protos[i % 2]);
		match_ports(&r, ports[i / 2], ports[i / 2], false);
		go(&r, FILTER_BESIDE);
	}
}

static void rules_beside(struct filter_batch *b, const struct tun_filter_setup *setup)
{
	struct rule r;

	for (unsigned i = 0; setup->policy && i < setup->policy->n; i++)
		rule_spd(b, FILTER_BESIDE, &setup->policy->rules[i], LOCAL_OWN, false);
	r = rule_begin(b, FILTER_BESIDE);
	go(&r, FILTER_REFUSED);
}

static void rules_refused(struct filter_batch *b)
{
	struct rule r = rule_begin(b, FILTER_REFUSED);

	begin(&r, "objref");
	put(&r, NFTA_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
	mnl_attr_put_strz(b->nlh, NFTA_OBJREF_IMM_NAME, FILTER_COUNTER);
	end(&r);
	verdict(&r, NF_DROP, NULL);
}

void filter_rules(struct filter_batch *b, const struct tun_filter *f,
		  const struct tun_filter_setup *setup)
{
	rules_inbound(b, f, setup);
	rules_ours(b, f, setup);
	rules_policy(b, setup);
	rules_through(b, setup);
	if (setup->names) {
		rules_outbound(b, f);
		rules_beside(b, setup);
	}
	rules_refused(b);
}
