/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "base/mem.h"
#include "gateway/gateway_impl.h"
#include "mobility/backoff.h"

#define FIRSTS_SOURCE_PART 2 /* a source has at most this part of all first messages */
#define STRANGER_PACE VTIME_S

/* ---- places ---- */

static unsigned bucket_of(const struct gateway *g, const uint8_t cookie_i[IKE_COOKIE_SIZE])
{
	uint64_t v = 0;

	for (unsigned i = 0; i < IKE_COOKIE_SIZE; i++)
		v = v << 8 | cookie_i[i];
	v *= g->bucket_key;
	return (unsigned)(v >> 40) % IKE_BUCKETS;
}

static unsigned place_of(const struct gateway *g, const struct gateway_ike *i)
{
	return (unsigned)(i - g->ikes);
}

/* Under its initiator's cookie, which it has from its first event on. */
static void index_add(struct gateway *g, struct gateway_ike *i)
{
	struct ike_sa_info info;

	ike_sa_info(i->sa, &info);
	i->bucket = bucket_of(g, info.cookie_i);
	i->next = g->buckets[i->bucket];
	g->buckets[i->bucket] = place_of(g, i);
}

static void index_remove(struct gateway *g, const struct gateway_ike *i)
{
	unsigned *at = &g->buckets[i->bucket];

	while (*at != IKE_NONE && *at != place_of(g, i))
		at = &g->ikes[*at].next;
	if (*at != IKE_NONE)
		*at = i->next;
}

static struct gateway_ike *ike_find(struct gateway *g, struct slice datagram)
{
	unsigned at;

	if (datagram.n < IKE_COOKIE_SIZE)
		return NULL;
	for (at = g->buckets[bucket_of(g, datagram.p)]; at != IKE_NONE; at = g->ikes[at].next)
		if (ike_sa_owns(g->ikes[at].sa, datagram))
			return &g->ikes[at];
	return NULL;
}

static struct gateway_ike *place_find(struct gateway *g)
{
	for (unsigned k = 0; k < g->nikes; k++) {
		struct gateway_ike *i = &g->ikes[g->place];

		g->place = (g->place + 1) % g->nikes;
		if (!i->sa)
			return i;
	}
	return NULL;
}

static void touch(struct gateway *g, struct gateway_ike *i)
{
	if (i->touched)
		return;
	i->touched = true;
	g->ring[(g->ring_first + g->ring_n++) % g->nikes] = place_of(g, i);
}

void ike_give(struct gateway *g, vtime now, struct gateway_ike *i, const struct ike_event *ev)
{
	ike_event(i->sa, now, ev);
	touch(g, i);
}

/* Neither what it replaces nor what replaces it knows of it any more. */
static void renewal_forget(struct gateway_ike *i)
{
	if (i->renewed_by)
		i->renewed_by->renews = NULL;
	if (i->renews)
		i->renews->renewed_by = NULL;
	i->renews = i->renewed_by = NULL;
}

void ike_drop(struct gateway *g, struct gateway_ike *i)
{
	bool touched = i->touched;

	if (!i->sa)
		return;
	index_remove(g, i);
	peer_unlink(i);
	halfopen_remove(&g->halfopen, place_of(g, i));
	user_forget(g, i);
	renewal_forget(i);
	ike_sa_free(i->sa);
	g->dues[place_of(g, i)] = VTIME_NEVER;
	*i = (struct gateway_ike){ .touched = touched };
}

void ike_close(struct gateway *g, vtime now, struct gateway_ike *i)
{
	if (i->closing)
		return;
	i->closing = true;
	ike_give(g, now, i, &(struct ike_event){ .type = IKE_EVENT_CLOSE });
}

static struct gateway_ike *ike_new(struct gateway *g, const struct gateway_entry *entry)
{
	struct gateway_ike *i = place_find(g);
	bool touched;

	if (!i)
		return NULL;
	touched = i->touched;
	*i = (struct gateway_ike){ .touched = touched, .entry = entry, .rekey_at = VTIME_NEVER };
	i->begun = ++g->ikes_begun;
	i->sa = ike_sa_new(&entry->ike, g->rng, g->log);
	return i;
}

