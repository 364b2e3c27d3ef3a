/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/gateway_wire.h"

#include <stdlib.h>

#include "base/mem.h"

#define NATT_MARKER 4

/* ---- the wire ---- */

static void wire_put(struct gworld *w, struct gworld_client *to, const struct endpoint *from,
		     const struct endpoint *dst, bool marked, struct slice bytes)
{
	size_t skip = marked ? NATT_MARKER : 0;
	struct gworld_datagram *d = xcalloc(1, sizeof(*d) + skip + bytes.n);

	d->at = w->now + GWORLD_DELAY;
	d->to = to;
	d->from = *from;
	d->dst = *dst;
	d->n = skip + bytes.n;
	memcpy(d->bytes + skip, bytes.p, bytes.n);
	if (w->lose && w->lose(w, d)) {
		free(d);
		return;
	}
	*w->last = d;
	w->last = &d->next;
}

/* Ports behind a NAT: two for each client, others after a move; those without NAT-T keep 500. */
static uint16_t nat_port(const struct gworld_client *c, uint16_t port)
{
	bool shared = c->config.ike.transport == IKE_TRANSPORT_ESP;

	if (addr_eq(&c->outer, &c->seen) || shared || port == ESP_PORT_BARE)
		return port;
	return (uint16_t)(20000 + 2 * (c->number + 1000 * c->moves) + (port == IKE_NATT_PORT));
}

void gworld_wire_remember(struct gworld_client *c, struct slice message)
{
	if (message.n < IKE_COOKIE_SIZE)
		return;
	for (unsigned k = 0; k < c->ncookies && k < GWORLD_COOKIES; k++)
		if (memcmp(c->cookies[k], message.p, IKE_COOKIE_SIZE) == 0)
			return;
	memcpy(c->cookies[c->ncookies++ % GWORLD_COOKIES], message.p, IKE_COOKIE_SIZE);
}

void gworld_wire_up(struct gworld_client *c, const struct endpoint *from, const struct endpoint *to,
		    bool marked, struct slice bytes)
{
	struct endpoint seen = { c->seen, nat_port(c, from->port) };

	if (!c->gone)
		wire_put(c->world, NULL, &seen, to, marked, bytes);
}

/* Whom the NAT, if there is one, gives it to. */
static bool is_for(const struct gworld_client *c, const struct endpoint *to, bool esp,
		   struct slice bytes)
{
	if (!c->session || !addr_eq(&to->addr, &c->seen))
		return false;
	if (to->port != IKE_PORT && to->port != ESP_PORT_BARE)
		return to->port == nat_port(c, IKE_PORT) || to->port == nat_port(c, IKE_NATT_PORT);
	if (addr_eq(&c->outer, &c->seen))
		return true;
	if (esp)
		return classifier_find_spi(c->data.classifier, get_be32(bytes.p)) != NULL;
	for (unsigned k = 0; k < GWORLD_COOKIES; k++)
		if (memcmp(c->cookies[k], bytes.p, IKE_COOKIE_SIZE) == 0)
			return true;
	return false;
}

void gworld_wire_down(struct gworld *w, const struct endpoint *from, const struct endpoint *to,
		      bool marked, bool esp, struct slice bytes)
{
	struct endpoint src = { w->outer, from->port };

	for (unsigned i = 0; i < w->nclients; i++) {
		struct gworld_client *c = w->clients[i];
		struct endpoint dst = { c->outer, to->port };

		if (!is_for(c, to, esp, bytes))
			continue;
		if (to->port == nat_port(c, IKE_PORT))
			dst.port = IKE_PORT;
		else if (to->port == nat_port(c, IKE_NATT_PORT))
			dst.port = IKE_NATT_PORT;
		c->esp_in += esp;
		if (!c->gone)
			wire_put(w, c, &src, &dst, marked, bytes);
		return;
	}
}
