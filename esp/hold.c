/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "esp/hold_impl.h"
#include "packet/packet.h"

struct mark {
	enum likeness likeness;
	uint64_t value; /* SYN: flags and initial sequence number; datagram: a hash of it */
	uint32_t upper; /* where the upper layer begins */
};

/* ---- memory ---- */

static void pool_init(struct pool *p, uint32_t n)
{
	*p = (struct pool){ .fresh = 1, .end = n, .unused = n ? n - 1 : 0 };
}

struct hold *hold_new(const struct outbound_config *config)
{
	struct hold *h = xcalloc(1, sizeof(*h));
	size_t each = sizeof(struct cell) + sizeof(struct record) + sizeof(uint32_t);
	size_t n = config->hold_bytes / each;
	uint32_t buckets = 1;

	if (n > UINT32_MAX / 2)
		n = UINT32_MAX / 2;
	if (n < CELLS_MIN)
		n = 0;
	while (buckets <= n / 2)
		buckets *= 2;
	h->age = config->hold_age;
	h->cells = xcalloc(n ? n : 1, sizeof(*h->cells));
	h->records = xcalloc(n ? n : 1, sizeof(*h->records));
	h->buckets = xcalloc(buckets, sizeof(*h->buckets));
	h->mask = buckets - 1;
	pool_init(&h->cell_pool, (uint32_t)n);
	pool_init(&h->record_pool, (uint32_t)n);
	return h;
}

void hold_free(struct hold *h)
{
	if (!h)
		return;
	free(h->cells);
	free(h->records);
	free(h->buckets);
	free(h);
}

static uint32_t record_take(struct hold *h)
{
	struct pool *p = &h->record_pool;
	uint32_t id = p->free;

	if (p->unused == 0)
		return 0;
	if (id)
		p->free = h->records[id].next;
	else
		id = p->fresh++;
	p->unused--;
	h->records[id] = (struct record){ 0 };
	return id;
}

/* ---- lists ---- */

static void list_append(struct hold *h, struct list *l, enum order o, hold_id id)
{
	h->cells[id].held.link[o].prev = l->last;
	h->cells[id].held.link[o].next = HOLD_NONE;
	if (l->last)
		h->cells[l->last].held.link[o].next = id;
	else
		l->first = id;
	l->last = id;
}

static void list_remove(struct hold *h, struct list *l, enum order o, hold_id id)
{
	hold_id prev = h->cells[id].held.link[o].prev, next = h->cells[id].held.link[o].next;

	if (prev)
		h->cells[prev].held.link[o].next = next;
	else
		l->first = next;
	if (next)
		h->cells[next].held.link[o].prev = prev;
	else
		l->last = prev;
}

static hold_id list_next(const struct hold *h, enum order o, hold_id id)
{
	return h->cells[id].held.link[o].next;
}

/* ---- counters: one writer, and readers want no order ---- */

