/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tun/filter.h"

#include <arpa/inet.h>
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/mem.h"
#include "tun/filter_rules.h"

#define ANSWER_MAX 32768 /* what the kernel puts into one piece of a dump at most */
#define PRIORITY (-450) /* before defragmentation, which is at -400 */
#define SEND_ROOM (4 << 20) /* the whole of the largest transaction */

/* ---- talking ---- */

struct answer {
	int error; /* the first one, positive */
	bool heard;
	int (*take)(const struct nlmsghdr *nlh, void *ctx);
	void *ctx;
};

static void take_message(struct answer *a, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_type == NLMSG_ERROR && mnl_nlmsg_get_payload_len(nlh) >= sizeof(*e)) {
		a->heard = true;
		if (e->error && !a->error)
			a->error = -e->error;
	} else if (nlh->nlmsg_type == NLMSG_DONE) {
		a->heard = true;
	} else if (a->take && nlh->nlmsg_type >= NLMSG_MIN_TYPE) {
		a->heard = true;
		a->take(nlh, a->ctx);
	}
}

/* The kernel has answered before it lets us go on, so nothing has to be waited for. */
static int take_answers(struct tun_filter *f, struct answer *a)
{
	_Alignas(struct nlmsghdr) uint8_t buf[ANSWER_MAX];
	ssize_t got;

	while ((got = mnl_socket_recvfrom(f->nl, buf, sizeof(buf))) >= 0) {
		int left = (int)got;

		for (struct nlmsghdr *nlh = (void *)buf; mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left))
			take_message(a, nlh);
	}
	if (errno != EAGAIN && !a->error)
		a->error = errno;
	if (!a->error && !a->heard)
		a->error = EPROTO;
	errno = a->error;
	return a->error ? -1 : 0;
}

/* 0, or -1 with errno. */
static int ask(struct tun_filter *f, const void *messages, size_t n, struct answer *a)
{
	if (mnl_socket_sendto(f->nl, messages, n) < 0)
		return -1;
	return take_answers(f, a);
}

static int error_of_errno(void)
{
	return errno == EPERM || errno == EACCES ? ERR_PERMISSION : ERR_SYSTEM;
}

static int request(struct tun_filter *f, const struct filter_batch *b)
{
	struct answer a = { 0 };

	return ask(f, b->buf, b->used, &a);
}

/* ---- the table ---- */

void tun_filter_table(const char *ifname, char out[TUN_FILTER_TABLE_MAX])
{
	snprintf(out, TUN_FILTER_TABLE_MAX, "godwit_%s", ifname);
}

struct tun_state tun_filter_state(const char *ifname)
{
	struct tun_state s = { .kind = TUN_STATE_TABLE };

	snprintf(s.ifname, sizeof(s.ifname), "%s", ifname);
	return s;
}

