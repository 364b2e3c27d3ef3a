/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <netinet/udp.h>
#include <poll.h>
#include <unistd.h>

#include "net/socket.h"

#define WAIT_MS 50
#define STRIDE 1000
#define PARTS 3
#define SIZE (2 * STRIDE + 300)

/* Two sockets on loopback. */
struct trial {
	int from, to;
	union sockaddr_any sa;
	uint8_t sent[SIZE], got[SIZE];
};

static int trial_socket(void)
{
	return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static bool trial_open(struct trial *t)
{
	socklen_t n = sizeof(t->sa);

	t->from = trial_socket();
	t->to = trial_socket();
	t->sa = (union sockaddr_any){ .in.sin_family = AF_INET };
	t->sa.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (unsigned i = 0; i < SIZE; i++)
		t->sent[i] = (uint8_t)(i * 7 + i / STRIDE);
	return t->from >= 0 && t->to >= 0 && bind(t->to, &t->sa.sa, sizeof(t->sa.in)) == 0 &&
	       getsockname(t->to, &t->sa.sa, &n) == 0 && connect(t->from, &t->sa.sa, n) == 0;
}

static void trial_close(const struct trial *t)
{
	socket_close(t->from);
	socket_close(t->to);
}

/* Receives one message, with its stride if it has one. How many bytes; -1: none comes. */
static ssize_t trial_recv(struct trial *t, int *stride)
{
	struct pollfd p = { .fd = t->to, .events = POLLIN };
	struct iovec iov = { t->got, sizeof(t->got) };
	union control space;
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &space,
		.msg_controllen = sizeof(space),
	};
	struct cmsghdr *c;
	ssize_t n = -1;

	*stride = 0;
	if (poll(&p, 1, WAIT_MS) == 1)
		n = recvmsg(t->to, &m, 0);
	c = n < 0 ? NULL : CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO)
		memcpy(stride, CMSG_DATA(c), sizeof(*stride));
	return n;
}

static bool trial_same(const struct trial *t, size_t at, ssize_t n)
{
	return n > 0 && at + (size_t)n <= SIZE && memcmp(t->got, t->sent + at, (size_t)n) == 0;
}

/* What is sent in one piece comes as datagrams, each whole and in order. */
static bool trial_is_cut(struct trial *t)
{
	size_t at = 0;

	for (unsigned i = 0; i < PARTS; i++) {
		size_t wanted = SIZE - at < STRIDE ? SIZE - at : STRIDE;
		int stride;

		if (trial_recv(t, &stride) != (ssize_t)wanted ||
		    !trial_same(t, at, (ssize_t)wanted))
			return false;
		at += wanted;
	}
	return true;
}

/* However many come together, they are what was sent, and cut where they were cut. */
static bool trial_is_whole(struct trial *t)
{
	size_t at = 0;

	while (at < SIZE) {
		int stride;
		ssize_t n = trial_recv(t, &stride);

		if (!trial_same(t, at, n) || (n > STRIDE && stride != STRIDE))
			return false;
		at += (size_t)n;
	}
	return true;
}

static bool trial_send(const struct trial *t)
{
	return send(t->from, t->sent, SIZE, MSG_NOSIGNAL) == SIZE;
}

static unsigned trial_run(struct trial *t)
{
	unsigned can = 0;

	if (socket_set_int(t->from, IPPROTO_UDP, UDP_SEGMENT, STRIDE) == 0)
		can |= NET_OFFLOAD_SEND;
	if ((can & NET_OFFLOAD_SEND) && !(trial_send(t) && trial_is_cut(t)))
		can &= ~NET_OFFLOAD_SEND;
	if (socket_set_int(t->to, IPPROTO_UDP, UDP_GRO, 1) == 0)
		can |= NET_OFFLOAD_RECEIVE;
	/* Without the other one nothing would come together: there the kernel's word has to do. */
	if (can == NET_OFFLOAD_ALL && !(trial_send(t) && trial_is_whole(t)))
		can &= ~NET_OFFLOAD_RECEIVE;
	return can;
}

unsigned net_offload_test(void)
{
	struct trial t;
	unsigned can = trial_open(&t) ? trial_run(&t) : 0;

	trial_close(&t);
	return can;
}

unsigned net_socket_offload(struct net_socket *s, unsigned which)
{
	const int fds[] = { s->fd4, s->fd6 };

	if (s->raw)
		return 0;
	for (unsigned i = 0; i < 2; i++)
		if ((which & NET_OFFLOAD_RECEIVE) && fds[i] >= 0 &&
		    socket_set_int(fds[i], IPPROTO_UDP, UDP_GRO, 1) < 0)
			which &= ~NET_OFFLOAD_RECEIVE;
	s->segments = which & NET_OFFLOAD_SEND;
	return which & NET_OFFLOAD_ALL;
}
