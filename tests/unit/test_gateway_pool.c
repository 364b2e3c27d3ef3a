/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "gateway/pool.h"

static struct pool_range range(const char *text)
{
	struct pool_range r;

	assert_true(pool_range_parse(text, &r));
	return r;
}

static struct pool *pool(const char *a, const char *b)
{
	struct pool_range r[2] = { range(a) };

	if (b)
		r[1] = range(b);
	return pool_new(r, b ? 2 : 1);
}

static const uint8_t *key(unsigned n)
{
	static uint8_t k[POOL_KEY];

	memset(k, 0, sizeof(k));
	k[7] = (uint8_t)n;
	k[6] = (uint8_t)(n >> 8);
	k[20] = (uint8_t)n;
	return k;
}

static struct addr address(const char *text)
{
	struct addr a;

	assert_true(addr_parse(text, &a));
	return a;
}

static bool is(const struct addr *a, const char *text)
{
	struct addr b = address(text);

	return addr_eq(a, &b);
}

static void ranges(void **state)
{
	struct pool_range r = range("10.9.0.0/24");

	assert_true(is(&r.lo, "10.9.0.1") && is(&r.hi, "10.9.0.254"));
	r = range("10.9.0.77/31");
	assert_true(is(&r.lo, "10.9.0.76") && is(&r.hi, "10.9.0.77"));
	r = range("10.9.0.10-10.9.1.2");
	assert_true(is(&r.lo, "10.9.0.10") && is(&r.hi, "10.9.1.2"));
	r = range("fd00:9::/64");
	assert_true(is(&r.lo, "fd00:9::1") && is(&r.hi, "fd00:9::ffff:ffff:ffff:ffff"));
	r = range("::-ffff::");
	assert_false(pool_range_parse("10.9.0.10-10.9.0.9", &r));
	assert_false(pool_range_parse("10.9.0.10-fd00::1", &r));
	assert_false(pool_range_parse("10.9.0.10-", &r));
	assert_false(pool_range_parse("-", &r));
	assert_false(pool_range_parse("", &r));
	assert_false(pool_range_parse("10.9.0.0/33", &r));
	assert_false(pool_range_parse("1234567890123456789012345678901234567890123456789-1", &r));
}

static void the_first_address_is_the_gateways(void **state)
{
	struct pool *p = pool("10.9.0.0/29", "fd00:9::/64");
	struct addr own = pool_own(p, FAMILY_IP4), a;

	assert_true(is(&own, "10.9.0.1"));
	own = pool_own(p, FAMILY_IP6);
	assert_true(is(&own, "fd00:9::1"));
	/* The other five, each once. */
	for (unsigned i = 0; i < 5; i++) {
		assert_true(pool_lease(p, 1, key(i), FAMILY_IP4, NULL, &a));
		assert_false(is(&a, "10.9.0.1"));
		assert_int_equal(pool_used(p), i + 1);
	}
	assert_false(pool_lease(p, 1, key(9), FAMILY_IP4, NULL, &a));
	assert_true(pool_lease(p, 1, key(9), FAMILY_IP6, NULL, &a));
	assert_int_equal(a.family, FAMILY_IP6);
	own = address("10.9.0.1");
	pool_release(p, 1, &own);
	assert_false(pool_lease(p, 1, key(9), FAMILY_IP4, &own, &a));
	pool_free(p);
}

static void who_comes_again_has_his_address(void **state)
{
	struct pool *p = pool("10.9.0.0/24", NULL);
	struct addr first, a;

	assert_true(pool_lease(p, 1, key(7), FAMILY_IP4, NULL, &first));
	pool_release(p, 2, &first);
	/* Others have others as long as there are any. */
	for (unsigned i = 0; i < 252; i++) {
		assert_true(pool_lease(p, 3, key(7 + 256 * (i + 1)), FAMILY_IP4, &first, &a));
		assert_false(addr_eq(&a, &first));
	}
	assert_true(pool_lease(p, 4, key(7), FAMILY_IP4, NULL, &a));
	assert_true(addr_eq(&a, &first));
	pool_release(p, 5, &first);
	/* The last one, for whoever needs it. */
	assert_true(pool_lease(p, 6, key(8), FAMILY_IP4, NULL, &a));
	assert_true(addr_eq(&a, &first));
	assert_false(pool_lease(p, 7, key(7), FAMILY_IP4, &first, &a));
	pool_free(p);
}

