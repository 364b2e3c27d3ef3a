/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "gateway/users.h"

/* "correct horse", by yescrypt, bcrypt and SHA-512. */
static char hash[USERS_HASH_MAX];

static int load(const char *text, mode_t mode, struct users **u, char why[USERS_WHY_MAX])
{
	char file[] = "/tmp/godwit-users-XXXXXX";
	int fd = mkstemp(file), err;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	*u = NULL;
	why[0] = '\0';
	err = users_load(file, u, why);
	if (err)
		assert_non_null(strstr(why, file));
	unlink(file);
	return err;
}

static void refused(const char *text, const char *what)
{
	char why[USERS_WHY_MAX];
	struct users *u;

	assert_int_equal(load(text, 0600, &u, why), ERR_CONFIG);
	assert_non_null(strstr(why, what));
}

static void a_password(void **state)
{
	char text[2 * USERS_HASH_MAX + 40], why[USERS_WHY_MAX];
	struct users *u;

	assert_int_equal(strncmp(hash, "$y$", 3), 0);
	snprintf(text, sizeof(text), "# people\n\nalice:%s\nbob smith:%s", hash, hash);
	assert_int_equal(load(text, 0600, &u, why), 0);
	assert_int_equal(users_count(u), 2);
	assert_true(users_check(u, "alice", SLICE_STR("correct horse")));
	assert_true(users_check(u, "bob smith", SLICE_STR("correct horse")));
	assert_false(users_check(u, "alice", SLICE_STR("correct horses")));
	assert_false(users_check(u, "alice", SLICE_STR("correct hors")));
	assert_false(users_check(u, "alice", SLICE_STR("")));
	assert_false(users_check(u, "alice", SLICE_NONE));
	assert_false(users_check(u, "mallory", SLICE_STR("correct horse")));
	assert_false(users_check(u, "", SLICE_STR("correct horse")));
	assert_false(users_check(u, "alice", slice("correct horse\0x", 15)));
	/* The hash is no password. */
	assert_false(users_check(u, "alice", SLICE_STR(hash)));
	users_free(u);
}

static void nobody(void **state)
{
	char why[USERS_WHY_MAX];
	struct users *u;

	assert_int_equal(load("", 0400, &u, why), 0);
	assert_int_equal(users_count(u), 0);
	assert_false(users_check(u, "alice", SLICE_STR("correct horse")));
	users_free(u);
}

static void what_is_no_file_of_users(void **state)
{
	char text[2 * USERS_HASH_MAX + 600], why[USERS_WHY_MAX];
	struct users *u;

	refused("alice\n", "line 1");
	refused("\n:x\n", "line 2");
	refused("alice:\n", "slow enough");
	refused("alice:secret\n", "slow enough");
	refused("alice:$1$salt$qJH7.N4xYta3aEG/dfqo/0\n", "slow enough");
	refused("alice:!\n", "slow enough");
	snprintf(text, sizeof(text), "alice:%s\nalice:%s\n", hash, hash);
	refused(text, "line 2: this name");
	memset(text, 'x', 500);
	snprintf(text + 500, sizeof(text) - 500, ":%s\n", hash);
	refused(text, "too long");
	snprintf(text, sizeof(text), "alice:%s\n", hash);
	assert_int_equal(load(text, 0640, &u, why), ERR_CONFIG);
	assert_non_null(strstr(why, "chmod"));
	assert_int_equal(users_load("/nonexistent/users", &u, why), ERR_SYSTEM);
	assert_int_equal(users_load("/tmp", &u, why), ERR_CONFIG);
}

static void other_slow_hashes(void **state)
{
	static const char text[] =
		"a:$2b$05$abcdefghijklmnopqrstuuWxnxtLZqGmwDBbWqXX5fQ3sZ5zqkqGS\n";
	char why[USERS_WHY_MAX];
	struct users *u;

	assert_int_equal(load(text, 0600, &u, why), 0);
	assert_false(users_check(u, "a", SLICE_STR("x")));
	users_free(u);
}

static void fill(void *ctx, uint8_t *out, size_t n)
{
	memset(out, 7, n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_password),
		cmocka_unit_test(nobody),
		cmocka_unit_test(what_is_no_file_of_users),
		cmocka_unit_test(other_slow_hashes),
	};
	struct rng rng = { .fill = fill };

	if (users_hash(SLICE_STR("correct horse"), &rng, hash) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
