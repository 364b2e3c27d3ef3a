/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/peer.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tests/sim/gateway.h"

#define IKES_MAX 12

struct peer_ike {
	struct ike_sa *sa;
	struct path path;
	uint64_t order; /* of its establishment, 0: not yet */
	bool accepted;
	unsigned round; /* of XAUTH */
	char question[40]; /* of the second */
	struct addr lease; /* the IPv4 address that was given over it */
};

struct sim_peer {
	struct world *world;
	struct sim_gateway *gateway;
	struct log log;
	struct ike_config config;
	struct ike_child_config child[SETTINGS_TUNNELS_MAX];
	struct peer_ike ike[IKES_MAX];
	uint64_t order;
	uint32_t ids;
	unsigned accepted;
	struct ike_child_config foreign;
	uint16_t refused;
	unsigned code; /* the last one that was accepted */
	unsigned questions; /* asked so far */
	struct addr wished; /* the address that the client asked for last */
};

static void log_nothing(void *ctx, const struct log_event *ev)
{
	(void)ctx;
	(void)ev;
}

static struct rng *dice(const struct sim_peer *p)
{
	return &p->world->rng[STREAM_GATEWAY];
}

/* ---- SAs ---- */

static struct peer_ike *newest(struct sim_peer *p)
{
	struct peer_ike *best = NULL;

	for (unsigned i = 0; i < IKES_MAX; i++)
		if (p->ike[i].sa && p->ike[i].order && (!best || p->ike[i].order > best->order))
			best = &p->ike[i];
	return best;
}

static void drop(struct peer_ike *i)
{
	ike_sa_free(i->sa);
	*i = (struct peer_ike){ 0 };
}

static struct peer_ike *fresh(struct sim_peer *p)
{
	struct peer_ike *oldest = &p->ike[0];

	for (unsigned i = 0; i < IKES_MAX; i++) {
		if (!p->ike[i].sa) {
			oldest = &p->ike[i];
			break;
		}
		if (p->ike[i].order < oldest->order)
			oldest = &p->ike[i];
	}
	drop(oldest);
	oldest->sa = ike_sa_new(&p->config, dice(p), &p->log);
	return oldest;
}

/* ---- what the engine tells ---- */

static void send(struct sim_peer *p, const struct ike_effect *fx)
{
	uint8_t marked[IKE_MESSAGE_MAX + 4] = { 0 };
	struct endpoint from = fx->send.from;

	if (from.addr.family == FAMILY_NONE)
		from.addr = p->world->settings.gateway;
	memcpy(marked + 4, fx->send.bytes.p, fx->send.bytes.n);
	world_send(p->world, SIDE_GATEWAY, &from, &fx->send.to,
		   from.port == IKE_PORT ? slice(marked + 4, fx->send.bytes.n) :
					   slice(marked, fx->send.bytes.n + 4));
}

static unsigned tunnel_of(const struct sim_peer *p, const struct ts_pair *ts)
{
	const struct session_config *c = &p->world->settings.session;
	unsigned i;

	for (i = 0; i < c->ntunnels; i++)
		if (ts_eq(&p->child[i].ts.local, &ts->local) &&
		    ts_eq(&p->child[i].ts.remote, &ts->remote))
			break;
	return i;
}

static void take_offer(struct sim_peer *p, struct peer_ike *i, const struct ike_effect *fx)
{
	unsigned tunnel = tunnel_of(p, &fx->offer.ts);
	struct ike_event ev = { .type = IKE_EVENT_CHILD_ACCEPT };

	world_expect(p->world, tunnel < p->world->settings.session.ntunnels,
		     "the client offers selectors of no tunnel");
	if (p->world->failure[0])
		return;
	ev.child.id = fx->offer.id;
	ev.child.spi = rng_u32(dice(p)) | 0x10000;
	ev.child.config = &p->child[tunnel];
	ike_event(i->sa, p->world->now, &ev);
}

/* ---- the user ---- */

