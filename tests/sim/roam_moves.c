/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Moves over good wires: how long, to the nanosecond, and what stays as it was. */
#include "base/mem.h"
#include "ike/codec.h"
#include "tests/sim/roam.h"

/* From being up to the first move, which falls between two pings. */
#define SETTLE (600 * VTIME_MS + 500 * VTIME_US)
#define GONE_MOST (1500 * VTIME_MS)
#define AFTER (2 * VTIME_S) /* from the last move to the end */
#define PING_EVERY VTIME_MS
#define HELD 60 /* packets of one flow are held, and some more */

/* ---- what is noted ---- */

enum kind {
	BREAK_BEFORE_MAKE, /* no interface for a while */
	MAKE_BEFORE_BREAK, /* the new one first */
	IN_PLACE, /* another address on the same interface, at once */
	SPARE, /* the other one was there all the time, and is worse */
	KINDS,
};

struct notes {
	enum kind kind;
	unsigned to, iface; /* the last one: the site; the interface */
	struct roam_keys keys;
	vtime gone, made; /* the old address; the new one */
	uint64_t updates, acks; /* before */
	vtime checked, bound; /* CHECK is passed; the client has its ACK */
	unsigned moves;
	unsigned lost; /* so many messages of this kind are to be lost */
	bool lose_acks;
	unsigned seen;
};

static struct notes *notes(struct roam *r)
{
	if (!r->notes)
		r->notes = xcalloc(1, sizeof(struct notes));
	return r->notes;
}

static struct roam_client *client(const struct roam *r)
{
	return r->clients[0];
}

static void note_before(struct roam *r)
{
	struct notes *n = notes(r);
	const struct session_info *info = roam_info(client(r));

	n->keys = roam_keys(client(r));
	n->updates = info->mobility.updates;
	n->acks = info->mobility.acks;
	n->gone = n->made = r->now;
	n->checked = n->bound = VTIME_NEVER;
}

/* When the two ends are done with the move, as the wire and their counters tell. */
static void watch_move(struct roam *r, unsigned unused)
{
	struct notes *n = notes(r);

	(void)unused;
	if (n->checked == VTIME_NEVER && roam_rule(r, UPDATE_GATEWAY_CHECK_PASSED))
		n->checked = r->now;
	if (n->bound == VTIME_NEVER && roam_info(client(r))->mobility.acks > n->acks)
		n->bound = r->now;
}

/* Behind all that arrives in this instant. */
static void watch_soon(struct roam *r, unsigned unused)
{
	roam_at(r, r->now, watch_move, unused);
}

static void made(struct roam *r)
{
	struct notes *n = notes(r);
	vtime half = roam_round_trip(r, n->to) / 2;

	n->made = r->now;
	/* When the kernel has told of it, in the same instant. */
	roam_at(r, r->now, roam_ping, 0);
	/* After what arrives then, and a moment before. */
	for (unsigned i = 1; i <= 5; i++) {
		roam_at(r, r->now + i * half - 1, watch_move, 0);
		roam_at(r, r->now + i * half, watch_soon, 0);
	}
}

static void expect_same_keys(struct roam *r)
{
	struct roam_keys keys = roam_keys(client(r));

	roam_expect(r, roam_keys_eq(&keys, &notes(r)->keys), "there are other keys");
}

static void expect_update(struct roam *r)
{
	const struct session_info *info = roam_info(client(r));
	const struct notes *n = notes(r);

	roam_expect(r, info->mobility.method == SESSION_ROAMED_UPDATE, "it was survived by %s",
		    session_roamed_name(info->mobility.method));
	roam_expect(r, info->mobility.updates == n->updates + n->moves && info->mobility.nacks == 0,
		    "%u updates for %u moves", (unsigned)(info->mobility.updates - n->updates),
		    n->moves);
}

/* The gateway has one client, and takes it to be where it is. */
static void expect_here(struct roam *r)
{
	const struct notes *n = notes(r);
	const struct roam_client *c = client(r);
	struct addr here = r->settings.nat[n->to] ? r->sites[n->to].box.config.outside :
						    c->network.iface[n->iface].addr;
	struct endpoint peer = roam_peer(r);
	char text[ENDPOINT_TEXT_MAX];
	struct gateway_info info;

	gateway_info(r->gateway.engine, &info);
	roam_expect(r, info.clients == 1, "there are %u clients", info.clients);
	roam_expect(r, addr_eq(&peer.addr, &here), "the gateway takes it to be at %s",
		    endpoint_text(&peer, text));
	roam_expect(r, c->inners == 0, "it has another inner address");
}

