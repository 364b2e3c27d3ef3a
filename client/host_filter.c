/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/runtime.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* What a crash leaves, where the table is not the process's own. */
static int note(struct host *h)
{
	const struct tun_state s = tun_filter_state(h->tun.name);
	char line[TUN_STATE_TEXT_MAX];
	int rc = 0;

	if (!h->filter_noted)
		rc = journal_add(&h->journal, tun_state_text(&s, line));
	h->filter_noted = rc == 0;
	return rc;
}

int host_filter_open(struct host *h, FILE *err)
{
	int rc = note(h);

	if (rc) {
		fprintf(err, "godwit: cannot write the journal: %s\n", strerror(errno));
		return SESSION_EXIT_SYSTEM;
	}
	/* Without it another connection may take what comes out of our tunnel for clear packets. */
	if (tun_link_join(&h->netlink, h->tun.name) == 0 &&
	    tun_filter_open(&h->filter, h->tun.name, h->tun.ifindex, true) == 0)
		host_watch_filter(&h->watch, &h->filter);
	else
		fprintf(err,
			"godwit: packets that come in the clear for the tunnel's addresses are not "
			"refused: the kernel's nf_tables: %s\n",
			strerror(errno));
	return 0;
}

int host_filter_apply(struct host *h, struct tun_filter_setup *setup, char why[200])
{
	const struct net_socket *const sockets[] = { &h->ike, &h->natt, &h->cisco };

	if (!h->filter.nl)
		return 0;
	static_assert(ARRAY_SIZE(sockets) == TUN_FILTER_PORTS_MAX, "a port for each socket");
	for (unsigned i = 0; i < ARRAY_SIZE(sockets); i++)
		setup->ports[i] = sockets[i]->port;
	if (note(h) == 0 && tun_filter_set(&h->filter, setup) == 0)
		return 0;
	snprintf(why, 200, "the kernel does not refuse packets in the clear: %s", strerror(errno));
	return ERR_SYSTEM;
}

void host_filter_clear(struct host *h)
{
	tun_filter_clear(&h->filter);
	h->filter_noted = false;
}

uint64_t host_filter_refused(struct host *h)
{
	return tun_filter_refused(&h->filter);
}
