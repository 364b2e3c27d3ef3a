/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/session_impl.h"
#include "mobility/backoff.h"

#define SESSION_REDIRECTS_MAX 5 /* in sequence */
#define EXPIRY_SLACK (10 * VTIME_S)
#define ACCEPT_EVERY VTIME_S /* the peer may begin a phase 1 so often */

/* ---- which one ---- */

static bool is_established(const struct session_ike *i)
{
	return i->sa && i->order > 0;
}

const struct session_ike *session_ike_newest(const struct session *s)
{
	const struct session_ike *newest = NULL;

	for (unsigned k = 0; k < SESSION_IKES_MAX; k++) {
		const struct session_ike *i = &s->ike[k];

		if (is_established(i) && !i->closed && !i->parting &&
		    (!newest || i->order > newest->order))
			newest = i;
	}
	return newest;
}

struct session_ike *session_ike_main(struct session *s)
{
	const struct session_ike *newest = session_ike_newest(s);

	return newest ? &s->ike[newest - s->ike] : NULL;
}

const struct session_ike *session_ike_shown(const struct session *s)
{
	const struct session_ike *newest = session_ike_newest(s);

	for (unsigned k = 0; !newest && k < SESSION_IKES_MAX; k++)
		if (s->ike[k].sa && !s->ike[k].closing && !s->ike[k].parting)
			newest = &s->ike[k];
	return newest;
}

bool session_ikes_any(const struct session *s)
{
	for (unsigned k = 0; k < SESSION_IKES_MAX; k++)
		if (s->ike[k].sa)
			return true;
	return false;
}

static unsigned half_open(const struct session *s, bool accepted)
{
	unsigned n = 0;

	for (unsigned k = 0; k < SESSION_IKES_MAX; k++) {
		const struct session_ike *i = &s->ike[k];

		n += i->sa && !i->closing && i->order == 0 && i->accepted == accepted;
	}
	return n;
}

/*
 * The oldest of those that have been replaced goes to make room, without a word: to a gateway that
 * has not moved the children yet a Delete would be the end of those, too.
 */
static void ike_make_room(struct session *s)
{
	const struct session_ike *newest = session_ike_newest(s);
	struct session_ike *oldest = NULL;

	for (unsigned k = 0; k < SESSION_IKES_MAX; k++) {
		struct session_ike *i = &s->ike[k];

		if (i != newest && is_established(i) && !i->closing &&
		    (!oldest || i->order < oldest->order))
			oldest = i;
	}
	if (!oldest)
		return;
	oldest->closing = true;
	oldest->forgotten = true;
}

/* A fresh ISAKMP SA; NULL when there is no room before one of the others has said goodbye. */
static struct session_ike *ike_new(struct session *s, bool accepted)
{
	for (unsigned k = 0; k < SESSION_IKES_MAX; k++) {
		struct session_ike *i = &s->ike[k];

		if (i->sa)
			continue;
		*i = (struct session_ike){
			.sa = ike_sa_new(&s->ike_config, s->rng, s->log),
			.accepted = accepted,
			.rekey_at = VTIME_NEVER,
			.path = s->path,
			.nat = s->nat,
			.nat_known = s->nat_known,
		};
		return i;
	}
	/* Nobody who has yet to prove itself makes another one leave. */
	if (!accepted)
		ike_make_room(s);
	return NULL;
}

static void ike_drop(struct session *s, struct session_ike *i)
{
	session_user_gone(s, i);
	ike_sa_free(i->sa);
	*i = (struct session_ike){ .rekey_at = VTIME_NEVER };
}

void session_ike_abandon(struct session *s, vtime now, struct session_ike *i)
{
	if (!i->accepted)
		s->ike_retry_at = now;
	ike_drop(s, i);
}

void session_ikes_free(struct session *s)
{
	for (unsigned k = 0; k < SESSION_IKES_MAX; k++)
		ike_drop(s, &s->ike[k]);
}

