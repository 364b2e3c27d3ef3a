/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/event_log.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "client/control_json.h"
#include "client/runtime.h"

enum ring_index {
	RING_TOLD, /* errors, warnings, what happened */
	RING_DEBUG,
	RING_COUNT,
};

struct ring {
	struct event_line lines[EVENT_RING_EVENTS];
	unsigned first, n;
	size_t bytes;
	uint64_t gone; /* the number of the newest that went; 0: none has */
};

struct event_log {
	struct log *log; /* NULL: not attached */
	enum log_level keep, level;
	uint64_t next;
	struct event_sink sinks[EVENT_SINKS_MAX];
	unsigned nsinks;
	void (*told)(void *ctx);
	void *ctx;
	struct ring rings[RING_COUNT];
};

/* ---- text ---- */

const char *event_time_text(vtime wall, char buf[EVENT_TIME_MAX])
{
	time_t t = (time_t)(wall / VTIME_S);
	char second[24];
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(second, sizeof(second), "%Y-%m-%dT%H:%M:%S", &tm))
		second[0] = '\0';
	snprintf(buf, EVENT_TIME_MAX, "%s.%06uZ", second, (unsigned)(wall % VTIME_S / VTIME_US));
	return buf;
}

bool event_level_parse(const char *name, enum log_level *out)
{
	for (enum log_level l = LOG_ERROR; l <= LOG_DEBUG; l++) {
		if (strcmp(log_level_name(l), name) != 0)
			continue;
		*out = l;
		return true;
	}
	return false;
}

static json_t *field_json(const struct log_field *f)
{
	char text[LOG_TEXT_MAX];

	if (f->type == LOG_U64 && f->u <= INT64_MAX)
		return json_integer((json_int_t)f->u);
	return control_json_text(log_field_text(f, text, sizeof(text)));
}

char *event_json(const struct event *e)
{
	char when[EVENT_TIME_MAX], *text;
	json_t *fields = json_object(), *o;

	for (const struct log_field *f = e->ev->fields; f && f->type != LOG_END; f++)
		json_object_set_new(fields, f->key, field_json(f));
	o = json_pack("{s:I, s:s, s:I, s:s, s:s, s:o}", "seq", (json_int_t)e->seq, "time",
		      event_time_text(e->wall, when), "boottime_us",
		      (json_int_t)(e->ev->at / VTIME_US), "level", log_level_name(e->ev->level),
		      "event", e->ev->what, "fields", fields);
	text = control_json_dump(o);
	if (!text)
		abort();
	return text;
}

/* ---- rings ---- */

static struct event_line *ring_line(struct ring *r, unsigned i)
{
	return &r->lines[(r->first + i) % EVENT_RING_EVENTS];
}

static void ring_drop_first(struct ring *r)
{
	struct event_line *line = ring_line(r, 0);

	r->gone = line->seq;
	r->bytes -= line->n;
	free(line->json);
	line->json = NULL;
	r->first = (r->first + 1) % EVENT_RING_EVENTS;
	r->n--;
}

static void ring_add(struct ring *r, const struct event *e)
{
	char *json = event_json(e);
	size_t n = strlen(json);

	while (r->n && (r->n == EVENT_RING_EVENTS || r->bytes + n > EVENT_RING_BYTES))
		ring_drop_first(r);
	*ring_line(r, r->n) = (struct event_line){ e->seq, e->ev->level, n, json };
	r->n++;
	r->bytes += n;
}

/* The numbers rise: halve what is looked through. */
static const struct event_line *ring_find(const struct ring *r, enum log_level level, uint64_t seq)
{
	struct ring *ring = (struct ring *)(uintptr_t)r;
	unsigned lo = 0, hi = r->n;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (ring_line(ring, mid)->seq < seq)
			lo = mid + 1;
		else
			hi = mid;
	}
	while (lo < r->n && ring_line(ring, lo)->level > level)
		lo++;
	return lo < r->n ? ring_line(ring, lo) : NULL;
}

/* ---- the log ---- */

static void log_wanted(struct event_log *l)
{
	if (l->log)
		l->log->level = l->keep > l->level ? l->keep : l->level;
}

void event_log_add(struct event_log *l, const struct log_event *ev, vtime wall)
{
	const struct event e = { l->next, wall, ev };
	bool kept = ev->level <= l->keep || ev->level <= l->level;

	if (!kept)
		return;
	l->next++;
	for (unsigned i = 0; i < l->nsinks && ev->level <= l->level; i++)
		l->sinks[i].write(l->sinks[i].ctx, &e);
	ring_add(&l->rings[ev->level == LOG_DEBUG ? RING_DEBUG : RING_TOLD], &e);
	if (l->told)
		l->told(l->ctx);
}

/* The engines' time is that of their turn; before the first one there is none. */
static void log_to_events(void *ctx, const struct log_event *ev)
{
	struct log_event dated = *ev;
	vtime now = runtime_now();

	if (!dated.at || dated.at > now)
		dated.at = now;
	event_log_add(ctx, &dated, runtime_wall() - (now - dated.at));
}

struct event_log *event_log_new(enum log_level keep, enum log_level level)
{
	struct event_log *l = xcalloc(1, sizeof(*l));

	l->keep = keep;
	l->level = level;
	l->next = 1;
	return l;
}

void event_log_free(struct event_log *l)
{
	if (!l)
		return;
	if (l->log)
		l->log->sink = NULL;
	for (unsigned i = 0; i < RING_COUNT; i++)
		while (l->rings[i].n)
			ring_drop_first(&l->rings[i]);
	free(l);
}

void event_log_attach(struct event_log *l, struct log *log)
{
	l->log = log;
	log->sink = log_to_events;
	log->ctx = l;
	log_wanted(l);
}

enum log_level event_log_level(const struct event_log *l)
{
	return l->level;
}

void event_log_set_level(struct event_log *l, enum log_level level)
{
	l->level = level;
	log_wanted(l);
}

void event_log_add_sink(struct event_log *l, const struct event_sink *sink)
{
	if (l->nsinks < EVENT_SINKS_MAX)
		l->sinks[l->nsinks++] = *sink;
}

void event_log_remove_sinks(struct event_log *l)
{
	l->nsinks = 0;
}

void event_log_listen(struct event_log *l, void (*told)(void *ctx), void *ctx)
{
	l->told = told;
	l->ctx = ctx;
}

/* ---- what is kept ---- */

uint64_t event_log_next_seq(const struct event_log *l)
{
	return l->next;
}

uint64_t event_log_complete(const struct event_log *l, enum log_level level)
{
	uint64_t gone = l->rings[RING_TOLD].gone;

	if (level == LOG_DEBUG && l->rings[RING_DEBUG].gone > gone)
		gone = l->rings[RING_DEBUG].gone;
	return gone + 1;
}

const struct event_line *event_log_find(const struct event_log *l, enum log_level level,
					uint64_t seq)
{
	const struct event_line *told = ring_find(&l->rings[RING_TOLD], level, seq), *debug = NULL;

	if (level == LOG_DEBUG)
		debug = ring_find(&l->rings[RING_DEBUG], level, seq);
	if (!told || (debug && debug->seq < told->seq))
		return debug;
	return told;
}
