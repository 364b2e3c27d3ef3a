/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Someone beside the wire who can send to both ends under any address and has seen what passed.
 * His copies come after the original, since he is not on the path: whoever can hold back or
 * overtake the real messages of main mode can always prevent it.
 */
#ifndef GODWIT_SIM_ATTACKER_H
#define GODWIT_SIM_ATTACKER_H

#include "tests/sim/world.h"

/* Garbage to both ends from now on, and an altered copy of most datagrams. */
void attacker_begin(struct world *w);

#endif
