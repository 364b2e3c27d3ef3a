/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of `check` share. */
#ifndef GODWIT_CLIENT_CHECK_IMPL_H
#define GODWIT_CLIENT_CHECK_IMPL_H

#include "client/config.h"

#define EXPLAIN_LABEL "  %-16s"

/* The rules in their order, a sentence each; nothing when there are none. */
void explain_rules(const struct session_config *s, FILE *out);
/* How packets wait for their keys. */
void explain_hold(const struct config *c, FILE *out);
/* Who is told on this host which servers to ask, and for what. */
void explain_dns(const struct config *config, const struct dns_host *h, FILE *out);

#endif
