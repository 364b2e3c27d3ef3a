/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/check_impl.h"
#include "client/options.h"

#define CLAUSE_MAX 200

/* ---- what a rule fits ---- */

static const char *proto_name(uint8_t proto, char buf[16])
{
	static const struct {
		uint8_t number;
		const char *name;
	} names[] = { { 0, "all" },  { 1, "ICMP" }, { 2, "IGMP" },   { 6, "TCP" },
		      { 17, "UDP" }, { 50, "ESP" }, { 58, "ICMPv6" } };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].number == proto)
			return names[i].name;
	snprintf(buf, 16, "protocol %u", proto);
	return buf;
}

static const char *ports_text(const struct ts *ts, char buf[32])
{
	if (ts->port_lo == 0 && ts->port_hi == UINT16_MAX)
		buf[0] = '\0';
	else if (ts->port_lo == ts->port_hi)
		snprintf(buf, 32, " port %u", ts->port_lo);
	else
		snprintf(buf, 32, " ports %u-%u", ts->port_lo, ts->port_hi);
	return buf;
}

static bool is_any(const struct ts *ts)
{
	struct prefix p;

	return ts_to_prefix(ts, &p) && p.len == 0;
}

static const char *place_text(const struct ts *ts, char buf[TS_TEXT_MAX])
{
	struct ts place = *ts;

	if (is_any(ts)) {
		snprintf(buf, TS_TEXT_MAX, "any IPv%d address", (int)ts->lo.family);
		return buf;
	}
	place.proto = 0;
	place.port_lo = 0;
	place.port_hi = UINT16_MAX;
	return ts_text(&place, buf);
}

/* " from 10.1.0.0/16 port 22"; nothing for what comes from anywhere. */
static const char *from_text(const struct ts *ts, char buf[CLAUSE_MAX])
{
	char place[TS_TEXT_MAX], ports[32];

	buf[0] = '\0';
	ports_text(ts, ports);
	if (!is_any(ts))
		snprintf(buf, CLAUSE_MAX, " from %s%s", place_text(ts, place), ports);
	else if (ports[0])
		snprintf(buf, CLAUSE_MAX, " from%s", ports);
	return buf;
}

/* "TCP from 10.1.0.0/16 port 22 to any IPv4 address port 80" */
static void explain_pair(const struct ts_pair *ts, FILE *out)
{
	char proto[16], from[CLAUSE_MAX], to[TS_TEXT_MAX], ports[32];

	fprintf(out, "%s%s to %s%s", proto_name(ts->remote.proto, proto),
		from_text(&ts->local, from), place_text(&ts->remote, to),
		ports_text(&ts->remote, ports));
}

/* ---- what is done with it ---- */

static bool has_range(const struct session_rule *rule)
{
	for (unsigned i = 0; i < rule->nts; i++) {
		const struct ts_pair *ts = &rule->ts[i];

		if ((ts->local.port_lo != ts->local.port_hi && ts->local.port_hi != UINT16_MAX) ||
		    (ts->remote.port_lo != ts->remote.port_hi && ts->remote.port_hi != UINT16_MAX))
			return true;
	}
	return false;
}

static void explain_child(const struct session_config *s, const struct session_rule *rule,
			  FILE *out)
{
	const struct ike_child_config *child = &rule->child;
	char life[16], name[40];

	fprintf(out, EXPLAIN_LABEL, "");
	for (unsigned i = 0; i < child->nsuites; i++)
		fprintf(out, "%s%s", i ? ", " : "offered ",
			esp_suite_name(&child->suites[i], name));
	fprintf(out, "; for %s; PFS %s\n", duration_text(child->keylife_s, life),
		rule->pfs_as_phase1   ? "in IKE's group" :
		s->pfs_as_config      ? "if the gateway says so" :
		child->pfs == DH_NONE ? "no" :
					dh_group_name(child->pfs));
	if (has_range(rule))
		fprintf(out,
			EXPLAIN_LABEL "IKEv1 has no ranges of ports: agreed on for all ports, kept "
				      "to these by us, both ways\n",
			"");
}

static void explain_protect(const struct session_config *s, const struct session_rule *rule,
			    FILE *out)
{
	char idle[16];

	switch (rule->granularity) {
	case GRANULARITY_RULE:
		fprintf(out, "in %s", rule->nts == 1 ? "a tunnel of its own" : "a tunnel for each");
		break;
	case GRANULARITY_HOST:
		fprintf(out, "in a tunnel for each remote host, %u at most", rule->max_sas);
		break;
	case GRANULARITY_FLOW:
		fprintf(out, "in a tunnel for each flow, %u at most", rule->max_sas);
		break;
	}
	fprintf(out, "%s, negotiated with the first packet",
		rule->local_inner ? ", from our address" : "");
	if (rule->idle_close)
		fprintf(out, ", closed after %s without one",
			duration_text((uint32_t)(rule->idle_close / VTIME_S), idle));
	fprintf(out, "\n");
	explain_child(s, rule, out);
}

static void explain_rule(const struct session_config *s, const struct session_rule *rule, FILE *out)
{
	fprintf(out, "    %s: ", rule->name);
	for (unsigned i = 0; i < rule->nts; i++) {
		fprintf(out, "%s", i ? ", " : "");
		explain_pair(&rule->ts[i], out);
	}
	fprintf(out, "\n" EXPLAIN_LABEL, "");
	switch (rule->action) {
	case POLICY_PROTECT:
		explain_protect(s, rule, out);
		break;
	case POLICY_BYPASS:
		fprintf(out, "in the clear, beside the tunnel\n");
		break;
	case POLICY_DISCARD:
		fprintf(out, "refused at once: programs are told \"permission denied\"\n");
		break;
	}
}

static void explain_names(const struct session_config *s, FILE *out)
{
	char every[16];

	if (s->nnames == 0)
		return;
	fprintf(out, EXPLAIN_LABEL, "names");
	for (unsigned i = 0; i < s->nnames; i++)
		fprintf(out, "%s%s", i ? ", " : "", s->names[i]);
	fprintf(out, ": looked up again every %s, and when the network changes\n",
		duration_text(SESSION_NAMES_EVERY_S, every));
}

void explain_rules(const struct session_config *s, FILE *out)
{
	if (s->nrules == 0)
		return;
	fprintf(out, EXPLAIN_LABEL "the first that fits decides; then what follows below\n",
		"rules");
	for (unsigned i = 0; i < s->nrules; i++)
		explain_rule(s, &s->rules[i], out);
	explain_names(s, out);
}

void explain_hold(const struct config *c, FILE *out)
{
	const struct session_config *s = &c->session;
	char text[16];

	if (s->on_demand)
		fprintf(out, EXPLAIN_LABEL "with the first packet that needs it\n", "negotiated");
	if (s->idle_close)
		fprintf(out, EXPLAIN_LABEL "%s without a packet; the next one opens it again\n",
			"closed after", duration_text((uint32_t)(s->idle_close / VTIME_S), text));
	if (c->hold_bytes == 0)
		fprintf(out, EXPLAIN_LABEL "nothing: what has no keys yet is refused\n", "held");
	else if (s->on_demand || s->idle_close || s->nrules)
		fprintf(out,
			EXPLAIN_LABEL "what waits for keys, %s at most and %zu KiB in all; then it "
				      "is refused\n",
			"held", duration_text((uint32_t)(c->hold / VTIME_S), text),
			c->hold_bytes >> 10);
}
