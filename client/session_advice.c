/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a person can do about a negotiation that has failed. A protocol hides much: a wrong key looks
 * like noise, an unknown name is often met with silence. Where there are several causes they stand in
 * the order of their likelihood, each with the key of the configuration that it is about.
 */
#include <stdarg.h>
#include <stdio.h>

#include "client/session_advice.h"

struct advice {
	char *text;
	size_t n; /* of what is there */
};

__attribute__((format(printf, 2, 3))) static void add(struct advice *a, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(a->text + a->n, SESSION_ADVICE_MAX - a->n, format, args);
	va_end(args);
	if (n > 0)
		a->n += (size_t)n < SESSION_ADVICE_MAX - a->n ? (size_t)n :
								SESSION_ADVICE_MAX - a->n - 1;
}

/* ---- what we have said ---- */

/* As it is written: with Cisco a group is a bare word. */
static const char *own_name(const struct session *s, char buf[IDENTITY_TEXT_MAX])
{
	const struct ike_config *ike = &s->config->ike;
	char addr[ADDR_TEXT_MAX];

	if (ike->local.type != ID_NONE)
		return ike->vendor == IKE_VENDOR_CISCO ? identity_word(&ike->local, buf) :
							 identity_text(&ike->local, buf);
	if (ike->auth == IKE_AUTH_RSA)
		return "the subject of our certificate";
	snprintf(buf, IDENTITY_TEXT_MAX, "our address, %s", addr_text(&s->path.local.addr, addr));
	return buf;
}

static bool is_group(const struct session *s)
{
	return s->config->ike.mode == IKE_MODE_AGGRESSIVE && s->config->ike.auth == IKE_AUTH_PSK;
}

static void add_ike_offer(struct advice *a, const struct session *s)
{
	const struct ike_config *ike = &s->config->ike;
	char name[48];

	add(a, "; we offered ");
	for (unsigned i = 0; i < ike->nsuites; i++)
		add(a, "%s%s", i ? ", " : "", ike_suite_name(&ike->suites[i], name));
}

static void add_esp_offer(struct advice *a, const struct session *s)
{
	const struct ike_child_config *child = &s->config->child;
	char name[40];

	add(a, "; we offered ");
	for (unsigned i = 0; i < child->nsuites; i++)
		add(a, "%s%s", i ? ", " : "", esp_suite_name(&child->suites[i], name));
	if (s->config->pfs_as_phase1)
		add(a, " with PFS in the group of phase 1");
	else if (child->pfs != DH_NONE)
		add(a, " with PFS in %s", dh_group_name(child->pfs));
	else
		add(a, " without PFS");
}

/* ---- proof ---- */

static void on_wrong_key(struct advice *a, const struct session *s)
{
	char id[IDENTITY_TEXT_MAX];

	if (is_group(s))
		add(a, "; correct [auth] psk: it is not the secret of the group %.80s",
		    own_name(s, id));
	else
		add(a, "; correct [auth] psk; if it is right, the gateway looks for the key by "
		       "another name or address: see [auth] identity, and try [gateway] mode = "
		       "aggressive");
}

/* Whether a user takes part is agreed on in the first messages. */
static const char *other_user(const struct session *s)
{
	return s->config->ike.xauth ? "no user ([auth] xauth = no)" :
				      "a user as well ([auth] xauth = yes)";
}

static void on_unknown_name(struct advice *a, const struct session *s)
{
	char id[IDENTITY_TEXT_MAX];

	add(a, "; correct [auth] identity, it may not know \"%.80s\"; else it wants %s",
	    own_name(s, id), other_user(s));
}

static void on_refused_group(struct advice *a, const struct session *s)
{
	char id[IDENTITY_TEXT_MAX];

	add(a,
	    ": it may not know \"%.80s\" (correct [auth] identity, the group), want %s, or not "
	    "allow aggressive mode ([gateway] mode = main)",
	    own_name(s, id), other_user(s));
}

static void on_auth(struct advice *a, const struct session *s, const struct ike_failure *why)
{
	const struct ike_config *ike = &s->config->ike;
	bool phase1 = why->during && strstr(why->during, " mode") &&
		      strcmp(why->during, "quick mode");
	bool told = why->notify != 0;

	if (!phase1)
		return;
	if (ike->auth == IKE_AUTH_PSK) {
		if (told && ike->mode == IKE_MODE_AGGRESSIVE && !why->authentic)
			on_refused_group(a, s);
		else if (told && (why->authentic || why->notify == NOTIFY_INVALID_ID))
			on_unknown_name(a, s);
		else
			on_wrong_key(a, s);
	} else if (told) {
		add(a,
		    "; see [auth] %s: it must be of a CA that the gateway trusts, and [auth] "
		    "identity one of its names; else it wants %s",
		    ike->auth == IKE_AUTH_RSA ? "certificate" : "method", other_user(s));
	}
}

static void on_identity(struct advice *a, const struct session *s)
{
	const struct identity *want = &s->config->ike.remote;
	char id[IDENTITY_TEXT_MAX], gw[SESSION_GATEWAY_TEXT_MAX];

	if (want->type != ID_NONE)
		add(a, "; [gateway] identity is %.100s", identity_text(want, id));
	else
		add(a, "; without [gateway] identity it must be %.100s",
		    session_gateway_text(s, gw));
	add(a, "; if what it says is the gateway you mean, write that there");
}

/* ---- what is offered ---- */

static void on_proposal(struct advice *a, const struct session *s, bool quick)
{
	if (quick) {
		add_esp_offer(a, s);
		if (s->search.found[0]) {
			add(a, "%s", s->search.found);
			return;
		}
		add(a,
		    "; write what the gateway has in [esp] proposals and pfs, and compare [tunnel] "
		    "address and remote");
		return;
	}
	add_ike_offer(a, s);
	add(a, SESSION_WRITE_IKE "; else compare [gateway] mode, [auth] "
				 "method and xauth");
}

