/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who has keys and asks for what no session would; who has none and sends old messages again. */
#include "client/session_impl.h"
#include "tests/unit/gateway_roam_parts.h"

/* Through its own tunnel a client may speak to us from there: what we sent would go around for ever. */
static void test_inner_address_is_none_of_a_client(void **state)
{
	struct wire wire;
	struct gworld *w = world(15, &wire);
	struct gworld_client *c;

	gworld_start(w);
	c = client(w, "laptop.example.com", NULL);
	gworld_move(c, "10.9.0.77", NULL);
	gworld_run(w, VTIME_S);
	assert_int_equal(count(w, UPDATE_GATEWAY_POLICY), 1);
	assert_int_equal(count(w, UPDATE_GATEWAY_MOVED), 0);
	assert_peer_at(w, "198.51.100.1");
	/* Nor does it begin anew from there. */
	gworld_run(w, 30 * VTIME_S);
	assert_peer_at(w, "198.51.100.1");
	gworld_free(w);
}

static void test_inner_address_is_not_followed(void **state)
{
	struct wire wire;
	struct gworld *w = world(16, &wire);
	struct gworld_client *c;

	w->config.entries[0].ike.address_update = false;
	gworld_start(w);
	c = client(w, "laptop.example.com", NAT);
	addr_parse("10.9.0.77", &c->seen);
	gworld_ping(c, HOST);
	assert_int_equal(gworld_info(w).counters.followed, 0);
	assert_peer_at(w, NAT);
	gworld_free(w);
}

/* IKE remembers the ids of so many messages: one that is older still is no news, either. */
static void test_copy_that_nobody_remembers_is_not_followed(void **state)
{
	const struct ike_event probe = { .type = IKE_EVENT_PROBE };
	struct gworld_client *c, *other;
	struct wire wire;
	struct gworld *w = world(17, &wire);

	w->config.entries[0].ike.address_update = false;
	gworld_start(w);
	c = client(w, "laptop.example.com", NAT);
	other = gworld_client(w, &w->config.entries[0], "other.example.com", NULL, true);
	wire.record = true;
	for (unsigned i = 0; i < 2100; i++) {
		ike_event(session_ike_main(c->session)->sa, w->now, &probe);
		gworld_tell(c, &(struct session_event){ .type = SESSION_EVENT_TUN_READY });
		gworld_run(w, 2 * GWORLD_DELAY);
	}
	assert_true(wire.n > 0);
	gworld_inject(other, 4500, slice(wire.bytes, wire.n));
	gworld_run(w, VTIME_S);
	assert_int_equal(gworld_info(w).counters.followed, 0);
	assert_peer_at(w, NAT);
	/* ESP has windows that forget nothing. */
	gworld_rebind(c);
	gworld_ping(c, HOST);
	assert_int_equal(gworld_info(w).counters.followed, 1);
	gworld_free(w);
}

/* ---- what a client may ask for ---- */

/* All that it sends seems to come from there. */
static void spoof(struct gworld_client *c, const struct addr *a)
{
	c->outer = c->seen = *a;
}

/* A request that the session would not make, as if from behind a NAT. */
static void request(struct gworld_client *c, uint32_t identifier, const uint32_t *spis, unsigned n)
{
	struct update_body body = { .identifier = identifier, .n = n };
	struct ike_event ev = { .type = IKE_EVENT_NOTIFY };
	uint8_t data[UPDATE_BODY_MAX];

	addr_parse("198.51.100.1", &body.old);
	addr_parse("192.168.1.7", &body.new);
	for (unsigned k = 0; k < n; k++)
		body.spi[k] = spis[k];
	ev.notify.type = UPDATE_REQUEST;
	ev.notify.data = slice(data, update_write(&body, data));
	ev.notify.from = (struct endpoint){ body.new, UPDATE_PORT };
	ev.notify.to = (struct endpoint){ c->world->outer, UPDATE_PORT };
	ev.notify.natd = true;
	ike_event(session_ike_main(c->session)->sa, c->world->now, &ev);
	gworld_tell(c, &(struct session_event){ .type = SESSION_EVENT_TUN_READY });
	gworld_run(c->world, GWORLD_DELAY);
}

static void flood_back(struct gworld_client *c)
{
	for (unsigned i = 0; i < 50; i++)
		gworld_send_back(c);
	gworld_run(c->world, VTIME_S);
}

/* Listed once, and not the second time: it stays neither where the first was asked nor without limit. */
static void test_request_that_leaves_out_what_was_moved(void **state)
{
	struct gworld_client *c, *victim;
	struct addr own, elsewhere;
	struct wire wire;
	struct gworld *w = world(13, &wire);
	struct names n;

	gworld_start(w);
	c = client(w, "laptop.example.com", NULL);
	victim = client(w, "other.example.com", NULL);
	own = c->outer;
	n = names_of(c);
	spoof(c, &victim->outer);
	request(c, 1, &n.spi_out, 1);
	assert_int_equal(count(w, UPDATE_GATEWAY_MOVED_CHECKING), 1);
	addr_parse(ELSEWHERE, &elsewhere);
	spoof(c, &elsewhere);
	wire.watched = victim;
	wire.to_watched = 0;
	request(c, 2, NULL, 0);
	c->gone = true;
	assert_int_equal(count(w, UPDATE_GATEWAY_MOVED_CHECKING), 2);
	flood_back(c);
	gworld_run(w, 4 * VTIME_S);
	assert_int_equal(count(w, UPDATE_GATEWAY_CHECK_FAILED), 1);
	flood_back(c);
	assert_int_equal(wire.to_watched, 0);
	assert_peer_at(w, "198.51.100.1");
	spoof(c, &own);
	c->gone = false;
	assert_true(gworld_ping(c, HOST) && gworld_ping_back(c));
	gworld_free(w);
}

/* Not listed, but heard on from where the client is being asked: limited as all the others. */
static void test_what_catches_up_is_limited(void **state)
{
	struct gworld_client *c, *victim;
	struct addr own, at;
	struct wire wire;
	struct gworld *w = world(14, &wire);

	gworld_start(w);
	c = client(w, "laptop.example.com", NULL);
	victim = client(w, "other.example.com", NULL);
	own = c->outer;
	at = victim->outer;
	spoof(c, &at);
	request(c, 1, NULL, 0);
	gworld_ping(c, HOST);
	spoof(c, &own);
	wire.watched = victim;
	wire.to_watched = 0;
	flood_back(c);
	assert_in_range(wire.to_watched, 1, 2000);
	gworld_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inner_address_is_none_of_a_client),
		cmocka_unit_test(test_inner_address_is_not_followed),
		cmocka_unit_test(test_copy_that_nobody_remembers_is_not_followed),
		cmocka_unit_test(test_request_that_leaves_out_what_was_moved),
		cmocka_unit_test(test_what_catches_up_is_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
