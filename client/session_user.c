/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "client/session_impl.h"

/* The gateway is kept waiting no longer than IKE waits for the answer. */
#define ANSWER_PATIENCE (300 * VTIME_S)
#define REFUSALS_MAX 3
/*
 * Where an older SA has known the user the gateway may ask when the new one is in use already, and
 * says no more when it is content. What was answered ahead is of no use for longer, either.
 */
#define SETTLE_WAIT (30 * VTIME_S)

#define BIT(field) (1u << (field))
/* A person's word that is true more than once; the others are true for one moment. */
#define LASTING (BIT(XAUTH_USERNAME) | BIT(XAUTH_PASSWORD) | BIT(XAUTH_DOMAIN))

/* ---- what is known ---- */

static void fact_set(struct session_fact *f, struct slice value, bool typed)
{
	secret_free(&f->value);
	secret_set(&f->value, value);
	f->known = true;
	f->typed = typed;
}

static void fact_drop(struct session_fact *f)
{
	secret_free(&f->value);
	*f = (struct session_fact){ 0 };
}

/* Of something known; never NULL, which would stand for what nobody can tell. */
static struct slice fact_value(const struct session_fact *f)
{
	return f->value.n ? secret_slice(&f->value) : slice("", 0);
}

static unsigned known(const struct session_fact facts[XAUTH_FIELDS])
{
	unsigned fields = 0;

	for (unsigned f = 0; f < XAUTH_FIELDS; f++)
		fields |= facts[f].known ? BIT(f) : 0;
	return fields;
}

static void facts_drop(struct session_fact facts[XAUTH_FIELDS])
{
	for (unsigned f = 0; f < XAUTH_FIELDS; f++)
		fact_drop(&facts[f]);
}

void session_user_init(struct session *s)
{
	const struct session_config *c = s->config;
	struct session_fact *fact = s->user.fact;

	s->user.settles_at = VTIME_NEVER;
	if (c->username[0])
		fact_set(&fact[XAUTH_USERNAME], SLICE_STR(c->username), false);
	if (c->user_domain[0])
		fact_set(&fact[XAUTH_DOMAIN], SLICE_STR(c->user_domain), false);
	if (c->password.n && !c->ask_always)
		fact_set(&fact[XAUTH_PASSWORD], secret_slice(&c->password), false);
}

void session_user_free(struct session *s)
{
	facts_drop(s->user.fact);
	facts_drop(s->user.given);
}

/* The gateway may forbid to keep a password; a person may want to be asked each time. */
static bool may_keep_password(const struct session *s)
{
	return !s->config->ask_always && !(s->has_assigned && s->assigned.save_password == 0);
}

/* A second password within one SA is the answer to something else: only the first is kept. */
static void remember(struct session *s, const struct session_xauth *x, unsigned field,
		     struct slice value)
{
	if (!(LASTING & BIT(field)))
		return;
	if (field == XAUTH_PASSWORD && (!may_keep_password(s) || (x->used & BIT(field))))
		return;
	fact_set(&s->user.fact[field], value, true);
}

void session_user_forget_password(struct session *s)
{
	struct session_fact *password = &s->user.fact[XAUTH_PASSWORD];

	if (!password->known || !password->typed)
		return;
	fact_drop(password);
	s->user.needs |= BIT(XAUTH_PASSWORD);
}

/* What can be answered to this SA without a person. */
static unsigned answerable(const struct session *s, const struct session_xauth *x)
{
	const struct session_user *u = &s->user;
	unsigned lasting = known(u->fact), given = known(u->given);

	/* The same password again is no answer to another question. */
	lasting &= ~(x->used & BIT(XAUTH_PASSWORD));
	if (strcmp(x->message, u->given_message) != 0)
		given &= ~BIT(XAUTH_ANSWER);
	return lasting | given;
}

/* What was wrong, or may have been: an earlier round's typing, but not the configuration. */
static unsigned doubtful(const struct session_user *u)
{
	unsigned fields = u->refused;

	for (unsigned f = 0; f < XAUTH_FIELDS; f++)
		fields |= u->fact[f].typed ? BIT(f) : 0;
	return fields;
}

