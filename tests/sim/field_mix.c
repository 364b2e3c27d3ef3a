/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/field.h"

static void plain_begin(struct field *f)
{
	for (unsigned i = 0; i < f->nclients; i++) {
		field_at(f, i * 100 * VTIME_MS, field_connect, i);
		field_pings(f, i, VTIME_S);
	}
	field_at(f, 10 * VTIME_S, field_quiet, 0);
}

static void plain_settings(struct field *f)
{
	f->settings.nclients = 2 + (unsigned)rng_below(&f->dice, FIELD_CLIENTS_MAX - 1);
}

const struct field_scenario field_mixes[] = {
	{ "plain", plain_settings, plain_begin, NULL, 3600 * VTIME_S, FIELD_TWIN_SHOWN },
};

const unsigned nfield_mixes = sizeof(field_mixes) / sizeof(field_mixes[0]);
