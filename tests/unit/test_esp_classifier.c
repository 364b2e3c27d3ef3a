/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/mem.h"
#include "esp/classifier.h"
#include "tests/unit/esp_parts.h"

static struct esp_in *in_with_spi(uint32_t spi)
{
	return parts_in(parts_config(&suite_gcm, spi));
}

static void rules_are_numbered_copies(void **state)
{
	struct classifier *c = classifier_new();
	struct policy *p = xcalloc(1, sizeof(*p));
	struct policy_rule rule = { parts_pair("10.1.0.0/16", "0.0.0.0/0"), POLICY_BYPASS, 0 };

	assert_int_equal(classifier_rules_number(c), 0);
	assert_int_equal(classifier_policy(c)->fallback, POLICY_DISCARD);
	p->fallback = POLICY_BYPASS;
	classifier_rules_free(classifier_publish_rules(c, p));
	assert_int_equal(classifier_rules_number(c), 1);
	assert_int_equal(classifier_policy(c)->fallback, POLICY_BYPASS);
	policy_add(p, &rule);
	assert_int_equal(classifier_policy(c)->n, 0);
	classifier_rules_free(classifier_publish_rules(c, p));
	assert_int_equal(classifier_rules_number(c), 2);
	assert_int_equal(classifier_policy(c)->n, 1);
	free(p);
	classifier_free(c);
}

static void next_is_used_when_proved(void **state)
{
	struct classifier *c = classifier_new();
	struct esp_sa_config config = parts_config(&suite_gcm, 1000);
	struct esp_out *p, *n, *n2;

	p = parts_out(config);
	config.epoch = 2;
	n = parts_out(config);
	config.epoch = 3;
	n2 = parts_out(config);

	assert_null(classifier_slot_sa(c, 3));
	classifier_set_current(c, 3, p);
	assert_ptr_equal(classifier_slot_sa(c, 3), p);
	classifier_set_next(c, 3, n);
	assert_ptr_equal(classifier_slot_sa(c, 3), p);
	classifier_prove(c, 3, 1);
	classifier_prove(c, 4, 2);
	assert_false(classifier_next_proved(c, 3));
	assert_ptr_equal(classifier_slot_sa(c, 3), p);
	classifier_prove(c, 3, 2);
	assert_true(classifier_next_proved(c, 3));
	assert_ptr_equal(classifier_slot_sa(c, 3), n);
	/* What was proved of one epoch says nothing about a newer one. */
	classifier_set_next(c, 3, n2);
	assert_false(classifier_next_proved(c, 3));
	assert_ptr_equal(classifier_slot_sa(c, 3), p);
	/* Nor when the same SA is put there again. */
	classifier_set_next(c, 3, n);
	assert_false(classifier_next_proved(c, 3));
	classifier_prove(c, 3, 2);
	classifier_set_current(c, 3, n);
	assert_false(classifier_next_proved(c, 3));
	assert_ptr_equal(classifier_slot_sa(c, 3), n);
	/* Nothing is left over for the next rekeying. */
	classifier_set_next(c, 3, n2);
	assert_ptr_equal(classifier_slot_sa(c, 3), n);
	classifier_set_current(c, 3, NULL);
	assert_null(classifier_slot_sa(c, 3));
	/* Without a current one, too, next must be proved. */
	classifier_set_next(c, 3, n2);
	assert_null(classifier_slot_sa(c, 3));
	assert_null(classifier_slot_sa(c, 2));
	esp_out_free(p);
	esp_out_free(n);
	esp_out_free(n2);
	classifier_free(c);
}

static void the_stamp_changes_with_the_slot(void **state)
{
	struct classifier *c = classifier_new();
	uint32_t other = classifier_slot_stamp(c, 6);
	uint32_t stamp = classifier_slot_stamp(c, 5), last;

	assert_int_not_equal(stamp, 0);
	classifier_set_current(c, 5, NULL);
	last = classifier_slot_stamp(c, 5);
	assert_int_not_equal(last, stamp);
	classifier_set_next(c, 5, NULL);
	assert_int_not_equal(classifier_slot_stamp(c, 5), last);
	assert_int_equal(classifier_slot_stamp(c, 6), other);
	classifier_free(c);
}

static void reserved_spis_are_never_found(void **state)
{
	struct classifier *c = classifier_new();
	struct esp_sa_config config = parts_config(&suite_gcm, 255);
	struct esp_in *sa = in_with_spi(256);

	assert_null(esp_in_new(&config, parts_rng()));
	assert_null(esp_out_new(&config, parts_rng()));
	assert_int_equal(classifier_add_spi(c, sa), 0);
	/* Leaves a tombstone when what follows in its chain is taken; 0 must not find it. */
	classifier_remove_spi(c, 0);
	for (uint32_t spi = 0; spi < 256; spi++)
		assert_null(classifier_find_spi(c, spi));
	assert_ptr_equal(classifier_find_spi(c, 256), sa);
	esp_in_free(sa);
	classifier_free(c);
}

