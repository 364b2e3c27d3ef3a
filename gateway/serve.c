/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/serve.h"

#include <errno.h>
#include <string.h>

#include "crypto/crypto.h"

#define DEVICE_BASE 11 /* letters of the gateway's device; "-s32" follows */
#define QUEUE 1 /* nothing goes into these devices */

static int open_device(struct serve *s, unsigned i, FILE *err)
{
	const struct tun *main = &s->host->tun;
	char name[IFNAMSIZ];
	int rc;

	snprintf(name, sizeof(name), "%.*s-s%u", DEVICE_BASE, main->name, (i + 1) % 100);
	rc = host_open_tun(name, main->vnet, &s->tuns[i], err);
	if (rc)
		return rc;
	s->n = i + 1;
	rc = tun_reverse_loose(&s->tuns[i]);
	if (rc < 0)
		fprintf(err,
			"godwit: the kernel may drop what goes to [server %s], for "
			"net.ipv4.conf.%s.rp_filter cannot be set: %s\n",
			s->file->servers[i].name, name, strerror(errno));
	s->needs_address[i] = rc > 0 && s->file->servers[i].address.family == FAMILY_IP4;
	return 0;
}

static bool is_ours(struct net_router *r, const struct addr *a)
{
	struct net_route route;

	return net_router_get(r, a, &route) == 0 && addr_eq(&route.source, a);
}

/* The kernel would take such a route, and the packets for its own. */
static int refuse_ours(const struct gateway_file *f, FILE *err)
{
	struct net_router r = { 0 };
	char address[ADDR_TEXT_MAX];
	int rc = 0;

	if (net_router_open(&r, 0) != 0)
		return 0;
	for (unsigned i = 0; i < f->nservers && rc == 0; i++) {
		if (!is_ours(&r, &f->servers[i].address))
			continue;
		fprintf(err,
			"godwit: [server %s] address %s is this host's own; put that of another "
			"host there\n",
			f->servers[i].name, addr_text(&f->servers[i].address, address));
		rc = SESSION_EXIT_USAGE;
	}
	net_router_close(&r);
	return rc;
}

int serve_open(struct serve *s, const struct host *host, const struct gateway_file *f, FILE *err)
{
	struct servers_config c = { .select = f->select, .n = f->nservers };
	int rc;

	*s = (struct serve){ .file = f, .host = host };
	rc = refuse_ours(f, err);
	for (unsigned i = 0; i < f->nservers && rc == 0; i++) {
		c.service[i] = f->servers[i].service;
		rc = open_device(s, i, err);
	}
	if (rc || f->nservers == 0)
		return rc;
	s->engine = servers_new(&c, crypto_rng());
	/* Until it is known how to reach them. */
	for (unsigned i = 0; i < s->n; i++)
		servers_set_there(s->engine, i, false);
	return 0;
}

void serve_close(struct serve *s)
{
	for (unsigned i = 0; i < s->n; i++)
		tun_close(&s->tuns[i]);
	servers_free(s->engine);
	*s = (struct serve){ 0 };
}

static const struct addr *own_ip4(const struct session_effect *fx)
{
	for (unsigned i = 0; i < fx->tun.ninner; i++)
		if (fx->tun.inner[i].family == FAMILY_IP4)
			return &fx->tun.inner[i];
	return NULL;
}

static struct tun_state address_of(const struct tun *t, const struct addr *a)
{
	struct tun_state s = { .kind = TUN_STATE_ADDRESS, .to = { *a, 32 } };

	memcpy(s.ifname, t->name, sizeof(s.ifname));
	return s;
}

int serve_up(struct serve *s, struct tun_netlink *n, const struct session_effect *fx, char why[200])
{
	for (unsigned i = 0; i < s->n; i++) {
		const char *name = s->tuns[i].name;

		/* What comes out of it is not in the clear. */
		if (tun_link_join(n, name) == 0 && tun_link_up(n, name, fx->tun.mtu, QUEUE) == 0)
			continue;
		snprintf(why, 200, "cannot bring up %s: %s", name, strerror(errno));
		return ERR_SYSTEM;
	}
	return 0;
}

unsigned serve_states(struct serve *s, const struct session_effect *fx, struct log *log,
		      struct tun_state *states, unsigned nstates)
{
	const struct addr *own = own_ip4(fx);

	for (unsigned i = 0; i < s->n; i++) {
		const struct gateway_server *server = &s->file->servers[i];
		const struct tun *t = &s->tuns[i];

		if (s->needs_address[i] && own)
			states[nstates++] = address_of(t, own);
		else if (s->needs_address[i])
			log_ev(log, LOG_WARN,
			       "the kernel drops what goes to a server, because "
			       "net.ipv4.conf.all.rp_filter is on and [pool] has no IPv4 address",
			       log_str("server", server->name),
			       log_str("command", "sysctl -w net.ipv4.conf.all.rp_filter=0"));
		states[nstates++] =
			tun_server_rule(t->name, server->address.family, host_mark_of(t));
	}
	return nstates;
}

unsigned serve_routes(struct serve *s, struct tun_state *states, unsigned nstates)
{
	s->routes = nstates;
	for (unsigned i = 0; i < s->n; i++) {
		const struct gateway_server *server = &s->file->servers[i];

		states[nstates++] = tun_server_route(&server->service, &server->address,
						     host_mark_of(&s->tuns[i]));
	}
	return nstates;
}

void serve_look(struct serve *s, struct log *log)
{
	char address[ADDR_TEXT_MAX];

	for (unsigned i = 0; i < s->n && s->host->stands; i++) {
		const struct gateway_server *server = &s->file->servers[i];
		bool way = s->host->stands[s->routes + i], there = way && tun_is_up(&s->tuns[i]);

		if (servers_there(s->engine, i) == there)
			continue;
		servers_set_there(s->engine, i, there);
		log_ev(log, there ? LOG_INFO : LOG_WARN,
		       there ? "server is there" : "server is away: others get its flows",
		       log_str("server", server->name),
		       log_str("address", addr_text(&server->address, address)),
		       log_str("why", there ? "its address is on a connected network" :
				      way   ? "its device is down or gone" :
					      "its address is on no connected network"));
	}
}

struct gateway_server_info serve_info(const struct serve *s, unsigned i)
{
	const struct gateway_server *server = &s->file->servers[i];

	return (struct gateway_server_info){
		.name = server->name,
		.service = &server->service,
		.address = &server->address,
		.device = s->tuns[i].name,
		.there = servers_there(s->engine, i),
		.counters = servers_counters(s->engine, i),
	};
}
