/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/watch.h"

#include <jansson.h>
#include <string.h>

/* The place behind the newest of n, of which the oldest goes if there are `most` already. */
static void *push(void *list, size_t size, unsigned *n, unsigned most)
{
	char *items = list;

	if (*n == most)
		memmove(items, items + size, (size_t)-- * n * size);
	memset(items + (size_t)*n * size, 0, size);
	return items + (size_t)(*n)++ * size;
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

time_t watch_time(const char *text)
{
	struct tm tm = { 0 };

	return strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) ? timegm(&tm) : 0;
}

/* ---- rates ---- */

static struct watch_counter *counter_of(struct watch_history *h, const char *key)
{
	struct watch_counter *c;

	for (unsigned i = 0; i < h->ncounters; i++)
		if (strcmp(h->counters[i].key, key) == 0)
			return &h->counters[i];
	if (h->ncounters == WATCH_COUNTERS)
		return NULL;
	c = &h->counters[h->ncounters++];
	*c = (struct watch_counter){ 0 };
	snprintf(c->key, sizeof(c->key), "%s", key);
	return c;
}

/* What has been added since the last time; all of it, where there was none. */
static void count(struct watch_history *h, const char *key, const json_t *o, struct watch_rate *sum)
{
	double in = json_number_value(json_object_get(o, "bytes_in"));
	double out = json_number_value(json_object_get(o, "bytes_out"));
	struct watch_counter *c = counter_of(h, key);

	if (!c)
		return;
	sum->in += in > c->in ? in - c->in : 0;
	sum->out += out > c->out ? out - c->out : 0;
	c->in = in;
	c->out = out;
	c->seen = true;
}

static void count_all(struct watch_history *h, const json_t *status, struct watch_rate *sum)
{
	const json_t *tunnels = json_object_get(status, "tunnels");
	const json_t *clients = json_object_get(status, "clients");
	char key[24];

	for (size_t i = 0; i < json_array_size(tunnels); i++) {
		const json_t *epochs = json_object_get(json_array_get(tunnels, i), "epochs");

		for (size_t k = 0; k < json_array_size(epochs); k++) {
			const json_t *e = json_array_get(epochs, k);

			count(h, text_of(e, "spi_in"), e, sum);
		}
	}
	for (size_t i = 0; i < json_array_size(clients); i++) {
		const json_t *c = json_array_get(clients, i);

		snprintf(key, sizeof(key), "client %lld",
			 (long long)json_integer_value(json_object_get(c, "id")));
		count(h, key, c, sum);
	}
}

static void forget_unseen(struct watch_history *h)
{
	unsigned n = 0;

	for (unsigned i = 0; i < h->ncounters; i++) {
		if (!h->counters[i].seen)
			continue;
		h->counters[n] = h->counters[i];
		h->counters[n++].seen = false;
	}
	h->ncounters = n;
}

void watch_history_status(struct watch_history *h, const struct json_t *status, double at)
{
	struct watch_rate sum = { 0 }, *rate;
	double since = h->at;

	if (since > 0 && at - since < WATCH_SAMPLE_MIN)
		return;
	count_all(h, status, &sum);
	forget_unseen(h);
	h->at = at;
	/* Of the first one nobody knows in what time that has come. */
	if (since <= 0)
		return;
	rate = push(h->rates, sizeof(h->rates[0]), &h->nrates, WATCH_SAMPLES);
	*rate = (struct watch_rate){ sum.in / (at - since), sum.out / (at - since) };
}

/* ---- events ---- */

static void roam_begins(struct watch_history *h, const json_t *fields, time_t at)
{
	struct watch_roam *r = push(h->roams, sizeof(h->roams[0]), &h->nroams, WATCH_ROAMS);

	r->at = at;
	r->outage_ms = -1;
	snprintf(r->from, sizeof(r->from), "%s", text_of(fields, "from"));
	snprintf(r->to, sizeof(r->to), "%s", text_of(fields, "to"));
}

static void roam_ends(struct watch_history *h, const json_t *fields)
{
	struct watch_roam *r = h->nroams ? &h->roams[h->nroams - 1] : NULL;

	if (!r || r->outage_ms >= 0)
		return;
	r->outage_ms = (long long)json_integer_value(json_object_get(fields, "outage_ms"));
	snprintf(r->method, sizeof(r->method), "%s", text_of(fields, "method"));
}

static void event_text(char buf[WATCH_TEXT_MAX], const char *what, json_t *fields)
{
	size_t n = (size_t)snprintf(buf, WATCH_TEXT_MAX, "%s", what);
	const char *key;
	json_t *value;

	json_object_foreach(fields, key, value)
	{
		if (n < WATCH_TEXT_MAX && json_is_string(value))
			n += (size_t)snprintf(buf + n, WATCH_TEXT_MAX - n, ", %s: %s", key,
					      json_string_value(value));
		else if (n < WATCH_TEXT_MAX && json_is_integer(value))
			n += (size_t)snprintf(buf + n, WATCH_TEXT_MAX - n, ", %s: %lld", key,
					      (long long)json_integer_value(value));
	}
}

void watch_history_event(struct watch_history *h, struct json_t *event)
{
	const char *what = text_of(event, "event"), *level = text_of(event, "level");
	json_t *fields = json_object_get(event, "fields");
	time_t at = watch_time(text_of(event, "time"));
	struct watch_event *e;

	if (strcmp(what, "our address changes") == 0)
		roam_begins(h, fields, at);
	else if (strcmp(what, "the new path carries") == 0)
		roam_ends(h, fields);
	e = push(h->events, sizeof(h->events[0]), &h->nevents, WATCH_EVENTS);
	e->at = at;
	e->bad = strcmp(level, "warn") == 0 || strcmp(level, "error") == 0;
	event_text(e->text, what, fields);
}
