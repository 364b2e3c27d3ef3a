/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The connection in sentences: what goes where, who proves what, how long things last. */
#include <stdarg.h>

#include "client/check_impl.h"
#include "client/options.h"

__attribute__((format(printf, 2, 3))) static void say(FILE *out, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("  ", out);
	vfprintf(out, format, args);
	fputc('\n', out);
	va_end(args);
}

static const char *seconds_text(vtime t, char buf[16])
{
	return duration_text((uint32_t)(t / VTIME_S), buf);
}

/* ---- what goes where ---- */

bool check_is_covered(const struct session_config *s, enum family family)
{
	for (unsigned i = 0; i < s->nremotes; i++)
		if (s->remotes[i].addr.family == family && s->remotes[i].len == 0)
			return true;
	for (unsigned i = 0; i < s->ntunnels; i++) {
		struct prefix p;

		if (ts_to_prefix(&s->tunnels[i].remote, &p) && p.addr.family == family &&
		    p.len == 0)
			return true;
	}
	return false;
}

static void put_remotes(const struct session_config *s, FILE *out)
{
	char text[PREFIX_TEXT_MAX], ts[TS_TEXT_MAX];
	const char *separator = "";

	for (unsigned i = 0; i < s->nremotes; i++, separator = ", ")
		fprintf(out, "%s%s", separator, prefix_text(&s->remotes[i], text));
	for (unsigned i = 0; i < s->ntunnels; i++) {
		bool again = false;

		for (unsigned k = 0; k < i; k++)
			again |= ts_eq(&s->tunnels[k].remote, &s->tunnels[i].remote);
		if (again)
			continue;
		fprintf(out, "%s%s", separator, ts_text(&s->tunnels[i].remote, ts));
		separator = ", ";
	}
}

static void story_tunnel(const struct session_config *s, FILE *out)
{
	if (s->nrules)
		say(out, "Rules of your own decide first; they stand below.");
	if (s->address_config && s->nremotes == 0) {
		say(out,
		    "What goes to the networks that the gateway names goes through the tunnel; "
		    "everything, if it names none.");
	} else {
		fputs("  Through the tunnel goes what is for ", out);
		put_remotes(s, out);
		fputs(".\n", out);
	}
	if (s->nexcludes || s->address_config)
		say(out, "What %s leaves in the clear, beside the tunnel.",
		    !s->nexcludes     ? "the gateway excludes" :
		    s->address_config ? "is for the networks of exclude, or those that the gateway "
					"excludes," :
					"is for the networks of exclude");
}

static void story_else(const struct session_config *s, FILE *out)
{
	if (s->fallback == POLICY_DISCARD)
		say(out, "All else is refused while the connection runs, but for what links need "
			 "(DHCP, neighbours): nothing leaves beside the tunnel.");
	else
		say(out,
		    "All else goes its usual way in the clear, where whoever is on the way can "
		    "read it.");
}

/* Where the script sets routes we do not know what they are. */
static void story_down(const struct config *c, FILE *out)
{
	char hold[16];

	if (c->routes_by_script) {
		say(out,
		    "What happens while the tunnel is down is up to the routes of the script.");
		return;
	}
	if (c->hold_bytes)
		say(out,
		    "While the tunnel has no keys, what is for it waits %s at most and is then "
		    "refused; it never leaves in the clear.",
		    seconds_text(c->hold, hold));
	else
		say(out,
		    "While the tunnel has no keys, what is for it is refused; it never leaves in "
		    "the clear.");
	say(out,
	    "godwit disconnect ends all this: everything goes its usual way then. After a crash it "
	    "stays refused until the next connect, or disconnect.");
}

static void story_traffic(const struct config *c, FILE *out)
{
	fputs("\nWhat goes where\n", out);
	story_tunnel(&c->session, out);
	story_else(&c->session, out);
	story_down(c, out);
	say(out, "%s",
	    c->routes_by_script ?
		    "Addresses and routes are set by the script, which takes them back." :
		    "Addresses, routes and rules are set by godwit, which takes them "
		    "back.");
}

