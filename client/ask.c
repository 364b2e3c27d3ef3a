/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/ask.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "client/runtime.h"

/* Secrets that have a question of their own, unlike a password. */
#define FIELDS_OF_ROUNDS (1u << XAUTH_ANSWER | 1u << XAUTH_NEXT_PIN)

/* ---- words ---- */

const char *ask_field_name(enum xauth_field field)
{
	switch (field) {
	case XAUTH_USERNAME:
		return "username";
	case XAUTH_PASSWORD:
		return "password";
	case XAUTH_PASSCODE:
		return "passcode";
	case XAUTH_ANSWER:
		return "answer";
	case XAUTH_NEXT_PIN:
		return "next-pin";
	case XAUTH_DOMAIN:
		return "domain";
	case XAUTH_FIELDS:
		break;
	}
	return "?";
}

bool ask_field_is_secret(enum xauth_field field)
{
	return field != XAUTH_USERNAME && field != XAUTH_DOMAIN;
}

static const char *field_label(enum xauth_field field)
{
	switch (field) {
	case XAUTH_USERNAME:
		return "User name";
	case XAUTH_PASSWORD:
		return "Password";
	case XAUTH_PASSCODE:
		return "Passcode";
	case XAUTH_ANSWER:
		return "Answer";
	case XAUTH_NEXT_PIN:
		return "New PIN";
	case XAUTH_DOMAIN:
		return "Domain";
	case XAUTH_FIELDS:
		break;
	}
	return "Answer";
}

bool client_question(const char *field, const char *user, const char *gateway, char *buf,
		     size_t size)
{
	enum xauth_field f = 0;

	while (f < XAUTH_FIELDS && strcmp(ask_field_name(f), field) != 0)
		f++;
	if (f == XAUTH_USERNAME || !user[0])
		snprintf(buf, size, "%s for %s: ", field_label(f), gateway);
	else
		snprintf(buf, size, "%s for %s@%s: ", field_label(f), user, gateway);
	return ask_field_is_secret(f);
}

/* ---- vpnc's words ---- */

/*
 * The password is asked for once as if before the connection; whatever comes then, or comes with
 * a question of its own, is the gateway's and has its address.
 */
static bool vpnc_is_first(const struct ask *a)
{
	return !a->o.always && !a->q.again && !(a->q.fields & FIELDS_OF_ROUNDS) &&
	       (a->field == XAUTH_PASSWORD ||
		(a->field == XAUTH_PASSCODE && !(a->q.fields & 1u << XAUTH_PASSWORD)));
}

static void vpnc_question(const struct ask *a, char buf[ASK_TEXT_MAX])
{
	const char *label = a->field == XAUTH_ANSWER   ? "Answer" :
			    a->field == XAUTH_PASSWORD ? "Password" :
							 "Passcode";

	if (a->field == XAUTH_USERNAME)
		snprintf(buf, ASK_TEXT_MAX, "Enter username for %s: ", a->gateway);
	else if (vpnc_is_first(a))
		snprintf(buf, ASK_TEXT_MAX, "Enter password for %s@%s: ", a->user, a->gateway);
	else
		snprintf(buf, ASK_TEXT_MAX, "%s for VPN %s@%s: ", label, a->user, a->peer);
}

const char *ask_question(const struct ask *a, char buf[ASK_TEXT_MAX])
{
	if (a->o.manner == CLIENT_VPNC)
		vpnc_question(a, buf);
	else
		client_question(ask_field_name(a->field), a->user, a->gateway, buf, ASK_TEXT_MAX);
	return buf;
}

/* ---- the terminal ---- */

static void terminal_write(const struct ask *a, const char *text)
{
	size_t n = strlen(text);

	if (a->o.manner == CLIENT_VPNC) {
		fputs(text, stdout);
		fflush(stdout);
	} else if (write(a->o.tty, text, n) != (ssize_t)n) {
		/* Whoever cannot read it cannot answer either, and the reading tells. */
		errno = 0;
	}
}

static void terminal_echo_off(struct ask *a)
{
	struct termios t;

	if (tcgetattr(a->o.tty, &a->before) != 0)
		return;
	t = a->before;
	t.c_lflag &= ~(tcflag_t)ECHO;
	a->quiet = tcsetattr(a->o.tty, TCSANOW, &t) == 0;
}

