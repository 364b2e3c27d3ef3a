/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/loop_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/service.h"
#include "net/dns_message.h"

/* ---- answers ---- */

struct waiting *loop_wait(struct loop *l, enum session_event_type type)
{
	struct waiting *w = &l->waiting[l->nwaiting];

	/* One answer for each question, and the session has at most one of a kind. */
	if (l->nwaiting == EVENTS_MAX)
		abort();
	l->nwaiting++;
	*w = (struct waiting){ .ev.type = type };
	return w;
}

/* ---- effects ---- */

static void loop_find_path(struct loop *l)
{
	struct net_route route;
	struct waiting *w;

	if (net_router_get(&l->o.host->router, &l->remote, &route) == 0) {
		w = loop_wait(l, SESSION_EVENT_PATH);
		w->ev.path.local = route.source;
		w->ev.path.mtu = route.mtu;
		return;
	}
	w = loop_wait(l, SESSION_EVENT_NO_PATH);
	snprintf(w->text, sizeof(w->text), "%s",
		 errno == ENETUNREACH ? "the network is unreachable" : strerror(errno));
	w->ev.text = w->text;
}

/* Once there was a connection the script may have to repair the route to the gateway first. */
static void effect_find_path(struct loop *l, const struct addr *remote)
{
	l->remote = *remote;
	if (!l->was_up || !setup_find_path(l->setup, remote))
		loop_find_path(l);
}

static void effect_find_mtu(struct loop *l, const struct addr *remote)
{
	struct waiting *w = loop_wait(l, SESSION_EVENT_PATH_MTU);
	struct net_route route;

	w->ev.path_mtu.remote = *remote;
	if (net_router_get(&l->o.host->router, remote, &route) == 0)
		w->ev.path_mtu.mtu = route.mtu;
}

/* The facts are read when they are handed over, so that they are the latest. */
static void effect_look(struct loop *l, const struct session_effect *fx)
{
	l->nlook = fx->look.n;
	memcpy(l->look, fx->look.remotes, fx->look.n * sizeof(l->look[0]));
	if (!l->looking)
		loop_wait(l, SESSION_EVENT_FACTS);
	l->looking = true;
}

void loop_deliver_facts(struct loop *l, struct waiting *w)
{
	struct host_facts *facts = xcalloc(1, sizeof(*facts));

	l->looking = false;
	w->ev.facts = host_look(l->o.host, l->look, l->nlook, facts) == 0 ? &facts->paths : NULL;
	session_event(l->session, l->o.log->now, &w->ev);
	free(facts);
}

static void effect_tun_mtu(struct loop *l, unsigned mtu)
{
	if (host_set_mtu(l->o.host, mtu) != 0)
		log_ev(l->o.log, LOG_WARN, "cannot set the MTU", log_u64("mtu", mtu),
		       log_str("why", strerror(errno)));
}

void loop_setup(struct loop *l, enum setup_state state, const char *why)
{
	struct waiting *w;

	switch (state) {
	case SETUP_WAITS:
		break;
	case SETUP_READY:
		loop_wait(l, SESSION_EVENT_TUN_READY);
		break;
	case SETUP_FAILED:
		w = loop_wait(l, SESSION_EVENT_TUN_FAILED);
		snprintf(w->text, sizeof(w->text), "%s", why);
		break;
	case SETUP_PATH:
		loop_find_path(l);
		break;
	}
}

static void effect_tun(struct loop *l, const struct session_effect *fx)
{
	char why[200] = "";

	/* The script writes where the steps are shown. */
	if (!fx->tun.again)
		progress_break(l->o.progress);
	loop_setup(l, setup_tun(l->setup, fx, why), why);
	if (!fx->tun.again)
		progress_banner(l->o.progress, setup_banner(l->setup));
}

void loop_script_ended(struct loop *l, const struct hooks_result *r)
{
	char why[200] = "";

	if (r->status != 0)
		log_ev(l->o.log, LOG_WARN, "the script has failed",
		       log_str("reason", hooks_reason_name(r->reason)), log_str("why", r->why));
	loop_setup(l, setup_script_ended(l->setup, r, why), why);
}

/* ---- it is up ---- */

static void tell_up(struct loop *l)
{
	if (l->told_up)
		return;
	l->told_up = true;
	l->o.up(l->o.ctx);
	service_ready();
}

void loop_check_dns(struct loop *l)
{
	const struct host *h = l->o.host;
	struct addr servers[DNS_SERVERS_MAX];
	const char *name = "";
	unsigned n = 0;

	/*
	 * A tunnel that waits for its first packet is not to be woken by ours. Who calls us as vpnc may
	 * set the routes only after this, and takes every line for the gateway's.
	 */
	if (h->dns && !h->config->session.on_demand && l->o.ask->o.manner != CLIENT_VPNC)
		n = dns_to_check(h->dns, servers, &name);
	if (!dns_check_begin(&l->dns, servers, n, DNS_PORT, name, l->o.rng))
		tell_up(l);
}

