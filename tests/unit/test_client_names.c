/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names that are looked up on other threads, by a resolver of our own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <stdatomic.h>
#include <uv.h>

#include "base/mem.h"
#include "client/runtime.h"

static atomic_uint asked, under_way, most;

/* As many addresses as the name has letters; none with "x", silence with "y", an error with "z". */
int net_resolve(const char *name, struct addr *out, unsigned max)
{
	unsigned n = (unsigned)strlen(name), now = ++under_way;

	asked++;
	if (now > most)
		most = now;
	for (unsigned i = 0; i < n && i < max; i++)
		addr_parse("192.0.2.7", &out[i]);
	errno = EMFILE;
	under_way--;
	return name[0] == 'x' ? 0 :
	       name[0] == 'y' ? ERR_TIMEOUT :
	       name[0] == 'z' ? ERR_SYSTEM :
	       n < max	      ? (int)n :
				(int)max;
}

struct bench {
	uv_loop_t uv;
	uv_timer_t watchdog;
	struct session_config config;
	struct names *names;
	bool unwanted;
	unsigned stop_after;
	char seen[600];
};

static bool wanted(void *ctx)
{
	const struct bench *b = ctx;

	return !b->unwanted;
}

static void answered(void *ctx, unsigned index, const struct addr *addrs, unsigned n)
{
	struct bench *b = ctx;
	size_t at = strlen(b->seen);

	assert_true(n == 0 || addrs[n - 1].family == FAMILY_IP4);
	snprintf(b->seen + at, sizeof(b->seen) - at, "%u:%u ", index, n);
	if (b->stop_after && --b->stop_after == 0)
		uv_stop(&b->uv);
}

static void looked_up(void *ctx, const struct addr *addrs, unsigned n, const char *why)
{
	struct bench *b = ctx;
	size_t at = strlen(b->seen);

	(void)addrs;
	snprintf(b->seen + at, sizeof(b->seen) - at, "%u %s ", n, why ? why : "-");
}

static int setup(void **state)
{
	static const char *const names[] = { "one", "x", "seven77" };
	struct bench *b = xcalloc(1, sizeof(*b));

	assert_int_equal(uv_loop_init(&b->uv), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		snprintf(b->config.names[b->config.nnames++], SESSION_NAME_MAX, "%s", names[i]);
	asked = most = 0;
	*state = b;
	return 0;
}

static void begin(struct bench *b)
{
	const struct names_ops ops = { b, wanted, answered };

	b->names = names_new(&b->uv, &b->config, &ops);
}

static int teardown(void **state)
{
	struct bench *b = *state;

	if (b->names)
		names_stop(b->names);
	uv_run(&b->uv, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&b->uv), 0);
	names_free(b->names);
	free(b);
	return 0;
}

static void all_in_turn_and_one_at_a_time(void **state)
{
	struct bench *b = *state;

	begin(b);
	names_soon(b->names);
	names_soon(b->names);
	b->stop_after = 3;
	uv_run(&b->uv, UV_RUN_DEFAULT);
	assert_string_equal(b->seen, "0:3 1:0 2:7 ");
	assert_int_equal(most, 1);
	assert_int_equal(asked, 3);
	/* And again. */
	names_soon(b->names);
	b->stop_after = 3;
	uv_run(&b->uv, UV_RUN_DEFAULT);
	assert_string_equal(b->seen, "0:3 1:0 2:7 0:3 1:0 2:7 ");
}

static void on_watchdog(uv_timer_t *t)
{
	uv_stop(t->loop);
	uv_close((uv_handle_t *)t, NULL);
}

static void run_for(struct bench *b, uint64_t ms)
{
	uv_timer_init(&b->uv, &b->watchdog);
	uv_timer_start(&b->watchdog, on_watchdog, ms, 0);
	uv_run(&b->uv, UV_RUN_DEFAULT);
}

static void none_while_they_are_not_wanted(void **state)
{
	struct bench *b = *state;

	b->unwanted = true;
	begin(b);
	names_soon(b->names);
	run_for(b, 1500);
	assert_int_equal(asked, 0);
	b->unwanted = false;
	names_soon(b->names);
	b->stop_after = 3;
	uv_run(&b->uv, UV_RUN_DEFAULT);
	assert_int_equal(asked, 3);
}

static void stopped_in_the_middle(void **state)
{
	struct bench *b = *state;

	begin(b);
	names_soon(b->names);
	b->stop_after = 1;
	uv_run(&b->uv, UV_RUN_DEFAULT);
	assert_string_equal(b->seen, "0:3 ");
	names_stop(b->names);
	uv_run(&b->uv, UV_RUN_DEFAULT);
	assert_string_equal(b->seen, "0:3 ");
}

static void one_and_why_there_is_none(void **state)
{
	struct bench *b = *state;
	static const char *const names[] = { "abc", "abcdef", "x", "y", "z" };

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		lookup_begin(&b->uv, names[i], 4, looked_up, b);
		uv_run(&b->uv, UV_RUN_DEFAULT);
	}
	assert_string_equal(b->seen,
			    "3 - 4 - 0 the name servers know no such name; correct [gateway] "
			    "address, or ask in the network that knows it 0 no name server "
			    "answers; see what /etc/resolv.conf names and whether the network "
			    "is up, or write the gateway's address in [gateway] address 0 Too "
			    "many open files ");
	lookup_forget(lookup_begin(&b->uv, "abc", 4, looked_up, b));
	lookup_forget(NULL);
	b->seen[0] = '\0';
	uv_run(&b->uv, UV_RUN_DEFAULT);
	assert_string_equal(b->seen, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_in_turn_and_one_at_a_time, setup, teardown),
		cmocka_unit_test_setup_teardown(none_while_they_are_not_wanted, setup, teardown),
		cmocka_unit_test_setup_teardown(stopped_in_the_middle, setup, teardown),
		cmocka_unit_test_setup_teardown(one_and_why_there_is_none, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
