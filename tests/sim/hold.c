/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/scenarios.h"

#include <stdio.h>

#include "tests/sim/host.h"
#include "tests/sim/gateway.h"

/* Packets that wait for their SA. */

static unsigned tunnels(const struct world *w)
{
	return w->settings.session.ntunnels;
}

static void stop(struct world *w, unsigned unused)
{
	(void)unused;
	world_stop(w);
}

static void send(struct world *w, unsigned number)
{
	host_send(w, number);
}

/* A packet of our port `port` to the host of a tunnel. */
static unsigned packet(struct world *w, enum inner_kind kind, unsigned tunnel, unsigned port)
{
	unsigned number = inner_add(&w->book, kind, &w->settings.session.tunnels[tunnel].local.lo,
				    &w->settings.hosts[tunnel], 100);

	w->book.packets[number].port = (uint16_t)port;
	return number;
}

static const struct hold_counters *held(const struct world *w)
{
	return outbound_held(w->client->data.outbound);
}

static bool is_up(struct world *w, unsigned tunnel)
{
	struct session_info info;

	session_info(w->client->session, &info);
	return tunnel < info.ntunnels && info.tunnels[tunnel].up;
}

static void expect_session_up(struct world *w)
{
	struct session_info info;

	session_info(w->client->session, &info);
	world_expect(w, !w->client->done, "the session ended with exit %d: %s",
		     (int)w->client->exit, w->client->why);
	world_expect(w, info.state == SESSION_UP, "the session is %s",
		     session_state_name(info.state));
}

/* The client's own pings. */
static unsigned pings(struct world *w)
{
	struct session_info info;

	session_info(w->client->session, &info);
	return (unsigned)info.ping.sent;
}

static void expect_all_answered(struct world *w)
{
	for (unsigned i = 0; i < w->book.n; i++)
		world_expect(w, w->book.packets[i].arrived == 1 && w->book.packets[i].answered == 1,
			     "packet %u arrived %u times and was answered %u times", i,
			     w->book.packets[i].arrived, w->book.packets[i].answered);
}

static void expect_nothing_held(struct world *w)
{
	world_expect(w, held(w)->packets == 0 && held(w)->bytes == 0 && held(w)->since == 0,
		     "%u packets are held still", (unsigned)held(w)->packets);
}

/* Every way takes just as long, and nothing is negotiated before it is asked for. */
static void on_demand_begin(struct world *w)
{
	w->settings.up.jitter = w->settings.down.jitter = 0;
	w->settings.session.on_demand = true;
}

static vtime way(const struct world *w)
{
	return w->settings.up.delay;
}

/* ---- hold: the first packets leave with the epoch, once and in order ---- */

#define HOLD_MORE 5 /* packets behind the first of each tunnel */

/* In the same turn in which the answer came that makes the SA. */
static void hold_sees(struct world *w, enum side from, const struct datagram *d, vtime arrives)
{
	bool esp = from == SIDE_CLIENT && d->n >= 8 && get_be32(d->bytes) != 0 &&
		   d->to.port != IKE_PORT;

	(void)arrives;
	if (!esp)
		return;
	w->mark[1]++;
	world_expect(w, w->now == w->mark[0] + 2 * way(w), "ESP left after %llu ns and not %llu",
		     (unsigned long long)(w->now - w->mark[0]), (unsigned long long)(2 * way(w)));
}

static void hold_first(struct world *w, unsigned tunnel)
{
	world_expect(w, !is_up(w, tunnel), "tunnel %u is there before it is asked for", tunnel);
	w->mark[0] = w->now;
	send(w, packet(w, INNER_SYN, tunnel, 40000));
	for (unsigned i = 1; i <= HOLD_MORE; i++)
		send(w, packet(w, i % 2 ? INNER_UDP : INNER_SYN, tunnel, 40000 + i));
	world_expect(w, held(w)->packets == 1 + HOLD_MORE, "%u packets are held",
		     (unsigned)held(w)->packets);
}

static void hold_up(struct world *w)
{
	w->eavesdrop = hold_sees;
	for (unsigned i = 0; i < tunnels(w); i++)
		world_at(w, w->now + (1 + 2 * i) * VTIME_S, hold_first, i);
	world_at(w, w->now + 8 * VTIME_S, stop, 0);
}

