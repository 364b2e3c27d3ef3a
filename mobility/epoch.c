/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mobility/epoch.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

/* ---- the table ---- */

enum condition {
	ANY,
	COVERED, /* data goes out on another one, which is not in doubt */
	HELD, /* what is not proved must not carry data, and probes will tell */
	BARE, /* data goes out on none, and this one could carry it */
	STRICT,
	SOME, /* another epoch can take over */
	NEWER, /* a younger one can */
	TOLD, /* our Delete for it is out */
	RIVAL, /* both ends made one at the same time, and this one lost */
};

/* What data goes out on afterwards. */
enum data {
	SAME,
	THIS,
	OTHER, /* the best of the others */
	NOTHING,
};

struct row {
	enum epoch_event event;
	enum epoch_state state;
	enum condition condition;
	enum data data;
	enum epoch_state becomes;
	unsigned actions;
};

/* Of one event and state the first row whose condition holds is taken. */
static const struct row rows[] = {
	{ EPOCH_EVENT_INSTALLED, EPOCH_FREE, COVERED, SAME, EPOCH_PROBING, 0 },
	{ EPOCH_EVENT_INSTALLED, EPOCH_FREE, HELD, SAME, EPOCH_PROBING, 0 },
	{ EPOCH_EVENT_INSTALLED, EPOCH_FREE, ANY, THIS, EPOCH_CURRENT, 0 },

	{ EPOCH_EVENT_PROVED, EPOCH_PROBING, ANY, THIS, EPOCH_CURRENT, 0 },
	{ EPOCH_EVENT_PROVED, EPOCH_CURRENT, ANY, SAME, EPOCH_CURRENT, 0 },
	{ EPOCH_EVENT_PROVED, EPOCH_RETIRING, BARE, THIS, EPOCH_CURRENT, 0 },
	{ EPOCH_EVENT_PROVED, EPOCH_RETIRING, ANY, SAME, EPOCH_RETIRING, 0 },

	{ EPOCH_EVENT_ANSWERED, EPOCH_PROBING, STRICT, SAME, EPOCH_PROBING, 0 },
	{ EPOCH_EVENT_ANSWERED, EPOCH_PROBING, ANY, THIS, EPOCH_CURRENT, 0 },
	{ EPOCH_EVENT_ANSWERED, EPOCH_CURRENT, ANY, SAME, EPOCH_CURRENT, 0 },

	{ EPOCH_EVENT_UNPROVED, EPOCH_PROBING, NEWER, SAME, EPOCH_RETIRING, EPOCH_DELETE },
	{ EPOCH_EVENT_UNPROVED, EPOCH_PROBING, ANY, SAME, EPOCH_RETIRING,
	  EPOCH_NEGOTIATE | EPOCH_DELETE },
	/* It had to take over before it was proved. */
	{ EPOCH_EVENT_UNPROVED, EPOCH_CURRENT, STRICT, NOTHING, EPOCH_RETIRING,
	  EPOCH_NEGOTIATE | EPOCH_DELETE },
	/* The peer may hear us all the same: it stays to be heard on until the next one is there. */
	{ EPOCH_EVENT_UNPROVED, EPOCH_CURRENT, ANY, NOTHING, EPOCH_CURRENT, EPOCH_NEGOTIATE },

	{ EPOCH_EVENT_SILENT, EPOCH_CURRENT, ANY, NOTHING, EPOCH_CURRENT, EPOCH_NEGOTIATE },

	{ EPOCH_EVENT_DELETED, EPOCH_CURRENT, SOME, OTHER, EPOCH_RETIRING, 0 },
	{ EPOCH_EVENT_DELETED, EPOCH_CURRENT, ANY, NOTHING, EPOCH_RETIRING, EPOCH_NEGOTIATE },
	{ EPOCH_EVENT_DELETED, EPOCH_PROBING, NEWER, SAME, EPOCH_RETIRING, 0 },
	{ EPOCH_EVENT_DELETED, EPOCH_PROBING, ANY, SAME, EPOCH_RETIRING, EPOCH_NEGOTIATE },
	{ EPOCH_EVENT_DELETED, EPOCH_RETIRING, ANY, SAME, EPOCH_RETIRING, 0 },

	{ EPOCH_EVENT_EXHAUSTED, EPOCH_CURRENT, SOME, OTHER, EPOCH_RETIRING, 0 },
	{ EPOCH_EVENT_EXHAUSTED, EPOCH_CURRENT, ANY, NOTHING, EPOCH_RETIRING, EPOCH_NEGOTIATE },
	{ EPOCH_EVENT_EXHAUSTED, EPOCH_PROBING, NEWER, SAME, EPOCH_RETIRING, 0 },
	{ EPOCH_EVENT_EXHAUSTED, EPOCH_PROBING, ANY, SAME, EPOCH_RETIRING, EPOCH_NEGOTIATE },
	{ EPOCH_EVENT_EXHAUSTED, EPOCH_RETIRING, ANY, SAME, EPOCH_RETIRING, 0 },

	{ EPOCH_EVENT_EXPIRED, EPOCH_CURRENT, SOME, OTHER, EPOCH_RETIRING, 0 },
	{ EPOCH_EVENT_EXPIRED, EPOCH_CURRENT, ANY, NOTHING, EPOCH_RETIRING, EPOCH_NEGOTIATE },
	{ EPOCH_EVENT_EXPIRED, EPOCH_PROBING, NEWER, SAME, EPOCH_RETIRING, EPOCH_DELETE },
	{ EPOCH_EVENT_EXPIRED, EPOCH_PROBING, ANY, SAME, EPOCH_RETIRING,
	  EPOCH_NEGOTIATE | EPOCH_DELETE },
	/* A peer may send on it until it reads the Delete, and that may take its time. */
	{ EPOCH_EVENT_EXPIRED, EPOCH_RETIRING, TOLD, SAME, EPOCH_DEAD, 0 },
	{ EPOCH_EVENT_EXPIRED, EPOCH_RETIRING, ANY, SAME, EPOCH_RETIRING, EPOCH_DELETE },

	{ EPOCH_EVENT_OVERDUE, EPOCH_PROBING, ANY, THIS, EPOCH_CURRENT, 0 },

	{ EPOCH_EVENT_REKEY, EPOCH_CURRENT, ANY, SAME, EPOCH_CURRENT, EPOCH_NEGOTIATE },
	{ EPOCH_EVENT_REKEY, EPOCH_PROBING, ANY, SAME, EPOCH_PROBING, EPOCH_NEGOTIATE },

	/* The Delete may be lost, and the peer may have chosen the rival: it is received to its end. */
	{ EPOCH_EVENT_QUIET, EPOCH_RETIRING, RIVAL, SAME, EPOCH_RETIRING, EPOCH_DELETE },
	{ EPOCH_EVENT_QUIET, EPOCH_RETIRING, ANY, SAME, EPOCH_RETIRING, EPOCH_DELETE },

	{ EPOCH_EVENT_EVICTED, EPOCH_RETIRING, ANY, SAME, EPOCH_DEAD, EPOCH_DELETE },
	{ EPOCH_EVENT_EVICTED, EPOCH_PROBING, ANY, SAME, EPOCH_DEAD, EPOCH_DELETE },
};

