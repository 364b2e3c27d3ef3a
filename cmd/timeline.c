/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/timeline.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "cmd/cmd.h"

#define LATEST ((int64_t)1 << 60) /* of any clock: in microseconds 36 thousand years */

/* What is told of an event. */
struct told {
	json_t *event;
	json_t *fields;
	const char *what;
	int64_t at, wall;
};

/* ---- lists ---- */

/* Room for one more behind the n items; they are doubled at 16, 32, 64 … */
static void *room(void *items, uint32_t n, size_t size)
{
	void *more;

	if (n && (n < 16 || (n & (n - 1))))
		return items;
	more = xcalloc(n < 16 ? 16 : 2 * (size_t)n, size);
	if (n)
		memcpy(more, items, n * size);
	free(items);
	return more;
}

#define ADD(t, list)                                                                               \
	((t)->list = room((t)->list, (t)->n##list, sizeof(*(t)->list)), &(t)->list[(t)->n##list++])

void timeline_free(struct timeline *t)
{
	free(t->rows);
	free(t->exchanges);
	free(t->epochs);
	free(t->pings);
	free(t->holds);
	*t = (struct timeline){ 0 };
}

/* ---- fields ---- */

static const char *text_of(const struct told *e, const char *key)
{
	const char *text = json_string_value(json_object_get(e->fields, key));

	return text ? text : "";
}

static int64_t number_of(const struct told *e, const char *key)
{
	return json_integer_value(json_object_get(e->fields, key));
}

static bool is(const struct told *e, const char *what)
{
	return strcmp(e->what, what) == 0;
}

/* Differences of two such times, and their sums, are numbers, too. */
static int64_t time_within(int64_t us)
{
	return us < 0 ? 0 : us > LATEST ? LATEST : us;
}

static int64_t wall_of(json_t *event)
{
	const char *text = json_string_value(json_object_get(event, "time")), *rest;
	struct tm tm = { 0 };
	double part = 0;

	rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	if (!rest)
		return 0;
	if (*rest == '.')
		part = strtod(rest, NULL);
	return time_within((int64_t)timegm(&tm) * 1000000 + (part < 1 ? (int64_t)(part * 1e6) : 0));
}

/* ---- rows ---- */

static uint32_t row_add(struct timeline *t, const struct told *e, enum timeline_kind kind,
			uint32_t of, const char *text)
{
	struct timeline_row *r = ADD(t, rows);
	size_t n = strlen(text);

	*r = (struct timeline_row){ .at = e->at, .wall = e->wall, .kind = kind, .of = of };
	/* What is written by hand may go back in time; the axis does not. */
	if (t->nrows > 1 && r->at < r[-1].at)
		r->at = r[-1].at;
	if (n < sizeof(r->text)) {
		memcpy(r->text, text, n + 1);
		return t->nrows - 1;
	}
	for (n = sizeof(r->text) - 4; n && (text[n] & 0xc0) == 0x80; n--)
		;
	memcpy(r->text, text, n);
	strcpy(r->text + n, "…");
	return t->nrows - 1;
}

/* The event as the log has it, without time and level. */
static uint32_t row_add_whole(struct timeline *t, const struct told *e, enum timeline_kind kind)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	uint32_t row;

	event_print_what(e->event, out);
	fclose(out);
	row = row_add(t, e, kind, TIMELINE_NONE, text);
	free(text);
	return row;
}

/* ---- exchanges ---- */

static void exchange_begun(struct timeline *t, const struct told *e)
{
	struct timeline_exchange *x = ADD(t, exchanges);

	*x = (struct timeline_exchange){ .ended = TIMELINE_NONE };
	snprintf(x->name, sizeof(x->name), "%.39s", text_of(e, "exchange"));
	snprintf(x->id, sizeof(x->id), "%.19s", text_of(e, "id"));
	x->ours = strcmp(text_of(e, "by"), "us") == 0;
	x->begun = row_add(t, e, TIMELINE_BEGUN, t->nexchanges - 1, x->name);
}

static void exchange_ended(struct timeline *t, const struct told *e, bool failed)
{
	for (uint32_t i = t->nexchanges; i-- > 0;) {
		struct timeline_exchange *x = &t->exchanges[i];

		if (x->ended != TIMELINE_NONE || strcmp(x->id, text_of(e, "id")) != 0 ||
		    strcmp(x->name, text_of(e, "exchange")) != 0)
			continue;
		x->failed = failed;
		x->ended = row_add(t, e, failed ? TIMELINE_FAILED : TIMELINE_DONE, i,
				   failed ? text_of(e, "why") : "done");
		return;
	}
}

/* ---- epochs ---- */

static uint32_t epoch_of(struct timeline *t, const struct told *e)
{
	const char *spi = text_of(e, "spi_in");
	struct timeline_epoch *x;

	for (uint32_t i = t->nepochs; i-- > 0;)
		if (strcmp(t->epochs[i].spi, spi) == 0 &&
		    t->epochs[i].row[TIMELINE_GONE] == TIMELINE_NONE)
			return i;
	x = ADD(t, epochs);
	*x = (struct timeline_epoch){ .tunnel = number_of(e, "tunnel") };
	snprintf(x->spi, sizeof(x->spi), "%.19s", spi);
	for (unsigned s = 0; s < TIMELINE_STATES; s++)
		x->row[s] = TIMELINE_NONE;
	return t->nepochs - 1;
}

static bool epoch_add(struct timeline *t, const struct told *e)
{
	static const char *const what[] = { "epoch probing", "epoch current", "epoch retiring",
					    "epoch gone" };
	char text[TIMELINE_TEXT_MAX];

	for (unsigned s = 0; s < TIMELINE_STATES; s++) {
		uint32_t i;

		if (!is(e, what[s]))
			continue;
		i = epoch_of(t, e);
		snprintf(text, sizeof(text), "E%" PRIu32 " %s, SPI %s", i + 1,
			 what[s] + strlen("epoch "), t->epochs[i].spi);
		t->epochs[i].row[s] = row_add(t, e, TIMELINE_EPOCH, i, text);
		return true;
	}
	return false;
}

/* ---- pings ---- */

static void ping_sent(struct timeline *t, const struct told *e)
{
	struct timeline_ping *p = ADD(t, pings);

	*p = (struct timeline_ping){ .at = e->at, .sequence = number_of(e, "sequence") };
	snprintf(p->spi, sizeof(p->spi), "%.19s", text_of(e, "spi_in"));
}

static void ping_answered(struct timeline *t, const struct told *e)
{
	for (uint32_t i = t->npings; i-- > 0;) {
		if (t->pings[i].sequence != number_of(e, "sequence"))
			continue;
		t->pings[i].answered = true;
		return;
	}
}

static void ping_lost(struct timeline *t, const struct told *e)
{
	for (uint32_t i = t->npings; i-- > 0;) {
		if (t->pings[i].answered || strcmp(t->pings[i].spi, text_of(e, "spi_in")) != 0)
			continue;
		t->pings[i].lost = true;
		return;
	}
}

static bool ping_add(struct timeline *t, const struct told *e)
{
	if (is(e, "ping sent"))
		ping_sent(t, e);
	else if (is(e, "ping answered"))
		ping_answered(t, e);
	else if (is(e, "ping lost"))
		ping_lost(t, e);
	else
		return false;
	return true;
}

/* ---- what is held ---- */

static struct timeline_hold *hold_open(struct timeline *t, int64_t tunnel)
{
	for (uint32_t i = 0; i < t->nholds; i++)
		if (t->holds[i].tunnel == tunnel && t->holds[i].ended == TIMELINE_NONE)
			return &t->holds[i];
	return NULL;
}

/* Each flow may ask for its own SA: the first one counts. */
static void hold_begun(struct timeline *t, const struct told *e)
{
	int64_t tunnel = number_of(e, "tunnel");
	struct timeline_hold *h;

	if (hold_open(t, tunnel))
		return;
	h = ADD(t, holds);
	*h = (struct timeline_hold){ .tunnel = tunnel, .ended = TIMELINE_NONE };
	h->begun = row_add_whole(t, e, TIMELINE_HELD);
}

static void hold_ended(struct timeline *t, const struct told *e)
{
	struct timeline_hold *h = hold_open(t, number_of(e, "tunnel"));
	uint32_t row = row_add_whole(t, e, TIMELINE_HELD);

	if (h)
		h->ended = row;
}

/* ---- the rest ---- */

static bool is_roam(const struct told *e)
{
	static const char *const what[] = { "our address changes",
					    "address update failed",
					    "the gateway follows",
					    "the new path carries",
					    "the gateway sends from another address",
					    "the host was asleep",
					    "path MTU",
					    "client has moved" };

	for (size_t i = 0; i < sizeof(what) / sizeof(what[0]); i++)
		if (is(e, what[i]))
			return true;
	return false;
}

static bool is_trouble(const struct told *e)
{
	const char *level = json_string_value(json_object_get(e->event, "level"));

	return level && (strcmp(level, "warn") == 0 || strcmp(level, "error") == 0);
}

static void other_add(struct timeline *t, const struct told *e)
{
	if (is(e, "session"))
		row_add(t, e, TIMELINE_STATE, TIMELINE_NONE, text_of(e, "state"));
	else if (is(e, "session over"))
		row_add_whole(t, e, TIMELINE_STATE);
	else if (is(e, "address update sent"))
		row_add_whole(t, e, TIMELINE_UPDATE);
	else if (is(e, "address update acknowledged"))
		row_add_whole(t, e, TIMELINE_ACK);
	else if (is(e, "client connected"))
		t->of_gateway = true;
	else if (is_roam(e))
		row_add_whole(t, e, TIMELINE_ROAM);
	else if (is_trouble(e))
		row_add_whole(t, e, TIMELINE_TROUBLE);
}

void timeline_add(struct timeline *t, struct json_t *event)
{
	struct told e = {
		.event = event,
		.fields = json_object_get(event, "fields"),
		.what = json_string_value(json_object_get(event, "event")),
		.at = time_within(json_integer_value(json_object_get(event, "boottime_us"))),
		.wall = wall_of(event),
	};

	if (!e.what)
		return;
	if (is(&e, "exchange begun"))
		exchange_begun(t, &e);
	else if (is(&e, "exchange done") || is(&e, "exchange failed"))
		exchange_ended(t, &e, is(&e, "exchange failed"));
	else if (is(&e, "packets are held"))
		hold_begun(t, &e);
	else if (is(&e, "held packets released") || is(&e, "held packets refused"))
		hold_ended(t, &e);
	else if (!epoch_add(t, &e) && !ping_add(t, &e))
		other_add(t, &e);
}

bool timeline_add_line(struct timeline *t, const char *line)
{
	json_t *o = json_loads(line, 0, NULL);

	if (!json_is_object(o)) {
		json_decref(o);
		return false;
	}
	timeline_add(t, o);
	json_decref(o);
	return true;
}
