/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mobility/epoch.h"

#include <string.h>

#include "base/bytes.h"

/* ---- the table ---- */

enum other {
	ANY,
	SOME, /* another epoch can take over */
	NONE,
	NEWER, /* a younger one can */
	TOLD, /* our Delete for it is out */
	RIVAL, /* both ends made one at the same time, and this one lost */
};

/* What data goes out on afterwards. */
enum data {
	SAME,
	THIS,
	OTHER, /* the best of the others */
	NOTHING, /* one that is in doubt, if there is any */
};

struct row {
	enum epoch_event event;
	enum epoch_state state;
	enum other other;
	enum data data;
	enum epoch_state becomes;
	unsigned actions;
};

static const struct row rows[] = {
	{ EPOCH_EVENT_INSTALLED, EPOCH_FREE, NONE, THIS, EPOCH_CURRENT, 0 },
	{ EPOCH_EVENT_INSTALLED, EPOCH_FREE, SOME, SAME, EPOCH_PROBING, 0 },

	{ EPOCH_EVENT_PROVED, EPOCH_PROBING, ANY, THIS, EPOCH_CURRENT, 0 },
	{ EPOCH_EVENT_PROVED, EPOCH_CURRENT, ANY, SAME, EPOCH_CURRENT, 0 },
	{ EPOCH_EVENT_PROVED, EPOCH_RETIRING, ANY, SAME, EPOCH_RETIRING, 0 },

	{ EPOCH_EVENT_DELETED, EPOCH_CURRENT, SOME, OTHER, EPOCH_RETIRING, 0 },
	{ EPOCH_EVENT_DELETED, EPOCH_CURRENT, NONE, NOTHING, EPOCH_RETIRING, EPOCH_NEGOTIATE },
	{ EPOCH_EVENT_DELETED, EPOCH_PROBING, NEWER, SAME, EPOCH_RETIRING, 0 },
	{ EPOCH_EVENT_DELETED, EPOCH_PROBING, ANY, SAME, EPOCH_RETIRING, EPOCH_NEGOTIATE },
	{ EPOCH_EVENT_DELETED, EPOCH_RETIRING, ANY, SAME, EPOCH_RETIRING, 0 },

	{ EPOCH_EVENT_EXHAUSTED, EPOCH_CURRENT, SOME, OTHER, EPOCH_RETIRING, 0 },
	{ EPOCH_EVENT_EXHAUSTED, EPOCH_CURRENT, NONE, NOTHING, EPOCH_RETIRING, EPOCH_NEGOTIATE },
	{ EPOCH_EVENT_EXHAUSTED, EPOCH_PROBING, NEWER, SAME, EPOCH_RETIRING, 0 },
	{ EPOCH_EVENT_EXHAUSTED, EPOCH_PROBING, ANY, SAME, EPOCH_RETIRING, EPOCH_NEGOTIATE },
	{ EPOCH_EVENT_EXHAUSTED, EPOCH_RETIRING, ANY, SAME, EPOCH_RETIRING, 0 },

	{ EPOCH_EVENT_EXPIRED, EPOCH_CURRENT, SOME, OTHER, EPOCH_RETIRING, 0 },
	{ EPOCH_EVENT_EXPIRED, EPOCH_CURRENT, NONE, NOTHING, EPOCH_RETIRING, EPOCH_NEGOTIATE },
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
	return in_use(e) && !e->spent && !e->doubted;
}

static struct epoch *find(struct epochs *es, uint32_t id)
{
	for (unsigned i = 0; i < EPOCHS_MAX; i++)
		if (in_use(&es->epoch[i]) && es->epoch[i].id == id)
			return &es->epoch[i];
	return NULL;
}

/* What could take over from `e`: the newest that is still in its trial, else the newest of all. */
static struct epoch *best_other(struct epochs *es, const struct epoch *e, bool doubted)
{
	struct epoch *best = NULL;

	for (unsigned i = 0; i < EPOCHS_MAX; i++) {
		struct epoch *other = &es->epoch[i];
		bool trial = other->state == EPOCH_PROBING;

		if (other == e || !in_use(other) || other->spent || other->doubted != doubted)
			continue;
		if (!best || (trial && best->state != EPOCH_PROBING) ||
		    (trial == (best->state == EPOCH_PROBING) && other->id > best->id))
			best = other;
	}
	return best;
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

