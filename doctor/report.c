/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor/report.h"

#include "base/fill.h"

#include <ctype.h>
#include <string.h>

#define LABEL "  %-11s"
#define WIDTH 78

const char *report_reach_name(enum doctor_reach reach)
{
	switch (reach) {
	case REACH_NOT_ASKED:
		return "not-asked";
	case REACH_ANSWER:
		return "answer";
	case REACH_SILENCE:
		return "silence";
	case REACH_PORT_CLOSED:
		return "port-closed";
	case REACH_NO_HOST:
		return "no-host";
	case REACH_FORBIDDEN:
		return "forbidden";
	case REACH_NOT_SENT:
		return "not-sent";
	}
	return "";
}

const char *report_size_name(enum doctor_size size)
{
	switch (size) {
	case SIZE_NOT_ASKED:
		return NULL;
	case SIZE_PASSES:
		return "arrive";
	case SIZE_LOST:
		return "lost";
	case SIZE_UNKNOWN:
		return "unknown";
	}
	return NULL;
}

/* ---- this host ---- */

static void report_way(const struct examination *x, unsigned i, FILE *out)
{
	const struct look_route *r = &x->look.route[i];
	char to[ADDR_TEXT_MAX], from[ADDR_TEXT_MAX];

	addr_text(&x->found[i]->addr, to);
	if (r->error)
		fprintf(out, LABEL "none to %s: %s\n", "way", to, strerror(r->error));
	else
		fprintf(out, LABEL "to %s through %s from %s, MTU %u\n", "way", to,
			r->link ? r->link->name : "?", addr_text(&r->route.source, from),
			r->route.mtu);
}

static void report_port(const struct look_port *p, unsigned port, FILE *out)
{
	if (!p->error)
		return;
	fprintf(out, LABEL "asked from %u instead of %u, ", "port", p->used, port);
	if (p->taken && p->program[0])
		fprintf(out, "which %s (pid %d) has", p->program, p->pid);
	else if (p->taken)
		fprintf(out, "which is taken");
	else
		fprintf(out, "which takes root");
	fprintf(out, "; a few gateways answer to %u alone\n", port);
}

static void report_host(const struct examination *x, FILE *out)
{
	const struct look *look = &x->look;

	fprintf(out, "This host\n");
	for (unsigned i = 0; i < x->n; i++)
		report_way(x, i, out);
	report_port(&look->port[DOCTOR_500], IKE_PORT, out);
	report_port(&look->port[DOCTOR_4500], IKE_NATT_PORT, out);
	fprintf(out, LABEL "year %d, %s\n", "clock", look->year,
		look->synchronized < 0 ? "may be right or wrong" :
		look->synchronized     ? "kept right from the network" :
				     "not kept right from the network, as far as the kernel knows");
	if (look->policies < 0)
		fprintf(out, LABEL "whether the kernel has policies takes root to see\n", "IPsec");
}

/* ---- the gateway ---- */

static void report_reached(const struct doctor_reached *r, const char *what, FILE *out)
{
	static const char *const words[] = {
		[REACH_NOT_ASKED] = "not asked",
		[REACH_ANSWER] = "answers",
		[REACH_SILENCE] = "silence",
		[REACH_PORT_CLOSED] = "port closed (ICMP)",
		[REACH_NO_HOST] = "no way there (ICMP)",
		[REACH_FORBIDDEN] = "forbidden (ICMP)",
		[REACH_NOT_SENT] = "cannot be sent",
	};
	bool local = r->by.family == FAMILY_NONE;

	fprintf(out, "%s: %s", what,
		local && r->reach == REACH_NO_HOST   ? "no route" :
		local && r->reach == REACH_FORBIDDEN ? "forbidden here" :
						       words[r->reach]);
	if (r->reach == REACH_ANSWER)
		fprintf(out, " (%u ms)", r->rtt_ms);
}

static void report_ports(const struct doctor_found *f, FILE *out)
{
	static const char *const labels[] = { "UDP 500", "UDP 4500" };

	for (unsigned port = 0; port < DOCTOR_PORTS; port++) {
		fprintf(out, LABEL, labels[port]);
		report_reached(&f->v1[port], "IKEv1", out);
		fprintf(out, "; ");
		report_reached(&f->v2[port], "IKEv2", out);
		fprintf(out, "\n");
	}
}

static void report_vendors(const struct doctor_v1 *v1, FILE *out)
{
	size_t at = 0;

	if (!v1->nvendors)
		return;
	fprintf(out, LABEL, "vendor ids");
	for (unsigned i = 0; i < v1->nvendors; i++) {
		size_t n = strlen(v1->vendor[i]) + 2;

		if (at && at + n > WIDTH - 13) {
			fprintf(out, "\n" LABEL, "");
			at = 0;
		}
		fprintf(out, "%s%s", v1->vendor[i], i + 1 < v1->nvendors ? ", " : "");
		at += n;
	}
	fprintf(out, "\n");
}

static void report_listed(bool is, const char *what, FILE *out)
{
	if (is)
		fprintf(out, " [%s]", what);
}

static void report_accepted(const struct doctor_v1 *v1, FILE *out)
{
	char name[48];

	for (unsigned i = 0; i < v1->naccepted; i++)
		fprintf(out, LABEL "%s %s, %s\n", i ? "" : "IKEv1", i ? "and" : "accepts",
			ike_suite_name(&v1->accepted[i].suite, name),
			verdict_method_text(v1->accepted[i].method));
	if (!v1->naccepted)
		return;
	fprintf(out, LABEL "%s\n", "",
		v1->complete ? "and nothing else of the good ones" : "and perhaps more");
	if (!v1->user && !v1->certificate && !v1->hybrid)
		return;
	fprintf(out, LABEL "the same with", "");
	report_listed(v1->user, "user and password", out);
	report_listed(v1->certificate, "certificates", out);
	report_listed(v1->hybrid, "hybrid", out);
	fprintf(out, " (may mean nothing)\n");
}

