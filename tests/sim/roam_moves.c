/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Moves over good wires: how long, to the nanosecond, and what stays as it was. */
#include "base/mem.h"
#include "tests/sim/roam.h"

/* From being up to the first move, which falls between two pings. */
#define SETTLE (2 * VTIME_S + 500 * VTIME_US)
#define AFTER (3 * VTIME_S) /* from the last move to the end */
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
	unsigned to; /* the site */
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
	roam_ping(r, 0);
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
	roam_expect(r,
		    info->mobility.updates == n->updates + n->moves &&
			    info->mobility.nacks == 0,
		    "%u updates for %u moves", (unsigned)(info->mobility.updates - n->updates),
		    n->moves);
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
		roam_at(r, r->now + 1 + roam_up_to(r, 5 * VTIME_S), second_comes, 0);
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
	roam_at(r, r->now + SETTLE + 5 * VTIME_S + AFTER, roam_stop, 0);
}

/* Those that were on their way when it broke, and what was too much to be held; no other. */
static void expect_losses(struct roam *r)
{
	const struct notes *n = notes(r);
	vtime way = n->kind == MAKE_BEFORE_BREAK ? 0 : roam_round_trip(r, 0), kept = n->gone;
	unsigned before, after;

	if (n->kind == BREAK_BEFORE_MAKE && n->made - n->gone > HELD * PING_EVERY)
		kept = n->made - HELD * PING_EVERY;
	before = roam_unanswered(r, 0, n->gone - way);
	after = roam_unanswered(r, kept, r->now - VTIME_S);
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

const struct roam_scenario roam_moves[] = {
	{ "roam_move", move_settings, move_up, move_end, 60 * VTIME_S, 0 },
};

const unsigned nroam_moves = ARRAY_SIZE(roam_moves);
