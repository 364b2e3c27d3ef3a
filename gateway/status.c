/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/status.h"

#include <jansson.h>

#include "client/control_json.h"

static json_t *status_tunnel(const struct gateway_tunnel_info *t)
{
	char local[TS_TEXT_MAX], remote[TS_TEXT_MAX];
	json_t *epochs = json_array();

	for (unsigned k = 0; k < t->nepochs; k++) {
		const struct gateway_epoch_info *e = &t->epochs[k];

		json_array_append_new(epochs, json_pack("{s:o, s:o, s:s}", "spi_in",
							control_json_spi(e->spi_in), "spi_out",
							control_json_spi(e->spi_out), "state",
							epoch_state_name(e->state)));
	}
	return json_pack("{s:s, s:s, s:o}", "local_ts", ts_text(&t->ts->local, local), "remote_ts",
			 ts_text(&t->ts->remote, remote), "epochs", epochs);
}

static json_t *status_peer(const struct gateway *g, vtime now, const struct gateway_peer_info *p)
{
	json_t *tunnels = json_array(), *inner = json_array();
	char id[IDENTITY_TEXT_MAX], at[ENDPOINT_TEXT_MAX], addr[ADDR_TEXT_MAX];
	struct gateway_tunnel_info t;

	for (unsigned k = 0; gateway_tunnel_info(g, p, k, &t); k++)
		json_array_append_new(tunnels, status_tunnel(&t));
	for (unsigned k = 0; k < 2; k++)
		if (p->inner[k].family)
			json_array_append_new(inner, json_string(addr_text(&p->inner[k], addr)));
	return json_pack("{s:I, s:s, s:o, s:o, s:s, s:s, s:s, s:o, s:o, s:o, s:I, s:I, s:I, s:o}",
			 "id", (json_int_t)p->id, "entry", p->entry, "identity",
			 control_json_text(identity_text(p->identity, id)), "user",
			 control_json_text(p->user), "peer", endpoint_text(&p->path.remote, at),
			 "encapsulation", encapsulation_name(p->path.encapsulation), "nat",
			 nat_name(p->nat), "addresses", inner, "age_s",
			 control_json_age(now, p->since), "heard_s",
			 control_json_age(now, p->heard_at), "ike_sas", (json_int_t)p->ikes,
			 "bytes_in", (json_int_t)p->bytes_in, "bytes_out", (json_int_t)p->bytes_out,
			 "tunnels", tunnels);
}

static json_t *status_counters(const struct gateway_counters *c)
{
	const struct {
		const char *name;
		uint64_t n;
	} all[] = {
		{ "firsts", c->firsts },
		{ "limited", c->limited },
		{ "evicted", c->evicted },
		{ "unfit", c->unfit },
		{ "unknown", c->unknown },
		{ "authenticated", c->authenticated },
		{ "refused_users", c->refused_users },
		{ "pool_exhausted", c->pool_exhausted },
		{ "twin_spis", c->twin_spis },
		{ "twin_refused", c->twin_refused },
		{ "offers_refused", c->offers_refused },
		{ "epochs", c->epochs },
		{ "epochs_ours", c->epochs_ours },
		{ "clients_refused", c->clients_refused },
		{ "followed", c->followed },
		{ "not_followed", c->not_followed },
	};
	json_t *o = json_object(), *updates = json_object();

	for (unsigned i = 0; i < ARRAY_SIZE(all); i++)
		json_object_set_new(o, all[i].name, json_integer((json_int_t)all[i].n));
	for (unsigned r = 0; r < UPDATE_GATEWAY_RULE_COUNT; r++)
		if (c->updates[r])
			json_object_set_new(updates, update_gateway_rule_name(r),
					    json_integer((json_int_t)c->updates[r]));
	json_object_set_new(o, "updates", updates);
	return o;
}

static json_t *status_server(const struct gateway_server_info *s)
{
	char service[PREFIX_TEXT_MAX], address[ADDR_TEXT_MAX];

	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:I}", "name", s->name,
			 "service", prefix_text(s->service, service), "address",
			 addr_text(s->address, address), "device", s->device, "there", s->there,
			 "flows", (json_int_t)s->counters.flows, "live",
			 (json_int_t)s->counters.live, "packets", (json_int_t)s->counters.packets,
			 "bytes", (json_int_t)s->counters.bytes);
}

char *gateway_status(const struct gateway *g, const struct gateway_status_view *view)
{
	json_t *clients = json_array(), *servers = json_array(), *o;
	struct gateway_peer_info p;
	struct gateway_info info;
	unsigned place = 0;

	gateway_info(g, &info);
	while (gateway_peer_info(g, &place, &p))
		json_array_append_new(clients, status_peer(g, view->data->now, &p));
	for (unsigned i = 0; i < view->nservers; i++)
		json_array_append_new(servers, status_server(&view->servers[i]));
	o = json_pack("{s:s, s:s, s:o, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "name", view->name,
		      "state", "up", "since", control_since(view->data, view->since), "half_open",
		      (json_int_t)info.half_open, "ike_sas", (json_int_t)info.ikes, "tunnels",
		      (json_int_t)info.tunnels, "leases", (json_int_t)info.leases, "clients",
		      clients, "servers", servers, "counters", status_counters(&info.counters),
		      "drops", control_drops(view->data));
	return control_json_dump(o);
}
