/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tun/tun.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "base/err.h"

#define BUFFER_SIZE 32768 /* what the kernel puts into one piece of a dump at most */
#define LEARN_TRIES 5 /* while the host changes faster than it can be read */
#define IP6_RULES (1u << (RTNLGRP_IPV6_RULE - 1))

/* ---- what is known ---- */

/* Of bytes that are no secret and nobody's to choose for long. */
static uint64_t digest(uint64_t h, const void *data, size_t n)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3;
	return h;
}

static struct tun_known *known_find(struct tun_watch *w, const struct tun_known *k)
{
	for (unsigned i = 0; i < w->nknown; i++) {
		struct tun_known *there = &w->known[i];

		if (there->kind == k->kind && there->id == k->id && there->value == k->value)
			return there;
	}
	return NULL;
}

static void known_drop(struct tun_watch *w, struct tun_known *k)
{
	*k = w->known[--w->nknown];
}

/* True when that is news. Without room everything is. */
static bool known_add(struct tun_watch *w, const struct tun_known *k, bool replace)
{
	if (known_find(w, k))
		return false;
	for (unsigned i = w->nknown; i-- > 0 && replace;)
		if (w->known[i].kind == k->kind && w->known[i].id == k->id)
			known_drop(w, &w->known[i]);
	if (w->nknown < TUN_KNOWN_MAX)
		w->known[w->nknown++] = *k;
	else
		w->full = true;
	return true;
}

static bool known_remove(struct tun_watch *w, const struct tun_known *k)
{
	struct tun_known *there = known_find(w, k);

	if (there)
		known_drop(w, there);
	return there || w->full;
}

/* True when an address or a route of this device is known. */
static bool known_of(const struct tun_watch *w, uint32_t ifindex)
{
	for (unsigned i = 0; i < w->nknown; i++)
		if (w->known[i].kind != TUN_KNOWN_LINK && w->known[i].ifindex == ifindex)
			return true;
	return w->full;
}

/* The kernel does not tell of the routes that go with a device, or with its last IPv4 address. */
static void forget_routes(struct tun_watch *w, uint32_t ifindex, uint8_t family)
{
	for (unsigned i = w->nknown; i-- > 0;) {
		const struct tun_known *k = &w->known[i];

		if (k->kind == TUN_KNOWN_ROUTE && k->ifindex == ifindex &&
		    (family == AF_UNSPEC || k->family == family))
			known_drop(w, &w->known[i]);
	}
}

static bool has_address(const struct tun_watch *w, uint32_t ifindex, uint8_t family)
{
	for (unsigned i = 0; i < w->nknown; i++) {
		const struct tun_known *k = &w->known[i];

		if (k->kind == TUN_KNOWN_ADDRESS && k->ifindex == ifindex && k->family == family)
			return true;
	}
	return false;
}

/* ---- what is told ---- */

struct reading {
	struct tun_watch *w;
	unsigned what;
	bool overrun; /* some changes were lost: more came than there was room for */
};

static bool is_own(const struct reading *r, const struct nlmsghdr *nlh)
{
	return nlh->nlmsg_pid == r->w->own;
}

static void read_link(struct reading *r, const struct nlmsghdr *nlh)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct tun_known k = { .kind = TUN_KNOWN_LINK, .ifindex = (uint32_t)ifi->ifi_index };
	bool up = nlh->nlmsg_type == RTM_NEWLINK && (ifi->ifi_flags & IFF_UP);
	bool runs = up && (ifi->ifi_flags & IFF_RUNNING), news;

	/* Bridges tell of their ports by these messages, too. */
	if (ifi->ifi_family != AF_UNSPEC)
		return;
	if (k.ifindex == r->w->ifindex) {
		if (up && !r->w->up)
			r->what |= TUN_WATCH_OURS;
		r->w->up = up;
		return;
	}
	k.id = k.ifindex;
	news = runs ? known_add(r->w, &k, false) : known_remove(r->w, &k);
	if (news && known_of(r->w, k.ifindex))
		r->what |= TUN_WATCH_NETWORK;
	if (!up)
		forget_routes(r->w, k.ifindex, AF_UNSPEC);
}

struct attributes {
	const struct nlattr *dst; /* of a route; of an address: itself */
	const struct nlattr *gateway;
	uint32_t table;
	uint32_t ifindex;
	uint32_t metric;
	uint32_t flags;
	uint8_t proto;
};

static int take_address(const struct nlattr *a, void *data)
{
	struct attributes *out = data;
	uint16_t type = mnl_attr_get_type(a);

	if (type == IFA_LOCAL || (type == IFA_ADDRESS && !out->dst))
		out->dst = a;
	else if (type == IFA_FLAGS && mnl_attr_get_payload_len(a) == 4)
		out->flags = mnl_attr_get_u32(a);
	return MNL_CB_OK;
}

