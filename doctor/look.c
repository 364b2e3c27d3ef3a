/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor/look.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/xfrm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

/* ---- netlink ---- */

static void copy_text(const struct nlattr *a, char *out, size_t size)
{
	snprintf(out, size, "%.*s", (int)mnl_attr_get_payload_len(a),
		 (const char *)mnl_attr_get_payload(a));
}

static int read_info(const struct nlattr *a, void *data)
{
	struct look_link *l = data;

	if (mnl_attr_get_type(a) == IFLA_INFO_KIND)
		copy_text(a, l->kind, sizeof(l->kind));
	return MNL_CB_OK;
}

static int read_link_attr(const struct nlattr *a, void *data)
{
	struct look_link *l = data;

	if (mnl_attr_get_type(a) == IFLA_IFNAME)
		copy_text(a, l->name, sizeof(l->name));
	else if (mnl_attr_get_type(a) == IFLA_MTU && mnl_attr_get_payload_len(a) == 4)
		l->mtu = mnl_attr_get_u32(a);
	else if (mnl_attr_get_type(a) == IFLA_LINKINFO)
		return mnl_attr_parse_nested(a, read_info, l);
	return MNL_CB_OK;
}

static int read_link(const struct nlmsghdr *nlh, void *data)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct look *h = data;
	struct look_link *l = &h->link[h->nlinks];

	if (nlh->nlmsg_type != RTM_NEWLINK || h->nlinks == LOOK_LINKS_MAX)
		return MNL_CB_OK;
	h->nlinks++;
	*l = (struct look_link){ .ifindex = (unsigned)ifi->ifi_index,
				 .up = ifi->ifi_flags & IFF_UP };
	return mnl_attr_parse(nlh, sizeof(*ifi), read_link_attr, l);
}

struct rule {
	struct look_rule rule;
	bool inverted;
	bool picks; /* by more than the mark */
};

static int read_rule_attr(const struct nlattr *a, void *data)
{
	size_t n = mnl_attr_get_payload_len(a);
	struct rule *r = data;

	switch (mnl_attr_get_type(a)) {
	case FRA_PRIORITY:
		r->rule.preference = n == 4 ? mnl_attr_get_u32(a) : 0;
		break;
	case FRA_TABLE:
		r->rule.table = n == 4 ? mnl_attr_get_u32(a) : 0;
		break;
	case FRA_FWMARK:
		r->rule.mark = n == 4 ? mnl_attr_get_u32(a) : 0;
		break;
	case FRA_PROTOCOL:
		r->rule.protocol = n == 1 ? mnl_attr_get_u8(a) : 0;
		break;
	case FRA_SRC:
	case FRA_DST:
	case FRA_IIFNAME:
	case FRA_OIFNAME:
	case FRA_UID_RANGE:
	case FRA_IP_PROTO:
	case FRA_SPORT_RANGE:
	case FRA_DPORT_RANGE:
		r->picks = true;
		break;
	}
	return MNL_CB_OK;
}

/* 0 local, 32766 main, 32767 default. */
static bool is_kernels(const struct look_rule *r)
{
	return !r->mark && (r->table == RT_TABLE_LOCAL || r->table == RT_TABLE_MAIN ||
			    r->table == RT_TABLE_DEFAULT);
}

static int read_rule(const struct nlmsghdr *nlh, void *data)
{
	const struct fib_rule_hdr *hdr = mnl_nlmsg_get_payload(nlh);
	struct rule r = { .rule.table = hdr->table,
			  .rule.family = hdr->family == AF_INET6 ? FAMILY_IP6 : FAMILY_IP4,
			  .inverted = hdr->flags & FIB_RULE_INVERT };
	struct look *h = data;

	if (nlh->nlmsg_type != RTM_NEWRULE)
		return MNL_CB_OK;
	mnl_attr_parse(nlh, sizeof(*hdr), read_rule_attr, &r);
	/* "not fwmark N" is how others catch all that is not their own. */
	r.rule.whole = !r.picks && (!r.rule.mark || r.inverted);
	if (!is_kernels(&r.rule) && h->nrules < LOOK_RULES_MAX)
		h->rule[h->nrules++] = r.rule;
	return MNL_CB_OK;
}

static int count_policy(const struct nlmsghdr *nlh, void *data)
{
	unsigned *n = data;

	/* Those of sockets let a daemon's own packets pass. */
	if (nlh->nlmsg_type == XFRM_MSG_NEWPOLICY) {
		const struct xfrm_userpolicy_info *p = mnl_nlmsg_get_payload(nlh);

		*n += p->index % 8 < XFRM_POLICY_MAX;
	}
	return MNL_CB_OK;
}

