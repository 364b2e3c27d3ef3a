/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "client/session_impl.h"

#define ASK_AGAIN (400 * VTIME_MS) /* within UPDATE_FOLLOW_WAIT */
#define STEP_PATIENCE (2 * VTIME_S)

void session_roam_init(struct session *s)
{
	struct session_roam *r = &s->roam;

	paths_init(&r->paths);
	update_client_init(&r->update, s->config->ike.transport == IKE_TRANSPORT_ESP);
	r->ask_at = VTIME_NEVER;
}

bool session_roam_holds(const struct session *s)
{
	return s->roam.held;
}

/* ---- what the update's engine orders ---- */

/* Of all epochs that the gateway may receive on. */
static struct update_spis epoch_spis(const struct session *s, uint32_t *list)
{
	struct update_spis spis = { .spi = list };

	for (unsigned i = 0; i < s->net.ntunnels; i++)
		for (unsigned k = 0; k < EPOCHS_MAX; k++) {
			const struct epoch *e = &s->tunnels[i].epochs.epoch[k];

			if (s->tunnels[i].epoch[k].out && e->state != EPOCH_DEAD && !e->deleted)
				list[spis.n++] = s->tunnels[i].epoch[k].child.spi_out;
		}
	return spis;
}

static void outers_move(struct session *s)
{
	for (unsigned i = 0; i < s->net.ntunnels; i++)
		for (unsigned k = 0; k < EPOCHS_MAX; k++) {
			struct esp_out *out = s->tunnels[i].epoch[k].out;
			struct path *before = out ? esp_out_move(out, &s->path) : NULL;

			if (before)
				session_effect_add(s, SESSION_EFFECT_RETIRE_PATH)->old_path =
					before;
		}
}

/*
 * All that are authenticated go on from s->path's addresses, towards its. What is not has to begin
 * anew, and does.
 */
static void ikes_move(struct session *s, vtime now)
{
	struct ike_event ev = { .type = IKE_EVENT_MOVE };

	for (unsigned k = 0; k < SESSION_IKES_MAX; k++) {
		struct session_ike *i = &s->ike[k];

		if (!i->sa)
			continue;
		if (!i->authenticated) {
			session_ike_abandon(s, now, i);
			continue;
		}
		i->path.local.addr = s->path.local.addr;
		i->path.remote.addr = s->path.remote.addr;
		i->path.encapsulation = s->path.encapsulation;
		i->path.generation = s->path.generation;
		ev.path = i->path;
		ike_event(i->sa, now, &ev);
	}
}

/* Everything talks along s->path, which has changed. */
static void all_move(struct session *s, vtime now)
{
	s->path.generation = ++s->generation;
	outers_move(s);
	ikes_move(s, now);
	s->roam.moved = true;
}

struct ike_notify session_notify(const struct update_message *m)
{
	return (struct ike_notify){
		.id = m->id,
		.type = m->type,
		.data = m->data,
		.from = m->from,
		.to = m->to,
		.natd = m->natd,
		.repeat = m->repeat,
	};
}

static void notify_end(struct session *s, vtime now, uint32_t id)
{
	struct ike_event ev = { .type = IKE_EVENT_NOTIFY_END, .notify_id = id };

	for (unsigned k = 0; k < SESSION_IKES_MAX; k++)
		if (s->ike[k].sa)
			ike_event(s->ike[k].sa, now, &ev);
}

static void notify_send(struct session *s, vtime now, const struct update_message *m)
{
	struct ike_event ev = { .type = IKE_EVENT_NOTIFY };
	struct session_ike *i = session_ike_main(s);

	if (!i)
		return;
	ev.notify = session_notify(m);
	s->roam.told.updates += m->repeat;
	if (m->repeat)
		log_ev(s->log, LOG_INFO, "address update sent", log_endpoint("from", &m->from),
		       log_endpoint("to", &m->to));
	ike_event(i->sa, now, &ev);
}

static void outage_ends(struct session *s, vtime now)
{
	struct session_roam *r = &s->roam;

	if (!r->since)
		return;
	r->told.known = true;
	r->told.last_outage = now - r->since;
	r->since = 0;
	log_ev(s->log, LOG_INFO, "the new path carries",
	       log_str("method", session_roamed_name(r->told.method)),
	       log_u64("outage_ms", r->told.last_outage / VTIME_MS));
}

