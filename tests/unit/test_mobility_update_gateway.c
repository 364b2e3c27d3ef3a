/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/update_gateway_parts.h"

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
	assert_false(g->limited);
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

/* ---- last ---- */

static void rows_have_names(void **state)
{
	assert_string_equal(update_gateway_rule_name(UPDATE_GATEWAY_ROAMING_OFF), "roaming_off");
	assert_string_equal(update_gateway_rule_name(UPDATE_GATEWAY_NEW_SA), "new_sa");
}

static void each_rule_has_a_test(void **state)
{
	every_row_has_been_reached(false);
}

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
		cmocka_unit_test(rows_have_names),
		cmocka_unit_test(each_rule_has_a_test),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
