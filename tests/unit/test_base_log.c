/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/log.h"

static const char *format(const char *what, const struct log_field *fields)
{
	static char buf[1024];
	struct log_event ev = { 0, LOG_INFO, what, fields };

	log_format(&ev, buf, sizeof(buf));
	return buf;
}

#define FORMAT(what, ...)                                                                          \
	format(what, (const struct log_field[]){ __VA_ARGS__, { .type = LOG_END } })

static void test_fields(void **state)
{
	struct endpoint e = { .port = 4500 };
	uint8_t bytes[3] = { 0, 0xab, 0xff };

	assert_true(addr_parse("2001:db8::1", &e.addr));
	assert_string_equal(format("up", NULL), "up");
	assert_string_equal(FORMAT("up", log_str("name", "office")), "up, name: office");
	assert_string_equal(FORMAT("up", log_u64("n", UINT64_MAX)), "up, n: 18446744073709551615");
	assert_string_equal(FORMAT("up", log_hex("spi", 4, 0xabc)), "up, spi: 00000abc");
	assert_string_equal(FORMAT("up", log_hex("b", 1, 0xabc)), "up, b: abc");
	assert_string_equal(FORMAT("up", log_hex("c", 8, UINT64_MAX)), "up, c: ffffffffffffffff");
	assert_string_equal(FORMAT("up", log_bytes("id", SLICE_OF(bytes))), "up, id: 00abff");
	assert_string_equal(FORMAT("up", log_bytes("id", SLICE_NONE)), "up, id: ");
	assert_string_equal(FORMAT("up", log_addr("a", &e.addr)), "up, a: 2001:db8::1");
	assert_string_equal(FORMAT("up", log_endpoint("peer", &e)), "up, peer: [2001:db8::1]:4500");
	assert_string_equal(FORMAT("up", log_u64("a", 1), log_str("b", "c")), "up, a: 1, b: c");
	assert_string_equal(FORMAT("up", log_str("x", NULL)), "up, x: ");
}

/* A peer's text must not make lines or move the cursor. */
static void test_control_characters(void **state)
{
	char all[256];

	assert_string_equal(log_str("k", "a\nb\r\t\033[2J\177c").text, "a?b???[2J?c");
	/* U+009B begins an order, too. What is no UTF-8 is read by each terminal in another way. */
	assert_string_equal(log_str("k", "\xc2\x9b"
					 "2J\xc3\xa9\xe2\x82\xac")
				    .text,
			    "??2J\xc3\xa9\xe2\x82\xac");
	assert_string_equal(log_str("k", "\x9b"
					 "2J\xe2\x82")
				    .text,
			    "?2J??");
	for (int i = 1; i < 256; i++)
		all[i - 1] = (char)i;
	all[255] = '\0';
	for (const char *c = log_str("k", all).text; *c; c++)
		assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
}

static void test_long_values(void **state)
{
	char text[LOG_TEXT_MAX + 50];
	uint8_t bytes[33] = { 0 };
	struct log_field f;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	f = log_str("k", text);
	assert_int_equal(strlen(f.text), LOG_TEXT_MAX - 1);
	assert_int_equal(strlen(FORMAT("w", log_bytes("b", slice(bytes, 32)))), 6 + 64);
	assert_int_equal(strlen(FORMAT("w", log_bytes("b", slice(bytes, 33)))), 6 + 64 + 3);
}

static void test_cut(void **state)
{
	const struct log_field fields[] = { log_str("key", "value"),
					    log_u64("n", 12345),
					    { .type = LOG_END } };
	struct log_event ev = { 0, LOG_INFO, "what", fields };
	static const char whole[] = "what, key: value, n: 12345";
	char buf[40];

	for (size_t size = 1; size <= sizeof(buf); size++) {
		size_t want = size - 1 < strlen(whole) ? size - 1 : strlen(whole);

		memset(buf, 0x7e, sizeof(buf));
		log_format(&ev, buf, size);
		assert_int_equal(strlen(buf), want);
		assert_memory_equal(buf, whole, want);
		for (size_t i = size; i < sizeof(buf); i++)
			assert_int_equal(buf[i], 0x7e);
	}
	memset(buf, 0x7e, sizeof(buf));
	log_format(&ev, buf, 0);
	assert_int_equal(buf[0], 0x7e);
}

struct seen {
	unsigned n;
	vtime at;
	enum log_level level;
	char line[100];
};

static void remember(void *ctx, const struct log_event *ev)
{
	struct seen *s = ctx;

	s->n++;
	s->at = ev->at;
	s->level = ev->level;
	log_format(ev, s->line, sizeof(s->line));
}

static void test_emit(void **state)
{
	struct seen s = { 0 };
	struct log l = { LOG_INFO, 77, remember, &s };

	log_ev(&l, LOG_INFO, "child up", log_hex("spi", 4, 1), log_str("suite", "x"));
	assert_int_equal(s.n, 1);
	assert_int_equal(s.at, 77);
	assert_int_equal(s.level, LOG_INFO);
	assert_string_equal(s.line, "child up, spi: 00000001, suite: x");
	log_ev(&l, LOG_ERROR, "bare");
	assert_string_equal(s.line, "bare");
	assert_int_equal(s.level, LOG_ERROR);
	assert_int_equal(s.n, 2);
}

static void test_levels(void **state)
{
	struct seen s = { 0 };
	struct log l = { LOG_ERROR, 0, remember, &s };

	for (int wanted = LOG_ERROR; wanted <= LOG_DEBUG; wanted++) {
		l.level = (enum log_level)wanted;
		for (int level = LOG_ERROR; level <= LOG_DEBUG; level++) {
			s.n = 0;
			log_ev(&l, (enum log_level)level, "x");
			assert_int_equal(s.n, level <= wanted);
		}
	}
	l.sink = NULL;
	log_ev(&l, LOG_ERROR, "silent");
	assert_string_equal(log_level_name(LOG_ERROR), "error");
	assert_string_equal(log_level_name(LOG_WARN), "warn");
	assert_string_equal(log_level_name(LOG_INFO), "info");
	assert_string_equal(log_level_name(LOG_DEBUG), "debug");
	assert_string_equal(log_level_name((enum log_level)9), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),	    cmocka_unit_test(test_control_characters),
		cmocka_unit_test(test_long_values), cmocka_unit_test(test_cut),
		cmocka_unit_test(test_emit),	    cmocka_unit_test(test_levels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
