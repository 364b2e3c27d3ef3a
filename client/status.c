/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "base/mem.h"
#include "client/control_json.h"

static json_t *status_ike(const struct control_view *v)
{
	const struct ike_sa_info *ike = &v->session->ike;
	char buf[48];

	if (ike->state != IKE_STATE_ESTABLISHED)
		return json_null();
	return json_pack("{s:s, s:o, s:o, s:s, s:o, s:o, s:o}", "version", "ikev1", "spi_i",
			 control_json_cookie(ike->cookie_i), "spi_r",
			 control_json_cookie(ike->cookie_r), "suite",
			 ike_suite_name(&ike->suite, buf), "age_s",
			 control_json_age(v->now, ike->established_at), "rekey_in_s",
			 control_json_until(v, v->session->ike_rekey_at), "user",
			 control_json_text(v->user));
}

static json_t *status_epoch(const struct control_view *v, const struct session_epoch_info *e)
{
	char suite[40];

	return json_pack("{s:o, s:o, s:s, s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I}", "spi_in",
			 control_json_spi(e->spi_in), "spi_out", control_json_spi(e->spi_out),
			 "state", epoch_state_name(e->state), "suite",
			 esp_suite_name(&e->suite, suite), "age_s",
			 control_json_age(v->now, e->since), "bytes_in", (json_int_t)e->bytes_in,
			 "bytes_out", (json_int_t)e->bytes_out, "packets_in",
			 (json_int_t)e->packets_in, "packets_out", (json_int_t)e->packets_out,
			 "replays", (json_int_t)e->replays, "auth_failures",
			 (json_int_t)e->auth_failures);
}

static json_int_t count_of(const _Atomic uint64_t *n)
{
	return (json_int_t)atomic_load_explicit(n, memory_order_relaxed);
}

static json_t *status_held_of(const struct control_view *v, const struct hold_counters *held)
{
	vtime since = held ? atomic_load_explicit(&held->since, memory_order_relaxed) : 0;

	return json_pack("{s:I, s:I, s:o}", "packets", held ? count_of(&held->packets) : 0, "bytes",
			 held ? count_of(&held->bytes) : 0, "since",
			 since ? control_since(v, since) : json_null());
}

static json_t *status_refused(const struct control_view *v, const struct session_tunnel_info *t)
{
	if (t->refused_until <= v->now)
		return json_null();
	/* Rounded up: it is not tried before. */
	return json_pack("{s:s, s:I}", "why", t->refused_why, "again_in_s",
			 (json_int_t)((t->refused_until - v->now + VTIME_S - 1) / VTIME_S));
}

static json_t *status_tunnel(const struct control_view *v, const struct session_tunnel_info *t)
{
	json_t *epochs = json_array();

	for (unsigned k = 0; k < t->nepochs; k++)
		json_array_append_new(epochs, status_epoch(v, &t->epochs[k]));
	return json_pack("{s:s, s:o, s:o, s:b, s:s, s:b, s:o, s:o, s:o, s:o}", "name", t->name,
			 "local_ts", control_json_ts(&t->ts->local), "remote_ts",
			 control_json_ts(&t->ts->remote), "on_demand", t->on_demand, "granularity",
			 policy_granularity_name(t->granularity), "widened", t->widened,
			 "ends_in_s", control_json_until(v, t->until), "refused",
			 status_refused(v, t), "epochs", epochs, "held",
			 status_held_of(v, v->held_of[t->slot]));
}

static json_t *status_tunnels(const struct control_view *v)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < v->session->ntunnels; i++)
		json_array_append_new(list, status_tunnel(v, &v->session->tunnels[i]));
	return list;
}

static json_t *status_held(const struct hold_counters *held)
{
	static const struct hold_counters none;
	const struct hold_counters *h = held ? held : &none;

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "packets", count_of(&h->packets),
			 "bytes", count_of(&h->bytes), "in", count_of(&h->in), "released",
			 count_of(&h->released), "replaced", count_of(&h->replaced), "expired",
			 count_of(&h->expired), "dropped", count_of(&h->dropped));
}

static json_t *status_list(const struct addr *addrs, unsigned n)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(list, control_json_addr(&addrs[i]));
	return list;
}

static json_t *status_addresses(const struct control_view *v)
{
	if (v->session->ninner)
		return status_list(v->session->inner, v->session->ninner);
	return status_list(v->inner, v->ninner);
}

static const char *dns_state_text(enum dns_state state)
{
	switch (state) {
	case DNS_NOTHING:
		break;
	case DNS_ASKED:
		return "asked";
	case DNS_SET:
		return "set";
	case DNS_FAILED:
		return "failed";
	case DNS_TOLD:
		return "told";
	}
	return "nothing";
}

static json_t *status_dns(const struct control_view *v)
{
	return v->dns ? status_list(v->dns->plan.servers, v->dns->plan.nservers) : json_array();
}

/* Who is told of the servers, for which domains, and what came of it. */
static json_t *status_resolver(const struct control_view *v)
{
	static const struct dns none;
	const struct dns *d = v->dns ? v->dns : &none;
	json_t *domains = json_array();
	char buf[IKE_NAME_MAX + 1];

	for (uint32_t i = 0; i < d->plan.ndomains; i++)
		json_array_append_new(domains,
				      json_string(dns_domain_text(&d->plan.domains[i], buf)));
	return json_pack("{s:s, s:s, s:o, s:b, s:o}", "by", dns_manager_name(d->by), "state",
			 dns_state_text(d->state), "domains", domains, "default_route",
			 d->plan.default_route, "why",
			 control_json_text(d->why[0] ? d->why : NULL));
}

