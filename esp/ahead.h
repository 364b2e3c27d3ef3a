/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the next packets of a batch will need is asked of the memory while the ones before them are
 * sealed and opened. With thousands of SAs none of it is in a cache, and index or flow, slot, SA and
 * key follow one from the other: a packet goes through a stage for each, some packets apart.
 *
 * Nothing is decided here, and nothing written: what a stage has found may be another's by the time
 * the packet is looked at in earnest. It is alive, because the thread is within a batch.
 */
#ifndef GODWIT_ESP_AHEAD_H
#define GODWIT_ESP_AHEAD_H

#include "esp/classifier.h"
#include "esp/flow.h"

#define AHEAD 32 /* packets that are on their way at a time; a power of two */
#define AHEAD_STAGES 4
#define AHEAD_RECENT 256 /* SAs; a power of two */

/* An engine's; zero at the beginning, but for the worker. */
struct ahead {
	uint32_t worker; /* as esp_in.worker says it: whose SAs alone are looked into; 0: all */
	bool needed; /* for this batch */
	unsigned rest; /* so many batches go without */
	unsigned asked; /* SAs, for this batch */
	unsigned done[AHEAD_STAGES]; /* packets that have passed that stage */
	struct ahead_packet {
		uint32_t key; /* its SPI, or the hash of its flow */
		uint32_t n; /* bytes */
		const void *sa; /* NULL: none, or it has been asked for not long ago */
		/* outbound */
		int slot; /* -1: none */
		uint32_t length; /* of the packet by its header; 0: it is none that has a tuple */
		struct tuple tuple;
	} packets[AHEAD];
	const void *recent[AHEAD_RECENT];
};

/*
 * Before the first packet of a batch, and behind the last one. Where the traffic is on few SAs, those
 * are in a cache anyway, and it is only now and then looked whether that is still so.
 */
void ahead_begin(struct ahead *a, const struct classifier *c, const struct batch *b);
void ahead_end(struct ahead *a, const struct batch *b);
/* Before packet `at` of the batch is opened, or sealed; in turn, for each of them. */
void ahead_inbound(struct ahead *a, struct classifier *c, const struct batch *b, unsigned at);
void ahead_outbound(struct ahead *a, struct classifier *c, const struct flow_cache *f,
		    const struct batch *b, unsigned at);
/*
 * Outbound, for packet `at` after ahead_outbound. What was read of it, so that it is read once; NULL
 * when it was not looked at. Good until the next one.
 */
const struct ahead_packet *ahead_seen(const struct ahead *a, unsigned at);

#endif