static unsigned missing_of(const struct session *s, const struct session_xauth *x)
{
	unsigned missing = x->fields & ~answerable(s, x);

	if (s->user.again && !missing && (x->fields & doubtful(&s->user)))
		return x->fields;
	return missing;
}

/* ---- the question ---- */

static void question_end(struct session *s)
{
	struct session_user *u = &s->user;

	if (!u->ask.id)
		return;
	session_effect_add(s, SESSION_EFFECT_ASK_END)->ask_id = u->ask.id;
	u->ask = (struct session_ask){ 0 };
	u->ike = NULL;
}

static void question_begin(struct session *s, struct session_ike *i, const struct session_ask *ask)
{
	struct session_user *u = &s->user;
	struct slice name = fact_value(&u->fact[XAUTH_USERNAME]);

	question_end(s);
	u->ask = *ask;
	u->ask.id = ++u->asks;
	u->ask.again = u->again;
	snprintf(u->ask.username, sizeof(u->ask.username), "%.*s", (int)name.n,
		 (const char *)name.p);
	if (u->again && !u->ask.message[0])
		snprintf(u->ask.message, sizeof(u->ask.message), "%s", u->said);
	u->again = false;
	u->ike = i;
	session_effect_add(s, SESSION_EFFECT_ASK)->ask = u->ask;
	log_ev(s->log, LOG_INFO, "a person is asked", log_hex("fields", 2, u->ask.fields),
	       log_str("message", u->ask.message));
}

static void question_for(struct session *s, vtime now, struct session_ike *i, unsigned missing)
{
	struct session_user *u = &s->user;
	struct session_ask ask = {
		.fields = missing,
		.ahead = s->state == SESSION_UP,
		.until = vtime_add(now, ANSWER_PATIENCE),
	};

	if (u->ask.id && u->ike)
		return; /* one after the other */
	snprintf(ask.message, sizeof(ask.message), "%s", i->xauth.message);
	if (u->ask.id && u->ask.fields == missing && strcmp(u->ask.message, ask.message) == 0) {
		u->ike = i;
		u->ask.until = ask.until;
		return;
	}
	question_begin(s, i, &ask);
}

bool session_user_ready(const struct session *s)
{
	return (s->user.needs & ~known(s->user.given)) == 0;
}

void session_user_ask_ahead(struct session *s, vtime now, vtime until)
{
	struct session_user *u = &s->user;
	struct session_ask ask = {
		.fields = u->needs & ~known(u->given),
		.ahead = true,
		.until = until,
	};

	if (u->ask.id || u->nobody || until <= now)
		return;
	snprintf(ask.message, sizeof(ask.message), "%s", u->message);
	question_begin(s, NULL, &ask);
}

/* ---- answers ---- */

static void refuse(vtime now, struct session_ike *i)
{
	struct ike_event ev = { .type = IKE_EVENT_XAUTH_ANSWER };

	i->xauth.asking = false;
	i->xauth.nobody = true;
	ev.answer.refuse = true;
	ike_event(i->sa, now, &ev);
}

/* A field from what a person has just typed, from what was answered ahead, or from memory. */
static struct slice field_value(const struct session *s, const struct slice *typed, unsigned field)
{
	const struct session_user *u = &s->user;

	if (typed && typed[field].p)
		return typed[field];
	if (u->given[field].known)
		return fact_value(&u->given[field]);
	if (u->fact[field].known)
		return fact_value(&u->fact[field]);
	return (struct slice){ NULL, 0 };
}