/* ---- looking around ---- */

static bool in_use(const struct epoch *e)
{
	return e->state != EPOCH_FREE && e->state != EPOCH_DEAD;
}

static bool can_carry(const struct epoch *e)
{
	return in_use(e) && !e->spent && !e->deleted && !e->doubted;
}

static bool is_held(const struct epoch *e)
{
	return e->spent || (e->doubted && !e->back);
}

static struct epoch *find(struct epochs *es, uint32_t id)
{
	for (unsigned i = 0; i < EPOCHS_MAX; i++)
		if (in_use(&es->epoch[i]) && es->epoch[i].id == id)
			return &es->epoch[i];
	return NULL;
}

/* What could take over from `e`: the newest that is still in its trial, else the newest; -1: none. */
static int best_other(const struct epochs *es, const struct epoch *e)
{
	const struct epoch *best = NULL;

	for (unsigned i = 0; i < EPOCHS_MAX; i++) {
		const struct epoch *other = &es->epoch[i];
		bool trial = other->state == EPOCH_PROBING;

		if (other == e || !can_carry(other))
			continue;
		if (!best || (trial && best->state != EPOCH_PROBING) ||
		    (trial == (best->state == EPOCH_PROBING) && other->id > best->id))
			best = other;
	}
	return best ? (int)(best - es->epoch) : -1;
}

