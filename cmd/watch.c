/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/watch.h"

#include <jansson.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "client/client.h"
#include "cmd/cmd.h"

#define CONNECTIONS_MAX 16
#define NAME_SIZE 65
#define EVENTS_REQUEST "{\"cmd\":\"log\",\"level\":\"info\",\"follow\":true}"
#define STATUS_REQUEST "{\"cmd\":\"status\"}"
#define EARLY_S 0.1 /* between two questions at least, whatever happens */
#define SUMMARY_S 10 /* without a screen: a line at least so often */
#define LINES_AT_ONCE 10000 /* more than all events that are kept */

struct connection {
	char name[NAME_SIZE];
	struct client_stream *stream; /* NULL: it does not run */
	bool asked; /* for its status */
	double asked_at;
	bool now; /* its events are new ones */
	json_t *status;
	struct watch_history history;
	/* Without a screen. */
	char said[1024];
	double said_at;
};

struct watch {
	const char *
		named; /* it is the first that is shown, and without a screen the only one; NULL: none */
	struct connection *connections[CONNECTIONS_MAX];
	unsigned n, shown;
	bool screen, utf8, colour;
	bool paused, quit;
	bool changed; /* what is on the screen is old */
	struct watch_terminal *terminal;
	struct watch_keys keys;
	struct screen *before; /* what is on the screen; NULL: nobody knows */
	int timer;
};

static double steady_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- connections ---- */

static void connection_close(struct connection *c)
{
	client_stream_close(c->stream);
	c->stream = NULL;
	json_decref(c->status);
	c->status = NULL;
	c->asked = c->now = false;
}

/* Complaints of one that has just ended are nobody's business. */
static void connection_open(struct connection *c)
{
	char *complaint = NULL;
	size_t size;
	FILE *err = open_memstream(&complaint, &size);

	if (client_stream_open(c->name, EVENTS_REQUEST, &c->stream, err) == 0)
		c->history = (struct watch_history){ 0 };
	fclose(err);
	free(complaint);
}

static void connection_ask(struct connection *c)
{
	if (!c->stream || c->asked)
		return;
	c->asked = client_stream_send(c->stream, STATUS_REQUEST);
	c->asked_at = steady_now();
}

/* What happens is seen at once; of many things that do, the last ones at the next second. */
static void connection_ask_early(struct connection *c)
{
	if (steady_now() - c->asked_at >= EARLY_S)
		connection_ask(c);
}

static void watch_add(void *ctx, const char *name)
{
	struct watch *w = ctx;
	struct connection *c;

	for (unsigned i = 0; i < w->n; i++)
		if (strcmp(w->connections[i]->name, name) == 0)
			return;
	if (w->n == CONNECTIONS_MAX)
		return;
	c = xcalloc(1, sizeof(*c));
	snprintf(c->name, sizeof(c->name), "%s", name);
	w->connections[w->n++] = c;
}

/* Those that have come since. */
static void watch_look(struct watch *w)
{
	if (w->named)
		watch_add(w, w->named);
	if (!w->named || w->screen)
		client_running(watch_add, w);
	for (unsigned i = 0; i < w->n; i++)
		if (!w->connections[i]->stream)
			connection_open(w->connections[i]);
}

/* ---- showing ---- */

static struct watch_view watch_view(const struct watch *w, unsigned shown,
				    const char *names[CONNECTIONS_MAX], char clock[16])
{
	time_t now = time(NULL);
	struct tm tm;

	strftime(clock, 16, "%H:%M:%S", localtime_r(&now, &tm));
	for (unsigned i = 0; i < w->n; i++)
		names[i] = w->connections[i]->name;
	return (struct watch_view){
		.names = names,
		.nnames = w->n,
		.shown = shown,
		.status = w->connections[shown]->status,
		.history = &w->connections[shown]->history,
		.now = now,
		.clock = clock,
		.keys = watch_terminal_keys(w->terminal) >= 0,
		.paused = w->paused,
	};
}