/* What has come up since: the gateway may have made it before it knew of the move. */
static bool has_unlisted(const struct session *s)
{
	const struct update_client *u = &s->roam.update;
	uint32_t list[SESSION_SLOTS_MAX * EPOCHS_MAX];
	struct update_spis spis = epoch_spis(s, list);
	unsigned k;

	for (unsigned i = 0; i < spis.n; i++) {
		for (k = 0; k < u->n && u->spi[k] != spis.spi[i]; k++)
			;
		if (k == u->n)
			return true;
	}
	return false;
}

static void on_bound(struct session *s, vtime now, const struct update_effect *fx)
{
	struct session_roam *r = &s->roam;
	enum encapsulation e = update_encapsulation(s->path.encapsulation, fx->bound.nat);
	struct session_ike *i = session_ike_main(s);

	log_ev(s->log, LOG_INFO,
	       fx->bound.followed ? "the gateway follows" : "address update acknowledged",
	       log_u64("nat", fx->bound.nat));
	r->told.acks += !fx->bound.followed;
	r->told.method = fx->bound.followed ? SESSION_ROAMED_FOLLOW : SESSION_ROAMED_UPDATE;
	if (!fx->bound.followed) {
		s->nat = r->nat;
		if (i)
			i->nat = r->nat;
	}
	if (e != s->path.encapsulation) {
		s->path.encapsulation = e;
		s->path.local.port = s->path.remote.port = IKE_NATT_PORT;
		all_move(s, now);
	}
	r->ask_at = VTIME_NEVER;
	session_heard(s, now);
	if (fx->bound.more)
		return;
	outage_ends(s, now);
	r->ask_all = !fx->bound.followed && has_unlisted(s);
}

/* The gateway does not have them: as if it had deleted them. */
static void on_renew(struct session *s, vtime now, struct update_spis spis)
{
	for (unsigned i = 0; i < spis.n; i++)
		session_child_deleted(s, now, spis.spi[i]);
}

static void begin_anew(struct session *s, vtime now, enum update_why why)
{
	char text[120];

	s->roam.told.method = SESSION_ROAMED_RENEGOTIATE;
	snprintf(text, sizeof(text),
		 "our address has changed, and the gateway does not go along: %s",
		 update_why_name(why));
	session_recover_moved(s, now, text);
}

static void on_anew(struct session *s, vtime now, enum update_why why)
{
	struct session_roam *r = &s->roam;

	log_ev(s->log, LOG_WARN, "address update failed", log_str("why", update_why_name(why)));
	r->told.nacks += why == UPDATE_WHY_NACK;
	if (why != UPDATE_WHY_UNANSWERED) {
		begin_anew(s, now, why);
		return;
	}
	/* The path itself may be at fault. */
	r->failed = true;
	session_roam_look(s);
}

/* A gateway that follows packets answers both. */
static void on_follow(struct session *s, vtime now)
{
	struct session_roam *r = &s->roam;

	r->asked_from = s->targets.last;
	r->ask_at = vtime_add(now, ASK_AGAIN);
	session_probe(s, now);
	session_probes_ask(s);
}

static void pull(struct session *s, vtime now)
{
	struct update_effect fx;

	while (update_client_output(&s->roam.update, &fx)) {
		switch (fx.type) {
		case UPDATE_STOP:
			notify_end(s, now, fx.id);
			break;
		case UPDATE_SEND:
			notify_send(s, now, &fx.send);
			break;
		case UPDATE_BOUND:
			on_bound(s, now, &fx);
			break;
		case UPDATE_RENEW:
			on_renew(s, now, fx.renew);
			break;
		case UPDATE_ANEW:
			on_anew(s, now, fx.why);
			break;
		case UPDATE_FOLLOW:
			on_follow(s, now);
			break;
		case UPDATE_MOVE: /* a gateway's */
		case UPDATE_UNLIMIT:
			break;
		}
	}
}

