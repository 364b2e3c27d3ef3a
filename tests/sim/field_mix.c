/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/field.h"

/* Many clients, and everything at random until all is quiet. */

#define NOISE_AT (8 * VTIME_S)
#define MISHAP_MAX (21 * VTIME_S) /* so long after it began it is over */
#define PINGS VTIME_S
#define PLAIN_DATA (20 * VTIME_S)

static vtime between(struct field *f, vtime lo, vtime hi)
{
	return lo + rng_below(&f->dice, hi - lo + 1);
}

static bool one_in(struct field *f, unsigned n)
{
	return rng_below(&f->dice, n) == 0;
}

/* ---- what the hosts are like ---- */

static void choose_nats(struct field *f)
{
	struct field_settings *s = &f->settings;

	s->nnats = one_in(f, 2) ? 2 : 1;
	s->wan.delay = between(f, 5, 60) * VTIME_MS;
	s->wan.jitter = between(f, 0, 10) * VTIME_MS;
	s->wan.mtu = 1500;
	if (one_in(f, 4)) {
		s->wan.rate = between(f, 30000, 100000);
		s->wan.queue = 100 * VTIME_MS;
	}
	s->masq.tout = between(f, 400, 2000) * VTIME_MS;
	s->masq.nout = (unsigned)between(f, 2, 8);
	s->masq.tei = between(f, 30, 120) * VTIME_S;
	s->encapsulated = one_in(f, 5);
	s->box = s->encapsulated && one_in(f, 2) ? FIELD_ORDINARY : FIELD_MASQ;
	s->nat = (struct udp_nat_config){
		.mapping = (enum nat_dependence)between(f, NAT_INDEPENDENT, NAT_ADDRESS_PORT),
		.filtering = (enum nat_dependence)between(f, NAT_INDEPENDENT, NAT_ADDRESS_PORT),
		.preserves = one_in(f, 2),
		.lifetime = s->masq.tei,
	};
}

/* Parameters that hold against such a NAT, and not much better ones. */
static void choose_prober(struct field *f)
{
	struct field_settings *s = &f->settings;
	const struct nat_model model = { s->masq.tout, s->masq.nout, s->masq.tei, s->nclients };
	struct nat_model_advice advice;
	unsigned faults;

	s->prober.pingtime = s->masq.tout / s->masq.nout + between(f, 150, 1000) * VTIME_MS;
	s->prober.pingtries = (unsigned)(s->nclients * s->masq.tout / s->prober.pingtime) + 1;
	s->prober.pingtime2 = s->prober.pingtime;
	s->prober.pingtries2 = (unsigned)between(f, 3, 5);
	s->prober.maxidle =
		between(f, s->masq.tei / 4, vtime_min(s->masq.tei * 3 / 4, 30 * VTIME_S));
	faults = nat_model_check(&model, &s->prober, &advice);
	field_expect(f, faults == 0, "the parameters do not hold: %x", faults);
}

static void choose_keys(struct field *f)
{
	struct field_settings *s = &f->settings;

	s->elimit = (unsigned)between(f, 1, 3);
	s->timeout = between(f, 10, 30) * VTIME_S;
	s->server.timeout = s->timeout;
	s->dpd = one_in(f, 2) ? 0 : 30 * VTIME_S;
	if (one_in(f, 2)) {
		s->keylife_s = (uint32_t)between(f, 60, 300);
		s->rekeymargin = s->keylife_s * VTIME_S / 4;
	}
	s->server.waits = one_in(f, 2);
	s->server.deletes = one_in(f, 4);
	if (one_in(f, 4))
		s->server.rekey = between(f, 30, 120) * VTIME_S;
}

static void mix_settings(struct field *f)
{
	f->settings.nclients = (unsigned)between(f, 2, FIELD_CLIENTS_MAX);
	choose_nats(f);
	choose_prober(f);
	choose_keys(f);
}

/* ---- what happens to them ---- */

static void disturb(struct link *l, const struct link_config *how)
{
	l->config.loss = how->loss;
	l->config.duplication = how->duplication;
	l->config.reordering = how->reordering;
	l->config.held = how->held;
}

static void noise(struct field *f, unsigned unused)
{
	const struct link_config how = {
		.loss = (unsigned)between(f, 0, 300),
		.duplication = (unsigned)between(f, 0, 50),
		.reordering = (unsigned)between(f, 0, 100),
		.held = between(f, 1, 200) * VTIME_MS,
	};

	(void)unused;
	for (unsigned i = 0; i < f->nnats; i++) {
		disturb(&f->nats[i].up, &how);
		disturb(&f->nats[i].down, &how);
	}
}

static void revive(struct field *f, unsigned nat)
{
	if (!f->nats[nat].dead)
		return;
	f->nats[nat].dead = false;
	field_reboot_nat(f, nat);
}

/* The route leads to this one, which has forgotten all; the line of the other one is down. */
static void take_nat(struct field *f, unsigned nat)
{
	for (unsigned i = 0; i < f->nnats; i++)
		if (i != nat && !f->nats[i].dead)
			field_kill_nat(f, i);
	revive(f, nat);
	field_route(f, nat);
}

