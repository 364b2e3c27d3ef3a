/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/ask.h"
#include "client/runtime.h"

#define PATIENCE_MS 60000

/* A terminal, or for vpnc's manner two pipes in place of standard input and output. */
struct world {
	struct ask ask;
	struct ask_options options;
	struct progress progress;
	struct session_ask q;
	struct addr peer;
	int far; /* the other end of the terminal, or of standard input */
	int near;
	int out; /* what vpnc's manner prints */
	int stdout_before;
	char shown[4096];
	char *complaint;
	size_t complaint_size;
	FILE *err;
};

static int world_open(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->far = w->near = w->out = w->stdout_before = -1;
	w->err = open_memstream(&w->complaint, &w->complaint_size);
	w->options = (struct ask_options){
		.name = "office", .username = "", .tty = -1, .progress = &w->progress, .err = w->err
	};
	assert_true(addr_parse("192.0.2.1", &w->peer));
	w->q = (struct session_ask){ .id = 7, .fields = 1u << XAUTH_PASSWORD, .username = "alice" };
	*state = w;
	return 0;
}

static int world_close(void **state)
{
	struct world *w = *state;

	ask_free(&w->ask);
	if (w->stdout_before >= 0) {
		fflush(stdout);
		dup2(w->stdout_before, STDOUT_FILENO);
		close(w->stdout_before);
		close(w->out);
	}
	if (w->far >= 0)
		close(w->far);
	if (w->near >= 0)
		close(w->near);
	fclose(w->err);
	free(w->complaint);
	free(w);
	assert_int_equal(secret_pool_used(), 0);
	return 0;
}

