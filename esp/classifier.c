/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "esp/classifier.h"

#include <stdlib.h>

#include "base/mem.h"
#include "esp/offers.h"
#include "esp/sa.h"

#define INDEX_BITS_FIRST 7 /* enough for a client */

struct classifier_rules {
	uint64_t number;
	struct spd *spd;
};

/*
 * `proved` is a pointer and not a flag: inbound may be about to prove the old `next` while control
 * puts a newer one in its place. The late store then names an SA that is not `next`, and proves
 * nothing.
 */
struct slot {
	_Alignas(MEM_LINE) _Atomic(struct esp_out *) current;
	_Atomic(struct esp_out *) next;
	_Atomic(struct esp_out *) proved;
	_Atomic vtime refused; /* until then; 0: it is not */
	_Atomic uint32_t stamp; /* less one: memory that is zero already is not touched */
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
 * was removed, which bears the SPI 0 that nobody looks for. The SPI stands beside the pointer, so
 * that on the way to one SA no other is touched; it is written before the pointer, and may be newer
 * than that: whose it is the SA itself tells.
 */
struct index_entry {
	_Atomic(struct esp_in *) sa;
	_Atomic uint32_t spi;
	_Atomic uint32_t worker; /* the classification parameter; CLASSIFIER_NO_WORKER: none yet */
};

/* When three quarters are in use, tombstones counted, another takes its place. */
struct index {
	unsigned bits; /* its size is a power of two */
	unsigned filled; /* entries that are not NULL; control's */
	struct index_entry entries[];
};

struct classifier {
	struct offers offers;
	_Atomic(struct classifier_rules *) rules;
	_Atomic(const struct esp_probe_key *) probe_key; /* NULL: there is none yet */
	struct esp_probe_key probe_key_bytes; /* written once, before that points here */
	struct slot *slots; /* CLASSIFIER_SLOTS */
	void *slots_memory;
	unsigned spis; /* SAs in the index; control's */
	struct esp_in tombstone;
	_Atomic(struct index *) index;

	_Atomic uint64_t publication; /* the number of the newest */
	struct classifier_reader readers[CLASSIFIER_READERS];
	struct retired *retired; /* oldest first; control's */
	struct retired **retired_end;
	unsigned nretired;
};

static struct index *index_new(unsigned bits)
{
	struct index *x = xcalloc(1, sizeof(*x) + (sizeof(x->entries[0]) << bits));

	x->bits = bits;
	return x;
}

struct classifier *classifier_new(void)
{
	struct classifier *c = xcalloc_line(sizeof(*c));
	struct classifier_rules *none = xcalloc(1, sizeof(*none));