/* ---- who proves what ---- */

static void story_gateway(const struct config *c, FILE *out)
{
	const struct ike_config *ike = &c->session.ike;
	char id[IDENTITY_TEXT_MAX];
	const char *name = ike->remote.type ? identity_text(&ike->remote, id) : "";

	if (ike->auth != IKE_AUTH_PSK)
		say(out, "The gateway shows a certificate from one of our CAs, which must bear %s.",
		    name[0] ? name : "the name or address that we look for");
	else if (ike->remote_any)
		say(out, "The gateway is whoever knows the pre-shared key.");
	else
		say(out,
		    "The gateway proves that it knows the pre-shared key, and must call itself %s.",
		    name[0] ? name : "by its address");
}

static const char *key_source(const struct config *c)
{
	return c->psk_asked ? ", which is asked for when it connects" : "";
}

static void story_us(const struct config *c, FILE *out)
{
	const struct ike_config *ike = &c->session.ike;
	char id[IDENTITY_TEXT_MAX];

	switch (ike->auth) {
	case IKE_AUTH_PSK:
		say(out, "We prove that we know the key%s, and are known %s%s.", key_source(c),
		    ike->local.type ? "as " : "by our address",
		    ike->local.type ? identity_text(&ike->local, id) : "");
		break;
	case IKE_AUTH_RSA:
		say(out, "We show our own certificate and sign with its key.");
		break;
	case IKE_AUTH_HYBRID:
		say(out, "We prove nothing by ourselves: the user does.");
		break;
	}
	if (ike->xauth && c->session.username[0])
		say(out, "Then the gateway asks for the password of %s.", c->session.username);
	else if (ike->xauth)
		say(out, "Then the gateway asks for a user name and a password.");
	if (ike->mode == IKE_MODE_AGGRESSIVE)
		say(out, "In aggressive mode both names can be read on the way.");
}

/* ---- how long ---- */

static void story_keys(const struct session_config *s, FILE *out)
{
	char ike[16], esp[16], late[16], early[16];
	vtime most = s->rekeymargin + s->rekeymargin / 100 * s->rekeyfuzz;

	say(out,
	    "IKE's keys live %s, the data's %s, or less if the gateway says so; they are renewed %s to "
	    "%s before that, without losing a packet.",
	    duration_text(s->ike.lifetime_s, ike), duration_text(s->child.keylife_s, esp),
	    seconds_text(s->rekeymargin, late), seconds_text(most, early));
	say(out, "%s",
	    s->pfs_as_config	    ? "New keys for the data come from a key exchange of their own "
				      "(PFS) if the gateway wants that." :
	    s->child.pfs == DH_NONE ? "New keys for the data are derived from IKE's (no PFS)." :
				      "New keys for the data come from a key exchange of their own "
				      "(PFS).");
}

static void story_times(const struct session_config *s, FILE *out)
{
	char timeout[16], dpd[16], idle[16];

	fputs("\nHow long things last\n", out);
	say(out, "A negotiation that has not ended after %s has failed.",
	    seconds_text(s->ike.timeout, timeout));
	story_keys(s, out);
	if (s->idle_close)
		say(out,
		    "The tunnel is closed after %s without a packet, and opened by the next one.",
		    seconds_text(s->idle_close, idle));
	if (s->dpd)
		say(out,
		    "A gateway that has been silent for %s is asked whether it is there; when it is "
		    "not, we connect again until that succeeds.",
		    seconds_text(s->dpd, dpd));
	else
		say(out,
		    "Nobody asks a silent gateway whether it is there; its loss shows when keys "
		    "are renewed or pings fail.");
}

void check_story(const struct config *c, FILE *out)
{
	story_traffic(c, out);
	fputs("\nWho proves what\n", out);
	story_gateway(c, out);
	story_us(c, out);
	story_times(&c->session, out);
	fputs("\n" EXPLAIN_DETAIL "\n", out);
}