/* One that has not been authenticated gets no goodbye. */
static bool leaves_politely(const struct session_ike *i)
{
	return is_established(i) || (i->sa && i->authenticated);
}

void session_ikes_part(struct session *s, vtime now)
{
	static const struct ike_failure lost = { .during = "the connection", .text = "lost" };

	s->starting = false;
	for (unsigned k = 0; k < SESSION_IKES_MAX; k++) {
		struct session_ike *i = &s->ike[k];

		session_negotiations_lost(s, now, i, &lost);
		session_user_gone(s, i);
		if (!leaves_politely(i))
			ike_drop(s, i);
		else if (!i->closing)
			i->parting = true;
	}
}

void session_ikes_close(struct session *s, vtime now)
{
	static const struct ike_failure closed = { .during = "the connection",
						   .text = "closed by us" };

	s->starting = false;
	for (unsigned k = 0; k < SESSION_IKES_MAX; k++) {
		session_negotiations_lost(s, now, &s->ike[k], &closed);
		if (leaves_politely(&s->ike[k]))
			s->ike[k].closing = true;
		else
			ike_drop(s, &s->ike[k]);
	}
}

/* ---- beginning ---- */

/* A lease that an old one still holds is given back before it is asked for again. */
static void ikes_leave(struct session *s)
{
	s->unheard = false;
	for (unsigned k = 0; k < SESSION_IKES_MAX; k++)
		s->ike[k].closing |= s->ike[k].parting;
}

void session_ike_start(struct session *s)
{
	if (!s->unheard)
		ikes_leave(s);
	s->starting = true;
}

/*
 * Who the gateway must prove to be: with certificates not anybody whom the same authority knows, but
 * the one that was looked for.
 */
static void expect_gateway(struct session *s)
{
	s->ike_config.remote = s->config->ike.remote;
	if (s->ike_config.remote.type != ID_NONE || s->ike_config.auth == IKE_AUTH_PSK)
		return;
	if (identity_parse(session_gateway_name(s), &s->ike_config.remote) != 0)
		s->ike_config.remote = (struct identity){ .type = ID_NONE };
}

static void ike_begin(struct session *s, vtime now)
{
	struct ike_event ev = { .type = IKE_EVENT_START, .path = s->path };
	struct session_ike *i = ike_new(s, false);

	if (!i) {
		session_ikes_free(s);
		i = ike_new(s, false);
	}
	expect_gateway(s);
	i->first = true;
	ike_event(i->sa, now, &ev);
}

void session_ike_renew(struct session *s, vtime now)
{
	struct ike_event ev = { .type = IKE_EVENT_REKEY, .path = s->path };
	struct session_ike *i;

	if (half_open(s, false))
		return;
	i = ike_new(s, false);
	if (!i) {
		s->ike_retry_at = vtime_add(now, VTIME_S);
		return;
	}
	log_ev(s->log, LOG_INFO, "renewing the IKE SA");
	ike_event(i->sa, now, &ev);
}

vtime session_ikes_due_at(const struct session *s)
{
	const struct session_ike *newest = session_ike_newest(s);

	if (s->state != SESSION_UP || !newest)
		return VTIME_NEVER;
	return vtime_min(s->ike_retry_at, newest->rekey_at);
}

void session_ikes_due(struct session *s, vtime now)
{
	struct session_ike *newest = session_ike_main(s);

	if (session_ikes_due_at(s) > now)
		return;
	newest->rekey_at = VTIME_NEVER;
	s->ike_retry_at = VTIME_NEVER;
	if (session_user_ready(s))
		session_ike_renew(s, now);
	else
		session_user_ask_ahead(s, now, newest->expires_at);
}

