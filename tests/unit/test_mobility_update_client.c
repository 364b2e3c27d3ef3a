/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mobility/update.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

/* The name of a test is that of the rule that it is about, with what it shows of it. */
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

static bool is(struct addr a, const char *text)
{
	const struct endpoint e = at(text, 0);

	return addr_eq(&a, &e.addr);
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

/* ---- the address changes ---- */

static void moved(void **state)
{
	struct update_body b;

	moved_to("198.51.100.7", 3);
	expect(E(SEND));
	b = sent();
	assert_int_equal(got.last[UPDATE_SEND].send.type, UPDATE_REQUEST);
	assert_int_equal(b.identifier, 1);
	assert_true(is(b.old, "192.0.2.1"));
	assert_true(is(b.new, "198.51.100.7"));
	assert_int_equal(b.n, 3);
	assert_memory_equal(b.spi, many, 3 * sizeof(many[0]));
	assert_true(got.last[UPDATE_SEND].send.natd);
	assert_true(got.last[UPDATE_SEND].send.repeat);
	assert_int_equal(count(UPDATE_CLIENT_MOVED), 1);
}

static void moved_from_and_to_4500(void **state)
{
	const struct endpoint from = at("198.51.100.7", 4500), to = at("203.0.113.1", 4500);

	moved_to("198.51.100.7", 1);
	assert_true(endpoint_eq(&got.last[UPDATE_SEND].send.from, &from));
	assert_true(endpoint_eq(&got.last[UPDATE_SEND].send.to, &to));
}

static void moved_across_families(void **state)
{
	moved_to("2001:db8::7", 1);
	assert_int_equal(got.last[UPDATE_SEND].send.type, UPDATE_REQUEST6);
	assert_true(is(sent().old, "192.0.2.1"));
	assert_true(is(sent().new, "2001:db8::7"));
}

static void moved_with_an_empty_list(void **state)
{
	struct update_body b;

	moved_to("198.51.100.7", 0);
	b = sent();
	assert_int_equal(b.n, 0);
	answered(&b, UPDATE_ACK);
	expect(E(STOP) | E(BOUND));
	assert_int_equal(got.last[UPDATE_BOUND].bound.spis.n, 0);
}

static void moved_again_voids_the_older_one(void **state)
{
	struct update_body first, second;
	uint32_t id;

	moved_to("198.51.100.7", 2);
	first = sent();
	id = got.last[UPDATE_SEND].send.id;
	moved_to("198.51.100.8", 2);
	expect(E(STOP) | E(SEND));
	assert_int_equal(got.last[UPDATE_STOP].id, id);
	assert_int_not_equal(got.last[UPDATE_SEND].send.id, id);
	second = sent();
	assert_int_equal(second.identifier, 2);
	assert_int_equal(count(UPDATE_CLIENT_MOVED_AGAIN), 1);
	answered(&first, UPDATE_ACK);
	expect(0);
	assert_int_equal(count(UPDATE_CLIENT_STALE), 1);
	answered(&second, UPDATE_ACK);
	expect(E(STOP) | E(BOUND));
}

static void identifiers_grow(void **state)
{
	for (unsigned i = 1; i <= 5; i++) {
		struct update_body b;

		moved_to("198.51.100.7", 1);
		b = sent();
		assert_int_equal(b.identifier, i);
		answered(&b, UPDATE_ACK);
		expect(E(STOP) | E(BOUND));
	}
}

/* ---- ACK ---- */

static void acked(void **state)
{
	struct update_body b;

	moved_to("198.51.100.7", 3);
	b = sent();
	answered(&b, UPDATE_ACK);
	expect(E(STOP) | E(BOUND));
	assert_int_equal(got.last[UPDATE_STOP].id, c->id);
	assert_int_equal(got.last[UPDATE_BOUND].bound.spis.n, 3);
	assert_memory_equal(got.last[UPDATE_BOUND].bound.spis.spi, many, 3 * sizeof(many[0]));
	assert_false(got.last[UPDATE_BOUND].bound.more);
	assert_false(got.last[UPDATE_BOUND].bound.followed);
	assert_false(got.last[UPDATE_BOUND].bound.nat);
	assert_int_equal(count(UPDATE_CLIENT_ACKED), 1);
	answered(&b, UPDATE_ACK); /* once more: nothing is in the air */
	expect(0);
	assert_int_equal(count(UPDATE_CLIENT_STALE), 1);
}

static void acked_across_families(void **state)
{
	struct update_body b;

	moved_to("2001:db8::7", 3);
	b = sent();
	answered(&b, UPDATE_ACK6);
	expect(E(STOP) | E(BOUND));
}

static void acked_with_the_old_address_unknown(void **state)
{
	static const char *const to[] = { "198.51.100.7", "2001:db8::7" };
	static const uint16_t types[] = { UPDATE_ACK, UPDATE_ACK6 };

	for (unsigned i = 0; i < 2; i++) {
		struct update_client_event ev = change(to[i], 3);
		struct update_body b;

		ev.move.old = (struct addr){ 0 };
		event(&ev);
		b = sent();
		answered(&b, types[i]);
		expect(E(STOP) | E(BOUND));
	}
}

static void acked_through_a_nat(void **state)
{
	uint8_t buf[UPDATE_BODY_MAX];
	struct update_client_event ev;
	struct update_body b;

	moved_to("198.51.100.7", 3);
	b = sent();
	ev = answer_to(&b, UPDATE_ACK, buf);
	ev.notify.own_nat = true;
	event(&ev);
	expect(E(STOP) | E(BOUND));
	assert_true(got.last[UPDATE_BOUND].bound.nat);
}

static void acked_partly(void **state)
{
	struct update_body b;

	moved_to("198.51.100.7", 3);
	b = sent();
	b.n = 1;
	b.spi[0] = many[1];
	answered(&b, UPDATE_ACK);
	expect(E(STOP) | E(BOUND) | E(RENEW));
	assert_int_equal(got.last[UPDATE_BOUND].bound.spis.n, 1);
	assert_int_equal(got.last[UPDATE_BOUND].bound.spis.spi[0], many[1]);
	assert_int_equal(got.last[UPDATE_RENEW].renew.n, 2);
	assert_int_equal(got.last[UPDATE_RENEW].renew.spi[0], many[0]);
	assert_int_equal(got.last[UPDATE_RENEW].renew.spi[1], many[2]);
	assert_int_equal(count(UPDATE_CLIENT_ACKED_PARTLY), 1);
}

static void acked_more_than_255(void **state)
{
	static const struct {
		unsigned all, requests;
	} rows[] = { { 255, 1 },
		     { 256, 2 },
		     { 600, 3 },
		     { UPDATE_CLIENT_SPIS_MAX, 9 },
		     { UPDATE_CLIENT_SPIS_MAX + 1, 9 } };

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		unsigned bound = 0, requests = 0;

		moved_to("198.51.100.7", rows[i].all);
		do {
			struct update_body b = sent();

			assert_int_equal(b.spi[0], many[bound]);
			requests++;
			answered(&b, UPDATE_ACK);
			bound += got.last[UPDATE_BOUND].bound.spis.n;
			assert_int_equal(got.last[UPDATE_BOUND].bound.more, got.n[UPDATE_SEND]);
		} while (got.n[UPDATE_SEND]);
		assert_int_equal(requests, rows[i].requests);
		assert_int_equal(bound, rows[i].all < UPDATE_CLIENT_SPIS_MAX ?
						rows[i].all :
						UPDATE_CLIENT_SPIS_MAX);
	}
	assert_true(count(UPDATE_CLIENT_ACKED_MORE) > 0);
}

