/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The data half of one end in virtual time: both engines and their classifier, without threads. What
 * control asks of it is carried out at once, and what is sealed goes to a function of the world's.
 */
#ifndef GODWIT_TESTS_DATA_ENGINES_H
#define GODWIT_TESTS_DATA_ENGINES_H

#include "client/session.h"
#include "esp/early.h"

/* Puts an ESP packet on the wire: a UDP payload, or bare with both ports ESP_PORT_BARE. */
typedef void (*data_engines_send)(void *ctx, const struct endpoint *from, const struct endpoint *to,
				  struct slice esp);

struct data_engines {
	struct classifier *classifier;
	struct outbound *outbound;
	struct inbound *inbound;
	struct early *early; /* inbound's */
	struct drops early_drops;
	data_engines_send send;
	void *ctx;
};

/* Packets are held for 30 seconds, as much as fits hold_bytes. */
void data_engines_init(struct data_engines *d, size_t hold_bytes, data_engines_send send,
		       void *ctx);
void data_engines_free(struct data_engines *d);
/*
 * Publishes, offers, refuses, retires or probes as the effect says; effects that are not of the data
 * half do nothing. False: the SPI index took no SA, or what is withdrawn was not offered.
 */
bool data_engines_effect(struct data_engines *d, const struct session_effect *fx);
/* Sends what is sealed of the batch. */
void data_engines_send_batch(const struct data_engines *d, const struct batch *b);
/* Sends what was held and has an SA by now. */
void data_engines_release(struct data_engines *d, vtime now);
/* Gives what came before its SA, and has one by now, to `take`. To be called with the one above. */
void data_engines_release_early(struct data_engines *d, vtime now,
				void (*take)(void *ctx, const struct pkt *p), void *ctx);
/* When what came before its SA, or is held, is too old; VTIME_NEVER: nothing waits. */
vtime data_engines_deadline(const struct data_engines *d);
/* Sends what was held, and then an inner packet. */
void data_engines_send_inner(struct data_engines *d, vtime now, struct slice ip);
/* A datagram that has come, in the empty batch `b`, where it says by its kind what it was. */
struct pkt *data_engines_receive(struct data_engines *d, vtime now, const struct endpoint *from,
				 const struct endpoint *to, struct slice bytes, struct batch *b);
/* What control is to be told next. False: nothing. */
bool data_engines_output(struct data_engines *d, struct data_event *out);

#endif
