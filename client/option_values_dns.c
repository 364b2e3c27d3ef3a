/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/option_values.h"

#include <stdio.h>

/* The list has what the gateway says, too. */
static bool is_config(const struct option_list *l)
{
	return strcmp(l->item, "config") == 0;
}

bool value_dns_servers(struct config_draft *d, const struct option *o, struct option_value *v)
{
	struct dns_config *c = &d->config->dns;
	struct option_list l = { .text = v->text };

	c->servers_config = false;
	c->nservers = 0;
	while (option_list_next(&l)) {
		struct addr a;

		if (is_config(&l)) {
			c->servers_config = true;
			continue;
		}
		if (!option_list_room(&l, c->nservers, DNS_OWN_MAX, v))
			return false;
		if (!addr_parse(l.item, &a) || !addr_is_host(&a))
			return option_refuse(v, l.at, l.item, "expected %s", o->expect);
		c->servers[c->nservers++] = a;
	}
	return true;
}

bool value_dns_domains(struct config_draft *d, const struct option *o, struct option_value *v)
{
	struct dns_config *c = &d->config->dns;
	struct option_list l = { .text = v->text };

	c->domains_config = false;
	c->ndomains = 0;
	while (option_list_next(&l)) {
		struct dns_domain *domain = &c->domains[c->ndomains];
		const char *name = l.item[0] == '~' ? l.item + 1 : l.item;

		if (is_config(&l)) {
			c->domains_config = true;
			continue;
		}
		if (!option_list_room(&l, c->ndomains, DNS_OWN_MAX, v))
			return false;
		if (!dns_name_ok(name) || strcmp(l.item, ".") == 0)
			return option_refuse(v, l.at, l.item, "expected %s", o->expect);
		domain->search = l.item[0] != '~';
		snprintf(domain->name, sizeof(domain->name), "%s", name);
		c->ndomains++;
	}
	return true;
}
