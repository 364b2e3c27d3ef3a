/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/net.h"

/* Where nothing has come for so long, a row has ended. */
#define PAUSE (50 * VTIME_US)
/* So many in a row, and more are likely to follow. */
#define ROW 16
/* Fewer than these were not worth the wait. */
#define WORTH 2

vtime net_gather(struct net_gather *g, vtime woken, unsigned n, vtime now)
{
	bool ended = g->waits ? n < WORTH : vtime_until(g->dry, woken) > PAUSE;
	unsigned row = ended ? n : g->row + n;

	g->row = row < ROW ? row : ROW;
	g->waits = g->row == ROW;
	g->dry = now;
	return g->waits ? NET_GATHER_WAIT : 0;
}