static bool has_newer(const struct epochs *es, const struct epoch *e)
{
	for (unsigned i = 0; i < EPOCHS_MAX; i++)
		if (can_carry(&es->epoch[i]) && es->epoch[i].id > e->id)
			return true;
	return false;
}

static int newest_in(const struct epochs *es, enum epoch_state state)
{
	int newest = -1;

	for (int i = 0; i < EPOCHS_MAX; i++) {
		const struct epoch *e = &es->epoch[i];

		if (e->state == state && (newest < 0 || e->id > es->epoch[newest].id))
			newest = i;
	}
	return newest;
}

int epochs_current(const struct epochs *es)
{
	int at = newest_in(es, EPOCH_CURRENT);

	return at >= 0 && !is_held(&es->epoch[at]) ? at : -1;
}

int epochs_next(const struct epochs *es)
{
	return newest_in(es, EPOCH_PROBING);
}

bool epochs_usable(const struct epochs *es)
{
	for (unsigned i = 0; i < EPOCHS_MAX; i++)
		if (can_carry(&es->epoch[i]))
			return true;
	return false;
}

/* When it was in use for the last time, as far as we know. */
static vtime last_used(const struct epoch *e)
{
	return e->state == EPOCH_RETIRING ? e->quiet_at - EPOCH_LINGER : e->since;
}

/* Which of the two goes first: the peer has been told of it, or has not used it for longer. */
static bool goes_before(const struct epoch *a, const struct epoch *b)
{
	if (a->deleted != b->deleted)
		return a->deleted;
	if (!a->deleted && last_used(a) != last_used(b))
		return last_used(a) < last_used(b);
	return a->id < b->id;
}

uint32_t epochs_evictable(const struct epochs *es)
{
	const struct epoch *first = NULL;

	for (unsigned i = 0; i < EPOCHS_MAX; i++) {
		const struct epoch *e = &es->epoch[i];

		if (e->state == EPOCH_FREE)
			return 0;
		if (e->state == EPOCH_CURRENT || e->state == EPOCH_DEAD)
			continue;
		if (!first || goes_before(e, first))
			first = e;
	}
	return first ? first->id : 0;
}

/* ---- events ---- */

/* True while nothing may go out on what is not proved. */
static bool holds(const struct epochs *es)
{
	return es->strict && es->probed;
}

static bool applies(const struct row *row, const struct epochs *es, const struct epoch *e)
{
	int current = epochs_current(es);

	switch (row->condition) {
	case ANY:
		return true;
	case COVERED:
		return current >= 0 && can_carry(&es->epoch[current]);
	case HELD:
		return holds(es);
	case BARE:
		return current < 0 && !e->spent && !e->deleted;
	case STRICT:
		return es->strict;
	case SOME:
		return best_other(es, e) >= 0;
	case NEWER:
		return has_newer(es, e);
	case TOLD:
		return e->deleted;
	case RIVAL:
		return e->rival;
	}
	return false;
}

static void set_state(struct epoch *e, vtime now, enum epoch_state state)
{
	if (state == EPOCH_RETIRING)
		e->quiet_at = vtime_add(now, EPOCH_LINGER);
	e->state = state;
}

