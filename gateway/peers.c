/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "gateway/gateway_impl.h"

/* Without an ISAKMP SA nobody can be asked: silent for so long he is taken to be gone. */
#define ORPHAN_SILENCE (180 * VTIME_S)

/* ---- who is who ---- */

bool peer_same_name(const struct gateway_peer *p, const struct gateway_ike *i)
{
	return p->entry == i->entry && identity_eq(&p->identity, &i->id) &&
	       strcmp(p->user, i->user) == 0;
}

struct gateway_peer *peer_with(struct gateway *g, const struct addr *inner)
{
	for (unsigned k = 0; k < g->peers_end; k++)
		if (g->peers[k].used && (addr_eq(&g->peers[k].inner[0], inner) ||
					 addr_eq(&g->peers[k].inner[1], inner)))
			return &g->peers[k];
	return NULL;
}

static struct gateway_peer *peer_find(struct gateway *g, const struct gateway_ike *i)
{
	for (unsigned k = 0; k < g->peers_end; k++) {
		struct gateway_peer *p = &g->peers[k];

		if (p->used && peer_same_name(p, i) &&
		    (!i->entry->several || endpoint_eq(&p->path.remote, &i->path.remote)))
			return p;
	}
	return NULL;
}

bool peer_evict(struct gateway *g, vtime now)
{
	struct gateway_peer *longest = NULL;

	for (unsigned k = 0; k < g->config->clients_max; k++) {
		struct gateway_peer *p = &g->peers[k];

		if (p->used && p->asleep && (!longest || p->heard_at < longest->heard_at))
			longest = p;
	}
	if (longest)
		peer_drop(g, now, longest, false, "silent, and there is no room for others");
	return longest != NULL;
}

static struct gateway_peer *peer_new(struct gateway *g, vtime now, const struct gateway_ike *i)
{
	for (unsigned k = 0; k < g->config->clients_max; k++) {
		struct gateway_peer *p = &g->peers[k];

		if (p->used)
			continue;
		if (k >= g->peers_end)
			g->peers_end = k + 1;
		*p = (struct gateway_peer){
			.used = true,
			.id = ++g->peer_ids,
			.entry = i->entry,
			.identity = i->id,
			.path = i->path,
			.nat = i->nat,
			.since = now,
			.heard_at = now,
		};
		snprintf(p->user, sizeof(p->user), "%s", i->user);
		roam_begin(g, p);
		g->npeers++;
		return p;
	}
	return NULL;
}

struct log_field peer_field(const struct gateway_peer *p)
{
	char id[IDENTITY_TEXT_MAX], both[IDENTITY_TEXT_MAX + sizeof(p->user) + 4];

	identity_text(&p->identity, id);
	if (!p->user[0])
		return log_str("identity", id);
	snprintf(both, sizeof(both), "%s (%s)", id, p->user);
	return log_str("identity", both);
}

/* ---- its ISAKMP SAs ---- */

static void ike_link(struct gateway_peer *p, struct gateway_ike *i)
{
	i->peer = p;
	i->peer_next = p->ikes;
	p->ikes = i;
}

void peer_unlink(struct gateway_ike *i)
{
	struct gateway_ike **at = i->peer ? &i->peer->ikes : NULL;

	if (!at)
		return;
	while (*at != i)
		at = &(*at)->peer_next;
	*at = i->peer_next;
	i->peer = NULL;
}

struct gateway_ike *peer_main(const struct gateway_peer *p)
{
	struct gateway_ike *best = NULL;

	for (struct gateway_ike *i = p->ikes; i; i = i->peer_next)
		if (!i->closing && (!best || i->order > best->order))
			best = i;
	return best;
}

unsigned peer_ikes(const struct gateway_peer *p)
{
	unsigned n = 0;

	for (const struct gateway_ike *i = p->ikes; i; i = i->peer_next)
		n++;
	return n;
}

/* Of those that are replaced a few are kept: the client may have something to say over them. */
static void peer_trim(struct gateway *g, vtime now, const struct gateway_peer *p)
{
	struct gateway_ike *oldest = NULL;
	unsigned n = 0;

	for (struct gateway_ike *i = p->ikes; i; i = i->peer_next) {
		if (i->closing)
			continue;
		n++;
		if (!oldest || i->order < oldest->order)
			oldest = i;
	}
	if (n > PEER_IKES_MAX)
		ike_close(g, now, oldest);
}

