/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "gateway/gateway_impl.h"

#define LOGIN (1u << XAUTH_USERNAME | 1u << XAUTH_PASSWORD)

/* ---- XAUTH ---- */

void user_forget(struct gateway *g, struct gateway_ike *i)
{
	secret_free(&i->password);
	g->verifies -= i->verify_due;
	i->verify_due = false;
	i->verify = 0;
}

static void demand(struct gateway *g, vtime now, struct gateway_ike *i, const char *message)
{
	struct ike_event ev = { .type = IKE_EVENT_XAUTH_DEMAND };

	i->rounds++;
	ev.demand.fields = LOGIN;
	ev.demand.message = message;
	ike_give(g, now, i, &ev);
}

static void verdict(struct gateway *g, vtime now, struct gateway_ike *i, bool ok)
{
	struct ike_event ev = { .type = IKE_EVENT_XAUTH_STATUS };

	ev.status.ok = ok;
	ev.status.message = ok ? NULL : "Access denied";
	ike_give(g, now, i, &ev);
}

void user_ask(struct gateway *g, vtime now, struct gateway_ike *i)
{
	demand(g, now, i, NULL);
}

static void refuse(struct gateway *g, vtime now, struct gateway_ike *i)
{
	log_ev(g->log, LOG_WARN, "user refused", log_str("user", i->user),
	       log_endpoint("client", &i->path.remote));
	i->user[0] = '\0';
	g->counters.refused_users++;
	if (i->rounds < GATEWAY_ROUNDS_MAX)
		demand(g, now, i, "Wrong user or password");
	else
		verdict(g, now, i, false);
}

/* A name with a NUL in it would be another one to the file of users. */
static bool name_take(struct gateway_ike *i, struct slice name)
{
	if (!name.p || name.n == 0 || name.n >= sizeof(i->user) || memchr(name.p, 0, name.n))
		return false;
	memcpy(i->user, name.p, name.n);
	i->user[name.n] = '\0';
	return true;
}

void user_reply(struct gateway *g, vtime now, struct gateway_ike *i, const struct ike_effect *fx)
{
	const struct slice *value = fx->reply.value;

	user_forget(g, i);
	if (fx->reply.failed) {
		verdict(g, now, i, false);
	} else if (!name_take(i, value[XAUTH_USERNAME]) || !value[XAUTH_PASSWORD].p) {
		refuse(g, now, i);
	} else {
		secret_set(&i->password, value[XAUTH_PASSWORD]);
		i->verify = ++g->verify_ids ? g->verify_ids : ++g->verify_ids;
		i->verify_due = true;
		g->verifies++;
	}
}

bool user_pull(struct gateway *g, struct gateway_effect *out)
{
	for (unsigned k = 0; k < g->nikes && g->verifies && !g->stopping; k++) {
		struct gateway_ike *i = &g->ikes[k];

		if (!i->sa || !i->verify_due)
			continue;
		i->verify_due = false;
		g->verifies--;
		memset(out, 0, sizeof(*out));
		out->type = GATEWAY_EFFECT_VERIFY;
		out->verify.id = i->verify;
		out->verify.entry = i->entry->name;
		out->verify.user = i->user;
		out->verify.password = secret_slice(&i->password);
		return true;
	}
	return false;
}

void user_verified(struct gateway *g, vtime now, uint32_t id, bool ok)
{
	for (unsigned k = 0; k < g->nikes && id; k++) {
		struct gateway_ike *i = &g->ikes[k];

		if (!i->sa || i->verify != id)
			continue;
		user_forget(g, i);
		if (ok)
			verdict(g, now, i, true);
		else
			refuse(g, now, i);
		return;
	}
}

/* ---- Mode Config ---- */

/* Whose lease it is: the entry, the identity and the user, each with its length. */
static void lease_key(const struct gateway_peer *p, uint8_t key[POOL_KEY])
{
	uint8_t lengths[6];
	struct slice parts[] = {
		SLICE_OF(lengths),
		SLICE_STR(p->entry->name),
		slice(p->identity.data, p->identity.n),
		SLICE_STR(p->user),
	};

	put_be16(lengths, (uint16_t)parts[1].n);
	put_be16(lengths + 2, (uint16_t)parts[2].n);
	put_be16(lengths + 4, (uint16_t)p->identity.type);
	hash_parts(HASH_SHA2_256, parts, ARRAY_SIZE(parts), key);
}

static void lease(struct gateway *g, vtime now, struct gateway_peer *p, enum family f,
		  const struct addr *held)
{
	struct addr *a = &p->inner[f == FAMILY_IP6];
	uint8_t key[POOL_KEY];

	if (a->family || !pool_own(g->pool, f).family)
		return;
	lease_key(p, key);
	if (pool_lease(g->pool, now, key, f, held, a) ||
	    (peer_evict(g, now) && pool_lease(g->pool, now, key, f, held, a))) {
		log_ev(g->log, LOG_INFO, "address given", peer_field(p), log_addr("address", a));
		return;
	}
	g->counters.pool_exhausted++;
	log_ev(g->log, LOG_ERROR, "no address is left in the pool", peer_field(p));
}

/*
 * One of several connections of one name that asks for an inner address which another one has: it is
 * that one, come back from elsewhere.
 */
static void merge(struct gateway *g, vtime now, struct gateway_ike *i, const struct addr held[2])
{
	for (unsigned f = 0; f < 2; f++) {
		struct gateway_peer *other = held[f].family ? peer_with(g, &held[f]) : NULL;

		if (!other || other == i->peer || i->peer->inner[0].family ||
		    i->peer->inner[1].family || !peer_same_name(other, i))
			continue;
		peer_merge(g, now, i, other);
		return;
	}
}

static void settings(const struct gateway *g, const struct gateway_peer *p, bool ip6,
		     struct ike_assigned *a)
{
	const struct gateway_config *c = g->config;

	a->ip4 = p->inner[0];
	a->ip4_len = 32;
	if (ip6)
		a->ip6 = p->inner[1];
	a->ip6_len = 128;
	a->save_password = -1;
	a->ndns = c->ndns;
	memcpy(a->dns, c->dns, sizeof(a->dns));
	snprintf(a->domain, sizeof(a->domain), "%s", c->domain);
	snprintf(a->banner, sizeof(a->banner), "%s", c->banner);
	a->unity = c->split;
	for (unsigned k = 0; k < c->nnetworks && c->split; k++)
		a->include[a->ninclude++].prefix = c->networks[k];
}

void user_config(struct gateway *g, vtime now, struct gateway_ike *i, const struct ike_effect *fx)
{
	struct ike_event ev = { .type = IKE_EVENT_CONFIG_GIVE };
	struct ike_assigned *a;

	if (!i->peer)
		return;
	merge(g, now, i, fx->wanted.held);
	lease(g, now, i->peer, FAMILY_IP4, &fx->wanted.held[0]);
	if (fx->wanted.ip6)
		lease(g, now, i->peer, FAMILY_IP6, &fx->wanted.held[1]);
	if (!i->peer->inner[0].family && !i->peer->inner[1].family) {
		ike_give(g, now, i, &ev);
		return;
	}
	a = xcalloc(1, sizeof(*a));
	settings(g, i->peer, fx->wanted.ip6, a);
	ev.give = a;
	ike_give(g, now, i, &ev);
	free(a);
}
