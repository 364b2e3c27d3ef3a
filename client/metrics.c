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
	static const char *const states[] = { "down", "connecting", "up", "recovering" };
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
	static const char *const methods[] = { "none", "ipaddress_update", "follow",
					       "renegotiate" };

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

/* Several tunnels may have the name of their rule; no two have one slot at a time. */
static const char *slot_text(unsigned slot, char buf[12])
{
	snprintf(buf, 12, "%u", slot);
	return buf;
}

static void tunnels(struct openmetrics *m, const struct control_view *v)
{
	const struct session_info *s = v->session;
	char name[SESSION_RULE_NAME_MAX], slot[12], local[TS_TEXT_MAX], remote[TS_TEXT_MAX];

	openmetrics_family(m, "godwit_tunnel", OPENMETRICS_INFO, NULL, "What a tunnel is for");
	for (unsigned i = 0; i < s->ntunnels; i++)
		openmetrics_number(m, 1, "tunnel", control_tunnel_name(s, i, name), "slot",
				   slot_text(s->tunnels[i].slot, slot), "local_ts",
				   ts_text(&s->tunnels[i].ts->local, local), "remote_ts",
				   ts_text(&s->tunnels[i].ts->remote, remote), NULL);
	openmetrics_family(m, "godwit_tunnel_up", OPENMETRICS_GAUGE, NULL,
			   "1: it has keys that data goes out on");
	for (unsigned i = 0; i < s->ntunnels; i++)
		openmetrics_number(m, s->tunnels[i].up, "tunnel", control_tunnel_name(s, i, name),
				   "slot", slot_text(s->tunnels[i].slot, slot), NULL);
	openmetrics_family(m, "godwit_tunnel_held_packets", OPENMETRICS_GAUGE, "packets",
			   "Packets that wait for an SA of the tunnel");
	for (unsigned i = 0; i < s->ntunnels; i++) {
		const struct hold_counters *h = v->held_of[s->tunnels[i].slot];

		openmetrics_number(m, h ? count_of(&h->packets) : 0, "tunnel",
				   control_tunnel_name(s, i, name), "slot",
				   slot_text(s->tunnels[i].slot, slot), NULL);
	}
}

/* ---- epochs ---- */

/* A sample for each epoch, labelled by what names it; state, or the number of a counter. */
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

/* What names an epoch among all. */
struct epoch_labels {
	char tunnel[SESSION_RULE_NAME_MAX], spi_in[9], spi_out[9];
};

static const struct session_epoch_info *epoch_at(const struct session_info *s, unsigned i,
						 unsigned k, struct epoch_labels *l)
{
	const struct session_epoch_info *e = &s->tunnels[i].epochs[k];
	char name[SESSION_RULE_NAME_MAX];

	snprintf(l->tunnel, sizeof(l->tunnel), "%s", control_tunnel_name(s, i, name));
	snprintf(l->spi_in, sizeof(l->spi_in), "%08" PRIx32, e->spi_in);
	snprintf(l->spi_out, sizeof(l->spi_out), "%08" PRIx32, e->spi_out);
	return e;
}

static void epoch_count(struct openmetrics *m, const struct session_info *s,
			const struct epoch_counter *c)
{
	struct epoch_labels l;

	openmetrics_family(m, c->name, OPENMETRICS_COUNTER, c->unit, c->help);
	for (unsigned i = 0; i < s->ntunnels; i++)
		for (unsigned k = 0; k < s->tunnels[i].nepochs; k++)
			openmetrics_number(m, c->of(epoch_at(s, i, k, &l)), "tunnel", l.tunnel,
					   "spi_in", l.spi_in, "spi_out", l.spi_out, NULL);
}

static void epochs(struct openmetrics *m, const struct control_view *v)
{
	static const char *const states[] = { "probing", "current", "retiring" };
	const struct session_info *s = v->session;
	struct epoch_labels l;

	openmetrics_family(m, "godwit_epoch_state", OPENMETRICS_STATESET, NULL,
			   "What a pair of ESP SAs is used for");
	for (unsigned i = 0; i < s->ntunnels; i++)
		for (unsigned k = 0; k < s->tunnels[i].nepochs; k++)
			openmetrics_state(m, states, ARRAY_SIZE(states),
					  epoch_state_name(epoch_at(s, i, k, &l)->state), "tunnel",
					  l.tunnel, "spi_in", l.spi_in, "spi_out", l.spi_out, NULL);
	openmetrics_family(m, "godwit_epoch_age_seconds", OPENMETRICS_GAUGE, "seconds",
			   "The age of a pair of ESP SAs");
	for (unsigned i = 0; i < s->ntunnels; i++)
		for (unsigned k = 0; k < s->tunnels[i].nepochs; k++)
			openmetrics_real(m,
					 SECONDS(vtime_until(epoch_at(s, i, k, &l)->since, v->now)),
					 "tunnel", l.tunnel, "spi_in", l.spi_in, "spi_out",
					 l.spi_out, NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(epoch_counters); i++)
		epoch_count(m, s, &epoch_counters[i]);
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
