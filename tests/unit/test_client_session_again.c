/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses that are given again, gateways that are gone to again, and others. */
#include "tests/unit/session_parts.h"

/* ---- later on ---- */

static void the_same_address_again(void **state)
{
	struct bench *b = *state;

	bench_up(b);
	bench_include(&b->assigned, "10.50.0.0/16");
	bench_config(b, 1);
	assert_int_equal(b->tuns, 1);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_CHILD), 1);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	/* Something else, without an address. */
	memset(&b->assigned, 0, sizeof(b->assigned));
	bench_config(b, 1);
	assert_int_equal(bench_info(b).ninner, 1);
	assert_int_equal(b->tuns, 1);
}

static void another_address_in_mid_session(void **state)
{
	struct bench *b = *state;

	bench_up(b);
	b->assigned.ip4 = parts_addr("10.98.0.8");
	bench_config(b, 1);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_int_equal(b->tuns, 2);
	assert_true(addr_eq(&b->tun.inner[0], &b->assigned.ip4));
	assert_string_equal(bench_tunnel(b, 0), "10.98.0.8/32 - 0.0.0.0/0");
	assert_int_equal(fake_ike_count(1, IKE_EVENT_CHILD), 2);
	assert_int_equal(fake_ike_count(1, IKE_EVENT_CHILD_DELETE), 1);
	assert_int_equal(bench_info(b).tunnels[0].nepochs, 1);
	assert_int_equal(fake_ike.nsas, 1);
}

static void what_is_being_negotiated_goes_too(void **state)
{
	struct bench *b = *state;

	bench_up(b);
	fake_ike.children = FAKE_IKE_CHILDREN_WAIT;
	session_negotiate(b->s, b->now, 0);
	fake_ike.children = FAKE_IKE_CHILDREN_UP;
	b->assigned.ip4 = parts_addr("10.98.0.8");
	bench_config(b, 1);
	assert_int_equal(fake_ike_count(1, IKE_EVENT_CHILD), 3);
	assert_int_equal(fake_ike_count(1, IKE_EVENT_CHILD_DELETE), 2);
	assert_int_equal(bench_info(b).tunnels[0].nepochs, 1);
}

static void another_address_at_renewal(void **state)
{
	struct bench *b = *state;

	fake_ike.keylife_s = LIFE + 3600;
	bench_up(b);
	bench_run(b, bench_info(b).ike_rekey_at);
	assert_true(addr_eq(&fake_ike_last(IKE_EVENT_REKEY)->held[0], &b->assigned.ip4));
	bench_authenticated(b, 2);
	b->assigned.ip4 = parts_addr("10.98.0.9");
	bench_config(b, 2);
	/* Not before it is established. */
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_int_equal(b->tuns, 1);
	bench_established(b, 2);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_int_equal(b->tuns, 2);
	assert_int_equal(fake_ike_count(2, IKE_EVENT_CHILD), 1);
}

static void the_same_address_at_renewal(void **state)
{
	struct bench *b = *state;

	fake_ike.keylife_s = LIFE + 3600;
	bench_up(b);
	bench_run(b, bench_info(b).ike_rekey_at);
	bench_authenticated(b, 2);
	bench_give(b, 2);
	assert_int_equal(b->tuns, 1);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_CHILD), 1);
}

/* ---- recovery ---- */

/* Which of two events was told first. */
static bool was_before(enum ike_event_type a, enum ike_event_type b)
{
	return fake_ike_last(a) && fake_ike_last(b) && fake_ike_last(a) < fake_ike_last(b);
}

static void the_old_lease_is_given_back_first(void **state)
{
	struct bench *b = *state;

	bench_up(b);
	bench_recover(b);
	assert_int_equal(fake_ike_count(1, IKE_EVENT_CLOSE), 1);
	assert_int_equal(fake_ike_count(2, IKE_EVENT_START), 1);
	assert_true(was_before(IKE_EVENT_CLOSE, IKE_EVENT_START));
	assert_true(addr_eq(&fake_ike_last(IKE_EVENT_START)->held[0], &b->assigned.ip4));
	assert_null(fake_ike_sa(1));
}

/* Said into a dead network it would be lost. */
static void and_not_before_there_is_a_path(void **state)
{
	struct bench *b = *state;

	bench_up(b);
	b->no_path = true;
	bench_recover(b);
	bench_run(b, b->now + 30 * VTIME_S);
	assert_int_equal(bench_info(b).state, SESSION_RECOVERING);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_CLOSE), 0);
	b->no_path = false;
	bench_run(b, b->now + 60 * VTIME_S);
	assert_int_equal(fake_ike_count(1, IKE_EVENT_CLOSE), 1);
	assert_int_equal(fake_ike_count(2, IKE_EVENT_START), 1);
}

