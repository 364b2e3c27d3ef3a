/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mobility/update.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

/* The name of a test is that of the rule that it is about, with what it shows of it. */
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
	r.n.bytes = 100;
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

static void expect_nack(const struct request *r, enum update_gateway_rule rule)
{
	uint16_t type = r->n.type == UPDATE_REQUEST6 ? UPDATE_NACK6 : UPDATE_NACK;

	expect(1, UPDATE_SEND);
	assert_int_equal(got.fx[0].send.type, type);
	assert_true(endpoint_eq(&got.fx[0].send.to, &r->n.from));
	assert_true(endpoint_eq(&got.fx[0].send.from, &r->n.to));
	assert_true(same_body(r, 0));
	assert_int_equal(count(rule), 1);
	expect_nothing_moved();
}

static void expect_dropped(enum update_gateway_rule rule)
{
	expect(0);
	assert_int_equal(count(rule), 1);
	expect_nothing_moved();
	assert_int_equal(g->identifier, 0);
}

/* ---- no NAT ---- */

static void moved(void **state)
{
	const struct request *r = request(1, "198.51.100.7");

	arrives(r);
	expect(2, UPDATE_MOVE, UPDATE_SEND);
	assert_true(is(&got.fx[0].move.path.remote, "198.51.100.7", 4500));
	assert_true(is(&got.fx[0].move.path.local, "203.0.113.1", 4500));
	assert_int_equal(got.fx[0].move.path.encapsulation, ENCAPSULATION_UDP);
	assert_false(got.fx[0].move.limited);
	assert_int_equal(got.fx[0].move.spis.n, 3);
	assert_memory_equal(got.fx[0].move.spis.spi, ours, sizeof(ours));
	sent(1, UPDATE_ACK, "198.51.100.7", 4500);
	assert_true(same_body(r, 1));
	assert_true(is(&got.fx[1].send.from, "203.0.113.1", 4500));
	assert_int_equal(count(UPDATE_GATEWAY_MOVED), 1);
	assert_true(update_gateway_may_send(g, 1 << 20));
}

static void moved_across_families_and_back(void **state)
{
	arrives(request(1, "2001:db8::7"));
	expect(2, UPDATE_MOVE, UPDATE_SEND);
	assert_true(is(&got.fx[0].move.path.remote, "2001:db8::7", 4500));
	assert_true(is(&got.fx[0].move.path.local, "2001:db8:f::1", 4500));
	sent(1, UPDATE_ACK6, "2001:db8::7", 4500);
	arrives(request(2, "192.0.2.1"));
	expect(2, UPDATE_MOVE, UPDATE_SEND);
	sent(1, UPDATE_ACK, "192.0.2.1", 4500);
}

static void moved_with_some_spis_of_others(void **state)
{
	struct request *r = request(1, "198.51.100.7");
	struct update_body b;

	r->body.spi[0] = 0xbad;
	r->body.spi[1] = ours[2];
	r->body.n = 2;
	request_write(r);
	arrives(r);
	expect(2, UPDATE_MOVE, UPDATE_SEND);
	assert_int_equal(got.fx[0].move.spis.n, 1);
	assert_int_equal(got.fx[0].move.spis.spi[0], ours[2]);
	b = sent(1, UPDATE_ACK, "198.51.100.7", 4500);
	assert_int_equal(b.n, 1);
	assert_int_equal(b.spi[0], ours[2]);
}

static void moved_with_an_empty_list(void **state)
{
	struct request *r = request(1, "198.51.100.7");

	r->body.n = 0;
	request_write(r);
	arrives(r);
	expect(2, UPDATE_MOVE, UPDATE_SEND);
	assert_int_equal(got.fx[0].move.spis.n, 0);
	assert_int_equal(sent(1, UPDATE_ACK, "198.51.100.7", 4500).n, 0);
}

static void moved_with_255_spis(void **state)
{
	struct request *r = request(1, "198.51.100.7");

	r->body.n = UPDATE_SPIS_MAX;
	for (unsigned i = 0; i < r->body.n; i++)
		r->body.spi[i] = ours[0];
	request_write(r);
	arrives(r);
	expect(2, UPDATE_MOVE, UPDATE_SEND);
	assert_true(same_body(r, 1));
}

