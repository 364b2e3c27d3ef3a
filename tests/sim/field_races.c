/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/field.h"

/*
 * What goes wrong at a NAT that guesses, each forced. Clients 1 and 2 are the ones that collide;
 * there may be more, who are up before and stay up.
 *
 * The server of most of these changes over to a new epoch without waiting for anything.
 */

#define PINGS (500 * VTIME_MS)
#define PACE (10 * VTIME_MS)
#define QUIET_AT (20 * VTIME_S)

static vtime dice_below(struct field *f, vtime n)
{
	return rng_below(&f->dice, n);
}

static void others_begin(struct field *f)
{
	for (unsigned i = 2; i < f->nclients; i++)
		field_at(f, dice_below(f, 2 * VTIME_S), field_connect, i);
}

static void pings_begin(struct field *f, unsigned client)
{
	field_pings(f, client, PINGS);
}

static void all_ping(struct field *f, unsigned unused)
{
	(void)unused;
	for (unsigned i = 0; i < f->nclients; i++)
		field_at(f, f->now + dice_below(f, PINGS), pings_begin, i);
}

/* Parameters that hold against this NAT. */
static void settings_fit(struct field *f)
{
	struct prober_config *p = &f->settings.prober;
	vtime all = f->settings.nclients * f->settings.masq.tout;

	p->pingtries = (unsigned)(all / p->pingtime) + 1;
	if (p->pingtries < 3)
		p->pingtries = 3;
}

static void settings_some(struct field *f)
{
	f->settings.nclients = 2 + (unsigned)dice_below(f, 3);
	f->settings.wan.delay = (10 + dice_below(f, 40)) * VTIME_MS;
	f->settings.masq.tout = (500 + dice_below(f, 1000)) * VTIME_MS;
	/* What DPD can find out must not hide what pings find out. */
	if (dice_below(f, 2))
		f->settings.dpd = 0;
	settings_fit(f);
}

/* One echo request, as soon as there is a tunnel. */
static void ping_up(struct field *f, unsigned client)
{
	if (f->clients[client]->shell->up)
		field_ping(f, client);
	else
		field_at(f, f->now + VTIME_MS, ping_up, client);
}

static void download(struct field *f, unsigned client)
{
	field_stream_down(f, client, PACE);
}

static void hush(struct field *f, unsigned client)
{
	field_pings(f, client, 0);
	field_stream_down(f, client, 0);
}

static void slow(struct field *f, unsigned client)
{
	server_delay_answers(f->server, client, f->mark[client]);
}

/* From then on the server answers this client's requests so much later. */
static void slow_at(struct field *f, vtime at, unsigned client, vtime delay)
{
	f->mark[client] = delay;
	field_at(f, at, slow, client);
}

static void downloads_end(struct field *f, unsigned unused)
{
	(void)unused;
	for (unsigned i = 0; i < f->nclients; i++)
		field_stream_down(f, i, 0);
}

static void settle(struct field *f)
{
	field_at(f, QUIET_AT - 5 * VTIME_S, all_ping, 0);
	field_at(f, QUIET_AT, downloads_end, 0);
	field_at(f, QUIET_AT, field_quiet, 0);
}

/* ---- race 1: the server sends on a new epoch before the client has ---- */

#define RENEWED_AT (40 * VTIME_S)

static void race1_settings(struct field *f)
{
	settings_some(f);
	f->settings.rekeymargin = 20 * VTIME_S;
	f->settings.rekeyfuzz = 0;
}

static void race1_mark(struct field *f, unsigned unused)
{
	(void)unused;
	f->mark[0] = f->nats[0].multicasts;
}

/* Client 1 downloads a file and says nothing itself. */
static void race1_begin(struct field *f)
{
	f->clients[0]->config.child.keylife_s = 60;
	others_begin(f);
	field_at(f, 0, field_connect, 0);
	field_at(f, 0, field_connect, 1);
	for (unsigned i = 0; i < f->nclients; i++)
		field_at(f, 4 * VTIME_S + i * VTIME_S, field_ping, i);
	field_at(f, 10 * VTIME_S, download, 0);
	field_at(f, RENEWED_AT - 5 * VTIME_S, race1_mark, 0);
	field_at(f, RENEWED_AT + 10 * VTIME_S, hush, 0);
}

