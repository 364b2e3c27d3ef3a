/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/server_impl.h"

#include <stdlib.h>

#include "base/mem.h"
#include "packet/packet.h"
#include "tests/sim/inner.h"

#define LINGER (5 * VTIME_S) /* received on after the end of life, and after a Delete */

/* ---- what leaves ---- */

void server_put(struct server *s, const struct server_output *out, struct slice bytes)
{
	struct server_queue *q = &s->queue;

	if (q->first == q->n)
		q->first = q->n = q->used = 0;
	if (q->n == q->size) {
		q->size = q->size ? 2 * q->size : 16;
		q->entries = realloc(q->entries, q->size * sizeof(q->entries[0]));
	}
	if (q->used + bytes.n > q->room) {
		q->room = 2 * (q->used + bytes.n) + 4096;
		q->bytes = realloc(q->bytes, q->room);
	}
	if (!q->entries || !q->bytes)
		abort();
	q->entries[q->n++] = (struct server_entry){ *out, q->used, bytes.n };
	memcpy(q->bytes + q->used, bytes.p, bytes.n);
	q->used += bytes.n;
}

static void deadline_find(struct server *s)
{
	s->deadline = server_ike_deadline(s);
	for (unsigned i = 0; i < s->nanswers; i++)
		s->deadline = vtime_min(s->deadline, s->answers[i].at);
	for (unsigned k = 0; k < s->nslots; k++) {
		const struct server_slot *c = &s->slots[k];

		s->deadline = vtime_min(s->deadline, c->rekey_at);
		for (unsigned i = 0; i < c->nepochs; i++)
			s->deadline = vtime_min(s->deadline,
						vtime_min(c->epochs[i].ends, c->epochs[i].gone));
	}
	s->stale = false;
}

bool server_output(struct server *s, struct server_output *out)
{
	struct server_queue *q = &s->queue;

	if (q->first == q->n) {
		if (s->stale)
			deadline_find(s);
		return false;
	}
	*out = q->entries[q->first].out;
	out->bytes = slice(q->bytes + q->entries[q->first].at, q->entries[q->first].n);
	q->first++;
	return true;
}

/* ---- the epochs of a client ---- */

/* What is sent on, and what will be once something has come on it. */
static void publish(struct server *s, unsigned slot)
{
	struct server_slot *c = &s->slots[slot];
	struct server_epoch *now = NULL, *next = NULL;

	for (unsigned i = 0; i < c->nepochs; i++) {
		struct server_epoch *e = &c->epochs[i];
		struct server_epoch **best = e->heard || !s->config.waits ? &now : &next;

		if (!e->spent && (!*best || (e->order > (*best)->order) != s->config.lags))
			*best = e;
	}
	classifier_set_current(s->classifier, slot, now ? now->out : NULL);
	if (next)
		classifier_set_next(s->classifier, slot, next->out);
	c->shown.spi_in = now ? now->spi_in : 0;
	c->shown.spi_out = now ? now->spi_out : 0;
	if (now)
		c->shown.remote = path_esp_remote(&esp_out_config(now->out)->path);
	c->shown.kept = c->nepochs;
	s->stale = true;
}

static void epoch_remove(struct server *s, unsigned slot, unsigned i)
{
	struct server_slot *c = &s->slots[slot];
	struct server_epoch gone = c->epochs[i];

	c->nepochs--;
	memmove(c->epochs + i, c->epochs + i + 1, (c->nepochs - i) * sizeof(c->epochs[0]));
	publish(s, slot);
	classifier_remove_spi(s->classifier, gone.spi_in);
	esp_in_free(gone.in);
	esp_out_free(gone.out);
}

/* Rather one that is of no use any more, then one that was never used, then the oldest. */
static void make_room(struct server *s, unsigned slot)
{
	struct server_slot *c = &s->slots[slot];
	unsigned worst = 0, badness = 0;

	if (c->nepochs < SERVER_EPOCHS_MAX)
		return;
	for (unsigned i = 0; i < c->nepochs; i++) {
		unsigned bad = c->epochs[i].spent ? 3 : !c->epochs[i].heard ? 2 : 1;

		/* The newest stays in any case. */
		if (bad > badness && i + 1 < c->nepochs) {
			badness = bad;
			worst = i;
		}
	}
	epoch_remove(s, slot, worst);
}

