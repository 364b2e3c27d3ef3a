/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the data engines read and write in the classifier beyond esp.h. */
#ifndef GODWIT_ESP_CLASSIFIER_H
#define GODWIT_ESP_CLASSIFIER_H

#include "esp/esp.h"
#include "esp/spd.h"

/*
 * Outbound. The rules in force, and their number (may be NULL); before the first publication they
 * discard everything.
 */
const struct spd *classifier_policy(const struct classifier *c, uint64_t *number);

/*
 * Outbound. A number that changes whenever control changes the slot, never 0. Read before the
 * slot's SA, it tells later whether anything has changed since that look.
 */
uint32_t classifier_slot_stamp(const struct classifier *c, unsigned slot);

/* Outbound. Until when a slot without an SA is refused; 0: it is not. */
vtime classifier_slot_refused(const struct classifier *c, unsigned slot);

/* The SA that the index has under this SPI, most likely: it is not looked at. Never used for packets. */
const struct esp_in *classifier_peek_spi(const struct classifier *c, uint32_t spi);
/* Places of the index, which grows with the SAs in it. */
unsigned classifier_index_size(const struct classifier *c);
/* Ask the memory for where the SPI is found, and for the slot. */
void classifier_ahead_spi(const struct classifier *c, uint32_t spi);
void classifier_ahead_slot(const struct classifier *c, unsigned slot);

/* The classifying thread. Whose packets with this SPI are; CLASSIFIER_NO_WORKER: not known. */
unsigned classifier_worker(const struct classifier *c, uint32_t spi);

/* Inbound. An authentic packet of this epoch has come: if it is the slot's next, it is proved. */
void classifier_prove(struct classifier *c, unsigned slot, uint32_t epoch);

/* Inbound. What replies to our own probes bear; NULL: there are none yet. */
const struct esp_probe_key *classifier_probe_key(const struct classifier *c);

/*
 * The SPI's SA. Without one, *offered says whether it may come: an offer that has become an SA is
 * never taken for an SPI that nobody knows.
 */
struct esp_in *classifier_await_spi(struct classifier *c, uint32_t spi, bool *offered);
/* The same of its worker; CLASSIFIER_NO_WORKER: there is none yet. */
unsigned classifier_await_worker(const struct classifier *c, uint32_t spi, bool *offered);

/* How many SPIs are offered. For tests. */
unsigned classifier_offers(const struct classifier *c);

/* Entries of the SPI index that are not empty: SAs, and what removed ones left. For tests. */
unsigned classifier_index_used(const struct classifier *c);

#endif