void loop_dns_checked(struct loop *l)
{
	struct addr silent[DNS_SERVERS_MAX];
	unsigned n = dns_check_silent(&l->dns, silent);

	l->o.log->now = runtime_now();
	progress_break(l->o.progress);
	dns_checked(l->o.host->dns, silent, n, l->dns.n);
	tell_up(l);
}

/* ---- questions ---- */

void loop_ask(struct loop *l)
{
	struct ask *a = l->o.ask;
	char question[ASK_TEXT_MAX];
	struct waiting *w;
	enum ask_state state = ask_advance(a, hooks_has_password(l->o.hooks));

	if (state == ASK_COMMAND && !hooks_password(l->o.hooks, ask_question(a, question))) {
		ask_commanded(a, slice(NULL, 0));
		state = ask_advance(a, false);
	}
	if (state != ASK_COMPLETE && state != ASK_REFUSED)
		return;
	w = loop_wait(l, SESSION_EVENT_ANSWER);
	w->ev.answer.id = a->q.id;
	w->ev.answer.refuse = state == ASK_REFUSED;
}

static void effect_ask(struct loop *l, const struct session_ask *q)
{
	struct session_info *info = xcalloc(1, sizeof(*info));

	session_info(l->session, info);
	ask_begin(l->o.ask, q, info->gateway, &info->path.remote.addr);
	free(info);
	service_status("the gateway asks for something: godwit answer %s", l->o.host->config->name);
	loop_ask(l);
}

static void effect_ask_end(struct loop *l, uint32_t id)
{
	if (l->o.ask->open && l->o.ask->q.id == id)
		ask_end(l->o.ask);
}

/* The values are borrowed from the question, which is over then. */
void loop_deliver_answer(struct loop *l, struct waiting *w)
{
	struct ask *a = l->o.ask;

	if (!a->open || a->q.id != w->ev.answer.id)
		return;
	for (unsigned f = 0; f < XAUTH_FIELDS; f++)
		w->ev.answer.value[f] = secret_slice(&a->value[f]);
	if (a->q.fields & 1u << XAUTH_USERNAME)
		memcpy(l->user, a->user, sizeof(l->user));
	session_event(l->session, l->o.log->now, &w->ev);
	ask_end(a);
}

static void effect_keys(struct loop *l, const struct session_effect *fx)
{
	if (fx->keys.child)
		keylog_child(&l->o.host->keylog, fx->keys.child, &fx->keys.path);
	else
		keylog_ike(&l->o.host->keylog, fx->keys.cookie_i, fx->keys.key);
}

static void effect_state(struct loop *l, const struct session_effect *fx)
{
	progress_step(l->o.progress, session_step_name(fx->state.step), fx->state.done,
		      fx->state.took, fx->state.text);
	if (!fx->state.done)
		l->step = fx->state.step;
	if (!fx->state.done)
		service_status("%s: %s", session_step_name(fx->state.step), fx->state.text);
	if (fx->state.step == STEP_PHASE1 && !fx->state.done && !l->was_up)
		ask_login_begins(l->o.ask);
	if (fx->state.step != STEP_UP || !fx->state.done)
		return;
	service_status("up on %s", l->o.host->tun.name);
	if (l->was_up) {
		setup_reconnected(l->setup);
		names_soon(l->names);
	}
	l->was_up = true;
	loop_check_dns(l);
}

static const char *method_name(enum ike_auth auth)
{
	switch (auth) {
	case IKE_AUTH_PSK:
		return "psk";
	case IKE_AUTH_RSA:
		return "certificate";
	case IKE_AUTH_HYBRID:
		break;
	}
	return "hybrid";
}

static void list_suites(const struct ike_config *ike, char *out, size_t size)
{
	char name[48];

	out[0] = '\0';
	for (unsigned i = 0; i < ike->nsuites; i++) {
		size_t n = strlen(out);

		snprintf(out + n, size - n, "%s%s", i ? "," : "",
			 ike_suite_name(&ike->suites[i], name));
	}
}

/*
 * What the gateway would accept instead, after it has refused our proposals: "; " and a clause; ""
 * where that is not known.
 */