static void report_v1(const struct doctor_found *f, FILE *out)
{
	const struct doctor_v1 *v1 = &f->ike1;

	report_accepted(v1, out);
	if (!v1->naccepted && verdict_reach(f->v1) == REACH_ANSWER)
		fprintf(out, LABEL "accepts nothing of what was offered\n", "IKEv1");
	if (v1->wants_certificate)
		fprintf(out, LABEL "it asks for a certificate of ours\n", "");
	report_vendors(v1, out);
}

static void report_v2(const struct doctor_found *f, FILE *out)
{
	const struct doctor_v2 *v2 = &f->ike2;
	char text[V2_SUITE_TEXT_MAX], buf[32];

	if (verdict_reach(f->v2) != REACH_ANSWER) {
		fprintf(out, LABEL "no answer\n", "IKEv2");
		return;
	}
	if (v2->chosen)
		fprintf(out, LABEL "answers IKE_SA_INIT with %s\n", "IKEv2",
			v2_suite_text(&v2->suite, text));
	else if (v2->error)
		fprintf(out, LABEL "refused: %s\n", "IKEv2", verdict_notify_text(v2->error, buf));
	else
		fprintf(out, LABEL "answers, but with nothing that can be used\n", "IKEv2");
	if (v2->wants_group)
		fprintf(out, LABEL "it asked for the group %s\n", "",
			v2_group_text(v2->wants_group, text));
}

static void report_nat(const struct doctor_found *f, FILE *out)
{
	static const char *const where[] = {
		[NAT_NONE] = "none in between",
		[NAT_LOCAL] = "in front of us",
		[NAT_REMOTE] = "in front of the gateway",
		[NAT_BOTH] = "in front of us, and of the gateway",
	};
	enum nat nat;

	if (!verdict_nat(f, &nat)) {
		fprintf(out, LABEL "not known: the gateway does not say\n", "NAT");
		return;
	}
	fprintf(out, LABEL "%s\n", "NAT", where[nat]);
	if (nat & NAT_LOCAL)
		fprintf(out, LABEL "of which kind does not show from one server\n", "");
	if (nat & NAT_REMOTE)
		fprintf(out, LABEL "or the gateway says so to have its data in UDP\n", "");
	if (f->listened && f->repeated)
		fprintf(out, LABEL "it still let in what came %llu s after our last packet\n", "",
			(unsigned long long)(f->repeated / VTIME_S));
	else if (f->listened)
		fprintf(out,
			LABEL "how long it remembers did not show: the gateway repeats nothing\n",
			"");
}

static void report_sizes(const struct doctor_found *f, FILE *out)
{
	const char *fragments = report_size_name(f->fragments);

	if (fragments)
		fprintf(out, LABEL "%s (a message of %u bytes)\n", "fragments", fragments,
			f->fragments_bytes);
	if (f->path_mtu)
		fprintf(out, LABEL "packets of %u bytes pass%s\n", "path MTU", f->path_mtu,
			f->whole == SIZE_PASSES ? ", as many as the link carries" :
			f->too_big_said		? "; larger ones are answered by ICMP" :
						  "; larger ones vanish");
	else if (f->whole == SIZE_LOST || f->whole == SIZE_UNKNOWN)
		fprintf(out, LABEL "did not show\n", "path MTU");
}

static void report_group(const struct examination *x, const struct doctor_found *f, FILE *out)
{
	char name[48];

	if (!x->group)
		return;
	if (f->group.accepted)
		fprintf(out, LABEL "\"%s\" in aggressive mode: %s, %s\n", "group", x->group,
			ike_suite_name(&f->group.choice.suite, name),
			verdict_method_text(f->group.choice.method));
	else
		fprintf(out, LABEL "\"%s\" in aggressive mode: %s\n", "group", x->group,
			f->group.notify ? "refused" : "no answer");
}

static void report_found(const struct examination *x, unsigned i, FILE *out)
{
	const struct doctor_found *f = x->found[i];
	char buf[ADDR_TEXT_MAX];

	fprintf(out, "\nGateway %s (%u packets sent, %u questions answered)\n",
		addr_text(&f->addr, buf), f->sent, f->received);
	report_ports(f, out);
	if ((int)i != x->best)
		return;
	report_v1(f, out);
	report_group(x, f, out);
	report_v2(f, out);
	report_nat(f, out);
	report_sizes(f, out);
}

/* ---- what follows ---- */

static void report_wrapped(const char *head, const char *text, FILE *out)
{
	unsigned indent = (unsigned)strlen(head);

	fputs(head, out);
	fill_write(out, text, indent, indent, WIDTH);
}

static void report_troubles(const struct verdict *v, FILE *out)
{
	fprintf(out, v->ntroubles ? "\nTrouble\n" : "\nNo trouble was found.\n");
	for (unsigned i = 0; i < v->ntroubles; i++) {
		report_wrapped("  * ", v->trouble[i].cause, out);
		if (v->trouble[i].cure[0])
			report_wrapped("    > ", v->trouble[i].cure, out);
	}
}

void report_text(const struct examination *x, const struct verdict *v, FILE *out)
{
	report_host(x, out);
	for (unsigned i = 0; i < x->n; i++)
		report_found(x, i, out);
	report_troubles(v, out);
	if (v->conf[0])
		fprintf(out,
			"\nA vpn.conf for it; take away the ; where you know what belongs there:\n\n%s",
			v->conf);
}