/* From now on data goes out on `e` and on no other. */
static void use(struct epochs *es, vtime now, const struct epoch *e)
{
	for (unsigned i = 0; i < EPOCHS_MAX; i++)
		if (es->epoch[i].state == EPOCH_CURRENT && &es->epoch[i] != e)
			set_state(&es->epoch[i], now, EPOCH_RETIRING);
}

static void doubt(struct epoch *e)
{
	e->doubted = true;
	e->back = false;
}

static void note_trust(const struct row *row, const struct epochs *es, struct epoch *e)
{
	if (row->event == EPOCH_EVENT_PROVED) {
		e->proved = true;
		e->doubted = false;
	}
	if (row->event == EPOCH_EVENT_ANSWERED && !es->strict) {
		e->answered = true;
		e->doubted = false;
	}
	if (row->event == EPOCH_EVENT_SILENT || row->event == EPOCH_EVENT_UNPROVED)
		doubt(e);
	if (row->event == EPOCH_EVENT_DELETED || row->event == EPOCH_EVENT_EXHAUSTED ||
	    row->event == EPOCH_EVENT_EXPIRED)
		e->spent = true;
}

static bool gives_up(const struct row *row)
{
	return row->event == EPOCH_EVENT_UNPROVED && row->becomes == EPOCH_RETIRING;
}

static void note_time(const struct row *row, struct epoch *e, vtime now)
{
	enum epoch_event event = row->event;

	/* What we sent until now is still on its way, and is not to meet our Delete. */
	if (event == EPOCH_EVENT_EXPIRED)
		e->life.expires_at =
			vtime_add(now, e->state == EPOCH_CURRENT ? EPOCH_GRACE : EPOCH_LINGER);
	if ((event == EPOCH_EVENT_QUIET && !e->rival) || gives_up(row))
		e->life.expires_at = vtime_min(e->life.expires_at, vtime_add(now, EPOCH_LINGER));
	if (event == EPOCH_EVENT_QUIET)
		e->quiet_at = VTIME_NEVER;
	if (event == EPOCH_EVENT_REKEY)
		e->renewed = true;
}

/* What was to come after it has failed first: it is to be renewed again, if it is the newest. */
static void fall_back(struct epochs *es, vtime now, struct epoch *other)
{
	set_state(other, now, EPOCH_CURRENT);
	if (!has_newer(es, other))
		other->renewed = false;
}

static unsigned apply(const struct row *row, struct epochs *es, vtime now, struct epoch *e)
{
	int other = row->data == OTHER ? best_other(es, e) : -1;
	unsigned actions = row->actions;

	note_trust(row, es, e);
	note_time(row, e, now);
	if (row->becomes != e->state || row->event == EPOCH_EVENT_DELETED)
		set_state(e, now, row->becomes);
	if (row->data == THIS)
		use(es, now, e);
	if (other >= 0)
		fall_back(es, now, &es->epoch[other]);
	if (e->deleted)
		actions &= ~(unsigned)EPOCH_DELETE;
	e->deleted |= (actions & EPOCH_DELETE) != 0;
	return actions;
}

static unsigned take(struct epochs *es, vtime now, struct epoch *e, enum epoch_event event)
{
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].event != event || rows[i].state != e->state ||
		    !applies(&rows[i], es, e))
			continue;
		if (es->reached)
			*es->reached |= (uint64_t)1 << i;
		return apply(&rows[i], es, now, e);
	}
	return 0;
}

/* What it asks for has been done, or comes too late. */
static bool is_moot(const struct epoch *e, enum epoch_event event)
{
	return (event == EPOCH_EVENT_REKEY && e->renewed) ||
	       (event == EPOCH_EVENT_UNPROVED && (e->proved || e->answered));
}

unsigned epochs_event(struct epochs *es, vtime now, uint32_t id, enum epoch_event event)
{
	struct epoch *e = find(es, id);

	return e && !is_moot(e, event) ? take(es, now, e, event) : 0;
}

