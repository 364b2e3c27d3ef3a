/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "client/session_impl.h"
#include "mobility/backoff.h"

#define LATE (5 * VTIME_S) /* no timer comes so late, unless the host was asleep */
/* Up for so long, an attempt counts as good although nothing has been heard. */
#define SETTLED (60 * VTIME_S)

/* ---- the ladder ---- */

enum ladder_step session_climb(struct session *s, enum ladder_event event)
{
	enum rung was = s->ladder.rung;
	enum ladder_step step = ladder_event(&s->ladder, event, session_addresses_left(s),
					     session_gateways_left(s));

	if (step == LADDER_RECONNECT)
		s->start = START_SAME;
	else if (step == LADDER_MOVE_ADDRESS)
		s->start = START_NEXT;
	else if (step == LADDER_START_OVER)
		s->start = START_FIRST;
	if (s->ladder.rung != was)
		log_ev(s->log, LOG_DEBUG, "recovery", log_str("rung", rung_name(s->ladder.rung)),
		       log_u64("nepoch", s->ladder.nepoch));
	return step;
}

/* ---- recovery ---- */

/*
 * Two clients that the gateway takes for one and the same throw each other out as soon as they are
 * up: what did not last counts as well, from the second time on.
 */
static vtime recover_wait(struct session *s)
{
	unsigned relapses = s->relapses ? s->relapses - 1 : 0;

	return backoff_wait(s->failures > relapses ? s->failures : relapses, s->rng);
}

static void enter(struct session *s, vtime now, const char *why)
{
	log_ev(s->log, LOG_WARN, "recovering", log_str("why", why));
	session_roam_stop(s, now);
	session_set_state(s, now, SESSION_RECOVERING);
	snprintf(s->why, sizeof(s->why), "%s", why);
	s->probing = false;
	s->orphaned = false;
	s->tun_waiting = false;
	s->ike_failures = 0;
	s->ike_retry_at = VTIME_NEVER;
	for (unsigned i = 0; i < s->net.ntunnels; i++) {
		s->tunnels[i].retry_at = VTIME_NEVER;
		s->tunnels[i].queued = 0;
	}
	session_probes_stop(s);
}

/* Begins anew, where the ladder says. `lost`: the gateway is not heard any more. */
static void reconnect(struct session *s, vtime now, bool lost, const char *why)
{
	if (now - s->since >= SETTLED)
		s->failures = s->relapses = 0;
	else
		s->relapses++;
	enter(s, now, why);
	session_user_stop(s);
	session_epochs_doubt(s, now, lost);
	session_ikes_part(s, now);
	timers_set(&s->timers, T_RECOVER, vtime_add(now, recover_wait(s)));
}

void session_recover(struct session *s, vtime now, const char *why)
{
	if (s->state != SESSION_UP)
		return;
	session_climb(s, LADDER_DEAD);
	reconnect(s, now, false, why);
}

void session_recover_moved(struct session *s, vtime now, const char *why)
{
	if (s->state != SESSION_UP)
		return;
	enter(s, now, why);
	s->failures = s->relapses = 0;
	session_user_stop(s);
	session_epochs_doubt(s, now, true);
	session_ikes_part(s, now);
	s->start = START_SAME;
	/* Where the gateway is has not changed, and those who answer for names may not be there. */
	session_try_again(s, now);
}

/* Without a word over them: they are as good as gone. */
static void forget_expired(struct session *s, vtime now)
{
	static const struct ike_failure over = { .during = "the connection",
						 .text = "its keys have expired" };

	for (unsigned k = 0; k < SESSION_IKES_MAX; k++) {
		struct session_ike *i = &s->ike[k];

		if (!i->sa || !i->order || i->expires_at > now)
			continue;
		session_negotiations_lost(s, now, i, &over);
		session_user_gone(s, i);
		session_ike_abandon(s, now, i);
	}
}

void session_recover_slept(struct session *s, vtime now)
{
	bool had = session_ike_main(s) != NULL;

	forget_expired(s, now);
	if (!had || session_ike_main(s)) {
		session_epochs_due(s, now);
		return;
	}
	enter(s, now, "the keys have expired while the host was asleep");
	s->failures = s->relapses = 0;
	session_user_stop(s);
	session_epochs_due(s, now);
	session_epochs_doubt(s, now, true);
	session_ikes_part(s, now);
	s->start = START_SAME;
	s->step = STEP_UP;
	timers_set(&s->timers, T_RECOVER, now);
}

