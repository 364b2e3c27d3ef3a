/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Someone beside the wire who can send to both ends under any address and has seen what passed.
 * Altered copies of what is authenticated may overtake the original. Those of the messages of main
 * mode that are not come behind it: whoever overtakes these can always prevent a connection.
 */
#ifndef GODWIT_SIM_ATTACKER_H
#define GODWIT_SIM_ATTACKER_H

#include "tests/sim/world.h"

/* Garbage to both ends from now on, and an altered copy of most datagrams. */
void attacker_begin(struct world *w);

#endif
