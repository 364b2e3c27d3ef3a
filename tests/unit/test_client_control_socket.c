/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "client/runtime.h"

#define ANSWER "{\"cmd\":\"answer\","
#define LONG_ANSWER 3000000

struct server {
	char dir[64];
	char path[80];
	uv_loop_t loop;
	struct control *control;
	struct control_ops ops;
	struct log log;
	struct event_log *events;
	unsigned disconnects;
	uint32_t answered;
	unsigned roams;
	control_ticket ticket, forgotten;
	char interface[CONTROL_INTERFACE_MAX];
	char password[16];
};

static char *say_status(void *ctx)
{
	(void)ctx;
	return strdup("{\"state\":\"up\"}");
}

static void count_disconnect(void *ctx)
{
	struct server *s = ctx;

	s->disconnects++;
}

static const char *take_answer(void *ctx, const struct control_request *r)
{
	struct server *s = ctx;

	if (r->id != 7)
		return "there is no such question any more";
	s->answered = r->id;
	memcpy(s->password, r->value[XAUTH_PASSWORD].p, r->value[XAUTH_PASSWORD].n);
	return NULL;
}

static void take_roam(void *ctx, const struct control_request *r)
{
	struct server *s = ctx;

	s->roams++;
	memcpy(s->interface, r->interface, sizeof(s->interface));
}

/* "sa" at once, "policy" refused, "flows" later, "held" a long text, a ping during the call. */
static char *asked(void *ctx, const struct control_request *r, const char **why)
{
	struct server *s = ctx;
	char *text;

	s->ticket = r->ticket;
	if (r->verb == CONTROL_PING) {
		control_answer(s->control, r->ticket, "{\"ping\":{}}");
		return NULL;
	}
	if (r->show == SHOW_SA)
		return strdup("{\"show\":\"sa\"}");
	if (r->show == SHOW_POLICY)
		*why = "not now";
	if (r->show != SHOW_HELD)
		return NULL;
	text = malloc(LONG_ANSWER + 1);
	memset(text, 'x', LONG_ANSWER);
	text[LONG_ANSWER] = '\0';
	return text;
}

static void forgotten(void *ctx, control_ticket ticket)
{
	struct server *s = ctx;

	s->forgotten = ticket;
}