void session_recover_late(struct session *s, vtime now)
{
	if (s->state != SESSION_UP && !session_roam_holds(s))
		return;
	for (unsigned k = 0; k < SESSION_IKES_MAX; k++) {
		const struct session_ike *i = &s->ike[k];

		if (i->sa && i->order && vtime_add(i->expires_at, LATE) <= now) {
			session_recover_slept(s, now);
			return;
		}
	}
}

void session_recover_again(struct session *s, vtime now)
{
	s->failures = 0;
	session_ikes_part(s, now);
	s->tun_waiting = false;
	s->step = STEP_UP;
	timers_set(&s->timers, T_RECOVER, now);
}

void session_reconfigure(struct session *s, vtime now, const char *why)
{
	enter(s, now, why);
	session_tunnels_step(s, now);
	session_tunnels_begin(s, now);
}

void session_recover_failed(struct session *s, vtime now, const char *why)
{
	s->failures++;
	snprintf(s->why, sizeof(s->why), "%s", why);
	session_roam_stop(s, now);
	session_ikes_part(s, now);
	s->tun_waiting = false;
	s->step = STEP_UP; /* no answer that comes late is waited for */
	timers_set(&s->timers, T_RECOVER, vtime_add(now, backoff_wait(s->failures, s->rng)));
	log_ev(s->log, LOG_WARN, "not yet", log_u64("attempts", s->failures),
	       log_str("why", s->why));
}

void session_recover_due(struct session *s, vtime now)
{
	if (s->state == SESSION_RECOVERING)
		session_find(s, now);
}

void session_recovered(struct session *s, vtime now)
{
	s->why[0] = '\0';
	s->known = s->path.remote.addr;
	s->known_of = s->gateway;
	s->heard_at = now;
	s->failures++; /* until something is heard, or it lasts */
	session_roam_up(s, now);
	session_watch(s, now);
	/* What the gateway has given while there was no time for it. */
	if (session_ike_main(s) && !session_config_use(s, now, session_ike_main(s), false))
		return;
	session_demand_resume(s, now);
}

/* True when it was one too many. */
static bool climbs_out(struct session *s, enum ladder_event event)
{
	switch (session_climb(s, event)) {
	case LADDER_STAY:
	case LADDER_NEGOTIATE:
		return false;
	case LADDER_RECONNECT:
	case LADDER_MOVE_ADDRESS:
	case LADDER_START_OVER:
		return s->state == SESSION_UP;
	}
	return false;
}

void session_count_failure(struct session *s, vtime now)
{
	if (climbs_out(s, LADDER_FAILED))
		reconnect(s, now, false, "too many negotiations in a row have failed");
}

void session_unproved(struct session *s, vtime now)
{
	if (!climbs_out(s, LADDER_UNPROVED))
		return;
	session_probes_exhausted(s, now);
	reconnect(s, now, false, "new keys were negotiated, and nothing came through them");
}

void session_proved(struct session *s, vtime now)
{
	session_climb(s, LADDER_PROVED);
	s->addrs_tried = s->gateways_tried = 0;
	s->failures = 0;
	s->heard_at = now;
}

/* ---- is it alive ---- */

void session_heard(struct session *s, vtime now)
{
	s->heard_at = now;
	s->probing = false;
}

void session_probe(struct session *s, vtime now)
{
	struct ike_event ev = { .type = IKE_EVENT_PROBE };
	struct session_ike *i = session_ike_main(s);

	if (s->state != SESSION_UP || s->probing || !i || i->closing)
		return;
	s->probing = true;
	log_ev(s->log, LOG_DEBUG, "is the gateway alive?");
	ike_event(i->sa, now, &ev);
}

void session_silent(struct session *s, vtime now)
{
	s->probing = false;
	session_epochs_hear(s, now);
	/* It sends data but does not answer the question: that is answer enough. */
	if (s->config->dpd && now - s->heard_at < s->config->dpd)
		return;
	if (s->state != SESSION_UP)
		return;
	s->unheard = true;
	session_climb(s, LADDER_DEAD);
	reconnect(s, now, true, "the gateway does not answer any more");
}

vtime session_watch_due_at(const struct session *s)
{
	const struct session_ike *i = session_ike_newest(s);
	bool asks = s->state == SESSION_UP && s->config->dpd && !s->probing && i && !i->closing;

	return vtime_min(s->look_at, asks ? vtime_add(s->heard_at, s->config->dpd) : VTIME_NEVER);
}

void session_watch(struct session *s, vtime now)
{
	s->look_at = VTIME_NEVER;
	session_epochs_hear(s, now);
	if (s->config->dpd && now - s->heard_at >= s->config->dpd)
		session_probe(s, now);
}
