/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/sa.h"

/* Longer than a client lets its person think. */
#define DEMAND_WAIT (330 * VTIME_S)

/* ---- what the client says ---- */

static void values_forget(struct ike_sa *sa)
{
	for (unsigned f = 0; f < XAUTH_FIELDS; f++)
		secret_free(&sa->user.value[f]);
}

static void reply_keep(struct ike_sa *sa, const struct attributes *a)
{
	struct xauth *x = &sa->user.heard;

	values_forget(sa);
	xauth_of(a, x);
	sa->user.cannot = x->status >= 0;
	for (unsigned f = 0; f < XAUTH_FIELDS; f++)
		if (x->fields & 1u << f)
			secret_set(&sa->user.value[f], x->value[f]);
	wipe(x, sizeof(*x));
}

static void reply_tell(struct ike_sa *sa)
{
	struct outgoing *o = sa_push(sa, IKE_EFFECT_XAUTH_REPLY);

	sa->user.stage = USER_ANSWERED;
	if (!o)
		return;
	o->effect.reply.failed = sa->user.cannot;
	for (unsigned f = 0; f < XAUTH_FIELDS; f++)
		o->effect.reply.value[f] = secret_slice(&sa->user.value[f]);
}

static void wanted_tell(struct ike_sa *sa, struct transaction *t)
{
	struct outgoing *o = sa_push(sa, IKE_EFFECT_CONFIG_WANTED);
	const struct attribute_wish *wish = &sa->user.wish;

	/* A client that asks anew has given up the one before. */
	if (sa->user.open)
		v1_transaction_end(sa->user.open);
	v1_transaction_arm(sa);
	sa->user.open = t;
	if (!o)
		return;
	o->effect.wanted.held[0] = wish->held[0];
	o->effect.wanted.held[1] = wish->held[1];
	o->effect.wanted.ip6 = wish->ip6;
	o->effect.wanted.application_version = wish->application_version;
}

bool v1_user_r_may_take(const struct ike_sa *sa, uint8_t message)
{
	return message != ATTRIBUTE_REQUEST || sa->state == IKE_STATE_ESTABLISHED;
}

void v1_user_r_hear(struct ike_sa *sa, struct transaction *t, const struct attributes *a)
{
	if (t->x.type == &v1_transaction_demand)
		reply_keep(sa, a);
	else if (t->message == ATTRIBUTE_REQUEST)
		attributes_wish_of(a, &sa->user.wish);
}

void v1_user_r_heard(struct ike_sa *sa, vtime now, struct transaction *t)
{
	/* A client has nothing to set here. */
	if (t->message == ATTRIBUTE_REQUEST)
		wanted_tell(sa, t);
	else
		v1_transaction_answer(sa, now, t, NULL, NULL);
}

void v1_user_r_unanswered(struct ike_sa *sa, struct transaction *t)
{
	sa->user.open = NULL;
	v1_transaction_end(t);
	v1_transaction_arm(sa);
}

/* ---- what the session says ---- */

static void write_demand(struct ike_sa *sa, struct transaction *t, struct wr *w)
{
	const struct ike_event *ev = t->event;

	(void)sa;
	for (unsigned f = 0; f < XAUTH_FIELDS; f++)
		if (ev->demand.fields & 1u << f)
			attribute_write(w, xauth_field_type((enum xauth_field)f), SLICE_NONE);
	if (ev->demand.message)
		attribute_write(w, ATTRIBUTE_XAUTH_MESSAGE, SLICE_STR(ev->demand.message));
}

static void write_status(struct ike_sa *sa, struct transaction *t, struct wr *w)
{
	const struct ike_event *ev = t->event;

	(void)sa;
	attribute_write_number(w, ATTRIBUTE_XAUTH_STATUS, ev->status.ok);
	if (ev->status.message)
		attribute_write(w, ATTRIBUTE_XAUTH_MESSAGE, SLICE_STR(ev->status.message));
}

static void write_given(struct ike_sa *sa, struct transaction *t, struct wr *w)
{
	const struct ike_assigned *give = t->event->give;

	(void)sa;
	if (give)
		attributes_write_config(w, give,
					t->x.type == &v1_transaction_push ? NULL : &t->types);
}

static bool may_decide(const struct ike_sa *sa)
{
	enum user_stage s = sa->user.stage;

	return sa->config->gateway && sa_is_up(sa) && s != USER_ASKED && s != USER_TOLD;
}

static void demand(struct ike_sa *sa, vtime now, const struct ike_event *ev)
{
	if (!may_decide(sa))
		return;
	values_forget(sa);
	sa->user.stage = USER_ASKED;
	v1_transaction_begin(sa, now, &v1_transaction_demand, DEMAND_WAIT, write_demand, ev);
}

static void status(struct ike_sa *sa, vtime now, const struct ike_event *ev)
{
	if (!may_decide(sa))
		return;
	values_forget(sa);
	if (ev->status.ok && ev->status.known) {
		v1_user_established(sa);
		return;
	}
	sa->user.stage = USER_TOLD;
	sa->user.accepted = ev->status.ok;
	v1_transaction_begin(sa, now, &v1_transaction_status, sa->config->timeout, write_status,
			     ev);
}

static void give(struct ike_sa *sa, vtime now, const struct ike_event *ev)
{
	struct transaction *t = sa->user.open;

	if (!sa->config->gateway || !sa_is_up(sa))
		return;
	sa->user.open = NULL;
	if (t)
		v1_transaction_answer(sa, now, t, write_given, ev);
	else
		v1_transaction_begin(sa, now, &v1_transaction_push, sa->config->timeout,
				     write_given, ev);
}

void v1_user_r_event(struct ike_sa *sa, vtime now, const struct ike_event *ev)
{
	if (ev->type == IKE_EVENT_XAUTH_DEMAND)
		demand(sa, now, ev);
	else if (ev->type == IKE_EVENT_XAUTH_STATUS)
		status(sa, now, ev);
	else if (ev->type == IKE_EVENT_CONFIG_GIVE)
		give(sa, now, ev);
}

/* ---- beginning and end ---- */

void v1_user_r_begin(struct ike_sa *sa)
{
	if (sa->config->xauth || sa->config->auth == IKE_AUTH_HYBRID)
		sa->user.stage = USER_AWAITED;
	else
		v1_user_established(sa);
}

void v1_user_r_done(struct ike_sa *sa, struct transaction *t)
{
	struct ike_failure refused = v1_user_failure(ERR_AUTH, "the user was refused");

	if (t->x.type == &v1_transaction_demand)
		reply_tell(sa);
	else if (t->x.type == &v1_transaction_status && sa->user.accepted)
		v1_user_established(sa);
	else if (t->x.type == &v1_transaction_status)
		sa_die(sa, &refused, true);
}

void v1_user_r_lost(struct ike_sa *sa, const struct exchange_type *type,
		    const struct ike_failure *why)
{
	if (type == &v1_transaction_push)
		log_ev(sa->log, LOG_WARN, "configuration not taken", log_str("why", why->text));
	else
		sa_die(sa, why, true);
}