	/* Before the first publication nothing may pass. */
	none->spd = spd_new(&(struct policy_view){ .fallback = POLICY_DISCARD });
	atomic_init(&c->rules, none);
	atomic_init(&c->index, index_new(INDEX_BITS_FIRST));
	c->slots_memory = xcalloc(1, CLASSIFIER_SLOTS * sizeof(*c->slots) + MEM_LINE);
	c->slots = mem_line(c->slots_memory);
	for (unsigned i = 0; i < CLASSIFIER_READERS; i++)
		atomic_init(&c->readers[i].passed, UINT64_MAX);
	c->retired_end = &c->retired;
	return c;
}

/* Frees what was taken out no later than by the publication `passed`, and counts the others. */
static unsigned retired_free(struct classifier *c, uint64_t passed)
{
	while (c->retired && c->retired->number <= passed) {
		struct retired *r = c->retired;

		c->retired = r->next;
		if (!c->retired)
			c->retired_end = &c->retired;
		r->free(r->object);
		free(r);
		c->nretired--;
	}
	return c->nretired;
}

void classifier_free(struct classifier *c)
{
	if (!c)
		return;
	retired_free(c, UINT64_MAX);
	classifier_rules_free(atomic_load_explicit(&c->rules, memory_order_relaxed));
	free(atomic_load_explicit(&c->index, memory_order_relaxed));
	free(c->slots_memory);
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

struct classifier_rules *classifier_publish_view(struct classifier *c, const struct policy_view *p)
{
	struct classifier_rules *r = xcalloc(1, sizeof(*r)), *before;

	for (unsigned i = 0; i < p->n; i++)
		if (p->rules[i].action == POLICY_PROTECT && p->rules[i].slot >= CLASSIFIER_SLOTS)
			abort();
	r->number = classifier_rules_number(c) + 1;
	r->spd = spd_new(p);
	/* Release: who reads the pointer reads whole rules. Acquire: what it returns is read. */
	before = atomic_exchange_explicit(&c->rules, r, memory_order_acq_rel);
	publication_made(c);
	return before;
}

struct classifier_rules *classifier_publish_rules(struct classifier *c, const struct policy *p)
{
	const struct policy_view view = policy_view(p);

	return classifier_publish_view(c, &view);
}

void classifier_rules_free(struct classifier_rules *r)
{
	if (!r)
		return;
	spd_free(r->spd);
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

const struct spd *classifier_policy(const struct classifier *c, uint64_t *number)
{
	const struct classifier_rules *r = classifier_rules(c);

	if (number)
		*number = r->number;
	return r->spd;
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

	atomic_store_explicit(&s->stamp, stamp == UINT32_MAX ? 0 : stamp, memory_order_release);
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
	const struct slot *s = classifier_const_slot(c, slot);

	return atomic_load_explicit(&s->stamp, memory_order_acquire) + 1;
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
	c->nretired++;
	classifier_reclaim(c);
}

/* Multiplicative: SPIs are random already, those of a test or of a strange peer may not be. */
static unsigned index_of(const struct index *x, uint32_t spi)
{
	return (uint32_t)(spi * 0x9e3779b1U) >> (32 - x->bits);
}

static unsigned index_size(const struct index *x)
{
	return 1U << x->bits;
}

static unsigned index_after(const struct index *x, unsigned at)
{
	return (at + 1) & (index_size(x) - 1);
}

static unsigned index_before(const struct index *x, unsigned at)
{
	return (at - 1) & (index_size(x) - 1);
}

/* The index has one writer: it reads back what it stored itself. */
static struct index *index_own(const struct classifier *c)
{
	return atomic_load_explicit(&c->index, memory_order_relaxed);
}

static struct esp_in *entry_own(const struct index *x, unsigned at)
{
	return atomic_load_explicit(&x->entries[at].sa, memory_order_relaxed);
}

/*
 * The place where the SPI is, or else (found = false) the first in its chain that is free. The
 * index always has room: a part of it is empty.
 */
static unsigned index_seek(const struct classifier *c, uint32_t spi, bool *found)
{
	const struct index *x = index_own(c);
	unsigned at = index_of(x, spi), room = index_size(x);

	*found = false;
	for (;; at = index_after(x, at)) {
		struct esp_in *sa = entry_own(x, at);

		if (sa && sa->config.spi == spi) {
			*found = true;
			return at;
		}
		if (room == index_size(x) && (!sa || sa == &c->tombstone))
			room = at;
		if (!sa)
			return room;
	}
}

/* Release: the SA is written before it can be found; relaxed: no data follows the numbers. */
static void index_put(struct index *x, unsigned at, struct esp_in *sa, uint32_t worker)
{
	x->filled += !entry_own(x, at);
	atomic_store_explicit(&x->entries[at].worker, worker, memory_order_relaxed);
	atomic_store_explicit(&x->entries[at].spi, sa->config.spi, memory_order_relaxed);
	atomic_store_explicit(&x->entries[at].sa, sa, memory_order_release);
}

static uint32_t entry_worker(const struct index *x, unsigned at)
{
	return atomic_load_explicit(&x->entries[at].worker, memory_order_relaxed);
}

/* What nobody can find yet. */
static void index_copy(struct index *to, const struct index *from, const struct esp_in *tombstone)
{
	for (unsigned i = 0; i < index_size(from); i++) {
		struct esp_in *sa = entry_own(from, i);
		unsigned at;

		if (!sa || sa == tombstone)
			continue;
		at = index_of(to, sa->config.spi);
		while (entry_own(to, at))
			at = index_after(to, at);
		index_put(to, at, sa, entry_worker(from, i));
	}
}

/* Makes room for one more: another index, twice as large or without tombstones, is published. */
static void index_grow(struct classifier *c)
{
	struct index *x = index_own(c), *to;

	if (x->filled + 1 <= index_size(x) / 4 * 3)
		return;
	to = index_new(c->spis >= index_size(x) / 8 * 3 ? x->bits + 1 : x->bits);
	index_copy(to, x, &c->tombstone);
	/* Release: whoever sees it sees what is in it. */
	atomic_store_explicit(&c->index, to, memory_order_release);
	classifier_retire(c, x, free);
}

int classifier_add_spi(struct classifier *c, struct esp_in *sa)
{
	bool taken;

	index_seek(c, sa->config.spi, &taken);
	if (taken || c->spis == CLASSIFIER_SPIS)
		return ERR_NO_ROOM;
	index_grow(c);
	c->spis++;
	index_put(index_own(c), index_seek(c, sa->config.spi, &taken), sa, CLASSIFIER_NO_WORKER);
	publication_made(c);
	return 0;
}

/* A worker may have been quicker, and keeps it. */
unsigned classifier_set_worker(struct classifier *c, uint32_t spi, unsigned worker)
{
	bool found;
	unsigned at = index_seek(c, spi, &found);
	struct index *x = index_own(c);

	if (spi < ESP_SPI_MIN || !found)
		return CLASSIFIER_NO_WORKER;
	worker = esp_in_worker(entry_own(x, at), worker);
	atomic_store_explicit(&x->entries[at].worker, worker, memory_order_relaxed);
	publication_made(c);
	return worker;
}

/*
 * Nothing of the SA is looked at, which is the worker's. Where another one takes its place just now
 * the answer may be that one's: the worker finds out.
 */
unsigned classifier_worker(const struct classifier *c, uint32_t spi)
{
	const struct index *x = atomic_load_explicit(&c->index, memory_order_acquire);
	const struct esp_in *sa;

	for (unsigned at = index_of(x, spi);; at = index_after(x, at)) {
		/* Acquire: the numbers beside it are at least as new. */
		sa = atomic_load_explicit(&x->entries[at].sa, memory_order_acquire);
		if (!sa)
			return CLASSIFIER_NO_WORKER;
		if (sa != &c->tombstone &&
		    atomic_load_explicit(&x->entries[at].spi, memory_order_relaxed) == spi)
			return entry_worker(x, at);
	}
}

/*
 * A tombstone with nothing behind it ends no chain that goes on, so it and those before it become
 * empty again; a reader on its way to an SA never meets one of these. Relaxed: no data follows.
 */
static void index_bury(struct classifier *c, unsigned at)
{
	struct index *x = index_own(c);

	atomic_store_explicit(&x->entries[at].sa, &c->tombstone, memory_order_relaxed);
	if (entry_own(x, index_after(x, at)))
		return;
	for (; entry_own(x, at) == &c->tombstone; at = index_before(x, at)) {
		atomic_store_explicit(&x->entries[at].sa, NULL, memory_order_relaxed);
		x->filled--;
	}
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
	/* Acquire pairs with index_grow. */
	const struct index *x = atomic_load_explicit(&c->index, memory_order_acquire);
	unsigned at = index_of(x, spi);

	if (spi < ESP_SPI_MIN)
		return NULL;
	for (unsigned i = 0; i < index_size(x); i++, at = index_after(x, at)) {
		const struct index_entry *e = &x->entries[at];
		/* Acquire pairs with the release of index_put. */
		struct esp_in *sa = atomic_load_explicit(&e->sa, memory_order_acquire);

		if (!sa)
			return NULL;
		if (atomic_load_explicit(&e->spi, memory_order_relaxed) == spi &&
		    sa->config.spi == spi)
			return sa;
	}
	return NULL;
}

/* Acquire pairs with index_grow and index_put: what is behind the pointer may be read later. */
const struct esp_in *classifier_peek_spi(const struct classifier *c, uint32_t spi)
{
	const struct index *x = atomic_load_explicit(&c->index, memory_order_acquire);
	unsigned at = index_of(x, spi);

	for (unsigned i = 0; i < index_size(x); i++, at = index_after(x, at)) {
		const struct index_entry *e = &x->entries[at];
		const struct esp_in *sa = atomic_load_explicit(&e->sa, memory_order_acquire);

		if (!sa)
			return NULL;
		if (atomic_load_explicit(&e->spi, memory_order_relaxed) == spi)
			return sa == &c->tombstone ? NULL : sa;
	}
	return NULL;
}

unsigned classifier_index_size(const struct classifier *c)
{
	return index_size(atomic_load_explicit(&c->index, memory_order_acquire));
}

void classifier_ahead_spi(const struct classifier *c, uint32_t spi)
{
	const struct index *x = atomic_load_explicit(&c->index, memory_order_acquire);

	mem_ahead(&x->entries[index_of(x, spi)], sizeof(*x->entries));
}

void classifier_ahead_slot(const struct classifier *c, unsigned slot)
{
	mem_ahead(classifier_const_slot(c, slot), sizeof(*c->slots));
}

/* ---- offers ---- */

void classifier_offer_spi(struct classifier *c, uint32_t spi)
{
	offers_put(&c->offers, spi);
}

void classifier_withdraw_spi(struct classifier *c, uint32_t spi)
{
	offers_take(&c->offers, spi);
}

bool classifier_spi_offered(const struct classifier *c, uint32_t spi)
{
	return offers_has(&c->offers, spi);
}

struct esp_in *classifier_await_spi(struct classifier *c, uint32_t spi, bool *offered)
{
	struct esp_in *sa = classifier_find_spi(c, spi);

	*offered = !sa && classifier_spi_offered(c, spi);
	/* Since the first look the SA may have come, and the offer gone. */
	return sa || *offered ? sa : classifier_find_spi(c, spi);
}

unsigned classifier_await_worker(const struct classifier *c, uint32_t spi, bool *offered)
{
	unsigned worker = classifier_worker(c, spi);

	*offered = worker == CLASSIFIER_NO_WORKER && classifier_spi_offered(c, spi);
	return worker != CLASSIFIER_NO_WORKER || *offered ? worker : classifier_worker(c, spi);
}

unsigned classifier_offers(const struct classifier *c)
{
	return offers_count(&c->offers);
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

static void free_limit(void *l)
{
	esp_limit_free(l);
}

void classifier_retire_limit(struct classifier *c, struct esp_limit *l)
{
	classifier_retire(c, l, free_limit);
}

unsigned classifier_index_used(const struct classifier *c)
{
	const struct index *x = index_own(c);
	unsigned n = 0;

	for (unsigned i = 0; i < index_size(x); i++)
		n += entry_own(x, i) != NULL;
	return n;
}
