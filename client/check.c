/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `check`: reads a configuration and says in plain words what it would do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fill.h"
#include "client/client.h"
#include "client/check_impl.h"
#include "client/options.h"
#include "client/runtime.h"

static void explain_list(FILE *out, const struct prefix *list, unsigned n)
{
	char text[PREFIX_TEXT_MAX];

	for (unsigned i = 0; i < n; i++)
		fprintf(out, "%s%s", i ? ", " : "", prefix_text(&list[i], text));
}

/* ---- who ---- */

static const char *vendor_name(enum ike_vendor vendor)
{
	return option_find("gateway", "vendor")->words[vendor].word;
}

static void explain_gateway(const struct config *c, FILE *out)
{
	const struct session_config *s = &c->session;
	char address[ADDR_TEXT_MAX];

	fprintf(out, EXPLAIN_LABEL, "gateway");
	for (unsigned i = 0; i < s->ngateways; i++)
		fprintf(out, "%s%s", i ? ", else " : "", s->gateways[i]);
	fprintf(out, "%s\n", s->redirects ? ", or another one that it sends us to" : "");
	if (s->ike.vendor != IKE_VENDOR_NONE)
		fprintf(out, EXPLAIN_LABEL "the ways of %s are followed\n", "vendor",
			vendor_name(s->ike.vendor));
	if (c->local_address.family == FAMILY_NONE && c->local_port == IKE_PORT)
		return;
	fprintf(out, EXPLAIN_LABEL "%s, ", "reached from",
		c->local_address.family == FAMILY_NONE ? "the address of the kernel's choice" :
							 addr_text(&c->local_address, address));
	if (c->local_port)
		fprintf(out, "port %u\n", c->local_port);
	else
		fprintf(out, "any port that is free\n");
}

static const char *own_identity(const struct ike_config *ike, char *buf, size_t size)
{
	char id[IDENTITY_TEXT_MAX];
	struct slice subject = { 0 };

	if (ike->local.type != ID_NONE) {
		snprintf(buf, size, "%s", identity_text(&ike->local, id));
		return buf;
	}
	if (ike->auth == IKE_AUTH_RSA && ike->credentials)
		subject = credentials_subject(ike->credentials);
	if (subject.n)
		return cert_dn_text(subject, buf, size);
	snprintf(buf, size, "known by our address");
	return buf;
}

static const char *proof_text(enum ike_auth auth)
{
	switch (auth) {
	case IKE_AUTH_PSK:
		return "both ends by the pre-shared key";
	case IKE_AUTH_RSA:
		return "the gateway by a certificate from one of our CAs, we by our own";
	case IKE_AUTH_HYBRID:
		return "the gateway by a certificate from one of our CAs, we by the user's password "
		       "alone";
	}
	return "";
}

static void explain_ends(const struct ike_config *ike, FILE *out)
{
	char id[IDENTITY_TEXT_MAX], own[IDENTITY_TEXT_MAX];

	fprintf(out, EXPLAIN_LABEL "%s", "it must be",
		ike->remote_any	 ? "who knows the pre-shared key" :
		ike->remote.type ? identity_text(&ike->remote, id) :
				   "known by the address we reach it at");
	fprintf(out, "%s\n",
		!ike->remote.type && ike->auth != IKE_AUTH_PSK ?
			", which its certificate must bear" :
			"");
	fprintf(out, EXPLAIN_LABEL "%s\n", "we are", own_identity(ike, own, sizeof(own)));
	fprintf(out, EXPLAIN_LABEL "%s\n", "proven", proof_text(ike->auth));
}

/* ---- the user ---- */

static const char *password_source(const struct config *c)
{
	if (c->session.password.n && !c->session.ask_always)
		return c->password_command ?
			       "known from the configuration; from the command if that is refused" :
			       "known from the configuration";
	if (c->password_command)
		return "from the command, run each time it is needed";
	if (c->session.ask_always)
		return "asked for each time";
	return "asked for once, then kept in memory while the connection runs";
}

/* What renewing the ISAKMP SA means for a person. */
static void explain_renewal(const struct config *c, FILE *out)
{
	const struct session_config *s = &c->session;
	char life[16], margin[16], keylife[16];

	if (s->ask_always)
		fprintf(out, EXPLAIN_LABEL "the user is asked again where the gateway wants it,",
			"  at renewal");
	else
		fprintf(out,
			EXPLAIN_LABEL "the password is given again where the gateway wants it,",
			"  at renewal");
	fprintf(out, " within %s\n", duration_text(s->ike.lifetime_s, life));
	fprintf(out,
		EXPLAIN_LABEL
		"asked for %s before that; without an answer data flows until its keys "
		"end, %s at most\n",
		"  one-time code", duration_text((uint32_t)(s->rekeymargin / VTIME_S), margin),
		duration_text(s->child.keylife_s, keylife));
}

