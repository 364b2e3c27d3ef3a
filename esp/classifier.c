/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "esp/classifier.h"

#include <stdlib.h>

#include "base/mem.h"
#include "esp/sa.h"

#define INDEX_BITS 13
#define INDEX_SIZE (1U << INDEX_BITS)

_Static_assert(INDEX_SIZE >= 2 * CLASSIFIER_SPIS, "chains stay short while half of it is empty");

struct classifier_rules {
	uint64_t number;
	struct policy policy;
};

/*
 * `proved` is a pointer and not a flag: inbound may be about to prove the old `next` while control
 * puts a newer one in its place. The late store then names an SA that is not `next`, and proves
 * nothing.
 */
struct slot {
	_Atomic(struct esp_out *) current;
	_Atomic(struct esp_out *) next;
	_Atomic(struct esp_out *) proved;
	_Atomic vtime refused; /* until then; 0: it is not */
	_Atomic uint32_t stamp;
};

/*
 * One data thread. The gap keeps what two threads write in different cache lines. A place that
 * nobody uses has passed everything there will ever be.
 */
struct classifier_reader {
	_Atomic uint64_t passed; /* the newest publication it has seen between two batches */
	bool used; /* control's */
	char gap[64];
};

/* What is in no table any more, but may still be in some thread's hands. */
struct retired {
	struct retired *next;
	uint64_t number; /* free it when all have passed this publication */
	void *object;
	void (*free)(void *object);
};

/*
 * The index is a table with open addressing: an entry is NULL, an SA, or the tombstone of one that
 * was removed, which bears the SPI 0 that nobody looks for.
 */
struct classifier {
	_Atomic(struct classifier_rules *) rules;
	_Atomic(const struct esp_probe_key *) probe_key; /* NULL: there is none yet */
	struct esp_probe_key probe_key_bytes; /* written once, before that points here */
	struct slot slots[CLASSIFIER_SLOTS];
	unsigned spis; /* SAs in the index; control's */
	struct esp_in tombstone;
	_Atomic(struct esp_in *) index[INDEX_SIZE];

	_Atomic uint64_t publication; /* the number of the newest */
	struct classifier_reader readers[CLASSIFIER_READERS];
	struct retired *retired; /* oldest first; control's */
	struct retired **retired_end;
};

struct classifier *classifier_new(void)
{
	struct classifier *c = xcalloc(1, sizeof(*c));

	struct classifier_rules *none = xcalloc(1, sizeof(*none));

	/* Before the first publication nothing may pass. */
	none->policy.fallback = POLICY_DISCARD;
	atomic_init(&c->rules, none);
	for (unsigned i = 0; i < CLASSIFIER_SLOTS; i++)
		atomic_init(&c->slots[i].stamp, 1);
	for (unsigned i = 0; i < CLASSIFIER_READERS; i++)
		atomic_init(&c->readers[i].passed, UINT64_MAX);
	c->retired_end = &c->retired;
	return c;
}

/* Frees what was taken out no later than by the publication `passed`, and counts the others. */
static unsigned retired_free(struct classifier *c, uint64_t passed)
{
	unsigned n = 0;

	while (c->retired && c->retired->number <= passed) {
		struct retired *r = c->retired;

		c->retired = r->next;
		if (!c->retired)
			c->retired_end = &c->retired;
		r->free(r->object);
		free(r);
	}
	for (const struct retired *r = c->retired; r; r = r->next)
		n++;
	return n;
}

void classifier_free(struct classifier *c)
{
	if (!c)
		return;
	retired_free(c, UINT64_MAX);
	classifier_rules_free(atomic_load_explicit(&c->rules, memory_order_relaxed));
	free(c);
}

/*
 * Last of all in a publication. Release: a thread that has seen the number finds in no table any
 * more what this publication, or one before it, took out.
 */
static void publication_made(struct classifier *c)
{
	uint64_t n = atomic_load_explicit(&c->publication, memory_order_relaxed);

	atomic_store_explicit(&c->publication, n + 1, memory_order_release);
}

struct classifier_rules *classifier_publish_rules(struct classifier *c, const struct policy *p)
{
	struct classifier_rules *r = xcalloc(1, sizeof(*r)), *before;

