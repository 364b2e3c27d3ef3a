/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel is to refuse of what comes in in the clear (RFC 4301 section 5.2): policy rules
 * and routes decide where packets leave, but nothing of them keeps one from being delivered to us. So we
 * have a table of nf_tables, named after the device. Its chain is asked before fragments are put
 * together: fragments in the clear never meet those of the tunnel.
 *
 *	inbound  from loopback, our TUN, or another godwit's      in
 *	         to an inner address                              -> policy
 *	         to our outer sockets, and ESP                    in
 *	         to another address of this host                  -> ours
 *	         to others: only what is ruled for networks       -> through
 *	ours     fragments but the first: useless without it      in
 *	         to outer sockets of other connections            in
 *	         ICMP error that quotes an inner source: forged   refused
 *	         ICMP error otherwise; neighbour discovery; link-local IPv6; DHCP    in
 *	         the rest                                         -> policy
 *	policy   the SPD, in its order, seen from the other side: BYPASS: in; PROTECT, DISCARD: refused
 *	         to an inner address                              refused
 *	         the rest                                         in
 *	refused  counted and dropped
 *	outbound with `names`: DNS that leaves by another device, and is not our own       -> beside
 *	beside   the SPD, in its order: BYPASS: out; the rest                              -> refused
 *
 * A PROTECT rule for our inner address refuses its remote side as a source whatever address of ours it
 * is for. One for a network of ours refuses it for that network, forwarded packets (through) included; outer
 * sockets and ESP are asked for behind `ours` then.
 * Multicast and broadcast are no address of this host. Ports of a BYPASS rule are those of the other
 * side, so answers come in; no state is kept of what was asked.
 *
 * The table belongs to our netlink socket, where the kernel can do that: nobody else changes it,
 * `nft flush ruleset` leaves it, and it goes with the process. It is journalled all the same.
 */
#ifndef GODWIT_TUN_FILTER_H
#define GODWIT_TUN_FILTER_H

#include "base/policy.h"
#include "tun/tun.h"

#define TUN_FILTER_PORTS_MAX 3
#define TUN_FILTER_TABLE_MAX (IFNAMSIZ + 8)

struct tun_filter {
	struct mnl_socket *nl; /* NULL: not open */
	struct mnl_socket *events; /* NULL: nobody else can touch the table */
	unsigned ifindex;
	char table[TUN_FILTER_TABLE_MAX];
	bool owned; /* the table is this socket's */
	bool sockets; /* the kernel can say whose socket a packet is for */
	bool stands; /* it has been made */
	/* The latest transaction, to be made again; none where nobody else can touch the table. */
	uint8_t *batch;
	size_t size;
	unsigned rules; /* in it */
	/* What tables before this one have counted, and what this one had when last asked. */
	uint64_t before;
	uint64_t counted;
};

struct tun_filter_setup {
	uint16_t ports[TUN_FILTER_PORTS_MAX]; /* UDP, of our outer sockets; 0: none */
	const struct addr *inner;
	unsigned n_inner;
	const struct policy *policy; /* NULL: only what is for an inner address is refused */
	bool forwards; /* a PROTECTed source is refused whatever it sends to */
	/*
	 * Who resolves names binds its sockets to a device, and rules for routes have no hold on it: what
	 * it asks beside the tunnel is refused here, unless the policy lets it.
	 */
	bool names;
};

/*
 * Makes the table for the TUN of this name and number, refusing nothing yet. owned: it is to be
 * ours alone, if the kernel can do that. 0; ERR_PERMISSION; ERR_UNSUPPORTED with errno: this kernel has
 * no nf_tables, or not what we need of it. Of one thread.
 */
int tun_filter_open(struct tun_filter *f, const char *ifname, unsigned ifindex, bool owned);
/* Takes the table away. Not open: nothing. */
void tun_filter_close(struct tun_filter *f);
/*
 * What is refused from now on, at once and without a moment in between; counters go on. 0, or ERR_PERMISSION or
 * ERR_SYSTEM with errno: all is as it was.
 */
int tun_filter_set(struct tun_filter *f, const struct tun_filter_setup *setup);
/* Takes the table away until tun_filter_set. */
void tun_filter_clear(struct tun_filter *f);
/* Makes it again if something of it is missing: 1 when it had to, 0 when not, or as tun_filter_set. */
int tun_filter_restore(struct tun_filter *f);
/* How many packets have been refused since tun_filter_open. */
uint64_t tun_filter_refused(struct tun_filter *f);

/* Readable when something has happened to tables; -1 where others cannot touch ours. */
int tun_filter_fd(const struct tun_filter *f);
/* Reads that: true when it was to our table, and by others. */
bool tun_filter_touched(struct tun_filter *f);

/* The table as a line for the journal; tun_state_del takes it away, tun_state_add refuses it. */
struct tun_state tun_filter_state(const char *ifname);
/* The table's name. */
void tun_filter_table(const char *ifname, char out[TUN_FILTER_TABLE_MAX]);
/* Takes away the table of a device, whoever made it: 0 or -1 with errno. */
int tun_filter_del(const char *ifname);

#endif
