/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/scenarios.h"

#include <stdio.h>

#include "tests/sim/attacker.h"
#include "tests/sim/host.h"
#include "tests/sim/gateway.h"

/* ---- what scenarios have in common ---- */

static void nothing_special(struct world *w)
{
	(void)w;
}

static void stop(struct world *w, unsigned unused)
{
	(void)unused;
	world_stop(w);
}

static unsigned tunnels(const struct world *w)
{
	return w->settings.session.ntunnels;
}

static unsigned inner_size(struct world *w)
{
	struct session_info info;

	session_info(w->client->session, &info);
	return 28 + (unsigned)rng_below(&w->rng[STREAM_INNER], info.mtu - 28 + 1);
}

static void ping(struct world *w, unsigned n)
{
	if (!w->client->done)
		host_ping(w, n, inner_size(w));
}

static void expect_up(struct world *w)
{
	world_expect(w, !w->client->done, "the session ended with exit %d: %s",
		     (int)w->client->exit, w->client->why);
	world_expect(w, w->client->up, "the session is not up");
}

static void expect_exit(struct world *w, enum session_exit exit)
{
	world_expect(w, w->client->done, "the session has not ended");
	world_expect(w, w->client->exit == exit, "exit %d and not %d: %s", (int)w->client->exit,
		     (int)exit, w->client->why);
	world_expect(w, sim_client_deadline(w->client) == VTIME_NEVER,
		     "a session that is over still has a deadline");
}

static void expect_all_answered(struct world *w)
{
	for (unsigned i = 0; i < w->book.n; i++) {
		const struct inner_packet *p = &w->book.packets[i];

		world_expect(w, p->arrived == 1 && p->answered == 1,
			     "request %u arrived %u times and was answered %u times", i, p->arrived,
			     p->answered);
	}
}

static void expect_tunnels_work(struct world *w)
{
	for (unsigned t = 0; t < tunnels(w); t++) {
		unsigned answered = 0;

		for (unsigned i = t; i < w->book.n; i += tunnels(w))
			answered += w->book.packets[i].answered;
		world_expect(w, answered > 0, "tunnel %u carried no answer", t);
	}
}

/* ---- establish: a bad wire, and everyone gets up ---- */

#define ESTABLISH_PINGS 45

static void establish_begin(struct world *w)
{
	settings_bad_wire(&w->settings);
}

static void establish_up(struct world *w)
{
	for (unsigned i = 1; i <= ESTABLISH_PINGS; i++)
		world_at(w, w->now + i * VTIME_S, ping, tunnels(w));
	world_at(w, w->now + (ESTABLISH_PINGS + 5) * VTIME_S, stop, 0);
}

static void establish_end(struct world *w)
{
	expect_up(w);
	world_expect(w, sim_gateway_children(w->gateway) == tunnels(w),
		     "the gateway has %u pairs of SAs for %u tunnels",
		     sim_gateway_children(w->gateway), tunnels(w));
	expect_tunnels_work(w);
}

/* ---- data: every packet once; on a bad wire at most once ---- */

#define DATA_BURSTS 40
#define DATA_EVERY (50 * VTIME_MS)

static void data_up(struct world *w)
{
	for (unsigned i = 1; i <= DATA_BURSTS; i++)
		world_at(w, w->now + i * DATA_EVERY, ping,
			 1 + (unsigned)rng_below(&w->rng[STREAM_INNER], 6));
	world_at(w, w->now + DATA_BURSTS * DATA_EVERY + 3 * VTIME_S, stop, 0);
}

static void data_end(struct world *w)
{
	expect_up(w);
	expect_all_answered(w);
	for (unsigned why = 0; why < DROP_COUNT; why++)
		world_expect(w, why == DROP_PROBE_REPLY || sim_client_drops(w->client, why) == 0,
			     "%u dropped: %s", (unsigned)sim_client_drops(w->client, why),
			     drop_name(why));
}

static void lossy_up(struct world *w)
{
	settings_bad_wire(&w->settings);
	w->up.config = w->settings.up;
	w->down.config = w->settings.down;
	data_up(w);
}

