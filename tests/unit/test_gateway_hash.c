/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/gateway.h"
#include "gateway/users.h"

/* Whether the hash that was written is the password's. */
static bool is_hash_of(const char *hash, const char *password)
{
	char file[] = "/tmp/godwit-hash-XXXXXX", why[USERS_WHY_MAX];
	int fd = mkstemp(file);
	struct users *u;
	bool is;

	assert_true(fd >= 0);
	assert_true(dprintf(fd, "alice:%s", hash) > 0);
	close(fd);
	assert_int_equal(users_load(file, &u, why), 0);
	unlink(file);
	is = users_check(u, "alice", slice(password, strlen(password)));
	users_free(u);
	return is;
}

/* NULL: it is refused, with one line. */
static void hashed(FILE *in, const char *password)
{
	char *said = NULL, *complaint = NULL;
	size_t n, m;
	FILE *out = open_memstream(&said, &n), *err = open_memstream(&complaint, &m);
	int code = gateway_hash(in, out, err);

	fclose(out);
	fclose(err);
	if (password) {
		assert_int_equal(code, 0);
		assert_true(is_hash_of(said, password));
	} else {
		assert_int_equal(code, 1);
		assert_string_equal(said, "");
		assert_non_null(strstr(complaint, "is to be one line"));
	}
	free(said);
	free(complaint);
	fclose(in);
}

static void piped(const char *text, const char *password)
{
	FILE *in = tmpfile();

	fputs(text, in);
	rewind(in);
	hashed(in, password);
}

static void a_line_may_lack_its_end(void **state)
{
	piped("correct horse\n", "correct horse");
	piped("correct horse", "correct horse");
	piped("correct horse\nbattery", "correct horse");
	piped("", NULL);
	piped("\n", NULL);
}

static void what_is_too_long_is_refused(void **state)
{
	char text[700];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	piped(text, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_may_lack_its_end),
		cmocka_unit_test(what_is_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
