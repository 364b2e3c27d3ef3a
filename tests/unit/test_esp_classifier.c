/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <pthread.h>
#include <sched.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/secret.h"
#include "esp/classifier.h"
#include "tests/unit/esp_parts.h"

static struct esp_in *in_with_spi(uint32_t spi)
{
	return parts_in(parts_config(&suite_gcm, spi));
}

/* SPIs that all begin at one place of the index: multiples of its factor's inverse, modulo 2^32. */
static uint32_t colliding_spi(uint32_t i)
{
	return 0xe8b2f51U * (0x40000000U + i);
}

static void rules_are_numbered_copies(void **state)
{
	struct classifier *c = classifier_new();
	struct policy *p = xcalloc(1, sizeof(*p));
	struct policy_rule rule = { parts_pair("10.1.0.0/16", "0.0.0.0/0"), POLICY_BYPASS, 0,
				    GRANULARITY_RULE };
	struct tuple t = { .src = parts_addr("10.1.0.1"), .dst = parts_addr("10.9.9.9") };

	assert_int_equal(classifier_rules_number(c), 0);
	assert_int_equal(spd_fallback(classifier_policy(c, NULL)), POLICY_DISCARD);
	p->fallback = POLICY_BYPASS;
	classifier_rules_free(classifier_publish_rules(c, p));
	assert_int_equal(classifier_rules_number(c), 1);
	assert_int_equal(spd_fallback(classifier_policy(c, NULL)), POLICY_BYPASS);
	policy_add(p, &rule);
	assert_null(spd_match(classifier_policy(c, NULL), &t));
	classifier_rules_free(classifier_publish_rules(c, p));
	assert_int_equal(classifier_rules_number(c), 2);
	assert_int_equal(spd_match(classifier_policy(c, NULL), &t)->action, POLICY_BYPASS);
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
	/* A new current one puts away a next that was not proved yet. */
	classifier_set_current(c, 3, p);
	classifier_prove(c, 3, 3);
	assert_ptr_equal(classifier_slot_sa(c, 3), p);
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
	for (uint32_t spi = 0; spi < 256; spi++)
		assert_null(classifier_find_spi(c, spi));
	assert_ptr_equal(classifier_find_spi(c, 256), sa);
	esp_in_free(sa);
	classifier_free(c);
}

static void a_taken_spi_and_a_full_index_are_refused(void **state)
{
	struct classifier *c = classifier_new();
	static struct esp_in *sa[CLASSIFIER_SPIS + 1];
	struct esp_in *twin = in_with_spi(5000);

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
		N = 10000
	};
	struct classifier *c = classifier_new();
	static struct esp_in *sa[N];
	static bool there[N];
	struct rng_seed seed;
	struct rng rng = rng_seeded(&seed, 5);
	unsigned n = 0, most = 0;

	for (uint32_t i = 0; i < N; i++)
		sa[i] = in_with_spi(rng_u32(&rng) | 0x1000);
	for (unsigned step = 0; step < 200000; step++) {
		unsigned i = (unsigned)rng_below(&rng, N);
		/* Long times of growth and of decay, so that it is sometimes nearly empty. */
		bool grow = rng_below(&rng, 10) < (step / 20000 % 2 ? 2U : 9U);
		const struct esp_sa_config *config = esp_in_config(sa[i]);

		if (grow && !there[i]) {
			assert_int_equal(classifier_add_spi(c, sa[i]), 0);
			there[i] = true;
			n++;
			most = n > most ? n : most;
		} else if (!grow && there[i]) {
			classifier_remove_spi(c, config->spi);
			there[i] = false;
			n--;
		}
		classifier_remove_spi(c, 0); /* finds nothing, a tombstone least of all */
		i = (unsigned)rng_below(&rng, N);
		config = esp_in_config(sa[i]);
		assert_ptr_equal(classifier_find_spi(c, config->spi), there[i] ? sa[i] : NULL);
	}
	assert_true(most > N / 2);
	for (unsigned i = 0; i < N; i++)
		assert_ptr_equal(classifier_find_spi(c, esp_in_config(sa[i])->spi),
				 there[i] ? sa[i] : NULL);
	for (unsigned i = 0; i < N; i++)
		esp_in_free(sa[i]);
	classifier_free(c);
}

