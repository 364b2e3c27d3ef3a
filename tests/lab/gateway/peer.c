/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tests/lab/gateway/gateway.h"

#define IKES_MAX 16
#define BIT(field) (1u << (field))
#define NAME "alice"
#define PASSWORD "correct horse"
/* A code is good when it begins so and is not the one before. */
#define CODE "code-"
#define STATUS_DELAY (200 * VTIME_MS)

struct lab_ike {
	struct ike_sa *sa;
	unsigned number; /* for the person who reads */
	struct path path;
	uint64_t order; /* of its establishment; 0: not yet */
	unsigned round; /* of XAUTH */
	vtime status_at; /* the user is accepted then */
};

struct lab_peer {
	struct lab *lab;
	struct lab_ike ike[IKES_MAX];
	unsigned numbers;
	uint64_t order;
	char code[64]; /* the last one */
	struct ike_child_config child;
};

/* ---- SAs ---- */

static struct lab_ike *newest(struct lab_peer *p)
{
	struct lab_ike *best = NULL;

	for (unsigned i = 0; i < IKES_MAX; i++)
		if (p->ike[i].sa && p->ike[i].order && (!best || p->ike[i].order > best->order))
			best = &p->ike[i];
	return best;
}

static void drop(struct lab_ike *i)
{
	ike_sa_free(i->sa);
	*i = (struct lab_ike){ .status_at = VTIME_NEVER };
}

static struct lab_ike *fresh(struct lab_peer *p)
{
	for (unsigned k = 0; k < IKES_MAX; k++) {
		struct lab_ike *i = &p->ike[k];

		if (i->sa)
			continue;
		drop(i);
		i->sa = ike_sa_new(&p->lab->options.ike, crypto_rng(), &p->lab->log);
		i->number = ++p->numbers;
		return i;
	}
	lab_say("no room for an SA");
	return NULL;
}

/* ---- sending ---- */

/*
 * To be taken for another product than Cisco's: what both ends announce before there are keys is
 * part of no proof.
 */
static void hide_unity(struct lab_peer *p, uint8_t *message, size_t n)
{
	struct slice unity = vendor_bytes(VENDOR_UNITY);

	if (p->lab->options.cisco)
		return;
	for (size_t i = 0; i + unity.n <= n; i++)
		if (memcmp(message + i, unity.p, unity.n) == 0)
			message[i] ^= 0xff;
}

static void send(struct lab_peer *p, const struct ike_effect *fx)
{
	uint8_t marked[IKE_MESSAGE_MAX + 4] = { 0 };
	size_t n = fx->send.bytes.n;
	bool bare = fx->send.from.port == IKE_PORT;

	memcpy(marked + 4, fx->send.bytes.p, n);
	hide_unity(p, marked + 4, n);
	lab_send(p->lab, bare ? &p->lab->ike : &p->lab->natt, &fx->send.from, &fx->send.to,
		 bare ? slice(marked + 4, n) : slice(marked, n + 4));
}

/* ---- what the user is given ---- */

static void give(struct lab_peer *p, struct lab_ike *i)
{
	const struct lab_options *o = &p->lab->options;
	struct ike_assigned *a = xcalloc(1, sizeof(*a));
	struct ike_event ev = { .type = IKE_EVENT_CONFIG_GIVE, .give = a };

	a->ip4 = o->inner;
	a->ip4_len = 32;
	a->save_password = -1;
	a->natt_port = o->names;
	a->unity = o->nsplits != 0;
	a->ninclude = o->nsplits;
	for (unsigned k = 0; k < o->nsplits; k++)
		a->include[k].prefix = o->splits[k];
	lab_say("give %u", i->number);
	ike_event(i->sa, lab_now(), &ev);
	free(a);
}

/* ---- the user ---- */

static void demand(struct lab_ike *i, unsigned fields, const char *message)
{
	struct ike_event ev = { .type = IKE_EVENT_XAUTH_DEMAND };

	i->round++;
	ev.demand.fields = fields;
	ev.demand.message = message;
	lab_say("ask %u round %u", i->number, i->round);
	ike_event(i->sa, lab_now(), &ev);
}

static void verdict(struct lab_ike *i, bool ok, bool known, const char *message)
{
	struct ike_event ev = { .type = IKE_EVENT_XAUTH_STATUS };

	ev.status.ok = ok;
	ev.status.known = known;
	ev.status.message = message;
	lab_say("user %u %s", i->number, known ? "known" : ok ? "accepted" : "refused");
	ike_event(i->sa, lab_now(), &ev);
}

