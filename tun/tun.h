/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tun/ is the inner side of the tunnel: the TUN device, and what the kernel must be told so that
 * the right packets, and no others, go into it.
 *
 *	dev.c      the device, and what it can do with many packets in one piece
 *	io.c       packets in and out, in batches and super-packets
 *	state.c    what we put into the kernel, each thing as a value and as a line of text
 *	netlink.c  puts it there and takes it away again
 *	band.c     which preferences a connection has, where there are several
 *	plan.c     which things a connection needs, in order
 *	filter*.c  what the kernel refuses of what comes in in the clear (filter.h)
 *	seen.c     which of them the kernel has
 *	watch.c    sees what others do to them, and to the host's network
 *
 * Not here yet: DNS, rules that outlive the process.
 *
 * The kernel's policy routing carries the SPD (RFC 4301 section 4.4.1). Our routes stand in a table
 * of their own; rules send packets there. By their preferences, of the first connection:
 *
 *	29900  from a server's device      its table    of a gateway: the next hop is chosen
 *	29999  to gateway, outer ports     main         a look-up backwards, for rp_filter=1, ends
 *	                                                here: it does not know our mark
 *	30000  our firewall mark           main         the tunnel's own packets, so that no host
 *	                                                route to the gateway is needed
 *	30005  from an inner address       our table    else they could leave unprotected
 *	30010  the SPD, in its order       to 31073     BYPASS
 *	                                   our table    PROTECT
 *	                                   prohibit     DISCARD: the application sees EACCES
 *	31073  our mark                    -            the end of the band, and a sign whose it is
 *	       everything else             unchanged    BYPASS, or with DISCARD:
 *	31990  BYPASS once more            to 32001
 *	31990  DHCP, neighbour discovery   to 32001     the links must live
 *	32000  all                         prohibit
 *	32001  our mark                    -
 *
 * Several connections on one host have a band of preferences each (30010 to 31073, 31074 and so on),
 * and are asked one after the other, the one that came first before the others. BYPASS only leads
 * to the end of the band: so no connection's BYPASS lets out what another one protects or discards.
 * What nobody has decided comes to the connections that discard it unless they bypass it themselves
 * (31990, 32010 …), and then goes its usual way by the host's own rules. Of two that both protect or
 * discard something the earlier band decides. The tunnels' own packets and the inner addresses of
 * all are looked at before all bands. Nothing that one puts there is another's, so each can take its
 * own away.
 *
 * A band is taken by its last rule, which has the mark of the connection: of several at one
 * preference the kernel has the first, and that is whose the band is. Whoever has lost all its rules
 * meanwhile moves to another one. The first band has room for
 * every policy, the others for one that needs TUN_BAND_NARROW preferences at most.
 *
 * Rules that do the same share a preference if the kernel, which removes the first one that has
 * what it is told of, cannot mistake one for another. Protocol and ports are those of the kernel's look-up:
 * a socket that has no port yet matches no rule for source ports, and raw sockets none for any ports;
 * what leads into the TUN so is refused there, by the SPD itself. Fragments are made after the
 * look-up and go where the whole packet goes. The kernel knows no port 0 and no port 65535: a BYPASS
 * or DISCARD rule leaves these two out, and a PROTECT rule that has 65535 is for all ports, so that
 * nothing of it leaves in the clear. Whatever is local, multicast to the link in IPv6 too, is decided
 * before all rules.
 *
 * A source is asked for only where it cannot be one of our inner addresses: before the look-up a
 * packet has none, and gets the inner one in our table. What is protected for us is so kept from
 * leaving with another source, too.
 *
 * Without a policy there are lists of prefixes: what is excluded, then what is protected, in the
 * same band. What is bound to an inner address goes into the tunnel even when its destination is
 * excluded: the SPD refuses it there, and no inner address is seen outside.
 *
 *	our table:  protected prefixes dev TUN src inner address
 *	            unreachable default, so that nothing falls through when the TUN is gone
 *
 * All of it bears our own protocol number. A value of struct tun_state is one such thing: it is
 * written to a journal before it is made and undone from the journal after a crash, so making it
 * twice and undoing it twice are both harmless, and undoing touches nothing of anybody else's.
 */
#ifndef GODWIT_TUN_TUN_H
#define GODWIT_TUN_TUN_H

#include <net/if.h>

#include "base/addr.h"
#include "base/pkt.h"
#include "base/policy.h"
#include "packet/coalesce.h"
#include "packet/split.h"

#define TUN_RT_PROTOCOL 103
#define TUN_TABLE 0x6777
#define TUN_FWMARK 0x6777
#define TUN_FWMARKS 4096 /* from TUN_FWMARK on: each connection has one */
#define TUN_GROUP 0x6777 /* of interfaces: the devices of all connections */
#define TUN_TABLE_MAIN 254

