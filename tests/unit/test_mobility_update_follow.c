/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/update_client_parts.h"

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

static void each_rule_has_a_test(void **state)
{
	every_row_has_been_reached(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
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
		cmocka_unit_test(each_rule_has_a_test),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
