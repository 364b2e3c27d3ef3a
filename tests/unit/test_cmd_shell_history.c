/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/shell.h"

static char top[] = "/tmp/history.XXXXXX";
static char file[256];

static int begin(void **state)
{
	if (!mkdtemp(top))
		return -1;
	setenv("XDG_STATE_HOME", top, 1);
	return shell_history_file(file, sizeof(file)) ? 0 : -1;
}

static int end(void **state)
{
	char path[128];

	unlink(file);
	snprintf(path, sizeof(path), "%s/godwit", top);
	rmdir(path);
	return rmdir(top);
}

struct read {
	unsigned n;
	char first[64], last[64];
};

static void take(void *ctx, const char *line)
{
	struct read *r = ctx;

	if (r->n++ == 0)
		snprintf(r->first, sizeof(r->first), "%s", line);
	snprintf(r->last, sizeof(r->last), "%s", line);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 0777;
}

static unsigned lines_of(const char *path)
{
	FILE *f = fopen(path, "r");
	unsigned n = 0;

	for (int c; (c = fgetc(f)) != EOF;)
		n += c == '\n';
	fclose(f);
	return n;
}

static void its_place(void **state)
{
	char wanted[256], path[256], home[128], state_dir[256], local[256];

	snprintf(wanted, sizeof(wanted), "%s/godwit/history", top);
	assert_string_equal(file, wanted);
	snprintf(home, sizeof(home), "%s/home", top);
	setenv("HOME", home, 1);
	setenv("XDG_STATE_HOME", "relative", 1);
	assert_true(shell_history_file(path, sizeof(path)));
	snprintf(wanted, sizeof(wanted), "%s/.local/state/godwit/history", home);
	assert_string_equal(path, wanted);
	*strrchr(path, '/') = '\0';
	assert_int_equal(mode_of(path), 0700);
	rmdir(path);
	snprintf(state_dir, sizeof(state_dir), "%s/.local/state", home);
	rmdir(state_dir);
	snprintf(local, sizeof(local), "%s/.local", home);
	rmdir(local);
	rmdir(home);
	unsetenv("HOME");
	unsetenv("XDG_STATE_HOME");
	assert_false(shell_history_file(path, sizeof(path)));
	setenv("XDG_STATE_HOME", "/dev/null", 1);
	assert_false(shell_history_file(path, sizeof(path)));
}

static void what_is_added_comes_back(void **state)
{
	struct read r = { 0 };

	unlink(file);
	shell_history_load(file, take, &r);
	assert_int_equal(r.n, 0);
	umask(0);
	shell_history_add(file, "connect office");
	shell_history_add(file, "status");
	umask(022);
	assert_int_equal(mode_of(file), 0600);
	shell_history_load(file, take, &r);
	assert_int_equal(r.n, 2);
	assert_string_equal(r.first, "connect office");
	assert_string_equal(r.last, "status");
}

/* One that others could read is theirs no more. */
static void its_mode_is_mended(void **state)
{
	shell_history_add(file, "status");
	assert_int_equal(chmod(file, 0644), 0);
	shell_history_add(file, "status");
	assert_int_equal(mode_of(file), 0600);
}

static void only_the_newest_stay(void **state)
{
	char line[32];
	struct read r = { 0 };

	unlink(file);
	for (int i = 0; i < SHELL_HISTORY_MAX + 10; i++) {
		snprintf(line, sizeof(line), "line %d", i);
		shell_history_add(file, line);
	}
	shell_history_load(file, take, &r);
	assert_int_equal(r.n, SHELL_HISTORY_MAX);
	assert_string_equal(r.first, "line 10");
	assert_string_equal(r.last, line);
	assert_int_equal(lines_of(file), SHELL_HISTORY_MAX);
	assert_int_equal(mode_of(file), 0600);
}

/* A link of somebody else's is not followed. */
static void no_links(void **state)
{
	char target[128];
	struct read r = { 0 };

	snprintf(target, sizeof(target), "%s/target", top);
	unlink(file);
	assert_int_equal(symlink(target, file), 0);
	shell_history_add(file, "status");
	assert_int_equal(access(target, F_OK), -1);
	shell_history_load(file, take, &r);
	assert_int_equal(r.n, 0);
}

static void what_is_not_for_it(void **state)
{
	assert_true(shell_history_wanted("status", ""));
	assert_false(shell_history_wanted("status", "status"));
	assert_false(shell_history_wanted("", "status"));
	assert_false(shell_history_wanted(" status", ""));
	/* It is refused, and yet typed. */
	assert_false(shell_history_wanted("connect --auth-psk hunter2 office", ""));
	assert_false(shell_history_wanted("connect office --auth-psk='hunter 2'", ""));
	assert_false(shell_history_wanted("connect --auth-psk-file x --auth-psk y", ""));
	assert_true(shell_history_wanted("connect --auth-psk-file x office", ""));
}

/* Reading a pipe would wait for who writes. */
static void no_pipes(void **state)
{
	struct read r = { 0 };

	unlink(file);
	assert_int_equal(mkfifo(file, 0600), 0);
	shell_history_load(file, take, &r);
	assert_int_equal(r.n, 0);
	shell_history_add(file, "status");
	unlink(file);
}

/* Who has our home, but is not us. */
static void not_anothers(void **state)
{
	struct read r = { 0 };

	if (geteuid() != 0)
		skip();
	unlink(file);
	shell_history_add(file, "status");
	assert_int_equal(chown(file, 65534, 65534), 0);
	shell_history_load(file, take, &r);
	assert_int_equal(r.n, 0);
	unlink(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_added_comes_back),
		cmocka_unit_test(its_mode_is_mended),
		cmocka_unit_test(only_the_newest_stay),
		cmocka_unit_test(no_links),
		cmocka_unit_test(what_is_not_for_it),
		cmocka_unit_test(its_place),
		cmocka_unit_test(no_pipes),
		cmocka_unit_test(not_anothers),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