static uint64_t counter(const _Atomic uint64_t *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

static void counter_set(_Atomic uint64_t *c, uint64_t v)
{
	atomic_store_explicit(c, v, memory_order_relaxed);
}

static void counter_add(_Atomic uint64_t *c, uint64_t n)
{
	counter_set(c, counter(c) + n);
}

/* 0 stands for nothing, so that what is held since the beginning of time is since a bit later. */
static uint64_t since(const struct hold *h, const struct list *l)
{
	if (!l->first)
		return 0;
	return h->cells[l->first].held.at ? h->cells[l->first].held.at : 1;
}

static void counters_hold(const struct hold *h, struct hold_counters *c, const struct list *l,
			  int packets, int64_t bytes)
{
	counter_add(&c->packets, (uint64_t)(int64_t)packets);
	counter_add(&c->bytes, (uint64_t)bytes);
	counter_set(&c->since, since(h, l));
}

static _Atomic uint64_t *counters_fate(struct hold_counters *c, enum hold_fate fate)
{
	switch (fate) {
	case HOLD_RELEASED:
		return &c->released;
	case HOLD_REPLACED:
		return &c->replaced;
	case HOLD_EXPIRED:
		return &c->expired;
	case HOLD_DROPPED:
		break;
	}
	return &c->dropped;
}

static void count_in(struct hold *h, unsigned slot)
{
	counter_add(&h->counters.in, 1);
	counter_add(&h->slots[slot].counters.in, 1);
}

static void count_fate(struct hold *h, unsigned slot, enum hold_fate fate)
{
	counter_add(counters_fate(&h->counters, fate), 1);
	counter_add(counters_fate(&h->slots[slot].counters, fate), 1);
}

const struct hold_counters *hold_counters(const struct hold *h)
{
	return &h->counters;
}

const struct hold_counters *hold_counters_of(const struct hold *h, unsigned slot)
{
	return &h->slots[slot].counters;
}

/* ---- flows and hosts ---- */

static struct tuple host_tuple(const struct tuple *t)
{
	return (struct tuple){ .dst = t->dst };
}

static uint32_t *bucket_of(const struct hold *h, const struct tuple *t)
{
	return &h->buckets[flow_hash(t) & h->mask];
}

static uint32_t record_find(const struct hold *h, const struct tuple *t, bool is_host,
			    unsigned slot)
{
	uint32_t id = *bucket_of(h, t);

	for (; id; id = h->records[id].next) {
		const struct record *r = &h->records[id];

		if (r->is_host == is_host && (!is_host || r->slot == slot) && flow_eq(&r->tuple, t))
			return id;
	}
	return 0;
}

static uint32_t record_new(struct hold *h, const struct tuple *t, bool is_host, unsigned slot)
{
	uint32_t id = record_take(h), *bucket = bucket_of(h, t);

	if (!id)
		return 0;
	h->records[id].tuple = *t;
	h->records[id].is_host = is_host;
	h->records[id].slot = (uint16_t)slot;
	h->records[id].next = *bucket;
	*bucket = id;
	return id;
}

static void record_remove(struct hold *h, uint32_t id)
{
	uint32_t *at = bucket_of(h, &h->records[id].tuple);

	while (*at != id)
		at = &h->records[*at].next;
	*at = h->records[id].next;
	h->records[id].next = h->record_pool.free;
	h->record_pool.free = id;
	h->record_pool.unused++;
}

static void host_leave(struct hold *h, struct record *flow)
{
	uint32_t host = flow->host;

	flow->host = 0;
	if (host && --h->records[host].n == 0)
		record_remove(h, host);
}

/* Without room for a host each of its flows asks for itself. */
static void host_join(struct hold *h, struct record *flow)
{
	struct tuple t = host_tuple(&flow->tuple);
	uint32_t host;

	if (flow->granularity != GRANULARITY_HOST)
		return;
	host = record_find(h, &t, true, flow->slot);
	if (!host)
		host = record_new(h, &t, true, flow->slot);
	flow->host = host;
	if (host)
		h->records[host].n++;
}

static uint32_t flow_of(const struct hold *h, const struct tuple *t)
{
	return record_find(h, t, false, 0);
}

bool hold_has_flow(const struct hold *h, const struct tuple *t)
{
	return flow_of(h, t) != 0;
}

/* ---- a packet's place ---- */

static void slot_enter(struct hold *h, hold_id id, unsigned slot)
{
	struct held_slot *s = &h->slots[slot];

	h->cells[id].held.slot = (uint16_t)slot;
	list_append(h, &s->packets, ORDER_SLOT, id);
	if (!s->ask)
		s->ask = id;
	h->occupied[slot / 64] |= (uint64_t)1 << slot % 64;
	counters_hold(h, &s->counters, &s->packets, 1, h->cells[id].held.len);
}

static void slot_leave(struct hold *h, hold_id id)
{
	const struct held *p = &h->cells[id].held;
	struct held_slot *s = &h->slots[p->slot];

	if (s->ask == id)
		s->ask = list_next(h, ORDER_SLOT, id);
	list_remove(h, &s->packets, ORDER_SLOT, id);
	if (!s->packets.first)
		h->occupied[p->slot / 64] &= ~((uint64_t)1 << p->slot % 64);
	counters_hold(h, &s->counters, &s->packets, -1, -(int64_t)p->len);
}

void hold_leave(struct hold *h, hold_id id, enum hold_fate fate)
{
	const struct held *p = &h->cells[id].held;
	struct record *flow = &h->records[p->flow];

	if (h->review == id)
		h->review = list_next(h, ORDER_ALL, id);
	list_remove(h, &h->all, ORDER_ALL, id);
	list_remove(h, &flow->packets, ORDER_FLOW, id);
	counters_hold(h, &h->counters, &h->all, -1, -(int64_t)p->len);
	slot_leave(h, id);
	count_fate(h, p->slot, fate);
	if (--flow->n == 0) {
		host_leave(h, flow);
		record_remove(h, p->flow);
	}
	hold_chain_fit(h, id, 0);
	hold_cell_give(h, id);
}

static void hold_drop(struct hold *h, hold_id id, enum drop why, struct drops *drops)
{
	drop_count(drops, why);
	hold_leave(h, id, HOLD_DROPPED);
}

void hold_drop_flow(struct hold *h, hold_id id, enum drop why, struct drops *drops)
{
	uint32_t flow = h->cells[id].held.flow;

	for (uint32_t n = h->records[flow].n; n; n--)
		hold_drop(h, h->records[flow].packets.first, why, drops);
}

/* Drops the oldest, but not `spare`, until there is room. */
static void hold_make_room(struct hold *h, uint32_t cells, hold_id spare, struct drops *drops)
{
	while (h->cell_pool.unused < cells || h->record_pool.unused < 2) {
		hold_id oldest = h->all.first;

		if (oldest == spare)
			oldest = list_next(h, ORDER_ALL, oldest);
		hold_drop(h, oldest, DROP_HOLD_FULL, drops);
	}
}

/*
 * As the newest to the slot where its flow belongs. What moves is counted there as if it had come
 * in there.
 */
static void packet_move(struct hold *h, hold_id id)
{
	const struct held *p = &h->cells[id].held;
	unsigned from = p->slot, to = h->records[p->flow].slot;

	slot_leave(h, id);
	slot_enter(h, id, to);
	counter_add(&h->slots[from].counters.in, (uint64_t)-1);
	counter_add(&h->slots[to].counters.in, 1);
}

/* The flow's packets that are in its former slot stay there until they are moved. */
static void flow_assign(struct hold *h, struct record *flow, const struct flow_decision *d,
			uint64_t number)
{
	bool same = flow->slot == d->slot && flow->granularity == d->granularity;

	flow->number = number;
	if (same && flow->n)
		return;
	host_leave(h, flow);
	flow->asked = 0;
	flow->slot = d->slot;
	flow->granularity = (uint8_t)d->granularity;
	host_join(h, flow);
}

/* All that is held of it to one place, before something newer comes there. */
static void flow_gather(struct hold *h, const struct record *flow)
{
	for (hold_id id = flow->packets.first; id; id = list_next(h, ORDER_FLOW, id))
		packet_move(h, id);
}

/* ---- what comes again ---- */

static uint64_t datagram_hash(struct slice s)
{
	uint64_t h = s.n, word = 0;
	size_t i = 0;

	for (; s.n - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, s.p + i, sizeof(word));
		h = (h ^ word) * 0x9e3779b97f4a7c15U;
		h ^= h >> 32;
	}
	for (; i < s.n; i++)
		h = (h ^ s.p[i]) * 0x9e3779b97f4a7c15U;
	return h;
}