static void explain_user(const struct config *c, FILE *out)
{
	const struct session_config *s = &c->session;

	if (!s->ike.xauth)
		return;
	fprintf(out, EXPLAIN_LABEL "%s", "user", s->username[0] ? s->username : "asked for");
	if (s->user_domain[0])
		fprintf(out, ", in the domain %s", s->user_domain);
	fprintf(out, "\n" EXPLAIN_LABEL "%s\n", "  password", password_source(c));
	fprintf(out, EXPLAIN_LABEL "%s\n", "  given to",
		s->ike.auth == IKE_AUTH_PSK ?
			"whoever proves to have the pre-shared key: all who know it can pose as the "
			"gateway" :
			"the gateway, once it is proven");
	explain_renewal(c, out);
}

/* ---- IKE and ESP ---- */

static void explain_ike(const struct ike_config *ike, FILE *out)
{
	char life[16], timeout[16], name[48];

	fprintf(out, EXPLAIN_LABEL "IKEv1, %s mode%s; given up after %s\n", "IKE",
		ike->mode == IKE_MODE_AGGRESSIVE ? "aggressive" : "main",
		ike->no_fragments ? ", never in parts" : "",
		duration_text((uint32_t)(ike->timeout / VTIME_S), timeout));
	fprintf(out, EXPLAIN_LABEL, "  offered");
	for (unsigned i = 0; i < ike->nsuites; i++)
		fprintf(out, "%s%s", i ? ", " : "", ike_suite_name(&ike->suites[i], name));
	fprintf(out, "; for %s\n", duration_text(ike->lifetime_s, life));
}

static void explain_transport(const struct session_config *s, FILE *out)
{
	fprintf(out, EXPLAIN_LABEL, "ESP");
	switch (s->ike.transport) {
	case IKE_TRANSPORT_AUTO:
		fprintf(out, "in UDP, so that every NAT lets it through; bare with a gateway that "
			     "cannot\n");
		break;
	case IKE_TRANSPORT_UDP:
		fprintf(out, "in UDP always, so that every NAT lets it through; a gateway that "
			     "cannot is refused\n");
		break;
	case IKE_TRANSPORT_ESP:
		fprintf(out, "bare, as protocol 50: firewalls and NATs in between must let it "
			     "through\n");
		break;
	case IKE_TRANSPORT_CISCO_UDP:
		fprintf(out,
			"in UDP in Cisco's way, to the port that the gateway names, else "
			"%u\n",
			s->cisco_port);
		break;
	}
}

static void explain_pfs(const struct session_config *s, FILE *out)
{
	fprintf(out, EXPLAIN_LABEL, "  PFS");
	if (s->pfs_as_config)
		fprintf(out, "if the gateway says so, in the group that IKE has come to use\n");
	else if (s->child.pfs == DH_NONE)
		fprintf(out, "no\n");
	else
		fprintf(out, "yes, %s\n",
			s->pfs_as_phase1 ? "in the group that IKE has come to use" :
					   dh_group_name(s->child.pfs));
}

static void explain_esp(const struct session_config *s, FILE *out)
{
	const struct ike_child_config *child = &s->child;
	char life[16], name[40];

	explain_transport(s, out);
	fprintf(out, EXPLAIN_LABEL, "  offered");
	for (unsigned i = 0; i < child->nsuites; i++)
		fprintf(out, "%s%s", i ? ", " : "", esp_suite_name(&child->suites[i], name));
	fprintf(out, "; for %s\n", duration_text(child->keylife_s, life));
	explain_pfs(s, out);
}

static void explain_life(const struct session_config *s, FILE *out)
{
	char margin[16], dpd[16];

	fprintf(out, EXPLAIN_LABEL "%s before the end of a life, or up to %u%% of that earlier\n",
		"keys renewed", duration_text((uint32_t)(s->rekeymargin / VTIME_S), margin),
		s->rekeyfuzz);
	fprintf(out, EXPLAIN_LABEL, "gateway lost?");
	if (s->dpd)
		fprintf(out, "asked after %s of silence; ",
			duration_text((uint32_t)(s->dpd / VTIME_S), dpd));
	else
		fprintf(out, "never asked; ");
	fprintf(out, "when it is lost, connected again until that succeeds\n");
}

/* ---- pings ---- */

