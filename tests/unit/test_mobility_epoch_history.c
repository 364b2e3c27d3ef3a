/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/bytes.h"
#include "base/rng.h"
#include "tests/unit/epoch_parts.h"

/* ---- whatever happens, in any order ---- */

#define IDS 64

struct history {
	struct epochs es;
	struct rng *rng;
	vtime now;
	uint32_t last;
	bool licensed[IDS]; /* proved, or used without proof by a rule */
	bool given_up[IDS];
	bool in_doubt[IDS]; /* and nothing has come since */
	bool over[IDS]; /* nothing can be sent on it */
};

static bool must_be_proved(const struct history *h)
{
	return h->es.strict && h->es.probed;
}

static void check(const struct history *h)
{
	unsigned n = 0;
	uint32_t id = current(&h->es);

	for (unsigned i = 0; i < EPOCHS_MAX; i++)
		n += h->es.epoch[i].state == EPOCH_CURRENT;
	assert_true(n <= 1);
	assert_true(id == 0 || h->licensed[id]);
	assert_false(h->given_up[id] || h->in_doubt[id] || h->over[id]);
	assert_true(next(&h->es) == 0 || state_of(&h->es, next(&h->es)) == EPOCH_PROBING);
	/* A choice where there could be one, unless it has to be proved. */
	if (id == 0 && !must_be_proved(h))
		for (unsigned i = 0; i < EPOCHS_MAX; i++)
			assert_true(h->es.epoch[i].state != EPOCH_PROBING ||
				    h->in_doubt[h->es.epoch[i].id] || h->over[h->es.epoch[i].id]);
}

static void happens(struct history *h, uint32_t id, enum epoch_event event)
{
	enum epoch_state was = state_of(&h->es, id);
	bool ends = event == EPOCH_EVENT_DELETED || event == EPOCH_EVENT_EXHAUSTED ||
		    event == EPOCH_EVENT_EXPIRED;
	unsigned actions = epochs_event(&h->es, h->now, id, event);
	uint32_t now_on = current(&h->es);

	if (was == EPOCH_FREE || was == EPOCH_DEAD)
		return;
	h->licensed[id] |= event == EPOCH_EVENT_PROVED ||
			   (event == EPOCH_EVENT_ANSWERED && !h->es.strict) ||
			   (event == EPOCH_EVENT_OVERDUE && !must_be_proved(h));
	if (event == EPOCH_EVENT_PROVED || (event == EPOCH_EVENT_ANSWERED && !h->es.strict))
		h->in_doubt[id] = false;
	h->in_doubt[id] |= event == EPOCH_EVENT_SILENT && was == EPOCH_CURRENT;
	h->in_doubt[id] |= event == EPOCH_EVENT_UNPROVED && actions & EPOCH_NEGOTIATE;
	h->given_up[id] |= event == EPOCH_EVENT_UNPROVED && actions & EPOCH_DELETE;
	h->over[id] |= ends;
	if (ends && was == EPOCH_CURRENT)
		h->licensed[now_on] = true;
	assert_true(!(actions & EPOCH_DELETE) || now_on != id);
}

static void time_passes(struct history *h, vtime time)
{
	vtime until = h->now + time;
	enum epoch_event event;
	unsigned turns = 0;
	uint32_t id;

	while (epochs_deadline(&h->es) <= until) {
		h->now = epochs_deadline(&h->es) > h->now ? epochs_deadline(&h->es) : h->now;
		while (epochs_due(&h->es, h->now, &id, &event)) {
			assert_true(turns++ < 1000);
			assert_true(event != EPOCH_EVENT_OVERDUE || !h->given_up[id]);
			happens(h, id, event);
		}
		check(h);
		for (unsigned i = 0; i < EPOCHS_MAX; i++)
			if (h->es.epoch[i].state == EPOCH_DEAD)
				epochs_remove(&h->es, i);
	}
	h->now = until;
}

