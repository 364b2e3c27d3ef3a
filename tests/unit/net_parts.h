/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of sockets have in common: receiving a number of datagrams, however they come. */
#ifndef GODWIT_TESTS_UNIT_NET_PARTS_H
#define GODWIT_TESTS_UNIT_NET_PARTS_H

#include <poll.h>

#include "namespace.h"
#include "net/net.h"

static uint8_t intake_arena[NET_INTAKE_ARENA];
static struct net_intake intake;
static uint8_t arena[BATCH_MAX * 8192 + 2 * NET_DATAGRAM_MAX];
static struct batch batch; /* what has been received */

/* What is there now of one family; how many arrivals. */
static int receive_of(struct net_socket *s, enum family f)
{
	static struct batch views;
	int n;

	net_intake_init(&intake, intake_arena);
	intake.full = true;
	n = net_socket_recv(s, f, &intake);
	assert_true(n >= 0);
	while (net_intake_take(&intake, &views))
		for (unsigned i = 0; i < views.n; i++) {
			struct pkt *p = batch_take(&batch, 0, views.pkts[i].len, 0);

			assert_non_null(p);
			memcpy(pkt_data(p), pkt_data(&views.pkts[i]), p->len);
			p->from = views.pkts[i].from;
			p->to = views.pkts[i].to;
			p->ecn = views.pkts[i].ecn;
		}
	return n;
}

/* Of both. */
static int receive_more(struct net_socket *s)
{
	return receive_of(s, FAMILY_IP4) + receive_of(s, FAMILY_IP6);
}

static void receive_nothing(void)
{
	batch_init(&batch, arena, sizeof(arena));
}

/* What has arrived, waiting up to five seconds for `n` packets. */
static void receive(struct net_socket *s, unsigned n)
{
	struct pollfd fds[2] = { { .fd = s->fd4, .events = POLLIN },
				 { .fd = s->fd6, .events = POLLIN } };

	receive_nothing();
	while (batch.n < n) {
		assert_true(poll(fds, 2, 5000) > 0);
		receive_more(s);
	}
	assert_int_equal(batch.n, n);
}

#endif