static void expect_once(struct roam *r)
{
	roam_expect(r, roam_accepted(r) == 1, "it has connected %u times",
		    (unsigned)roam_accepted(r));
}

/* ---- roam_move ---- */

static void move_settings(struct roam *r)
{
	struct roam_settings *s = &r->settings;

	notes(r)->kind = (enum kind)(r->seed % KINDS);
	notes(r)->to = 1;
	notes(r)->moves = 1;
	/* By the seed: NATs at either place, another family at either place. */
	s->nat[0] = r->seed / KINDS % 2;
	s->nat[1] = r->seed / KINDS / 2 % 2;
	s->ip6[0] = !s->nat[0] && roam_up_to(r, 3) == 0;
	s->ip6[1] = !s->nat[1] && roam_up_to(r, 2) == 0;
	s->mode_config = roam_up_to(r, 1);
	/* The gateway's address that is in use stays so as long as there is a way to it. */
	if (notes(r)->kind == MAKE_BEFORE_BREAK && s->ip6[0] != s->ip6[1])
		notes(r)->kind = SPARE;
	/* Raw ESP goes nowhere near a NAT. */
	if (!s->nat[0] && !s->nat[1] && roam_up_to(r, 2) == 0)
		s->client.ike.transport = IKE_TRANSPORT_ESP;
}

static void second_goes(struct roam *r, unsigned unused)
{
	(void)unused;
	roam_iface_down(client(r), 0);
}

static void second_comes(struct roam *r, unsigned unused)
{
	(void)unused;
	roam_iface_up(client(r), 1, 1, 5);
	notes(r)->iface = 1;
	made(r);
}

static void move_now(struct roam *r, unsigned unused)
{
	struct notes *n = notes(r);

	(void)unused;
	note_before(r);
	switch (n->kind) {
	case BREAK_BEFORE_MAKE:
		roam_iface_down(client(r), 0);
		roam_at(r, r->now + 1 + roam_up_to(r, GONE_MOST), second_comes, 0);
		break;
	case MAKE_BEFORE_BREAK:
		second_comes(r, 0);
		n->gone = r->now + 500 * VTIME_MS;
		roam_at(r, n->gone, second_goes, 0);
		break;
	case IN_PLACE:
		roam_iface_up(client(r), 0, 1, 10);
		made(r);
		break;
	case SPARE:
		roam_iface_down(client(r), 0);
		n->iface = 1;
		made(r);
		break;
	case KINDS:
		break;
	}
}

static void move_up(struct roam *r)
{
	if (notes(r)->kind == SPARE)
		roam_iface_up(client(r), 1, 1, 20);
	roam_pings(r, PING_EVERY);
	roam_at(r, r->now + SETTLE, move_now, 0);
	roam_at(r, r->now + SETTLE + GONE_MOST + AFTER, roam_stop, 0);
}

/* Those that were on their way when it broke, and what was too much to be held; no other. */
static void expect_losses(struct roam *r)
{
	const struct notes *n = notes(r);
	vtime way = n->kind == MAKE_BEFORE_BREAK ? 0 : roam_round_trip(r, 0), kept = n->gone;
	unsigned before, after;

	if (n->kind == BREAK_BEFORE_MAKE && n->made - n->gone > HELD * PING_EVERY)
		kept = n->made - HELD * PING_EVERY;
	before = roam_unanswered(r, n->gone - SETTLE / 2, n->gone - way);
	after = roam_unanswered(r, kept, r->now - VTIME_S / 2);
	roam_expect(r, before == 0 && after == 0,
		    "%u packets were lost before it broke and %u after", before, after);
}

