/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "client/event_log.h"

#define WALL (1795502400 * VTIME_S + 123456 * VTIME_US) /* 2026-11-24T06:40:00.123456Z */

static void add(struct event_log *l, enum log_level level, const char *what)
{
	const struct log_event ev = { 5 * VTIME_S, level, what, NULL };

	event_log_add(l, &ev, WALL);
}

static unsigned count(const struct event_log *l, enum log_level level, uint64_t since)
{
	const struct event_line *line;
	unsigned n = 0;

	while ((line = event_log_find(l, level, since))) {
		assert_true(line->seq >= since);
		assert_true(line->level <= level);
		assert_int_equal(line->n, strlen(line->json));
		since = line->seq + 1;
		n++;
	}
	return n;
}

static void an_event_is_an_object(void **state)
{
	const uint8_t bytes[] = { 0, 0xff };
	const struct log_field fields[] = {
		log_str("text", "a \"b\" \\ c\n\xff"),
		log_u64("n", 7),
		log_hex("spi_in", 4, 0xabc),
		log_bytes("raw", SLICE_OF(bytes)),
		log_str("utf", "\xc3\xa4"),
		{ .type = LOG_END },
	};
	const struct log_event ev = { 1234567 * VTIME_US, LOG_WARN, "what", fields };
	const struct event e = { 42, WALL, &ev };
	char *json = event_json(&e);

	assert_string_equal(json,
			    "{\"seq\":42,\"time\":\"2026-11-24T06:40:00.123456Z\","
			    "\"boottime_us\":1234567,\"level\":\"warn\",\"event\":\"what\","
			    "\"fields\":{\"text\":\"a \\\"b\\\" \\\\ c??\",\"n\":7,"
			    "\"spi_in\":\"00000abc\",\"raw\":\"00ff\",\"utf\":\"\xc3\xa4\"}}");
	free(json);
}

static void events_are_numbered_and_found(void **state)
{
	struct event_log *l = event_log_new(LOG_DEBUG, LOG_INFO);

	assert_int_equal(event_log_next_seq(l), 1);
	assert_null(event_log_find(l, LOG_DEBUG, 0));
	add(l, LOG_INFO, "one");
	add(l, LOG_DEBUG, "two");
	add(l, LOG_ERROR, "three");
	add(l, LOG_DEBUG, "four");
	assert_int_equal(count(l, LOG_DEBUG, 0), 4);
	assert_int_equal(count(l, LOG_INFO, 0), 2);
	assert_int_equal(count(l, LOG_WARN, 0), 1);
	assert_int_equal(count(l, LOG_DEBUG, 3), 2);
	assert_int_equal(count(l, LOG_DEBUG, 5), 0);
	assert_int_equal(event_log_find(l, LOG_INFO, 2)->seq, 3);
	assert_int_equal(event_log_next_seq(l), 5);
	assert_int_equal(event_log_complete(l, LOG_DEBUG), 1);
	event_log_free(l);
}