static void tell(struct session *s, vtime now, const struct update_client_event *ev)
{
	update_client_event(&s->roam.update, now, ev);
	pull(s, now);
}

/* The gateway is told of s->path. */
static void ask(struct session *s, vtime now, const struct addr *old)
{
	uint32_t spis[SESSION_SLOTS_MAX * EPOCHS_MAX];
	struct update_client_event ev = { .type = UPDATE_CLIENT_MOVE };

	ev.move.old = *old;
	ev.move.from = s->path.local;
	ev.move.to = s->path.remote;
	ev.move.spis = epoch_spis(s, spis);
	ev.move.encapsulation = s->path.encapsulation;
	if (session_ike_main(s))
		tell(s, now, &ev);
	else
		session_probes_ask(s);
}

void session_roam_stop(struct session *s, vtime now)
{
	struct session_roam *r = &s->roam;

	update_client_stop(&r->update);
	pull(s, now);
	r->ask_at = VTIME_NEVER;
	r->failed = false;
	if (!r->held)
		return;
	r->held = false;
	for (unsigned i = 0; i < s->net.ntunnels; i++)
		session_epochs_follow(s, now, i);
}

/* ---- what the gateway says ---- */

void session_roam_established(struct session *s, vtime now, bool supported)
{
	const struct update_client_event ev = { .type = UPDATE_CLIENT_SA, .supported = supported };

	tell(s, now, &ev);
}

void session_roam_notify(struct session *s, vtime now, const struct session_ike *i,
			 const struct ike_effect *fx)
{
	struct update_client_event ev = { .type = UPDATE_CLIENT_NOTIFY };
	enum nat nat = fx->notified.nat;

	ev.notify = (struct update_notified){
		.type = fx->notified.type,
		.data = fx->notified.data,
		.from = fx->notified.from,
		.to = fx->notified.to,
		.newest = session_ike_main(s) == i,
		.natd = fx->notified.natd,
		.peer_nat = nat == NAT_REMOTE || nat == NAT_BOTH,
		.own_nat = nat == NAT_LOCAL || nat == NAT_BOTH,
	};
	if (fx->notified.natd)
		s->roam.nat = nat;
	tell(s, now, &ev);
	if (!s->roam.ask_all)
		return;
	s->roam.ask_all = false;
	ask(s, now, &s->path.local.addr);
}

void session_roam_unanswered(struct session *s, vtime now, uint32_t id)
{
	const struct update_client_event ev = { .type = UPDATE_CLIENT_NO_ANSWER, .id = id };

	tell(s, now, &ev);
}

void session_roam_alive(struct session *s, vtime now)
{
	static const struct update_client_event ev = { .type = UPDATE_CLIENT_IKE_ALIVE };
	const struct addr *to = &s->roam.arrived_to;

	/* What was on its way to the old address says nothing. */
	if (to->family == FAMILY_NONE || addr_eq(to, &s->path.local.addr))
		tell(s, now, &ev);
}

static void esp_alive(struct session *s, vtime now)
{
	static const struct update_client_event ev = { .type = UPDATE_CLIENT_ESP_ALIVE };

	tell(s, now, &ev);
}

void session_roam_answered(struct session *s, vtime now, uint16_t sequence)
{
	if ((int16_t)(sequence - s->roam.asked_from) > 0)
		esp_alive(s, now);
}

vtime session_roam_due_at(const struct session *s)
{
	return vtime_min(s->roam.ask_at, update_client_deadline(&s->roam.update));
}

static void release(struct session *s, vtime now)
{
	for (unsigned i = 0; i < s->net.ntunnels; i++) {
		if (s->roam.update.supported)
			session_epochs_release(s, now, i);
		else
			session_epochs_follow(s, now, i);
	}
}

static void kernel_follows(struct session *s, vtime now)
{
	session_tun_outer(s);
	session_mtu_update(s, now);
	s->mtu_asked = 0;
	session_mtu_ask(s, now);
}

bool session_roam_release(struct session *s, vtime now)
{
	struct session_roam *r = &s->roam;
	bool held = r->release, moved = r->moved;

	r->release = r->moved = false;
	if (held)
		release(s, now);
	if (moved && !s->over && s->state != SESSION_CLOSING)
		kernel_follows(s, now);
	return held || moved;
}