static void move_end(struct roam *r)
{
	const struct notes *n = notes(r);
	vtime trip = roam_round_trip(r, n->to);
	const struct session_mobility *m = &roam_info(client(r))->mobility;

	roam_expect_up(r);
	expect_same_keys(r);
	expect_update(r);
	expect_here(r);
	expect_once(r);
	expect_losses(r);
	if (n->kind != MAKE_BEFORE_BREAK)
		roam_expect_at(r, "the first answer came", roam_first_answer(r, n->made),
			       n->made + trip);
	roam_expect_at(r, "the client was told", n->bound,
		       n->made + (r->settings.nat[n->to] ? 2 : 1) * trip);
	if (r->settings.nat[n->to])
		roam_expect_at(r, "the limit was lifted", n->checked, n->made + 3 * trip / 2);
	roam_expect_at(r, "by its own word the outage ended",
		       m->last_outage + vtime_min(n->gone, n->made), n->bound);
}

/* ---- roam_twice: another one before the first has come to an end ---- */

#define SOON (100 * VTIME_MS)

static void twice_settings(struct roam *r)
{
	struct roam_settings *s = &r->settings;

	notes(r)->kind = IN_PLACE;
	notes(r)->to = 2;
	notes(r)->moves = 2;
	for (unsigned i = 0; i < 3; i++)
		s->nat[i] = r->seed >> i & 1;
	s->mode_config = roam_up_to(r, 1);
}

static void twice_again(struct roam *r, unsigned unused)
{
	struct notes *n = notes(r);

	(void)unused;
	n->acks = roam_info(client(r))->mobility.acks;
	roam_iface_up(client(r), 0, 2, 10);
	made(r);
}

static void twice_now(struct roam *r, unsigned unused)
{
	(void)unused;
	note_before(r);
	roam_iface_up(client(r), 0, 1, 10);
	roam_at(r, r->now + 1 + roam_up_to(r, SOON - 1), twice_again, 0);
}

static void twice_up(struct roam *r)
{
	roam_pings(r, PING_EVERY);
	roam_at(r, r->now + SETTLE, twice_now, 0);
	roam_at(r, r->now + SETTLE + AFTER, roam_stop, 0);
}

/* What goes out from there arrives there: nothing of the place in between may be waited for. */
static void twice_end(struct roam *r)
{
	const struct notes *n = notes(r);
	vtime trip = roam_round_trip(r, 2);

	roam_expect_up(r);
	expect_same_keys(r);
	expect_update(r);
	expect_here(r);
	expect_once(r);
	roam_expect_at(r, "the first answer came", roam_first_answer(r, n->made), n->made + trip);
	roam_expect_at(r, "the client was told", n->bound,
		       n->made + (r->settings.nat[2] ? 2 : 1) * trip);
	roam_expect(r, roam_unanswered(r, n->made, r->now - VTIME_S / 2) == 0,
		    "packets were lost afterwards");
}

/* ---- roam_back: the same address, behind another NAT ---- */

static void back_settings(struct roam *r)
{
	struct roam_settings *s = &r->settings;

	notes(r)->to = 1;
	notes(r)->moves = 1;
	s->nat[0] = r->seed % 2;
	s->nat[1] = true;
}

static void back_comes(struct roam *r, unsigned unused)
{
	struct roam_client *c = client(r);

	(void)unused;
	c->network.iface[0].up = true;
	c->site[0] = 1;
	roam_tell(c, SESSION_EVENT_NETWORK, false);
	made(r);
}

static void back_goes(struct roam *r, unsigned unused)
{
	(void)unused;
	note_before(r);
	roam_iface_down(client(r), 0);
	roam_at(r, r->now + 1 + roam_up_to(r, GONE_MOST), back_comes, 0);
}

static void back_up(struct roam *r)
{
	roam_pings(r, PING_EVERY);
	roam_at(r, r->now + SETTLE, back_goes, 0);
	roam_at(r, r->now + SETTLE + GONE_MOST + AFTER, roam_stop, 0);
}

/* ---- roam_once: both who tell of a change cause one update ---- */

static void once_settings(struct roam *r)
{
	move_settings(r);
	notes(r)->kind = IN_PLACE;
}

static void once_dispatched(struct roam *r, unsigned unused)
{
	(void)unused;
	roam_tell(client(r), SESSION_EVENT_ROAM, false);
}

/* Before the kernel's word, with it, or some time behind it, and more than once. */
static void once_now(struct roam *r, unsigned unused)
{
	vtime base = r->now - 20 * VTIME_MS;

	(void)unused;
	for (unsigned i = 0; i < 6; i++)
		roam_at(r, base + roam_up_to(r, 400 * VTIME_MS), once_dispatched, 0);
	move_now(r, 0);
	once_dispatched(r, 0);
}