static void open_terminal(struct world *w)
{
	w->far = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(w->far >= 0);
	assert_int_equal(grantpt(w->far), 0);
	assert_int_equal(unlockpt(w->far), 0);
	w->near = open(ptsname(w->far), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(w->near >= 0);
	w->options.tty = w->near;
	ask_init(&w->ask, &w->options);
}

static void open_pipes(struct world *w)
{
	int in[2], out[2];

	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	w->near = in[0];
	w->far = in[1];
	w->out = out[0];
	fflush(stdout);
	w->stdout_before = dup(STDOUT_FILENO);
	dup2(out[1], STDOUT_FILENO);
	close(out[1]);
	w->options.manner = CLIENT_VPNC;
	w->options.tty = w->near;
	ask_init(&w->ask, &w->options);
}

static void begin(struct world *w)
{
	ask_begin(&w->ask, &w->q, "vpn.example.com", &w->peer);
}

static void type(struct world *w, const char *text)
{
	struct pollfd p = { .fd = ask_fd(&w->ask), .events = POLLIN };

	assert_int_equal(write(w->far, text, strlen(text)), strlen(text));
	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	ask_read(&w->ask);
}

/* All that has been shown since the last time; waits until `last` is there. */
static const char *shown(struct world *w, const char *last)
{
	int fd = w->stdout_before >= 0 ? w->out : w->far;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t n = 0;

	w->shown[0] = '\0';
	while (n < sizeof(w->shown) - 1 && !strstr(w->shown, last) &&
	       poll(&p, 1, PATIENCE_MS) > 0) {
		ssize_t got = read(fd, w->shown + n, sizeof(w->shown) - 1 - n);

		assert_true(got > 0);
		n += (size_t)got;
		w->shown[n] = '\0';
	}
	return w->shown;
}

static bool echoes(struct world *w)
{
	struct termios t;

	assert_int_equal(tcgetattr(w->near, &t), 0);
	return t.c_lflag & ECHO;
}

static void value_is(struct world *w, enum xauth_field f, const char *text)
{
	assert_int_equal(w->ask.value[f].n, strlen(text));
	assert_memory_equal(w->ask.value[f].p, text, strlen(text));
}

/* ---- the terminal ---- */

static void password_at_the_terminal(void **state)
{
	struct world *w = *state;

	open_terminal(w);
	begin(w);
	assert_int_equal(ask_advance(&w->ask, false), ASK_NONE);
	assert_string_equal(shown(w, ": "), "Password for alice@vpn.example.com: ");
	assert_false(echoes(w));
	assert_true(w->progress.held);
	/* Asked once, however often it is looked at. */
	assert_int_equal(ask_advance(&w->ask, false), ASK_NONE);
	type(w, "s3cret word\n");
	assert_int_equal(ask_advance(&w->ask, false), ASK_COMPLETE);
	assert_int_equal(ask_advance(&w->ask, false), ASK_NONE);
	value_is(w, XAUTH_PASSWORD, "s3cret word");
	assert_string_equal(shown(w, "\n"), "\r\n");
	assert_true(echoes(w));
	ask_end(&w->ask);
	assert_false(w->progress.held);
	assert_int_equal(w->ask.value[XAUTH_PASSWORD].n, 0);
}

static void user_name_then_password(void **state)
{
	struct world *w = *state;

	open_terminal(w);
	w->q.fields |= 1u << XAUTH_USERNAME;
	w->q.username[0] = '\0';
	strcpy(w->q.message, "Welcome");
	w->q.again = true;
	begin(w);
	ask_advance(&w->ask, false);
	assert_string_equal(shown(w, "com: "),
			    "The gateway did not accept that.\r\nThe gateway says: Welcome\r\n"
			    "User name for vpn.example.com: ");
	assert_true(echoes(w));
	type(w, "bob\n");
	assert_int_equal(ask_advance(&w->ask, false), ASK_NONE);
	assert_string_equal(shown(w, "com: "), "bob\r\nPassword for bob@vpn.example.com: ");
	assert_false(echoes(w));
	type(w, "x\n");
	assert_int_equal(ask_advance(&w->ask, false), ASK_COMPLETE);
	value_is(w, XAUTH_USERNAME, "bob");
	value_is(w, XAUTH_PASSWORD, "x");
}

static void half_a_line_is_no_answer(void **state)
{
	struct world *w = *state;

	open_pipes(w);
	begin(w);
	ask_advance(&w->ask, false);
	type(w, "sec");
	assert_int_equal(ask_advance(&w->ask, false), ASK_NONE);
	assert_false(w->ask.have);
	type(w, "ret\nnext");
	assert_int_equal(ask_advance(&w->ask, false), ASK_COMPLETE);
	value_is(w, XAUTH_PASSWORD, "secret");
	/* What follows is not ours to read. */
	assert_int_equal(read(w->near, w->shown, sizeof(w->shown)), 4);
}

/* However it ends, the terminal is as it was. */
static void echo_comes_back(void **state)
{
	struct world *w = *state;

	open_terminal(w);
	begin(w);
	ask_advance(&w->ask, false);
	assert_false(echoes(w));
	ask_end(&w->ask);
	assert_true(echoes(w));
	begin(w);
	ask_advance(&w->ask, false);
	assert_false(echoes(w));
	ask_let_go(&w->ask);
	assert_true(echoes(w));
	assert_int_equal(w->ask.o.tty, -1);
}

static void end_of_input_refuses(void **state)
{
	struct world *w = *state;

	open_terminal(w);
	begin(w);
	ask_advance(&w->ask, false);
	type(w, "\x04");
	assert_int_equal(ask_advance(&w->ask, false), ASK_REFUSED);
	assert_true(echoes(w));
}

/* What is asked ahead of time can still be answered elsewhere. */
static void end_of_input_with_time_left(void **state)
{
	struct world *w = *state;

	open_terminal(w);
	w->q.ahead = true;
	begin(w);
	ask_advance(&w->ask, false);
	type(w, "\x04");
	assert_int_equal(ask_advance(&w->ask, false), ASK_NONE);
	assert_true(w->ask.open);
}

static void too_long_a_line_is_cut(void **state)
{
	struct world *w = *state;
	char line[ASK_VALUE_MAX + 11];

	open_terminal(w);
	begin(w);
	ask_advance(&w->ask, false);
	memset(line, 'x', sizeof(line));
	strcpy(line + sizeof(line) - 2, "\n");
	type(w, line);
	assert_int_equal(ask_advance(&w->ask, false), ASK_COMPLETE);
	assert_int_equal(w->ask.value[XAUTH_PASSWORD].n, ASK_VALUE_MAX);
}

/* Regular files and the like cannot be watched, and need not be. */
static void a_file_is_read_at_once(void **state)
{
	struct world *w = *state;
	FILE *f = tmpfile();

	fputs("first\nsecond\n", f);
	rewind(f);
	open_pipes(w);
	w->ask.o.tty = fileno(f);
	begin(w);
	assert_int_equal(ask_advance(&w->ask, false), ASK_COMPLETE);
	value_is(w, XAUTH_PASSWORD, "first");
	w->q.again = true;
	begin(w);
	assert_int_equal(ask_advance(&w->ask, false), ASK_COMPLETE);
	value_is(w, XAUTH_PASSWORD, "second");
	begin(w);
	assert_int_equal(ask_advance(&w->ask, false), ASK_REFUSED);
	fclose(f);
}

/* ---- vpnc's manner ---- */

static void vpnc_asks_in_its_words(void **state)
{
	struct world *w = *state;

	open_pipes(w);
	w->q.fields |= 1u << XAUTH_USERNAME;
	w->q.username[0] = '\0';
	strcpy(w->q.message, "Enter user and password");
	begin(w);
	ask_advance(&w->ask, false);
	assert_string_equal(shown(w, ": "), "Enter username for vpn.example.com: ");
	type(w, "alice\n");
	ask_advance(&w->ask, false);
	assert_string_equal(shown(w, ": "), "Enter password for alice@vpn.example.com: ");
	type(w, "secret\n");
	assert_int_equal(ask_advance(&w->ask, false), ASK_COMPLETE);
	assert_string_equal(shown(w, "\n"), "\n");
	/* What comes after that is the gateway's question. */
	w->q = (struct session_ask){ .id = 8,
				     .fields = 1u << XAUTH_ANSWER,
				     .username = "alice",
				     .message = "Challenge 1234" };
	begin(w);
	ask_advance(&w->ask, false);
	assert_string_equal(shown(w, ": "), "Challenge 1234\nAnswer for VPN alice@192.0.2.1: ");
	type(w, "42\n");
	assert_int_equal(ask_advance(&w->ask, false), ASK_COMPLETE);
	value_is(w, XAUTH_ANSWER, "42");
}

static void vpnc_question(struct world *w, unsigned fields, bool again, const char *want)
{
	w->q.fields = fields;
	w->q.again = again;
	begin(w);
	ask_advance(&w->ask, false);
	assert_string_equal(shown(w, ": "), want);
	ask_end(&w->ask);
	shown(w, "\n");
}

static void vpnc_has_more_words(void **state)
{
	struct world *w = *state;

	open_pipes(w);
	vpnc_question(w, 1u << XAUTH_PASSCODE, false, "Enter password for alice@vpn.example.com: ");
	vpnc_question(w, 1u << XAUTH_PASSCODE, true, "Passcode for VPN alice@192.0.2.1: ");
	vpnc_question(w, 1u << XAUTH_PASSWORD, true, "Password for VPN alice@192.0.2.1: ");
	vpnc_question(w, 1u << XAUTH_NEXT_PIN, false, "Passcode for VPN alice@192.0.2.1: ");
	vpnc_question(w, 1u << XAUTH_PASSWORD | 1u << XAUTH_NEXT_PIN, false,
		      "Password for VPN alice@192.0.2.1: ");
	w->ask.o.always = true;
	vpnc_question(w, 1u << XAUTH_PASSWORD, false, "Password for VPN alice@192.0.2.1: ");
}

/* A second question of the same attempt is one; a second attempt is none. */
static void vpnc_knows_one_attempt(void **state)
{
	struct world *w = *state;

	open_pipes(w);
	ask_login_begins(&w->ask);
	vpnc_question(w, 1u << XAUTH_PASSWORD, true, "Password for VPN alice@192.0.2.1: ");
	ask_login_begins(&w->ask);
	begin(w);
	assert_int_equal(ask_advance(&w->ask, true), ASK_REFUSED);
}

static void vpnc_does_not_ask_for_a_domain(void **state)
{
	struct world *w = *state;

	open_pipes(w);
	w->q.fields = 1u << XAUTH_DOMAIN;
	begin(w);
	assert_int_equal(ask_advance(&w->ask, false), ASK_REFUSED);
	fflush(w->err);
	assert_non_null(strstr(w->complaint, "server requested domain"));
}

/* ---- without a terminal ---- */

static void no_questions(void **state)
{
	struct world *w = *state;

	w->options.no_questions = true;
	open_terminal(w);
	begin(w);
	assert_int_equal(ask_advance(&w->ask, false), ASK_REFUSED);
}

static void password_command(void **state)
{
	struct world *w = *state;
	char question[ASK_TEXT_MAX];

	open_terminal(w);
	begin(w);
	assert_int_equal(ask_advance(&w->ask, true), ASK_COMMAND);
	assert_string_equal(ask_question(&w->ask, question),
			    "Password for alice@vpn.example.com: ");
	assert_int_equal(ask_advance(&w->ask, true), ASK_NONE);
	ask_commanded(&w->ask, SLICE_STR("abc"));
	assert_int_equal(ask_advance(&w->ask, true), ASK_COMPLETE);
	value_is(w, XAUTH_PASSWORD, "abc");
}

/* It has nothing to say: the person is asked. */
static void password_command_that_fails(void **state)
{
	struct world *w = *state;

	open_terminal(w);
	begin(w);
	assert_int_equal(ask_advance(&w->ask, true), ASK_COMMAND);
	ask_commanded(&w->ask, slice(NULL, 0));
	assert_int_equal(ask_advance(&w->ask, true), ASK_NONE);
	assert_string_equal(shown(w, ": "), "Password for alice@vpn.example.com: ");
	type(w, "x\n");
	assert_int_equal(ask_advance(&w->ask, true), ASK_COMPLETE);
}

/* A password is no passcode, and one that was refused is not tried again. */
static void password_command_is_for_passwords(void **state)
{
	struct world *w = *state;

	open_terminal(w);
	w->q.fields = 1u << XAUTH_PASSCODE;
	begin(w);
	assert_int_equal(ask_advance(&w->ask, true), ASK_NONE);
	w->q.fields = 1u << XAUTH_PASSWORD;
	w->q.again = true;
	begin(w);
	assert_int_equal(ask_advance(&w->ask, true), ASK_NONE);
}

static void answers_from_elsewhere(void **state)
{
	struct world *w = *state;
	struct secret values[XAUTH_FIELDS] = { 0 };

	ask_init(&w->ask, &w->options);
	w->q.fields |= 1u << XAUTH_PASSCODE;
	begin(w);
	assert_int_equal(ask_advance(&w->ask, false), ASK_NONE);
	fflush(w->err);
	assert_non_null(strstr(w->complaint, "the gateway asks: Password for "
					     "alice@vpn.example.com; answer with: "
					     "godwit answer office\n"));
	secret_set(&values[XAUTH_PASSWORD], SLICE_STR("abc"));
	assert_non_null(strstr(ask_give(&w->ask, 6, values), "no such question"));
	assert_non_null(strstr(ask_give(&w->ask, 7, values), "more fields"));
	assert_false(w->ask.have);
	secret_set(&values[XAUTH_PASSCODE], SLICE_STR("123456"));
	/* What was not asked is not taken. */
	secret_set(&values[XAUTH_ANSWER], SLICE_STR("42"));
	assert_null(ask_give(&w->ask, 7, values));
	assert_int_equal(ask_advance(&w->ask, false), ASK_COMPLETE);
	value_is(w, XAUTH_PASSWORD, "abc");
	value_is(w, XAUTH_PASSCODE, "123456");
	assert_int_equal(w->ask.value[XAUTH_ANSWER].n, 0);
	assert_non_null(ask_give(&w->ask, 7, values));
	for (unsigned f = 0; f < XAUTH_FIELDS; f++)
		secret_free(&values[f]);
}

/* Who reads only what is printed hears of the refusal, too. */
static void elsewhere_after_a_refusal(void **state)
{
	struct world *w = *state;

	ask_init(&w->ask, &w->options);
	w->q.again = true;
	begin(w);
	assert_int_equal(ask_advance(&w->ask, false), ASK_NONE);
	fflush(w->err);
	assert_non_null(strstr(w->complaint, "the gateway did not accept the user, and asks again: "
					     "Password for alice@vpn.example.com; answer with: "));
}

/* While the terminal waits, too. */
static void elsewhere_is_quicker(void **state)
{
	struct world *w = *state;
	struct secret values[XAUTH_FIELDS] = { 0 };

	open_terminal(w);
	begin(w);
	assert_int_equal(ask_advance(&w->ask, false), ASK_NONE);
	assert_false(echoes(w));
	secret_set(&values[XAUTH_PASSWORD], SLICE_STR("abc"));
	assert_null(ask_give(&w->ask, 7, values));
	secret_free(&values[XAUTH_PASSWORD]);
	assert_true(echoes(w));
	assert_int_equal(ask_advance(&w->ask, false), ASK_COMPLETE);
	value_is(w, XAUTH_PASSWORD, "abc");
}

/* The step line and the prompt share a terminal. */
static void steps_leave_the_prompt_alone(void **state)
{
	struct world *w = *state;
	char *text = NULL;
	size_t n;

	w->progress = (struct progress){ .out = open_memstream(&text, &n), .width = 80 };
	open_terminal(w);
	begin(w);
	ask_advance(&w->ask, false);
	progress_step(&w->progress, "user", false, 0, "alice");
	progress_break(&w->progress);
	ask_end(&w->ask);
	progress_step(&w->progress, "user", true, 5 * VTIME_MS, "alice");
	fclose(w->progress.out);
	w->progress.out = NULL;
	assert_string_equal(text, "\r\033[K\r\033[Kuser             alice   5.0 ms\n");
	free(text);
}

static void words_of_questions(void **state)
{
	char text[100];

	assert_false(client_question("username", "", "gw", text, sizeof(text)));
	assert_string_equal(text, "User name for gw: ");
	assert_true(client_question("passcode", "bob", "gw", text, sizeof(text)));
	assert_string_equal(text, "Passcode for bob@gw: ");
	assert_true(client_question("next-pin", "", "gw", text, sizeof(text)));
	assert_string_equal(text, "New PIN for gw: ");
	assert_true(client_question("something new", "bob", "gw", text, sizeof(text)));
	assert_string_equal(text, "Answer for bob@gw: ");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(password_at_the_terminal),
		TEST(user_name_then_password),
		TEST(half_a_line_is_no_answer),
		TEST(echo_comes_back),
		TEST(end_of_input_refuses),
		TEST(end_of_input_with_time_left),
		TEST(too_long_a_line_is_cut),
		TEST(a_file_is_read_at_once),
		TEST(vpnc_asks_in_its_words),
		TEST(vpnc_has_more_words),
		TEST(vpnc_knows_one_attempt),
		TEST(vpnc_does_not_ask_for_a_domain),
		TEST(no_questions),
		TEST(password_command),
		TEST(password_command_that_fails),
		TEST(password_command_is_for_passwords),
		TEST(answers_from_elsewhere),
		TEST(elsewhere_after_a_refusal),
		TEST(elsewhere_is_quicker),
		TEST(steps_leave_the_prompt_alone),
		TEST(words_of_questions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