/* Two that are so close together were begun by both ends, or one of them was thought lost. */
static void mark_rivals(struct epochs *es, vtime now, struct epoch *e)
{
	for (unsigned i = 0; i < EPOCHS_MAX; i++) {
		struct epoch *other = &es->epoch[i];

		if (other == e || !can_carry(other) || now - other->since > es->patience)
			continue;
		other->rival = true;
		e->rival = true;
	}
}

int epochs_install(struct epochs *es, vtime now, uint32_t id, const struct epoch_life *life)
{
	for (unsigned i = 0; i < EPOCHS_MAX; i++) {
		struct epoch *e = &es->epoch[i];

		if (e->state != EPOCH_FREE)
			continue;
		*e = (struct epoch){
			.id = id, .since = now, .life = *life, .quiet_at = VTIME_NEVER
		};
		take(es, now, e, EPOCH_EVENT_INSTALLED);
		/* The newest is the one to be renewed. */
		for (unsigned k = 0; k < EPOCHS_MAX; k++)
			es->epoch[k].renewed = k != i;
		mark_rivals(es, now, e);
		return (int)i;
	}
	return -1;
}

bool epochs_heard(struct epochs *es, vtime now, uint32_t id)
{
	struct epoch *e = find(es, id);
	bool held = epochs_current(es) < 0;

	if (!e)
		return false;
	if (e->state == EPOCH_RETIRING && !e->deleted)
		e->quiet_at = vtime_add(now, EPOCH_LINGER);
	/* Probes will tell whether the next one is better; without them it has to be. */
	if (es->probed)
		e->doubted = false;
	e->back = true;
	return held && epochs_current(es) >= 0;
}

void epochs_doubt(struct epochs *es)
{
	for (unsigned i = 0; i < EPOCHS_MAX; i++) {
		struct epoch *e = &es->epoch[i];

		if (in_use(e))
			doubt(e);
		e->renewed = true;
	}
}

void epochs_supersede(struct epochs *es)
{
	for (unsigned i = 0; i < EPOCHS_MAX; i++) {
		struct epoch *e = &es->epoch[i];

		if (in_use(e) && !e->doubted)
			e->doubted = e->back = true;
		e->renewed = true;
	}
}

/* ---- time ---- */

static vtime rekey_at(const struct epoch *e)
{
	return e->renewed || e->state == EPOCH_RETIRING ? VTIME_NEVER : e->life.rekey_at;
}

/* Where data goes out on nothing there is no reason to wait, unless proof is indispensable. */
static vtime overdue_at(const struct epochs *es, const struct epoch *e)
{
	int current = epochs_current(es);
	vtime patient = vtime_add(e->since, es->patience);

	if (e->state != EPOCH_PROBING || !can_carry(e) || holds(es))
		return VTIME_NEVER;
	if (current < 0)
		return &es->epoch[best_other(es, NULL)] == e ? e->since : VTIME_NEVER;
	if (es->probed)
		return VTIME_NEVER;
	return es->epoch[current].life.margin_at > patient ? es->epoch[current].life.margin_at :
							     patient;
}

/* The next event that time brings, and when. */
static vtime next_event(const struct epochs *es, const struct epoch *e, enum epoch_event *event)
{
	const struct {
		enum epoch_event event;
		vtime at;
	} events[] = {
		{ EPOCH_EVENT_EXPIRED, e->life.expires_at },
		{ EPOCH_EVENT_OVERDUE, overdue_at(es, e) },
		{ EPOCH_EVENT_REKEY, rekey_at(e) },
		{ EPOCH_EVENT_QUIET, e->state == EPOCH_RETIRING ? e->quiet_at : VTIME_NEVER },
	};
	vtime first = VTIME_NEVER;

	for (unsigned i = 0; in_use(e) && i < ARRAY_SIZE(events); i++) {
		if (events[i].at >= first)
			continue;
		first = events[i].at;
		*event = events[i].event;
	}
	return first;
}

