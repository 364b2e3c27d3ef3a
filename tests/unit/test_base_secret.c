/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/secret.h"
#include "tests/support/dies.h"

#define CHUNK 65536

static bool all_are(const uint8_t *p, size_t n, uint8_t v)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != v)
			return false;
	return true;
}

static void test_life(void **state)
{
	struct secret s, t = { 0 };

	secret_set(&s, SLICE_STR("key"));
	assert_int_equal(s.n, 3);
	assert_memory_equal(s.p, "key", 3);
	assert_true(slice_eq(secret_slice(&s), SLICE_STR("key")));
	assert_true(secret_pool_used() > 0);
	secret_move(&t, &s);
	assert_null(s.p);
	assert_int_equal(s.n, 0);
	assert_memory_equal(t.p, "key", 3);
	secret_free(&s);
	secret_free(&t);
	assert_null(t.p);
	assert_int_equal(t.n, 0);
	secret_free(&t);
	assert_int_equal(secret_pool_used(), 0);
}

static void test_empty(void **state)
{
	struct secret s, t;

	secret_set(&s, SLICE_NONE);
	secret_init(&t, 0);
	assert_int_equal(secret_slice(&s).n, 0);
	assert_ptr_not_equal(s.p, t.p);
	secret_free(&s);
	secret_free(&t);
	secret_release(NULL, 100);
	assert_int_equal(secret_pool_used(), 0);
}

/* The pool keeps its pages, so what was freed can be looked at. */
static void test_freed_is_zero(void **state)
{
	static const size_t sizes[] = { 1, 63, 64, 65, 200, 4096, CHUNK };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct secret s;
		uint8_t *was;

		secret_init(&s, sizes[i]);
		assert_true(all_are(s.p, s.n, 0));
		was = s.p;
		memset(s.p, 0xaa, s.n);
		secret_free(&s);
		assert_true(all_are(was, sizes[i], 0));
	}
	assert_int_equal(secret_pool_used(), 0);
}

/* Releasing one leaves its neighbours alone. */
static void test_neighbours(void **state)
{
	struct secret s[5];

	for (unsigned i = 0; i < 5; i++) {
		secret_init(&s[i], 64 + i);
		assert_int_equal((uintptr_t)s[i].p % 64, 0);
		memset(s[i].p, (int)i + 1, s[i].n);
	}
	secret_free(&s[1]);
	secret_free(&s[3]);
	for (unsigned i = 0; i < 5; i += 2)
		assert_true(all_are(s[i].p, s[i].n, (uint8_t)(i + 1)));
	secret_init(&s[1], 60);
	memset(s[1].p, 9, s[1].n);
	for (unsigned i = 0; i < 5; i += 2) {
		assert_true(all_are(s[i].p, s[i].n, (uint8_t)(i + 1)));
		secret_free(&s[i]);
	}
	secret_free(&s[1]);
	assert_int_equal(secret_pool_used(), 0);
}

/* More than two chunks' worth at once, of sizes that leave holes. */
static void test_beyond_one_chunk(void **state)
{
	static struct secret s[600];

	for (unsigned i = 0; i < ARRAY_SIZE(s); i++) {
		secret_init(&s[i], 1 + i % 700);
		assert_true(all_are(s[i].p, s[i].n, 0));
		memset(s[i].p, (int)(i % 255) + 1, s[i].n);
	}
	assert_true(secret_pool_used() > 2 * CHUNK);
	for (unsigned i = 0; i < ARRAY_SIZE(s); i++)
		assert_true(all_are(s[i].p, s[i].n, (uint8_t)(i % 255 + 1)));
	for (unsigned i = 0; i < ARRAY_SIZE(s); i += 2)
		secret_free(&s[i]);
	for (unsigned i = 1; i < ARRAY_SIZE(s); i += 2)
		assert_true(all_are(s[i].p, s[i].n, (uint8_t)(i % 255 + 1)));
	for (unsigned i = 1; i < ARRAY_SIZE(s); i += 2)
		secret_free(&s[i]);
	assert_int_equal(secret_pool_used(), 0);
}

