/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/field.h"

#include "mobility/backoff.h"

#define SEND_BUDGET 32 /* how often one IKE message may be sent */
#define LOOK_EVERY VTIME_S
#define CALM (12 * VTIME_S) /* so long traffic of all must have flowed */

/* ---- what is sent ---- */

static struct field_sealed *sealed_under(struct field_client *c, bool server, uint32_t spi)
{
	unsigned n = c->nsealed[server];

	for (unsigned i = 0; i < FIELD_SEALED_MAX && i < n; i++)
		if (c->sealed[server][i].spi == spi)
			return &c->sealed[server][i];
	c->nsealed[server]++;
	c->sealed[server][n % FIELD_SEALED_MAX] = (struct field_sealed){ .spi = spi };
	return &c->sealed[server][n % FIELD_SEALED_MAX];
}

/* Sequence numbers grow: no two packets of an SPI have the same one. */
static void judge_esp(struct field_client *c, bool server, struct slice bytes)
{
	struct field_sealed *s = sealed_under(c, server, get_be32(bytes.p));
	uint32_t sequence = get_be32(bytes.p + 4);

	field_expect(c->field, sequence > s->sequence,
		     "%s: sequence number %u of SPI %08x after %u", server ? "server" : c->name,
		     sequence, s->spi, s->sequence);
	s->sequence = sequence;
}

static void judge_ike(struct field_client *c, struct slice bytes)
{
	uint64_t hash = trace_hash(1, bytes);
	struct field_message *m = NULL;

	trace_bytes(&c->field->trace, slice(&hash, sizeof(hash)));
	for (unsigned i = 0; i < FIELD_MESSAGES_MAX && i < c->nmessages; i++)
		if (c->messages[i].hash == hash)
			m = &c->messages[i];
	if (!m) {
		m = &c->messages[c->nmessages++ % FIELD_MESSAGES_MAX];
		*m = (struct field_message){ .hash = hash };
	}
	field_expect(c->field, ++m->sent <= SEND_BUDGET, "%s sends one message %u times", c->name,
		     m->sent);
}

void field_judge_sent(struct field_client *c, bool server, bool esp, struct slice bytes)
{
	struct trace *t = &c->field->trace;

	trace_bytes(t, slice(&c->field->now, sizeof(c->field->now)));
	trace_bytes(t, slice(bytes.p, bytes.n < 32 ? bytes.n : 32));
	if (esp)
		judge_esp(c, server, bytes);
	else if (!server)
		judge_ike(c, bytes);
}

void field_judge_probe(struct field_client *c, struct field_epoch *e)
{
	const struct prober_config *p = &c->field->settings.prober;
	uint64_t heard = e->in ? esp_in_counters(e->in)->heard_at : 0;

	c->probes++;
	if (heard != e->heard) {
		e->heard = heard;
		e->pings = 0;
	}
	e->pings++;
	field_expect(c->field, c->field->probes, "%s probes in a world without probes", c->name);
	field_expect(c->field, e->pings <= p->pingtries + 1 + p->pingtries2 + 1,
		     "%s pings epoch %u %u times without an answer", c->name, e->number, e->pings);
}

/* ---- does traffic flow? ---- */

/* A reply that is on its way is not missing yet. */
static vtime round_trip(const struct field *f)
{
	const struct field_settings *s = &f->settings;

	return 2 * (s->lan.delay + s->lan.jitter + s->wan.delay + s->wan.jitter);
}

/*
 * What one collision takes: pings of a new epoch that go unanswered, a negotiation that does, a wait
 * before the next one, and four round trips of what succeeds. What is not known yet is found out by
 * idle pings meanwhile: maxidle is to be well below the longest wait.
 */
vtime field_patience(const struct field *f)
{
	const struct field_settings *s = &f->settings;

	/* Each address that nobody has takes a negotiation, too. */
	return (s->prober.pingtries + 1) * s->prober.pingtime + s->timeout + BACKOFF_MAX * 5 / 4 +
	       4 * round_trip(f) + 2 * (s->ngateways - 1) * s->timeout;
}

vtime field_flows_since(const struct field_client *c)
{
	vtime since = VTIME_NEVER, late = 2 * round_trip(c->field) + 100 * VTIME_MS;
	bool any = false;

	for (unsigned i = c->npings; i-- > 0 && c->npings - i < FIELD_PINGS_MAX;) {
		const struct field_ping *p = &c->pings[i % FIELD_PINGS_MAX];

		if (!p->answered && p->sent + late > c->field->now && !any)
			continue;
		any = true;
		if (!p->answered)
			break;
		since = p->answered;
	}
	return since;
}

