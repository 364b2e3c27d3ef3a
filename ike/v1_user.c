/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What follows phase 1:
 *
 *	            SET: accepted
 *	        ┌─────────────────────────────────────────┐
 *	AWAITED ┴► ASKED ─► ANSWERED ─┬─► PULLING ─► ESTABLISHED
 *	   ▲         ▲          │     │                  │
 *	phase 1      └──────────┘     └─► DEAD           └─► ASKED, once more
 *	           another round       refused
 *
 * With an older SA before this one a gateway may ask for its user again, or may not; the same is
 * true of Mode Config. Quick modes that the gateway begins meanwhile are dropped and come again: no
 * offer can be judged while the address is not known.
 */
#include "ike/sa.h"

/* Gateways ask right behind phase 1, if they ask on a rekeying. */
#define ASK_AGAIN_WAIT (2 * VTIME_S)
/*
 * Cisco's do not; but others that send its vendor ids do, take no quick mode until that is answered, and
 * may not know our address before it is asked for, too.
 */
#define ASK_AGAIN_WAIT_CISCO (1 * VTIME_S)
#define PULL_AGAIN_WAIT (5 * VTIME_S)
/* Somebody may have to confirm it on a telephone. */
#define VERDICT_WAIT (120 * VTIME_S)
/* A gateway that asks on and on has no end in mind. */
#define ROUNDS_MAX 32

struct ike_failure v1_user_failure(int err, const char *text)
{
	return (struct ike_failure){
		.err = err, .authentic = true, .during = "XAUTH", .text = text
	};
}

/* The gateway knows our user, and our address, from an older SA. */
static bool is_again(const struct ike_sa *sa)
{
	return sa->rekey || sa->responder;
}

static bool wants_user(const struct ike_sa *sa)
{
	return sa->config->xauth || sa->config->auth == IKE_AUTH_HYBRID;
}

static bool has_address(const struct ike_sa *sa)
{
	return sa->user.assigned.ip4.family != FAMILY_NONE ||
	       sa->user.assigned.ip6.family != FAMILY_NONE;
}

static void stage_set(struct ike_sa *sa, enum user_stage stage, vtime until)
{
	sa->user.stage = stage;
	timers_set(&sa->timers, IKE_T_USER, until);
}

/* ---- the end of it ---- */

static void tell(struct ike_sa *sa, enum ike_effect_type type)
{
	struct outgoing *o = sa_push(sa, type);

	if (!o)
		return;
	o->effect.established.suite = sa->suite;
	o->effect.established.peer = sa->peer;
	o->effect.established.lifetime_s = sa->lifetime_s;
	o->effect.established.cisco = sa->peer_cisco;
	o->effect.established.own = sa->vendors & VENDOR_BIT(VENDOR_GODWIT);
	o->effect.established.address_update = sa->address_update;
}

void v1_user_established(struct ike_sa *sa)
{
	stage_set(sa, USER_NONE, VTIME_NEVER);
	if (sa->state == IKE_STATE_ESTABLISHED)
		return;
	sa->state = IKE_STATE_ESTABLISHED;
	tell(sa, IKE_EFFECT_ESTABLISHED);
}

static void tell_config(struct ike_sa *sa)
{
	struct outgoing *o = sa_push(sa, IKE_EFFECT_CONFIG);
	const struct ike_assigned *a = &sa->user.assigned;

	log_ev(sa->log, LOG_INFO, "configuration given", log_addr("ip4", &a->ip4),
	       log_addr("ip6", &a->ip6), log_u64("dns", a->ndns), log_u64("include", a->ninclude),
	       log_u64("exclude", a->nexclude), log_str("domain", a->domain));
	if (o)
		o->effect.assigned = a;
}

/* ---- Mode Config, as a client pulls it ---- */

static void write_wish(struct ike_sa *sa, struct transaction *t, struct wr *w)
{
	const struct ike_config *c = sa->config;
	const struct attribute_ask ask = {
		.unity = c->vendor == IKE_VENDOR_CISCO || sa->peer_unity,
		.cisco_udp = c->transport == IKE_TRANSPORT_CISCO_UDP,
	};

	(void)t;
	attributes_write_wish(w, &c->wish, &ask);
}

