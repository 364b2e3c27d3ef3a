/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "client/ask.h"
#include "client/psk.h"

/* Whether something was typed before somebody wanted an end. */
static bool wait_for_line(int tty, int signals)
{
	struct pollfd p[] = { { .fd = tty, .events = POLLIN },
			      { .fd = signals, .events = POLLIN } };

	while (poll(p, 2, -1) < 0)
		if (errno != EINTR)
			return false;
	return !p[1].revents && (p[0].revents & POLLIN);
}

static enum ask_line_end read_line(int tty, int signals, struct secret *out)
{
	/* With the end of the line, and one byte to see that it is too long. */
	uint8_t *line = secret_alloc(PSK_MAX + 2);
	size_t n = 0;
	enum ask_line_end end = ASK_LINE_ENDED;
	bool whole = false;

	while (!whole && n < PSK_MAX + 2 && wait_for_line(tty, signals)) {
		ssize_t got = read(tty, line + n, PSK_MAX + 2 - n);

		if (got <= 0)
			break;
		n += (size_t)got;
		whole = line[n - 1] == '\n';
	}
	if (whole && n > 1) {
		secret_set(out, slice(line, n - 1));
		end = ASK_LINE_TYPED;
	} else if (whole || n == PSK_MAX + 2) {
		end = ASK_LINE_EMPTY;
	}
	secret_release(line, PSK_MAX + 2);
	return end;
}

enum ask_line_end ask_line(int tty, const char *prompt, struct secret *out)
{
	struct termios before, quiet;
	sigset_t end, unblocked;
	enum ask_line_end how = ASK_LINE_ENDED;
	int signals;

	if (tcgetattr(tty, &before) != 0)
		return how;
	sigemptyset(&end);
	sigaddset(&end, SIGINT);
	sigaddset(&end, SIGTERM);
	sigaddset(&end, SIGHUP);
	sigaddset(&end, SIGQUIT);
	sigprocmask(SIG_BLOCK, &end, &unblocked);
	signals = signalfd(-1, &end, SFD_CLOEXEC | SFD_NONBLOCK);
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(tty, TCSAFLUSH, &quiet);
	if (signals >= 0 && dprintf(tty, "%s", prompt) > 0)
		how = read_line(tty, signals, out);
	dprintf(tty, "\n");
	/* The rest of what was too long is not for who reads next. */
	tcsetattr(tty, how == ASK_LINE_TYPED ? TCSANOW : TCSAFLUSH, &before);
	if (signals >= 0) {
		struct signalfd_siginfo info;

		while (read(signals, &info, sizeof(info)) > 0)
			;
		close(signals);
	}
	sigprocmask(SIG_SETMASK, &unblocked, NULL);
	return how;
}
