/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net/ is the outer side of the tunnel: the sockets that IKE and ESP travel on, and what the
 * kernel and DNS know about the way to the gateway.
 *
 *	socket.c   what UDP and raw ESP have in common, and recv.c, send.c: in batches
 *	udp.c      opens UDP, for IKE and for ESP in it (RFC 3948: one socket for both)
 *	esp.c      opens raw ESP, protocol 50 (RFC 4303 section 2)
 *	route.c    asks the kernel for its route to an address, by netlink
 *	gather.c   when to wait for more packets to come together
 *	offload.c  whether runs of datagrams can go to the kernel, and come from it, in one piece
 *	dump.c     all that the kernel has of a kind, by netlink
 *	facts.c    links, addresses and routes to the gateway, all there are now
 *	resolve.c  names to addresses; blocks
 *	dns_message.c  messages of DNS
 *	errors.c   what ICMP says of datagrams that were sent
 *	unreach.c  what ICMP says of messages that do not arrive
 *
 * Not here yet: TCP encapsulation, watching for changes of addresses and routes.
 *
 * A socket is opened once and lives as long as the program: after privileges are dropped it could
 * not be opened again. It is bound to a port and never to an address, and never connected, so that
 * it goes on working when the host's addresses change. All our sockets bear one firewall mark,
 * which a routing rule of ours sends past the tunnel. A source address is forced on single
 * datagrams only, and only while the caller knows that the address exists.
 *
 * Raw sockets get all ESP of the host, also that of other programs; so they hear nothing before
 * there is a use for them. While one is open, deaf or not, the kernel does not tell the gateway that
 * nobody speaks the protocol here; where the kernel has IPsec of its own, it drops what it does not
 * know, and we get a copy all the same.
 */
#ifndef GODWIT_NET_NET_H
#define GODWIT_NET_NET_H

#include "base/addr.h"
#include "base/pkt.h"
#include "base/vtime.h"

/* No datagram is longer, nor what arrives as one and is cut into several. */
#define NET_DATAGRAM_MAX 65535
/* A datagram of this length fits every path there is. */
#define NET_DATAGRAM_SMALL 512

struct net_stats {
	uint64_t received; /* datagrams */
	uint64_t lost; /* that the kernel dropped for want of room, or as broken */
	uint64_t sent;
	uint64_t failed; /* could not be sent */
	uint64_t too_big; /* of these: larger than the kernel knows the path to carry */
};

/* One UDP port, or raw ESP, on both families; of one thread. */
struct net_socket {
	int fd4; /* -1: the host has no such family, or it is not open */
	int fd6;
	int fd_headed; /* of raw: sends IPv4 packets with a header of ours, and receives none; or -1 */
	uint8_t ttl; /* of these */
	int full; /* the descriptor that had no room when net_socket_send_batch came to an end last */
	uint16_t port; /* raw: 0 */
	bool raw;
	bool whole; /* batches bear DF */
	bool segments; /* runs of packets go out in one piece, which the kernel cuts */
	struct net_stats stats;
	uint32_t losses[2]; /* by family, IPv6 second: the kernel's count, as last seen */
};

/* Not open. */
#define NET_SOCKET_NONE ((struct net_socket){ .fd4 = -1, .fd6 = -1, .fd_headed = -1, .full = -1 })

/*
 * Opens non-blocking sockets on the port, or on one the kernel chooses when it is 0, the same for
 * both families. A mark other than 0 is set on them (CAP_NET_ADMIN). 0; ERR_PERMISSION; or
 * ERR_SYSTEM, of which errno EADDRINUSE says that another program has the port.
 */
int net_udp_open(struct net_socket *s, uint16_t port, uint32_t mark);
/*
 * The same for raw ESP, which takes CAP_NET_RAW: a datagram is an ESP packet, and ports are 0. It
 * is deaf until net_esp_listen. 0; ERR_PERMISSION or ERR_SYSTEM.
 */
int net_esp_open(struct net_socket *s, uint32_t mark);
/* From now on it receives. Any thread; again, and where it is not open, without effect. */
void net_esp_listen(const struct net_socket *s);
/* One that is not open is left alone. errno stays. */
void net_socket_close(struct net_socket *s);
/*
 * From now on what net_socket_send_batch sends bears DF, and what is larger than the kernel knows the
 * path to carry (from the route, the device, and ICMP errors: net_router_get tells) fails with
 * EMSGSIZE. Not so packets that may_fragment, nor single datagrams longer than NET_DATAGRAM_SMALL.
 * 0 or ERR_SYSTEM.
 *
 * There is no such choice for one IPv4 datagram, so it is made for the socket and taken back for
 * a moment: what another thread sends meanwhile goes without DF. That does no harm.
 */
int net_socket_keep_whole(struct net_socket *s);

#define NET_OFFLOAD_SEND 1u /* UDP_SEGMENT */
#define NET_OFFLOAD_RECEIVE 2u /* UDP_GRO */
#define NET_OFFLOAD_ALL 3u

