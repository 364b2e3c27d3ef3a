/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Publication under traffic. One thread runs the outbound engine and one the inbound, with a ring
 * for a wire, or one classifies and several workers open; control goes on changing slots, SPIs, paths
 * and rules between them. No packet is lost by a publication, everything that is taken out is freed,
 * and ThreadSanitizer has nothing to say.
 *
 * GODWIT_PUBLICATIONS says how many there are.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/ring.h"
#include "base/secret.h"
#include "esp/early.h"
#include "tests/unit/esp_parts.h"

#define PUBLICATIONS 50000
#define SLOTS 4
#define BATCH 4
#define WIRE 16
#define OLD_MAX 64 /* epochs that wait for the threads; then control waits */
#define WORKERS 2
#define PASSED_MAX 256 /* packets that wait for workers; then the classifying thread waits */
#define PORT 1000 /* of slot 0's path; those of the others follow */

struct frame {
	uint32_t len;
	uint8_t bytes[256];
};

struct world {
	struct classifier *c;
	struct ring *wire; /* outbound to inbound */
	struct ring *gateway; /* control, as the gateway, to inbound */
	struct classifier_reader *reader_out, *reader_in;
	struct outbound *out;
	struct inbound *in; /* NULL: there are workers */
	struct dispatch *dispatch;
	struct worker {
		struct world *w;
		unsigned number;
		pthread_t thread;
		struct classifier_reader *reader;
		struct inbound *in;
		_Atomic uint64_t passed, opened; /* passed: by the classifying thread */
	} workers[WORKERS];
	_Atomic bool stop_out, stop_in, stop_workers;
	_Atomic uint32_t newest; /* SPI, told by control without any order */
	_Atomic uint64_t sealed, not_sealed; /* outbound's */
	_Atomic uint64_t arrived, arrived_gateway; /* and opened, or passed to a worker */
	_Atomic uint64_t not_opened;
	struct early *early; /* the classifying thread's, and these: */
	struct drops early_drops;
	uint64_t waited; /* packets that came before their SA */
};

static void add(_Atomic uint64_t *n, uint64_t m)
{
	atomic_fetch_add_explicit(n, m, memory_order_release);
}

static uint64_t count(_Atomic uint64_t *n)
{
	return atomic_load_explicit(n, memory_order_acquire);
}

static struct slice inner(uint8_t *buf, unsigned slot)
{
	static const char *const hosts[SLOTS] = { "10.2.0.9", "10.2.1.9", "10.2.2.9", "10.2.3.9" };

	return parts_udp4(buf, "10.1.0.1", hosts[slot], 53, 60);
}

/* ---- the outbound thread ---- */

static void put_frame(struct ring *r, const struct pkt *p)
{
	struct frame *f;

	while (!(f = ring_reserve(r)))
		sched_yield();
	f->len = p->len;
	memcpy(f->bytes, pkt_data(p), p->len);
	ring_commit(r);
}

/* Its path is read as late as sendmsg would read it. */
static void send_frames(struct world *w, const struct batch *b)
{
	for (unsigned i = 0; i < b->n; i++) {
		const struct pkt *p = &b->pkts[i];

		if (p->kind == PKT_SEALED)
			put_frame(w->wire, p);
		if (p->kind == PKT_SEALED && p->path->remote.port == PORT + i % SLOTS)
			add(&w->sealed, 1);
		else
			add(&w->not_sealed, 1);
	}
}

static void *run_outbound(void *arg)
{
	struct parts_batch *store = xcalloc(1, sizeof(*store));
	struct parts_batch *reply_store = xcalloc(1, sizeof(*reply_store));
	struct batch *b = parts_batch(store), *replies = parts_batch(reply_store);
	struct world *w = arg;
	struct slice packets[SLOTS];
	uint8_t bytes[SLOTS][60];
	struct data_event ev;

	for (unsigned i = 0; i < SLOTS; i++)
		packets[i] = inner(bytes[i], i);
	while (!atomic_load_explicit(&w->stop_out, memory_order_relaxed)) {
		classifier_pass(w->c, w->reader_out);
		batch_reset(b);
		batch_reset(replies);
		for (unsigned i = 0; i < BATCH; i++)
			parts_take(b, packets[i % SLOTS]);
		outbound_run(w->out, 0, b, replies);
		send_frames(w, b);
		while (outbound_output(w->out, &ev))
			add(&w->not_sealed, 1);
	}
	free(store);
	free(reply_store);
	return NULL;
}

/* ---- the inbound thread ---- */