static void pull_end(struct ike_sa *sa)
{
	if (!sa->user.pull)
		return;
	v1_transaction_end(sa->user.pull);
	sa->user.pull = NULL;
	v1_transaction_arm(sa);
}

/* XAUTH is over, or none is to come. */
static void user_known(struct ike_sa *sa, vtime now)
{
	vtime wait = sa->config->timeout;

	sa->user.rounds = 0;
	if (sa->state == IKE_STATE_ESTABLISHED || !sa->config->wish.pull || has_address(sa) ||
	    (is_again(sa) && sa->peer_cisco && !sa->user.round)) {
		v1_user_established(sa);
		return;
	}
	if (is_again(sa))
		wait = vtime_min(wait, PULL_AGAIN_WAIT);
	stage_set(sa, USER_PULLING, VTIME_NEVER);
	sa->user.pull = v1_transaction_begin(sa, now, &v1_transaction_pull, wait, write_wish, NULL);
}

static void pulled(struct ike_sa *sa)
{
	struct ike_failure none = v1_user_failure(
		ERR_PEER_REFUSED, "the gateway has no address for us: its pool is empty, or "
				  "there is none for this user");

	sa->user.pull = NULL;
	if (!has_address(sa) && !is_again(sa)) {
		none.during = v1_transaction_pull.name;
		sa_die(sa, &none, true);
		return;
	}
	if (has_address(sa))
		tell_config(sa);
	v1_user_established(sa);
}

/* ---- XAUTH ---- */

static void write_status(struct ike_sa *sa, struct transaction *t, struct wr *w)
{
	(void)sa;
	if (attribute_types_has(&t->types, ATTRIBUTE_XAUTH_TYPE))
		attribute_write_number(w, ATTRIBUTE_XAUTH_TYPE, t->xauth_type);
	attribute_write_number(w, ATTRIBUTE_XAUTH_STATUS, 0);
}

/* What was asked for, in its order; what we know nothing of is empty. */
static void write_answer(struct ike_sa *sa, struct transaction *t, struct wr *w)
{
	for (unsigned i = 0; i < t->types.n; i++) {
		uint16_t type = t->types.type[i];
		int field = xauth_field_of(type);

		if (type == ATTRIBUTE_XAUTH_TYPE)
			attribute_write_number(w, type, t->xauth_type);
		else if (field >= 0)
			attribute_write(w, type,
					t->event ? t->event->answer.value[field] : SLICE_NONE);
		else if (type == ATTRIBUTE_APPLICATION_VERSION)
			attribute_write(w, type, SLICE_STR(sa->config->wish.application_version));
		else if (type != ATTRIBUTE_XAUTH_MESSAGE && type != ATTRIBUTE_XAUTH_CHALLENGE &&
			 type != ATTRIBUTE_XAUTH_STATUS)
			attribute_write(w, type, SLICE_NONE);
	}
}

/* The draft has what was taken in an ACK, without values. */
static void write_ack(struct ike_sa *sa, struct transaction *t, struct wr *w)
{
	(void)sa;
	for (unsigned i = 0; i < t->types.n; i++)
		attribute_write(w, t->types.type[i], SLICE_NONE);
}

static void give_up(struct ike_sa *sa, vtime now, struct transaction *t,
		    const struct ike_failure *why)
{
	sa->user.open = NULL;
	v1_transaction_answer(sa, now, t, write_status, NULL);
	sa_die(sa, why, true);
}

/* What a person could type without a machine's help. */
static bool is_answerable(const struct xauth *x)
{
	if (!x->typed)
		return true;
	return x->type != XAUTH_TYPE_RADIUS_CHAP && (x->type <= XAUTH_TYPE_SKEY || !x->challenge);
}