#define TUN_PREF_SERVER 29900 /* what a gateway has given to a server */
#define TUN_PREF_OUTER 29999 /* of the first band; the others' stand before it */
#define TUN_PREF_FWMARK 30000
#define TUN_PREF_INNER 30005
#define TUN_PREF_BAND 30010
#define TUN_PREF_PASS 31990
#define TUN_PREF_LAST 32000
#define TUN_BANDS 16
#define TUN_BAND_WIDE 1064 /* the first */
#define TUN_BAND_NARROW 60 /* each other one */
#define TUN_BAND_LAST 20 /* from TUN_PREF_PASS on, each one */
#define TUN_EXCLUDE_MAX 400
#define TUN_POLICY_MAX 400
/* Worse than any route that somebody means. */
#define TUN_METRIC_UNREACHABLE 0xff002000

struct tun {
	int fd;
	unsigned ifindex;
	char name[IFNAMSIZ];
	bool vnet; /* a struct vnet is in front of each packet, and packets may be super-packets */
	unsigned takes; /* of what the kernel takes super-packets: as coalesce_begin wants to know */
};

/*
 * Makes a TUN device of this name (a "%d" in it is a number for the kernel to choose); it lives
 * until tun_close or the end of the process. 0; ERR_CONFIG: no interface can have this name;
 * ERR_PERMISSION: CAP_NET_ADMIN is missing; or ERR_SYSTEM with errno: EBUSY when an interface of
 * this name exists, ENOENT, ENODEV or ENXIO when there is no /dev/net/tun.
 *
 * offload: the kernel is asked for super-packets, as far as it can, and tried whether it takes them:
 * while the device is down what is good fails for that reason alone, and nothing goes anywhere.
 */
int tun_open(struct tun *t, const char *name, bool offload);
void tun_close(struct tun *t);
/* False: somebody has taken it down, or away. */
bool tun_is_up(const struct tun *t);
/*
 * What is written to this device may have sources to which the way leads elsewhere. Where the kernel
 * would drop that (rp_filter), it is told to let it pass: 0; or 1, when it does so only if the device has
 * an IPv4 address, for conf/all has the filter, too; or ERR_SYSTEM with errno.
 */
int tun_reverse_loose(const struct tun *t);
/* From now on the kernel gives no super-packets and no open checksums. Any thread. */
void tun_offload_end(const struct tun *t);

/* The room that reading wants for a packet whose length it does not know. */
#define TUN_PACKET_MAX SPLIT_PACKET_MAX

/* What a thread reads with: a super-packet, until all its segments have been taken. */
struct tun_intake {
	uint8_t *super; /* TUN_PACKET_MAX bytes, the caller's */
	bool large; /* the latest packet was one, and so will the next be */
	struct split split;
	unsigned next; /* segment; split.n: all are taken */
	struct drops *drops; /* what cannot be cut is counted there */
};

/* True when tun_read has packets though the device has none. */
static inline bool tun_intake_waits(const struct tun_intake *in)
{
	return in->next < in->split.n;
}

/*
 * Appends the packets that wait in the device to the batch, each with headroom and tailroom,
 * until there are no more or the batch has no room for one of TUN_PACKET_MAX. Segments of one
 * super-packet follow one another. A super-packet that cannot be cut is dropped; if the kernel is to
 * blame, it is the last one. Does not wait. How many, or ERR_SYSTEM with errno when the first read
 * fails.
 */
int tun_read(const struct tun *t, struct tun_intake *in, struct batch *b, uint32_t headroom,
	     uint32_t tailroom);
/*
 * Hands one IP packet to the kernel. 0, or ERR_SYSTEM with errno: EIO when the device is down,
 * EINVAL when it is no IP packet.
 */
int tun_write(const struct tun *t, struct slice packet);
/*
 * Hands over what coalesce has put out, for a device with vnet headers. A run that the kernel
 * refuses goes packet by packet, and if it takes those, *takes loses the kind: runs of kinds that are not
 * in it go so, too. Returns how many packets could not be written.
 */
unsigned tun_write_run(const struct tun *t, const struct coalesce_write *w, unsigned *takes);

enum tun_state_kind {
	TUN_STATE_ADDRESS,
	TUN_STATE_ROUTE,
	TUN_STATE_RULE,
	TUN_STATE_TABLE, /* of tun/filter.h, for the device of this name */
};

enum tun_action {
	TUN_LOOKUP, /* RULE: in `table` */
	TUN_PROHIBIT, /* RULE */
	TUN_UNREACHABLE, /* RULE, ROUTE */
	TUN_UNICAST, /* ROUTE: out of `ifname`, or to the next hop `gateway` */
	TUN_GOTO, /* RULE: on from the first rule of preference `target` */
	TUN_NOP, /* RULE: nothing */
};

