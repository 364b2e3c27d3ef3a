/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One direction of a wire: what becomes of a datagram that is put on it. */
#ifndef GODWIT_SIM_LINK_H
#define GODWIT_SIM_LINK_H

#include <stdbool.h>

#include "base/rng.h"
#include "base/vtime.h"

#define LINK_COPIES_MAX 2

struct link_config {
	vtime delay;
	vtime jitter; /* added to the delay, evenly spread; keeps the order by itself */
	vtime held; /* a reordered copy comes up to this much later than its turn */
	unsigned loss; /* of 1,000 copies */
	unsigned duplication; /* of 1,000 datagrams */
	unsigned reordering; /* of 1,000 copies */
};

struct link {
	struct link_config config;
	struct rng *rng; /* borrowed */
	vtime last; /* arrival of the last copy that kept its turn */
	unsigned sent, lost, duplicated, reordered;
};

struct link_fate {
	unsigned n; /* copies that arrive; 0: lost */
	bool duplicated; /* there were two copies, whatever became of them */
	vtime at[LINK_COPIES_MAX];
};

void link_init(struct link *l, const struct link_config *config, struct rng *rng);
/* Decides what becomes of the datagram that is sent now. Each copy is lost on its own. */
struct link_fate link_send(struct link *l, vtime now);

#endif