/* Nor into a path on which nothing comes back: it is said when the gateway is heard. */
static void nor_to_a_gateway_that_is_silent(void **state)
{
	struct bench *b = *state;

	bench_up(b);
	session_silent(b->s, b->now);
	bench_pump(b);
	bench_run(b, b->now + 2 * VTIME_S);
	assert_int_equal(fake_ike_count(2, IKE_EVENT_START), 1);
	bench_dead(b, 2, ERR_TIMEOUT, "");
	bench_run(b, b->now + 5 * VTIME_S);
	assert_int_equal(fake_ike_count(3, IKE_EVENT_START), 1);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_CLOSE), 0);
	bench_datagram(b, 3);
	assert_int_equal(fake_ike_count(1, IKE_EVENT_CLOSE), 1);
	assert_null(fake_ike_sa(1));
	bench_authenticated(b, 3);
	bench_give(b, 3);
	assert_int_equal(bench_info(b).state, SESSION_UP);
}

static void nothing_is_said_for_what_the_gateway_has_ended(void **state)
{
	struct bench *b = *state;

	bench_up(b);
	bench_dead(b, 1, ERR_PEER_REFUSED, "");
	bench_run(b, b->now + 2 * VTIME_S);
	assert_int_equal(fake_ike_count(2, IKE_EVENT_START), 1);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_CLOSE), 0);
}

static void back_with_the_same_address(void **state)
{
	struct bench *b = *state;

	bench_up(b);
	bench_recover(b);
	bench_authenticated(b, 2);
	bench_give(b, 2);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_int_equal(b->tuns, 1);
	assert_int_equal(fake_ike_count(2, IKE_EVENT_CHILD), 1);
}

static void back_without_mode_config(void **state)
{
	struct bench *b = *state;

	bench_up(b);
	bench_recover(b);
	bench_authenticated(b, 2);
	bench_established(b, 2);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_int_equal(b->tuns, 1);
}

static void back_with_another_address(void **state)
{
	struct bench *b = *state;

	bench_up(b);
	bench_recover(b);
	bench_authenticated(b, 2);
	b->assigned.ip4 = parts_addr("10.98.0.8");
	bench_give(b, 2);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_int_equal(b->tuns, 2);
	assert_string_equal(bench_tunnel(b, 0), "10.98.0.8/32 - 0.0.0.0/0");
	assert_int_equal(bench_info(b).tunnels[0].nepochs, 1);
}

static void back_with_other_networks(void **state)
{
	struct bench *b = *state;

	bench_up(b);
	bench_recover(b);
	bench_authenticated(b, 2);
	b->assigned.unity = true;
	bench_include(&b->assigned, "10.50.0.0/16");
	bench_give(b, 2);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_int_equal(b->tuns, 2);
	assert_int_equal(b->tun.nroutes, 1);
}

/* The tunnels are the same, but the host is told. */
static void back_with_other_name_servers(void **state)
{
	struct bench *b = *state;

	bench_up(b);
	bench_recover(b);
	bench_authenticated(b, 2);
	b->assigned.ndns = 1;
	b->assigned.dns[0] = parts_addr("10.99.0.53");
	bench_give(b, 2);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_int_equal(b->tuns, 2);
	assert_int_equal(fake_ike_count(2, IKE_EVENT_CHILD), 1);
}

/* ---- other gateways ---- */

static void redirect(struct bench *b, unsigned sa, const char *to)
{
	struct ike_effect *fx = fake_ike_push(sa, IKE_EFFECT_DEAD);

	fx->why = (struct ike_failure){ .err = ERR_REDIRECTED, .text = "sent elsewhere" };
	fx->why.redirect = parts_addr(to);
	bench_pump(b);
}

static void the_gateway_sends_us_elsewhere(void **state)
{
	struct bench *b = *state;
	const struct fake_ike_event *start;

	bench_begin(b);
	redirect(b, 1, "192.0.2.9");
	start = fake_ike_last(IKE_EVENT_START);
	assert_int_equal(start->sa, 2);
	assert_true(addr_eq(&start->path.remote.addr, &b->looked_for));
	assert_int_equal(start->path.remote.port, IKE_PORT);
	assert_int_equal(start->path.local.port, IKE_PORT);
	bench_authenticated(b, 2);
	bench_give(b, 2);
	assert_int_equal(bench_info(b).state, SESSION_UP);
}

