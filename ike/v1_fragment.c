/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/sa.h"

struct slice v1_fragment_receive(struct ike_sa *sa, vtime now, const struct ike_msg *m)
{
	vtime since = VTIME_NEVER;
	enum fragment_verdict verdict;

	if (sa->config->no_fragments) {
		sa_drop(sa, DROP_IKE_UNEXPECTED);
		return SLICE_NONE;
	}
	verdict = fragment_take(&sa->fragments, now, m, &since);
	if (since != VTIME_NEVER)
		timers_set(&sa->timers, IKE_T_FRAGMENTS, vtime_add(since, FRAGMENT_LIFE));
	switch (verdict) {
	case FRAGMENT_MALFORMED:
		sa_drop(sa, DROP_IKE_MALFORMED);
		break;
	case FRAGMENT_REPEATED:
		sa_drop(sa, DROP_IKE_DUPLICATE);
		break;
	case FRAGMENT_COMPLETE:
		return fragment_whole(sa->fragments);
	case FRAGMENT_TAKEN:
		break;
	}
	return SLICE_NONE;
}

/* Peers look for fragments in the exchange of phase 1, whatever it is that they carry. */
static uint8_t exchange_of(const struct ike_sa *sa)
{
	return sa->main.x.type ? sa->main.x.type->number : (uint8_t)ISAKMP_MAIN;
}

bool v1_fragment_send(struct ike_sa *sa, struct ike_effect *send)
{
	size_t max = fragment_datagram_max(&send->send.to.addr);
	unsigned n;

	if (!sa->peer_fragmentation || sa->config->no_fragments || send->send.bytes.n <= max)
		return false;
	n = fragment_count(send->send.bytes.n, max);
	if (sa->fragments_out >= n) {
		sa->fragments_out = 0;
		return false;
	}
	send->send.bytes = fragment_write(send->send.bytes, exchange_of(sa), ++sa->fragments_out,
					  max, sa->fragment);
	if (sa->fragments_out < n)
		return true;
	sa->fragments_out = 0;
	return false;
}