static void change_nat(struct field *f, unsigned unused)
{
	(void)unused;
	take_nat(f, f->nnats - 1 - f->clients[0]->route);
}

/* The NAT in use dies, and another one is used some time later, or itself. */
static void lose_nat(struct field *f, unsigned unused)
{
	unsigned nat = f->clients[0]->route;

	(void)unused;
	field_kill_nat(f, nat);
	field_at(f, f->now + between(f, 0, 20) * VTIME_S, take_nat, f->nnats - 1 - nat);
}

static void sleep_a_while(struct field *f, unsigned client)
{
	if (!f->clients[client]->suspended)
		field_suspend(f, client, f->now + between(f, 1, 20) * VTIME_S);
}

static void server_renews(struct field *f, unsigned client)
{
	server_rekey(f->server, f->now, client);
	field_server_pump(f);
}

static void server_deletes(struct field *f, unsigned client)
{
	server_delete(f->server, f->now, client);
	field_server_pump(f);
}

static void server_restarts(struct field *f, unsigned unused)
{
	(void)unused;
	field_ladder_note(f, -1, "the server restarts");
	server_forget(f->server);
	field_server_pump(f);
}

static void slow_answers(struct field *f, unsigned client)
{
	server_delay_answers(f->server, client, between(f, 0, 3000) * VTIME_MS);
}

static void download(struct field *f, unsigned client)
{
	field_stream_down(f, client, one_in(f, 2) ? between(f, 20, 200) * VTIME_MS : 0);
}

static void plan_one(struct field *f, vtime at)
{
	static const field_action of_all[] = { field_reboot_nat, field_renumber_nat, lose_nat,
					       change_nat, server_restarts };
	static const field_action of_client[] = { sleep_a_while, server_renews, server_deletes,
						  slow_answers, download };
	unsigned which = (unsigned)between(f, 0, 4);

	if (one_in(f, 2))
		field_at(f, at, of_all[which], (unsigned)between(f, 0, f->nnats - 1));
	else
		field_at(f, at, of_client[which], (unsigned)between(f, 0, f->nclients - 1));
}

static void pings_begin(struct field *f, unsigned client)
{
	field_pings(f, client, PINGS);
}

static void pings_change(struct field *f, unsigned client)
{
	field_pings(f, client, one_in(f, 4) ? 0 : between(f, 500, 3000) * VTIME_MS);
}

static void downloads_end(struct field *f, unsigned unused)
{
	(void)unused;
	for (unsigned i = 0; i < f->nclients; i++)
		field_stream_down(f, i, 0);
}

static void mix_begin(struct field *f)
{
	vtime quiet = NOISE_AT + between(f, 40, 100) * VTIME_S;
	unsigned events = (unsigned)between(f, 2, 12);

	for (unsigned i = 0; i < f->nclients; i++) {
		field_at(f, between(f, 0, 4 * VTIME_S), field_connect, i);
		field_at(f, NOISE_AT + between(f, 0, VTIME_S), pings_change, i);
		field_at(f, quiet - between(f, 0, VTIME_S), pings_begin, i);
	}
	field_at(f, NOISE_AT, noise, 0);
	while (events-- > 0)
		plan_one(f, between(f, NOISE_AT, quiet - MISHAP_MAX));
	field_at(f, quiet, downloads_end, 0);
	field_at(f, quiet, field_quiet, 0);
}

/* ---- nothing happens at all ---- */

static void plain_settings(struct field *f)
{
	f->settings.nclients = (unsigned)between(f, 2, FIELD_CLIENTS_MAX);
	f->settings.prober.pingtries = f->settings.nclients;
	f->settings.server.waits = one_in(f, 2);
}

static void streams(struct field *f, vtime every)
{
	for (unsigned i = 0; i < f->nclients; i++) {
		field_stream_up(f, i, every);
		field_stream_down(f, i, every);
	}
}

static void plain_over(struct field *f, unsigned unused)
{
	(void)unused;
	field_stop(f);
}

static void plain_drain(struct field *f, unsigned unused)
{
	(void)unused;
	streams(f, 0);
	field_at(f, f->now + VTIME_S, plain_over, 0);
}

/* Everybody has a tunnel: from now on every packet arrives, once and in order. */
static void plain_data(struct field *f, unsigned unused)
{
	(void)unused;
	streams(f, between(f, 100, 500) * VTIME_MS);
	field_at(f, f->now + PLAIN_DATA, plain_drain, 0);
}

static void plain_begin(struct field *f)
{
	for (unsigned i = 0; i < f->nclients; i++) {
		field_at(f, between(f, 0, 4 * VTIME_S), field_connect, i);
		field_at(f, 4 * VTIME_S + between(f, 0, PINGS), pings_begin, i);
	}
	f->settled = plain_data;
	field_at(f, 10 * VTIME_S, field_quiet, 0);
}

const struct field_scenario field_mixes[] = {
	{ "plain", plain_settings, plain_begin, field_judge_streams, 3600 * VTIME_S, FIELD_NO_TWIN,
	  0 },
	{ "mix", mix_settings, mix_begin, NULL, 36000 * VTIME_S, FIELD_TWIN_SHOWN, 0 },
};

const unsigned nfield_mixes = sizeof(field_mixes) / sizeof(field_mixes[0]);
