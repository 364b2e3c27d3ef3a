/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What outbound remembers and holds, for control to show. The data thread owns both, so it is the one
 * that looks; the memory is the asker's, taken before, and a look is no more than some thousand places.
 */
#ifndef GODWIT_ESP_LOOK_H
#define GODWIT_ESP_LOOK_H

#include "esp/esp.h"
#include "esp/flow.h"

#define OUTBOUND_LOOK_PLACES 4096 /* of the flow cache, in one look */
#define OUTBOUND_HELD_MAX 256 /* slots */
#define OUTBOUND_HELD_FLOWS 5 /* of each: those of the packets that came first */

/* What is held for a slot; how much, its counters tell. */
struct outbound_held {
	unsigned slot;
	unsigned n;
	struct tuple flows[OUTBOUND_HELD_FLOWS];
};

struct outbound_look {
	struct outbound_held *held; /* room for OUTBOUND_HELD_MAX; NULL: flows are looked at */
	struct flow_entry *flows; /* room for FLOW_CACHE_SIZE */
	unsigned n; /* entries written so far */
	unsigned place; /* where the next look at the flow cache begins */
};

/* Data thread. True: there is more, and the next look goes on from there. */
bool outbound_look_at(const struct outbound *o, struct outbound_look *l);

#endif
