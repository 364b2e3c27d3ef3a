/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Epochs of a tunnel at an age when nothing is due yet, and what time brings them. */
#ifndef GODWIT_TESTS_EPOCH_PARTS_H
#define GODWIT_TESTS_EPOCH_PARTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mobility/epoch.h"

#define PATIENCE (12 * VTIME_S)
#define P 1
#define N 2
#define N2 3

static const struct epoch_life day = { 7 * 3600 * VTIME_S, 8 * 3600 * VTIME_S, 9 * 3600 * VTIME_S };

static inline struct epochs one(void)
{
	struct epochs es;

	epochs_init(&es, PATIENCE);
	assert_int_equal(epochs_install(&es, 0, P, &day), 0);
	return es;
}

/* P has carried data for an hour when N comes. */
static const vtime hour = 3600 * VTIME_S;

static inline struct epochs two(void)
{
	struct epochs es = one();

	assert_int_equal(epochs_install(&es, hour, N, &day), 1);
	return es;
}

static inline struct epochs three(void)
{
	struct epochs es = two();

	assert_int_equal(epochs_install(&es, hour + VTIME_S, N2, &day), 2);
	return es;
}

static inline uint32_t current(const struct epochs *es)
{
	int at = epochs_current(es);

	return at < 0 ? 0 : es->epoch[at].id;
}

static inline uint32_t next(const struct epochs *es)
{
	int at = epochs_next(es);

	return at < 0 ? 0 : es->epoch[at].id;
}

static inline enum epoch_state state_of(const struct epochs *es, uint32_t id)
{
	for (unsigned i = 0; i < EPOCHS_MAX; i++)
		if (es->epoch[i].id == id)
			return es->epoch[i].state;
	return EPOCH_FREE;
}

/* P has carried data for long, and from now on epochs are trusted so. */
static inline struct epochs trusted(bool strict, bool probed)
{
	struct epochs es = one();

	epochs_event(&es, 0, P, EPOCH_EVENT_PROVED);
	epochs_set_trust(&es, strict, probed);
	return es;
}

static inline struct epochs trusted_two(bool strict, bool probed)
{
	struct epochs es = trusted(strict, probed);

	epochs_install(&es, hour, N, &day);
	return es;
}

/* Nothing is there before P. */
static inline struct epochs first(bool strict, bool probed)
{
	struct epochs es;

	epochs_init(&es, PATIENCE);
	epochs_set_trust(&es, strict, probed);
	epochs_install(&es, 0, P, &day);
	return es;
}

/* What time brings until then, in order; returns the actions that were asked for `id`. */
static inline unsigned run(struct epochs *es, vtime until, uint32_t id)
{
	unsigned actions = 0, turns = 0;
	enum epoch_event event;
	uint32_t which;

	while (epochs_deadline(es) <= until) {
		vtime now = epochs_deadline(es);

		while (epochs_due(es, now, &which, &event)) {
			unsigned a = epochs_event(es, now, which, event);

			actions |= which == id ? a : 0;
			assert_true(turns++ < 100);
		}
	}
	return actions;
}

#endif
