/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "client/psk.h"

static char directory[] = "/tmp/godwit-psk-XXXXXX";
static char file[100];

static int make_directory(void **state)
{
	if (!mkdtemp(directory))
		return -1;
	snprintf(file, sizeof(file), "%s/psk", directory);
	return 0;
}

static int remove_directory(void **state)
{
	unlink(file);
	return rmdir(directory);
}

static void write_file(mode_t mode, const void *bytes, size_t n)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void expect_key(struct secret *s, const void *bytes, size_t n)
{
	assert_int_equal(s->n, n);
	assert_memory_equal(s->p, bytes, n);
	secret_free(s);
	assert_int_equal(secret_pool_used(), 0);
}

static void expect_none(struct secret *s)
{
	assert_null(s->p);
	assert_int_equal(secret_pool_used(), 0);
}

static void a_file_gives_its_line(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *key;
		size_t key_n;
	} cases[] = {
		{ "sesame", 6, "sesame", 6 },	    { "sesame\n", 7, "sesame", 6 },
		{ "sesame\r\n", 8, "sesame", 6 },   { " ; # \t\n", 7, " ; # \t", 6 },
		{ "a\0b\xff\n", 5, "a\0b\xff", 4 }, { "\"quoted\"\n", 9, "\"quoted\"", 8 },
	};
	char why[PSK_WHY_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct secret s = { 0 };

		write_file(0600, cases[i].bytes, cases[i].n);
		assert_int_equal(psk_from_file(file, &s, why), 0);
		expect_key(&s, cases[i].key, cases[i].key_n);
	}
}

static void a_bad_file_gives_none(void **state)
{
	char long_line[PSK_MAX + 10];
	struct secret s = { 0 };
	char why[PSK_WHY_MAX];

	write_file(0600, "\n", 1);
	assert_int_equal(psk_from_file(file, &s, why), ERR_CONFIG);
	assert_string_equal(why, "gives an empty line");
	write_file(0600, "a\nb\n", 4);
	assert_int_equal(psk_from_file(file, &s, why), ERR_CONFIG);
	assert_string_equal(why, "gives more than one line");
	write_file(0604, "a\n", 2);
	assert_int_equal(psk_from_file(file, &s, why), ERR_PERMISSION);
	assert_string_equal(why, "is open to others (mode 0604); chmod 600 makes it ours alone");
	for (unsigned bit = 0; bit < 6; bit++) {
		write_file(0600 | 1u << bit, "a\n", 2);
		assert_int_equal(psk_from_file(file, &s, why), ERR_PERMISSION);
	}
	assert_int_equal(psk_from_file(directory, &s, why), ERR_CONFIG);
	assert_string_equal(why, "is not a regular file");
	assert_int_equal(psk_from_file("/nonexistent/psk", &s, why), ERR_SYSTEM);
	assert_string_equal(why, "cannot be read: No such file or directory");
	expect_none(&s);

	memset(long_line, 'k', sizeof(long_line));
	long_line[PSK_MAX] = '\r';
	long_line[PSK_MAX + 1] = '\n';
	write_file(0600, long_line, PSK_MAX + 2);
	assert_int_equal(psk_from_file(file, &s, why), 0);
	long_line[PSK_MAX] = 'k';
	expect_key(&s, long_line, PSK_MAX);
	for (size_t more = 1; more < 10; more++) {
		long_line[PSK_MAX + 1] = 'k';
		write_file(0600, long_line, PSK_MAX + more);
		s = (struct secret){ 0 };
		assert_int_equal(psk_from_file(file, &s, why), ERR_CONFIG);
		assert_string_equal(why, "gives more than 1024 bytes");
		expect_none(&s);
	}
}

static void a_command_gives_its_line(void **state)
{
	static const char *const cases[][2] = {
		{ "echo sesame", "sesame" },
		{ "printf 'open; #sesame'", "open; #sesame" },
		{ "for i in a b; do printf $i; done; echo", "ab" },
		{ "cat; echo no-input", "no-input" },
		{ "printf sesame; exec >&-; sleep 0.05", "sesame" },
	};
	char why[PSK_WHY_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct secret s = { 0 };

		assert_int_equal(psk_from_command(cases[i][0], 20000, &s, why), 0);
		expect_key(&s, cases[i][1], strlen(cases[i][1]));
	}
}

static void a_bad_command_gives_none(void **state)
{
	static const struct {
		const char *command;
		int err;
		const char *why;
	} cases[] = {
		{ "true", ERR_CONFIG, "gives an empty line" },
		{ "echo; echo", ERR_CONFIG, "gives more than one line" },
		{ "echo sesame; exit 7", ERR_CONFIG, "ended with exit code 7" },
		{ "kill -TERM $$", ERR_CONFIG, "was ended by signal 15" },
		{ "exec /nonexistent/program 2>&1 >/dev/null", ERR_CONFIG,
		  "ended with exit code 127" },
		{ "yes", ERR_CONFIG, "gives more than 1024 bytes" },
	};
	char why[PSK_WHY_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct secret s = { 0 };

		assert_int_equal(psk_from_command(cases[i].command, 20000, &s, why), cases[i].err);
		assert_string_equal(why, cases[i].why);
		expect_none(&s);
	}
}

/* Whatever holds it up, and whatever it started, is gone. */
static void a_slow_command_is_ended(void **state)
{
	static const char *const slow[] = {
		"sleep 1000",
		"echo sesame; sleep 1000",
		"sleep 1000 & echo sesame",
		"exec >&-; sleep 1000",
		"trap '' TERM INT HUP; echo sesame; while :; do sleep 1000; done",
	};
	char command[300], why[PSK_WHY_MAX], text[40] = "";

	for (size_t i = 0; i < ARRAY_SIZE(slow); i++) {
		struct secret s = { 0 };
		FILE *f;

		snprintf(command, sizeof(command), "echo $$ >%s; %s", file, slow[i]);
		assert_int_equal(psk_from_command(command, 1000, &s, why), ERR_TIMEOUT);
		assert_string_equal(why, "has not ended after 1 s");
		expect_none(&s);
		f = fopen(file, "r");
		assert_non_null(f);
		assert_non_null(fgets(text, sizeof(text), f));
		fclose(f);
		/*
		 * The group has no process left but, at most, dead ones that init has yet to reap.
		 * What is killed needs its turn to die.
		 */
		snprintf(command, sizeof(command),
			 "for i in $(seq 100); do ps -o stat= -e -o pgid= | "
			 "awk '$2 == %d && $1 !~ /^Z/' | grep -q . || exit 0; sleep 0.05; done; "
			 "exit 1",
			 atoi(text));
		assert_int_equal(system(command), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_gives_its_line),
		cmocka_unit_test(a_bad_file_gives_none),
		cmocka_unit_test(a_command_gives_its_line),
		cmocka_unit_test(a_bad_command_gives_none),
		cmocka_unit_test(a_slow_command_is_ended),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
