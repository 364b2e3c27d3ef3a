/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The product's session moves, and its gateway keeps the SAs: both ends of the address update. */
#include "tests/unit/gateway_roam_parts.h"

/* ---- moves ---- */

static void test_to_another_address(void **state)
{
	struct wire wire;
	struct gworld *w = world(1, &wire);
	struct gworld_client *c;
	struct names before;
	unsigned pongs;

	gworld_start(w);
	c = client(w, "laptop.example.com", NULL);
	before = names_of(c);
	gworld_move(c, ELSEWHERE, NULL);
	pongs = c->pongs;
	gworld_run(w, 2 * GWORLD_DELAY);
	assert_int_equal(count(w, UPDATE_GATEWAY_MOVED), 1);
	assert_peer_at(w, ELSEWHERE);
	assert_true(gworld_ping(c, HOST) && c->pongs > pongs);
	assert_true(gworld_ping_back(c));
	assert_same(c, &before);
	assert_int_equal(gworld_info(w).counters.epochs, 1);
	gworld_free(w);
}

static void test_behind_a_nat_and_back(void **state)
{
	struct wire wire;
	struct gworld *w = world(2, &wire);
	struct gworld_client *c;
	struct names before;

	gworld_start(w);
	c = client(w, "laptop.example.com", NULL);
	before = names_of(c);
	gworld_move(c, "192.168.1.7", NAT);
	gworld_run(w, GWORLD_DELAY);
	assert_int_equal(count(w, UPDATE_GATEWAY_MOVED_CHECKING), 1);
	assert_peer_at(w, NAT);
	gworld_run(w, 2 * GWORLD_DELAY);
	assert_int_equal(count(w, UPDATE_GATEWAY_CHECK_PASSED), 1);
	assert_true(gworld_ping(c, HOST) && gworld_ping_back(c));
	assert_same(c, &before);
	gworld_move(c, "198.51.100.1", NULL);
	gworld_run(w, 2 * GWORLD_DELAY);
	assert_int_equal(count(w, UPDATE_GATEWAY_MOVED), 1);
	assert_true(gworld_ping(c, HOST) && gworld_ping_back(c));
	assert_same(c, &before);
	gworld_free(w);
}

static void test_to_another_family_and_back(void **state)
{
	struct wire wire;
	struct gworld *w = world(3, &wire);
	struct gworld_client *c;
	struct names before;

	gworld_start(w);
	c = client(w, "laptop.example.com", NULL);
	before = names_of(c);
	gworld_move(c, "2001:db8:5::7", NULL);
	gworld_run(w, 2 * GWORLD_DELAY);
	assert_int_equal(count(w, UPDATE_GATEWAY_MOVED), 1);
	assert_peer_at(w, "2001:db8:5::7");
	assert_true(gworld_ping(c, HOST) && gworld_ping_back(c));
	gworld_move(c, ELSEWHERE, NULL);
	gworld_run(w, 2 * GWORLD_DELAY);
	assert_int_equal(count(w, UPDATE_GATEWAY_MOVED), 2);
	assert_true(gworld_ping(c, HOST) && gworld_ping_back(c));
	assert_same(c, &before);
	gworld_free(w);
}

/* ---- the limit ---- */

static void test_what_is_over_the_limit_waits(void **state)
{
	enum {
		PACKETS = 60
	};
	struct wire wire;
	struct gworld *w = world(4, &wire);
	struct gworld_client *c;
	unsigned pongs;

	gworld_start(w);
	c = client(w, "laptop.example.com", NULL);
	gworld_move(c, "192.168.1.7", NAT);
	gworld_run(w, GWORLD_DELAY);
	assert_int_equal(count(w, UPDATE_GATEWAY_MOVED_CHECKING), 1);
	wire.watched = c;
	wire.to_watched = 0;
	pongs = c->pongs;
	for (unsigned i = 0; i < PACKETS; i++)
		gworld_send_back(c);
	/* Of a request of some hundred bytes. */
	assert_in_range(wire.to_watched, 1, 3 * 400);
	gworld_run(w, VTIME_S);
	assert_int_equal(count(w, UPDATE_GATEWAY_CHECK_PASSED), 1);
	assert_int_equal(c->pongs - pongs, PACKETS);
	gworld_free(w);
}

/* ---- what others do with a request ---- */