static void lossy_end(struct world *w)
{
	expect_up(w);
	expect_tunnels_work(w);
	world_expect(w, sim_client_drops(w->client, DROP_REPLAY) == w->twice[SIDE_GATEWAY],
		     "%u packets came twice and %u were refused for it", w->twice[SIDE_GATEWAY],
		     (unsigned)sim_client_drops(w->client, DROP_REPLAY));
	world_expect(w, sim_gateway_replays(w->gateway) == w->twice[SIDE_CLIENT],
		     "%u packets came to the gateway twice and %u were refused for it",
		     w->twice[SIDE_CLIENT], (unsigned)sim_gateway_replays(w->gateway));
}

/* ---- the ends ---- */

static void disconnect(struct world *w, unsigned unused)
{
	struct session_event ev = { .type = SESSION_EVENT_DISCONNECT };

	(void)unused;
	sim_client_event(w->client, &ev);
}

static void disconnect_up(struct world *w)
{
	world_at(w, w->now + VTIME_S, ping, 4 * tunnels(w));
	world_at(w, w->now + 2 * VTIME_S, disconnect, 0);
	world_at(w, w->now + 4 * VTIME_S, stop, 0);
}

static void disconnect_end(struct world *w)
{
	expect_exit(w, SESSION_EXIT_UP);
	expect_all_answered(w);
	world_expect(w, w->client->done_at == w->client->up_at + 2 * VTIME_S,
		     "the end did not follow at once");
	world_expect(w, sim_gateway_children(w->gateway) == 0,
		     "the gateway still has %u pairs of SAs", sim_gateway_children(w->gateway));
	world_expect(w, !sim_gateway_established(w->gateway), "the gateway still has an IKE SA");
}

static void peer_delete(struct world *w, unsigned what)
{
	sim_gateway_delete(w->gateway, what != 1, what != 0);
}

/* The gateway takes leave, and the session comes back by itself. */
static void peer_delete_up(struct world *w)
{
	world_at(w, w->now + VTIME_S, ping, 2 * tunnels(w));
	world_at(w, w->now + 2 * VTIME_S, peer_delete,
		 (unsigned)rng_below(&w->rng[STREAM_INNER], 3));
	world_at(w, w->now + 8 * VTIME_S, ping, 2 * tunnels(w));
	world_at(w, w->now + 10 * VTIME_S, stop, 0);
}

static void peer_delete_end(struct world *w)
{
	expect_up(w);
	expect_all_answered(w);
}

/* ---- refusals ---- */

/* By the seed the gateway has another key, refuses us, proves nothing, or is someone else. */
static void wrong_psk_begin(struct world *w)
{
	struct responder_faults *faults = &w->settings.responder.faults;

	switch (rng_below(&w->rng[STREAM_SETTINGS], 4)) {
	case 0:
		faults->refuse_identity = true;
		return;
	case 1:
		faults->bad_hash_r = true;
		return;
	case 2:
		identity_parse("vpn.example.net", &w->settings.responder.id);
		return;
	default:
		break;
	}
	settings_psk(&w->settings, SLICE_STR("not what the client has"));
}

static void wrong_psk_end(struct world *w)
{
	expect_exit(w, SESSION_EXIT_AUTH);
}

/* Refused in phase 1 or in phase 2, by the seed. */
static void no_proposal_begin(struct world *w)
{
	struct settings *s = &w->settings;

	if (rng_below(&w->rng[STREAM_SETTINGS], 2)) {
		s->session.ike.nsuites = 1;
		s->session.ike.suites[0] =
			(struct ike_suite){ IKE_CIPHER_AES_CBC, 128, HASH_SHA2_256, DH_ECP_256 };
		s->responder.suites[0] =
			(struct ike_suite){ IKE_CIPHER_AES_CBC, 256, HASH_SHA2_256, DH_ECP_256 };
	} else {
		s->session.child.nsuites = 1;
		s->session.child.suites[0] =
			(struct esp_suite){ ESP_CIPHER_AES_GCM_16, 128, ESP_INTEG_NONE };
		s->responder.esp[0] =
			(struct esp_suite){ ESP_CIPHER_AES_GCM_16, 256, ESP_INTEG_NONE };
	}
}

static void no_proposal_end(struct world *w)
{
	expect_exit(w, SESSION_EXIT_NO_PROPOSAL);
}

/* ---- no answer ---- */

/* The resolver and the kernel answer first. */
#define FIRST_MESSAGE (6 * VTIME_MS)