static void acked_more_and_the_first_partly(void **state)
{
	struct update_body b;

	moved_to("198.51.100.7", 300);
	b = sent();
	b.n = 254;
	answered(&b, UPDATE_ACK);
	expect(E(STOP) | E(SEND) | E(BOUND) | E(RENEW));
	assert_int_equal(got.last[UPDATE_RENEW].renew.n, 1);
	assert_int_equal(got.last[UPDATE_RENEW].renew.spi[0], many[254]);
	b = sent();
	assert_int_equal(b.n, 45);
	assert_int_equal(b.identifier, 2);
}

/* ---- NACK, nothing, anything else ---- */

static void nacked(void **state)
{
	struct update_body b;

	moved_to("198.51.100.7", 3);
	b = sent();
	answered(&b, UPDATE_NACK);
	expect(E(STOP) | E(ANEW));
	assert_int_equal(got.last[UPDATE_ANEW].why, UPDATE_WHY_NACK);
	assert_int_equal(count(UPDATE_CLIENT_NACKED), 1);
	moved_to("2001:db8::7", 3);
	b = sent();
	answered(&b, UPDATE_NACK6);
	expect(E(STOP) | E(ANEW));
}

static void unanswered(void **state)
{
	struct update_client_event ev = { .type = UPDATE_CLIENT_NO_ANSWER };
	struct update_body b;

	moved_to("198.51.100.7", 3);
	b = sent();
	ev.id = got.last[UPDATE_SEND].send.id;
	event(&ev);
	expect(E(ANEW));
	assert_int_equal(got.last[UPDATE_ANEW].why, UPDATE_WHY_UNANSWERED);
	assert_int_equal(count(UPDATE_CLIENT_UNANSWERED), 1);
	answered(&b, UPDATE_ACK); /* too late */
	expect(0);
}

