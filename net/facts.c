/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/net.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "base/err.h"

static int read_link(const struct nlmsghdr *nlh, void *data)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct net_facts *f = data;

	/* Bridges tell of their ports by these messages, too. */
	if (nlh->nlmsg_type != RTM_NEWLINK || ifi->ifi_family != AF_UNSPEC ||
	    f->nlinks == NET_LINKS_MAX)
		return MNL_CB_OK;
	f->links[f->nlinks++] = (struct net_link){
		.ifindex = (unsigned)ifi->ifi_index,
		.up = ifi->ifi_flags & IFF_UP && ifi->ifi_flags & IFF_RUNNING,
	};
	return MNL_CB_OK;
}

struct address {
	struct addr local;
	struct addr address; /* of the other end, where there is a local one */
	uint32_t flags;
};

static int read_addr_attr(const struct nlattr *a, void *data)
{
	struct slice s = slice(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
	uint16_t type = mnl_attr_get_type(a);
	struct address *out = data;

	if (type == IFA_LOCAL)
		addr_from_bytes(s, &out->local);
	else if (type == IFA_ADDRESS)
		addr_from_bytes(s, &out->address);
	else if (type == IFA_FLAGS && s.n == 4)
		out->flags = mnl_attr_get_u32(a);
	return MNL_CB_OK;
}

static int read_addr(const struct nlmsghdr *nlh, void *data)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	struct address a = { .flags = ifa->ifa_flags };
	struct net_facts *f = data;

	if (nlh->nlmsg_type != RTM_NEWADDR || f->naddrs == NET_ADDRS_MAX)
		return MNL_CB_OK;
	mnl_attr_parse(nlh, sizeof(*ifa), read_addr_attr, &a);
	if (a.local.family == FAMILY_NONE)
		a.local = a.address;
	if (a.local.family == FAMILY_NONE)
		return MNL_CB_OK;
	/* An optimistic one can be sent from while it is tentative (RFC 4429). */
	f->addrs[f->naddrs++] = (struct net_addr){
		.ifindex = ifa->ifa_index,
		.addr = a.local,
		.tentative = a.flags & IFA_F_DADFAILED ||
			     (a.flags & IFA_F_TENTATIVE && !(a.flags & IFA_F_OPTIMISTIC)),
	};
	return MNL_CB_OK;
}

/* ---- routes ---- */

static bool way_is_known(const struct net_facts *f, const struct addr *remote, unsigned ifindex)
{
	for (unsigned i = 0; i < f->nways; i++)
		if (f->ways[i].ifindex == ifindex && addr_eq(&f->ways[i].remote, remote))
			return true;
	return false;
}

/* Without a route it is none; that is no error. */
static int way_ask(struct net_router *r, const struct addr *remote, unsigned via,
		   struct net_facts *f)
{
	struct net_route route;

	if (f->nways == NET_WAYS_MAX)
		return 0;
	r->via = via;
	if (net_router_get(r, remote, &route) != 0)
		return errno == ENETUNREACH || errno == EAFNOSUPPORT ? 0 : ERR_SYSTEM;
	if (!way_is_known(f, remote, route.ifindex))
		f->ways[f->nways++] = (struct net_way){
			.remote = *remote,
			.ifindex = route.ifindex,
			.source = route.source,
			.best = !via,
		};
	return 0;
}

static bool has_family(const struct net_facts *f, unsigned ifindex, enum family family)
{
	for (unsigned i = 0; i < f->naddrs; i++)
		if (f->addrs[i].ifindex == ifindex && f->addrs[i].addr.family == family &&
		    addr_is_host(&f->addrs[i].addr))
			return true;
	return false;
}

static int ways_ask(struct net_router *r, const struct addr *remote, struct net_facts *f)
{
	int rc = way_ask(r, remote, 0, f);

	for (unsigned i = 0; i < f->nlinks && !rc; i++) {
		const struct net_link *l = &f->links[i];

		if (l->up && l->ifindex != r->avoid && has_family(f, l->ifindex, remote->family))
			rc = way_ask(r, remote, l->ifindex, f);
	}
	return rc;
}

int net_facts_read(struct net_router *r, const struct addr *remotes, unsigned n,
		   struct net_facts *out)
{
	const struct net_router kept = *r;
	int rc;

	memset(out, 0, sizeof(*out));
	r->source = (struct addr){ 0 };
	rc = net_dump(NETLINK_ROUTE, RTM_GETLINK, sizeof(struct ifinfomsg), read_link, out,
		      &out->nlinks);
	if (!rc)
		rc = net_dump(NETLINK_ROUTE, RTM_GETADDR, sizeof(struct ifaddrmsg), read_addr, out,
			      &out->naddrs);
	for (unsigned i = 0; i < n && !rc; i++)
		rc = ways_ask(r, &remotes[i], out);
	r->source = kept.source;
	r->via = kept.via;
	return rc;
}