static void ike_accept(struct session *s, vtime now, const struct session_event *ev)
{
	struct ike_event in = { .type = IKE_EVENT_ACCEPT };
	struct session_ike *i;

	if (s->state != SESSION_UP || !addr_eq(&ev->datagram.from.addr, &s->path.remote.addr) ||
	    half_open(s, true) >= SESSION_HALF_OPEN_MAX)
		return;
	if (s->accepted_at && now - s->accepted_at < ACCEPT_EVERY)
		return;
	i = ike_new(s, true);
	if (!i)
		return;
	s->accepted_at = now;
	in.datagram.from = ev->datagram.from;
	in.datagram.to = ev->datagram.to;
	in.datagram.bytes = ev->datagram.bytes;
	ike_event(i->sa, now, &in);
}

void session_ike_datagram(struct session *s, vtime now, const struct session_event *ev)
{
	struct ike_event in = { .type = IKE_EVENT_DATAGRAM };

	in.datagram.from = ev->datagram.from;
	in.datagram.to = ev->datagram.to;
	in.datagram.bytes = ev->datagram.bytes;
	s->roam.arrived_to = ev->datagram.to.addr;
	for (unsigned k = 0; k < SESSION_IKES_MAX; k++) {
		if (!s->ike[k].sa || !ike_sa_owns(s->ike[k].sa, ev->datagram.bytes))
			continue;
		ike_event(s->ike[k].sa, now, &in);
		if (s->unheard && s->ike[k].first)
			ikes_leave(s);
		return;
	}
	if (ike_is_first_message(ev->datagram.bytes))
		ike_accept(s, now, ev);
}

/* ---- what it tells ---- */

static const char *auth_name(const struct session *s)
{
	switch (s->ike_config.auth) {
	case IKE_AUTH_PSK:
		return "pre-shared key";
	case IKE_AUTH_RSA:
		return "certificate";
	case IKE_AUTH_HYBRID:
		return "hybrid";
	}
	return "";
}

static void on_nat(struct session *s, vtime now, struct session_ike *i, const struct ike_effect *fx)
{
	static const char *const where[] = {
		[NAT_NONE] = "no NAT",
		[NAT_LOCAL] = "NAT on our side",
		[NAT_REMOTE] = "NAT on the gateway's side",
		[NAT_BOTH] = "NAT on both sides",
	};

	i->path = fx->nat.path;
	i->nat = fx->nat.nat;
	i->nat_known = fx->nat.natt;
	if (!i->first)
		return;
	s->path = fx->nat.path;
	s->path.generation = ++s->generation;
	s->nat = fx->nat.nat;
	s->nat_known = fx->nat.natt;
	session_step_end(s, now, "%s, port %u", s->nat_known ? where[s->nat] : "NAT not looked for",
			 s->path.remote.port);
	session_step_begin(s, now, STEP_AUTHENTICATION, "%s", auth_name(s));
}

static void tell_keys(struct session *s, const struct session_ike *i)
{
	struct session_effect *keys;
	struct ike_sa_info info;

	if (!s->keylog)
		return;
	ike_sa_info(i->sa, &info);
	keys = session_effect_add(s, SESSION_EFFECT_KEYS);
	memcpy(keys->keys.cookie_i, info.cookie_i, sizeof(keys->keys.cookie_i));
	keys->keys.key = ike_sa_cipher_key(i->sa);
}

/* What a person sees of the first of an attempt. */
static void step_to(struct session *s, vtime now, enum session_step step, const char *text)
{
	if (s->step == step)
		return;
	if (s->step == STEP_USER || s->step == STEP_CONFIGURATION)
		session_step_end(s, now, "done");
	session_step_begin(s, now, step, "%s", text);
}

