/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of the small server: server.c is clients and their data, server_ike.c their IKE. */
#ifndef GODWIT_TESTS_SERVER_IMPL_H
#define GODWIT_TESTS_SERVER_IMPL_H

#include "esp/esp.h"
#include "tests/support/server.h"

#define SERVER_EPOCHS_MAX 8 /* of one client */
#define SERVER_IKES_MAX 4 /* of one client; one that comes then ends the oldest */
#define SERVER_ANSWERS_MAX 64 /* that are delayed at a time */
#define SERVER_PACKET_MAX 1500

struct server_epoch {
	uint32_t spi_in, spi_out;
	struct esp_in *in;
	struct esp_out *out;
	uint64_t order; /* of two, the one with the higher number is sent on */
	bool heard; /* something has come on it */
	bool spent; /* not sent on any more */
	vtime ends;
	vtime gone;
};

struct server_ike {
	struct ike_sa *sa;
	struct path path;
	uint64_t order; /* of its beginning */
	bool established;
	int slot; /* of its client; -1: not known yet */
	vtime deadline;
};

struct server_slot {
	struct addr inner;
	struct server_client shown;
	struct server_epoch epochs[SERVER_EPOCHS_MAX];
	unsigned nepochs;
	struct ike_child_config child; /* for quick modes that we begin */
	struct ts_pair ts; /* of the last epoch */
	vtime delay, rekey_at;
	vtime pace_at, pace_every;
	unsigned pace_size;
};

struct server_answer {
	vtime at;
	unsigned slot;
	size_t n;
	uint8_t bytes[SERVER_PACKET_MAX];
};

struct server_entry {
	struct server_output out;
	size_t at, n; /* in the queue's bytes */
};

struct server_queue {
	struct server_entry *entries;
	unsigned first, n, size;
	uint8_t *bytes;
	size_t used, room;
};

struct server {
	struct server_config config;
	struct rng *rng;
	struct log log;
	struct ike_config ike_config;
	struct ike_child_config child; /* to accept with */
	struct server_ike ikes[SERVER_CLIENTS_MAX * SERVER_IKES_MAX];
	unsigned nikes; /* places that were ever used */
	struct server_slot slots[SERVER_CLIENTS_MAX];
	unsigned nslots;
	struct addr pool, net; /* the first host of each */
	struct classifier *classifier;
	struct outbound *outbound;
	struct inbound *inbound;
	uint64_t order;
	uint32_t ids;
	vtime deadline; /* of everything but paced packets */
	bool stale; /* it must be found anew */
	struct server_queue queue;
	struct server_answer answers[SERVER_ANSWERS_MAX];
	unsigned nanswers;
	uint8_t arena[4096], in_arena[16384];
};

/* ---- server.c ---- */

/* A copy of `bytes` leaves. */
void server_put(struct server *s, const struct server_output *out, struct slice bytes);
bool server_slot_of(const struct server *s, const struct addr *inner, unsigned *slot);
void server_epoch_up(struct server *s, vtime now, unsigned slot, const struct ike_child *child,
		     const struct path *path);
void server_epoch_deleted(struct server *s, vtime now, unsigned slot, uint32_t spi_out);
bool server_spi_is_used(const struct server *s, uint32_t spi);

/* ---- server_ike.c ---- */

void server_ike_init(struct server *s);
void server_ike_forget(struct server *s);
void server_ike_datagram(struct server *s, vtime now, const struct endpoint *from,
			 const struct endpoint *to, struct slice bytes);
void server_ike_timeout(struct server *s, vtime now);
vtime server_ike_deadline(const struct server *s);
/* A Delete for an inbound SPI of ours. */
void server_ike_delete(struct server *s, vtime now, unsigned slot, uint32_t spi_in);

#endif