/* At most BATCH frames of one ring into the batch. */
static unsigned take_frames(struct ring *r, struct batch *b)
{
	const struct frame *f;
	unsigned n = 0;

	for (; n < BATCH && (f = ring_peek(r)); n++) {
		struct pkt *p = parts_take(b, slice(f->bytes, f->len));

		p->to.port = 4500;
		ring_release(r);
	}
	return n;
}

/* Nothing but the index orders what control wrote into an SA for who finds it by a guess. */
static void guess_spi(struct world *w)
{
	uint32_t spi = atomic_load_explicit(&w->newest, memory_order_relaxed);
	const struct esp_in *sa = classifier_find_spi(w->c, spi);

	if (sa && esp_in_config(sa)->epoch != spi)
		add(&w->not_opened, 1);
}

/* What waits for its SA is opened later. */
static void open_frames(struct world *w, struct inbound *in, struct batch *b, unsigned waiting)
{
	struct data_event ev;
	unsigned gone = 0;

	for (unsigned i = 0; i < b->n; i++)
		gone += b->pkts[i].kind != PKT_INNER;
	add(&w->not_opened, gone - waiting);
	while (inbound_output(in, &ev))
		add(&w->not_opened, ev.type == DATA_UNKNOWN_SPI);
}

/* Whose they are is known afterwards. Waits where workers have too much. */
static void pass_frames(struct world *w, struct batch *b, unsigned waiting)
{
	unsigned gone = 0;

	for (unsigned i = 0; i < b->n; i++) {
		unsigned to = classifier_worker(w->c, get_be32(pkt_data(&b->pkts[i])));

		if (b->pkts[i].kind == PKT_PASSED && to < WORKERS)
			add(&w->workers[to].passed, 1);
		else
			gone++;
	}
	add(&w->not_opened, gone - waiting);
	dispatch_flush(w->dispatch);
	for (unsigned i = 0; i < WORKERS; i++)
		while (count(&w->workers[i].passed) > count(&w->workers[i].opened) + PASSED_MAX)
			sched_yield();
}

/* The gateway's packets that came before their SAs. */
static void release(struct world *w, struct batch *b)
{
	batch_reset(b);
	if (w->dispatch) {
		dispatch_release(w->dispatch, 0, b);
		pass_frames(w, b, 0);
	} else {
		inbound_release(w->in, 0, b);
		open_frames(w, w->in, b, 0);
	}
	add(&w->arrived_gateway, b->n);
}

/* How many have to wait for their SA. */
static unsigned take_batch(struct world *w, struct batch *b)
{
	unsigned before = w->early->waiting, waiting;

	if (w->dispatch)
		dispatch_run(w->dispatch, 0, b);
	else
		inbound_run(w->in, 0, b);
	waiting = w->early->waiting - before;
	w->waited += waiting;
	if (w->dispatch)
		pass_frames(w, b, waiting);
	else
		open_frames(w, w->in, b, waiting);
	return waiting;
}

static void *run_inbound(void *arg)
{
	struct parts_batch *store = xcalloc(1, sizeof(*store));
	struct batch *b = parts_batch(store);
	struct world *w = arg;
	bool last = false;

	for (;;) {
		unsigned ours, theirs;

		/* Asked before the rings are looked at: what was put before it is still found. */
		last = atomic_load_explicit(&w->stop_in, memory_order_acquire);
		classifier_pass(w->c, w->reader_in);
		guess_spi(w);
		release(w, b);
		batch_reset(b);
		theirs = take_frames(w->gateway, b);
		ours = take_frames(w->wire, b);
		theirs -= take_batch(w, b);
		add(&w->arrived, ours);
		add(&w->arrived_gateway, theirs);
		if (b->n == 0 && last && !early_waits(w->early))
			break;
		if (b->n == 0)
			sched_yield();
	}
	free(store);
	return NULL;
}

static void *run_worker(void *arg)
{
	struct batch *b = xcalloc(1, sizeof(*b));
	struct worker *k = arg;
	struct world *w = k->w;
	bool last = false;

	for (;;) {
		last = atomic_load_explicit(&w->stop_workers, memory_order_acquire);
		classifier_pass(w->c, k->reader);
		if (dispatch_take(w->dispatch, k->number, b)) {
			inbound_run(k->in, 0, b);
			open_frames(w, k->in, b, 0);
		} else if (last) {
			break;
		} else {
			sched_yield();
		}
		dispatch_done(w->dispatch, k->number);
		add(&k->opened, b->n);
	}
	free(b);
	return NULL;
}

