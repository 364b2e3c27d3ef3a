/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/vpnc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/secret.h"

#define ANSWER_MAX 1024
#define PROMPT_MAX 1024

struct asker {
	struct vpnc_settings *s;
	int fd;
	FILE *out;
	FILE *err;
};

/* ---- from the terminal, or whatever standard input is ---- */

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	interrupted = number;
}

/* A terminal that shows nothing must not be left like that by ^C. */
static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

static void catch_signals(struct sigaction before[ARRAY_SIZE(ending)])
{
	struct sigaction catch = { .sa_handler = on_signal };

	interrupted = 0;
	for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
		sigaction(ending[i], &catch, &before[i]);
}

static void release_signals(const struct sigaction before[ARRAY_SIZE(ending)])
{
	for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
		sigaction(ending[i], &before[i], NULL);
	if (interrupted)
		raise(interrupted);
}

static long read_unseen(int fd, char *answer, size_t size)
{
	struct sigaction before[ARRAY_SIZE(ending)];
	struct termios shown, unseen;
	long n;
	int saved;

	if (tcgetattr(fd, &shown) != 0)
		return vpnc_read_line(fd, answer, size);
	unseen = shown;
	unseen.c_lflag &= ~(tcflag_t)ECHO;
	catch_signals(before);
	tcsetattr(fd, TCSANOW, &unseen);
	n = vpnc_read_line(fd, answer, size);
	saved = errno;
	tcsetattr(fd, TCSANOW, &shown);
	release_signals(before);
	errno = saved;
	return n;
}

static long ask_person(const struct asker *a, const char *prompt, bool secret, char *answer)
{
	long n;

	fputs(prompt, a->out);
	fflush(a->out);
	if (!secret)
		return vpnc_read_line(a->fd, answer, ANSWER_MAX);
	n = read_unseen(a->fd, answer, ANSWER_MAX);
	fputc('\n', a->out);
	fflush(a->out);
	return n;
}

/* ---- from a program ---- */

static int spawn_helper(const char *helper, const char *prompt, int out_fd, pid_t *pid)
{
	char *argv[] = { xstrdup(helper), xstrdup(prompt), NULL };
	posix_spawn_file_actions_t actions;
	int err;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
	err = posix_spawn(pid, helper, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	free(argv[0]);
	free(argv[1]);
	return err;
}

/* Reads to the end, so that the program never waits for us; the first line is the answer. */
static long read_first_line(int fd, char *answer)
{
	char rest[256];
	long n = vpnc_read_line(fd, answer, ANSWER_MAX);
	int saved = errno;
	ssize_t got;

	do
		got = read(fd, rest, sizeof(rest));
	while (got > 0);
	wipe(rest, sizeof(rest));
	errno = saved;
	if (n < 0 && errno == 0) {
		answer[0] = '\0';
		return 0;
	}
	return n;
}

static long ask_program(const struct asker *a, const char *prompt, char *answer)
{
	const char *helper = a->s->value[VPNC_PASSWORD_HELPER];
	int fds[2], status = 0, err;
	long n = -1;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return -1;
	fflush(a->out);
	err = spawn_helper(helper, prompt, fds[1], &pid);
	close(fds[1]);
	if (err == 0) {
		n = read_first_line(fds[0], answer);
		err = n < 0 ? errno : 0;
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	close(fds[0]);
	if (err == 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
		err = EIO;
	errno = err;
	return err ? -1 : n;
}

/* ---- the questions ---- */

static bool fail(const struct asker *a, const char *what)
{
	fprintf(a->err, "%s: %s\n", a->s->program, what);
	return false;
}

static bool take_answer(const struct asker *a, enum vpnc_setting which, const char *prompt)
{
	bool secret = vpnc_options[which].secret;
	bool helper = secret && vpnc_is_set(a->s, VPNC_PASSWORD_HELPER);
	char answer[ANSWER_MAX];
	long n = helper ? ask_program(a, prompt, answer) : ask_person(a, prompt, secret, answer);
	int saved = errno;

	/* An empty password may be one, an empty name is none. */
	if (n > 0 || (n == 0 && secret))
		vpnc_set(a->s, which, answer, (size_t)n);
	wipe(answer, sizeof(answer));
	if (helper && n < 0) {
		fprintf(a->err, "%s: can't run password helper program: %s\n", a->s->program,
			strerror(saved));
		return false;
	}
	return n >= 0 || !secret ? true : fail(a, "unable to get password");
}

/* The question for a setting, with what is known already. */
static const char *prompt_for(const struct vpnc_settings *s, enum vpnc_setting which,
			      char prompt[PROMPT_MAX])
{
	const char *gateway = s->value[VPNC_GATEWAY];

	switch ((int)which) {
	case VPNC_GATEWAY:
		return "Enter IPSec gateway address: ";
	case VPNC_ID:
		snprintf(prompt, PROMPT_MAX, "Enter IPSec ID for %s: ", gateway);
		break;
	case VPNC_SECRET:
		snprintf(prompt, PROMPT_MAX, "Enter IPSec secret for %s@%s: ", s->value[VPNC_ID],
			 gateway);
		break;
	case VPNC_USERNAME:
		snprintf(prompt, PROMPT_MAX, "Enter username for %s: ", gateway);
		break;
	case VPNC_PASSWORD:
		snprintf(prompt, PROMPT_MAX, "Enter password for %s@%s: ", s->value[VPNC_USERNAME],
			 gateway);
		break;
	}
	return prompt;
}

/* The user's password is asked for when the gateway wants it, of a person or of a program. */
static bool asked_later(const struct vpnc_settings *s)
{
	return vpnc_is_set(s, VPNC_XAUTH_INTERACTIVE) ||
	       (vpnc_is_set(s, VPNC_PASSWORD_HELPER) && !s->print_config);
}

bool vpnc_ask(struct vpnc_settings *s, int fd, FILE *out, FILE *err)
{
	static const struct {
		enum vpnc_setting which;
		const char *missing;
	} needed[] = {
		{ VPNC_GATEWAY, "missing IPSec gateway address" },
		{ VPNC_ID, "missing IPSec ID" },
		{ VPNC_SECRET, "missing IPSec secret" },
		{ VPNC_USERNAME, "missing Xauth username" },
		{ VPNC_PASSWORD, "missing Xauth password" },
	};
	const struct asker a = { s, fd, out, err };
	bool silent = vpnc_is_set(s, VPNC_NONINTERACTIVE);
	char prompt[PROMPT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		enum vpnc_setting which = needed[i].which;

		if (vpnc_is_set(s, which) || (which == VPNC_PASSWORD && asked_later(s)))
			continue;
		if (!silent && !take_answer(&a, which, prompt_for(s, which, prompt)))
			return false;
		if (!vpnc_is_set(s, which) && !s->print_config)
			return fail(&a, needed[i].missing);
	}
	return true;
}