static void answer(struct session *s, vtime now, struct session_ike *i, const struct slice *typed)
{
	struct ike_event ev = { .type = IKE_EVENT_XAUTH_ANSWER };
	struct session_xauth *x = &i->xauth;
	unsigned person = 0;

	for (unsigned f = 0; f < XAUTH_FIELDS; f++) {
		if (!(x->fields & BIT(f)))
			continue;
		ev.answer.value[f] = field_value(s, typed, f);
		if ((typed && typed[f].p) || s->user.given[f].known)
			person |= BIT(f);
	}
	ike_event(i->sa, now, &ev);
	for (unsigned f = 0; f < XAUTH_FIELDS; f++) {
		if (person & BIT(f))
			remember(s, x, f, ev.answer.value[f]);
		if (x->fields & BIT(f))
			fact_drop(&s->user.given[f]);
	}
	x->asking = false;
	x->answered = true;
	x->person = person != 0;
	x->typed |= person;
	x->used |= x->fields;
}

/* Whoever waits for what is known by now gets it; the next question, if there is another one. */
static void serve(struct session *s, vtime now)
{
	for (unsigned k = 0; k < SESSION_IKES_MAX; k++) {
		struct session_ike *i = &s->ike[k];
		bool asking = i->xauth.asking && !i->closing && !i->parting;
		unsigned missing = asking ? missing_of(s, &i->xauth) : 0;

		if (missing)
			question_for(s, now, i, missing);
		else if (asking)
			answer(s, now, i, NULL);
	}
}

static void answered_ahead(struct session *s, vtime now, const struct session_event *ev,
			   unsigned fields)
{
	struct session_user *u = &s->user;

	for (unsigned f = 0; f < XAUTH_FIELDS && !ev->answer.refuse; f++)
		if ((fields & BIT(f)) && ev->answer.value[f].p)
			fact_set(&u->given[f], ev->answer.value[f], true);
	u->nobody = !session_user_ready(s);
	if (!u->nobody && s->state == SESSION_UP && session_ike_main(s))
		session_ike_renew(s, now);
}

void session_user_answer(struct session *s, vtime now, const struct session_event *ev)
{
	struct session_user *u = &s->user;
	struct session_ike *i = u->ike;
	unsigned fields = u->ask.fields;
	bool again = u->ask.again;

	if (s->over || !u->ask.id || ev->answer.id != u->ask.id)
		return;
	if (!i)
		snprintf(u->given_message, sizeof(u->given_message), "%s", u->ask.message);
	u->ask = (struct session_ask){ 0 };
	u->ike = NULL;
	if (!i)
		answered_ahead(s, now, ev, fields);
	else if (ev->answer.refuse && again && s->state == SESSION_CONNECTING)
		session_user_fail(s, now);
	else if (ev->answer.refuse)
		refuse(now, i);
	else
		answer(s, now, i, ev->answer.value);
	if (!s->over)
		serve(s, now);
}

/* ---- refusals ---- */

/* A question that is asked twice was not answered well; a challenge may be another one each time. */
static bool is_same_question(const struct session_xauth *x, unsigned fields, const char *message)
{
	const unsigned challenge = BIT(XAUTH_ANSWER) | BIT(XAUTH_NEXT_PIN);

	return x->answered && x->fields == fields &&
	       ((fields & ~challenge) || strcmp(x->message, message) == 0);
}

/* What was wrong is not said again; a name from the configuration is not what was wrong. */
static void take_refusal(struct session *s, struct session_xauth *x, const char *words)
{
	struct session_user *u = &s->user;

	for (unsigned f = 0; f < XAUTH_FIELDS; f++)
		if ((x->fields & BIT(f)) && (f == XAUTH_PASSWORD || u->fact[f].typed))
			fact_drop(&u->fact[f]);
	u->needs |= x->fields & ~known(u->fact) & ~BIT(XAUTH_NEXT_PIN);
	u->again = true;
	u->refused = x->fields;
	snprintf(u->said, sizeof(u->said), "%s", words);
	u->refusals += x->person;
	x->used &= ~x->fields;
	log_ev(s->log, LOG_WARN, "the gateway refused the user", log_u64("refusals", u->refusals),
	       log_str("said", words));
}

bool session_user_spent(const struct session *s)
{
	return s->user.refusals >= REFUSALS_MAX;
}