/* Begun by the gateway, and not known to the client when it moves: it is in no list of its own. */
static void test_pair_that_is_being_negotiated(void **state)
{
	struct wire wire;
	struct gworld *w = world(11, &wire);
	struct gworld_client *c;

	w->config.child.keylife_s = 60;
	w->config.rekeymargin = 40 * VTIME_S;
	w->config.rekeyfuzz = 0;
	gworld_start(w);
	c = gworld_client(w, &w->config.entries[0], "laptop.example.com", NULL, true);
	c->config.ike.address_update = true;
	c->config.child.keylife_s = 60;
	c->config.rekeymargin = VTIME_S;
	gworld_connect(c);
	gworld_run(w, 2 * VTIME_S);
	wire.renewing = false;
	for (unsigned i = 0; i < 60000 && !wire.renewing; i++)
		gworld_run(w, VTIME_MS);
	assert_true(wire.renewing);
	/* Message 2 has left, and message 3 will come to nobody. */
	gworld_run(w, GWORLD_DELAY + GWORLD_DELAY / 2);
	gworld_move(c, ELSEWHERE, NULL);
	gworld_run(w, VTIME_S);
	assert_peer_at(w, ELSEWHERE);
	for (unsigned i = 0; i < 30; i++)
		assert_true(gworld_ping(c, HOST));
	gworld_free(w);
}

/*
 * The client's last message of a renewal is late: it has moved meanwhile, and the gateway knows. What
 * the client began it has given up, and there is another ISAKMP SA already.
 */
static void late_renewal(bool by_gateway)
{
	struct wire wire;
	struct gworld *w = world(16, &wire);
	struct gworld_client *c, *before;
	struct addr old;

	w->config.rekeymargin = (by_gateway ? 30 : 1) * VTIME_S;
	w->config.rekeyfuzz = 0;
	gworld_start(w);
	c = gworld_client(w, &w->config.entries[0], "laptop.example.com", NULL, true);
	before = gworld_client(w, &w->config.entries[0], "other.example.com", NULL, true);
	c->config.ike.address_update = true;
	c->config.ike.lifetime_s = 60;
	c->config.rekeymargin = (by_gateway ? 1 : 20) * VTIME_S;
	c->config.rekeyfuzz = 0;
	old = c->outer;
	gworld_connect(c);
	gworld_run(w, 10 * VTIME_S);
	wire.lose_phase1 = true;
	for (unsigned i = 0; i < 40000 && !wire.n; i++)
		gworld_run(w, VTIME_MS);
	assert_true(wire.n > 0);
	gworld_move(c, ELSEWHERE, NULL);
	gworld_run(w, VTIME_S);
	assert_peer_at(w, ELSEWHERE);
	before->outer = before->seen = old;
	gworld_inject(before, 4500, slice(wire.bytes, wire.n));
	gworld_run(w, VTIME_S);
	assert_int_equal(gworld_info(w).clients, 1);
	assert_peer_at(w, ELSEWHERE);
	gworld_move(c, "198.51.200.77", NULL);
	gworld_run(w, VTIME_S);
	assert_int_equal(count(w, UPDATE_GATEWAY_OLDER_SA), 0);
	assert_peer_at(w, "198.51.200.77");
	assert_true(gworld_ping(c, HOST) && gworld_ping_back(c));
	gworld_free(w);
}

static void test_renewal_that_was_given_up(void **state)
{
	late_renewal(false);
}

static void test_renewal_at_the_address_before(void **state)
{
	late_renewal(true);
}

static void test_recorded_and_sent_again(void **state)
{
	struct wire wire;
	struct gworld *w = world(5, &wire);
	struct gworld_client *c, *other;

	gworld_start(w);
	c = client(w, "laptop.example.com", NULL);
	other = gworld_client(w, &w->config.entries[0], "other.example.com", NULL, true);
	wire.record = true;
	gworld_move(c, ELSEWHERE, NULL);
	gworld_run(w, VTIME_S);
	assert_int_equal(count(w, UPDATE_GATEWAY_MOVED), 1);
	gworld_inject(other, 4500, slice(wire.bytes, wire.n));
	gworld_run(w, VTIME_S);
	assert_int_equal(count(w, UPDATE_GATEWAY_REPEATED), 1);
	assert_peer_at(w, ELSEWHERE);
	gworld_move(c, "198.51.200.10", NULL);
	gworld_run(w, VTIME_S);
	gworld_inject(other, 4500, slice(wire.bytes, wire.n));
	gworld_run(w, 20 * VTIME_S);
	assert_int_equal(count(w, UPDATE_GATEWAY_REPLAYED), 1);
	assert_peer_at(w, "198.51.200.10");
	assert_int_equal(gworld_info(w).counters.followed, 0);
	assert_true(gworld_ping(c, HOST) && gworld_ping_back(c));
	gworld_free(w);
}