static void demand_first(struct lab_peer *p, struct lab_ike *i)
{
	static const unsigned first[] = {
		[LAB_USER_PASSWORD] = BIT(XAUTH_USERNAME) | BIT(XAUTH_PASSWORD),
		[LAB_USER_CODE] = BIT(XAUTH_USERNAME) | BIT(XAUTH_PASSWORD),
		[LAB_USER_PIN] = BIT(XAUTH_USERNAME) | BIT(XAUTH_PASSWORD),
		[LAB_USER_PASSCODE] = BIT(XAUTH_USERNAME) | BIT(XAUTH_PASSCODE),
	};
	bool again = newest(p) != NULL;

	if (again && p->lab->options.again == LAB_AGAIN_KNOWN)
		verdict(i, true, true, NULL);
	else if (again && p->lab->options.again == LAB_AGAIN_CODE)
		demand(i, BIT(XAUTH_PASSCODE), NULL);
	else
		demand(i, first[p->lab->options.user], NULL);
}

static void redirect(struct lab_peer *p, struct lab_ike *i)
{
	uint8_t cookies[2 * IKE_COOKIE_SIZE];

	sa_cookies(i->sa, cookies);
	v1_info_send_notify(i->sa, &(struct notify_payload){
					   .protocol = PROTOCOL_ISAKMP,
					   .type = NOTIFY_UNITY_LOAD_BALANCE,
					   .spi = SLICE_OF(cookies),
					   .data = addr_bytes(&p->lab->options.redirect),
				   });
	lab_say("redirect %u", i->number);
}

static void on_authenticated(struct lab_peer *p, struct lab_ike *i)
{
	const struct lab_options *o = &p->lab->options;

	lab_say("authenticated %u", i->number);
	if (o->redirect.family && !addr_eq(&o->redirect, &i->path.local.addr))
		redirect(p, i);
	else if (o->user != LAB_USER_NONE)
		demand_first(p, i);
}

static bool is_text(struct slice given, const char *text)
{
	return given.p && slice_eq(given, SLICE_STR(text));
}

static bool is_new_code(struct lab_peer *p, struct slice given)
{
	char code[sizeof(p->code)];

	if (!given.p || given.n >= sizeof(code))
		return false;
	snprintf(code, sizeof(code), "%.*s", (int)given.n, (const char *)given.p);
	if (strncmp(code, CODE, strlen(CODE)) != 0 || strcmp(code, p->code) == 0)
		return false;
	memcpy(p->code, code, sizeof(code));
	return true;
}

static bool is_good(struct lab_peer *p, const struct ike_effect *fx)
{
	const struct slice *value = fx->reply.value;

	return !fx->reply.failed &&
	       (!value[XAUTH_USERNAME].p || is_text(value[XAUTH_USERNAME], NAME)) &&
	       (!value[XAUTH_PASSWORD].p || is_text(value[XAUTH_PASSWORD], PASSWORD)) &&
	       (!value[XAUTH_PASSCODE].p || is_new_code(p, value[XAUTH_PASSCODE])) &&
	       (!value[XAUTH_NEXT_PIN].p || value[XAUTH_NEXT_PIN].n >= 4);
}

static void say_reply(const struct lab_ike *i, const struct ike_effect *fx)
{
	static const char *const names[XAUTH_FIELDS] = {
		[XAUTH_USERNAME] = " name",	[XAUTH_PASSWORD] = " password",
		[XAUTH_PASSCODE] = " passcode", [XAUTH_ANSWER] = " answer",
		[XAUTH_NEXT_PIN] = " next-pin", [XAUTH_DOMAIN] = " domain",
	};
	char text[80] = "";

	for (unsigned f = 0; f < XAUTH_FIELDS; f++)
		if (fx->reply.value[f].p)
			strncat(text, names[f], sizeof(text) - strlen(text) - 1);
	lab_say("reply %u round %u:%s", i->number, i->round, text);
}

static void accept_user(struct lab_peer *p, struct lab_ike *i)
{
	if (p->lab->options.config == LAB_CONFIG_BEFORE) {
		give(p, i);
		i->status_at = lab_now() + STATUS_DELAY;
	} else {
		verdict(i, true, false, NULL);
	}
}

static void on_reply(struct lab_peer *p, struct lab_ike *i, const struct ike_effect *fx)
{
	enum lab_user user = p->lab->options.user;
	bool coded = fx->reply.value[XAUTH_PASSCODE].p;

	say_reply(i, fx);
	if (!is_good(p, fx))
		verdict(i, false, false,
			coded ? "That code is used up" : "No such user, or not this password");
	else if (i->round == 1 && (user == LAB_USER_CODE || user == LAB_USER_PIN) && !coded)
		demand(i, BIT(XAUTH_PASSCODE), "Enter the code from your token");
	else if (i->round == 2 && user == LAB_USER_PIN)
		demand(i, BIT(XAUTH_NEXT_PIN), "Choose a new PIN");
	else
		accept_user(p, i);
}