/*
 * A client that begins another one has given up what it began before, although that may come to its
 * end later: of those that it has begun the one that it began last is the newest.
 */
static void order_as_begun(const struct gateway_peer *p, struct gateway_ike *i)
{
	for (struct gateway_ike *k = p->ikes; k; k = k->peer_next) {
		uint64_t order = k->order;

		if (k->ours || i->ours || k->closing || k->begun < i->begun || order > i->order)
			continue;
		k->order = i->order;
		i->order = order;
	}
}

/* We began it where the client was before: it has told us since. */
static void ike_stays(struct gateway *g, vtime now, const struct gateway_peer *p,
		      struct gateway_ike *i)
{
	const struct ike_event ev = { .type = IKE_EVENT_MOVE, .path = p->path };

	i->path = p->path;
	i->nat = p->nat;
	ike_give(g, now, i, &ev);
}

static void peer_take(struct gateway *g, vtime now, struct gateway_peer *p, struct gateway_ike *i)
{
	bool moved = !endpoint_eq(&p->path.remote, &i->path.remote);

	peer_unlink(i);
	order_as_begun(p, i);
	ike_link(p, i);
	if (peer_main(p) != i) {
		peer_trim(g, now, p);
		return;
	}
	if (i->ours && moved) {
		ike_stays(g, now, p, i);
		moved = false;
	}
	i->path.generation = moved ? p->path.generation + 1 : p->path.generation;
	p->path = i->path;
	p->nat = i->nat;
	p->natt = i->natt;
	p->own = i->own;
	p->roams = i->roams;
	roam_joined(g, now, p);
	for (unsigned k = 0; k < p->nslots && moved; k++)
		epochs_moved(g, p->slots[k]);
	peer_heard(g, now, p);
	peer_trim(g, now, p);
}

bool peer_join(struct gateway *g, vtime now, struct gateway_ike *i)
{
	struct gateway_peer *p = i->renews ? i->renews->peer : NULL;

	/* Whom we have asked for proof again may be somebody else by now. */
	if (!p || !peer_same_name(p, i))
		p = peer_find(g, i);
	if (!p) {
		p = peer_new(g, now, i);
		if (!p && peer_evict(g, now))
			p = peer_new(g, now, i);
		if (!p)
			return false;
		log_ev(g->log, LOG_INFO, "client connected", log_str("entry", p->entry->name),
		       peer_field(p), log_endpoint("from", &p->path.remote));
	}
	peer_take(g, now, p, i);
	return true;
}

static void peer_free(struct gateway *g, vtime now, struct gateway_peer *p)
{
	while (p->nslots)
		tunnel_close(g, now, p->slots[p->nslots - 1]);
	pool_release(g->pool, now, &p->inner[0]);
	pool_release(g->pool, now, &p->inner[1]);
	roam_end(g, p);
	p->used = false;
	g->npeers--;
	g->ngoodbyes -= p->ngoodbyes;
	p->ngoodbyes = 0;
}

void peer_merge(struct gateway *g, vtime now, struct gateway_ike *i, struct gateway_peer *to)
{
	struct gateway_peer *own = i->peer;

	peer_take(g, now, to, i);
	if (peer_ikes(own) == 0)
		peer_free(g, now, own);
}

/* ---- life and death ---- */

void peer_heard(struct gateway *g, vtime at, struct gateway_peer *p)
{
	if (at > p->heard_at)
		p->heard_at = at;
	p->probing = p->asleep = false;
	if (g->config->dpd)
		gateway_due(g, vtime_add(p->heard_at, g->config->dpd));
}

void peer_drop(struct gateway *g, vtime now, struct gateway_peer *p, bool goodbye, const char *why)
{
	log_ev(g->log, LOG_INFO, "client gone", peer_field(p), log_str("why", why));
	while (p->ikes) {
		struct gateway_ike *i = p->ikes;

		tunnel_negotiations_end(g, now, i);
		peer_unlink(i);
		if (goodbye)
			ike_close(g, now, i);
		else
			ike_drop(g, i);
	}
	peer_free(g, now, p);
}