static void once_up(struct roam *r)
{
	roam_pings(r, PING_EVERY);
	roam_at(r, r->now + SETTLE, once_now, 0);
	roam_at(r, r->now + SETTLE + AFTER, roam_stop, 0);
}

/* ---- roam_rekey: a move while keys are renewed, by either end ---- */

#define KEYLIFE_S 40
/*
 * Where one end has the new ISAKMP SA already and the other has not, a request comes under the wrong
 * one: the next comes with the first repetition, or when the client has made another SA.
 */
#define PHASE1_LATE (500 * VTIME_MS)

static bool gateway_renews(const struct roam *r)
{
	return r->seed % 2;
}

static bool renews_phase1(const struct roam *r)
{
	return r->seed / 2 % 2;
}

static void rekey_goes(struct roam *r, unsigned unused)
{
	struct roam_keys keys = notes(r)->keys;

	(void)unused;
	move_now(r, 0);
	notes(r)->keys = keys;
}

/* The first message of the exchange tells when. */
static bool rekey_sees(struct roam *r, const struct roam_datagram *d)
{
	struct notes *n = notes(r);
	vtime trip = roam_round_trip(r, 0);

	if (!r->up || n->seen || d->up == gateway_renews(r) ||
	    (d->exchange != ISAKMP_QUICK && d->exchange != ISAKMP_MAIN))
		return false;
	n->seen = 1;
	roam_at(r, r->now + 1 + roam_up_to(r, 4 * trip), rekey_goes, 0);
	roam_at(r, r->now + 12 * VTIME_S, roam_stop, 0);
	return false;
}

static void rekey_settings(struct roam *r)
{
	struct session_config *c = &r->settings.client;
	struct gateway_config *g = &r->gateway.config;
	bool phase1 = renews_phase1(r);

	notes(r)->kind = r->seed / 4 % 2 ? IN_PLACE : MAKE_BEFORE_BREAK;
	notes(r)->to = 1;
	notes(r)->moves = 1;
	r->settings.nat[1] = r->seed / 8 % 2;
	*(phase1 ? &c->ike.lifetime_s : &c->child.keylife_s) = KEYLIFE_S;
	*(phase1 ? &g->entries[0].ike.lifetime_s : &g->child.keylife_s) = KEYLIFE_S;
	c->rekeymargin = (gateway_renews(r) ? 6 : 25) * VTIME_S;
	g->rekeymargin = (gateway_renews(r) ? 25 : 6) * VTIME_S;
	c->rekeyfuzz = g->rekeyfuzz = 0;
	r->sees = rekey_sees;
}

static void rekey_up(struct roam *r)
{
	note_before(r);
	roam_pings(r, 10 * VTIME_MS);
}

static void rekey_end(struct roam *r)
{
	const struct notes *n = notes(r);
	vtime lost = roam_round_trip(r, 0), trip = roam_round_trip(r, 1);
	vtime late = renews_phase1(r) ? PHASE1_LATE + 4 * trip : 0;
	unsigned before, after;
	struct roam_keys keys = roam_keys(client(r));
	const struct session_mobility *m = &roam_info(client(r))->mobility;

	roam_expect(r, n->seen, "nothing was renewed");
	roam_expect_up(r);
	roam_expect(r, m->method == SESSION_ROAMED_UPDATE && m->nacks == 0, "it was survived by %s",
		    session_roamed_name(m->method));
	roam_expect(r, !roam_keys_eq(&keys, &n->keys), "the renewal has come to nothing");
	roam_expect(r, roam_accepted(r) <= (renews_phase1(r) ? 3 : 1), "it has connected %u times",
		    (unsigned)roam_accepted(r));
	expect_here(r);
	if (n->kind == IN_PLACE)
		roam_expect(r, roam_first_answer(r, n->made) <= n->made + trip + late,
			    "the first answer came %.6f s after the move",
			    (double)(roam_first_answer(r, n->made) - n->made) / (double)VTIME_S);
	if (n->kind == MAKE_BEFORE_BREAK)
		lost = 0;
	before = renews_phase1(r) ? 0 : roam_unanswered(r, n->made - VTIME_S, n->made - lost);
	after = roam_unanswered(r, n->made + late, r->now - VTIME_S);
	roam_expect(r, before + after == 0, "packets were lost: %u before, %u afterwards", before,
		    after);
}

