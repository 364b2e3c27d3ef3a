/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "esp/events.h"

bool events_put(struct events *q, const struct data_event *e)
{
	if (q->n == EVENTS_MAX)
		return false;
	q->queue[(q->first + q->n++) % EVENTS_MAX] = *e;
	return true;
}

bool events_take(struct events *q, struct data_event *out)
{
	if (q->n == 0)
		return false;
	*out = q->queue[q->first];
	q->first = (q->first + 1) % EVENTS_MAX;
	q->n--;
	return true;
}

bool events_waiting(const struct events *q, enum data_event_type type, uint32_t spi)
{
	for (unsigned i = 0; i < q->n; i++) {
		const struct data_event *e = &q->queue[(q->first + i) % EVENTS_MAX];

		if (e->type == type && e->spi == spi)
			return true;
	}
	return false;
}