/* It looks like a NAT; what the third party gets is little, and soon nothing. */
static void test_sent_on_from_elsewhere(void **state)
{
	struct wire wire;
	struct gworld *w = world(6, &wire);
	struct gworld_client *c, *other;

	gworld_start(w);
	c = client(w, "laptop.example.com", NULL);
	other = client(w, "other.example.com", NULL);
	wire.record = wire.lose_recorded = true;
	gworld_move(c, ELSEWHERE, NULL);
	assert_true(wire.n > 0);
	wire.watched = other;
	gworld_inject(other, 4500, slice(wire.bytes, wire.n));
	gworld_run(w, GWORLD_DELAY);
	assert_int_equal(count(w, UPDATE_GATEWAY_MOVED_CHECKING), 1);
	for (unsigned i = 0; i < 50; i++)
		gworld_send_back(c);
	gworld_run(w, 2 * VTIME_S);
	assert_in_range(wire.to_watched, 1, 3 * wire.n);
	gworld_run(w, 2 * VTIME_S);
	assert_int_equal(count(w, UPDATE_GATEWAY_CHECK_FAILED), 1);
	/* Nobody has answered to where it is: it begins anew. */
	gworld_run(w, 20 * VTIME_S);
	assert_true(gworld_is_up(c));
	assert_true(gworld_ping(c, HOST) && gworld_ping_back(c));
	gworld_free(w);
}

/* Meanwhile the client has been heard from where it really is: that is not forgotten. */
static void test_heard_while_asked_elsewhere(void **state)
{
	struct wire wire;
	struct gworld *w = world(12, &wire);
	struct gworld_client *c, *other;
	struct names before;

	gworld_start(w);
	c = client(w, "laptop.example.com", NAT);
	other = client(w, "other.example.com", NULL);
	before = names_of(c);
	wire.record = wire.lose_recorded = true;
	gworld_move(c, "192.168.7.7", OTHER_NAT);
	gworld_inject(other, 4500, slice(wire.bytes, wire.n));
	gworld_run(w, 2 * GWORLD_DELAY);
	assert_int_equal(count(w, UPDATE_GATEWAY_MOVED_CHECKING), 1);
	gworld_ping(c, HOST);
	gworld_run(w, 4 * VTIME_S);
	assert_int_equal(count(w, UPDATE_GATEWAY_CHECK_FAILED), 1);
	assert_peer_at(w, OTHER_NAT);
	assert_true(gworld_ping(c, HOST) && gworld_ping_back(c));
	assert_same(c, &before);
	gworld_free(w);
}

/* ---- refusals ---- */

static void test_address_that_is_not_allowed(void **state)
{
	struct wire wire;
	struct gworld *w = world(7, &wire);
	struct gworld_client *c;

	prefix_parse("198.51.100.0/24", &w->config.entries[0].from[0]);
	w->config.entries[0].nfrom = 1;
	gworld_start(w);
	c = client(w, "laptop.example.com", NULL);
	gworld_move(c, ELSEWHERE, NULL);
	gworld_run(w, VTIME_S);
	assert_int_equal(count(w, UPDATE_GATEWAY_POLICY), 1);
	assert_int_equal(count(w, UPDATE_GATEWAY_MOVED), 0);
	assert_peer_at(w, "198.51.100.1");
	gworld_free(w);
}

static void test_roaming_is_off(void **state)
{
	struct wire wire;
	struct gworld *w = world(8, &wire);
	struct gworld_client *c;

	w->config.roaming = w->config.entries[0].ike.address_update = false;
	gworld_start(w);
	c = client(w, "laptop.example.com", NULL);
	gworld_move(c, ELSEWHERE, NULL);
	gworld_run(w, 10 * VTIME_S);
	for (unsigned r = 0; r < UPDATE_GATEWAY_RULE_COUNT; r++)
		if (r != UPDATE_GATEWAY_NEW_SA)
			assert_int_equal(count(w, r), 0);
	/* Begun anew, with the same inner address. */
	assert_true(gworld_is_up(c));
	assert_true(gworld_ping(c, HOST) && gworld_ping_back(c));
	assert_int_equal(gworld_info(w).clients, 1);
	gworld_free(w);
}

