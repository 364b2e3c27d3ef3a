/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two data threads between a socket that stands for the TUN and UDP sockets on loopback. What
 * the tests wait for comes within milliseconds; the seconds are for a machine that is busy.
 */
#ifndef GODWIT_TESTS_UNIT_THREADS_PARTS_H
#define GODWIT_TESTS_UNIT_THREADS_PARTS_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/secret.h"
#include "client/data.h"
#include "tests/unit/esp_parts.h"
#include "tests/unit/namespace.h"

#define WAIT_MS 20000
#define SLOT 3
#define SPI 0x1000
#define SPI_IN 0x2000
#define MARKER 4

struct bed {
	struct host host;
	int tun; /* the application's end */
	struct net_socket peer;
	struct endpoint natt, ike; /* the host's, as the peer knows them */
	struct data *data;
	struct data_ops ops;
	struct data_config config;
	struct esp_out *out; /* published */
	struct esp_in *in;
	struct esp_out *gateway; /* the peer's, for our `in` */
	size_t secrets; /* in use before */
	/* what came up */
	unsigned ikes, events, gone;
	bool orderly;
	size_t ike_bytes;
	enum data_event_type last;
};

static inline void on_ike(void *ctx, const struct data_ike *ike)
{
	struct bed *b = ctx;

	/* Each carries its number. */
	b->orderly &= ike->bytes.n >= 4 && get_be32(ike->bytes.p) == b->ikes;
	b->ikes++;
	b->ike_bytes = ike->bytes.n;
}

static inline void on_event(void *ctx, const struct data_event *ev)
{
	struct bed *b = ctx;

	b->events++;
	b->last = ev->type;
}

static inline void on_gone(void *ctx)
{
	struct bed *b = ctx;

	b->gone++;
}

static inline struct endpoint local(uint16_t port)
{
	return (struct endpoint){ parts_addr("127.0.0.1"), port };
}

static inline void publish(struct bed *b, enum encapsulation encapsulation)
{
	struct esp_sa_config out = parts_config(&suite_gcm, SPI), in;
	struct policy_rule rule = { out.ts, POLICY_PROTECT, SLOT, GRANULARITY_RULE };
	struct policy *p = xcalloc(1, sizeof(*p));
	struct policy_view view;

	p->fallback = POLICY_DISCARD;
	policy_add(p, &rule);
	view = policy_view(p);
	data_publish_view(b->data, &view);
	free(p);
	out.path = (struct path){ .remote = local(b->peer.port), .encapsulation = encapsulation };
	if (encapsulation == ENCAPSULATION_CISCO_UDP) {
		out.path.remote.port = IKE_PORT;
		out.path.data_port = b->peer.port;
	}
	in = out;
	in.spi = SPI_IN;
	in.ts = (struct ts_pair){ .local = out.ts.remote, .remote = out.ts.local };
	b->out = parts_out(out);
	b->in = parts_in(in);
	b->gateway = parts_out(in);
	assert_int_equal(data_add_spi(b->data, b->in), 0);
	classifier_set_current(data_classifier(b->data), SLOT, b->out);
}

static inline struct bed *bed_new_of(enum encapsulation encapsulation, bool pieces,
				     const struct data_config *config)
{
	struct bed *b = xcalloc(1, sizeof(*b));
	int ends[2];

	b->config = *config;
	b->secrets = secret_pool_used();
	b->orderly = true;
	enter_namespace();
	b->host.tun.vnet = pieces;
	b->host.tun.takes = pieces ? COALESCE_TCP | COALESCE_UDP : 0;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends), 0);
	b->host.tun.fd = ends[0];
	b->tun = ends[1];
	assert_int_equal(net_udp_open(&b->host.ike, 0, 0), 0);
	assert_int_equal(net_udp_open(&b->host.natt, 0, 0), 0);
	b->host.esp = NET_SOCKET_NONE;
	b->host.cisco = NET_SOCKET_NONE;
	if (encapsulation == ENCAPSULATION_ESP)
		assert_int_equal(net_esp_open(&b->host.esp, 0), 0);
	if (encapsulation == ENCAPSULATION_CISCO_UDP)
		assert_int_equal(net_udp_open(&b->host.cisco, 0, 0), 0);
	net_esp_listen(&b->host.esp);
	if (encapsulation == ENCAPSULATION_ESP)
		assert_int_equal(net_esp_open(&b->peer, 0), 0);
	else
		assert_int_equal(net_udp_open(&b->peer, 0, 0), 0);
	net_esp_listen(&b->peer);
	if (pieces) {
		net_socket_offload(&b->host.natt, NET_OFFLOAD_ALL);
		net_socket_offload(&b->peer, NET_OFFLOAD_ALL);
	}
	b->ike = local(b->host.ike.port);
	b->natt = local(b->host.natt.port);
	b->ops = (struct data_ops){ b, on_ike, on_event, on_gone };
	b->data = data_new(&b->host, &b->config, &b->ops);
	assert_non_null(b->data);
	publish(b, encapsulation);
	assert_int_equal(data_start(b->data), 0);
	return b;
}

static inline struct bed *bed_new_with(enum encapsulation encapsulation)
{
	return bed_new_of(encapsulation, false, &(struct data_config){ 0 });
}

static inline struct bed *bed_new(void)
{
	return bed_new_with(ENCAPSULATION_UDP);
}

static inline struct bed *bed_new_holding(vtime age)
{
	return bed_new_of(ENCAPSULATION_UDP, false,
			  &(struct data_config){ .hold = { 4 << 20, age } });
}

static inline void bed_free(struct bed *b)
{
	data_stop(b->data);
	esp_out_free(b->gateway);
	esp_out_free(b->out);
	esp_in_free(b->in);
	data_free(b->data);
	close(b->tun);
	close(b->host.tun.fd);
	net_socket_close(&b->host.ike);
	net_socket_close(&b->host.natt);
	net_socket_close(&b->host.esp);
	net_socket_close(&b->host.cisco);
	net_socket_close(&b->peer);
	assert_int_equal(secret_pool_used(), b->secrets);
	free(b);
}

static inline bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, WAIT_MS) == 1;
}

/* Takes what comes up on this way until there is `wanted` of it. */
static inline void take(struct bed *b, enum data_way way, const unsigned *what, unsigned wanted)
{
	while (*what < wanted) {
		assert_true(readable(data_fd(b->data, way)));
		data_take(b->data, way);
	}
	assert_int_equal(*what, wanted);
}

static inline uint64_t dropped(const struct bed *b, enum drop why)
{
	struct control_view view = { 0 };
	uint64_t n = 0;

	data_view(b->data, &view);
	for (unsigned i = 0; i < ARRAY_SIZE(view.drops); i++)
		n += view.drops[i] ? drop_read(view.drops[i], why) : 0;
	return n;
}

static inline void wait_dropped(const struct bed *b, enum drop why, uint64_t n)
{
	for (unsigned i = 0; dropped(b, why) < n && i < WAIT_MS; i++)
		usleep(1000);
	assert_int_equal(dropped(b, why), n);
}

#endif