static void on_authenticated(struct session *s, vtime now, struct session_ike *i,
			     const struct ike_effect *fx)
{
	const struct ike_config *c = &s->ike_config;
	char id[IDENTITY_TEXT_MAX], suite[48];

	if (i->authenticated)
		return;
	i->authenticated = true;
	i->peer = fx->established.peer;
	if (!i->first)
		return;
	s->peer = i->peer;
	if (s->step == STEP_PHASE1)
		session_step_end(s, now, "port %u", s->path.remote.port);
	step_to(s, now, STEP_AUTHENTICATION, auth_name(s));
	session_step_end(s, now, "%s, gateway is %.120s, %s", auth_name(s),
			 identity_text(&s->peer, id),
			 ike_suite_name(&fx->established.suite, suite));
	if (c->xauth || c->auth == IKE_AUTH_HYBRID)
		session_step_begin(s, now, STEP_USER, "waiting for the gateway");
	else if (c->wish.pull)
		session_step_begin(s, now, STEP_CONFIGURATION, "waiting for the gateway");
}

static void on_xauth_ask(struct session *s, vtime now, struct session_ike *i,
			 const struct ike_effect *fx)
{
	if (i->parting || i->closing)
		return;
	if (i->first)
		step_to(s, now, STEP_USER, "the gateway asks");
	session_user_ask(s, now, i, fx);
}

static void on_config(struct session *s, vtime now, struct session_ike *i,
		      const struct ike_effect *fx)
{
	if (i->parting || i->closing)
		return;
	if (i->first)
		step_to(s, now, STEP_CONFIGURATION, "from the gateway");
	session_config_take(s, now, i, fx->assigned);
}

/* The steps that a person sees go on. */
static void on_first_established(struct session *s, vtime now, struct session_ike *i)
{
	i->first = false;
	if (!session_config_use(s, now, i, true))
		return;
	if (s->step == STEP_USER || s->step == STEP_CONFIGURATION)
		session_step_end(s, now, "done");
	session_tunnels_step(s, now);
	session_tunnels_begin(s, now);
}

/* What has been negotiated is where we talk from now on. */
static void take_path(struct session *s, vtime now, struct session_ike *i)
{
	bool moved;

	i->path.encapsulation = s->path.encapsulation;
	i->path.data_port = s->path.data_port;
	if (session_roam_stays(s, now, i))
		return;
	moved = !endpoint_eq(&i->path.local, &s->path.local) ||
		!endpoint_eq(&i->path.remote, &s->path.remote);
	i->path.generation = moved ? ++s->generation : s->path.generation;
	s->path = i->path;
	if (moved)
		session_refusals_end(s, now);
}

/* A newer one: what is under way goes on over the old one, what comes goes over this one. */
static void on_renewed(struct session *s, vtime now, struct session_ike *i)
{
	take_path(s, now, i);
	s->nat = i->nat;
	s->nat_known = i->nat_known;
	s->ike_failures = 0;
	s->ike_retry_at = VTIME_NEVER;
	log_ev(s->log, LOG_INFO, "IKE SA renewed", log_str("by", i->accepted ? "peer" : "us"));
	for (unsigned k = 0; s->orphaned && k < s->net.ntunnels; k++)
		if (s->tunnels[k].wanted)
			s->tunnels[k].retry_at = now;
	s->orphaned = false;
	if (session_config_use(s, now, i, false))
		session_tunnels_next(s, now);
}

/* Of those that are replaced a few are kept for receiving, so that there is room for new ones. */
static void ike_trim(struct session *s)
{
	unsigned n = 0;

	for (unsigned k = 0; k < SESSION_IKES_MAX; k++)
		n += is_established(&s->ike[k]) && !s->ike[k].closing;
	if (n > SESSION_IKES_KEPT)
		ike_make_room(s);
}

/* The gateway may shorten a life while it lasts (RFC 2407 section 4.6.3.1). */
static void follow_lifetime(struct session *s, vtime now, struct session_ike *i)
{
	struct ike_sa_info info;
	vtime left, at;

	ike_sa_info(i->sa, &info);
	if (!is_established(i) || info.expires_at >= i->expires_at)
		return;
	i->expires_at = info.expires_at;
	left = info.expires_at > now ? info.expires_at - now : 0;
	at = left < VTIME_S ? now : session_life(s, now, (uint32_t)(left / VTIME_S)).rekey_at;
	if (i->rekey_at != VTIME_NEVER)
		i->rekey_at = vtime_min(i->rekey_at, at);
}