/*
 * What the server sends to this client reaches it, as far as the NATs know, and by the item of what
 * the client sends: else it has an outstanding one again and again, and is in everybody's way.
 */
static bool is_mapped(struct field *f, const struct field_client *c)
{
	const struct server_client *s = server_client(f->server, c->number);
	struct field_nat *nat = &f->nats[c->route];
	struct endpoint server = { f->settings.server.addr, IKE_NATT_PORT }, to = s->remote;
	struct masq_item item;

	if (nat->dead || !s->spi_out || !addr_eq(&s->remote.addr, &nat->outside))
		return false;
	if (to.port != ESP_PORT_BARE)
		return udp_nat_in(&nat->nat, f->now, &server, &to) && addr_eq(&to.addr, &c->addr);
	return masq_item_of(nat->masq, f->now, &server.addr, s->spi_out, &item) &&
	       addr_eq(&item.client, &c->addr) && item.outgoing_spi == s->spi_in;
}

/*
 * Whose traffic has flowed for a while has recovered: what keys that are renewed at the same time
 * do to each other later is no part of what was pending.
 */
static bool has_recovered(struct field_client *c)
{
	vtime since = field_flows_since(c);

	if (c->flows_since == VTIME_NEVER && since != VTIME_NEVER && since + CALM <= c->field->now)
		c->flows_since = since;
	return c->flows_since != VTIME_NEVER;
}

/* All there is to see of this scenario is that it flows; or what it has kept for then comes now. */
static void settle(struct field *f)
{
	field_action then = f->settled;

	f->settled = NULL;
	if (then)
		then(f, 0);
	else
		field_stop(f);
}

static void look(struct field *f, unsigned unused)
{
	bool all = true, over = f->now >= f->due + CALM;

	(void)unused;
	for (unsigned i = 0; i < f->nclients; i++) {
		struct field_client *c = f->clients[i];
		bool good = has_recovered(c) && c->flows_since <= f->due;

		all &= good;
		field_expect(f, good || !f->probes || !over,
			     "%s: traffic does not flow %u s after all is quiet, %u pending",
			     c->name, (unsigned)((f->now - f->quiet) / VTIME_S), f->pending);
	}
	if (all)
		settle(f);
	else if (over)
		field_stop(f);
	else
		field_at(f, f->now + LOOK_EVERY, look, 0);
}

static void calm(struct link *l)
{
	l->config.loss = l->config.duplication = l->config.reordering = 0;
}

void field_quiet(struct field *f, unsigned unused)
{
	(void)unused;
	f->quiet = f->now;
	for (unsigned i = 0; i < f->nnats; i++) {
		calm(&f->nats[i].up);
		calm(&f->nats[i].down);
	}
	for (unsigned i = 0; i < f->nclients; i++) {
		calm(&f->clients[i]->up);
		calm(&f->clients[i]->down);
		server_delay_answers(f->server, i, 0);
		f->pending += !is_mapped(f, f->clients[i]);
	}
	f->due = f->now + (f->pending ? f->pending : 1) * field_patience(f);
	field_ladder_note(f, -1, "quiet: %u pending", f->pending);
	field_at(f, f->now + CALM, look, 0);
}

/* ---- streams ---- */

void field_streams_end(struct field *f)
{
	for (unsigned i = 0; i < f->nclients; i++) {
		struct field_client *c = f->clients[i];

		c->down_stream.sent = server_client(f->server, i)->paced;
		c->down_stream.lost += c->down_stream.sent - c->down_stream.next;
		c->up_stream.lost += c->up_stream.sent - c->up_stream.next;
	}
}

void field_judge_streams(struct field *f)
{
	field_streams_end(f);
	for (unsigned i = 0; i < f->nclients; i++) {
		const struct field_stream *up = &f->clients[i]->up_stream;
		const struct field_stream *down = &f->clients[i]->down_stream;
		const char *name = f->clients[i]->name;

		field_expect(f, up->sent > 0 && down->sent > 0, "%s: nothing was sent", name);
		field_expect(f, up->lost + up->late + down->lost + down->late == 0,
			     "%s: of its packets %u were lost, %u late; of those to it %u and %u",
			     name, (unsigned)up->lost, (unsigned)up->late, (unsigned)down->lost,
			     (unsigned)down->late);
	}
}