/* Ten thousand, taken away in any order while others are found. */
static void ten_thousand_come_and_go(void **state)
{
	enum {
		MANY = 10000
	};
	static struct esp_in *sa[MANY];
	struct classifier *c = classifier_new();
	struct classifier_reader *reader = classifier_reader_add(c);
	struct rng_seed seed;
	struct rng rng = rng_seeded(&seed, 9);
	size_t before = secret_pool_used();

	for (uint32_t i = 0; i < MANY; i++) {
		sa[i] = in_with_spi(0x10000 + i * 7919);
		assert_int_equal(classifier_add_spi(c, sa[i]), 0);
	}
	/* The reader may be in an index that was too small. */
	assert_true(classifier_reclaim(c) > 0);
	for (uint32_t n = MANY; n > 0; n--) {
		uint32_t i = (uint32_t)rng_below(&rng, n), k = (uint32_t)rng_below(&rng, n);
		uint32_t spi = esp_in_config(sa[i])->spi;

		assert_ptr_equal(classifier_find_spi(c, esp_in_config(sa[k])->spi), sa[k]);
		classifier_remove_spi(c, spi);
		assert_null(classifier_find_spi(c, spi));
		classifier_retire_in(c, sa[i]);
		sa[i] = sa[n - 1];
	}
	/* What the reader may still hold waits, and all of it goes at once. */
	assert_true(classifier_reclaim(c) >= MANY);
	classifier_pass(c, reader);
	assert_int_equal(classifier_reclaim(c), 0);
	assert_int_equal(secret_pool_used(), before);
	assert_int_equal(classifier_index_used(c), 0);
	classifier_reader_remove(c, reader);
	classifier_free(c);
}

/* Tombstones that nothing follows go away: a thousand rekeyings leave no long chains behind. */
static void an_emptied_index_takes_all_again(void **state)
{
	enum {
		ROUND = 1000
	};
	struct classifier *c = classifier_new();

	for (unsigned round = 0; round < 20; round++) {
		struct esp_in *sa[ROUND];

		for (unsigned i = 0; i < ROUND; i++) {
			sa[i] = in_with_spi(0x10000 + (round * ROUND + i) * 7919);
			assert_int_equal(classifier_add_spi(c, sa[i]), 0);
		}
		for (unsigned i = 0; i < ROUND; i++) {
			assert_ptr_equal(classifier_find_spi(c, esp_in_config(sa[i])->spi), sa[i]);
			classifier_remove_spi(c, esp_in_config(sa[i])->spi);
			assert_null(classifier_find_spi(c, esp_in_config(sa[i])->spi));
			esp_in_free(sa[i]);
		}
		assert_int_equal(classifier_index_used(c), 0);
	}
	classifier_free(c);
}

/* What the threads of the tests below share. */
struct race {
	struct classifier *c;
	struct classifier_reader *reader; /* NULL: nothing is freed meanwhile */
	uint32_t spi;
	struct esp_in *sa;
	atomic_bool stop;
	atomic_uint wrong;
	atomic_uint turns;
};

static void *race_prove(void *arg)
{
	struct race *r = arg;

	while (!atomic_load(&r->stop)) {
		classifier_prove(r->c, 3, 1);
		atomic_fetch_add(&r->turns, 1);
	}
	return NULL;
}

/* Inbound proves epoch 1 while control puts epoch 2 in its place: 2 must never be used. */
static void a_late_proof_proves_nothing_newer(void **state)
{
	struct race r = { .c = classifier_new() };
	struct esp_sa_config config = parts_config(&suite_gcm, 1000);
	struct esp_out *old = parts_out(config), *newer;
	pthread_t thread;

	config.epoch = 2;
	newer = parts_out(config);
	assert_int_equal(pthread_create(&thread, NULL, race_prove, &r), 0);
	while (atomic_load(&r.turns) == 0)
		sched_yield();
	for (unsigned i = 0; i < 200000; i++) {
		classifier_set_next(r.c, 3, old);
		classifier_set_next(r.c, 3, newer);
		if (classifier_slot_sa(r.c, 3) == newer)
			atomic_fetch_add(&r.wrong, 1);
	}
	atomic_store(&r.stop, true);
	pthread_join(thread, NULL);
	assert_int_equal(r.wrong, 0);
	esp_out_free(old);
	esp_out_free(newer);
	classifier_free(r.c);
}

static void *race_find(void *arg)
{
	struct race *r = arg;

	while (!atomic_load(&r->stop)) {
		if (r->reader)
			classifier_pass(r->c, r->reader);
		if (classifier_find_spi(r->c, r->spi) != r->sa ||
		    classifier_peek_spi(r->c, r->spi) != r->sa)
			atomic_fetch_add(&r->wrong, 1);
		atomic_fetch_add(&r->turns, 1);
	}
	return NULL;
}

