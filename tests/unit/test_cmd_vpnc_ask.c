/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>

#include "tests/unit/vpnc_files.h"

static char *asked;
static size_t asked_size;

static bool ask(const char *answers)
{
	int fd = bytes_to_read(answers, strlen(answers));
	FILE *out = open_memstream(&asked, &asked_size);
	bool good = vpnc_ask(&s, fd, out, err);

	close(fd);
	fclose(out);
	return good;
}

static void expect_asked(const char *text)
{
	assert_string_equal(asked, text);
	free(asked);
}

static void everything_in_vpncs_order_and_words(void **state)
{
	assert_true(ask("gw.example.com\ngroup\nsecret\nalice\npassword\nmore\n"));
	expect_asked("Enter IPSec gateway address: "
		     "Enter IPSec ID for gw.example.com: "
		     "Enter IPSec secret for group@gw.example.com: \n"
		     "Enter username for gw.example.com: "
		     "Enter password for alice@gw.example.com: \n");
	assert_string_equal(s.value[VPNC_GATEWAY], "gw.example.com");
	assert_string_equal(s.value[VPNC_ID], "group");
	assert_string_equal(s.value[VPNC_SECRET], "secret");
	assert_string_equal(s.value[VPNC_USERNAME], "alice");
	assert_string_equal(s.value[VPNC_PASSWORD], "password");
	expect_said("");
}

static void set_all_but_password(void)
{
	assert_true(read_text("IPSec gateway g\nIPSec ID i\nIPSec secret s\nXauth username u\n"));
}

static void only_what_is_missing(void **state)
{
	set_all_but_password();
	assert_true(ask(" with blanks \r\n"));
	expect_asked("Enter password for u@g: \n");
	assert_string_equal(s.value[VPNC_PASSWORD], " with blanks ");
	assert_true(ask(""));
	expect_asked("");
}

static void an_interactive_password_is_asked_later(void **state)
{
	set_all_but_password();
	assert_true(read_text("Xauth interactive\n"));
	assert_true(ask(""));
	expect_asked("");
	assert_false(vpnc_is_set(&s, VPNC_PASSWORD));
}

static void noninteractive_asks_nothing(void **state)
{
	static const char *const lines[][2] = {
		{ "Noninteractive\n", "vpnc: missing IPSec gateway address\n" },
		{ "IPSec gateway g\n", "vpnc: missing IPSec ID\n" },
		{ "IPSec ID i\n", "vpnc: missing IPSec secret\n" },
		{ "IPSec secret s\n", "vpnc: missing Xauth username\n" },
		{ "Xauth username u\n", "vpnc: missing Xauth password\n" },
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_true(read_text(lines[i][0]));
		assert_false(ask("never read\n"));
		expect_asked("");
		expect_said(lines[i][1]);
	}
	assert_true(read_text("Xauth password p\n"));
	assert_true(ask(""));
	expect_asked("");
}

static void no_answer_is_missing(void **state)
{
	assert_false(ask("\n"));
	expect_asked("Enter IPSec gateway address: ");
	expect_said("vpnc: missing IPSec gateway address\n");
	assert_false(ask("g\ni\n"));
	expect_asked("Enter IPSec gateway address: Enter IPSec ID for g: "
		     "Enter IPSec secret for i@g: \n");
	expect_said("vpnc: unable to get password\n");
}

/* ---- the helper ---- */

static char helper[] = "/tmp/godwit-helper-XXXXXX";

static int make_helper(void **state)
{
	static const char text[] = "#!/bin/sh\n"
				   "case $1 in\n"
				   "*secret*) echo \"answer to $1\"; echo more ;;\n"
				   "*) exit 3 ;;\n"
				   "esac\n";
	int fd = mkstemp(helper);
	bool good = fd >= 0 && write(fd, text, strlen(text)) > 0 && fchmod(fd, 0700) == 0;

	close(fd);
	return good ? 0 : -1;
}

static int remove_helper(void **state)
{
	return unlink(helper);
}

