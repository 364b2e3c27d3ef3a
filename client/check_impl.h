/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of `check` share. */
#ifndef GODWIT_CLIENT_CHECK_IMPL_H
#define GODWIT_CLIENT_CHECK_IMPL_H

#include "client/config.h"

#define EXPLAIN_LABEL "  %-16s"
#define EXPLAIN_COLUMN 18 /* where the text behind a label begins */
/* The heading of what has labels. */
#define EXPLAIN_DETAIL "In detail"

/* The rules in their order, a sentence each; nothing when there are none. */
void explain_rules(const struct session_config *s, FILE *out);
/* How packets wait for their keys. */
void explain_hold(const struct config *c, FILE *out);
/* Who is told on this host which servers to ask, and for what. */
void explain_dns(const struct config *config, const struct dns_host *h, FILE *out);

/* ---- check_story.c ---- */

/* The connection in sentences. */
void check_story(const struct config *c, FILE *out);
/* All of this family goes through the tunnel, as far as the configuration says. */
bool check_is_covered(const struct session_config *s, enum family family);

/* ---- check_warn.c ---- */

/* A line for each choice that is weak, with the reason. */
void check_warn(const struct config *c, FILE *err);
/* What a key is worth to a guesser, in bits, at best. */
unsigned check_psk_bits(struct slice psk);

#endif