void server_epoch_up(struct server *s, vtime now, unsigned slot, const struct ike_child *child,
		     const struct path *path)
{
	struct server_slot *c = &s->slots[slot];
	struct esp_sa_config config = {
		.spi = child->spi_in,
		.suite = child->suite,
		.keymat = secret_slice(&child->keymat_in),
		.ts = child->ts,
		.path = *path,
		.slot = slot,
		.epoch = ++s->ids,
		.first_sequence = 1,
	};
	struct server_epoch *e;

	make_room(s, slot);
	e = &c->epochs[c->nepochs++];
	*e = (struct server_epoch){
		.spi_in = child->spi_in,
		.spi_out = child->spi_out,
		.order = ++s->order,
		.ends = child->keylife_s ? vtime_add(now, child->keylife_s * VTIME_S) : VTIME_NEVER,
		.gone = VTIME_NEVER,
	};
	e->in = esp_in_new(&config, s->rng);
	config.spi = child->spi_out;
	config.keymat = secret_slice(&child->keymat_out);
	e->out = esp_out_new(&config, s->rng);
	if (!e->in || !e->out || classifier_add_spi(s->classifier, e->in) != 0)
		abort();
	c->shown.epochs++;
	c->shown.newest_in = e->spi_in;
	c->shown.newest_out = e->spi_out;
	c->ts = child->ts;
	c->rekey_at = s->config.rekey ? vtime_add(now, s->config.rekey) : VTIME_NEVER;
	publish(s, slot);
}

void server_epoch_deleted(struct server *s, vtime now, unsigned slot, uint32_t spi_out)
{
	struct server_slot *c = &s->slots[slot];

	for (unsigned i = 0; i < c->nepochs; i++) {
		struct server_epoch *e = &c->epochs[i];

		if (e->spi_out != spi_out || e->spent)
			continue;
		e->spent = true;
		e->gone = vtime_min(e->gone, vtime_add(now, LINGER));
		publish(s, slot);
	}
}

bool server_spi_is_used(const struct server *s, uint32_t spi)
{
	return classifier_find_spi(s->classifier, spi) != NULL;
}

static void epoch_delete(struct server *s, vtime now, unsigned slot, struct server_epoch *e)
{
	e->ends = VTIME_NEVER;
	e->spent = true;
	e->gone = vtime_min(e->gone, vtime_add(now, LINGER));
	server_ike_delete(s, now, slot, e->spi_in);
}

void server_delete(struct server *s, vtime now, unsigned slot)
{
	struct server_slot *c = &s->slots[slot];

	for (unsigned i = 0; i < c->nepochs; i++)
		epoch_delete(s, now, slot, &c->epochs[i]);
	publish(s, slot);
}

static void epochs_due(struct server *s, vtime now, unsigned slot)
{
	struct server_slot *c = &s->slots[slot];

	for (unsigned i = 0; i < c->nepochs;) {
		struct server_epoch *e = &c->epochs[i];

		if (e->ends <= now) {
			epoch_delete(s, now, slot, e);
			publish(s, slot);
		}
		if (e->gone <= now)
			epoch_remove(s, slot, i);
		else
			i++;
	}
}

/* ---- data ---- */

/* Something has come on this epoch for the first time. */
static void epoch_heard(struct server *s, vtime now, unsigned slot, struct server_epoch *e)
{
	struct server_slot *c = &s->slots[slot];

	e->heard = true;
	if (s->config.waits)
		e->order = ++s->order;
	for (unsigned i = 0; s->config.deletes && i < c->nepochs; i++)
		if (&c->epochs[i] < e && !c->epochs[i].spent)
			epoch_delete(s, now, slot, &c->epochs[i]);
	publish(s, slot);
}

