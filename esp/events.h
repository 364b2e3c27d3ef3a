/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a data engine has to tell control, waiting to be fetched. Whoever finds the queue full goes
 * on without waiting and asks again with a later packet.
 */
#ifndef GODWIT_ESP_EVENTS_H
#define GODWIT_ESP_EVENTS_H

#include "esp/esp.h"

#define EVENTS_MAX 64

struct events {
	unsigned first;
	unsigned n;
	struct data_event queue[EVENTS_MAX];
};

/* False when the queue is full: nothing was stored. */
bool events_put(struct events *q, const struct data_event *e);
/* The oldest event; false when there is none. */
bool events_take(struct events *q, struct data_event *out);
/* True when an event of this type and SPI waits. */
bool events_waiting(const struct events *q, enum data_event_type type, uint32_t spi);

#endif