/* ---- the way to the gateway ---- */

static const struct look_link *link_of(const struct look *h, unsigned ifindex)
{
	for (unsigned i = 0; i < h->nlinks; i++)
		if (h->link[i].ifindex == ifindex)
			return &h->link[i];
	return NULL;
}

static void look_for_routes(struct look *h, const struct addr *to, unsigned n)
{
	struct net_router r;
	int err = net_router_open(&r, 0) ? errno : 0;

	for (unsigned i = 0; i < n && i < DOCTOR_ADDRESSES_MAX; i++) {
		struct look_route *route = &h->route[i];

		route->error = err ? err : net_router_get(&r, &to[i], &route->route) ? errno : 0;
		route->link = link_of(h, route->route.ifindex);
	}
	if (!err)
		net_router_close(&r);
}

static void look_at_clock(struct look *h)
{
	struct timex t = { 0 };
	time_t now = time(NULL);
	struct tm tm;
	int state = adjtimex(&t);

	h->year = gmtime_r(&now, &tm) ? tm.tm_year + 1900 : 0;
	h->synchronized = state < 0 ? -1 : !(t.status & STA_UNSYNC);
}

void look_host(struct look *h, const struct addr *to, unsigned n)
{
	unsigned policies;
	int err;

	*h = (struct look){ 0 };
	net_dump(NETLINK_ROUTE, RTM_GETLINK, sizeof(struct ifinfomsg), read_link, h, &h->nlinks);
	net_dump(NETLINK_ROUTE, RTM_GETRULE, sizeof(struct fib_rule_hdr), read_rule, h, &h->nrules);
	err = net_dump(NETLINK_XFRM, XFRM_MSG_GETPOLICY, sizeof(struct xfrm_userpolicy_id),
		       count_policy, &policies, &policies);
	h->policies = err ? -1 : (int)policies;
	look_for_routes(h, to, n);
	look_at_clock(h);
}

bool look_is_tunnel(const struct look_link *l)
{
	static const char *const kinds[] = { "tun",  "wireguard", "xfrm", "vti", "vti6",
					     "ipip", "gre",	  "sit",  "ppp" };
	static const char *const names[] = { "tun", "tap",   "wg",	  "ppp",
					     "vpn", "ipsec", "tailscale", "cscotun" };

	if (!l)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(l->kind, kinds[i]) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!l->kind[0] && strncmp(l->name, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

/* ---- who has a port ---- */

/* The inode of the socket on this port in one of the kernel's tables; 0: none. */
static unsigned long inode_in(const char *table, uint16_t port)
{
	unsigned long inode = 0, found = 0;
	unsigned at;
	char line[512];
	FILE *f = fopen(table, "re");

	while (f && !found && fgets(line, sizeof(line), f))
		if (sscanf(line, " %*u: %*[0-9A-Fa-f]:%x %*s %*s %*s %*s %*s %*s %*s %lu", &at,
			   &inode) == 2 &&
		    at == port)
			found = inode;
	if (f)
		fclose(f);
	return found;
}

static bool has_socket(const char *pid, unsigned long inode)
{
	char path[300], wanted[40], got[64];
	struct dirent *e;
	bool found = false;
	DIR *d;

	snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	d = opendir(path);
	while (d && !found && (e = readdir(d))) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, got, sizeof(got) - 1);

		got[n > 0 ? n : 0] = '\0';
		found = strcmp(got, wanted) == 0;
	}
	if (d)
		closedir(d);
	return found;
}

static void name_of(const char *pid, char name[LOOK_PROGRAM_MAX])
{
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	f = fopen(path, "re");
	if (f && fgets(name, LOOK_PROGRAM_MAX, f))
		name[strcspn(name, "\n")] = '\0';
	if (f)
		fclose(f);
	for (char *c = name; *c; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
}

static void find_owner(struct look_port *p, unsigned long inode)
{
	DIR *d = opendir("/proc");
	struct dirent *e;

	while (d && !p->pid && (e = readdir(d))) {
		if (!isdigit((unsigned char)e->d_name[0]) || !has_socket(e->d_name, inode))
			continue;
		p->pid = (int)strtol(e->d_name, NULL, 10);
		name_of(e->d_name, p->program);
	}
	if (d)
		closedir(d);
}

void look_port(struct look_port *p, uint16_t port, int error)
{
	unsigned long inode = 0;

	p->error = error;
	if (!error)
		return;
	inode = inode_in("/proc/net/udp", port);
	if (!inode)
		inode = inode_in("/proc/net/udp6", port);
	p->taken = inode != 0 || error == EADDRINUSE;
	if (inode)
		find_owner(p, inode);
}
