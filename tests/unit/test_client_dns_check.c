/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Name servers on loopback: one that answers, one that is silent, one that is not there. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/dns_check.h"
#include "net/dns_message.h"
#include "net/socket.h"

#define PATIENCE_MS 20000
#define SERVERS 3

struct world {
	struct dns_check check;
	struct rng_seed seed;
	struct rng rng;
	uint16_t port;
	struct addr servers[SERVERS]; /* 127.0.0.1 and so on */
	int fd[SERVERS]; /* -1: nobody listens there */
	/* What the first one does with a question. */
	unsigned ignored; /* so many at first */
	uint16_t change; /* in its id */
	bool echoes; /* sends the question itself back */
	uint16_t flags;
	unsigned heard;
	uint8_t last[DNS_QUERY_MAX];
	size_t nlast;
};

static int listen_at(struct world *w, unsigned i)
{
	struct endpoint e = { w->servers[i], w->port };
	union sockaddr_any sa = { 0 };
	socklen_t n = socket_address(&e, &sa);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, &sa.sa, n), 0);
	assert_int_equal(getsockname(fd, &sa.sa, &n), 0);
	socket_endpoint(&sa, &e);
	w->port = e.port;
	w->fd[i] = fd;
	return fd;
}

static int world_open(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	char text[] = "127.0.0.1";

	for (unsigned i = 0; i < SERVERS; i++) {
		text[8] = (char)('1' + i);
		assert_true(addr_parse(text, &w->servers[i]));
		w->fd[i] = -1;
	}
	w->rng = rng_seeded(&w->seed, 7);
	w->flags = 0x8180;
	assert_int_equal(dns_check_open(&w->check), 0);
	listen_at(w, 0);
	*state = w;
	return 0;
}

static int world_close(void **state)
{
	struct world *w = *state;

	dns_check_close(&w->check);
	for (unsigned i = 0; i < SERVERS; i++)
		if (w->fd[i] >= 0)
			close(w->fd[i]);
	free(w);
	return 0;
}

static void serve(struct world *w)
{
	union sockaddr_any from;
	socklen_t n = sizeof(from);
	ssize_t size = recvfrom(w->fd[0], w->last, sizeof(w->last), 0, &from.sa, &n);

	if (size < 12)
		return;
	w->nlast = (size_t)size;
	if (w->heard++ < w->ignored)
		return;
	put_be16(w->last, get_be16(w->last) ^ w->change);
	if (!w->echoes)
		put_be16(w->last + 2, w->flags);
	sendto(w->fd[0], w->last, (size_t)size, 0, &from.sa, n);
}

/* Asks the first n servers; returns how many of them are silent. */
static unsigned verdict(struct world *w, unsigned n, struct addr silent[DNS_SERVERS_MAX],
			const char *name)
{
	struct pollfd fds[] = { { w->check.watch, POLLIN, 0 }, { w->fd[0], POLLIN, 0 } };

	assert_true(dns_check_begin(&w->check, w->servers, n, w->port, name, &w->rng));
	while (!dns_check_run(&w->check)) {
		assert_true(poll(fds, 2, PATIENCE_MS) > 0);
		if (fds[1].revents)
			serve(w);
	}
	assert_false(dns_check_run(&w->check));
	assert_int_equal(poll(fds, 1, 0), 0);
	return dns_check_silent(&w->check, silent);
}

/* The first question is a program's, of the domain. */
static void test_answer(void **state)
{
	struct addr silent[DNS_SERVERS_MAX];
	struct world *w = *state;
	uint8_t buf[DNS_QUERY_MAX];
	struct slice q;

	assert_int_equal(verdict(w, 1, silent, "corp.example"), 0);
	assert_int_equal(w->check.tries, 1);
	q = dns_query(0, "corp.example", DNS_SOA, true, buf);
	assert_true(slice_eq(slice(w->last + 4, w->nlast - 4), slice(q.p + 4, q.n - 4)));
	assert_int_equal(verdict(w, 1, silent, ""), 0);
	q = dns_query(0, "", DNS_NS, true, buf);
	assert_true(slice_eq(slice(w->last + 4, w->nlast - 4), slice(q.p + 4, q.n - 4)));
}

/* Who refuses to answer answers. */
static void test_refused(void **state)
{
	struct addr silent[DNS_SERVERS_MAX];
	struct world *w = *state;

	w->flags = 0x8185;
	assert_int_equal(verdict(w, 1, silent, ""), 0);
}