static void unanswered_stale(void **state)
{
	struct update_client_event ev = { .type = UPDATE_CLIENT_NO_ANSWER };

	moved_to("198.51.100.7", 3);
	ev.id = got.last[UPDATE_SEND].send.id;
	moved_to("198.51.100.8", 3);
	event(&ev);
	expect(0);
	assert_int_equal(count(UPDATE_CLIENT_UNANSWERED_STALE), 1);
}

static void stale_identifiers(void **state)
{
	struct update_body b;

	moved_to("198.51.100.7", 3);
	b = sent();
	for (int delta = -1; delta <= 1; delta += 2) {
		struct update_body other = b;

		other.identifier += (uint32_t)delta;
		answered(&other, UPDATE_ACK);
		expect(0);
		answered(&other, UPDATE_NACK);
		expect(0);
	}
	assert_int_equal(count(UPDATE_CLIENT_STALE), 4);
	answered(&b, UPDATE_ACK);
	expect(E(STOP) | E(BOUND));
}

static void altered(void **state)
{
	struct update_body good, b;

	moved_to("198.51.100.7", 3);
	good = b = sent();
	b.new.b[3]++;
	answered(&b, UPDATE_ACK);
	b = good;
	b.old.b[3]++;
	answered(&b, UPDATE_NACK);
	b = good;
	b.spi[2] = 0xbad;
	answered(&b, UPDATE_ACK);
	expect(0);
	assert_int_equal(count(UPDATE_CLIENT_ALTERED), 3);
	answered(&good, UPDATE_ACK);
	expect(E(STOP) | E(BOUND));
}

static void malformed(void **state)
{
	uint8_t buf[UPDATE_BODY_MAX];
	struct update_client_event ev;
	struct update_body b;

	moved_to("198.51.100.7", 3);
	b = sent();
	ev = answer_to(&b, UPDATE_ACK, buf);
	for (size_t n = ev.notify.data.n; n-- > 0;) {
		ev.notify.data.n = n;
		event(&ev);
		expect(0);
	}
	assert_true(count(UPDATE_CLIENT_MALFORMED) > 20);
	ev = answer_to(&b, UPDATE_ACK6, buf); /* the other family's */
	event(&ev);
	expect(0);
}

static void unexpected(void **state)
{
	struct update_body b;

	moved_to("198.51.100.7", 3);
	b = sent();
	answered(&b, UPDATE_REQUEST);
	answered(&b, UPDATE_REQUEST6);
	answered(&b, UPDATE_CHECK_REPLY);
	expect(0);
	assert_int_equal(count(UPDATE_CLIENT_UNEXPECTED), 3);
}

