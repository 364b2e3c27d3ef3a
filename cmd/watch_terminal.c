/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/watch.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/mem.h"

/* Another screen than that of what was typed before, no cursor, no line that goes on in the next. */
#define SCREEN_BEGIN "\033[?1049h\033[?25l\033[?7l"
#define SCREEN_END "\033[0m\033[?7h\033[?25h\033[?1049l"

struct watch_terminal {
	bool screen;
	bool keys; /* and `before` is how it was */
	struct termios before;
	sigset_t mask; /* of signals, before */
	int signals;
};

/* ---- keys ---- */

enum key_state {
	KEY_PLAIN,
	KEY_ESCAPE, /* behind ESC */
	KEY_SEQUENCE, /* behind ESC [ or ESC O */
};

static enum watch_key key_plain(unsigned char byte)
{
	switch (byte) {
	case 'q':
	case 'Q':
	case 4: /* ^D */
		return WATCH_KEY_QUIT;
	case 'p':
	case 'P':
	case ' ':
		return WATCH_KEY_PAUSE;
	case '\t':
	case 'n':
		return WATCH_KEY_NEXT;
	case 12: /* ^L */
		return WATCH_KEY_REDRAW;
	}
	return WATCH_KEY_NONE;
}

static enum watch_key key_of_sequence(unsigned char byte)
{
	switch (byte) {
	case 'A':
	case 'D':
	case 'Z': /* tab with shift */
		return WATCH_KEY_PREVIOUS;
	case 'B':
	case 'C':
		return WATCH_KEY_NEXT;
	}
	return WATCH_KEY_NONE;
}

enum watch_key watch_key(struct watch_keys *k, unsigned char byte)
{
	enum key_state state = (enum key_state)k->state;

	k->state = KEY_PLAIN;
	if (byte == 0x1b) {
		k->state = KEY_ESCAPE;
	} else if (state == KEY_ESCAPE && (byte == '[' || byte == 'O')) {
		k->state = KEY_SEQUENCE;
	} else if (state == KEY_SEQUENCE) {
		/* Numbers and what parts them stand before the end. */
		if (byte >= 0x40 && byte <= 0x7e)
			return key_of_sequence(byte);
		k->state = KEY_SEQUENCE;
	} else {
		return key_plain(byte);
	}
	return WATCH_KEY_NONE;
}

/* ---- what the terminal is ---- */

bool watch_terminal_is_one(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term && term[0] && strcmp(term, "dumb") != 0;
}

bool watch_terminal_has_utf8(void)
{
	setlocale(LC_CTYPE, "");
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

void watch_terminal_size(unsigned *columns, unsigned *rows)
{
	struct winsize size = { 0 };

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	*columns = size.ws_col ? size.ws_col : 80;
	*rows = size.ws_row ? size.ws_row : 24;
}

/* ---- modes ---- */

static void put(const char *text)
{
	fputs(text, stdout);
	fflush(stdout);
}

/* The keys of signals stay what they are. */
static void enter(struct watch_terminal *t)
{
	struct termios modes;

	if (!t->screen)
		return;
	t->keys = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &t->before) == 0;
	if (t->keys) {
		modes = t->before;
		modes.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		modes.c_cc[VMIN] = 1;
		modes.c_cc[VTIME] = 0;
		tcsetattr(STDIN_FILENO, TCSADRAIN, &modes);
	}
	put(SCREEN_BEGIN);
}

static void leave(struct watch_terminal *t)
{
	if (!t->screen)
		return;
	put(SCREEN_END);
	/* What was typed and not read is not for who reads next. */
	if (t->keys)
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &t->before);
}

static void signals_set(sigset_t *set)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH };

	sigemptyset(set);
	for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++)
		sigaddset(set, numbers[i]);
}

struct watch_terminal *watch_terminal_open(bool screen)
{
	struct watch_terminal *t = xcalloc(1, sizeof(*t));
	sigset_t set;

	t->screen = screen;
	signals_set(&set);
	sigprocmask(SIG_BLOCK, &set, &t->mask);
	t->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (t->signals < 0) {
		sigprocmask(SIG_SETMASK, &t->mask, NULL);
		free(t);
		return NULL;
	}
	enter(t);
	return t;
}

void watch_terminal_close(struct watch_terminal *t)
{
	leave(t);
	close(t->signals);
	sigprocmask(SIG_SETMASK, &t->mask, NULL);
	free(t);
}

int watch_terminal_keys(const struct watch_terminal *t)
{
	return t->keys ? STDIN_FILENO : -1;
}

int watch_terminal_signals(const struct watch_terminal *t)
{
	return t->signals;
}

/* ---- signals ---- */

/* As the signal does it where nobody takes it; it may be over afterwards, or we. */
static void obey(struct watch_terminal *t, int number)
{
	struct sigaction usual = { .sa_handler = SIG_DFL }, before;
	sigset_t one;

	leave(t);
	sigemptyset(&one);
	sigaddset(&one, number);
	sigaction(number, &usual, &before);
	raise(number);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	sigprocmask(SIG_BLOCK, &one, NULL);
	sigaction(number, &before, NULL);
	enter(t);
}

enum watch_signal watch_terminal_signal(struct watch_terminal *t)
{
	struct signalfd_siginfo info;

	if (read(t->signals, &info, sizeof(info)) != sizeof(info))
		return WATCH_SIGNAL_NONE;
	switch (info.ssi_signo) {
	case SIGINT:
		return WATCH_SIGNAL_END;
	case SIGWINCH:
		return WATCH_SIGNAL_SIZE;
	}
	obey(t, (int)info.ssi_signo);
	return WATCH_SIGNAL_SIZE;
}