static void terminal_echo_on(struct ask *a)
{
	if (a->quiet)
		tcsetattr(a->o.tty, TCSANOW, &a->before);
	a->quiet = false;
}

/* Whatever stands there is over: `typed` when its line was ended by the one who typed it. */
static void terminal_end(struct ask *a, bool typed)
{
	if (!a->prompting)
		return;
	terminal_echo_on(a);
	/* The end of a secret's line was not echoed either. */
	if (!typed || ask_field_is_secret(a->field))
		terminal_write(a, "\n");
	epoll_ctl(a->watch, EPOLL_CTL_DEL, a->o.tty, NULL);
	wipe(a->line, ASK_VALUE_MAX + 1);
	a->n = 0;
	a->prompting = false;
}

static void terminal_heading(struct ask *a)
{
	char text[ASK_TEXT_MAX];

	if (a->o.manner == CLIENT_VPNC) {
		snprintf(text, sizeof(text), "%s\n", a->q.message);
		if (a->q.message[0] && !vpnc_is_first(a) && a->field != XAUTH_USERNAME)
			terminal_write(a, text);
		return;
	}
	if (a->q.again)
		terminal_write(a, "The gateway did not accept that.\n");
	if (a->q.ahead)
		terminal_write(a, "The connection must be renewed, and the gateway asks again.\n");
	snprintf(text, sizeof(text), "The gateway says: %s\n", a->q.message);
	if (a->q.message[0])
		terminal_write(a, text);
}

/* ---- values ---- */

static void take_value(struct ask *a, enum xauth_field field, struct slice value)
{
	secret_free(&a->value[field]);
	secret_set(&a->value[field], value);
	a->have |= 1u << field;
	if (field == XAUTH_USERNAME && value.n < sizeof(a->user)) {
		memcpy(a->user, value.p, value.n);
		a->user[value.n] = '\0';
	}
}

static void take_line(struct ask *a)
{
	uint8_t copy[ASK_VALUE_MAX];
	size_t n = a->n;

	memcpy(copy, a->line, n);
	terminal_end(a, true);
	take_value(a, a->field, slice(copy, n));
	wipe(copy, sizeof(copy));
}

static bool is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

/* Nobody is at this terminal any more, or he does not want to answer. */
static void end_of_input(struct ask *a)
{
	terminal_end(a, false);
	a->o.tty = -1;
	/* Who was asked and is gone does not answer; but what has time may be answered elsewhere. */
	a->o.no_questions = !a->q.ahead;
}

/* One byte at a time: what follows the line is not ours. */
static void read_line(struct ask *a)
{
	while (a->prompting && is_readable(a->o.tty)) {
		uint8_t c;
		ssize_t n = read(a->o.tty, &c, 1);

		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			return;
		if (n <= 0 && a->n == 0)
			end_of_input(a);
		else if (n <= 0 || c == '\n' || c == '\r')
			take_line(a);
		else if (a->n < ASK_VALUE_MAX)
			a->line[a->n++] = c;
	}
}

static void terminal_prompt(struct ask *a)
{
	struct epoll_event ev = { .events = EPOLLIN };
	char text[ASK_TEXT_MAX];

	if (a->o.progress) {
		progress_break(a->o.progress);
		a->o.progress->held = true;
	}
	if (!a->told)
		terminal_heading(a);
	a->told = true;
	a->prompting = true;
	if (ask_field_is_secret(a->field))
		terminal_echo_off(a);
	terminal_write(a, ask_question(a, text));
	/* What cannot be watched, a file, never lets wait. */
	if (epoll_ctl(a->watch, EPOLL_CTL_ADD, a->o.tty, &ev) != 0)
		read_line(a);
}

/* ---- questions ---- */

void ask_init(struct ask *a, const struct ask_options *options)
{
	*a = (struct ask){ .o = *options, .watch = epoll_create1(EPOLL_CLOEXEC) };
	a->line = secret_alloc(ASK_VALUE_MAX + 1);
	snprintf(a->user, sizeof(a->user), "%s", options->username);
}

void ask_free(struct ask *a)
{
	ask_end(a);
	secret_release(a->line, ASK_VALUE_MAX + 1);
	if (a->watch >= 0)
		close(a->watch);
	*a = (struct ask){ .watch = -1 };
}

int ask_fd(const struct ask *a)
{
	return a->watch;
}