	for (unsigned i = 0; i < p->n; i++)
		if (p->rules[i].action == POLICY_PROTECT && p->rules[i].slot >= CLASSIFIER_SLOTS)
			abort();
	r->number = classifier_rules_number(c) + 1;
	r->policy = *p;
	/* Release: who reads the pointer reads whole rules. Acquire: what it returns is read. */
	before = atomic_exchange_explicit(&c->rules, r, memory_order_acq_rel);
	publication_made(c);
	return before;
}

void classifier_rules_free(struct classifier_rules *r)
{
	free(r);
}

/* Acquire pairs with the publication. */
static const struct classifier_rules *classifier_rules(const struct classifier *c)
{
	return atomic_load_explicit(&c->rules, memory_order_acquire);
}

uint64_t classifier_rules_number(const struct classifier *c)
{
	return classifier_rules(c)->number;
}

const struct policy *classifier_policy(const struct classifier *c, uint64_t *number)
{
	const struct classifier_rules *r = classifier_rules(c);

	if (number)
		*number = r->number;
	return &r->policy;
}

/* A slot out of range is control's own bug: the wire names none. */
static struct slot *classifier_slot(struct classifier *c, unsigned slot)
{
	if (slot >= CLASSIFIER_SLOTS)
		abort();
	return &c->slots[slot];
}

static const struct slot *classifier_const_slot(const struct classifier *c, unsigned slot)
{
	if (slot >= CLASSIFIER_SLOTS)
		abort();
	return &c->slots[slot];
}

/*
 * Release: whoever sees the new stamp sees the new SA, too, so that an outbound thread that reads
 * the stamp first never believes that it has seen a change which it has not.
 */
static void slot_changed(struct slot *s)
{
	uint32_t stamp = atomic_load_explicit(&s->stamp, memory_order_relaxed) + 1;

	atomic_store_explicit(&s->stamp, stamp ? stamp : 1, memory_order_release);
}

/*
 * All release, and `current` first: the SA is written before it can be reached, and outbound, if
 * it finds next or proved already empty, finds the new current.
 */
void classifier_set_current(struct classifier *c, unsigned slot, struct esp_out *sa)
{
	struct slot *s = classifier_slot(c, slot);

	atomic_store_explicit(&s->current, sa, memory_order_release);
	atomic_store_explicit(&s->next, NULL, memory_order_release);
	atomic_store_explicit(&s->proved, NULL, memory_order_release);
	slot_changed(s);
	publication_made(c);
}

/*
 * `proved` is emptied first, for an SA that lies where an earlier one lay and was freed: inbound
 * can then prove it only after it has seen it as next. Release: as above.
 */
void classifier_set_next(struct classifier *c, unsigned slot, struct esp_out *sa)
{
	struct slot *s = classifier_slot(c, slot);

	atomic_store_explicit(&s->proved, NULL, memory_order_release);
	atomic_store_explicit(&s->next, sa, memory_order_release);
	slot_changed(s);
	publication_made(c);
}

/* Release, by the stamp: who sees that the slot has changed sees this. */
void classifier_set_refused(struct classifier *c, unsigned slot, vtime until)
{
	struct slot *s = classifier_slot(c, slot);

	atomic_store_explicit(&s->refused, until, memory_order_relaxed);
	slot_changed(s);
	publication_made(c);
}

/* The next SA if it is proved. Acquire: what inbound did before it proved, and the SA itself. */
static struct esp_out *slot_proved(const struct slot *s)
{
	struct esp_out *next = atomic_load_explicit(&s->next, memory_order_acquire);

	if (next && atomic_load_explicit(&s->proved, memory_order_acquire) == next)
		return next;
	return NULL;
}

bool classifier_next_proved(const struct classifier *c, unsigned slot)
{
	return slot_proved(classifier_const_slot(c, slot)) != NULL;
}

struct esp_out *classifier_slot_sa(struct classifier *c, unsigned slot)
{
	struct slot *s = classifier_slot(c, slot);
	struct esp_out *next = slot_proved(s);

	return next ? next : atomic_load_explicit(&s->current, memory_order_acquire);
}

