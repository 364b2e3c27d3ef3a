/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `check`: reads a configuration and says in plain words what it would do. */
#include <stdio.h>

#include "client/client.h"
#include "client/config.h"
#include "client/options.h"

#define EXPLAIN_LABEL "  %-16s"

static void explain_gateway(const struct session_config *s, FILE *out)
{
	char id[IDENTITY_TEXT_MAX];

	fprintf(out, EXPLAIN_LABEL, "gateway");
	for (unsigned i = 0; i < s->ngateways; i++)
		fprintf(out, "%s%s", i ? ", else " : "", s->gateways[i]);
	fprintf(out, "\n" EXPLAIN_LABEL "%s\n", "it must be",
		s->ike.remote.type ? identity_text(&s->ike.remote, id) :
				     "known by the address we reach it at");
	fprintf(out, EXPLAIN_LABEL "%s\n", "we are",
		s->ike.local.type ? identity_text(&s->ike.local, id) : "known by our address");
}

static void explain_ike(const struct ike_config *ike, FILE *out)
{
	char life[16], timeout[16], name[48];

	fprintf(out, EXPLAIN_LABEL "IKEv1, main mode, pre-shared key; given up after %s\n", "IKE",
		duration_text((uint32_t)(ike->timeout / VTIME_S), timeout));
	fprintf(out, EXPLAIN_LABEL, "  offered");
	for (unsigned i = 0; i < ike->nsuites; i++)
		fprintf(out, "%s%s", i ? ", " : "", ike_suite_name(&ike->suites[i], name));
	fprintf(out, "; for %s\n", duration_text(ike->lifetime_s, life));
}

static void explain_esp(const struct session_config *s, FILE *out)
{
	const struct ike_child_config *child = &s->child;
	char life[16], name[40];

	fprintf(out, EXPLAIN_LABEL "in UDP always, so that every NAT lets it through\n", "ESP");
	fprintf(out, EXPLAIN_LABEL, "  offered");
	for (unsigned i = 0; i < child->nsuites; i++)
		fprintf(out, "%s%s", i ? ", " : "", esp_suite_name(&child->suites[i], name));
	fprintf(out, "; for %s\n" EXPLAIN_LABEL, duration_text(child->keylife_s, life), "  PFS");
	if (child->pfs == DH_NONE)
		fprintf(out, "no\n");
	else
		fprintf(out, "yes, %s\n",
			s->pfs_as_phase1 ? "in the group that IKE has come to use" :
					   dh_group_name(child->pfs));
}

static bool has_inner(const struct session_config *s, enum family family)
{
	for (unsigned i = 0; i < s->ninner; i++)
		if (s->inner[i].family == family)
			return true;
	return false;
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

static void explain_traffic(const struct session_config *s, FILE *out)
{
	char local[TS_TEXT_MAX], remote[TS_TEXT_MAX];

	for (unsigned i = 0; i < s->ntunnels; i++)
		fprintf(out, EXPLAIN_LABEL "from %s to %s, and back\n", i ? "" : "in the tunnel",
			ts_text(&s->tunnels[i].local, local),
			ts_text(&s->tunnels[i].remote, remote));
	fprintf(out, EXPLAIN_LABEL "%s\n", "all else",
		s->fallback == POLICY_BYPASS ?
			"goes its usual way in the clear, beside the tunnel" :
			"is refused");
	if (s->fallback == POLICY_BYPASS && !has_inner(s, FAMILY_IP6))
		fprintf(out,
			EXPLAIN_LABEL
			"all of it in the clear: [tunnel] address has no IPv6 address\n",
			"IPv6");
	if (s->fallback == POLICY_BYPASS && !has_inner(s, FAMILY_IP4))
		fprintf(out,
			EXPLAIN_LABEL
			"all of it in the clear: [tunnel] address has no IPv4 address\n",
			"IPv4");
}

void config_explain(const struct config *c, FILE *out)
{
	const struct session_config *s = &c->session;
	char address[ADDR_TEXT_MAX];

	fprintf(out, "%s: connection %s\n", c->file, c->name);
	explain_gateway(s, out);
	explain_ike(&s->ike, out);
	explain_esp(s, out);
	explain_life(s, out);
	fprintf(out, EXPLAIN_LABEL "%s, MTU ", "device", c->device);
	if (s->mtu)
		fprintf(out, "%u\n", s->mtu);
	else
		fprintf(out, "from the path to the gateway\n");
	fprintf(out, EXPLAIN_LABEL, "our address");
	for (unsigned i = 0; i < s->ninner; i++)
		fprintf(out, "%s%s", i ? ", " : "", addr_text(&s->inner[i], address));
	fprintf(out, "\n");
	explain_traffic(s, out);
	fprintf(out, EXPLAIN_LABEL "left as it is\n", "DNS");
}

int client_check(const char *file, FILE *out, FILE *err)
{
	struct config *c;

	if (config_read(file, &c, err) != 0)
		return SESSION_EXIT_USAGE;
	config_explain(c, out);
	config_free(c);
	return SESSION_EXIT_UP;
}

void client_example(FILE *out)
{
	config_write_example(out);
}