void ask_login_begins(struct ask *a)
{
	a->logins++;
}

void ask_begin(struct ask *a, const struct session_ask *q, const char *gateway,
	       const struct addr *peer)
{
	ask_end(a);
	a->open = true;
	a->q = *q;
	snprintf(a->gateway, sizeof(a->gateway), "%s", gateway ? gateway : "");
	addr_text(peer, a->peer);
	if (q->username[0])
		memcpy(a->user, q->username, sizeof(a->user));
}

/* In vpnc's manner for every secret; else for the password alone, and not for one refused. */
static bool wants_command(const struct ask *a)
{
	if (a->tried & 1u << a->field || !ask_field_is_secret(a->field))
		return false;
	return a->o.manner == CLIENT_VPNC || (a->field == XAUTH_PASSWORD && !a->q.again);
}

static void tell_elsewhere(struct ask *a)
{
	char text[ASK_TEXT_MAX];

	if (a->told || a->q.ahead)
		return;
	a->told = true;
	ask_question(a, text);
	text[strcspn(text, ":")] = '\0';
	if (a->o.progress) {
		progress_break(a->o.progress);
		a->o.progress->held = true;
	}
	fprintf(a->o.err, "godwit: the gateway %s: %s; answer with: godwit answer %s\n",
		a->q.again ? "did not accept the user, and asks again" : "asks", text, a->o.name);
}

/* The next field that is missing; false when none is. */
static bool next_field(struct ask *a)
{
	for (a->field = 0; a->field < XAUTH_FIELDS; a->field++)
		if (a->q.fields & ~a->have & 1u << a->field)
			return true;
	return false;
}

static enum ask_state settle(struct ask *a, enum ask_state state)
{
	a->settled = true;
	return state;
}

static bool vpnc_has_no_question(const struct ask *a)
{
	if (a->o.manner == CLIENT_VPNC && a->q.again && a->logins > 1)
		return true;
	if (a->o.manner != CLIENT_VPNC || a->field != XAUTH_DOMAIN)
		return false;
	fprintf(a->o.err, "godwit: server requested domain, but none set (use \"Domain ...\" in "
			  "config or --domain)\n");
	return true;
}

enum ask_state ask_advance(struct ask *a, bool command)
{
	/* A line that was there at once makes another round. */
	while (a->open && !a->settled && !a->commanded && !a->prompting) {
		if (!next_field(a))
			return settle(a, ASK_COMPLETE);
		if (vpnc_has_no_question(a))
			return settle(a, ASK_REFUSED);
		if (command && wants_command(a)) {
			a->tried |= 1u << a->field;
			a->commanded = true;
			return ASK_COMMAND;
		}
		if (a->o.no_questions)
			return settle(a, ASK_REFUSED);
		if (a->o.tty < 0) {
			tell_elsewhere(a);
			return ASK_NONE;
		}
		terminal_prompt(a);
	}
	return ASK_NONE;
}

void ask_commanded(struct ask *a, struct slice value)
{
	if (!a->open || !a->commanded)
		return;
	a->commanded = false;
	if (value.n)
		take_value(a, a->field, value);
}

void ask_read(struct ask *a)
{
	read_line(a);
}

const char *ask_give(struct ask *a, uint32_t id, const struct secret value[XAUTH_FIELDS])
{
	unsigned given = a->have;

	if (!a->open || a->settled || a->q.id != id)
		return "there is no such question any more";
	for (unsigned f = 0; f < XAUTH_FIELDS; f++)
		given |= value[f].n ? 1u << f : 0;
	if (a->q.fields & ~given)
		return "the question has more fields than were answered";
	terminal_end(a, false);
	a->commanded = false;
	for (unsigned f = 0; f < XAUTH_FIELDS; f++)
		if (value[f].n && a->q.fields & 1u << f)
			take_value(a, f, secret_slice(&value[f]));
	return NULL;
}

void ask_end(struct ask *a)
{
	terminal_end(a, false);
	for (unsigned f = 0; f < XAUTH_FIELDS; f++)
		secret_free(&a->value[f]);
	a->open = a->settled = a->told = a->commanded = false;
	a->have = a->tried = 0;
	a->q = (struct session_ask){ 0 };
	if (a->o.progress)
		a->o.progress->held = false;
}

void ask_let_go(struct ask *a)
{
	terminal_end(a, false);
	a->o.tty = -1;
}
