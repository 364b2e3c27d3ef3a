/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every refusal of a packet has a name and a counter. Counters belong to the engine that drops: one
 * thread writes them, `status` reads them from another. Names are those that `status` shows.
 */
#ifndef GODWIT_BASE_DROP_H
#define GODWIT_BASE_DROP_H

#include <stdatomic.h>
#include <stdint.h>

/* X(enumerator, name) */
#define DROP_REASONS(X)                                                                            \
	/* outer side, before authentication */                                                    \
	X(DROP_OUTER_SHORT, "outer_short")                                                         \
	X(DROP_KEEPALIVE, "keepalive")                                                             \
	X(DROP_UNKNOWN_SPI, "unknown_spi")                                                         \
	/* of an SPI that is offered: too many; too old; no SA is to come */                       \
	X(DROP_EARLY_FULL, "early_full")                                                           \
	X(DROP_EARLY_EXPIRED, "early_expired")                                                     \
	X(DROP_EARLY_WITHDRAWN, "early_withdrawn")                                                 \
	X(DROP_WORKER_FULL, "worker_full")                                                         \
	X(DROP_OTHER_WORKER, "other_worker")                                                       \
	X(DROP_ESP_LENGTH, "esp_length")                                                           \
	X(DROP_REPLAY, "replay")                                                                   \
	X(DROP_ICV, "auth_failed")                                                                 \
	/* outer side, authentic */                                                                \
	X(DROP_ESP_PADDING, "esp_padding")                                                         \
	X(DROP_NEXT_HEADER, "next_header")                                                         \
	X(DROP_DUMMY, "dummy")                                                                     \
	X(DROP_PROBE_REPLY, "probe_reply")                                                         \
	X(DROP_INNER_MALFORMED, "inner_malformed")                                                 \
	X(DROP_INNER_SELECTOR, "inner_selector")                                                   \
	X(DROP_ECN, "ecn")                                                                         \
	/* inner side */                                                                           \
	X(DROP_TUN_MALFORMED, "tun_malformed")                                                     \
	X(DROP_TUN_SOURCE, "tun_source")                                                           \
	/* inner side: a header of virtio-net that does not fit its packet */                      \
	X(DROP_VNET_TYPE, "vnet_type")                                                             \
	X(DROP_VNET_SIZE, "vnet_size")                                                             \
	X(DROP_VNET_LENGTH, "vnet_length")                                                         \
	X(DROP_VNET_CSUM, "vnet_csum")                                                             \
	X(DROP_VNET_HEADER, "vnet_header")                                                         \
	X(DROP_BYPASS_ON_TUN, "bypass_on_tun")                                                     \
	X(DROP_DISCARD, "discard")                                                                 \
	X(DROP_NO_SA, "no_sa")                                                                     \
	X(DROP_SA_SELECTOR, "sa_selector")                                                         \
	X(DROP_SEQUENCE_EXHAUSTED, "sequence_exhausted")                                           \
	X(DROP_TOO_BIG, "too_big")                                                                 \
	X(DROP_PROBE_LOST, "probe_lost")                                                           \
	/* inner side: no SA is to be had; unheard: it is not known that the sender was told */    \
	X(DROP_REFUSED, "refused")                                                                 \
	X(DROP_REFUSED_UNHEARD, "refused_unheard")                                                 \
	/* inner side: what was held */                                                            \
	X(DROP_HOLD_FULL, "hold_full")                                                             \
	X(DROP_HOLD_FLOW_FULL, "hold_flow_full")                                                   \
	X(DROP_HOLD_EXPIRED, "hold_expired")                                                       \
	X(DROP_HOLD_RESET, "hold_reset")                                                           \
	X(DROP_ADDRESS_CHANGED, "address_changed")                                                 \
	/* the system */                                                                           \
	X(DROP_RECEIVE_LOST, "receive_lost")                                                       \
	X(DROP_SEND_FAILED, "send_failed")                                                         \
	X(DROP_TUN_WRITE_FAILED, "tun_write_failed")                                               \
	/* in the clear, though it should have come by the tunnel; the kernel drops and counts */  \
	X(DROP_CLEAR_REFUSED, "clear_refused")                                                     \
	/* IKE datagrams that control never saw */                                                 \
	X(DROP_IKE_TOO_LONG, "ike_too_long")                                                       \
	X(DROP_IKE_QUEUE_FULL, "ike_queue_full")                                                   \
	/* IKE datagrams */                                                                        \
	X(DROP_IKE_MALFORMED, "ike_malformed")                                                     \
	X(DROP_IKE_UNKNOWN_SA, "ike_unknown_sa")                                                   \
	X(DROP_IKE_UNEXPECTED, "ike_unexpected")                                                   \
	X(DROP_IKE_AUTH, "ike_auth_failed")                                                        \
	X(DROP_IKE_DUPLICATE, "ike_duplicate")                                                     \
	X(DROP_IKE_UNPROTECTED, "ike_unprotected")                                                 \
	X(DROP_IKE_SOURCE, "ike_source")

enum drop {
#define X(e, name) e,
	DROP_REASONS(X)
#undef X
	DROP_COUNT
};

struct drops {
	_Atomic uint64_t n[DROP_COUNT];
};

/* The one writer needs no locked addition, and readers want no order. */
static inline void drop_add(struct drops *d, enum drop why, uint64_t n)
{
	uint64_t v = atomic_load_explicit(&d->n[why], memory_order_relaxed);

	atomic_store_explicit(&d->n[why], v + n, memory_order_relaxed);
}

static inline void drop_count(struct drops *d, enum drop why)
{
	drop_add(d, why, 1);
}

/* Any thread. */
static inline uint64_t drop_read(const struct drops *d, enum drop why)
{
	return atomic_load_explicit(&d->n[why], memory_order_relaxed);
}

/* The name `status` shows, such as "auth_failed". */
const char *drop_name(enum drop why);

#endif