static void moved_raw_esp_stays_raw_without_a_nat(void **state)
{
	g->path.encapsulation = ENCAPSULATION_ESP;
	arrives(request(1, "198.51.100.7"));
	assert_int_equal(got.fx[0].move.path.encapsulation, ENCAPSULATION_ESP);
	arrives(translated(2, "10.0.0.2", "198.51.100.9", 7000));
	assert_int_equal(got.fx[0].move.path.encapsulation, ENCAPSULATION_UDP);
}

/* ---- repeats and replays ---- */

static void repeated(void **state)
{
	struct request r = *request(1, "198.51.100.7");

	r.n.data.p = r.buf;
	arrives(&r);
	for (unsigned i = 0; i < 3; i++) {
		/* From wherever: the answer goes to the path in force. */
		r.n.from = at("198.51.100.66", 4711);
		r.n.peer_nat = true;
		arrives(&r);
		expect(1, UPDATE_SEND);
		sent(0, UPDATE_ACK, "198.51.100.7", 4500);
		assert_true(same_body(&r, 0));
		assert_true(is(&g->path.remote, "198.51.100.7", 4500));
	}
	assert_int_equal(count(UPDATE_GATEWAY_REPEATED), 3);
}

static void repeated_after_a_nack(void **state)
{
	struct request r = *translated(1, "224.0.0.1", "198.51.100.66", 4500);

	r.n.data.p = r.buf;
	arrives(&r);
	arrives(&r);
	expect(1, UPDATE_SEND);
	sent(0, UPDATE_NACK, "192.0.2.1", 4500);
	expect_nothing_moved();
}

static void altered(void **state)
{
	struct request *r = request(1, "198.51.100.7");

	arrives(r);
	arrives(request(1, "198.51.100.66"));
	expect(0);
	r = request(1, "198.51.100.7");
	r->body.n = 2;
	request_write(r);
	arrives(r);
	expect(0);
	arrives(request(1, "2001:db8::66"));
	expect(0);
	assert_int_equal(count(UPDATE_GATEWAY_ALTERED), 3);
	assert_true(is(&g->path.remote, "198.51.100.7", 4500));
}

static void replayed(void **state)
{
	arrives(request(5, "198.51.100.7")); /* the first ones were lost */
	assert_true(is(&g->path.remote, "198.51.100.7", 4500));
	for (uint32_t identifier = 0; identifier < 5; identifier++) {
		arrives(request(identifier, "198.51.100.66"));
		expect(0);
	}
	assert_int_equal(count(UPDATE_GATEWAY_REPLAYED), 5);
	assert_true(is(&g->path.remote, "198.51.100.7", 4500));
	arrives(request(6, "198.51.100.8"));
	expect(2, UPDATE_MOVE, UPDATE_SEND);
}

static void replayed_identifier_0(void **state)
{
	arrives(request(0, "198.51.100.7"));
	expect_dropped(UPDATE_GATEWAY_REPLAYED);
}

static void older_sa(void **state)
{
	struct request *r = request(1, "198.51.100.7");

	r->n.newest = false;
	arrives(r);
	expect_dropped(UPDATE_GATEWAY_OLDER_SA);
}

static void new_sa_counts_from_1(void **state)
{
	arrives(request(7, "198.51.100.7"));
	update_gateway_new_sa(g);
	assert_int_equal(count(UPDATE_GATEWAY_NEW_SA), 1);
	arrives(request(1, "198.51.100.8"));
	expect(2, UPDATE_MOVE, UPDATE_SEND);
	assert_true(is(&g->path.remote, "198.51.100.8", 4500));
}

/* ---- what is no request ---- */

