/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whatever has happened to a session: once peer and network behave it carries data again. */
#include "tests/unit/probe_parts.h"

#define SEEDS 300
#define STEPS 60
#define QUIET (420 * VTIME_S) /* what recovery may take, with the longest waits behind it */

static uint64_t state_of_chance;

static unsigned chance(unsigned n)
{
	state_of_chance = state_of_chance * 6364136223846793005U + 1442695040888963407U;
	return (unsigned)(state_of_chance >> 33) % n;
}

/* The newest engine that is still there; 0: none. */
static unsigned newest(void)
{
	unsigned sa = fake_ike.nsas;

	while (sa > 0 && !fake_ike_sa(sa))
		sa--;
	return sa;
}

/* A random epoch that is there; EPOCHS_MAX: none. */
static unsigned any_epoch(const struct bench *b)
{
	unsigned from = chance(EPOCHS_MAX);

	for (unsigned i = 0; i < EPOCHS_MAX; i++)
		if (tunnel(b)->epoch[(from + i) % EPOCHS_MAX].in)
			return (from + i) % EPOCHS_MAX;
	return EPOCHS_MAX;
}

/* The epoch that this ping went out on; EPOCHS_MAX: it is gone. */
static unsigned epoch_of(const struct bench *b, unsigned ping)
{
	unsigned k = 0;

	while (k < EPOCHS_MAX &&
	       (!tunnel(b)->epoch[k].out || tunnel(b)->epoch[k].child.spi_out != b->ping[ping].spi))
		k++;
	return k;
}

static void reply(struct bench *b, unsigned ping, unsigned k)
{
	ping %= PINGS_MAX;
	if (k < EPOCHS_MAX && b->ping[ping].dst.family != FAMILY_NONE)
		answer_on(b, ping, tunnel(b)->epoch[k].child.spi_in);
}

/* Quick modes that wait for an answer will not get one. */
static void time_out_children(struct bench *b)
{
	for (unsigned k = 0; k < SESSION_NEGOTIATIONS_MAX; k++) {
		const struct negotiation n = b->s->negotiations[k];

		for (unsigned sa = 1; n.id && sa <= fake_ike.nsas; sa++)
			if (fake_ike_sa(sa) && n.ike->sa == fake_ike_sa(sa))
				fake_ike_child_failed(sa, n.id, ERR_TIMEOUT, 0);
	}
	bench_pump(b);
}

static void bring_up(struct bench *b)
{
	unsigned sa = newest();

	if (bench_info(b).state != SESSION_RECOVERING || !sa || b->s->step != STEP_PHASE1)
		return;
	bench_authenticated(b, sa);
	if (fake_ike_sa(sa))
		bench_give(b, sa);
}

static void need(struct bench *b)
{
	const struct data_event ev = { .type = DATA_NEED_SA };

	if (!b->out[0])
		event(b, &ev);
}

static void offered(struct bench *b, unsigned sa)
{
	unsigned before = fake_ike_count(0, IKE_EVENT_CHILD_ACCEPT);
	struct ike_effect *fx = fake_ike_push(sa, IKE_EFFECT_CHILD_OFFER);

	fx->offer.id = 0x80000000 + chance(1u << 30);
	fx->offer.ts = b->s->net.tunnels[0];
	bench_pump(b);
	if (fake_ike_count(0, IKE_EVENT_CHILD_ACCEPT) == before)
		return;
	fake_ike_child_up(sa, fake_ike_last(IKE_EVENT_CHILD_ACCEPT)->id, 0x10000 + chance(1u << 30),
			  &tunnel(b)->config);
	bench_pump(b);
}