/* ---- roam_lost: messages of the update are lost ---- */

#define ALL_LOST (17500 * VTIME_MS) /* 0.5, 1, 2, 4, 8, and 2 s for the answer to the last */

enum loss {
	LOSS_ACK,
	LOSS_1,
	LOSS_2,
	LOSS_3,
	LOSS_4,
	LOSS_ALL,
	LOSS_CHECK,
	LOSSES,
};

static enum loss loss(const struct roam *r)
{
	return (enum loss)(r->seed % LOSSES);
}

static bool lost_sees(struct roam *r, const struct roam_datagram *d)
{
	struct notes *n = notes(r);
	bool ours = d->exchange == ISAKMP_INFORMATIONAL && n->made && r->now >= n->made &&
		    d->up != n->lose_acks;

	if (!ours || n->seen == n->lost)
		return false;
	n->seen++;
	return true;
}

static void lost_settings(struct roam *r)
{
	struct notes *n = notes(r);

	n->kind = IN_PLACE;
	n->to = 1;
	n->moves = 1;
	n->lose_acks = loss(r) == LOSS_ACK || loss(r) == LOSS_CHECK;
	n->lost = n->lose_acks ? 1 : loss(r) == LOSS_ALL ? 6 : loss(r) - LOSS_1 + 1;
	r->settings.nat[1] = loss(r) == LOSS_CHECK;
	r->sees = lost_sees;
}

/* When the first request gets through. */
static vtime lost_wait(struct roam *r)
{
	if (notes(r)->lose_acks)
		return 0;
	if (loss(r) == LOSS_ALL)
		return ALL_LOST;
	return (((vtime)1 << notes(r)->lost) - 1) * 500 * VTIME_MS;
}

static void lost_now(struct roam *r, unsigned unused)
{
	(void)unused;
	move_now(r, 0);
	roam_at(r, r->now + lost_wait(r) + 1, roam_ping, 0);
}

static void lost_up(struct roam *r)
{
	roam_pings(r, 20 * VTIME_MS);
	roam_at(r, r->now + SETTLE, lost_now, 0);
	roam_at(r, r->now + SETTLE + lost_wait(r) + AFTER, roam_stop, 0);
}

/* The packet that is on the way in time is a nanosecond behind the request. */
static void lost_end(struct roam *r)
{
	const struct notes *n = notes(r);
	vtime due = n->made + lost_wait(r) + (n->lose_acks ? 0 : 1);
	const struct session_mobility *m = &roam_info(client(r))->mobility;

	roam_expect_up(r);
	roam_expect(r, n->seen == n->lost, "%u messages were lost", n->seen);
	if (loss(r) == LOSS_ALL) {
		roam_expect_at(r, "the first answer came", roam_first_answer(r, n->made),
			       n->made + ALL_LOST + 5 * roam_round_trip(r, 1));
		roam_expect(r, m->method == SESSION_ROAMED_RENEGOTIATE, "it did not begin anew");
		expect_here(r);
		return;
	}
	expect_same_keys(r);
	expect_here(r);
	expect_once(r);
	roam_expect(r, m->method == SESSION_ROAMED_UPDATE, "it was survived by %s",
		    session_roamed_name(m->method));
	roam_expect_at(r, "the first answer came", roam_first_answer(r, n->made),
		       due + roam_round_trip(r, 1));
}

const struct roam_scenario roam_moves[] = {
	{ "roam_move", move_settings, move_up, move_end, 60 * VTIME_S, 0 },
	{ "roam_twice", twice_settings, twice_up, twice_end, 60 * VTIME_S, 0 },
	{ "roam_back", back_settings, back_up, move_end, 60 * VTIME_S, 0 },
	{ "roam_once", once_settings, once_up, move_end, 60 * VTIME_S, 0 },
	{ "roam_rekey", rekey_settings, rekey_up, rekey_end, 90 * VTIME_S, 0 },
	{ "roam_lost", lost_settings, lost_up, lost_end, 90 * VTIME_S, 0 },
};

const unsigned nroam_moves = ARRAY_SIZE(roam_moves);