/* Keys of thousands of SAs, so that most lie in large chunks; they are wiped there, too. */
static void test_thousands(void **state)
{
	enum {
		N = 6000,
		SIZE = 1000
	};
	static uint8_t *key[N];

	for (unsigned i = 0; i < N; i++) {
		key[i] = secret_alloc(SIZE);
		assert_int_equal((uintptr_t)key[i] % 64, 0);
		assert_true(all_are(key[i], SIZE, 0));
		memset(key[i], (int)(i % 255) + 1, SIZE);
	}
	for (unsigned i = 0; i < N; i += 2) {
		secret_release(key[i], SIZE);
		assert_true(all_are(key[i], SIZE, 0));
	}
	for (unsigned i = 1; i < N; i += 2)
		assert_true(all_are(key[i], SIZE, (uint8_t)(i % 255 + 1)));
	/* What is too large for the holes goes elsewhere, what is not fills them. */
	for (unsigned i = 0; i < N; i += 2) {
		size_t size = i % 4 ? SIZE : 2 * SIZE;

		key[i] = secret_alloc(size);
		assert_true(all_are(key[i], size, 0));
		memset(key[i], (int)(i % 255) + 1, size);
	}
	for (unsigned i = 0; i < N; i++) {
		size_t size = i % 2 || i % 4 ? SIZE : 2 * SIZE;

		assert_true(all_are(key[i], size, (uint8_t)(i % 255 + 1)));
		secret_release(key[i], size);
		assert_true(all_are(key[i], size, 0));
	}
	assert_int_equal(secret_pool_used(), 0);
}

/* What was freed is used again: the pool does not grow with time. */
static void test_space_comes_back(void **state)
{
	uint8_t *first = secret_alloc(CHUNK);

	secret_release(first, CHUNK);
	for (int i = 0; i < 100; i++) {
		uint8_t *again = secret_alloc(CHUNK);

		assert_ptr_equal(again, first);
		secret_release(again, CHUNK);
	}
	assert_int_equal(secret_pool_used(), 0);
}

static void too_large(void)
{
	secret_alloc(CHUNK + 1);
}

static void not_a_secret(void)
{
	static uint8_t other[64];

	secret_release(other, sizeof(other));
}

static void test_own_bugs_die(void **state)
{
	assert_true(dies(too_large));
	assert_true(dies(not_a_secret));
}

static struct secret inherited;

static void look_at_inherited(void)
{
	if (!all_are(inherited.p, inherited.n, 0))
		abort();
}

static void test_child_sees_zeros(void **state)
{
	secret_set(&inherited, SLICE_STR("not for children"));
	assert_false(dies(look_at_inherited));
	assert_memory_equal(inherited.p, "not for children", inherited.n);
	secret_free(&inherited);
}

static void test_ct_equal(void **state)
{
	uint8_t a[33], b[33];

	memset(a, 0x5a, sizeof(a));
	memset(b, 0x5a, sizeof(b));
	assert_true(ct_equal(SLICE_OF(a), SLICE_OF(b)));
	assert_true(ct_equal(SLICE_NONE, SLICE_NONE));
	assert_false(ct_equal(SLICE_OF(a), slice(b, 32)));
	assert_false(ct_equal(slice(a, 32), SLICE_OF(b)));
	for (size_t bit = 0; bit < 8 * sizeof(b); bit++) {
		b[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(ct_equal(SLICE_OF(a), SLICE_OF(b)));
		b[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	/* Differences must not cancel out. */
	b[0] ^= 1;
	b[32] ^= 1;
	assert_false(ct_equal(SLICE_OF(a), SLICE_OF(b)));
}

static void test_wipe(void **state)
{
	uint8_t b[40];

	memset(b, 1, sizeof(b));
	wipe(b + 1, 38);
	assert_int_equal(b[0], 1);
	assert_true(all_are(b + 1, 38, 0));
	assert_int_equal(b[39], 1);
	wipe(NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_freed_is_zero),
		cmocka_unit_test(test_neighbours),
		cmocka_unit_test(test_beyond_one_chunk),
		cmocka_unit_test(test_space_comes_back),
		cmocka_unit_test(test_thousands),
		cmocka_unit_test(test_own_bugs_die),
		cmocka_unit_test(test_child_sees_zeros),
		cmocka_unit_test(test_ct_equal),
		cmocka_unit_test(test_wipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