static void nat_and_raw_esp_alone_is_allowed(void **state)
{
	uint8_t buf[UPDATE_BODY_MAX];
	struct update_client_event ev;
	struct update_body b;

	c->esp_only = true;
	moved_to("198.51.100.7", 3);
	b = sent();
	ev = answer_to(&b, UPDATE_ACK, buf);
	ev.notify.own_nat = true;
	event(&ev);
	expect(E(STOP) | E(ANEW));
	assert_int_equal(got.last[UPDATE_ANEW].why, UPDATE_WHY_NAT);
	assert_int_equal(count(UPDATE_CLIENT_NAT), 1);
	/* Without one it moves. */
	moved_to("198.51.100.8", 3);
	b = sent();
	answered(&b, UPDATE_ACK);
	expect(E(STOP) | E(BOUND));
}

/* ---- CHECK ---- */

static struct update_client_event check(uint32_t identifier, uint8_t buf[UPDATE_CHECK_SIZE])
{
	struct update_check check = { .identifier = identifier, .random = "0123456789abcde" };
	struct update_client_event ev = { .type = UPDATE_CLIENT_NOTIFY };

	update_check_write(&check, buf);
	ev.notify.type = UPDATE_CHECK;
	ev.notify.data = slice(buf, UPDATE_CHECK_SIZE);
	ev.notify.from = at("203.0.113.1", UPDATE_PORT);
	ev.notify.to = at("198.51.100.7", UPDATE_PORT);
	ev.notify.newest = true;
	return ev;
}

static void checked(void **state)
{
	uint8_t buf[UPDATE_CHECK_SIZE];
	struct update_client_event ev = check(1, buf);
	const struct endpoint from = at("198.51.100.7", 4500), to = at("203.0.113.1", 4500);

	moved_to("198.51.100.7", 3);
	for (unsigned i = 0; i < 3; i++) { /* each repeat */
		event(&ev);
		expect(E(SEND));
		assert_int_equal(got.last[UPDATE_SEND].send.type, UPDATE_CHECK_REPLY);
		assert_true(slice_eq(got.last[UPDATE_SEND].send.data, SLICE_OF(buf)));
		assert_true(endpoint_eq(&got.last[UPDATE_SEND].send.from, &from));
		assert_true(endpoint_eq(&got.last[UPDATE_SEND].send.to, &to));
		assert_false(got.last[UPDATE_SEND].send.repeat);
	}
	assert_int_equal(count(UPDATE_CLIENT_CHECKED), 3);
	/* Its own address is not always known. */
	ev.notify.to.addr = (struct addr){ 0 };
	event(&ev);
	expect(E(SEND));
}

static void check_answers_leave_the_request_in_the_air(void **state)
{
	uint8_t buf[UPDATE_CHECK_SIZE];
	const struct update_client_event ev = check(1, buf);
	struct update_body b;

	moved_to("198.51.100.7", 3);
	b = sent();
	event(&ev);
	answered(&b, UPDATE_ACK);
	expect(E(STOP) | E(BOUND));
	assert_int_equal(got.last[UPDATE_STOP].id, 1);
}

static void check_stale(void **state)
{
	uint8_t buf[UPDATE_CHECK_SIZE];
	struct update_client_event ev = check(0, buf);

	event(&ev);
	moved_to("198.51.100.9", 3);
	moved_to("198.51.100.7", 3);
	ev = check(1, buf); /* of the one that is void */
	event(&ev);
	ev = check(3, buf);
	event(&ev);
	expect(0);
	assert_int_equal(count(UPDATE_CLIENT_CHECK_STALE), 3);
	ev = check(2, buf);
	event(&ev);
	expect(E(SEND));
}

static void check_elsewhere(void **state)
{
	uint8_t buf[UPDATE_CHECK_SIZE];
	struct update_client_event ev = check(1, buf);

	moved_to("198.51.100.7", 3);
	ev.notify.to = at("192.0.2.1", UPDATE_PORT); /* our other address */
	event(&ev);
	expect(0);
	assert_int_equal(count(UPDATE_CLIENT_CHECK_ELSEWHERE), 1);
}

static void check_malformed(void **state)
{
	uint8_t buf[UPDATE_CHECK_SIZE];
	struct update_client_event ev = check(1, buf);

	moved_to("198.51.100.7", 3);
	ev.notify.data.n--;
	event(&ev);
	expect(0);
	assert_int_equal(count(UPDATE_CLIENT_CHECK_MALFORMED), 1);
}