static void hold_end(struct world *w)
{
	unsigned n = tunnels(w) * (1 + HOLD_MORE);
	vtime begun = 0;

	expect_session_up(w);
	expect_all_answered(w);
	expect_nothing_held(w);
	world_expect(w, w->mark[1] == n + pings(w), "%llu ESP packets and not %u, and %u pings",
		     (unsigned long long)w->mark[1], n, pings(w));
	world_expect(w, held(w)->in == n && held(w)->released == n,
		     "%u packets were held and %u released", (unsigned)held(w)->in,
		     (unsigned)held(w)->released);
	for (unsigned i = 0; i < n; i++) {
		const struct inner_packet *p = &w->book.packets[i];

		if (i % (1 + HOLD_MORE) == 0)
			begun = w->client->up_at + (1 + 2 * (i / (1 + HOLD_MORE))) * VTIME_S;
		world_expect(w, p->order == i + 1, "packet %u came as number %u", i, p->order);
		world_expect(w, p->answered_at == begun + 4 * way(w),
			     "packet %u was answered after %llu ns", i,
			     (unsigned long long)(p->answered_at - begun));
	}
}

/* ---- hold_late: the host sends its SYN again, and one leaves ---- */

#define LATE (3 * VTIME_S)

static void late_begin(struct world *w)
{
	on_demand_begin(w);
	w->settings.late = false;
}

static void late_again(struct world *w, unsigned number)
{
	if (!is_up(w, 0))
		send(w, number);
}

static void late_first(struct world *w, unsigned unused)
{
	unsigned syn = packet(w, INNER_SYN, 0, 40000), udp;

	(void)unused;
	w->mark[0] = w->now;
	w->settings.slow = LATE;
	send(w, syn);
	udp = packet(w, INNER_UDP, 0, 40001);
	send(w, udp);
	for (unsigned i = 1; i <= 5; i++) {
		world_at(w, w->now + i * VTIME_S, late_again, syn);
		world_at(w, w->now + i * VTIME_S + 1, late_again, udp);
	}
}

static void late_up(struct world *w)
{
	world_at(w, w->now + VTIME_S, late_first, 0);
	world_at(w, w->now + 20 * VTIME_S, stop, 0);
}

static void late_end(struct world *w)
{
	const struct hold_counters *h = held(w);

	expect_session_up(w);
	expect_all_answered(w);
	expect_nothing_held(w);
	world_expect(w, w->book.packets[0].order == 1, "the SYN did not come first");
	world_expect(w, h->in == 8 && h->replaced == 6 && h->released == 2,
		     "%u held, %u replaced, %u released", (unsigned)h->in, (unsigned)h->replaced,
		     (unsigned)h->released);
	for (unsigned i = 0; i < 2; i++)
		world_expect(w, w->book.packets[i].answered_at == w->mark[0] + LATE + 4 * way(w),
			     "packet %u was answered after %llu ns", i,
			     (unsigned long long)(w->book.packets[i].answered_at - w->mark[0]));
}

/* ---- hold_lossy: what leaves leaves once, whatever becomes of it ---- */

#define LOSSY_FLOWS 12

static void lossy_again(struct world *w, unsigned number)
{
	if (!is_up(w, number % tunnels(w)))
		send(w, number);
}

static void lossy_first(struct world *w, unsigned tunnel)
{
	unsigned number = packet(w, INNER_SYN, tunnel, 40000 + w->book.n);

	send(w, number);
	for (unsigned i = 1; i <= 20; i++)
		world_at(w, w->now + i * VTIME_S, lossy_again, number);
}

static void lossy_up(struct world *w)
{
	settings_bad_wire(&w->settings);
	w->up.config = w->settings.up;
	w->down.config = w->settings.down;
	for (unsigned i = 0; i < LOSSY_FLOWS; i++)
		world_at(w, w->now + VTIME_S + i * 100 * VTIME_MS, lossy_first, i % tunnels(w));
	/* Before a gateway whose every answer is lost can be given up. */
	world_at(w, w->now + 40 * VTIME_S, stop, 0);
}

static void lossy_end(struct world *w)
{
	const struct hold_counters *h = held(w);

	expect_session_up(w);
	expect_nothing_held(w);
	for (unsigned i = 0; i < tunnels(w); i++)
		world_expect(w, is_up(w, i), "tunnel %u is not up", i);
	world_expect(w, h->released > 0 && h->dropped == 0 && h->expired == 0,
		     "%u released, %u dropped, %u expired", (unsigned)h->released,
		     (unsigned)h->dropped, (unsigned)h->expired);
}

/* ---- refused: the application is told at once, and the gateway left alone for a while ---- */

static unsigned quick_modes(const struct world *w)
{
	return tap_sent(&w->tap, SIDE_CLIENT, "quick mode");
}

static struct addr nowhere(const struct world *w)
{
	struct addr host = w->settings.hosts[0];

	host.b[2]++;
	return host;
}

static void rule_begin(struct world *w, const struct addr *remote, uint8_t len)
{
	struct session_config *c = &w->settings.session;
	struct session_rule *r = &c->rules[c->nrules++];
	struct prefix p = { *remote, len };

	*r = (struct session_rule){ .name = "rule", .action = POLICY_PROTECT, .nts = 1 };
	r->ts[0] = (struct ts_pair){ c->tunnels[0].local, ts_from_prefix(&p) };
	r->child = c->child;
	r->max_sas = 256;
}

