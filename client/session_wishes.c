/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stdio.h>

#include "client/session_impl.h"

static struct session_wished *wished_find(struct session *s, uint64_t id)
{
	for (unsigned i = 0; i < SESSION_WISHES_MAX; i++)
		if (s->wished[i].granted.id == id)
			return &s->wished[i];
	return NULL;
}

/* The end of it; without a reason it is done. */
__attribute__((format(printf, 4, 5))) static void
grant(struct session *s, vtime now, struct session_wished *w, const char *why, ...)
{
	struct session_granted *g = &session_effect_add(s, SESSION_EFFECT_GRANTED)->granted;
	va_list args;

	*g = w->granted;
	g->took = now - w->since;
	va_start(args, why);
	vsnprintf(g->why, sizeof(g->why), why, args);
	va_end(args);
	*w = (struct session_wished){ .until = VTIME_NEVER };
}

#define DONE "%s", ""

/* ---- new keys ---- */

static bool is_named(const struct session *s, unsigned slot, const char *name)
{
	char buf[SESSION_RULE_NAME_MAX];

	session_slot_name(s, slot, buf);
	return s->net.slots[slot].used && strcmp(buf, name) == 0;
}

static uint32_t newest_of(const struct tunnel *t)
{
	uint32_t newest = 0;

	for (unsigned k = 0; k < EPOCHS_MAX; k++)
		if (t->epoch[k].in && t->epochs.epoch[k].id > newest)
			newest = t->epochs.epoch[k].id;
	return newest;
}

/* Those that have SAs; false: none has. */
static bool renew_tunnels(struct session *s, vtime now, struct session_wished *w)
{
	bool any = false;

	w->tunnels = false;
	for (unsigned i = 0; i < s->net.ntunnels; i++) {
		if ((w->tunnel[0] && !is_named(s, i, w->tunnel)) ||
		    epochs_current(&s->tunnels[i].epochs) < 0)
			continue;
		w->newest[i] = newest_of(&s->tunnels[i]);
		session_tunnel_renew(s, now, i);
		any = true;
	}
	return any;
}

static void renew_ike(struct session *s, vtime now, struct session_wished *w)
{
	struct session_ike *ike = session_ike_main(s);

	if (!session_user_ready(s)) {
		session_user_ask_ahead(s, now, ike->expires_at);
		grant(s, now, w,
		      "new IKE keys take an answer of yours first: see godwit status, then godwit "
		      "answer");
		return;
	}
	w->ike = true;
	w->order = s->ike_order;
	w->lost = s->ike_lost;
	session_ike_renew(s, now);
}

static void rekey(struct session *s, vtime now, struct session_wished *w,
		  const struct session_wish *wish)
{
	w->until = vtime_add(now, SESSION_REKEY_TIMEOUT);
	w->tunnels = wish->rekey != SESSION_REKEY_IKE;
	if (wish->rekey == SESSION_REKEY_TUNNEL)
		memcpy(w->tunnel, wish->tunnel, sizeof(w->tunnel));
	if (s->state != SESSION_UP)
		grant(s, now, w, "the connection is not up");
	else if (!session_ike_main(s))
		grant(s, now, w, "there is no IKE SA to negotiate new keys with");
	else if (wish->rekey != SESSION_REKEY_TUNNEL)
		renew_ike(s, now, w);
	else if (!renew_tunnels(s, now, w))
		grant(s, now, w, "no tunnel named %s has keys; see godwit show epochs",
		      wish->tunnel);
}

void session_wishes_ike_lost(struct session *s, const struct ike_failure *why)
{
	s->ike_lost++;
	snprintf(s->ike_lost_why, sizeof(s->ike_lost_why), "%s",
		 why->text ? why->text : err_name(why->err));
}

/* False: it waits. */
static bool ike_is_renewed(struct session *s, vtime now, struct session_wished *w)
{
	const struct session_ike *newest = session_ike_newest(s);

	if (w->ike && newest && newest->order > w->order) {
		w->ike = false;
		w->granted.ike = true;
		if (w->tunnels)
			renew_tunnels(s, now, w);
	} else if (w->ike && s->ike_lost != w->lost) {
		grant(s, now, w, "the IKE SA is not renewed: %s", s->ike_lost_why);
		return false;
	}
	return !w->ike;
}

static void rekey_follow(struct session *s, vtime now, struct session_wished *w)
{
	unsigned waiting = 0, failed = 0;

	if (s->state != SESSION_UP) {
		grant(s, now, w, "the connection was lost meanwhile");
		return;
	}
	if (!ike_is_renewed(s, now, w))
		return;
	for (unsigned i = 0; i < SESSION_SLOTS_MAX; i++) {
		if (!w->newest[i])
			continue;
		if (newest_of(&s->tunnels[i]) > w->newest[i]) {
			w->newest[i] = 0;
			w->granted.tunnels++;
		} else if (session_tunnel_pending(s, i)) {
			waiting++;
		} else {
			failed++;
		}
	}
	if (waiting)
		return;
	if (failed)
		grant(s, now, w, "%u tunnel%s not renewed: %s", failed,
		      failed == 1 ? " is" : "s are",
		      s->last_child_failure.text ? s->last_child_failure.text : "refused");
	else
		grant(s, now, w, DONE);
}