static void on_selectors(struct advice *a, const struct session *s)
{
	char local[TS_TEXT_MAX], remote[TS_TEXT_MAX];
	const struct ts_pair *ts = &s->net.tunnels[s->last_failed_slot];

	add(a, "; we asked for %s to %s", ts_text(&ts->local, local), ts_text(&ts->remote, remote));
	if (s->net.whole || s->one_by_one)
		add(a, "; name the gateway's networks in [tunnel] remote");
	else
		add(a,
		    "; write what the gateway has: what is behind it in [tunnel] remote, our side "
		    "in address and local");
}

/* ---- silence ---- */

static void on_unreachable(struct advice *a, const struct session *s)
{
	const struct session_unreachable *u = &s->unreachable;
	bool itself = addr_eq(&u->by, &u->to.addr);
	char by[ADDR_TEXT_MAX];

	addr_text(&u->by, by);
	switch (u->why) {
	case SESSION_UNREACHABLE_PORT:
		if (itself)
			add(a,
			    ": nothing listens on its UDP port %u; see [gateway] address, and "
			    "whether IKE runs there",
			    u->to.port);
		else
			add(a,
			    ": %s, on the way, rejects UDP port %u; have its firewall let UDP ports "
			    "500 and 4500 through, or try another network",
			    by, u->to.port);
		break;
	case SESSION_UNREACHABLE_PROHIBITED:
		add(a,
		    ": %s%s says that UDP port %u is prohibited; have the firewall let UDP ports 500 "
		    "and 4500 through, or try another network",
		    by, itself ? "" : ", on the way,", u->to.port);
		break;
	case SESSION_UNREACHABLE_HOST:
		add(a, ": %s says that nobody is there; see [gateway] address", by);
		break;
	}
}

/* Nothing at all has come. */
static void on_first_silence(struct advice *a, const struct session *s)
{
	char id[IDENTITY_TEXT_MAX];

	if (is_group(s))
		add(a,
		    ": [gateway] address may be wrong, UDP port 500 be blocked on the way, or it "
		    "does not know the group \"%.80s\" and keeps silent (correct [auth] identity)",
		    own_name(s, id));
	else
		add(a, ": UDP port 500 may be blocked on the way, or [gateway] address be wrong");
	add(a, "; godwit doctor %.120s finds out", session_gateway_name(s));
}

/* Port 500 has passed, and there it goes on. */
static void on_late_silence(struct advice *a, const struct session *s)
{
	bool moved = s->path.remote.port == IKE_NATT_PORT;
	const char *last = s->config->ike.auth == IKE_AUTH_PSK ? "[auth] psk or identity is wrong" :
								 "it does not like [auth] "
								 "certificate or identity";

	if (moved)
		add(a,
		    ": UDP port 500 passes, so most likely a firewall blocks UDP port 4500 (have it "
		    "let through, or try another network)");
	if (s->config->ike.mode == IKE_MODE_MAIN)
		add(a, "%s", moved ? "; else " : ": most likely ");
	if (s->config->ike.mode == IKE_MODE_MAIN)
		add(a, "%s, and the gateway says nothing", last);
}

/* In aggressive mode this is the first that goes by port 4500. */
static void on_user_silence(struct advice *a, const struct session *s)
{
	if (s->user.ask.id || !session_user_ready(s))
		add(a,
		    ": what it asked was not answered in time; answer with godwit answer, or write "
		    "[auth] password or password-command");
	else if (s->config->ike.mode == IKE_MODE_AGGRESSIVE && s->path.remote.port == IKE_NATT_PORT)
		add(a,
		    ": UDP port 500 passes, so most likely a firewall blocks UDP port 4500 (have it "
		    "let through, or try another network); else it wants no user ([auth] xauth = "
		    "no)");
	else
		add(a, ": perhaps it wants no user ([auth] xauth = no)");
}

static void on_timeout(struct advice *a, const struct session *s)
{
	if (s->unreachable.told && addr_eq(&s->unreachable.to.addr, &s->path.remote.addr))
		on_unreachable(a, s);
	else if (s->step == STEP_PHASE1)
		on_first_silence(a, s);
	else if (s->step == STEP_AUTHENTICATION)
		on_late_silence(a, s);
	else if (s->step == STEP_USER)
		on_user_silence(a, s);
	else if (s->config->ike.mode == IKE_MODE_AGGRESSIVE)
		on_late_silence(a, s);
}

const char *session_advice(const struct session *s, const struct ike_failure *why,
			   char buf[SESSION_ADVICE_MAX])
{
	bool quick = why->during && strcmp(why->during, "quick mode") == 0;
	struct advice a = { .text = buf };

	buf[0] = '\0';
	if (why->err == ERR_TIMEOUT)
		on_timeout(&a, s);
	else if (why->err == ERR_IDENTITY)
		on_identity(&a, s);
	else if (why->err == ERR_AUTH)
		on_auth(&a, s, why);
	else if (why->err == ERR_NO_PROPOSAL || why->notify == NOTIFY_NO_PROPOSAL)
		on_proposal(&a, s, quick);
	else if (quick && why->notify == NOTIFY_INVALID_ID)
		on_selectors(&a, s);
	return buf;
}

void session_unreachable_event(struct session *s, const struct session_unreachable *u)
{
	/* Anybody can write such a message: it explains a silence, and ends nothing. */
	if (addr_eq(&u->to.addr, &s->path.remote.addr) && !s->unreachable.told) {
		s->unreachable = *u;
		s->unreachable.told = true;
	}
}
