/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client's engine, what happens to it, and what it yields. The name of a test is that of the rule
 * that it is about, with what it shows of it.
 */
#ifndef GODWIT_TESTS_UPDATE_CLIENT_PARTS_H
#define GODWIT_TESTS_UPDATE_CLIENT_PARTS_H

#include "mobility/update.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct update_client client;
static struct update_client *const c = &client;
static uint64_t reached[UPDATE_CLIENT_RULE_COUNT];
static vtime now;

/* What has been pulled last. */
static struct {
	unsigned n[UPDATE_UNLIMIT + 1];
	struct update_effect last[UPDATE_UNLIMIT + 1];
	uint8_t data[UPDATE_BODY_MAX];
} got;

static struct endpoint at(const char *text, uint16_t port)
{
	struct endpoint e = { .port = port };

	assert_true(addr_parse(text, &e.addr));
	return e;
}

static void pull(void)
{
	struct update_effect fx;

	memset(&got, 0, sizeof(got));
	while (update_client_output(c, &fx)) {
		got.n[fx.type]++;
		got.last[fx.type] = fx;
		if (fx.type == UPDATE_SEND) {
			assert_in_range(fx.send.data.n, 1, sizeof(got.data));
			memcpy(got.data, fx.send.data.p, fx.send.data.n);
			got.last[fx.type].send.data.p = got.data;
		}
	}
}

static void event(const struct update_client_event *ev)
{
	update_client_event(c, now, ev);
	pull();
}

/* Exactly these were pulled, one of each. */
static void expect(unsigned types)
{
	for (unsigned t = 0; t <= UPDATE_UNLIMIT; t++)
		assert_int_equal(got.n[t], types >> t & 1);
}

#define E(type) (1u << UPDATE_##type)

static void new_sa(bool supported)
{
	event(&(struct update_client_event){ .type = UPDATE_CLIENT_SA, .supported = supported });
}

static uint32_t many[UPDATE_CLIENT_SPIS_MAX + 1];

static struct update_client_event change(const char *to, unsigned n)
{
	struct update_client_event ev = { .type = UPDATE_CLIENT_MOVE };

	for (unsigned i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = 0x1000 + i;
	ev.move.old = at("192.0.2.1", 0).addr;
	ev.move.from = at(to, 1234);
	ev.move.to =
		at(ev.move.from.addr.family == FAMILY_IP6 ? "2001:db8:f::1" : "203.0.113.1", 500);
	ev.move.spis = (struct update_spis){ many, n };
	return ev;
}

static void moved_to(const char *to, unsigned n)
{
	const struct update_client_event ev = change(to, n);

	event(&ev);
}

static struct update_body sent(void)
{
	struct update_body b;

	assert_int_equal(got.n[UPDATE_SEND], 1);
	assert_int_equal(update_parse(got.last[UPDATE_SEND].send.type,
				      got.last[UPDATE_SEND].send.data, &b),
			 0);
	return b;
}

static struct update_client_event answer_to(const struct update_body *b, uint16_t type,
					    uint8_t buf[UPDATE_BODY_MAX])
{
	struct update_client_event ev = { .type = UPDATE_CLIENT_NOTIFY };

	ev.notify.type = type;
	ev.notify.data = slice(buf, update_write(b, buf));
	ev.notify.from = at("203.0.113.1", UPDATE_PORT);
	ev.notify.to = at("198.51.100.7", UPDATE_PORT);
	ev.notify.newest = true;
	ev.notify.natd = true;
	return ev;
}

static void answered(const struct update_body *b, uint16_t type)
{
	uint8_t buf[UPDATE_BODY_MAX];
	const struct update_client_event ev = answer_to(b, type, buf);

	event(&ev);
}

static int setup(void **state)
{
	memset(&client, 0, sizeof(client));
	now = 1000 * VTIME_S;
	update_client_init(c, false);
	new_sa(true);
	return 0;
}

static int teardown(void **state)
{
	for (unsigned i = 0; i < UPDATE_CLIENT_RULE_COUNT; i++)
		reached[i] += c->counts[i];
	return 0;
}

static uint64_t count(enum update_client_rule rule)
{
	return c->counts[rule];
}

/* The rules of requests and what answers them; the others are those of all the rest. */
static bool is_of_request(enum update_client_rule rule)
{
	return rule == UPDATE_CLIENT_MOVED || rule == UPDATE_CLIENT_MOVED_AGAIN ||
	       (rule >= UPDATE_CLIENT_UNEXPECTED && rule <= UPDATE_CLIENT_UNANSWERED_STALE);
}

static void every_row_has_been_reached(bool of_request)
{
	for (unsigned i = 0; i < UPDATE_CLIENT_RULE_COUNT; i++)
		if (!reached[i] && is_of_request((enum update_client_rule)i) == of_request)
			fail_msg("no test of '%s'",
				 update_client_rule_name((enum update_client_rule)i));
}

#define ROW(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