static void put_table(struct filter_batch *b, const struct tun_filter *f)
{
	filter_message(b, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	mnl_attr_put_strz(b->nlh, NFTA_TABLE_NAME, f->table);
	mnl_attr_put_u32(b->nlh, NFTA_TABLE_FLAGS, htonl(f->owned ? NFT_TABLE_F_OWNER : 0));
}

static void put_chain(struct filter_batch *b, const char *name)
{
	filter_message(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	mnl_attr_put_strz(b->nlh, NFTA_CHAIN_TABLE, b->table);
	mnl_attr_put_strz(b->nlh, NFTA_CHAIN_NAME, name);
}

static void put_base_chain(struct filter_batch *b, const char *name, uint32_t hooknum,
			   int32_t priority)
{
	struct nlattr *hook;

	put_chain(b, name);
	mnl_attr_put_u32(b->nlh, NFTA_CHAIN_POLICY, htonl(NF_ACCEPT));
	mnl_attr_put_strz(b->nlh, NFTA_CHAIN_TYPE, "filter");
	hook = mnl_attr_nest_start(b->nlh, NFTA_CHAIN_HOOK);
	mnl_attr_put_u32(b->nlh, NFTA_HOOK_HOOKNUM, htonl(hooknum));
	mnl_attr_put_u32(b->nlh, NFTA_HOOK_PRIORITY, htonl((uint32_t)priority));
	mnl_attr_nest_end(b->nlh, hook);
}

static void put_counter(struct filter_batch *b)
{
	struct nlattr *data;

	filter_message(b, NFT_MSG_NEWOBJ, NLM_F_CREATE);
	mnl_attr_put_strz(b->nlh, NFTA_OBJ_TABLE, b->table);
	mnl_attr_put_strz(b->nlh, NFTA_OBJ_NAME, FILTER_COUNTER);
	mnl_attr_put_u32(b->nlh, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
	data = mnl_attr_nest_start(b->nlh, NFTA_OBJ_DATA);
	mnl_attr_nest_end(b->nlh, data);
}

/* All rules of the table go, in the same transaction that puts others there. */
static void put_flush(struct filter_batch *b)
{
	filter_message(b, NFT_MSG_DELRULE, 0);
	mnl_attr_put_strz(b->nlh, NFTA_RULE_TABLE, b->table);
}

static void put_all(struct filter_batch *b, const struct tun_filter *f,
		    const struct tun_filter_setup *setup)
{
	static const char *const chains[] = { FILTER_OURS, FILTER_POLICY, FILTER_THROUGH,
					      FILTER_BESIDE, FILTER_REFUSED };

	filter_batch_begin(b);
	put_table(b, f);
	put_counter(b);
	put_base_chain(b, FILTER_INBOUND, NF_INET_PRE_ROUTING, PRIORITY);
	/* It costs every packet something: where it has nothing to do there is none. */
	if (setup->names)
		put_base_chain(b, FILTER_OUTBOUND, NF_INET_LOCAL_OUT, 0);
	for (unsigned i = 0; i < ARRAY_SIZE(chains); i++)
		put_chain(b, chains[i]);
	put_flush(b);
	filter_rules(b, f, setup);
	b->nlh->nlmsg_flags |= NLM_F_ACK;
	filter_batch_end(b);
}

int tun_filter_set(struct tun_filter *f, const struct tun_filter_setup *setup)
{
	struct filter_batch b;

	filter_batch_init(&b, f->table);
	put_all(&b, f, setup);
	if (request(f, &b) != 0) {
		int saved = errno;

		free(b.buf);
		errno = saved;
		return error_of_errno();
	}
	free(f->owned ? b.buf : f->batch);
	f->batch = f->owned ? NULL : b.buf;
	f->size = b.used;
	f->rules = b.rules;
	f->stands = true;
	return 0;
}

/* ---- the counter ---- */

static int take_packets(const struct nlattr *a, void *ctx)
{
	uint64_t n;

	if (mnl_attr_get_type(a) == NFTA_COUNTER_PACKETS && mnl_attr_get_payload_len(a) == 8) {
		memcpy(&n, mnl_attr_get_payload(a), sizeof(n));
		*(uint64_t *)ctx = be64toh(n);
	}
	return MNL_CB_OK;
}

static int take_object(const struct nlattr *a, void *ctx)
{
	if (mnl_attr_get_type(a) == NFTA_OBJ_DATA)
		mnl_attr_parse_nested(a, take_packets, ctx);
	return MNL_CB_OK;
}

static int take_counter(const struct nlmsghdr *nlh, void *ctx)
{
	return mnl_attr_parse(nlh, sizeof(struct nfgenmsg), take_object, ctx);
}

/* False when there is none. */
static bool read_counter(struct tun_filter *f)
{
	uint64_t n = 0;
	struct answer a = { .take = take_counter, .ctx = &n };
	struct filter_batch b;
	int rc;

	filter_batch_init(&b, f->table);
	filter_message(&b, NFT_MSG_GETOBJ, 0);
	mnl_attr_put_strz(b.nlh, NFTA_OBJ_TABLE, f->table);
	mnl_attr_put_strz(b.nlh, NFTA_OBJ_NAME, FILTER_COUNTER);
	mnl_attr_put_u32(b.nlh, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
	filter_message_end(&b);
	rc = ask(f, b.buf, b.used, &a);
	free(b.buf);
	if (rc == 0)
		f->counted = n;
	return rc == 0;
}

uint64_t tun_filter_refused(struct tun_filter *f)
{
	if (f->nl && f->stands)
		read_counter(f);
	return f->before + f->counted;
}

/* The next one begins at zero. */
static void keep_count(struct tun_filter *f)
{
	f->before += f->counted;
	f->counted = 0;
}

static int del_table(struct tun_filter *f)
{
	struct filter_batch b;
	int rc, saved;

	filter_batch_init(&b, f->table);
	filter_batch_begin(&b);
	filter_message(&b, NFT_MSG_DELTABLE, NLM_F_ACK);
	mnl_attr_put_strz(b.nlh, NFTA_TABLE_NAME, f->table);
	filter_batch_end(&b);
	rc = request(f, &b);
	saved = errno;
	free(b.buf);
	errno = saved;
	return rc;
}

void tun_filter_clear(struct tun_filter *f)
{
	if (f->nl && f->stands) {
		read_counter(f);
		keep_count(f);
		del_table(f);
	}
	f->stands = false;
}

/* ---- what is there ---- */

static int take_rule(const struct nlmsghdr *nlh, void *ctx)
{
	unsigned *n = ctx;

	*n += (nlh->nlmsg_type & 0xff) == NFT_MSG_NEWRULE;
	return MNL_CB_OK;
}

static unsigned count_rules(struct tun_filter *f)
{
	struct filter_batch b;
	unsigned n = 0;
	struct answer a = { .take = take_rule, .ctx = &n };

	filter_batch_init(&b, f->table);
	filter_message(&b, NFT_MSG_GETRULE, NLM_F_DUMP);
	mnl_attr_put_strz(b.nlh, NFTA_RULE_TABLE, f->table);
	filter_message_end(&b);
	ask(f, b.buf, b.used, &a);
	free(b.buf);
	return n;
}

int tun_filter_restore(struct tun_filter *f)
{
	struct answer a = { 0 };

	if (!f->batch || !f->stands || count_rules(f) == f->rules)
		return 0;
	if (!read_counter(f))
		keep_count(f);
	return ask(f, f->batch, f->size, &a) == 0 ? 1 : error_of_errno();
}

/* ---- life ---- */

static int open_socket(struct tun_filter *f)
{
	int room = SEND_ROOM;

	f->nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!f->nl)
		return -1;
	if (mnl_socket_bind(f->nl, 0, MNL_SOCKET_AUTOPID) < 0)
		return -1;
	setsockopt(mnl_socket_get_fd(f->nl), SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	return 0;
}

static int open_events(struct tun_filter *f)
{
	int group = NFNLGRP_NFTABLES;

	if (f->owned)
		return 0;
	f->events = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!f->events || mnl_socket_bind(f->events, 0, MNL_SOCKET_AUTOPID) < 0)
		return -1;
	return mnl_socket_setsockopt(f->events, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group));
}

/* What the kernel has not is left out, from the least important on. */
static int try_all(struct tun_filter *f, bool owned)
{
	const struct tun_filter_setup nothing = { .n_inner = 0 };
	int rc = ERR_SYSTEM;

	for (unsigned i = 0; i < 4 && rc == ERR_SYSTEM; i++) {
		f->sockets = !(i & 1);
		f->owned = owned && !(i & 2);
		rc = tun_filter_set(f, &nothing);
	}
	return rc == ERR_SYSTEM ? ERR_UNSUPPORTED : rc;
}

int tun_filter_open(struct tun_filter *f, const char *ifname, unsigned ifindex, bool owned)
{
	int rc, saved;

	*f = (struct tun_filter){ .ifindex = ifindex };
	tun_filter_table(ifname, f->table);
	rc = open_socket(f) == 0 ? try_all(f, owned) : ERR_UNSUPPORTED;
	if (rc == 0 && open_events(f) != 0)
		rc = ERR_UNSUPPORTED;
	if (rc == 0)
		return 0;
	saved = errno;
	tun_filter_close(f);
	errno = saved;
	return rc;
}

void tun_filter_close(struct tun_filter *f)
{
	tun_filter_clear(f);
	if (f->nl)
		mnl_socket_close(f->nl);
	if (f->events)
		mnl_socket_close(f->events);
	free(f->batch);
	*f = (struct tun_filter){ .before = f->before, .counted = f->counted };
}

int tun_filter_del(const char *ifname)
{
	struct tun_filter f = { .nl = NULL };
	int rc, saved;

	tun_filter_table(ifname, f.table);
	rc = open_socket(&f);
	if (rc == 0)
		rc = del_table(&f);
	saved = errno;
	if (f.nl)
		mnl_socket_close(f.nl);
	errno = saved;
	return rc;
}

/* ---- what others do ---- */

int tun_filter_fd(const struct tun_filter *f)
{
	return f->events ? mnl_socket_get_fd(f->events) : -1;
}

/* The table's name is the first attribute of a table, a chain and a rule. */
static_assert(NFTA_TABLE_NAME == 1 && NFTA_CHAIN_TABLE == 1 && NFTA_RULE_TABLE == 1 &&
		      NFTA_OBJ_TABLE == 1,
	      "one attribute for all");

static int take_name(const struct nlattr *a, void *ctx)
{
	if (mnl_attr_get_type(a) == NFTA_TABLE_NAME &&
	    mnl_attr_validate(a, MNL_TYPE_NUL_STRING) == 0)
		*(const char **)ctx = mnl_attr_get_str(a);
	return MNL_CB_OK;
}

static bool is_touch(const struct tun_filter *f, const struct nlmsghdr *nlh)
{
	const char *name = NULL;

	if (nlh->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES ||
	    nlh->nlmsg_pid == mnl_socket_get_portid(f->nl) ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nfgenmsg))
		return false;
	mnl_attr_parse(nlh, sizeof(struct nfgenmsg), take_name, &name);
	return name && strcmp(name, f->table) == 0;
}

bool tun_filter_touched(struct tun_filter *f)
{
	_Alignas(struct nlmsghdr) uint8_t buf[ANSWER_MAX];
	bool touched = false;
	ssize_t got = 0;

	while (f->events && got >= 0) {
		int left;

		got = mnl_socket_recvfrom(f->events, buf, sizeof(buf));
		left = (int)got;
		/* Nobody knows what is missing. */
		touched |= got < 0 && errno == ENOBUFS;
		for (struct nlmsghdr *nlh = (void *)buf; got > 0 && mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left))
			touched |= is_touch(f, nlh);
	}
	return touched;
}