static void demand(struct sim_peer *p, struct peer_ike *i, unsigned fields, const char *message)
{
	struct ike_event ev = { .type = IKE_EVENT_XAUTH_DEMAND };

	ev.demand.fields = fields;
	ev.demand.message = message;
	ike_event(i->sa, p->world->now, &ev);
}

static void verdict(struct sim_peer *p, struct peer_ike *i, bool ok, bool known)
{
	struct ike_event ev = { .type = IKE_EVENT_XAUTH_STATUS };

	ev.status.ok = ok;
	ev.status.known = known;
	ev.status.message = ok ? NULL : "Access denied";
	ike_event(i->sa, p->world->now, &ev);
}

static void take_authenticated(struct sim_peer *p, struct peer_ike *i)
{
	const struct settings *s = &p->world->settings;

	if (!s->fields)
		return;
	if (s->trusts && newest(p)) {
		verdict(p, i, true, true);
		return;
	}
	i->round = 1;
	demand(p, i, s->fields, NULL);
}

static bool is_text(struct slice given, const char *text)
{
	return given.p && given.n == strlen(text) && memcmp(given.p, text, given.n) == 0;
}

/* A code that is newer than the last one: each is good for once. */
static bool is_new_code(struct sim_peer *p, struct slice given)
{
	unsigned code = 0;

	for (size_t k = 0; k < given.n; k++)
		code = code * 10 + (unsigned)(given.p[k] - '0');
	if (!given.p || code <= p->code)
		return false;
	p->code = code;
	return true;
}

static bool is_good(struct sim_peer *p, const struct peer_ike *i, const struct ike_effect *fx)
{
	const struct slice *value = fx->reply.value;
	unsigned fields = p->world->settings.fields;
	char answer[48];

	if (i->round == 2) {
		snprintf(answer, sizeof(answer), "%s!", i->question);
		return is_text(value[XAUTH_ANSWER], answer);
	}
	return (!(fields & 1 << XAUTH_USERNAME) || is_text(value[XAUTH_USERNAME], SETTINGS_USER)) &&
	       (!(fields & 1 << XAUTH_PASSWORD) ||
		is_text(value[XAUTH_PASSWORD], SETTINGS_PASSWORD)) &&
	       (!(fields & 1 << XAUTH_PASSCODE) || is_new_code(p, value[XAUTH_PASSCODE]));
}

static void take_reply(struct sim_peer *p, struct peer_ike *i, const struct ike_effect *fx)
{
	if (fx->reply.failed || !is_good(p, i, fx)) {
		verdict(p, i, false, false);
	} else if (i->round == 1 && p->world->settings.challenge) {
		i->round = 2;
		snprintf(i->question, sizeof(i->question), "question %u", ++p->questions);
		demand(p, i, 1 << XAUTH_ANSWER, i->question);
	} else {
		verdict(p, i, true, false);
	}
}

/* ---- his configuration ---- */

static bool is_leased(const struct sim_peer *p, const struct peer_ike *to, const struct addr *a)
{
	for (unsigned k = 0; k < IKES_MAX; k++)
		if (&p->ike[k] != to && p->ike[k].sa && addr_eq(&p->ike[k].lease, a))
			return true;
	return false;
}

static void take_wanted(struct sim_peer *p, struct peer_ike *i, const struct ike_effect *fx)
{
	struct settings *s = &p->world->settings;
	const struct session_config *c = &s->session;
	struct ike_assigned *a = xcalloc(1, sizeof(*a));
	struct ike_event ev = { .type = IKE_EVENT_CONFIG_GIVE, .give = a };

	p->wished = fx->wanted.held[0];
	if (s->strict && is_leased(p, i, &c->tunnels[0].local.lo))
		sim_gateway_move(p->gateway);
	for (unsigned k = 0; k < c->ntunnels; k++)
		*(c->tunnels[k].local.lo.family == FAMILY_IP4 ? &a->ip4 : &a->ip6) =
			c->tunnels[k].local.lo;
	a->ip4_len = 32;
	a->ip6_len = 128;
	a->save_password = -1;
	i->lease = a->ip4;
	if (!c->nremotes) {
		a->unity = true;
		a->ninclude = 1;
		a->include[0].prefix = (struct prefix){ s->hosts[0], 32 };
	}
	ike_event(i->sa, p->world->now, &ev);
	free(a);
}

