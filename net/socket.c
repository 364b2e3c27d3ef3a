/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/socket.h"

#include <errno.h>
#include <unistd.h>

#include "base/err.h"

#define RECEIVE_BUFFER (8 << 20)
#define SEND_BUFFER (512 << 10)
#define IP4_HEADER 20

/* Room for one packet information and one ECN field of either family. */
union control {
	struct cmsghdr align;
	uint8_t b[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
};

int socket_set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

/* Larger buffers are a wish: without CAP_NET_ADMIN the kernel cuts them to its limit. */
static void set_buffers(int fd)
{
	if (socket_set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER) < 0)
		socket_set_int(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
	/* What stands here is latency for everything behind it, IKE too: no more than a batch. */
	if (socket_set_int(fd, SOL_SOCKET, SO_SNDBUFFORCE, SEND_BUFFER) < 0)
		socket_set_int(fd, SOL_SOCKET, SO_SNDBUF, SEND_BUFFER);
}

/* Without DF, a datagram too large for some link on the way arrives in fragments. */
static int set_whole(int fd, enum family f, bool whole)
{
	if (f == FAMILY_IP6)
		return socket_set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER,
				      whole ? IPV6_PMTUDISC_DO : IPV6_PMTUDISC_DONT);
	return socket_set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER,
			      whole ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT);
}

static int set_options4(int fd)
{
	if (socket_set_int(fd, IPPROTO_IP, IP_PKTINFO, 1) < 0 ||
	    socket_set_int(fd, IPPROTO_IP, IP_RECVTOS, 1) < 0 ||
	    set_whole(fd, FAMILY_IP4, false) < 0)
		return -1;
	return 0;
}

static int set_options6(int fd)
{
	if (socket_set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) < 0 ||
	    socket_set_int(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1) < 0 ||
	    set_whole(fd, FAMILY_IP6, false) < 0)
		return -1;
	return 0;
}

socklen_t socket_address(const struct endpoint *e, union sockaddr_any *sa)
{
	*sa = (union sockaddr_any){ 0 };
	if (e->addr.family == FAMILY_IP6) {
		sa->in6.sin6_family = AF_INET6;
		sa->in6.sin6_port = htons(e->port);
		memcpy(&sa->in6.sin6_addr, e->addr.b, 16);
		return sizeof(sa->in6);
	}
	sa->in.sin_family = AF_INET;
	sa->in.sin_port = htons(e->port);
	memcpy(&sa->in.sin_addr, e->addr.b, 4);
	return sizeof(sa->in);
}

void socket_endpoint(const union sockaddr_any *sa, struct endpoint *e)
{
	*e = (struct endpoint){ 0 };
	if (sa->sa.sa_family == AF_INET6) {
		addr_from_bytes(slice(&sa->in6.sin6_addr, 16), &e->addr);
		e->port = ntohs(sa->in6.sin6_port);
	} else if (sa->sa.sa_family == AF_INET) {
		addr_from_bytes(slice(&sa->in.sin_addr, 4), &e->addr);
		e->port = ntohs(sa->in.sin_port);
	}
}

int socket_open(enum family f, int type, int protocol, uint32_t mark)
{
	bool ip6 = f == FAMILY_IP6;
	int fd = socket(ip6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);

	if (fd < 0)
		return -1;
	if ((mark && setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0) ||
	    (ip6 ? set_options6(fd) : set_options4(fd)) < 0) {
		socket_close(fd);
		return -1;
	}
	set_buffers(fd);
	return fd;
}

void socket_close(int fd)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
}

bool socket_family_is_missing(void)
{
	return errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL;
}

int socket_error(void)
{
	return errno == EPERM || errno == EACCES ? ERR_PERMISSION : ERR_SYSTEM;
}

void net_socket_close(struct net_socket *s)
{
	socket_close(s->fd4);
	socket_close(s->fd6);
	s->fd4 = -1;
	s->fd6 = -1;
}

int net_socket_keep_whole(struct net_socket *s)
{
	if ((s->fd4 >= 0 && set_whole(s->fd4, FAMILY_IP4, true) < 0) ||
	    (s->fd6 >= 0 && set_whole(s->fd6, FAMILY_IP6, true) < 0))
		return ERR_SYSTEM;
	s->whole = true;
	return 0;
}

static void read_control(struct msghdr *m, struct pkt *p)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		struct in_pktinfo info4;
		struct in6_pktinfo info6;
		int class;

		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&info4, CMSG_DATA(c), sizeof(info4));
			addr_from_bytes(slice(&info4.ipi_addr, 4), &p->to.addr);
		} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) {
			p->ecn = CMSG_DATA(c)[0] & 3;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&info6, CMSG_DATA(c), sizeof(info6));
			addr_from_bytes(slice(&info6.ipi6_addr, 16), &p->to.addr);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS) {
			memcpy(&class, CMSG_DATA(c), sizeof(class));
			p->ecn = (uint8_t) class & 3;
		}
	}
}

/* recvmmsg's arguments, one of each for a packet. */
struct recv_msgs {
	struct mmsghdr m[BATCH_MAX];
	struct iovec iov[BATCH_MAX];
	union sockaddr_any from[BATCH_MAX];
	union control control[BATCH_MAX];
};

