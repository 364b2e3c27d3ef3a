/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Questions to a person. The session asks for some fields at once (SESSION_EFFECT_ASK); here they
 * are got one after another, from whoever can give them first:
 *
 *	the password command (once for a question)
 *	the terminal, as long as there is one; in vpnc's manner: standard output and standard input
 *	`godwit answer`, through the control socket, at any time
 *
 * Nothing here waits: the loop watches ask_fd and calls ask_read. The terminal's echo is off while a
 * secret is typed and on again whatever ends the question. Values live in secrets.
 */
#ifndef GODWIT_CLIENT_ASK_H
#define GODWIT_CLIENT_ASK_H

#include <stdio.h>
#include <termios.h>

#include "client/client.h"
#include "client/session.h"

#define ASK_VALUE_MAX 255
#define ASK_TEXT_MAX 1024

struct progress;

struct ask_options {
	enum client_manner manner;
	bool no_questions;
	bool always; /* vpnc's "Xauth interactive" */
	const char *name; /* of the connection */
	const char *username; /* of the configuration; "": none */
	int tty; /* what is read from, -1: nobody can be asked here */
	struct progress *progress;
	FILE *err;
};

struct ask {
	struct ask_options o;
	bool open; /* there is a question */
	bool settled; /* and its answer is on its way */
	struct session_ask q;
	char gateway[IKE_NAME_MAX];
	char peer[ADDR_TEXT_MAX]; /* its address */
	char user[IKE_NAME_MAX]; /* the last one that was named */
	unsigned have; /* fields, as q.fields */
	struct secret value[XAUTH_FIELDS];
	enum xauth_field field; /* the one at hand */
	bool prompting; /* a prompt stands on the terminal */
	bool told; /* who has no terminal has been told what to do */
	bool commanded; /* the password command runs */
	unsigned tried; /* fields that it was run for */
	unsigned logins; /* attempts, before the tunnel was up for the first time */
	int watch; /* an epoll of what is read from while a prompt stands, so that its flags stay */
	bool quiet; /* echo is off */
	struct termios before;
	uint8_t *line; /* of the pool */
	size_t n;
};

enum ask_state {
	ASK_NONE, /* no question, or nothing to do but wait */
	ASK_COMMAND, /* run the password command with ask_question; then ask_commanded */
	ASK_COMPLETE, /* the values are all there */
	ASK_REFUSED, /* nobody can or wants to answer */
};

/* options are copied, what they point to is borrowed. Never fails. */
void ask_init(struct ask *a, const struct ask_options *options);
void ask_free(struct ask *a);
/* Readable when ask_read has something to do; the same for life. */
int ask_fd(const struct ask *a);
/* An attempt to connect begins. vpnc's manner knows one: who is refused then is not asked again. */
void ask_login_begins(struct ask *a);
/* A question; one before it is forgotten. gateway: its name as configured. */
void ask_begin(struct ask *a, const struct session_ask *q, const char *gateway,
	       const struct addr *peer);
/* Goes on as far as can be. command: there is a password command. */
enum ask_state ask_advance(struct ask *a, bool command);
/* The question at hand as a person would see it. */
const char *ask_question(const struct ask *a, char buf[ASK_TEXT_MAX]);
/* What the password command gave; empty: nothing. */
void ask_commanded(struct ask *a, struct slice value);
/* Reads what was typed. */
void ask_read(struct ask *a);
/*
 * Answers from elsewhere to question `id`; the fields that are empty are not given. NULL, or in
 * plain words why that is no answer.
 */
const char *ask_give(struct ask *a, uint32_t id, const struct secret value[XAUTH_FIELDS]);
/* The question is over: values are wiped, the terminal is as before. */
void ask_end(struct ask *a);
/* The terminal is not ours any more. A question that stands there waits for an answer elsewhere. */
void ask_let_go(struct ask *a);

/* "username", "password", "passcode", "answer", "next-pin", "domain": the words of `status`. */
const char *ask_field_name(enum xauth_field field);
/* True when it must not be seen while it is typed. */
bool ask_field_is_secret(enum xauth_field field);

/* ---- ask_line.c ---- */

enum ask_line_end {
	ASK_LINE_TYPED,
	ASK_LINE_EMPTY, /* nothing, or more than a secret has */
	ASK_LINE_ENDED, /* somebody wants an end: SIGINT and its like, consumed; the end of input */
};

/*
 * Asks for a secret before there is a connection, and waits. *out is set when one was typed; the terminal
 * is as before in any case.
 */
enum ask_line_end ask_line(int tty, const char *prompt, struct secret *out);

#endif
