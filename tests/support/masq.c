/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/masq.h"

#include <stdlib.h>

#include "base/mem.h"

struct ike_item {
	struct addr client;
	struct addr server;
	uint64_t initiator;
	uint64_t responder; /* known once it is established */
	bool established;
	vtime last;
};

struct alias {
	uint32_t spi; /* 0: none */
	uint32_t as;
};

struct masq {
	struct masq_config config;
	unsigned nesp, nike;
	struct masq_item esp[MASQ_ITEMS_MAX];
	struct ike_item ike[MASQ_ITEMS_MAX];
	unsigned naliases;
	struct alias aliases[MASQ_ALIASES_MAX];
	uint64_t counters[MASQ_FATES];
};

/* ---- ESP items ---- */

static bool is_alive(const struct masq_item *item, vtime now)
{
	return now < item->expires;
}

/* What is often asked for moves to where it is found soon. */
static struct masq_item *to_the_front(struct masq *m, unsigned i)
{
	struct masq_item item = m->esp[i];

	m->esp[i] = m->esp[i / 2];
	m->esp[i / 2] = item;
	return &m->esp[i / 2];
}

static struct masq_item *esp_of_client(struct masq *m, vtime now, const struct masq_packet *p,
				       uint32_t spi)
{
	for (unsigned i = 0; i < m->nesp; i++) {
		const struct masq_item *e = &m->esp[i];

		if (e->outgoing_spi == spi && is_alive(e, now) && addr_eq(&e->client, &p->from) &&
		    addr_eq(&e->server, &p->to))
			return to_the_front(m, i);
	}
	return NULL;
}

/* Its place; -1: no established item has this SPI. */
static int esp_of_server(const struct masq *m, vtime now, const struct addr *server, uint32_t spi)
{
	for (unsigned i = 0; i < m->nesp; i++) {
		const struct masq_item *e = &m->esp[i];

		if (e->established && e->incoming_spi == spi && is_alive(e, now) &&
		    addr_eq(&e->server, server))
			return (int)i;
	}
	return -1;
}

/* Its place; -1: the server has nothing outstanding. */
static int esp_outstanding(const struct masq *m, vtime now, const struct addr *server)
{
	for (unsigned i = 0; i < m->nesp; i++) {
		const struct masq_item *e = &m->esp[i];

		if (!e->established && is_alive(e, now) && addr_eq(&e->server, server))
			return (int)i;
	}
	return -1;
}

bool masq_expired(struct masq *m, vtime now, struct masq_item *item)
{
	for (unsigned i = 0; i < m->nesp; i++) {
		if (is_alive(&m->esp[i], now))
			continue;
		*item = m->esp[i];
		m->esp[i] = m->esp[--m->nesp];
		return true;
	}
	return false;
}

static enum masq_fate esp_make(struct masq *m, vtime now, const struct masq_packet *p, uint32_t spi)
{
	struct masq_item gone;

	while (masq_expired(m, now, &gone))
		continue;
	if (m->nesp == MASQ_ITEMS_MAX)
		return MASQ_DROP_FULL;
	m->esp[m->nesp++] = (struct masq_item){
		.client = p->from,
		.server = p->to,
		.outgoing_spi = spi,
		.expires = vtime_add(now, m->config.tout),
	};
	return MASQ_FORWARD;
}

static void esp_establish(struct masq *m, vtime now, struct masq_item *item, uint32_t spi)
{
	item->established = true;
	item->incoming_spi = spi;
	item->expires = vtime_add(now, m->config.tei);
}

/* ---- IKE items ---- */

static bool is_recent(const struct masq *m, const struct ike_item *item, vtime now)
{
	return vtime_until(item->last, now) <= m->config.tike;
}

static struct ike_item *ike_of_client(struct masq *m, const struct masq_packet *p,
				      uint64_t initiator)
{
	for (unsigned i = 0; i < m->nike; i++)
		if (m->ike[i].initiator == initiator && addr_eq(&m->ike[i].client, &p->from) &&
		    addr_eq(&m->ike[i].server, &p->to))
			return &m->ike[i];
	return NULL;
}

/* The established item of these cookies, or else the outstanding one of the initiator's. */
static struct ike_item *ike_of_server(struct masq *m, const struct addr *server, uint64_t initiator,
				      uint64_t responder)
{
	struct ike_item *outstanding = NULL;

	for (unsigned i = 0; i < m->nike; i++) {
		struct ike_item *e = &m->ike[i];

		if (e->initiator != initiator || !addr_eq(&e->server, server))
			continue;
		if (e->established && e->responder == responder)
			return e;
		if (!e->established)
			outstanding = e;
	}
	return outstanding;
}