static unsigned take_slots(struct recv_msgs *r, struct batch *b)
{
	struct pkt *p;
	unsigned n;

	for (n = 0; (p = batch_take(b, 0, NET_DATAGRAM_MAX, 0)); n++) {
		r->iov[n] = (struct iovec){ .iov_base = pkt_data(p), .iov_len = p->len };
		r->m[n] = (struct mmsghdr){
			.msg_hdr = {
				.msg_name = &r->from[n],
				.msg_namelen = sizeof(r->from[n]),
				.msg_iov = &r->iov[n],
				.msg_iovlen = 1,
				.msg_control = &r->control[n],
				.msg_controllen = sizeof(r->control[n]),
			},
		};
	}
	return n;
}

/* A raw socket gives an IPv4 packet with its header, an IPv6 packet without. */
static void strip_header(struct pkt *p)
{
	uint32_t n;
	struct rd r;

	rd_init(&r, pkt_slice(p));
	n = (rd_u8(&r) & 15u) * 4;
	pkt_pull(p, n < IP4_HEADER || n > p->len ? p->len : n);
}

static int recv_from(struct net_socket *s, int fd, struct batch *b)
{
	unsigned first = b->n, slots;
	struct recv_msgs r;
	int n;

	slots = take_slots(&r, b);
	do {
		n = slots ? recvmmsg(fd, r.m, slots, MSG_DONTWAIT, NULL) : 0;
	} while (n < 0 && errno == EINTR);
	batch_keep(b, first + (n > 0 ? (unsigned)n : 0));
	for (int i = 0; i < n; i++) {
		struct pkt *p = &b->pkts[first + (unsigned)i];
		bool truncated = r.m[i].msg_hdr.msg_flags & MSG_TRUNC;

		pkt_trim(p, truncated ? 0 : r.m[i].msg_len);
		socket_endpoint(&r.from[i], &p->from);
		p->to.port = s->port;
		read_control(&r.m[i].msg_hdr, p);
		if (s->raw && fd == s->fd4)
			strip_header(p);
		s->stats.truncated += truncated;
		s->stats.received++;
	}
	if (n < 0)
		return errno == EAGAIN ? 0 : ERR_SYSTEM;
	return n;
}

int net_socket_recv(struct net_socket *s, struct batch *b)
{
	int fds[2] = { s->prefer6 ? s->fd6 : s->fd4, s->prefer6 ? s->fd4 : s->fd6 };
	int total = 0, err = 0;

	s->prefer6 = !s->prefer6;
	for (unsigned i = 0; i < 2; i++) {
		int n = fds[i] < 0 ? 0 : recv_from(s, fds[i], b);

		if (n < 0)
			err = n;
		else
			total += n;
	}
	return total ? total : err;
}

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

/* What one datagram's header points to. */
struct send_msg {
	struct iovec iov;
	union sockaddr_any to;
	union control control;
};

static void fill_msg(struct msghdr *m, struct send_msg *s, const struct addr *from,
		     const struct endpoint *to, uint8_t *p, size_t n)
{
	socklen_t length = socket_address(to, &s->to);

	s->iov = (struct iovec){ .iov_base = p, .iov_len = n };
	*m = (struct msghdr){
		.msg_name = &s->to,
		.msg_namelen = length,
		.msg_iov = &s->iov,
		.msg_iovlen = 1,
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
		set_whole(fd, to->addr.family, false);
	do {
		n = sendmsg(fd, m, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	saved = errno;
	if (cut)
		set_whole(fd, to->addr.family, true);
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
	struct send_msg space;
	struct msghdr m;
	ssize_t n = -1;

	errno = EAFNOSUPPORT;
	if (fd >= 0) {
		fill_msg(&m, &space, from, to, p.iov, bytes.n);
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

/* Sends packets of one socket until one fails; how many were sent, or -1 with errno. */
static int send_run(int fd, const struct pkt *pkts, unsigned n)
{
	struct mmsghdr m[BATCH_MAX];
	struct send_msg s[BATCH_MAX];
	int sent;

	for (unsigned i = 0; i < n; i++) {
		const struct path *path = pkts[i].path;
		struct endpoint to = path_esp_remote(path);
		struct msghdr *h = &m[i].msg_hdr;

		fill_msg(h, &s[i], &path->local.addr, &to, pkt_data(&pkts[i]), pkts[i].len);
		if (pkts[i].ecn)
			set_ecn(h, &s[i].control, path->remote.addr.family, pkts[i].ecn);
	}
	do {
		sent = sendmmsg(fd, m, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent;
}

/* One run of packets of one socket, with or without DF: as send_run. */
static int send_some(struct net_socket *s, const struct pkt *pkts, unsigned n)
{
	enum family f = pkts[0].path->remote.addr.family;
	bool cut = s->whole && pkts[0].may_fragment;
	int fd = fd_of(s, f), sent, saved;

	errno = EAFNOSUPPORT;
	if (fd < 0)
		return -1;
	if (cut)
		set_whole(fd, f, false);
	sent = send_run(fd, pkts, same_socket(pkts, n));
	saved = errno;
	if (cut)
		set_whole(fd, f, true);
	errno = saved;
	return sent;
}

unsigned net_socket_send_batch(struct net_socket *s, const struct pkt *pkts, unsigned n)
{
	unsigned done = 0;

	while (done < n) {
		int sent;

		if (!pkts[done].path) {
			done++;
			continue;
		}
		sent = send_some(s, pkts + done, n - done);
		if (sent < 0 && errno == EAGAIN)
			break;
		if (sent > 0) {
			s->stats.sent += (unsigned)sent;
			done += (unsigned)sent;
		} else {
			s->stats.too_big += sent < 0 && errno == EMSGSIZE;
			s->stats.failed++;
			done++;
		}
	}
	return done;
}