/* From lo to hi; both 0: any. */
struct tun_ports {
	uint16_t lo;
	uint16_t hi;
};

/* One thing in the kernel. What the kind has no use for is zero; so are optional fields unset. */
struct tun_state {
	enum tun_state_kind kind;
	enum tun_action action; /* ROUTE, RULE */
	char ifname[IFNAMSIZ]; /* ADDRESS, unicast ROUTE, TABLE; RULE: where it came in, optional */
	struct prefix to; /* ADDRESS: itself; ROUTE: destination; RULE: optional */
	struct prefix from; /* RULE: optional */
	struct addr source; /* ROUTE: preferred source, optional */
	struct addr gateway; /* unicast ROUTE without `ifname`: a host on a connected network */
	uint32_t metric; /* ROUTE */
	uint32_t table; /* ROUTE, RULE that looks up */
	enum family family; /* RULE */
	uint32_t pref; /* RULE */
	uint32_t target; /* RULE that goes on elsewhere, further down */
	uint32_t fwmark; /* RULE: optional */
	uint8_t proto; /* RULE: optional */
	struct tun_ports sport; /* RULE: optional, with proto */
	struct tun_ports dport;
};

#define TUN_STATE_TEXT_MAX 320

/*
 * The rule and the route by which what comes out of a TUN of its own goes to one next hop: so whoever
 * writes a packet to that device has chosen its way. Where the route is missing, the host's own lead.
 */
struct tun_state tun_server_rule(const char *ifname, enum family f, uint32_t table);
struct tun_state tun_server_route(const struct prefix *to, const struct addr *gateway,
				  uint32_t table);

/* True when the fields make sense together: the functions below refuse what does not. */
bool tun_state_valid(const struct tun_state *s);
/*
 * One line of words, without newline: "rule pref 30000 family inet fwmark 0x6777 action lookup
 * table 254". Returns buf; empty when the state is not valid.
 */
const char *tun_state_text(const struct tun_state *s, char buf[TUN_STATE_TEXT_MAX]);
/* Reads exactly what tun_state_text writes: 0, or ERR_MALFORMED for anything else. */
int tun_state_parse(const char *line, struct tun_state *out);

struct mnl_socket;

/* Talks to the kernel; opened once and kept, of one thread. */
struct tun_netlink {
	struct mnl_socket *nl;
	uint32_t seq;
};

/* 0 or ERR_SYSTEM. */
int tun_netlink_open(struct tun_netlink *n);
void tun_netlink_close(struct tun_netlink *n);

/*
 * Sets MTU and queue length and brings the interface up, without an IPv6 link-local address of
 * the kernel's. Routes can be added only afterwards. 0, ERR_PERMISSION, or ERR_SYSTEM with errno
 * (ENODEV: no such interface).
 */
int tun_link_up(struct tun_netlink *n, const char *ifname, uint32_t mtu, uint32_t queue);
/* Sets the MTU alone. Below 1280 the kernel takes IPv6 off the interface. Errors as above. */
int tun_link_mtu(struct tun_netlink *n, const char *ifname, uint32_t mtu);
/* Puts it into TUN_GROUP: what comes from it is no packet in the clear. Errors as above. */
int tun_link_join(struct tun_netlink *n, const char *ifname);
int tun_link_down(struct tun_netlink *n, const char *ifname);

/*
 * Makes the thing. 0 also when it exists, or is a rule of a family that the host has not; ERR_MALFORMED when it is not valid
 * or a TABLE; ERR_PERMISSION;
 * ERR_SYSTEM with errno: ENODEV (no such interface), ENETDOWN (it is down), EEXIST (another route
 * stands in its place).
 */
int tun_state_add(struct tun_netlink *n, const struct tun_state *s);
/*
 * Makes it again if it is not there: 1 when it had to, 0 when not; else as tun_state_add. What stands
 * in its place is left alone.
 */
int tun_state_restore(struct tun_netlink *n, const struct tun_state *s);
/*
 * Which of these things, as tun_state_text writes them, the kernel has now: there[i] is true. Nothing is
 * changed. 0 or ERR_SYSTEM.
 */
int tun_lines_seen(char (*lines)[TUN_STATE_TEXT_MAX], unsigned n, bool *there);
/* Takes it away. 0 also when it, or its interface, is not there; else as tun_state_add. */
int tun_state_del(struct tun_netlink *n, const struct tun_state *s);

/* ---- band.c ---- */

/* The preferences of one connection. */
struct tun_band {
	uint32_t outer; /* its packets outside */
	uint32_t first; /* its policy, up to `end` */
	uint32_t end;
	uint32_t pass; /* what is not discarded though nobody protects it: on at `over` */
	uint32_t refuse; /* the rest */
	uint32_t over;
};

