/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/server_impl.h"

#include "base/mem.h"

static void log_nothing(void *ctx, const struct log_event *ev)
{
	(void)ctx;
	(void)ev;
}

/* ---- ISAKMP SAs ---- */

static void drop(struct server *s, struct server_ike *i)
{
	ike_sa_free(i->sa);
	*i = (struct server_ike){ .slot = -1, .deadline = VTIME_NEVER };
	s->stale = true;
}

static struct server_ike *place(struct server *s)
{
	struct server_ike *oldest = &s->ikes[0];

	for (unsigned k = 0; k < s->nikes; k++) {
		if (!s->ikes[k].sa)
			return &s->ikes[k];
		if (s->ikes[k].order < oldest->order)
			oldest = &s->ikes[k];
	}
	if (s->nikes < ARRAY_SIZE(s->ikes)) {
		s->ikes[s->nikes].slot = -1;
		return &s->ikes[s->nikes++];
	}
	drop(s, oldest);
	return oldest;
}

/* The newest one of this client. */
static struct server_ike *newest(struct server *s, unsigned slot)
{
	struct server_ike *best = NULL;

	for (unsigned k = 0; k < s->nikes; k++) {
		struct server_ike *i = &s->ikes[k];

		if (i->sa && i->established && i->slot == (int)slot &&
		    (!best || i->order > best->order))
			best = i;
	}
	return best;
}

/* The client has told which one it is: not too many of its older ones stay. */
static void settle(struct server *s, struct server_ike *i, unsigned slot)
{
	struct server_ike *oldest = i;
	unsigned n = 0;

	if (i->slot == (int)slot)
		return;
	i->slot = (int)slot;
	s->slots[slot].shown.ikes++;
	for (unsigned k = 0; k < s->nikes; k++) {
		if (!s->ikes[k].sa || s->ikes[k].slot != (int)slot)
			continue;
		n++;
		if (s->ikes[k].order < oldest->order)
			oldest = &s->ikes[k];
	}
	if (n > SERVER_IKES_MAX && oldest != i)
		drop(s, oldest);
}

/* ---- effects ---- */

static void send(struct server *s, struct server_ike *i, const struct ike_effect *fx)
{
	static uint8_t marked[IKE_MESSAGE_MAX + 4];
	struct server_output out = {
		.type = SERVER_SEND,
		.from = fx->send.from,
		.to = fx->send.to,
		.ike = true,
	};

	if (out.from.addr.family == FAMILY_NONE)
		out.from.addr = s->config.addr;
	i->path.local = out.from;
	i->path.remote = out.to;
	memcpy(marked + 4, fx->send.bytes.p, fx->send.bytes.n);
	server_put(s, &out,
		   out.from.port == IKE_PORT ? slice(marked + 4, fx->send.bytes.n) :
					       slice(marked, fx->send.bytes.n + 4));
}

static uint32_t fresh_spi(struct server *s)
{
	uint32_t spi;

	do
		spi = rng_u32(s->rng);
	while (spi < 256 || server_spi_is_used(s, spi));
	return spi;
}

static void take_offer(struct server *s, vtime now, struct server_ike *i,
		       const struct ike_effect *fx)
{
	struct ike_event ev = { .type = IKE_EVENT_CHILD_ACCEPT };
	unsigned slot;

	if (!addr_eq(&fx->offer.ts.remote.lo, &fx->offer.ts.remote.hi) ||
	    !server_slot_of(s, &fx->offer.ts.remote.lo, &slot)) {
		ev.type = IKE_EVENT_CHILD_REFUSE;
		ev.refuse.id = fx->offer.id;
		ev.refuse.notify = 18; /* INVALID-ID-INFORMATION */
		ike_event(i->sa, now, &ev);
		return;
	}
	settle(s, i, slot);
	s->child.ts = fx->offer.ts;
	ev.child.id = fx->offer.id;
	ev.child.spi = fresh_spi(s);
	ev.child.config = &s->child;
	ike_event(i->sa, now, &ev);
}

static void take_child(struct server *s, vtime now, struct server_ike *i, struct ike_effect *fx)
{
	struct path path = i->path;

	path.encapsulation = fx->child.encapsulation;
	if (i->slot >= 0)
		server_epoch_up(s, now, (unsigned)i->slot, &fx->child, &path);
	ike_child_free(&fx->child);
}

/* Of those that the client began there is nothing to do. */
static void take_failure(struct server *s, vtime now, struct server_ike *i,
			 const struct ike_effect *fx)
{
	struct server_client *c;

	if (fx->child_failed.id & 0x80000000 || i->slot < 0)
		return;
	c = &s->slots[i->slot].shown;
	if (fx->child_failed.why.err != ERR_TIMEOUT) {
		c->refused++;
		return;
	}
	c->unanswered++;
	ike_event(i->sa, now, &(struct ike_event){ .type = IKE_EVENT_CLOSE });
}