static void the_same_after_a_restart(void **state)
{
	struct addr before, after;
	struct pool *p = pool("10.9.0.0/16", NULL);

	assert_true(pool_lease(p, 1, key(77), FAMILY_IP4, NULL, &before));
	pool_free(p);
	p = pool("10.9.0.0/16", NULL);
	assert_true(pool_lease(p, 1, key(5), FAMILY_IP4, NULL, &after));
	assert_true(pool_lease(p, 1, key(77), FAMILY_IP4, NULL, &after));
	assert_true(addr_eq(&before, &after));
	pool_free(p);
}

static void wishes(void **state)
{
	struct pool *p = pool("10.9.0.0/24", "10.9.7.0/24");
	struct addr wish = address("10.9.7.9"), a;

	assert_true(pool_lease(p, 1, key(1), FAMILY_IP4, &wish, &a));
	assert_true(addr_eq(&a, &wish));
	/* Taken, another one's, the gateway's, none of the pool, of another family. */
	assert_true(pool_lease(p, 1, key(1), FAMILY_IP4, &wish, &a));
	assert_false(addr_eq(&a, &wish));
	pool_release(p, 2, &wish);
	assert_true(pool_lease(p, 3, key(2), FAMILY_IP4, &wish, &a));
	assert_false(addr_eq(&a, &wish));
	assert_true(pool_lease(p, 3, key(1), FAMILY_IP4, &wish, &a));
	assert_true(addr_eq(&a, &wish));
	wish = address("10.9.0.1");
	assert_true(pool_lease(p, 3, key(3), FAMILY_IP4, &wish, &a));
	assert_false(addr_eq(&a, &wish));
	wish = address("10.9.1.1");
	assert_true(pool_lease(p, 3, key(4), FAMILY_IP4, &wish, &a));
	assert_false(addr_eq(&a, &wish));
	wish = address("fd00::1");
	assert_true(pool_lease(p, 3, key(4), FAMILY_IP4, &wish, &a));
	assert_int_equal(a.family, FAMILY_IP4);
	assert_false(pool_lease(p, 3, key(4), FAMILY_IP6, &wish, &a));
	pool_free(p);
}

/* Memory is bounded: the one that left first is forgotten first. */
static void more_clients_than_memory(void **state)
{
	struct pool *p = pool("10.0.0.0/8", NULL);
	struct addr first, a;

	assert_true(pool_lease(p, 1, key(1), FAMILY_IP4, NULL, &first));
	pool_release(p, 2, &first);
	for (unsigned i = 0; i < POOL_LEASES_MAX; i++) {
		assert_true(pool_lease(p, 3 + i, key(2 + i), FAMILY_IP4, NULL, &a));
		pool_release(p, 4 + i, &a);
	}
	assert_int_equal(pool_used(p), 0);
	for (unsigned i = 0; i < POOL_LEASES_MAX; i++)
		assert_true(pool_lease(p, 90000, key(2 + i), FAMILY_IP4, NULL, &a));
	assert_int_equal(pool_used(p), POOL_LEASES_MAX);
	assert_false(pool_lease(p, 90001, key(1), FAMILY_IP4, NULL, &a));
	pool_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges),
		cmocka_unit_test(the_first_address_is_the_gateways),
		cmocka_unit_test(who_comes_again_has_his_address),
		cmocka_unit_test(the_same_after_a_restart),
		cmocka_unit_test(wishes),
		cmocka_unit_test(more_clients_than_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