static void refused_begin(struct world *w)
{
	struct settings *s = &w->settings;
	struct addr host = nowhere(w);
	bool gcm = s->responder.esp[0].cipher == ESP_CIPHER_AES_GCM_16;

	w->settings.up.jitter = w->settings.down.jitter = 0;
	rule_begin(w, &host, 32);
	s->session.rules[0].child.nsuites = 1;
	s->session.rules[0].child.suites[0] =
		gcm ? (struct esp_suite){ ESP_CIPHER_AES_CBC, 128, ESP_INTEG_HMAC_SHA1_96 } :
		      (struct esp_suite){ ESP_CIPHER_AES_GCM_16, 128, ESP_INTEG_NONE };
	if (s->responder.esp[0].cipher == ESP_CIPHER_AES_CBC)
		s->session.rules[0].child.suites[0].key_bits = 256;
}

static unsigned refused_packet(struct world *w)
{
	struct addr host = nowhere(w);

	return inner_add(&w->book, INNER_SYN, &w->settings.session.tunnels[0].local.lo, &host, 100);
}

/* It goes to the gateway, which refuses: the application hears of it when the answer comes. */
static void refused_asks(struct world *w, unsigned unused)
{
	(void)unused;
	w->mark[0] = w->now;
	w->mark[1] = quick_modes(w);
	w->mark[2] = w->client->refused;
	send(w, refused_packet(w));
	world_expect(w, quick_modes(w) == w->mark[1] + 1, "nothing was asked of the gateway");
	world_expect(w, w->client->refused == w->mark[2], "it was refused without being asked for");
}

static void refused_heard(struct world *w, unsigned unused)
{
	(void)unused;
	world_expect(w, w->client->refused == w->mark[2] + 1, "%u were refused",
		     w->client->refused - (unsigned)w->mark[2]);
	world_expect(w, w->client->refused_at == w->mark[0] + 2 * way(w), "after %llu ns",
		     (unsigned long long)(w->client->refused_at - w->mark[0]));
}

/* The mark is in force: it is refused at once. */
static void refused_at_once(struct world *w, unsigned unused)
{
	unsigned before = w->client->refused, asked = quick_modes(w);

	(void)unused;
	send(w, refused_packet(w));
	world_expect(w, w->client->refused == before + 1, "it was not refused at once");
	world_expect(w, quick_modes(w) == asked, "the gateway was asked again");
}

static void network_changes(struct world *w, unsigned unused)
{
	static const struct session_event ev = { .type = SESSION_EVENT_NETWORK };

	(void)unused;
	sim_client_event(w->client, &ev);
}

/* So long after the answer to what asks at `at`. */
static vtime after(const struct world *w, vtime at, vtime length)
{
	return at + 2 * way(w) + length;
}

static void refused_up(struct world *w)
{
	vtime t = w->now + VTIME_S;

	world_at(w, t, refused_asks, 0);
	world_at(w, after(w, t, 1), refused_heard, 0);
	world_at(w, after(w, t, 100 * VTIME_MS), refused_at_once, 0);
	world_at(w, after(w, t, VTIME_S - 1), refused_at_once, 0);
	t = after(w, t, VTIME_S);
	world_at(w, t, refused_asks, 0);
	world_at(w, after(w, t, 1), refused_heard, 0);
	/* Twice as long now. */
	world_at(w, after(w, t, 2 * VTIME_S - 1), refused_at_once, 0);
	t = after(w, t, 2 * VTIME_S);
	world_at(w, t, refused_asks, 0);
	world_at(w, after(w, t, 1), refused_heard, 0);
	world_at(w, after(w, t, VTIME_S), refused_at_once, 0);
	world_at(w, after(w, t, VTIME_S + 1), network_changes, 0);
	t = after(w, t, VTIME_S + 2);
	world_at(w, t, refused_asks, 0);
	world_at(w, after(w, t, VTIME_S - 1), refused_at_once, 0);
	world_at(w, after(w, t, VTIME_S), stop, 0);
}

static void refused_end(struct world *w)
{
	expect_session_up(w);
	expect_nothing_held(w);
	world_expect(w, w->client->refused == w->book.n, "%u of %u were refused",
		     w->client->refused, w->book.n);
	for (unsigned i = 0; i < tunnels(w); i++)
		world_expect(w, is_up(w, 1 + i), "tunnel %u is not up", i);
}

/* ---- ondemand_many: an SA for each host or flow, as many as may be ---- */

#define MANY_SAS 8
#define MANY_MORE 4
#define MANY_IDLE (25 * VTIME_S)

static bool is_for_hosts(const struct world *w)
{
	return w->seed % 2 == 0;
}