/* ---- first messages ---- */

/*
 * Of main mode an entry whose suites do not fit is better than none: the client is told that no
 * proposal was chosen. Aggressive mode would show a proof of the key to whoever asks.
 */
static const struct gateway_entry *entry_choose(const struct gateway *g, const struct addr *from,
						struct slice first)
{
	const struct gateway_config *c = g->config;

	for (unsigned i = 0; i < c->nentries; i++)
		if (gateway_admits(c, &c->entries[i], from) &&
		    ike_first_fits(&c->entries[i].ike, first))
			return &c->entries[i];
	for (unsigned i = 0; i < c->nentries && ike_first_mode(first) == IKE_MODE_MAIN; i++)
		if (gateway_admits(c, &c->entries[i], from))
			return &c->entries[i];
	return NULL;
}

/* Who else it may be: main mode does not tell before message 5. */
static unsigned others_find(const struct gateway *g, const struct addr *from, struct slice first,
			    const struct gateway_entry *chosen,
			    const struct ike_config *out[GATEWAY_ENTRIES_MAX])
{
	const struct gateway_config *c = g->config;
	unsigned n = 0;

	for (unsigned i = 0; i < c->nentries; i++) {
		const struct gateway_entry *e = &c->entries[i];

		if (e != chosen && e->ike.auth == IKE_AUTH_PSK &&
		    e->ike.xauth == chosen->ike.xauth && gateway_admits(c, e, from) &&
		    ike_first_fits(&e->ike, first))
			out[n++] = &e->ike;
	}
	return n;
}

/* Who is not proved cannot fill the log: one line of them in a second. */
static enum log_level stranger_level(struct gateway *g, vtime now)
{
	if (now < g->stranger_at)
		return LOG_DEBUG;
	g->stranger_at = vtime_add(now, STRANGER_PACE);
	return LOG_INFO;
}

static const struct gateway_entry *entry_of(const struct gateway *g, const struct ike_sa *sa)
{
	unsigned k = 0;

	while (&g->config->entries[k].ike != ike_sa_config(sa))
		k++;
	return &g->config->entries[k];
}

static void make_room(struct gateway *g, const struct addr *from)
{
	int victim = halfopen_victim(&g->halfopen, from);

	if (victim == HALFOPEN_NONE)
		return;
	g->counters.evicted++;
	ike_drop(g, &g->ikes[victim]);
}

static bool first_allowed(struct gateway *g, vtime now, const struct addr *from, bool main_mode)
{
	if (rates_take(&g->firsts, now, from) &&
	    (main_mode || rates_take(&g->exchanges, now, from)))
		return true;
	g->counters.limited++;
	return false;
}

static void first_message(struct gateway *g, vtime now, const struct gateway_event *ev)
{
	bool main_mode = ike_first_mode(ev->datagram.bytes) == IKE_MODE_MAIN;
	const struct addr *from = &ev->datagram.from.addr;
	const struct ike_config *others[GATEWAY_ENTRIES_MAX];
	struct ike_event in = { .type = IKE_EVENT_ACCEPT };
	const struct gateway_entry *entry;
	struct gateway_ike *i;

	if (!first_allowed(g, now, from, main_mode))
		return;
	entry = entry_choose(g, from, ev->datagram.bytes);
	if (!entry) {
		g->counters.unfit++;
		log_ev(g->log, stranger_level(g, now), "no [auth] fits who asks",
		       log_endpoint("from", &ev->datagram.from));
		return;
	}
	make_room(g, from);
	i = ike_new(g, entry);
	if (!i) {
		g->counters.clients_refused++;
		return;
	}
	g->counters.firsts++;
	i->main_mode = main_mode;
	i->path = (struct path){ .local = ev->datagram.to,
				 .remote = ev->datagram.from,
				 .encapsulation = ENCAPSULATION_UDP };
	halfopen_add(&g->halfopen, place_of(g, i), from);
	in.datagram.from = ev->datagram.from;
	in.datagram.to = ev->datagram.to;
	in.datagram.bytes = ev->datagram.bytes;
	in.datagram.others = others;
	if (main_mode && entry->ike.auth == IKE_AUTH_PSK)
		in.datagram.nothers = others_find(g, from, ev->datagram.bytes, entry, others);
	ike_give(g, now, i, &in);
	index_add(g, i);
}

