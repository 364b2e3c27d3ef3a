/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/runtime.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/dns.h"

/* What the script is doing about the effect TUN. */
enum setup_wait {
	WAIT_NONE,
	WAIT_DISCONNECT, /* from the addresses before */
	WAIT_CONNECT,
};

struct setup {
	struct host *host;
	struct hooks *hooks;
	enum setup_wait wait;
	bool dns; /* its end is waited for, too */
	bool told; /* the script knows of env, or of what was in it before */
	unsigned attempts; /* runs of attempt-reconnect that have not ended */
	struct hooks_env env;
	/* The effect at hand, kept while a script runs, and what it borrows. */
	struct session_effect fx;
	struct addr inner[SESSION_INNER_MAX];
	struct prefix routes[SESSION_ROUTES_MAX];
	struct prefix excludes[HOOKS_SPLITS_MAX];
	struct policy policy;
	struct ike_assigned assigned;
};

struct setup *setup_new(struct host *host, struct hooks *hooks)
{
	struct setup *s = xcalloc(1, sizeof(*s));

	s->host = host;
	s->hooks = hooks;
	return s;
}

void setup_free(struct setup *s)
{
	free(s);
}

static void setup_keep(struct setup *s, const struct session_effect *fx)
{
	s->fx = *fx;
	memcpy(s->inner, fx->tun.inner, fx->tun.ninner * sizeof(s->inner[0]));
	if (fx->tun.nroutes)
		memcpy(s->routes, fx->tun.routes, fx->tun.nroutes * sizeof(s->routes[0]));
	if (fx->tun.nexcludes)
		memcpy(s->excludes, fx->tun.excludes, fx->tun.nexcludes * sizeof(s->excludes[0]));
	s->fx.tun.inner = s->inner;
	s->fx.tun.routes = s->routes;
	s->fx.tun.excludes = s->excludes;
	s->assigned = (struct ike_assigned){ 0 };
	if (fx->tun.assigned)
		s->assigned = *fx->tun.assigned;
	s->fx.tun.assigned = &s->assigned;
	if (!fx->tun.policy)
		return;
	s->policy = *fx->tun.policy;
	s->fx.tun.policy = &s->policy;
}

/* The kernel's part; then those of DNS and of the script, if there are any. */
static enum setup_state setup_apply(struct setup *s, char why[200])
{
	s->wait = WAIT_NONE;
	if (host_apply(s->host, &s->fx, why) != 0)
		return SETUP_FAILED;
	if (s->host->dns)
		s->dns = dns_begin(s->host->dns, s->host, s->hooks, &s->fx, &s->env);
	if (!s->hooks->options->script)
		return s->dns ? SETUP_WAITS : SETUP_READY;
	if (!hooks_run(s->hooks, HOOKS_CONNECT, &s->env)) {
		snprintf(why, 200, "the script cannot be run any more");
		return SETUP_FAILED;
	}
	s->told = true;
	s->wait = WAIT_CONNECT;
	return SETUP_WAITS;
}

/* Addresses stay. Of other names a script hears with its next connect: it knows no word for them alone. */
static enum setup_state setup_again(struct setup *s, const struct session_effect *fx, char why[200])
{
	struct dns *dns = s->host->dns;

	if (host_apply(s->host, fx, why) != 0)
		return SETUP_FAILED;
	if (fx->tun.names && dns && dns->by != DNS_BY_SCRIPT)
		dns_begin(dns, s->host, s->hooks, fx, &s->env);
	return SETUP_READY;
}

enum setup_state setup_tun(struct setup *s, const struct session_effect *fx, char why[200])
{
	const struct session_config *config = &s->host->config->session;

	if (fx->tun.ninner > SESSION_INNER_MAX || fx->tun.nroutes > SESSION_ROUTES_MAX ||
	    fx->tun.nexcludes > HOOKS_SPLITS_MAX) {
		snprintf(why, 200, "too many networks for one tunnel");
		return SETUP_FAILED;
	}
	if (fx->tun.again)
		return setup_again(s, fx, why);
	setup_keep(s, fx);
	hooks_env_make(config, s->host->tun.name, fx, &s->env);
	if (s->told && hooks_run(s->hooks, HOOKS_DISCONNECT, NULL)) {
		s->told = false;
		s->wait = WAIT_DISCONNECT;
	}
	return s->wait == WAIT_DISCONNECT ? SETUP_WAITS : setup_apply(s, why);
}

bool setup_find_path(struct setup *s, const struct addr *remote)
{
	if (!s->told)
		return false;
	s->env.gateway = *remote;
	if (!hooks_run(s->hooks, HOOKS_ATTEMPT_RECONNECT, &s->env))
		return false;
	s->attempts++;
	return true;
}

void setup_reconnected(struct setup *s)
{
	if (s->told)
		hooks_run(s->hooks, HOOKS_RECONNECT, &s->env);
}

const char *setup_banner(const struct setup *s)
{
	return s->hooks->options->script ? "" : s->env.banner;
}

/* What comes later than it was waited for tells of a change. */
enum setup_state setup_dns_ended(struct setup *s, const struct hooks_result *r)
{
	bool waited = s->dns;

	s->dns = false;
	if (s->host->dns)
		dns_ended(s->host->dns, r);
	return waited && s->wait == WAIT_NONE ? SETUP_READY : SETUP_WAITS;
}

enum setup_state setup_script_ended(struct setup *s, const struct hooks_result *r, char why[200])
{
	if (r->reason == HOOKS_DISCONNECT && s->wait == WAIT_DISCONNECT)
		return setup_apply(s, why);
	if (r->reason == HOOKS_CONNECT && s->wait == WAIT_CONNECT) {
		s->wait = WAIT_NONE;
		if (r->status == 0)
			return s->dns ? SETUP_WAITS : SETUP_READY;
		snprintf(why, 200, "the script %.60s %.120s", s->hooks->options->script, r->why);
		return SETUP_FAILED;
	}
	if (r->reason == HOOKS_ATTEMPT_RECONNECT && s->attempts && --s->attempts == 0)
		return SETUP_PATH;
	return SETUP_WAITS;
}

enum setup_state setup_script_lost(struct setup *s)
{
	enum setup_state state = s->wait != WAIT_NONE ? SETUP_FAILED :
				 s->dns		      ? SETUP_READY :
				 s->attempts	      ? SETUP_PATH :
							SETUP_WAITS;

	s->dns = false;
	if (s->host->dns)
		dns_lost(s->host->dns);
	s->wait = WAIT_NONE;
	s->attempts = 0;
	s->told = false;
	return state;
}