static void ask(struct ike_sa *sa, struct transaction *t)
{
	struct user *u = &sa->user;
	struct outgoing *o = sa_push(sa, IKE_EFFECT_XAUTH_ASK);

	pull_end(sa);
	stage_set(sa, USER_ASKED, VTIME_NEVER);
	u->open = t;
	u->round++;
	memcpy(u->message, u->heard.message, sizeof(u->message));
	log_ev(sa->log, LOG_INFO, "the gateway asks for the user", log_u64("round", u->round),
	       log_hex("fields", 1, u->heard.fields));
	if (!o)
		return;
	o->effect.ask.fields = u->heard.fields;
	o->effect.ask.round = u->round;
	o->effect.ask.message = u->message;
}

static void request_heard(struct ike_sa *sa, vtime now, struct transaction *t)
{
	const struct ike_failure strange = v1_user_failure(
		ERR_UNSUPPORTED, "the gateway asks for the user in a way that is not supported");
	const struct ike_failure endless =
		v1_user_failure(ERR_AUTH, "the gateway asks for the user again and again");

	if (!sa->user.heard.fields && !sa->user.heard.challenge)
		v1_transaction_answer(sa, now, t, write_answer, NULL);
	else if (!sa->user.heard.fields || !is_answerable(&sa->user.heard))
		give_up(sa, now, t, &strange);
	else if (sa->user.rounds++ == ROUNDS_MAX)
		give_up(sa, now, t, &endless);
	else
		ask(sa, t);
}

static bool can_answer(const struct transaction *t, const struct ike_event *ev)
{
	for (unsigned f = 0; f < XAUTH_FIELDS; f++)
		if (t->fields & 1u << f && ev->answer.value[f].p)
			return true;
	return false;
}

void v1_user_answer(struct ike_sa *sa, vtime now, const struct ike_event *ev)
{
	const struct ike_failure refused = v1_user_failure(
		ERR_AUTH, "the gateway asks for a user, and there is nobody to answer");
	struct transaction *t = sa->user.open;

	if (!t || !sa_is_up(sa) || sa->config->gateway)
		return;
	if (ev->answer.refuse || !can_answer(t, ev)) {
		give_up(sa, now, t, &refused);
		return;
	}
	sa->user.open = NULL;
	stage_set(sa, USER_ANSWERED, vtime_add(now, VERDICT_WAIT));
	v1_transaction_answer(sa, now, t, write_answer, ev);
}

/* The gateway has decided. A question that is still open is so no more. */
static void verdict(struct ike_sa *sa, vtime now)
{
	struct ike_failure refused = v1_user_failure(
		ERR_AUTH,
		"the gateway does not accept the user: name, password or code is probably wrong");

	if (sa->user.open) {
		v1_transaction_end(sa->user.open);
		sa->user.open = NULL;
		v1_transaction_arm(sa);
	}
	if (sa->user.heard.status > 0) {
		log_ev(sa->log, LOG_INFO, "user accepted");
		pull_end(sa);
		user_known(sa, now);
		return;
	}
	attribute_text(SLICE_STR(sa->user.heard.message), refused.said, sizeof(refused.said));
	sa_die(sa, &refused, true);
}

static void set_heard(struct ike_sa *sa, vtime now, struct transaction *t)
{
	v1_transaction_answer(sa, now, t, write_ack, NULL);
	if (!sa_is_up(sa))
		return;
	if (t->gives)
		tell_config(sa);
	if (sa->user.heard.status >= 0) {
		verdict(sa, now);
	} else if (sa->user.stage == USER_PULLING && has_address(sa)) {
		pull_end(sa);
		v1_user_established(sa);
	}
}

/* ---- what v1_transaction.c hands on ---- */

bool v1_user_may_take(const struct ike_sa *sa, uint8_t message)
{
	if (sa->config->gateway)
		return v1_user_r_may_take(sa, message);
	return message != ATTRIBUTE_REQUEST || !sa->user.open;
}