/* ---- control ---- */

struct epoch {
	uint32_t spi; /* 0: there is none */
	struct esp_out *out;
	struct esp_in *in;
	/* An old one: what must have happened before its inbound SA can go. */
	uint64_t retired; /* number of its outbound SA among all that was retired */
	bool marked; /* the outbound SA is freed, so that nothing is sealed with it any more */
	uint64_t sealed, injected; /* what had been sent by then */
	bool passed; /* all that has arrived, so that only workers can have something of it */
	uint64_t of_worker[WORKERS]; /* what each had been given by then */
};

struct control {
	struct world *w;
	struct epoch current[SLOTS], next[SLOTS];
	struct epoch old[OLD_MAX];
	unsigned old_first, nold;
	uint32_t spis;
	uint64_t publications, retired, injected, opened; /* opened: by the SAs' own counters */
	uint32_t dice;
	uint32_t moves;
	struct policy policy;
};

static unsigned roll(struct control *k, unsigned sides)
{
	k->dice = k->dice * 1664525U + 1013904223U;
	return (k->dice >> 16) % sides;
}

static struct esp_sa_config sa_config(const struct control *k, unsigned slot, uint32_t spi)
{
	static const char *const nets[SLOTS] = { "10.2.0.0/24", "10.2.1.0/24", "10.2.2.0/24",
						 "10.2.3.0/24" };
	struct esp_sa_config config = parts_config(k->spis % 8 ? &suite_gcm : &suite_cbc, spi);

	config.ts = parts_pair("10.1.0.0/16", nets[slot]);
	config.slot = slot;
	config.epoch = spi;
	config.path.remote.port = (uint16_t)(PORT + slot);
	config.first_sequence = 2; /* the gateway's has 1 */
	return config;
}

/* The gateway sends the first packet of an epoch, which proves it. */
static void epoch_inject(struct control *k, unsigned slot, const struct epoch *e)
{
	struct esp_sa_config config = sa_config(k, slot, e->spi);
	uint8_t arena[256], bytes[60];
	struct esp_out *twin;
	struct batch b;
	struct pkt *p;

	config.first_sequence = 1;
	twin = parts_out(config);
	batch_init(&b, arena, sizeof(arena));
	p = parts_take(&b, inner(bytes, slot));
	assert_int_equal(esp_seal(twin, p, 4), 0);
	put_frame(k->w->gateway, p);
	k->injected++;
	esp_out_free(twin);
}

/* early: the gateway's first packet is under way before the SA is there. */
static void epoch_new(struct control *k, unsigned slot, struct epoch *e, bool early)
{
	uint32_t spi = 0x1000 + ++k->spis * 8;
	struct esp_sa_config out = sa_config(k, slot, spi), in = out;

	/* The other end of its own wire. */
	in.ts = (struct ts_pair){ .local = out.ts.remote, .remote = out.ts.local };
	in.path.remote = (struct endpoint){ 0 };
	*e = (struct epoch){ .spi = spi, .out = parts_out(out), .in = parts_in(in) };
	atomic_store_explicit(&k->w->newest, spi, memory_order_relaxed);
	if (early) {
		classifier_offer_spi(k->w->c, spi);
		epoch_inject(k, slot, e);
	}
	if (early && roll(k, 2))
		sched_yield();
	assert_int_equal(classifier_add_spi(k->w->c, e->in), 0);
	if (k->w->dispatch)
		dispatch_assign(k->w->dispatch, spi);
	if (early)
		classifier_withdraw_spi(k->w->c, spi);
	k->publications++;
}

/* No slot has it any more. What was sealed with it is still on the wire. */
static void epoch_retire(struct control *k, struct epoch *e)
{
	struct epoch *old = &k->old[(k->old_first + k->nold++) % OLD_MAX];

	assert_true(k->nold <= OLD_MAX);
	*old = *e;
	*e = (struct epoch){ 0 };
	old->retired = ++k->retired;
	old->out = NULL;
	old->injected = k->injected;
}

static void flip(struct control *k, unsigned slot, struct epoch *to)
{
	struct esp_out *before = k->current[slot].out;

	classifier_set_current(k->w->c, slot, to->out);
	k->publications++;
	if (before) {
		classifier_retire_out(k->w->c, before);
		epoch_retire(k, &k->current[slot]);
	}
	k->current[slot] = *to;
	*to = (struct epoch){ 0 };
}

