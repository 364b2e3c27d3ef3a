/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/field.h"

/*
 * What goes wrong at a NAT that guesses, each forced. Clients 1 and 2 are the ones that collide;
 * there may be more, who are up before and stay up.
 *
 * The server of most of these changes over to a new epoch without waiting for anything.
 */

#define PINGS (500 * VTIME_MS)
#define PACE (10 * VTIME_MS)
#define QUIET_AT (20 * VTIME_S)

static vtime dice_below(struct field *f, vtime n)
{
	return rng_below(&f->dice, n);
}

static void others_begin(struct field *f)
{
	for (unsigned i = 2; i < f->nclients; i++)
		field_at(f, dice_below(f, 2 * VTIME_S), field_connect, i);
}

static void pings_begin(struct field *f, unsigned client)
{
	field_pings(f, client, PINGS);
}

static void all_ping(struct field *f, unsigned unused)
{
	(void)unused;
	for (unsigned i = 0; i < f->nclients; i++)
		field_at(f, f->now + dice_below(f, PINGS), pings_begin, i);
}

static void settings_some(struct field *f)
{
	f->settings.nclients = 2 + (unsigned)dice_below(f, 3);
	f->settings.wan.delay = (10 + dice_below(f, 40)) * VTIME_MS;
	f->settings.masq.tout = (500 + dice_below(f, 1500)) * VTIME_MS;
	f->settings.prober.pingtries = 1 + (unsigned)(f->settings.nclients * f->settings.masq.tout /
						      f->settings.prober.pingtime);
	if (f->settings.prober.pingtries < 3)
		f->settings.prober.pingtries = 3;
}

/* ---- race 2: the server sends to 2 before it answers 1 ---- */

#define RACE_AT (10 * VTIME_S)

static void slow_1(struct field *f, unsigned ms)
{
	server_delay_answers(f->server, 0, ms * VTIME_MS);
}

static void download_2(struct field *f, unsigned unused)
{
	(void)unused;
	field_stream_down(f, 1, PACE);
}

static void race2_begin(struct field *f)
{
	others_begin(f);
	slow_1(f, 300);
	field_at(f, RACE_AT, field_connect, 0);
	field_at(f, RACE_AT + VTIME_MS * (1 + dice_below(f, 20)), field_connect, 1);
	field_at(f, RACE_AT, download_2, 0);
	field_at(f, RACE_AT, pings_begin, 0);
	field_at(f, QUIET_AT - 5 * VTIME_S, all_ping, 0);
	field_at(f, QUIET_AT, field_quiet, 0);
}

const struct field_scenario field_races[] = {
	{ "race2", settings_some, race2_begin, NULL, 3600 * VTIME_S, FIELD_TWIN_FAILS },
};

const unsigned nfield_races = sizeof(field_races) / sizeof(field_races[0]);