static void a_taken_spi_and_a_full_index_are_refused(void **state)
{
	struct classifier *c = classifier_new();
	struct esp_in *sa[CLASSIFIER_SPIS + 1], *twin = in_with_spi(5000);

	for (unsigned i = 0; i < CLASSIFIER_SPIS; i++) {
		sa[i] = in_with_spi(5000 + i);
		assert_int_equal(classifier_add_spi(c, sa[i]), 0);
		assert_int_equal(classifier_add_spi(c, twin), ERR_NO_ROOM);
	}
	sa[CLASSIFIER_SPIS] = in_with_spi(77777);
	assert_int_equal(classifier_add_spi(c, sa[CLASSIFIER_SPIS]), ERR_NO_ROOM);
	assert_null(classifier_find_spi(c, 77777));
	for (unsigned i = 0; i < CLASSIFIER_SPIS; i++)
		assert_ptr_equal(classifier_find_spi(c, 5000 + i), sa[i]);
	classifier_remove_spi(c, 5001);
	assert_null(classifier_find_spi(c, 5001));
	classifier_remove_spi(c, 5001);
	assert_int_equal(classifier_add_spi(c, sa[CLASSIFIER_SPIS]), 0);
	assert_int_equal(classifier_add_spi(c, sa[1]), ERR_NO_ROOM);
	assert_ptr_equal(classifier_find_spi(c, 77777), sa[CLASSIFIER_SPIS]);
	for (unsigned i = 0; i <= CLASSIFIER_SPIS; i++)
		esp_in_free(sa[i]);
	esp_in_free(twin);
	classifier_free(c);
}

/*
 * SAs come and go for a long time, among SPIs few enough to meet in the same chains, against a
 * plain array.
 */
static void the_index_agrees_with_an_array(void **state)
{
	enum {
		N = 1200
	};
	struct classifier *c = classifier_new();
	static struct esp_in *sa[N];
	static bool there[N];
	struct rng_seed seed;
	struct rng rng = rng_seeded(&seed, 5);
	unsigned n = 0;

	for (uint32_t i = 0; i < N; i++)
		sa[i] = in_with_spi(rng_u32(&rng) | 0x1000);
	for (unsigned step = 0; step < 200000; step++) {
		unsigned i = (unsigned)rng_below(&rng, N);
		/* Long times of growth and of decay, so that it is sometimes nearly full. */
		bool grow = rng_below(&rng, 10) < (step / 20000 % 2 ? 3U : 7U);
		const struct esp_sa_config *config = esp_in_config(sa[i]);

		if (grow && !there[i] && n < CLASSIFIER_SPIS) {
			assert_int_equal(classifier_add_spi(c, sa[i]), 0);
			there[i] = true;
			n++;
		} else if (!grow && there[i]) {
			classifier_remove_spi(c, config->spi);
			there[i] = false;
			n--;
		}
		i = (unsigned)rng_below(&rng, N);
		config = esp_in_config(sa[i]);
		assert_ptr_equal(classifier_find_spi(c, config->spi), there[i] ? sa[i] : NULL);
	}
	for (unsigned i = 0; i < N; i++)
		assert_ptr_equal(classifier_find_spi(c, esp_in_config(sa[i])->spi),
				 there[i] ? sa[i] : NULL);
	for (unsigned i = 0; i < N; i++)
		esp_in_free(sa[i]);
	classifier_free(c);
}

/* Tombstones that nothing follows go away: a thousand rekeyings leave no long chains behind. */
static void an_emptied_index_takes_all_again(void **state)
{
	struct classifier *c = classifier_new();

	for (unsigned round = 0; round < 20; round++) {
		struct esp_in *sa[CLASSIFIER_SPIS];

		for (unsigned i = 0; i < CLASSIFIER_SPIS; i++) {
			sa[i] = in_with_spi(0x10000 + (round * CLASSIFIER_SPIS + i) * 7919);
			assert_int_equal(classifier_add_spi(c, sa[i]), 0);
		}
		for (unsigned i = 0; i < CLASSIFIER_SPIS; i++) {
			assert_ptr_equal(classifier_find_spi(c, esp_in_config(sa[i])->spi), sa[i]);
			classifier_remove_spi(c, esp_in_config(sa[i])->spi);
			assert_null(classifier_find_spi(c, esp_in_config(sa[i])->spi));
			esp_in_free(sa[i]);
		}
	}
	classifier_free(c);
}

static int set_up(void **state)
{
	return crypto_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_are_numbered_copies),
		cmocka_unit_test(next_is_used_when_proved),
		cmocka_unit_test(the_stamp_changes_with_the_slot),
		cmocka_unit_test(reserved_spis_are_never_found),
		cmocka_unit_test(a_taken_spi_and_a_full_index_are_refused),
		cmocka_unit_test(the_index_agrees_with_an_array),
		cmocka_unit_test(an_emptied_index_takes_all_again),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