/* ---- ISAKMP SAs ---- */

static void older_sa(void **state)
{
	uint8_t buf[UPDATE_BODY_MAX], check_buf[UPDATE_CHECK_SIZE];
	struct update_client_event ev, asked = check(1, check_buf);
	struct update_body b;

	moved_to("198.51.100.7", 3);
	b = sent();
	ev = answer_to(&b, UPDATE_ACK, buf);
	ev.notify.newest = asked.notify.newest = false;
	event(&ev);
	event(&asked);
	expect(0);
	assert_int_equal(count(UPDATE_CLIENT_OLDER_SA), 2);
}

static void new_sa_repeats(void **state)
{
	struct update_body b;
	uint32_t id;

	moved_to("198.51.100.6", 300);
	b = sent();
	answered(&b, UPDATE_ACK);
	id = got.last[UPDATE_SEND].send.id;
	b = sent(); /* what is left of the list */
	assert_int_equal(b.identifier, 2);
	new_sa(true);
	expect(E(STOP) | E(SEND));
	assert_int_equal(got.last[UPDATE_STOP].id, id);
	assert_int_not_equal(got.last[UPDATE_SEND].send.id, id);
	b = sent();
	assert_int_equal(b.identifier, 1);
	assert_int_equal(b.n, 45);
	assert_int_equal(b.spi[0], many[255]);
	assert_int_equal(count(UPDATE_CLIENT_NEW_SA_REPEATS), 1);
	answered(&b, UPDATE_ACK);
	expect(E(STOP) | E(BOUND));
}

static void new_sa_counts_from_1(void **state)
{
	struct update_body b;

	moved_to("198.51.100.7", 1);
	b = sent();
	answered(&b, UPDATE_ACK);
	new_sa(true);
	expect(0);
	assert_int_equal(count(UPDATE_CLIENT_NEW_SA), 2);
	moved_to("198.51.100.8", 1);
	assert_int_equal(sent().identifier, 1);
}

static void new_sa_unsupported(void **state)
{
	moved_to("198.51.100.7", 1);
	new_sa(false);
	expect(E(STOP) | E(ANEW));
	assert_int_equal(got.last[UPDATE_ANEW].why, UPDATE_WHY_UNSUPPORTED);
	assert_int_equal(count(UPDATE_CLIENT_NEW_SA_UNSUPPORTED), 1);
}

/* ---- gateways without support ---- */

static void alive(enum update_client_event_type type)
{
	event(&(struct update_client_event){ .type = type });
}

static void moved_follow(void **state)
{
	new_sa(false);
	moved_to("198.51.100.7", 2);
	expect(E(FOLLOW));
	assert_int_equal(update_client_deadline(c), now + VTIME_S);
	assert_int_equal(count(UPDATE_CLIENT_MOVED_FOLLOW), 1);
}

static void moved_unsupported_with_raw_esp(void **state)
{
	struct update_client_event ev = change("198.51.100.7", 2);

	new_sa(false);
	ev.move.encapsulation = ENCAPSULATION_ESP;
	event(&ev);
	expect(E(ANEW));
	assert_int_equal(got.last[UPDATE_ANEW].why, UPDATE_WHY_UNSUPPORTED);
	assert_int_equal(count(UPDATE_CLIENT_MOVED_UNSUPPORTED), 1);
	assert_int_equal(update_client_deadline(c), VTIME_NEVER);
}

static void followed_when_both_have_answered(void **state)
{
	static const enum update_client_event_type order[][2] = {
		{ UPDATE_CLIENT_IKE_ALIVE, UPDATE_CLIENT_ESP_ALIVE },
		{ UPDATE_CLIENT_ESP_ALIVE, UPDATE_CLIENT_IKE_ALIVE },
	};

	new_sa(false);
	for (unsigned i = 0; i < 2; i++) {
		moved_to("198.51.100.7", 2);
		alive(order[i][0]);
		alive(order[i][0]);
		expect(0);
		alive(order[i][1]);
		expect(E(BOUND));
		assert_true(got.last[UPDATE_BOUND].bound.followed);
		assert_int_equal(got.last[UPDATE_BOUND].bound.spis.n, 2);
		assert_int_equal(update_client_deadline(c), VTIME_NEVER);
	}
	assert_int_equal(count(UPDATE_CLIENT_FOLLOWED), 2);
	assert_int_equal(count(UPDATE_CLIENT_FOLLOWED_HALF), 4);
}

