/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control_parts.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define ANSWER "{\"cmd\":\"answer\","

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

/* An event may be told amidst of what the session does: it is not asked for anything then. */
static void who_is_found_gone_is_forgotten_later(void **state)
{
	struct server *s = *state;
	int fd = dial(s);

	tell(s, fd, "{\"cmd\":\"log\",\"follow\":true}\n" SHOW("flows"));
	close(fd);
	log_ev(&s->log, LOG_INFO, "nobody hears this");
	assert_int_equal(s->forgotten, 0);
	turn(s);
	assert_int_equal(s->forgotten, s->ticket);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_line_by_line),
		TEST(answers_are_taken),
		TEST(socket_is_private),
		TEST(others_are_not_heard),
		TEST(too_long_a_line_ends_it),
		TEST(only_so_many_at_a_time),
		TEST(disconnect_is_answered_at_the_end),
		TEST(who_does_not_read_is_not_heard),
		TEST(an_answer_comes_at_once_or_later),
		TEST(an_answer_may_come_while_it_is_asked),
		TEST(who_has_gone_is_forgotten),
		TEST(who_is_found_gone_is_forgotten_later),
		TEST(who_waits_is_not_read_without_end),
		TEST(a_long_answer_is_whole),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