static void a_program_answers_for_secrets(void **state)
{
	assert_true(read_text("IPSec gateway g\nIPSec ID i\n"));
	vpnc_set(&s, VPNC_PASSWORD_HELPER, helper, strlen(helper));
	/* The user's password is asked for when the gateway wants it. */
	assert_true(ask("bob\n"));
	expect_asked("Enter username for g: ");
	assert_string_equal(s.value[VPNC_SECRET], "answer to Enter IPSec secret for i@g: ");
	assert_false(vpnc_is_set(&s, VPNC_PASSWORD));
	s.print_config = true;
	assert_false(ask(""));
	expect_asked("");
	expect_said("vpnc: can't run password helper program: Input/output error\n");
}

static void a_program_that_is_not_there(void **state)
{
	assert_true(read_text("IPSec gateway g\nIPSec ID i\nPassword helper /nowhere/helper\n"));
	assert_false(ask(""));
	expect_asked("");
	expect_said("vpnc: can't run password helper program: No such file or directory\n");
}

/* ---- a terminal ---- */

static bool shows(int fd)
{
	struct termios t;

	assert_int_equal(tcgetattr(fd, &t), 0);
	return (t.c_lflag & ECHO) != 0;
}

/* Waits for the question, then for the terminal to hide what is typed. */
static void wait_for_question(int out, int terminal)
{
	char c = '\0';

	while (c != ' ')
		assert_int_equal(read(out, &c, 1), 1);
	for (unsigned i = 0; shows(terminal); i++) {
		assert_in_range(i, 0, 10000);
		usleep(1000);
	}
}

static pid_t ask_on(int terminal, int fds[2])
{
	pid_t child;

	assert_int_equal(pipe(fds), 0);
	child = fork();
	if (child == 0) {
		FILE *out = fdopen(fds[1], "w");

		_exit(vpnc_ask(&s, terminal, out, out) ? 0 : 1);
	}
	close(fds[1]);
	return child;
}

static int set_gateway_alone(void **state)
{
	ears_open(state);
	s.print_config = true;
	vpnc_set(&s, VPNC_GATEWAY, "g", 1);
	vpnc_set(&s, VPNC_ID, "", 0);
	vpnc_set(&s, VPNC_USERNAME, "u", 1);
	vpnc_set(&s, VPNC_PASSWORD, "p", 1);
	return 0;
}

static void secrets_are_not_shown(void **state)
{
	int master, terminal, fds[2], status;
	pid_t child;

	assert_int_equal(openpty(&master, &terminal, NULL, NULL, NULL), 0);
	assert_true(shows(terminal));
	child = ask_on(terminal, fds);
	wait_for_question(fds[0], terminal);
	assert_int_equal(write(master, "hush\n", 5), 5);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_true(shows(terminal));
	close(fds[0]);
	close(master);
	close(terminal);
}

static void a_signal_gives_the_terminal_back(void **state)
{
	int master, terminal, fds[2], status;
	pid_t child;

	assert_int_equal(openpty(&master, &terminal, NULL, NULL, NULL), 0);
	child = ask_on(terminal, fds);
	wait_for_question(fds[0], terminal);
	kill(child, SIGINT);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGINT);
	assert_true(shows(terminal));
	close(fds[0]);
	close(master);
	close(terminal);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, ears_open, ears_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(everything_in_vpncs_order_and_words),
		TEST(only_what_is_missing),
		TEST(an_interactive_password_is_asked_later),
		TEST(noninteractive_asks_nothing),
		TEST(no_answer_is_missing),
		TEST(a_program_answers_for_secrets),
		TEST(a_program_that_is_not_there),
		cmocka_unit_test_setup_teardown(secrets_are_not_shown, set_gateway_alone,
						ears_close),
		cmocka_unit_test_setup_teardown(a_signal_gives_the_terminal_back, set_gateway_alone,
						ears_close),
	};

	return cmocka_run_group_tests(tests, make_helper, remove_helper);
}