/*
 * Which of these the kernel can do: datagrams are sent over loopback in one piece, received in one
 * piece, and compared. What is not seen to work (loopback may be down) is not there.
 * For the start: it waits for at most some hundredths of a second.
 */
unsigned net_offload_test(void);
/*
 * From now on the socket, UDP and open, uses these. What is sent falls back for good when the kernel
 * refuses a run of packets, but not each of them. Returns what is on.
 */
unsigned net_socket_offload(struct net_socket *s, unsigned which);

/* ---- receiving ---- */

#define NET_INTAKE_SLOTS 64
/* An odd number of cache lines: the heads of all slots would else compete for a few places. */
#define NET_INTAKE_PITCH (NET_DATAGRAM_MAX + 1 + 25 * 64)
#define NET_INTAKE_ARENA ((size_t)NET_INTAKE_SLOTS * NET_INTAKE_PITCH)

/* One datagram, or several of one sender that the kernel gave in one piece. */
struct net_arrival {
	struct endpoint from;
	struct endpoint to;
	uint8_t ecn;
	uint8_t *at; /* what is not taken yet */
	uint32_t left;
	uint32_t stride; /* of each datagram but the last; 0: it is one */
};

/* What has been received and not been taken yet. */
struct net_intake {
	uint8_t *arena;
	bool full; /* all slots were filled */
	bool large; /* with large arrivals */
	unsigned n, next;
	size_t bytes;
	uint32_t lost; /* datagrams, since something was received before */
	struct net_arrival got[NET_INTAKE_SLOTS];
};

/* Uses arena, of NET_INTAKE_ARENA bytes and the caller's; it is touched as far as it is needed. */
void net_intake_init(struct net_intake *in, void *arena);
/*
 * Receives what has arrived by one family, as much as there is room for; what was not taken before is
 * lost. Does not wait. Returns how many arrivals, 0 when there are none, or ERR_SYSTEM with errno.
 */
int net_socket_recv(struct net_socket *s, enum family f, struct net_intake *in);
/*
 * The next datagrams, up to BATCH_MAX, in place of what is in the batch: views of the arena, with
 * from, to and ecn set, and good until net_socket_recv. False when there are none.
 */
bool net_intake_take(struct net_intake *in, struct batch *b);

#define NET_GATHER_WAIT (50 * VTIME_US)

/*
 * Packets that the kernel does not join wake who receives them each for itself. Where many come in a
 * row, he does better to let some gather, as a network card does with its interrupts. What comes
 * alone, or with a few others, never waits. All 0 at first.
 */
struct net_gather {
	unsigned row; /* how many have come without a pause */
	bool waits;
	vtime dry; /* when there were no more */
};

/*
 * Who was woken at `woken` has received n packets, and there are no more `now`. How long he is to
 * wait before he looks for more: NET_GATHER_WAIT, or 0.
 */
vtime net_gather(struct net_gather *g, vtime woken, unsigned n, vtime now);

/* ---- sending ---- */

/*
 * Sends one datagram, from the address `from` or, when that is NULL or none, from one the kernel
 * chooses. 0, or ERR_SYSTEM with errno: EAGAIN or ENOBUFS (queues are full), ENETUNREACH or
 * EHOSTUNREACH (no route, or `from` is not ours), EPERM or EACCES (a local firewall or routing
 * rule forbids it), EMSGSIZE (larger than UDP allows), EAFNOSUPPORT.
 */
int net_socket_send(struct net_socket *s, const struct addr *from, const struct endpoint *to,
		    struct slice bytes);
/*
 * Sends n ESP packets, each along its path: to path_esp_remote, from path->local.addr unless that
 * is unspecified or none, with the packet's ecn in the IP header. A packet without a path is passed
 * over, and one that fails does not stop the others.
 * Behind the first of several of raw ESP by IPv4 the others get a header that we have written, if they
 * bear DF, which spares the kernel a tenth of its work; what fails so is tried without.
 * Returns how many are done with, sent or failed (stats says which); fewer than n only when the
 * socket is full: the caller comes back with the rest when s->full is writable.
 */
unsigned net_socket_send_batch(struct net_socket *s, const struct pkt *pkts, unsigned n);

/* ---- what became of what was sent ---- */

#define NET_ERROR_QUOTED 64

/* Something a router, the other host or this one says about a datagram of ours. No proof of it. */
struct net_error {
	struct endpoint to; /* where the datagram was for */
	struct addr by; /* who says so; none: this host */
	int error; /* the errno that it stands for */
	uint8_t type, code; /* of ICMP or ICMPv6 */
	uint32_t mtu; /* with EMSGSIZE, what would pass; 0: not said */
	size_t n; /* bytes of the datagram that are quoted; may be 0 */
	uint8_t quoted[NET_ERROR_QUOTED];
};

/*
 * From now on ICMP errors are kept for net_socket_error, and both sending and receiving fail once for
 * each with its errno. 0 or ERR_SYSTEM.
 */