static void not_followed_within_a_second(void **state)
{
	static const enum update_client_event_type one[] = { UPDATE_CLIENT_IKE_ALIVE,
							     UPDATE_CLIENT_ESP_ALIVE };

	new_sa(false);
	for (unsigned i = 0; i < 2; i++) {
		moved_to("198.51.100.7", 2);
		alive(one[i]);
		update_client_timeout(c, now + VTIME_S - 1);
		pull();
		expect(0);
		update_client_timeout(c, now + VTIME_S);
		pull();
		expect(E(ANEW));
		assert_int_equal(got.last[UPDATE_ANEW].why, UPDATE_WHY_NOT_FOLLOWED);
		alive(one[1 - i]);
		expect(0);
	}
	assert_int_equal(count(UPDATE_CLIENT_NOT_FOLLOWED), 2);
}

static void nothing_is_followed_unasked(void **state)
{
	alive(UPDATE_CLIENT_IKE_ALIVE);
	alive(UPDATE_CLIENT_ESP_ALIVE);
	expect(0);
	assert_int_equal(count(UPDATE_CLIENT_NOTHING), 2);
	moved_to("198.51.100.7", 2);
	alive(UPDATE_CLIENT_IKE_ALIVE);
	alive(UPDATE_CLIENT_ESP_ALIVE);
	expect(0);
	update_client_timeout(c, now + 60 * VTIME_S);
	pull();
	expect(0);
}

/* ---- last ---- */

static void begun_anew_ids_go_on(void **state)
{
	moved_to("198.51.100.7", 1);
	update_client_init(c, true);
	assert_int_equal(c->id, 1);
	assert_false(c->in_air);
	pull();
	expect(0);
}

static void every_row_has_been_reached(void **state)
{
	for (unsigned i = 0; i < UPDATE_CLIENT_RULE_COUNT; i++)
		if (!reached[i])
			fail_msg("no test of '%s'",
				 update_client_rule_name((enum update_client_rule)i));
}

static void why_has_a_name(void **state)
{
	assert_string_equal(update_why_name(UPDATE_WHY_NACK), "refused");
	assert_string_equal(update_why_name(UPDATE_WHY_NAT), "nat");
	assert_string_equal(update_client_rule_name(UPDATE_CLIENT_MOVED), "moved");
	assert_string_equal(update_client_rule_name(UPDATE_CLIENT_NOTHING), "nothing");
}

#define ROW(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(moved),
		ROW(moved_from_and_to_4500),
		ROW(moved_across_families),
		ROW(moved_with_an_empty_list),
		ROW(moved_again_voids_the_older_one),
		ROW(identifiers_grow),
		ROW(acked),
		ROW(acked_across_families),
		ROW(acked_with_the_old_address_unknown),
		ROW(acked_through_a_nat),
		ROW(acked_partly),
		ROW(acked_more_than_255),
		ROW(acked_more_and_the_first_partly),
		ROW(nacked),
		ROW(unanswered),
		ROW(unanswered_stale),
		ROW(stale_identifiers),
		ROW(altered),
		ROW(malformed),
		ROW(unexpected),
		ROW(nat_and_raw_esp_alone_is_allowed),
		ROW(checked),
		ROW(check_answers_leave_the_request_in_the_air),
		ROW(check_stale),
		ROW(check_elsewhere),
		ROW(check_malformed),
		ROW(older_sa),
		ROW(new_sa_repeats),
		ROW(new_sa_counts_from_1),
		ROW(new_sa_unsupported),
		ROW(moved_follow),
		ROW(moved_unsupported_with_raw_esp),
		ROW(followed_when_both_have_answered),
		ROW(not_followed_within_a_second),
		ROW(nothing_is_followed_unasked),
		ROW(begun_anew_ids_go_on),
		cmocka_unit_test(why_has_a_name),
		cmocka_unit_test(every_row_has_been_reached),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