static void five_times_at_most(void **state)
{
	struct bench *b = *state;

	bench_begin(b);
	for (unsigned i = 1; i <= 5; i++) {
		redirect(b, i, "192.0.2.9");
		assert_int_equal(b->done.type, 0);
	}
	redirect(b, 6, "192.0.2.9");
	assert_int_equal(b->done.type, SESSION_EFFECT_DONE);
	assert_int_equal(fake_ike.nsas, 6);
}

static void not_when_it_may_not(void **state)
{
	struct bench *b = *state;

	b->config.redirects = false;
	bench_begin(b);
	redirect(b, 1, "192.0.2.9");
	assert_int_equal(b->done.type, SESSION_EFFECT_DONE);
}

/* Somebody else under the same authority is not the gateway. */
static void a_certificate_must_be_the_gateways(void **state)
{
	struct bench *b = *state;
	struct identity name;

	b->config.ike.auth = IKE_AUTH_RSA;
	bench_begin(b);
	identity_parse("vpn.example.com", &name);
	assert_true(identity_eq(&fake_ike_last(IKE_EVENT_START)->remote, &name));
}

static void or_that_of_its_address(void **state)
{
	struct bench *b = *state;
	struct identity name;

	b->config.ike.auth = IKE_AUTH_HYBRID;
	b->config.gateways[0] = "192.0.2.1";
	bench_begin(b);
	identity_parse("192.0.2.1", &name);
	assert_int_equal(name.type, ID_IPV4_ADDR);
	assert_true(identity_eq(&fake_ike_last(IKE_EVENT_START)->remote, &name));
}

static void or_what_is_configured(void **state)
{
	struct bench *b = *state;

	b->config.ike.auth = IKE_AUTH_RSA;
	identity_parse("other.example.com", &b->config.ike.remote);
	bench_begin(b);
	assert_true(identity_eq(&fake_ike_last(IKE_EVENT_START)->remote, &b->config.ike.remote));
}

static void with_a_key_it_is_left_to_the_engine(void **state)
{
	struct bench *b = *state;

	bench_begin(b);
	assert_int_equal(fake_ike_last(IKE_EVENT_START)->remote.type, ID_NONE);
}

/* ---- gateways that end children with their ISAKMP SA ---- */

static unsigned renewed_and_expired(struct bench *b, bool cisco)
{
	vtime end = b->now + LIFE * VTIME_S;

	fake_ike.keylife_s = 3 * LIFE;
	bench_begin(b);
	bench_config(b, 1);
	bench_established_as(b, 1, cisco);
	bench_run(b, bench_info(b).ike_rekey_at);
	bench_authenticated(b, 2);
	bench_established_as(b, 2, cisco);
	bench_run(b, end - 1);
	assert_non_null(fake_ike_sa(1));
	bench_run(b, end);
	assert_null(fake_ike_sa(1));
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_int_equal(fake_ike_count(1, IKE_EVENT_CLOSE), 0);
	return fake_ike.expired;
}

static void an_old_sa_expires_without_a_word(void **state)
{
	assert_int_equal(renewed_and_expired(*state, true), 0);
}

static void elsewhere_the_engine_says_so(void **state)
{
	assert_int_equal(renewed_and_expired(*state, false), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(the_same_address_again),
		BENCH_TEST(another_address_in_mid_session),
		BENCH_TEST(what_is_being_negotiated_goes_too),
		BENCH_TEST(another_address_at_renewal),
		BENCH_TEST(the_same_address_at_renewal),
		BENCH_TEST(the_old_lease_is_given_back_first),
		BENCH_TEST(and_not_before_there_is_a_path),
		BENCH_TEST(nor_to_a_gateway_that_is_silent),
		BENCH_TEST(nothing_is_said_for_what_the_gateway_has_ended),
		BENCH_TEST(back_with_the_same_address),
		BENCH_TEST(back_without_mode_config),
		BENCH_TEST(back_with_another_address),
		BENCH_TEST(back_with_other_networks),
		BENCH_TEST(back_with_other_name_servers),
		BENCH_TEST(the_gateway_sends_us_elsewhere),
		BENCH_TEST(five_times_at_most),
		BENCH_TEST(not_when_it_may_not),
		BENCH_TEST(a_certificate_must_be_the_gateways),
		BENCH_TEST(or_that_of_its_address),
		BENCH_TEST(or_what_is_configured),
		BENCH_TEST(with_a_key_it_is_left_to_the_engine),
		BENCH_TEST(an_old_sa_expires_without_a_word),
		BENCH_TEST(elsewhere_the_engine_says_so),
	};

	if (crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
