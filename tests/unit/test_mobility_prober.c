/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rng.h"
#include "mobility/prober.h"

#define P 1
#define N 2
#define N2 3

static const struct prober_config config = {
	.pingtime = 2 * VTIME_S,
	.pingtries = 5,
	.maxidle = 20 * VTIME_S,
	.pingtime2 = 3 * VTIME_S,
	.pingtries2 = 4,
};

static struct prober fresh(void)
{
	struct prober p;

	prober_init(&p, &config);
	return p;
}

/* What is ordered up to and including `until`; pings of `id` alone. */
struct orders {
	unsigned pings, unproved, silent;
	vtime last;
};

static struct orders run(struct prober *p, vtime until, uint32_t id)
{
	struct orders seen = { 0 };
	unsigned turns = 0;
	uint32_t of;

	while (prober_deadline(p) <= until) {
		vtime now = prober_deadline(p);
		enum prober_order order = prober_next(p, now, &of);

		assert_true(turns++ < 1000);
		assert_int_not_equal(order, PROBER_NONE);
		if (of != id)
			continue;
		seen.pings += order == PROBER_PING;
		seen.unproved += order == PROBER_UNPROVED;
		seen.silent += order == PROBER_SILENT;
		seen.last = now;
	}
	return seen;
}

/* ---- a new epoch ---- */

static void a_new_epoch_is_probed_at_once_and_given_up(void **state)
{
	struct prober p = fresh();
	struct orders seen;
	uint32_t id;

	assert_int_equal(prober_next(&p, 0, &id), PROBER_NONE);
	assert_true(prober_deadline(&p) == VTIME_NEVER);
	prober_begin(&p, VTIME_S, N);
	assert_int_equal(prober_next(&p, VTIME_S, &id), PROBER_PING);
	assert_int_equal(id, N);
	assert_int_equal(prober_next(&p, VTIME_S, &id), PROBER_NONE);
	assert_true(prober_deadline(&p) == 3 * VTIME_S);
	seen = run(&p, 13 * VTIME_S - 1, N);
	assert_int_equal(seen.pings, 5); /* and the first: pingtries + 1 */
	assert_int_equal(seen.unproved, 0);
	seen = run(&p, 13 * VTIME_S, N);
	assert_int_equal(seen.pings, 0);
	assert_int_equal(seen.unproved, 1);
	/* Once, and then there is silence. */
	seen = run(&p, 3600 * VTIME_S, N);
	assert_int_equal(seen.pings + seen.unproved, 0);
}

static void a_proved_epoch_is_not_probed(void **state)
{
	struct prober p = fresh();

	prober_begin(&p, 0, N);
	assert_int_equal(run(&p, 3 * VTIME_S, N).pings, 2);
	prober_end(&p, P);
	assert_int_equal(run(&p, 4 * VTIME_S, N).pings, 1);
	prober_end(&p, N);
	assert_int_equal(run(&p, 3600 * VTIME_S, N).last, 0);
}

static void tries_are_counted_for_each_epoch(void **state)
{
	struct prober p = fresh();
	struct orders seen;

	prober_begin(&p, 0, N);
	assert_int_equal(run(&p, 5 * VTIME_S, N).pings, 3);
	prober_begin(&p, 5 * VTIME_S, N2);
	seen = run(&p, 3600 * VTIME_S, N2);
	assert_int_equal(seen.pings, 6);
	assert_int_equal(seen.unproved, 1);
	assert_true(seen.last == 17 * VTIME_S);
}

static void without_repetitions_there_is_one_probe(void **state)
{
	struct prober_config once = config;
	struct prober p;
	struct orders seen;

	once.pingtries = once.pingtries2 = 0;
	prober_init(&p, &once);
	prober_begin(&p, 0, N);
	seen = run(&p, 2 * VTIME_S, N);
	assert_int_equal(seen.pings, 1);
	assert_int_equal(seen.unproved, 1);
	prober_watch(&p, 2 * VTIME_S, P);
	seen = run(&p, 25 * VTIME_S, P);
	assert_int_equal(seen.pings, 1);
	assert_int_equal(seen.silent, 1);
}