void session_user_fail(struct session *s, vtime now)
{
	char gw[SESSION_GATEWAY_TEXT_MAX], text[400], times[32] = "";

	if (s->user.refusals > 1)
		snprintf(times, sizeof(times), " %u times", s->user.refusals);
	snprintf(text, sizeof(text),
		 "XAUTH with %.80s: the gateway refused the user%s: name, password or code is "
		 "probably wrong%s%.128s",
		 session_gateway_text(s, gw), times, s->user.said[0] ? "; the gateway says: " : "",
		 s->user.said);
	session_close(s, now, SESSION_EXIT_AUTH, text);
}

void session_user_ask(struct session *s, vtime now, struct session_ike *i,
		      const struct ike_effect *fx)
{
	struct session_xauth *x = &i->xauth;
	const char *message = fx->ask.message ? fx->ask.message : "";
	bool refused = is_same_question(x, fx->ask.fields, message);

	if (refused)
		take_refusal(s, x, message);
	if (i->order)
		s->user.settles_at = vtime_add(now, SETTLE_WAIT);
	x->asking = true;
	x->fields = fx->ask.fields;
	snprintf(x->message, sizeof(x->message), "%s", message);
	if (!refused || !session_user_spent(s)) {
		serve(s, now);
	} else if (s->state == SESSION_UP) {
		s->user.nobody = true;
		refuse(now, i);
	} else {
		session_user_fail(s, now);
	}
}

bool session_user_refused(struct session *s, const struct session_ike *i,
			  const struct ike_failure *why)
{
	struct session_xauth x = i->xauth;

	if (!x.answered || x.asking || x.nobody || why->err != ERR_AUTH)
		return false;
	take_refusal(s, &x, why->said);
	return true;
}

/* ---- the ends of questions ---- */

/* The gateway is content with what it has heard over this SA, or wants to hear nothing. */
static void settle(struct session *s, struct session_ike *i)
{
	struct session_user *u = &s->user;

	u->settles_at = VTIME_NEVER;
	u->needs = i->xauth.typed & ~known(u->fact) & ~BIT(XAUTH_NEXT_PIN);
	snprintf(u->message, sizeof(u->message), "%s", i->xauth.message);
	u->said[0] = '\0';
	u->again = false;
	u->refusals = 0;
	facts_drop(u->given);
	i->xauth = (struct session_xauth){ 0 };
}

void session_user_established(struct session *s, vtime now, struct session_ike *i)
{
	s->user.nobody = false;
	if (!s->user.ike)
		question_end(s);
	if (i->first || i->xauth.answered)
		settle(s, i);
	else
		s->user.settles_at = vtime_add(now, SETTLE_WAIT);
}

static void settle_due(struct session *s, vtime now)
{
	struct session_ike *i = session_ike_main(s);

	if (s->user.settles_at > now)
		return;
	s->user.settles_at = VTIME_NEVER;
	if (i && i->xauth.asking)
		s->user.settles_at = vtime_add(now, SETTLE_WAIT);
	else if (i)
		settle(s, i);
}

void session_user_gone(struct session *s, const struct session_ike *i)
{
	if (!s->user.ask.id || s->user.ike != i)
		return;
	s->user.needs |= s->user.ask.fields & ~BIT(XAUTH_NEXT_PIN);
	question_end(s);
}

void session_user_stop(struct session *s)
{
	question_end(s);
	facts_drop(s->user.given);
	s->user.nobody = false;
	s->user.settles_at = VTIME_NEVER;
}

void session_user_due(struct session *s, vtime now)
{
	struct session_user *u = &s->user;

	settle_due(s, now);
	if (!u->ask.id || u->ask.until > now)
		return;
	log_ev(s->log, LOG_WARN, "nobody has answered");
	if (u->ike) {
		session_user_gone(s, u->ike);
	} else {
		u->nobody = true;
		question_end(s);
	}
}

vtime session_user_due_at(const struct session *s)
{
	return vtime_min(s->user.settles_at, s->user.ask.id ? s->user.ask.until : VTIME_NEVER);
}