void v1_user_hear(struct ike_sa *sa, struct transaction *t, const struct attributes *a)
{
	if (sa->config->gateway) {
		v1_user_r_hear(sa, t, a);
		return;
	}
	if (t->x.type == &v1_transaction_pull) {
		attributes_take_config(a, &sa->user.assigned, sa->log);
		return;
	}
	xauth_of(a, &sa->user.heard);
	memset(sa->user.heard.value, 0, sizeof(sa->user.heard.value));
	t->fields = sa->user.heard.fields;
	t->xauth_type = sa->user.heard.type;
	if (t->message == ATTRIBUTE_SET)
		t->gives = attributes_take_config(a, &sa->user.assigned, sa->log);
}

void v1_user_heard(struct ike_sa *sa, vtime now, struct transaction *t)
{
	if (sa->config->gateway)
		v1_user_r_heard(sa, now, t);
	else if (t->message == ATTRIBUTE_SET)
		set_heard(sa, now, t);
	else
		request_heard(sa, now, t);
}

void v1_user_unanswered(struct ike_sa *sa, vtime now, struct transaction *t,
			const struct ike_failure *why)
{
	struct ike_failure late = v1_user_failure(why->err, why->text);

	if (sa->config->gateway)
		v1_user_r_unanswered(sa, t);
	else
		give_up(sa, now, t, &late);
}

void v1_user_done(struct ike_sa *sa, vtime now, struct transaction *t)
{
	(void)now;
	if (sa->config->gateway)
		v1_user_r_done(sa, t);
	else
		pulled(sa);
}

void v1_user_lost(struct ike_sa *sa, vtime now, const struct exchange_type *type,
		  const struct ike_failure *why)
{
	(void)now;
	sa->user.pull = NULL;
	if (sa->config->gateway) {
		v1_user_r_lost(sa, type, why);
	} else if (is_again(sa)) {
		log_ev(sa->log, LOG_INFO, "no configuration this time", log_str("why", why->text));
		v1_user_established(sa);
	} else {
		sa_die(sa, why, true);
	}
}

/* ---- beginning, time, end ---- */

static vtime ask_wait(const struct ike_sa *sa)
{
	if (!is_again(sa))
		return sa->config->timeout;
	return sa->peer_cisco ? ASK_AGAIN_WAIT_CISCO : ASK_AGAIN_WAIT;
}

void v1_user_begin(struct ike_sa *sa, vtime now)
{
	tell(sa, IKE_EFFECT_AUTHENTICATED);
	if (sa->config->gateway)
		v1_user_r_begin(sa);
	else if (!wants_user(sa))
		user_known(sa, now);
	else
		stage_set(sa, USER_AWAITED, vtime_add(now, ask_wait(sa)));
}

void v1_user_timeout(struct ike_sa *sa, vtime now)
{
	const struct ike_failure silent =
		v1_user_failure(ERR_TIMEOUT, "the gateway does not ask for a user");
	const struct ike_failure undecided = v1_user_failure(
		ERR_TIMEOUT, "the gateway does not say whether it accepts the user");

	if (sa->user.stage == USER_ANSWERED)
		sa_die(sa, &undecided, true);
	else if (sa->user.stage == USER_AWAITED && is_again(sa))
		user_known(sa, now);
	else if (sa->user.stage == USER_AWAITED)
		sa_die(sa, &silent, true);
}

struct ike_failure v1_user_closed(const struct ike_sa *sa)
{
	struct ike_failure why = v1_user_failure(
		ERR_PEER_REFUSED, sa->config->gateway ? "the client closed the connection" :
							"the gateway closed the connection");

	why.during = "the connection";
	/* Some say no more than that when they do not like a user. */
	if (sa->user.stage == USER_ANSWERED && !sa->config->gateway)
		why = v1_user_failure(ERR_AUTH,
				      "the gateway closed the connection instead of accepting the "
				      "user: name, password or code is probably wrong");
	return why;
}

void v1_user_end(struct ike_sa *sa)
{
	for (unsigned f = 0; f < XAUTH_FIELDS; f++)
		secret_free(&sa->user.value[f]);
	sa->user.open = NULL;
	sa->user.pull = NULL;
	wipe(sa->user.message, sizeof(sa->user.message));
}