/* ---- asleep ---- */

static void wakes(struct gworld_client *c)
{
	c->gone = false;
	gworld_tell(c, &(struct session_event){ .type = SESSION_EVENT_ROAM, .slept = true });
}

/* Who does not answer may be asleep: his SAs are there when he wakes, also behind another NAT. */
static void test_asleep_for_long(void **state)
{
	struct wire wire;
	struct gworld *w = world(14, &wire);
	struct gworld_client *c;
	struct names before;

	gworld_start(w);
	c = client(w, "laptop.example.com", NAT);
	before = names_of(c);
	c->gone = true;
	gworld_run(w, 600 * VTIME_S);
	assert_int_equal(gworld_info(w).clients, 1);
	addr_parse(OTHER_NAT, &c->seen);
	c->moves++;
	wakes(c);
	gworld_run(w, VTIME_S);
	assert_true(gworld_ping(c, HOST) && gworld_ping_back(c));
	assert_same(c, &before);
	assert_peer_at(w, OTHER_NAT);
	/* When its keys have ended nothing is left. */
	c->gone = true;
	gworld_run(w, 10 * 3600 * VTIME_S);
	assert_int_equal(gworld_info(w).clients, 0);
	gworld_free(w);
}

/* But nobody who is there has to wait for him. */
static void test_asleep_and_no_room(void **state)
{
	struct wire wire;
	struct gworld *w = world(15, &wire);
	struct gworld_client *c;

	w->config.clients_max = 2;
	gworld_start(w);
	client(w, "first.example.com", NULL)->gone = true;
	gworld_run(w, 100 * VTIME_S);
	client(w, "second.example.com", NULL)->gone = true;
	gworld_run(w, 200 * VTIME_S);
	assert_int_equal(gworld_info(w).clients, 2);
	client(w, "third.example.com", NULL);
	assert_int_equal(gworld_info(w).clients, 2);
	/* The one that has slept for longest had to go, and comes back. */
	c = w->clients[0];
	wakes(c);
	gworld_run(w, 30 * VTIME_S);
	assert_true(gworld_ping(c, HOST));
	gworld_free(w);
}

/* ---- following ---- */

static void follows(bool updates)
{
	struct wire wire;
	struct gworld *w = world(9, &wire);
	struct gworld_client *c;
	struct names before;

	w->config.entries[0].ike.address_update = updates;
	gworld_start(w);
	c = client(w, "laptop.example.com", NAT);
	before = names_of(c);
	gworld_rebind(c);
	gworld_ping(c, HOST);
	assert_int_equal(gworld_info(w).counters.followed, 1);
	assert_true(gworld_ping(c, HOST) && gworld_ping_back(c));
	assert_same(c, &before);
	/* The NAT as a whole is elsewhere. */
	addr_parse(OTHER_NAT, &c->seen);
	gworld_ping(c, HOST);
	assert_peer_at(w, OTHER_NAT);
	assert_true(gworld_ping(c, HOST) && gworld_ping_back(c));
	assert_same(c, &before);
	gworld_free(w);
}

static void test_nat_moves_under_a_client(void **state)
{
	follows(false);
}

static void test_nat_moves_under_one_with_updates(void **state)
{
	follows(true);
}

static void test_nat_moves_that_a_client_has_gone_behind(void **state)
{
	struct wire wire;
	struct gworld *w = world(11, &wire);
	struct gworld_client *c;
	struct names before;

	gworld_start(w);
	c = client(w, "laptop.example.com", NULL);
	before = names_of(c);
	gworld_move(c, "192.168.1.7", NAT);
	gworld_run(w, VTIME_S);
	assert_int_equal(count(w, UPDATE_GATEWAY_CHECK_PASSED), 1);
	assert_int_equal(gworld_peer(w, 0).nat, NAT_REMOTE);
	gworld_rebind(c);
	gworld_ping(c, HOST);
	assert_int_equal(gworld_info(w).counters.followed, 1);
	assert_true(gworld_ping(c, HOST) && gworld_ping_back(c));
	assert_same(c, &before);
	gworld_free(w);
}