/* A reader always finds an SA that stays, whatever comes and goes in its chain. */
static void an_sa_that_stays_is_always_found(void **state)
{
	enum {
		N = 6
	};
	struct race r = { .c = classifier_new() };
	struct esp_in *sa[N];
	pthread_t thread;

	for (uint32_t i = 0; i < N; i++) {
		sa[i] = in_with_spi(colliding_spi(i));
		assert_int_equal(classifier_add_spi(r.c, sa[i]), 0);
	}
	r.sa = sa[N - 1];
	r.spi = esp_in_config(r.sa)->spi;
	assert_int_equal(pthread_create(&thread, NULL, race_find, &r), 0);
	while (atomic_load(&r.turns) == 0)
		sched_yield();
	for (unsigned i = 0; i < 200000; i++) {
		classifier_remove_spi(r.c, esp_in_config(sa[i % (N - 1)])->spi);
		if (i % 3)
			classifier_remove_spi(r.c, esp_in_config(sa[(i + 2) % (N - 1)])->spi);
		classifier_add_spi(r.c, sa[i % (N - 1)]);
		classifier_add_spi(r.c, sa[(i + 2) % (N - 1)]);
	}
	atomic_store(&r.stop, true);
	pthread_join(thread, NULL);
	assert_int_equal(r.wrong, 0);
	for (uint32_t i = 0; i < N; i++)
		esp_in_free(sa[i]);
	classifier_free(r.c);
}

/* Nor does another index that takes this one's place hide it; the old one lives while it is read. */
static void it_is_found_while_the_index_grows(void **state)
{
	enum {
		N = 1500
	};
	struct race r = { .c = classifier_new(), .sa = in_with_spi(5000), .spi = 5000 };
	static struct esp_in *sa[N];
	pthread_t thread;

	for (uint32_t i = 0; i < N; i++)
		sa[i] = in_with_spi(0x10000 + i * i * 7919);
	r.reader = classifier_reader_add(r.c);
	assert_int_equal(classifier_add_spi(r.c, r.sa), 0);
	assert_int_equal(pthread_create(&thread, NULL, race_find, &r), 0);
	while (atomic_load(&r.turns) == 0)
		sched_yield();
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < N; i++)
			assert_int_equal(classifier_add_spi(r.c, sa[i]), 0);
		for (unsigned i = 0; i < N; i++)
			classifier_remove_spi(r.c, esp_in_config(sa[i])->spi);
	}
	assert_true(classifier_index_size(r.c) > N);
	atomic_store(&r.stop, true);
	pthread_join(thread, NULL);
	assert_int_equal(r.wrong, 0);
	classifier_reader_remove(r.c, r.reader);
	for (uint32_t i = 0; i < N; i++)
		esp_in_free(sa[i]);
	esp_in_free(r.sa);
	classifier_free(r.c);
}

static int set_up(void **state)
{
	return crypto_init();
}

/* ---- reclamation ---- */

static struct esp_out *out_new(void)
{
	return parts_out(parts_config(&suite_gcm, 1000));
}

static void without_threads_it_is_freed_at_once(void **state)
{
	size_t before = secret_pool_used();
	struct classifier *c = classifier_new();
	struct policy *p = xcalloc(1, sizeof(*p));

	classifier_retire_out(c, out_new());
	classifier_retire_in(c, in_with_spi(1000));
	classifier_retire_out(c, NULL);
	classifier_retire_rules(c, classifier_publish_rules(c, p));
	assert_int_equal(secret_pool_used(), before);
	assert_int_equal(classifier_reclaim(c), 0);
	free(p);
	classifier_free(c);
}

static void it_is_freed_when_all_have_passed(void **state)
{
	size_t before = secret_pool_used();
	struct classifier *c = classifier_new();
	struct classifier_reader *a = classifier_reader_add(c), *b = classifier_reader_add(c);
	struct esp_out *p = out_new(), *n = out_new();
	size_t one;

	classifier_set_current(c, 3, p);
	classifier_pass(c, a);
	classifier_pass(c, b);
	one = secret_pool_used() - before;
	classifier_set_current(c, 3, n);
	classifier_retire_out(c, p);
	assert_int_equal(classifier_reclaim(c), 1);
	classifier_pass(c, a);
	classifier_pass(c, a);
	assert_int_equal(classifier_reclaim(c), 1);
	assert_int_equal(secret_pool_used(), before + one);
	classifier_pass(c, b);
	assert_int_equal(classifier_reclaim(c), 0);
	assert_int_equal(secret_pool_used(), before + one / 2);
	/* Each of two that were taken out one after the other has its own time. */
	p = out_new();
	classifier_set_current(c, 3, p);
	classifier_retire_out(c, n);
	classifier_pass(c, a);
	classifier_pass(c, b);
	classifier_set_current(c, 3, NULL);
	classifier_retire_out(c, p);
	assert_int_equal(classifier_reclaim(c), 1);
	classifier_pass(c, b);
	assert_int_equal(classifier_reclaim(c), 1);
	/* Who has ended holds nothing. */
	classifier_reader_remove(c, a);
	assert_int_equal(classifier_reclaim(c), 0);
	assert_int_equal(secret_pool_used(), before);
	classifier_reader_remove(c, b);
	classifier_free(c);
}