static void on_wanted(struct lab_peer *p, struct lab_ike *i, const struct ike_effect *fx)
{
	const struct lab_options *o = &p->lab->options;
	char text[ADDR_TEXT_MAX] = "none";

	if (fx->wanted.held[0].family)
		addr_text(&fx->wanted.held[0], text);
	lab_say("wanted %u held %s", i->number, text);
	if (o->strange)
		lab_strange_give(i->sa, lab_now(), o->strange);
	else if (o->config == LAB_CONFIG_PUSH)
		v1_user_r_unanswered(i->sa, i->sa->user.open);
	else
		give(p, i);
}

static void on_established(struct lab_peer *p, struct lab_ike *i)
{
	i->order = ++p->order;
	lab_say("established %u", i->number);
	if (p->lab->options.config == LAB_CONFIG_PUSH)
		give(p, i);
}

/* ---- pairs of ESP SAs ---- */

static bool is_refused(const struct lab_peer *p, const struct ts *ours)
{
	const struct prefix *refuse = &p->lab->options.refuse;
	struct addr lo, hi;

	if (!refuse->addr.family)
		return false;
	prefix_range(refuse, &lo, &hi);
	return addr_eq(&ours->lo, &lo) && addr_eq(&ours->hi, &hi);
}

static void on_offer(struct lab_peer *p, struct lab_ike *i, const struct ike_effect *fx)
{
	struct ike_event ev = { .type = IKE_EVENT_CHILD_ACCEPT };
	char lo[ADDR_TEXT_MAX], hi[ADDR_TEXT_MAX];
	bool refused = is_refused(p, &fx->offer.ts.local);

	lab_say("offer %u %s-%s%s", i->number, addr_text(&fx->offer.ts.local.lo, lo),
		addr_text(&fx->offer.ts.local.hi, hi), refused ? " refused" : "");
	if (refused) {
		ev.type = IKE_EVENT_CHILD_REFUSE;
		ev.refuse.id = fx->offer.id;
		ev.refuse.notify = NOTIFY_INVALID_ID_INFORMATION;
	} else {
		p->child.ts = fx->offer.ts;
		p->child.keylife_s = p->lab->options.keylife_s;
		ev.child.id = fx->offer.id;
		ev.child.spi = rng_u32(crypto_rng()) | 0x10000;
		ev.child.config = &p->child;
	}
	ike_event(i->sa, lab_now(), &ev);
}

static void on_ready(struct lab_peer *p, struct lab_ike *i, struct ike_effect *fx)
{
	if (p->lab->options.early)
		lab_data_early(p->lab->data, &fx->child, &i->path);
	ike_child_free(&fx->child);
}

static void on_child(struct lab_peer *p, struct lab_ike *i, struct ike_effect *fx)
{
	lab_say("child %u", i->number);
	lab_data_add(p->lab->data, &fx->child, i->number);
	ike_child_free(&fx->child);
}

/* ---- what the engine tells ---- */

static void on_dead(struct lab_peer *p, struct lab_ike *i, const struct ike_failure *why)
{
	lab_say("dead %u %s", i->number, why->text);
	if (p->lab->options.cisco)
		lab_data_remove_of(p->lab->data, i->number);
	drop(i);
}

static void take(struct lab_peer *p, struct lab_ike *i, struct ike_effect *fx)
{
	switch (fx->type) {
	case IKE_EFFECT_SEND:
		send(p, fx);
		break;
	case IKE_EFFECT_NAT:
		i->path = fx->nat.path;
		break;
	case IKE_EFFECT_AUTHENTICATED:
		on_authenticated(p, i);
		break;
	case IKE_EFFECT_XAUTH_REPLY:
		on_reply(p, i, fx);
		break;
	case IKE_EFFECT_CONFIG_WANTED:
		on_wanted(p, i, fx);
		break;
	case IKE_EFFECT_ESTABLISHED:
		on_established(p, i);
		break;
	case IKE_EFFECT_CHILD_OFFER:
		on_offer(p, i, fx);
		break;
	case IKE_EFFECT_CHILD_READY:
		on_ready(p, i, fx);
		break;
	case IKE_EFFECT_CHILD_UP:
		on_child(p, i, fx);
		break;
	case IKE_EFFECT_CHILD_DELETED:
		lab_data_remove(p->lab->data, fx->spi);
		break;
	case IKE_EFFECT_DEAD:
		on_dead(p, i, &fx->why);
		break;
	case IKE_EFFECT_CHILD_FAILED:
	case IKE_EFFECT_ALIVE:
	case IKE_EFFECT_SILENT:
	case IKE_EFFECT_HINT:
	case IKE_EFFECT_NOTIFY:
	case IKE_EFFECT_UNANSWERED:
	case IKE_EFFECT_XAUTH_ASK: /* a client's */
	case IKE_EFFECT_CONFIG:
		break;
	}
}

