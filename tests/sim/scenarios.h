/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GODWIT_SIM_SCENARIOS_H
#define GODWIT_SIM_SCENARIOS_H

#include "tests/sim/world.h"

extern const struct scenario scenarios[];
extern const unsigned nscenarios;
/* Those of packets that wait for their SA. */
extern const struct scenario hold_scenarios[];
extern const unsigned nhold_scenarios;
/* Those that go on for long. */
extern const struct scenario lasting_scenarios[];
extern const unsigned nlasting_scenarios;

/* Those with a user, and with what the gateway gives him. */
extern const struct scenario user_scenarios[];
extern const unsigned nuser_scenarios;

#endif
