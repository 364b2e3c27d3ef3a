/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GODWIT_SIM_SCENARIOS_H
#define GODWIT_SIM_SCENARIOS_H

#include "tests/sim/world.h"

extern const struct scenario scenarios[];
extern const unsigned nscenarios;
/* Those that go on for long. */
extern const struct scenario lasting_scenarios[];
extern const unsigned nlasting_scenarios;

#endif
