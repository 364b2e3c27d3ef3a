/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Moves over wires that lose, duplicate and reorder, beside somebody who sends what he has heard once
 * more, later and from elsewhere. Nobody asks whether the other lives: what recovers does so by itself.
 */
#include "base/mem.h"
#include "tests/sim/roam.h"

#define MOVES 6
#define MOVE_EVERY (8 * VTIME_S)
#define BAD_FOR (MOVES * MOVE_EVERY + 5 * VTIME_S)
#define GOOD_FOR (75 * VTIME_S) /* nothing is lost, and nobody moves or attacks */
#define LAST (5 * VTIME_S) /* of which in so much all is answered */
#define PING_EVERY (100 * VTIME_MS)
#define ATTACKER_NET 250
#define RESENT_MOST (6 * VTIME_S)
#define TAKEN_MOST (3 * UPDATE_CHECK_WAIT)

struct notes {
	bool good;
	vtime taken; /* since then all data goes to the attacker; 0: it does not */
	unsigned forged;
};

static struct notes *notes(const struct roam *r)
{
	return r->notes;
}

static struct endpoint elsewhere(struct roam *r)
{
	struct endpoint e = { .port = (uint16_t)(1024 + roam_up_to(r, 60000)) };

	e.addr = r->sites[0].box.config.outside;
	e.addr.b[2] = ATTACKER_NET;
	return e;
}

/* What he has heard: from elsewhere, or from where it came from, at once or later. */
static void attack(struct roam *r, const struct roam_datagram *d)
{
	struct endpoint from = roam_up_to(r, 2) ? elsewhere(r) : d->from;
	uint8_t bytes[4 + IKE_MESSAGE_MAX] = { 0 };
	size_t marker = d->exchange ? 4 : 0;
	vtime later = roam_up_to(r, 1) ? roam_up_to(r, RESENT_MOST) : 0;

	if (d->from.port == ESP_PORT_BARE || d->to.port != IKE_NATT_PORT)
		return;
	memcpy(bytes + marker, d->bytes.p, d->bytes.n);
	notes(r)->forged++;
	roam_forge(r, &from, &d->to, slice(bytes, marker + d->bytes.n),
		   r->now + r->settings.link[0].delay / 2 + later);
}

/* It may take what is authentic and new to the gateway first; it does not keep the client's data. */
static void data_goes(struct roam *r, const struct endpoint *to)
{
	struct notes *n = notes(r);

	if (to->addr.b[2] != ATTACKER_NET)
		n->taken = 0;
	else if (!n->taken)
		n->taken = r->now;
	roam_expect(r, !n->taken || r->now - n->taken <= TAKEN_MOST,
		    "data has gone to the attacker for %.3f s",
		    (double)(r->now - n->taken) / (double)VTIME_S);
}

static bool lossy_sees(struct roam *r, const struct roam_datagram *d)
{
	struct notes *n = notes(r);

	if (!d->up && !d->exchange)
		data_goes(r, &d->to);
	if (!d->up || !r->up || n->good)
		return false;
	if (roam_up_to(r, d->exchange ? 2 : 20) == 0)
		attack(r, d);
	return false;
}

static void lossy_settings(struct roam *r)
{
	struct roam_settings *s = &r->settings;

	r->notes = xcalloc(1, sizeof(struct notes));
	r->sees = lossy_sees;
	for (unsigned i = 0; i < s->nsites; i++)
		s->nat[i] = roam_up_to(r, 1);
	s->mode_config = roam_up_to(r, 1);
}

/* The wire is good while the client connects. */
static void wires_are(struct roam *r, bool good)
{
	for (unsigned i = 0; i < r->settings.nsites; i++) {
		struct link_config c = r->settings.link[i];

		if (!good) {
			c.jitter = 5 * VTIME_MS;
			c.held = 80 * VTIME_MS;
			c.loss = (unsigned)roam_up_to(r, 300);
			c.duplication = (unsigned)roam_up_to(r, 300);
			c.reordering = (unsigned)roam_up_to(r, 300);
		}
		r->sites[i].up.config = r->sites[i].down.config = c;
	}
	notes(r)->good = good;
}

static void lossy_moves(struct roam *r, unsigned number)
{
	struct roam_client *c = r->clients[0];
	unsigned to = number % 2, site = (unsigned)roam_up_to(r, r->settings.nsites - 1);

	switch (roam_up_to(r, 2)) {
	case 0:
		roam_iface_down(c, !to);
		roam_iface_up(c, to, site, 10 - number);
		break;
	case 1:
		roam_iface_up(c, to, site, 10 - number);
		break;
	default:
		roam_iface_up(c, to, site, 10 - number);
		roam_iface_down(c, !to);
		break;
	}
}

static void lossy_ends(struct roam *r, unsigned unused)
{
	(void)unused;
	wires_are(r, true);
	roam_at(r, r->now + GOOD_FOR, roam_stop, 0);
}

static void lossy_up(struct roam *r)
{
	wires_are(r, false);
	roam_pings(r, PING_EVERY);
	for (unsigned i = 1; i <= MOVES; i++)
		roam_at(r, r->now + (i - 1) * MOVE_EVERY + roam_up_to(r, MOVE_EVERY), lossy_moves,
			i);
	roam_at(r, r->now + BAD_FOR, lossy_ends, 0);
}

static void lossy_end(struct roam *r)
{
	const struct notes *n = notes(r);
	const struct roam_client *c = r->clients[0];
	struct addr local = roam_info(c)->path.local.addr;
	const struct network_iface *f = network_find(&c->network, &local);
	struct endpoint peer = roam_peer(r);
	char text[ENDPOINT_TEXT_MAX];
	uint64_t moved;
	unsigned site;

	roam_expect_up(r);
	roam_expect(r, n->forged > 0, "nobody has forged anything");
	roam_expect(r, f != NULL, "it talks from an address that it has not");
	if (!f)
		return;
	site = c->site[f - c->network.iface];
	if (r->settings.nat[site])
		local = r->sites[site].box.config.outside;
	roam_expect(r, addr_eq(&peer.addr, &local), "the gateway takes it to be at %s",
		    endpoint_text(&peer, text));
	/* Heard again, or from elsewhere, a request moves nothing once more. */
	moved = roam_rule(r, UPDATE_GATEWAY_MOVED) + roam_rule(r, UPDATE_GATEWAY_MOVED_CHECKING) +
		roam_rule(r, UPDATE_GATEWAY_MOVED_SAME_PATH);
	roam_expect(r, moved <= roam_info(c)->mobility.updates,
		    "%u requests have moved it %u times", (unsigned)roam_info(c)->mobility.updates,
		    (unsigned)moved);
	roam_expect(r, c->inners == 0, "it has another inner address");
	roam_expect(r, roam_unanswered(r, r->now - LAST, r->now - VTIME_S) == 0,
		    "%u packets were not answered at the end",
		    roam_unanswered(r, r->now - LAST, r->now - VTIME_S));
}

const struct roam_scenario roam_lossies[] = {
	{ "roam_lossy", lossy_settings, lossy_up, lossy_end, 300 * VTIME_S, 0 },
};

const unsigned nroam_lossies = ARRAY_SIZE(roam_lossies);