static void every_publication_is_numbered(void **state)
{
	size_t before = secret_pool_used();
	struct classifier *c = classifier_new();
	struct classifier_reader *r = classifier_reader_add(c);
	struct policy *p = xcalloc(1, sizeof(*p));
	struct esp_out *out = out_new();
	struct esp_in *in = in_with_spi(1000);

	classifier_add_spi(c, in);
	classifier_pass(c, r);
	classifier_remove_spi(c, 1000);
	classifier_retire_in(c, in);
	assert_int_equal(classifier_reclaim(c), 1);
	classifier_pass(c, r);
	assert_int_equal(classifier_reclaim(c), 0);
	classifier_set_next(c, 3, out);
	classifier_pass(c, r);
	classifier_set_next(c, 3, NULL);
	classifier_retire_out(c, out);
	assert_int_equal(classifier_reclaim(c), 1);
	classifier_pass(c, r);
	assert_int_equal(classifier_reclaim(c), 0);
	classifier_retire_rules(c, classifier_publish_rules(c, p));
	assert_int_equal(classifier_reclaim(c), 1);
	free(p);
	/* A path that packets may still name. */
	classifier_pass(c, r);
	out = out_new();
	assert_null(esp_out_move(out, esp_out_path(out)));
	classifier_retire_path(c, esp_out_move(out, esp_out_path(out)));
	assert_int_equal(classifier_reclaim(c), 1);
	classifier_pass(c, r);
	assert_int_equal(classifier_reclaim(c), 0);
	esp_out_free(out);
	/* What still waits goes with the classifier. */
	classifier_retire_out(c, out_new());
	classifier_free(c);
	assert_int_equal(secret_pool_used(), before);
}

static void there_are_so_many_readers(void **state)
{
	struct classifier *c = classifier_new();
	struct classifier_reader *r = NULL;

	for (unsigned i = 0; i < CLASSIFIER_READERS; i++)
		assert_non_null(r = classifier_reader_add(c));
	assert_null(classifier_reader_add(c));
	classifier_reader_remove(c, r);
	assert_ptr_equal(classifier_reader_add(c), r);
	classifier_free(c);
}

static void offers_are_remembered_as_far_as_they_fit(void **state)
{
	const uint32_t first = 0x10000, n = 4000;
	struct classifier *c = classifier_new();
	struct esp_in *sa = parts_in(parts_config(&suite_gcm, first));
	unsigned offered;
	bool waits;

	(void)state;
	assert_false(classifier_spi_offered(c, first));
	assert_false(classifier_spi_offered(c, 0));
	classifier_offer_spi(c, 0);
	classifier_offer_spi(c, 255);
	assert_int_equal(classifier_offers(c), 0);
	for (uint32_t spi = first; spi < first + n; spi++) {
		classifier_offer_spi(c, spi);
		classifier_offer_spi(c, spi);
	}
	offered = classifier_offers(c);
	assert_in_range(offered, 512, 1024);
	for (uint32_t spi = first; spi < first + n; spi++)
		offered -= classifier_spi_offered(c, spi);
	assert_int_equal(offered, 0);
	assert_null(classifier_await_spi(c, first, &waits));
	assert_true(waits);
	/* The SA leaves it as it is. */
	assert_int_equal(classifier_add_spi(c, sa), 0);
	assert_true(classifier_spi_offered(c, first));
	assert_ptr_equal(classifier_await_spi(c, first, &waits), sa);
	assert_false(waits);
	for (uint32_t spi = first; spi < first + n; spi++) {
		classifier_withdraw_spi(c, spi);
		assert_false(classifier_spi_offered(c, spi));
		classifier_withdraw_spi(c, spi);
	}
	assert_int_equal(classifier_offers(c), 0);
	classifier_offer_spi(c, first + n - 1);
	assert_true(classifier_spi_offered(c, first + n - 1));
	esp_in_free(sa);
	classifier_free(c);
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
		cmocka_unit_test(ten_thousand_come_and_go),
		cmocka_unit_test(an_emptied_index_takes_all_again),
		cmocka_unit_test(a_late_proof_proves_nothing_newer),
		cmocka_unit_test(an_sa_that_stays_is_always_found),
		cmocka_unit_test(it_is_found_while_the_index_grows),
		cmocka_unit_test(without_threads_it_is_freed_at_once),
		cmocka_unit_test(it_is_freed_when_all_have_passed),
		cmocka_unit_test(every_publication_is_numbered),
		cmocka_unit_test(there_are_so_many_readers),
		cmocka_unit_test(offers_are_remembered_as_far_as_they_fit),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