bool epochs_due(const struct epochs *es, vtime now, uint32_t *id, enum epoch_event *event)
{
	for (unsigned i = 0; i < EPOCHS_MAX; i++) {
		if (next_event(es, &es->epoch[i], event) > now)
			continue;
		*id = es->epoch[i].id;
		return true;
	}
	return false;
}

vtime epochs_deadline(const struct epochs *es)
{
	enum epoch_event event;
	vtime first = VTIME_NEVER;

	for (unsigned i = 0; i < EPOCHS_MAX; i++)
		first = vtime_min(first, next_event(es, &es->epoch[i], &event));
	return first;
}

/* ---- life ---- */

struct epoch_life epoch_life(const struct epoch_config *config, vtime now, uint32_t random)
{
	vtime margin = vtime_min(config->margin, config->keylife / 3), spread;

	if (config->keylife == 0)
		return (struct epoch_life){ VTIME_NEVER, VTIME_NEVER, VTIME_NEVER };
	spread = vtime_min(margin / 100 * config->fuzz, config->keylife * 2 / 3 - margin);
	return (struct epoch_life){
		.rekey_at = now + config->keylife - margin -
			    (vtime)((double)spread * ((double)random / UINT32_MAX)),
		.margin_at = now + config->keylife - margin,
		.expires_at = now + config->keylife,
	};
}

void epochs_init(struct epochs *es, vtime patience)
{
	memset(es, 0, sizeof(*es));
	es->patience = patience;
}

void epochs_set_trust(struct epochs *es, bool strict, bool probed)
{
	es->strict = strict;
	es->probed = probed;
}

void epochs_remove(struct epochs *es, unsigned place)
{
	es->epoch[place] = (struct epoch){ .state = EPOCH_FREE };
}

const char *epoch_state_name(enum epoch_state state)
{
	switch (state) {
	case EPOCH_FREE:
		return "free";
	case EPOCH_PROBING:
		return "probing";
	case EPOCH_CURRENT:
		return "current";
	case EPOCH_RETIRING:
		return "retiring";
	case EPOCH_DEAD:
		return "dead";
	}
	return "unknown";
}

/* ---- the rows in words ---- */

static const char *event_name(enum epoch_event event)
{
	switch (event) {
	case EPOCH_EVENT_INSTALLED:
		return "installed";
	case EPOCH_EVENT_PROVED:
		return "proved";
	case EPOCH_EVENT_ANSWERED:
		return "answered";
	case EPOCH_EVENT_UNPROVED:
		return "unproved";
	case EPOCH_EVENT_SILENT:
		return "silent";
	case EPOCH_EVENT_DELETED:
		return "deleted";
	case EPOCH_EVENT_EXHAUSTED:
		return "exhausted";
	case EPOCH_EVENT_EXPIRED:
		return "expired";
	case EPOCH_EVENT_OVERDUE:
		return "overdue";
	case EPOCH_EVENT_REKEY:
		return "rekey";
	case EPOCH_EVENT_QUIET:
		return "quiet";
	case EPOCH_EVENT_EVICTED:
		return "evicted";
	}
	return "unknown";
}

static const char *condition_name(enum condition condition)
{
	switch (condition) {
	case ANY:
		return "any";
	case COVERED:
		return "covered";
	case HELD:
		return "held";
	case BARE:
		return "bare";
	case STRICT:
		return "strict";
	case SOME:
		return "some";
	case NEWER:
		return "newer";
	case TOLD:
		return "told";
	case RIVAL:
		return "rival";
	}
	return "unknown";
}

unsigned epochs_rows(void)
{
	return ARRAY_SIZE(rows);
}

const char *epochs_row_text(unsigned row, char buf[EPOCHS_ROW_TEXT_MAX])
{
	const struct row *r = &rows[row];

	snprintf(buf, EPOCHS_ROW_TEXT_MAX, "%s %s %s", event_name(r->event),
		 epoch_state_name(r->state), condition_name(r->condition));
	return buf;
}
