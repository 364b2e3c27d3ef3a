/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "base/mem.h"
#include "client/control_json.h"
#include "esp/look.h"

static char *answer(enum control_show show, json_t *rows)
{
	return control_json_dump(
		json_pack("{s:s, s:o}", "show", control_show_name(show), "rows", rows));
}

/* ---- sa ---- */

static json_t *ike_row(const struct control_view *v, const struct session_ike_info *i)
{
	bool established = i->sa.state == IKE_STATE_ESTABLISHED;
	char suite[48];

	return json_pack(
		"{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o}", "type", "ike",
		"state", i->state, "role", i->accepted ? "responder" : "initiator", "version",
		"ikev1", "spi_i", control_json_cookie(i->sa.cookie_i), "spi_r",
		control_json_cookie(i->sa.cookie_r), "suite",
		established ? json_string(ike_suite_name(&i->sa.suite, suite)) : json_null(),
		"local", control_json_endpoint(&i->path.local), "remote",
		control_json_endpoint(&i->path.remote), "nat", nat_name(i->nat), "age_s",
		established ? control_json_age(v->now, i->sa.established_at) : json_null(),
		"rekey_in_s", control_json_until(v, i->rekey_at), "expires_in_s",
		control_json_until(v, i->expires_at));
}

/* What of a limit is left; null: there is none. */
static json_t *left(uint64_t most, uint64_t used)
{
	if (!most)
		return json_null();
	return json_integer((json_int_t)(most > used ? most - used : 0));
}

/* What both directions of an epoch have in common. */
static json_t *esp_row(const struct control_view *v, const char *tunnel,
		       const struct session_epoch_info *e, bool in)
{
	char suite[40];

	return json_pack("{s:s, s:s, s:I, s:s, s:s, s:o, s:s, s:s, s:o, s:o, s:o}", "type", "esp",
			 "tunnel", tunnel, "epoch", (json_int_t)e->id, "direction",
			 in ? "in" : "out", "state", epoch_state_name(e->state), "spi",
			 control_json_spi(in ? e->spi_in : e->spi_out), "suite",
			 esp_suite_name(&e->suite, suite), "encapsulation",
			 encapsulation_name(v->session->path.encapsulation), "age_s",
			 control_json_age(v->now, e->since), "rekey_in_s",
			 control_json_until(v, e->life.rekey_at), "expires_in_s",
			 control_json_until(v, e->life.expires_at));
}

static void set_number(json_t *o, const char *key, uint64_t n)
{
	json_object_set_new(o, key, json_integer((json_int_t)n));
}

/* Numbers that were passed over: lost on the way, or still under way. */
static uint64_t missing(const struct session_epoch_info *e)
{
	return e->sequence_in > e->packets_in ? e->sequence_in - e->packets_in : 0;
}

static json_t *in_row(const struct control_view *v, const char *tunnel,
		      const struct session_epoch_info *e)
{
	json_t *o = esp_row(v, tunnel, e, true);

	json_object_set_new(o, "owner",
			    e->worker < 0 ? json_string("rx") :
					    json_sprintf("worker-%d", e->worker));
	set_number(o, "sequence", e->sequence_in);
	set_number(o, "window", ESP_WINDOW);
	set_number(o, "missing", missing(e));
	set_number(o, "packets", e->packets_in);
	set_number(o, "bytes", e->bytes_in);
	set_number(o, "own_packets", e->own_in);
	set_number(o, "replays", e->replays);
	set_number(o, "auth_failures", e->auth_failures);
	json_object_set_new(o, "packets_left", json_null());
	json_object_set_new(o, "bytes_left", json_null());
	json_object_set_new(o, "heard_ago_s",
			    e->heard_at ? control_json_age(v->now, e->heard_at) : json_null());
	return o;
}

static json_t *out_row(const struct control_view *v, const char *tunnel,
		       const struct session_epoch_info *e)
{
	json_t *o = esp_row(v, tunnel, e, false);

	json_object_set_new(o, "owner", json_string("tx"));
	set_number(o, "sequence", e->sequence_out);
	json_object_set_new(o, "window", json_null());
	json_object_set_new(o, "missing", json_null());
	set_number(o, "packets", e->packets_out);
	set_number(o, "bytes", e->bytes_out);
	set_number(o, "own_packets", e->own_out);
	json_object_set_new(o, "replays", json_null());
	json_object_set_new(o, "auth_failures", json_null());
	json_object_set_new(o, "packets_left", left(e->most.packets, e->packets_out));
	json_object_set_new(o, "bytes_left", left(e->most.bytes, e->bytes_out));
	json_object_set_new(o, "heard_ago_s", json_null());
	return o;
}

