/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The product's gateway and any number of the product's sessions, each with its data engines, in
 * virtual time. Datagrams take GWORLD_DELAY in either direction and arrive in order. Clients may be
 * behind a NAT that gives all of them one address: in UDP each has ports of its own, and without
 * NAT traversal they share port 500 and are told apart as such a NAT does: IKE by the initiator's
 * cookie, ESP by the SPI.
 *
 * Everything that is behind the gateway answers to pings.
 */
#ifndef GODWIT_TESTS_GATEWAY_WORLD_H
#define GODWIT_TESTS_GATEWAY_WORLD_H

#include "gateway/gateway.h"
#include "tests/support/data_engines.h"

#define GWORLD_DELAY (10 * VTIME_MS)
#define GWORLD_COOKIES 8 /* of one client that the NAT remembers */
#define GWORLD_USER "alice"
#define GWORLD_PASSWORD "correct horse"

struct gworld_client {
	struct gworld *world;
	unsigned number;
	struct session_config config;
	struct session *session;
	struct log log;
	struct rng rng; /* the world's, but for: */
	uint32_t spi; /* 0: nothing. Every other number of four bytes is this one */
	bool spi_given; /* the last one was */
	struct data_engines data;
	struct addr outer; /* its own */
	struct addr seen; /* what the gateway sees of it: a NAT's, or the same */
	bool gone; /* off the net: nothing arrives and nothing leaves */
	bool looks; /* the session waits for FACTS */
	unsigned moves; /* of its NAT's ports */
	uint8_t cookies[GWORLD_COOKIES][IKE_COOKIE_SIZE];
	unsigned ncookies;
	unsigned asks, tuns, dones;
	struct session_effect done;
	struct addr inner; /* the first, from TUN */
	unsigned nroutes;
	struct ike_assigned assigned;
	uint16_t pings, pongs;
	uint64_t esp_in, esp_out; /* datagrams with ESP that the gateway sent to it, and it sent */
	unsigned wakes; /* of its session, by its deadlines */
};

struct gworld_datagram {
	struct gworld_datagram *next;
	vtime at;
	struct gworld_client *to; /* NULL: to the gateway */
	struct endpoint from;
	struct endpoint dst;
	size_t n;
	uint8_t bytes[];
};

struct gworld_verify {
	uint32_t id;
	bool ok;
	vtime at;
};

#define GWORLD_VERIFIES 512

struct gworld {
	vtime now;
	struct rng_seed seed;
	struct rng rng;
	struct log log;
	struct gateway_config config;
	struct gateway *gateway;
	struct data_engines data;
	struct addr outer; /* the gateway's */
	struct addr outer6; /* where clients with IPv6 find it; FAMILY_NONE: it has none */
	struct gworld_datagram *first, **last; /* under way, in order of arrival */
	struct gworld_client **clients;
	unsigned nclients;
	vtime verifying; /* how long the users' file takes */
	struct gworld_verify verifies[GWORLD_VERIFIES];
	unsigned nverifies;
	unsigned asked; /* VERIFYs so far */
	unsigned wakes; /* of the gateway, by its deadlines */
	unsigned tuns, dones;
	struct session_effect tun;
	/* A copy of each datagram may be looked at, and kept from arriving: true is lost. */
	bool (*lose)(struct gworld *w, const struct gworld_datagram *d);
	void *arg;
	bool loud;
};

/* A gateway with a pool 10.9.0.0/24, a network 10.20.0.0/16, and no entry yet; not yet started. */
struct gworld *gworld_new(uint64_t seed);
/* Frees all of it. */
void gworld_free(struct gworld *w);
/* Entry for a pre-shared key in main mode, with this identity of clients (NULL: any). */
struct gateway_entry *gworld_entry_psk(struct gworld *w, const char *identity, const char *key);
/* Makes the gateway and starts it. */
void gworld_start(struct gworld *w);
/* A gateway like it in its place, which knows nothing. */
void gworld_forget(struct gworld *w);
/*
 * A client that fits this entry, not yet connected: its configuration may be changed until then. Its
 * address is its own unless `behind` is given. config: it pulls its address.
 */
struct gworld_client *gworld_client(struct gworld *w, const struct gateway_entry *e,
				    const char *identity, const char *behind, bool config);
void gworld_connect(struct gworld_client *c);
void gworld_disconnect(struct gworld_client *c);
/* Connects again as a new process would. */
void gworld_restart(struct gworld_client *c);
/* It has another address from now on, and notices; behind: NULL: its own is what others see. */
void gworld_move(struct gworld_client *c, const char *to, const char *behind);
/* Its NAT gives it other ports, which nobody notices. */
void gworld_rebind(struct gworld_client *c);
void gworld_tell(struct gworld_client *c, const struct session_event *ev);
void gworld_tell_gateway(struct gworld *w, const struct gateway_event *ev);
void gworld_run(struct gworld *w, vtime time);
bool gworld_is_up(const struct gworld_client *c);
/* A ping through the tunnel, and whether its answer comes within a second. */
bool gworld_ping(struct gworld_client *c, const char *host);
/* One from behind the gateway to the client's inner address: it arrives within a second. */
bool gworld_ping_back(struct gworld_client *c);
void gworld_send_back(struct gworld_client *c);
struct gateway_info gworld_info(const struct gworld *w);
struct gateway_peer_info gworld_peer(const struct gworld *w, unsigned i);
/* As if this client had sent it. */
void gworld_inject(struct gworld_client *c, uint16_t port, struct slice bytes);

#endif
