/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slots under traffic that change hands. Control takes SAs away, gives the slots to other rules and
 * puts new SAs into them, without waiting for anybody; the outbound thread holds, reviews and
 * releases. No SA ever carries another rule's packet, what is held leaves in order, and the counters
 * add up.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/unit/esp_parts.h"

#define ROUNDS 20000
#define MORE 10000 /* naps of 0.1 ms at most until the outbound thread had its turns, too */
#define NETS 4
#define BASE 0x10000 /* SPIs above: BASE + NETS * n + net */

/* The length of an inner packet tells its net, whatever carries it. */
#define LENGTH(net) (60 + 16 * (net))

struct world {
	struct classifier *c;
	struct classifier_reader *reader;
	struct outbound *o;
	_Atomic bool stop;
	_Atomic uint64_t sealed[NETS], released, wrong;
};

static const char *const hosts[NETS] = { "10.2.0.9", "10.2.1.9", "10.2.2.9", "10.2.3.9" };
static const char *const nets[NETS] = { "10.2.0.0/24", "10.2.1.0/24", "10.2.2.0/24",
					"10.2.3.0/24" };

static void add(_Atomic uint64_t *n)
{
	atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

/* Of the net that its SA is for, in the SA's own order. */
static void look_at(struct world *w, const struct batch *b)
{
	for (unsigned i = 0; i < b->n; i++) {
		const struct pkt *p = &b->pkts[i];
		unsigned net;

		if (p->kind != PKT_SEALED)
			continue;
		net = (get_be32(pkt_data(p)) - BASE) % NETS;
		add(&w->sealed[net]);
		if (p->path->remote.port != net || p->len != LENGTH(net) + 8U + 8 + 4 + 16)
			add(&w->wrong);
	}
}

static void tx_turn(struct world *w, struct batch *b, struct batch *replies, uint32_t *number)
{
	struct data_event ev;
	uint8_t buf[LENGTH(NETS)];
	bool more;

	do {
		classifier_pass(w->c, w->reader);
		batch_reset(b);
		batch_reset(replies);
		more = outbound_release(w->o, VTIME_S, b, replies);
		look_at(w, b);
	} while (more);
	classifier_pass(w->c, w->reader);
	batch_reset(b);
	batch_reset(replies);
	for (unsigned i = 0; i < NETS; i++) {
		parts_udp4(buf, "10.1.0.1", hosts[i], (uint16_t)(*number % 64),
			   (uint16_t)LENGTH(i));
		put_be32(buf + 28, ++*number);
		parts_take(b, slice(buf, LENGTH(i)));
	}
	outbound_run(w->o, VTIME_S, b, replies);
	look_at(w, b);
	while (outbound_output(w->o, &ev))
		if (ev.type != DATA_NEED_SA && ev.type != DATA_UNHELD)
			add(&w->wrong);
}

static void *run_outbound(void *arg)
{
	struct parts_batch *store = xcalloc(2, sizeof(*store));
	struct world *w = arg;
	uint32_t number = 0;

	while (!atomic_load_explicit(&w->stop, memory_order_relaxed)) {
		tx_turn(w, parts_batch(&store[0]), parts_batch(&store[1]), &number);
		atomic_store_explicit(&w->released, outbound_held(w->o)->released,
				      memory_order_relaxed);
	}
	free(store);
	return NULL;
}

struct control {
	struct world *w;
	struct policy policy;
	struct esp_out *sas[NETS]; /* by slot */
	unsigned turn;
	uint32_t spis;
};

static void set_slot(struct control *k, unsigned slot, struct esp_out *sa)
{
	struct esp_out *before = k->sas[slot];

	classifier_set_current(k->w->c, slot, sa);
	k->sas[slot] = sa;
	classifier_retire_out(k->w->c, before);
}

static void give_sa(struct control *k, unsigned slot, unsigned net)
{
	struct esp_sa_config config = parts_config(&suite_gcm, BASE + NETS * ++k->spis + net);

	config.ts = parts_pair("0.0.0.0/0", "0.0.0.0/0");
	config.path.remote.port = (uint16_t)net;
	config.slot = slot;
	set_slot(k, slot, parts_out(config));
}

/* Each net has another slot now; nobody waits for the outbound thread to know of it. */
static void swap_slots(struct control *k)
{
	k->turn++;
	for (unsigned i = 0; i < NETS; i++)
		set_slot(k, i, NULL);
	k->policy.n = 0;
	for (unsigned i = 0; i < NETS; i++)
		policy_add(&k->policy, &(struct policy_rule){ parts_pair("10.1.0.0/16", nets[i]),
							      POLICY_PROTECT, (i + k->turn) % NETS,
							      GRANULARITY_RULE });
	classifier_retire_rules(k->w->c, classifier_publish_rules(k->w->c, &k->policy));
	for (unsigned i = 0; i < NETS; i++)
		give_sa(k, (i + k->turn) % NETS, i);
}

static void step(struct control *k, unsigned round)
{
	unsigned slot = round % NETS;

	switch (round % 5) {
	case 0:
		set_slot(k, slot, NULL);
		break;
	case 1:
		give_sa(k, slot, (slot + NETS - k->turn % NETS) % NETS);
		break;
	case 2:
		classifier_set_refused(k->w->c, slot, round % 2 ? 0 : 2 * VTIME_S);
		break;
	default:
		swap_slots(k);
		break;
	}
	classifier_reclaim(k->w->c);
}

/* A busy machine may let us do all our rounds before the outbound thread does its first. */
static bool seen_all(struct world *w)
{
	for (unsigned i = 0; i < NETS; i++)
		if (atomic_load_explicit(&w->sealed[i], memory_order_relaxed) == 0)
			return false;
	return atomic_load_explicit(&w->released, memory_order_relaxed) > 0;
}

static void slots_change_hands_under_traffic(void **state)
{
	struct outbound_config config = { 1 << 20, 1000 * VTIME_S };
	struct world *w = xcalloc(1, sizeof(*w));
	struct control *k = xcalloc(1, sizeof(*k));
	const struct hold_counters *c;
	pthread_t out;

	w->c = classifier_new();
	w->o = outbound_new(w->c, &config);
	w->reader = classifier_reader_add(w->c);
	k->w = w;
	k->policy.fallback = POLICY_DISCARD;
	swap_slots(k);
	assert_int_equal(pthread_create(&out, NULL, run_outbound, w), 0);
	for (unsigned i = 0; i < ROUNDS; i++)
		step(k, i);
	for (unsigned i = 0; i < MORE && !seen_all(w); i++) {
		usleep(100);
		step(k, i);
	}
	atomic_store_explicit(&w->stop, true, memory_order_relaxed);
	pthread_join(out, NULL);
	classifier_reader_remove(w->c, w->reader);
	c = outbound_held(w->o);
	assert_int_equal(w->wrong, 0);
	assert_int_equal(c->in, c->released + c->replaced + c->expired + c->dropped + c->packets);
	assert_true(seen_all(w));
	for (unsigned i = 0; i < NETS; i++)
		set_slot(k, i, NULL);
	assert_int_equal(classifier_reclaim(w->c), 0);
	outbound_free(w->o);
	classifier_free(w->c);
	free(w);
	free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slots_change_hands_under_traffic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
