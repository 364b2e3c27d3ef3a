/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The event log on the control socket, and both ends of that. */
#include "control_parts.h"

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

/* Every line is whole, and comes once. */
static void expect_events(char *text, json_int_t n)
{
	char *line, *rest = NULL;
	json_int_t seq = 0;

	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		json_t *o = json_loads(line, 0, NULL), *number = json_object_get(o, "seq");

		assert_non_null(o);
		if (number)
			assert_int_equal(json_integer_value(number), ++seq);
		json_decref(o);
	}
	assert_int_equal(seq, n);
}

/* More than the socket takes at once. */
static void a_long_log_comes_whole(void **state)
{
	struct server *s = *state;
	char *all = calloc(1, 1 << 20);
	size_t n = 0;
	unsigned quiet = 0;
	int fd = dial(s);
	const char *text;

	flood(s, 1000);
	tell(s, fd, "{\"cmd\":\"log\"}\n");
	while (!strstr(all + (n > 100 ? n - 100 : 0), "\"end\"") && quiet < 1000) {
		text = hear(fd);
		assert_non_null(text);
		assert_true(n + strlen(text) < 1 << 20);
		memcpy(all + n, text, strlen(text));
		n += strlen(text);
		quiet = *text ? 0 : quiet + 1;
		turn(s);
	}
	expect_events(all, 1000);
	free(all);
	close(fd);
	turn(s);
}

/* The other end, as the commands have it. */
static void a_stream_gives_line_by_line(void **state)
{
	struct server *s = *state;
	const char *name = strrchr(s->dir, '/') + 1, *line;
	struct client_stream *c;

	setenv("GODWIT_RUNDIR", "/tmp", 1);
	assert_int_equal(client_stream_open(name, "{\"cmd\":\"log\",\"follow\":true}", &c, stderr),
			 0);
	assert_string_equal(client_stream_name(c), name);
	assert_int_equal(client_stream_take(c, 0, &line), CLIENT_STREAM_NOTHING);
	turn(s);
	assert_int_equal(client_stream_take(c, 0, &line), CLIENT_STREAM_LINE);
	assert_non_null(strstr(line, "begin"));
	assert_int_equal(client_stream_take(c, 0, &line), CLIENT_STREAM_LINE);
	assert_string_equal(line, "{\"log\":\"now\",\"next\":1}");
	assert_int_equal(client_stream_take(c, 10, &line), CLIENT_STREAM_NOTHING);
	/* More than its first room, in pieces. */
	flood(s, 100);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(client_stream_take(c, 0, &line), CLIENT_STREAM_LINE);
		assert_int_equal(line[strlen(line) - 1], '}');
	}
	assert_true(client_stream_send(c, "{\"cmd\":\"status\"}"));
	turn(s);
	assert_int_equal(client_stream_take(c, 0, &line), CLIENT_STREAM_LINE);
	assert_string_equal(line, "{\"state\":\"up\"}");
	control_end(s->control);
	turn(s);
	assert_int_equal(client_stream_take(c, 0, &line), CLIENT_STREAM_LINE);
	assert_non_null(strstr(line, "end"));
	assert_int_equal(client_stream_take(c, 0, &line), CLIENT_STREAM_ENDED);
	assert_int_equal(client_stream_take(c, 0, &line), CLIENT_STREAM_ENDED);
	assert_false(client_stream_send(c, "{}"));
	client_stream_close(c);
	unsetenv("GODWIT_RUNDIR");
}

/* Root may look at one that has given root up: what it says moves no cursor and sets no title. */
static void a_terminal_gets_no_orders(void **state)
{
	struct server *s = *state;
	const char *name = strrchr(s->dir, '/') + 1, *line;
	struct client_stream *c;

	setenv("GODWIT_RUNDIR", "/tmp", 1);
	s->status = "{\"a\":\"\\u001b[2J\\u009B1m\\u007f\\r\\\\u001b\\n\\u00e9\",\x01"
		    "\"b\":\"\xc2\x9b\x7f\xc3\xa9\\\"\",\"c\":\"\\u00";
	assert_int_equal(client_stream_open(name, "{\"cmd\":\"status\"}", &c, stderr), 0);
	turn(s);
	assert_int_equal(client_stream_take(c, 0, &line), CLIENT_STREAM_LINE);
	assert_string_equal(line, "{\"a\":\"\\u003f[2J\\u003f1m\\u003f\\t\\\\u001b\\n\\u00e9\", "
				  "\"b\":\"???\xc3\xa9\\\"\",\"c\":\"\\u00");
	client_stream_close(c);
	turn(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_log_is_told),
		TEST(new_events_are_pushed),
		TEST(the_level_changes_at_run_time),
		TEST(deaf_followers_are_dropped),
		TEST(a_long_log_comes_whole),
		TEST(a_stream_gives_line_by_line),
		TEST(a_terminal_gets_no_orders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