char *show_sa(const struct control_view *v, const struct session_ike_info *ikes, unsigned nikes)
{
	const struct session_info *s = v->session;
	json_t *rows = json_array();

	for (unsigned i = 0; i < nikes; i++)
		json_array_append_new(rows, ike_row(v, &ikes[i]));
	for (unsigned i = 0; i < s->ntunnels; i++) {
		const char *tunnel = s->tunnels[i].name;

		for (unsigned k = 0; k < s->tunnels[i].nepochs; k++) {
			json_array_append_new(rows, in_row(v, tunnel, &s->tunnels[i].epochs[k]));
			json_array_append_new(rows, out_row(v, tunnel, &s->tunnels[i].epochs[k]));
		}
	}
	return answer(SHOW_SA, rows);
}

/* ---- policy ---- */

/* The tunnel that serves a slot; null: none does, or whose it is is not known. */
static json_t *tunnel_of(const struct control_view *v, unsigned slot)
{
	const struct session_info *s = v->session;

	for (unsigned i = 0; s && i < s->ntunnels; i++)
		if (s->tunnels[i].slot == slot)
			return json_string(s->tunnels[i].name);
	return s ? json_null() : json_sprintf("slot-%u", slot);
}

static json_t *policy_row(const struct control_view *v, const struct session *s, unsigned i,
			  const struct policy_rule *r)
{
	bool protect = r->action == POLICY_PROTECT;

	return json_pack("{s:I, s:s, s:o, s:o, s:o, s:o, s:o}", "order", (json_int_t)i + 1,
			 "action", policy_action_name(r->action), "rule",
			 control_json_text(session_rule_name(s, i)), "local_ts",
			 control_json_ts(&r->ts.local), "remote_ts", control_json_ts(&r->ts.remote),
			 "tunnel", protect ? tunnel_of(v, r->slot) : json_null(), "granularity",
			 protect ? json_string(policy_granularity_name(r->granularity)) :
				   json_null());
}

char *show_policy(const struct control_view *v, const struct session *s)
{
	const struct policy_view rules = session_rules(s);
	json_t *rows = json_array();

	for (unsigned i = 0; i < rules.n; i++)
		json_array_append_new(rows, policy_row(v, s, i, &rules.rules[i]));
	json_array_append_new(rows, json_pack("{s:I, s:s, s:n, s:n, s:n, s:n, s:n}", "order",
					      (json_int_t)rules.n + 1, "action",
					      policy_action_name(rules.fallback), "rule",
					      "local_ts", "remote_ts", "tunnel", "granularity"));
	return answer(SHOW_POLICY, rows);
}

/* ---- epochs ---- */

static json_t *epoch_row(const struct control_view *v, const char *tunnel,
			 const struct session_epoch_info *e)
{
	json_t *o = json_pack("{s:s, s:I, s:s, s:o, s:o, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b}",
			      "tunnel", tunnel, "epoch", (json_int_t)e->id, "state",
			      epoch_state_name(e->state), "spi_in", control_json_spi(e->spi_in),
			      "spi_out", control_json_spi(e->spi_out), "used", e->used, "next",
			      e->next, "proved", e->proved, "answered", e->answered, "doubted",
			      e->doubted, "spent", e->spent, "renewed", e->renewed, "deleted",
			      e->deleted);

	json_object_set_new(o, "trial", json_boolean(e->trial));
	set_number(o, "pings", e->pings);
	json_object_set_new(o, "ping_in_s", control_json_until(v, e->ping_at));
	json_object_set_new(o, "heard_ago_s",
			    e->heard_at ? control_json_age(v->now, e->heard_at) : json_null());
	json_object_set_new(o, "age_s", control_json_age(v->now, e->since));
	json_object_set_new(o, "rekey_in_s", control_json_until(v, e->life.rekey_at));
	json_object_set_new(o, "expires_in_s", control_json_until(v, e->life.expires_at));
	return o;
}