static bool ike_is_in_the_way(const struct masq *m, vtime now, const struct addr *server,
			      uint64_t initiator)
{
	for (unsigned i = 0; i < m->nike; i++)
		if (!m->ike[i].established && m->ike[i].initiator == initiator &&
		    is_recent(m, &m->ike[i], now) && addr_eq(&m->ike[i].server, server))
			return true;
	return false;
}

/* A place that is free, or that of the item that has been silent longest, for T_ike at least. */
static struct ike_item *ike_place(struct masq *m, vtime now)
{
	struct ike_item *oldest = &m->ike[0];

	if (m->nike < MASQ_ITEMS_MAX)
		return &m->ike[m->nike++];
	for (unsigned i = 1; i < m->nike; i++)
		if (m->ike[i].last < oldest->last)
			oldest = &m->ike[i];
	return is_recent(m, oldest, now) ? NULL : oldest;
}

/* ---- from a client ---- */

static enum masq_fate ike_out(struct masq *m, vtime now, const struct masq_packet *p,
			      uint64_t initiator, struct masq_verdict *v)
{
	struct ike_item *item = ike_of_client(m, p, initiator);

	if (item) {
		item->last = now;
		return MASQ_FORWARD;
	}
	if (ike_is_in_the_way(m, now, &p->to, initiator))
		return MASQ_DROP_COOKIE;
	item = ike_place(m, now);
	if (!item)
		return MASQ_DROP_FULL;
	*item = (struct ike_item){
		.client = p->from, .server = p->to, .initiator = initiator, .last = now
	};
	v->made = true;
	return MASQ_FORWARD;
}

static enum masq_fate esp_out_of_item(struct masq *m, vtime now, struct masq_item *item)
{
	if (item->established) {
		item->expires = vtime_add(now, m->config.tei);
		return MASQ_FORWARD;
	}
	if (item->in_the_way && item->carried >= m->config.nout)
		return MASQ_DROP_NOUT;
	item->carried += item->in_the_way;
	return MASQ_FORWARD;
}

static enum masq_fate esp_out_anew(struct masq *m, vtime now, const struct masq_packet *p,
				   uint32_t spi, struct masq_verdict *v)
{
	int other = esp_outstanding(m, now, &p->to);
	enum masq_fate fate;

	if (other < 0) {
		fate = esp_make(m, now, p, spi);
		v->made = fate == MASQ_FORWARD;
		return fate;
	}
	if (!addr_eq(&m->esp[other].client, &p->from))
		m->esp[other].in_the_way = true;
	return MASQ_DROP_OUTSTANDING;
}

static enum masq_fate take_out(struct masq *m, vtime now, const struct masq_packet *p,
			       struct masq_verdict *v)
{
	struct rd r;
	uint64_t cookie;
	uint32_t spi;
	struct masq_item *item;

	if (p->later_fragment)
		return MASQ_DROP_FRAGMENT;
	rd_init(&r, p->head);
	if (p->protocol == MASQ_IKE) {
		cookie = rd_u64(&r);
		(void)rd_u64(&r);
		return r.bad ? MASQ_DROP_SHORT : ike_out(m, now, p, cookie, v);
	}
	spi = rd_u32(&r);
	if (r.bad)
		return MASQ_DROP_SHORT;
	v->outgoing_spi = spi;
	item = esp_of_client(m, now, p, spi);
	return item ? esp_out_of_item(m, now, item) : esp_out_anew(m, now, p, spi, v);
}

void masq_out(struct masq *m, vtime now, const struct masq_packet *p, struct masq_verdict *v)
{
	memset(v, 0, sizeof(*v));
	v->fate = take_out(m, now, p, v);
	m->counters[v->fate]++;
	if (v->fate == MASQ_FORWARD)
		v->to[v->n++] = p->to;
}

/* ---- from a server ---- */

static enum masq_fate ike_in(struct masq *m, vtime now, const struct masq_packet *p,
			     uint64_t initiator, uint64_t responder, struct masq_verdict *v)
{
	struct ike_item *item = ike_of_server(m, &p->from, initiator, responder);

	if (!item)
		return MASQ_DROP_UNKNOWN;
	v->established = !item->established;
	item->established = true;
	item->responder = responder;
	item->last = now;
	v->to[v->n++] = item->client;
	return MASQ_FORWARD;
}

static void add_once(struct masq_verdict *v, const struct addr *client)
{
	for (unsigned i = 0; i < v->n; i++)
		if (addr_eq(&v->to[i], client))
			return;
	if (v->n < MASQ_CLIENTS_MAX)
		v->to[v->n++] = *client;
}