static void something(struct bench *b)
{
	unsigned k = any_epoch(b), sa = newest();
	struct data_event used = { .type = DATA_EXHAUSTED };

	switch (chance(16)) {
	case 0:
	case 1:
		if (b->pings)
			reply(b, b->pings - 1 - chance(b->pings < 8 ? b->pings : 8), k);
		break;
	case 2:
	case 3:
		if (b->pings)
			reply(b, b->pings - 1, epoch_of(b, (b->pings - 1) % PINGS_MAX));
		break;
	case 4:
		if (k < EPOCHS_MAX)
			heard(b, k);
		break;
	case 5:
		if (k < EPOCHS_MAX && sa)
			fake_ike_push(sa, IKE_EFFECT_CHILD_DELETED)->spi =
				tunnel(b)->epoch[k].child.spi_out;
		break;
	case 6:
		if (sa && b->s->state == SESSION_UP)
			offered(b, sa);
		break;
	case 7:
		used.epoch = k < EPOCHS_MAX ? tunnel(b)->epochs.epoch[k].id : 0;
		event(b, &used);
		break;
	case 8:
		b->now += chance(2) ? VTIME_S * chance(7200) : VTIME_S * chance(60);
		session_timeout(b->s, b->now);
		break;
	case 9:
		fake_ike.children = FAKE_IKE_CHILDREN_WAIT;
		break;
	case 10:
		fake_ike.children = FAKE_IKE_CHILDREN_UP;
		break;
	case 11:
		fake_ike.children = FAKE_IKE_CHILDREN_NO_PROPOSAL;
		break;
	case 12:
		if (chance(4) == 0 && sa)
			fake_ike_push(sa, IKE_EFFECT_SILENT);
		break;
	case 13:
		if (chance(4) == 0 && sa && b->s->state == SESSION_UP) {
			struct ike_effect *fx = fake_ike_push(sa, IKE_EFFECT_DEAD);

			fx->why = (struct ike_failure){ .err = ERR_TIMEOUT, .text = "dead" };
		}
		break;
	case 14:
		bring_up(b);
		break;
	case 15:
		need(b);
		break;
	}
	bench_pump(b);
	later(b, VTIME_MS * (100 + chance(8000)));
	if (chance(3) == 0)
		time_out_children(b);
	fake_ike.nevents = 0;
}

/* Everybody answers everything; until data goes out on an epoch that is proved. */
static bool recovers(struct bench *b)
{
	unsigned seen = b->pings, idle = 0;
	vtime until = b->now + QUIET;

	fake_ike.children = FAKE_IKE_CHILDREN_UP;
	time_out_children(b);
	while (b->now < until) {
		int current = epochs_current(&tunnel(b)->epochs);

		if (b->out[0] && current >= 0 && tunnel(b)->epochs.epoch[current].proved &&
		    bench_info(b).state == SESSION_UP && ++idle > 4)
			return true;
		bring_up(b);
		need(b);
		if (b->pings - seen > PINGS_MAX)
			seen = b->pings - PINGS_MAX;
		for (; seen < b->pings; seen++)
			reply(b, seen, epoch_of(b, seen % PINGS_MAX));
		fake_ike.nevents = 0;
		later(b, VTIME_S / 4);
	}
	return false;
}

static void play(bool strict, bool on_demand)
{
	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		void *state;
		struct bench *b;

		bench_new(&state);
		b = strict ? begin_strict(state) : begin(state);
		b->config.on_demand = on_demand;
		state_of_chance = seed * 2654435761U;
		bench_up(b);
		for (unsigned i = 0; i < STEPS; i++)
			something(b);
		if (!recovers(b))
			fail_msg("seed %u", seed);
		assert_int_equal(bench_free(&state), 0);
	}
}

static void where_nobody_guesses(void **state)
{
	play(false, false);
}

static void behind_a_nat(void **state)
{
	play(true, false);
}

static void on_demand(void **state)
{
	play(false, true);
}

static void on_demand_behind_a_nat(void **state)
{
	play(true, true);
}

static int set_up(void **state)
{
	return crypto_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_nobody_guesses),
		cmocka_unit_test(behind_a_nat),
		cmocka_unit_test(on_demand),
		cmocka_unit_test(on_demand_behind_a_nat),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