/* Nobody can be pinged: what comes tells, unless it may still come over the old path. */
static bool data_has_come(struct session *s, vtime now)
{
	return session_epochs_hear(s, now) && s->targets.last == s->roam.asked_from &&
	       !s->roam.paths.before_alive;
}

void session_roam_due(struct session *s, vtime now)
{
	struct session_roam *r = &s->roam;

	if (r->ask_at <= now) {
		r->ask_at = VTIME_NEVER;
		if (r->update.following)
			session_probes_ask(s);
	}
	if (update_client_deadline(&r->update) > now)
		return;
	if (data_has_come(s, now))
		esp_alive(s, now);
	update_client_timeout(&r->update, now);
	pull(s, now);
}

/* ---- moving ---- */

static void hold(struct session *s, vtime now)
{
	struct session_roam *r = &s->roam;

	log_ev(s->log, LOG_WARN, "there is no way to the gateway: waiting for one");
	session_roam_stop(s, now);
	session_set_state(s, now, SESSION_RECOVERING);
	snprintf(s->why, sizeof(s->why), "no network leads to the gateway");
	s->step = STEP_UP;
	r->held = true;
	if (!r->since)
		r->since = now;
	for (unsigned i = 0; i < s->net.ntunnels; i++)
		session_epochs_follow(s, now, i);
}

/* There is one: what was there before goes on. */
static void unhold(struct session *s, vtime now)
{
	s->roam.held = false;
	session_set_state(s, now, SESSION_UP);
	s->why[0] = '\0';
	s->heard_at = now;
	session_watch(s, now);
}

/* What it was moved to is what the next attempt to connect begins with. */
static void remote_is(struct session *s, vtime now, const struct addr *remote)
{
	if (addr_eq(remote, &s->path.remote.addr))
		return;
	for (unsigned i = 0; i < s->naddrs; i++)
		if (addr_eq(&s->addrs[i], remote))
			s->addr = i;
	s->path.remote.addr = *remote;
	s->known = *remote;
	session_names_path(s, now);
}

static void move(struct session *s, vtime now)
{
	struct session_roam *r = &s->roam;
	const struct paths_choice *c = &r->paths.choice;
	struct addr old = s->path.local.addr;
	bool held = r->held;

	log_ev(s->log, LOG_INFO, "our address changes", log_addr("from", &s->path.local.addr),
	       log_addr("to", &c->local));
	if (!r->since)
		r->since = now;
	if (held)
		unhold(s, now);
	s->path.local.addr = c->local;
	remote_is(s, now, &c->remote);
	all_move(s, now);
	r->release = held;
	session_refusals_end(s, now);
	ask(s, now, &old);
	if (held)
		session_demand_resume(s, now);
}

bool session_roam_stays(struct session *s, vtime now, const struct session_ike *i)
{
	const struct session_roam *r = &s->roam;
	const struct paths_choice *c = &r->paths.choice;
	struct addr old = i->path.local.addr;

	if (s->state != SESSION_UP || !r->known || !addr_eq(&c->local, &s->path.local.addr) ||
	    addr_eq(&c->local, &old))
		return false;
	all_move(s, now);
	if (!r->update.in_air)
		ask(s, now, &old);
	return true;
}

/*
 * The addresses are the same, but what a NAT knew of us may be forgotten. Who does not speak the update
 * gets as much time as ever: the network may not carry yet.
 */
static void wake(struct session *s, vtime now)
{
	if (s->roam.update.supported) {
		move(s, now);
		return;
	}
	session_probe(s, now);
	session_probes_ask(s);
}

/* ---- facts ---- */

void session_roam_look(struct session *s)
{
	struct session_effect *fx;

	if (s->over || s->roam.looking || s->path.remote.addr.family == FAMILY_NONE)
		return;
	s->roam.looking = true;
	fx = session_effect_add(s, SESSION_EFFECT_LOOK);
	fx->look.remotes = s->naddrs ? s->addrs : &s->path.remote.addr;
	fx->look.n = s->naddrs ? s->naddrs : 1;
}