static void take(struct sim_peer *p, struct peer_ike *i, struct ike_effect *fx)
{
	switch (fx->type) {
	case IKE_EFFECT_SEND:
		send(p, fx);
		break;
	case IKE_EFFECT_NAT:
		i->path = fx->nat.path;
		break;
	case IKE_EFFECT_AUTHENTICATED:
		take_authenticated(p, i);
		break;
	case IKE_EFFECT_XAUTH_REPLY:
		take_reply(p, i, fx);
		break;
	case IKE_EFFECT_CONFIG_WANTED:
		take_wanted(p, i, fx);
		break;
	case IKE_EFFECT_XAUTH_ASK: /* a client's */
	case IKE_EFFECT_CONFIG:
		break;
	case IKE_EFFECT_ESTABLISHED:
		i->order = ++p->order;
		p->accepted += i->accepted;
		break;
	case IKE_EFFECT_CHILD_READY: /* it is not sent on before message 3 */
		ike_child_free(&fx->child);
		break;
	case IKE_EFFECT_CHILD_UP:
		i->path.encapsulation = ENCAPSULATION_UDP;
		sim_gateway_child_up(p->gateway, &fx->child, &i->path,
				     !(fx->child.id & 0x80000000));
		ike_child_free(&fx->child);
		break;
	case IKE_EFFECT_CHILD_DELETED:
		sim_gateway_child_deleted(p->gateway, fx->spi);
		break;
	case IKE_EFFECT_DEAD:
		drop(i);
		break;
	case IKE_EFFECT_CHILD_OFFER:
		take_offer(p, i, fx);
		break;
	case IKE_EFFECT_CHILD_FAILED:
		p->refused = fx->child_failed.why.notify;
		break;
	case IKE_EFFECT_ALIVE:
	case IKE_EFFECT_SILENT:
	case IKE_EFFECT_HINT:
	case IKE_EFFECT_NOTIFY:
	case IKE_EFFECT_UNANSWERED:
		break;
	}
}

static void pump(struct sim_peer *p)
{
	struct ike_effect fx;

	for (unsigned i = 0; i < IKES_MAX; i++)
		while (p->ike[i].sa && ike_output(p->ike[i].sa, p->world->now, &fx))
			take(p, &p->ike[i], &fx);
}

/* ---- verbs ---- */

void sim_peer_datagram(struct sim_peer *p, const struct endpoint *from, const struct endpoint *to,
		       struct slice bytes)
{
	struct ike_event ev = { .type = IKE_EVENT_DATAGRAM };
	struct peer_ike *i = NULL;

	for (unsigned k = 0; k < IKES_MAX; k++)
		if (p->ike[k].sa && ike_sa_owns(p->ike[k].sa, bytes))
			i = &p->ike[k];
	if (!i && ike_is_first_message(bytes)) {
		i = fresh(p);
		i->accepted = true;
		i->path = (struct path){ *to, *from, ENCAPSULATION_UDP, 0, 1 };
		ev.type = IKE_EVENT_ACCEPT;
	}
	if (!i)
		return;
	ev.datagram.from = *from;
	ev.datagram.to = *to;
	ev.datagram.bytes = bytes;
	ike_event(i->sa, p->world->now, &ev);
	pump(p);
}

void sim_peer_timeout(struct sim_peer *p)
{
	for (unsigned k = 0; k < IKES_MAX; k++)
		if (p->ike[k].sa && ike_deadline(p->ike[k].sa) <= p->world->now)
			ike_timeout(p->ike[k].sa, p->world->now);
	pump(p);
}

vtime sim_peer_deadline(const struct sim_peer *p)
{
	vtime first = VTIME_NEVER;

	for (unsigned k = 0; k < IKES_MAX; k++)
		if (p->ike[k].sa)
			first = vtime_min(first, ike_deadline(p->ike[k].sa));
	return first;
}

bool sim_peer_established(const struct sim_peer *p)
{
	for (unsigned k = 0; k < IKES_MAX; k++)
		if (p->ike[k].sa && p->ike[k].order)
			return true;
	return false;
}

