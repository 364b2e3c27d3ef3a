/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What may go to a path that is not proved: the rest waits, and none of it is lost. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "esp/limit.h"
#include "tests/unit/hold_parts.h"

static const struct endpoint somewhere = { { .family = FAMILY_IP4, .b = { 192, 0, 2, 9 } }, 4500 };
static const struct endpoint elsewhere = { { .family = FAMILY_IP4, .b = { 192, 0, 2, 8 } }, 4500 };

static void counts_what_comes_from_there(void **state)
{
	struct esp_limit *l = esp_limit_new(&somewhere, 3);

	(void)state;
	assert_false(esp_limit_allows(l, 1));
	esp_limit_received(l, &elsewhere, 1000);
	assert_false(esp_limit_allows(l, 1));
	esp_limit_received(l, &somewhere, 100);
	assert_true(esp_limit_allows(l, 300));
	assert_false(esp_limit_allows(l, 301));
	esp_limit_sent(l, 250);
	assert_false(esp_limit_allows(l, 51));
	assert_true(esp_limit_allows(l, 50));
	/* What must go may go below zero. */
	esp_limit_sent(l, 150);
	esp_limit_received(l, &somewhere, 30);
	assert_false(esp_limit_allows(l, 1));
	esp_limit_free(l);
}

static void what_is_over_it_waits_in_order(void **state)
{
	struct bed *b = *state;
	struct esp_limit *l = esp_limit_new(&somewhere, 3);
	unsigned n;

	bed_sa(b, SLOT, 0);
	esp_out_set_limit(classifier_slot_sa(b->c, SLOT), l);
	esp_limit_received(l, &somewhere, 200);
	for (uint32_t i = 0; i < 20; i++)
		bed_udp(b, "10.2.0.9", 53, i);
	n = b->nsent;
	assert_in_range(n, 2, (600 - ESP_LIMIT_RESERVE) / 60);
	assert_int_equal(outbound_held(b->o)->packets, 20 - n);
	/* Nobody is asked for an SA: there is one, with numbers. */
	expect_no_event(b);
	bed_release(b);
	assert_int_equal(b->nsent, n);
	esp_limit_received(l, &somewhere, 100);
	bed_release(b);
	assert_in_range(b->nsent, n + 1, n + 5);
	esp_out_set_limit(classifier_slot_sa(b->c, SLOT), NULL);
	classifier_retire_limit(b->c, l);
	bed_release(b);
	assert_int_equal(b->nsent, 20);
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(noted_number(&b->sent[i]), i);
	assert_int_equal(outbound_held(b->o)->dropped, 0);
}

static int set_up(void **state)
{
	(void)state;
	return crypto_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_what_comes_from_there),
		bed_test(what_is_over_it_waits_in_order),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