/* A stranger's datagram may cost a key exchange or a signature. */
static bool datagram_allowed(struct gateway *g, vtime now, const struct gateway_ike *i,
			     const struct gateway_event *ev)
{
	if (i->authenticated || i->ours || ike_is_first_message(ev->datagram.bytes))
		return true;
	if (!gateway_admits(g->config, i->entry, &ev->datagram.from.addr))
		return false;
	if (rates_take(&g->exchanges, now, &ev->datagram.from.addr)) {
		halfopen_returned(&g->halfopen, place_of(g, i));
		return true;
	}
	g->counters.limited++;
	return false;
}

void ikes_datagram(struct gateway *g, vtime now, const struct gateway_event *ev)
{
	struct ike_event in = { .type = IKE_EVENT_DATAGRAM };
	struct gateway_ike *i = ike_find(g, ev->datagram.bytes);

	g->arrived_from = ev->datagram.from;
	g->arrived_to = ev->datagram.to;
	g->arrived_n = ev->datagram.bytes.n;
	if (i && datagram_allowed(g, now, i, ev)) {
		in.datagram.from = ev->datagram.from;
		in.datagram.to = ev->datagram.to;
		in.datagram.bytes = ev->datagram.bytes;
		ike_give(g, now, i, &in);
	} else if (!i && g->running && !g->stopping && ike_is_first_message(ev->datagram.bytes)) {
		first_message(g, now, ev);
	} else if (!i) {
		g->counters.unknown++;
	}
}

/* ---- what they tell ---- */

static void on_authenticated(struct gateway *g, vtime now, struct gateway_ike *i,
			     const struct ike_effect *fx)
{
	const struct ike_config *c = ike_sa_config(i->sa);

	if (i->authenticated)
		return;
	i->authenticated = true;
	i->entry = entry_of(g, i->sa);
	i->id = fx->established.peer;
	g->counters.authenticated++;
	if (c->xauth || c->auth == IKE_AUTH_HYBRID)
		user_ask(g, now, i);
}

static void on_established(struct gateway *g, vtime now, struct gateway_ike *i,
			   const struct ike_effect *fx)
{
	on_authenticated(g, now, i, fx);
	halfopen_remove(&g->halfopen, place_of(g, i));
	i->order = ++g->ike_order;
	i->own = fx->established.own;
	i->roams = fx->established.address_update;
	i->rekey_at = gateway_life(g, now, fx->established.lifetime_s).rekey_at;
	if (!peer_join(g, now, i)) {
		g->counters.clients_refused++;
		ike_close(g, now, i);
	}
}

static void on_dead(struct gateway *g, vtime now, struct gateway_ike *i,
		    const struct ike_failure *why)
{
	struct gateway_peer *p = i->peer;
	struct gateway_ike *old = i->renews;

	log_ev(g->log, i->authenticated ? LOG_INFO : stranger_level(g, now), "IKE SA gone",
	       log_endpoint("client", &i->path.remote), log_str("during", why->during),
	       log_str("why", why->text ? why->text : err_name(why->err)));
	/* A renewal of ours that came to nothing is tried again while what it renews lasts. */
	if (old && !i->order) {
		old->failures++;
		old->rekey_at = vtime_add(now, backoff_wait(old->failures + 2, g->rng));
	}
	tunnel_negotiations_end(g, now, i);
	ike_drop(g, i);
	if (p)
		peer_lost(g, now, p);
}

