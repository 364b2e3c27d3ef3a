/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the event log is told of exchanges, as docs/events.md has it. */
#include "ike/sa.h"

void sa_exchange_told(struct ike_sa *sa, const struct exchange *x, const char *what,
		      const char *why)
{
	const struct log_field none = { .type = LOG_END };

	log_ev(sa->log, LOG_DEBUG, what, log_str("exchange", x->type->name),
	       log_hex("id", 4, x->id), log_str("by", x->type->message[0].consume ? "peer" : "us"),
	       why ? log_str("why", why) : none);
}

void sa_exchange_lost(struct ike_sa *sa, vtime now, struct exchange *x,
		      const struct ike_failure *why)
{
	sa_exchange_told(sa, x, "exchange failed", why->text ? why->text : err_name(why->err));
	x->type->lost(sa, now, x, why);
}
