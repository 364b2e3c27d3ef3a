/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/rng.h"
#include "esp/esp.h"

#define SPACE (1U << 20) /* sequence numbers of the dumb model */

/* The window as one byte for each number. */
struct model {
	uint32_t top;
	uint8_t seen[SPACE];
};

static bool model_check(const struct model *m, uint32_t s)
{
	return s != 0 && s + ESP_WINDOW > m->top && !m->seen[s];
}

static void model_accept(struct model *m, uint32_t s)
{
	m->seen[s] = 1;
	if (s > m->top)
		m->top = s;
}

/* Mostly near the top, sometimes far back, at the edge, or a jump beyond the whole window. */
static uint32_t next_number(struct rng *rng, uint32_t top)
{
	uint64_t kind = rng_below(rng, 1000);

	if (kind < 500)
		return top + 1 + (uint32_t)rng_below(rng, 3);
	if (kind < 800)
		return top - (uint32_t)rng_below(rng, (top < 70 ? top : 70) + 1);
	if (kind < 960)
		return top - (uint32_t)rng_below(rng, (top < 4300 ? top : 4300) + 1);
	if (kind < 990)
		return top < 4097 ? top : top - 4094 - (uint32_t)rng_below(rng, 4);
	return top + (uint32_t)rng_below(rng, 9000);
}

static void agrees_with_a_dumb_model(void **state)
{
	struct model *m = calloc(1, sizeof(*m));
	struct window w = { 0 };
	struct rng_seed seed;
	struct rng rng = rng_seeded(&seed, 11);
	unsigned accepted = 0, refused = 0;

	assert_non_null(m);
	for (unsigned i = 0; i < 100000; i++) {
		uint32_t s = next_number(&rng, m->top);
		bool want;

		if (s >= SPACE - 1) {
			*m = (struct model){ 0 };
			w = (struct window){ 0 };
			continue;
		}
		want = model_check(m, s);
		if (window_check(&w, s) != want)
			fail_msg("step %u: number %u, top %u: %d expected", i, s, m->top, want);
		/* One in ten fails its ICV: the window must not move. */
		if (!want || rng_below(&rng, 10) == 0) {
			refused++;
			continue;
		}
		accepted++;
		model_accept(m, s);
		window_accept(&w, s);
		assert_int_equal(w.top, m->top);
	}
	assert_true(accepted > 30000 && refused > 20000);
	free(m);
}

static void zero_is_never_valid(void **state)
{
	struct window w = { 0 };

	assert_false(window_check(&w, 0));
	window_accept(&w, 1);
	assert_false(window_check(&w, 0));
}

static void the_first_number_is_taken_at_once(void **state)
{
	struct window w = { 0 };

	assert_true(window_check(&w, 1));
	window_accept(&w, 1);
	assert_false(window_check(&w, 1));
	assert_true(window_check(&w, 2));
}

static void the_window_is_exactly_4096_wide(void **state)
{
	/* Tops at every position within a block of the bitmap. */
	for (uint32_t top = 100000; top < 100130; top++) {
		struct window w = { 0 };

		window_accept(&w, top);
		assert_true(window_check(&w, top - 4095));
		assert_false(window_check(&w, top - 4096));
		window_accept(&w, top - 4095);
		assert_false(window_check(&w, top - 4095));
		assert_true(window_check(&w, top - 4094));
		assert_false(window_check(&w, top));
		assert_int_equal(w.top, top);
	}
}

static void a_jump_forgets_everything(void **state)
{
	struct window w = { 0 };

	for (uint32_t s = 1; s <= 5000; s++)
		window_accept(&w, s);
	window_accept(&w, 5000 + 4096 + 64);
	for (uint32_t s = 5065; s < 5000 + 4096 + 64; s++)
		assert_true(window_check(&w, s));
	window_accept(&w, 4000000000U);
	for (uint32_t s = 4000000000U - 4095; s < 4000000000U; s++)
		assert_true(window_check(&w, s));
}

static void the_last_number_is_good_once(void **state)
{
	struct window w = { 0 };

	window_accept(&w, UINT32_MAX - 1);
	assert_true(window_check(&w, UINT32_MAX));
	window_accept(&w, UINT32_MAX);
	assert_false(window_check(&w, UINT32_MAX));
	assert_false(window_check(&w, UINT32_MAX - 1));
	assert_true(window_check(&w, UINT32_MAX - 4095));
	assert_false(window_check(&w, UINT32_MAX - 4096));
	assert_false(window_check(&w, 0));
	assert_false(window_check(&w, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_a_dumb_model),
		cmocka_unit_test(zero_is_never_valid),
		cmocka_unit_test(the_first_number_is_taken_at_once),
		cmocka_unit_test(the_window_is_exactly_4096_wide),
		cmocka_unit_test(a_jump_forgets_everything),
		cmocka_unit_test(the_last_number_is_good_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
