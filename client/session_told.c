/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the event log is told of epochs, pings and held packets, as docs/events.md has it. */
#include "client/session_impl.h"

static void epoch_told(struct session *s, unsigned slot, const struct session_epoch *e,
		       const char *what)
{
	log_ev(s->log, LOG_INFO, what, log_u64("tunnel", slot),
	       log_hex("spi_in", 4, e->child.spi_in), log_hex("spi_out", 4, e->child.spi_out));
}

void session_tell_epochs(struct session *s, unsigned slot)
{
	static const char *const what[] = {
		[EPOCH_PROBING] = "epoch probing",
		[EPOCH_CURRENT] = "epoch current",
		[EPOCH_RETIRING] = "epoch retiring",
		[EPOCH_DEAD] = "epoch gone",
	};
	struct tunnel *t = &s->tunnels[slot];

	for (unsigned k = 0; k < EPOCHS_MAX; k++) {
		enum epoch_state state = t->epochs.epoch[k].state;

		if (state == t->epoch[k].told || state == EPOCH_FREE)
			continue;
		t->epoch[k].told = state;
		epoch_told(s, slot, &t->epoch[k], what[state]);
	}
}

/* ---- pings ---- */

static void ping_told(struct session *s, unsigned slot, const struct session_epoch *e,
		      const char *what, const struct addr *target, uint16_t sequence)
{
	log_ev(s->log, LOG_DEBUG, what, log_u64("tunnel", slot),
	       log_hex("spi_in", 4, e->child.spi_in), log_addr("target", target),
	       log_u64("sequence", sequence));
}

void session_tell_lost(struct session *s, unsigned slot, uint32_t id)
{
	struct tunnel *t = &s->tunnels[slot];
	const struct session_epoch *e = session_epoch_find(t, id);

	if (!e || t->pinged != id)
		return;
	t->pinged = 0;
	log_ev(s->log, LOG_DEBUG, "ping lost", log_u64("tunnel", slot),
	       log_hex("spi_in", 4, e->child.spi_in));
}

void session_tell_ping(struct session *s, unsigned slot, uint32_t id, const struct addr *target,
		       uint16_t sequence)
{
	struct tunnel *t = &s->tunnels[slot];
	const struct session_epoch *e = session_epoch_find(t, id);

	if (!e)
		return;
	t->pinged = id;
	ping_told(s, slot, e, "ping sent", target, sequence);
}

void session_tell_pong(struct session *s, const struct target_probe *p)
{
	struct tunnel *t = &s->tunnels[p->slot];
	const struct session_epoch *e = session_epoch_find(t, p->epoch);

	if (t->pinged == p->epoch)
		t->pinged = 0;
	if (e)
		ping_told(s, p->slot, e, "ping answered", &p->to, p->sequence);
}

/* ---- held packets ---- */

void session_unheld(struct session *s, const struct data_event *ev)
{
	struct session_unheld *before;

	if (ev->slot >= SESSION_SLOTS_MAX)
		return;
	before = &s->unheld[ev->slot];
	log_ev(s->log, LOG_INFO,
	       ev->released > before->released ? "held packets released" : "held packets refused",
	       log_u64("tunnel", ev->slot), log_u64("released", ev->released - before->released),
	       log_u64("refused", ev->refused - before->refused));
	*before = (struct session_unheld){ ev->released, ev->refused };
}