/* What a fragment holds is a part of something. */
static struct mark mark_of(struct slice ip)
{
	struct mark m = { LIKE_NONE, 0, 0 };
	struct packet_layout l;
	struct slice upper;

	if (packet_parse(ip, &l) != 0 || l.fragment)
		return m;
	m.upper = l.upper;
	upper = slice(ip.p + l.upper, ip.n - l.upper);
	if (l.proto == PACKET_UDP) {
		m.likeness = LIKE_DATAGRAM;
		m.value = datagram_hash(upper);
	} else if (l.proto == PACKET_TCP && upper.n >= PACKET_TCP_HEADER) {
		uint8_t flags = upper.p[13];

		if (flags & PACKET_TCP_RST)
			m.likeness = LIKE_RST;
		else if (flags & PACKET_TCP_SYN)
			m.likeness = LIKE_SYN;
		m.value = (uint64_t)(flags & PACKET_TCP_ACK) << 32 | get_be32(upper.p + 4);
	}
	return m;
}

static hold_id twin_find(const struct hold *h, uint32_t flow, const struct mark *m, struct slice ip)
{
	hold_id id = h->records[flow].packets.first;

	for (; id; id = list_next(h, ORDER_FLOW, id)) {
		const struct held *p = &h->cells[id].held;

		if (p->likeness != m->likeness || p->mark != m->value)
			continue;
		if (m->likeness == LIKE_SYN ||
		    (m->likeness == LIKE_DATAGRAM &&
		     hold_chain_equal(h, id, p->upper, slice(ip.p + m->upper, ip.n - m->upper))))
			return id;
	}
	return HOLD_NONE;
}

