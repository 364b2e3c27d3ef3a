/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of our addresses, routes and rules the kernel has: what it tells of each, in our own words. */
#include "tun/tun.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "base/err.h"

#define BUFFER_SIZE 32768 /* what the kernel puts into one piece of a dump at most */
#define TRIES 20 /* while others change things */
#define IP6_METRIC 1024 /* of a route for which none was named */

struct seen {
	char (*lines)[TUN_STATE_TEXT_MAX];
	unsigned n;
	bool *there;
};

static void mark(struct seen *seen, const struct tun_state *s)
{
	char text[TUN_STATE_TEXT_MAX];

	tun_state_text(s, text);
	for (unsigned i = 0; text[0] && i < seen->n; i++)
		if (strcmp(seen->lines[i], text) == 0)
			seen->there[i] = true;
}

/* ---- attributes ---- */

static enum family family_of(uint8_t number)
{
	return number == AF_INET6 ? FAMILY_IP6 : FAMILY_IP4;
}

static uint32_t number_of(const struct nlattr *a)
{
	return mnl_attr_get_payload_len(a) == 4 ? mnl_attr_get_u32(a) : 0;
}

static void addr_of(const struct nlattr *a, enum family f, struct addr *out)
{
	if (mnl_attr_get_payload_len(a) != family_size(f))
		return;
	out->family = f;
	memcpy(out->b, mnl_attr_get_payload(a), family_size(f));
}

static void ports_of(const struct nlattr *a, struct tun_ports *out)
{
	struct fib_rule_port_range range;

	if (mnl_attr_get_payload_len(a) != sizeof(range))
		return;
	memcpy(&range, mnl_attr_get_payload(a), sizeof(range));
	out->lo = range.start;
	out->hi = range.end;
}

static void name_of(const struct nlattr *a, char out[IFNAMSIZ])
{
	uint16_t n = mnl_attr_get_payload_len(a);

	if (n > 0 && n <= IFNAMSIZ && mnl_attr_validate(a, MNL_TYPE_NUL_STRING) == 0)
		memcpy(out, mnl_attr_get_payload(a), n);
}

/* ---- rules ---- */

static bool rule_action(uint8_t action, enum tun_action *out)
{
	switch (action) {
	case FR_ACT_TO_TBL:
		*out = TUN_LOOKUP;
		return true;
	case FR_ACT_PROHIBIT:
		*out = TUN_PROHIBIT;
		return true;
	case FR_ACT_UNREACHABLE:
		*out = TUN_UNREACHABLE;
		return true;
	case FR_ACT_GOTO:
		*out = TUN_GOTO;
		return true;
	case FR_ACT_NOP:
		*out = TUN_NOP;
		return true;
	}
	return false;
}

struct rule {
	struct tun_state s;
	uint8_t protocol;
};

static int take_rule(const struct nlattr *a, void *data)
{
	struct rule *r = data;
	struct tun_state *s = &r->s;

	switch (mnl_attr_get_type(a)) {
	case FRA_PROTOCOL:
		r->protocol = mnl_attr_get_payload_len(a) == 1 ? mnl_attr_get_u8(a) : 0;
		break;
	case FRA_PRIORITY:
		s->pref = number_of(a);
		break;
	case FRA_IIFNAME:
		name_of(a, s->ifname);
		break;
	case FRA_SRC:
		addr_of(a, s->family, &s->from.addr);
		break;
	case FRA_DST:
		addr_of(a, s->family, &s->to.addr);
		break;
	case FRA_FWMARK:
		s->fwmark = number_of(a);
		break;
	case FRA_IP_PROTO:
		s->proto = mnl_attr_get_payload_len(a) == 1 ? mnl_attr_get_u8(a) : 0;
		break;
	case FRA_SPORT_RANGE:
		ports_of(a, &s->sport);
		break;
	case FRA_DPORT_RANGE:
		ports_of(a, &s->dport);
		break;
	case FRA_TABLE:
		s->table = s->action == TUN_LOOKUP ? number_of(a) : 0;
		break;
	case FRA_GOTO:
		s->target = number_of(a);
		break;
	}
	return MNL_CB_OK;
}

static int read_rule(const struct nlmsghdr *nlh, void *data)
{
	const struct fib_rule_hdr *frh = mnl_nlmsg_get_payload(nlh);
	struct rule r = { .s.kind = TUN_STATE_RULE };

	if (nlh->nlmsg_type != RTM_NEWRULE || mnl_nlmsg_get_payload_len(nlh) < sizeof(*frh) ||
	    !rule_action(frh->action, &r.s.action))
		return MNL_CB_OK;
	r.s.family = family_of(frh->family);
	r.s.from.len = frh->src_len;
	r.s.to.len = frh->dst_len;
	mnl_attr_parse(nlh, sizeof(*frh), take_rule, &r);
	if (r.protocol == TUN_RT_PROTOCOL)
		mark(data, &r.s);
	return MNL_CB_OK;
}

/* ---- routes and addresses ---- */

