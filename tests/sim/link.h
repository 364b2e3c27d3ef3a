/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One direction of a wire: what becomes of a datagram that is put on it. */
#ifndef GODWIT_SIM_LINK_H
#define GODWIT_SIM_LINK_H

#include <stdbool.h>
#include <stddef.h>

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
	uint64_t rate; /* bytes in a second, one after the other; 0: no limit */
	vtime queue; /* with a rate: what would wait longer is lost */
	unsigned mtu; /* a longer one is lost; 0: no limit */
};

struct link {
	struct link_config config;
	struct rng *rng; /* borrowed */
	vtime last; /* arrival of the last copy that kept its turn */
	vtime busy; /* until then, with what was sent before */
	unsigned sent, lost, duplicated, reordered, congested, oversized;
};

struct link_fate {
	unsigned n; /* copies that arrive; 0: lost */
	bool duplicated; /* there were two copies, whatever became of them */
	vtime at[LINK_COPIES_MAX];
};

void link_init(struct link *l, const struct link_config *config, struct rng *rng);
/* Decides what becomes of the datagram that is sent now. Each copy is lost on its own. */
struct link_fate link_send(struct link *l, vtime now);
/* The same for one of so many bytes: rate and MTU count. */
struct link_fate link_send_sized(struct link *l, vtime now, size_t bytes);

#endif