static const char *duration_ms_text(vtime t, char buf[16])
{
	if (t % VTIME_S == 0)
		return duration_text((uint32_t)(t / VTIME_S), buf);
	snprintf(buf, 16, "%ums", (unsigned)(t / VTIME_MS));
	return buf;
}

static void explain_targets(const struct session_config *s, FILE *out)
{
	char address[ADDR_TEXT_MAX];

	fprintf(out, EXPLAIN_LABEL, "  who answers");
	for (unsigned i = 0; i < ARRAY_SIZE(s->ping_targets); i++)
		if (s->ping_targets[i].family != FAMILY_NONE)
			fprintf(out, "%s, else ", addr_text(&s->ping_targets[i], address));
	fprintf(out, "who is found in the tunnel: the gateway, its DNS server, its networks' first "
		     "host\n");
}

static void explain_pings(const struct session_config *s, FILE *out)
{
	char time[16], idle[16];

	fprintf(out, EXPLAIN_LABEL "tried with pings, %u at most, %s apart", "new keys",
		s->pingtries + 1, duration_ms_text(s->pingtime, time));
	if (s->maxidle)
		fprintf(out, "; those in use after %s of silence",
			duration_ms_text(s->maxidle, idle));
	fprintf(out, "\n");
	explain_targets(s, out);
	fprintf(out, EXPLAIN_LABEL "%s\n", "  the gateway's",
		s->ignore_peer_rekey == SESSION_IGNORE_YES ?
			"own attempts to renew them are refused: we begin instead" :
		s->ignore_peer_rekey == SESSION_IGNORE_NO ?
			"own attempts to renew them are answered" :
			"own attempts to renew them are answered, unless raw ESP may pass a NAT");
}

/* ---- the tunnel ---- */

static void explain_workers(const struct config *c, FILE *out)
{
	if (c->workers < 2)
		return;
	fprintf(out, EXPLAIN_LABEL "%u threads; new keys go to ", "opened by", c->workers);
	switch (c->select) {
	case DISPATCH_LEAST_LOAD:
		fprintf(out, "the one where the fewest packets wait\n");
		break;
	case DISPATCH_ROUND_ROBIN:
		fprintf(out, "one after the other\n");
		break;
	}
}

static void explain_device(const struct config *c, FILE *out)
{
	const struct session_config *s = &c->session;
	const struct ike_config_wish *wish = &s->ike.wish;
	char address[ADDR_TEXT_MAX];

	fprintf(out, EXPLAIN_LABEL "%s, MTU ", "device", c->device);
	if (s->mtu)
		fprintf(out, "%u\n", s->mtu);
	else
		fprintf(out, "from the path to the gateway\n");
	fprintf(out, EXPLAIN_LABEL, "our address");
	if (!s->address_config) {
		for (unsigned i = 0; i < s->ninner; i++)
			fprintf(out, "%s%s", i ? ", " : "", addr_text(&s->inner[i], address));
		fprintf(out, "\n");
		return;
	}
	fprintf(out, "given by the gateway, which is asked for %s\n",
		wish->ip6 ? "IPv4 and IPv6" : "IPv4");
	fprintf(out, EXPLAIN_LABEL "our host name, %s%s%s\n", "it is told",
		wish->hostname[0] ? wish->hostname : "which is empty",
		wish->application_version[0] ? ", and what we are: " : "",
		wish->application_version);
}

static void explain_pairs(const struct session_config *s, FILE *out)
{
	char local[TS_TEXT_MAX], remote[TS_TEXT_MAX];

	for (unsigned i = 0; i < s->ntunnels; i++)
		fprintf(out, EXPLAIN_LABEL "from %s to %s, and back\n", i ? "" : "in the tunnel",
			ts_text(&s->tunnels[i].local, local),
			ts_text(&s->tunnels[i].remote, remote));
}

/* What the gateway's word makes of it. */
static void explain_assigned(const struct session_config *s, FILE *out)
{
	fprintf(out, EXPLAIN_LABEL "from ", "in the tunnel");
	if (s->nlocals)
		explain_list(out, s->locals, s->nlocals);
	else
		fprintf(out, "our address");
	fprintf(out, " to ");
	if (s->nremotes)
		explain_list(out, s->remotes, s->nremotes);
	else
		fprintf(out, "the networks that the gateway names, everything when it names none");
	fprintf(out, "; and back\n");
}

static void explain_excludes(const struct session_config *s, FILE *out)
{
	if (s->nexcludes == 0 && !s->address_config)
		return;
	fprintf(out, EXPLAIN_LABEL, "but not");
	explain_list(out, s->excludes, s->nexcludes);
	fprintf(out, "%s: in the clear, beside the tunnel\n",
		!s->address_config ? "" :
		s->nexcludes	   ? ", and what the gateway excludes" :
				     "what the gateway excludes");
}