static void malformed(void **state)
{
	struct request *r = request(1, "198.51.100.7");
	size_t n = r->n.data.n;

	for (r->n.data.n = 0; r->n.data.n <= n + 1; r->n.data.n++) {
		if (r->n.data.n == n)
			continue;
		arrives(r);
		expect(0);
	}
	r = request(1, "198.51.100.7");
	r->n.type = UPDATE_REQUEST6;
	arrives(r);
	expect(0);
	r = request(1, "198.51.100.7");
	r->buf[12]++; /* the number of SPIs */
	arrives(r);
	expect(0);
	assert_int_equal(count(UPDATE_GATEWAY_MALFORMED), n + 3);
	expect_nothing_moved();
	assert_int_equal(g->identifier, 0);
}

static void unexpected(void **state)
{
	static const uint16_t types[] = { UPDATE_ACK,	UPDATE_ACK6,  UPDATE_NACK,
					  UPDATE_NACK6, UPDATE_CHECK, 1 };
	struct request *r = request(1, "198.51.100.7");

	for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
		r->n.type = types[i];
		arrives(r);
		expect(0);
	}
	assert_int_equal(count(UPDATE_GATEWAY_UNEXPECTED), ARRAY_SIZE(types));
	expect_nothing_moved();
}

static void roaming_off(void **state)
{
	policy.roaming = false;
	arrives(request(1, "198.51.100.7"));
	expect_dropped(UPDATE_GATEWAY_ROAMING_OFF);
}

/* ---- who lies ---- */

static void source_impossible(void **state)
{
	static const char *const sources[] = { "224.0.0.5", "127.0.0.1", "0.0.0.0",
					       "255.255.255.255", "203.0.113.1" };

	for (unsigned i = 0; i < ARRAY_SIZE(sources); i++) {
		arrives(translated(1, "10.0.0.2", sources[i], 4500));
		expect(0);
	}
	arrives(translated(1, "10.0.0.2", "198.51.100.66", 0));
	expect(0);
	assert_int_equal(count(UPDATE_GATEWAY_SOURCE), ARRAY_SIZE(sources) + 1);
	expect_nothing_moved();
	assert_int_equal(g->identifier, 0);
}

static void no_nat_and_another_source(void **state)
{
	struct request *r = request(1, "198.51.100.7");

	r->n.from = at("198.51.100.66", 4500);
	arrives(r);
	expect_dropped(UPDATE_GATEWAY_NO_NAT);
	/* It does not count as handled: the true one is. */
	arrives(request(1, "198.51.100.7"));
	expect(2, UPDATE_MOVE, UPDATE_SEND);
}

static void no_nat_d(void **state)
{
	struct request *r = request(1, "198.51.100.7");

	r->n.natd = false;
	arrives(r);
	expect_dropped(UPDATE_GATEWAY_NO_NAT);
	r = translated(1, "10.0.0.2", "198.51.100.66", 4500);
	r->n.natd = false;
	arrives(r);
	expect(0);
	assert_int_equal(count(UPDATE_GATEWAY_NO_NAT), 2);
}

/* ---- NACK ---- */

static void address_of_no_host(void **state)
{
	static const char *const to[] = { "224.0.0.1", "127.0.0.1",	  "0.0.0.0",
					  "ff02::1",   "255.255.255.255", "::1" };

	for (unsigned i = 0; i < ARRAY_SIZE(to); i++) {
		struct request *r = translated(1, to[i], "198.51.100.66", 4500);

		setup(NULL);
		arrives(r);
		expect_nack(r, UPDATE_GATEWAY_ADDRESS);
		teardown(NULL);
	}
}

static void own_address(void **state)
{
	struct request *r = translated(1, "203.0.113.1", "198.51.100.66", 4500);

	arrives(r);
	expect_nack(r, UPDATE_GATEWAY_OWN_ADDRESS);
}

static void policy_refuses(void **state)
{
	struct request *r = request(1, "198.18.0.1");

	arrives(r);
	expect_nack(r, UPDATE_GATEWAY_POLICY);
	/* Nor through a NAT there. */
	arrives(translated(2, "10.0.0.2", "198.19.0.1", 4500));
	assert_int_equal(count(UPDATE_GATEWAY_POLICY), 2);
	expect_nothing_moved();
}

