/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/watch.h"

static struct watch_history *h;

static int begin(void **state)
{
	h = calloc(1, sizeof(*h));
	return h ? 0 : -1;
}

static int end(void **state)
{
	free(h);
	return 0;
}

static void status(double at, const char *json)
{
	json_t *o = json_loads(json, 0, NULL);

	assert_non_null(o);
	watch_history_status(h, o, at);
	json_decref(o);
}

static void event(const char *json)
{
	json_t *o = json_loads(json, 0, NULL);

	assert_non_null(o);
	watch_history_event(h, o);
	json_decref(o);
}

static void rate_is(double in, double out)
{
	const struct watch_rate *r = &h->rates[h->nrates - 1];

	assert_true(h->nrates > 0);
	assert_true(r->in == in && r->out == out);
}

#define EPOCH(spi, in, out) "{\"spi_in\":\"" spi "\",\"bytes_in\":" in ",\"bytes_out\":" out "}"
#define TUNNEL(epochs) "{\"tunnels\":[{\"epochs\":[" epochs "]}]}"

/* What had been carried before somebody watched is no rate. */
static void rates_by_what_is_added(void **state)
{
	status(1, TUNNEL(EPOCH("a", "1000", "500")));
	assert_int_equal(h->nrates, 0);
	status(2, TUNNEL(EPOCH("a", "1600", "500")));
	rate_is(600, 0);
	status(4, TUNNEL(EPOCH("a", "2600", "700")));
	rate_is(500, 100);
	assert_int_equal(h->nrates, 2);
}

/* A new SA begins at zero, an old one goes with its counts. */
static void rates_over_rekeying(void **state)
{
	status(1, TUNNEL(EPOCH("a", "1000", "0")));
	status(2, TUNNEL(EPOCH("b", "50", "0") "," EPOCH("a", "1100", "0")));
	rate_is(150, 0);
	status(3, TUNNEL(EPOCH("b", "250", "0")));
	rate_is(200, 0);
	assert_int_equal(h->ncounters, 1);
	/* The SPI comes again, with a count from its begin. */
	status(4, TUNNEL(EPOCH("b", "30", "0")));
	rate_is(0, 0);
}

static void rates_of_a_gateway(void **state)
{
	status(1, "{\"clients\":[{\"id\":1,\"bytes_in\":10,\"bytes_out\":1}]}");
	status(2, "{\"clients\":[{\"id\":1,\"bytes_in\":20,\"bytes_out\":2},"
		  "{\"id\":2,\"bytes_in\":5,\"bytes_out\":0}]}");
	rate_is(15, 1);
}

static void only_a_minute(void **state)
{
	char json[128];

	for (int i = 1; i < 200; i++) {
		snprintf(json, sizeof(json), TUNNEL(EPOCH("a", "%d", "0")), i * i);
		status(i, json);
	}
	assert_int_equal(h->nrates, WATCH_SAMPLES);
	rate_is(199 * 199 - 198 * 198, 0);
	assert_true(h->rates[0].in == 140 * 140 - 139 * 139);
	/* A clock that stands still gives no rate. */
	status(199, TUNNEL(EPOCH("a", "99999999", "0")));
	assert_int_equal(h->nrates, WATCH_SAMPLES);
	rate_is(199 * 199 - 198 * 198, 0);
}

/* What an event brought between two seconds counts with the second of them. */
static void early_ones_add_to_the_next(void **state)
{
	status(1, TUNNEL(EPOCH("a", "0", "0")));
	status(2, TUNNEL(EPOCH("a", "100", "0")));
	status(2.1, TUNNEL(EPOCH("a", "150", "0")));
	status(3, TUNNEL(EPOCH("a", "400", "0")));
	assert_int_equal(h->nrates, 2);
	rate_is(300, 0);
}

static void more_counters_than_room(void **state)
{
	json_t *o = json_object(), *clients = json_array();

	for (int i = 0; i < 2 * WATCH_COUNTERS; i++)
		json_array_append_new(clients, json_pack("{s:i,s:i}", "id", i, "bytes_in", 1));
	json_object_set_new(o, "clients", clients);
	watch_history_status(h, o, 1);
	watch_history_status(h, o, 2);
	assert_int_equal(h->ncounters, WATCH_COUNTERS);
	json_decref(o);
}