/* number < TUN_BANDS. */
struct tun_band tun_band_of(unsigned number);
/* The rule that takes a band for the connection with this mark. */
struct tun_state tun_band_claim(unsigned number, uint32_t mark);

/* Moves what stands in the band `from` to the same place in `to`; false when that is too small. */
bool tun_band_move(struct tun_state *s, unsigned from, unsigned to);

/* Which bands have rules of ours, and whose they are: the mark, 0 where nobody claims it. */
struct tun_bands {
	bool taken[TUN_BANDS];
	uint32_t holder[TUN_BANDS];
};

/* As the kernel has it now. 0 or ERR_SYSTEM. */
int tun_bands_read(struct tun_bands *out);

/* ---- watch.c ---- */

/* One of the host's addresses or routes, or a link that runs: what it is, and where a route leads. */
enum tun_known_kind {
	TUN_KNOWN_LINK,
	TUN_KNOWN_ADDRESS,
	TUN_KNOWN_ROUTE,
};

struct tun_known {
	enum tun_known_kind kind;
	uint8_t family; /* of an address, a route */
	uint32_t ifindex;
	uint64_t id;
	uint64_t value;
};

#define TUN_KNOWN_MAX 1024
#define TUN_WATCH_READS 64 /* messages read at a time */

/* tun_watch_read: */
#define TUN_WATCH_OURS 1u /* something of ours may have been removed */
#define TUN_WATCH_NETWORK 2u /* the host has another address or route than before */

/* Listens to the kernel. Of one thread. */
struct tun_watch {
	struct mnl_socket *nl;
	uint32_t seq;
	uint32_t own; /* who makes and removes what is ours */
	uint32_t ifindex; /* of the TUN */
	bool up; /* it is */
	bool full; /* there is more than is known */
	unsigned nknown;
	struct tun_known known[TUN_KNOWN_MAX];
};

/*
 * Begins to listen, for the device of this number; own: what it is told to do is no news (NULL:
 * everything is). Does not wait later on. 0 or ERR_SYSTEM.
 */
int tun_watch_open(struct tun_watch *w, unsigned ifindex, const struct tun_netlink *own);
void tun_watch_close(struct tun_watch *w);
/* Readable when there is something for tun_watch_read. */
int tun_watch_fd(const struct tun_watch *w);
/*
 * What has happened, as bits. An address that is merely refreshed, one of the link alone or one not
 * yet usable, a route in another table than main or made again as it was: nothing has.
 */
unsigned tun_watch_read(struct tun_watch *w);

#define TUN_INNER_MAX 4
/*
 * What tun_plan makes at most: outer, router, mark, unreachable, ends of bands; rule and address; for
 * each rule of the SPD a route and a rule, or two rules, and more where it is not one prefix; the links'
 * own, and the last ones.
 */
#define TUN_SPD_MAX (2 * POLICY_RULES_MAX + 200)
#define TUN_PLAN_MAX (3 + 1 + 2 + 2 + 2 + 2 * TUN_INNER_MAX + TUN_SPD_MAX + 7)

/* What a connection needs of the kernel. */
struct tun_setup {
	const char *ifname; /* of the TUN */
	struct path path; /* outer, with the port of our socket */
	uint16_t ike_port; /* ours, where IKE begins anew: to port 500. 0: no other than the path's */
	uint16_t data_port; /* CISCO_UDP: ours, for ESP */
	struct addr router; /* the first on the way, or the gateway itself; FAMILY_NONE: unknown */
	uint32_t table;
	uint32_t mark; /* of the outer sockets */
	unsigned band; /* number */
	struct addr inner[TUN_INNER_MAX]; /* the first of each family is preferred */
	unsigned n_inner;
	const struct prefix *remote; /* protected destinations */
	unsigned n_remote;
	const struct prefix *exclude; /* but not these */
	unsigned n_exclude;
	const struct policy *policy; /* in place of `remote` and `exclude`; NULL: none */
};

/*
 * Lets through what has our mark. In both families and from the beginning: another connection may
 * refuse whatever it does not know, and the gateway may move to the other family.
 */
struct tun_state tun_mark_rule(enum family f, uint32_t mark);
/*
 * The things to add, in this order, and to delete in the reverse one: at no moment in between can
 * a packet for a protected destination with an inner source leave unprotected. A protected prefix
 * of a family that has no inner address becomes unreachable. An excluded prefix of a family that
 * has no protected one, and a BYPASS rule with nothing else behind it, need nothing. Returns how
 * many, or ERR_NO_ROOM: more than `max`, more than TUN_POLICY_MAX protected or TUN_EXCLUDE_MAX
 * excluded prefixes, or a policy that needs more preferences than the band has.
 */
int tun_plan(const struct tun_setup *setup, struct tun_state *out, unsigned max);

#endif