static int server_start(void **state)
{
	struct server *s = calloc(1, sizeof(*s));

	strcpy(s->dir, "/tmp/godwit-control.XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	snprintf(s->path, sizeof(s->path), "%s/control", s->dir);
	uv_loop_init(&s->loop);
	s->events = event_log_new(LOG_DEBUG, LOG_INFO);
	event_log_attach(s->events, &s->log);
	s->ops = (struct control_ops){
		.ctx = s,
		.status = say_status,
		.disconnect = count_disconnect,
		.answer = take_answer,
		.roam = take_roam,
		.events = s->events,
		.ask = asked,
		.forget = forgotten,
	};
	s->control = control_new(&s->loop, s->path, &s->ops);
	assert_non_null(s->control);
	*state = s;
	return 0;
}

static int server_stop(void **state)
{
	struct server *s = *state;

	control_end(s->control);
	for (int i = 0; i < 10; i++)
		uv_run(&s->loop, UV_RUN_NOWAIT);
	assert_int_equal(uv_loop_close(&s->loop), 0);
	control_free(s->control);
	event_log_free(s->events);
	/* The socket is gone, or this fails. */
	assert_int_equal(rmdir(s->dir), 0);
	free(s);
	return 0;
}

static int dial(struct server *s)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(to.sun_path, s->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void turn(struct server *s)
{
	for (int i = 0; i < 10; i++)
		uv_run(&s->loop, UV_RUN_NOWAIT);
}

static void tell(struct server *s, int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	turn(s);
}

/* What has come, as a string; "" when nothing has, NULL when the other side has closed. */
static const char *hear(int fd)
{
	static char buf[8192];
	ssize_t n = recv(fd, buf, sizeof(buf) - 1, MSG_DONTWAIT);

	if (n == 0)
		return NULL;
	buf[n < 0 ? 0 : n] = '\0';
	return buf;
}

static void answers_line_by_line(void **state)
{
	struct server *s = *state;
	int fd = dial(s);

	tell(s, fd, "{\"cmd\":");
	assert_string_equal(hear(fd), "");
	tell(s, fd, "\"status\"}\n{\"cmd\":\"status\"}\n{\"cm");
	assert_string_equal(hear(fd), "{\"state\":\"up\"}\n{\"state\":\"up\"}\n");
	tell(s, fd, "d\":\"nonsense\"}\n");
	assert_non_null(strstr(hear(fd), "\"error\""));
	tell(s, fd, "{\"cmd\":\"status\"}\n");
	assert_string_equal(hear(fd), "{\"state\":\"up\"}\n");
	close(fd);
	turn(s);
}

static void answers_are_taken(void **state)
{
	struct server *s = *state;
	int fd = dial(s);

	tell(s, fd, ANSWER "\"id\":6,\"values\":{\"password\":\"abc\"}}\n");
	assert_non_null(strstr(hear(fd), "{\"error\":\"there is no such question"));
	assert_int_equal(s->answered, 0);
	tell(s, fd, ANSWER "\"id\":7,\"values\":{\"password\":\"abc\"}}\n");
	assert_string_equal(hear(fd), "{\"answered\":true}\n");
	assert_int_equal(s->answered, 7);
	assert_string_equal(s->password, "abc");
	assert_int_equal(secret_pool_used(), 0);
	close(fd);
	turn(s);
}

/* Begin, events, end, of which no time is looked at. */
static void the_log_is_told(void **state)
{
	struct server *s = *state;
	int fd = dial(s);
	const char *text;

	log_ev(&s->log, LOG_INFO, "child up", log_hex("spi_in", 4, 0xabc));
	log_ev(&s->log, LOG_DEBUG, "quiet");
	log_ev(&s->log, LOG_WARN, "loud", log_u64("n", 2));
	tell(s, fd, "{\"cmd\":\"log\"}\n");
	text = hear(fd);
	assert_ptr_equal(strstr(text, "{\"log\":\"begin\",\"level\":\"info\",\"complete_from\":1,"
				      "\"next\":4}\n{\"seq\":1,"),
			 text);
	assert_non_null(strstr(text, "\"level\":\"info\",\"event\":\"child up\",\"fields\":"
				     "{\"spi_in\":\"00000abc\"}}\n{\"seq\":3,"));
	assert_non_null(strstr(text, "\"fields\":{\"n\":2}}\n{\"log\":\"end\",\"next\":4}\n"));
	assert_null(strstr(text, "quiet"));
	tell(s, fd, "{\"cmd\":\"log\",\"since\":2,\"level\":\"debug\"}\n");
	text = hear(fd);
	assert_null(strstr(text, "child up"));
	assert_non_null(strstr(text, "quiet"));
	/* It can be asked anything again. */
	tell(s, fd, "{\"cmd\":\"status\"}\n");
	assert_string_equal(hear(fd), "{\"state\":\"up\"}\n");
	close(fd);
	turn(s);
}

static void new_events_are_pushed(void **state)
{
	struct server *s = *state;
	int fd = dial(s);

	tell(s, fd, "{\"cmd\":\"log\",\"follow\":true}\n");
	assert_non_null(strstr(hear(fd), "}\n{\"log\":\"now\",\"next\":1}\n"));
	log_ev(&s->log, LOG_DEBUG, "quiet");
	assert_string_equal(hear(fd), "");
	log_ev(&s->log, LOG_INFO, "loud");
	assert_non_null(strstr(hear(fd), "\"event\":\"loud\""));
	/* Those who follow may ask, too. */
	tell(s, fd, "{\"cmd\":\"status\"}\n");
	assert_string_equal(hear(fd), "{\"state\":\"up\"}\n");
	control_end(s->control);
	turn(s);
	assert_string_equal(hear(fd), "{\"log\":\"end\",\"next\":3}\n");
	assert_null(hear(fd));
	log_ev(&s->log, LOG_INFO, "nobody hears this");
	close(fd);
}

static void the_level_changes_at_run_time(void **state)
{
	struct server *s = *state;
	int fd = dial(s);

	tell(s, fd, "{\"cmd\":\"set\",\"log\":\"warn\"}\n");
	assert_string_equal(hear(fd), "{\"log\":\"warn\"}\n");
	assert_int_equal(event_log_level(s->events), LOG_WARN);
	log_ev(&s->log, LOG_INFO, "not now");
	tell(s, fd, "{\"cmd\":\"log\"}\n");
	assert_null(strstr(hear(fd), "not now"));
	tell(s, fd, "{\"cmd\":\"set\",\"log\":\"debug\"}\n");
	hear(fd);
	tell(s, fd, "{\"cmd\":\"log\"}\n");
	assert_non_null(strstr(hear(fd), "not now"));
	close(fd);
	turn(s);
}

static void flood(struct server *s, unsigned n)
{
	char text[LOG_TEXT_MAX];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (unsigned i = 0; i < n; i++)
		log_ev(&s->log, LOG_INFO, "flood", log_str("a", text), log_str("b", text));
}

/* Who does not read is dropped when the log has lost what they have not had; the others are not. */
static void deaf_followers_are_dropped(void **state)
{
	struct server *s = *state;
	int deaf = dial(s), fd = dial(s);
	size_t got = 0;
	const char *text;

	tell(s, deaf, "{\"cmd\":\"log\",\"follow\":true}\n");
	tell(s, fd, "{\"cmd\":\"log\",\"follow\":true}\n");
	for (unsigned i = 0; i < 4 * EVENT_RING_EVENTS; i += 8) {
		flood(s, 8);
		turn(s);
		while ((text = hear(fd)) && *text)
			got += strlen(text);
		assert_non_null(text);
	}
	assert_true(got > 4 * EVENT_RING_EVENTS * 2 * LOG_TEXT_MAX);
	for (got = 0; (text = hear(deaf)); got += strlen(text))
		assert_true(*text);
	assert_true(got > 0 && got < EVENT_RING_BYTES + (1 << 20));
	close(deaf);
	close(fd);
	turn(s);
}

/* More than the socket takes at once, and every line of it whole and once. */
static void a_long_log_comes_whole(void **state)
{
	struct server *s = *state;
	unsigned lines = 0, quiet = 0;
	int fd = dial(s);
	const char *text;

	flood(s, 1000);
	tell(s, fd, "{\"cmd\":\"log\"}\n");
	for (bool end = false; !end && quiet < 1000;) {
		text = hear(fd);
		assert_non_null(text);
		quiet = *text ? 0 : quiet + 1;
		for (const char *c = text; *c; c++)
			lines += *c == '\n';
		end = strstr(text, "\"end\"") != NULL;
		turn(s);
	}
	assert_int_equal(lines, 1002);
	close(fd);
	turn(s);
}

static void socket_is_private(void **state)
{
	struct server *s = *state;
	struct stat st;

	assert_int_equal(stat(s->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

/* As another user, for whom the socket has been opened up. */
static void ask_as_nobody(struct server *s)
{
	static const char line[] = "{\"cmd\":\"disconnect\"}\n";
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char byte;

	strcpy(to.sun_path, s->path);
	if (setresuid(65534, 65534, 65534) != 0 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		_exit(1);
	send(fd, line, strlen(line), MSG_NOSIGNAL);
	_exit(recv(fd, &byte, 1, 0) <= 0 ? 0 : 2);
}

/* The socket's mode is not all that stands between others and a connection. */
static void others_are_not_heard(void **state)
{
	struct server *s = *state;
	int status = 0;
	pid_t child;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(s->dir, 0755), 0);
	assert_int_equal(chmod(s->path, 0666), 0);
	child = fork();
	if (child == 0)
		ask_as_nobody(s);
	for (unsigned i = 0; waitpid(child, &status, WNOHANG) == 0; i++) {
		turn(s);
		usleep(1000);
		if (i == 5000)
			kill(child, SIGKILL);
	}
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(s->disconnects, 0);
}

static void too_long_a_line_ends_it(void **state)
{
	struct server *s = *state;
	char line[CONTROL_LINE_MAX + 1];
	int fd = dial(s);

	memset(line, 'x', sizeof(line));
	line[CONTROL_LINE_MAX] = '\0';
	tell(s, fd, line);
	assert_non_null(strstr(hear(fd), "too long"));
	assert_null(hear(fd));
	close(fd);
}

static void only_so_many_at_a_time(void **state)
{
	struct server *s = *state;
	int fds[CONTROL_CLIENTS_MAX + 1];

	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		fds[i] = dial(s);
		tell(s, fds[i], "{\"cmd\":\"status\"}\n");
		assert_string_equal(hear(fds[i]), "{\"state\":\"up\"}\n");
	}
	fds[CONTROL_CLIENTS_MAX] = dial(s);
	turn(s);
	assert_null(hear(fds[CONTROL_CLIENTS_MAX]));
	close(fds[CONTROL_CLIENTS_MAX]);
	close(fds[0]);
	turn(s);
	fds[0] = dial(s);
	tell(s, fds[0], "{\"cmd\":\"status\"}\n");
	assert_string_equal(hear(fds[0]), "{\"state\":\"up\"}\n");
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		close(fds[i]);
	turn(s);
}

static void disconnect_is_answered_at_the_end(void **state)
{
	struct server *s = *state;
	int fd = dial(s), idle = dial(s);

	tell(s, fd, "{\"cmd\":\"disconnect\"}\n");
	assert_int_equal(s->disconnects, 1);
	assert_string_equal(hear(fd), "");
	control_end(s->control);
	turn(s);
	assert_string_equal(hear(fd), "{\"state\":\"down\"}\n");
	assert_null(hear(fd));
	assert_null(hear(idle));
	close(fd);
	close(idle);
}

/* A client that asks and never reads must not make us keep answers for it: it is not heard any more. */
static void who_does_not_read_is_not_heard(void **state)
{
	struct server *s = *state;
	int fd = dial(s);
	char line[] = "{\"cmd\":\"x\"}\n";
	int i;

	for (i = 0; i < 100000; i++) {
		if (send(fd, line, sizeof(line) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
		uv_run(&s->loop, UV_RUN_NOWAIT);
	}
	assert_true(i < 100000);
	close(fd);
	turn(s);
}

#define SHOW(what) "{\"cmd\":\"show\",\"what\":\"" what "\"}\n"

static void an_answer_comes_at_once_or_later(void **state)
{
	struct server *s = *state;
	int fd = dial(s);

	tell(s, fd, SHOW("sa"));
	assert_string_equal(hear(fd), "{\"show\":\"sa\"}\n");
	tell(s, fd, SHOW("policy"));
	assert_string_equal(hear(fd), "{\"error\":\"not now\"}\n");
	/* What is asked behind it waits for its turn. */
	tell(s, fd, SHOW("flows") "{\"cmd\":\"status\"}\n");
	assert_string_equal(hear(fd), "");
	control_answer(s->control, s->ticket + 256, "nobody's");
	turn(s);
	assert_string_equal(hear(fd), "");
	control_answer(s->control, s->ticket, "{\"show\":\"flows\"}");
	turn(s);
	assert_string_equal(hear(fd), "{\"show\":\"flows\"}\n{\"state\":\"up\"}\n");
	/* Once. */
	control_answer(s->control, s->ticket, "again");
	turn(s);
	assert_string_equal(hear(fd), "");
	assert_int_equal(s->forgotten, 0);
	close(fd);
	turn(s);
	assert_int_equal(s->forgotten, 0);
}

static void an_answer_may_come_while_it_is_asked(void **state)
{
	struct server *s = *state;
	int fd = dial(s);

	tell(s, fd, "{\"cmd\":\"ping\"}\n{\"cmd\":\"ping\"}\n");
	assert_string_equal(hear(fd), "{\"ping\":{}}\n{\"ping\":{}}\n");
	close(fd);
	turn(s);
}

static void who_has_gone_is_forgotten(void **state)
{
	struct server *s = *state;
	int fd = dial(s), other;
	control_ticket gone;

	tell(s, fd, SHOW("flows"));
	gone = s->ticket;
	close(fd);
	turn(s);
	assert_int_equal(s->forgotten, gone);
	other = dial(s);
	tell(s, other, SHOW("flows"));
	assert_int_not_equal(s->ticket, gone);
	control_answer(s->control, gone, "late");
	turn(s);
	assert_string_equal(hear(other), "");
	close(other);
	turn(s);
}

static void who_waits_is_not_read_without_end(void **state)
{
	struct server *s = *state;
	int fd = dial(s), asked_for = 1, n = 0;
	const char *text;

	tell(s, fd, SHOW("flows"));
	while (asked_for < 400) {
		tell(s, fd, "{\"cmd\":\"status\"}\n");
		asked_for++;
	}
	assert_string_equal(hear(fd), "");
	control_answer(s->control, s->ticket, "{}");
	for (turn(s); (text = hear(fd)) && *text; turn(s))
		for (; *text; text++)
			n += *text == '\n';
	assert_int_equal(n, asked_for);
	close(fd);
	turn(s);
}

static void a_long_answer_is_whole(void **state)
{
	struct server *s = *state;
	int fd = dial(s);
	const char *text;
	size_t n = 0;

	tell(s, fd, SHOW("held") "{\"cmd\":\"status\"}\n");
	for (turn(s); (text = hear(fd)) && *text; uv_run(&s->loop, UV_RUN_NOWAIT))
		n += strlen(text);
	assert_int_equal(n, LONG_ANSWER + 1 + strlen("{\"state\":\"up\"}\n"));
	tell(s, fd, SHOW("held"));
	close(fd);
	turn(s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, server_start, server_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_line_by_line),
		TEST(answers_are_taken),
		TEST(the_log_is_told),
		TEST(new_events_are_pushed),
		TEST(the_level_changes_at_run_time),
		TEST(deaf_followers_are_dropped),
		TEST(a_long_log_comes_whole),
		TEST(socket_is_private),
		TEST(others_are_not_heard),
		TEST(too_long_a_line_ends_it),
		TEST(only_so_many_at_a_time),
		TEST(disconnect_is_answered_at_the_end),
		TEST(who_does_not_read_is_not_heard),
		TEST(an_answer_comes_at_once_or_later),
		TEST(an_answer_may_come_while_it_is_asked),
		TEST(who_has_gone_is_forgotten),
		TEST(who_waits_is_not_read_without_end),
		TEST(a_long_answer_is_whole),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