#define MOVE(to)                                                                                   \
	"{\"event\":\"our address changes\",\"time\":\"2026-11-22T06:30:00.25Z\","                 \
	"\"fields\":{\"from\":\"192.0.2.1\",\"to\":\"" to "\"}}"
#define CARRIES                                                                                    \
	"{\"event\":\"the new path carries\",\"fields\":{\"method\":\"follow\",\"outage_ms\":52}}"

static void moves(void **state)
{
	event(CARRIES);
	assert_int_equal(h->nroams, 0);
	event(MOVE("192.0.2.2"));
	assert_int_equal(h->roams[0].outage_ms, -1);
	event(MOVE("192.0.2.3"));
	event(CARRIES);
	assert_int_equal(h->nroams, 2);
	assert_int_equal(h->roams[0].outage_ms, -1);
	assert_int_equal(h->roams[1].outage_ms, 52);
	assert_string_equal(h->roams[1].method, "follow");
	assert_string_equal(h->roams[1].from, "192.0.2.1");
	assert_string_equal(h->roams[1].to, "192.0.2.3");
	assert_true(h->roams[1].at == watch_time("2026-11-22T06:30:00Z"));
	for (int i = 0; i < 20; i++)
		event(MOVE("192.0.2.4"));
	assert_int_equal(h->nroams, WATCH_ROAMS);
}

static void events(void **state)
{
	event("{\"event\":\"child up\",\"level\":\"info\",\"fields\":{\"spi\":\"c0ffee01\",\"n\":7}}");
	assert_string_equal(h->events[0].text, "child up, spi: c0ffee01, n: 7");
	assert_false(h->events[0].bad);
	event("{\"event\":\"recovering\",\"level\":\"warn\"}");
	assert_true(h->events[1].bad);
	event("{}");
	for (int i = 0; i < 200; i++)
		event("{\"event\":\"x\"}");
	assert_int_equal(h->nevents, WATCH_EVENTS);
}

static void long_events_are_cut(void **state)
{
	char text[3 * WATCH_TEXT_MAX];
	json_t *o;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	o = json_pack("{s:s, s:{s:s, s:i}}", "event", text, "fields", "a", text, "b", 7);
	watch_history_event(h, o);
	assert_int_equal(strlen(h->events[0].text), WATCH_TEXT_MAX - 1);
	json_decref(o);
}

static void times(void **state)
{
	assert_true(watch_time("1970-01-01T00:01:00Z") == 60);
	assert_true(watch_time("1970-01-01T00:01:00.999999Z") == 60);
	assert_true(watch_time("yesterday") == 0);
	assert_true(watch_time("") == 0);
}

static void pressed(const char *bytes, const char *wanted)
{
	static const char names[] = ".qnpPr"; /* in the order of the keys */
	struct watch_keys k = { 0 };
	char got[32] = "";

	for (size_t i = 0; bytes[i]; i++)
		got[i] = names[watch_key(&k, (unsigned char)bytes[i])];
	assert_string_equal(got, wanted);
}

static void keys(void **state)
{
	pressed("q", "q");
	pressed("p ", "PP");
	pressed("\t\f", "nr");
	pressed("x\x1b[Cx\x1b[Dx", "...n...p.");
	pressed("\x1bOC\x1b[Z", "..n..p");
	/* With numbers, and ones that mean nothing here: their letters are no keys. */
	pressed("\x1b[1;5C\x1b[15~\x1b[Pq", ".....n........q");
	pressed("\x1bq\x1b\x1b[C", ".q...n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rates_by_what_is_added),
		TEST(rates_over_rekeying),
		TEST(rates_of_a_gateway),
		TEST(only_a_minute),
		TEST(early_ones_add_to_the_next),
		TEST(more_counters_than_room),
		TEST(moves),
		TEST(events),
		TEST(long_events_are_cut),
		TEST(times),
		TEST(keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
