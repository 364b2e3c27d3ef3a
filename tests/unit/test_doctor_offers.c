/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor_address.h"

static const struct ike_suite a = { IKE_CIPHER_AES_CBC, 256, HASH_SHA2_256, DH_MODP_2048 };

static void test_fill(void **state)
{
	char weak[IKE_WEAK_MAX];
	struct offer o;

	for (unsigned k = 0; k < OFFER_KINDS; k++) {
		offer_fill(&o, (enum offer_kind)k, METHOD_RSA, DH_NONE);
		assert_in_range(o.n, 10, OFFER_MAX);
		for (unsigned i = 0; i < o.n; i++) {
			assert_int_equal(o.choice[i].method, METHOD_RSA);
			for (unsigned j = 0; j < i; j++)
				assert_false(suite_same(&o.choice[i].suite, &o.choice[j].suite));
			if (k == OFFER_GOOD)
				assert_string_equal(ike_suite_weak(&o.choice[i].suite, weak), "");
		}
	}
	offer_fill(&o, OFFER_OLD, METHOD_PSK, DH_MODP_1024);
	assert_true(o.n > 3);
	for (unsigned i = 0; i < o.n; i++)
		assert_int_equal(o.choice[i].suite.group, DH_MODP_1024);
}

static void test_remove(void **state)
{
	struct ike_choice c = { .suite = a, .method = METHOD_PSK };
	struct offer o;
	unsigned n;

	offer_fill(&o, OFFER_GOOD, METHOD_PSK, DH_NONE);
	n = o.n;
	assert_true(offer_has(&o, &c));
	offer_remove(&o, &c, 1);
	assert_int_equal(o.n, n - 1);
	assert_false(offer_has(&o, &c));
	offer_remove(&o, &c, 1);
	assert_int_equal(o.n, n - 1);
	/* Another method is another thing. */
	c.method = METHOD_RSA;
	c.suite = o.choice[0].suite;
	offer_remove(&o, &c, 1);
	assert_int_equal(o.n, n - 1);
}

/* The group counts most, the length of the key least. */
static void test_sort(void **state)
{
	static const struct ike_suite own = { IKE_CIPHER_AES_CBC, 192, HASH_SHA2_384, DH_ECP_256 };
	unsigned last = 0;
	struct offer o;

	offer_fill(&o, OFFER_GOOD, METHOD_PSK, DH_NONE);
	offer_sort(&o, &own, 1);
	for (unsigned i = 0; i < o.n; i++) {
		assert_true(choice_distance(&o.choice[i], &own, 1) >= last);
		last = choice_distance(&o.choice[i], &own, 1);
	}
	assert_int_equal(o.choice[0].suite.group, DH_ECP_256);
	assert_int_equal(o.choice[0].suite.hash, HASH_SHA2_384);
	assert_int_equal(choice_distance(&(struct ike_choice){ .suite = a }, &a, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fill),
		cmocka_unit_test(test_remove),
		cmocka_unit_test(test_sort),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
