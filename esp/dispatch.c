/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "base/mem.h"
#include "esp/early.h"
#include "esp/lane.h"
#include "esp/outer.h"

/* Half of it is one SA's: more than three times what comes at a time where arrivals are large. */
#define LANE_BYTES (4U << 20)
/* All packets with SPIs that nobody knows share the room of one SA. */
#define BUCKET_UNKNOWN 0

/* Both have a turn of their own. */
struct dispatch_turn {
	enum dispatch_select select;
	unsigned next; /* ROUND_ROBIN */
};

struct dispatch {
	struct classifier *classifier;
	struct early *early; /* NULL: nothing waits for its SA */
	unsigned workers;
	struct dispatch_turn of_packets; /* the classifying thread's */
	struct dispatch_turn of_sas; /* control's */
	_Atomic uint32_t sas[DISPATCH_WORKERS_MAX]; /* written by control */
	struct lane *lanes[DISPATCH_WORKERS_MAX];
	struct drops drops;
};

struct dispatch *dispatch_new(struct classifier *c, unsigned workers, enum dispatch_select select)
{
	struct dispatch *d = xcalloc(1, sizeof(*d));

	if (workers == 0 || workers > DISPATCH_WORKERS_MAX)
		abort();
	d->classifier = c;
	d->workers = workers;
	d->of_packets.select = select;
	d->of_sas.select = select;
	for (unsigned i = 0; i < workers; i++)
		d->lanes[i] = lane_new(LANE_BYTES);
	return d;
}

void dispatch_free(struct dispatch *d)
{
	if (!d)
		return;
	for (unsigned i = 0; i < d->workers; i++)
		lane_free(d->lanes[i]);
	free(d);
}

void dispatch_set_early(struct dispatch *d, struct early *e)
{
	d->early = e;
	if (e)
		e->workers = true;
}

const struct drops *dispatch_drops(const struct dispatch *d)
{
	return &d->drops;
}

/* ---- the selection rule ---- */

/* Relaxed: a number alone. */
static uint32_t dispatch_sas(const struct dispatch *d, unsigned worker)
{
	return atomic_load_explicit(&d->sas[worker], memory_order_relaxed);
}

static bool dispatch_lighter(const struct dispatch *d, unsigned a, unsigned b)
{
	uint32_t waits_a = lane_waiting(d->lanes[a]), waits_b = lane_waiting(d->lanes[b]);

	return waits_a < waits_b || (waits_a == waits_b && dispatch_sas(d, a) < dispatch_sas(d, b));
}

static unsigned dispatch_choose(const struct dispatch *d, struct dispatch_turn *turn)
{
	unsigned best = 0;

	switch (turn->select) {
	case DISPATCH_ROUND_ROBIN:
		best = turn->next;
		turn->next = (turn->next + 1) % d->workers;
		break;
	case DISPATCH_LEAST_LOAD:
		for (unsigned i = 1; i < d->workers; i++)
			if (dispatch_lighter(d, i, best))
				best = i;
		break;
	}
	return best;
}

/* ---- the classifying thread ---- */

static void dispatch_drop(struct dispatch *d, struct pkt *p, enum drop why)
{
	drop_count(&d->drops, why);
	p->kind = PKT_GONE;
}

/* SPIs are random: any bits will do. */
static unsigned dispatch_bucket(uint32_t spi)
{
	return 1 + spi % (LANE_BUCKETS - 1);
}

static void dispatch_pass(struct dispatch *d, struct pkt *p, uint32_t spi, unsigned worker)
{
	unsigned bucket = dispatch_bucket(spi);

	if (worker == CLASSIFIER_NO_WORKER) {
		worker = dispatch_choose(d, &d->of_packets);
		bucket = BUCKET_UNKNOWN;
	}
	if (lane_put(d->lanes[worker], bucket, p))
		p->kind = PKT_PASSED;
	else
		dispatch_drop(d, p, DROP_WORKER_FULL);
}

/* Nothing overtakes what waits, even when its SA has come since it was looked for. */
static void dispatch_esp(struct dispatch *d, vtime now, struct pkt *p, uint32_t spi)
{
	bool early = early_waits(d->early) && early_has(d->early, spi);
	unsigned worker = classifier_worker(d->classifier, spi);

	if (!early && d->early && worker == CLASSIFIER_NO_WORKER)
		worker = classifier_await_worker(d->classifier, spi, &early);
	if (early)
		early_put(d->early, now, spi, p);
	else
		dispatch_pass(d, p, spi, worker);
}

void dispatch_run(struct dispatch *d, vtime now, struct batch *b)
{
	for (unsigned i = 0; i < b->n; i++) {
		struct pkt *p = &b->pkts[i];
		uint32_t spi;

		if (outer_is_esp(p, &d->drops, &spi))
			dispatch_esp(d, now, p, spi);
	}
}

bool dispatch_release(struct dispatch *d, vtime now, struct batch *b)
{
	bool more;

	if (!early_waits(d->early))
		return false;
	more = early_release(d->early, now, b);
	for (unsigned i = 0; i < b->n; i++) {
		uint32_t spi = get_be32(pkt_data(&b->pkts[i]));

		dispatch_pass(d, &b->pkts[i], spi, classifier_worker(d->classifier, spi));
	}
	return more;
}

uint32_t dispatch_flush(struct dispatch *d)
{
	uint32_t news = 0;

	for (unsigned i = 0; i < d->workers; i++)
		if (lane_flush(d->lanes[i]))
			news |= 1U << i;
	return news;
}

/* ---- a worker's thread ---- */

unsigned dispatch_take(struct dispatch *d, unsigned worker, struct batch *b)
{
	return lane_take(d->lanes[worker], b);
}

void dispatch_done(struct dispatch *d, unsigned worker)
{
	lane_done(d->lanes[worker]);
}

/* ---- control ---- */

static void dispatch_count(struct dispatch *d, unsigned worker, uint32_t n)
{
	/* Relaxed: one writer, and a number alone. */
	if (worker < d->workers)
		atomic_store_explicit(&d->sas[worker], dispatch_sas(d, worker) + n,
				      memory_order_relaxed);
}

unsigned dispatch_assign(struct dispatch *d, uint32_t spi)
{
	unsigned worker = classifier_set_worker(d->classifier, spi, dispatch_choose(d, &d->of_sas));

	dispatch_count(d, worker, 1);
	return worker;
}

void dispatch_forget(struct dispatch *d, uint32_t spi)
{
	dispatch_count(d, classifier_worker(d->classifier, spi), UINT32_MAX);
}
