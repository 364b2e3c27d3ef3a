/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/sa.h"

/* What the peer began it repeats by itself. */
static void moved(struct ike_sa *sa, vtime now, struct exchange *x)
{
	if (!exchange_in_air(x) || !x->answered || x->type->passive)
		return;
	sa_push_sent(sa, x, true);
	exchange_sent(x, now);
	sa_arm(sa, x);
}

void v1_move(struct ike_sa *sa, vtime now, const struct path *path)
{
	if (!sa_is_up(sa))
		return;
	sa->path = *path;
	log_ev(sa->log, LOG_DEBUG, "path moved", log_endpoint("from", &path->local),
	       log_endpoint("to", &path->remote));
	for (unsigned i = 0; i < QUICK_SLOTS; i++)
		moved(sa, now, &sa->quick[i].x);
	for (unsigned i = 0; i < TRANSACTION_SLOTS; i++)
		moved(sa, now, &sa->transaction[i].x);
	v1_dpd_moved(sa, now);
}