static void offer(struct control *k, unsigned slot)
{
	struct epoch e, before = k->next[slot];
	bool early = roll(k, 2);

	epoch_new(k, slot, &e, early);
	classifier_set_next(k->w->c, slot, e.out);
	k->publications++;
	if (before.spi) {
		classifier_retire_out(k->w->c, before.out);
		epoch_retire(k, &before);
	}
	k->next[slot] = e;
	if (!early)
		epoch_inject(k, slot, &e);
}

static void publish_rules(struct control *k)
{
	static const char *const nets[SLOTS] = { "10.2.0.0/24", "10.2.1.0/24", "10.2.2.0/24",
						 "10.2.3.0/24" };
	struct policy *p = &k->policy;

	for (unsigned i = 0; p->n < SLOTS; i++)
		policy_add(p, &(struct policy_rule){ parts_pair("10.1.0.0/16", nets[i]),
						     POLICY_PROTECT, i, GRANULARITY_RULE });
	classifier_retire_rules(k->w->c, classifier_publish_rules(k->w->c, p));
	k->retired++;
	k->publications++;
}

/* True when the inbound SA of an old epoch can go, too: nothing on its way is left of it. */
static bool old_is_over(struct control *k, struct epoch *e, uint64_t freed)
{
	if (freed < e->retired)
		return false;
	if (!e->marked) {
		e->sealed = count(&k->w->sealed) + count(&k->w->not_sealed);
		e->marked = true;
	}
	if (count(&k->w->arrived) < e->sealed || count(&k->w->arrived_gateway) < e->injected)
		return false;
	for (unsigned i = 0; i < WORKERS && !e->passed; i++)
		e->of_worker[i] = count(&k->w->workers[i].passed);
	e->passed = true;
	for (unsigned i = 0; i < WORKERS; i++)
		if (count(&k->w->workers[i].opened) < e->of_worker[i])
			return false;
	return true;
}

static void collect(struct control *k)
{
	uint64_t freed = k->retired - classifier_reclaim(k->w->c);

	while (k->nold) {
		struct epoch *e = &k->old[k->old_first];

		if (!old_is_over(k, e, freed))
			break;
		if (k->w->dispatch)
			dispatch_forget(k->w->dispatch, e->spi);
		classifier_remove_spi(k->w->c, e->spi);
		k->publications++;
		k->opened += atomic_load_explicit(&esp_in_counters(e->in)->packets,
						  memory_order_relaxed);
		classifier_retire_in(k->w->c, e->in);
		k->retired++;
		k->old_first = (k->old_first + 1) % OLD_MAX;
		k->nold--;
	}
}

/* The address has changed, and the slot's SA goes on. */
static void roam(struct control *k, unsigned slot)
{
	struct path path = { .remote.port = (uint16_t)(PORT + slot), .generation = ++k->moves };
	struct path *before = esp_out_move(k->current[slot].out, &path);

	classifier_retire_path(k->w->c, before);
	k->retired += before != NULL;
}

static void step(struct control *k)
{
	unsigned slot = roll(k, SLOTS);
	struct epoch e;

	if (roll(k, 4) == 0)
		roam(k, slot);
	if (roll(k, 16) == 0)
		publish_rules(k);
	if (k->next[slot].spi && classifier_next_proved(k->w->c, slot)) {
		flip(k, slot, &k->next[slot]);
	} else if (!k->next[slot].spi && roll(k, 2)) {
		epoch_new(k, slot, &e, false);
		flip(k, slot, &e);
	} else if (!k->next[slot].spi || roll(k, 8) == 0) {
		offer(k, slot);
	}
	collect(k);
	while (k->nold > OLD_MAX - 2 * SLOTS) {
		sched_yield();
		collect(k);
	}
}

static void begin(struct world *w, struct control *k, bool workers)
{
	struct epoch e;

	w->c = classifier_new();
	w->wire = ring_new(WIRE, sizeof(struct frame));
	w->gateway = ring_new(WIRE, sizeof(struct frame));
	w->out = outbound_new(w->c, &(struct outbound_config){ 0 });
	if (workers)
		w->dispatch = dispatch_new(w->c, WORKERS, DISPATCH_LEAST_LOAD);
	else
		w->in = inbound_new(w->c);
	w->early = early_new(w->c, &w->early_drops);
	if (workers)
		dispatch_set_early(w->dispatch, w->early);
	else
		inbound_set_early(w->in, w->early);
	k->policy.fallback = POLICY_DISCARD;
	publish_rules(k);
	for (unsigned i = 0; i < SLOTS; i++) {
		epoch_new(k, i, &e, false);
		flip(k, i, &e);
	}
	w->reader_out = classifier_reader_add(w->c);
	w->reader_in = classifier_reader_add(w->c);
	for (unsigned i = 0; workers && i < WORKERS; i++) {
		struct worker *worker = &w->workers[i];

		*worker = (struct worker){ .w = w, .number = i };
		worker->reader = classifier_reader_add(w->c);
		worker->in = inbound_new(w->c);
		inbound_set_worker(worker->in, i);
		assert_int_equal(pthread_create(&worker->thread, NULL, run_worker, worker), 0);
	}
}