static void many_begin(struct world *w)
{
	struct session_rule *r;
	struct addr host = nowhere(w);

	rule_begin(w, &host, 24);
	r = &w->settings.session.rules[0];
	r->granularity = is_for_hosts(w) ? GRANULARITY_HOST : GRANULARITY_FLOW;
	r->max_sas = MANY_SAS;
	r->idle_close = MANY_IDLE;
}

static void many_send(struct world *w, unsigned which)
{
	struct addr host = nowhere(w);
	unsigned number;

	if (is_for_hosts(w))
		host.b[3] = (uint8_t)(1 + which);
	number = inner_add(&w->book, INNER_UDP, &w->settings.session.tunnels[0].local.lo, &host,
			   100);
	if (!is_for_hosts(w))
		w->book.packets[number].port = (uint16_t)(40000 + which);
	send(w, number);
}

static unsigned children(const struct world *w)
{
	return sim_gateway_children(w->gateway) - tunnels(w);
}

static void many_expect(struct world *w, unsigned n)
{
	world_expect(w, children(w) == n, "the gateway has %u pairs of the rule's and not %u",
		     children(w), n);
}

static void many_up(struct world *w)
{
	vtime t = w->now + VTIME_S;

	for (unsigned i = 0; i < MANY_SAS; i++)
		world_at(w, t, many_send, i);
	world_at(w, t + 3 * VTIME_S, many_expect, MANY_SAS);
	/* Some go on, the others make room. */
	for (unsigned i = 0; i < MANY_SAS - MANY_MORE; i++)
		world_at(w, t + 12 * VTIME_S, many_send, i);
	for (unsigned i = 0; i < MANY_MORE; i++)
		world_at(w, t + 12 * VTIME_S + 1, many_send, MANY_SAS + i);
	world_at(w, t + 15 * VTIME_S, many_expect, MANY_SAS);
	/* None is idle: what comes waits, until one is. */
	world_at(w, t + 15 * VTIME_S, many_send, MANY_SAS + MANY_MORE);
	world_at(w, t + 25 * VTIME_S, many_expect, MANY_SAS);
	world_at(w, t + 80 * VTIME_S, many_expect, 0);
	world_at(w, t + 80 * VTIME_S, stop, 0);
}

static void many_end(struct world *w)
{
	struct session_info info;

	session_info(w->client->session, &info);
	expect_session_up(w);
	expect_all_answered(w);
	expect_nothing_held(w);
	world_expect(w, info.ntunnels == 1 + tunnels(w), "%u tunnels are left", info.ntunnels);
}

/* ---- early: the gateway's packets overtake its message 2 ---- */

#define EARLY_EACH 8 /* as many as wait */

static bool is_in_order(const struct world *w)
{
	return w->seed % 2 == 0;
}

/* Just before it, or by chance: each of them may be late. */
static void early_begin(struct world *w)
{
	struct settings *s = &w->settings;

	s->eager = EARLY_EACH;
	s->late = false;
	s->down.jitter = 0;
	if (is_in_order(w))
		return;
	s->down.reordering = 400;
	s->down.held = 300 * VTIME_MS;
}

static void early_up(struct world *w)
{
	world_at(w, w->now + 2 * VTIME_S, stop, 0);
}

static void early_end(struct world *w)
{
	expect_session_up(w);
	world_expect(w, w->book.n == EARLY_EACH * tunnels(w), "%u packets were sent", w->book.n);
	for (unsigned i = 0; i < w->book.n; i++) {
		const struct inner_packet *p = &w->book.packets[i];

		world_expect(w, p->answered == 1, "packet %u came %u times", i, p->answered);
		world_expect(w,
			     !is_in_order(w) || i % EARLY_EACH == 0 ||
				     p->answer_order == p[-1].answer_order + 1,
			     "packet %u came as number %u", i, p->answer_order);
	}
	for (unsigned why = 0; why < DROP_COUNT; why++)
		world_expect(w, why == DROP_PROBE_REPLY || sim_client_drops(w->client, why) == 0,
			     "%u dropped: %s", (unsigned)sim_client_drops(w->client, why),
			     drop_name(why));
	world_expect(w, !early_waits(w->client->data.early), "something waits still");
}

const struct scenario hold_scenarios[] = {
	{ "hold", on_demand_begin, hold_up, hold_end, 60 * VTIME_S, NULL },
	{ "hold_late", late_begin, late_up, late_end, 60 * VTIME_S, NULL },
	{ "hold_lossy", on_demand_begin, lossy_up, lossy_end, 200 * VTIME_S, NULL },
	{ "early", early_begin, early_up, early_end, 60 * VTIME_S, NULL },
	{ "refused", refused_begin, refused_up, refused_end, 60 * VTIME_S, NULL },
	{ "ondemand_many", many_begin, many_up, many_end, 120 * VTIME_S, NULL },
};

const unsigned nhold_scenarios = ARRAY_SIZE(hold_scenarios);
