/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/client.h"
#include "cmd/cmd.h"

/* In the order of the command's options. */
enum {
	GIVEN_FOLLOW,
	GIVEN_JSON,
	GIVEN_LEVEL,
};

/* ---- one event ---- */

/* "2026-11-22T06:30:00.123456Z" as local time, to the millisecond. As it is when it is none. */
static void print_time(const char *text, FILE *out)
{
	struct tm tm = { 0 };
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	time_t t = timegm(&tm);
	char local[40];

	if (rest && localtime_r(&t, &tm) && strftime(local, sizeof(local), "%F %T", &tm))
		fprintf(out, "%s%.4s", local, rest);
	else
		fputs(text, out);
}

static void print_field(const char *key, const json_t *value, FILE *out)
{
	if (json_is_integer(value))
		fprintf(out, ", %s: %" JSON_INTEGER_FORMAT, key, json_integer_value(value));
	else if (json_is_string(value))
		fprintf(out, ", %s: %s", key, json_string_value(value));
}

void event_print_what(struct json_t *event, FILE *out)
{
	const char *what = json_string_value(json_object_get(event, "event")), *key;
	json_t *value;

	fputs(what ? what : "", out);
	json_object_foreach(json_object_get(event, "fields"), key, value)
		print_field(key, value, out);
}

void event_print(struct json_t *event, FILE *out)
{
	const char *time = json_string_value(json_object_get(event, "time"));
	const char *level = json_string_value(json_object_get(event, "level"));

	print_time(time ? time : "", out);
	fprintf(out, " %-5s ", level ? level : "");
	event_print_what(event, out);
	fputc('\n', out);
}

/* ---- the lines of the answer ---- */

enum heard {
	HEARD_GO_ON,
	HEARD_END,
	HEARD_REFUSED,
};

/* What the log says of itself. */
static enum heard hear_log(const json_t *o, bool json)
{
	const char *what = json_string_value(json_object_get(o, "log"));
	const char *error = json_string_value(json_object_get(o, "error"));
	json_int_t complete = json_integer_value(json_object_get(o, "complete_from"));

	if (error)
		fprintf(stderr, "godwit: the connection says: %s\n", error);
	if (!what)
		return HEARD_REFUSED;
	if (complete > 1 && !json)
		fprintf(stderr,
			"godwit: not all from before event %" JSON_INTEGER_FORMAT
			" is kept any more\n",
			complete);
	return strcmp(what, "end") == 0 ? HEARD_END : HEARD_GO_ON;
}

static enum heard hear(const char *line, bool json)
{
	json_t *o = json_loads(line, 0, NULL);
	enum heard heard = HEARD_GO_ON;

	if (!json_object_get(o, "seq"))
		heard = hear_log(o, json);
	else if (json)
		puts(line);
	else
		event_print(o, stdout);
	json_decref(o);
	if (fflush(stdout) != 0)
		heard = HEARD_END;
	return heard;
}

/* ---- the command ---- */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

static int listen_to(struct client_stream *s, bool follow, bool json)
{
	enum client_stream_state state = CLIENT_STREAM_LINE;
	enum heard heard = HEARD_GO_ON;
	const char *line;

	while (heard == HEARD_GO_ON && !interrupted) {
		state = client_stream_take(s, follow ? -1 : CLIENT_ANSWER_MS, &line);
		if (state == CLIENT_STREAM_LINE)
			heard = hear(line, json);
		else if (state == CLIENT_STREAM_ENDED || !follow)
			break;
	}
	if (heard == HEARD_END || interrupted)
		return EXIT_CODE_OK;
	if (heard == HEARD_GO_ON)
		fprintf(stderr, "godwit: the connection %s tells no more\n", client_stream_name(s));
	return EXIT_CODE_NOT_RUNNING;
}

/* A signal ends the wait, and does no more. */
static int listen_until_interrupted(struct client_stream *s, bool json)
{
	struct sigaction act = { .sa_handler = on_interrupt }, before;
	int rc;

	interrupted = 0;
	sigaction(SIGINT, &act, &before);
	rc = listen_to(s, true, json);
	sigaction(SIGINT, &before, NULL);
	return rc;
}

int run_log(const struct command_args *args)
{
	const char *level = args->values[GIVEN_LEVEL];
	bool follow = args->given[GIVEN_FOLLOW], json = args->given[GIVEN_JSON];
	json_t *request =
		json_pack("{s:s, s:b, s:s*}", "cmd", "log", "follow", follow, "level", level);
	char *text = json_dumps(request, JSON_COMPACT);
	struct client_stream *s;
	int rc;

	json_decref(request);
	rc = client_stream_open(args->word[0], text ? text : "", &s, stderr);
	free(text);
	if (rc)
		return rc;
	rc = follow ? listen_until_interrupted(s, json) : listen_to(s, false, json);
	client_stream_close(s);
	return rc;
}

/* "log LEVEL [NAME]" is all that can be set. */
int run_set(const struct command_args *args)
{
	int rc;
	json_t *answer = command_ask(args->word[2],
				     json_pack("{s:s, s:s}", "cmd", "set", "log", args->word[1]),
				     CLIENT_ANSWER_MS, &rc);

	json_decref(answer);
	return rc;
}