static void on_established(struct session *s, vtime now, struct session_ike *i,
			   const struct ike_effect *fx)
{
	struct ike_sa_info info;

	on_authenticated(s, now, i, fx);
	i->cisco = fx->established.cisco;
	i->own = fx->established.own;
	i->order = ++s->ike_order;
	i->rekey_at = session_life(s, now, fx->established.lifetime_s).rekey_at;
	ike_sa_info(i->sa, &info);
	i->expires_at = info.expires_at;
	ike_trim(s);
	s->peer = i->peer;
	session_heard(s, now);
	tell_keys(s, i);
	session_user_established(s, now, i);
	session_roam_established(s, now, fx->established.address_update);
	if (i->first)
		on_first_established(s, now, i);
	else
		on_renewed(s, now, i);
}

/* Its time is over while a person is being asked, or nobody was there: no reason to stop the rest. */
static bool outlived(struct session *s, vtime now, const struct session_ike *was,
		     const struct ike_failure *why)
{
	/* The gateway's clock may be a little ahead of ours, and its Delete comes first. */
	bool expired = why->err == ERR_EXHAUSTED || vtime_add(now, EXPIRY_SLACK) >= was->expires_at;

	if (s->state != SESSION_UP || !expired)
		return false;
	if (session_user_ready(s) && !s->user.nobody && !s->user.ask.id)
		return false;
	s->orphaned = true;
	log_ev(s->log, LOG_WARN,
	       "the IKE SA has ended and nobody has answered: the tunnels go on "
	       "until their keys end, too");
	return true;
}

/* It has worked, and there is no other that works. */
static void on_lost(struct session *s, vtime now, const struct session_ike *was,
		    const struct ike_failure *why)
{
	s->user.nobody |= was->xauth.nobody ||
			  (session_user_refused(s, was, why) && session_user_spent(s));
	if (!session_ike_main(s)) {
		if (outlived(s, now, was, why))
			return;
		session_failed_ike(s, now, why, false);
		return;
	}
	log_ev(s->log, LOG_INFO, "an IKE SA is gone, another one goes on",
	       log_str("why", why->text ? why->text : err_name(why->err)));
	if (!s->user.nobody)
		s->ike_retry_at = vtime_min(s->ike_retry_at, vtime_add(now, VTIME_S));
}

/* Refused, or not answered in time: it is asked again, and says nothing about the gateway. */
static void on_renewal_unanswered(struct session *s, vtime now, const struct session_ike *i,
				  const struct ike_failure *why)
{
	log_ev(s->log, LOG_WARN, "the IKE SA is not renewed: the user", log_str("why", why->text));
	if (i->accepted || s->user.nobody)
		return;
	s->ike_failures++;
	s->ike_retry_at =
		session_user_ready(s) ? vtime_add(now, backoff_wait(s->ike_failures, s->rng)) : now;
}

static void on_renewal_failed(struct session *s, vtime now, const struct session_ike *i,
			      const struct ike_failure *why)
{
	bool refused = session_user_refused(s, i, why);

	session_wishes_ike_lost(s, why);
	s->user.nobody |= i->xauth.nobody || (refused && session_user_spent(s));
	if (i->xauth.asking || i->xauth.nobody || refused) {
		on_renewal_unanswered(s, now, i, why);
		return;
	}
	if (i->accepted)
		return;
	s->ike_failures++;
	s->ike_retry_at = vtime_add(now, backoff_wait(s->ike_failures, s->rng));
	log_ev(s->log, LOG_WARN, "cannot renew the IKE SA",
	       log_str("why", why->text ? why->text : err_name(why->err)));
	session_count_failure(s, now);
}