static const char *advice_of(struct loop *l, const struct session_effect *fx, char buf[300])
{
	const struct ike_config *ike = &l->o.host->config->session.ike;
	char address[ADDR_TEXT_MAX], proposals[64 * IKE_SUITES_MAX], group[IKE_ID_MAX + 1];
	struct client_refusal r = {
		.address = addr_text(&l->remote, address),
		.proposals = proposals,
		.method = method_name(ike->auth),
		.xauth = ike->xauth,
		.group = ike->mode == IKE_MODE_AGGRESSIVE ? group : NULL,
	};

	if (!l->o.advise || fx->done.exit != SESSION_EXIT_NO_PROPOSAL || l->was_up ||
	    l->step != STEP_PHASE1)
		return "";
	list_suites(ike, proposals, sizeof(proposals));
	snprintf(group, sizeof(group), "%.*s", (int)ike->local.n, (const char *)ike->local.data);
	memcpy(buf, "; ", 2);
	return l->o.advise(&r, buf + 2, 300 - 2) ? buf : "";
}

/* What is known of the gateway takes the place of what may be so. */
static void complain(struct loop *l, const struct session_effect *fx)
{
	const char *text = fx->done.text, *general = strstr(text, SESSION_WRITE_IKE);
	char buf[300];
	const char *advice = advice_of(l, fx, buf);

	fprintf(l->o.err, "godwit: %.*s%s\n",
		advice[0] && general ? (int)(general - text) : (int)strlen(text), text, advice);
}

static void effect_done(struct loop *l, const struct session_effect *fx)
{
	l->exit = fx->done.exit;
	l->over = true;
	service_stopping();
	if (fx->done.exit != SESSION_EXIT_UP)
		service_status("%s", fx->done.text);
	ask_end(l->o.ask);
	progress_break(l->o.progress);
	if (l->broken) {
		l->exit = SESSION_EXIT_LOST;
	} else if (l->exit == SESSION_EXIT_UP && !l->told_up) {
		l->exit = SESSION_EXIT_LOST;
		fputs(CONNECT_INTERRUPTED, l->o.err);
	} else if (l->exit != SESSION_EXIT_UP) {
		complain(l, fx);
	}
	uv_stop(&l->uv);
}

/* The check handle, which comes next, gives the answer to the session. */
static void on_resolved(void *ctx, const struct addr *addrs, unsigned n, const char *why)
{
	struct loop *l = ctx;
	struct waiting *w = loop_wait(l, SESSION_EVENT_RESOLVED);

	l->lookup = NULL;
	w->ev.resolved.n = n;
	memcpy(w->addrs, addrs, n * sizeof(w->addrs[0]));
	snprintf(w->text, sizeof(w->text), "%s", why ? why : "");
}

static void effect_resolve(struct loop *l, const char *name)
{
	struct addr addr;

	if (addr_parse(name, &addr))
		on_resolved(l, &addr, 1, NULL);
	else
		l->lookup = lookup_begin(&l->uv, name, SESSION_ADDRESSES_MAX, on_resolved, l);
}

void loop_carry_out(struct loop *l, const struct session_effect *fx)
{
	if (data_carry_out(l->data, l->o.host, l->o.log, fx))
		return;
	switch (fx->type) {
	case SESSION_EFFECT_STATE:
		effect_state(l, fx);
		break;
	case SESSION_EFFECT_RESOLVE:
		effect_resolve(l, fx->name);
		break;
	case SESSION_EFFECT_FIND_PATH:
		effect_find_path(l, &fx->remote);
		break;
	case SESSION_EFFECT_FIND_MTU:
		effect_find_mtu(l, &fx->remote);
		break;
	case SESSION_EFFECT_LOOK:
		effect_look(l, fx);
		break;
	case SESSION_EFFECT_TUN:
		effect_tun(l, fx);
		break;
	case SESSION_EFFECT_TUN_MTU:
		effect_tun_mtu(l, fx->mtu);
		break;
	case SESSION_EFFECT_ASK:
		effect_ask(l, &fx->ask);
		break;
	case SESSION_EFFECT_ASK_END:
		effect_ask_end(l, fx->ask_id);
		break;
	case SESSION_EFFECT_KEYS:
		effect_keys(l, fx);
		break;
	case SESSION_EFFECT_GRANTED:
		loop_granted(l, &fx->granted);
		break;
	case SESSION_EFFECT_DONE:
		effect_done(l, fx);
		break;
	case SESSION_EFFECT_SEND: /* done above */
	case SESSION_EFFECT_KEEPALIVE:
	case SESSION_EFFECT_PUBLISH_RULES:
	case SESSION_EFFECT_PUBLISH_SLOT:
	case SESSION_EFFECT_PUBLISH_SPI:
	case SESSION_EFFECT_OFFER_SPI:
	case SESSION_EFFECT_WITHDRAW_SPI:
	case SESSION_EFFECT_REFUSE_SLOT:
	case SESSION_EFFECT_PROBE:
	case SESSION_EFFECT_PROBE_KEY:
	case SESSION_EFFECT_RETIRE:
	case SESSION_EFFECT_RETIRE_PATH:
	case SESSION_EFFECT_RETIRE_LIMIT:
		break;
	}
}
