/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/option_values.h"

/* A duration in ms, which the session counts in its own unit. */
static bool duration_ms(const struct option *o, struct option_value *v, vtime *out)
{
	uint32_t ms = 0;

	if (!duration_parse_ms(v->text, &ms) || ms < o->min || ms > o->max)
		return option_refuse_all(o, v);
	*out = ms * VTIME_MS;
	return true;
}

/* ---- pings ---- */

bool value_maxidle(struct config_draft *d, const struct option *o, struct option_value *v)
{
	d->config->session.maxidle = 0;
	return strcmp(v->text, "0") == 0 || duration_ms(o, v, &d->config->session.maxidle);
}

bool value_pingtime(struct config_draft *d, const struct option *o, struct option_value *v)
{
	return duration_ms(o, v, &d->config->session.pingtime);
}

bool value_pingtries(struct config_draft *d, const struct option *o, struct option_value *v)
{
	return option_count(o, v, "", &d->config->session.pingtries);
}

bool value_pingtime2(struct config_draft *d, const struct option *o, struct option_value *v)
{
	return duration_ms(o, v, &d->config->session.pingtime2);
}

bool value_pingtries2(struct config_draft *d, const struct option *o, struct option_value *v)
{
	return option_count(o, v, "", &d->config->session.pingtries2);
}

bool value_ping_target(struct config_draft *d, const struct option *o, struct option_value *v)
{
	struct addr *targets = d->config->session.ping_targets, a;
	struct option_list l = { .text = v->text };

	while (option_list_next(&l)) {
		struct addr *to;

		if (!addr_parse(l.item, &a) || !addr_is_host(&a))
			return option_refuse(v, l.at, l.item, "expected %s", o->expect);
		to = &targets[a.family == FAMILY_IP6];
		if (to->family != FAMILY_NONE)
			return option_refuse(v, l.at, l.item, "a second IPv%d address; expected %s",
					     (int)a.family, o->expect);
		*to = a;
	}
	return true;
}

/* ---- negotiations ---- */

bool value_elimit(struct config_draft *d, const struct option *o, struct option_value *v)
{
	return option_count(o, v, "", &d->config->session.elimit);
}

bool value_timeout(struct config_draft *d, const struct option *o, struct option_value *v)
{
	uint32_t seconds = 0;

	if (!option_duration(o, v, &seconds))
		return false;
	d->config->session.ike.timeout = seconds * VTIME_S;
	return true;
}

bool value_ignore(struct config_draft *d, const struct option *o, struct option_value *v)
{
	(void)o;
	d->config->session.ignore_peer_rekey = strcmp(v->text, "auto") == 0 ? SESSION_IGNORE_AUTO :
					       strcmp(v->text, "yes") == 0  ? SESSION_IGNORE_YES :
									      SESSION_IGNORE_NO;
	return true;
}

/* ---- the NAT ---- */

bool value_nat_tout(struct config_draft *d, const struct option *o, struct option_value *v)
{
	return duration_ms(o, v, &d->config->session.nat_model.tout);
}

bool value_nat_nout(struct config_draft *d, const struct option *o, struct option_value *v)
{
	return option_count(o, v, "", &d->config->session.nat_model.nout);
}

bool value_nat_tei(struct config_draft *d, const struct option *o, struct option_value *v)
{
	return duration_ms(o, v, &d->config->session.nat_model.tei);
}

bool value_nat_clients(struct config_draft *d, const struct option *o, struct option_value *v)
{
	return option_count(o, v, "", &d->config->session.nat_model.clients);
}
