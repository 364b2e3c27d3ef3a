/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/gateway_impl.h"

void gateway_info(const struct gateway *g, struct gateway_info *out)
{
	*out = (struct gateway_info){
		.clients = g->npeers,
		.half_open = g->halfopen.n,
		.tunnels = g->tunnels_busy,
		.leases = pool_used(g->pool),
		.counters = g->counters,
	};
	for (unsigned k = 0; k < g->peers_end; k++)
		for (unsigned r = 0; g->peers[k].used && r < UPDATE_GATEWAY_RULE_COUNT; r++)
			out->counters.updates[r] += g->peers[k].update.counts[r];
	for (unsigned k = 0; k < g->nikes; k++)
		out->ikes += g->ikes[k].sa != NULL;
}

static void epochs_add(const struct gateway_tunnel *t, struct gateway_peer_info *out)
{
	for (unsigned k = 0; k < EPOCHS_MAX; k++) {
		vtime heard;

		if (!t->epoch[k].out)
			continue;
		heard = atomic_load_explicit(&esp_in_counters(t->epoch[k].in)->heard_at,
					     memory_order_relaxed);
		if (heard > out->heard_at)
			out->heard_at = heard;
		out->bytes_in += atomic_load_explicit(&esp_in_counters(t->epoch[k].in)->bytes,
						      memory_order_relaxed);
		out->bytes_out += atomic_load_explicit(&esp_out_counters(t->epoch[k].out)->bytes,
						       memory_order_relaxed);
	}
}

static void peer_fill(const struct gateway *g, const struct gateway_peer *p,
		      struct gateway_peer_info *out)
{
	*out = (struct gateway_peer_info){
		.place = (unsigned)(p - g->peers),
		.id = p->id,
		.entry = p->entry->name,
		.identity = &p->identity,
		.user = p->user,
		.path = p->path,
		.nat = p->nat,
		.inner = { p->inner[0], p->inner[1] },
		.since = p->since,
		.heard_at = p->heard_at,
		.ikes = peer_ikes(p),
		.tunnels = p->nslots,
		.bytes_in = p->gone_in,
		.bytes_out = p->gone_out,
	};
	for (unsigned n = 0; n < p->nslots; n++)
		epochs_add(g->tunnels[p->slots[n]], out);
}

bool gateway_peer_info(const struct gateway *g, unsigned *place, struct gateway_peer_info *out)
{
	while (*place < g->peers_end && !g->peers[*place].used)
		++*place;
	if (*place >= g->peers_end)
		return false;
	peer_fill(g, &g->peers[(*place)++], out);
	return true;
}

static void tunnel_fill(const struct gateway_tunnel *t, struct gateway_tunnel_info *out)
{
	*out = (struct gateway_tunnel_info){ .ts = &t->ts };
	for (unsigned k = 0; k < EPOCHS_MAX; k++)
		if (t->epoch[k].out)
			out->epochs[out->nepochs++] = (struct gateway_epoch_info){
				.spi_in = t->epoch[k].child.spi_in,
				.spi_out = t->epoch[k].child.spi_out,
				.state = t->epochs.epoch[k].state,
			};
}

bool gateway_tunnel_info(const struct gateway *g, const struct gateway_peer_info *peer, unsigned k,
			 struct gateway_tunnel_info *out)
{
	const struct gateway_peer *p = &g->peers[peer->place];

	if (k >= p->nslots)
		return false;
	tunnel_fill(g->tunnels[p->slots[k]], out);
	return true;
}