	return at >= 0 && !es->epoch[at].spent ? at : -1;
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

static bool applies(const struct row *row, struct epochs *es, const struct epoch *e)
{
	switch (row->other) {
	case ANY:
		return true;
	case SOME:
		return best_other(es, e, false) != NULL;
	case NONE:
		return best_other(es, e, false) == NULL;
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

static void note(struct epoch *e, vtime now, enum epoch_event event)
{
	if (event == EPOCH_EVENT_PROVED) {
		e->proved = true;
		e->doubted = false;
	}
	if (event == EPOCH_EVENT_DELETED || event == EPOCH_EVENT_EXHAUSTED ||
	    event == EPOCH_EVENT_EXPIRED)
		e->spent = true;
	/* What we sent until now is still on its way, and is not to meet our Delete. */
	if (event == EPOCH_EVENT_EXPIRED)
		e->life.expires_at =
			vtime_add(now, e->state == EPOCH_CURRENT ? EPOCH_GRACE : EPOCH_LINGER);
	if (event == EPOCH_EVENT_QUIET && !e->rival)
		e->life.expires_at = vtime_min(e->life.expires_at, vtime_add(now, EPOCH_LINGER));
	if (event == EPOCH_EVENT_QUIET)
		e->quiet_at = VTIME_NEVER;
	if (event == EPOCH_EVENT_REKEY)
		e->renewed = true;
}

static unsigned apply(const struct row *row, struct epochs *es, vtime now, struct epoch *e)
{
	struct epoch *other = best_other(es, e, row->data == NOTHING);
	unsigned actions = row->actions;

	note(e, now, row->event);
	if (row->becomes != e->state || row->event == EPOCH_EVENT_DELETED)
		set_state(e, now, row->becomes);
	if (row->data == THIS)
		use(es, now, e);
	if ((row->data == OTHER || row->data == NOTHING) && other) {
		set_state(other, now, EPOCH_CURRENT);
		use(es, now, other);
	}
	if (e->deleted)
		actions &= ~(unsigned)EPOCH_DELETE;
	e->deleted |= (actions & EPOCH_DELETE) != 0;
	return actions;
}

unsigned epochs_event(struct epochs *es, vtime now, uint32_t id, enum epoch_event event)
{
	struct epoch *e = find(es, id);

	if (e && event == EPOCH_EVENT_REKEY && e->renewed)
		return 0;
	for (unsigned i = 0; e && i < ARRAY_SIZE(rows); i++)
		if (rows[i].event == event && rows[i].state == e->state && applies(&rows[i], es, e))
			return apply(&rows[i], es, now, e);
	return 0;
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
		for (unsigned r = 0; r < ARRAY_SIZE(rows); r++) {
			if (rows[r].event != EPOCH_EVENT_INSTALLED || !applies(&rows[r], es, e))
				continue;
			apply(&rows[r], es, now, e);
			break;
		}
		/* The newest is the one to be renewed. */
		for (unsigned k = 0; k < EPOCHS_MAX; k++)
			es->epoch[k].renewed = k != i;
		mark_rivals(es, now, e);
		return (int)i;
	}
	return -1;
}

void epochs_heard(struct epochs *es, vtime now, uint32_t id)
{
	struct epoch *e = find(es, id);

	if (e && e->state == EPOCH_RETIRING && !e->deleted)
		e->quiet_at = vtime_add(now, EPOCH_LINGER);
}

void epochs_doubt(struct epochs *es)
{
	for (unsigned i = 0; i < EPOCHS_MAX; i++) {
		struct epoch *e = &es->epoch[i];

		e->doubted = in_use(e);
		e->renewed = true;
	}
}

/* ---- time ---- */

static vtime rekey_at(const struct epoch *e)
{
	return e->renewed || e->state == EPOCH_RETIRING ? VTIME_NEVER : e->life.rekey_at;
}

static vtime overdue_at(const struct epochs *es, const struct epoch *e)
{
	int current = epochs_current(es);
	vtime patient = vtime_add(e->since, es->patience);

	if (e->state != EPOCH_PROBING || !can_carry(e))
		return VTIME_NEVER;
	if (current < 0 || es->epoch[current].life.margin_at < patient)
		return patient;
	return es->epoch[current].life.margin_at;
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