static void take_events(struct server *s, vtime now)
{
	struct data_event ev;

	while (inbound_output(s->inbound, &ev) || outbound_output(s->outbound, &ev)) {
		struct server_slot *c = &s->slots[ev.slot];

		for (unsigned i = 0; ev.type == DATA_FIRST_PACKET && i < c->nepochs; i++)
			if (c->epochs[i].spi_in == ev.spi)
				epoch_heard(s, now, ev.slot, &c->epochs[i]);
	}
}

/* A packet has left on this SA. */
static void count_sent(struct server_slot *c, uint32_t spi_out)
{
	c->shown.out++;
	for (unsigned i = 0; i < c->nepochs; i++)
		if (c->epochs[i].spi_out == spi_out && !c->epochs[i].heard)
			c->shown.early++;
}

bool server_send(struct server *s, vtime now, unsigned slot, struct slice ip)
{
	struct server_slot *c = &s->slots[slot];
	struct batch b, replies;
	struct pkt *p;

	batch_init(&b, s->arena, sizeof(s->arena) / 2);
	batch_init(&replies, s->arena + sizeof(s->arena) / 2, sizeof(s->arena) / 2);
	p = batch_take(&b, ESP_HEADROOM, (uint32_t)ip.n, ESP_TAILROOM);
	if (!p)
		return false;
	memcpy(pkt_data(p), ip.p, ip.n);
	outbound_run(s->outbound, now, &b, &replies);
	take_events(s, now);
	if (p->kind != PKT_SEALED) {
		c->shown.unsent++;
		return false;
	}
	count_sent(c, get_be32(pkt_data(p)));
	server_put(s,
		   &(struct server_output){ .type = SERVER_SEND,
					    .from = { p->path->local.addr,
						      p->path->encapsulation == ENCAPSULATION_ESP ?
							      ESP_PORT_BARE :
							      p->path->local.port },
					    .to = path_esp_remote(p->path),
					    .slot = slot },
		   pkt_slice(p));
	return true;
}

static void answer(struct server *s, vtime now, unsigned slot, struct slice ip)
{
	const struct server_slot *c = &s->slots[slot];
	struct server_answer *a;

	if (!c->delay) {
		server_send(s, now, slot, ip);
		return;
	}
	if (s->nanswers == SERVER_ANSWERS_MAX)
		return;
	a = &s->answers[s->nanswers++];
	a->at = vtime_add(now, c->delay);
	a->slot = slot;
	a->n = ip.n;
	memcpy(a->bytes, ip.p, ip.n);
	s->stale = true;
}

static void answers_due(struct server *s, vtime now)
{
	for (unsigned i = 0; i < s->nanswers;) {
		struct server_answer a = s->answers[i];

		if (a.at > now) {
			i++;
			continue;
		}
		s->nanswers--;
		memmove(s->answers + i, s->answers + i + 1,
			(s->nanswers - i) * sizeof(s->answers[0]));
		server_send(s, now, a.slot, slice(a.bytes, a.n));
	}
}

static void take_inner(struct server *s, vtime now, struct pkt *p)
{
	struct packet_layout l;
	unsigned slot;

	if (packet_parse(pkt_slice(p), &l) != 0 || !server_slot_of(s, &l.src, &slot))
		return;
	s->slots[slot].shown.in++;
	if (l.length <= SERVER_PACKET_MAX && inner_answer(pkt_data(p), l.length))
		answer(s, now, slot, slice(pkt_data(p), l.length));
	else
		server_put(s, &(struct server_output){ .type = SERVER_INNER, .slot = slot },
			   slice(pkt_data(p), l.length));
}

