/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <jansson.h>

#include "doctor/report.h"

static json_t *text_of(const struct addr *a)
{
	char buf[ADDR_TEXT_MAX];

	return a->family == FAMILY_NONE ? json_null() : json_string(addr_text(a, buf));
}

/* ---- this host ---- */

static json_t *json_port(const struct look_port *p)
{
	return json_pack("{s:i, s:b, s:s?, s:i}", "used", (int)p->used, "taken", p->taken,
			 "program", p->program[0] ? p->program : NULL, "pid", p->pid);
}

static json_t *json_routes(const struct examination *x)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < x->n; i++) {
		const struct look_route *r = &x->look.route[i];

		json_array_append_new(
			list,
			json_pack("{s:o, s:b, s:s?, s:o, s:i}", "to", text_of(&x->found[i]->addr),
				  "known", !r->error, "device", r->link ? r->link->name : NULL,
				  "source", text_of(&r->route.source), "mtu", (int)r->route.mtu));
	}
	return list;
}

static json_t *json_host(const struct examination *x)
{
	const struct look *look = &x->look;

	return json_pack("{s:o, s:o, s:o, s:i, s:o, s:o}", "routes", json_routes(x), "port_500",
			 json_port(&look->port[DOCTOR_500]), "port_4500",
			 json_port(&look->port[DOCTOR_4500]), "year", look->year,
			 "clock_synchronized",
			 look->synchronized < 0 ? json_null() : json_boolean(look->synchronized),
			 "kernel_policies",
			 look->policies < 0 ? json_null() : json_integer(look->policies));
}

/* ---- the gateway ---- */

static json_t *json_reached(const struct doctor_reached *reached)
{
	json_t *o = json_object();
	static const char *const names[] = { "port_500", "port_4500" };

	for (unsigned port = 0; port < DOCTOR_PORTS; port++)
		json_object_set_new(o, names[port],
				    json_string(report_reach_name(reached[port].reach)));
	return o;
}

static json_t *json_choice(const struct ike_choice *c)
{
	char name[48], weak[IKE_WEAK_MAX];

	return json_pack("{s:s, s:s, s:b}", "proposal", ike_suite_name(&c->suite, name), "method",
			 verdict_method_text(c->method), "weak",
			 ike_suite_weak(&c->suite, weak)[0] != '\0');
}

static json_t *json_v1(const struct doctor_found *f)
{
	const struct doctor_v1 *v1 = &f->ike1;
	json_t *o = json_reached(f->v1), *accepted = json_array(), *vendors = json_array();

	for (unsigned i = 0; i < v1->naccepted; i++)
		json_array_append_new(accepted, json_choice(&v1->accepted[i]));
	for (unsigned i = 0; i < v1->nvendors; i++)
		json_array_append_new(vendors, json_string(v1->vendor[i]));
	json_object_set_new(o, "accepts", accepted);
	json_object_set_new(o, "complete", json_boolean(v1->complete));
	json_object_set_new(o, "vendor_ids", vendors);
	json_object_set_new(o, "limited", json_boolean(v1->limited));
	json_object_set_new(o, "wants_certificate", json_boolean(v1->wants_certificate));
	return o;
}

static json_t *json_v2(const struct doctor_found *f)
{
	const struct doctor_v2 *v2 = &f->ike2;
	json_t *o = json_reached(f->v2);
	char text[V2_SUITE_TEXT_MAX];

	json_object_set_new(o, "accepts",
			    v2->chosen ? json_string(v2_suite_text(&v2->suite, text)) :
					 json_null());
	json_object_set_new(o, "error", v2->error ? json_integer(v2->error) : json_null());
	return o;
}

static json_t *json_found(const struct doctor_found *f)
{
	const char *fragments = report_size_name(f->fragments);
	enum nat nat;
	bool known = verdict_nat(f, &nat);
	char name[48];

	return json_pack("{s:o, s:i, s:i, s:o, s:o, s:s?, s:s?, s:o, s:s?}", "address",
			 text_of(&f->addr), "sent", (int)f->sent, "received", (int)f->received,
			 "ikev1", json_v1(f), "ikev2", json_v2(f), "nat",
			 known ? nat_name(nat) : NULL, "fragments", fragments, "path_mtu",
			 f->path_mtu ? json_integer((json_int_t)f->path_mtu) : json_null(),
			 "group_accepts",
			 f->group.accepted ? ike_suite_name(&f->group.choice.suite, name) : NULL);
}

void report_json(const struct examination *x, const struct verdict *v, FILE *out)
{
	json_t *gateways = json_array(), *troubles = json_array(), *o;

	for (unsigned i = 0; i < x->n; i++)
		json_array_append_new(gateways, json_found(x->found[i]));
	for (unsigned i = 0; i < v->ntroubles; i++) {
		const struct trouble *t = &v->trouble[i];

		json_array_append_new(troubles, json_pack("{s:s, s:s, s:s}", "name", t->name,
							  "cause", t->cause, "cure", t->cure));
	}
	o = json_pack("{s:s, s:i, s:o, s:o, s:o, s:i, s:s}", "host", x->host, "best", x->best,
		      "this_host", json_host(x), "gateways", gateways, "troubles", troubles, "exit",
		      v->exit, "vpn_conf", v->conf);
	if (o)
		json_dumpf(o, out, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	fputc('\n', out);
	json_decref(o);
}