/* The newest bytes in the oldest one's place. */
static void twin_write(struct hold *h, hold_id id, const struct mark *m, struct slice ip,
		       struct drops *drops)
{
	struct held *p = &h->cells[id].held;
	int64_t more = (int64_t)ip.n - p->len;
	struct held_slot *s = &h->slots[p->slot];

	if (hold_cells_for((uint32_t)ip.n) > hold_cells_for(p->len))
		hold_make_room(h, hold_cells_for((uint32_t)ip.n) - hold_cells_for(p->len), id,
			       drops);
	hold_chain_write(h, id, ip);
	p->upper = m->upper;
	counters_hold(h, &h->counters, &h->all, 0, more);
	counters_hold(h, &s->counters, &s->packets, 0, more);
}

/* ---- in ---- */

bool hold_reviewed(const struct hold *h, uint64_t number)
{
	return (h->number == number && !h->review) || !h->all.first;
}

static hold_id hold_append(struct hold *h, vtime now, uint32_t flow, const struct mark *m,
			   struct slice ip)
{
	struct record *r = &h->records[flow];
	hold_id id = hold_cell_take(h);
	struct held *p = &h->cells[id].held;

	*p = (struct held){
		.at = now,
		.mark = m->value,
		.flow = flow,
		.upper = m->upper,
		.likeness = (uint8_t)m->likeness,
	};
	hold_chain_write(h, id, ip);
	list_append(h, &h->all, ORDER_ALL, id);
	list_append(h, &r->packets, ORDER_FLOW, id);
	r->n++;
	counters_hold(h, &h->counters, &h->all, 1, (int64_t)ip.n);
	slot_enter(h, id, r->slot);
	return id;
}

/* A packet without a twin. */
static hold_id hold_new_packet(struct hold *h, vtime now, const struct hold_packet *p,
			       const struct mark *m, struct drops *drops)
{
	uint32_t flow;

	hold_make_room(h, hold_cells_for((uint32_t)p->ip.n), HOLD_NONE, drops);
	flow = flow_of(h, p->tuple);
	if (!flow) {
		flow = record_new(h, p->tuple, false, p->decision->slot);
		flow_assign(h, &h->records[flow], p->decision, p->number);
	}
	return hold_append(h, now, flow, m, p->ip);
}

hold_id hold_put(struct hold *h, vtime now, const struct hold_packet *p, struct drops *drops)
{
	unsigned slot = p->decision->slot;
	struct mark m = mark_of(p->ip);
	uint32_t flow = flow_of(h, p->tuple);
	hold_id twin = HOLD_NONE;

	count_in(h, slot);
	if (!h->all.first)
		h->number = p->number;
	if (hold_cells_for((uint32_t)p->ip.n) >= h->cell_pool.end) {
		count_fate(h, slot, HOLD_DROPPED);
		drop_count(drops, DROP_HOLD_FULL);
		return HOLD_NONE;
	}
	if (flow && !hold_reviewed(h, p->number)) {
		flow_assign(h, &h->records[flow], p->decision, p->number);
		flow_gather(h, &h->records[flow]);
	}
	if (flow)
		twin = twin_find(h, flow, &m, p->ip);
	if (twin) {
		count_fate(h, slot, HOLD_REPLACED);
		if (m.likeness == LIKE_SYN)
			twin_write(h, twin, &m, p->ip, drops);
		return twin;
	}
	if (flow && m.likeness == LIKE_RST)
		hold_drop_flow(h, h->records[flow].packets.first, DROP_HOLD_RESET, drops);
	else if (flow && h->records[flow].n == HOLD_FLOW_MAX)
		hold_drop(h, h->records[flow].packets.first, DROP_HOLD_FLOW_FULL, drops);
	return hold_new_packet(h, now, p, &m, drops);
}