static void on_child(struct gateway *g, vtime now, struct gateway_ike *i, struct ike_effect *fx)
{
	if (fx->type == IKE_EFFECT_CHILD_READY)
		tunnel_child_ready(g, now, i, &fx->child);
	else if (fx->type == IKE_EFFECT_CHILD_UP)
		tunnel_child_up(g, now, i, &fx->child);
	else if (fx->type == IKE_EFFECT_CHILD_FAILED)
		tunnel_child_failed(g, now, i, fx->child_failed.id, fx->child_failed.why.text);
	else if (fx->type == IKE_EFFECT_CHILD_OFFER)
		tunnel_offer(g, now, i, fx->offer.id, &fx->offer.ts, fx->offer.spi);
	else if (i->peer)
		epoch_deleted(g, now, i->peer, fx->spi);
}

static void on_peer(struct gateway *g, vtime now, struct gateway_ike *i,
		    const struct ike_effect *fx)
{
	if (!i->peer)
		return;
	if (fx->type == IKE_EFFECT_ALIVE) {
		peer_heard(g, now, i->peer);
		roam_heard(g, now, i);
	} else if (fx->type == IKE_EFFECT_SILENT) {
		peer_silent(g, now, i);
	} else if (fx->type == IKE_EFFECT_HINT) {
		ike_give(g, now, i, &(struct ike_event){ .type = IKE_EVENT_PROBE });
	}
}

static void on_effect(struct gateway *g, vtime now, struct gateway_ike *i, struct ike_effect *fx)
{
	switch (fx->type) {
	case IKE_EFFECT_SEND: /* passed on by ikes_pull */
	case IKE_EFFECT_XAUTH_ASK: /* a client's */
	case IKE_EFFECT_CONFIG:
	case IKE_EFFECT_UNANSWERED: /* a check, of which the time tells */
		break;
	case IKE_EFFECT_NOTIFY:
		roam_notify(g, now, i, fx);
		break;
	case IKE_EFFECT_NAT:
		i->path = fx->nat.path;
		i->nat = fx->nat.nat;
		i->natt = fx->nat.natt;
		break;
	case IKE_EFFECT_AUTHENTICATED:
		on_authenticated(g, now, i, fx);
		break;
	case IKE_EFFECT_XAUTH_REPLY:
		user_reply(g, now, i, fx);
		break;
	case IKE_EFFECT_CONFIG_WANTED:
		user_config(g, now, i, fx);
		break;
	case IKE_EFFECT_ESTABLISHED:
		on_established(g, now, i, fx);
		break;
	case IKE_EFFECT_CHILD_READY:
	case IKE_EFFECT_CHILD_UP:
	case IKE_EFFECT_CHILD_FAILED:
	case IKE_EFFECT_CHILD_DELETED:
	case IKE_EFFECT_CHILD_OFFER:
		on_child(g, now, i, fx);
		break;
	case IKE_EFFECT_DEAD:
		on_dead(g, now, i, &fx->why);
		break;
	case IKE_EFFECT_ALIVE:
	case IKE_EFFECT_SILENT:
	case IKE_EFFECT_HINT:
		on_peer(g, now, i, fx);
		break;
	}
}

/* ---- the verbs ---- */

static void leave_ring(struct gateway *g, struct gateway_ike *i)
{
	g->ring_first = (g->ring_first + 1) % g->nikes;
	g->ring_n--;
	i->touched = false;
	if (!i->sa)
		return;
	g->dues[place_of(g, i)] = ike_deadline(i->sa);
	g->ikes_due = vtime_min(g->ikes_due, g->dues[place_of(g, i)]);
}

bool ikes_pull(struct gateway *g, vtime now, struct session_effect *out, bool *message)
{
	struct ike_effect fx;

	*message = false;
	while (g->ring_n) {
		struct gateway_ike *i = &g->ikes[g->ring[g->ring_first]];

		if (!i->sa || !ike_output(i->sa, now, &fx)) {
			leave_ring(g, i);
			continue;
		}
		*message = fx.type == IKE_EFFECT_SEND;
		if (*message && i->peer && !roam_may_send(i->peer, &fx)) {
			*message = false;
		} else if (*message) {
			memset(out, 0, sizeof(*out));
			out->type = SESSION_EFFECT_SEND;
			out->send.from = fx.send.from;
			out->send.to = fx.send.to;
			out->send.bytes = fx.send.bytes;
		} else {
			/* Who is heard is not to be looked at for that alone. */
			if (fx.type != IKE_EFFECT_ALIVE)
				gateway_due(g, vtime_add(now, TICK));
			on_effect(g, now, i, &fx);
		}
		return true;
	}
	return false;
}