/* ---- the one in use ---- */

static void silence_is_asked_about_and_reported_once(void **state)
{
	struct prober p = fresh();
	struct orders seen;

	prober_watch(&p, 0, P);
	assert_int_equal(run(&p, 20 * VTIME_S - 1, P).last, 0);
	seen = run(&p, 35 * VTIME_S - 1, P);
	assert_int_equal(seen.pings, 5); /* pingtries2 + 1 */
	assert_true(seen.last == 32 * VTIME_S);
	seen = run(&p, 35 * VTIME_S, P);
	assert_int_equal(seen.silent, 1);
	assert_int_equal(run(&p, 3600 * VTIME_S, P).last, 0);
	/* Heard after all, or watched anew: it begins again. */
	prober_heard(&p, 40 * VTIME_S, P);
	seen = run(&p, 75 * VTIME_S, P);
	assert_int_equal(seen.pings, 5);
	assert_int_equal(seen.silent, 1);
	prober_watch(&p, 80 * VTIME_S, P);
	assert_int_equal(run(&p, 100 * VTIME_S, P).pings, 1);
}

/* One ping for each maxidle, when all are answered and nothing else comes. */
static void an_idle_epoch_takes_the_fewest_pings(void **state)
{
	struct prober p = fresh();
	unsigned pings = 0;
	vtime now = 0;
	uint32_t id;

	prober_watch(&p, 0, P);
	while (prober_deadline(&p) <= 3600 * VTIME_S) {
		now = prober_deadline(&p);
		assert_int_equal(prober_next(&p, now, &id), PROBER_PING);
		assert_int_equal(prober_next(&p, now, &id), PROBER_NONE);
		pings++;
		prober_heard(&p, now + 50 * VTIME_MS, P);
	}
	assert_int_equal(pings, 179); /* 3600 / 20.05 */
}

static void what_comes_postpones_the_ping(void **state)
{
	struct prober p = fresh();

	prober_watch(&p, 0, P);
	for (unsigned s = 10; s <= 100; s += 10)
		prober_heard(&p, s * VTIME_S, P);
	assert_true(prober_deadline(&p) == 120 * VTIME_S);
	/* Old news, and what came on another. */
	prober_heard(&p, 50 * VTIME_S, P);
	prober_heard(&p, 110 * VTIME_S, N);
	assert_true(prober_deadline(&p) == 120 * VTIME_S);
	/* One that is watched already is not given more time. */
	prober_watch(&p, 110 * VTIME_S, P);
	assert_true(prober_deadline(&p) == 120 * VTIME_S);
	assert_int_equal(run(&p, 124 * VTIME_S, P).pings, 2);
	prober_heard(&p, 50 * VTIME_S, P);
	assert_true(prober_deadline(&p) == 126 * VTIME_S);
	/* The reply to a ping: the wait is maxidle again, and the pings are counted from 0. */
	prober_heard(&p, 125 * VTIME_S, P);
	assert_true(prober_deadline(&p) == 145 * VTIME_S);
	assert_int_equal(run(&p, 160 * VTIME_S, P).pings, 5);
}

static void another_is_watched_from_now_on(void **state)
{
	struct prober p = fresh();

	prober_watch(&p, 0, P);
	assert_int_equal(run(&p, 21 * VTIME_S, P).pings, 1);
	prober_watch(&p, 22 * VTIME_S, N);
	assert_true(prober_deadline(&p) == 42 * VTIME_S);
	assert_int_equal(run(&p, 3600 * VTIME_S, P).last, 0);
	prober_watch(&p, 3600 * VTIME_S, 0);
	assert_true(prober_deadline(&p) == VTIME_NEVER);
}