/* Acquire pairs with slot_changed and keeps the reading of the SA behind it. */
uint32_t classifier_slot_stamp(const struct classifier *c, unsigned slot)
{
	return atomic_load_explicit(&classifier_const_slot(c, slot)->stamp, memory_order_acquire);
}

/* Relaxed: nothing is reached through it. */
vtime classifier_slot_refused(const struct classifier *c, unsigned slot)
{
	return atomic_load_explicit(&classifier_const_slot(c, slot)->refused, memory_order_relaxed);
}

void classifier_prove(struct classifier *c, unsigned slot, uint32_t epoch)
{
	struct slot *s = classifier_slot(c, slot);
	/* Acquire: the SA's epoch is read through it. */
	struct esp_out *next = atomic_load_explicit(&s->next, memory_order_acquire);

	if (!next || next->config.epoch != epoch)
		return;
	/* Relaxed is enough to see our own store; without the test each packet would write. */
	if (atomic_load_explicit(&s->proved, memory_order_relaxed) != next)
		atomic_store_explicit(&s->proved, next, memory_order_release);
}

/* Release: who sees the pointer sees the whole key, which never changes again. */
void classifier_set_probe_key(struct classifier *c, const struct esp_probe_key *key)
{
	if (atomic_load_explicit(&c->probe_key, memory_order_relaxed))
		abort();
	c->probe_key_bytes = *key;
	atomic_store_explicit(&c->probe_key, &c->probe_key_bytes, memory_order_release);
}

/* Acquire pairs with the release above. */
const struct esp_probe_key *classifier_probe_key(const struct classifier *c)
{
	return atomic_load_explicit(&c->probe_key, memory_order_acquire);
}

/* Multiplicative: SPIs are random already, those of a test or of a strange peer may not be. */
static unsigned index_of(uint32_t spi)
{
	return (uint32_t)(spi * 0x9e3779b1U) >> (32 - INDEX_BITS);
}

static unsigned index_after(unsigned at)
{
	return (at + 1) % INDEX_SIZE;
}

static unsigned index_before(unsigned at)
{
	return (at + INDEX_SIZE - 1) % INDEX_SIZE;
}

/* The index has one writer: it reads back what it stored itself. */
static struct esp_in *index_own(struct classifier *c, unsigned at)
{
	return atomic_load_explicit(&c->index[at], memory_order_relaxed);
}

/*
 * The place where the SPI is, or else (found = false) the first in its chain that is free. The
 * index always has room: it is half empty, or else full of tombstones.
 */
static unsigned index_seek(struct classifier *c, uint32_t spi, bool *found)
{
	unsigned at = index_of(spi), room = INDEX_SIZE;

	*found = false;
	for (unsigned i = 0; i < INDEX_SIZE; i++, at = index_after(at)) {
		struct esp_in *sa = index_own(c, at);

		if (sa && sa->config.spi == spi) {
			*found = true;
			return at;
		}
		if (room == INDEX_SIZE && (!sa || sa == &c->tombstone))
			room = at;
		if (!sa)
			break;
	}
	return room;
}

int classifier_add_spi(struct classifier *c, struct esp_in *sa)
{
	bool taken;
	unsigned at = index_seek(c, sa->config.spi, &taken);

	if (taken || c->spis == CLASSIFIER_SPIS)
		return ERR_NO_ROOM;
	c->spis++;
	/* Release: the SA is written before it can be found. */
	atomic_store_explicit(&c->index[at], sa, memory_order_release);
	publication_made(c);
	return 0;
}

/*
 * A tombstone with nothing behind it ends no chain that goes on, so it and those before it become
 * empty again; a reader on its way to an SA never meets one of these. Relaxed: no data follows.
 */
static void index_bury(struct classifier *c, unsigned at)
{
	atomic_store_explicit(&c->index[at], &c->tombstone, memory_order_relaxed);
	if (index_own(c, index_after(at)))
		return;
	for (; index_own(c, at) == &c->tombstone; at = index_before(at))
		atomic_store_explicit(&c->index[at], NULL, memory_order_relaxed);
}

void classifier_remove_spi(struct classifier *c, uint32_t spi)
{
	bool found;
	unsigned at = index_seek(c, spi, &found);

	if (spi < ESP_SPI_MIN || !found)
		return;
	c->spis--;
	index_bury(c, at);
	publication_made(c);
}

