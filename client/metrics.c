/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdlib.h>

#include "client/control_json.h"
#include "client/openmetrics.h"

#define SECONDS(t) ((double)(t) / (double)VTIME_S)

static uint64_t count_of(const _Atomic uint64_t *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

/* ---- the connection ---- */

static void connection(struct openmetrics *m, const struct control_view *v)
{
	const char *const states[] = { control_state_text(SESSION_DOWN),
				       control_state_text(SESSION_CONNECTING),
				       control_state_text(SESSION_UP),
				       control_state_text(SESSION_RECOVERING) };
	const struct session_info *s = v->session;
	char peer[ENDPOINT_TEXT_MAX], local[ENDPOINT_TEXT_MAX];

	openmetrics_family(m, "godwit_connection_state", OPENMETRICS_STATESET, NULL,
			   "What the connection is doing");
	openmetrics_state(m, states, ARRAY_SIZE(states), control_state_text(s->state), NULL);
	openmetrics_family(m, "godwit_connection", OPENMETRICS_INFO, NULL,
			   "Where it goes, and how");
	openmetrics_number(m, 1, "gateway", s->gateway ? s->gateway : "", "peer",
			   endpoint_text(&s->path.remote, peer), "local",
			   endpoint_text(&s->path.local, local), "encapsulation",
			   encapsulation_name(s->path.encapsulation), "nat", nat_name(s->nat),
			   "device", v->device, NULL);
	openmetrics_family(m, "godwit_connection_state_age_seconds", OPENMETRICS_GAUGE, "seconds",
			   "How long it has been doing so");
	openmetrics_real(m, SECONDS(vtime_until(s->since, v->now)), NULL);
	openmetrics_family(m, "godwit_mtu_bytes", OPENMETRICS_GAUGE, "bytes",
			   "The MTU of the device; 0: there is none yet");
	openmetrics_number(m, s->mtu, NULL);
	openmetrics_family(m, "godwit_failed_negotiations", OPENMETRICS_GAUGE, NULL,
			   "Negotiations in a row that came to nothing");
	openmetrics_number(m, s->nepoch, NULL);
}

static void ike(struct openmetrics *m, const struct control_view *v)
{
	const struct session_info *s = v->session;
	bool up = s->ike.state == IKE_STATE_ESTABLISHED;

	openmetrics_family(m, "godwit_ike_up", OPENMETRICS_GAUGE, NULL,
			   "1: there is an established IKE SA");
	openmetrics_number(m, up, NULL);
	openmetrics_family(m, "godwit_ike_age_seconds", OPENMETRICS_GAUGE, "seconds",
			   "The age of that IKE SA");
	if (up)
		openmetrics_real(m, SECONDS(vtime_until(s->ike.established_at, v->now)), NULL);
	openmetrics_family(m, "godwit_ike_rekey_in_seconds", OPENMETRICS_GAUGE, "seconds",
			   "When it is renewed");
	if (up && s->ike_rekey_at != VTIME_NEVER)
		openmetrics_real(m, SECONDS(vtime_until(v->now, s->ike_rekey_at)), NULL);
}

static void pings(struct openmetrics *m, const struct session_ping_info *p)
{
	openmetrics_family(m, "godwit_pings_sent", OPENMETRICS_COUNTER, NULL,
			   "Pings through the tunnels, of the connection's own");
	openmetrics_number(m, p->sent, NULL);
	openmetrics_family(m, "godwit_pings_answered", OPENMETRICS_COUNTER, NULL,
			   "Those that were answered");
	openmetrics_number(m, p->answered, NULL);
}

static void mobility(struct openmetrics *m, const struct session_mobility *s)
{
	const char *const methods[] = { session_roamed_name(SESSION_ROAMED_NONE),
					session_roamed_name(SESSION_ROAMED_UPDATE),
					session_roamed_name(SESSION_ROAMED_FOLLOW),
					session_roamed_name(SESSION_ROAMED_RENEGOTIATE) };

	openmetrics_family(m, "godwit_mobility_method", OPENMETRICS_STATESET, NULL,
			   "How the last change of network was survived");
	openmetrics_state(m, methods, ARRAY_SIZE(methods), session_roamed_name(s->method), NULL);
	openmetrics_family(m, "godwit_mobility_updates", OPENMETRICS_COUNTER, NULL,
			   "Address updates sent");
	openmetrics_number(m, s->updates, NULL);
	openmetrics_family(m, "godwit_mobility_acks", OPENMETRICS_COUNTER, NULL,
			   "Address updates that were acknowledged");
	openmetrics_number(m, s->acks, NULL);
	openmetrics_family(m, "godwit_mobility_nacks", OPENMETRICS_COUNTER, NULL,
			   "Address updates that were refused");
	openmetrics_number(m, s->nacks, NULL);
	openmetrics_family(m, "godwit_mobility_last_outage_seconds", OPENMETRICS_GAUGE, "seconds",
			   "From the last change of network to the first answer");
	if (s->known)
		openmetrics_real(m, SECONDS(s->last_outage), NULL);
}

/* ---- packets ---- */

void metrics_drops(struct openmetrics *m, const struct control_view *v)
{
	openmetrics_family(
		m, "godwit_dropped_packets", OPENMETRICS_COUNTER, "packets",
		"What was dropped, and why; of keepalives, dummies and answers to pings, "
		"what was taken");
	for (unsigned why = 0; why < DROP_COUNT; why++)
		openmetrics_number(m, control_dropped(v, (enum drop)why), "reason",
				   drop_name((enum drop)why), NULL);
}

void metrics_held(struct openmetrics *m, const struct control_view *v)
{
	static const struct hold_counters none;
	const struct hold_counters *h = v->held ? v->held : &none;
	const struct {
		const char *fate;
		const _Atomic uint64_t *n;
	} fates[] = {
		{ "in", &h->in },
		{ "released", &h->released },
		{ "replaced", &h->replaced },
		{ "expired", &h->expired },
		{ "dropped", &h->dropped },
	};

	openmetrics_family(m, "godwit_held_packets", OPENMETRICS_GAUGE, "packets",
			   "Packets that wait for an SA");
	openmetrics_number(m, count_of(&h->packets), NULL);
	openmetrics_family(m, "godwit_held_bytes", OPENMETRICS_GAUGE, "bytes",
			   "Bytes that wait for an SA");
	openmetrics_number(m, count_of(&h->bytes), NULL);
	openmetrics_family(m, "godwit_hold_packets", OPENMETRICS_COUNTER, "packets",
			   "Packets that came to wait, and what became of them");
	for (unsigned i = 0; i < ARRAY_SIZE(fates); i++)
		openmetrics_number(m, count_of(fates[i].n), "fate", fates[i].fate, NULL);
}

/* ---- tunnels ---- */

/* One after the other, from { 0 }. Several may have the name of their rule; no two have one slot. */
struct tunnel_walk {
	unsigned next;
	const struct session_tunnel_info *tunnel;
	char slot[12];
};

#define TUNNEL_LABELS(w) "tunnel", (w).tunnel->name, "slot", (w).slot

static bool tunnel_walk(const struct session_info *s, struct tunnel_walk *w)
{
	if (w->next == s->ntunnels)
		return false;
	w->tunnel = &s->tunnels[w->next++];
	snprintf(w->slot, sizeof(w->slot), "%u", w->tunnel->slot);
	return true;
}

static void tunnels(struct openmetrics *m, const struct control_view *v)
{
	const struct session_info *s = v->session;
	char local[TS_TEXT_MAX], remote[TS_TEXT_MAX];

	openmetrics_family(m, "godwit_tunnel", OPENMETRICS_INFO, NULL, "What a tunnel is for");
	for (struct tunnel_walk w = { 0 }; tunnel_walk(s, &w);)
		openmetrics_number(m, 1, TUNNEL_LABELS(w), "local_ts",
				   ts_text(&w.tunnel->ts->local, local), "remote_ts",
				   ts_text(&w.tunnel->ts->remote, remote), NULL);
	openmetrics_family(m, "godwit_tunnel_up", OPENMETRICS_GAUGE, NULL,
			   "1: it has keys that data goes out on");
	for (struct tunnel_walk w = { 0 }; tunnel_walk(s, &w);)
		openmetrics_number(m, w.tunnel->up, TUNNEL_LABELS(w), NULL);
	openmetrics_family(m, "godwit_tunnel_held_packets", OPENMETRICS_GAUGE, "packets",
			   "Packets that wait for an SA of the tunnel");
	for (struct tunnel_walk w = { 0 }; tunnel_walk(s, &w);) {
		const struct hold_counters *h = v->held_of[w.tunnel->slot];

		openmetrics_number(m, h ? count_of(&h->packets) : 0, TUNNEL_LABELS(w), NULL);
	}
}

/* ---- epochs ---- */

struct epoch_counter {
	const char *name;
	const char *unit;
	const char *help;
	uint64_t (*of)(const struct session_epoch_info *e);
};

#define COUNTER(field)                                                                             \
	static uint64_t of_##field(const struct session_epoch_info *e)                             \
	{                                                                                          \
		return e->field;                                                                   \
	}
COUNTER(bytes_in)
COUNTER(bytes_out)
COUNTER(packets_in)
COUNTER(packets_out)
COUNTER(replays)
COUNTER(auth_failures)

static const struct epoch_counter epoch_counters[] = {
	{ "godwit_epoch_received_bytes", "bytes", "Bytes of inner packets received", of_bytes_in },
	{ "godwit_epoch_sent_bytes", "bytes", "Bytes of inner packets sent", of_bytes_out },
	{ "godwit_epoch_received_packets", "packets", "Packets received", of_packets_in },
	{ "godwit_epoch_sent_packets", "packets", "Packets sent", of_packets_out },
	{ "godwit_epoch_replays", NULL, "Packets that had come before, or were too old",
	  of_replays },
	{ "godwit_epoch_auth_failures", NULL, "Packets that were not authentic", of_auth_failures },
};

/* One after the other, from { 0 }. */
struct epoch_walk {
	struct tunnel_walk of;
	unsigned next;
	const struct session_epoch_info *epoch;
	char spi_in[9], spi_out[9];
};

#define EPOCH_LABELS(w)                                                                            \
	"tunnel", (w).of.tunnel->name, "spi_in", (w).spi_in, "spi_out", (w).spi_out, NULL

static bool epoch_walk(const struct session_info *s, struct epoch_walk *w)
{
	while (!w->of.tunnel || w->next == w->of.tunnel->nepochs) {
		w->next = 0;
		if (!tunnel_walk(s, &w->of))
			return false;
	}
	w->epoch = &w->of.tunnel->epochs[w->next++];
	snprintf(w->spi_in, sizeof(w->spi_in), "%08" PRIx32, w->epoch->spi_in);
	snprintf(w->spi_out, sizeof(w->spi_out), "%08" PRIx32, w->epoch->spi_out);
	return true;
}

static void epochs(struct openmetrics *m, const struct control_view *v)
{
	const char *const states[] = { epoch_state_name(EPOCH_PROBING),
				       epoch_state_name(EPOCH_CURRENT),
				       epoch_state_name(EPOCH_RETIRING) };
	const struct session_info *s = v->session;

	openmetrics_family(m, "godwit_epoch_state", OPENMETRICS_STATESET, NULL,
			   "What a pair of ESP SAs is used for");
	for (struct epoch_walk w = { 0 }; epoch_walk(s, &w);)
		openmetrics_state(m, states, ARRAY_SIZE(states), epoch_state_name(w.epoch->state),
				  EPOCH_LABELS(w));
	openmetrics_family(m, "godwit_epoch_age_seconds", OPENMETRICS_GAUGE, "seconds",
			   "The age of a pair of ESP SAs");
	for (struct epoch_walk w = { 0 }; epoch_walk(s, &w);)
		openmetrics_real(m, SECONDS(vtime_until(w.epoch->since, v->now)), EPOCH_LABELS(w));
	for (unsigned i = 0; i < ARRAY_SIZE(epoch_counters); i++) {
		const struct epoch_counter *c = &epoch_counters[i];

		openmetrics_family(m, c->name, OPENMETRICS_COUNTER, c->unit, c->help);
		for (struct epoch_walk w = { 0 }; epoch_walk(s, &w);)
			openmetrics_number(m, c->of(w.epoch), EPOCH_LABELS(w));
	}
}

char *metrics_answer(char *text)
{
	json_t *o = json_pack("{s:o}", "metrics", control_json_text(text));

	free(text);
	return control_json_dump(o);
}

char *metrics(const struct control_view *v)
{
	struct openmetrics m;

	openmetrics_begin(&m, v->name);
	connection(&m, v);
	ike(&m, v);
	tunnels(&m, v);
	epochs(&m, v);
	metrics_held(&m, v);
	pings(&m, &v->session->ping);
	mobility(&m, &v->session->mobility);
	metrics_drops(&m, v);
	return metrics_answer(openmetrics_end(&m));
}