static bool redirected(struct session *s, vtime now, const struct ike_failure *why)
{
	if (why->err != ERR_REDIRECTED || !s->config->redirects || !addr_is_host(&why->redirect) ||
	    s->redirects == SESSION_REDIRECTS_MAX)
		return false;
	s->redirects++;
	log_ev(s->log, LOG_INFO, "the gateway sends us to another one",
	       log_addr("gateway", &why->redirect));
	session_try_other(s, now, &why->redirect);
	return true;
}

static void on_first_dead(struct session *s, vtime now, const struct session_ike *was,
			  const struct ike_failure *why)
{
	if (redirected(s, now, why))
		return;
	if (!session_user_refused(s, was, why))
		session_failed_ike(s, now, why, why->err == ERR_TIMEOUT && s->step == STEP_PHASE1);
	else if (session_user_spent(s))
		session_user_fail(s, now);
	else
		session_try_again(s, now);
}

static void on_dead(struct session *s, vtime now, struct session_ike *i,
		    const struct ike_failure *why)
{
	const struct session_ike was = *i;
	bool newest = session_ike_main(s) == i;

	if (!was.closing && !was.parting)
		session_refusal_judge(s, now, &was, true);
	ike_drop(s, i);
	session_negotiations_lost(s, now, i, why);
	if (s->state == SESSION_CLOSING) {
		if (!session_ikes_any(s))
			session_finish(s, now);
	} else if (was.closing || was.parting || s->over) {
		return;
	} else if (was.first) {
		on_first_dead(s, now, &was, why);
	} else if (was.order == 0) {
		if (s->state == SESSION_UP)
			on_renewal_failed(s, now, &was, why);
		else if (session_roam_holds(s))
			s->ike_retry_at = now;
	} else if (newest) {
		on_lost(s, now, &was, why);
	}
}

static void on_effect(struct session *s, vtime now, struct session_ike *i, struct ike_effect *fx)
{
	switch (fx->type) {
	case IKE_EFFECT_SEND: /* passed on by session_ikes_output */
	case IKE_EFFECT_XAUTH_REPLY: /* of a gateway alone */
	case IKE_EFFECT_CONFIG_WANTED:
		break;
	case IKE_EFFECT_NAT:
		on_nat(s, now, i, fx);
		break;
	case IKE_EFFECT_AUTHENTICATED:
		on_authenticated(s, now, i, fx);
		break;
	case IKE_EFFECT_XAUTH_ASK:
		on_xauth_ask(s, now, i, fx);
		break;
	case IKE_EFFECT_CONFIG:
		on_config(s, now, i, fx);
		break;
	case IKE_EFFECT_ESTABLISHED:
		on_established(s, now, i, fx);
		break;
	case IKE_EFFECT_CHILD_READY:
		session_child_ready(s, now, i, &fx->child);
		break;
	case IKE_EFFECT_CHILD_UP:
		session_child_up(s, now, i, &fx->child);
		break;
	case IKE_EFFECT_CHILD_FAILED:
		session_child_failed(s, now, i, fx->child_failed.id, &fx->child_failed.why);
		break;
	case IKE_EFFECT_CHILD_DELETED:
		session_child_deleted(s, now, fx->spi);
		break;
	case IKE_EFFECT_DEAD:
		on_dead(s, now, i, &fx->why);
		break;
	case IKE_EFFECT_CHILD_OFFER:
		session_child_offer(s, now, i, fx->offer.id, &fx->offer.ts);
		break;
	case IKE_EFFECT_ALIVE:
		i->refused_last = false;
		session_heard(s, now);
		session_roam_alive(s, now);
		follow_lifetime(s, now, i);
		break;
	case IKE_EFFECT_SILENT:
		session_refusal_judge(s, now, i, false);
		if (session_ike_main(s) == i)
			session_silent(s, now);
		break;
	case IKE_EFFECT_HINT:
		log_ev(s->log, LOG_DEBUG, "hint", log_u64("notify", fx->notify));
		session_probe(s, now);
		break;
	case IKE_EFFECT_NOTIFY:
		session_roam_notify(s, now, i, fx);
		break;
	case IKE_EFFECT_UNANSWERED:
		session_roam_unanswered(s, now, fx->notify_id);
		break;
	}
}