static int take_route(const struct nlattr *a, void *data)
{
	struct attributes *out = data;
	bool number = mnl_attr_get_payload_len(a) == 4;

	switch (mnl_attr_get_type(a)) {
	case RTA_DST:
		out->dst = a;
		break;
	case RTA_GATEWAY:
	case RTA_VIA:
	case RTA_MULTIPATH:
		out->gateway = a;
		break;
	case RTA_TABLE:
		out->table = number ? mnl_attr_get_u32(a) : 0;
		break;
	case RTA_OIF:
		out->ifindex = number ? mnl_attr_get_u32(a) : 0;
		break;
	case RTA_PRIORITY:
		out->metric = number ? mnl_attr_get_u32(a) : 0;
		break;
	}
	return MNL_CB_OK;
}

static int take_rule(const struct nlattr *a, void *data)
{
	struct attributes *out = data;

	if (mnl_attr_get_type(a) == FRA_PROTOCOL && mnl_attr_get_payload_len(a) == 1)
		out->proto = mnl_attr_get_u8(a);
	return MNL_CB_OK;
}

static uint64_t digest_attr(uint64_t h, const struct nlattr *a)
{
	return a ? digest(h, mnl_attr_get_payload(a), mnl_attr_get_payload_len(a)) : h;
}

/* An address counts from the moment that it can be sent from. */
static void read_address(struct reading *r, const struct nlmsghdr *nlh)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	struct attributes a = { .flags = ifa->ifa_flags };
	struct tun_known k = { .kind = TUN_KNOWN_ADDRESS,
			       .family = ifa->ifa_family,
			       .ifindex = ifa->ifa_index };
	bool gone = nlh->nlmsg_type == RTM_DELADDR, unusable;

	if (k.ifindex == r->w->ifindex) {
		if (gone && !is_own(r, nlh))
			r->what |= TUN_WATCH_OURS;
		return;
	}
	mnl_attr_parse(nlh, sizeof(*ifa), take_address, &a);
	unusable = (a.flags & IFA_F_TENTATIVE && !(a.flags & IFA_F_OPTIMISTIC)) ||
		   a.flags & IFA_F_DADFAILED;
	if (ifa->ifa_scope >= RT_SCOPE_LINK || (unusable && !gone))
		return;
	k.id = digest_attr(digest(k.ifindex, &ifa->ifa_prefixlen, 1), a.dst);
	if (gone ? known_remove(r->w, &k) : known_add(r->w, &k, false))
		r->what |= TUN_WATCH_NETWORK;
	if (gone && k.family == AF_INET && !has_address(r->w, k.ifindex, AF_INET))
		forget_routes(r->w, k.ifindex, AF_INET);
}

static bool is_link_local(const struct rtmsg *rtm, const struct nlattr *dst)
{
	const uint8_t *p = dst ? mnl_attr_get_payload(dst) : NULL;

	return rtm->rtm_family == AF_INET6 && p && mnl_attr_get_payload_len(dst) == 16 &&
	       p[0] == 0xfe && (p[1] & 0xc0) == 0x80;
}

static void read_route(struct reading *r, const struct nlmsghdr *nlh)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct attributes a = { .table = rtm->rtm_table };
	struct tun_known k = { .kind = TUN_KNOWN_ROUTE, .family = rtm->rtm_family };
	bool gone = nlh->nlmsg_type == RTM_DELROUTE;
	bool replace = nlh->nlmsg_flags & NLM_F_REPLACE;

	mnl_attr_parse(nlh, sizeof(*rtm), take_route, &a);
	if (rtm->rtm_protocol == TUN_RT_PROTOCOL) {
		if (gone && !is_own(r, nlh))
			r->what |= TUN_WATCH_OURS;
		return;
	}
	if (a.table != TUN_TABLE_MAIN || rtm->rtm_flags & RTM_F_CLONED ||
	    a.ifindex == r->w->ifindex || is_link_local(rtm, a.dst))
		return;
	k.ifindex = a.ifindex;
	k.id = digest_attr(digest(rtm->rtm_family, &rtm->rtm_dst_len, 1), a.dst);
	k.id = digest(k.id, &a.metric, sizeof(a.metric));
	k.value = digest_attr(digest(rtm->rtm_type, &a.ifindex, sizeof(a.ifindex)), a.gateway);
	if (gone ? known_remove(r->w, &k) : known_add(r->w, &k, replace))
		r->what |= TUN_WATCH_NETWORK;
}

