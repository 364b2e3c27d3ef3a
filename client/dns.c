/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/dns.h"

#include <stdarg.h>
#include <string.h>

#include "client/hooks.h"
#include "client/runtime.h"

#define JOURNAL_WORD "resolvconf "
#define LIST_MAX 200

static __attribute__((format(printf, 2, 3))) void say(struct dns *d, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(d->why, sizeof(d->why), format, args);
	va_end(args);
	d->silent = false;
	fprintf(d->err, "godwit: %s\n", d->why);
	log_ev(d->log, LOG_WARN, "DNS", log_str("why", d->why));
}

void dns_init(struct dns *d, const struct config *config, struct log *log, FILE *err)
{
	*d = (struct dns){ .config = &config->dns, .log = log, .err = err };
	dns_host_look(d->config->manage, &d->host);
	d->by = dns_choose(d->config->manage, &d->host, config->script, &d->missing);
	if (d->by == DNS_BY_RESOLVCONF &&
	    !dns_resolvconf_record(&d->host, config->device, d->record)) {
		d->by = DNS_BY_NONE;
		d->missing = "the device's name is none that resolvconf can have";
	}
}

/* ---- the journal ---- */

bool dns_journal_line(const struct dns *d, char *line, size_t size)
{
	bool any = d && d->by == DNS_BY_RESOLVCONF &&
		   (d->state == DNS_ASKED || d->state == DNS_SET || d->state == DNS_FAILED);

	if (any)
		snprintf(line, size, JOURNAL_WORD "%s", d->record);
	return any;
}

bool dns_journal_record(const char *line, char record[DNS_RECORD_MAX])
{
	size_t n = strlen(JOURNAL_WORD);

	if (strncmp(line, JOURNAL_WORD, n) != 0 || !dns_resolvconf_record_ok(line + n))
		return false;
	snprintf(record, DNS_RECORD_MAX, "%s", line + n);
	return true;
}

/* ---- handing over ---- */

const char *dns_servers_text(const struct addr *servers, unsigned n, char *out, size_t size)
{
	char buf[ADDR_TEXT_MAX];
	size_t used = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < n && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "",
					 addr_text(&servers[i], buf));
	return out;
}

static void say_beside(struct dns *d, bool refused)
{
	const struct dns_beside *beside = &d->beside;
	char list[LIST_MAX];

	if (beside->n == 0 || d->by == DNS_BY_NONE)
		return;
	dns_servers_text(beside->servers, beside->n, list, sizeof(list));
	say(d,
	    "DNS: no tunnel leads to %s, so it is %s; add it to [tunnel] remote, or set "
	    "[dns] servers",
	    list,
	    d->by == DNS_BY_RESOLVED ? "left out" :
	    refused		     ? "out of reach" :
				       "asked in the clear");
}

static void say_missing(struct dns *d)
{
	char list[LIST_MAX];

	if (!d->missing || d->plan.nservers == 0)
		return;
	dns_servers_text(d->plan.servers, d->plan.nservers, list, sizeof(list));
	say(d, "DNS is left as it is: %s; ask %s yourself, or set [hooks] script, or [dns] manage",
	    d->missing, list);
}

/* The script hears of the servers and domains of [dns], where there are any. */
static void tell_script(const struct dns *d, struct hooks_env *env)
{
	const struct dns_config *c = d->config;
	uint32_t n = 0;

	if (!c->servers_config || c->nservers) {
		env->ndns = d->plan.nservers < IKE_DNS_MAX ? d->plan.nservers : IKE_DNS_MAX;
		memcpy(env->dns, d->plan.servers, env->ndns * sizeof(env->dns[0]));
	}
	if (c->domains_config && c->ndomains == 0)
		return;
	env->domain[0] = '\0';
	for (uint32_t i = 0; i < d->plan.ndomains && n < IKE_SPLIT_DNS_MAX; i++) {
		const struct dns_domain *domain = &d->plan.domains[i];

		if (strcmp(domain->name, ".") == 0)
			continue;
		if (domain->search && !env->domain[0])
			memcpy(env->domain, domain->name, sizeof(env->domain));
		memcpy(env->split_dns[n++], domain->name, sizeof(env->split_dns[0]));
	}
	env->nsplit_dns = n;
}