/* ---- the verbs ---- */

/* To a gateway that ends children with the SA that they came by nothing is said when it ends. */
static bool expires_silently(const struct session_ike *i, vtime now)
{
	struct ike_sa_info info;

	if (!i->cisco || !is_established(i) || i->closing)
		return false;
	ike_sa_info(i->sa, &info);
	return info.expires_at <= now;
}

void session_ikes_timeout(struct session *s, vtime now)
{
	static const struct ike_failure expired = {
		.err = ERR_EXHAUSTED,
		.during = "the connection",
		.text = "the lifetime of the connection's keys is over",
	};

	for (unsigned k = 0; k < SESSION_IKES_MAX; k++) {
		struct session_ike *i = &s->ike[k];

		if (!i->sa || ike_deadline(i->sa) > now)
			continue;
		if (expires_silently(i, now))
			on_dead(s, now, i, &expired);
		else
			ike_timeout(i->sa, now);
	}
}

vtime session_ikes_deadline(const struct session *s)
{
	vtime first = VTIME_NEVER;

	for (unsigned k = 0; k < SESSION_IKES_MAX; k++)
		if (s->ike[k].sa)
			first = vtime_min(first, ike_deadline(s->ike[k].sa));
	return first;
}

/* The next effect of any of them; a message goes to *out. */
static bool ikes_pull(struct session *s, vtime now, struct session_effect *out, bool *message)
{
	struct ike_effect fx;

	*message = false;
	for (unsigned k = 0; k < SESSION_IKES_MAX; k++) {
		if (!s->ike[k].sa || !ike_output(s->ike[k].sa, now, &fx))
			continue;
		*message = fx.type == IKE_EFFECT_SEND;
		if (*message) {
			memset(out, 0, sizeof(*out));
			out->type = SESSION_EFFECT_SEND;
			out->send.from = fx.send.from;
			out->send.to = fx.send.to;
			out->send.bytes = fx.send.bytes;
		} else {
			on_effect(s, now, &s->ike[k], &fx);
		}
		return true;
	}
	return false;
}

/* What has waited until all that was said before is out. False: nothing has. */
static bool say_goodbye(struct session *s, vtime now)
{
	static const struct ike_failure forgotten = { .during = "the connection",
						      .text = "replaced long ago" };
	struct ike_event ev = { .type = IKE_EVENT_CHILD_DELETE };
	struct session_ike *i = session_ike_main(s);

	if (s->ngoodbyes) {
		ev.spi = s->goodbyes[s->first_goodbye];
		s->first_goodbye = (s->first_goodbye + 1) % SESSION_GOODBYES_MAX;
		s->ngoodbyes--;
		if (i)
			ike_event(i->sa, now, &ev);
		return true;
	}
	for (unsigned k = 0; k < SESSION_IKES_MAX; k++) {
		if (!s->ike[k].sa || !s->ike[k].closing || s->ike[k].closed)
			continue;
		if (s->ike[k].forgotten) {
			ike_drop(s, &s->ike[k]);
			session_negotiations_lost(s, now, &s->ike[k], &forgotten);
			if (s->state == SESSION_CLOSING && !session_ikes_any(s))
				session_finish(s, now);
			return true;
		}
		s->ike[k].closed = true;
		ev.type = IKE_EVENT_CLOSE;
		ike_event(s->ike[k].sa, now, &ev);
		return true;
	}
	if (s->starting) {
		s->starting = false;
		ike_begin(s, now);
		return true;
	}
	return false;
}

bool session_ikes_output(struct session *s, vtime now, struct session_effect *out)
{
	bool message;

	while (s->queued == 0) {
		if (ikes_pull(s, now, out, &message)) {
			if (message)
				return true;
		} else if (!say_goodbye(s, now)) {
			return false;
		}
	}
	return false;
}