static void nothing_is_idle_without_a_maxidle(void **state)
{
	struct prober_config never = config;
	struct prober p;

	never.maxidle = 0;
	prober_init(&p, &never);
	prober_watch(&p, 0, P);
	prober_heard(&p, VTIME_S, P);
	assert_true(prober_deadline(&p) == VTIME_NEVER);
}

/* ---- both ---- */

static void each_has_its_own_time(void **state)
{
	struct prober p = fresh();
	struct orders seen;
	struct prober same;

	prober_watch(&p, 0, P);
	prober_begin(&p, 15 * VTIME_S, N);
	same = p;
	seen = run(&p, 40 * VTIME_S, N);
	assert_int_equal(seen.pings, 6);
	assert_int_equal(seen.unproved, 1);
	assert_int_equal(seen.silent, 0);
	seen = run(&same, 40 * VTIME_S, P);
	assert_int_equal(seen.pings, 5);
	assert_int_equal(seen.silent, 1);
}

/* In use before it is proved: the probes are pings enough, and no more of them than there may be. */
static void a_new_epoch_in_use_is_not_asked_twice(void **state)
{
	struct prober_config slow = config;
	struct prober p;
	struct orders seen;

	slow.pingtime = 10 * VTIME_S;
	prober_init(&p, &slow);
	prober_begin(&p, 0, P);
	prober_watch(&p, 0, P);
	seen = run(&p, 3600 * VTIME_S, P);
	assert_int_equal(seen.pings, 6);
	assert_int_equal(seen.unproved, 1);
	assert_int_equal(seen.silent, 0);
	prober_heard(&p, 3601 * VTIME_S, P);
	assert_true(prober_deadline(&p) == 3621 * VTIME_S);
}

static void a_machine_that_slept_asks_as_often(void **state)
{
	struct prober p = fresh();
	unsigned pings = 0;
	vtime day = 86400 * VTIME_S;
	uint32_t id;

	prober_watch(&p, 0, P);
	assert_int_equal(prober_next(&p, day, &id), PROBER_PING);
	assert_int_equal(prober_next(&p, day, &id), PROBER_NONE);
	while (prober_next(&p, prober_deadline(&p), &id) == PROBER_PING)
		pings++;
	assert_int_equal(pings, 4);
}

/* ---- whatever happens, in any order ---- */

#define IDS 12

struct history {
	struct prober p;
	struct rng *rng;
	vtime now;
	vtime heard[IDS]; /* on it, or watched since */
	unsigned probes[IDS];
	unsigned pings; /* in sequence, of the one in use */
	bool reported[IDS]; /* and neither begun, watched nor heard since */
};

static void ordered(struct history *h, enum prober_order order, uint32_t id)
{
	assert_in_range(id, 1, IDS - 1);
	assert_false(h->reported[id]);
	if (order == PROBER_PING && id == h->p.fresh)
		assert_true(++h->probes[id] <= config.pingtries + 1);
	else if (order == PROBER_PING)
		assert_true(++h->pings <= config.pingtries2 + 1);
	if (order == PROBER_PING && id != h->p.fresh)
		assert_true(h->now - h->heard[id] >= config.maxidle);
	if (order == PROBER_UNPROVED)
		assert_int_equal(h->probes[id], config.pingtries + 1);
	if (order == PROBER_SILENT)
		assert_int_equal(h->pings, config.pingtries2 + 1);
	h->reported[id] = order != PROBER_PING;
}

static void let_pass(struct history *h, vtime time)
{
	vtime until = h->now + time;
	enum prober_order order;
	uint32_t id = 0;

	while (prober_deadline(&h->p) <= until) {
		h->now = prober_deadline(&h->p) > h->now ? prober_deadline(&h->p) : h->now;
		while ((order = prober_next(&h->p, h->now, &id)) != PROBER_NONE)
			ordered(h, order, id);
		assert_true(prober_deadline(&h->p) > h->now);
	}
	h->now = until;
}

static void heard(struct history *h, uint32_t id)
{
	prober_heard(&h->p, h->now, id);
	if (h->p.used == id) {
		h->pings = 0;
		h->reported[id] = false;
	}
	h->heard[id] = h->now;
}

