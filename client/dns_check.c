/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/dns_check.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "net/dns_message.h"
#include "net/socket.h"

#define ANSWER_MAX 512 /* RFC 1035 section 4.2.1 */
#define TAKE_MAX 16 /* of one server at a time: who talks without end does not keep us */

static int watch_add(struct dns_check *c, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };

	return epoll_ctl(c->watch, EPOLL_CTL_ADD, fd, &ev);
}

int dns_check_open(struct dns_check *c)
{
	*c = (struct dns_check){ .watch = epoll_create1(EPOLL_CLOEXEC), .timer = -1 };
	if (c->watch < 0)
		return ERR_SYSTEM;
	c->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (c->timer >= 0 && watch_add(c, c->timer) == 0)
		return 0;
	dns_check_close(c);
	return ERR_SYSTEM;
}

static void let_go(struct dns_check *c, unsigned i)
{
	socket_close(c->at[i].fd);
	c->at[i].fd = -1;
}

static void set_timer(struct dns_check *c, unsigned ms)
{
	struct itimerspec spec = {
		.it_value = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 },
	};

	timerfd_settime(c->timer, 0, &spec, NULL);
}

static void end(struct dns_check *c)
{
	for (unsigned i = 0; i < c->n; i++)
		let_go(c, i);
	set_timer(c, 0);
	c->asked = false;
}

void dns_check_close(struct dns_check *c)
{
	if (c->watch < 0)
		return;
	if (c->timer >= 0)
		end(c);
	socket_close(c->timer);
	socket_close(c->watch);
	c->watch = c->timer = -1;
}

/* ---- questions ---- */

/* Connected, so that ICMP is heard and strangers are not. -1: there is no way to it. */
static int connected_to(const struct addr *server, uint16_t port)
{
	struct endpoint to = { *server, port };
	union sockaddr_any sa = { 0 };
	socklen_t n = socket_address(&to, &sa);
	int fd = socket(sa.sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, &sa.sa, n) == 0)
		return fd;
	socket_close(fd);
	return -1;
}

static bool goes_on(int error)
{
	return error == EAGAIN || error == EINTR || error == ENOBUFS;
}

static void ask_all(struct dns_check *c)
{
	bool first = c->tries == 0;
	uint8_t buf[DNS_QUERY_MAX];
	struct slice q =
		dns_query(c->id[c->tries++], c->name, c->name[0] ? DNS_SOA : DNS_NS, first, buf);

	for (unsigned i = 0; i < c->n; i++)
		if (c->at[i].fd >= 0 && send(c->at[i].fd, q.p, q.n, MSG_NOSIGNAL) < 0 &&
		    !goes_on(errno))
			let_go(c, i);
	set_timer(c, DNS_CHECK_WAIT_MS);
}

static bool anyone_left(const struct dns_check *c)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->at[i].fd >= 0)
			return true;
	return false;
}

bool dns_check_begin(struct dns_check *c, const struct addr *servers, unsigned n, uint16_t port,
		     const char *name, struct rng *rng)
{
	if (c->watch < 0)
		return false;
	end(c);
	if (n == 0)
		return false;
	c->asked = true;
	c->tries = 0;
	c->n = n < DNS_SERVERS_MAX ? n : DNS_SERVERS_MAX;
	snprintf(c->name, sizeof(c->name), "%s", name);
	for (unsigned i = 0; i < DNS_CHECK_TRIES; i++)
		c->id[i] = (uint16_t)rng_u32(rng);
	for (unsigned i = 0; i < c->n; i++) {
		c->at[i].server = servers[i];
		c->at[i].answered = false;
		c->at[i].fd = connected_to(&servers[i], port);
		if (c->at[i].fd >= 0 && watch_add(c, c->at[i].fd) != 0)
			let_go(c, i);
	}
	ask_all(c);
	/* Who has refused already is told by the timer, as all else is. */
	if (!anyone_left(c))
		set_timer(c, 1);
	return true;
}

/* ---- answers ---- */

static bool is_ours(const struct dns_check *c, struct slice bytes)
{
	for (unsigned i = 0; i < c->tries; i++)
		if (dns_is_answer(bytes, c->id[i]))
			return true;
	return false;
}

static void take_answers(struct dns_check *c, unsigned i)
{
	uint8_t buf[ANSWER_MAX];
	ssize_t n;

	for (unsigned k = 0; k < TAKE_MAX && c->at[i].fd >= 0; k++) {
		n = recv(c->at[i].fd, buf, sizeof(buf), 0);
		if (n < 0 && goes_on(errno))
			return;
		c->at[i].answered = n >= 0 && is_ours(c, slice(buf, (size_t)n));
		if (n < 0 || c->at[i].answered)
			let_go(c, i);
	}
}

bool dns_check_run(struct dns_check *c)
{
	bool time_is_up, left;
	uint64_t times;

	if (!c->asked)
		return false;
	time_is_up = read(c->timer, &times, sizeof(times)) > 0;
	for (unsigned i = 0; i < c->n; i++)
		take_answers(c, i);
	left = anyone_left(c);
	if (left && time_is_up && c->tries < DNS_CHECK_TRIES) {
		ask_all(c);
		left = anyone_left(c);
		time_is_up = false;
	}
	if (left && !time_is_up)
		return false;
	end(c);
	return true;
}

unsigned dns_check_silent(const struct dns_check *c, struct addr out[DNS_SERVERS_MAX])
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->n; i++)
		if (!c->at[i].answered)
			out[n++] = c->at[i].server;
	return n;
}
