/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/net.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "base/err.h"

#define ANSWER_MAX 8192

int net_router_open(struct net_router *r, uint32_t mark)
{
	*r = (struct net_router){ .mark = mark };
	r->nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!r->nl)
		return ERR_SYSTEM;
	if (mnl_socket_bind(r->nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		net_router_close(r);
		return ERR_SYSTEM;
	}
	return 0;
}

void net_router_close(struct net_router *r)
{
	int saved = errno;

	if (r->nl)
		mnl_socket_close(r->nl);
	r->nl = NULL;
	errno = saved;
}

/* Sends the request and hands its one answer to cb; 0, or -1 with errno. */
static int ask(struct net_router *r, struct nlmsghdr *nlh, mnl_cb_t cb, void *data)
{
	uint8_t buf[ANSWER_MAX];
	ssize_t n;

	nlh->nlmsg_flags |= NLM_F_REQUEST;
	nlh->nlmsg_seq = ++r->seq;
	if (mnl_socket_sendto(r->nl, nlh, nlh->nlmsg_len) < 0)
		return -1;
	do {
		n = mnl_socket_recvfrom(r->nl, buf, sizeof(buf));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	return mnl_cb_run(buf, (size_t)n, r->seq, mnl_socket_get_portid(r->nl), cb, data) < 0 ? -1 :
												0;
}

static void read_addr(const struct nlattr *attr, struct addr *out)
{
	addr_from_bytes(slice(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr)), out);
}

static int read_metric(const struct nlattr *attr, void *data)
{
	struct net_route *route = data;

	if (mnl_attr_get_type(attr) == RTAX_MTU && mnl_attr_get_payload_len(attr) == 4)
		route->mtu = mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

static int read_route_attr(const struct nlattr *attr, void *data)
{
	struct net_route *route = data;
	uint16_t type = mnl_attr_get_type(attr);

	if (type == RTA_OIF && mnl_attr_get_payload_len(attr) == 4)
		route->ifindex = mnl_attr_get_u32(attr);
	else if (type == RTA_PREFSRC)
		read_addr(attr, &route->source);
	else if (type == RTA_GATEWAY)
		read_addr(attr, &route->gateway);
	else if (type == RTA_METRICS)
		return mnl_attr_parse_nested(attr, read_metric, route);
	return MNL_CB_OK;
}

static int read_route(const struct nlmsghdr *nlh, void *data)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_type != RTM_NEWROUTE)
		return MNL_CB_OK;
	if (rtm->rtm_type == RTN_UNICAST || rtm->rtm_type == RTN_LOCAL)
		mnl_attr_parse(nlh, sizeof(*rtm), read_route_attr, data);
	return MNL_CB_STOP;
}

static int read_link_attr(const struct nlattr *attr, void *data)
{
	struct net_route *route = data;

	if (mnl_attr_get_type(attr) == IFLA_MTU && mnl_attr_get_payload_len(attr) == 4)
		route->mtu = mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

static int read_link(const struct nlmsghdr *nlh, void *data)
{
	if (nlh->nlmsg_type != RTM_NEWLINK)
		return MNL_CB_OK;
	mnl_attr_parse(nlh, sizeof(struct ifinfomsg), read_link_attr, data);
	return MNL_CB_STOP;
}

static int ask_route(struct net_router *r, const struct addr *dst, unsigned flags,
		     struct net_route *out)
{
	uint8_t buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	size_t n = family_size(dst->family);

	nlh->nlmsg_type = RTM_GETROUTE;
	rtm->rtm_family = dst->family == FAMILY_IP6 ? AF_INET6 : AF_INET;
	rtm->rtm_dst_len = (uint8_t)(8 * n);
	mnl_attr_put(nlh, RTA_DST, n, dst->b);
	if (r->source.family != FAMILY_NONE) {
		/* The answer does not name what was asked for. */
		mnl_attr_put(nlh, RTA_SRC, n, r->source.b);
		rtm->rtm_src_len = (uint8_t)(8 * n);
		out->source = r->source;
	}
	if (r->mark)
		mnl_attr_put_u32(nlh, RTA_MARK, r->mark);
	if (r->via)
		mnl_attr_put_u32(nlh, RTA_OIF, r->via);
	rtm->rtm_flags = flags;
	return ask(r, nlh, read_route, out);
}

/*
 * Asked for one device the kernel takes what it has no route for to be on the link: there must be a
 * route in the tables.
 */
static int ask_listed(struct net_router *r, const struct addr *dst)
{
	struct net_route listed = { 0 };

	return r->via ? ask_route(r, dst, RTM_F_FIB_MATCH, &listed) : 0;
}

static int ask_link(struct net_router *r, struct net_route *out)
{
	uint8_t buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	nlh->nlmsg_type = RTM_GETLINK;
	ifi->ifi_index = (int)out->ifindex;
	/* Statistics of virtual functions would make the answer long. */
	mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return ask(r, nlh, read_link, out);
}

static bool is_link_local(const struct addr *a)
{
	return a->family == FAMILY_IP6 && a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

/* What the kernel answers for routes that refuse, beside ENETUNREACH itself. */
static bool means_no_route(int error)
{
	return error == EHOSTUNREACH || error == EACCES || error == EINVAL || error == ENETDOWN;
}

int net_router_get(struct net_router *r, const struct addr *dst, struct net_route *out)
{
	*out = (struct net_route){ 0 };
	if (dst->family == FAMILY_NONE) {
		errno = EAFNOSUPPORT;
		return ERR_SYSTEM;
	}
	if (r->source.family != FAMILY_NONE && r->source.family != dst->family) {
		errno = ENETUNREACH;
		return ERR_SYSTEM;
	}
	if (ask_listed(r, dst) < 0 || ask_route(r, dst, 0, out) < 0) {
		if (means_no_route(errno))
			errno = ENETUNREACH;
		return ERR_SYSTEM;
	}
	/*
	 * While a new IPv6 address is tentative there is only the link-local one to send from, and
	 * behind a route that has outlived all addresses the loopback one.
	 */
	if (out->ifindex == 0 || out->ifindex == r->avoid || out->source.family != dst->family ||
	    (is_link_local(&out->source) && !is_link_local(dst)) ||
	    (!addr_is_host(&out->source) && addr_is_host(dst))) {
		errno = ENETUNREACH;
		return ERR_SYSTEM;
	}
	return out->mtu || ask_link(r, out) == 0 ? 0 : ERR_SYSTEM;
}
