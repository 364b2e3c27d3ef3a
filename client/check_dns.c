/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/check_impl.h"

static void explain_servers(const struct config *config, FILE *out)
{
	const struct dns_config *c = &config->dns;
	bool gateways = c->servers_config && config->session.address_config;
	char list[DNS_OWN_MAX * ADDR_TEXT_MAX];

	fprintf(out, "%s%s%s", dns_servers_text(c->servers, c->nservers, list, sizeof(list)),
		c->nservers && gateways ? " and " : "",
		gateways ? "the servers that the gateway names" : "");
}

static void explain_domains(const struct config *config, FILE *out)
{
	const struct dns_config *c = &config->dns;
	char buf[IKE_NAME_MAX + 1];

	for (unsigned i = 0; i < c->ndomains; i++)
		fprintf(out, "%s%s", i ? ", " : "", dns_domain_text(&c->domains[i], buf));
	if (c->domains_config && config->session.address_config)
		fprintf(out, "%sthe domains that the gateway names, else all names",
			c->ndomains ? ", " : "");
	else if (c->ndomains == 0)
		fprintf(out, "all names");
	switch (c->default_route) {
	case DNS_DEFAULT_AUTO:
		fprintf(out, "; all, where the tunnel carries everything");
		break;
	case DNS_DEFAULT_YES:
		fprintf(out, ", and all others");
		break;
	case DNS_DEFAULT_NO:
		fprintf(out, ", and no others");
		break;
	}
}

static const char *told_text(enum dns_manager by)
{
	switch (by) {
	case DNS_BY_NONE:
		break;
	case DNS_BY_RESOLVED:
		return "systemd-resolved is told";
	case DNS_BY_RESOLVCONF:
		return "resolvconf is told";
	case DNS_BY_SCRIPT:
		return "the script is told";
	}
	return "nobody is told";
}

void explain_dns(const struct config *config, const struct dns_host *h, FILE *out)
{
	const struct dns_config *c = &config->dns;
	const char *missing;
	enum dns_manager by = dns_choose(c->manage, h, config->script, &missing);

	fprintf(out, EXPLAIN_LABEL, "DNS");
	if (c->nservers == 0 && (!c->servers_config || !config->session.address_config)) {
		fprintf(out, "left as it is: there is no server to set\n");
		return;
	}
	if (by == DNS_BY_NONE) {
		fprintf(out, "left as it is, whatever servers the gateway names\n");
		if (missing)
			fprintf(out, EXPLAIN_LABEL "%s\n", "", missing);
		return;
	}
	fprintf(out, "%s to ask ", told_text(by));
	explain_servers(config, out);
	fprintf(out, "\n" EXPLAIN_LABEL, "  for");
	explain_domains(config, out);
	fprintf(out, "\n");
}