static void pump(struct lab_peer *p)
{
	struct ike_effect fx;

	for (unsigned k = 0; k < IKES_MAX; k++)
		while (p->ike[k].sa && ike_output(p->ike[k].sa, lab_now(), &fx))
			take(p, &p->ike[k], &fx);
}

/* ---- verbs ---- */

static struct lab_ike *accept_first(struct lab_peer *p, const struct endpoint *from,
				    const struct endpoint *to)
{
	char text[ENDPOINT_TEXT_MAX];
	struct lab_ike *i = fresh(p);

	if (!i)
		return NULL;
	i->path = (struct path){ .local = *to, .remote = *from };
	lab_say("accept %u at %s", i->number, endpoint_text(to, text));
	return i;
}

void lab_peer_datagram(struct lab_peer *p, const struct endpoint *from, const struct endpoint *to,
		       struct slice bytes)
{
	struct ike_event ev = { .type = IKE_EVENT_DATAGRAM };
	struct lab_ike *i = NULL;

	for (unsigned k = 0; k < IKES_MAX; k++)
		if (p->ike[k].sa && ike_sa_owns(p->ike[k].sa, bytes))
			i = &p->ike[k];
	if (!i && ike_is_first_message(bytes)) {
		i = accept_first(p, from, to);
		ev.type = IKE_EVENT_ACCEPT;
	} else if (!i && bytes.n >= IKE_HEADER_SIZE) {
		lab_say("unknown exchange %u", bytes.p[18]);
	}
	if (!i)
		return;
	ev.datagram.from = *from;
	ev.datagram.to = *to;
	ev.datagram.bytes = bytes;
	ike_event(i->sa, lab_now(), &ev);
	pump(p);
}

void lab_peer_timeout(struct lab_peer *p)
{
	vtime now = lab_now();

	for (unsigned k = 0; k < IKES_MAX; k++) {
		struct lab_ike *i = &p->ike[k];

		if (i->sa && i->status_at <= now) {
			i->status_at = VTIME_NEVER;
			verdict(i, true, false, NULL);
		}
		if (i->sa && ike_deadline(i->sa) <= now)
			ike_timeout(i->sa, now);
	}
	pump(p);
}

vtime lab_peer_deadline(const struct lab_peer *p)
{
	vtime first = VTIME_NEVER;

	for (unsigned k = 0; k < IKES_MAX; k++)
		if (p->ike[k].sa)
			first = vtime_min(first, vtime_min(ike_deadline(p->ike[k].sa),
							   p->ike[k].status_at));
	return first;
}

void lab_peer_rekey(struct lab_peer *p)
{
	struct ike_event ev = { .type = IKE_EVENT_REKEY };
	const struct lab_ike *old = newest(p);
	struct lab_ike *i = old ? fresh(p) : NULL;

	if (!i)
		return;
	i->path = ev.path = old->path;
	lab_say("rekey %u", i->number);
	ike_event(i->sa, lab_now(), &ev);
	pump(p);
}

void lab_peer_push(struct lab_peer *p)
{
	struct lab_ike *i = newest(p);

	if (i)
		give(p, i);
	pump(p);
}

void lab_peer_notify(struct lab_peer *p, const char *name)
{
	struct lab_ike *i = newest(p);

	if (!i || !lab_strange_notify(i->sa, name))
		lab_say("cannot notify %s", name);
	pump(p);
}

void lab_peer_forget(struct lab_peer *p)
{
	for (unsigned k = 0; k < IKES_MAX; k++)
		drop(&p->ike[k]);
	lab_data_forget(p->lab->data);
}

struct lab_peer *lab_peer_new(struct lab *lab)
{
	struct lab_peer *p = xcalloc(1, sizeof(*p));
	char why[IKE_WHY_MAX];

	p->lab = lab;
	p->child.nsuites = 1;
	if (esp_suite_parse("aes128gcm16", &p->child.suites[0], &p->child.pfs, why) != 0)
		abort();
	return p;
}

void lab_peer_free(struct lab_peer *p)
{
	for (unsigned k = 0; k < IKES_MAX; k++)
		drop(&p->ike[k]);
	free(p);
}