/* ---- questions ---- */

hold_id hold_oldest(const struct hold *h)
{
	return h->all.first;
}

hold_id hold_slot_next(const struct hold *h, hold_id id)
{
	return list_next(h, ORDER_SLOT, id);
}

hold_id hold_slot_oldest(const struct hold *h, unsigned slot)
{
	return h->slots[slot].packets.first;
}

hold_id hold_flow_newest(const struct hold *h, hold_id id)
{
	return h->records[h->cells[id].held.flow].packets.last;
}

unsigned hold_next_slot(const struct hold *h, unsigned slot)
{
	for (; slot < CLASSIFIER_SLOTS; slot = (slot / 64 + 1) * 64) {
		uint64_t rest = h->occupied[slot / 64] >> slot % 64;

		if (rest)
			return slot + (unsigned)__builtin_ctzll(rest);
	}
	return CLASSIFIER_SLOTS;
}

vtime hold_deadline(const struct hold *h)
{
	return h->all.first ? vtime_add(h->cells[h->all.first].held.at, h->age) : VTIME_NEVER;
}

uint32_t hold_length(const struct hold *h, hold_id id)
{
	return h->cells[id].held.len;
}

const struct tuple *hold_tuple(const struct hold *h, hold_id id)
{
	return &h->records[h->cells[id].held.flow].tuple;
}

/*
 * ---- review ----
 *
 * From the oldest on, each packet moves to the end of its slot, even if it was in that slot before:
 * when all have, every slot has its packets in the order they came, wherever they were.
 */

hold_id hold_review(struct hold *h, uint64_t number, unsigned *budget)
{
	if (h->number != number) {
		h->number = number;
		h->review = h->all.first;
	}
	while (h->review && *budget) {
		hold_id id = h->review;

		if (h->records[h->cells[id].held.flow].number != number)
			return id;
		packet_move(h, id);
		h->review = list_next(h, ORDER_ALL, id);
		--*budget;
	}
	return HOLD_NONE;
}

void hold_assign(struct hold *h, hold_id id, const struct flow_decision *d, uint64_t number)
{
	flow_assign(h, &h->records[h->cells[id].held.flow], d, number);
}

/* ---- asking ---- */

/* Where it is noted that the packet's slot, host or flow has been asked for. */
static uint32_t *asked_of(const struct hold *h, hold_id id)
{
	struct record *flow = &h->records[h->cells[id].held.flow];

	if (flow->granularity == GRANULARITY_RULE)
		return NULL;
	return flow->host ? &h->records[flow->host].asked : &flow->asked;
}

bool hold_is_asked(const struct hold *h, hold_id id, uint32_t stamp)
{
	const uint32_t *asked = asked_of(h, id);

	return (asked ? *asked : h->slots[h->cells[id].held.slot].asked) == stamp;
}

void hold_asked(struct hold *h, hold_id id, uint32_t stamp)
{
	uint32_t *asked = asked_of(h, id);

	*(asked ? asked : &h->slots[h->cells[id].held.slot].asked) = stamp;
}

hold_id hold_unasked(struct hold *h, unsigned slot, uint32_t stamp, unsigned *budget)
{
	struct held_slot *s = &h->slots[slot];

	if (s->ask_stamp != stamp) {
		s->ask_stamp = stamp;
		s->ask = s->packets.first;
	}
	while (s->ask && *budget) {
		if (!hold_is_asked(h, s->ask, stamp))
			return s->ask;
		s->ask = list_next(h, ORDER_SLOT, s->ask);
		--*budget;
	}
	return HOLD_NONE;
}