static void family_without_a_socket(void **state)
{
	struct request *r = translated(1, "2001:db8::7", "198.51.100.66", 4500);

	policy.ip6 = false;
	arrives(r);
	expect_nack(r, UPDATE_GATEWAY_FAMILY);
	policy.ip6 = true;
	policy.ip4 = false;
	arrives(request(2, "198.51.100.7"));
	assert_int_equal(count(UPDATE_GATEWAY_FAMILY), 2);
	expect_nothing_moved();
}

static void raw_esp_and_a_nat(void **state)
{
	struct request *r = translated(1, "10.0.0.2", "198.51.100.66", 4500);

	policy.esp_only = true;
	arrives(r);
	expect_nack(r, UPDATE_GATEWAY_RAW_ESP);
	arrives(request(2, "198.51.100.7"));
	expect(2, UPDATE_MOVE, UPDATE_SEND);
}

static void unknown_spis(void **state)
{
	struct request *r = request(1, "198.51.100.7");

	r->body.spi[0] = 0xbad;
	r->body.spi[1] = 0;
	r->body.spi[2] = 0x1004;
	request_write(r);
	arrives(r);
	expect_nack(r, UPDATE_GATEWAY_UNKNOWN_SPIS);
}

/* ---- through a NAT ---- */

static struct request *reply(const char *from, uint16_t port)
{
	static struct request r;

	memset(&r, 0, sizeof(r));
	memcpy(r.buf, g->check, UPDATE_CHECK_SIZE);
	r.n.type = UPDATE_CHECK_REPLY;
	r.n.data = slice(r.buf, UPDATE_CHECK_SIZE);
	r.n.from = at(from, port);
	r.n.to = at("203.0.113.1", 4500);
	r.n.newest = true;
	return &r;
}

static void moved_checking(void **state)
{
	struct update_check check;

	arrives(translated(1, "10.0.0.2", "198.51.100.9", 7000));
	expect(2, UPDATE_MOVE, UPDATE_SEND);
	assert_true(is(&got.fx[0].move.path.remote, "198.51.100.9", 7000));
	assert_true(got.fx[0].move.limited);
	assert_int_equal(got.fx[0].move.spis.n, 3);
	assert_int_equal(got.fx[1].send.type, UPDATE_CHECK);
	assert_true(is(&got.fx[1].send.to, "198.51.100.9", 7000));
	assert_true(got.fx[1].send.repeat);
	assert_true(got.fx[1].send.natd);
	assert_int_equal(update_check_parse(got.fx[1].send.data, &check), 0);
	assert_int_equal(check.identifier, 1);
	assert_int_equal(update_gateway_deadline(g), now + 3 * VTIME_S);
	assert_int_equal(count(UPDATE_GATEWAY_MOVED_CHECKING), 1);
}

static void moved_checking_where_the_port_alone_is_another(void **state)
{
	struct request *r = request(1, "198.51.100.7");

	r->n.from.port = 7000;
	r->n.peer_nat = true;
	arrives(r);
	assert_int_equal(count(UPDATE_GATEWAY_MOVED_CHECKING), 1);
	assert_true(g->limited);
}

static void random_bytes_differ(void **state)
{
	uint8_t first[UPDATE_CHECK_SIZE];

	arrives(translated(1, "10.0.0.2", "198.51.100.9", 7000));
	memcpy(first, g->check, sizeof(first));
	arrives(translated(2, "10.0.0.2", "198.51.100.9", 7001));
	assert_memory_not_equal(first + 4, g->check + 4, UPDATE_RANDOM_SIZE);
}

static void limited_to_three_times_what_has_come(void **state)
{
	const struct endpoint there = at("198.51.100.9", 7000), other = at("198.51.100.9", 7001);

	assert_true(update_gateway_may_send(g, 1 << 20));
	arrives(translated(1, "10.0.0.2", "198.51.100.9", 7000)); /* with 100 bytes */
	assert_true(update_gateway_may_send(g, 300));
	assert_false(update_gateway_may_send(g, 301));
	update_gateway_sent(g, 200);
	assert_true(update_gateway_may_send(g, 100));
	assert_false(update_gateway_may_send(g, 101));
	update_gateway_received(g, &other, 1000);
	assert_false(update_gateway_may_send(g, 101));
	update_gateway_received(g, &there, 1);
	assert_true(update_gateway_may_send(g, 103));
	assert_false(update_gateway_may_send(g, 104));
	update_gateway_sent(g, 1000); /* CHECK is never held */
	assert_false(update_gateway_may_send(g, 1));
	arrives(reply("198.51.100.9", 7000));
	assert_true(update_gateway_may_send(g, 1 << 20));
	/* The next one begins from nothing. */
	update_gateway_sent(g, 1 << 20);
	arrives(translated(2, "10.0.0.2", "198.51.100.9", 7001));
	assert_true(update_gateway_may_send(g, 300));
}