static json_t *status_asks(const struct control_view *v)
{
	const struct session_ask *ask = v->session->ask;
	json_t *fields;

	if (!ask)
		return json_null();
	fields = json_array();
	for (unsigned f = 0; f < XAUTH_FIELDS; f++)
		if (ask->fields & 1u << f)
			json_array_append_new(fields, json_string(ask_field_name(f)));
	return json_pack("{s:I, s:o, s:o, s:o, s:b, s:b, s:o}", "id", (json_int_t)ask->id, "fields",
			 fields, "username", control_json_text(ask->username), "message",
			 control_json_text(ask->message), "again", ask->again, "ahead", ask->ahead,
			 "until_in_s", control_json_until(v, ask->until));
}

uint64_t control_dropped(const struct control_view *v, enum drop why)
{
	uint64_t n = why == DROP_CLEAR_REFUSED ? v->clear_refused : 0;

	for (unsigned i = 0; i < ARRAY_SIZE(v->drops); i++)
		n += v->drops[i] ? drop_read(v->drops[i], why) : 0;
	return n;
}

json_t *control_drops(const struct control_view *v)
{
	json_t *o = json_object();

	for (unsigned why = 0; why < DROP_COUNT; why++) {
		uint64_t n = control_dropped(v, (enum drop)why);

		if (n)
			json_object_set_new(o, drop_name((enum drop)why),
					    json_integer((json_int_t)n));
	}
	return o;
}

static json_t *status_ping(const struct session_ping_info *p)
{
	return json_pack("{s:o, s:o, s:I, s:I}", "target", control_json_addr(&p->target), "why",
			 control_json_text(p->why), "sent", (json_int_t)p->sent, "answered",
			 (json_int_t)p->answered);
}

static json_t *status_recovery(const struct session_info *s)
{
	return json_pack("{s:s, s:I}", "rung", rung_name(s->rung), "nepoch", (json_int_t)s->nepoch);
}

static json_t *status_mobility(const struct session_mobility *m)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:o}", "method", session_roamed_name(m->method),
			 "updates", (json_int_t)m->updates, "acks", (json_int_t)m->acks, "nacks",
			 (json_int_t)m->nacks, "last_outage_ms",
			 m->known ? json_integer((json_int_t)(m->last_outage / VTIME_MS)) :
				    json_null());
}

const char *control_state_text(enum session_state state)
{
	return session_state_name(state == SESSION_CLOSING ? SESSION_DOWN : state);
}

char *control_status(const struct control_view *v)
{
	const struct session_info *s = v->session;
	json_t *o = json_object();

	json_object_set_new(o, "name", json_string(v->name));
	json_object_set_new(o, "state", json_string(control_state_text(s->state)));
	json_object_set_new(o, "since", control_since(v, s->since));
	json_object_set_new(o, "why", control_json_text(s->why));
	json_object_set_new(o, "gateway", control_json_text(s->gateway));
	json_object_set_new(o, "peer", control_json_endpoint(&s->path.remote));
	json_object_set_new(o, "local", control_json_endpoint(&s->path.local));
	json_object_set_new(o, "encapsulation",
			    json_string(encapsulation_name(s->path.encapsulation)));
	json_object_set_new(o, "nat", json_string(nat_name(s->nat)));
	json_object_set_new(o, "ike", status_ike(v));
	json_object_set_new(o, "device", json_string(v->device));
	json_object_set_new(o, "addresses", status_addresses(v));
	json_object_set_new(o, "dns", status_dns(v));
	json_object_set_new(o, "resolver", status_resolver(v));
	json_object_set_new(o, "mtu", json_integer(s->mtu));
	json_object_set_new(o, "tunnels", status_tunnels(v));
	json_object_set_new(o, "asks", status_asks(v));
	json_object_set_new(o, "held", status_held(v->held));
	json_object_set_new(o, "ping", status_ping(&s->ping));
	json_object_set_new(o, "recovery", status_recovery(s));
	json_object_set_new(o, "mobility", status_mobility(&s->mobility));
	json_object_set_new(o, "drops", control_drops(v));
	return control_json_dump(o);
}

void control_view_now(struct control_view *view, struct session_info *info, struct host *host,
		      const struct session *session, const struct data *data, const char *user)
{
	const struct config *config = host->config;

	*view = (struct control_view){
		.name = config->name,
		.device = host->tun.name,
		.inner = config->session.inner,
		.ninner = config->session.ninner,
		.user = user[0] ? user : NULL,
		.session = info,
		.dns = host->dns,
		.clear_refused = host_filter_refused(host),
		.now = runtime_now(),
		.wall = runtime_wall(),
	};
	session_info(session, info);
	/* The session knows ports by what they are for: another program may have had ours. */
	if (info->path.local.port == IKE_NATT_PORT)
		info->path.local.port = host->natt.port;
	else if (info->path.local.port == IKE_PORT)
		info->path.local.port = host->ike.port;
	data_view(data, view);
	view->drops[CONTROL_DROPS_MAX - 1] = info->ike.drops;
	view->held = data_held(data);
	for (unsigned slot = 0; slot < SESSION_SLOTS_MAX; slot++)
		view->held_of[slot] = data_held_of(data, slot);
}
