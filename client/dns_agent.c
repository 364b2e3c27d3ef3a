/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/dns.h"

#include <stdlib.h>

#include "base/mem.h"

struct dns_agent {
	struct dns_agent_options o;
	dns_told told;
	void *ctx;
	struct dns_resolved *resolved; /* NULL: not by it */
	bool stands; /* resolvconf may have it */
};

struct dns_agent *dns_agent_new(const struct dns_agent_options *o, dns_told told, void *ctx)
{
	struct dns_agent *a = xcalloc(1, sizeof(*a));

	*a = (struct dns_agent){ .o = *o, .told = told, .ctx = ctx };
	if (o->by == DNS_BY_RESOLVED)
		a->resolved = dns_resolved_new(o->device, told, ctx);
	return a;
}

int dns_agent_fd(const struct dns_agent *a)
{
	return a->resolved ? dns_resolved_fd(a->resolved) : -1;
}

void dns_agent_run(struct dns_agent *a)
{
	if (a->resolved)
		dns_resolved_run(a->resolved);
}

static int resolvconf_set(struct dns_agent *a, const struct dns_plan *p, char why[DNS_WHY_MAX])
{
	int err = 0;

	if (p->nservers) {
		a->stands = true;
		return dns_resolvconf_add(a->o.resolvconf, a->o.record, p, why);
	}
	if (a->stands)
		err = dns_resolvconf_del(a->o.resolvconf, a->o.record, why);
	a->stands = err != 0;
	return err;
}

void dns_agent_set(struct dns_agent *a, const struct dns_plan *p)
{
	char why[DNS_WHY_MAX] = "", text[DNS_WHY_MAX];
	int err = ERR_UNSUPPORTED;

	if (a->resolved) {
		dns_resolved_set(a->resolved, p);
		return;
	}
	if (a->o.by == DNS_BY_RESOLVCONF)
		err = resolvconf_set(a, p, why);
	snprintf(text, sizeof(text), "%s %.120s", a->o.resolvconf ? a->o.resolvconf : "", why);
	if (a->o.by == DNS_BY_RESOLVED)
		snprintf(text, sizeof(text), "built without libsystemd");
	a->told(a->ctx, err, err ? text : "");
}

int dns_agent_end(struct dns_agent *a)
{
	static const struct dns_plan nothing;
	char why[DNS_WHY_MAX];
	int err = 0;

	if (a->o.by == DNS_BY_RESOLVCONF)
		err = resolvconf_set(a, &nothing, why);
	dns_resolved_free(a->resolved);
	free(a);
	return err;
}