static void nothing_was_dropped(const struct drops *d)
{
	for (unsigned i = 0; i < DROP_COUNT; i++)
		if (drop_read(d, (enum drop)i))
			fail_msg("%llu dropped: %s", (unsigned long long)drop_read(d, (enum drop)i),
				 drop_name((enum drop)i));
}

static void workers_end(struct world *w)
{
	atomic_store_explicit(&w->stop_workers, true, memory_order_release);
	for (unsigned i = 0; i < WORKERS; i++) {
		pthread_join(w->workers[i].thread, NULL);
		classifier_reader_remove(w->c, w->workers[i].reader);
		nothing_was_dropped(inbound_drops(w->workers[i].in));
		inbound_free(w->workers[i].in);
	}
	nothing_was_dropped(dispatch_drops(w->dispatch));
}

/* The threads have ended. */
static void end(struct world *w, struct control *k)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		classifier_set_current(w->c, i, NULL);
		classifier_retire_out(w->c, k->current[i].out);
		epoch_retire(k, &k->current[i]);
		if (k->next[i].spi) {
			classifier_retire_out(w->c, k->next[i].out);
			epoch_retire(k, &k->next[i]);
		}
	}
	collect(k);
	assert_int_equal(classifier_reclaim(w->c), 0);
	assert_int_equal(k->nold, 0);
	nothing_was_dropped(outbound_drops(w->out));
	if (w->in)
		nothing_was_dropped(inbound_drops(w->in));
	nothing_was_dropped(&w->early_drops);
	assert_int_equal(classifier_offers(w->c), 0);
	inbound_free(w->in);
	early_free(w->early);
	dispatch_free(w->dispatch);
	outbound_free(w->out);
	classifier_free(w->c);
	ring_free(w->wire);
	ring_free(w->gateway);
}

static uint64_t publications_wanted(void)
{
	const char *text = getenv("GODWIT_PUBLICATIONS");

	return text ? strtoull(text, NULL, 10) : PUBLICATIONS;
}

static void publish_under_traffic(bool workers)
{
	struct world *w = xcalloc(1, sizeof(*w));
	struct control *k = xcalloc(1, sizeof(*k));
	size_t secrets = secret_pool_used();
	uint64_t wanted = publications_wanted();
	pthread_t out, in;

	k->w = w;
	begin(w, k, workers);
	assert_int_equal(pthread_create(&in, NULL, run_inbound, w), 0);
	assert_int_equal(pthread_create(&out, NULL, run_outbound, w), 0);
	while (k->publications < wanted && count(&w->not_opened) + count(&w->not_sealed) == 0)
		step(k);
	atomic_store_explicit(&w->stop_out, true, memory_order_relaxed);
	pthread_join(out, NULL);
	classifier_reader_remove(w->c, w->reader_out);
	atomic_store_explicit(&w->stop_in, true, memory_order_release);
	pthread_join(in, NULL);
	classifier_reader_remove(w->c, w->reader_in);
	if (workers)
		workers_end(w);
	print_message("%llu publications of %u epochs under %llu packets; %llu waited\n",
		      (unsigned long long)k->publications, k->spis,
		      (unsigned long long)count(&w->sealed), (unsigned long long)w->waited);
	assert_int_equal(count(&w->not_sealed), 0);
	assert_int_equal(count(&w->not_opened), 0);
	assert_true(count(&w->sealed) > 0);
	assert_int_equal(count(&w->sealed), count(&w->arrived));
	assert_int_equal(count(&w->arrived_gateway), k->injected);
	end(w, k);
	assert_int_equal(k->opened, count(&w->sealed) + k->injected);
	assert_int_equal(secret_pool_used(), secrets);
	free(w);
	free(k);
}

static void no_packet_is_lost_by_a_publication(void **state)
{
	publish_under_traffic(false);
}

static void nor_with_several_workers(void **state)
{
	publish_under_traffic(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_packet_is_lost_by_a_publication),
		cmocka_unit_test(nor_with_several_workers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
