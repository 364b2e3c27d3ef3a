/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a failed negotiation means for a person: session_advice.c has the words. */
#ifndef GODWIT_CLIENT_SESSION_ADVICE_H
#define GODWIT_CLIENT_SESSION_ADVICE_H

#include "client/session_impl.h"

#define SESSION_ADVICE_MAX 640

/* What the failure means here and what to do, to be put behind it; "" where that says nothing more. */
const char *session_advice(const struct session *s, const struct ike_failure *why,
			   char buf[SESSION_ADVICE_MAX]);
void session_unreachable_event(struct session *s, const struct session_unreachable *u);

#endif
