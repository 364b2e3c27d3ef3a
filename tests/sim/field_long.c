/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/field.h"

/* What is played for long: nothing is lost and nothing breaks, but keys are renewed, or nobody talks. */

#define HOUR (3600 * VTIME_S)

static void connect_all(struct field *f, vtime within)
{
	for (unsigned i = 0; i < f->nclients; i++)
		field_at(f, rng_below(&f->dice, within), field_connect, i);
}

static void stop(struct field *f, unsigned unused)
{
	(void)unused;
	field_stop(f);
}

/* ---- epochs: keys are renewed every 5 s under load ---- */

#define EPOCHS_CLIENTS 8
#define EPOCHS_RATE 1000 /* packets of one client in a second, both directions together */
#define EPOCHS_APART (600 * VTIME_MS)

static void epochs_settings(struct field *f)
{
	struct field_settings *s = &f->settings;

	s->nclients = EPOCHS_CLIENTS;
	s->masq.tout = 400 * VTIME_MS;
	s->prober.pingtime = 200 * VTIME_MS;
	s->prober.pingtries = 20;
	s->keylife_s = 7;
	s->rekeymargin = 2 * VTIME_S;
	s->rekeyfuzz = 0;
	s->server.waits = true;
}

static void epochs8_settings(struct field *f)
{
	epochs_settings(f);
	f->settings.server.waits = false;
}

static void streams(struct field *f, unsigned on)
{
	vtime every = on ? VTIME_S * 2 / EPOCHS_RATE : 0;

	for (unsigned i = 0; i < f->nclients; i++) {
		field_stream_down(f, i, every);
		field_stream_up(f, i, every);
	}
}

static void epochs_look(struct field *f, unsigned unused)
{
	(void)unused;
	for (unsigned i = 0; i < f->nclients; i++) {
		if (server_client(f->server, i)->epochs >= field_options.epochs)
			continue;
		field_at(f, f->now + VTIME_S, epochs_look, 0);
		return;
	}
	streams(f, 0);
	field_at(f, f->now + 5 * VTIME_S, stop, 0);
}

static void epochs_load(struct field *f)
{
	for (unsigned i = 0; i < f->nclients; i++)
		field_at(f, 5500 * VTIME_MS, field_ping, i);
	field_at(f, 6 * VTIME_S, streams, 1);
	field_at(f, 7 * VTIME_S, epochs_look, 0);
}

/* Some, or in every other seed all, renew their keys at the same time. */
static void epochs_begin(struct field *f)
{
	connect_all(f, f->seed % 2 ? 200 * VTIME_MS : 4 * VTIME_S);
	epochs_load(f);
}

/*
 * One after the other: when two renew at the same time, and the server does not wait, what it sends
 * to one of them can take the other's item.
 */
static void epochs8_begin(struct field *f)
{
	for (unsigned i = 0; i < f->nclients; i++)
		field_at(f, i * EPOCHS_APART + rng_below(&f->dice, EPOCHS_APART / 2), field_connect,
			 i);
	epochs_load(f);
}

/* A server that does not wait loses what it sends before it has heard of the new epoch, no more. */
static void epochs8_end(struct field *f)
{
	field_streams_end(f);
	for (unsigned i = 0; i < f->nclients; i++) {
		const struct field_client *c = f->clients[i];
		uint64_t early = server_client(f->server, i)->early;

		field_expect(f, c->up_stream.lost + c->up_stream.late + c->down_stream.late == 0,
			     "%s: of its packets %u were lost, %u late; of those to it %u late",
			     c->name, (unsigned)c->up_stream.lost, (unsigned)c->up_stream.late,
			     (unsigned)c->down_stream.late);
		field_expect(f, c->down_stream.lost <= early,
			     "%s: %u packets were lost, %u sent too early", c->name,
			     (unsigned)c->down_stream.lost, (unsigned)early);
	}
}

/* When some renew at the same time, what is lost is counted and shown; nothing is lost for good. */
static void close_end(struct field *f)
{
	field_streams_end(f);
}

/* ---- idle: nobody talks, and still everybody can be reached ---- */

#define IDLE_AT (10 * VTIME_S)

static void idle_settings(struct field *f)
{
	struct field_settings *s = &f->settings;

	s->nclients = 1 + (unsigned)rng_below(&f->dice, 4);
	s->masq.tei = (30 + rng_below(&f->dice, 60)) * VTIME_S;
	s->prober.maxidle = s->masq.tei / 2 + rng_below(&f->dice, s->masq.tei / 4);
	s->server.waits = rng_below(&f->dice, 2);
}

static vtime heard_last(const struct field_client *c)
{
	vtime last = 0;

	for (unsigned i = 0; i < FIELD_EPOCHS_MAX && i < c->nepochs; i++) {
		vtime at = c->epochs[i].in ? esp_in_counters(c->epochs[i].in)->heard_at : 0;

		last = at > last ? at : last;
	}
	return last;
}