static void what_is_kept_has_its_bounds(void **state)
{
	struct event_log *l = event_log_new(LOG_DEBUG, LOG_INFO);
	char text[LOG_TEXT_MAX];
	struct log_field field[] = { { 0 }, { .type = LOG_END } };
	const struct log_event big = { 1, LOG_INFO, "big", field };
	size_t bytes = 0;
	const struct event_line *line;

	for (unsigned i = 0; i < 3 * EVENT_RING_EVENTS; i++)
		add(l, LOG_INFO, "small");
	assert_int_equal(count(l, LOG_DEBUG, 0), EVENT_RING_EVENTS);
	assert_int_equal(event_log_complete(l, LOG_INFO), 2 * EVENT_RING_EVENTS + 1);
	assert_int_equal(event_log_find(l, LOG_DEBUG, 0)->seq, 2 * EVENT_RING_EVENTS + 1);
	memset(text, '"', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	field[0] = log_str("text", text);
	for (unsigned i = 0; i < 3 * EVENT_RING_EVENTS; i++)
		event_log_add(l, &big, WALL);
	for (uint64_t seq = 0; (line = event_log_find(l, LOG_DEBUG, seq)); seq = line->seq + 1)
		bytes += line->n;
	assert_in_range(bytes, EVENT_RING_BYTES - 1000, EVENT_RING_BYTES);
	event_log_free(l);
}

/* However many debug events there are, the others stay. */
static void a_flood_of_debug_events_takes_none_of_the_others(void **state)
{
	struct event_log *l = event_log_new(LOG_DEBUG, LOG_INFO);

	add(l, LOG_INFO, "first");
	for (unsigned i = 0; i < 10 * EVENT_RING_EVENTS; i++)
		add(l, LOG_DEBUG, "flood");
	assert_int_equal(event_log_find(l, LOG_DEBUG, 0)->seq, 1);
	assert_int_equal(count(l, LOG_DEBUG, 0), 1 + EVENT_RING_EVENTS);
	assert_int_equal(event_log_complete(l, LOG_INFO), 1);
	assert_int_equal(event_log_complete(l, LOG_DEBUG), 2 + 9 * EVENT_RING_EVENTS);
	event_log_free(l);
}

struct heard {
	unsigned n, told;
	uint64_t last;
};

static void hear(void *ctx, const struct event *e)
{
	struct heard *h = ctx;

	h->n++;
	h->last = e->seq;
}

static void be_told(void *ctx)
{
	((struct heard *)ctx)->told++;
}

static void levels_of_ring_and_sinks(void **state)
{
	struct event_log *l = event_log_new(LOG_INFO, LOG_WARN);
	struct log log = { 0 };
	struct heard h = { 0 };
	const struct event_sink sink = { hear, &h };

	event_log_attach(l, &log);
	event_log_add_sink(l, &sink);
	event_log_listen(l, be_told, &h);
	assert_int_equal(log.level, LOG_INFO);
	log_ev(&log, LOG_INFO, "kept");
	assert_int_equal(h.n, 0);
	assert_int_equal(h.told, 1);
	log_ev(&log, LOG_WARN, "told");
	assert_int_equal(h.last, 2);
	log_ev(&log, LOG_DEBUG, "neither");
	assert_int_equal(event_log_next_seq(l), 3);
	event_log_set_level(l, LOG_DEBUG);
	assert_int_equal(log.level, LOG_DEBUG);
	log_ev(&log, LOG_DEBUG, "both");
	assert_int_equal(h.last, 3);
	assert_int_equal(h.told, 3);
	assert_int_equal(count(l, LOG_DEBUG, 0), 3);
	/* Time is there before the engines have one. */
	assert_null(strstr(event_log_find(l, LOG_DEBUG, 0)->json, "\"boottime_us\":0,"));
	event_log_remove_sinks(l);
	event_log_set_level(l, LOG_ERROR);
	assert_int_equal(log.level, LOG_INFO);
	log_ev(&log, LOG_ERROR, "no sink");
	assert_int_equal(h.n, 2);
	event_log_free(l);
	log_ev(&log, LOG_ERROR, "no log");
}

static void levels_have_names(void **state)
{
	enum log_level level = LOG_INFO;

	assert_true(event_level_parse("error", &level));
	assert_int_equal(level, LOG_ERROR);
	assert_true(event_level_parse("debug", &level));
	assert_int_equal(level, LOG_DEBUG);
	assert_false(event_level_parse("", &level));
	assert_false(event_level_parse("unknown", &level));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_is_an_object),
		cmocka_unit_test(events_are_numbered_and_found),
		cmocka_unit_test(what_is_kept_has_its_bounds),
		cmocka_unit_test(a_flood_of_debug_events_takes_none_of_the_others),
		cmocka_unit_test(levels_of_ring_and_sinks),
		cmocka_unit_test(levels_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
