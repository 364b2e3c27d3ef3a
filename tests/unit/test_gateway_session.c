/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The product's session and its gateway: every way to connect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/support/gateway_world.h"

#define HOST "10.20.0.7"
#define KEY "a very good key"

static void main_mode_with_a_key(void **state)
{
	struct gworld *w = gworld_new(1);
	struct gateway_entry *e = gworld_entry_psk(w, "laptop@example.com", KEY);
	struct gworld_client *c;

	prefix_parse("10.8.0.0/16", &e->inner[0]);
	e->ninner = 1;
	gworld_start(w);
	c = gworld_client(w, e, "laptop@example.com", NULL, false);
	gworld_connect(c);
	gworld_run(w, 2 * VTIME_S);
	assert_true(gworld_is_up(c));
	assert_true(gworld_ping(c, HOST));
	assert_true(gworld_ping_back(c));
	assert_int_equal(gworld_info(w).clients, 1);
	assert_int_equal(gworld_info(w).tunnels, 1);
	assert_int_equal(gworld_info(w).half_open, 0);
	assert_string_equal(gworld_peer(w, 0).user, "");
	gworld_disconnect(c);
	gworld_run(w, 2 * VTIME_S);
	assert_int_equal(gworld_info(w).clients, 0);
	assert_int_equal(gworld_info(w).ikes, 0);
	gworld_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(main_mode_with_a_key),
	};

	if (crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