static void race1_end(struct field *f)
{
	const struct field_client *c = f->clients[0];
	unsigned copied = f->nats[0].multicasts - (unsigned)f->mark[0];

	field_expect(f, c->nepochs >= 2, "nothing was renewed");
	f->troubled = copied > 0;
	field_expect(f, !f->probes || copied == 0, "%u packets went to everybody", copied);
	field_expect(f, !f->probes || c->down_stream.lost == 0, "%u packets were lost",
		     (unsigned)c->down_stream.lost);
}

/* ---- race 2: the server sends to 2 before it answers 1 ---- */

#define RACE_AT (10 * VTIME_S)

static void download_2(struct field *f, unsigned unused)
{
	(void)unused;
	if (server_client(f->server, 0)->in)
		field_stream_down(f, 1, PACE);
	else
		field_at(f, f->now + VTIME_MS, download_2, 0);
}

static void race2_begin(struct field *f)
{
	others_begin(f);
	slow_at(f, 0, 0, 300 * VTIME_MS);
	field_at(f, RACE_AT, field_connect, 0);
	field_at(f, RACE_AT + VTIME_MS * (2 + dice_below(f, 20)), field_connect, 1);
	field_at(f, RACE_AT, download_2, 0);
	field_at(f, RACE_AT, ping_up, 0);
	settle(f);
}

/* ---- race 3: the answer to 1 comes when its item has expired, and 2's is there ---- */

static void race3_begin(struct field *f)
{
	vtime tout = f->settings.masq.tout;

	others_begin(f);
	slow_at(f, 0, 0, tout + 300 * VTIME_MS);
	slow_at(f, 0, 1, 800 * VTIME_MS);
	field_at(f, RACE_AT, field_connect, 0);
	field_at(f, RACE_AT, ping_up, 0);
	field_at(f, RACE_AT + tout + (50 + dice_below(f, 150)) * VTIME_MS, field_connect, 1);
	field_at(f, RACE_AT + tout, ping_up, 1);
	settle(f);
}

/* ---- race 4: all items have expired, 2 sends, and the server sends to 1 ---- */

static void race4_settings(struct field *f)
{
	settings_some(f);
	f->settings.masq.tei = (20 + dice_below(f, 40)) * VTIME_S;
	f->settings.prober.maxidle = f->settings.masq.tei / 2;
}

static void race4_begin(struct field *f)
{
	vtime again = RACE_AT + f->settings.masq.tei + 5 * VTIME_S;

	others_begin(f);
	for (unsigned i = 0; i < 2; i++)
		field_at(f, i * VTIME_S, field_connect, i);
	for (unsigned i = 0; i < f->nclients; i++)
		field_at(f, 4 * VTIME_S + i * VTIME_S, field_ping, i);
	slow_at(f, RACE_AT, 1, 300 * VTIME_MS);
	field_at(f, again, field_ping, 1);
	field_at(f, again + f->settings.wan.delay, download, 0);
	field_at(f, again + 2 * VTIME_S, all_ping, 0);
	field_at(f, again + 5 * VTIME_S, downloads_end, 0);
	field_at(f, again + 5 * VTIME_S, field_quiet, 0);
}

/* Where pings keep the items nothing has to be recovered. */
static void race4_end(struct field *f)
{
	field_expect(f, !f->probes || f->pending == 0, "%u items have expired", f->pending);
}

/* ---- two clients choose the same incoming SPI ---- */

static void spi_settings(struct field *f)
{
	settings_some(f);
	f->settings.same_spis = 2;
}

static void spi_begin(struct field *f)
{
	others_begin(f);
	field_at(f, 2 * VTIME_S, field_connect, 0);
	field_at(f, 2 * VTIME_S + dice_below(f, 4 * VTIME_S), field_connect, 1);
	settle(f);
}

static void spi_end(struct field *f)
{
	field_expect(f, f->clients[0]->epochs[0].spi_in == f->clients[1]->epochs[0].spi_in,
		     "the clients' SPIs do not collide");
}

/* ---- two clients choose the same cookie ---- */

static void cookie_settings(struct field *f)
{
	settings_some(f);
	f->settings.same_cookies = 2;
}

static void cookie_begin(struct field *f)
{
	others_begin(f);
	field_at(f, 2 * VTIME_S, field_connect, 0);
	field_at(f, 2 * VTIME_S + dice_below(f, 2 * f->settings.wan.delay), field_connect, 1);
	settle(f);
}

