/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/udp.h>

#include "base/err.h"
#include "net/socket.h"

/* What the kernel takes in one piece to be cut into datagrams. */
#define SEGMENTS_MAX 64
#define SEGMENTS_BYTES 65507
/* For fewer, headers of our own are not worth a call of its own. */
#define HEADERS_MIN 3

static void add_control(struct msghdr *m, union control *space, int level, int type,
			struct slice value)
{
	struct cmsghdr *c = (struct cmsghdr *)(void *)(space->b + m->msg_controllen);

	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(value.n);
	memcpy(CMSG_DATA(c), value.p, value.n);
	m->msg_control = space;
	m->msg_controllen += CMSG_SPACE(value.n);
}

static void force_source(struct msghdr *m, union control *space, const struct addr *from)
{
	struct in_pktinfo info4 = { 0 };
	struct in6_pktinfo info6 = { 0 };

	if (from->family == FAMILY_IP6) {
		memcpy(&info6.ipi6_addr, from->b, 16);
		add_control(m, space, IPPROTO_IPV6, IPV6_PKTINFO, slice(&info6, sizeof(info6)));
	} else {
		memcpy(&info4.ipi_spec_dst, from->b, 4);
		add_control(m, space, IPPROTO_IP, IP_PKTINFO, slice(&info4, sizeof(info4)));
	}
}

static void set_ecn(struct msghdr *m, union control *space, enum family f, uint8_t ecn)
{
	int class = ecn & 3;

	if (f == FAMILY_IP6)
		add_control(m, space, IPPROTO_IPV6, IPV6_TCLASS, slice(&class, sizeof(class)));
	else
		add_control(m, space, IPPROTO_IP, IP_TOS, slice(&class, sizeof(class)));
}

static void set_stride(struct msghdr *m, union control *space, uint32_t stride)
{
	uint16_t value = (uint16_t)stride;

	add_control(m, space, IPPROTO_UDP, UDP_SEGMENT, slice(&value, sizeof(value)));
}

/* What one message's header points to. */
struct send_msg {
	union sockaddr_any to;
	union control control;
};

static void fill_msg(struct msghdr *m, struct send_msg *s, const struct addr *from,
		     const struct endpoint *to, struct iovec *iov, unsigned n)
{
	socklen_t length = socket_address(to, &s->to);

	*m = (struct msghdr){
		.msg_name = &s->to,
		.msg_namelen = length,
		.msg_iov = iov,
		.msg_iovlen = n,
	};
	if (from && from->family == to->addr.family && !addr_is_unspecified(from))
		force_source(m, &s->control, from);
}

static int fd_of(const struct net_socket *s, enum family f)
{
	return f == FAMILY_IP6 ? s->fd6 : f == FAMILY_IP4 ? s->fd4 : -1;
}