static void check_passed(void **state)
{
	struct request r = *translated(1, "10.0.0.2", "198.51.100.9", 7000);

	r.n.data.p = r.buf;
	arrives(&r);
	now += 3 * VTIME_S - 1;
	arrives(reply("198.51.100.9", 7000));
	expect(3, UPDATE_STOP, UPDATE_UNLIMIT, UPDATE_SEND);
	assert_int_equal(got.fx[0].id, 1);
	sent(2, UPDATE_ACK, "198.51.100.9", 7000);
	assert_true(same_body(&r, 2));
	assert_int_equal(count(UPDATE_GATEWAY_CHECK_PASSED), 1);
	assert_int_equal(update_gateway_deadline(g), VTIME_NEVER);
	update_gateway_timeout(g, now + 60 * VTIME_S);
	pull();
	expect(0);
	assert_true(is(&g->path.remote, "198.51.100.9", 7000));
	arrives(&r);
	expect(1, UPDATE_SEND);
	sent(0, UPDATE_ACK, "198.51.100.9", 7000);
}

static void check_passed_in_part(void **state)
{
	struct request *r = translated(1, "10.0.0.2", "198.51.100.9", 7000);

	r->body.spi[0] = 0xbad;
	request_write(r);
	arrives(r);
	arrives(reply("198.51.100.9", 7000));
	assert_int_equal(sent(2, UPDATE_ACK, "198.51.100.9", 7000).n, 2);
}

static void repeated_early(void **state)
{
	struct request r = *translated(1, "10.0.0.2", "198.51.100.9", 7000);

	r.n.data.p = r.buf;
	arrives(&r);
	r.n.from = at("198.51.100.66", 4711);
	arrives(&r);
	expect(0);
	assert_int_equal(count(UPDATE_GATEWAY_REPEATED_EARLY), 1);
	assert_true(is(&g->path.remote, "198.51.100.9", 7000));
	assert_true(g->limited);
}

static void check_failed(void **state)
{
	struct request r = *translated(1, "10.0.0.2", "198.51.100.9", 7000);

	r.n.data.p = r.buf;
	arrives(&r);
	update_gateway_timeout(g, now + 3 * VTIME_S - 1);
	pull();
	expect(0);
	update_gateway_timeout(g, now + 3 * VTIME_S);
	pull();
	expect(4, UPDATE_STOP, UPDATE_MOVE, UPDATE_SEND, UPDATE_SEND);
	assert_true(is(&got.fx[1].move.path.remote, "192.0.2.1", 4500));
	assert_false(got.fx[1].move.limited);
	assert_int_equal(got.fx[1].move.spis.n, 3);
	sent(2, UPDATE_NACK, "198.51.100.9", 7000);
	assert_true(same_body(&r, 2));
	sent(3, UPDATE_NACK, "192.0.2.1", 4500);
	assert_true(same_body(&r, 3));
	assert_int_equal(count(UPDATE_GATEWAY_CHECK_FAILED), 1);
	expect_nothing_moved();
	/* Once more, and later than late. */
	arrives(&r);
	expect(1, UPDATE_SEND);
	sent(0, UPDATE_NACK, "192.0.2.1", 4500);
	arrives(reply("198.51.100.9", 7000));
	expect(0);
	expect_nothing_moved();
}

