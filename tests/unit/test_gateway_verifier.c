/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/verifier.h"

static struct users *users;

static void fill(void *ctx, uint8_t *out, size_t n)
{
	memset(out, 9, n);
}

static int load(void **state)
{
	char file[] = "/tmp/godwit-verifier-XXXXXX", why[USERS_WHY_MAX], hash[USERS_HASH_MAX];
	struct rng rng = { .fill = fill };
	int fd = mkstemp(file), rc;

	if (fd < 0 || users_hash(SLICE_STR("correct horse"), &rng, hash) != 0)
		return -1;
	dprintf(fd, "alice:%s\n", hash);
	close(fd);
	rc = users_load(file, &users, why);
	unlink(file);
	return rc;
}

static int unload(void **state)
{
	users_free(users);
	return 0;
}

/* The next answer, as the loop gets it. */
static bool answer(struct verifier *v, uint32_t *id, bool *ok)
{
	struct pollfd p = { .fd = verifier_fd(v), .events = POLLIN };

	while (!verifier_take(v, id, ok))
		if (poll(&p, 1, 20000) != 1)
			return false;
	return true;
}

static void answers_in_order(void **state)
{
	struct verifier *v = verifier_new(users);
	struct pollfd p = { .fd = verifier_fd(v), .events = POLLIN };
	uint32_t id;
	bool ok;

	assert_non_null(v);
	for (uint32_t i = 1; i <= 6; i++)
		assert_true(verifier_ask(v, i, i % 3 ? "alice" : "bob",
					 i % 2 ? SLICE_STR("correct horse") : SLICE_STR("wrong")));
	for (uint32_t i = 1; i <= 6; i++) {
		assert_true(answer(v, &id, &ok));
		assert_int_equal(id, i);
		assert_int_equal(ok, i == 1 || i == 5);
	}
	assert_false(verifier_take(v, &id, &ok));
	assert_int_equal(poll(&p, 1, 0), 0);
	verifier_free(v);
}

static void a_full_queue(void **state)
{
	struct verifier *v = verifier_new(users);
	unsigned taken = 0;
	char name[USERS_NAME_MAX + 1];

	while (taken <= VERIFIER_QUEUE && verifier_ask(v, taken + 1, "alice", SLICE_STR("x")))
		taken++;
	assert_int_equal(taken, VERIFIER_QUEUE);
	/* Who ends does not wait for all of them. */
	verifier_free(v);
	v = verifier_new(users);
	memset(name, 'x', sizeof(name));
	name[USERS_NAME_MAX] = '\0';
	assert_false(verifier_ask(v, 1, name, SLICE_STR("x")));
	verifier_free(v);
	verifier_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_in_order),
		cmocka_unit_test(a_full_queue),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