static int take_route(const struct nlattr *a, void *data)
{
	struct tun_state *s = data;
	enum family f = s->to.addr.family;

	switch (mnl_attr_get_type(a)) {
	case RTA_DST:
		addr_of(a, f, &s->to.addr);
		break;
	case RTA_TABLE:
		s->table = number_of(a);
		break;
	case RTA_PRIORITY:
		s->metric = number_of(a);
		break;
	case RTA_OIF:
		if (s->action == TUN_UNICAST)
			if_indextoname(number_of(a), s->ifname);
		break;
	case RTA_PREFSRC:
		addr_of(a, f, &s->source);
		break;
	case RTA_GATEWAY:
		addr_of(a, f, &s->gateway);
		break;
	}
	return MNL_CB_OK;
}

static int read_route(const struct nlmsghdr *nlh, void *data)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct tun_state s = { .kind = TUN_STATE_ROUTE };

	if (nlh->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(nlh) < sizeof(*rtm) ||
	    rtm->rtm_protocol != TUN_RT_PROTOCOL)
		return MNL_CB_OK;
	s.action = rtm->rtm_type == RTN_UNICAST ? TUN_UNICAST : TUN_UNREACHABLE;
	s.to.addr.family = family_of(rtm->rtm_family);
	s.to.len = rtm->rtm_dst_len;
	mnl_attr_parse(nlh, sizeof(*rtm), take_route, &s);
	if (s.gateway.family != FAMILY_NONE)
		s.ifname[0] = '\0';
	if (s.to.addr.family == FAMILY_IP6 && s.metric == IP6_METRIC)
		s.metric = 0;
	mark(data, &s);
	return MNL_CB_OK;
}

/* Its family is there before. */
static int take_address(const struct nlattr *a, void *data)
{
	struct tun_state *s = data;

	if (mnl_attr_get_type(a) == IFA_ADDRESS)
		addr_of(a, s->to.addr.family, &s->to.addr);
	return MNL_CB_OK;
}

static int read_address(const struct nlmsghdr *nlh, void *data)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	struct tun_state s = { .kind = TUN_STATE_ADDRESS };

	if (nlh->nlmsg_type != RTM_NEWADDR || mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifa) ||
	    !if_indextoname(ifa->ifa_index, s.ifname))
		return MNL_CB_OK;
	s.to.addr.family = family_of(ifa->ifa_family);
	s.to.len = ifa->ifa_prefixlen;
	mnl_attr_parse(nlh, sizeof(*ifa), take_address, &s);
	mark(data, &s);
	return MNL_CB_OK;
}

/* ---- dumps ---- */

/* ERR_SYSTEM with EINTR: somebody changed them meanwhile. */
static int dump(struct tun_netlink *n, uint16_t type, size_t header, uint8_t family, mnl_cb_t read,
		struct seen *seen)
{
	_Alignas(struct nlmsghdr) uint8_t buf[BUFFER_SIZE];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	uint32_t seq = ++n->seq;
	int more = MNL_CB_OK;
	uint8_t *first;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = seq;
	/* Each of the headers begins with the family. */
	first = mnl_nlmsg_put_extra_header(nlh, header);
	*first = family;
	if (mnl_socket_sendto(n->nl, nlh, nlh->nlmsg_len) < 0)
		return ERR_SYSTEM;
	while (more > MNL_CB_STOP) {
		ssize_t got = mnl_socket_recvfrom(n->nl, buf, sizeof(buf));

		if (got < 0)
			return ERR_SYSTEM;
		more = mnl_cb_run(buf, (size_t)got, seq, mnl_socket_get_portid(n->nl), read, seen);
	}
	return more < 0 ? ERR_SYSTEM : 0;
}

/* With a socket of its own, so that nothing of a reading that was broken off stays behind. */
static int see(struct seen *seen, uint16_t type, size_t header, uint8_t family, mnl_cb_t read)
{
	int rc = ERR_SYSTEM;

	for (unsigned i = 0; i < TRIES && rc; i++) {
		struct tun_netlink n;

		if (tun_netlink_open(&n) != 0)
			return ERR_SYSTEM;
		rc = dump(&n, type, header, family, read, seen);
		tun_netlink_close(&n);
		if (rc && errno != EINTR)
			break;
	}
	return rc;
}

int tun_lines_seen(char (*lines)[TUN_STATE_TEXT_MAX], unsigned n, bool *there)
{
	static const struct {
		uint16_t type;
		size_t header;
		mnl_cb_t read;
	} kinds[] = {
		{ RTM_GETADDR, sizeof(struct ifaddrmsg), read_address },
		{ RTM_GETROUTE, sizeof(struct rtmsg), read_route },
		{ RTM_GETRULE, sizeof(struct fib_rule_hdr), read_rule },
	};
	struct seen seen = { lines, n, there };

	memset(there, 0, n * sizeof(*there));
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (see(&seen, kinds[i].type, kinds[i].header, AF_INET, kinds[i].read) != 0)
			return ERR_SYSTEM;
		/* A host without IPv6 has none of it. */
		if (see(&seen, kinds[i].type, kinds[i].header, AF_INET6, kinds[i].read) != 0 &&
		    errno == EINTR)
			return ERR_SYSTEM;
	}
	return 0;
}