static void check_failed_goes_back_beyond_what_was_not_proved(void **state)
{
	arrives(translated(1, "10.0.0.2", "198.51.100.9", 7000));
	arrives(translated(2, "10.0.0.3", "198.51.100.10", 7000));
	expect(3, UPDATE_STOP, UPDATE_MOVE, UPDATE_SEND);
	update_gateway_timeout(g, now + 3 * VTIME_S);
	pull();
	expect_nothing_moved();
}

static void check_void_when_a_newer_one_needs_none(void **state)
{
	arrives(translated(1, "10.0.0.2", "198.51.100.9", 7000));
	arrives(request(2, "198.51.100.7"));
	expect(3, UPDATE_STOP, UPDATE_MOVE, UPDATE_SEND);
	assert_false(got.fx[1].move.limited);
	sent(2, UPDATE_ACK, "198.51.100.7", 4500);
	assert_true(update_gateway_may_send(g, 1 << 20));
	assert_int_equal(update_gateway_deadline(g), VTIME_NEVER);
	arrives(reply("198.51.100.9", 7000));
	expect(0);
}

static void check_void_when_a_newer_one_is_refused(void **state)
{
	arrives(translated(1, "10.0.0.2", "198.51.100.9", 7000));
	arrives(translated(2, "224.0.0.1", "198.51.100.9", 7000));
	expect(3, UPDATE_STOP, UPDATE_MOVE, UPDATE_SEND);
	sent(2, UPDATE_NACK, "198.51.100.9", 7000);
	expect_nothing_moved();
}

static void check_stale(void **state)
{
	struct request *r;

	arrives(reply("198.51.100.9", 7000)); /* of nothing */
	arrives(translated(1, "10.0.0.2", "198.51.100.9", 7000));
	r = reply("198.51.100.9", 7000);
	r->buf[3]++;
	arrives(r);
	expect(0);
	assert_int_equal(count(UPDATE_GATEWAY_CHECK_STALE), 2);
	assert_true(g->limited);
}

static void check_wrong(void **state)
{
	arrives(translated(1, "10.0.0.2", "198.51.100.9", 7000));
	for (unsigned i = 4; i < UPDATE_CHECK_SIZE; i++) {
		struct request *r = reply("198.51.100.9", 7000);

		r->buf[i] ^= 1;
		arrives(r);
		expect(0);
	}
	assert_int_equal(count(UPDATE_GATEWAY_CHECK_WRONG), UPDATE_RANDOM_SIZE);
	assert_true(g->limited);
}

static void check_elsewhere(void **state)
{
	arrives(translated(1, "10.0.0.2", "198.51.100.9", 7000));
	arrives(reply("198.51.100.9", 7001));
	arrives(reply("198.51.100.66", 7000));
	arrives(reply("192.0.2.1", 4500));
	expect(0);
	assert_int_equal(count(UPDATE_GATEWAY_CHECK_ELSEWHERE), 3);
	assert_true(g->limited);
}

static void check_malformed(void **state)
{
	struct request *r;

	arrives(translated(1, "10.0.0.2", "198.51.100.9", 7000));
	r = reply("198.51.100.9", 7000);
	r->n.data.n--;
	arrives(r);
	r->n.data.n += 2;
	arrives(r);
	expect(0);
	assert_int_equal(count(UPDATE_GATEWAY_CHECK_MALFORMED), 2);
}

static void check_under_an_older_sa(void **state)
{
	struct request *r;

	arrives(translated(1, "10.0.0.2", "198.51.100.9", 7000));
	r = reply("198.51.100.9", 7000);
	r->n.newest = false;
	arrives(r);
	expect(0);
	assert_int_equal(count(UPDATE_GATEWAY_OLDER_SA), 1);
}

static void check_and_another_sa(void **state)
{
	arrives(translated(1, "10.0.0.2", "198.51.100.9", 7000));
	update_gateway_new_sa(g);
	arrives(reply("198.51.100.9", 7000));
	expect(0);
	/* The client asks again; the path to go back to stays. */
	arrives(translated(1, "10.0.0.2", "198.51.100.9", 7000));
	expect(3, UPDATE_STOP, UPDATE_MOVE, UPDATE_SEND);
	arrives(reply("198.51.100.9", 7000));
	expect(3, UPDATE_STOP, UPDATE_UNLIMIT, UPDATE_SEND);
}

