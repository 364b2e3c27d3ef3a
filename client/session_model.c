/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdio.h>

#include "client/session.h"

/* "200ms", "2s", "1500ms" */
static const char *time_text(vtime t, char buf[24])
{
	if (t % VTIME_S == 0)
		snprintf(buf, 24, "%" PRIu64 "s", t / VTIME_S);
	else
		snprintf(buf, 24, "%" PRIu64 "ms", t / VTIME_MS);
	return buf;
}

/* Up to what a person can write. */
static vtime ms_up(vtime t)
{
	return (t + VTIME_MS - 1) / VTIME_MS * VTIME_MS;
}

bool session_nat_warning(const struct session_config *c, enum nat_model_fault fault,
			 char buf[SESSION_WARNING_MAX])
{
	const struct nat_model *nat = &c->nat_model;
	const struct prober_config probes = session_prober_config(c);
	struct nat_model_advice advice;
	char is[24], need[24], tout[24], lossy[24];

	if (!(nat_model_check(nat, &probes, &advice) & fault))
		return false;
	time_text(nat->tout, tout);
	switch (fault) {
	case NAT_MODEL_PINGTIME:
		snprintf(buf, SESSION_WARNING_MAX,
			 "[nat] pingtime = %s: a NAT that lets %u packets through in %s (nat-nout, "
			 "nat-tout) may drop our repetitions; %s or more would do",
			 time_text(c->pingtime, is), nat->nout, tout,
			 time_text(ms_up(advice.pingtime), need));
		return true;
	case NAT_MODEL_PINGTRIES:
		snprintf(buf, SESSION_WARNING_MAX,
			 "[nat] pingtries = %u: %u clients (nat-clients) may keep a NAT from "
			 "passing our pings, for %s each (nat-tout), and it would be over "
			 "before; with a pingtime of %s %u or more would do",
			 c->pingtries, nat->clients, tout,
			 time_text(ms_up(advice.pingtime > c->pingtime ? advice.pingtime :
									 c->pingtime),
				   need),
			 advice.pingtries);
		return true;
	case NAT_MODEL_MAXIDLE:
		snprintf(buf, SESSION_WARNING_MAX,
			 "[nat] maxidle = %s: a NAT forgets us after %s of silence (nat-tei); less "
			 "than %s would do%s%s",
			 c->maxidle ? time_text(c->maxidle, is) : "0", time_text(nat->tei, need),
			 time_text(advice.maxidle, tout),
			 advice.maxidle_lossy ? ", or where pings are lost less than " : "",
			 advice.maxidle_lossy ? time_text(advice.maxidle_lossy, lossy) : "");
		return true;
	}
	return false;
}

struct prober_config session_prober_config(const struct session_config *c)
{
	return (struct prober_config){
		.pingtime = c->pingtime,
		.pingtries = c->pingtries,
		.maxidle = c->maxidle,
		.pingtime2 = c->pingtime2,
		.pingtries2 = c->pingtries2,
	};
}
