/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host wakes up, and the session is told before it was told the time: whoever comes first, nothing
 * is done with keys whose time is over, and nothing is waited for.
 */
#include "tests/unit/session_parts.h"

#define RTT (50 * VTIME_MS)

static struct paths_link link_up = { .ifindex = 1, .up = true };
static struct paths_addr address;
static struct paths_route route;

static void facts_come(struct bench *b)
{
	struct paths_facts facts = { &link_up, 1, &address, 1, &route, 1 };
	const struct session_event ev = { .type = SESSION_EVENT_FACTS, .facts = &facts };

	if (!b->looks)
		return;
	b->looks = 0;
	session_event(b->s, b->now, &ev);
	bench_pump(b);
}

static void tell(struct bench *b, enum session_event_type type)
{
	struct session_event ev = { .type = type };

	if (type == SESSION_EVENT_ROAM)
		ev.slept = true;
	session_event(b->s, b->now, &ev);
	bench_pump(b);
}

/* Up for a while: the first epoch is proved, and so is that the gateway answers pings. */
static void up(struct bench *b, bool supported)
{
	address = (struct paths_addr){ 1, parts_addr("198.51.100.2"), false };
	route = (struct paths_route){ parts_addr("192.0.2.1"), 1, address.addr, true };
	fake_ike.address_update = supported;
	b->config.dpd = 30 * VTIME_S;
	b->nat = NAT_LOCAL;
	bench_include(&b->assigned, "10.0.0.0/8");
	bench_up(b);
	facts_come(b);
	bench_run(b, b->now + VTIME_S);
}

static void sleep_for(struct bench *b, vtime time)
{
	b->now += time;
	b->pings = 0;
	fake_ike.nevents = 0;
}

/* Everybody has told what there is to tell, and no time has passed. */
static void wake(struct bench *b, enum session_event_type first)
{
	tell(b, first);
	tell(b, SESSION_EVENT_ROAM);
	facts_come(b);
	bench_run(b, b->now);
	facts_come(b);
	bench_run(b, b->now);
}

static void expect_nothing_old(const struct bench *b, uint32_t spi)
{
	for (unsigned i = 0; i < b->pings; i++)
		assert_int_not_equal(b->ping[i].spi, spi);
	if (b->out[0])
		assert_int_not_equal(esp_out_config(b->out[0])->spi, spi);
}

/* What an ISAKMP SA was asked to say. */
static unsigned said(unsigned sa)
{
	return fake_ike_count(sa, IKE_EVENT_NOTIFY) + fake_ike_count(sa, IKE_EVENT_PROBE) +
	       fake_ike_count(sa, IKE_EVENT_CHILD) + fake_ike_count(sa, IKE_EVENT_CHILD_DELETE);
}

static void all_keys_expired(struct bench *b, bool supported, enum session_event_type first)
{
	uint32_t spi;

	up(b, supported);
	spi = esp_out_config(b->out[0])->spi;
	sleep_for(b, 9 * HOUR);
	wake(b, first);
	expect_nothing_old(b, spi);
	assert_int_equal(said(1), 0);
	assert_null(b->out[0]);
	assert_int_equal(bench_info(b).state, SESSION_RECOVERING);
	/* One attempt, and at once. */
	assert_int_equal(fake_ike_count(0, IKE_EVENT_START), 1);
	assert_true(fake_ike_last(IKE_EVENT_START)->at == b->now);
	b->now += RTT;
	bench_authenticated(b, 2);
	bench_give(b, 2);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_non_null(b->out[0]);
	expect_nothing_old(b, spi);
}

static void after_nine_hours(void **state)
{
	all_keys_expired(*state, false, SESSION_EVENT_ROAM);
}

static void after_nine_hours_a_gateway_that_knows_the_update(void **state)
{
	all_keys_expired(*state, true, SESSION_EVENT_ROAM);
}

static void after_nine_hours_the_network_tells_first(void **state)
{
	all_keys_expired(*state, true, SESSION_EVENT_NETWORK);
}

/* A gateway that was awake has something to say. */
static void after_nine_hours_a_datagram_comes_first(void **state)
{
	struct bench *b = *state;
	uint32_t spi;

	up(b, false);
	spi = esp_out_config(b->out[0])->spi;
	sleep_for(b, 9 * HOUR);
	bench_datagram(b, 1);
	assert_int_equal(fake_ike_count(1, IKE_EVENT_DATAGRAM), 0);
	assert_null(b->out[0]);
	expect_nothing_old(b, spi);
}

static void only_the_tunnels_keys_expired(void **state)
{
	struct bench *b = *state;
	uint32_t spi;

	up(b, false);
	spi = esp_out_config(b->out[0])->spi;
	sleep_for(b, 2 * HOUR);
	wake(b, SESSION_EVENT_ROAM);
	expect_nothing_old(b, spi);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_START), 0);
	assert_int_equal(fake_ike_count(1, IKE_EVENT_CHILD), 1);
	assert_true(fake_ike_last(IKE_EVENT_CHILD)->at == b->now);
	assert_int_equal(fake_ike_count(1, IKE_EVENT_PROBE), 1);
}

static void keys_alive(void **state)
{
	struct bench *b = *state;
	uint32_t spi;

	up(b, false);
	spi = esp_out_config(b->out[0])->spi;
	sleep_for(b, 600 * VTIME_S);
	wake(b, SESSION_EVENT_ROAM);
	/* Asked at once, through both. */
	assert_int_equal(fake_ike_count(1, IKE_EVENT_PROBE), 1);
	assert_true(fake_ike_last(IKE_EVENT_PROBE)->at == b->now);
	assert_true(b->pings >= 1);
	assert_true(b->ping[0].at == b->now);
	assert_int_equal(b->ping[0].spi, spi);
	assert_int_equal(esp_out_config(b->out[0])->spi, spi);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_CHILD), 0);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_START), 0);
}

/* The link comes some time after the host has woken: nothing is tried in vain, nothing waited for. */
static void the_link_comes_later(void **state)
{
	struct bench *b = *state;

	up(b, false);
	sleep_for(b, 9 * HOUR);
	link_up.up = false;
	b->no_path = true;
	tell(b, SESSION_EVENT_ROAM);
	facts_come(b);
	bench_run(b, b->now + 11 * VTIME_S);
	facts_come(b);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_START), 0);
	link_up.up = true;
	b->no_path = false;
	tell(b, SESSION_EVENT_NETWORK);
	facts_come(b);
	bench_run(b, b->now);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_START), 1);
	assert_true(fake_ike_last(IKE_EVENT_START)->at == b->now);
	assert_int_equal(said(1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(after_nine_hours),
		BENCH_TEST(after_nine_hours_a_gateway_that_knows_the_update),
		BENCH_TEST(after_nine_hours_the_network_tells_first),
		BENCH_TEST(after_nine_hours_a_datagram_comes_first),
		BENCH_TEST(only_the_tunnels_keys_expired),
		BENCH_TEST(keys_alive),
		BENCH_TEST(the_link_comes_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