static void check_failed_under_another_sa_tells_nobody(void **state)
{
	arrives(translated(1, "10.0.0.2", "198.51.100.9", 7000));
	update_gateway_new_sa(g);
	update_gateway_timeout(g, now + 3 * VTIME_S);
	pull();
	expect(2, UPDATE_STOP, UPDATE_MOVE);
	expect_nothing_moved();
}

static void moved_same_path(void **state)
{
	arrives(translated(1, "10.0.0.2", "198.51.100.9", 7000));
	arrives(reply("198.51.100.9", 7000));
	arrives(translated(2, "10.0.0.2", "198.51.100.9", 7000)); /* the rest of a long list */
	expect(2, UPDATE_MOVE, UPDATE_SEND);
	assert_false(got.fx[0].move.limited);
	sent(1, UPDATE_ACK, "198.51.100.9", 7000);
	assert_int_equal(count(UPDATE_GATEWAY_MOVED_SAME_PATH), 1);
}

static void moved_same_path_only_once_it_is_proved(void **state)
{
	arrives(translated(1, "10.0.0.2", "198.51.100.9", 7000));
	arrives(translated(2, "10.0.0.2", "198.51.100.9", 7000));
	expect(3, UPDATE_STOP, UPDATE_MOVE, UPDATE_SEND);
	assert_int_equal(got.fx[2].send.type, UPDATE_CHECK);
	assert_int_equal(count(UPDATE_GATEWAY_MOVED_SAME_PATH), 0);
}

/* ---- last ---- */

static void every_row_has_been_reached(void **state)
{
	for (unsigned i = 0; i < UPDATE_GATEWAY_RULE_COUNT; i++)
		if (!reached[i])
			fail_msg("no test of '%s'",
				 update_gateway_rule_name((enum update_gateway_rule)i));
}

static void rows_have_names(void **state)
{
	assert_string_equal(update_gateway_rule_name(UPDATE_GATEWAY_ROAMING_OFF), "roaming_off");
	assert_string_equal(update_gateway_rule_name(UPDATE_GATEWAY_NEW_SA), "new_sa");
}

#define ROW(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(moved),
		ROW(moved_across_families_and_back),
		ROW(moved_with_some_spis_of_others),
		ROW(moved_with_an_empty_list),
		ROW(moved_with_255_spis),
		ROW(moved_raw_esp_stays_raw_without_a_nat),
		ROW(repeated),
		ROW(repeated_after_a_nack),
		ROW(altered),
		ROW(replayed),
		ROW(replayed_identifier_0),
		ROW(older_sa),
		ROW(new_sa_counts_from_1),
		ROW(malformed),
		ROW(unexpected),
		ROW(roaming_off),
		ROW(source_impossible),
		ROW(no_nat_and_another_source),
		ROW(no_nat_d),
		cmocka_unit_test(address_of_no_host),
		ROW(own_address),
		ROW(policy_refuses),
		ROW(family_without_a_socket),
		ROW(raw_esp_and_a_nat),
		ROW(unknown_spis),
		ROW(moved_checking),
		ROW(moved_checking_where_the_port_alone_is_another),
		ROW(random_bytes_differ),
		ROW(limited_to_three_times_what_has_come),
		ROW(check_passed),
		ROW(check_passed_in_part),
		ROW(repeated_early),
		ROW(check_failed),
		ROW(check_failed_goes_back_beyond_what_was_not_proved),
		ROW(check_void_when_a_newer_one_needs_none),
		ROW(check_void_when_a_newer_one_is_refused),
		ROW(check_stale),
		ROW(check_wrong),
		ROW(check_elsewhere),
		ROW(check_malformed),
		ROW(check_under_an_older_sa),
		ROW(check_and_another_sa),
		ROW(check_failed_under_another_sa_tells_nobody),
		ROW(moved_same_path),
		ROW(moved_same_path_only_once_it_is_proved),
		cmocka_unit_test(rows_have_names),
		cmocka_unit_test(every_row_has_been_reached),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
