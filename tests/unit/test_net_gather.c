/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/net.h"

#define START (1000 * VTIME_S)
#define SOON (20 * VTIME_US)
#define LATE (100 * VTIME_US)

static struct net_gather g;
static vtime now;

static int anew(void **state)
{
	g = (struct net_gather){ 0 };
	now = START;
	return 0;
}

/* n packets, which come so long after the latest ones. */
static vtime come(unsigned n, vtime after)
{
	vtime woken = now + after;

	now = woken + 2 * VTIME_US;
	return net_gather(&g, woken, n, now);
}

static void row(unsigned packets)
{
	for (unsigned i = 0; i < packets; i++)
		come(1, SOON);
}

static void a_lone_packet_never_waits(void **state)
{
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(come(1, LATE), 0);
}

/* What goes back and forth: some packets, each time anew. */
static void a_few_do_not_wait(void **state)
{
	for (unsigned i = 0; i < 1000; i++) {
		assert_int_equal(come(1, LATE), 0);
		assert_int_equal(come(4, SOON), 0);
		assert_int_equal(come(4, SOON), 0);
	}
}

static void a_row_gathers(void **state)
{
	row(15);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(come(2, NET_GATHER_WAIT), NET_GATHER_WAIT);
}

static void many_at_once_are_a_row(void **state)
{
	assert_int_equal(come(15, LATE), 0);
	assert_int_equal(come(64, LATE), NET_GATHER_WAIT);
}

/* As long as the wait, and longer, with a busy processor: what counts is how many came meanwhile. */
static void a_wait_is_no_pause(void **state)
{
	row(16);
	assert_int_equal(come(8, 4 * LATE), NET_GATHER_WAIT);
}

static void a_wait_in_vain_is_the_last(void **state)
{
	row(16);
	assert_int_equal(come(1, LATE), 0);
	assert_int_equal(come(1, LATE), 0);
	/* And a new row has to grow. */
	row(14);
	assert_int_equal(come(1, SOON), NET_GATHER_WAIT);
	assert_int_equal(come(0, NET_GATHER_WAIT), 0);
	assert_int_equal(come(15, SOON), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_lone_packet_never_waits, anew),
		cmocka_unit_test_setup(a_few_do_not_wait, anew),
		cmocka_unit_test_setup(a_row_gathers, anew),
		cmocka_unit_test_setup(many_at_once_are_a_row, anew),
		cmocka_unit_test_setup(a_wait_is_no_pause, anew),
		cmocka_unit_test_setup(a_wait_in_vain_is_the_last, anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