static void silent_begin(struct world *w)
{
	w->settings.silent = true;
}

static void silent_end(struct world *w)
{
	vtime due = FIRST_MESSAGE + w->settings.session.ike.timeout;

	expect_exit(w, SESSION_EXIT_NO_ANSWER);
	world_expect(w, w->client->done_at == due, "it ended at %llu ns and not at %llu ns",
		     (unsigned long long)w->client->done_at, (unsigned long long)due);
}

/* The dead address is the first gateway, or the first address of the only gateway. */
static void fallback_begin(struct world *w)
{
	struct settings *s = &w->settings;

	if (rng_below(&w->rng[STREAM_SETTINGS], 2)) {
		snprintf(s->gateway_text[0], sizeof(s->gateway_text[0]), "vpn.example.com");
		return;
	}
	addr_text(&s->dead, s->gateway_text[0]);
	addr_text(&s->gateway, s->gateway_text[1]);
	s->session.gateways[1] = s->gateway_text[1];
	s->session.ngateways = 2;
}

static void fallback_end(struct world *w)
{
	vtime dead = FIRST_MESSAGE + w->settings.session.ike.timeout;

	data_end(w);
	world_expect(w, w->client->up_at > dead && w->client->up_at < dead + 3 * VTIME_S,
		     "up at %llu ns", (unsigned long long)w->client->up_at);
}

/* ---- garbage ---- */

/* Without jitter, so that what the gateway answers to garbage does not shift what follows. */
static void quiet_begin(struct world *w)
{
	w->settings.up.jitter = 0;
	w->settings.down.jitter = 0;
}

static void garbage_begin(struct world *w)
{
	quiet_begin(w);
	attacker_begin(w);
}

#define GARBAGE_DPDS 20

static void dpd(struct world *w, unsigned unused)
{
	(void)unused;
	sim_gateway_dpd(w->gateway);
}

static void garbage_up(struct world *w)
{
	data_up(w);
	for (unsigned i = 1; i <= GARBAGE_DPDS; i++)
		world_at(w, w->now + i * DATA_EVERY + 1, dpd, 0);
}

static void quiet_end(struct world *w)
{
	expect_up(w);
	expect_all_answered(w);
	/* A copy altered in its padding alone is a good one: the gateway may count it, too. */
	world_expect(w,
		     sim_gateway_acks(w->gateway) >= GARBAGE_DPDS &&
			     tap_sent(&w->tap, SIDE_CLIENT, "informational") == GARBAGE_DPDS,
		     "%u of %d questions whether we are there were answered",
		     tap_sent(&w->tap, SIDE_CLIENT, "informational"), GARBAGE_DPDS);
}

static void garbage_end(struct world *w)
{
	uint64_t drops = 0;

	quiet_end(w);
	for (unsigned why = 0; why < DROP_COUNT; why++)
		drops += sim_client_drops(w->client, why);
	world_expect(w, drops > 0 && w->altered > 0, "no garbage came through");
}

static const struct scenario quiet = { "quiet",	  quiet_begin,	garbage_up,
				       quiet_end, 60 * VTIME_S, NULL };

const struct scenario scenarios[] = {
	{ "establish", establish_begin, establish_up, establish_end, 200 * VTIME_S, NULL },
	{ "data", nothing_special, data_up, data_end, 60 * VTIME_S, NULL },
	{ "data_lossy", nothing_special, lossy_up, lossy_end, 60 * VTIME_S, NULL },
	{ "disconnect", nothing_special, disconnect_up, disconnect_end, 60 * VTIME_S, NULL },
	{ "peer_delete", nothing_special, peer_delete_up, peer_delete_end, 60 * VTIME_S, NULL },
	{ "wrong_psk", wrong_psk_begin, NULL, wrong_psk_end, 120 * VTIME_S, NULL },
	{ "no_proposal", no_proposal_begin, NULL, no_proposal_end, 120 * VTIME_S, NULL },
	{ "silent", silent_begin, NULL, silent_end, 120 * VTIME_S, NULL },
	{ "fallback", fallback_begin, data_up, fallback_end, 120 * VTIME_S, NULL },
	{ "garbage", garbage_begin, garbage_up, garbage_end, 60 * VTIME_S, &quiet },
};

const unsigned nscenarios = ARRAY_SIZE(scenarios);