/* The first question is lost, or its answer takes too long. */
static void test_second_try(void **state)
{
	struct addr silent[DNS_SERVERS_MAX];
	struct world *w = *state;

	w->ignored = 1;
	assert_int_equal(verdict(w, 1, silent, "corp.example"), 0);
	assert_int_equal(w->heard, 2);
}

static void test_silence(void **state)
{
	struct addr silent[DNS_SERVERS_MAX];
	struct world *w = *state;

	w->ignored = UINT32_MAX;
	assert_int_equal(verdict(w, 1, silent, ""), 1);
	assert_true(addr_eq(&silent[0], &w->servers[0]));
	assert_int_equal(w->heard, DNS_CHECK_TRIES);
}

static void test_wrong_id(void **state)
{
	struct addr silent[DNS_SERVERS_MAX];
	struct world *w = *state;

	w->change = 1;
	assert_int_equal(verdict(w, 1, silent, ""), 1);
	w->change = 0;
	w->echoes = true;
	assert_int_equal(verdict(w, 1, silent, ""), 1);
	w->echoes = false;
	assert_int_equal(verdict(w, 1, silent, ""), 0);
}

/* What comes without end is not read to its end. */
static void test_talker(void **state)
{
	struct addr silent[DNS_SERVERS_MAX];
	union sockaddr_any from;
	struct world *w = *state;
	socklen_t n = sizeof(from);
	uint8_t last = 0;

	assert_true(dns_check_begin(&w->check, w->servers, 1, w->port, "", &w->rng));
	assert_true(recvfrom(w->fd[0], w->last, sizeof(w->last), 0, &from.sa, &n) > 0);
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(sendto(w->fd[0], "no", 2, 0, &from.sa, n), 2);
	assert_false(dns_check_run(&w->check));
	assert_int_equal(recv(w->check.at[0].fd, &last, 1, MSG_DONTWAIT), 1);
	assert_int_equal(last, 'n');
	assert_int_equal(verdict(w, 1, silent, ""), 0);
}

/* Nobody is there, and says so: that is not waited for. */
static void test_refusal(void **state)
{
	struct addr silent[DNS_SERVERS_MAX];
	struct world *w = *state;

	close(w->fd[0]);
	w->fd[0] = -1;
	assert_int_equal(verdict(w, 3, silent, ""), 3);
	assert_int_equal(w->check.tries, 1);
}

/* There is no way to it. */
static void test_no_way(void **state)
{
	struct addr silent[DNS_SERVERS_MAX];
	struct world *w = *state;

	assert_true(addr_parse("255.255.255.255", &w->servers[0]));
	assert_int_equal(verdict(w, 1, silent, ""), 1);
	assert_int_equal(w->check.tries, 1);
}

static void test_some(void **state)
{
	struct addr silent[DNS_SERVERS_MAX];
	struct world *w = *state;

	listen_at(w, 1);
	assert_int_equal(verdict(w, 3, silent, ""), 2);
	assert_true(addr_eq(&silent[0], &w->servers[1]));
	assert_true(addr_eq(&silent[1], &w->servers[2]));
}

static void test_forgotten(void **state)
{
	struct addr silent[DNS_SERVERS_MAX];
	struct world *w = *state;

	assert_true(dns_check_begin(&w->check, w->servers, 3, w->port, "", &w->rng));
	assert_int_equal(verdict(w, 1, silent, ""), 0);
	assert_true(dns_check_begin(&w->check, w->servers, 3, w->port, "", &w->rng));
	assert_false(dns_check_begin(&w->check, w->servers, 0, w->port, "", &w->rng));
	assert_false(dns_check_run(&w->check));
	dns_check_close(&w->check);
	assert_false(dns_check_begin(&w->check, w->servers, 1, w->port, "", &w->rng));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answer, world_open, world_close),
		cmocka_unit_test_setup_teardown(test_refused, world_open, world_close),
		cmocka_unit_test_setup_teardown(test_second_try, world_open, world_close),
		cmocka_unit_test_setup_teardown(test_silence, world_open, world_close),
		cmocka_unit_test_setup_teardown(test_wrong_id, world_open, world_close),
		cmocka_unit_test_setup_teardown(test_talker, world_open, world_close),
		cmocka_unit_test_setup_teardown(test_refusal, world_open, world_close),
		cmocka_unit_test_setup_teardown(test_no_way, world_open, world_close),
		cmocka_unit_test_setup_teardown(test_some, world_open, world_close),
		cmocka_unit_test_setup_teardown(test_forgotten, world_open, world_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