void server_datagram(struct server *s, vtime now, const struct endpoint *from,
		     const struct endpoint *to, struct slice bytes)
{
	struct batch b;
	struct pkt *p;

	batch_init(&b, s->in_arena, sizeof(s->in_arena));
	p = batch_take(&b, 0, (uint32_t)bytes.n, 0);
	if (!p)
		return;
	memcpy(pkt_data(p), bytes.p, bytes.n);
	p->from = *from;
	p->to = *to;
	inbound_run(s->inbound, now, &b);
	take_events(s, now);
	if (p->kind == PKT_INNER)
		take_inner(s, now, p);
	else if (p->kind == PKT_IKE)
		server_ike_datagram(s, now, from, to, pkt_slice(p));
}

/* ---- paced packets ---- */

bool server_data_read(struct slice ip, uint64_t *number, vtime *sent)
{
	struct packet_layout l;
	struct rd r;

	if (packet_parse(ip, &l) != 0 || l.proto != PACKET_UDP || l.later)
		return false;
	rd_init(&r, slice(ip.p, l.length));
	rd_slice(&r, l.upper);
	if (rd_u16(&r) != SERVER_DATA_PORT || rd_u16(&r) != SERVER_DATA_PORT)
		return false;
	rd_slice(&r, 4);
	*number = rd_u64(&r);
	*sent = rd_u64(&r);
	return !r.bad;
}

size_t server_data_write(const struct addr *src, const struct addr *dst, uint64_t number,
			 vtime sent, void *buf, size_t size)
{
	bool v4 = src->family == FAMILY_IP4;
	size_t head = v4 ? PACKET_IP4_HEADER : PACKET_IP6_HEADER;
	uint16_t upper = (uint16_t)(size - head);
	uint64_t sum = packet_sum_pseudo(0, src, dst, PACKET_UDP, upper);
	struct wr w;

	wr_init(&w, buf, size);
	wr_u16(&w, v4 ? 0x4500 : 0x6000);
	wr_u16(&w, v4 ? (uint16_t)size : 0);
	wr_u16(&w, v4 ? 0 : upper);
	wr_u16(&w, v4 ? 0x4000 : PACKET_UDP << 8 | 64);
	if (v4)
		wr_u32(&w, 64 << 24 | PACKET_UDP << 16);
	wr_slice(&w, addr_bytes(src));
	wr_slice(&w, addr_bytes(dst));
	if (v4)
		wr_patch_u16(&w, 10, packet_checksum(slice(buf, head)));
	wr_u16(&w, SERVER_DATA_PORT);
	wr_u16(&w, SERVER_DATA_PORT);
	wr_u16(&w, upper);
	wr_u16(&w, 0);
	wr_u64(&w, number);
	wr_u64(&w, sent);
	wr_zero(&w, wr_left(&w));
	sum = packet_sum_add(sum, slice((uint8_t *)buf + head, upper));
	wr_patch_u16(&w, head + 6, packet_sum_finish(sum));
	return w.bad ? 0 : size;
}

static void pace(struct server *s, vtime now, unsigned slot)
{
	struct server_slot *c = &s->slots[slot];
	struct addr to = server_pool_addr(s, slot);
	uint8_t packet[SERVER_PACKET_MAX];
	size_t n = server_data_write(&s->net, &to, c->shown.paced++, now, packet, c->pace_size);

	c->pace_at = vtime_add(c->pace_at, c->pace_every);
	server_send(s, now, slot, slice(packet, n));
}

void server_pace(struct server *s, vtime now, unsigned slot, vtime every, unsigned size)
{
	struct server_slot *c = &s->slots[slot];

	c->pace_every = every;
	c->pace_at = every ? now : VTIME_NEVER;
	c->pace_size = size < SERVER_DATA_MIN	? SERVER_DATA_MIN :
		       size > SERVER_PACKET_MAX ? SERVER_PACKET_MAX :
						  size;
}

/* ---- time ---- */

vtime server_deadline(const struct server *s)
{
	vtime first = s->deadline;

	for (unsigned k = 0; k < s->nslots; k++)
		first = vtime_min(first, s->slots[k].pace_at);
	return first;
}