/* sendmsg, without DF if the datagram may need to be cut: -1 with errno. */
static ssize_t send_one(const struct net_socket *s, int fd, const struct endpoint *to,
			const struct msghdr *m, size_t size)
{
	bool cut = s->whole && size > NET_DATAGRAM_SMALL;
	int saved;
	ssize_t n;

	if (cut)
		socket_set_whole(fd, to->addr.family, false);
	do {
		n = sendmsg(fd, m, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	saved = errno;
	if (cut)
		socket_set_whole(fd, to->addr.family, true);
	errno = saved;
	return n;
}

int net_socket_send(struct net_socket *s, const struct addr *from, const struct endpoint *to,
		    struct slice bytes)
{
	int fd = fd_of(s, to->addr.family);
	union {
		const uint8_t *in;
		uint8_t *iov;
	} p = { .in = bytes.p };
	struct iovec iov = { p.iov, bytes.n };
	struct send_msg space;
	struct msghdr m;
	ssize_t n = -1;

	errno = EAFNOSUPPORT;
	if (fd >= 0) {
		fill_msg(&m, &space, from, to, &iov, 1);
		n = send_one(s, fd, to, &m, bytes.n);
	}
	if (n < 0) {
		s->stats.failed++;
		return ERR_SYSTEM;
	}
	s->stats.sent++;
	return 0;
}

/* How many, from the first on, go out of the same socket in the same way: at most BATCH_MAX. */
static unsigned same_socket(const struct pkt *pkts, unsigned n)
{
	enum family f = pkts[0].path->remote.addr.family;
	unsigned i = 1;

	while (i < n && i < BATCH_MAX && pkts[i].path && pkts[i].path->remote.addr.family == f &&
	       pkts[i].may_fragment == pkts[0].may_fragment)
		i++;
	return i;
}

/*
 * How many, from the first on, one message can hold: they differ in nothing but what is in them, and
 * the last may be shorter. What is larger than its path is left to be cut by IP.
 */
static unsigned run_length(const struct pkt *pkts, unsigned n)
{
	uint32_t size = pkts[0].len, total = size;
	unsigned i = 1;

	if (pkts[0].may_fragment)
		return 1;
	while (i < n && i < SEGMENTS_MAX && pkts[i].path == pkts[0].path &&
	       pkts[i].ecn == pkts[0].ecn && pkts[i].len && pkts[i].len <= size &&
	       pkts[i].len <= SEGMENTS_BYTES - total && pkts[i - 1].len == size)
		total += pkts[i++].len;
	return i;
}

/* sendmmsg's arguments. */
struct send_msgs {
	unsigned n;
	struct mmsghdr m[BATCH_MAX];
	struct send_msg msg[BATCH_MAX];
	unsigned packets[BATCH_MAX]; /* of each message */
	struct iovec iov[2 * BATCH_MAX]; /* of each packet, and of its header */
	struct iphdr headers[BATCH_MAX]; /* where they are ours */
};

static void add_msg(struct send_msgs *s, const struct pkt *pkts, unsigned n, struct iovec *iov)
{
	const struct path *path = pkts->path;
	struct endpoint to = path_esp_remote(path);
	struct msghdr *h = &s->m[s->n].msg_hdr;
	struct send_msg *msg = &s->msg[s->n];

	for (unsigned i = 0; i < n; i++)
		iov[i] = (struct iovec){ pkt_data(&pkts[i]), pkts[i].len };
	fill_msg(h, msg, &path->local.addr, &to, iov, n);
	s->packets[s->n++] = n;
}

static void add_datagrams(struct send_msgs *s, const struct pkt *pkts, unsigned n,
			  struct iovec *iov)
{
	struct msghdr *h = &s->m[s->n].msg_hdr;
	struct send_msg *msg = &s->msg[s->n];

	add_msg(s, pkts, n, iov);
	if (pkts->ecn)
		set_ecn(h, &msg->control, pkts->path->remote.addr.family, pkts->ecn);
	if (n > 1)
		set_stride(h, &msg->control, pkts->len);
}

/* The kernel writes the length, the identification and the checksum. */
static void write_header(struct iphdr *h, const struct pkt *p, uint8_t ttl)
{
	*h = (struct iphdr){
		.version = IPVERSION,
		.ihl = sizeof(*h) / 4,
		.tos = p->ecn & 3,
		.frag_off = htons(IP_DF),
		.ttl = ttl,
		.protocol = IPPROTO_ESP,
	};
	memcpy(&h->saddr, p->path->local.addr.b, 4);
	memcpy(&h->daddr, p->path->remote.addr.b, 4);
}

static void add_headed(struct send_msgs *s, const struct pkt *p, uint8_t ttl)
{
	struct iovec *iov = s->iov + 2 * (size_t)s->n;
	struct iphdr *header = &s->headers[s->n];
	struct msghdr *h = &s->m[s->n].msg_hdr;

	add_msg(s, p, 1, iov + 1);
	write_header(header, p, ttl);
	iov[0] = (struct iovec){ header, sizeof(*header) };
	h->msg_iov = iov;
	h->msg_iovlen = 2;
}

/* What one call has done. */
struct send_result {
	unsigned sent; /* packets; 0: errno says why */
	unsigned first; /* packets of the message that was first */
};

/* Sends until a message fails. */
static struct send_result send_msgs(int fd, struct send_msgs *s)
{
	struct send_result r = { .first = s->packets[0] };
	int sent;

	do {
		sent = sendmmsg(fd, s->m, s->n, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	for (int i = 0; i < sent; i++)
		r.sent += s->packets[i];
	return r;
}

/* Packets of one socket. */
static struct send_result send_run(int fd, const struct pkt *pkts, unsigned n, bool together)
{
	struct send_msgs s;

	s.n = 0;
	for (unsigned i = 0; i < n; i += s.packets[s.n - 1])
		add_datagrams(&s, pkts + i, together ? run_length(pkts + i, n - i) : 1, s.iov + i);
	return send_msgs(fd, &s);
}

/* The same, of raw IPv4, with headers that we have written. */
static struct send_result send_headed(const struct net_socket *s, const struct pkt *pkts,
				      unsigned n)
{
	struct send_msgs m;

	m.n = 0;
	while (m.n < n)
		add_headed(&m, &pkts[m.n], s->ttl);
	return send_msgs(s->fd_headed, &m);
}

/*
 * How many, from the first on, may follow one that the kernel has written the header of: for then it
 * has seen that their source is an address of ours, which it does not look at where the header is.
 */
static unsigned headed_run(const struct net_socket *s, const struct pkt *leader,
			   const struct pkt *pkts, unsigned n)
{
	const struct addr *source = &leader->path->local.addr;
	unsigned i = 0;

	if (s->fd_headed < 0 || !s->whole || source->family != FAMILY_IP4 ||
	    addr_is_unspecified(source))
		return 0;
	while (i < n && i < BATCH_MAX && pkts[i].path && !pkts[i].may_fragment &&
	       pkts[i].path->remote.addr.family == FAMILY_IP4 &&
	       addr_eq(&pkts[i].path->local.addr, source))
		i++;
	return i;
}

/* One run of packets of one socket, with or without DF: as send_run. */
static struct send_result send_some(const struct net_socket *s, const struct pkt *pkts, unsigned n,
				    bool together)
{
	enum family f = pkts[0].path->remote.addr.family;
	bool cut = s->whole && pkts[0].may_fragment;
	bool leads = headed_run(s, pkts, pkts, n) > HEADERS_MIN;
	int fd = fd_of(s, f), saved;
	struct send_result r;

	errno = EAFNOSUPPORT;
	if (fd < 0)
		return (struct send_result){ .first = 1 };
	if (cut)
		socket_set_whole(fd, f, false);
	r = send_run(fd, pkts, leads ? 1 : same_socket(pkts, n), together);
	saved = errno;
	if (cut)
		socket_set_whole(fd, f, true);
	errno = saved;
	return r;
}

/* Packets that failed together and are now tried one by one. */
struct send_again {
	unsigned left;
	int why; /* until it is known whose fault it was */
};

/*
 * What goes alone but not together: the kernel, or the device, cannot cut after all (EINVAL, EIO),
 * and will not be able to later.
 */
static void sent_packets(struct net_socket *s, struct send_again *again, unsigned n)
{
	if (again->left && (again->why == EINVAL || again->why == EIO))
		s->segments = false;
	again->why = 0;
	again->left -= again->left < n ? again->left : n;
	s->stats.sent += n;
}

static void failed_packet(struct net_socket *s, struct send_again *again)
{
	again->why = 0;
	again->left -= again->left != 0;
	s->stats.too_big += errno == EMSGSIZE;
	s->stats.failed++;
}

unsigned net_socket_send_batch(struct net_socket *s, const struct pkt *pkts, unsigned n)
{
	const struct pkt *leader = NULL; /* the latest whose header is the kernel's */
	struct send_again again = { 0 };
	unsigned done = 0;

	while (done < n) {
		bool together = s->segments && !again.left;
		unsigned headed;
		struct send_result r;

		if (!pkts[done].path) {
			done++;
			continue;
		}
		headed = leader ? headed_run(s, leader, pkts + done, n - done) : 0;
		r = headed ?
			    send_headed(s, pkts + done, headed) :
			    send_some(s, pkts + done, again.left ? again.left : n - done, together);
		if (r.sent) {
			sent_packets(s, &again, r.sent);
			done += r.sent;
			leader = headed ? leader : &pkts[done - 1];
		} else if (errno == EAGAIN) {
			s->full = headed ? s->fd_headed :
					   fd_of(s, pkts[done].path->remote.addr.family);
			break;
		} else if (headed) {
			/* It has another chance without. */
			leader = NULL;
		} else if (r.first > 1) {
			again = (struct send_again){ r.first, errno };
		} else {
			failed_packet(s, &again);
			done++;
		}
	}
	return done;
}
