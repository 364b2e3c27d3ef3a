/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "cmd/timeline.h"

#define EVENT(at, level, what, fields)                                                             \
	"{\"seq\":1,\"time\":\"2026-11-22T06:40:00.000000Z\",\"boottime_us\":" #at                 \
	",\"level\":\"" level "\",\"event\":\"" what "\",\"fields\":{" fields "}}"
#define INFO(at, what, fields) EVENT(at, "info", what, fields)
#define EXCHANGE(at, what, name, id, by)                                                           \
	EVENT(at, "debug", "exchange " what,                                                       \
	      "\"exchange\":\"" name "\",\"id\":\"" id "\",\"by\":\"" by                           \
	      "\",\"why\":\"no answer\"")
#define EPOCH(at, state, spi)                                                                      \
	INFO(at, "epoch " state, "\"tunnel\":0,\"spi_in\":\"" spi "\",\"spi_out\":\"22222222\"")
#define PING(at, what, spi, n)                                                                     \
	EVENT(at, "debug", "ping " what, "\"tunnel\":0,\"spi_in\":\"" spi "\",\"sequence\":" #n)

/* A connection comes up, roams, is quiet for an hour, and renews its keys, once in vain. */
static const char *const life[] = {
	INFO(1000000, "session", "\"state\":\"connecting\""),
	EXCHANGE(1001000, "begun", "main mode", "00000000", "us"),
	EXCHANGE(1031000, "done", "main mode", "00000000", "us"),
	EXCHANGE(1032000, "begun", "quick mode", "aaaa0001", "us"),
	EXCHANGE(1052000, "done", "quick mode", "aaaa0001", "us"),
	EPOCH(1052000, "probing", "11110001"),
	PING(1053000, "sent", "11110001", 1),
	PING(1063000, "answered", "11110001", 1),
	EPOCH(1063000, "current", "11110001"),
	INFO(1064000, "session", "\"state\":\"up\""),
	PING(3000000, "sent", "11110001", 2),
	PING(5000000, "lost", "11110001", 0),
	EVENT(5100000, "debug", "packets are held", "\"tunnel\":0"),
	EVENT(5200000, "debug", "packets are held", "\"tunnel\":0"),
	INFO(6000000, "our address changes", "\"from\":\"192.0.2.2\",\"to\":\"100.64.0.2\""),
	INFO(6001000, "address update sent", "\"to\":\"198.51.100.1:4500\""),
	INFO(6041000, "address update acknowledged", "\"nat\":0"),
	INFO(6042000, "held packets released", "\"tunnel\":0,\"released\":3,\"refused\":0"),
	INFO(6043000, "the new path carries", "\"method\":\"update\",\"outage_ms\":43"),
	PING(1800000000, "sent", "11110001", 3),
	PING(1800010000, "answered", "11110001", 3),
	PING(1850000000, "sent", "11110001", 5),
	PING(1850010000, "answered", "11110001", 5),
	PING(1900000000, "sent", "11110001", 4),
	PING(1900010000, "lost", "11110001", 0),
	EXCHANGE(3606000000, "begun", "quick mode", "aaaa0002", "peer"),
	EXCHANGE(3607000000, "failed", "quick mode", "aaaa0002", "peer"),
	EVENT(3607000000, "warn", "child failed",
	      "\"why\":\"<a href=\\\"x\\\">&\\u0001\\ufffe ü\""),
	EXCHANGE(3608000000, "begun", "quick mode", "aaaa0003", "us"),
	EXCHANGE(3608020000, "done", "quick mode", "aaaa0003", "us"),
	EPOCH(3608020000, "probing", "11110002"),
	EPOCH(3608040000, "current", "11110002"),
	EPOCH(3608040000, "retiring", "11110001"),
	EPOCH(3668040000, "gone", "11110001"),
	INFO(3668040001, "ping target", "\"address\":\"10.0.0.1\""),
};

static char *draw(const struct timeline *t, const char *name)
{
	static char *text;
	static size_t size;
	FILE *out = open_memstream(&text, &size);

	timeline_draw(t, name, out);
	fclose(out);
	return text;
}

static struct timeline lived(void)
{
	struct timeline t = { 0 };

	for (size_t i = 0; i < sizeof(life) / sizeof(life[0]); i++)
		assert_true(timeline_add_line(&t, life[i]));
	return t;
}

/* ---- what belongs together ---- */

static void what_belongs_together_is_found(void **state)
{
	struct timeline t = lived();

	assert_int_equal(t.nexchanges, 4);
	assert_string_equal(t.exchanges[0].name, "main mode");
	assert_int_equal(t.rows[t.exchanges[0].ended].at - t.rows[t.exchanges[0].begun].at, 30000);
	assert_true(t.exchanges[0].ours);
	assert_false(t.exchanges[2].ours);
	assert_true(t.exchanges[2].failed);
	assert_string_equal(t.rows[t.exchanges[2].ended].text, "no answer");
	assert_false(t.exchanges[3].failed);
	assert_int_equal(t.nepochs, 2);
	assert_true(t.epochs[0].row[TIMELINE_PROBING] < t.epochs[0].row[TIMELINE_CURRENT]);
	assert_true(t.epochs[0].row[TIMELINE_CURRENT] < t.epochs[0].row[TIMELINE_RETIRING]);
	assert_true(t.epochs[0].row[TIMELINE_RETIRING] < t.epochs[0].row[TIMELINE_GONE]);
	assert_int_equal(t.epochs[1].row[TIMELINE_GONE], TIMELINE_NONE);
	assert_int_equal(t.npings, 5);
	assert_true(t.pings[0].answered && !t.pings[0].lost);
	assert_true(!t.pings[1].answered && t.pings[1].lost);
	assert_true(t.pings[2].answered);
	assert_true(t.pings[4].lost);
	assert_int_equal(t.nholds, 1);
	assert_int_equal(t.rows[t.holds[0].ended].at - t.rows[t.holds[0].begun].at, 942000);
	timeline_free(&t);
	assert_int_equal(t.nrows, 0);
}

static void what_is_no_event_is_left_out(void **state)
{
	struct timeline t = { 0 };

	assert_true(timeline_add_line(&t, "{\"log\":\"begin\",\"next\":3}"));
	assert_true(timeline_add_line(&t, "{\"event\":7,\"fields\":[]}"));
	assert_true(timeline_add_line(&t, "{\"event\":\"epoch current\",\"fields\":[]}"));
	assert_true(timeline_add_line(&t, "{\"event\":\"epoch gone\"}"));
	assert_false(timeline_add_line(&t, "[]"));
	assert_false(timeline_add_line(&t, "godwit"));
	assert_false(timeline_add_line(&t, ""));
	free(draw(&t, "nothing much"));
	timeline_free(&t);
	free(draw(&t, "nothing"));
}

/* A clock that goes back in a file made by hand is no reason to draw upwards. */
static void time_never_goes_back(void **state)
{
	struct timeline t = { 0 };

	timeline_add_line(&t, INFO(5000000, "session", "\"state\":\"up\""));
	timeline_add_line(&t, INFO(4000000, "session", "\"state\":\"down\""));
	assert_int_equal(t.rows[1].at, 5000000);
	free(draw(&t, "x"));
	timeline_free(&t);
}

/* ---- the picture ---- */

/* Elements are closed in their order, and text has nothing that XML does not take. */
static void expect_well_formed(const char *svg)
{
	char open[32][16];
	unsigned depth = 0;
	const char *p = svg;

	while (*p) {
		size_t n = strcspn(p, "<");

		for (size_t i = 0; i < n; i++)
			assert_true((unsigned char)p[i] >= 0x20 || p[i] == '\n');
		p += n;
		if (!*p)
			break;
		n = strcspn(p, ">");
		assert_int_equal(p[n], '>');
		if (p[1] == '/') {
			assert_true(depth > 0);
			depth--;
			assert_int_equal(strlen(open[depth]), n - 2);
			assert_memory_equal(open[depth], p + 2, n - 2);
		} else if (p[n - 1] != '/') {
			assert_true(depth < 32);
			snprintf(open[depth++], 16, "%.*s", (int)strcspn(p + 1, " >"), p + 1);
		}
		p += n + 1;
	}
	assert_int_equal(depth, 0);
}

static void everything_is_drawn_in_order(void **state)
{
	static const char *const texts[] = {
		"connecting",
		"E1 probing, SPI 11110001",
		"E1 current, SPI 11110001",
		">up<",
		"packets are held, tunnel: 0",
		"our address changes, from: 192.0.2.2, to: 100.64.0.2",
		"address update sent",
		"address update acknowledged",
		"held packets released, tunnel: 0, released: 3, refused: 0",
		"the new path carries, method: update, outage_ms: 43",
		"no answer",
		"child failed, why: &lt;a href=&quot;x&quot;&gt;&amp;?? ü",
		"E2 probing, SPI 11110002",
		"E2 current, SPI 11110002",
		"E1 retiring, SPI 11110001",
		"E1 gone, SPI 11110001",
	};
	static const char *const ladder[] = { ">main mode<",	 ">done, 30.0 ms<",
					      ">quick mode<",	 ">done, 20.0 ms<",
					      ">quick mode<",	 ">quick mode<",
					      ">done, 20.0 ms<", ">address update<",
					      ">acknowledged<" };
	struct timeline t = lived();
	char *svg = draw(&t, "wo<r>k"), *at = svg;

	expect_well_formed(svg);
	for (size_t i = 0; i < sizeof(ladder) / sizeof(ladder[0]); i++) {
		at = strstr(at, ladder[i]);
		assert_non_null(at);
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		at = strstr(at, texts[i]);
		if (!at)
			fail_msg("no %s", texts[i]);
	}
	assert_null(strstr(svg, "ping target"));
	assert_non_null(strstr(svg, "wo&lt;r&gt;k"));
	assert_null(strstr(svg, "href=\"x"));
	free(svg);
	timeline_free(&t);
}

static void a_long_quiet_time_is_a_break(void **state)
{
	struct timeline t = lived();
	char *svg = draw(&t, "x"), *quiet = strstr(svg, "class=\"quiet\"");

	assert_non_null(quiet);
	assert_non_null(strstr(quiet, ">59 min 59 s<"));
	assert_non_null(strstr(quiet, ">3 pings, 1 lost<"));
	quiet = strstr(quiet + 1, "class=\"quiet\"");
	assert_non_null(quiet);
	assert_null(strstr(quiet + 1, "class=\"quiet\""));
	free(svg);
	timeline_free(&t);
}

/* However much happens at one moment, no row is nearer to the one before than a line of text needs. */
static void rows_do_not_overlap(void **state)
{
	struct timeline t = { 0 };
	char *svg, *at;
	double last = 0;
	unsigned rows = 0;

	for (unsigned i = 0; i < 3000; i++)
		timeline_add_line(&t, i % 2 ? EPOCH(1000, "current", "11110001") :
					      EPOCH(1000, "gone", "11110001"));
	svg = draw(&t, "x");
	expect_well_formed(svg);
	for (at = svg; (at = strstr(at, "class=\"e\"")); rows++) {
		char *y = at;

		while (strncmp(y, "y=\"", 3) != 0)
			y--;
		assert_true(strtod(y + 3, NULL) >= last + 12);
		last = strtod(y + 3, NULL);
		at++;
	}
	assert_int_equal(rows, 3000);
	free(svg);
	timeline_free(&t);
}

static void a_long_text_is_cut_between_letters(void **state)
{
	struct timeline t = { 0 };
	char line[2000], *svg;

	snprintf(
		line, sizeof(line), INFO(1, "session over", "\"why\":\"%s\""),
		"ääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää"
		"ääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää");
	assert_true(timeline_add_line(&t, line));
	assert_true(strlen(t.rows[0].text) < TIMELINE_TEXT_MAX);
	assert_non_null(strstr(t.rows[0].text, "ä…"));
	svg = draw(&t, "x");
	assert_non_null(strstr(svg, "ä…</text>"));
	free(svg);
	timeline_free(&t);
}

/* A file may say anything of time; a picture comes of it all the same. */
static void times_beyond_all_bounds(void **state)
{
	struct timeline t = { 0 };
	char *text;

	timeline_add_line(&t, INFO(-9223372036854775807, "session", "\"state\":\"connecting\""));
	timeline_add_line(&t, EXCHANGE(-1, "begun", "main mode", "00000000", "us"));
	timeline_add_line(&t, EPOCH(1, "probing", "11110001"));
	timeline_add_line(&t, PING(9223372036854775807, "sent", "11110001", 1));
	timeline_add_line(&t, EXCHANGE(9223372036854775807, "done", "main mode", "00000000", "us"));
	timeline_add_line(&t, EPOCH(9223372036854775807, "gone", "11110001"));
	timeline_add_line(&t, "{\"event\":\"session\",\"boottime_us\":1e300,"
			      "\"time\":\"9999-12-31T23:59:59.1e300Z\"}");
	timeline_add_line(&t, "{\"event\":\"session\",\"time\":\"0000-01-01T00:00:00Z\"}");
	for (uint32_t i = 0; i < t.nrows; i++)
		assert_true(t.rows[i].at >= 0 && t.rows[i].wall >= 0);
	text = draw(&t, "x");
	assert_non_null(strstr(text, "</svg>"));
	free(text);
	timeline_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_belongs_together_is_found),
		cmocka_unit_test(what_is_no_event_is_left_out),
		cmocka_unit_test(time_never_goes_back),
		cmocka_unit_test(times_beyond_all_bounds),
		cmocka_unit_test(everything_is_drawn_in_order),
		cmocka_unit_test(a_long_quiet_time_is_a_break),
		cmocka_unit_test(rows_do_not_overlap),
		cmocka_unit_test(a_long_text_is_cut_between_letters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
