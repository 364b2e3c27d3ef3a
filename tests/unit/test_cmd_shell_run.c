/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The shell begins this program anew for each command: with arguments it tells which ones, in a file.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cmd/shell.h"

#define WORDS_FILE "GODWIT_TEST_WORDS"

static char top[] = "/tmp/shell.XXXXXX";
static char words_file[64];
static int listeners[2];
static const char *const running[2] = { "home", "office" };
static struct shell shell;

/* Something that listens where a connection would. */
static int begin(void **state)
{
	if (!mkdtemp(top))
		return -1;
	setenv("GODWIT_RUNDIR", top, 1);
	snprintf(words_file, sizeof(words_file), "%s/.words", top);
	setenv(WORDS_FILE, words_file, 1);
	for (unsigned i = 0; i < 2; i++) {
		struct sockaddr_un at = { .sun_family = AF_UNIX };

		snprintf(at.sun_path, sizeof(at.sun_path), "%s/%s", top, running[i]);
		if (mkdir(at.sun_path, 0700) != 0)
			return -1;
		strcat(at.sun_path, "/control");
		listeners[i] = socket(AF_UNIX, SOCK_STREAM, 0);
		if (bind(listeners[i], (struct sockaddr *)&at, sizeof(at)) != 0 ||
		    listen(listeners[i], 64) != 0)
			return -1;
	}
	return 0;
}

static int end(void **state)
{
	char path[96];

	for (unsigned i = 0; i < 2; i++) {
		close(listeners[i]);
		snprintf(path, sizeof(path), "%s/%s/control", top, running[i]);
		unlink(path);
		snprintf(path, sizeof(path), "%s/%s", top, running[i]);
		rmdir(path);
	}
	unlink(words_file);
	return rmdir(top);
}

static int line(const char *text)
{
	return shell_line(&shell, text, strlen(text));
}

/* What is begun for a line. */
static void becomes(const char *text, const char *wanted)
{
	char got[256] = "";
	FILE *f;

	unlink(words_file);
	assert_int_equal(line(text), EXIT_CODE_OK);
	f = fopen(words_file, "r");
	if (f) {
		got[fread(got, 1, sizeof(got) - 1, f)] = '\0';
		fclose(f);
	}
	assert_string_equal(got, wanted);
}

static void the_used_connection_is_named(void **state)
{
	shell = (struct shell){ 0 };
	becomes("status", "godwit status");
	assert_int_equal(line("use office"), EXIT_CODE_OK);
	becomes("status", "godwit status office");
	becomes("status --json", "godwit status --json office");
	becomes("status home", "godwit status home");
	becomes("roam", "godwit roam office");
	becomes("roam eth0 up", "godwit roam office eth0 up");
	becomes("roam home eth0 up", "godwit roam home eth0 up");
	becomes("set log debug", "godwit set log debug office");
	becomes("set log debug home", "godwit set log debug home");
	/* Where no running one is meant, none is. */
	becomes("check", "godwit check");
	becomes("version", "godwit version");
	assert_int_equal(line("use --none"), EXIT_CODE_OK);
	becomes("status", "godwit status");
}

static void words_stay_what_they_are(void **state)
{
	shell = (struct shell){ 0 };
	becomes("connect 'my office.conf' --keylog=/tmp/k -v",
		"godwit connect --keylog /tmp/k --verbose my office.conf");
	becomes("connect -- -odd", "godwit connect -- -odd");
	becomes("connect --gateway-address=vpn.example.com --auth-xauth yes x",
		"godwit connect --gateway-address vpn.example.com --auth-xauth yes x");
	becomes("godwit status home", "godwit status home");
	becomes("  # nothing", "");
	becomes("", "");
}

/* The command begins or ends one: `home` as long as the shell waits for it. */
static void what_runs_is_followed(void **state)
{
	char name[96], other[96];

	shell = (struct shell){ 0 };
	snprintf(name, sizeof(name), "%s/home", top);
	snprintf(other, sizeof(other), "%s/.home", top);
	setenv("GODWIT_TEST_FROM", other, 1);
	setenv("GODWIT_TEST_TO", name, 1);
	assert_int_equal(rename(name, other), 0);
	becomes("connect /some/where/at-home.conf", "godwit connect /some/where/at-home.conf");
	assert_string_equal(shell.used, "home");
	unsetenv("GODWIT_TEST_FROM");
	/* It was in the foreground, and has ended. */
	becomes("connect --gateway-address x", "godwit connect --gateway-address x");
	assert_string_equal(shell.used, "home");
	becomes("disconnect office", "godwit disconnect office");
	assert_string_equal(shell.used, "home");
	becomes("disconnect", "godwit disconnect home");
	assert_string_equal(shell.used, "");
}

static void exit_codes(void **state)
{
	shell = (struct shell){ 0 };
	assert_int_equal(line("connect fail-4"), 4);
	assert_string_equal(shell.used, "");
	assert_int_equal(line("connect die-15"), EXIT_CODE_NOT_RUNNING);
	assert_int_equal(line("nosuch"), EXIT_CODE_USAGE);
	assert_int_equal(line("gateway"), EXIT_CODE_USAGE);
	assert_int_equal(line("connect"), EXIT_CODE_USAGE);
	assert_int_equal(line("status 'home"), EXIT_CODE_USAGE);
	assert_int_equal(line("use nosuch"), EXIT_CODE_NOT_RUNNING);
	assert_int_equal(line("help status"), EXIT_CODE_OK);
	assert_int_equal(line("status --help"), EXIT_CODE_OK);
	assert_int_equal(line("help nosuch"), EXIT_CODE_USAGE);
	assert_false(shell.quit);
	assert_int_equal(line("exit"), EXIT_CODE_OK);
	assert_true(shell.quit);
}

/* As a command. */
static int command(int argc, char **argv)
{
	const char *from = getenv("GODWIT_TEST_FROM");
	FILE *f = fopen(getenv(WORDS_FILE), "w");

	if (from && rename(from, getenv("GODWIT_TEST_TO")) != 0)
		return 1;
	for (int i = 0; i < argc; i++)
		fprintf(f, "%s%s", i ? " " : "", argv[i]);
	fclose(f);
	if (strcmp(argv[argc - 1], "fail-4") == 0)
		return 4;
	if (strcmp(argv[argc - 1], "die-15") == 0)
		raise(15);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_used_connection_is_named),
		cmocka_unit_test(words_stay_what_they_are),
		cmocka_unit_test(what_runs_is_followed),
		cmocka_unit_test(exit_codes),
	};

	if (argc > 1)
		return command(argc, argv);
	return cmocka_run_group_tests(tests, begin, end);
}