static void idle_mark(struct field *f, unsigned unused)
{
	(void)unused;
	for (unsigned i = 0; i < f->nclients; i++) {
		f->clients[i]->up_stream.sent = f->clients[i]->probes;
		f->mark[i] = heard_last(f->clients[i]);
	}
}

/* As many pings as it takes never to be silent for longer than maxidle and a round trip. */
static void idle_count(struct field *f, unsigned unused)
{
	vtime trip = 2 * (f->settings.lan.delay + f->settings.wan.delay);
	vtime period = f->settings.prober.maxidle + trip;

	(void)unused;
	for (unsigned i = 0; i < f->nclients; i++) {
		struct field_client *c = f->clients[i];
		unsigned pings = c->probes - (unsigned)c->up_stream.sent;
		unsigned least = (unsigned)((f->now - f->mark[i] + trip) / period);

		field_expect(f, pings == least, "%s: %u pings and not %u", c->name, pings, least);
		field_stream_down(f, i, VTIME_S);
	}
}

static void idle_begin(struct field *f)
{
	vtime end = IDLE_AT + 10 * f->settings.masq.tei;

	connect_all(f, 2 * VTIME_S);
	field_at(f, IDLE_AT, idle_mark, 0);
	field_at(f, end, idle_count, 0);
	field_at(f, end + VTIME_S / 2, stop, 0);
}

static void idle_end(struct field *f)
{
	for (unsigned i = 0; i < f->nclients; i++) {
		bool reached = f->clients[i]->down_stream.came == 1;

		f->troubled |= !reached;
		field_expect(f, reached || !f->probes, "%s cannot be reached", f->clients[i]->name);
	}
}

/* ---- peer_rekeys: the server begins to renew keys, again and again ---- */

static void peer_settings(struct field *f)
{
	f->settings.nclients = 1 + (unsigned)rng_below(&f->dice, 3);
	f->settings.server.rekey = 20 * VTIME_S;
	f->settings.server.waits = rng_below(&f->dice, 2);
}

static void pings_begin(struct field *f, unsigned client)
{
	field_pings(f, client, VTIME_S);
}

static void peer_begin(struct field *f)
{
	connect_all(f, 2 * VTIME_S);
	for (unsigned i = 0; i < f->nclients; i++)
		field_at(f, 5 * VTIME_S, pings_begin, i);
	field_at(f, HOUR / 2, field_quiet, 0);
}

static void peer_end(struct field *f)
{
	for (unsigned i = 0; i < f->nclients; i++) {
		const struct server_client *c = server_client(f->server, i);

		field_expect(f, c->ikes == 1, "%s had %u ISAKMP SAs", f->clients[i]->name, c->ikes);
		field_expect(f, c->refused > 60, "only %u were refused", c->refused);
		field_expect(f, c->unanswered == 0, "%u were not answered", c->unanswered);
	}
}

/*
 * ---- lags: the server goes on with old keys as long as it has any ----
 *
 * In UDP alone: a NAT that guesses never sees the answer that would establish a new item.
 */

static void lags_settings(struct field *f)
{
	struct field_settings *s = &f->settings;

	s->nclients = 1 + (unsigned)rng_below(&f->dice, 3);
	s->keylife_s = 60 + (uint32_t)rng_below(&f->dice, 60);
	s->rekeymargin = 20 * VTIME_S;
	s->encapsulated = true;
	s->prober.pingtime = 500 * VTIME_MS;
	s->prober.pingtries = 16;
	s->server.lags = true;
}

static void lags_begin(struct field *f)
{
	connect_all(f, 2 * VTIME_S);
	for (unsigned i = 0; i < f->nclients; i++)
		field_at(f, 5 * VTIME_S, pings_begin, i);
	field_at(f, HOUR / 6, field_quiet, 0);
}

const struct field_scenario field_longs[] = {
	{ "epochs", epochs_settings, epochs_begin, field_judge_streams, 10 * HOUR, FIELD_NO_TWIN,
	  50 },
	{ "epochs8", epochs8_settings, epochs8_begin, epochs8_end, 10 * HOUR, FIELD_NO_TWIN, 50 },
	{ "epochs8_close", epochs8_settings, epochs_begin, close_end, 10 * HOUR, FIELD_NO_TWIN,
	  50 },
	{ "idle", idle_settings, idle_begin, idle_end, HOUR, FIELD_NO_TWIN, 0 },
	{ "lags", lags_settings, lags_begin, NULL, HOUR, FIELD_NO_TWIN, 4 },
	{ "peer_rekeys", peer_settings, peer_begin, peer_end, HOUR, FIELD_NO_TWIN, 4 },
};

const unsigned nfield_longs = sizeof(field_longs) / sizeof(field_longs[0]);