void session_roam_event(struct session *s, vtime now, const struct session_event *ev)
{
	session_refusals_end(s, now);
	if (ev->slept && (s->state == SESSION_UP || s->roam.held))
		session_recover_slept(s, now);
	paths_again(&s->roam.paths);
	s->roam.again = true;
	s->roam.slept |= ev->slept;
	session_roam_look(s);
}

void session_roam_path(struct session *s)
{
	s->roam.known = false;
	update_client_init(&s->roam.update, s->config->ike.transport == IKE_TRANSPORT_ESP);
	session_roam_look(s);
}

void session_roam_up(struct session *s, vtime now)
{
	outage_ends(s, now);
	session_tun_outer(s);
	session_roam_look(s);
}

/*
 * s->path as a candidate: through which link, the routes tell. False: to what the facts say it is none,
 * although it may carry; then they say nothing of what becomes of it, either.
 */
static bool begin(struct session *s, const struct paths_facts *facts)
{
	struct paths_choice c = { .local = s->path.local.addr, .remote = s->path.remote.addr };

	for (unsigned i = 0; i < facts->nroutes; i++) {
		const struct paths_route *route = &facts->routes[i];

		if (addr_eq(&route->source, &c.local) && addr_eq(&route->remote, &c.remote)) {
			c.ifindex = route->ifindex;
			break;
		}
	}
	paths_set(&s->roam.paths, &c);
	s->roam.known = paths_look(&s->roam.paths, facts) == PATHS_STAY;
	return s->roam.known;
}

static void verdict_up(struct session *s, vtime now, enum paths_verdict v, bool slept)
{
	switch (v) {
	case PATHS_MOVE:
	case PATHS_BACK:
		move(s, now);
		break;
	case PATHS_LOST:
		hold(s, now);
		break;
	case PATHS_STAY:
		if (s->roam.failed)
			begin_anew(s, now, UPDATE_WHY_UNANSWERED);
		else if (slept)
			wake(s, now);
		break;
	}
	s->roam.failed = false;
}

/* Where there is a way now is where to begin, whatever has failed before. */
static void recover_from(struct session *s, vtime now, enum paths_verdict v)
{
	if (v != PATHS_STAY) {
		remote_is(s, now, &s->roam.paths.choice.remote);
		s->start = START_SAME;
	}
	session_recover_again(s, now);
}

/*
 * What began from this address a moment ago, or waits for a person, is not begun again because somebody
 * says what is known: it would never end.
 */
static bool gets_on(const struct session *s, vtime now)
{
	return s->step != STEP_UP && (s->user.ike || now - s->step_began < STEP_PATIENCE);
}

/* While all begins anew, or for the first time: from where there is a way, and when there is one. */
static void verdict_looking(struct session *s, vtime now, enum paths_verdict v, bool again,
			    bool slept)
{
	if (v == PATHS_LOST || (v == PATHS_STAY && (!again || (!slept && gets_on(s, now)))))
		return;
	if (s->state == SESSION_RECOVERING) {
		recover_from(s, now, v);
	} else if (v == PATHS_MOVE && s->naddrs && s->step > STEP_PATH) {
		session_ikes_part(s, now);
		session_try_again(s, now);
	}
}

void session_roam_facts(struct session *s, vtime now, const struct paths_facts *facts)
{
	struct session_roam *r = &s->roam;
	bool again = r->again, slept = r->slept;
	enum paths_verdict v;

	r->looking = r->again = r->slept = false;
	if (s->over || s->state == SESSION_DOWN || s->state == SESSION_CLOSING ||
	    s->path.local.addr.family == FAMILY_NONE)
		return;
	if (!facts) {
		if (r->failed && s->state == SESSION_UP)
			begin_anew(s, now, UPDATE_WHY_UNANSWERED);
		return;
	}
	if (!r->known && !begin(s, facts))
		return;
	v = r->failed ? paths_failed(&r->paths, facts) : paths_look(&r->paths, facts);
	if (s->state == SESSION_UP || (r->held && v != PATHS_STAY))
		verdict_up(s, now, v, slept);
	else if (!r->held)
		verdict_looking(s, now, v, again, slept);
}
