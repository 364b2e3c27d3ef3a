/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/update_gateway_parts.h"

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

static void limited_until_checked(void **state)
{
	assert_false(g->limited);
	arrives(translated(1, "10.0.0.2", "198.51.100.9", 7000));
	assert_true(g->limited);
	arrives(reply("198.51.100.9", 7000));
	assert_false(g->limited);
	arrives(translated(2, "10.0.0.2", "198.51.100.9", 7001));
	assert_true(g->limited);
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
	assert_false(g->limited);
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

static void each_rule_has_a_test(void **state)
{
	every_row_has_been_reached(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(moved_checking),
		ROW(moved_checking_where_the_port_alone_is_another),
		ROW(random_bytes_differ),
		ROW(limited_until_checked),
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
		cmocka_unit_test(each_rule_has_a_test),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