static void watch_redraw(struct watch *w)
{
	const char *names[CONNECTIONS_MAX];
	char clock[16];
	struct watch_view view = watch_view(w, w->shown, names, clock);
	unsigned columns, rows;
	struct screen *s;

	watch_terminal_size(&columns, &rows);
	s = screen_new(columns, rows, w->utf8);
	watch_draw(&view, s);
	screen_show(s, w->before, w->colour, stdout);
	screen_free(w->before);
	w->before = s;
	w->changed = false;
}

/* A line when it says something new, and now and then. */
static void watch_say(struct watch *w, unsigned i)
{
	struct connection *c = w->connections[i];
	const char *names[CONNECTIONS_MAX];
	char clock[16], line[sizeof(c->said)];
	struct watch_view view = watch_view(w, i, names, clock);
	double now = steady_now();

	watch_line(&view, line, sizeof(line));
	if (strcmp(line, c->said) == 0 && now - c->said_at < SUMMARY_S)
		return;
	printf("%s %s\n", clock, line);
	fflush(stdout);
	memcpy(c->said, line, sizeof(line));
	c->said_at = now;
}

static void watch_say_event(const struct connection *c)
{
	const struct watch_history *h = &c->history;
	time_t now = time(NULL);
	char clock[16];
	struct tm tm;

	strftime(clock, sizeof(clock), "%H:%M:%S", localtime_r(&now, &tm));
	printf("%s %s: %s\n", clock, c->name, h->events[h->nevents - 1].text);
	fflush(stdout);
}

/* ---- what comes ---- */

static void take_status(struct watch *w, unsigned i, json_t *o)
{
	struct connection *c = w->connections[i];

	json_decref(c->status);
	c->status = json_incref(o);
	c->asked = false;
	watch_history_status(&c->history, o, steady_now());
	w->changed = w->changed || !w->paused;
	if (!w->screen)
		watch_say(w, i);
}

static void take_line(struct watch *w, unsigned i, const char *line)
{
	struct connection *c = w->connections[i];
	json_t *o = json_loads(line, 0, NULL);
	const char *log = json_string_value(json_object_get(o, "log"));

	if (json_object_get(o, "seq")) {
		watch_history_event(&c->history, o);
		w->changed = w->changed || !w->paused;
		if (c->now && !w->paused)
			connection_ask_early(c);
		if (c->now && !w->screen)
			watch_say_event(c);
	} else if (json_object_get(o, "state")) {
		take_status(w, i, o);
	} else if (log) {
		c->now = strcmp(log, "now") == 0;
	}
	json_decref(o);
}

/* One that never stops talking does not make us deaf to who wants to quit. */
static void watch_hear(struct watch *w, unsigned i)
{
	enum client_stream_state state = CLIENT_STREAM_LINE;
	struct connection *c = w->connections[i];
	const char *line;

	for (unsigned n = 0; n < LINES_AT_ONCE && state == CLIENT_STREAM_LINE; n++) {
		state = client_stream_take(c->stream, 0, &line);
		if (state == CLIENT_STREAM_LINE)
			take_line(w, i, line);
	}
	if (state != CLIENT_STREAM_ENDED)
		return;
	connection_close(c);
	w->changed = true;
	if (!w->screen)
		watch_say(w, i);
}

static void watch_press(struct watch *w, enum watch_key key)
{
	unsigned n = w->n;

	switch (key) {
	case WATCH_KEY_NONE:
		return;
	case WATCH_KEY_QUIT:
		w->quit = true;
		return;
	case WATCH_KEY_NEXT:
		w->shown = (w->shown + 1) % n;
		break;
	case WATCH_KEY_PREVIOUS:
		w->shown = (w->shown + n - 1) % n;
		break;
	case WATCH_KEY_PAUSE:
		w->paused = !w->paused;
		break;
	case WATCH_KEY_REDRAW:
		screen_free(w->before);
		w->before = NULL;
		break;
	}
	w->changed = true;
}