static void watch(struct history *h, uint32_t id)
{
	bool anew = h->p.used != id || h->p.used_at == VTIME_NEVER;

	prober_watch(&h->p, h->now, id);
	if (!anew)
		return;
	h->pings = 0;
	h->heard[id] = h->now;
	h->reported[id] = false;
}

static void begin(struct history *h, uint32_t id)
{
	prober_begin(&h->p, h->now, id);
	h->probes[id] = 0;
	h->reported[id] = false;
}

static void something_happens(struct history *h)
{
	uint32_t id = 1 + (uint32_t)rng_below(h->rng, IDS - 1);

	let_pass(h, 1 + rng_below(h->rng, 9 * VTIME_S));
	switch (rng_below(h->rng, 8)) {
	case 0:
		begin(h, id);
		break;
	case 1:
		prober_end(&h->p, id);
		break;
	case 2:
		watch(h, id);
		break;
	case 3:
		heard(h, id);
		break;
	case 4:
		heard(h, h->p.used ? h->p.used : id);
		break;
	case 5:
		prober_end(&h->p, h->p.fresh);
		break;
	default:
		break;
	}
}

static void no_history_breaks_the_rules(void **state)
{
	for (uint64_t seed = 1; seed <= 3000; seed++) {
		struct rng_seed s;
		struct rng rng = rng_seeded(&s, seed);
		struct history h = { .p = fresh(), .rng = &rng };

		for (unsigned k = 0; k < 60; k++)
			something_happens(&h);
	}
}

/* Somebody is awake anyway: the ping that has the half of its time behind it goes early. */
static void an_idle_ping_goes_with_others(void **state)
{
	struct prober p = fresh();
	uint32_t id;

	(void)state;
	prober_watch(&p, 0, P);
	prober_hasten(&p, 10 * VTIME_S - 1);
	assert_true(prober_deadline(&p) == 20 * VTIME_S);
	assert_false(prober_idle_due(&p, 20 * VTIME_S - 1));
	assert_true(prober_idle_due(&p, 20 * VTIME_S));
	prober_hasten(&p, 10 * VTIME_S);
	assert_int_equal(prober_next(&p, 10 * VTIME_S, &id), PROBER_PING);
	/* What waits for its answer is not asked sooner. */
	prober_hasten(&p, 11 * VTIME_S);
	assert_true(prober_deadline(&p) == 13 * VTIME_S);
	prober_heard(&p, 11 * VTIME_S, P);
	assert_true(prober_deadline(&p) == 31 * VTIME_S);
	/* Nor is a new epoch, nor nobody. */
	prober_begin(&p, 12 * VTIME_S, P);
	prober_next(&p, 12 * VTIME_S, &id);
	prober_hasten(&p, 13 * VTIME_S);
	assert_true(prober_deadline(&p) == 14 * VTIME_S);
	p = fresh();
	prober_hasten(&p, 3600 * VTIME_S);
	assert_true(prober_deadline(&p) == VTIME_NEVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_ping_goes_with_others),
		cmocka_unit_test(a_new_epoch_is_probed_at_once_and_given_up),
		cmocka_unit_test(a_proved_epoch_is_not_probed),
		cmocka_unit_test(tries_are_counted_for_each_epoch),
		cmocka_unit_test(without_repetitions_there_is_one_probe),
		cmocka_unit_test(silence_is_asked_about_and_reported_once),
		cmocka_unit_test(an_idle_epoch_takes_the_fewest_pings),
		cmocka_unit_test(what_comes_postpones_the_ping),
		cmocka_unit_test(another_is_watched_from_now_on),
		cmocka_unit_test(nothing_is_idle_without_a_maxidle),
		cmocka_unit_test(each_has_its_own_time),
		cmocka_unit_test(a_new_epoch_in_use_is_not_asked_twice),
		cmocka_unit_test(a_machine_that_slept_asks_as_often),
		cmocka_unit_test(no_history_breaks_the_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