void server_timeout(struct server *s, vtime now)
{
	for (unsigned k = 0; k < s->nslots; k++)
		if (s->slots[k].pace_at <= now)
			pace(s, now, k);
	if (!s->stale && s->deadline > now)
		return;
	answers_due(s, now);
	for (unsigned k = 0; k < s->nslots; k++) {
		epochs_due(s, now, k);
		if (s->slots[k].rekey_at > now)
			continue;
		s->slots[k].rekey_at = vtime_add(now, s->config.rekey);
		server_rekey(s, now, k);
	}
	server_ike_timeout(s, now);
	s->stale = true;
}

/* ---- clients ---- */

struct addr server_pool_addr(const struct server *s, unsigned slot)
{
	struct addr a = s->pool;
	unsigned carry = slot;

	for (size_t i = family_size(a.family); i-- > 0 && carry; carry >>= 8) {
		carry += a.b[i];
		a.b[i] = (uint8_t)carry;
	}
	return a;
}

bool server_slot_of(const struct server *s, const struct addr *inner, unsigned *slot)
{
	for (*slot = 0; *slot < s->nslots; ++*slot)
		if (addr_eq(&s->slots[*slot].inner, inner))
			return true;
	return false;
}

const struct server_client *server_client(const struct server *s, unsigned slot)
{
	return &s->slots[slot].shown;
}

void server_delay_answers(struct server *s, unsigned slot, vtime delay)
{
	s->slots[slot].delay = delay;
}

/* ---- the server ---- */

static void publish_rules(struct server *s)
{
	struct policy *rules = xcalloc(1, sizeof(*rules));
	struct prefix any = { s->net, 0 };

	rules->fallback = POLICY_DISCARD;
	for (unsigned k = 0; k < s->nslots; k++) {
		struct policy_rule rule = { .action = POLICY_PROTECT, .slot = k };
		struct prefix one = { s->slots[k].inner,
				      (uint8_t)(8 * family_size(s->pool.family)) };

		rule.ts.local = ts_from_prefix(&any);
		rule.ts.remote = ts_from_prefix(&one);
		policy_add(rules, &rule);
	}
	classifier_rules_free(classifier_publish_rules(s->classifier, rules));
	free(rules);
}

static void slots_init(struct server *s)
{
	struct addr last;

	prefix_range(&s->config.pool, &s->pool, &last);
	/* The net's and the broadcast address are nobody's. */
	s->pool = server_pool_addr(s, 1);
	for (s->nslots = 0; s->nslots < SERVER_CLIENTS_MAX; s->nslots++) {
		struct server_slot *c = &s->slots[s->nslots];

		c->inner = server_pool_addr(s, s->nslots);
		if (addr_cmp(&c->inner, &last) >= 0)
			break;
		c->delay = s->config.answer_delay;
		c->rekey_at = c->pace_at = VTIME_NEVER;
	}
	prefix_range(&s->config.net, &s->net, &last);
	s->net.b[family_size(s->net.family) - 1]++;
}

struct server *server_new(const struct server_config *config, struct rng *rng)
{
	struct server *s = xcalloc(1, sizeof(*s));

	s->config = *config;
	s->rng = rng;
	s->deadline = VTIME_NEVER;
	s->classifier = classifier_new();
	s->outbound = outbound_new(s->classifier, &(struct outbound_config){ 0 });
	s->inbound = inbound_new(s->classifier);
	slots_init(s);
	publish_rules(s);
	server_ike_init(s);
	return s;
}

void server_forget(struct server *s)
{
	server_ike_forget(s);
	for (unsigned k = 0; k < s->nslots; k++) {
		while (s->slots[k].nepochs)
			epoch_remove(s, k, 0);
		s->slots[k].rekey_at = VTIME_NEVER;
	}
	s->nanswers = 0;
	s->stale = true;
}

void server_free(struct server *s)
{
	if (!s)
		return;
	server_forget(s);
	secret_free(&s->ike_config.psk);
	outbound_free(s->outbound);
	inbound_free(s->inbound);
	classifier_free(s->classifier);
	free(s->queue.entries);
	free(s->queue.bytes);
	free(s);
}