static void watch_type(struct watch *w)
{
	unsigned char bytes[64];
	ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));

	w->quit = w->quit || n == 0;
	for (ssize_t i = 0; i < n; i++)
		watch_press(w, watch_key(&w->keys, bytes[i]));
}

static void watch_tick(struct watch *w)
{
	uint64_t times;

	if (read(w->timer, &times, sizeof(times)) != sizeof(times) || w->paused)
		return;
	watch_look(w);
	for (unsigned i = 0; i < w->n; i++)
		connection_ask(w->connections[i]);
	w->changed = true;
}

static void watch_signalled(struct watch *w)
{
	switch (watch_terminal_signal(w->terminal)) {
	case WATCH_SIGNAL_NONE:
		return;
	case WATCH_SIGNAL_SIZE:
		screen_free(w->before);
		w->before = NULL;
		w->changed = true;
		return;
	case WATCH_SIGNAL_END:
		w->quit = true;
		return;
	}
}

/* ---- the loop ---- */

static bool is_watching(const struct watch *w)
{
	/* Who has no screen has no use for one that does not run any more. */
	for (unsigned i = 0; i < w->n && !w->screen; i++)
		if (w->connections[i]->stream)
			return true;
	return w->screen;
}

static void watch_wait(struct watch *w)
{
	struct pollfd p[3 + CONNECTIONS_MAX] = {
		{ .fd = w->timer, .events = POLLIN },
		{ .fd = watch_terminal_signals(w->terminal), .events = POLLIN },
		{ .fd = watch_terminal_keys(w->terminal), .events = POLLIN },
	};
	unsigned n = w->n;

	for (unsigned i = 0; i < n; i++)
		p[3 + i] = (struct pollfd){
			.fd = w->connections[i]->stream ?
				      client_stream_fd(w->connections[i]->stream) :
				      -1,
			.events = POLLIN,
		};
	if (poll(p, 3 + n, -1) <= 0)
		return;
	for (unsigned i = 0; i < n; i++)
		if (p[3 + i].revents)
			watch_hear(w, i);
	if (p[2].revents)
		watch_type(w);
	if (p[0].revents)
		watch_tick(w);
	if (p[1].revents)
		watch_signalled(w);
}

static int watch_run(struct watch *w)
{
	struct itimerspec each = { { .tv_sec = 1 }, { .tv_sec = 1 } };

	timerfd_settime(w->timer, 0, &each, NULL);
	for (unsigned i = 0; i < w->n; i++)
		connection_ask(w->connections[i]);
	while (!w->quit && is_watching(w)) {
		watch_wait(w);
		if (w->screen && w->changed && !w->quit)
			watch_redraw(w);
	}
	return w->quit ? EXIT_CODE_OK : EXIT_CODE_NOT_RUNNING;
}

/* False after one line: there is nothing to watch. */
static int watch_begin(struct watch *w)
{
	char *answer;
	int rc = 0;

	watch_look(w);
	if (w->n && w->connections[0]->stream)
		return 0;
	/* It says why. */
	rc = client_request(w->named, STATUS_REQUEST, &answer, stderr);
	free(answer);
	return rc ? rc : EXIT_CODE_NOT_RUNNING;
}

static void watch_end(struct watch *w)
{
	for (unsigned i = 0; i < w->n; i++) {
		connection_close(w->connections[i]);
		free(w->connections[i]);
	}
	screen_free(w->before);
	if (w->timer >= 0)
		close(w->timer);
}

int run_watch(const struct command_args *args)
{
	const char *plain = getenv("NO_COLOR");
	struct watch w = {
		.named = args->word[0],
		.screen = watch_terminal_is_one(),
		.utf8 = watch_terminal_has_utf8(),
		.colour = !plain || !plain[0],
		.timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
	};
	int rc = watch_begin(&w);

	if (rc == 0) {
		w.terminal = watch_terminal_open(w.screen);
		rc = w.terminal && w.timer >= 0 ? watch_run(&w) : EXIT_CODE_SYSTEM;
		if (w.terminal)
			watch_terminal_close(w.terminal);
	}
	watch_end(&w);
	return rc;
}