static enum masq_fate esp_in_multicast(struct masq *m, vtime now, const struct masq_packet *p,
				       struct masq_verdict *v)
{
	for (unsigned i = 0; i < m->nike; i++)
		if (is_recent(m, &m->ike[i], now) && addr_eq(&m->ike[i].server, &p->from))
			add_once(v, &m->ike[i].client);
	v->multicast = v->n > 0;
	return v->multicast ? MASQ_FORWARD : MASQ_DROP_UNKNOWN;
}

static enum masq_fate esp_in(struct masq *m, vtime now, const struct masq_packet *p, uint32_t spi,
			     struct masq_verdict *v)
{
	int i = esp_of_server(m, now, &p->from, spi);
	struct masq_item *item;

	if (i >= 0) {
		item = to_the_front(m, (unsigned)i);
		item->expires = vtime_add(now, m->config.tei);
	} else {
		i = esp_outstanding(m, now, &p->from);
		if (i < 0)
			return esp_in_multicast(m, now, p, v);
		item = &m->esp[i];
		esp_establish(m, now, item, spi);
		v->established = true;
	}
	v->outgoing_spi = item->outgoing_spi;
	v->to[v->n++] = item->client;
	return MASQ_FORWARD;
}

static uint32_t look_up_as(const struct masq *m, uint32_t spi)
{
	for (unsigned i = 0; i < MASQ_ALIASES_MAX; i++)
		if (spi && m->aliases[i].spi == spi)
			return m->aliases[i].as;
	return spi;
}

static enum masq_fate take_in(struct masq *m, vtime now, const struct masq_packet *p,
			      struct masq_verdict *v)
{
	struct rd r;
	uint64_t initiator, responder;
	uint32_t spi;

	if (!addr_eq(&p->to, &m->config.outside))
		return MASQ_DROP_UNKNOWN;
	if (p->later_fragment)
		return MASQ_DROP_FRAGMENT;
	rd_init(&r, p->head);
	if (p->protocol == MASQ_IKE) {
		initiator = rd_u64(&r);
		responder = rd_u64(&r);
		return r.bad ? MASQ_DROP_SHORT : ike_in(m, now, p, initiator, responder, v);
	}
	spi = rd_u32(&r);
	return r.bad ? MASQ_DROP_SHORT : esp_in(m, now, p, look_up_as(m, spi), v);
}

void masq_in(struct masq *m, vtime now, const struct masq_packet *p, struct masq_verdict *v)
{
	memset(v, 0, sizeof(*v));
	v->fate = take_in(m, now, p, v);
	m->counters[v->fate]++;
}

/* ---- life ---- */

struct masq *masq_new(const struct masq_config *config)
{
	struct masq *m = xcalloc(1, sizeof(*m));

	m->config = *config;
	return m;
}

void masq_free(struct masq *m)
{
	free(m);
}

void masq_reboot(struct masq *m)
{
	m->nesp = 0;
	m->nike = 0;
}

void masq_renumber(struct masq *m, const struct addr *outside)
{
	m->config.outside = *outside;
}

void masq_alias(struct masq *m, uint32_t spi, uint32_t as)
{
	m->aliases[m->naliases++ % MASQ_ALIASES_MAX] = (struct alias){ spi, as };
}

const uint64_t *masq_counters(const struct masq *m)
{
	return m->counters;
}

const char *masq_fate_name(enum masq_fate fate)
{
	static const char *const names[MASQ_FATES] = {
		[MASQ_FORWARD] = "forward",	   [MASQ_DROP_SHORT] = "short",
		[MASQ_DROP_FRAGMENT] = "fragment", [MASQ_DROP_OUTSTANDING] = "outstanding",
		[MASQ_DROP_NOUT] = "nout",	   [MASQ_DROP_COOKIE] = "cookie",
		[MASQ_DROP_UNKNOWN] = "unknown",   [MASQ_DROP_FULL] = "full",
	};

	return names[fate];
}

bool masq_item_of(const struct masq *m, vtime now, const struct addr *server, uint32_t incoming_spi,
		  struct masq_item *item)
{
	int i = esp_of_server(m, now, server, look_up_as(m, incoming_spi));

	if (i >= 0)
		*item = m->esp[i];
	return i >= 0;
}

bool masq_owner(const struct masq *m, vtime now, const struct addr *server, uint32_t incoming_spi,
		struct addr *client)
{
	struct masq_item item;

	if (!masq_item_of(m, now, server, incoming_spi, &item))
		return false;
	*client = item.client;
	return true;
}

bool masq_outstanding(const struct masq *m, vtime now, const struct addr *server,
		      struct addr *client)
{
	int i = esp_outstanding(m, now, server);

	if (i >= 0)
		*client = m->esp[i].client;
	return i >= 0;
}