void ikes_timeout(struct gateway *g, vtime now)
{
	vtime first = VTIME_NEVER;

	if (g->ikes_due > now)
		return;
	for (unsigned k = 0; k < g->nikes; k++) {
		if (g->dues[k] <= now && g->ikes[k].sa) {
			ike_timeout(g->ikes[k].sa, now);
			touch(g, &g->ikes[k]);
		} else {
			first = vtime_min(first, g->dues[k]);
		}
	}
	g->ikes_due = first;
}

/* The client has not done so: a new one beside this, as its initiator. */
static void ike_renew(struct gateway *g, vtime now, struct gateway_ike *old)
{
	struct ike_event ev = { .type = IKE_EVENT_REKEY };
	struct gateway_ike *i = ike_new(g, old->entry);

	old->rekey_at = VTIME_NEVER;
	if (!i)
		return;
	log_ev(g->log, LOG_INFO, "IKE SA is renewed", log_endpoint("client", &old->path.remote));
	i->ours = true;
	renewal_forget(old);
	i->renews = old;
	old->renewed_by = i;
	i->path = ev.path = old->path;
	ike_give(g, now, i, &ev);
	index_add(g, i);
}

static bool is_renewed(const struct gateway_ike *i)
{
	return i->sa && i->peer && !i->closing;
}

void ikes_tick(struct gateway *g, vtime now)
{
	for (unsigned k = 0; k < g->nikes; k++) {
		struct gateway_ike *i = &g->ikes[k];

		if (!is_renewed(i) || i->rekey_at > now)
			continue;
		if (peer_main(i->peer) == i)
			ike_renew(g, now, i);
		else
			i->rekey_at = VTIME_NEVER;
	}
}

vtime ikes_renewal_at(const struct gateway *g)
{
	vtime first = VTIME_NEVER;

	for (unsigned k = 0; k < g->nikes; k++)
		if (is_renewed(&g->ikes[k]))
			first = vtime_min(first, g->ikes[k].rekey_at);
	return first;
}

void ikes_init(struct gateway *g)
{
	const struct gateway_config *c = g->config;
	unsigned firsts = c->firsts_per_s;

	g->nikes = c->half_open_max + (PEER_IKES_MAX + 1) * c->clients_max;
	g->ikes = xcalloc(g->nikes, sizeof(*g->ikes));
	g->ring = xcalloc(g->nikes, sizeof(*g->ring));
	g->dues = xcalloc(g->nikes, sizeof(*g->dues));
	for (unsigned k = 0; k < g->nikes; k++)
		g->dues[k] = VTIME_NEVER;
	for (unsigned k = 0; k < IKE_BUCKETS; k++)
		g->buckets[k] = IKE_NONE;
	g->bucket_key = rng_u64(g->rng) | 1;
	g->ikes_due = VTIME_NEVER;
	halfopen_init(&g->halfopen, c->half_open_max, c->half_open_source_max);
	rates_init(&g->firsts, rng_u64(g->rng), firsts, firsts, firsts / FIRSTS_SOURCE_PART,
		   firsts / FIRSTS_SOURCE_PART);
	rates_init(&g->exchanges, rng_u64(g->rng), c->exchanges_per_s, c->exchanges_burst,
		   c->exchanges_source_per_s, c->exchanges_source_burst);
}

void ikes_free(struct gateway *g)
{
	for (unsigned k = 0; k < g->nikes; k++) {
		ike_sa_free(g->ikes[k].sa);
		secret_free(&g->ikes[k].password);
	}
	free(g->ikes);
	free(g->ring);
	free(g->dues);
	halfopen_free(&g->halfopen);
}
