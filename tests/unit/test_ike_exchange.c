/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/exchange.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct exchange_type type = { .name = "test", .n = 4 };
static struct exchange x;

static int setup(void **state)
{
	(void)state;
	assert_int_equal(crypto_init(), 0);
	exchange_begin(&x, &type, 5, 100 * VTIME_S, 30 * VTIME_S);
	x.step = 1;
	exchange_sent(&x, 100 * VTIME_S);
	return 0;
}

static void expect_deadline(vtime ms)
{
	assert_true(exchange_deadline(&x) == 100 * VTIME_S + ms * VTIME_MS);
}

static void times(void **state)
{
	(void)state;
	for (unsigned at = 500; at < 30000; at += at < 1500 ? 1000 : 1500) {
		vtime now = 100 * VTIME_S + at * VTIME_MS;

		expect_deadline(at);
		assert_int_equal(exchange_timeout(&x, now - 1), EXCHANGE_NOTHING);
		assert_int_equal(exchange_timeout(&x, now), EXCHANGE_RESEND);
		assert_int_equal(exchange_timeout(&x, now), EXCHANGE_NOTHING);
	}
	expect_deadline(30000);
	assert_int_equal(exchange_timeout(&x, 130 * VTIME_S - 1), EXCHANGE_NOTHING);
	assert_int_equal(exchange_timeout(&x, 130 * VTIME_S), EXCHANGE_LOST);
}

/* All messages share the time of the exchange; each starts its own retransmissions. */
static void next_message(void **state)
{
	vtime now = 127 * VTIME_S;

	(void)state;
	exchange_received(&x, SLICE_STR("answer"));
	x.step += 2;
	exchange_sent(&x, now);
	expect_deadline(27500);
	assert_int_equal(exchange_timeout(&x, now + 500 * VTIME_MS), EXCHANGE_RESEND);
	assert_int_equal(exchange_timeout(&x, now + 1500 * VTIME_MS), EXCHANGE_RESEND);
	expect_deadline(30000);
}

static void hint(void **state)
{
	const struct ike_failure why = { .err = ERR_NO_PROPOSAL, .text = "first" };
	const struct ike_failure other = { .err = ERR_AUTH, .text = "second" };
	vtime at = 108 * VTIME_S;

	(void)state;
	while (exchange_timeout(&x, at) == EXCHANGE_RESEND)
		;
	exchange_hint(&x, at, &why);
	expect_deadline(8500);
	assert_int_equal(exchange_timeout(&x, at + 500 * VTIME_MS), EXCHANGE_RESEND);
	/* Later ones neither prolong it nor change the reason. */
	exchange_hint(&x, at + 900 * VTIME_MS, &other);
	expect_deadline(9000);
	assert_int_equal(exchange_timeout(&x, at + VTIME_S), EXCHANGE_LOST);
	assert_string_equal(x.hint.text, "first");
}

static void hint_is_void_after_an_answer(void **state)
{
	const struct ike_failure why = { .err = ERR_NO_PROPOSAL };

	(void)state;
	exchange_hint(&x, 101 * VTIME_S, &why);
	exchange_received(&x, SLICE_STR("answer"));
	x.step += 2;
	exchange_sent(&x, 101 * VTIME_S);
	assert_int_equal(x.hint.err, 0);
	assert_true(x.lost_at == 130 * VTIME_S);
}

static void hint_never_prolongs(void **state)
{
	const struct ike_failure why = { .err = ERR_NO_PROPOSAL };

	(void)state;
	exchange_hint(&x, 130 * VTIME_S - VTIME_MS, &why);
	assert_true(x.lost_at == 130 * VTIME_S);
}

static void repeats(void **state)
{
	(void)state;
	assert_false(exchange_is_repeat(&x, SLICE_STR("one")));
	exchange_received(&x, SLICE_STR("one"));
	assert_true(exchange_is_repeat(&x, SLICE_STR("one")));
	assert_false(exchange_is_repeat(&x, SLICE_STR("onf")));
	assert_false(exchange_is_repeat(&x, SLICE_STR("one ")));
	exchange_received(&x, SLICE_STR("two"));
	assert_false(exchange_is_repeat(&x, SLICE_STR("one")));
}

static void complete(void **state)
{
	const struct ike_failure why = { .err = ERR_NO_PROPOSAL };

	(void)state;
	exchange_received(&x, SLICE_STR("one"));
	x.step = 4;
	exchange_complete(&x);
	assert_false(exchange_in_air(&x));
	assert_true(exchange_deadline(&x) == VTIME_NEVER);
	exchange_hint(&x, 101 * VTIME_S, &why);
	assert_true(exchange_deadline(&x) == VTIME_NEVER);
	assert_int_equal(exchange_timeout(&x, 1000 * VTIME_S), EXCHANGE_NOTHING);
	assert_true(exchange_is_repeat(&x, SLICE_STR("one")));
	exchange_end(&x);
	assert_false(exchange_is_repeat(&x, SLICE_STR("one")));
	assert_true(exchange_deadline(&x) == VTIME_NEVER);
}

/* Time that jumped: one message, not those that were missed. */
static void late(void **state)
{
	(void)state;
	assert_int_equal(exchange_timeout(&x, 120 * VTIME_S), EXCHANGE_RESEND);
	expect_deadline(21000);
	assert_int_equal(exchange_timeout(&x, 500 * VTIME_S), EXCHANGE_LOST);
}

/* A message that did not fit, too: what had been written of it may be a password. */
static void wiped(void **state)
{
	static const struct ike_header h;
	static struct {
		struct exchange x;
		uint8_t more[100];
	} all;
	const uint8_t *bytes = (const uint8_t *)&all;
	static const unsigned payloads[] = { 3, 1 };
	static uint8_t secret[5000];
	struct ike_writer b;

	(void)state;
	memset(secret, 0xaa, sizeof(secret));
	for (unsigned round = 0; round < 2; round++) {
		exchange_begin(&all.x, &type, 0, 0, VTIME_S);
		/* A long one that fails, then a short one. */
		for (unsigned k = 0; k < ARRAY_SIZE(payloads); k++) {
			unsigned n = payloads[k];

			ike_write_header(&b, all.x.sent, sizeof(all.x.sent), &h);
			for (unsigned i = 0; i < n; i++)
				ike_write_body(&b, PAYLOAD_VID,
					       slice(secret, n == 1 ? 10 : sizeof(secret)));
			exchange_built(&all.x, &b, ike_write_done(&b));
			assert_int_equal(all.x.sent_n, n == 1 ? 28 + 14 : 0);
		}
		memset(all.more, 0xaa, sizeof(all.more));
		if (round)
			exchange_end(&all.x);
		else
			exchange_end_within(&all.x, sizeof(all));
		assert_int_equal(all.more[99], round ? 0xaa : 0);
		for (size_t i = 0; i < (round ? sizeof(all.x) : sizeof(all)); i++)
			assert_int_not_equal(bytes[i], 0xaa);
	}
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(times),
		T(next_message),
		T(hint),
		T(hint_is_void_after_an_answer),
		T(hint_never_prolongs),
		T(repeats),
		T(complete),
		T(late),
		T(wiped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
