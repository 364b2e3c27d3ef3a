/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mobility/prober.h"

void prober_init(struct prober *p, const struct prober_config *config)
{
	*p = (struct prober){ .config = *config, .fresh_at = VTIME_NEVER, .used_at = VTIME_NEVER };
}

/* ---- the new epoch ---- */

void prober_begin(struct prober *p, vtime now, uint32_t id)
{
	p->fresh = id;
	p->ntries = 0;
	p->fresh_at = id ? now : VTIME_NEVER;
}

void prober_end(struct prober *p, uint32_t id)
{
	if (p->fresh == id)
		prober_begin(p, 0, 0);
}

static enum prober_order fresh_next(struct prober *p, vtime now)
{
	if (p->ntries > p->config.pingtries) {
		/* What is given up is not asked any more, until it is heard. */
		if (p->used == p->fresh)
			p->used_at = VTIME_NEVER;
		prober_end(p, p->fresh);
		return PROBER_UNPROVED;
	}
	p->ntries++;
	p->fresh_at = vtime_add(now, p->config.pingtime);
	return PROBER_PING;
}

/* ---- the one in use ---- */

static void listen(struct prober *p, vtime from)
{
	p->heard_at = from;
	p->ntries2 = 0;
	p->used_at = p->used && p->config.maxidle ? vtime_add(from, p->config.maxidle) :
						    VTIME_NEVER;
}

void prober_watch(struct prober *p, vtime now, uint32_t id)
{
	if (p->used == id && p->used_at != VTIME_NEVER)
		return;
	p->used = id;
	listen(p, now);
}

void prober_heard(struct prober *p, vtime at, uint32_t id)
{
	if (id && p->used == id && at > p->heard_at)
		listen(p, at);
}

static enum prober_order used_next(struct prober *p, vtime now)
{
	if (p->ntries2 > p->config.pingtries2) {
		p->used_at = VTIME_NEVER;
		return PROBER_SILENT;
	}
	p->ntries2++;
	p->used_at = vtime_add(now, p->config.pingtime2);
	return PROBER_PING;
}

/* The probes of a new epoch that is in use already are pings enough. */
static vtime used_at(const struct prober *p)
{
	return p->used == p->fresh ? VTIME_NEVER : p->used_at;
}

/* ---- both ---- */

enum prober_order prober_next(struct prober *p, vtime now, uint32_t *id)
{
	if (p->fresh_at <= now) {
		*id = p->fresh;
		return fresh_next(p, now);
	}
	if (used_at(p) <= now) {
		*id = p->used;
		return used_next(p, now);
	}
	return PROBER_NONE;
}

bool prober_idle_due(const struct prober *p, vtime now)
{
	return used_at(p) <= now;
}

void prober_hasten(struct prober *p, vtime now)
{
	if (p->ntries2 == 0 && used_at(p) <= vtime_add(now, p->config.maxidle / 2))
		p->used_at = vtime_min(p->used_at, now);
}

vtime prober_deadline(const struct prober *p)
{
	return vtime_min(p->fresh_at, used_at(p));
}