static bool hand_over(struct dns *d, struct host *h, struct hooks *hooks)
{
	enum dns_state before = d->state;
	char why[200];

	if (d->plan.nservers == 0 && before == DNS_NOTHING)
		return false;
	d->state = DNS_ASKED;
	if (host_note_dns(h, why) != 0) {
		d->state = before;
		say(d, "DNS is not set: %s", why);
		return false;
	}
	if (hooks_dns(hooks, &d->plan))
		return true;
	dns_lost(d);
	return false;
}

bool dns_begin(struct dns *d, struct host *h, struct hooks *hooks, const struct session_effect *fx,
	       struct hooks_env *env)
{
	struct session_effect known = *fx;

	/* What a script routes we do not know. */
	if (h->config->routes_by_script)
		known.tun.policy = NULL;
	dns_plan_make(d->config, d->by, &known, &d->plan, &d->beside);
	d->why[0] = '\0';
	d->silent = false;
	say_beside(d, h->config->session.fallback == POLICY_DISCARD);
	switch (d->by) {
	case DNS_BY_NONE:
		say_missing(d);
		break;
	case DNS_BY_SCRIPT:
		tell_script(d, env);
		d->state = DNS_TOLD;
		break;
	case DNS_BY_RESOLVED:
	case DNS_BY_RESOLVCONF:
		return hand_over(d, h, hooks);
	}
	return false;
}

/* ---- what came of it ---- */

void dns_ended(struct dns *d, const struct hooks_result *r)
{
	if (r->dns_over)
		return;
	if (r->status) {
		d->state = DNS_FAILED;
		say(d, "DNS is not set: %s", r->why);
		return;
	}
	if (d->state == DNS_FAILED)
		d->why[0] = '\0';
	d->state = d->plan.nservers ? DNS_SET : DNS_NOTHING;
	log_ev(d->log, LOG_INFO, d->plan.nservers ? "DNS is set" : "DNS is as before",
	       log_str("manager", dns_manager_name(d->by)), log_u64("servers", d->plan.nservers),
	       log_u64("domains", d->plan.ndomains));
}

void dns_lost(struct dns *d)
{
	if (d->state != DNS_ASKED && d->state != DNS_SET)
		return;
	d->state = DNS_FAILED;
	say(d, "DNS is not looked after any more: the process that did it is gone");
}

/* ---- whether they answer ---- */

unsigned dns_to_check(const struct dns *d, struct addr out[DNS_SERVERS_MAX], const char **name)
{
	const struct dns_plan *p = &d->plan;
	unsigned n = 0;

	*name = "";
	for (uint32_t i = 0; i < p->ndomains && !(*name)[0]; i++)
		if (strcmp(p->domains[i].name, ".") != 0)
			*name = p->domains[i].name;
	if (d->by == DNS_BY_NONE || (d->state != DNS_SET && d->state != DNS_TOLD))
		return 0;
	for (uint32_t i = 0; i < p->nservers; i++)
		if (!addr_is_in(d->beside.servers, d->beside.n, &p->servers[i]))
			out[n++] = p->servers[i];
	return n;
}

/* Of these, those that [dns] servers has. */
static unsigned count_own(const struct dns *d, const struct addr *servers, unsigned n)
{
	unsigned own = 0;

	for (unsigned i = 0; i < n; i++)
		own += addr_is_in(d->config->servers, d->config->nservers, &servers[i]);
	return own;
}

static void say_silent(struct dns *d, const struct addr *silent, unsigned n)
{
	unsigned own = count_own(d, silent, n);
	char list[LIST_MAX];

	dns_servers_text(silent, n, list, sizeof(list));
	say(d, "the DNS server%s %s %s %s not answer: names%s will not resolve; %s",
	    n == 1 ? "" : "s", list,
	    own == 0 ? "that the gateway named" :
	    own == n ? "in [dns] servers" :
		       "of [dns] servers and of the gateway",
	    n == 1 ? "does" : "do", dns_plan_is_everything(&d->plan) ? "" : " inside",
	    own == 0 ? "ask the administrator, or set [dns] servers" : "correct [dns] servers");
	d->silent = true;
}

void dns_checked(struct dns *d, const struct addr *silent, unsigned n, unsigned asked)
{
	char list[LIST_MAX];

	if (n && n == asked) {
		say_silent(d, silent, n);
		return;
	}
	if (d->silent) {
		d->why[0] = '\0';
		d->silent = false;
		log_ev(d->log, LOG_INFO, "the DNS servers answer again");
	}
	if (n)
		log_ev(d->log, LOG_WARN, "some DNS servers do not answer",
		       log_str("servers", dns_servers_text(silent, n, list, sizeof(list))));
}