struct esp_in *classifier_find_spi(struct classifier *c, uint32_t spi)
{
	unsigned at = index_of(spi);

	if (spi < ESP_SPI_MIN)
		return NULL;
	for (unsigned i = 0; i < INDEX_SIZE; i++, at = index_after(at)) {
		/* Acquire pairs with the release of classifier_add_spi. */
		struct esp_in *sa = atomic_load_explicit(&c->index[at], memory_order_acquire);

		if (!sa || sa->config.spi == spi)
			return sa;
	}
	return NULL;
}

struct classifier_reader *classifier_reader_add(struct classifier *c)
{
	for (unsigned i = 0; i < CLASSIFIER_READERS; i++) {
		struct classifier_reader *r = &c->readers[i];

		if (r->used)
			continue;
		r->used = true;
		/* Relaxed: starting the thread orders it. It cannot hold what is out already. */
		atomic_store_explicit(&r->passed,
				      atomic_load_explicit(&c->publication, memory_order_relaxed),
				      memory_order_relaxed);
		return r;
	}
	return NULL;
}

void classifier_reader_remove(struct classifier *c, struct classifier_reader *r)
{
	if (!r)
		return;
	r->used = false;
	atomic_store_explicit(&r->passed, UINT64_MAX, memory_order_relaxed);
	classifier_reclaim(c);
}

/*
 * Acquire pairs with publication_made: what it took out is not found in the tables again, and what
 * control put into a ring before it is found there.
 */
uint64_t classifier_newest(const struct classifier *c)
{
	return atomic_load_explicit(&c->publication, memory_order_acquire);
}

/*
 * Relaxed: our own store. Release: all that earlier batches did with what they found is done before
 * control can see that we have passed.
 */
void classifier_pass_to(struct classifier_reader *r, uint64_t publication)
{
	if (atomic_load_explicit(&r->passed, memory_order_relaxed) != publication)
		atomic_store_explicit(&r->passed, publication, memory_order_release);
}

void classifier_pass(const struct classifier *c, struct classifier_reader *r)
{
	classifier_pass_to(r, classifier_newest(c));
}

unsigned classifier_reclaim(struct classifier *c)
{
	uint64_t all = UINT64_MAX;

	if (!c->retired)
		return 0;
	for (unsigned i = 0; i < CLASSIFIER_READERS; i++) {
		/* Acquire pairs with classifier_pass: what that thread did comes before freeing. */
		uint64_t passed = atomic_load_explicit(&c->readers[i].passed, memory_order_acquire);

		if (passed < all)
			all = passed;
	}
	return retired_free(c, all);
}

/*
 * A publication of its own: the object may have been put into a ring since the one that took it out
 * of the tables, and a thread may have passed that one before.
 */
static void classifier_retire(struct classifier *c, void *object, void (*free_object)(void *))
{
	struct retired *r;

	if (!object)
		return;
	r = xcalloc(1, sizeof(*r));
	r->object = object;
	r->free = free_object;
	publication_made(c);
	r->number = atomic_load_explicit(&c->publication, memory_order_relaxed);
	*c->retired_end = r;
	c->retired_end = &r->next;
	classifier_reclaim(c);
}

static void free_out(void *sa)
{
	esp_out_free(sa);
}

static void free_in(void *sa)
{
	esp_in_free(sa);
}

static void free_rules(void *r)
{
	classifier_rules_free(r);
}

void classifier_retire_out(struct classifier *c, struct esp_out *sa)
{
	classifier_retire(c, sa, free_out);
}

void classifier_retire_in(struct classifier *c, struct esp_in *sa)
{
	classifier_retire(c, sa, free_in);
}

void classifier_retire_rules(struct classifier *c, struct classifier_rules *r)
{
	classifier_retire(c, r, free_rules);
}

void classifier_retire_path(struct classifier *c, struct path *p)
{
	classifier_retire(c, p, free);
}

unsigned classifier_index_used(const struct classifier *c)
{
	unsigned n = 0;

	for (unsigned i = 0; i < INDEX_SIZE; i++)
		n += atomic_load_explicit(&c->index[i], memory_order_relaxed) != NULL;
	return n;
}
