/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A gateway's engine, what it is sent, and what it yields. The name of a test is that of the rule that
 * it is about, with what it shows of it.
 */
#ifndef GODWIT_TESTS_UPDATE_GATEWAY_PARTS_H
#define GODWIT_TESTS_UPDATE_GATEWAY_PARTS_H

#include "mobility/update.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct update_gateway gateway;
static struct update_gateway *const g = &gateway;
static struct update_policy policy;
static uint64_t reached[UPDATE_GATEWAY_RULE_COUNT];
static vtime now;
static struct rng_seed seed;
static struct rng rng;

static const uint32_t ours[] = { 0x1001, 0x1002, 0x1003 };
static struct addr own[2];
static struct prefix refused[1];

/* What has been pulled, in order. */
static struct {
	unsigned n;
	struct update_effect fx[8];
	uint8_t data[8][UPDATE_BODY_MAX];
} got;

static struct endpoint at(const char *text, uint16_t port)
{
	struct endpoint e = { .port = port };

	assert_true(addr_parse(text, &e.addr));
	return e;
}

static bool is(const struct endpoint *e, const char *text, uint16_t port)
{
	const struct endpoint want = at(text, port);

	return endpoint_eq(e, &want);
}

static void pull(void)
{
	struct update_effect fx;

	memset(&got, 0, sizeof(got));
	while (update_gateway_output(g, &fx)) {
		assert_in_range(got.n, 0, ARRAY_SIZE(got.fx) - 1);
		if (fx.type == UPDATE_SEND) {
			memcpy(got.data[got.n], fx.send.data.p, fx.send.data.n);
			fx.send.data.p = got.data[got.n];
		}
		got.fx[got.n++] = fx;
	}
}

/* Exactly these were pulled, in this order. */
static void expect(unsigned n, ...)
{
	va_list args;

	assert_int_equal(got.n, n);
	va_start(args, n);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(got.fx[i].type, va_arg(args, enum update_effect_type));
	va_end(args);
}

static int setup(void **state)
{
	const struct path path = { .local = at("203.0.113.1", 4500),
				   .remote = at("192.0.2.1", 4500),
				   .encapsulation = ENCAPSULATION_UDP };

	now = 1000 * VTIME_S;
	rng = rng_seeded(&seed, 1);
	own[0] = path.local.addr;
	own[1] = at("2001:db8:f::1", 0).addr;
	assert_true(prefix_parse("198.18.0.0/15", &refused[0]));
	policy = (struct update_policy){ .roaming = true,
					 .ip4 = true,
					 .ip6 = true,
					 .own = own,
					 .nown = ARRAY_SIZE(own),
					 .refused = refused,
					 .nrefused = ARRAY_SIZE(refused) };
	update_gateway_init(g, &policy, &path);
	return 0;
}

static int teardown(void **state)
{
	for (unsigned i = 0; i < UPDATE_GATEWAY_RULE_COUNT; i++)
		reached[i] += g->counts[i];
	return 0;
}

static uint64_t count(enum update_gateway_rule rule)
{
	return g->counts[rule];
}

/* ---- what comes ---- */

/* A request as it comes in; the source is the address in the payload unless there is a NAT. */
struct request {
	struct update_body body;
	struct update_notified n;
	uint8_t buf[UPDATE_BODY_MAX + 1];
};

static void request_write(struct request *r)
{
	r->n.type = update_is_ip6(&r->body) ? UPDATE_REQUEST6 : UPDATE_REQUEST;
	r->n.data = slice(r->buf, update_write(&r->body, r->buf));
}

static struct request *request(uint32_t identifier, const char *to)
{
	static struct request r;
	struct endpoint from = at(to, 4500);

	memset(&r, 0, sizeof(r));
	r.body.old = at("192.0.2.1", 0).addr;
	r.body.new = from.addr;
	r.body.identifier = identifier;
	r.body.n = ARRAY_SIZE(ours);
	memcpy(r.body.spi, ours, sizeof(ours));
	r.n.from = from;
	r.n.to = at(from.addr.family == FAMILY_IP6 ? "2001:db8:f::1" : "203.0.113.1", 4500);
	r.n.newest = true;
	r.n.natd = true;
	request_write(&r);
	return &r;
}

/* The same through a NAT with this address and port. */
static struct request *translated(uint32_t identifier, const char *inside, const char *outside,
				  uint16_t port)
{
	struct request *r = request(identifier, inside);

	r->n.from = at(outside, port);
	r->n.peer_nat = true;
	return r;
}

static void arrives(const struct request *r)
{
	const struct update_spis spis = { ours, ARRAY_SIZE(ours) };

	update_gateway_notify(g, now, &rng, &r->n, &spis);
	pull();
}

/* What was sent last, and that it went there. */
static struct update_body sent(unsigned i, uint16_t type, const char *to, uint16_t port)
{
	struct update_body b = { 0 };

	assert_int_equal(got.fx[i].type, UPDATE_SEND);
	assert_int_equal(got.fx[i].send.type, type);
	assert_true(is(&got.fx[i].send.to, to, port));
	assert_false(got.fx[i].send.repeat);
	assert_true(got.fx[i].send.natd);
	assert_int_equal(update_parse(type, got.fx[i].send.data, &b), 0);
	return b;
}

static bool same_body(const struct request *r, unsigned i)
{
	return slice_eq(r->n.data, got.fx[i].send.data);
}

static void expect_nothing_moved(void)
{
	assert_true(is(&g->path.remote, "192.0.2.1", 4500));
	assert_false(g->limited);
	assert_int_equal(update_gateway_deadline(g), VTIME_NEVER);
}

/* The rules of a check; the others are those of a request. */
static bool is_of_check(enum update_gateway_rule rule)
{
	return (rule >= UPDATE_GATEWAY_CHECK_MALFORMED && rule <= UPDATE_GATEWAY_CHECK_PASSED) ||
	       rule == UPDATE_GATEWAY_REPEATED_EARLY || rule == UPDATE_GATEWAY_MOVED_SAME_PATH ||
	       rule == UPDATE_GATEWAY_MOVED_CHECKING || rule == UPDATE_GATEWAY_CHECK_FAILED;
}

static void every_row_has_been_reached(bool of_check)
{
	for (unsigned i = 0; i < UPDATE_GATEWAY_RULE_COUNT; i++)
		if (!reached[i] && is_of_check((enum update_gateway_rule)i) == of_check)
			fail_msg("no test of '%s'",
				 update_gateway_rule_name((enum update_gateway_rule)i));
}

#define ROW(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
