/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/nat.h"

#include <string.h>

#define PORT_FIRST 1024

void udp_nat_init(struct udp_nat *n, const struct udp_nat_config *config, struct rng *rng)
{
	memset(n, 0, sizeof(*n));
	n->config = *config;
	n->rng = rng;
}

/* The part of a remote endpoint that counts. */
static struct endpoint part(enum nat_dependence d, const struct endpoint *remote)
{
	struct endpoint e = { 0 };

	if (d != NAT_INDEPENDENT)
		e.addr = remote->addr;
	if (d == NAT_ADDRESS_PORT)
		e.port = remote->port;
	return e;
}

static struct nat_mapping *by_port(struct udp_nat *n, vtime now, uint16_t port)
{
	for (unsigned i = 0; i < NAT_MAPPINGS_MAX; i++)
		if (n->mappings[i].expires > now && n->mappings[i].port == port)
			return &n->mappings[i];
	return NULL;
}

static struct nat_mapping *by_inside(struct udp_nat *n, vtime now, const struct endpoint *inside,
				     const struct endpoint *remote)
{
	for (unsigned i = 0; i < NAT_MAPPINGS_MAX; i++) {
		struct nat_mapping *m = &n->mappings[i];

		if (m->expires > now && endpoint_eq(&m->inside, inside) &&
		    endpoint_eq(&m->remote, remote))
			return m;
	}
	return NULL;
}

static uint16_t choose_port(struct udp_nat *n, vtime now, uint16_t wish)
{
	uint16_t port = wish;

	while (!n->config.preserves || by_port(n, now, port)) {
		port = (uint16_t)(PORT_FIRST + rng_below(n->rng, 65536 - PORT_FIRST));
		if (!by_port(n, now, port))
			break;
	}
	return port;
}

static struct nat_mapping *map(struct udp_nat *n, vtime now, const struct endpoint *inside,
			       const struct endpoint *remote)
{
	for (unsigned i = 0; i < NAT_MAPPINGS_MAX; i++) {
		struct nat_mapping *m = &n->mappings[i];

		if (m->expires > now)
			continue;
		*m = (struct nat_mapping){ .inside = *inside, .remote = *remote };
		m->port = choose_port(n, now, inside->port);
		return m;
	}
	return NULL;
}

static void permit(struct udp_nat *n, vtime now, struct nat_mapping *m, const struct endpoint *dst)
{
	struct endpoint who = part(n->config.filtering, dst);
	struct nat_permit *p = NULL;

	for (unsigned i = 0; i < NAT_PERMITS_MAX && i < m->npermits; i++)
		if (endpoint_eq(&m->permits[i].remote, &who))
			p = &m->permits[i];
	if (!p)
		p = &m->permits[m->npermits++ % NAT_PERMITS_MAX];
	*p = (struct nat_permit){ who, vtime_add(now, n->config.lifetime) };
}

bool udp_nat_out(struct udp_nat *n, vtime now, struct endpoint *src, const struct endpoint *dst)
{
	struct endpoint remote = part(n->config.mapping, dst);
	struct nat_mapping *m = by_inside(n, now, src, &remote);

	if (!m)
		m = map(n, now, src, &remote);
	if (!m)
		return false;
	m->expires = vtime_add(now, n->config.lifetime);
	permit(n, now, m, dst);
	*src = (struct endpoint){ n->config.outside, m->port };
	return true;
}

bool udp_nat_in(struct udp_nat *n, vtime now, const struct endpoint *src, struct endpoint *dst)
{
	struct endpoint who = part(n->config.filtering, src);
	struct nat_mapping *m = by_port(n, now, dst->port);

	if (!m || !addr_eq(&dst->addr, &n->config.outside))
		return false;
	for (unsigned i = 0; i < NAT_PERMITS_MAX && i < m->npermits; i++) {
		if (m->permits[i].expires <= now || !endpoint_eq(&m->permits[i].remote, &who))
			continue;
		*dst = m->inside;
		return true;
	}
	return false;
}

void udp_nat_reboot(struct udp_nat *n)
{
	memset(n->mappings, 0, sizeof(n->mappings));
}

void udp_nat_renumber(struct udp_nat *n, const struct addr *outside)
{
	n->config.outside = *outside;
}