void peer_silent(struct gateway *g, vtime now, const struct gateway_ike *i)
{
	struct gateway_peer *p = i->peer;

	p->probing = false;
	/* Over one that has been replaced it need not. */
	if (peer_main(p) != i)
		return;
	if (!p->roams) {
		peer_drop(g, now, p, false, "silent");
		return;
	}
	/* Its keys end by themselves. */
	p->asleep = true;
	for (unsigned k = 0; k < p->nslots; k++)
		epochs_await(g->tunnels[p->slots[k]]);
}

static bool peer_usable(const struct gateway *g, const struct gateway_peer *p)
{
	for (unsigned k = 0; k < p->nslots; k++)
		if (epochs_usable(&g->tunnels[p->slots[k]]->epochs))
			return true;
	return false;
}

void peer_lost(struct gateway *g, vtime now, struct gateway_peer *p)
{
	if (peer_main(p) || peer_usable(g, p))
		return;
	peer_drop(g, now, p, true, "it has no SA left");
}

/* Over the SA that is in use; where there is none, time alone decides. */
static void peer_ask(struct gateway *g, vtime now, struct gateway_peer *p)
{
	struct gateway_ike *i = peer_main(p);
	vtime silence = now - p->heard_at;

	if (!i && silence >= ORPHAN_SILENCE) {
		peer_drop(g, now, p, false, "silent, and it has no ISAKMP SA");
	} else if (i && g->config->dpd && !p->probing && !p->asleep && silence >= g->config->dpd) {
		p->probing = true;
		ike_give(g, now, i, &(struct ike_event){ .type = IKE_EVENT_PROBE });
	}
}

void peers_tick(struct gateway *g, vtime now)
{
	for (unsigned k = 0; k < g->peers_end; k++) {
		struct gateway_peer *p = &g->peers[k];

		if (!p->used)
			continue;
		for (unsigned n = 0; n < p->nslots; n++) {
			vtime heard = epochs_tick(g, now, p->slots[n]);

			if (heard)
				peer_heard(g, heard, p);
		}
		peer_ask(g, now, p);
		if (p->used && !peer_main(p))
			peer_lost(g, now, p);
	}
}

static vtime peer_due_at(const struct gateway *g, const struct gateway_peer *p)
{
	vtime first = VTIME_NEVER;

	if (!peer_main(p))
		first = vtime_add(p->heard_at, ORPHAN_SILENCE);
	else if (g->config->dpd && !p->probing && !p->asleep)
		first = vtime_add(p->heard_at, g->config->dpd);
	for (unsigned n = 0; n < p->nslots; n++) {
		const struct gateway_tunnel *t = g->tunnels[p->slots[n]];

		first = vtime_min(first, vtime_min(epochs_deadline(&t->epochs), t->retry_at));
	}
	return first;
}

vtime peers_due_at(const struct gateway *g)
{
	vtime first = VTIME_NEVER;

	for (unsigned k = 0; k < g->peers_end; k++)
		if (g->peers[k].used)
			first = vtime_min(first, peer_due_at(g, &g->peers[k]));
	return first;
}

/* ---- Deletes ---- */

void peer_goodbye(struct gateway *g, struct gateway_peer *p, uint32_t spi)
{
	unsigned at = (p->first_goodbye + p->ngoodbyes) % PEER_GOODBYES_MAX;

	if (p->ngoodbyes == PEER_GOODBYES_MAX)
		return;
	p->goodbyes[at] = spi;
	p->ngoodbyes++;
	g->ngoodbyes++;
}

/* One peer after the other, so that nobody is looked at twice. */
static struct gateway_peer *goodbye_find(struct gateway *g)
{
	for (unsigned k = 0; k < g->peers_end && g->ngoodbyes; k++) {
		struct gateway_peer *p = &g->peers[g->goodbye_turn];

		if (p->used && p->ngoodbyes)
			return p;
		g->goodbye_turn = (g->goodbye_turn + 1) % g->peers_end;
	}
	return NULL;
}

bool peers_say(struct gateway *g, vtime now)
{
	struct ike_event ev = { .type = IKE_EVENT_CHILD_DELETE };
	struct gateway_peer *p;
	struct gateway_ike *i;

	p = goodbye_find(g);
	if (!p)
		return false;
	ev.spi = p->goodbyes[p->first_goodbye];
	p->first_goodbye = (p->first_goodbye + 1) % PEER_GOODBYES_MAX;
	p->ngoodbyes--;
	g->ngoodbyes--;
	i = peer_main(p);
	if (i)
		ike_give(g, now, i, &ev);
	return true;
}