static void installed(struct history *h)
{
	vtime life = (20 + rng_below(h->rng, 200)) * VTIME_S;
	const struct epoch_config c = { life, life / 4, 100 };
	struct epoch_life when = epoch_life(&c, h->now, rng_u32(h->rng));
	uint32_t evict = epochs_evictable(&h->es), id = ++h->last;

	time_passes(h, 0);
	if (evict)
		happens(h, evict, EPOCH_EVENT_EVICTED);
	for (unsigned i = 0; i < EPOCHS_MAX; i++)
		if (h->es.epoch[i].state == EPOCH_DEAD)
			epochs_remove(&h->es, i);
	h->licensed[id] = current(&h->es) == 0 && !must_be_proved(h);
	/* Where no probes tell, what came on one in doubt does not save it. */
	for (unsigned i = 0; !must_be_proved(h) && i < EPOCHS_MAX; i++)
		h->licensed[id] |= h->es.epoch[i].state == EPOCH_CURRENT && h->es.epoch[i].doubted;
	assert_true(epochs_install(&h->es, h->now, id, &when) >= 0);
}

static void something_happens(struct history *h)
{
	const enum epoch_event events[] = {
		EPOCH_EVENT_PROVED, EPOCH_EVENT_ANSWERED, EPOCH_EVENT_UNPROVED,
		EPOCH_EVENT_SILENT, EPOCH_EVENT_DELETED,  EPOCH_EVENT_EXHAUSTED,
	};
	uint32_t id = h->es.epoch[rng_below(h->rng, EPOCHS_MAX)].id;
	uint64_t what = rng_below(h->rng, 20);

	if (id == 0 || what < 4)
		installed(h);
	else if (what < 14)
		happens(h, id, events[rng_below(h->rng, ARRAY_SIZE(events))]);
	else if (what == 14)
		epochs_set_trust(&h->es, rng_below(h->rng, 2), rng_below(h->rng, 2));
	if (id && what == 15) {
		epochs_doubt(&h->es);
		for (unsigned i = 0; i < EPOCHS_MAX; i++)
			h->in_doubt[h->es.epoch[i].id] = h->es.epoch[i].id != 0;
	}
	if (id && what == 16) {
		uint32_t carries = current(&h->es);

		epochs_supersede(&h->es);
		for (unsigned i = 0; i < EPOCHS_MAX; i++)
			h->in_doubt[h->es.epoch[i].id] |= h->es.epoch[i].id != carries;
		h->in_doubt[0] = false;
	}
	if (id && what > 16) {
		if (state_of(&h->es, id) == EPOCH_PROBING)
			happens(h, id, EPOCH_EVENT_PROVED);
		epochs_heard(&h->es, h->now, id);
		h->in_doubt[id] = false;
	}
	time_passes(h, rng_below(h->rng, 2) ? 0 : rng_below(h->rng, 20 * VTIME_S));
	check(h);
}

static void no_history_breaks_the_rules(void **state)
{
	uint64_t reached = 0;
	char text[EPOCHS_ROW_TEXT_MAX];

	for (uint64_t seed = 1; seed <= 5000; seed++) {
		struct rng_seed s;
		struct rng rng = rng_seeded(&s, seed);
		struct history h = { .rng = &rng };

		epochs_init(&h.es, PATIENCE);
		h.es.reached = &reached;
		epochs_set_trust(&h.es, seed & 1, seed & 2);
		for (unsigned k = 0; k < 80 && h.last < IDS - 1; k++)
			something_happens(&h);
	}
	for (unsigned i = 0; i < epochs_rows(); i++)
		if (!(reached & (uint64_t)1 << i))
			fail_msg("never reached: %s", epochs_row_text(i, text));
}

/* N is not there any more: P is renewed in its time, like one that never had a successor. */
static void the_one_before_is_renewed_when_its_successor_is_gone(void **state)
{
	struct epochs es = two();

	epochs_event(&es, hour, N, EPOCH_EVENT_PROVED);
	assert_int_equal(epochs_event(&es, hour + 1, N, EPOCH_EVENT_DELETED), 0);
	assert_int_equal(current(&es), P);
	assert_int_equal(run(&es, day.rekey_at - 1, P), 0);
	assert_int_equal(run(&es, day.rekey_at, P), EPOCH_NEGOTIATE);
	/* While there is a younger one it is that one's turn. */
	es = three();
	epochs_event(&es, hour + VTIME_S, N2, EPOCH_EVENT_PROVED);
	epochs_event(&es, hour + VTIME_S, N2, EPOCH_EVENT_DELETED);
	assert_int_equal(current(&es), N);
	assert_int_equal(run(&es, day.rekey_at, P) & EPOCH_NEGOTIATE, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_history_breaks_the_rules),
		cmocka_unit_test(the_one_before_is_renewed_when_its_successor_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
