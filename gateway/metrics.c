/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/openmetrics.h"
#include "client/runtime.h"
#include "gateway/status.h"

struct number {
	const char *name;
	const char *help;
	uint64_t n;
};

static void numbers(struct openmetrics *m, enum openmetrics_type type, const struct number *list,
		    unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		openmetrics_family(m, list[i].name, type, NULL, list[i].help);
		openmetrics_number(m, list[i].n, NULL);
	}
}

static void sizes(struct openmetrics *m, const struct gateway_info *info)
{
	const struct number all[] = {
		{ "godwit_gateway_clients", "Clients", info->clients },
		{ "godwit_gateway_half_open", "IKE SAs that are not established", info->half_open },
		{ "godwit_gateway_ike_sas", "IKE SAs of all kinds", info->ikes },
		{ "godwit_gateway_tunnels", "Tunnels", info->tunnels },
		{ "godwit_gateway_leases", "Addresses of the pool that are somebody's",
		  info->leases },
	};

	numbers(m, OPENMETRICS_GAUGE, all, ARRAY_SIZE(all));
}

static void counters(struct openmetrics *m, const struct gateway_counters *c)
{
	const struct number all[] = {
		{ "godwit_gateway_firsts", "First messages that were answered", c->firsts },
		{ "godwit_gateway_limited", "Messages dropped because there were too many",
		  c->limited },
		{ "godwit_gateway_evicted", "Half-open IKE SAs that had to go for others",
		  c->evicted },
		{ "godwit_gateway_unfit", "First messages that fit no entry", c->unfit },
		{ "godwit_gateway_unknown", "Messages of IKE SAs that there are not", c->unknown },
		{ "godwit_gateway_authenticated", "IKE SAs that were authenticated",
		  c->authenticated },
		{ "godwit_gateway_refused_users", "Wrong names or passwords", c->refused_users },
		{ "godwit_gateway_pool_exhausted", "Clients for whom there was no address",
		  c->pool_exhausted },
		{ "godwit_gateway_twin_spis", "SPIs used already behind the same address",
		  c->twin_spis },
		{ "godwit_gateway_twin_refused", "Those of them that were refused",
		  c->twin_refused },
		{ "godwit_gateway_offers_refused", "Tunnels that were refused", c->offers_refused },
		{ "godwit_gateway_epochs", "Pairs of ESP SAs that came up", c->epochs },
		{ "godwit_gateway_epochs_ours", "Those of them that the gateway began",
		  c->epochs_ours },
		{ "godwit_gateway_clients_refused", "Clients for whom there was no room",
		  c->clients_refused },
		{ "godwit_gateway_followed", "Moves that were followed", c->followed },
		{ "godwit_gateway_not_followed", "Moves that were not", c->not_followed },
	};

	numbers(m, OPENMETRICS_COUNTER, all, ARRAY_SIZE(all));
	openmetrics_family(m, "godwit_gateway_updates", OPENMETRICS_COUNTER, NULL,
			   "Address updates, by what became of them");
	for (unsigned r = 0; r < UPDATE_GATEWAY_RULE_COUNT; r++)
		openmetrics_number(m, c->updates[r], "rule", update_gateway_rule_name(r), NULL);
}

static void traffic(struct openmetrics *m, const struct gateway *g)
{
	struct gateway_peer_info p;
	uint64_t in = 0, outward = 0;
	unsigned place = 0;

	while (gateway_peer_info(g, &place, &p)) {
		in += p.bytes_in;
		outward += p.bytes_out;
	}
	openmetrics_family(m, "godwit_gateway_received_bytes", OPENMETRICS_GAUGE, "bytes",
			   "Bytes of inner packets from the clients that there are");
	openmetrics_number(m, in, NULL);
	openmetrics_family(m, "godwit_gateway_sent_bytes", OPENMETRICS_GAUGE, "bytes",
			   "Bytes of inner packets to them");
	openmetrics_number(m, outward, NULL);
}

static uint64_t server_value(const struct gateway_server_info *s, unsigned which)
{
	const uint64_t values[] = { s->there, s->counters.live, s->counters.flows,
				    s->counters.packets, s->counters.bytes };

	return values[which];
}

static void servers(struct openmetrics *m, const struct gateway_status_view *v)
{
	static const struct {
		const char *name;
		enum openmetrics_type type;
		const char *unit, *help;
	} families[] = {
		{ "godwit_server_up", OPENMETRICS_GAUGE, NULL, "1: the server answers" },
		{ "godwit_server_live_flows", OPENMETRICS_GAUGE, NULL, "Flows that are alive" },
		{ "godwit_server_flows", OPENMETRICS_COUNTER, NULL, "Flows that it was given" },
		{ "godwit_server_packets", OPENMETRICS_COUNTER, "packets", "Packets to it" },
		{ "godwit_server_bytes", OPENMETRICS_COUNTER, "bytes", "Bytes to it" },
	};

	for (unsigned f = 0; v->nservers && f < ARRAY_SIZE(families); f++) {
		openmetrics_family(m, families[f].name, families[f].type, families[f].unit,
				   families[f].help);
		for (unsigned i = 0; i < v->nservers; i++)
			openmetrics_number(m, server_value(&v->servers[i], f), "server",
					   v->servers[i].name, NULL);
	}
}

char *gateway_metrics(const struct gateway *g, const struct gateway_status_view *view)
{
	struct gateway_info info;
	struct openmetrics m;

	gateway_info(g, &info);
	openmetrics_begin(&m, view->name);
	openmetrics_family(&m, "godwit_gateway_age_seconds", OPENMETRICS_GAUGE, "seconds",
			   "How long the gateway has been running");
	openmetrics_real(&m, (double)vtime_until(view->since, view->data->now) / (double)VTIME_S,
			 NULL);
	sizes(&m, &info);
	counters(&m, &info.counters);
	traffic(&m, g);
	servers(&m, view);
	metrics_held(&m, view->data);
	metrics_drops(&m, view->data);
	return metrics_answer(openmetrics_end(&m));
}
