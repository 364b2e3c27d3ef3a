/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A gateway that does not speak the update: one that follows packets, and two that do not. */
#include "base/mem.h"
#include "tests/sim/roam.h"

#define SETTLE (600 * VTIME_MS + 500 * VTIME_US)
#define AFTER (3 * VTIME_S)
#define PING_EVERY (2 * VTIME_MS)

enum kind {
	FOLLOWS, /* a client behind a NAT, wherever it goes */
	STAYS, /* ESP in UDP without a NAT: nothing to follow */
	RAW, /* nor is there in raw ESP */
	KINDS,
};

struct notes {
	enum kind kind;
	struct roam_keys keys;
	vtime made;
};

static struct notes *notes(const struct roam *r)
{
	return r->notes;
}

static void foreign_settings(struct roam *r)
{
	struct roam_settings *s = &r->settings;
	struct ike_config *theirs = &r->gateway.config.entries[0].ike;
	struct notes *n = r->notes = xcalloc(1, sizeof(*n));

	n->kind = (enum kind)(r->seed % KINDS);
	r->gateway.config.roaming = theirs->address_update = false;
	theirs->force_udp = n->kind == STAYS;
	s->nat[0] = n->kind == FOLLOWS;
	s->nat[1] = n->kind == FOLLOWS && r->seed / KINDS % 2;
	s->mode_config = r->seed / KINDS / 2 % 2;
}

static void foreign_moves(struct roam *r, unsigned unused)
{
	struct notes *n = notes(r);

	(void)unused;
	n->keys = roam_keys(r->clients[0]);
	n->made = r->now;
	roam_iface_up(r->clients[0], 0, 1, 10);
	/* With the second of patience and without it. */
	roam_at(r, r->now, roam_ping, 0);
}

static void foreign_up(struct roam *r)
{
	roam_pings(r, PING_EVERY);
	roam_at(r, r->now + SETTLE, foreign_moves, 0);
	roam_at(r, r->now + SETTLE + AFTER, roam_stop, 0);
}

/* Main mode, Mode Config where it is used, quick mode, and the packet itself. */
static vtime begins_anew(const struct roam *r)
{
	return (3 + r->settings.mode_config + 1 + 1) * roam_round_trip(r, 1);
}

static void foreign_end(struct roam *r)
{
	const struct notes *n = notes(r);
	const struct roam_client *c = r->clients[0];
	const struct session_mobility *m = &roam_info(c)->mobility;
	bool followed = m->method == SESSION_ROAMED_FOLLOW;
	struct roam_keys keys = roam_keys(c);
	struct gateway_info info;
	vtime due = n->made + (n->kind == FOLLOWS ? roam_round_trip(r, 1) : begins_anew(r));

	if (n->kind == STAYS)
		due += UPDATE_FOLLOW_WAIT;
	roam_expect_up(r);
	gateway_info(r->gateway.engine, &info);
	roam_expect(r, m->updates == 0, "%u updates were sent", (unsigned)m->updates);
	roam_expect(r, followed == (n->kind == FOLLOWS) && m->method != SESSION_ROAMED_NONE,
		    "it was survived by %s", session_roamed_name(m->method));
	roam_expect(r, roam_keys_eq(&keys, &n->keys) == followed, "the keys are %s",
		    followed ? "others" : "the same");
	/* A gateway that begins quick mode by itself is quicker. */
	if (n->kind != RAW || roam_first_answer(r, n->made) > due)
		roam_expect_at(r, "the first answer came", roam_first_answer(r, n->made), due);
	roam_expect(r, c->inners == 0 && info.clients == 1 && info.leases <= 1,
		    "it has another inner address, or two");
	roam_expect(r, roam_unanswered(r, due, r->now - VTIME_S / 2) == 0,
		    "packets were lost afterwards");
}

const struct roam_scenario roam_foreigns[] = {
	{ "roam_foreign", foreign_settings, foreign_up, foreign_end, 60 * VTIME_S, 0 },
};

const unsigned nroam_foreigns = ARRAY_SIZE(roam_foreigns);
