/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "esp/ahead.h"

#include <string.h>

#include "base/mem.h"
#include "esp/sa.h"
#include "packet/packet.h"

/* Room for so many SAs, and a batch of so many packets, and it pays. */
#define INDEX_MIN 1024
#define BATCH_MIN 4
#define REST 31 /* batches */

void ahead_begin(struct ahead *a, const struct classifier *c, const struct batch *b)
{
	a->needed = b->n >= BATCH_MIN && classifier_index_size(c) >= INDEX_MIN && a->rest == 0;
	if (a->rest)
		a->rest--;
	if (!a->needed)
		return;
	memset(a->done, 0, sizeof(a->done));
	a->asked = 0;
}

void ahead_end(struct ahead *a, const struct batch *b)
{
	if (a->needed && a->asked < b->n / 4)
		a->rest = REST;
}

/* The next packet that is to pass this stage, `distance` before its turn or nearer; NULL: none. */
static struct ahead_packet *ahead_next(struct ahead *a, unsigned stage, unsigned end, unsigned *i)
{
	if (a->done[stage] >= end)
		return NULL;
	*i = a->done[stage]++;
	return &a->packets[*i % AHEAD];
}

static unsigned ahead_until(const struct batch *b, unsigned at, unsigned distance)
{
	return at + distance + 1 < b->n ? at + distance + 1 : b->n;
}

/* Traffic on a few SAs needs none of this. */
static void ahead_sa(struct ahead *a, struct ahead_packet *p, const void *sa, size_t hot_at)
{
	/* Multiplicative: SAs lie at equal distances, and would meet one another in a few places. */
	uint64_t hash = (uint64_t)(uintptr_t)sa * 0x9e3779b97f4a7c15U;
	const void **recent = &a->recent[(hash >> 32) % AHEAD_RECENT];

	p->sa = *recent == sa ? NULL : sa;
	if (!p->sa)
		return;
	*recent = sa;
	a->asked++;
	mem_ahead((const uint8_t *)sa + hot_at, ESP_HOT);
}

/* ---- inbound ---- */

static uint32_t spi_of(const struct pkt *p)
{
	struct rd r;

	rd_init(&r, pkt_slice(p));
	return rd_u32(&r);
}

static void inbound_sa(struct ahead *a, const struct classifier *c, struct ahead_packet *p)
{
	const struct esp_in *sa = classifier_peek_spi(c, p->key);

	p->sa = NULL;
	if (sa)
		ahead_sa(a, p, sa, ESP_IN_HOT_AT);
}

/* What was peeked at may be another one, whose window is another thread's. */
static void inbound_key(const struct ahead *a, const struct classifier *c,
			const struct ahead_packet *p)
{
	const struct esp_in *sa = p->sa;

	if (!sa || sa->config.spi != p->key)
		return;
	if (a->worker && atomic_load_explicit(&sa->worker, memory_order_relaxed) != a->worker)
		return;
	aead_ahead(sa->aead, p->n);
	mem_ahead(window_word(&sa->window, window_top(&sa->window) + 1), 1);
	classifier_ahead_slot(c, sa->config.slot);
}

void ahead_inbound(struct ahead *a, struct classifier *c, const struct batch *b, unsigned at)
{
	struct ahead_packet *p;
	unsigned i;

	if (!a->needed)
		return;
	while ((p = ahead_next(a, 0, ahead_until(b, at, AHEAD - 1), &i))) {
		p->key = spi_of(&b->pkts[i]);
		p->n = b->pkts[i].len;
		classifier_ahead_spi(c, p->key);
	}
	while ((p = ahead_next(a, 1, ahead_until(b, at, 16), &i)))
		inbound_sa(a, c, p);
	while ((p = ahead_next(a, 2, ahead_until(b, at, 7), &i)))
		inbound_key(a, c, p);
}

/* ---- outbound ---- */

static void outbound_flow(const struct flow_cache *f, struct ahead_packet *p, const struct pkt *pkt)
{
	p->n = pkt->len;
	if (packet_tuple_length(pkt_slice(pkt), &p->tuple, &p->length) != 0) {
		p->length = p->key = 0;
		return;
	}
	p->key = flow_hash(&p->tuple);
	flow_ahead_set(f, p->key);
}

static void outbound_slot(struct classifier *c, const struct flow_cache *f, struct ahead_packet *p)
{
	p->slot = p->length ? flow_ahead(f, p->key) : -1;
	if (p->slot >= 0)
		classifier_ahead_slot(c, (unsigned)p->slot);
}

static void outbound_sa(struct ahead *a, struct classifier *c, struct ahead_packet *p)
{
	p->sa = NULL;
	if (p->slot >= 0)
		ahead_sa(a, p, classifier_slot_sa(c, (unsigned)p->slot), 0);
}

void ahead_outbound(struct ahead *a, struct classifier *c, const struct flow_cache *f,
		    const struct batch *b, unsigned at)
{
	struct ahead_packet *p;
	unsigned i;

	if (!a->needed)
		return;
	while ((p = ahead_next(a, 0, ahead_until(b, at, AHEAD - 1), &i)))
		outbound_flow(f, p, &b->pkts[i]);
	while ((p = ahead_next(a, 1, ahead_until(b, at, 22), &i)))
		outbound_slot(c, f, p);
	while ((p = ahead_next(a, 2, ahead_until(b, at, 12), &i)))
		outbound_sa(a, c, p);
	while ((p = ahead_next(a, 3, ahead_until(b, at, 6), &i)))
		if (p->sa)
			aead_ahead(((const struct esp_out *)p->sa)->aead, p->n);
}

const struct ahead_packet *ahead_seen(const struct ahead *a, unsigned at)
{
	return a->needed ? &a->packets[at % AHEAD] : NULL;
}
