/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/secret.h"
#include "client/client.h"
#include "cmd/cmd.h"

#define LINE_ROOM 1024
#define REQUEST_ROOM 8192

/* Where the person is: the terminal, or standard input where there is none. */
struct person {
	int in;
	int out; /* -1: nobody to show anything to */
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
	interrupted = number;
}

/* What the library has freed may have been a password. */
static void free_wiped(void *p)
{
	if (p)
		wipe(p, malloc_usable_size(p));
	free(p);
}

static void show(const struct person *p, const char *text)
{
	size_t n = strlen(text);

	if (p->out >= 0 && write(p->out, text, n) != (ssize_t)n)
		errno = 0;
}

/* One line without its end, a byte at a time, so that the next one is left. False at the end. */
static bool read_line(int fd, char line[LINE_ROOM])
{
	size_t n = 0;
	ssize_t got = 0;
	char c;

	while (!interrupted && n < LINE_ROOM - 1) {
		got = read(fd, &c, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0 || c == '\n')
			break;
		line[n++] = c;
	}
	line[n] = '\0';
	return !interrupted && (n > 0 || got > 0);
}

static bool ask_person(const struct person *p, const char *question, bool secret,
		       char line[LINE_ROOM])
{
	struct termios before, t;
	bool quiet = secret && tcgetattr(p->in, &before) == 0;
	bool good;

	if (quiet) {
		t = before;
		t.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(p->in, TCSAFLUSH, &t);
	}
	show(p, question);
	good = read_line(p->in, line);
	if (quiet)
		tcsetattr(p->in, TCSAFLUSH, &before);
	if (secret || !good)
		show(p, "\n");
	return good;
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* The values for all fields, or NULL when the person gave none. */
static json_t *ask_fields(const struct person *p, const json_t *asks, const char *gateway)
{
	const json_t *fields = json_object_get(asks, "fields");
	char user[LINE_ROOM], line[LINE_ROOM], question[2 * LINE_ROOM];
	json_t *values = json_object();

	snprintf(user, sizeof(user), "%s", text_of(asks, "username"));
	for (size_t i = 0; values && i < json_array_size(fields); i++) {
		const char *field = json_string_value(json_array_get(fields, i));
		bool secret;

		if (!field)
			continue;
		secret = client_question(field, user, gateway, question, sizeof(question));
		if (!ask_person(p, question, secret, line) ||
		    json_object_set_new(values, field, json_string(line)) != 0) {
			json_decref(values);
			values = NULL;
		} else if (strcmp(field, "username") == 0) {
			memcpy(user, line, sizeof(user));
		}
	}
	wipe(line, sizeof(line));
	return values;
}

static struct person find_person(void)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	return fd >= 0 && isatty(STDIN_FILENO) ? (struct person){ fd, fd } :
						 (struct person){ STDIN_FILENO, -1 };
}

static json_t *ask(const json_t *status, const json_t *asks)
{
	struct sigaction catch = { .sa_handler = on_interrupt };
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction before[ARRAY_SIZE(signals)];
	struct person p = find_person();
	json_t *values;

	/* The terminal's echo must come back. */
	for (unsigned i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &catch, &before[i]);
	if (text_of(asks, "message")[0] && p.out >= 0)
		dprintf(p.out, "The gateway says: %s\n", text_of(asks, "message"));
	values = ask_fields(&p, asks, text_of(status, "gateway"));
	for (unsigned i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &before[i], NULL);
	if (p.in != STDIN_FILENO)
		close(p.in);
	return values;
}

/* The answer to the answer. */
static int judge(const char *name, const char *reply)
{
	json_t *o = json_loads(reply, 0, NULL);
	const char *error = json_string_value(json_object_get(o, "error"));
	int rc = EXIT_CODE_OK;

	if (error) {
		fprintf(stderr, "godwit: %s did not take the answer: %s\n", name, error);
		rc = EXIT_CODE_USAGE;
	}
	json_decref(o);
	return rc;
}

static int send_values(const char *name, json_t *id, json_t *values)
{
	json_t *o = json_pack("{s:s, s:O, s:O}", "cmd", "answer", "id", id, "values", values);
	char request[REQUEST_ROOM], *reply = NULL;
	size_t n = json_dumpb(o, request, sizeof(request) - 1, JSON_COMPACT);
	int rc = EXIT_CODE_USAGE;

	json_decref(o);
	if (n == 0 || n >= sizeof(request)) {
		fprintf(stderr, "godwit: the answer is too long\n");
		n = 0;
	} else {
		request[n] = '\0';
		rc = client_request(name, request, &reply, stderr);
	}
	wipe(request, sizeof(request));
	if (rc == 0 && n)
		rc = judge(name, reply);
	free(reply);
	return rc;
}

static int answer_status(const json_t *status)
{
	const json_t *asks = json_object_get(status, "asks");
	const char *name = text_of(status, "name");
	json_t *values;
	int rc;

	if (!json_is_object(asks) || !name[0]) {
		fprintf(stderr, "godwit: %s asks nothing at the moment\n", name);
		return EXIT_CODE_NOT_RUNNING;
	}
	values = ask(status, asks);
	if (!values) {
		fprintf(stderr, "godwit: nothing was sent, since an answer is missing; without a "
				"terminal each is a line of standard input\n");
		return EXIT_CODE_USAGE;
	}
	rc = send_values(name, json_object_get(asks, "id"), values);
	json_decref(values);
	return rc;
}

int run_answer(const struct command_args *args)
{
	char *reply;
	int rc = client_request(args->word[0], "{\"cmd\":\"status\"}", &reply, stderr);
	json_t *status;

	if (rc)
		return rc;
	json_set_alloc_funcs(malloc, free_wiped);
	status = json_loads(reply, 0, NULL);
	rc = answer_status(status);
	json_decref(status);
	free(reply);
	return rc;
}