static void take(struct server *s, vtime now, struct server_ike *i, struct ike_effect *fx)
{
	switch (fx->type) {
	case IKE_EFFECT_SEND:
		send(s, i, fx);
		break;
	case IKE_EFFECT_NAT:
		i->path = fx->nat.path;
		break;
	case IKE_EFFECT_ESTABLISHED:
		i->established = true;
		break;
	case IKE_EFFECT_CHILD_OFFER:
		take_offer(s, now, i, fx);
		break;
	case IKE_EFFECT_CHILD_READY: /* it is not sent on before message 3 */
		ike_child_free(&fx->child);
		break;
	case IKE_EFFECT_CHILD_UP:
		take_child(s, now, i, fx);
		break;
	case IKE_EFFECT_CHILD_FAILED:
		take_failure(s, now, i, fx);
		break;
	case IKE_EFFECT_CHILD_DELETED:
		if (i->slot >= 0)
			server_epoch_deleted(s, now, (unsigned)i->slot, fx->spi);
		break;
	case IKE_EFFECT_DEAD:
		drop(s, i);
		break;
	case IKE_EFFECT_AUTHENTICATED:
	case IKE_EFFECT_XAUTH_ASK:
	case IKE_EFFECT_XAUTH_REPLY:
	case IKE_EFFECT_CONFIG:
	case IKE_EFFECT_CONFIG_WANTED:
	case IKE_EFFECT_ALIVE:
	case IKE_EFFECT_SILENT:
	case IKE_EFFECT_HINT:
	case IKE_EFFECT_NOTIFY:
	case IKE_EFFECT_UNANSWERED:
		break;
	}
}

static void pump(struct server *s, vtime now, struct server_ike *i)
{
	struct ike_effect fx;

	while (i->sa && ike_output(i->sa, now, &fx))
		take(s, now, i, &fx);
	i->deadline = i->sa ? ike_deadline(i->sa) : VTIME_NEVER;
	s->stale = true;
}

/* ---- verbs ---- */

void server_ike_datagram(struct server *s, vtime now, const struct endpoint *from,
			 const struct endpoint *to, struct slice bytes)
{
	struct ike_event ev = { .type = IKE_EVENT_DATAGRAM };
	struct server_ike *i = NULL;

	for (unsigned k = 0; k < s->nikes && !i; k++)
		if (s->ikes[k].sa && ike_sa_owns(s->ikes[k].sa, bytes))
			i = &s->ikes[k];
	/* Two clients may have chosen the same cookie. */
	if (i && i->established && ike_is_first_message(bytes))
		i = NULL;
	if (!i && ike_is_first_message(bytes)) {
		i = place(s);
		i->sa = ike_sa_new(&s->ike_config, s->rng, &s->log);
		i->path = (struct path){ *to, *from, ENCAPSULATION_UDP, 0, 1 };
		i->order = ++s->order;
		ev.type = IKE_EVENT_ACCEPT;
	}
	if (!i)
		return;
	ev.datagram.from = *from;
	ev.datagram.to = *to;
	ev.datagram.bytes = bytes;
	ike_event(i->sa, now, &ev);
	pump(s, now, i);
}

void server_ike_timeout(struct server *s, vtime now)
{
	for (unsigned k = 0; k < s->nikes; k++) {
		struct server_ike *i = &s->ikes[k];

		if (!i->sa || i->deadline > now)
			continue;
		ike_timeout(i->sa, now);
		pump(s, now, i);
	}
}

vtime server_ike_deadline(const struct server *s)
{
	vtime first = VTIME_NEVER;

	for (unsigned k = 0; k < s->nikes; k++)
		if (s->ikes[k].sa)
			first = vtime_min(first, s->ikes[k].deadline);
	return first;
}

bool server_rekey(struct server *s, vtime now, unsigned slot)
{
	struct ike_event ev = { .type = IKE_EVENT_CHILD };
	struct server_ike *i = newest(s, slot);
	struct server_slot *c = &s->slots[slot];

	if (!i || c->ts.local.lo.family == FAMILY_NONE)
		return false;
	c->child = s->child;
	c->child.ts = c->ts;
	ev.child.id = ++s->ids & 0x7fffffff;
	ev.child.spi = fresh_spi(s);
	ev.child.config = &c->child;
	ike_event(i->sa, now, &ev);
	pump(s, now, i);
	return true;
}

void server_ike_delete(struct server *s, vtime now, unsigned slot, uint32_t spi_in)
{
	struct server_ike *i = newest(s, slot);

	if (!i)
		return;
	ike_event(i->sa, now, &(struct ike_event){ .type = IKE_EVENT_CHILD_DELETE, .spi = spi_in });
	pump(s, now, i);
}

void server_ike_forget(struct server *s)
{
	for (unsigned k = 0; k < s->nikes; k++)
		drop(s, &s->ikes[k]);
}

void server_ike_init(struct server *s)
{
	const struct server_config *c = &s->config;

	s->log = (struct log){ .level = LOG_ERROR, .sink = log_nothing };
	s->ike_config.suites[0] = c->ike;
	s->ike_config.nsuites = 1;
	s->ike_config.local = c->id;
	s->ike_config.remote_any = true;
	s->ike_config.lifetime_s = c->lifetime_s;
	s->ike_config.timeout = c->timeout;
	secret_set(&s->ike_config.psk, c->psk);
	s->child.suites[0] = c->esp;
	s->child.nsuites = 1;
	s->child.pfs = c->pfs;
	s->child.keylife_s = c->keylife_s;
}
