/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "base/mem.h"
#include "client/control_json.h"
#include "client/loop_impl.h"
#include "esp/look.h"

/* What answers are made of. */
struct seen {
	struct control_view view;
	struct session_info info;
};

static struct seen *look(const struct loop *l)
{
	struct seen *s = xcalloc(1, sizeof(*s));

	control_view_now(&s->view, &s->info, l->o.host, l->session, l->data, l->user);
	return s;
}

char *loop_status(struct loop *l)
{
	struct seen *s = look(l);
	char *text = control_status(&s->view);

	free(s);
	return text;
}

/* ---- what tx looks at ---- */

static void on_looked(void *ctx, const struct outbound_look *seen)
{
	struct loop *l = ctx;
	struct seen *s = look(l);
	enum control_show show = seen->held ? SHOW_HELD : SHOW_FLOWS;
	char *text = seen->held ? show_held(&s->view, seen) : show_flows(&s->view, seen);

	free(s);
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		control_ticket ticket = l->looks[i].ticket;

		if (!ticket || l->looks[i].show != show)
			continue;
		l->looks[i].ticket = 0;
		control_answer(l->control, ticket, text);
	}
	free(text);
}

static const char *look_asked(struct loop *l, const struct control_request *request)
{
	unsigned i = 0;

	while (i < CONTROL_CLIENTS_MAX - 1 && l->looks[i].ticket)
		i++;
	if (!data_look(l->data, request->show == SHOW_HELD, on_looked, l))
		return "the data threads do not run";
	l->looks[i].ticket = request->ticket;
	l->looks[i].show = request->show;
	return NULL;
}

/* ---- show ---- */

static char *sas(const struct loop *l, const struct seen *s)
{
	struct session_ike_info ikes[SESSION_IKES_SHOWN];

	return show_sa(&s->view, ikes, session_ikes_info(l->session, ikes));
}

/* As the kernel has them at this moment; what it does not tell is as it was told last. */
static char *routes(const struct loop *l)
{
	const struct host *h = l->o.host;
	bool *there = xcalloc(h->napplied + 1, sizeof(*there));
	bool seen = tun_lines_seen(h->applied, h->napplied, there) == 0;
	char *text = show_routes(h, seen ? there : h->stands);

	free(there);
	return text;
}

static char *show(struct loop *l, const struct control_request *request, const char **why)
{
	struct seen *s;
	char *text = NULL;

	if (request->show == SHOW_FLOWS || request->show == SHOW_HELD) {
		*why = look_asked(l, request);
		return NULL;
	}
	s = look(l);
	if (request->show == SHOW_SA)
		text = sas(l, s);
	else if (request->show == SHOW_POLICY)
		text = show_policy(&s->view, l->session);
	else if (request->show == SHOW_EPOCHS)
		text = show_epochs(&s->view);
	else
		text = routes(l);
	free(s);
	return text;
}

/* ---- wishes ---- */

static void wish(struct loop *l, enum session_event_type type, const struct session_wish *w)
{
	struct session_event ev = { .type = type, .wish = *w };

	loop_event(l, &ev);
}

static json_t *pinged(const struct session_granted *g)
{
	return json_pack("{s:{s:o, s:s, s:o, s:b, s:o}}", "ping", "target",
			 control_json_addr(&g->to), "tunnel", g->tunnel, "spi_out",
			 control_json_spi(g->spi_out), "answered", g->answered, "rtt_ms",
			 g->answered ? json_real((double)g->took / (double)VTIME_MS) : json_null());
}

static json_t *renewed(const struct session_granted *g)
{
	return json_pack("{s:{s:b, s:I, s:I}}", "rekeyed", "ike", g->ike, "tunnels",
			 (json_int_t)g->tunnels, "took_ms", (json_int_t)(g->took / VTIME_MS));
}

void loop_granted(struct loop *l, const struct session_granted *g)
{
	json_t *o = g->why[0] ? json_pack("{s:o}", "error", control_json_text(g->why)) :
		    g->ping   ? pinged(g) :
				renewed(g);
	char *text = control_json_dump(o);

	control_answer(l->control, g->id, text);
	free(text);
}

/* ---- what is asked ---- */

char *loop_asked(void *ctx, const struct control_request *request, const char **why)
{
	struct loop *l = ctx;
	struct seen *s;
	char *text;

	if (l->over) {
		*why = "the connection is ending";
		return NULL;
	}
	if (request->verb == CONTROL_SHOW)
		return show(l, request, why);
	if (request->verb == CONTROL_METRICS) {
		s = look(l);
		text = metrics(&s->view);
		free(s);
		return text;
	}
	wish(l, request->verb == CONTROL_PING ? SESSION_EVENT_PING : SESSION_EVENT_REKEY,
	     &request->wish);
	return NULL;
}

void loop_forget(void *ctx, control_ticket ticket)
{
	struct loop *l = ctx;
	const struct session_wish w = { .id = ticket };

	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (l->looks[i].ticket == ticket)
			l->looks[i].ticket = 0;
	wish(l, SESSION_EVENT_FORGET, &w);
}
