/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "doctor/air.h"
#include "doctor/dns.h"
#include "doctor/doctor.h"
#include "doctor/report.h"

enum {
	EXIT_USAGE = 1,
	EXIT_SYSTEM = 5,
};

static void look_up(struct examination *x, struct addr *addrs, FILE *err)
{
	if (isatty(fileno(err)))
		fprintf(err, "looking up %s …", x->host);
	fflush(err);
	x->resolved = net_resolve(x->host, addrs, DOCTOR_ADDRESSES_MAX);
	x->resolve_error = errno;
	x->n = x->resolved > 0 ? (unsigned)x->resolved : 0;
}

/* A name of the company's own may be in no DNS; one without a dot is looked up in others. */
static void ask_servers(struct examination *x)
{
	struct addr servers[VERDICT_SERVERS_MAX], a;

	if (addr_parse(x->host, &a) || !strchr(x->host, '.'))
		return;
	x->nservers = dns_servers("/etc/resolv.conf", servers, VERDICT_SERVERS_MAX);
	for (unsigned i = 0; i < x->nservers; i++)
		x->server[i].server = servers[i];
	dns_ask(x->host, x->server, x->nservers, crypto_rng());
}

static void set_targets(struct doctor_config *c, const struct examination *x,
			const struct addr *addrs)
{
	c->ntargets = x->n;
	for (unsigned i = 0; i < x->n; i++) {
		const struct look_route *r = &x->look.route[i];

		c->targets[i] = (struct doctor_target){ .addr = addrs[i] };
		if (r->error)
			continue;
		c->targets[i].source = r->route.source;
		/* The route's may be what was learnt of the path an hour ago. */
		c->targets[i].mtu = r->link ? r->link->mtu : r->route.mtu;
	}
}

static void look_at_ports(struct examination *x, struct doctor_config *c, const struct air *a)
{
	for (unsigned port = 0; port < DOCTOR_PORTS; port++) {
		c->port[port] = a->socket[port].port;
		x->look.port[port].used = c->port[port];
		look_port(&x->look.port[port], port == DOCTOR_500 ? IKE_PORT : IKE_NATT_PORT,
			  a->taken[port]);
	}
}

static void take_found(struct examination *x, const struct doctor *d)
{
	for (unsigned i = 0; i < x->n; i++)
		x->found[i] = doctor_found(d, i);
	x->best = doctor_best(d);
}

static int conclude(const struct examination *x, bool json, FILE *out)
{
	struct verdict *v = xcalloc(1, sizeof(*v));
	int code;

	verdict_make(v, x);
	if (json)
		report_json(x, v, out);
	else
		report_text(x, v, out);
	fflush(out);
	code = v->exit;
	free(v);
	return code;
}

static int examine(struct examination *x, const struct doctor_options *o, const struct addr *addrs,
		   FILE *out, FILE *err)
{
	struct doctor_config c = { .group = o->group, .listen = o->listen };
	struct doctor *d;
	struct air air;
	int code;

	if (air_open(&air, false) != 0) {
		fprintf(err, "godwit doctor: cannot open UDP sockets: %s\n", strerror(errno));
		return EXIT_SYSTEM;
	}
	set_targets(&c, x, addrs);
	look_at_ports(x, &c, &air);
	d = doctor_new(&c, crypto_rng());
	air_run(&air, d, err);
	air_close(&air);
	take_found(x, d);
	code = conclude(x, o->json, out);
	doctor_free(d);
	return code;
}

/* A name that a person may have copied with what stands around it. */
static bool is_host(const char *host, FILE *err)
{
	if (host[0] && !strpbrk(host, " /@[]%") && strlen(host) < 256)
		return true;
	fprintf(err, "godwit doctor: '%s' is neither a name nor an address\n", host);
	return false;
}

int doctor_run(const struct doctor_options *o, FILE *out, FILE *err)
{
	struct examination x = { .host = o->host, .group = o->group, .best = -1 };
	struct addr addrs[DOCTOR_ADDRESSES_MAX];

	if (!is_host(o->host, err))
		return EXIT_USAGE;
	if (crypto_init() != 0) {
		fprintf(err, "godwit doctor: the cryptographic library does not start\n");
		return EXIT_SYSTEM;
	}
	look_up(&x, addrs, err);
	ask_servers(&x);
	look_host(&x.look, addrs, x.n);
	return examine(&x, o, addrs, out, err);
}
