/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/roam.h"

struct session_info *roam_info(const struct roam_client *c)
{
	static struct session_info info;

	session_info(c->shell->session, &info);
	return &info;
}

struct roam_keys roam_keys(const struct roam_client *c)
{
	const struct session_info *info = roam_info(c);
	const struct session_tunnel_info *t = &info->tunnels[0];
	struct roam_keys k = { 0 };

	memcpy(k.cookie_i, info->ike.cookie_i, IKE_COOKIE_SIZE);
	memcpy(k.cookie_r, info->ike.cookie_r, IKE_COOKIE_SIZE);
	for (unsigned i = 0; info->ntunnels && i < t->nepochs; i++) {
		if (t->epochs[i].state != EPOCH_CURRENT)
			continue;
		k.spi_in = t->epochs[i].spi_in;
		k.spi_out = t->epochs[i].spi_out;
	}
	return k;
}

bool roam_keys_eq(const struct roam_keys *a, const struct roam_keys *b)
{
	return memcmp(a->cookie_i, b->cookie_i, IKE_COOKIE_SIZE) == 0 &&
	       memcmp(a->cookie_r, b->cookie_r, IKE_COOKIE_SIZE) == 0 && a->spi_in == b->spi_in &&
	       a->spi_out == b->spi_out;
}

vtime roam_round_trip(const struct roam *r, unsigned site)
{
	return 2 * r->settings.link[site].delay;
}

vtime roam_first_answer(const struct roam *r, vtime since)
{
	vtime first = VTIME_NEVER;

	for (unsigned i = 0; i < r->book->n; i++)
		if (r->book->packets[i].answered && r->book->packets[i].answered_at >= since)
			first = vtime_min(first, r->book->packets[i].answered_at);
	return first;
}

unsigned roam_unanswered(const struct roam *r, vtime from, vtime to)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->book->n; i++)
		n += r->sent[i] >= from && r->sent[i] < to && !r->book->packets[i].answered;
	return n;
}

void roam_expect_at(struct roam *r, const char *what, vtime is, vtime due)
{
	roam_expect(r, is == due, "%s at %.6f s and not at %.6f s", what,
		    is == VTIME_NEVER ? -1.0 : (double)is / (double)VTIME_S,
		    (double)due / (double)VTIME_S);
}

void roam_expect_up(struct roam *r)
{
	for (unsigned i = 0; i < r->nclients; i++) {
		const struct roam_client *c = r->clients[i];

		roam_expect(r, !c->shell->done, "%s ended with exit %d: %s", c->name,
			    (int)c->shell->exit, c->shell->why);
		roam_expect(r, session_is_up(c->shell->session), "%s is %s", c->name,
			    session_state_name(roam_info(c)->state));
	}
}

uint64_t roam_rule(const struct roam *r, enum update_gateway_rule rule)
{
	struct gateway_info info;

	gateway_info(r->gateway.engine, &info);
	return info.counters.updates[rule];
}

uint64_t roam_accepted(const struct roam *r)
{
	struct gateway_info info;

	gateway_info(r->gateway.engine, &info);
	return info.counters.authenticated;
}

struct endpoint roam_peer(const struct roam *r)
{
	struct gateway_peer_info info;
	unsigned place = 0;

	if (!gateway_peer_info(r->gateway.engine, &place, &info))
		return (struct endpoint){ 0 };
	return info.path.remote;
}

vtime roam_up_to(struct roam *r, vtime most)
{
	return rng_below(&r->dice, most + 1);
}
