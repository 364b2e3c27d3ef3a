/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/dns.h"

#include <assert.h>
#include <string.h>

#include "net/dns_message.h"

#define LABEL_MAX 63
#define NAME_TEXT_MAX 253 /* in text, RFC 1035 section 2.3.4 */
#define PROTO_UDP 17
#define LABEL_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

static_assert(NAME_TEXT_MAX < IKE_NAME_MAX, "every name has room");

const char *dns_manager_name(enum dns_manager m)
{
	switch (m) {
	case DNS_BY_NONE:
		break;
	case DNS_BY_RESOLVED:
		return "resolved";
	case DNS_BY_RESOLVCONF:
		return "resolvconf";
	case DNS_BY_SCRIPT:
		return "script";
	}
	return "none";
}

/* ---- names ---- */

static bool is_all_names(const char *name)
{
	return strcmp(name, ".") == 0;
}

bool dns_name_ok(const char *name)
{
	size_t n = strnlen(name, IKE_NAME_MAX);

	if (is_all_names(name))
		return true;
	if (n == 0 || n > NAME_TEXT_MAX || name[0] == '-')
		return false;
	for (size_t at = 0;; at++) {
		size_t label = strspn(name + at, LABEL_CHARS);

		at += label;
		if (label == 0 || label > LABEL_MAX || (name[at] && name[at] != '.'))
			return false;
		if (!name[at])
			return true;
	}
}

const char *dns_domain_text(const struct dns_domain *d, char buf[IKE_NAME_MAX + 1])
{
	snprintf(buf, IKE_NAME_MAX + 1, "%s%s", d->search ? "" : "~", d->name);
	return buf;
}

/* A search domain says whom to ask, too: once is enough. */
static void domain_add(struct dns_plan *p, const char *name, bool search)
{
	for (uint32_t i = 0; i < p->ndomains; i++) {
		if (strcasecmp(p->domains[i].name, name) != 0)
			continue;
		p->domains[i].search |= search;
		return;
	}
	if (p->ndomains == DNS_DOMAINS_MAX)
		return;
	p->domains[p->ndomains].search = search;
	snprintf(p->domains[p->ndomains++].name, IKE_NAME_MAX, "%s", name);
}

/* Gateways write "*.corp.example", ".corp.example" and "corp.example." for the same. */
static void domain_given(struct dns_plan *p, const char *given, bool search)
{
	char name[IKE_NAME_MAX];
	size_t n;

	given += strspn(given, ".");
	snprintf(name, sizeof(name), "%s", given);
	n = strlen(name);
	while (n > 0 && name[n - 1] == '.')
		name[--n] = '\0';
	if (dns_name_ok(name))
		domain_add(p, name, search);
}

/* ---- servers ---- */

/* Whether a question to this server goes through the tunnel. */
static bool is_reached(const struct session_effect *fx, const struct addr *server)
{
	struct tuple t = { .dst = *server, .proto = PROTO_UDP, .ports = true, .dport = DNS_PORT };

	if (!fx->tun.policy)
		return true;
	for (unsigned i = 0; i < fx->tun.ninner; i++) {
		const struct policy_rule *rule;

		if (fx->tun.inner[i].family != server->family)
			continue;
		t.src = fx->tun.inner[i];
		t.sport = UINT16_MAX - 1; /* any: nobody binds a rule to it */
		rule = policy_match(fx->tun.policy, &t);
		if (rule && rule->action == POLICY_PROTECT)
			return true;
	}
	return false;
}

static void server_add(const struct session_effect *fx, enum dns_manager by, const struct addr *a,
		       struct dns_plan *p, struct dns_beside *beside)
{
	bool reached = is_reached(fx, a);

	if (!addr_is_host(a) || addr_is_in(p->servers, p->nservers, a) ||
	    addr_is_in(beside->servers, beside->n, a))
		return;
	if (!reached && beside->n < DNS_SERVERS_MAX)
		beside->servers[beside->n++] = *a;
	if ((reached || by != DNS_BY_RESOLVED) && p->nservers < DNS_SERVERS_MAX)
		p->servers[p->nservers++] = *a;
}

/* ---- the plan ---- */

static bool has_half(const struct session_effect *fx, uint8_t first)
{
	for (unsigned i = 0; i < fx->tun.nroutes; i++) {
		const struct prefix *r = &fx->tun.routes[i];

		if (r->len == 1 && r->addr.family == FAMILY_IP4 && (r->addr.b[0] & 0x80) == first)
			return true;
	}
	return false;
}

/* Of IPv4 or IPv6: who protects one of them wholly means names, too. */
static bool carries_everything(const struct session_effect *fx)
{
	for (unsigned i = 0; i < fx->tun.nroutes; i++)
		if (fx->tun.routes[i].len == 0)
			return true;
	return has_half(fx, 0) && has_half(fx, 0x80);
}

static void domains_make(const struct dns_config *c, const struct ike_assigned *a,
			 struct dns_plan *p)
{
	for (unsigned i = 0; i < c->ndomains; i++)
		domain_add(p, c->domains[i].name, c->domains[i].search);
	if (!c->domains_config || !a)
		return;
	domain_given(p, a->domain, true);
	for (unsigned i = 0; i < a->nsplit_dns; i++)
		domain_given(p, a->split_dns[i], false);
}

void dns_plan_make(const struct dns_config *c, enum dns_manager by, const struct session_effect *fx,
		   struct dns_plan *p, struct dns_beside *beside)
{
	const struct ike_assigned *a = fx->tun.assigned;

	*p = (struct dns_plan){ 0 };
	*beside = (struct dns_beside){ 0 };
	for (unsigned i = 0; i < c->nservers; i++)
		server_add(fx, by, &c->servers[i], p, beside);
	for (unsigned i = 0; c->servers_config && a && i < a->ndns; i++)
		server_add(fx, by, &a->dns[i], p, beside);
	domains_make(c, a, p);
	switch (c->default_route) {
	case DNS_DEFAULT_AUTO:
		/* Without any domain nobody would ever ask these servers. */
		p->default_route = carries_everything(fx) || p->ndomains == 0 ||
				   dns_plan_is_everything(p);
		if (carries_everything(fx))
			domain_add(p, ".", false);
		break;
	case DNS_DEFAULT_YES:
		p->default_route = true;
		domain_add(p, ".", false);
		break;
	case DNS_DEFAULT_NO:
		break;
	}
}

bool dns_plan_is_everything(const struct dns_plan *p)
{
	for (uint32_t i = 0; i < p->ndomains; i++)
		if (is_all_names(p->domains[i].name))
			return true;
	return false;
}

static bool family_ok(const struct addr *a)
{
	return a->family == FAMILY_IP4 || a->family == FAMILY_IP6;
}

/* Whose bytes come from elsewhere: only these two may be looked at. */
static bool is_bool(const bool *b)
{
	return *(const uint8_t *)b <= 1;
}

int dns_plan_check(const struct dns_plan *p)
{
	bool good = p->nservers <= DNS_SERVERS_MAX && p->ndomains <= DNS_DOMAINS_MAX &&
		    is_bool(&p->default_route);

	for (uint32_t i = 0; good && i < p->nservers; i++)
		good = family_ok(&p->servers[i]) && addr_is_host(&p->servers[i]);
	for (uint32_t i = 0; good && i < p->ndomains; i++) {
		const struct dns_domain *d = &p->domains[i];

		good = is_bool(&d->search) && strnlen(d->name, sizeof(d->name)) < sizeof(d->name) &&
		       dns_name_ok(d->name) && !(d->search && is_all_names(d->name));
	}
	return good ? 0 : ERR_MALFORMED;
}
