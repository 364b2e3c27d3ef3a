/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of esp/ know of an SA beyond esp.h. */
#ifndef GODWIT_ESP_SA_H
#define GODWIT_ESP_SA_H

#include "base/mem.h"
#include "esp/limit.h"

#define ESP_SPI_MIN 256 /* lower numbers are reserved: RFC 4303 section 2.1 */

enum esp_next_header {
	ESP_NEXT_IP4 = 4,
	ESP_NEXT_IP6 = 41,
	ESP_NEXT_NONE = 59, /* a dummy: RFC 4303 section 2.6 */
};

/* Each counter has one writer, so that it needs no locked addition; readers want no order. */
static inline void counter_add(_Atomic uint64_t *counter, uint64_t n)
{
	uint64_t v = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, v + n, memory_order_relaxed);
}

/* One of `packets`, where it is counted already, is our own. */
void esp_count_own(struct esp_counters *c);

/*
 * Of thousands of SAs each packet meets another one, and what counts is how many cache lines it needs,
 * and of these how many it writes: what every packet needs is in four of them, and what it writes in
 * one (the bit in the window is elsewhere).
 */
#define ESP_HOT 256

/* Everything but counters and mtu belongs to the outbound thread once the SA is published. */
struct esp_out {
	struct aead *aead;
	_Atomic(const struct path *) path; /* written by control; that of config until it moves */
	_Atomic(struct esp_limit *) limit; /* the same; NULL: none */
	_Atomic uint32_t mtu; /* written by control */
	bool exhausted_told, near_told;
	uint64_t sequence; /* of the next packet; 2^32 when all are used */
	struct esp_counters counters;
	/* Of `sequence`, and of bytes; no more than these: */
	uint64_t near_sequence, last_sequence;
	uint64_t near_bytes, most_bytes;
	struct esp_sa_config config;
};

/*
 * Everything but counters, mtu, worker and awaited belongs to the inbound thread once the SA is
 * published, or to the worker that has it.
 */
struct esp_in {
	struct window window; /* it ends with `top`, where what every packet needs begins */
	bool newest; /* the packet opened last had the highest sequence number so far */
	bool first_told;
	_Atomic bool awaited; /* control sets it, inbound clears it when it has told */
	_Atomic uint32_t mtu; /* written by control */
	struct esp_counters counters;
	struct aead *aead;
	_Atomic(struct esp_limit *) limit; /* written by control; NULL: none */
	_Atomic uint32_t worker; /* plus 1, written once; 0: nobody has it yet */
	struct endpoint from; /* of the newest authentic packet, as far as control was told */
	struct esp_sa_config config;
};

#define ESP_IN_HOT_AT (offsetof(struct esp_in, window.top) / MEM_LINE * MEM_LINE)

_Static_assert(offsetof(struct esp_out, counters.data_at) < MEM_LINE, "what packets write");
_Static_assert(offsetof(struct esp_out, config.suite) <= ESP_HOT, "what packets need");
_Static_assert(offsetof(struct esp_in, counters.heard_at) < ESP_IN_HOT_AT + MEM_LINE,
	       "what packets write");
_Static_assert(offsetof(struct esp_in, config.suite) <= ESP_IN_HOT_AT + ESP_HOT,
	       "what packets need");

/*
 * Whose the SA is: `worker` from now on, if it was nobody's. Any thread; the same answer for ever.
 * Its window and its keys are that worker's alone.
 */
uint32_t esp_in_worker(struct esp_in *sa, uint32_t worker);

/* The length of the ESP packet that an inner packet of len bytes becomes. */
uint32_t esp_sealed_length(const struct esp_out *sa, uint32_t len);
/* The largest packet of this family that may be sent through an SA; UINT32_MAX: no limit. */
uint32_t esp_mtu_limit(const _Atomic uint32_t *mtu, enum family f);

#endif