static void cookie_end(struct field *f)
{
	field_expect(f, masq_counters(f->nats[0].masq)[MASQ_DROP_COOKIE] > 0,
		     "the clients' cookies do not collide");
}

/* ---- the NAT forgets all, has another address, dies ---- */

static void all_begin(struct field *f)
{
	others_begin(f);
	field_at(f, 0, field_connect, 0);
	field_at(f, VTIME_S, field_connect, 1);
	field_at(f, 3 * VTIME_S, all_ping, 0);
}

static void hush_all(struct field *f, unsigned unused)
{
	(void)unused;
	for (unsigned i = 0; i < f->nclients; i++)
		field_pings(f, i, 0);
}

/* What 1 asks is answered after something has gone to 2. */
static void reboot_begin(struct field *f)
{
	vtime at = RACE_AT + dice_below(f, VTIME_S);

	all_begin(f);
	slow_at(f, RACE_AT - VTIME_S, 0, 300 * VTIME_MS);
	field_at(f, RACE_AT - 3 * VTIME_S, download, 1);
	field_at(f, at - VTIME_S, hush_all, 0);
	field_at(f, at, field_reboot_nat, 0);
	field_at(f, at + 100 * VTIME_MS, field_ping, 0);
	settle(f);
}

static void renumber_begin(struct field *f)
{
	all_begin(f);
	field_at(f, RACE_AT + dice_below(f, 5 * VTIME_S), field_renumber_nat, 0);
	settle(f);
}

static void failover_settings(struct field *f)
{
	settings_some(f);
	f->settings.nnats = 2;
}

static void failover_begin(struct field *f)
{
	vtime at = RACE_AT + dice_below(f, 2 * VTIME_S);

	all_begin(f);
	field_at(f, at, field_kill_nat, 0);
	field_at(f, at + dice_below(f, 2 * VTIME_S), field_route, 1);
	settle(f);
}

/* Nothing passes for minutes: every address of every name of the server is tried. */
static void gateways_settings(struct field *f)
{
	settings_some(f);
	f->settings.ngateways = 2;
	f->settings.timeout = 10 * VTIME_S;
	f->settings.elimit = 1;
}

static void revive_nat(struct field *f, unsigned nat)
{
	f->nats[nat].dead = false;
	field_reboot_nat(f, nat);
}

static void gateways_begin(struct field *f)
{
	vtime back = RACE_AT + (100 + dice_below(f, 200)) * VTIME_S;

	all_begin(f);
	field_at(f, RACE_AT, field_kill_nat, 0);
	field_at(f, back, revive_nat, 0);
	field_at(f, back, field_quiet, 0);
}

#define LIMIT (3600 * VTIME_S)

const struct field_scenario field_races[] = {
	{ "race1", race1_settings, race1_begin, race1_end, RENEWED_AT + 15 * VTIME_S,
	  FIELD_TWIN_FAILS, 0 },
	{ "race2", settings_some, race2_begin, NULL, LIMIT, FIELD_TWIN_FAILS, 0 },
	{ "race3", settings_some, race3_begin, NULL, LIMIT, FIELD_TWIN_FAILS, 0 },
	{ "race4", race4_settings, race4_begin, race4_end, LIMIT, FIELD_TWIN_FAILS, 0 },
	{ "spi_collision", spi_settings, spi_begin, spi_end, LIMIT, FIELD_TWIN_FAILS, 0 },
	/* The NAT copes with this one, as long as IKE repeats what it says. */
	{ "cookie_collision", cookie_settings, cookie_begin, cookie_end, LIMIT, FIELD_TWIN_SHOWN,
	  0 },
	{ "nat_reboot", settings_some, reboot_begin, NULL, LIMIT, FIELD_TWIN_FAILS, 0 },
	{ "nat_renumber", settings_some, renumber_begin, NULL, LIMIT, FIELD_TWIN_FAILS, 0 },
	{ "failover", failover_settings, failover_begin, NULL, LIMIT, FIELD_TWIN_FAILS, 0 },
	{ "gateways", gateways_settings, gateways_begin, NULL, LIMIT, FIELD_TWIN_SHOWN, 4 },
};

const unsigned nfield_races = sizeof(field_races) / sizeof(field_races[0]);
