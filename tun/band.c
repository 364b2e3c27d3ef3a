/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tun/tun.h"

#include <assert.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "base/err.h"

#define BUFFER_SIZE 32768 /* what the kernel puts into one piece of a dump at most */
#define TRIES 20 /* while others change the rules */

#define NARROW_FIRST (TUN_PREF_BAND + TUN_BAND_WIDE)

static_assert(POLICY_RULES_MAX < TUN_BAND_WIDE, "the first band has room for every policy");
static_assert(NARROW_FIRST + (TUN_BANDS - 1) * TUN_BAND_NARROW <= TUN_PREF_PASS,
	      "all bands come before what nobody has decided");
static_assert(TUN_PREF_LAST + 1 < TUN_PREF_PASS + TUN_BAND_LAST, "the last zones stand apart");
/* That of the main table. */
static_assert(TUN_PREF_PASS + TUN_BANDS * TUN_BAND_LAST < 32766,
	      "rules stand before the host's own");

struct tun_band tun_band_of(unsigned number)
{
	uint32_t size = number ? TUN_BAND_NARROW : TUN_BAND_WIDE;
	uint32_t first = number ? NARROW_FIRST + (number - 1) * TUN_BAND_NARROW : TUN_PREF_BAND;
	uint32_t last = number * TUN_BAND_LAST;

	return (struct tun_band){
		.outer = TUN_PREF_OUTER - number,
		.first = first,
		.end = first + size - 1,
		.pass = TUN_PREF_PASS + last,
		.refuse = TUN_PREF_LAST + last,
		.over = TUN_PREF_LAST + last + 1,
	};
}

struct tun_state tun_band_claim(unsigned number, uint32_t mark)
{
	return (struct tun_state){
		.kind = TUN_STATE_RULE,
		.action = TUN_NOP,
		.family = FAMILY_IP4,
		.pref = tun_band_of(number).end,
		.fwmark = mark,
	};
}

static uint32_t moved(uint32_t pref, const struct tun_band *from, const struct tun_band *to)
{
	if (pref == from->outer)
		return to->outer;
	if (pref == from->end)
		return to->end;
	if (pref >= from->first && pref < from->end)
		return to->first + (pref - from->first);
	if (pref >= from->pass && pref <= from->over)
		return to->pass + (pref - from->pass);
	return pref;
}

bool tun_band_move(struct tun_state *s, unsigned from, unsigned to)
{
	const struct tun_band a = tun_band_of(from), b = tun_band_of(to);
	bool decides = s->pref >= a.first && s->pref < a.end;

	if (s->kind != TUN_STATE_RULE)
		return true;
	s->pref = moved(s->pref, &a, &b);
	s->target = moved(s->target, &a, &b);
	return !decides || s->pref < b.end;
}

struct rule {
	uint32_t pref;
	uint32_t mark;
	uint8_t proto;
};

static int take_rule(const struct nlattr *a, void *data)
{
	struct rule *out = data;
	bool number = mnl_attr_get_payload_len(a) == 4;

	switch (mnl_attr_get_type(a)) {
	case FRA_PRIORITY:
		out->pref = number ? mnl_attr_get_u32(a) : 0;
		break;
	case FRA_FWMARK:
		out->mark = number ? mnl_attr_get_u32(a) : 0;
		break;
	case FRA_PROTOCOL:
		out->proto = mnl_attr_get_payload_len(a) == 1 ? mnl_attr_get_u8(a) : 0;
		break;
	}
	return MNL_CB_OK;
}

static bool is_of_band(const struct tun_band *b, uint32_t pref)
{
	return pref == b->outer || (pref >= b->first && pref <= b->end) ||
	       (pref >= b->pass && pref <= b->over);
}

static int read_rule(const struct nlmsghdr *nlh, void *data)
{
	const struct fib_rule_hdr *frh = mnl_nlmsg_get_payload(nlh);
	struct tun_bands *out = data;
	struct rule r = { 0 };

	if (nlh->nlmsg_type != RTM_NEWRULE || mnl_nlmsg_get_payload_len(nlh) < sizeof(*frh))
		return MNL_CB_OK;
	mnl_attr_parse(nlh, sizeof(*frh), take_rule, &r);
	for (unsigned i = 0; i < TUN_BANDS && r.proto == TUN_RT_PROTOCOL; i++) {
		struct tun_band b = tun_band_of(i);

		out->taken[i] |= is_of_band(&b, r.pref);
		if (frh->family == AF_INET && frh->action == FR_ACT_NOP && r.pref == b.end &&
		    out->holder[i] == 0)
			out->holder[i] = r.mark;
	}
	return MNL_CB_OK;
}

/* ERR_SYSTEM with EINTR: somebody changed them meanwhile. */
static int read_family(struct tun_netlink *n, uint8_t family, struct tun_bands *out)
{
	_Alignas(struct nlmsghdr) uint8_t buf[BUFFER_SIZE];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct fib_rule_hdr *frh;
	uint32_t seq = ++n->seq;
	ssize_t got;
	int more = MNL_CB_OK;

	nlh->nlmsg_type = RTM_GETRULE;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = seq;
	frh = mnl_nlmsg_put_extra_header(nlh, sizeof(*frh));
	frh->family = family;
	if (mnl_socket_sendto(n->nl, nlh, nlh->nlmsg_len) < 0)
		return ERR_SYSTEM;
	while (more > MNL_CB_STOP) {
		got = mnl_socket_recvfrom(n->nl, buf, sizeof(buf));
		if (got < 0)
			return ERR_SYSTEM;
		more = mnl_cb_run(buf, (size_t)got, seq, mnl_socket_get_portid(n->nl), read_rule,
				  out);
	}
	return more < 0 ? ERR_SYSTEM : 0;
}

/* With a socket of its own, so that nothing of a reading that was broken off stays behind. */
static int read_all(struct tun_bands *out)
{
	struct tun_netlink n;
	int rc;

	*out = (struct tun_bands){ 0 };
	if (tun_netlink_open(&n) != 0)
		return ERR_SYSTEM;
	rc = read_family(&n, AF_INET, out);
	/* A host without IPv6 has no rules of it. */
	if (rc == 0 && read_family(&n, AF_INET6, out) != 0 && errno == EINTR)
		rc = ERR_SYSTEM;
	tun_netlink_close(&n);
	return rc;
}

int tun_bands_read(struct tun_bands *out)
{
	int rc = ERR_SYSTEM;

	for (unsigned i = 0; i < TRIES && rc != 0; i++) {
		rc = read_all(out);
		if (rc != 0 && errno != EINTR)
			break;
	}
	return rc;
}