/* Its NAT-D is of another address: sent from where the client is now, that looks like a NAT. */
static void test_copy_is_no_news_of_a_nat(void **state)
{
	struct wire wire;
	struct gworld *w = world(12, &wire);
	struct gworld_client *c;

	gworld_start(w);
	c = client(w, "laptop.example.com", NULL);
	wire.record = true;
	gworld_move(c, ELSEWHERE, NULL);
	gworld_run(w, VTIME_S);
	gworld_move(c, "198.51.200.10", NULL);
	gworld_run(w, VTIME_S);
	assert_int_equal(count(w, UPDATE_GATEWAY_MOVED), 2);
	gworld_inject(c, 4500, slice(wire.bytes, wire.n));
	gworld_run(w, VTIME_S);
	assert_int_equal(count(w, UPDATE_GATEWAY_REPLAYED), 1);
	assert_int_equal(gworld_peer(w, 0).nat, NAT_NONE);
	gworld_free(w);
}

/* A word over IKE that somebody has kept from coming and sent on: the data goes on as it did. */
static void test_relayed_word_takes_no_data(void **state)
{
	struct wire wire;
	struct gworld *w = world(13, &wire);
	struct gworld_client *c, *other;

	gworld_start(w);
	c = client(w, "laptop.example.com", NAT);
	other = gworld_client(w, &w->config.entries[0], "other.example.com", NULL, true);
	wire.record = wire.lose_recorded = true;
	for (unsigned i = 0; i < 120 && !wire.n; i++)
		gworld_run(w, VTIME_S);
	assert_true(wire.n > 0);
	gworld_inject(other, 4500, slice(wire.bytes, wire.n));
	gworld_run(w, 2 * GWORLD_DELAY);
	assert_true(gworld_ping(c, HOST) && gworld_ping(c, HOST) && gworld_ping(c, HOST));
	assert_peer_at(w, NAT);
	assert_int_equal(gworld_info(w).counters.followed, 0);
	gworld_free(w);
}

static void test_what_is_not_authentic_moves_nobody(void **state)
{
	struct wire wire;
	struct gworld *w = world(10, &wire);
	struct gworld_client *c, *other;
	struct names n;

	gworld_start(w);
	c = client(w, "laptop.example.com", NAT);
	other = gworld_client(w, &w->config.entries[0], "other.example.com", NULL, true);
	n = names_of(c);
	for (unsigned i = 0; i < 100; i++) {
		uint8_t esp[64] = { 0 }, ike[68] = { 0 };

		put_be32(esp, n.spi_out);
		put_be32(esp + 4, 1000 + i);
		memcpy(ike + 4, n.cookies, sizeof(n.cookies));
		ike[4 + 17] = 0x10;
		ike[4 + 18] = 5;
		ike[4 + 19] = 1;
		put_be32(ike + 4 + 24, 64);
		gworld_inject(other, 4500, SLICE_OF(esp));
		gworld_inject(other, 4500, SLICE_OF(ike));
	}
	gworld_run(w, 5 * VTIME_S);
	assert_peer_at(w, NAT);
	assert_int_equal(gworld_info(w).counters.followed, 0);
	assert_true(gworld_ping(c, HOST) && gworld_ping_back(c));
	gworld_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_to_another_address),
		cmocka_unit_test(test_behind_a_nat_and_back),
		cmocka_unit_test(test_to_another_family_and_back),
		cmocka_unit_test(test_what_is_over_the_limit_waits),
		cmocka_unit_test(test_pair_that_is_being_negotiated),
		cmocka_unit_test(test_renewal_that_was_given_up),
		cmocka_unit_test(test_renewal_at_the_address_before),
		cmocka_unit_test(test_recorded_and_sent_again),
		cmocka_unit_test(test_sent_on_from_elsewhere),
		cmocka_unit_test(test_heard_while_asked_elsewhere),
		cmocka_unit_test(test_address_that_is_not_allowed),
		cmocka_unit_test(test_roaming_is_off),
		cmocka_unit_test(test_asleep_for_long),
		cmocka_unit_test(test_asleep_and_no_room),
		cmocka_unit_test(test_nat_moves_under_a_client),
		cmocka_unit_test(test_nat_moves_under_one_with_updates),
		cmocka_unit_test(test_nat_moves_that_a_client_has_gone_behind),
		cmocka_unit_test(test_copy_is_no_news_of_a_nat),
		cmocka_unit_test(test_relayed_word_takes_no_data),
		cmocka_unit_test(test_what_is_not_authentic_moves_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