static bool has_inner(const struct session_config *s, enum family family)
{
	for (unsigned i = 0; i < s->ninner; i++)
		if (s->inner[i].family == family)
			return true;
	return false;
}

/* A family that the tunnel does not carry is easily forgotten. */
static void explain_family(const struct session_config *s, enum family family, FILE *out)
{
	const char *label = family == FAMILY_IP4 ? "IPv4" : "IPv6";
	const char *what = s->nrules ? "what no rule names goes" : "all of it";

	if (s->fallback != POLICY_BYPASS)
		return;
	if (!s->address_config && !has_inner(s, family))
		fprintf(out, EXPLAIN_LABEL "%s in the clear: [tunnel] address has no %s address\n",
			label, what, label);
	else if (s->address_config && family == FAMILY_IP6)
		fprintf(out, EXPLAIN_LABEL "%s in the clear%s\n", label, what,
			s->ike.wish.ip6 ? ", unless the gateway gives us an address for it" :
					  ": the gateway is not asked for an address");
}

/* When the connection is lost, the gateway's name must be looked up again. */
static void explain_names(const struct session_config *s, FILE *out)
{
	struct addr a;

	if (s->fallback == POLICY_DISCARD && !addr_parse(s->gateways[0], &a))
		fprintf(out,
			EXPLAIN_LABEL "the gateway's name is looked up again only if a rule lets "
				      "that through: its address would need none\n",
			"");
}

static void explain_traffic(const struct session_config *s, FILE *out)
{
	explain_rules(s, out);
	if (s->address_config)
		explain_assigned(s, out);
	else
		explain_pairs(s, out);
	explain_excludes(s, out);
	fprintf(out, EXPLAIN_LABEL "%s\n", "all else",
		s->fallback == POLICY_BYPASS ?
			"goes its usual way in the clear, beside the tunnel" :
			"is refused while the connection runs, but for what links need (DHCP, "
			"neighbours)");
	explain_names(s, out);
	explain_family(s, FAMILY_IP6, out);
	explain_family(s, FAMILY_IP4, out);
}

static void explain_script(const struct config *c, FILE *out)
{
	struct dns_host host;

	if (c->script)
		fprintf(out, EXPLAIN_LABEL "%s is run as the connection comes and goes%s\n",
			"script", c->script,
			c->routes_by_script ? "; it sets addresses and routes" : "");
	dns_host_look(c->dns.manage, &host);
	explain_dns(c, &host, out);
}

void config_explain(const struct config *c, FILE *out)
{
	const struct session_config *s = &c->session;

	fprintf(out, "%s: connection %s\n", c->file, c->name);
	check_story(c, out);
	explain_gateway(c, out);
	explain_ends(&s->ike, out);
	explain_user(c, out);
	explain_ike(&s->ike, out);
	explain_esp(s, out);
	explain_life(s, out);
	explain_pings(s, out);
	explain_workers(c, out);
	explain_device(c, out);
	explain_traffic(s, out);
	explain_hold(c, out);
	explain_script(c, out);
}

/* Lines go on below where their text begins: behind the blanks, or behind the column of labels. */
static void fill_line(const char *line, bool labelled, unsigned width, FILE *out)
{
	unsigned hang = (unsigned)strspn(line, " ");

	if (labelled && strlen(line) > EXPLAIN_COLUMN)
		hang = EXPLAIN_COLUMN;
	fprintf(out, "%.*s", (int)hang, line);
	fill_write(out, line + hang, hang, hang, width);
}

static void explain_on_screen(const struct config *c, unsigned width, FILE *out)
{
	char *text = NULL;
	size_t size = 0;
	bool labelled = false;
	FILE *whole = open_memstream(&text, &size);

	if (!whole)
		return;
	config_explain(c, whole);
	fclose(whole);
	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		fill_line(line, labelled, width, out);
		labelled |= strcmp(line, EXPLAIN_DETAIL) == 0;
	}
	free(text);
}

int client_check(const char *file, const struct client_settings *settings, FILE *out, FILE *err)
{
	unsigned width = progress_width(out);
	struct config *c;

	if ((file ? config_read_with(file, settings, true, &c, err) :
		    config_read_settings(settings, true, &c, err)) != 0)
		return SESSION_EXIT_USAGE;
	if (width)
		explain_on_screen(c, width, out);
	else
		config_explain(c, out);
	check_warn(c, err);
	config_free(c);
	return SESSION_EXIT_UP;
}

void client_example(FILE *out)
{
	config_write_example(out);
}
