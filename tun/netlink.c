/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tun/tun.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "base/err.h"
#include "tun/filter.h"

#define REQUEST_MAX 512
#define ANSWER_MAX 4096

/* A request being written, with room for all that we ask for. */
struct request {
	_Alignas(struct nlmsghdr) uint8_t buf[REQUEST_MAX];
	struct nlmsghdr *nlh;
};

int tun_netlink_open(struct tun_netlink *n)
{
	*n = (struct tun_netlink){ 0 };
	n->nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!n->nl)
		return ERR_SYSTEM;
	if (mnl_socket_bind(n->nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		tun_netlink_close(n);
		return ERR_SYSTEM;
	}
	return 0;
}

void tun_netlink_close(struct tun_netlink *n)
{
	int saved = errno;

	if (n->nl)
		mnl_socket_close(n->nl);
	n->nl = NULL;
	errno = saved;
}

/* Begins a request and returns its extra header of `size` bytes, zeroed. */
static void *request_begin(struct request *r, int type, int flags, size_t size)
{
	r->nlh = mnl_nlmsg_put_header(r->buf);
	r->nlh->nlmsg_type = (uint16_t)type;
	r->nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	return mnl_nlmsg_put_extra_header(r->nlh, size);
}

/* Sends the request and waits for its acknowledgement: 0, or -1 with errno. */
static int request_do(struct tun_netlink *n, struct request *r)
{
	uint8_t buf[ANSWER_MAX];
	ssize_t got;

	r->nlh->nlmsg_seq = ++n->seq;
	if (mnl_socket_sendto(n->nl, r->nlh, r->nlh->nlmsg_len) < 0)
		return -1;
	do {
		got = mnl_socket_recvfrom(n->nl, buf, sizeof(buf));
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return -1;
	got = mnl_cb_run(buf, (size_t)got, n->seq, mnl_socket_get_portid(n->nl), NULL, NULL);
	return got < 0 ? -1 : 0;
}

static int request_error(void)
{
	return errno == EPERM || errno == EACCES ? ERR_PERMISSION : ERR_SYSTEM;
}

static uint8_t family_number(enum family f)
{
	return f == FAMILY_IP6 ? AF_INET6 : AF_INET;
}

static void put_addr(struct request *r, uint16_t type, const struct addr *a)
{
	mnl_attr_put(r->nlh, type, family_size(a->family), a->b);
}

/* IPv6 may be switched off on the host: then there is nothing to prevent, and no harm in failing. */
static void link_without_link_local(struct tun_netlink *n, unsigned ifindex)
{
	struct request r;
	struct ifinfomsg *ifi = request_begin(&r, RTM_NEWLINK, 0, sizeof(*ifi));
	struct nlattr *spec, *inet6;

	ifi->ifi_index = (int)ifindex;
	spec = mnl_attr_nest_start(r.nlh, IFLA_AF_SPEC);
	inet6 = mnl_attr_nest_start(r.nlh, AF_INET6);
	mnl_attr_put_u8(r.nlh, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(r.nlh, inet6);
	mnl_attr_nest_end(r.nlh, spec);
	request_do(n, &r);
}

int tun_link_up(struct tun_netlink *n, const char *ifname, uint32_t mtu, uint32_t queue)
{
	unsigned ifindex = if_nametoindex(ifname);
	struct request r;
	struct ifinfomsg *ifi;

	if (ifindex == 0)
		return ERR_SYSTEM;
	link_without_link_local(n, ifindex);
	ifi = request_begin(&r, RTM_NEWLINK, 0, sizeof(*ifi));
	ifi->ifi_index = (int)ifindex;
	ifi->ifi_flags = IFF_UP;
	ifi->ifi_change = IFF_UP;
	mnl_attr_put_u32(r.nlh, IFLA_MTU, mtu);
	mnl_attr_put_u32(r.nlh, IFLA_TXQLEN, queue);
	return request_do(n, &r) < 0 ? request_error() : 0;
}

/* Begins a change of this link; NULL, with errno: there is none. */
static struct ifinfomsg *link_change(struct request *r, const char *ifname)
{
	unsigned ifindex = if_nametoindex(ifname);
	struct ifinfomsg *ifi;

	if (ifindex == 0)
		return NULL;
	ifi = request_begin(r, RTM_NEWLINK, 0, sizeof(*ifi));
	ifi->ifi_index = (int)ifindex;
	return ifi;
}

int tun_link_mtu(struct tun_netlink *n, const char *ifname, uint32_t mtu)
{
	struct request r;

	if (!link_change(&r, ifname))
		return ERR_SYSTEM;
	mnl_attr_put_u32(r.nlh, IFLA_MTU, mtu);
	return request_do(n, &r) < 0 ? request_error() : 0;
}

int tun_link_join(struct tun_netlink *n, const char *ifname)
{
	struct request r;

	if (!link_change(&r, ifname))
		return ERR_SYSTEM;
	mnl_attr_put_u32(r.nlh, IFLA_GROUP, TUN_GROUP);
	return request_do(n, &r) < 0 ? request_error() : 0;
}

int tun_link_down(struct tun_netlink *n, const char *ifname)
{
	struct request r;
	struct ifinfomsg *ifi = link_change(&r, ifname);

	if (!ifi)
		return ERR_SYSTEM;
	ifi->ifi_change = IFF_UP;
	return request_do(n, &r) < 0 ? request_error() : 0;
}

/*
 * Nobody else has the address, so it need not be looked for (and may be used at once); and the
 * main table gets no route from it.
 */
static int address_do(struct tun_netlink *n, const struct tun_state *s, bool add, unsigned ifindex)
{
	struct request r;
	struct ifaddrmsg *ifa;

	ifa = request_begin(&r, add ? RTM_NEWADDR : RTM_DELADDR,
			    add ? NLM_F_CREATE | NLM_F_EXCL : 0, sizeof(*ifa));
	ifa->ifa_family = family_number(s->to.addr.family);
	ifa->ifa_prefixlen = s->to.len;
	ifa->ifa_scope = RT_SCOPE_UNIVERSE;
	ifa->ifa_index = ifindex;
	put_addr(&r, IFA_LOCAL, &s->to.addr);
	put_addr(&r, IFA_ADDRESS, &s->to.addr);
	if (add) {
		mnl_attr_put_u32(r.nlh, IFA_FLAGS, IFA_F_NODAD | IFA_F_NOPREFIXROUTE);
		mnl_attr_put_u8(r.nlh, IFA_PROTO, TUN_RT_PROTOCOL);
	}
	return request_do(n, &r);
}

static uint8_t route_scope(const struct tun_state *s, bool add)
{
	if (!add)
		return RT_SCOPE_NOWHERE;
	return s->action == TUN_UNICAST && s->gateway.family == FAMILY_NONE &&
			       s->to.addr.family == FAMILY_IP4 ?
		       RT_SCOPE_LINK :
		       RT_SCOPE_UNIVERSE;
}

static int route_do(struct tun_netlink *n, const struct tun_state *s, bool add, unsigned ifindex)
{
	struct request r;
	struct rtmsg *rtm;

	rtm = request_begin(&r, add ? RTM_NEWROUTE : RTM_DELROUTE,
			    add ? NLM_F_CREATE | NLM_F_EXCL : 0, sizeof(*rtm));
	rtm->rtm_family = family_number(s->to.addr.family);
	rtm->rtm_dst_len = s->to.len;
	rtm->rtm_table = RT_TABLE_UNSPEC;
	rtm->rtm_protocol = TUN_RT_PROTOCOL;
	rtm->rtm_scope = route_scope(s, add);
	rtm->rtm_type = s->action == TUN_UNICAST ? RTN_UNICAST : RTN_UNREACHABLE;
	put_addr(&r, RTA_DST, &s->to.addr);
	mnl_attr_put_u32(r.nlh, RTA_TABLE, s->table);
	if (s->metric)
		mnl_attr_put_u32(r.nlh, RTA_PRIORITY, s->metric);
	if (ifindex)
		mnl_attr_put_u32(r.nlh, RTA_OIF, ifindex);
	if (s->source.family != FAMILY_NONE)
		put_addr(&r, RTA_PREFSRC, &s->source);
	if (s->gateway.family != FAMILY_NONE)
		put_addr(&r, RTA_GATEWAY, &s->gateway);
	return request_do(n, &r);
}

static uint8_t rule_action(enum tun_action a)
{
	switch (a) {
	case TUN_PROHIBIT:
		return FR_ACT_PROHIBIT;
	case TUN_UNREACHABLE:
		return FR_ACT_UNREACHABLE;
	case TUN_GOTO:
		return FR_ACT_GOTO;
	case TUN_NOP:
		return FR_ACT_NOP;
	case TUN_LOOKUP:
	case TUN_UNICAST:
		break;
	}
	return FR_ACT_TO_TBL;
}

static void put_ports(struct request *r, uint16_t type, const struct tun_ports *ports)
{
	struct fib_rule_port_range range = { .start = ports->lo, .end = ports->hi };

	if (ports->hi)
		mnl_attr_put(r->nlh, type, sizeof(range), &range);
}

static int rule_do(struct tun_netlink *n, const struct tun_state *s, bool add)
{
	struct request r;
	struct fib_rule_hdr *frh;

	frh = request_begin(&r, add ? RTM_NEWRULE : RTM_DELRULE,
			    add ? NLM_F_CREATE | NLM_F_EXCL : 0, sizeof(*frh));
	frh->family = family_number(s->family);
	frh->action = rule_action(s->action);
	frh->src_len = s->from.len;
	frh->dst_len = s->to.len;
	mnl_attr_put_u8(r.nlh, FRA_PROTOCOL, TUN_RT_PROTOCOL);
	mnl_attr_put_u32(r.nlh, FRA_PRIORITY, s->pref);
	if (s->ifname[0])
		mnl_attr_put_strz(r.nlh, FRA_IIFNAME, s->ifname);
	if (s->from.len)
		put_addr(&r, FRA_SRC, &s->from.addr);
	if (s->to.len)
		put_addr(&r, FRA_DST, &s->to.addr);
	if (s->fwmark) {
		mnl_attr_put_u32(r.nlh, FRA_FWMARK, s->fwmark);
		mnl_attr_put_u32(r.nlh, FRA_FWMASK, UINT32_MAX);
	}
	if (s->proto)
		mnl_attr_put_u8(r.nlh, FRA_IP_PROTO, s->proto);
	put_ports(&r, FRA_SPORT_RANGE, &s->sport);
	put_ports(&r, FRA_DPORT_RANGE, &s->dport);
	if (s->table)
		mnl_attr_put_u32(r.nlh, FRA_TABLE, s->table);
	if (s->target)
		mnl_attr_put_u32(r.nlh, FRA_GOTO, s->target);
	return request_do(n, &r);
}

static int state_do(struct tun_netlink *n, const struct tun_state *s, bool add)
{
	/* A delete without an interface would take any that matches the rest; a rule has its name. */
	bool device = s->ifname[0] && s->kind != TUN_STATE_RULE;
	unsigned ifindex;

	/* It may outlive its device. */
	if (s->kind == TUN_STATE_TABLE)
		return tun_filter_del(s->ifname);
	ifindex = device ? if_nametoindex(s->ifname) : 0;
	if (device && ifindex == 0)
		return -1;
	switch (s->kind) {
	case TUN_STATE_ADDRESS:
		return address_do(n, s, add, ifindex);
	case TUN_STATE_ROUTE:
		return route_do(n, s, add, ifindex);
	case TUN_STATE_RULE:
		return rule_do(n, s, add);
	case TUN_STATE_TABLE:
		break;
	}
	return -1;
}

/*
 * The kernel says that a route exists when its destination and metric do, wherever it leads. If
 * it is ours it can be deleted by all its fields, and made again.
 */
static int route_again(struct tun_netlink *n, const struct tun_state *s)
{
	if (state_do(n, s, false) == 0)
		return state_do(n, s, true);
	errno = EEXIST;
	return -1;
}

/* Where there is no IPv6 none of it has to be ruled. */
static bool is_needless(const struct tun_state *s, int error)
{
	return s->kind == TUN_STATE_RULE && error == EAFNOSUPPORT;
}

int tun_state_add(struct tun_netlink *n, const struct tun_state *s)
{
	if (!tun_state_valid(s) || s->kind == TUN_STATE_TABLE)
		return ERR_MALFORMED;
	if (state_do(n, s, true) == 0 || is_needless(s, errno))
		return 0;
	if (errno == EEXIST && (s->kind != TUN_STATE_ROUTE || route_again(n, s) == 0))
		return 0;
	return request_error();
}

int tun_state_restore(struct tun_netlink *n, const struct tun_state *s)
{
	if (!tun_state_valid(s) || s->kind == TUN_STATE_TABLE)
		return ERR_MALFORMED;
	if (state_do(n, s, true) == 0)
		return 1;
	return errno == EEXIST || is_needless(s, errno) ? 0 : request_error();
}

static bool means_gone(int error)
{
	return error == ESRCH || error == ENOENT || error == ENODEV || error == ENXIO ||
	       error == EADDRNOTAVAIL || error == EAFNOSUPPORT || error == EPROTONOSUPPORT ||
	       error == EOPNOTSUPP;
}

int tun_state_del(struct tun_netlink *n, const struct tun_state *s)
{
	if (!tun_state_valid(s))
		return ERR_MALFORMED;
	if (state_do(n, s, false) == 0 || means_gone(errno))
		return 0;
	return request_error();
}