static void read_rule(struct reading *r, const struct nlmsghdr *nlh)
{
	struct attributes a = { 0 };

	mnl_attr_parse(nlh, sizeof(struct fib_rule_hdr), take_rule, &a);
	if (a.proto == TUN_RT_PROTOCOL && !is_own(r, nlh))
		r->what |= TUN_WATCH_OURS;
}

static int read_message(const struct nlmsghdr *nlh, void *data)
{
	switch (nlh->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(struct ifinfomsg))
			read_link(data, nlh);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(struct ifaddrmsg))
			read_address(data, nlh);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(struct rtmsg))
			read_route(data, nlh);
		break;
	case RTM_DELRULE:
		if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(struct fib_rule_hdr))
			read_rule(data, nlh);
		break;
	}
	return MNL_CB_OK;
}

/* ---- life ---- */

/* What has changed during a list is told anyway: no reason to do without the list. */
static void accept_list(void *buf, size_t n)
{
	struct nlmsghdr *nlh = buf;
	int left = (int)n;

	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
		nlh->nlmsg_flags &= (uint16_t)~NLM_F_DUMP_INTR;
}

/* Everything of one kind that there is; what changes meanwhile comes with it. */
static int learn_kind(struct reading *r, uint16_t type, size_t header)
{
	_Alignas(struct nlmsghdr) uint8_t buf[BUFFER_SIZE];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct mnl_socket *nl = r->w->nl;
	uint32_t seq = ++r->w->seq;
	ssize_t n;
	int more = MNL_CB_OK;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = seq;
	mnl_nlmsg_put_extra_header(nlh, header);
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return ERR_SYSTEM;
	while (more > MNL_CB_STOP) {
		n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		/* Changes are lost then; the list itself goes on. */
		if (n < 0 && errno == ENOBUFS) {
			r->overrun = true;
			continue;
		}
		if (n < 0)
			return ERR_SYSTEM;
		accept_list(buf, (size_t)n);
		more = mnl_cb_run(buf, (size_t)n, 0, 0, read_message, r);
	}
	return more < 0 ? ERR_SYSTEM : 0;
}

static int learn_all(struct reading *r)
{
	struct tun_watch *w = r->w;
	int rc;

	w->nknown = 0;
	w->full = false;
	r->overrun = false;
	rc = learn_kind(r, RTM_GETLINK, sizeof(struct ifinfomsg));
	if (rc == 0)
		rc = learn_kind(r, RTM_GETADDR, sizeof(struct ifaddrmsg));
	if (rc == 0)
		rc = learn_kind(r, RTM_GETROUTE, sizeof(struct rtmsg));
	return rc;
}

static int learn(struct tun_watch *w)
{
	struct reading r = { .w = w };
	int rc = 0;

	for (unsigned i = 0; i < LEARN_TRIES && (i == 0 || r.overrun) && rc == 0; i++)
		rc = learn_all(&r);
	/* What is not known cannot be missed when it goes. */
	w->full |= rc != 0 || r.overrun;
	return rc;
}

int tun_watch_open(struct tun_watch *w, unsigned ifindex, const struct tun_netlink *own)
{
	*w = (struct tun_watch){ .ifindex = ifindex };
	w->own = own ? mnl_socket_get_portid(own->nl) : UINT32_MAX;
	w->nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!w->nl)
		return ERR_SYSTEM;
	if (mnl_socket_bind(w->nl,
			    RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
				    RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE | RTMGRP_IPV4_RULE |
				    IP6_RULES,
			    MNL_SOCKET_AUTOPID) < 0 ||
	    learn(w) != 0) {
		tun_watch_close(w);
		return ERR_SYSTEM;
	}
	return 0;
}

void tun_watch_close(struct tun_watch *w)
{
	int saved = errno;

	if (w->nl)
		mnl_socket_close(w->nl);
	w->nl = NULL;
	errno = saved;
}

int tun_watch_fd(const struct tun_watch *w)
{
	return mnl_socket_get_fd(w->nl);
}

unsigned tun_watch_read(struct tun_watch *w)
{
	_Alignas(struct nlmsghdr) uint8_t buf[BUFFER_SIZE];
	struct reading r = { .w = w };
	ssize_t n;

	for (unsigned i = 0; i < TUN_WATCH_READS; i++) {
		n = mnl_socket_recvfrom(w->nl, buf, sizeof(buf));
		if (n < 0 && errno == ENOBUFS) {
			/* Nobody knows what is missing. */
			learn(w);
			return TUN_WATCH_OURS | TUN_WATCH_NETWORK;
		}
		if (n < 0)
			break;
		mnl_cb_run(buf, (size_t)n, 0, 0, read_message, &r);
	}
	return r.what;
}
