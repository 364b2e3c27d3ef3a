/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/session_impl.h"

#define KEEPALIVE_EVERY (20 * VTIME_S) /* RFC 3948 section 4 */

/* Something that the gateway may want to reach us for. */
static bool have_sas(const struct session *s)
{
	for (unsigned k = 0; k < SESSION_IKES_MAX; k++)
		if (s->ike[k].sa && s->ike[k].authenticated)
			return true;
	for (unsigned i = 0; i < s->net.ntunnels; i++)
		if (!session_epochs_none(s, i))
			return true;
	return false;
}

static bool is_wanted(const struct session *s)
{
	return !session_roam_holds(s) && (s->nat == NAT_LOCAL || s->nat == NAT_BOTH) &&
	       s->path.encapsulation == ENCAPSULATION_UDP && s->path.local.port == IKE_NATT_PORT &&
	       have_sas(s);
}

vtime session_keepalive_due_at(const struct session *s)
{
	return is_wanted(s) ? vtime_add(s->sent_at, KEEPALIVE_EVERY) : VTIME_NEVER;
}

void session_keepalive_sent(struct session *s, vtime now, const struct session_effect *fx)
{
	const bool to_gateway = fx->type == SESSION_EFFECT_SEND &&
				fx->send.from.port == IKE_NATT_PORT &&
				endpoint_eq(&fx->send.to, &s->path.remote);

	if (to_gateway || fx->type == SESSION_EFFECT_PROBE || fx->type == SESSION_EFFECT_KEEPALIVE)
		s->sent_at = now;
}

/* When the host's data went out last, as far as there are SAs that know. */
static vtime data_sent_at(const struct session *s)
{
	vtime last = 0;

	for (unsigned i = 0; i < s->net.ntunnels; i++) {
		for (unsigned k = 0; k < EPOCHS_MAX; k++) {
			const struct esp_out *out = s->tunnels[i].epoch[k].out;
			/* Relaxed: the time stands alone. */
			vtime at = out ? atomic_load_explicit(&esp_out_counters(out)->data_at,
							      memory_order_relaxed) :
					 0;

			if (at > last)
				last = at;
		}
	}
	return last;
}

void session_keepalive_due(struct session *s, vtime now)
{
	struct session_effect *fx;
	vtime last = data_sent_at(s);

	if (last > s->sent_at)
		s->sent_at = last;
	if (!is_wanted(s) || vtime_add(s->sent_at, KEEPALIVE_EVERY) > now ||
	    session_probes_hasten(s, now))
		return;
	fx = session_effect_add(s, SESSION_EFFECT_KEEPALIVE);
	fx->send.from = s->path.local;
	fx->send.to = s->path.remote;
}
