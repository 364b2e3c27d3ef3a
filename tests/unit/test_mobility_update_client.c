/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/update_client_parts.h"

static bool is(struct addr a, const char *text)
{
	const struct endpoint e = at(text, 0);

	return addr_eq(&a, &e.addr);
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

static void why_has_a_name(void **state)
{
	assert_string_equal(update_why_name(UPDATE_WHY_NACK), "refused");
	assert_string_equal(update_why_name(UPDATE_WHY_NAT), "nat");
	assert_string_equal(update_client_rule_name(UPDATE_CLIENT_MOVED), "moved");
	assert_string_equal(update_client_rule_name(UPDATE_CLIENT_NOTHING), "nothing");
}

static void each_rule_has_a_test(void **state)
{
	every_row_has_been_reached(true);
}

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
		ROW(begun_anew_ids_go_on),
		cmocka_unit_test(why_has_a_name),
		cmocka_unit_test(each_rule_has_a_test),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