/* ---- a ping ---- */

/* Whom to ask when nobody is named: who answers, or else who is asked first. */
static const struct addr *somebody(const struct session *s)
{
	if (s->targets.state == TARGET_FOUND)
		return &s->targets.list[s->targets.found].addr;
	return s->targets.n ? &s->targets.list[0].addr : NULL;
}

/* The SA that data to this address goes out on, and from which address of ours; NULL: none. */
static struct esp_out *way_to(const struct session *s, const struct addr *to, unsigned *slot,
			      const struct addr **from)
{
	for (*slot = 0; *slot < s->net.ntunnels; ++*slot) {
		const struct tunnel *t = &s->tunnels[*slot];
		int current = epochs_current(&t->epochs);
		struct esp_out *out = current < 0 ? NULL : t->epoch[current].out;

		if (out && (*from = session_probes_source(s, &esp_out_config(out)->ts, to)))
			return out;
	}
	return NULL;
}

static void ping(struct session *s, vtime now, struct session_wished *w,
		 const struct session_wish *wish)
{
	const struct addr *to = wish->to.family == FAMILY_NONE ? somebody(s) : &wish->to, *from;
	struct packet_echo echo = {
		.id = s->probe_key.identifier,
		.payload = SLICE_OF(s->probe_key.token),
	};
	struct session_granted *g = &w->granted;
	char text[ADDR_TEXT_MAX];
	struct esp_out *out;
	unsigned slot;

	g->ping = true;
	w->until = vtime_add(now, SESSION_PING_TIMEOUT);
	if (!to) {
		grant(s, now, w,
		      "nobody behind the gateway is known that could be asked: name an "
		      "address");
		return;
	}
	g->to = *to;
	out = way_to(s, to, &slot, &from);
	if (!out) {
		grant(s, now, w, "no tunnel that has keys now goes to %s", addr_text(to, text));
		return;
	}
	session_slot_name(s, slot, g->tunnel);
	g->spi_out = esp_out_config(out)->spi;
	echo.src = *from;
	echo.dst = *to;
	echo.sequence = w->sequence = targets_number(&s->targets);
	session_probes_send(s, out, &echo);
}

bool session_wish_answered(struct session *s, vtime now, const struct data_event *ev)
{
	for (unsigned i = 0; i < SESSION_WISHES_MAX; i++) {
		struct session_wished *w = &s->wished[i];

		if (!w->granted.id || !w->sequence || w->sequence != ev->sequence ||
		    !addr_eq(&w->granted.to, &ev->tuple.src))
			continue;
		w->granted.answered = true;
		grant(s, now, w, DONE);
		return true;
	}
	return false;
}

/* ---- both ---- */

void session_wish(struct session *s, vtime now, const struct session_event *ev)
{
	struct session_wished *w =
		wished_find(s, ev->type == SESSION_EVENT_FORGET ? ev->wish.id : 0);
	struct session_wished none = { 0 };

	if (ev->type == SESSION_EVENT_FORGET) {
		if (w)
			*w = (struct session_wished){ .until = VTIME_NEVER };
		return;
	}
	if (!w) {
		none.granted.id = ev->wish.id;
		none.since = now;
		grant(s, now, &none, "too many wait for something like it already");
		return;
	}
	*w = (struct session_wished){ .granted.id = ev->wish.id, .since = now };
	if (ev->type == SESSION_EVENT_PING)
		ping(s, now, w, &ev->wish);
	else
		rekey(s, now, w, &ev->wish);
}

void session_wishes_follow(struct session *s, vtime now)
{
	for (unsigned i = 0; i < SESSION_WISHES_MAX && !s->over; i++)
		if (s->wished[i].granted.id && !s->wished[i].granted.ping)
			rekey_follow(s, now, &s->wished[i]);
}

vtime session_wishes_due_at(const struct session *s)
{
	vtime first = VTIME_NEVER;

	for (unsigned i = 0; i < SESSION_WISHES_MAX; i++)
		if (s->wished[i].granted.id)
			first = vtime_min(first, s->wished[i].until);
	return first;
}

void session_wishes_due(struct session *s, vtime now)
{
	for (unsigned i = 0; i < SESSION_WISHES_MAX; i++) {
		struct session_wished *w = &s->wished[i];

		if (!w->granted.id || w->until > now)
			continue;
		if (w->granted.ping)
			grant(s, now, w, DONE);
		else
			grant(s, now, w, "the gateway has not answered within %u s",
			      (unsigned)(SESSION_REKEY_TIMEOUT / VTIME_S));
	}
}
