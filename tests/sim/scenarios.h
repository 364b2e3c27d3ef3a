/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GODWIT_SIM_SCENARIOS_H
#define GODWIT_SIM_SCENARIOS_H

#include "tests/sim/world.h"

extern const struct scenario scenarios[];
extern const unsigned nscenarios;

#endif