int net_socket_hear_errors(struct net_socket *s);
/* The next one of this family; false: there is none. Does not wait. */
bool net_socket_error(struct net_socket *s, enum family f, struct net_error *out);
/*
 * With `probe` what is sent from now on bears DF, and goes out up to the MTU of the device, whatever
 * the kernel has been told of the path. Without, as at first: no DF. 0 or ERR_SYSTEM.
 */
int net_socket_probe(struct net_socket *s, bool probe);

/* ---- what does not arrive ---- */

/* Raw sockets that get every "destination unreachable" that this host gets. */
struct net_unreach {
	int fd4; /* -1: not open */
	int fd6;
};

enum net_unreach_why {
	NET_UNREACH_HOST, /* no way to it, or nobody there */
	NET_UNREACH_PORT,
	NET_UNREACH_PROHIBITED, /* "administratively": a firewall */
};

struct net_unreachable {
	struct endpoint to; /* where a UDP datagram was for */
	struct addr by; /* who says so: anybody can */
	enum net_unreach_why why;
};

/* Takes CAP_NET_RAW. 0; ERR_PERMISSION or ERR_SYSTEM: then neither is open. */
int net_unreach_open(struct net_unreach *u);
void net_unreach_close(struct net_unreach *u);
/* 1; 0: what came was about something else than UDP; negative: nothing has come. Does not wait. */
int net_unreach_read(struct net_unreach *u, enum family f, struct net_unreachable *out);
/* What such a socket gives: for IPv4 with its header, for IPv6 without it, and `by` not known. */
bool net_unreach_parse(enum family f, struct slice message, struct net_unreachable *out);

struct mnl_socket;

/* Asks for routes; opened once and kept, of one thread. */
struct net_router {
	struct mnl_socket *nl;
	uint32_t seq;
	uint32_t mark;
	/* To be set when it is open: */
	struct addr source; /* routes are asked for packets from here; none: from anywhere */
	unsigned avoid; /* a route into this device is no route; 0: any will do */
	unsigned via; /* routes through this device alone; 0: through any */
};

struct net_route {
	struct addr source; /* what the kernel would send from */
	struct addr gateway; /* none: the destination is on the link */
	unsigned ifindex;
	uint32_t mtu; /* of the route if it has one, else of the device */
};

/* `mark` is the firewall mark of the sockets that the answers are meant for. 0 or ERR_SYSTEM. */
int net_router_open(struct net_router *r, uint32_t mark);
void net_router_close(struct net_router *r);
/*
 * The kernel's route to an address. 0, or ERR_SYSTEM with errno: ENETUNREACH for all that amounts
 * to "no route" (none, unreachable, prohibited, into the device to be avoided, no better source
 * than a link-local one, or `source` is not of this family or, with IPv4, not ours).
 */
int net_router_get(struct net_router *r, const struct addr *dst, struct net_route *out);

struct nlmsghdr;

/*
 * All that the kernel has of a kind, RTM_GETLINK of NETLINK_ROUTE or another: header is the size of what
 * such messages begin with. Each goes to `read`, which returns MNL_CB_OK and counts what it has taken in
 * *count: that is 0 at the beginning, and once more where something has changed in the midst of it and all
 * is asked for anew. 0, or ERR_SYSTEM with errno.
 */
int net_dump(int bus, uint16_t type, size_t header,
	     int (*read)(const struct nlmsghdr *message, void *data), void *data, unsigned *count);

#define NET_LINKS_MAX 64
#define NET_ADDRS_MAX 256
#define NET_WAYS_MAX 128

struct net_link {
	unsigned ifindex;
	bool up; /* and has a carrier */
};

struct net_addr {
	unsigned ifindex;
	struct addr addr;
	bool tentative; /* IPv6: not to be sent from yet, or never (RFC 4862 section 5.4) */
};

/* A route to one of the addresses asked for. */
struct net_way {
	struct addr remote;
	unsigned ifindex;
	struct addr source; /* what the kernel would send from */
	bool best; /* the kernel's choice; else the choice for this link */
};

/* What does not fit is left out. */
struct net_facts {
	unsigned nlinks;
	struct net_link links[NET_LINKS_MAX];
	unsigned naddrs;
	struct net_addr addrs[NET_ADDRS_MAX];
	unsigned nways; /* in the order of the addresses asked for, the best one of each first */
	struct net_way ways[NET_WAYS_MAX];
};

/*
 * All of it as it is now, with the routes to these n addresses; r->source and r->via are not looked
 * at. A handful of questions to the kernel: for the control thread, once for each change. 0 or
 * ERR_SYSTEM.
 */
int net_facts_read(struct net_router *r, const struct addr *remotes, unsigned n,
		   struct net_facts *out);

/*
 * The addresses of a name, at most `max`, in the resolver's order, each once. An address in digits
 * needs no DNS. Blocks, for many seconds if DNS is silent: never called on the loop. Returns how
 * many; 0 when the name has none; ERR_TIMEOUT when nobody answered; ERR_SYSTEM with errno.
 */
int net_resolve(const char *name, struct addr *out, unsigned max);

#endif