char *show_epochs(const struct control_view *v)
{
	const struct session_info *s = v->session;
	json_t *rows = json_array();

	for (unsigned i = 0; i < s->ntunnels; i++)
		for (unsigned k = 0; k < s->tunnels[i].nepochs; k++)
			json_array_append_new(rows, epoch_row(v, s->tunnels[i].name,
							      &s->tunnels[i].epochs[k]));
	return answer(SHOW_EPOCHS, rows);
}

/* ---- routes ---- */

static const char *kind_name(enum tun_state_kind kind)
{
	switch (kind) {
	case TUN_STATE_ADDRESS:
		return "address";
	case TUN_STATE_ROUTE:
		return "route";
	case TUN_STATE_RULE:
		return "rule";
	case TUN_STATE_TABLE:
		break;
	}
	return "table";
}

char *show_routes(const struct host *h, const bool *there)
{
	json_t *rows = json_array();

	for (unsigned i = 0; i < h->napplied; i++) {
		const char *line = h->applied[i];
		struct tun_state s;

		if (tun_state_parse(line, &s) != 0)
			continue;
		/* The first word is the kind. */
		line += strcspn(line, " ");
		json_array_append_new(rows, json_pack("{s:s, s:s, s:b}", "kind", kind_name(s.kind),
						      "what", *line ? line + 1 : line, "there",
						      there[i]));
	}
	return answer(SHOW_ROUTES, rows);
}

/* ---- flows and held packets, which tx has looked at ---- */

static const char *flow_action_name(enum flow_action action)
{
	switch (action) {
	case FLOW_PROTECT:
		return "protect";
	case FLOW_BYPASS:
		return "bypass";
	case FLOW_DISCARD:
		return "discard";
	case FLOW_FOREIGN:
		break;
	}
	return "foreign";
}

static int newer_first(const void *a, const void *b)
{
	const struct flow_entry *x = *(const struct flow_entry *const *)a;
	const struct flow_entry *y = *(const struct flow_entry *const *)b;

	return x->since < y->since ? 1 : x->since > y->since ? -1 : 0;
}

static json_t *flow_row(const struct control_view *v, const struct flow_entry *f)
{
	json_t *o = control_json_tuple(&f->tuple);

	json_object_set_new(o, "action", json_string(flow_action_name(f->decision.action)));
	json_object_set_new(o, "tunnel",
			    f->decision.action == FLOW_PROTECT ? tunnel_of(v, f->decision.slot) :
								 json_null());
	json_object_set_new(o, "age_s", control_json_age(v->now, f->since));
	return o;
}

char *show_flows(const struct control_view *v, const struct outbound_look *seen)
{
	const struct flow_entry **list = xcalloc(seen->n + 1, sizeof(const struct flow_entry *));
	json_t *rows = json_array();

	for (unsigned i = 0; i < seen->n; i++)
		list[i] = &seen->flows[i];
	qsort(list, seen->n, sizeof(*list), newer_first);
	for (unsigned i = 0; i < seen->n && i < SHOW_FLOWS_MAX; i++)
		json_array_append_new(rows, flow_row(v, list[i]));
	free(list);
	return control_json_dump(json_pack("{s:s, s:I, s:o}", "show", control_show_name(SHOW_FLOWS),
					   "total", (json_int_t)seen->n, "rows", rows));
}

static json_t *held_row(const struct control_view *v, const struct outbound_held *h)
{
	const struct hold_counters *c = h->slot < SESSION_SLOTS_MAX ? v->held_of[h->slot] : NULL;
	vtime since = c ? atomic_load_explicit(&c->since, memory_order_relaxed) : 0;
	json_t *flows = json_array(), *o;

	for (unsigned i = 0; i < h->n; i++)
		json_array_append_new(flows, control_json_tuple(&h->flows[i]));
	o = json_pack("{s:o, s:o, s:o}", "tunnel", tunnel_of(v, h->slot), "age_s",
		      since ? control_json_age(v->now, since) : json_null(), "flows", flows);
	set_number(o, "packets", c ? atomic_load_explicit(&c->packets, memory_order_relaxed) : 0);
	set_number(o, "bytes", c ? atomic_load_explicit(&c->bytes, memory_order_relaxed) : 0);
	json_object_set_new(o, "since", since ? control_since(v, since) : json_null());
	return o;
}

char *show_held(const struct control_view *v, const struct outbound_look *seen)
{
	json_t *rows = json_array();

	for (unsigned i = 0; i < seen->n; i++)
		json_array_append_new(rows, held_row(v, &seen->held[i]));
	return answer(SHOW_HELD, rows);
}