static void tell(struct sim_peer *p, const struct ike_event *ev)
{
	struct peer_ike *i = newest(p);

	if (i)
		ike_event(i->sa, p->world->now, ev);
	pump(p);
}

void sim_peer_renew_child(struct sim_peer *p, unsigned tunnel)
{
	struct ike_event ev = { .type = IKE_EVENT_CHILD };

	ev.child.id = ++p->ids;
	ev.child.spi = rng_u32(dice(p)) | 0x10000;
	ev.child.config = &p->child[tunnel];
	tell(p, &ev);
}

void sim_peer_offer_foreign(struct sim_peer *p)
{
	struct ike_event ev = { .type = IKE_EVENT_CHILD };

	/* Our side and the client's change places. */
	p->foreign = p->child[0];
	p->foreign.ts.local = p->child[0].ts.remote;
	p->foreign.ts.remote = p->child[0].ts.local;
	ev.child.id = ++p->ids;
	ev.child.spi = rng_u32(dice(p)) | 0x10000;
	ev.child.config = &p->foreign;
	tell(p, &ev);
}

uint16_t sim_peer_refused(const struct sim_peer *p)
{
	return p->refused;
}

void sim_peer_renew_ike(struct sim_peer *p)
{
	struct ike_event ev = { .type = IKE_EVENT_REKEY };
	const struct peer_ike *old = newest(p);
	struct peer_ike *i;

	if (!old)
		return;
	ev.path = old->path;
	i = fresh(p);
	i->path = ev.path;
	ike_event(i->sa, p->world->now, &ev);
	pump(p);
}

void sim_peer_delete_child(struct sim_peer *p, uint32_t spi)
{
	tell(p, &(struct ike_event){ .type = IKE_EVENT_CHILD_DELETE, .spi = spi });
}

void sim_peer_delete(struct sim_peer *p)
{
	tell(p, &(struct ike_event){ .type = IKE_EVENT_CLOSE });
}

unsigned sim_peer_accepted(const struct sim_peer *p)
{
	return p->accepted;
}

void sim_peer_forget(struct sim_peer *p)
{
	for (unsigned k = 0; k < IKES_MAX; k++)
		drop(&p->ike[k]);
}

/* The client's sides of the tunnels have changed. */
void sim_peer_follow(struct sim_peer *p)
{
	const struct session_config *c = &p->world->settings.session;

	for (unsigned i = 0; i < c->ntunnels; i++) {
		p->child[i].ts.local = c->tunnels[i].remote;
		p->child[i].ts.remote = c->tunnels[i].local;
	}
}

const struct addr *sim_peer_wished(const struct sim_peer *p)
{
	return &p->wished;
}

struct sim_peer *sim_peer_new(struct world *w, struct sim_gateway *g)
{
	const struct settings *s = &w->settings;
	struct sim_peer *p = xcalloc(1, sizeof(*p));

	p->world = w;
	p->gateway = g;
	p->log = (struct log){ .level = LOG_ERROR, .sink = log_nothing };
	p->config.suites[0] = s->responder.suites[0];
	p->config.nsuites = 1;
	p->config.local = s->responder.id;
	p->config.remote = s->responder.peer;
	p->config.lifetime_s = s->gateway_lifetime_s;
	p->config.timeout = s->session.ike.timeout;
	p->config.force_udp = true;
	p->config.gateway = s->fields || s->config;
	p->config.xauth = s->fields != 0;
	secret_set(&p->config.psk, secret_slice(&s->psk));
	for (unsigned i = 0; i < s->session.ntunnels; i++) {
		p->child[i].suites[0] = s->responder.esp[0];
		p->child[i].nsuites = 1;
		p->child[i].pfs = s->responder.pfs;
		p->child[i].keylife_s = s->gateway_keylife_s;
	}
	sim_peer_follow(p);
	return p;
}

void sim_peer_free(struct sim_peer *p)
{
	if (!p)
		return;
	sim_peer_forget(p);
	secret_free(&p->config.psk);
	free(p);
}
